/*
 * What a watchdog needs when the step hangs: which stop, which bytes. Nothing here is called by the
 * step, nor touches what the step writes.
 */
#include "core_internal.h"

static bool motor_is_on(const struct tenon_slot *slot, const struct tenon_wire *wire)
{
    return slot->module != NULL && tenon__slot_motor(slot)->wire == wire;
}

static bool joint_is_on(const struct tenon_joint *joint, const struct tenon_wire *wire)
{
    const struct tenon_drivetrain *const drivetrain = joint->drivetrain;
    if (drivetrain == NULL) {
        return motor_is_on(&joint->motor, wire);
    }
    for (uint8_t i = 0; i < drivetrain->motor_count; i++) {
        if (motor_is_on(&drivetrain->motors[i], wire)) {
            return true;
        }
    }
    return false;
}

static enum tenon_stop_category category_of(uint8_t safe_action)
{
    switch (safe_action) {
    case TENON_SAFE_RAMP:
    case TENON_SAFE_BRAKE: /* the brake itself is for a step to close, or closes without power */
        return TENON_STOP_BRAKE_THEN_OFF;
    case TENON_SAFE_HOLD:
        return TENON_STOP_BRAKE_THEN_HOLD;
    default:
        return TENON_STOP_TORQUE_OFF;
    }
}

enum tenon_stop_category tenon_wire_stop_category(const struct tenon_wire *wire)
{
    enum tenon_stop_category lowest = TENON_STOP_BRAKE_THEN_HOLD;
    bool has_joint = false;
    for (const struct tenon_joint *j = wire->sched->joints; j != NULL; j = j->next) {
        if (joint_is_on(j, wire)) {
            const enum tenon_stop_category category = category_of(j->safe_action);
            lowest = category < lowest ? category : lowest;
            has_joint = true;
        }
    }
    return has_joint ? lowest : TENON_STOP_TORQUE_OFF;
}

int tenon_wire_send_safe_frame(struct tenon_wire *wire,
                               enum tenon_stop_category category,
                               tenon_ns_t now)
{
    const struct tenon_bus *const bus = tenon_wire_bus(wire);
    struct tenon_line *const line = tenon_wire_line(wire);
    if (bus == NULL || line == NULL || tenon_line_get_api(line)->write_emergency == NULL) {
        return TENON_ERR_UNSUPPORTED;
    }
    const uint8_t *bytes = NULL;
    const int count = tenon_bus_get_api(bus)->safe_frame(bus, category, &bytes);
    if (count <= 0) {
        return TENON_ERR_UNSUPPORTED;
    }
    const int taken = tenon_line_get_api(line)->write_emergency(line, bytes, (size_t)count, now);
    if (taken < 0) {
        return taken;
    }
    return taken == count ? TENON_OK : TENON_ERR_AGAIN;
}

#define BRAKING_MAX_S 3600.0f

tenon_ns_t tenon_sched_braking_ns(const struct tenon_sched *self)
{
    float longest_s = 0.0f;
    for (const struct tenon_joint *j = self->joints; j != NULL; j = j->next) {
        if (category_of(j->safe_action) == TENON_STOP_BRAKE_THEN_OFF &&
            j->limits.acceleration_rad_s2 > 0.0f) {
            const float s = j->limits.velocity_rad_s / j->limits.acceleration_rad_s2;
            longest_s = s > longest_s ? s : longest_s;
        }
    }
    return (tenon_ns_t)((longest_s < BRAKING_MAX_S ? longest_s : BRAKING_MAX_S) * 1e9f);
}
