/* Start of a program on a Cortex-M: memory as C wants it, floating point on, then main. */
#include "machine.h"

#include <stdint.h>
#include <string.h>

#define CPACR     (*(volatile uint32_t *)0xE000ED88u)
#define CP10_CP11 (0xFu << 20) /* the floating-point unit */
#define HANDLERS  14           /* of the processor itself */

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

static void die(void)
{
    machine_print("a fault of the processor\n");
    machine_exit(3);
}

struct vectors {
    const void *stack_top;
    void (*start)(void);
    void (*handlers[HANDLERS])(void);
};

extern const struct vectors image_vectors;
const struct vectors image_vectors __attribute__((section(".vectors"), used)) = {
    .stack_top = image_stack_top,
    .start = image_start,
    .handlers = {die, die, die, die, die, die, die, die, die, die, die, die, die, die},
};
