/** @file mit_bus.h @brief MIT mode over CAN: mini-cheetah actuators, Damiao and their kin. */
#ifndef TENON_DRIVERS_MIT_BUS_H
#define TENON_DRIVERS_MIT_BUS_H

#include "tenon/bus.h"
#include "tenon/can.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of bus memory for n motors. */
#define TENON_MIT_BUS_MEMORY(n) (16u + 96u * (n))

struct tenon__mit_record;

/**
 * A bus on which every motor gets one frame a cycle and answers it with one. It needs a line that
 * carries CAN frames.
 *
 * - Nodes are 0 ... 255. A device has one field each way: in, 0x2000 + the identifier that its
 *   answers have, 6 ... 8 bytes; out, 0x1000 + what is added to the node to make the identifier of
 *   a command (0, 0x100, 0x200 or 0x300), 1 ... 8 bytes. The windows are what the frames carry.
 * - A device that listens and has no fresh command is asked for its state (CC, to identifier 7FF),
 *   so that it is measured without torque, too.
 * - Answers are told apart by their identifier, the lower half of their first byte and their
 *   length, never by order. Two devices whose answers could be taken for each other's are refused
 *   (NODE_TAKEN), as is one whose answers would be commands to another (FIELDS).
 * - `status` is the upper half of an answer's first byte: 0 disabled, 1 enabled, else an error.
 *   `in_stamp_ns` is the `now` of the poll that found the answer. Attaching again sets in_sequence
 *   to 0 and drops an out window not yet sent; if it is refused, the cyclic exchange stops.
 * - Request addresses: 0 ... 81 registers, 4 bytes; 0x1CC (read, 8 bytes) the state; 0x1FB, 0x1FC
 *   and 0x1FE (write, 0 bytes) clear errors, enable, set zero; 0x1000 as above (write) a command.
 *   Where a state is the answer, `data` receives its 8 bytes, a register write receives the value
 *   that the device now has. PING reads the register of the answers' identifier (7) and waits for a
 *   second answer, which says that two devices have one number: TENON_ERR_PROTO. There is no
 *   reboot.
 * - A request does not wait for the cycle, nor the cycle for a request: the wire sorts that out. A
 *   request is not begun while a cycle is under way, but gives way to one cycle only. TORQUE_OFF
 *   waits for nothing.
 * - A state that comes later than the bus waits for it is taken for the answer to the next command,
 *   for nothing in it tells: set the line's `latency_ns` to what the adapter really takes.
 * - Safe frames disable every attached device, at once also where braking is asked for; to hold
 * there is none.
 * - `busy_ns` counts frames in both directions, without stuff bits.
 */
struct tenon_mit_bus {
    struct tenon_bus base; /**< First, so that &b.base is the handle. */
    /* private */
    uint8_t *memory;
    size_t memory_size;
    struct tenon__mit_record *records;
    struct tenon_can_frame *tx;       /* of the running cycle */
    struct tenon_can_frame *safe;     /* of every device */
    struct tenon_can_frame rx[8];     /* as they come from the line */
    struct tenon_can_frame ask;       /* of the active request */
    struct tenon_request *queue;      /* the active one included */
    struct tenon_request *active;     /* being sent or waited for */
    const struct tenon_request *held; /* has given way to the cycle of held_stage */
    tenon_ns_t bit_ns;
    tenon_ns_t wire_free_ns;      /* when what is on it, and the answers to that, is over */
    tenon_ns_t cycle_expected_ns; /* when all should have come at best */
    tenon_ns_t cycle_timeout_ns;
    tenon_ns_t ask_expected_ns;
    tenon_ns_t ask_timeout_ns;
    uint32_t baud;
    uint32_t link; /* number of the running cycle, if a traced command left with it; 0: none */
    uint32_t begin_ticks; /* of that */
    uint32_t stage_count;
    uint32_t stage_cycle;
    uint32_t held_stage;
    uint16_t record_count;
    uint16_t safe_count;
    uint16_t tx_count;
    uint16_t tx_sent;
    uint16_t awaited_count;
    uint16_t hint;         /* where the next answer probably belongs */
    uint8_t answer_count;  /* to this attempt of the active request, if it waits for a second */
    uint8_t missing_count; /* earlier attempts whose answers may still come */
    bool ask_is_unsent;
    bool ask_is_extended; /* by the time that a cycle takes */
    bool cycle_is_staged;
    bool cycle_is_running;
    bool input_is_full; /* the line had more than was read */
};

/** Initialise; `size` is sizeof *self. Use tenon_mit_bus_init(). @context setup */
TENON_API struct tenon_bus *
tenon_mit_bus_init_sized(struct tenon_mit_bus *self, size_t size, void *memory, size_t memory_size);

/**
 * Make a bus.
 * @param[out] self         Storage, not NULL, the caller's; must outlive its use and not move.
 * @param      memory       For what grows with the devices; of any alignment, the caller's, must
 * outlive `self`. If it is too small, attaching a device answers TENON_ERR_FULL with the bytes
 * needed.
 * @param      memory_size  Bytes at `memory`; TENON_MIT_BUS_MEMORY(n).
 * @return The bus, or NULL when a pointer is NULL or the header is of another version.
 * @context setup
 */
static inline struct tenon_bus *
tenon_mit_bus_init(struct tenon_mit_bus *self, void *memory, size_t memory_size)
{
    return tenon_mit_bus_init_sized(self, sizeof *self, memory, memory_size);
}

#ifdef __cplusplus
}
#endif
#endif
