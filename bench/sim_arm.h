/** @file sim_arm.h @brief Joints with virtual servos and ratio reducers on memory lines, in
 * simulated time. */
#ifndef TENON_BENCH_SIM_ARM_H
#define TENON_BENCH_SIM_ARM_H

#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/drivers/ratio_reducer.h"
#include "tenon/sched.h"
#include "tenon/sim.h"

#define SIM_ARM_WIRES  4
#define SIM_ARM_JOINTS 12 /* of one wire */
#define SIM_ARM_ALL    (SIM_ARM_WIRES * SIM_ARM_JOINTS)
#define SIM_ARM_PERIOD TENON_MS(4)
#define SIM_ARM_SPANS  128

/**
 * A memory line behind functions that are known by name: callgrind is told to leave out what
 * happens in bench_line_read and bench_line_write.
 */
struct bench_line {
    struct tenon_line base;
    struct tenon_memory_line inner;
};

struct sim_arm_wire {
    struct tenon_wire wire;
    struct bench_line line;
    struct tenon_dxl2_bus bus;
    uint64_t bus_memory[TENON_DXL2_BUS_MEMORY(SIM_ARM_JOINTS) / sizeof(uint64_t)];
    struct tenon_sim_bus sim;
    struct tenon_sim_servo servos[SIM_ARM_JOINTS];
    struct tenon_sim_servo *list[SIM_ARM_JOINTS];
};

/** Big: make it static. */
struct sim_arm {
    struct tenon_sched sched;
    struct sim_arm_wire wires[SIM_ARM_WIRES];
    struct tenon_joint joints[SIM_ARM_ALL];
    struct tenon_dxl2_motor motors[SIM_ARM_ALL];
    struct tenon_ratio_reducer gears[SIM_ARM_ALL];
    struct tenon_joint *members[SIM_ARM_ALL];
    struct tenon_group group; /**< Of all joints. */
    struct tenon_reader reader;
    struct tenon_trace trace;
    struct tenon_span spans[SIM_ARM_SPANS]; /**< Written once the trace is switched on. */
    unsigned wire_count;
    unsigned joint_count; /**< On all wires together. */
    unsigned poll_count;  /**< Polls of the newest cycle, the one that sends included. */
    tenon_ns_t now;
    uint64_t memory[2048 + 128 * SIM_ARM_ALL];
};

/** The measured parts of a cycle: what callgrind is told to collect. */
__attribute__((noinline)) void bench_step(struct sim_arm *arm, tenon_ns_t *out_deadline);
__attribute__((noinline)) void bench_poll(struct sim_arm *arm, tenon_ns_t *out_deadline);
int bench_line_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t now);
int bench_line_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now);

/** All joints ENABLED in position mode, or an error. */
int sim_arm_start(struct sim_arm *arm, unsigned wires, unsigned joints_per_wire, uint32_t baud);
/** One period as the POSIX runner calls it: step, poll, then polls at the deadlines. */
void sim_arm_cycle(struct sim_arm *arm);

#endif
