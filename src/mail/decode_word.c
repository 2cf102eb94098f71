/* Encoded words, read; see decode_word.h. */
#include "mail/decode_word.h"

#include "base/base64.h"
#include "base/utf8.h"

#include <errno.h>
#include <iconv.h>

#define CHARSET_MAX 40
#define WORD_MAX    ((size_t)1024) /* RFC 2047 says 75; some write more */

/* --- one word -------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode_q(struct span text, struct buffer *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < text.len; i++) {
        char c = text.at[i];
        if (c == '=') {
            int high = i + 2 < text.len ? hex_digit(text.at[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(text.at[i + 2]);
            if (low < 0)
                return ERR_SYNTAX;
            c = (char)(high * 16 + low);
            i += 2;
        }
        rc = buffer_append_byte(out, text.at[i] == '_' ? ' ' : c);
    }
    return rc;
}

/* Into UTF-8 by iconv. ERR_SYNTAX: an unknown charset, or bytes that are not of it. */
static int convert(const char *charset, struct span bytes, struct buffer *out)
{
    iconv_t cd = iconv_open("UTF-8", charset);
    if (cd == (iconv_t)-1)
        return ERR_SYNTAX;
    char *in = (char *)bytes.at;
    size_t in_left = bytes.len;
    int rc = buffer_reserve(out, 4 * bytes.len + 16);
    char *to = rc == 0 ? out->at + out->len : NULL;
    size_t left = rc == 0 ? 4 * bytes.len + 16 : 0;
    if (rc == 0 && (iconv(cd, &in, &in_left, &to, &left) == (size_t)-1 ||
                    iconv(cd, NULL, NULL, &to, &left) == (size_t)-1))
        rc = ERR_SYNTAX;
    if (rc == 0)
        out->len = (size_t)(to - out->at);
    iconv_close(cd);
    return rc;
}

/* charset[*language]?q-or-b?text */
static int decode_word(struct span word, struct buffer *out)
{
    AUTO_BUFFER bytes = BUFFER(WORD_MAX), text = BUFFER(8 * WORD_MAX);
    char name[CHARSET_MAX];
    struct span charset, encoding;
    if (!span_cut(&word, '?', &charset) || !span_cut(&word, '?', &encoding) || encoding.len != 1)
        return ERR_SYNTAX;
    ptrdiff_t star = span_find(charset, '*');
    charset = star < 0 ? charset : span_first(charset, (size_t)star);
    char kind = ascii_lower(encoding.at[0]);
    int rc = kind == 'q'   ? decode_q(word, &bytes)
             : kind == 'b' ? base64_decode(&bytes, word)
                           : ERR_SYNTAX;
    if (rc == 0 && !span_to_text(charset, name, sizeof name))
        rc = ERR_SYNTAX;
    if (rc == 0)
        rc = convert(name, buffer_span(&bytes), &text);
    if (rc == 0 && !utf8_is_text(buffer_span(&text)))
        rc = ERR_SYNTAX; /* a NUL */
    return rc < 0 ? rc : buffer_append(out, buffer_span(&text));
}

/* --- a text ---------------------------------------------------------------------------------- */

/* The encoded word that begins here: its length with "=?" and "?="; 0: none does. */
static size_t word_length(struct span text)
{
    unsigned marks = 0;
    if (!span_starts(text, SPAN("=?")))
        return 0;
    for (size_t i = 2; i < text.len && i < WORD_MAX; i++) {
        char c = text.at[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            return 0;
        if (c == '?' && ++marks == 3)
            return i + 1 < text.len && text.at[i + 1] == '=' ? i + 2 : 0;
    }
    return 0;
}

int decode_words(struct span text, struct buffer *out)
{
    size_t behind = 0; /* out's length behind the last word; 0: something else came since */
    int rc = 0;
    while (rc == 0 && text.len) {
        size_t len = word_length(text), before = out->len;
        bool blank = text.at[0] == ' ' || text.at[0] == '\t';
        rc = ERR_SYNTAX;
        if (len) {
            if (behind)
                out->len = behind;
            rc = decode_word(span_make(text.at + 2, len - 4), out);
            behind = rc == 0 ? out->len : 0;
        }
        if (rc == ERR_SYNTAX) {
            out->len = before;
            len = 1;
            behind = blank ? behind : 0;
            rc = buffer_append_byte(out, text.at[0]);
        }
        text = span_from(text, len);
    }
    return rc;
}
