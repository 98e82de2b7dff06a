/* What a firmware without a C library must bring along; see ../libc.c. */
#ifndef SELFTEST_STRING_H
#define SELFTEST_STRING_H
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t count);
char *strcat(char *to, const char *from);
char *strchr(const char *text, int wanted);
char *strstr(const char *text, const char *wanted);

#endif
