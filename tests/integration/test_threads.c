/*
 * One thread steps, others command, look and stop: what was accepted is carried out, once and in
 * order, and what is seen is whole. Built with the thread sanitizer this also shows that no two
 * threads touch the same word unsynchronised.
 */
#include "../tenon_test.h"

#include "rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define COMMANDS 20000

static struct rig rig;
static atomic_bool is_done;
static unsigned accepted;
static unsigned refused;

/* Each command is a place of its own, so that the newest one can be told from all others. */
static double place_of(unsigned number)
{
    return 1e-5 * (double)number;
}

static void *command(void *ignored)
{
    struct tenon_joint_command wanted = {.mode = TENON_MODE_POSITION};
    while (accepted < COMMANDS) {
        wanted.position_rad = place_of(accepted + 1);
        const int rc = tenon_joint_follow(&rig.joints[0], &wanted);
        if (rc == TENON_OK) {
            accepted++;
        } else {
            refused += rc == TENON_ERR_FULL ? 0 : 1;
            (void)sched_yield();
        }
    }
    atomic_store(&is_done, true);
    return ignored;
}

static void what_another_thread_commands_is_carried_out_once_and_in_order(void **state)
{
    pthread_t thread;
    double before = 0.0;
    (void)state;
    rig_make(&rig, 1);
    rig_start_enabled(&rig);
    const uint32_t begin = rig.sched.counters.command_count;
    accepted = 0;
    refused = 0;
    atomic_store(&is_done, false);
    assert_int_equal(pthread_create(&thread, NULL, command, NULL), 0);
    while (!atomic_load(&is_done)) {
        rig_step(&rig);
        const double place = rig.joints[0].setpoint.position_rad;
        if (place < before) {
            fail_msg("%.6f after %.6f", place, before);
        }
        before = place;
        (void)sched_yield();
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    rig_step(&rig);
    assert_int_equal(refused, 0); /* but for a full queue */
    assert_int_equal(accepted, COMMANDS);
    assert_int_equal(rig.sched.counters.command_count - begin, COMMANDS);
    assert_true(rig.joints[0].setpoint.position_rad >= place_of(COMMANDS));
    assert_int_equal(rig.motors[0].stray_count, 0);
}

static void *press_the_button(void *ignored)
{
    tenon_sched_estop(&rig.sched);
    atomic_store(&is_done, true);
    return ignored;
}

static void an_estop_of_another_thread_is_obeyed_by_the_next_step(void **state)
{
    pthread_t thread;
    (void)state;
    for (int i = 0; i < 50; i++) {
        rig_make(&rig, 2);
        rig.joints[0].safe_action = TENON_SAFE_LIMP;
        rig.joints[1].safe_action = TENON_SAFE_LIMP;
        rig_start_enabled(&rig);
        atomic_store(&is_done, false);
        assert_int_equal(pthread_create(&thread, NULL, press_the_button, NULL), 0);
        while (!atomic_load(&is_done)) {
            rig_step(&rig);
        }
        rig_step(&rig);
        assert_int_equal(rig.joints[0].status, TENON_JOINT_DISABLED);
        assert_int_equal(rig.joints[1].status, TENON_JOINT_DISABLED);
        assert_false(rig.motors[0].torque_is_on || rig.motors[1].torque_is_on);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

/* --- everyone at once --- */

enum { CROWD_STEPS = 4000, CROWD_JOINTS = 3, READERS = 2 };

static struct tenon_producer planner, window;
static uint64_t planner_memory[TENON_PRODUCER_MEMORY(16) / 8];
static uint64_t window_memory[TENON_PRODUCER_MEMORY(16) / 8];
static struct tenon_reader readers[READERS];

/* What one thread found; each has its own. */
struct tally {
    struct tenon_producer *producer;
    struct tenon_reader *reader;
    unsigned accepted; /* entries of the queue */
    unsigned refused;
    unsigned strange; /* refusals without a reason, snapshots that are not whole */
    unsigned events;
};

static void count(struct tally *t, int rc, unsigned entries)
{
    if (rc == TENON_OK) {
        t->accepted += entries;
        return;
    }
    const struct tenon_diag *const why = tenon_producer_diag(t->producer);
    const bool is_told = why->code == rc && why->cause != TENON_CAUSE_NONE &&
                         why->cause < TENON_CAUSE_COUNT && why->subject != NULL;
    t->refused++;
    t->strange += is_told ? 0u : 1u;
}

/* Plans: moves of all, and of one. */
static void *plan(void *at)
{
    struct tally *const t = at;
    for (unsigned i = 0; !atomic_load(&is_done); i++) {
        const double x = 0.01 * (double)(i % 100);
        const double goals[CROWD_JOINTS] = {x, -x, 0.5 * x};
        count(t, tenon_producer_enable_group(t->producer, &rig.group), CROWD_JOINTS);
        count(t, tenon_producer_move_group(t->producer, &rig.group, goals), CROWD_JOINTS + 1);
        count(t, tenon_producer_move_to(t->producer, &rig.joints[i % CROWD_JOINTS], 9.0), 2);
        for (unsigned k = 0; k < 50 && tenon_producer_is_moving(t->producer, &rig.joints[0]); k++) {
            (void)sched_yield();
        }
        count(t, tenon_producer_stop_group(t->producer, &rig.group), 1);
        (void)sched_yield();
    }
    return NULL;
}

/* An operator: one joint at a time, and resets. */
static void *operate(void *at)
{
    struct tally *const t = at;
    for (unsigned i = 0; !atomic_load(&is_done); i++) {
        struct tenon_joint *const joint = &rig.joints[i % CROWD_JOINTS];
        const struct tenon_joint_command wanted = {.position_rad = 1e-4 * (double)(i % 1000),
                                                   .mode = TENON_MODE_POSITION};
        count(t, tenon_producer_reset(t->producer, joint), 1);
        count(t, tenon_producer_enable(t->producer, joint), 1);
        count(t, tenon_producer_follow(t->producer, joint, &wanted), 1);
        count(t, tenon_producer_move_to(t->producer, joint, 0.1), 2);
        count(t, i % 50 == 0 ? tenon_producer_disable(t->producer, joint) : TENON_OK,
              i % 50 == 0 ? 1 : 0);
        count(t, i % 999 == 0 ? tenon_producer_make_safe(t->producer) : TENON_OK,
              i % 999 == 0 ? 1 : 0);
        tenon_producer_beat(t->producer);
        (void)sched_yield();
    }
    return NULL;
}

/* Steps rise, and joints are where they can be. */
static void *look(void *at)
{
    struct tally *const t = at;
    struct tenon_joint_snapshot joints[CROWD_JOINTS];
    struct tenon_snapshot_head head;
    uint32_t step = 0;
    while (!atomic_load(&is_done)) {
        const int rc = tenon_reader_read(t->reader, &head, joints, CROWD_JOINTS);
        if (rc == TENON_ERR_AGAIN) {
            continue;
        }
        bool is_whole = rc == CROWD_JOINTS && head.step_count >= step;
        for (unsigned i = 0; is_whole && i < CROWD_JOINTS; i++) {
            is_whole = joints[i].status <= TENON_JOINT_FAULT && joints[i].command_rad < 3.1 &&
                       joints[i].command_rad > -3.1;
        }
        step = head.step_count;
        t->strange += is_whole ? 0u : 1u;
        t->accepted++;
        (void)sched_yield();
    }
    return NULL;
}

static void *listen(void *at)
{
    struct tally *const t = at;
    uint32_t next = 0;
    struct tenon_event event;
    while (!atomic_load(&is_done)) {
        while (tenon_sched_take_event(&rig.sched, &event) == TENON_OK) {
            t->strange += event.number < next || event.name == NULL ? 1u : 0u;
            next = event.number + 1;
            t->events++;
        }
        (void)tenon_sched_count_events(&rig.sched);
        (void)sched_yield();
    }
    return NULL;
}

static void *press_and_clear(void *at)
{
    struct tally *const t = at;
    while (!atomic_load(&is_done)) {
        tenon_sched_estop(&rig.sched);
        for (unsigned i = 0; i < 20; i++) {
            (void)sched_yield();
        }
        tenon_sched_clear_estop(&rig.sched);
        for (unsigned i = 0; i < 200; i++) {
            (void)sched_yield();
        }
        t->accepted++;
    }
    return NULL;
}

/* Motors fail now and then, so that faults are written while others tell of them. */
static void run_crowd(void)
{
    for (unsigned i = 0; i < CROWD_STEPS; i++) {
        struct rig_motor *const motor = &rig.motors[i % CROWD_JOINTS];
        if (i % 331 == 0) {
            motor->fail_at[RIG_READ] = motor->calls[RIG_READ] + 1;
        }
        if (i % 1013 == 0) {
            rig.now += 5 * RIG_PERIOD;
        }
        rig_step(&rig);
        (void)sched_yield();
    }
}

static void many_threads_command_look_and_stop_beside_the_cycle(void **state)
{
    static const struct tenon_restart_policy quick = {0, TENON_S(10), TENON_MS(2), TENON_MS(5),
                                                      TENON_MS(50)};
    void *(*const bodies[])(void *) = {plan, operate, operate, look, look, listen, press_and_clear};
    enum { THREADS = sizeof bodies / sizeof bodies[0] };
    struct tally tallies[THREADS] = {{.producer = &planner},
                                     {.producer = &window},
                                     {.producer = &rig.sched.own},
                                     {.reader = &readers[0]},
                                     {.reader = &readers[1]}};
    pthread_t threads[THREADS];
    (void)state;
    rig_make(&rig, CROWD_JOINTS);
    for (unsigned i = 0; i < CROWD_JOINTS; i++) {
        rig.joints[i].motor.restart = &quick;
    }
    for (unsigned i = 0; i < READERS; i++) {
        (void)tenon_sched_add_reader(&rig.sched, &readers[i]);
    }
    (void)tenon_sched_add_producer(&rig.sched, &planner, "planner", planner_memory,
                                   sizeof planner_memory);
    (void)tenon_sched_add_producer(&rig.sched, &window, "window", window_memory,
                                   sizeof window_memory);
    rig_start(&rig);
    rig_steps(&rig, 10);
    atomic_store(&is_done, false);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, bodies[i], &tallies[i]), 0);
    }
    run_crowd();
    atomic_store(&is_done, true);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    rig_step(&rig);
    unsigned given = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(tallies[i].strange, 0);
        given += i < 3 ? tallies[i].accepted : 0;
    }
    assert_true(tallies[0].accepted > 0 && tallies[1].accepted > 0 && tallies[2].accepted > 0);
    assert_true(tallies[0].refused > 0 && tallies[3].accepted > 0 && tallies[5].events > 0);
    assert_int_equal(rig.sched.counters.command_count, given);
    for (unsigned i = 0; i < CROWD_JOINTS; i++) {
        assert_int_equal(rig.motors[i].stray_count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_another_thread_commands_is_carried_out_once_and_in_order),
        cmocka_unit_test(an_estop_of_another_thread_is_obeyed_by_the_next_step),
        cmocka_unit_test(many_threads_command_look_and_stop_beside_the_cycle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
