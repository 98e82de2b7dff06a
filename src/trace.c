/*
 * Spans of traced commands. The ring has one writer, the cyclic thread, which never waits: it
 * overwrites the oldest. A reader copies, then looks whether what it copied was overwritten
 * meanwhile.
 */
#include "core_internal.h"

#define CAPACITY_MIN 8u

/* A reader may copy a span that is being overwritten: it drops what was. */
#if defined(__clang__) || defined(__GNUC__)
#define RACES_KNOWINGLY __attribute__((no_sanitize("thread"), noinline))
#else
#define RACES_KNOWINGLY
#endif

int tenon_sched_add_trace(struct tenon_sched *self,
                          struct tenon_trace *trace,
                          struct tenon_span *spans,
                          uint32_t capacity)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    if (trace == NULL || spans == NULL) {
        return tenon__refuse(self, TENON_ERR_ARG, TENON_CAUSE_NULL, "trace");
    }
    if (self->is_started || self->trace != NULL) {
        return tenon__refuse(self, TENON_ERR_STATE,
                             self->is_started ? TENON_CAUSE_STARTED : TENON_CAUSE_ALREADY_ADDED,
                             "trace");
    }
    if (capacity < CAPACITY_MIN || (capacity & (capacity - 1u)) != 0) {
        return tenon__refuse_value(self, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, "trace",
                                   (float)capacity, (float)CAPACITY_MIN);
    }
    *trace = (struct tenon_trace){.spans = spans, .mask = capacity - 1u};
    trace->ticks = self->port->ticks;
    self->trace = trace;
    return TENON_OK;
}

void tenon_trace_switch(struct tenon_trace *self, bool on)
{
    if (self != NULL) {
        tenon__store(&self->is_on, on ? 1u : 0u);
    }
}

/* --- writing --- */

/* The number of spans is stored first as one that is not whole, so that a reader drops what may be
 * half overwritten. The fences here and there keep it first, seen from another core. */
RACES_KNOWINGLY void tenon__trace_put(struct tenon_trace *trace, const struct tenon_span *span)
{
    const uint32_t number = trace->written;
    tenon__store(&trace->begun, number + 1u);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    trace->spans[number & trace->mask] = *span;
    tenon__store(&trace->written, number + 1u);
}

uint32_t tenon_trace_ticks(const struct tenon_wire *wire)
{
    if (wire == NULL || wire->sched == NULL) {
        return 0;
    }
    const struct tenon_trace *const trace = wire->sched->trace;
    return trace != NULL && tenon__load(&trace->is_on) != 0 ? trace->ticks() : 0;
}

void tenon_trace_sent(const struct tenon_wire *wire,
                      struct tenon_bus_device *device,
                      uint32_t *io_link)
{
    struct tenon_trace *const trace = wire->sched->trace;
    if (device->command == 0 || trace == NULL) {
        return;
    }
    if (device->link != 0) { /* sent, never answered, and no new one has come */
        device->command = 0;
        device->link = 0;
        return;
    }
    if (*io_link == 0) {
        trace->transmissions += trace->transmissions < UINT32_MAX ? 1u : 2u; /* 0 means none */
        *io_link = trace->transmissions;
    }
    device->link = *io_link;
    const uint32_t ticks = trace->ticks();
    const struct tenon_span span = {.subject = wire->name,
                                    .command = device->command,
                                    .link = *io_link,
                                    .begin_ticks = ticks,
                                    .end_ticks = ticks,
                                    .value = (uint16_t)device->node,
                                    .kind = TENON_SPAN_SENT};
    tenon__trace_put(trace, &span);
}

void tenon_trace_answered(const struct tenon_wire *wire, struct tenon_bus_device *device, int code)
{
    struct tenon_trace *const trace = wire->sched->trace;
    if (device->link == 0 || trace == NULL) {
        return;
    }
    const uint32_t ticks = trace->ticks();
    const struct tenon_span span = {.subject = wire->name,
                                    .command = device->command,
                                    .link = device->link,
                                    .begin_ticks = ticks,
                                    .end_ticks = ticks,
                                    .value = (uint16_t)device->node,
                                    .kind = TENON_SPAN_ANSWERED,
                                    .code = (int8_t)code};
    tenon__trace_put(trace, &span);
    device->link = 0;
    device->command = 0;
}

void tenon_trace_over(const struct tenon_wire *wire,
                      uint32_t link,
                      uint32_t begin_ticks,
                      unsigned nodes)
{
    struct tenon_trace *const trace = wire->sched->trace;
    if (link == 0 || trace == NULL) {
        return;
    }
    const struct tenon_span span = {.subject = wire->name,
                                    .link = link,
                                    .begin_ticks = begin_ticks,
                                    .end_ticks = trace->ticks(),
                                    .value = (uint16_t)nodes,
                                    .kind = TENON_SPAN_TRANSMISSION};
    tenon__trace_put(trace, &span);
}

/* --- reading --- */

RACES_KNOWINGLY int tenon_trace_take(struct tenon_trace *self,
                                     struct tenon_span *out_spans,
                                     uint32_t capacity,
                                     uint32_t *out_lost)
{
    if (self == NULL || self->spans == NULL || out_spans == NULL) {
        return TENON_ERR_ARG;
    }
    const uint32_t size = self->mask + 1u;
    const uint32_t written = tenon__load(&self->written);
    uint32_t from = self->taken;
    if (written - from > size) {
        from = written - size;
    }
    uint32_t count = written - from < capacity ? written - from : capacity;
    for (uint32_t i = 0; i < count; i++) {
        out_spans[i] = self->spans[(from + i) & self->mask];
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    /* What was begun meanwhile has overwritten the oldest of them. */
    const uint32_t begun = tenon__load(&self->begun);
    uint32_t spoilt = begun - from > size ? begun - from - size : 0;
    spoilt = spoilt < count ? spoilt : count;
    memmove(out_spans, out_spans + spoilt, (count - spoilt) * sizeof *out_spans);
    if (out_lost != NULL) {
        *out_lost = from + spoilt - self->taken;
    }
    self->taken = from + count;
    return (int)(count - spoilt);
}
