/** @file line.h @brief Line role: moves bytes, or CAN frames, and knows no protocol. */
#ifndef TENON_LINE_H
#define TENON_LINE_H

#include "tenon/module.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tenon_line;

/** What a line carries. */
enum tenon_medium {
    TENON_MEDIUM_BYTES = 0, /**< A stream of bytes. */
    TENON_MEDIUM_CAN = 1    /**< Whole CAN frames: struct tenon_can_frame (can.h). */
};

/**
 * Methods a line driver provides beside the lifecycle (probe opens the port, release closes it).
 */
struct tenon_line_api {
    struct tenon_api_head head; /**< TENON_API_HEAD(struct tenon_line_api). */
    /**
     * Required. Take what has arrived, at most `capacity` bytes, without waiting.
     * @return Bytes stored (0: nothing has arrived), or TENON_ERR_IO when the port is gone (diag
     * filled in).
     * @context cyclic
     */
    int (*read)(struct tenon_line *self, uint8_t *out_bytes, size_t capacity, tenon_ns_t now);
    /**
     * Required. Hand over bytes to be sent, without waiting. What is not taken is offered again
     * later.
     * @return Bytes taken, 0 ... count, or TENON_ERR_IO; TENON_ERR_ARG from a line of CAN frames
     * that is handed parts of a frame, or one that cannot exist (tenon_can_frame_is_valid()).
     * @context cyclic
     */
    int (*write)(struct tenon_line *self, const uint8_t *bytes, size_t count, tenon_ns_t now);
    /**
     * Optional (NULL: callers get TENON_ERR_UNSUPPORTED). Change the speed of an open port.
     * @retval TENON_ERR_UNSUPPORTED The adapter refuses this baud.
     * @context cyclic
     */
    int (*set_baud)(struct tenon_line *self, uint32_t baud);
    /**
     * Optional (NULL: nobody but the step can stop this line's devices). Send bytes past a step
     * that hangs, perhaps within `read` or `write` of this very line: a watchdog's thread or
     * interrupt calls it, one at a time. It may touch nothing that those two write: no counter, no
     * diag, not `tx_pending`; what it needs to know of the port it keeps so that both sides may
     * read it. It ends at the latest when the bytes have left.
     * What the step had begun to send may stand before or between: callers send whole frames, more
     * than once, with pauses in which devices forget a broken one.
     * @return Bytes taken, 0 ... count, or TENON_ERR_IO when the port is not open.
     * @context fault, another thread
     */
    int (*write_emergency)(struct tenon_line *self,
                           const uint8_t *bytes,
                           size_t count,
                           tenon_ns_t now);
    /**
     * Optional. Look after the port itself, though no byte may have come: the core calls it in the
     * first poll at or after `due_ns`.
     * @return TENON_OK with `due_ns` moved on, or TENON_ERR_IO (diag filled in).
     * @context cyclic
     */
    int (*tend)(struct tenon_line *self, tenon_ns_t now);
};

/** A line. Storage is the caller's and must not move while it sits in a slot. */
struct tenon_line {
    struct tenon_module
        module; /**< What all roles share; first, so that a pointer to it is one to this. */
    const char
        *port; /**< What the user would call it ("/dev/ttyUSB0"); for diagnostics. May be NULL. */
    uint32_t baud; /**< Speed in force, bit/s. */
    int fd;        /**< Descriptor that becomes readable when bytes arrive; -1: there is none. */
    tenon_ns_t latency_ns; /**< How much later than the wire the bytes may reach us (adapter,
                              driver, scheduling). A line whose adapter is slower than the wire
                              behind it reckons this anew with each write, for the answers to what
                              is under way: whoever needs a deadline looks after writing. */
    uint64_t rx_bytes;     /**< Only rises. Counted by the driver. */
    uint64_t tx_bytes;     /**< Only rises. Counted by the driver. */
    tenon_ns_t due_ns;     /**< When the driver wants to be called, see `tend`; 0: no need. */
    uint8_t medium;        /**< enum tenon_medium. Set by the driver's init. */
    bool tx_pending;       /**< The last write took less than offered, or the line keeps a part of
                              it: wait for writability too, then read or write. */
};

/** The line's vtable. @context any */
static inline const struct tenon_line_api *tenon_line_get_api(const struct tenon_line *self)
{
    return (const struct tenon_line_api *)(const void *)self->module.driver->api;
}

#ifdef __cplusplus
}
#endif
#endif
