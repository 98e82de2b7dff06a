/** @file sim_can.h @brief Virtual Damiao motors on a CAN bus, and a SLCAN adapter in front of it.
 */
#ifndef TENON_SIM_CAN_H
#define TENON_SIM_CAN_H

#include "tenon/drivers/memory_can_line.h"
#include "tenon/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Host only, no clock; what sim.h says of time, threads and repeatability holds here, too. All
 * functions below have the context "any" in that sense.
 */

struct tenon__sim_damiao_model;

/** How many models of motors there are. */
TENON_API size_t tenon_sim_damiao_model_count(void);
/** Name of a model, such as "damiao-4310"; NULL when `index` is not below the count. */
TENON_API const char *tenon_sim_damiao_model_name(size_t index);

/** What is wrong with a motor. Zero is a healthy one. The counts run down as they are used up. */
struct tenon_sim_damiao_faults {
    bool deaf;    /**< Hears no frame: as if its bus wires were off. Its motor goes on. */
    bool silent;  /**< Hears and obeys, and never answers. */
    bool blocked; /**< The shaft is held fast. */
    uint8_t
        latch_error;     /**< Error to be latched at once, 8 ... 14: over-voltage, under-voltage,
                            over-current, driver hot, coil hot, silence, overload. Zeroed when done. */
    uint16_t wrong_bits; /**< Bits of the answers' identifier that are the wrong way round. */
    uint32_t drop_next_answers;      /**< So many answers are not sent. */
    uint32_t duplicate_next_answers; /**< So many answers are sent twice. */
    tenon_ns_t extra_delay_ns;       /**< Added to the time a motor takes to answer. */
};

/** Registers of a virtual motor. */
#define TENON_SIM_DAMIAO_REGISTERS 82
/** Time from the end of a frame until its answer wants the bus. Assumed; nobody documents it. */
#define TENON_SIM_DAMIAO_ANSWER_NS TENON_US(50)

/** What a motor was last told to do. */
struct tenon_sim_damiao_command {
    /* private */
    double position_rad;
    float velocity_rad_s;
    float stiffness;
    float damping;
    float effort_nm;
};

/** One virtual motor. Complete so that it can be static; use the functions below. */
struct tenon_sim_damiao {
    /* private */
    const struct tenon__sim_damiao_model *model;
    struct tenon_sim_plant plant;
    struct tenon_sim_damiao_faults faults;
    struct tenon_sim_damiao_command command;
    uint32_t registers[TENON_SIM_DAMIAO_REGISTERS]; /* floats as their bits */
    uint32_t saved[TENON_SIM_DAMIAO_REGISTERS];
    double zero_rad;
    tenon_ns_t heard_ns;
    uint8_t status; /* as in its answers */
    bool is_powered;
};

/** Initialise; `size` is sizeof *self. Use tenon_sim_damiao_init(). */
TENON_API int tenon_sim_damiao_init_sized(
    struct tenon_sim_damiao *self, size_t size, const char *model, uint8_t id, uint16_t master_id);

/**
 * Make a motor: powered, disabled, in MIT mode, without a watchdog, its shaft free and at angle 0.
 * It talks at 1 Mbit/s.
 * @param[out] self       Storage, not NULL; the caller's, and must outlive the bus it is on.
 * @param      model      One of tenon_sim_damiao_model_name(), not NULL.
 * @param      id         Identifier of frames to it, 1 ... 255.
 * @param      master_id  Identifier of its answers, 0 ... 0x7FF; the maker advises id + 16.
 * @retval TENON_ERR_ARG Unknown model, or an identifier out of range.
 * @retval TENON_ERR_ABI The header is of another version than the library.
 */
static inline int tenon_sim_damiao_init(struct tenon_sim_damiao *self,
                                        const char *model,
                                        uint8_t id,
                                        uint16_t master_id)
{
    return tenon_sim_damiao_init_sized(self, sizeof *self, model, id, master_id);
}

/** Hang something on the shaft; copied. NULL: nothing. */
TENON_API void tenon_sim_damiao_set_load(struct tenon_sim_damiao *self,
                                         const struct tenon_sim_load *load);
/** Turn the shaft by hand, at once. */
TENON_API void tenon_sim_damiao_set_angle(struct tenon_sim_damiao *self, double angle_rad);
/** Set winding and housing to this temperature, degrees Celsius; ambient stays at 25. */
TENON_API void tenon_sim_damiao_set_temperature(struct tenon_sim_damiao *self, double celsius);
/**
 * Pull the power or put it back. Off: it coasts, hears and answers nothing. On: disabled, registers
 * as they were last saved, position kept. No effect if it is so already.
 */
TENON_API void tenon_sim_damiao_set_powered(struct tenon_sim_damiao *self, bool powered);
/** Replace the faults; copied. NULL: healthy. What is latched already stays latched until cleared.
 */
TENON_API void tenon_sim_damiao_set_faults(struct tenon_sim_damiao *self,
                                           const struct tenon_sim_damiao_faults *faults);
/** The faults as they are now, counts run down. */
TENON_API const struct tenon_sim_damiao_faults *
tenon_sim_damiao_get_faults(const struct tenon_sim_damiao *self);

/** True shaft angle, rad. The motor reports it from where its zero was set. */
TENON_API double tenon_sim_damiao_angle_rad(const struct tenon_sim_damiao *self);
/** True shaft velocity, rad/s. */
TENON_API double tenon_sim_damiao_velocity_rad_s(const struct tenon_sim_damiao *self);
/** Torque of motor and gear on the shaft, before friction, N.m. */
TENON_API double tenon_sim_damiao_torque_nm(const struct tenon_sim_damiao *self);
/** Its state as it would answer it: 0 disabled, 1 enabled, 8 ... 14 an error. */
TENON_API uint8_t tenon_sim_damiao_status(const struct tenon_sim_damiao *self);
/** Read a register past all access rights; a float as its bits. 0 when there is no such register.
 */
TENON_API uint32_t tenon_sim_damiao_peek(const struct tenon_sim_damiao *self, uint8_t rid);
/** Write a register past access rights and ranges, saved value included. @retval TENON_ERR_ARG
 * There is no such register. */
TENON_API int tenon_sim_damiao_poke(struct tenon_sim_damiao *self, uint8_t rid, uint32_t value);

/** One CAN bus with virtual motors on it. */
struct tenon_sim_can_bus {
    /* Counters: only rise. */
    uint32_t frame_count;  /**< Frames of the host that were heard. */
    uint32_t answer_count; /**< Answers handed to the line. */
    uint32_t lost_count;   /**< Answers the line had no room for. */
    /* private */
    struct tenon_sim_damiao *const *motors;
    size_t motor_count;
    tenon_ns_t physics_ns;
    bool has_begun;
};

/** Initialise; `size` is sizeof *self. Use tenon_sim_can_bus_init(). */
TENON_API int tenon_sim_can_bus_init_sized(struct tenon_sim_can_bus *self,
                                           size_t size,
                                           struct tenon_sim_damiao *const *motors,
                                           size_t count);

/**
 * Make a bus. Its time begins with the first call that has a `now`.
 * @param[out] self    Storage, not NULL.
 * @param      motors  Array of initialised motors, the caller's; must outlive the bus. May be NULL
 *                     when count is 0.
 * @param      count   Motors at `motors`.
 * @retval TENON_ERR_ABI The header is of another version than the library; nothing is written.
 */
static inline int tenon_sim_can_bus_init(struct tenon_sim_can_bus *self,
                                         struct tenon_sim_damiao *const *motors,
                                         size_t count)
{
    return tenon_sim_can_bus_init_sized(self, sizeof *self, motors, count);
}

/** Let the physics run up to `now`, in steps of TENON_SIM_STEP_NS. Serve does so by itself. */
TENON_API void tenon_sim_can_bus_advance(struct tenon_sim_can_bus *self, tenon_ns_t now);
/**
 * Be the far end of a memory line: take the frames that have arrived by `now`, each at its own
 * time, and answer. Call it before the host reads, at the latest at
 * tenon_memory_can_line_next_ns(). Calling it seldom delays what the host sees, never what the
 * motors do.
 */
TENON_API void tenon_sim_can_bus_serve(struct tenon_sim_can_bus *self,
                                       struct tenon_memory_can_line *line,
                                       tenon_ns_t now);

/** Characters that may be under way from a virtual adapter to its host. */
#define TENON_SIM_SLCAN_CAPACITY 4096
/** Frames that a virtual adapter keeps in each direction. */
#define TENON_SIM_SLCAN_FRAMES 64

/**
 * A SLCAN adapter between a serial port and a virtual CAN bus, as LAWICEL's manual has it: it
 * answers commands by CR or BEL and frames by z or Z.
 */
struct tenon_sim_slcan {
    /* Settings: may be changed at any time after init. */
    bool is_mute; /**< Answers no command, as CANable's firmware; default no. */
    /* Counters: only rise. */
    uint32_t command_count; /**< Commands carried out, frames included. */
    uint32_t refused_count; /**< Commands refused. */
    uint32_t lost_count;    /**< Frames for the host that there was no room for. */
    /* private */
    struct tenon_sim_can_bus *bus;
    struct tenon_memory_can_line line;
    struct tenon_memory_can_entry entries[2 * TENON_SIM_SLCAN_FRAMES];
    tenon_ns_t byte_ns;
    tenon_ns_t busy_until_ns;
    tenon_ns_t now_ns; /* of the command under way */
    uint8_t text[34];
    uint8_t text_count;
    bool text_is_whole;
    bool is_open;
    bool has_stamps;
    size_t head;
    size_t count;
    struct tenon_sim_wire_byte wire[TENON_SIM_SLCAN_CAPACITY];
};

/** Initialise; `size` is sizeof *self. Use tenon_sim_slcan_init(). */
TENON_API int tenon_sim_slcan_init_sized(struct tenon_sim_slcan *self,
                                         size_t size,
                                         struct tenon_sim_can_bus *bus,
                                         uint32_t baud);

/**
 * Make an adapter: its channel closed, set to 1 Mbit/s.
 * @param[out] self  Storage, not NULL. It points into itself: do not copy it.
 * @param      bus   What it is plugged into, initialised; must outlive `self`.
 * @param      baud  Of its serial port, bit/s, not 0.
 * @retval TENON_ERR_ABI The header is of another version than the library; nothing is written.
 */
static inline int
tenon_sim_slcan_init(struct tenon_sim_slcan *self, struct tenon_sim_can_bus *bus, uint32_t baud)
{
    return tenon_sim_slcan_init_sized(self, sizeof *self, bus, baud);
}

/** The serial port's speed, bit/s, not 0. It sets the pace of what follows, and nothing else. */
TENON_API void tenon_sim_slcan_set_baud(struct tenon_sim_slcan *self, uint32_t baud);
/** Characters from the host, the last of which has wholly arrived at `now`. */
TENON_API void tenon_sim_slcan_receive(struct tenon_sim_slcan *self,
                                       const uint8_t *bytes,
                                       size_t count,
                                       tenon_ns_t now);
/** Take the characters that have arrived at the host by `now`. @return Stored, at most `capacity`.
 */
TENON_API size_t tenon_sim_slcan_transmit(struct tenon_sim_slcan *self,
                                          uint8_t *out_bytes,
                                          size_t capacity,
                                          tenon_ns_t now);
/** When to call transmit again; TENON_NEVER: not before the next command. */
TENON_API tenon_ns_t tenon_sim_slcan_next_ns(const struct tenon_sim_slcan *self);
/** Let bus and motors run up to `now`. The functions above do so by themselves. */
TENON_API void tenon_sim_slcan_advance(struct tenon_sim_slcan *self, tenon_ns_t now);
/**
 * Be the far end of a memory line of bytes: tenon_sim_bus_serve() for an adapter.
 */
TENON_API void
tenon_sim_slcan_serve(struct tenon_sim_slcan *self, struct tenon_memory_line *line, tenon_ns_t now);

#ifdef __cplusplus
}
#endif
#endif
