/* Parameters of MIME fields; see parameter.h. */
#include "mail/parameter.h"

#include "base/utf8.h"
#include "mail/encode_word.h"

#include <string.h>

#define ATTRIBUTE_MAX ((size_t)32)
#define PLAIN_MAX     ((size_t)255) /* longer ones are cut into sections */
#define SECTION_TEXT  70            /* " name*12*=…;" */

static bool is_token_char(char c)
{
    return c > 32 && c < 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

bool parameter_is_token(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_token_char(text.at[i]))
            return false;
    return text.len > 0;
}

bool parameter_is_plain(struct span value)
{
    if (value.len > PLAIN_MAX || span_find_span(value, SPAN("=?")) >= 0)
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] < 32 || value.at[i] > 126)
            return false;
    /* blanks at the ends are lost on the way */
    return value.len == 0 || (value.at[0] != ' ' && value.at[value.len - 1] != ' ');
}

int parameter_plain(struct buffer *out, struct span value)
{
    int rc = 0;
    while (rc == 0 && value.len) {
        size_t len = utf8_character(value);
        char c = value.at[0];
        bool plain = c >= 32 && c < 127 && c != '"' && c != '\\';
        rc = buffer_append_byte(out, plain ? c : '_');
        value = span_from(value, len ? len : 1);
    }
    return rc;
}

/* Of a value: where '*', '\'' and '%' stand, readers of RFC 2231 stumble without quotes. */
static bool needs_quotes(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (!is_token_char(value.at[i]) || strchr("*'%", value.at[i]))
            return true;
    return value.len == 0;
}

static int write_plain(struct fold *f, struct span name, struct span value)
{
    AUTO_BUFFER word = BUFFER(ATTRIBUTE_MAX + 2 * PLAIN_MAX + 4);
    bool quoted = needs_quotes(value);
    int rc = buffer_append(&word, name);
    if (rc == 0)
        rc = buffer_append_text(&word, quoted ? "=\"" : "=");
    for (size_t i = 0; rc == 0 && i < value.len; i++) {
        if (value.at[i] == '"' || value.at[i] == '\\')
            rc = buffer_append_byte(&word, '\\');
        if (rc == 0)
            rc = buffer_append_byte(&word, value.at[i]);
    }
    if (rc == 0 && quoted)
        rc = buffer_append_byte(&word, '"');
    return rc < 0 ? rc : fold_word(f, SPAN(" "), buffer_span(&word));
}

/* attribute-char (RFC 2231 7); the others are percent-encoded. */
static bool is_attribute_char(char c)
{
    return is_token_char(c) && !strchr("*'%", c);
}

static size_t encoded_length(struct span text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        len += is_attribute_char(text.at[i]) ? 1 : 3;
    return len;
}

static int append_encoded(struct buffer *out, struct span text)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < text.len; i++)
        rc = is_attribute_char(text.at[i])
                 ? buffer_append_byte(out, text.at[i])
                 : buffer_printf(out, "%%%02X", (unsigned)(unsigned char)text.at[i]);
    return rc;
}

/* What of text goes into a section with that much room, in whole characters; at least one. */
static size_t section_length(struct span text, size_t room)
{
    size_t len = 0, used = 0;
    while (len < text.len) {
        size_t next = utf8_character(span_from(text, len));
        next = next ? next : 1;
        used += encoded_length(span_first(span_from(text, len), next));
        if (len && used > room)
            break;
        len += next;
    }
    return len;
}

/* "name*=UTF-8''…", or "name*0*=UTF-8''…; name*1*=…". */
static int write_extended(struct fold *f, struct span name, struct span value)
{
    bool one = name.len + encoded_length(value) + sizeof "*=UTF-8''" < SECTION_TEXT;
    for (unsigned section = 0; section == 0 || value.len; section++) {
        AUTO_BUFFER word = BUFFER(256);
        int rc = buffer_append(&word, name);
        if (rc == 0)
            rc = one ? buffer_append_text(&word, "*=") : buffer_printf(&word, "*%u*=", section);
        if (rc == 0 && section == 0)
            rc = buffer_append_text(&word, "UTF-8''");
        size_t len = section_length(value, SECTION_TEXT - word.len);
        if (rc == 0)
            rc = append_encoded(&word, span_first(value, len));
        value = span_from(value, len);
        if (rc == 0 && value.len)
            rc = buffer_append_byte(&word, ';');
        if (rc == 0)
            rc = fold_word(f, SPAN(" "), buffer_span(&word));
        if (rc < 0)
            return rc;
    }
    return 0;
}

int parameter_write(struct fold *f, struct span name, struct span value)
{
    if (!parameter_is_token(name) || name.len > ATTRIBUTE_MAX || value.len > PARAMETER_VALUE_MAX ||
        !encode_word_is_text(value))
        return ERR_SYNTAX;
    int rc = fold_word(f, SPAN(""), SPAN(";"));
    if (rc < 0)
        return rc;
    return parameter_is_plain(value) ? write_plain(f, name, value) : write_extended(f, name, value);
}
