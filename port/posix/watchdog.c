/* A thread that looks whether steps go on, and makes the devices safe past them when they do not.
 */
#define _GNU_SOURCE
#include "posix_internal.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

/*
 * Looks within the bound. So many in a row must find no step: a thread that is itself held up (a
 * stopped process, a busy machine) sees one look too few, not a hang. A step that ends right after
 * a look is seen by the next; five looks later the bound is over.
 */
#define LOOKS_PER_BOUND 5
#define LOOKS_STILL     (LOOKS_PER_BOUND - 1)

/*
 * A frame may meet an answer still under way, or follow half of a packet: devices forget that half
 * after a pause (1.5 ms for Dynamixel), and no bus answers so often.
 */
#define ROUNDS    5
#define ROUND_GAP TENON_MS(3)

#define BOUND_MIN   TENON_MS(100) /* of the default */
#define PERIODS     10
#define PERIODS_MIN 2
#define WIRES_MAX   32
#define SLICE       TENON_MS(20) /* how soon the end of the watching is noticed */

static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void store(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static uint32_t steps_of(const struct tenon_posix_watchdog *self)
{
    return load(&self->sched->counters.step_count);
}

static void sleep_until(tenon_ns_t time)
{
    const struct timespec t = tenon__timespec(time);
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL); /* all signals are blocked */
}

/* @return false when the watching is to end. */
static bool rest_until(const struct tenon_posix_watchdog *self, tenon_ns_t time)
{
    for (tenon_ns_t now = tenon_posix_now(); now < time; now = tenon_posix_now()) {
        if (load(&self->is_stopping) != 0) {
            return false;
        }
        sleep_until(time - now > SLICE ? now + SLICE : time);
    }
    return load(&self->is_stopping) == 0;
}

/* --- what is sent --- */

static bool brakes(const struct tenon_wire *wire)
{
    return tenon_wire_stop_category(wire) == TENON_STOP_BRAKE_THEN_OFF;
}

/* Which of the wires brake first. */
static uint32_t braking_wires(const struct tenon_posix_watchdog *self)
{
    uint32_t wires = 0;
    uint32_t bit = 1;
    for (struct tenon_wire *w = tenon_sched_next_wire(self->sched, NULL); w != NULL;
         w = tenon_sched_next_wire(self->sched, w), bit <<= 1) {
        wires |= brakes(w) ? bit : 0;
    }
    return wires;
}

static uint32_t send_once(const struct tenon_posix_watchdog *self, uint32_t wires, bool is_braked)
{
    uint32_t reached = 0;
    uint32_t bit = 1;
    for (struct tenon_wire *w = tenon_sched_next_wire(self->sched, NULL); w != NULL;
         w = tenon_sched_next_wire(self->sched, w), bit <<= 1) {
        const enum tenon_stop_category category =
            is_braked ? TENON_STOP_TORQUE_OFF : tenon_wire_stop_category(w);
        if ((wires & bit) != 0 &&
            tenon_wire_send_safe_frame(w, category, tenon_posix_now()) == TENON_OK) {
            reached |= bit;
        }
    }
    return reached;
}

/*
 * Only while the hang lasts: once steps go on, they have the stop in hand. A frame that was held up
 * and left after that may have taken torque from a joint that was enabled again; the stop is
 * latched after each, too, so that no joint believes in torque that is gone.
 * @return The wires whose lines took a whole frame.
 */
static uint32_t
send_all(const struct tenon_posix_watchdog *self, uint32_t wires, bool is_braked, uint32_t hung_at)
{
    uint32_t reached = 0;
    for (unsigned i = 0; i < ROUNDS && wires != 0 && steps_of(self) == hung_at; i++) {
        reached |= send_once(self, wires, is_braked);
        tenon_sched_estop(self->sched);
        sleep_until(tenon_posix_now() + ROUND_GAP);
    }
    return reached;
}

/* @return false when steps go on, or nobody watches any more: the step has the stop in hand. */
static bool wait_for_braking(const struct tenon_posix_watchdog *self, uint32_t hung_at)
{
    const tenon_ns_t end = tenon_posix_now() + tenon_sched_braking_ns(self->sched);
    for (tenon_ns_t now = tenon_posix_now(); now < end; now = tenon_posix_now()) {
        if (!rest_until(self, end - now > SLICE ? now + SLICE : end) || steps_of(self) != hung_at) {
            return false;
        }
    }
    return true;
}

static void rescue(struct tenon_posix_watchdog *self, uint32_t hung_at)
{
    uint32_t reached = send_all(self, self->unreached, false, hung_at);
    const uint32_t braking = reached & braking_wires(self);
    if (braking != 0 && wait_for_braking(self, hung_at)) {
        reached = (reached & ~braking) | send_all(self, braking, true, hung_at);
    }
    self->unreached &= ~reached;
}

/* --- the thread --- */

static void look(struct tenon_posix_watchdog *self, uint32_t *io_seen, unsigned *io_still)
{
    const uint32_t steps = steps_of(self);
    if (steps != *io_seen) {
        *io_seen = steps;
        *io_still = 0;
        return;
    }
    if (*io_still < LOOKS_STILL && ++*io_still == LOOKS_STILL) {
        tenon_sched_estop(self->sched);
        store(&self->fired_count, self->fired_count + 1u);
        self->unreached = self->wires;
    }
    if (*io_still == LOOKS_STILL) {
        rescue(self, steps);
    }
}

static void *watch(void *argument)
{
    struct tenon_posix_watchdog *self = argument;
    uint32_t seen = steps_of(self);
    unsigned still = 0;
    tenon_ns_t next = tenon_posix_now() + self->look_ns;
    while (rest_until(self, next)) {
        look(self, &seen, &still);
        const tenon_ns_t now = tenon_posix_now();
        next = next + self->look_ns > now ? next + self->look_ns : now + self->look_ns;
    }
    return NULL;
}

/* --- starting and stopping --- */

static int refuse(struct tenon_posix_watchdog *self,
                  enum tenon_err code,
                  enum tenon_cause cause,
                  float value,
                  float bound)
{
    self->diag = (struct tenon_diag){.code = (int16_t)code,
                                     .cause = (uint16_t)cause,
                                     .value = value,
                                     .bound = bound,
                                     .subject = "watchdog"};
    return code;
}

static int
refuse_wire(struct tenon_posix_watchdog *self, const struct tenon_wire *wire, const char *method)
{
    (void)refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_METHOD_MISSING, 0.0f, 0.0f);
    self->diag.subject = wire->name;
    self->diag.detail = method;
    return TENON_ERR_UNSUPPORTED;
}

static bool has_frame(const struct tenon_bus *bus, enum tenon_stop_category category)
{
    const uint8_t *bytes;
    return tenon_bus_get_api(bus)->safe_frame(bus, category, &bytes) > 0;
}

/* Who asks for a watchdog must know if it could do nothing. */
static int check_wires(struct tenon_posix_watchdog *self)
{
    unsigned count = 0;
    self->wires = 0;
    for (struct tenon_wire *w = tenon_sched_next_wire(self->sched, NULL); w != NULL;
         w = tenon_sched_next_wire(self->sched, w)) {
        if (tenon_line_get_api(tenon_wire_line(w))->write_emergency == NULL) {
            return refuse_wire(self, w, "write_emergency");
        }
        if (!has_frame(tenon_wire_bus(w), tenon_wire_stop_category(w)) ||
            (brakes(w) && !has_frame(tenon_wire_bus(w), TENON_STOP_TORQUE_OFF))) {
            return refuse_wire(self, w, "safe_frame");
        }
        if (++count > WIRES_MAX) {
            return refuse(self, TENON_ERR_FULL, TENON_CAUSE_ARGUMENT, (float)count, WIRES_MAX);
        }
        self->wires = self->wires << 1 | 1u;
    }
    return TENON_OK;
}

static int set_bound(struct tenon_posix_watchdog *self, tenon_ns_t bound)
{
    const tenon_ns_t period = self->sched->period_ns;
    if (bound == 0) {
        bound = PERIODS * period > BOUND_MIN ? PERIODS * period : BOUND_MIN;
    }
    if (bound < PERIODS_MIN * period) {
        return refuse(self, TENON_ERR_ARG, TENON_CAUSE_WATCHDOG_BOUND, (float)bound * 1e-9f,
                      (float)(PERIODS_MIN * period) * 1e-9f);
    }
    self->look_ns = bound / LOOKS_PER_BOUND;
    return TENON_OK;
}

/* A loop that hangs must not keep its watchdog from running. */
static int priority_above_ours(void)
{
    struct sched_param ours;
    int policy;
    if (pthread_getschedparam(pthread_self(), &policy, &ours) != 0 ||
        (policy != SCHED_FIFO && policy != SCHED_RR)) {
        return 0;
    }
    const int highest = sched_get_priority_max(SCHED_FIFO);
    return ours.sched_priority < highest ? ours.sched_priority + 1 : highest;
}

static int create(struct tenon_posix_watchdog *self, int priority, pthread_t *out)
{
    const struct sched_param param = {.sched_priority = priority};
    pthread_attr_t attr;
    sigset_t all, before;
    (void)pthread_attr_init(&attr);
    if (priority != 0) {
        (void)pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
        (void)pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
        (void)pthread_attr_setschedparam(&attr, &param);
    }
    (void)sigfillset(&all); /* signals are the application's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(out, &attr, watch, self);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return error;
}

static int launch(struct tenon_posix_watchdog *self, int priority)
{
    pthread_t thread;
    _Static_assert(sizeof thread <= sizeof self->thread, "a thread must fit its place");
    const int wanted = priority != 0 ? priority : priority_above_ours();
    if (wanted < 0 || wanted > sched_get_priority_max(SCHED_FIFO)) {
        return refuse(self, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, (float)wanted,
                      (float)sched_get_priority_max(SCHED_FIFO));
    }
    store(&self->is_stopping, 0);
    if (create(self, wanted, &thread) != 0) {
        return tenon__refuse_priority(&self->diag, wanted);
    }
    memcpy(&self->thread, &thread, sizeof thread);
    self->is_running = true;
    return TENON_OK;
}

int tenon_posix_watchdog_start(struct tenon_posix_watchdog *self,
                               struct tenon_sched *sched,
                               const struct tenon_posix_watchdog_config *config)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    if (self->is_running) {
        return refuse(self, TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, 0.0f, 0.0f);
    }
    if (sched == NULL) {
        return refuse(self, TENON_ERR_ARG, TENON_CAUSE_NULL, 0.0f, 0.0f);
    }
    if (!sched->is_started) {
        return refuse(self, TENON_ERR_STATE, TENON_CAUSE_NOT_STARTED, 0.0f, 0.0f);
    }
    self->diag = (struct tenon_diag){.code = TENON_OK};
    self->sched = sched;
    int rc = set_bound(self, config != NULL ? config->bound_ns : 0);
    if (rc == TENON_OK) {
        rc = check_wires(self);
    }
    return rc == TENON_OK ? launch(self, config != NULL ? config->priority : 0) : rc;
}

void tenon_posix_watchdog_stop(struct tenon_posix_watchdog *self)
{
    if (self == NULL || !self->is_running) {
        return;
    }
    pthread_t thread;
    memcpy(&thread, &self->thread, sizeof thread);
    store(&self->is_stopping, 1);
    (void)pthread_join(thread, NULL);
    self->is_running = false;
}

uint32_t tenon_posix_watchdog_fired(const struct tenon_posix_watchdog *self)
{
    return load(&self->fired_count);
}
