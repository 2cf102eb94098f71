/* The grammar of commands; see parse.h. */
#include "imap/parse.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

static size_t left(const struct imap_parser *p)
{
    return (size_t)(p->end - p->at);
}

bool imap_at_end(const struct imap_parser *p)
{
    return p->at == p->end;
}

bool imap_take(struct imap_parser *p, char byte)
{
    if (p->at == p->end || *p->at != byte)
        return false;
    p->at++;
    return true;
}

static bool is_atom_char(char c)
{
    return (unsigned char)c > 32 && (unsigned char)c < 127 && !strchr("(){%*\"\\]", c);
}

bool imap_take_word(struct imap_parser *p, const char *word)
{
    struct span wanted = span_of(word), rest = span_make(p->at, left(p));
    if (!span_starts_nocase(rest, wanted) || imap_hides_word(p->hidden, word))
        return false;
    if (rest.len > wanted.len && is_atom_char(rest.at[wanted.len]) &&
        is_atom_char(wanted.at[wanted.len - 1]))
        return false; /* the front of a longer word */
    p->at += wanted.len;
    return true;
}

int imap_parse_sp(struct imap_parser *p)
{
    return imap_take(p, ' ') ? 0 : ERR_SYNTAX;
}

int imap_parse_end(struct imap_parser *p)
{
    return imap_at_end(p) ? 0 : ERR_SYNTAX;
}

/* --- words ----------------------------------------------------------------------------------- */

static int take_run(struct imap_parser *p, bool (*may)(char), struct span *ret_run)
{
    const char *start = p->at;
    while (p->at < p->end && may(*p->at))
        p->at++;
    *ret_run = span_make(start, (size_t)(p->at - start));
    return ret_run->len ? 0 : ERR_SYNTAX;
}

static bool is_tag_char(char c)
{
    return (is_atom_char(c) || c == ']') && c != '+';
}

static bool is_astring_char(char c)
{
    return is_atom_char(c) || c == ']' || (unsigned char)c > 127;
}

static bool is_list_char(char c)
{
    return is_astring_char(c) || c == '%' || c == '*';
}

int imap_parse_tag(struct imap_parser *p, struct span *ret_tag)
{
    return take_run(p, is_tag_char, ret_tag);
}

int imap_parse_atom(struct imap_parser *p, struct span *ret_atom)
{
    return take_run(p, is_atom_char, ret_atom);
}

/* Behind the first quote. */
static int parse_quoted(struct imap_parser *p, struct span *ret_string)
{
    const char *start = p->at;
    bool escaped = false;
    for (; p->at < p->end && *p->at != '"'; p->at++) {
        if (*p->at == '\r' || *p->at == '\n')
            return ERR_SYNTAX;
        if (*p->at == '\\') {
            escaped = true;
            if (++p->at == p->end || (*p->at != '"' && *p->at != '\\'))
                return ERR_SYNTAX;
        }
    }
    struct span raw = span_make(start, (size_t)(p->at - start));
    if (!imap_take(p, '"'))
        return ERR_SYNTAX;
    *ret_string = raw;
    if (!escaped)
        return 0;
    char *out = arena_alloc(p->arena, raw.len);
    size_t len = 0;
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < raw.len; i++) {
        i += raw.at[i] == '\\';
        out[len++] = raw.at[i];
    }
    *ret_string = span_make(out, len);
    return 0;
}

/* Behind the brace. */
static int parse_literal(struct imap_parser *p, struct span *ret_string)
{
    uint64_t octets;
    int rc = imap_parse_number(p, &octets);
    imap_take(p, '+');
    if (rc < 0 || !imap_take(p, '}') || !imap_take(p, '\r') || !imap_take(p, '\n') ||
        octets > left(p))
        return ERR_SYNTAX;
    *ret_string = span_make(p->at, (size_t)octets);
    p->at += octets;
    return memchr(ret_string->at, '\0', ret_string->len) ? ERR_SYNTAX : 0;
}

int imap_parse_string(struct imap_parser *p, struct span *ret_string)
{
    if (imap_take(p, '"'))
        return parse_quoted(p, ret_string);
    return imap_take(p, '{') ? parse_literal(p, ret_string) : ERR_SYNTAX;
}

static bool at_string(const struct imap_parser *p)
{
    return p->at < p->end && (*p->at == '"' || *p->at == '{');
}

int imap_parse_astring(struct imap_parser *p, struct span *ret_string)
{
    if (at_string(p))
        return imap_parse_string(p, ret_string);
    return take_run(p, is_astring_char, ret_string);
}

int imap_parse_nstring(struct imap_parser *p, struct span *ret_string)
{
    if (imap_take_word(p, "NIL")) {
        *ret_string = (struct span){NULL, 0};
        return 0;
    }
    return imap_parse_string(p, ret_string);
}

int imap_parse_list_mailbox(struct imap_parser *p, struct span *ret_pattern)
{
    if (at_string(p))
        return imap_parse_string(p, ret_pattern);
    return take_run(p, is_list_char, ret_pattern);
}

int imap_parse_flag(struct imap_parser *p, struct span *ret_flag)
{
    const char *start = p->at;
    struct span name;
    imap_take(p, '\\');
    if (imap_parse_atom(p, &name) < 0)
        return ERR_SYNTAX;
    *ret_flag = span_make(start, (size_t)(p->at - start));
    return 0;
}

/* --- numbers --------------------------------------------------------------------------------- */

int imap_parse_number(struct imap_parser *p, uint64_t *ret_number)
{
    const char *start = p->at;
    while (p->at < p->end && ascii_is_digit(*p->at))
        p->at++;
    bool fine =
        span_to_uint(span_make(start, (size_t)(p->at - start)), IMAP_NUMBER_MAX, ret_number);
    return fine ? 0 : ERR_SYNTAX;
}

int imap_parse_nz_number(struct imap_parser *p, uint32_t *ret_number)
{
    uint64_t number;
    if (imap_parse_number(p, &number) < 0 || number == 0 || number > UINT32_MAX)
        return ERR_SYNTAX;
    *ret_number = (uint32_t)number;
    return 0;
}

/* --- dates ----------------------------------------------------------------------------------- */

static int parse_digits(struct imap_parser *p, unsigned most, int *ret_value)
{
    unsigned count = 0;
    int value = 0;
    for (; count < most && p->at < p->end && ascii_is_digit(*p->at); count++)
        value = value * 10 + (*p->at++ - '0');
    *ret_value = value;
    return count ? 0 : ERR_SYNTAX;
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* day "-" month "-" year */
static int parse_date_text(struct imap_parser *p, int64_t *ret_days)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int day, year, month = 0;
    imap_take(p, ' '); /* date-day-fixed */
    if (parse_digits(p, 2, &day) < 0 || !imap_take(p, '-') || left(p) < 4)
        return ERR_SYNTAX;
    while (month < 12 && !span_equal_nocase(span_make(p->at, 3), span_make(months + 3 * month, 3)))
        month++;
    p->at += 3;
    if (month == 12 || day < 1 || day > 31 || !imap_take(p, '-') || parse_digits(p, 4, &year) < 0)
        return ERR_SYNTAX;
    *ret_days = days_of(year, month + 1, day);
    return 0;
}

int imap_parse_date(struct imap_parser *p, int64_t *ret_days)
{
    bool quoted = imap_take(p, '"');
    int rc = parse_date_text(p, ret_days);
    return rc < 0 || (quoted && !imap_take(p, '"')) ? ERR_SYNTAX : 0;
}

int imap_parse_date_time(struct imap_parser *p, int64_t *ret_ms)
{
    int64_t days;
    int hour, minute, second, zone;
    if (!imap_take(p, '"') || parse_date_text(p, &days) < 0 || !imap_take(p, ' ') ||
        parse_digits(p, 2, &hour) < 0 || !imap_take(p, ':') || parse_digits(p, 2, &minute) < 0 ||
        !imap_take(p, ':') || parse_digits(p, 2, &second) < 0 || !imap_take(p, ' '))
        return ERR_SYNTAX;
    bool west = imap_take(p, '-');
    if (!west && !imap_take(p, '+'))
        return ERR_SYNTAX;
    if (parse_digits(p, 4, &zone) < 0 || !imap_take(p, '"') || hour > 23 || minute > 59 ||
        second > 60 || zone % 100 > 59 || zone > 2400)
        return ERR_SYNTAX;
    int64_t offset = (zone / 100 * 60 + zone % 100) * 60;
    *ret_ms =
        (days * 86400 + hour * 3600 + minute * 60 + second + (west ? offset : -offset)) * 1000;
    return 0;
}

/* --- literals -------------------------------------------------------------------------------- */

bool imap_find_literal(struct span line, struct imap_literal *ret_literal)
{
    ptrdiff_t open = span_find_last(line, '{');
    if (open < 0 || line.at[line.len - 1] != '}')
        return false;
    struct span number = span_make(line.at + open + 1, line.len - (size_t)open - 2);
    bool waits = !(number.len && number.at[number.len - 1] == '+');
    if (!waits)
        number.len--;
    uint64_t octets;
    if (!span_to_uint(number, IMAP_NUMBER_MAX, &octets))
        return false;
    *ret_literal = (struct imap_literal){.octets = octets,
                                         .waits = waits,
                                         .eight = open > 0 && line.at[open - 1] == '~',
                                         .header = line.len - (size_t)open};
    return true;
}
