/* Wanted by tests/tenon_test.h; cmocka.c uses what the compiler brings. */
