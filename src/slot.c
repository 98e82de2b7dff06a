/* Seats: who may sit in them, and the life of who does. */
#include "core_internal.h"

enum stage { /* of a module, in module.stage */
             STAGE_NONE = 0,
             STAGE_PROBE,
             STAGE_CONFIGURE,
             STAGE_ACTIVATE,
             STAGE_OPEN,  /* the brake opens, torque is on */
             STAGE_CLOSE, /* the brake closes, torque is still on */
             STAGE_SAFE,
             STAGE_CLOSE_LATE /* the brake closes, torque is off */
};

enum suspended { /* of a seat, in slot.suspended */
                 AWAKE = 0,
                 SUSPENDED,
                 SUSPENDED_LISTENER
};

/*
 * Times of a module's life, kept in words: 2^16 ns each. They wrap after 78 hours and are compared
 * by their difference; no step, back-off or window is nearly as long.
 */
#define WORD_BITS   16
#define WAIT_MAX_NS TENON_S(86400)

static uint32_t word_of(tenon_ns_t t)
{
    return (uint32_t)((uint64_t)t >> WORD_BITS);
}

/* What is longer than a day counts as a day. */
static tenon_ns_t bounded(tenon_ns_t wait)
{
    return wait < WAIT_MAX_NS ? wait : WAIT_MAX_NS;
}

/* Never early. */
static uint32_t word_after(tenon_ns_t now, tenon_ns_t wait)
{
    return word_of(now + bounded(wait)) + 1u;
}

static bool is_due(tenon_ns_t now, uint32_t word)
{
    return (int32_t)(word_of(now) - word) >= 0;
}

/* A word that is still to come. */
static tenon_ns_t time_of(uint32_t word, tenon_ns_t now)
{
    const tenon_ns_t begin = now & ~(tenon_ns_t)((1 << WORD_BITS) - 1);
    return begin + ((tenon_ns_t)(word - word_of(now)) << WORD_BITS);
}

#define POLL_AGAIN_NS TENON_MS(1)  /* a step that is not done is called again at the latest then */
#define SAFE_AGAIN_NS TENON_MS(50) /* torque off that failed is tried again then */

/* A line comes back whenever its tty does; a motor that keeps failing is given up. */
static const struct tenon_restart_policy line_policy = {0, TENON_S(60), TENON_MS(20), TENON_MS(250),
                                                        TENON_S(2)};
static const struct tenon_restart_policy motor_policy = {8, TENON_S(60), TENON_MS(20), TENON_S(2),
                                                         TENON_S(3)};
static const struct tenon_restart_policy other_policy = {3, TENON_S(10), TENON_MS(10), TENON_S(1),
                                                         TENON_S(1)};

static const struct tenon_restart_policy *policy_of(const struct tenon_slot *slot)
{
    if (slot->restart != NULL) {
        return slot->restart;
    }
    if (slot->role == TENON_ROLE_LINE || slot->role == TENON_ROLE_BUS) {
        return &line_policy;
    }
    return slot->role == TENON_ROLE_MOTOR ? &motor_policy : &other_policy;
}

/* --- seating --- */

static const char *missing_lifecycle(const struct tenon_lifecycle_api *api)
{
    if (api->probe == NULL) {
        return "probe";
    }
    return api->make_safe == NULL ? "make_safe" : NULL;
}

static const char *missing_line(const struct tenon_api_head *head)
{
    const struct tenon_line_api *const api = (const void *)head;
    return api->read == NULL ? "read" : (api->write == NULL ? "write" : NULL);
}

static const char *missing_bus(const struct tenon_api_head *head)
{
    const struct tenon_bus_api *const api = (const void *)head;
    const struct {
        bool is_missing;
        const char *name;
    } required[] = {
        {api->attach == NULL, "attach"},         {api->detach == NULL, "detach"},
        {api->submit == NULL, "submit"},         {api->cancel == NULL, "cancel"},
        {api->stage == NULL, "stage"},           {api->poll == NULL, "poll"},
        {api->safe_frame == NULL, "safe_frame"},
    };
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        if (required[i].is_missing) {
            return required[i].name;
        }
    }
    return NULL;
}

static const char *missing_motor(const struct tenon_api_head *head)
{
    const struct tenon_motor_api *const api = (const void *)head;
    return api->read == NULL ? "read" : (api->command == NULL ? "command" : NULL);
}

static const char *missing_reducer(const struct tenon_api_head *head)
{
    const struct tenon_reducer_api *const api = (const void *)head;
    return api->to_joint == NULL ? "to_joint" : (api->to_motor == NULL ? "to_motor" : NULL);
}

static const char *missing_controller(const struct tenon_api_head *head)
{
    const struct tenon_controller_api *const api = (const void *)head;
    return api->update == NULL ? "update" : (api->track == NULL ? "track" : NULL);
}

static const struct {
    const char *table;
    uint16_t api_size;
    uint16_t module_size; /* every instance begins with the role's struct */
    const char *(*missing)(const struct tenon_api_head *head);
} roles[] = {
    [TENON_ROLE_LINE] = {"line table", sizeof(struct tenon_line_api), sizeof(struct tenon_line),
                         missing_line},
    [TENON_ROLE_BUS] = {"bus table", sizeof(struct tenon_bus_api), sizeof(struct tenon_bus),
                        missing_bus},
    [TENON_ROLE_MOTOR] = {"motor table", sizeof(struct tenon_motor_api), sizeof(struct tenon_motor),
                          missing_motor},
    [TENON_ROLE_REDUCER] = {"reducer table", sizeof(struct tenon_reducer_api),
                            sizeof(struct tenon_reducer), missing_reducer},
    [TENON_ROLE_CONTROLLER] = {"controller table", sizeof(struct tenon_controller_api),
                               sizeof(struct tenon_controller), missing_controller},
};

static int refuse_version(
    struct tenon_sched *sched, const char *name, const char *what, size_t theirs, size_t ours)
{
    const struct tenon_diag diag = {.code = TENON_ERR_ABI,
                                    .cause = theirs < ours ? TENON_CAUSE_ABI_TOO_OLD
                                                           : TENON_CAUSE_ABI_TOO_NEW,
                                    .value = (float)theirs,
                                    .bound = (float)ours,
                                    .subject = name,
                                    .detail = what};
    return tenon__refuse_diag(sched, &diag);
}

/* Of another ABI nothing but the head may be read. */
int tenon__check_head(struct tenon_sched *sched,
                      const struct tenon_api_head *head,
                      size_t size,
                      const char *name,
                      const char *what)
{
    if (head->abi != TENON_ABI_MAJOR) {
        return refuse_version(sched, name, what, head->abi, TENON_ABI_MAJOR);
    }
    return head->size == size ? TENON_OK : refuse_version(sched, name, what, head->size, size);
}

int tenon__check_method(struct tenon_sched *sched, const char *name, const char *missing)
{
    if (missing == NULL) {
        return TENON_OK;
    }
    const struct tenon_diag diag = {.code = TENON_ERR_ABI,
                                    .cause = TENON_CAUSE_METHOD_MISSING,
                                    .subject = name,
                                    .detail = missing};
    return tenon__refuse_diag(sched, &diag);
}

static int check_tables(struct tenon_sched *sched,
                        const struct tenon_driver *driver,
                        enum tenon_role role,
                        const char *name)
{
    int rc = tenon__check_head(sched, &driver->lifecycle->head, sizeof *driver->lifecycle, name,
                               "lifecycle table");
    if (rc < 0) {
        return rc;
    }
    rc = tenon__check_head(sched, driver->api, roles[role].api_size, name, roles[role].table);
    if (rc < 0) {
        return rc;
    }
    if (driver->instance_size < roles[role].module_size) {
        return refuse_version(sched, name, "instance", driver->instance_size,
                              roles[role].module_size);
    }
    const char *const missing = missing_lifecycle(driver->lifecycle);
    return tenon__check_method(sched, name,
                               missing != NULL ? missing : roles[role].missing(driver->api));
}

/* Everything the cyclic path relies on is checked here, once; there it is called bare. */
static int check_driver(struct tenon_sched *sched,
                        const struct tenon_driver *driver,
                        enum tenon_role role,
                        const char *name)
{
    if (driver == NULL) {
        return tenon__refuse(sched, TENON_ERR_ARG, TENON_CAUSE_NULL, name);
    }
    int rc = tenon__check_head(sched, &driver->head, sizeof *driver, name, "driver table");
    if (rc < 0) {
        return rc;
    }
    if (driver->lifecycle == NULL || driver->api == NULL) {
        return tenon__refuse(sched, TENON_ERR_ARG, TENON_CAUSE_NULL, name);
    }
    if (driver->role != role) {
        return tenon__refuse_value(sched, TENON_ERR_ARG, TENON_CAUSE_WRONG_ROLE, name,
                                   (float)driver->role, (float)role);
    }
    return check_tables(sched, driver, role, name);
}

static int attach(struct tenon_sched *sched, struct tenon_module *module, const char *name)
{
    if (module->driver->lifecycle->attach == NULL) {
        return TENON_OK;
    }
    const int rc = module->driver->lifecycle->attach(module);
    if (rc >= 0) {
        return TENON_OK;
    }
    if (module->diag.code == TENON_OK) {
        module->diag.code = (int16_t)rc;
        module->diag.cause = TENON_CAUSE_MODULE_FAILED;
        module->diag.value = (float)rc;
    }
    module->diag.subject = module->diag.subject != NULL ? module->diag.subject : name;
    return tenon__refuse_diag(sched, &module->diag);
}

int tenon__slot_seat(struct tenon_sched *sched,
                     struct tenon_slot *slot,
                     enum tenon_role role,
                     struct tenon_module *module,
                     const char *name)
{
    if (module == NULL) {
        return tenon__refuse(sched, TENON_ERR_ARG, TENON_CAUSE_NULL, name);
    }
    int rc = check_driver(sched, module->driver, role, name);
    if (rc < 0) {
        return rc;
    }
    if (module->slot != NULL || slot->module != NULL) {
        return tenon__refuse(sched, TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, name);
    }
    rc = attach(sched, module, name);
    if (rc < 0) {
        return rc;
    }
    slot->module = module;
    slot->name = name;
    slot->role = (uint8_t)role;
    slot->wish = TENON__WISH_KEEP;
    slot->next = NULL;
    *sched->slots_end = slot;
    sched->slots_end = &slot->next;
    module->slot = slot;
    module->state = TENON_MODULE_IDLE;
    return TENON_OK;
}

/* --- life --- */

/* Whether what the module stands on is there. */
static bool has_ground(const struct tenon_slot *slot)
{
    if (slot->role == TENON_ROLE_BUS) {
        const struct tenon_bus *const bus = (const void *)slot->module;
        return tenon_slot_is_up(&bus->wire->line);
    }
    if (slot->role == TENON_ROLE_MOTOR) {
        const struct tenon_wire *const wire = tenon__slot_motor(slot)->wire;
        return wire == NULL || tenon_wire_is_up(wire);
    }
    return true;
}

static void enter_stage(struct tenon_slot *slot, enum stage stage, tenon_ns_t now)
{
    slot->module->stage = (uint8_t)stage;
    slot->module->progress = 0;
    slot->module->due = word_after(now, policy_of(slot)->step_timeout_ns);
}

void tenon__slot_begin(struct tenon_slot *slot)
{
    slot->module->state = TENON_MODULE_PROBING;
    slot->module->stage = STAGE_NONE;
}

bool tenon__slot_is_settled(const struct tenon_slot *slot)
{
    const struct tenon_module *const m = slot->module;
    if (slot->suspended != AWAKE) {
        return true;
    }
    if (m->stage != STAGE_NONE) {
        return false;
    }
    if (m->state == TENON_MODULE_ACTIVE) {
        return !tenon__slot_goes_off(slot);
    }
    return (m->state == TENON_MODULE_FAILED || m->state == TENON_MODULE_READY) &&
           slot->wish == TENON__WISH_KEEP;
}

/* What is not run is not asked for samples either. */
void tenon__slot_suspend(struct tenon_slot *slot)
{
    slot->suspended = SUSPENDED;
    if (slot->role == TENON_ROLE_MOTOR && tenon__slot_motor(slot)->device != NULL) {
        struct tenon_bus_device *const device = tenon__slot_motor(slot)->device;
        slot->suspended = device->is_listening ? SUSPENDED_LISTENER : SUSPENDED;
        device->is_listening = false;
    }
}

/* Times set before the rest are long past, or have wrapped meanwhile: a step of its life, or the
 * wait for a restart, begins anew. */
void tenon__slot_resume(struct tenon_sched *sched, struct tenon_slot *slot)
{
    struct tenon_module *const m = slot->module;
    m->stage = STAGE_NONE;
    m->state = m->state == TENON_MODULE_FAULT ? TENON_MODULE_RECOVERING : m->state;
    if (slot->suspended == SUSPENDED_LISTENER && tenon_slot_is_up(slot)) {
        tenon__slot_motor(slot)->device->is_listening = true;
    }
    slot->suspended = AWAKE;
    sched->unsettled = 1;
    sched->module_changes++;
}

/* Torque off, once wished for, is carried out before anything else. */
void tenon__slot_wish(struct tenon_sched *sched, struct tenon_slot *slot, enum tenon__wish wish)
{
    if (wish == TENON__WISH_ACTIVE && !tenon_slot_is_up(slot)) {
        return; /* what recovers does so without torque */
    }
    if (tenon__slot_goes_off(slot)) {
        wish = wish == TENON__WISH_ACTIVE ? TENON__WISH_OFF_FIRST : TENON__WISH_OFF;
    }
    if (slot->wish != wish) {
        slot->wish = (uint8_t)wish;
        sched->unsettled = 1;
    }
}

/* Torque off; a brake that takes over before is waited for, or not. */
void tenon__slot_let_go(struct tenon_sched *sched, struct tenon_slot *slot, bool at_once)
{
    struct tenon_motor *const motor = tenon__slot_motor(slot);
    const bool goes_off = tenon__slot_goes_off(slot);
    motor->lets_go_at_once = at_once || (goes_off && motor->lets_go_at_once);
    motor->is_to_try_again = goes_off && motor->is_to_try_again;
    tenon__slot_wish(sched, slot, TENON__WISH_OFF);
}

static bool heals(const struct tenon_diag *diag)
{
    return diag->code == TENON_ERR_TIMEOUT || diag->code == TENON_ERR_IO ||
           diag->code == TENON_ERR_PROTO || diag->code == TENON_ERR_DEVICE ||
           diag->code == TENON_ERR_STATE;
}

static bool spend_restart(struct tenon_slot *slot, tenon_ns_t now)
{
    const struct tenon_restart_policy *const policy = policy_of(slot);
    if (word_of(now) - slot->window_start > word_of(bounded(policy->window_ns))) {
        slot->window_start = word_of(now);
        slot->restart_used = 0;
    }
    if (policy->budget != 0 && slot->restart_used >= policy->budget) {
        return false;
    }
    slot->restart_used =
        (uint8_t)(slot->restart_used < UINT8_MAX ? slot->restart_used + 1u : UINT8_MAX);
    return true;
}

static tenon_ns_t backoff(const struct tenon_slot *slot)
{
    const struct tenon_restart_policy *const policy = policy_of(slot);
    tenon_ns_t wait = policy->backoff_ns;
    for (unsigned i = 1; i < slot->restart_used && wait < policy->backoff_max_ns; i++) {
        wait *= 2;
    }
    return wait < policy->backoff_max_ns ? wait : policy->backoff_max_ns;
}

/* The module's diag says why. */
void tenon__slot_fault(struct tenon_sched *sched, struct tenon_slot *slot, tenon_ns_t now)
{
    struct tenon_module *const m = slot->module;
    if (m->diag.subject == NULL) {
        m->diag.subject = slot->name;
    }
    m->fault_count++;
    sched->module_changes++;
    sched->unsettled = 1;
    if (m->driver->lifecycle->release != NULL) {
        m->driver->lifecycle->release(m);
    }
    /* A neighbour's fault costs no restart: the wire's own budget counts. */
    const bool may_return =
        m->diag.cause == TENON_CAUSE_WIRE_DOWN || (heals(&m->diag) && spend_restart(slot, now));
    m->state = may_return ? TENON_MODULE_FAULT : TENON_MODULE_FAILED;
    m->stage = STAGE_NONE;
    m->progress = 0;
    /* Torque comes back by an explicit edge only. */
    slot->wish = tenon__slot_goes_off(slot) ? TENON__WISH_OFF : TENON__WISH_KEEP;
    m->due = word_after(now, backoff(slot));
    tenon__event_slot(sched, slot);
}

/* On a wire that is silent as a whole it is not the motor that does not answer. */
static void blame_wire(const struct tenon_slot *slot)
{
    if (slot->role != TENON_ROLE_MOTOR || slot->module->diag.code != TENON_ERR_TIMEOUT) {
        return;
    }
    const struct tenon_wire *const wire = tenon__slot_motor(slot)->wire;
    if (tenon__wire_is_silent(wire)) {
        (void)tenon_module_refuse(slot->module, TENON_ERR_IO, TENON_CAUSE_WIRE_DOWN, 0.0f, 0.0f);
        slot->module->diag.detail = wire->name;
    }
}

static void fail_step(struct tenon_sched *sched, struct tenon_slot *slot, int rc, tenon_ns_t now)
{
    struct tenon_module *const m = slot->module;
    if (m->diag.code != rc) { /* the driver said nothing, or that of the time before stands there */
        (void)tenon_module_refuse(m, (enum tenon_err)rc, TENON_CAUSE_MODULE_FAILED, (float)rc,
                                  0.0f);
    }
    blame_wire(slot);
    tenon__slot_fault(sched, slot, now);
}

static int call_stage(struct tenon_module *m, tenon_ns_t now)
{
    const struct tenon_lifecycle_api *const life = m->driver->lifecycle;
    switch (m->stage) {
    case STAGE_PROBE:
        return life->probe(m, now);
    case STAGE_CONFIGURE:
        return life->configure != NULL ? life->configure(m, now) : TENON_OK;
    case STAGE_ACTIVATE:
        return life->activate != NULL ? life->activate(m, now) : TENON_OK;
    case STAGE_OPEN:
        return tenon__brake_open(m->slot, now);
    default:
        return TENON_OK;
    }
}

static void come_up(struct tenon_sched *sched, struct tenon_slot *slot)
{
    struct tenon_module *const m = slot->module;
    if (m->state == TENON_MODULE_RECOVERING) {
        m->restart_count++;
        tenon__event_restarted(sched, slot);
    }
    m->state = TENON_MODULE_READY;
    m->stage = STAGE_NONE;
    m->diag = (struct tenon_diag){.code = TENON_OK};
    if (slot->role == TENON_ROLE_MOTOR) {
        tenon__wire_is_heard(tenon__slot_motor(slot)->wire);
        tenon__brake_trust(slot);
    }
}

static void end_stage(struct tenon_sched *sched, struct tenon_slot *slot, tenon_ns_t now)
{
    struct tenon_module *const m = slot->module;
    if (m->stage == STAGE_PROBE) {
        enter_stage(slot, STAGE_CONFIGURE, now);
    } else if (m->stage == STAGE_CONFIGURE) {
        come_up(sched, slot);
    } else if (m->stage == STAGE_ACTIVATE && tenon__brake_is_there(slot)) {
        enter_stage(slot, STAGE_OPEN, now);
    } else {
        m->state = TENON_MODULE_ACTIVE;
        m->stage = STAGE_NONE;
    }
}

/* Probe, configure and activate all run here. */
static void run_stage(struct tenon_sched *sched, struct tenon_slot *slot, tenon_ns_t now)
{
    struct tenon_module *const m = slot->module;
    const struct tenon_diag before = m->diag;
    if (m->progress == 0) {
        m->diag = (struct tenon_diag){.code = TENON_OK};
    }
    const int rc = call_stage(m, now);
    if (rc == TENON_ERR_AGAIN && m->diag.code == TENON_OK) {
        m->diag = before; /* until it is up, what failed last explains why it is not */
    }
    if (rc >= 0) {
        end_stage(sched, slot, now);
    } else if (rc != TENON_ERR_AGAIN) {
        fail_step(sched, slot, rc, now);
    } else if (is_due(now, m->due)) {
        const float allowed = (float)policy_of(slot)->step_timeout_ns * 1e-9f;
        (void)tenon_module_refuse(m, TENON_ERR_TIMEOUT, TENON_CAUSE_STEP_TIMEOUT, allowed, allowed);
        blame_wire(slot);
        tenon__slot_fault(sched, slot, now);
    }
}

static void end_safe(struct tenon_slot *slot)
{
    struct tenon_module *const m = slot->module;
    slot->wish = slot->wish == TENON__WISH_OFF_FIRST ? TENON__WISH_ACTIVE : TENON__WISH_KEEP;
    if (m->state == TENON_MODULE_ACTIVE) {
        m->state = TENON_MODULE_READY;
    }
    if (slot->role == TENON_ROLE_MOTOR) {
        tenon__slot_motor(slot)->is_holding = false;
        tenon__slot_motor(slot)->has_command = false; /* it follows nothing any more */
    }
}

static bool is_being_made_safe(const struct tenon_module *m)
{
    return m->stage == STAGE_CLOSE || m->stage == STAGE_SAFE || m->stage == STAGE_CLOSE_LATE;
}

static void enter_safe_stage(struct tenon_slot *slot, enum stage stage, tenon_ns_t now)
{
    slot->module->stage = (uint8_t)stage;
    slot->module->progress = 0;
    slot->module->safe_due = word_after(now, TENON__BRAKE_CLOSE_NS);
}

/* @return whether to go on. */
static bool close_brake(struct tenon_sched *sched, struct tenon_slot *slot, tenon_ns_t now)
{
    const int rc = tenon__brake_close(slot, now, is_due(now, slot->module->safe_due));
    if (rc == TENON_ERR_LIMIT) {
        tenon__slot_fault(sched, slot, now);
        return false; /* from the beginning, without the brake */
    }
    return rc >= 0 ||
           (slot->module->stage == STAGE_CLOSE && tenon__slot_motor(slot)->lets_go_at_once);
}

/* @return whether it is off. */
static bool take_torque(struct tenon_slot *slot, tenon_ns_t now)
{
    struct tenon_module *const m = slot->module;
    const int rc = m->driver->lifecycle->make_safe(m, now);
    if (rc < 0 && rc != TENON_ERR_AGAIN) {
        m->stage = STAGE_NONE;
        tenon__slot_motor(slot)->is_to_try_again = true;
        m->safe_due = word_after(now, SAFE_AGAIN_NS);
    }
    return rc >= 0;
}

/* Torque off, repeated until it is. */
static void run_safe(struct tenon_sched *sched, struct tenon_slot *slot, tenon_ns_t now)
{
    struct tenon_module *const m = slot->module;
    if (!is_being_made_safe(m)) {
        struct tenon_motor *const motor = tenon__slot_motor(slot); /* torque is a motor's */
        if (motor->is_to_try_again && !is_due(now, m->safe_due)) {
            return;
        }
        motor->is_to_try_again = false;
        enter_safe_stage(slot, STAGE_CLOSE, now);
    }
    if (m->stage == STAGE_CLOSE) {
        if (!close_brake(sched, slot, now)) {
            return;
        }
        enter_safe_stage(slot, STAGE_SAFE, now);
    }
    if (m->stage == STAGE_SAFE) {
        if (!take_torque(slot, now)) {
            return;
        }
        enter_safe_stage(slot, STAGE_CLOSE_LATE, now);
    }
    if (close_brake(sched, slot, now)) {
        m->stage = STAGE_NONE;
        end_safe(slot);
    }
}

static void begin_activate(struct tenon_slot *slot, tenon_ns_t now)
{
    enter_stage(slot, STAGE_ACTIVATE, now);
    if (slot->role == TENON_ROLE_MOTOR) {
        tenon__slot_motor(slot)->has_command =
            false; /* what it followed once is no goal of today */
        tenon__slot_motor(slot)->clear_rad = 0.0f;
    }
}

static void supervise_up(struct tenon_sched *sched, struct tenon_slot *slot, tenon_ns_t now)
{
    struct tenon_module *const m = slot->module;
    if (tenon__slot_goes_off(slot)) {
        run_safe(sched, slot, now);
    } else if (slot->wish == TENON__WISH_ACTIVE && m->state == TENON_MODULE_READY) {
        if (m->stage != STAGE_ACTIVATE && m->stage != STAGE_OPEN) {
            begin_activate(slot, now);
        }
        run_stage(sched, slot, now);
    } else {
        m->stage = STAGE_NONE;
    }
}

/* Its ground may be long away: no time set before holds then. */
static void wait_for_ground(struct tenon_slot *slot, tenon_ns_t now)
{
    struct tenon_module *const m = slot->module;
    m->stage = STAGE_NONE;
    m->due = is_due(now, m->due) ? word_of(now) : m->due;
    if (slot->role == TENON_ROLE_MOTOR) {
        tenon__slot_motor(slot)->is_to_try_again = false;
    }
}

static void supervise_probing(struct tenon_sched *sched, struct tenon_slot *slot, tenon_ns_t now)
{
    if (!has_ground(slot)) {
        wait_for_ground(slot, now);
        return;
    }
    if (slot->module->stage == STAGE_NONE) {
        enter_stage(slot, STAGE_PROBE, now);
    }
    run_stage(sched, slot, now);
}

static void supervise_fault(struct tenon_sched *sched, struct tenon_slot *slot, tenon_ns_t now)
{
    struct tenon_module *const m = slot->module;
    if (!has_ground(slot)) {
        wait_for_ground(slot, now);
        return;
    }
    if (tenon__slot_goes_off(slot)) {
        run_safe(sched, slot, now);
    }
    /* Torque off under way is not broken off for a restart, unless it hangs. */
    const tenon_ns_t patience = is_being_made_safe(m) ? policy_of(slot)->step_timeout_ns : 0;
    if (m->state == TENON_MODULE_FAULT && is_due(now - patience, m->due)) {
        m->state = TENON_MODULE_RECOVERING;
        m->stage = STAGE_NONE;
    }
}

static void lower(tenon_ns_t *io_deadline, tenon_ns_t t)
{
    if (t < *io_deadline) {
        *io_deadline = t;
    }
}

void tenon__slot_supervise(struct tenon_sched *sched,
                           struct tenon_slot *slot,
                           tenon_ns_t now,
                           tenon_ns_t *io_deadline)
{
    sched->module_changes++; /* perhaps: it is called for those on their way only */
    struct tenon_module *const m = slot->module;
    switch ((enum tenon_module_state)m->state) {
    case TENON_MODULE_PROBING:
    case TENON_MODULE_RECOVERING:
        supervise_probing(sched, slot, now);
        break;
    case TENON_MODULE_READY:
    case TENON_MODULE_ACTIVE:
        supervise_up(sched, slot, now);
        break;
    case TENON_MODULE_FAULT:
    case TENON_MODULE_FAILED:
        supervise_fault(sched, slot, now);
        break;
    case TENON_MODULE_IDLE:
        return;
    }
    if (!tenon__slot_is_settled(slot)) {
        sched->unsettled = 1;
        const bool waits = m->state == TENON_MODULE_FAULT && m->stage == STAGE_NONE;
        const bool is_early = waits && !is_due(now, m->due);
        lower(io_deadline, is_early ? time_of(m->due, now) : now + POLL_AGAIN_NS);
    }
}

bool tenon__slot_reset(struct tenon_sched *sched, struct tenon_slot *slot)
{
    struct tenon_module *const m = slot->module;
    if (m == NULL || (m->state != TENON_MODULE_FAILED && m->state != TENON_MODULE_FAULT)) {
        return false;
    }
    slot->restart_used = 0;
    slot->told = TENON_CAUSE_NONE;
    sched->module_changes++;
    m->state = TENON_MODULE_RECOVERING;
    m->stage = STAGE_NONE;
    sched->unsettled = 1;
    return true;
}
