/* Coming to rest: stop categories in every mode, and joints that are held by their controller. */
#include "fake_pd.h"
#include "rig.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

static struct rig rig;
static struct rig_motor *const motor = &rig.motors[0];
static struct tenon_joint *const joint = &rig.joints[0];
static struct fake_pd pd;

static bool is_by_effort(unsigned mode)
{
    return mode == TENON_MODE_EFFORT || mode == TENON_MODE_PWM;
}

static void start(unsigned mode, enum tenon_safe_action action, bool with_controller)
{
    rig_make(&rig, 1);
    motor->base.mode = (uint8_t)mode;
    joint->safe_action = (uint8_t)action;
    rig_add(&rig);
    if (with_controller) {
        assert_int_equal(tenon_joint_use_controller(joint, fake_pd_init(&pd)), TENON_OK);
    }
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    rig_steps(&rig, 10);
    rig_enable(&rig);
}

/* On its way at 1 rad/s or so. */
static void set_out(unsigned mode)
{
    const struct tenon_joint_command c = {
        .velocity_rad_s = 1.0f, .effort_nm = 0.05f, .mode = (uint8_t)mode};
    if (tenon_joint_move_to(joint, 2.0) != TENON_OK) {
        assert_int_equal(tenon_joint_follow(joint, &c), TENON_OK);
    }
    rig_steps(&rig, 500);
    assert_true(motor->position_rad > 0.1);
}

/* --- stop categories --- */

static void category_0_takes_torque_off_in_the_next_step_in_every_mode(void **state)
{
    (void)state;
    for (unsigned mode = TENON_MODE_POSITION; mode <= TENON_MODE_PWM; mode++) {
        start(mode, TENON_SAFE_LIMP, false);
        set_out(mode);
        tenon_sched_estop(&rig.sched);
        rig_step(&rig);
        assert_false(motor->torque_is_on);
        assert_int_equal(joint->status, TENON_JOINT_DISABLED);
    }
}

/* Speed of the command: of positions their difference. */
static double speed_of(unsigned mode, double before)
{
    return mode == TENON_MODE_VELOCITY ? (double)motor->last.velocity_rad_s
                                       : (motor->last.position_rad - before) * 1e3;
}

/* @return steps until it stands. */
static unsigned watch_braking(unsigned mode)
{
    double before = motor->last.position_rad;
    rig_step(&rig);
    double speed = speed_of(mode, before);
    unsigned steps = 1;
    for (; joint->status == TENON_JOINT_STOPPING && steps < 1000; steps++) {
        assert_true(motor->torque_is_on);
        before = motor->last.position_rad;
        rig_step(&rig);
        const double now = speed_of(mode, before);
        assert_true(fabs(now - speed) <= 20.0 * 1e-3 * 1.01 + 1e-6);
        speed = now;
    }
    assert_true(fabs(speed) <= 20.0 * 1e-3 * 1.01);
    return steps;
}

static void categories_1_and_2_brake_at_the_limit_then_let_go_or_hold(void **state)
{
    static const uint8_t modes[] = {TENON_MODE_POSITION, TENON_MODE_EXTENDED_POSITION,
                                    TENON_MODE_VELOCITY, TENON_MODE_EFFORT_POSITION};
    (void)state;
    for (size_t m = 0; m < sizeof modes; m++) {
        for (unsigned holds = 0; holds < 2; holds++) {
            start(modes[m], holds != 0 ? TENON_SAFE_HOLD : TENON_SAFE_RAMP, false);
            set_out(modes[m]);
            tenon_sched_estop(&rig.sched);
            assert_in_range(watch_braking(modes[m]), 40, 110);
            rig_steps(&rig, 3);
            const double rest = motor->position_rad;
            rig_steps(&rig, 500);
            assert_int_equal(motor->torque_is_on, holds);
            assert_int_equal(joint->status, holds ? TENON_JOINT_HOLDING : TENON_JOINT_DISABLED);
            assert_true(fabs(motor->position_rad - rest) < 1e-9);
        }
    }
}

/* --- held by a controller --- */

static void holding_is_refused_where_nothing_would_hold(void **state)
{
    (void)state;
    for (unsigned mode = TENON_MODE_POSITION; mode <= TENON_MODE_PWM; mode++) {
        for (unsigned action = TENON_SAFE_RAMP; action <= TENON_SAFE_HOLD; action++) {
            for (unsigned seated = 0; seated < 2; seated++) {
                rig_make(&rig, 2);
                rig.motors[1].base.mode = (uint8_t)mode;
                rig.joints[1].safe_action = (uint8_t)action;
                rig_add(&rig);
                if (seated != 0) {
                    assert_int_equal(tenon_joint_use_controller(&rig.joints[1], fake_pd_init(&pd)),
                                     TENON_OK);
                }
                const bool is_refused =
                    is_by_effort(mode) && action == TENON_SAFE_HOLD && seated == 0;
                assert_int_equal(tenon_sched_start(&rig.sched),
                                 is_refused ? TENON_ERR_UNSUPPORTED : TENON_OK);
                if (is_refused) {
                    const struct tenon_diag *const diag = tenon_sched_diag(&rig.sched);
                    assert_int_equal(diag->cause, TENON_CAUSE_CANNOT_HOLD);
                    assert_string_equal(diag->subject, "knee");
                }
            }
        }
    }
}

static void start_loaded(unsigned mode, enum tenon_safe_action action)
{
    start(mode, action, true);
    motor->load_nm = 0.3;
}

static void a_loaded_joint_is_braked_and_held_by_its_controller(void **state)
{
    (void)state;
    for (unsigned mode = TENON_MODE_EFFORT; mode <= TENON_MODE_PWM; mode += 2) {
        for (unsigned k = 20; k < 1500; k += 83) {
            start_loaded(mode, TENON_SAFE_HOLD);
            assert_int_equal(tenon_joint_move_to(joint, 1.5), TENON_OK);
            rig_steps(&rig, k);
            const double from = motor->position_rad;
            tenon_sched_estop(&rig.sched);
            assert_true(rig_reach(&rig, 0, TENON_JOINT_HOLDING, 110));
            rig_steps(&rig, 300);
            const double rest = motor->position_rad;
            rig_steps(&rig, 2000);
            assert_int_equal(joint->status, TENON_JOINT_HOLDING);
            assert_true(motor->torque_is_on);
            assert_true(fabs(motor->position_rad - rest) < 1e-3); /* it does not sink */
            assert_true(rest > from - 0.02 && rest < from + 0.5 * 2.0 * 2.0 / 20.0 + 0.02);
        }
    }
}

static void a_loaded_joint_that_ramps_stands_when_torque_goes(void **state)
{
    (void)state;
    start_loaded(TENON_MODE_EFFORT, TENON_SAFE_RAMP);
    assert_int_equal(tenon_joint_move_to(joint, 2.5), TENON_OK);
    rig_steps(&rig, 600);
    assert_true(motor->velocity_rad_s > 0.8);
    tenon_sched_estop(&rig.sched);
    double speed = 0.0;
    for (unsigned i = 0; i < 200 && motor->torque_is_on; i++) {
        speed = motor->velocity_rad_s;
        rig_step(&rig);
    }
    assert_false(motor->torque_is_on);
    assert_true(fabs(speed) < 0.5);
}

/* Its set point may have been anywhere. */
static void a_far_set_point_is_given_up_when_it_is_made_safe(void **state)
{
    (void)state;
    start_loaded(TENON_MODE_EFFORT, TENON_SAFE_HOLD);
    rig_steps(&rig, 300);
    const struct tenon_joint_command far = {.position_rad = 2.9, .mode = TENON_MODE_POSITION};
    assert_int_equal(tenon_joint_follow(joint, &far), TENON_OK);
    rig_steps(&rig, 60);
    const double from = motor->position_rad;
    assert_true(from < 1.0);
    assert_int_equal(tenon_sched_make_safe(&rig.sched), TENON_OK);
    assert_true(rig_reach(&rig, 0, TENON_JOINT_HOLDING, 150));
    rig_steps(&rig, 2000);
    assert_true(fabs(motor->position_rad - from) < 0.6);
}

static void a_stop_brakes_the_set_point_and_leaves_the_joint_enabled(void **state)
{
    (void)state;
    start_loaded(TENON_MODE_EFFORT, TENON_SAFE_RAMP);
    const struct tenon_joint_command there = {
        .position_rad = 0.2, .velocity_rad_s = 0.5f, .mode = TENON_MODE_POSITION};
    assert_int_equal(tenon_joint_follow(joint, &there), TENON_OK);
    rig_steps(&rig, 50);
    assert_int_equal(tenon_joint_stop(joint), TENON_OK);
    rig_step(&rig);
    assert_int_equal(joint->status, TENON_JOINT_STOPPING);
    assert_true(rig_reach(&rig, 0, TENON_JOINT_ENABLED, 100));
    rig_steps(&rig, 1000);
    assert_true(fabs(motor->position_rad - joint->setpoint.position_rad) < 0.02);
    /* A set point given while it brakes is followed. */
    assert_int_equal(tenon_joint_follow(joint, &there), TENON_OK);
    rig_steps(&rig, 2);
    assert_int_equal(tenon_joint_stop(joint), TENON_OK);
    rig_step(&rig);
    const struct tenon_joint_command back = {.position_rad = -0.3, .mode = TENON_MODE_POSITION};
    assert_int_equal(tenon_joint_follow(joint, &back), TENON_OK);
    rig_steps(&rig, 2000);
    assert_int_equal(joint->status, TENON_JOINT_ENABLED);
    assert_true(fabs(motor->position_rad + 0.3) < 0.02);
}

/* What fails holds nothing any more: whenever it does, torque goes off, in time. */
static void a_controller_that_fails_lets_go_whenever_it_does(void **state)
{
    (void)state;
    for (unsigned action = TENON_SAFE_RAMP; action <= TENON_SAFE_HOLD; action++) {
        for (unsigned k = 1; k < 700; k += 13) {
            start_loaded(TENON_MODE_EFFORT, (enum tenon_safe_action)action);
            assert_int_equal(tenon_joint_move_to(joint, 2.0), TENON_OK);
            pd.gives_nan = k % 2 == 0;
            pd.fail_at = pd.calls + k;
            for (unsigned i = 0; i < 800; i++) {
                if (i == 400) {
                    tenon_sched_estop(&rig.sched);
                }
                rig_step(&rig);
                assert_true(pd.calls <= pd.fail_at); /* it is not asked again */
            }
            const bool has_failed = pd.calls == pd.fail_at;
            assert_int_equal(motor->torque_is_on, !has_failed && action == TENON_SAFE_HOLD);
            assert_int_equal(joint->diag.code != TENON_OK, has_failed);
            assert_int_equal(motor->stray_count, 0);
        }
    }
}

static void a_controller_that_failed_is_used_again_after_the_next_enable(void **state)
{
    (void)state;
    start_loaded(TENON_MODE_EFFORT, TENON_SAFE_HOLD);
    pd.fail_at = pd.calls + 10;
    rig_steps(&rig, 50);
    assert_int_equal(joint->status, TENON_JOINT_FAULT);
    assert_int_equal(tenon_joint_reset(joint), TENON_OK);
    motor->position_rad = 0.0;
    motor->velocity_rad_s = 0.0;
    motor->load_nm = 0.0;
    assert_true(rig_reach(&rig, 0, TENON_JOINT_DISABLED, 100));
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(joint, 0.5), TENON_OK);
    (void)rig_settle(&rig);
    tenon_sched_estop(&rig.sched);
    rig_steps(&rig, 300);
    assert_int_equal(joint->status, TENON_JOINT_HOLDING);
    assert_true(fabs(motor->position_rad - 0.5) < 0.02);
}

/* Torque off may take a while. What is asked for meanwhile comes after it. */
static void enable_while_torque_goes_off_waits_for_it(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 40; k++) {
        start(TENON_MODE_POSITION, TENON_SAFE_RAMP, false);
        motor->again[RIG_MAKE_SAFE] = 20;
        motor->again[RIG_ACTIVATE] = 10;
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        rig_steps(&rig, k);
        assert_int_equal(tenon_joint_enable(joint), TENON_OK);
        rig_steps(&rig, 60);
        assert_int_equal(joint->status, TENON_JOINT_ENABLED);
        assert_true(motor->torque_is_on);
        assert_int_equal(joint->fault_count, 0);
    }
}

#define HOUR TENON_S(3600)

static void torque_goes_off_however_long_the_host_is_up(void **state)
{
    (void)state;
    for (tenon_ns_t since = 0; since < 170 * HOUR; since += 7 * HOUR) {
        for (tenon_ns_t pause = 0; pause < 170 * HOUR; pause += 13 * HOUR) {
            rig_make(&rig, 1);
            rig.now = since + 1;
            joint->safe_action = TENON_SAFE_LIMP;
            rig_start_enabled(&rig);
            rig.now += pause;
            rig_step(&rig);
            tenon_sched_estop(&rig.sched);
            rig_step(&rig);
            assert_false(motor->torque_is_on);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(category_0_takes_torque_off_in_the_next_step_in_every_mode),
        cmocka_unit_test(categories_1_and_2_brake_at_the_limit_then_let_go_or_hold),
        cmocka_unit_test(holding_is_refused_where_nothing_would_hold),
        cmocka_unit_test(a_loaded_joint_is_braked_and_held_by_its_controller),
        cmocka_unit_test(a_loaded_joint_that_ramps_stands_when_torque_goes),
        cmocka_unit_test(a_far_set_point_is_given_up_when_it_is_made_safe),
        cmocka_unit_test(a_stop_brakes_the_set_point_and_leaves_the_joint_enabled),
        cmocka_unit_test(a_controller_that_fails_lets_go_whenever_it_does),
        cmocka_unit_test(torque_goes_off_however_long_the_host_is_up),
        cmocka_unit_test(enable_while_torque_goes_off_waits_for_it),
        cmocka_unit_test(a_controller_that_failed_is_used_again_after_the_next_enable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
