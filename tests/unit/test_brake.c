/* Motors with a holding brake: something holds at every instant. */
#include "rig.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

static struct rig rig;
static struct rig_motor *const motor = &rig.motors[0];
static struct tenon_joint *const joint = &rig.joints[0];

static void make(enum tenon_safe_action action, tenon_ns_t brake_ns)
{
    rig_make(&rig, 1);
    joint->safe_action = (uint8_t)action;
    rig_motor_fit_brake(motor, brake_ns);
}

static void start(enum tenon_safe_action action, tenon_ns_t brake_ns)
{
    make(action, brake_ns);
    rig_start_enabled(&rig);
    assert_false(motor->brake_is_closed);
}

static void set_out(void)
{
    assert_int_equal(tenon_joint_move_to(joint, 2.0), TENON_OK);
    rig_steps(&rig, 500);
}

static void assert_ended(uint8_t status)
{
    assert_int_equal(joint->status, status);
    assert_false(motor->torque_is_on);
    assert_true(motor->brake_is_closed);
    assert_true(tenon_sched_is_safe(&rig.sched));
}

static void it_opens_after_torque_is_on_and_closes_before_it_goes_off(void **state)
{
    (void)state;
    for (tenon_ns_t takes = 0; takes <= TENON_MS(80); takes += TENON_MS(8)) {
        for (unsigned action = TENON_SAFE_RAMP; action <= TENON_SAFE_BRAKE; action++) {
            make((enum tenon_safe_action)action, takes);
            rig_start(&rig);
            rig_steps(&rig, 10);
            for (unsigned round = 0; round < 3; round++) {
                assert_true(motor->brake_is_closed);
                assert_int_equal(tenon_joint_enable(joint), TENON_OK);
                const unsigned commands = motor->log_count;
                for (unsigned i = 0; i < 100 && motor->brake_is_closed; i++) {
                    assert_int_equal(motor->log_count, commands);
                    rig_step(&rig);
                }
                assert_true(rig_reach(&rig, 0, TENON_JOINT_ENABLED, 5));
                assert_true(motor->torque_is_on);
                assert_int_equal(tenon_joint_disable(joint), TENON_OK);
                rig_steps(&rig, 100);
                assert_ended(TENON_JOINT_DISABLED);
                assert_int_equal(motor->unheld_count, 0);
            }
        }
    }
}

static void a_joint_on_its_way_stands_before_it_closes(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        start(k == 0 ? TENON_SAFE_RAMP : TENON_SAFE_BRAKE, TENON_MS(30));
        set_out();
        tenon_sched_estop(&rig.sched);
        double speed = 0.0;
        for (unsigned i = 0; i < 300 && !motor->brake_is_closed; i++) {
            const double before = motor->position_rad;
            assert_true(motor->torque_is_on);
            rig_step(&rig);
            speed = (motor->position_rad - before) * 1e3;
        }
        assert_true(fabs(speed) < 1e-9);
        rig_steps(&rig, 10);
        assert_ended(TENON_JOINT_DISABLED);
        assert_int_equal(motor->unheld_count, 0);
    }
}

static void going_limp_does_not_wait_for_it(void **state)
{
    (void)state;
    start(TENON_SAFE_LIMP, TENON_MS(30));
    set_out();
    tenon_sched_estop(&rig.sched);
    rig_step(&rig);
    assert_false(motor->torque_is_on);
    assert_false(motor->brake_is_closed);
    rig_steps(&rig, 40);
    assert_ended(TENON_JOINT_DISABLED);
}

static void going_limp_ends_the_wait_for_it(void **state)
{
    (void)state;
    for (unsigned k = 2; k < 30; k++) {
        start(TENON_SAFE_LIMP, TENON_MS(50));
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        rig_steps(&rig, k);
        assert_true(motor->torque_is_on);
        tenon_sched_estop(&rig.sched);
        rig_steps(&rig, 2);
        assert_false(motor->torque_is_on);
        rig_steps(&rig, 60);
        assert_ended(TENON_JOINT_DISABLED);
    }
}

/* What cannot be ramped away: BRAKE closes first, RAMP lets go. */
static void without_samples_the_brake_closes_first_if_asked_for(void **state)
{
    (void)state;
    for (unsigned brakes = 0; brakes < 2; brakes++) {
        for (unsigned silent = 0; silent < 2; silent++) {
            start(brakes != 0 ? TENON_SAFE_BRAKE : TENON_SAFE_RAMP, TENON_MS(10));
            set_out();
            motor->fail_at[RIG_READ] = silent == 0 ? motor->calls[RIG_READ] + 1 : 0;
            motor->is_mute = silent != 0;
            assert_true(rig_reach(&rig, 0, TENON_JOINT_FAULT, 150));
            rig_steps(&rig, 30);
            assert_false(motor->torque_is_on);
            assert_true(motor->brake_is_closed);
            assert_int_equal(motor->unheld_count > 0, brakes == 0);
        }
    }
}

static void torque_waits_for_a_stuck_brake_for_a_second(void **state)
{
    (void)state;
    for (unsigned fails = 0; fails < 2; fails++) {
        start(TENON_SAFE_BRAKE, TENON_MS(10));
        motor->brake_is_stuck = true;
        motor->fail_at[RIG_BRAKE] = fails != 0 ? motor->calls[RIG_BRAKE] + 1 : 0;
        motor->fails_on[RIG_BRAKE] = true;
        tenon_sched_estop(&rig.sched);
        rig_steps(&rig, 990);
        assert_true(motor->torque_is_on);
        rig_steps(&rig, 20);
        assert_false(motor->torque_is_on);
        const struct tenon_module *const m = &motor->base.module;
        assert_int_equal(m->diag.cause, TENON_CAUSE_BRAKE);
        assert_int_equal(m->fault_count, 1);
        assert_int_equal(m->state, TENON_MODULE_FAILED); /* somebody has to look at it */
        rig_steps(&rig, 2000);
        assert_int_equal(m->fault_count, 1);
        assert_true(tenon_sched_is_safe(&rig.sched));
        motor->brake_is_stuck = false;
        motor->fail_at[RIG_BRAKE] = 0;
        tenon_sched_clear_estop(&rig.sched);
        assert_int_equal(tenon_joint_reset(joint), TENON_OK);
        assert_true(rig_reach(&rig, 0, TENON_JOINT_DISABLED, 100));
        rig_enable(&rig);
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        rig_steps(&rig, 30);
        assert_ended(TENON_JOINT_DISABLED);
    }
}

static void one_that_does_not_open_is_a_fault_and_torque_goes_off(void **state)
{
    static const struct tenon_restart_policy policy = {3, TENON_S(10), TENON_MS(10), TENON_S(1),
                                                       TENON_MS(200)};
    (void)state;
    for (unsigned fails = 0; fails < 2; fails++) {
        make(TENON_SAFE_HOLD, TENON_MS(10));
        joint->motor.restart = &policy;
        rig_start(&rig);
        rig_steps(&rig, 10);
        motor->brake_is_stuck = fails == 0;
        motor->fail_at[RIG_BRAKE] = fails != 0 ? motor->calls[RIG_BRAKE] + 1 : 0;
        assert_int_equal(tenon_joint_enable(joint), TENON_OK);
        assert_true(rig_reach(&rig, 0, TENON_JOINT_FAULT, 230));
        motor->brake_is_stuck = false;
        rig_steps(&rig, 100);
        assert_int_equal(joint->status, TENON_JOINT_FAULT);
        assert_int_equal(joint->diag.cause,
                         fails == 0 ? TENON_CAUSE_STEP_TIMEOUT : TENON_CAUSE_DEVICE_FAULT);
        assert_int_equal(motor->log_count, 0); /* it was never moved against it */
    }
}

static void an_estop_at_any_time_leaves_it_held(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 120; k++) {
        make(TENON_SAFE_BRAKE, TENON_MS(20));
        rig_start(&rig);
        rig_steps(&rig, 10);
        motor->again[RIG_ACTIVATE] = 5;
        assert_int_equal(tenon_joint_enable(joint), TENON_OK);
        assert_int_equal(tenon_joint_move_to(joint, 1.0), TENON_OK);
        rig_steps(&rig, k);
        tenon_sched_estop(&rig.sched);
        rig_steps(&rig, 200);
        assert_ended(TENON_JOINT_DISABLED);
        assert_int_equal(motor->unheld_count, 0);
    }
}

static void enable_while_it_closes_ends_enabled(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 60; k++) {
        start(TENON_SAFE_BRAKE, TENON_MS(20));
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        rig_steps(&rig, k);
        assert_int_equal(tenon_joint_enable(joint), TENON_OK);
        rig_steps(&rig, 100);
        assert_int_equal(joint->status, TENON_JOINT_ENABLED);
        assert_true(motor->torque_is_on);
        assert_false(motor->brake_is_closed);
        assert_int_equal(motor->unheld_count, 0);
    }
}

static void without_a_brake_it_is_as_ramping(void **state)
{
    static double log[RIG_LOG];
    unsigned count = 0;
    tenon_ns_t off_ns = 0;
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        rig_make(&rig, 1);
        joint->safe_action = k == 0 ? TENON_SAFE_RAMP : TENON_SAFE_BRAKE;
        rig_start_enabled(&rig);
        set_out();
        tenon_sched_estop(&rig.sched);
        rig_steps(&rig, 200);
        assert_false(motor->torque_is_on);
        if (k == 0) {
            memcpy(log, motor->log, sizeof log);
            count = motor->log_count;
            off_ns = motor->off_ns;
        }
        assert_int_equal(motor->log_count, count);
        assert_memory_equal(motor->log, log, sizeof log);
        assert_int_equal(motor->off_ns, off_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_after_torque_is_on_and_closes_before_it_goes_off),
        cmocka_unit_test(a_joint_on_its_way_stands_before_it_closes),
        cmocka_unit_test(going_limp_does_not_wait_for_it),
        cmocka_unit_test(going_limp_ends_the_wait_for_it),
        cmocka_unit_test(without_samples_the_brake_closes_first_if_asked_for),
        cmocka_unit_test(torque_waits_for_a_stuck_brake_for_a_second),
        cmocka_unit_test(one_that_does_not_open_is_a_fault_and_torque_goes_off),
        cmocka_unit_test(an_estop_at_any_time_leaves_it_held),
        cmocka_unit_test(enable_while_it_closes_ends_enabled),
        cmocka_unit_test(without_a_brake_it_is_as_ramping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
