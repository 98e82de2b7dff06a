/**
 * @file trace.h
 * @brief Which way a command went: spans from the queue to the wire and back.
 *
 * Every command has an id (tenon_sched_command_id()). While tracing is on, each stage a command
 * passes leaves a span with that id in a ring of the application's: taken from its queue, through
 * controller and limiter, through reducer, gate and motor driver, sent by the bus, answered. A
 * transmission that carries many commands has one span of its own, to which theirs link.
 */
#ifndef TENON_TRACE_H
#define TENON_TRACE_H

#include "tenon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tenon_sched;
struct tenon_wire;
struct tenon_bus_device;

/** What a span tells of. */
enum tenon_span_kind {
    TENON_SPAN_COMMAND = 1, /**< Taken from its queue. Subject: the producer. */
    TENON_SPAN_JOINT = 2, /**< Set point, controller, limiter; value: 1 if it was changed. Subject:
                             the joint. */
    TENON_SPAN_MOTOR = 3, /**< Reducer, gate and driver; value: 1 if the gate changed it; code: what
                             the driver answered. Subject: the motor's seat. */
    TENON_SPAN_SENT = 4,  /**< Left in transmission `link`; value: node. Subject: the wire. */
    TENON_SPAN_ANSWERED = 5, /**< The node's first answer after that; value: node; code: what came
                                of it. Subject: the wire. */
    TENON_SPAN_TRANSMISSION = 6 /**< The transmission `link` itself, to its last answer; command 0;
                                   value: nodes asked. Subject: the wire. */
};

/** One span. Times are ticks of the port. */
struct tenon_span {
    const char *subject;  /**< A name the application owns. */
    uint32_t command;     /**< Id of the command; 0: none. */
    uint32_t link;        /**< Number of a transmission; 0: none. */
    uint32_t begin_ticks; /**< When the stage began. */
    uint32_t end_ticks;   /**< When it ended. */
    uint16_t value;       /**< Meaning by kind. */
    uint8_t kind;         /**< enum tenon_span_kind. */
    int8_t code;          /**< enum tenon_err. */
};

/** A ring of spans: written by the cyclic thread, read by one other. Storage is the caller's. */
struct tenon_trace {
    /* private */
    struct tenon_span *spans;
    uint32_t mask;           /* capacity - 1 */
    uint32_t begun;          /* spans ever; runs freely */
    uint32_t written;        /* of these, whole */
    uint32_t taken;          /* by who reads */
    uint32_t is_on;          /* written by the application */
    uint32_t transmissions;  /* numbers given */
    uint32_t (*ticks)(void); /* the port's */
};

/**
 * Give a scheduler a ring of spans; tracing is off until tenon_trace_switch().
 * @param[out] trace     Storage, not NULL; must outlive the scheduler.
 * @param      spans     Not NULL; must outlive the scheduler.
 * @param      capacity  Spans at `spans`: a power of two, at least 8. One cycle of a command leaves
 *                       four; the oldest are overwritten.
 * @retval TENON_OK        It is used from start on. Refusals are also remembered for
 *                         tenon_sched_start().
 * @retval TENON_ERR_ARG   NULL, or another capacity.
 * @retval TENON_ERR_STATE The scheduler is started, or has one already.
 * @context setup
 */
TENON_API int tenon_sched_add_trace(struct tenon_sched *self,
                                    struct tenon_trace *trace,
                                    struct tenon_span *spans,
                                    uint32_t capacity);

/** Switch tracing on or off. Commands given from then on are traced. @context any */
TENON_API void tenon_trace_switch(struct tenon_trace *self, bool on);

/**
 * Take spans, oldest first. Call it until it answers 0.
 * @param[out] out_spans  Room for `capacity` spans, not NULL.
 * @param[out] out_lost   How many were overwritten before they were taken; may be NULL.
 * @return Spans stored, or TENON_ERR_ARG.
 * @context any: one thread
 */
TENON_API TENON_NODISCARD int tenon_trace_take(struct tenon_trace *self,
                                               struct tenon_span *out_spans,
                                               uint32_t capacity,
                                               uint32_t *out_lost);

/**
 * Id of the newest command that this thread gave through the scheduler's own producer; 0 before the
 * first. The goals of a group's move have the id of the move. Ids repeat after 16 million commands.
 * @context application thread
 */
TENON_API uint32_t tenon_sched_command_id(const struct tenon_sched *self);

/* --- for bus drivers --- */

/**
 * Number a transmission that begins, and tell that a device's command leaves with it. A bus calls
 * it for each device whose out window it sends, with `*io_link` 0 for the first of a transmission.
 * Does nothing while the device carries no traced command.
 * @param      wire     The bus's wire, not NULL.
 * @param      device   Not NULL.
 * @param[in,out] io_link  Number of the transmission, not NULL; given with the first command in it.
 * @context cyclic
 */
TENON_API void
tenon_trace_sent(const struct tenon_wire *wire, struct tenon_bus_device *device, uint32_t *io_link);

/**
 * Tell that a device has answered, or not. Does nothing if no traced command was sent to it since.
 * @param code  TENON_OK, or what went wrong.
 * @context cyclic
 */
TENON_API void
tenon_trace_answered(const struct tenon_wire *wire, struct tenon_bus_device *device, int code);

/**
 * Tell that a transmission is over. Does nothing for link 0.
 * @param begin_ticks  tenon_trace_ticks() when it began.
 * @param nodes        How many nodes were asked to answer.
 * @context cyclic
 */
TENON_API void tenon_trace_over(const struct tenon_wire *wire,
                                uint32_t link,
                                uint32_t begin_ticks,
                                unsigned nodes);

/** Ticks of the port while tracing is on; else 0, at no cost. @context cyclic */
TENON_API uint32_t tenon_trace_ticks(const struct tenon_wire *wire);

#ifdef __cplusplus
}
#endif
#endif
