/*
 * Input: capacity, chunk size, flags, then a stream. The stream goes through the parser in chunks
 * and, in one piece, through a plain reference; both must find the same packets. It also serves as
 * parameters of a frame that must come back the same.
 */
#include "dxl2_packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(expr) ((expr) ? (void)0 : give_up(#expr, __LINE__))

enum { STREAM_MAX = 1024, FLAG_LIMIT = 1, FLAG_MEND = 2, FLAG_ZERO_COPY = 4 };

static void give_up(const char *expr, int line)
{
    fprintf(stderr, "line %d: %s\n", line, expr);
    abort();
}

struct setup {
    size_t capacity;
    size_t chunk;
    unsigned flags;
};

static uint16_t limit(void *context, uint8_t id, uint8_t instruction)
{
    (void)context;
    return (uint16_t)(instruction == DXL2_STATUS ? 4u + id : 0u);
}

static uint16_t plain_crc(const uint8_t *bytes, size_t count)
{
    unsigned crc = 0;
    for (size_t i = 0; i < 8 * count; i++) {
        const unsigned bit = ((crc >> 15) ^ ((unsigned)bytes[i / 8] >> (7u - i % 8))) & 1u;
        crc = ((crc << 1) & 0xFFFFu) ^ (bit != 0 ? 0x8005u : 0u);
    }
    return (uint16_t)crc;
}

/* Size of the frame that the stream's rest begins with; 0: none can; SIZE_MAX: too little is there
 * to tell. */
static size_t plain_size(const struct setup *s, const uint8_t *at, size_t rest)
{
    static const uint8_t start[4] = {0xFF, 0xFF, 0xFD, 0x00};
    if (memcmp(at, start, rest < 4 ? rest : 4) != 0) {
        return 0;
    }
    if (rest < 8) {
        return SIZE_MAX;
    }
    const unsigned length = at[5] + 256u * at[6];
    const bool possible = length >= (at[7] == DXL2_STATUS ? 4u : 3u) &&
                          length + 7u <= s->capacity &&
                          ((s->flags & FLAG_LIMIT) == 0 || length <= limit(NULL, at[4], at[7]));
    return possible ? length + 7u : 0;
}

/* Give frames the right CRC, which chance hardly ever does. */
static void mend(const struct setup *s, uint8_t *stream, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        const size_t size = plain_size(s, stream + at, count - at);
        if (size >= DXL2_FRAME_MIN && size <= count - at) {
            const uint16_t crc = plain_crc(stream + at, size - 2);
            stream[at + size - 2] = (uint8_t)(crc & 0xFFu);
            stream[at + size - 1] = (uint8_t)(crc >> 8);
            at += size - 1;
        }
    }
}

/* The body (INST ... Pn) as the specification says, by looking back in the received bytes. */
static size_t plain_body(const uint8_t *frame, size_t size, uint8_t *out)
{
    const uint8_t *body = frame + 7;
    const bool fast = frame[4] == DXL2_BROADCAST && body[0] == DXL2_STATUS;
    size_t kept = 0;
    size_t from = 0; /* matching may not look behind the last deleted byte */
    for (size_t i = 0; i < size - 9; i++) {
        if (!fast && i >= from + 3 && body[i] == 0xFD &&
            memcmp(body + i - 3, "\xFF\xFF\xFD", 3) == 0) {
            from = i + 1;
        } else {
            out[kept++] = body[i];
        }
    }
    return kept;
}

static void compare(const uint8_t *frame, size_t size, const struct dxl2_packet *packet)
{
    uint8_t body[STREAM_MAX];
    const size_t count = plain_body(frame, size, body);
    const size_t prefix = body[0] == DXL2_STATUS ? 2 : 1;
    CHECK(packet->id == frame[4]);
    CHECK(packet->instruction == body[0]);
    CHECK(packet->error == (prefix == 2 ? body[1] : 0));
    CHECK(packet->param_count == count - prefix);
    CHECK(memcmp(packet->params, body + prefix, count - prefix) == 0);
}

/* Advance the reference to its next packet. Returns the packet's size, or 0. */
static size_t plain_next(const struct setup *s, const uint8_t *stream, size_t count, size_t *at)
{
    for (; *at < count; (*at)++) {
        const size_t size = plain_size(s, stream + *at, count - *at);
        if (size > count - *at) {
            return 0;
        }
        if (size > 0 && plain_crc(stream + *at, size - 2) == dxl2_load16(stream + *at + size - 2)) {
            return size;
        }
    }
    return 0;
}

static size_t give(struct dxl2_parser *p, const struct setup *s, const uint8_t *bytes, size_t count)
{
    if ((s->flags & FLAG_ZERO_COPY) == 0) {
        return dxl2_parser_feed(p, bytes, count);
    }
    size_t room = 0;
    uint8_t *to = dxl2_parser_space(p, &room);
    const size_t taken = count < room ? count : room;
    memcpy(to, bytes, taken);
    dxl2_parser_commit(p, taken);
    return taken;
}

static void parse(const struct setup *s, const uint8_t *stream, size_t count)
{
    uint8_t *buffer =
        malloc(s->capacity); /* of the exact size, so that a sanitizer sees the byte behind it */
    CHECK(buffer != NULL);
    struct dxl2_parser p;
    struct dxl2_packet packet;
    dxl2_parser_init(&p, buffer, s->capacity, (s->flags & FLAG_LIMIT) != 0 ? limit : NULL, NULL);
    size_t given = 0;
    size_t at = 0;
    size_t in_packets = 0;
    while (given < count) {
        const size_t rest = count - given;
        const size_t taken = give(&p, s, stream + given, s->chunk < rest ? s->chunk : rest);
        CHECK(taken > 0);
        given += taken;
        while (dxl2_parser_next(&p, &packet)) {
            const size_t size = plain_next(s, stream, given, &at);
            CHECK(size > 0);
            CHECK(packet.params >= buffer &&
                  packet.params + packet.param_count <= buffer + s->capacity);
            compare(stream + at, size, &packet);
            at += size;
            in_packets += size;
        }
        CHECK(plain_next(s, stream, given, &at) == 0);
        CHECK(p.head <= p.count && p.count <= s->capacity);
        CHECK(in_packets + p.skipped_bytes + (p.count - p.head) == given);
    }
    free(buffer);
}

static void encode_and_decode(const struct setup *s, const uint8_t *params, size_t count)
{
    uint8_t frame[DXL2_FRAME_SIZE_MAX(STREAM_MAX)];
    uint8_t buffer[sizeof frame];
    const int size = dxl2_encode(frame, sizeof frame, 1, DXL2_WRITE, params, count);
    CHECK(size > 0 && (size_t)size <= DXL2_FRAME_SIZE_MAX(count));
    struct dxl2_parser p;
    struct dxl2_packet packet;
    dxl2_parser_init(&p, buffer, sizeof buffer, NULL, NULL);
    CHECK(dxl2_parser_feed(&p, frame, (size_t)size) == (size_t)size);
    CHECK(dxl2_parser_next(&p, &packet));
    CHECK(packet.param_count == count && (count == 0 || memcmp(packet.params, params, count) == 0));
    CHECK(dxl2_encode(buffer, s->capacity, 1, DXL2_WRITE, params, count) ==
          ((size_t)size <= s->capacity ? size : TENON_ERR_FULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t stream[STREAM_MAX];
    if (size < 3 || size - 3 > sizeof stream) {
        return 0;
    }
    const struct setup s = {DXL2_FRAME_MIN + (size_t)data[0], 1u + (size_t)data[1], data[2]};
    memcpy(stream, data + 3, size - 3);
    encode_and_decode(&s, stream, size - 3);
    if ((s.flags & FLAG_MEND) != 0) {
        mend(&s, stream, size - 3);
    }
    parse(&s, stream, size - 3);
    return 0;
}
