#include "sim_world.h"

#define MASTER_OFFSET 16 /* what the maker advises */

const char *sim_world_model(bool is_can, size_t index)
{
    return is_can ? tenon_sim_damiao_model_name(index) : tenon_sim_model_name(index);
}

static int make_device(struct sim_world *self, size_t i, uint32_t baud)
{
    if (self->is_can) {
        self->motor_list[i] = &self->motors[i];
        return tenon_sim_damiao_init(&self->motors[i], self->models[i], self->ids[i],
                                     (uint16_t)(self->ids[i] + MASTER_OFFSET));
    }
    self->servo_list[i] = &self->servos[i];
    return tenon_sim_servo_init(&self->servos[i], self->models[i], self->ids[i], baud);
}

int sim_world_make(struct sim_world *self, uint32_t baud)
{
    for (size_t i = 0; i < self->count; i++) {
        if (make_device(self, i, baud) != TENON_OK) {
            return (int)i;
        }
    }
    if (self->is_can) {
        (void)tenon_sim_can_bus_init(&self->can, self->motor_list, self->count);
        (void)tenon_sim_slcan_init(&self->adapter, &self->can, baud);
    } else {
        (void)tenon_sim_bus_init(&self->bus, self->servo_list, self->count);
    }
    return -1;
}

void sim_world_set_load(struct sim_world *self, size_t index, const struct tenon_sim_load *load)
{
    if (self->is_can) {
        tenon_sim_damiao_set_load(&self->motors[index], load);
    } else {
        tenon_sim_servo_set_load(&self->servos[index], load);
    }
}

void sim_world_set_angle(struct sim_world *self, size_t index, double angle_rad)
{
    if (self->is_can) {
        tenon_sim_damiao_set_angle(&self->motors[index], angle_rad);
    } else {
        tenon_sim_servo_set_angle(&self->servos[index], angle_rad);
    }
}

struct sim_truth sim_world_truth(const struct sim_world *self, size_t index)
{
    if (self->is_can) {
        const struct tenon_sim_damiao *const motor = &self->motors[index];
        return (struct sim_truth){tenon_sim_damiao_angle_rad(motor),
                                  tenon_sim_damiao_velocity_rad_s(motor),
                                  tenon_sim_damiao_torque_nm(motor)};
    }
    const struct tenon_sim_servo *const servo = &self->servos[index];
    return (struct sim_truth){tenon_sim_servo_angle_rad(servo),
                              tenon_sim_servo_velocity_rad_s(servo),
                              tenon_sim_servo_torque_nm(servo)};
}

void sim_world_set_baud(struct sim_world *self, uint32_t baud)
{
    if (self->is_can) {
        tenon_sim_slcan_set_baud(&self->adapter, baud);
    } else {
        tenon_sim_bus_set_baud(&self->bus, baud);
    }
}

void sim_world_receive(struct sim_world *self, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    if (self->is_can) {
        tenon_sim_slcan_receive(&self->adapter, bytes, count, now);
    } else {
        tenon_sim_bus_receive(&self->bus, bytes, count, now);
    }
}

size_t
sim_world_transmit(struct sim_world *self, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    if (self->is_can) {
        return tenon_sim_slcan_transmit(&self->adapter, out_bytes, capacity, now);
    }
    return tenon_sim_bus_transmit(&self->bus, out_bytes, capacity, now);
}

tenon_ns_t sim_world_next_ns(const struct sim_world *self)
{
    return self->is_can ? tenon_sim_slcan_next_ns(&self->adapter)
                        : tenon_sim_bus_next_ns(&self->bus);
}

void sim_world_advance(struct sim_world *self, tenon_ns_t now)
{
    if (self->is_can) {
        tenon_sim_slcan_advance(&self->adapter, now);
    } else {
        tenon_sim_bus_advance(&self->bus, now);
    }
}
