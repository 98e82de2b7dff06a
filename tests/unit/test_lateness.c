/* The histogram of wake-ups: what is put in comes out, and the runner fills it. */
#include "tenon_test.h"

#include "port/posix/posix_internal.h"
#include "rig.h"

#include <string.h>

static struct tenon_posix_lateness lateness;
static struct rig rig;

static int clear(void **state)
{
    (void)state;
    memset(&lateness, 0, sizeof lateness);
    return 0;
}

static void each_time_falls_into_the_bucket_of_its_power_of_two(void **state)
{
    static const struct {
        tenon_ns_t late;
        unsigned bucket;
    } cases[] = {{0, 0},
                 {TENON_US(1), 0},
                 {TENON_US(2) - 1, 0},
                 {TENON_US(2), 1},
                 {TENON_US(3), 1},
                 {TENON_US(4), 2},
                 {TENON_US(1023), 9},
                 {TENON_US(1024), 10},
                 {TENON_MS(524), 18},
                 {TENON_MS(525), 19},
                 {TENON_S(1000), 19}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint64_t before = lateness.bucket[cases[i].bucket];
        tenon__lateness_add(&lateness, cases[i].late);
        assert_int_equal(lateness.bucket[cases[i].bucket], before + 1);
        assert_int_equal(lateness.count, i + 1);
    }
    assert_int_equal(lateness.max_ns, TENON_S(1000));
}

static void a_sleep_cut_short_does_not_count(void **state)
{
    (void)state;
    tenon__lateness_add(&lateness, -1);
    assert_int_equal(lateness.count, 0);
    assert_int_equal(tenon_posix_lateness_within(&lateness, 0.99), 0);
}

static void a_share_of_the_wake_ups_lies_below_the_edge_given(void **state)
{
    (void)state;
    for (int i = 0; i < 990; i++) {
        tenon__lateness_add(&lateness, TENON_US(50));
    }
    for (int i = 0; i < 10; i++) {
        tenon__lateness_add(&lateness, TENON_US(700));
    }
    assert_int_equal(tenon_posix_lateness_within(&lateness, 0.5), TENON_US(64) - 1);
    assert_int_equal(tenon_posix_lateness_within(&lateness, 0.99), TENON_US(64) - 1);
    assert_int_equal(tenon_posix_lateness_within(&lateness, 0.995), TENON_US(700));
    assert_int_equal(tenon_posix_lateness_within(&lateness, 1.0), TENON_US(700));
    tenon__lateness_add(&lateness, TENON_S(3)); /* the last bucket has no edge */
    assert_int_equal(tenon_posix_lateness_within(&lateness, 1.0), TENON_S(3));
}

static void one_line_says_it_all_and_is_cut_at_the_buffer(void **state)
{
    char text[100];
    char small[10];
    (void)state;
    assert_string_equal(tenon_posix_lateness_text(&lateness, text, sizeof text),
                        "0 wake-ups, mean 0 us, 99 % within 0 us, longest 0 us late");
    tenon__lateness_add(&lateness, TENON_US(40));
    tenon__lateness_add(&lateness, TENON_US(60));
    assert_ptr_equal(tenon_posix_lateness_text(&lateness, text, sizeof text), text);
    assert_string_equal(text, "2 wake-ups, mean 50 us, 99 % within 60 us, longest 60 us late");
    assert_string_equal(tenon_posix_lateness_text(&lateness, small, sizeof small), "2 wake-up");
}

/* Nothing hangs on the rig but time: each cycle sleeps once, to its release. */
static void the_runner_accounts_for_each_of_its_sleeps(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    assert_int_equal(
        tenon_sched_init(&rig.sched, &tenon_posix_port, TENON_MS(5), rig.memory, sizeof rig.memory),
        TENON_OK);
    rig_add(&rig);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(tenon_posix_cycle_timed(&rig.sched, &lateness), TENON_OK);
    }
    /* A release that had already passed needed no sleep. */
    assert_in_range(lateness.count, 1, 20);
    assert_true(lateness.max_ns > 0);
    assert_true(lateness.sum_ns <= (tenon_ns_t)lateness.count * lateness.max_ns);
    const uint64_t counted = lateness.count;
    assert_int_equal(tenon_posix_cycle(&rig.sched), TENON_OK);
    assert_int_equal(lateness.count, counted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_time_falls_into_the_bucket_of_its_power_of_two, clear),
        cmocka_unit_test_setup(a_sleep_cut_short_does_not_count, clear),
        cmocka_unit_test_setup(a_share_of_the_wake_ups_lies_below_the_edge_given, clear),
        cmocka_unit_test_setup(one_line_says_it_all_and_is_cut_at_the_buffer, clear),
        cmocka_unit_test_setup(the_runner_accounts_for_each_of_its_sleeps, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
