/* What a user gets who makes a mistake: each has its own cause, and a sentence that names the thing
 * and says what to do. */
#define _GNU_SOURCE
#include "../tenon_test.h"

#include "arm_rig.h"
#include "tenon/drivers/serialport_line.h"
#include "tenon/posix.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static struct arm arm;

static uint64_t memory[256];
static uint8_t bus_memory[TENON_DXL2_BUS_MEMORY(4)];
static struct tenon_sched sched;
static struct tenon_wire wire;
static struct tenon_memory_line memory_line;
static struct tenon_serialport_line line;
static struct tenon_dxl2_bus bus;
static struct tenon_dxl2_motor servo;
static struct tenon_dxl2_motor other_servo;
static struct tenon_joint elbow;
static struct tenon_joint wrist;

/* A scheduler with a wire on a memory line; no joint yet. */
static void begin_with(size_t memory_size, size_t bus_memory_size)
{
    memset(&wire, 0, sizeof wire);
    memset(&elbow, 0, sizeof elbow);
    memset(&wrist, 0, sizeof wrist);
    assert_int_equal(tenon_sched_init(&sched, &arm_port, ARM_PERIOD, memory, memory_size),
                     TENON_OK);
    assert_int_equal(tenon_sched_add_wire(&sched, &wire, "bus",
                                          tenon_memory_line_init(&memory_line, ARM_BAUD),
                                          tenon_dxl2_bus_init(&bus, bus_memory, bus_memory_size)),
                     TENON_OK);
}

static void begin(void)
{
    begin_with(sizeof memory, sizeof bus_memory);
}

static int add_elbow(uint8_t id, uint8_t mode, const struct tenon_joint_limits *limits)
{
    return tenon_sched_add_joint(&sched, &elbow, "elbow",
                                 tenon_dxl2_motor_init(&servo, &wire, id, mode), limits);
}

/* The refusal is told at once and again by start. */
static void assert_refused(int rc, enum tenon_err code, enum tenon_cause cause, const char *subject)
{
    assert_int_equal(rc, code);
    arm_check_diag(tenon_sched_diag(&sched), cause, subject);
    assert_int_equal(tenon_sched_start(&sched), code);
    arm_check_diag(tenon_sched_diag(&sched), cause, subject);
}

static void assert_says(const struct tenon_diag *diag, const char *words)
{
    char text[256];
    if (strstr(tenon_diag_text(diag, text, sizeof text), words) == NULL) {
        fail_msg("'%s' does not say '%s'", text, words);
    }
}

/* --- ports --- */

/* As hello_servo does it. @return what start answers. */
static int start_on(const char *path, uint32_t baud)
{
    memset(&wire, 0, sizeof wire);
    memset(&elbow, 0, sizeof elbow);
    (void)tenon_sched_init(&sched, &tenon_posix_port, ARM_PERIOD, memory, sizeof memory);
    (void)tenon_sched_add_wire(&sched, &wire, "bus", tenon_serialport_line_init(&line, path, baud),
                               tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    (void)tenon_sched_add_joint(&sched, &elbow, "elbow",
                                tenon_dxl2_motor_init(&servo, &wire, 1, TENON_MODE_POSITION), NULL);
    const int rc = tenon_posix_start(&sched, TENON_MS(150));
    if (line.base.fd >= 0) {
        line.base.module.driver->lifecycle->release(&line.base.module);
    }
    return rc;
}

static void assert_port_refused(const char *path, enum tenon_err code, enum tenon_cause cause)
{
    assert_int_equal(start_on(path, ARM_BAUD), code);
    arm_check_diag(tenon_sched_diag(&sched), cause, path);
    assert_int_equal(elbow.status, TENON_JOINT_DOWN);
}

static void port_that_is_not_there(void **state)
{
    (void)state;
    assert_port_refused("/dev/ttyUSB99", TENON_ERR_IO, TENON_CAUSE_PORT_MISSING);
    assert_says(tenon_sched_diag(&sched), "check the cable and the name");
}

static void port_that_is_a_directory_or_a_file(void **state)
{
    (void)state;
    assert_port_refused("/tmp", TENON_ERR_ARG, TENON_CAUSE_PORT_NOT_SERIAL);
    assert_port_refused("/dev/null", TENON_ERR_ARG, TENON_CAUSE_PORT_NOT_SERIAL);
    assert_says(tenon_sched_diag(&sched), "give the name of a tty");
}

static int open_pty(char *out_name, size_t size)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    assert_int_equal(ptsname_r(master, out_name, size), 0);
    return master;
}

static void port_that_another_program_has(void **state)
{
    char name[64];
    struct tenon_serialport_line holder;
    const int master = open_pty(name, sizeof name);
    (void)state;
    assert_non_null(tenon_serialport_line_init(&holder, name, ARM_BAUD));
    const struct tenon_lifecycle_api *life = holder.base.module.driver->lifecycle;
    assert_int_equal(life->probe(&holder.base.module, 0), TENON_OK);
    assert_port_refused(name, TENON_ERR_STATE, TENON_CAUSE_PORT_BUSY);
    assert_says(tenon_sched_diag(&sched), "close it");
    life->release(&holder.base.module);
    (void)close(master);
}

/* In a child, for the superuser may open everything. */
static void port_without_permission(void **state)
{
    char name[64];
    const int master = open_pty(name, sizeof name);
    (void)state;
    assert_int_equal(chmod(name, 0), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
            _exit(2);
        }
        const int rc = start_on(name, ARM_BAUD);
        const struct tenon_diag *diag = tenon_sched_diag(&sched);
        const bool is_right = rc == TENON_ERR_IO && diag->cause == TENON_CAUSE_PORT_PERMISSION &&
                              diag->subject != NULL && strcmp(diag->subject, name) == 0;
        _exit(is_right ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    (void)close(master);
}

static void baud_that_no_port_does(void **state)
{
    char name[64];
    const int master = open_pty(name, sizeof name);
    (void)state;
    assert_int_equal(start_on(name, 0), TENON_ERR_UNSUPPORTED);
    arm_check_diag(tenon_sched_diag(&sched), TENON_CAUSE_BAUD_UNSUPPORTED, name);
    (void)close(master);
    assert_null(tenon_memory_line_init(&memory_line, 300));
}

static void no_servo_at_all(void **state)
{
    char name[64];
    const int master = open_pty(name, sizeof name);
    (void)state;
    assert_int_equal(start_on(name, 57600), TENON_ERR_TIMEOUT);
    arm_check_diag(tenon_sched_diag(&sched), TENON_CAUSE_NO_REPLY, "elbow");
    assert_says(tenon_sched_diag(&sched), "no reply from ID 1 at 57600 baud");
    (void)close(master);
}

/* --- servos --- */

/* Two servos out there, of which the second is the one that is wrong. */
static void make_two(const struct arm_config *config)
{
    arm_make(&arm, config);
    arm.is_uncommon = true;
}

static void assert_not_ready(enum tenon_err code, enum tenon_cause cause, const char *words)
{
    assert_false(arm_wait_ready(&arm, TENON_S(2)));
    assert_int_equal(tenon_sched_explain(&arm.host->sched), code);
    arm_check_diag(tenon_sched_diag(&arm.host->sched), cause, "shoulder");
    assert_says(tenon_sched_diag(&arm.host->sched), words);
    assert_true(tenon_slot_is_up(&arm.host->joints[0].motor)); /* the neighbour is none the worse */
    assert_int_equal(tenon_joint_enable(&arm.host->joints[1]), TENON_ERR_STATE);
    assert_false(arm_has_torque(&arm, 1));
}

static void servo_that_does_not_answer(void **state)
{
    const struct arm_config two = {.joint_count = 2};
    const struct tenon_sim_faults deaf = {.deaf = true};
    (void)state;
    make_two(&two);
    arm_set_faults(&arm, 1, &deaf);
    arm_boot(&arm, &arm.hosts[0]);
    assert_not_ready(TENON_ERR_TIMEOUT, TENON_CAUSE_NO_REPLY, "no reply from ID 2 at 1000000 baud");
}

static void servo_of_a_model_nobody_knows(void **state)
{
    const struct arm_config two = {.joint_count = 2};
    (void)state;
    make_two(&two);
    assert_int_equal(tenon_sim_servo_poke(&arm.servos[1], 0, 2, 4242), TENON_OK);
    arm_boot(&arm, &arm.hosts[0]);
    assert_not_ready(TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODEL_UNKNOWN, "4242");
    assert_int_equal(arm.host->motors[1].base.module.state,
                     TENON_MODULE_FAILED); /* no use trying on */
}

/* A host of its own for the first servo, which does not get ready. */
static void boot_one(const struct tenon_dxl2_motor_config *config,
                     const struct tenon_joint_limits *limits)
{
    struct arm_host *const host = &arm.hosts[0];
    memset(host, 0, sizeof *host);
    arm.host = host;
    (void)tenon_sched_init(&host->sched, &arm_port, ARM_PERIOD, host->memory, sizeof host->memory);
    (void)tenon_sched_add_wire(
        &host->sched, &host->wire, "bus", arm_line_init(&arm.line),
        tenon_dxl2_bus_init(&host->bus, host->bus_memory, sizeof host->bus_memory));
    (void)tenon_sched_add_joint(&host->sched, &host->joints[0], "base",
                                tenon_dxl2_motor_init_config(&host->motors[0], &host->wire, config),
                                limits);
    assert_int_equal(tenon_sched_start(&host->sched), TENON_OK);
    assert_false(arm_wait_ready(&arm, TENON_S(1)));
}

static void servo_of_a_model_that_is_not_expected(void **state)
{
    const struct arm_config one = {.joint_count = 1};
    const struct tenon_dxl2_motor_config config = {.id = 1, .expected_model = 1060};
    (void)state;
    make_two(&one);
    boot_one(&config, NULL);
    assert_int_equal(tenon_sched_explain(&arm.host->sched), TENON_ERR_UNSUPPORTED);
    arm_check_diag(tenon_sched_diag(&arm.host->sched), TENON_CAUSE_MODEL_CHANGED, "base");
    assert_says(tenon_sched_diag(&arm.host->sched), "1020");
}

static void mode_that_the_model_does_not_have(void **state)
{
    const struct arm_config two = {
        .joint_count = 2,
        .model = {NULL, "xl430-w250"},
        .mode = {TENON_MODE_EXTENDED_POSITION, TENON_MODE_EFFORT},
        .own_limits = true,
    };
    (void)state;
    make_two(&two);
    arm_boot(&arm, &arm.hosts[0]);
    assert_not_ready(TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED, "choose a mode it has");
}

static void limit_that_is_more_than_the_model_can(void **state)
{
    static const struct {
        struct tenon_joint_limits limits;
        const char *word;
    } cases[] = {
        {{-40.0, 0.0, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f}, "position_min_rad"},
        {{0.0, 40.0, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f}, "position_max_rad"},
        {{0.0, 0.0, 100.0f, 0.0f, 0.0f, 0.0f, 0.0f}, "velocity_rad_s"},
        {{0.0, 0.0, 0.0f, 0.0f, 0.0f, 100.0f, 0.0f}, "effort_nm"},
    };
    const struct arm_config one = {.joint_count = 1};
    const struct tenon_dxl2_motor_config config = {.id = 1};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_two(&one);
        boot_one(&config, &cases[i].limits);
        assert_int_equal(tenon_sched_explain(&arm.host->sched), TENON_ERR_LIMIT);
        arm_check_diag(tenon_sched_diag(&arm.host->sched), TENON_CAUSE_LIMIT_OUTSIDE_MODEL, "base");
        assert_says(tenon_sched_diag(&arm.host->sched), cases[i].word);
        assert_int_equal(tenon_joint_enable(&arm.host->joints[0]), TENON_ERR_STATE);
    }
}

/* --- registration --- */

static void id_given_twice(void **state)
{
    (void)state;
    begin();
    assert_int_equal(add_elbow(3, TENON_MODE_POSITION, NULL), TENON_OK);
    assert_refused(tenon_sched_add_joint(
                       &sched, &wrist, "wrist",
                       tenon_dxl2_motor_init(&other_servo, &wire, 3, TENON_MODE_POSITION), NULL),
                   TENON_ERR_ARG, TENON_CAUSE_NODE_TAKEN, "wrist");
    assert_says(tenon_sched_diag(&sched), "ID 3 is taken");
}

static void id_that_the_protocol_does_not_have(void **state)
{
    (void)state;
    begin();
    assert_refused(add_elbow(253, TENON_MODE_POSITION, NULL), TENON_ERR_ARG, TENON_CAUSE_NODE_RANGE,
                   "elbow");
    assert_says(tenon_sched_diag(&sched), "252");
}

static void mode_that_does_not_exist(void **state)
{
    (void)state;
    begin();
    assert_refused(add_elbow(1, 77, NULL), TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED,
                   "elbow");
    assert_says(tenon_sched_diag(&sched), "77");
}

static void limits_that_are_no_limits(void **state)
{
    static const struct {
        struct tenon_joint_limits limits;
        enum tenon_cause cause;
    } cases[] = {
        {{(double)NAN, 1.0, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f}, TENON_CAUSE_NOT_FINITE},
        {{-1.0, (double)INFINITY, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f}, TENON_CAUSE_NOT_FINITE},
        {{-1.0, 1.0, NAN, 0.0f, 0.0f, 0.0f, 0.0f}, TENON_CAUSE_NOT_FINITE},
        {{-1.0, 1.0, 1.0f, INFINITY, 0.0f, 0.0f, 0.0f}, TENON_CAUSE_NOT_FINITE},
        {{1.0, -1.0, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f}, TENON_CAUSE_LIMIT_ORDER},
        {{-1.0, 1.0, -2.0f, 0.0f, 0.0f, 0.0f, 0.0f}, TENON_CAUSE_LIMIT_MISSING},
        {{-1.0, 1.0, 0.0f, 0.0f, -1.0f, 0.0f, 0.0f}, TENON_CAUSE_LIMIT_MISSING},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        assert_refused(add_elbow(1, TENON_MODE_POSITION, &cases[i].limits), TENON_ERR_LIMIT,
                       cases[i].cause, "elbow");
    }
}

static void null_in_each_place(void **state)
{
    (void)state;
    begin();
    assert_refused(tenon_sched_add_joint(&sched, &elbow, "elbow", NULL, NULL), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, "elbow");
    begin();
    assert_refused(
        tenon_sched_add_joint(&sched, &elbow, "elbow",
                              tenon_dxl2_motor_init(&servo, NULL, 1, TENON_MODE_POSITION), NULL),
        TENON_ERR_ARG, TENON_CAUSE_NULL, "elbow");
    begin();
    assert_int_equal(tenon_sched_add_joint(&sched, NULL, "elbow", NULL, NULL), TENON_ERR_ARG);
    arm_check_diag(tenon_sched_diag(&sched), TENON_CAUSE_NULL, "elbow");
    begin();
    assert_int_equal(
        tenon_sched_add_joint(&sched, &elbow, NULL,
                              tenon_dxl2_motor_init(&servo, &wire, 1, TENON_MODE_POSITION), NULL),
        TENON_ERR_ARG);
    assert_int_equal(tenon_sched_diag(&sched)->cause, TENON_CAUSE_NULL);
    begin();
    memset(&wrist, 0, sizeof wrist);
    static struct tenon_wire second;
    memset(&second, 0, sizeof second);
    assert_refused(tenon_sched_add_wire(&sched, &second, "second", NULL, NULL), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, "second");
    begin();
    assert_int_equal(add_elbow(1, TENON_MODE_POSITION, NULL), TENON_OK);
    static struct tenon_ratio_reducer gear;
    assert_refused(tenon_joint_use_reducer(&elbow, tenon_ratio_reducer_init(&gear, 0.0)),
                   TENON_ERR_ARG, TENON_CAUSE_NULL, "elbow");
    begin();
    static struct tenon_group group;
    memset(&group, 0, sizeof group);
    assert_refused(tenon_sched_add_group(&sched, &group, "arm", NULL, 2), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, "arm");
}

static void null_where_there_is_no_scheduler_to_tell(void **state)
{
    char text[128];
    (void)state;
    assert_int_equal(tenon_sched_init(NULL, &arm_port, ARM_PERIOD, memory, sizeof memory),
                     TENON_ERR_ARG);
    assert_int_equal(tenon_sched_start(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_wire(NULL, &wire, "bus", NULL, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_joint(NULL, &elbow, "elbow", NULL, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_explain(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_make_safe(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_enable(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_move_to(NULL, 0.0), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_follow(NULL, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_disable(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_stop(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_reset(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_group_enable(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_group_move_to(NULL, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_use_reducer(NULL, NULL), TENON_ERR_ARG);
    assert_true(tenon_sched_poll(NULL, 0) == TENON_NEVER);
    assert_true(tenon_sched_step(NULL, 0) == TENON_NEVER);
    assert_int_equal(tenon_posix_cycle(NULL), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(NULL)->cause, TENON_CAUSE_NULL);
    assert_string_equal(tenon_diag_text(NULL, text, sizeof text), "");
    tenon_sched_estop(NULL);
    tenon_sched_clear_estop(NULL);
    tenon_sched_beat(NULL);
    tenon_sched_set_heartbeat(NULL, TENON_S(1));
}

static void things_added_twice_or_too_late(void **state)
{
    (void)state;
    begin();
    assert_int_equal(add_elbow(1, TENON_MODE_POSITION, NULL), TENON_OK);
    assert_refused(tenon_sched_add_joint(
                       &sched, &elbow, "elbow",
                       tenon_dxl2_motor_init(&other_servo, &wire, 2, TENON_MODE_POSITION), NULL),
                   TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, "elbow");
    begin();
    assert_int_equal(add_elbow(1, TENON_MODE_POSITION, NULL), TENON_OK);
    assert_refused(tenon_sched_add_joint(&sched, &wrist, "wrist", &servo.base, NULL),
                   TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, "wrist");
    begin();
    assert_int_equal(add_elbow(1, TENON_MODE_POSITION, NULL), TENON_OK);
    assert_int_equal(tenon_joint_enable(&elbow), TENON_ERR_STATE); /* not started */
    assert_int_equal(tenon_sched_start(&sched), TENON_OK);
    assert_int_equal(tenon_sched_add_joint(
                         &sched, &wrist, "wrist",
                         tenon_dxl2_motor_init(&other_servo, &wire, 2, TENON_MODE_POSITION), NULL),
                     TENON_ERR_STATE);
    arm_check_diag(tenon_sched_diag(&sched), TENON_CAUSE_STARTED, "wrist");
    assert_int_equal(tenon_sched_start(&sched), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&sched)->cause, TENON_CAUSE_STARTED);
}

static void wire_added_after_its_joint(void **state)
{
    (void)state;
    memset(&wire, 0, sizeof wire);
    memset(&elbow, 0, sizeof elbow);
    assert_int_equal(tenon_sched_init(&sched, &arm_port, ARM_PERIOD, memory, sizeof memory),
                     TENON_OK);
    assert_refused(add_elbow(1, TENON_MODE_POSITION, NULL), TENON_ERR_STATE, TENON_CAUSE_NOT_ADDED,
                   "elbow");
    assert_says(tenon_sched_diag(&sched), "add wires first");
}

static void module_in_the_wrong_seat(void **state)
{
    static struct tenon_ratio_reducer gear;
    (void)state;
    begin();
    struct tenon_reducer *const reducer = tenon_ratio_reducer_init(&gear, 2.0);
    struct tenon_motor *const as_motor = (struct tenon_motor *)(void *)reducer;
    struct {
        struct tenon_motor motor;
    } room;
    memset(&room, 0, sizeof room);
    room.motor.module = as_motor->module;
    assert_refused(tenon_sched_add_joint(&sched, &elbow, "elbow", &room.motor, NULL), TENON_ERR_ARG,
                   TENON_CAUSE_WRONG_ROLE, "elbow");
}

static void rates_that_do_not_fit(void **state)
{
    (void)state;
    begin();
    elbow.divisor = 2;
    wrist.divisor = 3;
    assert_int_equal(add_elbow(1, TENON_MODE_POSITION, NULL), TENON_OK);
    assert_int_equal(tenon_sched_add_joint(
                         &sched, &wrist, "wrist",
                         tenon_dxl2_motor_init(&other_servo, &wire, 2, TENON_MODE_POSITION), NULL),
                     TENON_OK);
    assert_int_equal(tenon_sched_start(&sched), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_diag(&sched)->cause, TENON_CAUSE_RATE);
    begin();
    elbow.divisor = 2;
    elbow.phase = 2;
    assert_refused(add_elbow(1, TENON_MODE_POSITION, NULL), TENON_ERR_ARG, TENON_CAUSE_RATE,
                   "elbow");
}

static void scheduler_or_bus_with_too_little_memory(void **state)
{
    (void)state;
    begin_with(64, sizeof bus_memory);
    assert_int_equal(add_elbow(1, TENON_MODE_POSITION, NULL), TENON_OK);
    assert_int_equal(tenon_sched_start(&sched), TENON_ERR_FULL);
    arm_check_diag(tenon_sched_diag(&sched), TENON_CAUSE_BUFFER_TOO_SMALL, "scheduler");
    const size_t needed = (size_t)tenon_sched_diag(&sched)->bound;
    assert_true(needed > 64 && needed <= sizeof memory);
    begin_with(needed, sizeof bus_memory); /* what it asks for is enough */
    assert_int_equal(add_elbow(1, TENON_MODE_POSITION, NULL), TENON_OK);
    assert_int_equal(tenon_sched_start(&sched), TENON_OK);
    begin_with(sizeof memory, 256);
    assert_refused(add_elbow(1, TENON_MODE_POSITION, NULL), TENON_ERR_FULL,
                   TENON_CAUSE_BUFFER_TOO_SMALL, "elbow");
    assert_true(tenon_sched_diag(&sched)->bound > 256.0f &&
                tenon_sched_diag(&sched)->bound <= (float)sizeof bus_memory);
}

static void program_or_driver_of_another_version(void **state)
{
    static struct tenon_driver strange;
    (void)state;
    begin();
    struct tenon_sizes older = TENON_SIZES;
    older.joint -= 8;
    assert_int_equal(
        tenon_sched_init_sized(&sched, &older, &arm_port, ARM_PERIOD, memory, sizeof memory),
        TENON_ERR_ABI);
    assert_null(tenon_dxl2_motor_init_sized(&servo, sizeof servo + 8, &wire,
                                            &(struct tenon_dxl2_motor_config){.id = 1}));
    assert_null(tenon_dxl2_bus_init_sized(&bus, 1, bus_memory, sizeof bus_memory));
    for (int i = 0; i < 2; i++) {
        begin();
        struct tenon_motor *const motor =
            tenon_dxl2_motor_init(&servo, &wire, 1, TENON_MODE_POSITION);
        strange = *motor->module.driver;
        strange.head.abi = (uint16_t)(strange.head.abi + (i == 0 ? 1 : 0));
        strange.head.size = (uint16_t)(strange.head.size - (i == 1 ? 8 : 0));
        motor->module.driver = &strange;
        assert_refused(tenon_sched_add_joint(&sched, &elbow, "elbow", motor, NULL), TENON_ERR_ABI,
                       i == 0 ? TENON_CAUSE_ABI_TOO_NEW : TENON_CAUSE_ABI_TOO_OLD, "elbow");
        assert_says(tenon_sched_diag(&sched), i == 0 ? "newer tenon" : "older tenon");
        assert_says(tenon_sched_diag(&sched), "rebuild it");
    }
}

static void driver_without_a_required_method(void **state)
{
    static struct tenon_driver strange;
    static struct tenon_lifecycle_api lifecycle;
    (void)state;
    begin();
    struct tenon_motor *const motor = tenon_dxl2_motor_init(&servo, &wire, 1, TENON_MODE_POSITION);
    strange = *motor->module.driver;
    lifecycle = *strange.lifecycle;
    lifecycle.make_safe = NULL;
    strange.lifecycle = &lifecycle;
    motor->module.driver = &strange;
    assert_refused(tenon_sched_add_joint(&sched, &elbow, "elbow", motor, NULL), TENON_ERR_ABI,
                   TENON_CAUSE_METHOD_MISSING, "elbow");
    assert_says(tenon_sched_diag(&sched), "make_safe");
}

/* --- commands --- */

static void
assert_command_refused(int rc, enum tenon_err code, enum tenon_cause cause, const char *subject)
{
    assert_int_equal(rc, code);
    arm_check_diag(tenon_sched_diag(&arm.host->sched), cause, subject);
}

static void commands_that_make_no_sense(void **state)
{
    struct tenon_joint_command command = {.mode = TENON_MODE_EXTENDED_POSITION};
    double goals[ARM_JOINTS] = {0};
    (void)state;
    arm_start(&arm, NULL);
    struct tenon_joint *const base = &arm.host->joints[0];
    assert_command_refused(tenon_joint_move_to(base, 0.1), TENON_ERR_STATE, TENON_CAUSE_NOT_ENABLED,
                           "base");
    arm_enable(&arm);
    assert_command_refused(tenon_joint_move_to(base, (double)NAN), TENON_ERR_ARG,
                           TENON_CAUSE_NOT_FINITE, "base");
    assert_command_refused(tenon_joint_move_to(base, (double)-INFINITY), TENON_ERR_ARG,
                           TENON_CAUSE_NOT_FINITE, "base");
    assert_command_refused(tenon_joint_move_to(base, 1.6), TENON_ERR_LIMIT,
                           TENON_CAUSE_GOAL_OUTSIDE_LIMITS, "base");
    assert_says(tenon_sched_diag(&arm.host->sched), "1.6");
    goals[4] = -7.0;
    assert_command_refused(tenon_group_move_to(&arm.host->group, goals), TENON_ERR_LIMIT,
                           TENON_CAUSE_GOAL_OUTSIDE_LIMITS, "wrist");
    command.position_rad = (double)NAN;
    assert_command_refused(tenon_joint_follow(base, &command), TENON_ERR_ARG,
                           TENON_CAUSE_NOT_FINITE, "base");
    command.position_rad = 0.0;
    command.effort_nm = INFINITY;
    assert_command_refused(tenon_joint_follow(base, &command), TENON_ERR_ARG,
                           TENON_CAUSE_NOT_FINITE, "base");
    command.effort_nm = 0.0f;
    command.mode = TENON_MODE_VELOCITY;
    assert_command_refused(tenon_joint_follow(base, &command), TENON_ERR_UNSUPPORTED,
                           TENON_CAUSE_MODE_UNSUPPORTED, "base");
    goals[4] = 0.3;
    assert_int_equal(tenon_group_move_to(&arm.host->group, goals), TENON_OK);
    arm_run(&arm, TENON_MS(100));
    assert_command_refused(tenon_joint_move_to(base, 0.1), TENON_ERR_STATE, TENON_CAUSE_BUSY,
                           "base");
    assert_true(arm_wait_settled(&arm, 0.006, TENON_S(10))); /* all that changed nothing */
    assert_int_equal(arm.host->group.status, TENON_GROUP_DONE);
    for (int i = 0; i < 1000; i++) {
        const int rc = tenon_joint_move_to(base, 0.1);
        if (rc != TENON_OK) {
            assert_command_refused(rc, TENON_ERR_FULL, TENON_CAUSE_QUEUE_FULL, "base");
            return;
        }
    }
    fail_msg("the queue is never full");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_that_is_not_there),
        cmocka_unit_test(port_that_is_a_directory_or_a_file),
        cmocka_unit_test(port_that_another_program_has),
        cmocka_unit_test(port_without_permission),
        cmocka_unit_test(baud_that_no_port_does),
        cmocka_unit_test(no_servo_at_all),
        cmocka_unit_test(servo_that_does_not_answer),
        cmocka_unit_test(servo_of_a_model_nobody_knows),
        cmocka_unit_test(servo_of_a_model_that_is_not_expected),
        cmocka_unit_test(mode_that_the_model_does_not_have),
        cmocka_unit_test(limit_that_is_more_than_the_model_can),
        cmocka_unit_test(id_given_twice),
        cmocka_unit_test(id_that_the_protocol_does_not_have),
        cmocka_unit_test(mode_that_does_not_exist),
        cmocka_unit_test(limits_that_are_no_limits),
        cmocka_unit_test(null_in_each_place),
        cmocka_unit_test(null_where_there_is_no_scheduler_to_tell),
        cmocka_unit_test(things_added_twice_or_too_late),
        cmocka_unit_test(wire_added_after_its_joint),
        cmocka_unit_test(module_in_the_wrong_seat),
        cmocka_unit_test(rates_that_do_not_fit),
        cmocka_unit_test(scheduler_or_bus_with_too_little_memory),
        cmocka_unit_test(program_or_driver_of_another_version),
        cmocka_unit_test(driver_without_a_required_method),
        cmocka_unit_test(commands_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
