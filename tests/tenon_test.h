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
#endif
