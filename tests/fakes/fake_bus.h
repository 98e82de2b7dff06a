/** @file fake_bus.h @brief A bus without a wire: nodes are tables of bytes, requests complete after
 * so many polls. */
#ifndef TENON_FAKE_BUS_H
#define TENON_FAKE_BUS_H

#include "tenon/bus.h"

#define FAKE_NODE_TABLE  256
#define FAKE_BUS_NODES   4
#define FAKE_BUS_DEVICES 4

struct fake_node;

/** What makes a node more than a table. All may be NULL. Errors are the number the device would
 * answer; 0: none. */
struct fake_node_rules {
    /** Before `width` bytes of `data` are stored at `address`. */
    int (*write)(struct fake_node *node, uint32_t address, uint8_t width, const uint8_t *data);
    /** After they have been. */
    void (*written)(struct fake_node *node, uint32_t address, uint8_t width);
    /** The node restarts. */
    void (*reboot)(struct fake_node *node);
};

/** A device at the far end. */
struct fake_node {
    uint32_t number;
    uint8_t table[FAKE_NODE_TABLE];
    uint8_t ping[3]; /**< What it answers a ping: model, low byte first, and firmware. */
    const struct fake_node_rules *rules;
    void *context;
    bool is_silent;         /**< Neither hears nor answers. */
    bool is_deaf_to_writes; /**< Obeys writes and does not answer them (status return level 1). */
    uint8_t alert;          /**< Or-ed into the status of every answer. */
    uint32_t ignored_polls; /**< Silent for so many polls more. */
    uint32_t write_count;   /**< Acyclic writes obeyed, torque off included. */
    uint32_t torque_off_count;
    uint32_t cyclic_write_count;
    uint32_t refused_count; /**< Writes its rules refused, cyclic or not. */
};

/** What becomes of the request chosen by `fail_at`. */
enum fake_failure {
    FAKE_FAIL_LOST = 0,  /**< It never arrives: TENON_ERR_TIMEOUT. */
    FAKE_FAIL_DROP = 1,  /**< It is obeyed, the answer is lost: TENON_ERR_TIMEOUT. */
    FAKE_FAIL_PROTO = 2, /**< It is obeyed, the answer is broken. */
    FAKE_FAIL_IO = 3,    /**< The line fails. */
    FAKE_FAIL_DEVICE = 4 /**< The device refuses it with error 1. */
};
#define FAKE_FAILURES 5

struct fake_bus {
    struct tenon_bus base;
    struct fake_node nodes[FAKE_BUS_NODES];
    uint32_t node_count;
    uint32_t polls_per_request; /**< 1 by init. */
    uint32_t fail_at;      /**< The fail_at-th request from now fails; counts down; 0: none does. */
    uint8_t failure;       /**< enum fake_failure. */
    bool drop_all;         /**< Every answer is lost. */
    bool is_stuck;         /**< No request completes. */
    int16_t attach_result; /**< attach() refuses with this; TENON_OK by init. */
    uint32_t request_count;    /**< Completed. */
    uint32_t bad_submit_count; /**< Submitted while under way already. */
    /* private */
    struct tenon_bus_device *devices[FAKE_BUS_DEVICES];
    uint8_t in[FAKE_BUS_DEVICES][32];
    uint8_t out[FAKE_BUS_DEVICES][32];
    struct tenon_request *queue;
    uint32_t waited;
};

/** A wire that is up, with a fake bus and a line that does nothing. */
struct fake_wire {
    struct tenon_wire wire;
    struct tenon_line line;
    struct fake_bus bus;
};

struct tenon_bus *fake_bus_init(struct fake_bus *self);
/** Add a node with a table of zeros. @return It, or NULL when there are FAKE_BUS_NODES. */
struct fake_node *fake_bus_add_node(struct fake_bus *self, uint32_t number);
/** All in one, up, at 1 Mbit/s. */
void fake_wire_init(struct fake_wire *self);
void fake_wire_set_up(struct fake_wire *self, bool up);

/** Table access, low byte first. */
uint32_t fake_node_get(const struct fake_node *node, uint32_t address, uint8_t width);
void fake_node_set(struct fake_node *node, uint32_t address, uint8_t width, uint32_t value);

#endif
