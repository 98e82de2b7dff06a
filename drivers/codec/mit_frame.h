/**
 * @file mit_frame.h
 * @brief MIT mode over CAN (mini-cheetah, Damiao and their kin): bytes <-> numbers. No I/O, no
 * clock, no state.
 *
 *     command, identifier = node:       p[16] v[12] kp[12] kd[12] t[12], most significant bit first
 *     answer, identifier = master's:    status[4] node[4] p[16] v[12] t[12] T_mos[8] T_rotor[8]
 *     special, identifier = node:       FF FF FF FF FF FF FF code
 *     register, identifier = 7FF:       node[16, low byte first] operation RID value[4]
 *
 * Each of them has 8 bytes and is answered: the first three by an answer as above, a register read
 * or write by the same layout with the value the device holds. The torque is made in the device: kp
 * (p - p_measured) + kd (v - v_measured) + t.
 *
 * Numbers run over ranges that are set in the device; both ends must use the same. No pointer may
 * be NULL. Everything here may be called in any context.
 */
#ifndef TENON_MIT_FRAME_H
#define TENON_MIT_FRAME_H

#include "tenon/base.h"

#define MIT_FRAME_SIZE  8u
#define MIT_NODE_MAX    0xFFu  /**< Largest number of a device: above it begin other modes. */
#define MIT_REGISTER_ID 0x7FFu /**< Identifier of register frames and status requests. */
#define MIT_RID_MAX     81u    /**< Largest register a device has. */
#define MIT_KP_MAX      500.0f /**< kp is 0 ... this, N·m/rad. */
#define MIT_KD_MAX      5.0f   /**< kd is 0 ... this, N·m·s/rad. */

/**
 * What field and request addresses mean on a bus of this protocol.
 *
 * 0 ... FF are registers, four bytes each. All else are messages: of those below MIT_COMMAND the
 * low byte is the one that tells them apart on the wire.
 */
enum mit_address {
    MIT_STATUS = 0x1CC,   /**< Read, 8 bytes: the answer to a status request. */
    MIT_CLEAR = 0x1FB,    /**< Write, 0 bytes: latched errors are cleared. */
    MIT_ENABLE = 0x1FC,   /**< Write, 0 bytes: torque on. */
    MIT_DISABLE = 0x1FD,  /**< Write, 0 bytes: torque off. */
    MIT_SET_ZERO = 0x1FE, /**< Write, 0 bytes: here is position 0. */
    /** Out field, or write: plus 0x000, 0x100, 0x200 or 0x300, which is added to the node to make
     * the identifier. */
    MIT_COMMAND = 0x1000,
    /** In field: plus the identifier that the device's answers have. */
    MIT_FEEDBACK = 0x2000
};

/** Operation byte of a register frame. */
enum mit_operation { MIT_READ = 0x33, MIT_WRITE = 0x55, MIT_ASK_STATUS = 0xCC };

/** The upper half of an answer's first byte. All from 2 on are errors. */
enum mit_status {
    MIT_DISABLED = 0x0,
    MIT_ENABLED = 0x1,
    MIT_OVER_VOLTAGE = 0x8,
    MIT_UNDER_VOLTAGE = 0x9,
    MIT_OVER_CURRENT = 0xA,
    MIT_DRIVER_HOT = 0xB,
    MIT_COIL_HOT = 0xC,
    MIT_SILENCE = 0xD, /**< Stopped because it was not spoken to. */
    MIT_OVERLOAD = 0xE
};

/** What the numbers run over: each from minus this to this. All positive. */
struct mit_ranges {
    float p_max_rad;
    float v_max_rad_s;
    float t_max_nm;
};

/** A command. */
struct mit_command {
    double p_rad;
    float v_rad_s;
    float kp; /**< 0 ... MIT_KP_MAX. */
    float kd; /**< 0 ... MIT_KD_MAX. */
    float t_nm;
};

/** An answer. */
struct mit_answer {
    uint8_t status; /**< enum mit_status. */
    uint8_t node;   /**< The lower half of its number. */
    double p_rad;
    float v_rad_s;
    float t_nm;
    uint8_t driver_c; /**< Temperatures, degrees Celsius. Devices of other makes send other things
                         here. */
    uint8_t rotor_c;
};

/**
 * Encode a command. What is out of range is clamped, then truncated to the raster.
 * @return false when a number is NaN: then nothing is written.
 */
bool mit_pack_command(uint8_t *out,
                      const struct mit_ranges *ranges,
                      const struct mit_command *command);
/** Decode the 8 bytes of a command, as a device does. */
void mit_unpack_command(const uint8_t *bytes,
                        const struct mit_ranges *ranges,
                        struct mit_command *out_command);
/** Encode the 8 bytes of an answer, as a device does; otherwise as mit_pack_command(). */
bool mit_pack_answer(uint8_t *out,
                     const struct mit_ranges *ranges,
                     const struct mit_answer *answer);
/** Decode an answer of 8 bytes. */
void mit_unpack_answer(const uint8_t *bytes,
                       const struct mit_ranges *ranges,
                       struct mit_answer *out_answer);
/** Encode a special frame: the low byte of MIT_CLEAR ... MIT_SET_ZERO. */
void mit_pack_special(uint8_t *out, uint8_t code);
/**
 * Encode what goes to MIT_REGISTER_ID.
 * @param operation  enum mit_operation.
 * @param value      Four bytes as they are sent; NULL: zeros.
 */
void mit_pack_register(
    uint8_t *out, uint32_t node, uint8_t operation, uint8_t rid, const uint8_t *value);

/**
 * Whether 8 bytes on a master's identifier are the answer to a register frame to this node, rather
 * than a device's state.
 *
 * A disabled device is mistaken for one that answers a register frame if it stands at exactly one
 * of two of the 65,536 positions and at the same time turns backwards at more than a third of its
 * range; its next answer is right again.
 */
static inline bool mit_is_register(const uint8_t *bytes, uint32_t node)
{
    return bytes[0] == (node & 0xFFu) && bytes[1] == node >> 8 &&
           (bytes[2] == MIT_READ || bytes[2] == MIT_WRITE) && bytes[3] <= MIT_RID_MAX;
}

/** Four bytes as sent (low byte first) to a number; no alignment needed. */
static inline uint32_t mit_load32(const uint8_t *p)
{
    return (uint32_t)p[0] | ((uint32_t)p[1] << 8) | ((uint32_t)p[2] << 16) | ((uint32_t)p[3] << 24);
}

/** The reverse of mit_load32(). */
static inline void mit_store32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v & 0xFFu);
    p[1] = (uint8_t)(v >> 8 & 0xFFu);
    p[2] = (uint8_t)(v >> 16 & 0xFFu);
    p[3] = (uint8_t)(v >> 24);
}

/** Four bytes as sent to a float, which may be anything a float can be. */
float mit_load_float(const uint8_t *p);
/** The reverse of mit_load_float(). */
void mit_store_float(uint8_t *p, float v);

#endif
