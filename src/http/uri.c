/* Percent-encoding and paths; see uri.h. */
#include "http/uri.h"

#include "base/utf8.h"

#include <errno.h>
#include <string.h>

static int hex_digit(char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = byte ? memchr(digits, ascii_lower(byte), sizeof digits - 1) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* One byte off the front of *rest. */
static bool decode_byte(struct span *rest, bool form, char *ret_byte)
{
    char byte = rest->at[0];
    size_t taken = 1;
    if (byte == '%') {
        int high = rest->len > 2 ? hex_digit(rest->at[1]) : -1;
        int low = rest->len > 2 ? hex_digit(rest->at[2]) : -1;
        if (high < 0 || low < 0)
            return false;
        byte = (char)(high * 16 + low);
        taken = 3;
    } else if (form && byte == '+') {
        byte = ' ';
    }
    *rest = span_from(*rest, taken);
    *ret_byte = byte;
    return true;
}

int http_percent_decode(struct span text, bool form, struct arena *arena, struct span *ret_text)
{
    struct span decoded = text;
    if (span_find(text, '%') >= 0 || (form && span_find(text, '+') >= 0)) {
        char *out = arena_alloc(arena, text.len);
        size_t len = 0;
        if (!out)
            return -ENOMEM;
        while (text.len)
            if (!decode_byte(&text, form, &out[len++]))
                return ERR_SYNTAX;
        decoded = span_make(out, len);
    }
    if (!utf8_is_text(decoded))
        return ERR_SYNTAX;
    *ret_text = decoded;
    return 0;
}

static bool is_plain(struct span segment)
{
    for (size_t i = 0; i < segment.len; i++)
        if ((unsigned char)segment.at[i] < ' ' || segment.at[i] == 0x7f)
            return false;
    return !span_equal(segment, SPAN(".")) && !span_equal(segment, SPAN(".."));
}

int http_percent_encode(struct span text, struct buffer *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < text.len; i++) {
        char c = text.at[i];
        bool unreserved = ascii_is_alpha(c) || ascii_is_digit(c) || (c && strchr("-._~", c));
        rc = unreserved ? buffer_append_byte(out, c)
                        : buffer_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
    return rc;
}

int http_split_path(struct span path, struct arena *arena,
                    struct span ret_segments[HTTP_SEGMENTS_MAX], unsigned *ret_count)
{
    unsigned count = 0;
    if (path.len == 0 || path.at[0] != '/')
        return ERR_SYNTAX;
    while (path.len) {
        path = span_from(path, 1);
        ptrdiff_t slash = span_find(path, '/');
        struct span segment = slash < 0 ? path : span_first(path, (size_t)slash);
        path = span_from(path, segment.len);
        if (count == HTTP_SEGMENTS_MAX)
            return -E2BIG;
        int rc = http_percent_decode(segment, false, arena, &ret_segments[count]);
        if (rc < 0)
            return rc;
        if (!is_plain(ret_segments[count++]))
            return ERR_SYNTAX;
    }
    *ret_count = count;
    return 0;
}
