#include "arm_rig.h"

#include "../tenon_test.h"

#include <math.h>
#include <string.h>

#define RAD_PER_TICK 0.0015339807878856412 /* a turn / 4096 */
#define SYNC_READ    0x82
#define SYNC_WRITE   0x83
#define GOAL_SLACK   2 /* ticks */

const double arm_ratios[ARM_JOINTS] = {3.0, 2.0, 2.0, 1.5, -1.0, 1.0};

const struct tenon_joint_limits arm_limits[ARM_JOINTS] = {
    {-1.5, 1.5, 0.6f, 1.5f, 10.0f, 0.0f, 0.2f}, {-1.5, 1.5, 0.5f, 1.2f, 8.0f, 0.0f, 0.2f},
    {-1.5, 1.5, 0.5f, 1.2f, 8.0f, 0.0f, 0.2f},  {-1.6, 1.6, 0.8f, 2.0f, 15.0f, 0.0f, 0.2f},
    {-1.6, 1.6, 0.8f, 2.0f, 15.0f, 0.0f, 0.2f}, {-1.6, 1.6, 0.8f, 2.0f, 15.0f, 0.0f, 0.2f},
};

static const char *const names[ARM_JOINTS] = {"base",    "shoulder", "elbow",
                                              "forearm", "wrist",    "hand"};

/* Of what an XM430 does at stall, 4.1 N m: 34 % and 32 %. */
static const float gravity_nm[ARM_JOINTS] = {0.0f, 1.394f, 1.312f, 0.0f, 0.0f, 0.0f};

static uint32_t tick_count;

static uint32_t ticks(void)
{
    return ++tick_count;
}

static void panic(uint32_t module, uint32_t id)
{
    fail_msg("broken invariant %u.%u", (unsigned)module, (unsigned)id);
}

const struct tenon_port arm_port = {
    .head = TENON_API_HEAD(struct tenon_port),
    .ticks = ticks,
    .panic = panic,
    .ticks_per_s = 1000000,
};

/* --- the line --- */

static int lose_port(struct arm_line *self)
{
    return tenon_module_refuse(&self->base.module, TENON_ERR_IO, TENON_CAUSE_PORT_LOST, 0.0f, 0.0f);
}

static int pass_on(struct arm_line *self, int rc)
{
    if (rc < 0) {
        self->base.module.diag = self->inner.base.module.diag;
    }
    self->base.tx_pending = self->inner.base.tx_pending;
    self->base.rx_bytes = self->inner.base.rx_bytes;
    self->base.tx_bytes = self->inner.base.tx_bytes;
    return rc;
}

static int line_probe(struct tenon_module *module, tenon_ns_t now)
{
    struct arm_line *self = (struct arm_line *)(void *)module;
    struct tenon_module *inner = &self->inner.base.module;
    return pass_on(self, inner->driver->lifecycle->probe(inner, now));
}

static int line_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK;
}

static int line_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    struct arm_line *self = (struct arm_line *)(void *)base;
    struct tenon_line *inner = &self->inner.base;
    if (++self->read_count == self->fail_read_at) {
        return lose_port(self);
    }
    return pass_on(self, tenon_line_get_api(inner)->read(inner, out_bytes, capacity, now));
}

/* Fields of the first packet, as it would be without stuffing: positions and IDs never need it
 * here. */
static void look_into(struct arm_line *self, const uint8_t *bytes, size_t count)
{
    if (count < 14 || bytes[7] != SYNC_WRITE) {
        return;
    }
    const size_t length = bytes[5] + 256u * bytes[6];
    const size_t width = bytes[10] + 256u * bytes[11];
    const size_t next = length + 7;
    self->cycle_count++;
    self->cycle_nodes = (uint32_t)((length - 7) / (width + 1));
    if (count > next + 7 && bytes[next] == 0xFF && bytes[next + 7] == SYNC_READ) {
        self->asking_count++;
    }
}

static int line_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct arm_line *self = (struct arm_line *)(void *)base;
    struct tenon_line *inner = &self->inner.base;
    if (++self->write_count == self->fail_write_at) {
        return lose_port(self);
    }
    look_into(self, bytes, count);
    return pass_on(self, tenon_line_get_api(inner)->write(inner, bytes, count, now));
}

static int
line_write_emergency(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct tenon_line *inner = &((struct arm_line *)(void *)base)->inner.base;
    return tenon_line_get_api(inner)->write_emergency(inner, bytes, count, now);
}

static const struct tenon_lifecycle_api line_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = line_probe,
    .make_safe = line_make_safe,
};

static const struct tenon_line_api line_api = {
    .head = TENON_API_HEAD(struct tenon_line_api),
    .read = line_read,
    .write = line_write,
    .write_emergency = line_write_emergency,
};

static const struct tenon_driver line_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "arm_line",
    .role = TENON_ROLE_LINE,
    .instance_size = UINT16_MAX,
    .lifecycle = &line_lifecycle,
    .api = &line_api.head,
};

struct tenon_line *arm_line_init(struct arm_line *self)
{
    memset(self, 0, sizeof *self);
    assert_non_null(tenon_memory_line_init(&self->inner, ARM_BAUD));
    self->base.module.driver = &line_driver;
    self->base.port = "memory";
    self->base.baud = ARM_BAUD;
    self->base.fd = -1;
    return &self->base;
}

/* --- putting it together --- */

static const char *model_of(const struct arm *arm, unsigned i)
{
    if (arm->config.model[i] != NULL) {
        return arm->config.model[i];
    }
    return i < 3 ? "xm430-w350" : "xl430-w250";
}

void arm_make(struct arm *arm, const struct arm_config *config)
{
    memset(arm, 0, sizeof *arm);
    tick_count = 0;
    arm->config = config != NULL ? *config : (struct arm_config){0};
    arm->count = arm->config.joint_count != 0 ? arm->config.joint_count : ARM_JOINTS;
    arm->now = TENON_S(10);
    for (unsigned i = 0; i < arm->count; i++) {
        struct tenon_sim_servo *const servo = &arm->servos[i];
        assert_int_equal(tenon_sim_servo_init(servo, model_of(arm, i), (uint8_t)(i + 1), ARM_BAUD),
                         TENON_OK);
        arm->list[i] = servo;
        if (gravity_nm[i] > 0.0f) {
            const struct tenon_sim_load load = {.gravity_nm = gravity_nm[i],
                                                .inertia_kg_m2 = 0.02f};
            tenon_sim_servo_set_load(servo, &load);
            tenon_sim_servo_set_angle(servo, -1.57);
        }
    }
    tenon_sim_bus_init(&arm->sim, arm->list, arm->count);
    arm->sim.seed = 4711;
    (void)arm_line_init(&arm->line);
    tenon_sim_bus_serve(&arm->sim, &arm->line.inner, arm->now);
}

static void add_joint(struct arm *arm, struct arm_host *host, unsigned i)
{
    const struct arm_config *const c = &arm->config;
    struct tenon_joint *const joint = &host->joints[i];
    /* The factory's I gain is 0: under gravity they would sag. */
    const struct tenon_dxl2_motor_config motor = {
        .id = (uint8_t)(i + 1),
        .mode = c->mode[i] != 0 ? c->mode[i] : (uint8_t)TENON_MODE_EXTENDED_POSITION,
        .position_p_gain = c->factory_gains ? 0 : 1600,
        .position_i_gain = c->factory_gains ? 0 : 2500,
        .position_d_gain = c->factory_gains ? 0 : 400,
    };
    joint->safe_action = c->safe_action[i];
    joint->divisor = c->divisor[i];
    (void)tenon_sched_add_joint(&host->sched, joint, names[i],
                                tenon_dxl2_motor_init_config(&host->motors[i], &host->wire, &motor),
                                c->own_limits ? NULL : &arm_limits[i]);
    (void)tenon_joint_use_reducer(joint, tenon_ratio_reducer_init(&host->gears[i], arm_ratios[i]));
    host->members[i] = joint;
}

void arm_assemble(struct arm *arm, struct arm_host *host)
{
    memset(host, 0, sizeof *host);
    arm->host = host;
    arm->deadline = arm->now;
    (void)tenon_sched_init(&host->sched, &arm_port, ARM_PERIOD, host->memory, sizeof host->memory);
    (void)tenon_sched_add_wire(
        &host->sched, &host->wire, "bus", arm_line_init(&arm->line),
        tenon_dxl2_bus_init(&host->bus, host->bus_memory, sizeof host->bus_memory));
    for (unsigned i = 0; i < arm->count; i++) {
        add_joint(arm, host, i);
    }
    host->group.policy = arm->config.policy;
    (void)tenon_sched_add_group(&host->sched, &host->group, "arm", host->members,
                                (uint16_t)arm->count);
    (void)tenon_sched_add_reader(&host->sched, &host->reader);
}

void arm_boot(struct arm *arm, struct arm_host *host)
{
    arm_assemble(arm, host);
    assert_int_equal(tenon_sched_start(&host->sched), TENON_OK);
}

void arm_start(struct arm *arm, const struct arm_config *config)
{
    arm_make(arm, config);
    arm_boot(arm, &arm->hosts[0]);
    assert_true(arm_wait_ready(arm, TENON_S(3)));
}

/* --- the laws --- */

int32_t arm_peek(const struct arm *arm, unsigned servo, uint16_t address, uint8_t width)
{
    return tenon_sim_servo_peek(&arm->servos[servo], address, width);
}

bool arm_has_torque(const struct arm *arm, unsigned servo)
{
    return arm_peek(arm, servo, ARM_TORQUE_ENABLE, 1) != 0;
}

double arm_angle(const struct arm *arm, unsigned joint)
{
    return tenon_sim_servo_angle_rad(&arm->servos[joint]) / arm_ratios[joint];
}

static int32_t ticks_of(double motor_rad)
{
    return (int32_t)lround(motor_rad / RAD_PER_TICK) + 2048;
}

static bool is_by_position(const struct arm *arm, unsigned i)
{
    const uint8_t mode = arm->config.mode[i];
    return mode == 0 || mode == TENON_MODE_POSITION || mode == TENON_MODE_EXTENDED_POSITION ||
           mode == TENON_MODE_EFFORT_POSITION;
}

static void check_torque(struct arm *arm, unsigned i)
{
    struct arm_watch *const w = &arm->watch[i];
    const bool is_on = arm_has_torque(arm, i);
    if (is_on && !w->was_on) {
        if (!w->may_enable) {
            fail_msg("servo %u: torque came on by itself", i + 1);
        }
        w->on_count++;
        w->goal = arm_peek(arm, i, ARM_GOAL_POSITION, 4);
        w->goal_ns = arm->now;
    } else if (!is_on && w->was_on) {
        w->off_count++;
    }
    w->was_on = is_on;
}

/* Limits of the joint, seen from the servo. */
static void check_goal(struct arm *arm, unsigned i)
{
    struct arm_watch *const w = &arm->watch[i];
    const int32_t goal = arm_peek(arm, i, ARM_GOAL_POSITION, 4);
    const double ratio = fabs(arm_ratios[i]);
    const double bound = arm_limits[i].position_max_rad * ratio / RAD_PER_TICK + GOAL_SLACK;
    if (goal == w->goal) {
        return;
    }
    if (fabs((double)(goal - 2048)) > bound) {
        fail_msg("servo %u: goal %d is outside +-%.0f", i + 1, (int)goal, bound);
    }
    const double elapsed_s = 1e-9 * (double)(arm->now - w->goal_ns + ARM_PERIOD);
    const double way =
        (double)arm_limits[i].velocity_rad_s * ratio * elapsed_s / RAD_PER_TICK + GOAL_SLACK;
    if (!arm->may_jump && fabs((double)(goal - w->goal)) > way) {
        fail_msg("servo %u: goal jumped from %d to %d", i + 1, (int)w->goal, (int)goal);
    }
    w->goal = goal;
    w->goal_ns = arm->now;
}

static void check_laws(struct arm *arm)
{
    for (unsigned i = 0; i < arm->count; i++) {
        check_torque(arm, i);
        if (arm->watch[i].was_on && !arm->is_uncommon && is_by_position(arm, i)) {
            check_goal(arm, i);
        }
    }
}

/* Before a step: what the one before commanded has reached the servo. */
static void check_commands(struct arm *arm)
{
    for (unsigned i = 0; i < arm->count && !arm->is_uncommon; i++) {
        const struct tenon_joint *const joint = &arm->host->joints[i];
        const bool is_driven = joint->status == TENON_JOINT_ENABLED && is_by_position(arm, i);
        const int32_t wanted = ticks_of(joint->command.position_rad * arm_ratios[i]);
        const int32_t goal = arm_peek(arm, i, ARM_GOAL_POSITION, 4);
        if (is_driven && (goal - wanted > 1 || wanted - goal > 1)) {
            arm->watch[i].stale_goals++;
        }
        const double error = fabs(joint->command.position_rad - arm_angle(arm, i));
        if (is_driven && error > arm->tracking_rad) {
            arm->tracking_rad = error;
        }
    }
}

/* --- time --- */

static tenon_ns_t lesser(tenon_ns_t a, tenon_ns_t b)
{
    return a < b ? a : b;
}

/* The next instant at which something is due. */
static tenon_ns_t next_instant(const struct arm *arm, tenon_ns_t until)
{
    tenon_ns_t next = until;
    if (!arm->is_away) {
        next = lesser(next, lesser(arm->deadline, tenon_sched_release(&arm->host->sched)));
        if (arm->config.is_fine) {
            next = lesser(next, tenon_memory_line_next_ns(&arm->line.inner));
            next = lesser(next, tenon_sim_bus_next_ns(&arm->sim));
        }
    } else {
        next = lesser(next, arm->now + TENON_MS(1));
    }
    return next > arm->now ? next : arm->now + 1000;
}

static void tick(struct arm *arm)
{
    struct tenon_sched *const sched = &arm->host->sched;
    tenon_sim_bus_serve(&arm->sim, &arm->line.inner, arm->now);
    if (!arm->is_away) {
        arm->deadline = tenon_sched_poll(sched, arm->now);
        if (arm->now >= tenon_sched_release(sched)) {
            check_commands(arm);
            arm->step_ns = arm->now;
            (void)tenon_sched_step(sched, arm->now);
            arm->deadline = tenon_sched_poll(sched, arm->now);
        }
        tenon_sim_bus_serve(&arm->sim, &arm->line.inner, arm->now);
    }
    check_laws(arm);
}

void arm_run(struct arm *arm, tenon_ns_t duration)
{
    const tenon_ns_t until = arm->now + duration;
    while (arm->now < until) {
        arm->now = next_instant(arm, until);
        tick(arm);
    }
}

bool arm_wait_ready(struct arm *arm, tenon_ns_t patience)
{
    const tenon_ns_t until = arm->now + patience;
    while (arm->now < until && !tenon_sched_is_ready(&arm->host->sched)) {
        arm_run(arm, ARM_PERIOD);
    }
    return tenon_sched_is_ready(&arm->host->sched);
}

bool arm_wait_status(struct arm *arm,
                     unsigned joint,
                     enum tenon_joint_status status,
                     tenon_ns_t patience)
{
    const tenon_ns_t until = arm->now + patience;
    while (arm->now < until && arm->host->joints[joint].status != status) {
        arm_run(arm, ARM_PERIOD);
    }
    return arm->host->joints[joint].status == status;
}

bool arm_wait_group(struct arm *arm, enum tenon_group_status status, tenon_ns_t patience)
{
    const tenon_ns_t until = arm->now + patience;
    while (arm->now < until && arm->host->group.status != status) {
        arm_run(arm, ARM_PERIOD);
    }
    return arm->host->group.status == status;
}

bool arm_wait_settled(struct arm *arm, double tolerance_rad, tenon_ns_t patience)
{
    const tenon_ns_t until = arm->now + patience;
    while (arm->now < until && !tenon_group_is_settled(&arm->host->group, tolerance_rad)) {
        arm_run(arm, ARM_PERIOD);
    }
    arm_run(arm, TENON_MS(400));
    return tenon_group_is_settled(&arm->host->group, tolerance_rad);
}

/* --- what an application does --- */

static void permit(struct arm *arm, unsigned joint)
{
    arm->watch[joint].may_enable = true;
    assert_true(arm_wait_status(arm, joint, TENON_JOINT_ENABLED, TENON_S(2)));
    arm->watch[joint].may_enable = false;
}

void arm_enable(struct arm *arm)
{
    assert_int_equal(tenon_group_enable(&arm->host->group), TENON_OK);
    for (unsigned i = 0; i < arm->count; i++) {
        arm->watch[i].may_enable = true;
    }
    for (unsigned i = 0; i < arm->count; i++) {
        permit(arm, i);
    }
}

void arm_revive(struct arm *arm, unsigned joint)
{
    struct tenon_joint *const j = &arm->host->joints[joint];
    assert_int_equal(tenon_joint_reset(j), TENON_OK);
    arm_run(arm, 2 * ARM_PERIOD);
    const tenon_ns_t until = arm->now + TENON_S(6);
    while (arm->now < until && j->status != TENON_JOINT_DISABLED &&
           j->status != TENON_JOINT_HOLDING) {
        arm_run(arm, ARM_PERIOD);
    }
    if (!tenon_joint_is_homed(j)) {
        assert_int_equal(tenon_joint_enable(j), TENON_ERR_STATE);
        assert_int_equal(tenon_joint_accept_calibration(j), TENON_OK);
    }
    assert_int_equal(tenon_joint_enable(j), TENON_OK);
    permit(arm, joint);
}

void arm_revive_all(struct arm *arm)
{
    for (unsigned i = 0; i < arm->count; i++) {
        if (arm->host->joints[i].status != TENON_JOINT_ENABLED) {
            arm_revive(arm, i);
        }
    }
}

void arm_go(struct arm *arm, const double *goals_rad)
{
    assert_int_equal(tenon_group_move_to(&arm->host->group, goals_rad), TENON_OK);
    arm_run(arm, 2 * ARM_PERIOD); /* it has begun */
}

void arm_move(struct arm *arm, const double *goals_rad)
{
    arm_go(arm, goals_rad);
    assert_true(arm_wait_settled(arm, 0.006, TENON_S(15)));
    for (unsigned i = 0; i < arm->count; i++) {
        if (!(fabs(arm_angle(arm, i) - goals_rad[i]) < 0.01)) {
            fail_msg("joint %u is at %.4f, not %.4f", i, arm_angle(arm, i), goals_rad[i]);
        }
    }
}

void arm_set_faults(struct arm *arm, unsigned servo, const struct tenon_sim_faults *faults)
{
    tenon_sim_servo_set_faults(&arm->servos[servo], faults);
}

void arm_check_diag(const struct tenon_diag *diag, enum tenon_cause cause, const char *subject)
{
    char text[256];
    (void)tenon_diag_text(diag, text, sizeof text);
    assert_int_equal(diag->cause, cause);
    assert_true(diag->code < 0);
    assert_non_null(diag->subject);
    assert_string_equal(diag->subject, subject);
    assert_non_null(strstr(text, subject));
    assert_true(strlen(text) > strlen(subject) + 20);
    assert_non_null(strchr(text, ';')); /* what is wrong; what to do */
}
