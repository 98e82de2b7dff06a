#include "core_internal.h"

#define WATCH_MAX ((UINT32_C(1) << TENON_TIMING_BUCKETS) - 1u) /* what the buckets tell apart */

void tenon__timing_note_longest(struct tenon_timing *timing, uint32_t ticks)
{
    if (ticks > timing->max_ticks) {
        timing->max_ticks = ticks;
        timing->watch_ticks = ticks < WATCH_MAX ? ticks : WATCH_MAX;
    }
}

/* Halving all keeps the shape of the histogram when one bucket has run over. */
void tenon__timing_halve(struct tenon_timing *timing, unsigned full)
{
    for (unsigned i = 0; i < TENON_TIMING_BUCKETS; i++) {
        timing->bucket[i] = (uint16_t)(timing->bucket[i] >> 1);
    }
    timing->bucket[full] = UINT16_MAX / 2u + 1u;
}
