/* Shared by the files of the virtual servo's firmware. */
#ifndef TENON_SIM_CONTROL_INTERNAL_H
#define TENON_SIM_CONTROL_INTERNAL_H

#include "control.h"
#include "dxl2_table.h"

#define STEP_MS 0.25
#define STEP_S  0.00025

/*
 * Register units. Velocity: exactly 1/64 pulse/ms, which the profile's formulas imply (0.228882
 * rpm; the manual rounds it to 0.229). Acceleration: 1/4096 pulse/ms^2.
 */
#define VELOCITY_PER_PULSE_MS     64.0
#define ACCELERATION_PER_PULSE_MS 4096.0

static inline bool tenon__sim_torque_is_on(const struct tenon_sim_servo *servo)
{
    return tenon__sim_u8(servo, X_TORQUE_ENABLE) != 0;
}

static inline bool tenon__sim_mode_is_position(uint8_t mode)
{
    return mode == X_MODE_POSITION || mode == X_MODE_EXTENDED || mode == X_MODE_CURRENT_POSITION;
}

/* +1, or -1 in reverse mode: from the shaft's direction to the registers'. */
static inline int tenon__sim_direction(const struct tenon_sim_servo *servo)
{
    return (tenon__sim_u8(servo, X_DRIVE_MODE) & X_DRIVE_REVERSE) != 0 ? -1 : 1;
}

int32_t tenon__sim_present_position(const struct tenon_sim_servo *servo);
/* True velocity in the registers' direction, pulses/ms. */
double tenon__sim_present_velocity(const struct tenon_sim_servo *servo);
void tenon__sim_set_torque(struct tenon_sim_servo *servo, bool on);
/* The bus watchdog has run out: stand still until it is cleared. */
void tenon__sim_stop(struct tenon_sim_servo *servo);

#endif
