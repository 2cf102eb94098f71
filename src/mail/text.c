/* The text of parts, and previews; see text.h. */
#include "mail/text.h"

#include "base/utf8.h"
#include "mail/decode.h"
#include "mail/header.h"
#include "mail/html_text.h"
#include "mail/section.h"

#include <errno.h>

#define CHARSET_MAX 64
#define WORDS_MAX   ((size_t)16 * 1024) /* of an HTML part, from which the preview is taken */

/* --- text ------------------------------------------------------------------------------------ */

/* The parameter of Content-Type, terminated; empty: there is none. */
static void read_charset(struct span header, char value[CHARSET_MAX])
{
    struct header_field field;
    struct span type, subtype, parameters;
    value[0] = '\0';
    if (header_find(header, SPAN("Content-Type"), &field) &&
        mime_parse_type(field.body, &type, &subtype, &parameters) == 0 &&
        !mime_find_parameter(parameters, SPAN("charset"), value, CHARSET_MAX))
        value[0] = '\0';
}

/* Without the half character that a cut leaves at the end of UTF-8. */
static struct span whole_characters(struct span bytes)
{
    for (size_t back = 1; back <= 3 && back <= bytes.len; back++) {
        struct span last = span_from(bytes, bytes.len - back);
        if ((unsigned char)last.at[0] < 0xc0)
            continue;
        struct span whole = span_first(bytes, bytes.len - back);
        return utf8_character(last) == 0 && utf8_is_text(whole) ? whole : bytes;
    }
    return bytes;
}

int text_decode(const struct structure_part *part, struct span header, struct span body,
                struct buffer *out)
{
    AUTO_BUFFER decoded = BUFFER(body.len + sizeof((struct section_decoder *)0)->held);
    struct section_decoder decoder;
    char charset[CHARSET_MAX];
    bool is_cut = body.len < part->end - part->body;
    if (part->encoding == STRUCTURE_QUOTED || part->encoding == STRUCTURE_BASE64) {
        int rc = section_decode_begin(&decoder, part->encoding);
        if (rc == 0)
            rc = section_decode(&decoder, body, &decoded);
        if (rc == 0)
            rc = section_decode_end(&decoder, &decoded);
        if (rc < 0)
            return rc;
        body = buffer_span(&decoded);
    }
    read_charset(header, charset);
    return decode_charset(span_of(charset), is_cut ? whole_characters(body) : body, out);
}

/* --- previews -------------------------------------------------------------------------------- */

int text_find_preview(struct span table, struct structure_part *ret_part)
{
    struct structure_walk walk;
    struct structure_part part;
    bool found = false;
    int rc = structure_begin(table, &walk);
    while (rc >= 0 && (rc = structure_next(&walk, &part)) > 0) {
        if (part.type != STRUCTURE_TEXT_PLAIN && part.type != STRUCTURE_TEXT_HTML)
            continue;
        if (!found || !part.attachment)
            *ret_part = part;
        found = true;
        if (!part.attachment)
            return 0;
    }
    return rc < 0 ? rc : found ? 0 : ERR_ABSENT;
}

struct line {
    struct buffer *out;
    unsigned characters;
    bool blank; /* owed before the next character */
};

/* False where the preview is full. */
static bool put(struct line *line, struct span character)
{
    size_t need = character.len + line->blank;
    bool blank = line->blank;
    line->blank = false;
    if (line->characters + blank >= TEXT_PREVIEW_CHARACTERS || buffer_reserve(line->out, need) < 0)
        return false;
    if (blank)
        line->out->at[line->out->len++] = ' ';
    for (size_t i = 0; i < character.len; i++)
        line->out->at[line->out->len++] = character.at[i];
    line->characters += 1 + blank;
    return true;
}

/* Controls and U+00A0 are blanks; C1 controls stand in no text. */
static bool is_blank(struct span character)
{
    unsigned char c = (unsigned char)character.at[0];
    return c <= 32 || c == 127 ||
           (c == 0xc2 && character.len == 2 && (unsigned char)character.at[1] <= 0xa0);
}

static bool put_words(struct line *line, struct span text)
{
    while (text.len) {
        size_t len = utf8_character(text);
        struct span character = span_first(text, len ? len : 1);
        if (len == 0 || is_blank(character))
            line->blank = line->characters > 0;
        else if (!put(line, character))
            return false;
        text = span_from(text, character.len);
    }
    return true;
}

static bool is_quoted(struct span line)
{
    return line.len && line.at[0] == '>';
}

/* Quoted lines say what others wrote, so they are shown only where there are no others. */
static void put_lines(struct line *line, struct span text, bool quoted)
{
    struct span one;
    while (span_cut(&text, '\n', &one))
        if ((quoted || !is_quoted(one)) && (!put_words(line, one) || !put_words(line, SPAN("\n"))))
            return;
}

static int put_preview(struct span text, struct buffer *out)
{
    struct line line = {.out = out};
    int rc = buffer_reserve(out, TEXT_PREVIEW_MAX);
    if (rc < 0)
        return rc;
    put_lines(&line, text, false);
    if (line.characters == 0)
        put_lines(&line, text, true);
    return 0;
}

int text_preview(const struct structure_part *part, struct span header, struct span body,
                 struct buffer *out)
{
    AUTO_BUFFER text = BUFFER(3 * TEXT_PREVIEW_READS + 1);
    AUTO_BUFFER words = BUFFER(WORDS_MAX);
    int rc = text_decode(part, header, span_first(body, TEXT_PREVIEW_READS), &text);
    if (rc == -ENOBUFS)
        rc = 0; /* what came before is enough */
    if (rc == 0 && part->type == STRUCTURE_TEXT_HTML)
        rc = html_text_words(buffer_span(&text), &words);
    if (rc < 0)
        return rc;
    return put_preview(buffer_span(part->type == STRUCTURE_TEXT_HTML ? &words : &text), out);
}
