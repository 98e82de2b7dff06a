/*
 * The commands of a program with one commanding thread: through the scheduler's own producer. And
 * what the thread that runs the cycles may ask of joints and groups.
 */
#include "core_internal.h"

static struct tenon_producer *own(struct tenon_sched *sched)
{
    return sched != NULL ? &sched->own : NULL;
}

static struct tenon_producer *of_joint(const struct tenon_joint *joint)
{
    return joint != NULL ? own(joint->sched) : NULL;
}

static struct tenon_producer *of_group(const struct tenon_group *group)
{
    return group != NULL ? own(group->sched) : NULL;
}

int tenon_joint_enable(struct tenon_joint *self)
{
    return tenon_producer_enable(of_joint(self), self);
}

int tenon_joint_disable(struct tenon_joint *self)
{
    return tenon_producer_disable(of_joint(self), self);
}

int tenon_joint_stop(struct tenon_joint *self)
{
    return tenon_producer_stop(of_joint(self), self);
}

int tenon_joint_reset(struct tenon_joint *self)
{
    return tenon_producer_reset(of_joint(self), self);
}

int tenon_joint_accept_calibration(struct tenon_joint *self)
{
    return tenon_producer_accept_calibration(of_joint(self), self);
}

int tenon_joint_move_to(struct tenon_joint *self, double goal_rad)
{
    return tenon_producer_move_to(of_joint(self), self, goal_rad);
}

int tenon_joint_follow(struct tenon_joint *self, const struct tenon_joint_command *command)
{
    return tenon_producer_follow(of_joint(self), self, command);
}

int tenon_group_move_to(struct tenon_group *self, const double *goals_rad)
{
    return tenon_producer_move_group(of_group(self), self, goals_rad);
}

int tenon_group_stop(struct tenon_group *self)
{
    return tenon_producer_stop_group(of_group(self), self);
}

int tenon_group_enable(struct tenon_group *self)
{
    return tenon_producer_enable_group(of_group(self), self);
}

int tenon_group_disable(struct tenon_group *self)
{
    return tenon_producer_disable_group(of_group(self), self);
}

/* --- asked by the thread that runs the cycles --- */

static bool is_awaited(const struct tenon_joint *joint)
{
    const struct tenon_sched *const sched = joint->sched;
    for (const struct tenon_producer *p = sched != NULL ? sched->producers : NULL; p != NULL;
         p = p->next) {
        if (tenon__queue_holds(&p->queue, joint, TENON__ANY_OP)) {
            return true;
        }
    }
    return false;
}

bool tenon_joint_is_moving(const struct tenon_joint *self)
{
    if (self == NULL) {
        return false;
    }
    const bool is_on_its_way =
        self->status == TENON_JOINT_ENABLING || self->status == TENON_JOINT_STOPPING;
    return is_on_its_way || self->mover != NULL || tenon__joint_speed(self) > 0.0f ||
           is_awaited(self);
}

static bool is_in_position(const struct tenon_joint *joint)
{
    const struct tenon_joint_supervision *const s = joint->supervision;
    return s == NULL || !(s->window_rad > 0.0f) || tenon__load8(&s->is_in_position) != 0;
}

bool tenon_joint_is_homed(const struct tenon_joint *self)
{
    if (self == NULL) {
        return false;
    }
    const struct tenon_drivetrain *const d = self->drivetrain;
    const struct tenon_slot *const motors = d != NULL ? d->motors : &self->motor;
    const unsigned count = d != NULL ? d->motor_count : 1u;
    for (unsigned i = 0; i < count; i++) {
        const struct tenon_motor *const motor = tenon__slot_motor(&motors[i]);
        if (motor == NULL || tenon__load8(&motor->is_unhomed) != 0) {
            return false;
        }
    }
    return true;
}

bool tenon_joint_is_settled(const struct tenon_joint *self, double tolerance_rad)
{
    return self != NULL && self->status == TENON_JOINT_ENABLED && !tenon_joint_is_moving(self) &&
           tenon__abs(self->setpoint.position_rad - self->state.position_rad) <= tolerance_rad &&
           is_in_position(self);
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

/* --- the scheduler --- */

int tenon_sched_make_safe(struct tenon_sched *self)
{
    return self != NULL ? tenon_producer_make_safe(&self->own) : TENON_ERR_ARG;
}

void tenon_sched_beat(struct tenon_sched *self)
{
    tenon_producer_beat(own(self));
}

const struct tenon_diag *tenon_sched_diag(const struct tenon_sched *self)
{
    return tenon_producer_diag(self != NULL ? &self->own : NULL);
}

uint32_t tenon_sched_command_id(const struct tenon_sched *self)
{
    return self != NULL ? tenon_producer_command_id(&self->own) : 0;
}
