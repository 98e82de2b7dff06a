/**
 * @file uart_dma_line.h
 * @brief A line on a UART whose DMA fills a ring and whose interrupt tells when the line falls
 * idle.
 */
#ifndef UART_DMA_LINE_H
#define UART_DMA_LINE_H

#include "tenon/line.h"

/** Longer than what arrives while the task cannot run: 5 ms at 1 Mbit/s. A power of two. */
#define UART_DMA_RING 512u
/** Longer than the longest transmission: sync write and sync read of some twenty servos. */
#define UART_DMA_SEND 256u

/** Storage is the caller's, static: the DMA writes into it. */
struct uart_dma_line {
    struct tenon_line base; /**< First, so that &l.base is the handle. */
    uint32_t overrun_count; /**< Times that bytes were lost because nobody read. Only rises. */
    /* private */
    uint8_t ring[UART_DMA_RING];
    uint8_t sending[UART_DMA_SEND];
    uint32_t received; /* bytes so far; written by the interrupt, modulo 2^32 */
    uint32_t taken;    /* of these; written by the task */
    uint32_t is_sending;
};

/** Make a line; the port is opened when the scheduler probes it. @context setup */
struct tenon_line *uart_dma_line_init(struct uart_dma_line *self, uint32_t baud);
/** The DMA has come to this place of the ring. @context isr */
void uart_dma_line_received(struct uart_dma_line *self, size_t position);
/** All has left. @context isr */
void uart_dma_line_sent(struct uart_dma_line *self);

#endif
