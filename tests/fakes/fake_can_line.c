#include "fake_can_line.h"

#include <string.h>

/* With half of the stuff bits there could be. */
static tenon_ns_t frame_ns(const struct fake_can_line *self, const struct tenon_can_frame *frame)
{
    const uint32_t data = frame->length <= 8 ? 8u * frame->length : 64u;
    const uint32_t bits = 47u + data + (33u + data) / 8u;
    return TENON_S(1) / self->base.baud * (tenon_ns_t)bits;
}

static void put_one(struct fake_can_line *self, const struct tenon_can_frame *frame)
{
    self->busy_until_ns += frame_ns(self, frame);
    if (self->count < FAKE_CAN_LINE_CAPACITY) {
        self->frames[self->count] = *frame;
        self->arrival_ns[self->count++] = self->busy_until_ns;
    }
}

/* Of nobody's identifier, too short, too long, extended, remote; and a state without a number. */
static void put_garbage(struct fake_can_line *self, const struct tenon_can_frame *like)
{
    struct tenon_can_frame junk[] = {
        {.id = 0x555, .length = 8}, *like, *like, *like, *like, *like, *like,
    };
    junk[1].length = 3;
    junk[2].flags = TENON_CAN_EXTENDED;
    junk[3].flags = TENON_CAN_REMOTE;
    junk[4].data[0] ^= 0x0F;
    junk[5].length = 200;
    junk[6].length = 7;
    for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
        put_one(self, &junk[i]);
    }
}

void fake_can_line_put(struct fake_can_line *self,
                       const struct tenon_can_frame *frame,
                       tenon_ns_t start)
{
    struct tenon_can_frame copy = *frame;
    if (self->busy_until_ns < start) {
        self->busy_until_ns = start;
    }
    switch (self->put_count++ == self->fault_at ? self->fault : FAKE_CAN_FINE) {
    case FAKE_CAN_DROP:
        return;
    case FAKE_CAN_DUPLICATE:
        put_one(self, frame);
        break;
    case FAKE_CAN_GARBAGE:
        put_garbage(self, frame);
        break;
    case FAKE_CAN_CORRUPT:
        copy.data[self->fault_bit / 8 % 8] ^= (uint8_t)(1u << self->fault_bit % 8);
        break;
    case FAKE_CAN_DELAY:
        self->busy_until_ns += self->fault_delay_ns;
        break;
    case FAKE_CAN_FINE:
        break;
    }
    put_one(self, &copy);
}

void fake_can_line_clear_sent(struct fake_can_line *self)
{
    self->sent_count = 0;
}

static bool fails(struct fake_can_line *self, uint32_t *count, uint32_t fail_at)
{
    ++*count;
    return *count == fail_at || self->read_count + self->write_count == self->fail_at;
}

static int fake_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    struct fake_can_line *self = TENON_CONTAINER_OF(base, struct fake_can_line, base);
    size_t room = capacity / sizeof self->frames[0];
    if (fails(self, &self->read_count, self->fail_read_at)) {
        return TENON_ERR_IO;
    }
    if (self->read_limit > 0 && room > self->read_limit) {
        room = self->read_limit;
    }
    size_t taken = 0;
    const struct tenon_can_frame chatter = {.id = 0x555, .length = 8};
    while (self->chatters && taken + 1 < room) {
        memcpy(out_bytes + taken++ * sizeof chatter, &chatter, sizeof chatter);
    }
    if (self->chatters && (self->head == self->count || self->arrival_ns[self->head] > now)) {
        memcpy(out_bytes + taken++ * sizeof chatter, &chatter, sizeof chatter);
    }
    while (taken < room && self->head < self->count && self->arrival_ns[self->head] <= now) {
        memcpy(out_bytes + taken++ * sizeof self->frames[0], &self->frames[self->head++],
               sizeof self->frames[0]);
    }
    if (self->head == self->count) {
        self->head = 0;
        self->count = 0;
    }
    return (int)(taken * sizeof self->frames[0]);
}

static void send_one(struct fake_can_line *self, const struct tenon_can_frame *frame)
{
    if (self->echo) {
        put_one(self, frame);
    } else {
        self->busy_until_ns += frame_ns(self, frame);
    }
    if (self->sent_count < FAKE_CAN_LINE_CAPACITY) {
        self->sent[self->sent_count++] = *frame;
    }
    if (self->far_end != NULL) {
        self->far_end(self->context, self, frame, self->busy_until_ns);
    }
}

static int fake_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct fake_can_line *self = TENON_CONTAINER_OF(base, struct fake_can_line, base);
    const size_t frames = count / sizeof(struct tenon_can_frame);
    if (fails(self, &self->write_count, self->fail_write_at)) {
        return TENON_ERR_IO;
    }
    const bool is_short = self->write_limit > 0 && frames > self->write_limit;
    const size_t taken = self->is_stuck ? 0 : is_short ? self->write_limit : frames;
    if (self->busy_until_ns < now) {
        self->busy_until_ns = now;
    }
    for (size_t i = 0; i < taken; i++) {
        struct tenon_can_frame frame;
        memcpy(&frame, bytes + i * sizeof frame, sizeof frame);
        send_one(self, &frame);
    }
    return (int)(taken * sizeof(struct tenon_can_frame));
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
                                           .name = "fake_can_line",
                                           .role = TENON_ROLE_LINE,
                                           .instance_size = sizeof(struct fake_can_line),
                                           .lifecycle = &lifecycle,
                                           .api = &api.head};

struct tenon_line *fake_can_line_init(struct fake_can_line *self, uint32_t baud)
{
    memset(self, 0, sizeof *self);
    self->base.module.driver = &driver;
    self->base.baud = baud;
    self->base.fd = -1;
    self->base.medium = TENON_MEDIUM_CAN;
    return &self->base;
}
