#include "reducer_conformance.h"

#include "driver_conformance.h"

#include <math.h>
#include <string.h>

#define TRIALS 2000
#define DT     0.004f

struct points {
    struct tenon_joint_command joints[TENON_COUPLED_MAX];
    struct tenon_joint_state at[TENON_COUPLED_MAX];
    struct tenon_motor_command motors[TENON_COUPLED_MAX];
    struct tenon_motor_state states[TENON_COUPLED_MAX];
    struct tenon_joint_state back[TENON_COUPLED_MAX];
};

static double next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (double)(*seed >> 8) / 8388608.0 - 1.0; /* -1 ... 1 */
}

static const struct tenon_reducer_api *api_of(const struct tenon_reducer *r)
{
    return tenon_reducer_get_api(r);
}

static void draw(const struct tenon_reducer *r, struct points *p, uint8_t mode, uint32_t *seed)
{
    memset(p, 0, sizeof *p);
    for (unsigned i = 0; i < r->joint_count; i++) {
        p->joints[i].position_rad = 10.0 * next_random(seed);
        p->joints[i].velocity_rad_s = (float)(5.0 * next_random(seed));
        p->joints[i].effort_nm = (float)(3.0 * next_random(seed));
        p->joints[i].mode = mode;
        p->at[i].position_rad = p->joints[i].position_rad;
        p->at[i].velocity_rad_s = p->joints[i].velocity_rad_s;
    }
    for (unsigned i = 0; i < r->motor_count; i++) {
        p->motors[i].mode = mode;
    }
}

static void there_and_back(struct tenon_reducer *r, struct points *p)
{
    assert_int_equal(api_of(r)->to_motor(r, p->joints, p->at, DT, p->motors), TENON_OK);
    for (unsigned i = 0; i < r->motor_count; i++) {
        p->states[i].position_rad = p->motors[i].position_rad;
        p->states[i].velocity_rad_s = p->motors[i].velocity_rad_s;
        p->states[i].effort_nm = p->motors[i].effort_nm;
    }
    assert_int_equal(api_of(r)->to_joint(r, p->states, DT, p->back), TENON_OK);
}

static void tables_are_whole(void **state)
{
    const struct reducer_subject *subject = *state;
    const struct tenon_reducer *r = subject->make();
    check_driver_tables(&r->module, TENON_ROLE_REDUCER, sizeof(struct tenon_reducer_api));
    assert_non_null(api_of(r)->to_joint);
    assert_non_null(api_of(r)->to_motor);
    assert_in_range(r->motor_count, 1, TENON_COUPLED_MAX);
    assert_in_range(r->joint_count, 1, TENON_COUPLED_MAX);
}

static void life_asks_for_nothing_else(void **state)
{
    const struct reducer_subject *subject = *state;
    struct tenon_reducer *r = subject->make();
    assert_int_equal(r->module.driver->lifecycle->probe(&r->module, 0), TENON_OK);
    assert_int_equal(r->module.driver->lifecycle->make_safe(&r->module, 0), TENON_OK);
}

static void there_and_back_is_the_same(void **state)
{
    const struct reducer_subject *subject = *state;
    struct tenon_reducer *r = subject->make();
    uint32_t seed = 1;
    for (unsigned trial = 0; trial < TRIALS; trial++) {
        struct points p;
        draw(r, &p, TENON_MODE_EFFORT, &seed);
        there_and_back(r, &p);
        for (unsigned i = 0; i < r->joint_count; i++) {
            const struct tenon_joint_command *want = &p.joints[i];
            assert_true(fabs(p.back[i].position_rad - want->position_rad) < 1e-9);
            assert_true(fabsf(p.back[i].velocity_rad_s - want->velocity_rad_s) < 1e-4f);
            assert_true(fabsf(p.back[i].effort_nm - want->effort_nm) < 1e-4f);
        }
    }
}

static void power_in_is_power_out(void **state)
{
    const struct reducer_subject *subject = *state;
    struct tenon_reducer *r = subject->make();
    uint32_t seed = 2;
    if (!subject->is_lossless) {
        skip();
    }
    for (unsigned trial = 0; trial < TRIALS; trial++) {
        struct points p;
        double in = 0.0, out = 0.0, scale = 0.0;
        draw(r, &p, TENON_MODE_EFFORT, &seed);
        there_and_back(r, &p);
        for (unsigned i = 0; i < r->motor_count; i++) {
            in += (double)p.motors[i].effort_nm * (double)p.motors[i].velocity_rad_s;
            scale += fabs((double)p.motors[i].effort_nm * (double)p.motors[i].velocity_rad_s);
        }
        for (unsigned i = 0; i < r->joint_count; i++) {
            out += (double)p.joints[i].effort_nm * (double)p.joints[i].velocity_rad_s;
        }
        assert_true(fabs(in - out) <= 1e-5 * (scale + fabs(out)));
    }
}

/* Velocity must be the rate of position, by finite difference. */
static void velocity_fits_position(void **state)
{
    const struct reducer_subject *subject = *state;
    struct tenon_reducer *r = subject->make();
    uint32_t seed = 3;
    const double dt = 1e-4;
    for (unsigned trial = 0; trial < TRIALS; trial++) {
        struct points before, after;
        draw(r, &before, TENON_MODE_POSITION, &seed);
        after = before;
        for (unsigned i = 0; i < r->joint_count; i++) {
            after.joints[i].position_rad += dt * (double)before.joints[i].velocity_rad_s;
            after.at[i].position_rad = after.joints[i].position_rad;
        }
        there_and_back(r, &before);
        there_and_back(r, &after);
        for (unsigned i = 0; i < r->motor_count; i++) {
            const double moved = after.motors[i].position_rad - before.motors[i].position_rad;
            const double wanted = (double)before.motors[i].velocity_rad_s;
            assert_true(fabs(moved / dt - wanted) <= 1e-4 * (1.0 + fabs(wanted)));
        }
    }
}

static void what_is_no_number_stays_none(void **state)
{
    const struct reducer_subject *subject = *state;
    struct tenon_reducer *r = subject->make();
    uint32_t seed = 4;
    struct points p;
    draw(r, &p, TENON_MODE_EFFORT, &seed);
    p.joints[0].position_rad = (double)NAN;
    p.joints[0].effort_nm = NAN;
    const int rc = api_of(r)->to_motor(r, p.joints, p.at, DT, p.motors);
    bool shows = rc < 0; /* or it is left to the motor gate */
    for (unsigned i = 0; i < r->motor_count && !shows; i++) {
        shows = isnan(p.motors[i].position_rad) && isnan(p.motors[i].effort_nm);
    }
    assert_true(shows);
    draw(r, &p, TENON_MODE_EFFORT, &seed);
    there_and_back(r, &p); /* and leaves nothing behind */
    assert_true(fabs(p.back[0].position_rad - p.joints[0].position_rad) < 1e-9);
}

static void modes_are_left_to_the_core(void **state)
{
    const struct reducer_subject *subject = *state;
    struct tenon_reducer *r = subject->make();
    uint32_t seed = 5;
    for (unsigned mode = TENON_MODE_POSITION; mode <= TENON_MODE_PWM; mode++) {
        struct points p;
        draw(r, &p, (uint8_t)mode, &seed);
        assert_int_equal(api_of(r)->to_motor(r, p.joints, p.at, DT, p.motors), TENON_OK);
        for (unsigned i = 0; i < r->motor_count; i++) {
            assert_int_equal(p.motors[i].mode, mode);
        }
    }
}

static void limits_are_in_order_and_leave_the_rest_alone(void **state)
{
    const struct reducer_subject *subject = *state;
    struct tenon_reducer *r = subject->make();
    struct tenon_motor_limits motors[TENON_COUPLED_MAX];
    struct tenon_joint_limits joints[TENON_COUPLED_MAX];
    if (api_of(r)->limits == NULL) {
        skip();
    }
    for (unsigned i = 0; i < TENON_COUPLED_MAX; i++) {
        motors[i] = (struct tenon_motor_limits){-3.0 - i, 5.0, 4.0f, 2.0f, 9.0f};
        joints[i] = (struct tenon_joint_limits){
            .acceleration_rad_s2 = 77.0f, .jerk_rad_s3 = 78.0f, .following_error_rad = 79.0f};
    }
    assert_int_equal(api_of(r)->limits(r, motors, joints), TENON_OK);
    for (unsigned i = 0; i < r->joint_count; i++) {
        assert_true(joints[i].position_min_rad < joints[i].position_max_rad);
        assert_true(joints[i].velocity_rad_s > 0.0f);
        assert_true(joints[i].effort_nm > 0.0f);
        assert_true(fabsf(joints[i].acceleration_rad_s2 - 77.0f) < 1e-6f);
        assert_true(fabsf(joints[i].jerk_rad_s3 - 78.0f) < 1e-6f);
        assert_true(fabsf(joints[i].following_error_rad - 79.0f) < 1e-6f);
    }
}

int reducer_conformance_run(const struct reducer_subject *subject)
{
    struct reducer_subject copy = *subject;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(tables_are_whole, &copy),
        cmocka_unit_test_prestate(life_asks_for_nothing_else, &copy),
        cmocka_unit_test_prestate(there_and_back_is_the_same, &copy),
        cmocka_unit_test_prestate(power_in_is_power_out, &copy),
        cmocka_unit_test_prestate(velocity_fits_position, &copy),
        cmocka_unit_test_prestate(what_is_no_number_stays_none, &copy),
        cmocka_unit_test_prestate(modes_are_left_to_the_core, &copy),
        cmocka_unit_test_prestate(limits_are_in_order_and_leave_the_rest_alone, &copy),
    };
    return cmocka_run_group_tests_name(subject->name, tests, NULL, NULL);
}
