/* The jerk-limited path against Ruckig's numbers, against a search of its own, and against its
 * limits. */
#include "tenon_test.h"

#include "core_internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES = 5 };

struct row {
    double v, a, j, duration, tolerance;
    double progress[SAMPLES], rate[SAMPLES];
    int id;
};

static FILE *open_vectors(void)
{
    char name[1024];
    const char *const root = getenv("TENON_SOURCE_DIR");
    const char *const path = "tests/vectors/ruckig_rest_to_rest.csv";
    (void)snprintf(name, sizeof name, "%s/%s", root != NULL ? root : ".", path);
    FILE *const file = fopen(name, "r");
    assert_non_null(file);
    return file;
}

static double next_number(char **io_at)
{
    char *end;
    const double x = strtod(*io_at, &end);
    assert_true(end != *io_at);
    *io_at = end + (*end == ',' ? 1 : 0);
    return x;
}

static bool next_row(FILE *file, struct row *out_row)
{
    char line[1024];
    if (fgets(line, sizeof line, file) == NULL) {
        return false;
    }
    char *at = line;
    out_row->id = (int)lround(next_number(&at));
    while (*at != ',') { /* the category */
        at++;
    }
    at++;
    out_row->v = next_number(&at);
    out_row->a = next_number(&at);
    out_row->j = next_number(&at);
    out_row->duration = next_number(&at);
    out_row->tolerance = next_number(&at);
    for (unsigned i = 0; i < SAMPLES; i++) {
        out_row->progress[i] = next_number(&at);
        out_row->rate[i] = next_number(&at);
    }
    return true;
}

static void assert_near(double got, double expected, double tolerance, const char *what, int id)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("%s of %d: %.17g, not %.17g", what, id, got, expected);
    }
}

static FILE *first_row(struct row *out_row)
{
    char header[1024];
    FILE *const file = open_vectors();
    assert_non_null(fgets(header, sizeof header, file));
    assert_true(next_row(file, out_row));
    return file;
}

static void durations_are_those_of_ruckig(void **state)
{
    (void)state;
    struct row row;
    unsigned count = 0;
    FILE *const file = first_row(&row);
    do {
        struct tenon_path path;
        tenon__path_plan(&path, row.v, row.a, row.j);
        assert_near(path.duration_s, row.duration, 1e-9 * row.duration, "duration", row.id);
        count++;
    } while (next_row(file, &row));
    (void)fclose(file);
    assert_true(count >= 170);
}

static void progress_and_rate_on_the_way_are_those_of_ruckig(void **state)
{
    (void)state;
    struct row row;
    FILE *const file = first_row(&row);
    do {
        struct tenon_path path;
        tenon__path_plan(&path, row.v, row.a, row.j);
        for (unsigned i = 0; i < SAMPLES; i++) {
            const double t = (0.1 + 0.2 * i) * row.duration;
            double rate;
            const double s = tenon__path_at(&path, t, &rate);
            assert_near(s, row.progress[i], row.tolerance, "progress", row.id);
            assert_near(rate, row.rate[i], 1e-8 * row.v, "rate", row.id);
        }
    } while (next_row(file, &row));
    (void)fclose(file);
}

/* --- an independent way to the duration --- */

/* Time to come from rest to a speed. */
static double time_to(double speed, double a, double j)
{
    return speed * j >= a * a ? speed / a + a / j : 2.0 * sqrt(speed / j);
}

/* The peak speed is found by halving: the way up and down from it is as long as the distance. */
static double searched_duration(double v, double a, double j)
{
    if (v * time_to(v, a, j) <= 1.0) {
        return time_to(v, a, j) + 1.0 / v;
    }
    double low = 0.0, high = v;
    for (unsigned i = 0; i < 2000 && high - low > 0.0; i++) {
        const double middle = 0.5 * (low + high);
        if (!(middle > low && middle < high)) {
            break;
        }
        if (middle * time_to(middle, a, j) <= 1.0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return 2.0 * time_to(low, a, j);
}

typedef void check_fn(double v, double a, double j, const struct tenon_path *path);

/* Twelve decades of each limit, independently. */
static void sweep(check_fn *check)
{
    for (int v = -6; v <= 6; v++) {
        for (int a = -6; a <= 6; a++) {
            for (int j = -6; j <= 6; j++) {
                struct tenon_path path;
                const double limit[3] = {1.3 * pow(10, v), 1.7 * pow(10, a), 1.1 * pow(10, j)};
                tenon__path_plan(&path, limit[0], limit[1], limit[2]);
                check(limit[0], limit[1], limit[2], &path);
            }
        }
    }
}

static void check_duration(double v, double a, double j, const struct tenon_path *path)
{
    const double expected = searched_duration(v, a, j);
    if (!(fabs(path->duration_s - expected) <= 1e-9 * expected)) {
        fail_msg("v %g a %g j %g: %.17g, not %.17g", v, a, j, path->duration_s, expected);
    }
}

static void duration_is_the_shortest_over_twelve_decades(void **state)
{
    (void)state;
    sweep(check_duration);
}

/* The borders between the four shapes: limits at which two of them meet. */
static void duration_is_the_shortest_where_two_shapes_meet(void **state)
{
    (void)state;
    const double off[] = {-1e-3, -1e-9, -1e-15, 0.0, 1e-15, 1e-9, 1e-3};
    for (int e = -6; e <= 6; e++) {
        for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
            struct tenon_path path;
            const double a = 1.7 * pow(10, e);
            const double j = sqrt(2.0 * a * a * a) * (1.0 + off[i]); /* just reaches a */
            tenon__path_plan(&path, 1e9, a, j);
            check_duration(1e9, a, j, &path);
            const double v = cbrt(j / 4.0) * (1.0 + off[i]); /* just reaches v by jerk phases */
            tenon__path_plan(&path, v, 1e3 * a, j);
            check_duration(v, 1e3 * a, j, &path);
            const double w = a * a / j * (1.0 + off[i]); /* reaches v as it reaches a */
            tenon__path_plan(&path, w, a, j);
            check_duration(w, a, j, &path);
        }
    }
}

/* --- properties --- */

static void check_ends(double v, double a, double j, const struct tenon_path *path)
{
    double rate;
    (void)v;
    (void)a;
    (void)j;
    assert_true(fabs(tenon__path_at(path, 0.0, &rate)) <= 0.0);
    assert_true(fabs(rate) <= 0.0);
    const double late[] = {path->duration_s, nextafter(path->duration_s, 1e300),
                           2.0 * path->duration_s};
    for (unsigned i = 0; i < 3; i++) {
        const double end = tenon__path_at(path, late[i], &rate);
        assert_true(end >= 1.0 && end <= 1.0);
        assert_true(fabs(rate) <= 0.0);
    }
    const double last = tenon__path_at(path, nextafter(path->duration_s, 0.0), &rate);
    assert_true(last <= 1.0 && last >= 1.0 - 1e-14);
}

static void path_begins_at_rest_and_ends_exactly_at_the_goal(void **state)
{
    (void)state;
    sweep(check_ends);
}

static void check_rising(double v, double a, double j, const struct tenon_path *path)
{
    double before = 0.0, rate;
    const int count = 997;
    for (int i = 1; i <= count; i++) {
        const double s = tenon__path_at(path, path->duration_s * i / count, &rate);
        if (!(s >= before - 1e-15 && s <= 1.0 && rate >= 0.0)) {
            fail_msg("v %g a %g j %g: falls at %d: %.17g %.17g", v, a, j, i, before, s);
        }
        before = s;
    }
}

static void path_never_goes_back(void **state)
{
    (void)state;
    sweep(check_rising);
}

/*
 * Speed, its first and its second difference keep within the limits, and progress is the integral
 * of speed. What is allowed beyond is what the digits of t leave, magnified by the division.
 */
static void check_limits(double v, double a, double j, const struct tenon_path *path)
{
    enum { COUNT = 1000 };
    const double h = path->duration_s / COUNT;
    double s[3] = {0.0}, r[3] = {0.0}, peak = 0.0;
    for (int i = 0; i <= COUNT; i++) {
        s[0] = s[1], s[1] = s[2], r[0] = r[1], r[1] = r[2];
        s[2] = tenon__path_at(path, h * i, &r[2]);
        peak = fmax(peak, r[2]);
        const double speed = i > 0 ? (s[2] - s[1]) / h : 0.0;
        const double acceleration = i > 0 ? fabs(r[2] - r[1]) / h : 0.0;
        const double jerk = i > 1 ? fabs(r[2] - 2.0 * r[1] + r[0]) / (h * h) : 0.0;
        const double least = fmin(r[1], r[2]), most = fmax(r[1], r[2]) + a * h;
        if (r[2] > v * (1.0 + 1e-12) || speed > v * (1.0 + 1e-9) ||
            acceleration > a * (1.0 + 1e-8) ||
            jerk > j * (1.0 + 1e-6) + 1e-8 * peak / (h * path->duration_s) ||
            (i > 0 && (speed < least - 1e-9 * v || speed > most + 1e-9 * v))) {
            fail_msg("v %g a %g j %g at %d: %g %g %g %g", v, a, j, i, r[2], speed, acceleration,
                     jerk);
        }
    }
}

static void path_keeps_within_speed_acceleration_and_jerk(void **state)
{
    (void)state;
    sweep(check_limits);
}

static void assert_continuous(const struct tenon_path *path, double t, double v, double a)
{
    double rate[2];
    const double width = 1e-15 * path->duration_s; /* what a step of t makes of itself */
    const double left = tenon__path_at(path, nextafter(t, 0.0), &rate[0]);
    const double right = tenon__path_at(path, nextafter(t, 1e300), &rate[1]);
    if (fabs(right - left) > 4e-15 + v * width || fabs(rate[1] - rate[0]) > 1e-14 * v + a * width) {
        fail_msg("jump at %g of %g: %g, %g", t, path->duration_s, right - left, rate[1] - rate[0]);
    }
}

static void check_continuity(double v, double a, double j, const struct tenon_path *path)
{
    const double tj = path->jerk_s, tp = path->plateau_s, d = path->duration_s;
    const double border[] = {tj, tj + tp, 2.0 * tj + tp, 0.5 * d};
    (void)j;
    for (size_t i = 0; i < sizeof border / sizeof border[0]; i++) {
        assert_continuous(path, border[i], v, a);
        assert_continuous(path, d - border[i], v, a);
    }
}

static void path_is_continuous_at_the_borders_and_at_the_mirror(void **state)
{
    (void)state;
    sweep(check_continuity);
}

static void check_symmetry(double v, double a, double j, const struct tenon_path *path)
{
    double rate[2];
    (void)j;
    for (int i = 1; i < 50; i++) {
        const double t = path->duration_s * i / 100.0;
        const double from = tenon__path_at(path, t, &rate[0]);
        const double to = 1.0 - tenon__path_at(path, path->duration_s - t, &rate[1]);
        assert_true(fabs(from - to) <= 1e-14);
        assert_true(fabs(rate[0] - rate[1]) <= 1e-13 * v + a * 1e-15 * path->duration_s);
    }
}

static void second_half_is_the_first_run_backwards(void **state)
{
    (void)state;
    sweep(check_symmetry);
}

static void simple_moves_take_what_one_computes_by_hand(void **state)
{
    (void)state;
    struct tenon_path path;
    double rate;
    tenon__path_plan(&path, 1e6, 1e6, 32.0); /* jerk only: 4 * (1 / 64)^(1/3) */
    assert_near(path.duration_s, 1.0, 1e-14, "jerk only", 0);
    tenon__path_plan(&path, 1e6, 4.0, 1e12); /* all but a triangle: 2 * sqrt(1 / 4) */
    assert_near(path.duration_s, 1.0, 1e-9, "triangle", 0);
    assert_near(tenon__path_at(&path, 0.25, &rate), 0.125, 1e-9, "triangle", 0);
    assert_near(rate, 1.0, 1e-9, "triangle's speed", 0);
    tenon__path_plan(&path, 0.5, 1.0, 2.0); /* up 1 s, cruise 1 s, down 1 s */
    assert_near(path.duration_s, 3.0, 1e-14, "cruise", 0);
    assert_near(path.jerk_s, 0.5, 1e-14, "jerk phase", 0);
    assert_near(tenon__path_at(&path, 1.0, &rate), 0.25, 1e-14, "end of the way up", 0);
    assert_near(rate, 0.5, 1e-14, "cruise", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_those_of_ruckig),
        cmocka_unit_test(progress_and_rate_on_the_way_are_those_of_ruckig),
        cmocka_unit_test(duration_is_the_shortest_over_twelve_decades),
        cmocka_unit_test(duration_is_the_shortest_where_two_shapes_meet),
        cmocka_unit_test(path_begins_at_rest_and_ends_exactly_at_the_goal),
        cmocka_unit_test(path_never_goes_back),
        cmocka_unit_test(path_keeps_within_speed_acceleration_and_jerk),
        cmocka_unit_test(path_is_continuous_at_the_borders_and_at_the_mirror),
        cmocka_unit_test(second_half_is_the_first_run_backwards),
        cmocka_unit_test(simple_moves_take_what_one_computes_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
