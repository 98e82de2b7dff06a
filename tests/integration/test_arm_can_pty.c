/*
 * The mixed arm in real time: two children `tenon sim`, one a line of Dynamixel servos, one a CAN
 * adapter with Damiao motors behind it; their terminals, serial lines, SLCAN, the POSIX runner. Run
 * it twice, as test_arm_pty.c. What is asserted is that things happen, not how fast.
 */
#define _GNU_SOURCE
#include "../tenon_test.h"

#include "tenon/drivers/damiao_motor.h"
#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/mit_bus.h"
#include "tenon/drivers/serialport_line.h"
#include "tenon/drivers/slcan_line.h"
#include "tenon/posix.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAUD     1000000
#define KIND     2 /* of each kind so many */
#define JOINTS   (2 * KIND)
#define PERIOD   TENON_MS(20) /* ten are the age allowed for a sample: machines are noisy */
#define PATIENCE TENON_S(20)
#define NEAR     0.015

/* A simulator and what it shows. */
struct world {
    char link[64];
    char truth[64];
    pid_t child; /* 0: none runs */
};

struct rig {
    char directory[32];
    struct world servo_world;
    struct world motor_world;
    struct tenon_serialport_line ports[2];
    struct tenon_slcan_line slcan;
    struct tenon_wire wires[2];
    struct tenon_dxl2_bus dxl2;
    struct tenon_mit_bus mit;
    struct tenon_dxl2_motor servos[KIND];
    struct tenon_damiao_motor motors[KIND];
    struct tenon_joint joints[JOINTS];
    struct tenon_joint *members[JOINTS];
    struct tenon_group group;
    struct tenon_sched sched;
    uint8_t dxl2_memory[TENON_DXL2_BUS_MEMORY(KIND)];
    uint8_t mit_memory[TENON_MIT_BUS_MEMORY(KIND)];
    uint64_t memory[512];
};

static const char *program;

static const char *const names[JOINTS] = {"base", "shoulder", "elbow", "wrist"};
static const struct tenon_joint_limits limits = {-1.5, 1.5, 0.8f, 2.0f, 15.0f, 0.0f, 0.4f};
static const double away[JOINTS] = {0.4, -0.3, 0.5, -0.4};
static const double home[JOINTS] = {0.0, 0.0, 0.0, 0.0};

/* ---- The simulators ---- */

static int make_rig(void **state)
{
    static const char *const kinds[] = {"servos", "motors"};
    struct rig *rig = calloc(1, sizeof *rig);
    struct world *const worlds[] = {&rig->servo_world, &rig->motor_world};
    (void)snprintf(rig->directory, sizeof rig->directory, "/tmp/tenon_can_XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(worlds[i]->link, sizeof worlds[i]->link, "%s/%s", rig->directory, kinds[i]);
        (void)snprintf(worlds[i]->truth, sizeof worlds[i]->truth, "%s/%s.truth", rig->directory,
                       kinds[i]);
    }
    *state = rig;
    return 0;
}

static void kill_world(struct world *world)
{
    if (world->child > 0) {
        (void)unlink(world->link); /* first: its terminal's number may soon be another program's */
        (void)kill(world->child, SIGKILL);
        (void)waitpid(world->child, NULL, 0);
        world->child = 0;
    }
    (void)unlink(world->truth);
}

static int drop_rig(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < 2; i++) {
        struct tenon_module *const port = &rig->ports[i].base.module;
        if (port->driver != NULL) {
            port->driver->lifecycle->release(port);
        }
    }
    kill_world(&rig->servo_world);
    kill_world(&rig->motor_world);
    assert_int_equal(rmdir(rig->directory), 0);
    free(rig);
    return 0;
}

static void run_world(const struct world *world, const char *option, const char *model, int out)
{
    char devices[KIND][32];
    const char *arguments[32] = {program, "sim"};
    size_t n = 2;
    for (unsigned i = 0; i < KIND; i++) {
        (void)snprintf(devices[i], sizeof devices[i], "%s:%u", model, i + 1);
        arguments[n++] = option;
        arguments[n++] = devices[i];
    }
    const char *const rest[] = {"--baud", "1000000",   "--load",  "1:0.4:0.01",
                                "--link", world->link, "--truth", world->truth};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        arguments[n++] = rest[i];
    }
    (void)dup2(out, STDOUT_FILENO);
    (void)unsetenv("LD_PRELOAD"); /* the shim is for the host's side */
    (void)execv(program, (char **)(uintptr_t)arguments);
    _exit(127);
}

/* Until it has said where it is. */
static void start_world(struct world *world, const char *option, const char *model)
{
    int out[2];
    char byte;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    world->child = fork();
    assert_true(world->child >= 0);
    if (world->child == 0) {
        run_world(world, option, model, out[1]);
    }
    (void)close(out[1]);
    struct pollfd look = {.fd = out[0], .events = POLLIN, .revents = 0};
    assert_int_equal(poll(&look, 1, 10000), 1);
    assert_int_equal(read(out[0], &byte, 1), 1);
    (void)close(out[0]);
}

/* The newest angle of a device's shaft. @return false if there is none yet. */
static bool read_truth(const struct world *world, unsigned id, double *out_rad)
{
    long long time_ns;
    unsigned found;
    double angle, velocity, torque;
    bool is_found = false;
    FILE *file = fopen(world->truth, "r");
    if (file == NULL) {
        return false;
    }
    while (fscanf(file, "%lld %u %lf %lf %lf", &time_ns, &found, &angle, &velocity, &torque) == 5) {
        if (found == id) {
            *out_rad = angle;
            is_found = true;
        }
    }
    (void)fclose(file);
    return is_found;
}

/* ---- The host ---- */

static void add_joints(struct rig *rig)
{
    for (unsigned i = 0; i < JOINTS; i++) {
        const uint8_t id = (uint8_t)(i % KIND + 1);
        const struct tenon_dxl2_motor_config servo = {.id = id,
                                                      .mode = TENON_MODE_EXTENDED_POSITION,
                                                      .watchdog_ms = 2540,
                                                      .position_p_gain = 1600,
                                                      .position_i_gain = 2500,
                                                      .position_d_gain = 400};
        const struct tenon_damiao_motor_config motor = {
            .id = id, .mode = TENON_MODE_POSITION, .watchdog_ms = 2500, .kp = 100.0f, .kd = 2.0f};
        struct tenon_motor *const driver =
            i < KIND
                ? tenon_dxl2_motor_init_config(&rig->servos[i], &rig->wires[0], &servo)
                : tenon_damiao_motor_init_config(&rig->motors[i - KIND], &rig->wires[1], &motor);
        rig->joints[i].safe_action = TENON_SAFE_HOLD;
        rig->members[i] = &rig->joints[i];
        (void)tenon_sched_add_joint(&rig->sched, &rig->joints[i], names[i], driver, &limits);
    }
}

static void start(struct rig *rig)
{
    char text[256];
    start_world(&rig->servo_world, "--servo", "xm430-w350");
    start_world(&rig->motor_world, "--can-motor", "damiao-4310");
    (void)tenon_sched_init(&rig->sched, &tenon_posix_port, PERIOD, rig->memory, sizeof rig->memory);
    struct tenon_line *const bytes =
        tenon_serialport_line_init(&rig->ports[0], rig->servo_world.link, BAUD);
    struct tenon_line *const adapter =
        tenon_serialport_line_init(&rig->ports[1], rig->motor_world.link, BAUD);
    (void)tenon_sched_add_wire(
        &rig->sched, &rig->wires[0], "rs485", bytes,
        tenon_dxl2_bus_init(&rig->dxl2, rig->dxl2_memory, sizeof rig->dxl2_memory));
    (void)tenon_sched_add_wire(
        &rig->sched, &rig->wires[1], "can", tenon_slcan_line_init(&rig->slcan, adapter, BAUD),
        tenon_mit_bus_init(&rig->mit, rig->mit_memory, sizeof rig->mit_memory));
    for (size_t i = 0; i < 2; i++) { /* the simulators are programs, too: they may have to wait */
        rig->ports[i].scheduling_ns = TENON_MS(10);
    }
    add_joints(rig);
    (void)tenon_sched_add_group(&rig->sched, &rig->group, "arm", rig->members, JOINTS);
    if (tenon_posix_start(&rig->sched, PATIENCE) != TENON_OK) {
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

static bool
all_are(const struct rig *rig, unsigned from, unsigned to, enum tenon_joint_status status)
{
    for (unsigned i = from; i < to; i++) {
        if (rig->joints[i].status != status) {
            return false;
        }
    }
    return true;
}

static void wait_all(struct rig *rig, unsigned from, unsigned to, enum tenon_joint_status status)
{
    char text[256];
    const tenon_ns_t end = tenon_posix_now() + PATIENCE;
    while (!all_are(rig, from, to, status)) {
        if (tenon_posix_now() > end) {
            for (unsigned i = 0; i < JOINTS; i++) {
                print_message("%s: status %u, %s\n", names[i], rig->joints[i].status,
                              tenon_diag_text(&rig->joints[i].diag, text, sizeof text));
            }
            fail_msg("not all joints came to status %u", (unsigned)status);
        }
        assert_int_equal(tenon_posix_cycle(&rig->sched), TENON_OK);
    }
}

static void enable(struct rig *rig)
{
    assert_int_equal(tenon_group_enable(&rig->group), TENON_OK);
    wait_all(rig, 0, JOINTS, TENON_JOINT_ENABLED);
}

static void move(struct rig *rig, const double *goals)
{
    char text[256];
    const tenon_ns_t end = tenon_posix_now() + PATIENCE;
    assert_int_equal(tenon_group_move_to(&rig->group, goals), TENON_OK);
    while (!tenon_group_is_settled(&rig->group, 0.012)) {
        assert_true(tenon_posix_now() < end);
        assert_int_equal(tenon_posix_cycle(&rig->sched), TENON_OK);
        for (unsigned i = 0; i < JOINTS; i++) {
            if (rig->joints[i].diag.code != TENON_OK) {
                fail_msg("%s", tenon_diag_text(&rig->joints[i].diag, text, sizeof text));
            }
        }
    }
    run_for(rig, TENON_MS(300));
    for (unsigned i = 0; i < JOINTS; i++) {
        double angle = 0.0;
        assert_true(
            read_truth(i < KIND ? &rig->servo_world : &rig->motor_world, i % KIND + 1, &angle));
        if (!(fabs(angle - goals[i]) < NEAR)) {
            fail_msg("%s is at %.4f, not %.4f", names[i], angle, goals[i]);
        }
    }
}

/* ---- What is asked of it ---- */

static void arm_of_both_kinds_moves_as_one(void **state)
{
    struct rig *rig = *state;
    start(rig);
    assert_true(rig->slcan.base.fd >= 0 && rig->slcan.base.fd == rig->ports[1].base.fd);
    assert_true(rig->slcan.base.latency_ns > rig->ports[1].base.latency_ns);
    enable(rig);
    move(rig, away);
    move(rig, home);
    for (unsigned i = 0; i < JOINTS; i++) {
        assert_int_equal(rig->joints[i].fault_count, 0);
    }
    assert_int_equal(rig->slcan.broken_count, 0);
    assert_int_equal(rig->slcan.refused_count, 0);
    tenon_sched_estop(&rig->sched);
    wait_all(rig, 0, JOINTS, TENON_JOINT_HOLDING);
    tenon_sched_clear_estop(&rig->sched);
    run_for(rig, 2 * PERIOD);
    enable(rig);
    move(rig, away);
}

/* The adapter is pulled out in the middle of a move, and another takes its place: motors that have
 * lost their power with it. */
static void adapter_that_is_pulled_stops_the_arm_and_is_taken_up_again(void **state)
{
    struct rig *rig = *state;
    start(rig);
    enable(rig);
    move(rig, home);
    assert_int_equal(tenon_group_move_to(&rig->group, away), TENON_OK);
    run_for(rig, TENON_MS(300));
    kill_world(&rig->motor_world);
    wait_all(rig, KIND, JOINTS, TENON_JOINT_FAULT);
    run_for(rig, TENON_MS(500));
    assert_true(all_are(rig, 0, KIND, TENON_JOINT_ENABLED)); /* they hold on the path */
    assert_int_equal(rig->group.status, TENON_GROUP_ABORTED);
    for (unsigned i = KIND; i < JOINTS; i++) {
        assert_int_equal(rig->joints[i].diag.cause, TENON_CAUSE_WIRE_DOWN);
    }
    assert_int_equal(tenon_sched_explain(&rig->sched), TENON_ERR_IO);
    assert_string_equal(tenon_sched_diag(&rig->sched)->subject, rig->motor_world.link);

    start_world(&rig->motor_world, "--can-motor", "damiao-4310");
    const tenon_ns_t end = tenon_posix_now() + PATIENCE;
    while (!tenon_slot_is_up(&rig->joints[JOINTS - 1].motor)) {
        assert_true(tenon_posix_now() < end);
        run_for(rig, PERIOD);
    }
    for (unsigned i = KIND; i < JOINTS; i++) {
        assert_int_equal(rig->joints[i].status, TENON_JOINT_FAULT); /* nothing moves by itself */
        assert_int_equal(tenon_joint_reset(&rig->joints[i]), TENON_OK);
    }
    wait_all(rig, KIND, JOINTS, TENON_JOINT_DISABLED);
    for (unsigned i = KIND; i < JOINTS; i++) { /* the motors behind it were without power, too */
        assert_int_equal(tenon_joint_enable(&rig->joints[i]), TENON_ERR_STATE);
        assert_int_equal(tenon_sched_diag(&rig->sched)->cause, TENON_CAUSE_UNHOMED);
        assert_int_equal(tenon_joint_accept_calibration(&rig->joints[i]), TENON_OK);
    }
    run_for(rig, 2 * PERIOD);
    enable(rig);
    move(rig, away);
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, make_rig, drop_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(arm_of_both_kinds_moves_as_one),
        RIG_TEST(adapter_that_is_pulled_stops_the_arm_and_is_taken_up_again),
    };
    program = getenv("TENON_TOOL");
    if (program == NULL) {
        (void)fprintf(stderr, "TENON_TOOL must name the tenon program\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
