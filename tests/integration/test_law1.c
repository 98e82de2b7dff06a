/* Law 1: no command outside its limits, and no NaN, ever reaches a motor, whatever controller,
 * reducer and application do. */
#include "fake_driver.h"
#include "rig.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

static struct rig rig;
static struct rig_motor *const motor = &rig.motors[0];
static struct tenon_joint *const joint = &rig.joints[0];
static uint64_t seed;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static double any_double(void)
{
    const uint64_t bits = draw();
    double x;
    memcpy(&x, &bits, sizeof x);
    return draw() % 4 == 0 ? x : (double)(int64_t)(draw() % 2001) * 1e-2 - 10.0;
}

static float any_float(void)
{
    const uint32_t bits = (uint32_t)(draw() >> 32);
    float x;
    memcpy(&x, &bits, sizeof x);
    return draw() % 4 == 0 ? x : (float)(int)(draw() % 2001) * 1e-2f - 10.0f;
}

static int any_result(void)
{
    return draw() % 64 == 0 ? -(int)(1 + draw() % 11) : TENON_OK;
}

static int update(struct tenon_controller *self,
                  const struct tenon_controller_input *input,
                  struct tenon_joint_command *out_command)
{
    (void)self;
    (void)input;
    out_command->position_rad = any_double();
    out_command->velocity_rad_s = any_float();
    out_command->effort_nm = any_float();
    out_command->mode = (uint8_t)draw();
    return any_result();
}

static int track(struct tenon_controller *self,
                 const struct tenon_controller_input *input,
                 const struct tenon_joint_command *applied)
{
    (void)self;
    (void)input;
    assert_true(isfinite(applied->position_rad) && isfinite(applied->velocity_rad_s) &&
                isfinite(applied->effort_nm));
    return any_result();
}

static int to_joint(struct tenon_reducer *self,
                    const struct tenon_motor_state *motors,
                    float dt_s,
                    struct tenon_joint_state *out_joints)
{
    (void)self;
    (void)dt_s;
    const bool is_mad = draw() % 64 == 0;
    out_joints[0].position_rad = is_mad ? any_double() : motors[0].position_rad;
    out_joints[0].velocity_rad_s = is_mad ? any_float() : motors[0].velocity_rad_s;
    out_joints[0].effort_nm = is_mad ? any_float() : motors[0].effort_nm;
    return any_result();
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
    assert_true(isfinite(joints[0].position_rad));
    out_motors[0].position_rad = any_double();
    out_motors[0].velocity_rad_s = any_float();
    out_motors[0].effort_nm = any_float();
    out_motors[0].mode = (uint8_t)draw();
    return any_result();
}

static const struct tenon_controller_api controller_api = {
    .head = TENON_API_HEAD(struct tenon_controller_api), .update = update, .track = track};
static const struct tenon_reducer_api reducer_api = {
    .head = TENON_API_HEAD(struct tenon_reducer_api), .to_joint = to_joint, .to_motor = to_motor};
static const struct tenon_driver controller_driver =
    FAKE_DRIVER("mad_controller", TENON_ROLE_CONTROLLER, struct tenon_controller, controller_api);
static const struct tenon_driver reducer_driver =
    FAKE_DRIVER("mad_reducer", TENON_ROLE_REDUCER, struct tenon_reducer, reducer_api);

static struct tenon_controller controller;
static struct tenon_reducer reducer;

static void start(enum tenon_mode mode, bool with_controller, bool with_reducer)
{
    static const struct tenon_restart_policy endless = {0, TENON_S(10), TENON_MS(1), TENON_MS(1),
                                                        TENON_MS(50)};
    rig_make(&rig, 1);
    memset(&controller, 0, sizeof controller);
    memset(&reducer, 0, sizeof reducer);
    controller.module.driver = &controller_driver;
    reducer.module.driver = &reducer_driver;
    reducer.motor_count = 1;
    reducer.joint_count = 1;
    motor->base.mode = (uint8_t)mode;
    const bool can_hold = with_controller || (mode != TENON_MODE_EFFORT && mode != TENON_MODE_PWM);
    joint->safe_action = (uint8_t)(draw() % 4);
    if (joint->safe_action == TENON_SAFE_HOLD && !can_hold) {
        joint->safe_action = TENON_SAFE_BRAKE;
    }
    joint->motor.restart = &endless;
    joint->reducer.restart = &endless;
    rig_add(&rig);
    if (with_controller) {
        assert_int_equal(tenon_joint_use_controller(joint, &controller), TENON_OK);
    }
    if (with_reducer) {
        assert_int_equal(tenon_joint_use_reducer(joint, &reducer), TENON_OK);
    }
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
}

static void command_at_random(void)
{
    struct tenon_joint_command c = {.position_rad = any_double(),
                                    .velocity_rad_s = any_float(),
                                    .effort_nm = any_float(),
                                    .mode = draw() % 2 == 0 ? motor->base.mode : (uint8_t)draw()};
    int rc = TENON_OK;
    switch (draw() % 16) {
    case 0:
        rc = tenon_joint_stop(joint);
        break;
    case 1:
        rc = tenon_joint_disable(joint);
        break;
    case 2:
    case 3:
        rc = tenon_joint_reset(joint);
        break;
    case 4:
    case 5:
        rc = tenon_joint_enable(joint);
        break;
    case 6:
    case 7:
        rc = tenon_joint_move_to(joint, any_double());
        break;
    case 8:
        rc = draw() % 8 == 0 ? tenon_sched_make_safe(&rig.sched) : TENON_OK;
        break;
    case 9:
        if (draw() % 8 == 0) {
            tenon_sched_estop(&rig.sched);
        }
        tenon_sched_clear_estop(&rig.sched);
        break;
    default:
        rc = tenon_joint_follow(joint, &c);
        break;
    }
    (void)rc; /* refused or not: nothing bad may come of it */
}

/* How far the newest command is from the one before, at most. */
static void
assert_lawful(const struct tenon_motor_command *before, bool is_compared, bool is_joint_bound)
{
    const struct tenon_motor_limits *const l = &motor->base.limits;
    const struct tenon_motor_command *const c = &motor->last;
    const float effort = motor->base.mode == TENON_MODE_PWM ? 1.0f : l->effort_max_nm;
    assert_true(isfinite(c->position_rad) && isfinite(c->velocity_rad_s) && isfinite(c->effort_nm));
    assert_true(fabsf(c->velocity_rad_s) <= l->velocity_max_rad_s);
    assert_true(fabsf(c->effort_nm) <= effort);
    assert_true(c->position_rad >= l->position_min_rad && c->position_rad <= l->position_max_rad);
    const bool is_position = motor->base.mode <= TENON_MODE_EXTENDED_POSITION ||
                             motor->base.mode == TENON_MODE_EFFORT_POSITION;
    if (is_compared && is_position) {
        const double top = is_joint_bound ? 2.0 * 1.003 : (double)l->velocity_top_rad_s;
        assert_true(fabs(c->position_rad - before->position_rad) <= top * 1e-3 + 1e-6);
    }
}

static void run(enum tenon_mode mode, bool with_controller, bool with_reducer)
{
    start(mode, with_controller, with_reducer);
    unsigned commands = 0;
    for (unsigned i = 0; i < 20000; i++) {
        const struct tenon_motor_command before = motor->last;
        const unsigned count = motor->log_count;
        const unsigned on = motor->calls[RIG_ACTIVATE];
        command_at_random();
        motor->log_count = 1; /* count, do not fill */
        rig_step(&rig);
        if (motor->log_count > 1) {
            commands++;
            assert_lawful(&before, on == motor->calls[RIG_ACTIVATE] && count > 0, !with_reducer);
        }
        assert_int_equal(motor->stray_count, 0);
    }
    assert_true(commands > 100);
}

static void no_unlawful_command_reaches_a_motor(void **state)
{
    (void)state;
    for (unsigned mode = TENON_MODE_POSITION; mode <= TENON_MODE_PWM; mode++) {
        for (unsigned who = 0; who < 4; who++) {
            seed = UINT64_C(88172645463325252) + mode * 16 + who;
            run((enum tenon_mode)mode, (who & 1u) != 0, (who & 2u) != 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_unlawful_command_reaches_a_motor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
