/*
 * The bus layer on a memory line with virtual servos that keep the protocol's timing, in simulated
 * time; the bus is called at its own deadlines only. How much of the wire it uses at full speed,
 * and what one servo costs that falls silent.
 */
#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/sim.h"

#include <stdio.h>
#include <string.h>

enum { SERVOS_MAX = 12, SILENT_SERVOS = 6, CYCLES = 200, AFTER_CYCLES = 10 };

#define PERIOD        TENON_MS(4)
#define RETURN_DELAY  9
#define BITS_PER_BYTE 10.0

static struct rig {
    struct tenon_sim_servo servos[SERVOS_MAX];
    struct tenon_sim_servo *list[SERVOS_MAX];
    struct tenon_sim_bus sim;
    struct tenon_memory_line line;
    struct tenon_dxl2_bus bus;
    struct tenon_bus *base;
    struct tenon_bus_device devices[SERVOS_MAX];
    uint8_t memory[TENON_DXL2_BUS_MEMORY(SERVOS_MAX)];
    unsigned count;
    uint32_t cycle;
    tenon_ns_t now;
    tenon_ns_t wake;
} rig;

static bool attach_one(unsigned i, uint32_t baud)
{
    static const struct tenon_field in_fields[] = {{126, 2}, {128, 4}, {132, 4}};
    static const struct tenon_field out_fields[] = {{116, 4}};
    rig.list[i] = &rig.servos[i];
    if (tenon_sim_servo_init(&rig.servos[i], "xm430-w350", (uint8_t)(i + 1), baud) != TENON_OK) {
        return false;
    }
    rig.devices[i] = (struct tenon_bus_device){.node = i + 1u,
                                               .in_fields = in_fields,
                                               .in_count = 3,
                                               .out_fields = out_fields,
                                               .out_count = 1,
                                               .divisor = 1,
                                               .is_listening = true};
    return tenon_bus_get_api(rig.base)->attach(rig.base, &rig.devices[i]) == TENON_OK;
}

static void poll_bus(void)
{
    rig.wake = TENON_NEVER;
    tenon_sim_bus_serve(&rig.sim, &rig.line, rig.now);
    (void)tenon_bus_get_api(rig.base)->poll(rig.base, &rig.line.base, rig.now, &rig.wake);
}

static void go_on(void)
{
    rig.now = rig.wake > rig.now ? rig.wake : rig.now + 1;
    poll_bus();
}

/* Through the bus, for it learns from the write how long to wait for answers. */
static bool clear_return_delay(unsigned i)
{
    struct tenon_request write = {
        .node = i + 1u, .operation = TENON_OP_WRITE, .address = RETURN_DELAY, .width = 1};
    if (tenon_bus_get_api(rig.base)->submit(rig.base, &write) != TENON_OK) {
        return false;
    }
    poll_bus();
    while (write.state != TENON_REQUEST_DONE && rig.wake != TENON_NEVER) {
        go_on();
    }
    return write.state == TENON_REQUEST_DONE && write.result == TENON_OK;
}

static bool make(unsigned count, uint32_t baud)
{
    memset(&rig, 0, sizeof rig);
    rig.now = TENON_S(1);
    rig.count = count;
    rig.base = tenon_dxl2_bus_init(&rig.bus, rig.memory, sizeof rig.memory);
    bool is_made = rig.base != NULL && tenon_memory_line_init(&rig.line, baud) != NULL;
    for (unsigned i = 0; i < count && is_made; i++) {
        is_made = attach_one(i, baud);
    }
    tenon_sim_bus_init(&rig.sim, rig.list, count);
    tenon_sim_bus_serve(&rig.sim, &rig.line, rig.now);
    for (unsigned i = 0; i < count && is_made; i++) {
        is_made = clear_return_delay(i);
    }
    return is_made;
}

static void stage(void)
{
    for (unsigned i = 0; i < rig.count; i++) {
        const uint8_t goal[] = {0, 8, 0, 0};
        memcpy(rig.devices[i].out, goal, sizeof goal);
        rig.devices[i].out_is_fresh = true;
    }
    tenon_bus_get_api(rig.base)->stage(rig.base, ++rig.cycle, rig.now);
    poll_bus();
}

/* Until the staged cycle is over. @return How long it took; negative: for ever. */
static tenon_ns_t run_cycle(void)
{
    const uint32_t before = rig.base->counters.cycle_count;
    const tenon_ns_t begin = rig.now;
    stage();
    while (rig.base->counters.cycle_count == before) {
        if (rig.wake == TENON_NEVER) {
            return -1;
        }
        go_on();
    }
    return rig.now - begin;
}

/* Bytes and device delays (none) against the time that the cycles take, one after another. */
static bool print_efficiency(uint32_t baud, const char *name)
{
    tenon_ns_t taken = 0;
    if (!make(SERVOS_MAX, baud)) {
        return false;
    }
    const uint64_t before = rig.line.base.rx_bytes + rig.line.base.tx_bytes;
    for (int i = 0; i < CYCLES; i++) {
        taken += run_cycle();
    }
    const double bytes = (double)(rig.line.base.rx_bytes + rig.line.base.tx_bytes - before);
    const double needed_ns = bytes * BITS_PER_BYTE / (double)baud * 1e9;
    for (unsigned i = 0; i < rig.count; i++) {
        if (rig.devices[i].in_sequence != CYCLES) {
            return false;
        }
    }
    printf("wire.efficiency.%s %.3f ratio\n", name, needed_ns / (double)taken);
    return true;
}

struct silence {
    tenon_ns_t lost;     /* beyond a healthy cycle */
    tenon_ns_t deadline; /* which the bus had set itself for the answers */
    uint32_t missed;     /* by the neighbours */
};

static tenon_ns_t run_period(void)
{
    const tenon_ns_t next = rig.now + PERIOD;
    const tenon_ns_t taken = run_cycle();
    rig.now = next;
    return taken;
}

static uint32_t neighbours_samples(unsigned silent)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < rig.count; i++) {
        sum += i == silent ? 0 : rig.devices[i].in_sequence;
    }
    return sum;
}

static bool fall_silent(unsigned silent, enum tenon_sim_absent_policy policy, struct silence *out)
{
    static const struct tenon_sim_faults faults = {.silent = true};
    tenon_ns_t healthy = 0;
    if (!make(SILENT_SERVOS, 1000000)) {
        return false;
    }
    rig.sim.absent_policy = (uint8_t)policy;
    for (int i = 0; i < AFTER_CYCLES; i++) {
        healthy = run_period();
    }
    out->deadline = rig.bus.timeout_ns - rig.bus.start_ns;
    tenon_sim_servo_set_faults(&rig.servos[silent], &faults);
    const uint32_t before = neighbours_samples(silent);
    const tenon_ns_t begin = rig.now;
    out->lost = run_period() - healthy;
    for (int i = 1; i < AFTER_CYCLES; i++) {
        (void)run_period();
    }
    out->missed = AFTER_CYCLES * (uint32_t)(rig.count - 1) - (neighbours_samples(silent) - before);
    return rig.now == begin + AFTER_CYCLES * PERIOD;
}

/* The worst of every place in the order of answers and both ways in which those behind may react.
 */
static bool print_silence(void)
{
    struct silence worst = {0};
    for (unsigned i = 0; i < 2u * SILENT_SERVOS; i++) {
        struct silence s;
        const enum tenon_sim_absent_policy policy =
            i % 2 == 0 ? TENON_SIM_ABSENT_SKIP : TENON_SIM_ABSENT_STALL;
        if (!fall_silent(i / 2, policy, &s)) {
            return false;
        }
        worst.lost = s.lost > worst.lost ? s.lost : worst.lost;
        worst.missed = s.missed > worst.missed ? s.missed : worst.missed;
        worst.deadline = s.deadline;
    }
    printf("silent.lost_ms %.3f ms\n", (double)worst.lost * 1e-6);
    printf("silent.lost_over_deadline %.3f ratio\n", (double)worst.lost / (double)worst.deadline);
    printf("silent.neighbours_missed %lu count\n", (unsigned long)worst.missed);
    return true;
}

int main(void)
{
    const bool is_measured =
        print_efficiency(1000000, "1M") && print_efficiency(4000000, "4M") && print_silence();
    if (!is_measured) {
        fprintf(stderr, "bench_wire: samples are missing\n");
    }
    return is_measured ? 0 : 1;
}
