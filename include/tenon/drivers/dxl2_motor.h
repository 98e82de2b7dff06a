/** @file dxl2_motor.h @brief Dynamixel X series servos (Protocol 2.0): XL330, XL430, XM430. */
#ifndef TENON_DRIVERS_DXL2_MOTOR_H
#define TENON_DRIVERS_DXL2_MOTOR_H

#include "tenon/motor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tenon__dxl2_model;

/** Settings beyond ID and mode. Zero means the documented default. Copied at init. */
struct tenon_dxl2_motor_config {
    uint8_t id;               /**< 0 ... 252. */
    uint8_t mode;             /**< enum tenon_mode; NONE: POSITION. */
    uint16_t expected_model;  /**< Refuse another model number; 0: any known one. */
    uint16_t return_delay_us; /**< 0 ... 508, in steps of 2; default 0: answer at once. */
    uint16_t watchdog_ms;     /**< The servo stops by itself after so long a silence; 20 ... 2540,
                                 rounded up to 20 ms; 0: 200 ms. */
    bool no_watchdog;         /**< Leave the servo's watchdog off. */
    bool allow_torque_off; /**< If torque is found on and a register that needs torque off differs:
                              drop torque. */
    uint16_t position_p_gain; /**< Register value (gain x 128), up to 16383; 0: leave. */
    uint16_t position_i_gain; /**< Register value (gain x 65,536), up to 16383; 0: leave. */
    uint16_t position_d_gain; /**< Register value (gain x 16), up to 16383; 0: leave. */
};

/** How the servo is: refreshed by turns, one request a second, while READY or ACTIVE. */
struct tenon_dxl2_motor_health {
    float voltage_v;        /**< Supply at the servo; 0 until first read. */
    float temperature_c;    /**< Inside the servo, degrees Celsius; 0 until first read. */
    uint8_t hardware_error; /**< Bits: 1 input voltage, 4 overheating, 8 encoder, 16 electrical
                               shock, 32 overload. */
    bool watchdog_tripped;  /**< The servo stopped by itself because the bus was silent. */
};

/** A register that configure changed in the servo's EEPROM, so that it can be reported and put
 * back. */
struct tenon_dxl2_motor_change {
    uint16_t address;   /**< Register. */
    uint8_t width;      /**< Bytes. */
    uint32_t old_value; /**< What it held before the first change. */
};

/** Registers configure may change in EEPROM: return delay, drive mode, operating mode. */
#define TENON_DXL2_MOTOR_CHANGES_MAX 3

/**
 * A servo. Position 0 is the middle of its turn (register value 2048).
 *
 * What probe reports, beside TENON_OK: TIMEOUT with NO_REPLY, PROTO with GARBLED_REPLY, UNSUPPORTED
 * with MODEL_UNKNOWN or MODEL_CHANGED, IO with WIRE_DOWN.
 *
 * What configure does: compares, and writes only what differs. Status return level 2; return delay
 * and operating mode as asked for; of the drive mode, "time-based profile" and "torque on by goal
 * update" are cleared, the direction stays as it is in the servo, as does the homing offset;
 * profiles 0, for set points are streamed; goal PWM as far as the servo's PWM limit, except in PWM
 * mode; position gains if given; watchdog. It never drops torque, unless `allow_torque_off`: then a
 * register that differs and needs torque off is refused with STATE and TORQUE_HELD. A servo that
 * latched a hardware error is reported (DEVICE with DEVICE_FAULT, words in detail); when the module
 * is put to work again after a fault, it is rebooted once if its torque is off, which clears what
 * is over. A reboot gives no torque back. Waiting for it takes up to one second.
 *
 * Commands: EFFORT_POSITION takes the magnitude of effort_nm as the cap, 0: the servo's own limit.
 * Efforts are currents times a torque constant made from stall data, so they are good to some ten
 * percent (friction of the gear). The XL430 measures no current: its effort is the load it
 * estimates, and it has no effort modes.
 */
struct tenon_dxl2_motor {
    struct tenon_motor base;               /**< First, so that &m.base is the handle. */
    struct tenon_dxl2_motor_health health; /**< For reading. */
    uint8_t firmware;                      /**< Found by probe. */
    uint16_t reboot_count;                 /**< Reboots by configure. Only rises. */
    /* private */
    struct tenon_dxl2_motor_config config;
    const struct tenon__dxl2_model *model;
    struct tenon_bus_device device;
    struct tenon_request request; /* one for all: */
    uint8_t purpose;              /* whose it is */
    uint8_t ram_at;               /* how far configure is with the registers in RAM */
    uint8_t monitor_turn;
    uint8_t watchdog;
    uint16_t seen_sequence;
    uint16_t current_limit_ticks;
    uint16_t pwm_limit_ticks;
    uint16_t velocity_limit_ticks;
    uint32_t reboot_end;  /* coarse: end of waiting for a reboot */
    uint32_t monitor_due; /* coarse */
    int32_t goal_min_ticks;
    int32_t goal_max_ticks;
    int32_t hold_ticks;
    int16_t homing_ticks;
    uint8_t found[TENON_DXL2_MOTOR_CHANGES_MAX]; /* return delay, drive mode, operating mode */
    uint8_t first[TENON_DXL2_MOTOR_CHANGES_MAX]; /* what they held before the first change */
    uint8_t changed;                             /* which of them were, bits */
    uint8_t status_level;
    bool torque_is_on;
    bool is_attached;
    bool was_configured;
    bool was_rebooted;
    bool is_rebooting;
};

/** Initialise; `size` is sizeof *self. Use tenon_dxl2_motor_init() or
 * tenon_dxl2_motor_init_config(). */
TENON_API struct tenon_motor *
tenon_dxl2_motor_init_sized(struct tenon_dxl2_motor *self,
                            size_t size,
                            struct tenon_wire *wire,
                            const struct tenon_dxl2_motor_config *config);

/**
 * Make a servo with settings. Nothing is sent yet. Settings that cannot work are told when it is
 * added: ARG with NODE_RANGE or ARGUMENT, UNSUPPORTED with MODE_UNSUPPORTED, in the module's diag.
 * @param[out] self    Storage, not NULL, the caller's; must outlive its use and not move.
 * @param      wire    The wire it hangs on, not NULL; must outlive `self`. Add it to the scheduler
 * before the joint.
 * @param      config  Copied; not NULL.
 * @return The motor, or NULL when a pointer is NULL or the header is of another version.
 * @context setup
 */
static inline struct tenon_motor *
tenon_dxl2_motor_init_config(struct tenon_dxl2_motor *self,
                             struct tenon_wire *wire,
                             const struct tenon_dxl2_motor_config *config)
{
    return tenon_dxl2_motor_init_sized(self, sizeof *self, wire, config);
}

/**
 * Make a servo with the default settings. Otherwise as tenon_dxl2_motor_init_config().
 * @param id    0 ... 252.
 * @param mode  enum tenon_mode: what commands it takes; NONE: POSITION.
 * @context setup
 */
static inline struct tenon_motor *tenon_dxl2_motor_init(struct tenon_dxl2_motor *self,
                                                        struct tenon_wire *wire,
                                                        uint8_t id,
                                                        uint8_t mode)
{
    const struct tenon_dxl2_motor_config config = {id, mode, 0, 0, 0, false, false, 0, 0, 0};
    return tenon_dxl2_motor_init_config(self, wire, &config);
}

/**
 * Which EEPROM registers were changed since init, with the values they had. The list starts anew
 * when another model is found in the servo's place.
 * @param      self      Not NULL.
 * @param[out] out       Room for `capacity` entries; may be NULL when that is 0.
 * @param      capacity  TENON_DXL2_MOTOR_CHANGES_MAX holds all.
 * @return How many there are; the first `capacity` of them are stored.
 * @context cyclic thread
 */
TENON_API size_t tenon_dxl2_motor_changes(const struct tenon_dxl2_motor *self,
                                          struct tenon_dxl2_motor_change *out,
                                          size_t capacity);

/** Name of a model by its number ("xm430-w350"), static; NULL: not known to this driver. @context
 * any */
TENON_API const char *tenon_dxl2_model_name(uint16_t number);

/**
 * First firmware of a model that has a bus watchdog: older ones cannot stop by themselves when the
 * bus falls silent. @return 0: all have it; -1: the model is not known. @context any
 */
TENON_API int tenon_dxl2_model_watchdog_since(uint16_t number);

#ifdef __cplusplus
}
#endif
#endif
