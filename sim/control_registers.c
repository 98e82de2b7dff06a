#include "control_internal.h"

#include <math.h>
#include <string.h>

#include "backup.h"
#include "dxl2_packet.h"
#include "profile.h"

#define TWO_PI             6.283185307179586
#define IN_POSITION        10 /* pulses */
#define FOLLOWING_ERROR    100
#define SINGLE_TURN_HOMING 1024

/* ---- Position ---- */

static int64_t shaft_pulses(const struct tenon_sim_servo *servo)
{
    const double pulses = servo->plant.angle_rad / TWO_PI * X_PULSES_PER_TURN + X_CENTRE;
    return (int64_t)floor(pulses + 0.5);
}

static int32_t homing_offset(const struct tenon_sim_servo *servo)
{
    const int32_t offset = tenon__sim_s32(servo, X_HOMING_OFFSET);
    const bool is_ignored = tenon__sim_u8(servo, X_OPERATING_MODE) == X_MODE_POSITION &&
                            (offset < -SINGLE_TURN_HOMING || offset > SINGLE_TURN_HOMING);
    return is_ignored ? 0 : offset;
}

int32_t tenon__sim_present_position(const struct tenon_sim_servo *servo)
{
    const int64_t counted = tenon__sim_direction(servo) * shaft_pulses(servo);
    return (int32_t)(counted - servo->turn_base + homing_offset(servo));
}

double tenon__sim_present_velocity(const struct tenon_sim_servo *servo)
{
    return tenon__sim_direction(servo) * servo->plant.velocity_rad_s / TWO_PI * X_PULSES_PER_TURN /
           1000.0;
}

static void wrap_turns(struct tenon_sim_servo *servo)
{
    const int64_t counted = tenon__sim_direction(servo) * shaft_pulses(servo);
    int64_t turns = counted / X_PULSES_PER_TURN;
    if (counted % X_PULSES_PER_TURN < 0) {
        turns--;
    }
    servo->turn_base = turns * X_PULSES_PER_TURN;
}

void tenon__sim_control_clear_turns(struct tenon_sim_servo *servo)
{
    const int64_t before = servo->turn_base;
    wrap_turns(servo);
    const int32_t taken = (int32_t)(servo->turn_base - before);
    tenon__sim_profile_shift(&servo->profile, -taken);
    tenon__sim_store(servo->table + X_GOAL_POSITION, 4,
                     tenon__sim_s32(servo, X_GOAL_POSITION) - taken);
}

void tenon__sim_control_aim_at_present(struct tenon_sim_servo *servo)
{
    const int32_t present = tenon__sim_present_position(servo);
    tenon__sim_store(servo->table + X_GOAL_POSITION, 4, present);
    tenon__sim_profile_hold(&servo->profile, present);
}

/* ---- Trajectories ---- */

static bool profile_is_timed(const struct tenon_sim_servo *servo)
{
    return (tenon__sim_u8(servo, X_DRIVE_MODE) & X_DRIVE_TIME_PROFILE) != 0;
}

static void plan_position(struct tenon_sim_servo *servo)
{
    const double goal = tenon__sim_s32(servo, X_GOAL_POSITION);
    const double acceleration = tenon__sim_s32(servo, X_PROFILE_ACCELERATION);
    const double velocity = tenon__sim_s32(servo, X_PROFILE_VELOCITY);
    if (profile_is_timed(servo)) {
        tenon__sim_profile_move_timed(&servo->profile, goal, velocity, acceleration);
    } else {
        tenon__sim_profile_move(&servo->profile, goal, velocity / VELOCITY_PER_PULSE_MS,
                                acceleration / ACCELERATION_PER_PULSE_MS);
    }
}

static void plan_velocity(struct tenon_sim_servo *servo)
{
    const double goal = tenon__sim_s32(servo, X_GOAL_VELOCITY) / VELOCITY_PER_PULSE_MS;
    const double setting = tenon__sim_s32(servo, X_PROFILE_ACCELERATION);
    double ramp_ms = setting;
    if (!profile_is_timed(servo) && setting > 0.0) {
        ramp_ms = fabs(goal - servo->profile.velocity) / (setting / ACCELERATION_PER_PULSE_MS);
    }
    tenon__sim_profile_ramp(&servo->profile, goal, ramp_ms);
}

static void plan(struct tenon_sim_servo *servo)
{
    const uint8_t mode = tenon__sim_u8(servo, X_OPERATING_MODE);
    if (tenon__sim_mode_is_position(mode)) {
        plan_position(servo);
    } else if (mode == X_MODE_VELOCITY) {
        plan_velocity(servo);
    }
}

/* ---- What a write does ---- */

/*
 * A goal written while torque is off is kept, and gone to as soon as torque is on: by the profile,
 * or with a jump when there is none. A host that has not set the goal to the present position first
 * deserves to see it.
 */
void tenon__sim_set_torque(struct tenon_sim_servo *servo, bool on)
{
    servo->table[X_TORQUE_ENABLE] = on;
    servo->integral = 0.0;
    servo->output = 0.0;
    if (on && tenon__sim_u8(servo, X_OPERATING_MODE) == X_MODE_POSITION) {
        wrap_turns(servo);
    }
    tenon__sim_profile_hold(&servo->profile, tenon__sim_present_position(servo));
    if (on) {
        servo->heard_ns = servo->now_ns > servo->heard_ns ? servo->now_ns : servo->heard_ns;
        plan(servo);
    }
}

/* In all modes nothing moves afterwards until a new goal comes; documented is only that motion
 * stops. */
void tenon__sim_stop(struct tenon_sim_servo *servo)
{
    const uint8_t mode = tenon__sim_u8(servo, X_OPERATING_MODE);
    servo->is_stopped = true;
    servo->integral = tenon__sim_mode_is_position(mode) ? servo->integral : 0.0;
    servo->table[X_BUS_WATCHDOG] = 0xFF;
    tenon__sim_control_aim_at_present(servo);
    tenon__sim_store(servo->table + X_GOAL_VELOCITY, 4, 0);
    if (mode == X_MODE_PWM) {
        tenon__sim_store(servo->table + X_GOAL_PWM, 2, 0);
    } else if (mode == X_MODE_CURRENT) {
        tenon__sim_store(servo->table + X_GOAL_CURRENT, 2, 0);
    }
}

static void goals_to_limits(struct tenon_sim_servo *servo)
{
    memcpy(servo->table + X_GOAL_PWM, servo->table + X_PWM_LIMIT, 2);
    if (servo->model->has_current) {
        memcpy(servo->table + X_GOAL_CURRENT, servo->table + X_CURRENT_LIMIT, 2);
    }
}

static void change_mode(struct tenon_sim_servo *servo, int32_t old_mode)
{
    const uint8_t mode = tenon__sim_u8(servo, X_OPERATING_MODE);
    if (mode == X_MODE_POSITION) {
        wrap_turns(servo);
    }
    if (mode == old_mode) {
        return;
    }
    tenon__sim_table_reset(servo, X_VELOCITY_I_GAIN, X_FEEDFORWARD_1ST_GAIN + 2);
    tenon__sim_table_reset(servo, X_GOAL_VELOCITY, X_GOAL_POSITION);
    goals_to_limits(servo);
    tenon__sim_control_aim_at_present(servo);
}

static bool shutdown_is_latched(const struct tenon_sim_servo *servo)
{
    return (tenon__sim_u8(servo, X_HARDWARE_ERROR) & tenon__sim_u8(servo, X_SHUTDOWN)) != 0;
}

static uint16_t goal_of_mode(uint8_t mode)
{
    switch (mode) {
    case X_MODE_PWM:
        return X_GOAL_PWM;
    case X_MODE_CURRENT:
        return X_GOAL_CURRENT;
    case X_MODE_VELOCITY:
        return X_GOAL_VELOCITY;
    default:
        return X_GOAL_POSITION;
    }
}

static void change_goal(struct tenon_sim_servo *servo, uint16_t address, int32_t old_value)
{
    const uint8_t drive_mode = tenon__sim_u8(servo, X_DRIVE_MODE);
    if (address != goal_of_mode(tenon__sim_u8(servo, X_OPERATING_MODE))) {
        return; /* a cap at most: the loops look at it in every step */
    }
    if (!tenon__sim_torque_is_on(servo)) {
        if ((drive_mode & X_DRIVE_TORQUE_BY_GOAL) != 0 && !shutdown_is_latched(servo)) {
            tenon__sim_set_torque(servo, true);
        }
    } else if (address >= X_GOAL_VELOCITY && tenon__sim_s32(servo, address) != old_value) {
        plan(servo); /* not for the same goal again: a move in a given time would never end */
    }
}

static void clip_goals(struct tenon_sim_servo *servo)
{
    const int32_t pwm = tenon__sim_u16(servo, X_PWM_LIMIT);
    if (tenon__sim_s16(servo, X_GOAL_PWM) > pwm) {
        tenon__sim_store(servo->table + X_GOAL_PWM, 2, pwm);
    }
    const int32_t current = tenon__sim_u16(servo, X_CURRENT_LIMIT);
    if (servo->model->has_current && tenon__sim_s16(servo, X_GOAL_CURRENT) > current) {
        tenon__sim_store(servo->table + X_GOAL_CURRENT, 2, current);
    }
}

void tenon__sim_control_changed(struct tenon_sim_servo *servo, uint16_t address, int32_t old_value)
{
    switch (address) {
    case X_TORQUE_ENABLE:
        if (tenon__sim_torque_is_on(servo) != (old_value != 0)) {
            tenon__sim_set_torque(servo, tenon__sim_torque_is_on(servo));
        }
        break;
    case X_OPERATING_MODE:
        change_mode(servo, old_value);
        break;
    case X_DRIVE_MODE:
        if (((tenon__sim_u8(servo, X_DRIVE_MODE) ^ (uint32_t)old_value) & X_DRIVE_REVERSE) != 0) {
            wrap_turns(servo);
            tenon__sim_control_aim_at_present(servo);
        }
        break;
    case X_PWM_LIMIT:
    case X_CURRENT_LIMIT:
        clip_goals(servo);
        break;
    case X_GOAL_PWM:
    case X_GOAL_CURRENT:
    case X_GOAL_VELOCITY:
    case X_GOAL_POSITION:
        change_goal(servo, address, old_value);
        break;
    case X_BUS_WATCHDOG:
        servo->is_stopped = servo->is_stopped && tenon__sim_u8(servo, X_BUS_WATCHDOG) != 0;
        break;
    default:
        break;
    }
}

/* ---- What may be written ---- */

static bool mode_exists(const struct tenon_sim_servo *servo, int32_t mode)
{
    switch (mode) {
    case X_MODE_CURRENT:
    case X_MODE_CURRENT_POSITION:
        return servo->model->has_current;
    case X_MODE_VELOCITY:
    case X_MODE_POSITION:
    case X_MODE_EXTENDED:
    case X_MODE_PWM:
        return true;
    default:
        return false;
    }
}

static bool is_within(int32_t value, int32_t bound)
{
    return value <= bound && value >= -bound;
}

static bool
goal_is_within_limits(const struct tenon_sim_servo *servo, uint16_t address, int32_t value)
{
    switch (address) {
    case X_GOAL_PWM:
        return is_within(value, tenon__sim_u16(servo, X_PWM_LIMIT));
    case X_GOAL_CURRENT:
        return is_within(value, tenon__sim_u16(servo, X_CURRENT_LIMIT));
    case X_GOAL_VELOCITY:
        return is_within(value, tenon__sim_s32(servo, X_VELOCITY_LIMIT));
    default:
        return tenon__sim_u8(servo, X_OPERATING_MODE) != X_MODE_POSITION ||
               (value >= tenon__sim_s32(servo, X_MIN_POSITION_LIMIT) &&
                value <= tenon__sim_s32(servo, X_MAX_POSITION_LIMIT));
    }
}

uint8_t
tenon__sim_control_check(const struct tenon_sim_servo *servo, uint16_t address, int32_t value)
{
    switch (address) {
    case X_OPERATING_MODE:
        return mode_exists(servo, value) ? DXL2_ERROR_NONE : DXL2_ERROR_RANGE;
    case X_DRIVE_MODE: /* bit 1 makes a slave of larger models only */
        return (value & 0x02) == 0 ? DXL2_ERROR_NONE : DXL2_ERROR_RANGE;
    case X_TORQUE_ENABLE:
        return value != 0 && shutdown_is_latched(servo) ? DXL2_ERROR_RESULT : DXL2_ERROR_NONE;
    case X_BUS_WATCHDOG:
        return value != 0 && servo->is_stopped ? DXL2_ERROR_RANGE : DXL2_ERROR_NONE;
    case X_GOAL_PWM:
    case X_GOAL_CURRENT:
    case X_GOAL_VELOCITY:
    case X_GOAL_POSITION:
        if (servo->is_stopped) {
            return DXL2_ERROR_RANGE;
        }
        return goal_is_within_limits(servo, address, value) ? DXL2_ERROR_NONE : DXL2_ERROR_LIMIT;
    default:
        return DXL2_ERROR_NONE;
    }
}

/* ---- The rest of the state ---- */

void tenon__sim_control_latch_error(struct tenon_sim_servo *servo, uint8_t bits)
{
    servo->table[X_HARDWARE_ERROR] |= bits;
    if (tenon__sim_torque_is_on(servo) && shutdown_is_latched(servo)) {
        tenon__sim_set_torque(servo, false);
    }
}

void tenon__sim_control_restart(struct tenon_sim_servo *servo)
{
    tenon__sim_table_reset(servo, X_EEPROM_END, TENON_SIM_TABLE_SIZE);
    servo->registered_count = 0;
    servo->is_stopped = false;
    servo->tick_steps = 0;
    servo->filtered_load = 0.0;
    servo->filtered_supply_v = servo->plant.source_v;
    servo->table[X_BACKUP_READY] = servo->backup[X_BACKUP_READY];
    if ((tenon__sim_u8(servo, X_STARTUP_CONFIGURATION) & 0x02) != 0) {
        (void)tenon__sim_backup_restore(servo, X_EEPROM_END);
    }
    goals_to_limits(servo);
    tenon__sim_set_torque(servo, false);
    wrap_turns(servo);
    tenon__sim_control_aim_at_present(servo);
}

void tenon__sim_control_finish_boot(struct tenon_sim_servo *servo)
{
    wrap_turns(servo);
    tenon__sim_control_aim_at_present(servo);
    if ((tenon__sim_u8(servo, X_STARTUP_CONFIGURATION) & 0x01) != 0) {
        tenon__sim_set_torque(servo, true);
    }
}

bool tenon__sim_control_is_moving(const struct tenon_sim_servo *servo)
{
    const double speed = fabs(servo->filtered_velocity) * VELOCITY_PER_PULSE_MS;
    return speed >= tenon__sim_s32(servo, X_MOVING_THRESHOLD);
}

/* ---- Present values ---- */

static int32_t rounded(double value)
{
    return (int32_t)floor(value + 0.5);
}

static uint8_t moving_status(const struct tenon_sim_servo *servo)
{
    const uint8_t mode = tenon__sim_u8(servo, X_OPERATING_MODE);
    if (!tenon__sim_torque_is_on(servo) || !tenon__sim_mode_is_position(mode)) {
        return 0;
    }
    const int32_t present = tenon__sim_present_position(servo);
    const int32_t behind = rounded(servo->profile.position) - present;
    const bool is_done = tenon__sim_profile_is_done(&servo->profile);
    uint8_t status = 0;
    if (is_done && is_within(tenon__sim_s32(servo, X_GOAL_POSITION) - present, IN_POSITION)) {
        status |= 0x01;
    }
    if (!is_within(behind, FOLLOWING_ERROR)) {
        status |= 0x08;
    }
    return is_done ? status : (uint8_t)(status | 0x02u | (unsigned)servo->profile.kind << 4);
}

static int32_t present_current(const struct tenon_sim_servo *servo)
{
    const double current_a = tenon__sim_direction(servo) * servo->plant.current_a;
    if (servo->model->has_current) {
        return rounded(current_a / servo->model->current_unit_a);
    }
    return rounded(current_a / servo->model->motor.stall_a * 1000.0); /* load, 0.1 % */
}

void tenon__sim_control_publish(struct tenon_sim_servo *servo)
{
    uint8_t *table = servo->table;
    tenon__sim_store(table + X_REALTIME_TICK, 2, (int32_t)(servo->tick_steps / 4u % 32768u));
    table[X_MOVING] = tenon__sim_control_is_moving(servo);
    table[X_MOVING_STATUS] = moving_status(servo);
    tenon__sim_store(table + X_PRESENT_PWM, 2, rounded(servo->output));
    tenon__sim_store(table + X_PRESENT_CURRENT, 2, present_current(servo));
    tenon__sim_store(table + X_PRESENT_VELOCITY, 4,
                     rounded(servo->filtered_velocity * VELOCITY_PER_PULSE_MS));
    tenon__sim_store(table + X_PRESENT_POSITION, 4, tenon__sim_present_position(servo));
    tenon__sim_store(table + X_VELOCITY_TRAJECTORY, 4,
                     rounded(servo->profile.velocity * VELOCITY_PER_PULSE_MS));
    tenon__sim_store(table + X_POSITION_TRAJECTORY, 4, rounded(servo->profile.position));
    tenon__sim_store(table + X_PRESENT_VOLTAGE, 2, rounded(servo->filtered_supply_v * 10.0));
    table[X_PRESENT_TEMPERATURE] = (uint8_t)rounded(fmin(fmax(servo->plant.housing_c, 0.0), 255.0));
}
