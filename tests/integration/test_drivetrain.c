/* A differential: two motors serve two joints, which share rate, torque and fault. */
#include "rig.h"

#include "tenon/drivers/differential_reducer.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

static struct rig rig;
static struct tenon_drivetrain drivetrain;
static struct tenon_differential_reducer reducer;
static struct tenon_joint *const pitch = &rig.joints[0];
static struct tenon_joint *const roll = &rig.joints[1];

static void make(void)
{
    rig_make(&rig, 2);
    memset(&drivetrain, 0, sizeof drivetrain);
}

static int add(struct tenon_joint *first, struct tenon_joint *second)
{
    static const double motor_ratios[2] = {2.0, 2.0};
    static const double joint_ratios[2] = {1.0, 1.0};
    static const char *const names[2] = {"pitch", "roll"};
    struct tenon_motor *const motors[2] = {&rig.motors[0].base, &rig.motors[1].base};
    struct tenon_joint *const joints[2] = {first, second};
    rig.limits.position_min_rad = -1.4;
    rig.limits.position_max_rad = 1.4;
    const struct tenon_joint_limits limits[2] = {rig.limits, rig.limits};
    const struct tenon_drivetrain_config config = {
        .motors = motors,
        .reducer = tenon_differential_reducer_init(&reducer, motor_ratios, joint_ratios),
        .joints = joints,
        .joint_names = names,
        .limits = rig.has_limits ? limits : NULL,
        .motor_count = 2,
        .joint_count = 2,
    };
    return tenon_sched_add_drivetrain(&rig.sched, &drivetrain, "wrist", &config);
}

static void start(void)
{
    assert_int_equal(add(pitch, roll), TENON_OK);
    rig.members[0] = pitch;
    rig.members[1] = roll;
    assert_int_equal(tenon_sched_add_group(&rig.sched, &rig.group, "both", rig.members, 2),
                     TENON_OK);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    rig_steps(&rig, 10);
    assert_int_equal(pitch->status, TENON_JOINT_DISABLED);
    assert_int_equal(roll->status, TENON_JOINT_DISABLED);
}

static double pitch_of_motors(void)
{
    return 0.25 * (rig.motors[0].position_rad + rig.motors[1].position_rad);
}

static double roll_of_motors(void)
{
    return 0.25 * (rig.motors[0].position_rad - rig.motors[1].position_rad);
}

static void both_joints_come_on_together_without_a_jump(void **state)
{
    (void)state;
    make();
    rig.motors[0].position_rad = 1.3;
    rig.motors[1].position_rad = -0.5;
    start();
    assert_true(fabs(pitch->state.position_rad - 0.2) < 1e-12);
    assert_true(fabs(roll->state.position_rad - 0.45) < 1e-12);
    assert_int_equal(tenon_joint_enable(roll), TENON_OK); /* one asks, both have torque */
    assert_true(rig_reach(&rig, 0, TENON_JOINT_ENABLED, 20));
    assert_int_equal(roll->status, TENON_JOINT_ENABLED);
    rig_steps(&rig, 5);
    assert_true(rig.motors[0].jump_rad < 1e-12);
    assert_true(rig.motors[1].jump_rad < 1e-12);
}

static void one_joint_moves_and_the_other_stays(void **state)
{
    (void)state;
    make();
    start();
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(pitch, 0.8), TENON_OK);
    while (pitch->own.status != TENON_GROUP_DONE) {
        rig_step(&rig);
        assert_true(fabs(roll_of_motors()) < 1e-9);
        assert_int_not_equal(pitch->own.status, TENON_GROUP_ABORTED);
    }
    rig_steps(&rig, 3);
    assert_true(fabs(pitch_of_motors() - 0.8) < 1e-9);
    const double goals[2] = {-0.3, 0.6};
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
    (void)rig_settle(&rig);
    assert_true(fabs(pitch_of_motors() + 0.3) < 1e-9);
    assert_true(fabs(roll_of_motors() - 0.6) < 1e-9);
    assert_int_equal(rig.motors[0].base.gate_count + rig.motors[1].base.gate_count, 0);
}

static void limits_come_from_the_motors_by_the_reducer(void **state)
{
    (void)state;
    make();
    rig.has_limits = false;
    start();
    assert_true(fabs(pitch->limits.position_max_rad - 1.5) < 1e-9);
    assert_true(fabs((double)pitch->limits.velocity_rad_s - 2.5) < 1e-6);
    rig_enable(&rig);
    const double goals[2] = {1.5, 1.5}; /* the far corner */
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
    (void)rig_settle(&rig);
    assert_true(fabs(rig.motors[0].position_rad - 6.0) < 1e-9);
    assert_int_equal(rig.motors[0].base.gate_count, 0);
}

static void limits_of_one_outside_the_model_keep_both_from_torque(void **state)
{
    (void)state;
    make();
    rig.limits.velocity_rad_s = 3.0f;
    assert_int_equal(add(pitch, roll), TENON_OK);
    pitch->limits.velocity_rad_s = 1.0f;
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    rig_steps(&rig, 10);
    assert_int_equal(tenon_joint_enable(roll), TENON_ERR_STATE);
    assert_int_equal(tenon_joint_enable(pitch), TENON_ERR_STATE);
    rig_steps(&rig, 10);
    assert_int_equal(rig.motors[0].on_count + rig.motors[1].on_count, 0);
}

static void stop_of_one_leaves_the_other_alone(void **state)
{
    (void)state;
    make();
    start();
    rig_enable(&rig);
    const struct tenon_joint_command c = {.position_rad = 1.2, .mode = TENON_MODE_POSITION};
    assert_int_equal(tenon_joint_follow(pitch, &c), TENON_OK);
    assert_int_equal(tenon_joint_follow(roll, &c), TENON_OK);
    rig_steps(&rig, 200);
    assert_int_equal(tenon_joint_stop(roll), TENON_OK);
    rig_steps(&rig, 1200);
    assert_int_equal(roll->status, TENON_JOINT_ENABLED);
    assert_true(roll_of_motors() < 0.8);
    assert_true(fabs(pitch_of_motors() - 1.2) < 1e-3);
}

static uint8_t soonest(unsigned a, unsigned b)
{
    if (a == TENON_SAFE_LIMP || b == TENON_SAFE_LIMP) {
        return TENON_SAFE_LIMP;
    }
    return a == TENON_SAFE_HOLD && b == TENON_SAFE_HOLD ? TENON_SAFE_HOLD : TENON_SAFE_RAMP;
}

static void assert_both_safe(uint8_t action, bool can_brake, bool is_fault)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct tenon_joint *const joint = &rig.joints[i];
        if (action == TENON_SAFE_HOLD && can_brake) {
            assert_int_equal(joint->status, TENON_JOINT_HOLDING);
        } else {
            assert_int_equal(joint->status, is_fault ? TENON_JOINT_FAULT : TENON_JOINT_DISABLED);
        }
        assert_int_equal(rig.motors[i].torque_is_on, action == TENON_SAFE_HOLD);
        assert_int_equal(joint->diag.code != TENON_OK, is_fault);
    }
    assert_true(tenon_sched_is_safe(&rig.sched));
}

/* Whatever either would do alone: torque is shared, so is what is done about it. */
static void both_are_made_safe_together(void **state)
{
    (void)state;
    for (unsigned mix = 0; mix < 9; mix++) {
        for (unsigned cause = 0; cause < 4; cause++) {
            make();
            pitch->safe_action = (uint8_t)(mix / 3);
            roll->safe_action = (uint8_t)(mix % 3);
            start();
            rig_enable(&rig);
            const double goals[2] = {1.0, 0.1};
            assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
            rig_steps(&rig, 300);
            if (cause < 2) {
                rig.motors[cause].fail_at[RIG_READ] = rig.motors[cause].calls[RIG_READ] + 1;
            } else if (cause == 2) {
                tenon_sched_estop(&rig.sched);
            } else {
                rig.motors[1].fail_at[RIG_COMMAND] = rig.motors[1].calls[RIG_COMMAND] + 1;
            }
            rig_steps(&rig, 200);
            assert_both_safe(soonest(mix / 3, mix % 3), cause == 2, cause != 2);
        }
    }
}

static void disable_of_one_brakes_both_then_takes_torque_off(void **state)
{
    (void)state;
    make();
    start();
    rig_enable(&rig);
    const double goals[2] = {1.0, 0.5};
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
    rig_steps(&rig, 300);
    assert_int_equal(tenon_joint_disable(roll), TENON_OK);
    rig_steps(&rig, 150);
    assert_both_safe(TENON_SAFE_RAMP, true, false);
    rig_enable(&rig);
    assert_true(rig.motors[0].jump_rad < 1e-12);
}

static void a_fault_is_reset_for_both(void **state)
{
    (void)state;
    make();
    start();
    rig_enable(&rig);
    rig.motors[1].fail_at[RIG_READ] = rig.motors[1].calls[RIG_READ] + 1;
    rig_steps(&rig, 200);
    assert_int_equal(tenon_joint_enable(pitch), TENON_ERR_STATE);
    assert_int_equal(tenon_joint_reset(pitch), TENON_OK);
    rig_steps(&rig, 5);
    assert_int_equal(roll->status, TENON_JOINT_DISABLED);
    rig_enable(&rig);
}

static void a_joint_cannot_be_in_it_twice(void **state)
{
    (void)state;
    make();
    assert_int_equal(add(pitch, pitch), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_ALREADY_ADDED);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_ERR_STATE);
}

static void torque_found_on_one_motor_goes_when_either_joint_is_disabled(void **state)
{
    (void)state;
    for (unsigned by_estop = 0; by_estop < 2; by_estop++) {
        make();
        rig.motors[0].torque_found_on = true;
        start();
        assert_true(rig.motors[0].torque_is_on);
        if (by_estop != 0) {
            tenon_sched_estop(&rig.sched);
        } else {
            assert_int_equal(tenon_joint_disable(roll), TENON_OK);
        }
        rig_steps(&rig, 10);
        assert_false(rig.motors[0].torque_is_on);
    }
}

static void what_was_left_holding_by_a_fault_can_be_disabled(void **state)
{
    (void)state;
    make();
    pitch->safe_action = TENON_SAFE_HOLD;
    roll->safe_action = TENON_SAFE_HOLD;
    rig.motors[1].again[RIG_ACTIVATE] = 20;
    start();
    assert_int_equal(tenon_joint_enable(pitch), TENON_OK);
    rig_steps(&rig, 8);
    assert_true(rig.motors[0].torque_is_on);
    rig.motors[1].fail_at[RIG_ACTIVATE] = rig.motors[1].calls[RIG_ACTIVATE] + 1;
    rig.motors[1].fails_on[RIG_ACTIVATE] = true;
    rig_steps(&rig, 10);
    assert_int_equal(pitch->status, TENON_JOINT_FAULT);
    assert_int_equal(tenon_joint_disable(pitch), TENON_OK);
    rig_steps(&rig, 20);
    assert_false(rig.motors[0].torque_is_on);
    assert_false(rig.motors[1].torque_is_on);
}

static void a_motor_without_torque_is_not_taken_for_one_that_holds(void **state)
{
    (void)state;
    make();
    pitch->safe_action = TENON_SAFE_HOLD;
    roll->safe_action = TENON_SAFE_HOLD;
    start();
    assert_int_equal(tenon_joint_enable(pitch), TENON_OK);
    rig_steps(&rig, 10);
    assert_int_equal(tenon_joint_disable(pitch), TENON_OK);
    rig_steps(&rig, 20);
    assert_false(rig.motors[0].torque_is_on);
    assert_int_equal(tenon_joint_enable(pitch), TENON_OK); /* and in that step the other fails */
    rig.motors[1].fail_at[RIG_READ] = rig.motors[1].calls[RIG_READ] + 1;
    rig_step(&rig);
    assert_int_equal(pitch->status, TENON_JOINT_FAULT);
    assert_false(rig.motors[0].torque_is_on);
    assert_false(rig.motors[0].base.is_holding);
    rig_steps(&rig, 500);
    assert_int_equal(tenon_joint_reset(pitch), TENON_OK);
    rig_steps(&rig, 20);
    assert_int_equal(pitch->status, TENON_JOINT_DISABLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_joints_come_on_together_without_a_jump),
        cmocka_unit_test(one_joint_moves_and_the_other_stays),
        cmocka_unit_test(limits_come_from_the_motors_by_the_reducer),
        cmocka_unit_test(limits_of_one_outside_the_model_keep_both_from_torque),
        cmocka_unit_test(stop_of_one_leaves_the_other_alone),
        cmocka_unit_test(both_are_made_safe_together),
        cmocka_unit_test(disable_of_one_brakes_both_then_takes_torque_off),
        cmocka_unit_test(a_fault_is_reset_for_both),
        cmocka_unit_test(a_joint_cannot_be_in_it_twice),
        cmocka_unit_test(torque_found_on_one_motor_goes_when_either_joint_is_disabled),
        cmocka_unit_test(what_was_left_holding_by_a_fault_can_be_disabled),
        cmocka_unit_test(a_motor_without_torque_is_not_taken_for_one_that_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
