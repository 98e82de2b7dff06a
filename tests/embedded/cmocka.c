/* Runs tests one after the other, says which fail, and counts. */
#include "machine.h"

#include <cmocka.h>
#include <string.h>

static void *after_failure[5];
static unsigned passed_count;
static unsigned failed_count;
static bool is_skipped;

static void print_number(unsigned n)
{
    char digits[12];
    char *at = digits + sizeof digits - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + n % 10u);
        n /= 10u;
    } while (n > 0);
    machine_print(at);
}

_Noreturn void selftest_fail(const char *file, int line, const char *what, ...)
{
    machine_print(file);
    machine_print(":");
    print_number((unsigned)line);
    machine_print(": ");
    machine_print(what);
    machine_print("\n");
    __builtin_longjmp(after_failure, 1);
}

void selftest_skip(void)
{
    is_skipped = true;
    __builtin_longjmp(after_failure, 1);
}

/* Of its own: what is local to a function that is jumped into would be lost. */
static __attribute__((noinline)) bool passes(const struct CMUnitTest *test)
{
    void *state = test->prestate;
    if (__builtin_setjmp(after_failure) != 0) {
        return is_skipped;
    }
    if (test->setup != NULL && test->setup(&state) != 0) {
        return false;
    }
    test->run(&state);
    return test->teardown == NULL || test->teardown(&state) == 0;
}

int selftest_run(const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        is_skipped = false;
        if (!passes(&tests[i])) {
            machine_print("FAILED ");
            machine_print(tests[i].name);
            machine_print("\n");
            failed++;
        } else if (!is_skipped) {
            passed_count++;
        }
    }
    failed_count += (unsigned)failed;
    return failed;
}

#define SUITE(name) int name(void);
#include "suites.h"
#undef SUITE

int main(void)
{
#define SUITE(name)                                                                                \
    machine_print(#name "\n");                                                                     \
    (void)name();
#include "suites.h"
    print_number(passed_count);
    machine_print(" passed, ");
    print_number(failed_count);
    machine_print(" failed\n");
    return failed_count == 0 ? 0 : 1;
}
