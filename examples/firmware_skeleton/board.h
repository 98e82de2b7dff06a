/** @file board.h @brief All that the skeleton asks of a board: fill these in for yours. */
#ifndef BOARD_H
#define BOARD_H

#include "tenon/base.h"

/* --- time, and the task that waits for it --- */

/** Nanoseconds since start; never runs backwards. Called by the task. */
tenon_ns_t board_now(void);
/**
 * Let other tasks run until `until` or until board_wake() is called, whichever is first; a call
 * since the last wait counts. FreeRTOS: ulTaskNotifyTake(pdTRUE, ticks until then, rounded up).
 */
void board_wait(tenon_ns_t until);
/** From an interrupt: end the wait. FreeRTOS: vTaskNotifyGiveFromISR(). */
void board_wake(void);
/** A free-running counter, BOARD_TICKS_PER_S: the cycle counter of the processor will do. */
uint32_t board_ticks(void);
#define BOARD_TICKS_PER_S 25000000u
/** The library found an error of its own: take power from the motors, do not return. */
void board_panic(uint32_t module, uint32_t id);

/* --- the UART that the servos hang on --- */

/**
 * Set the speed, and let the DMA fill the ring over and over (circular mode). From then on these
 * interrupts call firmware_uart_received(): line idle, half of the ring filled, ring filled.
 * @return Whether the UART can do this speed.
 */
bool board_uart_open(uint32_t baud, uint8_t *ring, size_t size);
/** No further interrupts. */
void board_uart_close(void);
/** Where in the ring the DMA writes next: size less its counter of what is left. From interrupts.
 */
size_t board_uart_position(void);
/**
 * Send by DMA; `bytes` stay as they are until all have left. With a transceiver that must be
 * switched: drive the bus now, release it when the last stop bit is out (transmission complete, not
 * DMA complete), and call firmware_uart_sent() then.
 */
void board_uart_send(const uint8_t *bytes, size_t count);

/* --- what the board calls --- */

/** The task: never returns. FreeRTOS: xTaskCreate() with a stack of 2 KiB and more. */
void firmware_task(void);
/** From the UART's interrupts, see board_uart_open(). */
void firmware_uart_received(void);
/** From the UART's interrupt, see board_uart_send(). */
void firmware_uart_sent(void);

#endif
