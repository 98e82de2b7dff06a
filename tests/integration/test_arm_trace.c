/* Which way commands go in a whole arm: from the queue to the servo and back, one transmission for
 * all. */
#include "arm_rig.h"

#include "tenon_test.h"

#include <string.h>

enum { SPANS = 512 };

static struct arm arm;
static struct tenon_trace trace;
static struct tenon_span ring[SPANS];
static struct tenon_span spans[SPANS];

static const double goals[ARM_JOINTS] = {0.4, -0.6, 0.8, 0.3, -0.5, 0.7};

/* Ready and enabled, with a trace that is off. */
static void start(void)
{
    arm_make(&arm, NULL);
    arm_assemble(&arm, &arm.hosts[0]);
    assert_int_equal(tenon_sched_add_trace(&arm.host->sched, &trace, ring, SPANS), TENON_OK);
    assert_int_equal(tenon_sched_start(&arm.host->sched), TENON_OK);
    assert_true(arm_wait_ready(&arm, TENON_S(2)));
    arm_enable(&arm);
}

static unsigned count_of(uint8_t kind, uint32_t command, int count)
{
    unsigned sum = 0;
    for (int i = 0; i < count; i++) {
        sum += spans[i].kind == kind && spans[i].command == command ? 1u : 0u;
    }
    return sum;
}

static int take(void)
{
    uint32_t lost = 1;
    const int count = tenon_trace_take(&trace, spans, SPANS, &lost);
    assert_int_equal(lost, 0);
    return count;
}

static void a_move_is_seen_at_each_stage_of_each_joint(void **state)
{
    (void)state;
    start();
    tenon_trace_switch(&trace, true);
    arm_go(&arm, goals);
    const uint32_t id = tenon_sched_command_id(&arm.host->sched);
    arm_run(&arm, 3 * ARM_PERIOD);
    const int count = take();
    assert_int_equal(count_of(TENON_SPAN_COMMAND, id, count), 1);
    const unsigned cycles = count_of(TENON_SPAN_TRANSMISSION, 0, count);
    assert_in_range(cycles, 2, 8);
    assert_in_range(count_of(TENON_SPAN_SENT, id, count), ARM_JOINTS * cycles,
                    ARM_JOINTS * (cycles + 1));
    assert_int_equal(count_of(TENON_SPAN_ANSWERED, id, count), ARM_JOINTS * cycles);
    assert_int_equal(count_of(TENON_SPAN_JOINT, id, count), count_of(TENON_SPAN_MOTOR, id, count));
}

/* All that left in one sync write have its number, and nothing else has. */
static void commands_link_to_the_transmission_that_carried_them(void **state)
{
    (void)state;
    start();
    tenon_trace_switch(&trace, true);
    arm_go(&arm, goals);
    arm_run(&arm, 3 * ARM_PERIOD);
    const int count = take();
    unsigned seen = 0;
    for (int i = 0; i < count; i++) {
        const struct tenon_span *const over = &spans[i];
        if (over->kind != TENON_SPAN_TRANSMISSION) {
            continue;
        }
        unsigned nodes = 0;
        for (int k = 0; k < i; k++) {
            if (spans[k].kind == TENON_SPAN_SENT && spans[k].link == over->link) {
                nodes |= 1u << spans[k].value;
                assert_true((int32_t)(spans[k].begin_ticks - over->begin_ticks) >= 0);
            }
        }
        assert_int_equal(nodes, 0x7E); /* 1 ... 6 */
        assert_int_equal(over->value, ARM_JOINTS);
        assert_string_equal(over->subject, arm.host->wire.name);
        seen++;
    }
    assert_true(seen >= 2);
}

static void a_servo_that_does_not_answer_is_told(void **state)
{
    const struct tenon_sim_faults silent = {.silent = true};
    (void)state;
    for (unsigned sick = 0; sick < ARM_JOINTS; sick++) {
        start();
        tenon_trace_switch(&trace, true);
        arm_set_faults(&arm, sick, &silent);
        arm_go(&arm, goals);
        arm_run(&arm, 4 * ARM_PERIOD);
        const int count = take();
        unsigned missed = 0;
        for (int i = 0; i < count; i++) {
            const bool is_sick = spans[i].value == sick + 1u;
            if (spans[i].kind == TENON_SPAN_ANSWERED && is_sick) {
                assert_int_equal(spans[i].code, TENON_ERR_TIMEOUT);
                missed++;
            }
        }
        assert_in_range(missed, 3, 8);
        assert_int_equal(missed, count_of(TENON_SPAN_TRANSMISSION, 0, count));
    }
}

static void switched_off_nothing_more_is_written_and_the_move_goes_on(void **state)
{
    (void)state;
    start();
    tenon_trace_switch(&trace, true);
    arm_go(&arm, goals);
    arm_run(&arm, 2 * ARM_PERIOD);
    assert_true(take() > 0);
    assert_true(arm_wait_settled(&arm, 0.01, TENON_S(10)));
    uint32_t lost;
    assert_int_equal(tenon_trace_take(&trace, spans, SPANS, &lost), SPANS);
    assert_true(lost > 0); /* nobody took them meanwhile */
    tenon_trace_switch(&trace, false);
    arm_go(&arm, (const double[ARM_JOINTS]){0});
    assert_true(arm_wait_settled(&arm, 0.01, TENON_S(10)));
    assert_int_equal(take(), 0);
}

/* What is given ahead of torque is seen at the joint; no later frame is taken for its carrier. */
static void a_command_that_is_not_sent_is_not_told_as_sent(void **state)
{
    (void)state;
    start();
    struct tenon_joint *const joint = &arm.host->joints[0];
    assert_int_equal(tenon_joint_disable(joint), TENON_OK);
    assert_true(arm_wait_status(&arm, 0, TENON_JOINT_DISABLED, TENON_S(1)));
    tenon_trace_switch(&trace, true);
    const struct tenon_joint_command command = {.position_rad = joint->state.position_rad,
                                                .mode = TENON_MODE_EXTENDED_POSITION};
    arm.watch[0].may_enable = true;
    assert_int_equal(tenon_joint_enable(joint), TENON_OK);
    assert_int_equal(tenon_joint_follow(joint, &command), TENON_OK);
    const uint32_t id = tenon_sched_command_id(&arm.host->sched);
    arm_run(&arm, ARM_PERIOD);
    assert_int_equal(joint->status, TENON_JOINT_ENABLING);
    assert_int_equal(arm.host->motors[0].base.device->command, 0);
    assert_true(arm_wait_status(&arm, 0, TENON_JOINT_ENABLED, TENON_S(1)));
    arm_run(&arm, 3 * ARM_PERIOD);
    const int count = take();
    assert_int_equal(count_of(TENON_SPAN_JOINT, id, count), 1);
    assert_int_equal(count_of(TENON_SPAN_SENT, id, count), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_move_is_seen_at_each_stage_of_each_joint),
        cmocka_unit_test(commands_link_to_the_transmission_that_carried_them),
        cmocka_unit_test(a_servo_that_does_not_answer_is_told),
        cmocka_unit_test(a_command_that_is_not_sent_is_not_told_as_sent),
        cmocka_unit_test(switched_off_nothing_more_is_written_and_the_move_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
