/** @file sched.h @brief The core scheduler: registration, and the two calls that run everything. */
#ifndef TENON_SCHED_H
#define TENON_SCHED_H

#include "tenon/drivetrain.h"
#include "tenon/event.h"
#include "tenon/port.h"
#include "tenon/producer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One joint in a snapshot. */
struct tenon_joint_snapshot {
    double position_rad;          /**< Measured. */
    float velocity_rad_s;         /**< Measured. */
    float effort_nm;              /**< Measured. */
    double command_rad;           /**< Commanded position, after the joint limiter. */
    float command_velocity_rad_s; /**< Commanded, after the joint limiter. */
    float command_effort_nm;      /**< Commanded, after the joint limiter. */
    float age_s;                  /**< Age of the sample when it was used; 0 while none is valid. */
    int8_t code;                  /**< diag.code of the joint. */
    uint8_t cause;                /**< diag.cause of the joint. */
    uint8_t status;               /**< enum tenon_joint_status. */
    uint8_t valid;                /**< enum tenon_valid of the measurement. */
};

/** What holds for the whole snapshot. */
struct tenon_snapshot_head {
    tenon_ns_t release_ns; /**< Release of the step it shows. */
    uint32_t step_count;   /**< Number of that step. */
    uint32_t joint_count;  /**< Joints in it, in order of registration. */
};

/** A registered reader of snapshots; one thread each. Storage is the caller's, zeroed. */
struct tenon_reader {
    /* private */
    struct tenon_sched *sched;
    struct tenon_reader *next;
    uint32_t holds; /* buffer being copied, plus 1; 0: none */
};

/** Counters of a scheduler. They only rise. */
struct tenon_sched_counters {
    uint32_t step_count;    /**< Steps run. A port's watchdog looks at it from its own context. */
    uint32_t missed_count;  /**< Releases skipped because step came too late. */
    uint32_t command_count; /**< Commands taken from the queues. */
    uint32_t plan_count;    /**< Times the plan was exchanged. */
    tenon_ns_t late_max_ns; /**< Longest time from a release to its step. */
};

/** What a step runs, in order. Private to the core. */
struct tenon_plan {
    /* private */
    struct tenon_joint **leads; /* joints alone, and the first ones of drivetrains */
    struct tenon__rate *rates;  /* ranges of equal rate and phase in it */
    uint32_t lead_count;
    uint32_t rate_count;
};

/** The scheduler. Storage is the caller's; all members are for reading only. */
struct tenon_sched {
    tenon_ns_t period_ns;                 /**< Base period. */
    struct tenon_sched_counters counters; /**< Only rise. */
    struct tenon_timing timing;           /**< Of the whole step. */
    uint32_t joint_count;                 /**< Joints added. */
    bool is_started;                      /**< tenon_sched_start() has succeeded. */
    /* private */
    const struct tenon_port *port;
    uint8_t *memory;
    size_t memory_size;
    size_t memory_used;
    struct tenon_diag refusal; /* first refusal of any add call */
    struct tenon_wire *wires;
    struct tenon_wire **wires_end;
    struct tenon_joint *joints;
    struct tenon_joint **joints_end;
    struct tenon_slot *slots; /* all that are taken */
    struct tenon_slot **slots_end;
    struct tenon_group *groups; /* those that move */
    struct tenon_reader *readers;
    struct tenon_plan plans[2];
    uint8_t plan;         /* the one that runs */
    uint32_t plan_issued; /* changes of the plan asked for by the application, and made */
    uint32_t plan_handled;
    struct tenon_producer own; /* the application's */
    struct tenon_producer *producers;
    struct tenon_producer **producers_end;
    uint32_t producer_count; /* beside the application's */
    struct tenon_snapshot_head *snapshot_heads;
    struct tenon_joint_snapshot *snapshots;
    uint32_t snapshot_count;  /* buffers */
    uint32_t snapshot_latest; /* buffer + 1; 0: none yet */
    tenon_ns_t release_ns;    /* next release */
    uint32_t module_changes;  /* rises with every change of state of a module */
    float period_s;
    uint32_t stale_cycles;  /* base periods a motor may be silent, however few cycles these are */
    bool has_begun;         /* a step has been run */
    uint32_t cycle_number;  /* of the next step; skipped releases count */
    uint32_t estop;         /* newest press, written by any context */
    uint32_t estop_seen;    /* newest press that a step has seen */
    uint32_t estop_cleared; /* newest press that was cleared */
    bool estop_is_latched;  /* in the newest step */
    uint32_t unsettled;     /* slots on their way: poll looks after them */
    struct tenon_event_log events;
    struct tenon_trace *trace; /* NULL: none */
};

/** Bytes of scheduler memory that are enough for so many joints and readers of snapshots. */
#define TENON_SCHED_MEMORY(joints, readers)                                                        \
    (512u + 192u * (joints) + ((readers) > 0u ? ((readers) + 1u) * (32u + 40u * (joints)) : 0u))

/** How big what the program allocates was when it was compiled. Filled in by tenon_sched_init(). */
struct tenon_sizes {
    uint32_t sched;      /**< sizeof(struct tenon_sched). */
    uint32_t wire;       /**< sizeof(struct tenon_wire). */
    uint32_t joint;      /**< sizeof(struct tenon_joint). */
    uint32_t drivetrain; /**< sizeof(struct tenon_drivetrain). */
    uint32_t group;      /**< sizeof(struct tenon_group). */
    uint32_t reader;     /**< sizeof(struct tenon_reader). */
    uint32_t producer;   /**< sizeof(struct tenon_producer). */
};

/** Initialiser of struct tenon_sizes. */
#define TENON_SIZES                                                                                \
    {                                                                                              \
        (uint32_t)sizeof(struct tenon_sched), (uint32_t)sizeof(struct tenon_wire),                 \
            (uint32_t)sizeof(struct tenon_joint), (uint32_t)sizeof(struct tenon_drivetrain),       \
            (uint32_t)sizeof(struct tenon_group), (uint32_t)sizeof(struct tenon_reader),           \
            (uint32_t)sizeof(struct tenon_producer)                                                \
    }

/** Initialise; `sizes` is TENON_SIZES. Use tenon_sched_init(). */
TENON_API int tenon_sched_init_sized(struct tenon_sched *self,
                                     const struct tenon_sizes *sizes,
                                     const struct tenon_port *port,
                                     tenon_ns_t period_ns,
                                     void *memory,
                                     size_t memory_size);

/**
 * Make a scheduler.
 * @param[out] self         Storage, not NULL.
 * @param      port         Services of the host, not NULL; must outlive the scheduler.
 * @param      period_ns    Base period, > 0.
 * @param      memory       For what grows with use (plan, queue, snapshots); must outlive it.
 *                          TENON_SCHED_MEMORY() bytes; too little is answered by
 *                          tenon_sched_start() with the bytes needed.
 * @param      memory_size  Bytes at memory.
 * @retval TENON_OK      Also remembered for tenon_sched_start(), so it need not be checked here.
 * @retval TENON_ERR_ARG NULL, or a period <= 0.
 * @retval TENON_ERR_ABI The headers are of another version than the library; nothing is written.
 *                       Or the port's are.
 * @context setup
 */
static inline int tenon_sched_init(struct tenon_sched *self,
                                   const struct tenon_port *port,
                                   tenon_ns_t period_ns,
                                   void *memory,
                                   size_t memory_size)
{
    const struct tenon_sizes sizes = TENON_SIZES;
    return tenon_sched_init_sized(self, &sizes, port, period_ns, memory, memory_size);
}

/**
 * Add a wire: a line and the bus that speaks on it. Before the joints that hang on it.
 * All adding calls return and remember the first refusal; tenon_sched_start() returns it,
 * tenon_sched_diag() explains it.
 * @param name  Kept, not copied. Not NULL.
 * @retval TENON_OK        Added.
 * @retval TENON_ERR_ARG   NULL (a driver's init answers NULL when it refuses), or a module of
 * another role.
 * @retval TENON_ERR_STATE It is in a scheduler already, or that is started.
 * @retval TENON_ERR_ABI   Driver of another ABI, or a required method is missing.
 * @context setup
 */
TENON_API int tenon_sched_add_wire(struct tenon_sched *self,
                                   struct tenon_wire *wire,
                                   const char *name,
                                   struct tenon_line *line,
                                   struct tenon_bus *bus);

/**
 * Add a joint with its motor. As tenon_sched_add_wire(), and:
 * @param limits  Copied. NULL: the model's and the device's own, with acceleration 4 x and jerk 40
 * x velocity / s.
 * @retval TENON_ERR_FULL   The bus's buffer is too small.
 * @retval TENON_ERR_LIMIT  Limits contradict each other.
 * @context setup
 */
TENON_API int tenon_sched_add_joint(struct tenon_sched *self,
                                    struct tenon_joint *joint,
                                    const char *name,
                                    struct tenon_motor *motor,
                                    const struct tenon_joint_limits *limits);

/** Add a coupled mechanism with its joints. As tenon_sched_add_joint(). @context setup */
TENON_API int tenon_sched_add_drivetrain(struct tenon_sched *self,
                                         struct tenon_drivetrain *drivetrain,
                                         const char *name,
                                         const struct tenon_drivetrain_config *config);

/**
 * Add a group of joints that have been added. `joints` is kept, not copied. As
 * tenon_sched_add_wire().
 * @context setup
 */
TENON_API int tenon_sched_add_group(struct tenon_sched *self,
                                    struct tenon_group *group,
                                    const char *name,
                                    struct tenon_joint *const *joints,
                                    uint16_t joint_count);

/**
 * Whether a change of the plan, asked for by tenon_joint_suspend() or tenon_joint_resume(), has yet
 * to be made. Once it is, counters.plan_count tells whether it was, and the next one can be asked
 * for.
 * @context application thread
 */
TENON_API bool tenon_sched_is_replanning(const struct tenon_sched *self);

/** Register a reader of snapshots. @context setup */
TENON_API int tenon_sched_add_reader(struct tenon_sched *self, struct tenon_reader *reader);

/**
 * Lay out the plan and begin to probe. Nothing can be added afterwards.
 * @retval TENON_OK         Running: call poll and step.
 * @retval TENON_ERR_FULL   The memory is too small; the diag's bound says how many bytes are
 * needed.
 * @retval TENON_ERR_ARG    Rates are not harmonic.
 * @retval TENON_ERR_UNSUPPORTED A joint is to HOLD whose motor holds nothing by itself.
 * @return Else the first refusal of any adding call.
 * @context setup
 */
TENON_API TENON_NODISCARD int tenon_sched_start(struct tenon_sched *self);

/**
 * Move bytes and look after modules that are on their way. As often as bytes or deadlines come.
 * @return When to call again if nothing arrives before; TENON_NEVER: no need.
 * @context cyclic thread
 */
TENON_API tenon_ns_t tenon_sched_poll(struct tenon_sched *self, tenon_ns_t now);

/**
 * Once a period: read, compute, stage what is to be sent. Before its release it does nothing;
 * releases that have passed are skipped and counted, and the phase is kept.
 * @return The next release.
 * @context cyclic thread
 */
TENON_API tenon_ns_t tenon_sched_step(struct tenon_sched *self, tenon_ns_t now);

/** Whether every module is up and every joint has been measured. @context cyclic thread */
TENON_API bool tenon_sched_is_ready(const struct tenon_sched *self);

/**
 * Whether nothing is on its way to becoming safe: every joint is DOWN, DISABLED, HOLDING or in
 * FAULT with its torque off.
 * @context cyclic thread
 */
TENON_API bool tenon_sched_is_safe(const struct tenon_sched *self);

/**
 * Who is not ready, and why: tenon_sched_diag() tells of the first one.
 * @return TENON_OK when all are ready, else the code of that one's reason.
 * @context cyclic thread, where it is the application thread too; else tenon_sched_explain_to()
 */
TENON_API int tenon_sched_explain(struct tenon_sched *self);

/**
 * As tenon_sched_explain(), where another thread commands and reads tenon_sched_diag().
 * @param[out] out_why  The first one that is not ready; code TENON_OK if all are. Not NULL.
 * @context cyclic thread
 */
TENON_API int tenon_sched_explain_to(const struct tenon_sched *self, struct tenon_diag *out_why);

/**
 * Why the newest call that was refused was refused, of those that set up and of those that command
 * through no other producer. Never NULL.
 * @context application thread
 */
TENON_API const struct tenon_diag *tenon_sched_diag(const struct tenon_sched *self);

/**
 * Every joint carries out its safe action. Errors: ARG, STATE, FULL.
 * @context application thread
 */
TENON_API int tenon_sched_make_safe(struct tenon_sched *self);

/**
 * Latch the emergency stop: from the next step on every joint carries out its safe action and none
 * can be enabled.
 * @context any, isr too
 */
TENON_API void tenon_sched_estop(struct tenon_sched *self);

/**
 * How long the joints that brake before torque goes off may need for it: the longest of velocity
 * limit / acceleration limit; 0 if no joint's safe action is RAMP or BRAKE. For a watchdog, which
 * must wait that long between safe frames of category 1 and those of category 0.
 * @context any, while the step hangs
 */
TENON_API tenon_ns_t tenon_sched_braking_ns(const struct tenon_sched *self);

/**
 * Let go of everything: ports are closed, nothing is sent any more. Torque stays as it is; see
 * tenon_sched_make_safe() and tenon_posix_stop(). States and diagnoses remain readable; to run
 * again, zero the objects and add them anew.
 * @context cyclic thread
 */
TENON_API void tenon_sched_close(struct tenon_sched *self);

/**
 * Release the emergency stop: every press that a step has seen. One that it has not stays. Joints
 * stay as they are until enabled.
 * @context any
 */
TENON_API void tenon_sched_clear_estop(struct tenon_sched *self);

/**
 * Make joints safe when the application gives no command and no beat for so long; 0: never. Other
 * producers have their own: tenon_producer_set_heartbeat().
 * @context setup
 */
TENON_API void tenon_sched_set_heartbeat(struct tenon_sched *self, tenon_ns_t timeout_ns);

/** The application lives. Commands count as beats too. @context application thread */
TENON_API void tenon_sched_beat(struct tenon_sched *self);

/** Next release, or 0 before the first poll or step. @context cyclic thread */
static inline tenon_ns_t tenon_sched_release(const struct tenon_sched *self)
{
    return self->release_ns;
}

/**
 * Iterate over the wires, for a loop that waits on their lines: NULL gives the first.
 * @return NULL after the last.
 * @context setup, cyclic thread
 */
TENON_API struct tenon_wire *tenon_sched_next_wire(const struct tenon_sched *self,
                                                   const struct tenon_wire *wire);

/**
 * Copy the newest snapshot: all joints of one and the same step.
 * @param[out] out_head    Not NULL.
 * @param[out] out_joints  Room for `capacity` joints; may be NULL if capacity is 0.
 * @return Joints stored, or TENON_ERR_AGAIN before the first step, TENON_ERR_ARG, TENON_ERR_STATE
 * (not registered).
 * @context any: one thread for each reader
 */
TENON_API TENON_NODISCARD int tenon_reader_read(struct tenon_reader *self,
                                                struct tenon_snapshot_head *out_head,
                                                struct tenon_joint_snapshot *out_joints,
                                                uint32_t capacity);

#ifdef __cplusplus
}
#endif
#endif
