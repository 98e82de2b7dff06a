#include "bus_conformance.h"

#include "../fakes/fake_bus.h"
#include "../fakes/fake_mit.h"
#include "../tenon_test.h"
#include "dxl2_packet.h"
#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/drivers/mit_bus.h"

#include <string.h>

static tenon_ns_t now;

/* Nodes that are tables of bytes. */

#define TABLE_BYTES 256
#define IN_AT       40
#define IN_WIDTH    10
#define OUT_AT      80
#define OUT_WIDTH   4
#define TORQUE_AT   110
#define SCRATCH_AT  120

static const struct tenon_field table_in[] = {{40, 2}, {42, 4}, {46, 4}};
static const struct tenon_field table_gaps[] = {{46, 4}, {40, 2}, {42, 4}};
static const struct tenon_field table_other[] = {{40, 1}};
static const struct tenon_field table_out[] = {{80, 4}};

static uint8_t *(*table_of)(uint32_t node);

static bool is_full(const uint8_t *bytes, size_t count, uint8_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

static void table_measure(uint32_t node, uint8_t value)
{
    memset(table_of(node) + IN_AT, value, IN_WIDTH);
}

static bool table_is_held(uint32_t node, const uint8_t *window, uint8_t value)
{
    (void)node;
    return is_full(window, IN_WIDTH, value);
}

static void table_measure_other(uint32_t node, uint8_t value)
{
    table_of(node)[IN_AT] = value;
}

static bool table_is_other_held(uint32_t node, const uint8_t *window, uint8_t value)
{
    (void)node;
    return window[0] == value;
}

static bool table_is_commanded(uint32_t node, uint8_t value)
{
    return is_full(table_of(node) + OUT_AT, OUT_WIDTH, value);
}

static struct tenon_request table_write(uint32_t node, uint8_t value)
{
    return (struct tenon_request){.node = node,
                                  .operation = TENON_OP_WRITE,
                                  .address = SCRATCH_AT,
                                  .width = 2,
                                  .data = {value, value}};
}

static struct tenon_request table_read(uint32_t node)
{
    return (struct tenon_request){
        .node = node, .operation = TENON_OP_READ, .address = SCRATCH_AT, .width = 2};
}

static struct tenon_request table_torque_off(uint32_t node)
{
    table_of(node)[TORQUE_AT] = 1;
    return (struct tenon_request){
        .node = node, .operation = TENON_OP_TORQUE_OFF, .address = TORQUE_AT, .width = 1};
}

static bool table_is_written(uint32_t node, uint8_t value)
{
    return is_full(table_of(node) + SCRATCH_AT, 2, value);
}

static bool table_is_off(uint32_t node)
{
    return table_of(node)[TORQUE_AT] == 0;
}

/* All but the world and the name. */
static struct bus_subject table_subject(void)
{
    return (struct bus_subject){
        .measured = {table_in, 3, IN_WIDTH, table_measure, table_is_held},
        .other = {table_other, 1, 1, table_measure_other, table_is_other_held},
        .gaps = table_gaps,
        .out_fields = table_out,
        .out_count = 1,
        .out_width = OUT_WIDTH,
        .is_commanded = table_is_commanded,
        .write = table_write,
        .read = table_read,
        .torque_off = table_torque_off,
        .is_written = table_is_written,
        .is_off = table_is_off,
    };
}

/* The fake bus. */

static struct fake_wire fake;

static struct tenon_bus *fake_make(size_t memory_size)
{
    (void)memory_size;
    now = 0;
    fake_wire_init(&fake);
    fake.bus.base.module.state = TENON_MODULE_IDLE; /* the wire brought it up already */
    for (uint32_t node = 1; node <= BUS_SUBJECT_NODES; node++) {
        (void)fake_bus_add_node(&fake.bus, node);
    }
    return &fake.bus.base;
}

static struct tenon_line *fake_line_of(void)
{
    return &fake.line;
}

static tenon_ns_t fake_tick(void)
{
    now += TENON_US(100);
    return now;
}

static uint8_t *fake_table(uint32_t node)
{
    return fake.bus.nodes[node - 1].table;
}

static void fake_set_silent(uint32_t node, bool silent)
{
    fake.bus.nodes[node - 1].is_silent = silent;
}

static uint32_t fake_commands(uint32_t node)
{
    return fake.bus.nodes[node - 1].cyclic_write_count;
}

/* Dynamixel 2.0 on a memory line, whose far end is these tables. */

static struct tenon_dxl2_bus dxl2;
static uint8_t dxl2_memory[TENON_DXL2_BUS_MEMORY(BUS_SUBJECT_NODES)];
static struct tenon_memory_line line;
static struct dxl2_parser parser;
static uint8_t parser_bytes[512];
static struct {
    uint8_t table[TABLE_BYTES];
    uint32_t commands;
    bool is_silent;
} nodes[BUS_SUBJECT_NODES];

static struct tenon_bus *dxl2_make(size_t memory_size)
{
    now = 0;
    memset(nodes, 0, sizeof nodes);
    dxl2_parser_init(&parser, parser_bytes, sizeof parser_bytes, NULL, NULL);
    (void)tenon_memory_line_init(&line, 1000000);
    return tenon_dxl2_bus_init(&dxl2, dxl2_memory,
                               memory_size < sizeof dxl2_memory ? memory_size : sizeof dxl2_memory);
}

static void answer(uint32_t node, const uint8_t *data, size_t count)
{
    uint8_t frame[64];
    const int size = dxl2_encode_status(frame, sizeof frame, (uint8_t)node, 0, data, count);
    assert_true(size > 0);
    assert_int_equal(tenon_memory_line_far_write(&line, frame, (size_t)size, now), size);
}

static void obey_sync(const struct dxl2_packet *p)
{
    const uint16_t address = dxl2_load16(p->params);
    const size_t width = dxl2_load16(p->params + 2);
    const size_t step = p->instruction == DXL2_SYNC_READ ? 1 : 1 + width;
    for (size_t at = 4; at < p->param_count; at += step) {
        const uint8_t node = p->params[at];
        if (node < 1 || node > BUS_SUBJECT_NODES || nodes[node - 1].is_silent) {
            continue;
        }
        if (p->instruction == DXL2_SYNC_READ) {
            answer(node, nodes[node - 1].table + address, width);
        } else {
            memcpy(nodes[node - 1].table + address, p->params + at + 1, width);
            nodes[node - 1].commands++;
        }
    }
}

static void obey_request(const struct dxl2_packet *p)
{
    static const uint8_t model[] = {0xFC, 0x03, 45};
    if (p->id < 1 || p->id > BUS_SUBJECT_NODES || nodes[p->id - 1].is_silent) {
        return;
    }
    uint8_t *table = nodes[p->id - 1].table;
    if (p->instruction == DXL2_READ) {
        answer(p->id, table + dxl2_load16(p->params), dxl2_load16(p->params + 2));
    } else if (p->instruction == DXL2_PING) {
        answer(p->id, model, sizeof model);
    } else {
        if (p->instruction == DXL2_WRITE) {
            memcpy(table + dxl2_load16(p->params), p->params + 2, p->param_count - 2u);
        }
        answer(p->id, NULL, 0);
    }
}

static tenon_ns_t dxl2_tick(void)
{
    uint8_t bytes[256];
    struct dxl2_packet packet;
    now += TENON_US(100);
    const size_t count = tenon_memory_line_far_read(&line, bytes, sizeof bytes, now);
    assert_int_equal(dxl2_parser_feed(&parser, bytes, count), count);
    while (dxl2_parser_next(&parser, &packet)) {
        if (packet.id == DXL2_BROADCAST) {
            obey_sync(&packet);
        } else {
            obey_request(&packet);
        }
    }
    return now;
}

static struct tenon_line *dxl2_line(void)
{
    return &line.base;
}

static uint8_t *dxl2_table(uint32_t node)
{
    return nodes[node - 1].table;
}

static void dxl2_set_silent(uint32_t node, bool silent)
{
    nodes[node - 1].is_silent = silent;
}

static uint32_t dxl2_commands(uint32_t node)
{
    return nodes[node - 1].commands;
}

/* MIT mode on a line of CAN frames: no registers in the cycle, messages instead. */

#define OTHER_ID 0x123

static const struct tenon_field mit_in[] = {{MIT_FEEDBACK + 0x00, 8}};
static const struct tenon_field mit_other[] = {{MIT_FEEDBACK + OTHER_ID, 8}};
static const struct tenon_field mit_out[] = {{MIT_COMMAND, 8}};

static struct tenon_mit_bus mit;
static uint8_t mit_memory[TENON_MIT_BUS_MEMORY(BUS_SUBJECT_NODES)];
static struct fake_can_line can_line;
static struct fake_mit_world motors;

static struct tenon_bus *mit_make(size_t memory_size)
{
    now = 0;
    (void)fake_can_line_init(&can_line, 1000000);
    fake_mit_world_init(&motors, &can_line);
    for (uint8_t node = 1; node <= BUS_SUBJECT_NODES; node++) {
        (void)fake_mit_add(&motors, node, 0x00);
    }
    return tenon_mit_bus_init(&mit, mit_memory,
                              memory_size < sizeof mit_memory ? memory_size : sizeof mit_memory);
}

static struct tenon_line *mit_line(void)
{
    return &can_line.base;
}

static tenon_ns_t mit_tick(void)
{
    now += TENON_US(100);
    fake_mit_advance(&motors, now);
    return now;
}

static struct fake_mit *mit_motor(uint32_t node)
{
    return &motors.motors[node - 1];
}

static void mit_set_silent(uint32_t node, bool silent)
{
    mit_motor(node)->is_silent = silent;
}

static uint32_t mit_commands(uint32_t node)
{
    return mit_motor(node)->command_count;
}

static void mit_measure(uint32_t node, uint8_t value)
{
    mit_motor(node)->has_raw = true;
    memset(mit_motor(node)->raw, value, sizeof mit_motor(node)->raw);
}

static bool mit_is_held(uint32_t node, const uint8_t *window, uint8_t value)
{
    return (window[0] & 0x0Fu) == node && is_full(window + 1, 7, value);
}

static void mit_measure_other(uint32_t node, uint8_t value)
{
    mit_motor(node)->master_id = OTHER_ID;
    mit_measure(node, value);
}

static bool mit_is_commanded(uint32_t node, uint8_t value)
{
    return is_full(mit_motor(node)->command_bytes, 8, value);
}

static struct tenon_request mit_write(uint32_t node, uint8_t value)
{
    return (struct tenon_request){.node = node,
                                  .operation = TENON_OP_WRITE,
                                  .address = 4, /* acceleration */
                                  .width = 4,
                                  .data = {value, value, value, value}};
}

static struct tenon_request mit_read(uint32_t node)
{
    return (struct tenon_request){
        .node = node, .operation = TENON_OP_READ, .address = 4, .width = 4};
}

static struct tenon_request mit_torque_off(uint32_t node)
{
    mit_motor(node)->status = MIT_ENABLED;
    return (struct tenon_request){.node = node, .operation = TENON_OP_TORQUE_OFF};
}

static bool mit_is_written(uint32_t node, uint8_t value)
{
    return is_full(mit_motor(node)->registers[4], 4, value);
}

static bool mit_is_off(uint32_t node)
{
    return mit_motor(node)->status == MIT_DISABLED;
}

static int run_fake(void)
{
    struct bus_subject subject = table_subject();
    subject.name = "fake bus";
    subject.make = fake_make;
    subject.line = fake_line_of;
    subject.tick = fake_tick;
    subject.set_silent = fake_set_silent;
    subject.commands = fake_commands;
    subject.is_simple = true;
    table_of = fake_table;
    return bus_conformance_run(&subject);
}

static int run_dxl2(void)
{
    struct bus_subject subject = table_subject();
    subject.name = "Dynamixel 2.0 bus";
    subject.make = dxl2_make;
    subject.line = dxl2_line;
    subject.tick = dxl2_tick;
    subject.set_silent = dxl2_set_silent;
    subject.commands = dxl2_commands;
    subject.node_max = DXL2_ID_MAX;
    table_of = dxl2_table;
    return bus_conformance_run(&subject);
}

static int run_mit(void)
{
    const struct bus_subject subject = {
        .name = "MIT bus",
        .make = mit_make,
        .line = mit_line,
        .tick = mit_tick,
        .set_silent = mit_set_silent,
        .measured = {mit_in, 1, 8, mit_measure, mit_is_held},
        .other = {mit_other, 1, 8, mit_measure_other, mit_is_held},
        .out_fields = mit_out,
        .out_count = 1,
        .out_width = 8,
        .commands = mit_commands,
        .is_commanded = mit_is_commanded,
        .write = mit_write,
        .read = mit_read,
        .torque_off = mit_torque_off,
        .is_written = mit_is_written,
        .is_off = mit_is_off,
        .node_max = MIT_NODE_MAX,
        .has_no_reboot = true,
    };
    return bus_conformance_run(&subject);
}

int main(void)
{
    int failed = run_fake();
    failed += run_dxl2();
    return failed + run_mit();
}
