/**
 * @file mit_bus_internal.h
 * @brief What the files of the MIT bus share.
 *
 *     mit_bus.c          vtable, cycle, what comes in
 *     mit_bus_layout.c   memory, attach
 *     mit_bus_request.c  requests
 *
 * Memory: [records | tx | safe frames]. Records stay where they are; what lies behind is laid out
 * anew with every record.
 */
#ifndef TENON_MIT_BUS_INTERNAL_H
#define TENON_MIT_BUS_INTERNAL_H

#include "mit_frame.h"
#include "tenon/drivers/mit_bus.h"

enum {
    DATA_MAX = 8,      /* bytes of a frame */
    ANSWER_MIN = 6,    /* bytes of a state: some devices send no temperatures */
    BITS_NOMINAL = 47, /* of a frame without data, the pause behind it included */
    /* Of a frame with 8 bytes and as many stuff bits as there can be. */
    BITS_MAX = BITS_NOMINAL + 8 * DATA_MAX + (34 + 8 * DATA_MAX - 1) / 4
};

/* What a device may take to answer. */
#define DEVICE_NS TENON_US(300)
/* How far host and bus may be apart otherwise. */
#define MARGIN_NS TENON_US(300)
/* A frame that the line has not taken by then never will be. */
#define MARGIN_SEND_NS TENON_MS(5)

/* An attached device. */
struct tenon__mit_record {
    struct tenon_bus_device *device; /* NULL: free for another one */
    uint8_t in[DATA_MAX];
    uint8_t out[DATA_MAX];
    uint16_t answer_id;  /* identifier of its answers */
    uint16_t command_id; /* identifier of its commands */
    uint16_t tx_at;      /* its frame of the running cycle */
    uint8_t node;
    uint8_t in_width; /* 0: none */
    uint8_t out_width;
    bool read_is_due;
    bool write_is_due;
    bool is_commanded; /* its frame of the running cycle is a command */
    bool is_awaited;
};

static inline struct tenon_mit_bus *tenon__mit_self(struct tenon_bus *base)
{
    return TENON_CONTAINER_OF(base, struct tenon_mit_bus, base);
}

/* Time a frame takes at most. */
static inline tenon_ns_t tenon__mit_frame_ns(const struct tenon_mit_bus *self)
{
    return self->bit_ns * BITS_MAX;
}

/* How much later than expected an answer may come: two frames of others may go before it, too. */
static inline tenon_ns_t tenon__mit_patience(const struct tenon_mit_bus *self,
                                             const struct tenon_line *line)
{
    return 2 * tenon__mit_frame_ns(self) + line->latency_ns + DEVICE_NS + MARGIN_NS;
}

/* So many frames more are on the wire, or will be as answers. @return When the last one is over. */
tenon_ns_t tenon__mit_occupy(struct tenon_mit_bus *self, size_t frames, tenon_ns_t now);

/* When to look for something that should have come at `expected` and is given up at `timeout`. */
tenon_ns_t tenon__mit_next_look(const struct tenon_mit_bus *self,
                                const struct tenon_line *line,
                                tenon_ns_t expected,
                                tenon_ns_t timeout,
                                tenon_ns_t now);

/* mit_bus.c */

/* The cycle under way is given up; what was not answered is missed for this reason. */
void tenon__mit_drop_cycle(struct tenon_mit_bus *self, int error);

/* mit_bus_layout.c */

void tenon__mit_layout_init(struct tenon_mit_bus *self);
int tenon__mit_attach(struct tenon_bus *base, struct tenon_bus_device *device);
void tenon__mit_detach(struct tenon_bus *base, struct tenon_bus_device *device);
/* The device whose states look like this, or NULL. */
struct tenon__mit_record *tenon__mit_find_sender(const struct tenon_mit_bus *self,
                                                 const struct tenon_can_frame *frame);
/* The device with this number, or NULL. */
struct tenon__mit_record *tenon__mit_find_node(const struct tenon_mit_bus *self, uint32_t node);

/* mit_bus_request.c */

int tenon__mit_submit(struct tenon_bus *base, struct tenon_request *request);
void tenon__mit_cancel(struct tenon_bus *base, struct tenon_request *request);
void tenon__mit_cancel_node(struct tenon_mit_bus *self, uint32_t node);
/* Make the next request active, if it is its turn. */
void tenon__mit_start_request(struct tenon_mit_bus *self,
                              const struct tenon_line *line,
                              tenon_ns_t now);
/* The active request's frame has been handed over. */
void tenon__mit_await_request(struct tenon_mit_bus *self,
                              const struct tenon_line *line,
                              tenon_ns_t now);
/* The active request's time is over. */
void tenon__mit_expire_request(struct tenon_mit_bus *self);
/* A frame that may answer a register request. @return Whether it does. */
bool tenon__mit_answer_register(struct tenon_mit_bus *self,
                                const struct tenon__mit_record *sender,
                                const struct tenon_can_frame *frame);
/* A state, of this device if it is one of ours. @return Whether the active request waits for it. */
bool tenon__mit_answer_state(struct tenon_mit_bus *self,
                             const struct tenon__mit_record *sender,
                             const struct tenon_can_frame *frame);
void tenon__mit_fail_requests(struct tenon_mit_bus *self);

#endif
