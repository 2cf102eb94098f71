/* Spans; see span.h. */
#include "base/span.h"

#include <string.h>

struct span span_of(const char *text)
{
    return (struct span){text ? text : "", text ? strlen(text) : 0};
}

struct span span_make(const void *at, size_t len)
{
    return (struct span){at ? at : "", len};
}

struct span span_from(struct span s, size_t offset)
{
    if (offset > s.len)
        offset = s.len;
    return (struct span){s.at + offset, s.len - offset};
}

struct span span_first(struct span s, size_t count)
{
    return (struct span){s.at, count < s.len ? count : s.len};
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
            return false;
    return true;
}

int span_compare(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.at, b.at, common) : 0;
    if (order == 0 && a.len != b.len)
        order = a.len < b.len ? -1 : 1;
    return order;
}

bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_equal(span_first(s, prefix.len), prefix);
}

bool span_starts_nocase(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_equal_nocase(span_first(s, prefix.len), prefix);
}

bool span_ends_nocase(struct span s, struct span suffix)
{
    return s.len >= suffix.len && span_equal_nocase(span_from(s, s.len - suffix.len), suffix);
}

ptrdiff_t span_find(struct span s, char byte)
{
    const char *hit = s.len ? memchr(s.at, byte, s.len) : NULL;
    return hit ? hit - s.at : -1;
}

ptrdiff_t span_find_last(struct span s, char byte)
{
    const char *hit = s.len ? memrchr(s.at, byte, s.len) : NULL;
    return hit ? hit - s.at : -1;
}

ptrdiff_t span_find_span(struct span s, struct span needle)
{
    if (needle.len == 0)
        return 0;
    const char *hit = s.len ? memmem(s.at, s.len, needle.at, needle.len) : NULL;
    return hit ? hit - s.at : -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span s)
{
    while (s.len && is_blank(s.at[0]))
        s = span_from(s, 1);
    while (s.len && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

bool span_cut(struct span *rest, char separator, struct span *ret_part)
{
    if (rest->len == 0)
        return false;
    ptrdiff_t at = span_find(*rest, separator);
    *ret_part = at < 0 ? *rest : span_first(*rest, (size_t)at);
    *rest = at < 0 ? span_from(*rest, rest->len) : span_from(*rest, (size_t)at + 1);
    return true;
}

bool span_has_word(struct span list, struct span word)
{
    struct span one;
    while (span_cut(&list, ' ', &one))
        if (span_equal(one, word))
            return true;
    return false;
}

bool span_to_uint(struct span s, uint64_t limit, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (s.len == 0 || s.len > 20)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_digit(s.at[i]))
            return false;
        unsigned digit = (unsigned)(s.at[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value > limit)
        return false;
    *ret_value = value;
    return true;
}

bool span_to_text(struct span s, char *buffer, size_t size)
{
    if (s.len >= size || (s.len && memchr(s.at, '\0', s.len)))
        return false;
    if (s.len)
        memcpy(buffer, s.at, s.len);
    buffer[s.len] = '\0';
    return true;
}
