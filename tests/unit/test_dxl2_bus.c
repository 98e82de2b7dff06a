/* The bus against scripted servos: what arrives, when and how broken is up to each test. */
#include "tenon_test.h"

#include "dxl2_packet.h"
#include "fake_line.h"
#include "tenon/drivers/dxl2_bus.h"

#include <string.h>

enum { SERVOS = 6, TABLE = 256, IN_AT = 126, IN_WIDTH = 10, OUT_AT = 116, OUT_WIDTH = 4 };

#define PERIOD TENON_MS(4)

/* A servo of the script. The bytes of the in fields tell whose and how old they are. */
struct servo {
    uint8_t id;
    uint8_t table[TABLE];
    uint32_t return_delay_us;
    bool is_silent;
    uint32_t ignores; /* so many requests, acyclic ones */
    uint8_t error;
    uint8_t reply_id;     /* answers under this ID; 0: its own */
    int reply_width_more; /* answers are longer or shorter by so much */
    uint32_t write_count;
};

struct rig {
    struct tenon_dxl2_bus bus;
    struct tenon_bus *base;
    const struct tenon_bus_api *api;
    struct fake_line line;
    struct tenon_bus_device devices[SERVOS];
    struct servo servos[SERVOS];
    uint32_t expected_sequence[SERVOS];
    struct dxl2_parser hears;
    uint8_t heard[4096];
    tenon_ns_t heard_ns;    /* end of the newest transmission */
    uint32_t breaks_length; /* so many transmissions arrive with a LEN much too large */
    uint8_t order[SERVOS];  /* in which a sync read is answered: places of its list */
    bool is_shuffled;
    bool stalls; /* those behind a silent one are silent */
    uint32_t sync_reads;
    uint32_t sync_writes;
    uint8_t asked[64]; /* IDs of the newest sync read */
    size_t asked_count;
    uint32_t reboot_count;
    uint8_t command;
    uint32_t cycle;
    uint32_t polls;
    tenon_ns_t now;
    _Alignas(16) uint8_t memory[TENON_DXL2_BUS_MEMORY(SERVOS)];
};

static const struct tenon_field in_fields[] = {{126, 2}, {128, 4}, {132, 4}};
static const struct tenon_field out_fields[] = {{116, 4}};
static struct rig rig;

/* ---- The script ---- */

static struct servo *servo_with(uint8_t id)
{
    for (size_t i = 0; i < SERVOS; i++) {
        if (rig.servos[i].id == id) {
            return &rig.servos[i];
        }
    }
    return NULL;
}

static void reply(const struct servo *s, const uint8_t *data, size_t count, tenon_ns_t now)
{
    uint8_t frame[128];
    const uint8_t number = s->error & 0x7Fu;
    const int size =
        dxl2_encode_status(frame, sizeof frame, s->reply_id != 0 ? s->reply_id : s->id, s->error,
                           data, number != 0 ? 0 : (size_t)((int)count + s->reply_width_more));
    assert_true(size > 0);
    const tenon_ns_t free_ns = rig.line.busy_until_ns > now ? rig.line.busy_until_ns : now;
    fake_line_put(&rig.line, frame, (size_t)size, free_ns + TENON_US(s->return_delay_us));
}

static void hear_sync_read(const struct dxl2_packet *p, tenon_ns_t now)
{
    const uint16_t address = dxl2_load16(p->params);
    const uint16_t width = dxl2_load16(p->params + 2);
    rig.sync_reads++;
    rig.asked_count = p->param_count - 4u;
    memcpy(rig.asked, p->params + 4, rig.asked_count);
    for (size_t i = 0; i < rig.asked_count; i++) {
        const struct servo *s = servo_with(rig.asked[rig.is_shuffled ? rig.order[i] : i]);
        if (s == NULL || s->is_silent) {
            if (rig.stalls) {
                return;
            }
            continue;
        }
        reply(s, s->table + address, width, now);
    }
}

static void hear_sync_write(const struct dxl2_packet *p)
{
    const uint16_t address = dxl2_load16(p->params);
    const size_t width = dxl2_load16(p->params + 2);
    rig.sync_writes++;
    for (size_t at = 4; at < p->param_count; at += 1 + width) {
        struct servo *s = servo_with(p->params[at]);
        if (s == NULL) {
            fail_msg("a command for %u", p->params[at]);
            return;
        }
        memcpy(s->table + address, p->params + at + 1, width);
        s->write_count++;
    }
}

static void hear_request(const struct dxl2_packet *p, tenon_ns_t now)
{
    struct servo *s = servo_with(p->id);
    if (s == NULL || s->is_silent) {
        return;
    }
    if (s->ignores > 0) {
        s->ignores--;
        return;
    }
    switch (p->instruction) {
    case DXL2_PING:
        reply(s, (const uint8_t[]){0xFC, 0x03, 45}, 3, now);
        break;
    case DXL2_READ:
        reply(s, s->table + dxl2_load16(p->params), dxl2_load16(p->params + 2), now);
        break;
    case DXL2_WRITE:
        reply(s, NULL, 0, now);
        memcpy(s->table + dxl2_load16(p->params), p->params + 2, p->param_count - 2u);
        s->return_delay_us = 2u * s->table[9];
        s->write_count++;
        break;
    case DXL2_REBOOT:
        reply(s, NULL, 0, now);
        rig.reboot_count++;
        break;
    default:
        fail_msg("unexpected instruction %u", p->instruction);
    }
}

static void
hear(void *context, struct fake_line *line, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    (void)context;
    (void)line;
    struct dxl2_packet p;
    uint8_t arrived[1024];
    assert_true(count <= sizeof arrived);
    memcpy(arrived, bytes, count);
    if (rig.breaks_length > 0 && count > 5) {
        rig.breaks_length--;
        arrived[5] ^= 0x40;
    }
    /* Servos wait for the rest of a packet until the wire has been quiet for 1.5 ms. */
    if (now - (tenon_ns_t)count * TENON_US(10) - rig.heard_ns > TENON_US(1500)) {
        (void)dxl2_parser_flush(&rig.hears);
    }
    rig.heard_ns = now;
    assert_int_equal(dxl2_parser_feed(&rig.hears, arrived, count), count);
    while (dxl2_parser_next(&rig.hears, &p)) {
        if (p.instruction == DXL2_SYNC_READ) {
            hear_sync_read(&p, now);
        } else if (p.instruction == DXL2_SYNC_WRITE) {
            hear_sync_write(&p);
        } else if (p.id == DXL2_BROADCAST) {
            for (size_t i = 0; i < SERVOS; i++) {
                rig.servos[i].write_count++;
            }
        } else {
            hear_request(&p, now);
        }
    }
}

/* ---- The rig ---- */

static void attach(size_t i, uint8_t node)
{
    struct tenon_bus_device *d = &rig.devices[i];
    d->node = node;
    d->in_fields = in_fields;
    d->in_count = 3;
    d->out_fields = out_fields;
    d->out_count = 1;
    d->in_capacity = 20;
    d->out_capacity = 20;
    d->divisor = 1;
    d->is_listening = true;
    assert_int_equal(rig.api->attach(rig.base, d), TENON_OK);
}

/* Servos 1 ... SERVOS with return delay 0, of which the bus has not been told. */
static void rig_make_unattached(void)
{
    memset(&rig, 0, sizeof rig);
    rig.now = TENON_S(1);
    (void)fake_line_init(&rig.line, 1000000);
    rig.line.far_end = hear;
    rig.line.fault_at = UINT32_MAX;
    dxl2_parser_init(&rig.hears, rig.heard, sizeof rig.heard, NULL, NULL);
    rig.base = tenon_dxl2_bus_init(&rig.bus, rig.memory, sizeof rig.memory);
    assert_non_null(rig.base);
    rig.api = tenon_bus_get_api(rig.base);
    for (size_t i = 0; i < SERVOS; i++) {
        rig.servos[i].id = (uint8_t)(i + 1);
        rig.order[i] = (uint8_t)i;
    }
}

/* As a runner does: sleep until the deadline, be it early or late, and poll. */
static void run_until(tenon_ns_t end)
{
    while (rig.now < end) {
        tenon_ns_t deadline = end;
        const int rc = rig.api->poll(rig.base, &rig.line.base, rig.now, &deadline);
        assert_true(rc == TENON_OK || rc == TENON_ERR_IO);
        assert_true(++rig.polls < 10000000);
        rig.now = deadline > rig.now ? deadline : rig.now + TENON_US(1);
    }
}

static void run_request(struct tenon_request *request)
{
    assert_int_equal(rig.api->submit(rig.base, request), TENON_OK);
    for (int ms = 0; ms < 100 && request->state != TENON_REQUEST_DONE; ms++) {
        run_until(rig.now + TENON_MS(1));
    }
    assert_int_equal(request->state, TENON_REQUEST_DONE);
}

static void learn_return_delay(uint8_t node)
{
    struct tenon_request read = {
        .node = node, .operation = TENON_OP_READ, .address = 9, .width = 1};
    run_request(&read);
    assert_int_equal(read.result, TENON_OK);
}

static void rig_make(void)
{
    rig_make_unattached();
    for (size_t i = 0; i < SERVOS; i++) {
        attach(i, (uint8_t)(i + 1));
    }
    for (uint8_t i = 0; i < SERVOS; i++) {
        learn_return_delay((uint8_t)(i + 1));
    }
}

/* New data in every servo, new commands in every window. */
static void stage(void)
{
    rig.cycle++;
    rig.command++;
    for (size_t i = 0; i < SERVOS; i++) {
        struct servo *s = &rig.servos[i];
        memset(s->table + IN_AT, 0x10 * s->id, IN_WIDTH);
        s->table[IN_AT] = (uint8_t)rig.cycle;
        if (rig.devices[i].out != NULL) {
            memset(rig.devices[i].out, 0xA0 + s->id, OUT_WIDTH);
            rig.devices[i].out[0] = rig.command;
            rig.devices[i].out_is_fresh = true;
        }
    }
    rig.api->stage(rig.base, rig.cycle, rig.now);
}

/* No window holds anything that its device did not send whole. */
static void assert_windows_are_own(void)
{
    for (size_t i = 0; i < SERVOS; i++) {
        const struct tenon_bus_device *d = &rig.devices[i];
        if (d->in == NULL || d->in_sequence == 0) {
            continue;
        }
        assert_true((uint8_t)((uint8_t)rig.cycle - d->in[0]) < 100);
        for (size_t k = 1; k < IN_WIDTH; k++) {
            assert_int_equal(d->in[k], 0x10 * d->node);
        }
    }
}

static void run_cycle(void)
{
    for (size_t i = 0; i < SERVOS; i++) {
        rig.expected_sequence[i] = rig.devices[i].in_sequence + 1;
    }
    stage();
    run_until(rig.now + PERIOD);
    assert_windows_are_own();
}

static bool has_sample(size_t i)
{
    const struct tenon_bus_device *d = &rig.devices[i];
    return d->in_error == TENON_OK && d->in_sequence == rig.expected_sequence[i] &&
           d->in[0] == (uint8_t)rig.cycle;
}

static bool has_command(size_t i)
{
    const uint8_t *goal = rig.servos[i].table + OUT_AT;
    return goal[0] == rig.command && goal[3] == 0xA0 + rig.servos[i].id;
}

static void assert_clean_cycle(void)
{
    const uint32_t timeouts = rig.base->counters.timeout_count;
    const uint32_t overruns = rig.base->counters.overrun_count;
    run_cycle();
    for (size_t i = 0; i < SERVOS; i++) {
        assert_true(has_sample(i));
        assert_true(has_command(i));
    }
    assert_int_equal(rig.base->counters.timeout_count, timeouts);
    assert_int_equal(rig.base->counters.overrun_count, overruns);
}

static void break_packet(enum fake_line_fault fault, uint32_t place)
{
    rig.line.fault = fault;
    rig.line.fault_at = rig.line.put_count + place;
}

/* ---- Attaching ---- */

static void node_out_of_range_or_taken_is_refused(void **state)
{
    (void)state;
    rig_make();
    struct tenon_bus_device other = {.node = 253};
    assert_int_equal(rig.api->attach(rig.base, &other), TENON_ERR_ARG);
    assert_int_equal(rig.base->module.diag.cause, TENON_CAUSE_NODE_RANGE);
    other.node = 3;
    assert_int_equal(rig.api->attach(rig.base, &other), TENON_ERR_ARG);
    assert_int_equal(rig.base->module.diag.cause, TENON_CAUSE_NODE_TAKEN);
    other.node = 3 + 256;
    assert_int_equal(rig.api->attach(rig.base, &other), TENON_ERR_ARG);
    assert_clean_cycle();
}

static void fields_it_cannot_carry_are_refused(void **state)
{
    (void)state;
    static const struct tenon_field gap[] = {{100, 2}, {104, 4}};
    static const struct tenon_field wide[] = {{100, 4}, {130, 4}};
    static const struct tenon_field empty[] = {{100, 0}};
    static const struct tenon_field high[] = {{0xFFFE, 4}};
    rig_make_unattached();
    const struct tenon_bus_device bad[] = {
        {.node = 1, .out_fields = gap, .out_count = 2},
        {.node = 1, .in_fields = wide, .in_count = 2},
        {.node = 1, .in_fields = empty, .in_count = 1},
        {.node = 1, .out_fields = high, .out_count = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tenon_bus_device device = bad[i];
        assert_int_equal(rig.api->attach(rig.base, &device), TENON_ERR_ARG);
        assert_int_equal(rig.base->module.diag.cause, TENON_CAUSE_FIELDS);
    }
    struct tenon_bus_device nothing = {.node = 1, .in_count = 1};
    assert_int_equal(rig.api->attach(rig.base, &nothing), TENON_ERR_ARG);
    assert_int_equal(rig.base->module.diag.cause, TENON_CAUSE_NULL);
}

static void too_small_a_memory_tells_what_is_needed(void **state)
{
    (void)state;
    static uint8_t memory[4096];
    static struct tenon_dxl2_bus bus;
    for (size_t shift = 0; shift < 3; shift++) {
        for (size_t size = 1; size < 3000; size += 37) {
            struct tenon_bus *base = tenon_dxl2_bus_init(&bus, memory + shift, size);
            const struct tenon_bus_api *api = tenon_bus_get_api(base);
            struct tenon_bus_device devices[4];
            memset(devices, 0, sizeof devices);
            for (uint8_t i = 0; i < 4; i++) {
                devices[i].node = i;
                devices[i].in_capacity = 20;
                devices[i].out_capacity = 20;
                if (api->attach(base, &devices[i]) == TENON_OK) {
                    continue;
                }
                assert_int_equal(base->module.diag.code, TENON_ERR_FULL);
                assert_int_equal(base->module.diag.cause, TENON_CAUSE_BUFFER_TOO_SMALL);
                assert_int_equal((size_t)base->module.diag.value, size);
                const size_t needed = (size_t)base->module.diag.bound;
                assert_true(needed > size && needed <= sizeof memory);
                base = tenon_dxl2_bus_init(&bus, memory + shift, needed);
                memset(devices, 0, sizeof devices);
                for (uint8_t k = 0; k <= i; k++) {
                    devices[k] =
                        (struct tenon_bus_device){.node = k, .in_capacity = 20, .out_capacity = 20};
                    assert_int_equal(api->attach(base, &devices[k]), TENON_OK);
                }
                break;
            }
        }
    }
}

static void bundled_layouts_fit_the_promised_memory(void **state)
{
    (void)state;
    static uint8_t memory[TENON_DXL2_BUS_MEMORY(253)];
    static struct tenon_dxl2_bus bus;
    static struct tenon_bus_device devices[253];
    for (size_t count = 1; count <= 253; count += 36) {
        struct tenon_bus *base =
            tenon_dxl2_bus_init(&bus, memory + 1, TENON_DXL2_BUS_MEMORY(count) - 1);
        for (size_t i = 0; i < count; i++) {
            devices[i] = (struct tenon_bus_device){
                .node = (uint32_t)i, .in_capacity = 24, .out_capacity = 20};
            assert_int_equal(tenon_bus_get_api(base)->attach(base, &devices[i]), TENON_OK);
        }
    }
}

static void init_refuses_what_it_cannot_use(void **state)
{
    (void)state;
    static struct tenon_dxl2_bus bus;
    uint8_t memory[16];
    assert_null(tenon_dxl2_bus_init(NULL, memory, sizeof memory));
    assert_null(tenon_dxl2_bus_init(&bus, NULL, 0));
    assert_null(tenon_dxl2_bus_init_sized(&bus, sizeof bus - 1, memory, sizeof memory));
}

static void a_bus_without_room_refuses_requests_and_survives_polling(void **state)
{
    (void)state;
    static struct tenon_dxl2_bus bus;
    uint8_t memory[16];
    struct tenon_bus *base = tenon_dxl2_bus_init(&bus, memory, sizeof memory);
    struct tenon_request ping = {.node = 1, .operation = TENON_OP_PING};
    tenon_ns_t deadline = TENON_NEVER;
    rig_make_unattached();
    assert_int_equal(rig.api->submit(base, &ping), TENON_ERR_FULL);
    rig.api->stage(base, 0, 0);
    assert_int_equal(rig.api->poll(base, &rig.line.base, 0, &deadline), TENON_OK);
    assert_int_equal(rig.line.write_count, 0);
}

/* ---- A cycle ---- */

static void a_cycle_is_one_write_of_a_sync_write_and_a_sync_read(void **state)
{
    (void)state;
    /* Vectors V15 and V14 of the codec, but that these ask two servos. */
    static const uint8_t sync_write[] = {0xFF, 0xFF, 0xFD, 0x00, 0xFE, 0x11, 0x00, 0x83,
                                         0x74, 0x00, 0x04, 0x00, 0x01, 0x96, 0x00, 0x00,
                                         0x00, 0x02, 0xAA, 0x00, 0x00, 0x00, 0x82, 0x87};
    uint8_t sync_read[32];
    const uint8_t params[] = {126, 0, 10, 0, 1, 2};
    const int size = dxl2_encode(sync_read, sizeof sync_read, DXL2_BROADCAST, DXL2_SYNC_READ,
                                 params, sizeof params);
    rig_make_unattached();
    attach(0, 1);
    attach(1, 2);
    memcpy(rig.devices[0].out, (const uint8_t[]){150, 0, 0, 0}, 4);
    memcpy(rig.devices[1].out, (const uint8_t[]){170, 0, 0, 0}, 4);
    rig.devices[0].out_is_fresh = true;
    rig.devices[1].out_is_fresh = true;
    rig.api->stage(rig.base, 1, rig.now);
    assert_int_equal(rig.line.write_count, 0); /* only poll moves bytes */
    run_until(rig.now + PERIOD);
    assert_int_equal(rig.line.write_count, 1);
    assert_int_equal(rig.line.sent_count, sizeof sync_write + (size_t)size);
    assert_memory_equal(rig.line.sent, sync_write, sizeof sync_write);
    assert_memory_equal(rig.line.sent + sizeof sync_write, sync_read, (size_t)size);
    assert_false(rig.devices[0].out_is_fresh);
    assert_int_equal(rig.base->counters.cycle_count, 1);
}

static void cycles_go_on_and_are_counted(void **state)
{
    (void)state;
    rig_make();
    for (int i = 0; i < 50; i++) {
        assert_clean_cycle();
    }
    const struct tenon_bus_counters *c = &rig.base->counters;
    assert_int_equal(c->cycle_count, 50);
    assert_int_equal(c->transaction_count, 50 + SERVOS);
    assert_int_equal(c->overrun_count + c->timeout_count + c->crc_error_count, 0);
    assert_int_equal(c->stale_count + c->echo_count + c->noise_bytes, 0);
    /* 190 bytes of 10 us a cycle, and the requests of rig_make() with 500 us of delay at most. */
    assert_true(c->busy_ns >= 50 * TENON_US(1900) &&
                c->busy_ns < 50 * TENON_US(1950) + TENON_MS(6));
    assert_int_equal(rig.devices[2].counters.reply_count, 50);
    assert_int_equal(rig.devices[2].counters.request_count, 1);
}

static void a_runner_sleeps_until_the_answers_are_there(void **state)
{
    (void)state;
    rig_make();
    for (int i = 0; i < 10; i++) {
        rig.polls = 0;
        rig.line.read_count = 0;
        rig.line.write_count = 0;
        assert_clean_cycle();
        assert_true(rig.polls <= 3);
        assert_true(rig.line.read_count + rig.line.write_count <= 3);
    }
}

/* Each is a system call on a host. */
static void a_clean_cycle_reads_once_and_writes_once(void **state)
{
    (void)state;
    rig_make();
    rig.line.base.latency_ns = TENON_MS(2);
    assert_clean_cycle();
    const uint32_t reads = rig.line.read_count;
    const uint32_t writes = rig.line.write_count;
    for (int i = 0; i < 50; i++) {
        stage();
        tenon_ns_t deadline = TENON_NEVER;
        for (int k = 0; k < 3; k++) { /* a runner that comes by while the bytes are leaving */
            (void)rig.api->poll(rig.base, &rig.line.base, rig.now + TENON_US(k), &deadline);
        }
        run_until(rig.now + PERIOD);
        assert_windows_are_own();
        assert_int_equal(rig.devices[SERVOS - 1].in[0], (uint8_t)rig.cycle);
    }
    assert_int_equal(rig.line.read_count - reads, 50);
    assert_int_equal(rig.line.write_count - writes, 50);
}

/* Called whenever bytes are there instead of at its deadline. */
static void bytes_are_taken_as_they_come_if_somebody_polls(void **state)
{
    (void)state;
    rig_make();
    rig.line.base.latency_ns = TENON_MS(2);
    assert_clean_cycle();
    stage();
    const tenon_ns_t staged = rig.now;
    for (int us = 0; us < 2000; us += 10) {
        tenon_ns_t deadline = TENON_NEVER;
        (void)rig.api->poll(rig.base, &rig.line.base, staged + TENON_US(us), &deadline);
    }
    rig.now = staged + TENON_MS(2);
    for (size_t i = 1; i < SERVOS; i++) {
        assert_true(rig.devices[i].in_stamp_ns - rig.devices[i - 1].in_stamp_ns == TENON_US(210));
    }
    assert_true(rig.devices[SERVOS - 1].in_stamp_ns - staged == TENON_US(1900));
}

static void what_lay_there_before_a_cycle_is_counted_and_never_a_sample(void **state)
{
    (void)state;
    static const uint8_t old[IN_WIDTH] = {0xEE, 0xEE, 0xEE, 0xEE, 0xEE};
    static const uint8_t junk[] = {1, 2, 3, 4, 5};
    for (uint8_t id = 1; id <= SERVOS; id++) {
        uint8_t frame[64];
        const int size = dxl2_encode_status(frame, sizeof frame, id, 0, old, sizeof old);
        rig_make();
        assert_clean_cycle();
        fake_line_put(&rig.line, frame, (size_t)size, rig.now);
        fake_line_put(&rig.line, junk, sizeof junk, rig.now);
        run_until(rig.now + TENON_MS(2));
        assert_clean_cycle();
        assert_clean_cycle();
        assert_int_equal(rig.base->counters.stale_count, 1);
        assert_int_equal(rig.base->counters.noise_bytes, sizeof junk);
    }
}

static void stamps_tell_when_the_answer_was_found(void **state)
{
    (void)state;
    rig_make();
    const tenon_ns_t staged = rig.now;
    assert_clean_cycle();
    for (size_t i = 0; i < SERVOS; i++) {
        assert_true(rig.devices[i].in_stamp_ns == staged + TENON_US(1900));
    }
}

static void equal_shapes_share_a_transaction_whatever_their_order(void **state)
{
    (void)state;
    static const struct tenon_field other_in[] = {{132, 4}};
    static const struct tenon_field other_out[] = {{104, 4}};
    rig_make_unattached();
    for (size_t i = 0; i < SERVOS; i++) {
        attach(i, (uint8_t)(i + 1));
        if (i % 2 == 1) {
            rig.devices[i].in_fields = other_in;
            rig.devices[i].in_count = 1;
            rig.devices[i].out_fields = other_out;
            assert_int_equal(rig.api->attach(rig.base, &rig.devices[i]), TENON_OK);
        }
    }
    stage();
    run_until(rig.now + TENON_MS(20));
    assert_int_equal(rig.sync_writes, 2);
    assert_int_equal(rig.sync_reads, 2);
    assert_int_equal(rig.line.write_count, 2);
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(rig.devices[i].in_sequence, 1);
        assert_int_equal(rig.devices[i].in[3], 0x10 * (i + 1));
        assert_int_equal(rig.servos[i].table[i % 2 == 1 ? 104 : 116], rig.command);
    }
    assert_int_equal(rig.base->counters.cycle_count, 1);
}

static void gaps_between_in_fields_are_left_out_of_the_window(void **state)
{
    (void)state;
    static const struct tenon_field fields[] = {{132, 4}, {126, 2}, {144, 1}};
    rig_make_unattached();
    rig.devices[0].in_fields = fields;
    struct tenon_bus_device *d = &rig.devices[0];
    *d = (struct tenon_bus_device){
        .node = 1, .in_fields = fields, .in_count = 3, .is_listening = true};
    assert_int_equal(rig.api->attach(rig.base, d), TENON_OK);
    for (int i = 126; i < 145; i++) {
        rig.servos[0].table[i] = (uint8_t)i;
    }
    rig.api->stage(rig.base, 1, rig.now);
    run_until(rig.now + PERIOD);
    assert_memory_equal(d->in, ((const uint8_t[]){132, 133, 134, 135, 126, 127, 144}), 7);
}

/* Short answers take another way than long ones, and those with FD in them yet another. */
static void answers_of_every_width_are_taken_whole_or_not_at_all(void **state)
{
    (void)state;
    for (uint8_t width = 1; width <= 32; width++) {
        for (int kind = 0; kind < 3; kind++) {
            const struct tenon_field field = {100, width};
            rig_make_unattached();
            struct tenon_bus_device *d = &rig.devices[0];
            *d = (struct tenon_bus_device){
                .node = 1, .in_fields = &field, .in_count = 1, .is_listening = true};
            static uint8_t memory[4096 + 8];
            memset(memory + 4096, 0x5A, 8);
            rig.base = tenon_dxl2_bus_init(&rig.bus, memory, 4096);
            assert_int_equal(rig.api->attach(rig.base, d), TENON_OK);
            for (uint8_t i = 0; i < width; i++) {
                rig.servos[0].table[100 + i] = kind == 0 ? (uint8_t)(i * 5 + 1)
                                               : kind == 1
                                                   ? 0xFD
                                                   : (const uint8_t[]){0xFF, 0xFF, 0xFD}[i % 3];
            }
            rig.api->stage(rig.base, 1, rig.now);
            run_until(rig.now + TENON_MS(5));
            assert_int_equal(d->in_sequence, 1);
            assert_memory_equal(d->in, rig.servos[0].table + 100, width);
            assert_memory_equal(memory + 4096, "ZZZZZZZZ", 8); /* nothing beyond the window */
            for (size_t bit = 0; bit < (11u + width) * 8u; bit += 3) {
                rig.line.fault_bit = bit;
                break_packet(FAKE_LINE_CORRUPT, 0);
                rig.api->stage(rig.base, 1, rig.now);
                run_until(rig.now + TENON_MS(5));
                assert_int_equal(d->in_sequence, 1);
                assert_memory_equal(d->in, rig.servos[0].table + 100, width);
            }
        }
    }
}

static void devices_take_part_at_their_own_rate(void **state)
{
    (void)state;
    rig_make();
    for (uint8_t i = 0; i < SERVOS; i++) {
        rig.devices[i].divisor = (uint8_t)(1u << i % 3);
        rig.devices[i].phase = i % 3 == 0 ? 0 : 1;
        rig.servos[i].write_count = 0;
    }
    for (int i = 0; i < 16; i++) {
        run_cycle();
    }
    for (size_t i = 0; i < SERVOS; i++) {
        const uint32_t expected = 16u >> i % 3;
        assert_int_equal(rig.devices[i].counters.reply_count, expected);
        assert_int_equal(rig.servos[i].write_count, expected);
    }
    assert_int_equal(rig.base->counters.timeout_count, 0);
}

static void only_fresh_windows_are_sent_and_only_listeners_are_read(void **state)
{
    (void)state;
    rig_make();
    rig.devices[4].is_listening = false;
    run_cycle();
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(has_sample(i), i != 4);
        rig.servos[i].write_count = 0;
    }
    rig.devices[1].out_is_fresh = true;
    rig.api->stage(rig.base, ++rig.cycle, rig.now);
    run_until(rig.now + PERIOD);
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(rig.servos[i].write_count, i == 1);
    }
}

static void the_window_is_sent_as_it_is_when_the_wire_gets_free(void **state)
{
    (void)state;
    rig_make();
    stage();
    rig.devices[0].out[0] = 77; /* after stage, before poll */
    run_until(rig.now + PERIOD);
    assert_int_equal(rig.servos[0].table[OUT_AT], 77);
}

static void a_cycle_of_writes_alone_ends_by_itself(void **state)
{
    (void)state;
    rig_make();
    for (size_t i = 0; i < SERVOS; i++) {
        rig.devices[i].is_listening = false;
    }
    for (int i = 0; i < 5; i++) {
        run_cycle();
        for (size_t k = 0; k < SERVOS; k++) {
            assert_true(has_command(k));
        }
    }
    assert_int_equal(rig.base->counters.cycle_count, 5);
    assert_int_equal(rig.base->counters.overrun_count, 0);
}

static void markers_in_windows_survive_both_ways(void **state)
{
    (void)state;
    static const uint8_t marker[] = {0xFF, 0xFF, 0xFD, 0xFF, 0xFF, 0xFD, 0xFD, 0xFF, 0xFF, 0xFD};
    rig_make();
    for (size_t shift = 0; shift < 8; shift++) {
        stage();
        for (size_t i = 0; i < SERVOS; i++) {
            memset(rig.servos[i].table + IN_AT, 0xFF, IN_WIDTH);
            memcpy(rig.servos[i].table + IN_AT + shift, marker, IN_WIDTH - shift);
            memcpy(rig.devices[i].out, marker + shift % 4, OUT_WIDTH);
        }
        run_until(rig.now + PERIOD);
        for (size_t i = 0; i < SERVOS; i++) {
            assert_memory_equal(rig.devices[i].in, rig.servos[i].table + IN_AT, IN_WIDTH);
            assert_memory_equal(rig.servos[i].table + OUT_AT, marker + shift % 4, OUT_WIDTH);
            assert_int_equal(rig.devices[i].in_sequence, shift + 1);
        }
    }
}

static void the_longest_windows_full_of_markers_fit(void **state)
{
    (void)state;
    static struct tenon_field in[SERVOS] = {{0}};
    static struct tenon_field out[SERVOS] = {{0}};
    static const uint8_t marker[] = {0xFF, 0xFF, 0xFD};
    rig_make_unattached();
    static uint8_t memory[8192];
    rig.base = tenon_dxl2_bus_init(&rig.bus, memory, sizeof memory);
    for (size_t i = 0; i < SERVOS; i++) {
        in[i] = (struct tenon_field){(uint32_t)(100 + i / 2), 32};
        out[i] = (struct tenon_field){(uint32_t)(20 + i / 2), 32};
        rig.devices[i] = (struct tenon_bus_device){.node = (uint32_t)(i + 1),
                                                   .in_fields = &in[i],
                                                   .in_count = 1,
                                                   .out_fields = &out[i],
                                                   .out_count = 1,
                                                   .is_listening = true};
        assert_int_equal(rig.api->attach(rig.base, &rig.devices[i]), TENON_OK);
        for (size_t k = 0; k < 40; k++) {
            rig.servos[i].table[100 + k] = marker[k % 3];
        }
        for (size_t k = 0; k < 32; k++) {
            rig.devices[i].out[k] = marker[k % 3];
        }
        rig.devices[i].out_is_fresh = true;
    }
    rig.api->stage(rig.base, 1, rig.now);
    run_until(rig.now + TENON_MS(50));
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(rig.devices[i].in_sequence, 1);
        assert_memory_equal(rig.devices[i].in, rig.servos[i].table + 100 + i / 2, 32);
        assert_memory_equal(rig.devices[i].out, rig.servos[i].table + 20 + i / 2, 32);
    }
}

/* ---- What goes wrong with answers ---- */

static void a_broken_answer_costs_its_own_sample_only(void **state)
{
    (void)state;
    static const enum fake_line_fault faults[] = {FAKE_LINE_DROP, FAKE_LINE_CORRUPT,
                                                  FAKE_LINE_TRUNCATE};
    for (size_t f = 0; f < 3; f++) {
        for (uint32_t place = 0; place < SERVOS; place++) {
            for (int echo = 0; echo < 2; echo++) {
                rig_make();
                rig.line.echo = echo == 1;
                rig.line.fault_bit = 80;
                assert_clean_cycle();
                break_packet(faults[f], place);
                run_cycle();
                for (size_t i = 0; i < SERVOS; i++) {
                    assert_int_equal(has_sample(i), i != place);
                    assert_true(has_command(i));
                }
                assert_int_equal(rig.devices[place].in_error,
                                 faults[f] == FAKE_LINE_DROP ? TENON_ERR_TIMEOUT : TENON_ERR_PROTO);
                assert_int_equal(rig.devices[place].counters.missed_count, 1);
                assert_int_equal(rig.base->counters.timeout_count, 1);
                assert_int_equal(rig.base->counters.crc_error_count > 0,
                                 faults[f] == FAKE_LINE_CORRUPT ||
                                     (faults[f] == FAKE_LINE_TRUNCATE && place + 1 < SERVOS));
                assert_clean_cycle();
                assert_clean_cycle();
            }
        }
    }
}

static void a_wrong_bit_anywhere_costs_one_sample_at_most(void **state)
{
    (void)state;
    for (uint32_t place = 0; place < SERVOS; place++) {
        for (size_t bit = 0; bit < 21 * 8; bit++) {
            rig_make();
            rig.line.fault_bit = bit;
            break_packet(FAKE_LINE_CORRUPT, place);
            run_cycle();
            for (size_t i = 0; i < SERVOS; i++) {
                assert_int_equal(has_sample(i), i != place);
            }
            assert_int_equal(rig.sync_reads, 1); /* nobody else had to be asked again */
            assert_clean_cycle();
        }
    }
}

/* As long as the regular answer, but with stuffing in it there is one byte less than was asked for.
 */
static void a_stuffed_answer_of_the_regular_length_is_not_taken(void **state)
{
    (void)state;
    static const uint8_t data[IN_WIDTH - 1] = {0xFF, 0xFF, 0xFD, 1, 2, 3, 4, 5, 6};
    rig_make();
    stage();
    memcpy(rig.servos[1].table + IN_AT, data, sizeof data);
    rig.servos[1].reply_width_more = -1;
    run_until(rig.now + PERIOD);
    assert_int_equal(rig.devices[1].in_sequence, 0);
    assert_int_equal(rig.base->counters.stale_count, 1);
    rig.servos[1].reply_width_more = 0;
    assert_clean_cycle();
}

static void doubled_answers_and_junk_between_change_nothing(void **state)
{
    (void)state;
    for (uint32_t place = 0; place < SERVOS; place++) {
        rig_make();
        break_packet(FAKE_LINE_GARBAGE, place);
        assert_clean_cycle();
        assert_true(rig.base->counters.noise_bytes > 0);
        break_packet(FAKE_LINE_DUPLICATE, place);
        assert_clean_cycle();
        assert_clean_cycle(); /* the surplus may still be there as it begins */
        assert_int_equal(rig.base->counters.stale_count, 1);
        assert_clean_cycle();
    }
}

static void answers_count_in_any_order(void **state)
{
    (void)state;
    rig_make();
    rig.is_shuffled = true;
    uint32_t seed = 1;
    for (int round = 0; round < 200; round++) {
        for (size_t i = SERVOS - 1; i > 0; i--) {
            seed = seed * 1664525u + 1013904223u;
            const size_t k = (seed >> 16) % (i + 1);
            const uint8_t swapped = rig.order[i];
            rig.order[i] = rig.order[k];
            rig.order[k] = swapped;
        }
        assert_clean_cycle();
    }
}

static void an_answer_too_late_is_stale_and_never_taken_later(void **state)
{
    (void)state;
    for (uint32_t place = 0; place < SERVOS; place++) {
        rig_make();
        /* The commands, and all answers but those behind `place`, come in time. */
        rig.line.fault_delay_ns = TENON_US(900);
        break_packet(FAKE_LINE_DELAY, place);
        rig.devices[0].is_listening = true;
        run_cycle();
        for (size_t i = 0; i < place; i++) {
            assert_true(has_sample(i));
        }
        run_cycle();
        run_cycle();
        assert_clean_cycle();
    }
}

static void a_slow_answer_within_the_margin_is_taken(void **state)
{
    (void)state;
    for (uint32_t place = 0; place < SERVOS; place++) {
        rig_make();
        rig.line.fault_delay_ns = TENON_US(250);
        break_packet(FAKE_LINE_DELAY, place);
        assert_clean_cycle();
    }
}

static void an_answer_of_wrong_id_or_width_is_not_taken(void **state)
{
    (void)state;
    for (size_t place = 0; place < SERVOS; place++) {
        for (int kind = 0; kind < 4; kind++) {
            rig_make();
            struct servo *s = &rig.servos[place];
            s->reply_id = kind == 0 ? 99 : kind == 1 ? (uint8_t)((place + 1) % SERVOS + 1) : 0;
            s->reply_width_more = kind == 2 ? 1 : kind == 3 ? -1 : 0;
            if (kind == 1) {
                /* The answer has a neighbour's number and shape: nobody could tell. Give it the
                 * neighbour's data. */
                stage();
                memset(s->table + IN_AT + 1, 0x10 * s->reply_id, IN_WIDTH - 1);
                run_until(rig.now + PERIOD);
                assert_windows_are_own();
            } else {
                run_cycle();
            }
            assert_int_equal(rig.devices[place].in_sequence, 0);
            assert_int_equal(rig.devices[place].in_error, TENON_ERR_TIMEOUT);
            assert_true(rig.base->counters.stale_count > 0);
            s->reply_id = 0;
            s->reply_width_more = 0;
            assert_clean_cycle();
        }
    }
}

static void a_device_error_is_told_apart_from_silence(void **state)
{
    (void)state;
    rig_make();
    rig.servos[2].error = DXL2_ERROR_ACCESS | DXL2_ALERT;
    rig.servos[3].error = DXL2_ALERT;
    run_cycle();
    assert_int_equal(rig.devices[2].in_error, TENON_ERR_DEVICE);
    assert_int_equal(rig.devices[2].status, DXL2_ERROR_ACCESS | DXL2_ALERT);
    assert_int_equal(rig.devices[2].in_sequence, 0);
    assert_int_equal(rig.devices[2].counters.error_count, 1);
    assert_int_equal(rig.devices[2].counters.missed_count, 0);
    assert_true(has_sample(3));
    assert_int_equal(rig.devices[3].status, DXL2_ALERT);
    assert_int_equal(rig.base->counters.timeout_count, 0);
    rig.servos[2].error = 0;
    assert_clean_cycle();
    assert_int_equal(rig.devices[2].status, 0);
}

static void own_echo_is_recognised(void **state)
{
    (void)state;
    rig_make();
    rig.line.echo = true;
    for (int i = 0; i < 10; i++) {
        assert_clean_cycle();
    }
    assert_int_equal(rig.base->counters.echo_count, 20);
    assert_int_equal(rig.base->counters.stale_count + rig.base->counters.noise_bytes, 0);
    struct tenon_request ping = {.node = 2, .operation = TENON_OP_PING};
    run_request(&ping);
    assert_int_equal(ping.result, TENON_OK);
}

static void short_writes_and_reads_only_take_longer(void **state)
{
    (void)state;
    for (size_t limit = 1; limit < 80; limit += 3) {
        rig_make();
        rig.line.write_limit = limit < 20 ? 20 : limit;
        rig.line.read_limit = 20 + limit;
        assert_clean_cycle();
        assert_clean_cycle();
        rig.line.write_limit = limit;
        run_cycle();
        run_until(rig.now + TENON_MS(20));
        rig.line.write_limit = 0;
        run_cycle();
        assert_clean_cycle();
    }
}

static void a_line_that_takes_nothing_ends_in_a_timeout(void **state)
{
    (void)state;
    rig_make();
    rig.line.is_stuck = true;
    run_cycle();
    run_until(rig.now + TENON_MS(20));
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(rig.devices[i].in_error, TENON_ERR_TIMEOUT);
    }
    struct tenon_request ping = {.node = 2, .operation = TENON_OP_PING};
    run_request(&ping);
    assert_int_equal(ping.result, TENON_ERR_TIMEOUT);
    rig.line.is_stuck = false;
    run_cycle();
    assert_clean_cycle();
}

static void every_failing_line_call_is_survived(void **state)
{
    (void)state;
    for (uint32_t k = 1; k < 30; k++) {
        for (int kind = 0; kind < 2; kind++) {
            rig_make();
            struct tenon_request ping = {.node = 1, .operation = TENON_OP_PING};
            assert_int_equal(rig.api->submit(rig.base, &ping), TENON_OK);
            *(kind == 0 ? &rig.line.fail_read_at : &rig.line.fail_write_at) =
                k + (kind == 0 ? rig.line.read_count : rig.line.write_count);
            uint32_t good = 0;
            for (uint32_t i = 0; i < k + 3; i++) {
                run_cycle();
                uint32_t ok = 0;
                for (size_t n = 0; n < SERVOS; n++) {
                    assert_true(has_sample(n) || rig.devices[n].in_error == TENON_ERR_IO);
                    ok += has_sample(n) ? 1 : 0;
                }
                assert_true(ok == SERVOS || ok == 0);
                good += ok == SERVOS;
            }
            assert_true(good >= k + 2);
            assert_true(rig.line.fail_read_at <= rig.line.read_count);
            assert_true(rig.line.fail_write_at <= rig.line.write_count);
            assert_int_equal(ping.state, TENON_REQUEST_DONE);
            assert_clean_cycle();
        }
    }
}

static void a_line_that_is_gone_fails_everything_and_comes_back(void **state)
{
    (void)state;
    rig_make();
    struct tenon_request reads[2] = {
        {.node = 1, .operation = TENON_OP_READ, .address = 9, .width = 1},
        {.node = 2, .operation = TENON_OP_READ, .address = 9, .width = 1}};
    tenon_ns_t deadline = TENON_NEVER;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rig.api->submit(rig.base, &reads[i]), TENON_OK);
    }
    assert_int_equal(rig.api->poll(rig.base, &rig.line.base, rig.now, &deadline), TENON_OK);
    stage();
    const uint8_t before = rig.servos[0].table[OUT_AT];
    assert_int_equal(rig.api->poll(rig.base, NULL, rig.now, &deadline), TENON_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(reads[i].state, TENON_REQUEST_DONE);
        assert_int_equal(reads[i].result, TENON_ERR_IO);
    }
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(rig.devices[i].in_error, TENON_ERR_IO);
        assert_false(rig.devices[i].out_is_fresh);
    }
    fake_line_clear(&rig.line);
    rig.api->stage(rig.base, ++rig.cycle, rig.now);
    run_until(rig.now + PERIOD);
    assert_int_equal(rig.servos[0].table[OUT_AT], before); /* no old goal when it is back */
    assert_clean_cycle();
}

static void hostile_bytes_neither_stall_nor_reach_a_window(void **state)
{
    (void)state;
    rig_make();
    uint32_t seed = 7;
    for (int round = 0; round < 300; round++) {
        uint8_t junk[200];
        for (size_t i = 0; i < sizeof junk; i++) {
            seed = seed * 1664525u + 1013904223u;
            static const uint8_t likely[] = {0xFF, 0xFF, 0xFD, 0x00, 0x01, 0x55, 0x0E, 0x00};
            junk[i] = (seed >> 28) < 12 ? likely[(seed >> 20) % 8] : (uint8_t)(seed >> 12);
        }
        stage();
        for (int i = 0; i < 5; i++) {
            fake_line_put(&rig.line, junk, sizeof junk, rig.now);
        }
        run_until(rig.now + TENON_MS(20));
        assert_windows_are_own();
        rig.line.busy_until_ns = 0;
        for (size_t i = 0; i < SERVOS; i++) {
            assert_true(has_command(i)); /* commands leave however much noise there is */
        }
    }
    run_cycle();
    assert_clean_cycle();
}

/* ---- Silent servos: law 2 ---- */

static void those_behind_a_silent_one_are_asked_again_in_the_same_cycle(void **state)
{
    (void)state;
    for (size_t dead = 0; dead < SERVOS; dead++) {
        rig_make();
        rig.stalls = true;
        assert_clean_cycle();
        rig.servos[dead].is_silent = true;
        for (int i = 0; i < 10; i++) {
            run_cycle();
            for (size_t k = 0; k < SERVOS; k++) {
                assert_int_equal(has_sample(k), k != dead);
                assert_true(has_command(k));
            }
            assert_int_equal(rig.devices[dead].in_error, TENON_ERR_TIMEOUT);
        }
        assert_int_equal(rig.devices[dead].counters.missed_count, 10);
        /* The suspect is read last from then on, so that a second read was needed once, if at all.
         */
        assert_int_equal(rig.sync_reads, 1 + 10 + (dead + 1 < SERVOS ? 1 : 0));
        assert_int_equal(rig.asked[SERVOS - 1], dead + 1);
        rig.servos[dead].is_silent = false;
        assert_clean_cycle();
        assert_int_equal(rig.asked[SERVOS - 1], dead + 1); /* and stays there */
        assert_int_equal(rig.base->counters.overrun_count, 0);
    }
}

static void several_silent_servos_do_not_hide_one_that_comes_back(void **state)
{
    (void)state;
    rig_make();
    rig.stalls = true;
    rig.servos[1].is_silent = true;
    rig.servos[3].is_silent = true;
    rig.servos[4].is_silent = true;
    for (int i = 0; i < 10; i++) {
        run_cycle();
        for (size_t k = 0; k < SERVOS; k++) {
            const bool is_dead = k == 1 || k == 3 || k == 4;
            assert_true(has_command(k));
            assert_true(is_dead || i < 2 || has_sample(k));
            assert_true(is_dead || rig.devices[k].counters.missed_count <= 1);
        }
    }
    const uint32_t reads = rig.sync_reads;
    run_cycle();
    assert_int_equal(rig.sync_reads, reads + 1); /* suspects alone are not asked twice */
    for (size_t back = 1; back < 5; back += 2) {
        rig.servos[back].is_silent = false;
        for (int i = 0; i < 4; i++) {
            run_cycle();
        }
        assert_true(has_sample(back));
    }
}

static void there_is_no_second_read_where_it_would_delay_the_next_cycle(void **state)
{
    (void)state;
    rig_make();
    rig.stalls = true;
    const tenon_ns_t period = TENON_US(2600);
    for (int i = 0; i < 3; i++) {
        stage();
        run_until(rig.now + period);
    }
    rig.servos[0].is_silent = true;
    rig.sync_reads = 0;
    stage();
    run_until(rig.now + period);
    assert_int_equal(rig.sync_reads, 1);
    for (size_t i = 1; i < SERVOS; i++) {
        assert_int_equal(rig.devices[i].in_error, TENON_ERR_TIMEOUT);
    }
    for (int k = 0; k < 3; k++) {
        stage();
        run_until(rig.now + period);
        for (size_t i = 1; i < SERVOS; i++) {
            assert_int_equal(rig.devices[i].in_error, TENON_OK);
            assert_int_equal(rig.devices[i].in[0], (uint8_t)rig.cycle);
            assert_true(has_command(i));
        }
    }
    assert_int_equal(rig.base->counters.overrun_count, 0);
}

static void lost_time_is_bounded_by_the_computed_deadline(void **state)
{
    (void)state;
    rig_make();
    rig.line.base.latency_ns = TENON_US(200);
    rig.servos[5].is_silent = true;
    const tenon_ns_t busy = rig.base->counters.busy_ns;
    run_cycle();
    /* Latency, margin with three bytes of stuffing for each answer, and one step. */
    const tenon_ns_t lost = rig.base->counters.busy_ns - busy - TENON_US(1900);
    assert_true(lost > 0 && lost <= TENON_US(200 + 300 + 6 * (20 + 30) + 50));
}

/* An answer that was given up comes as the next cycle begins: it is no sample of that. */
static void an_answer_from_before_is_not_taken_for_the_next(void **state)
{
    (void)state;
    for (size_t sick = 0; sick < SERVOS; sick++) {
        for (int is_there = 0; is_there < 2; is_there++) {
            for (int us = 0; us < 1000; us += 70) {
                uint8_t old[IN_WIDTH];
                rig_make();
                assert_clean_cycle();
                struct servo *s = &rig.servos[sick];
                memcpy(old, s->table + IN_AT, sizeof old);
                s->is_silent = true;
                run_cycle();
                assert_int_equal(rig.devices[sick].in_error, TENON_ERR_TIMEOUT);
                const uint32_t sequence = rig.devices[sick].in_sequence;
                s->is_silent = is_there == 0;
                stage();
                s->reply_id = 99;
                reply(s, old, 0, rig.now); /* noise that keeps the wire busy until then */
                s->reply_id = 0;
                reply(s, old, sizeof old, rig.now + TENON_US(us));
                run_until(rig.now + PERIOD);
                assert_int_equal(rig.devices[sick].in_sequence, sequence + (is_there == 1));
                assert_int_equal(rig.devices[sick].in[0], rig.cycle - (is_there == 1 ? 0 : 2));
                for (size_t i = 0; i < SERVOS; i++) {
                    assert_true(i == sick || rig.devices[i].in[0] == (uint8_t)rig.cycle);
                }
            }
        }
    }
}

/* Not by being asked for its registers either, whenever that is. */
static void a_silent_servo_costs_nobody_a_cycle(void **state)
{
    (void)state;
    for (size_t dead = 0; dead < SERVOS; dead++) {
        for (int us = 0; us < 4000; us += 130) {
            rig_make();
            for (int i = 0; i < 3; i++) {
                assert_clean_cycle();
            }
            rig.servos[dead].is_silent = true;
            rig.devices[dead].is_listening = us % 20 == 0;
            struct tenon_request ping = {.node = (uint32_t)dead + 1, .operation = TENON_OP_PING};
            stage();
            run_until(rig.now + TENON_US(us));
            assert_int_equal(rig.api->submit(rig.base, &ping), TENON_OK);
            run_until(rig.now + PERIOD - TENON_US(us));
            for (int i = 0; i < 6; i++) {
                const tenon_ns_t staged = rig.now;
                run_cycle();
                for (size_t k = 0; k < SERVOS; k++) {
                    assert_true(k == dead || (has_command(k) && has_sample(k)));
                    /* 1.6 ms of silence after a question, at most, and the cycle itself. */
                    assert_true(k == dead ||
                                rig.devices[k].in_stamp_ns - staged <= TENON_US(1600 + 100 + 1900));
                }
            }
            assert_int_equal(ping.state, TENON_REQUEST_DONE);
            assert_int_equal(ping.result, TENON_ERR_TIMEOUT);
            assert_int_equal(rig.base->counters.overrun_count, 0);
        }
    }
}

/* ---- Overruns ---- */

static void a_wire_too_slow_counts_overruns_and_starves_nobody(void **state)
{
    (void)state;
    static const struct tenon_field other_in[] = {{132, 4}};
    rig_make();
    for (size_t i = 3; i < SERVOS; i++) {
        rig.devices[i].in_fields = other_in;
        rig.devices[i].in_count = 1;
        assert_int_equal(rig.api->attach(rig.base, &rig.devices[i]), TENON_OK);
    }
    for (int i = 0; i < 20; i++) {
        stage();
        run_until(rig.now + TENON_US(1300));
    }
    assert_true(rig.base->counters.overrun_count >= 15);
    for (size_t i = 0; i < SERVOS; i++) {
        assert_true(rig.devices[i].in_sequence >= 8);
        assert_true(rig.servos[i].write_count >= 15);
    }
}

/* ---- Requests ---- */

static void requests_do_what_they_say(void **state)
{
    (void)state;
    rig_make();
    struct tenon_request ping = {.node = 3, .operation = TENON_OP_PING};
    run_request(&ping);
    assert_int_equal(ping.result, TENON_OK);
    assert_memory_equal(ping.data, ((const uint8_t[]){0xFC, 0x03, 45}), 3);

    struct tenon_request write = {.node = 3,
                                  .operation = TENON_OP_WRITE,
                                  .address = 84,
                                  .width = 6,
                                  .data = {0xFF, 0xFF, 0xFD, 4, 5, 6}};
    run_request(&write);
    assert_int_equal(write.result, TENON_OK);
    assert_memory_equal(rig.servos[2].table + 84, write.data, 6);

    struct tenon_request read = {
        .node = 3, .operation = TENON_OP_READ, .address = 84, .width = TENON_REQUEST_DATA};
    run_request(&read);
    assert_int_equal(read.result, TENON_OK);
    assert_memory_equal(read.data, rig.servos[2].table + 84, TENON_REQUEST_DATA);

    struct tenon_request reboot = {.node = 3, .operation = TENON_OP_REBOOT};
    run_request(&reboot);
    assert_int_equal(reboot.result, TENON_OK);
    assert_int_equal(rig.reboot_count, 1);
    assert_int_equal(rig.devices[2].counters.request_count, 5);
}

static void malformed_requests_are_refused(void **state)
{
    (void)state;
    rig_make();
    struct tenon_request bad[] = {
        {.node = 253, .operation = TENON_OP_PING},
        {.node = 256 + 1, .operation = TENON_OP_PING},
        {.node = 254, .operation = TENON_OP_PING},
        {.node = 254, .operation = TENON_OP_READ, .width = 1},
        {.node = 1, .operation = TENON_OP_READ, .width = 0},
        {.node = 1, .operation = TENON_OP_WRITE, .width = TENON_REQUEST_DATA + 1},
        {.node = 1, .operation = TENON_OP_WRITE, .width = 1, .address = 0x10000},
        {.node = 1, .operation = 0},
        {.node = 1, .operation = 99, .width = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rig.api->submit(rig.base, &bad[i]), TENON_ERR_ARG);
        assert_int_equal(bad[i].state, TENON_REQUEST_IDLE);
    }
    assert_int_equal(rig.api->submit(rig.base, NULL), TENON_ERR_ARG);
    struct tenon_request ping = {.node = 1, .operation = TENON_OP_PING};
    assert_int_equal(rig.api->submit(rig.base, &ping), TENON_OK);
    assert_int_equal(rig.api->submit(rig.base, &ping), TENON_ERR_STATE);
}

static void a_request_is_tried_as_often_as_asked(void **state)
{
    (void)state;
    for (uint8_t attempts = 0; attempts < 5; attempts++) {
        const uint32_t expected = attempts == 0 ? 3 : attempts;
        for (uint32_t lost = 0; lost <= expected; lost++) {
            rig_make();
            const uint32_t before = rig.base->counters.transaction_count;
            struct tenon_request ping = {
                .node = 2, .operation = TENON_OP_PING, .attempts = attempts};
            rig.servos[1].ignores = lost;
            run_request(&ping);
            assert_int_equal(ping.result, lost < expected ? TENON_OK : TENON_ERR_TIMEOUT);
            assert_int_equal(rig.base->counters.transaction_count - before,
                             lost < expected ? lost + 1 : expected);
        }
    }
}

/* Servos that heard a wrong length take what follows for the rest of the packet, retries too,
 * unless there is silence before it. */
static void a_request_that_arrived_with_a_wrong_length_is_healed_by_its_retry(void **state)
{
    (void)state;
    for (uint32_t broken = 1; broken < 3; broken++) {
        for (int with_cycle = 0; with_cycle < 2; with_cycle++) {
            rig_make();
            struct tenon_request ping = {.node = 2, .operation = TENON_OP_PING};
            assert_int_equal(rig.api->submit(rig.base, &ping), TENON_OK);
            rig.breaks_length = broken;
            tenon_ns_t deadline = TENON_NEVER;
            assert_int_equal(rig.api->poll(rig.base, &rig.line.base, rig.now, &deadline), TENON_OK);
            assert_int_equal(ping.state, TENON_REQUEST_SENT);
            if (with_cycle == 1 && broken == 1) {
                run_cycle();
                for (size_t i = 0; i < SERVOS; i++) {
                    assert_true(has_sample(i) && has_command(i));
                }
            }
            run_until(rig.now + TENON_MS(10));
            assert_int_equal(ping.state, TENON_REQUEST_DONE);
            assert_int_equal(ping.result, TENON_OK);
        }
    }
}

static void broken_answers_to_a_request_are_told_apart_from_none(void **state)
{
    (void)state;
    static const enum fake_line_fault faults[] = {FAKE_LINE_CORRUPT, FAKE_LINE_TRUNCATE};
    for (size_t f = 0; f < 2; f++) {
        rig_make();
        struct tenon_request ping = {.node = 2, .operation = TENON_OP_PING, .attempts = 1};
        rig.line.fault_bit = 90;
        break_packet(faults[f], 0);
        run_request(&ping);
        assert_int_equal(ping.result, TENON_ERR_PROTO);
        run_request(&ping);
        assert_int_equal(ping.result, TENON_OK);
    }
}

static void an_error_of_the_device_ends_a_request_at_once(void **state)
{
    (void)state;
    rig_make();
    rig.servos[1].error = DXL2_ERROR_LIMIT | DXL2_ALERT;
    struct tenon_request write = {
        .node = 2, .operation = TENON_OP_WRITE, .address = 112, .width = 4};
    const uint32_t before = rig.base->counters.transaction_count;
    run_request(&write);
    assert_int_equal(write.result, TENON_ERR_DEVICE);
    assert_int_equal(write.status, DXL2_ERROR_LIMIT | DXL2_ALERT);
    assert_int_equal(rig.devices[1].status, DXL2_ERROR_LIMIT | DXL2_ALERT);
    assert_int_equal(rig.devices[1].counters.error_count, 1);
    assert_int_equal(rig.base->counters.transaction_count, before + 1);
    rig.servos[1].error = DXL2_ALERT; /* an alert alone does not make a request fail */
    run_request(&write);
    assert_int_equal(write.result, TENON_OK);
    assert_int_equal(write.status, DXL2_ALERT);
    rig.servos[1].error = DXL2_ERROR_CRC; /* our bytes arrived broken: once more */
    run_request(&write);
    assert_int_equal(write.result, TENON_ERR_DEVICE);
    assert_int_equal(rig.base->counters.transaction_count, before + 2 + 3);
}

static void a_broadcast_is_done_when_it_is_sent(void **state)
{
    (void)state;
    rig_make();
    struct tenon_request write = {
        .node = 254, .operation = TENON_OP_WRITE, .address = 64, .width = 1};
    const uint32_t before = rig.base->counters.transaction_count;
    run_request(&write);
    assert_int_equal(write.result, TENON_OK);
    assert_int_equal(rig.base->counters.transaction_count, before);
    assert_int_equal(rig.servos[5].write_count, 1);
    assert_clean_cycle();
}

static void a_new_id_may_answer_under_either(void **state)
{
    (void)state;
    for (uint8_t answer = 0; answer < 2; answer++) {
        rig_make();
        rig.servos[1].reply_id = answer == 0 ? 0 : 42;
        struct tenon_request write = {
            .node = 2, .operation = TENON_OP_WRITE, .address = 7, .width = 1, .data = {42}};
        run_request(&write);
        assert_int_equal(write.result, TENON_OK);
        rig.servos[1].reply_id = 42;
        write = (struct tenon_request){.node = 2,
                                       .operation = TENON_OP_WRITE,
                                       .address = 11,
                                       .width = 1,
                                       .attempts = 1,
                                       .data = {42}};
        run_request(&write);
        assert_int_equal(write.result, TENON_ERR_TIMEOUT);
    }
}

static void torque_off_goes_ahead_of_everything(void **state)
{
    (void)state;
    rig_make();
    struct tenon_request slow[3];
    struct tenon_request off[2];
    for (uint8_t i = 0; i < 3; i++) {
        slow[i] = (struct tenon_request){.node = i + 1u, .operation = TENON_OP_PING};
        assert_int_equal(rig.api->submit(rig.base, &slow[i]), TENON_OK);
    }
    tenon_ns_t deadline = TENON_NEVER;
    assert_int_equal(rig.api->poll(rig.base, &rig.line.base, rig.now, &deadline), TENON_OK);
    assert_int_equal(slow[0].state, TENON_REQUEST_SENT);
    for (uint8_t i = 0; i < 2; i++) {
        off[i] = (struct tenon_request){
            .node = i + 4u, .operation = TENON_OP_TORQUE_OFF, .address = 64, .width = 1};
        assert_int_equal(rig.api->submit(rig.base, &off[i]), TENON_OK);
    }
    stage();
    fake_line_clear(&rig.line);
    rig.line.busy_until_ns = rig.now;
    rig.servos[0].is_silent = true; /* its answer was cleared: slow[0] times out first */
    run_until(rig.now + TENON_MS(20));
    /* On the wire: off 4, off 5, then the cycle, then the rest. */
    assert_int_equal(rig.line.sent[4], 4);
    assert_int_equal(rig.line.sent[13 + 4], 5);
    assert_int_equal(rig.line.sent[26 + 4], DXL2_BROADCAST);
    assert_int_equal(off[0].result + off[1].result, TENON_OK);
    assert_int_equal(slow[2].result, TENON_OK);
}

static void requests_delay_a_cycle_by_no_more_than_one(void **state)
{
    (void)state;
    rig_make();
    struct tenon_request requests[30];
    for (uint8_t i = 0; i < 30; i++) {
        requests[i] = (struct tenon_request){.node = i % SERVOS + 1u, .operation = TENON_OP_PING};
        assert_int_equal(rig.api->submit(rig.base, &requests[i]), TENON_OK);
    }
    for (int i = 0; i < 20; i++) {
        const tenon_ns_t staged = rig.now;
        run_cycle();
        for (size_t k = 0; k < SERVOS; k++) {
            assert_true(has_sample(k));
            assert_true(rig.devices[k].in_stamp_ns - staged < TENON_US(1900 + 340));
            /* Once the period is known, no request runs into a cycle. */
            assert_true(i < 2 || rig.devices[k].in_stamp_ns - staged <= TENON_US(1900));
        }
    }
    for (uint8_t i = 0; i < 30; i++) {
        assert_int_equal(requests[i].result, TENON_OK);
    }
    assert_int_equal(rig.base->counters.overrun_count, 0);
}

static void a_request_that_never_fits_is_sent_all_the_same(void **state)
{
    (void)state;
    rig_make();
    struct tenon_request ping = {.node = 1, .operation = TENON_OP_PING};
    for (int i = 0; i < 10; i++) {
        if (i == 4) {
            assert_int_equal(rig.api->submit(rig.base, &ping), TENON_OK);
        }
        stage();
        run_until(rig.now + TENON_US(1950));
    }
    assert_int_equal(ping.state, TENON_REQUEST_DONE);
    assert_int_equal(ping.result, TENON_OK);
}

static void a_request_waits_no_longer_than_the_next_stage_that_does_not_come(void **state)
{
    (void)state;
    rig_make();
    run_cycle();
    run_cycle();
    stage();
    run_until(rig.now + TENON_US(3900));
    struct tenon_request ping = {.node = 1, .operation = TENON_OP_PING};
    assert_int_equal(rig.api->submit(rig.base, &ping), TENON_OK);
    run_until(rig.now + TENON_MS(2)); /* as the scheduler has stopped stepping */
    assert_int_equal(ping.state, TENON_REQUEST_DONE);
}

static void a_cancelled_request_is_never_touched_again(void **state)
{
    (void)state;
    for (int polls = 0; polls < 2; polls++) {
        rig_make();
        struct tenon_request first = {.node = 1, .operation = TENON_OP_PING};
        struct tenon_request second = {.node = 2, .operation = TENON_OP_PING};
        assert_int_equal(rig.api->submit(rig.base, &first), TENON_OK);
        assert_int_equal(rig.api->submit(rig.base, &second), TENON_OK);
        tenon_ns_t deadline = TENON_NEVER;
        for (int i = 0; i < polls; i++) {
            assert_int_equal(rig.api->poll(rig.base, &rig.line.base, rig.now, &deadline), TENON_OK);
        }
        rig.api->cancel(rig.base, &first);
        assert_int_equal(first.state, TENON_REQUEST_IDLE);
        struct tenon_request poison;
        memset(&poison, 0x5A, sizeof poison);
        memcpy(&first, &poison, sizeof first);
        run_until(rig.now + TENON_MS(10));
        assert_memory_equal(&first, &poison, sizeof first);
        assert_int_equal(second.result, TENON_OK);
        rig.api->cancel(rig.base, &second); /* done already: harmless */
        assert_int_equal(second.state, TENON_REQUEST_IDLE);
        assert_clean_cycle();
    }
}

static void the_return_delay_that_passes_by_sets_the_deadline(void **state)
{
    (void)state;
    rig_make();
    for (uint8_t us = 0; us < 250; us = (uint8_t)(us + 124)) {
        for (uint8_t i = 0; i < SERVOS; i++) {
            struct tenon_request write = {.node = i + 1u,
                                          .operation = TENON_OP_WRITE,
                                          .address = 9,
                                          .width = 1,
                                          .data = {us}};
            run_request(&write);
            assert_int_equal(write.result, TENON_OK);
        }
        stage();
        rig.polls = 0;
        const tenon_ns_t staged = rig.now;
        run_until(rig.now + TENON_MS(10));
        assert_true(rig.polls <= 3);
        assert_true(rig.devices[0].in_stamp_ns == staged + TENON_US(1900 + 6 * 2 * us));
    }
}

static void a_servo_slower_than_the_one_before_it_is_still_found(void **state)
{
    (void)state;
    rig_make();
    rig.servos[0].return_delay_us = 508; /* replaced by one as from the factory */
    struct tenon_request ping = {.node = 1, .operation = TENON_OP_PING, .attempts = 1};
    run_request(&ping);
    assert_int_equal(ping.result, TENON_OK);
}

/* ---- Changes while running ---- */

static void detaching_at_any_moment_leaves_the_others_alone(void **state)
{
    (void)state;
    for (int us = 0; us < 2000; us += 90) {
        for (size_t gone = 0; gone < SERVOS; gone += 2) {
            rig_make();
            struct tenon_request pings[2] = {
                {.node = (uint32_t)gone + 1, .operation = TENON_OP_PING},
                {.node = 2, .operation = TENON_OP_PING}};
            stage();
            assert_int_equal(rig.api->submit(rig.base, &pings[0]), TENON_OK);
            assert_int_equal(rig.api->submit(rig.base, &pings[1]), TENON_OK);
            run_until(rig.now + TENON_US(us));
            struct tenon_bus_device *d = &rig.devices[gone];
            rig.api->detach(rig.base, d);
            assert_null(d->in);
            assert_null(d->out);
            assert_int_equal(pings[0].state, TENON_REQUEST_IDLE);
            const uint32_t frozen = d->in_sequence;
            run_until(rig.now + PERIOD);
            run_cycle();
            for (size_t i = 0; i < SERVOS; i++) {
                assert_int_equal(has_sample(i), i != gone);
            }
            assert_int_equal(d->in_sequence, frozen);
            assert_int_equal(pings[1].result, TENON_OK);
            assert_int_equal(rig.asked_count, SERVOS - 1);
            attach(gone, (uint8_t)(gone + 1)); /* in the room of the one that left */
            run_until(rig.now + PERIOD);
            stage();
            run_until(rig.now + 2 * PERIOD); /* its return delay is unknown again */
            assert_clean_cycle();
        }
    }
}

static void fields_can_change_at_any_moment(void **state)
{
    (void)state;
    static const struct tenon_field other_in[] = {{128, 4}, {132, 4}};
    static const struct tenon_field other_out[] = {{104, 4}};
    for (int us = 0; us < 2000; us += 90) {
        rig_make();
        assert_clean_cycle();
        stage();
        run_until(rig.now + TENON_US(us));
        struct tenon_bus_device *d = &rig.devices[2];
        d->in_fields = other_in;
        d->in_count = 2;
        d->out_fields = other_out;
        assert_int_equal(rig.api->attach(rig.base, d), TENON_OK);
        assert_int_equal(d->in_sequence, 0);
        assert_false(d->out_is_fresh);
        run_until(rig.now + PERIOD);
        /* A cycle that has not begun is exchanged in the new layout. Else it is left out of it: an
         * answer in the old layout must not be taken. */
        const uint32_t at_once = us == 0 ? 1 : 0;
        assert_int_equal(d->in_sequence, at_once);
        stage();
        run_until(rig.now + PERIOD);
        assert_int_equal(d->in_sequence, at_once + 1);
        assert_int_equal(rig.sync_reads, 4 + at_once);
        assert_int_equal(rig.servos[2].table[104], rig.command);
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(d->in[i], 0x30);
        }
    }
}

static void a_refused_change_of_fields_stops_the_exchange_until_a_good_one(void **state)
{
    (void)state;
    static const struct tenon_field wide[] = {{100, 30}};
    rig_make();
    assert_clean_cycle();
    struct tenon_bus_device *d = &rig.devices[2];
    d->in_fields = wide;
    d->in_count = 1;
    assert_int_equal(rig.api->attach(rig.base, d), TENON_ERR_ARG);
    assert_int_equal(rig.base->module.diag.cause, TENON_CAUSE_FIELDS);
    run_cycle();
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(has_sample(i), i != 2);
    }
    attach(2, 3);
    assert_clean_cycle();
}

static void a_device_can_be_added_at_any_moment(void **state)
{
    (void)state;
    for (int us = 0; us < 2600; us += 70) {
        rig_make_unattached();
        for (size_t i = 0; i < SERVOS - 1; i++) {
            attach(i, (uint8_t)(i + 1));
        }
        for (uint8_t i = 1; i < SERVOS; i++) {
            learn_return_delay(i);
        }
        struct tenon_request read = {
            .node = 1, .operation = TENON_OP_READ, .address = 126, .width = 4};
        stage();
        assert_int_equal(rig.api->submit(rig.base, &read), TENON_OK);
        for (int step = 0; step < us; step += 35) {
            run_until(rig.now + TENON_US(35)); /* so that packets are there in part */
        }
        attach(SERVOS - 1, SERVOS);
        run_until(rig.now + PERIOD);
        learn_return_delay(SERVOS);
        run_until(rig.now + PERIOD);
        assert_int_equal(read.result, TENON_OK);
        assert_int_equal(rig.base->counters.timeout_count, 0); /* given up, not waited for */
        assert_clean_cycle();
    }
}

static void a_device_can_move_to_another_node(void **state)
{
    (void)state;
    rig_make();
    assert_clean_cycle();
    rig.servos[2].id = 9;
    rig.devices[2].node = 9;
    assert_int_equal(rig.api->attach(rig.base, &rig.devices[2]), TENON_OK);
    learn_return_delay(9);
    assert_clean_cycle();
    struct tenon_bus_device other = {.node = 3};
    assert_int_equal(rig.api->attach(rig.base, &other), TENON_OK);
    rig.api->detach(rig.base, &other);
    rig.api->detach(rig.base, &other); /* twice is once */
}

/* ---- The rest ---- */

/* Category 0: torque off. 1 and 2: a bus watchdog of 20 ms, so that they stop and do not let go. */
static void safe_frames_reach_all_and_only_that_of_category_0_lets_go(void **state)
{
    (void)state;
    static const uint8_t params[][3] = {{64, 0, 0}, {98, 0, 1}, {98, 0, 1}};
    static const enum tenon_stop_category categories[] = {
        TENON_STOP_TORQUE_OFF, TENON_STOP_BRAKE_THEN_OFF, TENON_STOP_BRAKE_THEN_HOLD};
    rig_make();
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *bytes = NULL;
        const int count = rig.api->safe_frame(rig.base, categories[i], &bytes);
        uint8_t buffer[64];
        struct dxl2_parser parser;
        struct dxl2_packet packet;
        dxl2_parser_init(&parser, buffer, sizeof buffer, NULL, NULL);
        assert_int_equal(count, 13);
        (void)dxl2_parser_feed(&parser, bytes, (size_t)count);
        assert_true(dxl2_parser_next(&parser, &packet));
        assert_int_equal(packet.id, DXL2_BROADCAST);
        assert_int_equal(packet.instruction, DXL2_WRITE);
        assert_int_equal(packet.param_count, 3);
        assert_memory_equal(packet.params, params[i], 3);
    }
}

static void the_bus_itself_is_ready_and_safe_at_once(void **state)
{
    (void)state;
    rig_make();
    const struct tenon_driver *driver = rig.base->module.driver;
    assert_int_equal(driver->role, TENON_ROLE_BUS);
    assert_int_equal(driver->instance_size, sizeof(struct tenon_dxl2_bus));
    assert_int_equal(driver->lifecycle->probe(&rig.base->module, 0), TENON_OK);
    assert_int_equal(driver->lifecycle->make_safe(&rig.base->module, 0), TENON_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_out_of_range_or_taken_is_refused),
        cmocka_unit_test(fields_it_cannot_carry_are_refused),
        cmocka_unit_test(too_small_a_memory_tells_what_is_needed),
        cmocka_unit_test(bundled_layouts_fit_the_promised_memory),
        cmocka_unit_test(init_refuses_what_it_cannot_use),
        cmocka_unit_test(a_bus_without_room_refuses_requests_and_survives_polling),
        cmocka_unit_test(a_cycle_is_one_write_of_a_sync_write_and_a_sync_read),
        cmocka_unit_test(cycles_go_on_and_are_counted),
        cmocka_unit_test(a_runner_sleeps_until_the_answers_are_there),
        cmocka_unit_test(a_clean_cycle_reads_once_and_writes_once),
        cmocka_unit_test(bytes_are_taken_as_they_come_if_somebody_polls),
        cmocka_unit_test(what_lay_there_before_a_cycle_is_counted_and_never_a_sample),
        cmocka_unit_test(stamps_tell_when_the_answer_was_found),
        cmocka_unit_test(equal_shapes_share_a_transaction_whatever_their_order),
        cmocka_unit_test(gaps_between_in_fields_are_left_out_of_the_window),
        cmocka_unit_test(answers_of_every_width_are_taken_whole_or_not_at_all),
        cmocka_unit_test(devices_take_part_at_their_own_rate),
        cmocka_unit_test(only_fresh_windows_are_sent_and_only_listeners_are_read),
        cmocka_unit_test(the_window_is_sent_as_it_is_when_the_wire_gets_free),
        cmocka_unit_test(a_cycle_of_writes_alone_ends_by_itself),
        cmocka_unit_test(markers_in_windows_survive_both_ways),
        cmocka_unit_test(the_longest_windows_full_of_markers_fit),
        cmocka_unit_test(a_broken_answer_costs_its_own_sample_only),
        cmocka_unit_test(a_wrong_bit_anywhere_costs_one_sample_at_most),
        cmocka_unit_test(a_stuffed_answer_of_the_regular_length_is_not_taken),
        cmocka_unit_test(doubled_answers_and_junk_between_change_nothing),
        cmocka_unit_test(answers_count_in_any_order),
        cmocka_unit_test(an_answer_too_late_is_stale_and_never_taken_later),
        cmocka_unit_test(a_slow_answer_within_the_margin_is_taken),
        cmocka_unit_test(an_answer_of_wrong_id_or_width_is_not_taken),
        cmocka_unit_test(a_device_error_is_told_apart_from_silence),
        cmocka_unit_test(own_echo_is_recognised),
        cmocka_unit_test(short_writes_and_reads_only_take_longer),
        cmocka_unit_test(a_line_that_takes_nothing_ends_in_a_timeout),
        cmocka_unit_test(every_failing_line_call_is_survived),
        cmocka_unit_test(a_line_that_is_gone_fails_everything_and_comes_back),
        cmocka_unit_test(hostile_bytes_neither_stall_nor_reach_a_window),
        cmocka_unit_test(those_behind_a_silent_one_are_asked_again_in_the_same_cycle),
        cmocka_unit_test(several_silent_servos_do_not_hide_one_that_comes_back),
        cmocka_unit_test(there_is_no_second_read_where_it_would_delay_the_next_cycle),
        cmocka_unit_test(lost_time_is_bounded_by_the_computed_deadline),
        cmocka_unit_test(an_answer_from_before_is_not_taken_for_the_next),
        cmocka_unit_test(a_silent_servo_costs_nobody_a_cycle),
        cmocka_unit_test(a_wire_too_slow_counts_overruns_and_starves_nobody),
        cmocka_unit_test(requests_do_what_they_say),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(a_request_is_tried_as_often_as_asked),
        cmocka_unit_test(a_request_that_arrived_with_a_wrong_length_is_healed_by_its_retry),
        cmocka_unit_test(broken_answers_to_a_request_are_told_apart_from_none),
        cmocka_unit_test(an_error_of_the_device_ends_a_request_at_once),
        cmocka_unit_test(a_broadcast_is_done_when_it_is_sent),
        cmocka_unit_test(a_new_id_may_answer_under_either),
        cmocka_unit_test(torque_off_goes_ahead_of_everything),
        cmocka_unit_test(requests_delay_a_cycle_by_no_more_than_one),
        cmocka_unit_test(a_request_that_never_fits_is_sent_all_the_same),
        cmocka_unit_test(a_request_waits_no_longer_than_the_next_stage_that_does_not_come),
        cmocka_unit_test(a_cancelled_request_is_never_touched_again),
        cmocka_unit_test(the_return_delay_that_passes_by_sets_the_deadline),
        cmocka_unit_test(a_servo_slower_than_the_one_before_it_is_still_found),
        cmocka_unit_test(detaching_at_any_moment_leaves_the_others_alone),
        cmocka_unit_test(fields_can_change_at_any_moment),
        cmocka_unit_test(a_refused_change_of_fields_stops_the_exchange_until_a_good_one),
        cmocka_unit_test(a_device_can_be_added_at_any_moment),
        cmocka_unit_test(a_device_can_move_to_another_node),
        cmocka_unit_test(safe_frames_reach_all_and_only_that_of_category_0_lets_go),
        cmocka_unit_test(the_bus_itself_is_ready_and_safe_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
