/**
 * @file bus.h @brief Bus role: speaks one protocol on one line and knows no model.
 *
 * A device module (a motor driver) names its node and its cyclic fields. The bus gives it an in
 * window and an out window: raw bytes as they are on the wire. The device never sees frames, the
 * bus never sees units.
 */
#ifndef TENON_BUS_H
#define TENON_BUS_H

#include "tenon/line.h"
#include "tenon/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tenon_wire;

/**
 * A piece of cyclic data. What `address` means is the protocol's: a register (Dynamixel, Feetech,
 * Modbus), an object `index << 8 | sub` mapped into a PDO (CANopen), or a message kind whose
 * payload is the window (MIT/Damiao, ODrive).
 */
struct tenon_field {
    uint32_t address; /**< Meaning by protocol, see above. */
    uint8_t width;    /**< Bytes. */
};

/** Counters of one node. They only rise. */
struct tenon_node_counters {
    uint32_t reply_count;   /**< Cyclic answers taken. */
    uint32_t missed_count;  /**< Cyclic answers that did not come in time. */
    uint32_t error_count;   /**< Answers with an error of the device. */
    uint32_t request_count; /**< Acyclic requests completed, with or without success. */
};

/**
 * A device on a bus: embedded in the module that drives it (a motor driver), lives as long as the
 * module. The device sets the first part before attach; the bus owns the second.
 */
struct tenon_bus_device {
    uint32_t node;                        /**< Number on the bus. */
    const struct tenon_field *in_fields;  /**< Cyclic fields to be read, packed in this order. */
    const struct tenon_field *out_fields; /**< Cyclic fields to be written. */
    uint8_t in_count;                     /**< Fields at in_fields; 0: none. */
    uint8_t out_count;                    /**< Fields at out_fields; 0: none. */
    uint8_t in_capacity;  /**< Bytes reserved for the in window at the first attach. */
    uint8_t out_capacity; /**< Bytes reserved for the out window at the first attach. */
    uint8_t divisor;      /**< Takes part in every divisor-th cycle; the core sets it. */
    uint8_t phase;        /**< ... namely where cycle % divisor == phase. */
    bool is_listening;    /**< Read the in fields each cycle. */
    bool out_is_fresh; /**< Set by the device with each command; the bus sends the window once and
                          clears it. */

    const uint8_t *in;      /**< Newest whole answer; content valid once in_sequence > 0. */
    uint8_t *out;           /**< What is sent next; the device writes it within a step. */
    void *bus_private;      /**< The bus's record of this device; nobody else's business. */
    tenon_ns_t in_stamp_ns; /**< When the newest answer was complete. */
    uint32_t in_sequence;   /**< Rises with each answer. */
    uint16_t status;        /**< Status the device sent along with its newest answer, cyclic or not;
                               meaning by protocol. */
    int16_t in_error;       /**< Why the newest cyclic read brought nothing: enum tenon_err. */
    struct tenon_node_counters counters; /**< Only rise. Counted by the bus. */
    uint32_t command; /**< Id of the traced command in the out window; 0: none. Set by the core. */
    uint32_t link; /**< Transmission a traced command left with; 0: none. For tenon_trace_sent(). */
};

/** What an acyclic request does. */
enum tenon_operation {
    TENON_OP_READ = 1,   /**< `width` bytes from `address` into `data`. An address may be a message
                            that the device sends when asked. */
    TENON_OP_WRITE = 2,  /**< `width` bytes of `data` to `address`; none, where that is a message
                            without payload. What the device answers with, if anything, is left in
                            `data`. */
    TENON_OP_PING = 3,   /**< Is it there? `data` receives what the protocol tells (Dynamixel: model
                            LE16, firmware; MIT: identifier of its answers, LE32). */
    TENON_OP_REBOOT = 4, /**< Restart the device. Not every protocol can. */
    TENON_OP_TORQUE_OFF = 5 /**< Torque off, ahead of everything else. Where torque is a register:
                               `width` bytes of `data` to `address` like WRITE; where it is a
                               message of its own, these mean nothing. Answered like WRITE. */
};

/** State of a request. */
enum tenon_request_state {
    TENON_REQUEST_IDLE = 0,
    TENON_REQUEST_QUEUED = 1,
    TENON_REQUEST_SENT = 2,
    TENON_REQUEST_DONE = 3 /**< `result` holds. */
};

/** Bytes of data a request carries. */
#define TENON_REQUEST_DATA 16

/**
 * An acyclic request: owned by whoever asks, who fills the first part, submits it, and looks at
 * `state` now and then. It must stay where it is until DONE, or until tenon_wire_cancel().
 */
struct tenon_request {
    uint32_t node;     /**< Number on the bus. */
    uint32_t address;  /**< Register, object or message: meaning by protocol. */
    uint8_t operation; /**< enum tenon_operation. */
    uint8_t width;     /**< Bytes, 0 ... TENON_REQUEST_DATA. */
    uint8_t attempts;  /**< Sent so often before it fails; 0: three times. */
    uint8_t state;     /**< enum tenon_request_state. Set by the bus. */
    int16_t result;  /**< TENON_OK, or TIMEOUT, PROTO (broken answers), IO, DEVICE (see status). */
    uint16_t status; /**< Status the device sent along. */
    uint8_t data[TENON_REQUEST_DATA]; /**< Bytes to be written, or read. */
    /* private to the bus */
    uint8_t tries;
    struct tenon_request *next;
};

/**
 * For bus drivers: put a request into a queue, behind all others; torque off only behind its like.
 * @param queue    The first request, or NULL in it. Not NULL.
 * @param request  In no queue; it stays where it is until it is taken out.
 * @context cyclic
 */
static inline void tenon_request_enqueue(struct tenon_request **queue,
                                         struct tenon_request *request)
{
    const bool is_urgent = request->operation == TENON_OP_TORQUE_OFF;
    struct tenon_request **at = queue;
    while (*at != NULL && (!is_urgent || (*at)->operation == TENON_OP_TORQUE_OFF)) {
        at = &(*at)->next;
    }
    request->next = *at;
    *at = request;
}

/** For bus drivers: take a request out of a queue, if it is in it. @context cyclic */
static inline void tenon_request_unlink(struct tenon_request **queue,
                                        const struct tenon_request *request)
{
    for (struct tenon_request **at = queue; *at != NULL; at = &(*at)->next) {
        if (*at == request) {
            *at = request->next;
            return;
        }
    }
}

/** Counters of a bus. They only rise. */
struct tenon_bus_counters {
    uint32_t cycle_count;   /**< Process images exchanged. */
    uint32_t overrun_count; /**< Cycles staged while the wire was still busy with the one before. */
    uint32_t transaction_count; /**< Requests sent that want an answer. */
    uint32_t timeout_count;     /**< Transactions that ended with an answer missing. */
    uint32_t crc_error_count;   /**< Broken packets. */
    uint32_t stale_count;       /**< Packets nobody waited for: late, doubled, of another node. */
    uint32_t echo_count;        /**< Own transmissions heard back. */
    uint32_t noise_bytes;       /**< Bytes that belonged to no packet. */
    tenon_ns_t busy_ns;         /**< Time the wire was in use. */
};

struct tenon_bus;

/** Methods a bus driver provides beside the lifecycle. */
struct tenon_bus_api {
    struct tenon_api_head head; /**< TENON_API_HEAD(struct tenon_bus_api). */
    /**
     * Required. Take a device, or lay out anew the fields of one that is attached (within its
     * capacities).
     * @retval TENON_ERR_ARG   The node is taken, out of range, or the fields cannot be carried (bus
     * diag filled in).
     * @retval TENON_ERR_FULL  The bus's buffer is too small (diag: bytes needed).
     * @context setup, cyclic for an attached device
     */
    int (*attach)(struct tenon_bus *self, struct tenon_bus_device *device);
    /** Required. Let go of a device and cancel its node's requests. @context setup, cyclic */
    void (*detach)(struct tenon_bus *self, struct tenon_bus_device *device);
    /**
     * Required. Queue a request.
     * @retval TENON_ERR_ARG          Malformed.
     * @retval TENON_ERR_UNSUPPORTED  The protocol has no such operation.
     * @retval TENON_ERR_STATE        It is under way already.
     * @context cyclic
     */
    int (*submit)(struct tenon_bus *self, struct tenon_request *request);
    /**
     * Required. Withdraw a request; it is IDLE afterwards and never touched again.
     * @context cyclic
     */
    void (*cancel)(struct tenon_bus *self, struct tenon_request *request);
    /**
     * Required. The out windows of this cycle are complete: send them and ask for the in windows,
     * when the wire is free. Cycles may have been skipped: see tenon_bus_device_is_due().
     * @context cyclic
     */
    void (*stage)(struct tenon_bus *self, uint32_t cycle, tenon_ns_t now);
    /**
     * Required. Move bytes, run the state machine; never waits.
     * @param line         The line, up; NULL while it is down: fail what is outstanding.
     * @param io_deadline  Lowered to the time by which to be called again if nothing arrives
     * before.
     * @return TENON_OK, or TENON_ERR_IO from the line.
     * @context cyclic
     */
    int (*poll)(struct tenon_bus *self,
                struct tenon_line *line,
                tenon_ns_t now,
                tenon_ns_t *io_deadline);
    /**
     * Required. Bytes that make every device of this bus safe, encoded at attach: for whoever must
     * send them when the step hangs; on a line that carries CAN frames, whole frames. Valid until
     * the next attach. Those of category 1 begin to brake: whoever sends them sends those of
     * category 0 after the braking time, so a bus that cannot brake by one frame gives torque off
     * at once. Those of category 2 must not let go.
     * @return Bytes at *out_bytes; 0: this protocol has none.
     * @context any (reads only)
     */
    int (*safe_frame)(const struct tenon_bus *self,
                      enum tenon_stop_category category,
                      const uint8_t **out_bytes);
};

/** A bus. Storage is the caller's and must not move while it sits in a slot. */
struct tenon_bus {
    struct tenon_module
        module; /**< What all roles share; first, so that a pointer to it is one to this. */
    struct tenon_wire *wire; /**< Set by the core; gives the line's baud and latency. */
    uint8_t medium; /**< enum tenon_medium it needs of its line. Set by the driver's init. */
    struct tenon_bus_counters counters; /**< Only rise. Counted by the driver. */
};

/**
 * One physical bus: a seat for a line and a seat for what speaks on it.
 * Storage is the caller's; zero it (static storage is) before tenon_sched_add_wire().
 */
struct tenon_wire {
    const char *name;       /**< Kept, not copied; the application's text. */
    struct tenon_slot line; /**< Seat of the line. */
    struct tenon_slot bus;  /**< Seat of the bus. */
    /* private */
    struct tenon_sched *sched;
    struct tenon_wire *next;
};

/** The bus's vtable. @context any */
static inline const struct tenon_bus_api *tenon_bus_get_api(const struct tenon_bus *self)
{
    return (const struct tenon_bus_api *)(const void *)self->module.driver->api;
}

/**
 * Whether it is a device's turn: in this cycle, or in one that was skipped since the bus was staged
 * last. What is always late at the same place would never have its turn otherwise.
 * @param cycle   Of this stage.
 * @param passed  This cycle less that of the stage before, as unsigned; 1 when none was skipped.
 * @context cyclic
 */
static inline bool
tenon_bus_device_is_due(const struct tenon_bus_device *device, uint32_t cycle, uint32_t passed)
{
    return device->divisor <= 1 ||
           (cycle + device->divisor - device->phase) % device->divisor < passed;
}

/** The bus in a wire's seat, or NULL. @context any */
static inline struct tenon_bus *tenon_wire_bus(const struct tenon_wire *wire)
{
    return (struct tenon_bus *)(void *)wire->bus.module;
}

/** The line in a wire's seat, or NULL. @context any */
static inline struct tenon_line *tenon_wire_line(const struct tenon_wire *wire)
{
    return (struct tenon_line *)(void *)wire->line.module;
}

/**
 * The stop that goes with the safe actions of all joints on the wire: where they differ, or there
 * are none, the lowest category, for a frame of the bus reaches all of its devices. Joints that
 * must hold a load need a bus on which all do.
 * @param wire  Added, and its scheduler started; not NULL.
 * @context any
 */
TENON_API enum tenon_stop_category tenon_wire_stop_category(const struct tenon_wire *wire);

/**
 * Send the bus's safe frame past a step that hangs; for a port's watchdog, one context at a time.
 * @param wire      Added, and its scheduler started; not NULL.
 * @param category  Which frame.
 * @param now       The time.
 * @retval TENON_OK              The line has taken the whole frame.
 * @retval TENON_ERR_UNSUPPORTED The line has no write_emergency, or the protocol no such frame.
 * @retval TENON_ERR_AGAIN       The line has taken a part of it.
 * @retval TENON_ERR_IO          The port is not open.
 * @context as the line's write_emergency
 */
TENON_API int tenon_wire_send_safe_frame(struct tenon_wire *wire,
                                         enum tenon_stop_category category,
                                         tenon_ns_t now);

/** Whether line and bus are both up. @context any */
static inline bool tenon_wire_is_up(const struct tenon_wire *wire)
{
    return tenon_slot_is_up(&wire->line) && tenon_slot_is_up(&wire->bus);
}

/**
 * Put a line or bus that has FAILED or is in FAULT to work again at once.
 * @retval TENON_OK         It will be probed again.
 * @retval TENON_ERR_ARG    NULL.
 * @retval TENON_ERR_STATE  Neither has failed.
 * @context cyclic thread
 */
TENON_API int tenon_wire_reset(struct tenon_wire *wire);

/**
 * Queue an acyclic request on a wire. On success it completes by itself as the scheduler is polled.
 * @retval TENON_OK               Queued.
 * @retval TENON_ERR_ARG          NULL, or malformed.
 * @retval TENON_ERR_UNSUPPORTED  The wire's protocol has no such operation.
 * @retval TENON_ERR_STATE        It is under way already, or the wire is down.
 * @context cyclic thread
 */
TENON_API TENON_NODISCARD int tenon_wire_submit(struct tenon_wire *wire,
                                                struct tenon_request *request);
/**
 * Withdraw a request in any state; afterwards it is IDLE and its memory is the caller's again.
 * @context cyclic thread
 */
TENON_API void tenon_wire_cancel(struct tenon_wire *wire, struct tenon_request *request);

#ifdef __cplusplus
}
#endif
#endif
