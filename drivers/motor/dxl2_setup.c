/* The life of a Dynamixel X servo: from a number on the bus to a motor with torque, and back. */
#include "dxl2_setup.h"

#include <float.h>
#include <string.h>

#define REBOOT_SETTLE_NS TENON_MS(100)
#define REBOOT_MAX_NS    TENON_S(1)
/* How far the horn may turn between reading where it is and torque coming on: less than a degree.
 */
#define HOLD_TOLERANCE_TICKS 8
#define TURNS_GOAL_TICKS     1048575
#define GAIN_MAX             16383u
#define DRIVE_MODE_UNWANTED  0x0Cu /* time-based profile; torque on by goal update */

typedef int (*step_fn)(struct tenon_dxl2_motor *self, tenon_ns_t now);

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

static struct tenon_dxl2_motor *from_module(struct tenon_module *module)
{
    return TENON_CONTAINER_OF(module, struct tenon_dxl2_motor, base.module);
}

static int refuse(struct tenon_dxl2_motor *self,
                  enum tenon_err code,
                  enum tenon_cause cause,
                  float value,
                  float bound)
{
    return tenon_module_refuse(&self->base.module, code, cause, value, bound);
}

static int refuse_detail(struct tenon_dxl2_motor *self,
                         enum tenon_cause cause,
                         float value,
                         float bound,
                         const char *detail)
{
    const int rc = refuse(self, TENON_ERR_ARG, cause, value, bound);
    self->base.module.diag.detail = detail;
    return rc;
}

int tenon__dxl2_refuse_fault(struct tenon_dxl2_motor *self)
{
    static const struct {
        uint8_t bit;
        const char *words;
    } errors[] = {
        {0x10, "electrical shock"}, {0x20, "overload"},      {0x04, "overheating"},
        {0x08, "encoder"},          {0x01, "input voltage"},
    };
    const uint8_t bits = self->health.hardware_error;
    const int rc = refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_FAULT, (float)bits, 0.0f);
    self->base.module.diag.detail = "hardware error";
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if ((bits & errors[i].bit) != 0) {
            self->base.module.diag.detail = errors[i].words;
            break;
        }
    }
    return rc;
}

int32_t tenon__dxl2_wrapped(const struct tenon_dxl2_motor *self, int32_t ticks)
{
    if (dxl2_layout(self)->counts_turns) {
        return ticks;
    }
    const uint32_t turned = (uint32_t)ticks - (uint32_t)self->homing_ticks;
    return (int32_t)(turned % DXL2_TICKS_PER_TURN) + self->homing_ticks;
}

int tenon__dxl2_motor_submit(struct tenon_dxl2_motor *self,
                             struct tenon_request *request,
                             uint8_t operation,
                             uint16_t address,
                             uint8_t width,
                             uint32_t value)
{
    struct tenon_bus *bus = tenon_wire_bus(self->base.wire);
    request->node = self->device.node;
    request->operation = operation;
    request->address = address;
    request->width = width;
    request->attempts = 0;
    memset(request->data, 0, sizeof request->data);
    dxl2_store32(request->data, value);
    return tenon_bus_get_api(bus)->submit(bus, request);
}

int tenon__dxl2_result(const struct tenon_request *request)
{
    const bool alert_only = (request->status & ~DXL2_ALERT) == 0;
    return request->result == TENON_ERR_DEVICE && alert_only ? TENON_OK : request->result;
}

/* Take a request back from the bus, in whatever state it is. */
static void withdraw(struct tenon_dxl2_motor *self, struct tenon_request *request)
{
    struct tenon_bus *bus = tenon_wire_bus(self->base.wire);
    const bool is_under_way =
        request->state == TENON_REQUEST_QUEUED || request->state == TENON_REQUEST_SENT;
    if (is_under_way && bus != NULL) {
        tenon_bus_get_api(bus)->cancel(bus, request);
    }
    request->state = TENON_REQUEST_IDLE;
}

static int
refuse_result(struct tenon_dxl2_motor *self, const struct tenon_request *request, int result)
{
    const struct tenon_line *line = tenon_wire_line(self->base.wire);
    const float node = (float)self->device.node;
    switch (result) {
    case TENON_ERR_TIMEOUT:
        return refuse(self, TENON_ERR_TIMEOUT, TENON_CAUSE_NO_REPLY, node,
                      line != NULL ? (float)line->baud : 0.0f);
    case TENON_ERR_PROTO:
        return refuse(self, TENON_ERR_PROTO, TENON_CAUSE_GARBLED_REPLY, node, 0.0f);
    case TENON_ERR_DEVICE:
        return refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_REFUSED,
                      (float)(request->status & ~DXL2_ALERT), (float)request->address);
    default:
        return refuse(self, TENON_ERR_IO, TENON_CAUSE_WIRE_DOWN, node, 0.0f);
    }
}

/* Queue this request unless it is under way; TENON_ERR_AGAIN until it is done. No diag. */
static int exchange(struct tenon_dxl2_motor *self,
                    uint8_t operation,
                    uint16_t address,
                    uint8_t width,
                    uint32_t value)
{
    struct tenon_request *request = &self->request;
    if (request->state == TENON_REQUEST_DONE) {
        request->state = TENON_REQUEST_IDLE;
        return tenon__dxl2_result(request);
    }
    if (request->state != TENON_REQUEST_IDLE || !tenon_wire_is_up(self->base.wire)) {
        return TENON_ERR_AGAIN;
    }
    const int rc = tenon__dxl2_motor_submit(self, request, operation, address, width, value);
    return rc == TENON_OK ? TENON_ERR_AGAIN : rc;
}

/* As exchange, and a failure goes into the diag. */
static int transact(struct tenon_dxl2_motor *self,
                    uint8_t operation,
                    uint16_t address,
                    uint8_t width,
                    uint32_t value)
{
    const int rc = exchange(self, operation, address, width, value);
    if (rc == TENON_OK || rc == TENON_ERR_AGAIN) {
        return rc;
    }
    return refuse_result(self, &self->request, rc);
}

static int fetch(struct tenon_dxl2_motor *self, uint16_t address, uint8_t width)
{
    return transact(self, TENON_OP_READ, address, width, 0);
}

static int store(struct tenon_dxl2_motor *self, uint16_t address, uint8_t width, uint32_t value)
{
    return transact(self, TENON_OP_WRITE, address, width, value);
}

/* Read, and write only if it differs. Bytes behind the fourth are to be zero. */
static int ensure(struct tenon_dxl2_motor *self, uint16_t address, uint8_t width, uint32_t value)
{
    uint8_t wanted[TENON_REQUEST_DATA] = {0};
    dxl2_store32(wanted, value);
    const bool is_reading =
        self->request.operation == TENON_OP_READ || self->request.state == TENON_REQUEST_IDLE;
    if (!is_reading) {
        return store(self, address, width, value);
    }
    const int rc = fetch(self, address, width);
    if (rc != TENON_OK || memcmp(wanted, self->request.data, width) == 0) {
        return rc;
    }
    return store(self, address, width, value);
}

/* Run a list of steps, one after the other. progress 0: not begun; n: step n runs. A step that goes
 * back sets it. */
static int
run_steps(struct tenon_dxl2_motor *self, const step_fn *steps, uint16_t count, tenon_ns_t now)
{
    uint16_t *progress = &self->base.module.progress;
    if (*progress == 0) {
        withdraw(self, &self->request);
        withdraw(self, &self->monitor);
        if (self->safe.state == TENON_REQUEST_DONE) {
            self->safe.state = TENON_REQUEST_IDLE;
        }
        *progress = 1;
    }
    while (*progress <= count) {
        const int rc = steps[*progress - 1](self, now);
        if (rc != TENON_OK) {
            return rc;
        }
        *progress = (uint16_t)(*progress + 1);
    }
    return TENON_OK;
}

/* attach */

static int check_config(struct tenon_dxl2_motor *self)
{
    const struct tenon_dxl2_motor_config *c = &self->config;
    const uint16_t gains[] = {c->position_p_gain, c->position_i_gain, c->position_d_gain};
    if (c->id > DXL2_ID_MAX) {
        return refuse(self, TENON_ERR_ARG, TENON_CAUSE_NODE_RANGE, (float)c->id,
                      (float)DXL2_ID_MAX);
    }
    if (c->mode == TENON_MODE_NONE || c->mode > TENON_MODE_PWM) {
        return refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED, (float)c->mode,
                      0.0f);
    }
    if (c->return_delay_us > 508 || c->return_delay_us % 2 != 0) {
        return refuse_detail(self, TENON_CAUSE_ARGUMENT, c->return_delay_us, 508.0f,
                             "return_delay_us");
    }
    if (c->watchdog_ms < 20 || c->watchdog_ms > 2540) {
        return refuse_detail(self, TENON_CAUSE_ARGUMENT, c->watchdog_ms, 2540.0f, "watchdog_ms");
    }
    for (size_t i = 0; i < sizeof gains / sizeof gains[0]; i++) {
        if (gains[i] > GAIN_MAX) {
            return refuse_detail(self, TENON_CAUSE_ARGUMENT, gains[i], (float)GAIN_MAX,
                                 "position gain");
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
        return refuse(self, (enum tenon_err)rc, TENON_CAUSE_NONE, 0.0f, 0.0f);
    }
    return rc;
}

static int motor_attach(struct tenon_module *module)
{
    struct tenon_dxl2_motor *self = from_module(module);
    const int rc = check_config(self);
    if (rc != TENON_OK) {
        return rc;
    }
    if (tenon_wire_bus(self->base.wire) == NULL) {
        return refuse(self, TENON_ERR_STATE, TENON_CAUSE_NOT_ADDED, (float)self->config.id, 0.0f);
    }
    const int attached = attach_device(self);
    self->is_attached = attached == TENON_OK;
    return attached;
}

/* probe */

static int step_ping(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    self->device.is_listening = false; /* what is not there must not cost wire time */
    const int rc = transact(self, TENON_OP_PING, 0, 0, 0);
    if (rc != TENON_OK) {
        return rc;
    }
    const uint16_t number = dxl2_load16(self->request.data);
    const uint16_t expected = self->config.expected_model;
    if (expected != 0 && number != expected) {
        return refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODEL_CHANGED, (float)number,
                      (float)expected);
    }
    self->model = tenon__dxl2_model_find(number);
    if (self->model == NULL) {
        return refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODEL_UNKNOWN, (float)number, 0.0f);
    }
    if (number != self->base.model) {
        self->change_count = 0;
        self->was_configured = false;
    }
    self->base.model = number;
    self->model_name = self->model->name;
    self->firmware = self->request.data[2];
    return TENON_OK;
}

static int motor_probe(struct tenon_module *module, tenon_ns_t now)
{
    static const step_fn steps[] = {step_ping};
    return run_steps(from_module(module), steps, 1, now);
}

/* configure: what it finds */

static int step_begin(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    self->was_rebooted = false;
    self->until_ns = 0;
    self->base.is_holding = false;
    self->base.mode = self->config.mode;
    self->device.out_is_fresh = false;
    if ((self->model->modes & (1u << self->config.mode)) == 0) {
        return refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED,
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

/* At status return level 0 a servo answers pings only, so silence here is no failure yet. */
static int step_read_status(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const int rc = take_status(self, exchange(self, TENON_OP_READ, DXL2_STATUS_LEVEL, 3, 0));
    if (rc == TENON_ERR_TIMEOUT) {
        self->status_level = 0;
        return TENON_OK;
    }
    if (rc != TENON_OK && rc != TENON_ERR_AGAIN) {
        return refuse_result(self, &self->request, rc);
    }
    return rc;
}

/* The write that makes a servo answer writes may itself go unanswered. */
static int step_raise_status(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (self->status_level == 2) {
        return TENON_OK;
    }
    const int rc = exchange(self, TENON_OP_WRITE, DXL2_STATUS_LEVEL, 1, 2);
    if (rc != TENON_OK && rc != TENON_ERR_AGAIN && rc != TENON_ERR_TIMEOUT) {
        return refuse_result(self, &self->request, rc);
    }
    return rc == TENON_ERR_AGAIN ? rc : TENON_OK;
}

static int step_check_status(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (self->status_level == 2) {
        return TENON_OK;
    }
    const int rc = take_status(self, fetch(self, DXL2_STATUS_LEVEL, 3));
    if (rc == TENON_OK && self->status_level != 2) {
        return refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_READBACK, DXL2_STATUS_LEVEL, 0.0f);
    }
    return rc;
}

static int step_read_torque(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const int rc = fetch(self, DXL2_TORQUE_ENABLE, 1);
    if (rc == TENON_OK) {
        self->torque_is_on = self->request.data[0] != 0;
    }
    return rc;
}

/* Only a module that has failed before is being put to work again; at the first sight of a servo
 * with an error latched, the user is told. */
static int step_reboot(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    const struct tenon_module *module = &self->base.module;
    if (self->health.hardware_error == 0) {
        return TENON_OK;
    }
    const bool again = module->state == TENON_MODULE_RECOVERING || module->fault_count > 0;
    if (self->torque_is_on || self->was_rebooted || !again) {
        return tenon__dxl2_refuse_fault(self);
    }
    const int rc = transact(self, TENON_OP_REBOOT, 0, 0, 0);
    if (rc == TENON_OK) {
        self->was_rebooted = true;
        self->reboot_count++;
        self->base.is_unhomed |= dxl2_layout(self)->counts_turns ? 1 : 0;
        self->until_ns = now + REBOOT_MAX_NS;
    }
    return rc;
}

/* Ping until it is back, then look at everything anew: a reboot resets what is not in EEPROM. */
static int step_await_reboot(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    if (self->until_ns == 0) {
        return TENON_OK;
    }
    if (now < self->until_ns - (REBOOT_MAX_NS - REBOOT_SETTLE_NS)) {
        return TENON_ERR_AGAIN; /* it may still answer what it heard before */
    }
    const int rc = exchange(self, TENON_OP_PING, 0, 0, 0);
    if (rc == TENON_OK) {
        self->until_ns = 0;
        self->base.module.progress = 2; /* behind step_begin */
        return TENON_ERR_AGAIN;
    }
    if (rc != TENON_ERR_AGAIN && now >= self->until_ns) {
        return refuse_result(self, &self->request, rc);
    }
    return TENON_ERR_AGAIN;
}

/* configure: EEPROM */

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

/* Index of the first register that differs, or 3. */
static size_t first_difference(const struct tenon_dxl2_motor *self)
{
    size_t i = 0;
    while (i < sizeof self->found && self->found[i] == wanted_setup(self, i)) {
        i++;
    }
    return i;
}

/* Before the write, not after: an answer that gets lost must not lose the old value. */
static void record_change(struct tenon_dxl2_motor *self, uint16_t address, uint32_t old_value)
{
    for (size_t i = 0; i < self->change_count; i++) {
        if (self->changes[i].address == address) {
            return;
        }
    }
    if (self->change_count < TENON_DXL2_MOTOR_CHANGES_MAX) {
        self->changes[self->change_count++] =
            (struct tenon_dxl2_motor_change){address, 1, old_value};
    }
}

static int step_read_setup(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const int rc = fetch(self, DXL2_RETURN_DELAY, sizeof self->found);
    if (rc == TENON_OK) {
        memcpy(self->found, self->request.data, sizeof self->found);
    }
    return rc;
}

static int step_drop_torque(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const size_t i = first_difference(self);
    if (!self->torque_is_on || i == sizeof self->found) {
        return TENON_OK;
    }
    if (!self->config.allow_torque_off) {
        static const char *const names[] = {"return delay", "drive mode", "operating mode"};
        (void)refuse(self, TENON_ERR_STATE, TENON_CAUSE_TORQUE_HELD, (float)(DXL2_RETURN_DELAY + i),
                     0.0f);
        self->base.module.diag.detail = names[i];
        return TENON_ERR_STATE;
    }
    const int rc = store(self, DXL2_TORQUE_ENABLE, 1, 0);
    if (rc == TENON_OK) {
        self->torque_is_on = false;
    }
    return rc;
}

static int step_write_setup(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const size_t i = first_difference(self);
    if (i == sizeof self->found) {
        return TENON_OK;
    }
    const uint16_t address = (uint16_t)(DXL2_RETURN_DELAY + i);
    const uint8_t wanted = wanted_setup(self, i);
    record_change(self, address, self->found[i]);
    const int rc = store(self, address, 1, wanted);
    if (rc != TENON_OK) {
        return rc;
    }
    self->found[i] = wanted;
    return TENON_ERR_AGAIN; /* and the next */
}

/* configure: limits */

static int step_read_homing(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const int rc = fetch(self, DXL2_HOMING_OFFSET, 4);
    if (rc == TENON_OK) {
        const int32_t offset = (int32_t)dxl2_load32(self->request.data);
        const bool counts =
            offset >= -1024 && offset <= 1024; /* larger ones one-turn mode ignores */
        self->homing_ticks = counts ? offset : 0;
    }
    return rc;
}

static int step_read_caps(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const int rc = fetch(self, DXL2_PWM_LIMIT, self->model->has_current ? 4 : 2);
    if (rc == TENON_OK) {
        self->pwm_limit_ticks = dxl2_load16(self->request.data);
        self->current_limit_ticks = dxl2_load16(self->request.data + 2);
    }
    return rc;
}

static int step_read_limits(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const int rc = fetch(self, DXL2_VELOCITY_LIMIT, 12);
    if (rc != TENON_OK) {
        return rc;
    }
    self->velocity_limit_ticks = (int32_t)dxl2_load32(self->request.data);
    self->goal_max_ticks = (int32_t)dxl2_load32(self->request.data + 4);
    self->goal_min_ticks = (int32_t)dxl2_load32(self->request.data + 8);
    if (dxl2_layout(self)->counts_turns) {
        self->goal_max_ticks = TURNS_GOAL_TICKS;
        self->goal_min_ticks = -TURNS_GOAL_TICKS;
    }
    if (self->goal_min_ticks > self->goal_max_ticks) {
        return refuse_detail(self, TENON_CAUSE_LIMIT_ORDER, (float)self->goal_min_ticks,
                             (float)self->goal_max_ticks, "position limits in the servo");
    }
    return TENON_OK;
}

/* configure: RAM */

static bool has_watchdog(const struct tenon_dxl2_motor *self)
{
    return self->firmware >= self->model->watchdog_since;
}

static int step_read_watchdog(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (!has_watchdog(self)) {
        return TENON_OK;
    }
    const int rc = fetch(self, DXL2_WATCHDOG, 1);
    if (rc != TENON_OK) {
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
static int step_find_stopped(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const bool holds = self->health.watchdog_tripped && self->torque_is_on;
    if (!holds || !dxl2_layout(self)->has_goal_position) {
        return TENON_OK;
    }
    const int rc = fetch(self, DXL2_PRESENT_POSITION, 4);
    if (rc == TENON_OK) {
        self->hold_ticks = tenon__dxl2_wrapped(self, (int32_t)dxl2_load32(self->request.data));
    }
    return rc;
}

static int step_clear_watchdog(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    return self->health.watchdog_tripped ? store(self, DXL2_WATCHDOG, 1, 0) : TENON_OK;
}

static int32_t clamp_goal(const struct tenon_dxl2_motor *self, int32_t ticks)
{
    if (ticks < self->goal_min_ticks) {
        return self->goal_min_ticks;
    }
    return ticks > self->goal_max_ticks ? self->goal_max_ticks : ticks;
}

static int write_hold(struct tenon_dxl2_motor *self)
{
    const struct dxl2_layout *layout = dxl2_layout(self);
    const int32_t hold = clamp_goal(self, self->hold_ticks);
    return store(self, layout->goal_address, layout->goal_width,
                 layout->has_goal_position ? (uint32_t)hold : 0);
}

/* Goals cannot be written while the watchdog has stopped the servo; right after it they must be. */
static int step_hold_stopped(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (!self->health.watchdog_tripped) {
        return TENON_OK;
    }
    const int rc = self->torque_is_on ? write_hold(self) : TENON_OK;
    if (rc == TENON_OK) {
        self->health.watchdog_tripped = false;
    }
    return rc;
}

static int step_profile(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const uint8_t mode = self->config.mode;
    const bool is_free = mode == TENON_MODE_EFFORT || mode == TENON_MODE_PWM;
    return is_free ? TENON_OK : ensure(self, DXL2_PROFILE, 8, 0);
}

static int ensure_gain(struct tenon_dxl2_motor *self, uint16_t address, uint16_t gain)
{
    return gain == 0 ? TENON_OK : ensure(self, address, 2, gain);
}

static int step_gain_d(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    return ensure_gain(self, DXL2_POSITION_D_GAIN, self->config.position_d_gain);
}

static int step_gain_i(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    return ensure_gain(self, DXL2_POSITION_I_GAIN, self->config.position_i_gain);
}

static int step_gain_p(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    return ensure_gain(self, DXL2_POSITION_P_GAIN, self->config.position_p_gain);
}

static int step_goal_pwm(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (self->config.mode == TENON_MODE_PWM) {
        return TENON_OK;
    }
    return ensure(self, DXL2_GOAL_PWM, 2, self->pwm_limit_ticks);
}

/* Last: from here on the cycle must keep it fed. */
static int step_watchdog(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    return has_watchdog(self) ? ensure(self, DXL2_WATCHDOG, 1, self->watchdog) : TENON_OK;
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
        limits->position_min_rad = (self->goal_min_ticks - DXL2_MIDDLE_TICKS) * DXL2_RAD_PER_TICK;
        limits->position_max_rad = (self->goal_max_ticks - DXL2_MIDDLE_TICKS) * DXL2_RAD_PER_TICK;
    }
    limits->velocity_max_rad_s = smaller(velocity, self->model->speed_rad_s);
    limits->velocity_top_rad_s = self->model->speed_top_rad_s;
    limits->effort_max_nm = effort_max_nm(self);
}

static int step_finish(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    struct tenon_bus_device *device = &self->device;
    device->in_fields = in_fields;
    device->in_count = sizeof in_fields / sizeof in_fields[0];
    device->out_fields = dxl2_layout(self)->out_fields;
    device->out_count = dxl2_layout(self)->out_count;
    const int rc = attach_device(self);
    if (rc != TENON_OK) {
        return rc;
    }
    fill_limits(self);
    self->seen_sequence = device->in_sequence;
    device->is_listening = true;
    self->base.is_holding = self->torque_is_on;
    self->was_configured = true;
    return TENON_OK;
}

static int motor_configure(struct tenon_module *module, tenon_ns_t now)
{
    static const step_fn steps[] = {
        step_begin,        step_read_status,   step_raise_status, step_check_status,
        step_read_torque,  step_reboot,        step_await_reboot, step_read_setup,
        step_drop_torque,  step_write_setup,   step_read_homing,  step_read_caps,
        step_read_limits,  step_read_watchdog, step_find_stopped, step_clear_watchdog,
        step_hold_stopped, step_profile,       step_gain_d,       step_gain_i,
        step_gain_p,       step_goal_pwm,      step_watchdog,     step_finish,
    };
    return run_steps(from_module(module), steps, sizeof steps / sizeof steps[0], now);
}

/* activate: goal := present, read back, enable */

static int step_look(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (self->safe.state != TENON_REQUEST_IDLE) {
        withdraw(self, &self->safe); /* of a stop that was given up: it must not end this one, nor
                                        be taken for the next */
    }
    self->device.out_is_fresh = false;
    const int rc = fetch(self, DXL2_TORQUE_ENABLE, 1);
    if (rc == TENON_OK) {
        self->base.is_holding = self->base.is_holding && self->request.data[0] != 0;
    }
    return rc;
}

static int read_present(struct tenon_dxl2_motor *self, int32_t *out_ticks)
{
    const int rc = fetch(self, DXL2_PRESENT_POSITION, 4);
    if (rc == TENON_OK) {
        *out_ticks = tenon__dxl2_wrapped(self, (int32_t)dxl2_load32(self->request.data));
    }
    return rc;
}

static bool moves_by_position(const struct tenon_dxl2_motor *self)
{
    return !self->base.is_holding && dxl2_layout(self)->has_goal_position;
}

static int step_find_hold(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (!moves_by_position(self)) {
        return TENON_OK;
    }
    const int rc = read_present(self, &self->hold_ticks);
    if (rc != TENON_OK) {
        return rc;
    }
    const int32_t nearest = clamp_goal(self, self->hold_ticks);
    if (nearest - self->hold_ticks > HOLD_TOLERANCE_TICKS ||
        self->hold_ticks - nearest > HOLD_TOLERANCE_TICKS) {
        return refuse(self, TENON_ERR_STATE, TENON_CAUSE_GOAL_OUTSIDE_LIMITS,
                      (float)((self->hold_ticks - DXL2_MIDDLE_TICKS) * DXL2_RAD_PER_TICK),
                      (float)((nearest - DXL2_MIDDLE_TICKS) * DXL2_RAD_PER_TICK));
    }
    self->hold_ticks = nearest;
    return TENON_OK;
}

static int step_write_cap(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (self->base.is_holding || self->config.mode != TENON_MODE_EFFORT_POSITION) {
        return TENON_OK;
    }
    return store(self, DXL2_GOAL_CURRENT, 2, self->current_limit_ticks);
}

static int step_write_goal(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    return self->base.is_holding ? TENON_OK : write_hold(self);
}

static int step_check_goal(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const struct dxl2_layout *layout = dxl2_layout(self);
    if (self->base.is_holding) {
        return TENON_OK;
    }
    const int rc = fetch(self, layout->goal_address, layout->goal_width);
    if (rc != TENON_OK) {
        return rc;
    }
    uint8_t wanted[4];
    dxl2_store32(wanted, layout->has_goal_position ? (uint32_t)self->hold_ticks : 0);
    if (memcmp(wanted, self->request.data, layout->goal_width) != 0) {
        return refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_READBACK, (float)layout->goal_address,
                      0.0f);
    }
    return TENON_OK;
}

/* The requests before may have taken long, and a limp joint sinks: what moves is followed until it
 * stands. */
static int step_check_still(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    int32_t present = 0;
    if (!moves_by_position(self)) {
        return TENON_OK;
    }
    const int rc = read_present(self, &present);
    if (rc != TENON_OK) {
        return rc;
    }
    const int32_t moved = present - self->hold_ticks;
    if (moved > HOLD_TOLERANCE_TICKS || moved < -HOLD_TOLERANCE_TICKS) {
        self->base.module.progress = 2; /* step_find_hold */
        return TENON_ERR_AGAIN;
    }
    return TENON_OK;
}

static int step_enable(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    return self->base.is_holding ? TENON_OK : store(self, DXL2_TORQUE_ENABLE, 1, 1);
}

static int step_check_enabled(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (self->base.is_holding) {
        return TENON_OK;
    }
    const int rc = fetch(self, DXL2_TORQUE_ENABLE, 1);
    if (rc == TENON_OK && self->request.data[0] != 1) {
        return refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_READBACK, DXL2_TORQUE_ENABLE, 0.0f);
    }
    return rc;
}

/* What the servo now follows, for the core to begin there. */
static int step_tell_goal(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    struct tenon_motor *motor = &self->base;
    const struct dxl2_layout *layout = dxl2_layout(self);
    motor->has_command = false;
    if (!layout->has_goal_position && motor->mode != TENON_MODE_VELOCITY) {
        return TENON_OK;
    }
    const int rc = fetch(self, layout->goal_address, 4);
    if (rc == TENON_OK) {
        const int32_t goal = (int32_t)dxl2_load32(self->request.data);
        motor->command = (struct tenon_motor_command){.mode = motor->mode};
        if (layout->has_goal_position) {
            motor->command.position_rad = ((double)goal - DXL2_MIDDLE_TICKS) * DXL2_RAD_PER_TICK;
        } else {
            motor->command.velocity_rad_s = (float)goal * DXL2_VELOCITY_UNIT_RAD_S;
        }
        motor->has_command = true;
    }
    return rc;
}

static int motor_activate(struct tenon_module *module, tenon_ns_t now)
{
    static const step_fn steps[] = {
        step_look,        step_find_hold, step_write_cap,     step_write_goal, step_check_goal,
        step_check_still, step_enable,    step_check_enabled, step_tell_goal,
    };
    return run_steps(from_module(module), steps, sizeof steps / sizeof steps[0], now);
}

/* make_safe */

/* What led to the stop says more than that the stop could not be sent. */
static int refuse_safe(struct tenon_dxl2_motor *self, int result)
{
    const struct tenon_diag before = self->base.module.diag;
    const int rc = refuse_result(self, &self->safe, result);
    if (before.code != TENON_OK) {
        self->base.module.diag = before;
    }
    return rc;
}

static int motor_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    (void)now;
    struct tenon_dxl2_motor *self = from_module(module);
    self->device.out_is_fresh = false;
    self->base.is_holding = false;
    if (!self->is_attached || tenon_wire_bus(self->base.wire) == NULL) {
        return TENON_OK; /* nothing of ours ever reached it */
    }
    withdraw(self, &self->request);
    withdraw(self, &self->monitor);
    withdraw(self, &self->led);
    if (self->safe.state == TENON_REQUEST_DONE) {
        self->safe.state = TENON_REQUEST_IDLE;
        const int result = tenon__dxl2_result(&self->safe);
        return result == TENON_OK ? TENON_OK : refuse_safe(self, result);
    }
    if (self->safe.state != TENON_REQUEST_IDLE) {
        return TENON_ERR_AGAIN;
    }
    if (!tenon_wire_is_up(self->base.wire)) {
        return refuse_safe(self, TENON_ERR_IO);
    }
    const int rc =
        tenon__dxl2_motor_submit(self, &self->safe, TENON_OP_TORQUE_OFF, DXL2_TORQUE_ENABLE, 1, 0);
    return rc == TENON_OK ? TENON_ERR_AGAIN : refuse_safe(self, rc);
}

static void motor_release(struct tenon_module *module)
{
    struct tenon_dxl2_motor *self = from_module(module);
    withdraw(self, &self->request);
    withdraw(self, &self->monitor);
    withdraw(self, &self->led);
    withdraw(self, &self->safe);
    self->device.is_listening = false;
    self->device.out_is_fresh = false;
}

const struct tenon_lifecycle_api tenon__dxl2_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .attach = motor_attach,
    .probe = motor_probe,
    .configure = motor_configure,
    .activate = motor_activate,
    .make_safe = motor_make_safe,
    .release = motor_release,
};
