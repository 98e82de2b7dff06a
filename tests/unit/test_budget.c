/* A joint's part of the step may be given a budget: who exceeds it is counted and told, and obeyed
 * all the same. */
#include "rig.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

enum { JOINTS = 3 };

static struct rig rig;
static struct tenon_joint_supervision watched[JOINTS];

/* A clock of 1 MHz. A step looks at it as it begins, before its first joint, after each, and at its
 * end; what each joint takes is scripted. */
static uint32_t clock_ticks;
static unsigned look;
static uint32_t cost[JOINTS];

static uint32_t read_clock(void)
{
    const unsigned joint = look++ - 2u;
    clock_ticks += joint < JOINTS ? cost[joint] : 1u;
    return clock_ticks;
}

static void panic(uint32_t module, uint32_t id)
{
    (void)module;
    (void)id;
    fail();
}

static const struct tenon_port port = {
    .head = TENON_API_HEAD(struct tenon_port),
    .ticks = read_clock,
    .panic = panic,
    .ticks_per_s = 1000000,
};

static void steps(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        look = 0;
        rig_step(&rig);
        assert_int_equal(look, JOINTS + 3);
    }
}

/* Budgets of 100 us for the first and 200 us for the second; the third has none. */
static void make(void)
{
    rig_make(&rig, JOINTS);
    memset(watched, 0, sizeof watched);
    clock_ticks = UINT32_MAX - 1000; /* it runs over early on */
    assert_int_equal(tenon_sched_init(&rig.sched, &port, RIG_PERIOD, rig.memory, sizeof rig.memory),
                     TENON_OK);
    watched[0].budget_s = 100e-6f;
    watched[1].budget_s = 200e-6f;
    for (unsigned i = 0; i < JOINTS; i++) {
        cost[i] = 50;
        rig.joints[i].supervision = i < 2 ? &watched[i] : NULL;
    }
    rig_start(&rig);
    steps(10);
    for (unsigned i = 0; i < JOINTS; i++) {
        assert_int_equal(tenon_joint_enable(&rig.joints[i]), TENON_OK);
    }
    steps(10);
}

static void assert_no_event(void)
{
    struct tenon_event event;
    assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_ERR_AGAIN);
}

static void up_to_the_budget_nothing_is_said(void **state)
{
    (void)state;
    make();
    for (uint32_t c = 50; c <= 100; c++) {
        cost[0] = c;
        cost[1] = 2 * c;
        cost[2] = 1000 * c;
        steps(1);
    }
    assert_int_equal(watched[0].over_budget_count, 0);
    assert_int_equal(watched[1].over_budget_count, 0);
    assert_no_event();
}

static void each_step_beyond_the_budget_is_counted_whatever_went_before(void **state)
{
    (void)state;
    make();
    static const uint32_t costs[] = {101, 100, 5000, 101, 99, 101, 3, 2000000, 101, 101};
    static const uint32_t counts[] = {1, 1, 2, 3, 3, 4, 4, 5, 6, 7};
    for (unsigned i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        cost[0] = costs[i];
        steps(1);
        assert_int_equal(watched[0].over_budget_count, counts[i]);
    }
    assert_int_equal(watched[1].over_budget_count, 0);
    assert_int_equal(rig.joints[0].timing.max_ticks, 2000000);
    uint32_t calls = 0; /* the account is kept beyond the budget, too */
    for (unsigned k = 0; k < TENON_TIMING_BUCKETS; k++) {
        calls += rig.joints[0].timing.bucket[k];
    }
    assert_int_equal(calls, 30);
}

static void a_swarm_of_them_is_one_event_that_names_the_first(void **state)
{
    struct tenon_event event;
    char text[200];
    (void)state;
    make();
    cost[0] = 150;
    cost[1] = 1000;
    steps(500);
    assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_OK);
    assert_int_equal(event.kind, TENON_EVENT_LATE);
    assert_int_equal(event.source, TENON_SOURCE_JOINT);
    assert_string_equal(event.name, "hip");
    assert_int_equal(event.diag.cause, TENON_CAUSE_BUDGET);
    assert_true(fabsf(event.diag.value - 150e-6f) < 1e-9f);
    assert_true(fabsf(event.diag.bound - 100e-6f) < 1e-9f);
    assert_int_equal(event.masked_count, 2 * 500 - 1);
    assert_int_equal(strncmp(tenon_diag_text(&event.diag, text, sizeof text), "hip: ", 5), 0);
    assert_no_event();
    cost[0] = cost[1] = 50;
    steps(1001);
    cost[1] = 201;
    steps(1);
    assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_OK);
    assert_string_equal(event.name, "knee");
    assert_no_event();
}

/* Time is for watching only: commands are the same to the bit. */
static void what_is_commanded_does_not_depend_on_time(void **state)
{
    static double log[2][400];
    (void)state;
    for (unsigned slow = 0; slow < 2; slow++) {
        make();
        cost[0] = slow == 0 ? 50 : 5000;
        assert_int_equal(tenon_joint_move_to(&rig.joints[0], 0.3), TENON_OK);
        for (unsigned i = 0; i < 400; i++) {
            steps(1);
            log[slow][i] = rig.motors[0].last.position_rad;
        }
        assert_int_equal(rig.joints[0].status, TENON_JOINT_ENABLED);
        assert_int_equal(rig.joints[0].fault_count, 0);
    }
    assert_int_equal(watched[0].over_budget_count, 400);
    assert_memory_equal(log[0], log[1], sizeof log[0]);
}

static void a_budget_that_is_no_time_is_refused(void **state)
{
    const float bad[] = {-1e-6f, NAN, INFINITY};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        rig_make(&rig, 1);
        memset(watched, 0, sizeof watched);
        watched[0].budget_s = bad[i];
        rig.joints[0].supervision = &watched[0];
        rig_add(&rig);
        assert_int_equal(tenon_sched_start(&rig.sched), TENON_ERR_LIMIT);
        assert_string_equal(tenon_sched_diag(&rig.sched)->detail, "budget_s");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_the_budget_nothing_is_said),
        cmocka_unit_test(each_step_beyond_the_budget_is_counted_whatever_went_before),
        cmocka_unit_test(a_swarm_of_them_is_one_event_that_names_the_first),
        cmocka_unit_test(what_is_commanded_does_not_depend_on_time),
        cmocka_unit_test(a_budget_that_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
