/* Laws 1, 2, 5 and 7 of the design, for every k-th operation that goes wrong. */
#include "fake_driver.h"
#include "rig.h"

#include "tenon_test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct rig rig;

/* --- modules that go wrong at one call --- */

enum victim { UPDATE_POSITION, UPDATE_VELOCITY, UPDATE_EFFORT, TO_JOINT, TO_MOTOR, VICTIMS };

static struct tenon_controller controller;
static struct tenon_reducer reducer;
static unsigned calls[VICTIMS];
static enum victim victim;
static unsigned bad_call; /* from 1; 0: none */
static uint64_t bad_bits; /* of a double */

/* What a float can be; of a double the upper half, as its bits are given. */
static const uint64_t payloads[] = {
    UINT64_C(0x7FF8000000000000),                               /* NaN */
    UINT64_C(0xFFF8000000000001),                               /* negative, with a payload */
    UINT64_C(0x7FF0000000000001),                               /* signalling */
    UINT64_C(0x7FF0000000000000),                               /* infinity */
    UINT64_C(0xFFF0000000000000), UINT64_C(0x0000000000000001), /* denormal */
    UINT64_C(0x800FFFFFFFFFFFFF), UINT64_C(0x8000000000000000), /* minus zero */
    UINT64_C(0x7FEFFFFFFFFFFFFF),                               /* the largest */
    UINT64_C(0xFFEFFFFFFFFFFFFF), UINT64_C(0x47EFFFFFE0000000), /* the largest float */
    UINT64_C(0x40F86A0000000000),                               /* 1e5 */
    UINT64_C(0xC0F86A0000000000),
};

static double bad_double(void)
{
    double x;
    memcpy(&x, &bad_bits, sizeof x);
    return x;
}

/* The same sort of number: a conversion would tame it. */
static float bad_float(void)
{
    const uint32_t bits = (uint32_t)(bad_bits >> 32);
    const bool is_special = (bits & 0x7FF00000u) == 0x7FF00000u || (bits & 0x7FF00000u) == 0;
    const uint32_t as_float = (bits & 0x80000000u) | (is_special ? bits << 3 & 0x7FFFFFFFu : 0u) |
                              (uint32_t)(bad_bits & 1u);
    float x;
    memcpy(&x, &as_float, sizeof x);
    return is_special ? x : (float)fmax(fmin(bad_double(), (double)FLT_MAX), -(double)FLT_MAX);
}

static bool is_bad(enum victim here)
{
    return ++calls[here] == bad_call && here == victim;
}

static int update(struct tenon_controller *self,
                  const struct tenon_controller_input *input,
                  struct tenon_joint_command *out_command)
{
    (void)self;
    *out_command = input->setpoint;
    out_command->velocity_rad_s = 10.0f * input->position_error_rad;
    out_command->effort_nm = input->position_error_rad;
    if (is_bad(UPDATE_POSITION)) {
        out_command->position_rad = bad_double();
    }
    if (is_bad(UPDATE_VELOCITY)) {
        out_command->velocity_rad_s = bad_float();
    }
    if (is_bad(UPDATE_EFFORT)) {
        out_command->effort_nm = bad_float();
    }
    return TENON_OK;
}

static int track(struct tenon_controller *self,
                 const struct tenon_controller_input *input,
                 const struct tenon_joint_command *applied)
{
    (void)self;
    (void)input;
    assert_true(isfinite(applied->position_rad) && isfinite(applied->velocity_rad_s) &&
                isfinite(applied->effort_nm));
    return TENON_OK;
}

static int to_joint(struct tenon_reducer *self,
                    const struct tenon_motor_state *motors,
                    float dt_s,
                    struct tenon_joint_state *out_joints)
{
    (void)self;
    (void)dt_s;
    const bool now = is_bad(TO_JOINT);
    out_joints->position_rad = now ? bad_double() : motors->position_rad;
    out_joints->velocity_rad_s = now ? bad_float() : motors->velocity_rad_s;
    out_joints->effort_nm = now ? bad_float() : motors->effort_nm;
    return TENON_OK;
}

static int to_motor(struct tenon_reducer *self,
                    const struct tenon_joint_command *joints,
                    const struct tenon_joint_state *at,
                    float dt_s,
                    struct tenon_motor_command *out_motors)
{
    (void)self;
    (void)dt_s;
    assert_true(isfinite(joints->position_rad) && isfinite(joints->velocity_rad_s) &&
                isfinite(joints->effort_nm) && isfinite(at->position_rad));
    const bool now = is_bad(TO_MOTOR);
    out_motors->position_rad = now ? bad_double() : joints->position_rad;
    out_motors->velocity_rad_s = now ? bad_float() : joints->velocity_rad_s;
    out_motors->effort_nm = now ? bad_float() : joints->effort_nm;
    return TENON_OK;
}

static const struct tenon_controller_api controller_api = {
    .head = TENON_API_HEAD(struct tenon_controller_api), .update = update, .track = track};
static const struct tenon_reducer_api reducer_api = {
    .head = TENON_API_HEAD(struct tenon_reducer_api), .to_joint = to_joint, .to_motor = to_motor};
static const struct tenon_driver controller_driver =
    FAKE_DRIVER("bad_controller", TENON_ROLE_CONTROLLER, struct tenon_controller, controller_api);
static const struct tenon_driver reducer_driver =
    FAKE_DRIVER("bad_reducer", TENON_ROLE_REDUCER, struct tenon_reducer, reducer_api);

static void seat_modules(void)
{
    memset(&controller, 0, sizeof controller);
    memset(&reducer, 0, sizeof reducer);
    memset(calls, 0, sizeof calls);
    controller.module.driver = &controller_driver;
    reducer.module.driver = &reducer_driver;
    reducer.motor_count = 1;
    reducer.joint_count = 1;
    assert_int_equal(tenon_joint_use_controller(&rig.joints[0], &controller), TENON_OK);
    assert_int_equal(tenon_joint_use_reducer(&rig.joints[0], &reducer), TENON_OK);
}

/* --- law 1 --- */

static void assert_lawful(const struct rig_motor *motor)
{
    const struct tenon_motor_limits *const l = &motor->base.limits;
    const struct tenon_motor_command *const c = &motor->last;
    const float effort = motor->base.mode == TENON_MODE_PWM ? 1.0f : l->effort_max_nm;
    assert_int_equal(motor->stray_count, 0); /* of those that are no number, too */
    assert_true(fabsf(c->velocity_rad_s) <= l->velocity_max_rad_s);
    assert_true(fabsf(c->effort_nm) <= effort);
    assert_true(c->position_rad >= l->position_min_rad && c->position_rad <= l->position_max_rad);
}

static bool is_by_position(unsigned mode)
{
    return mode == TENON_MODE_POSITION || mode == TENON_MODE_EXTENDED_POSITION ||
           mode == TENON_MODE_EFFORT_POSITION;
}

/* No step of the position commanded is longer than the motor can follow. */
static void run_lawful(unsigned mode, unsigned steps)
{
    struct rig_motor *const motor = &rig.motors[0];
    for (unsigned i = 0; i < steps; i++) {
        const double before = motor->last.position_rad;
        const unsigned on = motor->on_count;
        const unsigned count = motor->log_count;
        rig_step(&rig);
        assert_lawful(motor);
        if (is_by_position(mode) && on == motor->on_count && count > 0) {
            assert_true(fabs(motor->last.position_rad - before) <=
                        (double)motor->base.limits.velocity_top_rad_s * 1e-3 + 1e-9);
        }
    }
}

static unsigned hit_count;

/* A joint that is ready, and of which the k-th call from now on goes wrong. */
static void begin_bad(unsigned mode, enum victim who, uint64_t bits, unsigned k)
{
    victim = who;
    bad_call = 0;
    bad_bits = bits;
    rig_make(&rig, 1);
    rig.motors[0].base.mode = (uint8_t)mode;
    rig.joints[0].safe_action = (uint8_t)(k % 4);
    rig_add(&rig);
    seat_modules();
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    rig_steps(&rig, 5);
    bad_call = calls[who] + k;
}

static void try_payload(unsigned mode, enum victim who, uint64_t bits, unsigned k)
{
    begin_bad(mode, who, bits, k);
    (void)!tenon_joint_enable(&rig.joints[0]);
    (void)!tenon_joint_move_to(&rig.joints[0], 1.0);
    run_lawful(mode, 60);
    if (rig.joints[0].status == TENON_JOINT_ENABLED) {
        tenon_sched_estop(&rig.sched);
    }
    run_lawful(mode, 60);
    hit_count += calls[who] >= bad_call ? 1u : 0u;
}

static void law_1_no_call_that_returns_anything_passes_a_motor_gate(void **state)
{
    (void)state;
    for (unsigned mode = TENON_MODE_POSITION; mode <= TENON_MODE_PWM; mode++) {
        for (unsigned who = 0; who < VICTIMS; who++) {
            for (size_t p = 0; p < sizeof payloads / sizeof payloads[0]; p++) {
                for (unsigned k = 1; k <= 45; k += 4) {
                    try_payload(mode, (enum victim)who, payloads[p], k);
                }
            }
        }
    }
    assert_true(hit_count > 4000); /* of 4680 */
}

/* What a reducer or a controller does wrong is one event, whenever it does it. */
static void each_call_that_returns_no_number_is_told_once(void **state)
{
    static const enum victim whom[] = {UPDATE_POSITION, TO_JOINT, TO_MOTOR};
    (void)state;
    for (unsigned i = 0; i < sizeof whom / sizeof whom[0]; i++) {
        for (unsigned k = 1; k < 60; k++) {
            struct tenon_event event;
            const bool is_reducer = whom[i] != UPDATE_POSITION;
            begin_bad(TENON_MODE_POSITION, whom[i], payloads[0], k);
            (void)!tenon_joint_enable(&rig.joints[0]);
            rig_steps(&rig, 80);
            assert_true(calls[whom[i]] >= bad_call);
            assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_OK);
            assert_int_equal(event.kind, TENON_EVENT_FAULT);
            assert_int_equal(event.diag.cause, TENON_CAUSE_NOT_FINITE);
            assert_string_equal(event.name, rig.joints[0].name);
            assert_int_equal(event.source, is_reducer ? TENON_SOURCE_MODULE : TENON_SOURCE_JOINT);
            assert_int_equal(event.role, is_reducer ? TENON_ROLE_REDUCER : 0);
            while (tenon_sched_take_event(&rig.sched, &event) == TENON_OK) {
                assert_int_equal(event.kind, TENON_EVENT_RESTARTED);
            }
        }
    }
}

/* --- law 2 --- */

static double reference[RIG_LOG];
static tenon_ns_t reference_ns[RIG_LOG];

#define NEIGHBOURS_STEPS 700u

/* Joint 0 is well; of joint 1 one method fails. */
static void move_beside(enum rig_method method, unsigned k, bool for_good, bool is_mute)
{
    static const struct tenon_restart_policy endless = {0, TENON_S(10), TENON_MS(5), TENON_MS(20),
                                                        TENON_MS(50)};
    bad_call = 0;
    rig_make(&rig, 2);
    rig.joints[1].motor.restart = &endless;
    rig_start_enabled(&rig);
    assert_int_equal(tenon_joint_move_to(&rig.joints[0], 1.0), TENON_OK);
    assert_int_equal(tenon_joint_move_to(&rig.joints[1], 1.0), TENON_OK);
    rig.motors[1].fail_at[method] = k == 0 ? 0 : rig.motors[1].calls[method] + k;
    rig.motors[1].fails_on[method] = for_good;
    for (unsigned i = 0; i < NEIGHBOURS_STEPS; i++) {
        rig.motors[1].is_mute = is_mute && i >= k;
        if (i % 50 == 49) {
            (void)tenon_joint_reset(&rig.joints[1]);
        }
        if (i % 50 > 40) {
            (void)!tenon_joint_enable(&rig.joints[1]);
        }
        const unsigned commands = rig.motors[0].calls[RIG_COMMAND];
        const unsigned samples = rig.motors[0].calls[RIG_READ];
        rig_step(&rig);
        assert_int_equal(rig.motors[0].calls[RIG_COMMAND] - commands, 1);
        assert_int_equal(rig.motors[0].calls[RIG_READ] - samples, 1);
    }
    assert_int_equal(rig.joints[0].status, TENON_JOINT_ENABLED);
}

static void law_2_no_command_to_a_healthy_joint_is_missed_or_changed(void **state)
{
    (void)state;
    move_beside(RIG_PROBE, 0, false, false);
    memcpy(reference, rig.motors[0].log, sizeof reference);
    memcpy(reference_ns, rig.motors[0].log_ns, sizeof reference_ns);
    const unsigned count = rig.motors[0].log_count;
    for (unsigned method = RIG_PROBE; method <= RIG_COMMAND; method++) {
        for (unsigned k = 1; k < 60; k += 3) {
            for (unsigned how = 0; how < 3; how++) {
                move_beside((enum rig_method)method, k, how == 1, how == 2);
                assert_int_equal(rig.motors[0].log_count, count);
                assert_memory_equal(rig.motors[0].log, reference, sizeof reference);
                assert_memory_equal(rig.motors[0].log_ns, reference_ns, sizeof reference_ns);
            }
        }
    }
}

/* --- law 5 --- */

/* Stale samples are known after 100 ms, a silent application after 50; braking takes 100. */
#define SAFE_STEPS 260u

static void hang_with(enum rig_method method, unsigned k, bool for_good, uint8_t action)
{
    bad_call = 0;
    rig_make(&rig, 2);
    for (unsigned i = 0; i < 2; i++) {
        rig.joints[i].safe_action = action;
    }
    tenon_sched_set_heartbeat(&rig.sched, TENON_MS(50));
    rig_start(&rig);
    rig_steps(&rig, 5);
    rig.motors[1].fail_at[method] = rig.motors[1].calls[method] + k;
    rig.motors[1].fails_on[method] = for_good;
    (void)!tenon_group_enable(&rig.group);
    const double goals[] = {1.5, -1.5};
    (void)!tenon_group_move_to(&rig.group, goals);
    rig_steps(&rig, 3 * k); /* and from here on the application hangs */
    rig_steps(&rig, SAFE_STEPS);
}

static void law_5_the_safe_action_is_reached_in_time_with_the_application_hung(void **state)
{
    (void)state;
    for (unsigned method = RIG_PROBE; method <= RIG_COMMAND; method++) {
        for (unsigned k = 1; k < 200; k += 7) {
            for (unsigned how = 0; how < 8; how++) {
                const bool for_good = how >= 4;
                const uint8_t action = (uint8_t)(how % 4);
                if (method == RIG_MAKE_SAFE && for_good) {
                    continue; /* whose torque cannot be taken off keeps it */
                }
                hang_with((enum rig_method)method, k, for_good, action);
                assert_true(tenon_sched_is_safe(&rig.sched));
                for (unsigned i = 0; i < 2; i++) {
                    const struct tenon_joint *const j = &rig.joints[i];
                    assert_int_not_equal(j->status, TENON_JOINT_ENABLED);
                    assert_true(action == TENON_SAFE_HOLD || !rig.motors[i].torque_is_on);
                    assert_true(!rig.motors[i].torque_is_on || j->status == TENON_JOINT_HOLDING ||
                                j->status == TENON_JOINT_FAULT);
                }
            }
        }
    }
}

/* --- law 7 --- */

static unsigned long allocations;

/* Sanitizers stand in for malloc themselves; gcc and clang say differently that there is one. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(IS_SANITIZED)
#define COUNTS_ALLOCATIONS 1
/* Stands in for that of the C library. */
void *__libc_malloc(size_t size);
void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}
#endif

static unsigned driver_calls(unsigned motor)
{
    unsigned sum = 0;
    for (unsigned method = 0; method < RIG_METHODS; method++) {
        sum += rig.motors[motor].calls[method];
    }
    return sum;
}

static void law_7_nothing_is_allocated_whatever_happens(void **state)
{
    (void)state;
#ifdef COUNTS_ALLOCATIONS
    unsigned char *const probe = malloc(1);
    assert_non_null(probe);
    free(probe);
    assert_true(allocations > 0); /* it does count */
#endif
    bad_call = 0;
    rig_make(&rig, 4);
    rig_start_enabled(&rig);
    const double goals[] = {1.0, -1.0, 0.5, 0.2};
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
    const unsigned long before = allocations;
    for (unsigned i = 0; i < 3000; i++) {
        rig.motors[i % 4].fail_at[i % RIG_METHODS] =
            i % 97 == 0 ? rig.motors[i % 4].calls[i % RIG_METHODS] + 1 : 0;
        (void)tenon_joint_reset(&rig.joints[i % 4]);
        (void)!tenon_joint_enable(&rig.joints[i % 4]);
        rig_step(&rig);
    }
    assert_int_equal(allocations, before);
}

/* A cycle calls a driver twice for a joint that is driven, once for one that is not, and not at all
 * for one that is suspended. */
static void law_7_the_calls_of_a_cycle_are_those_of_active_joints(void **state)
{
    (void)state;
    for (unsigned driven = 0; driven <= RIG_JOINTS; driven++) {
        rig_make(&rig, RIG_JOINTS);
        rig_start(&rig);
        rig_steps(&rig, 10);
        for (unsigned i = 0; i < RIG_JOINTS; i++) {
            if (i < driven) {
                assert_int_equal(tenon_joint_enable(&rig.joints[i]), TENON_OK);
            } else if (i % 2 == 0) {
                assert_int_equal(tenon_joint_suspend(&rig.joints[i]), TENON_OK);
                rig_step(&rig);
            }
        }
        rig_steps(&rig, 20);
        unsigned before[RIG_JOINTS];
        for (unsigned i = 0; i < RIG_JOINTS; i++) {
            before[i] = driver_calls(i);
        }
        rig_steps(&rig, 100);
        for (unsigned i = 0; i < RIG_JOINTS; i++) {
            const unsigned expected = i < driven ? 200 : (i % 2 == 0 ? 0 : 100);
            assert_int_equal(driver_calls(i) - before[i], expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(law_1_no_call_that_returns_anything_passes_a_motor_gate),
        cmocka_unit_test(each_call_that_returns_no_number_is_told_once),
        cmocka_unit_test(law_2_no_command_to_a_healthy_joint_is_missed_or_changed),
        cmocka_unit_test(law_5_the_safe_action_is_reached_in_time_with_the_application_hung),
        cmocka_unit_test(law_7_nothing_is_allocated_whatever_happens),
        cmocka_unit_test(law_7_the_calls_of_a_cycle_are_those_of_active_joints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
