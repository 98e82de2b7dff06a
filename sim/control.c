#include "control_internal.h"

#include <math.h>

#include "profile.h"

#define WATCHDOG_NS       TENON_MS(20)
#define VELOCITY_FILTER_S 0.003
#define VOLTAGE_FILTER_S  0.05
/* Overload: the mean load over some seconds, as a share of stall. Full stall trips after 2.8 s. */
#define LOAD_FILTER_S 2.0
#define LOAD_MAX      0.75
#define UNLIMITED_A   1e9

static double clamp(double value, double bound)
{
    return value > bound ? bound : value < -bound ? -bound : value;
}

static void filter(double *state, double input, double seconds)
{
    *state += (input - *state) * STEP_S / (seconds + STEP_S);
}

/* The integrator stands still while the output is at its limit, unless it would come off it. */
static double regulate(
    struct tenon_sim_servo *servo, double other_terms, double slope, double error, double limit)
{
    const double output = other_terms + servo->integral;
    if (fabs(output) < limit || output * error < 0.0) {
        servo->integral += slope * error * STEP_MS;
    }
    return clamp(other_terms + servo->integral, limit);
}

/*
 * Gains as the manual scales them. It does not say per which time: the error is in pulses, its
 * derivative in pulses/ms, its integral in pulses x ms; feed-forwards take pulses/ms and
 * pulses/ms^2.
 */
static double position_loop(struct tenon_sim_servo *servo, double limit)
{
    const struct tenon_sim_profile *profile = &servo->profile;
    const double error = profile->position - (double)tenon__sim_present_position(servo);
    const double rate = profile->velocity - tenon__sim_present_velocity(servo);
    const double proportional = tenon__sim_u16(servo, X_POSITION_P_GAIN) / 128.0 * error;
    const double derivative = tenon__sim_u16(servo, X_POSITION_D_GAIN) / 16.0 * rate;
    const double ahead =
        tenon__sim_u16(servo, X_FEEDFORWARD_1ST_GAIN) / 4.0 * profile->velocity +
        tenon__sim_u16(servo, X_FEEDFORWARD_2ND_GAIN) / 4.0 * profile->acceleration;
    const double slope = tenon__sim_u16(servo, X_POSITION_I_GAIN) / 65536.0;
    return regulate(servo, proportional + derivative + ahead, slope, error, limit);
}

/* Error in register units, integral in register units x ms. */
static double velocity_loop(struct tenon_sim_servo *servo, double limit)
{
    const double error =
        (servo->profile.velocity - servo->filtered_velocity) * VELOCITY_PER_PULSE_MS;
    const double proportional = tenon__sim_u16(servo, X_VELOCITY_P_GAIN) / 128.0 * error;
    const double slope = tenon__sim_u16(servo, X_VELOCITY_I_GAIN) / 65536.0;
    return regulate(servo, proportional, slope, error, limit);
}

/* PWM counts that make this current, in the registers' direction. */
static double output_for_current(const struct tenon_sim_servo *servo, double current_a)
{
    const int direction = tenon__sim_direction(servo);
    return direction * tenon__sim_plant_duty_for(&servo->plant, direction * current_a) * X_PWM_FULL;
}

static double pwm_loop(const struct tenon_sim_servo *servo, double limit)
{
    const double goal = clamp(tenon__sim_s16(servo, X_GOAL_PWM), limit);
    const uint8_t slope = tenon__sim_u8(servo, X_PWM_SLOPE);
    if (slope == 0 || !(servo->plant.supply_v > 0.1)) { /* only the XL330 has one */
        return goal;
    }
    const double step = slope * 0.001977 * STEP_MS / servo->plant.supply_v * X_PWM_FULL;
    return servo->output + clamp(goal - servo->output, step);
}

static double goal_current_a(const struct tenon_sim_servo *servo)
{
    const double limit = tenon__sim_u16(servo, X_CURRENT_LIMIT);
    return clamp(tenon__sim_s16(servo, X_GOAL_CURRENT), limit) * servo->model->current_unit_a;
}

static void
regulate_current(struct tenon_sim_servo *servo, double limit, struct tenon__sim_drive *drive)
{
    const double goal_a = goal_current_a(servo);
    drive->max_a = fabs(goal_a);
    servo->output = clamp(output_for_current(servo, goal_a), limit);
}

static void cap_current(struct tenon_sim_servo *servo, struct tenon__sim_drive *drive)
{
    drive->max_a = fabs(goal_current_a(servo));
    const double high = output_for_current(servo, drive->max_a);
    const double low = output_for_current(servo, -drive->max_a);
    servo->output = clamp(fmin(fmax(servo->output, low), high), X_PWM_FULL);
}

/* Work out the output of this step. */
static void run_loops(struct tenon_sim_servo *servo, struct tenon__sim_drive *drive)
{
    const uint8_t mode = tenon__sim_u8(servo, X_OPERATING_MODE);
    const double pwm_limit = tenon__sim_u16(servo, X_PWM_LIMIT);
    const double limit = fmin(fabs((double)tenon__sim_s16(servo, X_GOAL_PWM)), pwm_limit);

    tenon__sim_profile_advance(&servo->profile, STEP_MS);
    if (mode == X_MODE_PWM) {
        servo->output = pwm_loop(servo, pwm_limit);
    } else if (mode == X_MODE_CURRENT) {
        regulate_current(servo, limit, drive);
    } else if (mode == X_MODE_VELOCITY) {
        servo->output = velocity_loop(servo, limit);
    } else {
        servo->output = position_loop(servo, limit);
    }
    if (mode == X_MODE_CURRENT_POSITION) {
        cap_current(servo, drive);
    }
    drive->is_driven = true;
    drive->duty = tenon__sim_direction(servo) * servo->output / X_PWM_FULL;
}

static void watch_bus(struct tenon_sim_servo *servo, tenon_ns_t now)
{
    const uint8_t limit = tenon__sim_u8(servo, X_BUS_WATCHDOG);
    if (limit == 0 || servo->is_stopped || !tenon__sim_torque_is_on(servo)) {
        return;
    }
    if (now - servo->heard_ns >= limit * WATCHDOG_NS) {
        tenon__sim_stop(servo);
    }
}

static void protect(struct tenon_sim_servo *servo)
{
    const struct tenon_sim_plant *plant = &servo->plant;
    const double decivolts = servo->filtered_supply_v * 10.0;
    uint8_t bits = 0;

    if (servo->filtered_load > LOAD_MAX) {
        bits |= X_ERROR_OVERLOAD;
    }
    if (plant->housing_c >= tenon__sim_u8(servo, X_TEMPERATURE_LIMIT)) {
        bits |= X_ERROR_OVERHEATING;
    }
    if (decivolts > tenon__sim_u16(servo, X_MAX_VOLTAGE_LIMIT) ||
        decivolts < tenon__sim_u16(servo, X_MIN_VOLTAGE_LIMIT)) {
        bits |= X_ERROR_INPUT_VOLTAGE;
    }
    tenon__sim_control_latch_error(servo, bits);
}

static void measure(struct tenon_sim_servo *servo)
{
    const double stall_a = servo->model->motor.stall_a;
    filter(&servo->filtered_velocity, tenon__sim_present_velocity(servo), VELOCITY_FILTER_S);
    filter(&servo->filtered_load, fabs(servo->plant.current_a) / stall_a, LOAD_FILTER_S);
    filter(&servo->filtered_supply_v, servo->plant.supply_v, VOLTAGE_FILTER_S);
}

void tenon__sim_control_step(struct tenon_sim_servo *servo, tenon_ns_t now)
{
    struct tenon__sim_drive drive = {.max_a = UNLIMITED_A, .is_blocked = servo->faults.blocked};
    const bool is_up = tenon_sim_servo_is_up(servo);

    servo->now_ns = now;
    if (is_up) {
        servo->tick_steps++;
        watch_bus(servo, now);
        protect(servo);
    } else if (servo->boot_steps > 0 && --servo->boot_steps == 0) {
        tenon__sim_control_finish_boot(servo);
    }
    if (is_up && tenon__sim_torque_is_on(servo)) {
        run_loops(servo, &drive);
    } else {
        servo->output = 0.0;
    }
    tenon__sim_plant_step(&servo->plant, &drive, STEP_S);
    measure(servo);
}
