/* What the running scheduler notes of its own time and work, in place. */
#include "tenon_test.h"

#include "rig.h"

#define STEPS 200

static struct rig rig;

static uint32_t calls_of(const struct tenon_timing *timing)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < TENON_TIMING_BUCKETS; i++) {
        sum += timing->bucket[i];
    }
    return sum;
}

static void every_step_and_every_turn_of_a_joint_is_timed(void **state)
{
    (void)state;
    rig_make(&rig, 3);
    rig.joints[1].divisor = 2;
    rig.joints[2].divisor = 4;
    rig_start(&rig);
    rig_steps(&rig, STEPS);
    assert_int_equal(rig.sched.counters.step_count, STEPS);
    assert_int_equal(calls_of(&rig.sched.timing), STEPS);
    assert_int_equal(calls_of(&rig.joints[0].timing), STEPS);
    assert_int_equal(calls_of(&rig.joints[1].timing), STEPS / 2);
    assert_int_equal(calls_of(&rig.joints[2].timing), STEPS / 4);
}

/* The rig's clock goes one tick each time it is looked at. */
static void the_parts_of_a_step_add_up_to_less_than_the_step(void **state)
{
    uint64_t parts = 0;
    (void)state;
    rig_make(&rig, 3);
    rig_start(&rig);
    rig_steps(&rig, STEPS);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(rig.joints[i].timing.sum_ticks >= STEPS);
        assert_true(rig.joints[i].timing.max_ticks >= 1);
        assert_true(rig.joints[i].timing.max_ticks <= rig.sched.timing.max_ticks);
        parts += rig.joints[i].timing.sum_ticks;
    }
    assert_true(parts < rig.sched.timing.sum_ticks);
}

static void a_step_before_its_release_is_not_timed(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_start(&rig);
    rig_steps(&rig, 10);
    const tenon_ns_t early = tenon_sched_release(&rig.sched) - 1;
    assert_true(tenon_sched_step(&rig.sched, early) == early + 1);
    assert_int_equal(calls_of(&rig.sched.timing), 10);
    assert_int_equal(calls_of(&rig.joints[0].timing), 10);
    assert_int_equal(rig.sched.counters.step_count, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_and_every_turn_of_a_joint_is_timed),
        cmocka_unit_test(the_parts_of_a_step_add_up_to_less_than_the_step),
        cmocka_unit_test(a_step_before_its_release_is_not_timed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
