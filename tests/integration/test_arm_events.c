/* A whole arm, and each line call that can fail: one event tells it, and counts all that fell. */
#include "tenon_test.h"

#include "arm_rig.h"

#include <string.h>

static struct arm arm, saved;

static const double away[ARM_JOINTS] = {0.6, 0.4, 0.4, 0.4, 0.4, 0.4};

static void set_out(void)
{
    arm_start(&arm, NULL);
    arm_enable(&arm);
    arm_go(&arm, away);
    arm_run(&arm, TENON_MS(200));
}

/* Faults of all that there is, as each counts them itself. */
static uint32_t faults(void)
{
    const struct arm_host *const host = arm.host;
    uint32_t count = host->wire.line.module->fault_count + host->wire.bus.module->fault_count;
    for (unsigned i = 0; i < arm.count; i++) {
        count += host->motors[i].base.module.fault_count + host->joints[i].fault_count;
    }
    return count + (host->group.status == TENON_GROUP_ABORTED ? 1u : 0u);
}

static unsigned take(struct tenon_event *out_events, unsigned capacity)
{
    unsigned count = 0;
    while (count < capacity &&
           tenon_sched_take_event(&arm.host->sched, &out_events[count]) == TENON_OK) {
        count++;
    }
    return count;
}

/* 6 motors, 6 joints and their move fall with the wire, and nothing else is said until it is back.
 */
static void check_fall_of_wire(tenon_ns_t since)
{
    struct tenon_event events[TENON_EVENTS_MAX];
    const unsigned count = take(events, TENON_EVENTS_MAX);
    assert_true(count > 0);
    assert_int_equal(events[0].kind, TENON_EVENT_FAULT);
    assert_int_equal(events[0].role, TENON_ROLE_LINE);
    assert_string_equal(events[0].name, "bus");
    assert_in_range(events[0].time_ns, since, since + TENON_S(1));
    assert_int_equal(events[0].masked_count, 2 * ARM_JOINTS + 1);
    for (unsigned i = 1; i < count; i++) {
        assert_int_equal(events[i].kind, TENON_EVENT_RESTARTED);
        assert_int_equal(events[i].number, i);
    }
    const struct tenon_event_counts counts = tenon_sched_count_events(&arm.host->sched);
    assert_int_equal(counts.masked_count + 1, faults());
    assert_int_equal(counts.dropped_count, 0);
}

static void each_failing_line_call_is_one_event_with_all_that_fell(void **state)
{
    (void)state;
    set_out();
    saved = arm;
    for (uint32_t k = 1; k <= 60; k++) {
        arm = saved;
        if (k % 2 == 0) {
            arm.line.fail_write_at = arm.line.write_count + k / 2;
        } else {
            arm.line.fail_read_at = arm.line.read_count + k / 2 + 1;
        }
        arm_run(&arm, TENON_S(1));
        assert_true(tenon_wire_is_up(&arm.host->wire));
        check_fall_of_wire(saved.now);
    }
}

static void a_servo_that_loses_power_is_one_event_and_nobody_elses(void **state)
{
    struct tenon_event events[TENON_EVENTS_MAX];
    char text[200];
    (void)state;
    set_out();
    saved = arm;
    for (unsigned sick = 0; sick < ARM_JOINTS; sick++) {
        arm = saved;
        arm.may_jump = true;
        tenon_sim_servo_set_powered(&arm.servos[sick], false);
        arm_run(&arm, TENON_MS(400));
        tenon_sim_servo_set_powered(&arm.servos[sick], true);
        arm_run(&arm, TENON_S(4));
        const unsigned count = take(events, TENON_EVENTS_MAX);
        assert_true(count >= 2);
        assert_int_equal(events[0].kind, TENON_EVENT_FAULT);
        assert_int_equal(events[0].diag.cause, TENON_CAUSE_STALE);
        assert_string_equal(events[0].name, arm.host->joints[sick].name);
        assert_int_equal(events[0].masked_count, 2); /* its joint, and the move */
        assert_true(strlen(tenon_diag_text(&events[0].diag, text, sizeof text)) > 30);
        unsigned told = 0;
        for (unsigned i = 0; i < count; i++) {
            assert_string_equal(events[i].name, arm.host->joints[sick].name);
            told += events[i].kind != TENON_EVENT_RESTARTED ? 1u : 0u;
        }
        assert_int_equal(events[count - 1].kind, TENON_EVENT_RESTARTED);
        const struct tenon_event_counts counts = tenon_sched_count_events(&arm.host->sched);
        assert_int_equal(counts.masked_count + told, faults());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failing_line_call_is_one_event_with_all_that_fell),
        cmocka_unit_test(a_servo_that_loses_power_is_one_event_and_nobody_elses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
