/**
 * @file dxl2_packet.h
 * @brief Dynamixel Protocol 2.0: bytes <-> structs. No I/O, no clock, no state but the caller's.
 *
 *     FF FF FD 00 | ID | LEN_L LEN_H | INST | [ERR, status only] P1 ... Pn | CRC_L CRC_H
 *
 * LEN counts what follows it. INST ... Pn are stuffed: an FD is added after each FF FF FD, so that
 * a header cannot occur in the data. The one exception is the combined status of a fast read (INST
 * 55 from ID FE).
 *
 * No pointer may be NULL unless it says so. Everything here may be called in any context; an object
 * must not be used by two contexts at once.
 */
#ifndef TENON_DXL2_PACKET_H
#define TENON_DXL2_PACKET_H

#include "tenon/base.h"

#include <string.h>

/** What a packet asks for; DXL2_STATUS marks an answer. */
enum dxl2_instruction {
    DXL2_PING = 0x01,
    DXL2_READ = 0x02,
    DXL2_WRITE = 0x03,
    DXL2_REG_WRITE = 0x04,
    DXL2_ACTION = 0x05,
    DXL2_FACTORY_RESET = 0x06,
    DXL2_REBOOT = 0x08,
    DXL2_CLEAR = 0x10,
    DXL2_BACKUP = 0x20,
    DXL2_STATUS = 0x55,
    DXL2_SYNC_READ = 0x82,
    DXL2_SYNC_WRITE = 0x83,
    DXL2_FAST_SYNC_READ = 0x8A,
    DXL2_BULK_READ = 0x92,
    DXL2_BULK_WRITE = 0x93,
    DXL2_FAST_BULK_READ = 0x9A
};

/** Low seven bits of a status packet's error byte; DXL2_ALERT may be set beside any of them. */
enum dxl2_error {
    DXL2_ERROR_NONE = 0,
    DXL2_ERROR_RESULT = 1,      /**< The instruction was understood and failed. */
    DXL2_ERROR_INSTRUCTION = 2, /**< Undefined, or Action without a Reg Write before it. */
    DXL2_ERROR_CRC = 3,         /**< The request arrived broken. */
    DXL2_ERROR_RANGE = 4,       /**< Outside the item's range. */
    DXL2_ERROR_LENGTH = 5,      /**< Fewer bytes than the item has. */
    DXL2_ERROR_LIMIT = 6,       /**< Outside a limit that is set in the device. */
    DXL2_ERROR_ACCESS = 7 /**< Read only, write only, undefined, or EEPROM while torque is on. */
};

#define DXL2_ALERT       0x80u /**< The error byte's top bit: a hardware error is latched. */
#define DXL2_BROADCAST   0xFEu /**< All devices; as a sender: the combined status of a fast read. */
#define DXL2_ID_MAX      252u  /**< Largest ID of a device. */
#define DXL2_HEADER_SIZE 8u    /**< FF FF FD 00 ID LEN LEN INST. */
#define DXL2_FRAME_MIN   10u   /**< An instruction without parameters. */
/** Bytes of a status with n parameter bytes, before stuffing. */
#define DXL2_STATUS_SIZE(n) (11u + (n))
/** Most bytes a frame with n bytes between INST and CRC can take, stuffing included. */
#define DXL2_FRAME_SIZE_MAX(n) (10u + (n) + ((n) + 2u) / 3u + 1u)

/** Two bytes as sent (low byte first) to a number; no alignment needed. */
static inline uint16_t dxl2_load16(const uint8_t *p)
{
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint16_t v; /* compilers do not see through the other form */
    memcpy(&v, p, sizeof v);
    return v;
#else
    return (uint16_t)(p[0] | ((unsigned)p[1] << 8));
#endif
}

/** Four bytes as sent (low byte first) to a number; no alignment needed. */
static inline uint32_t dxl2_load32(const uint8_t *p)
{
    return (uint32_t)p[0] | ((uint32_t)p[1] << 8) | ((uint32_t)p[2] << 16) | ((uint32_t)p[3] << 24);
}

/** The reverse of dxl2_load16(). */
static inline void dxl2_store16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v & 0xFFu);
    p[1] = (uint8_t)(v >> 8);
}

/** The reverse of dxl2_load32(). */
static inline void dxl2_store32(uint8_t *p, uint32_t v)
{
    dxl2_store16(p, (uint16_t)(v & 0xFFFFu));
    dxl2_store16(p + 2, (uint16_t)(v >> 16));
}

/**
 * CRC-16 of the protocol: polynomial 0x8005, most significant bit first, initial value and final
 * exclusive or 0.
 * @param crc    0 to begin, or the result over the bytes before these.
 * @param bytes  May be NULL if count is 0.
 */
uint16_t dxl2_crc(uint16_t crc, const uint8_t *bytes, size_t count);

/**
 * Whether FF FF FD is among these bytes: they cannot be sent without stuffing, or have some.
 * @param bytes  May be NULL if count is 0.
 */
bool dxl2_has_marker(const uint8_t *bytes, size_t count);

/**
 * A frame under construction in a caller's buffer: begin, put bytes (stuffed as they come), end.
 * Nothing is written past `capacity`. Overflow is remembered, so that only dxl2_end() needs
 * checking. The buffer must outlive the writer.
 */
struct dxl2_writer {
    uint8_t *out;
    size_t capacity; /**< Bytes at `out`. */
    size_t count;    /**< Bytes written so far. */
    uint8_t run;     /**< Progress through FF FF FD. */
    bool overflow;   /**< Something did not fit. */
};

/** Begin a frame. @param out  May be NULL if capacity is 0. */
void dxl2_begin(
    struct dxl2_writer *w, uint8_t *out, size_t capacity, uint8_t id, uint8_t instruction);
/** Append bytes. A status begins with its error byte. @param bytes  May be NULL if count is 0. */
void dxl2_put(struct dxl2_writer *w, const uint8_t *bytes, size_t count);
/** Append one byte. */
void dxl2_put8(struct dxl2_writer *w, uint8_t v);
/** Append two bytes, low byte first. */
void dxl2_put16(struct dxl2_writer *w, uint16_t v);
/**
 * Close the frame: length and CRC. The writer must be begun again after it.
 * @return Bytes of the whole frame, or TENON_ERR_FULL: it did not fit the buffer, or LEN its 16
 * bits.
 */
int dxl2_end(struct dxl2_writer *w);

/**
 * Encode an instruction in one call.
 * @param params  May be NULL if count is 0.
 * @return As dxl2_end(); after TENON_ERR_FULL the contents of `out` mean nothing.
 */
int dxl2_encode(uint8_t *out,
                size_t capacity,
                uint8_t id,
                uint8_t instruction,
                const uint8_t *params,
                size_t count);

/** Encode a status packet in one call; otherwise as dxl2_encode(). */
int dxl2_encode_status(
    uint8_t *out, size_t capacity, uint8_t id, uint8_t error, const uint8_t *params, size_t count);

/**
 * A packet whose CRC was right. Whether its ID and instruction make sense is for the reader to
 * judge.
 *
 * The combined status of a fast read (DXL2_STATUS from DXL2_BROADCAST) is given as it came: `error`
 * is that of the first device, `params` begins with the first device's ID, and all blocks but the
 * last contain their own CRCs.
 */
struct dxl2_packet {
    uint8_t id;
    uint8_t instruction;
    uint8_t error;        /**< Of a status packet; else 0. */
    uint8_t *params;      /**< In the parser's buffer, valid until the parser's next call; stuffing
                             removed. */
    uint16_t param_count; /**< Without the error byte. */
};

/**
 * The largest LEN that a packet of this ID and instruction may have; 0: none is expected, so it
 * cannot be real. Stuffing counts in LEN. Bounding it by what that ID is expected to send keeps one
 * flipped bit from costing two packets. It is asked once per look at an unfinished packet, so it
 * should be quick.
 */
typedef uint16_t (*dxl2_length_limit)(void *context, uint8_t id, uint8_t instruction);

/** Finds packets in a stream. The members are for reading, and only the counters for anyone. */
struct dxl2_parser {
    uint8_t *buffer;
    size_t capacity;
    size_t head;             /**< First byte not yet consumed. */
    size_t count;            /**< End of the bytes received. */
    dxl2_length_limit limit; /**< NULL: the buffer's size alone. */
    void *context;
    uint32_t crc_errors;    /**< Headers with a possible LEN and a wrong CRC. Only rises. */
    uint32_t length_errors; /**< Headers with an impossible LEN. Only rises. */
    uint32_t
        skipped_bytes; /**< Bytes that were in no packet, broken packets included. Only rises. */
};

/**
 * Make an empty parser with counters at zero.
 * @param buffer    Must outlive the parser.
 * @param capacity  At least DXL2_FRAME_MIN; a longer packet than this counts as a length error.
 * @param limit     May be NULL.
 * @param context   Handed to `limit`; may be NULL.
 */
void dxl2_parser_init(struct dxl2_parser *p,
                      uint8_t *buffer,
                      size_t capacity,
                      dxl2_length_limit limit,
                      void *context);
/** Whether there is nothing left to be fetched. */
static inline bool dxl2_parser_is_empty(const struct dxl2_parser *p)
{
    return p->head == p->count;
}

/** Drop everything, for instance before a new request. @return Bytes dropped; they are not counted
 * as skipped. */
static inline size_t dxl2_parser_flush(struct dxl2_parser *p)
{
    const size_t dropped = p->count - p->head;
    p->head = 0;
    p->count = 0;
    return dropped;
}

/** What dxl2_parser_space() does while there are bytes. */
uint8_t *dxl2_parser_make_room(struct dxl2_parser *p, size_t *out_capacity);

/**
 * Where the next received bytes go, and how many fit: pass straight to a line's read. Always room
 * for at least one. It may move what is there, so packets handed out before are no longer valid. As
 * long as dxl2_parser_next() was called until it returned false, nothing is lost; else the oldest
 * bytes of a full buffer give way and are counted as skipped.
 */
static inline uint8_t *dxl2_parser_space(struct dxl2_parser *p, size_t *out_capacity)
{
    if (!dxl2_parser_is_empty(p)) {
        return dxl2_parser_make_room(p, out_capacity);
    }
    (void)dxl2_parser_flush(p);
    *out_capacity = p->capacity;
    return p->buffer;
}

/** Say how many bytes were put there; what exceeds the space offered is ignored. */
void dxl2_parser_commit(struct dxl2_parser *p, size_t count);
/**
 * Copy bytes in.
 * @param bytes  May be NULL if count is 0.
 * @return How many fitted; fetch packets until there are none, then feed the rest. Never 0 after
 * that.
 */
size_t dxl2_parser_feed(struct dxl2_parser *p, const uint8_t *bytes, size_t count);
/**
 * Fetch the next packet. After a false header the search goes on one byte behind it.
 * @return true and a packet, or false: more bytes are needed, and `out` is untouched.
 */
bool dxl2_parser_next(struct dxl2_parser *p, struct dxl2_packet *out);
/** The bytes not consumed yet, for who knows exactly what to expect. @return The first of them. */
static inline const uint8_t *dxl2_parser_peek(const struct dxl2_parser *p, size_t *out_count)
{
    *out_count = p->count - p->head;
    return p->buffer + p->head;
}

/** Consume so many of the bytes peeked at, whole packets; what exceeds them is ignored. */
static inline void dxl2_parser_consume(struct dxl2_parser *p, size_t count)
{
    const size_t unread = p->count - p->head;
    p->head += count < unread ? count : unread;
}

#endif
