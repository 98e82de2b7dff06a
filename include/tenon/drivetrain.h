/** @file drivetrain.h @brief Coupled mechanisms: m motors and one reducer that serve n joints (a
 * differential: 2 and 2). */
#ifndef TENON_DRIVETRAIN_H
#define TENON_DRIVETRAIN_H

#include "tenon/joint.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a drivetrain is made of. Read during tenon_sched_add_drivetrain() only. */
struct tenon_drivetrain_config {
    struct tenon_motor *const *motors; /**< motor_count motors. */
    struct tenon_reducer *reducer;     /**< Its shape must be motor_count x joint_count. */
    struct tenon_joint *const
        *joints; /**< joint_count joints, with settings as for tenon_sched_add_joint(). */
    const char *const *joint_names; /**< joint_count names; the texts must outlive the joints. */
    const struct tenon_joint_limits *limits; /**< joint_count limits, copied; NULL: those of the
                                                motors, mapped by the reducer. */
    uint8_t motor_count;                     /**< 1 ... TENON_COUPLED_MAX. */
    uint8_t joint_count;                     /**< 1 ... TENON_COUPLED_MAX. */
};

/**
 * A coupled mechanism. Its joints share rate and fault; their own motor and reducer seats stay
 * empty. Storage is the caller's, zeroed.
 */
struct tenon_drivetrain {
    const char *name;                            /**< Kept, not copied; the application's text. */
    struct tenon_slot motors[TENON_COUPLED_MAX]; /**< Seats of the motors; motor_count are taken. */
    struct tenon_slot reducer;                   /**< Seat of the reducer. */
    struct tenon_joint *joints[TENON_COUPLED_MAX]; /**< The joints it serves. */
    uint8_t motor_count;                           /**< 1 ... TENON_COUPLED_MAX. */
    uint8_t joint_count;                           /**< 1 ... TENON_COUPLED_MAX. */
    /* private */
    struct tenon_sched *sched;
};

#ifdef __cplusplus
}
#endif
#endif
