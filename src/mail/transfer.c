/* Content-Transfer-Encodings; see transfer.h. */
#include "mail/transfer.h"

#include "base/base64.h"
#include "base/utf8.h"
#include "base/word.h"
#include "mail/fold.h"

#define BASE64_LINE   ((size_t)57)   /* bytes that make 76 columns */
#define QUOTED_COLUMN ((size_t)75)   /* and the "=" of a soft line break */
#define STRETCH       ((size_t)1000) /* bytes looked through for a line end; LINE_LIMIT or more */

const char *transfer_name(enum transfer_encoding encoding)
{
    static const char *const names[] = {"7bit", "quoted-printable", "base64"};
    return names[encoding];
}

/* --- choosing -------------------------------------------------------------------------------- */

static bool is_line_end(struct span s)
{
    return s.len >= 2 && s.at[0] == '\r' && s.at[1] == '\n';
}

bool transfer_is_canonical(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_line_end(span_from(text, i)))
            i++;
        else if (text.at[i] == '\r' || text.at[i] == '\n')
            return false;
    }
    return true;
}

/* How much of text stands before its first CR or LF, or a stretch of it without one. */
static size_t line_length(struct span text)
{
    struct span line = span_first(text, STRETCH);
    ptrdiff_t lf = span_find(line, '\n');
    line = lf < 0 ? line : span_first(line, (size_t)lf);
    ptrdiff_t cr = span_find(line, '\r');
    return cr < 0 ? line.len : (size_t)cr;
}

bool transfer_is_7bit(struct span bytes)
{
    if (!utf8_is_ascii(bytes) || span_find(bytes, '\0') >= 0)
        return false;
    while (bytes.len) {
        size_t len = line_length(bytes);
        bytes = span_from(bytes, len);
        if (len > LINE_LIMIT || (bytes.len && !is_line_end(bytes)))
            return false;
        bytes = span_from(bytes, 2);
    }
    return true;
}

/* In quoted-printable as itself, but for blanks at line ends. */
static bool is_plain(char c)
{
    return (c >= 32 && c < 127 && c != '=') || c == '\t';
}

/* How many of at most max bytes are plain. */
static size_t plain_length(struct span s, size_t max)
{
    size_t len = 0;
    s = span_first(s, max);
    for (; s.len - len >= sizeof(uint64_t); len += sizeof(uint64_t)) {
        uint64_t word = word_at(s.at + len);
        if ((word & WORD_HIGH) || word_has_below(word, 32) || word_has(word, 127) ||
            word_has(word, '='))
            break;
    }
    while (len < s.len && is_plain(s.at[len]))
        len++;
    return len;
}

enum transfer_encoding transfer_choose(struct span text)
{
    size_t escaped = 0;
    if (transfer_is_7bit(text))
        return TRANSFER_7BIT;
    for (size_t i = plain_length(text, text.len); i < text.len;) {
        escaped += text.at[i] != '\r' && text.at[i] != '\n';
        i += 1 + plain_length(span_from(text, i + 1), text.len);
    }
    /* three columns each: longer than base64's third from a sixth on; but readable until then */
    return escaped <= text.len / 6 ? TRANSFER_QUOTED_PRINTABLE : TRANSFER_BASE64;
}

int transfer_line_ends(struct buffer *out, struct span text)
{
    int rc = buffer_reserve(out, text.len);
    while (rc == 0 && text.len) {
        size_t len = line_length(text);
        rc = buffer_append(out, span_first(text, len));
        text = span_from(text, len);
        if (rc < 0 || text.len == 0 || (text.at[0] != '\r' && text.at[0] != '\n'))
            continue;
        rc = buffer_append(out, SPAN("\r\n"));
        text = span_from(text, is_line_end(text) ? 2 : 1);
    }
    return rc;
}

/* --- encoding -------------------------------------------------------------------------------- */

void transfer_begin(struct transfer *t, enum transfer_encoding encoding, struct span bytes)
{
    *t = (struct transfer){.encoding = encoding, .rest = bytes};
}

static int next_base64(struct transfer *t, size_t max, struct buffer *out)
{
    size_t lines = max / BASE64_LINE + 1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < lines && t->rest.len; i++) {
        rc = base64_encode(out, span_first(t->rest, BASE64_LINE));
        if (rc == 0)
            rc = buffer_append_text(out, "\r\n");
        t->rest = span_from(t->rest, BASE64_LINE);
    }
    return rc;
}

/* At the end of a line a blank would be lost. */
static bool must_escape(struct span rest)
{
    bool last = rest.len == 1 || is_line_end(span_from(rest, 1));
    return !is_plain(rest.at[0]) || (last && (rest.at[0] == ' ' || rest.at[0] == '\t'));
}

/* How many of at most max bytes stand for themselves. */
static size_t unescaped_length(struct span rest, size_t max)
{
    size_t len = plain_length(rest, max);
    return len > 0 && must_escape(span_from(rest, len - 1)) ? len - 1 : len;
}

static int next_quoted_byte(struct transfer *t, struct buffer *out)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char c = (unsigned char)t->rest.at[0];
    char escape[3] = {'=', digits[c >> 4], digits[c & 15]};
    bool escaped = must_escape(t->rest);
    size_t len = escaped ? 3 : 1;
    int rc = 0;
    if (t->column + len > QUOTED_COLUMN) {
        rc = buffer_append_text(out, "=\r\n");
        t->column = 0;
    }
    t->column += len;
    if (rc == 0)
        rc = escaped ? buffer_append(out, span_make(escape, 3))
                     : buffer_append_byte(out, t->rest.at[0]);
    t->rest = span_from(t->rest, 1);
    return rc;
}

static int next_quoted(struct transfer *t, size_t max, struct buffer *out)
{
    size_t until = t->rest.len > max ? t->rest.len - max : 0;
    int rc = 0;
    while (rc == 0 && t->rest.len > until) {
        size_t room = QUOTED_COLUMN - t->column, left = t->rest.len - until,
               plain = unescaped_length(t->rest, room < left ? room : left);
        if (plain) {
            rc = buffer_append(out, span_first(t->rest, plain));
            t->rest = span_from(t->rest, plain);
            t->column += plain;
        } else if (is_line_end(t->rest)) {
            rc = buffer_append(out, SPAN("\r\n"));
            t->rest = span_from(t->rest, 2);
            t->column = 0;
        } else {
            rc = next_quoted_byte(t, out);
        }
    }
    return rc;
}

int transfer_next(struct transfer *t, size_t max, struct buffer *out)
{
    if (t->encoding == TRANSFER_BASE64)
        return next_base64(t, max, out);
    if (t->encoding == TRANSFER_QUOTED_PRINTABLE)
        return next_quoted(t, max, out);
    int rc = buffer_append(out, span_first(t->rest, max));
    t->rest = span_from(t->rest, max);
    return rc;
}
