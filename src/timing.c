#include "core_internal.h"

static unsigned bucket_of(uint32_t ticks)
{
    const unsigned log2 = 31u - (unsigned)__builtin_clz(ticks | 1u);
    return log2 < TENON_TIMING_BUCKETS ? log2 : TENON_TIMING_BUCKETS - 1u;
}

/* Halving all keeps the shape of the histogram when one bucket is about to overflow. */
static void halve(struct tenon_timing *timing)
{
    for (unsigned i = 0; i < TENON_TIMING_BUCKETS; i++) {
        timing->bucket[i] = (uint16_t)(timing->bucket[i] >> 1);
    }
}

void tenon__timing_add(struct tenon_timing *timing, uint32_t ticks)
{
    uint16_t *const bucket = &timing->bucket[bucket_of(ticks)];
    timing->sum_ticks += ticks;
    if (ticks > timing->max_ticks) {
        timing->max_ticks = ticks;
    }
    (*bucket)++;
    if (*bucket == UINT16_MAX) {
        halve(timing);
    }
}
