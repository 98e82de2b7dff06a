/* The account of time: sum, longest, and a histogram that keeps its shape. */
#include "tenon_test.h"

#include "core_internal.h"

#include <math.h>

/* By division, where the source counts leading zeros. */
static unsigned expected_bucket(uint32_t ticks)
{
    unsigned k = 0;
    while (ticks > 1u && k < TENON_TIMING_BUCKETS - 1u) {
        ticks /= 2u;
        k++;
    }
    return k;
}

static void assert_lands_in(uint32_t ticks, unsigned bucket)
{
    struct tenon_timing timing = {.sum_ticks = 0};
    (void)tenon__timing_add(&timing, ticks);
    for (unsigned k = 0; k < TENON_TIMING_BUCKETS; k++) {
        assert_int_equal(timing.bucket[k], k == bucket);
    }
    assert_int_equal(timing.sum_ticks, ticks);
    assert_int_equal(timing.max_ticks, ticks);
}

static void times_land_in_the_bucket_of_their_power_of_two(void **state)
{
    (void)state;
    assert_lands_in(0, 0);
    assert_lands_in(1, 0);
    assert_lands_in(2, 1);
    assert_lands_in(3, 1);
    assert_lands_in(4, 2);
    assert_lands_in(UINT32_MAX, TENON_TIMING_BUCKETS - 1);
    for (unsigned bit = 1; bit < 32; bit++) {
        const uint32_t power = UINT32_C(1) << bit;
        assert_lands_in(power, expected_bucket(power));
        assert_lands_in(power - 1u, expected_bucket(power - 1u));
        assert_lands_in(power + power / 2u, expected_bucket(power + power / 2u));
    }
}

static void sum_does_not_wrap_with_the_counter_and_the_longest_is_kept(void **state)
{
    (void)state;
    struct tenon_timing timing = {.sum_ticks = 0};
    for (unsigned i = 0; i < 10; i++) {
        (void)tenon__timing_add(&timing, UINT32_MAX - i);
    }
    (void)tenon__timing_add(&timing, 5);
    assert_true(timing.sum_ticks == UINT64_C(10) * UINT32_MAX - 45u + 5u);
    assert_int_equal(timing.max_ticks, UINT32_MAX);
}

static void buckets_sum_up_to_the_calls_until_one_is_full(void **state)
{
    (void)state;
    struct tenon_timing timing = {.sum_ticks = 0};
    for (uint32_t i = 0; i < 60000; i++) {
        (void)tenon__timing_add(&timing, i % 1000u);
    }
    uint32_t sum = 0;
    for (unsigned k = 0; k < TENON_TIMING_BUCKETS; k++) {
        sum += timing.bucket[k];
    }
    assert_int_equal(sum, 60000);
}

static void full_bucket_halves_all_and_keeps_the_shape(void **state)
{
    (void)state;
    struct tenon_timing timing = {.sum_ticks = 0};
    for (uint32_t i = 0; i < 3000000; i++) { /* 4 : 2 : 1 */
        (void)tenon__timing_add(&timing, i % 7u < 4u ? 100u : (i % 7u < 6u ? 1000u : 10000u));
        assert_true(i < 200000 || timing.bucket[6] >= UINT16_MAX / 2);
    }
    const double often = timing.bucket[6];
    assert_true(often > 30000.0);
    assert_true(fabs(timing.bucket[9] / often - 0.5) < 0.01);
    assert_true(fabs(timing.bucket[13] / often - 0.25) < 0.01);
    assert_int_equal(timing.bucket[7], 0);
    assert_int_equal(timing.max_ticks, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_land_in_the_bucket_of_their_power_of_two),
        cmocka_unit_test(sum_does_not_wrap_with_the_counter_and_the_longest_is_kept),
        cmocka_unit_test(buckets_sum_up_to_the_calls_until_one_is_full),
        cmocka_unit_test(full_bucket_halves_all_and_keeps_the_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
