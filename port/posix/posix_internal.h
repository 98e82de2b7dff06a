/* What the files of the runner share. Hidden visibility. */
#ifndef TENON_POSIX_INTERNAL_H
#define TENON_POSIX_INTERNAL_H

#include "tenon/posix.h"

#include <time.h>

static inline struct timespec tenon__timespec(tenon_ns_t t)
{
    const struct timespec result = {.tv_sec = (time_t)(t / TENON_S(1)),
                                    .tv_nsec = (long)(t % TENON_S(1))};
    return result;
}

/* A sleep has ended so late; one that was cut short (below 0) does not count. */
void tenon__lateness_add(struct tenon_posix_lateness *self, tenon_ns_t late);

/* Fill in a refusal for real-time priority `wanted`. */
int tenon__refuse_priority(struct tenon_diag *out, int wanted);

#endif
