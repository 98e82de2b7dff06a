/* A wire as applications use it: requests of their own, and putting it to work again. */
#include "tenon_test.h"

#include "fake_bus.h"
#include "rig.h"
#include "tenon/drivers/memory_line.h"

#include <string.h>

#define NODE 7

static struct tenon_sched sched;
static struct tenon_wire wire;
static struct tenon_memory_line line;
static struct fake_bus bus;
static struct tenon_request request;
static uint64_t memory[256];
static tenon_ns_t now;

static void poll_for(tenon_ns_t duration)
{
    const tenon_ns_t end = now + duration;
    while (now < end) {
        (void)tenon_sched_poll(&sched, now);
        now += TENON_US(500);
    }
}

/* Started, not yet polled: the wire is still to be probed. */
static void start(void)
{
    now = TENON_S(1);
    memset(&wire, 0, sizeof wire);
    request = (struct tenon_request){.node = NODE, .operation = TENON_OP_PING, .width = 3};
    assert_int_equal(tenon_sched_init(&sched, &rig_port, RIG_PERIOD, memory, sizeof memory),
                     TENON_OK);
    assert_int_equal(tenon_sched_add_wire(&sched, &wire, "bus",
                                          tenon_memory_line_init(&line, 1000000),
                                          fake_bus_init(&bus)),
                     TENON_OK);
    fake_bus_add_node(&bus, NODE)->ping[0] = 42;
    assert_int_equal(tenon_sched_start(&sched), TENON_OK);
}

static void start_up(void)
{
    start();
    poll_for(TENON_MS(5));
    assert_true(tenon_wire_is_up(&wire));
}

static void the_seats_can_be_looked_into(void **state)
{
    static const struct tenon_wire empty;
    (void)state;
    start();
    assert_ptr_equal(tenon_wire_line(&wire), &line.base);
    assert_ptr_equal(tenon_wire_bus(&wire), &bus.base);
    assert_null(tenon_wire_line(&empty));
    assert_null(tenon_wire_bus(&empty));
    assert_false(tenon_wire_is_up(&empty));
}

static void a_request_completes_by_itself(void **state)
{
    (void)state;
    start_up();
    assert_int_equal(tenon_wire_submit(&wire, &request), TENON_OK);
    assert_int_equal(request.state, TENON_REQUEST_QUEUED);
    poll_for(TENON_MS(5));
    assert_int_equal(request.state, TENON_REQUEST_DONE);
    assert_int_equal(request.result, TENON_OK);
    assert_int_equal(request.data[0], 42);
    assert_int_equal(tenon_wire_submit(&wire, &request), TENON_OK); /* DONE is not under way */
}

static void what_can_never_work_is_refused(void **state)
{
    (void)state;
    start_up();
    assert_int_equal(tenon_wire_submit(NULL, &request), TENON_ERR_ARG);
    assert_int_equal(tenon_wire_submit(&wire, NULL), TENON_ERR_ARG);
    request.width = TENON_REQUEST_DATA + 1;
    assert_int_equal(tenon_wire_submit(&wire, &request), TENON_ERR_ARG);
    assert_int_equal(request.state, TENON_REQUEST_IDLE);
    request.width = TENON_REQUEST_DATA;
    assert_int_equal(tenon_wire_submit(&wire, &request), TENON_OK);
}

static void a_request_under_way_is_not_taken_again(void **state)
{
    (void)state;
    start_up();
    bus.polls_per_request = 100;
    assert_int_equal(tenon_wire_submit(&wire, &request), TENON_OK);
    assert_int_equal(tenon_wire_submit(&wire, &request), TENON_ERR_STATE);
    poll_for(TENON_MS(1));
    assert_int_equal(request.state, TENON_REQUEST_SENT);
    assert_int_equal(tenon_wire_submit(&wire, &request), TENON_ERR_STATE);
    assert_int_equal(bus.bad_submit_count, 0); /* the bus was not even asked */
}

static void a_wire_that_is_down_takes_no_request(void **state)
{
    (void)state;
    start();
    assert_int_equal(tenon_wire_submit(&wire, &request), TENON_ERR_STATE);
    poll_for(TENON_MS(5));
    assert_int_equal(tenon_wire_submit(&wire, &request), TENON_OK);
    poll_for(TENON_MS(5));
    assert_int_equal(request.state, TENON_REQUEST_DONE);
    wire.line.module->state = TENON_MODULE_FAULT;
    assert_int_equal(tenon_wire_submit(&wire, &request), TENON_ERR_STATE);
    assert_int_equal(request.state, TENON_REQUEST_DONE);
}

static void a_cancelled_request_is_the_callers_again(void **state)
{
    (void)state;
    start_up();
    bus.polls_per_request = 4;
    for (tenon_ns_t wait = 0; wait < TENON_MS(4); wait += TENON_US(500)) { /* in every state */
        assert_int_equal(tenon_wire_submit(&wire, &request), TENON_OK);
        poll_for(wait);
        tenon_wire_cancel(&wire, &request);
        assert_int_equal(request.state, TENON_REQUEST_IDLE);
        request.data[0] = 1;
        poll_for(TENON_MS(5));
        assert_int_equal(request.state, TENON_REQUEST_IDLE);
        assert_int_equal(request.data[0], 1);
    }
    tenon_wire_cancel(&wire, NULL);
    tenon_wire_cancel(NULL, &request);
}

static void resetting_what_is_well_is_refused(void **state)
{
    static struct tenon_wire stranger;
    (void)state;
    start_up();
    assert_int_equal(tenon_wire_reset(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_wire_reset(&stranger), TENON_ERR_STATE);
    assert_int_equal(tenon_wire_reset(&wire), TENON_ERR_STATE);
    assert_true(tenon_wire_is_up(&wire));
}

/* With a budget of one restart and a long wait before it. */
static void a_line_that_waits_or_was_given_up_is_probed_at_once_after_a_reset(void **state)
{
    static const struct tenon_restart_policy strict = {1, TENON_S(100), TENON_S(10), TENON_S(10),
                                                       TENON_S(1)};
    (void)state;
    start();
    wire.line.restart = &strict;
    tenon_memory_line_set_unplugged(&line, true);
    poll_for(TENON_MS(5));
    assert_int_equal(wire.line.module->state, TENON_MODULE_FAULT);
    poll_for(TENON_S(1));
    assert_int_equal(wire.line.module->state, TENON_MODULE_FAULT); /* it waits */
    assert_int_equal(tenon_wire_reset(&wire), TENON_OK);
    poll_for(TENON_MS(5)); /* probed, and in vain: the one restart is spent anew */
    assert_int_equal(wire.line.module->state, TENON_MODULE_FAULT);
    poll_for(TENON_S(12));
    assert_int_equal(wire.line.module->state, TENON_MODULE_FAILED);
    tenon_memory_line_set_unplugged(&line, false);
    poll_for(TENON_S(30));
    assert_int_equal(wire.line.module->state, TENON_MODULE_FAILED); /* given up */
    assert_int_equal(tenon_wire_reset(&wire), TENON_OK);
    poll_for(TENON_MS(5));
    assert_true(tenon_wire_is_up(&wire));
}

static unsigned tend_count;
static int tend_result;

static int tend(struct tenon_line *self, tenon_ns_t when)
{
    tend_count++;
    self->due_ns = tend_count < 2 ? when + TENON_US(100) : 0;
    return tend_result;
}

static void a_line_is_called_at_the_time_it_asks_for(void **state)
{
    (void)state;
    start_up();
    struct tenon_line_api api = *tenon_line_get_api(&line.base);
    struct tenon_driver driver = *line.base.module.driver;
    api.tend = tend;
    driver.api = &api.head;
    line.base.module.driver = &driver;
    tend_count = 0;
    tend_result = TENON_OK;
    line.base.due_ns = now + TENON_US(50);
    assert_int_equal(tenon_sched_poll(&sched, now), now + TENON_US(50));
    assert_int_equal(tend_count, 0);
    now += TENON_US(50);
    assert_int_equal(tenon_sched_poll(&sched, now), now + TENON_US(100));
    assert_int_equal(tend_count, 1);
    now += TENON_US(100);
    assert_true(tenon_sched_poll(&sched, now) > now + TENON_US(100));
    assert_int_equal(tend_count, 2);
    line.base.due_ns = now;
    tend_result = TENON_ERR_IO;
    (void)tenon_sched_poll(&sched, now);
    assert_false(tenon_wire_is_up(&wire));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seats_can_be_looked_into),
        cmocka_unit_test(a_request_completes_by_itself),
        cmocka_unit_test(what_can_never_work_is_refused),
        cmocka_unit_test(a_request_under_way_is_not_taken_again),
        cmocka_unit_test(a_wire_that_is_down_takes_no_request),
        cmocka_unit_test(a_cancelled_request_is_the_callers_again),
        cmocka_unit_test(resetting_what_is_well_is_refused),
        cmocka_unit_test(a_line_that_waits_or_was_given_up_is_probed_at_once_after_a_reset),
        cmocka_unit_test(a_line_is_called_at_the_time_it_asks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
