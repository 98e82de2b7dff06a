/* How late wake-ups were: in place, no allocation, some tens of instructions each. */
#include "posix_internal.h"

#include <stdio.h>

void tenon__lateness_add(struct tenon_posix_lateness *self, tenon_ns_t late)
{
    if (late < 0) {
        return;
    }
    unsigned k = 0;
    for (tenon_ns_t us = late / TENON_US(1); us > 1 && k + 1 < TENON_POSIX_LATENESS_BUCKETS;
         us /= 2) {
        k++;
    }
    self->bucket[k]++;
    self->count++;
    self->sum_ns += late;
    if (late > self->max_ns) {
        self->max_ns = late;
    }
}

tenon_ns_t tenon_posix_lateness_within(const struct tenon_posix_lateness *self, double share)
{
    uint64_t seen = 0;
    for (unsigned k = 0; k + 1 < TENON_POSIX_LATENESS_BUCKETS; k++) {
        seen += self->bucket[k];
        const tenon_ns_t edge = TENON_US((INT64_C(2) << k)) - 1;
        if ((double)seen >= share * (double)self->count) {
            return edge < self->max_ns ? edge : self->max_ns;
        }
    }
    return self->max_ns;
}

const char *
tenon_posix_lateness_text(const struct tenon_posix_lateness *self, char *out, size_t size)
{
    const tenon_ns_t mean = self->count > 0 ? self->sum_ns / (tenon_ns_t)self->count : 0;
    (void)snprintf(out, size,
                   "%llu wake-ups, mean %lld us, 99 %% within %lld us, longest %lld us late",
                   (unsigned long long)self->count, (long long)(mean / TENON_US(1)),
                   (long long)(tenon_posix_lateness_within(self, 0.99) / TENON_US(1)),
                   (long long)(self->max_ns / TENON_US(1)));
    return out;
}
