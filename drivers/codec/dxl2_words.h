/**
 * @file dxl2_words.h
 * @brief Eight bytes at a time: the arithmetic of the CRC and the search for FD, for who takes many
 * short answers.
 *
 * The polynomial of the CRC is (x + 1)(x^15 + x + 1). Modulo the trinomial x^15 = x + 1, and by
 * squaring x^30 = x^2 + 1, x^32 = x^4 + x^2 and x^64 = x^8 + x^4: whole words fold by a few shifts.
 * Modulo x + 1 the remainder is the parity of all bits. Both remainders together determine the CRC,
 * so no table is needed.
 */
#ifndef TENON_DXL2_WORDS_H
#define TENON_DXL2_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Eight bytes as the CRC takes them: the first one on top. */
static inline uint64_t dxl2_word(const uint8_t *p)
{
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return __builtin_bswap64(word);
#else
    return ((uint64_t)p[0] << 56) | ((uint64_t)p[1] << 48) | ((uint64_t)p[2] << 40) |
           ((uint64_t)p[3] << 32) | ((uint64_t)p[4] << 24) | ((uint64_t)p[5] << 16) |
           ((uint64_t)p[6] << 8) | (uint64_t)p[7];
#endif
}

/** Not zero if one of eight bytes is FD. */
static inline uint64_t dxl2_find_fd(const uint8_t *bytes)
{
    uint64_t word; /* in any order */
    memcpy(&word, bytes, sizeof word);
    word ^= UINT64_C(0xFDFDFDFDFDFDFDFD);
    return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
}

/** Whether FD is among 8 ... 16 bytes. */
static inline bool dxl2_has_fd(const uint8_t *bytes, size_t count)
{
    return (dxl2_find_fd(bytes) | dxl2_find_fd(bytes + count - 8)) != 0;
}

/** 1 if the number of bits set is odd. */
static inline unsigned dxl2_parity(uint64_t bits)
{
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    return (unsigned)__builtin_parityll(bits); /* a flag there, elsewhere a call into libgcc */
#else
    uint32_t v = (uint32_t)(bits >> 32) ^ (uint32_t)bits;
    v ^= v >> 16;
    v ^= v >> 8;
    v ^= v >> 4;
    return (0x6996u >> (v & 15u)) & 1u;
#endif
}

/** What is congruent to v modulo the trinomial and has 36 bits. */
static inline uint64_t dxl2_fold(uint64_t v)
{
    const uint64_t high = v >> 32;
    return (v & 0xFFFFFFFFu) ^ (high << 2) ^ (high << 4);
}

/** What a CRC is made of. */
struct dxl2_sum {
    uint64_t v;    /**< Congruent to all bits modulo the trinomial, 36 bits. */
    uint64_t ones; /**< Of the same parity as all bits. */
};

/** Another eight bytes; v has 56 bits at most before. */
static inline struct dxl2_sum dxl2_sum_add(struct dxl2_sum sum, uint64_t word)
{
    const uint64_t v = (sum.v << 4) ^ (sum.v << 8) ^ word;
    return (struct dxl2_sum){dxl2_fold(v), sum.ones ^ word};
}

/** Zeros in front change nothing, so the short word goes first. */
static inline struct dxl2_sum dxl2_sum_of(const uint8_t *bytes, size_t count)
{
    const uint8_t *const end = bytes + count;
    uint64_t v = 0;
    if (count < 8) {
        while (bytes != end) {
            v = (v << 8) | *bytes++;
        }
        return (struct dxl2_sum){dxl2_fold(v), v};
    }
    const size_t first = count & 7u;
    v = dxl2_word(bytes) >> 8 >> (56u - 8u * (unsigned)first);
    struct dxl2_sum sum = {v, v};
    for (bytes += first; bytes != end; bytes += 8) {
        sum = dxl2_sum_add(sum, dxl2_word(bytes));
    }
    return sum;
}

/** v * x^16 modulo the trinomial, in 24 bits. */
static inline uint32_t dxl2_sum_times_x16(struct dxl2_sum sum)
{
    const uint32_t high = (uint32_t)(sum.v >> 16);  /* times x^32 = x^4 + x^2 */
    const uint32_t low = (uint32_t)sum.v & 0xFFFFu; /* times x^16 = x^2 + x */
    return (high << 4) ^ ((high ^ low) << 2) ^ (low << 1);
}

/** The remainder modulo the trinomial of 24 bits. */
static inline uint32_t dxl2_rest(uint32_t v)
{
    return (v & 0x7FFFu) ^ (v >> 15) ^ (v >> 15 << 1);
}

/** The CRC of all bytes, from the initial value 0. */
static inline uint16_t dxl2_sum_crc(struct dxl2_sum sum)
{
    const uint32_t rest = dxl2_rest(dxl2_sum_times_x16(sum));
    /* 16 bits leave two candidates, the trinomial apart; one of them has the right parity. */
    return (uint16_t)(rest ^ (0x8003u & (0u - dxl2_parity(sum.ones ^ rest))));
}

/** Whether this is it: less work than to find it out. */
static inline bool dxl2_sum_has_crc(struct dxl2_sum sum, uint16_t crc)
{
    return dxl2_rest(dxl2_sum_times_x16(sum) ^ crc) == 0 && dxl2_parity(sum.ones ^ crc) == 0;
}

/** Whether the CRC of first and last, as one number of 128 bits of which first has 56 at most, is
 * 0: that of a message with its CRC behind it is, high byte first. */
static inline bool dxl2_pair_is_zero(uint64_t first, uint64_t last)
{
    const uint64_t v = dxl2_fold((first << 4) ^ (first << 8) ^ last);
    const uint32_t high = (uint32_t)(v >> 15); /* 21 bits */
    return dxl2_rest(((uint32_t)v & 0x7FFFu) ^ high ^ (high << 1)) == 0 &&
           dxl2_parity(first ^ last) == 0;
}

#endif
