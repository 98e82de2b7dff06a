#ifndef SELFTEST_STDLIB_H
#define SELFTEST_STDLIB_H

int abs(int x);
/* Digits and capital letters, nothing before them. */
unsigned long strtoul(const char *text, char **out_end, int base);

#endif
