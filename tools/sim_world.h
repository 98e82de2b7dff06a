/* What a simulated terminal leads to: servos on a wire, or a CAN adapter and motors behind it. */
#ifndef TENON_TOOLS_SIM_WORLD_H
#define TENON_TOOLS_SIM_WORLD_H

#include "tenon/sim.h"
#include "tenon/sim_can.h"

#define SIM_DEVICE_MAX 64

/* One of these. Zero but for the first part, it is made by sim_world_make(). */
struct sim_world {
    bool is_can; /* motors behind an adapter; else servos */
    size_t count;
    const char *models[SIM_DEVICE_MAX];
    uint8_t ids[SIM_DEVICE_MAX];

    struct tenon_sim_bus bus;
    struct tenon_sim_servo servos[SIM_DEVICE_MAX];
    struct tenon_sim_servo *servo_list[SIM_DEVICE_MAX];
    struct tenon_sim_slcan adapter;
    struct tenon_sim_can_bus can;
    struct tenon_sim_damiao motors[SIM_DEVICE_MAX];
    struct tenon_sim_damiao *motor_list[SIM_DEVICE_MAX];
};

/* What a shaft truly does. */
struct sim_truth {
    double angle_rad;
    double velocity_rad_s;
    double torque_nm;
};

/* NULL when `index` is beyond the last. */
const char *sim_world_model(bool is_can, size_t index);

/* @return -1, or the device that cannot be made. */
int sim_world_make(struct sim_world *self, uint32_t baud);
void sim_world_set_load(struct sim_world *self, size_t index, const struct tenon_sim_load *load);
void sim_world_set_angle(struct sim_world *self, size_t index, double angle_rad);
struct sim_truth sim_world_truth(const struct sim_world *self, size_t index);

/* As of tenon_sim_bus. */
void sim_world_set_baud(struct sim_world *self, uint32_t baud);
void sim_world_receive(struct sim_world *self, const uint8_t *bytes, size_t count, tenon_ns_t now);
size_t
sim_world_transmit(struct sim_world *self, uint8_t *out_bytes, size_t capacity, tenon_ns_t now);
tenon_ns_t sim_world_next_ns(const struct sim_world *self);
void sim_world_advance(struct sim_world *self, tenon_ns_t now);

#endif
