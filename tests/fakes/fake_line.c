#include "fake_line.h"

#include <string.h>

static tenon_ns_t byte_ns(const struct fake_line *self)
{
    return TENON_S(10) / self->base.baud;
}

static void put_bytes(struct fake_line *self, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count && self->count < FAKE_LINE_CAPACITY; i++) {
        self->busy_until_ns += byte_ns(self);
        self->bytes[self->count] = bytes[i];
        self->arrival_ns[self->count++] = self->busy_until_ns;
    }
}

static void put_corrupt(struct fake_line *self, const uint8_t *bytes, size_t count)
{
    uint8_t copy[256];
    memcpy(copy, bytes, count);
    copy[self->fault_bit / 8 % count] ^= (uint8_t)(1u << self->fault_bit % 8);
    put_bytes(self, copy, count);
}

void fake_line_put(struct fake_line *self, const uint8_t *bytes, size_t count, tenon_ns_t start)
{
    static const uint8_t junk[] = {0x00, 0xFF, 0xFF, 0xFD, 0x00, 0x01,
                                   0x40, 0x00, 0x55, 0xFF, 0xFD};
    if (self->busy_until_ns < start) {
        self->busy_until_ns = start;
    }
    switch (self->put_count++ == self->fault_at ? self->fault : FAKE_LINE_FINE) {
    case FAKE_LINE_DROP:
        break;
    case FAKE_LINE_TRUNCATE:
        put_bytes(self, bytes, count / 2);
        break;
    case FAKE_LINE_CORRUPT:
        put_corrupt(self, bytes, count);
        break;
    case FAKE_LINE_DUPLICATE:
        put_bytes(self, bytes, count);
        put_bytes(self, bytes, count);
        break;
    case FAKE_LINE_GARBAGE:
        put_bytes(self, junk, sizeof junk);
        put_bytes(self, bytes, count);
        break;
    case FAKE_LINE_DELAY:
        self->busy_until_ns += self->fault_delay_ns;
        put_bytes(self, bytes, count);
        break;
    case FAKE_LINE_FINE:
        put_bytes(self, bytes, count);
        break;
    }
}

void fake_line_clear(struct fake_line *self)
{
    self->head = 0;
    self->count = 0;
    self->sent_count = 0;
    self->busy_until_ns = 0;
}

static int fake_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    struct fake_line *self = TENON_CONTAINER_OF(base, struct fake_line, base);
    if (++self->read_count == self->fail_read_at) {
        return TENON_ERR_IO;
    }
    if (self->read_limit > 0 && capacity > self->read_limit) {
        capacity = self->read_limit;
    }
    size_t taken = 0;
    while (taken < capacity && self->head < self->count && self->arrival_ns[self->head] <= now) {
        out_bytes[taken++] = self->bytes[self->head++];
    }
    if (self->head == self->count) {
        self->head = 0;
        self->count = 0;
    }
    return (int)taken;
}

static int fake_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct fake_line *self = TENON_CONTAINER_OF(base, struct fake_line, base);
    if (++self->write_count == self->fail_write_at) {
        return TENON_ERR_IO;
    }
    const bool is_short = self->write_limit > 0 && count > self->write_limit;
    const size_t taken = self->is_stuck ? 0 : is_short ? self->write_limit : count;
    if (self->busy_until_ns < now) {
        self->busy_until_ns = now;
    }
    if (self->echo) {
        put_bytes(self, bytes, taken);
    } else {
        self->busy_until_ns += byte_ns(self) * (tenon_ns_t)taken;
    }
    for (size_t i = 0; i < taken && self->sent_count < FAKE_LINE_CAPACITY; i++) {
        self->sent[self->sent_count++] = bytes[i];
    }
    if (self->far_end != NULL && taken > 0) {
        self->far_end(self->context, self, bytes, taken, self->busy_until_ns);
    }
    return (int)taken;
}

static int fake_probe(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK;
}

static const struct tenon_lifecycle_api lifecycle = {.head =
                                                         TENON_API_HEAD(struct tenon_lifecycle_api),
                                                     .probe = fake_probe,
                                                     .make_safe = fake_probe};
static const struct tenon_line_api api = {
    .head = TENON_API_HEAD(struct tenon_line_api), .read = fake_read, .write = fake_write};
static const struct tenon_driver driver = {.head = TENON_API_HEAD(struct tenon_driver),
                                           .name = "fake_line",
                                           .role = TENON_ROLE_LINE,
                                           .instance_size = sizeof(struct fake_line),
                                           .lifecycle = &lifecycle,
                                           .api = &api.head};

struct tenon_line *fake_line_init(struct fake_line *self, uint32_t baud)
{
    memset(self, 0, sizeof *self);
    self->base.module.driver = &driver;
    self->base.baud = baud;
    self->base.fd = -1;
    return &self->base;
}
