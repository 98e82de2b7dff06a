/* The step hangs: what a watchdog can still send, and what it does to servos. */
#include "../tenon_test.h"

#include "arm_rig.h"

#include <math.h>
#include <stdlib.h>

static struct arm arm;
static struct arm_host host;

static enum tenon_stop_category category_with(uint8_t first, uint8_t second)
{
    const struct arm_config config = {.joint_count = 2, .safe_action = {first, second}};
    arm_make(&arm, &config);
    arm_boot(&arm, &host);
    return tenon_wire_stop_category(&host.wire);
}

static void the_lowest_category_of_a_wires_joints_is_the_wires(void **state)
{
    (void)state;
    assert_int_equal(category_with(TENON_SAFE_HOLD, TENON_SAFE_HOLD), TENON_STOP_BRAKE_THEN_HOLD);
    assert_int_equal(category_with(TENON_SAFE_HOLD, TENON_SAFE_RAMP), TENON_STOP_BRAKE_THEN_OFF);
    assert_int_equal(category_with(TENON_SAFE_RAMP, TENON_SAFE_RAMP), TENON_STOP_BRAKE_THEN_OFF);
    assert_int_equal(category_with(TENON_SAFE_BRAKE, TENON_SAFE_HOLD), TENON_STOP_BRAKE_THEN_OFF);
    assert_int_equal(category_with(TENON_SAFE_LIMP, TENON_SAFE_RAMP), TENON_STOP_TORQUE_OFF);
    assert_int_equal(category_with(TENON_SAFE_HOLD, TENON_SAFE_LIMP), TENON_STOP_TORQUE_OFF);
}

static void joints_of_other_wires_do_not_count(void **state)
{
    (void)state;
    (void)category_with(TENON_SAFE_HOLD, TENON_SAFE_HOLD);
    const struct tenon_wire other = {.sched = &host.sched};
    assert_int_equal(tenon_wire_stop_category(&other), TENON_STOP_TORQUE_OFF);
}

static void joints_of_a_drivetrain_hang_where_its_motors_do(void **state)
{
    (void)state;
    struct tenon_sched sched = {0};
    struct tenon_wire wires[2] = {{.sched = &sched}, {.sched = &sched}};
    struct tenon_motor motor = {.wire = &wires[1]};
    struct tenon_drivetrain drivetrain = {.motors = {{.module = NULL}, {.module = &motor.module}},
                                          .motor_count = 2};
    struct tenon_joint joint = {.drivetrain = &drivetrain, .safe_action = TENON_SAFE_HOLD};
    sched.joints = &joint;
    assert_int_equal(tenon_wire_stop_category(&wires[1]), TENON_STOP_BRAKE_THEN_HOLD);
    assert_int_equal(tenon_wire_stop_category(&wires[0]), TENON_STOP_TORQUE_OFF);
}

static void braking_takes_as_long_as_the_slowest_joint_that_brakes(void **state)
{
    (void)state;
    (void)category_with(TENON_SAFE_HOLD, TENON_SAFE_LIMP);
    assert_int_equal(tenon_sched_braking_ns(&host.sched), 0);
    (void)category_with(TENON_SAFE_BRAKE, TENON_SAFE_LIMP);
    assert_true(tenon_sched_braking_ns(&host.sched) > 0);
    (void)category_with(TENON_SAFE_RAMP, TENON_SAFE_RAMP);
    host.joints[1].limits.velocity_rad_s = 1.0f;
    host.joints[1].limits.acceleration_rad_s2 = 0.5f;
    assert_true(llabs(tenon_sched_braking_ns(&host.sched) - TENON_S(2)) < 1000);
    host.joints[1].safe_action = TENON_SAFE_HOLD;
    assert_true(tenon_sched_braking_ns(&host.sched) < TENON_S(1));
    host.joints[0].limits.velocity_rad_s = 1e30f;
    assert_true(tenon_sched_braking_ns(&host.sched) > TENON_S(1));
}

/* Moving in the middle of a group move; then nobody steps. */
static void hang_in_motion(uint8_t safe_action)
{
    static const double goals[ARM_JOINTS] = {0.4, -0.4, -0.4, 0.4, -0.4, 0.4};
    struct arm_config config = {0};
    for (unsigned i = 0; i < ARM_JOINTS; i++) {
        config.safe_action[i] = safe_action;
    }
    arm_start(&arm, &config);
    arm_enable(&arm);
    arm_go(&arm, goals);
    arm_run(&arm, TENON_MS(600));
    assert_int_equal(arm.host->group.status, TENON_GROUP_MOVING);
    arm.is_away = true;
}

static int send(enum tenon_stop_category category)
{
    return tenon_wire_send_safe_frame(&arm.host->wire, category, arm.now);
}

static void one_frame_of_category_0_takes_torque_off_all(void **state)
{
    (void)state;
    hang_in_motion(TENON_SAFE_LIMP);
    arm_run(&arm, TENON_MS(50));
    assert_true(arm_has_torque(&arm, 0));
    assert_int_equal(send(TENON_STOP_TORQUE_OFF), TENON_OK);
    arm_run(&arm, TENON_MS(1));
    for (unsigned i = 0; i < ARM_JOINTS; i++) {
        assert_false(arm_has_torque(&arm, i));
    }
}

/* Loaded joints too: what is to be held is not dropped. */
static void one_frame_of_category_2_stops_all_and_none_lets_go(void **state)
{
    (void)state;
    hang_in_motion(TENON_SAFE_HOLD);
    assert_int_equal(send(tenon_wire_stop_category(&arm.host->wire)), TENON_OK);
    arm_run(&arm, TENON_MS(60)); /* their own watchdogs would take 200 ms */
    double before[ARM_JOINTS];
    for (unsigned i = 0; i < ARM_JOINTS; i++) {
        assert_true(arm_has_torque(&arm, i));
        assert_int_equal(arm_peek(&arm, i, ARM_WATCHDOG, 1) & 0xFF, 0xFF);
        before[i] = arm_angle(&arm, i);
    }
    arm_run(&arm, TENON_S(2));
    for (unsigned i = 0; i < ARM_JOINTS; i++) {
        assert_true(arm_has_torque(&arm, i));
        assert_true(fabs(arm_angle(&arm, i) - before[i]) < 0.02);
    }
}

static void torque_goes_off_one_that_has_been_braked(void **state)
{
    (void)state;
    hang_in_motion(TENON_SAFE_RAMP);
    assert_int_equal(send(TENON_STOP_BRAKE_THEN_OFF), TENON_OK);
    arm_run(&arm, TENON_MS(40));
    assert_true(arm_has_torque(&arm, 0));
    assert_int_equal(send(TENON_STOP_TORQUE_OFF), TENON_OK);
    arm_run(&arm, TENON_MS(1));
    for (unsigned i = 0; i < ARM_JOINTS; i++) {
        assert_false(arm_has_torque(&arm, i));
    }
}

static void a_line_that_is_gone_is_told(void **state)
{
    (void)state;
    hang_in_motion(TENON_SAFE_LIMP);
    tenon_memory_line_set_unplugged(&arm.line.inner, true);
    assert_int_equal(send(TENON_STOP_TORQUE_OFF), TENON_ERR_IO);
    tenon_memory_line_set_unplugged(&arm.line.inner, false);
    assert_int_equal(send(TENON_STOP_TORQUE_OFF), TENON_OK);
}

static void a_line_that_has_no_such_way_is_told(void **state)
{
    (void)state;
    hang_in_motion(TENON_SAFE_LIMP);
    struct tenon_line *const line = &arm.line.base;
    struct tenon_line_api api = *tenon_line_get_api(line);
    struct tenon_driver driver = *line->module.driver;
    api.write_emergency = NULL;
    driver.api = &api.head;
    line->module.driver = &driver;
    assert_int_equal(send(TENON_STOP_TORQUE_OFF), TENON_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_category_of_a_wires_joints_is_the_wires),
        cmocka_unit_test(joints_of_other_wires_do_not_count),
        cmocka_unit_test(joints_of_a_drivetrain_hang_where_its_motors_do),
        cmocka_unit_test(braking_takes_as_long_as_the_slowest_joint_that_brakes),
        cmocka_unit_test(one_frame_of_category_0_takes_torque_off_all),
        cmocka_unit_test(one_frame_of_category_2_stops_all_and_none_lets_go),
        cmocka_unit_test(torque_goes_off_one_that_has_been_braked),
        cmocka_unit_test(a_line_that_is_gone_is_told),
        cmocka_unit_test(a_line_that_has_no_such_way_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
