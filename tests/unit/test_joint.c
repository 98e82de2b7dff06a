/* A joint: torque without a jump, safe actions, refusals. */
#include "fake_driver.h"
#include "rig.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

static struct rig rig;
static struct rig_motor *const motor = &rig.motors[0];
static struct tenon_joint *const joint = &rig.joints[0];

/* --- modules that misbehave on demand --- */

enum trouble { TROUBLE_NONE, TROUBLE_ERROR, TROUBLE_NAN };

static struct tenon_joint_command tracked;
static unsigned tracked_count;
static enum trouble controller_trouble;
static enum trouble reducer_trouble;
static struct tenon_controller controller;
static struct tenon_reducer reducer;

static int update(struct tenon_controller *self,
                  const struct tenon_controller_input *input,
                  struct tenon_joint_command *out_command)
{
    (void)self;
    out_command->position_rad = input->setpoint.position_rad;
    if (controller_trouble == TROUBLE_NAN) {
        out_command->position_rad = (double)NAN;
    } else if (controller_trouble == TROUBLE_ERROR) {
        out_command->position_rad = -2.9; /* what came half way must not be sent */
        return TENON_ERR_DEVICE;
    }
    return TENON_OK;
}

static int track(struct tenon_controller *self,
                 const struct tenon_controller_input *input,
                 const struct tenon_joint_command *applied)
{
    (void)self;
    (void)input;
    tracked = *applied;
    tracked_count++;
    return TENON_OK;
}

static int to_joint(struct tenon_reducer *self,
                    const struct tenon_motor_state *motors,
                    float dt_s,
                    struct tenon_joint_state *out_joints)
{
    (void)self;
    (void)dt_s;
    out_joints[0].position_rad =
        reducer_trouble == TROUBLE_NAN ? (double)NAN : motors[0].position_rad;
    out_joints[0].velocity_rad_s = 0.0f;
    out_joints[0].effort_nm = 0.0f;
    return reducer_trouble == TROUBLE_ERROR ? TENON_ERR_DEVICE : TENON_OK;
}

static int to_motor(struct tenon_reducer *self,
                    const struct tenon_joint_command *joints,
                    const struct tenon_joint_state *at,
                    float dt_s,
                    struct tenon_motor_command *out_motors)
{
    (void)self;
    (void)at;
    (void)dt_s;
    out_motors[0].position_rad = joints[0].position_rad;
    out_motors[0].velocity_rad_s = 0.0f;
    out_motors[0].effort_nm = 0.0f;
    return TENON_OK;
}

static const struct tenon_controller_api controller_api = {
    .head = TENON_API_HEAD(struct tenon_controller_api), .update = update, .track = track};
static const struct tenon_reducer_api reducer_api = {
    .head = TENON_API_HEAD(struct tenon_reducer_api), .to_joint = to_joint, .to_motor = to_motor};
static const struct tenon_driver controller_driver =
    FAKE_DRIVER("bad_controller", TENON_ROLE_CONTROLLER, struct tenon_controller, controller_api);
static const struct tenon_driver reducer_driver =
    FAKE_DRIVER("bad_reducer", TENON_ROLE_REDUCER, struct tenon_reducer, reducer_api);

static void make(void)
{
    rig_make(&rig, 1);
    controller_trouble = TROUBLE_NONE;
    reducer_trouble = TROUBLE_NONE;
    memset(&controller, 0, sizeof controller);
    memset(&reducer, 0, sizeof reducer);
    controller.module.driver = &controller_driver;
    reducer.module.driver = &reducer_driver;
    reducer.motor_count = 1;
    reducer.joint_count = 1;
}

static void start(bool with_modules)
{
    rig_add(&rig);
    if (with_modules) {
        assert_int_equal(tenon_joint_use_controller(joint, &controller), TENON_OK);
        assert_int_equal(tenon_joint_use_reducer(joint, &reducer), TENON_OK);
    }
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    rig_steps(&rig, 20);
    assert_int_equal(joint->status, TENON_JOINT_DISABLED);
}

/* No step of the commands from `first` on is more than the velocity limit, none changes speed
 * faster than allowed. */
static void assert_smooth(unsigned first, double velocity, double acceleration)
{
    const double dt = 1e-3;
    double speed = 0.0;
    bool has_speed = false;
    for (unsigned i = first + 1; i < motor->log_count; i++) {
        const double v = (motor->log[i] - motor->log[i - 1]) / dt;
        assert_true(fabs(v) <= velocity * 1.003 + 1e-4);
        if (has_speed) {
            assert_true(fabs(v - speed) <= acceleration * dt * 1.01 + 1e-3);
        }
        speed = v;
        has_speed = true;
    }
}

/* --- torque on --- */

static void torque_comes_without_a_jump_wherever_the_joint_is(void **state)
{
    (void)state;
    for (int i = -60; i <= 60; i++) { /* also outside the joint's limits */
        make();
        motor->position_rad = 0.1 * i;
        start(false);
        rig_enable(&rig);
        rig_steps(&rig, 5);
        assert_true(fabs(motor->log[0] - 0.1 * i) < 1e-12);
        assert_true(motor->jump_rad < 1e-12);
        assert_true(fabs(motor->position_rad - 0.1 * i) < 1e-12);
    }
}

static void a_joint_moved_by_hand_between_two_enables_does_not_jump(void **state)
{
    (void)state;
    make();
    start(false);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(joint, 1.0), TENON_OK);
    (void)rig_settle(&rig);
    assert_int_equal(tenon_joint_disable(joint), TENON_OK);
    rig_steps(&rig, 10);
    for (int i = 0; i < 500; i++) {
        motor->position_rad = 1.0 - 0.002 * i;
        rig_step(&rig);
    }
    rig_enable(&rig);
    rig_steps(&rig, 5);
    assert_true(motor->jump_rad < 1e-12);
    assert_true(fabs(motor->position_rad - 0.002) < 1e-9);
}

static void a_move_given_with_enable_waits_for_torque(void **state)
{
    (void)state;
    for (unsigned again = 0; again < 40; again += 13) {
        make();
        motor->position_rad = 0.7;
        motor->again[RIG_ACTIVATE] = again;
        start(false);
        assert_int_equal(tenon_joint_enable(joint), TENON_OK);
        assert_int_equal(tenon_joint_move_to(joint, -0.5), TENON_OK);
        assert_false(tenon_joint_is_settled(joint, 10.0));
        (void)rig_settle(&rig);
        assert_true(tenon_joint_is_settled(joint, 1e-9));
        assert_true(fabs(motor->position_rad + 0.5) < 1e-9);
        assert_true(motor->jump_rad < 1e-4);
        assert_int_equal(joint->own.status, TENON_GROUP_DONE);
        assert_smooth(0, 2.0, 20.0);
    }
}

static void a_set_point_given_with_enable_is_followed_once_there_is_torque(void **state)
{
    (void)state;
    make();
    motor->again[RIG_ACTIVATE] = 20;
    start(false);
    const struct tenon_joint_command wanted = {.position_rad = 0.4, .mode = TENON_MODE_POSITION};
    assert_int_equal(tenon_joint_enable(joint), TENON_OK);
    assert_int_equal(tenon_joint_follow(joint, &wanted), TENON_OK);
    rig_steps(&rig, 1500);
    assert_true(fabs(motor->position_rad - 0.4) < 1e-3);
    assert_smooth(0, 2.0, 20.0);
}

static void a_move_may_follow_as_soon_as_the_one_before_is_done(void **state)
{
    (void)state;
    make();
    start(false);
    rig_enable(&rig);
    for (unsigned i = 0; i < 10; i++) {
        const double goal = i % 2 == 0 ? 0.3 : -0.3;
        assert_int_equal(tenon_joint_move_to(joint, goal), TENON_OK);
        do {
            rig_step(&rig);
        } while (joint->own.status != TENON_GROUP_DONE && joint->own.status != TENON_GROUP_ABORTED);
        assert_int_equal(joint->own.status, TENON_GROUP_DONE);
    }
    assert_smooth(0, 2.0, 20.0);
}

static void stop_takes_back_a_move_that_waits_for_torque(void **state)
{
    (void)state;
    make();
    motor->again[RIG_ACTIVATE] = 20;
    start(false);
    assert_int_equal(tenon_joint_enable(joint), TENON_OK);
    assert_int_equal(tenon_joint_move_to(joint, 1.0), TENON_OK);
    rig_steps(&rig, 3);
    assert_int_equal(tenon_joint_stop(joint), TENON_OK);
    rig_steps(&rig, 500);
    assert_int_equal(joint->status, TENON_JOINT_ENABLED);
    assert_true(fabs(motor->position_rad) < 1e-9);
}

static void stop_takes_back_a_set_point_that_waits_for_torque(void **state)
{
    (void)state;
    const struct tenon_joint_command there = {.position_rad = 1.0, .mode = TENON_MODE_POSITION};
    for (unsigned k = 0; k < 30; k++) {
        make();
        motor->again[RIG_ACTIVATE] = 20;
        start(false);
        assert_int_equal(tenon_joint_enable(joint), TENON_OK);
        assert_int_equal(tenon_joint_follow(joint, &there), TENON_OK);
        rig_steps(&rig, k);
        assert_int_equal(tenon_joint_stop(joint), TENON_OK);
        rig_steps(&rig, 500);
        assert_int_equal(joint->status, TENON_JOINT_ENABLED);
        assert_true(fabs(motor->position_rad) < 0.01);
    }
}

static void stop_takes_back_a_set_point_that_waits_for_the_stop_before(void **state)
{
    (void)state;
    const struct tenon_joint_command there = {.position_rad = 1.0, .mode = TENON_MODE_POSITION};
    make();
    start(false);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_follow(joint, &there), TENON_OK);
    rig_steps(&rig, 50);
    assert_int_equal(tenon_joint_stop(joint), TENON_OK);
    rig_steps(&rig, 2);
    assert_int_equal(tenon_joint_follow(joint, &there), TENON_OK);
    rig_steps(&rig, 2);
    assert_int_equal(joint->status, TENON_JOINT_STOPPING);
    assert_int_equal(tenon_joint_stop(joint), TENON_OK);
    rig_steps(&rig, 500);
    assert_int_equal(joint->status, TENON_JOINT_ENABLED);
    assert_true(fabs(motor->position_rad) < 0.1);
}

static void disable_takes_back_a_move_that_waits_for_torque(void **state)
{
    (void)state;
    make();
    motor->again[RIG_ACTIVATE] = 20;
    start(false);
    assert_int_equal(tenon_joint_enable(joint), TENON_OK);
    assert_int_equal(tenon_joint_move_to(joint, 1.0), TENON_OK);
    rig_steps(&rig, 3);
    assert_int_equal(tenon_joint_disable(joint), TENON_OK);
    assert_int_equal(tenon_joint_enable(joint), TENON_OK);
    rig_steps(&rig, 500);
    assert_int_equal(joint->status, TENON_JOINT_ENABLED);
    assert_true(fabs(motor->position_rad) < 1e-9);
    assert_int_equal(joint->own.status, TENON_GROUP_ABORTED);
}

/* --- torque off --- */

static void disable_brakes_at_the_limit_then_takes_torque_off(void **state)
{
    (void)state;
    for (unsigned k = 1; k < 700; k += 23) { /* at every part of the move */
        make();
        start(false);
        rig_enable(&rig);
        assert_int_equal(tenon_joint_move_to(joint, 1.0), TENON_OK);
        rig_steps(&rig, k);
        const double speed = (double)joint->last_velocity_rad_s;
        const tenon_ns_t begin = rig.now;
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        rig_step(&rig);
        assert_int_equal(tenon_joint_move_to(joint, 0.0), TENON_ERR_STATE);
        assert_true(rig_reach(&rig, 0, TENON_JOINT_DISABLED, 110));
        rig_steps(&rig, 3);
        assert_false(motor->torque_is_on);
        assert_true(motor->off_ns - begin <= (tenon_ns_t)(speed / 20.0 * 1e9) + TENON_MS(3));
        assert_smooth(0, 2.0, 20.0);
    }
}

static void enable_right_after_disable_ends_enabled(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 110; k += 3) { /* while it brakes, while torque goes off, after */
        make();
        start(false);
        rig_enable(&rig);
        assert_int_equal(tenon_joint_move_to(joint, 2.0), TENON_OK);
        rig_steps(&rig, 400);
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        rig_steps(&rig, k);
        assert_int_equal(tenon_joint_enable(joint), TENON_OK);
        assert_true(rig_reach(&rig, 0, TENON_JOINT_ENABLED, 200) ||
                    joint->status == TENON_JOINT_STOPPING);
        rig_steps(&rig, 150);
        assert_int_equal(joint->status, TENON_JOINT_ENABLED);
        assert_true(motor->torque_is_on);
        assert_int_equal(tenon_joint_move_to(joint, 0.0), TENON_OK);
        (void)rig_settle(&rig);
        assert_true(fabs(motor->position_rad) < 1e-9);
        assert_true(motor->jump_rad < 1e-9);
        assert_smooth(0, 2.0, 20.0);
    }
}

/* --- safe actions --- */

enum cause {
    CAUSE_READ,
    CAUSE_COMMAND,
    CAUSE_STALE,
    CAUSE_REDUCER_ERROR,
    CAUSE_REDUCER_NAN, /* so far the modules are gone, from here on the motor still follows */
    CAUSE_FOLLOWING,
    CAUSE_ESTOP,
    CAUSE_HEARTBEAT,
    CAUSE_CONTROLLER_ERROR,
    CAUSE_CONTROLLER_NAN,
    CAUSE_MAKE_SAFE,
    CAUSE_COUNT
};

static void provoke(enum cause cause)
{
    switch (cause) {
    case CAUSE_READ:
        motor->fail_at[RIG_READ] = motor->calls[RIG_READ] + 1;
        break;
    case CAUSE_COMMAND:
        motor->fail_at[RIG_COMMAND] = motor->calls[RIG_COMMAND] + 1;
        break;
    case CAUSE_STALE:
        motor->is_mute = true;
        break;
    case CAUSE_REDUCER_ERROR:
        reducer_trouble = TROUBLE_ERROR;
        break;
    case CAUSE_REDUCER_NAN:
        reducer_trouble = TROUBLE_NAN;
        break;
    case CAUSE_FOLLOWING:
        motor->is_stuck = true;
        break;
    case CAUSE_ESTOP:
        tenon_sched_estop(&rig.sched);
        break;
    case CAUSE_CONTROLLER_ERROR:
        controller_trouble = TROUBLE_ERROR;
        break;
    case CAUSE_CONTROLLER_NAN:
        controller_trouble = TROUBLE_NAN;
        break;
    case CAUSE_MAKE_SAFE:
        assert_int_equal(tenon_sched_make_safe(&rig.sched), TENON_OK);
        break;
    case CAUSE_HEARTBEAT: /* the application says nothing from here on */
    case CAUSE_COUNT:
        break;
    }
}

static uint16_t diag_of(enum cause cause)
{
    static const uint16_t causes[CAUSE_COUNT] = {
        [CAUSE_READ] = TENON_CAUSE_DEVICE_FAULT,
        [CAUSE_COMMAND] = TENON_CAUSE_DEVICE_FAULT,
        [CAUSE_STALE] = TENON_CAUSE_STALE,
        [CAUSE_REDUCER_ERROR] = TENON_CAUSE_MODULE_FAILED,
        [CAUSE_REDUCER_NAN] = TENON_CAUSE_NOT_FINITE,
        [CAUSE_FOLLOWING] = TENON_CAUSE_FOLLOWING_ERROR,
        [CAUSE_HEARTBEAT] = TENON_CAUSE_HEARTBEAT,
        [CAUSE_CONTROLLER_ERROR] = TENON_CAUSE_MODULE_FAILED,
        [CAUSE_CONTROLLER_NAN] = TENON_CAUSE_NOT_FINITE,
    };
    return causes[cause];
}

static void move_into_trouble(enum tenon_safe_action action, enum cause cause, unsigned k)
{
    make();
    joint->safe_action = (uint8_t)action;
    rig.limits.following_error_rad = cause == CAUSE_FOLLOWING ? 0.05f : 0.0f;
    if (cause == CAUSE_HEARTBEAT) {
        tenon_sched_set_heartbeat(&rig.sched, TENON_MS(50));
    }
    start(true);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(joint, 2.0), TENON_OK);
    for (unsigned i = 0; i < k; i++) {
        tenon_sched_beat(&rig.sched);
        rig_step(&rig);
    }
    provoke(cause);
}

/* Stale samples take 100 ms, the heartbeat 50, braking from 2 rad/s 100; and some cycles. */
#define SAFE_STEPS 220

static void assert_safe(enum tenon_safe_action action, enum cause cause)
{
    const bool can_brake = cause >= CAUSE_FOLLOWING;
    const bool is_fault = diag_of(cause) != TENON_CAUSE_NONE;
    const uint8_t without_torque = is_fault ? TENON_JOINT_FAULT : TENON_JOINT_DISABLED;
    const bool keeps_torque = action == TENON_SAFE_HOLD;
    const uint8_t expected =
        keeps_torque && can_brake ? (uint8_t)TENON_JOINT_HOLDING : without_torque;
    assert_int_equal(joint->status, expected);
    assert_int_equal(motor->torque_is_on, keeps_torque);
    assert_int_equal(joint->diag.cause, diag_of(cause));
    assert_int_equal(motor->on_count, 1);
    assert_int_equal(motor->off_count, keeps_torque ? 0 : 1);
    assert_int_equal(motor->stray_count, 0);
    assert_true(tenon_sched_is_safe(&rig.sched));
    if (is_fault) {
        assert_string_equal(joint->diag.subject, "hip");
    }
}

static void every_cause_leads_to_the_safe_action_at_every_time(void **state)
{
    (void)state;
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        for (unsigned action = TENON_SAFE_RAMP; action <= TENON_SAFE_HOLD; action++) {
            for (unsigned k = 60; k < 1100; k += 97) {
                move_into_trouble((enum tenon_safe_action)action, (enum cause)cause, k);
                rig_steps(&rig, SAFE_STEPS);
                assert_safe((enum tenon_safe_action)action, (enum cause)cause);
                assert_smooth(0, 2.0, 20.0);
            }
        }
    }
}

static void a_joint_that_ramps_has_stopped_when_torque_goes(void **state)
{
    (void)state;
    for (unsigned cause = CAUSE_ESTOP; cause < CAUSE_COUNT; cause++) {
        move_into_trouble(TENON_SAFE_RAMP, (enum cause)cause, 500);
        rig_steps(&rig, SAFE_STEPS);
        const unsigned n = motor->log_count;
        assert_true(fabs(motor->log[n - 1] - motor->log[n - 2]) <= 20.0 * 1e-6 * 1.01);
        assert_true(motor->log[n - 1] - motor->log[n - 60] > 0.01); /* it was on its way */
    }
}

static void a_joint_that_goes_limp_does_so_in_the_next_cycle(void **state)
{
    (void)state;
    for (unsigned cause = CAUSE_ESTOP; cause < CAUSE_COUNT; cause++) {
        if (cause == CAUSE_HEARTBEAT) {
            continue;
        }
        move_into_trouble(TENON_SAFE_LIMP, (enum cause)cause, 500);
        rig_step(&rig);
        assert_false(motor->torque_is_on);
    }
}

static void a_reset_joint_can_be_enabled_again_and_does_not_jump(void **state)
{
    (void)state;
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        for (unsigned action = TENON_SAFE_RAMP; action <= TENON_SAFE_HOLD; action++) {
            move_into_trouble((enum tenon_safe_action)action, (enum cause)cause, 500);
            rig_steps(&rig, SAFE_STEPS);
            controller_trouble = TROUBLE_NONE;
            reducer_trouble = TROUBLE_NONE;
            motor->is_mute = false;
            motor->is_stuck = false;
            motor->position_rad = motor->torque_is_on ? motor->goal_rad : motor->position_rad;
            tenon_sched_set_heartbeat(&rig.sched, 0);
            tenon_sched_clear_estop(&rig.sched);
            if (diag_of((enum cause)cause) != TENON_CAUSE_NONE) {
                assert_int_equal(tenon_joint_enable(joint), TENON_ERR_STATE);
            }
            rig_steps(&rig, 200);
            assert_int_equal(tenon_joint_reset(joint), TENON_OK);
            rig_steps(&rig, 200);
            assert_int_equal(joint->diag.code, TENON_OK);
            assert_int_equal(joint->status, action == TENON_SAFE_HOLD ? TENON_JOINT_HOLDING
                                                                      : TENON_JOINT_DISABLED);
            assert_int_equal(motor->torque_is_on, action == TENON_SAFE_HOLD);
            rig_enable(&rig);
            rig_steps(&rig, 5);
            assert_true(motor->jump_rad < 1e-9);
            assert_int_equal(tenon_joint_move_to(joint, 0.0), TENON_OK);
            (void)rig_settle(&rig);
            assert_true(fabs(motor->position_rad) < 1e-9);
        }
    }
}

static void reset_while_it_still_brakes_ends_disabled(void **state)
{
    (void)state;
    for (unsigned k = 1; k < 110; k += 6) {
        move_into_trouble(TENON_SAFE_RAMP, CAUSE_CONTROLLER_ERROR, 500);
        rig_steps(&rig, k);
        controller_trouble = TROUBLE_NONE;
        assert_int_equal(tenon_joint_reset(joint), TENON_OK);
        rig_steps(&rig, 200);
        assert_int_equal(joint->status, TENON_JOINT_DISABLED);
        assert_false(motor->torque_is_on);
        rig_enable(&rig);
    }
}

static void disable_lets_go_of_a_joint_that_holds_after_a_fault(void **state)
{
    (void)state;
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        move_into_trouble(TENON_SAFE_HOLD, (enum cause)cause, 500);
        rig_steps(&rig, SAFE_STEPS);
        assert_true(motor->torque_is_on);
        reducer_trouble = TROUBLE_NONE;
        motor->is_mute = false;
        rig_steps(&rig, 500);
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        rig_steps(&rig, 10);
        assert_false(motor->torque_is_on);
        const bool is_fault = diag_of((enum cause)cause) != TENON_CAUSE_NONE;
        assert_int_equal(joint->status, is_fault ? TENON_JOINT_FAULT : TENON_JOINT_DISABLED);
    }
}

/* At every cycle of enabling: nothing is left half on. */
static void an_estop_while_being_enabled_is_obeyed(void **state)
{
    (void)state;
    for (unsigned action = TENON_SAFE_RAMP; action <= TENON_SAFE_HOLD; action++) {
        for (unsigned k = 0; k < 16; k++) {
            make();
            joint->safe_action = (uint8_t)action;
            motor->position_rad = 1.5;
            motor->again[RIG_ACTIVATE] = 12;
            start(false);
            assert_int_equal(tenon_joint_enable(joint), TENON_OK);
            rig_steps(&rig, k);
            tenon_sched_estop(&rig.sched);
            rig_steps(&rig, 50);
            assert_true(tenon_sched_is_safe(&rig.sched));
            assert_int_equal(motor->torque_is_on, joint->status == TENON_JOINT_HOLDING);
            assert_true(joint->status == TENON_JOINT_HOLDING ||
                        joint->status == TENON_JOINT_DISABLED);
            assert_true(fabs(motor->position_rad - 1.5) < 1e-9);
            assert_int_equal(tenon_joint_enable(joint), TENON_ERR_STATE);
            assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_ESTOP);
        }
    }
}

/* --- take-over --- */

static void a_motor_found_holding_is_taken_over_as_it_is(void **state)
{
    (void)state;
    for (unsigned action = TENON_SAFE_RAMP; action <= TENON_SAFE_HOLD; action++) {
        make();
        joint->safe_action = (uint8_t)action;
        motor->torque_found_on = true;
        motor->goal_rad = 0.9;
        motor->sag_rad = 0.03; /* it hangs below its goal */
        motor->position_rad = 0.87;
        rig_start(&rig);
        rig_steps(&rig, 50);
        assert_int_equal(joint->status, TENON_JOINT_HOLDING);
        assert_int_equal(motor->log_count, 0);
        assert_int_equal(motor->calls[RIG_MAKE_SAFE], 0);
        rig_enable(&rig);
        rig_steps(&rig, 20);
        assert_int_equal(motor->off_count, 0);
        assert_true(fabs(motor->log[0] - 0.9) < 1e-9);
        assert_true(fabs(motor->position_rad - 0.87) < 1e-9);
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        rig_steps(&rig, 20);
        assert_false(motor->torque_is_on);
        assert_int_equal(joint->status, TENON_JOINT_DISABLED);
    }
}

static void a_joint_taken_over_is_made_safe_by_its_action(void **state)
{
    (void)state;
    for (unsigned action = TENON_SAFE_RAMP; action <= TENON_SAFE_HOLD; action++) {
        make();
        joint->safe_action = (uint8_t)action;
        motor->torque_found_on = true;
        motor->goal_rad = 0.9;
        motor->position_rad = 0.9;
        rig_start(&rig);
        rig_steps(&rig, 50);
        tenon_sched_estop(&rig.sched);
        rig_steps(&rig, 20);
        assert_int_equal(motor->torque_is_on, action == TENON_SAFE_HOLD);
        assert_true(fabs(motor->position_rad - 0.9) < 1e-9);
        assert_true(tenon_sched_is_safe(&rig.sched));
    }
}

static void torque_found_once_is_not_believed_in_after_it_was_taken_off(void **state)
{
    (void)state;
    make();
    rig.limits.following_error_rad = 0.05f;
    motor->torque_found_on = true;
    rig_start(&rig);
    rig_steps(&rig, 20);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(joint, 1.0), TENON_OK);
    motor->is_stuck = true;
    assert_true(rig_reach(&rig, 0, TENON_JOINT_FAULT, 600));
    rig_steps(&rig, 20);
    assert_false(motor->torque_is_on);
    assert_int_equal(tenon_joint_reset(joint), TENON_OK);
    rig_steps(&rig, 20);
    assert_int_equal(joint->status, TENON_JOINT_DISABLED);
}

/* --- zero and direction --- */

static void zero_and_direction_round_trip(void **state)
{
    (void)state;
    for (int reversed = 0; reversed < 2; reversed++) {
        for (int i = -3; i <= 3; i++) {
            make();
            joint->zero_rad = 0.5 * i;
            joint->is_reversed = reversed != 0;
            motor->position_rad = 0.25;
            start(false);
            const double sign = reversed != 0 ? -1.0 : 1.0;
            assert_true(fabs(joint->state.position_rad - sign * (0.25 - 0.5 * i)) < 1e-12);
            rig_enable(&rig);
            rig_steps(&rig, 5);
            assert_true(motor->jump_rad < 1e-12);
            assert_int_equal(tenon_joint_move_to(joint, 1.25), TENON_OK);
            (void)rig_settle(&rig);
            assert_true(fabs(joint->state.position_rad - 1.25) < 1e-9);
            assert_true(fabs(motor->position_rad - (0.5 * i + sign * 1.25)) < 1e-9);
        }
    }
}

/* --- refusals --- */

static const struct tenon_diag *why(void)
{
    return tenon_sched_diag(&rig.sched);
}

static void commands_to_a_joint_that_is_down_are_refused(void **state)
{
    (void)state;
    const struct tenon_joint_command wanted = {.mode = TENON_MODE_POSITION};
    make();
    motor->again[RIG_PROBE] = 1000;
    rig_start(&rig);
    rig_steps(&rig, 5);
    assert_int_equal(tenon_joint_enable(joint), TENON_ERR_STATE);
    assert_int_equal(why()->cause, TENON_CAUSE_NOT_READY);
    assert_string_equal(why()->subject, "hip");
    assert_int_equal(tenon_joint_move_to(joint, 0.0), TENON_ERR_STATE);
    assert_int_equal(why()->cause, TENON_CAUSE_NOT_ENABLED);
    assert_int_equal(tenon_joint_follow(joint, &wanted), TENON_ERR_STATE);
    assert_int_equal(tenon_joint_move_to(NULL, 0.0), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_enable(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_disable(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_follow(joint, NULL), TENON_ERR_ARG);
    assert_false(tenon_joint_is_settled(NULL, 1.0));
}

static void goals_that_cannot_be_are_refused_with_their_cause(void **state)
{
    (void)state;
    char text[200];
    make();
    start(false);
    assert_int_equal(tenon_joint_move_to(joint, 0.0), TENON_ERR_STATE);
    assert_int_equal(why()->cause, TENON_CAUSE_NOT_ENABLED);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(joint, (double)NAN), TENON_ERR_ARG);
    assert_int_equal(why()->cause, TENON_CAUSE_NOT_FINITE);
    assert_int_equal(tenon_joint_move_to(joint, (double)INFINITY), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_move_to(joint, 3.01), TENON_ERR_LIMIT);
    assert_int_equal(why()->cause, TENON_CAUSE_GOAL_OUTSIDE_LIMITS);
    assert_true(fabs((double)why()->bound - 3.0) < 1e-6);
    assert_non_null(strstr(tenon_diag_text(why(), text, sizeof text), "hip"));
    assert_non_null(strstr(text, "3.01"));
    assert_int_equal(tenon_joint_move_to(joint, -3.01), TENON_ERR_LIMIT);
    assert_int_equal(tenon_joint_move_to(joint, 3.0), TENON_OK);
    (void)rig_settle(&rig);
    assert_int_equal(joint->status, TENON_JOINT_ENABLED);
}

static void set_points_that_cannot_be_are_refused_with_their_cause(void **state)
{
    (void)state;
    for (int with_controller = 0; with_controller < 2; with_controller++) {
        make();
        start(with_controller != 0);
        rig_enable(&rig);
        struct tenon_joint_command c = {.position_rad = (double)NAN, .mode = TENON_MODE_POSITION};
        assert_int_equal(tenon_joint_follow(joint, &c), TENON_ERR_ARG);
        assert_int_equal(why()->cause, TENON_CAUSE_NOT_FINITE);
        c = (struct tenon_joint_command){.velocity_rad_s = INFINITY, .mode = TENON_MODE_POSITION};
        assert_int_equal(tenon_joint_follow(joint, &c), TENON_ERR_ARG);
        c = (struct tenon_joint_command){.effort_nm = -INFINITY, .mode = TENON_MODE_POSITION};
        assert_int_equal(tenon_joint_follow(joint, &c), TENON_ERR_ARG);
        for (unsigned mode = 0; mode < 256; mode += 17) { /* 0, 17, ... none is a mode */
            c = (struct tenon_joint_command){.mode = (uint8_t)mode};
            assert_int_equal(tenon_joint_follow(joint, &c), TENON_ERR_UNSUPPORTED);
            assert_int_equal(why()->cause, TENON_CAUSE_MODE_UNSUPPORTED);
        }
        c = (struct tenon_joint_command){.mode = TENON_MODE_VELOCITY};
        assert_int_equal(tenon_joint_follow(joint, &c),
                         with_controller != 0 ? TENON_OK : TENON_ERR_UNSUPPORTED);
    }
}

static void a_motor_that_takes_no_positions_refuses_moves(void **state)
{
    (void)state;
    make();
    motor->base.mode = TENON_MODE_VELOCITY;
    start(false);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(joint, 0.0), TENON_ERR_UNSUPPORTED);
    assert_int_equal(why()->cause, TENON_CAUSE_MODE_UNSUPPORTED);
}

static void limits_outside_the_model_are_refused_when_the_model_is_known(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        make();
        rig.limits.position_min_rad = i == 0 ? -6.5 : -3.0;
        rig.limits.position_max_rad = i == 1 ? 6.5 : 3.0;
        rig.limits.velocity_rad_s = i == 2 ? 10.5f : 2.0f;
        rig.limits.effort_nm = i == 3 ? 2.1f : 1.0f;
        rig_start(&rig);
        rig_steps(&rig, 20);
        assert_false(tenon_sched_is_ready(&rig.sched));
        assert_int_equal(joint->status, TENON_JOINT_FAULT);
        assert_int_equal(tenon_sched_explain(&rig.sched), TENON_ERR_LIMIT);
        assert_int_equal(why()->cause, TENON_CAUSE_LIMIT_OUTSIDE_MODEL);
        assert_string_equal(why()->subject, "hip");
        assert_non_null(why()->detail);
        assert_int_equal(tenon_joint_enable(joint), TENON_ERR_STATE);
        assert_int_equal(tenon_joint_reset(joint), TENON_OK);
        rig_steps(&rig, 5);
        assert_int_equal(joint->status, TENON_JOINT_FAULT);
    }
}

static void limits_may_be_left_to_the_model(void **state)
{
    (void)state;
    make();
    rig.has_limits = false;
    start(false);
    assert_true(fabs(joint->limits.position_max_rad - 6.0) < 1e-9);
    assert_true(fabs((double)joint->limits.velocity_rad_s - 10.0) < 1e-6);
    assert_true(fabs((double)joint->limits.acceleration_rad_s2 - 40.0) < 1e-5);
    assert_true(fabs((double)joint->limits.jerk_rad_s3 - 400.0) < 1e-4);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(joint, 5.9), TENON_OK);
    (void)rig_settle(&rig);
    assert_smooth(0, 10.0, 40.0);
}

/* --- follow --- */

static void set_points_that_jump_are_bounded(void **state)
{
    static const double jumps[] = {2.9, -2.9, 100.0, -100.0, 0.0, 1e-3, 1e300, -1e300, 0.5};
    (void)state;
    make();
    start(false);
    rig_enable(&rig);
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        const struct tenon_joint_command c = {.position_rad = jumps[i],
                                              .mode = TENON_MODE_POSITION};
        assert_int_equal(tenon_joint_follow(joint, &c), TENON_OK);
        for (unsigned k = 0; k < 250; k++) {
            rig_step(&rig);
            assert_true(fabs(motor->last.position_rad) <= 3.0 + 1e-12);
        }
    }
    assert_true(motor->log_count > 2000);
    assert_smooth(0, 2.0, 20.0);
}

static void stop_brakes_a_set_point_and_keeps_torque(void **state)
{
    (void)state;
    for (int with_controller = 0; with_controller < 2; with_controller++) {
        make();
        start(with_controller != 0);
        rig_enable(&rig);
        const struct tenon_joint_command c = {.position_rad = 2.5, .mode = TENON_MODE_POSITION};
        assert_int_equal(tenon_joint_follow(joint, &c), TENON_OK);
        rig_steps(&rig, 500);
        assert_int_equal(tenon_joint_stop(joint), TENON_OK);
        rig_steps(&rig, 110);
        assert_int_equal(joint->status, TENON_JOINT_ENABLED);
        const double here = motor->last.position_rad;
        assert_true(here < 2.0);
        rig_steps(&rig, 100);
        assert_true(fabs(motor->last.position_rad - here) < 1e-9);
        assert_smooth(0, 2.0, 20.0);
        assert_true(tenon_joint_is_settled(joint, 1e-6));
    }
}

static void a_slow_joint_follows_a_move_within_its_limits(void **state)
{
    (void)state;
    make();
    joint->divisor = 4;
    joint->phase = 1;
    start(false);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(joint, 1.0), TENON_OK);
    (void)rig_settle(&rig);
    rig_steps(&rig, 8);
    assert_true(fabs(motor->position_rad - 1.0) < 1e-9);
    for (unsigned i = 1; i < motor->log_count; i++) {
        assert_true(fabs(motor->log[i] - motor->log[i - 1]) <= 2.0 * 4e-3 * 1.003);
    }
}

static void samples_that_are_no_samples_make_the_joint_stale(void **state)
{
    (void)state;
    make();
    start(false);
    rig_enable(&rig);
    rig_steps(&rig, 10);
    motor->position_rad = (double)NAN;
    motor->is_stuck = true;
    rig_steps(&rig, 120);
    assert_int_equal(joint->status, TENON_JOINT_FAULT);
    assert_int_equal(joint->diag.cause, TENON_CAUSE_STALE);
    assert_true(isfinite(joint->state.position_rad));
    assert_true(motor->base.implausible_count >= 90);
}

static void it_moves_from_the_command_on_until_it_stands(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_start_enabled(&rig);
    rig_steps(&rig, 3);
    assert_false(tenon_joint_is_moving(&rig.joints[0]));
    assert_int_equal(tenon_joint_move_to(&rig.joints[0], 0.3), TENON_OK);
    assert_true(tenon_joint_is_moving(&rig.joints[0])); /* not yet taken up */
    unsigned steps = 0;
    while (tenon_joint_is_moving(&rig.joints[0]) && steps < 5000) {
        rig_step(&rig);
        steps++;
    }
    assert_in_range(steps, 100, 4999);
    assert_true(fabs(rig.joints[0].command.position_rad - 0.3) < 1e-9);
    assert_false(tenon_joint_is_moving(NULL));
}

static void a_speed_is_not_left_running_as_if_it_held(void **state)
{
    (void)state;
    const struct tenon_joint_command turn = {.velocity_rad_s = 0.5f, .mode = TENON_MODE_VELOCITY};
    rig_make(&rig, 1);
    (void)rig_motor_init(&rig.motors[0], TENON_MODE_VELOCITY);
    rig.joints[0].safe_action = TENON_SAFE_HOLD;
    rig_start_enabled(&rig);
    assert_int_equal(tenon_joint_follow(&rig.joints[0], &turn), TENON_OK);
    rig_steps(&rig, 100);
    assert_true(rig.motors[0].torque_is_on);
    rig.motors[0].is_mute = true;
    rig_steps(&rig, 200);
    assert_int_equal(rig.joints[0].status, TENON_JOINT_FAULT);
    assert_false(rig.motors[0].torque_is_on);
}

static void holding_keeps_to_the_cap_of_the_joint(void **state)
{
    (void)state;
    unsigned held = 0;
    for (unsigned k = 0; k <= 12; k++) {
        rig_make(&rig, 1);
        (void)rig_motor_init(&rig.motors[0], TENON_MODE_EFFORT_POSITION);
        rig.motors[0].again[RIG_ACTIVATE] = 3;
        rig.joints[0].safe_action = TENON_SAFE_HOLD;
        rig_start(&rig);
        rig_steps(&rig, 5);
        assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_OK);
        rig_steps(&rig, k);
        tenon_sched_estop(&rig.sched);
        rig_steps(&rig, 30);
        if (rig.joints[0].status == TENON_JOINT_HOLDING) {
            held++;
            assert_true(rig.motors[0].last.effort_nm > 0.0f);
            assert_true(rig.motors[0].last.effort_nm <= rig.joints[0].limits.effort_nm);
        }
    }
    assert_true(held > 3);
}

static void a_set_point_given_while_braking_to_stay_enabled_is_followed(void **state)
{
    (void)state;
    const struct tenon_joint_command there = {.position_rad = 0.2, .mode = TENON_MODE_POSITION};
    rig_make(&rig, 1);
    rig_start_enabled(&rig);
    assert_int_equal(tenon_joint_follow(&rig.joints[0], &there), TENON_OK);
    rig_steps(&rig, 50);
    assert_int_equal(tenon_joint_stop(&rig.joints[0]), TENON_OK);
    assert_int_equal(tenon_joint_follow(&rig.joints[0], &there), TENON_OK);
    rig_steps(&rig, 2000);
    assert_true(fabs(rig.joints[0].command.position_rad - 0.2) < 1e-9);
}

static void a_controller_begins_where_torque_came_on(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig.motors[0].position_rad = 0.7;
    controller = (struct tenon_controller){.module = {.driver = &controller_driver}};
    controller_trouble = TROUBLE_NONE;
    rig_add(&rig);
    assert_int_equal(tenon_joint_use_controller(&rig.joints[0], &controller), TENON_OK);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    rig_steps(&rig, 10);
    for (unsigned i = 1; i <= 3; i++) { /* each time anew */
        tracked_count = 0;
        assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_OK);
        rig_steps(&rig, 5);
        assert_int_equal(rig.joints[0].status, TENON_JOINT_ENABLED);
        assert_int_equal(tracked_count, 1);
        assert_int_equal(tracked.mode, TENON_MODE_POSITION);
        assert_true(fabs(tracked.position_rad - 0.7) < 1e-9);
        assert_int_equal(tenon_joint_disable(&rig.joints[0]), TENON_OK);
        rig_steps(&rig, 20);
    }
}

/* What the gate knew to be free before is not free where torque comes on next. */
static void the_motor_gate_begins_where_torque_came_on(void **state)
{
    (void)state;
    make();
    start(false);
    rig_enable(&rig);
    assert_int_equal(tenon_joint_move_to(joint, 0.1), TENON_OK);
    (void)rig_settle(&rig);
    assert_true((double)motor->base.clear_rad > 0.1);
    assert_int_equal(tenon_joint_disable(joint), TENON_OK);
    rig_steps(&rig, 20);
    motor->position_rad = 5.95; /* of 6 */
    rig_steps(&rig, 5);
    rig_enable(&rig);
    rig_steps(&rig, 5);
    assert_true(fabs(motor->base.command.position_rad - 5.95) < 1e-6);
    assert_true((double)motor->base.clear_rad < 0.051);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_motor_gate_begins_where_torque_came_on),
        cmocka_unit_test(torque_comes_without_a_jump_wherever_the_joint_is),
        cmocka_unit_test(a_joint_moved_by_hand_between_two_enables_does_not_jump),
        cmocka_unit_test(a_move_given_with_enable_waits_for_torque),
        cmocka_unit_test(a_set_point_given_with_enable_is_followed_once_there_is_torque),
        cmocka_unit_test(a_move_may_follow_as_soon_as_the_one_before_is_done),
        cmocka_unit_test(stop_takes_back_a_move_that_waits_for_torque),
        cmocka_unit_test(stop_takes_back_a_set_point_that_waits_for_torque),
        cmocka_unit_test(stop_takes_back_a_set_point_that_waits_for_the_stop_before),
        cmocka_unit_test(disable_takes_back_a_move_that_waits_for_torque),
        cmocka_unit_test(disable_brakes_at_the_limit_then_takes_torque_off),
        cmocka_unit_test(enable_right_after_disable_ends_enabled),
        cmocka_unit_test(every_cause_leads_to_the_safe_action_at_every_time),
        cmocka_unit_test(a_joint_that_ramps_has_stopped_when_torque_goes),
        cmocka_unit_test(a_joint_that_goes_limp_does_so_in_the_next_cycle),
        cmocka_unit_test(a_reset_joint_can_be_enabled_again_and_does_not_jump),
        cmocka_unit_test(reset_while_it_still_brakes_ends_disabled),
        cmocka_unit_test(disable_lets_go_of_a_joint_that_holds_after_a_fault),
        cmocka_unit_test(an_estop_while_being_enabled_is_obeyed),
        cmocka_unit_test(a_motor_found_holding_is_taken_over_as_it_is),
        cmocka_unit_test(a_joint_taken_over_is_made_safe_by_its_action),
        cmocka_unit_test(torque_found_once_is_not_believed_in_after_it_was_taken_off),
        cmocka_unit_test(zero_and_direction_round_trip),
        cmocka_unit_test(commands_to_a_joint_that_is_down_are_refused),
        cmocka_unit_test(goals_that_cannot_be_are_refused_with_their_cause),
        cmocka_unit_test(set_points_that_cannot_be_are_refused_with_their_cause),
        cmocka_unit_test(a_motor_that_takes_no_positions_refuses_moves),
        cmocka_unit_test(limits_outside_the_model_are_refused_when_the_model_is_known),
        cmocka_unit_test(limits_may_be_left_to_the_model),
        cmocka_unit_test(set_points_that_jump_are_bounded),
        cmocka_unit_test(stop_brakes_a_set_point_and_keeps_torque),
        cmocka_unit_test(a_slow_joint_follows_a_move_within_its_limits),
        cmocka_unit_test(samples_that_are_no_samples_make_the_joint_stale),
        cmocka_unit_test(it_moves_from_the_command_on_until_it_stands),
        cmocka_unit_test(a_speed_is_not_left_running_as_if_it_held),
        cmocka_unit_test(holding_keeps_to_the_cap_of_the_joint),
        cmocka_unit_test(a_set_point_given_while_braking_to_stay_enabled_is_followed),
        cmocka_unit_test(a_controller_begins_where_torque_came_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
