/* Not run with the others: shows that a failure is told, and by the exit status too. */
#include "tenon_test.h"

static void one_equals_one(void **state)
{
    (void)state;
    assert_int_equal(1, 1);
}

static void one_equals_two(void **state)
{
    (void)state;
    assert_int_equal(1, 2);
}

static int setup_that_fails(void **state)
{
    (void)state;
    return -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_equals_two),
        cmocka_unit_test_setup(one_equals_one, setup_that_fails),
        cmocka_unit_test(one_equals_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
