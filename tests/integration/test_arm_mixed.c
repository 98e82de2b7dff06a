/*
 * One arm, one scheduler, one group, two wires: three Dynamixel servos on a line of bytes, three
 * Damiao motors on a CAN bus, directly or through a SLCAN adapter. In simulated time.
 */
#include "../tenon_test.h"

#include "tenon/drivers/damiao_motor.h"
#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/memory_can_line.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/drivers/mit_bus.h"
#include "tenon/drivers/slcan_line.h"
#include "tenon/sched.h"
#include "tenon/sim_can.h"

#include <math.h>
#include <string.h>

#define SERVOS  3
#define MOTORS  3
#define JOINTS  (SERVOS + MOTORS)
#define PERIOD  TENON_MS(4)
#define BAUD    1000000
#define FRAMES  64
#define NEAR    0.012 /* rad: a spring of 100 N.m/rad sags, a servo has its raster */
#define WEIGHT  0.5f  /* N.m, on the first of each kind */
#define TORQUE  64    /* register of the servos */
#define GOAL    116
#define TICK    0.0015339807878856412 /* rad */
#define RASTER  0.0004                /* rad: 25 in 16 bits */
#define SILENCE 13                    /* status of a motor that was not spoken to */

struct host {
    struct tenon_sched sched;
    struct tenon_wire wires[2];
    struct tenon_dxl2_bus dxl2;
    struct tenon_slcan_line slcan;
    struct tenon_mit_bus mit;
    struct tenon_dxl2_motor servos[SERVOS];
    struct tenon_damiao_motor motors[MOTORS];
    struct tenon_joint joints[JOINTS];
    struct tenon_joint *members[JOINTS];
    struct tenon_group group;
    struct tenon_reader reader;
    uint8_t dxl2_memory[TENON_DXL2_BUS_MEMORY(SERVOS)];
    uint8_t mit_memory[TENON_MIT_BUS_MEMORY(MOTORS)];
    uint64_t memory[512];
};

static struct rig {
    struct tenon_sim_servo servos[SERVOS];
    struct tenon_sim_servo *servo_list[SERVOS];
    struct tenon_sim_bus bus;
    struct tenon_memory_line bytes;
    struct tenon_sim_damiao motors[MOTORS];
    struct tenon_sim_damiao *motor_list[MOTORS];
    struct tenon_sim_can_bus can_bus;
    struct tenon_memory_can_line can;
    struct tenon_memory_can_entry entries[2 * FRAMES];
    struct tenon_sim_slcan adapter;
    struct tenon_memory_line serial;
    uint32_t serial_baud; /* of the port to the adapter; 0: there is none */
    struct host hosts[2];
    struct host *host;
    uint8_t safe_action;
    uint8_t policy;
    tenon_ns_t now;
    tenon_ns_t deadline;
    uint32_t stale_commands; /* steps before which a device had not got what the last commanded */
} rig;

static const char *const names[JOINTS] = {"base", "shoulder", "elbow", "forearm", "wrist", "hand"};
static const struct tenon_joint_limits limits = {-1.5, 1.5, 0.8f, 2.0f, 15.0f, 0.0f, 0.2f};
static const double home[JOINTS] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
static const double away[JOINTS] = {0.8, -0.6, 0.5, -0.7, 0.9, 0.4};

static uint32_t ticks(void)
{
    static uint32_t count;
    return ++count;
}

static void panic(uint32_t module, uint32_t id)
{
    fail_msg("broken invariant %u.%u", (unsigned)module, (unsigned)id);
}

static const struct tenon_port port = {
    .head = TENON_API_HEAD(struct tenon_port),
    .ticks = ticks,
    .panic = panic,
    .ticks_per_s = 1000000,
};

/* ---- The arm ---- */

static void make_devices(void)
{
    const struct tenon_sim_load load = {.gravity_nm = WEIGHT, .inertia_kg_m2 = 0.01f};
    for (uint8_t i = 0; i < SERVOS; i++) {
        assert_int_equal(tenon_sim_servo_init(&rig.servos[i], "xm430-w350", (uint8_t)(i + 1), BAUD),
                         TENON_OK);
        rig.servo_list[i] = &rig.servos[i];
    }
    for (uint8_t i = 0; i < MOTORS; i++) {
        assert_int_equal(tenon_sim_damiao_init(&rig.motors[i], "damiao-4310", (uint8_t)(i + 1),
                                               (uint16_t)(i + 17)),
                         TENON_OK);
        rig.motor_list[i] = &rig.motors[i];
    }
    tenon_sim_servo_set_load(&rig.servos[0], &load);
    tenon_sim_damiao_set_load(&rig.motors[0], &load);
    assert_int_equal(tenon_sim_bus_init(&rig.bus, rig.servo_list, SERVOS), TENON_OK);
    assert_int_equal(tenon_sim_can_bus_init(&rig.can_bus, rig.motor_list, MOTORS), TENON_OK);
}

static void add_joints(struct host *host)
{
    for (uint8_t i = 0; i < JOINTS; i++) {
        const uint8_t id = (uint8_t)(i % SERVOS + 1);
        const struct tenon_dxl2_motor_config servo = {.id = id,
                                                      .mode = TENON_MODE_EXTENDED_POSITION,
                                                      .position_p_gain = 1600,
                                                      .position_i_gain = 2500,
                                                      .position_d_gain = 400};
        const struct tenon_damiao_motor_config motor = {
            .id = id, .mode = TENON_MODE_POSITION, .kp = 100.0f, .kd = 2.0f};
        struct tenon_motor *const driver =
            i < SERVOS ? tenon_dxl2_motor_init_config(&host->servos[i], &host->wires[0], &servo)
                       : tenon_damiao_motor_init_config(&host->motors[i - SERVOS], &host->wires[1],
                                                        &motor);
        host->joints[i].safe_action = rig.safe_action;
        host->members[i] = &host->joints[i];
        (void)tenon_sched_add_joint(&host->sched, &host->joints[i], names[i], driver, &limits);
    }
}

static struct tenon_line *make_can_line(struct host *host)
{
    if (rig.serial_baud == 0) {
        return tenon_memory_can_line_init(&rig.can, BAUD, rig.entries, 2 * (size_t)FRAMES);
    }
    return tenon_slcan_line_init(&host->slcan, tenon_memory_line_init(&rig.serial, rig.serial_baud),
                                 BAUD);
}

/* Frames and bytes under way are lost, as in a real restart. */
static void boot(struct host *host)
{
    memset(host, 0, sizeof *host);
    rig.host = host;
    rig.deadline = rig.now;
    (void)tenon_sched_init(&host->sched, &port, PERIOD, host->memory, sizeof host->memory);
    (void)tenon_sched_add_wire(
        &host->sched, &host->wires[0], "rs485", tenon_memory_line_init(&rig.bytes, BAUD),
        tenon_dxl2_bus_init(&host->dxl2, host->dxl2_memory, sizeof host->dxl2_memory));
    (void)tenon_sched_add_wire(
        &host->sched, &host->wires[1], "can", make_can_line(host),
        tenon_mit_bus_init(&host->mit, host->mit_memory, sizeof host->mit_memory));
    add_joints(host);
    host->group.policy = rig.policy;
    (void)tenon_sched_add_group(&host->sched, &host->group, "arm", host->members, JOINTS);
    (void)tenon_sched_add_reader(&host->sched, &host->reader);
    assert_int_equal(tenon_sched_start(&host->sched), TENON_OK);
}

static struct tenon_joint *joint(unsigned i)
{
    return &rig.host->joints[i];
}

static double angle(unsigned i)
{
    return i < SERVOS ? tenon_sim_servo_angle_rad(&rig.servos[i])
                      : tenon_sim_damiao_angle_rad(&rig.motors[i - SERVOS]);
}

static bool has_torque(unsigned i)
{
    return i < SERVOS ? tenon_sim_servo_peek(&rig.servos[i], TORQUE, 1) != 0
                      : tenon_sim_damiao_status(&rig.motors[i - SERVOS]) == 1;
}

/* Where the device is told to be. */
static double told(unsigned i)
{
    return i < SERVOS ? (tenon_sim_servo_peek(&rig.servos[i], GOAL, 4) - 2048) * TICK
                      : rig.motors[i - SERVOS].command.position_rad;
}

static void check_commands(void)
{
    for (unsigned i = 0; i < JOINTS; i++) {
        const double raster = i < SERVOS ? TICK : RASTER;
        if (joint(i)->status == TENON_JOINT_ENABLED &&
            fabs(told(i) - joint(i)->command.position_rad) > raster) {
            rig.stale_commands++;
        }
    }
}

/* ---- Time ---- */

static void serve(void)
{
    tenon_sim_bus_serve(&rig.bus, &rig.bytes, rig.now);
    if (rig.serial_baud == 0) {
        tenon_sim_can_bus_serve(&rig.can_bus, &rig.can, rig.now);
    } else {
        tenon_sim_slcan_serve(&rig.adapter, &rig.serial, rig.now);
    }
}

static void tick(void)
{
    struct tenon_sched *const sched = &rig.host->sched;
    serve();
    rig.deadline = tenon_sched_poll(sched, rig.now);
    if (rig.now >= tenon_sched_release(sched)) {
        check_commands();
        (void)tenon_sched_step(sched, rig.now);
        rig.deadline = tenon_sched_poll(sched, rig.now);
    }
    serve();
}

static void run(tenon_ns_t duration)
{
    const tenon_ns_t until = rig.now + duration;
    while (rig.now < until) {
        const tenon_ns_t release = tenon_sched_release(&rig.host->sched);
        tenon_ns_t next = rig.deadline < release ? rig.deadline : release;
        next = next < until ? next : until;
        rig.now = next > rig.now ? next : rig.now + 1000;
        tick();
    }
}

static bool all_are(unsigned from, unsigned to, enum tenon_joint_status status)
{
    for (unsigned i = from; i < to; i++) {
        if (joint(i)->status != status) {
            return false;
        }
    }
    return true;
}

static void wait_all(unsigned from, unsigned to, enum tenon_joint_status status)
{
    const tenon_ns_t until = rig.now + TENON_S(3);
    while (rig.now < until && !all_are(from, to, status)) {
        run(PERIOD);
    }
    for (unsigned i = from; i < to; i++) {
        if (joint(i)->status != status) {
            char text[256];
            fail_msg("%s has status %u, not %u: %s", names[i], joint(i)->status, status,
                     tenon_diag_text(&joint(i)->diag, text, sizeof text));
        }
    }
}

static void wait_ready(void)
{
    const tenon_ns_t until = rig.now + TENON_S(3);
    while (rig.now < until && !tenon_sched_is_ready(&rig.host->sched)) {
        run(PERIOD);
    }
    char text[256];
    if (tenon_sched_explain(&rig.host->sched) != TENON_OK) {
        fail_msg("%s", tenon_diag_text(tenon_sched_diag(&rig.host->sched), text, sizeof text));
    }
}

static void make_arm_behind(uint32_t serial_baud)
{
    memset(&rig, 0, sizeof rig);
    rig.now = TENON_S(10);
    rig.safe_action = TENON_SAFE_HOLD;
    rig.serial_baud = serial_baud;
    make_devices();
    assert_int_equal(tenon_sim_slcan_init(&rig.adapter, &rig.can_bus, BAUD), TENON_OK);
    boot(&rig.hosts[0]);
    wait_ready();
}

static int make_arm(void **state)
{
    (void)state;
    make_arm_behind(0);
    return 0;
}

static void enable(void)
{
    assert_int_equal(tenon_group_enable(&rig.host->group), TENON_OK);
    wait_all(0, JOINTS, TENON_JOINT_ENABLED);
}

static void go(const double *goals)
{
    if (tenon_group_move_to(&rig.host->group, goals) != TENON_OK) {
        char text[256];
        fail_msg("%s", tenon_diag_text(tenon_sched_diag(&rig.host->sched), text, sizeof text));
    }
    run(2 * PERIOD);
}

static void arrive(const double *goals)
{
    const tenon_ns_t until = rig.now + TENON_S(10);
    while (rig.now < until && !tenon_group_is_settled(&rig.host->group, NEAR)) {
        run(PERIOD);
    }
    run(TENON_MS(300));
    for (unsigned i = 0; i < JOINTS; i++) {
        if (!(fabs(angle(i) - goals[i]) < NEAR)) {
            fail_msg("%s is at %.4f, not %.4f", names[i], angle(i), goals[i]);
        }
    }
    assert_int_equal(rig.host->group.status, TENON_GROUP_DONE);
}

static void move(const double *goals)
{
    go(goals);
    arrive(goals);
}

/* ---- When all is well ---- */

static void both_kinds_get_ready_without_torque_and_are_measured(void **state)
{
    (void)state;
    for (unsigned i = 0; i < JOINTS; i++) {
        assert_int_equal(joint(i)->status, TENON_JOINT_DISABLED);
        assert_false(has_torque(i));
    }
    tenon_sim_damiao_set_angle(&rig.motors[2], 0.7);
    tenon_sim_servo_set_angle(&rig.servos[2], -0.7);
    run(5 * PERIOD);
    for (unsigned i = 0; i < JOINTS; i++) {
        assert_true(fabs(joint(i)->state.position_rad - angle(i)) <
                    0.03); /* the loaded ones fall */
    }
}

static void group_of_both_kinds_moves_and_settles_where_it_should(void **state)
{
    (void)state;
    enable();
    rig.stale_commands = 0;
    const struct tenon_bus_counters mit = rig.host->mit.base.counters; /* of the way up */
    move(home);
    move(away);
    move(home);
    for (unsigned i = 0; i < JOINTS; i++) {
        assert_int_equal(joint(i)->fault_count, 0);
    }
    assert_int_equal(rig.stale_commands, 0);
    assert_int_equal(rig.host->dxl2.base.counters.timeout_count, 0);
    assert_int_equal(rig.host->mit.base.counters.timeout_count, mit.timeout_count);
    assert_int_equal(rig.host->mit.base.counters.overrun_count, mit.overrun_count);
    assert_int_equal(rig.host->mit.base.counters.stale_count, mit.stale_count);
    assert_int_equal(rig.host->sched.counters.missed_count, 0);
}

/* Every command of a cycle lies on one point of the path, has reached its device before the next
 * step (see check_commands), and both buses have exchanged one image for it. */
static void all_start_in_one_cycle_and_arrive_in_one(void **state)
{
    unsigned cycles = 0;
    (void)state;
    enable();
    move(home);
    rig.stale_commands = 0;
    const uint32_t dxl2 = rig.host->dxl2.base.counters.cycle_count;
    const uint32_t mit = rig.host->mit.base.counters.cycle_count;
    const tenon_ns_t begin = rig.now;
    assert_int_equal(tenon_group_move_to(&rig.host->group, away), TENON_OK);
    while (rig.host->group.status != TENON_GROUP_DONE || rig.now < begin + 3 * PERIOD) {
        run(PERIOD);
        cycles++;
        const double share = joint(0)->command.position_rad / away[0];
        for (unsigned i = 1; i < JOINTS; i++) {
            assert_true(fabs(joint(i)->command.position_rad / away[i] - share) < 1e-4);
            assert_int_equal(share > 0.0, joint(i)->command.position_rad / away[i] > 0.0);
        }
    }
    assert_true(cycles > 100);
    assert_int_equal(rig.stale_commands, 0);
    assert_in_range(rig.host->dxl2.base.counters.cycle_count - dxl2, cycles - 1, cycles + 1);
    assert_in_range(rig.host->mit.base.counters.cycle_count - mit, cycles - 1, cycles + 1);
}

/* The port is slower than the bus behind it, each frame being a line of 22 characters: what the bus
 * waits for must take that into account. */
static void slow_adapter_is_waited_for(void **state)
{
    static const uint32_t bauds[] = {3000000, 1000000, 460800};
    (void)state;
    for (size_t b = 0; b < sizeof bauds / sizeof bauds[0]; b++) {
        make_arm_behind(bauds[b]);
        enable();
        const struct tenon_bus_counters mit = rig.host->mit.base.counters;
        rig.stale_commands = 0;
        move(home);
        move(away);
        assert_int_equal(rig.stale_commands, 0);
        assert_int_equal(rig.host->mit.base.counters.timeout_count, mit.timeout_count);
        assert_int_equal(rig.host->mit.base.counters.stale_count, mit.stale_count);
        assert_int_equal(rig.host->mit.base.counters.overrun_count, mit.overrun_count);
        assert_int_equal(rig.adapter.refused_count, 2); /* to be closed, as it was */
        assert_int_equal(rig.host->slcan.refused_count, 0);
    }
}

/* Strange characters in front of every few frames: they cost these samples, and nothing else. */
static void noise_from_the_adapter_costs_samples_only(void **state)
{
    static const char noise[] = {'t', 'T', 'r', '7', 'F', 'z', 'V', '\r', '\n', '\a', '\0', 'x'};
    uint32_t seed = 3;
    (void)state;
    make_arm_behind(BAUD);
    enable();
    move(home);
    const uint32_t missed = rig.host->mit.base.counters.timeout_count;
    go(away);
    for (int n = 0; n < 300; n++) {
        run(2 * PERIOD + TENON_US(100));
        seed = seed * 1664525u + 1013904223u;
        const uint8_t character = (uint8_t)noise[(seed >> 16) % sizeof noise];
        assert_int_equal(tenon_memory_line_far_write(&rig.serial, &character, 1, rig.now), 1);
    }
    arrive(away);
    assert_true(rig.host->slcan.broken_count > 20);
    assert_true(rig.host->slcan.refused_count > 5);
    assert_in_range(rig.host->mit.base.counters.timeout_count - missed, 20, 300);
    for (unsigned i = 0; i < JOINTS; i++) {
        assert_int_equal(joint(i)->fault_count, 0);
        assert_true(i < SERVOS || rig.host->motors[i - SERVOS].base.implausible_count == 0);
    }
}

/* ---- When one falls silent ---- */

static void check_neighbours(unsigned sick, const uint32_t *missed)
{
    for (unsigned i = 0; i < JOINTS; i++) {
        if (i != sick) {
            const struct tenon_motor *const motor =
                i < SERVOS ? &rig.host->servos[i].base : &rig.host->motors[i - SERVOS].base;
            assert_int_equal(joint(i)->fault_count, 0);
            assert_true(has_torque(i));
            assert_in_range(motor->device->counters.missed_count - missed[i], 0,
                            i < SERVOS ? 0 : 1); /* law 2: of its own wire, one at most */
        }
    }
}

static void count_missed(uint32_t *out)
{
    for (unsigned i = 0; i < JOINTS; i++) {
        const struct tenon_motor *const motor =
            i < SERVOS ? &rig.host->servos[i].base : &rig.host->motors[i - SERVOS].base;
        out[i] = motor->device->counters.missed_count;
    }
}

static void silent_motor_stops_the_arm_or_is_left_behind(void **state)
{
    const struct tenon_sim_damiao_faults silent = {.silent = true};
    for (unsigned round = 0; round < 2 * MOTORS; round++) {
        const unsigned k = round % MOTORS;
        const unsigned sick = SERVOS + k;
        const bool isolates = round >= MOTORS;
        uint32_t missed[JOINTS];
        (void)make_arm(state);
        rig.host->group.policy = isolates ? TENON_GROUP_ISOLATE : TENON_GROUP_STOP_ALL;
        enable();
        move(home);
        go(away);
        run(TENON_MS(500));
        count_missed(missed);
        tenon_sim_damiao_set_faults(&rig.motors[k], &silent);
        wait_all(sick, sick + 1, TENON_JOINT_FAULT);
        assert_int_equal(joint(sick)->diag.cause, TENON_CAUSE_STALE);
        assert_string_equal(joint(sick)->diag.subject, names[sick]);
        run(TENON_S(4));
        check_neighbours(sick, missed);
        for (unsigned i = 0; i < JOINTS; i++) {
            const double way = fabs(angle(i) - away[i]);
            assert_true(i == sick || (isolates ? way < NEAR : way > 0.05));
            assert_true(i == sick ||
                        fabs(angle(i) - joint(i)->command.position_rad) < NEAR); /* and holds */
        }
        assert_int_equal(rig.host->group.status, TENON_GROUP_ABORTED);
    }
}

/* Nothing reaches it any more: its own watchdog lets go, and when it is back it is taken up again,
 * without torque until somebody asks for it. */
static void deaf_motor_lets_go_by_itself_and_comes_back(void **state)
{
    const struct tenon_sim_damiao_faults deaf = {.deaf = true};
    (void)state;
    enable();
    move(home);
    go(away);
    tenon_sim_damiao_set_faults(&rig.motors[1], &deaf);
    wait_all(4, 5, TENON_JOINT_FAULT);
    run(TENON_MS(300));
    assert_int_equal(tenon_sim_damiao_status(&rig.motors[1]), SILENCE);
    tenon_sim_damiao_set_faults(&rig.motors[1], NULL);
    run(TENON_S(3));
    assert_int_equal(joint(4)->status, TENON_JOINT_FAULT);
    assert_false(has_torque(4));
    assert_int_equal(tenon_joint_reset(joint(4)), TENON_OK);
    wait_all(4, 5, TENON_JOINT_DISABLED);
    enable();
    move(away);
}

static void doubled_and_misnamed_answers_mix_nothing_up(void **state)
{
    const struct tenon_sim_damiao_faults doubles = {.duplicate_next_answers = 100};
    const struct tenon_sim_damiao_faults wrong = {.wrong_bits = 0x40};
    (void)state;
    enable();
    move(home);
    tenon_sim_damiao_set_faults(&rig.motors[0], &doubles);
    go(away);
    run(TENON_MS(100));
    tenon_sim_damiao_set_faults(&rig.motors[2], &wrong);
    run(2 * PERIOD);
    tenon_sim_damiao_set_faults(&rig.motors[2], NULL);
    arrive(away);
    assert_true(rig.host->mit.base.counters.stale_count > 0);
    for (unsigned i = 0; i < JOINTS; i++) {
        assert_int_equal(joint(i)->fault_count, 0);
    }
}

static void can_bus_that_is_pulled_leaves_the_servos_unharmed(void **state)
{
    uint32_t missed[JOINTS];
    (void)state;
    enable();
    move(home);
    go(away);
    run(TENON_MS(500));
    count_missed(missed);
    tenon_memory_can_line_set_unplugged(&rig.can, true);
    wait_all(SERVOS, JOINTS, TENON_JOINT_FAULT);
    run(TENON_S(1));
    for (unsigned i = 0; i < SERVOS; i++) {
        assert_true(has_torque(i));
        assert_int_equal(joint(i)->fault_count, 0);
        assert_int_equal(rig.host->servos[i].base.device->counters.missed_count, missed[i]);
        assert_true(fabs(angle(i) - joint(i)->command.position_rad) < NEAR);
        assert_true(fabs(angle(i) - away[i]) > 0.05);
    }
    assert_int_equal(rig.host->group.status, TENON_GROUP_ABORTED);
    tenon_memory_can_line_set_unplugged(&rig.can, false);
    run(TENON_S(2));
    for (unsigned i = SERVOS; i < JOINTS; i++) {
        assert_false(has_torque(i));
        assert_int_equal(tenon_joint_reset(joint(i)), TENON_OK);
    }
    wait_all(SERVOS, JOINTS, TENON_JOINT_DISABLED);
    enable();
    move(home);
}

/* ---- Emergency stop, restart, repetition ---- */

static void estop_stops_both_kinds_by_their_safe_action(void **state)
{
    static const struct {
        uint8_t action;
        uint8_t status;
        bool has_torque;
    } cases[] = {
        {TENON_SAFE_HOLD, TENON_JOINT_HOLDING, true},
        {TENON_SAFE_RAMP, TENON_JOINT_DISABLED, false},
        {TENON_SAFE_LIMP, TENON_JOINT_DISABLED, false},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        (void)make_arm(state);
        for (unsigned i = 0; i < JOINTS; i++) {
            joint(i)->safe_action = cases[c].action;
        }
        enable();
        move(home);
        go(away);
        run(TENON_MS(500));
        tenon_sched_estop(&rig.host->sched);
        run(cases[c].action == TENON_SAFE_LIMP ? 6 * PERIOD : TENON_S(1));
        for (unsigned i = 0; i < JOINTS; i++) {
            assert_int_equal(joint(i)->status, cases[c].status);
            assert_int_equal(has_torque(i), cases[c].has_torque);
            assert_int_equal(tenon_joint_enable(joint(i)), TENON_ERR_STATE);
        }
        tenon_sched_clear_estop(&rig.host->sched);
        run(2 * PERIOD);
        enable();
        move(home);
    }
}

static void restarted_host_takes_both_kinds_over_as_they_hold(void **state)
{
    double before[JOINTS];
    (void)state;
    enable();
    move(away);
    run(TENON_S(2)); /* the integrators have found their rest */
    for (unsigned i = 0; i < JOINTS; i++) {
        before[i] = angle(i);
    }
    rig.now += TENON_MS(20); /* the devices go on alone */
    boot(&rig.hosts[1]);
    wait_ready();
    for (unsigned i = 0; i < JOINTS; i++) {
        assert_int_equal(joint(i)->status, TENON_JOINT_HOLDING);
        assert_true(has_torque(i));
        assert_true(fabs(angle(i) - before[i]) < 0.003);
    }
    enable();
    run(TENON_S(1));
    for (unsigned i = 0; i < JOINTS; i++) {
        assert_true(fabs(angle(i) - before[i]) < 0.003);
    }
    move(home);
}

static uint64_t hash_of_a_run(bool has_fault)
{
    const struct tenon_sim_damiao_faults drops = {.drop_next_answers = 3};
    struct tenon_snapshot_head head;
    struct tenon_joint_snapshot snapshots[JOINTS];
    uint64_t hash = UINT64_C(14695981039346656037);
    void *state = NULL;
    (void)make_arm(&state);
    enable();
    go(away);
    for (int n = 0; n < 300; n++) {
        if (has_fault && n == 100) {
            tenon_sim_damiao_set_faults(&rig.motors[1], &drops);
        }
        run(PERIOD);
        assert_int_equal(tenon_reader_read(&rig.host->reader, &head, snapshots, JOINTS), JOINTS);
        for (unsigned i = 0; i < JOINTS; i++) {
            uint64_t bits;
            memcpy(&bits, &snapshots[i].position_rad, sizeof bits);
            hash = (hash ^ bits) * UINT64_C(1099511628211);
            memcpy(&bits, &snapshots[i].command_rad, sizeof bits);
            hash = (hash ^ bits) * UINT64_C(1099511628211);
        }
    }
    return hash;
}

static void same_inputs_give_the_same_run_bit_for_bit(void **state)
{
    (void)state;
    const uint64_t first = hash_of_a_run(true);
    assert_true(first == hash_of_a_run(true));
    assert_true(first != hash_of_a_run(false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(both_kinds_get_ready_without_torque_and_are_measured, make_arm),
        cmocka_unit_test_setup(group_of_both_kinds_moves_and_settles_where_it_should, make_arm),
        cmocka_unit_test_setup(all_start_in_one_cycle_and_arrive_in_one, make_arm),
        cmocka_unit_test(slow_adapter_is_waited_for),
        cmocka_unit_test(noise_from_the_adapter_costs_samples_only),
        cmocka_unit_test(silent_motor_stops_the_arm_or_is_left_behind),
        cmocka_unit_test_setup(deaf_motor_lets_go_by_itself_and_comes_back, make_arm),
        cmocka_unit_test_setup(doubled_and_misnamed_answers_mix_nothing_up, make_arm),
        cmocka_unit_test_setup(can_bus_that_is_pulled_leaves_the_servos_unharmed, make_arm),
        cmocka_unit_test(estop_stops_both_kinds_by_their_safe_action),
        cmocka_unit_test_setup(restarted_host_takes_both_kinds_over_as_they_hold, make_arm),
        cmocka_unit_test(same_inputs_give_the_same_run_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
