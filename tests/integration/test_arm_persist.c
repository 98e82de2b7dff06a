/* An arm of simulated servos that is saved by one program and taken up by the next. */
#include "tenon_test.h"

#include "arm_rig.h"
#include "tenon/persist.h"

#include <string.h>

static struct arm arm;
static uint8_t bytes[TENON_PERSIST_SIZE(ARM_JOINTS, ARM_JOINTS)];

/* The base's servo stands beyond half a turn: 1.4 rad behind a ratio of 3. */
static void save_bent_arm(void)
{
    const double goals[ARM_JOINTS] = {1.4, 0.3, 0.3, 0.2, 0.2, 0.2};
    arm_start(&arm, NULL);
    arm_enable(&arm);
    arm_move(&arm, goals);
    assert_int_equal(tenon_group_disable(&arm.host->group), TENON_OK);
    arm_run(&arm, TENON_S(2));
    assert_int_equal(tenon_persist_save(arm.host->members, ARM_JOINTS, bytes, sizeof bytes, NULL),
                     sizeof bytes);
}

static void take_up(void)
{
    arm.is_away = false;
    arm_assemble(&arm, &arm.hosts[1]);
    assert_int_equal(
        tenon_persist_restore(arm.host->members, ARM_JOINTS, bytes, sizeof bytes, NULL), TENON_OK);
    assert_int_equal(tenon_sched_start(&arm.host->sched), TENON_OK);
    assert_true(arm_wait_ready(&arm, TENON_S(3)));
}

static int verify(struct tenon_diag *out_why)
{
    return tenon_persist_verify(arm.host->members, ARM_JOINTS, bytes, sizeof bytes, out_why);
}

static void an_arm_that_kept_its_power_is_trusted_by_the_next_program(void **state)
{
    struct tenon_diag why;
    (void)state;
    save_bent_arm();
    arm.is_away = true;
    arm_run(&arm, TENON_S(1));
    take_up();
    assert_int_equal(verify(&why), TENON_OK);
    assert_int_equal(arm.host->motors[0].base.model, 1020); /* XM430-W350 */
}

static void a_servo_that_lost_its_turns_while_nobody_looked_is_found(void **state)
{
    struct tenon_diag why;
    char text[200];
    (void)state;
    save_bent_arm();
    arm.is_away = true;
    tenon_sim_servo_set_powered(&arm.servos[0], false);
    arm_run(&arm, TENON_S(1));
    tenon_sim_servo_set_powered(&arm.servos[0], true);
    arm_run(&arm, TENON_S(1));
    arm.may_jump = true;
    take_up();
    assert_int_equal(arm.host->motors[0].base.is_unhomed, 0); /* this program cannot know */
    assert_int_equal(verify(&why), TENON_ERR_DEVICE);
    arm_check_diag(&why, TENON_CAUSE_TURNS_LOST, "base");
    assert_true(why.value < -0.99f && why.value > -1.01f);
    assert_int_equal(tenon_joint_enable(&arm.host->joints[0]), TENON_ERR_STATE);
    arm_check_diag(tenon_sched_diag(&arm.host->sched), TENON_CAUSE_UNHOMED, "base");
    assert_int_equal(tenon_joint_enable(&arm.host->joints[1]), TENON_OK); /* others may go on */
    assert_string_equal(
        tenon_diag_text(&why, text, sizeof text),
        "base: its position cannot be trusted (it stands -1 turns from where it was "
        "saved); home it");
}

static void a_servo_that_loses_power_while_it_is_watched_is_no_longer_trusted(void **state)
{
    struct tenon_diag why;
    (void)state;
    save_bent_arm();
    take_up();
    assert_int_equal(verify(&why), TENON_OK);
    arm.may_jump = true;
    tenon_sim_servo_set_powered(&arm.servos[5], false);
    arm_run(&arm, TENON_MS(500));
    assert_int_equal(verify(&why), TENON_ERR_STATE); /* it does not answer */
    arm_check_diag(&why, TENON_CAUSE_NOT_READY, "hand");
    tenon_sim_servo_set_powered(&arm.servos[5], true);
    assert_true(arm_wait_ready(&arm, TENON_S(5)));
    assert_int_equal(verify(&why), TENON_ERR_DEVICE); /* though it stands where it stood */
    arm_check_diag(&why, TENON_CAUSE_TURNS_LOST, "hand");
    assert_int_equal(tenon_joint_accept_calibration(&arm.host->joints[5]), TENON_OK);
    arm_run(&arm, TENON_MS(100));
    assert_int_equal(verify(&why), TENON_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arm_that_kept_its_power_is_trusted_by_the_next_program),
        cmocka_unit_test(a_servo_that_lost_its_turns_while_nobody_looked_is_found),
        cmocka_unit_test(a_servo_that_loses_power_while_it_is_watched_is_no_longer_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
