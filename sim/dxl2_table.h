/* The control tables of the virtual servos: what is where, who may touch it, and within which
 * bounds. */
#ifndef TENON_SIM_DXL2_TABLE_H
#define TENON_SIM_DXL2_TABLE_H

#include "plant.h"
#include "tenon/sim.h"
#include "x_registers.h"

struct tenon__sim_model {
    const char *name;
    uint16_t number;
    uint8_t firmware;
    uint8_t index;           /* column in the item table */
    bool has_current;        /* senses current: has modes 0 and 5 */
    double current_unit_a;   /* of Present Current; 0: Present Load instead */
    uint16_t indirect_count; /* entries of the first block, at X_INDIRECT_ADDRESS */
    uint16_t indirect_data;  /* where their data begins */
    uint16_t indirect2_at;   /* second block; 0: there is none */
    uint16_t indirect2_data;
    uint16_t indirect_max; /* largest address they may point to */
    struct tenon__sim_motor_data motor;
};

struct tenon__sim_item {
    uint16_t address;
    uint8_t width;
    bool is_read_only;
    int32_t min;
    int32_t max;
    int32_t initial;
};

/* NULL: no such model. */
const struct tenon__sim_model *tenon__sim_model_find(const char *name);

/* The item of this model that covers an address. @return false: the address is undefined. */
bool tenon__sim_item_find(const struct tenon__sim_model *model,
                          uint16_t address,
                          struct tenon__sim_item *out);

/* Give every item in [from, to) its initial value, and everything else there 0. */
void tenon__sim_table_reset(struct tenon_sim_servo *servo, uint16_t from, uint16_t to);

/* The address behind an indirect data byte; any other address is itself. */
uint16_t tenon__sim_table_resolve(const struct tenon_sim_servo *servo, uint16_t address);

/* Both answer a protocol error number (enum dxl2_error). Reading never fails halfway: nothing is
 * stored then. */
uint8_t tenon__sim_table_read(const struct tenon_sim_servo *servo,
                              uint16_t address,
                              uint16_t count,
                              uint8_t *out);
uint8_t tenon__sim_table_check_write(const struct tenon_sim_servo *servo,
                                     uint16_t address,
                                     const uint8_t *bytes,
                                     uint16_t count);
/* Store what check_write has passed, with all effects. */
void tenon__sim_table_write(struct tenon_sim_servo *servo,
                            uint16_t address,
                            const uint8_t *bytes,
                            uint16_t count);

/* Bit/s of a Baud Rate register value; 0: not a baud. And back; negative: not a baud of this model.
 */
uint32_t tenon__sim_baud_of(uint8_t code);
int tenon__sim_baud_code(const struct tenon__sim_model *model, uint32_t baud);

/* Raw access. Width 1, 2 or 4; `load` gives the sign that a register of that width has when it is
 * signed. */
int32_t tenon__sim_load(const uint8_t *bytes, uint8_t width, bool is_signed);
void tenon__sim_store(uint8_t *bytes, uint8_t width, int32_t value);

static inline uint8_t tenon__sim_u8(const struct tenon_sim_servo *servo, uint16_t address)
{
    return servo->table[address];
}

static inline uint16_t tenon__sim_u16(const struct tenon_sim_servo *servo, uint16_t address)
{
    return (uint16_t)tenon__sim_load(servo->table + address, 2, false);
}

static inline int32_t tenon__sim_s16(const struct tenon_sim_servo *servo, uint16_t address)
{
    return tenon__sim_load(servo->table + address, 2, true);
}

static inline int32_t tenon__sim_s32(const struct tenon_sim_servo *servo, uint16_t address)
{
    return tenon__sim_load(servo->table + address, 4, true);
}

#endif
