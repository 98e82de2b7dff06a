#include "tenon_test.h"

#include "slcan.h"

#include <string.h>

static uint8_t text[SLCAN_TEXT_MAX];
static struct slcan_parser parser;

static int make_parser(void **state)
{
    (void)state;
    memset(text, 0x5A, sizeof text);
    parser = (struct slcan_parser){.text = text};
    return 0;
}

/* The event of the last character; none may come before it. */
static enum slcan_event push(const char *characters, struct tenon_can_frame *out)
{
    enum slcan_event event = SLCAN_NONE;
    for (const char *c = characters; *c != '\0'; c++) {
        assert_int_equal(event, SLCAN_NONE);
        event = slcan_push(&parser, (uint8_t)*c, out);
    }
    return event;
}

static void check_encoded(const struct tenon_can_frame *frame, const char *expected)
{
    uint8_t out[SLCAN_FRAME_MAX + 1];
    memset(out, 0x5A, sizeof out);
    assert_int_equal(slcan_encode(out, frame), strlen(expected));
    assert_memory_equal(out, expected, strlen(expected));
    assert_int_equal(out[strlen(expected)], 0x5A);
}

struct vector {
    const char *characters;
    struct tenon_can_frame frame;
};

/* What python-can sends and canable2-fw decodes, and CANopen's first frames. */
static const struct vector vectors[] = {
    {"t1232AABB\r", {.id = 0x123, .length = 2, .data = {0xAA, 0xBB}}},
    {"T1ABCDEF048001A0FF\r",
     {.id = 0x1ABCDEF0,
      .length = 4,
      .flags = TENON_CAN_EXTENDED,
      .data = {0x80, 0x01, 0xA0, 0xFF}}},
    {"r7FF4\r", {.id = 0x7FF, .length = 4, .flags = TENON_CAN_REMOTE}},
    {"R1FFFFFFF8\r",
     {.id = 0x1FFFFFFF, .length = 8, .flags = TENON_CAN_REMOTE | TENON_CAN_EXTENDED}},
    {"t00028205\r", {.id = 0, .length = 2, .data = {0x82, 0x05}}},
    {"t0800\r", {.id = 0x080}},
    {"t705100\r", {.id = 0x705, .length = 1}},
    {"t0018FFFFFFFFFFFFFFFC\r",
     {.id = 1, .length = 8, .data = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFC}}},
};

static void check_frame(const struct tenon_can_frame *frame, const struct tenon_can_frame *expected)
{
    assert_int_equal(frame->id, expected->id);
    assert_int_equal(frame->length, expected->length);
    assert_int_equal(frame->flags, expected->flags);
    assert_memory_equal(frame->reserved, expected->reserved, sizeof frame->reserved);
    assert_memory_equal(frame->data, expected->data, sizeof frame->data);
}

static void frames_of_others_are_encoded_and_decoded_as_they_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct tenon_can_frame frame;
        memset(&frame, 0x5A, sizeof frame);
        check_encoded(&vectors[i].frame, vectors[i].characters);
        assert_int_equal(push(vectors[i].characters, &frame), SLCAN_FRAME);
        check_frame(&frame, &vectors[i].frame);
    }
}

static void frame_that_cannot_exist_is_not_encoded(void **state)
{
    static const struct tenon_can_frame bad[] = {
        {.id = 0x800},
        {.id = 0x20000000, .flags = TENON_CAN_EXTENDED},
        {.length = 9},
        {.flags = 4},
    };
    uint8_t out[SLCAN_FRAME_MAX] = {0x5A};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(slcan_encode(out, &bad[i]), 0);
        assert_int_equal(out[0], 0x5A);
    }
}

static void longest_lines_have_the_length_that_is_promised(void **state)
{
    const struct tenon_can_frame longest = {
        .id = 0x1FFFFFFF, .length = 8, .flags = TENON_CAN_EXTENDED};
    uint8_t out[SLCAN_FRAME_MAX];
    struct tenon_can_frame frame;
    (void)state;
    assert_int_equal(slcan_encode(out, &longest), SLCAN_FRAME_MAX);
    assert_int_equal(push("T1FFFFFFF8112233445566778812345678\r", &frame), SLCAN_FRAME);
    assert_int_equal(parser.count, SLCAN_TEXT_MAX);
    assert_int_equal(push("T1FFFFFFF81122334455667788123456789\r", &frame), SLCAN_BROKEN);
}

static void time_stamps_and_lower_case_and_nibbles_of_remote_frames_are_passed_over(void **state)
{
    static const struct vector tolerated[] = {
        {"t1002AA3312B4\r", {.id = 0x100, .length = 2, .data = {0xAA, 0x33}}},
        {"t1002AA3312B4EA5F\r", {.id = 0x100, .length = 2, .data = {0xAA, 0x33}}},
        {"t7bc1fe\r", {.id = 0x7BC, .length = 1, .data = {0xFE}}},
        {"T1abcdef018a\r", {.id = 0x1ABCDEF0, .length = 1, .flags = 1, .data = {0x8A}}},
        {"r7FF400000000\r", {.id = 0x7FF, .length = 4, .flags = TENON_CAN_REMOTE}},
        {"r7FF412B4\r", {.id = 0x7FF, .length = 4, .flags = TENON_CAN_REMOTE}},
        {"r7FF3000000EA5F\r", {.id = 0x7FF, .length = 3, .flags = TENON_CAN_REMOTE}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tolerated / sizeof tolerated[0]; i++) {
        struct tenon_can_frame frame = {0};
        assert_int_equal(push(tolerated[i].characters, &frame), SLCAN_FRAME);
        check_frame(&frame, &tolerated[i].frame);
    }
}

static void what_begins_as_a_frame_and_is_none_is_broken(void **state)
{
    static const char *const broken[] = {
        "t\r",          "t12\r",        "t123\r",      "t1232\r",        "t1232A\r",
        "t1232AAB\r",   "t1232AABB1\r", "t1239AA\r",   "t123AAA\r",      "t8000\r",
        "tFFF0\r",      "T200000000\r", "T0000001\r",  "t12 2AABB\r",    "t1232AABG\r",
        "t1232A\nBB\r", "t12:0\r",      "r7FF9\r",     "r7FF4123\r",     "R1FFFFFF4\r",
        "t123/\r",      "t1231A`\r",    "T1FFFFFFF\r", "t1232AABB123\r", "r\r",
    };
    const struct tenon_can_frame untouched = {.id = 0x5A, .data = {0x5A}};
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct tenon_can_frame frame = untouched;
        assert_int_equal(push(broken[i], &frame), SLCAN_BROKEN);
        check_frame(&frame, &untouched);
    }
}

/* Frames of CAN FD are of another trade; they do no harm. */
static void frames_of_can_fd_are_passed_over(void **state)
{
    struct tenon_can_frame frame;
    (void)state;
    assert_int_equal(push("d12390102030405060708090A0B0C\r", &frame), SLCAN_TEXT);
    assert_int_equal(push("d123A000102030405060708090A0B0C0D0E0F\r", &frame), SLCAN_BROKEN);
    assert_int_equal(push("B00008001901000011001F01130D505050\r", &frame), SLCAN_TEXT);
    assert_int_equal(push("t0800\r", &frame), SLCAN_FRAME);
}

static void answers_are_told_apart(void **state)
{
    struct tenon_can_frame frame;
    (void)state;
    assert_int_equal(push("\r", &frame), SLCAN_DONE);
    assert_int_equal(push("\a", &frame), SLCAN_REFUSED);
    assert_int_equal(push("z\r", &frame), SLCAN_SENT);
    assert_int_equal(push("Z\r", &frame), SLCAN_SENT);
    assert_int_equal(push("V1013\r", &frame), SLCAN_TEXT);
    assert_int_equal(parser.count, 5);
    assert_memory_equal(text, "V1013", 5);
    assert_int_equal(push("NA123\r", &frame), SLCAN_TEXT);
    assert_int_equal(push("F80\r", &frame), SLCAN_TEXT);
    assert_int_equal(push("b158aa7 canable2\r", &frame), SLCAN_TEXT);
    assert_int_equal(push("CANable Error Register: 1F, and then a long sentence\r", &frame),
                     SLCAN_BROKEN);
    assert_int_equal(push("\r", &frame), SLCAN_DONE);
}

static void refusal_in_the_middle_of_a_frame_leaves_the_frame_whole(void **state)
{
    struct tenon_can_frame frame = {0};
    (void)state;
    assert_int_equal(push("t1232A", &frame), SLCAN_NONE);
    assert_int_equal(slcan_push(&parser, SLCAN_REFUSAL, &frame), SLCAN_REFUSED);
    assert_int_equal(push("ABB\r", &frame), SLCAN_FRAME);
    assert_int_equal(frame.data[0], 0xAA);
}

static void ends_of_line_of_all_kinds_do_no_harm(void **state)
{
    struct tenon_can_frame frame = {0};
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(push("\n", &frame), SLCAN_NONE);
        assert_int_equal(slcan_push(&parser, 0, &frame), SLCAN_NONE);
        assert_int_equal(push("t0800\r", &frame), SLCAN_FRAME);
    }
    assert_int_equal(push("\n\r", &frame), SLCAN_DONE);
}

static void line_without_end_stays_in_its_buffer_and_is_broken(void **state)
{
    struct {
        uint8_t text[SLCAN_TEXT_MAX];
        uint8_t behind[300];
    } memory;
    struct slcan_parser p = {.text = memory.text};
    struct tenon_can_frame frame;
    (void)state;
    memset(&memory, 0x5A, sizeof memory);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(slcan_push(&p, '0', &frame), SLCAN_NONE);
    }
    assert_int_equal(slcan_push(&p, SLCAN_END, &frame), SLCAN_BROKEN);
    for (size_t i = 0; i < sizeof memory.behind; i++) {
        assert_int_equal(memory.behind[i], 0x5A);
    }
    assert_int_equal(slcan_push(&p, SLCAN_END, &frame), SLCAN_DONE);
}

static void every_rate_has_its_digit(void **state)
{
    static const uint32_t rates[] = {10000,  20000,  50000,  100000, 125000,
                                     250000, 500000, 800000, 1000000};
    (void)state;
    for (uint8_t i = 0; i < 9; i++) {
        assert_int_equal(slcan_rate_digit(rates[i]), '0' + i);
        assert_int_equal(slcan_rate_of((uint8_t)('0' + i)), rates[i]);
    }
    assert_int_equal(slcan_rate_digit(750000), 0);
    assert_int_equal(slcan_rate_digit(0), 0);
    assert_int_equal(slcan_rate_of('9'), 0);
    assert_int_equal(slcan_rate_of('/'), 0);
}

static void every_frame_comes_back(void **state)
{
    uint32_t seed = 1;
    (void)state;
    for (int n = 0; n < 20000; n++) {
        struct tenon_can_frame frame = {0};
        struct tenon_can_frame back;
        uint8_t out[SLCAN_FRAME_MAX];
        seed = seed * 1664525u + 1013904223u;
        frame.flags = (uint8_t)(seed >> 30);
        frame.length = (uint8_t)((seed >> 8) % 9u);
        frame.id = (seed >> 3) & ((frame.flags & TENON_CAN_EXTENDED) != 0u ? 0x1FFFFFFFu : 0x7FFu);
        for (uint8_t i = 0; i < frame.length && (frame.flags & TENON_CAN_REMOTE) == 0u; i++) {
            seed = seed * 1664525u + 1013904223u;
            frame.data[i] = (uint8_t)(seed >> 24);
        }
        const size_t count = slcan_encode(out, &frame);
        for (size_t i = 0; i + 1 < count; i++) {
            assert_int_equal(slcan_push(&parser, out[i], &back), SLCAN_NONE);
        }
        assert_int_equal(slcan_push(&parser, out[count - 1], &back), SLCAN_FRAME);
        check_frame(&back, &frame);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(frames_of_others_are_encoded_and_decoded_as_they_do, make_parser),
        cmocka_unit_test_setup(frame_that_cannot_exist_is_not_encoded, make_parser),
        cmocka_unit_test_setup(longest_lines_have_the_length_that_is_promised, make_parser),
        cmocka_unit_test_setup(
            time_stamps_and_lower_case_and_nibbles_of_remote_frames_are_passed_over, make_parser),
        cmocka_unit_test_setup(what_begins_as_a_frame_and_is_none_is_broken, make_parser),
        cmocka_unit_test_setup(frames_of_can_fd_are_passed_over, make_parser),
        cmocka_unit_test_setup(answers_are_told_apart, make_parser),
        cmocka_unit_test_setup(refusal_in_the_middle_of_a_frame_leaves_the_frame_whole,
                               make_parser),
        cmocka_unit_test_setup(ends_of_line_of_all_kinds_do_no_harm, make_parser),
        cmocka_unit_test_setup(line_without_end_stays_in_its_buffer_and_is_broken, make_parser),
        cmocka_unit_test_setup(every_rate_has_its_digit, make_parser),
        cmocka_unit_test_setup(every_frame_comes_back, make_parser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
