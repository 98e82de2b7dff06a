/** @file can.h @brief A CAN frame, as lines that carry frames move it. */
#ifndef TENON_CAN_H
#define TENON_CAN_H

#include "tenon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bits of tenon_can_frame.flags. */
enum tenon_can_flag {
    TENON_CAN_EXTENDED = 1u, /**< The identifier has 29 bits, else 11. */
    TENON_CAN_REMOTE = 2u    /**< A remote frame: it has a length, but no data. */
};

/**
 * A classic CAN frame. Lines of medium TENON_MEDIUM_CAN move whole frames: their reads and writes
 * count bytes as every line's do, always a multiple of sizeof(struct tenon_can_frame).
 */
struct tenon_can_frame {
    uint32_t id;         /**< Identifier, without flags. */
    uint8_t length;      /**< Bytes of data, 0 ... 8. */
    uint8_t flags;       /**< enum tenon_can_flag. */
    uint8_t reserved[2]; /**< 0. */
    uint8_t data[8];     /**< Data; what lies beyond `length` means nothing. */
};

/** Whether a frame can exist: identifier, length and flags are within their ranges. @context any */
static inline bool tenon_can_frame_is_valid(const struct tenon_can_frame *frame)
{
    const bool is_extended = (frame->flags & TENON_CAN_EXTENDED) != 0u;
    return frame->id <= (is_extended ? 0x1FFFFFFFu : 0x7FFu) && frame->length <= 8u &&
           frame->flags <= (TENON_CAN_EXTENDED | TENON_CAN_REMOTE);
}

/**
 * Bits a frame takes on the wire at most: with all the stuff bits its length can need, and the
 * pause of three bits behind it. Eight bytes take 135, with an extended identifier 160.
 * @context any
 */
static inline uint32_t tenon_can_frame_bits(const struct tenon_can_frame *frame)
{
    const uint32_t head = (frame->flags & TENON_CAN_EXTENDED) != 0u ? 54u : 34u; /* and CRC */
    const uint32_t data = (frame->flags & TENON_CAN_REMOTE) != 0u ? 0u : 8u * frame->length;
    const uint32_t stuffed = head + data;
    return stuffed + (stuffed - 1u) / 4u + 13u; /* delimiter, acknowledge, end and pause */
}

#ifdef __cplusplus
}
#endif
#endif
