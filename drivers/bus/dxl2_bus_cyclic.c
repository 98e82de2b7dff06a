#include "dxl2_bus_internal.h"
#include "dxl2_words.h"

#include <string.h>

/* ---- Which are due ---- */

static void expect_next_stage(struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    if (self->stage_count > 0 && now > self->stage_ns) {
        self->next_stage_ns = now + (now - self->stage_ns);
    }
    self->stage_ns = now;
    self->stage_count++;
}

void tenon__dxl2_stage(struct tenon_bus *base, uint32_t cycle, tenon_ns_t now)
{
    struct tenon_dxl2_bus *self = tenon__dxl2_self(base);
    if (self->record_count == 0) {
        return;
    }
    const uint32_t passed = self->stage_count > 0 ? cycle - self->stage_cycle : 1u;
    self->stage_cycle = cycle;
    expect_next_stage(self, now);
    if (self->cycle_is_staged || self->cycle_is_running) {
        base->counters.overrun_count++;
    }
    self->cycle_is_staged = true;
    struct tenon__dxl2_record *end = self->records + self->record_count;
    for (struct tenon__dxl2_record *r = self->records; r != end; r++) {
        const struct tenon_bus_device *device = r->device;
        if (device == NULL) {
            continue;
        }
        const bool due = tenon_bus_device_is_due(device, cycle, passed);
        r->write_is_due |= due & device->out_is_fresh & (r->out_span > 0);
        const bool read_is_due = due & device->is_listening & (r->in_span > 0);
        if (read_is_due != r->read_is_due) {
            r->read_is_due = read_is_due;
            if (!self->plan_is_stale) {
                self->groups[r->group].is_stale = true;
            }
        }
    }
}

/* ---- Sending ---- */

/* Header with LEN to come, and what each sync instruction begins with. @return Where the rest goes.
 */
static uint8_t *put_sync_head(uint8_t *frame, uint8_t instruction, uint16_t address, uint8_t width)
{
    const uint8_t head[DXL2_HEADER_SIZE] = {0xFF,           0xFF, 0xFD, 0x00,
                                            DXL2_BROADCAST, 0,    0,    instruction};
    memcpy(frame, head, sizeof head);
    dxl2_store16(frame + 8, address);
    dxl2_store16(frame + 10, width);
    return frame + 12;
}

/* LEN and CRC for the bytes from tx + at to `end`; stuffed only if need be, which is rare. @return
 * The size. */
static size_t close_frame(const struct tenon_dxl2_bus *self, size_t at, const uint8_t *end)
{
    uint8_t *frame = self->tx + at;
    const size_t count = (size_t)(end - frame);
    const size_t params = count - DXL2_HEADER_SIZE;
    if (dxl2_has_marker(frame + DXL2_HEADER_SIZE, params)) {
        /* From the end of tx, which holds every frame at its longest, so that the writer never
         * overtakes the reader. */
        uint8_t *copy = self->tx + self->tx_capacity - params;
        memmove(copy, frame + DXL2_HEADER_SIZE, params);
        const int size = dxl2_encode(frame, self->tx_capacity - at, DXL2_BROADCAST, DXL2_SYNC_WRITE,
                                     copy, params);
        return size > 0 ? (size_t)size : 0;
    }
    dxl2_store16(frame + 5, (uint16_t)(count + 2u - 7u));
    dxl2_store16(frame + count, dxl2_crc(0, frame, count));
    return count + 2u;
}

/* As memcpy(), without a call: 8 ... 16 bytes, in halves that may overlap. */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t count)
{
    uint8_t halves[2][8];
    memcpy(halves[0], from, 8);
    memcpy(halves[1], from + count - 8, 8);
    memcpy(to, halves[0], 8);
    memcpy(to + count - 8, halves[1], 8);
}

/* One sync write per shape, from tx + 0 on. The locals are for speed: bytes may alias all members.
 */
static void encode_writes(struct tenon_dxl2_bus *self)
{
    struct tenon__dxl2_record *const records = self->records;
    const uint8_t *order = self->write_order;
    const uint8_t *const order_end = order + self->record_count;
    unsigned open = NO_RECORD; /* write group of the open frame */
    size_t begin = 0;
    uint8_t *at = self->tx;
    for (; order != order_end; order++) {
        struct tenon__dxl2_record *r = &records[*order];
        if (!r->write_is_due) {
            continue;
        }
        if (r->write_group != open) {
            begin += open == NO_RECORD ? 0 : close_frame(self, begin, at);
            at = put_sync_head(self->tx + begin, DXL2_SYNC_WRITE, r->out_address, r->out_span);
            open = r->write_group;
        }
        const size_t span = r->out_span;
        r->write_is_due = false;
        r->device->out_is_fresh = false;
        *at = r->id;
        if (span == 4) {
            memcpy(at + 1, r->out, 4); /* the usual size, without a call */
        } else {
            memcpy(at + 1, r->out, span);
        }
        at += 1 + span;
    }
    self->tx_count = begin + (open == NO_RECORD ? 0 : close_frame(self, begin, at));
}

static bool is_read_due(const struct tenon__dxl2_record *r)
{
    return r->read_is_due;
}

static bool is_read_again(const struct tenon__dxl2_record *r)
{
    return r->is_awaited;
}

/* What a sync read asks for, and what it brings. */
struct ask {
    size_t frame_bytes;
    uint32_t count;
    uint32_t reply_bytes;
    uint32_t delay_us;
};

/* A sync read of those in the group who are wanted; frame_bytes 0: none. */
static struct ask encode_read(const struct tenon_dxl2_bus *self,
                              const struct tenon__dxl2_group *g,
                              bool (*is_wanted)(const struct tenon__dxl2_record *),
                              uint8_t *frame,
                              size_t capacity)
{
    struct ask ask = {0};
    struct dxl2_writer w;
    dxl2_begin(&w, frame, capacity, DXL2_BROADCAST, DXL2_SYNC_READ);
    const struct tenon__dxl2_record *r = &self->records[self->read_order[g->first]];
    dxl2_put16(&w, r->in_address);
    dxl2_put16(&w, r->in_span);
    for (size_t i = g->first; i < (size_t)g->first + g->count; i++) {
        r = &self->records[self->read_order[i]];
        if (is_wanted(r)) {
            dxl2_put8(&w, r->id);
            ask.count++;
            ask.reply_bytes += DXL2_STATUS_SIZE((uint32_t)r->in_span);
            ask.delay_us += r->return_delay_us;
        }
    }
    const int size = ask.count == 0 ? 0 : dxl2_end(&w);
    ask.frame_bytes = size > 0 ? (size_t)size : 0;
    return ask;
}

static void refresh_group(const struct tenon_dxl2_bus *self, struct tenon__dxl2_group *g)
{
    const struct ask ask =
        encode_read(self, g, is_read_due, self->frames + (size_t)g->first * READ_FRAME_MAX,
                    (size_t)g->count * READ_FRAME_MAX);
    g->frame_bytes = (uint16_t)ask.frame_bytes;
    g->due_count = (uint8_t)ask.count;
    g->reply_bytes = (uint16_t)ask.reply_bytes;
    g->delay_us = ask.delay_us;
    g->is_stale = false;
}

/* Go to the next group with someone due. @return Whether there is one in this cycle. */
static bool advance(struct tenon_dxl2_bus *self)
{
    while (self->group_left > 0) {
        struct tenon__dxl2_group *g = &self->groups[self->group_at];
        self->group = self->group_at;
        self->group_is_asked = false;
        self->group_at = (uint8_t)(self->group_at + 1 < self->group_count ? self->group_at + 1 : 0);
        self->group_left--;
        if (g->is_stale) {
            refresh_group(self, g);
        }
        if (g->frame_bytes > 0) {
            return true;
        }
    }
    return false;
}

static void append_group(struct tenon_dxl2_bus *self)
{
    const struct tenon__dxl2_group *g = &self->groups[self->group];
    const uint8_t *frame = self->frames + (size_t)g->first * READ_FRAME_MAX;
    memcpy(self->tx + self->tx_count, frame, g->frame_bytes);
    self->tx_count += g->frame_bytes;
    struct tenon__dxl2_record *const records = self->records;
    const uint8_t *order = self->read_order + g->first;
    const uint8_t *const order_end = order + g->count;
    for (; order != order_end; order++) {
        struct tenon__dxl2_record *r = &records[*order];
        r->is_awaited = r->read_is_due;
    }
    self->awaited_count = g->due_count;
    self->group_is_asked = true;
    self->was_broken = false;
    tenon__dxl2_expect(self, g->due_count, g->reply_bytes, g->delay_us);
}

static void end_cycle(struct tenon_dxl2_bus *self)
{
    self->cycle_is_running = false;
    self->base.counters.cycle_count++;
}

void tenon__dxl2_begin_cycle(struct tenon_dxl2_bus *self)
{
    tenon__dxl2_miss_awaited(self, TENON_ERR_TIMEOUT);
    if (self->plan_is_stale) {
        tenon__dxl2_plan(self);
    } else if (self->cycle_is_running) {
        self->group_at =
            self->group; /* the cycle before was cut short: those it left out come first */
    }
    self->cycle_is_staged = false;
    self->cycle_is_running = false;
    self->group_left = self->group_count;
    encode_writes(self);
    if (advance(self)) {
        append_group(self);
    }
    self->cycle_is_running = self->tx_count > 0;
}

void tenon__dxl2_begin_group(struct tenon_dxl2_bus *self)
{
    if (self->plan_is_stale) {
        end_cycle(self); /* the groups are no longer those this cycle was planned with */
    } else {
        append_group(self);
    }
}

void tenon__dxl2_begin_recovery(struct tenon_dxl2_bus *self)
{
    self->wants_recovery = false;
    self->was_broken = false;
    const struct ask ask =
        encode_read(self, &self->groups[self->group], is_read_again, self->tx, self->tx_capacity);
    self->tx_count = ask.frame_bytes;
    if (ask.frame_bytes > 0) {
        tenon__dxl2_expect(self, ask.count, ask.reply_bytes, ask.delay_us);
    } else {
        tenon__dxl2_end_exchange(self);
    }
}

void tenon__dxl2_end_exchange(struct tenon_dxl2_bus *self)
{
    if (self->cycle_is_running && !self->wants_recovery &&
        (self->group_left == 0 || !advance(self))) {
        end_cycle(self);
    }
}

/* ---- Missing answers ---- */

static void miss(struct tenon_dxl2_bus *self, struct tenon__dxl2_record *r, int error)
{
    r->is_awaited = false;
    self->awaited_count--;
    r->device->in_error = (int16_t)error;
    r->device->counters.missed_count++;
}

void tenon__dxl2_miss_awaited(struct tenon_dxl2_bus *self, int error)
{
    self->wants_recovery = false;
    for (size_t i = 0; self->awaited_count > 0 && i < self->record_count; i++) {
        if (self->records[i].is_awaited) {
            miss(self, &self->records[i], error);
        }
    }
}

/* Count a group as asked, so that its devices learn why nothing comes. */
static void await_group(struct tenon_dxl2_bus *self)
{
    const struct tenon__dxl2_group *g = &self->groups[self->group];
    for (size_t i = g->first; i < (size_t)g->first + g->count; i++) {
        struct tenon__dxl2_record *r = &self->records[self->read_order[i]];
        if (r->read_is_due && !r->is_awaited) {
            r->is_awaited = true;
            self->awaited_count++;
        }
    }
}

void tenon__dxl2_abort_cycle(struct tenon_dxl2_bus *self)
{
    if (self->cycle_is_running && !self->group_is_asked) {
        await_group(self);
    }
    while (self->cycle_is_running && advance(self)) {
        await_group(self);
    }
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__dxl2_record *r = &self->records[i];
        if (r->device == NULL) {
            continue;
        }
        if (r->read_is_due && self->cycle_is_staged && !r->is_awaited) {
            r->is_awaited = true;
            self->awaited_count++;
        }
        if (r->write_is_due) {
            /* It must not be sent when the line is back, however much later that is. */
            r->write_is_due = false;
            r->device->out_is_fresh = false;
        }
    }
    tenon__dxl2_miss_awaited(self, TENON_ERR_IO);
    self->cycle_is_staged = false;
    self->cycle_is_running = false;
}

/* Let a device be read after all others of its group. */
static void read_last(struct tenon_dxl2_bus *self, struct tenon__dxl2_group *g, size_t at)
{
    uint8_t *order = self->read_order;
    const size_t last = (size_t)g->first + g->count - 1u;
    const uint8_t index = order[at];
    memmove(order + at, order + at + 1, last - at);
    order[last] = index;
    g->is_stale = true;
}

/* Time for a sync read of those still awaited, return delays included. */
static tenon_ns_t recovery_ns(const struct tenon_dxl2_bus *self, const struct tenon__dxl2_group *g)
{
    size_t bytes = READ_FRAME_MAX;
    uint32_t delay_us = 0;
    for (size_t i = g->first; i < (size_t)g->first + g->count; i++) {
        const struct tenon__dxl2_record *r = &self->records[self->read_order[i]];
        if (r->is_awaited) {
            bytes += 1u + DXL2_STATUS_SIZE((size_t)r->in_span);
            delay_us += r->return_delay_us;
        }
    }
    return tenon__dxl2_wire_ns(self, bytes) + TENON_US(delay_us);
}

void tenon__dxl2_judge_missing(struct tenon_dxl2_bus *self,
                               const struct tenon_line *line,
                               tenon_ns_t now)
{
    struct tenon__dxl2_group *g = &self->groups[self->group];
    const size_t end = (size_t)g->first + g->count;
    size_t at = g->first;
    while (at < end && !self->records[self->read_order[at]].is_awaited) {
        at++;
    }
    if (at == end) {
        return;
    }
    /* Broken answers are not silence: two devices may have one number. */
    const int error = self->was_broken ? TENON_ERR_PROTO : TENON_ERR_TIMEOUT;
    miss(self, &self->records[self->read_order[at]], error);
    self->records[self->read_order[at]].is_suspect = true;
    /* Suspects are not worth a second request: they change places, so each is the first of them now
     * and then. */
    for (size_t i = at + 1; i < end; i++) {
        struct tenon__dxl2_record *r = &self->records[self->read_order[i]];
        if (r->is_awaited && r->is_suspect) {
            miss(self, r, error);
        }
    }
    read_last(self, g, at);
    self->wants_recovery = self->awaited_count > 0 && self->job != JOB_RECOVERY &&
                           !self->cycle_is_staged && !self->plan_is_stale &&
                           now + recovery_ns(self, g) + line->latency_ns <= self->next_stage_ns;
    if (!self->wants_recovery) {
        tenon__dxl2_miss_awaited(self, TENON_ERR_TIMEOUT);
    }
}

/* ---- Answers ---- */

/* Pick the fields out of a read that spans gaps. */
static void pick_fields(const struct tenon__dxl2_record *r, const uint8_t *data)
{
    uint8_t *to = r->in;
    for (size_t i = 0; i < r->device->in_count; i++) {
        const struct tenon_field *field = &r->device->in_fields[i];
        memcpy(to, data + (field->address - r->in_address), field->width);
        to += field->width;
    }
}

static void settle(struct tenon_dxl2_bus *self, struct tenon__dxl2_record *r, uint8_t error)
{
    r->is_awaited = false;
    r->is_suspect = false;
    r->device->status = error;
    self->awaited_count--;
}

static inline void note_sample(struct tenon__dxl2_record *r, uint8_t error, tenon_ns_t now)
{
    struct tenon_bus_device *device = r->device;
    r->is_awaited = false;
    r->is_suspect = false;
    device->status = error;
    device->in_error = TENON_OK;
    device->in_stamp_ns = now;
    device->in_sequence++;
    device->counters.reply_count++;
}

/* Whether these bytes are a regular answer of a device that is awaited: no error, no stuffing. */
static inline bool is_regular(const struct tenon__dxl2_record *r, const uint8_t *at)
{
    const uint8_t *body = at + DXL2_HEADER_SIZE;
    const size_t count = r->in_span + 1u;
    if (memcmp(at, r->prefix, DXL2_HEADER_SIZE) != 0 || (body[0] & ~DXL2_ALERT) != 0) {
        return false;
    }
    const uint16_t crc = (uint16_t)(dxl2_load16(body + count) ^ r->prefix_crc);
    return dxl2_sum_has_crc(dxl2_sum_of_pair(body, count), crc) &&
           (!dxl2_has_fd(body, count) || !dxl2_has_marker(body, count));
}

/* Take awaited answers without a detour through the parser, as long as they come whole and regular.
 */
static void take_regular(struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    struct tenon__dxl2_record *const records = self->records;
    const uint8_t *const id_map = self->id_map;
    size_t count;
    const uint8_t *at = dxl2_parser_peek(self->parser, &count);
    size_t left = count;
    while (left > DXL2_HEADER_SIZE && id_map[at[4]] != NO_RECORD) {
        struct tenon__dxl2_record *r = &records[id_map[at[4]]];
        if (!r->in_is_short || !r->is_awaited || left < r->answer_bytes || !is_regular(r, at)) {
            break;
        }
        const uint8_t *data = at + DXL2_HEADER_SIZE + 1;
        copy_short(r->in, data, r->in_span);
        note_sample(r, data[-1], now);
        self->awaited_count--;
        at += r->answer_bytes;
        left -= r->answer_bytes;
    }
    dxl2_parser_consume(self->parser, count - left);
}

static void take_data(const struct tenon__dxl2_record *r, const struct dxl2_packet *packet)
{
    if (r->in_is_plain) {
        memcpy(r->in, packet->params, r->in_span);
    } else {
        pick_fields(r, packet->params);
    }
}

/* Two answers found at once: the first lay there before it was asked for. */
static void
take_newer(struct tenon__dxl2_record *r, const struct dxl2_packet *packet, tenon_ns_t now)
{
    const struct tenon_bus_device *device = r->device;
    if (device->in_sequence > 0 && device->in_error == TENON_OK && device->in_stamp_ns == now &&
        (packet->error & ~DXL2_ALERT) == 0) {
        take_data(r, packet);
    }
}

/* A status of a device that is awaited. @return Whether it settles that. */
static bool answer_read(struct tenon_dxl2_bus *self,
                        struct tenon__dxl2_record *r,
                        const struct dxl2_packet *packet,
                        tenon_ns_t now)
{
    if ((packet->error & ~DXL2_ALERT) != 0) {
        settle(self, r, packet->error);
        r->device->in_error = TENON_ERR_DEVICE;
        r->device->counters.error_count++;
        return true;
    }
    if (packet->param_count != r->in_span) {
        return false;
    }
    take_data(r, packet);
    note_sample(r, packet->error, now);
    self->awaited_count--;
    return true;
}

bool tenon__dxl2_answer_cycle(struct tenon_dxl2_bus *self,
                              const struct dxl2_packet *packet,
                              tenon_ns_t now)
{
    struct tenon__dxl2_record *r = tenon__dxl2_find(self, packet->id);
    if (r == NULL) {
        return false;
    }
    if (r->is_awaited) {
        return answer_read(self, r, packet, now);
    }
    if (packet->param_count == r->in_span) {
        take_newer(r, packet, now);
    }
    return false;
}

void tenon__dxl2_take_input(struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    struct dxl2_packet packet;
    do {
        /* While answers are owed, what looks regular may be one of them. */
        if (self->awaited_count > 0 && (self->owed_count | (self->job == JOB_REQUEST)) == 0) {
            take_regular(self, now);
        }
        if (dxl2_parser_is_empty(self->parser) || !dxl2_parser_next(self->parser, &packet)) {
            return;
        }
        tenon__dxl2_take_packet(self, &packet, now);
    } while (true);
}
