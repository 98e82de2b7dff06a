/* Taking joints out of the plan and putting them back, while the others run. */
#include "core_internal.h"

/* --- application thread: the next plan is prepared aside --- */

static void mark(struct tenon_joint *joint, bool is_to_rest)
{
    unsigned count;
    struct tenon_joint *const *const siblings = tenon__joint_siblings(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        siblings[i]->is_to_rest = is_to_rest;
    }
}

static bool may_rest(struct tenon_joint *joint)
{
    unsigned count;
    struct tenon_joint *const *const siblings = tenon__joint_siblings(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        const uint8_t status = tenon__load8(&siblings[i]->status);
        if (status != TENON_JOINT_DOWN && status != TENON_JOINT_DISABLED &&
            status != TENON_JOINT_FAULT) {
            return false;
        }
    }
    return true;
}

int tenon__plan_prepare(struct tenon_joint *joint, bool is_to_rest)
{
    struct tenon_sched *const sched = joint->sched;
    if (tenon_sched_is_replanning(sched)) {
        return TENON_ERR_AGAIN;
    }
    const bool is_resting = tenon__load8(&joint->status) == TENON_JOINT_SUSPENDED;
    if (is_to_rest == is_resting || (is_to_rest && !may_rest(joint))) {
        return tenon__refuse(sched, TENON_ERR_STATE, TENON_CAUSE_NOT_SUSPENDABLE, joint->name);
    }
    mark(joint, is_to_rest);
    tenon__plan_fill(sched, &sched->plans[1u - sched->plan]);
    return TENON_OK;
}

bool tenon_sched_is_replanning(const struct tenon_sched *self)
{
    return self != NULL && self->plan_issued != tenon__load(&self->plan_handled);
}

/* --- cyclic thread: between two cycles --- */

static bool has_torque(struct tenon_joint *joint)
{
    unsigned count;
    const struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        if (motors[i].module->state == TENON_MODULE_ACTIVE ||
            tenon__slot_motor(&motors[i])->is_holding || tenon__slot_goes_off(&motors[i])) {
            return true;
        }
    }
    return !may_rest(joint);
}

static void rest_modules(struct tenon_joint *joint, bool is_to_rest)
{
    const struct tenon__drive drive = tenon__drive_of(joint);
    struct tenon_slot *slots[2 * TENON_COUPLED_MAX + 1];
    unsigned count = 0;
    slots[count++] = drive.reducer;
    for (unsigned i = 0; i < drive.motor_count; i++) {
        slots[count++] = &drive.motors[i];
    }
    for (unsigned i = 0; i < drive.joint_count; i++) {
        slots[count++] = &drive.joints[i]->controller;
    }
    for (unsigned i = 0; i < count; i++) {
        if (slots[i]->module != NULL && is_to_rest) {
            tenon__slot_suspend(slots[i]);
        } else if (slots[i]->module != NULL) {
            tenon__slot_resume(joint->sched, slots[i]);
        }
    }
}

static void set_status(struct tenon_joint *joint, uint8_t status)
{
    unsigned count;
    struct tenon_joint *const *const siblings = tenon__joint_siblings(joint, &count);
    for (unsigned i = 0; i < count; i++) {
        tenon__store8(&siblings[i]->status, status);
        siblings[i]->is_up = false;
        siblings[i]->state.valid = 0;
    }
}

/* Only now is it sure that the joint rests: if it does not, the plan that was prepared is dropped.
 */
void tenon__plan_exchange(struct tenon_sched *sched, struct tenon_joint *joint, bool is_to_rest)
{
    if (is_to_rest && has_torque(joint)) {
        mark(joint, false);
    } else {
        rest_modules(joint, is_to_rest);
        set_status(joint, is_to_rest ? TENON_JOINT_SUSPENDED : TENON_JOINT_DOWN);
        sched->plan = (uint8_t)(1u - sched->plan);
        sched->counters.plan_count++;
    }
    tenon__store(&sched->plan_handled, sched->plan_handled + 1u);
}
