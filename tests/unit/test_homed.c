/* A joint whose position is not to be trusted gets no torque until somebody has looked. */
#include "rig.h"

#include "tenon_test.h"

#include <string.h>

static struct rig rig;
static struct tenon_joint *const joint = &rig.joints[1];
static struct rig_motor *const motor = &rig.motors[1];

static void start_unhomed(void)
{
    rig_make(&rig, 2);
    rig_start(&rig);
    rig_steps(&rig, 10);
    assert_true(tenon_joint_is_homed(joint));
    motor->base.is_unhomed = 1;
    assert_false(tenon_joint_is_homed(joint));
    assert_true(tenon_joint_is_homed(&rig.joints[0]));
}

static void assert_refused(int rc)
{
    assert_int_equal(rc, TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_UNHOMED);
    assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "knee");
}

static void it_is_ready_and_cannot_be_enabled(void **state)
{
    (void)state;
    start_unhomed();
    assert_true(tenon_sched_is_ready(&rig.sched));
    assert_refused(tenon_joint_enable(joint));
    assert_refused(tenon_group_enable(&rig.group));
    rig_steps(&rig, 20);
    assert_false(motor->torque_is_on);
    assert_false(rig.motors[0].torque_is_on); /* all of a group or none */
}

static void what_waits_in_the_queue_is_not_carried_out_either(void **state)
{
    (void)state;
    start_unhomed();
    motor->base.is_unhomed = 0;
    assert_int_equal(tenon_joint_enable(joint), TENON_OK);
    motor->base.is_unhomed = 1; /* as a restart finds, between call and step */
    rig_steps(&rig, 20);
    assert_int_equal(joint->status, TENON_JOINT_DISABLED);
    assert_int_equal(motor->on_count, 0);
}

static void accepting_its_calibration_makes_it_usable(void **state)
{
    (void)state;
    start_unhomed();
    assert_int_equal(tenon_joint_accept_calibration(joint), TENON_OK);
    assert_int_equal(tenon_joint_enable(joint), TENON_OK); /* in one breath */
    assert_true(rig_reach(&rig, 1, TENON_JOINT_ENABLED, 20));
    assert_true(tenon_joint_is_homed(joint));
}

static void a_reset_does_not_make_it_trustworthy(void **state)
{
    (void)state;
    start_unhomed();
    motor->fail_at[RIG_READ] = motor->calls[RIG_READ] + 1;
    rig_steps(&rig, 200);
    assert_int_equal(tenon_joint_reset(joint), TENON_OK);
    rig_steps(&rig, 200);
    assert_int_equal(joint->status, TENON_JOINT_DISABLED);
    assert_refused(tenon_joint_enable(joint));
}

static void nothing_is_homed_that_is_not_there(void **state)
{
    (void)state;
    static struct tenon_joint loose;
    assert_false(tenon_joint_is_homed(NULL));
    assert_false(tenon_joint_is_homed(&loose));
    assert_int_equal(tenon_joint_accept_calibration(NULL), TENON_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_ready_and_cannot_be_enabled),
        cmocka_unit_test(what_waits_in_the_queue_is_not_carried_out_either),
        cmocka_unit_test(accepting_its_calibration_makes_it_usable),
        cmocka_unit_test(a_reset_does_not_make_it_trustworthy),
        cmocka_unit_test(nothing_is_homed_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
