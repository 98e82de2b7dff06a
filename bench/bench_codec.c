/*
 * Receiving status packets of 21 bytes: bench_codec PACKETS (a multiple of 32)
 *
 * They arrive 32 at a time and are fetched until there are none. The difference of two runs of
 * different length under `valgrind --tool=callgrind --toggle-collect=dxl2_parser_next` is what CRC
 * and parsing cost.
 */
#include "dxl2_packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32, PARAMS = 10, SIZE = DXL2_STATUS_SIZE(PARAMS) };

static uint8_t input[BATCH * SIZE];

static void encode_batch(uint8_t *bytes)
{
    for (size_t i = 0; i < BATCH; i++) {
        uint8_t params[PARAMS];
        for (size_t k = 0; k < PARAMS; k++) {
            params[k] = (uint8_t)(i * 31 + k * 7);
        }
        (void)dxl2_encode_status(bytes + i * SIZE, SIZE, (uint8_t)(i + 1), 0, params, PARAMS);
    }
}

int main(int argc, char **argv)
{
    static uint8_t batch[BATCH * SIZE];
    const unsigned long wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : 32;
    unsigned long found = 0;
    struct dxl2_parser parser;
    struct dxl2_packet packet;
    encode_batch(batch);
    dxl2_parser_init(&parser, input, sizeof input, NULL, NULL);
    for (unsigned long fed = 0; fed < wanted; fed += BATCH) {
        (void)dxl2_parser_feed(&parser, batch, sizeof batch);
        while (dxl2_parser_next(&parser, &packet)) {
            found += packet.param_count == PARAMS ? 1 : 0;
        }
    }
    if (found != wanted || parser.skipped_bytes != 0) {
        fprintf(stderr, "bench_codec: %lu of %lu\n", found, wanted);
        return 1;
    }
    return 0;
}
