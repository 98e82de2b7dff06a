#include "test_sim_rig.h"

#include <stdlib.h>

/* Profiles, loops, plant and protection: servos are set up by poke and watched by peek. */

#define PULSE_RAD (6.283185307179586 / 4096)

static struct tenon_sim_servo servo;
static struct tenon_sim_servo *const servos[] = {&servo};
static struct tenon_sim_bus bus;
static tenon_ns_t now;

static void make(const char *model)
{
    assert_int_equal(TENON_OK, tenon_sim_servo_init(&servo, model, 1, 1000000));
    tenon_sim_bus_init(&bus, servos, 1);
    now = 0;
    tenon_sim_bus_advance(&bus, now);
}

static void run_ms(int64_t ms)
{
    now += TENON_MS(ms);
    tenon_sim_bus_advance(&bus, now);
}

static int32_t peek(uint16_t address, uint8_t width)
{
    return tenon_sim_servo_peek(&servo, address, width);
}

static void poke(uint16_t address, uint8_t width, int32_t value)
{
    assert_int_equal(TENON_OK, tenon_sim_servo_poke(&servo, address, width, value));
}

static void
start(const char *model, uint8_t mode, int32_t profile_velocity, int32_t profile_acceleration)
{
    make(model);
    poke(11, 1, mode);
    poke(108, 4, profile_acceleration);
    poke(112, 4, profile_velocity);
    if (mode == 16) {
        poke(100, 2, 0); /* a change of mode has set it to its limit */
    } else if (mode == 0) {
        poke(102, 2, 0);
    }
    poke(64, 1, 1);
    run_ms(1);
}

static void assert_near(double expected, double actual, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance)) {
        print_error("expected %g +- %g, got %g\n", expected, tolerance, actual);
        fail();
    }
}

/* ---- Profiles ---- */

struct times {
    double ramped_ms;  /* velocity first at its highest */
    double braking_ms; /* first below it again */
    double done_ms;
    int32_t top;
};

static struct times watch_move(void)
{
    struct times times = {0};
    const tenon_ns_t begun = now;
    for (int i = 0; i < 20000; i++) {
        now += TENON_SIM_STEP_NS;
        tenon_sim_bus_advance(&bus, now);
        const double ms = (double)(now - begun) / 1e6;
        const int32_t velocity = abs(peek(136, 4));
        if (velocity > times.top) {
            times.top = velocity;
            times.ramped_ms = ms;
        }
        if (velocity == times.top) {
            times.braking_ms = ms;
        }
        if ((peek(123, 1) & 2) == 0) {
            times.done_ms = ms;
            break;
        }
    }
    return times;
}

static void a_trapezoid_keeps_its_three_times(void **state)
{
    (void)state;
    start("xm430-w350", 3, 100, 20); /* t1 = 64 * 100 / 20, t2 = 64 * 1000 / 100 */
    poke(116, 4, 3048);
    run_ms(0);
    const struct times times = watch_move();
    assert_int_equal(100, times.top);
    assert_near(320.0, times.ramped_ms, 4.0);
    assert_near(640.0, times.braking_ms, 4.0);
    assert_near(960.0, times.done_ms, 1.0);
    assert_int_equal(3048, peek(140, 4));
}

static void moving_status_names_the_profile(void **state)
{
    (void)state;
    static const struct {
        int32_t velocity;
        int32_t acceleration;
        int32_t kind;
        double done_ms;
    } cases[] = {
        {100, 20, 0x30, 960.0},
        {100, 5, 0x20, 2 * 905.1}, /* 64 * sqrt(1000 / 5) */
        {100, 0, 0x10, 640.0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start("xm430-w350", 3, cases[i].velocity, cases[i].acceleration);
        poke(116, 4, 1048);
        run_ms(20);
        assert_int_equal(cases[i].kind | 0x02, peek(123, 1) & 0x32);
        assert_near(cases[i].done_ms, 20.0 + watch_move().done_ms, 2.0);
        run_ms(500);
        assert_int_equal(0x01, peek(123, 1));
    }
}

static void a_move_in_a_given_time_takes_that_time(void **state)
{
    (void)state;
    make("xm430-w350");
    poke(10, 1, 4);
    poke(108, 4, 200);
    poke(112, 4, 1000);
    poke(64, 1, 1);
    poke(116, 4, 3048);
    struct times times = watch_move();
    assert_near(200.0, times.ramped_ms, 8.0);
    assert_near(800.0, times.braking_ms, 8.0);
    assert_near(1000.0, times.done_ms, 1.0);
    assert_int_equal(80, times.top); /* 1000 pulses in 0.8 s */
    for (int i = 0; i < 10; i++) {   /* the same goal again does not begin a new second */
        poke(116, 4, 2048);
        run_ms(100);
    }
    assert_int_equal(2048, peek(140, 4));
    assert_int_equal(0, peek(136, 4));
}

static void a_new_goal_in_mid_move_keeps_velocity_continuous(void **state)
{
    (void)state;
    static const int32_t goals[] = {2390, 2400, 3048, 500, 9000};
    start("xm430-w350", 4, 120, 15);
    int32_t before = 0;
    int32_t position = peek(140, 4);
    int32_t worst = 0;
    for (int i = 0; i < 12000; i++) {
        if (i % 400 == 0 && i < 4000) {
            poke(116, 4, goals[(i / 400) % 5]);
        }
        run_ms(1);
        const int32_t step = abs(peek(136, 4) - before);
        worst = step > worst ? step : worst;
        before = peek(136, 4);
        assert_true(abs(before) <= 120);
        assert_true(abs(peek(140, 4) - position) <=
                    3); /* 120/64 pulses a ms, and rounding: no jump at the end */
        position = peek(140, 4);
    }
    assert_true(worst >= 1);
    assert_true(worst <= 2); /* 15/64 of a unit a ms, and rounding */
    assert_int_equal(goals[4], peek(140, 4));
}

static void velocity_mode_ramps_with_the_profile_acceleration(void **state)
{
    (void)state;
    start("xm430-w350", 1, 0, 10);
    poke(104, 4, 100);
    run_ms(320); /* half of 64 * 100 / 10 */
    assert_near(50.0, peek(136, 4), 1.0);
    run_ms(320);
    assert_near(100.0, peek(136, 4), 1.0);
    run_ms(1500);
    assert_near(100.0, peek(128, 4), 2.0);
    assert_near(100.0 * 1000.0 / 64.0 * PULSE_RAD, tenon_sim_servo_velocity_rad_s(&servo), 0.02);
    assert_int_equal(1, peek(122, 1));
    poke(104, 4, -100);
    run_ms(3000);
    assert_near(-100.0, peek(128, 4), 2.0);
}

/* ---- Loops and plant ---- */

static double settled_error(const char *model, double stall_nm, int32_t integral_gain)
{
    make(model);
    tenon_sim_servo_set_load(&servo,
                             &(struct tenon_sim_load){.gravity_nm = (float)(0.3 * stall_nm)});
    poke(82, 2, integral_gain);
    poke(64, 1, 1);
    run_ms(8000);
    return tenon_sim_servo_angle_rad(&servo);
}

static void a_load_of_30_percent_sags_without_integral_gain(void **state)
{
    (void)state;
    assert_near(-0.065, settled_error("xm430-w350", 4.1, 0), 0.006);
    assert_near(-0.081, settled_error("xl430-w250", 1.5, 0), 0.008);
}

static void integral_gain_takes_the_sag_away(void **state)
{
    (void)state;
    assert_near(0.0, settled_error("xm430-w350", 4.1, 1000), 0.002);
    assert_near(0.0, settled_error("xl430-w250", 1.5, 1000), 0.002);
    assert_near(0.0, settled_error("xl330-m288", 0.52, 500), 0.002);
}

static void the_integrator_does_not_wind_up_against_a_stop(void **state)
{
    (void)state;
    make("xm430-w350");
    poke(82, 2, 2000);
    poke(63, 1, 0); /* no shutdown by overload */
    poke(64, 1, 1);
    tenon_sim_servo_set_faults(&servo, &(struct tenon_sim_faults){.blocked = true});
    poke(116, 4, 2600);
    run_ms(5000);
    tenon_sim_servo_set_faults(&servo, NULL);
    double highest = 0.0;
    for (int i = 0; i < 3000; i++) {
        run_ms(1);
        highest = fmax(highest, tenon_sim_servo_angle_rad(&servo));
    }
    assert_near(552 * PULSE_RAD, tenon_sim_servo_angle_rad(&servo), 0.003);
    assert_true(highest < 900 * PULSE_RAD);
}

static void no_load_speed_and_stall_are_those_of_the_data_sheet(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        double rpm;
        double stall_nm;
        double stall_a;
    } cases[] = {
        {"xl330-m288", 103.0, 0.52, 1.47},
        {"xl430-w250", 61.0, 1.5, 1.4},
        {"xm430-w350", 46.0, 4.1, 2.3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(cases[i].model, 16, 0, 0);
        const double rated_v = i == 0 ? 5.0 : 12.0;
        tenon_sim_servo_set_supply(&servo, rated_v, 0.0);
        poke(100, 2, 885);
        run_ms(1500);
        assert_near(cases[i].rpm, tenon_sim_servo_velocity_rad_s(&servo) * 60 / 6.2831853, 0.2);
        tenon_sim_servo_set_faults(&servo, &(struct tenon_sim_faults){.blocked = true});
        run_ms(50);
        assert_near(cases[i].stall_a, tenon_sim_servo_current_a(&servo), 0.01);
        assert_near(cases[i].stall_nm, tenon_sim_servo_torque_nm(&servo), cases[i].stall_nm * 0.02);
    }
}

static void a_horn_at_rest_sticks_until_friction_is_overcome(void **state)
{
    (void)state;
    start("xm430-w350", 16, 0, 0);
    poke(100, 2, 5); /* less than friction takes */
    run_ms(1000);
    assert_near(0.0, tenon_sim_servo_angle_rad(&servo), 1e-12);
    poke(100, 2, 40);
    run_ms(1000);
    assert_true(tenon_sim_servo_angle_rad(&servo) > 0.05);
    poke(100, 2, 0); /* a shorted motor brakes and then stands, without creeping */
    run_ms(1000);
    const double stopped_at = tenon_sim_servo_angle_rad(&servo);
    run_ms(1000);
    assert_near(stopped_at, tenon_sim_servo_angle_rad(&servo), 1e-12);
}

static void a_limp_horn_falls_with_its_load(void **state)
{
    (void)state;
    make("xl430-w250");
    tenon_sim_servo_set_load(&servo, &(struct tenon_sim_load){.gravity_nm = 0.5f});
    run_ms(20000);
    assert_near(-1.5708, tenon_sim_servo_angle_rad(&servo), 0.04);
}

static void current_mode_makes_the_current_asked_for(void **state)
{
    (void)state;
    start("xm430-w350", 0, 0, 0);
    tenon_sim_servo_set_faults(&servo, &(struct tenon_sim_faults){.blocked = true});
    poke(102, 2, -200);
    run_ms(10);
    assert_int_equal(-200, peek(126, 2));
    assert_near(-0.538, tenon_sim_servo_current_a(&servo), 0.001);
    tenon_sim_servo_set_faults(&servo, NULL);
    run_ms(2000); /* runs away until the voltage is used up, not beyond */
    assert_true(tenon_sim_servo_velocity_rad_s(&servo) < -2.0);
    assert_true(peek(124, 2) >= -885);
}

static void goal_current_caps_mode_5(void **state)
{
    (void)state;
    start("xm430-w350", 5, 0, 0);
    tenon_sim_servo_set_faults(&servo, &(struct tenon_sim_faults){.blocked = true});
    poke(102, 2, 100);
    poke(116, 4, 4000);
    run_ms(10);
    assert_int_equal(100, peek(126, 2));
    poke(102, 2, 300);
    run_ms(10);
    assert_int_equal(300, peek(126, 2));
}

static void pwm_limit_bounds_every_mode(void **state)
{
    (void)state;
    make("xl430-w250");
    poke(36, 2, 300);
    poke(64, 1, 1);
    poke(116, 4, 4000);
    run_ms(50);
    assert_int_equal(300, peek(124, 2));
    poke(100, 2, 200); /* and the goal PWM bounds the position loop */
    run_ms(1);
    assert_int_equal(200, peek(124, 2));
}

/* ---- Positions ---- */

static void position_wraps_only_where_it_should(void **state)
{
    (void)state;
    make("xm430-w350");
    poke(11, 1, 4);
    tenon_sim_servo_set_angle(&servo, 4096 * PULSE_RAD);
    assert_int_equal(6144, peek(132, 4));
    poke(64, 1, 1);
    run_ms(1);
    assert_int_equal(6144, peek(132, 4)); /* extended: kept */
    poke(64, 1, 0);
    poke(11, 1, 3);
    run_ms(1);
    assert_int_equal(2048, peek(132, 4)); /* mode 3 is set */
    tenon_sim_servo_set_angle(&servo, 0.0);
    assert_int_equal(-2048, peek(132, 4)); /* torque off: continuous */
    poke(116, 4, 2048);
    poke(64, 1, 1);
    run_ms(1);
    assert_int_equal(2048, peek(132, 4)); /* torque on in mode 3 */
}

static void reverse_mode_turns_every_sign(void **state)
{
    (void)state;
    make("xm430-w350");
    poke(10, 1, 1);
    poke(64, 1, 1);
    assert_int_equal(2048, peek(116, 4));
    poke(116, 4, 2548);
    run_ms(100);
    assert_true(peek(124, 2) > 0);
    assert_true(peek(128, 4) > 0);
    run_ms(3000);
    assert_near(2548, peek(132, 4), 8);
    assert_near(-500 * PULSE_RAD, tenon_sim_servo_angle_rad(&servo), 8 * PULSE_RAD);
}

static void homing_offset_shifts_what_is_shown(void **state)
{
    (void)state;
    make("xm430-w350");
    poke(20, 4, 500);
    run_ms(1);
    assert_int_equal(2548, peek(132, 4));
    poke(20, 4, 5000); /* too large for mode 3 */
    run_ms(1);
    assert_int_equal(2048, peek(132, 4));
    poke(11, 1, 4);
    run_ms(1);
    assert_int_equal(7048, peek(132, 4));
}

static void a_change_of_mode_resets_gains_and_goals(void **state)
{
    (void)state;
    make("xm430-w350");
    poke(84, 2, 111);
    poke(112, 4, 55);
    poke(36, 2, 700);
    poke(100, 2, 3);
    poke(11, 1, 16);
    assert_int_equal(800, peek(84, 2));
    assert_int_equal(0, peek(112, 4));
    assert_int_equal(700, peek(100, 2));
}

static void a_goal_of_before_is_gone_to_when_torque_comes_on(void **state)
{
    (void)state;
    make("xm430-w350");
    tenon_sim_servo_set_angle(&servo, 0.0);
    poke(116, 4, 2300);
    run_ms(500);
    assert_near(0.0, tenon_sim_servo_angle_rad(&servo), 1e-9);
    poke(64, 1, 1);
    run_ms(1000);
    assert_near(252 * PULSE_RAD, tenon_sim_servo_angle_rad(&servo), 8 * PULSE_RAD);
    make("xm430-w350");
    poke(10, 1, 8); /* torque by goal: by that of the mode only */
    poke(100, 2, 400);
    assert_int_equal(0, peek(64, 1));
    poke(116, 4, 2300);
    assert_int_equal(1, peek(64, 1));
}

/* ---- Protection ---- */

static void a_stalled_servo_trips_on_overload(void **state)
{
    (void)state;
    start("xl430-w250", 3, 0, 0);
    tenon_sim_servo_set_faults(&servo, &(struct tenon_sim_faults){.blocked = true});
    poke(116, 4, 4000);
    run_ms(2000);
    assert_int_equal(0, peek(70, 1));
    assert_near(1000, peek(126, 2), 20);
    run_ms(1500);
    assert_int_equal(0x20, peek(70, 1));
    assert_int_equal(0, peek(64, 1));
    run_ms(1);
    assert_near(0.0, tenon_sim_servo_current_a(&servo), 1e-12);
}

static void heat_builds_up_and_trips_at_the_limit(void **state)
{
    (void)state;
    start("xm430-w350", 0, 0, 0);
    tenon_sim_servo_set_faults(&servo, &(struct tenon_sim_faults){.blocked = true});
    poke(102, 2, 500); /* 1.3 A: 58 % of stall, no overload */
    run_ms(180000);
    assert_near(42.0, peek(146, 1), 5.0); /* 9.4 W into 70 J/K, less what the winding keeps */
    assert_int_equal(0, peek(70, 1));
    tenon_sim_servo_set_temperature(&servo, 81.0);
    run_ms(1);
    assert_int_equal(0x04, peek(70, 1));
    assert_int_equal(0, peek(64, 1));
}

static void voltage_outside_its_limits_is_latched(void **state)
{
    (void)state;
    make("xl330-m288"); /* its Shutdown has bit 0 */
    poke(64, 1, 1);
    tenon_sim_servo_set_supply(&servo, 3.3, 0.05);
    run_ms(500);
    assert_int_equal(0x01, peek(70, 1));
    assert_int_equal(0, peek(64, 1));
    assert_int_equal(33, peek(144, 2));
    make("xm430-w350"); /* its has not */
    poke(64, 1, 1);
    tenon_sim_servo_set_supply(&servo, 17.0, 0.05);
    run_ms(500);
    assert_int_equal(0x01, peek(70, 1));
    assert_int_equal(1, peek(64, 1));
}

static void the_supply_sags_under_load(void **state)
{
    (void)state;
    start("xm430-w350", 16, 0, 0);
    tenon_sim_servo_set_supply(&servo, 12.0, 1.0);
    tenon_sim_servo_set_faults(&servo, &(struct tenon_sim_faults){.blocked = true});
    poke(100, 2, 885);
    run_ms(500);
    assert_near(12.0 * 5.217 / 6.217 * 10.0, peek(144, 2), 1.0);
}

/* ---- Bus watchdog ---- */

static void hear(uint8_t id)
{
    uint8_t frame[16];
    const int size = dxl2_encode(frame, sizeof frame, id, DXL2_PING, NULL, 0);
    tenon_sim_bus_receive(&bus, frame, (size_t)size, now);
}

static int write_goal(int32_t position)
{
    uint8_t params[6] = {116, 0};
    uint8_t frame[32];
    uint8_t answer[64];
    dxl2_store32(params + 2, (uint32_t)position);
    const int size = dxl2_encode(frame, sizeof frame, 1, DXL2_WRITE, params, sizeof params);
    (void)tenon_sim_bus_transmit(&bus, answer, sizeof answer, now);
    tenon_sim_bus_receive(&bus, frame, (size_t)size, now);
    run_ms(2);
    assert_int_equal(11, tenon_sim_bus_transmit(&bus, answer, sizeof answer, now));
    return answer[8];
}

static void the_bus_watchdog_stops_a_move_when_the_host_is_silent(void **state)
{
    (void)state;
    start("xm430-w350", 3, 50, 0);
    tenon_sim_bus_set_baud(&bus, 1000000);
    poke(98, 1, 5); /* 100 ms */
    assert_int_equal(0, write_goal(4000));
    for (int i = 0; i < 5; i++) { /* any packet keeps it up, also one for another servo */
        run_ms(90);
        hear(77);
    }
    assert_int_equal(5, peek(98, 1));
    run_ms(95);
    assert_int_equal(5, peek(98, 1));
    assert_true(peek(136, 4) > 0);
    run_ms(10);
    assert_int_equal(255, peek(98, 1));
    run_ms(300);
    const int32_t stopped_at = peek(132, 4);
    assert_true(stopped_at < 2700);
    assert_int_equal(0, peek(122, 1));
    assert_int_equal(1, peek(64, 1));

    assert_int_equal(4, write_goal(4000));
    poke(98, 1, 0);
    run_ms(300);
    assert_int_equal(stopped_at, peek(132, 4)); /* clearing alone moves nothing */
    assert_int_equal(0, write_goal(2048));
    run_ms(1500);
    assert_near(2048, peek(132, 4), 8);
}

static void the_bus_watchdog_waits_for_torque(void **state)
{
    (void)state;
    make("xm430-w350");
    poke(98, 1, 1);
    run_ms(1000);
    assert_int_equal(1, peek(98, 1));
    poke(64, 1, 1);
    run_ms(19);
    assert_int_equal(1, peek(98, 1));
    run_ms(2);
    assert_int_equal(255, peek(98, 1));
}

static void the_bus_watchdog_stops_each_mode(void **state)
{
    (void)state;
    static const struct {
        uint8_t mode;
        uint16_t goal;
        uint8_t width;
        int32_t value;
    } cases[] = {{1, 104, 4, 100}, {16, 100, 2, 500}, {0, 102, 2, 200}, {4, 116, 4, 40000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start("xm430-w350", cases[i].mode, 100, 0);
        poke(cases[i].goal, cases[i].width, cases[i].value);
        run_ms(200);
        assert_int_equal(1, peek(122, 1));
        poke(98, 1, 1);
        run_ms(4000); /* without current it coasts */
        assert_int_equal(255, peek(98, 1));
        assert_int_equal(0, peek(122, 1));
    }
}

/* ---- Time ---- */

static void how_often_time_is_told_does_not_matter(void **state)
{
    (void)state;
    static struct tenon_sim_servo first;
    static const tenon_ns_t strides[] = {TENON_US(37), TENON_MS(3)};
    for (size_t run = 0; run < 2; run++) {
        start("xl430-w250", 3, 100, 10);
        tenon_sim_servo_set_load(
            &servo, &(struct tenon_sim_load){.gravity_nm = 0.4f, .inertia_kg_m2 = 0.004f});
        poke(116, 4, 3000);
        const tenon_ns_t until = now + TENON_MS(777);
        while (now < until) {
            now += strides[run] < until - now ? strides[run] : until - now;
            tenon_sim_bus_advance(&bus, now);
        }
        if (run == 0) {
            first = servo;
        }
    }
    assert_memory_equal(first.table, servo.table, sizeof servo.table);
    assert_memory_equal(&first.plant.angle_rad, &servo.plant.angle_rad, sizeof(double));
    assert_true(fabs(servo.plant.angle_rad) > 0.1);
}

static void the_realtime_tick_counts_milliseconds_and_wraps(void **state)
{
    (void)state;
    make("xm430-w350");
    run_ms(1234);
    assert_int_equal(1234, peek(120, 2));
    run_ms(32768);
    assert_int_equal(1234, peek(120, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trapezoid_keeps_its_three_times),
        cmocka_unit_test(moving_status_names_the_profile),
        cmocka_unit_test(a_move_in_a_given_time_takes_that_time),
        cmocka_unit_test(a_new_goal_in_mid_move_keeps_velocity_continuous),
        cmocka_unit_test(velocity_mode_ramps_with_the_profile_acceleration),
        cmocka_unit_test(a_load_of_30_percent_sags_without_integral_gain),
        cmocka_unit_test(integral_gain_takes_the_sag_away),
        cmocka_unit_test(the_integrator_does_not_wind_up_against_a_stop),
        cmocka_unit_test(no_load_speed_and_stall_are_those_of_the_data_sheet),
        cmocka_unit_test(a_horn_at_rest_sticks_until_friction_is_overcome),
        cmocka_unit_test(a_limp_horn_falls_with_its_load),
        cmocka_unit_test(current_mode_makes_the_current_asked_for),
        cmocka_unit_test(goal_current_caps_mode_5),
        cmocka_unit_test(pwm_limit_bounds_every_mode),
        cmocka_unit_test(position_wraps_only_where_it_should),
        cmocka_unit_test(reverse_mode_turns_every_sign),
        cmocka_unit_test(homing_offset_shifts_what_is_shown),
        cmocka_unit_test(a_change_of_mode_resets_gains_and_goals),
        cmocka_unit_test(a_goal_of_before_is_gone_to_when_torque_comes_on),
        cmocka_unit_test(a_stalled_servo_trips_on_overload),
        cmocka_unit_test(heat_builds_up_and_trips_at_the_limit),
        cmocka_unit_test(voltage_outside_its_limits_is_latched),
        cmocka_unit_test(the_supply_sags_under_load),
        cmocka_unit_test(the_bus_watchdog_stops_a_move_when_the_host_is_silent),
        cmocka_unit_test(the_bus_watchdog_waits_for_torque),
        cmocka_unit_test(the_bus_watchdog_stops_each_mode),
        cmocka_unit_test(how_often_time_is_told_does_not_matter),
        cmocka_unit_test(the_realtime_tick_counts_milliseconds_and_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
