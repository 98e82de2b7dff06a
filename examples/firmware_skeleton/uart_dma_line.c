#include "uart_dma_line.h"

#include "board.h"

#include <string.h>

/* The line falls idle one byte after the last; then the task has to get its turn. */
#define LATENCY_NS TENON_US(500)

static struct uart_dma_line *line_of(struct tenon_module *module)
{
    return TENON_CONTAINER_OF(module, struct uart_dma_line, base.module);
}

/* --- interrupts: one writer each, words of 32 bits, so no lock is needed --- */

/* Called at least once every half ring, so that a way of more than one lap cannot go unseen. */
void uart_dma_line_received(struct uart_dma_line *self, size_t position)
{
    const uint32_t way = ((uint32_t)position - self->received) % UART_DMA_RING;
    __atomic_store_n(&self->received, self->received + way, __ATOMIC_RELEASE);
}

void uart_dma_line_sent(struct uart_dma_line *self)
{
    __atomic_store_n(&self->is_sending, 0u, __ATOMIC_RELEASE);
}

/* --- the task --- */

static int line_probe(struct tenon_module *module, tenon_ns_t now)
{
    struct uart_dma_line *const self = line_of(module);
    (void)now;
    self->received = 0;
    self->taken = 0;
    self->is_sending = 0;
    if (!board_uart_open(self->base.baud, self->ring, sizeof self->ring)) {
        return tenon_module_refuse(module, TENON_ERR_UNSUPPORTED, TENON_CAUSE_BAUD_UNSUPPORTED,
                                   (float)self->base.baud, 0.0f);
    }
    return TENON_OK;
}

static void line_release(struct tenon_module *module)
{
    (void)module;
    board_uart_close();
}

static int line_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK; /* a line makes no torque */
}

static int line_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    struct uart_dma_line *const self = line_of(&base->module);
    const uint32_t received = __atomic_load_n(&self->received, __ATOMIC_ACQUIRE);
    size_t count = 0;
    (void)now;
    if (received - self->taken > UART_DMA_RING) { /* written over: begin anew with what comes */
        self->overrun_count++;
        self->taken = received;
    }
    while (count < capacity && self->taken != received) {
        out_bytes[count++] = self->ring[self->taken++ % UART_DMA_RING];
    }
    base->rx_bytes += count;
    return (int)count;
}

static int line_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct uart_dma_line *const self = line_of(&base->module);
    (void)now;
    base->tx_pending = count > 0;
    if (count == 0 || __atomic_load_n(&self->is_sending, __ATOMIC_ACQUIRE) != 0) {
        return 0; /* offered again when the board says that all has left */
    }
    const size_t taken = count < sizeof self->sending ? count : sizeof self->sending;
    memcpy(self->sending, bytes, taken);
    __atomic_store_n(&self->is_sending, 1u, __ATOMIC_RELEASE);
    board_uart_send(self->sending, taken);
    base->tx_pending = taken < count;
    base->tx_bytes += taken;
    return (int)taken;
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = line_probe,
    .make_safe = line_make_safe,
    .release = line_release,
};

static const struct tenon_line_api api = {
    .head = TENON_API_HEAD(struct tenon_line_api),
    .read = line_read,
    .write = line_write,
};

static const struct tenon_driver driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "uart_dma_line",
    .role = TENON_ROLE_LINE,
    .instance_size = sizeof(struct uart_dma_line),
    .lifecycle = &lifecycle,
    .api = &api.head,
};

struct tenon_line *uart_dma_line_init(struct uart_dma_line *self, uint32_t baud)
{
    memset(self, 0, sizeof *self);
    self->base.module.driver = &driver;
    self->base.port = "uart";
    self->base.baud = baud;
    self->base.fd = -1;
    self->base.latency_ns = LATENCY_NS;
    return &self->base;
}
