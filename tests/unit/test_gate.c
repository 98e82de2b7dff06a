/* The motor gate: what leaves it is finite and within what the motor can do. */
#include "tenon_test.h"

#include "core_internal.h"

#include <float.h>
#include <math.h>

#define DT    0.004f
#define TOP   12.0f
#define REACH ((double)(TOP * DT))

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("%.17g, not %.17g", got, expected);
    }
}

static struct tenon_motor motor_at(double position)
{
    struct tenon_motor motor = {
        .mode = TENON_MODE_POSITION,
        .limits = {.position_min_rad = -3.0,
                   .position_max_rad = 3.0,
                   .velocity_max_rad_s = 10.0f,
                   .effort_max_nm = 2.0f,
                   .velocity_top_rad_s = TOP},
        .has_command = true,
    };
    motor.command.position_rad = position;
    motor.state.position_rad = position;
    return motor;
}

static double pass(struct tenon_motor *motor, double position, bool *out_changed)
{
    struct tenon_motor_command command = {.position_rad = position, .mode = TENON_MODE_POSITION};
    *out_changed = tenon__gate_apply(motor, &command, DT) != TENON__GATE_PASSED;
    return command.position_rad;
}

static void command_within_the_motors_limits_passes_unchanged(void **state)
{
    (void)state;
    const uint8_t modes[] = {TENON_MODE_POSITION, TENON_MODE_EXTENDED_POSITION, TENON_MODE_VELOCITY,
                             TENON_MODE_EFFORT, TENON_MODE_EFFORT_POSITION};
    for (size_t i = 0; i < sizeof modes; i++) {
        struct tenon_motor motor = motor_at(1.0);
        struct tenon_motor_command command = {.position_rad = 1.0 + 0.9 * REACH,
                                              .velocity_rad_s = -10.0f,
                                              .effort_nm = 2.0f,
                                              .mode = modes[i]};
        const struct tenon_motor_command before = command;
        assert_false(tenon__gate_apply(&motor, &command, DT));
        assert_memory_equal(&command, &before, sizeof command);
        assert_int_equal(motor.gate_count, 0);
    }
}

static void position_that_is_no_number_becomes_the_last_command(void **state)
{
    (void)state;
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (unsigned i = 0; i < 3; i++) {
        struct tenon_motor motor = motor_at(1.25);
        bool changed;
        motor.state.position_rad = -2.0;
        const double p = pass(&motor, bad[i], &changed);
        assert_true(p >= 1.25 && p <= 1.25);
        assert_true(changed);
        assert_int_equal(motor.gate_count, 1);
    }
}

static void jump_is_cut_to_what_the_motor_can_do_in_one_period(void **state)
{
    (void)state;
    const double far[] = {2.0, 1e9, DBL_MAX};
    for (unsigned i = 0; i < 3; i++) {
        struct tenon_motor motor = motor_at(0.5);
        bool changed;
        assert_near(pass(&motor, far[i], &changed), 0.5 + REACH, 1e-12);
        assert_true(changed);
        assert_near(pass(&motor, -far[i], &changed), 0.5 - REACH, 1e-12);
        assert_true(changed);
        assert_int_equal(motor.gate_count, 2);
    }
}

static void without_a_command_it_starts_from_where_the_motor_is(void **state)
{
    (void)state;
    struct tenon_motor motor = motor_at(0.0);
    bool changed;
    motor.has_command = false;
    motor.command.position_rad = 2.9; /* of a life before */
    motor.state.position_rad = -1.0;
    assert_near(pass(&motor, 1.0, &changed), -1.0 + REACH, 1e-12);
    assert_near(pass(&motor, (double)NAN, &changed), -1.0, 1e-12);
}

static void position_limits_of_the_motor_hold(void **state)
{
    (void)state;
    struct tenon_motor motor = motor_at(2.99);
    bool changed;
    assert_near(pass(&motor, 3.02, &changed), 3.0, 1e-12);
    assert_true(changed);
    motor = motor_at(-2.99);
    assert_near(pass(&motor, -3.02, &changed), -3.0, 1e-12);
    assert_true(changed);
}

/* It stands outside: it may stay or come in at its own pace, never go further out, and is not
 * thrown in. */
static void motor_outside_its_limits_only_moves_inward(void **state)
{
    (void)state;
    for (int side = -1; side <= 1; side += 2) {
        struct tenon_motor motor = motor_at(side * 3.5);
        bool changed;
        assert_near(pass(&motor, side * 3.5, &changed), side * 3.5, 1e-12);
        assert_false(changed);
        assert_near(pass(&motor, side * 3.6, &changed), side * 3.5, 1e-12);
        assert_true(changed);
        assert_near(pass(&motor, side * 3.49, &changed), side * 3.49, 1e-12);
        assert_false(changed);
        assert_near(pass(&motor, 0.0, &changed), side * (3.5 - REACH), 1e-12);
    }
}

static void motor_without_position_limits_is_held_by_speed_alone(void **state)
{
    (void)state;
    struct tenon_motor motor = motor_at(1e5);
    bool changed;
    motor.limits.position_min_rad = -(double)INFINITY;
    motor.limits.position_max_rad = (double)INFINITY;
    assert_near(pass(&motor, 1e5 + 0.5 * REACH, &changed), 1e5 + 0.5 * REACH, 1e-9);
    assert_false(changed);
    assert_near(pass(&motor, 1e300, &changed), 1e5 + REACH, 1e-9);
}

static void velocity_and_effort_are_cut_at_both_ends(void **state)
{
    (void)state;
    const float huge[] = {10.01f, 1e30f, FLT_MAX};
    for (unsigned i = 0; i < 3; i++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            struct tenon_motor motor = motor_at(0.0);
            struct tenon_motor_command command = {.velocity_rad_s = (float)sign * huge[i],
                                                  .mode = TENON_MODE_VELOCITY};
            assert_true(tenon__gate_apply(&motor, &command, DT));
            assert_near((double)command.velocity_rad_s, sign * 10.0, 1e-6);
            command = (struct tenon_motor_command){.effort_nm = (float)sign * huge[i],
                                                   .mode = TENON_MODE_EFFORT};
            assert_true(tenon__gate_apply(&motor, &command, DT));
            assert_near((double)command.effort_nm, sign * 2.0, 1e-6);
            assert_int_equal(motor.gate_count, 2);
        }
    }
}

static void duty_is_cut_at_one_whatever_the_effort_limit_is(void **state)
{
    (void)state;
    struct tenon_motor motor = motor_at(0.0);
    struct tenon_motor_command command = {.effort_nm = 1.5f, .mode = TENON_MODE_PWM};
    assert_true(tenon__gate_apply(&motor, &command, DT));
    assert_near((double)command.effort_nm, 1.0, 1e-6);
    motor.limits.effort_max_nm = 0.1f;
    command.effort_nm = -0.9f;
    assert_false(tenon__gate_apply(&motor, &command, DT));
    assert_near((double)command.effort_nm, -0.9, 1e-6);
}

static void nothing_that_is_no_number_leaves_in_any_mode(void **state)
{
    (void)state;
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 0.0};
    for (uint8_t mode = TENON_MODE_POSITION; mode <= TENON_MODE_PWM; mode++) {
        for (unsigned i = 0; i < 64; i++) {
            struct tenon_motor motor = motor_at(0.0);
            struct tenon_motor_command command = {.position_rad = bad[i % 4],
                                                  .velocity_rad_s = (float)bad[i / 4 % 4],
                                                  .effort_nm = (float)bad[i / 16],
                                                  .mode = mode};
            const bool counts = i / 4 != 15 || (i % 4 != 3 && tenon__mode_is_position(mode));
            assert_int_equal(tenon__gate_apply(&motor, &command, DT) != TENON__GATE_PASSED, counts);
            assert_true(isfinite(command.position_rad));
            assert_true(isfinite(command.velocity_rad_s) && isfinite(command.effort_nm));
            assert_int_equal(command.mode, mode);
        }
    }
}

/* What is known to be free is a float: what its digits lose must not be lost to the limit. The
 * first step uses up nearly all that is free, the second one just what seems to be left. */
static void no_digit_of_the_way_left_is_a_digit_beyond_the_limit(void **state)
{
    (void)state;
    unsigned passed = 0;
    for (unsigned i = 1; i < 4000; i++) {
        const double from = 3.0 - REACH * (1.0 - i * 2.3e-7);
        struct tenon_motor motor = motor_at(from);
        struct tenon_motor_command command = {.position_rad = 3.0 - 1e-4 - i * 1e-8};
        command.mode = TENON_MODE_POSITION;
        assert_false(tenon__gate_apply(&motor, &command, DT));
        motor.command = command;
        command.position_rad += (double)motor.clear_rad;
        passed += tenon__gate_apply(&motor, &command, DT) ? 0u : 1u;
        if (!(command.position_rad <= 3.0)) {
            fail_msg("%.17g", command.position_rad);
        }
    }
    assert_true(passed > 1000);
}

/* What was known to be free counts from the command before: one that was cut has used it up, too.
 */
static void a_way_that_was_cut_is_not_free_any_more(void **state)
{
    (void)state;
    struct tenon_motor motor = motor_at(0.0);
    double p = 0.0;
    bool changed;
    for (unsigned i = 0; i < 200; i++) {
        p = pass(&motor, i % 8 == 0 ? p + 0.9 * REACH : 1e9, &changed);
        motor.command.position_rad = p;
        assert_true(p <= 3.0);
    }
    assert_near(p, 3.0, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_within_the_motors_limits_passes_unchanged),
        cmocka_unit_test(position_that_is_no_number_becomes_the_last_command),
        cmocka_unit_test(jump_is_cut_to_what_the_motor_can_do_in_one_period),
        cmocka_unit_test(without_a_command_it_starts_from_where_the_motor_is),
        cmocka_unit_test(position_limits_of_the_motor_hold),
        cmocka_unit_test(motor_outside_its_limits_only_moves_inward),
        cmocka_unit_test(motor_without_position_limits_is_held_by_speed_alone),
        cmocka_unit_test(velocity_and_effort_are_cut_at_both_ends),
        cmocka_unit_test(duty_is_cut_at_one_whatever_the_effort_limit_is),
        cmocka_unit_test(nothing_that_is_no_number_leaves_in_any_mode),
        cmocka_unit_test(a_way_that_was_cut_is_not_free_any_more),
        cmocka_unit_test(no_digit_of_the_way_left_is_a_digit_beyond_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
