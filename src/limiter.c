/*
 * The joint limiter: no command leaves a joint outside its limits, whatever a controller or an
 * application asks. A command that keeps within them passes unchanged.
 */
#include "core_internal.h"

#define RATE_SLACK 1.002f /* a path planned at the limit, sampled, must pass unchanged */

/* Speed from which `distance` is enough to stop, in steps of dt. */
static float braking_speed(float distance, float a, float dt)
{
    if (distance <= 0.0f) {
        return 0.0f;
    }
    const float half = 0.5f * a * dt;
    return tenon__sqrtf(half * half + 2.0f * a * distance) - half;
}

/* A joint found outside its limits may stay, or move back in, never further out. */
static double low_bound(const struct tenon_joint *joint)
{
    const double low = joint->limits.position_min_rad;
    return joint->last_position_rad < low ? joint->last_position_rad : low;
}

static double high_bound(const struct tenon_joint *joint)
{
    const double high = joint->limits.position_max_rad;
    return joint->last_position_rad > high ? joint->last_position_rad : high;
}

/* The speed wanted, bounded by speed limit, room to the position limit ahead, and change of speed.
 */
static float limit_speed(const struct tenon_joint *joint, float v, float room, float dt)
{
    const struct tenon_joint_limits *const l = &joint->limits;
    const float stop = braking_speed(room, l->acceleration_rad_s2, dt);
    const float top = stop < l->velocity_rad_s ? stop : l->velocity_rad_s;
    const float dv = l->acceleration_rad_s2 * dt * RATE_SLACK;
    v = tenon__clampf(v, -top, top);
    return tenon__clampf(v, joint->last_velocity_rad_s - dv, joint->last_velocity_rad_s + dv);
}

/* v is the mean speed of the step; half a step later there must still be room to brake. */
static bool step_is_within(const struct tenon_joint *joint, float v, float room, float dt)
{
    const struct tenon_joint_limits *const l = &joint->limits;
    const float dv = l->acceleration_rad_s2 * dt;
    const float speed = tenon__absf(v);
    return speed <= l->velocity_rad_s * RATE_SLACK &&
           tenon__absf(v - joint->last_velocity_rad_s) <=
               dv * RATE_SLACK + 1e-6f * l->velocity_rad_s &&
           v * v <= 2.02f * l->acceleration_rad_s2 * (room - 0.5f * speed * dt) + dv * dv;
}

static bool limit_position(struct tenon_joint *joint, struct tenon_joint_command *command, float dt)
{
    const double low = low_bound(joint), high = high_bound(joint);
    const double goal = tenon__clamp(command->position_rad, low, high);
    const float way = (float)(goal - joint->last_position_rad);
    const float v = way / dt;
    const bool forth = v > 0.0f || (!(v < 0.0f) && joint->last_velocity_rad_s > 0.0f);
    const float room =
        (float)(forth ? high - joint->last_position_rad : joint->last_position_rad - low);
    const bool was_clamped = goal < command->position_rad || goal > command->position_rad;

    if (!was_clamped && step_is_within(joint, v, room, dt)) {
        joint->last_velocity_rad_s = v;
        joint->last_position_rad = goal;
        return false;
    }
    /* Not reachable in one step: approach the goal so that it can be stopped at. */
    const float approach = braking_speed(tenon__absf(way), joint->limits.acceleration_rad_s2, dt);
    const float wanted = tenon__clampf(v, -approach, approach);
    const float speed = limit_speed(joint, wanted, room, dt);
    joint->last_velocity_rad_s = speed;
    joint->last_position_rad =
        tenon__clamp(joint->last_position_rad + (double)(speed * dt), low, high);
    command->position_rad = joint->last_position_rad;
    command->velocity_rad_s = speed;
    return true;
}

static bool limit_velocity(struct tenon_joint *joint, struct tenon_joint_command *command, float dt)
{
    const double here = joint->state.position_rad;
    const struct tenon_joint_limits *const l = &joint->limits;
    const float room = (float)(command->velocity_rad_s > 0.0f ? l->position_max_rad - here
                                                              : here - l->position_min_rad);
    const float v = limit_speed(joint, command->velocity_rad_s, room, dt);
    const bool changed = v < command->velocity_rad_s || v > command->velocity_rad_s;
    command->velocity_rad_s = v;
    joint->last_velocity_rad_s = v;
    joint->last_position_rad = here;
    return changed;
}

/* Effort and duty are clamped, and made zero where they would push further out of the position
 * limits. */
static bool limit_effort(struct tenon_joint *joint, struct tenon_joint_command *command)
{
    const double here = joint->state.position_rad;
    const struct tenon_joint_limits *const l = &joint->limits;
    const float top = command->mode == TENON_MODE_PWM ? 1.0f : l->effort_nm;
    const float high = here > l->position_max_rad ? 0.0f : top;
    const float low = here < l->position_min_rad ? 0.0f : -top;
    const float effort = tenon__clampf(command->effort_nm, low, high);
    const bool changed = effort < command->effort_nm || effort > command->effort_nm;
    command->effort_nm = effort;
    joint->last_position_rad = here;
    joint->last_velocity_rad_s = joint->state.velocity_rad_s;
    return changed;
}

/* In EFFORT_POSITION the effort is a cap: its sign means nothing, and 0 asks for the limit. */
static bool limit_cap(const struct tenon_joint *joint, struct tenon_joint_command *command)
{
    const float asked = tenon__absf(command->effort_nm);
    const float top = joint->limits.effort_nm;
    const bool changed = asked > top;
    command->effort_nm = asked > 0.0f && !changed ? asked : top;
    return changed;
}

static bool is_finite_command(const struct tenon_joint_command *c)
{
    return tenon__is_finite(c->position_rad) && tenon__is_finitef(c->velocity_rad_s) &&
           tenon__is_finitef(c->effort_nm);
}

void tenon__limiter_seed(struct tenon_joint *joint, double position_rad)
{
    joint->last_position_rad = position_rad;
    joint->last_velocity_rad_s = 0.0f;
}

/* @return true if the command had to be changed. */
bool tenon__limiter_apply(struct tenon_joint *joint,
                          struct tenon_joint_command *command,
                          float dt_s)
{
    bool changed = false;
    if (!is_finite_command(command)) { /* hold where the last command was */
        command->position_rad = joint->last_position_rad;
        command->velocity_rad_s = 0.0f;
        command->effort_nm = 0.0f;
        changed = true;
    }
    if (tenon__mode_is_position(command->mode)) {
        changed |= limit_position(joint, command, dt_s);
        if (command->mode == TENON_MODE_EFFORT_POSITION) {
            changed |= limit_cap(joint, command);
        }
    } else if (command->mode == TENON_MODE_VELOCITY) {
        changed |= limit_velocity(joint, command, dt_s);
    } else {
        changed |= limit_effort(joint, command);
    }
    joint->limited_count += changed ? 1u : 0u;
    return changed;
}

/*
 * One cycle of braking at the acceleration limit. Effort modes have no path to brake on: they end
 * at once.
 * @return true when at rest.
 */
bool tenon__limiter_brake(struct tenon_joint *joint,
                          struct tenon_joint_command *out_command,
                          float dt_s)
{
    const uint8_t mode = out_command->mode;
    const float dv = joint->limits.acceleration_rad_s2 * dt_s;
    const float v = joint->last_velocity_rad_s;
    const float slower = tenon__absf(v) <= dv ? 0.0f : (v > 0.0f ? v - dv : v + dv);

    if (!tenon__mode_is_position(mode) && mode != TENON_MODE_VELOCITY) {
        out_command->effort_nm = 0.0f;
        joint->last_velocity_rad_s = 0.0f;
        return true;
    }
    joint->last_velocity_rad_s = slower;
    joint->last_position_rad = tenon__clamp(joint->last_position_rad + (double)(slower * dt_s),
                                            low_bound(joint), high_bound(joint));
    out_command->position_rad = joint->last_position_rad;
    out_command->velocity_rad_s = slower;
    return !(tenon__absf(slower) > 0.0f);
}
