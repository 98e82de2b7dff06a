/* One thread steps, another commands: what was accepted is carried out, once and in order. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_another_thread_commands_is_carried_out_once_and_in_order),
        cmocka_unit_test(an_estop_of_another_thread_is_obeyed_by_the_next_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
