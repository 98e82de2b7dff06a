#include "fake_mit.h"

#include <math.h>
#include <string.h>

enum { RID_MASTER = 7, RID_NODE = 8, RID_TIMEOUT = 9, RID_MODE = 10, RID_P_MAX = 21 };

uint32_t fake_mit_get(const struct fake_mit *self, uint8_t rid)
{
    return mit_load32(self->registers[rid]);
}

void fake_mit_set(struct fake_mit *self, uint8_t rid, uint32_t value)
{
    mit_store32(self->registers[rid], value);
}

void fake_mit_set_float(struct fake_mit *self, uint8_t rid, float value)
{
    mit_store_float(self->registers[rid], value);
}

static double torque_of(const struct fake_mit *self)
{
    const struct mit_command *c = &self->command;
    const double t = (double)c->kp * (c->p_rad - self->position_rad) +
                     (double)c->kd * ((double)c->v_rad_s - self->velocity_rad_s) + (double)c->t_nm;
    const double max = (double)self->ranges.t_max_nm;
    return self->status != MIT_ENABLED ? 0.0 : fmax(-max, fmin(max, t));
}

static void answer_state(struct fake_mit *self, struct fake_can_line *line, tenon_ns_t now)
{
    struct tenon_can_frame frame = {.id = self->master_id, .length = 8};
    const double turn = 2.0 * (double)self->ranges.p_max_rad;
    const struct mit_answer answer = {
        .status = self->status,
        .node = self->node,
        .p_rad = self->position_rad - turn * round(self->position_rad / turn),
        .v_rad_s = (float)self->velocity_rad_s,
        .t_nm = (float)self->torque_nm,
        .driver_c = 31,
        .rotor_c = 42,
    };
    (void)mit_pack_answer(frame.data, &self->ranges, &answer);
    if (self->has_raw) {
        memcpy(frame.data + 1, self->raw, sizeof self->raw);
    }
    fake_can_line_put(line, &frame, now + self->delay_ns);
}

static void obey_register(struct fake_mit *self,
                          struct fake_can_line *line,
                          const struct tenon_can_frame *asked,
                          tenon_ns_t now)
{
    struct tenon_can_frame frame = {.id = self->master_id, .length = 8};
    const uint8_t rid = asked->data[3];
    if (asked->data[2] == MIT_ASK_STATUS) {
        answer_state(self, line, now);
        return;
    }
    if (rid >= FAKE_MIT_REGISTERS) {
        return;
    }
    if (asked->data[2] == MIT_WRITE) {
        self->write_count++;
        if (!self->ignores_writes) {
            memcpy(self->registers[rid], asked->data + 4, 4);
        }
    }
    mit_pack_register(frame.data, self->node, asked->data[2], rid, self->registers[rid]);
    fake_can_line_put(line, &frame, now + self->delay_ns);
}

static void obey_special(struct fake_mit *self, uint8_t code)
{
    switch (code) {
    case MIT_ENABLE & 0xFF:
        self->enable_count++;
        if (self->status == MIT_DISABLED && !self->ignores_enable) {
            self->status = MIT_ENABLED;
            self->command = self->keeps_command ? self->command : (struct mit_command){0};
            self->torque_nm = 0.0;
            self->jump_nm = fmax(self->jump_nm, fabs(torque_of(self)));
        }
        break;
    case MIT_DISABLE & 0xFF:
        self->disable_count++;
        if (self->status == MIT_ENABLED && !self->ignores_disable) {
            self->status = MIT_DISABLED;
        }
        break;
    case MIT_CLEAR & 0xFF:
        self->clear_count++;
        if (self->status > MIT_ENABLED) {
            self->status = self->error_on_clear;
        }
        break;
    default:
        self->position_rad = 0.0;
        break;
    }
    self->torque_nm = torque_of(self);
}

static void obey_command(struct fake_mit *self, const struct tenon_can_frame *frame)
{
    const double before = self->torque_nm;
    self->command_count++;
    memcpy(self->command_bytes, frame->data, sizeof self->command_bytes);
    mit_unpack_command(frame->data, &self->ranges, &self->command);
    self->torque_nm = torque_of(self);
    if (self->status == MIT_ENABLED) {
        self->jump_nm = fmax(self->jump_nm, fabs(self->torque_nm - before));
    }
}

static bool is_special(const struct tenon_can_frame *frame)
{
    static const uint8_t head[7] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    return memcmp(frame->data, head, sizeof head) == 0 && frame->data[7] >= (MIT_CLEAR & 0xFF) &&
           frame->data[7] <= (MIT_SET_ZERO & 0xFF);
}

static void hear(struct fake_mit *self,
                 struct fake_can_line *line,
                 const struct tenon_can_frame *frame,
                 tenon_ns_t now)
{
    const bool is_asked =
        frame->id == MIT_REGISTER_ID && frame->data[0] + 256u * frame->data[1] == self->node;
    if (self->is_silent || (!is_asked && frame->id != self->node)) {
        return;
    }
    self->heard_count++;
    if (is_asked) {
        obey_register(self, line, frame, now);
        return;
    }
    self->heard_ns = now;
    if (is_special(frame)) {
        obey_special(self, frame->data[7]);
    } else {
        obey_command(self, frame);
    }
    answer_state(self, line, now);
}

static void far_end(void *context,
                    struct fake_can_line *line,
                    const struct tenon_can_frame *frame,
                    tenon_ns_t now)
{
    struct fake_mit_world *self = context;
    for (size_t i = 0; i < self->count; i++) {
        hear(&self->motors[i], line, frame, now);
    }
}

void fake_mit_world_init(struct fake_mit_world *self, struct fake_can_line *line)
{
    memset(self, 0, sizeof *self);
    line->far_end = far_end;
    line->context = self;
}

struct fake_mit *fake_mit_add(struct fake_mit_world *self, uint8_t node, uint16_t master_id)
{
    struct fake_mit *motor = &self->motors[self->count++];
    *motor = (struct fake_mit){.node = node,
                               .master_id = master_id,
                               .ranges = {12.5f, 30.0f, 10.0f},
                               .delay_ns = TENON_US(50),
                               .inertia = 0.02};
    fake_mit_set(motor, RID_MASTER, master_id);
    fake_mit_set(motor, RID_NODE, node);
    fake_mit_set(motor, RID_MODE, 1);
    fake_mit_set_float(motor, RID_P_MAX, 12.5f);
    fake_mit_set_float(motor, RID_P_MAX + 1, 30.0f);
    fake_mit_set_float(motor, RID_P_MAX + 2, 10.0f);
    return motor;
}

void fake_mit_advance(struct fake_mit_world *self, tenon_ns_t now)
{
    for (size_t i = 0; i < self->count; i++) {
        struct fake_mit *m = &self->motors[i];
        const tenon_ns_t timeout = TENON_US(50) * (tenon_ns_t)fake_mit_get(m, RID_TIMEOUT);
        const double dt_s = (double)(now - m->moved_ns) * 1e-9;
        m->moved_ns = now;
        if (m->status == MIT_ENABLED && timeout > 0 && now - m->heard_ns > timeout) {
            m->status = MIT_SILENCE;
        }
        m->torque_nm = torque_of(m);
        const double friction = -0.05 * m->velocity_rad_s;
        m->velocity_rad_s += (m->torque_nm + m->load_nm + friction) / m->inertia * dt_s;
        m->position_rad += m->velocity_rad_s * dt_s;
    }
}
