/* Joints that start outside their limits: they may stay or come back in, never go further out. */
#include "rig.h"

#include "tenon_test.h"

#include <math.h>

#define EDGE  3.0
#define START 3.4

static struct rig rig;
static struct rig_motor *const motor = &rig.motors[0];
static struct tenon_joint *const joint = &rig.joints[0];

static const uint8_t modes[] = {TENON_MODE_POSITION,        TENON_MODE_EXTENDED_POSITION,
                                TENON_MODE_VELOCITY,        TENON_MODE_EFFORT,
                                TENON_MODE_EFFORT_POSITION, TENON_MODE_PWM};

static void start(uint8_t mode, double side)
{
    rig_make(&rig, 2);
    motor->base.mode = mode;
    motor->position_rad = side * START;
    rig_start_enabled(&rig);
}

/* Runs, and looks that it never is further out than before. */
static void run(double side, unsigned steps)
{
    double furthest = fmax(side * motor->position_rad, EDGE);
    for (unsigned i = 0; i < steps; i++) {
        rig_step(&rig);
        assert_true(side * motor->position_rad <= furthest + 1e-6);
        furthest = fmin(furthest, fmax(side * motor->position_rad, EDGE));
    }
    assert_int_equal(joint->status, TENON_JOINT_ENABLED);
}

static void push(uint8_t mode, double way)
{
    const struct tenon_joint_command c = {.position_rad = way * 10.0,
                                          .velocity_rad_s = (float)way,
                                          .effort_nm = 0.05f * (float)way,
                                          .mode = mode};
    assert_int_equal(tenon_joint_follow(joint, &c), TENON_OK);
}

static void in_every_mode_it_stays_when_pushed_out_and_comes_in_when_pulled(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof modes; m++) {
        for (double side = -1.0; side <= 1.0; side += 2.0) {
            start(modes[m], side);
            run(side, 50);
            assert_true(fabs(motor->position_rad - side * START) < 1e-6);
            push(modes[m], side);
            run(side, 300);
            assert_true(side * motor->position_rad > EDGE);
            push(modes[m], -side);
            for (unsigned i = 0; i < 3000 && side * motor->position_rad > EDGE - 0.5; i++) {
                run(side, 1);
            }
            assert_true(side * motor->position_rad <= EDGE - 0.5);
        }
    }
}

static void once_in_it_cannot_leave_again(void **state)
{
    static const uint8_t bounded[] = {TENON_MODE_POSITION, TENON_MODE_VELOCITY,
                                      TENON_MODE_EFFORT_POSITION};
    (void)state;
    for (size_t m = 0; m < sizeof bounded; m++) {
        for (double side = -1.0; side <= 1.0; side += 2.0) {
            start(bounded[m], side);
            push(bounded[m], -side);
            for (unsigned i = 0; i < 3000 && side * motor->position_rad > EDGE - 0.5; i++) {
                run(side, 1);
            }
            push(bounded[m], side);
            for (unsigned i = 0; i < 3000; i++) {
                rig_step(&rig);
                assert_true(side * motor->position_rad <= EDGE + 1e-6);
            }
            assert_true(side * motor->position_rad > EDGE - 0.01);
        }
    }
}

static void a_move_leads_in_but_not_out(void **state)
{
    (void)state;
    for (double side = -1.0; side <= 1.0; side += 2.0) {
        start(TENON_MODE_POSITION, side);
        assert_int_equal(tenon_joint_move_to(joint, side * (START - 0.1)), TENON_ERR_LIMIT);
        assert_int_equal(tenon_joint_move_to(joint, side * 2.0), TENON_OK);
        run(side, 2500);
        assert_true(fabs(motor->position_rad - side * 2.0) < 1e-6);
    }
}

static void a_group_leads_it_in_with_the_others(void **state)
{
    (void)state;
    for (double side = -1.0; side <= 1.0; side += 2.0) {
        start(TENON_MODE_POSITION, side);
        const double goals[] = {side * 1.0, 0.5};
        assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
        run(side, 300);
        assert_int_equal(tenon_group_stop(&rig.group), TENON_OK);
        run(side, 300);
        assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
        run(side, 3000);
        assert_true(fabs(motor->position_rad - side * 1.0) < 1e-6);
        assert_true(fabs(rig.motors[1].position_rad - 0.5) < 1e-6);
    }
}

static void making_it_safe_out_there_moves_it_no_further(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof modes; m++) {
        for (double side = -1.0; side <= 1.0; side += 2.0) {
            start(modes[m], side);
            push(modes[m], -side);
            rig_steps(&rig, 60);
            push(modes[m], side);
            rig_steps(&rig, 5);
            const double from = side * motor->position_rad;
            tenon_sched_estop(&rig.sched);
            for (unsigned i = 0; i < 300; i++) {
                rig_step(&rig);
                assert_true(side * motor->position_rad <= from + 1e-6);
            }
            assert_false(motor->torque_is_on);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_every_mode_it_stays_when_pushed_out_and_comes_in_when_pulled),
        cmocka_unit_test(once_in_it_cannot_leave_again),
        cmocka_unit_test(a_move_leads_in_but_not_out),
        cmocka_unit_test(a_group_leads_it_in_with_the_others),
        cmocka_unit_test(making_it_safe_out_there_moves_it_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
