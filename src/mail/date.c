/* Dates of header fields; see date.h. */
#include "mail/date.h"

#include <stdio.h>
#include <time.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

const char *date_format(int64_t wall_ms, char text[DATE_TEXT])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(text, DATE_TEXT, "%.3s, %02u %.3s %04u %02u:%02u:%02u +0000", days + 3 * tm.tm_wday,
             tm.tm_mday % 100U, months + 3 * tm.tm_mon, (tm.tm_year + 1900) % 10000U,
             tm.tm_hour % 100U, tm.tm_min % 100U, tm.tm_sec % 100U);
    return text;
}

/* --- reading --------------------------------------------------------------------------------- */

static void pass(struct span *rest, size_t count)
{
    rest->at += count;
    rest->len -= count;
}

static void skip_blanks(struct span *rest)
{
    while (rest->len && (rest->at[0] == ' ' || rest->at[0] == '\t'))
        pass(rest, 1);
}

static bool take_byte(struct span *rest, char byte)
{
    skip_blanks(rest);
    if (rest->len == 0 || rest->at[0] != byte)
        return false;
    pass(rest, 1);
    return true;
}

/* least (at least one) to most (four) digits; -1: not so. */
static int take_number(struct span *rest, size_t least, size_t most)
{
    size_t count = 0;
    int value = 0;
    skip_blanks(rest);
    for (; count < rest->len && count <= most && ascii_is_digit(rest->at[count]); count++)
        value = value * 10 + rest->at[count] - '0';
    if (count < least || count > most)
        return -1;
    pass(rest, count);
    return value;
}

static struct span take_word(struct span *rest)
{
    size_t count = 0;
    skip_blanks(rest);
    while (count < rest->len && ascii_is_alpha(rest->at[count]))
        count++;
    struct span word = span_make(rest->at, count);
    pass(rest, count);
    return word;
}

/* Which of the names of three letters each, or -1. */
static int name_index(struct span word, const char *names, int count)
{
    for (int i = 0; word.len == 3 && i < count; i++)
        if (ascii_lower(names[3 * i]) == ascii_lower(word.at[0]) &&
            span_equal_nocase(word, span_make(names + (size_t)i * 3, 3)))
            return i;
    return -1;
}

/* Minutes east of Greenwich. */
static bool take_zone(struct span *rest, int *ret_minutes)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"GMT", 0},  {"UT", 0},   {"UTC", 0},  {"Z", 0},    {"EST", -5}, {"EDT", -4},
                 {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    bool west = take_byte(rest, '-');
    if (west || take_byte(rest, '+')) {
        int value = take_number(rest, 4, 4);
        *ret_minutes = (value / 100 * 60 + value % 100) * (west ? -1 : 1);
        return value >= 0 && value % 100 < 60 && value / 100 < 24;
    }
    struct span name = take_word(rest);
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        if (span_equal_nocase(name, span_of(zones[i].name))) {
            *ret_minutes = zones[i].hours * 60;
            return true;
        }
    return false;
}

/* Years of two digits, as letters once had them, are those from 1950 on (RFC 5322 4.3). */
static int take_year(struct span *rest, bool strict)
{
    int year = take_number(rest, strict ? 4 : 2, 4);
    if (year >= 0 && year < 100)
        year += year < 50 ? 2000 : 1900;
    return year;
}

static bool take_date(struct span *rest, bool strict, struct tm *tm)
{
    struct span word = take_word(rest);
    if (word.len && (name_index(word, days, 7) < 0 || !take_byte(rest, ',')))
        return false;
    tm->tm_mday = take_number(rest, 1, 2);
    tm->tm_mon = name_index(take_word(rest), months, 12);
    tm->tm_year = take_year(rest, strict) - 1900;
    return tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_mon >= 0 && tm->tm_year >= 70;
}

static bool take_time(struct span *rest, bool strict, struct tm *tm)
{
    tm->tm_hour = take_number(rest, strict ? 2 : 1, 2);
    tm->tm_min = take_byte(rest, ':') ? take_number(rest, 2, 2) : -1;
    tm->tm_sec = take_byte(rest, ':') ? take_number(rest, 2, 2) : 0;
    return tm->tm_hour >= 0 && tm->tm_hour < 24 && tm->tm_min >= 0 && tm->tm_min < 60 &&
           tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

int date_parse(struct span text, int64_t *ret_wall_ms)
{
    struct span rest = span_trim(text);
    struct tm tm = {0};
    int minutes;
    if (!take_date(&rest, true, &tm) || !take_time(&rest, true, &tm) || !take_zone(&rest, &minutes))
        return ERR_SYNTAX;
    rest = span_trim(rest);
    bool comment = rest.len > 1 && rest.at[0] == '(' && rest.at[rest.len - 1] == ')';
    int month = tm.tm_mon;
    bool leap = tm.tm_sec == 60;
    tm.tm_sec -= leap;
    int64_t seconds = (int64_t)timegm(&tm) + leap;
    if ((rest.len && !comment) || tm.tm_mon != month) /* there is no 31 February */
        return ERR_SYNTAX;
    *ret_wall_ms = (seconds - (int64_t)minutes * 60) * 1000;
    return 0;
}

int date_parse_sent(struct span text, int64_t *ret_wall_ms)
{
    struct span rest = span_trim(text);
    struct tm tm = {0};
    int minutes = 0;
    if (!take_date(&rest, false, &tm))
        return ERR_SYNTAX;
    if (!take_time(&rest, false, &tm))
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    else if (!take_zone(&rest, &minutes))
        minutes = 0;
    int month = tm.tm_mon;
    bool leap = tm.tm_sec == 60;
    tm.tm_sec -= leap;
    int64_t seconds = (int64_t)timegm(&tm) + leap;
    if (tm.tm_mon != month) /* there is no 31 February */
        return ERR_SYNTAX;
    *ret_wall_ms = (seconds - (int64_t)minutes * 60) * 1000;
    return 0;
}
