#include "dxl2_bus_internal.h"

#include <string.h>

/* The cyclic fields of a device as they are on the wire. */
struct shape {
    uint16_t in_address;
    uint16_t out_address;
    uint8_t in_span;
    uint8_t in_width; /* in the window */
    uint8_t out_span;
    bool in_is_plain;
};

/* What the memory is divided into; `needed` counts everything. */
struct division {
    size_t pad; /* until the memory is aligned */
    size_t records;
    size_t bytes; /* from here on no alignment */
    size_t tx_capacity;
    size_t rx_capacity;
    size_t needed;
};

enum {
    FRAME_OVERHEAD = SYNC_HEAD_SIZE + CRC_SIZE,
    /* For sync writes of further shapes; what does not fit leaves with the next transmission. */
    TX_SPARE = 2 * FRAME_OVERHEAD,
    /* For answers that are stuffed, and so that a buffer full of answers is not full. */
    RX_SPARE = 16
};

static size_t align_up(size_t at)
{
    const size_t unit = _Alignof(max_align_t);
    return (at + unit - 1) / unit * unit;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* `more`: records beyond those there are (0 or 1), with windows of these capacities. */
static struct division
divide(const struct tenon_dxl2_bus *self, size_t more, size_t in_capacity, size_t out_capacity)
{
    const size_t count = self->record_count + more;
    const size_t windows = self->window_bytes + in_capacity + out_capacity;
    size_t replies = count * DXL2_STATUS_SIZE(0u) + in_capacity;
    for (size_t i = 0; i < self->record_count; i++) {
        replies += self->records[i].in_capacity;
    }
    struct division d;
    d.pad = (size_t)(0u - (uintptr_t)self->memory) % _Alignof(max_align_t);
    d.records = align_up(sizeof(struct dxl2_parser) + 256);
    d.bytes = d.records + count * sizeof(struct tenon__dxl2_record);
    /* A sync write with ID and window each, and a sync read with an ID each. */
    d.tx_capacity = max_size(2u * FRAME_OVERHEAD + TX_SPARE + 2u * count +
                                 (windows - (replies - count * DXL2_STATUS_SIZE(0u))),
                             max_size(REQUEST_FRAME_MAX, DXL2_FRAME_SIZE_MAX(5u + SPAN_MAX)));
    /* One packet at a time would do, but an own echo is one too, and a poll should find room for
     * all answers. */
    d.rx_capacity =
        max_size(max_size(replies + RX_SPARE, d.tx_capacity), DXL2_FRAME_SIZE_MAX(1u + SPAN_MAX));
    d.needed = d.pad + d.bytes + count + d.tx_capacity + d.rx_capacity + windows;
    return d;
}

static int refuse_memory(struct tenon_dxl2_bus *self, const struct division *d)
{
    return tenon_module_refuse(&self->base.module, TENON_ERR_FULL, TENON_CAUSE_BUFFER_TOO_SMALL,
                               (float)self->memory_size, (float)d->needed);
}

/* Lay out what lies between records and windows. */
static void lay_out_middle(struct tenon_dxl2_bus *self, const struct division *d)
{
    uint8_t *base = self->memory + d->pad;
    const size_t count = self->record_count;
    self->read_order = base + d->bytes;
    self->tx = self->read_order + count;
    self->tx_capacity = d->tx_capacity;
    for (size_t i = 0; i < count; i++) {
        self->read_order[i] = (uint8_t)i;
    }
    self->tx_count = 0;
    self->tx_sent = 0;
    self->group_count = 0;
    self->group_left = 0;
    self->plan_is_stale = true;
}

int tenon__dxl2_layout_init(struct tenon_dxl2_bus *self)
{
    const struct division d = divide(self, 0, 0, 0);
    if (d.needed > self->memory_size) {
        return refuse_memory(self, &d);
    }
    uint8_t *base = self->memory + d.pad;
    self->parser = (struct dxl2_parser *)(void *)base;
    self->id_map = base + sizeof(struct dxl2_parser);
    memset(self->id_map, NO_RECORD, 256);
    self->records = (struct tenon__dxl2_record *)(void *)(base + d.records);
    lay_out_middle(self, &d);
    tenon__dxl2_set_input(self, self->tx + d.tx_capacity, d.rx_capacity);
    return TENON_OK;
}

static int refuse_fields(struct tenon_dxl2_bus *self)
{
    return tenon_module_refuse(&self->base.module, TENON_ERR_ARG, TENON_CAUSE_FIELDS, 0.0f,
                               (float)SPAN_MAX);
}

static bool is_sound(const struct tenon_field *field)
{
    return field->width > 0 && field->address + field->width <= UINT32_C(0x10000) &&
           field->address <= UINT16_MAX;
}

static bool measure_out(const struct tenon_bus_device *device, struct shape *shape)
{
    size_t span = 0;
    for (size_t i = 0; i < device->out_count; i++) {
        const struct tenon_field *field = &device->out_fields[i];
        if (!is_sound(field) || field->address != device->out_fields[0].address + span) {
            return false; /* in a gap we would write what nobody told us */
        }
        span += field->width;
    }
    if (span > SPAN_MAX) {
        return false;
    }
    shape->out_address = (uint16_t)(span > 0 ? device->out_fields[0].address : 0);
    shape->out_span = (uint8_t)span;
    return true;
}

static bool measure_in(const struct tenon_bus_device *device, struct shape *shape)
{
    uint32_t begin = UINT32_MAX;
    uint32_t end = 0;
    size_t width = 0;
    shape->in_is_plain = true;
    for (size_t i = 0; i < device->in_count; i++) {
        const struct tenon_field *field = &device->in_fields[i];
        if (!is_sound(field)) {
            return false;
        }
        shape->in_is_plain =
            shape->in_is_plain && field->address == device->in_fields[0].address + width;
        begin = field->address < begin ? field->address : begin;
        end = field->address + field->width > end ? field->address + field->width : end;
        width += field->width;
    }
    if (end > begin && (end - begin > SPAN_MAX || width > UINT8_MAX)) {
        return false;
    }
    shape->in_address = (uint16_t)(width > 0 ? begin : 0);
    shape->in_span = (uint8_t)(width > 0 ? end - begin : 0);
    shape->in_width = (uint8_t)width;
    return true;
}

static struct tenon__dxl2_record *record_of(const struct tenon_dxl2_bus *self,
                                            const struct tenon_bus_device *device)
{
    for (size_t i = 0; i < self->record_count; i++) {
        if (self->records[i].device == device) {
            return &self->records[i];
        }
    }
    return NULL;
}

/* A record that was let go, with windows large enough. */
static struct tenon__dxl2_record *
reuse_record(const struct tenon_dxl2_bus *self, size_t in_capacity, size_t out_capacity)
{
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__dxl2_record *r = &self->records[i];
        if (r->device == NULL && r->in_capacity >= in_capacity && r->out_capacity >= out_capacity) {
            return r;
        }
    }
    return NULL;
}

/* NULL: the memory is too small (diag filled in). */
static struct tenon__dxl2_record *
new_record(struct tenon_dxl2_bus *self, uint8_t in_capacity, uint8_t out_capacity)
{
    const struct division d = divide(self, 1, in_capacity, out_capacity);
    if (d.needed > self->memory_size || self->record_count == NO_RECORD) {
        (void)refuse_memory(self, &d);
        return NULL;
    }
    tenon__dxl2_disturb(self);
    self->window_bytes += (size_t)in_capacity + out_capacity;
    uint8_t *window = self->memory + self->memory_size - self->window_bytes;
    struct tenon__dxl2_record *r = &self->records[self->record_count++];
    *r = (struct tenon__dxl2_record){
        .in = window, .in_capacity = in_capacity, .out_capacity = out_capacity};
    lay_out_middle(self, &d);
    tenon__dxl2_set_input(self, self->tx + d.tx_capacity, d.rx_capacity);
    return r;
}

/* No cyclic exchange with this record from now on. */
static void silence(struct tenon_dxl2_bus *self, struct tenon__dxl2_record *r)
{
    if (tenon__dxl2_is_awaited(self, r)) {
        self->awaited_count--;
    }
    r->in_span = 0;
    r->uses = 0;
    r->group = NO_GROUP;
    r->doubt = DOUBT_NONE;
    r->read = READ_DONE;
    r->read_is_due = false;
    r->write = 0;
    self->plan_is_stale = true;
}

static uint16_t prefix_crc(const struct tenon__dxl2_record *r)
{
    const uint8_t regular[DXL2_HEADER_SIZE + 1 + SPAN_MAX] = {
        0xFF, 0xFF, 0xFD, 0x00, r->id, (uint8_t)(r->in_span + 4u), 0, DXL2_STATUS};
    return dxl2_crc(0, regular, DXL2_HEADER_SIZE + 1u + r->in_span);
}

static void bind(struct tenon_dxl2_bus *self,
                 struct tenon__dxl2_record *r,
                 struct tenon_bus_device *device,
                 const struct shape *shape)
{
    silence(self, r);
    if (r->device == NULL || r->id != device->node) {
        r->return_delay = RETURN_DELAY_MAX; /* another servo, until it tells */
    }
    if (r->device != NULL) {
        self->id_map[r->id] = NO_RECORD;
    }
    r->device = device;
    r->id = (uint8_t)device->node;
    r->in_address = shape->in_address;
    r->in_span = shape->in_span;
    r->uses =
        (uint8_t)((shape->in_span > 0 ? USE_READ : 0) | (shape->out_span > 0 ? USE_WRITE : 0) |
                  (shape->in_is_plain ? USE_PLAIN : 0));
    r->out_shape = (uint32_t)shape->out_address << 8 | shape->out_span;
    r->prefix_crc = prefix_crc(r);
    memset(r->in, 0, (size_t)r->in_capacity + r->out_capacity);
    self->id_map[r->id] = (uint8_t)(r - self->records);
    device->in = r->in;
    device->out = r->in + r->in_capacity;
    device->in_sequence = 0;
    device->in_error = TENON_OK;
    device->out_is_fresh = false;
    device->bus_private = r;
}

static int check_node(struct tenon_dxl2_bus *self,
                      const struct tenon_bus_device *device,
                      const struct tenon__dxl2_record *own)
{
    struct tenon_module *module = &self->base.module;
    const float node = (float)device->node;
    if (device->node > DXL2_ID_MAX) {
        return tenon_module_refuse(module, TENON_ERR_ARG, TENON_CAUSE_NODE_RANGE, node,
                                   (float)DXL2_ID_MAX);
    }
    const struct tenon__dxl2_record *holder = tenon__dxl2_find(self, (uint8_t)device->node);
    if (holder != NULL && holder != own) {
        return tenon_module_refuse(module, TENON_ERR_ARG, TENON_CAUSE_NODE_TAKEN, node, node);
    }
    return TENON_OK;
}

/* As attach, of a device that has this record already; NULL: of a new one. */
static int attach_with(struct tenon_dxl2_bus *self,
                       struct tenon_bus_device *device,
                       struct tenon__dxl2_record *r)
{
    struct shape shape;
    const int rc = check_node(self, device, r);
    if (rc != TENON_OK) {
        return rc;
    }
    if (!measure_in(device, &shape) || !measure_out(device, &shape)) {
        return refuse_fields(self);
    }
    if (r != NULL) {
        if (shape.in_width > r->in_capacity || shape.out_span > r->out_capacity) {
            return refuse_fields(self);
        }
    } else {
        const uint8_t in = (uint8_t)max_size(shape.in_width, device->in_capacity);
        const uint8_t out = (uint8_t)max_size(shape.out_span, device->out_capacity);
        r = reuse_record(self, in, out);
        r = r != NULL ? r : new_record(self, in, out);
        if (r == NULL) {
            return TENON_ERR_FULL;
        }
    }
    bind(self, r, device, &shape);
    return TENON_OK;
}

int tenon__dxl2_attach(struct tenon_bus *base, struct tenon_bus_device *device)
{
    struct tenon_dxl2_bus *self = tenon__dxl2_self(base);
    if (device == NULL || (device->in_count > 0 && device->in_fields == NULL) ||
        (device->out_count > 0 && device->out_fields == NULL)) {
        return tenon_module_refuse(&base->module, TENON_ERR_ARG, TENON_CAUSE_NULL, 0.0f, 0.0f);
    }
    if (self->parser == NULL) {
        const struct division d = divide(self, 1, device->in_capacity, device->out_capacity);
        return refuse_memory(self, &d);
    }
    struct tenon__dxl2_record *r = record_of(self, device);
    const int rc = attach_with(self, device, r);
    if (rc != TENON_OK && r != NULL) {
        silence(self, r); /* the device's fields are no longer those we would read and write */
    }
    return rc;
}

void tenon__dxl2_detach(struct tenon_bus *base, struct tenon_bus_device *device)
{
    struct tenon_dxl2_bus *self = tenon__dxl2_self(base);
    struct tenon__dxl2_record *r = device == NULL ? NULL : record_of(self, device);
    if (r == NULL) {
        return;
    }
    silence(self, r);
    tenon__dxl2_cancel_node(self, r->id);
    self->id_map[r->id] = NO_RECORD;
    r->device = NULL;
    device->in = NULL;
    device->out = NULL;
    device->bus_private = NULL;
}

static bool has_same_in(const struct tenon__dxl2_record *a, const struct tenon__dxl2_record *b)
{
    return a->in_address == b->in_address && a->in_span == b->in_span && a->uses == b->uses;
}

void tenon__dxl2_plan(struct tenon_dxl2_bus *self)
{
    self->group_count = 0;
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__dxl2_record *r = &self->records[i];
        if (r->in_span == 0) {
            continue; /* who is not read has no group */
        }
        size_t k = 0;
        while (k < i && !has_same_in(&self->records[k], r)) {
            k++;
        }
        r->group = k < i ? self->records[k].group : self->group_count++;
    }
    self->group_at = 0;
    self->read_at = NO_READ;
    self->plan_is_stale = false;
}
