/**
 * @file dxl2_bus_internal.h
 * @brief What the files of the Dynamixel 2.0 bus share.
 *
 *     dxl2_bus.c          vtable, transmission and its state machine
 *     dxl2_bus_layout.c   memory, attach, order on the wire
 *     dxl2_bus_cyclic.c   process image
 *     dxl2_bus_acyclic.c  requests
 *
 * Memory: [parser | ID map | records -> read order, tx, rx ... <- windows]. Records and windows
 * stay where they are; what lies between holds nothing that outlives a transaction and is laid out
 * anew with every record.
 */
#ifndef TENON_DXL2_BUS_INTERNAL_H
#define TENON_DXL2_BUS_INTERNAL_H

#include "dxl2_packet.h"
#include "tenon/drivers/dxl2_bus.h"

enum {
    NO_RECORD = 0xFF,    /* in the ID map: nobody; there are at most 253 records */
    NO_READ = 0xFFFF,    /* as read_at */
    NO_GROUP = 0xFF,     /* of who has no in fields */
    SPAN_MAX = 32,       /* bytes of cyclic data a device reads or writes at once */
    SYNC_HEAD_SIZE = 12, /* of a sync read or write: header, address, width */
    CRC_SIZE = 2,
    BEFORE_LENGTH_COUNTS = 7, /* bytes of a frame that LEN does not count */
    RETURN_DELAY_MAX = 254,   /* in units of the register */
    RETURN_DELAY_UNIT_US = 2,
    REQUEST_FRAME_MAX = DXL2_FRAME_SIZE_MAX(2u + TENON_REQUEST_DATA),
    /* LEN of the longest answer to a request: what may come late from anyone. */
    LATE_LENGTH_MAX = DXL2_FRAME_SIZE_MAX(1u + TENON_REQUEST_DATA + 1u) - BEFORE_LENGTH_COUNTS
};

/* Devices that heard a wrong length wait for the rest of the packet until the wire has been quiet
 * for 1.5 ms: a request is not given up before, so that its retry begins a packet for them. */
#define SILENCE_NS TENON_US(1600)
/* A stage that is expected may come this much late before the time is given to requests. */
#define STAGE_LATE_NS TENON_US(500)
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
    JOB_PART,     /* what else belongs to the running cycle */
    JOB_RECOVERY, /* once more: what may not have been heard */
    JOB_REQUEST
};

/* What a device that is late has coming. */
enum tenon__dxl2_doubt {
    DOUBT_NONE = 0,
    DOUBT_SILENT, /* its answer was missing: it is read after all others */
    DOUBT_SHUNNED /* it may have talked over others: it is not read as long as shun_left > 0 */
};

/* What a device takes part in. */
enum tenon__dxl2_use {
    USE_WRITE = 1,
    USE_READ = 2,
    USE_PLAIN = 4 /* the in window is the bytes as read, no gaps */
};

/* Where its command is, and where its answer. */
enum tenon__dxl2_write { WRITE_DUE = 1, WRITE_SENT = 2 /* in this cycle */ };
enum tenon__dxl2_read {
    READ_DONE = 0,    /* or none is due */
    READ_OPEN = 1,    /* to be read in this cycle, or being read */
    READ_DOUBTFUL = 2 /* the same, but it was silent before */
};

/* An attached device. */
struct tenon__dxl2_record {
    struct tenon_bus_device *device; /* NULL: free for another one */
    uint8_t *in;                     /* its in window; the out window follows */
    uint16_t prefix_crc; /* what header and ID add to the CRC of the bytes behind them */
    uint16_t in_address;
    uint32_t out_shape; /* address << 8 | span: the same for those that share a sync write */
    uint8_t id;
    uint8_t return_delay; /* as in the register */
    uint8_t in_span;      /* bytes on the wire; 0: none */
    uint8_t in_capacity;
    uint8_t out_capacity;
    uint8_t group;    /* the same for equal in fields: one sync read */
    uint8_t doubt;    /* enum tenon__dxl2_doubt */
    uint8_t uses;     /* bits of enum tenon__dxl2_use */
    uint8_t read;     /* enum tenon__dxl2_read */
    uint8_t write;    /* enum tenon__dxl2_write, both after a resend */
    bool read_is_due; /* who is listed in a sync read */
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
/* What to expect in answer to the transmission under construction: so many answers with so many
 * bytes of data each. */
void tenon__dxl2_expect(struct tenon_dxl2_bus *self,
                        uint32_t count,
                        uint32_t width,
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
/* Number the groups. */
void tenon__dxl2_plan(struct tenon_dxl2_bus *self);

/* dxl2_bus_cyclic.c */

void tenon__dxl2_stage(struct tenon_bus *base, uint32_t cycle, tenon_ns_t now);
/* Put the staged cycle's writes and its first read into tx. */
void tenon__dxl2_begin_cycle(struct tenon_dxl2_bus *self);
/* Put more of the running cycle into tx. */
void tenon__dxl2_begin_part(struct tenon_dxl2_bus *self);
/* Put commands that may not have been heard, and a read of those still awaited, into tx. */
void tenon__dxl2_begin_recovery(struct tenon_dxl2_bus *self);
/* A transmission of the cycle is over. */
void tenon__dxl2_end_exchange(struct tenon_dxl2_bus *self, tenon_ns_t now);
/* Take down who is late, if that is not known yet. */
void tenon__dxl2_note_slow(struct tenon_dxl2_bus *self);
/* Answers are missing: find the suspect, and decide whether the rest is asked again. */
void tenon__dxl2_judge_missing(struct tenon_dxl2_bus *self,
                               const struct tenon_line *line,
                               tenon_ns_t now);
/* Give up all answers awaited, for this reason (enum tenon_err). */
void tenon__dxl2_miss_awaited(struct tenon_dxl2_bus *self, int error);
/* The cycle cannot be exchanged: the line is down. */
void tenon__dxl2_abort_cycle(struct tenon_dxl2_bus *self);
/* Whether a cyclic answer is awaited of this device. */
static inline bool tenon__dxl2_is_awaited(const struct tenon_dxl2_bus *self,
                                          const struct tenon__dxl2_record *r)
{
    return self->awaited_count > 0 && r->read != READ_DONE && r->group == self->group;
}
/* Whether one that has not been silent before is awaited. */
bool tenon__dxl2_awaits_trusted(const struct tenon_dxl2_bus *self);
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
