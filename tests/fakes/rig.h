/** @file rig.h @brief A scheduler with scripted motors and a clock of its own: every call can be
 * made to fail. */
#ifndef TENON_RIG_H
#define TENON_RIG_H

#include "tenon/sched.h"

#define RIG_JOINTS 4
#define RIG_LOG    3000
#define RIG_PERIOD TENON_MS(1)

enum rig_method {
    RIG_PROBE,
    RIG_CONFIGURE,
    RIG_ACTIVATE,
    RIG_MAKE_SAFE,
    RIG_RELEASE,
    RIG_READ,
    RIG_COMMAND,
    RIG_BRAKE,
    RIG_METHODS
};

/** A motor that does what the script says. */
struct rig_motor {
    struct tenon_motor base;
    /* The script. May be changed at any time. */
    unsigned
        fail_at[RIG_METHODS];    /**< This call (from 1, counted since the start) fails; 0: none. */
    bool fails_on[RIG_METHODS];  /**< All later ones too. */
    unsigned again[RIG_METHODS]; /**< A lifecycle step answers AGAIN so often before it ends. */
    int fail_code;               /**< DEVICE by default. */
    bool keeps_quiet;            /**< Failures leave the diag as it is. */
    bool is_mute;                /**< No samples. */
    bool is_stuck;               /**< Torque or not, it does not move. */
    bool torque_found_on;        /**< configure finds it holding at goal_rad. */
    double lag_s;                /**< Time constant; 0: it is at once where it is told to be. */
    double position_rad;
    double sag_rad;        /**< Stands so much below its goal. */
    bool echoes_effort;    /**< Measures what it is told to give; else ... */
    float effort_nm;       /**< ... this. */
    double load_nm;        /**< In effort and PWM modes, on 0.01 kg m2 and 0.05 Nms/rad. */
    double velocity_rad_s; /**< In effort and PWM modes it is worked out, else it may be set. */
    tenon_ns_t brake_ns;   /**< So long its brake takes; see rig_motor_fit_brake(). */
    bool brake_is_stuck;   /**< It does not move any more. */
    /* What happened. */
    bool brake_is_closed;
    unsigned unheld_count; /**< Times it moved on with neither torque nor brake. */
    unsigned calls[RIG_METHODS];
    bool torque_is_on;
    unsigned on_count; /**< Edges of torque. */
    unsigned off_count;
    tenon_ns_t off_ns; /**< Of the newest. */
    double goal_rad;
    double goal_at_on_rad; /**< Goal when torque came on, or was taken over. */
    double jump_rad;       /**< Largest |first command after torque on - goal then|. */
    struct tenon_motor_command last;
    double log[RIG_LOG]; /**< Positions commanded. */
    tenon_ns_t log_ns[RIG_LOG];
    unsigned log_count;
    unsigned stray_count; /**< Commands while not ACTIVE, with a wrong mode, or not finite. */
    /* private */
    tenon_ns_t brake_done_ns; /* of the way it is on; 0: none */
    bool brake_goal;
    bool is_first;
    tenon_ns_t now;
    bool has_sample;
};

/** @return The motor: +-6 rad, 10 rad/s, 2 Nm. */
struct tenon_motor *rig_motor_init(struct rig_motor *self, enum tenon_mode mode);
/** Give it a brake, closed. */
void rig_motor_fit_brake(struct rig_motor *self, tenon_ns_t brake_ns);
/** Time passes: it moves and makes a sample. */
void rig_motor_advance(struct rig_motor *self, tenon_ns_t now);

/** The lot. Big: keep it static. */
struct rig {
    struct tenon_sched sched;
    struct tenon_joint joints[RIG_JOINTS];
    struct rig_motor motors[RIG_JOINTS];
    struct tenon_group group; /**< Of all joints. */
    struct tenon_joint *members[RIG_JOINTS];
    struct tenon_joint_limits limits; /**< Of all joints; see has_limits. */
    bool has_limits;                  /**< Else the motors' own. */
    struct tenon_reader reader;
    unsigned joint_count;
    tenon_ns_t now;
    uint64_t memory[1024];
};

/** The fake port: every look at the clock costs one tick. */
extern const struct tenon_port rig_port;

/** Scheduler and motors, position mode, limits +-3 rad, 2 rad/s, 20 rad/s2, 200 rad/s3, 1 Nm;
 * nothing is added yet. */
void rig_make(struct rig *rig, unsigned joint_count);
/** Add joints, group and reader. */
void rig_add(struct rig *rig);
/** Add and start. */
void rig_start(struct rig *rig);
/** One period: motors, poll, step, poll. */
void rig_step(struct rig *rig);
void rig_steps(struct rig *rig, unsigned count);
/** @return whether the joint got there within `steps`. */
bool rig_reach(struct rig *rig, unsigned joint, enum tenon_joint_status status, unsigned steps);
/** Start, and all joints ENABLED: asserts. */
void rig_start_enabled(struct rig *rig);
/** Enable all joints: asserts. */
void rig_enable(struct rig *rig);
/** Until no group moves any more: asserts that it ends. @return steps. */
unsigned rig_settle(struct rig *rig);

#endif
