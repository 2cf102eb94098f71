/* A writer of XML; see xml.h. */
#include "autoconfig/xml.h"

#include "base/utf8.h"

#define NO_CHARACTER SPAN("\xef\xbf\xbd") /* U+FFFD */

static void put(struct xml *x, struct span bytes)
{
    if (x->error == 0)
        x->error = buffer_append(x->out, bytes);
}

void xml_markup(struct xml *x, const char *markup)
{
    put(x, span_of(markup));
}

/* Char (XML 1.0 2.2): no controls but three, and neither U+FFFE nor U+FFFF. */
static bool is_char(struct span character)
{
    if (character.len == 1)
        return character.at[0] >= 32 || span_find(SPAN("\t\n\r"), character.at[0]) >= 0;
    return !span_equal(character, SPAN("\xef\xbf\xbe")) &&
           !span_equal(character, SPAN("\xef\xbf\xbf"));
}

static struct span escaped(struct span character)
{
    switch (character.at[0]) {
    case '&':
        return SPAN("&amp;");
    case '<':
        return SPAN("&lt;");
    case '>':
        return SPAN("&gt;");
    case '"':
        return SPAN("&quot;");
    case '\'':
        return SPAN("&#39;");
    default:
        return is_char(character) ? character : NO_CHARACTER;
    }
}

void xml_text(struct xml *x, struct span text)
{
    while (text.len && x->error == 0) {
        size_t len = utf8_character(text);
        put(x, len ? escaped(span_first(text, len)) : NO_CHARACTER);
        text = span_from(text, len ? len : 1);
    }
}

void xml_element(struct xml *x, const char *name, struct span text)
{
    if (x->error == 0)
        x->error = buffer_printf(x->out, "<%s>", name);
    xml_text(x, text);
    if (x->error == 0)
        x->error = buffer_printf(x->out, "</%s>\n", name);
}

void xml_element_uint(struct xml *x, const char *name, uint64_t value)
{
    if (x->error == 0)
        x->error = buffer_printf(x->out, "<%s>%llu</%s>\n", name, (unsigned long long)value, name);
}
