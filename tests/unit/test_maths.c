/* The core's own roots against those of the C library. */
#include "tenon_test.h"

#include "core_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float from_bits32(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void assert_close(double x, double got, double expected, double relative)
{
    if (!(fabs(got - expected) <= relative * expected)) {
        fail_msg("f(%.17g) is %.17g, not %.17g", x, got, expected);
    }
}

enum { MANTISSAS = 40 };

/* Every exponent, with both ends of its interval and mantissas between. */
static double sample(uint64_t exponent, unsigned i)
{
    const uint64_t top = (UINT64_C(1) << 52) - 1u;
    const uint64_t mantissa = i == 0 ? 0u : (i == 1 ? top : next_random() & top);
    return from_bits(exponent << 52 | mantissa);
}

static void square_root_is_right_for_every_normal_number(void **state)
{
    (void)state;
    for (uint64_t exponent = 1; exponent <= 2046; exponent++) {
        for (unsigned i = 0; i < MANTISSAS; i++) {
            const double x = sample(exponent, i);
            assert_close(x, tenon__sqrt(x), sqrt(x), 2.0 * DBL_EPSILON);
        }
    }
}

static void cube_root_is_right_for_every_normal_number(void **state)
{
    (void)state;
    for (uint64_t exponent = 1; exponent <= 2046; exponent++) {
        for (unsigned i = 0; i < MANTISSAS; i++) {
            const double x = sample(exponent, i);
            assert_close(x, tenon__cbrt(x), cbrt(x), 4.0 * DBL_EPSILON);
        }
    }
}

static void float_square_root_is_right_for_every_normal_number(void **state)
{
    (void)state;
    for (uint32_t exponent = 1; exponent <= 254; exponent++) {
        for (unsigned i = 0; i < 400; i++) {
            const uint32_t top = 0x7FFFFFu;
            const uint32_t mantissa = i == 0 ? 0u : (i == 1 ? top : (uint32_t)next_random() & top);
            const double x = (double)from_bits32(exponent << 23 | mantissa);
            assert_close(x, (double)tenon__sqrtf((float)x), sqrt(x), 4.0 * (double)FLT_EPSILON);
        }
    }
}

static void roots_of_denormals_are_right(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 52; bit++) {
        for (unsigned i = 0; i < 4; i++) {
            const uint64_t one = UINT64_C(1) << bit;
            const double x = from_bits(i == 0 ? one : one | (next_random() & (one - 1u)));
            assert_close(x, tenon__sqrt(x), sqrt(x), 2.0 * DBL_EPSILON);
            assert_close(x, tenon__cbrt(x), cbrt(x), 4.0 * DBL_EPSILON);
        }
    }
    for (unsigned bit = 0; bit < 23; bit++) {
        for (unsigned i = 0; i < 4; i++) {
            const uint32_t one = UINT32_C(1) << bit;
            const uint32_t rest = (uint32_t)next_random() & (one - 1u);
            const double x = (double)from_bits32(i == 0 ? one : one | rest);
            assert_close(x, (double)tenon__sqrtf((float)x), sqrt(x), 4.0 * (double)FLT_EPSILON);
        }
    }
}

static void roots_of_exact_powers_are_near_the_last_digit(void **state)
{
    (void)state;
    for (double n = 1.0; n < 2000.0; n += 1.0) {
        assert_close(n * n, tenon__sqrt(n * n), n, DBL_EPSILON);
        assert_close(n * n * n, tenon__cbrt(n * n * n), n, 2.0 * DBL_EPSILON);
        assert_close(n * n, (double)tenon__sqrtf((float)(n * n)), n, 2.0 * (double)FLT_EPSILON);
    }
}

static void what_has_no_root_gives_zero(void **state)
{
    (void)state;
    const double none[] = {0.0, -0.0, -1.0, -DBL_MIN, -DBL_MAX, -(double)INFINITY, (double)NAN};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_true(tenon__sqrt(none[i]) >= 0.0 && tenon__sqrt(none[i]) <= 0.0);
        assert_true(tenon__cbrt(none[i]) >= 0.0 && tenon__cbrt(none[i]) <= 0.0);
        assert_true(tenon__sqrtf((float)none[i]) >= 0.0f && tenon__sqrtf((float)none[i]) <= 0.0f);
    }
}

/* A joint without end has infinite room ahead: the speed it may have must not come out negative or
 * NaN. */
static void the_root_of_infinity_is_infinite(void **state)
{
    (void)state;
    assert_true(tenon__sqrt((double)INFINITY) > DBL_MAX);
    assert_true(tenon__cbrt((double)INFINITY) > DBL_MAX);
    assert_true(tenon__sqrtf(INFINITY) > FLT_MAX);
}

static void only_numbers_are_finite(void **state)
{
    (void)state;
    const double yes[] = {0.0, -0.0, DBL_MIN, 4.9e-324, DBL_MAX, -DBL_MAX, 1.0};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_true(tenon__is_finite(yes[i]));
    }
    const double no[] = {(double)INFINITY, -(double)INFINITY, (double)NAN, -(double)NAN};
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_false(tenon__is_finite(no[i]));
        assert_false(tenon__is_finitef((float)no[i]));
    }
    const float yes32[] = {0.0f, -0.0f, FLT_MIN, 1.4e-45f, FLT_MAX, -FLT_MAX};
    for (size_t i = 0; i < sizeof yes32 / sizeof yes32[0]; i++) {
        assert_true(tenon__is_finitef(yes32[i]));
    }
    assert_false(tenon__is_finite(from_bits(UINT64_C(0x7FF0000000000001)))); /* signalling NaN */
    assert_false(tenon__is_finitef(from_bits32(UINT32_C(0xFF800001))));
}

static void clamping_keeps_within_both_ends(void **state)
{
    (void)state;
    for (int x = -5; x <= 5; x++) {
        const int expected = x < -2 ? -2 : (x > 3 ? 3 : x);
        assert_int_equal(lround(tenon__clamp(x, -2.0, 3.0)), expected);
        assert_int_equal(lroundf(tenon__clampf((float)x, -2.0f, 3.0f)), expected);
        assert_int_equal(lround(tenon__abs(x)), x < 0 ? -x : x);
        assert_int_equal(lroundf(tenon__absf((float)x)), x < 0 ? -x : x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(square_root_is_right_for_every_normal_number),
        cmocka_unit_test(cube_root_is_right_for_every_normal_number),
        cmocka_unit_test(float_square_root_is_right_for_every_normal_number),
        cmocka_unit_test(roots_of_denormals_are_right),
        cmocka_unit_test(roots_of_exact_powers_are_near_the_last_digit),
        cmocka_unit_test(what_has_no_root_gives_zero),
        cmocka_unit_test(the_root_of_infinity_is_infinite),
        cmocka_unit_test(only_numbers_are_finite),
        cmocka_unit_test(clamping_keeps_within_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
