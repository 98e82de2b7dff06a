/* The machine a program of this folder runs on, by semihosting. */
#ifndef SELFTEST_MACHINE_H
#define SELFTEST_MACHINE_H

void machine_print(const char *text);
/* Ends the program; the emulator's exit status is `code`. */
_Noreturn void machine_exit(int code);

#endif
