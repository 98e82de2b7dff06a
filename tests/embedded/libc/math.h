/* Of the C maths library, what the simulation, the fakes and the tests use; see ../libm.c. */
#ifndef SELFTEST_MATH_H
#define SELFTEST_MATH_H

#define INFINITY    __builtin_inff()
#define NAN         __builtin_nanf("")
#define isfinite(x) __builtin_isfinite(x)

double fabs(double x);
float fabsf(float x);
double fmin(double a, double b);
double fmax(double a, double b);
double floor(double x);
double round(double x);
double ceil(double x);
long lround(double x);
long lroundf(float x);
long long llround(double x);
double sqrt(double x);
double sin(double x);
double cos(double x);
double exp(double x);

#endif
