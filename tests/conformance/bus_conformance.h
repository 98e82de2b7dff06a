/** @file bus_conformance.h @brief What every bus driver must do. */
#ifndef TENON_BUS_CONFORMANCE_H
#define TENON_BUS_CONFORMANCE_H

#include "tenon/bus.h"

/** Nodes of a subject's world: 1 ... this. */
#define BUS_SUBJECT_NODES 4
/** Bytes of a node's table. What is an address to the protocol is an index into it. */
#define BUS_SUBJECT_TABLE 256

/** A bus to be tested, its line, and nodes that are tables of bytes: one of each, static. */
struct bus_subject {
    const char *name;
    /** A fresh world; the bus gets so many bytes of memory, if it takes any; SIZE_MAX: enough. */
    struct tenon_bus *(*make)(size_t memory_size);
    /** The line of this world, up. */
    struct tenon_line *(*line)(void);
    /** Let a little time pass at the far end; the suite polls. @return The time. */
    tenon_ns_t (*tick)(void);
    /** Table of a node, to be looked at and changed. */
    uint8_t *(*table)(uint32_t node);
    /** The node falls silent, or comes back. */
    void (*set_silent)(uint32_t node, bool silent);
    /** Cyclic commands that reached the node. */
    uint32_t (*commands)(uint32_t node);
    uint32_t node_max; /**< Largest number the protocol has; 0: there is no limit. */
    /**
     * A fake that exchanges within stage(), in every cycle, and knows neither memory nor a line
     * that is gone.
     */
    bool is_simple;
};

/** Run the suite. @return Tests that failed. */
int bus_conformance_run(const struct bus_subject *subject);

#endif
