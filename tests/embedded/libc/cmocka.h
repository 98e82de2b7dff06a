/*
 * The part of cmocka that the tests use, for machines without a C library: so the tests of the host
 * run there as they are. A message is printed as its format, without its numbers.
 */
#ifndef SELFTEST_CMOCKA_H
#define SELFTEST_CMOCKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
    void *prestate;
};

#define cmocka_unit_test(f)                                                                        \
    {                                                                                              \
#f, f, NULL, NULL, NULL                                                                    \
    }
#define cmocka_unit_test_setup(f, setup)                                                           \
    {                                                                                              \
#f, f, setup, NULL, NULL                                                                   \
    }
#define cmocka_unit_test_setup_teardown(f, setup, teardown)                                        \
    {                                                                                              \
#f, f, setup, teardown, NULL                                                               \
    }
#define cmocka_unit_test_prestate(f, prestate)                                                     \
    {                                                                                              \
#f, f, NULL, NULL, prestate                                                                \
    }

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    cmocka_run_group_tests_name(#tests, tests, setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown)                                  \
    selftest_run(tests, sizeof(tests) / sizeof *(tests))

int selftest_run(const struct CMUnitTest *tests, size_t count);
/* Does not return. */
_Noreturn void selftest_fail(const char *file, int line, const char *what, ...);
void selftest_skip(void);

#define fail()             selftest_fail(__FILE__, __LINE__, "fail()")
#define fail_msg(...)      selftest_fail(__FILE__, __LINE__, __VA_ARGS__)
#define skip()             selftest_skip()
#define print_message(...) ((void)0)
#define selftest_check(condition, text)                                                            \
    ((condition) ? (void)0 : selftest_fail(__FILE__, __LINE__, text))

#define assert_true(c)             selftest_check(c, #c)
#define assert_false(c)            selftest_check(!(c), "not " #c)
#define assert_null(p)             selftest_check((p) == NULL, #p " is NULL")
#define assert_non_null(p)         selftest_check((p) != NULL, #p " is not NULL")
#define assert_int_equal(a, b)     selftest_check((uintmax_t)(a) == (uintmax_t)(b), #a " == " #b)
#define assert_int_not_equal(a, b) selftest_check((uintmax_t)(a) != (uintmax_t)(b), #a " != " #b)
#define assert_ptr_equal(a, b)     selftest_check((a) == (b), #a " == " #b)
#define assert_in_range(x, low, high)                                                              \
    selftest_check((uintmax_t)(x) >= (uintmax_t)(low) && (uintmax_t)(x) <= (uintmax_t)(high),      \
                   #x " in " #low " ... " #high)
#define assert_string_equal(a, b)       selftest_check(strcmp(a, b) == 0, #a " reads " #b)
#define assert_string_not_equal(a, b)   selftest_check(strcmp(a, b) != 0, #a " does not read " #b)
#define assert_memory_equal(a, b, size) selftest_check(memcmp(a, b, size) == 0, #a " is " #b)

int memcmp(const void *a, const void *b, size_t count);
int strcmp(const char *a, const char *b);

#endif
