#include "dxl2_table.h"

#include <string.h>

#include "control.h"
#include "dxl2_packet.h"

enum { XL330 = 0, XL430 = 1, XM430 = 2, MODEL_COUNT = 3 };

#define RPM(n) ((n)*0.10471975511965977) /* rad/s */

/*
 * Stall torque, stall current and no-load speed are the e-manual's at the rated voltage. Inertia
 * and friction are not published: inertia makes a mechanical time constant of about 25 ms, friction
 * is 1 to 2 % of stall torque.
 */
static const struct tenon__sim_model models[MODEL_COUNT] = {
    [XL330] = {.name = "xl330-m288",
               .number = 1200,
               .firmware = 46,
               .index = XL330,
               .has_current = true,
               .current_unit_a = 0.001,
               .indirect_count = 20,
               .indirect_data = 208,
               .indirect_max = 227,
               .motor = {.rated_v = 5.0,
                         .stall_nm = 0.52,
                         .stall_a = 1.47,
                         .no_load_rad_s = RPM(103.0),
                         .inertia_kg_m2 = 0.0012,
                         .coulomb_nm = 0.006,
                         .viscous_nm_s = 0.0003}},
    [XL430] = {.name = "xl430-w250",
               .number = 1060,
               .firmware = 45,
               .index = XL430,
               .indirect_count = 28,
               .indirect_data = 224,
               .indirect2_at = 578,
               .indirect2_data = 634,
               .indirect_max = 661,
               .motor = {.rated_v = 12.0,
                         .stall_nm = 1.5,
                         .stall_a = 1.4,
                         .no_load_rad_s = RPM(61.0),
                         .inertia_kg_m2 = 0.006,
                         .coulomb_nm = 0.018,
                         .viscous_nm_s = 0.001}},
    [XM430] = {.name = "xm430-w350",
               .number = 1020,
               .firmware = 45,
               .index = XM430,
               .has_current = true,
               .current_unit_a = 0.00269,
               .indirect_count = 28,
               .indirect_data = 224,
               .indirect2_at = 578,
               .indirect2_data = 634,
               .indirect_max = 661,
               .motor = {.rated_v = 12.0,
                         .stall_nm = 4.1,
                         .stall_a = 2.3,
                         .no_load_rad_s = RPM(46.0),
                         .inertia_kg_m2 = 0.02,
                         .coulomb_nm = 0.045,
                         .viscous_nm_s = 0.005}},
};

enum {
    ON_XL330 = 1 << XL330,
    ON_XL430 = 1 << XL430,
    ON_XM430 = 1 << XM430,
    ON_X430 = ON_XL430 | ON_XM430,
    ON_CURRENT = ON_XL330 | ON_XM430,
    ON_ALL = 7
};

struct row {
    uint16_t address;
    uint8_t width;
    uint8_t models;
    bool is_read_only;
    int32_t min;
    int32_t max;
    int32_t initial[MODEL_COUNT];
};

#define SAME(v)                                                                                    \
    {                                                                                              \
        (v), (v), (v)                                                                              \
    }
#define R(at, w, on, ...)                                                                          \
    {                                                                                              \
        at, w, on, true, INT32_MIN, INT32_MAX, __VA_ARGS__                                         \
    }
#define RU(at, w, on, ...)                                                                         \
    {                                                                                              \
        at, w, on, true, 0, INT32_MAX, __VA_ARGS__                                                 \
    }
#define W(at, w, on, lo, hi, ...)                                                                  \
    {                                                                                              \
        at, w, on, false, lo, hi, __VA_ARGS__                                                      \
    }

/* By address. Indirect addresses and data are not here: they follow from the model. */
static const struct row rows[] = {
    RU(X_MODEL_NUMBER, 2, ON_ALL, {1200, 1060, 1020}),
    RU(X_MODEL_INFORMATION, 4, ON_ALL, SAME(0)),
    RU(X_FIRMWARE_VERSION, 1, ON_ALL, {46, 45, 45}),
    W(X_ID, 1, ON_ALL, 0, 252, SAME(1)),
    W(X_BAUD_RATE, 1, ON_XL330, 0, 6, SAME(1)),
    W(X_BAUD_RATE, 1, ON_X430, 0, 7, SAME(1)),
    W(X_RETURN_DELAY, 1, ON_ALL, 0, 254, SAME(250)),
    W(X_DRIVE_MODE, 1, ON_ALL, 0, 13, SAME(0)),
    W(X_OPERATING_MODE, 1, ON_ALL, 0, 16, SAME(3)),
    W(X_SECONDARY_ID, 1, ON_ALL, 0, 255, SAME(255)),
    W(X_PROTOCOL_TYPE, 1, ON_XL330, 2, 22, SAME(2)),
    W(X_PROTOCOL_TYPE, 1, ON_X430, 1, 2, SAME(2)),
    W(X_HOMING_OFFSET, 4, ON_ALL, -1044479, 1044479, SAME(0)),
    W(X_MOVING_THRESHOLD, 4, ON_ALL, 0, 1023, SAME(10)),
    W(X_TEMPERATURE_LIMIT, 1, ON_ALL, 0, 100, {70, 72, 80}),
    W(X_MAX_VOLTAGE_LIMIT, 2, ON_XL330, 31, 70, SAME(70)),
    W(X_MAX_VOLTAGE_LIMIT, 2, ON_XL430, 60, 140, SAME(140)),
    W(X_MAX_VOLTAGE_LIMIT, 2, ON_XM430, 95, 160, SAME(160)),
    W(X_MIN_VOLTAGE_LIMIT, 2, ON_XL330, 31, 70, SAME(35)),
    W(X_MIN_VOLTAGE_LIMIT, 2, ON_XL430, 60, 140, SAME(60)),
    W(X_MIN_VOLTAGE_LIMIT, 2, ON_XM430, 95, 160, SAME(95)),
    W(X_PWM_LIMIT, 2, ON_ALL, 0, 885, SAME(885)),
    W(X_CURRENT_LIMIT, 2, ON_XL330, 0, 1750, SAME(1750)),
    W(X_CURRENT_LIMIT, 2, ON_XM430, 0, 1193, SAME(1193)),
    W(X_VELOCITY_LIMIT, 4, ON_XL330, 0, 2047, SAME(445)),
    W(X_VELOCITY_LIMIT, 4, ON_X430, 0, 1023, {0, 265, 200}),
    W(X_MAX_POSITION_LIMIT, 4, ON_ALL, 0, 4095, SAME(4095)),
    W(X_MIN_POSITION_LIMIT, 4, ON_ALL, 0, 4095, SAME(0)),
    W(X_STARTUP_CONFIGURATION, 1, ON_ALL, 0, 3, SAME(0)),
    W(X_PWM_SLOPE, 1, ON_XL330, 1, 255, SAME(140)),
    W(X_SHUTDOWN, 1, ON_ALL, 0, 63, {53, 52, 52}),
    W(X_TORQUE_ENABLE, 1, ON_ALL, 0, 1, SAME(0)),
    W(X_LED, 1, ON_ALL, 0, 1, SAME(0)),
    W(X_STATUS_RETURN_LEVEL, 1, ON_ALL, 0, 2, SAME(2)),
    RU(X_REGISTERED_INSTRUCTION, 1, ON_ALL, SAME(0)),
    RU(X_HARDWARE_ERROR, 1, ON_ALL, SAME(0)),
    W(X_VELOCITY_I_GAIN, 2, ON_ALL, 0, 16383, {1600, 1000, 1920}),
    W(X_VELOCITY_P_GAIN, 2, ON_ALL, 0, 16383, {180, 100, 100}),
    W(X_POSITION_D_GAIN, 2, ON_ALL, 0, 16383, {0, 4000, 0}),
    W(X_POSITION_I_GAIN, 2, ON_ALL, 0, 16383, SAME(0)),
    W(X_POSITION_P_GAIN, 2, ON_ALL, 0, 16383, {400, 640, 800}),
    W(X_FEEDFORWARD_2ND_GAIN, 2, ON_ALL, 0, 16383, SAME(0)),
    W(X_FEEDFORWARD_1ST_GAIN, 2, ON_ALL, 0, 16383, SAME(0)),
    W(X_BUS_WATCHDOG, 1, ON_ALL, 0, 127, SAME(0)),
    W(X_GOAL_PWM, 2, ON_ALL, -885, 885, SAME(885)),
    W(X_GOAL_CURRENT, 2, ON_XL330, -1750, 1750, SAME(1750)),
    W(X_GOAL_CURRENT, 2, ON_XM430, -1193, 1193, SAME(1193)),
    W(X_GOAL_VELOCITY, 4, ON_XL330, -2047, 2047, SAME(0)),
    W(X_GOAL_VELOCITY, 4, ON_X430, -1023, 1023, SAME(0)),
    W(X_PROFILE_ACCELERATION, 4, ON_ALL, 0, 32767, SAME(0)),
    W(X_PROFILE_VELOCITY, 4, ON_ALL, 0, 32767, SAME(0)),
    W(X_GOAL_POSITION, 4, ON_ALL, -1048575, 1048575, SAME(0)),
    RU(X_REALTIME_TICK, 2, ON_ALL, SAME(0)),
    RU(X_MOVING, 1, ON_ALL, SAME(0)),
    RU(X_MOVING_STATUS, 1, ON_ALL, SAME(0)),
    R(X_PRESENT_PWM, 2, ON_ALL, SAME(0)),
    R(X_PRESENT_CURRENT, 2, ON_ALL, SAME(0)),
    R(X_PRESENT_VELOCITY, 4, ON_ALL, SAME(0)),
    R(X_PRESENT_POSITION, 4, ON_ALL, SAME(0)),
    R(X_VELOCITY_TRAJECTORY, 4, ON_ALL, SAME(0)),
    R(X_POSITION_TRAJECTORY, 4, ON_ALL, SAME(0)),
    RU(X_PRESENT_VOLTAGE, 2, ON_ALL, SAME(0)),
    RU(X_PRESENT_TEMPERATURE, 1, ON_ALL, SAME(25)),
    RU(X_BACKUP_READY, 1, ON_ALL, SAME(0)),
};

size_t tenon_sim_model_count(void)
{
    return MODEL_COUNT;
}

const char *tenon_sim_model_name(size_t index)
{
    return index < MODEL_COUNT ? models[index].name : NULL;
}

uint16_t tenon_sim_model_number(size_t index)
{
    return index < MODEL_COUNT ? models[index].number : 0;
}

const struct tenon__sim_model *tenon__sim_model_find(const char *name)
{
    for (size_t i = 0; i < MODEL_COUNT; i++) {
        if (strcmp(models[i].name, name) == 0) {
            return &models[i];
        }
    }
    return NULL;
}

static const uint32_t bauds[] = {9600, 57600, 115200, 1000000, 2000000, 3000000, 4000000, 4500000};
#define BAUD_COUNT (sizeof bauds / sizeof bauds[0])

uint32_t tenon__sim_baud_of(uint8_t code)
{
    return code < BAUD_COUNT ? bauds[code] : 0;
}

int tenon__sim_baud_code(const struct tenon__sim_model *model, uint32_t baud)
{
    const int count = (int)BAUD_COUNT - (model->index == XL330 ? 1 : 0);
    for (int code = 0; code < count; code++) {
        if (bauds[code] == baud) {
            return code;
        }
    }
    return -1;
}

int32_t tenon__sim_load(const uint8_t *bytes, uint8_t width, bool is_signed)
{
    switch (width) {
    case 1:
        return is_signed ? (int32_t)(int8_t)bytes[0] : (int32_t)bytes[0];
    case 2:
        return is_signed ? (int32_t)(int16_t)dxl2_load16(bytes) : (int32_t)dxl2_load16(bytes);
    default:
        return (int32_t)dxl2_load32(bytes);
    }
}

void tenon__sim_store(uint8_t *bytes, uint8_t width, int32_t value)
{
    for (uint8_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)((uint32_t)value >> (8u * i));
    }
}

/* One of the two blocks of indirect entries. */
struct block {
    uint16_t address;
    uint16_t data;
    uint16_t count;
};

static bool block_at(const struct tenon__sim_model *model, unsigned i, struct block *out)
{
    *out = (struct block){X_INDIRECT_ADDRESS, model->indirect_data, model->indirect_count};
    if (i == 1) {
        out->address = model->indirect2_at;
        out->data = model->indirect2_data;
    }
    return i == 0 || (i == 1 && model->indirect2_at != 0);
}

static bool
find_indirect(const struct tenon__sim_model *model, uint16_t at, struct tenon__sim_item *out)
{
    struct block block;
    for (unsigned i = 0; block_at(model, i, &block); i++) {
        if (at >= block.address && at < block.address + 2 * block.count) {
            const uint16_t k = (uint16_t)((at - block.address) / 2);
            *out = (struct tenon__sim_item){.address = (uint16_t)(block.address + 2 * k),
                                            .width = 2,
                                            .min = X_TORQUE_ENABLE,
                                            .max = model->indirect_max,
                                            .initial = block.data + k};
            return true;
        }
        if (at >= block.data && at < block.data + block.count) {
            *out = (struct tenon__sim_item){.address = at, .width = 1, .max = 255};
            return true;
        }
    }
    return false;
}

bool tenon__sim_item_find(const struct tenon__sim_model *model,
                          uint16_t address,
                          struct tenon__sim_item *out)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && rows[i].address <= address; i++) {
        const struct row *row = &rows[i];
        if (address < row->address + row->width && (row->models & (1u << model->index)) != 0) {
            *out = (struct tenon__sim_item){.address = row->address,
                                            .width = row->width,
                                            .is_read_only = row->is_read_only,
                                            .min = row->min,
                                            .max = row->max,
                                            .initial = row->initial[model->index]};
            return true;
        }
    }
    return find_indirect(model, address, out);
}

void tenon__sim_table_reset(struct tenon_sim_servo *servo, uint16_t from, uint16_t to)
{
    struct tenon__sim_item item;
    memset(servo->table + from, 0, (size_t)(to - from));
    for (uint16_t at = from; at < to; at++) {
        if (tenon__sim_item_find(servo->model, at, &item) && item.address == at) {
            tenon__sim_store(servo->table + at, item.width, item.initial);
        }
    }
}

uint16_t tenon__sim_table_resolve(const struct tenon_sim_servo *servo, uint16_t address)
{
    struct block block;
    for (unsigned i = 0; block_at(servo->model, i, &block); i++) {
        if (address >= block.data && address < block.data + block.count) {
            return tenon__sim_u16(servo, (uint16_t)(block.address + 2 * (address - block.data)));
        }
    }
    return address;
}

uint8_t tenon__sim_table_read(const struct tenon_sim_servo *servo,
                              uint16_t address,
                              uint16_t count,
                              uint8_t *out)
{
    struct tenon__sim_item item;
    if (count == 0) {
        return DXL2_ERROR_LENGTH;
    }
    if ((uint32_t)address + count > TENON_SIM_TABLE_SIZE) {
        return DXL2_ERROR_ACCESS;
    }
    for (uint16_t i = 0; i < count; i++) {
        const uint16_t at = tenon__sim_table_resolve(servo, (uint16_t)(address + i));
        if (!tenon__sim_item_find(servo->model, at, &item)) {
            return DXL2_ERROR_ACCESS;
        }
    }
    for (uint16_t i = 0; i < count; i++) {
        out[i] = servo->table[tenon__sim_table_resolve(servo, (uint16_t)(address + i))];
    }
    return DXL2_ERROR_NONE;
}

/*
 * The item that a write at `address` begins with. It must be written whole; through indirect data
 * its bytes must be mapped side by side.
 */
static uint8_t begin_item(const struct tenon_sim_servo *servo,
                          uint16_t address,
                          uint16_t count,
                          struct tenon__sim_item *out)
{
    const uint16_t at = tenon__sim_table_resolve(servo, address);
    if (!tenon__sim_item_find(servo->model, at, out) || out->is_read_only) {
        return DXL2_ERROR_ACCESS;
    }
    if (at != out->address || count < out->width) {
        return DXL2_ERROR_LENGTH;
    }
    for (uint8_t i = 1; i < out->width; i++) {
        if (tenon__sim_table_resolve(servo, (uint16_t)(address + i)) != at + i) {
            return DXL2_ERROR_LENGTH;
        }
    }
    return DXL2_ERROR_NONE;
}

static uint8_t
check_item(const struct tenon_sim_servo *servo, const struct tenon__sim_item *item, int32_t value)
{
    if (item->address < X_EEPROM_END && tenon__sim_u8(servo, X_TORQUE_ENABLE) != 0) {
        return DXL2_ERROR_ACCESS;
    }
    if (value < item->min || value > item->max) {
        return DXL2_ERROR_RANGE;
    }
    return tenon__sim_control_check(servo, item->address, value);
}

uint8_t tenon__sim_table_check_write(const struct tenon_sim_servo *servo,
                                     uint16_t address,
                                     const uint8_t *bytes,
                                     uint16_t count)
{
    if (count == 0) {
        return DXL2_ERROR_LENGTH;
    }
    if ((uint32_t)address + count > TENON_SIM_TABLE_SIZE) {
        return DXL2_ERROR_ACCESS;
    }
    for (uint16_t i = 0; i < count;) {
        struct tenon__sim_item item;
        uint8_t error = begin_item(servo, (uint16_t)(address + i), (uint16_t)(count - i), &item);
        if (error == DXL2_ERROR_NONE) {
            error = check_item(servo, &item, tenon__sim_load(bytes + i, item.width, item.min < 0));
        }
        if (error != DXL2_ERROR_NONE) {
            return error;
        }
        i = (uint16_t)(i + item.width);
    }
    return DXL2_ERROR_NONE;
}

void tenon__sim_table_write(struct tenon_sim_servo *servo,
                            uint16_t address,
                            const uint8_t *bytes,
                            uint16_t count)
{
    for (uint16_t i = 0; i < count;) {
        struct tenon__sim_item item;
        if (begin_item(servo, (uint16_t)(address + i), (uint16_t)(count - i), &item) !=
            DXL2_ERROR_NONE) {
            return; /* only when an earlier item of this write has redirected a later one */
        }
        uint8_t old[4];
        memcpy(old, servo->table + item.address, item.width);
        memcpy(servo->table + item.address, bytes + i, item.width);
        tenon__sim_control_changed(servo, item.address,
                                   tenon__sim_load(old, item.width, item.min < 0));
        i = (uint16_t)(i + item.width);
    }
}
