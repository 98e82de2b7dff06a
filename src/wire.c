#include "core_internal.h"

int tenon_wire_reset(struct tenon_wire *wire)
{
    if (wire == NULL) {
        return TENON_ERR_ARG;
    }
    if (wire->sched == NULL) {
        return TENON_ERR_STATE;
    }
    const bool line_was_down = tenon__slot_reset(wire->sched, &wire->line);
    const bool bus_was_down = tenon__slot_reset(wire->sched, &wire->bus);
    return line_was_down || bus_was_down ? TENON_OK : TENON_ERR_STATE;
}

int tenon_wire_submit(struct tenon_wire *wire, struct tenon_request *request)
{
    if (wire == NULL || request == NULL || request->width > TENON_REQUEST_DATA) {
        return TENON_ERR_ARG;
    }
    const bool is_under_way =
        request->state == TENON_REQUEST_QUEUED || request->state == TENON_REQUEST_SENT;
    if (is_under_way || !tenon_wire_is_up(wire)) {
        return TENON_ERR_STATE;
    }
    struct tenon_bus *const bus = tenon_wire_bus(wire);
    return tenon_bus_get_api(bus)->submit(bus, request);
}

void tenon_wire_cancel(struct tenon_wire *wire, struct tenon_request *request)
{
    struct tenon_bus *const bus = wire != NULL ? tenon_wire_bus(wire) : NULL;
    if (bus != NULL && request != NULL) {
        tenon_bus_get_api(bus)->cancel(bus, request);
    }
}

/* The motors on a wire that went down are told at once: waiting for their samples to go stale would
 * cost time. */
static void fault_motors(struct tenon_wire *wire, tenon_ns_t now)
{
    for (struct tenon_slot *s = wire->sched->slots; s != NULL; s = s->next) {
        if (s->role != TENON_ROLE_MOTOR || tenon__slot_motor(s)->wire != wire ||
            !tenon_slot_is_up(s)) {
            continue;
        }
        (void)tenon_module_refuse(s->module, TENON_ERR_IO, TENON_CAUSE_WIRE_DOWN, 0.0f, 0.0f);
        s->module->diag.detail = wire->name;
        tenon__slot_fault(wire->sched, s, now);
    }
}

/* --- silence --- */

/* Of those that are asked. Two at least: with one alone, it is that one that is silent. */
static bool is_nobody_heard(const struct tenon_wire *wire)
{
    unsigned silent_count = 0;
    for (const struct tenon_slot *s = wire->sched->slots; s != NULL; s = s->next) {
        if (s->role != TENON_ROLE_MOTOR || tenon__slot_motor(s)->wire != wire ||
            !tenon_slot_is_up(s) || s->suspended != 0) {
            continue;
        }
        if (tenon__slot_motor(s)->silent_cycles == 0) {
            return false;
        }
        silent_count++;
    }
    return silent_count > 1;
}

/*
 * One of the motors on it has been silent for too long. If all the others are silent too it is the
 * wire's fault, told once; the bus stays up, so that torque off goes out at once to who may yet
 * hear.
 * @return whether it is.
 */
bool tenon__wire_falls_silent(struct tenon_wire *wire, const struct tenon__cycle *cycle)
{
    if (wire == NULL || !is_nobody_heard(wire)) {
        return false;
    }
    struct tenon_module *const bus = wire->bus.module;
    const float allowed = (float)cycle->stale_cycles * cycle->dt_s;
    (void)tenon_module_refuse(bus, TENON_ERR_TIMEOUT, TENON_CAUSE_BUS_SILENT, allowed + cycle->dt_s,
                              allowed);
    bus->diag.subject = wire->name;
    bus->fault_count++;
    tenon__event_slot(wire->sched, &wire->bus);
    fault_motors(wire, cycle->now);
    return true;
}

/* One of its devices has come up. */
void tenon__wire_is_heard(struct tenon_wire *wire)
{
    if (tenon__wire_is_silent(wire)) {
        wire->bus.module->diag = (struct tenon_diag){.code = TENON_OK};
        wire->bus.told = TENON_CAUSE_NONE;
    }
}

static void fault_line(struct tenon_wire *wire, int rc, tenon_ns_t now)
{
    struct tenon_module *const line = wire->line.module;
    if (line->diag.code == TENON_OK) {
        (void)tenon_module_refuse(line, (enum tenon_err)rc, TENON_CAUSE_PORT_LOST, 0.0f, 0.0f);
    }
    tenon__slot_fault(wire->sched, &wire->line, now);
    fault_motors(wire, now);
}

/* A line that has something to do at a time of its own says so in due_ns. */
static int tend(struct tenon_line *line, tenon_ns_t now)
{
    if (line->due_ns == 0 || now < line->due_ns || tenon_line_get_api(line)->tend == NULL) {
        return TENON_OK;
    }
    return tenon_line_get_api(line)->tend(line, now);
}

void tenon__wire_poll(struct tenon_wire *wire, tenon_ns_t now, tenon_ns_t *io_deadline)
{
    if (!tenon_slot_is_up(&wire->bus)) {
        return;
    }
    struct tenon_bus *const bus = tenon_wire_bus(wire);
    struct tenon_line *const line = tenon_slot_is_up(&wire->line) ? tenon_wire_line(wire) : NULL;
    int rc = line != NULL ? tend(line, now) : TENON_OK;
    rc = rc < 0 ? rc : tenon_bus_get_api(bus)->poll(bus, line, now, io_deadline);
    if (line != NULL && line->due_ns != 0 && line->due_ns < *io_deadline) {
        *io_deadline = line->due_ns;
    }
    if (rc < 0 && line != NULL) {
        fault_line(wire, rc, now);
        tenon_ns_t ignored = TENON_NEVER;
        (void)tenon_bus_get_api(bus)->poll(bus, NULL, now,
                                           &ignored); /* fails what is outstanding */
    }
}

void tenon__wire_stage(struct tenon_wire *wire, const struct tenon__cycle *cycle)
{
    if (tenon_wire_is_up(wire)) {
        struct tenon_bus *const bus = tenon_wire_bus(wire);
        tenon_bus_get_api(bus)->stage(bus, cycle->number, cycle->now);
    }
}
