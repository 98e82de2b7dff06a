#include "sim_arm.h"

#include <string.h>

#define RATIO        2.0
#define START_CYCLES 1000

/* --- the line --- */

static struct bench_line *line_of(struct tenon_line *base)
{
    return TENON_CONTAINER_OF(base, struct bench_line, base);
}

int bench_line_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    struct tenon_line *const inner = &line_of(base)->inner.base;
    return tenon_line_get_api(inner)->read(inner, out_bytes, capacity, now);
}

int bench_line_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct tenon_line *const inner = &line_of(base)->inner.base;
    return tenon_line_get_api(inner)->write(inner, bytes, count, now);
}

static int line_ok(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK;
}

static const struct tenon_lifecycle_api line_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api), .probe = line_ok, .make_safe = line_ok};
static const struct tenon_line_api line_api = {
    .head = TENON_API_HEAD(struct tenon_line_api),
    .read = bench_line_read,
    .write = bench_line_write,
};
static const struct tenon_driver line_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "bench_line",
    .role = TENON_ROLE_LINE,
    .instance_size = sizeof(struct bench_line),
    .lifecycle = &line_lifecycle,
    .api = &line_api.head,
};

static struct tenon_line *line_init(struct bench_line *self, uint32_t baud)
{
    if (tenon_memory_line_init(&self->inner, baud) == NULL) {
        return NULL;
    }
    self->base = (struct tenon_line){.baud = baud, .fd = -1};
    self->base.module.driver = &line_driver;
    return &self->base;
}

/* --- the port --- */

static uint32_t ticks(void)
{
    static uint32_t count;
    return ++count;
}

static void panic(uint32_t module, uint32_t id)
{
    (void)module;
    (void)id;
}

static const struct tenon_port port = {
    .head = TENON_API_HEAD(struct tenon_port),
    .ticks = ticks,
    .panic = panic,
    .ticks_per_s = 1000000,
};

/* --- time --- */

void bench_step(struct sim_arm *arm, tenon_ns_t *out_deadline)
{
    (void)tenon_sched_step(&arm->sched, arm->now);
    *out_deadline = tenon_sched_poll(&arm->sched, arm->now);
}

void bench_poll(struct sim_arm *arm, tenon_ns_t *out_deadline)
{
    *out_deadline = tenon_sched_poll(&arm->sched, arm->now);
}

static void serve(struct sim_arm *arm)
{
    for (unsigned i = 0; i < arm->wire_count; i++) {
        tenon_sim_bus_serve(&arm->wires[i].sim, &arm->wires[i].line.inner, arm->now);
    }
}

void sim_arm_cycle(struct sim_arm *arm)
{
    tenon_ns_t deadline;
    serve(arm);
    bench_step(arm, &deadline);
    arm->poll_count = 1;
    const tenon_ns_t release = tenon_sched_release(&arm->sched);
    while (deadline < release) {
        arm->now = deadline > arm->now ? deadline : arm->now + 1;
        serve(arm);
        bench_poll(arm, &deadline);
        arm->poll_count++;
    }
    arm->now = release;
}

/* --- putting it together --- */

static int add_joint(struct sim_arm *arm, struct sim_arm_wire *wire, unsigned joint, unsigned node)
{
    static const struct tenon_joint_limits limits = {-1.5, 1.5, 0.3f, 2.0f, 20.0f, 0.0f, 0.5f};
    int rc = tenon_sim_servo_init(&wire->servos[node], "xm430-w350", (uint8_t)(node + 1),
                                  wire->line.base.baud);
    wire->list[node] = &wire->servos[node];
    arm->members[joint] = &arm->joints[joint];
    struct tenon_motor *const motor = tenon_dxl2_motor_init(
        &arm->motors[joint], &wire->wire, (uint8_t)(node + 1), TENON_MODE_POSITION);
    if (rc == TENON_OK) {
        rc = tenon_sched_add_joint(&arm->sched, &arm->joints[joint], "joint", motor, &limits);
    }
    if (rc == TENON_OK) {
        rc = tenon_joint_use_reducer(&arm->joints[joint],
                                     tenon_ratio_reducer_init(&arm->gears[joint], RATIO));
    }
    return rc;
}

static int add_wire(struct sim_arm *arm, unsigned index, unsigned joints, uint32_t baud)
{
    struct sim_arm_wire *const wire = &arm->wires[index];
    int rc = tenon_sched_add_wire(
        &arm->sched, &wire->wire, "bus", line_init(&wire->line, baud),
        tenon_dxl2_bus_init(&wire->bus, wire->bus_memory, sizeof wire->bus_memory));
    for (unsigned i = 0; i < joints && rc == TENON_OK; i++) {
        rc = add_joint(arm, wire, index * joints + i, i);
    }
    tenon_sim_bus_init(&wire->sim, wire->list, joints);
    return rc;
}

static bool all_enabled(const struct sim_arm *arm)
{
    for (unsigned i = 0; i < arm->joint_count; i++) {
        if (arm->joints[i].status != TENON_JOINT_ENABLED) {
            return false;
        }
    }
    return true;
}

static int bring_up(struct sim_arm *arm)
{
    int rc = tenon_sched_start(&arm->sched);
    for (unsigned i = 0; rc == TENON_OK && i < START_CYCLES; i++) {
        if (tenon_sched_is_ready(&arm->sched)) {
            break;
        }
        sim_arm_cycle(arm);
    }
    rc = rc == TENON_OK ? tenon_group_enable(&arm->group) : rc;
    for (unsigned i = 0; rc == TENON_OK && i < START_CYCLES && !all_enabled(arm); i++) {
        sim_arm_cycle(arm);
    }
    return rc == TENON_OK && !all_enabled(arm) ? TENON_ERR_TIMEOUT : rc;
}

int sim_arm_start(struct sim_arm *arm, unsigned wires, unsigned joints_per_wire, uint32_t baud)
{
    memset(arm, 0, sizeof *arm);
    arm->now = TENON_S(1);
    arm->wire_count = wires;
    arm->joint_count = wires * joints_per_wire;
    int rc = tenon_sched_init(&arm->sched, &port, SIM_ARM_PERIOD, arm->memory, sizeof arm->memory);
    for (unsigned i = 0; i < wires && rc == TENON_OK; i++) {
        rc = add_wire(arm, i, joints_per_wire, baud);
    }
    if (rc == TENON_OK) {
        rc = tenon_sched_add_group(&arm->sched, &arm->group, "arm", arm->members,
                                   (uint16_t)arm->joint_count);
    }
    rc = rc == TENON_OK ? tenon_sched_add_reader(&arm->sched, &arm->reader) : rc;
    rc = rc == TENON_OK ? tenon_sched_add_trace(&arm->sched, &arm->trace, arm->spans, SIM_ARM_SPANS)
                        : rc;
    return rc == TENON_OK ? bring_up(arm) : rc;
}
