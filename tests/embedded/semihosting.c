/* Calls that an emulator or a debugger answers. */
#include "machine.h"

#include <stdint.h>
#include <stdio.h>

#define SYS_WRITE0        0x04
#define SYS_EXIT_EXTENDED 0x20
#define EXIT_OF_PROGRAM   0x20026

#if defined(__riscv)
/* The emulator knows the call by the two instructions around it; none of them may be a short one.
 */
static void call(uintptr_t operation, uintptr_t argument)
{
    register uintptr_t a0 __asm__("a0") = operation;
    register uintptr_t a1 __asm__("a1") = argument;
    __asm__ volatile(".balign 16\n"
                     ".option push\n"
                     ".option norvc\n"
                     "slli x0, x0, 0x1f\n"
                     "ebreak\n"
                     "srai x0, x0, 7\n"
                     ".option pop\n"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
}
#else
static void call(uintptr_t operation, uintptr_t argument)
{
    register uintptr_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}
#endif

void machine_print(const char *text)
{
    call(SYS_WRITE0, (uintptr_t)text);
}

int puts(const char *text)
{
    machine_print(text);
    machine_print("\n");
    return 0;
}

_Noreturn void machine_exit(int code)
{
    const uintptr_t block[2] = {EXIT_OF_PROGRAM, (uintptr_t)code};
    call(SYS_EXIT_EXTENDED, (uintptr_t)block);
    for (;;) {
    }
}
