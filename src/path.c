/*
 * The shortest jerk-limited move from rest to rest, of a scalar from 0 to 1, in closed form. Every
 * expression is a sum of positive terms, so there is no cancellation, however large or small the
 * limits.
 */
#include "core_internal.h"

void tenon__path_plan(struct tenon_path *path, double velocity, double acceleration, double jerk)
{
    const double v = velocity, a = acceleration, j = jerk;
    const bool reaches_a = v * j >= a * a; /* on the way to v */
    const double ta = reaches_a ? v / a + a / j : 2.0 * tenon__sqrt(v / j);

    path->jerk = j;
    if (v * ta <= 1.0) { /* reaches v and cruises */
        path->jerk_s = reaches_a ? a / j : 0.5 * ta;
        path->plateau_s = reaches_a ? ta - 2.0 * (a / j) : 0.0;
        path->duration_s = ta + 1.0 / v;
    } else if (j * j >= 2.0 * a * a * a) { /* reaches a, not v */
        const double q = a * a / j;
        const double peak = a / (0.5 * q + tenon__sqrt(0.25 * q * q + a));
        path->jerk_s = a / j;
        path->plateau_s = peak / a > a / j ? peak / a - a / j : 0.0;
        path->duration_s = 2.0 * (peak / a + a / j);
    } else { /* jerk phases only */
        path->jerk_s = tenon__cbrt(0.5 / j);
        path->plateau_s = 0.0;
        path->duration_s = 4.0 * path->jerk_s;
    }
}

/* Progress and rate in the first half; the second mirrors it. */
static double first_half(const struct tenon_path *path, double t, double *out_rate)
{
    const double j = path->jerk, tj = path->jerk_s, tp = path->plateau_s;
    const double a = j * tj;
    const double v0 = 0.5 * a * tj, s0 = a * tj * tj / 6.0;            /* after the jerk phase */
    const double v1 = v0 + a * tp, s1 = s0 + tp * (v0 + 0.5 * a * tp); /* after the plateau */

    if (t <= tj) {
        *out_rate = 0.5 * j * t * t;
        return j * t * t * t / 6.0;
    }
    if (t <= tj + tp) {
        const double u = t - tj;
        *out_rate = v0 + a * u;
        return s0 + u * (v0 + 0.5 * a * u);
    }
    if (t <= 2.0 * tj + tp) {
        const double u = t - (tj + tp);
        *out_rate = v1 + u * (a - 0.5 * j * u);
        return s1 + u * (v1 + u * (0.5 * a - j * u / 6.0));
    }
    const double cruise = v1 + v0;
    *out_rate = cruise;
    return s1 + tj * (v1 + a * tj / 3.0) + cruise * (t - (2.0 * tj + tp));
}

double tenon__path_at(const struct tenon_path *path, double t_s, double *out_rate)
{
    if (t_s >= path->duration_s) {
        *out_rate = 0.0;
        return 1.0;
    }
    if (t_s <= 0.5 * path->duration_s) {
        return first_half(path, t_s, out_rate);
    }
    return 1.0 - first_half(path, path->duration_s - t_s, out_rate);
}
