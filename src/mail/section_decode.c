/* Transfer encodings undone in pieces, for BINARY; see section.h. */
#include "mail/section.h"

#include "mail/base64_group.h"

#include <string.h>

/* --- base64 ---------------------------------------------------------------------------------- */

static size_t decode_base64(struct section_decoder *d, struct span piece, char *to)
{
    const uint8_t *from = (const uint8_t *)piece.at;
    size_t made = 0;
    for (size_t i = 0; i < piece.len; i++) {
        if (d->digits == 0) {
            size_t groups = base64_groups(span_from(piece, i), to ? to + made : NULL);
            made += groups / 4 * 3;
            i += groups;
            if (i == piece.len)
                break;
        }
        if (from[i] == '=')
            d->digits = 0; /* another text may follow */
        if (!base64_digits[from[i]])
            continue;
        d->bits = d->bits << 6 | (base64_digits[from[i]] - 1u);
        d->digits = (d->digits + 1) % 4;
        if (d->digits == 1)
            continue;
        unsigned spare = d->digits ? 8 - 2 * d->digits : 0; /* 2 digits: 4 bits, 3: 2, 4: 0 */
        if (to)
            to[made] = (char)(d->bits >> spare);
        made++;
    }
    return made;
}

/* --- quoted-printable ------------------------------------------------------------------------ */

static int hex_digit(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* What is held stands for itself. */
static size_t release(struct section_decoder *d, char *to)
{
    size_t len = d->held_len;
    if (to)
        memcpy(to, d->held, len);
    d->held_len = 0;
    return len;
}

/* "=" and c may still become "=XX" or, with blanks between, a soft line break. */
static bool can_hold(const struct section_decoder *d, char c)
{
    char last = d->held[d->held_len - 1];
    if (d->held_len == sizeof d->held || last == '\r')
        return false;
    if (d->held_len == 1)
        return hex_digit(c) >= 0 || is_blank(c) || c == '\r';
    return is_blank(last) && (is_blank(c) || c == '\r');
}

/* A byte behind a "="; writes what is decided by it. */
static size_t take_held(struct section_decoder *d, char c, char *to)
{
    int high = d->held_len == 2 ? hex_digit(d->held[1]) : -1, low = hex_digit(c);
    if (high >= 0 && low >= 0) {
        if (to)
            *to = (char)(high << 4 | low);
        d->held_len = 0;
        return 1;
    }
    if (c == '\n' && high < 0) {
        d->held_len = 0;
        return 0;
    }
    if (can_hold(d, c)) {
        d->held[d->held_len++] = c;
        return 0;
    }
    size_t made = release(d, to);
    if (c == '=') {
        d->held[d->held_len++] = c;
        return made;
    }
    if (to)
        to[made] = c;
    return made + 1;
}

static size_t decode_quoted(struct section_decoder *d, struct span piece, char *to)
{
    size_t made = 0;
    while (piece.len) {
        if (d->held_len) {
            made += take_held(d, piece.at[0], to ? to + made : NULL);
            piece = span_from(piece, 1);
            continue;
        }
        ptrdiff_t equals = span_find(piece, '=');
        size_t len = equals < 0 ? piece.len : (size_t)equals;
        if (to)
            memcpy(to + made, piece.at, len);
        made += len;
        piece = span_from(piece, len);
        if (piece.len) {
            d->held[d->held_len++] = '=';
            piece = span_from(piece, 1);
        }
    }
    return made;
}

/* --- any ------------------------------------------------------------------------------------- */

int section_decode_begin(struct section_decoder *d, enum structure_encoding encoding)
{
    *d = (struct section_decoder){.encoding = encoding};
    return encoding == STRUCTURE_UNKNOWN ? ERR_SYNTAX : 0;
}

int section_decode(struct section_decoder *d, struct span piece, struct buffer *out)
{
    size_t most = d->encoding == STRUCTURE_BASE64 ? piece.len / 4 * 3 + 3 : piece.len + d->held_len;
    if (d->encoding == STRUCTURE_PLAIN) {
        d->size += piece.len;
        return out ? buffer_append(out, piece) : 0;
    }
    int rc = out ? buffer_reserve(out, most) : 0;
    if (rc < 0)
        return rc;
    char *to = out && most ? out->at + out->len : NULL;
    size_t made =
        d->encoding == STRUCTURE_BASE64 ? decode_base64(d, piece, to) : decode_quoted(d, piece, to);
    if (out)
        out->len += made;
    d->size += made;
    return 0;
}

int section_decode_end(struct section_decoder *d, struct buffer *out)
{
    bool open = d->held_len == 2 && hex_digit(d->held[1]) >= 0;
    if (!open) /* a soft line break that the end of the part cut off */
        return 0;
    d->size += d->held_len;
    return out ? buffer_append(out, span_make(d->held, d->held_len)) : 0;
}
