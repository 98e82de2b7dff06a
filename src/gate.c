/* The motor gate: the last look at a command, behind the reducer, by the motor's own limits. A
 * wrong reducer cannot pass. */
#include "core_internal.h"

/*
 * The usual case, quickly: within the motor's reach and limits, and not a duty, which has its own.
 * NaN fails every comparison. Position limits are compared, in double, only when what is known to
 * be free no longer covers the way; meanwhile the way goes off it, and a little more than rounding
 * could add.
 */
static bool passes(struct tenon_motor *motor, const struct tenon_motor_command *command, float dt_s)
{
    const struct tenon_motor_limits *const l = &motor->limits;
    const double p = command->position_rad, from = motor->command.position_rad;
    const float way = tenon__absf((float)(p - from));
    if (command->mode == TENON_MODE_PWM || !motor->has_command ||
        !(way <= l->velocity_top_rad_s * dt_s) ||
        !(tenon__absf(command->velocity_rad_s) <= l->velocity_max_rad_s) ||
        !(tenon__absf(command->effort_nm) <= l->effort_max_nm)) {
        return false;
    }
    if (!(way <= motor->clear_rad)) {
        const float above = (float)(l->position_max_rad - from);
        const float below = (float)(from - l->position_min_rad);
        motor->clear_rad = above < below ? above : below;
        if (!(p >= l->position_min_rad && p <= l->position_max_rad)) {
            return false;
        }
    }
    motor->clear_rad = tenon__clear_after(motor->clear_rad, way);
    return true;
}

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

static bool is_number(const struct tenon_motor_command *command)
{
    return (tenon__is_finite(command->position_rad) || !tenon__mode_is_position(command->mode)) &&
           tenon__is_finitef(command->velocity_rad_s) && tenon__is_finitef(command->effort_nm);
}

enum tenon__gate
tenon__gate_apply(struct tenon_motor *motor, struct tenon_motor_command *command, float dt_s)
{
    if (passes(motor, command, dt_s)) {
        return TENON__GATE_PASSED;
    }
    const bool was_number = is_number(command);
    const bool is_pwm = command->mode == TENON_MODE_PWM;
    motor->clear_rad = 0.0f;
    bool changed = gate_position(motor, command, dt_s);
    if (!tenon__mode_is_position(command->mode)) {
        changed = false; /* the position does not count in this mode; it was only made finite */
    }
    changed |= gate_float(&command->velocity_rad_s, motor->limits.velocity_max_rad_s);
    changed |= gate_float(&command->effort_nm, is_pwm ? 1.0f : motor->limits.effort_max_nm);
    motor->gate_count += changed ? 1u : 0u;
    if (!was_number) {
        return TENON__GATE_NO_NUMBER;
    }
    return changed ? TENON__GATE_CHANGED : TENON__GATE_PASSED;
}
