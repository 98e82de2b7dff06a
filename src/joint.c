/* A joint: what it is told, and one cycle of doing it. */
#include "core_internal.h"

/* The mode of its motors, or POSITION if a controller makes what they need of it. */
uint8_t tenon__joint_mode(struct tenon_joint *joint)
{
    if (joint->controller.module != NULL) {
        return TENON_MODE_POSITION;
    }
    unsigned count;
    return tenon__slot_motor(&tenon__joint_motors(joint, &count)[0])->mode;
}

void tenon__joint_wish(struct tenon_joint *joint, enum tenon__wish wish)
{
    unsigned count;
    struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        tenon__slot_wish(joint->sched, &motors[i], wish);
    }
}

/* --- torque on --- */

static void enable_one(struct tenon_joint *joint)
{
    if (joint->status == TENON_JOINT_DISABLED || joint->status == TENON_JOINT_HOLDING) {
        tenon__joint_enter(joint, TENON_JOINT_ENABLING);
        joint->has_setpoint = false;
    }
    if (joint->status == TENON_JOINT_ENABLING || joint->status == TENON_JOINT_STOPPING) {
        joint->after_stop = TENON_JOINT_ENABLED; /* one that brakes ends enabled */
    }
    if (!tenon__status_is_down(joint->status)) {
        tenon__store8(&joint->wants_torque, 1);
    }
}

void tenon__joint_enable(struct tenon_joint *joint)
{
    if (joint->diag.code != TENON_OK || tenon__estop_is_latched(joint->sched) ||
        !tenon_joint_is_homed(joint)) {
        return;
    }
    unsigned count;
    struct tenon_joint *const *const siblings = tenon__joint_siblings(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        enable_one(siblings[i]);
    }
    if (joint->status == TENON_JOINT_ENABLING) {
        tenon__joint_wish(joint, TENON__WISH_ACTIVE);
    }
}

static struct tenon_controller_input input_of(const struct tenon_joint *joint, float dt_s)
{
    const struct tenon_controller_input input = {
        .setpoint = joint->setpoint,
        .state = joint->state,
        .position_error_rad = (float)(joint->setpoint.position_rad - joint->state.position_rad),
        .dt_s = dt_s,
    };
    return input;
}

/* What was applied while it did not command: its inner state begins there, not where it once was.
 */
void tenon__joint_align(struct tenon_joint *joint)
{
    struct tenon_controller *const controller = tenon__slot_controller(&joint->controller);
    if (controller == NULL) {
        return;
    }
    unsigned count;
    struct tenon_joint_command applied = joint->command;
    applied.mode = tenon__slot_motor(&tenon__joint_motors(joint, &count)[0])->mode;
    const float dt_s = (float)joint->sched->period_ns * 1e-9f * (float)joint->divisor;
    const struct tenon_controller_input input = input_of(joint, dt_s);
    (void)tenon_controller_get_api(controller)->track(controller, &input, &applied);
}

/* Enabled from here on, holding; or only holding, if it was made safe on the way. */
void tenon__joint_hold_here(struct tenon_joint *joint, double position_rad, float velocity_rad_s)
{
    const uint8_t mode = tenon__joint_mode(joint);
    const struct tenon_joint_command hold = {
        .position_rad = position_rad,
        .effort_nm = mode == TENON_MODE_EFFORT_POSITION ? joint->limits.effort_nm : 0.0f,
        .mode = mode,
    };
    tenon__limiter_seed(joint, position_rad);
    joint->last_velocity_rad_s = velocity_rad_s;
    joint->command = hold;
    joint->is_uncontrolled = false;
    if (!joint->has_setpoint) {
        joint->setpoint = hold;
    }
    tenon__joint_enter(joint, joint->after_stop == TENON_JOINT_HOLDING ? TENON_JOINT_HOLDING
                                                                       : TENON_JOINT_ENABLED);
    tenon__joint_align(joint);
}

/* --- faults cleared --- */

void tenon__joint_accept(struct tenon_joint *joint)
{
    unsigned count;
    struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        tenon__store8(&tenon__slot_motor(&motors[i])->is_unhomed, 0);
    }
}

static void reset_modules(struct tenon_joint *joint)
{
    unsigned count;
    struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        (void)tenon__slot_reset(joint->sched, &motors[i]);
    }
    struct tenon_slot *const reducer =
        joint->drivetrain != NULL ? &joint->drivetrain->reducer : &joint->reducer;
    (void)tenon__slot_reset(joint->sched, reducer);
    (void)tenon__slot_reset(joint->sched, &joint->controller);
}

void tenon__joint_reset(struct tenon_joint *joint)
{
    const struct tenon_diag none = {.code = TENON_OK};
    unsigned count;
    struct tenon_joint *const *const siblings = tenon__joint_siblings(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        tenon__diag_set(&siblings[i]->diag, &none);
        if (siblings[i]->status == TENON_JOINT_STOPPING &&
            siblings[i]->after_stop == TENON_JOINT_FAULT) {
            siblings[i]->after_stop = TENON_JOINT_DISABLED;
        }
        if (siblings[i]->status == TENON_JOINT_FAULT) {
            tenon__joint_enter(siblings[i], TENON_JOINT_DOWN);
            siblings[i]->is_up = false; /* come up anew: limits, torque found on */
        }
    }
    reset_modules(joint);
}

/* --- one cycle --- */

void tenon__joint_follow(struct tenon_joint *joint,
                         const struct tenon_joint_command *command,
                         uint32_t id)
{
    const bool will_be_enabled =
        joint->status == TENON_JOINT_ENABLED || joint->status == TENON_JOINT_ENABLING ||
        (joint->status == TENON_JOINT_STOPPING && joint->after_stop == TENON_JOINT_ENABLED);
    if (joint->mover != NULL || !will_be_enabled) {
        return;
    }
    joint->setpoint = *command;
    joint->has_setpoint = true;
    tenon__joint_trace(joint, id);
    if (joint->status == TENON_JOINT_STOPPING && tenon__joint_is_held(joint)) {
        tenon__joint_enter(joint,
                           TENON_JOINT_ENABLED); /* it was the set point that was being stopped */
    }
}

static int control(struct tenon_joint *joint, float dt_s, struct tenon_joint_command *out_command)
{
    struct tenon_controller *const controller = tenon__slot_controller(&joint->controller);
    const struct tenon_controller_input input = input_of(joint, dt_s);
    *out_command = joint->setpoint;
    unsigned count;
    out_command->mode = tenon__slot_motor(&tenon__joint_motors(joint, &count)[0])->mode;
    const uint8_t mode = out_command->mode;
    int rc = tenon_controller_get_api(controller)->update(controller, &input, out_command);
    if (rc < 0) {
        return rc;
    }
    out_command->mode = mode;
    const bool is_finite = tenon__is_finite(out_command->position_rad) &&
                           tenon__is_finitef(out_command->velocity_rad_s) &&
                           tenon__is_finitef(out_command->effort_nm);
    if (tenon__limiter_apply(joint, out_command, dt_s)) {
        rc = tenon_controller_get_api(controller)->track(controller, &input, out_command);
    }
    return is_finite ? rc : TENON_ERR_PROTO;
}

static void
fail_with(struct tenon_joint *joint, int code, enum tenon_cause cause, float value, float bound)
{
    const struct tenon_diag why = {
        .code = (int16_t)code,
        .cause = (uint16_t)cause,
        .value = value,
        .bound = bound,
        .subject = joint->name,
    };
    tenon__joint_fail(joint, &why);
}

/* What failed counts for nothing, not even in the limiter. */
static bool follow_controller(struct tenon_joint *joint, float dt_s)
{
    const double position_rad = joint->last_position_rad;
    const float velocity_rad_s = joint->last_velocity_rad_s;
    struct tenon_joint_command command;
    const int rc = control(joint, dt_s, &command);
    if (rc < 0) {
        joint->last_position_rad = position_rad;
        joint->clear_rad = 0.0f;
        joint->last_velocity_rad_s = velocity_rad_s;
        joint->is_uncontrolled = true;
        fail_with(joint, rc,
                  rc == TENON_ERR_PROTO ? TENON_CAUSE_NOT_FINITE : TENON_CAUSE_MODULE_FAILED,
                  (float)rc, 0.0f);
        return false;
    }
    joint->command = command;
    return true;
}

/* @return whether there is a command of this cycle. */
static inline bool follow(struct tenon_joint *joint, float dt_s)
{
    if (joint->controller.module != NULL) {
        return follow_controller(joint, dt_s);
    }
    joint->command = joint->setpoint;
    (void)tenon__limiter_apply(joint, &joint->command, dt_s);
    return true;
}

/* What a joint that follows nothing shows as its command: where it is. A set point given ahead of
 * torque is kept. */
static void mirror_state(struct tenon_joint *joint)
{
    joint->command = (struct tenon_joint_command){.position_rad = joint->state.position_rad,
                                                  .mode = joint->command.mode};
    if (joint->status != TENON_JOINT_ENABLING || !joint->has_setpoint) {
        joint->setpoint = joint->command;
    }
    joint->last_position_rad = joint->state.position_rad;
    joint->clear_rad = 0.0f;
    joint->last_velocity_rad_s = 0.0f;
}

/* The set point slows down, and the controller makes efforts of it. @return whether it did. */
static bool brake_by_controller(struct tenon_joint *joint, float dt_s)
{
    joint->last_position_rad = joint->setpoint.position_rad;
    joint->last_velocity_rad_s = joint->setpoint.velocity_rad_s;
    joint->is_at_rest = tenon__limiter_brake(joint, &joint->setpoint, dt_s);
    return follow_controller(joint, dt_s);
}

static void step_brake(struct tenon_joint *joint, float dt_s)
{
    if (tenon__joint_is_held(joint) && brake_by_controller(joint, dt_s)) {
        return;
    }
    if (joint->status == TENON_JOINT_STOPPING) { /* the controller may have ended it */
        joint->is_at_rest = tenon__limiter_brake(joint, &joint->command, dt_s);
    }
}

static void idle(struct tenon_joint *joint, float dt_s)
{
    const bool has_goal =
        joint->status == TENON_JOINT_FAULT || joint->status == TENON_JOINT_HOLDING;
    if (!has_goal || !tenon__joint_motors_follow(joint)) { /* else its goal stands */
        mirror_state(joint);
    } else if (joint->status == TENON_JOINT_HOLDING && tenon__joint_is_held(joint)) {
        (void)follow_controller(joint, dt_s);
    }
}

static inline void act(struct tenon_joint *joint, float dt_s)
{
    if (joint->status == TENON_JOINT_ENABLED) {
        if (follow(joint, dt_s)) {
            return;
        }
    } else if (joint->status != TENON_JOINT_STOPPING) {
        idle(joint, dt_s);
        return;
    }
    if (joint->status == TENON_JOINT_STOPPING) { /* perhaps just now */
        step_brake(joint, dt_s);
    }
}

void tenon__joint_update(struct tenon_joint *joint, const struct tenon__cycle *cycle)
{
    act(joint, cycle->dt_s);
    tenon__supervise(joint, cycle);
}
