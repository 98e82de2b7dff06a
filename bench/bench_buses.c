/*
 * Four buses on one thread against one, in simulated time: from the release to the last answer of
 * the cycle, six joints on each bus at 1 Mbps.
 */
#include "sim_arm.h"

#include <stdio.h>

enum { JOINTS = 6, CYCLES = 200, BUSES = 4 };

static struct sim_arm arm;

static tenon_ns_t newest_stamp(void)
{
    tenon_ns_t newest = 0;
    for (unsigned i = 0; i < arm.joint_count; i++) {
        const tenon_ns_t stamp = arm.motors[i].base.device->in_stamp_ns;
        newest = stamp > newest ? stamp : newest;
    }
    return newest;
}

/* Mean over the cycles, ns; negative: it did not run. */
static double cycle_ns(unsigned buses)
{
    tenon_ns_t sum = 0;
    if (sim_arm_start(&arm, buses, JOINTS, 1000000) != TENON_OK) {
        return -1.0;
    }
    for (int i = 0; i < CYCLES; i++) {
        const tenon_ns_t begin = arm.now;
        sim_arm_cycle(&arm);
        sum += newest_stamp() - begin;
    }
    for (unsigned i = 0; i < arm.joint_count; i++) {
        if (arm.motors[i].base.device->counters.missed_count != 0) {
            return -1.0;
        }
    }
    return (double)sum / CYCLES;
}

int main(void)
{
    const double one = cycle_ns(1);
    const double four = cycle_ns(BUSES);
    if (one <= 0.0 || four <= 0.0) {
        fprintf(stderr, "bench_buses: samples are missing\n");
        return 1;
    }
    printf("buses.4_over_1 %.3f ratio\n", four / one);
    return 0;
}
