/** @file sim.h @brief Virtual servos that answer on a line as real ones do, with the physics behind
 * them. */
#ifndef TENON_SIM_H
#define TENON_SIM_H

#include "tenon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Host only, no clock: time is an argument and must not run backwards. What the virtual devices do
 * depends on the bytes, the times and the seeds they are given, and on nothing else; how often the
 * functions are called in between does not matter. One thread at a time per bus. All functions
 * below have the context "any" in that sense.
 *
 * A program drives a bus through receive/transmit/next_ns (a pty, a file, a test), or lets
 * tenon_sim_bus_serve() do it for the far end of a memory line.
 */

struct tenon_memory_line;
struct tenon__sim_model;

/** How many models there are. */
TENON_API size_t tenon_sim_model_count(void);
/** Name of a model, such as "xm430-w350"; NULL when `index` is not below the count. */
TENON_API const char *tenon_sim_model_name(size_t index);
/** Model number as the servo itself reports it; 0 when `index` is not below the count. */
TENON_API uint16_t tenon_sim_model_number(size_t index);

/** What a servo's horn carries. Zero is a free horn. */
struct tenon_sim_load {
    float inertia_kg_m2; /**< Of the load about the horn's axis. */
    float gravity_nm;   /**< Torque of the load's weight when it is level: -gravity_nm * cos(angle -
                           level_rad). */
    float level_rad;    /**< Horn angle at which the load is level. */
    float coulomb_nm;   /**< Friction, added to the servo's own. */
    float viscous_nm_s; /**< Friction per rad/s, added to the servo's own. */
};

/** What is wrong with a servo. Zero is a healthy one. The counts run down as they are used up. */
struct tenon_sim_faults {
    bool deaf;    /**< Hears no packet: as if its data wire were off. Its motor goes on. */
    bool silent;  /**< Hears and obeys, and never answers. */
    bool blocked; /**< The horn is held fast. */
    uint32_t drop_next_replies;     /**< So many answers are not sent. */
    uint32_t corrupt_next_replies;  /**< So many answers have one wrong bit in the middle. */
    uint32_t truncate_next_replies; /**< So many answers end after half their bytes. */
    tenon_ns_t extra_delay_ns;      /**< Added to the return delay time. */
    uint8_t hardware_error; /**< Bits of Hardware Error Status(70) to latch at once; zeroed when
                               done. */
};

/** Bytes of a virtual control table. */
#define TENON_SIM_TABLE_SIZE 700
/** Most bytes that a Reg Write stores. */
#define TENON_SIM_REGISTERED_MAX 128
/** How long a servo is deaf and mute after power on, reboot or factory reset. */
#define TENON_SIM_BOOT_NS TENON_MS(200)
/** Physics and servo loops advance in steps of this length. */
#define TENON_SIM_STEP_NS TENON_US(250)

/**
 * A move in three parts, each of constant acceleration. Register units: pulses and milliseconds.
 */
struct tenon_sim_profile {
    /* private */
    double start_position;
    double goal_position;
    double begin_velocity[3];
    double end_velocity[3];
    double duration_ms[3];
    double elapsed_ms;
    double position;
    double velocity;
    double acceleration;
    uint8_t kind; /* as in Moving Status(123): 0 step, 1 rectangular, 2 triangular, 3 trapezoidal */
};

/** Motor, gear, horn, supply and heat. */
struct tenon_sim_plant {
    /* private */
    double angle_rad;
    double velocity_rad_s;
    double current_a;
    double torque_nm;
    double supply_v;
    double winding_c;
    double housing_c;
    double resistance_ohm;
    double torque_per_a;
    double back_emf_v_s;
    double inertia_kg_m2;
    double coulomb_nm;
    double viscous_nm_s;
    double source_v;
    double source_ohm;
    double ambient_c;
    struct tenon_sim_load load;
};

/** One virtual servo. Complete so that it can be static; use the functions below. */
struct tenon_sim_servo {
    /* private */
    const struct tenon__sim_model *model;
    struct tenon_sim_plant plant;
    struct tenon_sim_profile profile;
    struct tenon_sim_faults faults;
    uint8_t table[TENON_SIM_TABLE_SIZE];
    uint8_t backup[TENON_SIM_TABLE_SIZE];
    uint8_t registered[TENON_SIM_REGISTERED_MAX];
    uint16_t registered_address;
    uint16_t registered_count;
    uint32_t active_baud; /* what the line hears: follows the table once the reply is out */
    uint8_t active_id;
    bool is_powered;
    bool is_stopped; /* the bus watchdog holds the motor */
    tenon_ns_t apply_ns;
    tenon_ns_t heard_ns;
    tenon_ns_t now_ns; /* end of the newest step */
    uint32_t boot_steps;
    uint32_t tick_steps;
    int64_t turn_base; /* pulses taken off the shaft's count to make Present Position */
    double integral;
    double output; /* PWM counts, in the register's direction */
    double filtered_velocity;
    double filtered_load;
    double filtered_supply_v;
};

/** Initialise; `size` is sizeof *self. Use tenon_sim_servo_init(). */
TENON_API int tenon_sim_servo_init_sized(
    struct tenon_sim_servo *self, size_t size, const char *model, uint8_t id, uint32_t baud);

/**
 * Make a servo: powered, booted, EEPROM as from the factory but for ID and baud, Return Delay Time
 * included (250 = 500 us). The supply has the model's rated voltage, the horn is free and at angle
 * 0.
 * @param[out] self   Storage, not NULL; the caller's, and must outlive the bus it is on.
 * @param      model  One of tenon_sim_model_name(), not NULL.
 * @param      id     0 ... 252.
 * @param      baud   9600, 57600, 115200, 1M, 2M, 3M, 4M or, not on the xl330, 4.5M.
 * @retval TENON_ERR_ARG Unknown model, ID or baud.
 * @retval TENON_ERR_ABI The header is of another version than the library.
 */
static inline int
tenon_sim_servo_init(struct tenon_sim_servo *self, const char *model, uint8_t id, uint32_t baud)
{
    return tenon_sim_servo_init_sized(self, sizeof *self, model, id, baud);
}

/** Hang something on the horn; copied. NULL: nothing. */
TENON_API void tenon_sim_servo_set_load(struct tenon_sim_servo *self,
                                        const struct tenon_sim_load *load);
/**
 * Turn the horn by hand, at once; the register counts along if the servo is powered. Goal follows
 * if torque is off.
 */
TENON_API void tenon_sim_servo_set_angle(struct tenon_sim_servo *self, double angle_rad);
/** Change the supply: open-circuit voltage and the resistance behind it (cable, connectors). */
TENON_API void tenon_sim_servo_set_supply(struct tenon_sim_servo *self, double volts, double ohms);
/** Set winding and housing to this temperature, degrees Celsius; ambient stays at 25. */
TENON_API void tenon_sim_servo_set_temperature(struct tenon_sim_servo *self, double celsius);
/**
 * Pull the power or put it back. Off: it coasts, hears and answers nothing. On: RAM has its
 * defaults, EEPROM is kept, turns are forgotten, and it boots for TENON_SIM_BOOT_NS. No effect if
 * it is so already.
 */
TENON_API void tenon_sim_servo_set_powered(struct tenon_sim_servo *self, bool powered);
/**
 * Replace the faults; copied. NULL: healthy. What is latched already stays latched until reboot.
 */
TENON_API void tenon_sim_servo_set_faults(struct tenon_sim_servo *self,
                                          const struct tenon_sim_faults *faults);
/** The faults as they are now, counts run down. */
TENON_API const struct tenon_sim_faults *tenon_sim_servo_faults(const struct tenon_sim_servo *self);

/**
 * True horn angle, rad, over many turns: 0 where a factory-new servo's register reads 2048,
 * positive as it rises.
 */
TENON_API double tenon_sim_servo_angle_rad(const struct tenon_sim_servo *self);
/** True horn velocity, rad/s. */
TENON_API double tenon_sim_servo_velocity_rad_s(const struct tenon_sim_servo *self);
/** Torque of motor and gear on the horn, before friction, N.m. */
TENON_API double tenon_sim_servo_torque_nm(const struct tenon_sim_servo *self);
/** Motor current, A, with the sign of the torque. */
TENON_API double tenon_sim_servo_current_a(const struct tenon_sim_servo *self);
/** Temperature of the housing, which the servo reports, degrees Celsius. */
TENON_API double tenon_sim_servo_temperature_c(const struct tenon_sim_servo *self);
/** Whether power is on and booting is over. */
TENON_API bool tenon_sim_servo_is_up(const struct tenon_sim_servo *self);

/**
 * Read a register past all access rights, as of the last advance.
 * @param width 1, 2 or 4; the value is signed where the register is. 0 outside the table.
 */
TENON_API int32_t tenon_sim_servo_peek(const struct tenon_sim_servo *self,
                                       uint16_t address,
                                       uint8_t width);
/**
 * Write a register past access rights, ranges and locks, with the effects that a write has (torque,
 * mode, ID ...). Present values are overwritten by the next advance. @retval TENON_ERR_ARG Outside
 * the table, or width not 1, 2, 4.
 */
TENON_API int
tenon_sim_servo_poke(struct tenon_sim_servo *self, uint16_t address, uint8_t width, int32_t value);

/**
 * What the devices listed behind a missing one do in a sync or bulk read. Nobody documents it: test
 * both.
 */
enum tenon_sim_absent_policy {
    TENON_SIM_ABSENT_SKIP = 0, /**< They wait `skip_ns` for it, then take their turn. */
    TENON_SIM_ABSENT_STALL = 1 /**< They wait for ever: silent until the next request. */
};

/**
 * Bytes the devices may have under way to the host: more than all of 253 answers to a broadcast
 * ping.
 */
#define TENON_SIM_WIRE_CAPACITY 4096
/** Longest request a virtual bus takes, bytes. */
#define TENON_SIM_REQUEST_MAX 2048
/** Most bytes of answers to one request. */
#define TENON_SIM_REPLY_MAX 2048

/** A byte on its way to the host. */
struct tenon_sim_wire_byte {
    /* private */
    tenon_ns_t end_ns;
    tenon_ns_t frame_ns;
    uint8_t value;
};

/** One wire with virtual servos on it. About 100 KiB: make it static. */
struct tenon_sim_bus {
    /* Settings: may be changed at any time after init. */
    uint8_t absent_policy; /**< enum tenon_sim_absent_policy; default SKIP. */
    bool echo;             /**< The host's adapter hears its own bytes; default no. */
    tenon_ns_t skip_ns;    /**< How long a missing device is waited for; default 300 us. */
    tenon_ns_t
        gap_ns; /**< A pause longer than this drops a partial request; default 1.5 ms, 0: never. */
    tenon_ns_t adapter_delay_ns; /**< How long the host's adapter holds back what it receives;
                                    default 0. Set it while the line is silent. */
    uint32_t noise_ppm; /**< Chance, per million, that a byte gets a wrong bit; default 0. Both
                           directions. */
    uint32_t seed;      /**< State of the noise; not 0. */
    /* Counters: only rise. */
    uint32_t request_count;   /**< Good packets heard at this speed. */
    uint32_t reply_count;     /**< Answers put on the wire. */
    uint32_t collision_count; /**< Bytes that two talkers sent at once. */
    uint32_t partial_count;   /**< Requests dropped for a pause within them. */
    /* private */
    struct tenon_sim_servo *const *servos;
    size_t servo_count;
    uint32_t baud;
    tenon_ns_t byte_ns;
    tenon_ns_t physics_ns;
    tenon_ns_t heard_ns;
    bool has_begun;
    size_t rx_head;
    size_t rx_count;
    size_t wire_head;
    size_t wire_count;
    uint8_t rx[TENON_SIM_REQUEST_MAX];
    uint8_t reply[TENON_SIM_REPLY_MAX];
    struct tenon_sim_wire_byte wire[TENON_SIM_WIRE_CAPACITY];
};

/** Initialise; `size` is sizeof *self. Use tenon_sim_bus_init(). */
TENON_API int tenon_sim_bus_init_sized(struct tenon_sim_bus *self,
                                       size_t size,
                                       struct tenon_sim_servo *const *servos,
                                       size_t count);

/**
 * Make a bus at 57600 bit/s. Its time begins with the first call that has a `now`.
 * @param[out] self    Storage, not NULL.
 * @param      servos  Array of initialised servos, the caller's; must outlive the bus. May be NULL
 * when count is 0.
 * @param      count   Servos at `servos`. Two may have the same ID: they answer at once and garble
 * each other.
 * @retval TENON_ERR_ABI The header is of another version than the library; nothing is written.
 */
static inline int
tenon_sim_bus_init(struct tenon_sim_bus *self, struct tenon_sim_servo *const *servos, size_t count)
{
    return tenon_sim_bus_init_sized(self, sizeof *self, servos, count);
}

/**
 * The host's line speed, bit/s, not 0. A servo whose Baud Rate register differs hears nothing
 * sensible.
 */
TENON_API void tenon_sim_bus_set_baud(struct tenon_sim_bus *self, uint32_t baud);

/**
 * Bytes from the host, the last of which has wholly arrived at the devices at `now`.
 * Give bytes that arrive at different times in different calls: answers are timed from the last
 * byte of a packet.
 */
TENON_API void tenon_sim_bus_receive(struct tenon_sim_bus *self,
                                     const uint8_t *bytes,
                                     size_t count,
                                     tenon_ns_t now);

/**
 * Take the bytes whose last bit has arrived at the host by `now`.
 * @return Bytes stored, at most `capacity`.
 */
TENON_API size_t tenon_sim_bus_transmit(struct tenon_sim_bus *self,
                                        uint8_t *out_bytes,
                                        size_t capacity,
                                        tenon_ns_t now);

/** When the next byte can be taken by transmit; TENON_NEVER: not before the next request. */
TENON_API tenon_ns_t tenon_sim_bus_next_ns(const struct tenon_sim_bus *self);

/**
 * Let the physics run up to `now`, in steps of TENON_SIM_STEP_NS. Receive, transmit and serve do so
 * by themselves; call it to look at a servo, or so that a long silence is not computed all at once.
 */
TENON_API void tenon_sim_bus_advance(struct tenon_sim_bus *self, tenon_ns_t now);

/**
 * Be the far end of a memory line: take what has arrived by `now`, each byte at its own time, and
 * send what has been answered, so that the host's read at `now` finds every byte that a real wire
 * would have brought. The line's baud becomes the bus's. Call it before the host reads, at the
 * latest at min(tenon_memory_line_next_ns(), tenon_sim_bus_next_ns()). Calling it seldom delays
 * what the host sees, never what the devices do.
 */
TENON_API void
tenon_sim_bus_serve(struct tenon_sim_bus *self, struct tenon_memory_line *line, tenon_ns_t now);

#ifdef __cplusplus
}
#endif
#endif
