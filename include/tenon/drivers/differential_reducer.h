/** @file differential_reducer.h @brief Two motors that together drive two joints through a
 * differential, without losses. */
#ifndef TENON_DRIVERS_DIFFERENTIAL_REDUCER_H
#define TENON_DRIVERS_DIFFERENTIAL_REDUCER_H

#include "tenon/reducer.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Two motors, two joints: both motors together move the first joint, against each other the second.
 *
 *     motor 1 = motor1 * (joint1 * q1 + joint2 * q2)
 *     motor 2 = motor2 * (joint1 * q1 - joint2 * q2)
 *
 * Offsets are the joints'. The limits it derives are such that any two joint positions, velocities
 * or efforts within them can be had together; each joint alone could have up to twice as much,
 * which the program may set as limits of its own. A cap (EFFORT_POSITION) is the same for both
 * motors' directions: both joints' caps add up. A duty (PWM) is added or subtracted as it is; the
 * motor gate bounds the sum.
 */
struct tenon_differential_reducer {
    struct tenon_reducer base; /**< First, so that &r.base is the handle. */
    /* private */
    double motor[2];
    double joint[2];
    double motor_inverse[2];
    double joint_inverse[2];
};

/** Initialise; `size` is sizeof *self. Use tenon_differential_reducer_init(). */
TENON_API struct tenon_reducer *
tenon_differential_reducer_init_sized(struct tenon_differential_reducer *self,
                                      size_t size,
                                      const double motor_ratios[2],
                                      const double joint_ratios[2]);

/**
 * Make a reducer. Ratios are 1e-6 ... 1e6, or the same negative.
 * @param[out] self          Storage, not NULL, the caller's; must outlive its use.
 * @param      motor_ratios  Two, of the gears between each motor and the differential. Copied.
 * @param      joint_ratios  Two, of the gears between the differential and each joint. Copied.
 * @return The reducer, or NULL when a pointer is NULL, a ratio is out of range (zero, not finite)
 * or the header is of another version.
 * @context setup
 */
static inline struct tenon_reducer *
tenon_differential_reducer_init(struct tenon_differential_reducer *self,
                                const double motor_ratios[2],
                                const double joint_ratios[2])
{
    return tenon_differential_reducer_init_sized(self, sizeof *self, motor_ratios, joint_ratios);
}

#ifdef __cplusplus
}
#endif
#endif
