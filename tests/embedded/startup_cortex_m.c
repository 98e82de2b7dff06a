/* Start of a program on a Cortex-M: memory as C wants it, floating point on, then main. */
#include "machine.h"

#include <stdint.h>
#include <string.h>

#define CPACR     (*(volatile uint32_t *)0xE000ED88u)
#define CP10_CP11 (0xFu << 20) /* the floating-point unit */
#define FAULTS    13           /* of the processor itself, ahead of its clock */

extern uint8_t image_stack_top[], image_data[], image_data_end[], image_data_load[];
extern uint8_t image_bss[], image_bss_end[];

int main(void);
_Noreturn void image_start(void);

_Noreturn void image_start(void)
{
#if defined(__ARM_FP)
    CPACR |= CP10_CP11;
    __asm__ volatile("dsb\nisb" ::: "memory");
#endif
    (void)memcpy(image_data, image_data_load, (size_t)(image_data_end - image_data));
    (void)memset(image_bss, 0, (size_t)(image_bss_end - image_bss));
    machine_exit(main());
}

void image_die(void);
void image_die(void)
{
    machine_print("a fault of the processor, or an interrupt nobody asked for\n");
    machine_exit(3);
}

/* A board that uses these defines them. */
void board_systick_isr(void) __attribute__((weak, alias("image_die")));
void board_uart_rx_isr(void) __attribute__((weak, alias("image_die")));
void board_uart_tx_isr(void) __attribute__((weak, alias("image_die")));

#define DIE image_die
struct vectors {
    const void *stack_top;
    void (*start)(void);
    void (*faults[FAULTS])(void);
    void (*systick)(void);
    void (*interrupts[2])(void); /* of an MPS2: UART 0 */
};

extern const struct vectors image_vectors;
const struct vectors image_vectors __attribute__((section(".vectors"), used)) = {
    .stack_top = image_stack_top,
    .start = image_start,
    .faults = {DIE, DIE, DIE, DIE, DIE, DIE, DIE, DIE, DIE, DIE, DIE, DIE, DIE},
    .systick = board_systick_isr,
    .interrupts = {board_uart_rx_isr, board_uart_tx_isr},
};
