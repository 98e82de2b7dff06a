/*
 * One entry of the plan, once a cycle: up through motors and reducer to the joints, then down
 * again.
 *
 *     motor.read -> reducer.to_joint -> joint (set point, controller, limiter) -> reducer.to_motor
 * -> gate -> motor.command
 *
 * A joint alone, as nearly all are, works in place; those of a drivetrain gather and spread.
 */
#include "core_internal.h"

#define JUMP_SLACK_RAD 0.02f /* counts, play and the sampling instant */
#define JUMP_FACTOR    1.5f
#define SLOW           0.05f /* of the velocity limit: it stands, or sags */
#define NEAR_RAD       0.05  /* what a loop that follows is behind its goal */

/* --- up: samples --- */

/* A motor cannot have moved further than at its top speed. The longer nothing plausible came, the
 * more is. What is no number is within no reach. */
static bool is_within_reach(const struct tenon_motor *motor, const struct tenon_motor_state *before)
{
    const struct tenon_motor_state *const s = &motor->state;
    const float dt = tenon__seconds(s->stamp_ns - before->stamp_ns);
    const float way = (float)(s->position_rad - before->position_rad);
    const float reach = JUMP_FACTOR * motor->limits.velocity_top_rad_s * (dt > 0.0f ? dt : 0.0f);
    return tenon__absf(way) <= reach + JUMP_SLACK_RAD;
}

/* Who turns by hand a motor that follows nothing may turn it fast. */
static bool may_jump(const struct tenon_motor *motor, const struct tenon_motor_state *before)
{
    const bool is_followed = motor->module.state == TENON_MODULE_ACTIVE || motor->is_holding;
    return (before->valid == 0 || !is_followed) && tenon__is_finite(motor->state.position_rad);
}

static bool is_plausible(const struct tenon_motor *motor, const struct tenon_motor_state *before)
{
    const struct tenon_motor_state *const s = &motor->state;
    return (s->valid & TENON_VALID_POSITION) != 0 && tenon__is_finitef(s->velocity_rad_s) &&
           tenon__is_finitef(s->effort_nm) &&
           (is_within_reach(motor, before) || may_jump(motor, before));
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
    if (tenon__wire_falls_silent(motor->wire, cycle)) {
        return;
    }
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

/* Nothing new, nothing plausible, or a fault: the sample before stays. */
static void miss_sample(struct tenon_sched *sched,
                        struct tenon_slot *slot,
                        int rc,
                        const struct tenon__cycle *cycle)
{
    struct tenon_motor *const motor = tenon__slot_motor(slot);
    motor->silent_cycles++;
    if (rc >= 0) {
        motor->implausible_count++;
    } else if (rc != TENON_ERR_AGAIN) {
        fault_motor(sched, slot, rc, cycle->now);
        return;
    }
    if (motor->silent_cycles > cycle->stale_cycles) {
        fault_silent(sched, slot, cycle);
    }
}

static inline void
read_motor(struct tenon_sched *sched, struct tenon_slot *slot, const struct tenon__cycle *cycle)
{
    struct tenon_motor *const motor = tenon__slot_motor(slot);
    const struct tenon_motor_state before = motor->state;
    const int rc = tenon_motor_get_api(motor)->read(motor, cycle->now, &motor->state);
    if (rc >= 0 && is_plausible(motor, &before)) {
        motor->silent_cycles = 0;
        return;
    }
    motor->state = before;
    miss_sample(sched, slot, rc, cycle);
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

int tenon__drive_to_joint(const struct tenon__drive *drive,
                          const struct tenon_motor_state *motors,
                          float dt_s,
                          struct tenon_joint_state *out_joints)
{
    struct tenon_reducer *const reducer = tenon__slot_reducer(drive->reducer);
    if (reducer == NULL) { /* one motor, one joint */
        out_joints->position_rad = motors->position_rad;
        out_joints->velocity_rad_s = motors->velocity_rad_s;
        out_joints->effort_nm = motors->effort_nm;
        return turn_up(drive->joints[0], out_joints) ? TENON_OK : TENON_ERR_PROTO;
    }
    const int rc = tenon_reducer_get_api(reducer)->to_joint(reducer, motors, dt_s, out_joints);
    if (rc < 0) {
        return rc;
    }
    for (unsigned i = 0; i < drive->joint_count; i++) {
        if (!turn_up(drive->joints[i], &out_joints[i])) {
            return TENON_ERR_PROTO;
        }
    }
    return TENON_OK;
}

static void
fault_reducer(struct tenon_sched *sched, struct tenon_slot *slot, int rc, tenon_ns_t now)
{
    const enum tenon_cause cause =
        rc == TENON_ERR_PROTO ? TENON_CAUSE_NOT_FINITE : TENON_CAUSE_MODULE_FAILED;
    if (slot->module->diag.code != rc) { /* else it has said why itself */
        (void)tenon_module_refuse(slot->module, (enum tenon_err)rc, cause, (float)rc, 0.0f);
    }
    tenon__slot_fault(sched, slot, now);
}

/* One joint's state is written where it belongs; what a failure leaves half written counts for
 * nothing, for the joint goes down. */
static int measure_one(struct tenon_joint *joint, const struct tenon__cycle *cycle)
{
    const struct tenon_motor_state *const s = &tenon__slot_motor(&joint->motor)->state;
    if (s->valid == 0) {
        return TENON_OK;
    }
    struct tenon_reducer *const reducer = tenon__slot_reducer(&joint->reducer);
    if (reducer == NULL) {
        joint->state.position_rad = s->position_rad;
        joint->state.velocity_rad_s = s->velocity_rad_s;
        joint->state.effort_nm = s->effort_nm;
    } else {
        const int rc =
            tenon_reducer_get_api(reducer)->to_joint(reducer, s, cycle->dt_s, &joint->state);
        if (rc < 0) {
            return rc;
        }
    }
    joint->state.stamp_ns = s->stamp_ns;
    joint->state.valid = s->valid;
    return turn_up(joint, &joint->state) ? TENON_OK : TENON_ERR_PROTO;
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

TENON__APART static int measure_coupled(const struct tenon__drive *drive,
                                        const struct tenon__cycle *cycle)
{
    struct tenon_motor_state motors[TENON_COUPLED_MAX];
    struct tenon_joint_state joints[TENON_COUPLED_MAX] = {0};
    tenon_ns_t stamp;
    const uint8_t valid = common_validity(drive, &stamp);
    if (valid == 0) {
        return TENON_OK;
    }
    motors[0] = tenon__slot_motor(drive->motors)->state; /* there is at least one */
    for (unsigned i = 1; i < drive->motor_count; i++) {
        motors[i] = tenon__slot_motor(&drive->motors[i])->state;
    }
    const int rc = tenon__drive_to_joint(drive, motors, cycle->dt_s, joints);
    for (unsigned i = 0; rc >= 0 && i < drive->joint_count; i++) {
        joints[i].stamp_ns = stamp;
        joints[i].valid = valid;
        drive->joints[i]->state = joints[i];
    }
    return rc;
}

static void
measure(struct tenon_sched *sched, struct tenon_joint *lead, const struct tenon__cycle *cycle)
{
    int rc;
    struct tenon_slot *reducer = &lead->reducer;
    if (lead->drivetrain == NULL) {
        read_motor(sched, &lead->motor, cycle);
        rc = measure_one(lead, cycle);
    } else {
        const struct tenon__drive drive = tenon__drive_of(lead);
        for (unsigned i = 0; i < drive.motor_count; i++) {
            read_motor(sched, &drive.motors[i], cycle);
        }
        rc = measure_coupled(&drive, cycle);
        reducer = drive.reducer;
    }
    if (rc < 0) {
        fault_reducer(sched, reducer, rc, cycle->now);
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
TENON__APART static int
reduce_turned(const struct tenon__drive *drive, float dt_s, struct tenon_motor_command *out_motors)
{
    struct tenon_joint_command commands[TENON_COUPLED_MAX];
    struct tenon_joint_state states[TENON_COUPLED_MAX];
    struct tenon_reducer *const reducer = tenon__slot_reducer(drive->reducer);
    if (reducer == NULL) { /* one motor, one joint */
        turn_down(drive->joints[0], commands);
        out_motors->position_rad = commands->position_rad;
        out_motors->velocity_rad_s = commands->velocity_rad_s;
        out_motors->effort_nm = commands->effort_nm;
        return TENON_OK;
    }
    for (unsigned i = 0; i < drive->joint_count; i++) {
        turn_down(drive->joints[i], &commands[i]);
        turn_state_down(drive->joints[i], &states[i]);
    }
    return tenon_reducer_get_api(reducer)->to_motor(reducer, commands, states, dt_s, out_motors);
}

static int reduce(struct tenon_joint *joint, float dt_s, struct tenon_motor_command *out_motors)
{
    struct tenon_reducer *const reducer = tenon__slot_reducer(&joint->reducer);
    if (joint->drivetrain != NULL || joint->has_frame) {
        const struct tenon__drive drive = tenon__drive_of(joint);
        for (unsigned i = 0; i < drive.motor_count; i++) {
            out_motors[i] = (struct tenon_motor_command){.mode = joint->command.mode};
        }
        return reduce_turned(&drive, dt_s, out_motors);
    }
    out_motors->mode = joint->command.mode;
    if (reducer != NULL) {
        return tenon_reducer_get_api(reducer)->to_motor(reducer, &joint->command, &joint->state,
                                                        dt_s, out_motors);
    }
    out_motors->position_rad = joint->command.position_rad;
    out_motors->velocity_rad_s = joint->command.velocity_rad_s;
    out_motors->effort_nm = joint->command.effort_nm;
    return TENON_OK;
}

#define NO_NUMBER (-INT16_MAX) /* no code of a driver */

/* @return NO_NUMBER, and nothing is commanded, if there is no number: only reducers return such. */
static inline int
command_motor(struct tenon_motor *motor, struct tenon_motor_command *command, float dt_s)
{
    command->mode = motor->mode;
    if (tenon__gate_apply(motor, command, dt_s) == TENON__GATE_NO_NUMBER) {
        return NO_NUMBER;
    }
    const int rc = tenon_motor_get_api(motor)->command(motor, command);
    if (rc >= 0) {
        motor->command = *command;
        motor->has_command = true;
    }
    return rc;
}

TENON__APART static int
write_motors(struct tenon_sched *sched, struct tenon_joint *lead, const struct tenon__cycle *cycle)
{
    struct tenon_motor_command commands[TENON_COUPLED_MAX];
    unsigned count;
    struct tenon_slot *const motors = tenon__joint_motors(lead, &count);
    const int rc = reduce(lead, cycle->dt_s, commands);
    if (rc < 0) {
        fault_reducer(sched, tenon__joint_reducer(lead), rc, cycle->now);
        return rc;
    }
    for (unsigned i = 0; i < count; i++) {
        const int sent = command_motor(tenon__slot_motor(&motors[i]), &commands[i], cycle->dt_s);
        if (sent == NO_NUMBER) {
            fault_reducer(sched, tenon__joint_reducer(lead), TENON_ERR_PROTO, cycle->now);
            return TENON_ERR_PROTO;
        }
        if (sent < 0) {
            fault_motor(sched, &motors[i], sent, cycle->now);
            return sent;
        }
    }
    return TENON_OK;
}

/* --- the joints between --- */

/*
 * Found moving by a profile of its own to a goal that is still far off: a goal next to that one
 * would be a step, for the profile is ours now.
 */
static bool is_on_its_own_way(const struct tenon_joint *joint, double goal_rad)
{
    const struct tenon_joint_limits *const l = &joint->limits;
    const double way = tenon__abs(goal_rad - joint->state.position_rad);
    const float v = tenon__absf(joint->state.velocity_rad_s);
    return (joint->state.valid & TENON_VALID_VELOCITY) != 0 && v > SLOW * l->velocity_rad_s &&
           way > (double)(0.5f * v * v / l->acceleration_rad_s2) + NEAR_RAD;
}

/* @return whether the joints were caught where they are. */
static bool catch_moving(const struct tenon__drive *drive, const struct tenon_joint_state *goals)
{
    bool is_any = false;
    for (unsigned i = 0; i < drive->joint_count; i++) {
        is_any = is_any || (tenon__mode_is_position(tenon__slot_motor(drive->motors)->mode) &&
                            is_on_its_own_way(drive->joints[i], goals[i].position_rad));
    }
    for (unsigned i = 0; is_any && i < drive->motor_count; i++) {
        tenon__slot_motor(&drive->motors[i])->has_command = false;
    }
    for (unsigned i = 0; is_any && i < drive->joint_count; i++) {
        tenon__joint_catch(drive->joints[i]);
    }
    return is_any;
}

/* Torque is on: begin where the motors' goals are, so that nothing jumps. */
TENON__APART static void end_enabling(const struct tenon__drive *drive,
                                      const struct tenon__cycle *cycle)
{
    struct tenon_motor_state goals[TENON_COUPLED_MAX] = {0};
    struct tenon_joint_state joints[TENON_COUPLED_MAX];
    for (unsigned i = 0; i < drive->motor_count; i++) {
        const struct tenon_motor *const motor = tenon__slot_motor(&drive->motors[i]);
        if (tenon__slot_goes_off(&drive->motors[i])) {
            return; /* this torque is that of the time before */
        }
        goals[i] = motor->state;
        goals[i].velocity_rad_s = 0.0f;
        if (motor->has_command && tenon__mode_is_position(motor->mode)) {
            goals[i].position_rad = motor->command.position_rad;
        } else if (motor->has_command && motor->mode == TENON_MODE_VELOCITY) {
            goals[i].velocity_rad_s = motor->command.velocity_rad_s; /* slows down from there */
        }
    }
    const int rc = tenon__drive_to_joint(drive, goals, cycle->dt_s, joints);
    if (rc < 0) {
        fault_reducer(drive->joints[0]->sched, drive->reducer, rc, cycle->now);
        return;
    }
    if (catch_moving(drive, joints)) {
        return;
    }
    for (unsigned i = 0; i < drive->joint_count; i++) {
        tenon__joint_hold_here(drive->joints[i], joints[i].position_rad, joints[i].velocity_rad_s);
    }
}

static bool keeps_torque(const struct tenon_joint *joint)
{
    return joint->after_stop == TENON_JOINT_ENABLED || joint->after_stop == TENON_JOINT_HOLDING;
}

/* Joints that share motors let go together: when the last of them is at rest. */
static bool may_let_go(struct tenon_joint *const *joints, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (joints[i]->status == TENON_JOINT_STOPPING && !joints[i]->is_at_rest) {
            return false;
        }
    }
    return true;
}

TENON__APART static void end_stops(struct tenon_joint *const *joints, unsigned count)
{
    const bool may_go = may_let_go(joints, count);
    for (unsigned i = 0; i < count; i++) {
        struct tenon_joint *const joint = joints[i];
        if (joint->status == TENON_JOINT_STOPPING && joint->is_at_rest &&
            (may_go || keeps_torque(joint))) {
            tenon__joint_end_stop(joint);
        }
    }
}

static void run_joints(struct tenon_joint *lead, const struct tenon__cycle *cycle)
{
    if (lead->drivetrain == NULL) {
        tenon__joint_update(lead, cycle);
        if (lead->status == TENON_JOINT_STOPPING) {
            end_stops(&lead->self, 1);
        }
        return;
    }
    unsigned count;
    struct tenon_joint *const *const joints = tenon__joint_siblings(lead, &count);
    bool any_stops = false;
    for (unsigned i = 0; i < count; i++) {
        tenon__joint_update(joints[i], cycle);
        any_stops = any_stops || joints[i]->status == TENON_JOINT_STOPPING;
    }
    if (any_stops) {
        end_stops(joints, count);
    }
}

/* --- traced commands --- */

/* The joints' and gates' changes so far, to tell whether there are more afterwards. */
static uint32_t count_limited(const struct tenon__drive *drive)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < drive->joint_count; i++) {
        sum += drive->joints[i]->limited_count;
    }
    return sum;
}

static uint32_t count_gated(const struct tenon__drive *drive)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < drive->motor_count; i++) {
        sum += tenon__slot_motor(&drive->motors[i])->gate_count;
    }
    return sum;
}

/* Only what is commanded now carries the command. */
static void mark_devices(struct tenon_joint *lead, uint32_t id)
{
    unsigned count;
    const struct tenon_slot *const motors = tenon__joint_motors(lead, &count);
    for (unsigned i = 0; i < count; i++) {
        struct tenon_bus_device *const device = tenon__slot_motor(&motors[i])->device;
        if (device != NULL) {
            device->command = id;
            device->link = 0;
        }
    }
}

/* A traced command's stay here: what is to be compared when it leaves. */
struct stay {
    struct tenon_span span;
    uint32_t limited;
    uint32_t gated;
};

static void enter_traced(struct tenon_sched *sched, struct tenon_joint *lead, struct stay *stay)
{
    const struct tenon__drive drive = tenon__drive_of(lead);
    stay->limited = count_limited(&drive);
    stay->gated = count_gated(&drive);
    stay->span = (struct tenon_span){.subject = lead->name,
                                     .command = lead->command_id,
                                     .begin_ticks = sched->trace->ticks(),
                                     .kind = TENON_SPAN_JOINT};
}

static void pass_joints(struct tenon_sched *sched, struct tenon_joint *lead, struct stay *stay)
{
    const struct tenon__drive drive = tenon__drive_of(lead);
    stay->span.end_ticks = sched->trace->ticks();
    stay->span.value = count_limited(&drive) != stay->limited;
    tenon__trace_put(sched->trace, &stay->span);
    lead->command_id = 0;
}

static void
pass_motors(struct tenon_sched *sched, struct tenon_joint *lead, struct stay *stay, int code)
{
    const struct tenon__drive drive = tenon__drive_of(lead);
    stay->span.subject = drive.motors->name;
    stay->span.kind = TENON_SPAN_MOTOR;
    stay->span.value = count_gated(&drive) != stay->gated;
    stay->span.code = (int8_t)code;
    stay->span.begin_ticks = stay->span.end_ticks;
    stay->span.end_ticks = sched->trace->ticks();
    tenon__trace_put(sched->trace, &stay->span);
}

void tenon__drive_run(struct tenon_sched *sched,
                      struct tenon_joint *lead,
                      const struct tenon__cycle *cycle)
{
    const bool is_driven_on =
        lead->is_up && lead->is_active && lead->seen_changes == sched->module_changes;
    if (!is_driven_on && !tenon__drive_is_up(sched, lead, cycle->now)) {
        return;
    }
    measure(sched, lead, cycle);
    if (lead->seen_changes != sched->module_changes && /* reading has found a fault */
        !tenon__drive_is_up(sched, lead, cycle->now)) {
        return;
    }
    if (lead->state.valid == 0) {
        return;
    }
    if (lead->status == TENON_JOINT_ENABLING && lead->is_active) {
        const struct tenon__drive drive = tenon__drive_of(lead);
        end_enabling(&drive, cycle);
    }
    struct stay stay;
    const bool is_traced = lead->command_id != 0 && sched->trace != NULL;
    if (is_traced) {
        enter_traced(sched, lead, &stay);
    }
    run_joints(lead, cycle);
    if (is_traced) {
        pass_joints(sched, lead, &stay);
    }
    if (tenon__joint_is_driven(lead) && lead->is_active) {
        if (is_traced) {
            mark_devices(lead, stay.span.command);
        }
        const int rc = write_motors(sched, lead, cycle);
        if (is_traced) {
            pass_motors(sched, lead, &stay, rc);
        }
    }
}
