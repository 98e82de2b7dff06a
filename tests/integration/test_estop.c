/* The emergency stop, from whatever context, whatever joints are doing. */
#include "rig.h"

#include "tenon_test.h"

#include <math.h>

static struct rig rig;

enum situation {
    PROBING,
    FOUND_HOLDING,
    DISABLED,
    ENABLING,
    ENABLED,
    MOVING,
    STOPPING,
    GOING_OFF,
    HOLDING,
    IN_FAULT,
    QUEUE_FULL,
    SITUATIONS
};

static bool is_taken_over(enum situation situation)
{
    return situation == PROBING || situation == FOUND_HOLDING;
}

static void start(enum situation situation, enum tenon_safe_action action)
{
    rig_make(&rig, 3);
    for (unsigned i = 0; i < rig.joint_count; i++) {
        rig.joints[i].safe_action = (uint8_t)action;
        rig.motors[i].again[RIG_PROBE] = situation == PROBING ? 40 : 0;
        rig.motors[i].torque_found_on = is_taken_over(situation);
        rig.motors[i].torque_is_on = is_taken_over(situation);
    }
    if (situation <= ENABLING) {
        rig_start(&rig);
        rig_steps(&rig, 10);
    } else {
        rig_start_enabled(&rig);
    }
}

static void go(void)
{
    const double goals[] = {2.0, -1.5, 1.0, 0.0};
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
    rig_steps(&rig, 500);
}

static void get_into(enum situation situation, unsigned k)
{
    switch (situation) {
    case ENABLING:
        for (unsigned i = 0; i < rig.joint_count; i++) {
            rig.motors[i].again[RIG_ACTIVATE] = 30;
        }
        assert_int_equal(tenon_group_enable(&rig.group), TENON_OK);
        break;
    case MOVING:
    case STOPPING:
        go();
        if (situation == STOPPING) {
            assert_int_equal(tenon_group_disable(&rig.group), TENON_OK);
        }
        break;
    case GOING_OFF:
        for (unsigned i = 0; i < rig.joint_count; i++) {
            rig.motors[i].again[RIG_MAKE_SAFE] = 30;
        }
        assert_int_equal(tenon_group_disable(&rig.group), TENON_OK);
        break;
    case HOLDING:
        assert_int_equal(tenon_sched_make_safe(&rig.sched), TENON_OK);
        break;
    case IN_FAULT:
        for (unsigned i = 0; i < rig.joint_count; i++) {
            rig.motors[i].fail_at[RIG_READ] = rig.motors[i].calls[RIG_READ] + 1;
        }
        break;
    case QUEUE_FULL:
        rig_steps(&rig, k);
        while (tenon_joint_stop(&rig.joints[0]) == TENON_OK) {
        }
        assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_QUEUE_FULL);
        return;
    case PROBING:
    case FOUND_HOLDING:
    case DISABLED:
    case ENABLED:
    case SITUATIONS:
        break;
    }
    rig_steps(&rig, k);
}

static void assert_all_safe(enum tenon_safe_action action)
{
    assert_true(tenon_sched_is_safe(&rig.sched));
    for (unsigned i = 0; i < rig.joint_count; i++) {
        const struct tenon_joint *const joint = &rig.joints[i];
        const struct rig_motor *const motor = &rig.motors[i];
        assert_true(joint->status == TENON_JOINT_DISABLED || joint->status == TENON_JOINT_FAULT ||
                    (action == TENON_SAFE_HOLD && joint->status == TENON_JOINT_HOLDING));
        assert_true(action == TENON_SAFE_HOLD || !motor->torque_is_on);
        assert_int_equal(motor->stray_count, 0);
        assert_int_equal(tenon_joint_enable(&rig.joints[i]), TENON_ERR_STATE);
        assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_ESTOP);
    }
}

static void it_is_obeyed_whatever_joints_are_doing(void **state)
{
    (void)state;
    for (unsigned situation = 0; situation < SITUATIONS; situation++) {
        for (unsigned action = TENON_SAFE_RAMP; action <= TENON_SAFE_BRAKE; action++) {
            for (unsigned k = 0; k < 40; k += 3) {
                start((enum situation)situation, (enum tenon_safe_action)action);
                get_into((enum situation)situation, k);
                tenon_sched_estop(&rig.sched);
                rig_steps(&rig, 200); /* braking takes 100 */
                assert_all_safe((enum tenon_safe_action)action);
                assert_true(rig.group.status != TENON_GROUP_MOVING &&
                            rig.group.status != TENON_GROUP_STOPPING);
            }
        }
    }
}

static void a_group_that_is_stopped_by_it_says_so(void **state)
{
    (void)state;
    start(MOVING, TENON_SAFE_RAMP);
    go();
    tenon_sched_estop(&rig.sched);
    rig_steps(&rig, 200);
    assert_int_equal(rig.group.status, TENON_GROUP_ABORTED);
    assert_int_equal(rig.group.diag.cause, TENON_CAUSE_ESTOP);
    assert_string_equal(rig.group.diag.subject, "hip");
}

/* An interrupt comes between any two instructions; here, at any look at the clock. */
static uint32_t ticks;
static uint32_t estop_at;

static uint32_t interrupted_ticks(void)
{
    if (++ticks == estop_at) {
        tenon_sched_estop(&rig.sched);
    }
    return ticks;
}

static void interrupts_may_call_it_in_the_middle_of_a_step(void **state)
{
    (void)state;
    for (uint32_t k = 1; k < 60; k++) {
        const struct tenon_port port = {.head = TENON_API_HEAD(struct tenon_port),
                                        .ticks = interrupted_ticks,
                                        .panic = rig_port.panic,
                                        .ticks_per_s = 1000000};
        start(DISABLED, TENON_SAFE_LIMP);
        rig_enable(&rig);
        rig.sched.port = &port;
        estop_at = 0;
        go();
        estop_at = ticks + k;
        for (unsigned i = 0; i < 100 && ticks < estop_at; i++) {
            rig_step(&rig);
        }
        rig_step(&rig);
        rig.sched.port = &rig_port;
        for (unsigned i = 0; i < rig.joint_count; i++) {
            assert_false(rig.motors[i].torque_is_on);
        }
        assert_all_safe(TENON_SAFE_LIMP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_obeyed_whatever_joints_are_doing),
        cmocka_unit_test(a_group_that_is_stopped_by_it_says_so),
        cmocka_unit_test(interrupts_may_call_it_in_the_middle_of_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
