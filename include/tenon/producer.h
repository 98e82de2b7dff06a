/**
 * @file producer.h
 * @brief Who gives commands: one producer for each thread that does.
 *
 * A program with one commanding thread needs nothing of this: tenon_joint_enable() and the other
 * calls of joint.h and group.h go through the scheduler's own producer. Every further thread, say a
 * planner beside an operator's window, registers a producer and gives its commands through it. Each
 * has its own queue, its own newest refusal and, if wanted, its own heartbeat, so that none
 * waits for another. Commands of one producer are carried out in the order given; of several, those
 * of the producer that was added first come first within a step.
 */
#ifndef TENON_PRODUCER_H
#define TENON_PRODUCER_H

#include "tenon/joint.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tenon_command_entry;

/** The private ring of commands from one thread to the step. */
struct tenon_command_queue {
    /* private */
    struct tenon_command_entry *entries;
    uint32_t capacity;
    uint32_t head; /* written by the step */
    uint32_t tail; /* written by the producer */
};

/** One thread that commands. Storage is the caller's, zeroed; it must outlive the scheduler. */
struct tenon_producer {
    const char *name; /**< Kept, not copied; the application's text. */
    /* private */
    struct tenon_sched *sched;
    struct tenon_producer *next;
    struct tenon_command_queue queue;
    struct tenon_diag diag;  /* its newest refusal */
    tenon_ns_t heartbeat_ns; /* 0: not supervised */
    tenon_ns_t beat_seen_ns; /* by the step */
    uint32_t beats;          /* written by the producer */
    uint32_t beats_seen;
    uint32_t command_id; /* newest given */
};

/** Bytes that are enough for so many commands to wait; a group's move is one more than joints. */
#define TENON_PRODUCER_MEMORY(commands) (8u + 48u * (commands))

/**
 * Register a producer. As the other adding calls of sched.h.
 * @param name         Kept, not copied. Not NULL.
 * @param memory       For its queue, not NULL; must outlive the scheduler.
 * @param memory_size  Bytes at memory: TENON_PRODUCER_MEMORY().
 * @retval TENON_OK        Added.
 * @retval TENON_ERR_ARG   NULL.
 * @retval TENON_ERR_FULL  Not room for one command.
 * @retval TENON_ERR_STATE It is in a scheduler already, or that is started.
 * @context setup
 */
TENON_API int tenon_sched_add_producer(struct tenon_sched *self,
                                       struct tenon_producer *producer,
                                       const char *name,
                                       void *memory,
                                       size_t memory_size);

/**
 * Make joints safe when this producer gives no command and no beat for so long; 0: never.
 * @context setup
 */
TENON_API void tenon_producer_set_heartbeat(struct tenon_producer *self, tenon_ns_t timeout_ns);

/*
 * What follows does what its namesake in joint.h, group.h or sched.h does, with the same errors,
 * and:
 *
 * - TENON_ERR_STATE also if the producer is NULL or in no scheduler;
 * - TENON_ERR_ARG also if the joint or group is not of the producer's scheduler;
 * - tenon_producer_diag() says why, instead of tenon_sched_diag().
 */

/** As tenon_joint_enable(). @context the producer's thread */
TENON_API TENON_NODISCARD int tenon_producer_enable(struct tenon_producer *self,
                                                    struct tenon_joint *joint);

/** As tenon_joint_disable(). @context the producer's thread */
TENON_API int tenon_producer_disable(struct tenon_producer *self, struct tenon_joint *joint);

/** As tenon_joint_stop(). @context the producer's thread */
TENON_API int tenon_producer_stop(struct tenon_producer *self, struct tenon_joint *joint);

/** As tenon_joint_reset(). @context the producer's thread */
TENON_API int tenon_producer_reset(struct tenon_producer *self, struct tenon_joint *joint);

/** As tenon_joint_accept_calibration(). @context the producer's thread */
TENON_API int tenon_producer_accept_calibration(struct tenon_producer *self,
                                                struct tenon_joint *joint);

/** As tenon_joint_move_to(). @context the producer's thread */
TENON_API TENON_NODISCARD int
tenon_producer_move_to(struct tenon_producer *self, struct tenon_joint *joint, double goal_rad);

/** As tenon_joint_follow(). @context the producer's thread */
TENON_API TENON_NODISCARD int tenon_producer_follow(struct tenon_producer *self,
                                                    struct tenon_joint *joint,
                                                    const struct tenon_joint_command *command);

/** As tenon_group_enable(). @context the producer's thread */
TENON_API TENON_NODISCARD int tenon_producer_enable_group(struct tenon_producer *self,
                                                          struct tenon_group *group);

/** As tenon_group_disable(). @context the producer's thread */
TENON_API int tenon_producer_disable_group(struct tenon_producer *self, struct tenon_group *group);

/** As tenon_group_stop(). @context the producer's thread */
TENON_API int tenon_producer_stop_group(struct tenon_producer *self, struct tenon_group *group);

/** As tenon_group_move_to(). @context the producer's thread */
TENON_API TENON_NODISCARD int tenon_producer_move_group(struct tenon_producer *self,
                                                        struct tenon_group *group,
                                                        const double *goals_rad);

/** As tenon_sched_make_safe(). @context the producer's thread */
TENON_API int tenon_producer_make_safe(struct tenon_producer *self);

/** As tenon_sched_beat(). @context the producer's thread */
TENON_API void tenon_producer_beat(struct tenon_producer *self);

/** Whether no command given through it still waits for a step. @context the producer's thread */
TENON_API bool tenon_producer_is_idle(const struct tenon_producer *self);

/**
 * Whether a command given through it still waits, or the joint is being enabled, moved to a goal
 * (by whomever) or stopped. Says nothing of set points to follow, nor of how near the joint came:
 * that is in snapshots. False if either is NULL.
 * @context the producer's thread
 */
TENON_API bool tenon_producer_is_moving(const struct tenon_producer *self,
                                        const struct tenon_joint *joint);

/** As tenon_sched_command_id(); 0 for NULL. @context the producer's thread */
TENON_API uint32_t tenon_producer_command_id(const struct tenon_producer *self);

/** Why its newest call that was refused was refused. Never NULL. @context the producer's thread */
TENON_API const struct tenon_diag *tenon_producer_diag(const struct tenon_producer *self);

#ifdef __cplusplus
}
#endif
#endif
