/* The two calls that run everything. */
#include "core_internal.h"

#define STALE_CYCLES 10
#define STALE_MIN_NS TENON_MS(100)

int tenon_sched_start(struct tenon_sched *self)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    if (self->port == NULL && self->refusal.code == TENON_OK) {
        return tenon__refuse(self, TENON_ERR_STATE, TENON_CAUSE_NOT_INITIALISED, "scheduler");
    }
    if (self->refusal.code != TENON_OK) {
        self->own.diag = self->refusal;
        return self->refusal.code;
    }
    if (self->is_started) {
        return tenon__refuse(self, TENON_ERR_STATE, TENON_CAUSE_STARTED, "scheduler");
    }
    int rc = tenon__joints_check_hold(self);
    rc = rc < 0 ? rc : tenon__plan_build(self);
    if (rc < 0) {
        return rc;
    }
    for (struct tenon_slot *s = self->slots; s != NULL; s = s->next) {
        tenon__slot_begin(s);
    }
    self->unsettled = 1;
    self->stale_cycles = (uint32_t)(STALE_MIN_NS / self->period_ns);
    self->period_s = (float)self->period_ns * 1e-9f;
    self->is_started = true;
    return TENON_OK;
}

void tenon_sched_close(struct tenon_sched *self)
{
    if (self == NULL || !self->is_started) {
        return;
    }
    for (struct tenon_slot *s = self->slots; s != NULL; s = s->next) {
        if (s->module->driver->lifecycle->release != NULL) {
            s->module->driver->lifecycle->release(s->module);
        }
        s->module->state = TENON_MODULE_IDLE;
    }
    self->is_started = false;
}

/* --- poll --- */

static void poll_wires(struct tenon_sched *self, tenon_ns_t now, tenon_ns_t *io_deadline)
{
    for (struct tenon_wire *w = self->wires; w != NULL; w = w->next) {
        tenon__wire_poll(w, now, io_deadline);
    }
}

static void supervise(struct tenon_sched *self, tenon_ns_t now, tenon_ns_t *io_deadline)
{
    self->unsettled = 0;
    for (struct tenon_slot *s = self->slots; s != NULL; s = s->next) {
        if (!tenon__slot_is_settled(s)) {
            tenon__slot_supervise(self, s, now, io_deadline);
        }
    }
}

tenon_ns_t tenon_sched_poll(struct tenon_sched *self, tenon_ns_t now)
{
    if (self == NULL || !self->is_started) {
        return TENON_NEVER;
    }
    tenon_ns_t deadline = TENON_NEVER;
    self->events.now_ns = now;
    poll_wires(self, now, &deadline);
    if (self->unsettled != 0) {
        supervise(self, now, &deadline);
        poll_wires(self, now, &deadline); /* what the modules just asked for leaves at once */
    }
    return deadline;
}

/* --- step --- */

static void make_all_safe(struct tenon_sched *self)
{
    for (struct tenon_joint *j = self->joints; j != NULL; j = j->next) {
        tenon__joint_make_safe(j);
    }
}

static void follow(struct tenon_joint *joint, const struct tenon_command_entry *entry)
{
    const struct tenon_joint_command command = {.position_rad = entry->position_rad,
                                                .velocity_rad_s = entry->velocity_rad_s,
                                                .effort_nm = entry->effort_nm,
                                                .mode = entry->mode};
    tenon__joint_follow(joint, &command, entry->id);
}

static void obey(struct tenon_sched *self, const struct tenon_command_entry *entry)
{
    struct tenon_joint *const joint = entry->joint;
    switch ((enum tenon__op)entry->op) {
    case TENON__OP_ENABLE:
        tenon__joint_enable(joint);
        break;
    case TENON__OP_DISABLE:
        tenon__joint_disable(joint);
        break;
    case TENON__OP_FOLLOW:
        follow(joint, entry);
        break;
    case TENON__OP_RESET:
        tenon__joint_reset(joint);
        break;
    case TENON__OP_ACCEPT:
        tenon__joint_accept(joint);
        break;
    case TENON__OP_STOP:
        tenon__joint_stop(joint);
        break;
    case TENON__OP_GOAL:
        joint->goal_rad = entry->position_rad;
        break;
    case TENON__OP_MOVE:
        tenon__group_move(entry->group, entry->id);
        break;
    case TENON__OP_GROUP_STOP:
        tenon__group_halt(entry->group);
        break;
    case TENON__OP_MAKE_SAFE:
        make_all_safe(self);
        break;
    case TENON__OP_SUSPEND:
    case TENON__OP_RESUME:
        tenon__plan_exchange(self, joint, entry->op == TENON__OP_SUSPEND);
        break;
    }
}

static void trace_taken(struct tenon_sched *self,
                        const struct tenon_producer *p,
                        const struct tenon_command_entry *entry)
{
    const uint32_t ticks = self->trace->ticks();
    const struct tenon_span span = {.subject = p->name,
                                    .command = entry->id,
                                    .begin_ticks = ticks,
                                    .end_ticks = ticks,
                                    .kind = TENON_SPAN_COMMAND};
    if (entry->op != TENON__OP_GOAL) { /* its move tells */
        tenon__trace_put(self->trace, &span);
    }
}

static void obey_queue(struct tenon_sched *self, struct tenon_producer *p)
{
    struct tenon_command_queue *const queue = &p->queue;
    const bool is_traced = tenon__trace_is_on(self);
    for (uint32_t i = 0; i < queue->capacity; i++) {
        struct tenon_command_entry *const entry = tenon__queue_first(queue);
        if (entry == NULL) {
            return;
        }
        if (is_traced) {
            trace_taken(self, p, entry);
        } else {
            entry->id = 0;
        }
        obey(self, entry);
        tenon__queue_drop(queue);
        self->counters.command_count++;
    }
}

static void watch_estop(struct tenon_sched *self)
{
    const uint32_t press = tenon__load(&self->estop);
    const bool is_latched = press != tenon__load(&self->estop_cleared);
    if (is_latched && !self->estop_is_latched) {
        tenon__event_sched(self, TENON_ERR_STATE, TENON_CAUSE_ESTOP, "scheduler", 0, 0);
        make_all_safe(self);
    }
    self->estop_is_latched = is_latched;
    tenon__store(&self->estop_seen, press); /* only then it can be cleared */
}

static bool any_driven(const struct tenon_sched *self)
{
    for (const struct tenon_joint *j = self->joints; j != NULL; j = j->next) {
        if (j->status == TENON_JOINT_ENABLED) {
            return true;
        }
    }
    return false;
}

static void
fail_silent(struct tenon_sched *self, const struct tenon_producer *p, tenon_ns_t silence)
{
    const struct tenon_diag why = {
        .code = TENON_ERR_TIMEOUT,
        .cause = TENON_CAUSE_HEARTBEAT,
        .value = (float)silence * 1e-9f,
        .bound = (float)p->heartbeat_ns * 1e-9f,
    };
    tenon__event_sched(self, TENON_ERR_TIMEOUT, TENON_CAUSE_HEARTBEAT, p->name, silence,
                       p->heartbeat_ns);
    for (struct tenon_joint *j = self->joints; j != NULL; j = j->next) {
        if (j->status == TENON_JOINT_ENABLED) {
            tenon__joint_fail(j, &why);
        }
    }
}

/* One that commands has fallen silent while joints follow. */
static void watch_heartbeat(struct tenon_sched *self, struct tenon_producer *p, tenon_ns_t now)
{
    if (p->heartbeat_ns == 0) {
        return;
    }
    const uint32_t beats = tenon__load(&p->beats);
    if (beats != p->beats_seen || !any_driven(self)) {
        p->beats_seen = beats;
        p->beat_seen_ns = now;
    } else if (now - p->beat_seen_ns > p->heartbeat_ns) {
        fail_silent(self, p, now - p->beat_seen_ns);
        p->beat_seen_ns = now;
    }
}

static void obey_producers(struct tenon_sched *self, tenon_ns_t now)
{
    for (struct tenon_producer *p = self->producers; p != NULL; p = p->next) {
        watch_heartbeat(self, p, now);
    }
    for (struct tenon_producer *p = self->producers; p != NULL; p = p->next) {
        obey_queue(self, p);
    }
}

static uint32_t run_leads(struct tenon_sched *self,
                          struct tenon_joint *const *lead,
                          unsigned count,
                          const struct tenon__cycle *cycle,
                          uint32_t ticks)
{
    struct tenon_joint *const *const end = lead + count;
    uint32_t (*const read_ticks)(void) = self->port->ticks;
    for (; lead < end; lead++) {
        tenon__drive_run(self, *lead, cycle);
        const uint32_t before = ticks;
        ticks = read_ticks(); /* the end of one is the start of the next */
        if (tenon__timing_add(&(*lead)->timing, ticks - before)) {
            tenon__supervise_time(*lead, ticks - before);
        }
    }
    return ticks;
}

static void set_rate(const struct tenon_sched *self, unsigned divisor, struct tenon__cycle *cycle)
{
    const uint32_t cycles = self->stale_cycles / divisor;
    cycle->dt_s = self->period_s * (float)divisor;
    cycle->stale_cycles = cycles > STALE_CYCLES ? cycles : STALE_CYCLES;
}

/* In this cycle, or in one that was skipped: what is always late at the same place would never have
 * its turn otherwise. */
static bool is_due(const struct tenon__rate *rate, const struct tenon__cycle *cycle)
{
    return (cycle->number + rate->divisor - rate->phase) % rate->divisor <= cycle->skipped;
}

static void run_plan(struct tenon_sched *self, struct tenon__cycle *cycle)
{
    const struct tenon_plan *const plan = &self->plans[self->plan];
    struct tenon_joint *const *leads = plan->leads;
    uint32_t ticks = self->port->ticks();
    for (uint32_t i = 0; i < plan->rate_count; i++) {
        const struct tenon__rate *const rate = &plan->rates[i];
        if (is_due(rate, cycle)) {
            set_rate(self, rate->divisor, cycle);
            ticks = run_leads(self, leads, rate->count, cycle, ticks);
        }
        leads += rate->count;
    }
}

/* Releases that have passed unused are skipped and counted; the phase is kept. @return How many. */
static uint32_t account_release(struct tenon_sched *self, tenon_ns_t now)
{
    if (!self->has_begun) {
        self->has_begun = true;
        self->release_ns = now;
    }
    const tenon_ns_t late = now - self->release_ns;
    const tenon_ns_t skipped = late < self->period_ns ? 0 : late / self->period_ns;
    self->release_ns += skipped * self->period_ns;
    self->counters.missed_count += (uint32_t)skipped;
    if (late > self->counters.late_max_ns) {
        self->counters.late_max_ns = late;
    }
    if (skipped > 0) {
        tenon__event_overrun(self, late);
    }
    return (uint32_t)skipped;
}

static void run_cycle(struct tenon_sched *self, tenon_ns_t now)
{
    self->events.now_ns = now;
    const uint32_t skipped = account_release(self, now);
    self->cycle_number += skipped;
    struct tenon__cycle cycle = {.now = now, .number = self->cycle_number, .skipped = skipped};
    watch_estop(self);
    obey_producers(self, now);
    tenon__groups_advance(self);
    run_plan(self, &cycle);
    for (struct tenon_wire *w = self->wires; w != NULL; w = w->next) {
        tenon__wire_stage(w, &cycle);
    }
    tenon__snapshot_publish(self, &cycle, self->release_ns);
    tenon__store(&self->counters.step_count, self->counters.step_count + 1u); /* watched */
    self->cycle_number++;
    self->release_ns += self->period_ns;
}

tenon_ns_t tenon_sched_step(struct tenon_sched *self, tenon_ns_t now)
{
    if (self == NULL || !self->is_started) {
        return TENON_NEVER;
    }
    if (self->has_begun && now < self->release_ns) {
        return self->release_ns;
    }
    const uint32_t begin = self->port->ticks();
    run_cycle(self, now);
    (void)tenon__timing_add(&self->timing, self->port->ticks() - begin);
    return self->release_ns;
}

/* --- looking --- */

/* The slot is on the list, so it has a module. */
static int explain_slot(const struct tenon_slot *slot, struct tenon_diag *out)
{
    const struct tenon_module *const m = slot->module;
    if (m != NULL && m->diag.code != TENON_OK) {
        *out = m->diag;
    } else {
        *out = (struct tenon_diag){.code = TENON_ERR_STATE, .cause = TENON_CAUSE_NOT_READY};
    }
    out->subject = out->subject != NULL ? out->subject : slot->name;
    return out->code;
}

static int explain_joint(const struct tenon_joint *joint, struct tenon_diag *out)
{
    if (joint->diag.code != TENON_OK) {
        *out = joint->diag;
    } else {
        *out = (struct tenon_diag){
            .code = TENON_ERR_STATE, .cause = TENON_CAUSE_NOT_READY, .subject = joint->name};
    }
    return out->code;
}

static int explain(const struct tenon_sched *self, struct tenon_diag *out)
{
    *out = (struct tenon_diag){.code = TENON_OK};
    if (!self->is_started) {
        *out = self->refusal;
        if (out->code == TENON_OK) {
            *out = (struct tenon_diag){
                .code = TENON_ERR_STATE, .cause = TENON_CAUSE_NOT_STARTED, .subject = "scheduler"};
        }
        return out->code;
    }
    for (const struct tenon_slot *s = self->slots; s != NULL; s = s->next) {
        const bool is_silent =
            s->role == TENON_ROLE_BUS && s->module->diag.cause == TENON_CAUSE_BUS_SILENT;
        if (s->suspended == 0 && (!tenon_slot_is_up(s) || is_silent)) {
            return explain_slot(s, out);
        }
    }
    for (const struct tenon_joint *j = self->joints; j != NULL; j = j->next) {
        const bool is_down = tenon__status_is_down(j->status) || j->state.valid == 0;
        if (is_down && j->status != TENON_JOINT_SUSPENDED) {
            return explain_joint(j, out);
        }
    }
    return TENON_OK;
}

int tenon_sched_explain_to(const struct tenon_sched *self, struct tenon_diag *out_why)
{
    return self != NULL && out_why != NULL ? explain(self, out_why) : TENON_ERR_ARG;
}

int tenon_sched_explain(struct tenon_sched *self)
{
    struct tenon_diag why;
    const int rc = tenon_sched_explain_to(self, &why);
    if (rc < 0 && self != NULL) {
        self->own.diag = why;
    }
    return rc;
}

bool tenon_sched_is_ready(const struct tenon_sched *self)
{
    struct tenon_diag ignored;
    return self != NULL && self->is_started && explain(self, &ignored) == TENON_OK;
}

/* Torque that is to go off has gone off, and no joint is still braking. */
bool tenon_sched_is_safe(const struct tenon_sched *self)
{
    if (self == NULL || !self->is_started) {
        return true;
    }
    for (const struct tenon_joint *j = self->joints; j != NULL; j = j->next) {
        if (j->status == TENON_JOINT_ENABLING || j->status == TENON_JOINT_ENABLED ||
            j->status == TENON_JOINT_STOPPING) {
            return false;
        }
    }
    for (const struct tenon_slot *s = self->slots; s != NULL; s = s->next) {
        if (s->role == TENON_ROLE_MOTOR && tenon__slot_goes_off(s)) {
            return false;
        }
    }
    for (const struct tenon_producer *p = self->producers; p != NULL; p = p->next) {
        if (tenon__load(&p->queue.tail) != p->queue.head) {
            return false;
        }
    }
    return true;
}
