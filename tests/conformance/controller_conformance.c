#include "controller_conformance.h"

#include "driver_conformance.h"

#include <math.h>

static struct tenon_controller_input input_at(const struct controller_subject *subject, double t)
{
    const double wanted = 0.4 * sin(3.0 * t);
    const double measured = 0.4 * sin(3.0 * (t - 0.01));
    return (struct tenon_controller_input){
        .setpoint = {.position_rad = wanted,
                     .velocity_rad_s = (float)(1.2 * cos(3.0 * t)),
                     .effort_nm = 0.1f,
                     .mode = subject->mode},
        .state = {.position_rad = measured,
                  .velocity_rad_s = (float)(1.2 * cos(3.0 * t)),
                  .valid = 7},
        .position_error_rad = (float)(wanted - measured),
        .dt_s = 0.004f,
    };
}

static struct tenon_joint_command update(struct tenon_controller *c,
                                         const struct tenon_controller_input *input)
{
    struct tenon_joint_command out = {0};
    assert_int_equal(tenon_controller_get_api(c)->update(c, input, &out), TENON_OK);
    return out;
}

static bool is_finite_command(const struct tenon_joint_command *c)
{
    return isfinite(c->position_rad) && isfinite(c->velocity_rad_s) && isfinite(c->effort_nm);
}

static void tables_are_whole(void **state)
{
    const struct controller_subject *subject = *state;
    const struct tenon_controller *c = subject->make();
    check_driver_tables(&c->module, TENON_ROLE_CONTROLLER, sizeof(struct tenon_controller_api));
    assert_non_null(tenon_controller_get_api(c)->update);
    assert_non_null(tenon_controller_get_api(c)->track);
}

static void life_asks_for_nothing_else(void **state)
{
    const struct controller_subject *subject = *state;
    struct tenon_controller *c = subject->make();
    assert_int_equal(c->module.driver->lifecycle->probe(&c->module, 0), TENON_OK);
    assert_int_equal(c->module.driver->lifecycle->make_safe(&c->module, 0), TENON_OK);
}

static void commands_are_numbers_in_a_mode(void **state)
{
    const struct controller_subject *subject = *state;
    struct tenon_controller *c = subject->make();
    for (unsigned i = 0; i < 1000; i++) {
        const struct tenon_controller_input input = input_at(subject, 0.004 * i);
        const struct tenon_joint_command out = update(c, &input);
        assert_true(is_finite_command(&out));
        assert_in_range(out.mode, TENON_MODE_POSITION, TENON_MODE_PWM);
    }
}

static void same_inputs_give_the_same_outputs(void **state)
{
    const struct controller_subject *subject = *state;
    struct tenon_joint_command first[100];
    for (unsigned run = 0; run < 2; run++) {
        struct tenon_controller *c = subject->make();
        for (unsigned i = 0; i < 100; i++) {
            const struct tenon_controller_input input = input_at(subject, 0.004 * i);
            const struct tenon_joint_command out = update(c, &input);
            if (run == 0) {
                first[i] = out;
            }
            assert_memory_equal(&out.position_rad, &first[i].position_rad, sizeof out.position_rad);
            assert_memory_equal(&out.effort_nm, &first[i].effort_nm, sizeof out.effort_nm);
            assert_memory_equal(&out.velocity_rad_s, &first[i].velocity_rad_s,
                                sizeof out.velocity_rad_s);
        }
    }
}

/* Standing by for ten seconds behind a limit must leave no more than standing by for ten cycles. */
static void standing_by_winds_nothing_up(void **state)
{
    const struct controller_subject *subject = *state;
    static const unsigned cycles[] = {10, 2500};
    struct tenon_joint_command out[2];
    const struct tenon_controller_input input = input_at(subject, 0.5);
    const struct tenon_joint_command applied = {.mode = subject->mode};
    for (unsigned run = 0; run < 2; run++) {
        struct tenon_controller *c = subject->make();
        for (unsigned i = 0; i < cycles[run]; i++) {
            assert_int_equal(tenon_controller_get_api(c)->track(c, &input, &applied), TENON_OK);
        }
        out[run] = update(c, &input);
    }
    assert_true(fabs(out[1].position_rad - out[0].position_rad) < 1e-3);
    assert_true(fabsf(out[1].velocity_rad_s - out[0].velocity_rad_s) < 1e-2f);
    assert_true(fabsf(out[1].effort_nm - out[0].effort_nm) < 1e-2f);
}

int controller_conformance_run(const struct controller_subject *subject)
{
    struct controller_subject copy = *subject;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(tables_are_whole, &copy),
        cmocka_unit_test_prestate(life_asks_for_nothing_else, &copy),
        cmocka_unit_test_prestate(commands_are_numbers_in_a_mode, &copy),
        cmocka_unit_test_prestate(same_inputs_give_the_same_outputs, &copy),
        cmocka_unit_test_prestate(standing_by_winds_nothing_up, &copy),
    };
    return cmocka_run_group_tests_name(subject->name, tests, NULL, NULL);
}
