#include "../tenon_test.h"

#include "../fakes/fake_dxl2.h"
#include "tenon/drivers/dxl2_motor.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define ID             7
#define PATIENCE       3000 /* polls of 1 ms that a step may take */
#define TICK_RAD       (2.0 * 3.14159265358979323846 / 4096.0)
#define TORQUE         64
#define VELOCITY_RAD_S 0.0239691227

static const uint16_t models[] = {1020, 1060, 1200};
static const uint8_t registers[] = {0, 3, 4, 1, 0, 5, 16}; /* by enum tenon_mode */

struct rig {
    struct fake_wire wire;
    struct fake_dxl2 servo;
    struct tenon_dxl2_motor motor;
    tenon_ns_t now;
    uint32_t cycle;
};

enum step { PROBE, CONFIGURE, ACTIVATE, MAKE_SAFE };

static struct tenon_module *module_of(struct rig *rig)
{
    return &rig->motor.base.module;
}

static struct fake_node *node_of(struct rig *rig)
{
    return rig->servo.node;
}

static void
set_up_config(struct rig *rig, uint16_t model, const struct tenon_dxl2_motor_config *config)
{
    memset(rig, 0, sizeof *rig);
    fake_wire_init(&rig->wire);
    fake_dxl2_init(&rig->servo, &rig->wire.bus, ID, model);
    assert_non_null(tenon_dxl2_motor_init_config(&rig->motor, &rig->wire.wire, config));
    assert_int_equal(module_of(rig)->driver->lifecycle->attach(module_of(rig)), TENON_OK);
    module_of(rig)->state = TENON_MODULE_PROBING;
}

static void set_up(struct rig *rig, uint16_t model, enum tenon_mode mode)
{
    const struct tenon_dxl2_motor_config config = {.id = ID, .mode = (uint8_t)mode};
    set_up_config(rig, model, &config);
}

/* A millisecond of the core's: requests move, and every fourth a cycle is exchanged. */
static void tick(struct rig *rig)
{
    struct tenon_bus *bus = &rig->wire.bus.base;
    tenon_ns_t deadline = TENON_NEVER;
    const bool line_is_up = tenon_slot_is_up(&rig->wire.wire.line);
    rig->now += TENON_MS(1);
    (void)tenon_bus_get_api(bus)->poll(bus, line_is_up ? &rig->wire.line : NULL, rig->now,
                                       &deadline);
    if (rig->now % TENON_MS(4) == 0 && line_is_up) {
        tenon_bus_get_api(bus)->stage(bus, rig->cycle++, rig->now);
    }
}

static int call(struct rig *rig, enum step step)
{
    const struct tenon_lifecycle_api *life = module_of(rig)->driver->lifecycle;
    switch (step) {
    case PROBE:
        return life->probe(module_of(rig), rig->now);
    case CONFIGURE:
        return life->configure(module_of(rig), rig->now);
    case ACTIVATE:
        return life->activate(module_of(rig), rig->now);
    case MAKE_SAFE:
        return life->make_safe(module_of(rig), rig->now);
    }
    return TENON_ERR_ARG;
}

static int run(struct rig *rig, enum step step)
{
    module_of(rig)->progress = 0;
    for (unsigned i = 0; i < PATIENCE; i++) {
        const int rc = call(rig, step);
        if (rc != TENON_ERR_AGAIN) {
            return rc;
        }
        tick(rig);
    }
    return TENON_ERR_AGAIN;
}

/* As the core does it: probe, configure, READY. */
static int bring_up(struct rig *rig)
{
    int rc = run(rig, PROBE);
    if (rc == TENON_OK) {
        rc = run(rig, CONFIGURE);
    }
    if (rc == TENON_OK) {
        module_of(rig)->state = TENON_MODULE_READY;
    }
    return rc;
}

static int bring_active(struct rig *rig)
{
    int rc = bring_up(rig);
    if (rc == TENON_OK) {
        rc = run(rig, ACTIVATE);
    }
    if (rc == TENON_OK) {
        module_of(rig)->state = TENON_MODULE_ACTIVE;
    }
    return rc;
}

static void recover(struct rig *rig)
{
    module_of(rig)->fault_count++;
    module_of(rig)->state = TENON_MODULE_RECOVERING;
}

static void assert_refused(struct rig *rig, int rc, enum tenon_err code, enum tenon_cause cause)
{
    assert_int_equal(rc, code);
    assert_int_equal(module_of(rig)->diag.code, code);
    assert_int_equal(module_of(rig)->diag.cause, cause);
}

static int command(struct rig *rig, double position, float velocity, float effort)
{
    const struct tenon_motor_command c = {
        .position_rad = position,
        .velocity_rad_s = velocity,
        .effort_nm = effort,
        .mode = rig->motor.base.mode,
    };
    return tenon_motor_get_api(&rig->motor.base)->command(&rig->motor.base, &c);
}

static int read_state(struct rig *rig, struct tenon_motor_state *out)
{
    return tenon_motor_get_api(&rig->motor.base)->read(&rig->motor.base, 0, out);
}

static void cycle(struct rig *rig)
{
    for (unsigned i = 0; i < 4; i++) {
        tick(rig);
    }
}

/* init and attach */

static void init_refuses_null_and_other_sizes(void **state)
{
    (void)state;
    struct rig rig;
    const struct tenon_dxl2_motor_config config = {.id = ID};
    fake_wire_init(&rig.wire);
    struct tenon_wire *wire = &rig.wire.wire;
    assert_null(tenon_dxl2_motor_init(NULL, wire, ID, TENON_MODE_POSITION));
    assert_null(tenon_dxl2_motor_init(&rig.motor, NULL, ID, TENON_MODE_POSITION));
    assert_null(tenon_dxl2_motor_init_config(&rig.motor, wire, NULL));
    assert_null(tenon_dxl2_motor_init_sized(&rig.motor, sizeof rig.motor - 4, wire, &config));
    assert_ptr_equal(tenon_dxl2_motor_init(&rig.motor, wire, ID, TENON_MODE_POSITION),
                     &rig.motor.base);
}

static void bad_settings_are_told_when_it_is_added(void **state)
{
    (void)state;
    static const struct {
        struct tenon_dxl2_motor_config config;
        int code;
        int cause;
    } cases[] = {
        {{.id = 253}, TENON_ERR_ARG, TENON_CAUSE_NODE_RANGE},
        {{.id = 254}, TENON_ERR_ARG, TENON_CAUSE_NODE_RANGE},
        {{.id = 1, .mode = 7}, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED},
        {{.id = 1, .mode = 255}, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED},
        {{.id = 1, .return_delay_us = 510}, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT},
        {{.id = 1, .return_delay_us = 5}, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT},
        {{.id = 1, .watchdog_ms = 19}, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT},
        {{.id = 1, .watchdog_ms = 2541}, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT},
        {{.id = 1, .position_p_gain = 16384}, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT},
        {{.id = 1, .position_d_gain = 65535}, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        fake_wire_init(&rig.wire);
        assert_non_null(tenon_dxl2_motor_init_config(&rig.motor, &rig.wire.wire, &cases[i].config));
        const int rc = module_of(&rig)->driver->lifecycle->attach(module_of(&rig));
        assert_refused(&rig, rc, (enum tenon_err)cases[i].code, (enum tenon_cause)cases[i].cause);
        assert_int_equal(call(&rig, MAKE_SAFE), TENON_OK); /* nothing was ever sent */
    }
}

static void a_wire_without_bus_is_told_and_a_bus_refusal_is_passed_on(void **state)
{
    (void)state;
    struct rig rig;
    fake_wire_init(&rig.wire);
    assert_non_null(tenon_dxl2_motor_init(&rig.motor, &rig.wire.wire, ID, TENON_MODE_POSITION));
    const struct tenon_lifecycle_api *life = module_of(&rig)->driver->lifecycle;
    rig.wire.wire.bus.module = NULL;
    assert_refused(&rig, life->attach(module_of(&rig)), TENON_ERR_STATE, TENON_CAUSE_NOT_ADDED);
    rig.wire.wire.bus.module = &rig.wire.bus.base.module;
    rig.wire.bus.attach_result = TENON_ERR_ARG;
    assert_refused(&rig, life->attach(module_of(&rig)), TENON_ERR_ARG, TENON_CAUSE_NODE_TAKEN);
}

/* probe */

static void probe_knows_all_models(void **state)
{
    (void)state;
    static const char *const names[] = {"xm430-w350", "xl430-w250", "xl330-m288"};
    for (size_t i = 0; i < 3; i++) {
        struct rig rig;
        set_up(&rig, models[i], TENON_MODE_POSITION);
        assert_int_equal(run(&rig, PROBE), TENON_OK);
        assert_string_equal(tenon_dxl2_model_name(rig.motor.base.model), names[i]);
        assert_int_equal(rig.motor.base.model, models[i]);
        assert_int_equal(rig.motor.firmware, 46);
    }
}

static void probe_tells_silence_noise_and_strangers_apart(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    node_of(&rig)->is_silent = true;
    assert_refused(&rig, run(&rig, PROBE), TENON_ERR_TIMEOUT, TENON_CAUSE_NO_REPLY);
    assert_int_equal((int)module_of(&rig)->diag.value, ID);
    assert_int_equal((int)module_of(&rig)->diag.bound, 1000000);
    node_of(&rig)->is_silent = false;
    rig.wire.bus.fail_at = 1;
    rig.wire.bus.failure = FAKE_FAIL_PROTO;
    assert_refused(&rig, run(&rig, PROBE), TENON_ERR_PROTO, TENON_CAUSE_GARBLED_REPLY);
    node_of(&rig)->ping[0] = 99;
    assert_refused(&rig, run(&rig, PROBE), TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODEL_UNKNOWN);
    assert_int_equal((int)module_of(&rig)->diag.value, (1020 & 0xFF00) | 99);
}

static void probe_refuses_another_model_than_expected(void **state)
{
    (void)state;
    const struct tenon_dxl2_motor_config config = {.id = ID, .expected_model = 1060};
    struct rig rig;
    set_up_config(&rig, 1020, &config);
    assert_refused(&rig, run(&rig, PROBE), TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODEL_CHANGED);
    assert_int_equal((int)module_of(&rig)->diag.value, 1020);
    assert_int_equal((int)module_of(&rig)->diag.bound, 1060);
}

static void steps_wait_while_the_wire_is_down(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    fake_wire_set_up(&rig.wire, false);
    assert_int_equal(run(&rig, PROBE), TENON_ERR_AGAIN);
    assert_int_equal(call(&rig, MAKE_SAFE), TENON_ERR_IO);
    fake_wire_set_up(&rig.wire, true);
    assert_int_equal(bring_up(&rig), TENON_OK);
}

/* configure */

static bool is_supported(uint16_t model, unsigned mode)
{
    return model != 1060 || (mode != TENON_MODE_EFFORT && mode != TENON_MODE_EFFORT_POSITION);
}

static void every_mode_of_every_model_comes_up_without_a_jump(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (unsigned mode = TENON_MODE_POSITION; mode <= TENON_MODE_PWM; mode++) {
            struct rig rig;
            set_up(&rig, models[i], (enum tenon_mode)mode);
            const int rc = bring_active(&rig);
            if (!is_supported(models[i], mode)) {
                assert_refused(&rig, rc, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODE_UNSUPPORTED);
                assert_int_equal(rig.servo.node->write_count, 0);
                continue;
            }
            assert_int_equal(rc, TENON_OK);
            assert_int_equal(node_of(&rig)->table[11], registers[mode]);
            assert_int_equal(node_of(&rig)->table[TORQUE], 1);
            assert_int_equal(rig.servo.torque_on_count, 1);
            assert_true(rig.servo.jump_max_ticks <= 8);
            assert_int_equal(rig.motor.base.mode, mode);
            assert_false(rig.motor.base.is_holding);
            assert_true(rig.motor.base.device->is_listening);
            assert_true(rig.motor.base.limits.velocity_max_rad_s > 0.0f);
            assert_true(rig.motor.base.limits.effort_max_nm > 0.0f);
        }
    }
}

static void configure_writes_what_differs_and_nothing_twice(void **state)
{
    (void)state;
    const struct tenon_dxl2_motor_config config = {
        .id = ID,
        .mode = TENON_MODE_EXTENDED_POSITION,
        .return_delay_us = 20,
        .watchdog_ms = 110,
        .position_p_gain = 900,
        .position_i_gain = 50,
        .position_d_gain = 30,
    };
    struct rig rig;
    set_up_config(&rig, 1020, &config);
    node_of(&rig)->table[10] = 0x0D; /* reverse, time-based, torque on by goal */
    fake_node_set(node_of(&rig), 108, 4, 77);
    assert_int_equal(bring_up(&rig), TENON_OK);
    const struct fake_node *node = node_of(&rig);
    assert_int_equal(node->table[9], 10);
    assert_int_equal(node->table[10], 0x01);
    assert_int_equal(node->table[11], 4);
    assert_int_equal(node->table[98], 6);
    assert_int_equal(fake_node_get(node, 84, 2), 900);
    assert_int_equal(fake_node_get(node, 82, 2), 50);
    assert_int_equal(fake_node_get(node, 80, 2), 30);
    assert_int_equal(fake_node_get(node, 108, 4), 0);
    assert_int_equal(node->torque_off_count, 0);
    const uint32_t writes = node->write_count;
    assert_true(writes > 0);
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_int_equal(node->write_count, writes);
}

static void changes_in_eeprom_are_listed_with_what_was_there_first(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_VELOCITY);
    struct tenon_dxl2_motor_change changes[TENON_DXL2_MOTOR_CHANGES_MAX];
    assert_int_equal(tenon_dxl2_motor_changes(&rig.motor, NULL, 0), 0);
    rig.wire.bus.failure = FAKE_FAIL_DROP; /* the first write: done, unanswered */
    rig.wire.bus.fail_at = 5;
    assert_int_equal(bring_up(&rig), TENON_ERR_TIMEOUT);
    node_of(&rig)->table[9] = 99; /* somebody else; what we found first counts */
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_int_equal(tenon_dxl2_motor_changes(&rig.motor, changes, 1), 2);
    assert_int_equal(changes[0].address, 9);
    assert_int_equal(changes[0].old_value, 250);
    assert_int_equal(tenon_dxl2_motor_changes(&rig.motor, changes, TENON_DXL2_MOTOR_CHANGES_MAX),
                     2);
    assert_int_equal(changes[1].address, 11);
    assert_int_equal(changes[1].width, 1);
    assert_int_equal(changes[1].old_value, 3);
}

static void torque_found_on_is_taken_over_as_it_is(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_active(&rig), TENON_OK);
    const uint32_t goal = fake_node_get(node_of(&rig), 116, 4);
    const uint32_t writes = node_of(&rig)->write_count;
    /* the host starts anew */
    struct tenon_dxl2_motor *motor = &rig.motor;
    tenon_bus_get_api(&rig.wire.bus.base)->detach(&rig.wire.bus.base, motor->base.device);
    assert_non_null(tenon_dxl2_motor_init(motor, &rig.wire.wire, ID, TENON_MODE_POSITION));
    assert_int_equal(module_of(&rig)->driver->lifecycle->attach(module_of(&rig)), TENON_OK);
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_true(motor->base.is_holding);
    assert_int_equal(run(&rig, ACTIVATE), TENON_OK);
    assert_int_equal(node_of(&rig)->write_count, writes);
    assert_int_equal(fake_node_get(node_of(&rig), 116, 4), goal);
    assert_int_equal(rig.servo.torque_on_count, 1);
}

static void a_difference_that_needs_torque_off_is_refused_or_dropped_as_told(void **state)
{
    (void)state;
    struct tenon_dxl2_motor_config config = {.id = ID, .mode = TENON_MODE_VELOCITY};
    struct rig rig;
    set_up_config(&rig, 1020, &config);
    node_of(&rig)->table[9] = 0;
    node_of(&rig)->table[TORQUE] = 1;
    assert_refused(&rig, bring_up(&rig), TENON_ERR_STATE, TENON_CAUSE_TORQUE_HELD);
    assert_int_equal((int)module_of(&rig)->diag.value, 11);
    assert_int_equal(node_of(&rig)->table[TORQUE], 1);
    assert_int_equal(rig.servo.eeprom_write_count, 0);
    config.allow_torque_off = true;
    set_up_config(&rig, 1020, &config);
    node_of(&rig)->table[TORQUE] = 1;
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_int_equal(node_of(&rig)->table[TORQUE], 0);
    assert_int_equal(node_of(&rig)->table[11], 1);
    assert_false(rig.motor.base.is_holding);
}

static void a_servo_that_answers_no_writes_is_made_to(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    node_of(&rig)->table[68] = 1;
    node_of(&rig)->is_deaf_to_writes = true;
    assert_int_equal(bring_active(&rig), TENON_OK);
    assert_int_equal(node_of(&rig)->table[68], 2);
}

static void a_latched_error_is_told_in_words_and_rebooted_away_only_after_a_fault(void **state)
{
    (void)state;
    static const struct {
        uint8_t bits;
        const char *words;
    } cases[] = {
        {0x01, "input voltage"},    {0x04, "overheating"}, {0x08, "encoder"},
        {0x10, "electrical shock"}, {0x20, "overload"},    {0x24, "overload"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        set_up(&rig, 1020, TENON_MODE_EXTENDED_POSITION);
        fake_dxl2_set_error(&rig.servo, cases[i].bits);
        assert_refused(&rig, bring_up(&rig), TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_FAULT);
        assert_int_equal((int)module_of(&rig)->diag.value, cases[i].bits);
        assert_string_equal(module_of(&rig)->diag.detail, cases[i].words);
        assert_int_equal(rig.servo.reboot_count, 0);
        recover(&rig);
        assert_int_equal(bring_up(&rig), TENON_OK);
        assert_int_equal(rig.servo.reboot_count, 1);
        assert_int_equal(rig.motor.reboot_count, 1);
        assert_true(rig.motor.base.is_unhomed);
        assert_int_equal(node_of(&rig)->table[98], 10); /* configured after the reboot */
        assert_int_equal(node_of(&rig)->table[TORQUE], 0);
        assert_int_equal(rig.servo.torque_on_count, 0);
    }
}

static void an_error_that_stays_is_rebooted_once_and_told(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1200, TENON_MODE_POSITION);
    fake_dxl2_set_error(&rig.servo, 0x04);
    rig.servo.fault_stays = true;
    recover(&rig);
    assert_refused(&rig, bring_up(&rig), TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_FAULT);
    assert_int_equal(rig.servo.reboot_count, 1);
}

static void
a_servo_that_does_not_come_back_from_its_reboot_is_given_up_within_a_second(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    fake_dxl2_set_error(&rig.servo, 0x20);
    rig.servo.boot_polls = 100000;
    recover(&rig);
    assert_int_equal(run(&rig, PROBE), TENON_OK);
    const tenon_ns_t begin = rig.now;
    assert_refused(&rig, run(&rig, CONFIGURE), TENON_ERR_TIMEOUT, TENON_CAUSE_NO_REPLY);
    assert_true(rig.now - begin <= TENON_MS(1050));
}

static void a_tripped_watchdog_is_cleared_and_the_servo_held_where_it_stands(void **state)
{
    (void)state;
    static const struct {
        enum tenon_mode mode;
        uint32_t address;
        uint8_t width;
        uint32_t hold;
    } cases[] = {
        {TENON_MODE_POSITION, 116, 4, 1500},
        {TENON_MODE_VELOCITY, 104, 4, 0},
        {TENON_MODE_EFFORT, 102, 2, 0},
        {TENON_MODE_PWM, 100, 2, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        set_up(&rig, 1020, cases[i].mode);
        assert_int_equal(bring_active(&rig), TENON_OK);
        fake_node_set(node_of(&rig), cases[i].address, cases[i].width, 90);
        node_of(&rig)->table[98] = 0xFF;
        recover(&rig);
        assert_int_equal(bring_up(&rig), TENON_OK);
        assert_int_equal(node_of(&rig)->table[98], 10);
        assert_int_equal(fake_node_get(node_of(&rig), cases[i].address, cases[i].width),
                         cases[i].hold);
        assert_true(rig.motor.base.is_holding);
        assert_false(rig.motor.health.watchdog_tripped);
    }
}

static void old_firmware_has_no_watchdog_and_is_not_asked_for_it(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1060, TENON_MODE_POSITION);
    node_of(&rig)->ping[2] = 37;
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_int_equal(node_of(&rig)->table[98], 0);
    const struct tenon_dxl2_motor_config config = {.id = ID, .no_watchdog = true};
    set_up_config(&rig, 1060, &config);
    node_of(&rig)->table[98] = 50;
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_int_equal(node_of(&rig)->table[98], 0);
}

static void limits_are_the_servos_own_within_the_models(void **state)
{
    (void)state;
    struct rig rig;
    const struct tenon_motor_limits *limits = &rig.motor.base.limits;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    fake_node_set(node_of(&rig), 48, 4, 3048);
    fake_node_set(node_of(&rig), 52, 4, 1048);
    fake_node_set(node_of(&rig), 44, 4, 100);
    fake_node_set(node_of(&rig), 38, 2, 200);
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_true(fabs(limits->position_max_rad - 1000 * TICK_RAD) < 1e-9);
    assert_true(fabs(limits->position_min_rad + 1000 * TICK_RAD) < 1e-9);
    assert_true(fabs((double)limits->velocity_max_rad_s - 100 * VELOCITY_RAD_S) < 1e-5);
    assert_true(fabs((double)limits->effort_max_nm - 200 * 0.00269 * 4.1 / 2.3) < 1e-5);
    assert_true(limits->velocity_top_rad_s > limits->velocity_max_rad_s);
    set_up(&rig, 1020, TENON_MODE_EFFORT);
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_true(fabs((double)limits->effort_max_nm - 4.1) < 1e-5); /* stall comes first */
    assert_true(limits->position_max_rad >= DBL_MAX);
    set_up(&rig, 1020, TENON_MODE_PWM);
    fake_node_set(node_of(&rig), 36, 2, 443);
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_true(fabs((double)limits->effort_max_nm - 443.0 / 885.0) < 1e-6);
}

/* activate */

static void one_turn_mode_takes_its_goal_from_within_the_turn(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_up(&rig), TENON_OK);
    fake_node_set(node_of(&rig), 132, 4, (uint32_t)-5000); /* turned by hand while limp */
    cycle(&rig);
    struct tenon_motor_state sample;
    assert_int_equal(read_state(&rig, &sample), TENON_OK);
    const double before = sample.position_rad;
    assert_int_equal(run(&rig, ACTIVATE), TENON_OK);
    assert_int_equal(rig.servo.jump_max_ticks, 0);
    cycle(&rig);
    assert_int_equal(read_state(&rig, &sample), TENON_OK);
    assert_true(fabs(sample.position_rad - before) < 1e-9); /* no turn was lost or won */
}

static void a_servo_that_stands_outside_its_limits_gets_no_torque(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    fake_node_set(node_of(&rig), 52, 4, 2000);
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_refused(&rig, run(&rig, ACTIVATE), TENON_ERR_STATE, TENON_CAUSE_GOAL_OUTSIDE_LIMITS);
    assert_int_equal(rig.servo.torque_on_count, 0);
    fake_node_set(node_of(&rig), 132, 4, 2000);
    assert_int_equal(run(&rig, ACTIVATE), TENON_OK);
}

static void a_sinking_servo_is_followed_until_it_stands(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_up(&rig), TENON_OK);
    module_of(&rig)->progress = 0;
    int rc = TENON_ERR_AGAIN;
    for (unsigned i = 0; i < PATIENCE && rc == TENON_ERR_AGAIN; i++) {
        rc = call(&rig, ACTIVATE);
        tick(&rig);
        if (i < 100) {
            fake_node_set(node_of(&rig), 132, 4, 1500 - 10 * i);
        }
        assert_true(i >= 100 || node_of(&rig)->table[TORQUE] == 0);
    }
    assert_int_equal(rc, TENON_OK);
    assert_true(rig.servo.jump_max_ticks <= 8);
}

/* Every request of the way up fails once, in every way; then all is well again. */
static void whichever_request_fails_it_comes_right_and_never_jumps(void **state)
{
    (void)state;
    static const enum tenon_mode modes[] = {TENON_MODE_POSITION, TENON_MODE_EFFORT_POSITION};
    for (size_t m = 0; m < 2; m++) {
        for (uint8_t failure = 0; failure < FAKE_FAILURES; failure++) {
            unsigned k = 0;
            bool reached = true;
            while (reached) {
                struct rig rig;
                set_up(&rig, 1020, modes[m]);
                rig.wire.bus.failure = failure;
                rig.wire.bus.fail_at = ++k;
                int rc = bring_active(&rig);
                reached = rig.wire.bus.fail_at == 0;
                assert_true(k < 100);
                for (unsigned retry = 0; retry < 3 && rc != TENON_OK; retry++) {
                    assert_int_not_equal(rc, TENON_ERR_AGAIN);
                    assert_int_equal(module_of(&rig)->diag.code, rc);
                    assert_int_equal(run(&rig, MAKE_SAFE), TENON_OK);
                    assert_int_equal(node_of(&rig)->table[TORQUE], 0);
                    recover(&rig);
                    rc = bring_active(&rig);
                }
                assert_int_equal(rc, TENON_OK);
                assert_int_equal(node_of(&rig)->table[TORQUE], 1);
                assert_true(rig.servo.jump_max_ticks <= 8);
                assert_false(rig.servo.enabled_unlocked);
                assert_int_equal(rig.wire.bus.bad_submit_count, 0);
            }
            assert_true(k > 20); /* the sweep saw the whole way */
        }
    }
}

static void steps_may_be_broken_off_anywhere(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 120; k++) {
        struct rig rig;
        set_up(&rig, 1200, TENON_MODE_POSITION);
        rig.wire.bus.polls_per_request = 3;
        assert_int_equal(run(&rig, PROBE), TENON_OK);
        module_of(&rig)->progress = 0;
        for (unsigned i = 0; i < k && call(&rig, CONFIGURE) == TENON_ERR_AGAIN; i++) {
            tick(&rig);
        }
        assert_int_equal(bring_active(&rig), TENON_OK);
        assert_int_equal(rig.wire.bus.bad_submit_count, 0);
        assert_int_equal(rig.servo.jump_max_ticks, 0);
    }
}

static void a_stuck_bus_blocks_nothing(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    rig.wire.bus.is_stuck = true;
    assert_int_equal(run(&rig, PROBE), TENON_ERR_AGAIN);
    assert_int_equal(run(&rig, MAKE_SAFE), TENON_ERR_AGAIN);
    rig.wire.bus.is_stuck = false;
    assert_int_equal(run(&rig, MAKE_SAFE), TENON_OK);
    assert_int_equal(bring_active(&rig), TENON_OK);
}

/* make_safe */

static void make_safe_ends_torque_wherever_activation_is(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 60; k++) {
        struct rig rig;
        set_up(&rig, 1020, TENON_MODE_POSITION);
        rig.wire.bus.polls_per_request = 2;
        assert_int_equal(bring_up(&rig), TENON_OK);
        module_of(&rig)->progress = 0;
        for (unsigned i = 0; i < k && call(&rig, ACTIVATE) == TENON_ERR_AGAIN; i++) {
            tick(&rig);
        }
        assert_int_equal(run(&rig, MAKE_SAFE), TENON_OK);
        assert_int_equal(node_of(&rig)->table[TORQUE], 0);
        for (unsigned i = 0; i < 20; i++) {
            tick(&rig); /* nothing that was under way turns it on again */
        }
        assert_int_equal(node_of(&rig)->table[TORQUE], 0);
    }
}

static void make_safe_repeats_itself_and_keeps_the_reason_for_the_stop(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_active(&rig), TENON_OK);
    (void)tenon_module_refuse(module_of(&rig), TENON_ERR_TIMEOUT, TENON_CAUSE_STALE, 0.2f, 0.1f);
    node_of(&rig)->is_silent = true;
    assert_int_equal(run(&rig, MAKE_SAFE), TENON_ERR_TIMEOUT);
    assert_int_equal(module_of(&rig)->diag.cause, TENON_CAUSE_STALE);
    node_of(&rig)->is_silent = false;
    assert_int_equal(run(&rig, MAKE_SAFE), TENON_OK);
    assert_int_equal(node_of(&rig)->table[TORQUE], 0);
}

static void a_stop_that_was_given_up_is_not_taken_for_the_next_one(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_active(&rig), TENON_OK);
    assert_int_equal(call(&rig, MAKE_SAFE), TENON_ERR_AGAIN);
    tick(&rig); /* it is done, and nobody looked */
    module_of(&rig)->state = TENON_MODULE_READY;
    assert_int_equal(run(&rig, ACTIVATE), TENON_OK);
    assert_int_equal(node_of(&rig)->table[TORQUE], 1);
    assert_int_equal(call(&rig, MAKE_SAFE), TENON_ERR_AGAIN);
    assert_int_equal(run(&rig, MAKE_SAFE), TENON_OK);
    assert_int_equal(node_of(&rig)->table[TORQUE], 0);
}

/* The same with a stop that was still under way, and with torque that came from elsewhere. */
static void no_stop_is_answered_from_memory(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_int_equal(call(&rig, MAKE_SAFE), TENON_ERR_AGAIN);
    assert_int_equal(run(&rig, ACTIVATE), TENON_OK);
    assert_int_equal(run(&rig, MAKE_SAFE), TENON_OK);
    assert_int_equal(node_of(&rig)->table[TORQUE], 0);
    assert_int_equal(call(&rig, MAKE_SAFE), TENON_ERR_AGAIN);
    tick(&rig);
    node_of(&rig)->table[TORQUE] = 1;
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_true(rig.motor.base.is_holding);
    assert_int_equal(run(&rig, MAKE_SAFE), TENON_OK);
    assert_int_equal(node_of(&rig)->table[TORQUE], 0);
}

static void an_alert_does_not_keep_torque_from_going_off(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_active(&rig), TENON_OK);
    node_of(&rig)->alert = 0x80;
    node_of(&rig)->table[70] = 1; /* input voltage: torque stays on by itself */
    assert_int_equal(run(&rig, MAKE_SAFE), TENON_OK);
    assert_int_equal(node_of(&rig)->table[TORQUE], 0);
}

/* commands */

static void commands_become_registers(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_active(&rig), TENON_OK);
    assert_int_equal(command(&rig, 0.5, 0.0f, 0.0f), TENON_OK);
    cycle(&rig);
    assert_int_equal(fake_node_get(node_of(&rig), 116, 4), 2048 + 326); /* 325.9 */
    set_up(&rig, 1020, TENON_MODE_VELOCITY);
    assert_int_equal(bring_active(&rig), TENON_OK);
    assert_int_equal(command(&rig, 0.0, -1.0f, 0.0f), TENON_OK);
    cycle(&rig);
    assert_int_equal((int32_t)fake_node_get(node_of(&rig), 104, 4), -42); /* 41.7 */
    set_up(&rig, 1020, TENON_MODE_EFFORT);
    assert_int_equal(bring_active(&rig), TENON_OK);
    assert_int_equal(command(&rig, 0.0, 0.0f, -1.0f), TENON_OK);
    cycle(&rig);
    assert_int_equal((int16_t)fake_node_get(node_of(&rig), 102, 2), -209); /* 208.5 */
    set_up(&rig, 1020, TENON_MODE_PWM);
    assert_int_equal(bring_active(&rig), TENON_OK);
    assert_int_equal(command(&rig, 0.0, 0.0f, 0.5f), TENON_OK);
    cycle(&rig);
    assert_int_equal(fake_node_get(node_of(&rig), 100, 2), 443);
}

static void a_capped_position_carries_its_cap(void **state)
{
    (void)state;
    static const struct {
        float cap;
        uint32_t ticks;
    } cases[] = {{1.0f, 209}, {-1.0f, 209}, {0.0f, 1193}, {1e-6f, 1}, {1e9f, 1193}};
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_EFFORT_POSITION);
    assert_int_equal(bring_active(&rig), TENON_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(command(&rig, -10.0, 0.0f, cases[i].cap), TENON_OK);
        cycle(&rig);
        assert_int_equal(fake_node_get(node_of(&rig), 102, 2), cases[i].ticks);
        assert_int_equal((int32_t)fake_node_get(node_of(&rig), 116, 4), 2048 - 6519);
        assert_int_equal(fake_node_get(node_of(&rig), 104, 4), 0);
        assert_int_equal(fake_node_get(node_of(&rig), 108, 4), 0);
        assert_int_equal(fake_node_get(node_of(&rig), 112, 4), 0);
    }
}

/* The fake refuses what is out of range, so a count that rises means the value was good. */
static void wild_commands_stay_within_the_registers(void **state)
{
    (void)state;
    static const double wild[] = {
        1e3, -1e3, 1e30, -1e30, DBL_MAX, -DBL_MAX, (double)INFINITY, -(double)INFINITY, 5e-324,
    };
    for (size_t i = 0; i < 3; i++) {
        for (unsigned mode = TENON_MODE_POSITION; mode <= TENON_MODE_PWM; mode++) {
            struct rig rig;
            if (!is_supported(models[i], mode)) {
                continue;
            }
            set_up(&rig, models[i], (enum tenon_mode)mode);
            assert_int_equal(bring_active(&rig), TENON_OK);
            for (size_t w = 0; w < sizeof wild / sizeof wild[0]; w++) {
                const float narrow = (float)fmax(-(double)FLT_MAX, fmin((double)FLT_MAX, wild[w]));
                const uint32_t before = node_of(&rig)->cyclic_write_count;
                assert_int_equal(command(&rig, wild[w], narrow, narrow), TENON_OK);
                cycle(&rig);
                assert_int_equal(node_of(&rig)->cyclic_write_count, before + 1);
                assert_int_equal(node_of(&rig)->refused_count, 0);
            }
            assert_int_equal(command(&rig, (double)NAN, NAN, NAN), TENON_ERR_ARG);
            assert_false(rig.motor.base.device->out_is_fresh);
        }
    }
}

static void commands_of_another_mode_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_active(&rig), TENON_OK);
    for (unsigned mode = 0; mode <= 7; mode++) {
        const struct tenon_motor_command c = {.mode = (uint8_t)mode};
        const int rc = tenon_motor_get_api(&rig.motor.base)->command(&rig.motor.base, &c);
        assert_int_equal(rc, mode == TENON_MODE_POSITION ? TENON_OK : TENON_ERR_ARG);
    }
}

/* samples and health */

static void samples_become_si_units(void **state)
{
    (void)state;
    static const double per_count[] = {0.00269 * 4.1 / 2.3, 0.0015, 0.001 * 0.52 / 1.47};
    for (size_t i = 0; i < 3; i++) {
        struct rig rig;
        struct tenon_motor_state s;
        set_up(&rig, models[i], TENON_MODE_EXTENDED_POSITION);
        assert_int_equal(bring_up(&rig), TENON_OK);
        assert_int_equal(read_state(&rig, &s), TENON_ERR_AGAIN);
        fake_node_set(node_of(&rig), 126, 2, (uint32_t)-100);
        fake_node_set(node_of(&rig), 128, 4, (uint32_t)-40);
        fake_node_set(node_of(&rig), 132, 4, (uint32_t)(2048 - 10 * 4096));
        cycle(&rig);
        assert_int_equal(read_state(&rig, &s), TENON_OK);
        assert_true(fabs(s.position_rad + 20.0 * 3.14159265358979323846) < 1e-9);
        assert_true(fabs((double)s.velocity_rad_s + 40 * VELOCITY_RAD_S) < 1e-6);
        assert_true(fabs((double)s.effort_nm + 100 * per_count[i]) < 1e-5);
        assert_true(s.stamp_ns > 0 && s.stamp_ns <= rig.now);
        assert_int_equal(s.valid, 7);
        assert_int_equal(read_state(&rig, &s), TENON_ERR_AGAIN);
    }
}

/* Reads every cycle until something else than a sample comes. */
static int read_for(struct rig *rig, unsigned cycles)
{
    struct tenon_motor_state s;
    for (unsigned i = 0; i < cycles; i++) {
        cycle(rig);
        const int rc = read_state(rig, &s);
        if (rc != TENON_OK && rc != TENON_ERR_AGAIN) {
            return rc;
        }
    }
    return TENON_OK;
}

static void health_is_refreshed_about_once_a_second(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_active(&rig), TENON_OK);
    const uint32_t requests = rig.wire.bus.request_count;
    assert_int_equal(read_for(&rig, 1500), TENON_OK); /* six seconds */
    assert_in_range(rig.wire.bus.request_count - requests, 5, 7);
    assert_true(fabs((double)rig.motor.health.voltage_v - 11.8) < 1e-4);
    assert_true(fabs((double)rig.motor.health.temperature_c - 31.0) < 1e-4);
    assert_int_equal(rig.motor.health.hardware_error, 0);
}

/* There is one request for all: a question about health leaves steps alone, and a step that was
 * given up does not end questions. On a machine that has run for long, too. */
static void health_gives_way_to_steps_and_outlives_them(void **state)
{
    (void)state;
    unsigned finished = 0;
    for (unsigned polls = 0; polls < 40; polls++) {
        struct rig rig;
        set_up(&rig, 1020, TENON_MODE_POSITION);
        rig.now += polls * TENON_S(86400);
        assert_int_equal(bring_up(&rig), TENON_OK);
        module_of(&rig)->progress = 0;
        int rc = TENON_ERR_AGAIN;
        for (unsigned i = 0; i < polls && rc == TENON_ERR_AGAIN; i++) {
            rc = call(&rig, ACTIVATE); /* given up after so many polls, unless done */
            tick(&rig);
            if (rig.now % TENON_MS(4) == 0) {
                struct tenon_motor_state s;
                (void)read_state(&rig, &s);
            }
        }
        assert_true(rc == TENON_OK || rc == TENON_ERR_AGAIN);
        finished += rc == TENON_OK ? 1u : 0u;
        memset(&rig.motor.health, 0, sizeof rig.motor.health);
        assert_int_equal(read_for(&rig, 1500), TENON_OK);
        assert_true(fabs((double)rig.motor.health.voltage_v - 11.8) < 1e-4);
        assert_int_equal(tenon_motor_get_api(&rig.motor.base)->identify(&rig.motor.base, true),
                         TENON_OK);
        assert_int_equal(run(&rig, ACTIVATE), TENON_OK); /* takes the request from the light */
        assert_int_equal(node_of(&rig)->table[TORQUE], 1);
        assert_int_equal(run(&rig, MAKE_SAFE), TENON_OK);
        assert_int_equal(node_of(&rig)->table[TORQUE], 0);
    }
    assert_in_range(finished, 10, 35); /* the others were given up */
}

static void an_alert_becomes_a_fault_in_words_within_two_cycles(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    assert_int_equal(bring_active(&rig), TENON_OK);
    assert_int_equal(read_for(&rig, 10), TENON_OK);
    fake_dxl2_set_error(&rig.servo, 0x20);
    assert_refused(&rig, read_for(&rig, 3), TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_FAULT);
    assert_string_equal(module_of(&rig)->diag.detail, "overload");
}

static void a_watchdog_that_tripped_or_forgot_itself_is_a_fault(void **state)
{
    (void)state;
    static const uint8_t found[] = {0xFF, 0x00};
    static const char *const words[] = {"bus watchdog tripped, the host was silent for too long",
                                        "lost power"};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        set_up(&rig, 1020, TENON_MODE_POSITION);
        assert_int_equal(bring_active(&rig), TENON_OK);
        node_of(&rig)->table[98] = found[i];
        assert_refused(&rig, read_for(&rig, 1500), TENON_ERR_DEVICE, TENON_CAUSE_DEVICE_FAULT);
        assert_string_equal(module_of(&rig)->diag.detail, words[i]);
    }
}

static void lost_power_loses_turns_only_where_turns_are_counted(void **state)
{
    (void)state;
    static const enum tenon_mode modes[] = {TENON_MODE_POSITION, TENON_MODE_EXTENDED_POSITION};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        set_up(&rig, 1020, modes[i]);
        assert_int_equal(bring_active(&rig), TENON_OK);
        fake_dxl2_power_cycle(&rig.servo);
        recover(&rig);
        assert_int_equal(bring_up(&rig), TENON_OK);
        assert_int_equal(rig.motor.base.is_unhomed, i == 1);
        assert_false(rig.motor.base.is_holding);
    }
}

static void identify_switches_the_light(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    struct tenon_motor *motor = &rig.motor.base;
    assert_int_equal(tenon_motor_get_api(motor)->identify(motor, true), TENON_ERR_STATE);
    assert_int_equal(bring_up(&rig), TENON_OK);
    assert_int_equal(tenon_motor_get_api(motor)->identify(motor, true), TENON_OK);
    assert_int_equal(tenon_motor_get_api(motor)->identify(motor, false), TENON_ERR_AGAIN);
    tick(&rig);
    assert_int_equal(node_of(&rig)->table[65], 1);
    assert_int_equal(tenon_motor_get_api(motor)->identify(motor, false), TENON_OK);
    tick(&rig);
    assert_int_equal(node_of(&rig)->table[65], 0);
    assert_int_equal(run(&rig, ACTIVATE), TENON_OK);
}

static void release_gives_back_every_request(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, 1020, TENON_MODE_POSITION);
    module_of(&rig)->progress = 0;
    assert_int_equal(call(&rig, PROBE), TENON_ERR_AGAIN);
    module_of(&rig)->driver->lifecycle->release(module_of(&rig));
    assert_null(rig.wire.bus.queue);
    assert_false(rig.motor.base.device->is_listening);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_null_and_other_sizes),
        cmocka_unit_test(bad_settings_are_told_when_it_is_added),
        cmocka_unit_test(a_wire_without_bus_is_told_and_a_bus_refusal_is_passed_on),
        cmocka_unit_test(probe_knows_all_models),
        cmocka_unit_test(probe_tells_silence_noise_and_strangers_apart),
        cmocka_unit_test(probe_refuses_another_model_than_expected),
        cmocka_unit_test(steps_wait_while_the_wire_is_down),
        cmocka_unit_test(every_mode_of_every_model_comes_up_without_a_jump),
        cmocka_unit_test(configure_writes_what_differs_and_nothing_twice),
        cmocka_unit_test(changes_in_eeprom_are_listed_with_what_was_there_first),
        cmocka_unit_test(torque_found_on_is_taken_over_as_it_is),
        cmocka_unit_test(a_difference_that_needs_torque_off_is_refused_or_dropped_as_told),
        cmocka_unit_test(a_servo_that_answers_no_writes_is_made_to),
        cmocka_unit_test(a_latched_error_is_told_in_words_and_rebooted_away_only_after_a_fault),
        cmocka_unit_test(an_error_that_stays_is_rebooted_once_and_told),
        cmocka_unit_test(
            a_servo_that_does_not_come_back_from_its_reboot_is_given_up_within_a_second),
        cmocka_unit_test(a_tripped_watchdog_is_cleared_and_the_servo_held_where_it_stands),
        cmocka_unit_test(old_firmware_has_no_watchdog_and_is_not_asked_for_it),
        cmocka_unit_test(limits_are_the_servos_own_within_the_models),
        cmocka_unit_test(one_turn_mode_takes_its_goal_from_within_the_turn),
        cmocka_unit_test(a_servo_that_stands_outside_its_limits_gets_no_torque),
        cmocka_unit_test(a_sinking_servo_is_followed_until_it_stands),
        cmocka_unit_test(whichever_request_fails_it_comes_right_and_never_jumps),
        cmocka_unit_test(steps_may_be_broken_off_anywhere),
        cmocka_unit_test(a_stuck_bus_blocks_nothing),
        cmocka_unit_test(make_safe_ends_torque_wherever_activation_is),
        cmocka_unit_test(make_safe_repeats_itself_and_keeps_the_reason_for_the_stop),
        cmocka_unit_test(a_stop_that_was_given_up_is_not_taken_for_the_next_one),
        cmocka_unit_test(no_stop_is_answered_from_memory),
        cmocka_unit_test(an_alert_does_not_keep_torque_from_going_off),
        cmocka_unit_test(commands_become_registers),
        cmocka_unit_test(a_capped_position_carries_its_cap),
        cmocka_unit_test(wild_commands_stay_within_the_registers),
        cmocka_unit_test(commands_of_another_mode_are_refused),
        cmocka_unit_test(samples_become_si_units),
        cmocka_unit_test(health_is_refreshed_about_once_a_second),
        cmocka_unit_test(health_gives_way_to_steps_and_outlives_them),
        cmocka_unit_test(an_alert_becomes_a_fault_in_words_within_two_cycles),
        cmocka_unit_test(a_watchdog_that_tripped_or_forgot_itself_is_a_fault),
        cmocka_unit_test(lost_power_loses_turns_only_where_turns_are_counted),
        cmocka_unit_test(identify_switches_the_light),
        cmocka_unit_test(release_gives_back_every_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
