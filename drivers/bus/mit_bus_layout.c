#include "mit_bus_internal.h"

#include <string.h>

enum { RECORDS_MAX = MIT_NODE_MAX + 1, NIBBLE = 0x0F };

/* The cyclic fields of a device as they are on the wire. */
struct shape {
    uint16_t answer_id;
    uint16_t command_id;
    uint8_t in_width;
    uint8_t out_width;
};

_Static_assert(TENON_MIT_BUS_MEMORY(1u) >= _Alignof(max_align_t) +
                                               sizeof(struct tenon__mit_record) +
                                               2u * sizeof(struct tenon_can_frame),
               "the memory the header promises holds a device");

static size_t padding(const struct tenon_mit_bus *self)
{
    return (size_t)(0u - (uintptr_t)self->memory) % _Alignof(max_align_t);
}

static size_t needed_bytes(const struct tenon_mit_bus *self, size_t count)
{
    return padding(self) +
           count * (sizeof(struct tenon__mit_record) + 2u * sizeof(struct tenon_can_frame));
}

static int refuse_memory(struct tenon_mit_bus *self, size_t needed)
{
    return tenon_module_refuse(&self->base.module, TENON_ERR_FULL, TENON_CAUSE_BUFFER_TOO_SMALL,
                               (float)self->memory_size, (float)needed);
}

static void lay_out(struct tenon_mit_bus *self)
{
    const size_t count = self->record_count;
    self->tx = (struct tenon_can_frame *)(void *)(self->records + count);
    self->safe = self->tx + count;
}

void tenon__mit_layout_init(struct tenon_mit_bus *self)
{
    self->records = (struct tenon__mit_record *)(void *)(self->memory + padding(self));
    lay_out(self);
}

struct tenon__mit_record *tenon__mit_find_sender(const struct tenon_mit_bus *self,
                                                 const struct tenon_can_frame *frame)
{
    size_t at = self->hint;
    for (size_t i = 0; i < self->record_count; i++, at++) {
        at = at < self->record_count ? at : 0;
        struct tenon__mit_record *r = &self->records[at];
        if (r->device != NULL && r->in_width > 0 && r->answer_id == frame->id &&
            ((r->node ^ frame->data[0]) & NIBBLE) == 0) {
            return r;
        }
    }
    return NULL;
}

struct tenon__mit_record *tenon__mit_find_node(const struct tenon_mit_bus *self, uint32_t node)
{
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__mit_record *r = &self->records[i];
        if (r->device != NULL && r->node == node) {
            return r;
        }
    }
    return NULL;
}

static int refuse_fields(struct tenon_mit_bus *self, const char *detail)
{
    (void)tenon_module_refuse(&self->base.module, TENON_ERR_ARG, TENON_CAUSE_FIELDS, 0.0f,
                              (float)DATA_MAX);
    self->base.module.diag.detail = detail;
    return TENON_ERR_ARG;
}

static int refuse_node(struct tenon_mit_bus *self,
                       enum tenon_cause cause,
                       const struct tenon_bus_device *device,
                       uint32_t bound)
{
    return tenon_module_refuse(&self->base.module, TENON_ERR_ARG, cause, (float)device->node,
                               (float)bound);
}

static bool measure(const struct tenon_bus_device *device, struct shape *shape)
{
    *shape = (struct shape){.command_id = (uint16_t)device->node};
    if (device->in_count > 1 || device->out_count > 1) {
        return false;
    }
    if (device->in_count == 1) {
        const uint32_t id = device->in_fields[0].address - MIT_FEEDBACK;
        shape->answer_id = (uint16_t)id;
        shape->in_width = device->in_fields[0].width;
        if (id >= MIT_REGISTER_ID || shape->in_width < ANSWER_MIN || shape->in_width > DATA_MAX) {
            return false;
        }
    }
    if (device->out_count == 1) {
        const uint32_t offset = device->out_fields[0].address - MIT_COMMAND;
        shape->command_id = (uint16_t)(device->node + offset);
        shape->out_width = device->out_fields[0].width;
        if ((offset & ~UINT32_C(0x300)) != 0 || shape->out_width < 1 ||
            shape->out_width > DATA_MAX) {
            return false;
        }
    }
    return true;
}

/* Whether what the one sends as an answer, the other takes for a command. */
static bool is_command_of(uint32_t answer_id, uint8_t in_width, uint32_t node, uint32_t command_id)
{
    return in_width > 0 && (answer_id == node || answer_id == command_id);
}

/* Its number, and what its answers are known by, must be its own. */
static int check_place(struct tenon_mit_bus *self,
                       const struct tenon_bus_device *device,
                       const struct shape *shape)
{
    static const char answers_command[] = "its answers have the identifier of commands";
    if (is_command_of(shape->answer_id, shape->in_width, device->node, shape->command_id)) {
        return refuse_fields(self, answers_command);
    }
    for (size_t i = 0; i < self->record_count; i++) {
        const struct tenon__mit_record *r = &self->records[i];
        if (r->device == NULL || r->device == device) {
            continue;
        }
        const bool answers_alike = r->in_width > 0 && shape->in_width > 0 &&
                                   r->answer_id == shape->answer_id &&
                                   ((r->node ^ device->node) & NIBBLE) == 0;
        if (r->node == device->node || answers_alike) {
            return refuse_node(self, TENON_CAUSE_NODE_TAKEN, device, r->node);
        }
        if (is_command_of(shape->answer_id, shape->in_width, r->node, r->command_id) ||
            is_command_of(r->answer_id, r->in_width, device->node, shape->command_id)) {
            return refuse_fields(self, answers_command);
        }
    }
    return TENON_OK;
}

static struct tenon__mit_record *record_of(const struct tenon_mit_bus *self,
                                           const struct tenon_bus_device *device)
{
    for (size_t i = 0; i < self->record_count; i++) {
        if (self->records[i].device == device) {
            return &self->records[i];
        }
    }
    return NULL;
}

/* NULL: the memory is too small (diag filled in). */
static struct tenon__mit_record *new_record(struct tenon_mit_bus *self)
{
    struct tenon__mit_record *r = record_of(self, NULL);
    if (r != NULL) {
        return r;
    }
    const size_t count = (size_t)self->record_count + 1u;
    const size_t needed = needed_bytes(self, count);
    if (needed > self->memory_size || count > RECORDS_MAX) {
        (void)refuse_memory(self, needed);
        return NULL;
    }
    tenon__mit_drop_cycle(self, TENON_ERR_TIMEOUT);
    r = &self->records[self->record_count++];
    *r = (struct tenon__mit_record){0};
    lay_out(self);
    return r;
}

/* No cyclic exchange with this record from now on. */
static void silence(struct tenon_mit_bus *self, struct tenon__mit_record *r)
{
    if (r->is_awaited) {
        r->is_awaited = false;
        self->awaited_count--;
    }
    r->in_width = 0;
    r->out_width = 0;
    r->read_is_due = false;
    r->write_is_due = false;
    r->is_commanded = false;
}

static void bind(struct tenon_mit_bus *self,
                 struct tenon__mit_record *r,
                 struct tenon_bus_device *device,
                 const struct shape *shape)
{
    silence(self, r);
    r->device = device;
    r->node = (uint8_t)device->node;
    r->answer_id = shape->answer_id;
    r->command_id = shape->command_id;
    r->in_width = shape->in_width;
    r->out_width = shape->out_width;
    memset(r->in, 0, sizeof r->in);
    memset(r->out, 0, sizeof r->out);
    device->in = r->in;
    device->out = r->out;
    device->in_sequence = 0;
    device->in_error = TENON_OK;
    device->out_is_fresh = false;
    device->bus_private = r;
}

static void encode_safe_frames(struct tenon_mit_bus *self)
{
    self->safe_count = 0;
    for (size_t i = 0; i < self->record_count; i++) {
        if (self->records[i].device != NULL) {
            struct tenon_can_frame *frame = &self->safe[self->safe_count++];
            *frame = (struct tenon_can_frame){.id = self->records[i].node, .length = DATA_MAX};
            mit_pack_special(frame->data, MIT_DISABLE & 0xFFu);
        }
    }
}

static int attach_with(struct tenon_mit_bus *self,
                       struct tenon_bus_device *device,
                       struct tenon__mit_record *r)
{
    struct shape shape;
    if (device->node > MIT_NODE_MAX) {
        return refuse_node(self, TENON_CAUSE_NODE_RANGE, device, MIT_NODE_MAX);
    }
    if (!measure(device, &shape)) {
        return refuse_fields(self, NULL);
    }
    const int rc = check_place(self, device, &shape);
    if (rc != TENON_OK) {
        return rc;
    }
    r = r != NULL ? r : new_record(self);
    if (r == NULL) {
        return TENON_ERR_FULL;
    }
    bind(self, r, device, &shape);
    encode_safe_frames(self);
    return TENON_OK;
}

int tenon__mit_attach(struct tenon_bus *base, struct tenon_bus_device *device)
{
    struct tenon_mit_bus *self = tenon__mit_self(base);
    if (device == NULL || (device->in_count > 0 && device->in_fields == NULL) ||
        (device->out_count > 0 && device->out_fields == NULL)) {
        return tenon_module_refuse(&base->module, TENON_ERR_ARG, TENON_CAUSE_NULL, 0.0f, 0.0f);
    }
    struct tenon__mit_record *r = record_of(self, device);
    const int rc = attach_with(self, device, r);
    if (rc != TENON_OK && r != NULL) {
        silence(self, r); /* the device's fields are no longer those we would exchange */
    }
    return rc;
}

/* Its safe frame stays until the next attach: who holds the pointer may do so, and it harms no one.
 */
void tenon__mit_detach(struct tenon_bus *base, struct tenon_bus_device *device)
{
    struct tenon_mit_bus *self = tenon__mit_self(base);
    struct tenon__mit_record *r = device == NULL ? NULL : record_of(self, device);
    if (r == NULL) {
        return;
    }
    silence(self, r);
    tenon__mit_cancel_node(self, r->node);
    r->device = NULL;
    device->in = NULL;
    device->out = NULL;
    device->bus_private = NULL;
}
