/*
 * Input: a stream of characters. It goes through the parser one by one and, line by line, through a
 * plain reference; both must find the same. Its first bytes also make a frame that must come back
 * the same.
 */
#include "slcan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(expr) ((expr) ? (void)0 : give_up(#expr, __LINE__))

static void give_up(const char *expr, int line)
{
    fprintf(stderr, "line %d: %s\n", line, expr);
    abort();
}

/* ---- The reference: a whole line as a string ---- */

static bool plain_hex(const char *text, size_t count, unsigned long *out)
{
    char digits[17] = "";
    if (count > 16 || strspn(text, "0123456789ABCDEFabcdef") < count) {
        return false;
    }
    memcpy(digits, text, count);
    *out = strtoul(digits, NULL, 16);
    return true;
}

static bool plain_rest(const char *rest, size_t data, bool is_remote)
{
    const size_t count = strlen(rest);
    bool fits = false;
    for (size_t stamp = 0; stamp <= 8; stamp += 4) {
        fits = fits || count == data + stamp || (is_remote && count == stamp);
    }
    return fits && strspn(rest, "0123456789ABCDEFabcdef") == count;
}

static bool plain_frame(const char *line, struct tenon_can_frame *out)
{
    const bool is_long = line[0] == 'T' || line[0] == 'R';
    const bool is_remote = line[0] == 'r' || line[0] == 'R';
    const size_t digits = is_long ? 8 : 3;
    unsigned long number;
    *out = (struct tenon_can_frame){.flags = (uint8_t)((is_long ? 1 : 0) + (is_remote ? 2 : 0))};
    if (strlen(line) < digits + 2 || !plain_hex(line + 1, digits, &number) ||
        number > (is_long ? 0x1FFFFFFFul : 0x7FFul)) {
        return false;
    }
    out->id = (uint32_t)number;
    const char length = line[digits + 1];
    if (length < '0' || length > '8') {
        return false;
    }
    out->length = (uint8_t)(length - '0');
    const char *rest = line + digits + 2;
    if (!plain_rest(rest, 2u * out->length, is_remote)) {
        return false;
    }
    for (size_t i = 0; i < out->length && !is_remote; i++) {
        (void)plain_hex(rest + 2 * i, 2, &number);
        out->data[i] = (uint8_t)number;
    }
    return true;
}

static enum slcan_event
plain_line(const char *line, size_t length, bool has_nul, struct tenon_can_frame *out)
{
    if (length == 0) {
        return SLCAN_DONE;
    }
    if (length > SLCAN_TEXT_MAX) {
        return SLCAN_BROKEN;
    }
    if (!has_nul && (strcmp(line, "z") == 0 || strcmp(line, "Z") == 0)) {
        return SLCAN_SENT;
    }
    if (line[0] == '\0' || strchr("tTrR", line[0]) == NULL) {
        return SLCAN_TEXT;
    }
    return !has_nul && plain_frame(line, out) ? SLCAN_FRAME : SLCAN_BROKEN;
}

/* ---- Both side by side ---- */

static void same_frame(const struct tenon_can_frame *a, const struct tenon_can_frame *b)
{
    CHECK(a->id == b->id && a->length == b->length && a->flags == b->flags);
    CHECK(memcmp(a->data, b->data, sizeof a->data) == 0);
    CHECK(tenon_can_frame_is_valid(a));
}

static void parse(const uint8_t *data, size_t size)
{
    uint8_t *text = malloc(SLCAN_TEXT_MAX); /* so that a sanitizer sees the byte behind it */
    char line[SLCAN_TEXT_MAX + 2] = "";
    size_t length = 0;
    bool has_nul = false;
    CHECK(text != NULL);
    struct slcan_parser p = {.text = text};
    for (size_t i = 0; i < size; i++) {
        struct tenon_can_frame frame = {0};
        struct tenon_can_frame expected = {0};
        const enum slcan_event event = slcan_push(&p, data[i], &frame);
        if (data[i] == SLCAN_REFUSAL) {
            CHECK(event == SLCAN_REFUSED);
        } else if (data[i] != SLCAN_END) {
            CHECK(event == SLCAN_NONE);
            if (length == 0 && (data[i] == '\n' || data[i] == '\0')) {
                continue;
            }
            has_nul = has_nul || data[i] == '\0';
            if (length < SLCAN_TEXT_MAX) {
                line[length] = (char)data[i];
            }
            length++;
        } else {
            CHECK(event == plain_line(line, length, has_nul, &expected));
            if (event == SLCAN_FRAME) {
                same_frame(&frame, &expected);
            }
            memset(line, 0, sizeof line);
            length = 0;
            has_nul = false;
        }
    }
    free(text);
}

static void encode_and_decode(const uint8_t *data, size_t size)
{
    struct tenon_can_frame frame = {0};
    struct tenon_can_frame back = {0};
    uint8_t out[SLCAN_FRAME_MAX];
    uint8_t text[SLCAN_TEXT_MAX];
    struct slcan_parser p = {.text = text};
    memcpy(&frame, data, size < sizeof frame ? size : sizeof frame);
    const size_t count = slcan_encode(out, &frame);
    CHECK((count > 0) == tenon_can_frame_is_valid(&frame));
    for (size_t i = 0; i < count; i++) {
        CHECK(slcan_push(&p, out[i], &back) == (i + 1 < count ? SLCAN_NONE : SLCAN_FRAME));
    }
    if (count > 0) {
        const bool is_remote = (frame.flags & TENON_CAN_REMOTE) != 0u;
        const size_t kept = is_remote ? 0u : frame.length;
        memset(frame.data + kept, 0, sizeof frame.data - kept);
        same_frame(&back, &frame);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    encode_and_decode(data, size);
    parse(data, size);
    return 0;
}
