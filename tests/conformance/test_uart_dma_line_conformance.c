/* The line of the example for firmware is held to what every line must do. */
#include "line_conformance.h"

#include "../tenon_test.h"
#include "examples/firmware_skeleton/uart_dma_line.c"

#define BYTE_NS 10000 /* at 1 Mbit/s */

static struct uart_dma_line line;
static tenon_ns_t now;

/* --- a board: what is sent has left after a while, what comes goes into the ring --- */

static uint8_t *ring;
static size_t ring_size;
static size_t position;
static const uint8_t *sending;
static size_t sending_count;
static tenon_ns_t sent_ns;
static uint8_t sent[65536];
static size_t sent_count;

bool board_uart_open(uint32_t baud, uint8_t *bytes, size_t size)
{
    (void)baud;
    ring = bytes;
    ring_size = size;
    position = 0;
    sending_count = 0;
    return true;
}

void board_uart_close(void)
{
    ring = NULL;
}

void board_uart_send(const uint8_t *bytes, size_t count)
{
    sending = bytes;
    sending_count = count;
    sent_ns = now + (tenon_ns_t)count * BYTE_NS;
}

static struct tenon_line *make(void)
{
    now = 0;
    sent_count = 0;
    return uart_dma_line_init(&line, 1000000);
}

static tenon_ns_t tick(void)
{
    now += TENON_MS(1);
    if (sending_count > 0 && now >= sent_ns) {
        assert_true(sent_count + sending_count <= sizeof sent);
        memcpy(sent + sent_count, sending, sending_count);
        sent_count += sending_count;
        sending_count = 0;
        uart_dma_line_sent(&line);
    }
    return now;
}

static size_t far_read(uint8_t *out_bytes, size_t capacity)
{
    const size_t count = sent_count < capacity ? sent_count : capacity;
    memcpy(out_bytes, sent, count);
    sent_count -= count;
    memmove(sent, sent + count, sent_count);
    return count;
}

/* The interrupts: half of the ring, all of it, and then idle. */
static void far_write(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ring[position] = bytes[i];
        position = (position + 1) % ring_size;
        if (position % (ring_size / 2) == 0) {
            uart_dma_line_received(&line, position);
        }
    }
    uart_dma_line_received(&line, position);
}

int main(void)
{
    const struct line_subject subject = {.name = "uart_dma_line",
                                         .make = make,
                                         .tick = tick,
                                         .far_read = far_read,
                                         .far_write = far_write};
    return line_conformance_run(&subject);
}
