/*
 * The board of an MPS2 with a Cortex-M4F (QEMU: mps2-an386), as an example of a board: SysTick for
 * time, UART 0. It has no DMA, so the receive interrupt does what a DMA would do, and takes every
 * byte for the end of a burst. What starts the processor is in tests/embedded; yours comes from the
 * maker of the chip.
 */
#include "board.h"

#define SYST_CSR   (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR   (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR   (*(volatile uint32_t *)0xE000E018u)
#define NVIC_ISER0 (*(volatile uint32_t *)0xE000E100u)
#define NVIC_ICER0 (*(volatile uint32_t *)0xE000E180u)

#define UART_DATA    (*(volatile uint32_t *)0x40004000u)
#define UART_CTRL    (*(volatile uint32_t *)0x40004008u)
#define UART_INT     (*(volatile uint32_t *)0x4000400Cu)
#define UART_BAUDDIV (*(volatile uint32_t *)0x40004010u)
#define UART_TX      1u /* bits of CTRL and INT */
#define UART_RX      2u
#define UART_TX_INT  4u
#define UART_RX_INT  8u
#define UART_IRQS    3u /* 0: received, 1: sent */

#define CLOCK_HZ     BOARD_TICKS_PER_S
#define TICKS_PER_MS (CLOCK_HZ / 1000u)
#define NS_PER_TICK  (1000000000u / CLOCK_HZ)

static volatile uint32_t milliseconds; /* 49 days; make it 64 bits where that is too little */
static volatile bool is_woken;
static uint8_t *ring;
static size_t ring_size;
static volatile size_t ring_position;
static const uint8_t *volatile sending;
static volatile size_t left_to_send;

void board_systick_isr(void);
void board_uart_rx_isr(void);
void board_uart_tx_isr(void);
int main(void);

/* --- time --- */

void board_systick_isr(void)
{
    milliseconds++;
}

/* Both parts of one and the same millisecond. */
tenon_ns_t board_now(void)
{
    uint32_t ms, left;
    do {
        ms = milliseconds;
        left = SYST_CVR;
    } while (ms != milliseconds);
    return TENON_MS((tenon_ns_t)ms) + (tenon_ns_t)((TICKS_PER_MS - 1u - left) * NS_PER_TICK);
}

void board_wait(tenon_ns_t until)
{
    while (!is_woken && board_now() < until) {
        __asm__ volatile("wfi"); /* SysTick ends it after a millisecond at the latest */
    }
    is_woken = false;
}

void board_wake(void)
{
    is_woken = true;
}

uint32_t board_ticks(void)
{
    return (uint32_t)(board_now() / NS_PER_TICK);
}

void board_panic(uint32_t module, uint32_t id)
{
    (void)module;
    (void)id;
    board_uart_close(); /* the servos' own watchdogs stop them */
    for (;;) {
    }
}

/* --- the UART --- */

bool board_uart_open(uint32_t baud, uint8_t *buffer, size_t size)
{
    ring = buffer;
    ring_size = size;
    ring_position = 0;
    left_to_send = 0;
    UART_BAUDDIV = CLOCK_HZ / baud;
    UART_CTRL = UART_TX | UART_RX | UART_TX_INT | UART_RX_INT;
    NVIC_ISER0 = UART_IRQS;
    return CLOCK_HZ / baud >= 16u;
}

void board_uart_close(void)
{
    NVIC_ICER0 = UART_IRQS;
    UART_CTRL = 0;
}

size_t board_uart_position(void)
{
    return ring_position;
}

void board_uart_rx_isr(void)
{
    UART_INT = UART_RX;
    ring[ring_position] = (uint8_t)UART_DATA;
    ring_position = (ring_position + 1u) % ring_size;
    firmware_uart_received();
}

void board_uart_send(const uint8_t *bytes, size_t count)
{
    sending = bytes + 1;
    left_to_send = count;
    UART_DATA = bytes[0]; /* the interrupt does the rest */
}

void board_uart_tx_isr(void)
{
    UART_INT = UART_TX;
    if (left_to_send == 0) {
        return;
    }
    if (--left_to_send == 0) {
        firmware_uart_sent();
    } else {
        UART_DATA = *sending++;
    }
}

int main(void)
{
    SYST_RVR = TICKS_PER_MS - 1u;
    SYST_CVR = 0;
    SYST_CSR = 7u; /* processor clock, interrupt, on */
    firmware_task();
    return 0;
}
