/* Letters read back; see decode.h. Charsets are iconv's. */
#include "mail/decode.h"

#include "base/utf8.h"
#include "base/word.h"
#include "mail/base64_group.h"
#include "mail/header.h"
#include "mail/mime.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#define CHARSET_MAX        64
#define PIECE              ((size_t)1024)
#define REPLACEMENT        "\xef\xbf\xbd"
#define WORD_MAX           ((size_t)1000) /* of an encoded word; 75 by RFC 2047 2 */
#define SECTIONS_MAX       100
#define PARAMETER_MAX      ((size_t)8 * 1024)
#define PARAMETER_NAME_MAX ((size_t)60)

/* --- transfer encodings ---------------------------------------------------------------------- */

static int decode_base64(struct span bytes, struct buffer *out)
{
    const uint8_t *from = (const uint8_t *)bytes.at;
    uint32_t bits = 0;
    unsigned count = 0;
    int rc = buffer_reserve(out, bytes.len / 4 * 3 + 3);
    if (rc < 0)
        return rc;
    char *to = out->at + out->len;
    for (size_t i = 0; i < bytes.len; i++) {
        size_t groups = count ? 0 : base64_groups(span_from(bytes, i), to);
        to += groups / 4 * 3;
        i += groups;
        if (i == bytes.len || !base64_digits[from[i]])
            continue;
        bits = bits << 6 | (base64_digits[from[i]] - 1U);
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        *to++ = (char)(bits >> count & 0xff);
    }
    out->len = (size_t)(to - out->at);
    return 0;
}

static int hex_digit(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "=XX" at i is, or -1. */
static int quoted_byte(struct span s, size_t i)
{
    int high = i + 2 < s.len ? hex_digit(s.at[i + 1]) : -1;
    int low = high < 0 ? -1 : hex_digit(s.at[i + 2]);
    return low < 0 ? -1 : high << 4 | low;
}

/* Of a soft line break at i: "=", blanks, line end; 0: there is none. */
static size_t soft_break(struct span s, size_t i)
{
    size_t end = i + 1;
    while (end < s.len && (s.at[end] == ' ' || s.at[end] == '\t'))
        end++;
    if (end < s.len && s.at[end] == '\r')
        end++;
    if (end < s.len && s.at[end] == '\n')
        return end + 1 - i;
    return end == s.len ? end - i : 0;
}

/* Runs between the "=" go as they are. */
static int decode_quoted(struct span bytes, struct buffer *out)
{
    int rc = 0;
    while (rc == 0 && bytes.len) {
        ptrdiff_t equals = span_find(bytes, '=');
        size_t run = equals < 0 ? bytes.len : (size_t)equals;
        rc = buffer_append(out, span_first(bytes, run));
        bytes = span_from(bytes, run);
        if (rc < 0 || bytes.len == 0)
            break;
        int byte = quoted_byte(bytes, 0);
        size_t soft = byte < 0 ? soft_break(bytes, 0) : 0;
        if (!soft)
            rc = buffer_append_byte(out, byte >= 0 ? (char)byte : '=');
        bytes = span_from(bytes, soft ? soft : byte >= 0 ? 3 : 1);
    }
    return rc;
}

bool decode_is_encoded(struct span encoding)
{
    encoding = span_trim(encoding);
    return span_equal_nocase(encoding, SPAN("base64")) ||
           span_equal_nocase(encoding, SPAN("quoted-printable"));
}

int decode_transfer(struct span encoding, struct span bytes, struct buffer *out)
{
    encoding = span_trim(encoding);
    if (span_equal_nocase(encoding, SPAN("base64")))
        return decode_base64(bytes, out);
    if (span_equal_nocase(encoding, SPAN("quoted-printable")))
        return decode_quoted(bytes, out);
    return buffer_append(out, bytes);
}

/* --- charsets -------------------------------------------------------------------------------- */

/* Well-formed text, with a replacement for each byte that is none of it. */
static int append_utf8(struct span bytes, struct buffer *out)
{
    int rc = 0;
    while (rc == 0 && bytes.len) {
        struct span head = utf8_head(bytes);
        rc = buffer_append(out, head);
        bytes = span_from(bytes, head.len);
        if (rc < 0 || bytes.len == 0)
            break;
        rc = buffer_append_text(out, REPLACEMENT);
        bytes = span_from(bytes, 1);
    }
    return rc;
}

static int convert(iconv_t descriptor, struct span bytes, struct buffer *out)
{
    char *from = (char *)bytes.at; /* iconv does not write there */
    size_t left = bytes.len;
    int rc = 0;
    while (rc == 0 && left) {
        char piece[PIECE], *to = piece;
        size_t room = sizeof piece;
        size_t done = iconv(descriptor, &from, &left, &to, &room);
        int why = errno;
        rc = append_utf8(span_make(piece, sizeof piece - room), out);
        if (rc == 0 && done == (size_t)-1 && why != E2BIG) {
            rc = buffer_append_text(out, REPLACEMENT); /* one byte that means nothing */
            from++;
            left--;
            iconv(descriptor, NULL, NULL, NULL, NULL);
        }
    }
    return rc;
}

/* The charset that is named; false: none that iconv should see. */
static bool read_charset(struct span charset, char name[CHARSET_MAX])
{
    return charset.len && span_to_text(charset, name, CHARSET_MAX) && !strchr(name, '/');
}

/* Charsets whose lower half is ASCII and nothing else. */
static bool has_ascii(struct span charset)
{
    return span_starts_nocase(charset, SPAN("iso-8859-")) ||
           span_starts_nocase(charset, SPAN("windows-125")) ||
           span_starts_nocase(charset, SPAN("koi8-"));
}

bool decode_is_plain(struct span charset, struct span bytes)
{
    char name[CHARSET_MAX];
    if (!read_charset(charset, name) || span_equal_nocase(charset, SPAN("us-ascii")) ||
        span_equal_nocase(charset, SPAN("utf-8")))
        return utf8_is_text(bytes); /* many say ASCII, or nothing, and mean this */
    return has_ascii(charset) && utf8_is_ascii(bytes) && span_find(bytes, '\0') < 0;
}

int decode_charset(struct span charset, struct span bytes, struct buffer *out)
{
    char name[CHARSET_MAX];
    if (decode_is_plain(charset, bytes))
        return buffer_append(out, bytes);
    if (!read_charset(charset, name) || span_equal_nocase(charset, SPAN("us-ascii")))
        strcpy(name, "WINDOWS-1252");
    if (span_equal_nocase(span_of(name), SPAN("utf-8")))
        return append_utf8(bytes, out);
    iconv_t descriptor = iconv_open("UTF-8", name);
    if (descriptor == (iconv_t)-1 && !utf8_is_text(bytes))
        descriptor = iconv_open("UTF-8", "WINDOWS-1252");
    if (descriptor == (iconv_t)-1)
        return append_utf8(bytes, out);
    int rc = convert(descriptor, bytes, out);
    iconv_close(descriptor);
    return rc;
}

/* --- encoded words --------------------------------------------------------------------------- */

struct encoded_word {
    struct span charset, text;
    bool base64;
    size_t len; /* of the whole */
};

/* "=?charset*language?Q?text?=" at the front. */
static bool read_word(struct span s, struct encoded_word *ret_word)
{
    struct span rest = span_from(span_first(s, WORD_MAX), 2), encoding;
    if (s.len < 2 || s.at[0] != '=' || s.at[1] != '?' ||
        !span_cut(&rest, '?', &ret_word->charset) || !span_cut(&rest, '?', &encoding) ||
        encoding.len != 1)
        return false;
    ptrdiff_t end = span_find_span(rest, SPAN("?="));
    char kind = ascii_lower(encoding.at[0]);
    if (end < 0 || (kind != 'q' && kind != 'b') || ret_word->charset.len == 0)
        return false;
    ret_word->text = span_first(rest, (size_t)end);
    for (size_t i = 0; i < ret_word->text.len; i++)
        if (ret_word->text.at[i] == ' ' && kind == 'b')
            return false;
    ptrdiff_t star = span_find(ret_word->charset, '*');
    if (star >= 0)
        ret_word->charset = span_first(ret_word->charset, (size_t)star);
    ret_word->base64 = kind == 'b';
    ret_word->len = (size_t)(rest.at + end + 2 - s.at);
    return true;
}

static int decode_q(struct span text, struct buffer *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < text.len;) {
        int byte = text.at[i] == '=' ? quoted_byte(text, i) : -1;
        char c = text.at[i] == '_' ? ' ' : text.at[i];
        rc = buffer_append_byte(out, byte >= 0 ? (char)byte : c);
        i += byte >= 0 ? 3 : 1;
    }
    return rc;
}

static int append_word_bytes(const struct encoded_word *word, struct buffer *bytes)
{
    return word->base64 ? decode_base64(word->text, bytes) : decode_q(word->text, bytes);
}

static void clean(struct buffer *out, size_t from)
{
    for (size_t i = from; i < out->len; i++)
        if ((unsigned char)out->at[i] < 32 || out->at[i] == 127)
            out->at[i] = ' ';
}

static size_t count_blanks(struct span s)
{
    size_t count = 0;
    while (count < s.len && (s.at[count] == ' ' || s.at[count] == '\t'))
        count++;
    return count;
}

/* The words at the front that have one charset, as one: a character may be cut between them. Writes
 * how long they are, with the blanks in front of another word (RFC 2047 6.2). */
static int take_words(struct span s, const struct encoded_word *first, struct buffer *out,
                      size_t *ret_len)
{
    AUTO_BUFFER bytes = BUFFER(s.len);
    struct encoded_word word = *first;
    size_t len = 0, before = out->len;
    int rc = 0;
    for (bool more = true; rc == 0 && more;) {
        rc = append_word_bytes(&word, &bytes);
        len += word.len;
        size_t blanks = count_blanks(span_from(s, len));
        more = blanks && read_word(span_from(s, len + blanks), &word);
        len += more ? blanks : 0;
        more = more && span_equal_nocase(word.charset, first->charset);
    }
    *ret_len = len;
    if (rc == 0)
        rc = decode_charset(first->charset, buffer_span(&bytes), out);
    clean(out, before);
    return rc;
}

static int take_plain(struct span text, struct buffer *out)
{
    size_t before = out->len;
    int rc = decode_charset(SPAN(""), text, out);
    clean(out, before);
    return rc;
}

static bool is_simple_byte(struct span text, size_t at)
{
    char c = text.at[at];
    if (c == '\r')
        return at + 1 == text.len || text.at[at + 1] == '\n';
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\t';
}

/* Nothing in it but printable ASCII, tabs and line ends. */
static bool is_simple_text(struct span text)
{
    size_t i = 0;
    while (i < text.len) {
        uint64_t word = text.len - i < sizeof word ? 0 : word_at(text.at + i);
        if (word && !(word & WORD_HIGH) && !word_has_below(word, ' ') && !word_has(word, 127))
            i += sizeof word;
        else if (is_simple_byte(text, i))
            i++;
        else
            return false;
    }
    return true;
}

bool decode_is_simple(struct span body)
{
    struct span rest = body;
    for (ptrdiff_t equals; (equals = span_find(rest, '=')) >= 0;) {
        rest = span_from(rest, (size_t)equals + 1);
        if (rest.len && rest.at[0] == '?')
            return false;
    }
    return is_simple_text(body);
}

/* Without line ends; the same span where there are none. */
static int unfold(struct span body, struct buffer *line, struct span *ret_line)
{
    *ret_line = body;
    if (span_find(body, '\r') < 0 && span_find(body, '\n') < 0)
        return 0;
    int rc = header_unfold(body, line);
    *ret_line = buffer_span(line);
    return rc;
}

/* Where the next encoded word begins; the end: there is none. */
static size_t find_word(struct span line, size_t at, struct encoded_word *ret_word)
{
    for (ptrdiff_t equals; (equals = span_find(span_from(line, at), '=')) >= 0; at++) {
        at += (size_t)equals;
        if (read_word(span_from(line, at), ret_word))
            return at;
    }
    return line.len;
}

int decode_words(struct span body, struct buffer *out)
{
    AUTO_BUFFER unfolded = BUFFER(body.len);
    struct encoded_word word;
    struct span line;
    int rc = unfold(body, &unfolded, &line);
    for (size_t at = 0; rc == 0 && at < line.len;) {
        size_t begin = find_word(line, at, &word), len = 0;
        rc = take_plain(span_first(span_from(line, at), begin - at), out);
        if (rc == 0 && begin < line.len)
            rc = take_words(span_from(line, begin), &word, out, &len);
        at = begin + len;
    }
    return rc;
}

/* --- parameters ------------------------------------------------------------------------------ */

static int decode_percent(struct span text, struct buffer *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < text.len;) {
        int high = text.at[i] == '%' && i + 2 < text.len ? hex_digit(text.at[i + 1]) : -1;
        int low = high < 0 ? -1 : hex_digit(text.at[i + 2]);
        rc = buffer_append_byte(out, low < 0 ? text.at[i] : (char)(high << 4 | low));
        i += low < 0 ? 1 : 3;
    }
    return rc;
}

/* "charset'language'" off the front. */
static struct span cut_charset(struct span *value)
{
    struct span rest = *value, charset, language;
    if (!span_cut(&rest, '\'', &charset) || !span_cut(&rest, '\'', &language))
        return SPAN("");
    *value = rest;
    return charset;
}

struct sections {
    char charset[CHARSET_MAX];
    struct buffer bytes;
};

/* name*= (number -1), name*0=, name*1*=, …: the first says the charset. 1, 0: it is not there. */
static int add_section(struct span parameters, struct span name, int number, struct sections *s)
{
    char value[MIME_VALUE_MAX], plain[80], encoded[82];
    snprintf(plain, sizeof plain, number < 0 ? "%.*s" : "%.*s*%d", SPAN_PRINT(name), number);
    snprintf(encoded, sizeof encoded, "%s*", plain);
    if (mime_find_parameter(parameters, span_of(encoded), value, sizeof value)) {
        struct span text = span_of(value);
        if (number <= 0 && !span_to_text(cut_charset(&text), s->charset, sizeof s->charset))
            s->charset[0] = '\0';
        int rc = decode_percent(text, &s->bytes);
        return rc < 0 ? rc : 1;
    }
    if (number < 0 || !mime_find_parameter(parameters, span_of(plain), value, sizeof value))
        return 0;
    int rc = buffer_append_text(&s->bytes, value);
    return rc < 0 ? rc : 1;
}

static int read_sections(struct span parameters, struct span name, struct sections *s)
{
    int count = 0, rc = add_section(parameters, name, -1, s);
    if (rc != 0)
        return rc;
    while (count < SECTIONS_MAX && (rc = add_section(parameters, name, count, s)) > 0)
        count++;
    return rc < 0 ? rc : count > 0;
}

int decode_parameter(struct span parameters, struct span name, struct buffer *out)
{
    char value[MIME_VALUE_MAX];
    struct sections s = {.bytes = BUFFER(PARAMETER_MAX)};
    size_t before = out->len;
    int rc = name.len > PARAMETER_NAME_MAX ? 0 : read_sections(parameters, name, &s), failed = 0;
    if (rc > 0) {
        failed = decode_charset(span_of(s.charset), buffer_span(&s.bytes), out);
    } else if (rc == 0 && mime_find_parameter(parameters, name, value, sizeof value)) {
        failed = decode_words(span_of(value), out); /* not by the standard, but what many send */
        rc = 1;
    }
    buffer_free(&s.bytes);
    clean(out, before);
    return failed < 0 ? failed : rc;
}
