#include "line_conformance.h"

#include "driver_conformance.h"

#include "tenon/can.h"

#include <poll.h>
#include <string.h>

#define PATIENCE_MS  2000
#define UNIT_MAX     sizeof(struct tenon_can_frame)
#define ROOM(units)  ((units)*UNIT_MAX)
#define BLOCK        256
#define FLOOD_WRITES 4000 /* no line takes that many blocks at once */

struct world {
    const struct line_subject *subject;
    struct tenon_line *line;
    struct tenon_module *module;
    const struct tenon_line_api *api;
    const struct tenon_lifecycle_api *life;
    size_t unit; /* bytes that go together: 1, or a CAN frame's */
    tenon_ns_t now;
};

static struct world make_closed(void **state)
{
    const struct line_subject *subject = *state;
    struct world w = {.subject = subject, .line = subject->make()};
    assert_non_null(w.line);
    w.module = &w.line->module;
    w.api = tenon_line_get_api(w.line);
    w.life = w.module->driver->lifecycle;
    w.unit = w.line->medium == TENON_MEDIUM_CAN ? sizeof(struct tenon_can_frame) : 1;
    return w;
}

static int probe(struct world *w)
{
    int rc = TENON_ERR_AGAIN;
    w->module->progress = 0;
    for (unsigned i = 0; i < PATIENCE_MS && rc == TENON_ERR_AGAIN; i++) {
        w->now = w->subject->tick();
        rc = w->life->probe(w->module, w->now);
    }
    return rc;
}

static void release(struct world *w)
{
    if (w->life->release != NULL) {
        w->life->release(w->module);
    }
}

static struct world make(void **state)
{
    struct world w = make_closed(state);
    assert_int_equal(probe(&w), TENON_OK);
    return w;
}

/* Counts below are of units. */

static int line_read(struct world *w, uint8_t *out_bytes, size_t capacity)
{
    /* Room for a part of one more must not be used. */
    const int rc = w->api->read(w->line, out_bytes, capacity * w->unit + (w->unit - 1), w->now);
    assert_true(rc < 0 || (size_t)rc % w->unit == 0);
    return rc < 0 ? rc : (int)((size_t)rc / w->unit);
}

static int line_write(struct world *w, const uint8_t *bytes, size_t count)
{
    const int rc = w->api->write(w->line, bytes, count * w->unit, w->now);
    assert_true(rc < 0 || (size_t)rc % w->unit == 0);
    return rc < 0 ? rc : (int)((size_t)rc / w->unit);
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / 256);
}

/* Identifiers rise, so that arbitration keeps the order; kinds and lengths are mixed. */
static struct tenon_can_frame frame_of(size_t i)
{
    struct tenon_can_frame frame = {.id = (uint32_t)(i & 0x7FF), .length = (uint8_t)(i % 9)};
    if (i % 5 == 1) {
        frame.id = frame.id << 18 | (uint32_t)(i * 7919 & 0x3FFFF);
        frame.flags |= TENON_CAN_EXTENDED;
    }
    if (i % 7 == 3) {
        frame.flags |= TENON_CAN_REMOTE;
        return frame;
    }
    for (size_t k = 0; k < frame.length; k++) {
        frame.data[k] = pattern(8 * i + k);
    }
    return frame;
}

static void fill(const struct world *w, uint8_t *bytes, size_t count, size_t begin)
{
    for (size_t i = 0; i < count; i++) {
        if (w->unit == 1) {
            bytes[i] = pattern(begin + i);
        } else {
            const struct tenon_can_frame frame = frame_of(begin + i);
            memcpy(bytes + i * w->unit, &frame, sizeof frame);
        }
    }
}

static void expect_units(const struct world *w, const uint8_t *bytes, size_t count, size_t begin)
{
    for (size_t i = 0; i < count && w->unit == 1; i++) {
        assert_int_equal(bytes[i], pattern(begin + i));
    }
    for (size_t i = 0; i < count && w->unit > 1; i++) {
        const struct tenon_can_frame expected = frame_of(begin + i);
        struct tenon_can_frame frame;
        memcpy(&frame, bytes + i * w->unit, sizeof frame);
        assert_int_equal(frame.id, expected.id);
        assert_int_equal(frame.flags, expected.flags);
        assert_int_equal(frame.length, expected.length);
        if ((frame.flags & TENON_CAN_REMOTE) == 0) {
            assert_memory_equal(frame.data, expected.data, frame.length);
        }
    }
}

/* Read `count` units of the pattern, at most `at_once` a call, and not one more. */
static void expect_near(struct world *w, size_t begin, size_t count, size_t at_once)
{
    uint8_t bytes[ROOM(65)];
    size_t got = 0;
    for (unsigned i = 0; i < PATIENCE_MS && got < count; i++) {
        w->now = w->subject->tick();
        int n = 0;
        do {
            memset(bytes, 0x5A, sizeof bytes);
            n = line_read(w, bytes, at_once);
            assert_true(n >= 0 && (size_t)n <= at_once);
            expect_units(w, bytes, (size_t)n, begin + got);
            for (size_t k = (size_t)n * w->unit; k < sizeof bytes; k++) {
                assert_int_equal(bytes[k], 0x5A);
            }
            got += (size_t)n;
        } while (n > 0);
    }
    assert_int_equal(got, count);
}

static void expect_far(struct world *w, size_t begin, size_t count)
{
    uint8_t bytes[ROOM(64)];
    size_t got = 0;
    for (unsigned i = 0; i < PATIENCE_MS && got < count; i++) {
        w->now = w->subject->tick();
        if (w->line->tx_pending) { /* it may keep a part of what it took */
            assert_int_equal(line_write(w, bytes, 0), 0);
        }
        size_t n = 0;
        do {
            n = w->subject->far_read(bytes, 64 * w->unit) / w->unit;
            expect_units(w, bytes, n, begin + got);
            got += n;
        } while (n > 0);
    }
    assert_int_equal(got, count);
}

static void far_write(struct world *w, size_t begin, size_t count)
{
    uint8_t bytes[ROOM(100)];
    fill(w, bytes, count, begin);
    w->subject->far_write(bytes, count * w->unit);
}

/* Offer until everything is taken. */
static void send(struct world *w, size_t begin, size_t count)
{
    uint8_t bytes[ROOM(256)];
    size_t sent = 0;
    for (unsigned i = 0; i < PATIENCE_MS && sent < count; i++) {
        fill(w, bytes, count - sent, begin + sent);
        const int n = line_write(w, bytes, count - sent);
        assert_true(n >= 0 && (size_t)n <= count - sent);
        sent += (size_t)n;
        w->now = w->subject->tick();
    }
    assert_int_equal(sent, count);
}

static void it_carries_both_ways(struct world *w)
{
    send(w, 0, 200);
    expect_far(w, 0, 200);
    far_write(w, 300, 100);
    expect_near(w, 300, 100, 64);
}

static void assert_io_error(struct world *w, int rc)
{
    assert_int_equal(rc, TENON_ERR_IO);
    assert_int_equal(w->module->diag.code, TENON_ERR_IO);
    assert_int_not_equal(w->module->diag.cause, TENON_CAUSE_NONE);
}

static void tables_are_whole(void **state)
{
    const struct world w = make_closed(state);
    check_driver_tables(w.module, TENON_ROLE_LINE, sizeof(struct tenon_line_api));
    assert_non_null(w.api->read);
    assert_non_null(w.api->write);
}

static void a_closed_line_has_no_descriptor_and_an_open_one_its_speed(void **state)
{
    struct world w = make_closed(state);
    const uint32_t baud = w.line->baud;
    assert_int_equal(w.line->fd, -1);
    assert_true(baud > 0);
    assert_int_equal(probe(&w), TENON_OK);
    assert_int_equal(w.line->fd >= 0, w.subject->has_descriptor);
    assert_int_equal(w.line->baud, baud);
    assert_true(w.line->latency_ns >= 0);
    assert_false(w.line->tx_pending);
    assert_int_equal(w.module->diag.code, TENON_OK);
}

static void nothing_to_read_is_0_and_touches_nothing(void **state)
{
    struct world w = make(state);
    uint8_t bytes[ROOM(17)];
    memset(bytes, 0x5A, sizeof bytes);
    for (unsigned i = 0; i < 1000; i++) { /* if it waited, the suite would run out of time */
        assert_int_equal(line_read(&w, bytes, 16), 0);
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(bytes[i], 0x5A);
    }
}

static void nothing_asked_is_nothing_done(void **state)
{
    struct world w = make(state);
    uint8_t bytes[UNIT_MAX] = {0};
    assert_int_equal(line_write(&w, bytes, 0), 0);
    assert_false(w.line->tx_pending);
    far_write(&w, 0, 4);
    w.now = w.subject->tick();
    assert_int_equal(line_read(&w, bytes, 0), 0);
    expect_near(&w, 0, 4, 4);
}

static void bytes_arrive_whole_and_in_order(void **state)
{
    struct world w = make(state);
    for (unsigned i = 0; i < 5; i++) {
        it_carries_both_ways(&w);
    }
}

static void a_read_takes_no_more_than_it_may(void **state)
{
    struct world w = make(state);
    for (size_t at_once = 1; at_once < 12; at_once++) {
        far_write(&w, 0, 100);
        expect_near(&w, 0, 100, at_once);
    }
}

static void bytes_are_counted_as_they_go(void **state)
{
    struct world w = make(state);
    if (w.subject->keeps_no_books) {
        skip();
    }
    assert_true(w.line->rx_bytes == 0 && w.line->tx_bytes == 0);
    for (unsigned i = 1; i <= 3; i++) {
        it_carries_both_ways(&w);
        assert_true(w.line->rx_bytes == i * w.unit * UINT64_C(100));
        assert_true(w.line->tx_bytes == i * w.unit * UINT64_C(200));
    }
}

/* Until it takes less than it is offered. @return Units taken. */
static size_t flood(struct world *w)
{
    uint8_t block[ROOM(BLOCK)];
    size_t taken = 0;
    for (unsigned i = 0; i < FLOOD_WRITES; i++) {
        fill(w, block, BLOCK, taken);
        const int n = line_write(w, block, BLOCK);
        assert_true(n >= 0 && n <= BLOCK);
        taken += (size_t)n;
        const bool is_short = n < BLOCK;
        assert_true(w->subject->keeps_no_books || w->line->tx_pending || !is_short);
        if (is_short) {
            return taken;
        }
    }
    fail_msg("it takes everything");
    return 0;
}

static void a_full_line_takes_less_and_loses_nothing(void **state)
{
    struct world w = make(state);
    const size_t taken = flood(&w);
    assert_true(w.subject->keeps_no_books || w.line->tx_bytes == taken * w.unit);
    expect_far(&w, 0, taken);
    send(&w, taken, 10); /* there is room again */
    expect_far(&w, taken, 10);
    assert_false(w.line->tx_pending);
}

static void the_descriptor_wakes_who_waits_for_bytes(void **state)
{
    struct world w = make(state);
    if (!w.subject->has_descriptor) {
        skip();
    }
    struct pollfd look = {.fd = w.line->fd, .events = POLLIN};
    assert_int_equal(poll(&look, 1, 0), 0);
    far_write(&w, 0, 3);
    assert_int_equal(poll(&look, 1, PATIENCE_MS), 1);
    assert_true((look.revents & POLLIN) != 0);
    expect_near(&w, 0, 3, 3);
    assert_int_equal(poll(&look, 1, 0), 0);
}

static void a_line_that_is_gone_says_so_and_comes_back_by_probe(void **state)
{
    struct world w = make(state);
    uint8_t bytes[ROOM(2)] = {0};
    if (w.subject->set_unplugged == NULL) {
        skip();
    }
    it_carries_both_ways(&w);
    const uint64_t rx_bytes = w.line->rx_bytes;
    const uint64_t tx_bytes = w.line->tx_bytes;
    w.subject->set_unplugged(true);
    for (unsigned i = 0; i < 2; i++) {
        w.now = w.subject->tick();
        assert_io_error(&w, line_read(&w, bytes, 1));
        assert_io_error(&w, line_write(&w, bytes, 1));
        assert_int_equal(w.line->fd, -1);
        assert_false(w.line->tx_pending);
    }
    assert_io_error(&w, probe(&w));
    assert_true(w.line->rx_bytes == rx_bytes && w.line->tx_bytes == tx_bytes);
    release(&w);
    w.subject->set_unplugged(false);
    assert_int_equal(probe(&w), TENON_OK);
    it_carries_both_ways(&w);
}

static void a_write_alone_learns_that_the_line_is_gone(void **state)
{
    struct world w = make(state);
    const uint8_t bytes[UNIT_MAX] = {0};
    if (w.subject->set_unplugged == NULL) {
        skip();
    }
    w.subject->set_unplugged(true);
    w.now = w.subject->tick();
    assert_io_error(&w, line_write(&w, bytes, 1));
}

static void it_opens_again_after_release(void **state)
{
    struct world w = make_closed(state);
    release(&w); /* before it was ever open */
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(probe(&w), TENON_OK);
        it_carries_both_ways(&w);
        release(&w);
        release(&w);
        assert_int_equal(w.line->fd, -1);
        assert_false(w.line->tx_pending);
    }
}

static void it_can_be_probed_while_open(void **state)
{
    struct world w = make(state);
    assert_int_equal(probe(&w), TENON_OK);
    it_carries_both_ways(&w);
}

static void the_speed_changes_or_stays(void **state)
{
    struct world w = make(state);
    if (w.api->set_baud == NULL) {
        skip();
    }
    const uint32_t before = w.line->baud;
    const uint32_t other = w.unit > 1 ? 500000 : 57600;
    assert_int_equal(w.api->set_baud(w.line, other), TENON_OK);
    assert_int_equal(w.line->baud, other);
    it_carries_both_ways(&w);
    assert_int_equal(w.api->set_baud(w.line, 0), TENON_ERR_UNSUPPORTED);
    assert_int_equal(w.module->diag.code, TENON_ERR_UNSUPPORTED);
    assert_int_equal(w.module->diag.cause, TENON_CAUSE_BAUD_UNSUPPORTED);
    assert_int_equal(w.line->baud, other);
    it_carries_both_ways(&w);
    assert_int_equal(w.api->set_baud(w.line, before), TENON_OK);
    assert_int_equal(w.line->baud, before);
}

/* Optional: a line that has it sends past everything else, and keeps the step's books as they are.
 */
static void an_emergency_goes_out_whole_and_leaves_no_trace_in_the_books(void **state)
{
    uint8_t frame[ROOM(5)];
    struct world w = make_closed(state);
    const int size = (int)(5 * w.unit);
    if (w.api->write_emergency == NULL) {
        return;
    }
    fill(&w, frame, 5, 900);
    if (w.line->fd == -1 && w.subject->has_descriptor) { /* closed */
        assert_int_equal(w.api->write_emergency(w.line, frame, 5 * w.unit, w.now), TENON_ERR_IO);
    }
    assert_int_equal(probe(&w), TENON_OK);
    const uint64_t sent = w.line->tx_bytes;
    assert_int_equal(w.api->write_emergency(w.line, frame, 5 * w.unit, w.now), size);
    assert_int_equal(w.line->tx_bytes, sent);
    assert_false(w.line->tx_pending);
    expect_far(&w, 900, 5);
    release(&w);
    if (w.subject->has_descriptor) {
        assert_int_equal(w.api->write_emergency(w.line, frame, 5 * w.unit, w.now), TENON_ERR_IO);
    }
}

static void frame_that_cannot_exist_is_refused(void **state)
{
    struct world w = make(state);
    const struct tenon_can_frame bad[] = {{.id = 0x800}, {.id = 1, .length = 9}};
    if (w.unit == 1) {
        skip();
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(line_write(&w, (const uint8_t *)&bad[i], 1), TENON_ERR_ARG);
        assert_int_equal(w.module->diag.code, TENON_ERR_ARG);
    }
    assert_int_equal(w.api->write(w.line, (const uint8_t *)&bad, 3, w.now), TENON_ERR_ARG);
    it_carries_both_ways(&w);
}

static void make_safe_works_at_any_time(void **state)
{
    struct world w = make_closed(state);
    assert_int_equal(w.life->make_safe(w.module, 0), TENON_OK);
    assert_int_equal(probe(&w), TENON_OK);
    assert_int_equal(w.life->make_safe(w.module, w.now), TENON_OK);
    it_carries_both_ways(&w);
    release(&w);
    assert_int_equal(w.life->make_safe(w.module, w.now), TENON_OK);
}

int line_conformance_run(const struct line_subject *subject)
{
    struct line_subject copy = *subject;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(tables_are_whole, &copy),
        cmocka_unit_test_prestate(a_closed_line_has_no_descriptor_and_an_open_one_its_speed, &copy),
        cmocka_unit_test_prestate(nothing_to_read_is_0_and_touches_nothing, &copy),
        cmocka_unit_test_prestate(nothing_asked_is_nothing_done, &copy),
        cmocka_unit_test_prestate(bytes_arrive_whole_and_in_order, &copy),
        cmocka_unit_test_prestate(a_read_takes_no_more_than_it_may, &copy),
        cmocka_unit_test_prestate(bytes_are_counted_as_they_go, &copy),
        cmocka_unit_test_prestate(a_full_line_takes_less_and_loses_nothing, &copy),
        cmocka_unit_test_prestate(the_descriptor_wakes_who_waits_for_bytes, &copy),
        cmocka_unit_test_prestate(a_line_that_is_gone_says_so_and_comes_back_by_probe, &copy),
        cmocka_unit_test_prestate(a_write_alone_learns_that_the_line_is_gone, &copy),
        cmocka_unit_test_prestate(it_opens_again_after_release, &copy),
        cmocka_unit_test_prestate(it_can_be_probed_while_open, &copy),
        cmocka_unit_test_prestate(the_speed_changes_or_stays, &copy),
        cmocka_unit_test_prestate(an_emergency_goes_out_whole_and_leaves_no_trace_in_the_books,
                                  &copy),
        cmocka_unit_test_prestate(frame_that_cannot_exist_is_refused, &copy),
        cmocka_unit_test_prestate(make_safe_works_at_any_time, &copy),
    };
    return cmocka_run_group_tests_name(subject->name, tests, NULL, NULL);
}
