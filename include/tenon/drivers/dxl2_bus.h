/** @file dxl2_bus.h @brief Dynamixel Protocol 2.0 bus. */
#ifndef TENON_DRIVERS_DXL2_BUS_H
#define TENON_DRIVERS_DXL2_BUS_H

#include "tenon/bus.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of bus memory for n servos: enough for every field layout of the bundled motor drivers. */
#define TENON_DXL2_BUS_MEMORY(n) (448u + 144u * (n))

struct dxl2_parser;
struct tenon__dxl2_record;

/** An acyclic transmission whose answer may still come. Private to the bus. */
struct tenon__dxl2_owed {
    const struct tenon_request *request; /**< NULL: it is over. */
    tenon_ns_t until_ns;                 /**< Not awaited after that. */
    uint8_t id;                          /**< Node that owes an answer. */
    uint8_t other_id;                    /**< Second node it may come from. */
    uint8_t width;                       /**< Data bytes of the answer. */
};

/**
 * A Dynamixel Protocol 2.0 bus: sync write + sync read each cycle, acyclic requests in the time
 * left over.
 *
 * - Nodes are 0 ... 252; acyclic writes and reboots may also go to 254 (all), which is not
 * answered.
 * - Out fields must follow each other without a gap; in fields may leave gaps, which are read and
 * dropped. Neither may span more than 32 bytes.
 * - `in_stamp_ns` is the `now` of the poll that found the answer complete. `status` is the error
 * byte of the answer: a number in bits 0 ... 6, and in bit 7 the alert that a hardware error is
 * latched (beside number 0: valid data). An answer with an error number is never taken for data.
 * - Attaching (again) sets in_sequence to 0 and drops an out window not yet sent; detaching sets
 * both windows to NULL. If attaching an attached device again is refused, its cyclic exchange stops
 * until that succeeds.
 * - Answers carry nothing that tells which request they belong to. One that is up to 8 ms later
 * than the bus waits for it is not taken for the answer to another request, nor (an acyclic one)
 * for a cyclic sample: further requests to a node wait until it has sent what it owes or the 8 ms
 * are over, torque off excepted. A read as wide as the node's cyclic one takes a neighbouring byte
 * along, which tells the two apart. Of a cyclic answer that comes while the next cyclic read is out
 * only the order tells: who was silent is read last from then on, and what it sends before all
 * others have answered is from before. One that is late by just a cycle, or alone, cannot be told:
 * set the line's `latency_ns` to what the adapter takes.
 * - Who talks late talks over others. As long as that is to be feared (8 ms from a time-out on), a
 * cycle's commands are sent a second time when its answers are in, if there is time; and if answers
 * of others get lost then, whoever was silent is not read for 3 cycles. A cycle that is staged
 * waits for what is due on the wire, and for the silence behind a request that nobody answered,
 * which is 1.6 ms, but not for what is late, and not so long that it could not be exchanged any
 * more.
 * - poll reads nothing while the first 64 bytes of a transmission are leaving, nor before a cycle
 * if the one before it was answered in full and brought nothing else.
 */
struct tenon_dxl2_bus {
    struct tenon_bus base; /**< First, so that &b.base is the handle. */
    /* private */
    uint8_t *memory;
    size_t memory_size;
    size_t window_bytes; /* taken from the end of the memory */
    struct dxl2_parser *parser;
    uint8_t *id_map;
    struct tenon__dxl2_record *records;
    uint8_t *read_order;
    uint8_t *tx;
    size_t tx_capacity;
    size_t tx_count;
    size_t tx_sent;
    struct tenon_request *queue;
    struct tenon_request *active;
    struct tenon_request *held;
    tenon_ns_t byte_ns;
    tenon_ns_t start_ns;
    tenon_ns_t expected_ns;
    tenon_ns_t timeout_ns;
    tenon_ns_t stage_ns;
    tenon_ns_t next_stage_ns;
    tenon_ns_t cycle_ns; /* what the newest cycle took of the wire, if all went well */
    tenon_ns_t reply_ns;
    tenon_ns_t margin_ns;
    tenon_ns_t first_read_ns;
    tenon_ns_t progress_ns; /* of the newest answer that was awaited */
    tenon_ns_t late_until_ns;
    struct tenon__dxl2_owed owed[8]; /* oldest first */
    uint32_t baud;
    uint32_t cycle;  /* of the newest stage */
    uint32_t passed; /* cycles since the newest one that was begun */
    uint32_t stage_count;
    uint32_t held_stage;
    uint32_t read_delay_us; /* sum of the return delays of those it asks */
    uint32_t link;          /* of a transmission that carries traced commands */
    uint32_t begin_ticks;   /* when it began */
    uint16_t read_at;       /* where in tx the newest sync read is, to be sent again; or nowhere */
    uint16_t write_bytes;   /* of the newest cycle's commands */
    uint16_t ask_limit;
    uint8_t ask_id;
    uint8_t ask_other_id;
    uint8_t ask_width;
    uint8_t ask_skip;
    uint8_t record_count;
    uint8_t group_count;
    uint8_t group_left;
    uint8_t group_at;
    uint8_t group;
    uint8_t read_group; /* and whom it asks: */
    uint8_t read_count;
    uint8_t read_span;
    bool read_is_short; /* answers to it are checked without a loop */
    uint8_t awaited_count;
    uint8_t slow;      /* the record whose answer was the first to be late; or none */
    uint8_t shun_left; /* cycles in which those that disturb others are not asked */
    uint8_t phase;
    uint8_t job;
    uint8_t owed_count;
    bool expects_reply;
    bool is_answered;
    bool was_broken;
    bool input_is_full;
    bool is_extended;
    bool is_quiet; /* nothing but what was asked for came since it was asked for */
    bool plan_is_stale;
    bool cycle_is_staged;
    bool cycle_is_running;
    bool writes_are_left; /* of the running cycle */
    bool is_in_danger;    /* a late answer may have talked over the running cycle's commands */
    bool wants_recovery;
    bool has_doubts; /* somebody was silent */
    bool is_uniform; /* the newest cycle was a command and a question for each device */
    uint8_t safe_frame_bytes;
    uint8_t safe_frame[16];
    uint8_t stop_frame_bytes;
    uint8_t stop_frame[16];
};

/** Initialise; `size` is sizeof *self. Use tenon_dxl2_bus_init(). @context setup */
TENON_API struct tenon_bus *tenon_dxl2_bus_init_sized(struct tenon_dxl2_bus *self,
                                                      size_t size,
                                                      void *memory,
                                                      size_t memory_size);

/**
 * Make a bus.
 * @param[out] self         Storage, not NULL, the caller's; must outlive its use and not move.
 * @param      memory       For what grows with the devices; of any alignment, the caller's, must
 * outlive `self`. If it is too small, attaching a device answers TENON_ERR_FULL with the bytes
 * needed.
 * @param      memory_size  Bytes at `memory`; TENON_DXL2_BUS_MEMORY(n).
 * @return The bus, or NULL when a pointer is NULL or the header is of another version.
 * @context setup
 */
static inline struct tenon_bus *
tenon_dxl2_bus_init(struct tenon_dxl2_bus *self, void *memory, size_t memory_size)
{
    return tenon_dxl2_bus_init_sized(self, sizeof *self, memory, memory_size);
}

#ifdef __cplusplus
}
#endif
#endif
