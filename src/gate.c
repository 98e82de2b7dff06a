/* The motor gate: the last look at a command, behind the reducer, by the motor's own limits. A
 * wrong reducer cannot pass. */
#include "core_internal.h"

/* NaN fails every comparison, so what is within needs no other test. */
static bool
gate_position(const struct tenon_motor *motor, struct tenon_motor_command *command, float dt_s)
{
    const struct tenon_motor_limits *const l = &motor->limits;
    const double from =
        motor->has_command ? motor->command.position_rad : motor->state.position_rad;
    const double reach = (double)(l->velocity_top_rad_s * dt_s);
    double p = command->position_rad;
    if (tenon__abs(p - from) <= reach && p >= l->position_min_rad && p <= l->position_max_rad) {
        return false;
    }
    p = tenon__is_finite(p) ? tenon__clamp(p, from - reach, from + reach) : from;
    /* A motor that stands outside its limits is not thrown back in by the clamp. */
    const double low = from < l->position_min_rad ? from : l->position_min_rad;
    const double high = from > l->position_max_rad ? from : l->position_max_rad;
    p = tenon__clamp(p, low, high);
    const bool is_as_asked = p <= command->position_rad && p >= command->position_rad;
    command->position_rad = p;
    return !is_as_asked;
}

static bool gate_float(float *io_value, float top)
{
    const float asked = *io_value;
    if (tenon__absf(asked) <= top) {
        return false;
    }
    *io_value = tenon__is_finitef(asked) ? tenon__clampf(asked, -top, top) : 0.0f;
    return true;
}

/* @return true if the command had to be changed. */
bool tenon__gate_apply(struct tenon_motor *motor, struct tenon_motor_command *command, float dt_s)
{
    const bool is_pwm = command->mode == TENON_MODE_PWM;
    bool changed = gate_position(motor, command, dt_s);
    if (!tenon__mode_is_position(command->mode)) {
        changed = false; /* the position does not count in this mode; it was only made finite */
    }
    changed |= gate_float(&command->velocity_rad_s, motor->limits.velocity_max_rad_s);
    changed |= gate_float(&command->effort_nm, is_pwm ? 1.0f : motor->limits.effort_max_nm);
    motor->gate_count += changed ? 1u : 0u;
    return changed;
}
