/*
 * What a joint is watched for while it has torque, so that the core acts before the device trips by
 * itself: its way behind the command, arrival, stall, and the heat of its motor.
 */
#include "core_internal.h"

#define STALL_EFFORT   0.9f  /* of the limit in force */
#define STALL_VELOCITY 0.01f /* of the velocity limit */
#define WARM           0.8f  /* heat from which on the effort limit comes down ... */
#define COOLED         0.75f /* ... and below which it counts as whole again */
#define TOO_HOT        1.1f  /* more than derating and a sensor's error can explain */
#define LOAD_MAX       1e3f  /* so that the heat of a sensor gone mad is a number still */

static float error_of(double wanted, double is)
{
    return (float)tenon__abs(wanted - is);
}

static void fail_with(struct tenon_joint *joint, enum tenon_cause cause, float value, float bound)
{
    const struct tenon_diag why = {
        .code = TENON_ERR_LIMIT,
        .cause = (uint16_t)cause,
        .value = value,
        .bound = bound,
        .subject = joint->name,
    };
    tenon__joint_fail(joint, &why);
}

/* @return whether it has held for longer than allowed. */
static bool lasts(bool holds, float allowed_s, float dt_s, float *io_for_s)
{
    *io_for_s = holds ? *io_for_s + dt_s : 0.0f;
    return holds && *io_for_s > allowed_s;
}

/* Where it should be by now: what it was told, or what its controller was, in positions. */
static const struct tenon_joint_command *wanted(const struct tenon_joint *joint)
{
    const bool by_effort = !tenon__mode_is_position(joint->command.mode);
    return by_effort && joint->controller.module != NULL ? &joint->setpoint : &joint->command;
}

static void watch_following(struct tenon_joint *joint, float dt_s)
{
    struct tenon_joint_supervision *const s = joint->supervision;
    const struct tenon_joint_command *const c = wanted(joint);
    const float allowed = joint->limits.following_error_rad;
    const float error = error_of(c->position_rad, joint->state.position_rad);
    const bool is_behind = allowed > 0.0f && tenon__mode_is_position(c->mode) && error > allowed;
    const float bearable_s = s != NULL ? s->following_s : 0.0f;
    float unsupervised_s = 0.0f;
    if (lasts(is_behind, bearable_s, dt_s, s != NULL ? &s->following_for_s : &unsupervised_s)) {
        fail_with(joint, TENON_CAUSE_FOLLOWING_ERROR, error, allowed);
    }
}

static void watch_arrival(struct tenon_joint *joint, float dt_s)
{
    struct tenon_joint_supervision *const s = joint->supervision;
    const float error = error_of(joint->setpoint.position_rad, joint->state.position_rad);
    const bool is_within =
        joint->mover == NULL && !(tenon__joint_speed(joint) > 0.0f) && error <= s->window_rad;
    s->settled_for_s = is_within ? s->settled_for_s + dt_s : 0.0f;
    tenon__store8(&s->is_in_position, is_within && s->settled_for_s >= s->settle_s ? 1 : 0);
}

static void watch_stall(struct tenon_joint *joint, float dt_s)
{
    struct tenon_joint_supervision *const s = joint->supervision;
    const bool by_duty = joint->command.mode == TENON_MODE_PWM;
    const float effort = tenon__absf(by_duty ? joint->command.effort_nm : joint->state.effort_nm);
    const float limit = by_duty ? 1.0f : joint->limits.effort_nm;
    const float much = s->stall_effort_nm > 0.0f ? s->stall_effort_nm : STALL_EFFORT * limit;
    const float slow = s->stall_velocity_rad_s > 0.0f
                           ? s->stall_velocity_rad_s
                           : STALL_VELOCITY * joint->limits.velocity_rad_s;
    const uint8_t needed = TENON_VALID_VELOCITY | TENON_VALID_EFFORT;
    const bool is_stalled = (joint->state.valid & needed) == needed && effort >= much &&
                            tenon__absf(joint->state.velocity_rad_s) <= slow;
    if (lasts(is_stalled, s->stall_s, dt_s, &s->stalled_for_s)) {
        fail_with(joint, TENON_CAUSE_STALL, effort, much);
    }
}

/* The effort it gives; where none is measured, what it is told to give. */
static float effort_given(const struct tenon_joint *joint)
{
    if ((joint->state.valid & TENON_VALID_EFFORT) != 0) {
        return joint->state.effort_nm;
    }
    return joint->command.mode == TENON_MODE_EFFORT && tenon__joint_is_driven(joint)
               ? joint->command.effort_nm
               : 0.0f;
}

/* Losses grow with the square of the effort; the winding follows them by one time constant. */
static void warm_up(struct tenon_joint *joint, float dt_s)
{
    struct tenon_joint_supervision *const s = joint->supervision;
    const float load =
        tenon__clampf(effort_given(joint) / s->continuous_effort_nm, -LOAD_MAX, LOAD_MAX);
    const float share = dt_s < s->thermal_s ? dt_s / s->thermal_s : 1.0f;
    s->heat += (load * load - s->heat) * share;
}

/* All it can below WARM, what it can give for ever at 1, in a straight line between: what keeps to
 * it never gets hotter than 1. */
static void derate(struct tenon_joint *joint)
{
    struct tenon_joint_supervision *const s = joint->supervision;
    const float peak = s->peak_nm, least = s->continuous_effort_nm;
    const float part = tenon__clampf((s->heat - WARM) / (1.0f - WARM), 0.0f, 1.0f);
    joint->limits.effort_nm = least < peak ? peak - (peak - least) * part : peak;
    if (!s->is_derated && s->heat > WARM) {
        s->is_derated = true;
        s->derated_count++;
        tenon__event_derated(joint, s->heat);
    } else if (s->is_derated && s->heat < COOLED) {
        s->is_derated = false;
    }
}

/* Of the clock, not of cycles: a host that is late does not make a motor cooler. */
static float time_passed(struct tenon_joint_supervision *s, const struct tenon__cycle *cycle)
{
    const float passed_s = (float)(cycle->now - s->seen_ns) * 1e-9f;
    const bool is_first = s->seen_ns == 0;
    s->seen_ns = cycle->now;
    return is_first ? cycle->dt_s : passed_s;
}

static void watch_heat(struct tenon_joint *joint, const struct tenon__cycle *cycle)
{
    struct tenon_joint_supervision *const s = joint->supervision;
    warm_up(joint, time_passed(s, cycle));
    derate(joint);
    const bool is_acted_on = joint->diag.code != TENON_OK;
    if (s->heat > TOO_HOT && tenon__joint_is_driven(joint) && !is_acted_on) {
        fail_with(joint, TENON_CAUSE_OVERLOAD, s->heat, TOO_HOT);
    }
}

static void watch_enabled(struct tenon_joint *joint, float dt_s)
{
    struct tenon_joint_supervision *const s = joint->supervision;
    watch_following(joint, dt_s);
    if (s != NULL && s->stall_s > 0.0f && joint->status == TENON_JOINT_ENABLED) {
        watch_stall(joint, dt_s);
    }
    if (s != NULL && s->window_rad > 0.0f) {
        watch_arrival(joint, dt_s);
    }
}

void tenon__supervise_now(struct tenon_joint *joint, const struct tenon__cycle *cycle)
{
    struct tenon_joint_supervision *const s = joint->supervision;
    if (joint->status == TENON_JOINT_ENABLED) {
        watch_enabled(joint, cycle->dt_s);
    } else if (s != NULL) {
        s->following_for_s = 0.0f;
        s->stalled_for_s = 0.0f;
        s->settled_for_s = 0.0f;
        tenon__store8(&s->is_in_position, 0);
    }
    if (s != NULL && s->continuous_effort_nm > 0.0f) {
        watch_heat(joint, cycle);
    }
}

/* The joint comes up: limits are found anew, from what was asked for and not from what was left of
 * it. Its motor is as hot as it was. */
void tenon__supervise_restore(struct tenon_joint *joint)
{
    const struct tenon_joint_supervision *const s = joint->supervision;
    if (s != NULL && s->peak_nm > 0.0f) {
        joint->limits.effort_nm = s->peak_nm;
    }
}

void tenon__supervise_begin(struct tenon_joint *joint)
{
    if (joint->supervision != NULL) {
        joint->supervision->peak_nm = joint->limits.effort_nm;
    }
}

/* Asked when a time is longer than what is watched for: from now on that is the budget at most. */
void tenon__supervise_time(struct tenon_joint *joint, uint32_t ticks)
{
    struct tenon_joint_supervision *const s = joint->supervision;
    if (s == NULL || !(s->budget_s > 0.0f)) {
        return;
    }
    const float per_s = (float)joint->sched->port->ticks_per_s;
    const float budget = s->budget_s * per_s;
    if ((float)joint->timing.watch_ticks > budget) {
        joint->timing.watch_ticks = (uint32_t)budget;
    }
    if ((float)ticks > budget) {
        s->over_budget_count++;
        tenon__event_budget(joint, (float)ticks / per_s, s->budget_s);
    }
}

static int refuse_setting(struct tenon_sched *sched,
                          const struct tenon_joint *joint,
                          enum tenon_cause cause,
                          const char *name)
{
    const struct tenon_diag diag = {
        .code = TENON_ERR_LIMIT, .cause = (uint16_t)cause, .subject = joint->name, .detail = name};
    return tenon__refuse_diag(sched, &diag);
}

int tenon__supervise_check(struct tenon_sched *sched, const struct tenon_joint *joint)
{
    const struct tenon_joint_supervision *const s = joint->supervision;
    if (s == NULL) {
        return TENON_OK;
    }
    const struct {
        float value;
        const char *name;
    } settings[] = {{s->following_s, "following_s"},
                    {s->window_rad, "window_rad"},
                    {s->settle_s, "settle_s"},
                    {s->stall_s, "stall_s"},
                    {s->stall_effort_nm, "stall_effort_nm"},
                    {s->stall_velocity_rad_s, "stall_velocity_rad_s"},
                    {s->continuous_effort_nm, "continuous_effort_nm"},
                    {s->thermal_s, "thermal_s"},
                    {s->budget_s, "budget_s"},
                    {s->heat, "heat"}};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (!tenon__is_finitef(settings[i].value)) {
            return refuse_setting(sched, joint, TENON_CAUSE_NOT_FINITE, settings[i].name);
        }
        if (settings[i].value < 0.0f) {
            return refuse_setting(sched, joint, TENON_CAUSE_LIMIT_MISSING, settings[i].name);
        }
    }
    if (s->continuous_effort_nm > 0.0f && !(s->thermal_s > 0.0f)) {
        return refuse_setting(sched, joint, TENON_CAUSE_LIMIT_MISSING, "thermal_s");
    }
    return TENON_OK;
}
