#include "tenon/drivers/mit_bus.h"

#include "../fakes/fake_mit.h"
#include "../hex_text.h"
#include "../tenon_test.h"

#include <string.h>

#define NODES     3
#define TICK      TENON_US(50)
#define CYCLE     TENON_MS(4)
#define MASTER    0x00
#define REQUEST_T 2000 /* ticks */

static const struct tenon_field in_field[] = {{MIT_FEEDBACK + MASTER, 8}};
static const struct tenon_field out_field[] = {{MIT_COMMAND, 8}};

struct rig {
    struct tenon_mit_bus bus;
    const struct tenon_bus_api *api;
    struct fake_can_line line;
    struct fake_mit_world far;
    struct tenon_bus_device devices[NODES];
    _Alignas(max_align_t) uint8_t memory[TENON_MIT_BUS_MEMORY(FAKE_MIT_MOTORS)];
    tenon_ns_t now;
    uint32_t cycle;
};

static struct rig rig; /* too big for a stack */

static struct tenon_bus_device device_of(uint32_t node)
{
    return (struct tenon_bus_device){.node = node,
                                     .in_fields = in_field,
                                     .out_fields = out_field,
                                     .in_count = 1,
                                     .out_count = 1,
                                     .in_capacity = 8,
                                     .out_capacity = 8,
                                     .divisor = 1,
                                     .is_listening = true};
}

static struct rig *make_empty(uint32_t baud)
{
    memset(&rig, 0, sizeof rig);
    (void)fake_can_line_init(&rig.line, baud);
    fake_mit_world_init(&rig.far, &rig.line);
    struct tenon_bus *bus = tenon_mit_bus_init(&rig.bus, rig.memory, sizeof rig.memory);
    assert_ptr_equal(bus, &rig.bus.base);
    assert_int_equal(bus->medium, TENON_MEDIUM_CAN);
    rig.api = tenon_bus_get_api(bus);
    return &rig;
}

static struct rig *make(void)
{
    struct rig *r = make_empty(1000000);
    for (uint8_t i = 0; i < NODES; i++) {
        (void)fake_mit_add(&r->far, (uint8_t)(i + 1), MASTER);
        r->devices[i] = device_of(i + 1u);
        assert_int_equal(r->api->attach(&r->bus.base, &r->devices[i]), TENON_OK);
    }
    return r;
}

static int poll(struct rig *r)
{
    tenon_ns_t deadline = TENON_NEVER;
    const int rc = r->api->poll(&r->bus.base, &r->line.base, r->now, &deadline);
    assert_true(deadline >= r->now);
    return rc;
}

static void pass(struct rig *r)
{
    r->now += TICK;
    assert_int_equal(poll(r), TENON_OK);
}

static void wait(struct rig *r, tenon_ns_t ns)
{
    for (const tenon_ns_t end = r->now + ns; r->now < end;) {
        pass(r);
    }
}

static void stage(struct rig *r)
{
    r->api->stage(&r->bus.base, ++r->cycle, r->now);
}

/* All motors measure, and are commanded, this. */
static void mark(struct rig *r, uint8_t value)
{
    for (size_t i = 0; i < NODES; i++) {
        struct fake_mit *m = &r->far.motors[i];
        m->has_raw = true;
        memset(m->raw, value, sizeof m->raw);
        memset(r->devices[i].out, value, 8);
        r->devices[i].out_is_fresh = true;
    }
}

static void run_cycle(struct rig *r, uint8_t value)
{
    mark(r, value);
    stage(r);
    wait(r, CYCLE);
}

static bool is_full(const uint8_t *bytes, size_t count, uint8_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

static bool holds(const struct rig *r, size_t i, uint8_t value)
{
    const struct tenon_bus_device *d = &r->devices[i];
    return (d->in[0] & 0x0F) == d->node && is_full(d->in + 1, 7, value);
}

static bool has_sample(const struct rig *r, size_t i, uint8_t value)
{
    return r->devices[i].in_error == TENON_OK && holds(r, i, value);
}

static bool is_commanded(const struct rig *r, size_t i, uint8_t value)
{
    return is_full(r->far.motors[i].command_bytes, 8, value);
}

static void submit(struct rig *r, struct tenon_request *request)
{
    assert_int_equal(r->api->submit(&r->bus.base, request), TENON_OK);
}

static void run(struct rig *r, struct tenon_request *request)
{
    submit(r, request);
    for (unsigned i = 0; i < REQUEST_T && request->state != TENON_REQUEST_DONE; i++) {
        pass(r);
    }
    assert_int_equal(request->state, TENON_REQUEST_DONE);
}

static struct tenon_request
request_of(uint32_t node, uint8_t operation, uint32_t address, uint8_t width)
{
    return (struct tenon_request){
        .node = node, .operation = operation, .address = address, .width = width};
}

static void assert_sent(const struct rig *r, size_t at, const char *text)
{
    char found[32];
    const struct tenon_can_frame *f = &r->line.sent[at];
    assert_true(at < r->line.sent_count);
    char *end = hex_text_put(found, f->id, 3);
    *end++ = '#';
    *end = '\0';
    for (size_t i = 0; i < f->length; i++) {
        end = hex_text_put(end, f->data[i], 2);
    }
    assert_string_equal(found, text);
    assert_int_equal(f->flags, 0);
    assert_int_equal(f->reserved[0] + f->reserved[1], 0);
}

/* ---- On the wire ---- */

static void a_fresh_window_is_a_command_and_none_is_a_question(void **state)
{
    static const uint8_t kp10[] = {0x8A, 0x3C, 0x7F, 0xF0, 0x51, 0x19, 0x97, 0xFF};
    struct rig *r = make();
    (void)state;
    memcpy(r->devices[0].out, kp10, 8);
    r->devices[0].out_is_fresh = true;
    r->devices[2].is_listening = false;
    stage(r);
    wait(r, CYCLE);
    assert_int_equal(r->line.sent_count, 2);
    assert_sent(r, 0, "001#8A3C7FF0511997FF");
    assert_sent(r, 1, "7FF#0200CC0000000000");
    assert_int_equal(r->devices[0].in_sequence, 1);
    assert_int_equal(r->devices[1].in_sequence, 1);
    assert_int_equal(r->devices[2].in_sequence, 0);
    assert_int_equal(r->bus.base.counters.stale_count, 0);
    assert_int_equal(r->bus.base.counters.transaction_count, 2);
}

static void requests_are_the_frames_of_other_masters(void **state)
{
    struct rig *r = make();
    struct tenon_request write = request_of(1, TENON_OP_WRITE, 10, 4);
    struct {
        struct tenon_request request;
        const char *frame;
    } vectors[] = {
        {request_of(1, TENON_OP_PING, 0, 0), "7FF#0100330700000000"},
        {request_of(1, TENON_OP_READ, 21, 4), "7FF#0100331500000000"},
        {request_of(1, TENON_OP_READ, MIT_STATUS, 8), "7FF#0100CC0000000000"},
        {request_of(1, TENON_OP_WRITE, MIT_ENABLE, 0), "001#FFFFFFFFFFFFFFFC"},
        {request_of(1, TENON_OP_WRITE, MIT_DISABLE, 0), "001#FFFFFFFFFFFFFFFD"},
        {request_of(1, TENON_OP_WRITE, MIT_SET_ZERO, 0), "001#FFFFFFFFFFFFFFFE"},
        {request_of(1, TENON_OP_WRITE, MIT_CLEAR, 0), "001#FFFFFFFFFFFFFFFB"},
        {request_of(1, TENON_OP_TORQUE_OFF, 0, 0), "001#FFFFFFFFFFFFFFFD"},
        {request_of(1, TENON_OP_WRITE, MIT_COMMAND, 8), "001#0000000000000000"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        fake_can_line_clear_sent(&r->line);
        run(r, &vectors[i].request);
        assert_int_equal(vectors[i].request.result, TENON_OK);
        assert_int_equal(r->line.sent_count, 1);
        assert_sent(r, 0, vectors[i].frame);
    }
    write.data[0] = 1;
    fake_can_line_clear_sent(&r->line);
    run(r, &write);
    assert_sent(r, 0, "7FF#0100550A01000000");
    assert_int_equal(r->bus.base.counters.stale_count, 0);
}

/* Other modes have other identifiers and lengths; the payload is the device's business. */
static void other_messages_are_carried_as_they_are(void **state)
{
    static const struct tenon_field speed[] = {{MIT_COMMAND + 0x200, 4}};
    static const uint8_t two[] = {0x00, 0x00, 0x00, 0x40};
    struct rig *r = make();
    (void)state;
    r->devices[0].out_fields = speed;
    assert_int_equal(r->api->attach(&r->bus.base, &r->devices[0]), TENON_OK);
    memcpy(r->devices[0].out, two, 4);
    r->devices[0].out_is_fresh = true;
    stage(r);
    poll(r);
    assert_sent(r, 0, "201#00000040");
    struct tenon_request request = request_of(1, TENON_OP_WRITE, MIT_COMMAND + 0x100, 8);
    memcpy(request.data, "\x00\x00\xC0\x3F\x00\x00\x40\x40", 8);
    wait(r, CYCLE);
    fake_can_line_clear_sent(&r->line);
    submit(r, &request);
    poll(r);
    assert_sent(r, 0, "101#0000C03F00004040");
}

static void what_a_device_answers_reaches_who_asked(void **state)
{
    struct rig *r = make();
    struct tenon_request ping = request_of(2, TENON_OP_PING, 0, 0);
    struct tenon_request write = request_of(2, TENON_OP_WRITE, 9, 4);
    struct tenon_request enable = request_of(2, TENON_OP_WRITE, MIT_ENABLE, 0);
    (void)state;
    fake_mit_set(&r->far.motors[1], 7, 0x345);
    run(r, &ping);
    assert_int_equal(mit_load32(ping.data), 0x345);
    r->far.motors[1].ignores_writes = true; /* the answer is what it holds */
    fake_mit_set(&r->far.motors[1], 9, 77);
    mit_store32(write.data, 4000);
    run(r, &write);
    assert_int_equal(mit_load32(write.data), 77);
    run(r, &enable);
    assert_int_equal(enable.status, MIT_ENABLED);
    assert_int_equal(enable.data[0], 0x12);
    assert_int_equal(r->devices[1].status, MIT_ENABLED);
    assert_int_equal(r->devices[0].status, MIT_DISABLED);
    assert_int_equal(r->devices[1].counters.request_count, 3);
}

/* Device not attached, or its answers' identifier not known: registers say whose they are. */
static void a_node_that_is_not_attached_can_be_asked(void **state)
{
    struct rig *r = make();
    (void)state;
    (void)fake_mit_add(&r->far, 0x21, 0x021 + 0x100); /* alike in the lower half */
    struct tenon_request ping = request_of(0x21, TENON_OP_PING, 0, 0);
    struct tenon_request off = request_of(0x21, TENON_OP_TORQUE_OFF, 0, 0);
    run(r, &ping);
    assert_int_equal(ping.result, TENON_OK);
    assert_int_equal(mit_load32(ping.data), 0x121);
    run(r, &off);
    assert_int_equal(off.result, TENON_OK);
    assert_int_equal(r->far.motors[3].disable_count, 1);
    assert_int_equal(r->far.motors[0].disable_count, 0);
    r->far.motors[3].is_silent = true;
    run_cycle(r, 0x11); /* what node 1 sends is nothing that 0x21 could have sent */
    struct tenon_request again = request_of(0x21, TENON_OP_TORQUE_OFF, 0, 0);
    submit(r, &again);
    for (unsigned i = 0; i < REQUEST_T && again.state != TENON_REQUEST_DONE; i++) {
        mark(r, 0x12);
        stage(r);
        pass(r);
    }
    assert_int_equal(again.result, TENON_ERR_TIMEOUT);
}

/* ---- Who may be attached ---- */

static void answers_that_could_be_mistaken_are_refused(void **state)
{
    static const struct tenon_field elsewhere[] = {{MIT_FEEDBACK + 0x50, 8}};
    static const struct tenon_field commands_2[] = {{MIT_FEEDBACK + 2, 8}};
    static const struct tenon_field own[] = {{MIT_FEEDBACK + 0x11, 8}};
    struct rig *r = make();
    struct tenon_bus_device alike = device_of(0x11); /* as node 1, in the lower half */
    (void)state;
    assert_int_equal(r->api->attach(&r->bus.base, &alike), TENON_ERR_ARG);
    assert_int_equal(r->bus.base.module.diag.cause, TENON_CAUSE_NODE_TAKEN);
    assert_int_equal((int)r->bus.base.module.diag.bound, 1);
    alike.in_fields = commands_2; /* every answer would be a command to node 2 */
    assert_int_equal(r->api->attach(&r->bus.base, &alike), TENON_ERR_ARG);
    assert_int_equal(r->bus.base.module.diag.cause, TENON_CAUSE_FIELDS);
    alike.in_fields = own;
    assert_int_equal(r->api->attach(&r->bus.base, &alike), TENON_ERR_ARG);
    assert_int_equal(r->bus.base.module.diag.cause, TENON_CAUSE_FIELDS);
    alike.in_fields = elsewhere;
    assert_int_equal(r->api->attach(&r->bus.base, &alike), TENON_OK);
    struct tenon_bus_device commanded = device_of(0x50);
    assert_int_equal(r->api->attach(&r->bus.base, &commanded), TENON_ERR_ARG);
    assert_int_equal(r->bus.base.module.diag.cause, TENON_CAUSE_FIELDS);
}

static void fields_that_no_frame_carries_are_refused(void **state)
{
    static const struct tenon_field bad_in[] = {{MIT_FEEDBACK, 5},
                                                {MIT_FEEDBACK, 9},
                                                {MIT_FEEDBACK + MIT_REGISTER_ID, 8},
                                                {MIT_FEEDBACK - 1, 8},
                                                {21, 4}};
    static const struct tenon_field bad_out[] = {
        {MIT_COMMAND, 0}, {MIT_COMMAND, 9}, {MIT_COMMAND + 0x400, 8}, {MIT_COMMAND + 1, 8}, {0, 8}};
    struct rig *r = make_empty(1000000);
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct tenon_bus_device d = device_of(1);
        d.in_fields = &bad_in[i];
        assert_int_equal(r->api->attach(&r->bus.base, &d), TENON_ERR_ARG);
        assert_int_equal(r->bus.base.module.diag.cause, TENON_CAUSE_FIELDS);
        d = device_of(1);
        d.out_fields = &bad_out[i];
        assert_int_equal(r->api->attach(&r->bus.base, &d), TENON_ERR_ARG);
        d = device_of(1);
        d.out_count = 2;
        assert_int_equal(r->api->attach(&r->bus.base, &d), TENON_ERR_ARG);
        d.in_fields = NULL;
        assert_int_equal(r->api->attach(&r->bus.base, &d), TENON_ERR_ARG);
        assert_int_equal(r->bus.base.module.diag.cause, TENON_CAUSE_NULL);
    }
    assert_int_equal(r->api->attach(&r->bus.base, NULL), TENON_ERR_ARG);
    assert_int_equal(r->bus.record_count, 0);
}

static void the_promised_memory_suffices_wherever_it_begins(void **state)
{
    static uint8_t memory[TENON_MIT_BUS_MEMORY(FAKE_MIT_MOTORS) + 16];
    (void)state;
    for (size_t offset = 0; offset < 16; offset++) {
        struct rig *r = make_empty(1000000);
        struct tenon_bus_device devices[FAKE_MIT_MOTORS];
        struct tenon_bus *bus =
            tenon_mit_bus_init(&r->bus, memory + offset, TENON_MIT_BUS_MEMORY(FAKE_MIT_MOTORS));
        for (uint8_t i = 0; i < FAKE_MIT_MOTORS; i++) {
            devices[i] = device_of(i + 1u);
            assert_int_equal(r->api->attach(bus, &devices[i]), TENON_OK);
        }
    }
}

static void malformed_requests_are_refused(void **state)
{
    const struct tenon_request bad[] = {
        request_of(256, TENON_OP_PING, 0, 0),
        request_of(1, TENON_OP_READ, 21, 2),
        request_of(1, TENON_OP_READ, 82, 4),
        request_of(1, TENON_OP_READ, MIT_STATUS, 4),
        request_of(1, TENON_OP_READ, MIT_ENABLE, 0),
        request_of(1, TENON_OP_WRITE, 10, 1),
        request_of(1, TENON_OP_WRITE, MIT_ENABLE, 1),
        request_of(1, TENON_OP_WRITE, MIT_STATUS, 0),
        request_of(1, TENON_OP_WRITE, 0x1AA, 0), /* to flash: never */
        request_of(1, TENON_OP_WRITE, MIT_COMMAND, 9),
        request_of(1, TENON_OP_WRITE, MIT_COMMAND, 0),
        request_of(1, TENON_OP_WRITE, MIT_COMMAND + 8, 8),
        request_of(1, 99, 0, 0),
    };
    struct rig *r = make();
    (void)state;
    assert_int_equal(r->api->submit(&r->bus.base, NULL), TENON_ERR_ARG);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tenon_request request = bad[i];
        assert_int_equal(r->api->submit(&r->bus.base, &request), TENON_ERR_ARG);
        assert_memory_equal(&request, &bad[i], sizeof request);
    }
    struct tenon_request twice = request_of(1, TENON_OP_PING, 0, 0);
    submit(r, &twice);
    assert_int_equal(r->api->submit(&r->bus.base, &twice), TENON_ERR_STATE);
}

/* ---- What can go wrong ---- */

/* The fault hits each answer of the second cycle in turn; the neighbours never notice. */
static void a_fault_on_the_wire_costs_one_sample_of_one_device(void **state)
{
    static const enum fake_can_fault faults[] = {FAKE_CAN_DROP, FAKE_CAN_DUPLICATE,
                                                 FAKE_CAN_GARBAGE};
    (void)state;
    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
        for (uint32_t at = 0; at < NODES; at++) {
            struct rig *r = make();
            r->line.fault = faults[f];
            r->line.fault_at = NODES + at;
            for (uint8_t k = 1; k <= 4; k++) {
                run_cycle(r, k);
                for (size_t i = 0; i < NODES; i++) {
                    const bool is_lost = faults[f] == FAKE_CAN_DROP && k == 2 && i == at;
                    assert_true(is_commanded(r, i, k));
                    assert_true(is_lost ? holds(r, i, 1) : has_sample(r, i, k));
                }
            }
            const struct tenon_bus_device *d = &r->devices[at];
            const uint32_t lost = faults[f] == FAKE_CAN_DROP ? 1 : 0;
            assert_int_equal(d->in_sequence, 4 - lost);
            assert_int_equal(d->counters.missed_count, lost);
            assert_int_equal(r->bus.base.counters.timeout_count, lost);
            assert_int_equal(r->bus.base.counters.cycle_count, 4);
            const uint32_t stale[] = {0, 1, 7};
            assert_int_equal(r->bus.base.counters.stale_count, stale[f]);
        }
    }
}

static void a_flipped_bit_does_no_lasting_harm(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 64; bit++) {
        struct rig *r = make();
        struct tenon_request read = request_of(1, TENON_OP_READ, 21, 4);
        r->line.fault = FAKE_CAN_CORRUPT;
        r->line.fault_bit = bit;
        r->line.fault_at = NODES + 1;
        run_cycle(r, 1);
        run_cycle(r, 2);
        run_cycle(r, 3);
        for (size_t i = 0; i < NODES; i++) {
            assert_true(has_sample(r, i, 3));
        }
        r->line.fault_at = r->line.put_count;
        run(r, &read);
        assert_int_equal(read.result, TENON_OK);
        assert_true(bit >= 32 || fake_mit_get(&r->far.motors[0], 21) == mit_load32(read.data));
    }
}

static void a_late_answer_is_missed_and_then_nobodys(void **state)
{
    struct rig *r = make();
    (void)state;
    run_cycle(r, 1);
    r->line.fault = FAKE_CAN_DELAY;
    r->line.fault_at = NODES + NODES - 1;
    r->line.fault_delay_ns = TENON_MS(3);
    run_cycle(r, 2);
    wait(r, CYCLE);
    assert_true(has_sample(r, 0, 2) && has_sample(r, 1, 2));
    assert_int_equal(r->devices[2].in_error, TENON_ERR_TIMEOUT);
    assert_true(holds(r, 2, 1));
    assert_int_equal(r->bus.base.counters.stale_count, 1);
    run_cycle(r, 3);
    assert_true(has_sample(r, 2, 3));
    assert_int_equal(r->devices[2].in_sequence, 2);
}

/* The answer to a register frame, however late, is never a position. */
static void a_late_register_answer_is_no_sample(void **state)
{
    struct rig *r = make();
    struct tenon_request read = request_of(1, TENON_OP_READ, 21, 4);
    (void)state;
    read.attempts = 1;
    r->line.fault = FAKE_CAN_DELAY;
    r->line.fault_delay_ns = TENON_MS(1);
    run(r, &read);
    assert_int_equal(read.result, TENON_ERR_TIMEOUT);
    r->far.motors[0].is_silent = true;
    stage(r);
    wait(r, CYCLE);
    assert_int_equal(r->devices[0].in_sequence, 0);
    assert_int_equal(r->devices[0].in_error, TENON_ERR_TIMEOUT);
    assert_int_equal(r->bus.base.counters.stale_count, 1);
}

/* Nor is a position, of one that is alike in the lower half, ever the answer to a register frame.
 */
static void a_state_that_looks_so_is_no_register_answer(void **state)
{
    static const struct tenon_field elsewhere[] = {{MIT_FEEDBACK + 0x50, 8}};
    struct rig *r = make();
    struct tenon_bus_device alike = device_of(0x11);
    struct tenon_request read = request_of(1, TENON_OP_READ, 21, 4);
    (void)state;
    struct fake_mit *far = fake_mit_add(&r->far, 0x11, 0x50);
    alike.in_fields = elsewhere;
    assert_int_equal(r->api->attach(&r->bus.base, &alike), TENON_OK);
    far->has_raw = true;
    memcpy(far->raw, "\x00\x33\x15\x01\x02\x03\x04", 7);
    r->far.motors[0].is_silent = true;
    read.attempts = 1;
    submit(r, &read);
    poll(r);
    stage(r);
    wait(r, CYCLE);
    assert_int_equal(read.result, TENON_ERR_TIMEOUT);
    assert_int_equal(alike.in_sequence, 1);
    assert_memory_equal(alike.in, "\x01\x00\x33\x15\x01\x02\x03\x04", 8);
}

static void two_motors_with_one_number_are_noticed(void **state)
{
    struct rig *r = make();
    struct tenon_request ping = request_of(2, TENON_OP_PING, 0, 0);
    (void)state;
    (void)fake_mit_add(&r->far, 2, MASTER);
    run(r, &ping);
    assert_int_equal(ping.result, TENON_ERR_PROTO);
    for (uint8_t k = 1; k <= 3; k++) {
        run_cycle(r, k);
        assert_int_equal(r->devices[1].in_sequence, k); /* one sample of two answers */
        assert_true(has_sample(r, 0, k) && has_sample(r, 2, k));
    }
    assert_int_equal(r->bus.base.counters.stale_count, 3);
    ping = request_of(1, TENON_OP_PING, 0, 0);
    run(r, &ping);
    assert_int_equal(ping.result, TENON_OK);
}

static void an_answer_heard_twice_does_not_make_two_motors(void **state)
{
    struct rig *r = make();
    struct tenon_request ping = request_of(2, TENON_OP_PING, 0, 0);
    (void)state;
    r->line.fault = FAKE_CAN_DUPLICATE; /* CAN does that, rarely */
    run(r, &ping);
    assert_int_equal(ping.result, TENON_OK);
}

static void an_answer_that_comes_in_the_next_attempt_does_not_either(void **state)
{
    struct rig *r = make();
    struct tenon_request ping = request_of(2, TENON_OP_PING, 0, 0);
    (void)state;
    ping.attempts = 2;
    r->line.fault = FAKE_CAN_DELAY;
    r->line.fault_delay_ns = TENON_MS(1);
    run(r, &ping);
    assert_int_equal(ping.result, TENON_OK);
    assert_int_equal(r->bus.base.counters.timeout_count, 1);
}

static void own_frames_heard_back_are_nothing_new(void **state)
{
    struct rig *r = make();
    struct tenon_request read = request_of(1, TENON_OP_READ, 21, 4);
    (void)state;
    r->line.echo = true;
    for (uint8_t k = 1; k <= 3; k++) {
        run_cycle(r, k);
        assert_true(has_sample(r, 0, k) && has_sample(r, 1, k) && has_sample(r, 2, k));
    }
    run(r, &read);
    assert_int_equal(mit_load32(read.data), fake_mit_get(&r->far.motors[0], 21));
    assert_int_equal(r->bus.base.counters.echo_count, 3 * NODES + 1);
    assert_int_equal(r->bus.base.counters.stale_count, 0);
}

/* Bus-off, or the adapter is pulled: at any call to the line. */
static void a_line_that_fails_at_any_call_fails_all_and_comes_back(void **state)
{
    (void)state;
    for (uint32_t k = 1; k <= 40; k++) {
        struct rig *r = make();
        struct tenon_request read = request_of(1, TENON_OP_READ, 21, 4);
        struct tenon_request off = request_of(2, TENON_OP_TORQUE_OFF, 0, 0);
        run_cycle(r, 1);
        r->line.fail_at = r->line.read_count + r->line.write_count + k;
        mark(r, 2);
        stage(r);
        submit(r, &read);
        submit(r, &off);
        int rc = TENON_OK;
        for (unsigned i = 0; i < 60 && rc == TENON_OK; i++) {
            r->now += TICK;
            rc = poll(r);
        }
        assert_int_equal(rc, TENON_ERR_IO);
        assert_int_equal(read.state, TENON_REQUEST_DONE);
        assert_int_equal(off.state, TENON_REQUEST_DONE);
        assert_true(read.result == TENON_OK || read.result == TENON_ERR_IO);
        for (size_t i = 0; i < NODES; i++) {
            assert_true(r->devices[i].in_error == TENON_ERR_IO || has_sample(r, i, 2));
            assert_false(r->devices[i].out_is_fresh);
        }
        fake_can_line_clear_sent(&r->line);
        wait(r, CYCLE);
        assert_int_equal(r->line.sent_count, 0); /* nothing is left over */
        run_cycle(r, 3);
        for (size_t i = 0; i < NODES; i++) {
            assert_true(has_sample(r, i, 3) && is_commanded(r, i, 3));
        }
    }
}

static void a_line_that_takes_and_gives_one_frame_at_a_time_is_enough(void **state)
{
    struct rig *r = make();
    (void)state;
    r->line.write_limit = 1;
    r->line.read_limit = 1;
    for (uint8_t k = 1; k <= 3; k++) {
        run_cycle(r, k);
        for (size_t i = 0; i < NODES; i++) {
            assert_true(has_sample(r, i, k) && is_commanded(r, i, k));
            assert_int_equal(r->far.motors[i].command_count, k);
        }
    }
}

/* A command that waited too long is worse than none. */
static void commands_do_not_outlast_a_line_that_is_stuck(void **state)
{
    struct rig *r = make();
    (void)state;
    r->line.is_stuck = true;
    mark(r, 1);
    stage(r);
    wait(r, TENON_MS(10));
    assert_int_equal(r->devices[0].in_error, TENON_ERR_TIMEOUT);
    r->line.is_stuck = false;
    wait(r, CYCLE);
    assert_int_equal(r->far.motors[0].command_count, 0);
    /* Stuck for a moment, across a stage in which one is not even due: it is sent once, the newest.
     */
    r->line.is_stuck = true;
    r->devices[1].divisor = 2;
    r->cycle = 1;
    mark(r, 2);
    stage(r);
    pass(r);
    r->line.is_stuck = false;
    r->devices[0].out_is_fresh = true;
    memset(r->devices[0].out, 3, 8);
    stage(r);
    wait(r, CYCLE);
    assert_true(is_commanded(r, 0, 3) && is_commanded(r, 1, 2) && is_commanded(r, 2, 2));
    for (size_t i = 0; i < NODES; i++) {
        assert_int_equal(r->far.motors[i].command_count, 1);
    }
}

/* ---- Time ---- */

/* Nothing is waited for longer than frames, devices and adapter can take. */
static void deadlines_follow_from_bit_rate_frames_and_latency(void **state)
{
    static const uint32_t bauds[] = {1000000, 500000, 250000};
    static const tenon_ns_t latencies[] = {0, TENON_MS(1), TENON_MS(16)};
    (void)state;
    for (size_t b = 0; b < 3; b++) {
        for (size_t l = 0; l < 3; l++) {
            struct rig *r = make();
            r->line.base.baud = bauds[b];
            r->line.base.latency_ns = latencies[l];
            r->far.motors[1].is_silent = true;
            const tenon_ns_t frame = TENON_S(135) / bauds[b];
            const tenon_ns_t due = (2 * NODES + 2) * frame + latencies[l] + TENON_US(600);
            mark(r, 1);
            stage(r);
            const tenon_ns_t start = r->now;
            tenon_ns_t deadline = start;
            while (r->devices[1].in_error == TENON_OK) {
                assert_true(deadline > r->now || r->now == start);
                r->now = deadline;
                deadline = TENON_NEVER;
                assert_int_equal(r->api->poll(&r->bus.base, &r->line.base, r->now, &deadline),
                                 TENON_OK);
                assert_true(r->now <= start + due);
            }
            assert_true(r->now > start + latencies[l] + NODES * frame);
            assert_int_equal(r->bus.base.counters.cycle_count, 1);
            assert_true(deadline == TENON_NEVER);
        }
    }
}

static void a_silent_motor_does_not_hold_up_the_next_cycle(void **state)
{
    struct rig *r = make();
    (void)state;
    r->line.base.latency_ns = TENON_MS(16); /* it will be waited for very long */
    r->far.motors[0].is_silent = true;
    for (uint8_t k = 1; k <= 5; k++) {
        run_cycle(r, k);
        assert_true(has_sample(r, 1, k) && has_sample(r, 2, k));
        assert_true(is_commanded(r, 1, k) && is_commanded(r, 2, k));
    }
    assert_int_equal(r->bus.base.counters.overrun_count, 4);
    assert_int_equal(r->devices[0].counters.missed_count, 4);
    struct tenon_request read = request_of(2, TENON_OP_READ, 21, 4);
    submit(r, &read); /* it gives way, but not for ever */
    run_cycle(r, 6);
    run_cycle(r, 7);
    assert_int_equal(read.state, TENON_REQUEST_DONE);
    assert_int_equal(read.result, TENON_OK);
}

/* A cycle that begins behind a request may overtake its answer, and the other way round. */
static void requests_and_cycles_allow_for_each_other(void **state)
{
    (void)state;
    for (unsigned ticks = 0; ticks < 40; ticks++) {
        struct rig *r = make();
        struct tenon_request read = request_of(3, TENON_OP_READ, 21, 4);
        struct tenon_request off = request_of(3, TENON_OP_TORQUE_OFF, 0, 0);
        r->line.base.baud = 250000;
        submit(r, &read);
        wait(r, ticks * TICK);
        mark(r, 1);
        stage(r);
        wait(r, ticks * TICK);
        submit(r, &off);
        wait(r, 4 * CYCLE);
        assert_int_equal(read.result, TENON_OK);
        assert_int_equal(off.result, TENON_OK);
        assert_true(has_sample(r, 0, 1) && has_sample(r, 1, 1) && has_sample(r, 2, 1));
        assert_int_equal(r->bus.base.counters.timeout_count, 0);
    }
}

/* The more there is to do than the wire can carry, the less may anything wait for ever. */
static void an_overloaded_wire_still_gives_up_what_is_silent(void **state)
{
    struct rig *r = make();
    struct tenon_request away = request_of(9, TENON_OP_TORQUE_OFF, 0, 0);
    struct tenon_request off = request_of(2, TENON_OP_TORQUE_OFF, 0, 0);
    (void)state;
    r->line.base.baud = 125000;
    submit(r, &away);
    submit(r, &off);
    for (unsigned i = 0; i < 2000 && away.state != TENON_REQUEST_DONE; i++) {
        mark(r, 1);
        stage(r);
        pass(r);
    }
    assert_int_equal(away.result, TENON_ERR_TIMEOUT);
    assert_true(r->bus.base.counters.overrun_count > 100);
}

static void a_line_that_chatters_without_end_stalls_nothing(void **state)
{
    struct rig *r = make();
    struct tenon_request away = request_of(9, TENON_OP_PING, 0, 0);
    struct tenon_request read = request_of(1, TENON_OP_READ, 21, 4);
    (void)state;
    r->line.chatters = true;
    r->far.motors[1].is_silent = true;
    submit(r, &away);
    submit(r, &read);
    for (uint8_t k = 1; k <= 20; k++) {
        run_cycle(r, k);
        assert_true(has_sample(r, 0, k) && has_sample(r, 2, k));
        assert_true(is_commanded(r, 0, k) && is_commanded(r, 2, k));
    }
    assert_int_equal(r->devices[1].in_error, TENON_ERR_TIMEOUT);
    assert_int_equal(away.result, TENON_ERR_TIMEOUT);
    assert_int_equal(read.result, TENON_OK);
}

/* ---- Torque off ---- */

static void torque_off_overtakes_everything(void **state)
{
    struct rig *r = make();
    struct tenon_request read = request_of(3, TENON_OP_READ, 21, 4);
    struct tenon_request off = request_of(2, TENON_OP_TORQUE_OFF, 0, 0);
    (void)state;
    r->far.motors[2].is_silent = true;
    read.attempts = 20;
    submit(r, &read);
    pass(r); /* waited for in vain */
    r->line.is_stuck = true;
    mark(r, 1);
    stage(r);
    pass(r); /* and frames in front of it */
    submit(r, &off);
    pass(r);
    r->line.is_stuck = false;
    fake_can_line_clear_sent(&r->line);
    pass(r);
    assert_sent(r, 0, "002#FFFFFFFFFFFFFFFD");
    wait(r, CYCLE);
    assert_int_equal(off.result, TENON_OK);
    assert_int_equal(r->far.motors[1].disable_count, 1);
    r->far.motors[2].is_silent = false;
    wait(r, CYCLE);
    assert_int_equal(read.result, TENON_OK); /* begun again */
}

static void a_motor_that_is_away_does_not_keep_others_under_torque(void **state)
{
    struct rig *r = make();
    struct tenon_request off[NODES];
    (void)state;
    r->far.motors[0].is_silent = true;
    for (uint32_t i = 0; i < NODES; i++) {
        off[i] = request_of(i + 1, TENON_OP_TORQUE_OFF, 0, 0);
        submit(r, &off[i]);
    }
    const tenon_ns_t start = r->now;
    while (off[1].state != TENON_REQUEST_DONE || off[2].state != TENON_REQUEST_DONE) {
        pass(r);
    }
    assert_true(r->now - start < TENON_MS(2)); /* one attempt of the first, not three */
    assert_int_equal(off[0].state, TENON_REQUEST_SENT);
    wait(r, TENON_MS(4));
    assert_int_equal(off[0].result, TENON_ERR_TIMEOUT);
}

/* An enable that was thought better of must not follow the stop. */
static void a_request_withdrawn_before_it_was_sent_never_is(void **state)
{
    struct rig *r = make();
    struct tenon_request enable = request_of(1, TENON_OP_WRITE, MIT_ENABLE, 0);
    struct tenon_request off = request_of(1, TENON_OP_TORQUE_OFF, 0, 0);
    (void)state;
    r->line.is_stuck = true;
    submit(r, &enable);
    pass(r);
    assert_int_equal(enable.state, TENON_REQUEST_SENT);
    r->api->cancel(&r->bus.base, &enable);
    submit(r, &off);
    r->line.is_stuck = false;
    wait(r, CYCLE);
    assert_int_equal(off.result, TENON_OK);
    assert_int_equal(r->far.motors[0].enable_count, 0);
    assert_int_equal(r->line.sent_count, 1);
}

static void safe_frames_disable_every_device(void **state)
{
    struct rig *r = make();
    const uint8_t *bytes = NULL;
    (void)state;
    const int count = r->api->safe_frame(&r->bus.base, TENON_STOP_TORQUE_OFF, &bytes);
    assert_int_equal(count, NODES * sizeof(struct tenon_can_frame));
    assert_int_equal(r->api->safe_frame(&r->bus.base, TENON_STOP_BRAKE_THEN_OFF, &bytes), count);
    const uint8_t *none = NULL;
    assert_int_equal(r->api->safe_frame(&r->bus.base, TENON_STOP_BRAKE_THEN_HOLD, &none), 0);
    for (size_t i = 0; i < NODES; i++) {
        r->far.motors[i].status = MIT_ENABLED;
    }
    const struct tenon_line_api *line = tenon_line_get_api(&r->line.base);
    assert_int_equal(line->write(&r->line.base, bytes, (size_t)count, r->now), count);
    for (size_t i = 0; i < NODES; i++) {
        assert_int_equal(r->far.motors[i].status, MIT_DISABLED);
    }
    assert_sent(r, 0, "001#FFFFFFFFFFFFFFFD");
    struct rig *empty = make_empty(1000000);
    assert_int_equal(empty->api->safe_frame(&empty->bus.base, TENON_STOP_TORQUE_OFF, &bytes), 0);
}

static void the_time_of_use_is_that_of_the_frames(void **state)
{
    struct rig *r = make();
    (void)state;
    run_cycle(r, 1);
    /* Three commands and three answers of 8 bytes: 111 bits each, without stuffing. */
    assert_int_equal(r->bus.base.counters.busy_ns, TENON_US(6 * 111));
}

static void what_cannot_work_is_refused_at_init(void **state)
{
    struct tenon_mit_bus bus;
    uint8_t memory[8];
    (void)state;
    assert_null(tenon_mit_bus_init(NULL, memory, sizeof memory));
    assert_null(tenon_mit_bus_init(&bus, NULL, 0));
    assert_null(tenon_mit_bus_init_sized(&bus, sizeof bus - 1, memory, sizeof memory));
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fresh_window_is_a_command_and_none_is_a_question),
        TEST(requests_are_the_frames_of_other_masters),
        TEST(other_messages_are_carried_as_they_are),
        TEST(what_a_device_answers_reaches_who_asked),
        TEST(a_node_that_is_not_attached_can_be_asked),
        TEST(answers_that_could_be_mistaken_are_refused),
        TEST(fields_that_no_frame_carries_are_refused),
        TEST(the_promised_memory_suffices_wherever_it_begins),
        TEST(malformed_requests_are_refused),
        TEST(a_fault_on_the_wire_costs_one_sample_of_one_device),
        TEST(a_flipped_bit_does_no_lasting_harm),
        TEST(a_late_answer_is_missed_and_then_nobodys),
        TEST(a_late_register_answer_is_no_sample),
        TEST(a_state_that_looks_so_is_no_register_answer),
        TEST(two_motors_with_one_number_are_noticed),
        TEST(an_answer_heard_twice_does_not_make_two_motors),
        TEST(an_answer_that_comes_in_the_next_attempt_does_not_either),
        TEST(own_frames_heard_back_are_nothing_new),
        TEST(a_line_that_fails_at_any_call_fails_all_and_comes_back),
        TEST(a_line_that_takes_and_gives_one_frame_at_a_time_is_enough),
        TEST(commands_do_not_outlast_a_line_that_is_stuck),
        TEST(deadlines_follow_from_bit_rate_frames_and_latency),
        TEST(a_silent_motor_does_not_hold_up_the_next_cycle),
        TEST(requests_and_cycles_allow_for_each_other),
        TEST(an_overloaded_wire_still_gives_up_what_is_silent),
        TEST(a_line_that_chatters_without_end_stalls_nothing),
        TEST(torque_off_overtakes_everything),
        TEST(a_motor_that_is_away_does_not_keep_others_under_torque),
        TEST(a_request_withdrawn_before_it_was_sent_never_is),
        TEST(safe_frames_disable_every_device),
        TEST(the_time_of_use_is_that_of_the_frames),
        TEST(what_cannot_work_is_refused_at_init),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
