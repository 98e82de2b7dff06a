/**
 * @file dxl2_bus_internal.h
 * @brief What the files of the Dynamixel 2.0 bus share.
 *
 *     dxl2_bus.c          vtable, transmission and its state machine
 *     dxl2_bus_layout.c   memory, attach, order on the wire
 *     dxl2_bus_cyclic.c   process image
 *     dxl2_bus_acyclic.c  requests
 *
 * Memory: [parser | ID map | records ->  ... groups, orders, frames, tx, rx ...  <- windows].
 * Records and windows stay where they are; what lies between holds nothing that outlives a
 * transaction and is laid out anew with every record.
 */
#ifndef TENON_DXL2_BUS_INTERNAL_H
#define TENON_DXL2_BUS_INTERNAL_H

#include "dxl2_packet.h"
#include "tenon/drivers/dxl2_bus.h"

enum {
    NO_RECORD = 0xFF, /* in the ID map: nobody; there are at most 253 records */
    SPAN_MAX = 32,    /* bytes of cyclic data a device reads or writes at once */
    RETURN_DELAY_MAX_US = 508,
    /* A sync read of one ID. Every further ID adds less than another frame would. */
    READ_FRAME_MAX = DXL2_FRAME_SIZE_MAX(4u + 1u),
    REQUEST_FRAME_MAX = DXL2_FRAME_SIZE_MAX(2u + TENON_REQUEST_DATA),
    /* LEN of the longest answer to a request: what may come late from anyone. */
    LATE_LENGTH_MAX = DXL2_FRAME_SIZE_MAX(1u + TENON_REQUEST_DATA + 1u) - 7u
};

/* Answers that come no later than this after they were given up are known for what they are. */
#define LATE_NS TENON_MS(8)

enum tenon__dxl2_phase {
    PHASE_IDLE = 0,
    PHASE_SENDING, /* not all bytes are handed over */
    PHASE_WAITING, /* for answers */
    PHASE_PAUSING  /* no answer will come: until the wire is free at expected_ns */
};

enum tenon__dxl2_job {
    JOB_NONE = 0,
    JOB_CYCLE,    /* writes of a new cycle and its first sync read */
    JOB_GROUP,    /* another sync read of the running cycle */
    JOB_RECOVERY, /* sync read of those that a silent device may have kept from answering */
    JOB_REQUEST
};

/* An attached device. */
struct tenon__dxl2_record {
    struct tenon_bus_device *device; /* NULL: free for another one */
    uint8_t *in;
    uint8_t *out;
    uint8_t prefix[DXL2_HEADER_SIZE]; /* how its regular cyclic answer begins */
    uint16_t prefix_crc;              /* what the prefix adds to the CRC of the bytes behind it */
    uint16_t length_limit;            /* LEN of its cyclic answer with the most stuffing */
    uint16_t answer_bytes;            /* its regular cyclic answer */
    uint16_t in_address;
    uint16_t out_address;
    uint16_t return_delay_us;
    uint8_t id;
    uint8_t in_span; /* bytes on the wire; 0: none */
    uint8_t out_span;
    uint8_t in_capacity;
    uint8_t out_capacity;
    uint8_t group;
    uint8_t write_group; /* the same for equal out fields */
    bool in_is_plain;    /* the window is the bytes as read, no gaps */
    bool in_is_short;    /* and so few that an answer is checked without a loop */
    bool read_is_due;
    bool write_is_due;
    bool is_awaited;
    bool is_suspect;
};

/* Devices with the same in fields, neighbours in read_order: one sync read, encoded at
 * frames[first]. */
struct tenon__dxl2_group {
    uint32_t delay_us; /* sum of the return delays */
    uint16_t reply_bytes;
    uint16_t frame_bytes; /* 0: none of them is due */
    uint8_t first;
    uint8_t count;
    uint8_t due_count;
    bool is_stale; /* to be encoded again */
};

/* The attached device with this ID, or NULL. */
static inline struct tenon__dxl2_record *tenon__dxl2_find(const struct tenon_dxl2_bus *self,
                                                          uint8_t id)
{
    const uint8_t index = self->id_map[id];
    return index == NO_RECORD ? NULL : &self->records[index];
}

static inline struct tenon_dxl2_bus *tenon__dxl2_self(struct tenon_bus *base)
{
    return TENON_CONTAINER_OF(base, struct tenon_dxl2_bus, base);
}

/* dxl2_bus.c */

/* Receive into this buffer from now on. */
void tenon__dxl2_set_input(struct tenon_dxl2_bus *self, uint8_t *buffer, size_t capacity);
/* Time the wire needs for this many bytes. */
tenon_ns_t tenon__dxl2_wire_ns(const struct tenon_dxl2_bus *self, size_t bytes);
/* What to expect in answer to the transmission under construction. */
void tenon__dxl2_expect(struct tenon_dxl2_bus *self,
                        uint32_t reply_count,
                        uint32_t reply_bytes,
                        uint32_t delay_us);
/* One that was not taken as a regular cyclic answer. */
void tenon__dxl2_take_packet(struct tenon_dxl2_bus *self,
                             const struct dxl2_packet *packet,
                             tenon_ns_t now);
/* Forget the transmission under way, but leave the wire alone until its answers are over. */
void tenon__dxl2_disturb(struct tenon_dxl2_bus *self);

/* dxl2_bus_layout.c */

/* Lay out memory without devices. @return TENON_OK or TENON_ERR_FULL with diag. */
int tenon__dxl2_layout_init(struct tenon_dxl2_bus *self);
int tenon__dxl2_attach(struct tenon_bus *base, struct tenon_bus_device *device);
void tenon__dxl2_detach(struct tenon_bus *base, struct tenon_bus_device *device);
/* Put devices of equal shape next to each other. */
void tenon__dxl2_plan(struct tenon_dxl2_bus *self);

/* dxl2_bus_cyclic.c */

void tenon__dxl2_stage(struct tenon_bus *base, uint32_t cycle, tenon_ns_t now);
/* Put the staged cycle's writes and its first read into tx. */
void tenon__dxl2_begin_cycle(struct tenon_dxl2_bus *self);
/* Put the next read of the running cycle into tx. */
void tenon__dxl2_begin_group(struct tenon_dxl2_bus *self);
/* Put a read of those still awaited into tx. */
void tenon__dxl2_begin_recovery(struct tenon_dxl2_bus *self);
/* A transmission of the cycle is over. */
void tenon__dxl2_end_exchange(struct tenon_dxl2_bus *self);
/* Answers are missing: find the suspect, and decide whether the rest is asked again. */
void tenon__dxl2_judge_missing(struct tenon_dxl2_bus *self,
                               const struct tenon_line *line,
                               tenon_ns_t now);
/* Give up all answers awaited, for this reason (enum tenon_err). */
void tenon__dxl2_miss_awaited(struct tenon_dxl2_bus *self, int error);
/* The cycle cannot be exchanged: the line is down. */
void tenon__dxl2_abort_cycle(struct tenon_dxl2_bus *self);
/* A status while no request is out. @return Whether it was awaited. */
bool tenon__dxl2_answer_cycle(struct tenon_dxl2_bus *self,
                              const struct dxl2_packet *packet,
                              tenon_ns_t now);
/* Go through what has been received. */
void tenon__dxl2_take_input(struct tenon_dxl2_bus *self, tenon_ns_t now);

/* dxl2_bus_acyclic.c */

int tenon__dxl2_submit(struct tenon_bus *base, struct tenon_request *request);
void tenon__dxl2_cancel(struct tenon_bus *base, struct tenon_request *request);
void tenon__dxl2_cancel_node(struct tenon_dxl2_bus *self, uint32_t node);
/* The first request whose answer could not be taken for another one; NULL: there is none. */
struct tenon_request *tenon__dxl2_next_request(const struct tenon_dxl2_bus *self);
/* Whether the next request, of which there is one, is to be sent now that no cycle is due. */
bool tenon__dxl2_may_start_request(struct tenon_dxl2_bus *self, tenon_ns_t now);
/* The request on the wire may still be answered, but is no longer waited for. */
void tenon__dxl2_owe(struct tenon_dxl2_bus *self);
/* Give up answers that are too late to come. */
void tenon__dxl2_expire_owed(struct tenon_dxl2_bus *self, tenon_ns_t now);
/* A status that may be an answer owed to any request but `except`. @return Whether it was one. */
bool tenon__dxl2_settle_owed(struct tenon_dxl2_bus *self,
                             const struct dxl2_packet *packet,
                             const struct tenon_request *except);
/* Put the next request into tx. */
void tenon__dxl2_begin_request(struct tenon_dxl2_bus *self);
/* A status while a request is out. @return Whether it belongs to the request. */
bool tenon__dxl2_answer_request(struct tenon_dxl2_bus *self, const struct dxl2_packet *packet);
/* The request on the wire got no answer. */
void tenon__dxl2_retry_request(struct tenon_dxl2_bus *self);
void tenon__dxl2_finish_request(struct tenon_dxl2_bus *self,
                                struct tenon_request *request,
                                int result);
void tenon__dxl2_fail_requests(struct tenon_dxl2_bus *self);

#endif
