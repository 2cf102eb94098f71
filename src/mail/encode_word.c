/* Text of header fields; see encode_word.h. */
#include "mail/encode_word.h"

#include "base/base64.h"
#include "base/utf8.h"

#include <string.h>

#define PAYLOAD_MAX ((size_t)63) /* 75 less "=?utf-8?q?" and "?=" */
#define PIECE_MIN   ((size_t)12) /* one character of four bytes in Q */
#define WORD_MAX    ((size_t)900)
#define GAP_MAX     ((size_t)20)  /* blanks between words */
#define QUOTED_MAX  ((size_t)400) /* of a quoted display name */

bool encode_word_is_text(struct span text)
{
    return utf8_is_text(text) && span_find(text, '\r') < 0 && span_find(text, '\n') < 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* --- encoded words --------------------------------------------------------------------------- */

/* As itself in Q also within a phrase (RFC 2047 5 (3)). */
static bool is_q_plain(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || (c && strchr("!*+-/", c));
}

static size_t q_length(struct span text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        len += is_q_plain(text.at[i]) || text.at[i] == ' ' ? 1 : 3;
    return len;
}

/* How much of text, in whole characters, fits payload; in base64, if there is such a place in the
 * second half, what needs no padding. */
static size_t piece_length(struct span text, bool q, size_t payload)
{
    size_t len = 0, used = 0, aligned = 0;
    while (len < text.len) {
        size_t next = utf8_character(span_from(text, len));
        next = next ? next : 1;
        used =
            q ? used + q_length(span_first(span_from(text, len), next)) : (len + next + 2) / 3 * 4;
        if (used > payload)
            return !q && aligned * 2 >= len ? aligned : len;
        len += next;
        aligned = len % 3 ? aligned : len;
    }
    return len;
}

static int append_q(struct buffer *out, struct span text)
{
    static const char digits[] = "0123456789ABCDEF";
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        char escape[3] = {'=', digits[c >> 4], digits[c & 15]};
        if (c == ' ')
            rc = buffer_append_byte(out, '_');
        else if (is_q_plain(text.at[i]))
            rc = buffer_append_byte(out, text.at[i]);
        else
            rc = buffer_append(out, span_make(escape, sizeof escape));
    }
    return rc;
}

static int append_piece(struct fold *f, struct span blanks, struct span piece, bool q)
{
    AUTO_BUFFER word = BUFFER(128);
    int rc = buffer_append_text(&word, q ? "=?utf-8?q?" : "=?utf-8?b?");
    if (rc == 0)
        rc = q ? append_q(&word, piece) : base64_encode(&word, piece);
    if (rc == 0)
        rc = buffer_append_text(&word, "?=");
    return rc < 0 ? rc : fold_word(f, blanks, buffer_span(&word));
}

/* What an encoded word on this line can hold. */
static size_t payload_room(const struct fold *f, struct span blanks)
{
    size_t around = blanks.len + 75 - PAYLOAD_MAX, room = fold_room(f);
    size_t payload = room > around ? room - around : 0;
    return payload < PAYLOAD_MAX ? payload : PAYLOAD_MAX;
}

/* The text as encoded words, the first behind blanks, the others each on a line of its own. */
static int append_encoded(struct fold *f, struct span blanks, struct span text)
{
    bool q = q_length(text) <= (text.len + 2) / 3 * 4;
    while (text.len) {
        size_t payload = payload_room(f, blanks);
        int rc = payload < PIECE_MIN ? fold_line(f) : 0;
        if (payload < PIECE_MIN)
            payload = payload_room(f, blanks);
        /* padding only at the very end: some readers join base64 before they decode it */
        size_t len = piece_length(text, q, payload);
        bool padded = !q && len < text.len && len % 3;
        if (padded)
            len = piece_length(text, true, payload);
        if (rc == 0)
            rc = append_piece(f, blanks, span_first(text, len), q || padded);
        if (rc < 0)
            return rc;
        text = span_from(text, len);
        blanks = SPAN(" ");
    }
    return 0;
}

/* --- unstructured text ----------------------------------------------------------------------- */

static size_t blanks_length(struct span text)
{
    size_t len = 0;
    while (len < text.len && is_blank(text.at[len]))
        len++;
    return len;
}

static size_t word_length(struct span text)
{
    size_t len = 0;
    while (len < text.len && !is_blank(text.at[len]))
        len++;
    return len;
}

static bool word_is_plain(struct span word)
{
    if (word.len > WORD_MAX || span_find_span(word, SPAN("=?")) >= 0)
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (word.at[i] < 33 || word.at[i] > 126)
            return false;
    return true;
}

/* Words in a row that must be encoded, with the blanks between them; 0 when the first is plain. */
static size_t encoded_run(struct span text)
{
    size_t end = 0, at = 0;
    while (at < text.len) {
        size_t len = word_length(span_from(text, at));
        if (word_is_plain(span_first(span_from(text, at), len)))
            break;
        end = at + len;
        at = end + blanks_length(span_from(text, end));
    }
    return end;
}

/* No line could hold such blanks, or lines of nothing else would come of them. */
static bool has_wide_gap(struct span text)
{
    size_t blanks = 0;
    for (size_t i = 0; i < text.len && blanks <= GAP_MAX; i++)
        blanks = is_blank(text.at[i]) ? blanks + 1 : 0;
    return blanks > GAP_MAX;
}

static struct span trim_blanks(struct span text)
{
    text = span_from(text, blanks_length(text));
    while (text.len && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

int encode_word_text(struct fold *f, struct span text)
{
    struct span blanks = SPAN(" ");
    text = trim_blanks(text);
    if (has_wide_gap(text))
        return append_encoded(f, blanks, text);
    while (text.len) {
        size_t run = encoded_run(text), len = run ? run : word_length(text);
        int rc = run ? append_encoded(f, blanks, span_first(text, len))
                     : fold_word(f, blanks, span_first(text, len));
        if (rc < 0)
            return rc;
        text = span_from(text, len);
        blanks = span_first(text, blanks_length(text));
        text = span_from(text, blanks.len);
    }
    return 0;
}

/* --- phrases --------------------------------------------------------------------------------- */

static bool is_atom_text(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Atoms with one space between. */
static bool phrase_is_atoms(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_atom_text(name.at[i]) && (name.at[i] != ' ' || name.at[i - 1] == ' '))
            return false;
    return true;
}

static bool phrase_is_plain(struct span name)
{
    if (name.len > QUOTED_MAX || span_find_span(name, SPAN("=?")) >= 0)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] < 32 || name.at[i] > 126)
            return false;
    return true;
}

static int append_quoted(struct fold *f, struct span name)
{
    AUTO_BUFFER word = BUFFER(2 * QUOTED_MAX + 2);
    int rc = buffer_append_byte(&word, '"');
    for (size_t i = 0; rc == 0 && i < name.len; i++) {
        if (name.at[i] == '"' || name.at[i] == '\\')
            rc = buffer_append_byte(&word, '\\');
        if (rc == 0)
            rc = buffer_append_byte(&word, name.at[i]);
    }
    if (rc == 0)
        rc = buffer_append_byte(&word, '"');
    return rc < 0 ? rc : fold_word(f, SPAN(" "), buffer_span(&word));
}

int encode_word_phrase(struct fold *f, struct span name)
{
    name = trim_blanks(name);
    if (!phrase_is_plain(name))
        return append_encoded(f, SPAN(" "), name);
    /* in one piece: some readers keep a fold between atoms */
    return name.len && phrase_is_atoms(name) ? fold_word(f, SPAN(" "), name)
                                             : append_quoted(f, name);
}
