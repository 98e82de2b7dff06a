/** @file posix.h @brief Runner for Linux and other POSIX systems. */
#ifndef TENON_POSIX_H
#define TENON_POSIX_H

#include "tenon/sched.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Services of this host: the thread's CPU-independent monotonic clock as tick counter, abort() as
 * panic.
 */
extern TENON_API const struct tenon_port tenon_posix_port;

/** CLOCK_MONOTONIC. @context any */
TENON_API tenon_ns_t tenon_posix_now(void);

/**
 * Start the scheduler and run it until every module is ready and every joint has been measured.
 * @retval TENON_OK  All are ready.
 * @return Else the code of the first refusal, or of the first module that was not ready when the
 * time was over or that has failed for good; tenon_sched_diag() says who and why.
 * @context setup, the thread that will call tenon_posix_cycle()
 */
TENON_API TENON_NODISCARD int tenon_posix_start(struct tenon_sched *sched, tenon_ns_t timeout_ns);

/**
 * Wait for the next release, moving bytes meanwhile, then run the step and send what it staged.
 * @retval TENON_OK        One step was run.
 * @retval TENON_ERR_AGAIN A signal interrupted the wait; no step was run.
 * @retval TENON_ERR_STATE The scheduler is not started.
 * @context cyclic thread
 */
TENON_API int tenon_posix_cycle(struct tenon_sched *sched);

/** Buckets of a histogram of lateness. */
#define TENON_POSIX_LATENESS_BUCKETS 20

/** How late the runner woke from its sleeps: zeroed by the user, filled by the cyclic thread. */
struct tenon_posix_lateness {
    uint64_t count;                                /**< Sleeps that ended at their time. */
    tenon_ns_t sum_ns;                             /**< Of all. */
    tenon_ns_t max_ns;                             /**< Longest so far. */
    uint64_t bucket[TENON_POSIX_LATENESS_BUCKETS]; /**< bucket[k]: 2^k ... 2^(k+1)-1 us late; the
                                                      first has all below, the last all above. */
};

/**
 * As tenon_posix_cycle(), and account for how late the sleeps in it ended.
 * @param io_lateness  Read it in the cyclic thread, or with the loop at rest. NULL: no account.
 * @context cyclic thread
 */
TENON_API int tenon_posix_cycle_timed(struct tenon_sched *sched,
                                      struct tenon_posix_lateness *io_lateness);

/**
 * A time that a share of the wake-ups kept to: the upper edge of its bucket, or the longest.
 * @param self   Not NULL.
 * @param share  0 ... 1, e.g. 0.999.
 * @return ns; 0 when nothing was counted.
 * @context as struct tenon_posix_lateness
 */
TENON_API tenon_ns_t tenon_posix_lateness_within(const struct tenon_posix_lateness *self,
                                                 double share);

/**
 * Say it in one line: "5000 wake-ups, mean 61 us, 99 % within 127 us, longest 431 us late".
 * @param      self  Not NULL.
 * @param[out] out   Buffer, not NULL when size > 0; 100 bytes hold it.
 * @param      size  Bytes at `out`.
 * @return `out`, so that it can stand in an argument list.
 * @context as struct tenon_posix_lateness
 */
TENON_API const char *
tenon_posix_lateness_text(const struct tenon_posix_lateness *self, char *out, size_t size);

/** What tenon_posix_realtime() is to do. Zero: the default. */
struct tenon_posix_realtime_config {
    int priority;          /**< SCHED_FIFO, 1 ... 98 (99 is the kernel's); 0: 60. */
    uint64_t cpus;         /**< Bit n: may run on CPU n; 0: affinity stays as it is. */
    bool leaves_memory_be; /**< Do not lock the process's memory. */
};

/**
 * Make the calling thread a real-time one: CPU affinity, memory of the whole process locked, its
 * stack faulted in, priority; in this order, the first refusal ends it, and what was done before
 * stays. Once, before the loop, in its thread.
 * @param      config    NULL: all defaults.
 * @param[out] out_diag  Why it was refused, for tenon_diag_text(); may be NULL.
 * @retval TENON_OK         Done, all of it.
 * @retval TENON_ERR_ARG    A priority out of range (TENON_CAUSE_ARGUMENT), or a CPU that is not
 * there or not for us (TENON_CAUSE_REALTIME_CPU).
 * @retval TENON_ERR_UNSUPPORTED This user may not: TENON_CAUSE_REALTIME_PRIORITY or
 * TENON_CAUSE_REALTIME_MEMORY; the sentence tells which limit to raise.
 * @context setup, the thread that will call tenon_posix_cycle()
 */
TENON_API TENON_NODISCARD int tenon_posix_realtime(const struct tenon_posix_realtime_config *config,
                                                   struct tenon_diag *out_diag);

/** Settings of a watchdog. Zero: the default. */
struct tenon_posix_watchdog_config {
    /**
     * The safe frames leave at the latest so long after the last step that ended. Steps that end
     * within four fifths of it never wake the watchdog. 0: ten periods, at least 100 ms.
     */
    tenon_ns_t bound_ns;
    int priority; /**< SCHED_FIFO, 1 ... 99; 0: one above the calling thread's, if that is a
                     real-time one. */
};

/**
 * A thread that looks whether steps go on. When they do not - the application or a driver hangs,
 * or the thread has died - it latches the emergency stop and sends the safe frames of every bus
 * past it. Storage is the caller's, zeroed; all members are for reading only.
 */
struct tenon_posix_watchdog {
    struct tenon_diag diag; /**< Why it was not started. */
    /* private */
    struct tenon_sched *sched;
    tenon_ns_t look_ns;
    uint64_t thread; /* a pthread_t */
    uint32_t fired_count;
    uint32_t is_stopping;
    uint32_t wires;     /* all, by number */
    uint32_t unreached; /* those that the frames have not reached */
    bool is_running;
};

/**
 * Watch a scheduler that has been started. From now on steps must go on until
 * tenon_posix_watchdog_stop(): a program that pauses its loop stops the watchdog first.
 *
 * When it fires, at the latest bound_ns after the last step: tenon_sched_estop(), then five times,
 * 3 ms apart, the frames of each wire's tenon_wire_stop_category(). Wires whose category is to
 * brake get torque off after tenon_sched_braking_ns(), unless steps go on by then. Lines that could
 * not take them are tried again as long as the hang lasts. A step that comes back finds the
 * emergency stop latched; it may be latched once more by a frame that was under way.
 * @param self    Zeroed, not NULL; must outlive the watching.
 * @param sched   Started, not NULL; at most 32 wires.
 * @param config  NULL: all defaults. Copied.
 * @retval TENON_OK              It watches.
 * @retval TENON_ERR_ARG         NULL, a bound below two periods or a priority out of range.
 * @retval TENON_ERR_STATE       The scheduler is not started, or it watches already.
 * @retval TENON_ERR_FULL        More than 32 wires.
 * @retval TENON_ERR_UNSUPPORTED A line or bus offers no way (TENON_CAUSE_METHOD_MISSING), or the
 * priority is not permitted (TENON_CAUSE_REALTIME_PRIORITY).
 * @return The cause is in self->diag.
 * @context cyclic thread, between two cycles
 */
TENON_API TENON_NODISCARD int
tenon_posix_watchdog_start(struct tenon_posix_watchdog *self,
                           struct tenon_sched *sched,
                           const struct tenon_posix_watchdog_config *config);

/**
 * End the watching and wait for its thread: 20 ms, or until frames being sent have been. Before
 * tenon_sched_close(). No effect when it does not watch.
 * @context the thread that started it
 */
TENON_API void tenon_posix_watchdog_stop(struct tenon_posix_watchdog *self);

/** How often it has found steps hanging. @param self Not NULL. @context any */
TENON_API uint32_t tenon_posix_watchdog_fired(const struct tenon_posix_watchdog *self);

/**
 * Bring every joint to its safe action and run until that is done.
 * @retval TENON_OK          Every joint is safe.
 * @retval TENON_ERR_TIMEOUT Not within the time.
 * @context cyclic thread
 */
TENON_API int tenon_posix_stop(struct tenon_sched *sched, tenon_ns_t timeout_ns);

#ifdef __cplusplus
}
#endif
#endif
