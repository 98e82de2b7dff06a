/* The cycle of a Dynamixel X servo: samples, commands, health. */
#include "dxl2_setup.h"

#include <float.h>
#include <string.h>

#define WATCHDOG_DEFAULT_MS 200u
#define WATCHDOG_UNIT_MS    20u
#define MONITOR_PERIOD_MS   1000

static struct tenon_dxl2_motor *from_motor(struct tenon_motor *motor)
{
    return TENON_CONTAINER_OF(motor, struct tenon_dxl2_motor, base);
}

static bool is_up(const struct tenon_dxl2_motor *self)
{
    const uint8_t state = self->base.module.state;
    return state == TENON_MODULE_READY || state == TENON_MODULE_ACTIVE;
}

/* To the nearest register value within [low, high]. */
static int32_t to_ticks(float value, int32_t low, int32_t high)
{
    if (!(value > (float)low)) {
        return low;
    }
    if (!(value < (float)high)) {
        return high;
    }
    return (int32_t)(value < 0.0f ? value - 0.5f : value + 0.5f);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool is_nan(double value)
{
    return bits_of(value) << 1 > UINT64_C(0x7FF) << 53;
}

/* No comparison holds for NaN. */
static bool is_nanf(float value)
{
    return !(value <= FLT_MAX) && !(value > FLT_MAX);
}

/* health */

static int refuse_stopped(struct tenon_dxl2_motor *self, const char *detail)
{
    return tenon__dxl2_refuse_detail(self, TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_FAULT, 0.0f, 0.0f,
                                     detail);
}

static int take_watchdog(struct tenon_dxl2_motor *self, uint8_t found)
{
    self->health.watchdog_tripped = found == DXL2_WATCHDOG_TRIPPED;
    if (self->base.module.state != TENON_MODULE_ACTIVE) {
        return TENON_OK;
    }
    if (self->health.watchdog_tripped) {
        return refuse_stopped(self, "bus watchdog tripped, the host was silent for too long");
    }
    if (found == 0 && self->watchdog != 0) {
        return refuse_stopped(self, "lost power"); /* we had set it */
    }
    return TENON_OK;
}

static int take_health(struct tenon_dxl2_motor *self)
{
    const uint8_t *data = self->request.data;
    switch (self->request.address) {
    case DXL2_VOLTAGE:
        self->health.voltage_v = 0.1f * (float)dxl2_load16(data);
        self->health.temperature_c = (float)data[2];
        return TENON_OK;
    case DXL2_HARDWARE_ERROR:
        self->health.hardware_error = data[0];
        return data[0] != 0 ? tenon__dxl2_refuse_fault(self) : TENON_OK;
    default:
        return take_watchdog(self, data[0]);
    }
}

static void ask_health(struct tenon_dxl2_motor *self, bool alert)
{
    static const struct dxl2_access turns[] = {
        {TENON_OP_READ, 3, DXL2_VOLTAGE},
        {TENON_OP_READ, 1, DXL2_WATCHDOG},
        {TENON_OP_READ, 1, DXL2_HARDWARE_ERROR},
    };
    const struct dxl2_access *what = &turns[2];
    if (!alert) {
        what = &turns[self->monitor_turn];
        self->monitor_turn = (uint8_t)((self->monitor_turn + 1) % 3);
        self->monitor_due = dxl2_coarse(self->device.in_stamp_ns + TENON_MS(MONITOR_PERIOD_MS));
        if (what->address == DXL2_WATCHDOG && self->firmware < self->model->watchdog_since) {
            return;
        }
    }
    (void)tenon__dxl2_ask(self, DXL2_FOR_HEALTH, what, 0);
}

/* Steps and stops come first: what they have asked is left alone, but not for ever, as a step may
 * have been given up. */
static bool is_request_free(const struct tenon_dxl2_motor *self, int32_t overdue)
{
    if (tenon__dxl2_is_under_way(self)) {
        return false;
    }
    const bool is_theirs = self->request.state != TENON_REQUEST_IDLE &&
                           (self->purpose == DXL2_FOR_STEP || self->purpose == DXL2_FOR_SAFE);
    return !is_theirs || overdue > MONITOR_PERIOD_MS;
}

/* An alert in any answer is looked into at once; else one question a second. */
static int watch(struct tenon_dxl2_motor *self)
{
    if (tenon__dxl2_collect(self, DXL2_FOR_HEALTH) == TENON_OK) {
        const int rc = take_health(self);
        if (rc != TENON_OK) {
            return rc; /* whether it answers at all is seen by its samples */
        }
    }
    const bool alert = (self->device.status & DXL2_ALERT) != 0;
    const int32_t overdue = (int32_t)(dxl2_coarse(self->device.in_stamp_ns) - self->monitor_due);
    if ((alert || overdue >= 0) && is_up(self) && tenon_wire_is_up(self->base.wire) &&
        is_request_free(self, overdue)) {
        ask_health(self, alert);
    }
    return TENON_OK;
}

/* samples */

static void take_sample(const struct tenon_dxl2_motor *self, struct tenon_motor_state *out_state)
{
    const uint8_t *in = self->device.in;
    const int16_t effort = (int16_t)dxl2_load16(in);
    const int32_t velocity = (int32_t)dxl2_load32(in + 2);
    const int32_t position = tenon__dxl2_wrapped(self, (int32_t)dxl2_load32(in + 6));
    out_state->position_rad = dxl2_position_rad(position);
    out_state->velocity_rad_s = (float)velocity * DXL2_VELOCITY_UNIT_RAD_S;
    out_state->effort_nm = (float)effort * self->model->effort_unit_nm;
    out_state->stamp_ns = self->device.in_stamp_ns;
    out_state->valid = TENON_VALID_POSITION | TENON_VALID_VELOCITY | TENON_VALID_EFFORT;
}

static int
motor_read(struct tenon_motor *motor, tenon_ns_t now, struct tenon_motor_state *out_state)
{
    (void)now;
    struct tenon_dxl2_motor *self = from_motor(motor);
    const uint16_t sequence = (uint16_t)self->device.in_sequence;
    if (sequence == self->seen_sequence || !self->was_configured) {
        return TENON_ERR_AGAIN;
    }
    self->seen_sequence = sequence;
    const int rc = watch(self);
    if (rc != TENON_OK) {
        return rc;
    }
    take_sample(self, out_state);
    return TENON_OK;
}

/* commands */

/*
 * What is added makes the goals of all turns a servo counts positive and rounds when the fraction
 * is cut off; that it is between 0 and 2^22 shows in the upper word. So double is only multiplied
 * and added: a comparison costs as much where it is software.
 */
static int32_t position_ticks(const struct tenon_dxl2_motor *self, double position_rad)
{
    const int32_t bias = 1 << 21, low = self->goal_min_ticks, high = self->goal_max_ticks;
    const double ticks =
        position_rad * (1.0 / DXL2_RAD_PER_TICK) + (DXL2_MIDDLE_TICKS + 0.5 + bias);
    const uint32_t upper = (uint32_t)(bits_of(ticks) >> 32);
    if (upper >= UINT32_C(0x41500000)) {
        return upper >> 31 != 0 ? low : high;
    }
    const int32_t goal = (int32_t)ticks - bias;
    return goal < low ? low : (goal > high ? high : goal);
}

static int32_t effort_ticks(const struct tenon_dxl2_motor *self, float effort_nm)
{
    const int32_t limit = self->current_limit_ticks;
    return to_ticks(effort_nm / self->model->effort_unit_nm, -limit, limit);
}

/* A cap has no sign (a reducer may have turned it), and none means the servo's own. */
static int32_t cap_ticks(const struct tenon_dxl2_motor *self, float effort_nm)
{
    const int32_t ticks = effort_ticks(self, effort_nm);
    if (!(effort_nm > 0.0f) && !(effort_nm < 0.0f)) {
        return self->current_limit_ticks;
    }
    if (ticks == 0) {
        return 1;
    }
    return ticks < 0 ? -ticks : ticks;
}

static bool is_command_nan(const struct tenon_motor_command *command)
{
    switch (command->mode) {
    case TENON_MODE_VELOCITY:
        return is_nanf(command->velocity_rad_s);
    case TENON_MODE_EFFORT:
    case TENON_MODE_PWM:
        return is_nanf(command->effort_nm);
    case TENON_MODE_EFFORT_POSITION:
        return is_nanf(command->effort_nm) || is_nan(command->position_rad);
    default:
        return is_nan(command->position_rad);
    }
}

static void lay_out(struct tenon_dxl2_motor *self, const struct tenon_motor_command *command)
{
    uint8_t *out = self->device.out;
    const int32_t speed = self->velocity_limit_ticks;
    const int32_t pwm = self->pwm_limit_ticks;
    switch (command->mode) {
    case TENON_MODE_VELOCITY:
        dxl2_store32(out, (uint32_t)to_ticks(command->velocity_rad_s / DXL2_VELOCITY_UNIT_RAD_S,
                                             -speed, speed));
        break;
    case TENON_MODE_EFFORT:
        dxl2_store16(out, (uint16_t)effort_ticks(self, command->effort_nm));
        break;
    case TENON_MODE_PWM:
        dxl2_store16(out, (uint16_t)to_ticks(command->effort_nm * DXL2_FULL_PWM, -pwm, pwm));
        break;
    case TENON_MODE_EFFORT_POSITION:
        memset(out, 0, DXL2_OUT_BYTES); /* goal velocity and profile stay 0 */
        dxl2_store16(out, (uint16_t)cap_ticks(self, command->effort_nm));
        dxl2_store32(out + 14, (uint32_t)position_ticks(self, command->position_rad));
        break;
    default:
        dxl2_store32(out, (uint32_t)position_ticks(self, command->position_rad));
        break;
    }
}

static int motor_command(struct tenon_motor *motor, const struct tenon_motor_command *command)
{
    struct tenon_dxl2_motor *self = from_motor(motor);
    if (command->mode != self->config.mode || is_command_nan(command)) {
        return TENON_ERR_ARG;
    }
    if (motor->module.state != TENON_MODULE_ACTIVE) {
        return TENON_OK;
    }
    lay_out(self, command);
    self->device.out_is_fresh = true;
    return TENON_OK;
}

static int motor_identify(struct tenon_motor *motor, bool on)
{
    static const struct dxl2_access light = {TENON_OP_WRITE, 1, DXL2_LED};
    struct tenon_dxl2_motor *self = from_motor(motor);
    if (!self->is_attached || !is_up(self) || !tenon_wire_is_up(motor->wire)) {
        return TENON_ERR_STATE;
    }
    if (tenon__dxl2_is_under_way(self) && self->purpose != DXL2_FOR_HEALTH) {
        return TENON_ERR_AGAIN;
    }
    return tenon__dxl2_ask(self, DXL2_FOR_LIGHT, &light, on ? 1 : 0);
}

static const struct tenon_motor_api motor_api = {
    .head = TENON_API_HEAD(struct tenon_motor_api),
    .read = motor_read,
    .command = motor_command,
    .identify = motor_identify,
};

static const struct tenon_driver dxl2_motor_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "dxl2_motor",
    .role = TENON_ROLE_MOTOR,
    .instance_size = sizeof(struct tenon_dxl2_motor),
    .lifecycle = &tenon__dxl2_lifecycle,
    .api = &motor_api.head,
};

static void apply_defaults(struct tenon_dxl2_motor *self)
{
    struct tenon_dxl2_motor_config *config = &self->config;
    if (config->mode == TENON_MODE_NONE) {
        config->mode = TENON_MODE_POSITION;
    }
    if (config->watchdog_ms == 0) {
        config->watchdog_ms = WATCHDOG_DEFAULT_MS;
    }
    if (!config->no_watchdog) {
        const unsigned units = (config->watchdog_ms + WATCHDOG_UNIT_MS - 1u) / WATCHDOG_UNIT_MS;
        self->watchdog = (uint8_t)(units <= 127u ? units : 127u);
    }
}

struct tenon_motor *tenon_dxl2_motor_init_sized(struct tenon_dxl2_motor *self,
                                                size_t size,
                                                struct tenon_wire *wire,
                                                const struct tenon_dxl2_motor_config *config)
{
    if (self == NULL || wire == NULL || config == NULL || size != sizeof *self) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &dxl2_motor_driver;
    self->base.wire = wire;
    self->base.device = &self->device;
    self->config = *config;
    apply_defaults(self);
    self->base.mode = self->config.mode;
    self->device.node = self->config.id;
    self->device.divisor = 1;
    return &self->base;
}

size_t tenon_dxl2_motor_changes(const struct tenon_dxl2_motor *self,
                                struct tenon_dxl2_motor_change *out,
                                size_t capacity)
{
    size_t count = 0;
    for (unsigned i = 0; i < TENON_DXL2_MOTOR_CHANGES_MAX; i++) {
        if ((self->changed & (1u << i)) == 0) {
            continue;
        }
        if (count < capacity) {
            out[count] = (struct tenon_dxl2_motor_change){(uint16_t)(DXL2_RETURN_DELAY + i), 1,
                                                          self->first[i]};
        }
        count++;
    }
    return count;
}
