#include "dxl2_packet.h"

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

/* ---- CRC ----
 *
 * The polynomial is (x + 1)(x^15 + x + 1). Modulo the trinomial x^15 = x + 1, and by squaring x^30
 * = x^2 + 1, x^32 = x^4 + x^2 and x^64 = x^8 + x^4: whole words fold by a few shifts. Modulo x + 1
 * the remainder is the parity of all bits. Both remainders together determine the CRC, so no table
 * is needed.
 */

static inline uint64_t load64_msb_first(const uint8_t *p)
{
    return ((uint64_t)p[0] << 56) | ((uint64_t)p[1] << 48) | ((uint64_t)p[2] << 40) |
           ((uint64_t)p[3] << 32) | ((uint64_t)p[4] << 24) | ((uint64_t)p[5] << 16) |
           ((uint64_t)p[6] << 8) | (uint64_t)p[7];
}

static unsigned parity(uint64_t bits)
{
    uint32_t v = (uint32_t)(bits >> 32) ^ (uint32_t)bits;
    v ^= v >> 16;
    v ^= v >> 8;
    v ^= v >> 4;
    return (0x6996u >> (v & 15u)) & 1u;
}

/* What is congruent to v modulo the trinomial and has 36 bits. */
static uint64_t fold(uint64_t v)
{
    const uint64_t high = v >> 32;
    return (v & 0xFFFFFFFFu) ^ (high << 2) ^ (high << 4);
}

/* v * x^16 modulo the whole polynomial, given bits of the parity that the result must have. */
static uint16_t reduce(uint64_t v, uint64_t ones)
{
    const uint64_t folded = fold(v);
    const uint32_t high = (uint32_t)(folded >> 16);  /* times x^32 = x^4 + x^2 */
    const uint32_t low = (uint32_t)folded & 0xFFFFu; /* times x^16 = x^2 + x */
    const uint32_t sum = (high << 4) ^ ((high ^ low) << 2) ^ (low << 1);
    const uint32_t rest = (sum & 0x7FFFu) ^ (sum >> 15) ^ (sum >> 15 << 1);
    /* 16 bits leave two candidates, the trinomial apart; one of them has the right parity. */
    return (uint16_t)(rest ^ (0x8003u & (0u - parity(ones ^ rest))));
}

/* v * x^64 + word, modulo the trinomial. */
static inline uint64_t absorb(uint64_t v, uint64_t word)
{
    v = fold(v);
    return (v << 4) ^ (v << 8) ^ word;
}

static inline uint16_t run_crc(uint16_t crc, const uint8_t *bytes, size_t count)
{
    /* Zeros in front change nothing, so the short word (count % 8 bytes) goes first. */
    const size_t first = count & 7u;
    const unsigned surplus = 63u - 8u * (unsigned)first; /* bits of a word not in it, less one */
    /* The CRC so far is added to the first 16 bits, here, in the next word, or behind the end. */
    uint64_t carry = (uint64_t)crc << 48;
    uint64_t v = 0;
    if (count >= 8) {
        v = load64_msb_first(bytes) >> 1 >> surplus;
    } else {
        for (size_t i = 0; i < first; i++) {
            v = (v << 8) | bytes[i];
        }
    }
    v ^= carry >> 1 >> surplus;
    carry <<= 8u * first;
    uint64_t ones = v;
    const uint8_t *at = bytes + first;
    const uint8_t *end = bytes + count;
    if (carry != 0 && at != end) {
        const uint64_t word = load64_msb_first(at) ^ carry;
        v = absorb(v, word);
        ones ^= word;
        carry = 0;
        at += 8;
    }
    for (; at != end; at += 8) {
        const uint64_t word = load64_msb_first(at);
        v = absorb(v, word);
        ones ^= word;
    }
    return (uint16_t)(reduce(v, ones) ^ (uint16_t)(carry >> 48));
}

uint16_t dxl2_crc(uint16_t crc, const uint8_t *bytes, size_t count)
{
    return count == 0 ? crc : run_crc(crc, bytes, count);
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

/*
 * Whether FF FF FD may be among `count` bytes; the two behind them must be readable. Every third
 * byte is looked at, since one of them would belong to it. A wrong yes costs time only.
 */
static bool may_have_marker(const uint8_t *bytes, size_t count)
{
    for (size_t i = 2; i < count; i += 3) {
        if (bytes[i] < 0xFDu) {
            continue;
        }
        if (bytes[i] == 0xFFu && (bytes[i + 1] == 0xFDu || bytes[i + 2] == 0xFDu)) {
            return true;
        }
        if (bytes[i] == 0xFDu && bytes[i - 1] == 0xFFu) {
            return true;
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
    dxl2_store16(w->out + w->count, run_crc(0, w->out, w->count));
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

/* Skip what cannot begin a packet: up to a header, to what may become one, or to the end. */
static void hunt(struct dxl2_parser *p)
{
    for (; p->head < p->count && !at_header(p); skip_byte(p)) {
        const size_t available = p->count - p->head;
        const size_t compared = available < sizeof header ? available : sizeof header;
        if (available < DXL2_HEADER_SIZE && memcmp(p->buffer + p->head, header, compared) == 0) {
            return;
        }
    }
}

/* Bytes of the frame whose header this is; 0: that cannot be. */
static size_t frame_size(const struct dxl2_parser *p, const uint8_t *frame)
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

static void describe(uint8_t *frame, size_t size, struct dxl2_packet *out)
{
    uint8_t *body = frame + INSTRUCTION_AT;
    size_t count = size - INSTRUCTION_AT - CRC_SIZE;
    const bool is_status = body[0] == DXL2_STATUS;
    const bool is_fast = is_status && frame[ID_AT] == DXL2_BROADCAST;
    if (!is_fast && may_have_marker(body, count)) {
        count = unstuff(body, count);
    }
    const size_t prefix = is_status ? 2 : 1;
    out->id = frame[ID_AT];
    out->instruction = body[0];
    out->error = is_status ? body[1] : 0;
    out->params = body + prefix;
    out->param_count = (uint16_t)(count - prefix);
}

bool dxl2_parser_next(struct dxl2_parser *p, struct dxl2_packet *out)
{
    for (;; skip_byte(p)) {
        if (!at_header(p)) {
            hunt(p);
            if (!at_header(p)) {
                return false;
            }
        }
        uint8_t *frame = p->buffer + p->head;
        const size_t size = frame_size(p, frame);
        if (size == 0) {
            p->length_errors++;
        } else if (size > p->count - p->head) {
            return false;
        } else if (run_crc(0, frame, size - CRC_SIZE) != dxl2_load16(frame + size - CRC_SIZE)) {
            p->crc_errors++;
        } else {
            p->head += size;
            describe(frame, size, out);
            return true;
        }
    }
}

/* Move the unread bytes to the front. Not at every chance: a byte should be moved about once. */
static void compact(struct dxl2_parser *p)
{
    const size_t unread = p->count - p->head;
    if (p->head >= unread || p->count == p->capacity) {
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

uint8_t *dxl2_parser_space(struct dxl2_parser *p, size_t *out_capacity)
{
    if (p->head == 0 && p->count == p->capacity) {
        skip_byte(p);
        hunt(p);
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

size_t dxl2_parser_flush(struct dxl2_parser *p)
{
    const size_t dropped = p->count - p->head;
    p->head = 0;
    p->count = 0;
    return dropped;
}
