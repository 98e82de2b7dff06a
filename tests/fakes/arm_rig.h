/**
 * @file arm_rig.h
 * @brief A six-joint arm of simulated servos and the whole stack that drives it, in simulated time.
 *
 * Whatever a test does, the rig looks at the servos' own registers as time passes and fails the
 * test when a law is broken: a goal outside the joint's limits, a goal faster than the joint may
 * be, torque that comes on without having been asked for.
 */
#ifndef ARM_RIG_H
#define ARM_RIG_H

#include "tenon/drivers/differential_reducer.h"
#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/drivers/ratio_reducer.h"
#include "tenon/sched.h"
#include "tenon/sim.h"

#define ARM_JOINTS 6
#define ARM_BAUD   1000000
#define ARM_PERIOD TENON_MS(4)

/* Registers that tests look at. */
#define ARM_OPERATING_MODE   11
#define ARM_TORQUE_ENABLE    64
#define ARM_WATCHDOG         98
#define ARM_GOAL_PWM         100
#define ARM_GOAL_CURRENT     102
#define ARM_GOAL_VELOCITY    104
#define ARM_GOAL_POSITION    116
#define ARM_PRESENT_POSITION 132

/** A memory line that counts and can be made to fail. */
struct arm_line {
    struct tenon_line base;
    struct tenon_memory_line inner; /**< The simulated bus is at its far end. */
    uint32_t fail_read_at;          /**< This read, by read_count, fails; 0: none. */
    uint32_t fail_write_at;         /**< Likewise. */
    uint32_t read_count;
    uint32_t write_count;
    uint32_t cycle_count;  /**< Writes that began with a sync write. */
    uint32_t cycle_nodes;  /**< Nodes in the newest sync write that began a write. */
    uint32_t asking_count; /**< Of the cycle_count, those with a sync read behind the sync write. */
};

/** What tests choose. Zero is the arm of examples/arm.c. */
struct arm_config {
    uint8_t joint_count; /**< 0: all six. */
    uint8_t safe_action[ARM_JOINTS];
    uint8_t mode[ARM_JOINTS]; /**< 0: EXTENDED_POSITION. */
    uint8_t divisor[ARM_JOINTS];
    uint8_t policy;     /**< Of the group. */
    bool own_limits;    /**< Joints have the model's limits instead of the arm's. */
    bool factory_gains; /**< Loaded joints sag. */
    bool is_fine;       /**< The host looks at every byte that comes, not only when it is due. */
    const char *model[ARM_JOINTS]; /**< NULL: the arm's own. */
};

/** One run of the program that drives the arm. */
struct arm_host {
    struct tenon_sched sched;
    struct tenon_wire wire;
    struct tenon_dxl2_bus bus;
    struct tenon_dxl2_motor motors[ARM_JOINTS];
    struct tenon_ratio_reducer gears[ARM_JOINTS];
    struct tenon_joint joints[ARM_JOINTS];
    struct tenon_joint *members[ARM_JOINTS];
    struct tenon_group group;
    struct tenon_reader reader;
    uint8_t bus_memory[TENON_DXL2_BUS_MEMORY(ARM_JOINTS)];
    uint64_t memory[512];
};

/** What the rig remembers of a servo between two looks. */
struct arm_watch {
    bool may_enable; /**< Torque may come on. */
    bool was_on;
    uint32_t on_count; /**< Edges of torque. */
    uint32_t off_count;
    int32_t goal;
    tenon_ns_t goal_ns;   /**< When the goal changed. */
    uint32_t stale_goals; /**< Steps at which the goal was not what the step before commanded. */
};

/** The arm and its host. About half a megabyte, and points into itself: static, and copied only to
 * be put back. */
struct arm {
    struct arm_config config;
    unsigned count;
    struct tenon_sim_servo servos[ARM_JOINTS];
    struct tenon_sim_servo *list[ARM_JOINTS];
    struct tenon_sim_bus sim;
    struct arm_line line;
    struct arm_host hosts[2];
    struct arm_host *host; /**< The one that runs. */
    tenon_ns_t now;
    tenon_ns_t step_ns; /* of the newest step */
    tenon_ns_t deadline;
    bool is_away;        /**< The host does not run; the servos do. */
    bool may_jump;       /**< Goals may jump: the servo was not the host's alone. */
    bool is_uncommon;    /**< Joints are not the arm's own: goals are not checked. */
    double tracking_rad; /**< Largest |command - true angle| of an enabled joint since it was last
                            zeroed. */
    struct arm_watch watch[ARM_JOINTS];
};

extern const struct tenon_port arm_port; /**< A tick a look. */
extern const double arm_ratios[ARM_JOINTS];
extern const struct tenon_joint_limits arm_limits[ARM_JOINTS];

/** The servos, with the horns of the loaded ones hanging; no host yet. */
void arm_make(struct arm *arm, const struct arm_config *config);
/** A line for the next host. Bytes under way are lost, as in a real restart. */
struct tenon_line *arm_line_init(struct arm_line *self);
/** Put a host together on the arm's line: everything added, not started. */
void arm_assemble(struct arm *arm, struct arm_host *host);
/** Assemble and start: asserts. */
void arm_boot(struct arm *arm, struct arm_host *host);
/** Make, boot, run until ready: asserts. */
void arm_start(struct arm *arm, const struct arm_config *config);

/** Let time pass. */
void arm_run(struct arm *arm, tenon_ns_t duration);
/** @return whether it got ready in time. */
bool arm_wait_ready(struct arm *arm, tenon_ns_t patience);
/** @return whether the joint got there in time. */
bool arm_wait_status(struct arm *arm,
                     unsigned joint,
                     enum tenon_joint_status status,
                     tenon_ns_t patience);
/** @return whether the group came to an end in time. */
bool arm_wait_group(struct arm *arm, enum tenon_group_status status, tenon_ns_t patience);
/** @return whether all members are within `tolerance_rad` and stay, in time. */
bool arm_wait_settled(struct arm *arm, double tolerance_rad, tenon_ns_t patience);

/** Torque on for all: asserts that it comes. */
void arm_enable(struct arm *arm);
/** Reset and enable one joint: asserts. */
void arm_revive(struct arm *arm, unsigned joint);
/** The same for all that are not enabled. */
void arm_revive_all(struct arm *arm);
/** Begin a group move: asserts. */
void arm_go(struct arm *arm, const double *goals_rad);
/** A whole group move: asserts that every joint settles within 0.01 rad of the true angle. */
void arm_move(struct arm *arm, const double *goals_rad);

/** Where the joint truly is, rad. */
double arm_angle(const struct arm *arm, unsigned joint);
int32_t arm_peek(const struct arm *arm, unsigned servo, uint16_t address, uint8_t width);
bool arm_has_torque(const struct arm *arm, unsigned servo);
void arm_set_faults(struct arm *arm, unsigned servo, const struct tenon_sim_faults *faults);
/** Sentence of a diag: names the subject and is no stub. Asserts; for the cause see the diag. */
void arm_check_diag(const struct tenon_diag *diag, enum tenon_cause cause, const char *subject);

/* Age of a joint's sample when the newest step used it. */
static inline tenon_ns_t arm_age(const struct arm *arm, unsigned i)
{
    return arm->step_ns - arm->host->joints[i].state.stamp_ns;
}

#endif
