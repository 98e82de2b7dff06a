/*
 * What the application may ask. Each call checks what can be checked at once, then puts its entries
 * into its producer's queue, all or none; the step takes them out again at its beginning. The
 * checks run in the producer's thread: of joints and groups they look at shared words only.
 */
#include "core_internal.h"

static int refuse(struct tenon_producer *p, const struct tenon_diag *why)
{
    p->diag = *why;
    return why->code;
}

static int refuse_value(struct tenon_producer *p,
                        int code,
                        enum tenon_cause cause,
                        const char *name,
                        double value,
                        double bound)
{
    const struct tenon_diag why = {.code = (int16_t)code,
                                   .cause = (uint16_t)cause,
                                   .value = (float)value,
                                   .bound = (float)bound,
                                   .subject = name};
    return refuse(p, &why);
}

static int
refuse_cause(struct tenon_producer *p, int code, enum tenon_cause cause, const char *name)
{
    return refuse_value(p, code, cause, name, 0.0, 0.0);
}

static int refuse_null(struct tenon_producer *p, const char *name)
{
    return p != NULL ? refuse_cause(p, TENON_ERR_ARG, TENON_CAUSE_NULL, name) : TENON_ERR_ARG;
}

/* What is in no scheduler has no one to tell it to. */
static int
check_running(struct tenon_producer *p, const struct tenon_sched *sched, const char *name)
{
    if (p == NULL || p->sched == NULL) {
        return TENON_ERR_STATE;
    }
    if (sched != p->sched) {
        return refuse_cause(p, TENON_ERR_ARG, TENON_CAUSE_NOT_ADDED, name);
    }
    return p->sched->is_started ? TENON_OK
                                : refuse_cause(p, TENON_ERR_STATE, TENON_CAUSE_NOT_STARTED, name);
}

static int check_room(struct tenon_producer *p, uint32_t count, const char *name)
{
    if (tenon__queue_room(&p->queue) < count) {
        return refuse_value(p, TENON_ERR_FULL, TENON_CAUSE_QUEUE_FULL, name, count,
                            p->queue.capacity);
    }
    return TENON_OK;
}

/* The low byte tells the producers apart, so that no two give the same. */
static uint32_t next_id(const struct tenon_producer *p)
{
    const uint32_t id = p->command_id + 0x100u;
    return id > 0xFFu ? id : id + 0x100u; /* 0 means none */
}

static void publish(struct tenon_producer *p, uint32_t count)
{
    p->command_id = next_id(p);
    tenon__queue_publish(&p->queue, count);
    tenon_producer_beat(p);
}

static int put_one(struct tenon_producer *p, struct tenon_command_entry *entry, const char *n)
{
    const int rc = check_room(p, 1, n);
    if (rc < 0) {
        return rc;
    }
    entry->id = next_id(p);
    tenon__queue_put(&p->queue, 0, entry);
    publish(p, 1);
    return TENON_OK;
}

/* --- checks --- */

static int
refuse_fault(struct tenon_producer *p, const struct tenon_joint *joint, struct tenon_diag *why)
{
    why->code = TENON_ERR_STATE;
    why->subject = why->subject != NULL ? why->subject : joint->name;
    return refuse(p, why);
}

static int check_enable(struct tenon_producer *p, const struct tenon_joint *joint)
{
    if (tenon__estop_is_latched(p->sched)) {
        return refuse_cause(p, TENON_ERR_STATE, TENON_CAUSE_ESTOP, joint->name);
    }
    struct tenon_diag why;
    const bool is_faulty = tenon__diag_get(&joint->diag, &why);
    if (is_faulty && !tenon__queue_holds(&p->queue, joint, TENON__ANY_OP)) {
        return refuse_fault(p, joint, &why);
    }
    const uint8_t status = tenon__load8(&joint->status);
    if (is_faulty ||
        tenon__status_is_down(status)) { /* a reset is not through yet, or a coupled joint failed */
        return refuse_cause(p, TENON_ERR_STATE, TENON_CAUSE_NOT_READY, joint->name);
    }
    if (!tenon_joint_is_homed(joint) && !tenon__queue_holds(&p->queue, joint, TENON__OP_ACCEPT)) {
        return refuse_cause(p, TENON_ERR_STATE, TENON_CAUSE_UNHOMED, joint->name);
    }
    return TENON_OK;
}

/* What has been asked for in the same breath counts: moves wait for torque. */
static bool wants_torque(const struct tenon_producer *p, const struct tenon_joint *joint)
{
    return tenon__load8(&joint->wants_torque) != 0 ||
           tenon__queue_holds(&p->queue, joint, TENON__OP_ENABLE);
}

static int check_can_move(struct tenon_producer *p, const struct tenon_joint *joint)
{
    struct tenon_diag why;
    if (tenon__diag_get(&joint->diag, &why)) {
        return refuse_fault(p, joint, &why);
    }
    const uint8_t status = tenon__load8(&joint->status);
    if (tenon__status_is_down(status) || !wants_torque(p, joint)) {
        return refuse_cause(p, TENON_ERR_STATE, TENON_CAUSE_NOT_ENABLED, joint->name);
    }
    return TENON_OK;
}

static int check_reachable(struct tenon_producer *p, const struct tenon_joint *joint, double goal)
{
    const double min = tenon__load_double(&joint->limits.position_min_rad);
    const double max = tenon__load_double(&joint->limits.position_max_rad);
    if (goal < min || goal > max) {
        return refuse_value(p, TENON_ERR_LIMIT, TENON_CAUSE_GOAL_OUTSIDE_LIMITS, joint->name, goal,
                            goal < min ? min : max);
    }
    return TENON_OK;
}

static bool is_busy_elsewhere(const struct tenon_joint *joint, const struct tenon_group *group)
{
    const struct tenon_group *const mover = tenon__joint_mover(joint);
    return mover != NULL &&
           (mover != group || tenon__load8(&group->status) != TENON_GROUP_PREPARING);
}

static int check_goal(struct tenon_producer *p,
                      struct tenon_joint *joint,
                      double goal,
                      const struct tenon_group *group)
{
    if (!tenon__is_finite(goal)) {
        const struct tenon_diag why = {.code = TENON_ERR_ARG,
                                       .cause = TENON_CAUSE_NOT_FINITE,
                                       .subject = joint->name,
                                       .detail = "the goal"};
        return refuse(p, &why);
    }
    const int rc = check_can_move(p, joint);
    if (rc < 0) {
        return rc;
    }
    if (is_busy_elsewhere(joint, group)) {
        return refuse_cause(p, TENON_ERR_STATE, TENON_CAUSE_BUSY, joint->name);
    }
    const uint8_t mode = tenon__joint_mode(joint);
    if (!tenon__mode_is_position(mode)) {
        return refuse_value(p, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED, joint->name,
                            mode, 0.0);
    }
    return check_reachable(p, joint, goal);
}

static int check_command(struct tenon_producer *p,
                         struct tenon_joint *joint,
                         const struct tenon_joint_command *c)
{
    if (!tenon__is_finite(c->position_rad) || !tenon__is_finitef(c->velocity_rad_s) ||
        !tenon__is_finitef(c->effort_nm)) {
        return refuse_cause(p, TENON_ERR_ARG, TENON_CAUSE_NOT_FINITE, joint->name);
    }
    if (tenon__joint_mover(joint) != NULL) {
        return refuse_cause(p, TENON_ERR_STATE, TENON_CAUSE_BUSY, joint->name);
    }
    const bool is_known = c->mode > TENON_MODE_NONE && c->mode <= TENON_MODE_PWM;
    if (!is_known || (joint->controller.module == NULL && c->mode != tenon__joint_mode(joint))) {
        return refuse_value(p, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED, joint->name,
                            c->mode, 0.0);
    }
    return TENON_OK;
}

/* --- joints --- */

static int give(struct tenon_producer *p, struct tenon_joint *joint, enum tenon__op op)
{
    if (joint == NULL) {
        return TENON_ERR_ARG;
    }
    struct tenon_command_entry entry = {.joint = joint, .op = (uint8_t)op};
    int rc = check_running(p, joint->sched, joint->name);
    rc = rc >= 0 && op == TENON__OP_ENABLE ? check_enable(p, joint) : rc;
    return rc < 0 ? rc : put_one(p, &entry, joint->name);
}

int tenon_producer_enable(struct tenon_producer *self, struct tenon_joint *joint)
{
    return give(self, joint, TENON__OP_ENABLE);
}

int tenon_producer_disable(struct tenon_producer *self, struct tenon_joint *joint)
{
    return give(self, joint, TENON__OP_DISABLE);
}

int tenon_producer_stop(struct tenon_producer *self, struct tenon_joint *joint)
{
    return give(self, joint, TENON__OP_STOP);
}

int tenon_producer_reset(struct tenon_producer *self, struct tenon_joint *joint)
{
    return give(self, joint, TENON__OP_RESET);
}

int tenon_producer_accept_calibration(struct tenon_producer *self, struct tenon_joint *joint)
{
    return give(self, joint, TENON__OP_ACCEPT);
}

int tenon_producer_move_to(struct tenon_producer *self, struct tenon_joint *joint, double goal_rad)
{
    return joint != NULL ? tenon_producer_move_group(self, &joint->own, &goal_rad) : TENON_ERR_ARG;
}

int tenon_producer_follow(struct tenon_producer *self,
                          struct tenon_joint *joint,
                          const struct tenon_joint_command *command)
{
    if (joint == NULL) {
        return TENON_ERR_ARG;
    }
    if (command == NULL) {
        return refuse_null(self, joint->name);
    }
    int rc = check_running(self, joint->sched, joint->name);
    rc = rc < 0 ? rc : check_can_move(self, joint);
    rc = rc < 0 ? rc : check_command(self, joint, command);
    if (rc < 0) {
        return rc;
    }
    struct tenon_command_entry entry = {
        .joint = joint,
        .op = TENON__OP_FOLLOW,
        .position_rad = command->position_rad,
        .velocity_rad_s = command->velocity_rad_s,
        .effort_nm = command->effort_nm,
        .mode = command->mode,
    };
    return put_one(self, &entry, joint->name);
}

/* The plan is prepared in one thread only: the application's. */
static int put_plan(struct tenon_joint *joint, bool is_to_rest)
{
    if (joint == NULL) {
        return TENON_ERR_ARG;
    }
    struct tenon_producer *const own = joint->sched != NULL ? &joint->sched->own : NULL;
    struct tenon_command_entry entry = {.joint = joint,
                                        .op = is_to_rest ? TENON__OP_SUSPEND : TENON__OP_RESUME};
    int rc = check_running(own, joint->sched, joint->name);
    rc = rc < 0 ? rc : check_room(own, 1, joint->name);
    rc = rc < 0 ? rc : tenon__plan_prepare(joint, is_to_rest);
    if (rc < 0) {
        return rc;
    }
    joint->sched->plan_issued++;
    return put_one(own, &entry, joint->name);
}

int tenon_joint_suspend(struct tenon_joint *self)
{
    return put_plan(self, true);
}

int tenon_joint_resume(struct tenon_joint *self)
{
    return put_plan(self, false);
}

/* --- groups --- */

static int check_group(struct tenon_producer *p, const struct tenon_group *group)
{
    return group != NULL ? check_running(p, group->sched, group->name) : TENON_ERR_ARG;
}

int tenon_producer_move_group(struct tenon_producer *self,
                              struct tenon_group *group,
                              const double *goals_rad)
{
    if (group != NULL && goals_rad == NULL) {
        return refuse_null(self, group->name);
    }
    int rc = check_group(self, group);
    for (unsigned i = 0; rc >= 0 && i < group->joint_count; i++) {
        rc = check_goal(self, group->joints[i], goals_rad[i], group);
    }
    rc = rc < 0 ? rc : check_room(self, group->joint_count + 1u, group->name);
    if (rc < 0) {
        return rc;
    }
    for (unsigned i = 0; i < group->joint_count; i++) {
        const struct tenon_command_entry goal = {.joint = group->joints[i],
                                                 .id = next_id(self),
                                                 .op = TENON__OP_GOAL,
                                                 .position_rad = goals_rad[i]};
        tenon__queue_put(&self->queue, i, &goal);
    }
    const struct tenon_command_entry move = {
        .group = group, .op = TENON__OP_MOVE, .id = next_id(self)};
    tenon__queue_put(&self->queue, group->joint_count, &move);
    publish(self, group->joint_count + 1u);
    return TENON_OK;
}

int tenon_producer_stop_group(struct tenon_producer *self, struct tenon_group *group)
{
    const int rc = check_group(self, group);
    struct tenon_command_entry entry = {.group = group, .op = TENON__OP_GROUP_STOP};
    return rc < 0 ? rc : put_one(self, &entry, group->name);
}

static int put_for_all(struct tenon_producer *p, struct tenon_group *group, enum tenon__op op)
{
    const int rc = check_room(p, group->joint_count, group->name);
    if (rc < 0) {
        return rc;
    }
    for (unsigned i = 0; i < group->joint_count; i++) {
        const struct tenon_command_entry entry = {
            .joint = group->joints[i], .op = (uint8_t)op, .id = next_id(p)};
        tenon__queue_put(&p->queue, i, &entry);
    }
    publish(p, group->joint_count);
    return TENON_OK;
}

int tenon_producer_enable_group(struct tenon_producer *self, struct tenon_group *group)
{
    int rc = check_group(self, group);
    for (unsigned i = 0; rc >= 0 && i < group->joint_count; i++) {
        rc = check_enable(self, group->joints[i]);
    }
    return rc < 0 ? rc : put_for_all(self, group, TENON__OP_ENABLE);
}

int tenon_producer_disable_group(struct tenon_producer *self, struct tenon_group *group)
{
    const int rc = check_group(self, group);
    return rc < 0 ? rc : put_for_all(self, group, TENON__OP_DISABLE);
}

/* --- all at once --- */

int tenon_producer_make_safe(struct tenon_producer *self)
{
    struct tenon_command_entry entry = {.op = TENON__OP_MAKE_SAFE};
    const int rc = check_running(self, self != NULL ? self->sched : NULL, "scheduler");
    return rc < 0 ? rc : put_one(self, &entry, "scheduler");
}

void tenon_producer_beat(struct tenon_producer *self)
{
    if (self != NULL) {
        tenon__store(&self->beats, self->beats + 1u);
    }
}

bool tenon_producer_is_idle(const struct tenon_producer *self)
{
    return self != NULL && tenon__load(&self->queue.head) == self->queue.tail;
}

uint32_t tenon_producer_command_id(const struct tenon_producer *self)
{
    return self != NULL && self->command_id > 0xFFu ? self->command_id : 0;
}

bool tenon_producer_is_moving(const struct tenon_producer *self, const struct tenon_joint *joint)
{
    if (self == NULL || joint == NULL) {
        return false;
    }
    if (!tenon_producer_is_idle(self)) {
        return true;
    }
    const uint8_t status = tenon__load8(&joint->status);
    return tenon__joint_mover(joint) != NULL || status == TENON_JOINT_ENABLING ||
           status == TENON_JOINT_STOPPING;
}

const struct tenon_diag *tenon_producer_diag(const struct tenon_producer *self)
{
    static const struct tenon_diag no_producer = {.code = TENON_ERR_ARG, .cause = TENON_CAUSE_NULL};
    return self != NULL ? &self->diag : &no_producer;
}

/* --- the emergency stop: any context writes `estop`, so it is a number that no step has seen yet,
 * not a flag that clearing could overwrite --- */

void tenon_sched_estop(struct tenon_sched *self)
{
    if (self == NULL) {
        return;
    }
    const uint32_t seen = tenon__load(&self->estop_seen);
    tenon__store(&self->estop, seen + 1u);
    const uint32_t now_seen = tenon__load(&self->estop_seen);
    if (now_seen != seen) { /* a step went by meanwhile: it may have been the other one's */
        tenon__store(&self->estop, now_seen + 1u);
    }
}

void tenon_sched_clear_estop(struct tenon_sched *self)
{
    if (self != NULL) { /* what no step has seen yet stays */
        tenon__store(&self->estop_cleared,
                     tenon__load(self->is_started ? &self->estop_seen : &self->estop));
    }
}
