/* How a joint comes to rest: by request, by its safe action, or because something failed. */
#include "core_internal.h"

/* --- stopping --- */

static bool is_powered(const struct tenon_joint *joint)
{
    return tenon__joint_is_driven(joint) || joint->status == TENON_JOINT_ENABLING;
}

bool tenon__joint_motors_follow(struct tenon_joint *joint)
{
    unsigned count;
    const struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        if (motors[i].module->state != TENON_MODULE_ACTIVE) {
            return false;
        }
    }
    return true;
}

/* Whether the servos hold without our doing: by position they do, a speed or an effort goes on. */
static bool motors_hold(struct tenon_joint *joint)
{
    unsigned count;
    const struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        const struct tenon_motor *const motor = tenon__slot_motor(&motors[i]);
        const bool has_torque = motor->module.state == TENON_MODULE_ACTIVE || motor->is_holding;
        if (!has_torque || !tenon__mode_is_position(motor->mode) ||
            tenon__slot_goes_off(&motors[i])) {
            return false;
        }
    }
    return true;
}

/* Also where the joint's status does not say so: found so at start, or out of reach. */
static bool may_have_torque(struct tenon_joint *joint)
{
    unsigned count;
    const struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        const bool is_out_of_reach =
            joint->status == TENON_JOINT_FAULT && !tenon_slot_is_up(&motors[i]);
        if (motors[i].module->state == TENON_MODULE_ACTIVE ||
            tenon__slot_motor(&motors[i])->is_holding || is_out_of_reach) {
            return true;
        }
    }
    return false;
}

/* Torque is shared: of the actions of joints on the same motors, the one that lets go soonest holds
 * for all. */
static uint8_t shared_action(struct tenon_joint *joint)
{
    static const uint8_t soonest_first[] = {TENON_SAFE_LIMP, TENON_SAFE_RAMP, TENON_SAFE_BRAKE};
    unsigned count;
    struct tenon_joint *const *const siblings = tenon__joint_siblings(joint, &count);
    for (size_t k = 0; k < sizeof soonest_first; k++) {
        for (unsigned i = 0; i < count; i++) {
            if (siblings[i]->safe_action == soonest_first[k]) {
                return soonest_first[k];
            }
        }
    }
    return TENON_SAFE_HOLD;
}

/* With these, torque that cannot be ramped away waits for no brake. */
static bool is_in_a_hurry(uint8_t action)
{
    return action == TENON_SAFE_LIMP || action == TENON_SAFE_RAMP;
}

/* Torque off; where it is not in a hurry, brakes take over first. */
static void let_go(struct tenon_joint *joint, bool at_once)
{
    unsigned count;
    struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        tenon__slot_let_go(joint->sched, &motors[i], at_once);
    }
}

/* A motor that is driven by effort goes on as it is, or falls, unless a controller holds it. */
static bool is_by_effort(struct tenon_joint *joint)
{
    unsigned count;
    const uint8_t mode = tenon__slot_motor(&tenon__joint_motors(joint, &count)[0])->mode;
    return mode == TENON_MODE_EFFORT || mode == TENON_MODE_PWM;
}

/* Braked and held by its controller: it has one, needs it, and it has not failed. */
bool tenon__joint_is_held(struct tenon_joint *joint)
{
    return joint->controller.module != NULL && !joint->is_uncontrolled && is_by_effort(joint);
}

/*
 * The set point that is going to be slowed down: that of a path goes on from where it is. One that
 * was far away is taken no further off than the joint may need to stop.
 */
static void seed_brake(struct tenon_joint *joint)
{
    const struct tenon_joint_limits *const l = &joint->limits;
    const float top = l->velocity_rad_s, asked = joint->setpoint.velocity_rad_s;
    const float speed = tenon__absf(asked) > 0.0f ? asked : joint->state.velocity_rad_s;
    const double here = joint->state.position_rad;
    const double way = (double)(0.5f * top * top / l->acceleration_rad_s2);
    const double low = here < l->position_min_rad ? here : l->position_min_rad;
    const double high = here > l->position_max_rad ? here : l->position_max_rad;
    const double goal = tenon__clamp(joint->setpoint.position_rad, here - way, here + way);
    joint->setpoint = (struct tenon_joint_command){
        .position_rad = tenon__clamp(goal, low, high),
        .velocity_rad_s = tenon__clampf(speed, -top, top),
        .mode = TENON_MODE_POSITION,
    };
}

static void brake(struct tenon_joint *joint, uint8_t after)
{
    if (joint->status != TENON_JOINT_STOPPING && tenon__joint_is_held(joint)) {
        seed_brake(joint);
    }
    joint->after_stop = after;
    joint->has_setpoint = false;
    tenon__joint_enter(joint, TENON_JOINT_STOPPING);
    joint->is_at_rest = false;
    tenon__joint_set_mover(joint, NULL);
}

/* One joint; its motors are the caller's work. @return true if torque must go off now. */
static bool halt_one(struct tenon_joint *joint, uint8_t action, uint8_t after)
{
    tenon__store8(&joint->wants_torque, 0);
    tenon__joint_set_mover(joint, NULL);
    if (!is_powered(joint)) {
        return false;
    }
    const bool can_brake =
        joint->status != TENON_JOINT_ENABLING && tenon__joint_motors_follow(joint);
    const bool is_loose = is_by_effort(joint) && !tenon__joint_is_held(joint);
    const bool can_hold = (can_brake && !is_loose) || motors_hold(joint);
    if (action == TENON_SAFE_LIMP || (action != TENON_SAFE_HOLD && !can_brake) || !can_hold) {
        tenon__joint_enter(joint, after);
        return true;
    }
    if (joint->status == TENON_JOINT_ENABLING && tenon__joint_motors_follow(joint)) {
        joint->after_stop = TENON_JOINT_HOLDING; /* not before it is known where */
    } else if (!can_brake) {                     /* held by the servo itself */
        tenon__joint_enter(joint, TENON_JOINT_HOLDING);
    } else if (joint->status != TENON_JOINT_HOLDING || action != TENON_SAFE_HOLD) {
        brake(joint, action == TENON_SAFE_HOLD ? TENON_JOINT_HOLDING : after);
    }
    return false;
}

/* Carry out an action on a joint and those that share its motors. */
static void halt(struct tenon_joint *joint, bool by_request, uint8_t after)
{
    unsigned count;
    struct tenon_joint *const *const siblings = tenon__joint_siblings(joint, &count);
    const uint8_t action = by_request ? (uint8_t)TENON_SAFE_BRAKE : shared_action(joint);
    bool torque_off =
        (by_request || action != TENON_SAFE_HOLD) && !is_powered(joint) && may_have_torque(joint);
    for (unsigned i = 0; i < count; i++) {
        const bool is_faulty = siblings[i]->diag.code != TENON_OK;
        torque_off |= halt_one(siblings[i], action, is_faulty ? (uint8_t)TENON_JOINT_FAULT : after);
    }
    if (torque_off) {
        let_go(joint, is_in_a_hurry(action));
    } else if (joint->status == TENON_JOINT_HOLDING && !tenon__joint_motors_follow(joint)) {
        tenon__joint_wish(joint, TENON__WISH_KEEP);
    }
}

void tenon__joint_disable(struct tenon_joint *joint)
{
    halt(joint, true, TENON_JOINT_DISABLED);
}

void tenon__joint_make_safe(struct tenon_joint *joint)
{
    halt(joint, false, TENON_JOINT_DISABLED);
}

void tenon__joint_end_stop(struct tenon_joint *joint)
{
    const uint8_t after = joint->after_stop;
    tenon__joint_enter(joint, after);
    if (after == TENON_JOINT_DISABLED || after == TENON_JOINT_FAULT) {
        let_go(joint, false);
    } else if (after == TENON_JOINT_ENABLED && !joint->has_setpoint &&
               !tenon__joint_is_held(joint)) { /* else it is its set point that has stopped */
        const bool by_position = tenon__mode_is_position(joint->command.mode);
        joint->setpoint = joint->command;
        if (joint->controller.module != NULL) {
            joint->setpoint = (struct tenon_joint_command){
                .position_rad =
                    by_position ? joint->command.position_rad : joint->state.position_rad,
                .mode = TENON_MODE_POSITION,
            };
        }
    }
    if (after == TENON_JOINT_ENABLED) {
        tenon__joint_align(joint);
    }
}

/* Torque was found on and the joint on a way that is not ours: it is braked from where it is. */
void tenon__joint_catch(struct tenon_joint *joint)
{
    const float top = joint->limits.velocity_rad_s;
    tenon__joint_hold_here(joint, joint->state.position_rad,
                           tenon__clampf(joint->state.velocity_rad_s, -top, top));
    joint->after_stop = joint->status;
    joint->is_at_rest = false;
    tenon__joint_enter(joint, TENON_JOINT_STOPPING);
}

void tenon__joint_stop(struct tenon_joint *joint)
{
    if (joint->mover != NULL) {
        tenon__group_halt(joint->mover);
        return;
    }
    joint->has_setpoint = false; /* one that waits is taken back */
    if (joint->status == TENON_JOINT_ENABLED) {
        brake(joint, TENON_JOINT_ENABLED);
    }
}

/* --- faults --- */

static void note_fault(struct tenon_joint *joint, const struct tenon_diag *why, bool follows)
{
    tenon__event_joint(joint, why, follows || joint->diag.code != TENON_OK);
    if (joint->diag.code != TENON_OK) {
        return; /* the first one counts */
    }
    struct tenon_diag news = *why;
    news.subject = why->subject != NULL ? why->subject : joint->name;
    tenon__diag_set(&joint->diag, &news);
    joint->fault_count++;
}

/* The joint or what moves it went wrong while its motors still follow. */
void tenon__joint_fail(struct tenon_joint *joint, const struct tenon_diag *why)
{
    unsigned count;
    struct tenon_joint *const *const siblings = tenon__joint_siblings(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        note_fault(siblings[i], why, why->subject != siblings[i]->name);
    }
    halt(joint, false, TENON_JOINT_FAULT);
}

/* A motor is left holding only if it has a place to hold; then it is known as one that does. */
static void leave_motors(struct tenon_joint *joint)
{
    unsigned count;
    struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    const uint8_t action = shared_action(joint);
    const bool may_hold = action == TENON_SAFE_HOLD;
    for (unsigned i = 0; i < count; i++) {
        struct tenon_motor *const motor = tenon__slot_motor(&motors[i]);
        const bool has_goal =
            motor->module.state == TENON_MODULE_ACTIVE || motor->is_holding || motor->has_command;
        const bool holds = may_hold && has_goal && tenon__mode_is_position(motor->mode);
        motor->is_holding = holds;
        if (holds) {
            tenon__slot_wish(joint->sched, &motors[i], TENON__WISH_KEEP);
        } else {
            tenon__slot_let_go(joint->sched, &motors[i], is_in_a_hurry(action));
        }
    }
}

/* Its modules are gone: nothing can be braked any more; the servo holds by itself, or torque goes
 * off. */
void tenon__joint_drop(struct tenon_joint *joint, const struct tenon_diag *why)
{
    tenon__store8(&joint->wants_torque, 0);
    tenon__joint_set_mover(joint, NULL);
    if (is_powered(joint)) {
        note_fault(joint, why, true);
        tenon__joint_enter(joint, TENON_JOINT_FAULT);
        leave_motors(joint);
    } else if (joint->status == TENON_JOINT_DISABLED) {
        tenon__joint_enter(joint, TENON_JOINT_DOWN);
    }
}

/* --- at start --- */

/* HOLD is refused where nothing would hold. */
int tenon__joints_check_hold(struct tenon_sched *sched)
{
    for (struct tenon_joint *j = sched->joints; j != NULL; j = j->next) {
        if (j->safe_action == TENON_SAFE_HOLD && j->controller.module == NULL && is_by_effort(j)) {
            return tenon__refuse_value(sched, TENON_ERR_UNSUPPORTED, TENON_CAUSE_CANNOT_HOLD,
                                       j->name, (float)tenon__joint_mode(j), 0.0f);
        }
    }
    return TENON_OK;
}
