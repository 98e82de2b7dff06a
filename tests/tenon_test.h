/* The four headers cmocka wants ahead of it, in an order the formatter must not change. */
#ifndef TENON_TEST_H
#define TENON_TEST_H
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/* Sweeps that would take minutes where an emulator computes every float run every so many of their
 * cases there. A prime, so that it has no factor in common with what is swept. */
#ifndef TENON_TEST_SHARE
#define TENON_TEST_SHARE 1u
#endif
#endif
