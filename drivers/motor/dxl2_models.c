#include "dxl2_models.h"

#include "tenon/drivers/dxl2_motor.h"

#define TURNING_MODES                                                                              \
    ((1u << TENON_MODE_POSITION) | (1u << TENON_MODE_EXTENDED_POSITION) |                          \
     (1u << TENON_MODE_VELOCITY) | (1u << TENON_MODE_PWM))
#define CURRENT_MODES ((1u << TENON_MODE_EFFORT) | (1u << TENON_MODE_EFFORT_POSITION))

/* Torque constants: stall torque over stall current, the gear's friction included, times the unit
 * of current. The XL430 gives its load in thousandths of what it does at stall. */
static const struct tenon__dxl2_model models[] = {
    {
        .name = "xl330-m288",
        .number = 1200,
        .modes = TURNING_MODES | CURRENT_MODES,
        .watchdog_since = 0,
        .has_current = true,
        .effort_unit_nm = 0.001f * 0.52f / 1.47f,
        .stall_nm = 0.52f,
        .speed_rad_s = 10.79f,
        .speed_top_rad_s = 16.2f,
    },
    {
        .name = "xl430-w250",
        .number = 1060,
        .modes = TURNING_MODES,
        .watchdog_since = 38,
        .has_current = false,
        .effort_unit_nm = 0.0015f,
        .stall_nm = 1.5f,
        .speed_rad_s = 6.39f,
        .speed_top_rad_s = 9.4f,
    },
    {
        .name = "xm430-w350",
        .number = 1020,
        .modes = TURNING_MODES | CURRENT_MODES,
        .watchdog_since = 38,
        .has_current = true,
        .effort_unit_nm = 0.00269f * 4.1f / 2.3f,
        .stall_nm = 4.1f,
        .speed_rad_s = 4.82f,
        .speed_top_rad_s = 8.1f,
    },
};

const struct tenon__dxl2_model *tenon__dxl2_model_find(uint16_t number)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (models[i].number == number) {
            return &models[i];
        }
    }
    return NULL;
}

const char *tenon_dxl2_model_name(uint16_t number)
{
    const struct tenon__dxl2_model *const model = tenon__dxl2_model_find(number);
    return model != NULL ? model->name : NULL;
}

int tenon_dxl2_model_watchdog_since(uint16_t number)
{
    const struct tenon__dxl2_model *const model = tenon__dxl2_model_find(number);
    return model != NULL ? model->watchdog_since : -1;
}
