#include "tenon/sim_can.h"

#include "damiao_motor.h"

#include <string.h>

int tenon_sim_can_bus_init_sized(struct tenon_sim_can_bus *self,
                                 size_t size,
                                 struct tenon_sim_damiao *const *motors,
                                 size_t count)
{
    if (size != sizeof *self) {
        return TENON_ERR_ABI;
    }
    memset(self, 0, sizeof *self);
    self->motors = motors;
    self->motor_count = count;
    return TENON_OK;
}

void tenon_sim_can_bus_advance(struct tenon_sim_can_bus *self, tenon_ns_t now)
{
    if (!self->has_begun) {
        self->has_begun = true;
        self->physics_ns = now;
        for (size_t i = 0; i < self->motor_count; i++) {
            self->motors[i]->heard_ns = now;
        }
    }
    while (now - self->physics_ns >= TENON_SIM_STEP_NS) {
        self->physics_ns += TENON_SIM_STEP_NS;
        for (size_t i = 0; i < self->motor_count; i++) {
            tenon__sim_damiao_step(self->motors[i], self->physics_ns);
        }
    }
}

static void answer(struct tenon_sim_can_bus *self,
                   struct tenon_memory_can_line *line,
                   const struct tenon__sim_damiao_answer *answer)
{
    for (uint8_t i = 0; i < answer->copies; i++) {
        if (tenon_memory_can_line_far_write(line, &answer->frame, answer->due_ns)) {
            self->answer_count++;
        } else {
            self->lost_count++;
        }
    }
}

void tenon_sim_can_bus_serve(struct tenon_sim_can_bus *self,
                             struct tenon_memory_can_line *line,
                             tenon_ns_t now)
{
    struct tenon_can_frame frame;
    tenon_ns_t arrival;
    while (tenon_memory_can_line_far_read(line, &frame, now, &arrival)) {
        tenon_sim_can_bus_advance(self, arrival);
        self->frame_count++;
        for (size_t i = 0; i < self->motor_count; i++) {
            struct tenon__sim_damiao_answer out;
            tenon__sim_damiao_hear(self->motors[i], &frame, line->base.baud, arrival, &out);
            answer(self, line, &out);
        }
    }
    tenon_sim_can_bus_advance(self, now);
}
