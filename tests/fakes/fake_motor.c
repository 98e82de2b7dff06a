#include "fake_motor.h"

#include <math.h>
#include <string.h>

static struct fake_motor *from_motor(struct tenon_motor *motor)
{
    return TENON_CONTAINER_OF(motor, struct fake_motor, base);
}

static struct fake_motor *from_module(struct tenon_module *module)
{
    return TENON_CONTAINER_OF(module, struct fake_motor, base.module);
}

static bool count_down(unsigned *count)
{
    if (*count == 0) {
        return false;
    }
    (*count)--;
    return *count == 0;
}

static int fail(struct fake_motor *self)
{
    const int rc = tenon_module_refuse(&self->base.module, (enum tenon_err)self->fail_code,
                                       TENON_CAUSE_DEVICE_FAULT, 1.0f, 0.0f);
    self->base.module.diag.detail = "fake";
    return rc;
}

static int run_step(struct fake_motor *self, enum fake_motor_step step)
{
    uint16_t *progress = &self->base.module.progress;
    self->step_count[step]++;
    if (*progress < self->again_count) {
        *progress = (uint16_t)(*progress + 1);
        return TENON_ERR_AGAIN;
    }
    return count_down(&self->fail_step_at[step]) ? fail(self) : TENON_OK;
}

static int fake_probe(struct tenon_module *module, tenon_ns_t now)
{
    (void)now;
    return run_step(from_module(module), FAKE_STEP_PROBE);
}

static int fake_configure(struct tenon_module *module, tenon_ns_t now)
{
    struct fake_motor *self = from_module(module);
    (void)now;
    const int rc = run_step(self, FAKE_STEP_CONFIGURE);
    if (rc == TENON_OK) {
        self->torque_is_on = self->torque_is_on || self->torque_found_on;
        self->torque_found_on = false;
        self->base.is_holding = self->torque_is_on;
    }
    return rc;
}

static int fake_activate(struct tenon_module *module, tenon_ns_t now)
{
    struct fake_motor *self = from_module(module);
    (void)now;
    const int rc = run_step(self, FAKE_STEP_ACTIVATE);
    if (rc == TENON_OK && !self->torque_is_on) {
        self->goal_rad = self->position_rad;
        self->torque_is_on = true;
        self->last = (struct tenon_motor_command){
            .position_rad = self->position_rad,
            .mode = self->base.mode,
        };
    }
    if (rc == TENON_OK) {
        self->jump_max_rad = fmax(self->jump_max_rad, fabs(self->goal_rad - self->position_rad));
    }
    return rc;
}

static int fake_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    struct fake_motor *self = from_module(module);
    (void)now;
    self->step_count[FAKE_STEP_MAKE_SAFE]++;
    if (count_down(&self->fail_step_at[FAKE_STEP_MAKE_SAFE])) {
        return fail(self);
    }
    self->torque_is_on = false;
    self->base.is_holding = false;
    return TENON_OK;
}

static void fake_release(struct tenon_module *module)
{
    from_module(module)->step_count[FAKE_STEP_RELEASE]++;
}

static int fake_read(struct tenon_motor *motor, tenon_ns_t now, struct tenon_motor_state *out_state)
{
    (void)now;
    struct fake_motor *self = from_motor(motor);
    if (count_down(&self->fail_read_at)) {
        return fail(self);
    }
    if (!self->has_sample || self->is_mute) {
        return TENON_ERR_AGAIN;
    }
    self->has_sample = false;
    out_state->position_rad = self->nan_samples ? (double)NAN : self->position_rad;
    out_state->velocity_rad_s = self->velocity_rad_s;
    out_state->effort_nm = self->velocity_rad_s * self->nm_per_rad_s;
    out_state->stamp_ns = self->now;
    out_state->valid = TENON_VALID_POSITION | TENON_VALID_VELOCITY | TENON_VALID_EFFORT;
    return TENON_OK;
}

static int fake_command(struct tenon_motor *motor, const struct tenon_motor_command *command)
{
    struct fake_motor *self = from_motor(motor);
    if (count_down(&self->fail_command_at)) {
        return fail(self);
    }
    if (command->mode != motor->mode) {
        return TENON_ERR_ARG;
    }
    if (motor->module.state != TENON_MODULE_ACTIVE) {
        self->ignored_count++;
        return TENON_OK;
    }
    self->command_count++;
    self->last = *command;
    self->goal_rad = command->position_rad;
    return TENON_OK;
}

static float wanted_velocity(const struct fake_motor *self)
{
    switch ((enum tenon_mode)self->base.mode) {
    case TENON_MODE_VELOCITY:
        return self->last.velocity_rad_s;
    case TENON_MODE_EFFORT:
        return self->last.effort_nm / self->nm_per_rad_s;
    case TENON_MODE_PWM:
        return self->last.effort_nm * self->base.limits.velocity_top_rad_s;
    case TENON_MODE_NONE:
    case TENON_MODE_POSITION:
    case TENON_MODE_EXTENDED_POSITION:
    case TENON_MODE_EFFORT_POSITION:
        break;
    }
    return 0.0f;
}

static void follow(struct fake_motor *self, double dt_s)
{
    const double share = 1.0 - exp(-dt_s / (double)self->time_constant_s);
    const double before = self->position_rad;
    const enum tenon_mode mode = (enum tenon_mode)self->base.mode;
    const bool by_position = mode == TENON_MODE_POSITION || mode == TENON_MODE_EXTENDED_POSITION ||
                             mode == TENON_MODE_EFFORT_POSITION;
    if (!self->torque_is_on) {
        self->position_rad -= self->drift_rad_s * dt_s;
        self->velocity_rad_s = (float)((self->position_rad - before) / dt_s);
    } else if (by_position) {
        const double reach = (double)self->base.limits.velocity_top_rad_s * dt_s;
        const double step = (self->goal_rad - before) * share;
        self->position_rad = before + fmax(-reach, fmin(reach, step));
        self->velocity_rad_s = (float)((self->position_rad - before) / dt_s);
    } else {
        self->velocity_rad_s += (wanted_velocity(self) - self->velocity_rad_s) * (float)share;
        self->position_rad = before + (double)self->velocity_rad_s * dt_s;
    }
}

void fake_motor_advance(struct fake_motor *self, tenon_ns_t now)
{
    if (now > self->now) {
        follow(self, (double)(now - self->now) * 1e-9);
        self->now = now;
    }
    self->has_sample = true;
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = fake_probe,
    .configure = fake_configure,
    .activate = fake_activate,
    .make_safe = fake_make_safe,
    .release = fake_release,
};

static const struct tenon_motor_api motor_api = {
    .head = TENON_API_HEAD(struct tenon_motor_api),
    .read = fake_read,
    .command = fake_command,
};

static const struct tenon_driver fake_motor_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "fake_motor",
    .role = TENON_ROLE_MOTOR,
    .instance_size = sizeof(struct fake_motor),
    .lifecycle = &lifecycle,
    .api = &motor_api.head,
};

struct tenon_motor *fake_motor_init(struct fake_motor *self, enum tenon_mode mode)
{
    if (self == NULL) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &fake_motor_driver;
    self->base.mode = (uint8_t)mode;
    self->base.limits = (struct tenon_motor_limits){
        .position_min_rad = -6.283185307179586,
        .position_max_rad = 6.283185307179586,
        .velocity_max_rad_s = 10.0f,
        .effort_max_nm = 2.0f,
        .velocity_top_rad_s = 12.0f,
    };
    self->time_constant_s = 0.02f;
    self->nm_per_rad_s = 0.1f;
    self->fail_code = TENON_ERR_DEVICE;
    return &self->base;
}
