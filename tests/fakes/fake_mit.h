/** @file fake_mit.h @brief Motors of MIT mode at the far end of a fake CAN line: registers, states
 * and a simple rotor. */
#ifndef FAKE_MIT_H
#define FAKE_MIT_H

#include "fake_can_line.h"
#include "mit_frame.h"

#define FAKE_MIT_MOTORS    6
#define FAKE_MIT_REGISTERS 82

struct fake_mit {
    uint8_t node;
    uint16_t master_id; /* identifier of its answers, at init register 7 */
    struct mit_ranges ranges;
    uint8_t registers[FAKE_MIT_REGISTERS][4];
    uint8_t status;         /* enum mit_status */
    uint8_t error_on_clear; /* what a clear leaves behind; 0: nothing */
    bool is_silent;         /* neither hears nor answers */
    bool ignores_enable;
    bool keeps_command; /* enable does not forget what it was told before */
    bool ignores_disable;
    bool ignores_writes;
    bool has_raw; /* states carry these 7 bytes behind the first, whatever it does */
    uint8_t raw[7];
    tenon_ns_t delay_ns; /* between a frame and its answer; 50 us by init */
    /* The rotor. */
    double position_rad; /* sent modulo twice the range */
    double velocity_rad_s;
    double load_nm; /* turns it upwards */
    double inertia;
    double torque_nm;
    struct mit_command command; /* newest */
    /* What has happened. */
    uint8_t command_bytes[8];
    uint32_t command_count;
    uint32_t heard_count;
    uint32_t enable_count;
    uint32_t disable_count;
    uint32_t clear_count;
    uint32_t write_count;
    double
        jump_nm; /* largest step of torque between two commands while enabled, or as it came on */
    tenon_ns_t heard_ns;
    tenon_ns_t moved_ns;
};

struct fake_mit_world {
    struct fake_mit motors[FAKE_MIT_MOTORS];
    size_t count;
};

/* Bind a world to a line. */
void fake_mit_world_init(struct fake_mit_world *self, struct fake_can_line *line);
/* A DM4310 as from the factory, but for the identifier of its answers. */
struct fake_mit *fake_mit_add(struct fake_mit_world *self, uint8_t node, uint16_t master_id);
/* Time passes: rotors turn, silence is noticed. */
void fake_mit_advance(struct fake_mit_world *self, tenon_ns_t now);
/* Registers, low byte first. */
uint32_t fake_mit_get(const struct fake_mit *self, uint8_t rid);
void fake_mit_set(struct fake_mit *self, uint8_t rid, uint32_t value);
void fake_mit_set_float(struct fake_mit *self, uint8_t rid, float value);

#endif
