/* Every fault is an event, once; what follows from it is counted with it. */
#include "rig.h"

#include "core_internal.h"
#include "tenon_test.h"

#include <string.h>

static struct rig rig;

/* 20 ms doubled to 100 ms, 4 restarts in 10 s, steps of 50 ms */
static const struct tenon_restart_policy quick = {4, TENON_S(10), TENON_MS(20), TENON_MS(100),
                                                  TENON_MS(50)};

static void make(unsigned joints)
{
    rig_make(&rig, joints);
    for (unsigned i = 0; i < joints; i++) {
        rig.joints[i].motor.restart = &quick;
    }
}

static struct tenon_event take(void)
{
    struct tenon_event event;
    assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_OK);
    return event;
}

static void assert_no_more(void)
{
    struct tenon_event event;
    memset(&event, 0x55, sizeof event);
    assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_ERR_AGAIN);
    assert_int_equal(event.number, 0x55555555);
}

static void assert_event(const struct tenon_event *event,
                         enum tenon_event_kind kind,
                         enum tenon_event_source source,
                         const char *name,
                         enum tenon_cause cause)
{
    char text[200];
    assert_int_equal(event->kind, kind);
    assert_int_equal(event->source, source);
    assert_string_equal(event->name, name);
    assert_int_equal(event->diag.cause, cause);
    assert_int_equal(strncmp(tenon_diag_text(&event->diag, text, sizeof text), event->diag.subject,
                             strlen(event->diag.subject)),
                     0);
    assert_true(strlen(text) > 20);
}

static uint32_t masked(void)
{
    return tenon_sched_count_events(&rig.sched).masked_count;
}

/* --- modules --- */

static void a_fault_of_a_motor_is_told_once_with_seat_cause_and_time(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        make(2);
        rig_start_enabled(&rig);
        assert_no_more();
        const enum rig_method method = k == 0 ? RIG_READ : RIG_COMMAND;
        rig.motors[1].fail_at[method] = rig.motors[1].calls[method] + 3;
        rig_steps(&rig, 15);
        const struct tenon_event event = take();
        assert_event(&event, TENON_EVENT_FAULT, TENON_SOURCE_MODULE, "knee",
                     TENON_CAUSE_DEVICE_FAULT);
        assert_int_equal(event.role, TENON_ROLE_MOTOR);
        assert_int_equal(event.diag.code, TENON_ERR_DEVICE);
        assert_string_equal(event.diag.detail, "overload");
        assert_true(event.diag.value > 31.9f && event.diag.value < 32.1f);
        assert_int_equal(event.time_ns, rig.now - 13 * RIG_PERIOD);
        assert_int_equal(event.number, 0);
        assert_int_equal(event.masked_count, 1); /* the joint that fell with it */
        assert_int_equal(rig.joints[1].status, TENON_JOINT_FAULT);
        assert_no_more();
        assert_int_equal(masked(), 1);
        rig_steps(&rig, 100);
        const struct tenon_event back = take();
        assert_event(&back, TENON_EVENT_RESTARTED, TENON_SOURCE_MODULE, "knee",
                     TENON_CAUSE_RESTARTED);
        assert_int_equal(back.diag.code, TENON_OK);
        assert_int_equal(back.number, 1);
        assert_no_more();
    }
}

static void a_restart_that_fails_likewise_is_masked_until_it_is_given_up(void **state)
{
    (void)state;
    make(1);
    rig_start_enabled(&rig);
    rig.motors[0].fail_at[RIG_READ] = rig.motors[0].calls[RIG_READ] + 1;
    rig.motors[0].fail_at[RIG_PROBE] = 2;
    rig.motors[0].fails_on[RIG_PROBE] = true;
    rig_steps(&rig, 1000);
    assert_int_equal(rig.motors[0].base.module.state, TENON_MODULE_FAILED);
    const struct tenon_event first = take();
    assert_event(&first, TENON_EVENT_FAULT, TENON_SOURCE_MODULE, "hip", TENON_CAUSE_DEVICE_FAULT);
    const uint32_t restarts = rig.motors[0].base.module.fault_count - 2;
    assert_int_equal(first.masked_count, 1 + restarts); /* the joint, and all but the last */
    const struct tenon_event last = take();
    assert_event(&last, TENON_EVENT_FAILED, TENON_SOURCE_MODULE, "hip", TENON_CAUSE_DEVICE_FAULT);
    assert_int_equal(last.masked_count, 0);
    assert_no_more();
}

static void a_restart_that_fails_for_another_cause_is_told(void **state)
{
    (void)state;
    make(1);
    rig_start_enabled(&rig);
    rig.motors[0].fail_at[RIG_READ] = rig.motors[0].calls[RIG_READ] + 1;
    rig.motors[0].again[RIG_CONFIGURE] = 60000;
    rig_steps(&rig, 100);
    struct tenon_event event = take();
    assert_event(&event, TENON_EVENT_FAULT, TENON_SOURCE_MODULE, "hip", TENON_CAUSE_DEVICE_FAULT);
    event = take();
    assert_event(&event, TENON_EVENT_FAULT, TENON_SOURCE_MODULE, "hip", TENON_CAUSE_STEP_TIMEOUT);
    assert_no_more();
}

static void a_reset_is_a_new_attempt_and_its_fault_is_told(void **state)
{
    (void)state;
    make(1);
    rig.motors[0].fail_at[RIG_PROBE] = 1;
    rig.motors[0].fails_on[RIG_PROBE] = true;
    rig_start(&rig);
    rig_steps(&rig, 1000);
    struct tenon_event event = take();
    assert_int_equal(event.kind, TENON_EVENT_FAULT);
    event = take();
    assert_int_equal(event.kind, TENON_EVENT_FAILED);
    assert_no_more();
    assert_int_equal(tenon_joint_reset(&rig.joints[0]), TENON_OK);
    rig_steps(&rig, 5);
    event = take();
    assert_event(&event, TENON_EVENT_FAULT, TENON_SOURCE_MODULE, "hip", TENON_CAUSE_DEVICE_FAULT);
    assert_no_more();
}

/* --- joints --- */

static void a_joint_that_is_too_far_from_its_command_is_told(void **state)
{
    (void)state;
    make(2);
    rig.limits.following_error_rad = 0.05f;
    rig_start_enabled(&rig);
    rig.motors[0].is_stuck = true;
    assert_int_equal(tenon_joint_move_to(&rig.joints[0], 1.0), TENON_OK);
    rig_steps(&rig, 500);
    assert_int_equal(rig.joints[0].status, TENON_JOINT_FAULT);
    const struct tenon_event event = take();
    assert_event(&event, TENON_EVENT_FAULT, TENON_SOURCE_JOINT, "hip", TENON_CAUSE_FOLLOWING_ERROR);
    assert_int_equal(event.role, 0);
    assert_true(event.diag.value > event.diag.bound);
    assert_int_equal(event.masked_count, 1); /* its own move */
    assert_no_more();
}

static void limits_that_the_motor_refuses_are_told_once(void **state)
{
    (void)state;
    make(1);
    rig.limits.velocity_rad_s = 50.0f;
    rig_start(&rig);
    rig_steps(&rig, 10);
    struct tenon_event event = take();
    assert_event(&event, TENON_EVENT_FAULT, TENON_SOURCE_JOINT, "hip",
                 TENON_CAUSE_LIMIT_OUTSIDE_MODEL);
    rig.motors[0].fail_at[RIG_READ] = rig.motors[0].calls[RIG_READ] + 1;
    rig_steps(&rig, 100); /* it comes back, and its limits are as they were */
    event = take();
    assert_event(&event, TENON_EVENT_FAULT, TENON_SOURCE_MODULE, "hip", TENON_CAUSE_DEVICE_FAULT);
    event = take();
    assert_int_equal(event.kind, TENON_EVENT_RESTARTED);
    assert_no_more();
}

/* --- groups --- */

static void a_move_that_a_member_leaves_is_told_and_names_it(void **state)
{
    const double goals[2] = {1.0, 2.0};
    (void)state;
    make(2);
    rig_start_enabled(&rig);
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
    rig_steps(&rig, 100);
    assert_int_equal(tenon_joint_disable(&rig.joints[1]), TENON_OK);
    (void)rig_settle(&rig);
    const struct tenon_event event = take();
    assert_event(&event, TENON_EVENT_ABORTED, TENON_SOURCE_GROUP, "leg", TENON_CAUSE_MEMBER);
    assert_string_equal(event.diag.subject, "knee");
    assert_no_more();
}

static void a_move_that_a_fault_ends_is_masked_by_it(void **state)
{
    const double goals[2] = {1.0, 2.0};
    (void)state;
    make(2);
    rig_start_enabled(&rig);
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
    rig_steps(&rig, 100);
    rig.motors[1].fail_at[RIG_READ] = rig.motors[1].calls[RIG_READ] + 1;
    (void)rig_settle(&rig);
    assert_int_equal(rig.group.status, TENON_GROUP_ABORTED);
    const struct tenon_event event = take();
    assert_event(&event, TENON_EVENT_FAULT, TENON_SOURCE_MODULE, "knee", TENON_CAUSE_DEVICE_FAULT);
    assert_int_equal(event.masked_count, 2); /* joint and group */
}

/* --- the scheduler --- */

static void a_silent_application_is_told_once_for_all_joints(void **state)
{
    (void)state;
    make(3);
    rig_start_enabled(&rig);
    tenon_sched_set_heartbeat(&rig.sched, TENON_MS(30));
    rig_steps(&rig, 500);
    const struct tenon_event event = take();
    assert_event(&event, TENON_EVENT_FAULT, TENON_SOURCE_SCHED, "application",
                 TENON_CAUSE_HEARTBEAT);
    assert_int_equal(event.masked_count, 3);
    assert_int_equal(rig.joints[2].diag.cause, TENON_CAUSE_HEARTBEAT);
    assert_no_more();
}

static void each_emergency_stop_is_told_once_and_masks_the_moves_it_ends(void **state)
{
    const double goals[2] = {1.0, 2.0};
    (void)state;
    make(2);
    rig_start_enabled(&rig);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
        rig_steps(&rig, 10);
        tenon_sched_estop(&rig.sched);
        rig_steps(&rig, 300);
        const struct tenon_event event = take();
        assert_event(&event, TENON_EVENT_FAULT, TENON_SOURCE_SCHED, "scheduler", TENON_CAUSE_ESTOP);
        assert_no_more();
        assert_int_equal(masked(), i + 1);
        tenon_sched_clear_estop(&rig.sched);
        rig_steps(&rig, 2);
        rig_enable(&rig);
    }
}

static void missed_releases_are_one_fault_until_a_second_passes_without(void **state)
{
    (void)state;
    make(1);
    rig_start(&rig);
    rig_steps(&rig, 10);
    for (unsigned i = 0; i < 20; i++) {
        rig.now += 3 * RIG_PERIOD;
        rig_step(&rig);
    }
    struct tenon_event event = take();
    assert_event(&event, TENON_EVENT_LATE, TENON_SOURCE_SCHED, "scheduler", TENON_CAUSE_OVERRUN);
    assert_true(event.diag.value > 2.9e-3f && event.diag.value < 3.1e-3f);
    assert_true(event.diag.bound > 0.99e-3f && event.diag.bound < 1.01e-3f);
    assert_int_equal(event.masked_count, 19);
    assert_no_more();
    rig_steps(&rig, 1001);
    rig.now += RIG_PERIOD;
    rig_step(&rig);
    event = take();
    assert_int_equal(event.diag.cause, TENON_CAUSE_OVERRUN);
    assert_int_equal(event.masked_count, 0);
    assert_no_more();
}

/* --- the ring --- */

static void tell(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        tenon__event_sched(&rig.sched, TENON_ERR_STATE, TENON_CAUSE_ESTOP, "scheduler", 0, 0);
    }
}

static void when_it_is_full_the_newest_are_dropped_and_leave_a_gap(void **state)
{
    (void)state;
    make(1);
    uint32_t number = 0;
    for (unsigned more = 0; more < 40; more++) { /* at every place in the ring */
        tell(TENON_EVENTS_MAX + more);
        for (uint32_t i = 0; i < TENON_EVENTS_MAX; i++) {
            assert_int_equal(take().number, number + i);
        }
        assert_no_more();
        number += TENON_EVENTS_MAX + more;
        assert_int_equal(tenon_sched_count_events(&rig.sched).event_count, number);
        assert_int_equal(tenon_sched_count_events(&rig.sched).dropped_count,
                         number - (more + 1) * TENON_EVENTS_MAX);
    }
}

static void good_news_leave_half_of_the_room_to_faults(void **state)
{
    (void)state;
    make(1);
    rig_add(&rig);
    for (unsigned i = 0; i < 2 * TENON_EVENTS_MAX; i++) {
        tenon__event_restarted(&rig.sched, &rig.joints[0].motor);
    }
    tell(TENON_EVENTS_MAX / 2);
    for (uint32_t i = 0; i < TENON_EVENTS_MAX; i++) {
        const struct tenon_event event = take();
        assert_int_equal(event.number, i);
        assert_int_equal(event.kind,
                         i < TENON_EVENTS_MAX / 2 ? TENON_EVENT_RESTARTED : TENON_EVENT_FAULT);
    }
    assert_int_equal(tenon_sched_count_events(&rig.sched).dropped_count, 0);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct tenon_event event;
    make(1);
    assert_int_equal(tenon_sched_take_event(NULL, &event), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_take_event(&rig.sched, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_count_events(NULL).event_count, 0);
}

/* --- whatever fails --- */

static uint32_t faults(void)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < rig.joint_count; i++) {
        count += rig.motors[i].base.module.fault_count + rig.joints[i].fault_count;
    }
    return count;
}

/* Every fault is an event or masked by one, whichever call fails, once or for good. */
static void the_sum_is_right_whichever_call_fails(void **state)
{
    (void)state;
    for (unsigned method = RIG_PROBE; method <= RIG_COMMAND; method++) {
        for (unsigned k = 1; k <= 24; k++) {
            make(2);
            rig.motors[1].fail_at[method] = k / 2 + 1;
            rig.motors[1].fails_on[method] = k % 2 != 0;
            rig_start(&rig);
            uint32_t events = 0, masked_by = 0;
            for (unsigned i = 0; i < 400; i++) {
                struct tenon_event event;
                const int rc = tenon_joint_enable(&rig.joints[i % 2]);
                assert_true(rc == TENON_OK || rc == TENON_ERR_STATE);
                rig_step(&rig);
                if (i % 10 == 9) {
                    while (tenon_sched_take_event(&rig.sched, &event) == TENON_OK) {
                        events += event.kind != TENON_EVENT_RESTARTED;
                        masked_by += event.masked_count;
                        assert_true(event.time_ns < rig.now);
                    }
                }
            }
            assert_int_equal(events + masked(), faults());
            assert_true(masked_by <= masked());
            assert_int_equal(tenon_sched_count_events(&rig.sched).dropped_count, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_of_a_motor_is_told_once_with_seat_cause_and_time),
        cmocka_unit_test(a_restart_that_fails_likewise_is_masked_until_it_is_given_up),
        cmocka_unit_test(a_restart_that_fails_for_another_cause_is_told),
        cmocka_unit_test(a_reset_is_a_new_attempt_and_its_fault_is_told),
        cmocka_unit_test(a_joint_that_is_too_far_from_its_command_is_told),
        cmocka_unit_test(limits_that_the_motor_refuses_are_told_once),
        cmocka_unit_test(a_move_that_a_member_leaves_is_told_and_names_it),
        cmocka_unit_test(a_move_that_a_fault_ends_is_masked_by_it),
        cmocka_unit_test(a_silent_application_is_told_once_for_all_joints),
        cmocka_unit_test(each_emergency_stop_is_told_once_and_masks_the_moves_it_ends),
        cmocka_unit_test(missed_releases_are_one_fault_until_a_second_passes_without),
        cmocka_unit_test(when_it_is_full_the_newest_are_dropped_and_leave_a_gap),
        cmocka_unit_test(good_news_leave_half_of_the_room_to_faults),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(the_sum_is_right_whichever_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
