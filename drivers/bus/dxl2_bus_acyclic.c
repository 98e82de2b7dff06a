#include "dxl2_bus_internal.h"

#include <string.h>

enum {
    REGISTER_ID = 7, /* these two are the same in every Protocol 2.0 table */
    REGISTER_RETURN_DELAY = 9,
    PING_BYTES = 3,
    ATTEMPTS_DEFAULT = 3,
    TRIES_BROKEN = 0x80 /* in request->tries: an attempt brought a broken answer */
};

enum { OWED_MAX = sizeof((struct tenon_dxl2_bus *)0)->owed / sizeof(struct tenon__dxl2_owed) };

static void disown(struct tenon_dxl2_bus *self, const struct tenon_request *request)
{
    for (size_t i = 0; i < self->owed_count; i++) {
        if (self->owed[i].request == request) {
            self->owed[i].request = NULL;
        }
    }
}

static bool is_write(const struct tenon_request *request)
{
    return request->operation == TENON_OP_WRITE || request->operation == TENON_OP_TORQUE_OFF;
}

static bool is_well_formed(const struct tenon_request *request)
{
    if (request->node > DXL2_ID_MAX && request->node != DXL2_BROADCAST) {
        return false;
    }
    const bool is_read = request->operation == TENON_OP_READ;
    if (is_read || is_write(request)) {
        return request->width > 0 && request->width <= TENON_REQUEST_DATA &&
               request->address <= UINT16_MAX && !(is_read && request->node == DXL2_BROADCAST);
    }
    return request->operation == TENON_OP_REBOOT ||
           (request->operation == TENON_OP_PING && request->node != DXL2_BROADCAST);
}

int tenon__dxl2_submit(struct tenon_bus *base, struct tenon_request *request)
{
    struct tenon_dxl2_bus *self = tenon__dxl2_self(base);
    if (request == NULL || !is_well_formed(request)) {
        return TENON_ERR_ARG;
    }
    if (request->state == TENON_REQUEST_QUEUED || request->state == TENON_REQUEST_SENT) {
        return TENON_ERR_STATE;
    }
    if (self->parser == NULL) {
        return TENON_ERR_FULL;
    }
    request->tries = 0;
    request->status = 0;
    request->result = TENON_ERR_AGAIN;
    request->state = TENON_REQUEST_QUEUED;
    tenon_request_enqueue(&self->queue, request);
    return TENON_OK;
}

void tenon__dxl2_cancel(struct tenon_bus *base, struct tenon_request *request)
{
    struct tenon_dxl2_bus *self = tenon__dxl2_self(base);
    if (request == NULL) {
        return;
    }
    tenon_request_unlink(&self->queue, request);
    if (self->active == request) {
        self->active = NULL; /* its answer is still waited for, so that nothing collides with it */
    }
    if (self->held == request) {
        self->held = NULL;
    }
    disown(self, request);
    request->next = NULL;
    request->state = TENON_REQUEST_IDLE;
}

void tenon__dxl2_cancel_node(struct tenon_dxl2_bus *self, uint32_t node)
{
    struct tenon_request *next;
    for (struct tenon_request *r = self->queue; r != NULL; r = next) {
        next = r->next;
        if (r->node == node) {
            tenon__dxl2_cancel(&self->base, r);
        }
    }
}

static uint8_t answer_width(const struct tenon_request *request)
{
    if (request->operation == TENON_OP_READ) {
        return request->width;
    }
    return request->operation == TENON_OP_PING ? PING_BYTES : 0;
}

static uint32_t return_delay_us(const struct tenon_dxl2_bus *self, uint32_t node)
{
    const struct tenon__dxl2_record *r = tenon__dxl2_find(self, (uint8_t)node);
    const uint32_t units = r == NULL ? RETURN_DELAY_MAX : r->return_delay;
    return units * RETURN_DELAY_UNIT_US;
}

/* How long a request takes if it is answered, without stuffing. */
static tenon_ns_t usual_ns(const struct tenon_dxl2_bus *self, const struct tenon_request *request)
{
    size_t bytes = DXL2_FRAME_MIN + DXL2_STATUS_SIZE((size_t)answer_width(request));
    if (request->operation == TENON_OP_READ) {
        bytes += 4u;
    } else if (is_write(request)) {
        bytes += 2u + request->width;
    }
    return tenon__dxl2_wire_ns(self, bytes) + TENON_US(return_delay_us(self, request->node));
}

/* ---- Answers that may come late ---- */

static void remove_owed(struct tenon_dxl2_bus *self, size_t at)
{
    self->owed_count--;
    memmove(&self->owed[at], &self->owed[at + 1], (self->owed_count - at) * sizeof self->owed[0]);
}

static void add_owed(struct tenon_dxl2_bus *self, const struct tenon__dxl2_owed *owed)
{
    if (self->owed_count == OWED_MAX) {
        remove_owed(self, 0); /* attempts last so long that the oldest has as good as expired */
    }
    self->owed[self->owed_count++] = *owed;
}

void tenon__dxl2_owe(struct tenon_dxl2_bus *self)
{
    if (self->phase == PHASE_WAITING && self->job == JOB_REQUEST && !self->is_answered) {
        const struct tenon__dxl2_owed owed = {.request = self->active,
                                              .until_ns = self->timeout_ns + LATE_NS,
                                              .id = self->ask_id,
                                              .other_id = self->ask_other_id,
                                              .width = self->ask_width};
        add_owed(self, &owed);
    }
}

void tenon__dxl2_expire_owed(struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    for (size_t i = self->owed_count; i-- > 0;) {
        if (now >= self->owed[i].until_ns) {
            remove_owed(self, i);
        }
    }
}

bool tenon__dxl2_settle_owed(struct tenon_dxl2_bus *self,
                             const struct dxl2_packet *packet,
                             const struct tenon_request *except)
{
    const bool is_error = (packet->error & ~DXL2_ALERT) != 0; /* these have no width */
    for (size_t i = 0; i < self->owed_count; i++) {
        const struct tenon__dxl2_owed *owed = &self->owed[i];
        if ((packet->id == owed->id || packet->id == owed->other_id) &&
            (is_error || packet->param_count == owed->width) &&
            (owed->request == NULL || owed->request != except)) {
            remove_owed(self, i);
            return true;
        }
    }
    return false;
}

/* Attempts of one request may be answered in place of each other: then the newest is what is owed.
 */
static void renew_owed(struct tenon_dxl2_bus *self)
{
    for (size_t i = 0; i < self->owed_count; i++) {
        if (self->owed[i].request != NULL && self->owed[i].request == self->active) {
            self->owed[i].until_ns = self->timeout_ns + LATE_NS;
        }
    }
}

static bool has_to_wait(const struct tenon_dxl2_bus *self, const struct tenon_request *request)
{
    for (size_t i = 0; i < self->owed_count; i++) {
        const struct tenon__dxl2_owed *owed = &self->owed[i];
        if (owed->request != request &&
            (request->node == owed->id || request->node == owed->other_id)) {
            return true;
        }
    }
    return false;
}

/* ---- Sending ---- */

struct tenon_request *tenon__dxl2_next_request(const struct tenon_dxl2_bus *self)
{
    struct tenon_request *const first = self->queue;
    for (struct tenon_request *r = first; r != NULL; r = r->next) {
        if (r->node == DXL2_BROADCAST && r != first) {
            return NULL; /* it concerns those that wait, too */
        }
        if (r->operation == TENON_OP_TORQUE_OFF || !has_to_wait(self, r)) {
            return r;
        }
    }
    return NULL;
}

/* A request that would run into the next cycle gives way to it once. One that may not be answered
 * takes longer. */
bool tenon__dxl2_may_start_request(struct tenon_dxl2_bus *self, tenon_ns_t now)
{
    struct tenon_request *first = tenon__dxl2_next_request(self);
    if (first == NULL) {
        return false;
    }
    const struct tenon__dxl2_record *r = tenon__dxl2_find(self, (uint8_t)first->node);
    const bool is_doubtful = first->tries > 0 || (r != NULL && r->doubt != DOUBT_NONE);
    const tenon_ns_t end = now + usual_ns(self, first) + (is_doubtful ? SILENCE_NS : 0);
    if (now - STAGE_LATE_NS >= self->next_stage_ns || end <= self->next_stage_ns) {
        return true;
    }
    if (self->held != first) {
        self->held = first;
        self->held_stage = self->stage_count;
    }
    return self->held_stage != self->stage_count;
}

/* Both IDs of a device whose ID this request changes: nobody documents with which one it answers.
 */
static uint8_t other_id(const struct tenon_request *request)
{
    const uint32_t offset = REGISTER_ID - request->address;
    const bool is_hit =
        is_write(request) && request->address <= REGISTER_ID && offset < request->width;
    return is_hit ? request->data[offset] : (uint8_t)request->node;
}

/* A byte more than asked for where a cyclic answer would look the same: one of the two may be late.
 */
static void choose_width(struct tenon_dxl2_bus *self, const struct tenon_request *request)
{
    const struct tenon__dxl2_record *r = tenon__dxl2_find(self, (uint8_t)request->node);
    self->ask_width = answer_width(request);
    self->ask_skip = 0;
    if (request->operation == TENON_OP_READ && r != NULL && r->in_span == request->width) {
        self->ask_width++;
        self->ask_skip = request->address > 0 ? 1 : 0;
    }
}

static void encode(struct tenon_dxl2_bus *self, const struct tenon_request *request)
{
    static const uint8_t instructions[] = {[TENON_OP_READ] = DXL2_READ,
                                           [TENON_OP_WRITE] = DXL2_WRITE,
                                           [TENON_OP_PING] = DXL2_PING,
                                           [TENON_OP_REBOOT] = DXL2_REBOOT,
                                           [TENON_OP_TORQUE_OFF] = DXL2_WRITE};
    struct dxl2_writer w;
    dxl2_begin(&w, self->tx, self->tx_capacity, (uint8_t)request->node,
               instructions[request->operation]);
    if (request->operation == TENON_OP_READ) {
        dxl2_put16(&w, (uint16_t)(request->address - self->ask_skip));
        dxl2_put16(&w, self->ask_width);
    } else if (is_write(request)) {
        dxl2_put16(&w, (uint16_t)request->address);
        dxl2_put(&w, request->data, request->width);
    }
    const int size = dxl2_end(&w);
    self->tx_count = size > 0 ? (size_t)size : 0;
    self->read_at = NO_READ;
}

void tenon__dxl2_begin_request(struct tenon_dxl2_bus *self)
{
    struct tenon_request *request = tenon__dxl2_next_request(self);
    if (request == NULL) {
        return;
    }
    self->active = request;
    self->held = NULL;
    request->state = TENON_REQUEST_SENT;
    request->tries++;
    choose_width(self, request);
    encode(self, request);
    self->is_answered = false;
    self->was_broken = false;
    self->ask_id = (uint8_t)request->node;
    self->ask_other_id = other_id(request);
    self->ask_limit = (uint16_t)(DXL2_FRAME_SIZE_MAX(1u + self->ask_width) - 7u);
    if (request->node != DXL2_BROADCAST) {
        const uint32_t delay_us = return_delay_us(self, request->node);
        tenon__dxl2_expect(self, 1, self->ask_width, delay_us);
        /* Whoever answers a probe may be another servo than the one that was here: allow it the
         * longest delay. */
        self->margin_ns += TENON_US(RETURN_DELAY_MAX * RETURN_DELAY_UNIT_US - delay_us);
    }
}

/* The return delays that pass through here tell how long cyclic answers take. */
static void learn_return_delay(struct tenon_dxl2_bus *self, const struct tenon_request *request)
{
    const uint32_t offset = REGISTER_RETURN_DELAY - request->address;
    if (request->address > REGISTER_RETURN_DELAY || offset >= request->width ||
        !(is_write(request) || request->operation == TENON_OP_READ)) {
        return;
    }
    const uint8_t delay = request->data[offset];
    for (size_t i = 0; i < self->record_count; i++) {
        struct tenon__dxl2_record *r = &self->records[i];
        if (r->id == request->node || request->node == DXL2_BROADCAST) {
            r->return_delay = delay < RETURN_DELAY_MAX ? delay : RETURN_DELAY_MAX;
            self->read_at = NO_READ;
        }
    }
}

void tenon__dxl2_finish_request(struct tenon_dxl2_bus *self,
                                struct tenon_request *request,
                                int result)
{
    tenon_request_unlink(&self->queue, request);
    if (self->active == request) {
        self->active = NULL;
    }
    if (self->held == request) {
        self->held = NULL;
    }
    const struct tenon__dxl2_record *r = tenon__dxl2_find(self, (uint8_t)request->node);
    if (r != NULL) {
        r->device->counters.request_count++;
        r->device->counters.error_count += result == TENON_ERR_DEVICE ? 1u : 0u;
    }
    if (result == TENON_OK) {
        learn_return_delay(self, request);
    }
    disown(self, request);
    request->next = NULL;
    request->result = (int16_t)result;
    request->state = TENON_REQUEST_DONE;
}

bool tenon__dxl2_answer_request(struct tenon_dxl2_bus *self, const struct dxl2_packet *packet)
{
    const uint8_t number = packet->error & (uint8_t)~DXL2_ALERT;
    if (self->is_answered || (packet->id != self->ask_id && packet->id != self->ask_other_id) ||
        (number == 0 && packet->param_count != self->ask_width)) {
        return false;
    }
    self->is_answered = true;
    renew_owed(self);
    struct tenon_request *request = self->active;
    const struct tenon__dxl2_record *r = tenon__dxl2_find(self, self->ask_id);
    if (r != NULL) {
        r->device->status = packet->error;
    }
    if (request == NULL) {
        return true; /* withdrawn */
    }
    request->status = packet->error;
    if (number == DXL2_ERROR_CRC) {
        tenon__dxl2_retry_request(self); /* it was our packet that arrived broken */
    } else if (number != 0) {
        tenon__dxl2_finish_request(self, request, TENON_ERR_DEVICE);
    } else {
        memcpy(request->data, packet->params + self->ask_skip, answer_width(request));
        tenon__dxl2_finish_request(self, request, TENON_OK);
    }
    return true;
}

void tenon__dxl2_retry_request(struct tenon_dxl2_bus *self)
{
    struct tenon_request *request = self->active;
    self->active = NULL;
    if (request == NULL) {
        return;
    }
    if (self->was_broken) {
        request->tries |= TRIES_BROKEN;
    }
    const unsigned tries = request->tries & (unsigned)~TRIES_BROKEN;
    unsigned attempts = request->attempts == 0 ? ATTEMPTS_DEFAULT : request->attempts;
    attempts = attempts < TRIES_BROKEN ? attempts : TRIES_BROKEN - 1u;
    if (tries < attempts) {
        request->state = TENON_REQUEST_QUEUED;
    } else if (self->is_answered) {
        tenon__dxl2_finish_request(self, request, TENON_ERR_DEVICE);
    } else {
        const bool is_broken = (request->tries & TRIES_BROKEN) != 0;
        tenon__dxl2_finish_request(self, request, is_broken ? TENON_ERR_PROTO : TENON_ERR_TIMEOUT);
    }
}

void tenon__dxl2_fail_requests(struct tenon_dxl2_bus *self)
{
    tenon__dxl2_owe(self);
    while (self->queue != NULL) {
        tenon__dxl2_finish_request(self, self->queue, TENON_ERR_IO);
    }
    self->active = NULL;
}
