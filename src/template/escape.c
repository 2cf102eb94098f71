/* Escaping, byte by byte; see escape_internal.h. */
#include "template/escape_internal.h"

static const bool special[256] = {['&'] = true,  ['<'] = true, ['>'] = true, ['"'] = true,
                                  ['\''] = true, ['`'] = true, ['='] = true};

size_t escape_first(const char *at, size_t count)
{
    size_t i = 0;
    while (i < count && !special[(unsigned char)at[i]])
        i++;
    return i;
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
