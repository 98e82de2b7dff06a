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

#ifdef __cplusplus
}
#endif
#endif
