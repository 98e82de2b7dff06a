#include "tenon_test.h"

#include "tenon/can.h"
#include "tenon/drivers/slcan_line.h"

#include <stdio.h>
#include <string.h>

#define WRITES_MAX 64
#define NEVER_DRY  SIZE_MAX

/* The port: keeps each write apart, takes as much as it is told, reads out what it was given. */
static struct {
    struct tenon_line base;
    char writes[WRITES_MAX][64];
    unsigned write_count;
    size_t limit; /* characters it takes until it is raised */
    char input[4096];
    size_t input_count; /* NEVER_DRY: the first ones again and again */
    size_t input_head;
    unsigned read_count;
    unsigned open_count;
    unsigned tend_count;
    bool is_gone;
} port;

static struct tenon_slcan_line line;
static const struct tenon_line_api *api;
static const struct tenon_lifecycle_api *life;
static tenon_ns_t now;

static int port_gone(void)
{
    port.base.fd = -1;
    return tenon_module_refuse(&port.base.module, TENON_ERR_IO, TENON_CAUSE_PORT_LOST, 1.0f, 2.0f);
}

static int port_probe(struct tenon_module *module, tenon_ns_t at)
{
    (void)at;
    if (port.is_gone) {
        return tenon_module_refuse(module, TENON_ERR_IO, TENON_CAUSE_PORT_MISSING, 0.0f, 0.0f);
    }
    if (module->progress == 0) { /* takes its time */
        module->progress = 1;
        return TENON_ERR_AGAIN;
    }
    port.open_count++;
    port.base.fd = 7;
    return TENON_OK;
}

static int port_make_safe(struct tenon_module *module, tenon_ns_t at)
{
    (void)module;
    (void)at;
    return TENON_OK;
}

static void port_release(struct tenon_module *module)
{
    (void)module;
    port.base.fd = -1;
}

static int port_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t at)
{
    (void)base;
    (void)at;
    port.read_count++;
    if (port.is_gone) {
        return port_gone();
    }
    if (port.input_count == NEVER_DRY) {
        memcpy(out_bytes, port.input, capacity);
        return (int)capacity;
    }
    const size_t rest = port.input_count - port.input_head;
    const size_t count = rest < capacity ? rest : capacity;
    memcpy(out_bytes, port.input + port.input_head, count);
    port.input_head += count;
    return (int)count;
}

static int port_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t at)
{
    (void)base;
    (void)at;
    if (port.is_gone) {
        return port_gone();
    }
    const size_t taken = count < port.limit ? count : port.limit;
    if (taken > 0) {
        assert_true(port.write_count < WRITES_MAX && taken < sizeof port.writes[0]);
        memcpy(port.writes[port.write_count++], bytes, taken);
        port.limit -= taken;
    }
    return (int)taken;
}

static int port_tend(struct tenon_line *base, tenon_ns_t at)
{
    if (port.is_gone) {
        return port_gone();
    }
    port.tend_count++;
    base->due_ns = at + TENON_MS(7);
    return TENON_OK;
}

static const struct tenon_lifecycle_api port_life = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = port_probe,
    .make_safe = port_make_safe,
    .release = port_release,
};

static const struct tenon_line_api port_api = {
    .head = TENON_API_HEAD(struct tenon_line_api),
    .read = port_read,
    .write = port_write,
    .write_emergency = port_write,
    .tend = port_tend,
};

static const struct tenon_driver port_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "port",
    .role = TENON_ROLE_LINE,
    .instance_size = sizeof port,
    .lifecycle = &port_life,
    .api = &port_api.head,
};

static int make_line(void **state)
{
    (void)state;
    memset(&port, 0, sizeof port);
    port.base.module.driver = &port_driver;
    port.base.port = "the port";
    port.base.baud = 1000000;
    port.base.latency_ns = TENON_MS(2);
    port.base.fd = -1;
    port.limit = SIZE_MAX;
    now = 0;
    assert_ptr_equal(&line.base, tenon_slcan_line_init(&line, &port.base, 1000000));
    api = tenon_line_get_api(&line.base);
    life = line.base.module.driver->lifecycle;
    return 0;
}

static void adapter_says(const char *characters)
{
    const size_t count = strlen(characters);
    assert_true(port.input_count + count <= sizeof port.input);
    memcpy(port.input + port.input_count, characters, count);
    port.input_count += count;
}

static int step(void)
{
    now += TENON_MS(1);
    return life->probe(&line.base.module, now);
}

/* Until it wants something of the adapter; it may not be done before. */
static void until_sent(const char *command)
{
    for (int i = 0; i < 1000; i++) {
        if (port.write_count > 0 && strcmp(port.writes[port.write_count - 1], command) == 0) {
            return;
        }
        assert_int_equal(step(), TENON_ERR_AGAIN);
    }
    fail_msg("it never sends %s", command);
}

static int until_done(void)
{
    int rc = TENON_ERR_AGAIN;
    for (int i = 0; i < 1000 && rc == TENON_ERR_AGAIN; i++) {
        rc = step();
    }
    return rc;
}

static int open_line(void **state)
{
    (void)make_line(state);
    assert_int_equal(until_done(), TENON_OK);
    memset(port.writes, 0, sizeof port.writes);
    port.write_count = 0;
    return 0;
}

static int send(uint32_t id, unsigned count)
{
    struct tenon_can_frame frames[16] = {{0}};
    for (unsigned i = 0; i < count; i++) {
        frames[i] = (struct tenon_can_frame){.id = id + i, .length = 1, .data = {(uint8_t)i}};
    }
    const int rc = api->write(&line.base, (const uint8_t *)frames, count * sizeof frames[0], now);
    return rc < 0 ? rc : rc / (int)sizeof frames[0];
}

static int receive(struct tenon_can_frame *out_frames, size_t count)
{
    const int rc = api->read(&line.base, (uint8_t *)out_frames, count * sizeof *out_frames, now);
    return rc < 0 ? rc : rc / (int)sizeof *out_frames;
}

static void check_writes(const char *const *expected, unsigned count)
{
    assert_int_equal(port.write_count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_string_equal(port.writes[i], expected[i]);
    }
}

/* ---- Up and down ---- */

static void init_refuses_what_cannot_work(void **state)
{
    (void)state;
    assert_null(tenon_slcan_line_init(NULL, &port.base, 1000000));
    assert_null(tenon_slcan_line_init(&line, NULL, 1000000));
    assert_null(tenon_slcan_line_init_sized(&line, sizeof line - 1, &port.base, 1000000));
    port.base.medium = TENON_MEDIUM_CAN;
    assert_null(tenon_slcan_line_init(&line, &port.base, 1000000));
    port.base.medium = TENON_MEDIUM_BYTES;
    assert_non_null(tenon_slcan_line_init(&line, &port.base, 1000000));
    assert_int_equal(line.base.medium, TENON_MEDIUM_CAN);
    assert_string_equal(line.base.port, "the port");
}

static void probe_closes_twice_then_sets_the_rate_and_opens_each_in_a_write_of_its_own(void **state)
{
    static const char *const expected[] = {"C\r", "C\r", "S8\r", "O\r"};
    (void)state;
    assert_int_equal(until_done(), TENON_OK);
    check_writes(expected, 4);
    assert_int_equal(port.open_count, 1);
    assert_int_equal(line.base.fd, 7);
    assert_int_equal(line.base.baud, 1000000);
}

static void answers_make_probe_quicker_and_silence_is_consent(void **state)
{
    (void)state;
    assert_int_equal(until_done(), TENON_OK);
    const tenon_ns_t silent_ns = now;
    (void)make_line(state);
    until_sent("S8\r");
    adapter_says("\r");
    until_sent("O\r");
    adapter_says("\r");
    assert_int_equal(step(), TENON_OK);
    assert_true(now < silent_ns - TENON_MS(40));
    assert_true(silent_ns < TENON_MS(200));
}

static void what_the_last_program_left_behind_is_passed_over(void **state)
{
    (void)state;
    adapter_says("AABB\rt1232AABB\r\a\a\r\rz\rV1013\r");
    until_sent("C\r");
    adapter_says("\a\a\r\r");
    until_sent("S8\r");
    adapter_says("\r");
    until_sent("O\r");
    adapter_says("\rt0800\r");
    assert_int_equal(step(), TENON_OK);
    struct tenon_can_frame frame = {.id = 1};
    assert_int_equal(receive(&frame, 1), 1);
    assert_int_equal(frame.id, 0x80);
    assert_int_equal(line.refused_count, 0);
    assert_int_equal(line.broken_count, 0);
}

static void check_refused(int rc, enum tenon_err code, enum tenon_cause cause)
{
    assert_int_equal(rc, code);
    assert_int_equal(line.base.module.diag.code, code);
    assert_int_equal(line.base.module.diag.cause, cause);
    assert_string_equal(line.base.module.diag.subject, "the port");
    assert_int_equal(line.base.fd, -1);
    assert_int_equal(port.base.fd, -1);
}

static void adapter_that_refuses_the_rate_is_told_of(void **state)
{
    (void)state;
    until_sent("S8\r");
    adapter_says("\a");
    check_refused(until_done(), TENON_ERR_UNSUPPORTED, TENON_CAUSE_BAUD_UNSUPPORTED);
    assert_float_equal(line.base.module.diag.value, 1e6, 0);
}

static void adapter_that_refuses_to_open_is_told_of(void **state)
{
    (void)state;
    until_sent("O\r");
    adapter_says("\a");
    check_refused(until_done(), TENON_ERR_DEVICE, TENON_CAUSE_ADAPTER_REFUSED);
}

static void rate_that_has_no_digit_is_refused_before_the_port_is_touched(void **state)
{
    (void)state;
    assert_non_null(tenon_slcan_line_init(&line, &port.base, 750000));
    check_refused(step(), TENON_ERR_UNSUPPORTED, TENON_CAUSE_BAUD_UNSUPPORTED);
    assert_int_equal(port.open_count, 0);
}

static void port_that_cannot_be_opened_says_why(void **state)
{
    (void)state;
    port.is_gone = true;
    assert_int_equal(step(), TENON_ERR_IO);
    assert_int_equal(line.base.module.diag.cause, TENON_CAUSE_PORT_MISSING);
}

/* Whatever command the port goes away at, probe ends, and succeeds once the port is back. */
static void port_may_go_at_any_step_of_probe(void **state)
{
    for (int k = 0; k < 200; k++) {
        (void)make_line(state);
        int rc = TENON_ERR_AGAIN;
        for (int i = 0; i < k && rc == TENON_ERR_AGAIN; i++) {
            rc = step();
        }
        if (rc == TENON_OK) {
            assert_true(k > 50); /* it was gone at every step before */
            return;
        }
        port.is_gone = true;
        assert_int_equal(until_done(), TENON_ERR_IO);
        assert_int_equal(line.base.fd, -1);
        port.is_gone = false;
        line.base.module.progress = 0;
        assert_int_equal(until_done(), TENON_OK);
    }
    fail_msg("probe never ends");
}

static void full_port_delays_probe_and_no_command_is_torn(void **state)
{
    char all[64] = "";
    (void)state;
    port.limit = 0;
    for (int i = 0; i < 1000; i++) {
        port.limit = i % 3 == 0 ? 1 : 0;
        if (step() == TENON_OK) {
            break;
        }
    }
    for (unsigned i = 0; i < port.write_count; i++) {
        (void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s", port.writes[i]);
    }
    assert_string_equal(all, "C\rC\rS8\rO\r");
}

static void release_closes_the_channel_and_the_port(void **state)
{
    static const char *const expected[] = {"C\r"};
    struct tenon_can_frame frame;
    (void)state;
    life->release(&line.base.module);
    check_writes(expected, 1);
    assert_int_equal(port.base.fd, -1);
    assert_int_equal(line.base.fd, -1);
    assert_int_equal(receive(&frame, 1), TENON_ERR_IO);
    assert_int_equal(send(1, 1), TENON_ERR_IO);
    life->release(&line.base.module);
    check_writes(expected, 1); /* once is enough */
}

static void lost_port_is_told_with_its_own_words(void **state)
{
    struct tenon_can_frame frame;
    (void)state;
    port.is_gone = true;
    assert_int_equal(receive(&frame, 1), TENON_ERR_IO);
    assert_int_equal(line.base.module.diag.cause, TENON_CAUSE_PORT_LOST);
    assert_float_equal(line.base.module.diag.bound, 2.0, 0);
    assert_int_equal(line.base.fd, -1);
    port.is_gone = false;
    assert_int_equal(send(1, 1), TENON_ERR_IO); /* the adapter forgets, too: probe first */
    line.base.module.progress = 0;
    assert_int_equal(until_done(), TENON_OK);
    assert_int_equal(send(1, 1), 1);
}

/* ---- Frames ---- */

static void each_frame_leaves_in_a_write_of_its_own(void **state)
{
    static const char *const expected[] = {"t123100\r", "t124101\r", "t125102\r"};
    (void)state;
    assert_int_equal(send(0x123, 3), 3);
    check_writes(expected, 3);
    assert_false(line.base.tx_pending);
    assert_int_equal(line.base.tx_bytes, 3 * sizeof(struct tenon_can_frame));
}

/* The port takes k characters, then one at a time: every frame arrives whole, once, in order. */
static void frame_that_was_begun_is_finished_before_the_next(void **state)
{
    for (size_t k = 0; k <= 24; k++) {
        char all[256] = "";
        unsigned sent = 0;
        (void)open_line(state);
        port.limit = k;
        for (int i = 0; i < 100 && (sent < 3 || line.base.tx_pending); i++) {
            const int rc = sent < 3 ? send(0x123 + sent, 3 - sent) : receive(NULL, 0);
            assert_true(rc >= 0);
            sent += (unsigned)rc;
            assert_true(sent == 3 || line.base.tx_pending);
            port.limit += 1;
        }
        for (unsigned i = 0; i < port.write_count; i++) {
            (void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s", port.writes[i]);
        }
        assert_int_equal(sent, 3);
        assert_int_equal(strlen(all), 24);
        assert_memory_equal(all, "t1231", 5);
        assert_memory_equal(all + 8, "t1241", 5);
        assert_memory_equal(all + 16, "t1251", 5);
    }
}

static void release_never_tears_a_frame(void **state)
{
    (void)state;
    port.limit = 3;
    assert_int_equal(send(0x123, 1), 1);
    life->release(&line.base.module);
    assert_int_equal(port.write_count, 1); /* no C behind half a frame */

    (void)open_line(state);
    port.limit = 3;
    assert_int_equal(send(0x123, 1), 1);
    port.limit = SIZE_MAX;
    life->release(&line.base.module);
    assert_string_equal(port.writes[1], "3100\r");
    assert_string_equal(port.writes[2], "C\r");
}

static void frames_and_answers_may_come_in_any_mixture_and_in_pieces(void **state)
{
    static const char stream[] = "z\rt0800\rt080\a0\rZ\r\r\nr7FF4\rtXYZ\rF00\rT1ABCDEF01FF\r";
    struct tenon_can_frame frames[8];
    unsigned count = 0;
    (void)state;
    for (size_t i = 0; i < sizeof stream - 1; i++) {
        const char piece[] = {stream[i], '\0'};
        adapter_says(piece);
        const int rc = receive(frames + count, 8 - count);
        assert_true(rc >= 0);
        count += (unsigned)rc;
    }
    assert_int_equal(count, 4);
    assert_int_equal(frames[1].id, 0x80);
    assert_int_equal(frames[2].flags, TENON_CAN_REMOTE);
    assert_int_equal(frames[3].id, 0x1ABCDEF0);
    assert_int_equal(frames[3].data[0], 0xFF);
    assert_int_equal(line.refused_count, 1);
    assert_int_equal(line.broken_count, 1);
    assert_int_equal(line.base.rx_bytes, 4 * sizeof frames[0]);
}

static void what_does_not_fit_is_kept_for_the_next_read(void **state)
{
    struct tenon_can_frame frame;
    (void)state;
    adapter_says("t0010\rt0020\rt0030\r");
    for (uint32_t id = 1; id <= 3; id++) {
        assert_int_equal(receive(&frame, 1), 1);
        assert_int_equal(frame.id, id);
    }
    assert_int_equal(receive(&frame, 1), 0);
}

static void port_that_never_runs_dry_does_not_hold_the_cycle_up(void **state)
{
    struct tenon_can_frame frames[4];
    (void)state;
    memset(port.input, 'x', sizeof port.input);
    port.input_count = NEVER_DRY;
    for (int i = 0; i < 3; i++) {
        port.read_count = 0;
        assert_int_equal(receive(frames, 4), 0);
        assert_true(port.read_count <= 64);
        memset(port.input, i == 0 ? '\a' : '\r', sizeof port.input);
    }
}

/* ---- Past the step ---- */

static int emergency(unsigned count)
{
    struct tenon_can_frame frames[4];
    for (unsigned i = 0; i < 4; i++) {
        frames[i] = (struct tenon_can_frame){.id = i + 1};
    }
    return api->write_emergency(&line.base, (const uint8_t *)frames, count * sizeof frames[0], now);
}

static void emergency_ends_what_was_begun_and_touches_nothing(void **state)
{
    static const char *const expected[] = {"t123", "F\r", "t0010\r", "t0020\r", "100\r"};
    (void)state;
    port.limit = 4;
    assert_int_equal(send(0x123, 1), 1);
    port.limit = SIZE_MAX;
    const struct tenon_slcan_line before = line;
    assert_int_equal(emergency(2), 2 * sizeof(struct tenon_can_frame));
    assert_memory_equal(&line, &before, sizeof line);
    (void)receive(NULL, 0);
    check_writes(expected, 5);
}

static void emergency_says_what_the_port_took(void **state)
{
    (void)state;
    for (size_t limit = 0; limit <= 20; limit++) {
        (void)open_line(state);
        port.limit = limit;
        const size_t whole = limit < 2 ? 0 : (limit - 2) / 6;
        assert_int_equal(emergency(3), whole * sizeof(struct tenon_can_frame));
    }
    port.is_gone = true;
    assert_int_equal(emergency(1), TENON_ERR_IO);
}

static void port_is_looked_after_when_it_wants_to_be(void **state)
{
    (void)state;
    port.base.due_ns = now + TENON_MS(7);
    assert_int_equal(send(1, 1), 1);
    assert_int_equal(line.base.due_ns, now + TENON_MS(7));
    assert_int_equal(api->tend(&line.base, now + TENON_MS(7)), TENON_OK);
    assert_int_equal(port.tend_count, 1);
    assert_int_equal(line.base.due_ns, now + TENON_MS(14));
    port.is_gone = true;
    assert_int_equal(api->tend(&line.base, now + TENON_MS(14)), TENON_ERR_IO);
    assert_int_equal(line.base.fd, -1);
}

/* ---- Time ---- */

static void latency_covers_the_characters_of_what_was_sent_and_of_its_answers(void **state)
{
    (void)state;
    port.base.baud = 115200;
    const tenon_ns_t frame_ns = TENON_S(270) / 115200; /* 27 characters of 10 bits */
    assert_int_equal(send(1, 6), 6);
    assert_int_equal(line.base.latency_ns, TENON_MS(2) + 7 * frame_ns);
    now += 2 * frame_ns; /* not all is out when the next are sent */
    assert_int_equal(send(1, 2), 2);
    assert_int_equal(line.base.latency_ns, TENON_MS(2) + 7 * frame_ns);
    now += TENON_S(1);
    assert_int_equal(send(1, 1), 1);
    assert_int_equal(line.base.latency_ns, TENON_MS(2) + 2 * frame_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(init_refuses_what_cannot_work, make_line),
        cmocka_unit_test_setup(
            probe_closes_twice_then_sets_the_rate_and_opens_each_in_a_write_of_its_own, make_line),
        cmocka_unit_test_setup(answers_make_probe_quicker_and_silence_is_consent, make_line),
        cmocka_unit_test_setup(what_the_last_program_left_behind_is_passed_over, make_line),
        cmocka_unit_test_setup(adapter_that_refuses_the_rate_is_told_of, make_line),
        cmocka_unit_test_setup(adapter_that_refuses_to_open_is_told_of, make_line),
        cmocka_unit_test_setup(rate_that_has_no_digit_is_refused_before_the_port_is_touched,
                               make_line),
        cmocka_unit_test_setup(port_that_cannot_be_opened_says_why, make_line),
        cmocka_unit_test_setup(port_may_go_at_any_step_of_probe, make_line),
        cmocka_unit_test_setup(full_port_delays_probe_and_no_command_is_torn, make_line),
        cmocka_unit_test_setup(release_closes_the_channel_and_the_port, open_line),
        cmocka_unit_test_setup(lost_port_is_told_with_its_own_words, open_line),
        cmocka_unit_test_setup(each_frame_leaves_in_a_write_of_its_own, open_line),
        cmocka_unit_test_setup(frame_that_was_begun_is_finished_before_the_next, open_line),
        cmocka_unit_test_setup(release_never_tears_a_frame, open_line),
        cmocka_unit_test_setup(frames_and_answers_may_come_in_any_mixture_and_in_pieces, open_line),
        cmocka_unit_test_setup(what_does_not_fit_is_kept_for_the_next_read, open_line),
        cmocka_unit_test_setup(port_that_never_runs_dry_does_not_hold_the_cycle_up, open_line),
        cmocka_unit_test_setup(emergency_ends_what_was_begun_and_touches_nothing, open_line),
        cmocka_unit_test_setup(emergency_says_what_the_port_took, open_line),
        cmocka_unit_test_setup(port_is_looked_after_when_it_wants_to_be, open_line),
        cmocka_unit_test_setup(latency_covers_the_characters_of_what_was_sent_and_of_its_answers,
                               open_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
