/*
 * Header text there and back: what encode_word and parameter write is read again by the plain rules
 * of RFC 2047 and 2231, and is what it was.
 */
#include "fuzz.h"

#include "base/base64.h"
#include "mail/encode_word.h"
#include "mail/parameter.h"

#define MUST(call) CLAIM((call) == 0)

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char hex(char c)
{
    return (char)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* Checks the lines and joins them. */
static void unfold(struct span field, struct buffer *out)
{
    struct span line;
    CLAIM(field.len >= 2 && field.at[field.len - 1] == '\n');
    while (span_cut(&field, '\n', &line)) {
        CLAIM(line.len && line.at[line.len - 1] == '\r');
        line.len--;
        CLAIM(line.len <= LINE_LIMIT && span_trim(line).len);
        CLAIM(line.len <= FOLD_COLUMN || span_find_span(line, SPAN("=?utf-8?")) < 0);
        for (size_t i = 0; i < line.len; i++)
            CLAIM(line.at[i] == '\t' || (line.at[i] >= 32 && line.at[i] < 127));
        MUST(buffer_append(out, line));
    }
}

static void decode_q(struct span text, struct buffer *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i] == '_' ? ' ' : text.at[i];
        if (c == '=') {
            CLAIM(i + 2 < text.len);
            c = (char)(hex(text.at[i + 1]) << 4 | hex(text.at[i + 2]));
            i += 2;
        }
        MUST(buffer_append_byte(out, c));
    }
}

/* An encoded word at the front; its length, or 0. */
static size_t decode_word(struct span text, struct buffer *out)
{
    if (!span_starts(text, SPAN("=?utf-8?")))
        return 0;
    struct span payload = span_from(text, 10);
    ptrdiff_t end = span_find_span(payload, SPAN("?="));
    CLAIM(end >= 0 && end <= 63);
    payload = span_first(payload, (size_t)end);
    size_t before = out->len;
    if (text.at[8] == 'q')
        decode_q(payload, out);
    else
        MUST(base64_decode(out, payload));
    CLAIM(encode_word_is_text(span_from(buffer_span(out), before))); /* no character is split */
    return 12 + (size_t)end;
}

/* Blanks between two encoded words are nothing. */
static void decode(struct span text, struct buffer *out)
{
    bool after_word = false;
    while (text.len) {
        size_t blanks = 0;
        while (blanks < text.len && is_blank(text.at[blanks]))
            blanks++;
        struct span rest = span_from(text, blanks);
        if (!after_word || !span_starts(rest, SPAN("=?utf-8?")))
            MUST(buffer_append(out, span_first(text, blanks)));
        size_t len = decode_word(rest, out);
        after_word = len > 0;
        while (!after_word && len < rest.len && !is_blank(rest.at[len]))
            len++;
        if (!after_word)
            MUST(buffer_append(out, span_first(rest, len)));
        text = span_from(rest, len);
    }
}

static struct span trim(struct span text)
{
    while (text.len && is_blank(text.at[0]))
        text = span_from(text, 1);
    while (text.len && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

static void claim_text(struct span name, struct span text)
{
    AUTO_BUFFER field = BUFFER(1 << 24), line = BUFFER(1 << 24), found = BUFFER(1 << 24);
    struct fold f;
    MUST(fold_begin(&f, &field, name));
    MUST(encode_word_text(&f, text));
    MUST(fold_end(&f));
    unfold(buffer_span(&field), &line);
    decode(trim(span_from(buffer_span(&line), name.len + 1)), &found);
    CLAIM(span_equal(buffer_span(&found), trim(text)));
}

static void claim_phrase(struct span text)
{
    AUTO_BUFFER field = BUFFER(1 << 24), line = BUFFER(1 << 24), found = BUFFER(1 << 24);
    struct fold f;
    MUST(fold_begin(&f, &field, SPAN("To")));
    MUST(encode_word_phrase(&f, text));
    MUST(fold_end(&f));
    unfold(buffer_span(&field), &line);
    struct span body = trim(span_from(buffer_span(&line), 3));
    if (body.len && body.at[0] == '"') {
        for (size_t i = 1; i + 1 < body.len; i++) {
            i += body.at[i] == '\\';
            MUST(buffer_append_byte(&found, body.at[i]));
        }
    } else {
        decode(body, &found);
    }
    CLAIM(span_equal(buffer_span(&found), trim(text)));
}

/* One "name=value" or "name*N*=value". */
static void decode_section(struct span section, struct buffer *out)
{
    ptrdiff_t equals = span_find(section, '=');
    CLAIM(equals > 0);
    bool extended = section.at[equals - 1] == '*';
    struct span value = span_from(section, (size_t)equals + 1);
    if (span_starts(value, SPAN("UTF-8''")) && extended)
        value = span_from(value, 7);
    bool quoted = value.len && value.at[0] == '"';
    for (size_t i = quoted; i + quoted < value.len; i++) {
        char c = value.at[i];
        if (extended && c == '%') {
            CLAIM(i + 2 < value.len);
            c = (char)(hex(value.at[i + 1]) << 4 | hex(value.at[i + 2]));
            i += 2;
        } else if (quoted && c == '\\') {
            c = value.at[++i];
        }
        MUST(buffer_append_byte(out, c));
    }
}

static void claim_parameter(struct span value)
{
    AUTO_BUFFER field = BUFFER(1 << 20), line = BUFFER(1 << 20), found = BUFFER(1 << 20);
    struct fold f;
    MUST(fold_begin(&f, &field, SPAN("X")));
    MUST(parameter_write(&f, SPAN("filename"), value));
    MUST(fold_end(&f));
    unfold(buffer_span(&field), &line);
    struct span rest = span_from(buffer_span(&line), 3), section;
    if (parameter_is_plain(value)) {
        decode_section(span_trim(rest), &found);
    } else {
        while (span_cut(&rest, ';', &section))
            decode_section(span_trim(section), &found);
    }
    CLAIM(span_equal(buffer_span(&found), value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    if (!encode_word_is_text(text))
        return 0;
    claim_text(SPAN("Subject"), text);
    claim_text(SPAN("X-A-Name-That-Leaves-Hardly-Any-Room-On-Its-Line-For-What-Follows-It-So"),
               text);
    claim_phrase(text);
    if (size <= PARAMETER_VALUE_MAX)
        claim_parameter(text);
    return 0;
}
