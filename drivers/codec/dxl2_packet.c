#include "dxl2_packet.h"

#include "dxl2_words.h"

#include <string.h>

enum {
    ID_AT = 4,
    LENGTH_AT = 5,
    INSTRUCTION_AT = 7,
    BEFORE_LENGTH_COUNTS = 7, /* bytes of a frame that LEN does not count */
    CRC_SIZE = 2,
    MARKER = 3 /* all of FF FF FD seen */
};

static const uint8_t header[4] = {0xFF, 0xFF, 0xFD, 0x00};
#define HEADER 0x00FDFFFFu /* the same, loaded */

/* ---- CRC ---- */

/* From the initial value 0. */
static uint16_t crc_of(const uint8_t *bytes, size_t count)
{
    return dxl2_sum_crc(dxl2_sum_of(bytes, count));
}

/* The same behind a CRC, bit by bit: only what is longer than a buffer needs it. */
static uint16_t continue_crc(uint16_t crc, const uint8_t *bytes, size_t count)
{
    uint32_t rest = crc;
    for (size_t i = 0; i < count; i++) {
        rest ^= (uint32_t)bytes[i] << 8;
        for (unsigned bit = 0; bit < 8; bit++) {
            rest <<= 1;
            rest ^= (rest >> 16) * 0x18005u;
        }
    }
    return (uint16_t)rest;
}

uint16_t dxl2_crc(uint16_t crc, const uint8_t *bytes, size_t count)
{
    return crc == 0 && count > 0 ? crc_of(bytes, count) : continue_crc(crc, bytes, count);
}

/* ---- Stuffing ---- */

/* Progress through FF FF FD after one more byte: MARKER when complete. */
static uint8_t advance(uint8_t run, uint8_t byte)
{
    if (byte == 0xFFu) {
        return run == 0 ? 1 : 2;
    }
    return (byte == 0xFDu && run == 2) ? MARKER : 0;
}

bool dxl2_has_marker(const uint8_t *bytes, size_t count)
{
    size_t i = 0;
    while (count - i >= 8 && dxl2_find_fd(bytes + i) == 0) {
        i += 8; /* nothing in there can end a marker */
    }
    i = i < 2 ? 2 : i;
    while (i < count) {
        if (bytes[i] < 0xFDu) {
            i += 3; /* nor can a marker end at the next two */
        } else if (bytes[i] == 0xFDu && bytes[i - 1] == 0xFFu && bytes[i - 2] == 0xFFu) {
            return true;
        } else {
            i++;
        }
    }
    return false;
}

/* Remove the stuffing in place; a removed FD takes no part in a match. Returns what remains. */
static size_t unstuff(uint8_t *bytes, size_t count)
{
    size_t kept = 0;
    uint8_t run = 0;
    for (size_t i = 0; i < count; i++) {
        bytes[kept++] = bytes[i];
        run = advance(run, bytes[i]);
        if (run == MARKER) {
            run = 0;
            if (i + 1 < count && bytes[i + 1] == 0xFDu) {
                i++;
            }
        }
    }
    return kept;
}

/* ---- Writing ---- */

static void append(struct dxl2_writer *w, uint8_t v)
{
    if (w->count < w->capacity) {
        w->out[w->count++] = v;
    } else {
        w->overflow = true;
    }
}

void dxl2_begin(
    struct dxl2_writer *w, uint8_t *out, size_t capacity, uint8_t id, uint8_t instruction)
{
    *w = (struct dxl2_writer){.out = out, .capacity = capacity};
    for (size_t i = 0; i < sizeof header; i++) {
        append(w, header[i]);
    }
    append(w, id);
    append(w, 0); /* the length follows in dxl2_end() */
    append(w, 0);
    dxl2_put8(w, instruction);
}

void dxl2_put8(struct dxl2_writer *w, uint8_t v)
{
    append(w, v);
    w->run = advance(w->run, v);
    if (w->run == MARKER) {
        w->run = 0;
        append(w, 0xFDu);
    }
}

void dxl2_put(struct dxl2_writer *w, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        dxl2_put8(w, bytes[i]);
    }
}

void dxl2_put16(struct dxl2_writer *w, uint16_t v)
{
    dxl2_put8(w, (uint8_t)(v & 0xFFu));
    dxl2_put8(w, (uint8_t)(v >> 8));
}

int dxl2_end(struct dxl2_writer *w)
{
    if (w->overflow || w->capacity - w->count < CRC_SIZE) {
        return TENON_ERR_FULL;
    }
    const size_t length = w->count + CRC_SIZE - BEFORE_LENGTH_COUNTS;
    if (length > UINT16_MAX) {
        return TENON_ERR_FULL;
    }
    dxl2_store16(w->out + LENGTH_AT, (uint16_t)length);
    dxl2_store16(w->out + w->count, crc_of(w->out, w->count));
    w->count += CRC_SIZE;
    return (int)w->count;
}

int dxl2_encode(uint8_t *out,
                size_t capacity,
                uint8_t id,
                uint8_t instruction,
                const uint8_t *params,
                size_t count)
{
    struct dxl2_writer w;
    dxl2_begin(&w, out, capacity, id, instruction);
    dxl2_put(&w, params, count);
    return dxl2_end(&w);
}

int dxl2_encode_status(
    uint8_t *out, size_t capacity, uint8_t id, uint8_t error, const uint8_t *params, size_t count)
{
    struct dxl2_writer w;
    dxl2_begin(&w, out, capacity, id, DXL2_STATUS);
    dxl2_put8(&w, error);
    dxl2_put(&w, params, count);
    return dxl2_end(&w);
}

/* ---- Reading ---- */

static void skip_byte(struct dxl2_parser *p)
{
    p->head++;
    p->skipped_bytes++;
}

static inline bool at_header(const struct dxl2_parser *p)
{
    return p->count - p->head >= DXL2_HEADER_SIZE && dxl2_load32(p->buffer + p->head) == HEADER;
}

/* Skip what cannot begin a packet: up to a header, to what may become one, or to the end. @return
 * Whether it is a header. */
static bool hunt(struct dxl2_parser *p)
{
    for (; p->head < p->count && !at_header(p); skip_byte(p)) {
        const size_t available = p->count - p->head;
        const size_t compared = available < sizeof header ? available : sizeof header;
        if (available < DXL2_HEADER_SIZE && memcmp(p->buffer + p->head, header, compared) == 0) {
            return false;
        }
    }
    return p->head < p->count;
}

/* Bytes of the frame whose header this is; 0: that cannot be. */
static inline size_t frame_size(const struct dxl2_parser *p, const uint8_t *frame)
{
    const uint8_t instruction = frame[INSTRUCTION_AT];
    const uint16_t length = dxl2_load16(frame + LENGTH_AT);
    const size_t size = (size_t)length + BEFORE_LENGTH_COUNTS;
    if (length < (instruction == DXL2_STATUS ? 4 : 3) || size > p->capacity) {
        return 0;
    }
    if (p->limit != NULL && length > p->limit(p->context, frame[ID_AT], instruction)) {
        return 0;
    }
    return size;
}

/* Whether the bytes are followed by their CRC. */
static inline bool has_crc(const uint8_t *bytes, size_t count)
{
    return dxl2_sum_has_crc(dxl2_sum_of(bytes, count), dxl2_load16(bytes + count));
}

static inline void describe(uint8_t *frame, size_t size, struct dxl2_packet *out)
{
    uint8_t *const body = frame + INSTRUCTION_AT;
    const uint8_t id = frame[ID_AT];
    const uint8_t instruction = body[0];
    const bool is_status = instruction == DXL2_STATUS;
    size_t count = size - INSTRUCTION_AT - CRC_SIZE;
    const bool may_be_stuffed = count < 8 || count > 16 || dxl2_has_fd(body, count);
    if (may_be_stuffed && !(is_status && id == DXL2_BROADCAST) && dxl2_has_marker(body, count)) {
        count = unstuff(body, count);
    }
    const size_t prefix = is_status ? 2 : 1;
    *out = (struct dxl2_packet){.id = id,
                                .instruction = instruction,
                                .error = is_status ? body[1] : 0,
                                .params = body + prefix,
                                .param_count = (uint16_t)(count - prefix)};
}

bool dxl2_parser_next(struct dxl2_parser *p, struct dxl2_packet *out)
{
    while (at_header(p) || hunt(p)) {
        uint8_t *frame = p->buffer + p->head;
        const size_t size = frame_size(p, frame);
        if (size == 0) {
            p->length_errors++;
        } else if (size > p->count - p->head) {
            return false;
        } else if (!has_crc(frame, size - CRC_SIZE)) {
            p->crc_errors++;
        } else {
            p->head += size;
            describe(frame, size, out);
            return true;
        }
        skip_byte(p);
    }
    return false;
}

/* Move the unread bytes to the front. Not at every chance: a byte should be moved about once. */
static void compact(struct dxl2_parser *p)
{
    const size_t unread = p->count - p->head;
    if (unread == 0) {
        p->head = 0;
        p->count = 0;
    } else if (p->head >= unread || p->count == p->capacity) {
        memmove(p->buffer, p->buffer + p->head, unread);
        p->head = 0;
        p->count = unread;
    }
}

void dxl2_parser_init(
    struct dxl2_parser *p, uint8_t *buffer, size_t capacity, dxl2_length_limit limit, void *context)
{
    *p = (struct dxl2_parser){
        .buffer = buffer, .capacity = capacity, .limit = limit, .context = context};
}

uint8_t *dxl2_parser_make_room(struct dxl2_parser *p, size_t *out_capacity)
{
    if (p->head == 0 && p->count == p->capacity) {
        skip_byte(p);
        (void)hunt(p);
    }
    compact(p);
    *out_capacity = p->capacity - p->count;
    return p->buffer + p->count;
}

void dxl2_parser_commit(struct dxl2_parser *p, size_t count)
{
    const size_t room = p->capacity - p->count;
    p->count += count < room ? count : room;
}

size_t dxl2_parser_feed(struct dxl2_parser *p, const uint8_t *bytes, size_t count)
{
    compact(p);
    const size_t room = p->capacity - p->count;
    const size_t taken = count < room ? count : room;
    if (taken > 0) {
        memcpy(p->buffer + p->count, bytes, taken);
        p->count += taken;
    }
    return taken;
}
