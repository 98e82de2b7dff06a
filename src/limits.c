/* A joint's limits: what the application asked for, within what its motors can do. */
#include "core_internal.h"

#define ACCELERATION_PER_VELOCITY 4.0f
#define JERK_PER_VELOCITY         40.0f
#define SLACK                     1e-3 /* relative: counts do not hit a round number of radians */

static int refuse_limit(
    struct tenon_diag *diag, enum tenon_cause cause, const char *which, double value, double bound)
{
    const struct tenon_diag news = {.code = TENON_ERR_LIMIT,
                                    .cause = (uint16_t)cause,
                                    .value = (float)value,
                                    .bound = (float)bound,
                                    .detail = which};
    tenon__diag_set(diag, &news);
    return TENON_ERR_LIMIT;
}

static void name_joint(struct tenon_joint *joint)
{
    __atomic_store_n(&joint->diag.subject, joint->name, __ATOMIC_RELEASE);
}

static int check_asked(const struct tenon_joint_limits *l, struct tenon_diag *diag)
{
    const struct {
        float value;
        const char *name;
    } rates[] = {{l->velocity_rad_s, "velocity_rad_s"},
                 {l->acceleration_rad_s2, "acceleration_rad_s2"},
                 {l->jerk_rad_s3, "jerk_rad_s3"},
                 {l->effort_nm, "effort_nm"},
                 {l->following_error_rad, "following_error_rad"}};

    if (!tenon__is_finite(l->position_min_rad) || !tenon__is_finite(l->position_max_rad)) {
        return refuse_limit(diag, TENON_CAUSE_NOT_FINITE, "position limits", 0.0, 0.0);
    }
    if (l->position_min_rad > l->position_max_rad) {
        return refuse_limit(diag, TENON_CAUSE_LIMIT_ORDER, "position limits", l->position_min_rad,
                            l->position_max_rad);
    }
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        if (!tenon__is_finitef(rates[i].value)) {
            return refuse_limit(diag, TENON_CAUSE_NOT_FINITE, rates[i].name, 0.0, 0.0);
        }
        if (rates[i].value < 0.0f) {
            return refuse_limit(diag, TENON_CAUSE_LIMIT_MISSING, rates[i].name,
                                (double)rates[i].value, 0.0);
        }
    }
    return TENON_OK;
}

static uint8_t which_are_own(const struct tenon_joint_limits *l)
{
    const double low = l->position_min_rad, high = l->position_max_rad;
    const bool are_zero = !(low > 0.0 || low < 0.0 || high > 0.0 || high < 0.0);
    unsigned own = are_zero ? 0u : TENON__OWN_POSITION;
    own |= l->velocity_rad_s > 0.0f ? TENON__OWN_VELOCITY : 0u;
    own |= l->acceleration_rad_s2 > 0.0f ? TENON__OWN_ACCELERATION : 0u;
    own |= l->jerk_rad_s3 > 0.0f ? TENON__OWN_JERK : 0u;
    own |= l->effort_nm > 0.0f ? TENON__OWN_EFFORT : 0u;
    return (uint8_t)own;
}

int tenon__limits_take(struct tenon_sched *sched,
                       struct tenon_joint *joint,
                       const struct tenon_joint_limits *limits)
{
    joint->own_limits = 0;
    if (limits == NULL) {
        return TENON_OK;
    }
    struct tenon_diag diag;
    if (check_asked(limits, &diag) < 0) {
        diag.subject = joint->name;
        return tenon__refuse_diag(sched, &diag);
    }
    joint->limits = *limits;
    joint->own_limits = which_are_own(limits);
    return TENON_OK;
}

/* From the reducer's output to the joint: zero and direction. */
static void turn_to_joint(const struct tenon_joint *joint, struct tenon_joint_limits *l)
{
    const double low = l->position_min_rad - joint->zero_rad,
                 high = l->position_max_rad - joint->zero_rad;
    l->position_min_rad = joint->is_reversed ? -high : low;
    l->position_max_rad = joint->is_reversed ? -low : high;
}

/* What the motors can do, at the reducer's output. @return false if the reducer cannot tell. */
static bool model_limits(const struct tenon__drive *drive, struct tenon_joint_limits *out_joints)
{
    struct tenon_motor_limits motors[TENON_COUPLED_MAX] = {0};
    for (unsigned i = 0; i < drive->motor_count; i++) {
        motors[i] = tenon__slot_motor(&drive->motors[i])->limits;
    }
    const struct tenon_reducer *const reducer = tenon__slot_reducer(drive->reducer);
    if (reducer != NULL) {
        const struct tenon_reducer_api *const api = tenon_reducer_get_api(reducer);
        return api->limits != NULL && api->limits(reducer, motors, out_joints) >= 0;
    }
    out_joints[0].position_min_rad = motors[0].position_min_rad;
    out_joints[0].position_max_rad = motors[0].position_max_rad;
    out_joints[0].velocity_rad_s = motors[0].velocity_max_rad_s;
    out_joints[0].effort_nm = motors[0].effort_max_nm;
    return true;
}

static int check_position(const struct tenon_joint_limits *own,
                          const struct tenon_joint_limits *model,
                          struct tenon_diag *diag)
{
    const double slack =
        SLACK * (tenon__abs(model->position_min_rad) + tenon__abs(model->position_max_rad));
    if (own->position_min_rad < model->position_min_rad - slack) {
        return refuse_limit(diag, TENON_CAUSE_LIMIT_OUTSIDE_MODEL, "position_min_rad",
                            own->position_min_rad, model->position_min_rad);
    }
    if (own->position_max_rad > model->position_max_rad + slack) {
        return refuse_limit(diag, TENON_CAUSE_LIMIT_OUTSIDE_MODEL, "position_max_rad",
                            own->position_max_rad, model->position_max_rad);
    }
    return TENON_OK;
}

static int check_rate(float own, float model, const char *name, struct tenon_diag *diag)
{
    if (own > model * (1.0f + (float)SLACK)) {
        return refuse_limit(diag, TENON_CAUSE_LIMIT_OUTSIDE_MODEL, name, (double)own,
                            (double)model);
    }
    return TENON_OK;
}

static int check_against_model(struct tenon_joint *joint, const struct tenon_joint_limits *model)
{
    const unsigned own = joint->own_limits;
    if ((own & TENON__OWN_POSITION) != 0 &&
        check_position(&joint->limits, model, &joint->diag) < 0) {
        return TENON_ERR_LIMIT;
    }
    if ((own & TENON__OWN_VELOCITY) != 0 &&
        check_rate(joint->limits.velocity_rad_s, model->velocity_rad_s, "velocity_rad_s",
                   &joint->diag) < 0) {
        return TENON_ERR_LIMIT;
    }
    if ((own & TENON__OWN_EFFORT) != 0 &&
        check_rate(joint->limits.effort_nm, model->effort_nm, "effort_nm", &joint->diag) < 0) {
        return TENON_ERR_LIMIT;
    }
    return TENON_OK;
}

static void fill_missing(struct tenon_joint *joint, const struct tenon_joint_limits *model)
{
    struct tenon_joint_limits *const l = &joint->limits;
    const unsigned own = joint->own_limits;
    if ((own & TENON__OWN_POSITION) == 0) {
        tenon__store_double(&l->position_min_rad, model->position_min_rad);
        tenon__store_double(&l->position_max_rad, model->position_max_rad);
    }
    if ((own & TENON__OWN_VELOCITY) == 0) {
        l->velocity_rad_s = model->velocity_rad_s;
    }
    if ((own & TENON__OWN_EFFORT) == 0) {
        l->effort_nm = model->effort_nm;
    }
    if ((own & TENON__OWN_ACCELERATION) == 0) {
        l->acceleration_rad_s2 = ACCELERATION_PER_VELOCITY * l->velocity_rad_s;
    }
    if ((own & TENON__OWN_JERK) == 0) {
        l->jerk_rad_s3 = JERK_PER_VELOCITY * l->velocity_rad_s;
    }
}

/* What came of a reducer and the motors' tables must bound a command: no NaN, and a speed to move
 * at. */
static int check_result(struct tenon_joint *joint)
{
    const struct tenon_joint_limits *const l = &joint->limits;
    if (!(l->position_min_rad <= l->position_max_rad)) {
        return refuse_limit(&joint->diag, TENON_CAUSE_LIMIT_ORDER, "position limits",
                            l->position_min_rad, l->position_max_rad);
    }
    if (!(l->velocity_rad_s > 0.0f) || !tenon__is_finitef(l->velocity_rad_s)) {
        return refuse_limit(&joint->diag, TENON_CAUSE_LIMIT_MISSING, "velocity_rad_s",
                            (double)l->velocity_rad_s, 0.0);
    }
    if (!(l->effort_nm >= 0.0f)) {
        return refuse_limit(&joint->diag, TENON_CAUSE_LIMIT_MISSING, "effort_nm",
                            (double)l->effort_nm, 0.0);
    }
    return TENON_OK;
}

static int resolve_one(struct tenon_joint *joint, const struct tenon_joint_limits *model)
{
    const unsigned needed = TENON__OWN_POSITION | TENON__OWN_VELOCITY | TENON__OWN_EFFORT;
    if (model == NULL) {
        if ((joint->own_limits & needed) != needed) {
            return refuse_limit(&joint->diag, TENON_CAUSE_LIMIT_MISSING,
                                "position, velocity and effort", 0.0, 0.0);
        }
        fill_missing(joint, &joint->limits);
        return check_result(joint);
    }
    if (check_against_model(joint, model) < 0) {
        return TENON_ERR_LIMIT;
    }
    fill_missing(joint, model);
    return check_result(joint);
}

/* Without a top speed the motor gate would let nothing through. */
static int check_top_speed(const struct tenon__drive *drive)
{
    for (unsigned i = 0; i < drive->motor_count; i++) {
        const float top = tenon__slot_motor(&drive->motors[i])->limits.velocity_top_rad_s;
        if (!(top > 0.0f)) {
            return refuse_limit(&drive->joints[0]->diag, TENON_CAUSE_LIMIT_MISSING,
                                "velocity_top_rad_s of its motor", (double)top, 0.0);
        }
    }
    return TENON_OK;
}

/* Called when the modules have come up; refusals are left in the joint's diag. */
int tenon__limits_resolve(const struct tenon__drive *drive)
{
    struct tenon_joint_limits models[TENON_COUPLED_MAX] = {0};
    const bool is_known = model_limits(drive, models);
    bool was_faulty[TENON_COUPLED_MAX] = {false};
    for (unsigned i = 0; i < drive->joint_count; i++) {
        was_faulty[i] = drive->joints[i]->diag.code != TENON_OK;
    }
    int result = check_top_speed(drive);
    if (result < 0) {
        name_joint(drive->joints[0]);
    }
    for (unsigned i = 0; i < drive->joint_count; i++) {
        struct tenon_joint *const joint = drive->joints[i];
        if (is_known) {
            turn_to_joint(joint, &models[i]);
        }
        if (resolve_one(joint, is_known ? &models[i] : NULL) < 0) {
            name_joint(joint);
            result = TENON_ERR_LIMIT;
        }
        if (!was_faulty[i] && joint->diag.code != TENON_OK) {
            tenon__event_joint(joint, &joint->diag, false);
        }
    }
    return result;
}
