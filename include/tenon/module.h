/** @file module.h @brief Drivers, modules and the seats they sit in: what all roles share. */
#ifndef TENON_MODULE_H
#define TENON_MODULE_H

#include "tenon/base.h"
#include "tenon/diag.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tenon_slot;
struct tenon_module;

/** The roles a driver can play. */
enum tenon_role {
    TENON_ROLE_LINE = 1,
    TENON_ROLE_BUS = 2,
    TENON_ROLE_MOTOR = 3,
    TENON_ROLE_REDUCER = 4,
    TENON_ROLE_CONTROLLER = 5
};

/**
 * Where a module is in its life.
 *
 *     (seat EMPTY) -> PROBING -> READY <-> ACTIVE -> FAULT -> RECOVERING -> READY
 *                                                    FAULT -> FAILED
 *
 * FAILED needs tenon_joint_reset(), or tenon_wire_reset().
 */
enum tenon_module_state {
    TENON_MODULE_IDLE = 0,       /**< Initialised, not yet taken up by a started scheduler. */
    TENON_MODULE_PROBING = 1,    /**< Probe and configure run for the first time. */
    TENON_MODULE_READY = 2,      /**< Configured, makes no torque on our behalf. */
    TENON_MODULE_ACTIVE = 3,     /**< Follows commands. */
    TENON_MODULE_FAULT = 4,      /**< Something is wrong; waits for its next restart. */
    TENON_MODULE_RECOVERING = 5, /**< Probe and configure run again. */
    TENON_MODULE_FAILED = 6      /**< Restarts used up, or a cause that time does not heal. */
};

/** How to stop, after the stop categories of IEC 60204-1. */
enum tenon_stop_category {
    TENON_STOP_TORQUE_OFF = 0,     /**< Category 0: torque off at once. */
    TENON_STOP_BRAKE_THEN_OFF = 1, /**< Category 1: braked, then torque off. */
    TENON_STOP_BRAKE_THEN_HOLD = 2 /**< Category 2: braked, then held. */
};

/**
 * The steps of a module's life. Each is non-blocking: it returns TENON_ERR_AGAIN until it is done,
 * then TENON_OK, or another error with the module's `diag` filled in (tenon_module_refuse()). The
 * core sets `self->progress` to 0 when a step begins; a driver may count its own sub-steps there. A
 * step that is not done within the slot's `step_timeout_ns` is failed by the core.
 *
 * Errors TIMEOUT, IO, PROTO, DEVICE and STATE may heal and are tried again within the slot's
 * restart budget; ARG, UNSUPPORTED, LIMIT, FULL and ABI do not, and lead to FAILED at once.
 */
struct tenon_lifecycle_api {
    struct tenon_api_head head; /**< TENON_API_HEAD(struct tenon_lifecycle_api). */
    /**
     * Optional. Take resources at registration: a device attaches to its wire's bus here.
     * @context setup
     */
    int (*attach)(struct tenon_module *self);
    /** Required. Find out whether the thing is there and which it is. @context cyclic */
    int (*probe)(struct tenon_module *self, tenon_ns_t now);
    /**
     * Optional. Bring it to the wanted configuration: compare before writing, never drop torque.
     * @context cyclic
     */
    int (*configure)(struct tenon_module *self, tenon_ns_t now);
    /**
     * Optional. READY to ACTIVE: torque on without a jump (goal := present, read back, enable).
     * @context cyclic
     */
    int (*activate)(struct tenon_module *self, tenon_ns_t now);
    /**
     * Required. Torque off (category 0) by the fastest way the device has. Works in any state,
     * never blocks; the core repeats it until it returns TENON_OK, which means done or nothing to
     * be done. Braking before it is the joint's work. @context fault
     */
    int (*make_safe)(struct tenon_module *self, tenon_ns_t now);
    /** Optional. Let go of what probe took (close the port). @context cyclic */
    void (*release)(struct tenon_module *self);
};

/** One implementation of a role: constant, in flash. */
struct tenon_driver {
    struct tenon_api_head head;                  /**< TENON_API_HEAD(struct tenon_driver). */
    const char *name;                            /**< Short, for people and logs: "dxl2_motor". */
    uint8_t role;                                /**< enum tenon_role. */
    uint32_t instance_size;                      /**< sizeof the driver's instance struct. */
    const struct tenon_lifecycle_api *lifecycle; /**< Required. */
    const struct tenon_api_head *api; /**< The role's vtable, e.g. &motor_api.head. Required. */
};

/** One instance of a driver. The struct of every role embeds it first. */
struct tenon_module {
    const struct tenon_driver *driver; /**< Set by the driver's init. */
    struct tenon_slot *slot;           /**< Seat it sits in; NULL outside. Set by the core. */
    struct tenon_diag diag; /**< Newest refusal or fault; code TENON_OK while all is well. */
    uint16_t progress; /**< The driver's sub-step within a lifecycle step; zeroed by the core as one
                          begins. */
    uint8_t state;     /**< enum tenon_module_state. Set by the core. */
    uint8_t stage;     /**< Private to the core: the lifecycle step that runs. */
    uint32_t fault_count;   /**< Times it went to FAULT. Only rises. */
    uint32_t restart_count; /**< Times it came back from FAULT. Only rises. */
    uint32_t due;      /**< Private: deadline of the running step, or time of the next restart. */
    uint32_t safe_due; /**< Private: torque off is not tried again before. */
};

/** How often and how fast a module is restarted; constant, shared by many slots. Times of more
 * than a day count as a day. */
struct tenon_restart_policy {
    uint8_t budget;             /**< Restarts allowed within the window; 0: without end. */
    tenon_ns_t window_ns;       /**< Length of the window. */
    tenon_ns_t backoff_ns;      /**< First wait before a restart; doubled each time. */
    tenon_ns_t backoff_max_ns;  /**< Longest wait before a restart. */
    tenon_ns_t step_timeout_ns; /**< A lifecycle step that takes longer has failed. */
};

/** The seat a module sits in: a member of what uses it. It keeps the restart budget. */
struct tenon_slot {
    struct tenon_module *module; /**< NULL: EMPTY. */
    const char *name;            /**< Name of the seat's owner, which keeps the text. */
    const struct tenon_restart_policy
        *restart; /**< NULL: the default of the role. May be set before start. */
    /* private */
    struct tenon_slot *next; /* the scheduler's list */
    uint32_t window_start;   /* of the restart budget */
    uint8_t restart_used;    /* within that window */
    uint8_t role;            /* enum tenon_role */
    uint8_t wish;            /* what the owner wants of the module */
    uint8_t suspended;       /* not run: out of the plan */
    uint8_t told;            /* cause of its newest fault; 0 once it is up again */
};

/**
 * Record why a module refuses or fails, and return the code: `return tenon_module_refuse(self,
 * TENON_ERR_..., ...)`.
 * @context setup, cyclic
 */
static inline int tenon_module_refuse(struct tenon_module *self,
                                      enum tenon_err code,
                                      enum tenon_cause cause,
                                      float value,
                                      float bound)
{
    self->diag.code = (int16_t)code;
    self->diag.cause = (uint16_t)cause;
    self->diag.value = value;
    self->diag.bound = bound;
    self->diag.subject = NULL; /* the core fills in the seat's name */
    self->diag.detail = NULL;
    return code;
}

/** Whether the module in the seat is READY or ACTIVE; an empty seat is not. @context any */
static inline bool tenon_slot_is_up(const struct tenon_slot *slot)
{
    return slot->module != NULL && (slot->module->state == TENON_MODULE_READY ||
                                    slot->module->state == TENON_MODULE_ACTIVE);
}

#ifdef __cplusplus
}
#endif
#endif
