/* Responses of servers; see response.h. */
#include "smtp/response.h"

static bool is_printable(char c)
{
    return c >= 32 && c < 127;
}

/* Blanks at the ends and foreign bytes do not go to logs and people. */
static void append_clean(struct smtp_response *r, struct span words)
{
    words = span_trim(words);
    if (words.len && r->len && r->len < SMTP_RESPONSE_TEXT - 1)
        r->text[r->len++] = ' ';
    for (size_t i = 0; i < words.len && r->len < SMTP_RESPONSE_TEXT - 1; i++)
        r->text[r->len++] = is_printable(words.at[i]) ? words.at[i] : '?';
    r->text[r->len] = '\0';
}

/* "5.1.1 " at the front (RFC 3463), which servers repeat in each line. */
static size_t enhanced_length(struct span words)
{
    size_t at = 0, dots = 0;
    while (at < words.len && (ascii_is_digit(words.at[at]) || (words.at[at] == '.' && at > 0)))
        dots += words.at[at++] == '.';
    bool code =
        dots == 2 && at >= 5 && words.at[1] == '.' && span_find(SPAN("245"), words.at[0]) >= 0;
    return code && (at == words.len || words.at[at] == ' ') ? at : 0;
}

int smtp_take_response_line(struct smtp_response *r, struct span line, struct span *ret_words)
{
    uint64_t code;
    if (line.len < 3 || !span_to_uint(span_first(line, 3), 599, &code) || code < 200 ||
        (line.len > 3 && line.at[3] != ' ' && line.at[3] != '-'))
        return ERR_SYNTAX;
    if ((r->lines && r->code != (int)code) || r->lines == SMTP_RESPONSE_LINES)
        return ERR_SYNTAX;
    bool more = line.len > 3 && line.at[3] == '-';
    struct span words = span_from(line, 4);
    r->code = (int)code;
    if (r->lines++ == 0)
        append_clean(r, span_first(line, 3));
    else
        words = span_from(words, enhanced_length(words));
    append_clean(r, words);
    *ret_words = span_trim(span_from(line, 4));
    return more;
}
