/** @file memory_line.h @brief A line inside one process: two ends, simulated time, paced by baud.
 */
#ifndef TENON_DRIVERS_MEMORY_LINE_H
#define TENON_DRIVERS_MEMORY_LINE_H

#include "tenon/line.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that may be under way in each direction. */
#define TENON_MEMORY_LINE_CAPACITY 4096

/** One direction: bytes and the time each has wholly arrived. */
struct tenon_memory_channel {
    /* private */
    uint8_t bytes[TENON_MEMORY_LINE_CAPACITY];
    tenon_ns_t arrival_ns[TENON_MEMORY_LINE_CAPACITY];
    uint32_t head;
    uint32_t count;
    tenon_ns_t busy_until_ns;
};

/** A line whose far end is reached by the functions below, by a virtual device or by a test. Half
 * duplex is not enforced. One thread has it all: its write_emergency is for simulated watchdogs. */
struct tenon_memory_line {
    struct tenon_line base; /**< First, so that &l.base is the handle. */
    /* private */
    struct tenon_memory_channel to_far;
    struct tenon_memory_channel to_near;
    bool unplugged;
};

/** Initialise; `size` is sizeof *self. Use tenon_memory_line_init(). */
TENON_API struct tenon_line *
tenon_memory_line_init_sized(struct tenon_memory_line *self, size_t size, uint32_t baud);

/**
 * Make a memory line. Bytes take 10 bit times each; nothing else delays them.
 * @param[out] self  Storage, not NULL, the caller's; must outlive its use.
 * @param      baud  Bit/s, 1200 ... 100,000,000.
 * @return The line, or NULL when `self` is NULL, the baud is out of range or the header is of
 * another version.
 * @context setup
 */
static inline struct tenon_line *tenon_memory_line_init(struct tenon_memory_line *self,
                                                        uint32_t baud)
{
    return tenon_memory_line_init_sized(self, sizeof *self, baud);
}

/** Far end: take bytes that have arrived there by `now`. @return Bytes stored. @context cyclic */
TENON_API size_t tenon_memory_line_far_read(struct tenon_memory_line *self,
                                            uint8_t *out_bytes,
                                            size_t capacity,
                                            tenon_ns_t now);
/** Far end: send bytes, the first of which starts at `start` or when the channel is free. @return
 * Bytes taken. @context cyclic */
TENON_API size_t tenon_memory_line_far_write(struct tenon_memory_line *self,
                                             const uint8_t *bytes,
                                             size_t count,
                                             tenon_ns_t start);
/** When the next byte arrives at the far end; TENON_NEVER if none is under way to it. @context
 * cyclic */
TENON_API tenon_ns_t tenon_memory_line_far_next_ns(const struct tenon_memory_line *self);
/** When the next byte arrives at either end; TENON_NEVER if none is under way. @context cyclic */
TENON_API tenon_ns_t tenon_memory_line_next_ns(const struct tenon_memory_line *self);
/** Pull the plug (reads and writes answer TENON_ERR_IO, what is under way is lost) or put it back.
 * @context cyclic */
TENON_API void tenon_memory_line_set_unplugged(struct tenon_memory_line *self, bool unplugged);

#ifdef __cplusplus
}
#endif
#endif
