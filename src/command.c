/*
 * What the application may ask. Each call checks what can be checked at once, then puts its entries
 * into the queue, all or none; the step takes them out again at its beginning.
 */
#include "core_internal.h"

static int refuse_joint(
    const struct tenon_joint *joint, int code, enum tenon_cause cause, double value, double bound)
{
    return tenon__refuse_value(joint->sched, code, cause, joint->name, (float)value, (float)bound);
}

static int refuse_with_diag(struct tenon_joint *joint)
{
    struct tenon_diag diag = joint->diag;
    diag.code = TENON_ERR_STATE;
    return tenon__refuse_diag(joint->sched, &diag);
}

/*
 * Commands that come too early are told, but not held against start. What is in no scheduler has
 * no one to tell it to.
 */
static int tell(struct tenon_sched *sched, int code, enum tenon_cause cause, const char *name)
{
    if (sched != NULL) {
        sched->diag =
            (struct tenon_diag){.code = (int16_t)code, .cause = (uint16_t)cause, .subject = name};
    }
    return code;
}

static int check_running(struct tenon_sched *sched, const char *name)
{
    return sched != NULL && sched->is_started
               ? TENON_OK
               : tell(sched, TENON_ERR_STATE, TENON_CAUSE_NOT_STARTED, name);
}

static int check_room(struct tenon_sched *sched, uint32_t count, const char *name)
{
    const uint32_t room = tenon__queue_room(&sched->queue);
    if (room < count) {
        return tenon__refuse_value(sched, TENON_ERR_FULL, TENON_CAUSE_QUEUE_FULL, name,
                                   (float)count, (float)sched->queue.capacity);
    }
    return TENON_OK;
}

static void put(struct tenon_sched *sched, uint32_t offset, const struct tenon_command_entry *entry)
{
    tenon__queue_put(&sched->queue, offset, entry);
    if (entry->joint != NULL) {
        tenon__store(&entry->joint->issued, entry->joint->issued + 1u);
    }
}

static void publish(struct tenon_sched *sched, uint32_t count)
{
    tenon__queue_publish(&sched->queue, count);
    tenon_sched_beat(sched);
}

static int
put_one(struct tenon_joint *joint, enum tenon__op op, const struct tenon_joint_command *command)
{
    struct tenon_command_entry entry = {.joint = joint, .op = (uint8_t)op};
    const int rc = check_room(joint->sched, 1, joint->name);
    if (rc < 0) {
        return rc;
    }
    if (command != NULL) {
        entry.command = *command;
    }
    put(joint->sched, 0, &entry);
    publish(joint->sched, 1);
    return TENON_OK;
}

/* --- checks --- */

static int check_enable(struct tenon_joint *joint)
{
    if (tenon__load(&joint->sched->estop) != 0) {
        return refuse_joint(joint, TENON_ERR_STATE, TENON_CAUSE_ESTOP, 0.0, 0.0);
    }
    const bool is_awaited = tenon__load(&joint->issued) != tenon__load(&joint->handled);
    if (joint->diag.code != TENON_OK && !is_awaited) {
        return refuse_with_diag(joint);
    }
    const uint8_t status = tenon__load8(&joint->status);
    if (joint->diag.code != TENON_OK ||
        tenon__status_is_down(status)) { /* a reset is not through yet, or a coupled joint failed */
        return refuse_joint(joint, TENON_ERR_STATE, TENON_CAUSE_NOT_READY, 0.0, 0.0);
    }
    return TENON_OK;
}

static int check_can_move(struct tenon_joint *joint)
{
    const uint8_t status = tenon__load8(&joint->status);
    if (joint->diag.code != TENON_OK) {
        return refuse_with_diag(joint);
    }
    if (tenon__load8(&joint->wants_torque) == 0 || tenon__status_is_down(status)) {
        return refuse_joint(joint, TENON_ERR_STATE, TENON_CAUSE_NOT_ENABLED, 0.0, 0.0);
    }
    return TENON_OK;
}

static int refuse_goal(const struct tenon_joint *joint)
{
    const struct tenon_diag diag = {.code = TENON_ERR_ARG,
                                    .cause = TENON_CAUSE_NOT_FINITE,
                                    .subject = joint->name,
                                    .detail = "the goal"};
    return tenon__refuse_diag(joint->sched, &diag);
}

static int check_goal(struct tenon_joint *joint, double goal, const struct tenon_group *group)
{
    if (!tenon__is_finite(goal)) {
        return refuse_goal(joint);
    }
    const int rc = check_can_move(joint);
    if (rc < 0) {
        return rc;
    }
    if (joint->mover != NULL && (joint->mover != group || group->status != TENON_GROUP_PREPARING)) {
        return refuse_joint(joint, TENON_ERR_STATE, TENON_CAUSE_BUSY, 0.0, 0.0);
    }
    const uint8_t mode = tenon__joint_mode(joint);
    if (!tenon__mode_is_position(mode)) {
        return refuse_joint(joint, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED, mode, 0.0);
    }
    if (goal < joint->limits.position_min_rad) {
        return refuse_joint(joint, TENON_ERR_LIMIT, TENON_CAUSE_GOAL_OUTSIDE_LIMITS, goal,
                            joint->limits.position_min_rad);
    }
    if (goal > joint->limits.position_max_rad) {
        return refuse_joint(joint, TENON_ERR_LIMIT, TENON_CAUSE_GOAL_OUTSIDE_LIMITS, goal,
                            joint->limits.position_max_rad);
    }
    return TENON_OK;
}

/* --- joints --- */

int tenon_joint_enable(struct tenon_joint *self)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    int rc = check_running(self->sched, self->name);
    rc = rc < 0 ? rc : check_enable(self);
    rc = rc < 0 ? rc : put_one(self, TENON__OP_ENABLE, NULL);
    if (rc == TENON_OK) {
        tenon__store8(&self->wants_torque, 1);
    }
    return rc;
}

static int put_checked(struct tenon_joint *self, enum tenon__op op)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    const int rc = check_running(self->sched, self->name);
    return rc < 0 ? rc : put_one(self, op, NULL);
}

int tenon_joint_disable(struct tenon_joint *self)
{
    return put_checked(self, TENON__OP_DISABLE);
}

int tenon_joint_stop(struct tenon_joint *self)
{
    return put_checked(self, TENON__OP_STOP);
}

int tenon_joint_reset(struct tenon_joint *self)
{
    return put_checked(self, TENON__OP_RESET);
}

static int put_plan(struct tenon_joint *self, bool is_to_rest)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    int rc = check_running(self->sched, self->name);
    rc = rc < 0 ? rc : check_room(self->sched, 1, self->name);
    rc = rc < 0 ? rc : tenon__plan_prepare(self, is_to_rest);
    if (rc < 0) {
        return rc;
    }
    self->sched->plan_issued++;
    return put_one(self, is_to_rest ? TENON__OP_SUSPEND : TENON__OP_RESUME, NULL);
}

int tenon_joint_suspend(struct tenon_joint *self)
{
    return put_plan(self, true);
}

int tenon_joint_resume(struct tenon_joint *self)
{
    return put_plan(self, false);
}

int tenon_joint_move_to(struct tenon_joint *self, double goal_rad)
{
    return self != NULL ? tenon_group_move_to(&self->own, &goal_rad) : TENON_ERR_ARG;
}

int tenon_joint_follow(struct tenon_joint *self, const struct tenon_joint_command *command)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    if (command == NULL) {
        return tell(self->sched, TENON_ERR_ARG, TENON_CAUSE_NULL, self->name);
    }
    int rc = check_running(self->sched, self->name);
    rc = rc < 0 ? rc : check_can_move(self);
    if (rc < 0) {
        return rc;
    }
    if (!tenon__is_finite(command->position_rad) || !tenon__is_finitef(command->velocity_rad_s) ||
        !tenon__is_finitef(command->effort_nm)) {
        return refuse_joint(self, TENON_ERR_ARG, TENON_CAUSE_NOT_FINITE, 0.0, 0.0);
    }
    if (self->mover != NULL) {
        return refuse_joint(self, TENON_ERR_STATE, TENON_CAUSE_BUSY, 0.0, 0.0);
    }
    const bool is_known = command->mode > TENON_MODE_NONE && command->mode <= TENON_MODE_PWM;
    if (!is_known ||
        (self->controller.module == NULL && command->mode != tenon__joint_mode(self))) {
        return refuse_joint(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED,
                            command->mode, 0.0);
    }
    return put_one(self, TENON__OP_FOLLOW, command);
}

bool tenon_joint_is_moving(const struct tenon_joint *self)
{
    if (self == NULL) {
        return false;
    }
    const bool is_on_its_way =
        self->status == TENON_JOINT_ENABLING || self->status == TENON_JOINT_STOPPING;
    return tenon__load(&self->issued) != tenon__load(&self->handled) || self->mover != NULL ||
           is_on_its_way || tenon__joint_speed(self) > 0.0f;
}

static bool is_in_position(const struct tenon_joint *joint)
{
    const struct tenon_joint_supervision *const s = joint->supervision;
    return s == NULL || !(s->window_rad > 0.0f) || tenon__load8(&s->is_in_position) != 0;
}

bool tenon_joint_is_settled(const struct tenon_joint *self, double tolerance_rad)
{
    return self != NULL && self->status == TENON_JOINT_ENABLED && !tenon_joint_is_moving(self) &&
           tenon__abs(self->setpoint.position_rad - self->state.position_rad) <= tolerance_rad &&
           is_in_position(self);
}

/* --- groups --- */

static int check_group(const struct tenon_group *group)
{
    if (group == NULL) {
        return TENON_ERR_ARG;
    }
    return check_running(group->sched, group->name);
}

int tenon_group_move_to(struct tenon_group *self, const double *goals_rad)
{
    if (self != NULL && goals_rad == NULL) {
        return tell(self->sched, TENON_ERR_ARG, TENON_CAUSE_NULL, self->name);
    }
    int rc = check_group(self);
    if (rc < 0) {
        return rc;
    }
    for (unsigned i = 0; i < self->joint_count; i++) {
        rc = check_goal(self->joints[i], goals_rad[i], self);
        if (rc < 0) {
            return rc;
        }
    }
    rc = check_room(self->sched, self->joint_count + 1u, self->name);
    if (rc < 0) {
        return rc;
    }
    for (unsigned i = 0; i < self->joint_count; i++) {
        const struct tenon_command_entry goal = {.joint = self->joints[i],
                                                 .op = TENON__OP_GOAL,
                                                 .command = {.position_rad = goals_rad[i]}};
        put(self->sched, i, &goal);
    }
    const struct tenon_command_entry move = {.group = self, .op = TENON__OP_MOVE};
    put(self->sched, self->joint_count, &move);
    publish(self->sched, self->joint_count + 1u);
    return TENON_OK;
}

int tenon_group_stop(struct tenon_group *self)
{
    int rc = check_group(self);
    rc = rc < 0 ? rc : check_room(self->sched, 1, self->name);
    if (rc < 0) {
        return rc;
    }
    const struct tenon_command_entry entry = {.group = self, .op = TENON__OP_GROUP_STOP};
    put(self->sched, 0, &entry);
    publish(self->sched, 1);
    return TENON_OK;
}

static int put_for_all(struct tenon_group *self, enum tenon__op op)
{
    const int rc = check_room(self->sched, self->joint_count, self->name);
    if (rc < 0) {
        return rc;
    }
    for (unsigned i = 0; i < self->joint_count; i++) {
        const struct tenon_command_entry entry = {.joint = self->joints[i], .op = (uint8_t)op};
        put(self->sched, i, &entry);
    }
    publish(self->sched, self->joint_count);
    return TENON_OK;
}

int tenon_group_enable(struct tenon_group *self)
{
    int rc = check_group(self);
    for (unsigned i = 0; rc >= 0 && i < self->joint_count; i++) {
        rc = check_enable(self->joints[i]);
    }
    rc = rc < 0 ? rc : put_for_all(self, TENON__OP_ENABLE);
    for (unsigned i = 0; rc >= 0 && i < self->joint_count; i++) {
        tenon__store8(&self->joints[i]->wants_torque, 1);
    }
    return rc;
}

int tenon_group_disable(struct tenon_group *self)
{
    const int rc = check_group(self);
    return rc < 0 ? rc : put_for_all(self, TENON__OP_DISABLE);
}

bool tenon_group_is_settled(const struct tenon_group *self, double tolerance_rad)
{
    if (self == NULL || self->status == TENON_GROUP_PREPARING) {
        return false;
    }
    for (unsigned i = 0; i < self->joint_count; i++) {
        if (!tenon_joint_is_settled(self->joints[i], tolerance_rad)) {
            return false;
        }
    }
    return true;
}

/* --- all at once --- */

int tenon_sched_make_safe(struct tenon_sched *self)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    int rc = check_running(self, "scheduler");
    rc = rc < 0 ? rc : check_room(self, 1, NULL);
    if (rc < 0) {
        return rc;
    }
    const struct tenon_command_entry entry = {.op = TENON__OP_MAKE_SAFE};
    put(self, 0, &entry);
    publish(self, 1);
    return TENON_OK;
}

void tenon_sched_estop(struct tenon_sched *self)
{
    if (self != NULL) {
        tenon__store(&self->estop, 1);
    }
}

void tenon_sched_clear_estop(struct tenon_sched *self)
{
    if (self != NULL &&
        (self->estop_handled || !self->is_started)) { /* what no step has seen yet stays */
        tenon__store(&self->estop, 0);
    }
}

void tenon_sched_beat(struct tenon_sched *self)
{
    if (self != NULL) {
        tenon__store(&self->beats, self->beats + 1u);
    }
}
