/**
 * @file fake_line.h
 * @brief A line whose far end is a script: bytes with times, and what can go wrong with them.
 */
#ifndef FAKE_LINE_H
#define FAKE_LINE_H

#include "tenon/line.h"

#define FAKE_LINE_CAPACITY 4096

enum fake_line_fault {
    FAKE_LINE_FINE = 0,
    FAKE_LINE_DROP,      /* never sent */
    FAKE_LINE_TRUNCATE,  /* the second half is missing */
    FAKE_LINE_CORRUPT,   /* bit `fault_bit` is wrong */
    FAKE_LINE_DUPLICATE, /* comes twice */
    FAKE_LINE_GARBAGE,   /* junk, with a false header in it, comes first */
    FAKE_LINE_DELAY      /* `fault_delay_ns` late; so is all that follows */
};

struct fake_line;

/* What was written, once per write. It may answer with fake_line_put(). */
typedef void (*fake_line_far_end)(
    void *context, struct fake_line *line, const uint8_t *bytes, size_t count, tenon_ns_t now);

struct fake_line {
    struct tenon_line base;
    fake_line_far_end far_end;
    void *context;
    /* Faults; zero is a perfect line. */
    bool echo;
    bool is_stuck;          /* takes no bytes */
    size_t write_limit;     /* takes at most so many at once; 0: all */
    size_t read_limit;      /* gives at most so many at once; 0: all */
    uint32_t fail_read_at;  /* this read, counted from 1, fails; 0: none */
    uint32_t fail_write_at; /* likewise */
    enum fake_line_fault fault;
    uint32_t fault_at; /* the packet it happens to, counted from 0 */
    size_t fault_bit;
    tenon_ns_t fault_delay_ns;
    /* What has happened. */
    uint32_t read_count;
    uint32_t write_count;
    uint32_t put_count;
    tenon_ns_t busy_until_ns;
    uint8_t sent[FAKE_LINE_CAPACITY];
    size_t sent_count;
    /* What is under way to the host. */
    uint8_t bytes[FAKE_LINE_CAPACITY];
    tenon_ns_t arrival_ns[FAKE_LINE_CAPACITY];
    size_t head;
    size_t count;
};

struct tenon_line *fake_line_init(struct fake_line *self, uint32_t baud);
/* A packet to the host, which begins at `start` or when the wire is free. */
void fake_line_put(struct fake_line *self, const uint8_t *bytes, size_t count, tenon_ns_t start);
/* Forget what is under way and what was sent. */
void fake_line_clear(struct fake_line *self);

#endif
