/* Several that command: each with its own queue, refusals and heartbeat. */
#include "rig.h"

#include "core_internal.h"
#include "tenon_test.h"

#include <math.h>
#include <string.h>

static struct rig rig;
static struct tenon_producer planner, window;
static uint64_t planner_memory[TENON_PRODUCER_MEMORY(8) / 8], window_memory[100];

static void start(unsigned joints)
{
    rig_make(&rig, joints);
    memset(&planner, 0, sizeof planner);
    memset(&window, 0, sizeof window);
    assert_int_equal(tenon_sched_add_producer(&rig.sched, &planner, "planner", planner_memory,
                                              sizeof planner_memory),
                     TENON_OK);
    assert_int_equal(tenon_sched_add_producer(&rig.sched, &window, "window", window_memory,
                                              sizeof window_memory),
                     TENON_OK);
    rig_start(&rig);
    rig_steps(&rig, 10);
}

static struct tenon_joint_command place(double position_rad)
{
    return (struct tenon_joint_command){.position_rad = position_rad, .mode = TENON_MODE_POSITION};
}

static void every_command_can_be_given_through_any_producer(void **state)
{
    const double goals[2] = {0.1, -0.1};
    (void)state;
    start(2);
    struct tenon_joint *const hip = &rig.joints[0];
    assert_int_equal(tenon_producer_enable(&planner, hip), TENON_OK);
    assert_int_equal(tenon_producer_move_to(&planner, hip, 0.2), TENON_OK); /* in one breath */
    (void)rig_settle(&rig);
    assert_true(fabs(hip->state.position_rad - 0.2) < 1e-9);
    assert_int_equal(tenon_producer_enable_group(&window, &rig.group), TENON_OK);
    rig_steps(&rig, 5);
    assert_int_equal(tenon_producer_move_group(&planner, &rig.group, goals), TENON_OK);
    (void)rig_settle(&rig);
    assert_true(fabs(rig.joints[1].state.position_rad + 0.1) < 1e-9);
    const struct tenon_joint_command c = place(0.15);
    assert_int_equal(tenon_producer_follow(&window, hip, &c), TENON_OK);
    rig_steps(&rig, 500);
    assert_true(fabs(hip->state.position_rad - 0.15) < 1e-9);
    assert_int_equal(tenon_producer_move_group(&window, &rig.group, goals), TENON_OK);
    rig_steps(&rig, 20);
    assert_int_equal(tenon_producer_stop_group(&planner, &rig.group), TENON_OK);
    (void)rig_settle(&rig);
    assert_int_equal(rig.group.status, TENON_GROUP_IDLE);
    assert_int_equal(tenon_producer_stop(&planner, hip), TENON_OK);
    assert_int_equal(tenon_producer_disable(&planner, hip), TENON_OK);
    assert_true(rig_reach(&rig, 0, TENON_JOINT_DISABLED, 300));
    assert_int_equal(rig.joints[1].status, TENON_JOINT_ENABLED);
    assert_int_equal(tenon_producer_disable_group(&window, &rig.group), TENON_OK);
    assert_true(rig_reach(&rig, 1, TENON_JOINT_DISABLED, 300));
    rig_enable(&rig);
    assert_int_equal(tenon_producer_make_safe(&planner), TENON_OK);
    assert_true(rig_reach(&rig, 0, TENON_JOINT_DISABLED, 300));
    assert_int_equal(rig.joints[1].status, TENON_JOINT_DISABLED);
}

static void a_refusal_is_told_to_who_was_refused_alone(void **state)
{
    (void)state;
    start(1);
    assert_int_equal(tenon_producer_move_to(&planner, &rig.joints[0], 0.1), TENON_ERR_STATE);
    assert_int_equal(tenon_producer_diag(&planner)->cause, TENON_CAUSE_NOT_ENABLED);
    assert_int_equal(tenon_producer_diag(&window)->code, TENON_OK);
    assert_int_equal(tenon_sched_diag(&rig.sched)->code, TENON_OK);
    rig_enable(&rig);
    assert_int_equal(tenon_producer_move_to(&window, &rig.joints[0], 7.0), TENON_ERR_LIMIT);
    assert_int_equal(tenon_producer_diag(&window)->cause, TENON_CAUSE_GOAL_OUTSIDE_LIMITS);
    assert_string_equal(tenon_producer_diag(&window)->subject, "hip");
    assert_int_equal(tenon_producer_diag(&planner)->cause, TENON_CAUSE_NOT_ENABLED);
    assert_int_equal(tenon_sched_diag(&rig.sched)->code, TENON_OK);
    assert_int_equal(tenon_producer_diag(NULL)->code, TENON_ERR_ARG);
}

static void why_a_joint_fell_is_told_to_every_producer_that_asks(void **state)
{
    (void)state;
    start(1);
    rig_enable(&rig);
    rig.motors[0].fail_at[RIG_READ] = rig.motors[0].calls[RIG_READ] + 1;
    rig_steps(&rig, 3);
    struct tenon_producer *const all[] = {&planner, &window, &rig.sched.own};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(tenon_producer_enable(all[i], &rig.joints[0]), TENON_ERR_STATE);
        const struct tenon_diag *const why = tenon_producer_diag(all[i]);
        assert_int_equal(why->code, TENON_ERR_STATE);
        assert_int_equal(why->cause, TENON_CAUSE_DEVICE_FAULT);
        assert_string_equal(why->subject, "hip");
        assert_string_equal(why->detail, "overload");
        assert_true(fabsf(why->value - 32.0f) < 0.1f);
    }
    assert_int_equal(tenon_producer_reset(&planner, &rig.joints[0]), TENON_OK);
    assert_int_equal(tenon_producer_enable(&planner, &rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_producer_diag(&planner)->cause, TENON_CAUSE_NOT_READY); /* its reset */
    assert_int_equal(tenon_producer_enable(&window, &rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_producer_diag(&window)->cause, TENON_CAUSE_DEVICE_FAULT);
}

static void what_was_added_first_is_carried_out_first_and_in_order(void **state)
{
    (void)state;
    start(1);
    rig_enable(&rig);
    const struct tenon_joint_command early = place(0.1), middle = place(0.2), late = place(0.3);
    assert_int_equal(tenon_producer_follow(&window, &rig.joints[0], &late), TENON_OK);
    assert_int_equal(tenon_producer_follow(&planner, &rig.joints[0], &early), TENON_OK);
    assert_int_equal(tenon_producer_follow(&planner, &rig.joints[0], &middle), TENON_OK);
    rig_step(&rig);
    assert_true(fabs(rig.joints[0].setpoint.position_rad - 0.3) < 1e-12);
    assert_int_equal(tenon_producer_follow(&planner, &rig.joints[0], &early), TENON_OK);
    assert_int_equal(tenon_producer_follow(&planner, &rig.joints[0], &middle), TENON_OK);
    rig_step(&rig);
    assert_true(fabs(rig.joints[0].setpoint.position_rad - 0.2) < 1e-12);
}

static void a_move_can_be_waited_for_without_looking_into_the_joint(void **state)
{
    (void)state;
    start(2);
    const double goals[2] = {0.2, 0.4};
    assert_false(tenon_producer_is_moving(&planner, &rig.joints[0]));
    assert_int_equal(tenon_producer_enable_group(&planner, &rig.group), TENON_OK);
    assert_int_equal(tenon_producer_move_group(&planner, &rig.group, goals), TENON_OK);
    unsigned count = 0;
    for (; tenon_producer_is_moving(&planner, &rig.joints[0]); count++) {
        assert_true(count < 3000);
        rig_step(&rig);
    }
    assert_true(count > 300);
    assert_int_equal(rig.group.status, TENON_GROUP_DONE);
    assert_true(fabs(rig.joints[0].command.position_rad - 0.2) < 1e-9);
    assert_false(tenon_producer_is_moving(&window, &rig.joints[0]));
    assert_int_equal(tenon_producer_stop(&window, &rig.joints[1]), TENON_OK);
    assert_true(tenon_producer_is_moving(&window, &rig.joints[0]));
    assert_false(tenon_producer_is_moving(&planner, &rig.joints[0]));
    assert_false(tenon_producer_is_moving(NULL, &rig.joints[0]));
    assert_false(tenon_producer_is_moving(&planner, NULL));
}

static void a_full_queue_is_full_for_its_own_producer_only(void **state)
{
    (void)state;
    start(1);
    rig_enable(&rig);
    const struct tenon_joint_command c = place(0.1);
    for (unsigned i = 0; i < planner.queue.capacity; i++) {
        assert_int_equal(tenon_producer_follow(&planner, &rig.joints[0], &c), TENON_OK);
        assert_false(tenon_producer_is_idle(&planner));
    }
    assert_int_equal(tenon_producer_follow(&planner, &rig.joints[0], &c), TENON_ERR_FULL);
    assert_int_equal(tenon_producer_diag(&planner)->cause, TENON_CAUSE_QUEUE_FULL);
    assert_true(tenon_producer_is_idle(&window));
    assert_int_equal(tenon_producer_follow(&window, &rig.joints[0], &c), TENON_OK);
    assert_false(tenon_sched_is_safe(&rig.sched));
    assert_true(tenon_joint_is_moving(&rig.joints[0]));
    rig_step(&rig);
    assert_true(tenon_producer_is_idle(&planner));
    assert_int_equal(tenon_producer_follow(&planner, &rig.joints[0], &c), TENON_OK);
    assert_false(tenon_producer_is_idle(NULL));
}

static void as_many_commands_fit_as_the_memory_was_made_for(void **state)
{
    (void)state;
    static uint8_t bytes[TENON_PRODUCER_MEMORY(5) + 8];
    for (unsigned skew = 0; skew < 8; skew++) {
        struct tenon_producer p = {.name = NULL};
        rig_make(&rig, 1);
        assert_int_equal(
            tenon_sched_add_producer(&rig.sched, &p, "p", bytes + skew, TENON_PRODUCER_MEMORY(5)),
            TENON_OK);
        assert_true(p.queue.capacity >= 5);
        assert_true((uint8_t *)(p.queue.entries + p.queue.capacity) <=
                    bytes + skew + TENON_PRODUCER_MEMORY(5));
        assert_int_equal((uintptr_t)p.queue.entries % _Alignof(double), 0);
    }
}

static void what_cannot_be_added_is_refused(void **state)
{
    (void)state;
    struct tenon_producer p = {.name = NULL};
    struct tenon_sched *const s = &rig.sched;
    rig_make(&rig, 1);
    assert_int_equal(tenon_sched_add_producer(NULL, &p, "p", window_memory, 100), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_producer(s, NULL, "p", window_memory, 100), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_producer(s, &p, NULL, window_memory, 100), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_producer(s, &p, "p", NULL, 100), TENON_ERR_ARG);
    for (size_t size = 0; size < sizeof(struct tenon_command_entry); size++) {
        assert_int_equal(tenon_sched_add_producer(s, &p, "p", window_memory, size), TENON_ERR_FULL);
        assert_int_equal(tenon_sched_diag(s)->cause, TENON_CAUSE_BUFFER_TOO_SMALL);
    }
    assert_int_equal(tenon_sched_add_producer(s, &p, "p", window_memory, 100), TENON_OK);
    assert_int_equal(tenon_sched_add_producer(s, &p, "p", window_memory, 100), TENON_ERR_STATE);
    start(1);
    p = (struct tenon_producer){.name = NULL};
    assert_int_equal(tenon_sched_add_producer(s, &p, "p", window_memory, 100), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(s)->cause, TENON_CAUSE_STARTED);
}

static void one_commands_nothing_that_is_not_its_own(void **state)
{
    static struct rig other;
    struct tenon_producer loose = {.name = NULL};
    const double goal = 0.0;
    (void)state;
    start(1);
    rig_make(&other, 1);
    assert_int_equal(tenon_producer_enable(NULL, &rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_producer_enable(&loose, &rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_producer_make_safe(NULL), TENON_ERR_STATE);
    assert_int_equal(tenon_producer_enable(&planner, &other.joints[0]), TENON_ERR_ARG);
    assert_int_equal(tenon_producer_diag(&planner)->cause, TENON_CAUSE_NOT_ADDED);
    rig_start(&other);
    assert_int_equal(tenon_producer_disable(&planner, &other.joints[0]), TENON_ERR_ARG);
    assert_int_equal(tenon_producer_move_group(&planner, &other.group, &goal), TENON_ERR_ARG);
    assert_int_equal(tenon_producer_enable(&planner, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_producer_move_to(&planner, NULL, 0.0), TENON_ERR_ARG);
    assert_int_equal(tenon_producer_follow(&planner, NULL, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_producer_follow(&planner, &rig.joints[0], NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_producer_diag(&planner)->cause, TENON_CAUSE_NULL);
    assert_int_equal(tenon_producer_stop_group(&planner, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_producer_move_group(&planner, &rig.group, NULL), TENON_ERR_ARG);
    tenon_producer_beat(NULL);
    tenon_producer_set_heartbeat(NULL, 1);
    assert_true(tenon_producer_is_idle(&planner));
}

/* A window that lives does not hide a planner that hangs. */
static void each_has_its_own_heartbeat(void **state)
{
    struct tenon_event event;
    (void)state;
    for (unsigned silent = 0; silent < 2; silent++) {
        start(2);
        tenon_producer_set_heartbeat(&planner, TENON_MS(30));
        tenon_producer_set_heartbeat(&window, TENON_MS(50));
        rig_enable(&rig);
        for (unsigned i = 0; i < 200; i++) {
            tenon_producer_beat(i < 100 || silent == 1 ? &planner : NULL);
            tenon_producer_beat(i < 100 || silent == 0 ? &window : NULL);
            rig_step(&rig);
        }
        assert_int_equal(rig.joints[0].diag.cause, TENON_CAUSE_HEARTBEAT);
        assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_OK);
        assert_int_equal(event.diag.cause, TENON_CAUSE_HEARTBEAT);
        assert_string_equal(event.name, silent == 0 ? "planner" : "window");
        assert_int_equal(event.masked_count, 2);
        assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_ERR_AGAIN);
    }
}

static void who_is_not_ready_can_be_asked_beside_who_commands(void **state)
{
    struct tenon_diag why;
    (void)state;
    start(1);
    assert_int_equal(tenon_sched_explain_to(&rig.sched, &why), TENON_OK);
    assert_int_equal(why.code, TENON_OK);
    rig.motors[0].fail_at[RIG_READ] = rig.motors[0].calls[RIG_READ] + 1;
    rig_steps(&rig, 2);
    assert_int_equal(tenon_sched_explain_to(&rig.sched, &why), TENON_ERR_DEVICE);
    assert_int_equal(why.cause, TENON_CAUSE_DEVICE_FAULT);
    assert_int_equal(tenon_sched_diag(&rig.sched)->code, TENON_OK);
    assert_int_equal(tenon_sched_explain(&rig.sched), TENON_ERR_DEVICE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_DEVICE_FAULT);
    assert_int_equal(tenon_sched_explain_to(NULL, &why), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_explain_to(&rig.sched, NULL), TENON_ERR_ARG);
}

/* --- the emergency stop --- */

static bool is_latched(void)
{
    return tenon_joint_enable(&rig.joints[0]) == TENON_ERR_STATE &&
           tenon_sched_diag(&rig.sched)->cause == TENON_CAUSE_ESTOP;
}

static void a_press_that_no_step_has_seen_cannot_be_cleared(void **state)
{
    (void)state;
    start(1);
    for (unsigned round = 0; round < 5; round++) {
        tenon_sched_estop(&rig.sched);
        tenon_sched_clear_estop(&rig.sched);
        assert_true(is_latched());
        rig_step(&rig);
        assert_true(is_latched());
        tenon_sched_estop(&rig.sched); /* once more while it is latched */
        tenon_sched_clear_estop(&rig.sched);
        assert_true(is_latched());
        rig_step(&rig);
        tenon_sched_clear_estop(&rig.sched);
        assert_false(is_latched());
        rig_step(&rig);
        assert_false(is_latched());
        assert_int_equal(tenon_joint_disable(&rig.joints[0]), TENON_OK);
        rig_steps(&rig, 20);
    }
}

static void an_enable_between_clearing_and_the_next_press_gives_no_torque(void **state)
{
    (void)state;
    start(1);
    tenon_sched_estop(&rig.sched);
    rig_step(&rig);
    tenon_sched_clear_estop(&rig.sched);
    assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_OK);
    tenon_sched_estop(&rig.sched);
    rig_steps(&rig, 20);
    assert_int_equal(rig.joints[0].status, TENON_JOINT_DISABLED);
    assert_int_equal(rig.motors[0].on_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_can_be_given_through_any_producer),
        cmocka_unit_test(a_refusal_is_told_to_who_was_refused_alone),
        cmocka_unit_test(why_a_joint_fell_is_told_to_every_producer_that_asks),
        cmocka_unit_test(what_was_added_first_is_carried_out_first_and_in_order),
        cmocka_unit_test(a_move_can_be_waited_for_without_looking_into_the_joint),
        cmocka_unit_test(a_full_queue_is_full_for_its_own_producer_only),
        cmocka_unit_test(as_many_commands_fit_as_the_memory_was_made_for),
        cmocka_unit_test(what_cannot_be_added_is_refused),
        cmocka_unit_test(one_commands_nothing_that_is_not_its_own),
        cmocka_unit_test(each_has_its_own_heartbeat),
        cmocka_unit_test(who_is_not_ready_can_be_asked_beside_who_commands),
        cmocka_unit_test(a_press_that_no_step_has_seen_cannot_be_cleared),
        cmocka_unit_test(an_enable_between_clearing_and_the_next_press_gives_no_torque),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
