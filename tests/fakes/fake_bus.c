#include "fake_bus.h"

#include <string.h>

#define DEVICE_ERROR_ADDRESS 7 /* beyond the table */

static struct fake_bus *from_bus(struct tenon_bus *bus)
{
    return TENON_CONTAINER_OF(bus, struct fake_bus, base);
}

static struct fake_node *find_node(struct fake_bus *self, uint32_t number)
{
    for (uint32_t i = 0; i < self->node_count; i++) {
        if (self->nodes[i].number == number) {
            return &self->nodes[i];
        }
    }
    return NULL;
}

static struct tenon_bus_device *find_device(struct fake_bus *self, uint32_t number)
{
    for (size_t i = 0; i < FAKE_BUS_DEVICES; i++) {
        if (self->devices[i] != NULL && self->devices[i]->node == number) {
            return self->devices[i];
        }
    }
    return NULL;
}

static bool is_in_table(uint32_t address, uint32_t width)
{
    return address < FAKE_NODE_TABLE && width <= FAKE_NODE_TABLE - address;
}

/* devices */

static uint32_t total(const struct tenon_field *fields, uint8_t count)
{
    uint32_t bytes = 0;
    for (uint8_t i = 0; i < count; i++) {
        bytes += fields[i].width;
    }
    return bytes;
}

static int fake_attach(struct tenon_bus *bus, struct tenon_bus_device *device)
{
    struct fake_bus *self = from_bus(bus);
    if (self->attach_result != TENON_OK) {
        return tenon_module_refuse(&bus->module, (enum tenon_err)self->attach_result,
                                   TENON_CAUSE_NODE_TAKEN, (float)device->node, 0.0f);
    }
    if (total(device->in_fields, device->in_count) > device->in_capacity ||
        total(device->out_fields, device->out_count) > device->out_capacity ||
        device->in_capacity > sizeof self->in[0] || device->out_capacity > sizeof self->out[0]) {
        return tenon_module_refuse(&bus->module, TENON_ERR_ARG, TENON_CAUSE_FIELDS, 0.0f, 0.0f);
    }
    size_t free_at = FAKE_BUS_DEVICES;
    for (size_t i = FAKE_BUS_DEVICES; i-- > 0;) {
        if (self->devices[i] == device) {
            return TENON_OK;
        }
        free_at = self->devices[i] == NULL ? i : free_at;
    }
    if (free_at == FAKE_BUS_DEVICES || find_device(self, device->node) != NULL) {
        return tenon_module_refuse(&bus->module, TENON_ERR_ARG, TENON_CAUSE_NODE_TAKEN,
                                   (float)device->node, 0.0f);
    }
    self->devices[free_at] = device;
    device->in = self->in[free_at];
    device->out = self->out[free_at];
    return TENON_OK;
}

static void unlink_request(struct fake_bus *self, const struct tenon_request *request)
{
    struct tenon_request **at = &self->queue;
    if (*at == request) {
        self->waited = 0;
    }
    while (*at != NULL && *at != request) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = request->next;
    }
}

static void fake_cancel(struct tenon_bus *bus, struct tenon_request *request)
{
    unlink_request(from_bus(bus), request);
    request->state = TENON_REQUEST_IDLE;
}

static void fake_detach(struct tenon_bus *bus, struct tenon_bus_device *device)
{
    struct fake_bus *self = from_bus(bus);
    for (size_t i = 0; i < FAKE_BUS_DEVICES; i++) {
        if (self->devices[i] == device) {
            self->devices[i] = NULL;
        }
    }
}

/* requests */

static int fake_submit(struct tenon_bus *bus, struct tenon_request *request)
{
    struct fake_bus *self = from_bus(bus);
    struct tenon_request **at = &self->queue;
    if (request->state == TENON_REQUEST_QUEUED || request->state == TENON_REQUEST_SENT) {
        self->bad_submit_count++;
        return TENON_ERR_STATE;
    }
    if (request->width > TENON_REQUEST_DATA || request->operation == 0) {
        return TENON_ERR_ARG;
    }
    while (*at != NULL && request->operation != TENON_OP_TORQUE_OFF) {
        at = &(*at)->next;
    }
    request->next = *at;
    *at = request;
    request->state = TENON_REQUEST_QUEUED;
    return TENON_OK;
}

static int obey_write(struct fake_node *node, const struct tenon_request *r)
{
    if (!is_in_table(r->address, r->width)) {
        return DEVICE_ERROR_ADDRESS;
    }
    if (node->rules != NULL && node->rules->write != NULL) {
        const int error = node->rules->write(node, r->address, r->width, r->data);
        if (error != 0) {
            node->refused_count++;
            return error;
        }
    }
    memcpy(&node->table[r->address], r->data, r->width);
    node->write_count++;
    node->torque_off_count += r->operation == TENON_OP_TORQUE_OFF ? 1 : 0;
    if (node->rules != NULL && node->rules->written != NULL) {
        node->rules->written(node, r->address, r->width);
    }
    return 0;
}

/* @return The device's error number. */
static int obey(struct fake_node *node, struct tenon_request *r)
{
    switch ((enum tenon_operation)r->operation) {
    case TENON_OP_READ:
        if (!is_in_table(r->address, r->width)) {
            return DEVICE_ERROR_ADDRESS;
        }
        memcpy(r->data, &node->table[r->address], r->width);
        return 0;
    case TENON_OP_PING:
        memcpy(r->data, node->ping, sizeof node->ping);
        return 0;
    case TENON_OP_REBOOT:
        if (node->rules != NULL && node->rules->reboot != NULL) {
            node->rules->reboot(node);
        }
        return 0;
    case TENON_OP_WRITE:
    case TENON_OP_TORQUE_OFF:
        return obey_write(node, r);
    }
    return 2;
}

static bool is_write(const struct tenon_request *r)
{
    return r->operation == TENON_OP_WRITE || r->operation == TENON_OP_TORQUE_OFF;
}

static int failure_result(uint8_t failure)
{
    switch ((enum fake_failure)failure) {
    case FAKE_FAIL_PROTO:
        return TENON_ERR_PROTO;
    case FAKE_FAIL_IO:
        return TENON_ERR_IO;
    case FAKE_FAIL_DEVICE:
        return TENON_ERR_DEVICE;
    case FAKE_FAIL_LOST:
    case FAKE_FAIL_DROP:
    default:
        return TENON_ERR_TIMEOUT;
    }
}

/* @return Whether this is the request that is to fail. */
static bool count_down(struct fake_bus *self)
{
    if (self->fail_at == 0) {
        return false;
    }
    self->fail_at--;
    return self->fail_at == 0;
}

static int carry_out(struct fake_bus *self, struct tenon_request *r)
{
    struct fake_node *node = find_node(self, r->node);
    const bool fails = count_down(self);
    const bool arrives =
        !fails || self->failure == FAKE_FAIL_DROP || self->failure == FAKE_FAIL_PROTO;
    const bool hears = node != NULL && !node->is_silent && node->ignored_polls == 0;
    r->status = 0;
    if (hears && fails && self->failure == FAKE_FAIL_DEVICE) {
        r->status = (uint16_t)(1u | node->alert);
        return TENON_ERR_DEVICE;
    }
    if (!hears || !arrives) {
        return fails ? failure_result(self->failure) : TENON_ERR_TIMEOUT;
    }
    const int error = obey(node, r);
    if (fails) {
        return failure_result(self->failure);
    }
    if (self->drop_all || (node->is_deaf_to_writes && is_write(r))) {
        return TENON_ERR_TIMEOUT;
    }
    r->status = (uint16_t)((unsigned)error | node->alert);
    return error != 0 ? TENON_ERR_DEVICE : TENON_OK;
}

static int
fake_poll(struct tenon_bus *bus, struct tenon_line *line, tenon_ns_t now, tenon_ns_t *io_deadline)
{
    struct fake_bus *self = from_bus(bus);
    struct tenon_request *r = self->queue;
    (void)now;
    (void)io_deadline;
    for (uint32_t i = 0; i < self->node_count; i++) {
        self->nodes[i].ignored_polls -= self->nodes[i].ignored_polls > 0 ? 1 : 0;
    }
    if (r == NULL || (self->is_stuck && line != NULL)) {
        return TENON_OK;
    }
    r->state = TENON_REQUEST_SENT;
    self->waited++;
    if (line != NULL && self->waited < self->polls_per_request) {
        return TENON_OK;
    }
    unlink_request(self, r);
    self->waited = 0;
    r->result = (int16_t)(line != NULL ? carry_out(self, r) : TENON_ERR_IO);
    r->state = TENON_REQUEST_DONE;
    self->request_count++;
    return TENON_OK;
}

/* cycle */

static void exchange_out(struct tenon_bus_device *device, struct fake_node *node)
{
    const uint8_t *from = device->out;
    struct tenon_request write = {.operation = TENON_OP_WRITE};
    for (uint8_t i = 0; i < device->out_count; i++) {
        const struct tenon_field *field = &device->out_fields[i];
        write.address = field->address;
        write.width = field->width;
        memcpy(write.data, from, field->width);
        from += field->width;
        if (obey_write(node, &write) == 0) {
            node->write_count--; /* it is counted as a cyclic one */
        }
    }
    node->cyclic_write_count++;
}

static void exchange_in(struct tenon_bus_device *device,
                        const struct fake_node *node,
                        uint8_t *window,
                        tenon_ns_t now)
{
    for (uint8_t i = 0; i < device->in_count; i++) {
        const struct tenon_field *field = &device->in_fields[i];
        memcpy(window, &node->table[field->address], field->width);
        window += field->width;
    }
    device->in_sequence++;
    device->in_stamp_ns = now;
    device->status = node->alert;
    device->in_error = TENON_OK;
    device->counters.reply_count++;
}

static void fake_stage(struct tenon_bus *bus, uint32_t cycle, tenon_ns_t now)
{
    struct fake_bus *self = from_bus(bus);
    (void)cycle;
    for (size_t i = 0; i < FAKE_BUS_DEVICES; i++) {
        struct tenon_bus_device *device = self->devices[i];
        struct fake_node *node = device != NULL ? find_node(self, device->node) : NULL;
        if (device == NULL) {
            continue;
        }
        const bool hears = node != NULL && !node->is_silent && node->ignored_polls == 0;
        if (device->out_is_fresh && hears) {
            exchange_out(device, node);
        }
        device->out_is_fresh = false;
        if (device->is_listening && hears && !self->drop_all) {
            exchange_in(device, node, self->in[i], now);
        } else if (device->is_listening) {
            device->in_error = TENON_ERR_TIMEOUT;
            device->counters.missed_count++;
        }
    }
    self->base.counters.cycle_count++;
}

static int fake_safe_frame(const struct tenon_bus *self,
                           enum tenon_stop_category category,
                           const uint8_t **out_bytes)
{
    static const uint8_t stop[] = {0xAA};
    (void)self;
    (void)category;
    *out_bytes = stop;
    return (int)sizeof stop;
}

static int fake_step(struct tenon_module *self, tenon_ns_t now)
{
    (void)self;
    (void)now;
    return TENON_OK;
}

static int fake_line_read(struct tenon_line *self, uint8_t *out, size_t capacity, tenon_ns_t now)
{
    (void)self;
    (void)out;
    (void)capacity;
    (void)now;
    return 0;
}

static int
fake_line_write(struct tenon_line *self, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    (void)self;
    (void)bytes;
    (void)now;
    return (int)count;
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = fake_step,
    .make_safe = fake_step,
};

static const struct tenon_bus_api bus_api = {
    .head = TENON_API_HEAD(struct tenon_bus_api),
    .attach = fake_attach,
    .detach = fake_detach,
    .submit = fake_submit,
    .cancel = fake_cancel,
    .stage = fake_stage,
    .poll = fake_poll,
    .safe_frame = fake_safe_frame,
};

static const struct tenon_line_api line_api = {
    .head = TENON_API_HEAD(struct tenon_line_api),
    .read = fake_line_read,
    .write = fake_line_write,
};

static const struct tenon_driver fake_bus_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "fake_bus",
    .role = TENON_ROLE_BUS,
    .instance_size = sizeof(struct fake_bus),
    .lifecycle = &lifecycle,
    .api = &bus_api.head,
};

static const struct tenon_driver fake_line_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "fake_line",
    .role = TENON_ROLE_LINE,
    .instance_size = sizeof(struct tenon_line),
    .lifecycle = &lifecycle,
    .api = &line_api.head,
};

struct tenon_bus *fake_bus_init(struct fake_bus *self)
{
    memset(self, 0, sizeof *self);
    self->base.module.driver = &fake_bus_driver;
    self->polls_per_request = 1;
    return &self->base;
}

struct fake_node *fake_bus_add_node(struct fake_bus *self, uint32_t number)
{
    if (self->node_count == FAKE_BUS_NODES) {
        return NULL;
    }
    struct fake_node *node = &self->nodes[self->node_count++];
    memset(node, 0, sizeof *node);
    node->number = number;
    return node;
}

void fake_wire_init(struct fake_wire *self)
{
    memset(self, 0, sizeof *self);
    (void)fake_bus_init(&self->bus);
    self->line.module.driver = &fake_line_driver;
    self->line.baud = 1000000;
    self->line.fd = -1;
    self->wire.name = "fake";
    self->wire.line.module = &self->line.module;
    self->wire.bus.module = &self->bus.base.module;
    self->bus.base.wire = &self->wire;
    fake_wire_set_up(self, true);
}

void fake_wire_set_up(struct fake_wire *self, bool up)
{
    const uint8_t state = up ? TENON_MODULE_READY : TENON_MODULE_FAULT;
    self->line.module.state = state;
    self->bus.base.module.state = TENON_MODULE_READY;
}

uint32_t fake_node_get(const struct fake_node *node, uint32_t address, uint8_t width)
{
    uint32_t value = 0;
    for (uint8_t i = 0; i < width; i++) {
        value |= (uint32_t)node->table[address + i] << (8u * i);
    }
    return value;
}

void fake_node_set(struct fake_node *node, uint32_t address, uint8_t width, uint32_t value)
{
    for (uint8_t i = 0; i < width; i++) {
        node->table[address + i] = (uint8_t)(value >> (8u * i));
    }
}
