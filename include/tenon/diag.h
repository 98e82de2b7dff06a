/** @file diag.h @brief Which error exactly, on what, and a sentence that says what to do. */
#ifndef TENON_DIAG_H
#define TENON_DIAG_H

#include "tenon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Why. The comment says what `value` and `bound` of struct tenon_diag mean for this cause. */
enum tenon_cause {
    TENON_CAUSE_NONE = 0,
    /* What the program passed. */
    TENON_CAUSE_NULL,             /**< A pointer that must not be NULL is. */
    TENON_CAUSE_NOT_FINITE,       /**< NaN or infinity. */
    TENON_CAUSE_ARGUMENT,         /**< value: what was passed; bound: the largest allowed. */
    TENON_CAUSE_BUFFER_TOO_SMALL, /**< value: bytes given; bound: bytes needed. */
    TENON_CAUSE_ALREADY_ADDED,    /**< The object is in a scheduler already. */
    TENON_CAUSE_NOT_ADDED,        /**< It, or what it stands on, was not added before. */
    TENON_CAUSE_ABI_TOO_OLD, /**< Made for an older tenon. value: ABI or size; bound: ours; detail
                                names what is. */
    TENON_CAUSE_ABI_TOO_NEW, /**< Made for a newer tenon. As ABI_TOO_OLD. */
    TENON_CAUSE_METHOD_MISSING, /**< A required method is NULL; detail names it. */
    TENON_CAUSE_WRONG_ROLE,     /**< value: role of the module; bound: role of the seat. */
    TENON_CAUSE_NODE_TAKEN,     /**< value: node; another device of this bus has it. */
    TENON_CAUSE_NODE_RANGE,     /**< value: node; bound: largest the protocol has. */
    TENON_CAUSE_RATE,   /**< value: rate divisor; bound: a divisor it is not harmonic with. */
    TENON_CAUSE_SHAPE,  /**< Motor, reducer and joint counts do not fit; value, bound: counts. */
    TENON_CAUSE_FIELDS, /**< Cyclic fields this bus cannot carry. */
    TENON_CAUSE_MEDIUM, /**< value: medium of the line; bound: medium the bus needs. */
    TENON_CAUSE_MODE_UNSUPPORTED,    /**< value: the mode asked for. */
    TENON_CAUSE_CANNOT_HOLD,         /**< Safe action HOLD; value: mode of the motor, which holds
                                        nothing by itself. */
    TENON_CAUSE_LIMIT_ORDER,         /**< value: minimum; bound: maximum below it. */
    TENON_CAUSE_LIMIT_MISSING,       /**< A limit that must be positive is not; detail names it. */
    TENON_CAUSE_LIMIT_OUTSIDE_MODEL, /**< value: limit asked for; bound: what the motor can do;
                                        detail names it. */
    TENON_CAUSE_GOAL_OUTSIDE_LIMITS, /**< value: goal; bound: the limit it passes. */
    /* The state things are in. */
    TENON_CAUSE_NOT_INITIALISED, /**< Its init was not called. */
    TENON_CAUSE_STARTED,         /**< The scheduler runs already. */
    TENON_CAUSE_NOT_STARTED,     /**< The scheduler was not started. */
    TENON_CAUSE_NOT_READY,       /**< The module is still being probed, or has failed. */
    TENON_CAUSE_NOT_ENABLED,     /**< The joint is not enabled. */
    TENON_CAUSE_NOT_SUSPENDABLE, /**< To be suspended its torque must be off; to be resumed it must
                                    be suspended. */
    TENON_CAUSE_UNHOMED,         /**< The joint's position is not to be trusted. */
    TENON_CAUSE_BUSY,            /**< The joint moves for another group. */
    TENON_CAUSE_ESTOP,           /**< The emergency stop is latched. */
    TENON_CAUSE_QUEUE_FULL,      /**< value, bound: entries. */
    TENON_CAUSE_TORQUE_HELD, /**< Torque is on and a register that needs torque off differs. value:
                                its address. */
    /* Ports and lines. */
    TENON_CAUSE_PORT_MISSING,     /**< No such port. */
    TENON_CAUSE_PORT_PERMISSION,  /**< The user may not open it. */
    TENON_CAUSE_PORT_BUSY,        /**< Another program has it. */
    TENON_CAUSE_PORT_NOT_SERIAL,  /**< It is not a serial port. */
    TENON_CAUSE_PORT_LOST,        /**< It was there and has gone. */
    TENON_CAUSE_PORT_FAILED,      /**< The operating system refused; value: its error number. */
    TENON_CAUSE_BAUD_UNSUPPORTED, /**< value: baud asked for. */
    TENON_CAUSE_ADAPTER_REFUSED,  /**< The adapter at the port would not open its bus. value: bit
                                     rate. */
    TENON_CAUSE_WIRE_DOWN,        /**< The wire of this device is not up; detail names it. */
    /* Devices. */
    TENON_CAUSE_NO_REPLY,      /**< value: node; bound: baud. */
    TENON_CAUSE_GARBLED_REPLY, /**< value: node; answers arrive broken: two devices with one number,
                                  or noise. */
    TENON_CAUSE_MODEL_UNKNOWN, /**< value: model number. */
    TENON_CAUSE_MODEL_CHANGED, /**< value: model found; bound: model expected. */
    TENON_CAUSE_DEVICE_REFUSED, /**< The device refused a request; value: its error number; bound:
                                   address. */
    TENON_CAUSE_DEVICE_FAULT, /**< The device reports a fault; value: its bits; detail: in words. */
    TENON_CAUSE_BRAKE,        /**< The brake has not closed; value: s; bound: allowed. */
    TENON_CAUSE_READBACK,     /**< A register reads back other than written; value: address. */
    /* What was saved of joints. */
    TENON_CAUSE_SAVED_DAMAGED, /**< value: bytes given; bound: bytes it should have. */
    TENON_CAUSE_SAVED_VERSION, /**< value: its version; bound: ours. */
    TENON_CAUSE_SAVED_OTHER,   /**< It is of other joints; detail says what differs. */
    TENON_CAUSE_TURNS_LOST,    /**< value: turns from where it was saved; bound: allowed. */
    /* Supervision while running. */
    TENON_CAUSE_STALE,           /**< value: age of the newest sample, s; bound: allowed. */
    TENON_CAUSE_BUS_SILENT,      /**< Nobody on the wire answers any more; value: silence, s; bound:
                                    allowed. */
    TENON_CAUSE_HEARTBEAT,       /**< value: silence of the application, s; bound: allowed. */
    TENON_CAUSE_FOLLOWING_ERROR, /**< value: error, rad; bound: allowed. */
    TENON_CAUSE_STALL,           /**< value: effort without motion, N·m; bound: what is much. */
    TENON_CAUSE_OVERLOAD,        /**< value: heat of the motor, 1: all it stands for ever; bound:
                                    allowed. */
    TENON_CAUSE_MODULE_FAILED,   /**< A controller, reducer or motor method failed; value: its code.
                                  */
    TENON_CAUSE_MEMBER,          /**< A member of the group refused or failed; subject names it. */
    TENON_CAUSE_STEP_TIMEOUT, /**< A lifecycle step did not end in time; value: s; bound: allowed.
                               */
    TENON_CAUSE_OVERRUN,      /**< Releases were missed; value: s late; bound: the period, s. */
    /* The host. */
    TENON_CAUSE_REALTIME_PRIORITY, /**< Not permitted. value: priority asked for; bound: limit. */
    TENON_CAUSE_REALTIME_MEMORY,   /**< May not be locked. bound: KiB that may. */
    TENON_CAUSE_REALTIME_CPU,      /**< value: the first CPU asked for that cannot be used. */
    TENON_CAUSE_WATCHDOG_BOUND,    /**< value: bound asked for, s; bound: shortest possible, s. */
    TENON_CAUSE_DIRECTION, /**< The port cannot switch direction like that; detail: how; value:
                              error number. */
    TENON_CAUSE_BUDGET,    /**< value: time its part of the step took, s; bound: budget, s. */
    /* No fault. */
    TENON_CAUSE_DERATED,   /**< value: heat of the motor, 1: all it stands for ever. */
    TENON_CAUSE_RESTARTED, /**< The module is back. */
    TENON_CAUSE_COUNT
};

/** One refusal or fault. All pointers are to static text or to names the application owns. */
struct tenon_diag {
    int16_t code;        /**< enum tenon_err; TENON_OK: nothing is wrong. */
    uint16_t cause;      /**< enum tenon_cause. */
    float value;         /**< Meaning by cause. */
    float bound;         /**< Meaning by cause. */
    const char *subject; /**< Name of the slot, joint, group or port; may be NULL. */
    const char *detail;  /**< A word or two more, or NULL. */
};

/**
 * Write the sentence that says what is wrong and what to do.
 * Linked only if used; it needs no stdio.
 * @param[in]  diag  What to explain, not NULL.
 * @param[out] out   Buffer for a NUL-terminated sentence, not NULL when size > 0; cut off at
 * `size`.
 * @param      size  Bytes at `out`; 200 hold every sentence with a short subject.
 * @return `out`, so that it can stand in an argument list.
 * @context any
 */
TENON_API const char *tenon_diag_text(const struct tenon_diag *diag, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
