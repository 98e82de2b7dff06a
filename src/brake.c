/*
 * The holding brake of a motor: open only while there is torque. It takes over before torque goes,
 * or right after where torque must go at once; and torque does not wait for it for ever.
 */
#include "core_internal.h"

enum brake { BRAKE_OPEN = 0, BRAKE_CLOSED, BRAKE_STUCK };

bool tenon__brake_is_there(const struct tenon_slot *slot)
{
    return slot->role == TENON_ROLE_MOTOR &&
           tenon_motor_get_api(tenon__slot_motor(slot))->brake != NULL;
}

int tenon__brake_open(struct tenon_slot *slot, tenon_ns_t now)
{
    struct tenon_motor *const motor = tenon__slot_motor(slot);
    motor->brake = BRAKE_OPEN; /* from the first try on */
    return tenon_motor_get_api(motor)->brake(motor, false, now);
}

/* One that has failed to close is trusted again when its motor comes up anew. */
void tenon__brake_trust(struct tenon_slot *slot)
{
    struct tenon_motor *const motor = tenon__slot_motor(slot);
    if (motor->brake == BRAKE_STUCK) {
        motor->brake = BRAKE_OPEN;
    }
}

/*
 * @return TENON_OK when torque need not wait any longer: there is no brake, or it is closed;
 * TENON_ERR_AGAIN; or TENON_ERR_LIMIT, once, when it has been given up (diag filled in).
 */
int tenon__brake_close(struct tenon_slot *slot, tenon_ns_t now, bool is_last_try)
{
    struct tenon_motor *const motor = tenon__slot_motor(slot);
    if (!tenon__brake_is_there(slot) || motor->brake != BRAKE_OPEN) {
        return TENON_OK;
    }
    if (tenon_motor_get_api(motor)->brake(motor, true, now) >= 0) {
        motor->brake = BRAKE_CLOSED;
        return TENON_OK;
    }
    if (!is_last_try) {
        return TENON_ERR_AGAIN;
    }
    motor->brake = BRAKE_STUCK;
    const float allowed = (float)TENON__BRAKE_CLOSE_NS * 1e-9f;
    return tenon_module_refuse(slot->module, TENON_ERR_LIMIT, TENON_CAUSE_BRAKE, allowed, allowed);
}
