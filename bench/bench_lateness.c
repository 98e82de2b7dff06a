/*
 * How late the runner wakes: bench_lateness PERIOD_US SECONDS [PRIORITY]
 *
 * Runs an empty scheduler. With a priority the thread is made a real-time one first. Prints
 *     COUNT MEAN_US WITHIN_99_US LONGEST_US
 * for scripts/bench-lateness, which runs cyclictest beside it.
 */
#include "tenon/posix.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t memory[64];
static struct tenon_sched sched;
static struct tenon_posix_lateness lateness;

static int fail(const struct tenon_diag *diag)
{
    char text[256];
    (void)fprintf(stderr, "bench_lateness: %s\n", tenon_diag_text(diag, text, sizeof text));
    return 1;
}

static double us(tenon_ns_t t)
{
    return (double)t * 1e-3;
}

int main(int argc, char **argv)
{
    const long period_us = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    const long seconds = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    const struct tenon_posix_realtime_config config = {
        .priority = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0};
    struct tenon_diag diag;
    if (period_us <= 0 || seconds <= 0) {
        (void)fputs("usage: bench_lateness PERIOD_US SECONDS [PRIORITY]\n", stderr);
        return 2;
    }
    if (argc > 3 && tenon_posix_realtime(&config, &diag) < 0) {
        return fail(&diag);
    }
    (void)tenon_sched_init(&sched, &tenon_posix_port, TENON_US(period_us), memory, sizeof memory);
    if (tenon_sched_start(&sched) < 0) {
        return fail(tenon_sched_diag(&sched));
    }
    const tenon_ns_t end = tenon_posix_now() + TENON_S(seconds);
    while (tenon_posix_now() < end) {
        (void)tenon_posix_cycle_timed(&sched, &lateness);
    }
    if (lateness.count == 0) {
        return 1;
    }
    (void)printf("%llu %.1f %.1f %.1f\n", (unsigned long long)lateness.count,
                 us(lateness.sum_ns) / (double)lateness.count,
                 us(tenon_posix_lateness_within(&lateness, 0.99)), us(lateness.max_ns));
    return 0;
}
