/* Modified UTF-7; see modified_utf7.h. */
#include "mail/modified_utf7.h"

#include "base/utf8.h"

/* RFC 3501 5.1.3: "," where base64 has "/". */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int digit_value(char c)
{
    ptrdiff_t at = span_find(SPAN(alphabet), c);
    return (int)at;
}

static bool is_printable(uint32_t c)
{
    return c >= 0x20 && c <= 0x7e;
}

/* --- decoding -------------------------------------------------------------------------------- */

struct run {
    uint32_t high; /* the first half of a character, 0: none */
    struct buffer *out;
};

/* A UTF-16 unit. */
static int take_unit(struct run *run, uint32_t unit)
{
    char bytes[4];
    uint32_t character = unit;
    bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
    if (is_low != (run->high != 0) || unit == 0 || is_printable(unit))
        return ERR_SYNTAX;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        run->high = unit;
        return 0;
    }
    if (is_low)
        character = 0x10000 + ((run->high - 0xd800) << 10 | (unit - 0xdc00));
    run->high = 0;
    return buffer_append(run->out, span_make(bytes, utf8_encode(character, bytes)));
}

/* Behind the "&": base64 up to its "-", which goes too. */
static int take_run(struct span *rest, struct buffer *out)
{
    struct run run = {.out = out};
    uint32_t bits = 0;
    unsigned count = 0;
    size_t i = 0;
    for (; i < rest->len && rest->at[i] != '-'; i++) {
        int value = digit_value(rest->at[i]);
        if (value < 0)
            return ERR_SYNTAX;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 16)
            continue;
        count -= 16;
        int rc = take_unit(&run, bits >> count & 0xffff);
        if (rc < 0)
            return rc;
    }
    if (i == rest->len || run.high || count >= 6 || (bits & ((1u << count) - 1)))
        return ERR_SYNTAX;
    *rest = span_from(*rest, i + 1);
    return 0;
}

int modified_utf7_decode(struct span name, struct buffer *out)
{
    bool behind_run = false;
    int rc = 0;
    while (rc == 0 && name.len) {
        char c = name.at[0];
        if (!is_printable((unsigned char)c))
            return ERR_SYNTAX;
        name = span_from(name, 1);
        bool is_run = c == '&' && !span_starts(name, SPAN("-"));
        if (is_run && behind_run)
            return ERR_SYNTAX;
        if (is_run)
            rc = take_run(&name, out);
        else
            rc = buffer_append_byte(out, c);
        if (c == '&' && !is_run)
            name = span_from(name, 1);
        behind_run = is_run;
    }
    return rc;
}

/* --- encoding -------------------------------------------------------------------------------- */

/* The character at the front, which is well-formed. */
static uint32_t take_character(struct span *rest)
{
    size_t len = utf8_character(*rest);
    uint32_t c = (unsigned char)rest->at[0];
    if (len > 1)
        c &= 0x7fu >> len;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (rest->at[i] & 0x3f);
    *rest = span_from(*rest, len);
    return c;
}

struct bits {
    uint32_t value;
    unsigned count;
    struct buffer *out;
};

static int put_unit(struct bits *bits, uint32_t unit)
{
    int rc = 0;
    bits->value = bits->value << 16 | unit;
    bits->count += 16;
    while (rc == 0 && bits->count >= 6) {
        bits->count -= 6;
        rc = buffer_append_byte(bits->out, alphabet[bits->value >> bits->count & 0x3f]);
    }
    return rc;
}

/* All characters up to a printable one: one name has one spelling. */
static int put_run(struct span *rest, struct buffer *out)
{
    struct bits bits = {.out = out};
    int rc = buffer_append_byte(out, '&');
    while (rc == 0 && rest->len && !is_printable((unsigned char)rest->at[0])) {
        uint32_t c = take_character(rest);
        if (c >= 0x10000) {
            rc = put_unit(&bits, 0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        if (rc == 0)
            rc = put_unit(&bits, c);
    }
    if (rc == 0 && bits.count)
        rc = buffer_append_byte(out, alphabet[bits.value << (6 - bits.count) & 0x3f]);
    return rc < 0 ? rc : buffer_append_byte(out, '-');
}

int modified_utf7_encode(struct span utf8, struct buffer *out)
{
    int rc = 0;
    if (!utf8_is_text(utf8))
        return ERR_SYNTAX;
    while (rc == 0 && utf8.len) {
        char c = utf8.at[0];
        if (!is_printable((unsigned char)c)) {
            rc = put_run(&utf8, out);
            continue;
        }
        rc = c == '&' ? buffer_append_text(out, "&-") : buffer_append_byte(out, c);
        utf8 = span_from(utf8, 1);
    }
    return rc;
}
