/* The little arithmetic the core needs without a C library. Checked against libm by the tests. */
#include "core_internal.h"

#include <string.h>

/* First guess of x^(1/n): the exponent divided, the mantissa roughly so. */
static double root_guess(double x, uint64_t n, uint64_t bias)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = bits / n + bias;
    memcpy(&x, &bits, sizeof bits);
    return x;
}

/* The guess needs a normal number. @return What the root of the scaled number is to be multiplied
 * by. */
static double normalise(double *io_x, double root_of_scale)
{
    if (*io_x >= 0x1p-1022) {
        return 1.0;
    }
    *io_x *= 0x1p108;
    return root_of_scale;
}

double tenon__sqrt(double x)
{
    if (!(x > 0.0) || !tenon__is_finite(x)) {
        return x > 0.0 ? x : 0.0;
    }
    const double scale = normalise(&x, 0x1p-54);
    double y = root_guess(x, 2, UINT64_C(0x1FF7A3BEA91D9B1B));
    for (int i = 0; i < 5; i++) { /* error below 4 % at first, squared each time */
        y = 0.5 * (y + x / y);
    }
    return y * scale;
}

double tenon__cbrt(double x)
{
    if (!(x > 0.0) || !tenon__is_finite(x)) {
        return x > 0.0 ? x : 0.0;
    }
    const double scale = normalise(&x, 0x1p-36);
    double y = root_guess(x, 3, UINT64_C(0x2A9F7893782DA1CE));
    for (int i = 0; i < 5; i++) {
        y = (2.0 * y + x / (y * y)) * (1.0 / 3.0);
    }
    return y * scale;
}

float tenon__sqrtf(float x)
{
    if (!(x > 0.0f) || !tenon__is_finitef(x)) {
        return x > 0.0f ? x : 0.0f;
    }
    float scale = 1.0f;
    if (x < 0x1p-126f) {
        x *= 0x1p48f;
        scale = 0x1p-24f;
    }
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = UINT32_C(0x5F375A86) - (bits >> 1);
    float r; /* 1 / sqrt(x): products only, no division */
    memcpy(&r, &bits, sizeof r);
    for (int i = 0; i < 3; i++) {
        r = r * (1.5f - 0.5f * x * r * r);
    }
    return x * r * scale;
}
