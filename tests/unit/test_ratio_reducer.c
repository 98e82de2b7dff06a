#include "../tenon_test.h"

#include "tenon/drivers/ratio_reducer.h"

#include <float.h>
#include <math.h>

static const double ratios[] = {1.0, -1.0, 100.0, -100.0, 0.5, -0.037, 1e-6, -1e6};

static void init_refuses_what_is_no_ratio(void **state)
{
    (void)state;
    static const double wrong[] = {
        0.0, -0.0, (double)NAN, (double)INFINITY, -(double)INFINITY, 1e-7, -1e7, DBL_MIN, DBL_MAX,
    };
    struct tenon_ratio_reducer r;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_null(tenon_ratio_reducer_init(&r, wrong[i]));
    }
    assert_null(tenon_ratio_reducer_init(NULL, 2.0));
    assert_null(tenon_ratio_reducer_init_sized(&r, sizeof r - 1, 2.0));
    assert_ptr_equal(tenon_ratio_reducer_init(&r, 2.0), &r.base);
}

static void a_negative_ratio_turns_everything_round(void **state)
{
    (void)state;
    struct tenon_ratio_reducer r;
    struct tenon_reducer *reducer = tenon_ratio_reducer_init(&r, -10.0);
    const struct tenon_joint_command command = {
        .position_rad = 1.0, .velocity_rad_s = 2.0f, .effort_nm = 5.0f, .mode = TENON_MODE_EFFORT};
    const struct tenon_joint_state at = {0};
    struct tenon_motor_command out = {.mode = TENON_MODE_EFFORT};
    assert_int_equal(tenon_reducer_get_api(reducer)->to_motor(reducer, &command, &at, 0.01f, &out),
                     TENON_OK);
    assert_true(fabs(out.position_rad + 10.0) < 1e-12);
    assert_true(fabsf(out.velocity_rad_s + 20.0f) < 1e-5f);
    assert_true(fabsf(out.effort_nm + 0.5f) < 1e-6f);
    assert_int_equal(out.mode, TENON_MODE_EFFORT);
}

static void a_duty_keeps_its_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ratios / sizeof ratios[0]; i++) {
        struct tenon_ratio_reducer r;
        struct tenon_reducer *reducer = tenon_ratio_reducer_init(&r, ratios[i]);
        const struct tenon_joint_command c = {.effort_nm = 0.75f, .mode = TENON_MODE_PWM};
        const struct tenon_joint_state at = {0};
        struct tenon_motor_command out = {.mode = TENON_MODE_PWM};
        assert_int_equal(tenon_reducer_get_api(reducer)->to_motor(reducer, &c, &at, 0.01f, &out),
                         TENON_OK);
        assert_true(fabsf(out.effort_nm - (ratios[i] < 0.0 ? -0.75f : 0.75f)) < 1e-7f);
    }
}

static void limits_swap_with_the_sign_and_grow_with_the_ratio(void **state)
{
    (void)state;
    struct tenon_ratio_reducer r;
    struct tenon_reducer *reducer = tenon_ratio_reducer_init(&r, -4.0);
    const struct tenon_motor_limits motor = {
        .position_min_rad = -2.0,
        .position_max_rad = 8.0,
        .velocity_max_rad_s = 12.0f,
        .effort_max_nm = 1.5f,
        .velocity_top_rad_s = 20.0f,
    };
    struct tenon_joint_limits out = {0};
    assert_int_equal(tenon_reducer_get_api(reducer)->limits(reducer, &motor, &out), TENON_OK);
    assert_true(fabs(out.position_min_rad + 2.0) < 1e-12);
    assert_true(fabs(out.position_max_rad - 0.5) < 1e-12);
    assert_true(fabsf(out.velocity_rad_s - 3.0f) < 1e-6f);
    assert_true(fabsf(out.effort_nm - 6.0f) < 1e-6f);
}

static void a_thousand_turns_keep_their_microradians(void **state)
{
    (void)state;
    struct tenon_ratio_reducer r;
    struct tenon_reducer *reducer = tenon_ratio_reducer_init(&r, 101.0);
    const double position = 6283.185307179586 + 1e-6;
    const struct tenon_motor_state motor = {.position_rad = position * 101.0};
    struct tenon_joint_state out = {0};
    assert_int_equal(tenon_reducer_get_api(reducer)->to_joint(reducer, &motor, 0.01f, &out),
                     TENON_OK);
    assert_true(fabs(out.position_rad - position) < 1e-10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_what_is_no_ratio),
        cmocka_unit_test(a_negative_ratio_turns_everything_round),
        cmocka_unit_test(a_duty_keeps_its_size),
        cmocka_unit_test(limits_swap_with_the_sign_and_grow_with_the_ratio),
        cmocka_unit_test(a_thousand_turns_keep_their_microradians),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
