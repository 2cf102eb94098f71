/* formatDate's dates; see date_internal.h. */
#include "template/date_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS 86400000LL
#define MS_MAX 8.64e15 /* what JavaScript's dates reach */

/* Exactly `count` digits at the start of *s, cut off. */
static bool cut_digits(struct span *s, size_t count, int *ret_number)
{
    uint64_t number;
    if (s->len < count || !span_to_uint(span_first(*s, count), UINT32_MAX / 4, &number))
        return false;
    *s = span_from(*s, count);
    *ret_number = (int)number;
    return true;
}

static bool cut_byte(struct span *s, char byte)
{
    if (s->len == 0 || s->at[0] != byte)
        return false;
    *s = span_from(*s, 1);
    return true;
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Z, +01:00, -0800, +01 */
static bool parse_offset(struct span s, int *ret_minutes)
{
    int hours, minutes = 0;
    if (span_equal(s, SPAN("Z")) || span_equal(s, SPAN("z"))) {
        *ret_minutes = 0;
        return true;
    }
    bool minus = s.len && s.at[0] == '-';
    if (!cut_byte(&s, minus ? '-' : '+') || !cut_digits(&s, 2, &hours))
        return false;
    cut_byte(&s, ':');
    if (s.len && !cut_digits(&s, 2, &minutes))
        return false;
    if (s.len || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = (hours * 60 + minutes) * (minus ? -1 : 1);
    return true;
}

/* HH:MM[:SS[.fraction]], cut off. */
static bool cut_time(struct span *s, int64_t *ret_ms)
{
    int hour, minute, second = 0, ms = 0, scale = 100;
    if (!cut_digits(s, 2, &hour) || !cut_byte(s, ':') || !cut_digits(s, 2, &minute))
        return false;
    if (cut_byte(s, ':')) {
        if (!cut_digits(s, 2, &second))
            return false;
        if (cut_byte(s, '.') || cut_byte(s, ',')) {
            for (; s->len && ascii_is_digit(s->at[0]); scale /= 10) {
                ms += (s->at[0] - '0') * scale;
                *s = span_from(*s, 1);
            }
        }
    }
    *ret_ms = ((hour * 60LL + minute) * 60 + second) * 1000 + ms;
    return hour <= 24 && minute < 60 && second <= 60;
}

static bool parse_iso(struct span s, struct template_date *ret_date)
{
    int year, month, day, offset = 0;
    int64_t time = 0;
    if (!cut_digits(&s, 4, &year) || !cut_byte(&s, '-') || !cut_digits(&s, 2, &month) ||
        !cut_byte(&s, '-') || !cut_digits(&s, 2, &day) || month < 1 || month > 12 || day < 1 ||
        day > 31)
        return false;
    if (s.len) {
        if (!cut_byte(&s, 'T') && !cut_byte(&s, 't') && !cut_byte(&s, ' '))
            return false;
        if (!cut_time(&s, &time) || (s.len && !parse_offset(s, &offset)))
            return false;
    }
    *ret_date =
        (struct template_date){.ms = days_of(year, month, day) * DAY_MS + time - offset * 60000LL};
    return true;
}

static bool of_number(double number, struct template_date *ret_date)
{
    if (fabs(number) < 1e11)
        number *= 1000;
    if (isnan(number) || fabs(number) > MS_MAX)
        return false;
    *ret_date = (struct template_date){.ms = (int64_t)number};
    return true;
}

bool date_of_value(struct value v, struct template_date *ret_date)
{
    uint64_t digits;
    if (v.kind == VALUE_NUMBER)
        return of_number(v.number, ret_date);
    if (v.kind != VALUE_STRING)
        return false;
    struct span text = span_trim(v.text);
    if (text.len > 4 && span_to_uint(text, UINT64_MAX, &digits))
        return of_number((double)digits, ret_date);
    return parse_iso(text, ret_date);
}

bool date_set_offset(struct template_date *date, struct value offset)
{
    if (value_is_nothing(offset) || (offset.kind == VALUE_STRING && offset.text.len == 0))
        return true;
    if (offset.kind == VALUE_STRING)
        return parse_offset(offset.text, &date->offset_min);
    if (offset.kind != VALUE_NUMBER || !(fabs(offset.number) < 2400))
        return false;
    int number = (int)offset.number; /* the literal -0800 */
    date->offset_min = number / 100 * 60 + number % 100;
    return abs(number % 100) < 60;
}

static const char *const tokens[] = {"YYYY", "YY",  "MMMM", "MMM", "MM", "M",  "DD", "D",
                                     "dddd", "ddd", "HH",   "H",   "hh", "h",  "mm", "m",
                                     "ss",   "s",   "SSS",  "A",   "a",  "ZZ", "Z"};
enum token_index {
    YEAR,
    YEAR_SHORT,
    MONTH_NAME,
    MONTH_NAME_SHORT,
    MONTH_2,
    MONTH,
    DAY_2,
    DAY,
    WEEKDAY,
    WEEKDAY_SHORT,
    HOUR_2,
    HOUR,
    HOUR12_2,
    HOUR12,
    MINUTE_2,
    MINUTE,
    SECOND_2,
    SECOND,
    MILLISECOND,
    HALF_UPPER,
    HALF_LOWER,
    ZONE,
    ZONE_COLON
};

static int write_zone(int offset, const char *colon, struct buffer *out)
{
    int size = abs(offset);
    return buffer_printf(out, "%c%02d%s%02d", offset < 0 ? '-' : '+', size / 60, colon, size % 60);
}

static int write_name(enum token_index token, const struct tm *tm, struct buffer *out)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    bool month = token == MONTH_NAME || token == MONTH_NAME_SHORT;
    struct span name = span_of(month ? months[tm->tm_mon] : days[tm->tm_wday]);
    bool brief = token == MONTH_NAME_SHORT || token == WEEKDAY_SHORT;
    return buffer_append(out, span_first(name, brief ? 3 : name.len));
}

static int write_token(enum token_index token, const struct tm *tm, int ms, int offset,
                       struct buffer *out)
{
    int hour12 = tm->tm_hour % 12 ? tm->tm_hour % 12 : 12;
    bool noon = tm->tm_hour >= 12;
    switch (token) {
    case YEAR:
        return buffer_printf(out, "%04d", tm->tm_year + 1900);
    case YEAR_SHORT:
        return buffer_printf(out, "%02d", abs(tm->tm_year + 1900) % 100);
    case MONTH_2:
    case MONTH:
        return buffer_printf(out, "%0*d", token == MONTH_2 ? 2 : 1, tm->tm_mon + 1);
    case DAY_2:
    case DAY:
        return buffer_printf(out, "%0*d", token == DAY_2 ? 2 : 1, tm->tm_mday);
    case HOUR_2:
    case HOUR:
        return buffer_printf(out, "%0*d", token == HOUR_2 ? 2 : 1, tm->tm_hour);
    case HOUR12_2:
    case HOUR12:
        return buffer_printf(out, "%0*d", token == HOUR12_2 ? 2 : 1, hour12);
    case MINUTE_2:
    case MINUTE:
        return buffer_printf(out, "%0*d", token == MINUTE_2 ? 2 : 1, tm->tm_min);
    case SECOND_2:
    case SECOND:
        return buffer_printf(out, "%0*d", token == SECOND_2 ? 2 : 1, tm->tm_sec);
    case MILLISECOND:
        return buffer_printf(out, "%03d", ms);
    case HALF_UPPER:
        return buffer_append_text(out, noon ? "PM" : "AM");
    case HALF_LOWER:
        return buffer_append_text(out, noon ? "pm" : "am");
    case ZONE:
        return write_zone(offset, "", out);
    case ZONE_COLON:
        return write_zone(offset, ":", out);
    default:
        return write_name(token, tm, out);
    }
}

/* The longest token that the format begins with, or -1. */
static int token_at(struct span format, size_t *ret_length)
{
    int found = -1;
    size_t longest = 0;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct span token = span_of(tokens[i]);
        if (token.len > longest && span_starts(format, token)) {
            longest = token.len;
            found = (int)i;
        }
    }
    *ret_length = longest;
    return found;
}

int date_write(const struct template_date *date, struct span format, struct buffer *out)
{
    int64_t shown = date->ms + date->offset_min * 60000LL;
    int ms = (int)((shown % 1000 + 1000) % 1000), rc = 0;
    time_t seconds = (time_t)((shown - ms) / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm))
        return ERR_FULL;
    while (rc == 0 && format.len) {
        size_t length = 1;
        ptrdiff_t end = format.at[0] == '[' ? span_find(format, ']') : -1;
        int token = end < 0 ? token_at(format, &length) : -1;
        if (token >= 0) {
            rc = write_token((enum token_index)token, &tm, ms, date->offset_min, out);
        } else if (end > 0) {
            rc = buffer_append(out, span_first(span_from(format, 1), (size_t)end - 1));
            length = (size_t)end + 1;
        } else {
            rc = buffer_append_byte(out, format.at[0]);
            length = 1;
        }
        format = span_from(format, length);
    }
    return rc;
}

int date_write_iso(const struct template_date *date, struct buffer *out)
{
    struct template_date utc = {.ms = date->ms};
    return date_write(&utc, SPAN("YYYY-MM-DD[T]HH:mm:ss.SSS[Z]"), out);
}
