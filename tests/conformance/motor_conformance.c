#include "motor_conformance.h"

#include "driver_conformance.h"

#include <math.h>
#include <string.h>

#define STEP_MS   3000
#define SAMPLE_MS 100

enum step { PROBE, CONFIGURE, ACTIVATE, MAKE_SAFE };

struct world {
    const struct motor_subject *subject;
    struct tenon_motor *motor;
    struct tenon_module *module;
    const struct tenon_motor_api *api;
    const struct tenon_lifecycle_api *life;
    tenon_ns_t now;
};

static struct world make_unattached(const struct motor_subject *subject)
{
    struct world w = {.subject = subject, .motor = subject->make(subject->mode)};
    assert_non_null(w.motor);
    w.module = &w.motor->module;
    w.api = tenon_motor_get_api(w.motor);
    w.life = w.module->driver->lifecycle;
    return w;
}

static struct world make(void **state)
{
    struct world w = make_unattached(*state);
    if (w.life->attach != NULL) {
        assert_int_equal(w.life->attach(w.module), TENON_OK);
    }
    w.module->state = TENON_MODULE_PROBING;
    return w;
}

static int call(struct world *w, enum step step)
{
    switch (step) {
    case PROBE:
        return w->life->probe(w->module, w->now);
    case CONFIGURE:
        return w->life->configure != NULL ? w->life->configure(w->module, w->now) : TENON_OK;
    case ACTIVATE:
        return w->life->activate != NULL ? w->life->activate(w->module, w->now) : TENON_OK;
    case MAKE_SAFE:
        return w->life->make_safe(w->module, w->now);
    }
    return TENON_ERR_ARG;
}

static int run(struct world *w, enum step step)
{
    w->module->progress = 0;
    for (unsigned i = 0; i < STEP_MS; i++) {
        const int rc = call(w, step);
        if (rc != TENON_ERR_AGAIN) {
            return rc;
        }
        w->now = w->subject->tick();
    }
    return TENON_ERR_AGAIN;
}

static void wait(struct world *w, unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        w->now = w->subject->tick();
    }
}

static void bring_ready(struct world *w)
{
    assert_int_equal(run(w, PROBE), TENON_OK);
    assert_int_equal(run(w, CONFIGURE), TENON_OK);
    w->module->state = TENON_MODULE_READY;
}

static void bring_active(struct world *w)
{
    bring_ready(w);
    assert_int_equal(run(w, ACTIVATE), TENON_OK);
    w->module->state = TENON_MODULE_ACTIVE;
}

/* A sample made after now. */
static struct tenon_motor_state sample(struct world *w)
{
    struct tenon_motor_state s = {0};
    int rc = TENON_OK;
    while (rc == TENON_OK) {
        rc = w->api->read(w->motor, w->now, &s);
    }
    for (unsigned i = 0; i < SAMPLE_MS && rc == TENON_ERR_AGAIN; i++) {
        w->now = w->subject->tick();
        rc = w->api->read(w->motor, w->now, &s);
    }
    assert_int_equal(rc, TENON_OK);
    return s;
}

/* To stay where it is, in any mode. */
static struct tenon_motor_command stay(struct world *w)
{
    return (struct tenon_motor_command){
        .position_rad = sample(w).position_rad,
        .mode = w->motor->mode,
    };
}

static void tables_are_whole(void **state)
{
    const struct world w = make_unattached(*state);
    check_driver_tables(w.module, TENON_ROLE_MOTOR, sizeof(struct tenon_motor_api));
    assert_non_null(w.api->read);
    assert_non_null(w.api->command);
    assert_true(w.motor->wire == NULL || w.motor->device != NULL);
}

static void it_comes_up_with_limits_and_without_torque(void **state)
{
    struct world w = make(state);
    bring_ready(&w);
    const struct tenon_motor_limits *l = &w.motor->limits;
    assert_false(w.subject->torque_is_on());
    assert_false(w.motor->is_holding);
    assert_int_equal(w.motor->mode, w.subject->mode);
    assert_true(l->position_min_rad < l->position_max_rad);
    assert_true(l->velocity_max_rad_s > 0.0f && isfinite(l->velocity_max_rad_s));
    assert_true(l->velocity_top_rad_s >= l->velocity_max_rad_s && isfinite(l->velocity_top_rad_s));
    assert_true(l->effort_max_nm > 0.0f && isfinite(l->effort_max_nm));
    assert_int_equal(w.module->diag.code, TENON_OK);
}

static void activation_moves_nothing(void **state)
{
    struct world w = make(state);
    bring_ready(&w);
    const double before = sample(&w).position_rad;
    assert_int_equal(run(&w, ACTIVATE), TENON_OK);
    assert_true(w.subject->torque_is_on());
    wait(&w, 200);
    assert_true(fabs(sample(&w).position_rad - before) < 0.02);
}

static void read_says_again_until_there_is_a_new_sample(void **state)
{
    struct world w = make(state);
    struct tenon_motor_state s;
    struct tenon_motor_state marked;
    memset(&s, 0x5A, sizeof s);
    marked = s;
    assert_int_equal(w.api->read(w.motor, w.now, &s), TENON_ERR_AGAIN);
    bring_ready(&w);
    const struct tenon_motor_state first = sample(&w);
    assert_int_equal(w.api->read(w.motor, w.now, &s), TENON_ERR_AGAIN);
    assert_memory_equal(&s, &marked, sizeof s);
    const struct tenon_motor_state second = sample(&w);
    assert_true(second.stamp_ns > first.stamp_ns);
    assert_true(second.stamp_ns <= w.now);
    assert_true((second.valid & TENON_VALID_POSITION) != 0);
    assert_true(isfinite(second.position_rad));
    assert_true(isfinite(second.velocity_rad_s) && isfinite(second.effort_nm));
}

static void commands_reach_the_device_only_while_active(void **state)
{
    static const uint8_t others[] = {TENON_MODULE_READY,      TENON_MODULE_FAULT,
                                     TENON_MODULE_RECOVERING, TENON_MODULE_PROBING,
                                     TENON_MODULE_FAILED,     TENON_MODULE_IDLE};
    struct world w = make(state);
    bring_active(&w);
    const struct tenon_motor_command c = stay(&w);
    wait(&w, 20); /* some repeat what they were told when they are read */
    const uint32_t before = w.subject->commands_obeyed();
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        w.module->state = others[i];
        assert_int_equal(w.api->command(w.motor, &c), TENON_OK);
        wait(&w, 20);
        assert_int_equal(w.subject->commands_obeyed(), before);
    }
    w.module->state = TENON_MODULE_ACTIVE;
    assert_int_equal(w.api->command(w.motor, &c), TENON_OK);
    wait(&w, 20);
    assert_int_equal(w.subject->commands_obeyed(), before + 1);
}

static void commands_of_another_mode_are_refused(void **state)
{
    struct world w = make(state);
    bring_active(&w);
    struct tenon_motor_command c = stay(&w);
    wait(&w, 20);
    const uint32_t before = w.subject->commands_obeyed();
    for (unsigned mode = 0; mode <= TENON_MODE_PWM + 1u; mode++) {
        c.mode = (uint8_t)mode;
        if (mode != w.motor->mode) {
            assert_int_equal(w.api->command(w.motor, &c), TENON_ERR_ARG);
        }
    }
    wait(&w, 20);
    assert_int_equal(w.subject->commands_obeyed(), before);
}

static void make_safe_works_before_anything_else(void **state)
{
    struct world w = make_unattached(*state);
    assert_int_equal(run(&w, MAKE_SAFE), TENON_OK);
    assert_false(w.subject->torque_is_on());
    w = make(state);
    assert_int_equal(run(&w, MAKE_SAFE), TENON_OK);
    assert_false(w.subject->torque_is_on());
}

static void make_safe_ends_torque_in_every_state_and_again(void **state)
{
    for (uint8_t in = TENON_MODULE_IDLE; in <= TENON_MODULE_FAILED; in++) {
        struct world w = make(state);
        bring_active(&w);
        assert_true(w.subject->torque_is_on());
        w.module->state = in;
        assert_int_equal(run(&w, MAKE_SAFE), TENON_OK);
        assert_false(w.subject->torque_is_on());
        assert_int_equal(run(&w, MAKE_SAFE), TENON_OK);
        assert_false(w.subject->torque_is_on());
    }
}

/* Whatever is under way when the stop comes must not turn torque on behind it. */
static void make_safe_has_the_last_word_over_activation(void **state)
{
    for (unsigned k = 0; k < 40; k++) {
        struct world w = make(state);
        bring_ready(&w);
        w.module->progress = 0;
        for (unsigned i = 0; i < k && call(&w, ACTIVATE) == TENON_ERR_AGAIN; i++) {
            w.now = w.subject->tick();
        }
        assert_int_equal(run(&w, MAKE_SAFE), TENON_OK);
        wait(&w, 50);
        assert_false(w.subject->torque_is_on());
    }
}

static void it_comes_up_again_after_stop_and_release(void **state)
{
    struct world w = make(state);
    for (unsigned i = 0; i < 3; i++) {
        bring_active(&w);
        assert_true(w.subject->torque_is_on());
        assert_int_equal(run(&w, MAKE_SAFE), TENON_OK);
        if (w.life->release != NULL) {
            w.life->release(w.module);
        }
        w.module->state = TENON_MODULE_RECOVERING;
    }
}

static void a_silent_device_is_told_and_comes_back(void **state)
{
    struct world w = make(state);
    if (w.subject->set_silent == NULL) {
        skip();
    }
    w.subject->set_silent(true);
    assert_int_equal(run(&w, PROBE), TENON_ERR_TIMEOUT);
    assert_int_equal(w.module->diag.code, TENON_ERR_TIMEOUT);
    assert_int_not_equal(w.module->diag.cause, TENON_CAUSE_NONE);
    assert_int_not_equal(run(&w, MAKE_SAFE), TENON_OK); /* it cannot know */
    w.subject->set_silent(false);
    w.module->state = TENON_MODULE_RECOVERING;
    bring_active(&w);
}

int motor_conformance_run(const struct motor_subject *subject)
{
    struct motor_subject copy = *subject;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(tables_are_whole, &copy),
        cmocka_unit_test_prestate(it_comes_up_with_limits_and_without_torque, &copy),
        cmocka_unit_test_prestate(activation_moves_nothing, &copy),
        cmocka_unit_test_prestate(read_says_again_until_there_is_a_new_sample, &copy),
        cmocka_unit_test_prestate(commands_reach_the_device_only_while_active, &copy),
        cmocka_unit_test_prestate(commands_of_another_mode_are_refused, &copy),
        cmocka_unit_test_prestate(make_safe_works_before_anything_else, &copy),
        cmocka_unit_test_prestate(make_safe_ends_torque_in_every_state_and_again, &copy),
        cmocka_unit_test_prestate(make_safe_has_the_last_word_over_activation, &copy),
        cmocka_unit_test_prestate(it_comes_up_again_after_stop_and_release, &copy),
        cmocka_unit_test_prestate(a_silent_device_is_told_and_comes_back, &copy),
    };
    return cmocka_run_group_tests_name(subject->name, tests, NULL, NULL);
}
