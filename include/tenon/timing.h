/** @file timing.h @brief In-place account of the time a part of the step takes. */
#ifndef TENON_TIMING_H
#define TENON_TIMING_H

#include "tenon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Buckets of a histogram of times. */
#define TENON_TIMING_BUCKETS 20

/**
 * Times in ticks of the port. Calls are the sum of the buckets, save for halvings that keep these
 * from overflowing.
 */
struct tenon_timing {
    uint64_t sum_ticks;                    /**< Only rises. */
    uint32_t max_ticks;                    /**< Longest so far. */
    uint32_t watch_ticks;                  /**< Private: times up to this are nothing new. */
    uint16_t bucket[TENON_TIMING_BUCKETS]; /**< bucket[k]: calls of 2^k ... 2^(k+1)-1 ticks (k = 0:
                                              also 0 ticks). */
};

#ifdef __cplusplus
}
#endif
#endif
