/* Frames of independent implementations: our codec and our simulated servos against them. */
#include "test_sim_rig.h"

#include <stdio.h>
#include <stdlib.h>

#define FRAME_MAX 512
/* Long enough for a broadcast ping of three servos, and for one that reboots. */
#define PAUSE_NS TENON_MS(300)

/* A line of a capture. */
struct bytes {
    char kind; /* '>', '<' or '=' */
    size_t count;
    uint8_t value[FRAME_MAX];
};

/* A frame and what it says: ID, instruction or error, parameters. */
struct frame {
    struct bytes wire;
    struct bytes plain;
};

static const struct capture {
    const char *name;
    unsigned frames;       /* at least so many */
    const char *models[3]; /* of the servos with IDs 1, 2, 3 that answer likewise; NULL: none */
} captures[] = {
    {"sdk_and_dynamixel2_rs.txt", 180, {"xm430-w350", "xm430-w350", "xm430-w350"}},
    {"sdk_and_dynamixel2arduino.txt", 160, {"xm430-w350", "xm430-w350", "xm430-w350"}},
    {"sdk_and_simulation.txt", 55, {"xm430-w350", "xl430-w250", "xl330-m288"}},
    {"bus_and_dynamixel2_rs.txt", 100, {NULL}},
    {"bus_and_dynamixel2arduino.txt", 100, {NULL}},
};
#define CAPTURE_COUNT (sizeof captures / sizeof captures[0])

static struct rig rig;

/* ---- Reading captures ---- */

static FILE *open_capture(const struct capture *capture)
{
    char path[1024];
    const char *const root = getenv("TENON_SOURCE_DIR");
    (void)snprintf(path, sizeof path, "%s/tests/captures/%s", root != NULL ? root : ".",
                   capture->name);
    FILE *const file = fopen(path, "r");
    assert_non_null(file);
    return file;
}

static void parse_bytes(const char *text, struct bytes *out)
{
    out->kind = text[0];
    out->count = 0;
    for (const char *at = text + 1; *at != '\n' && *at != '\0';) {
        char *end;
        const unsigned long value = strtoul(at, &end, 16);
        assert_true(end != at && value <= 0xFF && out->count < FRAME_MAX);
        out->value[out->count++] = (uint8_t)value;
        at = end;
    }
}

/* The next line that is not a comment. @return false: there is none. */
static bool next_line(FILE *file, struct bytes *out)
{
    static char text[4 * FRAME_MAX];
    while (fgets(text, sizeof text, file) != NULL) {
        assert_non_null(strchr(text, '\n'));
        if (text[0] != '#' && text[0] != '\n') {
            parse_bytes(text, out);
            return true;
        }
    }
    return false;
}

static bool next_frame(FILE *file, struct frame *out)
{
    if (!next_line(file, &out->wire)) {
        return false;
    }
    assert_true(out->wire.kind == '>' || out->wire.kind == '<');
    assert_true(next_line(file, &out->plain));
    assert_int_equal('=', out->plain.kind);
    assert_true(out->plain.count >= 2);
    return true;
}

static void for_each_frame(void (*check)(const struct frame *frame))
{
    for (size_t i = 0; i < CAPTURE_COUNT; i++) {
        struct frame frame;
        unsigned count = 0;
        FILE *const file = open_capture(&captures[i]);
        while (next_frame(file, &frame)) {
            check(&frame);
            count++;
        }
        (void)fclose(file);
        assert_true(count >= captures[i].frames);
    }
}

/* ---- The codec ---- */

static void check_decoding(const struct frame *frame)
{
    uint8_t buffer[FRAME_MAX];
    struct dxl2_parser parser;
    struct dxl2_packet packet;
    const bool is_answer = frame->wire.kind == '<';
    dxl2_parser_init(&parser, buffer, sizeof buffer, NULL, NULL);
    for (size_t i = 0; i < frame->wire.count; i++) {
        assert_false(dxl2_parser_next(&parser, &packet));
        assert_int_equal(1, dxl2_parser_feed(&parser, frame->wire.value + i, 1));
    }
    assert_true(dxl2_parser_next(&parser, &packet));
    assert_int_equal(parser.count, parser.head);
    assert_int_equal(0, parser.crc_errors + parser.length_errors + parser.skipped_bytes);
    assert_int_equal(is_answer, packet.instruction == DXL2_STATUS);
    assert_int_equal(frame->plain.value[0], packet.id);
    assert_int_equal(frame->plain.value[1], is_answer ? packet.error : packet.instruction);
    assert_int_equal(frame->plain.count - 2, packet.param_count);
    assert_memory_equal(frame->plain.value + 2, packet.params, packet.param_count);
}

static void captured_frames_say_what_is_written_below_them(void **state)
{
    (void)state;
    for_each_frame(check_decoding);
}

static void check_encoding(const struct frame *frame)
{
    uint8_t out[FRAME_MAX];
    const uint8_t *plain = frame->plain.value;
    const size_t count = frame->plain.count - 2;
    int size;
    if (frame->wire.kind == '>') {
        size = dxl2_encode(out, sizeof out, plain[0], plain[1], plain + 2, count);
    } else if (plain[0] != DXL2_BROADCAST) { /* what combined answers are made of is the servo's */
        size = dxl2_encode_status(out, sizeof out, plain[0], plain[1], plain + 2, count);
    } else {
        return;
    }
    assert_int_equal(frame->wire.count, size);
    assert_memory_equal(frame->wire.value, out, frame->wire.count);
}

static void captured_frames_are_encoded_byte_for_byte(void **state)
{
    (void)state;
    for_each_frame(check_encoding);
}

/* ---- The simulated servos ---- */

static void make_servos(const struct capture *capture)
{
    rig_init(&rig, capture->models[0], 3, 1000000);
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(TENON_OK, tenon_sim_servo_init(&rig.servos[i], capture->models[i],
                                                        (uint8_t)(i + 1), 1000000));
    }
}

/* Send the request. All that comes until the next one is the answer. */
static void ask(const struct bytes *request, const struct bytes *answer)
{
    rig_write(&rig, request->value, request->count);
    rig_run(&rig, PAUSE_NS);
    assert_int_equal(answer->count, rig.rx_count);
    assert_memory_equal(answer->value, rig.rx, answer->count);
}

static void append(struct bytes *to, const struct bytes *from)
{
    assert_true(to->count + from->count <= FRAME_MAX);
    memcpy(to->value + to->count, from->value, from->count);
    to->count += from->count;
}

static void replay(const struct capture *capture)
{
    struct frame frame;
    struct bytes request;
    struct bytes answer = {.count = 0};
    FILE *const file = open_capture(capture);
    make_servos(capture);
    assert_true(next_frame(file, &frame));
    assert_int_equal('>', frame.wire.kind);
    request = frame.wire;
    while (next_frame(file, &frame)) {
        if (frame.wire.kind == '<') {
            append(&answer, &frame.wire);
            continue;
        }
        ask(&request, &answer);
        request = frame.wire;
        answer.count = 0;
    }
    ask(&request, &answer);
    (void)fclose(file);
}

static void simulated_servos_answer_captured_requests_byte_for_byte(void **state)
{
    (void)state;
    unsigned replayed = 0;
    for (size_t i = 0; i < CAPTURE_COUNT; i++) {
        if (captures[i].models[0] != NULL) {
            replay(&captures[i]);
            replayed++;
        }
    }
    assert_int_equal(replayed, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_frames_say_what_is_written_below_them),
        cmocka_unit_test(captured_frames_are_encoded_byte_for_byte),
        cmocka_unit_test(simulated_servos_answer_captured_requests_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
