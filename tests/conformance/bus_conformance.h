/** @file bus_conformance.h @brief What every bus driver must do. */
#ifndef TENON_BUS_CONFORMANCE_H
#define TENON_BUS_CONFORMANCE_H

#include "tenon/bus.h"

/** Nodes of a subject's world: 1 ... this. */
#define BUS_SUBJECT_NODES 4

/** Something that a node measures, and how it is asked for. */
struct bus_measurement {
    const struct tenon_field *fields;
    uint8_t field_count;
    uint8_t width; /**< Bytes of the in window, at most 16. */
    /** The node measures this from now on, and answers so. */
    void (*set)(uint32_t node, uint8_t value);
    /** Whether a window holds that. A sound window does so for the value of its last byte. */
    bool (*is_held)(uint32_t node, const uint8_t *window, uint8_t value);
};

/** A bus to be tested, its line, and the nodes at the far end: one of each, static. */
struct bus_subject {
    const char *name;
    /** A fresh world; the bus gets so many bytes of memory, if it takes any; SIZE_MAX: enough. */
    struct tenon_bus *(*make)(size_t memory_size);
    /** The line of this world, up. */
    struct tenon_line *(*line)(void);
    /** Let a little time pass at the far end; the suite polls. @return The time. */
    tenon_ns_t (*tick)(void);
    /** The node falls silent, or comes back. */
    void (*set_silent)(uint32_t node, bool silent);
    struct bus_measurement measured;
    struct bus_measurement other;   /**< What else may be asked for instead. */
    const struct tenon_field *gaps; /**< As `measured`, its three fields in the order last, first,
                                       second; NULL: it is one field. */
    const struct tenon_field *out_fields;
    uint8_t out_count;
    uint8_t out_width; /**< Bytes of the out window, at most 16. */
    /** Cyclic commands that reached the node. */
    uint32_t (*commands)(uint32_t node);
    /** Whether the newest of them was a window full of this. */
    bool (*is_commanded)(uint32_t node, uint8_t value);
    /** Requests to write this value, to read it back, and to end torque. */
    struct tenon_request (*write)(uint32_t node, uint8_t value);
    struct tenon_request (*read)(uint32_t node);
    struct tenon_request (*torque_off)(uint32_t node);
    /** What came of them at the far end. */
    bool (*is_written)(uint32_t node, uint8_t value);
    bool (*is_off)(uint32_t node);
    uint32_t node_max; /**< Largest number the protocol has; 0: there is no limit. */
    bool has_no_reboot;
    /**
     * A fake that exchanges within stage(), in every cycle, and knows neither memory nor a line
     * that is gone.
     */
    bool is_simple;
};

/** Run the suite. @return Tests that failed. */
int bus_conformance_run(const struct bus_subject *subject);

#endif
