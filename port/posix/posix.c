/* The runner: one thread, absolute waits, no wake-up a byte. */
#define _GNU_SOURCE /* ppoll */
#include "posix_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WIRES_MAX                                                                                  \
    16 /* lines whose writability is waited for; more are looked after by time alone */
#define CYCLE_POLLS_MAX 100000 /* a deadline that never moves must not hang the cycle */

static uint32_t ticks_ns(void)
{
    return (uint32_t)((uint64_t)tenon_posix_now() & UINT32_MAX);
}

static void panic(uint32_t module, uint32_t id)
{
    (void)fprintf(stderr, "tenon: broken invariant %u.%u\n", (unsigned)module, (unsigned)id);
    abort();
}

const struct tenon_port tenon_posix_port = {
    .head = TENON_API_HEAD(struct tenon_port),
    .ticks = ticks_ns,
    .panic = panic,
    .ticks_per_s = 1000000000u,
};

tenon_ns_t tenon_posix_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (tenon_ns_t)t.tv_sec * TENON_S(1) + t.tv_nsec;
}

/* Lines that took less than offered: wait for room, or the deadline. */
static unsigned collect_pending(const struct tenon_sched *sched, struct pollfd *fds)
{
    unsigned count = 0;
    for (struct tenon_wire *w = tenon_sched_next_wire(sched, NULL); w != NULL && count < WIRES_MAX;
         w = tenon_sched_next_wire(sched, w)) {
        const struct tenon_line *const line = tenon_wire_line(w);
        if (line != NULL && line->tx_pending && line->fd >= 0) {
            fds[count++] = (struct pollfd){.fd = line->fd, .events = POLLOUT};
        }
    }
    return count;
}

static int wait_writable(struct pollfd *fds, unsigned count, tenon_ns_t until)
{
    const tenon_ns_t left = until - tenon_posix_now();
    const struct timespec t = tenon__timespec(left > 0 ? left : 0);
    return ppoll(fds, (nfds_t)count, &t, NULL) < 0 && errno == EINTR ? TENON_ERR_AGAIN : TENON_OK;
}

/* The end of a time that may be without end. */
static tenon_ns_t end_of(tenon_ns_t timeout_ns)
{
    const tenon_ns_t now = tenon_posix_now();
    return timeout_ns < TENON_NEVER - now ? now + timeout_ns : TENON_NEVER;
}

/*
 * Sleeps until the deadline, not per byte: the bus has computed when the answer will be complete.
 * @return TENON_ERR_AGAIN when a signal came.
 */
static int wait_until(const struct tenon_sched *sched, tenon_ns_t until)
{
    struct pollfd fds[WIRES_MAX];
    const unsigned count = collect_pending(sched, fds);
    if (count > 0) {
        return wait_writable(fds, count, until);
    }
    const struct timespec t = tenon__timespec(until);
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR ? TENON_ERR_AGAIN
                                                                              : TENON_OK;
}

int tenon_posix_cycle(struct tenon_sched *sched)
{
    return tenon_posix_cycle_timed(sched, NULL);
}

int tenon_posix_cycle_timed(struct tenon_sched *sched, struct tenon_posix_lateness *io_lateness)
{
    if (sched == NULL || !sched->is_started) {
        return TENON_ERR_STATE;
    }
    for (unsigned i = 0; i < CYCLE_POLLS_MAX; i++) {
        tenon_ns_t now = tenon_posix_now();
        const tenon_ns_t deadline = tenon_sched_poll(sched, now);
        const tenon_ns_t release = tenon_sched_release(sched);
        now = tenon_posix_now();
        if (now >= release) {
            (void)tenon_sched_step(sched, now);
            (void)tenon_sched_poll(sched, tenon_posix_now()); /* sends what the step staged */
            return TENON_OK;
        }
        const tenon_ns_t until = deadline < release ? deadline : release;
        if (wait_until(sched, until) < 0) {
            return TENON_ERR_AGAIN;
        }
        if (io_lateness != NULL && until > now) { /* else there was nothing to sleep for */
            tenon__lateness_add(io_lateness, tenon_posix_now() - until);
        }
    }
    return TENON_ERR_AGAIN;
}

/* Some things do not get better by waiting. */
static bool is_final(int code)
{
    return code == TENON_ERR_ARG || code == TENON_ERR_UNSUPPORTED || code == TENON_ERR_LIMIT ||
           code == TENON_ERR_ABI || code == TENON_ERR_FULL;
}

int tenon_posix_start(struct tenon_sched *sched, tenon_ns_t timeout_ns)
{
    const int rc = tenon_sched_start(sched);
    if (rc < 0) {
        return rc;
    }
    const tenon_ns_t end = end_of(timeout_ns);
    do {
        if (tenon_posix_cycle(sched) < 0) {
            return TENON_ERR_AGAIN;
        }
        if (tenon_sched_is_ready(sched)) {
            return TENON_OK;
        }
    } while (!is_final(tenon_sched_explain(sched)) && tenon_posix_now() < end);
    return tenon_sched_explain(sched);
}

int tenon_posix_stop(struct tenon_sched *sched, tenon_ns_t timeout_ns)
{
    const tenon_ns_t end = end_of(timeout_ns);
    int rc = tenon_sched_make_safe(sched);
    while (rc == TENON_ERR_FULL && tenon_posix_now() < end) { /* a step makes room */
        (void)tenon_posix_cycle(sched);
        rc = tenon_sched_make_safe(sched);
    }
    if (rc < 0) {
        return rc;
    }
    while (!tenon_sched_is_safe(sched)) {
        if (tenon_posix_now() >= end) {
            return TENON_ERR_TIMEOUT;
        }
        (void)tenon_posix_cycle(sched);
    }
    return TENON_OK;
}
