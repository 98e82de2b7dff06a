/*
 * Cycles of the Dynamixel bus alone: bench_bus SERVOS CYCLES [shuffled]
 *
 * Each servo is read 10 bytes and written 4. The line hands out answers encoded beforehand. The
 * difference of two runs of different length under `valgrind --tool=callgrind
 * --toggle-collect=run_cycle` is what cycles cost, the line's two copies included; prints what was
 * exchanged, so that a run that exchanged nothing cannot pass for a fast one.
 */
#include "dxl2_packet.h"
#include "tenon/drivers/dxl2_bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVOS_MAX = 64, IN_WIDTH = 10, OUT_WIDTH = 4 };

struct loopback_line {
    struct tenon_line base;
    uint8_t answers[SERVOS_MAX * DXL2_STATUS_SIZE(IN_WIDTH)];
    size_t answer_bytes;
    bool is_asked;
};

__attribute__((noinline)) void
run_cycle(struct tenon_bus *bus, struct tenon_line *line, uint32_t cycle, tenon_ns_t now);

static int
loopback_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    struct loopback_line *self = TENON_CONTAINER_OF(base, struct loopback_line, base);
    (void)now;
    if (!self->is_asked) {
        return 0;
    }
    self->is_asked = false;
    const size_t count = self->answer_bytes < capacity ? self->answer_bytes : capacity;
    memcpy(out_bytes, self->answers, count);
    return (int)count;
}

static int
loopback_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct loopback_line *self = TENON_CONTAINER_OF(base, struct loopback_line, base);
    (void)bytes;
    (void)now;
    self->is_asked = true;
    return (int)count;
}

static const struct tenon_line_api line_api = {
    .head = TENON_API_HEAD(struct tenon_line_api), .read = loopback_read, .write = loopback_write};
static const struct tenon_driver line_driver = {.head = TENON_API_HEAD(struct tenon_driver),
                                                .name = "loopback_line",
                                                .role = TENON_ROLE_LINE,
                                                .instance_size = sizeof(struct loopback_line),
                                                .api = &line_api.head};

static struct tenon_dxl2_bus bus;
static struct tenon_bus_device devices[SERVOS_MAX];
static struct loopback_line line;
static uint8_t memory[TENON_DXL2_BUS_MEMORY(SERVOS_MAX)];

static void encode_answers(size_t count, bool is_shuffled)
{
    for (size_t i = 0; i < count; i++) {
        const size_t servo =
            is_shuffled ? (i * 37 + 11) % count : i; /* 37 divides no count in use */
        uint8_t data[IN_WIDTH];
        for (size_t k = 0; k < sizeof data; k++) {
            data[k] = (uint8_t)(servo * 31 + k * 7);
        }
        const int size = dxl2_encode_status(line.answers + line.answer_bytes,
                                            sizeof line.answers - line.answer_bytes,
                                            (uint8_t)(servo + 1), 0, data, sizeof data);
        line.answer_bytes += size > 0 ? (size_t)size : 0;
    }
}

static int attach_all(const struct tenon_bus_api *api, size_t count)
{
    static const struct tenon_field in_fields[] = {{126, 2}, {128, 4}, {132, 4}};
    static const struct tenon_field out_fields[] = {{116, 4}};
    int rc = TENON_OK;
    for (size_t i = 0; i < count && rc == TENON_OK; i++) {
        devices[i] = (struct tenon_bus_device){.node = (uint32_t)(i + 1),
                                               .in_fields = in_fields,
                                               .in_count = 3,
                                               .out_fields = out_fields,
                                               .out_count = 1,
                                               .divisor = 1,
                                               .is_listening = true};
        rc = api->attach(&bus.base, &devices[i]);
    }
    return rc;
}

void run_cycle(struct tenon_bus *base, struct tenon_line *to, uint32_t cycle, tenon_ns_t now)
{
    const struct tenon_bus_api *api = tenon_bus_get_api(base);
    tenon_ns_t deadline = TENON_NEVER;
    api->stage(base, cycle, now);
    (void)api->poll(base, to, now, &deadline);
    (void)api->poll(base, to, deadline, &deadline);
}

int main(int argc, char **argv)
{
    const long count = argc > 1 ? strtol(argv[1], NULL, 10) : 12;
    const long cycles = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;
    if (count < 1 || count > SERVOS_MAX || cycles < 1) {
        fprintf(stderr, "usage: bench_bus SERVOS CYCLES [shuffled]\n");
        return 2;
    }
    struct tenon_bus *base = tenon_dxl2_bus_init(&bus, memory, sizeof memory);
    if (base == NULL || attach_all(tenon_bus_get_api(base), (size_t)count) != TENON_OK) {
        return 1;
    }
    line.base.module.driver = &line_driver;
    line.base.baud = 1000000;
    encode_answers((size_t)count, argc > 3);
    for (uint32_t cycle = 1; cycle <= (uint32_t)cycles; cycle++) {
        for (size_t i = 0; i < (size_t)count; i++) {
            devices[i].out[0] = (uint8_t)cycle;
            devices[i].out_is_fresh = true;
        }
        run_cycle(base, &line.base, cycle, TENON_MS(1000) * cycle);
    }
    printf("bus.samples.%ld %lu count\n", count, (unsigned long)devices[count - 1].in_sequence);
    return devices[count - 1].in_sequence == (uint32_t)cycles ? 0 : 1;
}
