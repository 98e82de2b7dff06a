/* What the files of the core share. Hidden visibility. */
#ifndef TENON_CORE_INTERNAL_H
#define TENON_CORE_INTERNAL_H

#include "tenon/sched.h"

#include <float.h>
#include <string.h>

/* Not inlined where memory is scarce: its arrays would lie on the stack of everything that its
 * caller calls beside it. */
#ifdef __OPTIMIZE_SIZE__
#define TENON__APART __attribute__((noinline))
#else
#define TENON__APART
#endif

/* --- words shared with other contexts: plain in the headers (C++), atomic here; loads and stores
 * only --- */

static inline uint32_t tenon__load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void tenon__store(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline uint8_t tenon__load8(const uint8_t *byte)
{
    return __atomic_load_n(byte, __ATOMIC_RELAXED);
}

static inline void tenon__store8(uint8_t *byte, uint8_t value)
{
    __atomic_store_n(byte, value, __ATOMIC_RELAXED);
}

/* Numbers are moved by their bits: compilers differ in whether they load a const float atomically.
 */
typedef uint32_t __attribute__((may_alias)) tenon__bits32;
typedef uint64_t __attribute__((may_alias)) tenon__bits64;

static inline float tenon__load_float(const float *number)
{
    const tenon__bits32 bits =
        __atomic_load_n((const tenon__bits32 *)(const void *)number, __ATOMIC_ACQUIRE);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline void tenon__store_float(float *number, float value)
{
    tenon__bits32 bits;
    memcpy(&bits, &value, sizeof bits);
    __atomic_store_n((tenon__bits32 *)(void *)number, bits, __ATOMIC_RELEASE);
}

/* Where a load of 64 bits is one instruction; elsewhere what is read so is written anew with the
 * same bits only. */
static inline double tenon__load_double(const double *number)
{
#if UINTPTR_MAX == UINT64_MAX
    const tenon__bits64 bits =
        __atomic_load_n((const tenon__bits64 *)(const void *)number, __ATOMIC_RELAXED);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
#else
    return *number;
#endif
}

static inline void tenon__store_double(double *number, double value)
{
#if UINTPTR_MAX == UINT64_MAX
    tenon__bits64 bits;
    memcpy(&bits, &value, sizeof bits);
    __atomic_store_n((tenon__bits64 *)(void *)number, bits, __ATOMIC_RELAXED);
#else
    *number = value;
#endif
}

/* --- maths.c --- */

static inline bool tenon__is_finite(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return ((bits >> 52) & 0x7FFu) != 0x7FFu;
}

/* No comparison holds for NaN. */
static inline bool tenon__is_finitef(float x)
{
    return __builtin_fabsf(x) <= FLT_MAX;
}

double tenon__sqrt(double x);
double tenon__cbrt(double x);
float tenon__sqrtf(float x);

static inline double tenon__abs(double x)
{
    return __builtin_fabs(x);
}

static inline float tenon__absf(float x)
{
    return __builtin_fabsf(x);
}

static inline double tenon__clamp(double x, double low, double high)
{
    return x < low ? low : (x > high ? high : x);
}

static inline float tenon__clampf(float x, float low, float high)
{
    return x < low ? low : (x > high ? high : x);
}

/* --- the plan --- */

/* The plan's entries, joints alone and the first ones of drivetrains, stand in the order of these:
 * `count` of equal rate and phase. */
struct tenon__rate {
    uint16_t count;
    uint8_t divisor;
    uint8_t phase;
};

/* What a joint runs with: its own motor and reducer, or those of its drivetrain. */
struct tenon__drive {
    struct tenon_slot *motors;
    struct tenon_slot *reducer;
    struct tenon_joint *const *joints;
    unsigned motor_count;
    unsigned joint_count;
};

/* What one step passes down. */
struct tenon__cycle {
    tenon_ns_t now;
    uint32_t number;
    uint32_t skipped;      /* releases passed unused right before it */
    float dt_s;            /* of the rate that runs */
    uint32_t stale_cycles; /* so many cycles may a motor bring no sample */
};

int tenon__plan_build(struct tenon_sched *sched);
void tenon__plan_fill(const struct tenon_sched *sched, struct tenon_plan *plan);

/* --- suspend.c --- */

int tenon__plan_prepare(struct tenon_joint *joint, bool is_to_rest);
void tenon__plan_exchange(struct tenon_sched *sched, struct tenon_joint *joint, bool is_to_rest);

/* --- diag.c --- */

int tenon__refuse(struct tenon_sched *sched, int code, enum tenon_cause cause, const char *subject);
int tenon__refuse_value(struct tenon_sched *sched,
                        int code,
                        enum tenon_cause cause,
                        const char *subject,
                        float value,
                        float bound);
int tenon__refuse_diag(struct tenon_sched *sched, const struct tenon_diag *diag);
void tenon__diag_set(struct tenon_diag *shown, const struct tenon_diag *news);
bool tenon__diag_get(const struct tenon_diag *shown, struct tenon_diag *out);

/* --- slot.c --- */

/* What the owner of a seat wants of the module: leave torque as it is, off, on, on after the off
 * under way is done. */
enum tenon__wish {
    TENON__WISH_KEEP = 0,
    TENON__WISH_OFF = 1,
    TENON__WISH_ACTIVE = 2,
    TENON__WISH_OFF_FIRST = 3
};

/* `what` is what the head is of. */
int tenon__check_head(struct tenon_sched *sched,
                      const struct tenon_api_head *head,
                      size_t size,
                      const char *name,
                      const char *what);
/* `missing`: a required method, or NULL. */
int tenon__check_method(struct tenon_sched *sched, const char *name, const char *missing);
int tenon__slot_seat(struct tenon_sched *sched,
                     struct tenon_slot *slot,
                     enum tenon_role role,
                     struct tenon_module *module,
                     const char *name);
void tenon__slot_wish(struct tenon_sched *sched, struct tenon_slot *slot, enum tenon__wish wish);
void tenon__slot_fault(struct tenon_sched *sched, struct tenon_slot *slot, tenon_ns_t now);
bool tenon__slot_reset(struct tenon_sched *sched, struct tenon_slot *slot);
void tenon__slot_begin(struct tenon_slot *slot);
bool tenon__slot_is_settled(const struct tenon_slot *slot);
void tenon__slot_suspend(struct tenon_slot *slot);
void tenon__slot_resume(struct tenon_sched *sched, struct tenon_slot *slot);

static inline bool tenon__slot_goes_off(const struct tenon_slot *slot)
{
    return slot->wish == TENON__WISH_OFF || slot->wish == TENON__WISH_OFF_FIRST;
}

void tenon__slot_supervise(struct tenon_sched *sched,
                           struct tenon_slot *slot,
                           tenon_ns_t now,
                           tenon_ns_t *io_deadline);

static inline struct tenon_motor *tenon__slot_motor(const struct tenon_slot *slot)
{
    return (struct tenon_motor *)(void *)slot->module;
}

static inline struct tenon_reducer *tenon__slot_reducer(const struct tenon_slot *slot)
{
    return (struct tenon_reducer *)(void *)slot->module;
}

static inline struct tenon_controller *tenon__slot_controller(const struct tenon_slot *slot)
{
    return (struct tenon_controller *)(void *)slot->module;
}

/* --- event.c --- */

void tenon__event_slot(struct tenon_sched *sched, struct tenon_slot *slot);
void tenon__event_restarted(struct tenon_sched *sched, struct tenon_slot *slot);
void tenon__event_joint(struct tenon_joint *joint, const struct tenon_diag *why, bool is_masked);
void tenon__event_derated(struct tenon_joint *joint, float heat);
void tenon__event_group(const struct tenon_group *group);
void tenon__event_sched(struct tenon_sched *sched,
                        int code,
                        enum tenon_cause cause,
                        const char *name,
                        tenon_ns_t value,
                        tenon_ns_t bound);
void tenon__event_overrun(struct tenon_sched *sched, tenon_ns_t late);
void tenon__event_budget(struct tenon_joint *joint, float took_s, float budget_s);

/* --- brake.c --- */

#define TENON__BRAKE_CLOSE_NS TENON_S(1) /* torque waits no longer */

bool tenon__brake_is_there(const struct tenon_slot *slot);
int tenon__brake_open(struct tenon_slot *slot, tenon_ns_t now);
void tenon__brake_trust(struct tenon_slot *slot);
int tenon__brake_close(struct tenon_slot *slot, tenon_ns_t now, bool is_last_try);

/* --- wire.c --- */

void tenon__wire_poll(struct tenon_wire *wire, tenon_ns_t now, tenon_ns_t *io_deadline);
void tenon__wire_stage(struct tenon_wire *wire, const struct tenon__cycle *cycle);
bool tenon__wire_falls_silent(struct tenon_wire *wire, const struct tenon__cycle *cycle);
void tenon__wire_is_heard(struct tenon_wire *wire);

/* Its bus is well, but nobody answers: what its devices fail of is not their own. */
static inline bool tenon__wire_is_silent(const struct tenon_wire *wire)
{
    return wire != NULL && wire->bus.module->diag.cause == TENON_CAUSE_BUS_SILENT;
}

/* --- limits.c --- */

enum { /* bits of tenon_joint.own_limits */
       TENON__OWN_POSITION = 1u,
       TENON__OWN_VELOCITY = 2u,
       TENON__OWN_ACCELERATION = 4u,
       TENON__OWN_JERK = 8u,
       TENON__OWN_EFFORT = 16u
};

int tenon__limits_take(struct tenon_sched *sched,
                       struct tenon_joint *joint,
                       const struct tenon_joint_limits *limits);
int tenon__limits_resolve(const struct tenon__drive *drive);

/* --- limiter.c, gate.c --- */

/* What of a way known to be free is left once a part of it is gone, at least: less than it by more
 * than two differences and a product are rounded. */
static inline float tenon__clear_after(float clear, float way)
{
    return clear * 0.9999995f - way;
}

bool tenon__limiter_apply(struct tenon_joint *joint,
                          struct tenon_joint_command *command,
                          float dt_s);
void tenon__limiter_seed(struct tenon_joint *joint, double position_rad);
bool tenon__limiter_brake(struct tenon_joint *joint,
                          struct tenon_joint_command *out_command,
                          float dt_s);
/* A difference of times, s; of more than two seconds no more is said. Cheap where 64 bits are not.
 */
static inline float tenon__seconds(tenon_ns_t t)
{
    const tenon_ns_t most = TENON_S(2);
    return (float)(int32_t)(t < most ? t : most) * 1e-9f;
}

/* What the motor gate found; in any case the command is now what the motor may get. */
enum tenon__gate { TENON__GATE_PASSED = 0, TENON__GATE_CHANGED = 1, TENON__GATE_NO_NUMBER = 2 };
enum tenon__gate
tenon__gate_apply(struct tenon_motor *motor, struct tenon_motor_command *command, float dt_s);

static inline bool tenon__mode_is_position(uint8_t mode)
{
    return mode == TENON_MODE_POSITION || mode == TENON_MODE_EXTENDED_POSITION ||
           mode == TENON_MODE_EFFORT_POSITION;
}

/* --- drive.c, readiness.c, joint.c, halt.c --- */

void tenon__drive_run(struct tenon_sched *sched,
                      struct tenon_joint *lead,
                      const struct tenon__cycle *cycle);
int tenon__drive_to_joint(const struct tenon__drive *drive,
                          const struct tenon_motor_state *motors,
                          float dt_s,
                          struct tenon_joint_state *out_joints);
bool tenon__drive_is_up(struct tenon_sched *sched, struct tenon_joint *lead, tenon_ns_t now);
uint8_t tenon__joint_mode(struct tenon_joint *joint);
void tenon__joint_wish(struct tenon_joint *joint, enum tenon__wish wish);
void tenon__slot_let_go(struct tenon_sched *sched, struct tenon_slot *slot, bool at_once);
void tenon__joint_align(struct tenon_joint *joint);
bool tenon__joint_motors_follow(struct tenon_joint *joint);
bool tenon__joint_is_held(struct tenon_joint *joint);
void tenon__joint_enable(struct tenon_joint *joint);
void tenon__joint_disable(struct tenon_joint *joint);
void tenon__joint_catch(struct tenon_joint *joint);
void tenon__joint_follow(struct tenon_joint *joint,
                         const struct tenon_joint_command *command,
                         uint32_t id);
void tenon__joint_stop(struct tenon_joint *joint);
void tenon__joint_reset(struct tenon_joint *joint);
void tenon__joint_accept(struct tenon_joint *joint);
void tenon__joint_make_safe(struct tenon_joint *joint);
void tenon__joint_fail(struct tenon_joint *joint, const struct tenon_diag *why);
void tenon__joint_drop(struct tenon_joint *joint, const struct tenon_diag *why);
void tenon__joint_hold_here(struct tenon_joint *joint, double position_rad, float velocity_rad_s);
void tenon__joint_update(struct tenon_joint *joint, const struct tenon__cycle *cycle);
void tenon__joint_end_stop(struct tenon_joint *joint);
int tenon__joints_check_hold(struct tenon_sched *sched);

static inline void tenon__joint_set_frame(struct tenon_joint *joint)
{
    joint->has_frame = joint->is_reversed || tenon__abs(joint->zero_rad) > 0.0;
}

/* Written by the cyclic thread alone, and looked at by those that command. */
static inline void tenon__joint_enter(struct tenon_joint *joint, uint8_t status)
{
    tenon__store8(&joint->status, status);
}

static inline struct tenon_group *tenon__joint_mover(const struct tenon_joint *joint)
{
    return __atomic_load_n(&joint->mover, __ATOMIC_RELAXED);
}

static inline void tenon__joint_set_mover(struct tenon_joint *joint, struct tenon_group *mover)
{
    __atomic_store_n(&joint->mover, mover, __ATOMIC_RELAXED);
}

static inline bool tenon__joint_is_driven(const struct tenon_joint *joint)
{
    return joint->status == TENON_JOINT_ENABLED || joint->status == TENON_JOINT_STOPPING ||
           joint->status == TENON_JOINT_HOLDING;
}

/* No torque to be had as it is. */
static inline bool tenon__status_is_down(uint8_t status)
{
    return status == TENON_JOINT_DOWN || status == TENON_JOINT_FAULT ||
           status == TENON_JOINT_SUSPENDED;
}

/* Joints that share motors are traced as their first one. */
static inline void tenon__joint_trace(struct tenon_joint *joint, uint32_t id)
{
    struct tenon_joint *const lead =
        joint->drivetrain != NULL ? joint->drivetrain->joints[0] : joint;
    lead->command_id = id;
}

/* How fast the command moves; with a controller that makes efforts of it, the set point. */
static inline float tenon__joint_speed(const struct tenon_joint *joint)
{
    return tenon__absf(joint->controller.module != NULL ? joint->setpoint.velocity_rad_s
                                                        : joint->last_velocity_rad_s);
}

/* The motor seats that serve a joint. */
static inline struct tenon_slot *tenon__joint_motors(struct tenon_joint *joint, unsigned *out_count)
{
    *out_count = joint->drivetrain != NULL ? joint->drivetrain->motor_count : 1u;
    return joint->drivetrain != NULL ? joint->drivetrain->motors : &joint->motor;
}

/* The joints that share a joint's motors, itself among them. */
static inline struct tenon_joint *const *tenon__joint_siblings(struct tenon_joint *joint,
                                                               unsigned *out_count)
{
    *out_count = joint->drivetrain != NULL ? joint->drivetrain->joint_count : 1u;
    return joint->drivetrain != NULL ? joint->drivetrain->joints : &joint->self;
}

static inline struct tenon_slot *tenon__joint_reducer(struct tenon_joint *joint)
{
    return joint->drivetrain != NULL ? &joint->drivetrain->reducer : &joint->reducer;
}

static inline struct tenon__drive tenon__drive_of(struct tenon_joint *joint)
{
    struct tenon__drive drive = {.reducer = tenon__joint_reducer(joint)};
    drive.motors = tenon__joint_motors(joint, &drive.motor_count);
    drive.joints = tenon__joint_siblings(joint, &drive.joint_count);
    return drive;
}

/* --- supervise.c --- */

int tenon__supervise_check(struct tenon_sched *sched, const struct tenon_joint *joint);
void tenon__supervise_restore(struct tenon_joint *joint);
void tenon__supervise_begin(struct tenon_joint *joint);
void tenon__supervise_now(struct tenon_joint *joint, const struct tenon__cycle *cycle);
void tenon__supervise_time(struct tenon_joint *joint, uint32_t ticks);

static inline void tenon__supervise(struct tenon_joint *joint, const struct tenon__cycle *cycle)
{
    const float allowed = joint->limits.following_error_rad;
    const double behind = joint->command.position_rad - joint->state.position_rad;
    const bool is_near = joint->controller.module == NULL && tenon__absf((float)behind) <= allowed;
    if (joint->supervision != NULL || (allowed > 0.0f && !is_near)) {
        tenon__supervise_now(joint, cycle);
    }
}

/* --- path.c, group.c --- */

void tenon__path_plan(struct tenon_path *path, double velocity, double acceleration, double jerk);
double tenon__path_at(const struct tenon_path *path, double t_s, double *out_rate);
void tenon__group_move(struct tenon_group *group, uint32_t id);
void tenon__group_halt(struct tenon_group *group);
void tenon__groups_advance(struct tenon_sched *sched);

/* --- queue.c, command.c --- */

enum tenon__op {
    TENON__OP_ENABLE,
    TENON__OP_DISABLE,
    TENON__OP_FOLLOW,
    TENON__OP_RESET,
    TENON__OP_GOAL,
    TENON__OP_MOVE,
    TENON__OP_STOP,
    TENON__OP_GROUP_STOP,
    TENON__OP_MAKE_SAFE,
    TENON__OP_SUSPEND,
    TENON__OP_RESUME,
    TENON__OP_ACCEPT
};

enum { TENON__ANY_OP = UINT8_MAX };

/* The parts of a command one by one: as a struct they would bring padding of their own. */
struct tenon_command_entry {
    double position_rad;
    float velocity_rad_s;
    float effort_nm;
    struct tenon_joint *joint;
    struct tenon_group *group;
    uint32_t id;
    uint8_t op;
    uint8_t mode;
};

uint32_t tenon__queue_room(const struct tenon_command_queue *queue);
void tenon__queue_put(struct tenon_command_queue *queue,
                      uint32_t offset,
                      const struct tenon_command_entry *entry);
void tenon__queue_publish(struct tenon_command_queue *queue, uint32_t count);
bool tenon__queue_holds(const struct tenon_command_queue *queue,
                        const struct tenon_joint *joint,
                        unsigned op);
struct tenon_command_entry *tenon__queue_first(const struct tenon_command_queue *queue);
void tenon__queue_drop(struct tenon_command_queue *queue);

static inline bool tenon__estop_is_latched(const struct tenon_sched *sched)
{
    return tenon__load(&sched->estop) != tenon__load(&sched->estop_cleared);
}

/* --- trace.c --- */

void tenon__trace_put(struct tenon_trace *trace, const struct tenon_span *span);

static inline bool tenon__trace_is_on(const struct tenon_sched *sched)
{
    return sched->trace != NULL && tenon__load(&sched->trace->is_on) != 0;
}

/* --- snapshot.c, timing.c --- */

void tenon__snapshot_publish(struct tenon_sched *sched,
                             const struct tenon__cycle *cycle,
                             tenon_ns_t release);
void tenon__timing_note_longest(struct tenon_timing *timing, uint32_t ticks);
void tenon__timing_halve(struct tenon_timing *timing, unsigned full);

/* One test stands for a new longest time, for those beyond the last bucket and for those beyond a
 * budget: all are rare. @return whether it was one. */
static inline bool tenon__timing_add(struct tenon_timing *timing, uint32_t ticks)
{
    unsigned log2 = 31u ^ (unsigned)__builtin_clz(ticks | 1u);
    timing->sum_ticks += ticks;
    const bool is_news = ticks > timing->watch_ticks;
    if (is_news) {
        tenon__timing_note_longest(timing, ticks);
        log2 = log2 < TENON_TIMING_BUCKETS ? log2 : TENON_TIMING_BUCKETS - 1u;
    }
    if (++timing->bucket[log2] == 0) {
        tenon__timing_halve(timing, log2);
    }
    return is_news;
}

#endif
