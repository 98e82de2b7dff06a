/*
 * The arm in real time: `tenon sim` as a child, its terminal, the serial line, the POSIX runner.
 * Run it twice: as it is (termios) and with the shim in LD_PRELOAD (libserialport). Machines are
 * noisy: what is asserted is that things happen, not how fast.
 */
#define _GNU_SOURCE
#include "../tenon_test.h"

#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/ratio_reducer.h"
#include "tenon/drivers/serialport_line.h"
#include "tenon/posix.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAUD     1000000
#define SERVOS   6
#define PERIOD   TENON_MS(20) /* ten are the age allowed for a sample: machines are noisy */
#define PATIENCE TENON_S(20)

struct rig {
    char directory[32];
    char link[64];
    char truth[64];
    pid_t child; /* 0: none runs */
    unsigned count;
    struct tenon_serialport_line line;
    struct tenon_wire wire;
    struct tenon_dxl2_bus bus;
    struct tenon_dxl2_motor servos[SERVOS];
    struct tenon_ratio_reducer gears[SERVOS];
    struct tenon_joint joints[SERVOS];
    struct tenon_joint *members[SERVOS];
    struct tenon_group group;
    struct tenon_sched sched;
    uint8_t bus_memory[TENON_DXL2_BUS_MEMORY(SERVOS)];
    uint64_t memory[512];
};

static const char *program;

static const char *const names[SERVOS] = {"base", "shoulder", "elbow", "forearm", "wrist", "hand"};
static const double ratios[SERVOS] = {3.0, 2.0, 2.0, 1.5, -1.0, 1.0};
static const struct tenon_joint_limits limits = {-1.5, 1.5, 0.6f, 2.0f, 15.0f, 0.0f, 0.4f};
static const double away[SERVOS] = {0.25, -0.3, -0.35, 0.3, -0.3, 0.3};
static const double home[SERVOS] = {0.0, -0.5, -0.5, 0.0, 0.0, 0.0};

/* --- the simulated bus --- */

static int make_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    (void)snprintf(rig->directory, sizeof rig->directory, "/tmp/tenon_arm_XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    (void)snprintf(rig->link, sizeof rig->link, "%s/port", rig->directory);
    (void)snprintf(rig->truth, sizeof rig->truth, "%s/truth", rig->directory);
    *state = rig;
    return 0;
}

static void kill_sim(struct rig *rig)
{
    if (rig->child > 0) {
        (void)unlink(rig->link); /* first: its terminal's number may soon be another program's */
        (void)kill(rig->child, SIGKILL);
        (void)waitpid(rig->child, NULL, 0);
        rig->child = 0;
    }
}

static int drop_rig(void **state)
{
    struct rig *rig = *state;
    if (rig->line.base.module.driver != NULL) {
        rig->line.base.module.driver->lifecycle->release(&rig->line.base.module);
    }
    kill_sim(rig);
    (void)unlink(rig->link);
    (void)unlink(rig->truth);
    assert_int_equal(rmdir(rig->directory), 0);
    free(rig);
    return 0;
}

static void run_sim(const struct rig *rig, int out)
{
    static char servos[SERVOS][24];
    char *arguments[32] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "sim"};
    size_t n = 2;
    for (unsigned i = 0; i < rig->count; i++) {
        (void)snprintf(servos[i], sizeof servos[i], "%s:%u", i < 3 ? "xm430-w350" : "xl430-w250",
                       i + 1);
        arguments[n++] = (char *)(uintptr_t) "--servo";
        arguments[n++] = servos[i];
    }
    const char *const rest[] = {"--baud", "1000000", "--load",  "2:1.40:0.02:0", "--angle",
                                "2:-1.0", "--link",  rig->link, "--truth",       rig->truth};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        arguments[n++] = (char *)(uintptr_t)rest[i];
    }
    (void)dup2(out, STDOUT_FILENO);
    (void)unsetenv("LD_PRELOAD"); /* the shim is for the host's side */
    (void)execv(program, arguments);
    _exit(127);
}

/* Until it has said where it is. */
static void start_sim(struct rig *rig)
{
    int out[2];
    char byte;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    rig->child = fork();
    assert_true(rig->child >= 0);
    if (rig->child == 0) {
        run_sim(rig, out[1]);
    }
    (void)close(out[1]);
    struct pollfd look = {.fd = out[0], .events = POLLIN, .revents = 0};
    assert_int_equal(poll(&look, 1, 10000), 1);
    assert_int_equal(read(out[0], &byte, 1), 1);
    (void)close(out[0]);
}

/* The newest angle of a servo's horn. @return false if there is none yet. */
static bool read_truth(const struct rig *rig, unsigned servo, double *out_rad)
{
    long long time_ns;
    unsigned id;
    double angle, velocity, torque;
    bool is_found = false;
    FILE *file = fopen(rig->truth, "r");
    if (file == NULL) {
        return false;
    }
    while (fscanf(file, "%lld %u %lf %lf %lf", &time_ns, &id, &angle, &velocity, &torque) == 5) {
        if (id == servo + 1) {
            *out_rad = angle;
            is_found = true;
        }
    }
    (void)fclose(file);
    return is_found;
}

/* --- the host --- */

static void assemble(struct rig *rig, uint8_t safe_action)
{
    (void)tenon_sched_init(&rig->sched, &tenon_posix_port, PERIOD, rig->memory, sizeof rig->memory);
    (void)tenon_sched_add_wire(
        &rig->sched, &rig->wire, "bus", tenon_serialport_line_init(&rig->line, rig->link, BAUD),
        tenon_dxl2_bus_init(&rig->bus, rig->bus_memory, sizeof rig->bus_memory));
    rig->line.scheduling_ns =
        TENON_MS(10); /* the simulator is a program, too: it may have to wait */
    for (unsigned i = 0; i < rig->count; i++) {
        const struct tenon_dxl2_motor_config config = {.id = (uint8_t)(i + 1),
                                                       .mode = TENON_MODE_EXTENDED_POSITION,
                                                       .watchdog_ms = 2540,
                                                       .position_p_gain = 1600,
                                                       .position_i_gain = 2500,
                                                       .position_d_gain = 400};
        rig->joints[i].safe_action = safe_action;
        rig->members[i] = &rig->joints[i];
        (void)tenon_sched_add_joint(
            &rig->sched, &rig->joints[i], names[i],
            tenon_dxl2_motor_init_config(&rig->servos[i], &rig->wire, &config), &limits);
        (void)tenon_joint_use_reducer(&rig->joints[i],
                                      tenon_ratio_reducer_init(&rig->gears[i], ratios[i]));
    }
    (void)tenon_sched_add_group(&rig->sched, &rig->group, "arm", rig->members,
                                (uint16_t)rig->count);
}

static void start(struct rig *rig, unsigned count, uint8_t safe_action)
{
    char text[256];
    rig->count = count;
    start_sim(rig);
    assemble(rig, safe_action);
    const int rc = tenon_posix_start(&rig->sched, PATIENCE);
    if (rc != TENON_OK) {
        fail_msg("%s", tenon_diag_text(tenon_sched_diag(&rig->sched), text, sizeof text));
    }
}

static void run_for(struct rig *rig, tenon_ns_t duration)
{
    const tenon_ns_t end = tenon_posix_now() + duration;
    while (tenon_posix_now() < end) {
        assert_int_equal(tenon_posix_cycle(&rig->sched), TENON_OK);
    }
}

/* A slow machine may lose a sample or two for longer than is allowed: then a fault is right, and no
 * fault of the test. */
static void assert_healthy(struct rig *rig)
{
    char text[256];
    for (unsigned i = 0; i < rig->count; i++) {
        if (rig->joints[i].diag.code != TENON_OK) {
            fail_msg("%s", tenon_diag_text(&rig->joints[i].diag, text, sizeof text));
        }
    }
}

static bool all_are(const struct rig *rig, enum tenon_joint_status status)
{
    for (unsigned i = 0; i < rig->count; i++) {
        if (rig->joints[i].status != status) {
            return false;
        }
    }
    return true;
}

static void tell(const struct rig *rig)
{
    char text[256];
    for (unsigned i = 0; i < rig->count; i++) {
        const struct tenon_joint *joint = &rig->joints[i];
        const struct tenon_module *motor = joint->motor.module;
        print_message("%s: status %u, %s; motor: state %u, %s\n", names[i], joint->status,
                      tenon_diag_text(&joint->diag, text, sizeof text), motor->state,
                      motor->diag.detail != NULL ? motor->diag.detail : "-");
    }
    print_message("longest lateness %.0f ms\n", 1e-6 * (double)rig->sched.counters.late_max_ns);
}

static void wait_all(struct rig *rig, enum tenon_joint_status status)
{
    const tenon_ns_t end = tenon_posix_now() + PATIENCE;
    while (!all_are(rig, status)) {
        if (tenon_posix_now() > end) {
            tell(rig);
            fail_msg("not all joints came to status %u", (unsigned)status);
        }
        assert_int_equal(tenon_posix_cycle(&rig->sched), TENON_OK);
    }
}

static void enable(struct rig *rig)
{
    assert_int_equal(tenon_group_enable(&rig->group), TENON_OK);
    wait_all(rig, TENON_JOINT_ENABLED);
}

static void move(struct rig *rig, const double *goals)
{
    const tenon_ns_t end = tenon_posix_now() + PATIENCE;
    assert_int_equal(tenon_group_move_to(&rig->group, goals), TENON_OK);
    while (!tenon_group_is_settled(&rig->group, 0.008)) {
        assert_true(tenon_posix_now() < end);
        assert_int_equal(tenon_posix_cycle(&rig->sched), TENON_OK);
        assert_healthy(rig);
    }
    run_for(rig, TENON_MS(300));
    assert_healthy(rig);
}

static void assert_truth(const struct rig *rig, const double *goals)
{
    for (unsigned i = 0; i < rig->count; i++) {
        double angle = 0.0;
        assert_true(read_truth(rig, i, &angle));
        if (!(fabs(angle / ratios[i] - goals[i]) < 0.015)) {
            fail_msg("%s is at %.4f, not %.4f", names[i], angle / ratios[i], goals[i]);
        }
    }
}

/* --- what is asked of it --- */

static void six_joints_move_to_their_goals(void **state)
{
    struct rig *rig = *state;
    start(rig, 6, TENON_SAFE_RAMP);
    const char *preload = getenv("LD_PRELOAD");
    const bool has_shim = preload != NULL && strstr(preload, "pty_shim") != NULL;
    assert_string_equal(tenon_serialport_line_path_name(&rig->line),
                        has_shim ? "libserialport" : "termios");
    enable(rig);
    move(rig, away);
    assert_truth(rig, away);
    move(rig, home);
    assert_truth(rig, home);
    for (unsigned i = 0; i < rig->count; i++) {
        assert_int_equal(rig->joints[i].fault_count, 0);
    }
    assert_int_equal(tenon_posix_stop(&rig->sched, PATIENCE), TENON_OK);
    assert_true(all_are(rig, TENON_JOINT_DISABLED));
}

static void two_joints_move_and_hold_when_stopped(void **state)
{
    struct rig *rig = *state;
    start(rig, 2, TENON_SAFE_HOLD);
    enable(rig);
    assert_int_equal(tenon_group_move_to(&rig->group, away), TENON_OK);
    run_for(rig, TENON_MS(400));
    assert_int_equal(tenon_posix_stop(&rig->sched, PATIENCE), TENON_OK);
    assert_true(all_are(rig, TENON_JOINT_HOLDING));
    const double before = rig->joints[1].state.position_rad;
    run_for(rig, TENON_MS(500));
    assert_true(fabs(rig->joints[1].state.position_rad - before) <
                0.02); /* its load does not pull it down */
}

/* The adapter is pulled out in the middle of a move, and another takes its place. */
static void terminal_that_vanishes_is_taken_up_again(void **state)
{
    struct rig *rig = *state;
    start(rig, 3, TENON_SAFE_HOLD);
    for (int round = 0; round < 2; round++) {
        enable(rig);
        assert_int_equal(tenon_group_move_to(&rig->group, round == 0 ? away : home), TENON_OK);
        run_for(rig, TENON_MS(300));
        kill_sim(rig);
        wait_all(rig, TENON_JOINT_FAULT);
        run_for(rig, 3 * PERIOD);
        for (unsigned i = 0; i < rig->count; i++) {
            assert_int_equal(rig->joints[i].diag.cause, TENON_CAUSE_WIRE_DOWN);
            assert_string_equal(rig->joints[i].diag.subject, names[i]);
        }
        assert_int_equal(rig->group.status, TENON_GROUP_ABORTED);
        assert_int_equal(tenon_sched_explain(&rig->sched), TENON_ERR_IO);
        const struct tenon_diag *diag = tenon_sched_diag(&rig->sched);
        assert_true(diag->cause == TENON_CAUSE_PORT_LOST ||
                    diag->cause == TENON_CAUSE_PORT_MISSING);
        assert_string_equal(diag->subject, rig->link);
        run_for(rig, TENON_MS(400));
        assert_false(tenon_wire_is_up(&rig->wire));
        assert_int_equal(tenon_joint_enable(&rig->joints[0]), TENON_ERR_STATE);
        start_sim(rig);
        const tenon_ns_t end = tenon_posix_now() + PATIENCE;
        while (!tenon_wire_is_up(&rig->wire) || !tenon_slot_is_up(&rig->joints[2].motor)) {
            assert_true(tenon_posix_now() < end);
            run_for(rig, TENON_MS(20));
        }
        run_for(rig, TENON_MS(300));
        assert_true(all_are(rig, TENON_JOINT_FAULT)); /* nothing moves by itself */
        for (unsigned i = 0; i < rig->count; i++) {
            assert_int_equal(tenon_joint_reset(&rig->joints[i]), TENON_OK);
        }
        wait_all(rig, TENON_JOINT_DISABLED);
        /* These are other servos as far as the host can know: their turns are to be agreed on. */
        for (unsigned i = 0; i < rig->count; i++) {
            assert_int_equal(tenon_joint_accept_calibration(&rig->joints[i]), TENON_OK);
        }
    }
    enable(rig);
    move(rig, away);
    assert_truth(rig, away);
}

static void arm_that_is_not_there_yet_is_waited_for(void **state)
{
    struct rig *rig = *state;
    rig->count = 2;
    assemble(rig, TENON_SAFE_RAMP);
    assert_int_equal(tenon_posix_start(&rig->sched, TENON_MS(200)), TENON_ERR_IO);
    assert_int_equal(tenon_sched_diag(&rig->sched)->cause, TENON_CAUSE_PORT_MISSING);
    start_sim(rig);
    wait_all(rig, TENON_JOINT_DISABLED);
    enable(rig);
    move(rig, away);
    assert_truth(rig, away);
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, make_rig, drop_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(six_joints_move_to_their_goals),
        RIG_TEST(two_joints_move_and_hold_when_stopped),
        RIG_TEST(terminal_that_vanishes_is_taken_up_again),
        RIG_TEST(arm_that_is_not_there_yet_is_waited_for),
    };
    program = getenv("TENON_TOOL");
    if (program == NULL) {
        (void)fprintf(stderr, "TENON_TOOL must name the tenon program\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
