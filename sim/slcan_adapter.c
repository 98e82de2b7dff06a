#include "tenon/sim_can.h"

#include "tenon/drivers/memory_line.h"

#include "slcan.h"

#include <string.h>

#define RATE_AT_FIRST 1000000u
#define BITS_PER_BYTE 10
#define STAMP_DIGITS  4u
#define STAMP_MODULO  60000
#define FRAME_SIZE    ((int)sizeof(struct tenon_can_frame))

/* ---- Characters to the host ---- */

static void say(struct tenon_sim_slcan *self, const uint8_t *text, size_t count, tenon_ns_t now)
{
    if (self->count + count > TENON_SIM_SLCAN_CAPACITY) {
        self->lost_count++;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const size_t at = (self->head + self->count) % TENON_SIM_SLCAN_CAPACITY;
        const tenon_ns_t start = self->busy_until_ns > now ? self->busy_until_ns : now;
        self->busy_until_ns = start + self->byte_ns;
        self->wire[at].value = text[i];
        self->wire[at].end_ns = self->busy_until_ns;
        self->count++;
    }
}

static void say_text(struct tenon_sim_slcan *self, const char *text)
{
    say(self, (const uint8_t *)text, strlen(text), self->now_ns);
}

/* Milliseconds within the minute, as four digits in front of the end. */
static size_t add_stamp(uint8_t *text, size_t count, tenon_ns_t now)
{
    static const char hex[] = "0123456789ABCDEF";
    const unsigned ms = (unsigned)(now / TENON_MS(1) % STAMP_MODULO);
    for (unsigned i = 0; i < STAMP_DIGITS; i++) {
        text[count - 1 + i] = (uint8_t)hex[ms >> 4 * (STAMP_DIGITS - 1 - i) & 0xFu];
    }
    text[count - 1 + STAMP_DIGITS] = SLCAN_END;
    return count + STAMP_DIGITS;
}

static void hand_over(struct tenon_sim_slcan *self, tenon_ns_t now)
{
    struct tenon_line *const near = &self->line.base;
    struct tenon_can_frame frame;
    uint8_t text[SLCAN_FRAME_MAX + STAMP_DIGITS];
    while (tenon_line_get_api(near)->read(near, (uint8_t *)&frame, sizeof frame, now) ==
           FRAME_SIZE) {
        if (self->is_open) {
            const size_t count = slcan_encode(text, &frame);
            say(self, text, self->has_stamps ? add_stamp(text, count, now) : count, now);
        }
    }
}

/* ---- Commands ---- */

static bool set_rate(struct tenon_sim_slcan *self, const char *argument)
{
    struct tenon_line *const near = &self->line.base;
    const uint32_t rate = slcan_rate_of((uint8_t)argument[0]);
    return !self->is_open && rate != 0 && argument[1] == '\0' &&
           tenon_line_get_api(near)->set_baud(near, rate) == TENON_OK;
}

static bool set_open(struct tenon_sim_slcan *self, bool is_open)
{
    const bool changes = self->is_open != is_open;
    self->is_open = is_open;
    return changes;
}

static bool set_stamps(struct tenon_sim_slcan *self, const char *argument)
{
    if (self->is_open || (argument[0] != '0' && argument[0] != '1') || argument[1] != '\0') {
        return false;
    }
    self->has_stamps = argument[0] == '1';
    return true;
}

static bool execute(struct tenon_sim_slcan *self, const char *command)
{
    const bool is_alone = command[1] == '\0';
    switch (command[0]) {
    case 'S':
        return set_rate(self, command + 1);
    case 'Z':
        return set_stamps(self, command + 1);
    case 'O':
    case 'C':
        return is_alone && set_open(self, command[0] == 'O');
    case 'F':
        return is_alone && self->is_open;
    case 'V':
    case 'N':
        return is_alone;
    default:
        return false;
    }
}

static const char *answer_to(char command)
{
    switch (command) {
    case 'V':
        return "V1013\r";
    case 'N':
        return "NA123\r";
    case 'F':
        return "F00\r";
    default:
        return "\r";
    }
}

static void conclude(struct tenon_sim_slcan *self, bool is_done, const char *answer)
{
    self->command_count += is_done ? 1u : 0u;
    self->refused_count += is_done ? 0u : 1u;
    if (!self->is_mute) {
        say_text(self, is_done ? answer : "\a");
    }
}

static void take_text(struct tenon_sim_slcan *self)
{
    char command[SLCAN_TEXT_MAX + 1];
    memcpy(command, self->text, self->text_count);
    command[self->text_count] = '\0';
    conclude(self, execute(self, command), answer_to(command[0]));
}

static void take_frame(struct tenon_sim_slcan *self, const struct tenon_can_frame *frame)
{
    struct tenon_line *const near = &self->line.base;
    const bool is_taken =
        self->is_open && tenon_line_get_api(near)->write(near, (const uint8_t *)frame,
                                                         sizeof *frame, self->now_ns) == FRAME_SIZE;
    conclude(self, is_taken, (frame->flags & TENON_CAN_EXTENDED) != 0u ? "Z\r" : "z\r");
}

static void take(struct tenon_sim_slcan *self, uint8_t character)
{
    struct slcan_parser parser = {self->text, self->text_count, self->text_is_whole};
    struct tenon_can_frame frame;
    const enum slcan_event event = slcan_push(&parser, character, &frame);
    self->text_count = parser.count;
    self->text_is_whole = parser.is_whole;
    switch (event) {
    case SLCAN_FRAME:
        take_frame(self, &frame);
        break;
    case SLCAN_TEXT:
        take_text(self);
        break;
    case SLCAN_DONE: /* an empty line only shows that somebody is there */
        conclude(self, true, "\r");
        break;
    case SLCAN_SENT:
    case SLCAN_BROKEN:
        conclude(self, false, "");
        break;
    case SLCAN_NONE:
    case SLCAN_REFUSED:
        break;
    }
}

/* ---- Public ---- */

int tenon_sim_slcan_init_sized(struct tenon_sim_slcan *self,
                               size_t size,
                               struct tenon_sim_can_bus *bus,
                               uint32_t baud)
{
    if (size != sizeof *self) {
        return TENON_ERR_ABI;
    }
    memset(self, 0, sizeof *self);
    self->bus = bus;
    self->busy_until_ns = INT64_MIN;
    (void)tenon_memory_can_line_init(&self->line, RATE_AT_FIRST, self->entries,
                                     sizeof self->entries / sizeof self->entries[0]);
    tenon_sim_slcan_set_baud(self, baud);
    return TENON_OK;
}

void tenon_sim_slcan_set_baud(struct tenon_sim_slcan *self, uint32_t baud)
{
    self->byte_ns = TENON_S(BITS_PER_BYTE) / (tenon_ns_t)baud;
}

/* Everything in its order: a frame is handed over when it arrives, not when somebody looks. */
void tenon_sim_slcan_advance(struct tenon_sim_slcan *self, tenon_ns_t now)
{
    tenon_ns_t next = tenon_memory_can_line_next_ns(&self->line);
    while (next <= now) {
        tenon_sim_can_bus_serve(self->bus, &self->line, next);
        hand_over(self, next);
        next = tenon_memory_can_line_next_ns(&self->line);
    }
    tenon_sim_can_bus_advance(self->bus, now);
}

void tenon_sim_slcan_receive(struct tenon_sim_slcan *self,
                             const uint8_t *bytes,
                             size_t count,
                             tenon_ns_t now)
{
    tenon_sim_slcan_advance(self, now);
    self->now_ns = now;
    for (size_t i = 0; i < count; i++) {
        take(self, bytes[i]);
    }
}

size_t tenon_sim_slcan_transmit(struct tenon_sim_slcan *self,
                                uint8_t *out_bytes,
                                size_t capacity,
                                tenon_ns_t now)
{
    size_t taken = 0;
    tenon_sim_slcan_advance(self, now);
    while (taken < capacity && self->count > 0 && self->wire[self->head].end_ns <= now) {
        out_bytes[taken++] = self->wire[self->head].value;
        self->head = (self->head + 1) % TENON_SIM_SLCAN_CAPACITY;
        self->count--;
    }
    return taken;
}

tenon_ns_t tenon_sim_slcan_next_ns(const struct tenon_sim_slcan *self)
{
    const tenon_ns_t frame = tenon_memory_can_line_next_ns(&self->line);
    const bool waits = self->count > 0 && self->wire[self->head].end_ns < frame;
    return waits ? self->wire[self->head].end_ns : frame;
}

void tenon_sim_slcan_serve(struct tenon_sim_slcan *self,
                           struct tenon_memory_line *line,
                           tenon_ns_t now)
{
    uint8_t byte;
    tenon_ns_t arrival = tenon_memory_line_far_next_ns(line);
    tenon_sim_slcan_set_baud(self, line->base.baud);
    while (arrival <= now) {
        if (tenon_memory_line_far_read(line, &byte, 1, arrival) == 1) {
            tenon_sim_slcan_receive(self, &byte, 1, arrival);
        }
        arrival = tenon_memory_line_far_next_ns(line);
    }
    tenon_sim_slcan_advance(self, now);
    /* Handed over with the time at which it began: the line then stamps it with what we did. */
    while (self->count > 0) {
        const struct tenon_sim_wire_byte next = self->wire[self->head];
        if (tenon_memory_line_far_write(line, &next.value, 1, next.end_ns - self->byte_ns) == 0) {
            return;
        }
        self->head = (self->head + 1) % TENON_SIM_SLCAN_CAPACITY;
        self->count--;
    }
}
