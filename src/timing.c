#include "core_internal.h"

/* Halving all keeps the shape of the histogram when one bucket is about to overflow. */
void tenon__timing_halve(struct tenon_timing *timing)
{
    for (unsigned i = 0; i < TENON_TIMING_BUCKETS; i++) {
        timing->bucket[i] = (uint16_t)(timing->bucket[i] >> 1);
    }
}
