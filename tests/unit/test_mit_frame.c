#include "mit_frame.h"

#include "../hex_text.h"
#include "../tenon_test.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* DM4310 as from the factory; the mini-cheetah's command range of torque is 40 Nm here. */
static const struct mit_ranges dm4310 = {12.5f, 30.0f, 10.0f};
static const struct mit_ranges cheetah = {12.5f, 65.0f, 40.0f};

static void assert_frame(const uint8_t *frame, const char *hex)
{
    char text[2 * MIT_FRAME_SIZE + 1];
    for (size_t i = 0; i < MIT_FRAME_SIZE; i++) {
        (void)hex_text_put(text + 2 * i, frame[i], 2);
    }
    assert_string_equal(text, hex);
}

static void commands_are_encoded_as_other_masters_do(void **state)
{
    static const struct {
        struct mit_command command;
        const char *hex;
    } vectors[] = {
        {{0.0, 0.0f, 0.0f, 0.0f, 0.0f}, "7FFF7FF0000007FF"},
        {{1.0, 0.0f, 10.0f, 0.5f, 0.0f}, "8A3C7FF0511997FF"},
        {{-3.14159, 2.5f, 50.0f, 1.0f, -1.5f}, "5FD48AA1993336CC"},
        {{100.0, -100.0f, 999.0f, 9.0f, 99.0f}, "FFFF000FFFFFFFFF"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t frame[MIT_FRAME_SIZE];
        assert_true(mit_pack_command(frame, &dm4310, &vectors[i].command));
        assert_frame(frame, vectors[i].hex);
    }
}

static void other_frames_are_encoded_as_other_masters_do(void **state)
{
    uint8_t frame[MIT_FRAME_SIZE];
    uint8_t value[4];
    (void)state;
    mit_pack_special(frame, MIT_ENABLE & 0xFF);
    assert_frame(frame, "FFFFFFFFFFFFFFFC");
    mit_pack_special(frame, MIT_DISABLE & 0xFF);
    assert_frame(frame, "FFFFFFFFFFFFFFFD");
    mit_pack_special(frame, MIT_SET_ZERO & 0xFF);
    assert_frame(frame, "FFFFFFFFFFFFFFFE");
    mit_pack_special(frame, MIT_CLEAR & 0xFF);
    assert_frame(frame, "FFFFFFFFFFFFFFFB");
    mit_pack_register(frame, 1, MIT_READ, 21, NULL);
    assert_frame(frame, "0100331500000000");
    mit_store32(value, 1);
    mit_pack_register(frame, 1, MIT_WRITE, 10, value);
    assert_frame(frame, "0100550A01000000");
    mit_pack_register(frame, 1, MIT_ASK_STATUS, 0, NULL);
    assert_frame(frame, "0100CC0000000000");
    mit_store_float(frame, 1.5f);
    mit_store_float(frame + 4, 3.0f);
    assert_frame(frame, "0000C03F00004040"); /* position and speed, in the mode of that name */
}

static void an_answer_is_decoded_as_other_masters_do(void **state)
{
    static const uint8_t bytes[] = {0x11, 0x8A, 0x3C, 0x81, 0x07, 0xF5, 0x1E, 0x20};
    struct mit_answer a;
    (void)state;
    mit_unpack_answer(bytes, &dm4310, &a);
    assert_int_equal(a.status, MIT_ENABLED);
    assert_int_equal(a.node, 1);
    assert_true(fabs(a.p_rad - 0.999657) < 1e-6);
    assert_true(fabsf(a.v_rad_s - 0.241758f) < 1e-6f);
    assert_true(fabsf(a.t_nm + 0.051282f) < 1e-6f);
    assert_int_equal(a.driver_c, 30);
    assert_int_equal(a.rotor_c, 32);
}

/* The other end, by the code of the device that began it all: pack_reply() and unpack_cmd(). */
static void the_devices_side_is_that_of_the_mini_cheetah(void **state)
{
    static const uint8_t bytes[] = {0x8A, 0x3D, 0x7F, 0xF0, 0x52, 0x19, 0x98, 0x00};
    const struct mit_answer answer = {
        .node = 1, .p_rad = 1.0, .v_rad_s = -2.0f, .t_nm = 3.0f, .driver_c = 0x99};
    struct mit_command c;
    uint8_t frame[MIT_FRAME_SIZE];
    (void)state;
    assert_true(mit_pack_answer(frame, &cheetah, &answer));
    assert_frame(frame, "018A3C7C08999900");
    mit_unpack_command(bytes, &cheetah, &c);
    assert_true(fabs(c.p_rad - 1.00004) < 1e-5);
    assert_true(fabsf(c.v_rad_s + 0.01588f) < 1e-5f); /* of 65 rad/s */
    assert_true(fabsf(c.kp - 10.0122f) < 1e-4f);
    assert_true(fabsf(c.kd - 0.4994f) < 1e-4f);
    assert_true(fabsf(c.t_nm - 0.0098f) < 1e-4f);
}

/* Every value of the raster comes back as itself or, through truncation, as the one below. */
static void what_was_decoded_is_encoded_within_one_step(void **state)
{
    (void)state;
    for (unsigned u = 0; u <= 0xFFFF; u++) {
        uint8_t bytes[MIT_FRAME_SIZE] = {(uint8_t)(u >> 8), (uint8_t)(u & 0xFF)};
        uint8_t again[MIT_FRAME_SIZE];
        struct mit_command c;
        const unsigned low = u & 0xFFF;
        bytes[2] = (uint8_t)(low >> 4);
        bytes[3] = (uint8_t)((low & 0xF) << 4 | low >> 8);
        bytes[4] = (uint8_t)(low & 0xFF);
        bytes[5] = bytes[2];
        bytes[6] = bytes[3];
        bytes[7] = bytes[4];
        mit_unpack_command(bytes, &dm4310, &c);
        assert_true(mit_pack_command(again, &dm4310, &c));
        const unsigned p = (unsigned)again[0] << 8 | again[1];
        const unsigned v = (unsigned)again[2] << 4 | again[3] >> 4;
        const unsigned t = (again[6] & 0xFu) << 8 | again[7];
        assert_true(p == u || p + 1 == u);
        assert_true(v == low || v + 1 == low);
        assert_true(t == low || t + 1 == low);
    }
}

static void what_is_no_number_is_refused_and_writes_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct mit_command c = {1.0, 1.0f, 1.0f, 1.0f, 1.0f};
        uint8_t frame[MIT_FRAME_SIZE];
        memset(frame, 0x5A, sizeof frame);
        c.p_rad = i == 0 ? (double)NAN : c.p_rad;
        c.v_rad_s = i == 1 ? NAN : c.v_rad_s;
        c.kp = i == 2 ? NAN : c.kp;
        c.kd = i == 3 ? NAN : c.kd;
        c.t_nm = i == 4 ? NAN : c.t_nm;
        assert_false(mit_pack_command(frame, &dm4310, &c));
        assert_frame(frame, "5A5A5A5A5A5A5A5A");
    }
}

static void what_is_without_end_is_clamped(void **state)
{
    const struct mit_command most = {(double)INFINITY, INFINITY, INFINITY, INFINITY, INFINITY};
    const struct mit_command least = {-DBL_MAX, -FLT_MAX, -INFINITY, -1.0f, -INFINITY};
    uint8_t frame[MIT_FRAME_SIZE];
    (void)state;
    assert_true(mit_pack_command(frame, &dm4310, &most));
    assert_frame(frame, "FFFFFFFFFFFFFFFF");
    assert_true(mit_pack_command(frame, &dm4310, &least));
    assert_frame(frame, "0000000000000000");
}

static void register_answers_are_told_from_states(void **state)
{
    uint8_t frame[MIT_FRAME_SIZE];
    struct mit_answer still = {.node = 3};
    (void)state;
    mit_pack_register(frame, 3, MIT_READ, 21, NULL);
    assert_true(mit_is_register(frame, 3));
    assert_false(mit_is_register(frame, 4));
    assert_false(mit_is_register(frame, 0x103));
    frame[2] = MIT_ASK_STATUS;
    assert_false(mit_is_register(frame, 3));
    /* A device at rest is never taken for one that answers a register frame, wherever it stands. */
    for (unsigned u = 0; u <= 0xFFFF; u++) {
        still.p_rad = -12.5 + 25.0 * u / 65535.0;
        assert_true(mit_pack_answer(frame, &dm4310, &still));
        assert_false(mit_is_register(frame, 3));
    }
}

static void floats_are_sent_low_byte_first(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x00, 0x48, 0x41};
    uint8_t out[4];
    (void)state;
    assert_true(fabsf(mit_load_float(bytes) - 12.5f) < 1e-9f);
    mit_store_float(out, 12.5f);
    assert_memory_equal(out, bytes, 4);
    mit_store32(out, 0x01020304);
    assert_memory_equal(out, ((const uint8_t[]){4, 3, 2, 1}), 4);
    assert_int_equal(mit_load32(out), 0x01020304);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_encoded_as_other_masters_do),
        cmocka_unit_test(other_frames_are_encoded_as_other_masters_do),
        cmocka_unit_test(an_answer_is_decoded_as_other_masters_do),
        cmocka_unit_test(the_devices_side_is_that_of_the_mini_cheetah),
        cmocka_unit_test(what_was_decoded_is_encoded_within_one_step),
        cmocka_unit_test(what_is_no_number_is_refused_and_writes_nothing),
        cmocka_unit_test(what_is_without_end_is_clamped),
        cmocka_unit_test(register_answers_are_told_from_states),
        cmocka_unit_test(floats_are_sent_low_byte_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
