/* Virtual motors at the far end of a CAN line in memory, spoken to in raw frames. */
#include "tenon_test.h"

#include "mit_frame.h"
#include "tenon/sim_can.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOTORS    3
#define ENTRIES   64
#define FRAME_NS  INT64_C(132000) /* eight bytes at 1 Mbit/s */
#define GAP_NS    INT64_C(3000)
#define RID_MST   7
#define RID_TIME  9
#define RID_MODE  10
#define RID_PMAX  21
#define RID_TMAX  23
#define ENABLE    "FFFFFFFFFFFFFFFC"
#define DISABLE   "FFFFFFFFFFFFFFFD"
#define ZERO      "FFFFFFFFFFFFFFFE"
#define CLEAR     "FFFFFFFFFFFFFFFB"
#define NO_TORQUE "7FFF7FF0000007FF"

static struct tenon_sim_damiao motors[MOTORS];
static struct tenon_sim_damiao *const list[MOTORS] = {&motors[0], &motors[1], &motors[2]};
static struct tenon_sim_can_bus bus;
static struct tenon_memory_can_line line;
static struct tenon_memory_can_entry entries[ENTRIES];
static tenon_ns_t now;
static tenon_ns_t answered_ns;

static const struct mit_ranges ranges = {12.5f, 30.0f, 10.0f};

static int make_rig(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < MOTORS; i++) {
        assert_int_equal(
            tenon_sim_damiao_init(&motors[i], "damiao-4310", (uint8_t)(i + 1), (uint16_t)(17 + i)),
            TENON_OK);
    }
    assert_int_equal(tenon_sim_can_bus_init(&bus, list, MOTORS), TENON_OK);
    assert_non_null(tenon_memory_can_line_init(&line, 1000000, entries, ENTRIES));
    now = TENON_S(3);
    tenon_sim_can_bus_serve(&bus, &line, now);
    return 0;
}

static struct tenon_can_frame make_frame(uint32_t id, const char *hex)
{
    struct tenon_can_frame frame = {.id = id, .length = (uint8_t)(strlen(hex) / 2)};
    for (size_t i = 0; i < frame.length; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        frame.data[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return frame;
}

static void send_frame(const struct tenon_can_frame *frame)
{
    assert_int_equal(tenon_line_get_api(&line.base)
                         ->write(&line.base, (const uint8_t *)frame, sizeof *frame, now),
                     sizeof *frame);
}

static void send(uint32_t id, const char *hex)
{
    const struct tenon_can_frame frame = make_frame(id, hex);
    send_frame(&frame);
}

/* Whatever comes next, within the time. */
static bool receive(struct tenon_can_frame *out, tenon_ns_t patience)
{
    const tenon_ns_t end = now + patience;
    for (;;) {
        tenon_sim_can_bus_serve(&bus, &line, now);
        if (tenon_line_get_api(&line.base)->read(&line.base, (uint8_t *)out, sizeof *out, now) >
            0) {
            answered_ns = now;
            return true;
        }
        const tenon_ns_t next = tenon_memory_can_line_next_ns(&line);
        if (now >= end) {
            return false;
        }
        now = next > now && next < end ? next : end;
    }
}

static struct tenon_can_frame ask(uint32_t id, const char *hex)
{
    struct tenon_can_frame frame;
    send(id, hex);
    assert_true(receive(&frame, TENON_MS(5)));
    return frame;
}

static void ask_nobody(uint32_t id, const char *hex)
{
    struct tenon_can_frame frame;
    send(id, hex);
    assert_false(receive(&frame, TENON_MS(5)));
}

static struct mit_answer ask_state(uint32_t id, const char *hex)
{
    struct mit_answer answer;
    const struct tenon_can_frame frame = ask(id, hex);
    assert_int_equal(frame.id, 16 + id);
    assert_int_equal(frame.length, 8);
    mit_unpack_answer(frame.data, &ranges, &answer);
    assert_int_equal(answer.node, id);
    return answer;
}

static struct mit_answer command(uint32_t id, double p, float v, float kp, float kd, float t)
{
    const struct mit_command c = {p, v, kp, kd, t};
    struct tenon_can_frame frame = {.id = id, .length = 8};
    struct mit_answer answer;
    assert_true(mit_pack_command(frame.data, &ranges, &c));
    send_frame(&frame);
    assert_true(receive(&frame, TENON_MS(5)));
    mit_unpack_answer(frame.data, &ranges, &answer);
    return answer;
}

static void hold(uint32_t id, double p, float kp, float kd, tenon_ns_t duration)
{
    const tenon_ns_t end = now + duration;
    while (now < end) {
        (void)command(id, p, 0.0f, kp, kd, 0.0f);
        now += TENON_MS(1);
    }
}

static uint32_t ask_register(uint32_t id, uint8_t operation, uint8_t rid, uint32_t value)
{
    struct tenon_can_frame frame = {.id = 0x7FF, .length = 8};
    uint8_t bytes[4];
    mit_store32(bytes, value);
    mit_pack_register(frame.data, id, operation, rid, bytes);
    send_frame(&frame);
    assert_true(receive(&frame, TENON_MS(5)));
    assert_true(mit_is_register(frame.data, id));
    assert_int_equal(frame.data[2], operation);
    assert_int_equal(frame.data[3], rid);
    return mit_load32(frame.data + 4);
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- Frames ---- */

static void init_refuses_what_cannot_be(void **state)
{
    (void)state;
    assert_int_equal(tenon_sim_damiao_init(&motors[0], "damiao-4311", 1, 17), TENON_ERR_ARG);
    assert_int_equal(tenon_sim_damiao_init(&motors[0], "damiao-4310", 0, 17), TENON_ERR_ARG);
    assert_int_equal(tenon_sim_damiao_init(&motors[0], "damiao-4310", 1, 0x800), TENON_ERR_ARG);
    assert_int_equal(
        tenon_sim_damiao_init_sized(&motors[0], sizeof motors[0] - 1, "damiao-4310", 1, 17),
        TENON_ERR_ABI);
    assert_int_equal(tenon_sim_can_bus_init_sized(&bus, sizeof bus - 1, list, 1), TENON_ERR_ABI);
    assert_true(tenon_sim_damiao_model_count() > 0);
    for (size_t i = 0; i < tenon_sim_damiao_model_count(); i++) {
        assert_int_equal(
            tenon_sim_damiao_init(&motors[0], tenon_sim_damiao_model_name(i), 255, 0x7FF),
            TENON_OK);
    }
    assert_null(tenon_sim_damiao_model_name(tenon_sim_damiao_model_count()));
}

static void special_frames_switch_torque_and_are_answered_by_the_state(void **state)
{
    (void)state;
    assert_int_equal(ask_state(1, DISABLE).status, MIT_DISABLED);
    assert_int_equal(ask_state(1, ENABLE).status, MIT_ENABLED);
    assert_int_equal(tenon_sim_damiao_status(&motors[0]), MIT_ENABLED);
    assert_int_equal(tenon_sim_damiao_status(&motors[1]), MIT_DISABLED);
    const struct mit_answer answer = ask_state(1, NO_TORQUE);
    assert_int_equal(answer.status, MIT_ENABLED);
    assert_true(fabs(answer.p_rad) < 0.001);
    assert_int_equal(answer.driver_c, 25);
    assert_int_equal(ask_state(1, DISABLE).status, MIT_DISABLED);
}

/* Vectors of openarm_can. */
static void registers_are_read_and_written_as_others_do(void **state)
{
    static const uint8_t p_max[] = {1, 0, 0x33, 0x15, 0, 0, 0x48, 0x41}; /* 12.5 */
    static const uint8_t mode[] = {1, 0, 0x55, 0x0A, 1, 0, 0, 0};
    (void)state;
    assert_memory_equal(ask(0x7FF, "0100331500000000").data, p_max, 8);
    assert_memory_equal(ask(0x7FF, "0100550A01000000").data, mode, 8);
    const struct tenon_can_frame frame = ask(0x7FF, "0100CC0000000000");
    assert_int_equal(frame.id, 17);
    assert_int_equal(frame.data[0], 0x01);
}

static void answer_comes_when_the_motor_has_thought(void **state)
{
    (void)state;
    const tenon_ns_t begin = now;
    (void)ask(1, NO_TORQUE);
    assert_int_equal(answered_ns, begin + 2 * FRAME_NS + TENON_SIM_DAMIAO_ANSWER_NS);
}

static void answers_of_many_are_arbitrated(void **state)
{
    /* When the last command is through, the answer of motor 1 is not due yet. */
    static const uint32_t order[] = {18, 17, 19};
    struct tenon_can_frame frame;
    (void)state;
    const tenon_ns_t begin = now;
    send(3, NO_TORQUE);
    send(2, NO_TORQUE);
    send(1, NO_TORQUE);
    for (uint32_t i = 0; i < 3; i++) { /* commands have the lower identifiers, and go first */
        assert_true(receive(&frame, TENON_MS(5)));
        assert_int_equal(frame.id, order[i]);
        assert_int_equal(answered_ns, begin + 4 * FRAME_NS + 3 * GAP_NS + i * (FRAME_NS + GAP_NS));
    }
    assert_int_equal(bus.frame_count, 3);
    assert_int_equal(bus.answer_count, 3);
}

static void frames_of_other_kinds_and_to_others_are_not_answered(void **state)
{
    struct tenon_can_frame frame;
    (void)state;
    ask_nobody(4, ENABLE);
    ask_nobody(1, "FFFFFFFFFFFFFC");
    ask_nobody(0x101, "0000C03F00004040");
    ask_nobody(0x7FF, "0400331500000000");
    ask_nobody(0x7FF, "0101331500000000");
    ask_nobody(0x7FF, "0100330300000000"); /* no such register */
    ask_nobody(0x7FF, "0100331500");
    struct tenon_can_frame other = make_frame(1, ENABLE);
    other.flags = TENON_CAN_EXTENDED;
    send_frame(&other);
    other.flags = TENON_CAN_REMOTE;
    send_frame(&other);
    assert_false(receive(&frame, TENON_MS(5)));
    assert_int_equal(tenon_sim_damiao_status(&motors[0]), MIT_DISABLED);
}

static void motors_do_not_understand_another_bit_rate(void **state)
{
    (void)state;
    assert_int_equal(tenon_line_get_api(&line.base)->set_baud(&line.base, 500000), TENON_OK);
    ask_nobody(1, ENABLE);
}

/* ---- Torque ---- */

static void torque_is_stiffness_damping_and_feedforward(void **state)
{
    const struct tenon_sim_damiao_faults held = {.blocked = true};
    (void)state;
    tenon_sim_damiao_set_faults(&motors[0], &held);
    tenon_sim_damiao_set_angle(&motors[0], 0.5);
    (void)ask_state(1, ENABLE);
    (void)command(1, 1.0, 2.0f, 4.0f, 0.5f, 1.0f);
    now += TENON_MS(1);
    assert_true(fabs((double)ask_state(1, NO_TORQUE).t_nm - 4.0) < 0.06); /* kp has 12 bits */
    now += TENON_MS(1);
    assert_true(fabs((double)ask_state(1, NO_TORQUE).t_nm) < 0.01);
    (void)command(1, -12.0, 0.0f, 500.0f, 0.0f, 0.0f);
    now += TENON_MS(1);
    assert_true(fabs((double)ask_state(1, NO_TORQUE).t_nm + 7.0) < 0.02); /* its peak */
}

static void shaft_goes_where_it_is_told_and_carries_a_load(void **state)
{
    const struct tenon_sim_load load = {.gravity_nm = 1.0f, .inertia_kg_m2 = 0.01f};
    (void)state;
    tenon_sim_damiao_set_load(&motors[0], &load);
    (void)ask_state(1, ENABLE);
    hold(1, 0.8, 50.0f, 2.0f, TENON_S(2));
    const double sag = 1.0 * cos(0.8) / 50.0;
    assert_true(fabs(tenon_sim_damiao_angle_rad(&motors[0]) - (0.8 - sag)) < 0.01);
    assert_true(fabs(tenon_sim_damiao_velocity_rad_s(&motors[0])) < 0.01);
    assert_true(fabs(ask_state(1, NO_TORQUE).p_rad - tenon_sim_damiao_angle_rad(&motors[0])) <
                0.001);
    (void)ask_state(1, DISABLE);
    now += TENON_S(1);
    assert_true(ask_state(1, NO_TORQUE).p_rad < 0.0); /* it falls */
}

/* Highest gains on the bare rotor: the worst there is for the steps of the physics. */
static void stiffest_gains_stay_stable(void **state)
{
    (void)state;
    for (size_t m = 0; m < tenon_sim_damiao_model_count(); m++) {
        (void)make_rig(state);
        assert_int_equal(tenon_sim_damiao_init(&motors[0], tenon_sim_damiao_model_name(m), 1, 17),
                         TENON_OK);
        (void)ask(1, ENABLE);
        hold(1, 0.2, 500.0f, 5.0f, TENON_S(1));
        assert_true(fabs(tenon_sim_damiao_angle_rad(&motors[0]) - 0.2) < 0.002);
        assert_true(fabs(tenon_sim_damiao_velocity_rad_s(&motors[0])) < 0.05);
    }
}

static void speed_ends_where_the_voltage_does(void **state)
{
    (void)state;
    (void)ask_state(1, ENABLE);
    for (int i = 0; i < 500; i++) {
        (void)command(1, 0.0, 0.0f, 0.0f, 0.0f, 5.0f);
        now += TENON_MS(1);
    }
    const double speed = tenon_sim_damiao_velocity_rad_s(&motors[0]);
    assert_true(speed > 18.0 && speed < 21.0);
}

static void disabled_motor_answers_and_does_not_obey(void **state)
{
    (void)state;
    hold(1, 1.0, 50.0f, 1.0f, TENON_MS(100));
    assert_true(fabs(tenon_sim_damiao_angle_rad(&motors[0])) < 1e-9);
    (void)ask_state(1, ENABLE); /* what it was told before does not count */
    now += TENON_MS(100);
    assert_true(fabs(ask_state(1, NO_TORQUE).p_rad) < 0.001);
}

static void ranges_are_those_of_the_registers(void **state)
{
    (void)state;
    assert_int_equal(ask_register(1, MIT_WRITE, RID_PMAX, bits_of(6.25f)), bits_of(6.25f));
    (void)ask_state(1, ENABLE);
    hold(1, 1.0, 100.0f, 2.0f, TENON_S(1)); /* scaled for 12.5 */
    assert_true(fabs(tenon_sim_damiao_angle_rad(&motors[0]) - 0.5) < 0.01);
}

static void zero_is_where_it_stood(void **state)
{
    (void)state;
    tenon_sim_damiao_set_angle(&motors[0], 1.5);
    assert_true(fabs(ask_state(1, NO_TORQUE).p_rad - 1.5) < 0.001);
    assert_true(fabs(ask_state(1, ZERO).p_rad) < 0.001);
    assert_true(fabs(tenon_sim_damiao_angle_rad(&motors[0]) - 1.5) < 1e-9);
}

/* Assumed, as the motor driver assumes it; nobody documents it. */
static void position_begins_again_behind_the_end_of_its_range(void **state)
{
    (void)state;
    tenon_sim_damiao_set_angle(&motors[0], 12.5 + 0.25);
    assert_true(fabs(ask_state(1, NO_TORQUE).p_rad + 12.25) < 0.001);
    tenon_sim_damiao_set_angle(&motors[0], -3 * 12.5 - 0.25);
    assert_true(fabs(ask_state(1, NO_TORQUE).p_rad - 12.25) < 0.001);
    assert_true(fabs(tenon_sim_damiao_angle_rad(&motors[0]) + 37.75) < 1e-9);
}

/* ---- Registers ---- */

static void register_that_may_not_be_written_answers_what_it_holds(void **state)
{
    (void)state;
    assert_int_equal(ask_register(1, MIT_WRITE, RID_MODE, 5), 1);
    assert_int_equal(ask_register(1, MIT_WRITE, RID_MODE, 0), 1);
    assert_int_equal(ask_register(1, MIT_WRITE, RID_TMAX, 0x7FC00000), bits_of(10.0f));
    assert_int_equal(ask_register(1, MIT_WRITE, RID_TMAX, bits_of(-1.0f)), bits_of(10.0f));
    assert_int_equal(ask_register(1, MIT_WRITE, 14, 1), 5015);
    assert_int_equal(ask_register(1, MIT_WRITE, RID_MST, 0x800), 17);
}

static void identifiers_change_behind_the_answer_and_last_if_saved(void **state)
{
    (void)state;
    struct tenon_can_frame frame = ask(0x7FF, "0100550740000000"); /* 7 := 0x40 */
    assert_int_equal(frame.id, 17);         /* this answer is still the old one's */
    frame = ask(0x7FF, "0100550820000000"); /* 8 := 0x20 */
    assert_int_equal(frame.data[4], 0x20);
    assert_int_equal(ask(0x20, NO_TORQUE).id, 0x40);
    tenon_sim_damiao_set_powered(&motors[0], false);
    ask_nobody(0x20, NO_TORQUE);
    tenon_sim_damiao_set_powered(&motors[0], true);
    assert_int_equal(ask(1, NO_TORQUE).id, 17);

    (void)ask(0x7FF, "0100550740000000");
    (void)ask(1, ENABLE);
    ask_nobody(0x7FF, "0100AA0100000000"); /* not while it has torque */
    (void)ask(1, DISABLE);
    assert_int_equal(ask(0x7FF, "0100AA0100000000").data[2], 0xAA);
    tenon_sim_damiao_set_powered(&motors[0], false);
    tenon_sim_damiao_set_powered(&motors[0], true);
    assert_int_equal(ask(1, NO_TORQUE).id, 0x40);
}

static void commands_count_in_their_own_mode_only(void **state)
{
    (void)state;
    assert_int_equal(ask_register(1, MIT_WRITE, RID_MODE, 2), 2);
    ask_nobody(1, NO_TORQUE);
    assert_int_equal(ask_state(1, ENABLE).status, MIT_ENABLED);
    assert_int_equal(ask_register(1, MIT_WRITE, RID_MODE, 1), 1);
    (void)ask_state(1, NO_TORQUE);
}

/* ---- Errors ---- */

static void silence_takes_torque_off_until_cleared(void **state)
{
    (void)state;
    assert_int_equal(ask_register(1, MIT_WRITE, RID_TIME, 400), 400); /* 20 ms */
    (void)ask_state(1, ENABLE);
    now += TENON_MS(15);
    assert_int_equal(ask_state(1, NO_TORQUE).status, MIT_ENABLED);
    (void)command(1, 1.0, 0.0f, 5.0f, 0.0f, 0.0f);
    now += TENON_MS(25);
    assert_int_equal(ask_state(1, NO_TORQUE).status, MIT_SILENCE);
    now += TENON_MS(5);
    assert_true(fabs((double)ask_state(1, NO_TORQUE).t_nm) < 0.01);
    assert_int_equal(ask_state(1, ENABLE).status, MIT_SILENCE);
    assert_int_equal(ask_state(1, DISABLE).status, MIT_SILENCE);
    assert_int_equal(ask_state(1, CLEAR).status, MIT_DISABLED);
    assert_int_equal(ask_state(1, ENABLE).status, MIT_ENABLED);
}

static void heat_takes_torque_off_and_is_not_cleared_away(void **state)
{
    (void)state;
    (void)ask_state(1, ENABLE);
    tenon_sim_damiao_set_temperature(&motors[0], 101.0);
    now += TENON_MS(1);
    const struct mit_answer answer = ask_state(1, NO_TORQUE);
    assert_int_equal(answer.status, MIT_COIL_HOT);
    assert_in_range(answer.rotor_c, 100, 101);
    assert_int_equal(ask_state(1, CLEAR).status, MIT_COIL_HOT);
    tenon_sim_damiao_set_temperature(&motors[0], 60.0);
    assert_int_equal(ask_state(1, CLEAR).status, MIT_DISABLED);
}

static void long_stall_makes_it_hot(void **state)
{
    const struct tenon_sim_damiao_faults held = {.blocked = true};
    (void)state;
    tenon_sim_damiao_set_faults(&motors[0], &held);
    (void)ask_state(1, ENABLE);
    int ms = 0;
    while (ms < 60000 && command(1, 0.0, 0.0f, 0.0f, 0.0f, 7.0f).status == MIT_ENABLED) {
        now += TENON_MS(10);
        ms += 10;
    }
    assert_true(ms > 1000 && ms < 60000);
    assert_int_equal(tenon_sim_damiao_status(&motors[0]), MIT_COIL_HOT);
}

static void any_error_can_be_had(void **state)
{
    (void)state;
    for (uint8_t error = MIT_OVER_VOLTAGE; error <= MIT_OVERLOAD; error++) {
        const struct tenon_sim_damiao_faults faults = {.latch_error = error};
        (void)ask_state(1, CLEAR);
        (void)ask_state(1, ENABLE);
        tenon_sim_damiao_set_faults(&motors[0], &faults);
        assert_int_equal(tenon_sim_damiao_get_faults(&motors[0])->latch_error, 0);
        assert_int_equal(ask_state(1, NO_TORQUE).status, error);
    }
}

static void answers_fail_in_every_way_they_can(void **state)
{
    struct tenon_sim_damiao_faults faults = {.silent = true};
    struct tenon_can_frame frame;
    (void)state;
    tenon_sim_damiao_set_faults(&motors[0], &faults);
    ask_nobody(1, ENABLE);
    assert_int_equal(tenon_sim_damiao_status(&motors[0]), MIT_ENABLED); /* it heard */
    faults = (struct tenon_sim_damiao_faults){.deaf = true};
    tenon_sim_damiao_set_faults(&motors[0], &faults);
    ask_nobody(1, DISABLE);
    assert_int_equal(tenon_sim_damiao_status(&motors[0]), MIT_ENABLED);
    faults = (struct tenon_sim_damiao_faults){.drop_next_answers = 1, .duplicate_next_answers = 1};
    tenon_sim_damiao_set_faults(&motors[0], &faults);
    ask_nobody(1, NO_TORQUE);
    (void)ask_state(1, NO_TORQUE);
    assert_true(receive(&frame, TENON_MS(5)));
    assert_int_equal(frame.id, 17);
    assert_false(receive(&frame, TENON_MS(5)));
    faults = (struct tenon_sim_damiao_faults){.wrong_bits = 0x40, .extra_delay_ns = TENON_MS(2)};
    tenon_sim_damiao_set_faults(&motors[0], &faults);
    const tenon_ns_t begin = now;
    assert_int_equal(ask(1, NO_TORQUE).id, 17 + 0x40);
    assert_int_equal(answered_ns, begin + 2 * FRAME_NS + TENON_SIM_DAMIAO_ANSWER_NS + TENON_MS(2));
    tenon_sim_damiao_set_faults(&motors[0], NULL);
    (void)ask_state(1, NO_TORQUE);
}

/* ---- Time ---- */

static double run(tenon_ns_t interval)
{
    void *state = NULL;
    (void)make_rig(&state);
    (void)ask_state(1, ENABLE);
    const tenon_ns_t end = now - now % TENON_MS(1) + TENON_MS(200);
    (void)command(1, 1.0, 0.0f, 20.0f, 0.5f, 0.0f);
    while (now < end) {
        now = now + interval < end ? now + interval : end;
        tenon_sim_can_bus_serve(&bus, &line, now);
    }
    return tenon_sim_damiao_angle_rad(&motors[0]);
}

static void how_often_one_looks_changes_nothing(void **state)
{
    (void)state;
    const double seldom = run(TENON_MS(200));
    const double often = run(TENON_US(7));
    assert_memory_equal(&seldom, &often, sizeof seldom);
    assert_true(seldom > 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_what_cannot_be),
        cmocka_unit_test_setup(special_frames_switch_torque_and_are_answered_by_the_state,
                               make_rig),
        cmocka_unit_test_setup(registers_are_read_and_written_as_others_do, make_rig),
        cmocka_unit_test_setup(answer_comes_when_the_motor_has_thought, make_rig),
        cmocka_unit_test_setup(answers_of_many_are_arbitrated, make_rig),
        cmocka_unit_test_setup(frames_of_other_kinds_and_to_others_are_not_answered, make_rig),
        cmocka_unit_test_setup(motors_do_not_understand_another_bit_rate, make_rig),
        cmocka_unit_test_setup(torque_is_stiffness_damping_and_feedforward, make_rig),
        cmocka_unit_test_setup(shaft_goes_where_it_is_told_and_carries_a_load, make_rig),
        cmocka_unit_test_setup(stiffest_gains_stay_stable, make_rig),
        cmocka_unit_test_setup(speed_ends_where_the_voltage_does, make_rig),
        cmocka_unit_test_setup(disabled_motor_answers_and_does_not_obey, make_rig),
        cmocka_unit_test_setup(ranges_are_those_of_the_registers, make_rig),
        cmocka_unit_test_setup(zero_is_where_it_stood, make_rig),
        cmocka_unit_test_setup(position_begins_again_behind_the_end_of_its_range, make_rig),
        cmocka_unit_test_setup(register_that_may_not_be_written_answers_what_it_holds, make_rig),
        cmocka_unit_test_setup(identifiers_change_behind_the_answer_and_last_if_saved, make_rig),
        cmocka_unit_test_setup(commands_count_in_their_own_mode_only, make_rig),
        cmocka_unit_test_setup(silence_takes_torque_off_until_cleared, make_rig),
        cmocka_unit_test_setup(heat_takes_torque_off_and_is_not_cleared_away, make_rig),
        cmocka_unit_test_setup(long_stall_makes_it_hot, make_rig),
        cmocka_unit_test_setup(any_error_can_be_had, make_rig),
        cmocka_unit_test_setup(answers_fail_in_every_way_they_can, make_rig),
        cmocka_unit_test_setup(how_often_one_looks_changes_nothing, make_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
