/* A joint's limits: what was asked, within what its motors can do. */
#include "tenon_test.h"

#include "core_internal.h"

#include <math.h>
#include <string.h>

static struct tenon_joint_limits mapped; /* what the fake reducer says */
static int mapped_result;

static int map_limits(const struct tenon_reducer *self,
                      const struct tenon_motor_limits *motors,
                      struct tenon_joint_limits *out_joints)
{
    (void)self;
    (void)motors;
    *out_joints = mapped;
    return mapped_result;
}

static struct tenon_reducer_api reducer_api;
static const struct tenon_driver reducer_driver = {.api = &reducer_api.head};

/* One joint on one motor of +-4 rad, 8 rad/s, 3 Nm. */
static struct rig {
    struct tenon_sched sched;
    struct tenon_joint joint;
    struct tenon_motor motor;
    struct tenon_reducer reducer;
    struct tenon_slot motor_seat;
    struct tenon_slot reducer_seat;
    struct tenon_joint *list[1];
    struct tenon__drive drive;
} rig;

static int setup(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof rig);
    rig.joint.name = "elbow";
    rig.joint.sched = &rig.sched;
    rig.motor.limits = (struct tenon_motor_limits){.position_min_rad = -4.0,
                                                   .position_max_rad = 4.0,
                                                   .velocity_max_rad_s = 8.0f,
                                                   .effort_max_nm = 3.0f,
                                                   .velocity_top_rad_s = 9.0f};
    rig.motor_seat.module = &rig.motor.module;
    rig.list[0] = &rig.joint;
    rig.drive = (struct tenon__drive){.motors = &rig.motor_seat,
                                      .reducer = &rig.reducer_seat,
                                      .joints = rig.list,
                                      .motor_count = 1,
                                      .joint_count = 1};
    return 0;
}

static void seat_reducer(bool can_map)
{
    rig.reducer.module.driver = &reducer_driver;
    rig.reducer_seat.module = &rig.reducer.module;
    reducer_api.limits = can_map ? map_limits : NULL;
    mapped = (struct tenon_joint_limits){.position_min_rad = -1.0,
                                         .position_max_rad = 1.0,
                                         .velocity_rad_s = 2.0f,
                                         .effort_nm = 12.0f};
    mapped_result = TENON_OK;
}

static int resolve(const struct tenon_joint_limits *asked)
{
    (void)setup(NULL);
    assert_int_equal(tenon__limits_take(&rig.sched, &rig.joint, asked), TENON_OK);
    return tenon__limits_resolve(&rig.drive);
}

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-6 * (1.0 + fabs(expected)))) {
        fail_msg("%.17g, not %.17g", got, expected);
    }
}

static void assert_limits(double low, double high, double v, double a, double j, double effort)
{
    const struct tenon_joint_limits *const l = &rig.joint.limits;
    assert_near(l->position_min_rad, low);
    assert_near(l->position_max_rad, high);
    assert_near((double)l->velocity_rad_s, v);
    assert_near((double)l->acceleration_rad_s2, a);
    assert_near((double)l->jerk_rad_s3, j);
    assert_near((double)l->effort_nm, effort);
}

static void assert_fault(int rc, enum tenon_cause cause, const char *detail)
{
    assert_int_equal(rc, TENON_ERR_LIMIT);
    assert_int_equal(rig.joint.diag.code, TENON_ERR_LIMIT);
    assert_int_equal(rig.joint.diag.cause, cause);
    assert_string_equal(rig.joint.diag.detail, detail);
    assert_string_equal(rig.joint.diag.subject, "elbow");
}

/* --- what is asked --- */

static void limits_that_are_no_numbers_or_negative_are_refused(void **state)
{
    const float bad[] = {NAN, INFINITY, -INFINITY, -1.0f};
    for (unsigned i = 0; i < 5 * 4; i++) {
        struct tenon_joint_limits limits = {.velocity_rad_s = 0.0f};
        float *const fields[] = {&limits.velocity_rad_s, &limits.acceleration_rad_s2,
                                 &limits.jerk_rad_s3, &limits.effort_nm,
                                 &limits.following_error_rad};
        const char *const names[] = {"velocity_rad_s", "acceleration_rad_s2", "jerk_rad_s3",
                                     "effort_nm", "following_error_rad"};
        (void)setup(state);
        *fields[i % 5] = bad[i / 5];
        assert_int_equal(tenon__limits_take(&rig.sched, &rig.joint, &limits), TENON_ERR_LIMIT);
        assert_int_equal(rig.sched.refusal.cause,
                         i / 5 < 3 ? TENON_CAUSE_NOT_FINITE : TENON_CAUSE_LIMIT_MISSING);
        assert_string_equal(rig.sched.refusal.detail, names[i % 5]);
        assert_string_equal(rig.sched.refusal.subject, "elbow");
        assert_int_equal(rig.joint.own_limits, 0);
    }
}

static void position_limits_that_are_no_numbers_or_swapped_are_refused(void **state)
{
    const double bad[][2] = {{(double)NAN, 1.0},
                             {0.0, (double)NAN},
                             {-(double)INFINITY, 0.0},
                             {0.0, (double)INFINITY},
                             {1.0, -1.0}};
    for (unsigned i = 0; i < 5; i++) {
        const struct tenon_joint_limits limits = {.position_min_rad = bad[i][0],
                                                  .position_max_rad = bad[i][1]};
        (void)setup(state);
        assert_int_equal(tenon__limits_take(&rig.sched, &rig.joint, &limits), TENON_ERR_LIMIT);
        assert_int_equal(rig.sched.refusal.cause,
                         i < 4 ? TENON_CAUSE_NOT_FINITE : TENON_CAUSE_LIMIT_ORDER);
        assert_string_equal(rig.sched.refusal.detail, "position limits");
    }
}

/* --- what comes of it --- */

static void without_limits_the_motors_hold(void **state)
{
    const struct tenon_joint_limits zero = {.velocity_rad_s = 0.0f};
    (void)state;
    assert_int_equal(resolve(NULL), TENON_OK);
    assert_limits(-4.0, 4.0, 8.0, 32.0, 320.0, 3.0);
    assert_int_equal(resolve(&zero), TENON_OK);
    assert_limits(-4.0, 4.0, 8.0, 32.0, 320.0, 3.0);
}

static void limits_given_hold_each_by_itself(void **state)
{
    (void)state;
    const struct tenon_joint_limits position = {.position_min_rad = -1.0, .position_max_rad = 2.0};
    const struct tenon_joint_limits velocity = {.velocity_rad_s = 2.0f};
    const struct tenon_joint_limits acceleration = {.acceleration_rad_s2 = 7.0f};
    const struct tenon_joint_limits jerk = {.jerk_rad_s3 = 9.0f};
    const struct tenon_joint_limits effort = {.effort_nm = 1.0f};
    assert_int_equal(resolve(&position), TENON_OK);
    assert_limits(-1.0, 2.0, 8.0, 32.0, 320.0, 3.0);
    assert_int_equal(resolve(&velocity), TENON_OK);
    assert_limits(-4.0, 4.0, 2.0, 8.0, 80.0, 3.0); /* of its own velocity */
    assert_int_equal(resolve(&acceleration), TENON_OK);
    assert_limits(-4.0, 4.0, 8.0, 7.0, 320.0, 3.0);
    assert_int_equal(resolve(&jerk), TENON_OK);
    assert_limits(-4.0, 4.0, 8.0, 32.0, 9.0, 3.0);
    assert_int_equal(resolve(&effort), TENON_OK);
    assert_limits(-4.0, 4.0, 8.0, 32.0, 320.0, 1.0);
}

static void position_limits_on_one_side_of_zero_hold(void **state)
{
    (void)state;
    const double given[][2] = {{0.0, 2.0}, {-2.0, 0.0}, {0.5, 1.0}, {-1.0, -0.5}};
    for (unsigned i = 0; i < 4; i++) {
        const struct tenon_joint_limits limits = {.position_min_rad = given[i][0],
                                                  .position_max_rad = given[i][1]};
        assert_int_equal(resolve(&limits), TENON_OK);
        assert_limits(given[i][0], given[i][1], 8.0, 32.0, 320.0, 3.0);
    }
}

/* Pinned to one place is not the same as not limited. */
static void equal_position_limits_other_than_zero_hold(void **state)
{
    (void)state;
    for (int side = -1; side <= 1; side += 2) {
        const struct tenon_joint_limits limits = {.position_min_rad = side,
                                                  .position_max_rad = side};
        assert_int_equal(resolve(&limits), TENON_OK);
        assert_limits(side, side, 8.0, 32.0, 320.0, 3.0);
    }
}

static void limits_beyond_the_motors_are_refused_by_name(void **state)
{
    (void)state;
    const struct tenon_joint_limits low = {.position_min_rad = -4.1, .position_max_rad = 1.0};
    const struct tenon_joint_limits high = {.position_min_rad = -1.0, .position_max_rad = 4.1};
    const struct tenon_joint_limits fast = {.velocity_rad_s = 8.1f};
    const struct tenon_joint_limits strong = {.effort_nm = 3.1f};
    const enum tenon_cause cause = TENON_CAUSE_LIMIT_OUTSIDE_MODEL;
    assert_fault(resolve(&low), cause, "position_min_rad");
    assert_near((double)rig.joint.diag.value, -4.1);
    assert_near((double)rig.joint.diag.bound, -4.0);
    assert_fault(resolve(&high), cause, "position_max_rad");
    assert_fault(resolve(&fast), cause, "velocity_rad_s");
    assert_near((double)rig.joint.diag.value, (double)8.1f);
    assert_near((double)rig.joint.diag.bound, 8.0);
    assert_fault(resolve(&strong), cause, "effort_nm");
}

static void limits_a_count_beyond_the_motors_are_taken(void **state)
{
    (void)state;
    const struct tenon_joint_limits limits = {.position_min_rad = -4.003,
                                              .position_max_rad = 4.003,
                                              .velocity_rad_s = 8.004f,
                                              .effort_nm = 3.001f};
    assert_int_equal(resolve(&limits), TENON_OK);
}

static void resolving_again_follows_a_motor_that_was_exchanged(void **state)
{
    (void)state;
    const struct tenon_joint_limits limits = {.effort_nm = 1.0f};
    assert_int_equal(resolve(&limits), TENON_OK);
    rig.motor.limits.velocity_max_rad_s = 5.0f;
    rig.motor.limits.position_max_rad = 2.0;
    assert_int_equal(tenon__limits_resolve(&rig.drive), TENON_OK);
    assert_limits(-4.0, 2.0, 5.0, 20.0, 200.0, 1.0);
}

static void zero_and_direction_turn_the_motors_limits(void **state)
{
    (void)state;
    (void)setup(state);
    rig.motor.limits.position_min_rad = -1.0;
    rig.joint.zero_rad = 0.5;
    assert_int_equal(tenon__limits_resolve(&rig.drive), TENON_OK);
    assert_limits(-1.5, 3.5, 8.0, 32.0, 320.0, 3.0);
    rig.joint.is_reversed = true;
    assert_int_equal(tenon__limits_resolve(&rig.drive), TENON_OK);
    assert_limits(-3.5, 1.5, 8.0, 32.0, 320.0, 3.0);
}

static void reducer_says_what_the_motors_limits_mean(void **state)
{
    (void)setup(state);
    seat_reducer(true);
    assert_int_equal(tenon__limits_resolve(&rig.drive), TENON_OK);
    assert_limits(-1.0, 1.0, 2.0, 8.0, 80.0, 12.0);
}

static void where_the_reducer_cannot_tell_own_limits_are_demanded(void **state)
{
    const struct tenon_joint_limits whole = {.position_min_rad = -0.5,
                                             .position_max_rad = 0.5,
                                             .velocity_rad_s = 1.0f,
                                             .effort_nm = 2.0f};
    for (unsigned missing = 0; missing < 10; missing++) {
        struct tenon_joint_limits asked = whole;
        asked.position_min_rad = missing / 2 == 1 ? 0.0 : -0.5;
        asked.position_max_rad = missing / 2 == 1 ? 0.0 : 0.5;
        asked.velocity_rad_s = missing / 2 == 2 ? 0.0f : 1.0f;
        asked.effort_nm = missing / 2 == 3 ? 0.0f : 2.0f;
        (void)setup(state);
        seat_reducer(missing % 2 != 0);
        mapped_result = TENON_ERR_UNSUPPORTED;
        assert_int_equal(
            tenon__limits_take(&rig.sched, &rig.joint, missing / 2 == 4 ? NULL : &asked), TENON_OK);
        const int rc = tenon__limits_resolve(&rig.drive);
        if (missing / 2 == 0) {
            assert_int_equal(rc, TENON_OK);
            assert_limits(-0.5, 0.5, 1.0, 4.0, 40.0, 2.0);
        } else {
            assert_fault(rc, TENON_CAUSE_LIMIT_MISSING, "position, velocity and effort");
        }
    }
}

/* Law 1 holds against wrong reducers too: limits that bound nothing must not come into force. */
static void limits_of_a_reducer_that_bound_nothing_are_refused(void **state)
{
    const enum tenon_cause missing = TENON_CAUSE_LIMIT_MISSING;
    const float speeds[] = {NAN, INFINITY, 0.0f, -1.0f};
    for (unsigned i = 0; i < 4; i++) {
        (void)setup(state);
        seat_reducer(true);
        mapped.velocity_rad_s = speeds[i];
        assert_fault(tenon__limits_resolve(&rig.drive), missing, "velocity_rad_s");
    }
    const double positions[][2] = {{(double)NAN, 1.0}, {-1.0, (double)NAN}, {1.0, -1.0}};
    for (unsigned i = 0; i < 3; i++) {
        (void)setup(state);
        seat_reducer(true);
        mapped.position_min_rad = positions[i][0];
        mapped.position_max_rad = positions[i][1];
        assert_fault(tenon__limits_resolve(&rig.drive), TENON_CAUSE_LIMIT_ORDER, "position limits");
    }
    for (unsigned i = 0; i < 2; i++) {
        (void)setup(state);
        seat_reducer(true);
        mapped.effort_nm = i == 0 ? NAN : -1.0f;
        assert_fault(tenon__limits_resolve(&rig.drive), missing, "effort_nm");
    }
}

static void motor_that_turns_without_end_gives_a_joint_without_end(void **state)
{
    (void)setup(state);
    rig.motor.limits.position_min_rad = -(double)INFINITY;
    rig.motor.limits.position_max_rad = (double)INFINITY;
    rig.joint.is_reversed = true;
    rig.joint.zero_rad = 1.0;
    assert_int_equal(tenon__limits_resolve(&rig.drive), TENON_OK);
    assert_true(rig.joint.limits.position_max_rad > 1e300);
    assert_true(rig.joint.limits.position_min_rad < -1e300);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(limits_that_are_no_numbers_or_negative_are_refused),
        TEST(position_limits_that_are_no_numbers_or_swapped_are_refused),
        TEST(without_limits_the_motors_hold),
        TEST(limits_given_hold_each_by_itself),
        TEST(position_limits_on_one_side_of_zero_hold),
        TEST(equal_position_limits_other_than_zero_hold),
        TEST(limits_beyond_the_motors_are_refused_by_name),
        TEST(limits_a_count_beyond_the_motors_are_taken),
        TEST(resolving_again_follows_a_motor_that_was_exchanged),
        TEST(zero_and_direction_turn_the_motors_limits),
        TEST(reducer_says_what_the_motors_limits_mean),
        TEST(where_the_reducer_cannot_tell_own_limits_are_demanded),
        TEST(limits_of_a_reducer_that_bound_nothing_are_refused),
        TEST(motor_that_turns_without_end_gives_a_joint_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
