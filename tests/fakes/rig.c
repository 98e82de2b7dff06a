#include "rig.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

static uint32_t rig_ticks(void)
{
    static uint32_t ticks;
    return ticks++;
}

static void rig_panic(uint32_t module, uint32_t id)
{
    (void)module;
    (void)id;
    fail();
}

const struct tenon_port rig_port = {
    .head = TENON_API_HEAD(struct tenon_port),
    .ticks = rig_ticks,
    .panic = rig_panic,
    .ticks_per_s = 1000000,
};

/* --- the motor --- */

static struct rig_motor *from_module(struct tenon_module *module)
{
    return TENON_CONTAINER_OF(module, struct rig_motor, base.module);
}

static bool is_to_fail(struct rig_motor *self, enum rig_method method)
{
    const unsigned call = ++self->calls[method];
    const unsigned at = self->fail_at[method];
    return at != 0 && (call == at || (self->fails_on[method] && call > at));
}

static int refuse(struct rig_motor *self)
{
    if (self->keeps_quiet) {
        return self->fail_code;
    }
    (void)tenon_module_refuse(&self->base.module, (enum tenon_err)self->fail_code,
                              TENON_CAUSE_DEVICE_FAULT, 32.0f, 0.0f);
    self->base.module.diag.detail = "overload";
    return self->fail_code;
}

static int run(struct rig_motor *self, enum rig_method method)
{
    if (is_to_fail(self, method)) {
        return refuse(self);
    }
    if (self->base.module.progress < self->again[method]) {
        self->base.module.progress++;
        return TENON_ERR_AGAIN;
    }
    return TENON_OK;
}

static int motor_probe(struct tenon_module *module, tenon_ns_t now)
{
    (void)now;
    return run(from_module(module), RIG_PROBE);
}

static int motor_configure(struct tenon_module *module, tenon_ns_t now)
{
    struct rig_motor *self = from_module(module);
    (void)now;
    const int rc = run(self, RIG_CONFIGURE);
    if (rc == TENON_OK) {
        self->torque_is_on = self->torque_is_on || self->torque_found_on;
        self->torque_found_on = false;
        self->base.is_holding = self->torque_is_on;
    }
    return rc;
}

static int motor_activate(struct tenon_module *module, tenon_ns_t now)
{
    struct rig_motor *self = from_module(module);
    (void)now;
    const int rc = run(self, RIG_ACTIVATE);
    if (rc != TENON_OK) {
        return rc;
    }
    if (!self->torque_is_on) {
        self->goal_rad = self->position_rad;
        self->torque_is_on = true;
        self->on_count++;
    }
    self->goal_at_on_rad = self->goal_rad;
    self->is_first = true;
    self->base.command = (struct tenon_motor_command){
        .position_rad = self->goal_rad,
        .mode = self->base.mode,
    };
    self->base.has_command = true;
    self->last = self->base.command;
    return TENON_OK;
}

/* The device obeys at once; it is the answer that takes its time. */
static int motor_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    struct rig_motor *self = from_module(module);
    const int rc = run(self, RIG_MAKE_SAFE);
    if ((rc == TENON_OK || rc == TENON_ERR_AGAIN) && self->torque_is_on) {
        self->torque_is_on = false;
        self->off_count++;
        self->off_ns = now;
    }
    return rc;
}

static void motor_release(struct tenon_module *module)
{
    from_module(module)->calls[RIG_RELEASE]++;
}

static int
motor_read(struct tenon_motor *motor, tenon_ns_t now, struct tenon_motor_state *out_state)
{
    (void)now;
    struct rig_motor *self = (struct rig_motor *)(void *)motor;
    if (is_to_fail(self, RIG_READ)) {
        return refuse(self);
    }
    if (self->is_mute || !self->has_sample) {
        return TENON_ERR_AGAIN;
    }
    self->has_sample = false;
    *out_state = (struct tenon_motor_state){
        .position_rad = self->position_rad,
        .velocity_rad_s = (float)self->velocity_rad_s,
        .effort_nm = self->echoes_effort ? self->last.effort_nm : self->effort_nm,
        .stamp_ns = self->now,
        .valid = TENON_VALID_POSITION | TENON_VALID_VELOCITY | TENON_VALID_EFFORT,
    };
    return TENON_OK;
}

static void note(struct rig_motor *self, const struct tenon_motor_command *command)
{
    if (self->is_first) {
        self->is_first = false;
        self->jump_rad = fmax(self->jump_rad, fabs(command->position_rad - self->goal_at_on_rad));
    }
    if (self->log_count < RIG_LOG) {
        self->log_ns[self->log_count] = self->now;
        self->log[self->log_count++] = command->position_rad;
    }
    self->last = *command;
    self->goal_rad = command->position_rad;
}

static int motor_command(struct tenon_motor *motor, const struct tenon_motor_command *command)
{
    struct rig_motor *self = (struct rig_motor *)(void *)motor;
    if (is_to_fail(self, RIG_COMMAND)) {
        return refuse(self);
    }
    const bool is_finite = isfinite(command->position_rad) && isfinite(command->velocity_rad_s) &&
                           isfinite(command->effort_nm);
    if (!is_finite || command->mode != motor->mode || motor->module.state != TENON_MODULE_ACTIVE) {
        self->stray_count++;
        return TENON_OK;
    }
    note(self, command);
    return TENON_OK;
}

static int motor_brake(struct tenon_motor *motor, bool is_to_close, tenon_ns_t now)
{
    struct rig_motor *self = (struct rig_motor *)(void *)motor;
    if (is_to_fail(self, RIG_BRAKE)) {
        return refuse(self);
    }
    if (self->brake_done_ns == 0 || self->brake_goal != is_to_close) {
        self->brake_goal = is_to_close;
        self->brake_done_ns = now + self->brake_ns;
    }
    if (self->brake_is_stuck || now < self->brake_done_ns) {
        return TENON_ERR_AGAIN;
    }
    self->brake_is_closed = is_to_close;
    self->brake_done_ns = 0;
    return TENON_OK;
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = motor_probe,
    .configure = motor_configure,
    .activate = motor_activate,
    .make_safe = motor_make_safe,
    .release = motor_release,
};

static const struct tenon_motor_api motor_api = {
    .head = TENON_API_HEAD(struct tenon_motor_api),
    .read = motor_read,
    .command = motor_command,
};

static const struct tenon_driver motor_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "rig_motor",
    .role = TENON_ROLE_MOTOR,
    .instance_size = sizeof(struct rig_motor),
    .lifecycle = &lifecycle,
    .api = &motor_api.head,
};

static const struct tenon_motor_api braked_motor_api = {
    .head = TENON_API_HEAD(struct tenon_motor_api),
    .read = motor_read,
    .command = motor_command,
    .brake = motor_brake,
};

static const struct tenon_driver braked_motor_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "rig_braked_motor",
    .role = TENON_ROLE_MOTOR,
    .instance_size = sizeof(struct rig_motor),
    .lifecycle = &lifecycle,
    .api = &braked_motor_api.head,
};

void rig_motor_fit_brake(struct rig_motor *self, tenon_ns_t brake_ns)
{
    self->base.module.driver = &braked_motor_driver;
    self->brake_is_closed = true;
    self->brake_ns = brake_ns;
}

struct tenon_motor *rig_motor_init(struct rig_motor *self, enum tenon_mode mode)
{
    memset(self, 0, sizeof *self);
    self->base.module.driver = &motor_driver;
    self->base.mode = (uint8_t)mode;
    self->base.limits = (struct tenon_motor_limits){
        .position_min_rad = -6.0,
        .position_max_rad = 6.0,
        .velocity_max_rad_s = 10.0f,
        .effort_max_nm = 2.0f,
        .velocity_top_rad_s = 12.0f,
    };
    self->fail_code = TENON_ERR_DEVICE;
    return &self->base;
}

static void swing(struct rig_motor *self, double dt_s)
{
    const double effort = self->torque_is_on ? (double)self->last.effort_nm : 0.0;
    const double friction = 0.05 * self->velocity_rad_s;
    self->velocity_rad_s += (effort - self->load_nm - friction) / 0.01 * dt_s;
    self->position_rad += self->velocity_rad_s * dt_s;
}

void rig_motor_advance(struct rig_motor *self, tenon_ns_t now)
{
    const bool by_effort =
        self->base.mode == TENON_MODE_EFFORT || self->base.mode == TENON_MODE_PWM;
    const double dt_s = (double)(now - self->now) * 1e-9;
    const bool by_position = self->base.mode != TENON_MODE_VELOCITY && !by_effort;
    if (by_effort && self->now != 0 && !self->is_stuck) {
        swing(self, dt_s);
    } else if (self->torque_is_on && by_position && !self->is_stuck) {
        const double share = self->lag_s > 0.0 ? 1.0 - exp(-dt_s / self->lag_s) : 1.0;
        self->position_rad += (self->goal_rad - self->sag_rad - self->position_rad) * share;
    } else if (self->torque_is_on && self->base.mode == TENON_MODE_VELOCITY && !self->is_stuck) {
        self->position_rad += (double)self->last.velocity_rad_s * dt_s;
    }
    self->unheld_count += !self->torque_is_on && !self->brake_is_closed ? 1u : 0u;
    self->now = now;
    self->has_sample = true;
}

/* --- the rest --- */

void rig_make(struct rig *rig, unsigned joint_count)
{
    memset(rig, 0, sizeof *rig);
    rig->joint_count = joint_count;
    rig->now = TENON_MS(1000);
    rig->has_limits = true;
    rig->limits = (struct tenon_joint_limits){
        .position_min_rad = -3.0,
        .position_max_rad = 3.0,
        .velocity_rad_s = 2.0f,
        .acceleration_rad_s2 = 20.0f,
        .jerk_rad_s3 = 200.0f,
        .effort_nm = 1.0f,
    };
    assert_int_equal(
        tenon_sched_init(&rig->sched, &rig_port, RIG_PERIOD, rig->memory, sizeof rig->memory),
        TENON_OK);
    for (unsigned i = 0; i < joint_count; i++) {
        (void)rig_motor_init(&rig->motors[i], TENON_MODE_POSITION);
    }
}

void rig_add(struct rig *rig)
{
    static const char *const names[RIG_JOINTS] = {"hip", "knee", "ankle", "toe"};
    for (unsigned i = 0; i < rig->joint_count; i++) {
        rig->members[i] = &rig->joints[i];
        (void)tenon_sched_add_joint(&rig->sched, &rig->joints[i], names[i], &rig->motors[i].base,
                                    rig->has_limits ? &rig->limits : NULL);
    }
    (void)tenon_sched_add_group(&rig->sched, &rig->group, "leg", rig->members,
                                (uint16_t)rig->joint_count);
    (void)tenon_sched_add_reader(&rig->sched, &rig->reader);
}

void rig_start(struct rig *rig)
{
    rig_add(rig);
    assert_int_equal(tenon_sched_start(&rig->sched), TENON_OK);
}

void rig_step(struct rig *rig)
{
    for (unsigned i = 0; i < rig->joint_count; i++) {
        rig_motor_advance(&rig->motors[i], rig->now);
    }
    (void)tenon_sched_poll(&rig->sched, rig->now);
    (void)tenon_sched_step(&rig->sched, rig->now);
    (void)tenon_sched_poll(&rig->sched, rig->now);
    rig->now += RIG_PERIOD;
}

void rig_steps(struct rig *rig, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        rig_step(rig);
    }
}

bool rig_reach(struct rig *rig, unsigned joint, enum tenon_joint_status status, unsigned steps)
{
    for (unsigned i = 0; i < steps && rig->joints[joint].status != status; i++) {
        rig_step(rig);
    }
    return rig->joints[joint].status == status;
}

void rig_enable(struct rig *rig)
{
    for (unsigned i = 0; i < rig->joint_count; i++) {
        assert_int_equal(tenon_joint_enable(&rig->joints[i]), TENON_OK);
    }
    for (unsigned i = 0; i < rig->joint_count; i++) {
        assert_true(rig_reach(rig, i, TENON_JOINT_ENABLED, 100));
    }
}

void rig_start_enabled(struct rig *rig)
{
    rig_start(rig);
    rig_steps(rig, 10);
    assert_true(tenon_sched_is_ready(&rig->sched));
    rig_enable(rig);
}

unsigned rig_settle(struct rig *rig)
{
    unsigned steps = 0;
    do {
        rig_step(rig);
        steps++;
        assert_true(steps < 20000);
    } while (rig->sched.groups != NULL);
    rig_steps(rig, 3);
    return steps;
}
