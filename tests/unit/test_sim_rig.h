/* A host on a memory line with virtual servos at its far end, in exact simulated time. */
#ifndef TEST_SIM_RIG_H
#define TEST_SIM_RIG_H

#include <math.h>
#include <string.h>

#include "dxl2_packet.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/sim.h"
#include "tenon_test.h"

#define RIG_SERVOS 4
#define RIG_BYTES  4096

struct rig {
    struct tenon_sim_servo servos[RIG_SERVOS];
    struct tenon_sim_servo *list[RIG_SERVOS];
    struct tenon_sim_bus bus;
    struct tenon_memory_line line;
    struct dxl2_parser parser;
    uint8_t parser_bytes[2048];
    tenon_ns_t now;
    uint8_t rx[RIG_BYTES]; /* all that came since the last request */
    tenon_ns_t rx_ns[RIG_BYTES];
    size_t rx_count;
};

static inline void rig_init(struct rig *rig, const char *model, size_t count, uint32_t baud)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(TENON_OK,
                         tenon_sim_servo_init(&rig->servos[i], model, (uint8_t)(i + 1), baud));
        rig->list[i] = &rig->servos[i];
    }
    tenon_sim_bus_init(&rig->bus, rig->list, count);
    assert_non_null(tenon_memory_line_init(&rig->line, baud));
    dxl2_parser_init(&rig->parser, rig->parser_bytes, sizeof rig->parser_bytes, NULL, NULL);
    rig->rx_count = 0;
    rig->now = TENON_S(5);
    tenon_sim_bus_serve(&rig->bus, &rig->line, rig->now);
}

static inline void rig_collect(struct rig *rig)
{
    const struct tenon_line_api *api = tenon_line_get_api(&rig->line.base);
    uint8_t bytes[64];
    int count;
    tenon_sim_bus_serve(&rig->bus, &rig->line, rig->now);
    while ((count = api->read(&rig->line.base, bytes, sizeof bytes, rig->now)) > 0) {
        for (int i = 0; i < count; i++) {
            assert_true(rig->rx_count < RIG_BYTES);
            rig->rx_ns[rig->rx_count] = rig->now;
            rig->rx[rig->rx_count++] = bytes[i];
        }
        (void)dxl2_parser_feed(&rig->parser, bytes, (size_t)count);
    }
}

/* Let time pass, and stop at each instant at which something happens on the line. */
static inline void rig_run(struct rig *rig, tenon_ns_t duration)
{
    const tenon_ns_t until = rig->now + duration;
    rig_collect(rig);
    while (rig->now < until) {
        const tenon_ns_t line = tenon_memory_line_next_ns(&rig->line);
        const tenon_ns_t bus = tenon_sim_bus_next_ns(&rig->bus);
        tenon_ns_t next = line < bus ? line : bus;
        if (next <= rig->now || next > until) {
            next = until;
        }
        rig->now = next;
        rig_collect(rig);
    }
}

static inline void rig_write(struct rig *rig, const uint8_t *bytes, size_t count)
{
    const struct tenon_line_api *api = tenon_line_get_api(&rig->line.base);
    rig->rx_count = 0;
    (void)dxl2_parser_flush(&rig->parser);
    assert_int_equal(count, api->write(&rig->line.base, bytes, count, rig->now));
}

static inline size_t
rig_send(struct rig *rig, uint8_t id, uint8_t instruction, const uint8_t *params, size_t count)
{
    uint8_t frame[1024];
    const int size = dxl2_encode(frame, sizeof frame, id, instruction, params, count);
    assert_true(size > 0);
    rig_write(rig, frame, (size_t)size);
    return (size_t)size;
}

static inline bool rig_next(struct rig *rig, struct dxl2_packet *out)
{
    return dxl2_parser_next(&rig->parser, out);
}

/* Ask, wait 5 ms. @return The error byte of the only answer, or -1: there is none. */
static inline int rig_ask(struct rig *rig,
                          uint8_t id,
                          uint8_t instruction,
                          const uint8_t *params,
                          size_t count,
                          struct dxl2_packet *out)
{
    static uint8_t nothing[8];
    struct dxl2_packet packet = {.params = nothing};
    if (out != NULL) {
        *out = packet;
    }
    (void)rig_send(rig, id, instruction, params, count);
    rig_run(rig, TENON_MS(5));
    if (!rig_next(rig, &packet)) {
        return -1;
    }
    assert_int_equal(id, packet.id);
    assert_int_equal(DXL2_STATUS, packet.instruction);
    if (out != NULL) {
        *out = packet;
    }
    return packet.error;
}

static inline int
rig_write_register(struct rig *rig, uint8_t id, uint16_t address, unsigned width, int32_t value)
{
    uint8_t params[6];
    dxl2_store16(params, address);
    dxl2_store32(params + 2, (uint32_t)value);
    return rig_ask(rig, id, DXL2_WRITE, params, 2 + width, NULL);
}

static inline int
rig_read(struct rig *rig, uint8_t id, uint16_t address, uint16_t count, struct dxl2_packet *out)
{
    uint8_t params[4];
    dxl2_store16(params, address);
    dxl2_store16(params + 2, count);
    return rig_ask(rig, id, DXL2_READ, params, sizeof params, out);
}

static inline int32_t
rig_read_register(struct rig *rig, uint8_t id, uint16_t address, uint16_t width)
{
    struct dxl2_packet packet;
    uint8_t bytes[4] = {0};
    assert_int_equal(0, rig_read(rig, id, address, width, &packet) & 0x7F);
    assert_int_equal(width, packet.param_count);
    memcpy(bytes, packet.params, width);
    return (int32_t)dxl2_load32(bytes);
}

#endif
