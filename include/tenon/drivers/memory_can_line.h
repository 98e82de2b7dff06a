/** @file memory_can_line.h @brief A CAN bus inside one process: two ends, simulated time, paced by
 * bit rate. */
#ifndef TENON_DRIVERS_MEMORY_CAN_LINE_H
#define TENON_DRIVERS_MEMORY_CAN_LINE_H

#include "tenon/can.h"
#include "tenon/line.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A frame on its way. The application only provides the storage. */
struct tenon_memory_can_entry {
    /* private */
    struct tenon_can_frame frame;
    tenon_ns_t time_ns; /* when it may be sent; once it has had the bus: when it has arrived */
};

/** What one end has to send, and what of it is still to be taken by the other. */
struct tenon_memory_can_queue {
    /* private */
    struct tenon_memory_can_entry *entries;
    uint32_t capacity;
    uint32_t count;
    uint32_t sent; /* so many from the front have had the bus */
};

/**
 * A CAN bus with the host at one end and all other nodes at the other. One frame is on the bus at a
 * time; it takes tenon_can_frame_bits() of the bit rate. Whenever the bus gets free, the lowest
 * identifier of those that want to send wins: of the host the frame it handed over first, of the
 * far end any that is due.
 *
 * A frame of the host is on the bus until the far end has taken it, since nobody else can say what
 * it would answer: without a far end that reads, nothing moves, as on a bus where nobody
 * acknowledges.
 */
struct tenon_memory_can_line {
    struct tenon_line base; /**< First, so that &l.base is the handle. baud: the bit rate. */
    /* private */
    struct tenon_memory_can_queue to_far;
    struct tenon_memory_can_queue to_near;
    tenon_ns_t free_ns; /* when the bus gets free */
    bool unplugged;
};

/** Initialise; `size` is sizeof *self. Use tenon_memory_can_line_init(). */
TENON_API struct tenon_line *
tenon_memory_can_line_init_sized(struct tenon_memory_can_line *self,
                                 size_t size,
                                 uint32_t baud,
                                 struct tenon_memory_can_entry *entries,
                                 size_t count);

/**
 * Make a CAN line in memory.
 * @param[out] self     Storage, not NULL, the caller's; must outlive its use.
 * @param      baud     Bit rate, bit/s, 10,000 ... 1,000,000.
 * @param      entries  Storage for the frames under way, not NULL; must outlive `self`.
 * @param      count    Entries there, 2 or more: half of them for each direction.
 * @return The line, or NULL when a pointer is NULL, a number is out of range or the header is of
 * another version.
 * @context setup
 */
static inline struct tenon_line *tenon_memory_can_line_init(struct tenon_memory_can_line *self,
                                                            uint32_t baud,
                                                            struct tenon_memory_can_entry *entries,
                                                            size_t count)
{
    return tenon_memory_can_line_init_sized(self, sizeof *self, baud, entries, count);
}

/**
 * Far end: take the next frame that has arrived there by `now`.
 * @param[out] out_frame       Not NULL; untouched when there is none.
 * @param[out] out_arrival_ns  When it had wholly arrived; may be NULL.
 * @return Whether there was one.
 * @context cyclic
 */
TENON_API bool tenon_memory_can_line_far_read(struct tenon_memory_can_line *self,
                                              struct tenon_can_frame *out_frame,
                                              tenon_ns_t now,
                                              tenon_ns_t *out_arrival_ns);
/**
 * Far end: have a frame sent at `due` or as soon after it as the bus is free and no lower
 * identifier wants it.
 * @return false: there is no room, or the frame is not valid.
 * @context cyclic
 */
TENON_API bool tenon_memory_can_line_far_write(struct tenon_memory_can_line *self,
                                               const struct tenon_can_frame *frame,
                                               tenon_ns_t due);
/** When a frame may arrive at the far end at the earliest; TENON_NEVER if none is under way to it.
 * @context cyclic */
TENON_API tenon_ns_t tenon_memory_can_line_far_next_ns(const struct tenon_memory_can_line *self);
/** When a frame may arrive at either end at the earliest; TENON_NEVER if none is under way.
 * @context cyclic */
TENON_API tenon_ns_t tenon_memory_can_line_next_ns(const struct tenon_memory_can_line *self);
/** Pull the plug (reads and writes answer TENON_ERR_IO, what is under way is lost) or put it back.
 * @context cyclic */
TENON_API void tenon_memory_can_line_set_unplugged(struct tenon_memory_can_line *self,
                                                   bool unplugged);

#ifdef __cplusplus
}
#endif
#endif
