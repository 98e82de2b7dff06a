/* Start of a program on a RISC-V: the emulator has loaded everything where it belongs. */
#include "machine.h"

#include <stdint.h>
#include <string.h>

extern uint8_t image_bss[], image_bss_end[];

int main(void);
_Noreturn void image_start(void);
_Noreturn void image_die(void);

__asm__(".section .vectors, \"ax\"\n"
        ".globl image_entry\n"
        "image_entry:\n"
        "    .option push\n"
        "    .option norelax\n"
        "    la gp, __global_pointer$\n"
        "    .option pop\n"
        "    la sp, image_stack_top\n"
        "    la t0, image_die\n"
        "    csrw mtvec, t0\n"
        "    j image_start\n"
        ".text\n");

_Noreturn void image_start(void)
{
    (void)memset(image_bss, 0, (size_t)(image_bss_end - image_bss));
    machine_exit(main());
}

__attribute__((aligned(4))) _Noreturn void image_die(void)
{
    machine_print("a fault of the processor\n");
    machine_exit(3);
}
