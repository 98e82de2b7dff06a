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
