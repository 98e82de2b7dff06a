#include "tenon/drivers/memory_line.h"

#include <string.h>

#define BAUD_MIN 1200u
#define BAUD_MAX 100000000u

static struct tenon_memory_line *self_of(struct tenon_line *base)
{
    return TENON_CONTAINER_OF(base, struct tenon_memory_line, base);
}

static bool baud_is_possible(uint32_t baud)
{
    return baud >= BAUD_MIN && baud <= BAUD_MAX;
}

/* Ten bit times, to the nearest nanosecond: a frame's timing is then a plain multiple of it. */
static tenon_ns_t byte_time_ns(uint32_t baud)
{
    return (TENON_S(10) + (tenon_ns_t)baud / 2) / (tenon_ns_t)baud;
}

static size_t push(struct tenon_memory_channel *channel,
                   const uint8_t *bytes,
                   size_t count,
                   tenon_ns_t start,
                   tenon_ns_t byte_ns)
{
    size_t taken = 0;
    while (taken < count && channel->count < TENON_MEMORY_LINE_CAPACITY) {
        const uint32_t at = (channel->head + channel->count) % TENON_MEMORY_LINE_CAPACITY;
        const tenon_ns_t begin = start > channel->busy_until_ns ? start : channel->busy_until_ns;

        channel->busy_until_ns = begin + byte_ns;
        channel->bytes[at] = bytes[taken];
        channel->arrival_ns[at] = channel->busy_until_ns;
        channel->count++;
        taken++;
    }
    return taken;
}

static size_t
pull(struct tenon_memory_channel *channel, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    size_t taken = 0;
    while (taken < capacity && channel->count > 0 && channel->arrival_ns[channel->head] <= now) {
        out_bytes[taken] = channel->bytes[channel->head];
        channel->head = (channel->head + 1u) % TENON_MEMORY_LINE_CAPACITY;
        channel->count--;
        taken++;
    }
    return taken;
}

static tenon_ns_t next_arrival(const struct tenon_memory_channel *channel)
{
    return channel->count > 0 ? channel->arrival_ns[channel->head] : TENON_NEVER;
}

static int memory_probe(struct tenon_module *module, tenon_ns_t now)
{
    const struct tenon_memory_line *self =
        TENON_CONTAINER_OF(module, struct tenon_memory_line, base.module);
    (void)now;
    if (self->unplugged) {
        return tenon_module_refuse(module, TENON_ERR_IO, TENON_CAUSE_PORT_MISSING, 0.0f, 0.0f);
    }
    return TENON_OK;
}

/* A line makes no torque: what is to be made safe hangs on the bus above it. */
static int memory_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK;
}

static int memory_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    struct tenon_memory_line *self = self_of(base);
    if (self->unplugged) {
        return tenon_module_refuse(&base->module, TENON_ERR_IO, TENON_CAUSE_PORT_LOST, 0.0f, 0.0f);
    }
    const size_t count = pull(&self->to_near, out_bytes, capacity, now);
    base->rx_bytes += count;
    return (int)count;
}

static int memory_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct tenon_memory_line *self = self_of(base);
    if (self->unplugged) {
        return tenon_module_refuse(&base->module, TENON_ERR_IO, TENON_CAUSE_PORT_LOST, 0.0f, 0.0f);
    }
    const size_t taken = push(&self->to_far, bytes, count, now, byte_time_ns(base->baud));
    base->tx_bytes += taken;
    base->tx_pending = taken < count;
    return (int)taken;
}

/* Simulated time has one thread: this may be called between the calls of the step, not within. */
static int
memory_write_emergency(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct tenon_memory_line *self = self_of(base);
    if (self->unplugged) {
        return TENON_ERR_IO;
    }
    return (int)push(&self->to_far, bytes, count, now, byte_time_ns(base->baud));
}

static int memory_set_baud(struct tenon_line *base, uint32_t baud)
{
    if (!baud_is_possible(baud)) {
        return tenon_module_refuse(&base->module, TENON_ERR_UNSUPPORTED,
                                   TENON_CAUSE_BAUD_UNSUPPORTED, (float)baud, (float)BAUD_MAX);
    }
    base->baud = baud;
    return TENON_OK;
}

static const struct tenon_lifecycle_api memory_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = memory_probe,
    .make_safe = memory_make_safe,
};

static const struct tenon_line_api memory_api = {
    .head = TENON_API_HEAD(struct tenon_line_api),
    .read = memory_read,
    .write = memory_write,
    .set_baud = memory_set_baud,
    .write_emergency = memory_write_emergency,
};

static const struct tenon_driver memory_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "memory_line",
    .role = TENON_ROLE_LINE,
    .instance_size = sizeof(struct tenon_memory_line),
    .lifecycle = &memory_lifecycle,
    .api = &memory_api.head,
};

struct tenon_line *
tenon_memory_line_init_sized(struct tenon_memory_line *self, size_t size, uint32_t baud)
{
    if (self == NULL || size != sizeof *self || !baud_is_possible(baud)) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &memory_driver;
    self->base.port = "memory";
    self->base.baud = baud;
    self->base.fd = -1;
    /* Time may begin anywhere, below zero too. */
    self->to_far.busy_until_ns = INT64_MIN;
    self->to_near.busy_until_ns = INT64_MIN;
    return &self->base;
}

size_t tenon_memory_line_far_read(struct tenon_memory_line *self,
                                  uint8_t *out_bytes,
                                  size_t capacity,
                                  tenon_ns_t now)
{
    return pull(&self->to_far, out_bytes, capacity, now);
}

size_t tenon_memory_line_far_write(struct tenon_memory_line *self,
                                   const uint8_t *bytes,
                                   size_t count,
                                   tenon_ns_t start)
{
    if (self->unplugged) {
        return count; /* the far end cannot know: its bytes go nowhere */
    }
    return push(&self->to_near, bytes, count, start, byte_time_ns(self->base.baud));
}

tenon_ns_t tenon_memory_line_far_next_ns(const struct tenon_memory_line *self)
{
    return next_arrival(&self->to_far);
}

tenon_ns_t tenon_memory_line_next_ns(const struct tenon_memory_line *self)
{
    const tenon_ns_t far = next_arrival(&self->to_far);
    const tenon_ns_t near = next_arrival(&self->to_near);
    return far < near ? far : near;
}

void tenon_memory_line_set_unplugged(struct tenon_memory_line *self, bool unplugged)
{
    self->unplugged = unplugged;
    if (unplugged) {
        self->to_far.count = 0;
        self->to_near.count = 0;
        self->base.tx_pending = false;
    }
}
