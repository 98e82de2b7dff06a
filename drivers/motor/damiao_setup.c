/* The life of a Damiao motor: from a number on the bus to a motor with torque, and back. */
#include "damiao_setup.h"

#include <float.h>
#include <string.h>

enum damiao_register { RID_TIMEOUT = 9, RID_CTRL_MODE = 10, RID_P_MAX = 21, RID_V_MAX, RID_T_MAX };

#define CTRL_MODE_MIT   1u
#define TIMEOUT_PER_MS  20u /* the register counts 50 us */
#define WATCHDOG_MIN_MS 10u
/* How long a motor may take from being told to have torque until it says so. */
#define ENABLE_MAX_NS TENON_MS(100)
/* What turns slower than this stands. */
#define STILL_RAD_S    0.5f
#define SAFE_TRIES_MAX 3

typedef int (*step_fn)(struct tenon_damiao_motor *self, tenon_ns_t now);

static const struct tenon_field out_fields[] = {{MIT_COMMAND, MIT_FRAME_SIZE}};

static struct tenon_damiao_motor *from_module(struct tenon_module *module)
{
    return TENON_CONTAINER_OF(module, struct tenon_damiao_motor, base.module);
}

static int refuse(struct tenon_damiao_motor *self,
                  enum tenon_err code,
                  enum tenon_cause cause,
                  float value,
                  float bound)
{
    return tenon_module_refuse(&self->base.module, code, cause, value, bound);
}

static int
refuse_argument(struct tenon_damiao_motor *self, float value, float bound, const char *detail)
{
    (void)refuse(self, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, value, bound);
    self->base.module.diag.detail = detail;
    return TENON_ERR_ARG;
}

/* requests */

/* Fill in and queue a request whose owner has it IDLE. `data`: `width` bytes; NULL: zeros. */
static int submit(struct tenon_damiao_motor *self,
                  struct tenon_request *request,
                  uint8_t operation,
                  uint32_t address,
                  uint8_t width,
                  const uint8_t *data)
{
    struct tenon_bus *bus = tenon_wire_bus(self->base.wire);
    request->node = self->device.node;
    request->operation = operation;
    request->address = address;
    request->width = width;
    request->attempts = 0;
    memset(request->data, 0, sizeof request->data);
    if (data != NULL) {
        memcpy(request->data, data, width);
    }
    return tenon_bus_get_api(bus)->submit(bus, request);
}

/* Take a request back from the bus, in whatever state it is. */
static void withdraw(struct tenon_damiao_motor *self, struct tenon_request *request)
{
    struct tenon_bus *bus = tenon_wire_bus(self->base.wire);
    const bool is_under_way =
        request->state == TENON_REQUEST_QUEUED || request->state == TENON_REQUEST_SENT;
    if (is_under_way && bus != NULL) {
        tenon_bus_get_api(bus)->cancel(bus, request);
    }
    request->state = TENON_REQUEST_IDLE;
}

static int refuse_result(struct tenon_damiao_motor *self, int result)
{
    const struct tenon_line *line = tenon_wire_line(self->base.wire);
    const float node = (float)self->device.node;
    switch (result) {
    case TENON_ERR_TIMEOUT:
        return refuse(self, TENON_ERR_TIMEOUT, TENON_CAUSE_NO_REPLY, node,
                      line != NULL ? (float)line->baud : 0.0f);
    case TENON_ERR_PROTO:
        return refuse(self, TENON_ERR_PROTO, TENON_CAUSE_GARBLED_REPLY, node, 0.0f);
    case TENON_ERR_ARG:
    case TENON_ERR_UNSUPPORTED: /* a bus of another protocol */
        return refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_FIELDS, node, 0.0f);
    default:
        return refuse(self, TENON_ERR_IO, TENON_CAUSE_WIRE_DOWN, node, 0.0f);
    }
}

/* Queue this request unless it is under way; TENON_ERR_AGAIN until it is done. */
static int transact(struct tenon_damiao_motor *self,
                    uint8_t operation,
                    uint32_t address,
                    uint8_t width,
                    const uint8_t *data)
{
    struct tenon_request *request = &self->request;
    if (request->state == TENON_REQUEST_DONE) {
        request->state = TENON_REQUEST_IDLE;
        return request->result == TENON_OK ? TENON_OK : refuse_result(self, request->result);
    }
    if (request->state != TENON_REQUEST_IDLE || !tenon_wire_is_up(self->base.wire)) {
        return TENON_ERR_AGAIN;
    }
    const int rc = submit(self, request, operation, address, width, data);
    return rc == TENON_OK ? TENON_ERR_AGAIN : refuse_result(self, rc);
}

static int fetch(struct tenon_damiao_motor *self, uint8_t rid)
{
    return transact(self, TENON_OP_READ, rid, 4, NULL);
}

/* The answer to a write is what the register holds then. */
static int store(struct tenon_damiao_motor *self, uint8_t rid, uint32_t value)
{
    uint8_t bytes[4];
    mit_store32(bytes, value);
    const int rc = transact(self, TENON_OP_WRITE, rid, sizeof bytes, bytes);
    if (rc == TENON_OK && mit_load32(self->request.data) != value) {
        return refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_READBACK, (float)rid, 0.0f);
    }
    return rc;
}

static int ask_state(struct tenon_damiao_motor *self)
{
    return transact(self, TENON_OP_READ, MIT_STATUS, MIT_FRAME_SIZE, NULL);
}

static int send_message(struct tenon_damiao_motor *self, enum mit_address message)
{
    return transact(self, TENON_OP_WRITE, (uint32_t)message, 0, NULL);
}

/* Run a list of steps, one after the other. progress 0: not begun; n: step n runs. A step that goes
 * back sets it. */
static int
run_steps(struct tenon_damiao_motor *self, const step_fn *steps, uint16_t count, tenon_ns_t now)
{
    uint16_t *progress = &self->base.module.progress;
    if (*progress == 0) {
        withdraw(self, &self->request);
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

static bool is_within(float x, float top)
{
    return x > 0.0f && x <= top;
}

static int check_config(struct tenon_damiao_motor *self)
{
    const struct tenon_damiao_motor_config *c = &self->config;
    const bool is_known = c->mode == TENON_MODE_POSITION || c->mode == TENON_MODE_VELOCITY ||
                          c->mode == TENON_MODE_EFFORT;
    if (!is_known) {
        return refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED, (float)c->mode,
                      0.0f);
    }
    if (c->watchdog_ms < WATCHDOG_MIN_MS) {
        return refuse_argument(self, (float)c->watchdog_ms, (float)UINT16_MAX, "watchdog_ms");
    }
    if (!is_within(c->kp, MIT_KP_MAX)) {
        return refuse_argument(self, c->kp, MIT_KP_MAX, "kp");
    }
    if (!is_within(c->kd, MIT_KD_MAX)) {
        return refuse_argument(self, c->kd, MIT_KD_MAX, "kd");
    }
    return TENON_OK;
}

static int attach_device(struct tenon_damiao_motor *self)
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
    struct tenon_damiao_motor *self = from_module(module);
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

static int step_ping(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    self->device.is_listening = false; /* what is not there must not cost wire time */
    const int rc = transact(self, TENON_OP_PING, 0, 0, NULL);
    if (rc == TENON_OK) {
        self->in_field.address = MIT_FEEDBACK + (mit_load32(self->request.data) & 0xFFFFu);
        self->in_field.width = MIT_FRAME_SIZE;
    }
    return rc;
}

/* From here on its answers are known by their identifier. */
static int step_attach(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    struct tenon_bus_device *device = &self->device;
    device->in_fields = &self->in_field;
    device->in_count = 1;
    device->out_fields = out_fields;
    device->out_count = 1;
    return attach_device(self);
}

static int motor_probe(struct tenon_module *module, tenon_ns_t now)
{
    static const step_fn steps[] = {step_ping, step_attach};
    return run_steps(from_module(module), steps, sizeof steps / sizeof steps[0], now);
}

/* configure */

static int step_begin(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    self->was_cleared = false;
    self->expects_torque = false;
    self->has_hold = false;
    self->has_seen = false; /* it may have turned while nobody looked */
    self->base.is_holding = false;
    self->base.mode = self->config.mode;
    self->device.out_is_fresh = false;
    return TENON_OK;
}

static int step_ask(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    return ask_state(self);
}

/* Only a module that has failed before is being put to work again; at the first sight of a motor
 * with an error, the user is told. That nobody spoke to it is no news to us. */
static int step_clear(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    const struct tenon_module *module = &self->base.module;
    const uint8_t status = (uint8_t)self->device.status;
    if (status <= MIT_ENABLED && self->request.state == TENON_REQUEST_IDLE) {
        return TENON_OK;
    }
    const bool again = module->state == TENON_MODULE_RECOVERING || module->fault_count > 0;
    if (self->request.state == TENON_REQUEST_IDLE &&
        (self->was_cleared || (!again && status != MIT_SILENCE))) {
        return tenon__damiao_refuse_fault(self, status);
    }
    const int rc = send_message(self, MIT_CLEAR);
    if (rc == TENON_OK) {
        self->was_cleared = true;
        self->clear_count++;
        self->base.module.progress = 2; /* step_ask */
        return TENON_ERR_AGAIN;
    }
    return rc;
}

static bool has_torque(const struct tenon_damiao_motor *self)
{
    return self->device.status == MIT_ENABLED;
}

static int step_read_mode(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    const int rc = fetch(self, RID_CTRL_MODE);
    if (rc == TENON_OK) {
        self->found_mode = mit_load32(self->request.data);
    }
    return rc;
}

static int step_drop_torque(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    const bool is_idle = self->request.state == TENON_REQUEST_IDLE;
    if (is_idle && (self->found_mode == CTRL_MODE_MIT || !has_torque(self))) {
        return TENON_OK;
    }
    if (!self->config.allow_torque_off) {
        (void)refuse(self, TENON_ERR_STATE, TENON_CAUSE_TORQUE_HELD, (float)RID_CTRL_MODE, 0.0f);
        self->base.module.diag.detail = "control mode";
        return TENON_ERR_STATE;
    }
    const int rc = send_message(self, MIT_DISABLE);
    if (rc == TENON_OK && has_torque(self)) {
        return refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_READBACK, (float)MIT_DISABLE, 0.0f);
    }
    return rc;
}

static int step_write_mode(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    return self->found_mode == CTRL_MODE_MIT ? TENON_OK : store(self, RID_CTRL_MODE, CTRL_MODE_MIT);
}

static int fetch_range(struct tenon_damiao_motor *self, uint8_t rid, float *out_range)
{
    const int rc = fetch(self, rid);
    if (rc != TENON_OK) {
        return rc;
    }
    const float range = mit_load_float(self->request.data);
    if (!is_within(range, FLT_MAX)) {
        return refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_READBACK, (float)rid, 0.0f);
    }
    *out_range = range;
    return TENON_OK;
}

static int step_read_p(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    return fetch_range(self, RID_P_MAX, &self->p_max_rad);
}

static int step_read_v(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    return fetch_range(self, RID_V_MAX, &self->v_max_rad_s);
}

static int step_read_t(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    return fetch_range(self, RID_T_MAX, &self->t_max_nm);
}

/* The state that has just been answered. */
static struct mit_answer take_state(struct tenon_damiao_motor *self)
{
    return tenon__damiao_decode(self, self->request.data);
}

static int step_find(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    const bool is_idle = self->request.state == TENON_REQUEST_IDLE;
    if (is_idle && !has_torque(self)) {
        return TENON_OK;
    }
    const int rc = ask_state(self);
    if (rc == TENON_OK) {
        const struct mit_answer found = take_state(self);
        tenon__damiao_hold_as_found(self, &found);
    }
    return rc;
}

static int send_hold(struct tenon_damiao_motor *self)
{
    uint8_t bytes[MIT_FRAME_SIZE];
    tenon__damiao_pack_hold(self, bytes);
    return transact(self, TENON_OP_WRITE, MIT_COMMAND, sizeof bytes, bytes);
}

/* Before the watchdog, which may count from the newest command of a host that is long gone. */
static int step_take_over(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    const bool is_idle = self->request.state == TENON_REQUEST_IDLE;
    return is_idle && !has_torque(self) ? TENON_OK : send_hold(self);
}

/* It had this value once: it has been without power since, and where it counted from is lost. */
static void note_power_loss(struct tenon_damiao_motor *self)
{
    if (self->watchdog_is_set) {
        self->base.is_unhomed = 1;
        self->turns = 0;
        self->has_seen = false;
        self->watchdog_is_set = false;
    }
}

/* Last: from here on the cycle must keep it fed. */
static int step_watchdog(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    const uint32_t wanted = (uint32_t)self->config.watchdog_ms * TIMEOUT_PER_MS;
    const bool is_writing =
        self->request.state != TENON_REQUEST_IDLE && self->request.operation == TENON_OP_WRITE;
    if (self->config.no_watchdog) {
        return TENON_OK;
    }
    if (!is_writing) {
        const int rc = fetch(self, RID_TIMEOUT);
        if (rc != TENON_OK || mit_load32(self->request.data) == wanted) {
            return rc;
        }
        note_power_loss(self);
    }
    const int rc = store(self, RID_TIMEOUT, wanted);
    self->watchdog_is_set |= rc == TENON_OK;
    return rc;
}

static int step_finish(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    struct tenon_motor_limits *limits = &self->base.limits;
    const bool is_position = self->config.mode == TENON_MODE_POSITION;
    const double end = is_position ? DAMIAO_POSITION_PART * (double)self->p_max_rad : DBL_MAX;
    limits->position_min_rad = -end;
    limits->position_max_rad = end;
    limits->velocity_max_rad_s = self->v_max_rad_s;
    limits->velocity_top_rad_s = self->v_max_rad_s;
    limits->effort_max_nm = self->t_max_nm;
    self->seen_sequence = self->device.in_sequence;
    self->device.is_listening = true;
    self->base.is_holding = has_torque(self);
    self->expects_torque = self->base.is_holding;
    self->was_configured = true;
    return TENON_OK;
}

static int motor_configure(struct tenon_module *module, tenon_ns_t now)
{
    static const step_fn steps[] = {
        step_begin,      step_ask,      step_clear,  step_read_mode, step_drop_torque,
        step_write_mode, step_read_p,   step_read_v, step_read_t,    step_find,
        step_take_over,  step_watchdog, step_finish,
    };
    return run_steps(from_module(module), steps, sizeof steps / sizeof steps[0], now);
}

/* activate: what was never saved is looked at again, for it may have been without power; then goal
 * := present, enable, and the goal once more, which firmware may have forgotten */

enum { STEP_LOOK = 4 /* in the list of activate, counted from 1 */ };

static void hold_here(struct tenon_damiao_motor *self, const struct mit_answer *answer)
{
    self->hold_rad = answer->p_rad;
    self->hold_rad_s = 0.0f;
    self->hold_nm = 0.0f;
    self->has_hold = true;
}

static int refuse_error(struct tenon_damiao_motor *self, const struct mit_answer *answer)
{
    const bool is_error = answer->status > MIT_ENABLED && answer->status != MIT_SILENCE;
    return is_error ? tenon__damiao_refuse_fault(self, answer->status) : TENON_OK;
}

static int step_look(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    withdraw(self, &self->safe); /* of a stop that was given up: it must not end this one */
    const int rc = ask_state(self);
    if (rc != TENON_OK) {
        return rc;
    }
    const struct mit_answer answer = take_state(self);
    self->base.is_holding = self->base.is_holding && answer.status == MIT_ENABLED;
    if (!self->base.is_holding) {
        self->expects_torque = false;
        self->device.out_is_fresh = false;
        hold_here(self, &answer);
    } else if (!self->has_hold) {
        tenon__damiao_hold_as_found(self, &answer);
    }
    if (self->turns != 0 && self->config.mode == TENON_MODE_POSITION) {
        return tenon__damiao_refuse_turns(self, TENON_ERR_STATE);
    }
    return refuse_error(self, &answer);
}

/* Without torque it was asked for its state only, which is no command to it. */
static int step_wake(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    const bool is_idle = self->request.state == TENON_REQUEST_IDLE;
    if (is_idle && self->device.status != MIT_SILENCE) {
        return TENON_OK;
    }
    const int rc = send_message(self, MIT_CLEAR);
    if (rc == TENON_OK) {
        self->base.module.progress = STEP_LOOK;
        return TENON_ERR_AGAIN;
    }
    return rc;
}

/* The goal before the torque, for firmware that heeds it; whatever it had in mind counts no more. A
 * limp joint sinks: what moves is waited for until it stands. */
static int step_aim(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    if (self->base.is_holding) {
        return TENON_OK;
    }
    const int rc = send_hold(self);
    if (rc != TENON_OK) {
        return rc;
    }
    const float speed = take_state(self).v_rad_s;
    if (self->config.mode == TENON_MODE_POSITION && (speed > STILL_RAD_S || speed < -STILL_RAD_S)) {
        self->base.module.progress = STEP_LOOK;
        return TENON_ERR_AGAIN;
    }
    return TENON_OK;
}

static int step_enable(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    if (self->base.is_holding) {
        return TENON_OK;
    }
    self->until_ns = now + ENABLE_MAX_NS;
    return send_message(self, MIT_ENABLE);
}

/* As a rule the answer to enable says so at once, and every further question may be time without a
 * goal. */
static int step_check_enabled(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    if (self->base.is_holding) {
        return TENON_OK;
    }
    if (self->request.state != TENON_REQUEST_IDLE || self->device.status == MIT_DISABLED) {
        if (now >= self->until_ns) {
            return refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_READBACK, (float)MIT_ENABLE, 0.0f);
        }
        const int rc = ask_state(self);
        return rc == TENON_OK ? TENON_ERR_AGAIN : rc;
    }
    const struct mit_answer answer = take_state(self);
    hold_here(self, &answer);
    return refuse_error(self, &answer);
}

/* The answer to it says that it has torque and where it is. */
static int step_hold(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    if (self->base.is_holding) {
        return TENON_OK;
    }
    const int rc = send_hold(self);
    if (rc != TENON_OK) {
        return rc;
    }
    const struct mit_answer answer = take_state(self);
    return answer.status == MIT_ENABLED ? TENON_OK
                                        : tenon__damiao_refuse_fault(self, answer.status);
}

/* What the motor now follows, for the core to begin there. */
static int step_tell_goal(struct tenon_damiao_motor *self, tenon_ns_t now)
{
    (void)now;
    struct tenon_motor *motor = &self->base;
    self->expects_torque = true;
    tenon__damiao_pack_hold(self, self->device.out);
    motor->has_command = self->config.mode == TENON_MODE_POSITION;
    if (motor->has_command) {
        motor->command =
            (struct tenon_motor_command){.position_rad = self->hold_rad, .mode = motor->mode};
    }
    return TENON_OK;
}

static int motor_activate(struct tenon_module *module, tenon_ns_t now)
{
    static const step_fn steps[] = {
        step_read_mode, step_write_mode, step_watchdog,      step_look, step_wake,
        step_aim,       step_enable,     step_check_enabled, step_hold, step_tell_goal,
    };
    return run_steps(from_module(module), steps, sizeof steps / sizeof steps[0], now);
}

/* make_safe */

/* What led to the stop says more than that the stop could not be sent. */
static int refuse_safe(struct tenon_damiao_motor *self, int result)
{
    const struct tenon_diag before = self->base.module.diag;
    const int rc = refuse_result(self, result);
    if (before.code != TENON_OK) {
        self->base.module.diag = before;
    }
    return rc;
}

static int submit_safe(struct tenon_damiao_motor *self)
{
    const int rc = submit(self, &self->safe, TENON_OP_TORQUE_OFF, 0, 0, NULL);
    return rc == TENON_OK ? TENON_ERR_AGAIN : refuse_safe(self, rc);
}

/* The answer says whether it has let go; one that was late may say otherwise, and a further try
 * shows. */
static int end_safe(struct tenon_damiao_motor *self)
{
    self->safe.state = TENON_REQUEST_IDLE;
    if (self->safe.result != TENON_OK) {
        return refuse_safe(self, self->safe.result);
    }
    if (self->safe.status != MIT_ENABLED) {
        return TENON_OK;
    }
    if (++self->safe_tries < SAFE_TRIES_MAX) {
        return submit_safe(self);
    }
    self->safe_tries = 0;
    return refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_READBACK, (float)MIT_DISABLE, 0.0f);
}

static int motor_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    (void)now;
    struct tenon_damiao_motor *self = from_module(module);
    self->device.out_is_fresh = false;
    self->base.is_holding = false;
    self->expects_torque = false;
    if (!self->is_attached || tenon_wire_bus(self->base.wire) == NULL) {
        return TENON_OK; /* nothing of ours ever reached it */
    }
    withdraw(self, &self->request);
    if (self->safe.state == TENON_REQUEST_DONE) {
        return end_safe(self);
    }
    if (self->safe.state != TENON_REQUEST_IDLE) {
        return TENON_ERR_AGAIN;
    }
    if (!tenon_wire_is_up(self->base.wire)) {
        return refuse_safe(self, TENON_ERR_IO);
    }
    self->safe_tries = 0;
    return submit_safe(self);
}

static void motor_release(struct tenon_module *module)
{
    struct tenon_damiao_motor *self = from_module(module);
    withdraw(self, &self->request);
    withdraw(self, &self->safe);
    self->device.is_listening = false;
    self->device.out_is_fresh = false;
}

const struct tenon_lifecycle_api tenon__damiao_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .attach = motor_attach,
    .probe = motor_probe,
    .configure = motor_configure,
    .activate = motor_activate,
    .make_safe = motor_make_safe,
    .release = motor_release,
};
