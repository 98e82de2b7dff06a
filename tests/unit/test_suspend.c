/* Joints leave the plan and come back while the others run. */
#include "rig.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

#define MOVE_CYCLES 400

static struct rig rig;

static unsigned calls_of(const struct rig_motor *motor)
{
    unsigned sum = 0;
    for (unsigned m = 0; m < RIG_METHODS; m++) {
        sum += motor->calls[m];
    }
    return sum;
}

static void suspend(unsigned i)
{
    assert_int_equal(tenon_joint_suspend(&rig.joints[i]), TENON_OK);
    assert_true(tenon_sched_is_replanning(&rig.sched));
    rig_step(&rig);
    assert_false(tenon_sched_is_replanning(&rig.sched));
    assert_int_equal(rig.joints[i].status, TENON_JOINT_SUSPENDED);
    assert_int_equal(rig.joints[i].state.valid, 0); /* what it shows is of the time before */
}

static void start_disabled(unsigned joints)
{
    rig_make(&rig, joints);
    rig_start(&rig);
    for (unsigned i = 0; i < joints; i++) {
        assert_true(rig_reach(&rig, i, TENON_JOINT_DISABLED, 20));
    }
}

static void a_suspended_joint_is_not_called_and_the_others_are(void **state)
{
    (void)state;
    for (unsigned who = 0; who < 3; who++) {
        start_disabled(3);
        suspend(who);
        const unsigned before = calls_of(&rig.motors[who]);
        const unsigned reads = rig.motors[(who + 1) % 3].calls[RIG_READ];
        const uint64_t ticks = rig.joints[who].timing.sum_ticks;
        rig_steps(&rig, 50);
        assert_int_equal(calls_of(&rig.motors[who]), before);
        assert_true(rig.joints[who].timing.sum_ticks == ticks);
        assert_int_equal(rig.motors[(who + 1) % 3].calls[RIG_READ], reads + 50);
        assert_int_equal(rig.sched.counters.plan_count, 1);
    }
}

static void a_resumed_joint_comes_up_and_moves(void **state)
{
    (void)state;
    start_disabled(2);
    suspend(1);
    rig.motors[1].position_rad = 0.7; /* turned by hand meanwhile */
    rig_steps(&rig, 300);
    assert_int_equal(tenon_joint_resume(&rig.joints[1]), TENON_OK);
    assert_true(rig_reach(&rig, 1, TENON_JOINT_DISABLED, 5));
    rig_steps(&rig, 2);
    assert_true(fabs(rig.joints[1].state.position_rad - 0.7) < 1e-9);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(&rig.joints[1], 0.9), TENON_OK);
    (void)rig_settle(&rig);
    assert_true(fabs(rig.motors[1].last.position_rad - 0.9) < 1e-9);
    assert_int_equal(rig.motors[1].base.module.fault_count, 0);
}

static void a_motor_that_never_answers_is_no_longer_tried(void **state)
{
    (void)state;
    rig_make(&rig, 2);
    rig.motors[0].fail_at[RIG_PROBE] = 1;
    rig.motors[0].fails_on[RIG_PROBE] = true;
    rig_start(&rig);
    assert_true(rig_reach(&rig, 1, TENON_JOINT_DISABLED, 20));
    suspend(0);
    assert_true(tenon_sched_is_ready(&rig.sched)); /* all that is to run */
    const unsigned probes = rig.motors[0].calls[RIG_PROBE];
    rig_steps(&rig, 5000);
    assert_int_equal(rig.motors[0].calls[RIG_PROBE], probes);
    rig.motors[0].fails_on[RIG_PROBE] = false; /* found and mended */
    assert_int_equal(tenon_joint_resume(&rig.joints[0]), TENON_OK);
    assert_true(rig_reach(&rig, 0, TENON_JOINT_DISABLED, 3000));
}

/* Over a weekend, say: longer than the words that times are kept in compare. */
static void a_joint_comes_back_however_long_it_was_suspended(void **state)
{
    (void)state;
    for (unsigned days = 1; days < 8; days++) {
        rig_make(&rig, 2);
        rig.motors[0].fail_at[RIG_PROBE] = 1;
        rig.motors[0].fails_on[RIG_PROBE] = true;
        rig_start(&rig);
        assert_true(rig_reach(&rig, 1, TENON_JOINT_DISABLED, 20));
        assert_int_equal(rig.motors[0].base.module.state, TENON_MODULE_FAULT);
        suspend(0);
        for (unsigned hour = 0; hour < 24 * days; hour++) {
            rig.now += TENON_S(3600);
            rig_step(&rig);
        }
        rig.motors[0].fails_on[RIG_PROBE] = false;
        assert_int_equal(tenon_joint_resume(&rig.joints[0]), TENON_OK);
        assert_true(rig_reach(&rig, 0, TENON_JOINT_DISABLED, 3000));
    }
}

static void a_step_of_life_begins_anew_after_the_rest(void **state)
{
    (void)state;
    for (unsigned k = 1; k < 20; k++) {
        rig_make(&rig, 2);
        rig.motors[0].again[RIG_PROBE] = 10;
        rig.motors[0].again[RIG_CONFIGURE] = 10;
        rig_start(&rig);
        rig_steps(&rig, k);
        suspend(0);
        rig.now += TENON_S(60);
        rig_steps(&rig, 5);
        assert_int_equal(tenon_joint_resume(&rig.joints[0]), TENON_OK);
        assert_true(rig_reach(&rig, 0, TENON_JOINT_DISABLED, 60));
        assert_int_equal(rig.motors[0].base.module.fault_count, 0);
    }
}

static void a_joint_with_torque_is_refused(void **state)
{
    (void)state;
    rig_make(&rig, 2);
    rig_start_enabled(&rig);
    assert_int_equal(tenon_joint_suspend(&rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_NOT_SUSPENDABLE);
    assert_string_equal(tenon_sched_diag(&rig.sched)->subject, rig.joints[0].name);
    assert_false(tenon_sched_is_replanning(&rig.sched));
    assert_int_equal(tenon_joint_resume(&rig.joints[0]), TENON_ERR_STATE);
}

/* Enabled by a command that was given just before: the plan that was prepared is dropped. */
static void a_joint_that_gets_torque_meanwhile_stays(void **state)
{
    (void)state;
    start_disabled(2);
    assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_OK);
    assert_int_equal(tenon_joint_suspend(&rig.joints[0]), TENON_OK);
    assert_true(rig_reach(&rig, 0, TENON_JOINT_ENABLED, 20));
    assert_false(tenon_sched_is_replanning(&rig.sched));
    assert_int_equal(rig.sched.counters.plan_count, 0);
    /* and the next plan is not spoilt by it */
    assert_int_equal(tenon_joint_suspend(&rig.joints[1]), TENON_OK);
    rig_step(&rig);
    const unsigned reads = rig.motors[0].calls[RIG_READ];
    rig_steps(&rig, 5);
    assert_int_equal(rig.motors[0].calls[RIG_READ], reads + 5);
    assert_int_equal(rig.joints[1].status, TENON_JOINT_SUSPENDED);
}

static void a_joint_whose_torque_is_still_going_off_stays(void **state)
{
    (void)state;
    start_disabled(1);
    rig_enable(&rig);
    rig.motors[0].again[RIG_MAKE_SAFE] = 40;
    rig.motors[0].fail_at[RIG_READ] = rig.motors[0].calls[RIG_READ] + 1;
    rig_steps(&rig, 3);
    assert_int_equal(rig.joints[0].status, TENON_JOINT_FAULT);
    assert_int_equal(rig.motors[0].base.module.state, TENON_MODULE_FAULT);
    assert_false(tenon_sched_is_safe(&rig.sched));
    assert_int_equal(tenon_joint_suspend(&rig.joints[0]), TENON_OK);
    rig_step(&rig);
    assert_int_equal(rig.sched.counters.plan_count, 0);
    assert_int_equal(rig.joints[0].status, TENON_JOINT_FAULT);
    rig_steps(&rig, 60);
    assert_true(tenon_sched_is_safe(&rig.sched));
    suspend(0);
}

static void changes_are_made_one_at_a_time(void **state)
{
    (void)state;
    start_disabled(3);
    assert_int_equal(tenon_joint_suspend(&rig.joints[0]), TENON_OK);
    assert_int_equal(tenon_joint_suspend(&rig.joints[1]), TENON_ERR_AGAIN);
    assert_int_equal(tenon_joint_suspend(&rig.joints[0]), TENON_ERR_AGAIN);
    rig_step(&rig);
    assert_int_equal(tenon_joint_suspend(&rig.joints[1]), TENON_OK);
    rig_step(&rig);
    assert_int_equal(tenon_joint_suspend(&rig.joints[1]), TENON_ERR_STATE);
    assert_int_equal(rig.sched.counters.plan_count, 2);
}

static void a_suspended_joint_cannot_be_enabled_or_moved(void **state)
{
    (void)state;
    start_disabled(2);
    suspend(0);
    assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_joint_move_to(&rig.joints[0], 0.1), TENON_ERR_STATE);
    assert_int_equal(tenon_group_enable(&rig.group), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_make_safe(&rig.sched), TENON_OK);
    rig_steps(&rig, 3);
    assert_int_equal(rig.joints[0].status, TENON_JOINT_SUSPENDED);
    assert_true(tenon_sched_is_safe(&rig.sched));
}

static void nothing_is_suspended_before_start_or_without_a_joint(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_add(&rig);
    assert_int_equal(tenon_joint_suspend(&rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_joint_suspend(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_resume(NULL), TENON_ERR_ARG);
}

/* Joint 1 moves; joint 0 leaves at cycle `leaves` (0: never) and comes back 30 later. */
static const double *run_move(unsigned leaves)
{
    assert_true(rig_reach(&rig, 1, TENON_JOINT_DISABLED, 20));
    assert_int_equal(tenon_joint_enable(&rig.joints[1]), TENON_OK);
    assert_true(rig_reach(&rig, 1, TENON_JOINT_ENABLED, 20));
    const unsigned begin = rig.motors[1].log_count;
    assert_int_equal(tenon_joint_move_to(&rig.joints[1], 0.25), TENON_OK);
    for (unsigned n = 0; n < MOVE_CYCLES; n++) {
        if (leaves > 0 && (n == leaves || n == leaves + 30)) {
            assert_int_equal(n == leaves ? tenon_joint_suspend(&rig.joints[0])
                                         : tenon_joint_resume(&rig.joints[0]),
                             TENON_OK);
        }
        rig_step(&rig);
    }
    assert_int_equal(rig.sched.counters.plan_count, leaves > 0 ? 2 : 0);
    assert_int_equal(rig.motors[1].log_count, begin + MOVE_CYCLES);
    return &rig.motors[1].log[begin];
}

/* What joint 1 is commanded if nobody leaves. */
static void run_undisturbed(double *out_log)
{
    start_disabled(2);
    memcpy(out_log, run_move(0), MOVE_CYCLES * sizeof *out_log);
    assert_true(fabs(out_log[MOVE_CYCLES - 1] - 0.25) < 1e-9);
}

/* Law 4 for plans: whoever goes or comes, at every cycle of a neighbour's move, its commands are
 * those it would have got. */
static void exchanges_of_the_plan_do_not_touch_a_move_under_way(void **state)
{
    static double expected[MOVE_CYCLES];
    (void)state;
    run_undisturbed(expected);
    for (unsigned k = 1; k < 250; k++) {
        start_disabled(2);
        assert_memory_equal(run_move(k), expected, sizeof expected);
    }
}

/* ... and whatever goes wrong with who goes and comes: each call of its motor fails, once or from
 * then on. */
static void nor_do_exchanges_of_a_motor_that_fails(void **state)
{
    static double expected[MOVE_CYCLES];
    (void)state;
    run_undisturbed(expected);
    for (unsigned method = 0; method < RIG_METHODS; method++) {
        for (unsigned k = 1; k < 24; k++) {
            rig_make(&rig, 2);
            rig.motors[0].fail_at[method] = k / 2 + 1;
            rig.motors[0].fails_on[method] = k % 2 == 1;
            rig_start(&rig);
            assert_memory_equal(run_move(5), expected, sizeof expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_suspended_joint_is_not_called_and_the_others_are),
        cmocka_unit_test(a_resumed_joint_comes_up_and_moves),
        cmocka_unit_test(a_motor_that_never_answers_is_no_longer_tried),
        cmocka_unit_test(a_joint_comes_back_however_long_it_was_suspended),
        cmocka_unit_test(a_step_of_life_begins_anew_after_the_rest),
        cmocka_unit_test(a_joint_with_torque_is_refused),
        cmocka_unit_test(a_joint_that_gets_torque_meanwhile_stays),
        cmocka_unit_test(a_joint_whose_torque_is_still_going_off_stays),
        cmocka_unit_test(changes_are_made_one_at_a_time),
        cmocka_unit_test(a_suspended_joint_cannot_be_enabled_or_moved),
        cmocka_unit_test(nothing_is_suspended_before_start_or_without_a_joint),
        cmocka_unit_test(exchanges_of_the_plan_do_not_touch_a_move_under_way),
        cmocka_unit_test(nor_do_exchanges_of_a_motor_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
