/* UTF-8 well-formedness; see utf8.h. The table is the one of RFC 3629, section 4. */
#include "base/utf8.h"

#include "base/word.h"

/* What may follow a first byte: how many bytes, and the range of the first of them. */
struct sequence {
    uint8_t first, last; /* range of the lead byte */
    uint8_t tail;
    uint8_t low, high; /* range of the second byte; the others are 80-BF */
};
static const struct sequence sequences[] = {
    {0x01, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

size_t utf8_character(struct span s)
{
    if (s.len == 0)
        return 0;
    const uint8_t *at = (const uint8_t *)s.at;
    const struct sequence *q = sequences;
    const struct sequence *end = sequences + sizeof sequences / sizeof *sequences;
    while (q < end && !(at[0] >= q->first && at[0] <= q->last))
        q++;
    if (q == end || s.len <= q->tail)
        return 0;
    for (size_t i = 1; i <= q->tail; i++) {
        uint8_t low = i == 1 ? q->low : 0x80, high = i == 1 ? q->high : 0xbf;
        if (at[i] < low || at[i] > high)
            return 0;
    }
    return (size_t)q->tail + 1;
}

/* How many bytes at the front are ASCII without NUL; most text is, and goes by words of eight. */
static size_t ascii_length(struct span s)
{
    size_t at = 0;
    for (; s.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word = word_at(s.at + at);
        if ((word & WORD_HIGH) || word_has(word, '\0'))
            break;
    }
    while (at < s.len && (signed char)s.at[at] > 0)
        at++;
    return at;
}

struct span utf8_head(struct span s)
{
    size_t at = ascii_length(s), len = 1;
    while (at < s.len && len > 0) {
        len = utf8_character(span_from(s, at));
        at += len;
        at += len ? ascii_length(span_from(s, at)) : 0;
    }
    return span_first(s, at);
}

bool utf8_is_text(struct span s)
{
    return utf8_head(s).len == s.len;
}

bool utf8_is_ascii(struct span s)
{
    for (s = span_from(s, ascii_length(s)); s.len; s = span_from(s, ascii_length(s))) {
        if (s.at[0] & 0x80)
            return false;
        s = span_from(s, 1);
    }
    return true;
}

size_t utf8_encode(uint32_t character, char ret_bytes[4])
{
    if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
        character = 0xfffd;
    if (character < 0x80) {
        ret_bytes[0] = (char)character;
        return 1;
    }
    size_t tail = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = tail; i > 0; i--, character >>= 6)
        ret_bytes[i] = (char)(0x80 | (character & 0x3f));
    ret_bytes[0] = (char)(lead[tail] | character);
    return tail + 1;
}
