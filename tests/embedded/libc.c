/* What a firmware without a C library must bring along, and a little more for the tests. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word;

static int is_word(uintptr_t at)
{
    return at % sizeof(word) == 0;
}

void *memcpy(void *to, const void *from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (is_word((uintptr_t)to | (uintptr_t)from)) {
        for (; count >= sizeof(word); count -= sizeof(word)) {
            *(word *)(void *)t = *(const word *)(const void *)f;
            t += sizeof(word);
            f += sizeof(word);
        }
    }
    while (count-- > 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if ((uintptr_t)to <= (uintptr_t)from) {
        return memcpy(to, from, count);
    }
    while (count-- > 0) {
        t[count] = f[count];
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *t = to;
    if (is_word((uintptr_t)to)) {
        for (; count >= sizeof(word); count -= sizeof(word)) {
            *(word *)(void *)t = (uint8_t)value * UINT32_C(0x01010101);
            t += sizeof(word);
        }
    }
    while (count-- > 0) {
        *t++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < count; i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char *text)
{
    size_t count = 0;
    while (text[count] != '\0') {
        count++;
    }
    return count;
}

int strncmp(const char *a, const char *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t x = (uint8_t)a[i], y = (uint8_t)b[i];
        if (x != y) {
            return x < y ? -1 : 1;
        }
        if (x == 0) {
            break;
        }
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

char *strcat(char *to, const char *from)
{
    memcpy(to + strlen(to), from, strlen(from) + 1);
    return to;
}

char *strchr(const char *text, int wanted)
{
    for (; *text != (char)wanted; text++) {
        if (*text == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)text;
}

char *strstr(const char *text, const char *wanted)
{
    const size_t count = strlen(wanted);
    for (; strncmp(text, wanted, count) != 0; text++) {
        if (*text == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)text;
}

int abs(int x)
{
    return x < 0 ? -x : x;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1);
}

unsigned long strtoul(const char *text, char **out_end, int base)
{
    unsigned long x = 0;
    for (; digit_of(*text) >= 0 && digit_of(*text) < base; text++) {
        x = x * (unsigned long)base + (unsigned long)digit_of(*text);
    }
    *out_end = (char *)(uintptr_t)text;
    return x;
}
