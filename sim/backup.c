#include "backup.h"

#include <string.h>

#include "dxl2_table.h"

#define RANGE_COUNT 5u

static void
range_at(const struct tenon__sim_model *model, unsigned i, uint16_t *out_from, uint16_t *out_to)
{
    const uint16_t ranges[RANGE_COUNT][2] = {
        {X_ID, X_EEPROM_END},
        {X_VELOCITY_I_GAIN, X_FEEDFORWARD_1ST_GAIN + 2},
        {X_PROFILE_ACCELERATION, X_GOAL_POSITION},
        {X_INDIRECT_ADDRESS, (uint16_t)(X_INDIRECT_ADDRESS + 2 * model->indirect_count)},
        {model->indirect2_at,
         (uint16_t)(model->indirect2_at == 0 ? 0
                                             : model->indirect2_at + 2 * model->indirect_count)},
    };
    *out_from = ranges[i][0];
    *out_to = ranges[i][1];
}

void tenon__sim_backup_store(struct tenon_sim_servo *servo)
{
    memcpy(servo->backup, servo->table, sizeof servo->backup);
    servo->backup[X_BACKUP_READY] = 1;
    servo->table[X_BACKUP_READY] = 1;
}

bool tenon__sim_backup_restore(struct tenon_sim_servo *servo, uint16_t from)
{
    if (servo->backup[X_BACKUP_READY] == 0) {
        return false;
    }
    for (unsigned i = 0; i < RANGE_COUNT; i++) {
        uint16_t begin;
        uint16_t end;
        range_at(servo->model, i, &begin, &end);
        if (begin >= from) {
            memcpy(servo->table + begin, servo->backup + begin, (size_t)(end - begin));
        }
    }
    return true;
}
