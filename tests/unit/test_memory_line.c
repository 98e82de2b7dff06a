#include <string.h>

#include "tenon/drivers/memory_line.h"
#include "tenon_test.h"

static struct tenon_memory_line line;
static const struct tenon_line_api *api;

static int make_line(void **state)
{
    (void)state;
    assert_ptr_equal(&line.base, tenon_memory_line_init(&line, 1000000));
    api = tenon_line_get_api(&line.base);
    return 0;
}

static void init_refuses_what_cannot_work(void **state)
{
    (void)state;
    assert_null(tenon_memory_line_init(NULL, 1000000));
    assert_null(tenon_memory_line_init(&line, 1199));
    assert_null(tenon_memory_line_init(&line, 100000001));
    assert_null(tenon_memory_line_init_sized(&line, sizeof line - 1, 1000000));
    assert_non_null(tenon_memory_line_init(&line, 1200));
    assert_int_equal(TENON_ROLE_LINE, line.base.module.driver->role);
    assert_int_equal(-1, line.base.fd);
}

static void a_byte_arrives_ten_bit_times_after_its_start(void **state)
{
    (void)state;
    uint8_t out[4];
    assert_int_equal(2, api->write(&line.base, (const uint8_t *)"ab", 2, TENON_US(100)));
    assert_int_equal(TENON_US(110), tenon_memory_line_far_next_ns(&line));
    assert_int_equal(0, tenon_memory_line_far_read(&line, out, 4, TENON_US(110) - 1));
    assert_int_equal(1, tenon_memory_line_far_read(&line, out, 4, TENON_US(110)));
    assert_int_equal('a', out[0]);
    assert_int_equal(0, tenon_memory_line_far_read(&line, out, 4, TENON_US(120) - 1));
    assert_int_equal(1, tenon_memory_line_far_read(&line, out, 4, TENON_US(120)));
    assert_int_equal('b', out[0]);
    assert_int_equal(TENON_NEVER, tenon_memory_line_far_next_ns(&line));
}

static void a_second_write_queues_behind_the_first(void **state)
{
    (void)state;
    uint8_t out[8];
    (void)api->write(&line.base, (const uint8_t *)"abc", 3, 0);
    (void)api->write(&line.base, (const uint8_t *)"d", 1, TENON_US(5));
    assert_int_equal(3, tenon_memory_line_far_read(&line, out, 8, TENON_US(40) - 1));
    assert_int_equal(1, tenon_memory_line_far_read(&line, out, 8, TENON_US(40)));
}

static void the_far_end_sends_from_its_start_time(void **state)
{
    (void)state;
    uint8_t out[4];
    assert_int_equal(2,
                     tenon_memory_line_far_write(&line, (const uint8_t *)"xy", 2, TENON_US(500)));
    assert_int_equal(TENON_US(510), tenon_memory_line_next_ns(&line));
    assert_int_equal(0, api->read(&line.base, out, 4, TENON_US(510) - 1));
    assert_int_equal(2, api->read(&line.base, out, 4, TENON_US(520)));
    assert_memory_equal("xy", out, 2);
    assert_int_equal(2, line.base.rx_bytes);
}

static void baud_sets_the_pace_of_what_follows(void **state)
{
    (void)state;
    assert_int_equal(TENON_OK, api->set_baud(&line.base, 57600));
    (void)api->write(&line.base, (const uint8_t *)"a", 1, 0);
    assert_int_equal(173611, tenon_memory_line_far_next_ns(&line));
    assert_int_equal(TENON_ERR_UNSUPPORTED, api->set_baud(&line.base, 300));
    assert_int_equal(TENON_CAUSE_BAUD_UNSUPPORTED, line.base.module.diag.cause);
    assert_int_equal(57600, line.base.baud);
}

static void a_full_ring_takes_less_and_says_so(void **state)
{
    (void)state;
    static uint8_t bytes[TENON_MEMORY_LINE_CAPACITY + 10];
    uint8_t out[10];
    assert_int_equal(TENON_MEMORY_LINE_CAPACITY, api->write(&line.base, bytes, sizeof bytes, 0));
    assert_true(line.base.tx_pending);
    assert_int_equal(TENON_MEMORY_LINE_CAPACITY, line.base.tx_bytes);
    assert_int_equal(0, api->write(&line.base, bytes, 1, 0));
    assert_int_equal(10, tenon_memory_line_far_read(&line, out, 10, TENON_S(1)));
    assert_int_equal(10, api->write(&line.base, bytes, 10, TENON_S(1)));
    assert_false(line.base.tx_pending);
}

static void order_survives_many_turns_of_the_ring(void **state)
{
    (void)state;
    uint8_t in = 0;
    uint8_t expected = 0;
    for (tenon_ns_t now = 0; now < TENON_S(1); now += TENON_MS(1)) {
        uint8_t bytes[97];
        uint8_t out[100];
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = in++;
        }
        assert_int_equal(sizeof bytes, api->write(&line.base, bytes, sizeof bytes, now));
        const size_t count = tenon_memory_line_far_read(&line, out, sizeof out, now);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(expected++, out[i]);
        }
    }
}

static void an_unplugged_line_fails_and_forgets(void **state)
{
    (void)state;
    uint8_t out[4];
    struct tenon_module *module = &line.base.module;
    const struct tenon_lifecycle_api *life = module->driver->lifecycle;

    assert_int_equal(TENON_OK, life->probe(module, 0));
    (void)api->write(&line.base, (const uint8_t *)"ab", 2, 0);
    tenon_memory_line_set_unplugged(&line, true);
    assert_int_equal(TENON_ERR_IO, life->probe(module, 0));
    assert_int_equal(TENON_ERR_IO, api->write(&line.base, (const uint8_t *)"a", 1, 0));
    assert_int_equal(TENON_ERR_IO, api->read(&line.base, out, 4, 0));
    assert_int_equal(TENON_CAUSE_PORT_LOST, module->diag.cause);
    (void)tenon_memory_line_far_write(&line, (const uint8_t *)"z", 1, 0);
    assert_int_equal(TENON_OK, life->make_safe(module, 0));

    tenon_memory_line_set_unplugged(&line, false);
    assert_int_equal(TENON_OK, life->probe(module, 0));
    assert_int_equal(0, tenon_memory_line_far_read(&line, out, 4, TENON_S(1)));
    assert_int_equal(0, api->read(&line.base, out, 4, TENON_S(1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_what_cannot_work),
        cmocka_unit_test_setup(a_byte_arrives_ten_bit_times_after_its_start, make_line),
        cmocka_unit_test_setup(a_second_write_queues_behind_the_first, make_line),
        cmocka_unit_test_setup(the_far_end_sends_from_its_start_time, make_line),
        cmocka_unit_test_setup(baud_sets_the_pace_of_what_follows, make_line),
        cmocka_unit_test_setup(a_full_ring_takes_less_and_says_so, make_line),
        cmocka_unit_test_setup(order_survives_many_turns_of_the_ring, make_line),
        cmocka_unit_test_setup(an_unplugged_line_fails_and_forgets, make_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
