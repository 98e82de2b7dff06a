/*
 * The watchdog's thread: servos are made safe while the step hangs for good, within the time that
 * is stated, and a loop that goes on is left alone. In real time, on a pseudo-terminal.
 */
#define _GNU_SOURCE
#include "../tenon_test.h"

#include "../fakes/pty_servos.h"
#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/serialport_line.h"
#include "tenon/posix.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PERIOD   TENON_MS(20) /* ten are the age allowed for a sample: machines are noisy */
#define BOUND    TENON_MS(200)
#define BRAKING  TENON_MS(300) /* velocity limit / acceleration limit below */
#define MACHINE  TENON_MS(150) /* what a busy machine may be late */
#define PATIENCE TENON_S(20)

static const struct tenon_joint_limits limits = {-1.5, 1.5, 0.6f, 2.0f, 15.0f, 0.0f, 0.0f};

/* A controller that passes on what it gets, until it is told to hang. */
struct hanging_controller {
    struct tenon_controller base;
    bool hangs; /* in the next update, once */
};

static struct {
    struct pty_servos servos;
    struct tenon_sched sched;
    struct tenon_serialport_line line;
    struct tenon_wire wire;
    struct tenon_dxl2_bus bus;
    struct tenon_dxl2_motor motors[PTY_SERVOS];
    struct tenon_joint joints[PTY_SERVOS];
    struct hanging_controller controller;
    struct tenon_posix_watchdog watchdog;
    struct tenon_line_api line_api; /* a copy that tests may change */
    struct tenon_driver line_driver;
    uint8_t bus_memory[TENON_DXL2_BUS_MEMORY(PTY_SERVOS)];
    uint64_t memory[512];
    int pipe[2];
} rig;

static int controller_step(struct tenon_module *self, tenon_ns_t now)
{
    (void)self;
    (void)now;
    return TENON_OK;
}

static int controller_update(struct tenon_controller *base,
                             const struct tenon_controller_input *input,
                             struct tenon_joint_command *out_command)
{
    struct hanging_controller *self = (struct hanging_controller *)(void *)base;
    *out_command = input->setpoint;
    if (self->hangs) {
        char byte;
        self->hangs = false;
        assert_int_equal(read(rig.pipe[0], &byte, 1), 1);
    }
    return TENON_OK;
}

static int controller_track(struct tenon_controller *self,
                            const struct tenon_controller_input *input,
                            const struct tenon_joint_command *applied)
{
    (void)self;
    (void)input;
    (void)applied;
    return TENON_OK;
}

static struct tenon_controller *controller_init(struct hanging_controller *self)
{
    static const struct tenon_lifecycle_api lifecycle = {
        .head = TENON_API_HEAD(struct tenon_lifecycle_api),
        .probe = controller_step,
        .make_safe = controller_step};
    static const struct tenon_controller_api api = {.head =
                                                        TENON_API_HEAD(struct tenon_controller_api),
                                                    .update = controller_update,
                                                    .track = controller_track};
    static const struct tenon_driver driver = {.head = TENON_API_HEAD(struct tenon_driver),
                                               .name = "hanging_controller",
                                               .role = TENON_ROLE_CONTROLLER,
                                               .instance_size = sizeof(struct hanging_controller),
                                               .lifecycle = &lifecycle,
                                               .api = &api.head};
    self->base.module.driver = &driver;
    return &self->base;
}

/* --- the rig --- */

static int make_rig(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof rig);
    assert_int_equal(pipe2(rig.pipe, O_CLOEXEC), 0);
    pty_servos_make(&rig.servos);
    pty_servos_run(&rig.servos);
    return 0;
}

static int drop_rig(void **state)
{
    (void)state;
    tenon_posix_watchdog_stop(&rig.watchdog);
    tenon_sched_close(&rig.sched);
    pty_servos_stop(&rig.servos);
    (void)close(rig.pipe[0]);
    (void)close(rig.pipe[1]);
    return 0;
}

static void assemble(uint8_t safe_action)
{
    (void)tenon_sched_init(&rig.sched, &tenon_posix_port, PERIOD, rig.memory, sizeof rig.memory);
    struct tenon_line *line = tenon_serialport_line_init(&rig.line, rig.servos.name, 1000000);
    rig.line.scheduling_ns = TENON_MS(4);
    rig.line_api = *tenon_line_get_api(line);
    rig.line_driver = *line->module.driver;
    rig.line_driver.api = &rig.line_api.head;
    line->module.driver = &rig.line_driver;
    (void)tenon_sched_add_wire(
        &rig.sched, &rig.wire, "bus", line,
        tenon_dxl2_bus_init(&rig.bus, rig.bus_memory, sizeof rig.bus_memory));
    for (unsigned i = 0; i < PTY_SERVOS; i++) {
        /* Their own watchdogs are to leave them alone for longer than the test looks. */
        const struct tenon_dxl2_motor_config config = {.id = (uint8_t)(i + 1), .watchdog_ms = 2540};
        rig.joints[i].safe_action = safe_action;
        (void)tenon_sched_add_joint(
            &rig.sched, &rig.joints[i], i == 0 ? "first" : "second",
            tenon_dxl2_motor_init_config(&rig.motors[i], &rig.wire, &config), &limits);
    }
    (void)tenon_joint_use_controller(&rig.joints[0], controller_init(&rig.controller));
}

/* @return whether the joints got there in time. */
static bool reach(enum tenon_joint_status status)
{
    const tenon_ns_t end = tenon_posix_now() + PATIENCE;
    do {
        if (rig.joints[0].status == status && rig.joints[1].status == status) {
            return true;
        }
        (void)tenon_posix_cycle(&rig.sched);
    } while (tenon_posix_now() < end);
    return false;
}

static bool all_have_torque(void)
{
    return pty_servos_has_torque(&rig.servos, 0) && pty_servos_has_torque(&rig.servos, 1);
}

/* Torque on, in spite of a busy machine, on which the servos may be late. */
static void enable(void)
{
    const tenon_ns_t end = tenon_posix_now() + PATIENCE;
    while (!all_have_torque() || rig.joints[0].status != TENON_JOINT_ENABLED ||
           rig.joints[1].status != TENON_JOINT_ENABLED) {
        for (unsigned i = 0; i < PTY_SERVOS; i++) {
            if (rig.joints[i].status == TENON_JOINT_FAULT) {
                (void)tenon_joint_reset(&rig.joints[i]);
            } else if (rig.joints[i].status == TENON_JOINT_DISABLED) {
                tenon_sched_clear_estop(&rig.sched);
                (void)!tenon_joint_enable(&rig.joints[i]);
            }
        }
        (void)tenon_posix_cycle(&rig.sched);
        assert_true(tenon_posix_now() < end);
    }
}

static void start(uint8_t safe_action)
{
    static const struct tenon_posix_watchdog_config config = {BOUND, 0};
    assemble(safe_action);
    if (tenon_posix_start(&rig.sched, PATIENCE) != TENON_OK) {
        char text[256];
        fail_msg("%s", tenon_diag_text(tenon_sched_diag(&rig.sched), text, sizeof text));
    }
    enable();
    assert_int_equal(tenon_posix_watchdog_start(&rig.watchdog, &rig.sched, &config), TENON_OK);
}

static void pause_for(tenon_ns_t time)
{
    const struct timespec t = {.tv_sec = (time_t)(time / TENON_S(1)),
                               .tv_nsec = (long)(time % TENON_S(1))};
    (void)nanosleep(&t, NULL);
}

/* --- hanging --- */

static tenon_ns_t hang_time;

/* Lets the step go on after a time: until then only the watchdog can have done anything. */
static void *release_later(void *ignored)
{
    pause_for(hang_time);
    (void)!write(rig.pipe[1], "", 1);
    return ignored;
}

/* @return When the last step before the hang had ended, at the latest. */
static tenon_ns_t hang_for(tenon_ns_t time)
{
    pthread_t thread;
    (void)tenon_posix_cycle(&rig.sched);
    const tenon_ns_t last = tenon_posix_now();
    hang_time = time;
    rig.controller.hangs = true;
    assert_int_equal(pthread_create(&thread, NULL, release_later, NULL), 0);
    assert_int_equal(tenon_posix_cycle(&rig.sched), TENON_OK);
    assert_false(rig.controller.hangs);
    assert_true(tenon_posix_now() - last >= time);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return last;
}

static void without_a_watchdog_torque_stays_on(void **state)
{
    (void)state;
    start(TENON_SAFE_LIMP);
    tenon_posix_watchdog_stop(&rig.watchdog);
    (void)hang_for(BOUND + MACHINE);
    assert_true(all_have_torque());
}

static void assert_off_within(tenon_ns_t last, tenon_ns_t least, tenon_ns_t most)
{
    for (unsigned i = 0; i < PTY_SERVOS; i++) {
        const tenon_ns_t took = pty_servos_off_ns(&rig.servos, i) - last;
        if (took < least || took > most + MACHINE) {
            fail_msg("servo %u: torque off after %.1f ms", i + 1, (double)took * 1e-6);
        }
    }
}

static void torque_is_off_within_the_bound_while_the_step_hangs(void **state)
{
    (void)state;
    start(TENON_SAFE_LIMP);
    const tenon_ns_t last = hang_for(BOUND + 4 * MACHINE);
    assert_int_equal(tenon_posix_watchdog_fired(&rig.watchdog), 1);
    assert_off_within(last, BOUND * 3 / 5, BOUND);
}

static void a_step_that_comes_back_finds_the_emergency_stop(void **state)
{
    (void)state;
    start(TENON_SAFE_LIMP);
    (void)hang_for(BOUND + 2 * MACHINE);
    assert_true(reach(TENON_JOINT_DISABLED));
    assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_ESTOP);
    assert_false(pty_servos_has_torque(&rig.servos, 0) || pty_servos_has_torque(&rig.servos, 1));
}

static void joints_that_brake_are_stopped_first_and_let_go_after_the_braking_time(void **state)
{
    (void)state;
    start(TENON_SAFE_RAMP);
    assert_true(tenon_sched_braking_ns(&rig.sched) >= BRAKING - TENON_MS(1));
    const tenon_ns_t last = hang_for(BOUND + BRAKING + 4 * MACHINE);
    assert_true(pty_servos_is_tripped(&rig.servos, 0) && pty_servos_is_tripped(&rig.servos, 1));
    assert_off_within(last, BOUND * 3 / 5 + BRAKING, BOUND + BRAKING + TENON_MS(15));
}

static void joints_that_hold_are_stopped_and_not_let_go(void **state)
{
    (void)state;
    start(TENON_SAFE_HOLD);
    (void)hang_for(BOUND + 2 * MACHINE);
    assert_int_equal(tenon_posix_watchdog_fired(&rig.watchdog), 1);
    assert_true(pty_servos_is_tripped(&rig.servos, 0) && pty_servos_is_tripped(&rig.servos, 1));
    assert_true(all_have_torque());
}

/* The thread that should call the runner does something else: the library is not even entered. */
static void an_application_that_does_not_come_back_is_noticed_each_time(void **state)
{
    (void)state;
    start(TENON_SAFE_LIMP);
    for (unsigned i = 1; i <= 2; i++) {
        pause_for(BOUND + MACHINE);
        assert_int_equal(tenon_posix_watchdog_fired(&rig.watchdog), i);
        assert_false(pty_servos_has_torque(&rig.servos, 0));
        assert_true(reach(TENON_JOINT_DISABLED));
        enable();
    }
}

static void a_loop_that_goes_on_is_left_alone(void **state)
{
    (void)state;
    start(TENON_SAFE_LIMP);
    const tenon_ns_t end = tenon_posix_now() + 6 * BOUND;
    while (tenon_posix_now() < end) {
        assert_int_equal(tenon_posix_cycle(&rig.sched), TENON_OK);
    }
    tenon_posix_watchdog_stop(&rig.watchdog);
    assert_int_equal(tenon_posix_watchdog_fired(&rig.watchdog), 0);
    assert_true(all_have_torque());
}

static unsigned refusals_left;
static unsigned emergency_count;
static int (*true_write_emergency)(struct tenon_line *, const uint8_t *, size_t, tenon_ns_t);

static int
refuse_emergency(struct tenon_line *line, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    emergency_count++;
    if (refusals_left > 0) {
        refusals_left--;
        return refusals_left % 2 == 0 ? TENON_ERR_IO : 0;
    }
    return true_write_emergency(line, bytes, count, now);
}

static void a_line_that_cannot_take_the_frames_is_tried_again(void **state)
{
    (void)state;
    start(TENON_SAFE_LIMP);
    tenon_posix_watchdog_stop(&rig.watchdog);
    true_write_emergency = rig.line_api.write_emergency;
    rig.line_api.write_emergency = refuse_emergency;
    refusals_left = 12;
    emergency_count = 0;
    assert_int_equal(tenon_posix_watchdog_start(&rig.watchdog, &rig.sched, NULL), TENON_OK);
    (void)hang_for(BOUND + 4 * MACHINE);
    assert_false(all_have_torque());
    tenon_posix_watchdog_stop(&rig.watchdog);
    assert_int_equal(emergency_count, 15); /* three times five, and then no more */
    assert_int_equal(tenon_posix_watchdog_fired(&rig.watchdog), 1);
}

/* --- starting and stopping --- */

static void assert_refused(tenon_ns_t bound, int priority, int code, enum tenon_cause cause)
{
    const struct tenon_posix_watchdog_config config = {bound, priority};
    char text[256];
    assert_int_equal(tenon_posix_watchdog_start(&rig.watchdog, &rig.sched, &config), code);
    assert_int_equal(rig.watchdog.diag.code, code);
    assert_int_equal(rig.watchdog.diag.cause, cause);
    assert_non_null(strchr(tenon_diag_text(&rig.watchdog.diag, text, sizeof text), ';'));
}

static void what_cannot_be_watched_is_refused(void **state)
{
    (void)state;
    assemble(TENON_SAFE_LIMP);
    assert_int_equal(tenon_posix_watchdog_start(NULL, &rig.sched, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_posix_watchdog_start(&rig.watchdog, NULL, NULL), TENON_ERR_ARG);
    assert_refused(0, 0, TENON_ERR_STATE, TENON_CAUSE_NOT_STARTED);
    assert_int_equal(tenon_posix_start(&rig.sched, PATIENCE), TENON_OK);
    assert_refused(2 * PERIOD - 1, 0, TENON_ERR_ARG, TENON_CAUSE_WATCHDOG_BOUND);
    assert_refused(-1, 0, TENON_ERR_ARG, TENON_CAUSE_WATCHDOG_BOUND);
    assert_refused(0, 100, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT);
    assert_refused(0, -1, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT);
    rig.line_api.write_emergency = NULL;
    assert_refused(0, 0, TENON_ERR_UNSUPPORTED, TENON_CAUSE_METHOD_MISSING);
    assert_string_equal(rig.watchdog.diag.subject, "bus");
    assert_string_equal(rig.watchdog.diag.detail, "write_emergency");
}

static void it_is_started_and_stopped_as_often_as_one_likes(void **state)
{
    (void)state;
    tenon_posix_watchdog_stop(NULL);
    tenon_posix_watchdog_stop(&rig.watchdog);
    start(TENON_SAFE_LIMP);
    const struct tenon_posix_watchdog_config again = {BOUND, 0};
    assert_int_equal(tenon_posix_watchdog_start(&rig.watchdog, &rig.sched, &again),
                     TENON_ERR_STATE);
    for (int i = 0; i < 30; i++) {
        const tenon_ns_t begin = tenon_posix_now();
        tenon_posix_watchdog_stop(&rig.watchdog);
        assert_true(tenon_posix_now() - begin < TENON_MS(20) + MACHINE);
        (void)tenon_posix_cycle(&rig.sched);
        assert_int_equal(tenon_posix_watchdog_start(&rig.watchdog, &rig.sched, &again), TENON_OK);
    }
    assert_int_equal(tenon_posix_watchdog_fired(&rig.watchdog), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_rig, drop_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_watchdog_torque_stays_on),
        TEST(torque_is_off_within_the_bound_while_the_step_hangs),
        TEST(a_step_that_comes_back_finds_the_emergency_stop),
        TEST(joints_that_brake_are_stopped_first_and_let_go_after_the_braking_time),
        TEST(joints_that_hold_are_stopped_and_not_let_go),
        TEST(an_application_that_does_not_come_back_is_noticed_each_time),
        TEST(a_loop_that_goes_on_is_left_alone),
        TEST(a_line_that_cannot_take_the_frames_is_tried_again),
        TEST(what_cannot_be_watched_is_refused),
        TEST(it_is_started_and_stopped_as_often_as_one_likes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
