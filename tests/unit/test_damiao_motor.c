#include "tenon/drivers/damiao_motor.h"

#include "../fakes/fake_mit.h"
#include "../tenon_test.h"
#include "tenon/drivers/mit_bus.h"

#include <math.h>
#include <string.h>

#define NODE    1
#define MASTER  0x11
#define STEP_MS 1000

enum { RID_TIMEOUT = 9, RID_MODE = 10, RID_P_MAX = 21 };

struct rig {
    struct tenon_wire wire;
    struct fake_can_line line;
    struct tenon_mit_bus bus;
    uint8_t memory[TENON_MIT_BUS_MEMORY(4)];
    struct fake_mit_world far;
    struct fake_mit *fake;
    struct tenon_damiao_motor motor;
    struct tenon_module *module;
    const struct tenon_lifecycle_api *life;
    const struct tenon_motor_api *api;
    tenon_ns_t now;
    uint32_t cycle;
    bool reads; /* as the core does, in every cycle */
    int read_rc;
    struct tenon_motor_state state;
};

static struct rig rig; /* too big for a stack */

static const struct tenon_damiao_motor_config plain = {.id = NODE};

static struct rig *make(const struct tenon_damiao_motor_config *config)
{
    memset(&rig, 0, sizeof rig);
    struct tenon_line *line = fake_can_line_init(&rig.line, 1000000);
    struct tenon_bus *bus = tenon_mit_bus_init(&rig.bus, rig.memory, sizeof rig.memory);
    line->module.state = TENON_MODULE_READY;
    bus->module.state = TENON_MODULE_READY;
    rig.wire.line.module = &line->module;
    rig.wire.bus.module = &bus->module;
    bus->wire = &rig.wire;
    fake_mit_world_init(&rig.far, &rig.line);
    rig.fake = fake_mit_add(&rig.far, NODE, MASTER);
    struct tenon_motor *motor = tenon_damiao_motor_init_config(&rig.motor, &rig.wire, config);
    assert_ptr_equal(motor, &rig.motor.base);
    rig.module = &motor->module;
    rig.life = rig.module->driver->lifecycle;
    rig.api = tenon_motor_get_api(motor);
    return &rig;
}

static struct rig *make_attached(const struct tenon_damiao_motor_config *config)
{
    struct rig *r = make(config);
    assert_int_equal(r->life->attach(r->module), TENON_OK);
    r->module->state = TENON_MODULE_PROBING;
    return r;
}

/* A millisecond; a cycle every four. A line that fails is down from then on. */
static void tick(struct rig *r)
{
    const struct tenon_bus_api *api = tenon_bus_get_api(&r->bus.base);
    for (unsigned i = 0; i < 10; i++) {
        tenon_ns_t deadline = TENON_NEVER;
        r->now += TENON_US(100);
        fake_mit_advance(&r->far, r->now);
        const bool is_up = r->line.base.module.state == TENON_MODULE_READY;
        const int rc = api->poll(&r->bus.base, is_up ? &r->line.base : NULL, r->now, &deadline);
        if (rc < 0) {
            r->line.base.module.state = TENON_MODULE_FAULT;
        }
    }
    if (r->now % TENON_MS(4) == 0) {
        if (r->reads) {
            r->read_rc = r->api->read(&r->motor.base, r->now, &r->state);
        }
        api->stage(&r->bus.base, r->cycle++, r->now);
    }
}

static void wait(struct rig *r, unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        tick(r);
    }
}

static int run(struct rig *r, int (*step)(struct tenon_module *, tenon_ns_t))
{
    r->module->progress = 0;
    for (unsigned i = 0; i < STEP_MS; i++) {
        const int rc = step(r->module, r->now);
        if (rc != TENON_ERR_AGAIN) {
            return rc;
        }
        tick(r);
    }
    return TENON_ERR_AGAIN;
}

static int configure(struct rig *r)
{
    const int rc = run(r, r->life->probe);
    return rc != TENON_OK ? rc : run(r, r->life->configure);
}

static void bring_ready(struct rig *r)
{
    assert_int_equal(configure(r), TENON_OK);
    r->module->state = TENON_MODULE_READY;
    r->reads = true;
    wait(r, 12);
}

static void bring_active(struct rig *r)
{
    bring_ready(r);
    assert_int_equal(run(r, r->life->activate), TENON_OK);
    r->module->state = TENON_MODULE_ACTIVE;
}

static void assert_refused(const struct rig *r, int code, int cause)
{
    assert_int_equal(r->module->diag.code, code);
    assert_int_equal(r->module->diag.cause, cause);
}

/* ---- Settings ---- */

static void settings_that_cannot_work_are_refused(void **state)
{
    static const struct {
        struct tenon_damiao_motor_config config;
        int code;
        const char *detail;
    } bad[] = {
        {{.id = 1, .mode = TENON_MODE_PWM}, TENON_ERR_UNSUPPORTED, NULL},
        {{.id = 1, .mode = TENON_MODE_EXTENDED_POSITION}, TENON_ERR_UNSUPPORTED, NULL},
        {{.id = 1, .mode = TENON_MODE_EFFORT_POSITION}, TENON_ERR_UNSUPPORTED, NULL},
        {{.id = 1, .mode = 77}, TENON_ERR_UNSUPPORTED, NULL},
        {{.id = 1, .watchdog_ms = 9}, TENON_ERR_ARG, "watchdog_ms"},
        {{.id = 1, .kp = -1.0f}, TENON_ERR_ARG, "kp"},
        {{.id = 1, .kp = 501.0f}, TENON_ERR_ARG, "kp"},
        {{.id = 1, .kp = NAN}, TENON_ERR_ARG, "kp"},
        {{.id = 1, .kd = 5.1f}, TENON_ERR_ARG, "kd"},
        {{.id = 1, .kd = -0.1f}, TENON_ERR_ARG, "kd"},
        {{.id = 1, .kd = NAN}, TENON_ERR_ARG, "kd"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct rig *r = make(&bad[i].config);
        assert_int_equal(r->life->attach(r->module), bad[i].code);
        assert_int_equal(r->module->diag.code, bad[i].code);
        assert_true((bad[i].detail == NULL) == (r->module->diag.detail == NULL));
        assert_true(bad[i].detail == NULL || strcmp(bad[i].detail, r->module->diag.detail) == 0);
    }
    struct rig *r = make(&plain);
    assert_null(tenon_damiao_motor_init_config(NULL, &r->wire, &plain));
    assert_null(tenon_damiao_motor_init_config(&r->motor, NULL, &plain));
    assert_null(tenon_damiao_motor_init_config(&r->motor, &r->wire, NULL));
    assert_null(tenon_damiao_motor_init_sized(&r->motor, 1, &r->wire, &plain));
    r->wire.bus.module = NULL;
    assert_int_equal(r->life->attach(r->module), TENON_ERR_STATE);
}

/* ---- Probe ---- */

static void the_identifier_of_its_answers_is_asked_of_the_motor(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    assert_int_equal(run(r, r->life->probe), TENON_OK);
    assert_int_equal(r->motor.in_field.address, MIT_FEEDBACK + MASTER);
    r->fake->master_id = 0x345; /* set up anew, and found again */
    fake_mit_set(r->fake, 7, 0x345);
    assert_int_equal(configure(r), TENON_OK);
    assert_int_equal(r->motor.in_field.address, MIT_FEEDBACK + 0x345);
}

static void answers_that_would_be_commands_are_told(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    r->fake->master_id = NODE;
    fake_mit_set(r->fake, 7, NODE);
    assert_int_equal(run(r, r->life->probe), TENON_ERR_ARG);
    assert_refused(r, TENON_ERR_ARG, TENON_CAUSE_FIELDS);
    assert_string_equal(r->module->diag.detail, "its answers have the identifier of commands");
}

static void two_motors_with_one_number_are_told(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    (void)fake_mit_add(&r->far, NODE, MASTER);
    assert_int_equal(run(r, r->life->probe), TENON_ERR_PROTO);
    assert_refused(r, TENON_ERR_PROTO, TENON_CAUSE_GARBLED_REPLY);
}

static void a_motor_that_is_not_there_is_told(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    r->fake->is_silent = true;
    assert_int_equal(run(r, r->life->probe), TENON_ERR_TIMEOUT);
    assert_refused(r, TENON_ERR_TIMEOUT, TENON_CAUSE_NO_REPLY);
    assert_int_equal((int)r->module->diag.value, NODE);
    assert_int_equal((int)r->module->diag.bound, 1000000);
}

/* ---- Configure ---- */

static void only_what_differs_is_written(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    bring_ready(r);
    assert_int_equal(r->fake->write_count, 1);
    assert_int_equal(fake_mit_get(r->fake, RID_TIMEOUT), 200 * 20); /* 200 ms, of 50 us */
    assert_int_equal(configure(r), TENON_OK);
    assert_int_equal(r->fake->write_count, 1);
    fake_mit_set(r->fake, RID_MODE, 2);
    assert_int_equal(configure(r), TENON_OK);
    assert_int_equal(r->fake->write_count, 2);
    assert_int_equal(fake_mit_get(r->fake, RID_MODE), 1);
    const struct tenon_damiao_motor_config config = {.id = NODE, .no_watchdog = true};
    r = make_attached(&config);
    fake_mit_set(r->fake, RID_TIMEOUT, 123);
    bring_ready(r);
    assert_int_equal(r->fake->write_count, 0);
}

static void a_register_that_does_not_take_its_value_is_told(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    r->fake->ignores_writes = true;
    assert_int_equal(configure(r), TENON_ERR_DEVICE);
    assert_refused(r, TENON_ERR_DEVICE, TENON_CAUSE_READBACK);
    assert_int_equal((int)r->module->diag.value, RID_TIMEOUT);
}

static void ranges_are_those_of_the_motor(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    r->fake->ranges = (struct mit_ranges){3.14f, 45.0f, 54.0f};
    fake_mit_set_float(r->fake, RID_P_MAX, 3.14f);
    fake_mit_set_float(r->fake, RID_P_MAX + 1, 45.0f);
    fake_mit_set_float(r->fake, RID_P_MAX + 2, 54.0f);
    r->fake->position_rad = 2.5;
    bring_ready(r);
    const struct tenon_motor_limits *l = &r->motor.base.limits;
    assert_true(fabs(l->position_max_rad - 0.98 * 3.14) < 1e-6);
    assert_true(fabs(l->position_min_rad + 0.98 * 3.14) < 1e-6);
    assert_true(fabsf(l->velocity_max_rad_s - 45.0f) < 1e-6f);
    assert_true(fabsf(l->effort_max_nm - 54.0f) < 1e-6f);
    assert_int_equal(r->read_rc, TENON_OK);
    assert_true(fabs(r->state.position_rad - 2.5) < 2e-4);
}

static void ranges_that_are_none_are_told(void **state)
{
    static const float bad[] = {0.0f, -1.0f, NAN, INFINITY};
    (void)state;
    for (uint8_t k = 0; k < 12; k++) {
        struct rig *r = make_attached(&plain);
        fake_mit_set_float(r->fake, (uint8_t)(RID_P_MAX + k / 4), bad[k % 4]);
        assert_int_equal(configure(r), TENON_ERR_DEVICE);
        assert_refused(r, TENON_ERR_DEVICE, TENON_CAUSE_READBACK);
        assert_int_equal((int)r->module->diag.value, RID_P_MAX + k / 4);
    }
}

static void torque_is_not_dropped_for_a_setting_unless_allowed(void **state)
{
    const struct tenon_damiao_motor_config allowed = {.id = NODE, .allow_torque_off = true};
    struct rig *r = make_attached(&plain);
    (void)state;
    fake_mit_set(r->fake, RID_MODE, 2);
    r->fake->status = MIT_ENABLED;
    assert_int_equal(configure(r), TENON_ERR_STATE);
    assert_refused(r, TENON_ERR_STATE, TENON_CAUSE_TORQUE_HELD);
    assert_int_equal((int)r->module->diag.value, RID_MODE);
    assert_int_equal(r->fake->status, MIT_ENABLED);
    assert_int_equal(r->fake->write_count, 0);
    r = make_attached(&allowed);
    fake_mit_set(r->fake, RID_MODE, 2);
    r->fake->status = MIT_ENABLED;
    assert_int_equal(configure(r), TENON_OK);
    assert_int_equal(r->fake->status, MIT_DISABLED);
    assert_int_equal(fake_mit_get(r->fake, RID_MODE), 1);
    assert_false(r->motor.base.is_holding);
}

static void errors_are_cleared_only_on_the_way_back_from_a_fault(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    r->fake->status = MIT_OVERLOAD;
    assert_int_equal(configure(r), TENON_ERR_DEVICE);
    assert_refused(r, TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_FAULT);
    assert_string_equal(r->module->diag.detail, "overload");
    assert_int_equal(r->fake->clear_count, 0);
    r->module->state = TENON_MODULE_RECOVERING;
    assert_int_equal(configure(r), TENON_OK);
    assert_int_equal(r->fake->clear_count, 1);
    assert_int_equal(r->motor.clear_count, 1);
    r->fake->status = MIT_COIL_HOT;
    r->fake->error_on_clear = MIT_COIL_HOT; /* it is still hot */
    assert_int_equal(configure(r), TENON_ERR_DEVICE);
    assert_int_equal(r->fake->clear_count, 2);
    assert_string_equal(r->module->diag.detail, "coil overheated");
    r = make_attached(&plain);
    r->fake->status = MIT_SILENCE; /* that the host was away is no error to stop for */
    assert_int_equal(configure(r), TENON_OK);
    assert_int_equal(r->fake->clear_count, 1);
}

/* ---- Torque ---- */

static void torque_comes_on_without_a_jump(void **state)
{
    static const uint8_t modes[] = {TENON_MODE_POSITION, TENON_MODE_VELOCITY, TENON_MODE_EFFORT};
    (void)state;
    for (size_t k = 0; k < 6; k++) {
        const size_t i = k / 2;
        const struct tenon_damiao_motor_config config = {
            .id = NODE, .mode = modes[i], .kp = 200.0f};
        struct rig *r = make_attached(&config);
        r->fake->keeps_command = k % 2 == 1; /* what a host long gone has left */
        r->fake->command = (struct mit_command){5.0, 10.0f, 100.0f, 1.0f, 3.0f};
        r->fake->position_rad = -7.3;
        bring_active(r);
        assert_int_equal(r->fake->status, MIT_ENABLED);
        assert_int_equal(r->fake->enable_count, 1);
        wait(r, 400); /* twice the watchdog, without a command */
        assert_int_equal(r->fake->status, MIT_ENABLED);
        assert_true(r->fake->jump_nm < 200.0 * 25.0 / 65535.0 + 60.0 / 4095.0 + 20.0 / 4095.0);
        assert_true(fabs(r->fake->position_rad + 7.3) < 0.05);
        assert_int_equal(r->motor.base.has_command, modes[i] == TENON_MODE_POSITION);
        assert_true(!r->motor.base.has_command ||
                    fabs(r->motor.base.command.position_rad + 7.3) < 1e-3);
    }
}

static void a_limp_joint_is_followed_until_it_stands(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    bring_ready(r);
    r->fake->velocity_rad_s = 3.0; /* and runs down */
    assert_int_equal(run(r, r->life->activate), TENON_OK);
    assert_true(fabs(r->fake->velocity_rad_s) < 0.5);
    assert_true(fabs(r->motor.hold_rad - r->fake->position_rad) < 0.05);
    assert_int_equal(r->fake->status, MIT_ENABLED);
}

static void a_motor_that_holds_is_taken_over_as_it_is(void **state)
{
    const struct tenon_damiao_motor_config config = {.id = NODE, .kp = 50.0f, .watchdog_ms = 100};
    struct rig *r = make_attached(&config);
    (void)state;
    r->fake->status = MIT_ENABLED; /* by another host, which has gone */
    r->fake->load_nm = -4.0;
    r->fake->command = (struct mit_command){.p_rad = 2.0, .kp = 120.0f, .kd = 3.0f};
    r->fake->position_rad = 2.0 - 4.0 / 120.0;
    wait(r, 500);
    const double before = r->fake->position_rad;
    bring_ready(r);
    assert_true(r->motor.base.is_holding);
    wait(r, 500); /* READY, five times the watchdog */
    assert_int_equal(r->fake->status, MIT_ENABLED);
    assert_int_equal(run(r, r->life->activate), TENON_OK);
    r->module->state = TENON_MODULE_ACTIVE;
    wait(r, 500);
    assert_int_equal(r->fake->status, MIT_ENABLED);
    assert_int_equal(r->fake->enable_count + r->fake->disable_count, 0);
    assert_true(fabs(r->fake->position_rad - before) < 1e-3);
    assert_true(r->fake->jump_nm < 0.05);
    assert_true(r->motor.base.has_command);
    const double goal = before + 4.0 / 50.0; /* where our gains make the torque that holds it */
    assert_true(fabs(r->motor.base.command.position_rad - goal) < 2e-3);
}

static void a_motor_that_cannot_be_enabled_is_told(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    bring_ready(r);
    r->fake->ignores_enable = true;
    assert_int_equal(run(r, r->life->activate), TENON_ERR_DEVICE);
    assert_refused(r, TENON_ERR_DEVICE, TENON_CAUSE_READBACK);
    assert_int_equal((int)r->module->diag.value, MIT_ENABLE);
    r->fake->status = MIT_OVER_CURRENT;
    assert_int_equal(run(r, r->life->activate), TENON_ERR_DEVICE);
    assert_string_equal(r->module->diag.detail, "over-current");
}

static void a_motor_that_fell_asleep_is_woken(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    bring_ready(r);
    r->fake->status = MIT_SILENCE; /* questions may not count as being spoken to */
    wait(r, 12);
    assert_int_equal(r->read_rc, TENON_OK);
    assert_int_equal(run(r, r->life->activate), TENON_OK);
    assert_int_equal(r->fake->status, MIT_ENABLED);
}

/* Without power it forgets what was never saved; that it was away for a moment is not always seen.
 */
static void torque_comes_on_only_with_watchdog_and_mode_in_force(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    bring_ready(r);
    assert_int_equal(configure(r), TENON_OK);
    assert_int_equal(r->motor.base.is_unhomed, 0);
    fake_mit_set(r->fake, RID_TIMEOUT, 0);
    fake_mit_set(r->fake, RID_MODE, 2);
    r->motor.turns = 1; /* of a count that is over */
    assert_int_equal(run(r, r->life->activate), TENON_OK);
    assert_int_equal(fake_mit_get(r->fake, RID_TIMEOUT), 4000);
    assert_int_equal(fake_mit_get(r->fake, RID_MODE), 1);
    assert_int_equal(r->fake->status, MIT_ENABLED);
    assert_int_equal(r->motor.base.is_unhomed, 1);
    assert_int_equal(r->motor.turns, 0);
}

static void torque_off_is_only_believed_when_seen(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    bring_active(r);
    r->fake->ignores_disable = true;
    assert_int_equal(run(r, r->life->make_safe), TENON_ERR_DEVICE);
    assert_refused(r, TENON_ERR_DEVICE, TENON_CAUSE_READBACK);
    assert_int_equal(r->fake->disable_count, 3);
    r->fake->ignores_disable = false;
    assert_int_equal(run(r, r->life->make_safe), TENON_OK);
    assert_int_equal(r->fake->status, MIT_DISABLED);
    wait(r, 20); /* that it is off now is what was wanted */
    assert_int_equal(r->read_rc, TENON_OK);
}

static void a_stop_that_was_given_up_does_not_stand_for_the_next(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    bring_ready(r);
    assert_int_equal(r->life->make_safe(r->module, r->now), TENON_ERR_AGAIN);
    wait(r, 4); /* it is done, and nobody asks */
    assert_int_equal(run(r, r->life->activate), TENON_OK);
    r->module->state = TENON_MODULE_ACTIVE;
    wait(r, 20);
    assert_int_equal(r->fake->status, MIT_ENABLED);
    assert_int_equal(run(r, r->life->make_safe), TENON_OK);
    assert_int_equal(r->fake->status, MIT_DISABLED);
}

/* What led to the stop is not hidden by that the stop failed. */
static void why_it_was_stopped_stays_told(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    bring_active(r);
    r->fake->status = MIT_OVER_VOLTAGE;
    wait(r, 12);
    assert_int_equal(r->read_rc, TENON_ERR_DEVICE);
    r->fake->is_silent = true;
    assert_int_equal(run(r, r->life->make_safe), TENON_ERR_TIMEOUT);
    assert_string_equal(r->module->diag.detail, "over-voltage");
}

/* ---- Samples ---- */

static void every_error_is_told_in_words(void **state)
{
    static const char *const words[16] = {
        [0x0] = "torque went off by itself",
        [0x2] = "error of the motor",
        [0x3] = "error of the motor",
        [0x4] = "error of the motor",
        [0x5] = "error of the motor",
        [0x6] = "error of the motor",
        [0x7] = "error of the motor",
        [0x8] = "over-voltage",
        [0x9] = "under-voltage",
        [0xA] = "over-current",
        [0xB] = "power stage overheated",
        [0xC] = "coil overheated",
        [0xD] = "stopped, the host was silent for too long",
        [0xE] = "overload",
        [0xF] = "error of the motor",
    };
    (void)state;
    for (uint8_t status = 0; status < 16; status++) {
        struct rig *r = make_attached(&plain);
        bring_active(r);
        r->fake->status = status;
        wait(r, 12);
        if (words[status] == NULL) {
            assert_int_equal(r->read_rc, TENON_OK);
            continue;
        }
        assert_int_equal(r->read_rc, TENON_ERR_DEVICE);
        assert_refused(r, TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_FAULT);
        assert_string_equal(r->module->diag.detail, words[status]);
        assert_int_equal((int)r->module->diag.value, status);
        assert_int_equal(r->motor.health.error, status);
    }
}

static void samples_are_in_si_units_with_temperatures(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    bring_ready(r);
    r->fake->has_raw = true; /* of the fact sheet's vector */
    memcpy(r->fake->raw, "\x8A\x3C\x81\x07\xF5\x1E\x20", 7);
    wait(r, 12);
    assert_true(fabs(r->state.position_rad - 0.999657) < 1e-6);
    assert_true(fabsf(r->state.velocity_rad_s - 0.241758f) < 1e-6f);
    assert_true(fabsf(r->state.effort_nm + 0.051282f) < 1e-6f);
    assert_true(fabsf(r->motor.health.driver_c - 30.0f) < 1e-6f);
    assert_true(fabsf(r->motor.health.rotor_c - 32.0f) < 1e-6f);
    assert_true(r->state.stamp_ns > r->now - TENON_MS(8) && r->state.stamp_ns <= r->now);
}

static void the_end_of_the_range_is_not_passed_over(void **state)
{
    struct rig *r = make_attached(&plain);
    (void)state;
    r->fake->position_rad = 12.4;
    bring_ready(r);
    r->fake->position_rad = 12.7; /* by hand: it says -12.3 */
    wait(r, 12);
    assert_true(fabs(r->state.position_rad - 12.7) < 1e-3);
    assert_int_equal(r->motor.turns, 1);
    assert_int_equal(run(r, r->life->activate), TENON_ERR_STATE);
    assert_refused(r, TENON_ERR_STATE, TENON_CAUSE_GOAL_OUTSIDE_LIMITS);
    assert_true(fabsf(r->module->diag.value - 12.7f) < 1e-3f);
    assert_int_equal(r->fake->enable_count, 0);
    assert_int_equal(configure(r), TENON_OK); /* the bus was away: that does not turn it back */
    wait(r, 12);
    assert_int_equal(run(r, r->life->activate), TENON_ERR_STATE);
    r->fake->position_rad = 12.3;
    wait(r, 12);
    assert_int_equal(r->motor.turns, 0);
    assert_int_equal(run(r, r->life->activate), TENON_OK);
    r->module->state = TENON_MODULE_ACTIVE;
    wait(r, 12);
    r->fake->load_nm = 30.0; /* pushed over it under torque: what its loop does then, who knows */
    wait(r, 60);
    assert_int_equal(r->read_rc, TENON_ERR_DEVICE);
    assert_refused(r, TENON_ERR_DEVICE, TENON_CAUSE_GOAL_OUTSIDE_LIMITS);
}

static void speed_goes_on_across_the_end_of_the_range(void **state)
{
    const struct tenon_damiao_motor_config config = {.id = NODE, .mode = TENON_MODE_VELOCITY};
    const struct tenon_motor_command fast = {.velocity_rad_s = -25.0f, .mode = TENON_MODE_VELOCITY};
    struct rig *r = make_attached(&config);
    (void)state;
    bring_active(r);
    double last = r->state.position_rad;
    for (unsigned i = 0; i < 2500; i++) {
        assert_int_equal(r->api->command(&r->motor.base, &fast), TENON_OK);
        wait(r, 4);
        assert_int_equal(r->read_rc, TENON_OK);
        assert_true(last - r->state.position_rad > -0.01 && last - r->state.position_rad < 0.15);
        last = r->state.position_rad;
    }
    assert_true(last < -200.0);
    assert_true(fabs(last - r->fake->position_rad) < 0.2);
    assert_true(r->motor.turns < -7);
}

/* ---- Commands ---- */

static void assert_commanded(const struct rig *r, const char *bytes)
{
    assert_memory_equal(r->fake->command_bytes, bytes, 8);
}

static void commands_carry_what_their_mode_says(void **state)
{
    struct tenon_motor_command c = {.position_rad = 1.0, .mode = TENON_MODE_POSITION};
    const struct tenon_damiao_motor_config position = {
        .id = NODE, .mode = TENON_MODE_POSITION, .kp = 10.0f, .kd = 0.5f};
    const struct tenon_damiao_motor_config velocity = {
        .id = NODE, .mode = TENON_MODE_VELOCITY, .kd = 1.0f};
    const struct tenon_damiao_motor_config effort = {.id = NODE, .mode = TENON_MODE_EFFORT};
    (void)state;
    struct rig *r = make_attached(&position);
    bring_active(r);
    c.effort_nm = 5.0f; /* does not count */
    assert_int_equal(r->api->command(&r->motor.base, &c), TENON_OK);
    wait(r, 8);
    assert_commanded(r, "\x8A\x3C\x7F\xF0\x51\x19\x97\xFF");
    c = (struct tenon_motor_command){.velocity_rad_s = 2.5f, .mode = TENON_MODE_VELOCITY};
    r = make_attached(&velocity);
    bring_active(r);
    assert_int_equal(r->api->command(&r->motor.base, &c), TENON_OK);
    wait(r, 8);
    assert_memory_equal(r->fake->command_bytes + 2, "\x8A\xA0\x00\x33\x37\xFF", 6);
    c = (struct tenon_motor_command){.effort_nm = -1.5f, .mode = TENON_MODE_EFFORT};
    r = make_attached(&effort);
    bring_active(r);
    assert_int_equal(r->api->command(&r->motor.base, &c), TENON_OK);
    wait(r, 8);
    assert_memory_equal(r->fake->command_bytes + 2, "\x7F\xF0\x00\x00\x06\xCC", 6);
}

static void what_is_no_number_is_refused(void **state)
{
    static const uint8_t modes[] = {TENON_MODE_POSITION, TENON_MODE_VELOCITY, TENON_MODE_EFFORT};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct tenon_damiao_motor_config config = {.id = NODE, .mode = modes[i]};
        struct rig *r = make_attached(&config);
        bring_active(r);
        r->reads = false;
        wait(r, 8);
        const uint32_t before = r->fake->command_count;
        struct tenon_motor_command c = {(double)NAN, NAN, NAN, modes[i]};
        assert_int_equal(r->api->command(&r->motor.base, &c), TENON_ERR_ARG);
        c = (struct tenon_motor_command){(double)INFINITY, 0.0f, 0.0f, modes[(i + 1) % 3]};
        assert_int_equal(r->api->command(&r->motor.base, &c), TENON_ERR_ARG);
        wait(r, 8);
        assert_int_equal(r->fake->command_count, before);
    }
}

/* ---- What can go wrong ---- */

/* Whichever answer of the way up is lost, doubled or late: it comes up all the same. */
static void any_answer_may_go_wrong_on_the_way_up(void **state)
{
    static const enum fake_can_fault faults[] = {FAKE_CAN_DROP, FAKE_CAN_DUPLICATE,
                                                 FAKE_CAN_GARBAGE, FAKE_CAN_DELAY};
    (void)state;
    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
        for (uint32_t at = 0; at < 30; at++) {
            struct rig *r = make_attached(&plain);
            r->line.fault = faults[f];
            r->line.fault_at = at;
            r->line.fault_delay_ns = TENON_MS(2);
            r->fake->position_rad = 3.0;
            bring_active(r);
            wait(r, 120);
            assert_int_equal(r->read_rc, TENON_OK);
            assert_true(fabs(r->fake->position_rad - 3.0) < 0.01);
            assert_true(r->fake->jump_nm < 0.2);
            assert_int_equal(run(r, r->life->make_safe), TENON_OK);
            assert_int_equal(r->fake->status, MIT_DISABLED);
        }
    }
}

/* Bus-off at every k-th call to the line: told, and up again when the line is back. */
static void a_line_that_fails_at_any_call_is_told_and_comes_back(void **state)
{
    (void)state;
    for (uint32_t k = 1; k <= 400; k += k < 60 ? 1 : 17) {
        struct rig *r = make_attached(&plain);
        r->line.fail_at = k;
        r->reads = true;
        int rc = configure(r);
        if (rc == TENON_OK) {
            r->module->state = TENON_MODULE_READY;
            rc = run(r, r->life->activate);
        }
        if (rc == TENON_OK) {
            r->module->state = TENON_MODULE_ACTIVE;
            wait(r, 40);
        } else if (rc != TENON_ERR_AGAIN) { /* else the core ends the step */
            assert_refused(r, TENON_ERR_IO, TENON_CAUSE_WIRE_DOWN);
        }
        assert_int_equal(r->line.base.module.state, TENON_MODULE_FAULT);
        assert_int_equal(run(r, r->life->make_safe), TENON_ERR_IO);
        r->line.base.module.state = TENON_MODULE_READY;
        assert_int_equal(run(r, r->life->make_safe), TENON_OK);
        assert_true(r->fake->status != MIT_ENABLED);
        r->life->release(r->module);
        r->module->state = TENON_MODULE_RECOVERING;
        bring_active(r);
        assert_int_equal(r->fake->status, MIT_ENABLED);
    }
}

static void its_neighbours_go_on_while_it_is_away(void **state)
{
    struct rig *r = make_attached(&plain);
    struct tenon_damiao_motor other;
    struct tenon_motor_state sample;
    (void)state;
    struct fake_mit *fake = fake_mit_add(&r->far, 2, 0x12);
    struct tenon_motor *motor = tenon_damiao_motor_init(&other, &r->wire, 2, TENON_MODE_POSITION);
    bring_active(r);
    const struct tenon_lifecycle_api *life = motor->module.driver->lifecycle;
    assert_int_equal(life->attach(&motor->module), TENON_OK);
    struct tenon_module *first = r->module;
    r->module = &motor->module;
    r->module->state = TENON_MODULE_PROBING;
    assert_int_equal(configure(r), TENON_OK);
    motor->module.state = TENON_MODULE_READY;
    r->fake->is_silent = true;
    r->module = first;
    wait(r, 12);
    for (unsigned i = 0; i < 50; i++) {
        wait(r, 4);
        assert_int_equal(r->api->read(motor, r->now, &sample), TENON_OK);
        assert_int_equal(r->read_rc, i < 1 ? r->read_rc : TENON_ERR_AGAIN);
    }
    assert_int_equal(fake->status, MIT_DISABLED);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_that_cannot_work_are_refused),
        TEST(the_identifier_of_its_answers_is_asked_of_the_motor),
        TEST(answers_that_would_be_commands_are_told),
        TEST(two_motors_with_one_number_are_told),
        TEST(a_motor_that_is_not_there_is_told),
        TEST(only_what_differs_is_written),
        TEST(a_register_that_does_not_take_its_value_is_told),
        TEST(ranges_are_those_of_the_motor),
        TEST(ranges_that_are_none_are_told),
        TEST(torque_is_not_dropped_for_a_setting_unless_allowed),
        TEST(errors_are_cleared_only_on_the_way_back_from_a_fault),
        TEST(torque_comes_on_without_a_jump),
        TEST(a_limp_joint_is_followed_until_it_stands),
        TEST(a_motor_that_holds_is_taken_over_as_it_is),
        TEST(a_motor_that_cannot_be_enabled_is_told),
        TEST(a_motor_that_fell_asleep_is_woken),
        TEST(torque_comes_on_only_with_watchdog_and_mode_in_force),
        TEST(torque_off_is_only_believed_when_seen),
        TEST(a_stop_that_was_given_up_does_not_stand_for_the_next),
        TEST(why_it_was_stopped_stays_told),
        TEST(every_error_is_told_in_words),
        TEST(samples_are_in_si_units_with_temperatures),
        TEST(the_end_of_the_range_is_not_passed_over),
        TEST(speed_goes_on_across_the_end_of_the_range),
        TEST(commands_carry_what_their_mode_says),
        TEST(what_is_no_number_is_refused),
        TEST(any_answer_may_go_wrong_on_the_way_up),
        TEST(a_line_that_fails_at_any_call_is_told_and_comes_back),
        TEST(its_neighbours_go_on_while_it_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
