/* The motor driver on the real bus driver and a simulated wire with one servo of each model. No
 * scheduler: the test does its part. */
#include "../tenon_test.h"

#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/sim.h"

#include <math.h>
#include <string.h>

#define SERVOS   3
#define BAUD     1000000
#define PERIOD   TENON_MS(4)
#define PATIENCE TENON_S(3)

enum step { PROBE, CONFIGURE, ACTIVATE, MAKE_SAFE };

static const char *const models[SERVOS] = {"xl330-m288", "xl430-w250", "xm430-w350"};

static struct tenon_sim_servo servos[SERVOS];
static struct tenon_sim_servo *servo_list[SERVOS];
static struct tenon_sim_bus sim;
static struct tenon_memory_line line;
static uint8_t bus_memory[TENON_DXL2_BUS_MEMORY(SERVOS)];
static struct tenon_dxl2_bus bus;
static struct tenon_wire wire;
static struct tenon_dxl2_motor motors[SERVOS];
static tenon_ns_t now;
static tenon_ns_t next_cycle;
static uint32_t cycle;

static bool can(size_t i, enum tenon_mode mode)
{
    return i != 1 || (mode != TENON_MODE_EFFORT && mode != TENON_MODE_EFFORT_POSITION);
}

static void make_wire(void)
{
    memset(&wire, 0, sizeof wire);
    struct tenon_line *l = tenon_memory_line_init(&line, BAUD);
    struct tenon_bus *b = tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory);
    assert_non_null(l);
    assert_non_null(b);
    wire.name = "sim";
    wire.line.module = &l->module;
    wire.bus.module = &b->module;
    b->wire = &wire;
    assert_int_equal(l->module.driver->lifecycle->probe(&l->module, now), TENON_OK);
    assert_int_equal(b->module.driver->lifecycle->probe(&b->module, now), TENON_OK);
    l->module.state = TENON_MODULE_READY;
    b->module.state = TENON_MODULE_READY;
}

static void make_motor(size_t i, enum tenon_mode mode)
{
    struct tenon_motor *m =
        tenon_dxl2_motor_init(&motors[i], &wire, (uint8_t)(i + 1), (uint8_t)mode);
    assert_non_null(m);
    assert_int_equal(m->module.driver->lifecycle->attach(&m->module), TENON_OK);
    m->module.state = TENON_MODULE_PROBING;
}

static void set_up(void)
{
    now = TENON_S(1);
    next_cycle = now;
    cycle = 0;
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(tenon_sim_servo_init(&servos[i], models[i], (uint8_t)(i + 1), BAUD),
                         TENON_OK);
        servo_list[i] = &servos[i];
    }
    tenon_sim_bus_init(&sim, servo_list, SERVOS);
    make_wire();
    tenon_sim_bus_serve(&sim, &line, now);
}

static void poll(void)
{
    tenon_ns_t deadline = TENON_NEVER;
    tenon_sim_bus_serve(&sim, &line, now);
    assert_int_equal(tenon_bus_get_api(&bus.base)->poll(&bus.base, &line.base, now, &deadline),
                     TENON_OK);
    tenon_sim_bus_serve(&sim, &line, now);
}

/* A quarter of a millisecond; every period a cycle, with the samples read and the goals kept. */
static void tick(void)
{
    now += TENON_US(250);
    poll();
    if (now >= next_cycle) {
        next_cycle += PERIOD;
        tenon_bus_get_api(&bus.base)->stage(&bus.base, cycle++, now);
        poll();
    }
}

static int call(size_t i, enum step step)
{
    struct tenon_module *m = &motors[i].base.module;
    const struct tenon_lifecycle_api *life = m->driver->lifecycle;
    switch (step) {
    case PROBE:
        return life->probe(m, now);
    case CONFIGURE:
        return life->configure(m, now);
    case ACTIVATE:
        return life->activate(m, now);
    case MAKE_SAFE:
        return life->make_safe(m, now);
    }
    return TENON_ERR_ARG;
}

static int run(size_t i, enum step step)
{
    const tenon_ns_t until = now + PATIENCE;
    motors[i].base.module.progress = 0;
    int rc = call(i, step);
    while (rc == TENON_ERR_AGAIN && now < until) {
        tick();
        rc = call(i, step);
    }
    return rc;
}

static int bring_up(size_t i)
{
    int rc = run(i, PROBE);
    if (rc == TENON_OK) {
        rc = run(i, CONFIGURE);
    }
    if (rc == TENON_OK) {
        motors[i].base.module.state = TENON_MODULE_READY;
    }
    return rc;
}

static void bring_active(size_t i)
{
    assert_int_equal(bring_up(i), TENON_OK);
    assert_int_equal(run(i, ACTIVATE), TENON_OK);
    motors[i].base.module.state = TENON_MODULE_ACTIVE;
}

/* Command every period for so long. @return What the last read that was not AGAIN said; the newest
 * sample in *out. */
static int drive(size_t i,
                 const struct tenon_motor_command *c,
                 tenon_ns_t duration,
                 struct tenon_motor_state *out)
{
    const struct tenon_motor_api *api = tenon_motor_get_api(&motors[i].base);
    const tenon_ns_t until = now + duration;
    int result = TENON_ERR_AGAIN;
    while (now < until) {
        if (now + TENON_US(250) >= next_cycle) {
            const int rc = api->read(&motors[i].base, now, out);
            if (rc != TENON_ERR_AGAIN) {
                result = rc;
            }
            if (rc == TENON_ERR_DEVICE) {
                return rc;
            }
            assert_int_equal(api->command(&motors[i].base, c), TENON_OK);
        }
        tick();
    }
    return result;
}

static void positions_are_reached(size_t i, enum tenon_mode mode)
{
    struct tenon_motor_state s = {0};
    const struct tenon_motor_command c = {
        .position_rad = tenon_sim_servo_angle_rad(&servos[i]) + 0.5, .mode = (uint8_t)mode};
    assert_int_equal(drive(i, &c, TENON_S(2), &s), TENON_OK);
    assert_true(fabs(s.position_rad - c.position_rad) < 0.05);
    assert_true(fabs(s.position_rad - tenon_sim_servo_angle_rad(&servos[i])) < 0.01);
}

static void velocities_are_kept(size_t i)
{
    struct tenon_motor_state s = {0};
    const struct tenon_motor_command c = {.velocity_rad_s = -2.0f, .mode = TENON_MODE_VELOCITY};
    assert_int_equal(drive(i, &c, TENON_S(2), &s), TENON_OK);
    assert_true(fabsf(s.velocity_rad_s + 2.0f) < 0.2f);
    assert_true(fabs((double)s.velocity_rad_s - tenon_sim_servo_velocity_rad_s(&servos[i])) < 0.1);
}

static void efforts_push(size_t i, enum tenon_mode mode, float effort)
{
    struct tenon_motor_state s = {0};
    const struct tenon_motor_command c = {.effort_nm = effort, .mode = (uint8_t)mode};
    assert_int_equal(drive(i, &c, TENON_MS(500), &s), TENON_OK);
    assert_true(s.velocity_rad_s * effort > 0.0f);
}

static void every_mode_of_every_model_drives_its_servo(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVOS; i++) {
        for (unsigned m = TENON_MODE_POSITION; m <= TENON_MODE_PWM; m++) {
            const enum tenon_mode mode = (enum tenon_mode)m;
            set_up();
            tenon_sim_servo_set_angle(&servos[i], -0.8);
            make_motor(i, mode);
            if (!can(i, mode)) {
                assert_int_equal(bring_up(i), TENON_ERR_UNSUPPORTED);
                continue;
            }
            bring_active(i);
            assert_int_equal(tenon_sim_servo_peek(&servos[i], 64, 1), 1);
            assert_true(fabs(tenon_sim_servo_angle_rad(&servos[i]) + 0.8) < 0.01);
            if (mode == TENON_MODE_VELOCITY) {
                velocities_are_kept(i);
            } else if (mode == TENON_MODE_EFFORT) {
                efforts_push(i, mode, -0.25f * motors[i].base.limits.effort_max_nm);
            } else if (mode == TENON_MODE_PWM) {
                efforts_push(i, mode, 0.3f);
            } else {
                positions_are_reached(i, mode);
            }
            assert_int_equal(run(i, MAKE_SAFE), TENON_OK);
            tick();
            assert_int_equal(tenon_sim_servo_peek(&servos[i], 64, 1), 0);
            assert_int_equal(motors[i].base.device->counters.error_count, 0);
        }
    }
}

static void effort_in_newton_metres_is_about_the_horns(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVOS; i++) {
        const float gravity = 0.3f * (float)(i == 0 ? 0.52 : i == 1 ? 1.5 : 4.1);
        const struct tenon_sim_load load = {.inertia_kg_m2 = 1e-3f, .gravity_nm = gravity};
        const struct tenon_motor_command c = {.mode = TENON_MODE_POSITION};
        struct tenon_motor_state s = {0};
        set_up();
        tenon_sim_servo_set_load(&servos[i], &load);
        make_motor(i, TENON_MODE_POSITION);
        bring_active(i);
        assert_int_equal(drive(i, &c, TENON_S(2), &s), TENON_OK);
        assert_true(fabsf(s.effort_nm - gravity) < 0.3f * gravity);
    }
}

static void three_models_share_a_wire(void **state)
{
    (void)state;
    struct tenon_motor_state s[SERVOS];
    set_up();
    for (size_t i = 0; i < SERVOS; i++) {
        tenon_sim_servo_set_angle(&servos[i], 0.1 * (double)(i + 1));
        make_motor(i, TENON_MODE_POSITION);
    }
    for (size_t i = 0; i < SERVOS; i++) {
        bring_active(i);
    }
    const struct tenon_motor_command c = {.position_rad = 0.4, .mode = TENON_MODE_POSITION};
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(drive(i, &c, TENON_S(1), &s[i]), TENON_OK);
    }
    for (size_t i = 0; i < SERVOS; i++) {
        assert_true(fabs(tenon_sim_servo_angle_rad(&servos[i]) - 0.4) < 0.05);
        assert_int_equal(motors[i].base.device->counters.missed_count, 0);
    }
}

static void a_second_host_takes_over_what_the_first_left_holding(void **state)
{
    (void)state;
    struct tenon_motor_state s = {0};
    const struct tenon_motor_command c = {.position_rad = 0.7, .mode = TENON_MODE_POSITION};
    set_up();
    make_motor(2, TENON_MODE_POSITION);
    bring_active(2);
    assert_int_equal(drive(2, &c, TENON_S(2), &s), TENON_OK);
    const double before = tenon_sim_servo_angle_rad(&servos[2]);
    make_wire();
    make_motor(2, TENON_MODE_POSITION);
    assert_int_equal(bring_up(2), TENON_OK);
    assert_true(motors[2].base.is_holding);
    assert_int_equal(run(2, ACTIVATE), TENON_OK);
    assert_int_equal(tenon_sim_servo_peek(&servos[2], 64, 1), 1);
    assert_true(fabs(tenon_sim_servo_angle_rad(&servos[2]) - before) < 0.005);
}

/* The host is gone for a second in mid-move: the servo stops by itself, and does not finish the
 * move when it is back. */
static void a_silent_hosts_move_is_not_finished_later(void **state)
{
    (void)state;
    struct tenon_motor_state s = {0};
    const struct tenon_motor_command c = {.velocity_rad_s = 1.0f, .mode = TENON_MODE_VELOCITY};
    set_up();
    make_motor(2, TENON_MODE_VELOCITY);
    bring_active(2);
    assert_int_equal(drive(2, &c, TENON_S(1), &s), TENON_OK);
    now += TENON_S(1);
    tenon_sim_bus_advance(&sim, now);
    next_cycle = now;
    assert_int_equal(tenon_sim_servo_peek(&servos[2], 98, 1) & 0xFF, 0xFF);
    const double stopped = tenon_sim_servo_angle_rad(&servos[2]);
    motors[2].base.module.state = TENON_MODULE_RECOVERING;
    motors[2].base.module.fault_count++;
    assert_int_equal(bring_up(2), TENON_OK);
    assert_int_equal(tenon_sim_servo_peek(&servos[2], 98, 1), 10);
    assert_int_equal(tenon_sim_servo_peek(&servos[2], 104, 4), 0);
    assert_true(fabs(tenon_sim_servo_angle_rad(&servos[2]) - stopped) < 0.02);
}

static void an_overload_is_told_and_healed_by_a_reboot(void **state)
{
    (void)state;
    const struct tenon_sim_faults overload = {.hardware_error = 0x20};
    const struct tenon_motor_command c = {.mode = TENON_MODE_POSITION};
    struct tenon_motor_state s = {0};
    set_up();
    make_motor(2, TENON_MODE_POSITION);
    bring_active(2);
    tenon_sim_servo_set_faults(&servos[2], &overload);
    assert_int_equal(drive(2, &c, TENON_MS(100), &s), TENON_ERR_DEVICE);
    assert_string_equal(motors[2].base.module.diag.detail, "overload");
    assert_int_equal(run(2, MAKE_SAFE), TENON_OK);
    motors[2].base.module.state = TENON_MODULE_RECOVERING;
    motors[2].base.module.fault_count++;
    assert_int_equal(bring_up(2), TENON_OK);
    assert_int_equal(motors[2].reboot_count, 1);
    assert_int_equal(tenon_sim_servo_peek(&servos[2], 70, 1), 0);
    assert_int_equal(tenon_sim_servo_peek(&servos[2], 64, 1), 0);
    bring_active(2);
}

/* As the core, it pauses after a failure: a servo that heard a wrong length waits for the rest of
 * the packet until the wire has been quiet for 1.5 ms. */
static void it_comes_up_on_a_noisy_wire_and_never_jumps(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        set_up();
        sim.noise_ppm = 3000;
        sim.seed = seed;
        tenon_sim_servo_set_angle(&servos[0], 0.9);
        make_motor(0, TENON_MODE_POSITION);
        int rc = TENON_ERR_AGAIN;
        for (unsigned attempt = 0; attempt < 10 && rc != TENON_OK; attempt++) {
            rc = bring_up(0);
            if (rc == TENON_OK) {
                rc = run(0, ACTIVATE);
            }
            failures += rc != TENON_OK;
            for (unsigned i = 0; i < 80 && rc != TENON_OK; i++) {
                tick();
            }
            motors[0].base.module.state = TENON_MODULE_RECOVERING;
        }
        assert_int_equal(rc, TENON_OK);
        assert_true(fabs(tenon_sim_servo_angle_rad(&servos[0]) - 0.9) < 0.02);
    }
    assert_true(bus.base.counters.crc_error_count > 0);
    assert_true(failures < 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mode_of_every_model_drives_its_servo),
        cmocka_unit_test(effort_in_newton_metres_is_about_the_horns),
        cmocka_unit_test(three_models_share_a_wire),
        cmocka_unit_test(a_second_host_takes_over_what_the_first_left_holding),
        cmocka_unit_test(a_silent_hosts_move_is_not_finished_later),
        cmocka_unit_test(an_overload_is_told_and_healed_by_a_reboot),
        cmocka_unit_test(it_comes_up_on_a_noisy_wire_and_never_jumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
