/* Opt-in: what makes a thread of Linux a real-time one. Each refusal says which limit to raise. */
#define _GNU_SOURCE /* CPU affinity */
#include "posix_internal.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define PRIORITY_DEFAULT                                                                           \
    60 /* above the interrupt threads of a PREEMPT_RT kernel, which are at 50 */
#define PRIORITY_MAX 98
#define STACK_BYTES  (128 * 1024) /* far more than poll and step need */
#define KIB          1024

static int refuse(
    struct tenon_diag *out, enum tenon_err code, enum tenon_cause cause, float value, float bound)
{
    *out = (struct tenon_diag){.code = (int16_t)code,
                               .cause = (uint16_t)cause,
                               .value = value,
                               .bound = bound,
                               .subject = "real time"};
    return code;
}

static float limit_of(int resource)
{
    struct rlimit limit = {0, 0};
    (void)getrlimit((__rlimit_resource_t)resource, &limit);
    return (float)limit.rlim_cur;
}

int tenon__refuse_priority(struct tenon_diag *out, int wanted)
{
    return refuse(out, TENON_ERR_UNSUPPORTED, TENON_CAUSE_REALTIME_PRIORITY, (float)wanted,
                  limit_of(RLIMIT_RTPRIO));
}

/* The kernel takes a set of which one CPU will do; who names several wants each of them. */
static int set_affinity(uint64_t wanted, struct tenon_diag *out)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t n = 0; n < 64; n++) {
        if ((wanted >> n & 1u) != 0) {
            CPU_SET(n, &set);
        }
    }
    cpu_set_t got;
    CPU_ZERO(&got);
    if (sched_setaffinity(0, sizeof set, &set) == 0) {
        (void)sched_getaffinity(0, sizeof got, &got);
    }
    for (size_t n = 0; n < 64; n++) {
        if (CPU_ISSET(n, &set) && !CPU_ISSET(n, &got)) {
            return refuse(out, TENON_ERR_ARG, TENON_CAUSE_REALTIME_CPU, (float)n, 0.0f);
        }
    }
    return TENON_OK;
}

/* Touched once, the pages of the stack are there and, with memory locked, stay. */
static void __attribute__((noinline)) fault_in_stack(void)
{
    volatile unsigned char stack[STACK_BYTES];
    const long page = sysconf(_SC_PAGESIZE);
    for (size_t at = 0; at<sizeof stack; at += page> 0 ? (size_t)page : sizeof stack) {
        stack[at] = 0;
    }
}

static int lock_memory(struct tenon_diag *out)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        return refuse(out, TENON_ERR_UNSUPPORTED, TENON_CAUSE_REALTIME_MEMORY, (float)errno,
                      limit_of(RLIMIT_MEMLOCK) / KIB);
    }
    fault_in_stack();
    return TENON_OK;
}

int tenon_posix_realtime(const struct tenon_posix_realtime_config *config,
                         struct tenon_diag *out_diag)
{
    static const struct tenon_posix_realtime_config defaults = {0, 0, false};
    const struct tenon_posix_realtime_config *const c = config != NULL ? config : &defaults;
    struct tenon_diag unwanted = {.code = TENON_OK};
    struct tenon_diag *const out = out_diag != NULL ? out_diag : &unwanted;
    const struct sched_param wanted = {.sched_priority =
                                           c->priority != 0 ? c->priority : PRIORITY_DEFAULT};
    *out = (struct tenon_diag){.code = TENON_OK};
    if (wanted.sched_priority < 1 || wanted.sched_priority > PRIORITY_MAX) {
        return refuse(out, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, (float)wanted.sched_priority,
                      (float)PRIORITY_MAX);
    }
    int rc = c->cpus != 0 ? set_affinity(c->cpus, out) : TENON_OK;
    if (rc == TENON_OK && !c->leaves_memory_be) {
        rc = lock_memory(out);
    }
    if (rc == TENON_OK && sched_setscheduler(0, SCHED_FIFO, &wanted) != 0) {
        rc = tenon__refuse_priority(out, wanted.sched_priority);
    }
    return rc;
}
