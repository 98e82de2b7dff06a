/* Supervision of a joint: following error, arrival, stall, heat. */
#include "fake_pd.h"
#include "rig.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

static struct rig rig;
static struct rig_motor *const motor = &rig.motors[0];
static struct tenon_joint *const joint = &rig.joints[0];
static struct tenon_joint_supervision watch;
static struct fake_pd pd;

static void make(enum tenon_mode mode)
{
    rig_make(&rig, 1);
    memset(&watch, 0, sizeof watch);
    joint->supervision = &watch;
    motor->base.mode = (uint8_t)mode;
}

static void follow_effort(float effort_nm)
{
    const struct tenon_joint_command c = {.effort_nm = effort_nm, .mode = motor->base.mode};
    assert_int_equal(tenon_joint_follow(joint, &c), TENON_OK);
}

/* @return steps until it is no longer enabled; `most` if it stays so. */
static unsigned steps_until_fault(unsigned most)
{
    unsigned steps = 0;
    for (; steps < most && joint->status == TENON_JOINT_ENABLED; steps++) {
        rig_step(&rig);
    }
    return steps;
}

static void assert_fault(enum tenon_cause cause, float value, float bound)
{
    assert_int_equal(joint->diag.cause, cause);
    assert_int_equal(joint->diag.code, TENON_ERR_LIMIT);
    assert_string_equal(joint->diag.subject, "hip");
    assert_true(fabsf(joint->diag.value - value) <= 0.02f * value);
    assert_true(fabsf(joint->diag.bound - bound) <= 1e-6f);
    assert_int_equal(joint->fault_count, 1);
}

/* --- following --- */

static void following_error_is_borne_for_its_time_and_no_longer(void **state)
{
    (void)state;
    for (unsigned borne = 0; borne <= 40; borne += 8) {
        for (unsigned late = 0; late <= 1; late++) {
            make(TENON_MODE_POSITION);
            rig.limits.following_error_rad = 0.02f;
            watch.following_s = (float)borne * 1e-3f + 0.5e-3f;
            rig_start_enabled(&rig);
            motor->sag_rad = 0.03;
            rig_steps(&rig, borne + late);
            motor->sag_rad = 0.0;
            rig_steps(&rig, 200);
            assert_int_equal(joint->status, late == 0 ? TENON_JOINT_ENABLED : TENON_JOINT_FAULT);
            if (late != 0) {
                assert_fault(TENON_CAUSE_FOLLOWING_ERROR, 0.03f, 0.02f);
            }
        }
    }
}

static void a_joint_driven_by_effort_is_held_against_its_set_point(void **state)
{
    (void)state;
    make(TENON_MODE_EFFORT);
    rig.limits.following_error_rad = 0.1f;
    rig_add(&rig);
    assert_int_equal(tenon_joint_use_controller(joint, fake_pd_init(&pd)), TENON_OK);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    rig_steps(&rig, 10);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(joint, 1.0), TENON_OK);
    (void)rig_settle(&rig);
    assert_int_equal(joint->status, TENON_JOINT_ENABLED);
    assert_true(fabs(motor->position_rad - 1.0) < 0.01);
    motor->is_stuck = true;
    assert_int_equal(tenon_joint_move_to(joint, 0.0), TENON_OK);
    assert_true(steps_until_fault(2000) < 2000);
    assert_fault(TENON_CAUSE_FOLLOWING_ERROR, 0.1f, 0.1f);
}

/* --- arrival --- */

static void it_is_settled_when_it_has_been_in_its_window_for_long_enough(void **state)
{
    (void)state;
    make(TENON_MODE_POSITION);
    motor->lag_s = 0.03;
    watch.window_rad = 0.01f;
    watch.settle_s = 0.05f;
    rig_start_enabled(&rig);
    assert_int_equal(tenon_joint_move_to(joint, 1.0), TENON_OK);
    unsigned since = 0;
    for (unsigned i = 0; i < 3000 && !tenon_joint_is_settled(joint, 1.0); i++) {
        rig_step(&rig);
        const bool is_within = fabs(joint->state.position_rad - 1.0) <= 0.01;
        since = is_within && !tenon_joint_is_moving(joint) ? since + 1 : 0;
        assert_true(since <= 51);
    }
    assert_true(since >= 50);
    motor->sag_rad = 0.02; /* it is pushed out of its window */
    rig_steps(&rig, 200);
    assert_false(tenon_joint_is_settled(joint, 1.0));
    motor->sag_rad = 0.0;
    rig_steps(&rig, 40);
    assert_false(tenon_joint_is_settled(joint, 1.0));
    rig_steps(&rig, 120);
    assert_true(tenon_joint_is_settled(joint, 1.0));
    assert_int_equal(tenon_joint_move_to(joint, 1.005), TENON_OK);
    assert_false(tenon_joint_is_settled(joint, 1.0));
    rig_step(&rig);
    assert_false(tenon_joint_is_settled(joint, 1.0));
}

static void the_tolerance_of_the_caller_counts_beside_the_window(void **state)
{
    (void)state;
    make(TENON_MODE_POSITION);
    watch.window_rad = 0.01f;
    rig_start_enabled(&rig);
    motor->sag_rad = 0.005;
    rig_steps(&rig, 5);
    assert_true(tenon_joint_is_settled(joint, 0.006));
    assert_false(tenon_joint_is_settled(joint, 0.004));
}

/* --- stall --- */

static void effort_without_motion_is_a_stall_after_its_time(void **state)
{
    static const struct {
        float effort, velocity, own_effort, own_velocity;
        bool is_stall;
    } cases[] = {
        {0.91f, 0.0f, 0.0f, 0.0f, true},     {-0.91f, 0.019f, 0.0f, 0.0f, true},
        {0.89f, 0.0f, 0.0f, 0.0f, false},    {0.95f, 0.021f, 0.0f, 0.0f, false},
        {0.95f, -0.021f, 0.0f, 0.0f, false}, {0.5f, 0.0f, 0.4f, 0.0f, true},
        {0.39f, 0.0f, 0.4f, 0.0f, false},    {0.95f, 0.3f, 0.0f, 0.4f, true},
        {0.95f, 0.5f, 0.0f, 0.4f, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make(TENON_MODE_POSITION);
        watch.stall_s = 0.0995f;
        watch.stall_effort_nm = cases[i].own_effort;
        watch.stall_velocity_rad_s = cases[i].own_velocity;
        rig_start_enabled(&rig);
        motor->effort_nm = cases[i].effort;
        motor->velocity_rad_s = (double)cases[i].velocity;
        const unsigned steps = steps_until_fault(1000);
        assert_int_equal(steps, cases[i].is_stall ? 100 : 1000);
        if (cases[i].is_stall) {
            assert_fault(TENON_CAUSE_STALL, fabsf(cases[i].effort),
                         cases[i].own_effort > 0.0f ? cases[i].own_effort : 0.9f);
        }
    }
}

static void a_moment_of_motion_ends_a_stall(void **state)
{
    (void)state;
    make(TENON_MODE_POSITION);
    watch.stall_s = 0.1f;
    rig_start_enabled(&rig);
    motor->effort_nm = 1.0f;
    for (unsigned i = 0; i < 20; i++) {
        rig_steps(&rig, 90);
        motor->velocity_rad_s = 0.1;
        rig_step(&rig);
        motor->velocity_rad_s = 0.0;
    }
    assert_int_equal(joint->status, TENON_JOINT_ENABLED);
}

static void a_stall_by_duty_counts_the_duty(void **state)
{
    (void)state;
    make(TENON_MODE_PWM);
    watch.stall_s = 0.1f;
    motor->is_stuck = true;
    rig_start_enabled(&rig);
    follow_effort(0.8f);
    assert_int_equal(steps_until_fault(500), 500);
    follow_effort(-0.95f);
    assert_in_range(steps_until_fault(500), 100, 102);
    assert_fault(TENON_CAUSE_STALL, 0.95f, 0.9f);
}

/* --- heat --- */

#define CONTINUOUS 0.4f
#define TAU_S      0.5f

static void make_warm(enum tenon_mode mode)
{
    make(mode);
    watch.continuous_effort_nm = CONTINUOUS;
    watch.thermal_s = TAU_S;
    motor->echoes_effort = mode == TENON_MODE_EFFORT;
    motor->is_stuck = mode == TENON_MODE_EFFORT;
}

/* Steps of 1 ms until the heat gets to `heat` at `load` times the continuous effort. */
static double steps_to(double heat, double load)
{
    return (double)TAU_S * log(load * load / (load * load - heat)) * 1000.0;
}

static void the_effort_limit_comes_down_smoothly_to_what_it_can_give_for_ever(void **state)
{
    (void)state;
    make_warm(TENON_MODE_EFFORT);
    rig_start_enabled(&rig);
    follow_effort(1.0f);
    rig_step(&rig);
    unsigned until_derated = 0;
    float before = joint->limits.effort_nm;
    for (unsigned i = 0; i < 5000; i++) {
        rig_step(&rig);
        const float limit = joint->limits.effort_nm;
        assert_true(limit <= before && before - limit < 0.05f * before);
        assert_true(motor->last.effort_nm <= before + 1e-6f);
        assert_true(watch.heat <= 1.001f);
        until_derated += watch.is_derated ? 0u : 1u;
        before = limit;
    }
    assert_true(fabs(until_derated - steps_to(0.8, 2.5)) <= 0.02 * steps_to(0.8, 2.5) + 2.0);
    assert_true(fabsf(joint->limits.effort_nm - CONTINUOUS) < 0.01f * CONTINUOUS);
    assert_int_equal(joint->status, TENON_JOINT_ENABLED); /* it never had to fail */
    assert_int_equal(watch.derated_count, 1);
}

static void rest_gives_the_effort_back(void **state)
{
    (void)state;
    make_warm(TENON_MODE_EFFORT);
    rig_start_enabled(&rig);
    for (unsigned round = 1; round <= 3; round++) {
        follow_effort(1.0f);
        rig_steps(&rig, 2000);
        assert_true(watch.is_derated);
        assert_int_equal(watch.derated_count, round);
        struct tenon_event event;
        assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_OK);
        assert_int_equal(event.kind, TENON_EVENT_DERATED);
        assert_int_equal(event.diag.cause, TENON_CAUSE_DERATED);
        assert_string_equal(event.name, "hip");
        assert_true(event.diag.value > 0.8f && event.diag.value < 0.85f);
        assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_ERR_AGAIN);
        follow_effort(0.0f);
        rig_steps(&rig, 2000);
        assert_false(watch.is_derated);
        assert_true(fabsf(joint->limits.effort_nm - 1.0f) < 1e-6f);
    }
}

static void what_cannot_be_derated_fails_when_it_must(void **state)
{
    (void)state;
    make_warm(TENON_MODE_POSITION);
    rig_start_enabled(&rig);
    motor->effort_nm = 1.04f * CONTINUOUS; /* for ever, within what a sensor is good for */
    assert_int_equal(steps_until_fault(10000), 10000);
    motor->effort_nm = 0.0f;
    rig_steps(&rig, 10000);
    assert_true(watch.heat < 1e-3f);
    motor->effort_nm = 2.0f * CONTINUOUS;
    const double expected = steps_to(1.1, 2.0);
    const unsigned steps = steps_until_fault(10000);
    assert_true(fabs(steps - expected) <= 0.02 * expected + 2.0);
    assert_fault(TENON_CAUSE_OVERLOAD, 1.1f, 1.1f);
    rig_steps(&rig, 200);
    assert_false(motor->torque_is_on);
}

/* The model goes by the clock. */
static void a_host_that_is_late_makes_no_motor_cooler(void **state)
{
    (void)state;
    make_warm(TENON_MODE_POSITION);
    rig_start_enabled(&rig);
    motor->effort_nm = 2.0f * CONTINUOUS;
    const tenon_ns_t begin = rig.now;
    for (unsigned i = 0; i < 1000 && joint->status == TENON_JOINT_ENABLED; i++) {
        rig.now += 3 * RIG_PERIOD;
        rig_step(&rig);
    }
    const double took_steps = (double)(rig.now - begin) * 1e-6;
    assert_true(fabs(took_steps - steps_to(1.1, 2.0)) <= 0.03 * took_steps);
}

static void a_fault_and_its_reset_leave_heat_and_limit_as_they_are(void **state)
{
    (void)state;
    for (unsigned has_limits = 0; has_limits < 2; has_limits++) {
        make_warm(TENON_MODE_EFFORT);
        rig.has_limits = has_limits != 0;
        rig_start_enabled(&rig);
        const float peak = joint->limits.effort_nm;
        follow_effort(peak);
        rig_steps(&rig, 3000);
        const float heat = watch.heat, limit = joint->limits.effort_nm;
        assert_true(limit < 0.5f * peak);
        motor->fail_at[RIG_READ] = motor->calls[RIG_READ] + 1;
        assert_true(rig_reach(&rig, 0, TENON_JOINT_FAULT, 5));
        assert_int_equal(tenon_joint_reset(joint), TENON_OK);
        assert_true(rig_reach(&rig, 0, TENON_JOINT_DISABLED, 100));
        assert_true(watch.heat > 0.8f * heat);
        motor->echoes_effort = false;
        rig_steps(&rig, 5000);
        assert_true(fabsf(joint->limits.effort_nm - peak) < 1e-6f);
    }
}

static void heat_that_is_known_from_before_counts(void **state)
{
    (void)state;
    make_warm(TENON_MODE_EFFORT);
    watch.heat = 1.0f;
    rig_start_enabled(&rig);
    assert_true(watch.is_derated);
    assert_true(joint->limits.effort_nm < 0.6f);
}

static void a_sensor_gone_mad_makes_no_heat_that_is_no_number(void **state)
{
    (void)state;
    make_warm(TENON_MODE_POSITION);
    rig_start_enabled(&rig);
    motor->effort_nm = 3e38f;
    assert_true(steps_until_fault(100) <= 3);
    assert_int_equal(joint->diag.cause, TENON_CAUSE_OVERLOAD);
    motor->effort_nm = 0.0f;
    rig_steps(&rig, 10000);
    assert_true(watch.heat < 0.1f && watch.heat >= 0.0f);
    assert_true(fabsf(joint->limits.effort_nm - 1.0f) < 1e-6f);
}

/* --- settings --- */

static void settings_that_cannot_be_are_refused_by_name(void **state)
{
    (void)state;
    static const float bad[] = {-1.0f, -1e-30f, NAN, INFINITY, -INFINITY};
    static const struct {
        size_t offset;
        const char *name;
    } settings[] = {
        {offsetof(struct tenon_joint_supervision, following_s), "following_s"},
        {offsetof(struct tenon_joint_supervision, window_rad), "window_rad"},
        {offsetof(struct tenon_joint_supervision, settle_s), "settle_s"},
        {offsetof(struct tenon_joint_supervision, stall_s), "stall_s"},
        {offsetof(struct tenon_joint_supervision, stall_effort_nm), "stall_effort_nm"},
        {offsetof(struct tenon_joint_supervision, stall_velocity_rad_s), "stall_velocity_rad_s"},
        {offsetof(struct tenon_joint_supervision, continuous_effort_nm), "continuous_effort_nm"},
        {offsetof(struct tenon_joint_supervision, thermal_s), "thermal_s"},
        {offsetof(struct tenon_joint_supervision, heat), "heat"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            make(TENON_MODE_POSITION);
            memcpy((char *)&watch + settings[i].offset, &bad[k], sizeof bad[k]);
            rig_add(&rig);
            assert_int_equal(tenon_sched_start(&rig.sched), TENON_ERR_LIMIT);
            const struct tenon_diag *const diag = tenon_sched_diag(&rig.sched);
            assert_int_equal(diag->cause,
                             k < 2 ? TENON_CAUSE_LIMIT_MISSING : TENON_CAUSE_NOT_FINITE);
            assert_string_equal(diag->detail, settings[i].name);
            assert_string_equal(diag->subject, "hip");
        }
    }
    make(TENON_MODE_POSITION);
    watch.continuous_effort_nm = 1.0f; /* without its time */
    rig_add(&rig);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_ERR_LIMIT);
    assert_string_equal(tenon_sched_diag(&rig.sched)->detail, "thermal_s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(following_error_is_borne_for_its_time_and_no_longer),
        cmocka_unit_test(a_joint_driven_by_effort_is_held_against_its_set_point),
        cmocka_unit_test(it_is_settled_when_it_has_been_in_its_window_for_long_enough),
        cmocka_unit_test(the_tolerance_of_the_caller_counts_beside_the_window),
        cmocka_unit_test(effort_without_motion_is_a_stall_after_its_time),
        cmocka_unit_test(a_moment_of_motion_ends_a_stall),
        cmocka_unit_test(a_stall_by_duty_counts_the_duty),
        cmocka_unit_test(the_effort_limit_comes_down_smoothly_to_what_it_can_give_for_ever),
        cmocka_unit_test(rest_gives_the_effort_back),
        cmocka_unit_test(what_cannot_be_derated_fails_when_it_must),
        cmocka_unit_test(a_host_that_is_late_makes_no_motor_cooler),
        cmocka_unit_test(a_fault_and_its_reset_leave_heat_and_limit_as_they_are),
        cmocka_unit_test(heat_that_is_known_from_before_counts),
        cmocka_unit_test(a_sensor_gone_mad_makes_no_heat_that_is_no_number),
        cmocka_unit_test(settings_that_cannot_be_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
