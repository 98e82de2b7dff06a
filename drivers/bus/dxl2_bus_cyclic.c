#include "dxl2_bus_internal.h"
#include "dxl2_words.h"

#include <string.h>

enum { GOAL_BYTES = 4 }; /* of the usual out window */

/* Those that disturbed others are asked again after so many cycles. */
#define SHUN_CYCLES 3

/* ---- Which are due ---- */

/* WRITE_DUE if a command waits. */
static inline uint8_t waiting(const struct tenon__dxl2_record *r)
{
    return r->device->out_is_fresh & r->uses & USE_WRITE;
}

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
    self->passed += self->stage_count > 0 ? cycle - self->cycle : 1u;
    self->cycle = cycle;
    expect_next_stage(self, now);
    if (self->cycle_is_staged || self->cycle_is_running) {
        base->counters.overrun_count++;
    }
    self->cycle_is_staged = true;
}

static void mark_due(struct tenon_dxl2_bus *self)
{
    const uint32_t cycle = self->cycle;
    const uint32_t passed = self->passed;
    struct tenon__dxl2_record *const end = self->records + self->record_count;
    bool has_changed = false;
    for (struct tenon__dxl2_record *r = self->records; r != end; r++) {
        const struct tenon_bus_device *device = r->device;
        if (device == NULL) {
            continue;
        }
        uint8_t write = r->write;
        bool reads = false;
        if (tenon_bus_device_is_due(device, cycle, passed)) {
            write |= waiting(r);
            reads = device->is_listening & (r->uses >> 1);
        }
        r->write = write & WRITE_DUE;
        has_changed |= reads ^ r->read_is_due;
        r->read_is_due = reads;
        r->read = reads;
    }
    self->passed = 0;
    self->read_at = has_changed ? NO_READ : self->read_at;
}

/* ---- Missing ---- */

static void miss(struct tenon_dxl2_bus *self, struct tenon__dxl2_record *r, int error)
{
    self->awaited_count = (uint8_t)(self->awaited_count - tenon__dxl2_is_awaited(self, r));
    r->read = READ_DONE;
    r->device->in_error = (int16_t)error;
    r->device->counters.missed_count++;
}

void tenon__dxl2_miss_awaited(struct tenon_dxl2_bus *self, int error)
{
    self->wants_recovery = false;
    for (size_t i = 0; self->awaited_count > 0 && i < self->record_count; i++) {
        if (tenon__dxl2_is_awaited(self, &self->records[i])) {
            miss(self, &self->records[i], error);
        }
    }
}

/* Some were silent: do without those that disturbed others, for a while. */
static void mark_doubtful(struct tenon_dxl2_bus *self)
{
    self->has_doubts = false;
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__dxl2_record *r = &self->records[i];
        self->has_doubts |= r->doubt != DOUBT_NONE;
        if (r->doubt == DOUBT_NONE || r->read == READ_DONE) {
            continue;
        }
        r->read = READ_DOUBTFUL;
        if (r->doubt == DOUBT_SHUNNED && self->shun_left > 0) {
            r->read_is_due = false;
            self->read_at = NO_READ;
            miss(self, r, TENON_ERR_TIMEOUT);
        }
    }
    self->shun_left = (uint8_t)(self->shun_left - (self->shun_left > 0));
}

/* ---- Sending ---- */

/* Header with LEN to come, and what each sync instruction begins with. */
static void put_sync_head(uint8_t *frame, uint8_t instruction, uint16_t address, uint8_t width)
{
    const uint8_t head[DXL2_HEADER_SIZE] = {0xFF,           0xFF, 0xFD, 0x00,
                                            DXL2_BROADCAST, 0,    0,    instruction};
    memcpy(frame, head, sizeof head);
    dxl2_store16(frame + 8, address);
    dxl2_store16(frame + 10, width);
}

/* LEN and CRC for the frame of tx from tx_count to `end`. */
static void close_frame(struct tenon_dxl2_bus *self, uint8_t *end)
{
    uint8_t *frame = self->tx + self->tx_count;
    const size_t count = (size_t)(end - frame);
    dxl2_store16(frame + 5, (uint16_t)(count + CRC_SIZE - BEFORE_LENGTH_COUNTS));
    dxl2_store16(end, dxl2_crc(0, frame, count));
    self->tx_count += count + CRC_SIZE;
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

/* Bytes that `count` of data take at most, stuffing included. */
static inline size_t stuffed_max(size_t count)
{
    return count + count / 3u + 1u;
}

/* Within a frame only windows can hold a marker: IDs and widths are no FD, and what precedes them
 * no FF. @return Where the next one goes. */
static uint8_t *put_stuffed(uint8_t *to, const uint8_t *window, size_t span)
{
    struct dxl2_writer w = {.out = to, .capacity = stuffed_max(span)};
    dxl2_put(&w, window, span);
    return to + w.count;
}

/* Of the usual size. */
static inline bool may_hold_marker(uint32_t window)
{
    return (window & 0xFDFF00u) == 0xFDFF00u;
}

static inline uint8_t *put_window(uint8_t *to, const uint8_t *window, size_t span)
{
    if (span == GOAL_BYTES) { /* the usual size, without a call */
        const uint32_t value = dxl2_load32(window);
        dxl2_store32(to, value);
        if (!may_hold_marker(value)) {
            return to + GOAL_BYTES;
        }
    }
    return put_stuffed(to, window, span);
}

/* A sync write of all that are due and of the same shape as this one, as far as there is room.
 * @return The first of another shape, or NULL. */
static struct tenon__dxl2_record *put_writes(struct tenon_dxl2_bus *self,
                                             struct tenon__dxl2_record *r)
{
    struct tenon__dxl2_record *const end = self->records + self->record_count;
    const uint32_t shape = r->out_shape;
    const size_t span = shape & 0xFFu;
    const size_t room = 1u + stuffed_max(span) + CRC_SIZE;
    struct tenon__dxl2_record *other = NULL;
    uint8_t *at = self->tx + self->tx_count + SYNC_HEAD_SIZE;
    if (self->tx_count + SYNC_HEAD_SIZE + room > self->tx_capacity) {
        self->writes_are_left = true;
        return NULL;
    }
    const uint8_t *const last = self->tx + self->tx_capacity - room;
    put_sync_head(at - SYNC_HEAD_SIZE, DXL2_SYNC_WRITE, (uint16_t)(shape >> 8), (uint8_t)span);
    for (; r != end; r++) {
        struct tenon_bus_device *const device = r->device;
        if ((r->write & WRITE_DUE) == 0) {
            continue;
        }
        if (r->out_shape != shape) {
            other = other == NULL ? r : other;
            continue;
        }
        if (at > last) {
            self->writes_are_left = true;
            break;
        }
        *at = r->id;
        at = put_window(at + 1, device->out, span);
        r->write = WRITE_SENT;
        device->out_is_fresh = false;
    }
    close_frame(self, at);
    return other;
}

/* One sync write per shape. What finds no room in tx leaves with the next transmission. */
static void encode_writes(struct tenon_dxl2_bus *self)
{
    struct tenon__dxl2_record *r = self->records;
    struct tenon__dxl2_record *const end = r + self->record_count;
    self->writes_are_left = false;
    while (r != end && (r->write & WRITE_DUE) == 0) {
        r++;
    }
    r = r == end ? NULL : r;
    while (r != NULL) {
        r = put_writes(self, r);
    }
}

/* 8 ... 12 bytes: copied in two halves, and two words with error and CRC. */
static bool is_short(size_t span)
{
    return span >= 8 && 1 + span + CRC_SIZE <= 15;
}

/* A sync read, behind what is in tx, of those in the group that are open. @return Whether there is
 * one. */
static bool encode_read(struct tenon_dxl2_bus *self)
{
    uint8_t *const frame = self->tx + self->tx_count;
    uint8_t *at = frame + SYNC_HEAD_SIZE;
    const struct tenon__dxl2_record *listed = NULL;
    uint32_t delays = 0;
    for (size_t i = 0; i < self->record_count; i++) {
        const struct tenon__dxl2_record *r = &self->records[self->read_order[i]];
        if (r->read != READ_DONE && r->group == self->group) {
            *at++ = r->id;
            delays += r->return_delay;
            listed = r;
        }
    }
    if (listed == NULL) {
        return false;
    }
    self->read_at = (uint16_t)self->tx_count;
    self->read_group = self->group;
    self->read_count = (uint8_t)(at - frame - SYNC_HEAD_SIZE);
    self->read_delay_us = delays * RETURN_DELAY_UNIT_US;
    self->read_span = listed->in_span;
    self->read_is_short = (listed->uses & USE_PLAIN) != 0 && is_short(listed->in_span);
    put_sync_head(frame, DXL2_SYNC_READ, listed->in_address, listed->in_span);
    close_frame(self, at);
    return true;
}

static void await_read(struct tenon_dxl2_bus *self)
{
    self->awaited_count = self->read_count;
    self->was_broken = false;
    self->slow = NO_RECORD;
    tenon__dxl2_expect(self, self->read_count, self->read_span, self->read_delay_us);
}

static size_t read_frame_bytes(size_t count)
{
    return SYNC_HEAD_SIZE + count + CRC_SIZE;
}

/* The next group with someone due: the sync read is often there still. */
static void append_read(struct tenon_dxl2_bus *self)
{
    while (self->group_left > 0) {
        self->group = self->group_at;
        self->group_at = (uint8_t)(self->group_at + 1 < self->group_count ? self->group_at + 1 : 0);
        self->group_left--;
        if (self->read_at == self->tx_count && self->read_group == self->group) {
            self->tx_count += read_frame_bytes(self->read_count);
            await_read(self);
            return;
        }
        if (encode_read(self)) {
            await_read(self);
            return;
        }
    }
}

/* Commands that are traced and have left in this transmission. */
static void trace_sent(struct tenon_dxl2_bus *self)
{
    const uint32_t ticks = tenon_trace_ticks(self->base.wire);
    if (ticks == 0) {
        return;
    }
    self->begin_ticks = self->link == 0 ? ticks : self->begin_ticks;
    for (size_t i = 0; i < self->record_count; i++) {
        const struct tenon__dxl2_record *r = &self->records[i];
        if (r->device != NULL && r->device->command != 0 && r->write == WRITE_SENT &&
            r->device->link == 0) {
            tenon_trace_sent(self->base.wire, r->device, &self->link);
        }
    }
}

/* Answers come in one piece as a rule: they are told of when the last one is there. */
static void trace_over(struct tenon_dxl2_bus *self)
{
    if (self->link == 0) {
        return;
    }
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon_bus_device *const device = self->records[i].device;
        if (device != NULL && device->link != 0) {
            tenon_trace_answered(self->base.wire, device, device->in_error);
        }
    }
    tenon_trace_over(self->base.wire, self->link, self->begin_ticks, self->read_count);
    self->link = 0;
}

static void end_cycle(struct tenon_dxl2_bus *self)
{
    trace_over(self);
    self->cycle_is_running = false;
    self->is_in_danger = false;
    self->base.counters.cycle_count++;
}

/* As much of the cycle as leaves at once. */
static void encode_part(struct tenon_dxl2_bus *self)
{
    if (self->writes_are_left) {
        encode_writes(self);
        self->write_bytes = (uint16_t)self->tx_count;
    }
    if (!self->writes_are_left &&
        self->tx_capacity - self->tx_count >= read_frame_bytes(self->record_count)) {
        append_read(self);
    }
}

/* Whether tx holds one command, not stuffed, and one question for each device, which the next cycle
 * may send again with other goals. */
static bool is_uniform(const struct tenon_dxl2_bus *self)
{
    const struct tenon__dxl2_record *const first = self->records;
    const size_t bytes = SYNC_HEAD_SIZE + self->record_count * (1u + GOAL_BYTES) + CRC_SIZE;
    bool is_same = self->group_count == 1 && !self->has_doubts && self->write_bytes == bytes &&
                   (first->out_shape & 0xFFu) == GOAL_BYTES;
    for (const struct tenon__dxl2_record *r = first; r != first + self->record_count; r++) {
        is_same &= r->device != NULL && r->read_is_due && r->write == WRITE_SENT &&
                   r->out_shape == first->out_shape;
    }
    return is_same;
}

/* A device that takes part in each cycle and has a command. */
static inline bool is_usual(const struct tenon_bus_device *device)
{
    return (device->divisor <= 1) & device->is_listening & device->out_is_fresh;
}

/* The cycle before once more, with other goals. @return false, and nothing has happened, if it is
 * not that simple. */
static bool refill(struct tenon_dxl2_bus *self)
{
    struct tenon__dxl2_record *const records = self->records;
    struct tenon__dxl2_record *const end = records + self->record_count;
    uint8_t *at = self->tx + SYNC_HEAD_SIZE;
    for (struct tenon__dxl2_record *r = records; r != end; r++) {
        struct tenon_bus_device *const device = r->device;
        const uint32_t goal = dxl2_load32(device->out);
        if (!is_usual(device) || may_hold_marker(goal)) {
            while (r != records) {
                (--r)->device->out_is_fresh = true;
            }
            return false;
        }
        dxl2_store32(at + 1, goal);
        at += 1 + GOAL_BYTES;
        device->out_is_fresh = false;
        r->read = READ_OPEN;
    }
    self->passed = 0;
    close_frame(self, at);
    return true;
}

static void begin_anew(struct tenon_dxl2_bus *self)
{
    if (self->plan_is_stale) {
        tenon__dxl2_plan(self);
    }
    mark_due(self);
    if (self->has_doubts) {
        mark_doubtful(self);
    }
    self->group_left = self->group_count;
    self->writes_are_left = true;
    encode_part(self);
    self->is_uniform = is_uniform(self);
}

void tenon__dxl2_begin_cycle(struct tenon_dxl2_bus *self)
{
    if (self->cycle_is_running && self->group_left == 0 && self->awaited_count == 0) {
        end_cycle(self); /* but for saying it once more */
    }
    tenon__dxl2_miss_awaited(self, TENON_ERR_TIMEOUT);
    self->cycle_is_staged = false;
    self->is_in_danger = self->start_ns < self->late_until_ns;
    /* What else was sent since has left no read in tx. */
    if (self->is_uniform && self->read_at == self->write_bytes && !self->plan_is_stale &&
        !self->has_doubts && refill(self)) {
        self->tx_count += read_frame_bytes(self->read_count);
        await_read(self);
    } else {
        begin_anew(self);
    }
    self->cycle_is_running = self->tx_count > 0;
    trace_sent(self);
}

void tenon__dxl2_begin_part(struct tenon_dxl2_bus *self)
{
    if (!self->plan_is_stale) { /* else the groups are no longer those this cycle was planned with
                                 */
        encode_part(self);
        trace_sent(self);
    }
    if (self->tx_count == 0) {
        end_cycle(self);
    }
}

static void write_again(struct tenon_dxl2_bus *self)
{
    self->is_in_danger = false;
    for (size_t i = 0; i < self->record_count; i++) {
        self->records[i].write |= self->records[i].write == WRITE_SENT ? WRITE_DUE : 0;
    }
    encode_writes(self);
}

void tenon__dxl2_begin_recovery(struct tenon_dxl2_bus *self)
{
    self->wants_recovery = false;
    if (self->is_in_danger) {
        write_again(self);
    }
    if (self->awaited_count > 0 && !self->writes_are_left && encode_read(self)) {
        await_read(self);
    }
    self->read_at = NO_READ; /* this one is short */
    if (self->tx_count == 0) {
        tenon__dxl2_end_exchange(self, self->start_ns);
    }
}

void tenon__dxl2_end_exchange(struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    if (!self->cycle_is_running || self->wants_recovery || self->writes_are_left ||
        self->group_left > 0) {
        return;
    }
    /* All is said, but who talks late may have talked over it: once more, if there is time. */
    self->wants_recovery =
        self->is_in_danger && !self->cycle_is_staged && !self->plan_is_stale &&
        now + tenon__dxl2_wire_ns(self, self->write_bytes) <= self->next_stage_ns;
    if (!self->wants_recovery) {
        end_cycle(self);
    }
}

void tenon__dxl2_abort_cycle(struct tenon_dxl2_bus *self)
{
    const bool is_concerned = self->cycle_is_staged || self->cycle_is_running;
    if (self->cycle_is_staged) {
        mark_due(self);
    }
    for (size_t i = 0; is_concerned && i < self->record_count; i++) {
        struct tenon__dxl2_record *r = &self->records[i];
        if (r->read != READ_DONE) {
            miss(self, r, TENON_ERR_IO);
        }
        if ((r->write & WRITE_DUE) != 0) {
            /* It must not be sent when the line is back, however much later that is. */
            r->write = 0;
            r->device->out_is_fresh = false;
        }
    }
    trace_over(self);
    self->wants_recovery = false;
    self->cycle_is_staged = false;
    self->cycle_is_running = false;
}

/* ---- Missing answers ---- */

void tenon__dxl2_note_slow(struct tenon_dxl2_bus *self)
{
    for (size_t i = 0; self->slow == NO_RECORD && i < self->record_count; i++) {
        const uint8_t index = self->read_order[i];
        if (tenon__dxl2_is_awaited(self, &self->records[index])) {
            self->slow = index;
        }
    }
}

/* Let a device be read after all others. */
static void read_last(struct tenon_dxl2_bus *self, uint8_t index)
{
    uint8_t *const order = self->read_order;
    const size_t last = self->record_count - 1u;
    size_t at = 0;
    while (at < last && order[at] != index) {
        at++;
    }
    memmove(order + at, order + at + 1, last - at);
    order[last] = index;
    self->read_at = NO_READ;
}

/* Whoever was silent before and asked all the same may have talked late, into this cycle. */
static void shun(struct tenon_dxl2_bus *self)
{
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__dxl2_record *r = &self->records[i];
        if (r->doubt != DOUBT_NONE) {
            r->doubt = DOUBT_SHUNNED;
            self->shun_left = SHUN_CYCLES;
        }
    }
}

/* Time for another sync read of those still awaited, return delays included. */
static tenon_ns_t recovery_ns(const struct tenon_dxl2_bus *self)
{
    const size_t count = self->awaited_count;
    const size_t bytes =
        read_frame_bytes(count) + count * DXL2_STATUS_SIZE((size_t)self->read_span);
    return tenon__dxl2_wire_ns(self, bytes) + TENON_US(self->read_delay_us);
}

void tenon__dxl2_judge_missing(struct tenon_dxl2_bus *self,
                               const struct tenon_line *line,
                               tenon_ns_t now)
{
    /* Broken answers are not silence: two devices may have one number. */
    const int error = self->was_broken ? TENON_ERR_PROTO : TENON_ERR_TIMEOUT;
    tenon__dxl2_note_slow(self);
    if (self->job == JOB_RECOVERY && (self->was_broken || !self->is_quiet)) {
        tenon__dxl2_miss_awaited(self, error); /* talked over by whom we know already */
        return;
    }
    if (self->slow == NO_RECORD) {
        return;
    }
    struct tenon__dxl2_record *slow = &self->records[self->slow];
    if (slow->doubt == DOUBT_NONE) {
        if (self->is_in_danger && self->shun_left == 0) {
            shun(self);
        }
        slow->doubt = DOUBT_SILENT;
        self->has_doubts = true;
    }
    /* Suspects are not worth a second request: they change places, so each is the first of them now
     * and then. */
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__dxl2_record *r = &self->records[i];
        if (r->doubt != DOUBT_NONE && tenon__dxl2_is_awaited(self, r)) {
            miss(self, r, error);
        }
    }
    read_last(self, self->slow);
    self->wants_recovery = self->awaited_count > 0 && self->job != JOB_RECOVERY &&
                           !self->cycle_is_staged && !self->plan_is_stale &&
                           now + recovery_ns(self) + line->latency_ns <= self->next_stage_ns;
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
    r->read = READ_DONE;
    r->doubt = DOUBT_NONE;
    r->device->status = error;
    self->awaited_count--;
}

static inline void note_sample(struct tenon_bus_device *device, uint8_t error, tenon_ns_t now)
{
    device->status = error;
    device->in_error = TENON_OK;
    device->in_stamp_ns = now;
    device->in_sequence++;
    device->counters.reply_count++;
}

/* What regular answers to a sync read have in common: no error, no stuffing. */
struct regular {
    uint64_t head; /* header with ID 0 */
    size_t size;
    unsigned shift; /* for the bytes that the last eight leave over */
};

/* The first eight bytes without the ID, in memory order. */
static inline uint64_t load_head(const uint8_t *at)
{
    static const uint8_t mask[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0xFF};
    uint64_t head;
    uint64_t keep;
    memcpy(&head, at, sizeof head);
    memcpy(&keep, mask, sizeof keep);
    return head & keep;
}

static struct regular regular_of(size_t span)
{
    const uint8_t head[DXL2_HEADER_SIZE] = {
        0xFF, 0xFF, 0xFD, 0x00, 0, (uint8_t)(1u + 1u + span + CRC_SIZE), 0, DXL2_STATUS};
    return (struct regular){.head = load_head(head),
                            .size = DXL2_STATUS_SIZE(span),
                            .shift = 8u * (unsigned)(16u - (1u + span + CRC_SIZE))};
}

static inline bool is_regular(const struct regular *regular, const uint8_t *at, uint16_t prefix_crc)
{
    const uint8_t *body = at + DXL2_HEADER_SIZE;
    const uint8_t *end = at + regular->size;
    if (load_head(at) != regular->head || (body[0] & ~DXL2_ALERT) != 0) {
        return false;
    }
    const uint64_t first = dxl2_word(body) >> regular->shift;
    const uint64_t last = dxl2_word(end - 8) & ~UINT64_C(0xFFFF);
    const uint16_t crc = (uint16_t)(dxl2_load16(end - CRC_SIZE) ^ prefix_crc);
    return dxl2_pair_is_zero(first, last | crc) &&
           ((dxl2_find_fd(body) | dxl2_find_fd(end - 8)) == 0 ||
            !dxl2_has_marker(body, (size_t)(end - CRC_SIZE - body)));
}

/* Take awaited answers without a detour through the parser, as long as they come whole and regular.
 */
static void take_regular(struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    const struct regular regular = regular_of(self->read_span);
    struct tenon__dxl2_record *const records = self->records;
    const uint8_t *const id_map = self->id_map;
    const uint8_t group = self->group;
    size_t count;
    const uint8_t *const begin = dxl2_parser_peek(self->parser, &count);
    const uint8_t *at = begin;
    for (; count >= regular.size; count -= regular.size, at += regular.size) {
        const uint8_t index = id_map[at[4]];
        struct tenon__dxl2_record *r = &records[index];
        if (index == NO_RECORD || r->read != READ_OPEN || r->group != group ||
            !is_regular(&regular, at, r->prefix_crc)) {
            break;
        }
        copy_short(r->in, at + DXL2_HEADER_SIZE + 1, regular.size - DXL2_STATUS_SIZE(0u));
        r->read = READ_DONE;
        note_sample(r->device, at[DXL2_HEADER_SIZE], now);
        self->awaited_count--;
    }
    if (at != begin) {
        self->progress_ns = now;
        dxl2_parser_consume(self->parser, (size_t)(at - begin));
    }
}

static void take_data(const struct tenon__dxl2_record *r, const struct dxl2_packet *packet)
{
    if ((r->uses & USE_PLAIN) != 0) {
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

bool tenon__dxl2_awaits_trusted(const struct tenon_dxl2_bus *self)
{
    bool awaits = false;
    for (size_t i = 0; i < self->record_count; i++) {
        const struct tenon__dxl2_record *r = &self->records[i];
        awaits |= r->doubt == DOUBT_NONE && tenon__dxl2_is_awaited(self, r);
    }
    return awaits;
}

/* Whoever was silent has an answer coming that may be the old one. It was asked last: what it says
 * before the others have answered is from before. */
static bool is_from_before(const struct tenon_dxl2_bus *self, const struct tenon__dxl2_record *r)
{
    return r->doubt != DOUBT_NONE && tenon__dxl2_awaits_trusted(self);
}

/* A status of a device that is awaited. @return Whether it settles that. */
static bool answer_read(struct tenon_dxl2_bus *self,
                        struct tenon__dxl2_record *r,
                        const struct dxl2_packet *packet,
                        tenon_ns_t now)
{
    const bool is_error = (packet->error & ~DXL2_ALERT) != 0;
    if ((!is_error && packet->param_count != r->in_span) || is_from_before(self, r)) {
        return false;
    }
    self->progress_ns = now;
    settle(self, r, packet->error);
    if (is_error) {
        r->device->in_error = TENON_ERR_DEVICE;
        r->device->counters.error_count++;
    } else {
        take_data(r, packet);
        note_sample(r->device, packet->error, now);
    }
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
    if (tenon__dxl2_is_awaited(self, r)) {
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
        if (self->read_is_short && self->awaited_count > 0 &&
            (self->owed_count | (self->job == JOB_REQUEST)) == 0) {
            take_regular(self, now);
        }
        if (dxl2_parser_is_empty(self->parser) || !dxl2_parser_next(self->parser, &packet)) {
            return;
        }
        tenon__dxl2_take_packet(self, &packet, now);
    } while (true);
}
