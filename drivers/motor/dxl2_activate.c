/* Torque on without a jump, and off, of a Dynamixel X servo. */
#include "dxl2_setup.h"

#include <string.h>

/* How far the horn may turn between reading where it is and torque coming on: less than a degree.
 */
#define HOLD_TOLERANCE_TICKS 8

/* activate: goal := present, read back, enable */

/* A stop that was given up was withdrawn as activation began: it must not end that. */
static int take_look(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    self->device.out_is_fresh = false;
    self->base.is_holding = self->base.is_holding && self->request.data[0] != 0;
    return TENON_OK;
}

static int read_present(struct tenon_dxl2_motor *self, int32_t *out_ticks)
{
    const int rc = tenon__dxl2_fetch(self, DXL2_PRESENT_POSITION, 4);
    if (rc == TENON_OK) {
        *out_ticks = tenon__dxl2_wrapped(self, (int32_t)dxl2_load32(self->request.data));
    }
    return rc;
}

static bool moves_by_position(const struct tenon_dxl2_motor *self)
{
    return !self->base.is_holding && dxl2_layout(self)->has_goal_position;
}

static bool is_near(int32_t a, int32_t b)
{
    return a - b <= HOLD_TOLERANCE_TICKS && b - a <= HOLD_TOLERANCE_TICKS;
}

static int find_hold(struct tenon_dxl2_motor *self, tenon_ns_t now)
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
    self->hold_ticks = tenon__dxl2_clamp_goal(self, present);
    if (!is_near(self->hold_ticks, present)) {
        return tenon__dxl2_refuse(self, TENON_ERR_STATE, TENON_CAUSE_GOAL_OUTSIDE_LIMITS,
                                  (float)dxl2_position_rad(present),
                                  (float)dxl2_position_rad(self->hold_ticks));
    }
    return TENON_OK;
}

static int write_cap(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    if (self->base.is_holding || self->config.mode != TENON_MODE_EFFORT_POSITION) {
        return TENON_OK;
    }
    return tenon__dxl2_store(self, DXL2_GOAL_CURRENT, 2, self->current_limit_ticks);
}

static int write_goal(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const struct dxl2_layout *layout = dxl2_layout(self);
    return self->base.is_holding ? TENON_OK
                                 : tenon__dxl2_store(self, layout->goal_address, layout->goal_width,
                                                     tenon__dxl2_hold_goal(self));
}

/* Whether a register reads back as it was written. */
static int check(struct tenon_dxl2_motor *self, uint16_t address, uint8_t width, uint32_t value)
{
    uint8_t wanted[4];
    const int rc = tenon__dxl2_fetch(self, address, width);
    dxl2_store32(wanted, value);
    if (rc == TENON_OK && memcmp(wanted, self->request.data, width) != 0) {
        return tenon__dxl2_refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_READBACK, (float)address,
                                  0.0f);
    }
    return rc;
}

static int check_goal(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    const struct dxl2_layout *layout = dxl2_layout(self);
    return self->base.is_holding
               ? TENON_OK
               : check(self, layout->goal_address, layout->goal_width, tenon__dxl2_hold_goal(self));
}

/* The requests before may have taken long, and a limp joint sinks: what moves is followed until it
 * stands. */
static int check_still(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    int32_t present = 0;
    if (!moves_by_position(self)) {
        return TENON_OK;
    }
    const int rc = read_present(self, &present);
    if (rc == TENON_OK && !is_near(present, self->hold_ticks)) {
        self->base.module.progress = 2; /* find_hold */
        return TENON_ERR_AGAIN;
    }
    return rc;
}

static int enable(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    return self->base.is_holding ? TENON_OK : tenon__dxl2_store(self, DXL2_TORQUE_ENABLE, 1, 1);
}

static int check_enabled(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    return self->base.is_holding ? TENON_OK : check(self, DXL2_TORQUE_ENABLE, 1, 1);
}

/* What the servo now follows, for the core to begin there. */
static int tell_goal(struct tenon_dxl2_motor *self, tenon_ns_t now)
{
    (void)now;
    struct tenon_motor *motor = &self->base;
    const struct dxl2_layout *layout = dxl2_layout(self);
    motor->has_command = false;
    if (!layout->has_goal_position && motor->mode != TENON_MODE_VELOCITY) {
        return TENON_OK;
    }
    const int rc = tenon__dxl2_fetch(self, layout->goal_address, 4);
    if (rc == TENON_OK) {
        const int32_t goal = (int32_t)dxl2_load32(self->request.data);
        motor->command = (struct tenon_motor_command){.mode = motor->mode};
        if (layout->has_goal_position) {
            motor->command.position_rad = dxl2_position_rad(goal);
        } else {
            motor->command.velocity_rad_s = (float)goal * DXL2_VELOCITY_UNIT_RAD_S;
        }
        motor->has_command = true;
    }
    return rc;
}

static int activate(struct tenon_module *module, tenon_ns_t now)
{
    static const struct dxl2_step steps[] = {
        {{TENON_OP_READ, 1, DXL2_TORQUE_ENABLE}, take_look},
        {{0, 0, 0}, find_hold},
        {{0, 0, 0}, write_cap},
        {{0, 0, 0}, write_goal},
        {{0, 0, 0}, check_goal},
        {{0, 0, 0}, check_still},
        {{0, 0, 0}, enable},
        {{0, 0, 0}, check_enabled},
        {{0, 0, 0}, tell_goal},
    };
    return tenon__dxl2_run(dxl2_from_module(module), steps, sizeof steps / sizeof steps[0], now);
}

/* make_safe */

/* What led to the stop says more than that the stop could not be sent. */
static int refuse_safe(struct tenon_dxl2_motor *self, int result)
{
    const struct tenon_diag before = self->base.module.diag;
    const int rc = tenon__dxl2_refuse_result(self, result);
    if (before.code != TENON_OK) {
        self->base.module.diag = before;
    }
    return rc;
}

static int make_safe(struct tenon_module *module, tenon_ns_t now)
{
    static const struct dxl2_access torque_off = {TENON_OP_TORQUE_OFF, 1, DXL2_TORQUE_ENABLE};
    (void)now;
    struct tenon_dxl2_motor *self = dxl2_from_module(module);
    self->device.out_is_fresh = false;
    self->base.is_holding = false;
    if (!self->is_attached || tenon_wire_bus(self->base.wire) == NULL) {
        return TENON_OK; /* nothing of ours ever reached it */
    }
    int rc = tenon__dxl2_collect(self, DXL2_FOR_SAFE);
    if (rc == TENON_ERR_STATE) {
        rc = tenon_wire_is_up(self->base.wire)
                 ? tenon__dxl2_ask(self, DXL2_FOR_SAFE, &torque_off, 0)
                 : TENON_ERR_IO;
        rc = rc == TENON_OK ? TENON_ERR_AGAIN : rc;
    }
    return rc == TENON_OK || rc == TENON_ERR_AGAIN ? rc : refuse_safe(self, rc);
}

static void release(struct tenon_module *module)
{
    struct tenon_dxl2_motor *self = dxl2_from_module(module);
    tenon__dxl2_withdraw(self);
    self->device.is_listening = false;
    self->device.out_is_fresh = false;
}

const struct tenon_lifecycle_api tenon__dxl2_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .attach = tenon__dxl2_attach_motor,
    .probe = tenon__dxl2_probe,
    .configure = tenon__dxl2_configure,
    .activate = activate,
    .make_safe = make_safe,
    .release = release,
};
