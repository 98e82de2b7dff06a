#include "tenon_test.h"

#include "dxl2_packet.h"
#include "dxl2_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_MAX = 4096, BUFFER_MAX = 512, PACKETS_MAX = 64 };

static uint32_t seed;

static uint32_t next_random(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static size_t below(size_t n)
{
    return next_random() % n;
}

static uint8_t random_byte(void)
{
    return (uint8_t)(next_random() & 0xFFu);
}

/* Half of the bytes belong to a marker, so that stuffing happens all the time. */
static uint8_t marker_rich_byte(void)
{
    static const uint8_t choice[8] = {0xFF, 0xFF, 0xFF, 0xFD, 0xFD, 0x00, 0x55, 0xFE};
    return choice[below(8)];
}

/* ---- Vectors ---- */

struct vector {
    const char *name;
    const char *frame;
    uint8_t id;
    uint8_t instruction;
    uint8_t error;
    const char *params; /* before stuffing, without the error byte */
};

#define MIXED "FF FF FD FF FF FD FD 00 FF FF FF FD 01 02 03 04"

static const struct vector vectors[] = {
    {"V01 req", "FF FF FD 00 01 03 00 01 19 4E", 1, DXL2_PING, 0, ""},
    {"V01 rsp", "FF FF FD 00 01 07 00 55 00 FC 03 2D 17 43", 1, DXL2_STATUS, 0, "FC 03 2D"},
    {"V02 req", "FF FF FD 00 FE 03 00 01 31 42", DXL2_BROADCAST, DXL2_PING, 0, ""},
    {"V03 req", "FF FF FD 00 01 07 00 02 84 00 04 00 1D 15", 1, DXL2_READ, 0, "84 00 04 00"},
    {"V03 rsp", "FF FF FD 00 01 08 00 55 00 A6 00 00 00 8C C0", 1, DXL2_STATUS, 0, "A6 00 00 00"},
    {"V04 req", "FF FF FD 00 01 09 00 03 74 00 00 02 00 00 CA 89", 1, DXL2_WRITE, 0,
     "74 00 00 02 00 00"},
    {"V04 rsp", "FF FF FD 00 01 04 00 55 00 A1 0C", 1, DXL2_STATUS, 0, ""},
    {"V05 rsp", "FF FF FD 00 01 04 00 55 04 BA 8C", 1, DXL2_STATUS, DXL2_ERROR_RANGE, ""},
    {"V05 alert", "FF FF FD 00 01 04 00 55 84 B9 0F", 1, DXL2_STATUS, DXL2_ALERT | DXL2_ERROR_RANGE,
     ""},
    {"V06 req", "FF FF FD 00 01 09 00 04 68 00 C8 00 00 00 AE 8E", 1, DXL2_REG_WRITE, 0,
     "68 00 C8 00 00 00"},
    {"V07 req", "FF FF FD 00 FE 03 00 05 2A C2", DXL2_BROADCAST, DXL2_ACTION, 0, ""},
    {"V08 req", "FF FF FD 00 01 04 00 06 02 AB E6", 1, DXL2_FACTORY_RESET, 0, "02"},
    {"V09 req", "FF FF FD 00 01 03 00 08 2F 4E", 1, DXL2_REBOOT, 0, ""},
    {"V10 req", "FF FF FD 00 01 08 00 10 01 44 58 4C 22 B1 DC", 1, DXL2_CLEAR, 0, "01 44 58 4C 22"},
    {"V11 req", "FF FF FD 00 01 08 00 10 02 45 52 43 4C D5 EB", 1, DXL2_CLEAR, 0, "02 45 52 43 4C"},
    {"V12 req", "FF FF FD 00 01 08 00 20 01 43 54 52 4C 16 F5", 1, DXL2_BACKUP, 0,
     "01 43 54 52 4C"},
    {"V13 req", "FF FF FD 00 01 08 00 20 02 43 54 52 4C 9E F5", 1, DXL2_BACKUP, 0,
     "02 43 54 52 4C"},
    {"V14 req", "FF FF FD 00 FE 0A 00 82 7E 00 0A 00 01 02 03 59 1B", DXL2_BROADCAST,
     DXL2_SYNC_READ, 0, "7E 00 0A 00 01 02 03"},
    {"V14 rsp 1", "FF FF FD 00 01 0E 00 55 00 07 00 FB FF FF FF 00 08 00 00 45 92", 1, DXL2_STATUS,
     0, "07 00 FB FF FF FF 00 08 00 00"},
    {"V14 rsp 2", "FF FF FD 00 02 0E 00 55 00 07 00 FB FF FF FF 00 08 00 00 4F 91", 2, DXL2_STATUS,
     0, "07 00 FB FF FF FF 00 08 00 00"},
    {"V14 rsp 3", "FF FF FD 00 03 0E 00 55 80 07 00 FB FF FF FF 00 08 00 00 76 B0", 3, DXL2_STATUS,
     DXL2_ALERT, "07 00 FB FF FF FF 00 08 00 00"},
    {"V15 req", "FF FF FD 00 FE 11 00 83 74 00 04 00 01 96 00 00 00 02 AA 00 00 00 82 87",
     DXL2_BROADCAST, DXL2_SYNC_WRITE, 0, "74 00 04 00 01 96 00 00 00 02 AA 00 00 00"},
    {"V16 req", "FF FF FD 00 FE 0D 00 92 01 90 00 02 00 02 92 00 01 00 1A 05", DXL2_BROADCAST,
     DXL2_BULK_READ, 0, "01 90 00 02 00 02 92 00 01 00"},
    {"V16 rsp 1", "FF FF FD 00 01 06 00 55 00 77 00 C3 69", 1, DXL2_STATUS, 0, "77 00"},
    {"V16 rsp 2", "FF FF FD 00 02 05 00 55 00 24 8B A9", 2, DXL2_STATUS, 0, "24"},
    {"V17 req", "FF FF FD 00 FE 10 00 93 01 20 00 02 00 A0 00 02 1F 00 01 00 50 B7 68",
     DXL2_BROADCAST, DXL2_BULK_WRITE, 0, "01 20 00 02 00 A0 00 02 1F 00 01 00 50"},
    {"V18 req", "FF FF FD 00 FE 0A 00 8A 84 00 04 00 03 07 04 20 F2", DXL2_BROADCAST,
     DXL2_FAST_SYNC_READ, 0, "84 00 04 00 03 07 04"},
    {"V18 rsp",
     "FF FF FD 00 FE 19 00 55 00 03 A6 00 00 00 84 08 00 07 1F 08 00 00 16 CA 00 04 FF 03 00 00 D1 "
     "9E",
     DXL2_BROADCAST, DXL2_STATUS, 0,
     "03 A6 00 00 00 84 08 00 07 1F 08 00 00 16 CA 00 04 FF 03 00 00"},
    {"V19 req", "FF FF FD 00 FE 12 00 9A 03 84 00 04 00 07 7C 00 02 00 04 92 00 01 00 DA 2D",
     DXL2_BROADCAST, DXL2_FAST_BULK_READ, 0, "03 84 00 04 00 07 7C 00 02 00 04 92 00 01 00"},
    {"V19 rsp", "FF FF FD 00 FE 14 00 55 00 03 A6 00 00 00 67 A4 00 07 A5 01 24 74 00 04 1F D9 C1",
     DXL2_BROADCAST, DXL2_STATUS, 0, "03 A6 00 00 00 67 A4 00 07 A5 01 24 74 00 04 1F"},
    {"V20 req", "FF FF FD 00 01 0A 00 03 E0 00 FF FF FD FD 01 67 7A", 1, DXL2_WRITE, 0,
     "E0 00 FF FF FD 01"},
    {"V20 rsp", "FF FF FD 00 01 09 00 55 00 FF FF FD FD 01 DD 1C", 1, DXL2_STATUS, 0,
     "FF FF FD 01"},
    {"V21 req", "FF FF FD 00 01 0D 00 03 E0 00 FF FF FD FD FF FF FD FD ED B2", 1, DXL2_WRITE, 0,
     "E0 00 FF FF FD FF FF FD"},
    {"V21 rsp", "FF FF FD 00 01 0C 00 55 00 FF FF FD FD FF FF FD FD 19 16", 1, DXL2_STATUS, 0,
     "FF FF FD FF FF FD"},
    {"V22 req", "FF FF FD 00 01 0B 00 03 E0 00 FF FF FD FD FD 01 56 7B", 1, DXL2_WRITE, 0,
     "E0 00 FF FF FD FD 01"},
    {"V22 rsp", "FF FF FD 00 01 0A 00 55 00 FF FF FD FD FD 01 7D F5", 1, DXL2_STATUS, 0,
     "FF FF FD FD 01"},
    {"V23 req", "FF FF FD 00 01 0B 00 03 E0 00 FF FF FF FD FD 02 5F D3", 1, DXL2_WRITE, 0,
     "E0 00 FF FF FF FD 02"},
    {"V23 rsp", "FF FF FD 00 01 0A 00 55 00 FF FF FF FD FD 02 74 5D", 1, DXL2_STATUS, 0,
     "FF FF FF FD 02"},
    {"V24 req",
     "FF FF FD 00 01 18 00 03 E0 00 FF FF FD FD FF FF FD FD FD 00 FF FF FF FD FD 01 02 03 04 7C 2B",
     1, DXL2_WRITE, 0, "E0 00 " MIXED},
    {"V24 rsp",
     "FF FF FD 00 01 17 00 55 00 FF FF FD FD FF FF FD FD FD 00 FF FF FF FD FD 01 02 03 04 1F 0D", 1,
     DXL2_STATUS, 0, MIXED},
    {"V25 req", "FF FF FD 00 01 08 00 03 FF FF FD FD 01 C1 0E", 1, DXL2_WRITE, 0, "FF FF FD 01"},
};

enum { VECTOR_COUNT = sizeof vectors / sizeof vectors[0] };

static size_t from_hex(const char *text, uint8_t *out)
{
    size_t count = 0;
    char *end = NULL;
    for (const char *at = text; *at != '\0'; at = (*end == ' ') ? end + 1 : end) {
        out[count++] = (uint8_t)strtoul(at, &end, 16);
    }
    return count;
}

/* ---- A record of what a parser found ---- */

struct found {
    uint8_t id, instruction, error;
    uint16_t count;
    uint8_t params[BUFFER_MAX];
};

struct rig {
    struct dxl2_parser parser;
    uint8_t buffer[BUFFER_MAX];
    struct found found[PACKETS_MAX];
    size_t found_count;
};

static void rig_init(struct rig *r, size_t capacity, dxl2_length_limit limit)
{
    memset(r, 0, sizeof *r);
    dxl2_parser_init(&r->parser, r->buffer, capacity, limit, NULL);
}

static void rig_drain(struct rig *r)
{
    struct dxl2_packet packet;
    while (dxl2_parser_next(&r->parser, &packet)) {
        assert_in_range(r->found_count, 0, PACKETS_MAX - 1);
        struct found *f = &r->found[r->found_count++];
        f->id = packet.id;
        f->instruction = packet.instruction;
        f->error = packet.error;
        f->count = packet.param_count;
        memcpy(f->params, packet.params, packet.param_count);
    }
}

static void rig_feed(struct rig *r, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        const size_t taken = dxl2_parser_feed(&r->parser, bytes, count);
        assert_true(taken > 0);
        bytes += taken;
        count -= taken;
        rig_drain(r);
    }
}

static void assert_same_packets(const struct rig *a, const struct rig *b)
{
    assert_int_equal(a->found_count, b->found_count);
    assert_memory_equal(a->found, b->found, sizeof a->found);
}

static void assert_is_vector(const struct found *f, const struct vector *v)
{
    uint8_t params[BUFFER_MAX];
    const size_t count = from_hex(v->params, params);
    assert_int_equal(f->id, v->id);
    assert_int_equal(f->instruction, v->instruction);
    assert_int_equal(f->error, v->error);
    assert_int_equal(f->count, count);
    assert_memory_equal(f->params, params, count);
}

/* All vectors behind one another. */
static size_t vector_stream(uint8_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        count += from_hex(vectors[i].frame, out + count);
    }
    return count;
}

/* ---- CRC ---- */

static uint16_t bitwise_crc(uint16_t crc, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        crc = (uint16_t)(crc ^ (bytes[i] << 8));
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)((crc & 0x8000u) != 0 ? (crc << 1) ^ 0x8005 : crc << 1);
        }
    }
    return crc;
}

static void crc_has_the_published_check_value(void **state)
{
    (void)state;
    assert_int_equal(dxl2_crc(0, (const uint8_t *)"123456789", 9), 0xFEE8);
    assert_int_equal(dxl2_crc(0, NULL, 0), 0);
    assert_int_equal(dxl2_crc(0xBEEF, NULL, 0), 0xBEEF);
}

static void crc_equals_the_bitwise_one_at_all_lengths_and_alignments(void **state)
{
    (void)state;
    uint8_t bytes[340];
    for (size_t count = 0; count <= 300; count++) {
        for (size_t at = 0; at < 32; at++) {
            for (size_t i = 0; i < sizeof bytes; i++) {
                bytes[i] = random_byte();
            }
            const uint16_t start = (uint16_t)((at & 1u) != 0 ? next_random() & 0xFFFFu : 0u);
            assert_int_equal(dxl2_crc(start, bytes + at, count),
                             bitwise_crc(start, bytes + at, count));
        }
    }
}

static void crc_of_short_messages_is_right_for_every_single_bit_and_start(void **state)
{
    (void)state;
    for (uint32_t start = 0; start <= UINT16_MAX; start += 257) {
        for (size_t count = 0; count <= 17; count++) {
            uint8_t bytes[17] = {0};
            for (size_t bit = 0; bit < 8 * count + 1; bit++) {
                memset(bytes, 0, sizeof bytes);
                if (bit < 8 * count) {
                    bytes[bit / 8] = (uint8_t)(1u << (bit % 8));
                }
                assert_int_equal(dxl2_crc((uint16_t)start, bytes, count),
                                 bitwise_crc((uint16_t)start, bytes, count));
            }
        }
    }
}

static void crc_can_be_continued_at_every_byte(void **state)
{
    (void)state;
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = random_byte();
    }
    const uint16_t whole = bitwise_crc(0, bytes, sizeof bytes);
    for (size_t a = 0; a <= sizeof bytes; a++) {
        for (size_t b = a; b <= sizeof bytes; b++) {
            uint16_t crc = dxl2_crc(0, bytes, a);
            crc = dxl2_crc(crc, bytes + a, b - a);
            assert_int_equal(dxl2_crc(crc, bytes + b, sizeof bytes - b), whole);
        }
    }
}

static void running_crc_checks_each_block_of_a_fast_status(void **state)
{
    (void)state;
    uint8_t frame[64];
    (void)from_hex("FF FF FD 00 FE 19 00 55 00 03 A6 00 00 00 84 08 00 07 1F 08 00 00 16 CA 00 04 "
                   "FF 03 00 00 D1 9E",
                   frame);
    uint16_t crc = dxl2_crc(0, frame, 14);
    assert_int_equal(crc, dxl2_load16(frame + 14));
    crc = dxl2_crc(crc, frame + 14, 8);
    assert_int_equal(crc, dxl2_load16(frame + 22));
    crc = dxl2_crc(crc, frame + 22, 8);
    assert_int_equal(crc, dxl2_load16(frame + 30));
}

/* ---- Vectors, both ways ---- */

static int encode_vector(const struct vector *v, uint8_t *out, size_t capacity)
{
    uint8_t params[BUFFER_MAX];
    const size_t count = from_hex(v->params, params);
    if (v->instruction == DXL2_STATUS) {
        return dxl2_encode_status(out, capacity, v->id, v->error, params, count);
    }
    return dxl2_encode(out, capacity, v->id, v->instruction, params, count);
}

static void vectors_are_encoded_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        uint8_t expected[BUFFER_MAX];
        uint8_t frame[BUFFER_MAX];
        const size_t count = from_hex(vectors[i].frame, expected);
        const int rc = encode_vector(&vectors[i], frame, sizeof frame);
        if (rc != (int)count || memcmp(frame, expected, count) != 0) {
            fail_msg("%s: wrong frame (%d)", vectors[i].name, rc);
        }
    }
}

static void vectors_are_decoded(void **state)
{
    (void)state;
    static struct rig r;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        uint8_t frame[BUFFER_MAX];
        rig_init(&r, BUFFER_MAX, NULL);
        rig_feed(&r, frame, from_hex(vectors[i].frame, frame));
        assert_int_equal(r.found_count, 1);
        assert_is_vector(&r.found[0], &vectors[i]);
        assert_int_equal(r.parser.skipped_bytes, 0);
    }
}

static void loads_and_stores_are_little_endian(void **state)
{
    (void)state;
    const uint8_t bytes[4] = {0x01, 0x82, 0x03, 0xF4};
    uint8_t out[4] = {0};
    assert_int_equal(dxl2_load16(bytes), 0x8201);
    assert_true(dxl2_load32(bytes) == 0xF4038201u);
    dxl2_store16(out, 0x8201);
    assert_memory_equal(out, bytes, 2);
    dxl2_store32(out, 0xF4038201u);
    assert_memory_equal(out, bytes, 4);
}

static void writer_puts_pieces_as_one_frame(void **state)
{
    (void)state;
    uint8_t expected[32];
    uint8_t frame[32];
    struct dxl2_writer w;
    const size_t count = from_hex("FF FF FD 00 01 08 00 03 FF FF FD FD 01 C1 0E", expected);
    const uint8_t last = 0x01;
    dxl2_begin(&w, frame, sizeof frame, 1, DXL2_WRITE);
    dxl2_put16(&w, 0xFFFF);
    dxl2_put8(&w, 0xFD);
    dxl2_put(&w, &last, 1);
    assert_int_equal(dxl2_end(&w), count);
    assert_memory_equal(frame, expected, count);
}

/* ---- Encoding ---- */

static void too_small_buffers_are_refused_and_not_overrun(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        uint8_t expected[BUFFER_MAX];
        const size_t count = from_hex(vectors[i].frame, expected);
        for (size_t capacity = 0; capacity <= count + 2; capacity++) {
            uint8_t guarded[BUFFER_MAX];
            memset(guarded, 0xA5, sizeof guarded);
            const int rc = encode_vector(&vectors[i], guarded + 4, capacity);
            assert_int_equal(rc, capacity < count ? TENON_ERR_FULL : (int)count);
            const size_t written = capacity < count ? capacity : count;
            for (size_t k = 0; k < sizeof guarded; k++) {
                if (k < 4 || k >= 4 + written) {
                    assert_int_equal(guarded[k], 0xA5);
                }
            }
        }
    }
}

static void a_length_beyond_16_bits_is_refused(void **state)
{
    (void)state;
    static uint8_t out[70000];
    static uint8_t params[65600];
    assert_int_equal(dxl2_encode(out, sizeof out, 1, DXL2_WRITE, params, 65532), 65535 + 7);
    assert_int_equal(dxl2_encode(out, sizeof out, 1, DXL2_WRITE, params, 65533), TENON_ERR_FULL);
}

static void encoding_then_decoding_is_the_identity(void **state)
{
    (void)state;
    static struct rig r;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t params[64];
        uint8_t frame[DXL2_FRAME_SIZE_MAX(65)];
        const size_t count = below(sizeof params + 1);
        for (size_t i = 0; i < count; i++) {
            params[i] = marker_rich_byte();
        }
        const uint8_t error = marker_rich_byte();
        const bool is_status = (round & 1u) != 0;
        const int size = is_status
                             ? dxl2_encode_status(frame, sizeof frame, 9, error, params, count)
                             : dxl2_encode(frame, sizeof frame, 9, 0xFF, params, count);
        assert_true(size > 0);
        assert_true((size_t)size <= DXL2_FRAME_SIZE_MAX(count + 1));
        for (int i = 4; i + 6 < size; i++) { /* no header within INST ... Pn */
            assert_false(dxl2_load32(frame + i) == 0x00FDFFFFu && i >= 7);
        }
        rig_init(&r, sizeof frame, NULL);
        rig_feed(&r, frame, (size_t)size);
        assert_int_equal(r.found_count, 1);
        assert_int_equal(r.found[0].error, is_status ? error : 0);
        assert_int_equal(r.found[0].count, count);
        assert_memory_equal(r.found[0].params, params, count);
    }
}

/* Every string over {FF, FD, 00} up to nine bytes: all ways in which markers can overlap. */
static void stuffing_is_undone_for_all_short_marker_strings(void **state)
{
    (void)state;
    static const uint8_t alphabet[3] = {0xFF, 0xFD, 0x00};
    static struct rig r;
    size_t strings = 1;
    for (size_t count = 0; count <= 9; count++, strings *= 3) {
        for (size_t s = 0; s < strings; s++) {
            uint8_t params[9];
            uint8_t frame[32];
            size_t rest = s;
            for (size_t i = 0; i < count; i++, rest /= 3) {
                params[i] = alphabet[rest % 3];
            }
            const int size = dxl2_encode(frame, sizeof frame, 1, DXL2_WRITE, params, count);
            struct dxl2_packet packet;
            dxl2_parser_init(&r.parser, r.buffer, sizeof frame, NULL, NULL);
            assert_int_equal(dxl2_parser_feed(&r.parser, frame, (size_t)size), size);
            assert_true(dxl2_parser_next(&r.parser, &packet));
            assert_int_equal(packet.param_count, count);
            assert_memory_equal(packet.params, params, count);
        }
    }
}

/* ---- Parsing ---- */

/* A frame whose body (INST ... Pn) is taken as it is. */
static size_t raw_frame(uint8_t *out, uint8_t id, const char *body)
{
    const size_t count = from_hex(body, out + 7);
    dxl2_store32(out, 0x00FDFFFFu);
    out[4] = id;
    dxl2_store16(out + 5, (uint16_t)(count + 2));
    dxl2_store16(out + 7 + count, bitwise_crc(0, out, 7 + count));
    return count + 9;
}

static void a_fast_status_is_not_destuffed(void **state)
{
    (void)state;
    static const struct vector fast = {"", "", 0xFE, DXL2_STATUS, 0, "03 FF FF FD FD 12 34"};
    static const struct vector plain = {"", "", 0x01, DXL2_STATUS, 0, "03 FF FF FD 12 34"};
    static struct rig r;
    uint8_t frame[64];
    rig_init(&r, BUFFER_MAX, NULL);
    rig_feed(&r, frame, raw_frame(frame, 0xFE, "55 00 03 FF FF FD FD 12 34"));
    rig_feed(&r, frame, raw_frame(frame, 0x01, "55 00 03 FF FF FD FD 12 34"));
    assert_int_equal(r.found_count, 2);
    assert_is_vector(&r.found[0], &fast);
    assert_is_vector(&r.found[1], &plain);
}

static void a_marker_without_stuffing_is_left_alone(void **state)
{
    (void)state;
    static const struct vector within = {"", "", 1, DXL2_WRITE, 0, "FF FF FD 01"};
    static const struct vector at_end = {"", "", 1, DXL2_WRITE, 0, "00 FF FF FD"};
    static struct rig r;
    uint8_t frame[64];
    rig_init(&r, BUFFER_MAX, NULL);
    rig_feed(&r, frame,
             raw_frame(frame, 1, "03 FF FF FD 01")); /* as one vendor library sends V25 */
    rig_feed(&r, frame, raw_frame(frame, 1, "03 00 FF FF FD"));
    assert_int_equal(r.found_count, 2);
    assert_is_vector(&r.found[0], &within);
    assert_is_vector(&r.found[1], &at_end);
}

static void impossible_lengths_are_errors(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "FF FF FD 00 01 02 00 01 00 00", /* shorter than an instruction */
        "FF FF FD 00 01 00 00 01 00 00",
        "FF FF FD 00 01 03 00 55 00 00", /* a status without its error byte */
        "FF FF FD 00 01 3A 00 55 00 00", /* one more than the buffer holds */
        "FF FF FD 00 01 FF FF 55 00 00",
    };
    static struct rig r;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t bytes[64];
        size_t count = from_hex(bad[i], bytes);
        count += from_hex(vectors[1].frame, bytes + count);
        rig_init(&r, 64, NULL);
        rig_feed(&r, bytes, count);
        assert_int_equal(r.found_count, 1);
        assert_is_vector(&r.found[0], &vectors[1]);
        assert_int_equal(r.parser.length_errors, 1);
        assert_int_equal(r.parser.crc_errors, 0);
        assert_int_equal(r.parser.skipped_bytes, 10);
    }
}

static void a_status_with_too_short_length_is_refused_in_spite_of_its_crc(void **state)
{
    (void)state;
    static struct rig r;
    uint8_t frame[64];
    rig_init(&r, BUFFER_MAX, NULL);
    rig_feed(&r, frame, raw_frame(frame, 1, "55"));
    assert_int_equal(r.found_count, 0);
    assert_int_equal(r.parser.length_errors, 1);
}

static void a_packet_as_large_as_the_buffer_is_received(void **state)
{
    (void)state;
    static struct rig r;
    uint8_t frame[64];
    uint8_t params[64] = {0};
    for (size_t n = 0; n <= 40; n++) {
        const int size = dxl2_encode_status(frame, sizeof frame, 1, 0, params, n);
        rig_init(&r, (size_t)size, NULL);
        rig_feed(&r, (const uint8_t *)"\xFF\xFF\x12", 3);
        rig_feed(&r, frame, (size_t)size);
        assert_int_equal(r.found_count, 1);
        rig_init(&r, (size_t)size - 1, NULL);
        rig_feed(&r, frame, (size_t)size);
        assert_int_equal(r.found_count, 0);
        assert_int_equal(r.parser.length_errors, 1);
    }
}

static void a_false_header_costs_one_byte_only(void **state)
{
    (void)state;
    static struct rig r;
    uint8_t bytes[128];
    size_t count = from_hex("FF FF FD 00 01 10 00 55", bytes); /* claims the packet behind it */
    count += from_hex(vectors[1].frame, bytes + count);
    count += from_hex(vectors[4].frame, bytes + count);
    rig_init(&r, 64, NULL);
    rig_feed(&r, bytes, count);
    assert_int_equal(r.found_count, 2);
    assert_is_vector(&r.found[0], &vectors[1]);
    assert_is_vector(&r.found[1], &vectors[4]);
    assert_int_equal(r.parser.crc_errors, 1);
    assert_int_equal(r.parser.skipped_bytes, 8);
}

static void a_stuffed_marker_or_a_used_reserved_byte_is_no_header(void **state)
{
    (void)state;
    static struct rig r;
    uint8_t bytes[128];
    size_t count = from_hex("FF FF FD FD 01 03 00 01 FF FF FD 01 01 03 00 01 FF FF", bytes);
    count += from_hex(vectors[0].frame, bytes + count);
    rig_init(&r, 64, NULL);
    rig_feed(&r, bytes, count);
    assert_int_equal(r.found_count, 1);
    assert_int_equal(r.parser.skipped_bytes, 18);
    assert_int_equal(r.parser.length_errors + r.parser.crc_errors, 0);
}

static void every_split_of_a_stream_gives_the_same_packets(void **state)
{
    (void)state;
    static struct rig whole;
    static struct rig split;
    uint8_t stream[STREAM_MAX];
    const size_t count = vector_stream(stream);
    rig_init(&whole, 64, NULL);
    rig_feed(&whole, stream, count);
    assert_int_equal(whole.found_count, VECTOR_COUNT);
    for (size_t at = 0; at <= count; at++) {
        rig_init(&split, 64, NULL);
        rig_feed(&split, stream, at);
        rig_feed(&split, stream + at, count - at);
        assert_same_packets(&whole, &split);
    }
    rig_init(&split, 64, NULL);
    for (size_t i = 0; i < count; i++) {
        rig_feed(&split, stream + i, 1);
    }
    assert_same_packets(&whole, &split);
}

static void a_truncated_packet_yields_nothing_until_it_is_whole(void **state)
{
    (void)state;
    static struct rig r;
    for (size_t v = 0; v < VECTOR_COUNT; v++) {
        uint8_t frame[BUFFER_MAX];
        const size_t count = from_hex(vectors[v].frame, frame);
        for (size_t cut = 0; cut < count; cut++) {
            rig_init(&r, 64, NULL);
            rig_feed(&r, frame, cut);
            assert_int_equal(r.found_count, 0);
            assert_int_equal(dxl2_parser_flush(&r.parser), cut);
            assert_int_equal(r.parser.skipped_bytes, 0);
            rig_feed(&r, frame, count);
            assert_int_equal(r.found_count, 1);
            assert_is_vector(&r.found[0], &vectors[v]);
        }
    }
}

/* What a bus knows: IDs 1, 2 and 3 answer a sync read of ten bytes, with room for stuffing in none
 * of them. */
static uint16_t limit_of_three(void *context, uint8_t id, uint8_t instruction)
{
    (void)context;
    return (instruction == DXL2_STATUS && id >= 1 && id <= 3) ? 14 : 0;
}

static void one_flipped_bit_costs_at_most_the_packet_it_hits(void **state)
{
    (void)state;
    static struct rig r;
    uint8_t stream[128];
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        count += from_hex(vectors[18 + i].frame, stream + count);
    }
    assert_int_equal(count, 63);
    for (size_t bit = 0; bit < 8 * count; bit++) {
        stream[bit / 8] = (uint8_t)(stream[bit / 8] ^ (1u << (bit % 8)));
        rig_init(&r, 64, limit_of_three);
        rig_feed(&r, stream, count);
        stream[bit / 8] = (uint8_t)(stream[bit / 8] ^ (1u << (bit % 8)));
        assert_int_equal(r.found_count, 2);
        const size_t hit = bit / 8 / 21;
        for (size_t i = 0, k = 0; i < 3; i++) {
            if (i != hit) {
                assert_is_vector(&r.found[k++], &vectors[18 + i]);
            }
        }
    }
}

static void the_limit_is_given_the_context_and_bounds_the_length(void **state)
{
    (void)state;
    static struct rig r;
    uint8_t frame[64];
    rig_init(&r, 64, limit_of_three);
    rig_feed(&r, frame, from_hex(vectors[18].frame, frame));
    assert_int_equal(r.found_count, 1);
    assert_int_equal(r.parser.length_errors, 0);
    rig_feed(&r, frame, raw_frame(frame, 1, "55 00 01 02 03 04 05 06 07 08 09 0A 0B"));
    rig_feed(&r, frame, from_hex(vectors[0].frame, frame)); /* our own echo is not expected */
    assert_int_equal(r.found_count, 1);
    assert_int_equal(r.parser.length_errors, 2);
    assert_int_equal(r.parser.skipped_bytes, 22 + 10);
}

static void packets_between_garbage_are_all_found(void **state)
{
    (void)state;
    static struct rig r;
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t stream[STREAM_MAX];
        size_t count = 0;
        size_t noise_total = 0;
        for (size_t i = 0; i < 8; i++) {
            const size_t noise = below(40);
            for (size_t k = 0; k < noise; k++) {
                stream[count++] = (round & 1u) != 0 ? random_byte() : marker_rich_byte();
            }
            noise_total += noise;
            count += from_hex(vectors[18 + i % 3].frame, stream + count);
        }
        rig_init(&r, 21 + below(200), limit_of_three);
        for (size_t at = 0; at < count;) {
            const size_t rest = count - at;
            const size_t chunk = 1 + below(60);
            rig_feed(&r, stream + at, chunk < rest ? chunk : rest);
            at += chunk < rest ? chunk : rest;
        }
        assert_int_equal(r.found_count, 8);
        for (size_t i = 0; i < 8; i++) {
            assert_is_vector(&r.found[i], &vectors[18 + i % 3]);
        }
        assert_int_equal(r.parser.skipped_bytes, noise_total);
    }
}

/* ---- The buffer ---- */

static void space_is_never_empty_and_a_full_buffer_makes_progress(void **state)
{
    (void)state;
    for (size_t capacity = DXL2_FRAME_MIN; capacity < 48; capacity++) {
        uint8_t guarded[64];
        memset(guarded, 0xA5, sizeof guarded);
        struct dxl2_parser p;
        struct dxl2_packet packet;
        dxl2_parser_init(&p, guarded + 4, capacity, NULL, NULL);
        size_t put = 0;
        size_t got = 0;
        for (unsigned round = 0; round < 2000; round++) {
            size_t room = 0;
            uint8_t *at = dxl2_parser_space(&p, &room);
            assert_true(room >= 1);
            assert_true(at >= guarded + 4 && at + room <= guarded + 4 + capacity);
            const size_t count = 1 + below(room);
            for (size_t i = 0; i < count; i++) {
                at[i] = marker_rich_byte();
            }
            dxl2_parser_commit(&p, count);
            put += count;
            for (size_t head = p.head; below(3) > 0 && dxl2_parser_next(&p, &packet);
                 head = p.head) {
                got += p.head - head;
            }
            assert_true(p.head <= p.count && p.count <= capacity);
        }
        assert_int_equal(put, p.skipped_bytes + got + dxl2_parser_flush(&p));
        for (size_t i = 0; i < sizeof guarded; i++) {
            assert_true((i >= 4 && i < 4 + capacity) || guarded[i] == 0xA5);
        }
    }
}

static void space_drops_the_oldest_packet_when_none_is_fetched(void **state)
{
    (void)state;
    static struct rig r;
    uint8_t frame[64];
    rig_init(&r, 42, NULL);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(dxl2_parser_feed(&r.parser, frame, from_hex(vectors[18 + i].frame, frame)),
                         21);
    }
    assert_int_equal(dxl2_parser_feed(&r.parser, frame, 21), 0);
    size_t room = 0;
    uint8_t *at = dxl2_parser_space(&r.parser, &room);
    assert_int_equal(room, 21);
    dxl2_parser_commit(&r.parser, from_hex(vectors[20].frame, at));
    rig_drain(&r);
    assert_int_equal(r.found_count, 2);
    assert_is_vector(&r.found[0], &vectors[19]);
    assert_is_vector(&r.found[1], &vectors[20]);
    assert_int_equal(r.parser.skipped_bytes, 21);
}

static void commit_beyond_the_space_offered_is_cut(void **state)
{
    (void)state;
    static struct rig r;
    rig_init(&r, 16, NULL);
    dxl2_parser_commit(&r.parser, 1000);
    assert_int_equal(r.parser.count, 16);
    assert_int_equal(dxl2_parser_flush(&r.parser), 16);
    assert_int_equal(dxl2_parser_flush(&r.parser), 0);
}

static int seed_again(void **state)
{
    (void)state;
    seed = 20240229;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, seed_again)

static bool has_marker_byte_by_byte(const uint8_t *bytes, size_t count)
{
    for (size_t i = 2; i < count; i++) {
        if (bytes[i - 2] == 0xFF && bytes[i - 1] == 0xFF && bytes[i] == 0xFD) {
            return true;
        }
    }
    return false;
}

static void markers_are_found_wherever_they_are(void **state)
{
    (void)state;
    static const uint8_t likely[] = {0xFF, 0xFF, 0xFD, 0xFE, 0x00, 0xFC, 0xFF, 0x7D};
    seed = 5;
    unsigned found = 0;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[40];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = round % 2 == 0 ? (uint8_t)(seed >> 24) : likely[seed >> 29];
        }
        const size_t count = (size_t)round % (sizeof bytes + 1);
        if (round % 4 == 0 && count >= 3) {
            memcpy(bytes + (seed >> 8) % (count - 2), "\xFF\xFF\xFD", 3);
        }
        const bool expected = has_marker_byte_by_byte(bytes, count);
        assert_int_equal(dxl2_has_marker(bytes, count), expected);
        found += expected;
    }
    assert_true(found > 1000 && found < 19000);
}

/* The CRC of two words is 0 when the last two bytes are the CRC of those before them. */
static void two_words_have_the_crc_that_a_loop_finds(void **state)
{
    (void)state;
    seed = 9;
    for (int round = 0; round < 5000; round++) {
        uint8_t bytes[15];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        for (size_t count = 8; count <= sizeof bytes; count++) {
            const uint16_t crc = dxl2_crc(0, bytes, count - 2);
            bytes[count - 2] = (uint8_t)(crc >> 8);
            bytes[count - 1] = (uint8_t)(crc & 0xFF);
            const uint64_t last = dxl2_word(bytes + count - 8);
            uint64_t first = 0;
            for (size_t i = 0; i < count - 8; i++) {
                first = first << 8 | bytes[i];
            }
            assert_true(dxl2_pair_is_zero(first, last));
            assert_false(dxl2_pair_is_zero(first, last ^ UINT64_C(1) << seed % 64));
            assert_false(dxl2_pair_is_zero(first ^ UINT64_C(1) << seed % 56, last));
            assert_false(dxl2_pair_is_zero(first, last ^ 0x8003u)); /* one factor only */
            assert_true(dxl2_pair_is_zero(first, last ^ 0x18005u)); /* the polynomial itself */
        }
    }
}

static void bytes_can_be_consumed_past_the_search(void **state)
{
    (void)state;
    struct dxl2_parser p;
    struct dxl2_packet packet;
    uint8_t buffer[64];
    uint8_t frame[16];
    size_t count;
    dxl2_parser_init(&p, buffer, sizeof buffer, NULL, NULL);
    assert_true(dxl2_parser_is_empty(&p));
    const int size = dxl2_encode_status(frame, sizeof frame, 7, 0, NULL, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dxl2_parser_feed(&p, frame, (size_t)size), size);
    }
    assert_memory_equal(dxl2_parser_peek(&p, &count), frame, (size_t)size);
    assert_int_equal(count, 2 * size);
    dxl2_parser_consume(&p, (size_t)size);
    assert_true(dxl2_parser_next(&p, &packet));
    assert_true(dxl2_parser_is_empty(&p));
    assert_int_equal(dxl2_parser_feed(&p, frame, (size_t)size), size);
    dxl2_parser_consume(&p, 1000); /* more than there is */
    assert_true(dxl2_parser_is_empty(&p));
    assert_false(dxl2_parser_next(&p, &packet));
    assert_int_equal(p.skipped_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(crc_has_the_published_check_value),
        TEST(crc_equals_the_bitwise_one_at_all_lengths_and_alignments),
        TEST(crc_of_short_messages_is_right_for_every_single_bit_and_start),
        TEST(crc_can_be_continued_at_every_byte),
        TEST(running_crc_checks_each_block_of_a_fast_status),
        TEST(vectors_are_encoded_byte_for_byte),
        TEST(vectors_are_decoded),
        TEST(loads_and_stores_are_little_endian),
        TEST(writer_puts_pieces_as_one_frame),
        TEST(too_small_buffers_are_refused_and_not_overrun),
        TEST(a_length_beyond_16_bits_is_refused),
        TEST(encoding_then_decoding_is_the_identity),
        TEST(stuffing_is_undone_for_all_short_marker_strings),
        TEST(a_fast_status_is_not_destuffed),
        TEST(a_marker_without_stuffing_is_left_alone),
        TEST(impossible_lengths_are_errors),
        TEST(a_status_with_too_short_length_is_refused_in_spite_of_its_crc),
        TEST(a_packet_as_large_as_the_buffer_is_received),
        TEST(a_false_header_costs_one_byte_only),
        TEST(a_stuffed_marker_or_a_used_reserved_byte_is_no_header),
        TEST(every_split_of_a_stream_gives_the_same_packets),
        TEST(a_truncated_packet_yields_nothing_until_it_is_whole),
        TEST(one_flipped_bit_costs_at_most_the_packet_it_hits),
        TEST(the_limit_is_given_the_context_and_bounds_the_length),
        TEST(packets_between_garbage_are_all_found),
        TEST(space_is_never_empty_and_a_full_buffer_makes_progress),
        TEST(space_drops_the_oldest_packet_when_none_is_fetched),
        TEST(commit_beyond_the_space_offered_is_cut),
        cmocka_unit_test(markers_are_found_wherever_they_are),
        cmocka_unit_test(two_words_have_the_crc_that_a_loop_finds),
        cmocka_unit_test(bytes_can_be_consumed_past_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
