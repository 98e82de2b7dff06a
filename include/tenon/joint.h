/** @file joint.h @brief A joint: one degree of freedom in SI units at the output. What an
 * application commands. */
#ifndef TENON_JOINT_H
#define TENON_JOINT_H

#include "tenon/controller.h"
#include "tenon/group.h"
#include "tenon/timing.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a joint does when it, its group or the application fails. */
enum tenon_safe_action {
    TENON_SAFE_RAMP =
        0, /**< Stop category 1: braked at the acceleration limit, then torque off. The default. */
    TENON_SAFE_LIMP = 1, /**< Stop category 0: torque off at once. */
    /** Stop category 2: braked at the acceleration limit, then held. In effort and PWM modes its
     * controller brakes and holds; without one tenon_sched_start() refuses it. */
    TENON_SAFE_HOLD = 2,
    /** As RAMP, and torque stays on until its motors' brakes have closed, where they have any.
     * Where nothing can be braked any more, they close at once. tenon_joint_disable() does the
     * same. */
    TENON_SAFE_BRAKE = 3
};

/** Where a joint is. */
enum tenon_joint_status {
    TENON_JOINT_DOWN = 0,     /**< Its modules are not ready yet (diag of the module says why). */
    TENON_JOINT_DISABLED = 1, /**< Ready; no torque on our behalf. */
    TENON_JOINT_ENABLING = 2, /**< Torque comes on without a jump. */
    TENON_JOINT_ENABLED = 3,  /**< Follows set points. */
    TENON_JOINT_STOPPING = 4, /**< Carries out its safe action. */
    TENON_JOINT_HOLDING = 5,  /**< Torque on, commands refused until enabled: safe action HOLD is
                                 done, or the servo  was found holding at start. */
    TENON_JOINT_FAULT = 6,    /**< A fault was met (diag); safe action done or under way without its
                                 motor. tenon_joint_reset() clears it. */
    TENON_JOINT_SUSPENDED = 7 /**< Out of the plan: its modules are not run and cost nothing. */
};

/**
 * What a joint is watched for beside its limits, and what was seen. Storage is the caller's, one
 * for each joint that wants it: zero it, set the first part, and point the joint at it before it is
 * added. What is 0 is not watched. Efforts are those measured; times are counted in cycles run.
 */
struct tenon_joint_supervision {
    /* Settings: before start. */
    float following_s; /**< limits.following_error_rad may be exceeded for so long, s; 0: never. */
    float window_rad;  /**< In position: |set point - position| is at most this, rad, ... */
    float settle_s;    /**< ... for so long without a break, s. tenon_joint_is_settled() asks for it
                          from then on, beside the caller's tolerance. */
    float stall_s;     /**< Effort near its limit without motion for longer, s, is a stall. */
    float stall_effort_nm; /**< What is near, N·m; 0: 9/10 of the limit in force. In PWM mode a
                              duty. */
    float stall_velocity_rad_s; /**< What is no motion, rad/s; 0: 1/100 of the velocity limit. */
    float continuous_effort_nm; /**< What its motors may give without end, N·m at the joint: the
                                   effort limit comes down to it as they grow hot. Positions,
                                   speeds and duties cannot be derated: such a joint fails when it
                                   is too hot. */
    float thermal_s; /**< Time constant of their windings, s; needed with continuous_effort_nm. */
    float budget_s;  /**< Its part of a step may take so long, s; of a drivetrain that of its first
                        joint. What took longer is counted, and told by an event; it decides nothing.
                        The port's ticks go on while the thread is preempted. */
    /* Set by the core, for reading. */
    float heat; /**< 0: cold; 1: where continuous_effort_nm leads to in the end; from 0.8 on the
                   limit comes down, beyond 1.1 the joint fails. May be preset: a host that restarts
                   knows more than the core. */
    uint32_t derated_count;     /**< Times the effort limit came down. Only rises. */
    uint32_t over_budget_count; /**< Steps in which it took longer than budget_s. Only rises. */
    bool is_derated;            /**< limits.effort_nm is less than it was asked to be. */
    uint8_t is_in_position;     /**< 1: within window_rad for settle_s. */
    /* private */
    float following_for_s;
    float settled_for_s;
    float stalled_for_s;
    float peak_nm;      /* the effort limit of a cold motor */
    tenon_ns_t seen_ns; /* when its heat was looked at last */
};

/**
 * One degree of freedom. Storage is the caller's; zero it (static storage is), set what the first
 * part offers, then tenon_sched_add_joint().
 */
struct tenon_joint {
    /* Settings: before start. */
    double zero_rad;     /**< Position at the reducer's output that reads as 0 at the joint. */
    bool is_reversed;    /**< Positive joint motion is negative at the reducer's output. */
    uint8_t safe_action; /**< enum tenon_safe_action. */
    uint8_t divisor; /**< Runs in every divisor-th cycle; 0: as 1. Divisors of one scheduler must be
                        harmonic. */
    uint8_t phase;   /**< ... namely where cycle % divisor == phase; < divisor. */
    struct tenon_joint_supervision *supervision; /**< NULL: only its limits are watched. Must
                                                    outlive the joint. */

    /* Set by the core, for reading. */
    const char *name;                    /**< Kept, not copied; the application's text. */
    struct tenon_slot motor;             /**< Its motor; EMPTY in a drivetrain. */
    struct tenon_slot reducer;           /**< EMPTY: 1:1. */
    struct tenon_slot controller;        /**< EMPTY: the set point goes to the motor's own loop. */
    struct tenon_joint_limits limits;    /**< In force once the joint is not DOWN. */
    struct tenon_joint_state state;      /**< Newest measurement. */
    struct tenon_joint_command setpoint; /**< What was wanted in the newest cycle. */
    struct tenon_joint_command command;  /**< What passed the joint limiter in the newest cycle. */
    struct tenon_diag diag;     /**< Newest fault; code TENON_OK: none since the last reset. */
    uint32_t limited_count;     /**< Commands the joint limiter had to change. Only rises. */
    uint32_t fault_count;       /**< Only rises. */
    uint8_t status;             /**< enum tenon_joint_status. */
    struct tenon_timing timing; /**< Of its part of the step; a drivetrain's first joint has it. */

    /* private */
    struct tenon_group own;    /* a joint alone is its own group of one */
    struct tenon_joint *self;  /* own's list of members */
    struct tenon_group *mover; /* the group that moves it now, or NULL */
    struct tenon_sched *sched;
    struct tenon_drivetrain *drivetrain;
    struct tenon_joint *next;
    double start_rad; /* of the running path, and its way */
    double delta_rad;
    double goal_rad;          /* of the move to come */
    double last_position_rad; /* of the limiter: what was commanded last, and how fast that was */
    float last_velocity_rad_s;
    float clear_rad;       /* from there to the nearer position limit, at least */
    uint32_t command_id;   /* of the traced command that this cycle carries out; 0: none */
    uint8_t own_limits;    /* which limits the application gave; the others are the model's */
    uint8_t wants_torque;  /* what was asked for last */
    uint8_t is_to_rest;    /* out of the plan, or of the one being prepared: the application's */
    uint32_t seen_changes; /* of the scheduler, when it last looked at its modules */
    bool is_up;            /* its modules are up */
    bool is_active;        /* its motors are ACTIVE */
    bool has_frame;        /* zero or direction differ from the reducer's output */
    bool has_setpoint;     /* a set point to follow was given while being enabled */
    bool is_at_rest;       /* braking is done */
    bool is_uncontrolled;  /* its controller has failed since torque came on */
    bool is_behind; /* the limiter changed the newest command: the set point is yet to be reached */
    uint8_t after_stop; /* status to enter when braking is done */
};

/**
 * Put a reducer into the joint's seat; without one the ratio is 1:1.
 * @retval TENON_OK         Seated. Refusals are also remembered for tenon_sched_start().
 * @retval TENON_ERR_ARG    NULL, or its shape is not one motor to one joint.
 * @retval TENON_ERR_STATE  The joint is in no scheduler, or that has been started.
 * @retval TENON_ERR_ABI    Driver of another ABI.
 * @context setup
 */
TENON_API int tenon_joint_use_reducer(struct tenon_joint *self, struct tenon_reducer *reducer);

/**
 * Put a controller into the joint's seat; without one the set point goes to the motor's own loop.
 * As use_reducer.
 * @context setup
 */
TENON_API int tenon_joint_use_controller(struct tenon_joint *self,
                                         struct tenon_controller *controller);

/**
 * Ask for torque. It comes without a jump: the joint holds where it is. Takes some cycles; moves
 * may be given at once, they wait.
 * @retval TENON_OK         Queued.
 * @retval TENON_ERR_STATE  Not ready, in fault, unhomed (tenon_joint_accept_calibration()), or the
 * emergency stop is latched (tenon_sched_diag()).
 * @retval TENON_ERR_FULL   The command queue is full: run a step first.
 * @context application thread
 */
TENON_API TENON_NODISCARD int tenon_joint_enable(struct tenon_joint *self);

/**
 * Brake, then torque off; a joint that stands still goes limp at once. Errors: ARG, STATE (not
 * added), FULL.
 * @context application thread
 */
TENON_API int tenon_joint_disable(struct tenon_joint *self);

/**
 * Move to a position and stop there, jerk-limited, from standstill.
 * @param goal_rad  rad (m on a linear joint), inside the joint's position limits.
 * @retval TENON_OK         Queued.
 * @retval TENON_ERR_ARG    Not finite.
 * @retval TENON_ERR_LIMIT  Outside the position limits.
 * @retval TENON_ERR_STATE  Not enabled (nor being enabled), or moving for a group.
 * @retval TENON_ERR_UNSUPPORTED The motor's mode takes no positions and no controller is seated.
 * @retval TENON_ERR_FULL   The command queue is full.
 * @context application thread
 */
TENON_API TENON_NODISCARD int tenon_joint_move_to(struct tenon_joint *self, double goal_rad);

/**
 * Follow a set point from now on, until the next one. The joint limiter bounds velocity,
 * acceleration and position, whatever is asked. Errors as tenon_joint_move_to(); the mode must be
 * the motor's, or any if a controller is seated.
 * @param command  Copied. Not NULL.
 * @context application thread
 */
TENON_API TENON_NODISCARD int tenon_joint_follow(struct tenon_joint *self,
                                                 const struct tenon_joint_command *command);

/**
 * Stop a move or a set point: brake on the path, then hold there, still enabled. One that waits
 * (for torque, or for a stop before) is taken back. Errors: ARG, STATE, FULL.
 * @context application thread
 */
TENON_API int tenon_joint_stop(struct tenon_joint *self);

/**
 * Clear a fault, and reset modules that have FAILED. The joint comes back DISABLED. Errors: ARG,
 * STATE, FULL.
 * @context application thread
 */
TENON_API int tenon_joint_reset(struct tenon_joint *self);

/**
 * Take a joint out of the plan between two cycles: its modules are not run, its motor is not asked
 * for samples and its restarts are not tried, until tenon_joint_resume(). The joints of a
 * drivetrain go together. The plan without it is prepared by this call, so one change is made at a
 * time; tenon_sched_is_replanning() tells when it has been. A joint that got torque meanwhile
 * stays.
 * @retval TENON_OK         Queued.
 * @retval TENON_ERR_AGAIN  The change before is not made yet: run a step first.
 * @retval TENON_ERR_STATE  Its torque is not off (disable it first), or it is suspended already.
 * @retval TENON_ERR_FULL   The command queue is full.
 * @context application thread
 */
TENON_API TENON_NODISCARD int tenon_joint_suspend(struct tenon_joint *self);

/**
 * Put a suspended joint back into the plan; it comes up as after start, without torque. As
 * tenon_joint_suspend(); STATE: it is not suspended.
 * @context application thread
 */
TENON_API TENON_NODISCARD int tenon_joint_resume(struct tenon_joint *self);

/**
 * Take the position a joint shows for true, after its motor lost power, was rebooted or replaced:
 * until then it cannot be enabled. Look before: it may be off by whole turns. Errors: ARG, STATE,
 * FULL.
 * @context application thread
 */
TENON_API int tenon_joint_accept_calibration(struct tenon_joint *self);

/** Whether the position a joint shows can be trusted; false for NULL. @context any */
TENON_API bool tenon_joint_is_homed(const struct tenon_joint *self);

/**
 * Whether a command given is still to be carried out: waiting, moving or braking. Says nothing of
 * how near the joint came. Other threads learn it from snapshots.
 * @context cyclic thread
 */
TENON_API bool tenon_joint_is_moving(const struct tenon_joint *self);

/**
 * Whether every command given has been carried out and the joint is enabled, at rest, within
 * `tolerance_rad` of its set point; and in position, if it is supervised for that.
 * Other threads learn it from snapshots.
 * @context cyclic thread
 */
TENON_API bool tenon_joint_is_settled(const struct tenon_joint *self, double tolerance_rad);

#ifdef __cplusplus
}
#endif
#endif
