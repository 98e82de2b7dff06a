#include <string.h>

#include "tenon/drivers/memory_can_line.h"
#include "tenon_test.h"

#define CAPACITY 8 /* frames in each direction */

/* Eight bytes at 1 Mbit/s, worst stuffing: until they are there, and until the next may begin. */
#define WHOLE_NS  INT64_C(132000)
#define PERIOD_NS INT64_C(135000)

static struct tenon_memory_can_line line;
static struct tenon_memory_can_entry entries[2 * CAPACITY];
static const struct tenon_line_api *api;

static int make_line(void **state)
{
    (void)state;
    assert_ptr_equal(&line.base, tenon_memory_can_line_init(&line, 1000000, entries, 2 * CAPACITY));
    api = tenon_line_get_api(&line.base);
    return 0;
}

static struct tenon_can_frame make_frame(uint32_t id, uint8_t flags)
{
    return (struct tenon_can_frame){.id = id, .length = 8, .flags = flags};
}

static int near_send(uint32_t id, tenon_ns_t now)
{
    const struct tenon_can_frame frame = make_frame(id, 0);
    return api->write(&line.base, (const uint8_t *)&frame, sizeof frame, now);
}

static void far_send(uint32_t id, tenon_ns_t due)
{
    const struct tenon_can_frame frame = make_frame(id, 0);
    assert_true(tenon_memory_can_line_far_write(&line, &frame, due));
}

/* Nothing at the near end before `at`, and this then. */
static void near_gets(uint32_t id, tenon_ns_t at)
{
    struct tenon_can_frame frame = {0};
    assert_int_equal(0, api->read(&line.base, (uint8_t *)&frame, sizeof frame, at - 1));
    assert_int_equal(sizeof frame, api->read(&line.base, (uint8_t *)&frame, sizeof frame, at));
    assert_int_equal(id, frame.id);
}

static void far_gets(uint32_t id, tenon_ns_t at)
{
    struct tenon_can_frame frame = {0};
    tenon_ns_t arrival = 0;
    assert_false(tenon_memory_can_line_far_read(&line, &frame, at - 1, &arrival));
    assert_true(tenon_memory_can_line_far_read(&line, &frame, at, &arrival));
    assert_int_equal(id, frame.id);
    assert_int_equal(at, arrival);
}

static void init_refuses_what_cannot_work(void **state)
{
    (void)state;
    assert_null(tenon_memory_can_line_init(NULL, 1000000, entries, 4));
    assert_null(tenon_memory_can_line_init(&line, 9999, entries, 4));
    assert_null(tenon_memory_can_line_init(&line, 1000001, entries, 4));
    assert_null(tenon_memory_can_line_init(&line, 1000000, NULL, 4));
    assert_null(tenon_memory_can_line_init(&line, 1000000, entries, 1));
    assert_null(tenon_memory_can_line_init_sized(&line, sizeof line - 1, 1000000, entries, 4));
    assert_non_null(tenon_memory_can_line_init(&line, 10000, entries, 2));
    assert_int_equal(TENON_ROLE_LINE, line.base.module.driver->role);
    assert_int_equal(TENON_MEDIUM_CAN, line.base.medium);
    assert_int_equal(-1, line.base.fd);
}

/* Figures of the standard: 111 and 131 bits without stuffing, 135 and 160 with the most of it. */
static void frame_takes_the_bits_of_worst_stuffing(void **state)
{
    static const struct {
        uint8_t length;
        uint8_t flags;
        uint32_t bits;
    } cases[] = {
        {0, 0, 34 + 8 + 13},
        {8, 0, 135},
        {8, TENON_CAN_EXTENDED, 160},
        {8, TENON_CAN_REMOTE, 34 + 8 + 13},
        {3, TENON_CAN_EXTENDED, 78 + 19 + 13},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct tenon_can_frame frame = {.length = cases[i].length, .flags = cases[i].flags};
        assert_int_equal(cases[i].bits, tenon_can_frame_bits(&frame));
    }
}

static void frame_arrives_when_its_bits_are_through(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct tenon_can_frame), near_send(1, TENON_US(100)));
    assert_int_equal(TENON_US(100) + WHOLE_NS, tenon_memory_can_line_far_next_ns(&line));
    assert_int_equal(TENON_US(100) + WHOLE_NS, tenon_memory_can_line_next_ns(&line));
    far_gets(1, TENON_US(100) + WHOLE_NS);
    assert_int_equal(TENON_NEVER, tenon_memory_can_line_far_next_ns(&line));
    assert_int_equal(TENON_NEVER, tenon_memory_can_line_next_ns(&line));
}

static void bit_rate_sets_the_pace(void **state)
{
    (void)state;
    assert_int_equal(TENON_OK, api->set_baud(&line.base, 125000));
    (void)near_send(1, 0);
    far_gets(1, 8 * WHOLE_NS);
    assert_int_equal(TENON_ERR_UNSUPPORTED, api->set_baud(&line.base, 2000000));
    assert_int_equal(TENON_CAUSE_BAUD_UNSUPPORTED, line.base.module.diag.cause);
    assert_int_equal(125000, line.base.baud);
}

static void one_frame_at_a_time_is_on_the_bus(void **state)
{
    (void)state;
    (void)near_send(1, 0);
    far_send(2, TENON_US(10));
    (void)near_send(3, TENON_US(20));
    far_gets(1, WHOLE_NS);
    near_gets(2, PERIOD_NS + WHOLE_NS);
    far_gets(3, 2 * PERIOD_NS + WHOLE_NS);
}

static void lowest_identifier_wins_when_both_ends_want_to_send(void **state)
{
    (void)state;
    (void)near_send(5, 0);
    far_send(3, 0); /* at the same instant: the bus is not given away yet */
    near_gets(3, WHOLE_NS);
    far_gets(5, PERIOD_NS + WHOLE_NS);

    const tenon_ns_t later = TENON_S(1);
    far_send(3, later);
    (void)near_send(2, later);
    far_gets(2, later + WHOLE_NS);
    near_gets(3, later + PERIOD_NS + WHOLE_NS);
}

static void frame_that_has_the_bus_is_not_interrupted(void **state)
{
    (void)state;
    (void)near_send(5, 0);
    far_send(3, 1);
    far_gets(5, WHOLE_NS);
    near_gets(3, PERIOD_NS + WHOLE_NS);
}

static void nodes_of_the_far_end_compete_and_the_host_keeps_its_order(void **state)
{
    (void)state;
    far_send(9, TENON_US(1));
    far_send(7, TENON_US(1));
    far_send(1, TENON_US(200)); /* not due when the bus is given away for the second time */
    (void)near_send(8, TENON_US(1));
    (void)near_send(2, TENON_US(1)); /* waits behind 8 */
    near_gets(7, TENON_US(1) + WHOLE_NS);
    far_gets(8, TENON_US(1) + PERIOD_NS + WHOLE_NS);
    near_gets(1, TENON_US(1) + 2 * PERIOD_NS + WHOLE_NS);
    far_gets(2, TENON_US(1) + 3 * PERIOD_NS + WHOLE_NS);
    near_gets(9, TENON_US(1) + 4 * PERIOD_NS + WHOLE_NS);
}

/* Of two with the same first eleven bits: data before remote, short before extended. */
static void arbitration_goes_by_the_bits_as_they_are_sent(void **state)
{
    static const struct tenon_can_frame ordered[] = {
        {.id = 0x122u << 18 | 0x3FFFFu, .flags = TENON_CAN_EXTENDED},
        {.id = 0x123},
        {.id = 0x123, .flags = TENON_CAN_REMOTE},
        {.id = 0x123u << 18, .flags = TENON_CAN_EXTENDED},
        {.id = 0x123u << 18, .flags = TENON_CAN_EXTENDED | TENON_CAN_REMOTE},
        {.id = 0x123u << 18 | 1u, .flags = TENON_CAN_EXTENDED},
        {.id = 0x124},
    };
    const size_t count = sizeof ordered / sizeof ordered[0];
    struct tenon_can_frame got[sizeof ordered / sizeof ordered[0]];
    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(tenon_memory_can_line_far_write(&line, &ordered[count - 1 - i], 0));
    }
    assert_int_equal(sizeof got, api->read(&line.base, (uint8_t *)got, sizeof got, TENON_S(1)));
    assert_memory_equal(ordered, got, sizeof got);
}

/* The host may look long after the fact: what the far end answered to an early frame goes before a
 * late one, as it did on the bus. */
static void late_look_finds_what_a_watchful_one_would_have(void **state)
{
    struct tenon_can_frame frame;
    tenon_ns_t arrival;
    (void)state;
    (void)near_send(4, 0);
    (void)near_send(5, 0);
    assert_int_equal(0, api->read(&line.base, (uint8_t *)&frame, sizeof frame, TENON_S(1)));
    assert_true(tenon_memory_can_line_far_read(&line, &frame, TENON_S(1), &arrival));
    assert_int_equal(WHOLE_NS, arrival);
    far_send(1, arrival + 1);
    near_gets(1, PERIOD_NS + WHOLE_NS);
    assert_true(tenon_memory_can_line_far_read(&line, &frame, TENON_S(1), &arrival));
    assert_int_equal(5, frame.id);
    assert_int_equal(2 * PERIOD_NS + WHOLE_NS, arrival);
}

static void full_queue_takes_less_and_says_so(void **state)
{
    struct tenon_can_frame frames[CAPACITY + 2] = {{.id = 1}};
    struct tenon_can_frame frame = {.id = 1};
    (void)state;
    const int taken = api->write(&line.base, (const uint8_t *)frames, sizeof frames, 0);
    assert_int_equal(CAPACITY * sizeof frame, taken);
    assert_true(line.base.tx_pending);
    assert_int_equal(taken, line.base.tx_bytes);
    assert_true(tenon_memory_can_line_far_read(&line, &frame, TENON_S(1), NULL));
    assert_int_equal(sizeof frame,
                     api->write(&line.base, (const uint8_t *)frames, sizeof frame, TENON_S(1)));
    assert_false(line.base.tx_pending);
    for (int i = 0; i < CAPACITY; i++) {
        assert_true(tenon_memory_can_line_far_write(&line, &frame, TENON_S(2)));
    }
    assert_false(tenon_memory_can_line_far_write(&line, &frame, TENON_S(2)));
}

static void frame_that_cannot_exist_is_refused(void **state)
{
    static const struct tenon_can_frame bad[] = {
        {.id = 0x800},
        {.id = 0x20000000, .flags = TENON_CAN_EXTENDED},
        {.id = 1, .length = 9},
        {.id = 1, .flags = 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(TENON_ERR_ARG,
                         api->write(&line.base, (const uint8_t *)&bad[i], sizeof bad[i], 0));
        assert_int_equal(TENON_CAUSE_ARGUMENT, line.base.module.diag.cause);
        assert_false(tenon_memory_can_line_far_write(&line, &bad[i], 0));
    }
    assert_int_equal(TENON_NEVER, tenon_memory_can_line_next_ns(&line));
}

static void unplugged_line_fails_and_forgets(void **state)
{
    struct tenon_can_frame frame;
    struct tenon_module *module = &line.base.module;
    const struct tenon_lifecycle_api *life = module->driver->lifecycle;
    (void)state;
    assert_int_equal(TENON_OK, life->probe(module, 0));
    (void)near_send(1, 0);
    far_send(1, 0);
    tenon_memory_can_line_set_unplugged(&line, true);
    assert_int_equal(TENON_ERR_IO, life->probe(module, 0));
    assert_int_equal(TENON_ERR_IO, near_send(1, 0));
    assert_int_equal(TENON_ERR_IO, api->read(&line.base, (uint8_t *)&frame, sizeof frame, 0));
    assert_int_equal(TENON_CAUSE_PORT_LOST, module->diag.cause);
    far_send(2, 0);
    assert_int_equal(TENON_OK, life->make_safe(module, 0));

    tenon_memory_can_line_set_unplugged(&line, false);
    assert_int_equal(TENON_OK, life->probe(module, 0));
    assert_false(tenon_memory_can_line_far_read(&line, &frame, TENON_S(1), NULL));
    assert_int_equal(0, api->read(&line.base, (uint8_t *)&frame, sizeof frame, TENON_S(1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_what_cannot_work),
        cmocka_unit_test(frame_takes_the_bits_of_worst_stuffing),
        cmocka_unit_test_setup(frame_arrives_when_its_bits_are_through, make_line),
        cmocka_unit_test_setup(bit_rate_sets_the_pace, make_line),
        cmocka_unit_test_setup(one_frame_at_a_time_is_on_the_bus, make_line),
        cmocka_unit_test_setup(lowest_identifier_wins_when_both_ends_want_to_send, make_line),
        cmocka_unit_test_setup(frame_that_has_the_bus_is_not_interrupted, make_line),
        cmocka_unit_test_setup(nodes_of_the_far_end_compete_and_the_host_keeps_its_order,
                               make_line),
        cmocka_unit_test_setup(arbitration_goes_by_the_bits_as_they_are_sent, make_line),
        cmocka_unit_test_setup(late_look_finds_what_a_watchful_one_would_have, make_line),
        cmocka_unit_test_setup(full_queue_takes_less_and_says_so, make_line),
        cmocka_unit_test_setup(frame_that_cannot_exist_is_refused, make_line),
        cmocka_unit_test_setup(unplugged_line_fails_and_forgets, make_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
