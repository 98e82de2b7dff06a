/** @file line_conformance.h @brief What every line driver must do. */
#ifndef TENON_LINE_CONFORMANCE_H
#define TENON_LINE_CONFORMANCE_H

#include "tenon/line.h"

/**
 * A line to be tested, and what is at its other end: one of each, in static storage. Of a line that
 * carries CAN frames, bytes are those of whole frames.
 */
struct line_subject {
    const char *name;
    /** A fresh line, not probed; its far end is there. */
    struct tenon_line *(*make)(void);
    /** Let a millisecond pass. @return The time. */
    tenon_ns_t (*tick)(void);
    /** Take what has arrived at the far end. */
    size_t (*far_read)(uint8_t *out_bytes, size_t capacity);
    /** Send from the far end; few enough bytes that they are taken. */
    void (*far_write)(const uint8_t *bytes, size_t count);
    /** Pull the plug, or put it back. NULL: it cannot be pulled. */
    void (*set_unplugged)(bool unplugged);
    bool has_descriptor;
    bool keeps_no_books; /**< A fake that neither counts bytes nor tells that some are pending. */
};

/** Run the suite. @return Tests that failed. */
int line_conformance_run(const struct line_subject *subject);

#endif
