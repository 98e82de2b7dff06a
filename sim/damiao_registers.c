#include "damiao_registers.h"

#include <string.h>

#define ANY 3.4e38f

/* Of the maker's list, without what only tunes loops that are not simulated. */
static const struct entry {
    uint8_t rid;
    bool is_float;
    bool is_writable;
    float min;
    float max;
} entries[] = {
    {DAMIAO_UNDER_VOLTAGE, true, true, 10.0f, ANY},
    {DAMIAO_OVER_TEMPERATURE, true, true, 80.0f, 200.0f},
    {DAMIAO_MASTER_ID, false, true, 0.0f, 2047.0f},
    {DAMIAO_ID, false, true, 0.0f, 2047.0f},
    {DAMIAO_TIMEOUT, false, true, 0.0f, ANY},
    {DAMIAO_MODE, false, true, 1.0f, 4.0f},
    {DAMIAO_INERTIA, true, false, 0.0f, ANY},
    {DAMIAO_SOFTWARE, false, false, 0.0f, ANY},
    {DAMIAO_OHM, true, false, 0.0f, ANY},
    {DAMIAO_GEAR, true, false, 0.0f, ANY},
    {DAMIAO_P_MAX, true, true, 1e-6f, ANY},
    {DAMIAO_V_MAX, true, true, 1e-6f, ANY},
    {DAMIAO_T_MAX, true, true, 1e-6f, ANY},
    {DAMIAO_OVER_VOLTAGE, true, true, 0.0f, ANY},
    {DAMIAO_BAUD, false, true, 0.0f, 4.0f},
    {DAMIAO_ANGLE, true, false, -ANY, ANY},
};

static const struct entry *find(uint8_t rid)
{
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        if (entries[i].rid == rid) {
            return &entries[i];
        }
    }
    return NULL;
}

bool tenon__sim_damiao_has(uint8_t rid)
{
    return find(rid) != NULL;
}

float tenon__sim_damiao_float(const struct tenon_sim_damiao *motor, uint8_t rid)
{
    float value;
    memcpy(&value, &motor->registers[rid], sizeof value);
    return value;
}

void tenon__sim_damiao_set_float(struct tenon_sim_damiao *motor, uint8_t rid, float value)
{
    memcpy(&motor->registers[rid], &value, sizeof value);
}

void tenon__sim_damiao_write(struct tenon_sim_damiao *motor, uint8_t rid, uint32_t value)
{
    const struct entry *const entry = find(rid);
    float number = (float)value;
    if (entry == NULL || !entry->is_writable) {
        return;
    }
    if (entry->is_float) {
        memcpy(&number, &value, sizeof number);
    }
    if (number >= entry->min && number <= entry->max) { /* not so if it is NaN */
        motor->registers[rid] = value;
    }
}
