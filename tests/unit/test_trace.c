/* Spans: which way a command went. */
#include "rig.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

enum { CAPACITY = 64 };

static struct rig rig;
static struct tenon_trace trace;
static struct tenon_span ring[CAPACITY];
static struct tenon_span spans[CAPACITY];

/* A joint that is enabled, traced from now on. */
static void start_traced(unsigned joints)
{
    rig_make(&rig, joints);
    memset(ring, 0xA5, sizeof ring);
    assert_int_equal(tenon_sched_add_trace(&rig.sched, &trace, ring, CAPACITY), TENON_OK);
    rig_start_enabled(&rig);
    tenon_trace_switch(&trace, true);
}

static int take(void)
{
    uint32_t lost = 1;
    const int count = tenon_trace_take(&trace, spans, CAPACITY, &lost);
    assert_int_equal(lost, 0);
    return count;
}

static struct tenon_joint_command position(double rad)
{
    return (struct tenon_joint_command){.position_rad = rad, .mode = TENON_MODE_POSITION};
}

static void follow(unsigned joint, double rad)
{
    const struct tenon_joint_command command = position(rad);
    assert_int_equal(tenon_joint_follow(&rig.joints[joint], &command), TENON_OK);
}

static void a_command_leaves_a_span_at_each_stage(void **state)
{
    static const uint8_t kinds[] = {TENON_SPAN_COMMAND, TENON_SPAN_JOINT, TENON_SPAN_MOTOR};
    (void)state;
    start_traced(2);
    follow(1, 1e-4);
    const uint32_t id = tenon_sched_command_id(&rig.sched);
    assert_int_not_equal(id, 0);
    rig_step(&rig);
    assert_int_equal(take(), 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(spans[i].kind, kinds[i]);
        assert_int_equal(spans[i].command, id);
        assert_int_equal(spans[i].code, TENON_OK);
        assert_true((int32_t)(spans[i].end_ticks - spans[i].begin_ticks) >= 0);
        assert_true(i == 0 || (int32_t)(spans[i].begin_ticks - spans[i - 1].end_ticks) >= 0);
    }
    assert_string_equal(spans[0].subject, "application");
    assert_ptr_equal(spans[1].subject, rig.joints[1].name);
    rig_steps(&rig, 5); /* a set point that stands is no new command */
    assert_int_equal(take(), 0);
}

static void what_the_limiter_changed_is_told(void **state)
{
    (void)state;
    start_traced(1);
    follow(0, 1e-5);
    rig_step(&rig);
    assert_int_equal(take(), 3);
    assert_int_equal(spans[1].value, 0);
    follow(0, 2.0); /* not to be reached in one step */
    rig_step(&rig);
    assert_int_equal(take(), 3);
    assert_int_equal(spans[1].kind, TENON_SPAN_JOINT);
    assert_int_equal(spans[1].value, 1);
}

static void what_the_motor_answered_is_told(void **state)
{
    (void)state;
    start_traced(1);
    rig.motors[0].fail_at[RIG_COMMAND] = rig.motors[0].calls[RIG_COMMAND] + 1;
    rig.motors[0].fail_code = TENON_ERR_DEVICE;
    follow(0, 1e-5);
    rig_step(&rig);
    assert_int_equal(take(), 3);
    assert_int_equal(spans[2].kind, TENON_SPAN_MOTOR);
    assert_int_equal(spans[2].code, TENON_ERR_DEVICE);
}

static void a_move_is_traced_in_each_of_its_cycles(void **state)
{
    const double goals[2] = {0.05, -0.05};
    (void)state;
    start_traced(2);
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
    const uint32_t id = tenon_sched_command_id(&rig.sched);
    rig_step(&rig);
    assert_int_equal(take(), 5); /* the goals are no commands of their own */
    for (unsigned n = 0; n < 400 && rig.group.status == TENON_GROUP_MOVING; n++) {
        rig_step(&rig);
        assert_int_equal(take(), 4);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(spans[i].command, id);
            assert_ptr_equal(spans[i].subject, rig.joints[i / 2].name);
        }
    }
    assert_int_equal(rig.group.status, TENON_GROUP_DONE);
    rig_steps(&rig, 3);
    assert_int_equal(take(), 0);
}

/* A window that is sent again unanswered carries no new command. */
static void a_command_is_sent_once_though_nobody_answers(void **state)
{
    (void)state;
    start_traced(1);
    const struct tenon_wire at = {.name = "bus", .sched = &rig.sched};
    struct tenon_bus_device device = {.node = 4, .command = 0x100};
    for (unsigned n = 0; n < 3; n++) {
        uint32_t link = 0;
        tenon_trace_sent(&at, &device, &link);
        assert_int_equal(link, n == 0 ? 1 : 0);
        assert_int_equal(take(), n == 0 ? 1 : 0);
    }
    tenon_trace_answered(&at, &device, TENON_OK);
    assert_int_equal(take(), 0);
}

static void ids_differ_between_commands_and_between_producers(void **state)
{
    static struct tenon_producer planner;
    static uint64_t memory[64];
    (void)state;
    memset(&planner, 0, sizeof planner);
    rig_make(&rig, 1);
    assert_int_equal(
        tenon_sched_add_producer(&rig.sched, &planner, "planner", memory, sizeof memory), TENON_OK);
    rig_start_enabled(&rig);
    assert_int_equal(tenon_producer_command_id(&planner), 0);
    uint32_t before = tenon_sched_command_id(&rig.sched);
    for (unsigned i = 0; i < 300; i++) {
        const struct tenon_joint_command command = position(0.0);
        assert_int_equal(tenon_producer_follow(&planner, &rig.joints[0], &command), TENON_OK);
        follow(0, 0.0);
        const uint32_t own = tenon_sched_command_id(&rig.sched);
        const uint32_t other = tenon_producer_command_id(&planner);
        assert_int_not_equal(own, before);
        assert_int_not_equal(own & 0xFFu, other & 0xFFu);
        before = own;
        rig_step(&rig);
    }
    rig.sched.own.command_id = 0xFFFFFF00u; /* after 16 million */
    follow(0, 0.0);
    assert_int_equal(tenon_sched_command_id(&rig.sched), 0x100);
}

static void nothing_is_written_while_it_is_off(void **state)
{
    (void)state;
    start_traced(1);
    tenon_trace_switch(&trace, false);
    follow(0, 1e-4);
    rig_step(&rig);
    assert_int_equal(take(), 0);
    tenon_trace_switch(&trace, true); /* that one stays untraced */
    rig_steps(&rig, 3);
    assert_int_equal(take(), 0);
    follow(0, 1e-4);
    rig_step(&rig);
    assert_int_equal(take(), 3);
}

static void a_slow_reader_gets_the_newest_and_learns_what_it_missed(void **state)
{
    (void)state;
    for (unsigned cycles = 1; cycles < 60; cycles++) {
        start_traced(1);
        for (unsigned i = 0; i < cycles; i++) {
            follow(0, 0.0);
            rig_step(&rig);
        }
        uint32_t lost;
        const int count = tenon_trace_take(&trace, spans, CAPACITY, &lost);
        assert_int_equal(count + (int)lost, 3 * cycles);
        assert_int_equal(count, 3 * cycles < CAPACITY ? 3 * cycles : CAPACITY);
        assert_int_equal(spans[count - 1].kind, TENON_SPAN_MOTOR);
        assert_int_equal(spans[count - 1].command, tenon_sched_command_id(&rig.sched));
        assert_int_equal(take(), 0);
    }
}

static void spans_are_taken_in_any_portions(void **state)
{
    (void)state;
    for (uint32_t room = 1; room < 8; room++) {
        start_traced(1);
        for (unsigned i = 0; i < 7; i++) {
            follow(0, 0.0);
            rig_step(&rig);
        }
        unsigned sum = 0;
        for (int count = 1; count > 0; sum += (unsigned)count) {
            count = tenon_trace_take(&trace, spans, room, NULL);
            assert_in_range(count, 0, room);
        }
        assert_int_equal(sum, 21);
    }
}

static void a_ring_that_cannot_work_is_refused(void **state)
{
    static const uint32_t capacities[] = {0, 1, 4, 7, 12, 63, 65};
    (void)state;
    for (unsigned i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        rig_make(&rig, 1);
        assert_int_equal(tenon_sched_add_trace(&rig.sched, &trace, ring, capacities[i]),
                         TENON_ERR_ARG);
        assert_int_equal(tenon_sched_start(&rig.sched), TENON_ERR_ARG);
    }
    rig_make(&rig, 1);
    assert_int_equal(tenon_sched_add_trace(NULL, &trace, ring, CAPACITY), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_trace(&rig.sched, NULL, ring, CAPACITY), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_trace(&rig.sched, &trace, NULL, CAPACITY), TENON_ERR_ARG);
    start_traced(1);
    assert_int_equal(tenon_sched_add_trace(&rig.sched, &trace, ring, CAPACITY), TENON_ERR_STATE);
    assert_int_equal(tenon_trace_take(NULL, spans, 1, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_trace_take(&trace, NULL, 1, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_trace_take(&trace, NULL, 0, NULL), TENON_ERR_ARG);
    tenon_trace_switch(NULL, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_leaves_a_span_at_each_stage),
        cmocka_unit_test(what_the_limiter_changed_is_told),
        cmocka_unit_test(what_the_motor_answered_is_told),
        cmocka_unit_test(a_move_is_traced_in_each_of_its_cycles),
        cmocka_unit_test(a_command_is_sent_once_though_nobody_answers),
        cmocka_unit_test(ids_differ_between_commands_and_between_producers),
        cmocka_unit_test(nothing_is_written_while_it_is_off),
        cmocka_unit_test(a_slow_reader_gets_the_newest_and_learns_what_it_missed),
        cmocka_unit_test(spans_are_taken_in_any_portions),
        cmocka_unit_test(a_ring_that_cannot_work_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
