/* The sentences: one for each cause, whole, and never past the buffer. */
#include "tenon_test.h"

#include "tenon/diag.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static struct tenon_diag diag_of(unsigned cause)
{
    return (struct tenon_diag){.code = TENON_ERR_ARG,
                               .cause = (uint16_t)cause,
                               .value = 31.0f,
                               .bound = 57.0f,
                               .subject = "elbow",
                               .detail = "velocity_rad_s"};
}

static void every_cause_has_a_sentence_of_its_own_that_names_the_subject(void **state)
{
    (void)state;
    static char text[TENON_CAUSE_COUNT][400];
    for (unsigned cause = 0; cause < TENON_CAUSE_COUNT; cause++) {
        const struct tenon_diag diag = diag_of(cause);
        assert_ptr_equal(tenon_diag_text(&diag, text[cause], sizeof text[cause]), text[cause]);
        assert_int_equal(strncmp(text[cause], "elbow: ", 7), 0);
        assert_true(strlen(text[cause]) > 20);
        assert_null(strchr(text[cause], '%'));
        assert_null(strstr(text[cause], "unknown cause"));
        for (unsigned other = 0; other < cause; other++) {
            assert_string_not_equal(text[cause], text[other]);
        }
    }
}

/* After what is wrong comes what to do. */
static void every_sentence_but_that_of_no_fault_says_what_to_do(void **state)
{
    (void)state;
    for (unsigned cause = TENON_CAUSE_NONE + 1; cause < TENON_CAUSE_COUNT; cause++) {
        char text[400];
        const struct tenon_diag diag = diag_of(cause);
        const char *const advice = strchr(tenon_diag_text(&diag, text, sizeof text), ';');
        if (advice == NULL || strlen(advice) < 8) {
            fail_msg("no advice: %s", text);
        }
    }
}

static void two_hundred_bytes_hold_every_sentence_with_a_short_subject(void **state)
{
    (void)state;
    for (unsigned cause = 0; cause < TENON_CAUSE_COUNT; cause++) {
        char text[400];
        const struct tenon_diag diag = diag_of(cause);
        (void)tenon_diag_text(&diag, text, sizeof text);
        if (strlen(text) >= 200) {
            fail_msg("%zu: %s", strlen(text), text);
        }
    }
}

static void text_is_cut_at_every_size_and_always_terminated(void **state)
{
    (void)state;
    for (unsigned cause = 0; cause < TENON_CAUSE_COUNT; cause++) {
        char whole[400];
        const struct tenon_diag diag = diag_of(cause);
        const size_t length = strlen(tenon_diag_text(&diag, whole, sizeof whole));
        for (size_t size = 1; size <= length + 2; size++) {
            char text[400];
            memset(text, 0x55, sizeof text);
            (void)tenon_diag_text(&diag, text, size);
            const size_t expected = size - 1 < length ? size - 1 : length;
            assert_int_equal(text[expected], '\0');
            assert_memory_equal(text, whole, expected);
            for (size_t i = size; i < sizeof text; i++) {
                assert_int_equal(text[i], 0x55);
            }
        }
    }
}

static void nothing_is_written_where_there_is_no_room(void **state)
{
    (void)state;
    char text[4] = "abc";
    const struct tenon_diag diag = diag_of(TENON_CAUSE_NULL);
    assert_string_equal(tenon_diag_text(&diag, text, 0), "");
    assert_string_equal(tenon_diag_text(&diag, NULL, 0), "");
    assert_string_equal(text, "abc");
}

static void buffer_is_terminated_even_without_a_diag(void **state)
{
    (void)state;
    char text[4] = "abc";
    assert_ptr_equal(tenon_diag_text(NULL, text, sizeof text), text);
    assert_string_equal(text, "");
}

static void missing_names_are_stood_in_for(void **state)
{
    (void)state;
    for (unsigned cause = 0; cause < TENON_CAUSE_COUNT; cause++) {
        char text[400];
        struct tenon_diag diag = diag_of(cause);
        diag.subject = NULL;
        diag.detail = NULL;
        (void)tenon_diag_text(&diag, text, sizeof text);
        assert_int_equal(strncmp(text, "tenon: ", 7), 0);
    }
}

static void cause_beyond_the_list_is_said_to_be_unknown(void **state)
{
    (void)state;
    const unsigned causes[] = {TENON_CAUSE_COUNT, TENON_CAUSE_COUNT + 1, UINT16_MAX};
    for (unsigned i = 0; i < 3; i++) {
        char text[100];
        const struct tenon_diag diag = diag_of(causes[i]);
        assert_string_equal(tenon_diag_text(&diag, text, sizeof text), "elbow: unknown cause");
    }
}

static void names_are_not_taken_for_formats(void **state)
{
    (void)state;
    char text[200];
    struct tenon_diag diag = diag_of(TENON_CAUSE_METHOD_MISSING);
    diag.subject = "%d%s%";
    diag.detail = "%v";
    (void)tenon_diag_text(&diag, text, sizeof text);
    assert_int_equal(strncmp(text, "%d%s%: ", 7), 0);
    assert_non_null(strstr(text, " %v"));
}

/* The model's number stands between words: "a: model number N is not known". */
static void assert_writes(float value, const char *expected)
{
    char text[200], wanted[100] = "a: model number ";
    const struct tenon_diag diag = {
        .cause = TENON_CAUSE_MODEL_UNKNOWN, .value = value, .subject = "a"};
    strcat(strcat(wanted, expected), " is");
    (void)tenon_diag_text(&diag, text, sizeof text);
    if (strncmp(text, wanted, strlen(wanted)) != 0) {
        fail_msg("%.9g, expected %s: %s", (double)value, expected, text);
    }
}

static void numbers_are_written_with_up_to_three_decimals(void **state)
{
    (void)state;
    assert_writes(0.0f, "0");
    assert_writes(0.5f, "0.5");
    assert_writes(-1.25f, "-1.25");
    assert_writes(0.001f, "0.001");
    assert_writes(0.25f, "0.25");
    assert_writes(0.05f, "0.05");
    assert_writes(10.105f, "10.105");
    assert_writes(-3.14159265f, "-3.142");
    assert_writes(0.9996f, "1");
    assert_writes(-0.9996f, "-1");
    assert_writes(9.0f, "9");
    assert_writes(100.0f, "100");
    assert_writes(1000000.0f, "1000000");
    assert_writes(4500000.0f, "4500000");
    assert_writes(16777215.0f, "16777215");
}

static void numbers_too_small_to_show_are_zero_without_a_sign(void **state)
{
    (void)state;
    assert_writes(-0.0f, "0");
    assert_writes(1e-30f, "0");
    assert_writes(-1e-30f, "0");
    assert_writes(-0.0004f, "0");
    assert_writes(-0.0006f, "-0.001");
}

static void what_is_no_number_or_too_large_is_said_in_words(void **state)
{
    (void)state;
    assert_writes(NAN, "not a number");
    assert_writes(INFINITY, "a huge number");
    assert_writes(1e30f, "a huge number");
    assert_writes(-INFINITY, "-a huge number");
    assert_writes(562949953421312.0f, "562949953421312");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cause_has_a_sentence_of_its_own_that_names_the_subject),
        cmocka_unit_test(every_sentence_but_that_of_no_fault_says_what_to_do),
        cmocka_unit_test(two_hundred_bytes_hold_every_sentence_with_a_short_subject),
        cmocka_unit_test(text_is_cut_at_every_size_and_always_terminated),
        cmocka_unit_test(nothing_is_written_where_there_is_no_room),
        cmocka_unit_test(buffer_is_terminated_even_without_a_diag),
        cmocka_unit_test(missing_names_are_stood_in_for),
        cmocka_unit_test(cause_beyond_the_list_is_said_to_be_unknown),
        cmocka_unit_test(names_are_not_taken_for_formats),
        cmocka_unit_test(numbers_are_written_with_up_to_three_decimals),
        cmocka_unit_test(numbers_too_small_to_show_are_zero_without_a_sign),
        cmocka_unit_test(what_is_no_number_or_too_large_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
