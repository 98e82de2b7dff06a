/*
 * Maths for the simulation and the tests, where there is no C library. sqrt is exact; sin, cos and
 * exp are good to some 1e-15 within the few turns they are used for.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define HALF_PI      1.5707963267948966
#define HALF_PI_REST 6.123233995736766e-17 /* pi / 2 less the above */
#define LN2          0.6931471805599453
#define LN2_REST     2.3190468138462996e-17

double fabs(double x)
{
    return __builtin_fabs(x);
}

float fabsf(float x)
{
    return __builtin_fabsf(x);
}

double fmin(double a, double b)
{
    return a < b || __builtin_isnan(b) ? a : b;
}

double fmax(double a, double b)
{
    return a > b || __builtin_isnan(b) ? a : b;
}

double floor(double x)
{
    if (!(fabs(x) < 0x1p52)) {
        return x; /* whole already, or no number */
    }
    const double whole = (double)(int64_t)x;
    return whole > x ? whole - 1.0 : whole;
}

double ceil(double x)
{
    return -floor(-x);
}

/* Halves away from zero. */
long long llround(double x)
{
    const double whole = floor(fabs(x));
    const long long n = (long long)whole + (fabs(x) - whole >= 0.5 ? 1 : 0);
    return x < 0.0 ? -n : n;
}

double round(double x)
{
    return fabs(x) < 0x1p52 ? (double)llround(x) : x;
}

long lround(double x)
{
    return (long)llround(x);
}

long lroundf(float x)
{
    return (long)llround((double)x);
}

/* Digit by digit, of the mantissa. Denormals are not met here. */
double sqrt(double x)
{
    uint64_t bits, root = 0;
    if (!(x > 0.0) || !isfinite(x)) {
        return x < 0.0 ? (double)NAN : x;
    }
    memcpy(&bits, &x, sizeof bits);
    const int exponent = (int)(bits >> 52) - 1023;
    uint64_t rest = 0;
    uint64_t mantissa = ((bits & UINT64_C(0xFFFFFFFFFFFFF)) | UINT64_C(0x10000000000000)) << 10;
    if ((exponent & 1) != 0) {
        mantissa <<= 1;
    }
    for (unsigned i = 0; i < 54; i++) { /* one bit more than is kept: to round by */
        rest = rest << 2 | mantissa >> 62;
        mantissa <<= 2;
        root <<= 1;
        if (rest > 2 * root) {
            rest -= 2 * root + 1;
            root++;
        }
    }
    root = (root + 1) >> 1; /* a root never lies half-way */
    const int half = (exponent - (exponent & 1)) / 2;
    const uint64_t out = (uint64_t)(half + 1022) * (UINT64_C(1) << 52) + root;
    memcpy(&x, &out, sizeof x);
    return x;
}

static double series(double x, double term, double first)
{
    double sum = term;
    for (double n = first; fabs(term) > 1e-18; n += 2.0) {
        term *= -x * x / (n * (n + 1.0));
        sum += term;
    }
    return sum;
}

static double sine_of(double x, long long quarters)
{
    const long long n = llround(x / HALF_PI);
    const double r = (x - (double)n * HALF_PI) - (double)n * HALF_PI_REST;
    const unsigned quarter = (unsigned)(n + quarters) & 3u;
    const double y = (quarter & 1u) == 0 ? series(r, r, 2.0) : series(r, 1.0, 1.0);
    return quarter < 2 ? y : -y;
}

double sin(double x)
{
    return sine_of(x, 0);
}

double cos(double x)
{
    return sine_of(x, 1);
}

double exp(double x)
{
    const long long n = llround(x / LN2);
    const double r = (x - (double)n * LN2) - (double)n * LN2_REST;
    double sum = 1.0, term = 1.0;
    if (x < -700.0) {
        return 0.0;
    }
    for (double k = 1.0; fabs(term) > 1e-18; k += 1.0) {
        term *= r / k;
        sum += term;
    }
    const uint64_t bits = (uint64_t)(n + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}
