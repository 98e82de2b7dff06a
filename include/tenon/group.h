/** @file group.h @brief Joints that move together: all of them or none. */
#ifndef TENON_GROUP_H
#define TENON_GROUP_H

#include "tenon/base.h"
#include "tenon/diag.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tenon_joint;
struct tenon_sched;

/** What becomes of a running move when a member fails. */
enum tenon_group_policy {
    TENON_GROUP_STOP_ALL =
        0, /**< All others brake together, on the path, and hold there. The default. */
    TENON_GROUP_ISOLATE = 1 /**< The others finish the move. */
};

/** Where a group is. */
enum tenon_group_status {
    TENON_GROUP_IDLE = 0,      /**< Not moving. */
    TENON_GROUP_PREPARING = 1, /**< Waits for members that are still being enabled. */
    TENON_GROUP_MOVING = 2,
    TENON_GROUP_STOPPING = 3, /**< Brakes on the path. */
    TENON_GROUP_DONE = 4,     /**< The newest move ended at its goal. */
    TENON_GROUP_ABORTED =
        5 /**< The newest move was refused or broken off; diag says by whom and why. */
};

/**
 * A point-to-point move of one scalar from rest to rest, jerk-limited, in closed form. Private to
 * the core.
 */
struct tenon_path {
    double jerk;       /**< 1/s3, over the scalar's distance 1. */
    double jerk_s;     /**< Length of a jerk phase. */
    double plateau_s;  /**< Length of a phase of constant acceleration. */
    double duration_s; /**< Of the whole move. */
};

/**
 * Joints that start together, stay on a straight line in joint space and arrive together. Storage
 * is the caller's, zeroed.
 */
struct tenon_group {
    const char *name;                  /**< Kept, not copied; the application's text. */
    struct tenon_joint *const *joints; /**< The application's list; must outlive the group. */
    uint16_t joint_count;              /**< Joints at `joints`. */
    uint8_t policy;                    /**< enum tenon_group_policy. May be set before start. */
    uint8_t status;                    /**< enum tenon_group_status. */
    struct tenon_diag diag;            /**< Why the newest move was ABORTED. */
    /* private */
    struct tenon_path path;
    double progress;         /* 0 ... 1 on the path */
    float rate;              /* 1/s */
    float deceleration;      /* 1/s2: how fast a stop on the path may be */
    uint32_t elapsed_cycles; /* since the move began; a skipped release delays the path, it never
                                makes it jump */
    uint32_t command_id;     /* of the move, if it is traced; else 0 */
    struct tenon_sched *sched;
    struct tenon_group *next; /* the scheduler's list of active groups */
    bool is_listed;
};

/**
 * Move every member to its goal on a straight line in joint space. No member moves unless all can:
 * limits, states and modes of all are checked first. Members being enabled are waited for.
 * @param goals_rad  joint_count goals, rad (m), copied. Not NULL.
 * @retval TENON_OK         Queued; progress shows in `status`.
 * @retval TENON_ERR_ARG    NULL or not finite.
 * @retval TENON_ERR_LIMIT  A goal is outside its joint's limits; tenon_sched_diag() names the
 * joint.
 * @retval TENON_ERR_STATE  A member is not enabled, or moves for another group.
 * @retval TENON_ERR_UNSUPPORTED A member takes no positions.
 * @retval TENON_ERR_FULL   The command queue is full.
 * @context application thread
 */
TENON_API TENON_NODISCARD int tenon_group_move_to(struct tenon_group *self,
                                                  const double *goals_rad);

/**
 * Brake together, on the path, and hold there. Errors: ARG, STATE, FULL.
 * @context application thread
 */
TENON_API int tenon_group_stop(struct tenon_group *self);

/**
 * Enable every member, or none if one cannot be. Errors as tenon_joint_enable().
 * @context application thread
 */
TENON_API TENON_NODISCARD int tenon_group_enable(struct tenon_group *self);

/** Disable every member. Errors: ARG, STATE, FULL. @context application thread */
TENON_API int tenon_group_disable(struct tenon_group *self);

/** Whether every member is settled (tenon_joint_is_settled()). @context cyclic thread */
TENON_API bool tenon_group_is_settled(const struct tenon_group *self, double tolerance_rad);

#ifdef __cplusplus
}
#endif
#endif
