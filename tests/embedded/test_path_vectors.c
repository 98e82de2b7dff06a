/* The path against the same vectors of Ruckig as on the host, and with the same tolerances. */
#include "tenon_test.h"

#include "core_internal.h"

#define SAMPLES 5u

/* Limits of velocity, acceleration and jerk; duration; tolerance; progress and rate of each sample.
 */
static const double rows[][5u + 2u * SAMPLES] = {
#include "path_rows.h"
};

static void assert_near(double got, double expected, double tolerance)
{
    assert_true(tenon__abs(got - expected) <= tolerance);
}

static void paths_are_those_of_ruckig(void **state)
{
    (void)state;
    assert_true(sizeof rows / sizeof rows[0] >= 170);
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        const double *const row = rows[k], *const samples = row + 5;
        struct tenon_path path;
        tenon__path_plan(&path, row[0], row[1], row[2]);
        assert_near(path.duration_s, row[3], 1e-9 * row[3]);
        for (unsigned i = 0; i < SAMPLES; i++) {
            double rate;
            const double progress = tenon__path_at(&path, (0.1 + 0.2 * i) * row[3], &rate);
            assert_near(progress, samples[2 * i], row[4]);
            assert_near(rate, samples[2 * i + 1], 1e-8 * row[0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(paths_are_those_of_ruckig)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
