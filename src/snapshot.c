/*
 * Snapshots for other threads, without locks. There is one buffer more than readers. A reader
 * announces the buffer it copies and looks again whether it is still the newest; the writer takes a
 * buffer that is neither the newest nor announced. If there is none, for all readers are copying
 * older ones at once, the step is not shown; the next one will be.
 */
#include "core_internal.h"

#include <string.h>

_Static_assert(TENON_CAUSE_COUNT <= UINT8_MAX, "a snapshot holds a cause in a byte");

static bool is_held(const struct tenon_sched *sched, uint32_t buffer)
{
    for (const struct tenon_reader *r = sched->readers; r != NULL; r = r->next) {
        if (tenon__load(&r->holds) == buffer) {
            return true;
        }
    }
    return false;
}

static uint32_t free_buffer(const struct tenon_sched *sched)
{
    for (uint32_t b = 1; b <= sched->snapshot_count; b++) {
        if (b != sched->snapshot_latest && !is_held(sched, b)) {
            return b;
        }
    }
    return 0;
}

static void fill(const struct tenon_joint *joint, tenon_ns_t now, struct tenon_joint_snapshot *out)
{
    out->position_rad = joint->state.position_rad;
    out->velocity_rad_s = joint->state.velocity_rad_s;
    out->effort_nm = joint->state.effort_nm;
    out->valid = joint->state.valid;
    out->command_rad = joint->command.position_rad;
    out->command_velocity_rad_s = joint->command.velocity_rad_s;
    out->command_effort_nm = joint->command.effort_nm;
    out->age_s = joint->state.valid != 0 ? tenon__seconds(now - joint->state.stamp_ns) : 0.0f;
    out->code = (int8_t)joint->diag.code;
    out->cause = (uint8_t)joint->diag.cause;
    out->status = joint->status;
}

void tenon__snapshot_publish(struct tenon_sched *sched,
                             const struct tenon__cycle *cycle,
                             tenon_ns_t release)
{
    if (sched->readers == NULL) {
        return;
    }
    const uint32_t buffer = free_buffer(sched);
    if (buffer == 0) {
        return;
    }
    struct tenon_snapshot_head *const head = &sched->snapshot_heads[buffer - 1];
    struct tenon_joint_snapshot *out = &sched->snapshots[(size_t)(buffer - 1) * sched->joint_count];
    head->release_ns = release;
    head->step_count = cycle->number;
    head->joint_count = sched->joint_count;
    for (const struct tenon_joint *j = sched->joints; j != NULL; j = j->next) {
        fill(j, cycle->now, out++);
    }
    tenon__store(&sched->snapshot_latest, buffer);
}

int tenon_reader_read(struct tenon_reader *self,
                      struct tenon_snapshot_head *out_head,
                      struct tenon_joint_snapshot *out_joints,
                      uint32_t capacity)
{
    if (self == NULL || out_head == NULL || (out_joints == NULL && capacity > 0)) {
        return TENON_ERR_ARG;
    }
    const struct tenon_sched *const sched = self->sched;
    if (sched == NULL) {
        return TENON_ERR_STATE;
    }
    uint32_t buffer = tenon__load(&sched->snapshot_latest);
    if (buffer == 0) {
        return TENON_ERR_AGAIN;
    }
    for (;;) { /* again only if a step ended between the two looks */
        tenon__store(&self->holds, buffer);
        const uint32_t newest = tenon__load(&sched->snapshot_latest);
        if (newest == buffer) {
            break;
        }
        buffer = newest;
    }
    const uint32_t count = capacity < sched->joint_count ? capacity : sched->joint_count;
    *out_head = sched->snapshot_heads[buffer - 1];
    if (count > 0) {
        memcpy(out_joints, &sched->snapshots[(size_t)(buffer - 1) * sched->joint_count],
               count * sizeof *out_joints);
    }
    tenon__store(&self->holds, 0);
    return (int)count;
}
