/* The bus on a paced line with virtual servos that obey the protocol's rules and timing. */
#include "tenon_test.h"

#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/sim.h"

#include <string.h>

enum { SERVOS = 6, TORQUE_ENABLE = 64, GOAL_POSITION = 116, PRESENT_POSITION = 132 };

static const struct tenon_field in_fields[] = {{126, 2}, {128, 4}, {132, 4}};
static const struct tenon_field out_fields[] = {{GOAL_POSITION, 4}};

static struct rig {
    struct tenon_sim_servo servos[SERVOS];
    struct tenon_sim_servo *list[SERVOS];
    struct tenon_sim_bus wire;
    struct tenon_memory_line line;
    struct tenon_line *near_end;
    struct tenon_dxl2_bus bus;
    struct tenon_bus *base;
    const struct tenon_bus_api *api;
    struct tenon_bus_device devices[SERVOS];
    uint8_t memory[TENON_DXL2_BUS_MEMORY(SERVOS)];
    uint32_t cycle;
    tenon_ns_t now;
} rig;

static tenon_ns_t sooner(tenon_ns_t a, tenon_ns_t b)
{
    return a < b ? a : b;
}

/* The bus is called at its own deadlines only: bytes that arrive do not wake it. */
static void run_until(tenon_ns_t end)
{
    tenon_ns_t wake = rig.now;
    while (rig.now < end) {
        tenon_sim_bus_serve(&rig.wire, &rig.line, rig.now);
        if (rig.now >= wake) {
            wake = end;
            assert_int_equal(rig.api->poll(rig.base, rig.near_end, rig.now, &wake), TENON_OK);
        }
        const tenon_ns_t wire =
            sooner(tenon_memory_line_next_ns(&rig.line), tenon_sim_bus_next_ns(&rig.wire));
        const tenon_ns_t next = sooner(sooner(wake, wire), end);
        rig.now = next > rig.now ? next : rig.now + TENON_US(1);
    }
}

static void run_request(struct tenon_request *request)
{
    assert_int_equal(rig.api->submit(rig.base, request), TENON_OK);
    for (int i = 0; i < 100 && request->state != TENON_REQUEST_DONE; i++) {
        run_until(rig.now + TENON_MS(1));
    }
    assert_int_equal(request->state, TENON_REQUEST_DONE);
}

static void write_register(uint8_t node, uint16_t address, uint8_t value)
{
    struct tenon_request write = {
        .node = node, .operation = TENON_OP_WRITE, .address = address, .width = 1, .data = {value}};
    run_request(&write);
    assert_int_equal(write.result, TENON_OK);
}

static void rig_make(uint32_t baud)
{
    memset(&rig, 0, sizeof rig);
    for (uint8_t i = 0; i < SERVOS; i++) {
        rig.list[i] = &rig.servos[i];
        assert_int_equal(tenon_sim_servo_init(&rig.servos[i], "xm430-w350", (uint8_t)(i + 1), baud),
                         TENON_OK);
    }
    tenon_sim_bus_init(&rig.wire, rig.list, SERVOS);
    rig.near_end = tenon_memory_line_init(&rig.line, baud);
    rig.base = tenon_dxl2_bus_init(&rig.bus, rig.memory, sizeof rig.memory);
    assert_non_null(rig.near_end);
    assert_non_null(rig.base);
    rig.api = tenon_bus_get_api(rig.base);
    assert_int_equal(rig.near_end->module.driver->lifecycle->probe(&rig.near_end->module, 0),
                     TENON_OK);
    for (uint8_t i = 0; i < SERVOS; i++) {
        rig.devices[i] = (struct tenon_bus_device){.node = i + 1u,
                                                   .in_fields = in_fields,
                                                   .in_count = 3,
                                                   .out_fields = out_fields,
                                                   .out_count = 1,
                                                   .divisor = 1,
                                                   .is_listening = true};
        assert_int_equal(rig.api->attach(rig.base, &rig.devices[i]), TENON_OK);
        write_register((uint8_t)(i + 1), 9, 0); /* return delay */
    }
}

static int32_t load_position(const struct tenon_bus_device *device)
{
    const uint8_t *p = device->in + 6;
    return (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                     (uint32_t)p[3] << 24);
}

static void run_cycles(int count, tenon_ns_t period, int32_t goal)
{
    for (int c = 0; c < count; c++) {
        for (size_t i = 0; i < SERVOS; i++) {
            for (size_t k = 0; k < 4; k++) {
                rig.devices[i].out[k] = (uint8_t)((uint32_t)goal >> (8 * k));
            }
            rig.devices[i].out_is_fresh = true;
        }
        rig.api->stage(rig.base, ++rig.cycle, rig.now);
        run_until(rig.now + period);
    }
}

static void servos_follow_and_report_at_every_speed(void **state)
{
    (void)state;
    static const uint32_t bauds[] = {57600, 115200, 1000000, 2000000, 4000000};
    for (size_t b = 0; b < sizeof bauds / sizeof *bauds; b++) {
        rig_make(bauds[b]);
        for (uint8_t i = 0; i < SERVOS; i++) {
            write_register((uint8_t)(i + 1), TORQUE_ENABLE, 1);
        }
        const tenon_ns_t period = bauds[b] < 1000000 ? TENON_MS(50) : TENON_MS(4);
        const int cycles = (int)(TENON_MS(1000) / period);
        run_cycles(cycles, period, 2300);
        for (size_t i = 0; i < SERVOS; i++) {
            assert_int_equal(rig.devices[i].in_error, TENON_OK);
            assert_int_equal(rig.devices[i].in_sequence, cycles);
            assert_in_range(load_position(&rig.devices[i]), 2270, 2330);
        }
        assert_int_equal(rig.base->counters.timeout_count, 0);
        assert_int_equal(rig.base->counters.overrun_count, 0);
        assert_int_equal(rig.base->counters.stale_count + rig.base->counters.noise_bytes, 0);
    }
}

static void the_wire_is_busy_with_bytes_and_delays_only(void **state)
{
    (void)state;
    rig_make(1000000);
    const tenon_ns_t before = rig.base->counters.busy_ns;
    run_cycles(100, TENON_MS(4), 2048);
    const tenon_ns_t busy = (rig.base->counters.busy_ns - before) / 100;
    assert_true(busy >= TENON_US(1900) && busy <= TENON_US(2000));
}

/* A host that is always late by one period meets every second cycle only. */
static void no_servo_starves_when_every_second_cycle_is_skipped(void **state)
{
    (void)state;
    rig_make(1000000);
    for (uint8_t i = 0; i < SERVOS; i++) {
        rig.devices[i].divisor = 2;
        rig.devices[i].phase = i % 2;
        write_register((uint8_t)(i + 1), TORQUE_ENABLE, 1);
    }
    run_cycles(1, TENON_MS(4), 2048);
    uint32_t before[SERVOS];
    for (size_t i = 0; i < SERVOS; i++) {
        before[i] = rig.devices[i].in_sequence;
    }
    for (unsigned c = 0; c < 10; c++) {
        rig.cycle++;
        run_cycles(1, TENON_MS(8), 2100);
    }
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(rig.devices[i].in_sequence - before[i], 10);
        assert_int_equal(tenon_sim_servo_peek(&rig.servos[i], GOAL_POSITION, 4), 2100);
    }
}

static void a_silent_servo_costs_nobody_else_a_command_or_a_sample(void **state)
{
    (void)state;
    for (int stall = 0; stall < 2; stall++) {
        for (size_t dead = 0; dead < SERVOS; dead++) {
            rig_make(1000000);
            rig.wire.absent_policy =
                (uint8_t)(stall == 1 ? TENON_SIM_ABSENT_STALL : TENON_SIM_ABSENT_SKIP);
            run_cycles(5, TENON_MS(4), 2048);
            const struct tenon_sim_faults faults = {.deaf = true};
            tenon_sim_servo_set_faults(&rig.servos[dead], &faults);
            run_cycles(20, TENON_MS(4), 2100);
            for (size_t i = 0; i < SERVOS; i++) {
                assert_int_equal(rig.devices[i].in_sequence, i == dead ? 5 : 25);
                assert_int_equal(tenon_sim_servo_peek(&rig.servos[i], GOAL_POSITION, 4) == 2100,
                                 i != dead);
            }
            assert_int_equal(rig.devices[dead].in_error, TENON_ERR_TIMEOUT);
            assert_int_equal(rig.base->counters.overrun_count, 0);
            tenon_sim_servo_set_faults(&rig.servos[dead], NULL);
            run_cycles(2, TENON_MS(4), 2100);
            assert_int_equal(rig.devices[dead].in_error, TENON_OK);
        }
    }
}

static void requests_and_cycles_share_the_wire(void **state)
{
    (void)state;
    rig_make(1000000);
    struct tenon_request reads[SERVOS];
    memset(reads, 0, sizeof reads);
    uint32_t done = 0;
    for (int c = 0; c < 200; c++) {
        for (uint8_t i = 0; i < SERVOS; i++) {
            if (reads[i].state == TENON_REQUEST_DONE) {
                assert_int_equal(reads[i].result, TENON_OK);
                assert_int_equal(reads[i].data[0], i + 1);
                done++;
            }
            if (reads[i].state == TENON_REQUEST_IDLE || reads[i].state == TENON_REQUEST_DONE) {
                reads[i] = (struct tenon_request){
                    .node = i + 1u, .operation = TENON_OP_READ, .address = 7, .width = 1};
                assert_int_equal(rig.api->submit(rig.base, &reads[i]), TENON_OK);
            }
        }
        run_cycles(1, TENON_MS(4), 2048);
    }
    assert_true(done > 600);
    for (size_t i = 0; i < SERVOS; i++) {
        assert_int_equal(rig.devices[i].in_sequence, 200);
    }
    assert_int_equal(rig.base->counters.overrun_count, 0);
}

static void an_adapter_that_echoes_and_noise_do_no_lasting_harm(void **state)
{
    (void)state;
    rig_make(1000000);
    rig.wire.echo = true;
    run_cycles(50, TENON_MS(4), 2048);
    assert_int_equal(rig.base->counters.echo_count, 100);
    assert_int_equal(rig.base->counters.timeout_count, 0);
    rig.wire.noise_ppm = 2000;
    rig.wire.seed = 12345;
    for (int c = 0; c < 500; c++) {
        run_cycles(1, TENON_MS(4), 2048);
        for (size_t i = 0; i < SERVOS; i++) {
            assert_true(
                rig.devices[i].in_sequence == 0 ||
                (load_position(&rig.devices[i]) >= 2040 && load_position(&rig.devices[i]) <= 2056));
        }
    }
    assert_true(rig.base->counters.crc_error_count > 0);
    rig.wire.noise_ppm = 0;
    run_cycles(6, TENON_MS(4), 2048); /* who seemed to disturb others is left alone for three */
    const uint32_t before = rig.devices[0].in_sequence;
    run_cycles(10, TENON_MS(4), 2048);
    assert_int_equal(rig.devices[0].in_sequence, before + 10);
}

/* ---- Answers later than the line promises ---- */

static void assert_right_or_failed(const struct tenon_request *request, uint8_t value)
{
    if (request->result == TENON_OK) {
        assert_int_equal(request->data[0], value);
    } else {
        assert_true(request->result == TENON_ERR_TIMEOUT || request->result == TENON_ERR_PROTO);
    }
}

static void an_answer_that_comes_late_is_not_taken_for_that_to_another_read(void **state)
{
    (void)state;
    static const struct {
        uint16_t address;
        uint8_t value;
    } registers[] = {{7, 1}, {11, 3}, {68, 2}, {65, 0}};
    for (int us = 0; us <= 6000; us += 250) {
        for (uint8_t attempts = 0; attempts < 3; attempts++) {
            unsigned good = 0;
            rig_make(1000000);
            rig.wire.adapter_delay_ns = TENON_US(us);
            for (int k = 0; k < 40; k++) {
                struct tenon_request read = {.node = 1,
                                             .operation = TENON_OP_READ,
                                             .address = registers[k % 4].address,
                                             .width = 1,
                                             .attempts = attempts};
                run_request(&read);
                assert_right_or_failed(&read, registers[k % 4].value);
                good += read.result == TENON_OK ? 1u : 0u;
            }
            /* An attempt lasts 1.6 ms and a little, and the answer to the first one counts. */
            const int lasts = attempts == 0 ? 3 : attempts;
            assert_true(us > lasts * 1600 || good == 40);
        }
    }
}

/* A status says nothing but that something was written: count what the servo has taken. */
static void a_late_write_status_is_not_taken_for_that_of_another_write(void **state)
{
    (void)state;
    for (int us = 0; us <= 6000; us += 250) {
        rig_make(1000000);
        rig.wire.adapter_delay_ns = TENON_US(us);
        for (uint8_t k = 1; k < 20; k++) {
            struct tenon_request write = {
                .node = 1, .operation = TENON_OP_WRITE, .address = 65, .width = 1, .data = {1}};
            struct tenon_request refused = {
                .node = 1, .operation = TENON_OP_WRITE, .address = 11, .width = 1, .data = {99}};
            run_request(&write);
            run_request(&refused);
            assert_true(write.result != TENON_ERR_DEVICE);
            assert_true(refused.result != TENON_OK);
        }
    }
}

static void a_late_answer_keeps_nobody_else_waiting(void **state)
{
    (void)state;
    rig_make(1000000);
    struct tenon_request absent[2] = {
        {.node = 40, .operation = TENON_OP_PING, .attempts = 1},
        {.node = 40, .operation = TENON_OP_PING, .attempts = 1},
    };
    struct tenon_request ping = {.node = 2, .operation = TENON_OP_PING, .attempts = 1};
    struct tenon_request off = {
        .node = 40, .operation = TENON_OP_TORQUE_OFF, .address = 64, .width = 1, .attempts = 1};
    run_request(&absent[0]);
    assert_int_equal(absent[0].result, TENON_ERR_TIMEOUT);
    const tenon_ns_t begin = rig.now;
    assert_int_equal(rig.api->submit(rig.base, &absent[1]), TENON_OK);
    assert_int_equal(rig.api->submit(rig.base, &ping), TENON_OK);
    run_until(begin + TENON_MS(2));
    assert_int_equal(ping.state, TENON_REQUEST_DONE);
    assert_int_equal(ping.result, TENON_OK);
    assert_int_equal(absent[1].state, TENON_REQUEST_QUEUED);
    assert_int_equal(rig.api->submit(rig.base, &off), TENON_OK);
    run_until(begin + TENON_MS(5));
    assert_int_equal(off.state, TENON_REQUEST_DONE); /* that one never waits */
    run_until(begin + TENON_MS(20));
    assert_int_equal(absent[1].state, TENON_REQUEST_DONE);
    assert_int_equal(absent[1].result, TENON_ERR_TIMEOUT);
}

static void a_late_answer_to_a_request_is_not_taken_for_a_sample(void **state)
{
    (void)state;
    for (int us = 0; us <= 6000; us += 250) {
        rig_make(1000000);
        rig.wire.adapter_delay_ns = TENON_US(us);
        for (int c = 0; c < 30; c++) {
            struct tenon_request read = {.node = (uint32_t)(c % SERVOS) + 1u,
                                         .operation = TENON_OP_READ,
                                         .address = 100,
                                         .width = 10};
            assert_int_equal(rig.api->submit(rig.base, &read), TENON_OK);
            run_cycles(3, TENON_MS(4), 2048);
            for (size_t i = 0; i < SERVOS; i++) {
                assert_true(rig.devices[i].in_sequence == 0 ||
                            (load_position(&rig.devices[i]) >= 2040 &&
                             load_position(&rig.devices[i]) <= 2056));
            }
            if (read.state == TENON_REQUEST_DONE && read.result == TENON_OK) {
                assert_int_equal(read.data[6] | read.data[7] << 8, 0); /* no position */
            }
            rig.api->cancel(rig.base, &read);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servos_follow_and_report_at_every_speed),
        cmocka_unit_test(the_wire_is_busy_with_bytes_and_delays_only),
        cmocka_unit_test(no_servo_starves_when_every_second_cycle_is_skipped),
        cmocka_unit_test(a_silent_servo_costs_nobody_else_a_command_or_a_sample),
        cmocka_unit_test(requests_and_cycles_share_the_wire),
        cmocka_unit_test(an_adapter_that_echoes_and_noise_do_no_lasting_harm),
        cmocka_unit_test(an_answer_that_comes_late_is_not_taken_for_that_to_another_read),
        cmocka_unit_test(a_late_write_status_is_not_taken_for_that_of_another_write),
        cmocka_unit_test(a_late_answer_keeps_nobody_else_waiting),
        cmocka_unit_test(a_late_answer_to_a_request_is_not_taken_for_a_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
