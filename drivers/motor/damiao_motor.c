/* The cycle of a Damiao motor: samples, commands, what it holds. Its life is in damiao_setup.c. */
#include "damiao_setup.h"

#include <float.h>
#include <string.h>

#define WATCHDOG_DEFAULT_MS 200u
#define KP_DEFAULT          30.0f
#define KD_DEFAULT          1.0f

static struct tenon_damiao_motor *from_motor(struct tenon_motor *motor)
{
    return TENON_CONTAINER_OF(motor, struct tenon_damiao_motor, base);
}

/* what it says */

int tenon__damiao_refuse_fault(struct tenon_damiao_motor *self, uint8_t status)
{
    static const char *const words[16] = {
        [MIT_DISABLED] = "torque went off by itself",
        [MIT_OVER_VOLTAGE] = "over-voltage",
        [MIT_UNDER_VOLTAGE] = "under-voltage",
        [MIT_OVER_CURRENT] = "over-current",
        [MIT_DRIVER_HOT] = "power stage overheated",
        [MIT_COIL_HOT] = "coil overheated",
        [MIT_SILENCE] = "stopped, the host was silent for too long",
        [MIT_OVERLOAD] = "overload",
    };
    const char *detail = words[status & 0xFu];
    (void)tenon_module_refuse(&self->base.module, TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_FAULT,
                              (float)status, 0.0f);
    self->base.module.diag.detail = detail != NULL ? detail : "error of the motor";
    return TENON_ERR_DEVICE;
}

struct mit_answer tenon__damiao_decode(struct tenon_damiao_motor *self, const uint8_t *bytes)
{
    const struct mit_ranges ranges = damiao_ranges(self);
    struct mit_answer answer;
    mit_unpack_answer(bytes, &ranges, &answer);
    self->health.driver_c = (float)answer.driver_c;
    self->health.rotor_c = (float)answer.rotor_c;
    self->health.error = answer.status > MIT_ENABLED ? answer.status : 0;
    return answer;
}

/* From one sample to the next it does not turn as far as half of its range. */
double tenon__damiao_count(struct tenon_damiao_motor *self, double p_rad)
{
    const double range = (double)self->p_max_rad;
    if (self->has_seen && p_rad - self->seen_rad > range) {
        self->turns--;
    } else if (self->has_seen && p_rad - self->seen_rad < -range) {
        self->turns++;
    }
    self->seen_rad = p_rad;
    self->has_seen = true;
    return p_rad + 2.0 * range * self->turns;
}

int tenon__damiao_refuse_turns(struct tenon_damiao_motor *self, enum tenon_err code)
{
    const float end = self->turns < 0 ? -self->p_max_rad : self->p_max_rad;
    const float position = (float)self->seen_rad + 2.0f * self->p_max_rad * (float)self->turns;
    return tenon_module_refuse(&self->base.module, code, TENON_CAUSE_GOAL_OUTSIDE_LIMITS, position,
                               end);
}

/* what it holds at */

void tenon__damiao_hold_as_found(struct tenon_damiao_motor *self, const struct mit_answer *found)
{
    self->hold_rad = found->p_rad + (double)(found->t_nm / self->config.kp);
    self->hold_rad_s = found->v_rad_s + found->t_nm / self->config.kd;
    self->hold_nm = found->t_nm;
    self->has_hold = true;
}

static void pack(const struct tenon_damiao_motor *self,
                 double position_rad,
                 float velocity_rad_s,
                 float effort_nm,
                 uint8_t *out)
{
    const struct mit_ranges ranges = damiao_ranges(self);
    struct mit_command command = {.p_rad = self->seen_rad}; /* counts for nothing without gains */
    switch (self->config.mode) {
    case TENON_MODE_VELOCITY:
        command.v_rad_s = velocity_rad_s;
        command.kd = self->config.kd;
        break;
    case TENON_MODE_EFFORT:
        command.t_nm = effort_nm;
        break;
    default:
        command.p_rad = position_rad;
        command.v_rad_s = velocity_rad_s;
        command.kp = self->config.kp;
        command.kd = self->config.kd;
        break;
    }
    (void)mit_pack_command(out, &ranges, &command); /* NaN was refused before */
}

void tenon__damiao_pack_hold(const struct tenon_damiao_motor *self, uint8_t *out)
{
    const bool is_still = self->config.mode == TENON_MODE_POSITION;
    pack(self, self->hold_rad, is_still ? 0.0f : self->hold_rad_s, self->hold_nm, out);
}

/* A motor with torque must be fed in every cycle, also while nobody commands it: one that was found
 * so and is not asked to follow us yet, or one that waits for others to be enabled with it. */
static void keep_fed(struct tenon_damiao_motor *self, const struct mit_answer *answer)
{
    const bool is_ready = self->base.module.state == TENON_MODULE_READY;
    if (!self->expects_torque || (!is_ready && self->base.module.state != TENON_MODULE_ACTIVE)) {
        return;
    }
    if (!self->has_hold) {
        tenon__damiao_hold_as_found(self, answer);
    }
    if (is_ready) {
        tenon__damiao_pack_hold(self, self->device.out);
    }
    self->device.out_is_fresh = true; /* with what it was told last */
}

/* samples */

static int judge(struct tenon_damiao_motor *self)
{
    const uint8_t status = (uint8_t)self->device.status;
    const bool is_off = status == MIT_DISABLED || status == MIT_SILENCE;
    if (is_off ? self->expects_torque : status != MIT_ENABLED) {
        return tenon__damiao_refuse_fault(self, status);
    }
    if (self->expects_torque && self->turns != 0 && self->config.mode == TENON_MODE_POSITION) {
        return tenon__damiao_refuse_turns(self, TENON_ERR_DEVICE);
    }
    return TENON_OK;
}

static int
motor_read(struct tenon_motor *motor, tenon_ns_t now, struct tenon_motor_state *out_state)
{
    (void)now;
    struct tenon_damiao_motor *self = from_motor(motor);
    if (self->device.in_sequence == self->seen_sequence || !self->was_configured) {
        return TENON_ERR_AGAIN;
    }
    self->seen_sequence = self->device.in_sequence;
    const struct mit_answer answer = tenon__damiao_decode(self, self->device.in);
    const double position_rad = tenon__damiao_count(self, answer.p_rad);
    const int rc = judge(self);
    if (rc != TENON_OK) {
        return rc;
    }
    keep_fed(self, &answer);
    out_state->position_rad = position_rad;
    out_state->velocity_rad_s = answer.v_rad_s;
    out_state->effort_nm = answer.t_nm;
    out_state->stamp_ns = self->device.in_stamp_ns;
    out_state->valid = TENON_VALID_POSITION | TENON_VALID_VELOCITY | TENON_VALID_EFFORT;
    return TENON_OK;
}

/* commands */

/* No comparison holds for NaN. */
static bool is_nan(double x)
{
    return !(x <= DBL_MAX) && !(x > DBL_MAX);
}

static bool is_command_nan(const struct tenon_motor_command *command)
{
    switch (command->mode) {
    case TENON_MODE_VELOCITY:
        return is_nan((double)command->velocity_rad_s);
    case TENON_MODE_EFFORT:
        return is_nan((double)command->effort_nm);
    default:
        return is_nan(command->position_rad) || is_nan((double)command->velocity_rad_s);
    }
}

static int motor_command(struct tenon_motor *motor, const struct tenon_motor_command *command)
{
    struct tenon_damiao_motor *self = from_motor(motor);
    if (command->mode != self->config.mode || is_command_nan(command)) {
        return TENON_ERR_ARG;
    }
    if (motor->module.state != TENON_MODULE_ACTIVE) {
        return TENON_OK;
    }
    pack(self, command->position_rad, command->velocity_rad_s, command->effort_nm,
         self->device.out);
    self->device.out_is_fresh = true;
    return TENON_OK;
}

static const struct tenon_motor_api motor_api = {
    .head = TENON_API_HEAD(struct tenon_motor_api),
    .read = motor_read,
    .command = motor_command,
};

static const struct tenon_driver damiao_motor_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "damiao_motor",
    .role = TENON_ROLE_MOTOR,
    .instance_size = sizeof(struct tenon_damiao_motor),
    .lifecycle = &tenon__damiao_lifecycle,
    .api = &motor_api.head,
};

static bool is_default(float x)
{
    return !(x < 0.0f) && !(x > 0.0f) && !is_nan((double)x);
}

static void apply_defaults(struct tenon_damiao_motor_config *config)
{
    config->mode = config->mode == TENON_MODE_NONE ? TENON_MODE_POSITION : config->mode;
    config->watchdog_ms = config->watchdog_ms == 0 ? WATCHDOG_DEFAULT_MS : config->watchdog_ms;
    config->kp = is_default(config->kp) ? KP_DEFAULT : config->kp;
    config->kd = is_default(config->kd) ? KD_DEFAULT : config->kd;
}

struct tenon_motor *tenon_damiao_motor_init_sized(struct tenon_damiao_motor *self,
                                                  size_t size,
                                                  struct tenon_wire *wire,
                                                  const struct tenon_damiao_motor_config *config)
{
    if (self == NULL || wire == NULL || config == NULL || size != sizeof *self) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &damiao_motor_driver;
    self->base.wire = wire;
    self->base.device = &self->device;
    self->config = *config;
    apply_defaults(&self->config);
    self->base.mode = self->config.mode;
    self->device.node = self->config.id;
    self->device.in_capacity = MIT_FRAME_SIZE;
    self->device.out_capacity = MIT_FRAME_SIZE;
    self->device.divisor = 1;
    return &self->base;
}
