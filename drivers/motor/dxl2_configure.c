/* From a number on the bus to a Dynamixel X servo that is as it should be: attach, probe,
 * configure. */
#include "dxl2_setup.h"

#include <float.h>
#include <string.h>

#define REBOOT_SETTLE_MS    100
#define REBOOT_MAX_MS       1000
#define TURNS_GOAL_TICKS    1048575
#define HOMING_MAX_TICKS    1024 /* larger offsets one-turn mode ignores */
#define GAIN_MAX            16383u
#define DRIVE_MODE_UNWANTED 0x0Cu /* time-based profile; torque on by goal update */

static const struct tenon_field in_fields[] = {
    {DXL2_PRESENT_CURRENT, 2},
    {DXL2_PRESENT_VELOCITY, 4},
    {DXL2_PRESENT_POSITION, 4},
};
static const struct tenon_field out_position[] = {{DXL2_GOAL_POSITION, 4}};
static const struct tenon_field out_velocity[] = {{DXL2_GOAL_VELOCITY, 4}};
static const struct tenon_field out_current[] = {{DXL2_GOAL_CURRENT, 2}};
static const struct tenon_field out_pwm[] = {{DXL2_GOAL_PWM, 2}};
/* Without gaps, so that one write carries both goals. */
static const struct tenon_field out_current_position[] = {
    {DXL2_GOAL_CURRENT, 2}, {DXL2_GOAL_VELOCITY, 4}, {DXL2_PROFILE, 4},
    {DXL2_PROFILE + 4, 4},  {DXL2_GOAL_POSITION, 4},
};

const struct dxl2_layout tenon__dxl2_layouts[TENON_MODE_PWM + 1] = {
    [TENON_MODE_POSITION] = {out_position, 1, 3, DXL2_GOAL_POSITION, 4, true, false},
    [TENON_MODE_EXTENDED_POSITION] = {out_position, 1, 4, DXL2_GOAL_POSITION, 4, true, true},
    [TENON_MODE_VELOCITY] = {out_velocity, 1, 1, DXL2_GOAL_VELOCITY, 4, false, true},
    [TENON_MODE_EFFORT] = {out_current, 1, 0, DXL2_GOAL_CURRENT, 2, false, true},
    [TENON_MODE_EFFORT_POSITION] = {out_current_position, 5, 5, DXL2_GOAL_POSITION, 4, true, true},
    [TENON_MODE_PWM] = {out_pwm, 1, 16, DXL2_GOAL_PWM, 2, false, true},
};

/* attach */

static int
refuse_setting(struct tenon_dxl2_motor *self, unsigned value, unsigned bound, const char *detail)
{
    return tenon__dxl2_refuse_detail(self, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, (float)value,
                                     (float)bound, detail);
}

static int check_config(struct tenon_dxl2_motor *self)
{
    const struct tenon_dxl2_motor_config *c = &self->config;
    const uint16_t gains[] = {c->position_p_gain, c->position_i_gain, c->position_d_gain};
    if (c->id > DXL2_ID_MAX) {
        return tenon__dxl2_refuse(self, TENON_ERR_ARG, TENON_CAUSE_NODE_RANGE, (float)c->id,
                                  (float)DXL2_ID_MAX);
    }
    if (c->mode == TENON_MODE_NONE || c->mode > TENON_MODE_PWM) {
        return tenon__dxl2_refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED,
                                  (float)c->mode, 0.0f);
    }
    if (c->return_delay_us > 508 || c->return_delay_us % 2 != 0) {
        return refuse_setting(self, c->return_delay_us, 508, "return_delay_us");
    }
    if (c->watchdog_ms < 20 || c->watchdog_ms > 2540) {
        return refuse_setting(self, c->watchdog_ms, 2540, "watchdog_ms");
    }
    for (size_t i = 0; i < sizeof gains / sizeof gains[0]; i++) {
        if (gains[i] > GAIN_MAX) {
            return refuse_setting(self, gains[i], GAIN_MAX, "position gain");
        }
    }
    return TENON_OK;
}

static int attach_device(struct tenon_dxl2_motor *self)
{
    struct tenon_bus *bus = tenon_wire_bus(self->base.wire);
    const int rc = tenon_bus_get_api(bus)->attach(bus, &self->device);
    if (rc == TENON_OK) {
        return rc;
    }
    self->base.module.diag = bus->module.diag;
    if (bus->module.diag.code != rc) {
        return tenon__dxl2_refuse(self, (enum tenon_err)rc, TENON_CAUSE_NONE, 0.0f, 0.0f);
    }
    return rc;
}

static uint8_t bytes_of(const struct dxl2_layout *layout)
{
    uint8_t bytes = 0;
    for (size_t i = 0; i < layout->out_count; i++) {
        bytes = (uint8_t)(bytes + layout->out_fields[i].width);
    }
    return bytes;
}

int tenon__dxl2_attach_motor(struct tenon_module *module)
{
    struct tenon_dxl2_motor *self = dxl2_from_module(module);
    const int rc = check_config(self);
    if (rc != TENON_OK) {
        return rc;
    }
    if (tenon_wire_bus(self->base.wire) == NULL) {
        return tenon__dxl2_refuse(self, TENON_ERR_STATE, TENON_CAUSE_NOT_ADDED,
                                  (float)self->config.id, 0.0f);
    }
    self->device.in_capacity = DXL2_IN_BYTES;
    self->device.out_capacity = bytes_of(dxl2_layout(self));
    const int attached = attach_device(self);
    self->is_attached = attached == TENON_OK;
    return attached;
}

/* probe */

static int take_silence(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    self->device.is_listening = false; /* what is not there must not cost wire time */
    return TENON_OK;
}

static int take_ping(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const uint16_t number = dxl2_load16(self->request.data);
    const uint16_t expected = self->config.expected_model;
    if (expected != 0 && number != expected) {
        return tenon__dxl2_refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODEL_CHANGED,
                                  (float)number, (float)expected);
    }
    self->model = tenon__dxl2_model_find(number);
    if (self->model == NULL) {
        return tenon__dxl2_refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODEL_UNKNOWN,
                                  (float)number, 0.0f);
    }
    if (number != self->base.model) {
        self->changed = 0;
        self->was_configured = false;
    }
    self->base.model = number;
    self->firmware = self->request.data[2];
    return TENON_OK;
}

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

int tenon__dxl2_probe(struct tenon_module *module, tenon_ns_t now)
{
    static const struct dxl2_step steps[] = {
        {{0, 0, 0}, take_silence},
        {{TENON_OP_PING, 0, 0}, take_ping},
    };
    return tenon__dxl2_run(dxl2_from_module(module), steps, COUNT_OF(steps), now);
}

/* configure: what it finds */

static int begin(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    self->was_rebooted = false;
    self->is_rebooting = false;
    self->ram_at = 0;
    self->base.is_holding = false;
    self->base.mode = self->config.mode;
    self->device.out_is_fresh = false;
    if ((self->model->modes & (1u << self->config.mode)) == 0) {
        return tenon__dxl2_refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED,
                                  (float)self->config.mode, 0.0f);
    }
    return TENON_OK;
}

static int take_status(struct tenon_dxl2_motor *self, int rc)
{
    if (rc == TENON_OK) {
        self->status_level = self->request.data[0];
        self->health.hardware_error = self->request.data[2];
    }
    return rc;
}

static const struct dxl2_access read_status = {TENON_OP_READ, 3, DXL2_STATUS_LEVEL};

/* At status return level 0 a servo answers pings only, and the write that raises it may itself go
 * unanswered: silence is no failure yet. */
static int forgive_silence(struct tenon_dxl2_motor *self, int rc)
{
    if (rc == TENON_OK || rc == TENON_ERR_AGAIN) {
        return rc;
    }
    return rc == TENON_ERR_TIMEOUT ? TENON_OK : tenon__dxl2_refuse_result(self, rc);
}

static int find_status(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const int rc = take_status(self, tenon__dxl2_exchange(self, &read_status, 0));
    self->status_level = rc == TENON_ERR_TIMEOUT ? 0 : self->status_level;
    return forgive_silence(self, rc);
}

static int raise_status(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    static const struct dxl2_access write = {TENON_OP_WRITE, 1, DXL2_STATUS_LEVEL};
    (void)now;
    return self->status_level == 2 ? TENON_OK
                                   : forgive_silence(self, tenon__dxl2_exchange(self, &write, 2));
}

static int check_status(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (self->status_level == 2) {
        return TENON_OK;
    }
    const int rc = take_status(self, tenon__dxl2_transact(self, &read_status, 0));
    if (rc == TENON_OK && self->status_level != 2) {
        return tenon__dxl2_refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_READBACK, DXL2_STATUS_LEVEL,
                                  0.0f);
    }
    return rc;
}

static int take_torque(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    self->torque_is_on = self->request.data[0] != 0;
    return TENON_OK;
}

/* Only a module that has failed before is being put to work again; at the first sight of a servo
 * with an error latched, the user is told. */
static int reboot(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    static const struct dxl2_access access = {TENON_OP_REBOOT, 0, 0};
    const struct tenon_module *module = &self->base.module;
    if (self->health.hardware_error == 0) {
        return TENON_OK;
    }
    const bool again = module->state == TENON_MODULE_RECOVERING || module->fault_count > 0;
    if (self->torque_is_on || self->was_rebooted || !again) {
        return tenon__dxl2_refuse_fault(self);
    }
    const int rc = tenon__dxl2_transact(self, &access, 0);
    if (rc == TENON_OK) {
        self->was_rebooted = true;
        self->is_rebooting = true;
        self->reboot_count++;
        self->base.is_unhomed |= dxl2_layout(self)->counts_turns ? 1 : 0;
        self->reboot_end = dxl2_coarse(now + TENON_MS(REBOOT_MAX_MS));
    }
    return rc;
}

/* Ping until it is back, then look at everything anew: a reboot resets what is not in EEPROM. */
static int await_reboot(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    static const struct dxl2_access ping = {TENON_OP_PING, 0, 0};
    if (!self->is_rebooting) {
        return TENON_OK;
    }
    const int32_t left = (int32_t)(self->reboot_end - dxl2_coarse(now));
    if (left > (int32_t)dxl2_coarse(TENON_MS(REBOOT_MAX_MS - REBOOT_SETTLE_MS))) {
        return TENON_ERR_AGAIN; /* it may still answer what it heard before */
    }
    const int rc = tenon__dxl2_exchange(self, &ping, 0);
    if (rc == TENON_OK) {
        self->is_rebooting = false;
        self->base.module.progress = 2; /* behind begin */
        return TENON_ERR_AGAIN;
    }
    return rc != TENON_ERR_AGAIN && left <= 0 ? tenon__dxl2_refuse_result(self, rc)
                                              : TENON_ERR_AGAIN;
}

/* configure: EEPROM */

static int take_setup(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    memcpy(self->found, self->request.data, sizeof self->found);
    return TENON_OK;
}

static uint8_t wanted_setup(const struct tenon_dxl2_motor *self, size_t i)
{
    switch (i) {
    case 0:
        return (uint8_t)(self->config.return_delay_us / 2);
    case 1:
        return (uint8_t)(self->found[1] & ~DRIVE_MODE_UNWANTED);
    default:
        return dxl2_layout(self)->register_value;
    }
}

/* Index of the first register that differs, or how many there are. */
static size_t first_difference(const struct tenon_dxl2_motor *self)
{
    size_t i = 0;
    while (i < sizeof self->found && self->found[i] == wanted_setup(self, i)) {
        i++;
    }
    return i;
}

static int drop_torque(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    static const char *const names[] = {"return delay", "drive mode", "operating mode"};
    (void)now;
    const size_t i = first_difference(self);
    if (!self->torque_is_on || i == sizeof self->found) {
        return TENON_OK;
    }
    if (!self->config.allow_torque_off) {
        return tenon__dxl2_refuse_detail(self, TENON_ERR_STATE, TENON_CAUSE_TORQUE_HELD,
                                         (float)(DXL2_RETURN_DELAY + i), 0.0f, names[i]);
    }
    const int rc = tenon__dxl2_store(self, DXL2_TORQUE_ENABLE, 1, 0);
    self->torque_is_on = rc != TENON_OK;
    return rc;
}

static int write_setup(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const size_t i = first_difference(self);
    if (i == sizeof self->found) {
        return TENON_OK;
    }
    /* Before the write, not after: an answer that gets lost must not lose the old value. */
    if ((self->changed & (1u << i)) == 0) {
        self->changed = (uint8_t)(self->changed | (1u << i));
        self->first[i] = self->found[i];
    }
    const uint8_t wanted = wanted_setup(self, i);
    const int rc = tenon__dxl2_store(self, (uint16_t)(DXL2_RETURN_DELAY + i), 1, wanted);
    if (rc != TENON_OK) {
        return rc;
    }
    self->found[i] = wanted;
    return TENON_ERR_AGAIN; /* and the next */
}

/* configure: limits */

static int take_homing(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const int32_t offset = (int32_t)dxl2_load32(self->request.data);
    const bool counts = offset >= -HOMING_MAX_TICKS && offset <= HOMING_MAX_TICKS;
    self->homing_ticks = (int16_t)(counts ? offset : 0);
    return TENON_OK;
}

static int read_caps(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const int rc = tenon__dxl2_fetch(self, DXL2_PWM_LIMIT, self->model->has_current ? 4 : 2);
    if (rc == TENON_OK) {
        self->pwm_limit_ticks = dxl2_load16(self->request.data);
        self->current_limit_ticks = dxl2_load16(self->request.data + 2);
    }
    return rc;
}

static int take_limits(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const uint32_t velocity = dxl2_load32(self->request.data);
    self->velocity_limit_ticks = (uint16_t)(velocity < UINT16_MAX ? velocity : UINT16_MAX);
    self->goal_max_ticks = (int32_t)dxl2_load32(self->request.data + 4);
    self->goal_min_ticks = (int32_t)dxl2_load32(self->request.data + 8);
    if (dxl2_layout(self)->counts_turns) {
        self->goal_max_ticks = TURNS_GOAL_TICKS;
        self->goal_min_ticks = -TURNS_GOAL_TICKS;
    }
    if (self->goal_min_ticks > self->goal_max_ticks) {
        return tenon__dxl2_refuse_detail(self, TENON_ERR_ARG, TENON_CAUSE_LIMIT_ORDER,
                                         (float)self->goal_min_ticks, (float)self->goal_max_ticks,
                                         "position limits in the servo");
    }
    return TENON_OK;
}

/* configure: RAM */

static bool has_watchdog(const struct tenon_dxl2_motor *self)
{
    return self->firmware >= self->model->watchdog_since;
}

static int read_watchdog(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const int rc = has_watchdog(self) ? tenon__dxl2_fetch(self, DXL2_WATCHDOG, 1) : TENON_OK;
    if (rc != TENON_OK || !has_watchdog(self)) {
        return rc;
    }
    const uint8_t found = self->request.data[0];
    self->health.watchdog_tripped = found == DXL2_WATCHDOG_TRIPPED;
    if (self->was_configured && self->watchdog != 0 && found == 0 &&
        dxl2_layout(self)->counts_turns) {
        self->base.is_unhomed = 1; /* we had set it: the servo has lost its RAM since */
    }
    return TENON_OK;
}

/* Where the servo stands that its watchdog has stopped, before its old goal comes into force again.
 */
static int find_stopped(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const bool holds = self->health.watchdog_tripped && self->torque_is_on;
    if (!holds || !dxl2_layout(self)->has_goal_position) {
        return TENON_OK;
    }
    const int rc = tenon__dxl2_fetch(self, DXL2_PRESENT_POSITION, 4);
    if (rc == TENON_OK) {
        const int32_t present = (int32_t)dxl2_load32(self->request.data);
        self->hold_ticks = tenon__dxl2_clamp_goal(self, tenon__dxl2_wrapped(self, present));
    }
    return rc;
}

static int clear_watchdog(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    return self->health.watchdog_tripped ? tenon__dxl2_store(self, DXL2_WATCHDOG, 1, 0) : TENON_OK;
}

int32_t tenon__dxl2_clamp_goal(const struct tenon_dxl2_motor *self, int32_t ticks)
{
    if (ticks < self->goal_min_ticks) {
        return self->goal_min_ticks;
    }
    return ticks > self->goal_max_ticks ? self->goal_max_ticks : ticks;
}

uint32_t tenon__dxl2_hold_goal(const struct tenon_dxl2_motor *self)
{
    return dxl2_layout(self)->has_goal_position ? (uint32_t)self->hold_ticks : 0;
}

/* Goals cannot be written while the watchdog has stopped the servo; right after it they must be. */
static int hold_stopped(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const struct dxl2_layout *layout = dxl2_layout(self);
    if (!self->health.watchdog_tripped) {
        return TENON_OK;
    }
    const int rc = self->torque_is_on
                       ? tenon__dxl2_store(self, layout->goal_address, layout->goal_width,
                                           tenon__dxl2_hold_goal(self))
                       : TENON_OK;
    if (rc == TENON_OK) {
        self->health.watchdog_tripped = false;
    }
    return rc;
}

/* Registers in RAM that are to hold a certain value. The watchdog is the last: from there on the
 * cycle must keep it fed. */
static const struct {
    uint8_t address;
    uint8_t width; /* bytes behind the fourth are to be zero */
} ram[] = {
    {DXL2_PROFILE, 8},         {DXL2_POSITION_D_GAIN, 2}, {DXL2_POSITION_I_GAIN, 2},
    {DXL2_POSITION_P_GAIN, 2}, {DXL2_GOAL_PWM, 2},        {DXL2_WATCHDOG, 1},
};

/* @return Whether the register is to be touched at all. */
static bool wants(const struct tenon_dxl2_motor *self, uint8_t address, uint32_t *out_value)
{
    const struct tenon_dxl2_motor_config *config = &self->config;
    *out_value = 0;
    switch (address) {
    case DXL2_PROFILE:
        return config->mode != TENON_MODE_EFFORT && config->mode != TENON_MODE_PWM;
    case DXL2_POSITION_D_GAIN:
        *out_value = config->position_d_gain;
        break;
    case DXL2_POSITION_I_GAIN:
        *out_value = config->position_i_gain;
        break;
    case DXL2_POSITION_P_GAIN:
        *out_value = config->position_p_gain;
        break;
    case DXL2_GOAL_PWM:
        *out_value = self->pwm_limit_ticks;
        return config->mode != TENON_MODE_PWM;
    default:
        *out_value = self->watchdog;
        return has_watchdog(self);
    }
    return *out_value != 0;
}

/* Read, and write only if it differs. */
static int ensure(struct tenon_dxl2_motor *self, uint16_t address, uint8_t width, uint32_t value)
{
    uint8_t wanted[TENON_REQUEST_DATA] = {0};
    dxl2_store32(wanted, value);
    const bool is_written = self->purpose == DXL2_FOR_STEP &&
                            self->request.state != TENON_REQUEST_IDLE &&
                            self->request.operation == TENON_OP_WRITE;
    if (!is_written) {
        const int rc = tenon__dxl2_fetch(self, address, width);
        if (rc != TENON_OK || memcmp(wanted, self->request.data, width) == 0) {
            return rc;
        }
    }
    return tenon__dxl2_store(self, address, width, value);
}

static int ensure_ram(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    for (; self->ram_at < COUNT_OF(ram); self->ram_at++) {
        uint32_t value;
        const uint8_t address = ram[self->ram_at].address;
        const int rc = wants(self, address, &value)
                           ? ensure(self, address, ram[self->ram_at].width, value)
                           : TENON_OK;
        if (rc != TENON_OK) {
            return rc;
        }
    }
    return TENON_OK;
}

static float smaller(float a, float b)
{
    return a < b ? a : b;
}

static float effort_max_nm(const struct tenon_dxl2_motor *self)
{
    const struct tenon__dxl2_model *model = self->model;
    const float duty = (float)self->pwm_limit_ticks / DXL2_FULL_PWM;
    if (self->config.mode == TENON_MODE_PWM) {
        return duty;
    }
    if (!model->has_current) {
        return model->stall_nm * duty;
    }
    return smaller((float)self->current_limit_ticks * model->effort_unit_nm, model->stall_nm);
}

static void fill_limits(struct tenon_dxl2_motor *self)
{
    struct tenon_motor_limits *limits = &self->base.limits;
    const float velocity = (float)self->velocity_limit_ticks * DXL2_VELOCITY_UNIT_RAD_S;
    limits->position_min_rad = -DBL_MAX;
    limits->position_max_rad = DBL_MAX;
    if (dxl2_layout(self)->has_goal_position) {
        limits->position_min_rad = dxl2_position_rad(self->goal_min_ticks);
        limits->position_max_rad = dxl2_position_rad(self->goal_max_ticks);
    }
    limits->velocity_max_rad_s = smaller(velocity, self->model->speed_rad_s);
    limits->velocity_top_rad_s = self->model->speed_top_rad_s;
    limits->effort_max_nm = effort_max_nm(self);
}

static int finish(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    struct tenon_bus_device *device = &self->device;
    device->in_fields = in_fields;
    device->in_count = COUNT_OF(in_fields);
    device->out_fields = dxl2_layout(self)->out_fields;
    device->out_count = dxl2_layout(self)->out_count;
    const int rc = attach_device(self);
    if (rc != TENON_OK) {
        return rc;
    }
    fill_limits(self);
    self->seen_sequence = (uint16_t)device->in_sequence;
    self->monitor_due = dxl2_coarse(now);
    device->is_listening = true;
    self->base.is_holding = self->torque_is_on;
    self->was_configured = true;
    return TENON_OK;
}

int tenon__dxl2_configure(struct tenon_module *module, tenon_ns_t now)
{
    static const struct dxl2_step steps[] = {
        {{0, 0, 0}, begin},
        {{0, 0, 0}, find_status},
        {{0, 0, 0}, raise_status},
        {{0, 0, 0}, check_status},
        {{TENON_OP_READ, 1, DXL2_TORQUE_ENABLE}, take_torque},
        {{0, 0, 0}, reboot},
        {{0, 0, 0}, await_reboot},
        {{TENON_OP_READ, 3, DXL2_RETURN_DELAY}, take_setup},
        {{0, 0, 0}, drop_torque},
        {{0, 0, 0}, write_setup},
        {{TENON_OP_READ, 4, DXL2_HOMING_OFFSET}, take_homing},
        {{0, 0, 0}, read_caps},
        {{TENON_OP_READ, 12, DXL2_VELOCITY_LIMIT}, take_limits},
        {{0, 0, 0}, read_watchdog},
        {{0, 0, 0}, find_stopped},
        {{0, 0, 0}, clear_watchdog},
        {{0, 0, 0}, hold_stopped},
        {{0, 0, 0}, ensure_ram},
        {{0, 0, 0}, finish},
    };
    return tenon__dxl2_run(dxl2_from_module(module), steps, COUNT_OF(steps), now);
}
