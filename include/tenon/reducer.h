/** @file reducer.h @brief Reducer role: maps m motors to n joints and back. */
#ifndef TENON_REDUCER_H
#define TENON_REDUCER_H

#include "tenon/motor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most motors, and most joints, one reducer couples. */
#define TENON_COUPLED_MAX 4

/** State at the output. Metres, m/s and newtons on a linear joint. */
struct tenon_joint_state {
    double position_rad;  /**< rad. */
    float velocity_rad_s; /**< rad/s. */
    float effort_nm;      /**< N·m. */
    tenon_ns_t stamp_ns;  /**< Of the oldest sample it is made from. */
    uint8_t valid;        /**< enum tenon_valid. */
};

/** Command at the output. Which fields count follows from the mode. */
struct tenon_joint_command {
    double position_rad;  /**< rad. */
    float velocity_rad_s; /**< rad/s. */
    float effort_nm;      /**< N·m; in PWM mode the duty, -1 ... 1. */
    uint8_t mode;         /**< enum tenon_mode. */
};

/**
 * What a joint may do, at the output. A value of 0 means: what the motor's model and registers
 * allow (both position limits 0 likewise), and for acceleration 4 x, for jerk 40 x the velocity
 * limit a second.
 */
struct tenon_joint_limits {
    double position_min_rad;   /**< rad. */
    double position_max_rad;   /**< rad. */
    float velocity_rad_s;      /**< rad/s. */
    float acceleration_rad_s2; /**< rad/s2. */
    float jerk_rad_s3;         /**< rad/s3. */
    float effort_nm;           /**< N·m. */
    float following_error_rad; /**< Largest |command - position|; 0: not supervised. */
};

struct tenon_reducer;

/**
 * Methods a reducer driver provides beside the lifecycle. Arrays have `motor_count` and
 * `joint_count` elements.
 */
struct tenon_reducer_api {
    struct tenon_api_head head; /**< TENON_API_HEAD(struct tenon_reducer_api). */
    /**
     * Required. Motor states to joint states: position, velocity, effort; the core sees to stamp
     * and valid.
     * @context cyclic
     */
    int (*to_joint)(struct tenon_reducer *self,
                    const struct tenon_motor_state *motors,
                    float dt_s,
                    struct tenon_joint_state *out_joints);
    /**
     * Required. Joint commands to motor commands; `at` is the state the joints are in, for ratios
     * that depend on it. The core has set each out_motors[i].mode to that of the joint commands.
     * @context cyclic
     */
    int (*to_motor)(struct tenon_reducer *self,
                    const struct tenon_joint_command *joints,
                    const struct tenon_joint_state *at,
                    float dt_s,
                    struct tenon_motor_command *out_motors);
    /**
     * Optional (NULL: such joints need limits of their own). What the motors' limits mean at each
     * joint. Fills position, velocity and effort; acceleration and jerk are the core's.
     * @context cyclic
     */
    int (*limits)(const struct tenon_reducer *self,
                  const struct tenon_motor_limits *motors,
                  struct tenon_joint_limits *out_joints);
};

/** A reducer. Storage is the caller's and must not move while it sits in a slot. */
struct tenon_reducer {
    struct tenon_module
        module; /**< What all roles share; first, so that a pointer to it is one to this. */
    uint8_t motor_count; /**< 1 ... TENON_COUPLED_MAX. Set by the driver's init. */
    uint8_t joint_count; /**< 1 ... TENON_COUPLED_MAX. Set by the driver's init. */
};

/** The reducer's vtable. @context any */
static inline const struct tenon_reducer_api *
tenon_reducer_get_api(const struct tenon_reducer *self)
{
    return (const struct tenon_reducer_api *)(const void *)self->module.driver->api;
}

#ifdef __cplusplus
}
#endif
#endif
