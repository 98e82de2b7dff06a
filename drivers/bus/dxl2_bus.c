#include "dxl2_bus_internal.h"

#include <string.h>

enum {
    DRAIN_READS_MAX =
        4, /* before a transmission; a line that chatters on without end must not keep us from it */
    BITS_PER_BYTE = 10,
    BLIND_BYTES = 64, /* of a transmission, in which nothing is read: an echo of them finds room */
    REGISTER_TORQUE_ENABLE = 64,
    REGISTER_BUS_WATCHDOG = 98
};

/* What a device may take beyond its return delay, and how far host and device clocks may be apart.
 */
#define MARGIN_NS           TENON_US(300)
#define MARGIN_PER_REPLY_NS TENON_US(20)
/* A write that has not been taken by then never will. */
#define MARGIN_SEND_NS TENON_MS(5)
/* How often to look again when something is late; a byte's time or the line's latency may stretch
 * it. */
#define STEP_NS TENON_US(50)
/* How often to look for answers owed, if a request waits for them. */
#define OWED_STEP_NS TENON_US(250)
/* Of the line's latency, what to wait for at once so that one look finds everything. */
#define LATENCY_PART     4
#define LATENCY_PART_MAX TENON_US(300)

/* ---- Time ---- */

tenon_ns_t tenon__dxl2_wire_ns(const struct tenon_dxl2_bus *self, size_t bytes)
{
    return self->byte_ns * (tenon_ns_t)bytes;
}

static void set_baud(struct tenon_dxl2_bus *self, uint32_t baud)
{
    const tenon_ns_t bits_ns = TENON_S(BITS_PER_BYTE);
    self->baud = baud;
    self->byte_ns = baud == 0 ? TENON_MS(1) : (bits_ns + baud - 1) / baud;
}

void tenon__dxl2_expect(struct tenon_dxl2_bus *self,
                        uint32_t count,
                        uint32_t width,
                        uint32_t delay_us)
{
    const size_t stuffing = count * width / 3u; /* at most */
    self->expects_reply = true;
    self->reply_ns =
        tenon__dxl2_wire_ns(self, (size_t)count * DXL2_STATUS_SIZE(width)) + TENON_US(delay_us);
    self->margin_ns =
        MARGIN_NS + MARGIN_PER_REPLY_NS * (tenon_ns_t)count + tenon__dxl2_wire_ns(self, stuffing);
}

/* The bytes handed over leave the wire at `sent_ns`: from then on answers may come. */
static void
set_deadlines(struct tenon_dxl2_bus *self, const struct tenon_line *line, tenon_ns_t sent_ns)
{
    self->expected_ns = sent_ns + self->reply_ns;
    self->timeout_ns = self->expected_ns + line->latency_ns + self->margin_ns;
    if (self->job == JOB_REQUEST && self->timeout_ns < sent_ns + SILENCE_NS) {
        self->timeout_ns = sent_ns + SILENCE_NS;
    }
}

/* When to look again at something that is late. */
static tenon_ns_t
next_look(const struct tenon_dxl2_bus *self, const struct tenon_line *line, tenon_ns_t now)
{
    tenon_ns_t step = tenon__dxl2_wire_ns(self, 8);
    step = step > STEP_NS ? step : STEP_NS;
    return now + (step > line->latency_ns / 4 ? step : line->latency_ns / 4);
}

/* When to be called if nothing is on the wire. */
static tenon_ns_t next_start(const struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    if (self->cycle_is_staged || self->cycle_is_running) {
        return now;
    }
    if (self->queue == NULL) {
        return TENON_NEVER;
    }
    const struct tenon_request *next = tenon__dxl2_next_request(self);
    if (next == NULL) {
        return now + OWED_STEP_NS;
    }
    return next == self->held ? self->next_stage_ns + STAGE_LATE_NS : now;
}

/* Until when to wait for what is missing; not before the wire is free. */
static tenon_ns_t patience_ns(const struct tenon_dxl2_bus *self, const struct tenon_line *line)
{
    tenon_ns_t due_ns = self->expected_ns + MARGIN_NS;
    tenon_ns_t end_ns = self->cycle_is_staged ? 0 : self->timeout_ns;
    if (self->job == JOB_REQUEST) {
        /* Silence is kept only as long as a cycle that is staged can still be exchanged. */
        due_ns += line->latency_ns;
        end_ns = self->cycle_is_staged ? self->next_stage_ns - self->cycle_ns : end_ns;
    } else if (!self->has_doubts || tenon__dxl2_awaits_trusted(self)) {
        due_ns += line->latency_ns;
    } else if (self->is_in_danger && !self->cycle_is_staged) {
        /* Who was silent before gets the time that commands, said once more, leave. */
        end_ns = self->next_stage_ns - tenon__dxl2_wire_ns(self, self->write_bytes) - STEP_NS;
    }
    end_ns = end_ns > due_ns ? end_ns : due_ns;
    return end_ns < self->timeout_ns ? end_ns : self->timeout_ns;
}

/* Once when all should be over, then in small steps: a runner need not wake for every byte. */
static tenon_ns_t
next_call(const struct tenon_dxl2_bus *self, const struct tenon_line *line, tenon_ns_t now)
{
    if (self->phase == PHASE_IDLE) {
        return next_start(self, now);
    }
    if (self->phase == PHASE_SENDING) {
        return next_look(self, line, now);
    }
    if (self->phase == PHASE_PAUSING) {
        return self->expected_ns;
    }
    if (self->input_is_full) {
        return now;
    }
    if (now < self->expected_ns) {
        const tenon_ns_t part = line->latency_ns / LATENCY_PART;
        return self->expected_ns + (part < LATENCY_PART_MAX ? part : LATENCY_PART_MAX);
    }
    const tenon_ns_t look = next_look(self, line, now);
    const tenon_ns_t end = patience_ns(self, line);
    return look < end || now >= end ? look : end;
}

/* ---- Receiving ---- */

/* Asked by the parser. Whoever is awaited may send what is awaited; others, what could have come
 * late. */
static uint16_t limit_length(void *context, uint8_t id, uint8_t instruction)
{
    const struct tenon_dxl2_bus *self = context;
    if (instruction != DXL2_STATUS) {
        return (uint16_t)(self->tx_count < 7u ? 0 : self->tx_count - 7u); /* own echo */
    }
    const struct tenon__dxl2_record *r = tenon__dxl2_find(self, id);
    const uint16_t regular_limit =
        r == NULL ? 0 : (uint16_t)(DXL2_FRAME_SIZE_MAX(1u + r->in_span) - BEFORE_LENGTH_COUNTS);
    if (r != NULL && tenon__dxl2_is_awaited(self, r)) {
        return regular_limit;
    }
    if (self->phase == PHASE_WAITING && self->job == JOB_REQUEST && id == self->ask_id) {
        return self->ask_limit;
    }
    return regular_limit > LATE_LENGTH_MAX ? regular_limit : LATE_LENGTH_MAX;
}

void tenon__dxl2_set_input(struct tenon_dxl2_bus *self, uint8_t *buffer, size_t capacity)
{
    dxl2_parser_init(self->parser, buffer, capacity, limit_length, self);
}

/* Whether the newest transmission holds a frame like this packet. */
static bool is_echo(const struct tenon_dxl2_bus *self, const struct dxl2_packet *packet)
{
    size_t at = 0;
    while (at + DXL2_FRAME_MIN <= self->tx_sent) {
        const uint8_t *frame = self->tx + at;
        if (frame[4] == packet->id && frame[7] == packet->instruction) {
            return true;
        }
        at += 7u + dxl2_load16(frame + 5);
    }
    return false;
}

void tenon__dxl2_take_packet(struct tenon_dxl2_bus *self,
                             const struct dxl2_packet *packet,
                             tenon_ns_t now)
{
    if (packet->instruction != DXL2_STATUS) {
        if (is_echo(self, packet)) {
            self->base.counters.echo_count++;
            return;
        }
    } else if (self->phase == PHASE_WAITING && self->job == JOB_REQUEST) {
        if (!tenon__dxl2_settle_owed(self, packet, self->active) &&
            tenon__dxl2_answer_request(self, packet)) {
            return;
        }
    } else if (!tenon__dxl2_settle_owed(self, packet, NULL) &&
               tenon__dxl2_answer_cycle(self, packet, now)) {
        return;
    }
    self->is_quiet = false;
    self->base.counters.stale_count++;
}

/* Move the parser's counters into ours. */
static void count_noise(struct tenon_dxl2_bus *self)
{
    struct dxl2_parser *p = self->parser;
    const uint32_t broken = p->crc_errors + p->length_errors;
    if (broken != 0) {
        self->base.counters.crc_error_count += broken;
        self->was_broken = true;
        p->crc_errors = 0;
        p->length_errors = 0;
    }
    if (p->skipped_bytes != 0) {
        self->base.counters.noise_bytes += p->skipped_bytes;
        self->is_quiet = false;
        p->skipped_bytes = 0;
    }
}

/* Bytes read, or TENON_ERR_IO. */
static int receive(struct tenon_dxl2_bus *self, struct tenon_line *line, tenon_ns_t now)
{
    size_t capacity;
    uint8_t *space = dxl2_parser_space(self->parser, &capacity);
    const int count = tenon_line_get_api(line)->read(line, space, capacity, now);
    self->input_is_full = count > 0 && (size_t)count >= capacity;
    if (count <= 0) {
        return count < 0 ? TENON_ERR_IO : 0;
    }
    dxl2_parser_commit(self->parser, (size_t)count);
    tenon__dxl2_take_input(self, now);
    count_noise(self);
    return count;
}

/* Nothing that arrived before a transmission can be an answer to it. */
static int
drain(struct tenon_dxl2_bus *self, struct tenon_line *line, tenon_ns_t now, bool has_read)
{
    int rc = TENON_OK;
    for (int i = 0;
         i < DRAIN_READS_MAX && rc >= 0 && ((i == 0 && !has_read) || self->input_is_full); i++) {
        rc = receive(self, line, now);
    }
    self->base.counters.noise_bytes += (uint32_t)dxl2_parser_flush(self->parser);
    return rc;
}

/* ---- Transactions ---- */

static void end_transmission(struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    self->base.counters.busy_ns += now - self->start_ns;
    self->phase = PHASE_IDLE;
    /* What is complete before it can be holds something else. */
    self->is_quiet &= now >= self->expected_ns && now >= self->late_until_ns &&
                      !self->input_is_full && dxl2_parser_is_empty(self->parser);
    if (self->job != JOB_REQUEST) {
        tenon__dxl2_end_exchange(self, now);
    }
    self->job = JOB_NONE;
}

static bool is_complete(const struct tenon_dxl2_bus *self)
{
    return self->job == JOB_REQUEST ? self->is_answered : self->awaited_count == 0;
}

/* At the time-out: what is late is coming in just now. A cycle waits as long as it comes, a request
 * once for the rest. */
static bool is_coming(struct tenon_dxl2_bus *self, const struct tenon_line *line, tenon_ns_t now)
{
    if (self->cycle_is_staged) {
        return false;
    }
    if (self->job != JOB_REQUEST) {
        const bool is_late = self->progress_ns > self->expected_ns + line->latency_ns;
        const tenon_ns_t reply_ns =
            tenon__dxl2_wire_ns(self, DXL2_STATUS_SIZE((size_t)self->read_span));
        return is_late && now < self->progress_ns + reply_ns + MARGIN_NS;
    }
    if (self->is_extended || dxl2_parser_is_empty(self->parser)) {
        return false;
    }
    self->is_extended = true;
    self->timeout_ns = now + self->reply_ns;
    return true;
}

static void time_out(struct tenon_dxl2_bus *self, const struct tenon_line *line, tenon_ns_t now)
{
    if (self->expects_reply) {
        self->late_until_ns = self->timeout_ns + LATE_NS;
        self->base.counters.timeout_count++;
        /* What it left behind may be the beginning of an answer. */
        self->was_broken = self->was_broken || !dxl2_parser_is_empty(self->parser);
    }
    if (self->job == JOB_REQUEST) {
        tenon__dxl2_owe(self);
        tenon__dxl2_retry_request(self);
    } else {
        tenon__dxl2_judge_missing(self, line, now);
    }
    self->is_quiet = false;
    end_transmission(self, now);
}

static void finish_sending(struct tenon_dxl2_bus *self)
{
    self->phase = self->expects_reply ? PHASE_WAITING : PHASE_PAUSING;
    if (!self->expects_reply && self->job == JOB_REQUEST && self->active != NULL) {
        tenon__dxl2_finish_request(self, self->active, TENON_OK);
    }
}

static int send(struct tenon_dxl2_bus *self, struct tenon_line *line, tenon_ns_t now)
{
    const size_t left = self->tx_count - self->tx_sent;
    const int count = tenon_line_get_api(line)->write(line, self->tx + self->tx_sent, left, now);
    if (count < 0) {
        return TENON_ERR_IO;
    }
    const size_t taken = (size_t)count < left ? (size_t)count : left;
    self->tx_sent += taken;
    if (taken == left) {
        const tenon_ns_t at_best = self->start_ns + tenon__dxl2_wire_ns(self, self->tx_count);
        const tenon_ns_t at_worst = now + tenon__dxl2_wire_ns(self, taken);
        set_deadlines(self, line, at_best > at_worst ? at_best : at_worst);
        self->first_read_ns =
            now + tenon__dxl2_wire_ns(self, taken < BLIND_BYTES ? taken : BLIND_BYTES);
        self->cycle_ns =
            self->job == JOB_CYCLE ? self->expected_ns - self->start_ns : self->cycle_ns;
        finish_sending(self);
    } else {
        self->timeout_ns = self->start_ns + tenon__dxl2_wire_ns(self, 2u * self->tx_count) +
                           line->latency_ns + MARGIN_SEND_NS;
        if (now >= self->timeout_ns) {
            time_out(self, line, now);
        }
    }
    return TENON_OK;
}

static enum tenon__dxl2_job next_job(struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    const bool is_torque_off = self->queue != NULL && self->queue->operation == TENON_OP_TORQUE_OFF;
    /* Repeated to one that does not answer, it must not cost the others their cycles. */
    if (is_torque_off && (self->queue->tries == 0 || !self->cycle_is_staged)) {
        return JOB_REQUEST;
    }
    if (self->cycle_is_staged) {
        return JOB_CYCLE;
    }
    if (self->wants_recovery) {
        return JOB_RECOVERY;
    }
    if (self->cycle_is_running) {
        return JOB_PART;
    }
    const bool is_ready = self->queue != NULL && tenon__dxl2_may_start_request(self, now);
    return is_ready ? JOB_REQUEST : JOB_NONE;
}

static void encode_job(struct tenon_dxl2_bus *self)
{
    self->expects_reply = false;
    self->reply_ns = 0;
    self->margin_ns = 0;
    self->tx_count = 0;
    self->tx_sent = 0;
    switch ((enum tenon__dxl2_job)self->job) {
    case JOB_CYCLE:
        tenon__dxl2_begin_cycle(self);
        break;
    case JOB_PART:
        tenon__dxl2_begin_part(self);
        break;
    case JOB_RECOVERY:
        tenon__dxl2_begin_recovery(self);
        break;
    case JOB_REQUEST:
        tenon__dxl2_begin_request(self);
        break;
    case JOB_NONE:
        break;
    }
}

/* The wire is free: send what is due next, if anything. */
static int start(struct tenon_dxl2_bus *self,
                 struct tenon_line *line,
                 tenon_ns_t now,
                 enum tenon__dxl2_job job,
                 bool has_read)
{
    /* A cycle does not look for what nobody sends, a request must be sure. */
    const int rc =
        self->is_quiet && job != JOB_REQUEST ? TENON_OK : drain(self, line, now, has_read);
    if (rc < 0) {
        return rc;
    }
    self->job = (uint8_t)job;
    self->start_ns = now;
    encode_job(self);
    self->is_extended = false;
    self->is_quiet = self->expects_reply; /* what nobody reads would pile up */
    if (self->tx_count == 0) {
        self->job = JOB_NONE;
        return TENON_OK;
    }
    self->phase = PHASE_SENDING;
    self->base.counters.transaction_count += self->expects_reply ? 1u : 0u;
    return send(self, line, now);
}

/* What could be read has been read. */
static void wait_on(struct tenon_dxl2_bus *self, const struct tenon_line *line, tenon_ns_t now)
{
    if (is_complete(self)) {
        end_transmission(self, now);
        return;
    }
    if (self->job != JOB_REQUEST && now >= self->expected_ns + line->latency_ns) {
        tenon__dxl2_note_slow(self);
    }
    if (now >= patience_ns(self, line) && !self->input_is_full && !is_coming(self, line, now)) {
        time_out(self, line, now);
    }
}

static int proceed(struct tenon_dxl2_bus *self, struct tenon_line *line, tenon_ns_t now)
{
    int rc = TENON_OK;
    bool has_read = false;
    if (self->owed_count > 0) {
        tenon__dxl2_expire_owed(self, now);
    }
    if (self->phase == PHASE_SENDING) {
        rc = send(self, line, now);
    } else if (self->phase == PHASE_WAITING) {
        if (now < self->first_read_ns) {
            return TENON_OK;
        }
        rc = receive(self, line, now);
        has_read = true;
        if (rc < 0) {
            return rc;
        }
        wait_on(self, line, now);
    } else if (self->phase == PHASE_PAUSING && now >= self->expected_ns) {
        end_transmission(self, now);
    }
    if (rc < 0 || self->phase != PHASE_IDLE) {
        return rc;
    }
    if (self->owed_count > 0 && self->queue != NULL && !has_read) {
        has_read = true;
        rc = receive(self, line, now);
        if (rc < 0) {
            return rc;
        }
    }
    const enum tenon__dxl2_job job = next_job(self, now);
    return job == JOB_NONE ? TENON_OK : start(self, line, now, job, has_read);
}

void tenon__dxl2_disturb(struct tenon_dxl2_bus *self)
{
    tenon__dxl2_miss_awaited(self, TENON_ERR_TIMEOUT);
    self->cycle_is_running = false;
    if (self->phase == PHASE_IDLE) {
        return;
    }
    if (self->job == JOB_REQUEST) {
        tenon__dxl2_owe(self);
        tenon__dxl2_retry_request(self);
    }
    self->is_quiet = false;
    self->job = JOB_NONE;
    self->phase = PHASE_PAUSING;
    self->expected_ns = self->timeout_ns;
}

/* The line is gone: nothing that was asked will be answered. */
static void fail_all(struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    if (self->phase != PHASE_IDLE) {
        self->base.counters.busy_ns += now - self->start_ns;
    }
    tenon__dxl2_abort_cycle(self);
    tenon__dxl2_fail_requests(self);
    self->phase = PHASE_IDLE;
    self->job = JOB_NONE;
    self->input_is_full = false;
    self->is_quiet = false;
    self->base.counters.noise_bytes += (uint32_t)dxl2_parser_flush(self->parser);
}

static int
poll_bus(struct tenon_bus *base, struct tenon_line *line, tenon_ns_t now, tenon_ns_t *io_deadline)
{
    struct tenon_dxl2_bus *self = tenon__dxl2_self(base);
    if (self->parser == NULL) {
        return TENON_OK; /* no memory: nothing could be attached or submitted */
    }
    if (line == NULL) {
        fail_all(self, now);
        return TENON_OK;
    }
    if (line->baud != self->baud) {
        set_baud(self, line->baud);
    }
    if (proceed(self, line, now) < 0) {
        fail_all(self, now);
        return TENON_ERR_IO;
    }
    const tenon_ns_t next = next_call(self, line, now);
    if (next < *io_deadline) {
        *io_deadline = next;
    }
    return TENON_OK;
}

/* ---- The rest ---- */

/*
 * Writes to all of them: 13 bytes however many there are, which reach servos that are not attached,
 * too, and never need to be encoded anew. Addresses are those of the X and MX tables, the ones that
 * the bundled motor drivers know; the P series has others and ignores these.
 *
 * Braking and holding without knowing a servo's mode: a bus watchdog of one unit stops it, whatever
 * its mode, when the bus then stays silent for 20 ms, and it does not let go. Servos without that
 * watchdog ignore the write and keep to their last goal.
 */
static uint8_t encode_write(uint8_t *out, size_t capacity, uint8_t address, uint8_t value)
{
    const uint8_t params[] = {address, 0, value};
    const int size = dxl2_encode(out, capacity, DXL2_BROADCAST, DXL2_WRITE, params, sizeof params);
    return (uint8_t)(size > 0 ? size : 0);
}

static void encode_safe_frames(struct tenon_dxl2_bus *self)
{
    self->safe_frame_bytes =
        encode_write(self->safe_frame, sizeof self->safe_frame, REGISTER_TORQUE_ENABLE, 0);
    self->stop_frame_bytes =
        encode_write(self->stop_frame, sizeof self->stop_frame, REGISTER_BUS_WATCHDOG, 1);
}

static int get_safe_frame(const struct tenon_bus *base,
                          enum tenon_stop_category category,
                          const uint8_t **out_bytes)
{
    const struct tenon_dxl2_bus *self = (const struct tenon_dxl2_bus *)(const void *)base;
    if (category == TENON_STOP_TORQUE_OFF) {
        *out_bytes = self->safe_frame;
        return self->safe_frame_bytes;
    }
    *out_bytes = self->stop_frame;
    return self->stop_frame_bytes;
}

static int probe(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK; /* there is nothing of its own out there */
}

static int make_safe(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK; /* the devices make themselves safe, through us */
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api), .probe = probe, .make_safe = make_safe};

static const struct tenon_bus_api api = {.head = TENON_API_HEAD(struct tenon_bus_api),
                                         .attach = tenon__dxl2_attach,
                                         .detach = tenon__dxl2_detach,
                                         .submit = tenon__dxl2_submit,
                                         .cancel = tenon__dxl2_cancel,
                                         .stage = tenon__dxl2_stage,
                                         .poll = poll_bus,
                                         .safe_frame = get_safe_frame};

static const struct tenon_driver driver = {.head = TENON_API_HEAD(struct tenon_driver),
                                           .name = "dxl2_bus",
                                           .role = TENON_ROLE_BUS,
                                           .instance_size = sizeof(struct tenon_dxl2_bus),
                                           .lifecycle = &lifecycle,
                                           .api = &api.head};

struct tenon_bus *tenon_dxl2_bus_init_sized(struct tenon_dxl2_bus *self,
                                            size_t size,
                                            void *memory,
                                            size_t memory_size)
{
    if (self == NULL || memory == NULL || size != sizeof *self) {
        return NULL;
    }
    *self = (struct tenon_dxl2_bus){.memory = memory, .memory_size = memory_size};
    self->base.module.driver = &driver;
    self->next_stage_ns = TENON_NEVER;
    set_baud(self, 0);
    encode_safe_frames(self);
    (void)tenon__dxl2_layout_init(self); /* too small: attach says so, and how much is needed */
    return &self->base;
}
