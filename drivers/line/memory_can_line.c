#include "tenon/drivers/memory_can_line.h"

#include <string.h>

#define BAUD_MIN   10000u
#define BAUD_MAX   1000000u
#define PAUSE_BITS 3u /* between two frames; a frame has arrived before it */
#define FRAME_SIZE sizeof(struct tenon_can_frame)

static struct tenon_memory_can_line *self_of(struct tenon_line *base)
{
    return TENON_CONTAINER_OF(base, struct tenon_memory_can_line, base);
}

static bool baud_is_possible(uint32_t baud)
{
    return baud >= BAUD_MIN && baud <= BAUD_MAX;
}

static tenon_ns_t bits_ns(const struct tenon_memory_can_line *self, uint32_t bits)
{
    return TENON_S((tenon_ns_t)bits) / (tenon_ns_t)self->base.baud;
}

/* ---- The bus ---- */

/* The bits that decide who goes on, in the order they are sent: the lowest number wins. */
static uint32_t priority(const struct tenon_can_frame *frame)
{
    const uint32_t remote = (frame->flags & TENON_CAN_REMOTE) != 0u ? 1u : 0u;
    if ((frame->flags & TENON_CAN_EXTENDED) == 0u) {
        return frame->id << 21 | remote << 20;
    }
    return (frame->id >> 18) << 21 | 3u << 19 | (frame->id & 0x3FFFFu) << 1 | remote;
}

static tenon_ns_t earliest_due(const struct tenon_memory_can_queue *queue, uint32_t end)
{
    tenon_ns_t due = TENON_NEVER;
    for (uint32_t i = queue->sent; i < end; i++) {
        due = queue->entries[i].time_ns < due ? queue->entries[i].time_ns : due;
    }
    return due;
}

/* Who gets the bus next, as far as is known. */
struct contest {
    const struct tenon_memory_can_queue *queue; /* NULL: nobody wants it */
    uint32_t index;
    tenon_ns_t start_ns;
};

static void compete(struct contest *contest, const struct tenon_memory_can_queue *queue, uint32_t i)
{
    const struct tenon_memory_can_entry *const rival = &queue->entries[i];
    if (rival->time_ns > contest->start_ns) {
        return;
    }
    if (contest->queue == NULL ||
        priority(&rival->frame) < priority(&contest->queue->entries[contest->index].frame)) {
        contest->queue = queue;
        contest->index = i;
    }
}

static struct contest hold_contest(const struct tenon_memory_can_line *self)
{
    const struct tenon_memory_can_queue *const near = &self->to_far;
    const struct tenon_memory_can_queue *const far = &self->to_near;
    const uint32_t near_end = near->sent < near->count ? near->sent + 1u : near->sent;
    const tenon_ns_t near_due = earliest_due(near, near_end);
    const tenon_ns_t far_due = earliest_due(far, far->count);
    const tenon_ns_t due = near_due < far_due ? near_due : far_due;
    struct contest contest = {NULL, 0u, due > self->free_ns ? due : self->free_ns};

    for (uint32_t i = near->sent; due < TENON_NEVER && i < near_end; i++) {
        compete(&contest, near, i);
    }
    for (uint32_t i = far->sent; due < TENON_NEVER && i < far->count; i++) {
        compete(&contest, far, i);
    }
    return contest;
}

static tenon_ns_t end_of(const struct tenon_memory_can_line *self, const struct contest *contest)
{
    const struct tenon_can_frame *const frame = &contest->queue->entries[contest->index].frame;
    return contest->start_ns + bits_ns(self, tenon_can_frame_bits(frame) - PAUSE_BITS);
}

/* Move the winner behind those that have had the bus before it. */
static void grant(struct tenon_memory_can_queue *queue, uint32_t index, tenon_ns_t arrival_ns)
{
    const struct tenon_memory_can_entry winner = queue->entries[index];
    for (uint32_t i = index; i > queue->sent; i--) {
        queue->entries[i] = queue->entries[i - 1u];
    }
    queue->entries[queue->sent] = winner;
    queue->entries[queue->sent].time_ns = arrival_ns;
    queue->sent++;
}

/*
 * Give the bus away as often as it got free before `now`: whoever wants it at this very instant may
 * still come. What follows a frame that the far end has not taken is open, since it may answer.
 */
static void settle(struct tenon_memory_can_line *self, tenon_ns_t now)
{
    while (self->to_far.sent == 0u) {
        const struct contest contest = hold_contest(self);
        if (contest.queue == NULL || contest.start_ns >= now) {
            return;
        }
        const tenon_ns_t arrival = end_of(self, &contest);
        self->free_ns = arrival + bits_ns(self, PAUSE_BITS);
        grant(contest.queue == &self->to_far ? &self->to_far : &self->to_near, contest.index,
              arrival);
    }
}

/* ---- Queues ---- */

static bool
push(struct tenon_memory_can_queue *queue, const struct tenon_can_frame *frame, tenon_ns_t due)
{
    if (queue->count == queue->capacity) {
        return false;
    }
    queue->entries[queue->count++] = (struct tenon_memory_can_entry){*frame, due};
    return true;
}

static bool has_arrived(const struct tenon_memory_can_queue *queue, tenon_ns_t now)
{
    return queue->sent > 0u && queue->entries[0].time_ns <= now;
}

static struct tenon_memory_can_entry pop(struct tenon_memory_can_queue *queue)
{
    const struct tenon_memory_can_entry first = queue->entries[0];
    queue->count--;
    queue->sent--;
    memmove(queue->entries, queue->entries + 1, queue->count * sizeof *queue->entries);
    return first;
}

/* ---- The line ---- */

static int memory_can_probe(struct tenon_module *module, tenon_ns_t now)
{
    const struct tenon_memory_can_line *self =
        TENON_CONTAINER_OF(module, struct tenon_memory_can_line, base.module);
    (void)now;
    if (self->unplugged) {
        return tenon_module_refuse(module, TENON_ERR_IO, TENON_CAUSE_PORT_MISSING, 0.0f, 0.0f);
    }
    return TENON_OK;
}

/* A line makes no torque: what is to be made safe hangs on the bus above it. */
static int memory_can_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK;
}

static int
memory_can_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    struct tenon_memory_can_line *self = self_of(base);
    size_t count = 0;
    if (self->unplugged) {
        return tenon_module_refuse(&base->module, TENON_ERR_IO, TENON_CAUSE_PORT_LOST, 0.0f, 0.0f);
    }
    settle(self, now);
    while (count + FRAME_SIZE <= capacity && has_arrived(&self->to_near, now)) {
        const struct tenon_memory_can_entry entry = pop(&self->to_near);
        memcpy(out_bytes + count, &entry.frame, FRAME_SIZE);
        count += FRAME_SIZE;
    }
    base->rx_bytes += count;
    return (int)count;
}

/* @return Bytes taken, or TENON_ERR_ARG: *out_wrong is not what a line of frames takes. */
static int take_frames(struct tenon_memory_can_line *self,
                       const uint8_t *bytes,
                       size_t count,
                       tenon_ns_t now,
                       float *out_wrong)
{
    struct tenon_can_frame frame;
    size_t taken = 0;
    *out_wrong = (float)count;
    if (count % FRAME_SIZE != 0) {
        return TENON_ERR_ARG;
    }
    settle(self, now);
    for (; taken < count; taken += FRAME_SIZE) {
        memcpy(&frame, bytes + taken, FRAME_SIZE);
        *out_wrong = (float)frame.id;
        if (!tenon_can_frame_is_valid(&frame)) {
            return TENON_ERR_ARG;
        }
        if (!push(&self->to_far, &frame, now)) {
            break;
        }
    }
    return (int)taken;
}

static int
memory_can_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct tenon_memory_can_line *self = self_of(base);
    float wrong = 0.0f;
    if (self->unplugged) {
        return tenon_module_refuse(&base->module, TENON_ERR_IO, TENON_CAUSE_PORT_LOST, 0.0f, 0.0f);
    }
    const int taken = take_frames(self, bytes, count, now, &wrong);
    if (taken < 0) {
        return tenon_module_refuse(&base->module, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, wrong, 0.0f);
    }
    base->tx_bytes += (uint64_t)taken;
    base->tx_pending = (size_t)taken < count;
    return taken;
}

/* Simulated time has one thread: this may be called between the calls of the step, not within. */
static int memory_can_write_emergency(struct tenon_line *base,
                                      const uint8_t *bytes,
                                      size_t count,
                                      tenon_ns_t now)
{
    struct tenon_memory_can_line *self = self_of(base);
    float wrong = 0.0f;
    return self->unplugged ? TENON_ERR_IO : take_frames(self, bytes, count, now, &wrong);
}

static int memory_can_set_baud(struct tenon_line *base, uint32_t baud)
{
    if (!baud_is_possible(baud)) {
        return tenon_module_refuse(&base->module, TENON_ERR_UNSUPPORTED,
                                   TENON_CAUSE_BAUD_UNSUPPORTED, (float)baud, (float)BAUD_MAX);
    }
    base->baud = baud;
    return TENON_OK;
}

static const struct tenon_lifecycle_api memory_can_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = memory_can_probe,
    .make_safe = memory_can_make_safe,
};

static const struct tenon_line_api memory_can_api = {
    .head = TENON_API_HEAD(struct tenon_line_api),
    .read = memory_can_read,
    .write = memory_can_write,
    .set_baud = memory_can_set_baud,
    .write_emergency = memory_can_write_emergency,
};

static const struct tenon_driver memory_can_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "memory_can_line",
    .role = TENON_ROLE_LINE,
    .instance_size = sizeof(struct tenon_memory_can_line),
    .lifecycle = &memory_can_lifecycle,
    .api = &memory_can_api.head,
};

struct tenon_line *tenon_memory_can_line_init_sized(struct tenon_memory_can_line *self,
                                                    size_t size,
                                                    uint32_t baud,
                                                    struct tenon_memory_can_entry *entries,
                                                    size_t count)
{
    if (self == NULL || size != sizeof *self || !baud_is_possible(baud) || entries == NULL ||
        count < 2 || count > UINT32_MAX) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &memory_can_driver;
    self->base.port = "memory";
    self->base.baud = baud;
    self->base.fd = -1;
    self->base.medium = TENON_MEDIUM_CAN;
    self->to_far.capacity = (uint32_t)(count / 2);
    self->to_far.entries = entries;
    self->to_near.capacity = (uint32_t)(count / 2);
    self->to_near.entries = entries + count / 2;
    self->free_ns = INT64_MIN; /* time may begin anywhere, below zero too */
    return &self->base;
}

/* ---- The far end ---- */

bool tenon_memory_can_line_far_read(struct tenon_memory_can_line *self,
                                    struct tenon_can_frame *out_frame,
                                    tenon_ns_t now,
                                    tenon_ns_t *out_arrival_ns)
{
    settle(self, now);
    if (!has_arrived(&self->to_far, now)) {
        return false;
    }
    const struct tenon_memory_can_entry entry = pop(&self->to_far);
    *out_frame = entry.frame;
    if (out_arrival_ns != NULL) {
        *out_arrival_ns = entry.time_ns;
    }
    return true;
}

bool tenon_memory_can_line_far_write(struct tenon_memory_can_line *self,
                                     const struct tenon_can_frame *frame,
                                     tenon_ns_t due)
{
    if (!tenon_can_frame_is_valid(frame)) {
        return false;
    }
    if (self->unplugged) {
        return true; /* the far end cannot know: its frames go nowhere */
    }
    return push(&self->to_near, frame, due);
}

/* The end of the frame that is on the bus for the far end, or of the one that would get it next. */
static tenon_ns_t next_end(const struct tenon_memory_can_line *self)
{
    if (self->to_far.sent > 0u) {
        return self->to_far.entries[0].time_ns;
    }
    const struct contest contest = hold_contest(self);
    return contest.queue != NULL ? end_of(self, &contest) : TENON_NEVER;
}

tenon_ns_t tenon_memory_can_line_far_next_ns(const struct tenon_memory_can_line *self)
{
    return self->to_far.count > 0u ? next_end(self) : TENON_NEVER;
}

tenon_ns_t tenon_memory_can_line_next_ns(const struct tenon_memory_can_line *self)
{
    const tenon_ns_t end = next_end(self);
    const bool near_waits = self->to_near.sent > 0u && self->to_near.entries[0].time_ns < end;
    return near_waits ? self->to_near.entries[0].time_ns : end;
}

void tenon_memory_can_line_set_unplugged(struct tenon_memory_can_line *self, bool unplugged)
{
    self->unplugged = unplugged;
    if (unplugged) {
        self->to_far.count = self->to_far.sent = 0u;
        self->to_near.count = self->to_near.sent = 0u;
        self->base.tx_pending = false;
    }
}
