/* The serial line runs on pseudo-terminals, twice: see tests/CMakeLists.txt. */
#define _GNU_SOURCE
#include "line_conformance.h"

#include "../fakes/fake_line.h"
#include "../tenon_test.h"
#include "tenon/drivers/memory_can_line.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/drivers/serialport_line.h"
#include "tenon/drivers/slcan_line.h"

#include "slcan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static tenon_ns_t now;

static tenon_ns_t simulated_tick(void)
{
    now += TENON_MS(1);
    return now;
}

/* The memory line. */

static struct tenon_memory_line memory;

static struct tenon_line *memory_make(void)
{
    now = 0;
    return tenon_memory_line_init(&memory, 1000000);
}

static size_t memory_far_read(uint8_t *out_bytes, size_t capacity)
{
    return tenon_memory_line_far_read(&memory, out_bytes, capacity, now);
}

static void memory_far_write(const uint8_t *bytes, size_t count)
{
    assert_int_equal(tenon_memory_line_far_write(&memory, bytes, count, now), count);
}

static void memory_set_unplugged(bool unplugged)
{
    tenon_memory_line_set_unplugged(&memory, unplugged);
}

/* The CAN line in memory. */

static struct tenon_memory_can_line memory_can;
static struct tenon_memory_can_entry memory_can_entries[600];

static struct tenon_line *memory_can_make(void)
{
    now = 0;
    return tenon_memory_can_line_init(&memory_can, 1000000, memory_can_entries, 600);
}

static size_t memory_can_far_read(uint8_t *out_bytes, size_t capacity)
{
    struct tenon_can_frame frame;
    size_t count = 0;
    while (count + sizeof frame <= capacity &&
           tenon_memory_can_line_far_read(&memory_can, &frame, now, NULL)) {
        memcpy(out_bytes + count, &frame, sizeof frame);
        count += sizeof frame;
    }
    return count;
}

static void memory_can_far_write(const uint8_t *bytes, size_t count)
{
    struct tenon_can_frame frame;
    for (size_t i = 0; i < count; i += sizeof frame) {
        memcpy(&frame, bytes + i, sizeof frame);
        assert_true(tenon_memory_can_line_far_write(&memory_can, &frame, now));
    }
}

static void memory_can_set_unplugged(bool unplugged)
{
    tenon_memory_can_line_set_unplugged(&memory_can, unplugged);
}

/* The fake. It takes 50 bytes at once and keeps them until they are read. */

static struct fake_line fake;

static struct tenon_line *fake_make(void)
{
    now = 0;
    struct tenon_line *line = fake_line_init(&fake, 1000000);
    fake.write_limit = 50;
    fake.fault_at = UINT32_MAX;
    return line;
}

static size_t fake_far_read(uint8_t *out_bytes, size_t capacity)
{
    const size_t count = fake.sent_count < capacity ? fake.sent_count : capacity;
    memcpy(out_bytes, fake.sent, count);
    fake.sent_count -= count;
    memmove(fake.sent, fake.sent + count, fake.sent_count);
    return count;
}

static void fake_far_write(const uint8_t *bytes, size_t count)
{
    fake_line_put(&fake, bytes, count, now);
}

/* The serial line, on a pseudo-terminal behind a link that stays as ports come and go. */

static struct tenon_serialport_line serial;
static char directory[] = "/tmp/tenon_line_XXXXXX";
static char link_path[sizeof directory + 8];
static int far_end = -1;

static void pty_set_unplugged(bool unplugged)
{
    char name[64];
    (void)unlink(link_path);
    if (far_end >= 0) {
        assert_int_equal(close(far_end), 0);
        far_end = -1;
    }
    if (unplugged) {
        return;
    }
    far_end = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(far_end >= 0);
    assert_int_equal(grantpt(far_end), 0);
    assert_int_equal(unlockpt(far_end), 0);
    assert_int_equal(ptsname_r(far_end, name, sizeof name), 0);
    assert_int_equal(symlink(name, link_path), 0);
}

static void serial_close(void)
{
    if (serial.base.module.driver != NULL) {
        serial.base.module.driver->lifecycle->release(&serial.base.module);
    }
}

static struct tenon_line *serial_make(void)
{
    serial_close();
    pty_set_unplugged(false);
    return tenon_serialport_line_init(&serial, link_path, 1000000);
}

static tenon_ns_t real_tick(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    struct timespec t;
    (void)nanosleep(&pause, NULL);
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return TENON_S((tenon_ns_t)t.tv_sec) + t.tv_nsec;
}

static size_t pty_far_read(uint8_t *out_bytes, size_t capacity)
{
    const ssize_t count = read(far_end, out_bytes, capacity);
    return count > 0 ? (size_t)count : 0;
}

static void pty_far_write(const uint8_t *bytes, size_t count)
{
    assert_int_equal(write(far_end, bytes, count), count);
}

/* The SLCAN line: an adapter in front of nothing, on a memory line or on a pseudo-terminal. */

#define ADAPTER_FRAMES 8192

static struct tenon_slcan_line slcan;
static struct {
    size_t (*get)(uint8_t *out_characters, size_t capacity);
    void (*put)(const uint8_t *characters, size_t count);
    bool is_silent;
    uint8_t text[SLCAN_TEXT_MAX];
    struct slcan_parser parser;
    struct tenon_can_frame frames[ADAPTER_FRAMES];
    size_t count;
} adapter;

static void adapter_take(uint8_t character)
{
    struct tenon_can_frame frame;
    const enum slcan_event event = slcan_push(&adapter.parser, character, &frame);
    if (event == SLCAN_FRAME) {
        assert_true(adapter.count < ADAPTER_FRAMES);
        adapter.frames[adapter.count++] = frame;
    }
    if (event != SLCAN_NONE && !adapter.is_silent) {
        const bool is_frame = event == SLCAN_FRAME;
        adapter.put((const uint8_t *)(is_frame ? "z\r" : "\r"), is_frame ? 2 : 1);
    }
}

static void adapter_serve(void)
{
    uint8_t characters[64];
    size_t count = 0;
    do {
        count = adapter.get(characters, sizeof characters);
        for (size_t i = 0; i < count; i++) {
            adapter_take(characters[i]);
        }
    } while (count > 0);
}

static size_t slcan_far_read(uint8_t *out_bytes, size_t capacity)
{
    const size_t size = sizeof adapter.frames[0];
    const size_t room = capacity / size;
    const size_t count = adapter.count < room ? adapter.count : room;
    memcpy(out_bytes, adapter.frames, count * size);
    adapter.count -= count;
    memmove(adapter.frames, adapter.frames + count, adapter.count * size);
    return count * size;
}

static void slcan_far_write(const uint8_t *bytes, size_t count)
{
    struct tenon_can_frame frame;
    for (size_t i = 0; i < count; i += sizeof frame) {
        uint8_t characters[SLCAN_FRAME_MAX];
        memcpy(&frame, bytes + i, sizeof frame);
        adapter.put(characters, slcan_encode(characters, &frame));
    }
}

static struct tenon_line *slcan_make(struct tenon_line *port)
{
    adapter.count = 0;
    adapter.parser = (struct slcan_parser){.text = adapter.text};
    return tenon_slcan_line_init(&slcan, port, 1000000);
}

static struct tenon_line *slcan_memory_make(void)
{
    return slcan_make(memory_make());
}

static tenon_ns_t slcan_memory_tick(void)
{
    (void)simulated_tick();
    adapter_serve();
    return now;
}

static struct tenon_line *slcan_pty_make(void)
{
    return slcan_make(serial_make());
}

static tenon_ns_t slcan_pty_tick(void)
{
    adapter_serve();
    return real_tick();
}

static int run_slcan_in_memory(bool is_silent)
{
    const struct line_subject subject = {
        .name = is_silent ? "SLCAN line, silent adapter" : "SLCAN line, adapter that answers",
        .make = slcan_memory_make,
        .tick = slcan_memory_tick,
        .far_read = slcan_far_read,
        .far_write = slcan_far_write,
        .set_unplugged = memory_set_unplugged,
    };
    adapter.get = memory_far_read;
    adapter.put = memory_far_write;
    adapter.is_silent = is_silent;
    return line_conformance_run(&subject);
}

static int run_slcan_on_pty(void)
{
    const struct line_subject subject = {
        .name = "SLCAN line on a serial line",
        .make = slcan_pty_make,
        .tick = slcan_pty_tick,
        .far_read = slcan_far_read,
        .far_write = slcan_far_write,
        .set_unplugged = pty_set_unplugged,
        .has_descriptor = true,
    };
    adapter.get = pty_far_read;
    adapter.put = pty_far_write;
    adapter.is_silent = true; /* an answer would wake who waits for frames */
    return line_conformance_run(&subject);
}

static int run_serial(void)
{
    const struct line_subject subject = {
        .name = getenv("LD_PRELOAD") != NULL ? "serial line, preloaded" : "serial line",
        .make = serial_make,
        .tick = real_tick,
        .far_read = pty_far_read,
        .far_write = pty_far_write,
        .set_unplugged = pty_set_unplugged,
        .has_descriptor = true,
    };
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    (void)snprintf(link_path, sizeof link_path, "%s/tty", directory);
    const int failed = line_conformance_run(&subject) + run_slcan_on_pty();
    serial_close();
    pty_set_unplugged(true);
    (void)rmdir(directory);
    return failed;
}

int main(void)
{
    const struct line_subject memory_subject = {
        .name = "memory line",
        .make = memory_make,
        .tick = simulated_tick,
        .far_read = memory_far_read,
        .far_write = memory_far_write,
        .set_unplugged = memory_set_unplugged,
    };
    const struct line_subject memory_can_subject = {
        .name = "memory CAN line",
        .make = memory_can_make,
        .tick = simulated_tick,
        .far_read = memory_can_far_read,
        .far_write = memory_can_far_write,
        .set_unplugged = memory_can_set_unplugged,
    };
    const struct line_subject fake_subject = {
        .name = "fake line",
        .make = fake_make,
        .tick = simulated_tick,
        .far_read = fake_far_read,
        .far_write = fake_far_write,
        .keeps_no_books = true,
    };
    return line_conformance_run(&memory_subject) + line_conformance_run(&memory_can_subject) +
           line_conformance_run(&fake_subject) + run_slcan_in_memory(false) +
           run_slcan_in_memory(true) + run_serial();
}
