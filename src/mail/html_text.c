/* Text made from HTML; see html_text.h. */
#include "mail/html_text.h"

#include "base/utf8.h"
#include "mail/entity.h"
#include "mail/html.h"

#define URL_MAX    ((size_t)2000)
#define HELD_MAX   ((size_t)64)
#define BREAKS_MAX 3U
#define NO_LINK    SIZE_MAX

enum element {
    ELEMENT_NONE,
    ELEMENT_LINE,      /* begins and ends a line */
    ELEMENT_PARAGRAPH, /* and has a blank line around it */
    ELEMENT_BREAK,
    ELEMENT_RULE,
    ELEMENT_LIST,
    ELEMENT_NUMBERED,
    ELEMENT_ITEM,
    ELEMENT_QUOTE,
    ELEMENT_PRE,
    ELEMENT_LINK,
    ELEMENT_IMAGE,
    ELEMENT_CELL,
    ELEMENT_DROPPED, /* with all it holds */
};
static const struct {
    const char *name;
    enum element element;
} elements[] = {
    {"a", ELEMENT_LINK},           {"address", ELEMENT_LINE},     {"article", ELEMENT_LINE},
    {"aside", ELEMENT_LINE},       {"blockquote", ELEMENT_QUOTE}, {"body", ELEMENT_LINE},
    {"br", ELEMENT_BREAK},         {"caption", ELEMENT_LINE},     {"center", ELEMENT_LINE},
    {"dd", ELEMENT_LINE},          {"div", ELEMENT_LINE},         {"dl", ELEMENT_PARAGRAPH},
    {"dt", ELEMENT_LINE},          {"fieldset", ELEMENT_LINE},    {"figcaption", ELEMENT_LINE},
    {"figure", ELEMENT_PARAGRAPH}, {"footer", ELEMENT_LINE},      {"form", ELEMENT_LINE},
    {"h1", ELEMENT_PARAGRAPH},     {"h2", ELEMENT_PARAGRAPH},     {"h3", ELEMENT_PARAGRAPH},
    {"h4", ELEMENT_PARAGRAPH},     {"h5", ELEMENT_PARAGRAPH},     {"h6", ELEMENT_PARAGRAPH},
    {"header", ELEMENT_LINE},      {"hr", ELEMENT_RULE},          {"iframe", ELEMENT_DROPPED},
    {"img", ELEMENT_IMAGE},        {"li", ELEMENT_ITEM},          {"main", ELEMENT_LINE},
    {"menu", ELEMENT_LIST},        {"nav", ELEMENT_LINE},         {"noframes", ELEMENT_DROPPED},
    {"ol", ELEMENT_NUMBERED},      {"option", ELEMENT_LINE},      {"p", ELEMENT_PARAGRAPH},
    {"pre", ELEMENT_PRE},          {"script", ELEMENT_DROPPED},   {"section", ELEMENT_LINE},
    {"style", ELEMENT_DROPPED},    {"svg", ELEMENT_DROPPED},      {"table", ELEMENT_PARAGRAPH},
    {"td", ELEMENT_CELL},          {"template", ELEMENT_DROPPED}, {"th", ELEMENT_CELL},
    {"title", ELEMENT_DROPPED},    {"tr", ELEMENT_LINE},          {"ul", ELEMENT_LIST},
    {"xml", ELEMENT_DROPPED},
};

struct page {
    struct buffer *out;
    bool full;
    int rc;
    /* owed before the next word */
    unsigned breaks;
    bool blank, cell, marker;
    char held[HELD_MAX]; /* characters without width, shown if the word has others */
    size_t held_len;
    bool in_word;
    /* where we are */
    unsigned lists, quotes, pre, last_quotes;
    bool numbered[HTML_TEXT_DEPTH];
    unsigned items[HTML_TEXT_DEPTH];
    bool pre_begins;
    bool words_only; /* links are not shown */
    struct span href;
    size_t link_at; /* where its text began; NO_LINK: not yet */
};

/* --- writing --------------------------------------------------------------------------------- */

static void put(struct page *p, struct span bytes)
{
    /* the last line end always has room */
    if (p->full || bytes.len + 2 > p->out->cap - p->out->len) {
        p->full = true;
        return;
    }
    p->rc = buffer_append(p->out, bytes);
    p->full = p->rc < 0;
}

static void put_repeated(struct page *p, struct span bytes, unsigned count)
{
    for (unsigned i = 0; i < count && i < HTML_TEXT_DEPTH; i++)
        put(p, bytes);
}

static unsigned list_index(const struct page *p)
{
    return (p->lists < HTML_TEXT_DEPTH ? p->lists : HTML_TEXT_DEPTH) - 1;
}

static void put_marker(struct page *p)
{
    p->marker = false;
    if (!p->lists || !p->numbered[list_index(p)]) {
        put(p, SPAN("- "));
        return;
    }
    char digits[24];
    struct buffer text = {.at = digits, .size = sizeof digits, .cap = sizeof digits};
    p->rc = buffer_append_uint(&text, p->items[list_index(p)]);
    put(p, buffer_span(&text));
    put(p, SPAN(". "));
}

/* What a line begins with. */
static void put_margin(struct page *p)
{
    put_repeated(p, SPAN("> "), p->quotes);
    if (p->lists)
        put_repeated(p, SPAN("  "), p->marker ? p->lists - 1 : p->lists);
    if (p->marker)
        put_marker(p);
}

/* Line ends; blank lines within a quotation are quoted. */
static void put_breaks(struct page *p)
{
    unsigned quotes = p->quotes < p->last_quotes ? p->quotes : p->last_quotes;
    for (unsigned i = 0; i < p->breaks && p->out->len; i++) {
        put(p, SPAN("\r\n"));
        if (i + 1 < p->breaks)
            put_repeated(p, SPAN(">"), quotes);
    }
    p->last_quotes = p->quotes;
}

/* Pays what is owed. */
static void begin_word(struct page *p)
{
    bool at_start = p->breaks || p->out->len == 0;
    if (at_start) {
        put_breaks(p);
        put_margin(p);
    } else if (p->cell) {
        put(p, SPAN(" | "));
    } else if (p->blank) {
        put(p, SPAN(" "));
    }
    p->breaks = 0;
    p->blank = p->cell = false;
    p->in_word = true;
    if (p->href.len && p->link_at == NO_LINK)
        p->link_at = p->out->len;
}

static void end_word(struct page *p)
{
    p->in_word = false;
    p->held_len = 0;
}

static void put_blank(struct page *p)
{
    end_word(p);
    p->blank = true;
}

static void put_visible(struct page *p, struct span character)
{
    if (!p->in_word)
        begin_word(p);
    put(p, span_make(p->held, p->held_len));
    p->held_len = 0;
    put(p, character);
}

static void owe_breaks(struct page *p, unsigned count)
{
    end_word(p);
    p->blank = p->cell = false;
    if (!p->marker && p->breaks < count)
        p->breaks = count;
}

static void owe_one_more(struct page *p)
{
    unsigned count = p->breaks < BREAKS_MAX ? p->breaks + 1 : BREAKS_MAX;
    owe_breaks(p, count);
}

/* --- text ------------------------------------------------------------------------------------ */

static bool is_space(uint32_t c)
{
    return c <= 32 || (c >= 0x7f && c <= 0xa0) || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f;
}

/* Hints for line breaking, of no use in text. */
static bool is_hint(uint32_t c)
{
    return c == 0xad || c == 0x34f || c == 0x200b || c == 0x2060 || c == 0xfeff;
}

/* In preformatted text blanks count; at the end of a line they are owed for ever. */
static void put_pre_space(struct page *p, uint32_t c)
{
    if (c == '\n') {
        if (!p->pre_begins)
            owe_one_more(p);
    } else if (c != '\r' && p->held_len < HELD_MAX) {
        p->held[p->held_len++] = ' ';
    }
}

static void put_character(struct page *p, uint32_t c)
{
    char bytes[4];
    struct span character = span_make(bytes, utf8_encode(c, bytes));
    if (is_hint(c))
        return;
    if (is_space(c) && !p->pre) {
        put_blank(p);
    } else if (is_space(c)) {
        put_pre_space(p, c);
    } else if (c >= 0x200c && c <= 0x200f) {
        for (size_t i = 0; p->held_len + character.len <= HELD_MAX && i < character.len; i++)
            p->held[p->held_len + i] = bytes[i];
        if (p->held_len + character.len <= HELD_MAX)
            p->held_len += character.len;
    } else {
        put_visible(p, character);
    }
    p->pre_begins = false;
}

/* The character at the front, references resolved; what is no UTF-8 becomes U+FFFD. */
static uint32_t next_character(struct span *rest)
{
    uint32_t c;
    size_t len = rest->at[0] == '&' ? entity_read(*rest, &c) : 0;
    if (len == 0) {
        const unsigned char *at = (const unsigned char *)rest->at;
        static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
        len = utf8_character(*rest);
        c = len ? at[0] & masks[len] : at[0] ? 0xfffd : 0;
        for (size_t i = 1; i < len; i++)
            c = c << 6 | (at[i] & 0x3f);
        len = len ? len : 1;
    }
    *rest = span_from(*rest, len);
    return c;
}

static void put_text(struct page *p, struct span text)
{
    while (text.len && !p->full)
        put_character(p, next_character(&text));
}

/* --- links ----------------------------------------------------------------------------------- */

static int read_url(struct span href, struct buffer *out)
{
    int rc = 0;
    while (rc == 0 && href.len) {
        char bytes[4];
        uint32_t c = next_character(&href);
        if (!is_space(c) && !is_hint(c))
            rc = buffer_append(out, span_make(bytes, utf8_encode(c, bytes)));
    }
    return rc;
}

/* The text shows the URL, or as much as people write of one. */
static bool shows_url(struct span text, struct span url)
{
    static const char *const schemes[] = {"", "mailto:", "tel:", "http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct span scheme = span_of(schemes[i]);
        struct span rest = span_starts_nocase(url, scheme) ? span_from(url, scheme.len) : SPAN("");
        if (rest.len && span_equal_nocase(text, rest))
            return true;
        if (rest.len && rest.at[rest.len - 1] == '/' &&
            span_equal_nocase(text, span_first(rest, rest.len - 1)))
            return true;
    }
    return false;
}

static void end_link(struct page *p)
{
    AUTO_BUFFER url = BUFFER(URL_MAX);
    struct span href = p->href;
    size_t at = p->link_at;
    p->href = SPAN("");
    p->link_at = NO_LINK;
    end_word(p);
    if (href.len == 0 || at == NO_LINK || read_url(href, &url) < 0)
        return;
    struct span target = buffer_span(&url), text = span_from(buffer_span(p->out), at);
    if (target.len == 0 || target.at[0] == '#' || shows_url(text, target) ||
        span_starts_nocase(target, SPAN("javascript:")))
        return;
    put(p, SPAN(" ("));
    put(p, target);
    put(p, SPAN(")"));
}

/* --- elements -------------------------------------------------------------------------------- */

static enum element find_element(struct span name)
{
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (span_equal_nocase(name, span_of(elements[i].name)))
            return elements[i].element;
    return ELEMENT_NONE;
}

static void open_list(struct page *p, bool numbered)
{
    p->marker = false;
    owe_breaks(p, p->lists ? 1 : 2);
    p->lists++;
    p->numbered[list_index(p)] = numbered;
    p->items[list_index(p)] = 0;
}

static void close_list(struct page *p)
{
    p->marker = false;
    if (p->lists)
        p->lists--;
    owe_breaks(p, p->lists ? 1 : 2);
}

static void open_item(struct page *p)
{
    p->marker = false;
    owe_breaks(p, 1);
    if (p->lists)
        p->items[list_index(p)]++;
    p->marker = true;
}

static void close_item(struct page *p)
{
    p->marker = false;
    owe_breaks(p, 1);
}

static void put_rule(struct page *p)
{
    owe_breaks(p, 1);
    begin_word(p);
    put(p, SPAN("----------------------------------------"));
    owe_breaks(p, 1);
}

static void open_quote(struct page *p)
{
    owe_breaks(p, 2);
    p->quotes++;
}

static void open_pre(struct page *p)
{
    owe_breaks(p, 2);
    p->pre++;
    p->pre_begins = true;
}

static void open_link(struct page *p, const struct html_token *tag)
{
    end_link(p);
    if (!p->words_only)
        p->href = span_trim(html_attribute(tag->attributes, SPAN("href")));
}

/* "<svg/>" holds nothing; others do not end so. */
static void drop_content(const struct html_token *tag, struct span *rest)
{
    struct span name = tag->name, attributes = tag->attributes;
    bool ended = attributes.len && attributes.at[attributes.len - 1] == '/';
    if (!ended || !span_equal_nocase(name, SPAN("svg")))
        html_skip_content(rest, name);
}

static void open_cell(struct page *p)
{
    end_word(p);
    if (p->breaks == 0 && p->out->len)
        p->cell = true;
}

static void open_element(struct page *p, const struct html_token *tag, struct span *rest)
{
    switch (find_element(tag->name)) {
    case ELEMENT_NONE:
        break;
    case ELEMENT_LINE:
        owe_breaks(p, 1);
        break;
    case ELEMENT_PARAGRAPH:
        owe_breaks(p, 2);
        break;
    case ELEMENT_BREAK:
        owe_one_more(p);
        break;
    case ELEMENT_RULE:
        put_rule(p);
        break;
    case ELEMENT_LIST:
        open_list(p, false);
        break;
    case ELEMENT_NUMBERED:
        open_list(p, true);
        break;
    case ELEMENT_ITEM:
        open_item(p);
        break;
    case ELEMENT_QUOTE:
        open_quote(p);
        break;
    case ELEMENT_PRE:
        open_pre(p);
        break;
    case ELEMENT_LINK:
        open_link(p, tag);
        break;
    case ELEMENT_IMAGE:
        put_text(p, html_attribute(tag->attributes, SPAN("alt")));
        break;
    case ELEMENT_CELL:
        open_cell(p);
        break;
    case ELEMENT_DROPPED:
        drop_content(tag, rest);
        break;
    }
}

static void close_element(struct page *p, enum element element)
{
    if (element == ELEMENT_LINE)
        owe_breaks(p, 1);
    else if (element == ELEMENT_PARAGRAPH || element == ELEMENT_QUOTE || element == ELEMENT_PRE)
        owe_breaks(p, 2);
    else if (element == ELEMENT_LIST || element == ELEMENT_NUMBERED)
        close_list(p);
    else if (element == ELEMENT_ITEM)
        close_item(p);
    else if (element == ELEMENT_LINK)
        end_link(p);
    if (element == ELEMENT_QUOTE && p->quotes)
        p->quotes--;
    if (element == ELEMENT_PRE && p->pre)
        p->pre--;
}

/* What was cut may end with a margin. */
static struct span without_last_blanks(struct span text)
{
    while (text.len && (unsigned char)text.at[text.len - 1] <= 32)
        text.len--;
    return text;
}

static int make_text(struct span html, bool words_only, struct buffer *out)
{
    struct page p = {.out = out, .words_only = words_only, .href = SPAN(""), .link_at = NO_LINK};
    struct html_token token;
    p.full = out->cap < 2;
    while (!p.full && html_next(&html, &token)) {
        if (token.kind == HTML_TEXT)
            put_text(&p, token.raw);
        else if (token.kind == HTML_OPEN)
            open_element(&p, &token, &html);
        else if (token.kind == HTML_CLOSE)
            close_element(&p, find_element(token.name));
    }
    end_link(&p);
    if (p.rc < 0)
        return p.rc;
    out->len = without_last_blanks(buffer_span(out)).len;
    return out->len ? buffer_append_text(out, "\r\n") : 0;
}

int html_text(struct span html, struct buffer *out)
{
    return make_text(html, false, out);
}

int html_text_words(struct span html, struct buffer *out)
{
    return make_text(html, true, out);
}
