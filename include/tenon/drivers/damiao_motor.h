/** @file damiao_motor.h @brief Damiao joint motors (DM-J, DM-H, DM-G) in MIT mode over CAN. */
#ifndef TENON_DRIVERS_DAMIAO_MOTOR_H
#define TENON_DRIVERS_DAMIAO_MOTOR_H

#include "tenon/motor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Settings beyond number and mode. Zero means the documented default. Copied at init. */
struct tenon_damiao_motor_config {
    uint8_t id;            /**< CAN ID of the motor, its register 8. */
    uint8_t mode;          /**< enum tenon_mode: POSITION, VELOCITY or EFFORT; NONE: POSITION. */
    uint16_t watchdog_ms;  /**< The motor lets go by itself after so long a silence; at least 10; 0:
                              200 ms. */
    bool no_watchdog;      /**< Leave the motor's watchdog as it is. */
    bool allow_torque_off; /**< If torque is found on and the control mode differs: drop torque. */
    float kp; /**< Stiffness in POSITION, N·m/rad, up to 500; 0: 30. A load of t N·m moves it t/kp
                 rad off its goal. */
    float kd; /**< Damping in POSITION, strength in VELOCITY, N·m·s/rad, up to 5; 0: 1. */
};

/** How the motor is, from its newest answer. */
struct tenon_damiao_motor_health {
    float driver_c; /**< Temperature of the power stage, degrees Celsius. */
    float rotor_c;  /**< Temperature of the coils, degrees Celsius. */
    uint8_t error;  /**< 0: none, 8 over-voltage, 9 under-voltage, 10 over-current, 11 power stage
                       hot, 12 coil hot, 13 not spoken to, 14 overload, else unknown. */
};

/**
 * A motor. All quantities are at its output shaft, as it counts them itself.
 *
 * What probe reports, beside TENON_OK: TIMEOUT with NO_REPLY, PROTO with GARBLED_REPLY (two motors
 * with one number), ARG with FIELDS or NODE_TAKEN (its answers could be taken for commands, or for
 * another's: its register 7 must differ), IO with WIRE_DOWN.
 *
 * What configure does: compares, and writes only what differs, never to flash. Control mode MIT;
 * watchdog. The ranges of position, velocity and torque (registers 21 ... 23) are taken from the
 * motor. It never drops torque, unless `allow_torque_off`: then a control mode that differs is
 * refused with STATE and TORQUE_HELD. An error is reported (DEVICE with DEVICE_FAULT, words in
 * detail), and cleared once when the module is put to work again after a fault; that it was not
 * spoken to is cleared at first sight.
 *
 * The motor knows no goal but that of its newest command, and none of those that another host has
 * left it with can be read. One that is found with torque on is taken over with a command that
 * makes the torque it makes already, and is kept so; its goal is then where that torque comes from.
 * Otherwise it is told to hold where it stands, before torque comes on and once more after it.
 *
 * It counts no turns: positions are -12.5 ... 12.5 rad as a rule and begin again on the other side.
 * In POSITION, goals stay 2 % within; a motor that was seen to pass the end is not switched on, or
 * is stopped (GOAL_OUTSIDE_LIMITS). In VELOCITY and EFFORT, positions go on across the end from
 * sample to sample; where they began is not known. A motor that has forgotten the watchdog it was
 * given was without power: `base.is_unhomed` is set, and its ends are counted anew.
 */
struct tenon_damiao_motor {
    struct tenon_motor base;                 /**< First, so that &m.base is the handle. */
    struct tenon_damiao_motor_health health; /**< For reading. */
    float p_max_rad;   /**< The motor's range of positions; 0 until first configured. */
    float v_max_rad_s; /**< Its range of speeds; likewise. */
    float t_max_nm;    /**< Its range of torques; likewise. */
    int32_t turns;     /**< Ends of the range passed since init, positive upwards. Set to 0 by the
                          application when it knows better. */
    uint32_t clear_count; /**< Errors cleared by configure. Only rises. */
    /* private */
    struct tenon_damiao_motor_config config;
    struct tenon_bus_device device;
    struct tenon_field in_field;
    struct tenon_request request; /* of lifecycle steps */
    struct tenon_request safe;    /* torque off: its own, so that it never waits for another */
    tenon_ns_t until_ns;          /* end of waiting for torque */
    double seen_rad;              /* newest position within the range */
    double hold_rad;              /* goal that it holds at, or of torque to come */
    float hold_rad_s;
    float hold_nm;
    uint32_t seen_sequence;
    uint32_t found_mode;
    uint8_t safe_tries;
    bool is_attached;
    bool was_configured;
    bool was_cleared;
    bool watchdog_is_set; /* by us: if it is not any more, the motor was without power */
    bool has_seen;
    bool has_hold;
    bool expects_torque; /* it has torque, and we do not want it otherwise */
};

/** Initialise; `size` is sizeof *self. Use tenon_damiao_motor_init() or
 * tenon_damiao_motor_init_config(). */
TENON_API struct tenon_motor *
tenon_damiao_motor_init_sized(struct tenon_damiao_motor *self,
                              size_t size,
                              struct tenon_wire *wire,
                              const struct tenon_damiao_motor_config *config);

/**
 * Make a motor with settings. Nothing is sent yet. Settings that cannot work are told when it is
 * added: ARG with ARGUMENT, UNSUPPORTED with MODE_UNSUPPORTED, in the module's diag.
 * @param[out] self    Storage, not NULL, the caller's; must outlive its use and not move.
 * @param      wire    The wire it hangs on, whose bus is a tenon_mit_bus; not NULL; must outlive
 * `self`. Add it to the scheduler before the joint.
 * @param      config  Copied; not NULL.
 * @return The motor, or NULL when a pointer is NULL or the header is of another version.
 * @context setup
 */
static inline struct tenon_motor *
tenon_damiao_motor_init_config(struct tenon_damiao_motor *self,
                               struct tenon_wire *wire,
                               const struct tenon_damiao_motor_config *config)
{
    return tenon_damiao_motor_init_sized(self, sizeof *self, wire, config);
}

/**
 * Make a motor with the default settings. Otherwise as tenon_damiao_motor_init_config().
 * @param id    CAN ID of the motor.
 * @param mode  enum tenon_mode: what commands it takes; NONE: POSITION.
 * @context setup
 */
static inline struct tenon_motor *tenon_damiao_motor_init(struct tenon_damiao_motor *self,
                                                          struct tenon_wire *wire,
                                                          uint8_t id,
                                                          uint8_t mode)
{
    const struct tenon_damiao_motor_config config = {id, mode, 0, false, false, 0.0f, 0.0f};
    return tenon_damiao_motor_init_config(self, wire, &config);
}

#ifdef __cplusplus
}
#endif
#endif
