/** @file slcan_line.h @brief CAN through an adapter on a serial port that speaks SLCAN (Lawicel).
 */
#ifndef TENON_DRIVERS_SLCAN_LINE_H
#define TENON_DRIVERS_SLCAN_LINE_H

#include "tenon/line.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A line of CAN frames that stands on a line of bytes: a serial port, usually. It needs no
 * operating system of its own.
 *
 * Probe opens the port, closes the adapter's channel, sets the bit rate and opens the channel.
 * Adapters that answer may refuse; silence counts as consent, since many answer nothing. So whether
 * there is an adapter at all is found out by those who ask devices behind it. Release closes the
 * channel and the port.
 *
 * What probe reports beside TENON_OK is what the port reports, and:
 * - TENON_ERR_UNSUPPORTED, TENON_CAUSE_BAUD_UNSUPPORTED: SLCAN has no such bit rate, or the adapter
 *   refused it.
 * - TENON_ERR_DEVICE, TENON_CAUSE_ADAPTER_REFUSED: the adapter would not open its channel.
 *
 * At 800 thousand bit/s makers disagree: CANable's firmware takes that digit for 750 thousand.
 *
 * Frames pass without a check sum of their own: on a bare UART a wrong bit can make a wrong frame.
 * USB guards its bytes. Each frame leaves in a write of its own, as some adapters want it. Adapters
 * drop silently what overflows them: do not send more frames in one go than yours has room for (8
 * or more).
 *
 * base.baud is the bit rate of the bus. The port is usually slower: base.latency_ns is that of the
 * port, and the time that the characters of the newest frames, and of as many answers, take.
 */
struct tenon_slcan_line {
    struct tenon_line base; /**< First, so that &l.base is the handle. */
    uint32_t refused_count; /**< Commands the adapter refused while open. Only rises. */
    uint32_t broken_count;  /**< Lines that began as a frame and were none. Only rises. */
    /* private */
    struct tenon_line *port;
    tenon_ns_t wait_ns; /* until then the adapter may answer */
    tenon_ns_t busy_ns; /* until then the port has characters to move */
    tenon_ns_t now_ns;  /* of the newest call that told the time */
    uint8_t tx[28];     /* the newest command */
    uint8_t tx_count;
    uint8_t tx_sent;
    uint8_t rx[64]; /* not looked at yet, from rx_head on */
    uint8_t rx_count;
    uint8_t rx_head;
    uint8_t text[34]; /* the line under way */
    uint8_t text_count;
    bool text_is_whole;
    bool is_open;
};

/** Initialise; `size` is sizeof *self. Use tenon_slcan_line_init(). */
TENON_API struct tenon_line *tenon_slcan_line_init_sized(struct tenon_slcan_line *self,
                                                         size_t size,
                                                         struct tenon_line *port,
                                                         uint32_t baud);

/**
 * Make a line of CAN frames on a line of bytes. Nothing is opened yet.
 * @param[out] self  Storage, not NULL, the caller's; must outlive its use.
 * @param      port  What leads to the adapter, initialised, of medium TENON_MEDIUM_BYTES; belongs
 * to `self` from now on and must outlive it. It gets no seat of its own.
 * @param      baud  Bit rate of the CAN bus, bit/s: 10, 20, 50, 100, 125, 250, 500, 800 thousand or
 *                   a million.
 * @return The line, or NULL when `self` or `port` is NULL, the port carries no bytes or the header
 * is of another version.
 * @context setup
 */
static inline struct tenon_line *
tenon_slcan_line_init(struct tenon_slcan_line *self, struct tenon_line *port, uint32_t baud)
{
    return tenon_slcan_line_init_sized(self, sizeof *self, port, baud);
}

#ifdef __cplusplus
}
#endif
#endif
