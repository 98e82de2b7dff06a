/* The whole stack on a bus without registers: scheduler, joints, Damiao motors, CAN frames. */
#include "../tenon_test.h"

#include "../fakes/fake_mit.h"
#include "tenon/tenon.h"

#include <math.h>
#include <string.h>

#define JOINTS 3
#define PERIOD TENON_MS(2)
#define TICK   TENON_US(100)

static const struct tenon_joint_limits limits = {-3.0, 3.0, 4.0f, 40.0f, 800.0f, 8.0f, 0.0f};

static struct world {
    struct fake_can_line line;
    struct fake_mit_world far;
    struct tenon_sched sched;
    struct tenon_wire wire;
    struct tenon_mit_bus bus;
    struct tenon_damiao_motor motors[JOINTS];
    struct tenon_joint joints[JOINTS];
    struct tenon_joint *members[JOINTS];
    struct tenon_group group;
    uint8_t bus_memory[TENON_MIT_BUS_MEMORY(JOINTS)];
    uint64_t memory[1024];
    struct tenon_trace trace;
    struct tenon_span spans[256];
    tenon_ns_t now;
    tenon_ns_t release;
} world;

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

/* A host: the motors stay what they are. */
static void boot(struct world *w)
{
    static const char *const names[JOINTS] = {"hip", "knee", "ankle"};
    memset(&w->sched, 0, sizeof w->sched);
    memset(&w->wire, 0, sizeof w->wire);
    memset(w->joints, 0, sizeof w->joints);
    memset(&w->group, 0, sizeof w->group);
    w->line.base.module = (struct tenon_module){.driver = w->line.base.module.driver};
    (void)tenon_sched_init(&w->sched, &port, PERIOD, w->memory, sizeof w->memory);
    (void)tenon_sched_add_wire(&w->sched, &w->wire, "can", &w->line.base,
                               tenon_mit_bus_init(&w->bus, w->bus_memory, sizeof w->bus_memory));
    for (uint8_t i = 0; i < JOINTS; i++) {
        const struct tenon_damiao_motor_config config = {
            .id = (uint8_t)(i + 1), .kp = 80.0f, .kd = 2.0f};
        w->members[i] = &w->joints[i];
        (void)tenon_sched_add_joint(
            &w->sched, &w->joints[i], names[i],
            tenon_damiao_motor_init_config(&w->motors[i], &w->wire, &config), &limits);
    }
    w->group.policy = TENON_GROUP_ISOLATE;
    (void)tenon_sched_add_group(&w->sched, &w->group, "leg", w->members, JOINTS);
    (void)tenon_sched_add_trace(&w->sched, &w->trace, w->spans, 256);
    assert_int_equal(tenon_sched_start(&w->sched), TENON_OK);
    w->release = w->now + PERIOD;
}

static struct world *make(void)
{
    struct world *w = &world;
    memset(w, 0, sizeof *w);
    (void)fake_can_line_init(&w->line, 1000000);
    fake_mit_world_init(&w->far, &w->line);
    for (uint8_t i = 0; i < JOINTS; i++) {
        struct fake_mit *m = fake_mit_add(&w->far, (uint8_t)(i + 1), (uint16_t)(0x11 + i));
        m->position_rad = 0.3 * i;
        m->load_nm = -2.0 * i;
        m->inertia = 0.05;
    }
    for (size_t i = 0; i < JOINTS; i++) {
        w->far.motors[i].moved_ns = TENON_S(1);
    }
    w->now = TENON_S(1);
    boot(w);
    return w;
}

/* What is limp lies where it is, as joints with friction do. */
static void rest_limp_joints(struct world *w)
{
    for (size_t i = 0; i < JOINTS; i++) {
        struct fake_mit *m = &w->far.motors[i];
        if (m->status != MIT_ENABLED) {
            m->velocity_rad_s = 0.0;
        }
    }
}

static void run(struct world *w, tenon_ns_t ns)
{
    for (const tenon_ns_t end = w->now + ns; w->now < end;) {
        w->now += TICK;
        rest_limp_joints(w);
        fake_mit_advance(&w->far, w->now);
        (void)tenon_sched_poll(&w->sched, w->now);
        if (w->now >= w->release) {
            w->release = tenon_sched_step(&w->sched, w->now);
            (void)tenon_sched_poll(&w->sched, w->now);
        }
    }
}

static bool reach(struct world *w, size_t joint, enum tenon_joint_status status)
{
    for (unsigned i = 0; i < 4000 && w->joints[joint].status != status; i++) {
        run(w, TENON_MS(1));
    }
    return w->joints[joint].status == status;
}

static void enable_all(struct world *w)
{
    assert_int_equal(tenon_group_enable(&w->group), TENON_OK);
    for (size_t i = 0; i < JOINTS; i++) {
        assert_true(reach(w, i, TENON_JOINT_ENABLED));
    }
}

static struct world *make_enabled(void)
{
    struct world *w = make();
    run(w, TENON_MS(200));
    assert_true(tenon_sched_is_ready(&w->sched));
    enable_all(w);
    return w;
}

static bool has_torque(const struct world *w, size_t i)
{
    return w->far.motors[i].status == MIT_ENABLED;
}

static double error_of(const struct world *w, size_t i, double goal_rad)
{
    const double sag = w->far.motors[i].load_nm / 80.0; /* by its stiffness */
    return fabs(w->far.motors[i].position_rad - goal_rad - sag);
}

static void joints_are_enabled_where_they_are_and_move(void **state)
{
    static const double goals[JOINTS] = {1.0, -0.8, 1.7};
    struct world *w = make();
    (void)state;
    run(w, TENON_MS(200));
    assert_true(tenon_sched_is_ready(&w->sched));
    for (size_t i = 0; i < JOINTS; i++) {
        assert_int_equal(w->joints[i].status, TENON_JOINT_DISABLED);
        assert_true(fabs(w->joints[i].state.position_rad - w->far.motors[i].position_rad) < 1e-3);
    }
    enable_all(w);
    for (size_t i = 0; i < JOINTS; i++) {
        /* What a limp joint under 4 N.m falls within a cycle, which damping makes felt. */
        assert_true(w->far.motors[i].jump_nm < 2.0 * 4.0 / 0.05 * 2e-3);
        assert_int_equal(w->far.motors[i].enable_count, 1);
    }
    run(w, TENON_MS(500));
    assert_int_equal(tenon_group_move_to(&w->group, goals), TENON_OK);
    run(w, TENON_S(2));
    assert_int_equal(w->group.status, TENON_GROUP_DONE);
    run(w, TENON_MS(500));
    for (size_t i = 0; i < JOINTS; i++) {
        assert_true(error_of(w, i, goals[i]) < 2e-3);
        assert_int_equal(w->motors[i].base.gate_count, 0);
        assert_int_equal(w->motors[i].base.implausible_count, 0);
        assert_int_equal(w->motors[i].device.counters.missed_count, 0);
    }
    assert_int_equal(w->bus.base.counters.overrun_count, 0);
    assert_int_equal(w->bus.base.counters.stale_count, 0);
}

/* Commands and samples of the neighbours go on in every single cycle. */
static void a_motor_that_falls_silent_is_its_own_trouble(void **state)
{
    struct world *w = make_enabled();
    (void)state;
    run(w, TENON_MS(100));
    w->far.motors[1].is_silent = true;
    for (unsigned k = 0; k < 200; k++) {
        const uint32_t commands[] = {w->far.motors[0].command_count,
                                     w->far.motors[2].command_count};
        const uint32_t samples[] = {w->motors[0].device.in_sequence,
                                    w->motors[2].device.in_sequence};
        run(w, PERIOD);
        assert_int_equal(w->far.motors[0].command_count - commands[0], 1);
        assert_int_equal(w->far.motors[2].command_count - commands[1], 1);
        assert_int_equal(w->motors[0].device.in_sequence - samples[0], 1);
        assert_int_equal(w->motors[2].device.in_sequence - samples[1], 1);
    }
    assert_int_equal(w->joints[1].status, TENON_JOINT_FAULT);
    assert_int_equal(w->joints[0].status, TENON_JOINT_ENABLED);
    assert_int_equal(w->joints[2].status, TENON_JOINT_ENABLED);
    assert_int_equal(w->far.motors[1].status, MIT_SILENCE); /* its own watchdog let go */
    w->far.motors[1].is_silent = false;
    run(w, TENON_S(3));
    assert_false(has_torque(w, 1)); /* nothing regains torque unasked */
    assert_int_equal(tenon_joint_reset(&w->joints[1]), TENON_OK);
    assert_true(reach(w, 1, TENON_JOINT_DISABLED));
    enable_all(w);
    assert_true(has_torque(w, 1));
}

static void an_error_of_a_motor_is_told_and_cleared_on_the_way_back(void **state)
{
    struct world *w = make_enabled();
    (void)state;
    w->far.motors[2].status = MIT_UNDER_VOLTAGE;
    assert_true(reach(w, 2, TENON_JOINT_FAULT));
    assert_int_equal(w->joints[2].diag.cause, TENON_CAUSE_DEVICE_FAULT);
    assert_string_equal(w->joints[2].diag.detail, "under-voltage");
    run(w, TENON_S(3));
    assert_int_equal(w->far.motors[2].status, MIT_DISABLED);
    assert_int_equal(w->motors[2].clear_count, 1);
    assert_int_equal(w->joints[0].status, TENON_JOINT_ENABLED);
}

static void a_host_that_comes_back_finds_its_joints_held(void **state)
{
    struct world *w = make_enabled();
    double before[JOINTS];
    uint32_t disables[JOINTS];
    (void)state;
    run(w, TENON_MS(500));
    for (size_t i = 0; i < JOINTS; i++) {
        before[i] = w->far.motors[i].position_rad;
        disables[i] = w->far.motors[i].disable_count;
        w->far.motors[i].jump_nm = 0.0;
    }
    boot(w); /* within the watchdog's time */
    for (size_t i = 0; i < JOINTS; i++) {
        assert_true(reach(w, i, TENON_JOINT_HOLDING));
    }
    run(w, TENON_S(1));
    enable_all(w);
    run(w, TENON_S(1));
    for (size_t i = 0; i < JOINTS; i++) {
        assert_true(has_torque(w, i));
        assert_int_equal(w->far.motors[i].disable_count, disables[i]);
        assert_int_equal(w->far.motors[i].enable_count, 1);
        assert_true(fabs(w->far.motors[i].position_rad - before[i]) < 2e-3);
        assert_true(w->far.motors[i].jump_nm < 0.1);
    }
}

static void the_emergency_stop_ends_torque_within_two_cycles(void **state)
{
    struct world *w = make_enabled();
    (void)state;
    run(w, TENON_MS(101));
    for (size_t i = 0; i < JOINTS; i++) {
        w->joints[i].safe_action = TENON_SAFE_LIMP;
    }
    tenon_sched_estop(&w->sched);
    run(w, 2 * PERIOD);
    for (size_t i = 0; i < JOINTS; i++) {
        assert_false(has_torque(w, i));
    }
}

/* The one command of a group's move, through all joints, in one cycle of the bus, and back. */
static void a_command_is_traced_to_the_motors_and_back(void **state)
{
    static const double goals[JOINTS] = {1.0, -0.8, 1.7};
    static struct tenon_span spans[256];
    struct world *w = make_enabled();
    uint32_t sent_link = 0;
    unsigned sent = 0;
    unsigned answered = 0;
    unsigned cycles = 0;
    (void)state;
    tenon_trace_switch(&w->trace, true);
    assert_int_equal(tenon_group_move_to(&w->group, goals), TENON_OK);
    const uint32_t command = tenon_sched_command_id(&w->sched);
    run(w, 2 * PERIOD);
    const int count = tenon_trace_take(&w->trace, spans, 256, NULL);
    for (int i = 0; i < count; i++) {
        const struct tenon_span *s = &spans[i];
        if (s->kind == TENON_SPAN_SENT && s->command == command) {
            sent_link = s->link;
            sent |= 1u << s->value;
        } else if (s->kind == TENON_SPAN_ANSWERED && s->command == command) {
            assert_int_equal(s->link, sent_link);
            assert_int_equal(s->code, TENON_OK);
            answered |= 1u << s->value;
        } else if (s->kind == TENON_SPAN_TRANSMISSION) {
            assert_int_equal(s->link, sent_link);
            assert_int_equal(s->value, JOINTS);
            assert_string_equal(s->subject, "can");
            cycles++;
        }
    }
    assert_int_equal(sent, 0x0E); /* nodes 1 ... 3 */
    assert_int_equal(answered, 0x0E);
    assert_int_equal(cycles, 1);
}

/* One event of the line, which masks its motors, their joints and the move. */
static void check_events_of_bus_off(struct world *w)
{
    struct tenon_event event;
    unsigned faults = 0;
    while (tenon_sched_take_event(&w->sched, &event) == TENON_OK) {
        if (event.kind == TENON_EVENT_RESTARTED || event.kind == TENON_EVENT_LATE) {
            continue;
        }
        assert_int_equal(event.kind, TENON_EVENT_FAULT);
        assert_int_equal(event.role, TENON_ROLE_LINE);
        assert_string_equal(event.name, "can");
        assert_int_equal(event.masked_count, 2 * JOINTS + 1);
        faults++;
    }
    assert_int_equal(faults, 1);
}

/* Bus-off at every k-th call to the line while all move. */
static void bus_off_is_told_once_and_healed_without_torque(void **state)
{
    static const double goals[JOINTS] = {1.0, -0.8, 1.7};
    (void)state;
    for (uint32_t k = 1; k <= 25; k++) {
        struct world *w = make_enabled();
        assert_int_equal(tenon_group_move_to(&w->group, goals), TENON_OK);
        run(w, TENON_MS(101));
        struct tenon_event old;
        while (tenon_sched_take_event(&w->sched, &old) == TENON_OK) {
        }
        w->line.fail_at = w->line.read_count + w->line.write_count + k;
        run(w, TENON_MS(20));
        assert_int_equal(w->line.base.module.fault_count, 1);
        for (size_t i = 0; i < JOINTS; i++) {
            assert_int_equal(w->joints[i].status, TENON_JOINT_FAULT);
            assert_int_equal(w->joints[i].diag.cause, TENON_CAUSE_WIRE_DOWN);
        }
        check_events_of_bus_off(w);
        run(w, TENON_S(3));
        for (size_t i = 0; i < JOINTS; i++) {
            assert_false(has_torque(w, i));
            assert_int_equal(tenon_joint_reset(&w->joints[i]), TENON_OK);
        }
        assert_int_equal(w->line.base.module.fault_count, 1);
        for (size_t i = 0; i < JOINTS; i++) {
            assert_true(reach(w, i, TENON_JOINT_DISABLED));
        }
        enable_all(w);
        assert_true(has_torque(w, 0) && has_torque(w, 1) && has_torque(w, 2));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joints_are_enabled_where_they_are_and_move),
        cmocka_unit_test(a_motor_that_falls_silent_is_its_own_trouble),
        cmocka_unit_test(an_error_of_a_motor_is_told_and_cleared_on_the_way_back),
        cmocka_unit_test(a_host_that_comes_back_finds_its_joints_held),
        cmocka_unit_test(the_emergency_stop_ends_torque_within_two_cycles),
        cmocka_unit_test(a_command_is_traced_to_the_motors_and_back),
        cmocka_unit_test(bus_off_is_told_once_and_healed_without_torque),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
