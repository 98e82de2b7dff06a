/*
 * The plan: flat arrays in the application's memory, laid out once by start. There are two: while
 * one runs, a change is prepared in the other, and the step exchanges them between two cycles.
 */
#include "core_internal.h"

#include <string.h>

/* What the members of the arrays ask for at most: on some 32-bit machines less than their size. */
union widest {
    int64_t integer;
    double number;
    void *pointer;
};

/* Bytes from an address, or from an offset, to the next that suits all. */
static size_t gap_at(uintptr_t at)
{
    const size_t over = (size_t)(at % _Alignof(union widest));
    return over == 0 ? 0 : _Alignof(union widest) - over;
}

/* Counts first, lays out when there is a base: the same walk says how much is needed. */
static void *carve(uint8_t *base, size_t *io_used, size_t size, size_t count)
{
    void *const at = base != NULL ? base + *io_used : NULL;
    *io_used += size * count;
    *io_used += gap_at(*io_used);
    return at;
}

static size_t count_readers(const struct tenon_sched *sched)
{
    size_t n = 0;
    for (const struct tenon_reader *r = sched->readers; r != NULL; r = r->next) {
        n++;
    }
    return n;
}

static void lay_out(struct tenon_sched *sched, uint8_t *base)
{
    const size_t joints = sched->joint_count;
    const size_t readers = count_readers(sched);
    const size_t buffers = readers > 0 ? readers + 1u : 0u;
    size_t used = 0;
    sched->own.queue.capacity = (uint32_t)(3u * joints + 8u);
    sched->snapshot_count = (uint32_t)buffers;
    for (unsigned i = 0; i < 2; i++) {
        struct tenon_plan *const plan = &sched->plans[i];
        plan->leads = carve(base, &used, sizeof(struct tenon_joint *), joints);
        plan->rates = carve(base, &used, sizeof *plan->rates, joints);
    }
    sched->own.queue.entries =
        carve(base, &used, sizeof(struct tenon_command_entry), sched->own.queue.capacity);
    sched->snapshot_heads = carve(base, &used, sizeof *sched->snapshot_heads, buffers);
    sched->snapshots = carve(base, &used, sizeof *sched->snapshots, buffers * joints);
    sched->memory_used = used;
}

/* Rates are harmonic when of any two one divides the other. */
static int check_harmonic(struct tenon_sched *sched)
{
    uint8_t seen[8]; /* a chain of divisors below 256 has at most eight members */
    unsigned count = 0;
    for (const struct tenon_joint *j = sched->joints; j != NULL; j = j->next) {
        bool is_new = true;
        for (unsigned i = 0; i < count; i++) {
            const uint8_t a = j->divisor, b = seen[i];
            if (a % b != 0 && b % a != 0) {
                return tenon__refuse_value(sched, TENON_ERR_ARG, TENON_CAUSE_RATE, j->name,
                                           (float)a, (float)b);
            }
            is_new = is_new && a != b;
        }
        if (is_new) {
            seen[count++] = j->divisor;
        }
    }
    return TENON_OK;
}

/* A drivetrain enters the plan with its first joint. */
static bool leads(const struct tenon_joint *joint)
{
    const bool is_first = joint->drivetrain == NULL || joint->drivetrain->joints[0] == joint;
    return is_first && !joint->is_to_rest;
}

static bool is_of_rate(const struct tenon_joint *joint, unsigned divisor, unsigned phase)
{
    return joint->divisor == divisor && joint->phase == phase && leads(joint);
}

static bool has_rate(const struct tenon_plan *plan, const struct tenon_joint *joint)
{
    for (uint32_t i = 0; i < plan->rate_count; i++) {
        if (plan->rates[i].divisor == joint->divisor && plan->rates[i].phase == joint->phase) {
            return true;
        }
    }
    return false;
}

/* One pass over the joints for each rate there is: linear, as rates are few. */
void tenon__plan_fill(const struct tenon_sched *sched, struct tenon_plan *plan)
{
    plan->lead_count = 0;
    plan->rate_count = 0;
    for (const struct tenon_joint *j = sched->joints; j != NULL; j = j->next) {
        if (!leads(j) || has_rate(plan, j)) {
            continue;
        }
        struct tenon__rate *const rate = &plan->rates[plan->rate_count++];
        *rate = (struct tenon__rate){.divisor = j->divisor, .phase = j->phase};
        for (struct tenon_joint *k = sched->joints; k != NULL; k = k->next) {
            if (is_of_rate(k, rate->divisor, rate->phase)) {
                plan->leads[plan->lead_count++] = k;
                rate->count++;
            }
        }
    }
}

int tenon__plan_build(struct tenon_sched *sched)
{
    const int rc = check_harmonic(sched);
    if (rc < 0) {
        return rc;
    }
    if (sched->joint_count > UINT16_MAX) {
        return tenon__refuse_value(sched, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, "joints",
                                   (float)sched->joint_count, (float)UINT16_MAX);
    }
    const size_t gap = gap_at((uintptr_t)sched->memory);
    lay_out(sched, NULL);
    const size_t needed = gap + sched->memory_used;
    if (needed > sched->memory_size) {
        return tenon__refuse_value(sched, TENON_ERR_FULL, TENON_CAUSE_BUFFER_TOO_SMALL, "scheduler",
                                   (float)sched->memory_size, (float)needed);
    }
    memset(sched->memory + gap, 0, sched->memory_used);
    lay_out(sched, sched->memory + gap);
    tenon__plan_fill(sched, &sched->plans[0]);
    return TENON_OK;
}
