/* Adding things to a scheduler that is not yet started. The first refusal is remembered for start.
 */
#include "core_internal.h"

#include <string.h>

static int check_port(struct tenon_sched *self, const struct tenon_port *port)
{
    int rc = tenon__check_head(self, &port->head, sizeof *port, "port", "table");
    if (rc < 0) {
        return rc;
    }
    rc = tenon__check_method(
        self, "port", port->ticks == NULL ? "ticks" : (port->panic == NULL ? "panic" : NULL));
    if (rc < 0) {
        return rc;
    }
    return port->ticks_per_s > 0
               ? TENON_OK
               : tenon__refuse(self, TENON_ERR_ARG, TENON_CAUSE_LIMIT_MISSING, "port");
}

int tenon_sched_init_sized(struct tenon_sched *self,
                           const struct tenon_sizes *sizes,
                           const struct tenon_port *port,
                           tenon_ns_t period_ns,
                           void *memory,
                           size_t memory_size)
{
    static const struct tenon_sizes ours = TENON_SIZES;
    if (self == NULL || sizes == NULL) {
        return TENON_ERR_ARG;
    }
    if (memcmp(sizes, &ours, sizeof ours) != 0) {
        return TENON_ERR_ABI;
    }
    memset(self, 0, sizeof *self);
    self->wires_end = &self->wires;
    self->joints_end = &self->joints;
    self->slots_end = &self->slots;
    self->own.name = "application";
    self->own.sched = self;
    self->producers = &self->own;
    self->producers_end = &self->own.next;
    self->port = port;
    self->period_ns = period_ns;
    self->memory = memory;
    self->memory_size = memory_size;
    if (port == NULL || memory == NULL) {
        return tenon__refuse(self, TENON_ERR_ARG, TENON_CAUSE_NULL, "scheduler");
    }
    const int rc = check_port(self, port);
    if (rc < 0) {
        return rc;
    }
    if (period_ns <= 0) {
        return tenon__refuse_value(self, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, "period",
                                   (float)period_ns, (float)INT64_MAX);
    }
    return TENON_OK;
}

static int refuse_null(struct tenon_sched *self, const char *name)
{
    return tenon__refuse(self, TENON_ERR_ARG, TENON_CAUSE_NULL, name);
}

/* Of an object that is there: its name, and whose it is already. */
static int check_addable(struct tenon_sched *self, const char *name, const void *owner)
{
    if (name == NULL) {
        return refuse_null(self, name);
    }
    if (self->is_started) {
        return tenon__refuse(self, TENON_ERR_STATE, TENON_CAUSE_STARTED, name);
    }
    if (owner != NULL) {
        return tenon__refuse(self, TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, name);
    }
    return TENON_OK;
}

int tenon_sched_add_wire(struct tenon_sched *self,
                         struct tenon_wire *wire,
                         const char *name,
                         struct tenon_line *line,
                         struct tenon_bus *bus)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    if (wire == NULL) {
        return refuse_null(self, name);
    }
    int rc = check_addable(self, name, wire->sched);
    if (rc < 0) {
        return rc;
    }
    if (line != NULL && bus != NULL && line->medium != bus->medium) {
        return tenon__refuse_value(self, TENON_ERR_ARG, TENON_CAUSE_MEDIUM, name,
                                   (float)line->medium, (float)bus->medium);
    }
    wire->name = name;
    rc = tenon__slot_seat(self, &wire->line, TENON_ROLE_LINE, line != NULL ? &line->module : NULL,
                          name);
    if (rc < 0) {
        return rc;
    }
    if (bus != NULL && bus->module.slot == NULL) { /* not that of a wire it serves already */
        bus->wire = wire;
    }
    rc =
        tenon__slot_seat(self, &wire->bus, TENON_ROLE_BUS, bus != NULL ? &bus->module : NULL, name);
    if (rc < 0) {
        return rc;
    }
    wire->sched = self;
    wire->next = NULL;
    *self->wires_end = wire;
    self->wires_end = &wire->next;
    return TENON_OK;
}

static int check_settings(struct tenon_sched *self, struct tenon_joint *joint, const char *name)
{
    joint->divisor = joint->divisor == 0 ? 1 : joint->divisor;
    if (joint->phase >= joint->divisor) {
        return tenon__refuse_value(self, TENON_ERR_ARG, TENON_CAUSE_RATE, name, (float)joint->phase,
                                   (float)joint->divisor);
    }
    if (!tenon__is_finite(joint->zero_rad)) {
        return tenon__refuse(self, TENON_ERR_ARG, TENON_CAUSE_NOT_FINITE, name);
    }
    tenon__joint_set_frame(joint);
    if (joint->safe_action > TENON_SAFE_BRAKE) {
        return tenon__refuse_value(self, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, name,
                                   (float)joint->safe_action, (float)TENON_SAFE_BRAKE);
    }
    return TENON_OK;
}

/* A joint that has passed its checks joins the list; it is its own group of one. */
static void link_joint(struct tenon_sched *self, struct tenon_joint *joint)
{
    joint->sched = self;
    joint->self = joint;
    joint->own = (struct tenon_group){
        .name = joint->name, .joints = &joint->self, .joint_count = 1, .sched = self};
    joint->status = TENON_JOINT_DOWN;
    joint->next = NULL;
    *self->joints_end = joint;
    self->joints_end = &joint->next;
    self->joint_count++;
}

static int prepare_joint(struct tenon_sched *self,
                         struct tenon_joint *joint,
                         const char *name,
                         const struct tenon_joint_limits *limits)
{
    if (joint == NULL) {
        return refuse_null(self, name);
    }
    int rc = check_addable(self, name, joint->sched);
    if (rc < 0) {
        return rc;
    }
    joint->name = name;
    if (joint->diag.code != TENON_OK) {
        joint->diag.subject = name;
        return tenon__refuse_diag(self, &joint->diag);
    }
    rc = check_settings(self, joint, name);
    rc = rc < 0 ? rc : tenon__supervise_check(self, joint);
    return rc < 0 ? rc : tenon__limits_take(self, joint, limits);
}

static int seat_motor(struct tenon_sched *self,
                      struct tenon_slot *slot,
                      struct tenon_motor *motor,
                      const struct tenon_joint *joint,
                      const char *name)
{
    if (motor != NULL && motor->device != NULL && motor->module.slot == NULL) {
        motor->device->divisor = joint->divisor;
        motor->device->phase = joint->phase;
    }
    return tenon__slot_seat(self, slot, TENON_ROLE_MOTOR, motor != NULL ? &motor->module : NULL,
                            name);
}

int tenon_sched_add_joint(struct tenon_sched *self,
                          struct tenon_joint *joint,
                          const char *name,
                          struct tenon_motor *motor,
                          const struct tenon_joint_limits *limits)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    int rc = prepare_joint(self, joint, name, limits);
    rc = rc < 0 ? rc : seat_motor(self, &joint->motor, motor, joint, name);
    if (rc < 0) {
        return rc;
    }
    link_joint(self, joint);
    return TENON_OK;
}

static int refuse_shape(struct tenon_sched *self, const char *name, unsigned value, unsigned bound)
{
    return tenon__refuse_value(self, TENON_ERR_ARG, TENON_CAUSE_SHAPE, name, (float)value,
                               (float)bound);
}

static int check_shape(struct tenon_sched *self,
                       const char *name,
                       const struct tenon_drivetrain_config *config)
{
    if (config == NULL || config->motors == NULL || config->joints == NULL ||
        config->joint_names == NULL || config->reducer == NULL) {
        return tenon__refuse(self, TENON_ERR_ARG, TENON_CAUSE_NULL, name);
    }
    if (config->motor_count == 0 || config->motor_count > TENON_COUPLED_MAX) {
        return refuse_shape(self, name, config->motor_count, TENON_COUPLED_MAX);
    }
    if (config->joint_count == 0 || config->joint_count > TENON_COUPLED_MAX) {
        return refuse_shape(self, name, config->joint_count, TENON_COUPLED_MAX);
    }
    if (config->reducer->motor_count != config->motor_count) {
        return refuse_shape(self, name, config->reducer->motor_count, config->motor_count);
    }
    if (config->reducer->joint_count != config->joint_count) {
        return refuse_shape(self, name, config->reducer->joint_count, config->joint_count);
    }
    return TENON_OK;
}

/* Joints of a drivetrain share rate and torque. */
static int check_same_rate(struct tenon_sched *self,
                           const struct tenon_drivetrain_config *config,
                           const char *name)
{
    for (unsigned i = 1; i < config->joint_count; i++) {
        if (config->joints[i]->divisor != config->joints[0]->divisor ||
            config->joints[i]->phase != config->joints[0]->phase) {
            return tenon__refuse_value(self, TENON_ERR_ARG, TENON_CAUSE_RATE, name,
                                       (float)config->joints[i]->divisor,
                                       (float)config->joints[0]->divisor);
        }
    }
    return TENON_OK;
}

static int prepare_joints(struct tenon_sched *self, const struct tenon_drivetrain_config *config)
{
    for (unsigned i = 0; i < config->joint_count; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (config->joints[k] == config->joints[i]) {
                return tenon__refuse(self, TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED,
                                     config->joint_names[i]);
            }
        }
        const struct tenon_joint_limits *const limits =
            config->limits != NULL ? &config->limits[i] : NULL;
        const int rc = prepare_joint(self, config->joints[i], config->joint_names[i], limits);
        if (rc < 0) {
            return rc;
        }
    }
    return TENON_OK;
}

static int seat_drivetrain(struct tenon_sched *self,
                           struct tenon_drivetrain *drivetrain,
                           const struct tenon_drivetrain_config *config)
{
    int rc = tenon__slot_seat(self, &drivetrain->reducer, TENON_ROLE_REDUCER,
                              &config->reducer->module, drivetrain->name);
    for (unsigned i = 0; rc >= 0 && i < config->motor_count; i++) {
        rc = seat_motor(self, &drivetrain->motors[i], config->motors[i], config->joints[0],
                        drivetrain->name);
    }
    return rc;
}

int tenon_sched_add_drivetrain(struct tenon_sched *self,
                               struct tenon_drivetrain *drivetrain,
                               const char *name,
                               const struct tenon_drivetrain_config *config)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    if (drivetrain == NULL) {
        return refuse_null(self, name);
    }
    int rc = check_addable(self, name, drivetrain->sched);
    rc = rc < 0 ? rc : check_shape(self, name, config);
    rc = rc < 0 ? rc : prepare_joints(self, config);
    rc = rc < 0 ? rc : check_same_rate(self, config, name);
    if (rc < 0) {
        return rc;
    }
    drivetrain->name = name;
    rc = seat_drivetrain(self, drivetrain, config);
    if (rc < 0) {
        return rc;
    }
    drivetrain->motor_count = config->motor_count;
    drivetrain->joint_count = config->joint_count;
    drivetrain->sched = self;
    for (unsigned i = 0; i < config->joint_count; i++) {
        drivetrain->joints[i] = config->joints[i];
        config->joints[i]->drivetrain = drivetrain;
        link_joint(self, config->joints[i]);
    }
    return TENON_OK;
}

/* A seat was to be filled before the joint was added. */
static int note_early(struct tenon_joint *joint)
{
    joint->diag = (struct tenon_diag){.code = TENON_ERR_STATE, .cause = TENON_CAUSE_NOT_ADDED};
    return TENON_ERR_STATE;
}

static int check_seatable(struct tenon_joint *joint)
{
    if (joint == NULL) {
        return TENON_ERR_ARG;
    }
    if (joint->sched == NULL) { /* told when it is added: then there is someone to tell */
        return note_early(joint);
    }
    if (joint->sched->is_started) {
        return tenon__refuse(joint->sched, TENON_ERR_STATE, TENON_CAUSE_STARTED, joint->name);
    }
    return TENON_OK;
}

int tenon_joint_use_reducer(struct tenon_joint *self, struct tenon_reducer *reducer)
{
    const int rc = check_seatable(self);
    if (rc < 0) {
        return rc;
    }
    if (self->drivetrain != NULL) {
        return tenon__refuse(self->sched, TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, self->name);
    }
    if (reducer != NULL && (reducer->motor_count != 1 || reducer->joint_count != 1)) {
        return refuse_shape(self->sched, self->name, reducer->motor_count, 1);
    }
    return tenon__slot_seat(self->sched, &self->reducer, TENON_ROLE_REDUCER,
                            reducer != NULL ? &reducer->module : NULL, self->name);
}

int tenon_joint_use_controller(struct tenon_joint *self, struct tenon_controller *controller)
{
    const int rc = check_seatable(self);
    if (rc < 0) {
        return rc;
    }
    return tenon__slot_seat(self->sched, &self->controller, TENON_ROLE_CONTROLLER,
                            controller != NULL ? &controller->module : NULL, self->name);
}

int tenon_sched_add_group(struct tenon_sched *self,
                          struct tenon_group *group,
                          const char *name,
                          struct tenon_joint *const *joints,
                          uint16_t joint_count)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    if (group == NULL) {
        return refuse_null(self, name);
    }
    const int rc = check_addable(self, name, group->sched);
    if (rc < 0) {
        return rc;
    }
    if (joints == NULL || joint_count == 0) {
        return tenon__refuse(self, TENON_ERR_ARG, TENON_CAUSE_NULL, name);
    }
    for (unsigned i = 0; i < joint_count; i++) {
        if (joints[i] == NULL || joints[i]->sched != self) {
            return tenon__refuse(self, TENON_ERR_STATE, TENON_CAUSE_NOT_ADDED, name);
        }
        for (unsigned k = 0; k < i; k++) {
            if (joints[k] == joints[i]) {
                return tenon__refuse(self, TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, name);
            }
        }
    }
    group->name = name;
    group->joints = joints;
    group->joint_count = joint_count;
    group->status = TENON_GROUP_IDLE;
    group->sched = self;
    group->is_listed = false;
    return TENON_OK;
}

int tenon_sched_add_reader(struct tenon_sched *self, struct tenon_reader *reader)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    if (reader == NULL) {
        return refuse_null(self, "reader");
    }
    const int rc = check_addable(self, "reader", reader->sched);
    if (rc < 0) {
        return rc;
    }
    reader->sched = self;
    reader->holds = 0;
    reader->next = self->readers;
    self->readers = reader;
    return TENON_OK;
}

struct tenon_wire *tenon_sched_next_wire(const struct tenon_sched *self,
                                         const struct tenon_wire *wire)
{
    if (wire != NULL) {
        return wire->next;
    }
    return self != NULL ? self->wires : NULL;
}

/* What is not aligned at the beginning is left unused. */
static void give_entries(struct tenon_command_queue *queue, void *memory, size_t size)
{
    const size_t align = _Alignof(struct tenon_command_entry);
    const size_t skew = (size_t)((uintptr_t)memory % align);
    const size_t skipped = skew == 0 ? 0 : align - skew;
    const size_t rest = size > skipped ? size - skipped : 0;
    const size_t count = rest / sizeof(struct tenon_command_entry);
    queue->entries = (void *)((uint8_t *)memory + skipped);
    queue->capacity = (uint32_t)(count < UINT32_MAX / 4u ? count : UINT32_MAX / 4u);
}

int tenon_sched_add_producer(struct tenon_sched *self,
                             struct tenon_producer *producer,
                             const char *name,
                             void *memory,
                             size_t memory_size)
{
    if (self == NULL) {
        return TENON_ERR_ARG;
    }
    if (producer == NULL || memory == NULL) {
        return refuse_null(self, name);
    }
    const int rc = check_addable(self, name, producer->sched);
    if (rc < 0) {
        return rc;
    }
    give_entries(&producer->queue, memory, memory_size);
    if (producer->queue.capacity == 0) {
        return tenon__refuse_value(self, TENON_ERR_FULL, TENON_CAUSE_BUFFER_TOO_SMALL, name,
                                   (float)memory_size, (float)TENON_PRODUCER_MEMORY(1));
    }
    producer->name = name;
    producer->sched = self;
    producer->next = NULL;
    producer->command_id = (++self->producer_count) & 0xFFu;
    *self->producers_end = producer;
    self->producers_end = &producer->next;
    return TENON_OK;
}

void tenon_producer_set_heartbeat(struct tenon_producer *self, tenon_ns_t timeout_ns)
{
    if (self != NULL) {
        self->heartbeat_ns = timeout_ns > 0 ? timeout_ns : 0;
    }
}

void tenon_sched_set_heartbeat(struct tenon_sched *self, tenon_ns_t timeout_ns)
{
    if (self != NULL) {
        tenon_producer_set_heartbeat(&self->own, timeout_ns);
    }
}
