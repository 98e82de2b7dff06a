/* Taking over servos that move: nothing steps, nothing lets go. */
#include "../tenon_test.h"

#include "arm_rig.h"

#include <math.h>

#define PROFILE_VELOCITY 112

static struct arm arm;

static const double home[ARM_JOINTS] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
static const double away[ARM_JOINTS] = {0.8, -0.5, 0.5, 0.9, -0.8, 1.2};

static struct tenon_joint *joint(unsigned i)
{
    return &arm.host->joints[i];
}

static void assert_never_let_go(void)
{
    for (unsigned i = 0; i < arm.count; i++) {
        assert_int_equal(arm.watch[i].on_count, 1); /* of the first host */
        assert_int_equal(arm.watch[i].off_count, 0);
    }
}

/* The rig looks at the goals: none is faster than its joint may be. Here, the horns themselves. */
static void run_steadily(tenon_ns_t duration, double top_rad_s)
{
    for (tenon_ns_t t = 0; t < duration; t += TENON_MS(1)) {
        double before[ARM_JOINTS];
        for (unsigned i = 0; i < arm.count; i++) {
            before[i] = arm_angle(&arm, i);
        }
        arm_run(&arm, TENON_MS(1));
        for (unsigned i = 0; i < arm.count; i++) {
            assert_true(fabs(arm_angle(&arm, i) - before[i]) <= top_rad_s * 1e-3);
        }
    }
}

static void take_over(double top_rad_s)
{
    arm_boot(&arm, &arm.hosts[1]);
    for (unsigned i = 0; i < 3000 && !tenon_sched_is_ready(&arm.host->sched); i++) {
        run_steadily(TENON_MS(1), top_rad_s);
    }
    assert_true(tenon_sched_is_ready(&arm.host->sched));
    for (unsigned i = 0; i < arm.count; i++) {
        assert_int_equal(joint(i)->status, TENON_JOINT_HOLDING);
    }
    assert_int_equal(tenon_group_enable(&arm.host->group), TENON_OK);
    run_steadily(TENON_MS(500), top_rad_s);
    for (unsigned i = 0; i < arm.count; i++) {
        assert_int_equal(joint(i)->status, TENON_JOINT_ENABLED);
    }
}

static void a_host_restarted_in_the_middle_of_a_move_makes_no_step(void **state)
{
    (void)state;
    for (tenon_ns_t at = TENON_MS(40); at < TENON_MS(1500); at += TENON_MS(127)) {
        for (tenon_ns_t gap = TENON_MS(1); gap <= TENON_MS(150); gap += TENON_MS(70)) {
            arm_start(&arm, NULL);
            arm_enable(&arm);
            arm_move(&arm, home);
            arm_go(&arm, away);
            arm_run(&arm, at);
            arm.is_away = true;
            arm_run(&arm, gap);
            arm.is_away = false;
            take_over(3.0);
            assert_never_let_go();
        }
    }
    arm_move(&arm, away);
}

/* Somebody else's program had sent the servo far away, slowly, by the servo's own profile. */
static void a_servo_on_its_own_way_is_not_hurried(void **state)
{
    (void)state;
    const struct arm_config single = {.joint_count = 1, .own_limits = true};
    for (tenon_ns_t at = TENON_MS(50); at < TENON_MS(800); at += TENON_MS(150)) {
        arm_start(&arm, &single); /* configured once; its watchdog is off */
        arm.is_away = true;
        arm.may_jump = true;
        arm.watch[0].may_enable = true;
        assert_int_equal(tenon_sim_servo_poke(&arm.servos[0], ARM_WATCHDOG, 1, 0), TENON_OK);
        assert_int_equal(tenon_sim_servo_poke(&arm.servos[0], ARM_TORQUE_ENABLE, 1, 1), TENON_OK);
        assert_int_equal(tenon_sim_servo_poke(&arm.servos[0], PROFILE_VELOCITY, 4, 20), TENON_OK);
        const int32_t here = arm_peek(&arm, 0, ARM_PRESENT_POSITION, 4);
        assert_int_equal(tenon_sim_servo_poke(&arm.servos[0], ARM_GOAL_POSITION, 4, here + 2048),
                         TENON_OK);
        run_steadily(at, 0.8);
        arm.is_away = false;
        const double from = arm_angle(&arm, 0);
        take_over(0.8);
        assert_true(arm_angle(&arm, 0) - from > 0.0 && arm_angle(&arm, 0) - from < 0.2);
        assert_int_equal(tenon_joint_move_to(joint(0), from), TENON_OK);
        run_steadily(TENON_S(1), 0.6);
        assert_true(fabs(arm_angle(&arm, 0) - from) < 0.02);
        assert_int_equal(arm.watch[0].off_count, 0);
    }
}

static void a_spinning_servo_slows_down_at_the_limit(void **state)
{
    (void)state;
    const struct arm_config spinning = {.joint_count = 1, .mode = {TENON_MODE_VELOCITY}};
    arm_start(&arm, &spinning);
    arm_enable(&arm);
    const struct tenon_joint_command spin = {.velocity_rad_s = 0.5f, .mode = TENON_MODE_VELOCITY};
    assert_int_equal(tenon_joint_follow(joint(0), &spin), TENON_OK);
    arm_run(&arm, TENON_MS(800));
    arm.is_away = true;
    arm_run(&arm, TENON_MS(20));
    arm.is_away = false;
    arm_boot(&arm, &arm.hosts[1]);
    assert_true(arm_wait_ready(&arm, TENON_S(1)));
    int32_t before = arm_peek(&arm, 0, ARM_GOAL_VELOCITY, 4);
    assert_true(before > 5 || before < -5);
    assert_int_equal(tenon_joint_enable(joint(0)), TENON_OK);
    const double unit = 0.0239808 / fabs(arm_ratios[0]);
    const double step = (double)joint(0)->limits.acceleration_rad_s2 * 0.004;
    for (unsigned i = 0; i < 300; i++) {
        arm_run(&arm, ARM_PERIOD);
        const int32_t now = arm_peek(&arm, 0, ARM_GOAL_VELOCITY, 4);
        assert_true(fabs((double)(now - before) * unit) <= step * 1.01 + unit);
        before = now;
    }
    assert_int_equal(before, 0);
    assert_int_equal(joint(0)->status, TENON_JOINT_ENABLED);
    assert_int_equal(arm.watch[0].off_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_restarted_in_the_middle_of_a_move_makes_no_step),
        cmocka_unit_test(a_servo_on_its_own_way_is_not_hurried),
        cmocka_unit_test(a_spinning_servo_slows_down_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
