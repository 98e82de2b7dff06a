/** @file event.h @brief What went wrong: every fault once, in a ring for the application to take.
 */
#ifndef TENON_EVENT_H
#define TENON_EVENT_H

#include "tenon/diag.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tenon_sched;

/** Events that wait to be taken; when they are full, the newest is dropped and counted. */
#define TENON_EVENTS_MAX 16

/** What happened. */
enum tenon_event_kind {
    TENON_EVENT_FAULT = 1,  /**< Something failed. A module is tried again by itself. */
    TENON_EVENT_FAILED = 2, /**< A module is given up: tenon_joint_reset(), tenon_wire_reset(). */
    TENON_EVENT_RESTARTED = 3, /**< A module is back. Left out where it would crowd out faults. */
    TENON_EVENT_ABORTED = 4,   /**< A group's move was refused late, or broken off. */
    TENON_EVENT_DERATED = 5,   /**< No fault: a joint's effort limit comes down, its motor is warm.
                                   Left out likewise. */
    TENON_EVENT_LATE = 6 /**< Releases were missed, or a joint took longer than its budget. Nothing
                            was done about it. */
};

/** What it happened to. */
enum tenon_event_source {
    TENON_SOURCE_MODULE = 1, /**< The module in a seat. */
    TENON_SOURCE_JOINT = 2,
    TENON_SOURCE_GROUP = 3,
    TENON_SOURCE_SCHED = 4 /**< Releases missed, a silent application, the emergency stop. */
};

/**
 * One event. A fault is reported by one event, or it is masked: counted, and nothing more. Masked
 * is what follows from a fault that has an event already:
 *
 * - the motors of a wire that went down;
 * - a joint that falls because one of its modules did, or a joint it shares motors with;
 * - a joint that fails again before it is reset;
 * - the joints of an application that fell silent;
 * - a restart that fails for the cause that is known (that the module is given up is told);
 * - a group's move that ends because a member failed, or by the emergency stop;
 * - releases missed, or budgets exceeded, within a second of others.
 *
 * So faults = numbers given to events of faults + masked, and what was dropped for want of room
 * shows as a gap in the numbers.
 */
struct tenon_event {
    tenon_ns_t time_ns;     /**< `now` of the poll or step that found it. */
    const char *name;       /**< Of the seat's owner, joint or group it happened to. */
    struct tenon_diag diag; /**< Who and why: tenon_diag_text() has the sentence. */
    uint32_t number;        /**< Counts up from 0. */
    uint32_t masked_count;  /**< Faults masked by this one until it was taken. */
    uint8_t kind;           /**< enum tenon_event_kind. */
    uint8_t source;         /**< enum tenon_event_source. */
    uint8_t role;           /**< enum tenon_role of a module; else 0. */
};

/** Totals since the scheduler was initialised. */
struct tenon_event_counts {
    uint32_t event_count;   /**< Events there were, those dropped among them. */
    uint32_t masked_count;  /**< Faults masked by them. */
    uint32_t dropped_count; /**< Events for which there was no room. */
};

/** The scheduler's events: written by the cyclic thread, taken by one other. */
struct tenon_event_log {
    /* private */
    struct tenon_event entries[TENON_EVENTS_MAX];
    struct tenon_event_counts counts;
    uint32_t head; /* written by who takes; both run freely */
    uint32_t tail;
    tenon_ns_t now_ns;     /* of the poll or step that runs */
    tenon_ns_t overrun_ns; /* when a release was missed last */
    tenon_ns_t budget_ns;  /* when a budget was exceeded last */
};

/**
 * Take the oldest event. Call it until it answers AGAIN, as often as news is wanted.
 * @param[out] out_event  Not NULL; its texts are static or the application's.
 * @retval TENON_OK         out_event is filled in.
 * @retval TENON_ERR_AGAIN  There is none.
 * @retval TENON_ERR_ARG    NULL.
 * @context any: one thread
 */
TENON_API TENON_NODISCARD int tenon_sched_take_event(struct tenon_sched *self,
                                                     struct tenon_event *out_event);

/** How many there were; all 0 for NULL. @context any */
TENON_API struct tenon_event_counts tenon_sched_count_events(const struct tenon_sched *self);

#ifdef __cplusplus
}
#endif
#endif
