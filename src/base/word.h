/*
 * Eight bytes at once, for scans that would look at each: what is found stands somewhere among
 * them.
 */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WORD_OF(byte) (UINT64_MAX / 255 * (byte)) /* eight times that byte */
#define WORD_HIGH     WORD_OF(0x80)

static inline uint64_t word_at(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Is a byte below that limit, which is 128 at most? One that is borrows when it is taken away. */
static inline bool word_has_below(uint64_t word, uint8_t limit)
{
    return (word - WORD_OF(limit)) & ~word & WORD_HIGH;
}

/* Is that byte, which is below 128, among them? */
static inline bool word_has(uint64_t word, uint8_t byte)
{
    return word_has_below(word ^ WORD_OF(byte), 1);
}

#endif
