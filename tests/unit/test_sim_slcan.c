/* A virtual SLCAN adapter, spoken to in characters. */
#include "tenon_test.h"

#include "tenon/drivers/memory_line.h"
#include "tenon/sim_can.h"

#include <string.h>

#define ENABLE "t0018FFFFFFFFFFFFFFFC\r"

static struct tenon_sim_damiao motor;
static struct tenon_sim_damiao *const list[] = {&motor};
static struct tenon_sim_can_bus bus;
static struct tenon_sim_slcan adapter;
static char heard[4096];
static size_t heard_count;
static tenon_ns_t now;

static int make_adapter(void **state)
{
    (void)state;
    assert_int_equal(tenon_sim_damiao_init(&motor, "damiao-4310", 1, 0x11), TENON_OK);
    assert_int_equal(tenon_sim_can_bus_init(&bus, list, 1), TENON_OK);
    assert_int_equal(tenon_sim_slcan_init(&adapter, &bus, 1000000), TENON_OK);
    now = TENON_S(1);
    tenon_sim_slcan_advance(&adapter, now);
    return 0;
}

static void say(const char *characters)
{
    tenon_sim_slcan_receive(&adapter, (const uint8_t *)characters, strlen(characters), now);
}

/* All it says within a while. */
static const char *hear(void)
{
    now += TENON_MS(5);
    heard_count = tenon_sim_slcan_transmit(&adapter, (uint8_t *)heard, sizeof heard - 1, now);
    heard[heard_count] = '\0';
    return heard;
}

static const char *ask(const char *characters)
{
    say(characters);
    return hear();
}

static void it_opens_as_other_programs_open_it(void **state)
{
    (void)state;
    assert_string_equal(ask("C\rS8\r\rO\rO\r"), "\a\r\r\r\a"); /* python-can */
    assert_string_equal(ask("C\r"), "\r");
    assert_string_equal(ask("S8\rO\r"), "\r\r"); /* slcand */
}

static void commands_count_in_their_state_only(void **state)
{
    (void)state;
    assert_string_equal(ask(ENABLE), "\a");
    assert_string_equal(ask("F\r"), "\a");
    assert_string_equal(ask("O\r"), "\r");
    assert_string_equal(ask("S6\r"), "\a");
    assert_string_equal(ask("Z1\r"), "\a");
    assert_string_equal(ask("F\r"), "F00\r");
    assert_string_equal(ask("V\rN\r"), "V1013\rNA123\r");
    assert_string_equal(ask("S9\rS\rS88\rX\rO1\rCC\r?\r"), "\a\a\a\a\a\a\a");
    assert_int_equal(adapter.refused_count, 11);
}

static void frames_reach_the_motor_and_its_answers_come_back(void **state)
{
    (void)state;
    (void)ask("O\r");
    assert_string_equal(ask(ENABLE), "z\rt0118"
                                     "117FFF7FF7FF1919\r");
}

static void mute_adapter_says_nothing_of_itself(void **state)
{
    (void)state;
    adapter.is_mute = true;
    assert_string_equal(ask("\r\rC\rS8\rO\rV\rS8\r"), "");
    assert_memory_equal(ask(ENABLE), "t011811", 7);
    assert_int_equal(heard_count, 22);
}

static void stamps_tell_the_millisecond(void **state)
{
    (void)state;
    now = TENON_S(61) + TENON_MS(254);
    (void)ask("Z1\rO\r");
    assert_string_equal(ask(ENABLE) + 2 + 21, "04EB\r"); /* 1259 ms past the minute */
}

static void adapter_at_another_bit_rate_is_not_understood(void **state)
{
    (void)state;
    (void)ask("S6\rO\r");
    assert_string_equal(ask(ENABLE), "z\r");
    assert_int_equal(tenon_sim_damiao_status(&motor), 0);
}

static void full_adapter_refuses(void **state)
{
    unsigned refused = 0;
    (void)state;
    (void)ask("O\r");
    for (int i = 0; i < TENON_SIM_SLCAN_FRAMES + 3; i++) {
        say(ENABLE); /* all at once: no serial port is that quick */
    }
    (void)hear();
    for (size_t i = 0; i < heard_count; i++) {
        refused += heard[i] == '\a';
    }
    assert_int_equal(refused, 3);
    assert_int_equal(adapter.refused_count, 3);
}

static void characters_come_at_the_pace_of_the_port(void **state)
{
    char character;
    (void)state;
    tenon_sim_slcan_set_baud(&adapter, 10000);
    say("V\r");
    for (int i = 0; i < 6; i++) {
        assert_int_equal(tenon_sim_slcan_next_ns(&adapter), now + TENON_MS(1));
        assert_int_equal(tenon_sim_slcan_transmit(&adapter, (uint8_t *)&character, 1, now), 0);
        now += TENON_MS(1);
        assert_int_equal(tenon_sim_slcan_transmit(&adapter, (uint8_t *)&character, 1, now), 1);
        assert_int_equal(character, "V1013\r"[i]);
    }
    assert_int_equal(tenon_sim_slcan_next_ns(&adapter), TENON_NEVER);
}

static void host_that_never_listens_loses_what_it_does_not_fetch(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        say("V\r");
        now += TENON_MS(1);
    }
    assert_true(adapter.lost_count > 0);
    assert_memory_equal(hear(), "V1013\rV1013\r", 12);
}

static void noise_is_refused_and_forgotten(void **state)
{
    static const char alphabet[] = "tTrRSOCZVNF0123456789ABCDEF\r\a\n";
    uint32_t seed = 7;
    (void)state;
    (void)ask("O\r");
    for (int n = 0; n < 100000; n++) {
        seed = seed * 1664525u + 1013904223u;
        const char noise[] = {alphabet[(seed >> 16) % (sizeof alphabet - 1)], '\0'};
        say(noise);
        if (n % 100 == 0) {
            (void)hear();
        }
    }
    (void)ask("\rC\rS8\rO\r");
    assert_string_equal(ask("V\r"), "V1013\r");
}

/* On a line of bytes each character comes when its last bit has. */
static void it_serves_a_memory_line(void **state)
{
    static struct tenon_memory_line serial;
    const struct tenon_line_api *api;
    uint8_t out[64];
    (void)state;
    assert_non_null(tenon_memory_line_init(&serial, 1000000));
    api = tenon_line_get_api(&serial.base);
    assert_int_equal(api->write(&serial.base, (const uint8_t *)"O\r" ENABLE, 24, now), 24);
    const tenon_ns_t sent = now + TENON_US(240);
    tenon_sim_slcan_serve(&adapter, &serial, TENON_S(2));
    assert_int_equal(api->read(&serial.base, out, sizeof out, now + TENON_US(30) - 1), 0);
    assert_int_equal(api->read(&serial.base, out, sizeof out, now + TENON_US(30)), 1);
    const tenon_ns_t answer = sent + 2 * TENON_US(132) + TENON_SIM_DAMIAO_ANSWER_NS;
    assert_int_equal(api->read(&serial.base, out, sizeof out, answer), 2);
    assert_memory_equal(out, "z\r", 2);
    assert_int_equal(api->read(&serial.base, out, sizeof out, answer + TENON_US(220) - 1), 21);
    assert_int_equal(api->read(&serial.base, out, sizeof out, answer + TENON_US(220)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_opens_as_other_programs_open_it, make_adapter),
        cmocka_unit_test_setup(commands_count_in_their_state_only, make_adapter),
        cmocka_unit_test_setup(frames_reach_the_motor_and_its_answers_come_back, make_adapter),
        cmocka_unit_test_setup(mute_adapter_says_nothing_of_itself, make_adapter),
        cmocka_unit_test_setup(stamps_tell_the_millisecond, make_adapter),
        cmocka_unit_test_setup(adapter_at_another_bit_rate_is_not_understood, make_adapter),
        cmocka_unit_test_setup(full_adapter_refuses, make_adapter),
        cmocka_unit_test_setup(characters_come_at_the_pace_of_the_port, make_adapter),
        cmocka_unit_test_setup(host_that_never_listens_loses_what_it_does_not_fetch, make_adapter),
        cmocka_unit_test_setup(noise_is_refused_and_forgotten, make_adapter),
        cmocka_unit_test_setup(it_serves_a_memory_line, make_adapter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
