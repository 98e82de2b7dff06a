/* Six joints on simulated servos, from probing to a move that has settled. */
#include "tenon_test.h"

#include "arm_rig.h"

static struct arm arm;

static void group_moves_to_its_goals_and_settles(void **state)
{
    static const double goals_rad[ARM_JOINTS] = {0.2, -0.15, 0.1, 0.3, -0.3, 0.25};
    (void)state;
    arm_start(&arm, NULL);
    arm_enable(&arm);
    arm_move(&arm, goals_rad);
    assert_int_equal(arm.host->group.status, TENON_GROUP_DONE);
    for (unsigned i = 0; i < ARM_JOINTS; i++) {
        assert_int_equal(arm.host->joints[i].status, TENON_JOINT_ENABLED);
        assert_int_equal(arm.host->joints[i].fault_count, 0);
        assert_int_equal(arm.host->motors[i].base.device->counters.missed_count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(group_moves_to_its_goals_and_settles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
