/*
 * Every fault once. The ring has one writer, the cyclic thread, and one reader: an entry belongs to
 * the reader from when `tail` passes it until `head` does, but for its count of masked faults,
 * which goes up meanwhile.
 */
#include "core_internal.h"

#define EPISODE_NS TENON_S(1) /* releases missed within it are one fault */

_Static_assert((TENON_EVENTS_MAX & (TENON_EVENTS_MAX - 1)) == 0, "the indices run freely");
_Static_assert(TENON_CAUSE_COUNT <= UINT8_MAX, "a seat remembers a cause in a byte");

static struct tenon_event *entry_at(struct tenon_event_log *log, uint32_t index)
{
    return &log->entries[index % TENON_EVENTS_MAX];
}

static uint32_t waiting(const struct tenon_event_log *log)
{
    return log->tail - tenon__load(&log->head);
}

static void tell(struct tenon_sched *sched,
                 enum tenon_event_kind kind,
                 enum tenon_event_source source,
                 uint8_t role,
                 const char *name,
                 const struct tenon_diag *why)
{
    struct tenon_event_log *const log = &sched->events;
    const uint32_t number = log->counts.event_count;
    tenon__store(&log->counts.event_count, number + 1u);
    if (waiting(log) >= TENON_EVENTS_MAX) {
        tenon__store(&log->counts.dropped_count, log->counts.dropped_count + 1u);
        return;
    }
    *entry_at(log, log->tail) = (struct tenon_event){.time_ns = log->now_ns,
                                                     .name = name,
                                                     .diag = *why,
                                                     .number = number,
                                                     .kind = (uint8_t)kind,
                                                     .source = (uint8_t)source,
                                                     .role = role};
    tenon__store(&log->tail, log->tail + 1u);
}

/* Whether this is what masks: names are one and the same text everywhere. */
static bool is_origin(const struct tenon_event *event, const struct tenon_diag *why)
{
    if (why->cause == TENON_CAUSE_WIRE_DOWN) {
        return event->name == why->detail &&
               (event->role == TENON_ROLE_LINE || event->role == TENON_ROLE_BUS);
    }
    return event->diag.cause == why->cause && (why->subject == NULL || why->subject == event->name);
}

static void mask(struct tenon_sched *sched, const struct tenon_diag *why)
{
    struct tenon_event_log *const log = &sched->events;
    tenon__store(&log->counts.masked_count, log->counts.masked_count + 1u);
    for (uint32_t n = waiting(log), i = log->tail - 1u; n > 0; n--, i--) {
        struct tenon_event *const event = entry_at(log, i);
        if (event->diag.code != TENON_OK && is_origin(event, why)) {
            tenon__store(&event->masked_count, event->masked_count + 1u);
            return;
        }
    }
}

void tenon__event_slot(struct tenon_sched *sched, struct tenon_slot *slot)
{
    const struct tenon_module *const m = slot->module;
    const bool is_given_up = m->state == TENON_MODULE_FAILED;
    const bool is_known = !is_given_up && m->diag.cause == slot->told;
    slot->told = (uint8_t)m->diag.cause;
    if (is_known || m->diag.cause == TENON_CAUSE_WIRE_DOWN) {
        mask(sched, &m->diag);
    } else {
        tell(sched, is_given_up ? TENON_EVENT_FAILED : TENON_EVENT_FAULT, TENON_SOURCE_MODULE,
             slot->role, slot->name, &m->diag);
    }
}

void tenon__event_restarted(struct tenon_sched *sched, struct tenon_slot *slot)
{
    const struct tenon_diag news = {.cause = TENON_CAUSE_RESTARTED, .subject = slot->name};
    slot->told = TENON_CAUSE_NONE;
    if (waiting(&sched->events) < TENON_EVENTS_MAX / 2) {
        tell(sched, TENON_EVENT_RESTARTED, TENON_SOURCE_MODULE, slot->role, slot->name, &news);
    }
}

void tenon__event_derated(struct tenon_joint *joint, float heat)
{
    const struct tenon_diag news = {
        .cause = TENON_CAUSE_DERATED, .value = heat, .subject = joint->name};
    if (waiting(&joint->sched->events) < TENON_EVENTS_MAX / 2) {
        tell(joint->sched, TENON_EVENT_DERATED, TENON_SOURCE_JOINT, 0, joint->name, &news);
    }
}

void tenon__event_joint(struct tenon_joint *joint, const struct tenon_diag *why, bool is_masked)
{
    if (is_masked) {
        mask(joint->sched, why);
    } else {
        tell(joint->sched, TENON_EVENT_FAULT, TENON_SOURCE_JOINT, 0, joint->name, why);
    }
}

/* Other causes are those of a member, which has reported them. */
void tenon__event_group(const struct tenon_group *group)
{
    const bool is_own = group->diag.cause == TENON_CAUSE_MEMBER ||
                        group->diag.cause == TENON_CAUSE_NOT_ENABLED ||
                        group->diag.cause == TENON_CAUSE_BUSY;
    struct tenon_diag why = group->diag;
    if (is_own && !tenon__estop_is_latched(group->sched)) {
        tell(group->sched, TENON_EVENT_ABORTED, TENON_SOURCE_GROUP, 0, group->name, &why);
        return;
    }
    why.subject = why.cause == TENON_CAUSE_ESTOP ? NULL : why.subject; /* it is the scheduler's */
    mask(group->sched, &why);
}

void tenon__event_sched(struct tenon_sched *sched,
                        int code,
                        enum tenon_cause cause,
                        const char *name,
                        tenon_ns_t value,
                        tenon_ns_t bound)
{
    const struct tenon_diag why = {
        .code = (int16_t)code,
        .cause = (uint16_t)cause,
        .value = (float)value * 1e-9f,
        .bound = (float)bound * 1e-9f,
        .subject = name,
    };
    tell(sched, TENON_EVENT_FAULT, TENON_SOURCE_SCHED, 0, name, &why);
}

/* Being late comes in swarms: one event a second. */
static void tell_late(struct tenon_sched *sched,
                      enum tenon_event_source source,
                      const struct tenon_diag *why,
                      tenon_ns_t *io_newest_ns)
{
    const tenon_ns_t now = sched->events.now_ns;
    const bool is_known = *io_newest_ns != 0 && now - *io_newest_ns < EPISODE_NS;
    *io_newest_ns = now;
    if (is_known) {
        const struct tenon_diag same = {.cause = why->cause};
        mask(sched, &same);
    } else {
        tell(sched, TENON_EVENT_LATE, source, 0, why->subject, why);
    }
}

void tenon__event_overrun(struct tenon_sched *sched, tenon_ns_t late)
{
    const struct tenon_diag why = {
        .code = TENON_ERR_TIMEOUT,
        .cause = TENON_CAUSE_OVERRUN,
        .value = (float)late * 1e-9f,
        .bound = (float)sched->period_ns * 1e-9f,
        .subject = "scheduler",
    };
    tell_late(sched, TENON_SOURCE_SCHED, &why, &sched->events.overrun_ns);
}

void tenon__event_budget(struct tenon_joint *joint, float took_s, float budget_s)
{
    const struct tenon_diag why = {
        .code = TENON_ERR_TIMEOUT,
        .cause = TENON_CAUSE_BUDGET,
        .value = took_s,
        .bound = budget_s,
        .subject = joint->name,
    };
    tell_late(joint->sched, TENON_SOURCE_JOINT, &why, &joint->sched->events.budget_ns);
}

/* --- taking --- */

int tenon_sched_take_event(struct tenon_sched *self, struct tenon_event *out_event)
{
    if (self == NULL || out_event == NULL) {
        return TENON_ERR_ARG;
    }
    struct tenon_event_log *const log = &self->events;
    const uint32_t head = log->head;
    if (head == tenon__load(&log->tail)) {
        return TENON_ERR_AGAIN;
    }
    const struct tenon_event *const event = entry_at(log, head);
    *out_event = (struct tenon_event){.time_ns = event->time_ns,
                                      .name = event->name,
                                      .diag = event->diag,
                                      .number = event->number,
                                      .masked_count = tenon__load(&event->masked_count),
                                      .kind = event->kind,
                                      .source = event->source,
                                      .role = event->role};
    tenon__store(&log->head, head + 1u);
    return TENON_OK;
}

struct tenon_event_counts tenon_sched_count_events(const struct tenon_sched *self)
{
    if (self == NULL) {
        return (struct tenon_event_counts){.event_count = 0};
    }
    const struct tenon_event_counts *const counts = &self->events.counts;
    return (struct tenon_event_counts){
        .event_count = tenon__load(&counts->event_count),
        .masked_count = tenon__load(&counts->masked_count),
        .dropped_count = tenon__load(&counts->dropped_count),
    };
}
