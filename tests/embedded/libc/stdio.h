/* Nothing but lines of text, through semihosting. */
#ifndef SELFTEST_STDIO_H
#define SELFTEST_STDIO_H

int puts(const char *text);

#endif
