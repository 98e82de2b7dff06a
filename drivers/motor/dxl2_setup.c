/* What the steps of a Dynamixel X servo's life share: requests, refusals, and how steps are run. */
#include "dxl2_setup.h"

#include <string.h>

#define ALERT 0x80u

int tenon__dxl2_refuse(struct tenon_dxl2_motor *self,
                       enum tenon_err code,
                       enum tenon_cause cause,
                       float value,
                       float bound)
{
    return tenon_module_refuse(&self->base.module, code, cause, value, bound);
}

int tenon__dxl2_refuse_detail(struct tenon_dxl2_motor *self,
                              enum tenon_err code,
                              enum tenon_cause cause,
                              float value,
                              float bound,
                              const char *detail)
{
    (void)tenon__dxl2_refuse(self, code, cause, value, bound);
    self->base.module.diag.detail = detail;
    return code;
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
    const char *detail = "hardware error";
    for (size_t i = sizeof errors / sizeof errors[0]; i-- > 0;) {
        detail = (bits & errors[i].bit) != 0 ? errors[i].words : detail;
    }
    return tenon__dxl2_refuse_detail(self, TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_FAULT, (float)bits,
                                     0.0f, detail);
}

int tenon__dxl2_refuse_result(struct tenon_dxl2_motor *self, int result)
{
    const struct tenon_line *line = tenon_wire_line(self->base.wire);
    const float node = (float)self->device.node;
    switch (result) {
    case TENON_ERR_TIMEOUT:
        return tenon__dxl2_refuse(self, TENON_ERR_TIMEOUT, TENON_CAUSE_NO_REPLY, node,
                                  line != NULL ? (float)line->baud : 0.0f);
    case TENON_ERR_PROTO:
        return tenon__dxl2_refuse(self, TENON_ERR_PROTO, TENON_CAUSE_GARBLED_REPLY, node, 0.0f);
    case TENON_ERR_DEVICE:
        return tenon__dxl2_refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_REFUSED,
                                  (float)(self->request.status & ~ALERT),
                                  (float)self->request.address);
    default:
        return tenon__dxl2_refuse(self, TENON_ERR_IO, TENON_CAUSE_WIRE_DOWN, node, 0.0f);
    }
}

int32_t tenon__dxl2_wrapped(const struct tenon_dxl2_motor *self, int32_t ticks)
{
    if (dxl2_layout(self)->counts_turns) {
        return ticks;
    }
    const uint32_t turned = (uint32_t)ticks - (uint32_t)self->homing_ticks;
    return (int32_t)(turned % DXL2_TICKS_PER_TURN) + self->homing_ticks;
}

/* requests */

bool tenon__dxl2_is_under_way(const struct tenon_dxl2_motor *self)
{
    const uint8_t state = self->request.state;
    return state == TENON_REQUEST_QUEUED || state == TENON_REQUEST_SENT;
}

void tenon__dxl2_withdraw(struct tenon_dxl2_motor *self)
{
    struct tenon_bus *bus = tenon_wire_bus(self->base.wire);
    if (tenon__dxl2_is_under_way(self) && bus != NULL) {
        tenon_bus_get_api(bus)->cancel(bus, &self->request);
    }
    self->request.state = TENON_REQUEST_IDLE;
}

int tenon__dxl2_ask(struct tenon_dxl2_motor *self,
                    enum dxl2_purpose purpose,
                    const struct dxl2_access *access,
                    uint32_t value)
{
    struct tenon_bus *bus = tenon_wire_bus(self->base.wire);
    struct tenon_request *request = &self->request;
    tenon__dxl2_withdraw(self);
    self->purpose = (uint8_t)purpose;
    request->node = self->device.node;
    request->operation = access->operation;
    request->address = access->address;
    request->width = access->width;
    request->attempts = 0;
    memset(request->data, 0, sizeof request->data);
    dxl2_store32(request->data, value);
    return tenon_bus_get_api(bus)->submit(bus, request);
}

int tenon__dxl2_collect(struct tenon_dxl2_motor *self, enum dxl2_purpose purpose)
{
    struct tenon_request *request = &self->request;
    if (self->purpose != purpose || request->state == TENON_REQUEST_IDLE) {
        return TENON_ERR_STATE;
    }
    if (request->state != TENON_REQUEST_DONE) {
        return TENON_ERR_AGAIN;
    }
    request->state = TENON_REQUEST_IDLE;
    const bool is_alert_only = (request->status & ~ALERT) == 0;
    return request->result == TENON_ERR_DEVICE && is_alert_only ? TENON_OK : request->result;
}

int tenon__dxl2_exchange(struct tenon_dxl2_motor *self,
                         const struct dxl2_access *access,
                         uint32_t value)
{
    const int rc = tenon__dxl2_collect(self, DXL2_FOR_STEP);
    if (rc != TENON_ERR_STATE) {
        return rc;
    }
    if (!tenon_wire_is_up(self->base.wire)) {
        return TENON_ERR_AGAIN;
    }
    const int submitted = tenon__dxl2_ask(self, DXL2_FOR_STEP, access, value);
    return submitted == TENON_OK ? TENON_ERR_AGAIN : submitted;
}

int tenon__dxl2_transact(struct tenon_dxl2_motor *self,
                         const struct dxl2_access *access,
                         uint32_t value)
{
    const int rc = tenon__dxl2_exchange(self, access, value);
    return rc == TENON_OK || rc == TENON_ERR_AGAIN ? rc : tenon__dxl2_refuse_result(self, rc);
}

int tenon__dxl2_fetch(struct tenon_dxl2_motor *self, uint16_t address, uint8_t width)
{
    const struct dxl2_access access = {TENON_OP_READ, width, address};
    return tenon__dxl2_transact(self, &access, 0);
}

int tenon__dxl2_store(struct tenon_dxl2_motor *self,
                      uint16_t address,
                      uint8_t width,
                      uint32_t value)
{
    const struct dxl2_access access = {TENON_OP_WRITE, width, address};
    return tenon__dxl2_transact(self, &access, value);
}

/* steps */

static int run_step(struct tenon_dxl2_motor *self, const struct dxl2_step *step, tenon_ns_t now)
{
    if (step->access.operation != 0) {
        const int rc = tenon__dxl2_transact(self, &step->access, 0);
        if (rc != TENON_OK) {
            return rc;
        }
    }
    return step->take(self, now);
}

int tenon__dxl2_run(struct tenon_dxl2_motor *self,
                    const struct dxl2_step *steps,
                    uint16_t count,
                    tenon_ns_t now)
{
    uint16_t *progress = &self->base.module.progress;
    if (*progress == 0) {
        tenon__dxl2_withdraw(self);
        *progress = 1;
    }
    while (*progress <= count) {
        const int rc = run_step(self, &steps[*progress - 1], now);
        if (rc != TENON_OK) {
            return rc;
        }
        *progress = (uint16_t)(*progress + 1);
    }
    return TENON_OK;
}
