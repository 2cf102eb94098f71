/* Escaping; see escape_internal.h. Sixteen bytes at a time, since most values have nothing to
 * escape. */
#include "template/escape_internal.h"

#include <string.h>

typedef unsigned char sixteen __attribute__((vector_size(16)));

static const bool special[256] = {['&'] = true,  ['<'] = true, ['>'] = true, ['"'] = true,
                                  ['\''] = true, ['`'] = true, ['='] = true};

static inline bool any_special(sixteen v)
{
    /* & and ' differ in one bit, and so do < and = */
    sixteen found = ((v | 1) == '\'') | ((v | 1) == '=') | (v == '>') | (v == '"') | (v == '`');
    uint64_t halves[2];
    memcpy(halves, &found, sizeof halves);
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
    sixteen v;
    memcpy(&v, text.at, 8);
    memcpy((char *)&v + 8, text.at + text.len - 8, 8);
    return v;
}

static size_t first_special(const char *at, size_t count)
{
    size_t i = 0;
    while (i < count && !special[(unsigned char)at[i]])
        i++;
    return i;
}

size_t escape_plain_length(struct span text)
{
    size_t i = 0;
    if (text.len >= 8 && text.len < 16 && !any_special(load_short(text)))
        return text.len;
    if (text.len < 16)
        return first_special(text.at, text.len);
    for (; i + 16 <= text.len; i += 16)
        if (any_special(load(text.at + i)))
            return i + first_special(text.at + i, 16);
    if (i < text.len && !any_special(load(text.at + text.len - 16)))
        return text.len;
    return i + first_special(text.at + i, text.len - i);
}

struct span escape_entity(char c)
{
    switch (c) {
    case '&':
        return SPAN("&amp;");
    case '<':
        return SPAN("&lt;");
    case '>':
        return SPAN("&gt;");
    case '"':
        return SPAN("&quot;");
    case '\'':
        return SPAN("&#x27;");
    case '`':
        return SPAN("&#x60;");
    default:
        return SPAN("&#x3D;");
    }
}
