/*
 * Input: a byte of flags, then what is handed back as saved joints. Whatever it is, joints are
 * restored as a whole or left alone, and what was restored can be saved and restored again.
 */
#include "rig.h"

#include "tenon/persist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(expr) ((expr) ? (void)0 : give_up(#expr, __LINE__))

enum { JOINTS = 2, ROOM = 1024, FLAG_MEND = 1, FLAG_NAME = 2, SIZE = TENON_PERSIST_SIZE(2, 2) };

static struct rig rig;

static void give_up(const char *expr, int line)
{
    (void)fprintf(stderr, "line %d: %s\n", line, expr);
    abort();
}

static void make(void)
{
    rig_make(&rig, JOINTS);
    (void)rig_motor_init(&rig.motors[1], TENON_MODE_EXTENDED_POSITION);
    rig_add(&rig);
    for (unsigned i = 0; i < JOINTS; i++) {
        rig.joints[i].zero_rad = 0.5;
        rig.motors[i].base.module.state = TENON_MODULE_READY;
        rig.motors[i].base.state.valid = TENON_VALID_POSITION;
    }
}

static void store(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* Give it the right size and sum, which chance never does. */
static void mend(uint8_t *bytes, size_t size)
{
    if (size < 16) {
        return;
    }
    static const uint8_t head[6] = {'t', 'n', 'o', 'n', TENON_PERSIST_VERSION, 0};
    memcpy(bytes, head, sizeof head);
    store(bytes + 8, (uint32_t)size);
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < 8 * (size - 4); i++) {
        const uint32_t bit = (crc ^ (uint32_t)(bytes[i / 8] >> (i % 8))) & 1u;
        crc = (crc >> 1) ^ (bit != 0 ? 0xEDB88320u : 0u);
    }
    store(bytes + size - 4, ~crc);
}

/* Put in what no fuzzer guesses: hashes and nodes of these joints. */
static void name(uint8_t *bytes, size_t size)
{
    uint8_t own[SIZE];
    CHECK(tenon_persist_save(rig.members, JOINTS, own, sizeof own, NULL) == SIZE);
    for (size_t at = 12; size >= SIZE && at < SIZE - 4; at += 36) {
        memcpy(bytes + at, own + at, 8);
        memcpy(bytes + at + 16, own + at + 16, 8);
    }
}

static void check_restored(void)
{
    uint8_t again[SIZE];
    const double zeroes[JOINTS] = {rig.joints[0].zero_rad, rig.joints[1].zero_rad};
    CHECK(tenon_persist_save(rig.members, JOINTS, again, sizeof again, NULL) == SIZE);
    make();
    CHECK(tenon_persist_restore(rig.members, JOINTS, again, sizeof again, NULL) == TENON_OK);
    for (unsigned i = 0; i < JOINTS; i++) {
        CHECK(!(zeroes[i] < rig.joints[i].zero_rad) && !(zeroes[i] > rig.joints[i].zero_rad));
        CHECK(zeroes[i] - zeroes[i] <= 0.0); /* finite */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tenon_diag why;
    if (size < 1 || size > ROOM) {
        return 0;
    }
    uint8_t *const bytes = malloc(size); /* exactly, so that reading beyond is seen */
    const unsigned flags = data[0];
    CHECK(bytes != NULL);
    size--;
    memcpy(bytes, data + 1, size);
    make();
    if ((flags & FLAG_NAME) != 0) {
        name(bytes, size);
    }
    if ((flags & FLAG_MEND) != 0) {
        mend(bytes, size);
    }
    const int verified = tenon_persist_verify(rig.members, JOINTS, bytes, size, &why);
    CHECK(verified == TENON_OK || (why.code == verified && why.cause != TENON_CAUSE_NONE));
    const int rc = tenon_persist_restore(rig.members, JOINTS, bytes, size, &why);
    CHECK(why.code == rc);
    CHECK(verified != TENON_OK || rc == TENON_OK);
    if (rc == TENON_OK) {
        check_restored();
    } else {
        for (unsigned i = 0; i < JOINTS; i++) {
            CHECK(rig.joints[i].zero_rad >= 0.5 && rig.joints[i].zero_rad <= 0.5); /* as it was */
        }
    }
    free(bytes);
    return 0;
}
