/** @file motor.h @brief Motor role: the contract between the scheduler and a motor driver. */
#ifndef TENON_MOTOR_H
#define TENON_MOTOR_H

#include "tenon/bus.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What a command asks for. A motor is configured for one of them (tenon_motor.mode); one that it
 * cannot do is refused as it is added or configured.
 */
enum tenon_mode {
    TENON_MODE_NONE = 0,
    TENON_MODE_POSITION =
        1, /**< position_rad counts (velocity_rad_s as feed-forward where there is one). */
    TENON_MODE_EXTENDED_POSITION = 2, /**< As POSITION, over many turns. */
    TENON_MODE_VELOCITY = 3,          /**< velocity_rad_s counts. */
    TENON_MODE_EFFORT = 4,            /**< effort_nm counts (current). */
    TENON_MODE_EFFORT_POSITION =
        5,             /**< position_rad counts, effort_nm caps it (current-based position). */
    TENON_MODE_PWM = 6 /**< effort_nm is the duty, -1 ... 1. */
};

/** Bits of `valid` in states. */
enum tenon_valid { TENON_VALID_POSITION = 1u, TENON_VALID_VELOCITY = 2u, TENON_VALID_EFFORT = 4u };

/** One sample, at the motor shaft (before the reducer). */
struct tenon_motor_state {
    double position_rad;  /**< rad. */
    float velocity_rad_s; /**< rad/s. */
    float effort_nm;      /**< N·m. */
    tenon_ns_t stamp_ns;  /**< When it was measured, as near as is known. */
    uint8_t valid;        /**< enum tenon_valid. */
};

/** One command, at the motor shaft. Which fields count follows from the mode. */
struct tenon_motor_command {
    double position_rad;  /**< Target, rad (m behind a linear reducer). Finite: the motor gate has
                             seen to it. */
    float velocity_rad_s; /**< Target or feed-forward, rad/s. */
    float effort_nm;      /**< Target or cap, N·m; in PWM mode the duty, -1 ... 1. */
    uint8_t mode;         /**< enum tenon_mode. */
};

/**
 * What a motor can do at its shaft, from its model table and its own registers. Filled by
 * configure.
 */
struct tenon_motor_limits {
    double position_min_rad;  /**< -HUGE where it turns without end. */
    double position_max_rad;  /**< Likewise, upwards. */
    float velocity_max_rad_s; /**< Of commands. */
    float effort_max_nm;      /**< Of commands. */
    float velocity_top_rad_s; /**< What it cannot physically exceed: a sample that moved faster is
                                 wrong. */
};

struct tenon_motor;

/** Methods a motor driver provides beside the lifecycle. */
struct tenon_motor_api {
    struct tenon_api_head head; /**< TENON_API_HEAD(struct tenon_motor_api). */
    /**
     * Required. Turn the newest sample into SI units.
     * @retval TENON_OK         out_state is a new sample.
     * @retval TENON_ERR_AGAIN  None is new; out_state untouched.
     * @retval TENON_ERR_DEVICE The device reports a fault (diag filled in): the core takes the
     * motor to FAULT.
     * @context cyclic
     */
    int (*read)(struct tenon_motor *self, tenon_ns_t now, struct tenon_motor_state *out_state);
    /**
     * Required. Lay the command into the bus's process image; it leaves with this cycle. Called
     * while READY or ACTIVE; a driver whose motor is not ACTIVE keeps it off the wire.
     * @context cyclic
     */
    int (*command)(struct tenon_motor *self, const struct tenon_motor_command *command);
    /** Optional. Blink the device's light, or stop. @context cyclic thread */
    int (*identify)(struct tenon_motor *self, bool on);
    /**
     * Optional (NULL: it has no brake). Close the holding brake, or open it. The core opens it once
     * torque is on, and closes it before torque goes off, or right after where torque must go at
     * once. It may be asked to close in any state.
     * @retval TENON_OK        It has closed (opened).
     * @retval TENON_ERR_AGAIN Under way: call again. Within a second it must be closed, within the
     * slot's step_timeout_ns open.
     * @return Else it cannot (diag filled in); closing is tried again for that second.
     * @context cyclic
     */
    int (*brake)(struct tenon_motor *self, bool is_to_close, tenon_ns_t now);
};

/** A motor. Storage is the caller's and must not move while it sits in a slot. */
struct tenon_motor {
    struct tenon_module
        module; /**< What all roles share; first, so that a pointer to it is one to this. */
    struct tenon_wire
        *wire; /**< The wire it hangs on; NULL: none (a motor on pins). Set by the driver's init. */
    struct tenon_bus_device
        *device; /**< Its place on the bus; NULL without one. Set by the driver's init. */
    struct tenon_motor_limits limits; /**< Valid once READY. Set by the driver. */
    uint16_t model;  /**< Which one answered, in its maker's numbers; 0: not known. Set by probe. */
    uint8_t mode;    /**< enum tenon_mode it was configured for. Set by the driver. */
    bool is_holding; /**< Set by configure when torque was found on (host restarted): taken over as
                        it is. */
    uint8_t is_unhomed; /**< 1: its position is not to be trusted: off by whole turns since it was
                           without power, or its horn sits on another tooth. Set by the driver;
                           cleared by the core when the calibration is accepted. */
    uint8_t brake;      /**< Private to the core: where its brake is; 0: not known to be closed. */
    bool lets_go_at_once; /**< Private to the core: torque does not wait for the brake. */
    bool is_to_try_again; /**< Private to the core: torque off has failed; see module.safe_due. */
    struct tenon_motor_state state;     /**< Newest sample. Set by the core. */
    struct tenon_motor_command command; /**< Newest command that passed the gate. Set by the core,
                                           and by activate (see has_command). */
    bool has_command; /**< `command` is what the device follows. activate sets both to the goal it
                         has verified. */
    float
        clear_rad; /**< Private to the core: from `command` to the nearer position limit, at least.
                    */
    uint32_t gate_count;        /**< Commands the motor gate had to change. Only rises. */
    uint32_t implausible_count; /**< Samples refused because they moved too far. Only rises. */
    uint32_t silent_cycles;     /**< Cycles since the newest sample. Set by the core. */
};

/** The motor's vtable. @context any */
static inline const struct tenon_motor_api *tenon_motor_get_api(const struct tenon_motor *self)
{
    return (const struct tenon_motor_api *)(const void *)self->module.driver->api;
}

#ifdef __cplusplus
}
#endif
#endif
