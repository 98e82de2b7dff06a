/* The runner: real time, signals, and one motor that is always there. */
#define _POSIX_C_SOURCE 200809L
#include "tenon_test.h"

#include "rig.h"
#include "tenon/posix.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#define PERIOD   TENON_MS(2)
#define PATIENCE TENON_S(20)

static struct rig rig;
static struct tenon_motor_api api;
static struct tenon_driver driver;

/* The rig's motor, but its samples are always new: nobody moves it along while the runner waits. */
static int
read_where_told(struct tenon_motor *motor, tenon_ns_t now, struct tenon_motor_state *out_state)
{
    const struct rig_motor *self = (const struct rig_motor *)(const void *)motor;
    *out_state = (struct tenon_motor_state){
        .position_rad = self->goal_rad, .stamp_ns = now, .valid = TENON_VALID_POSITION};
    return TENON_OK;
}

static void make(tenon_ns_t period)
{
    rig_make(&rig, 1);
    assert_int_equal(
        tenon_sched_init(&rig.sched, &tenon_posix_port, period, rig.memory, sizeof rig.memory),
        TENON_OK);
    struct tenon_module *const module = &rig.motors[0].base.module;
    api = *(const struct tenon_motor_api *)(const void *)module->driver->api;
    driver = *module->driver;
    api.read = read_where_told;
    driver.api = &api.head;
    module->driver = &driver;
    rig_add(&rig);
}

static void start(tenon_ns_t period)
{
    make(period);
    assert_int_equal(tenon_posix_start(&rig.sched, PATIENCE), TENON_OK);
}

static void enable(void)
{
    assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_OK);
    for (int i = 0; i < 100 && rig.joints[0].status != TENON_JOINT_ENABLED; i++) {
        assert_int_equal(tenon_posix_cycle(&rig.sched), TENON_OK);
    }
    assert_int_equal(rig.joints[0].status, TENON_JOINT_ENABLED);
}

static void start_returns_when_all_are_ready(void **state)
{
    (void)state;
    make(PERIOD);
    rig.motors[0].again[RIG_PROBE] = 5;
    assert_int_equal(tenon_posix_start(&rig.sched, PATIENCE), TENON_OK);
    assert_true(tenon_sched_is_ready(&rig.sched));
    assert_int_equal(rig.joints[0].status, TENON_JOINT_DISABLED);
    assert_int_equal(rig.motors[0].on_count, 0);
}

static void start_returns_the_first_refusal_of_an_add_call(void **state)
{
    (void)state;
    make(PERIOD);
    assert_int_equal(tenon_sched_add_wire(&rig.sched, NULL, "bus", NULL, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_posix_start(&rig.sched, PATIENCE), TENON_ERR_ARG);
    assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "bus");
    assert_int_equal(tenon_posix_start(NULL, PATIENCE), TENON_ERR_ARG);
}

static void start_tells_who_is_not_ready_when_the_time_is_over(void **state)
{
    (void)state;
    make(PERIOD);
    rig.motors[0].fail_at[RIG_PROBE] = 1;
    rig.motors[0].fails_on[RIG_PROBE] = true;
    const tenon_ns_t begin = tenon_posix_now();
    assert_int_equal(tenon_posix_start(&rig.sched, TENON_MS(50)), TENON_ERR_DEVICE);
    assert_true(tenon_posix_now() - begin >= TENON_MS(50));
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_DEVICE_FAULT);
    assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "hip");
}

static void start_does_not_wait_for_what_time_does_not_heal(void **state)
{
    (void)state;
    make(PERIOD);
    rig.motors[0].fail_at[RIG_PROBE] = 1;
    rig.motors[0].fails_on[RIG_PROBE] = true;
    rig.motors[0].fail_code = TENON_ERR_UNSUPPORTED;
    const tenon_ns_t begin = tenon_posix_now();
    assert_int_equal(tenon_posix_start(&rig.sched, PATIENCE), TENON_ERR_UNSUPPORTED);
    assert_true(tenon_posix_now() - begin < PATIENCE / 2);
}

static void a_cycle_is_one_step_and_not_before_its_release(void **state)
{
    (void)state;
    make(PERIOD);
    assert_int_equal(tenon_posix_cycle(&rig.sched), TENON_ERR_STATE); /* not started */
    assert_int_equal(tenon_posix_start(&rig.sched, PATIENCE), TENON_OK);
    for (int i = 0; i < 50; i++) {
        const tenon_ns_t release = tenon_sched_release(&rig.sched);
        const uint32_t steps = rig.sched.counters.step_count;
        assert_int_equal(tenon_posix_cycle(&rig.sched), TENON_OK);
        assert_int_equal(rig.sched.counters.step_count, steps + 1);
        assert_true(tenon_posix_now() >= release);
        assert_true((tenon_sched_release(&rig.sched) - release) % PERIOD == 0);
    }
}

static void ignore(int signal_number)
{
    (void)signal_number;
}

static void a_signal_ends_the_wait_without_a_step(void **state)
{
    const struct sigaction action = {.sa_handler = ignore};
    const struct itimerspec soon = {.it_value = {.tv_nsec = 50000000}};
    timer_t timer;
    struct sigevent event;
    (void)state;
    start(TENON_MS(500));
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    /* A machine that does other things may run the step first: then the next cycle waits. */
    bool is_interrupted = false;
    for (int i = 0; i < 10 && !is_interrupted; i++) {
        const uint32_t steps = rig.sched.counters.step_count;
        assert_int_equal(timer_settime(timer, 0, &soon, NULL), 0);
        const int rc = tenon_posix_cycle(&rig.sched);
        is_interrupted = rc == TENON_ERR_AGAIN;
        assert_int_equal(rig.sched.counters.step_count, is_interrupted ? steps : steps + 1);
    }
    assert_true(is_interrupted);
    assert_int_equal(tenon_posix_cycle(&rig.sched), TENON_OK);
    assert_int_equal(timer_delete(timer), 0);
}

static void stop_ends_when_every_joint_is_safe(void **state)
{
    (void)state;
    start(PERIOD);
    enable();
    assert_int_equal(tenon_joint_move_to(&rig.joints[0], 2.0), TENON_OK);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(tenon_posix_cycle(&rig.sched), TENON_OK);
    }
    assert_true(tenon_joint_is_moving(&rig.joints[0]));
    rig.motors[0].again[RIG_MAKE_SAFE] = 5;
    assert_int_equal(tenon_posix_stop(&rig.sched, PATIENCE), TENON_OK);
    assert_true(tenon_sched_is_safe(&rig.sched));
    assert_false(rig.motors[0].torque_is_on);
    assert_true(rig.motors[0].calls[RIG_MAKE_SAFE] > 5);
}

static void stop_gives_up_when_the_time_is_over(void **state)
{
    (void)state;
    start(PERIOD);
    enable();
    rig.motors[0].fail_at[RIG_MAKE_SAFE] = 1;
    rig.motors[0].fails_on[RIG_MAKE_SAFE] = true;
    assert_int_equal(tenon_posix_stop(&rig.sched, TENON_MS(100)), TENON_ERR_TIMEOUT);
    rig.motors[0].fails_on[RIG_MAKE_SAFE] = false;
    assert_int_equal(tenon_posix_stop(&rig.sched, PATIENCE), TENON_OK);
    assert_false(rig.motors[0].torque_is_on);
}

static void stop_finds_its_way_through_a_full_queue(void **state)
{
    const struct tenon_joint_command command = {.mode = TENON_MODE_POSITION};
    (void)state;
    start(PERIOD);
    enable();
    int rc = TENON_OK;
    for (int i = 0; i < 1000 && rc == TENON_OK; i++) {
        rc = tenon_joint_follow(&rig.joints[0], &command);
    }
    assert_int_equal(rc, TENON_ERR_FULL);
    assert_int_equal(tenon_posix_stop(&rig.sched, PATIENCE), TENON_OK);
    assert_int_equal(rig.joints[0].status, TENON_JOINT_DISABLED);
    assert_false(rig.motors[0].torque_is_on);
}

static void a_time_without_end_is_none_that_has_passed(void **state)
{
    (void)state;
    make(PERIOD);
    rig.motors[0].again[RIG_PROBE] = 5;
    assert_int_equal(tenon_posix_start(&rig.sched, TENON_NEVER), TENON_OK);
    enable();
    assert_int_equal(tenon_posix_stop(&rig.sched, TENON_NEVER), TENON_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_returns_when_all_are_ready),
        cmocka_unit_test(start_returns_the_first_refusal_of_an_add_call),
        cmocka_unit_test(start_tells_who_is_not_ready_when_the_time_is_over),
        cmocka_unit_test(start_does_not_wait_for_what_time_does_not_heal),
        cmocka_unit_test(a_cycle_is_one_step_and_not_before_its_release),
        cmocka_unit_test(a_signal_ends_the_wait_without_a_step),
        cmocka_unit_test(stop_ends_when_every_joint_is_safe),
        cmocka_unit_test(stop_gives_up_when_the_time_is_over),
        cmocka_unit_test(stop_finds_its_way_through_a_full_queue),
        cmocka_unit_test(a_time_without_end_is_none_that_has_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
