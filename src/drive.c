/*
 * One entry of the plan, once a cycle: up through motors and reducer to the joints, then down
 * again.
 *
 *     motor.read -> reducer.to_joint -> joint (set point, controller, limiter) -> reducer.to_motor
 * -> gate -> motor.command
 */
#include "core_internal.h"

#define JUMP_SLACK_RAD 0.02f /* counts, play and the sampling instant */
#define JUMP_FACTOR    1.5f

/* --- the modules it stands on --- */

static const struct tenon_module *first_down(const struct tenon__drive *drive)
{
    for (unsigned i = 0; i < drive->motor_count; i++) {
        if (!tenon_slot_is_up(&drive->motors[i])) {
            return drive->motors[i].module;
        }
    }
    if (drive->reducer->module != NULL && !tenon_slot_is_up(drive->reducer)) {
        return drive->reducer->module;
    }
    for (unsigned i = 0; i < drive->joint_count; i++) {
        const struct tenon_slot *const controller = &drive->joints[i]->controller;
        if (controller->module != NULL && !tenon_slot_is_up(controller)) {
            return controller->module;
        }
    }
    return NULL;
}

static bool all_motors_active(const struct tenon__drive *drive)
{
    for (unsigned i = 0; i < drive->motor_count; i++) {
        if (drive->motors[i].module->state != TENON_MODULE_ACTIVE) {
            return false;
        }
    }
    return true;
}

/* A fault came and healed between two cycles of this drive: its torque went without its doing. */
static bool was_let_down(const struct tenon__drive *drive)
{
    const uint8_t status = drive->joints[0]->status;
    for (unsigned i = 0; i < drive->motor_count; i++) {
        const struct tenon_slot *const slot = &drive->motors[i];
        const bool is_asked =
            slot->wish == TENON__WISH_ACTIVE || slot->wish == TENON__WISH_OFF_FIRST;
        if (slot->module->state == TENON_MODULE_ACTIVE) {
            continue;
        }
        if (status == TENON_JOINT_ENABLED || status == TENON_JOINT_STOPPING ||
            (status == TENON_JOINT_HOLDING && !tenon__slot_motor(slot)->is_holding) ||
            (status == TENON_JOINT_ENABLING && !is_asked)) {
            return true;
        }
    }
    return false;
}

static void go_down(const struct tenon__drive *drive, const struct tenon_module *why)
{
    const struct tenon_diag unknown = {.code = TENON_ERR_STATE, .cause = TENON_CAUSE_NOT_READY};
    const bool is_known = why != NULL && why->diag.code != TENON_OK;
    for (unsigned i = 0; i < drive->joint_count; i++) {
        struct tenon_joint *const joint = drive->joints[i];
        joint->is_up = false;
        joint->state.valid = 0;
        tenon__joint_drop(joint, is_known ? &why->diag : &unknown);
    }
}

/* Joints whose servos hold already (the host was restarted) are taken over as they are. */
static void come_up(const struct tenon__drive *drive, tenon_ns_t now)
{
    bool is_holding = true;
    for (unsigned i = 0; i < drive->motor_count; i++) {
        struct tenon_motor *const motor = tenon__slot_motor(&drive->motors[i]);
        motor->state = (struct tenon_motor_state){.stamp_ns = now};
        motor->silent_cycles = 0;
        const bool has_torque = motor->is_holding || motor->module.state == TENON_MODULE_ACTIVE;
        is_holding = is_holding && has_torque && !tenon__slot_goes_off(&drive->motors[i]);
    }
    const int rc = tenon__limits_resolve(drive);
    for (unsigned i = 0; i < drive->joint_count; i++) {
        struct tenon_joint *const joint = drive->joints[i];
        joint->is_up = true;
        joint->state.valid = 0;
        if (rc < 0 || joint->diag.code != TENON_OK) {
            joint->status = TENON_JOINT_FAULT;
        } else {
            joint->status = is_holding ? TENON_JOINT_HOLDING : TENON_JOINT_DISABLED;
        }
    }
}

/* --- up: samples --- */

/* A motor cannot have moved further than at its top speed. The longer nothing plausible came, the
 * more is. */
static bool is_plausible(const struct tenon_motor *motor, const struct tenon_motor_state *s)
{
    if (!tenon__is_finite(s->position_rad) || !tenon__is_finitef(s->velocity_rad_s) ||
        !tenon__is_finitef(s->effort_nm) || (s->valid & TENON_VALID_POSITION) == 0) {
        return false;
    }
    const bool is_followed = motor->module.state == TENON_MODULE_ACTIVE || motor->is_holding;
    if (motor->state.valid == 0 || !is_followed) { /* who turns it by hand may turn it fast */
        return true;
    }
    const float dt = (float)(s->stamp_ns - motor->state.stamp_ns) * 1e-9f;
    const float way = (float)(s->position_rad - motor->state.position_rad);
    const float reach = JUMP_FACTOR * motor->limits.velocity_top_rad_s * (dt > 0.0f ? dt : 0.0f);
    return tenon__absf(way) <= reach + JUMP_SLACK_RAD;
}

static void fault_motor(struct tenon_sched *sched, struct tenon_slot *slot, int rc, tenon_ns_t now)
{
    if (slot->module->diag.code != rc) {
        (void)tenon_module_refuse(slot->module, (enum tenon_err)rc, TENON_CAUSE_MODULE_FAILED,
                                  (float)rc, 0.0f);
    }
    tenon__slot_fault(sched, slot, now);
}

/*
 * Silence counts in cycles that were run, not in time: what a host that was paused did not ask for
 * was not withheld.
 */
static void
fault_silent(struct tenon_sched *sched, struct tenon_slot *slot, const struct tenon__cycle *cycle)
{
    const struct tenon_motor *const motor = tenon__slot_motor(slot);
    if (motor->device != NULL && motor->device->in_error == TENON_ERR_PROTO) {
        (void)tenon_module_refuse(slot->module, TENON_ERR_PROTO, TENON_CAUSE_GARBLED_REPLY,
                                  (float)motor->device->node, 0.0f);
    } else {
        (void)tenon_module_refuse(slot->module, TENON_ERR_TIMEOUT, TENON_CAUSE_STALE,
                                  (float)motor->silent_cycles * cycle->dt_s,
                                  (float)cycle->stale_cycles * cycle->dt_s);
    }
    tenon__slot_fault(sched, slot, cycle->now);
}

static void
read_motor(struct tenon_sched *sched, struct tenon_slot *slot, const struct tenon__cycle *cycle)
{
    struct tenon_motor *const motor = tenon__slot_motor(slot);
    struct tenon_motor_state sample = {0};
    const int rc = tenon_motor_get_api(motor)->read(motor, cycle->now, &sample);
    motor->silent_cycles++;
    if (rc >= 0) {
        if (is_plausible(motor, &sample)) {
            motor->state = sample;
            motor->silent_cycles = 0;
        } else {
            motor->implausible_count++;
        }
    } else if (rc != TENON_ERR_AGAIN) {
        fault_motor(sched, slot, rc, cycle->now);
        return;
    }
    if (motor->silent_cycles > cycle->stale_cycles) {
        fault_silent(sched, slot, cycle);
    }
}

/* What holds for all motors of the drive together. */
static uint8_t common_validity(const struct tenon__drive *drive, tenon_ns_t *out_stamp)
{
    unsigned valid = TENON_VALID_POSITION | TENON_VALID_VELOCITY | TENON_VALID_EFFORT;
    *out_stamp = TENON_NEVER;
    for (unsigned i = 0; i < drive->motor_count; i++) {
        const struct tenon_motor_state *const s = &tenon__slot_motor(&drive->motors[i])->state;
        valid &= s->valid;
        *out_stamp = s->stamp_ns < *out_stamp ? s->stamp_ns : *out_stamp;
    }
    return (uint8_t)valid;
}

/* The motors' states side by side; of a single one, where it is. */
static const struct tenon_motor_state *gather(const struct tenon__drive *drive,
                                              struct tenon_motor_state *room)
{
    if (drive->motor_count == 1) {
        return &tenon__slot_motor(drive->motors)->state;
    }
    room[0] = tenon__slot_motor(drive->motors)->state; /* there is at least one */
    for (unsigned i = 1; i < drive->motor_count; i++) {
        room[i] = tenon__slot_motor(&drive->motors[i])->state;
    }
    return room;
}

static void reverse_state(const struct tenon_joint *joint, struct tenon_joint_state *s)
{
    if (joint->is_reversed) {
        s->position_rad = -s->position_rad;
        s->velocity_rad_s = -s->velocity_rad_s;
        s->effort_nm = -s->effort_nm;
    }
}

/* From the reducer's output to the joint. @return false if it is no number. */
static bool turn_up(const struct tenon_joint *joint, struct tenon_joint_state *s)
{
    if (!tenon__is_finite(s->position_rad) || !tenon__is_finitef(s->velocity_rad_s) ||
        !tenon__is_finitef(s->effort_nm)) {
        return false;
    }
    if (joint->has_frame) {
        s->position_rad -= joint->zero_rad;
        reverse_state(joint, s);
    }
    return true;
}

static int map_to_joint(const struct tenon__drive *drive,
                        const struct tenon_motor_state *motors,
                        float dt_s,
                        struct tenon_joint_state *out_joints)
{
    struct tenon_reducer *const reducer = tenon__slot_reducer(drive->reducer);
    if (reducer == NULL) {
        out_joints->position_rad = motors->position_rad;
        out_joints->velocity_rad_s = motors->velocity_rad_s;
        out_joints->effort_nm = motors->effort_nm;
    } else {
        const int rc = tenon_reducer_get_api(reducer)->to_joint(reducer, motors, dt_s, out_joints);
        if (rc < 0) {
            return rc;
        }
    }
    for (unsigned i = 0; i < drive->joint_count; i++) {
        if (!turn_up(drive->joints[i], &out_joints[i])) {
            return TENON_ERR_PROTO;
        }
    }
    return TENON_OK;
}

static void
fault_reducer(struct tenon_sched *sched, const struct tenon__drive *drive, int rc, tenon_ns_t now)
{
    const enum tenon_cause cause =
        rc == TENON_ERR_PROTO ? TENON_CAUSE_NOT_FINITE : TENON_CAUSE_MODULE_FAILED;
    if (drive->reducer->module->diag.code != rc) { /* else it has said why itself */
        (void)tenon_module_refuse(drive->reducer->module, (enum tenon_err)rc, cause, (float)rc,
                                  0.0f);
    }
    tenon__slot_fault(sched, drive->reducer, now);
}

/* One joint's state is written where it belongs; what a failure leaves half written counts for
 * nothing, for the joint goes down. */
static int map_in_place(const struct tenon__drive *drive, float dt_s)
{
    struct tenon_motor_state motors[TENON_COUPLED_MAX];
    return map_to_joint(drive, gather(drive, motors), dt_s, &drive->joints[0]->state);
}

static int map_coupled(const struct tenon__drive *drive, float dt_s)
{
    struct tenon_motor_state motors[TENON_COUPLED_MAX];
    struct tenon_joint_state joints[TENON_COUPLED_MAX] = {0};
    const int rc = map_to_joint(drive, gather(drive, motors), dt_s, joints);
    for (unsigned i = 0; rc >= 0 && i < drive->joint_count; i++) {
        drive->joints[i]->state = joints[i];
    }
    return rc;
}

static void measure(struct tenon_sched *sched,
                    const struct tenon__drive *drive,
                    const struct tenon__cycle *cycle)
{
    tenon_ns_t stamp;
    const uint8_t valid = common_validity(drive, &stamp);
    if (valid == 0) {
        return;
    }
    const bool is_single = drive->joint_count == 1;
    const int rc = is_single ? map_in_place(drive, cycle->dt_s) : map_coupled(drive, cycle->dt_s);
    if (rc < 0) {
        fault_reducer(sched, drive, rc, cycle->now);
        return;
    }
    for (unsigned i = 0; i < drive->joint_count; i++) {
        struct tenon_joint *const joint = drive->joints[i];
        joint->state.stamp_ns = stamp;
        joint->state.valid = valid;
        joint->age_ns = cycle->now - stamp;
    }
}

static void read_all(struct tenon_sched *sched,
                     const struct tenon__drive *drive,
                     const struct tenon__cycle *cycle)
{
    for (unsigned i = 0; i < drive->motor_count; i++) {
        read_motor(sched, &drive->motors[i], cycle);
    }
}

/* --- down: commands --- */

/* From the joint to the reducer's output. A cap of effort has no direction. */
static void turn_down(const struct tenon_joint *joint, struct tenon_joint_command *c)
{
    *c = joint->command;
    if (joint->is_reversed) {
        c->position_rad = -c->position_rad;
        c->velocity_rad_s = -c->velocity_rad_s;
        c->effort_nm = c->mode == TENON_MODE_EFFORT_POSITION ? c->effort_nm : -c->effort_nm;
    }
    c->position_rad += joint->zero_rad;
}

static void turn_state_down(const struct tenon_joint *joint, struct tenon_joint_state *s)
{
    *s = joint->state;
    reverse_state(joint, s);
    s->position_rad += joint->zero_rad;
}

/* Several joints, or one whose frame differs from the reducer's. */
static int reduce_turned(struct tenon_reducer *reducer,
                         const struct tenon__drive *drive,
                         float dt_s,
                         struct tenon_motor_command *out_motors)
{
    struct tenon_joint_command commands[TENON_COUPLED_MAX];
    struct tenon_joint_state states[TENON_COUPLED_MAX];
    for (unsigned i = 0; i < drive->joint_count; i++) {
        turn_down(drive->joints[i], &commands[i]);
        turn_state_down(drive->joints[i], &states[i]);
    }
    return tenon_reducer_get_api(reducer)->to_motor(reducer, commands, states, dt_s, out_motors);
}

static int reduce(struct tenon_reducer *reducer,
                  const struct tenon__drive *drive,
                  float dt_s,
                  struct tenon_motor_command *out_motors)
{
    const struct tenon_joint *const joint = drive->joints[0];
    for (unsigned i = 0; i < drive->motor_count; i++) {
        out_motors[i] = (struct tenon_motor_command){.mode = joint->command.mode};
    }
    if (drive->joint_count > 1 || joint->has_frame) {
        return reduce_turned(reducer, drive, dt_s, out_motors);
    }
    return tenon_reducer_get_api(reducer)->to_motor(reducer, &joint->command, &joint->state, dt_s,
                                                    out_motors);
}

static int
map_to_motor(const struct tenon__drive *drive, float dt_s, struct tenon_motor_command *out_motors)
{
    struct tenon_reducer *const reducer = tenon__slot_reducer(drive->reducer);
    if (reducer != NULL) {
        return reduce(reducer, drive, dt_s, out_motors);
    }
    struct tenon_joint_command command;
    turn_down(drive->joints[0], &command);
    out_motors->position_rad = command.position_rad;
    out_motors->velocity_rad_s = command.velocity_rad_s;
    out_motors->effort_nm = command.effort_nm;
    return TENON_OK;
}

static void write_all(struct tenon_sched *sched,
                      const struct tenon__drive *drive,
                      const struct tenon__cycle *cycle)
{
    struct tenon_motor_command commands[TENON_COUPLED_MAX];
    const int rc = map_to_motor(drive, cycle->dt_s, commands);
    if (rc < 0) {
        fault_reducer(sched, drive, rc, cycle->now);
        return;
    }
    for (unsigned i = 0; i < drive->motor_count; i++) {
        struct tenon_motor *const motor = tenon__slot_motor(&drive->motors[i]);
        commands[i].mode = motor->mode;
        (void)tenon__gate_apply(motor, &commands[i], cycle->dt_s);
        const int sent = tenon_motor_get_api(motor)->command(motor, &commands[i]);
        if (sent < 0) {
            fault_motor(sched, &drive->motors[i], sent, cycle->now);
            return;
        }
        motor->command = commands[i];
        motor->has_command = true;
    }
}

/* --- the joints between --- */

/* Torque is on: begin where the motors' goals are, so that nothing jumps. */
static void end_enabling(const struct tenon__drive *drive, const struct tenon__cycle *cycle)
{
    struct tenon_motor_state goals[TENON_COUPLED_MAX] = {0};
    struct tenon_joint_state joints[TENON_COUPLED_MAX];
    for (unsigned i = 0; i < drive->motor_count; i++) {
        const struct tenon_motor *const motor = tenon__slot_motor(&drive->motors[i]);
        goals[i] = motor->state;
        if (motor->has_command && tenon__mode_is_position(motor->mode)) {
            goals[i].position_rad = motor->command.position_rad;
        }
    }
    if (map_to_joint(drive, goals, cycle->dt_s, joints) < 0) {
        return; /* measure() reports it */
    }
    for (unsigned i = 0; i < drive->joint_count; i++) {
        tenon__joint_hold_here(drive->joints[i], joints[i].position_rad);
    }
}

static bool keeps_torque(const struct tenon_joint *joint)
{
    return joint->after_stop == TENON_JOINT_ENABLED || joint->after_stop == TENON_JOINT_HOLDING;
}

/* Joints that share motors let go together: when the last of them is at rest. */
static bool may_let_go(const struct tenon__drive *drive)
{
    for (unsigned i = 0; i < drive->joint_count; i++) {
        if (drive->joints[i]->status == TENON_JOINT_STOPPING && !drive->joints[i]->is_at_rest) {
            return false;
        }
    }
    return true;
}

static void run_joints(const struct tenon__drive *drive, const struct tenon__cycle *cycle)
{
    bool any_stops = false;
    for (unsigned i = 0; i < drive->joint_count; i++) {
        tenon__joint_update(drive->joints[i], cycle);
        any_stops = any_stops || drive->joints[i]->status == TENON_JOINT_STOPPING;
    }
    if (!any_stops) {
        return;
    }
    const bool may_go = may_let_go(drive);
    for (unsigned i = 0; i < drive->joint_count; i++) {
        struct tenon_joint *const joint = drive->joints[i];
        if (joint->status == TENON_JOINT_STOPPING && joint->is_at_rest &&
            (may_go || keeps_torque(joint))) {
            tenon__joint_end_stop(joint);
        }
    }
}

/* @return why it is down, or NULL. Looked up anew only when a module has changed its state. */
static const struct tenon_module *look_at_modules(const struct tenon_sched *sched,
                                                  const struct tenon__drive *drive)
{
    struct tenon_joint *const first = drive->joints[0];
    if (first->seen_changes == sched->module_changes && first->is_up) {
        return NULL;
    }
    first->seen_changes = sched->module_changes;
    first->is_active = all_motors_active(drive);
    return first_down(drive);
}

void tenon__drive_run(struct tenon_sched *sched,
                      const struct tenon__drive *drive,
                      const struct tenon__cycle *cycle)
{
    const struct tenon_joint *const first = drive->joints[0];
    const struct tenon_module *down = look_at_modules(sched, drive);
    if (down == NULL) {
        if (!first->is_up) {
            come_up(drive, cycle->now);
        }
        read_all(sched, drive, cycle);
        measure(sched, drive, cycle);
        down = look_at_modules(sched, drive); /* reading may have found a fault */
    }
    if (down != NULL || (!first->is_active && was_let_down(drive))) {
        go_down(drive, down);
        return;
    }
    if (first->state.valid == 0) {
        return;
    }
    if (first->status == TENON_JOINT_ENABLING && first->is_active) {
        end_enabling(drive, cycle);
    }
    run_joints(drive, cycle);
    if (tenon__joint_is_driven(first) && first->is_active) {
        write_all(sched, drive, cycle);
    }
}
