#include "wire.h"

#include <string.h>

/* frame_ns of an echo: nobody talks then, so nothing collides with it and no request cuts it off.
 */
#define ECHO TENON_NEVER

static struct tenon_sim_wire_byte *byte_at(struct tenon_sim_bus *bus, size_t i)
{
    return &bus->wire[bus->wire_head + i];
}

static uint32_t draw(struct tenon_sim_bus *bus)
{
    uint32_t x = bus->seed != 0 ? bus->seed : 1u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    bus->seed = x;
    return x;
}

uint8_t tenon__sim_wire_disturb(struct tenon_sim_bus *bus, uint8_t value)
{
    if (bus->noise_ppm == 0 || draw(bus) % 1000000u >= bus->noise_ppm) {
        return value;
    }
    return (uint8_t)(value ^ (1u << (draw(bus) % 8u)));
}

/* Where a byte that ends at `end` belongs; most belong at the end. */
static size_t place_of(struct tenon_sim_bus *bus, tenon_ns_t end)
{
    size_t i = bus->wire_count;
    while (i > 0 && byte_at(bus, i - 1)->end_ns > end) {
        i--;
    }
    return i;
}

static void insert(struct tenon_sim_bus *bus, size_t at, struct tenon_sim_wire_byte byte)
{
    if (bus->wire_head + bus->wire_count == TENON_SIM_WIRE_CAPACITY) {
        memmove(bus->wire, bus->wire + bus->wire_head, bus->wire_count * sizeof bus->wire[0]);
        bus->wire_head = 0;
    }
    if (bus->wire_count == TENON_SIM_WIRE_CAPACITY) {
        return; /* a host that never reads; what it does not fetch in time is lost to it */
    }
    memmove(byte_at(bus, at + 1), byte_at(bus, at), (bus->wire_count - at) * sizeof bus->wire[0]);
    *byte_at(bus, at) = byte;
    bus->wire_count++;
}

static bool overlaps(struct tenon_sim_bus *bus, size_t i, tenon_ns_t end)
{
    const struct tenon_sim_wire_byte *byte = byte_at(bus, i);
    const tenon_ns_t apart = end - byte->end_ns;
    return byte->frame_ns != ECHO && apart < bus->byte_ns && -apart < bus->byte_ns;
}

/* A byte that a device sends less than a byte time from this one, or NULL. */
static struct tenon_sim_wire_byte *
overlapping(struct tenon_sim_bus *bus, size_t place, tenon_ns_t end)
{
    if (place > 0 && overlaps(bus, place - 1, end)) {
        return byte_at(bus, place - 1);
    }
    if (place < bus->wire_count && overlaps(bus, place, end)) {
        return byte_at(bus, place);
    }
    return NULL;
}

/* A driven 0 wins over a 1 on the wire. Bytes out of step are treated as if they were in step:
 * garbled is garbled. */
static void talk(struct tenon_sim_bus *bus, uint8_t value, tenon_ns_t end, tenon_ns_t frame_ns)
{
    const size_t place = place_of(bus, end);
    struct tenon_sim_wire_byte *other = overlapping(bus, place, end);
    if (other != NULL) {
        other->value &= value;
        bus->collision_count++;
        return;
    }
    insert(bus, place,
           (struct tenon_sim_wire_byte){.end_ns = end, .frame_ns = frame_ns, .value = value});
}

tenon_ns_t tenon__sim_wire_send(struct tenon_sim_bus *bus,
                                const uint8_t *bytes,
                                size_t count,
                                tenon_ns_t start)
{
    tenon_ns_t end = start;
    for (size_t i = 0; i < count; i++) {
        end += bus->byte_ns;
        talk(bus, tenon__sim_wire_disturb(bus, bytes[i]), end, start);
    }
    return end;
}

void tenon__sim_wire_echo(struct tenon_sim_bus *bus, uint8_t value, tenon_ns_t now)
{
    insert(bus, place_of(bus, now),
           (struct tenon_sim_wire_byte){.end_ns = now, .frame_ns = ECHO, .value = value});
}

uint8_t tenon__sim_wire_mix(struct tenon_sim_bus *bus, uint8_t value, tenon_ns_t now)
{
    struct tenon_sim_wire_byte *other = overlapping(bus, place_of(bus, now), now);
    if (other == NULL) {
        return value;
    }
    const uint8_t heard = other->value & value;
    other->value = heard;
    bus->collision_count++;
    return heard;
}

void tenon__sim_wire_cancel(struct tenon_sim_bus *bus, tenon_ns_t now)
{
    size_t kept = 0;
    for (size_t i = 0; i < bus->wire_count; i++) {
        const tenon_ns_t begun = byte_at(bus, i)->frame_ns;
        if (begun == ECHO || begun <= now) {
            *byte_at(bus, kept) = *byte_at(bus, i);
            kept++;
        }
    }
    bus->wire_count = kept;
}
