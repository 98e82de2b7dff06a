#include "mit_bus_internal.h"

#include <string.h>

enum {
    REGISTER_WIDTH = 4,
    RID_MASTER = 7, /* identifier of the answers */
    ATTEMPTS_DEFAULT = 3,
    TRIES_BROKEN = 0x80 /* in request->tries: an attempt was answered twice */
};

static bool is_register(const struct tenon_request *request)
{
    return request->operation == TENON_OP_PING ||
           (request->operation != TENON_OP_TORQUE_OFF && request->address <= MIT_RID_MAX);
}

static bool is_command(const struct tenon_request *request)
{
    return ((request->address - MIT_COMMAND) & ~UINT32_C(0x300)) == 0;
}

static bool is_writable(const struct tenon_request *request)
{
    if (is_command(request)) {
        return request->width >= 1 && request->width <= DATA_MAX;
    }
    const bool is_message = request->address == MIT_CLEAR || request->address == MIT_ENABLE ||
                            request->address == MIT_DISABLE || request->address == MIT_SET_ZERO;
    return is_message ? request->width == 0
                      : is_register(request) && request->width == REGISTER_WIDTH;
}

static int check(const struct tenon_request *request)
{
    bool is_sound = false;
    switch (request->operation) {
    case TENON_OP_PING:
    case TENON_OP_TORQUE_OFF:
        is_sound = true;
        break;
    case TENON_OP_READ:
        is_sound = request->address == MIT_STATUS
                       ? request->width == DATA_MAX
                       : is_register(request) && request->width == REGISTER_WIDTH;
        break;
    case TENON_OP_WRITE:
        is_sound = is_writable(request);
        break;
    case TENON_OP_REBOOT:
        return TENON_ERR_UNSUPPORTED;
    default:
        break;
    }
    return is_sound && request->node <= MIT_NODE_MAX ? TENON_OK : TENON_ERR_ARG;
}

/* Nobody waits for the active request any more, and if it was not sent yet, it never will be. */
static void let_go(struct tenon_mit_bus *self)
{
    self->active = NULL;
    self->ask_is_unsent = false;
}

int tenon__mit_submit(struct tenon_bus *base, struct tenon_request *request)
{
    struct tenon_mit_bus *self = tenon__mit_self(base);
    const int rc = request == NULL ? TENON_ERR_ARG : check(request);
    if (rc != TENON_OK) {
        return rc;
    }
    if (request->state == TENON_REQUEST_QUEUED || request->state == TENON_REQUEST_SENT) {
        return TENON_ERR_STATE;
    }
    request->tries = 0;
    request->status = 0;
    request->result = TENON_ERR_AGAIN;
    request->state = TENON_REQUEST_QUEUED;
    tenon_request_enqueue(&self->queue, request);
    return TENON_OK;
}

void tenon__mit_cancel(struct tenon_bus *base, struct tenon_request *request)
{
    struct tenon_mit_bus *self = tenon__mit_self(base);
    if (request == NULL) {
        return;
    }
    tenon_request_unlink(&self->queue, request);
    if (self->active == request) {
        let_go(self);
    }
    if (self->held == request) {
        self->held = NULL;
    }
    request->next = NULL;
    request->state = TENON_REQUEST_IDLE;
}

void tenon__mit_cancel_node(struct tenon_mit_bus *self, uint32_t node)
{
    struct tenon_request *next;
    for (struct tenon_request *r = self->queue; r != NULL; r = next) {
        next = r->next;
        if (r->node == node) {
            tenon__mit_cancel(&self->base, r);
        }
    }
}

/* ---- Sending ---- */

static void encode_register(struct tenon_mit_bus *self, const struct tenon_request *request)
{
    uint8_t *data = self->ask.data;
    const uint32_t node = request->node;
    self->ask.id = MIT_REGISTER_ID;
    if (request->operation == TENON_OP_PING) {
        mit_pack_register(data, node, MIT_READ, RID_MASTER, NULL);
    } else if (request->operation == TENON_OP_READ) {
        mit_pack_register(data, node, MIT_READ, (uint8_t)request->address, NULL);
    } else {
        mit_pack_register(data, node, MIT_WRITE, (uint8_t)request->address, request->data);
    }
}

static void encode(struct tenon_mit_bus *self, const struct tenon_request *request)
{
    struct tenon_can_frame *ask = &self->ask;
    *ask = (struct tenon_can_frame){.id = request->node, .length = DATA_MAX};
    if (is_register(request)) {
        encode_register(self, request);
    } else if (request->operation == TENON_OP_READ) {
        ask->id = MIT_REGISTER_ID;
        mit_pack_register(ask->data, request->node, MIT_ASK_STATUS, 0, NULL);
    } else if (request->operation == TENON_OP_TORQUE_OFF) {
        mit_pack_special(ask->data, MIT_DISABLE & 0xFFu);
    } else if (is_command(request)) {
        ask->id = request->node + (request->address - MIT_COMMAND);
        ask->length = request->width;
        memcpy(ask->data, request->data, request->width);
    } else {
        mit_pack_special(ask->data, (uint8_t)(request->address & 0xFFu));
    }
}

/* While a cycle is under way, others wait for it, but for one only. */
static bool is_its_turn(struct tenon_mit_bus *self, const struct tenon_request *request)
{
    if (!self->cycle_is_running) {
        return true;
    }
    if (self->held != request) {
        self->held = request;
        self->held_stage = self->stage_count;
    }
    return self->held_stage != self->stage_count;
}

void tenon__mit_start_request(struct tenon_mit_bus *self,
                              const struct tenon_line *line,
                              tenon_ns_t now)
{
    struct tenon_request *first = self->queue;
    const bool is_urgent = first != NULL && first->operation == TENON_OP_TORQUE_OFF;
    if (first == NULL || (!is_urgent && (self->active != NULL || !is_its_turn(self, first)))) {
        return;
    }
    if (self->active != NULL) {
        if (self->active->operation == TENON_OP_TORQUE_OFF) {
            return;
        }
        self->active->state = TENON_REQUEST_QUEUED;
        self->active->tries--; /* this one did not count */
    }
    self->active = first;
    self->held = NULL;
    self->answer_count = 0;
    self->missing_count = first->tries == 0 ? 0 : self->missing_count;
    first->state = TENON_REQUEST_SENT;
    first->tries++;
    encode(self, first);
    self->ask_is_unsent = true;
    self->ask_expected_ns = now;
    self->ask_timeout_ns = now + line->latency_ns + MARGIN_SEND_NS;
    self->base.counters.transaction_count++;
}

/* The frame waits its turn behind what is on the wire already, and so does its answer. */
void tenon__mit_await_request(struct tenon_mit_bus *self,
                              const struct tenon_line *line,
                              tenon_ns_t now)
{
    self->ask_is_unsent = false;
    self->ask_is_extended = false;
    self->ask_expected_ns = tenon__mit_occupy(self, 2, now);
    self->ask_timeout_ns = self->ask_expected_ns + tenon__mit_patience(self, line);
    self->cycle_timeout_ns += 2 * tenon__mit_frame_ns(self); /* if one is under way */
}

/* ---- Answers ---- */

static void finish(struct tenon_mit_bus *self, struct tenon_request *request, int result)
{
    const struct tenon__mit_record *r = tenon__mit_find_node(self, request->node);
    if (r != NULL) {
        r->device->counters.request_count++;
    }
    tenon__mit_cancel(&self->base, request);
    request->result = (int16_t)result;
    request->state = TENON_REQUEST_DONE;
}

bool tenon__mit_answer_register(struct tenon_mit_bus *self,
                                const struct tenon__mit_record *sender,
                                const struct tenon_can_frame *frame)
{
    struct tenon_request *request = self->active;
    if (request == NULL || self->ask_is_unsent || !is_register(request) ||
        frame->length != DATA_MAX || memcmp(frame->data, self->ask.data, 4) != 0 ||
        (sender != NULL && sender->node != request->node)) {
        return false;
    }
    memcpy(request->data, frame->data + 4, REGISTER_WIDTH);
    if (request->operation == TENON_OP_PING) {
        self->answer_count = (uint8_t)(self->answer_count + (self->answer_count < UINT8_MAX));
    } else {
        finish(self, request, TENON_OK);
    }
    return true;
}

/* Of a node whose answers' identifier is not known yet, the rest must do. */
static bool is_from_node(const struct tenon_mit_bus *self,
                         const struct tenon__mit_record *sender,
                         const struct tenon_can_frame *frame)
{
    const uint32_t node = self->active->node;
    const struct tenon__mit_record *r = tenon__mit_find_node(self, node);
    if (r != NULL && r->in_width > 0) {
        return sender == r && frame->length == r->in_width;
    }
    return sender == NULL && frame->length >= ANSWER_MIN &&
           ((frame->data[0] ^ node) & 0x0Fu) == 0 && !mit_is_register(frame->data, node);
}

bool tenon__mit_answer_state(struct tenon_mit_bus *self,
                             const struct tenon__mit_record *sender,
                             const struct tenon_can_frame *frame)
{
    struct tenon_request *request = self->active;
    if (request == NULL || self->ask_is_unsent || is_register(request) ||
        !is_from_node(self, sender, frame)) {
        return false;
    }
    const struct tenon__mit_record *r = tenon__mit_find_node(self, request->node);
    const uint16_t status = (uint16_t)(frame->data[0] >> 4);
    if (r != NULL) {
        r->device->status = status;
    }
    request->status = status;
    memset(request->data, 0, DATA_MAX);
    memcpy(request->data, frame->data, frame->length);
    finish(self, request, TENON_OK);
    return true;
}

void tenon__mit_expire_request(struct tenon_mit_bus *self)
{
    struct tenon_request *request = self->active;
    const bool is_doubled = self->answer_count > 1u + self->missing_count;
    let_go(self);
    if (self->answer_count > 0 && !is_doubled) {
        finish(self, request, TENON_OK);
        return;
    }
    if (is_doubled) {
        request->tries |= TRIES_BROKEN;
    } else {
        self->base.counters.timeout_count++;
        self->missing_count++;
    }
    const unsigned tries = request->tries & (unsigned)~TRIES_BROKEN;
    unsigned attempts = request->attempts == 0 ? ATTEMPTS_DEFAULT : request->attempts;
    attempts = attempts < TRIES_BROKEN ? attempts : TRIES_BROKEN - 1u;
    if (tries >= attempts) {
        const bool is_broken = (request->tries & TRIES_BROKEN) != 0;
        finish(self, request, is_broken ? TENON_ERR_PROTO : TENON_ERR_TIMEOUT);
        return;
    }
    request->state = TENON_REQUEST_QUEUED;
    if (request->operation == TENON_OP_TORQUE_OFF) {
        tenon_request_unlink(&self->queue,
                             request); /* one that is away must not keep the others waiting */
        tenon_request_enqueue(&self->queue, request);
    }
}

void tenon__mit_fail_requests(struct tenon_mit_bus *self)
{
    while (self->queue != NULL) {
        finish(self, self->queue, TENON_ERR_IO);
    }
}
