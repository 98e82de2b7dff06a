/*
 * Six joints on a serial port, 250 Hz, moved by their group without end: bench_pty PORT CYCLES
 *
 * Counts what is allocated in the cycles, with the C library's malloc() replaced by one that
 * counts; whoever traces the system calls of two runs of different length learns those of a cycle.
 */
#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/ratio_reducer.h"
#include "tenon/drivers/serialport_line.h"
#include "tenon/posix.h"

#include <stdio.h>
#include <stdlib.h>

enum { JOINTS = 6 };

#define PERIOD TENON_MS(4)

/* --- glibc's allocator, counted --- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static unsigned long allocations;

#pragma GCC visibility push(default)

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    allocations++;
    return __libc_realloc(block, size);
}

#pragma GCC visibility pop

/* --- the arm --- */

static uint64_t memory[1024], bus_memory[TENON_DXL2_BUS_MEMORY(JOINTS) / sizeof(uint64_t)];
static struct tenon_sched sched;
static struct tenon_wire wire;
static struct tenon_serialport_line line;
static struct tenon_dxl2_bus bus;
static struct tenon_dxl2_motor servos[JOINTS];
static struct tenon_ratio_reducer gears[JOINTS];
static struct tenon_joint joints[JOINTS];
static struct tenon_group arm;
static struct tenon_joint *const members[JOINTS] = {&joints[0], &joints[1], &joints[2],
                                                    &joints[3], &joints[4], &joints[5]};

static void assemble(const char *port)
{
    static const struct tenon_joint_limits limits = {-1.5, 1.5, 0.5f, 2.0f, 20.0f, 0.0f, 0.0f};
    tenon_sched_init(&sched, &tenon_posix_port, PERIOD, memory, sizeof memory);
    tenon_sched_add_wire(&sched, &wire, port, tenon_serialport_line_init(&line, port, 1000000),
                         tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    for (uint8_t i = 0; i < JOINTS; i++) {
        tenon_sched_add_joint(
            &sched, &joints[i], "joint",
            tenon_dxl2_motor_init(&servos[i], &wire, (uint8_t)(i + 1), TENON_MODE_POSITION),
            &limits);
        tenon_joint_use_reducer(&joints[i], tenon_ratio_reducer_init(&gears[i], 2.0));
    }
    tenon_sched_add_group(&sched, &arm, "arm", members, JOINTS);
}

static int move_on(void)
{
    static double goals[JOINTS];
    if (arm.status == TENON_GROUP_MOVING || arm.status == TENON_GROUP_PREPARING) {
        return TENON_OK;
    }
    for (int i = 0; i < JOINTS; i++) {
        goals[i] = goals[i] > 0.0 ? -0.5 : 0.5;
    }
    return tenon_group_move_to(&arm, goals);
}

static int run(unsigned long cycles)
{
    int rc = tenon_group_enable(&arm);
    for (unsigned long i = 0; i < cycles && rc == TENON_OK; i++) {
        rc = i % 50 == 0 ? move_on() : TENON_OK;
        rc = rc == TENON_OK ? tenon_posix_cycle(&sched) : rc;
    }
    return rc;
}

int main(int argc, char **argv)
{
    const unsigned long cycles = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    if (cycles == 0) {
        fprintf(stderr, "usage: bench_pty PORT CYCLES\n");
        return 2;
    }
    assemble(argv[1]);
    int rc = tenon_posix_start(&sched, TENON_MS(3000));
    const unsigned long before = allocations;
    rc = rc == TENON_OK ? run(cycles) : rc;
    const unsigned long counted = allocations - before;
    if (rc == TENON_OK) {
        printf("allocations %lu cycles %lu line %s\n", counted, cycles,
               tenon_serialport_line_path_name(&line));
    } else {
        char text[256];
        fprintf(stderr, "bench_pty: %s\n",
                tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text));
    }
    (void)tenon_posix_stop(&sched, TENON_MS(2000));
    return rc == TENON_OK ? 0 : 1;
}
