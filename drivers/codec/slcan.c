#include "slcan.h"

#include <string.h>

#define SHORT_DIGITS 3u /* of an identifier */
#define LONG_DIGITS  8u
#define LENGTH_MAX   8u
#define NOT_A_DIGIT  0xFFu

static const uint32_t rates[] = {10000,  20000,  50000,  100000, 125000,
                                 250000, 500000, 800000, 1000000};

#define RATE_COUNT (sizeof rates / sizeof rates[0])

uint8_t slcan_rate_digit(uint32_t baud)
{
    for (size_t i = 0; i < RATE_COUNT; i++) {
        if (rates[i] == baud) {
            return (uint8_t)('0' + i);
        }
    }
    return 0;
}

uint32_t slcan_rate_of(uint8_t digit)
{
    return digit >= '0' && digit < '0' + RATE_COUNT ? rates[digit - '0'] : 0u;
}

/* ---- Encoding ---- */

static uint8_t *put_hex(uint8_t *out, uint32_t value, unsigned digits)
{
    static const char hex[] = "0123456789ABCDEF";
    for (unsigned i = digits; i > 0; i--) {
        *out++ = (uint8_t)hex[value >> 4u * (i - 1u) & 0xFu];
    }
    return out;
}

static uint8_t letter_of(uint8_t flags)
{
    const bool is_extended = (flags & TENON_CAN_EXTENDED) != 0u;
    if ((flags & TENON_CAN_REMOTE) != 0u) {
        return is_extended ? 'R' : 'r';
    }
    return is_extended ? 'T' : 't';
}

size_t slcan_encode(uint8_t *out, const struct tenon_can_frame *frame)
{
    if (!tenon_can_frame_is_valid(frame)) {
        return 0;
    }
    uint8_t *at = out;
    *at++ = letter_of(frame->flags);
    at = put_hex(at, frame->id,
                 (frame->flags & TENON_CAN_EXTENDED) != 0u ? LONG_DIGITS : SHORT_DIGITS);
    at = put_hex(at, frame->length, 1u);
    for (uint8_t i = 0; i < frame->length && (frame->flags & TENON_CAN_REMOTE) == 0u; i++) {
        at = put_hex(at, frame->data[i], 2u);
    }
    *at++ = SLCAN_END;
    return (size_t)(at - out);
}

/* ---- Decoding ---- */

static uint8_t value_of(uint8_t character)
{
    if (character >= '0' && character <= '9') {
        return (uint8_t)(character - '0');
    }
    const uint8_t upper = character >= 'a' ? (uint8_t)(character - ('a' - 'A')) : character;
    return upper >= 'A' && upper <= 'F' ? (uint8_t)(upper - 'A' + 10) : NOT_A_DIGIT;
}

static bool are_digits(const uint8_t *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (value_of(text[i]) == NOT_A_DIGIT) {
            return false;
        }
    }
    return true;
}

static uint32_t take_hex(const uint8_t *text, unsigned digits)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < digits; i++) {
        value = value << 4 | value_of(text[i]);
    }
    return value;
}

/* Some firmwares send the data nibbles of a remote frame, which has none. */
static bool may_follow(size_t rest, size_t data, bool is_remote)
{
    const bool is_stamp = rest == 0 || rest == 4 || rest == 8;
    const bool is_data = rest == data || rest == data + 4 || rest == data + 8;
    return is_remote ? is_stamp || is_data : is_data;
}

static bool begins_frame(uint8_t character)
{
    return character == 't' || character == 'T' || character == 'r' || character == 'R';
}

static bool decode(const uint8_t *text, size_t count, struct tenon_can_frame *out)
{
    const bool is_remote = text[0] == 'r' || text[0] == 'R';
    const bool is_extended = text[0] == 'T' || text[0] == 'R';
    const unsigned digits = is_extended ? LONG_DIGITS : SHORT_DIGITS;
    const size_t head = digits + 2u;
    struct tenon_can_frame frame = {0};

    if (count < head || !are_digits(text + 1, count - 1)) {
        return false;
    }
    frame.id = take_hex(text + 1, digits);
    frame.length = value_of(text[head - 1u]);
    frame.flags =
        (uint8_t)((is_extended ? TENON_CAN_EXTENDED : 0u) | (is_remote ? TENON_CAN_REMOTE : 0u));
    if (!tenon_can_frame_is_valid(&frame) ||
        !may_follow(count - head, (size_t)2 * frame.length, is_remote)) {
        return false;
    }
    for (uint8_t i = 0; i < frame.length && !is_remote; i++) {
        frame.data[i] = (uint8_t)take_hex(text + head + (size_t)2 * i, 2u);
    }
    *out = frame;
    return true;
}

static enum slcan_event end_line(struct slcan_parser *p, struct tenon_can_frame *out_frame)
{
    p->is_whole = true;
    if (p->count == 0) {
        return SLCAN_DONE;
    }
    if (p->count > SLCAN_TEXT_MAX) {
        return SLCAN_BROKEN;
    }
    if (p->count == 1 && (p->text[0] == 'z' || p->text[0] == 'Z')) {
        return SLCAN_SENT;
    }
    if (!begins_frame(p->text[0])) {
        return SLCAN_TEXT;
    }
    return decode(p->text, p->count, out_frame) ? SLCAN_FRAME : SLCAN_BROKEN;
}

enum slcan_event
slcan_push(struct slcan_parser *p, uint8_t character, struct tenon_can_frame *out_frame)
{
    if (p->is_whole) {
        p->is_whole = false;
        p->count = 0;
    }
    if (character == SLCAN_REFUSAL) {
        return SLCAN_REFUSED;
    }
    if (character == SLCAN_END) {
        return end_line(p, out_frame);
    }
    if (p->count == 0 && (character == '\n' || character == '\0')) {
        return SLCAN_NONE;
    }
    if (p->count < SLCAN_TEXT_MAX) {
        p->text[p->count] = character;
    }
    p->count = (uint8_t)(p->count <= SLCAN_TEXT_MAX ? p->count + 1u : p->count);
    return SLCAN_NONE;
}
