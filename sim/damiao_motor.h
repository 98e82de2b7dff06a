/* One virtual Damiao motor as its bus sees it: frames in, answers out. */
#ifndef TENON_SIM_DAMIAO_MOTOR_H
#define TENON_SIM_DAMIAO_MOTOR_H

#include "tenon/sim_can.h"

/* What a motor answers to a frame: at most one, perhaps twice. */
struct tenon__sim_damiao_answer {
    struct tenon_can_frame frame;
    uint8_t copies; /* 0: none */
    tenon_ns_t due_ns;
};

/* A frame on the bus has wholly arrived at `now`. */
void tenon__sim_damiao_hear(struct tenon_sim_damiao *motor,
                            const struct tenon_can_frame *frame,
                            uint32_t baud,
                            tenon_ns_t now,
                            struct tenon__sim_damiao_answer *out);
/* One step of TENON_SIM_STEP_NS that ends at `now`: firmware, then physics. */
void tenon__sim_damiao_step(struct tenon_sim_damiao *motor, tenon_ns_t now);

#endif
