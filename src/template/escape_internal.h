/*
 * Escaping for HTML: & < > " ' ` = become entities, as Handlebars has it. Pure.
 *
 * Sixteen bytes at a time, and inline, since most values have nothing to escape.
 */
#ifndef TEMPLATE_ESCAPE_INTERNAL_H
#define TEMPLATE_ESCAPE_INTERNAL_H

#include "base/span.h"

#include <string.h>

typedef unsigned char sixteen __attribute__((vector_size(16)));
typedef uint64_t two __attribute__((vector_size(16)));

size_t escape_first(const char *at, size_t count); /* bytes before the first to be escaped */
struct span escape_entity(char c);                 /* of one of the seven */

static inline bool any_special(sixteen v)
{
    /* & and ' differ in one bit, and so do < and = */
    sixteen found = ((v | 1) == '\'') | ((v | 1) == '=') | (v == '>') | (v == '"') | (v == '`');
    two halves = (two)found;
    return (halves[0] | halves[1]) != 0;
}

static inline sixteen load(const char *at)
{
    sixteen v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* Eight to sixteen bytes: both halves, which may overlap. */
static inline sixteen load_short(struct span text)
{
    uint64_t start, end;
    memcpy(&start, text.at, 8);
    memcpy(&end, text.at + text.len - 8, 8);
    return (sixteen)(two){start, end};
}

/* Bytes before the first to be escaped. */
static inline __attribute__((always_inline)) size_t escape_plain_length(struct span text)
{
    size_t i = 0;
    if (text.len >= 8 && text.len < 16 && !any_special(load_short(text)))
        return text.len;
    if (text.len < 16)
        return escape_first(text.at, text.len);
    for (; i + 16 <= text.len; i += 16)
        if (any_special(load(text.at + i)))
            return i + escape_first(text.at + i, 16);
    if (i < text.len && !any_special(load(text.at + text.len - 16)))
        return text.len;
    return i + escape_first(text.at + i, text.len - i);
}

#endif
