/*
 * The joint limiter: no command leaves a joint outside its limits, whatever a controller or an
 * application asks. A command that keeps within them passes unchanged.
 */
#include "core_internal.h"

#define RATE_SLACK 1.002f  /* a path planned at the limit, sampled, must pass unchanged */
#define STOP_SLACK 1.0005f /* likewise; less, so that rounding during a stop can be made good */
#define CREEP      1e-6f   /* of the velocity limit: what the digits of positions make of speeds */
#define MANY_STEPS 4096.0f /* from here on the sum over steps is as good as its integral */
#define FAR_RAD    1e30 /* joints may have no end; a float shall hold the way there nonetheless */

static float way_between(double from, double to)
{
    return (float)tenon__clamp(to - from, -FAR_RAD, FAR_RAD);
}

/*
 * Speeds are those of whole steps: the first step of a stop goes v * dt, each further one is slower
 * by dv. With s = v / dv and n = floor(s) further steps the way is (n + 1) * (s - n / 2) * dv * dt.
 */
static float stopping_way(float v, float dv, float dt)
{
    const float s = v / dv;
    const float n = s < MANY_STEPS ? (float)(uint32_t)s : s - 0.5f;
    return (n + 1.0f) * (s - 0.5f * n) * dv * dt;
}

/* Speed from which `way` is enough to stop: stopping_way() solved for v. */
static float braking_speed(float way, float dv, float dt)
{
    if (!(way > 0.0f)) {
        return 0.0f;
    }
    const float r = way / (dv * dt);
    if (r >= 0.5f * MANY_STEPS * MANY_STEPS) {
        return (tenon__sqrtf(2.0f * r) - 0.5f) * dv;
    }
    const float n = (float)(uint32_t)(0.5f * (tenon__sqrtf(8.0f * r + 1.0f) - 1.0f));
    return (r / (n + 1.0f) + 0.5f * n) * dv;
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
    const float dv = l->acceleration_rad_s2 * dt;
    const float stop = braking_speed(room, dv, dt);
    const float top = stop < l->velocity_rad_s ? stop : l->velocity_rad_s;
    const float last = joint->last_velocity_rad_s;
    v = tenon__clampf(v, -top, top);
    return tenon__clampf(v, last - dv * RATE_SLACK, last + dv * RATE_SLACK);
}

static bool can_stop(const struct tenon_joint *joint, float speed, float room, float dt)
{
    const struct tenon_joint_limits *const l = &joint->limits;
    const float dv = l->acceleration_rad_s2 * dt;
    const float more = speed + 0.5f * dv;
    if (more * more <= 2.0f * l->acceleration_rad_s2 * room) {
        return true; /* there is room to spare: no division */
    }
    return stopping_way(speed, dv * STOP_SLACK, dt) <= room + CREEP * l->velocity_rad_s * dt;
}

/* v is the speed of the step. One that is behind joins its set point only where it could stay: it
 * may be a step. */
static bool step_is_within(const struct tenon_joint *joint, float v, float room, float dt)
{
    const struct tenon_joint_limits *const l = &joint->limits;
    const float dv = l->acceleration_rad_s2 * dt * RATE_SLACK + CREEP * l->velocity_rad_s;
    const float speed = tenon__absf(v);
    return speed <= l->velocity_rad_s * RATE_SLACK &&
           tenon__absf(v - joint->last_velocity_rad_s) <= dv &&
           (!joint->is_behind || speed <= dv) && can_stop(joint, speed, room, dt);
}

/* Feed-forward of a command whose position passes. */
static bool limit_feed_forward(const struct tenon_joint *joint, struct tenon_joint_command *command)
{
    const float asked = command->velocity_rad_s, top = joint->limits.velocity_rad_s;
    if (tenon__absf(asked) <= top * RATE_SLACK) {
        return false;
    }
    command->velocity_rad_s = tenon__clampf(asked, -top, top);
    return true;
}

/* Not reachable in one step: approach the goal so that it can be stopped at. */
static void approach(
    struct tenon_joint *joint, struct tenon_joint_command *command, float way, float room, float dt)
{
    const float top = braking_speed(tenon__absf(way), joint->limits.acceleration_rad_s2 * dt, dt);
    const float speed = limit_speed(joint, tenon__clampf(way / dt, -top, top), room, dt);
    const double next = joint->last_position_rad + (double)(speed * dt);
    joint->last_position_rad = tenon__clamp(next, low_bound(joint), high_bound(joint));
    joint->last_velocity_rad_s = speed;
    joint->is_behind = true;
    command->position_rad = joint->last_position_rad;
    command->velocity_rad_s = speed;
}

/*
 * Room to the nearer position limit is looked up, in double, only when what is known to be free no
 * longer suffices to stop in; meanwhile the way goes off it, and a little more than rounding could
 * add.
 */
static bool has_room(struct tenon_joint *joint, double p, float way, float needed)
{
    const struct tenon_joint_limits *const l = &joint->limits;
    if (!(needed <= joint->clear_rad)) {
        const double last = joint->last_position_rad;
        const float above = (float)(l->position_max_rad - last);
        const float below = (float)(last - l->position_min_rad);
        joint->clear_rad = above < below ? above : below;
        const float ahead = way > 0.0f ? above : below;
        if (!(needed <= ahead) || !(p >= l->position_min_rad && p <= l->position_max_rad)) {
            return false;
        }
    }
    joint->clear_rad = tenon__clear_after(joint->clear_rad, tenon__absf(way));
    return true;
}

/*
 * The usual case, quickly: inside the limits, with room to spare. Whatever fails here is looked at
 * closely. NaN and infinity fail every comparison.
 */
static bool passes(struct tenon_joint *joint, const struct tenon_joint_command *command, float dt)
{
    const struct tenon_joint_limits *const l = &joint->limits;
    const double p = command->position_rad;
    const float way = (float)(p - joint->last_position_rad);
    const float v = way / dt, speed = tenon__absf(v), top = l->velocity_rad_s * RATE_SLACK;
    const float dv = l->acceleration_rad_s2 * dt, more = speed + 0.5f * dv;
    const float braking = more * more / (2.0f * l->acceleration_rad_s2);
    const float needed = braking > tenon__absf(way) ? braking : tenon__absf(way);
    if (joint->is_behind || !(speed <= top) ||
        !(tenon__absf(v - joint->last_velocity_rad_s) <= dv * RATE_SLACK) ||
        !(tenon__absf(command->velocity_rad_s) <= top) || !tenon__is_finitef(command->effort_nm) ||
        !has_room(joint, p, way, needed)) {
        return false;
    }
    joint->last_velocity_rad_s = v;
    joint->last_position_rad = p;
    return true;
}

static bool limit_position(struct tenon_joint *joint, struct tenon_joint_command *command, float dt)
{
    const double low = low_bound(joint), high = high_bound(joint), last = joint->last_position_rad;
    const double goal = tenon__clamp(command->position_rad, low, high);
    const float way = way_between(last, goal);
    const float v = way / dt;
    const float room = v > 0.0f ? way_between(last, high) : way_between(low, last);
    const bool was_clamped = goal < command->position_rad || goal > command->position_rad;

    if (was_clamped || !step_is_within(joint, v, room, dt)) {
        approach(joint, command, way, room, dt);
        return true;
    }
    joint->last_velocity_rad_s = v;
    joint->last_position_rad = goal;
    joint->is_behind = false;
    return limit_feed_forward(joint, command);
}

static bool limit_velocity(struct tenon_joint *joint, struct tenon_joint_command *command, float dt)
{
    const double here = joint->state.position_rad;
    const struct tenon_joint_limits *const l = &joint->limits;
    const float room = command->velocity_rad_s > 0.0f ? way_between(here, l->position_max_rad)
                                                      : way_between(l->position_min_rad, here);
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
    joint->clear_rad = 0.0f;
    joint->is_behind = false;
}

/* @return true if the command had to be changed. */
bool tenon__limiter_apply(struct tenon_joint *joint,
                          struct tenon_joint_command *command,
                          float dt_s)
{
    const bool is_plain =
        command->mode == TENON_MODE_POSITION || command->mode == TENON_MODE_EXTENDED_POSITION;
    if (is_plain && passes(joint, command, dt_s)) {
        return false;
    }
    joint->clear_rad = 0.0f;
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
    const float dv = joint->limits.acceleration_rad_s2 * dt_s * RATE_SLACK;
    const float v = joint->last_velocity_rad_s;
    const float slower = tenon__absf(v) <= dv ? 0.0f : (v > 0.0f ? v - dv : v + dv);

    if (!tenon__mode_is_position(mode) && mode != TENON_MODE_VELOCITY) {
        out_command->effort_nm = 0.0f;
        joint->last_velocity_rad_s = 0.0f;
        return true;
    }
    joint->last_velocity_rad_s = slower;
    joint->clear_rad = 0.0f;
    joint->last_position_rad = tenon__clamp(joint->last_position_rad + (double)(slower * dt_s),
                                            low_bound(joint), high_bound(joint));
    out_command->position_rad = joint->last_position_rad;
    out_command->velocity_rad_s = slower;
    return !(tenon__absf(slower) > 0.0f);
}
