#include <string.h>

#include "control.h"
#include "dxl2_packet.h"
#include "dxl2_servo.h"
#include "tenon/sim.h"
#include "wire.h"
#include "x_registers.h"

#define BAUD_AT_FIRST 57600u
#define PING_SLOT_NS  TENON_MS(3)
#define PING_SIZE     14

/* ---- Sending answers ---- */

/* Put a frame on the wire as the servo's faults let it. @return Whether anything was sent; then
 * when it ends. */
static bool send(struct tenon_sim_bus *bus,
                 struct tenon_sim_servo *servo,
                 size_t count,
                 tenon_ns_t start,
                 tenon_ns_t *out_end)
{
    struct tenon_sim_faults *faults = &servo->faults;
    if (faults->silent) {
        return false;
    }
    if (faults->drop_next_replies > 0) {
        faults->drop_next_replies--;
        return false;
    }
    if (faults->corrupt_next_replies > 0) {
        faults->corrupt_next_replies--;
        bus->reply[count / 2] ^= 0x10u;
    }
    if (faults->truncate_next_replies > 0) {
        faults->truncate_next_replies--;
        count /= 2;
    }
    *out_end = tenon__sim_wire_send(bus, bus->reply, count, start);
    bus->reply_count++;
    return true;
}

static bool send_answer(struct tenon_sim_bus *bus,
                        struct tenon_sim_servo *servo,
                        const struct tenon__sim_answer *answer,
                        tenon_ns_t start,
                        tenon_ns_t *out_end)
{
    const int count = dxl2_encode_status(bus->reply, sizeof bus->reply, answer->id, answer->error,
                                         answer->params, answer->count);
    return answer->is_wanted && count > 0 && send(bus, servo, (size_t)count, start, out_end);
}

/* ---- Instructions to one servo, or to all of them ---- */

static void execute(struct tenon_sim_bus *bus,
                    struct tenon_sim_servo *servo,
                    const struct dxl2_packet *packet,
                    tenon_ns_t now)
{
    struct tenon__sim_answer answer;
    tenon_ns_t start = tenon__sim_servo_reply_ns(servo, now);
    tenon_ns_t end = now;

    if (packet->id == DXL2_BROADCAST) {
        start += servo->active_id * (PING_SLOT_NS + PING_SIZE * bus->byte_ns);
    }
    tenon__sim_servo_execute(servo, packet, &answer);
    (void)send_answer(bus, servo, &answer, start, &end);
    servo->apply_ns = end;
}

static void
dispatch_single(struct tenon_sim_bus *bus, const struct dxl2_packet *packet, tenon_ns_t now)
{
    for (size_t i = 0; i < bus->servo_count; i++) {
        struct tenon_sim_servo *servo = bus->servos[i];
        if (!tenon__sim_servo_hears(servo, bus->baud)) {
            continue;
        }
        if (packet->id == DXL2_BROADCAST || packet->id == servo->active_id) {
            execute(bus, servo, packet, now);
        } else if (tenon__sim_servo_shadows(servo, packet->id)) {
            tenon__sim_servo_shadow(servo, packet);
        }
    }
}

/* ---- Instructions that list servos ---- */

struct entry {
    uint8_t id;
    uint16_t address;
    uint16_t count;
    const uint8_t *data; /* of a write */
};

/* The k-th servo of a sync or bulk packet. @return false: there is none. */
static bool entry_of_read(const struct dxl2_packet *packet, size_t k, struct entry *out)
{
    const uint8_t *p = packet->params;
    if (packet->instruction == DXL2_SYNC_READ || packet->instruction == DXL2_FAST_SYNC_READ) {
        if (4 + k >= packet->param_count) {
            return false;
        }
        *out = (struct entry){p[4 + k], dxl2_load16(p), dxl2_load16(p + 2), NULL};
        return true;
    }
    p += 5 * k;
    if (5 * (k + 1) > packet->param_count) {
        return false;
    }
    *out = (struct entry){p[0], dxl2_load16(p + 1), dxl2_load16(p + 3), NULL};
    return true;
}

/* The servo's part that begins at `*at`, which moves on behind it. */
static bool entry_of_write(const struct dxl2_packet *packet, size_t *at, struct entry *out)
{
    const bool is_sync = packet->instruction == DXL2_SYNC_WRITE;
    const size_t head = is_sync ? 1 : 5;
    const size_t from = is_sync && *at == 0 ? 4 : *at;
    const uint8_t *p = packet->params + from;

    if (from + head > packet->param_count) {
        return false;
    }
    const uint8_t *range = is_sync ? packet->params : p + 1;
    *out = (struct entry){p[0], dxl2_load16(range), dxl2_load16(range + 2), p + head};
    *at = from + head + out->count;
    return *at <= packet->param_count;
}

static void write_one(struct tenon_sim_bus *bus, const struct entry *entry, tenon_ns_t now)
{
    for (size_t i = 0; i < bus->servo_count; i++) {
        struct tenon_sim_servo *servo = bus->servos[i];
        if (!tenon__sim_servo_hears(servo, bus->baud)) {
            continue;
        }
        const bool is_own = entry->id == servo->active_id;
        const bool is_shadow = tenon__sim_servo_shadows(servo, entry->id);
        if (is_own || (is_shadow && entry->address >= X_EEPROM_END)) {
            (void)tenon__sim_servo_write(servo, entry->address, entry->data, entry->count);
            servo->apply_ns = now;
        }
    }
}

static void
dispatch_writes(struct tenon_sim_bus *bus, const struct dxl2_packet *packet, tenon_ns_t now)
{
    struct entry entry;
    size_t at = 0;
    while (packet->param_count > 4 && entry_of_write(packet, &at, &entry)) {
        write_one(bus, &entry, now);
    }
}

/* A read by many: each takes its turn when the one before has finished. */
struct chain {
    tenon_ns_t turn_ns; /* when the next one sees the line free */
    uint16_t crc;       /* fast reads: of all bytes so far */
    uint16_t length;    /* fast reads: the LEN of the whole */
    bool is_fast;
    bool has_begun; /* fast reads: the header is out */
};

/* A block of a fast read: error, ID, data, running CRC. What cannot be read leaves zeros, so that
 * the shape holds. */
static size_t encode_block(struct tenon_sim_bus *bus,
                           const struct tenon__sim_answer *answer,
                           uint16_t data_count,
                           struct chain *chain)
{
    uint8_t *p = bus->reply;
    size_t count = 0;
    if (!chain->has_begun) {
        const uint8_t header[] = {0xFF, 0xFF, 0xFD, 0x00, DXL2_BROADCAST, 0, 0, DXL2_STATUS};
        memcpy(p, header, sizeof header);
        dxl2_store16(p + 5, chain->length);
        count = sizeof header;
    }
    p[count++] = answer->error;
    p[count++] = answer->id;
    memset(p + count, 0, data_count);
    memcpy(p + count, answer->params, answer->count);
    count += data_count;
    dxl2_store16(p + count, dxl2_crc(chain->crc, p, count));
    return count + 2;
}

/* One servo's turn. @return Whether it was heard to talk. */
static bool take_turn(struct tenon_sim_bus *bus,
                      struct tenon_sim_servo *servo,
                      const struct entry *entry,
                      struct chain *chain,
                      tenon_ns_t *out_end)
{
    struct tenon__sim_answer answer;
    const tenon_ns_t start = tenon__sim_servo_reply_ns(servo, chain->turn_ns);

    tenon__sim_servo_read(servo, entry->address, entry->count, &answer);
    if (!chain->is_fast) {
        return send_answer(bus, servo, &answer, start, out_end);
    }
    if (!answer.is_wanted || entry->count > TENON_SIM_TABLE_SIZE) {
        return false;
    }
    return send(bus, servo, encode_block(bus, &answer, entry->count, chain), start, out_end);
}

/* All servos of an entry's ID: none, one, or several at once. @return Whether any of them talked.
 */
static bool read_one(struct tenon_sim_bus *bus, const struct entry *entry, struct chain *chain)
{
    bool has_talked = false;
    tenon_ns_t latest = chain->turn_ns;
    uint16_t crc = chain->crc;

    for (size_t i = 0; i < bus->servo_count; i++) {
        struct tenon_sim_servo *servo = bus->servos[i];
        tenon_ns_t end;
        if (servo->active_id == entry->id && tenon__sim_servo_hears(servo, bus->baud) &&
            take_turn(bus, servo, entry, chain, &end)) {
            const size_t count = (chain->has_begun ? 0u : 8u) + 4u + entry->count;
            crc = chain->is_fast ? dxl2_crc(chain->crc, bus->reply, count) : 0;
            latest = end > latest ? end : latest;
            has_talked = true;
        }
    }
    chain->turn_ns = latest;
    chain->crc = crc;
    return has_talked;
}

static uint16_t fast_length(const struct dxl2_packet *packet)
{
    struct entry entry;
    size_t length = 1;
    for (size_t k = 0; entry_of_read(packet, k, &entry); k++) {
        length += (size_t)entry.count + 4u;
    }
    return (uint16_t)(length & 0xFFFFu);
}

static void
dispatch_reads(struct tenon_sim_bus *bus, const struct dxl2_packet *packet, tenon_ns_t now)
{
    struct entry entry;
    struct chain chain = {
        .turn_ns = now,
        .is_fast = packet->instruction == DXL2_FAST_SYNC_READ ||
                   packet->instruction == DXL2_FAST_BULK_READ,
        .length = fast_length(packet),
    };
    for (size_t k = 0; entry_of_read(packet, k, &entry); k++) {
        if (read_one(bus, &entry, &chain)) {
            chain.has_begun = true;
            continue;
        }
        /* Nobody can append to a combined packet that was never begun. */
        if (bus->absent_policy == TENON_SIM_ABSENT_STALL || (chain.is_fast && !chain.has_begun)) {
            return;
        }
        chain.turn_ns += bus->skip_ns;
    }
}

/* ---- Packets ---- */

static void note_request(struct tenon_sim_bus *bus, tenon_ns_t now)
{
    bus->request_count++;
    tenon__sim_wire_cancel(bus, now);
    for (size_t i = 0; i < bus->servo_count; i++) {
        struct tenon_sim_servo *servo = bus->servos[i];
        tenon__sim_servo_settle(servo, now);
        if (tenon__sim_servo_hears(servo, bus->baud)) {
            servo->heard_ns = now;
        }
    }
}

static void dispatch(struct tenon_sim_bus *bus, const struct dxl2_packet *packet, tenon_ns_t now)
{
    if (packet->instruction == DXL2_STATUS) {
        return;
    }
    note_request(bus, now);
    switch (packet->instruction) {
    case DXL2_SYNC_READ:
    case DXL2_FAST_SYNC_READ:
    case DXL2_BULK_READ:
    case DXL2_FAST_BULK_READ:
        if (packet->id == DXL2_BROADCAST) {
            dispatch_reads(bus, packet, now);
        }
        break;
    case DXL2_SYNC_WRITE:
    case DXL2_BULK_WRITE:
        if (packet->id == DXL2_BROADCAST) {
            dispatch_writes(bus, packet, now);
        }
        break;
    default:
        dispatch_single(bus, packet, now);
        break;
    }
}

/* ---- Public ---- */

int tenon_sim_bus_init_sized(struct tenon_sim_bus *self,
                             size_t size,
                             struct tenon_sim_servo *const *servos,
                             size_t count)
{
    if (size != sizeof *self) {
        return TENON_ERR_ABI;
    }
    memset(self, 0, sizeof *self);
    self->servos = servos;
    self->servo_count = count;
    self->skip_ns = TENON_US(300);
    self->gap_ns = TENON_US(1500);
    self->seed = 1;
    tenon_sim_bus_set_baud(self, BAUD_AT_FIRST);
    return TENON_OK;
}

void tenon_sim_bus_set_baud(struct tenon_sim_bus *self, uint32_t baud)
{
    self->baud = baud;
    self->byte_ns = (TENON_S(10) + (tenon_ns_t)baud / 2) / (tenon_ns_t)baud;
}

static void begin(struct tenon_sim_bus *self, tenon_ns_t now)
{
    self->has_begun = true;
    self->physics_ns = now;
    self->heard_ns = now;
    for (size_t i = 0; i < self->servo_count; i++) {
        self->servos[i]->now_ns = now;
        self->servos[i]->heard_ns = now;
    }
}

void tenon_sim_bus_advance(struct tenon_sim_bus *self, tenon_ns_t now)
{
    if (!self->has_begun) {
        begin(self, now);
    }
    if (now - self->physics_ns < TENON_SIM_STEP_NS) {
        return;
    }
    while (now - self->physics_ns >= TENON_SIM_STEP_NS) {
        self->physics_ns += TENON_SIM_STEP_NS;
        for (size_t i = 0; i < self->servo_count; i++) {
            tenon__sim_control_step(self->servos[i], self->physics_ns);
        }
    }
    for (size_t i = 0; i < self->servo_count; i++) {
        tenon__sim_control_publish(self->servos[i]);
    }
}

static void drop_stale(struct tenon_sim_bus *self, struct dxl2_parser *parser, tenon_ns_t now)
{
    const tenon_ns_t pause = now - self->heard_ns - self->byte_ns;
    if (self->gap_ns > 0 && pause > self->gap_ns && dxl2_parser_flush(parser) > 0) {
        self->partial_count++;
    }
    self->heard_ns = now;
}

void tenon_sim_bus_receive(struct tenon_sim_bus *self,
                           const uint8_t *bytes,
                           size_t count,
                           tenon_ns_t now)
{
    struct dxl2_parser parser;
    struct dxl2_packet packet;

    tenon_sim_bus_advance(self, now);
    dxl2_parser_init(&parser, self->rx, sizeof self->rx, NULL, NULL);
    parser.head = self->rx_head;
    parser.count = self->rx_count;
    if (count > 0) {
        drop_stale(self, &parser, now);
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t mixed = tenon__sim_wire_mix(self, bytes[i], now);
        const uint8_t heard = tenon__sim_wire_disturb(self, mixed);
        if (self->echo) {
            tenon__sim_wire_echo(self, bytes[i], now);
        }
        size_t room;
        *dxl2_parser_space(&parser, &room) = heard;
        dxl2_parser_commit(&parser, 1);
        while (dxl2_parser_next(&parser, &packet)) {
            dispatch(self, &packet, now);
        }
    }
    self->rx_head = parser.head;
    self->rx_count = parser.count;
}

size_t tenon_sim_bus_transmit(struct tenon_sim_bus *self,
                              uint8_t *out_bytes,
                              size_t capacity,
                              tenon_ns_t now)
{
    size_t count = 0;
    tenon_sim_bus_advance(self, now);
    while (count < capacity && self->wire_count > 0 && tenon_sim_bus_next_ns(self) <= now) {
        out_bytes[count++] = self->wire[self->wire_head++].value;
        self->wire_count--;
    }
    if (self->wire_count == 0) {
        self->wire_head = 0;
    }
    return count;
}

tenon_ns_t tenon_sim_bus_next_ns(const struct tenon_sim_bus *self)
{
    if (self->wire_count == 0) {
        return TENON_NEVER;
    }
    return self->wire[self->wire_head].end_ns + self->adapter_delay_ns;
}
