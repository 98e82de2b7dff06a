#include "mit_bus_internal.h"

#include <string.h>

enum {
    READS_MAX = 8, /* at once: a line that chatters on without end must not keep us from sending */
    BAUD_DEFAULT = 125000
};

/* Of the line's latency, what to wait for at once so that one look finds everything. */
#define LATENCY_PART     4
#define LATENCY_PART_MAX TENON_US(300)

/* How long what is overdue is looked for in input that does not end. */
#define MARGIN_CHATTER_NS TENON_MS(1)

/* ---- Time ---- */

static void set_baud(struct tenon_mit_bus *self, uint32_t baud)
{
    const tenon_ns_t rate = baud == 0 ? BAUD_DEFAULT : baud;
    self->baud = baud;
    self->bit_ns = (TENON_S(1) + rate - 1) / rate;
}

static void
count_frames(struct tenon_mit_bus *self, const struct tenon_can_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        self->base.counters.busy_ns += self->bit_ns * (BITS_NOMINAL + 8 * frames[i].length);
    }
}

tenon_ns_t tenon__mit_occupy(struct tenon_mit_bus *self, size_t frames, tenon_ns_t now)
{
    const tenon_ns_t start = self->wire_free_ns > now ? self->wire_free_ns : now;
    self->wire_free_ns = start + tenon__mit_frame_ns(self) * (tenon_ns_t)frames;
    return self->wire_free_ns;
}

tenon_ns_t tenon__mit_next_look(const struct tenon_mit_bus *self,
                                const struct tenon_line *line,
                                tenon_ns_t expected,
                                tenon_ns_t timeout,
                                tenon_ns_t now)
{
    const tenon_ns_t part = line->latency_ns / LATENCY_PART;
    if (now < expected) {
        return expected + (part < LATENCY_PART_MAX ? part : LATENCY_PART_MAX);
    }
    const tenon_ns_t frame = tenon__mit_frame_ns(self);
    const tenon_ns_t look = now + (frame > part ? frame : part);
    return look < timeout ? look : timeout;
}

static tenon_ns_t
next_call(const struct tenon_mit_bus *self, const struct tenon_line *line, tenon_ns_t now)
{
    tenon_ns_t next = TENON_NEVER;
    if (self->input_is_full) {
        return now;
    }
    if (self->cycle_is_running) {
        next =
            tenon__mit_next_look(self, line, self->cycle_expected_ns, self->cycle_timeout_ns, now);
    }
    if (self->active != NULL) {
        const tenon_ns_t look = self->answer_count > 0
                                    ? self->ask_timeout_ns
                                    : tenon__mit_next_look(self, line, self->ask_expected_ns,
                                                           self->ask_timeout_ns, now);
        next = look < next ? look : next;
    } else if (self->queue != NULL && !self->cycle_is_running) {
        next = now;
    }
    return next;
}

/* ---- Trace ---- */

static void trace_sent(struct tenon_mit_bus *self, struct tenon_bus_device *device)
{
    if (device->command == 0) {
        return;
    }
    tenon_trace_sent(self->base.wire, device, &self->link);
    if (self->begin_ticks == 0) {
        self->begin_ticks = tenon_trace_ticks(self->base.wire);
    }
}

static void trace_answered(const struct tenon_mit_bus *self, struct tenon_bus_device *device)
{
    if (device->link != 0) {
        tenon_trace_answered(self->base.wire, device, device->in_error);
    }
}

static void trace_over(struct tenon_mit_bus *self)
{
    if (self->link != 0) {
        tenon_trace_over(self->base.wire, self->link, self->begin_ticks, self->tx_count);
    }
    self->link = 0;
    self->begin_ticks = 0;
}

/* ---- Cycle ---- */

static void stage(struct tenon_bus *base, uint32_t cycle, tenon_ns_t now)
{
    struct tenon_mit_bus *self = tenon__mit_self(base);
    (void)now;
    if (self->record_count == 0) {
        return;
    }
    const uint32_t passed = self->stage_count > 0 ? cycle - self->stage_cycle : 1u;
    self->stage_cycle = cycle;
    self->stage_count++;
    if (self->cycle_is_staged || self->cycle_is_running) {
        base->counters.overrun_count++;
    }
    self->cycle_is_staged = true;
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__mit_record *r = &self->records[i];
        if (r->device != NULL) {
            const bool due = tenon_bus_device_is_due(r->device, cycle, passed);
            r->write_is_due |= due && r->device->out_is_fresh && r->out_width > 0;
            r->read_is_due = due && r->device->is_listening && r->in_width > 0;
        }
    }
}

static void miss(struct tenon_mit_bus *self, struct tenon__mit_record *r, int error)
{
    r->is_awaited = false;
    self->awaited_count--;
    r->device->in_error = (int16_t)error;
    r->device->counters.missed_count++;
    trace_answered(self, r->device);
}

void tenon__mit_drop_cycle(struct tenon_mit_bus *self, int error)
{
    for (size_t i = 0; self->awaited_count > 0 && i < self->record_count; i++) {
        struct tenon__mit_record *r = &self->records[i];
        if (r->device != NULL && r->is_awaited) {
            self->base.counters.timeout_count += error == TENON_ERR_TIMEOUT ? 1u : 0u;
            miss(self, r, error);
        }
    }
    trace_over(self);
    self->tx_count = 0;
    self->tx_sent = 0;
    self->cycle_is_running = false;
}

/* A command that the line has not taken goes into this cycle, with what the window holds now. */
static void keep_unsent(struct tenon_mit_bus *self)
{
    for (size_t i = 0; self->tx_sent < self->tx_count && i < self->record_count; i++) {
        struct tenon__mit_record *r = &self->records[i];
        r->write_is_due |= r->is_commanded && r->tx_at >= self->tx_sent && r->out_width > 0;
    }
}

static void encode(struct tenon_mit_bus *self, struct tenon__mit_record *r)
{
    struct tenon_can_frame *frame = &self->tx[self->tx_count];
    *frame = (struct tenon_can_frame){.id = r->command_id, .length = r->out_width};
    if (r->write_is_due) {
        memcpy(frame->data, r->out, r->out_width);
        r->device->out_is_fresh = false;
        trace_sent(self, r->device);
    } else {
        frame->id = MIT_REGISTER_ID;
        frame->length = DATA_MAX;
        mit_pack_register(frame->data, r->node, MIT_ASK_STATUS, 0, NULL);
    }
    r->tx_at = self->tx_count++;
}

static void begin_cycle(struct tenon_mit_bus *self, const struct tenon_line *line, tenon_ns_t now)
{
    keep_unsent(self);
    tenon__mit_drop_cycle(self, TENON_ERR_TIMEOUT);
    self->cycle_is_staged = false;
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__mit_record *r = &self->records[i];
        r->is_commanded = r->write_is_due;
        if (r->device == NULL || (!r->write_is_due && !r->read_is_due)) {
            continue;
        }
        encode(self, r);
        r->write_is_due = false;
        r->is_awaited = r->read_is_due;
        self->awaited_count = (uint16_t)(self->awaited_count + (r->is_awaited ? 1 : 0));
    }
    self->cycle_is_running = self->tx_count > 0;
    self->wire_free_ns = now + (self->active != NULL ? 2 * tenon__mit_frame_ns(self) : 0);
    self->cycle_expected_ns = now;
    self->cycle_timeout_ns =
        now + 2 * tenon__mit_frame_ns(self) * self->tx_count + line->latency_ns + MARGIN_SEND_NS;
    self->base.counters.transaction_count += self->awaited_count;
}

/* All frames are handed over. A request that went before them may be answered behind them. */
static void await_cycle(struct tenon_mit_bus *self, const struct tenon_line *line, tenon_ns_t now)
{
    self->cycle_expected_ns = tenon__mit_occupy(self, self->awaited_count, now);
    self->cycle_timeout_ns = self->cycle_expected_ns + tenon__mit_patience(self, line);
    if (self->active != NULL && !self->ask_is_unsent && !self->ask_is_extended) {
        self->ask_is_extended = true; /* once: an overloaded wire must not keep it for ever */
        self->ask_timeout_ns += self->cycle_expected_ns - now;
    }
}

static void end_cycle_if_complete(struct tenon_mit_bus *self)
{
    if (self->cycle_is_running && self->awaited_count == 0 && self->tx_sent == self->tx_count) {
        trace_over(self);
        self->cycle_is_running = false;
        self->base.counters.cycle_count++;
    }
}

/* ---- Sending ---- */

/* Frames that the line took, or TENON_ERR_IO. */
static int put(struct tenon_mit_bus *self,
               struct tenon_line *line,
               const struct tenon_can_frame *frames,
               size_t count,
               tenon_ns_t now)
{
    const uint8_t *bytes = (const uint8_t *)(const void *)frames;
    const int rc = tenon_line_get_api(line)->write(line, bytes, count * sizeof *frames, now);
    if (rc < 0) {
        return TENON_ERR_IO;
    }
    const size_t whole = (size_t)rc / sizeof *frames;
    const size_t taken = whole < count ? whole : count;
    count_frames(self, frames, taken);
    return (int)taken;
}

static int send_request(struct tenon_mit_bus *self, struct tenon_line *line, tenon_ns_t now)
{
    const int taken = put(self, line, &self->ask, 1, now);
    if (taken == 1) {
        tenon__mit_await_request(self, line, now);
    }
    return taken < 0 ? taken : TENON_OK;
}

static int send_cycle(struct tenon_mit_bus *self, struct tenon_line *line, tenon_ns_t now)
{
    const size_t left = (size_t)(self->tx_count - self->tx_sent);
    const int taken = put(self, line, self->tx + self->tx_sent, left, now);
    if (taken < 0) {
        return taken;
    }
    self->tx_sent = (uint16_t)(self->tx_sent + taken);
    (void)tenon__mit_occupy(self, (size_t)taken, now);
    if (self->tx_sent == self->tx_count) {
        await_cycle(self, line, now);
        end_cycle_if_complete(self);
    }
    return TENON_OK;
}

/* Torque off, then the cycle, then any other request. */
static int send(struct tenon_mit_bus *self, struct tenon_line *line, tenon_ns_t now)
{
    int rc = TENON_OK;
    if (self->ask_is_unsent && self->active->operation == TENON_OP_TORQUE_OFF) {
        rc = send_request(self, line, now);
    }
    if (rc == TENON_OK && self->tx_sent < self->tx_count) {
        rc = send_cycle(self, line, now);
    }
    if (rc == TENON_OK && self->ask_is_unsent && self->tx_sent == self->tx_count) {
        rc = send_request(self, line, now);
    }
    return rc;
}

/* ---- Receiving ---- */

static void take_sample(struct tenon_mit_bus *self,
                        struct tenon__mit_record *r,
                        const struct tenon_can_frame *frame,
                        tenon_ns_t now)
{
    struct tenon_bus_device *device = r->device;
    memcpy(r->in, frame->data, r->in_width);
    r->is_awaited = false;
    self->awaited_count--;
    self->hint = (uint16_t)(r - self->records + 1);
    device->status = (uint16_t)(frame->data[0] >> 4);
    device->in_error = TENON_OK;
    device->in_stamp_ns = now;
    device->in_sequence++;
    device->counters.reply_count++;
    trace_answered(self, device);
}

/* Some lines hand back what was sent. No answer has an identifier that commands have. */
static bool is_echo(const struct tenon_mit_bus *self, const struct tenon_can_frame *frame)
{
    for (size_t i = 0; i < self->record_count; i++) {
        const struct tenon__mit_record *r = &self->records[i];
        if (r->device != NULL && (frame->id == r->command_id || frame->id == r->node)) {
            return true;
        }
    }
    return self->active != NULL && frame->id == self->ask.id;
}

/* What comes from one of ours. @return Whether somebody waits for it. */
static bool take_state(struct tenon_mit_bus *self,
                       struct tenon__mit_record *r,
                       const struct tenon_can_frame *frame,
                       tenon_ns_t now)
{
    if (frame->length != r->in_width || mit_is_register(frame->data, r->node)) {
        return false;
    }
    if (!r->is_awaited) {
        return tenon__mit_answer_state(self, r, frame);
    }
    take_sample(self, r, frame, now);
    return true;
}

static void
take_frame(struct tenon_mit_bus *self, const struct tenon_can_frame *frame, tenon_ns_t now)
{
    struct tenon_bus_counters *counters = &self->base.counters;
    if (frame->flags != 0 || frame->length < ANSWER_MIN || frame->length > DATA_MAX) {
        counters->stale_count++;
        return;
    }
    if (frame->id == MIT_REGISTER_ID) {
        counters->echo_count++;
        return;
    }
    struct tenon__mit_record *r = tenon__mit_find_sender(self, frame);
    if (tenon__mit_answer_register(self, r, frame)) {
        return;
    }
    if (r == NULL && is_echo(self, frame)) {
        counters->echo_count++;
    } else if (r != NULL ? !take_state(self, r, frame, now)
                         : !tenon__mit_answer_state(self, NULL, frame)) {
        counters->stale_count++;
    }
}

static int receive(struct tenon_mit_bus *self, struct tenon_line *line, tenon_ns_t now)
{
    const struct tenon_line_api *api = tenon_line_get_api(line);
    self->input_is_full = true;
    for (int i = 0; i < READS_MAX && self->input_is_full; i++) {
        const int count = api->read(line, (uint8_t *)(void *)self->rx, sizeof self->rx, now);
        if (count < 0) {
            return TENON_ERR_IO;
        }
        const size_t bytes = (size_t)count < sizeof self->rx ? (size_t)count : sizeof self->rx;
        const size_t frames = bytes / sizeof self->rx[0];
        count_frames(self, self->rx, frames);
        for (size_t k = 0; k < frames; k++) {
            take_frame(self, &self->rx[k], now);
        }
        self->base.counters.noise_bytes += (uint32_t)(bytes % sizeof self->rx[0]);
        self->input_is_full = bytes == sizeof self->rx;
    }
    end_cycle_if_complete(self);
    return TENON_OK;
}

/* ---- Poll ---- */

static void expire(struct tenon_mit_bus *self, tenon_ns_t now)
{
    /* What the line has not given yet may be it, but not for ever. */
    const tenon_ns_t since = self->input_is_full ? now - MARGIN_CHATTER_NS : now;
    if (self->cycle_is_running && since >= self->cycle_timeout_ns) {
        tenon__mit_drop_cycle(self, TENON_ERR_TIMEOUT);
        self->base.counters.cycle_count++;
    }
    if (self->active != NULL && since >= self->ask_timeout_ns) {
        tenon__mit_expire_request(self);
    }
}

static int proceed(struct tenon_mit_bus *self, struct tenon_line *line, tenon_ns_t now)
{
    const int rc = receive(self, line, now);
    if (rc < 0) {
        return rc;
    }
    expire(self, now);
    if (!self->cycle_is_running && self->active == NULL) {
        self->wire_free_ns = now;
    }
    if (self->cycle_is_staged) {
        begin_cycle(self, line, now);
    }
    tenon__mit_start_request(self, line, now);
    return send(self, line, now);
}

/* The line is gone: nothing that was asked will be answered, and no command may be sent when it is
 * back, however much later that is. */
static void fail_all(struct tenon_mit_bus *self)
{
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__mit_record *r = &self->records[i];
        if (r->device == NULL) {
            continue;
        }
        if (self->cycle_is_staged && r->read_is_due && !r->is_awaited) {
            r->is_awaited = true;
            self->awaited_count++;
        }
        if (r->write_is_due) {
            r->write_is_due = false;
            r->device->out_is_fresh = false;
        }
    }
    tenon__mit_drop_cycle(self, TENON_ERR_IO);
    self->cycle_is_staged = false;
    self->input_is_full = false;
    tenon__mit_fail_requests(self);
}

static int
poll_bus(struct tenon_bus *base, struct tenon_line *line, tenon_ns_t now, tenon_ns_t *io_deadline)
{
    struct tenon_mit_bus *self = tenon__mit_self(base);
    if (line == NULL) {
        fail_all(self);
        return TENON_OK;
    }
    if (line->baud != self->baud) {
        set_baud(self, line->baud);
    }
    if (proceed(self, line, now) < 0) {
        fail_all(self);
        return TENON_ERR_IO;
    }
    const tenon_ns_t next = next_call(self, line, now);
    if (next < *io_deadline) {
        *io_deadline = next;
    }
    return TENON_OK;
}

/* ---- The rest ---- */

/* A frame that brakes or holds would have to know how. Torque off follows braking anyway, and so
 * may come at once; for holding there is nothing: each motor keeps its newest command, as long as
 * its own watchdog lets it. */
static int get_safe_frame(const struct tenon_bus *base,
                          enum tenon_stop_category category,
                          const uint8_t **out_bytes)
{
    const struct tenon_mit_bus *self = (const struct tenon_mit_bus *)(const void *)base;
    *out_bytes = (const uint8_t *)(const void *)self->safe;
    return category == TENON_STOP_BRAKE_THEN_HOLD ? 0
                                                  : (int)(self->safe_count * sizeof *self->safe);
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
                                         .attach = tenon__mit_attach,
                                         .detach = tenon__mit_detach,
                                         .submit = tenon__mit_submit,
                                         .cancel = tenon__mit_cancel,
                                         .stage = stage,
                                         .poll = poll_bus,
                                         .safe_frame = get_safe_frame};

static const struct tenon_driver driver = {.head = TENON_API_HEAD(struct tenon_driver),
                                           .name = "mit_bus",
                                           .role = TENON_ROLE_BUS,
                                           .instance_size = sizeof(struct tenon_mit_bus),
                                           .lifecycle = &lifecycle,
                                           .api = &api.head};

struct tenon_bus *
tenon_mit_bus_init_sized(struct tenon_mit_bus *self, size_t size, void *memory, size_t memory_size)
{
    if (self == NULL || memory == NULL || size != sizeof *self) {
        return NULL;
    }
    *self = (struct tenon_mit_bus){.memory = memory, .memory_size = memory_size};
    self->base.module.driver = &driver;
    self->base.medium = TENON_MEDIUM_CAN;
    set_baud(self, 0);
    tenon__mit_layout_init(self); /* too small: attach says so, and how much is needed */
    return &self->base;
}
