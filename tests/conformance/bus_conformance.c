#include "bus_conformance.h"

#include "driver_conformance.h"

#include <string.h>

#define CYCLE_TICKS   60
#define REQUEST_TICKS 1000
#define DEVICES       3
#define WINDOW_MAX    16

struct world {
    const struct bus_subject *subject;
    struct tenon_bus *bus;
    const struct tenon_bus_api *api;
    struct tenon_bus_device *devices; /* of nodes 1 ... DEVICES */
    tenon_ns_t now;
    uint32_t cycle;
};

static struct tenon_bus_device device_storage[DEVICES];

static struct tenon_bus_device device_of(const struct bus_subject *subject, uint32_t node)
{
    return (struct tenon_bus_device){.node = node,
                                     .in_fields = subject->measured.fields,
                                     .in_count = subject->measured.field_count,
                                     .out_fields = subject->out_fields,
                                     .out_count = subject->out_count,
                                     .in_capacity = WINDOW_MAX,
                                     .out_capacity = WINDOW_MAX,
                                     .divisor = 1,
                                     .is_listening = true};
}

static struct world make_empty(void **state)
{
    const struct bus_subject *subject = *state;
    struct world w = {.subject = subject, .bus = subject->make(SIZE_MAX)};
    assert_non_null(w.bus);
    w.api = tenon_bus_get_api(w.bus);
    w.devices = device_storage;
    w.now = subject->tick();
    return w;
}

static struct world make(void **state)
{
    struct world w = make_empty(state);
    for (uint32_t i = 0; i < DEVICES; i++) {
        w.devices[i] = device_of(w.subject, i + 1);
        assert_int_equal(w.api->attach(w.bus, &w.devices[i]), TENON_OK);
    }
    return w;
}

static void pass(struct world *w)
{
    tenon_ns_t deadline = TENON_NEVER;
    w->now = w->subject->tick();
    assert_int_equal(w->api->poll(w->bus, w->subject->line(), w->now, &deadline), TENON_OK);
}

static void wait(struct world *w, unsigned ticks)
{
    for (unsigned i = 0; i < ticks; i++) {
        pass(w);
    }
}

static void run(struct world *w, struct tenon_request *request)
{
    assert_int_equal(w->api->submit(w->bus, request), TENON_OK);
    for (unsigned i = 0; i < REQUEST_TICKS && request->state != TENON_REQUEST_DONE; i++) {
        assert_true(request->state == TENON_REQUEST_QUEUED || request->state == TENON_REQUEST_SENT);
        pass(w);
    }
    assert_int_equal(request->state, TENON_REQUEST_DONE);
}

/* Every node measures this throughout; commands of it wait in every window. */
static void mark(struct world *w, uint8_t value)
{
    for (uint32_t i = 0; i < DEVICES; i++) {
        struct tenon_bus_device *d = &w->devices[i];
        w->subject->measured.set(i + 1, value);
        memset(d->out, value, w->subject->out_width);
        d->out_is_fresh = true;
    }
}

static void stage(struct world *w)
{
    w->api->stage(w->bus, ++w->cycle, w->now);
}

static void run_cycle(struct world *w, uint8_t value)
{
    mark(w, value);
    stage(w);
    wait(w, CYCLE_TICKS);
}

static bool holds(const struct world *w, uint32_t i, uint8_t value)
{
    return w->subject->measured.is_held(i + 1, w->devices[i].in, value);
}

/* Whether a window that was filled once is of one piece. */
static bool is_whole(const struct world *w, uint32_t i)
{
    return holds(w, i, w->devices[i].in[w->subject->measured.width - 1]);
}

static bool has_sample(const struct world *w, uint32_t i, uint8_t value)
{
    const struct tenon_bus_device *d = &w->devices[i];
    return d->in_error == TENON_OK && d->in_sequence > 0 && holds(w, i, value);
}

static bool has_command(const struct world *w, uint32_t i, uint8_t value)
{
    return w->subject->is_commanded(i + 1, value);
}

/* ---- Tables ---- */

static void tables_are_whole(void **state)
{
    const struct world w = make_empty(state);
    check_driver_tables(&w.bus->module, TENON_ROLE_BUS, sizeof(struct tenon_bus_api));
    assert_non_null(w.api->attach);
    assert_non_null(w.api->detach);
    assert_non_null(w.api->submit);
    assert_non_null(w.api->cancel);
    assert_non_null(w.api->stage);
    assert_non_null(w.api->poll);
    assert_non_null(w.api->safe_frame);
    assert_int_equal(w.bus->module.driver->lifecycle->probe(&w.bus->module, 0), TENON_OK);
    assert_int_equal(w.bus->module.driver->lifecycle->make_safe(&w.bus->module, 0), TENON_OK);
}

/* ---- Devices ---- */

static void attaching_gives_windows_that_were_never_filled(void **state)
{
    struct world w = make(state);
    for (uint32_t i = 0; i < DEVICES; i++) {
        assert_non_null(w.devices[i].in);
        assert_non_null(w.devices[i].out);
        assert_int_equal(w.devices[i].in_sequence, 0);
        assert_false(w.devices[i].out_is_fresh);
    }
    wait(&w, CYCLE_TICKS); /* nothing was staged */
    assert_int_equal(w.devices[0].in_sequence, 0);
    assert_int_equal(w.bus->counters.cycle_count, 0);
}

static void a_node_that_is_taken_is_refused(void **state)
{
    struct world w = make(state);
    struct tenon_bus_device other = device_of(w.subject, 2);
    assert_int_equal(w.api->attach(w.bus, &other), TENON_ERR_ARG);
    assert_int_equal(w.bus->module.diag.code, TENON_ERR_ARG);
    assert_int_equal(w.bus->module.diag.cause, TENON_CAUSE_NODE_TAKEN);
    assert_int_equal((int)w.bus->module.diag.value, 2);
    w.api->detach(w.bus, &other); /* it never was: nobody is let go */
    run_cycle(&w, 0x21);
    assert_true(has_sample(&w, 1, 0x21) && has_command(&w, 1, 0x21));
}

static void a_node_out_of_range_is_refused(void **state)
{
    struct world w = make(state);
    if (w.subject->node_max == 0) {
        skip();
    }
    struct tenon_bus_device other = device_of(w.subject, w.subject->node_max + 1);
    assert_int_equal(w.api->attach(w.bus, &other), TENON_ERR_ARG);
    assert_int_equal(w.bus->module.diag.cause, TENON_CAUSE_NODE_RANGE);
    assert_int_equal((int)w.bus->module.diag.bound, (int)w.subject->node_max);
    other.node = w.subject->node_max;
    assert_int_equal(w.api->attach(w.bus, &other), TENON_OK);
}

static void too_little_memory_is_told_with_the_bytes_needed(void **state)
{
    struct world w = make_empty(state);
    if (w.subject->is_simple) {
        skip();
    }
    for (size_t size = 16; size < 4096; size += 16) {
        w.bus = w.subject->make(size);
        w.devices[0] = device_of(w.subject, 1);
        if (w.api->attach(w.bus, &w.devices[0]) == TENON_OK) {
            assert_true(size > 16);
            return;
        }
        assert_int_equal(w.bus->module.diag.code, TENON_ERR_FULL);
        assert_int_equal(w.bus->module.diag.cause, TENON_CAUSE_BUFFER_TOO_SMALL);
        assert_int_equal((size_t)w.bus->module.diag.value, size);
        const size_t needed = (size_t)w.bus->module.diag.bound;
        assert_true(needed > size);
        w.bus = w.subject->make(needed);
        assert_int_equal(w.api->attach(w.bus, &w.devices[0]), TENON_OK);
    }
    fail_msg("it needs more than any device is worth");
}

static void attaching_again_lays_out_other_fields(void **state)
{
    struct world w = make(state);
    run_cycle(&w, 0x31);
    struct tenon_bus_device *d = &w.devices[1];
    const struct bus_measurement *other = &w.subject->other;
    d->in_fields = other->fields;
    d->in_count = other->field_count;
    assert_int_equal(w.api->attach(w.bus, d), TENON_OK);
    const uint32_t before = d->in_sequence;
    mark(&w, 0x32);
    other->set(2, 0x77);
    stage(&w);
    wait(&w, CYCLE_TICKS);
    assert_true(other->is_held(2, d->in, 0x77));
    assert_true(d->in_sequence == before + 1);
    assert_true(has_command(&w, 1, 0x32));
    assert_true(has_sample(&w, 0, 0x32) && has_sample(&w, 2, 0x32));
}

static void fields_beyond_the_capacity_are_refused(void **state)
{
    struct world w = make(state);
    struct tenon_bus_device *d = &w.devices[1];
    const struct tenon_field wide = {d->in_fields->address, WINDOW_MAX + 1};
    d->in_fields = &wide;
    d->in_count = 1;
    assert_int_equal(w.api->attach(w.bus, d), TENON_ERR_ARG);
    assert_int_equal(w.bus->module.diag.cause, TENON_CAUSE_FIELDS);
    d->in_fields = w.subject->measured.fields;
    d->in_count = w.subject->measured.field_count;
    assert_int_equal(w.api->attach(w.bus, d), TENON_OK);
    run_cycle(&w, 0x41);
    assert_true(has_sample(&w, 1, 0x41));
}

static void a_device_let_go_is_left_alone_and_its_node_is_free(void **state)
{
    struct world w = make(state);
    run_cycle(&w, 0x51);
    struct tenon_bus_device *d = &w.devices[1];
    const uint32_t sequence = d->in_sequence;
    const uint32_t commands = w.subject->commands(2);
    d->out_is_fresh = true;
    w.api->detach(w.bus, d);
    w.api->detach(w.bus, d);
    w.subject->measured.set(1, 0x52);
    stage(&w);
    wait(&w, CYCLE_TICKS);
    assert_int_equal(d->in_sequence, sequence);
    assert_int_equal(w.subject->commands(2), commands);
    assert_true(has_sample(&w, 0, 0x52));
    w.devices[1] = device_of(w.subject, 2);
    assert_int_equal(w.api->attach(w.bus, d), TENON_OK);
    run_cycle(&w, 0x53);
    assert_true(has_sample(&w, 1, 0x53) && has_command(&w, 1, 0x53));
}

static void letting_go_cancels_the_nodes_requests_only(void **state)
{
    struct world w = make(state);
    if (w.subject->is_simple) {
        skip();
    }
    struct tenon_request mine[2] = {w.subject->write(2, 1), w.subject->write(2, 2)};
    struct tenon_request others[2] = {w.subject->write(1, 3), w.subject->write(3, 4)};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(w.api->submit(w.bus, &mine[i]), TENON_OK);
        assert_int_equal(w.api->submit(w.bus, &others[i]), TENON_OK);
    }
    w.api->detach(w.bus, &w.devices[1]);
    wait(&w, REQUEST_TICKS);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(mine[i].state, TENON_REQUEST_IDLE);
        assert_int_equal(others[i].state, TENON_REQUEST_DONE);
        assert_int_equal(others[i].result, TENON_OK);
    }
}

/* ---- Cycles ---- */

static void a_cycle_sends_every_window_and_fills_every_window(void **state)
{
    struct world w = make(state);
    for (uint8_t k = 1; k <= 5; k++) {
        const tenon_ns_t staged = w.now;
        run_cycle(&w, (uint8_t)(0x10 + k));
        for (uint32_t i = 0; i < DEVICES; i++) {
            const struct tenon_bus_device *d = &w.devices[i];
            assert_true(has_command(&w, i, (uint8_t)(0x10 + k)));
            assert_true(has_sample(&w, i, (uint8_t)(0x10 + k)));
            assert_false(d->out_is_fresh);
            assert_int_equal(d->in_sequence, k);
            assert_true(d->in_stamp_ns >= staged && d->in_stamp_ns <= w.now);
            assert_int_equal(d->counters.reply_count, k);
            assert_int_equal(d->counters.missed_count, 0);
            assert_int_equal(w.subject->commands(i + 1), k);
        }
        assert_int_equal(w.bus->counters.cycle_count, k);
    }
    assert_int_equal(w.bus->counters.overrun_count, 0);
}

static void fields_are_packed_in_the_order_they_are_named(void **state)
{
    struct world w = make_empty(state);
    struct tenon_bus_device *d = &w.devices[0];
    if (w.subject->gaps == NULL) {
        skip();
    }
    *d = device_of(w.subject, 1);
    d->in_fields = w.subject->gaps;
    assert_int_equal(w.api->attach(w.bus, d), TENON_OK);
    w.subject->measured.set(1, 0x77);
    w.subject->other.set(1, 0x78); /* the beginning of what is the second field now */
    stage(&w);
    wait(&w, CYCLE_TICKS);
    assert_int_equal(d->in_sequence, 1);
    for (size_t k = 0; k < w.subject->measured.width; k++) {
        assert_int_equal(d->in[k], k == d->in_fields[0].width ? 0x78 : 0x77);
    }
}

static void a_window_is_sent_once_and_only_if_it_is_fresh(void **state)
{
    struct world w = make(state);
    mark(&w, 0x61);
    w.devices[2].out_is_fresh = false;
    for (unsigned k = 0; k < 3; k++) {
        stage(&w);
        wait(&w, CYCLE_TICKS);
    }
    assert_int_equal(w.subject->commands(1), 1);
    assert_int_equal(w.subject->commands(2), 1);
    assert_int_equal(w.subject->commands(3), 0);
    assert_false(w.devices[0].out_is_fresh);
    assert_int_equal(w.devices[2].in_sequence, 3); /* read all the same */
}

static void who_does_not_listen_is_not_read(void **state)
{
    struct world w = make(state);
    w.devices[0].is_listening = false;
    run_cycle(&w, 0x71);
    assert_int_equal(w.devices[0].in_sequence, 0);
    assert_int_equal(w.devices[0].counters.missed_count, 0);
    assert_true(has_command(&w, 0, 0x71));
    assert_true(has_sample(&w, 1, 0x71));
    w.devices[0].is_listening = true;
    run_cycle(&w, 0x72);
    assert_true(has_sample(&w, 0, 0x72));
}

static void devices_take_part_at_their_rate_and_phase(void **state)
{
    struct world w = make(state);
    if (w.subject->is_simple) {
        skip();
    }
    w.devices[1].divisor = 2;
    w.devices[1].phase = 1;
    w.devices[2].divisor = 4;
    w.devices[2].phase = 2;
    for (unsigned k = 1; k <= 12; k++) {
        const uint32_t before[] = {w.devices[1].in_sequence, w.devices[2].in_sequence};
        run_cycle(&w, (uint8_t)k);
        assert_int_equal(w.devices[0].in_sequence, k);
        assert_int_equal(w.devices[1].in_sequence - before[0], w.cycle % 2 == 1);
        assert_int_equal(w.devices[2].in_sequence - before[1], w.cycle % 4 == 2);
    }
}

/* A device that is late at the same place again and again would else never have its turn. */
static void whose_turn_was_skipped_has_it_next(void **state)
{
    struct world w = make(state);
    if (w.subject->is_simple) {
        skip();
    }
    w.devices[1].divisor = 4;
    w.devices[1].phase = 2;
    w.cycle = 8;
    run_cycle(&w, 0x21); /* 9 */
    assert_int_equal(w.devices[1].in_sequence, 0);
    w.cycle = 10;
    run_cycle(&w, 0x22); /* 11: 10 was left out */
    assert_int_equal(w.devices[1].in_sequence, 1);
    assert_true(has_command(&w, 1, 0x22));
    run_cycle(&w, 0x23); /* 12 */
    w.cycle = 24;
    run_cycle(&w, 0x24); /* 25: three turns were left out */
    assert_int_equal(w.devices[1].in_sequence, 2);
    run_cycle(&w, 0x25); /* 26 */
    assert_int_equal(w.devices[1].in_sequence, 3);
}

/* Bytes come in pieces; what a device sees does not. */
static void windows_change_as_a_whole_and_only_with_the_sequence(void **state)
{
    struct world w = make(state);
    const size_t width = w.subject->measured.width;
    uint8_t seen[DEVICES][WINDOW_MAX];
    uint32_t sequences[DEVICES] = {0};
    memset(seen, 0, sizeof seen);
    for (uint8_t k = 1; k <= 10; k++) {
        mark(&w, (uint8_t)(0x80 + k));
        stage(&w);
        for (unsigned t = 0; t < CYCLE_TICKS; t++) {
            pass(&w);
            for (uint32_t i = 0; i < DEVICES; i++) {
                const struct tenon_bus_device *d = &w.devices[i];
                assert_true(d->in_sequence - sequences[i] <= 1);
                assert_true(d->in_sequence == 0 || is_whole(&w, i));
                if (d->in_sequence == sequences[i] && d->in_sequence > 0) {
                    assert_memory_equal(d->in, seen[i], width);
                }
                memcpy(seen[i], d->in, width);
                sequences[i] = d->in_sequence;
            }
        }
    }
}

static void a_silent_node_costs_its_own_sample_only(void **state)
{
    struct world w = make(state);
    run_cycle(&w, 0x11);
    w.subject->set_silent(2, true);
    run_cycle(&w, 0x12);
    const struct tenon_bus_device *d = &w.devices[1];
    assert_int_equal(d->in_error, TENON_ERR_TIMEOUT);
    assert_int_equal(d->in_sequence, 1);
    assert_true(holds(&w, 1, 0x11));
    assert_int_equal(d->counters.missed_count, 1);
    assert_true(has_sample(&w, 0, 0x12) && has_sample(&w, 2, 0x12));
    assert_true(has_command(&w, 0, 0x12) && has_command(&w, 2, 0x12));
    w.subject->set_silent(2, false);
    run_cycle(&w, 0x13);
    assert_true(has_sample(&w, 1, 0x13) && has_command(&w, 1, 0x13));
    assert_int_equal(d->in_sequence, 2);
}

static void a_cycle_staged_upon_another_is_an_overrun_and_the_newest_counts(void **state)
{
    struct world w = make(state);
    if (w.subject->is_simple) {
        skip();
    }
    mark(&w, 0x21);
    stage(&w);
    mark(&w, 0x22);
    stage(&w);
    assert_int_equal(w.bus->counters.overrun_count, 1);
    wait(&w, CYCLE_TICKS);
    for (uint32_t i = 0; i < DEVICES; i++) {
        assert_true(has_command(&w, i, 0x22));
        assert_true(has_sample(&w, i, 0x22));
        assert_int_equal(w.subject->commands(i + 1), 1);
    }
    run_cycle(&w, 0x23);
    assert_true(has_sample(&w, 0, 0x23));
    assert_int_equal(w.bus->counters.overrun_count, 1);
}

/* ---- Requests ---- */

static void requests_do_what_they_say(void **state)
{
    struct world w = make(state);
    struct tenon_request write = w.subject->write(2, 0x5C);
    run(&w, &write);
    assert_int_equal(write.result, TENON_OK);
    assert_true(w.subject->is_written(2, 0x5C));
    struct tenon_request read = w.subject->read(2);
    run(&w, &read);
    assert_int_equal(read.result, TENON_OK);
    assert_memory_equal(read.data, write.data, write.width);
    struct tenon_request off = w.subject->torque_off(2);
    assert_false(w.subject->is_off(2));
    run(&w, &off);
    assert_int_equal(off.result, TENON_OK);
    assert_true(w.subject->is_off(2));
    struct tenon_request ping = {.node = 3, .operation = TENON_OP_PING};
    run(&w, &ping);
    assert_int_equal(ping.result, TENON_OK);
    struct tenon_request unattached = {.node = BUS_SUBJECT_NODES, .operation = TENON_OP_PING};
    run(&w, &unattached); /* who asks need not be attached */
    assert_int_equal(unattached.result, TENON_OK);
}

static void a_reboot_is_done_or_refused(void **state)
{
    struct world w = make(state);
    struct tenon_request reboot = {.node = 3, .operation = TENON_OP_REBOOT};
    if (w.subject->has_no_reboot) {
        assert_int_equal(w.api->submit(w.bus, &reboot), TENON_ERR_UNSUPPORTED);
        assert_int_equal(reboot.state, TENON_REQUEST_IDLE);
        return;
    }
    run(&w, &reboot);
    assert_int_equal(reboot.result, TENON_OK);
}

static void malformed_requests_are_refused_untouched(void **state)
{
    struct world w = make(state);
    struct tenon_request bad[2] = {w.subject->write(1, 1), w.subject->write(1, 1)};
    bad[0].width = TENON_REQUEST_DATA + 1;
    bad[1].operation = 0;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(w.api->submit(w.bus, &bad[i]), TENON_ERR_ARG);
        assert_int_equal(bad[i].state, TENON_REQUEST_IDLE);
    }
    wait(&w, CYCLE_TICKS);
    assert_false(w.subject->is_written(1, 1));
}

static void a_request_to_a_silent_node_times_out(void **state)
{
    struct world w = make(state);
    w.subject->set_silent(1, true);
    for (uint8_t attempts = 0; attempts < 3; attempts++) {
        struct tenon_request ping = {.node = 1, .operation = TENON_OP_PING, .attempts = attempts};
        run(&w, &ping);
        assert_int_equal(ping.result, TENON_ERR_TIMEOUT);
    }
    w.subject->set_silent(1, false);
    struct tenon_request ping = {.node = 1, .operation = TENON_OP_PING};
    run(&w, &ping);
    assert_int_equal(ping.result, TENON_OK);
}

static void requests_are_served_in_order_with_torque_off_ahead(void **state)
{
    struct world w = make(state);
    struct tenon_request queue[4];
    for (uint8_t i = 0; i < 3; i++) {
        queue[i] = w.subject->write(1, (uint8_t)(i + 1));
        assert_int_equal(w.api->submit(w.bus, &queue[i]), TENON_OK);
    }
    queue[3] = w.subject->torque_off(2);
    assert_int_equal(w.api->submit(w.bus, &queue[3]), TENON_OK);
    static const uint8_t order[] = {3, 0, 1, 2};
    for (unsigned done = 0, t = 0; done < 4; t++) {
        assert_true(t < REQUEST_TICKS);
        for (unsigned k = done + 1; k < 4; k++) {
            assert_int_not_equal(queue[order[k]].state, TENON_REQUEST_DONE);
        }
        if (queue[order[done]].state == TENON_REQUEST_DONE) {
            assert_int_equal(queue[order[done]].result, TENON_OK);
            done++;
        } else {
            pass(&w);
        }
    }
    assert_true(w.subject->is_written(1, 3));
    assert_true(w.subject->is_off(2));
}

static void torque_off_is_not_held_up_by_cycles(void **state)
{
    struct world w = make(state);
    struct tenon_request off = w.subject->torque_off(1);
    mark(&w, 0x31);
    assert_int_equal(w.api->submit(w.bus, &off), TENON_OK);
    stage(&w);
    wait(&w, 10);
    assert_int_equal(off.state, TENON_REQUEST_DONE);
    assert_int_equal(off.result, TENON_OK);
    wait(&w, CYCLE_TICKS);
    assert_true(has_command(&w, 0, 0x31) && has_sample(&w, 0, 0x31));
}

/* Withdrawn at every stage of its life. */
static void a_cancelled_request_is_idle_and_never_touched_again(void **state)
{
    for (unsigned ticks = 0; ticks < 12; ticks++) {
        struct world w = make(state);
        struct tenon_request first = w.subject->write(1, 1);
        struct tenon_request second = w.subject->write(2, 2);
        assert_int_equal(w.api->submit(w.bus, &first), TENON_OK);
        assert_int_equal(w.api->submit(w.bus, &second), TENON_OK);
        wait(&w, ticks);
        w.api->cancel(w.bus, &first);
        assert_int_equal(first.state, TENON_REQUEST_IDLE);
        struct tenon_request poison;
        memset(&poison, 0x5A, sizeof poison);
        memcpy(&first, &poison, sizeof first);
        wait(&w, CYCLE_TICKS);
        assert_memory_equal(&first, &poison, sizeof first);
        assert_int_equal(second.state, TENON_REQUEST_DONE);
        assert_int_equal(second.result, TENON_OK);
        w.api->cancel(w.bus, &second); /* done: idle again */
        assert_int_equal(second.state, TENON_REQUEST_IDLE);
        run_cycle(&w, 0x41);
        assert_true(has_sample(&w, 0, 0x41) && has_sample(&w, 1, 0x41));
    }
}

/* ---- The line ---- */

static void a_line_that_is_gone_fails_everything_outstanding(void **state)
{
    for (unsigned ticks = 0; ticks < 20; ticks++) {
        struct world w = make(state);
        struct tenon_request queue[3] = {w.subject->write(1, 1), w.subject->write(2, 2),
                                         w.subject->write(3, 3)};
        tenon_ns_t deadline = TENON_NEVER;
        if (w.subject->is_simple) {
            skip();
        }
        run_cycle(&w, 0x51);
        mark(&w, 0x52);
        stage(&w);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(w.api->submit(w.bus, &queue[i]), TENON_OK);
        }
        wait(&w, ticks);
        assert_int_equal(w.api->poll(w.bus, NULL, w.now, &deadline), TENON_OK);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(queue[i].state, TENON_REQUEST_DONE);
            assert_true(queue[i].result == TENON_OK || queue[i].result == TENON_ERR_IO);
        }
        assert_true(ticks > 0 || queue[2].result == TENON_ERR_IO);
        for (uint32_t i = 0; i < DEVICES; i++) {
            const struct tenon_bus_device *d = &w.devices[i];
            assert_true(d->in_error == TENON_ERR_IO || has_sample(&w, i, 0x52));
            assert_true(ticks > 0 || d->in_error == TENON_ERR_IO);
        }
        wait(&w, CYCLE_TICKS); /* what is still on the wire goes by */
        run_cycle(&w, 0x53);
        for (uint32_t i = 0; i < DEVICES; i++) {
            assert_true(has_sample(&w, i, 0x53) && has_command(&w, i, 0x53));
        }
    }
}

static void the_deadline_is_only_ever_lowered(void **state)
{
    struct world w = make(state);
    struct tenon_request ping = {.node = 1, .operation = TENON_OP_PING};
    mark(&w, 0x61);
    stage(&w);
    assert_int_equal(w.api->submit(w.bus, &ping), TENON_OK);
    for (unsigned i = 0; i < CYCLE_TICKS; i++) {
        const tenon_ns_t offered[] = {w.now - TENON_MS(1), w.now + 1, TENON_NEVER};
        tenon_ns_t deadline = offered[i % 3];
        w.now = w.subject->tick();
        struct tenon_line *line = i % 20 == 19 ? NULL : w.subject->line();
        assert_int_equal(w.api->poll(w.bus, line, w.now, &deadline), TENON_OK);
        assert_true(deadline <= offered[i % 3]);
    }
}

static void polling_without_devices_does_nothing(void **state)
{
    struct world w = make_empty(state);
    stage(&w);
    wait(&w, CYCLE_TICKS);
    assert_int_equal(w.bus->counters.transaction_count, 0);
    tenon_ns_t deadline = TENON_NEVER;
    assert_int_equal(w.api->poll(w.bus, NULL, w.now, &deadline), TENON_OK);
}

/* ---- The rest ---- */

static void safe_frames_are_there_at_any_time_and_stay_the_same(void **state)
{
    struct world w = make(state);
    for (int c = TENON_STOP_TORQUE_OFF; c <= TENON_STOP_BRAKE_THEN_HOLD; c++) {
        const enum tenon_stop_category category = (enum tenon_stop_category)c;
        const uint8_t *bytes = NULL;
        uint8_t copy[256];
        const int count = w.api->safe_frame(w.bus, category, &bytes);
        assert_true(count >= 0 && (size_t)count <= sizeof copy);
        assert_true(count == 0 || bytes != NULL);
        memcpy(copy, bytes, (size_t)count);
        run_cycle(&w, 0x71);
        struct tenon_request write = w.subject->write(1, 1);
        run(&w, &write);
        assert_memory_equal(bytes, copy, (size_t)count); /* who took the pointer may keep it */
        const uint8_t *again = NULL;
        assert_int_equal(w.api->safe_frame(w.bus, category, &again), count);
        assert_memory_equal(again, copy, (size_t)count);
    }
}

static void counters_only_rise(void **state)
{
    struct world w = make(state);
    struct tenon_bus_counters before = w.bus->counters;
    for (uint8_t k = 0; k < 10; k++) {
        struct tenon_request write = w.subject->write(k % 3 + 1u, k);
        w.subject->set_silent(2, k % 4 == 1);
        assert_int_equal(w.api->submit(w.bus, &write), TENON_OK);
        run_cycle(&w, k);
        w.api->cancel(w.bus, &write);
        const struct tenon_bus_counters c = w.bus->counters;
        assert_true(c.cycle_count > before.cycle_count);
        assert_true(c.overrun_count >= before.overrun_count);
        assert_true(c.transaction_count >= before.transaction_count);
        assert_true(c.timeout_count >= before.timeout_count);
        assert_true(c.crc_error_count >= before.crc_error_count);
        assert_true(c.stale_count >= before.stale_count);
        assert_true(c.echo_count >= before.echo_count);
        assert_true(c.noise_bytes >= before.noise_bytes);
        assert_true(c.busy_ns >= before.busy_ns);
        before = c;
    }
}

int bus_conformance_run(const struct bus_subject *subject)
{
    struct bus_subject copy = *subject;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(tables_are_whole, &copy),
        cmocka_unit_test_prestate(attaching_gives_windows_that_were_never_filled, &copy),
        cmocka_unit_test_prestate(a_node_that_is_taken_is_refused, &copy),
        cmocka_unit_test_prestate(a_node_out_of_range_is_refused, &copy),
        cmocka_unit_test_prestate(too_little_memory_is_told_with_the_bytes_needed, &copy),
        cmocka_unit_test_prestate(attaching_again_lays_out_other_fields, &copy),
        cmocka_unit_test_prestate(fields_beyond_the_capacity_are_refused, &copy),
        cmocka_unit_test_prestate(a_device_let_go_is_left_alone_and_its_node_is_free, &copy),
        cmocka_unit_test_prestate(letting_go_cancels_the_nodes_requests_only, &copy),
        cmocka_unit_test_prestate(a_cycle_sends_every_window_and_fills_every_window, &copy),
        cmocka_unit_test_prestate(fields_are_packed_in_the_order_they_are_named, &copy),
        cmocka_unit_test_prestate(a_window_is_sent_once_and_only_if_it_is_fresh, &copy),
        cmocka_unit_test_prestate(who_does_not_listen_is_not_read, &copy),
        cmocka_unit_test_prestate(devices_take_part_at_their_rate_and_phase, &copy),
        cmocka_unit_test_prestate(whose_turn_was_skipped_has_it_next, &copy),
        cmocka_unit_test_prestate(windows_change_as_a_whole_and_only_with_the_sequence, &copy),
        cmocka_unit_test_prestate(a_silent_node_costs_its_own_sample_only, &copy),
        cmocka_unit_test_prestate(a_cycle_staged_upon_another_is_an_overrun_and_the_newest_counts,
                                  &copy),
        cmocka_unit_test_prestate(requests_do_what_they_say, &copy),
        cmocka_unit_test_prestate(a_reboot_is_done_or_refused, &copy),
        cmocka_unit_test_prestate(malformed_requests_are_refused_untouched, &copy),
        cmocka_unit_test_prestate(a_request_to_a_silent_node_times_out, &copy),
        cmocka_unit_test_prestate(requests_are_served_in_order_with_torque_off_ahead, &copy),
        cmocka_unit_test_prestate(torque_off_is_not_held_up_by_cycles, &copy),
        cmocka_unit_test_prestate(a_cancelled_request_is_idle_and_never_touched_again, &copy),
        cmocka_unit_test_prestate(a_line_that_is_gone_fails_everything_outstanding, &copy),
        cmocka_unit_test_prestate(the_deadline_is_only_ever_lowered, &copy),
        cmocka_unit_test_prestate(polling_without_devices_does_nothing, &copy),
        cmocka_unit_test_prestate(safe_frames_are_there_at_any_time_and_stay_the_same, &copy),
        cmocka_unit_test_prestate(counters_only_rise, &copy),
    };
    return cmocka_run_group_tests_name(subject->name, tests, NULL, NULL);
}
