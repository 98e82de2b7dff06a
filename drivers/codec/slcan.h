/**
 * @file slcan.h
 * @brief SLCAN (Lawicel): CAN frames and commands of an adapter <-> characters. No I/O, no clock,
 * no state but the caller's.
 *
 *     t III L DD ... CR          data frame, identifier of 11 bits in three hex digits
 *     T IIIIIIII L DD ... CR     data frame, identifier of 29 bits
 *     r III L CR, R IIIIIIII L CR  remote frames
 *
 * L is the number of bytes, 0 ... 8. An adapter may add a time stamp of 4 or 8 digits to what it
 * received. It answers a command by CR or, if it refuses, by BEL; a frame to be sent by z or Z and
 * CR; many answer nothing at all. Nothing guards the characters: a wrong digit is a wrong frame.
 *
 * No pointer may be NULL. Everything here may be called in any context.
 */
#ifndef TENON_SLCAN_H
#define TENON_SLCAN_H

#include "tenon/can.h"

#define SLCAN_FRAME_MAX 27u /**< Characters of the longest frame, CR included. */
#define SLCAN_TEXT_MAX  34u /**< Likewise with a time stamp, without CR. */
#define SLCAN_END       0x0Du
#define SLCAN_REFUSAL   0x07u

/**
 * Encode a frame.
 * @param[out] out  Room for SLCAN_FRAME_MAX characters.
 * @return Characters, CR included; 0: such a frame cannot exist, nothing is written.
 */
size_t slcan_encode(uint8_t *out, const struct tenon_can_frame *frame);

/**
 * The command that sets a bit rate.
 * @param baud  Bit/s: 10, 20, 50, 100, 125, 250, 500, 800 thousand or a million.
 * @return Its digit, '0' ... '8'; 0: there is none for this rate.
 */
uint8_t slcan_rate_digit(uint32_t baud);
/** The reverse of slcan_rate_digit(). @return Bit/s; 0: no rate has this digit. */
uint32_t slcan_rate_of(uint8_t digit);

/** What a character completes. */
enum slcan_event {
    SLCAN_NONE = 0, /**< Nothing yet. */
    SLCAN_FRAME,    /**< A frame. */
    SLCAN_DONE,     /**< An empty line: a command was carried out. */
    SLCAN_SENT,     /**< z or Z: a frame was taken to be sent. */
    SLCAN_REFUSED,  /**< BEL: a command was refused. It may come in the middle of a line. */
    SLCAN_TEXT,  /**< Another line, as it is in the parser's text: V1013; or, to an adapter, O. */
    SLCAN_BROKEN /**< A line that is too long, or begins as a frame and is none. */
};

/** A line under way, kept by the caller. To begin, count is 0. */
struct slcan_parser {
    uint8_t *text; /**< SLCAN_TEXT_MAX characters. */
    uint8_t count; /**< Of them in use; more than SLCAN_TEXT_MAX: the line is too long. After an
                      event that ends a line, the length of that line until the next character. */
    bool is_whole; /**< The line has ended. */
};

/**
 * Take a character, whatever it is. LF and NUL between lines are passed over.
 * @param[out] out_frame  Written with SLCAN_FRAME only.
 */
enum slcan_event
slcan_push(struct slcan_parser *p, uint8_t character, struct tenon_can_frame *out_frame);

#endif
