/**
 * @file fake_can_line.h
 * @brief A line of CAN frames whose far end is a script, and what can go wrong with them.
 */
#ifndef FAKE_CAN_LINE_H
#define FAKE_CAN_LINE_H

#include "tenon/can.h"
#include "tenon/line.h"

#define FAKE_CAN_LINE_CAPACITY 256

enum fake_can_fault {
    FAKE_CAN_FINE = 0,
    FAKE_CAN_DROP,      /* never sent */
    FAKE_CAN_DUPLICATE, /* comes twice */
    FAKE_CAN_GARBAGE,   /* frames that mean nothing come first */
    FAKE_CAN_CORRUPT,   /* bit `fault_bit` of the data is wrong */
    FAKE_CAN_DELAY      /* `fault_delay_ns` late; so is all that follows */
};

struct fake_can_line;

/* A frame that was written, and has wholly arrived at `now`. It may be answered. */
typedef void (*fake_can_far_end)(void *context,
                                 struct fake_can_line *line,
                                 const struct tenon_can_frame *frame,
                                 tenon_ns_t now);

struct fake_can_line {
    struct tenon_line base;
    fake_can_far_end far_end;
    void *context;
    /* Faults; zero is a perfect line. */
    bool echo;
    bool is_stuck;          /* takes nothing */
    bool chatters;          /* there is always more of what nobody waits for */
    size_t write_limit;     /* frames it takes at most at once; 0: all */
    size_t read_limit;      /* gives at most so many at once; 0: all */
    uint32_t fail_read_at;  /* this read, counted from 1, fails; 0: none */
    uint32_t fail_write_at; /* likewise */
    uint32_t fail_at;       /* likewise, reads and writes together */
    enum fake_can_fault fault;
    uint32_t fault_at; /* the answer it happens to, counted from 0 */
    size_t fault_bit;
    tenon_ns_t fault_delay_ns;
    /* What has happened. */
    uint32_t read_count;
    uint32_t write_count;
    uint32_t put_count;
    tenon_ns_t busy_until_ns;
    struct tenon_can_frame sent[FAKE_CAN_LINE_CAPACITY];
    size_t sent_count;
    /* What is under way to the host. */
    struct tenon_can_frame frames[FAKE_CAN_LINE_CAPACITY];
    tenon_ns_t arrival_ns[FAKE_CAN_LINE_CAPACITY];
    size_t head;
    size_t count;
};

struct tenon_line *fake_can_line_init(struct fake_can_line *self, uint32_t baud);
/* A frame to the host, which begins at `start` or when the wire is free. */
void fake_can_line_put(struct fake_can_line *self,
                       const struct tenon_can_frame *frame,
                       tenon_ns_t start);
/* Forget what was sent. */
void fake_can_line_clear_sent(struct fake_can_line *self);

#endif
