/* Groups: prepare all, commit in one cycle, move on one scalar, settle. */
#include "core_internal.h"

#define NO_WAY_RAD 1e-9 /* a joint whose way is shorter does not limit the others */

static void
refuse_member(struct tenon_diag *out, const struct tenon_joint *joint, enum tenon_cause cause)
{
    *out = (struct tenon_diag){
        .code = TENON_ERR_STATE, .cause = (uint16_t)cause, .subject = joint->name};
}

static bool is_waited_for(const struct tenon_joint *joint)
{
    return joint->status == TENON_JOINT_ENABLING ||
           (joint->status == TENON_JOINT_STOPPING && joint->after_stop == TENON_JOINT_ENABLED);
}

static bool is_moving(const struct tenon_joint *joint)
{
    return tenon__joint_speed(joint) > 1e-6f;
}

/* Its last step ended where it was to go: it will stand in the next cycle. */
static bool has_just_arrived(const struct tenon_joint *joint)
{
    return tenon__abs(joint->setpoint.position_rad - joint->last_position_rad) < NO_WAY_RAD;
}

static int refuse_unenabled(struct tenon_diag *out, const struct tenon_joint *joint)
{
    if (joint->diag.code != TENON_OK) {
        *out = joint->diag;
    } else {
        refuse_member(out, joint, TENON_CAUSE_NOT_ENABLED);
    }
    return TENON_ERR_STATE;
}

/* @return TENON_OK: all can start now; TENON_ERR_AGAIN: some are still on their way; else why not.
 */
static int check(const struct tenon_group *group, struct tenon_diag *out_diag)
{
    int result = TENON_OK;
    for (unsigned i = 0; i < group->joint_count; i++) {
        const struct tenon_joint *const joint = group->joints[i];
        if (joint->mover != group) { /* taken from us by a fault or a command */
            return refuse_unenabled(out_diag, joint);
        }
        const bool arrives = is_moving(joint) && has_just_arrived(joint);
        if (is_waited_for(joint) || (arrives && joint->status == TENON_JOINT_ENABLED)) {
            result = TENON_ERR_AGAIN;
        } else if (joint->status != TENON_JOINT_ENABLED) {
            return refuse_unenabled(out_diag, joint);
        } else if (is_moving(joint)) {
            refuse_member(out_diag, joint, TENON_CAUSE_BUSY);
            return TENON_ERR_STATE;
        }
    }
    return result;
}

static void list(struct tenon_group *group)
{
    if (!group->is_listed) {
        group->next = group->sched->groups;
        group->sched->groups = group;
        group->is_listed = true;
    }
}

static void release_members(struct tenon_group *group)
{
    for (unsigned i = 0; i < group->joint_count; i++) {
        if (group->joints[i]->mover == group) {
            tenon__joint_set_mover(group->joints[i], NULL);
        }
    }
}

static void end(struct tenon_group *group, enum tenon_group_status status)
{
    release_members(group);
    tenon__store8(&group->status, (uint8_t)status);
}

static void abort_with(struct tenon_group *group, const struct tenon_diag *why)
{
    group->diag = *why;
    tenon__event_group(group);
    end(group, TENON_GROUP_ABORTED);
}

/* The scalar's limits are the least over the members of limit / way, so that none is exceeded. */
static bool plan(struct tenon_group *group)
{
    double velocity = 0.0, acceleration = 0.0, jerk = 0.0;
    bool has_way = false;
    for (unsigned i = 0; i < group->joint_count; i++) {
        const struct tenon_joint *const joint = group->joints[i];
        const double way = tenon__abs(joint->delta_rad);
        if (way < NO_WAY_RAD) {
            continue;
        }
        const double v = (double)joint->limits.velocity_rad_s / way;
        const double a = (double)joint->limits.acceleration_rad_s2 / way;
        const double j = (double)joint->limits.jerk_rad_s3 / way;
        velocity = !has_way || v < velocity ? v : velocity;
        acceleration = !has_way || a < acceleration ? a : acceleration;
        jerk = !has_way || j < jerk ? j : jerk;
        has_way = true;
    }
    group->deceleration = (float)acceleration;
    if (has_way) {
        tenon__path_plan(&group->path, velocity, acceleration, jerk);
    } else {
        group->path = (struct tenon_path){.jerk = 0.0};
    }
    return has_way;
}

static void commit(struct tenon_group *group)
{
    for (unsigned i = 0; i < group->joint_count; i++) {
        struct tenon_joint *const joint = group->joints[i];
        const bool is_controlled = joint->controller.module != NULL;
        joint->start_rad = is_controlled ? joint->setpoint.position_rad : joint->last_position_rad;
        joint->delta_rad = joint->goal_rad - joint->start_rad;
        joint->setpoint = (struct tenon_joint_command){.position_rad = joint->start_rad,
                                                       .mode = tenon__joint_mode(joint)};
    }
    (void)plan(group);
    group->elapsed_cycles = 0;
    group->progress = 0.0;
    group->rate = 0.0f;
    tenon__store8(&group->status, TENON_GROUP_MOVING);
}

/* The goals of a move have come before it: of a group that waits with a member of this one they
 * have taken the place of its own, whatever becomes of this. */
static void take_from_who_waits(const struct tenon_group *group)
{
    for (unsigned i = 0; i < group->joint_count; i++) {
        struct tenon_group *const mover = group->joints[i]->mover;
        if (mover != NULL && mover != group && mover->status == TENON_GROUP_PREPARING) {
            struct tenon_diag why;
            refuse_member(&why, group->joints[i], TENON_CAUSE_BUSY);
            abort_with(mover, &why);
        }
    }
}

/* A member of a group that moves already is not taken from it. */
static const struct tenon_joint *busy_member(const struct tenon_group *group)
{
    for (unsigned i = 0; i < group->joint_count; i++) {
        const struct tenon_group *const mover = group->joints[i]->mover;
        if (mover != NULL && mover != group) {
            return group->joints[i];
        }
    }
    return NULL;
}

/* A move that waits for members being enabled is replaced by the next one. */
void tenon__group_move(struct tenon_group *group, uint32_t id)
{
    take_from_who_waits(group);
    if (group->status == TENON_GROUP_MOVING || group->status == TENON_GROUP_STOPPING) {
        return; /* refused when it was given, unless two came in one cycle: the first counts */
    }
    group->diag = (struct tenon_diag){.code = TENON_OK};
    const struct tenon_joint *const busy = busy_member(group);
    if (busy != NULL) {
        struct tenon_diag why;
        refuse_member(&why, busy, TENON_CAUSE_BUSY);
        abort_with(group, &why);
        return;
    }
    for (unsigned i = 0; i < group->joint_count; i++) {
        tenon__joint_set_mover(group->joints[i], group);
        group->joints[i]->has_setpoint = false;
    }
    group->command_id = id;
    tenon__store8(&group->status, TENON_GROUP_PREPARING);
    list(group);
}

void tenon__group_halt(struct tenon_group *group)
{
    if (group->status == TENON_GROUP_PREPARING) {
        end(group, TENON_GROUP_IDLE);
    } else if (group->status == TENON_GROUP_MOVING) {
        tenon__store8(&group->status, TENON_GROUP_STOPPING);
    }
}

static void prepare(struct tenon_group *group)
{
    struct tenon_diag why;
    const int rc = check(group, &why);
    if (rc == TENON_OK) {
        commit(group);
    } else if (rc != TENON_ERR_AGAIN) {
        abort_with(group, &why);
    }
}

/* A member that is no longer moved by us has failed or was taken away. */
static void note_loss(struct tenon_group *group, const struct tenon_joint *joint)
{
    if (group->diag.code != TENON_OK) {
        return; /* the first one counts */
    }
    group->diag = joint->diag;
    if (joint->diag.code == TENON_OK) {
        const bool by_estop = tenon__estop_is_latched(group->sched);
        refuse_member(&group->diag, joint, by_estop ? TENON_CAUSE_ESTOP : TENON_CAUSE_MEMBER);
    }
    tenon__event_group(group);
    group->diag.subject = joint->name;
    if (group->policy == TENON_GROUP_STOP_ALL && group->status == TENON_GROUP_MOVING) {
        tenon__store8(&group->status, TENON_GROUP_STOPPING);
    }
}

/* @return whether any member is left. */
static bool look_after_members(struct tenon_group *group)
{
    bool any_left = false;
    for (unsigned i = 0; i < group->joint_count; i++) {
        if (group->joints[i]->mover == group) {
            any_left = true;
        } else {
            note_loss(group, group->joints[i]);
        }
    }
    return any_left;
}

static void advance_path(struct tenon_group *group, double dt_s)
{
    if (group->status == TENON_GROUP_MOVING) {
        double rate;
        group->elapsed_cycles++;
        group->progress = tenon__path_at(&group->path, group->elapsed_cycles * dt_s, &rate);
        group->rate = (float)rate;
        return;
    }
    /* By the mean rate of the cycle: joined to a path that slows down already, the step in speed
     * stays within the limit. */
    const float before = group->rate, dt = (float)dt_s;
    const float slower = before - group->deceleration * dt;
    group->rate = slower > 0.0f ? slower : 0.0f;
    const double way = (double)(0.5f * (before + group->rate) * dt);
    group->progress = tenon__clamp(group->progress + way, 0.0, 1.0);
}

static void set_points(const struct tenon_group *group)
{
    for (unsigned i = 0; i < group->joint_count; i++) {
        struct tenon_joint *const joint = group->joints[i];
        if (joint->mover == group) {
            joint->setpoint.position_rad = joint->start_rad + group->progress * joint->delta_rad;
            joint->setpoint.velocity_rad_s = group->rate * (float)joint->delta_rad;
            tenon__joint_trace(joint, group->command_id);
        }
    }
}

static bool has_arrived(const struct tenon_group *group, double dt_s)
{
    if (group->status == TENON_GROUP_MOVING) {
        return group->elapsed_cycles * dt_s >= group->path.duration_s;
    }
    return !(group->rate > 0.0f);
}

static void advance(struct tenon_group *group, double dt_s)
{
    if (group->status == TENON_GROUP_PREPARING) {
        prepare(group);
    }
    if (group->status != TENON_GROUP_MOVING && group->status != TENON_GROUP_STOPPING) {
        return;
    }
    if (!look_after_members(group)) {
        end(group, TENON_GROUP_ABORTED);
        return;
    }
    advance_path(group, dt_s);
    set_points(group);
    if (has_arrived(group, dt_s)) {
        const bool was_stopped = group->status == TENON_GROUP_STOPPING;
        end(group, group->diag.code != TENON_OK ? TENON_GROUP_ABORTED
                   : was_stopped                ? TENON_GROUP_IDLE
                                                : TENON_GROUP_DONE);
    }
}

void tenon__groups_advance(struct tenon_sched *sched)
{
    const double dt_s = (double)sched->period_ns * 1e-9;
    struct tenon_group **link = &sched->groups;
    while (*link != NULL) {
        struct tenon_group *const group = *link;
        advance(group, dt_s);
        const bool is_active = group->status == TENON_GROUP_PREPARING ||
                               group->status == TENON_GROUP_MOVING ||
                               group->status == TENON_GROUP_STOPPING;
        if (is_active) {
            link = &group->next;
        } else {
            *link = group->next;
            group->is_listed = false;
        }
    }
}
