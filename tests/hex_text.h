/** @file hex_text.h @brief Bytes as one reads them in a vector; needs no stdio. */
#ifndef TENON_HEX_TEXT_H
#define TENON_HEX_TEXT_H

#include <stdint.h>

/** Write so many hexadecimal digits, and an end after them. @return where that end is. */
static inline char *hex_text_put(char *to, uint32_t value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        *to++ = "0123456789ABCDEF"[value >> 4 * (i - 1) & 0xFu];
    }
    *to = '\0';
    return to;
}

#endif
