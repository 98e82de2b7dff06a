/*
 * What a joint, or the joints of a drivetrain, stand on: whether their modules are up, and what
 * becomes of them when these come, go and get torque.
 */
#include "core_internal.h"

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

/* Limits that supervision has lowered are found anew from what they were. */
static int resolve_limits(const struct tenon__drive *drive)
{
    for (unsigned i = 0; i < drive->joint_count; i++) {
        tenon__supervise_restore(drive->joints[i]);
    }
    const int rc = tenon__limits_resolve(drive);
    for (unsigned i = 0; i < drive->joint_count; i++) {
        tenon__supervise_begin(drive->joints[i]);
    }
    return rc;
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
    const int rc = resolve_limits(drive);
    for (unsigned i = 0; i < drive->joint_count; i++) {
        struct tenon_joint *const joint = drive->joints[i];
        joint->is_up = true;
        joint->state.valid = 0;
        if (rc < 0 || joint->diag.code != TENON_OK) {
            tenon__joint_enter(joint, TENON_JOINT_FAULT);
        } else {
            tenon__joint_enter(joint, is_holding ? TENON_JOINT_HOLDING : TENON_JOINT_DISABLED);
        }
    }
    if (tenon__estop_is_latched(drive->joints[0]->sched)) { /* torque found on goes, too */
        tenon__joint_make_safe(drive->joints[0]);
    }
}

/*
 * Looked up anew only when a module has changed its state, or while the joints are not driven.
 * @return whether the joints may run.
 */
bool tenon__drive_is_up(struct tenon_sched *sched, struct tenon_joint *lead, tenon_ns_t now)
{
    const struct tenon__drive drive = tenon__drive_of(lead);
    const struct tenon_module *const down = first_down(&drive);
    lead->seen_changes = sched->module_changes;
    lead->is_active = all_motors_active(&drive);
    if (down != NULL || (lead->is_up && !lead->is_active && was_let_down(&drive))) {
        go_down(&drive, down);
        return false;
    }
    if (!lead->is_up) {
        come_up(&drive, now);
    }
    return true;
}
