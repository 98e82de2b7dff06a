/* A member that is taken out of a move without a fault of its own: the group says who it was. */
#include "tenon_test.h"

#include "rig.h"

#include <math.h>

static struct rig rig;

static void start_move(enum tenon_group_policy policy)
{
    const double goals[3] = {1.0, 2.0, -1.0};
    rig_make(&rig, 3);
    rig.group.policy = (uint8_t)policy;
    rig_start_enabled(&rig);
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
    rig_steps(&rig, 400);
    assert_int_equal(rig.group.status, TENON_GROUP_MOVING);
}

static void assert_knee_is_named(void)
{
    char text[200];
    assert_int_equal(rig.group.status, TENON_GROUP_ABORTED);
    assert_int_equal(rig.group.diag.code, TENON_ERR_STATE);
    assert_int_equal(rig.group.diag.cause, TENON_CAUSE_MEMBER);
    assert_string_equal(tenon_diag_text(&rig.group.diag, text, sizeof text),
                        "knee: it left the group's move (disabled, stopped or moved otherwise); "
                        "enable it and move again");
    assert_int_equal(rig.joints[1].status, TENON_JOINT_DISABLED);
    assert_false(rig.motors[1].torque_is_on);
}

static void a_member_that_is_disabled_on_the_way_stops_the_others_on_the_line(void **state)
{
    (void)state;
    start_move(TENON_GROUP_STOP_ALL);
    assert_int_equal(tenon_joint_disable(&rig.joints[1]), TENON_OK);
    (void)rig_settle(&rig);
    assert_knee_is_named();
    const double hip = rig.joints[0].command.position_rad;
    assert_true(hip > 0.0 && hip < 0.95);
    assert_true(fabs(rig.joints[2].command.position_rad + hip) < 1e-9); /* on the line */
    assert_int_equal(rig.joints[0].status, TENON_JOINT_ENABLED);
    assert_int_equal(rig.joints[2].status, TENON_JOINT_ENABLED);
}

static void a_member_that_is_disabled_on_the_way_lets_isolated_ones_finish(void **state)
{
    (void)state;
    start_move(TENON_GROUP_ISOLATE);
    assert_int_equal(tenon_joint_disable(&rig.joints[1]), TENON_OK);
    (void)rig_settle(&rig);
    assert_knee_is_named();
    assert_true(fabs(rig.joints[0].command.position_rad - 1.0) < 1e-9);
    assert_true(fabs(rig.joints[2].command.position_rad + 1.0) < 1e-9);
    assert_true(rig.joints[1].state.position_rad < 1.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_that_is_disabled_on_the_way_stops_the_others_on_the_line),
        cmocka_unit_test(a_member_that_is_disabled_on_the_way_lets_isolated_ones_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
