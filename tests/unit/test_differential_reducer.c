#include "../tenon_test.h"

#include "tenon/drivers/differential_reducer.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double motor_ratios[2] = {10.0, -12.0};
static const double joint_ratios[2] = {2.0, -0.5};

static struct tenon_reducer *make(struct tenon_differential_reducer *r)
{
    struct tenon_reducer *reducer = tenon_differential_reducer_init(r, motor_ratios, joint_ratios);
    assert_non_null(reducer);
    return reducer;
}

static void map(struct tenon_reducer *reducer,
                uint8_t mode,
                const struct tenon_joint_command joints[2],
                struct tenon_motor_command out[2])
{
    const struct tenon_joint_state at[2] = {{0}};
    struct tenon_joint_command in[2] = {joints[0], joints[1]};
    in[0].mode = mode;
    in[1].mode = mode;
    memset(out, 0, 2 * sizeof out[0]);
    assert_int_equal(tenon_reducer_get_api(reducer)->to_motor(reducer, in, at, 0.01f, out),
                     TENON_OK);
}

static void init_refuses_what_is_no_ratio(void **state)
{
    (void)state;
    static const double wrong[] = {0.0,     (double)NAN, (double)INFINITY, -(double)INFINITY,
                                   DBL_MIN, 1e7};
    struct tenon_differential_reducer r;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        for (size_t k = 0; k < 2; k++) {
            double bad[2] = {1.0, 1.0};
            bad[k] = wrong[i];
            assert_null(tenon_differential_reducer_init(&r, bad, joint_ratios));
            assert_null(tenon_differential_reducer_init(&r, motor_ratios, bad));
        }
    }
    assert_null(tenon_differential_reducer_init(NULL, motor_ratios, joint_ratios));
    assert_null(tenon_differential_reducer_init(&r, NULL, joint_ratios));
    assert_null(tenon_differential_reducer_init(&r, motor_ratios, NULL));
    assert_null(
        tenon_differential_reducer_init_sized(&r, sizeof r + 1, motor_ratios, joint_ratios));
}

static void both_motors_move_the_first_joint_and_the_difference_the_second(void **state)
{
    (void)state;
    static const double ones[2] = {1.0, 1.0};
    struct tenon_differential_reducer r;
    struct tenon_reducer *reducer = tenon_differential_reducer_init(&r, ones, ones);
    const struct tenon_joint_command joints[2] = {
        {.position_rad = 0.5, .velocity_rad_s = 1.0f, .effort_nm = 2.0f},
        {.position_rad = 0.2, .velocity_rad_s = -3.0f, .effort_nm = 1.0f},
    };
    struct tenon_motor_command out[2];
    map(reducer, TENON_MODE_EFFORT, joints, out);
    assert_true(fabs(out[0].position_rad - 0.7) < 1e-12);
    assert_true(fabs(out[1].position_rad - 0.3) < 1e-12);
    assert_true(fabsf(out[0].velocity_rad_s + 2.0f) < 1e-6f);
    assert_true(fabsf(out[1].velocity_rad_s - 4.0f) < 1e-6f);
    assert_true(fabsf(out[0].effort_nm - 1.5f) < 1e-6f);
    assert_true(fabsf(out[1].effort_nm - 0.5f) < 1e-6f);
}

static void caps_add_up_for_both_motors(void **state)
{
    (void)state;
    struct tenon_differential_reducer r;
    const struct tenon_joint_command joints[2] = {{.effort_nm = 4.0f}, {.effort_nm = 1.0f}};
    struct tenon_motor_command out[2];
    map(make(&r), TENON_MODE_EFFORT_POSITION, joints, out);
    /* (4 / 2 + 1 / 0.5) / 2 = 2 at the differential */
    assert_true(fabsf(out[0].effort_nm - 0.2f) < 1e-6f);
    assert_true(fabsf(out[1].effort_nm - 2.0f / 12.0f) < 1e-6f);
}

static void duties_are_added_by_sign_only(void **state)
{
    (void)state;
    struct tenon_differential_reducer r;
    const struct tenon_joint_command joints[2] = {{.effort_nm = 0.5f}, {.effort_nm = 0.25f}};
    struct tenon_motor_command out[2];
    map(make(&r), TENON_MODE_PWM, joints, out);
    assert_true(fabsf(out[0].effort_nm - 0.25f) < 1e-6f);
    assert_true(fabsf(out[1].effort_nm + 0.75f) < 1e-6f);
}

static void any_two_joint_values_within_the_limits_are_within_the_motors(void **state)
{
    (void)state;
    const struct tenon_motor_limits motors[2] = {
        {-3.0, 9.0, 8.0f, 1.5f, 20.0f},
        {-20.0, 6.0, 5.0f, 0.7f, 20.0f},
    };
    struct tenon_differential_reducer r;
    struct tenon_reducer *reducer = make(&r);
    struct tenon_joint_limits limits[2] = {{0}};
    double margin = (double)INFINITY;
    assert_int_equal(tenon_reducer_get_api(reducer)->limits(reducer, motors, limits), TENON_OK);
    for (unsigned corner = 0; corner < 4; corner++) {
        struct tenon_joint_command joints[2] = {{0}};
        struct tenon_motor_command out[2];
        for (unsigned i = 0; i < 2; i++) {
            const bool high = (corner >> i & 1u) != 0;
            joints[i].position_rad = high ? limits[i].position_max_rad : limits[i].position_min_rad;
            joints[i].velocity_rad_s = high ? limits[i].velocity_rad_s : -limits[i].velocity_rad_s;
            joints[i].effort_nm = high ? limits[i].effort_nm : -limits[i].effort_nm;
        }
        map(reducer, TENON_MODE_EFFORT, joints, out);
        for (unsigned i = 0; i < 2; i++) {
            const double slack = fmin(out[i].position_rad - motors[i].position_min_rad,
                                      motors[i].position_max_rad - out[i].position_rad);
            margin = fmin(margin, slack);
            assert_true(slack > -1e-9);
            assert_true(fabsf(out[i].velocity_rad_s) <= motors[i].velocity_max_rad_s * 1.0001f);
            assert_true(fabsf(out[i].effort_nm) <= motors[i].effort_max_nm * 1.0001f);
        }
    }
    assert_true(margin < 1e-6); /* and not smaller than they need be */
}

static void endless_motors_make_endless_joints(void **state)
{
    (void)state;
    const struct tenon_motor_limits motors[2] = {
        {-DBL_MAX, DBL_MAX, 8.0f, 1.5f, 20.0f},
        {-DBL_MAX, DBL_MAX, 8.0f, 1.5f, 20.0f},
    };
    struct tenon_differential_reducer r;
    struct tenon_reducer *reducer = make(&r);
    struct tenon_joint_limits limits[2] = {{0}};
    assert_int_equal(tenon_reducer_get_api(reducer)->limits(reducer, motors, limits), TENON_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(limits[i].position_max_rad > 1e300);
        assert_true(limits[i].position_min_rad < -1e300);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_what_is_no_ratio),
        cmocka_unit_test(both_motors_move_the_first_joint_and_the_difference_the_second),
        cmocka_unit_test(caps_add_up_for_both_motors),
        cmocka_unit_test(duties_are_added_by_sign_only),
        cmocka_unit_test(any_two_joint_values_within_the_limits_are_within_the_motors),
        cmocka_unit_test(endless_motors_make_endless_joints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
