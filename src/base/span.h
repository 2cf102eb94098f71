/*
 * A span: a run of bytes that somebody else owns.
 *
 * Bytes travel through the house as (pointer, length), never as hope for a NUL. A span does not own
 * what it points at; whoever hands one out says how long it stays valid. Pure functions, no errors.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *at;
    size_t len;
};

/* A span over a string literal, usable in static initialisers. */
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})
/* printf: "%.*s", SPAN_PRINT(s) */
#define SPAN_PRINT(s) (int)(s).len, (s).at

struct span span_of(const char *text);               /* NULL becomes the empty span */
struct span span_make(const void *at, size_t len);   /* NULL with 0 too */
struct span span_from(struct span s, size_t offset); /* the rest from offset; empty past the end */
struct span span_first(struct span s, size_t count); /* at most count bytes from the start */
bool span_equal(struct span a, struct span b);
bool span_equal_nocase(struct span a, struct span b); /* ASCII case only */
int span_compare(struct span a, struct span b);       /* memcmp order, shorter first */
bool span_starts(struct span s, struct span prefix);
bool span_starts_nocase(struct span s, struct span prefix);
bool span_ends_nocase(struct span s, struct span suffix);
/* Offset of the first such byte, or -1. */
ptrdiff_t span_find(struct span s, char byte);
ptrdiff_t span_find_last(struct span s, char byte);
ptrdiff_t span_find_span(struct span s, struct span needle);
struct span span_trim(struct span s); /* without SP, HTAB, CR, LF at both ends */
/* Cuts the part before the first separator off *rest (both lose the separator); false when empty.
 */
bool span_cut(struct span *rest, char separator, struct span *ret_part);
bool span_has_word(struct span list, struct span word); /* words separated by spaces */
/* Decimal digits only, no sign or blanks; false when empty, foreign bytes, or past limit. */
bool span_to_uint(struct span s, uint64_t limit, uint64_t *ret_value);
/* Copies and terminates into a fixed array; false when it does not fit or holds a NUL. */
bool span_to_text(struct span s, char *buffer, size_t size);

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool ascii_is_alpha(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

#endif
