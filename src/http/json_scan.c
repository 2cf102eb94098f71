/*
 * The strict scan of JSON; see json.h. One pass, no recursion: a stack of 32 objects and arrays.
 */
#include "http/json.h"

#include "base/utf8.h"
#include "base/word.h"
#include "http/json_names.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX                                                                                 \
    ((size_t)400) /* characters; a double's longest exact form is shorter than that                \
                     for all that people write */

struct scanner {
    struct span text;
    size_t at;
    struct {
        uint32_t object; /* its number, 0: an array */
    } open[JSON_DEPTH_MAX];
    unsigned depth;
    uint32_t objects;
    size_t values;
    struct json_names names;
    const char *what;
};

static int refuse(struct scanner *s, const char *what)
{
    s->what = what;
    return ERR_SYNTAX;
}

static int refuse_size(struct scanner *s, const char *what)
{
    s->what = what;
    return -E2BIG;
}

/* The byte at the scanner's place; NUL at the end, where no NUL of the text is taken for it. */
static char here(const struct scanner *s)
{
    return s->at < s->text.len ? s->text.at[s->at] : '\0';
}

/* The text holds no NUL: json_scan has looked. */
static void skip_blanks(struct scanner *s)
{
    while (s->at < s->text.len && strchr(" \t\r\n", s->text.at[s->at]))
        s->at++;
}

/* --- strings --------------------------------------------------------------------------------- */

/* Four hexadecimal digits at that offset; -1. */
static int unit_at(const struct scanner *s, size_t at)
{
    int value = 0;
    if (at > s->text.len || s->text.len - at < 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        char digit = ascii_lower(s->text.at[i]);
        if (ascii_is_digit(digit))
            value = value * 16 + digit - '0';
        else if (digit >= 'a' && digit <= 'f')
            value = value * 16 + digit - 'a' + 10;
        else
            return -1;
    }
    return value;
}

/* Behind "\u". */
static int scan_unicode(struct scanner *s)
{
    int unit = unit_at(s, s->at);
    if (unit < 0)
        return refuse(s, "\\u wants four hexadecimal digits");
    if (unit == 0)
        return refuse(s, "a string holds NUL");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return refuse(s, "a lone surrogate");
    if (unit >= 0xd800 && unit <= 0xdbff) {
        bool escaped = s->text.len - s->at > 6 && memcmp(s->text.at + s->at + 4, "\\u", 2) == 0;
        int second = escaped ? unit_at(s, s->at + 6) : -1;
        if (second < 0xdc00 || second > 0xdfff)
            return refuse(s, "a lone surrogate");
        s->at += 6;
    }
    s->at += 4;
    return 0;
}

/* How many bytes at the front mean themselves, as far as words of eight show. */
static size_t plain_length(struct span s)
{
    size_t at = 0;
    for (; s.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word = word_at(s.at + at);
        if (word_has_below(word, ' ') || word_has(word, '"') || word_has(word, '\\'))
            break;
    }
    return at;
}

/* At the opening quote; *ret_inside is what stands between the quotes. */
static int scan_string(struct scanner *s, struct span *ret_inside)
{
    size_t begin = ++s->at;
    while ((s->at += plain_length(span_from(s->text, s->at))) < s->text.len) {
        char byte = here(s);
        if (byte == '"') {
            *ret_inside = span_make(s->text.at + begin, s->at - begin);
            s->at++;
            return 0;
        }
        if ((unsigned char)byte < ' ')
            return refuse(s, "a string holds a raw control character");
        s->at++;
        if (byte != '\\')
            continue;
        char letter = here(s);
        if (!letter || !strchr("\"\\/bfnrtu", letter))
            return refuse(s, "an unknown escape in a string");
        s->at++;
        int rc = letter == 'u' ? scan_unicode(s) : 0;
        if (rc < 0)
            return rc;
    }
    return refuse(s, "a string does not end");
}

/* --- other values ---------------------------------------------------------------------------- */

static size_t skip_digits(struct scanner *s)
{
    size_t begin = s->at;
    while (ascii_is_digit(here(s)))
        s->at++;
    return s->at - begin;
}

static int scan_number(struct scanner *s)
{
    char copy[NUMBER_MAX + 1];
    size_t begin = s->at;
    bool whole = true;
    s->at += here(s) == '-';
    bool zero = here(s) == '0';
    size_t digits = skip_digits(s);
    if (digits == 0 || (zero && digits > 1))
        return refuse(s, "no number is written like that");
    if (here(s) == '.') {
        s->at++;
        whole = false;
        if (skip_digits(s) == 0)
            return refuse(s, "a number's point wants digits behind it");
    }
    if (here(s) == 'e' || here(s) == 'E') {
        s->at++;
        s->at += here(s) == '+' || here(s) == '-';
        whole = false;
        if (skip_digits(s) == 0)
            return refuse(s, "a number's exponent wants digits");
    }
    if (!span_to_text(span_make(s->text.at + begin, s->at - begin), copy, sizeof copy))
        return refuse(s, "a number is too long");
    if ((!whole || digits > 300) && !isfinite(strtod(copy, NULL)))
        return refuse(s, "a number is too large");
    return 0;
}

static int scan_word(struct scanner *s)
{
    static const struct span words[] = {SPAN("true"), SPAN("false"), SPAN("null")};
    for (size_t i = 0; i < 3; i++)
        if (span_starts(span_from(s->text, s->at), words[i])) {
            s->at += words[i].len;
            return 0;
        }
    if (s->at == s->text.len)
        return refuse(s, "a value is missing at the end");
    return refuse(s, here(s) == '\'' ? "strings stand in double quotes" : "no value begins so");
}

/* --- objects and arrays ---------------------------------------------------------------------- */

static int scan_name(struct scanner *s)
{
    struct span name;
    skip_blanks(s);
    size_t begin = s->at;
    if (here(s) != '"')
        return refuse(s, "a member's name in double quotes is missing");
    int rc = scan_string(s, &name);
    if (rc < 0)
        return rc;
    if (s->names.count == JSON_NAMES_MAX)
        return refuse_size(s, "too many members");
    rc = json_names_add(&s->names, s->open[s->depth - 1].object, name);
    if (rc == ERR_EXISTS) {
        s->at = begin;
        return refuse(s, "a member stands twice in its object");
    }
    if (rc < 0) {
        s->what = "out of memory";
        return rc;
    }
    skip_blanks(s);
    if (here(s) != ':')
        return refuse(s, "a colon is missing behind a member's name");
    s->at++;
    return 0;
}

static char closing(const struct scanner *s)
{
    return s->open[s->depth - 1].object ? '}' : ']';
}

/* At '{' or '['. */
static int open_value(struct scanner *s)
{
    if (s->depth == JSON_DEPTH_MAX)
        return refuse_size(s, "nested too deep");
    s->open[s->depth++].object = here(s) == '{' ? ++s->objects : 0;
    s->at++;
    return 0;
}

/* Behind a value: closes what ends here, and takes the comma before the next one. */
static int close_values(struct scanner *s)
{
    for (;;) {
        skip_blanks(s);
        if (s->depth == 0)
            return 0;
        if (here(s) == ',') {
            s->at++;
            return closing(s) == '}' ? scan_name(s) : 0;
        }
        if (here(s) != closing(s) || s->at == s->text.len)
            return refuse(s, closing(s) == '}' ? "a comma or } is missing"
                                               : "a comma or ] is missing");
        s->at++;
        s->depth--;
    }
}

/* A value's beginning. 1: it is complete; 0: it was opened, and its first value follows. */
static int scan_value(struct scanner *s)
{
    struct span inside;
    int rc;
    skip_blanks(s);
    if (++s->values > JSON_VALUES_MAX)
        return refuse_size(s, "too many values");
    char byte = here(s);
    if (byte == '{' || byte == '[') {
        rc = open_value(s);
        skip_blanks(s);
        if (rc < 0)
            return rc;
        if (here(s) == closing(s)) {
            s->at++;
            s->depth--;
            return 1;
        }
        return closing(s) == '}' ? scan_name(s) : 0;
    }
    if (byte == '"')
        rc = scan_string(s, &inside);
    else if (byte == '-' || ascii_is_digit(byte))
        rc = scan_number(s);
    else
        rc = scan_word(s);
    return rc < 0 ? rc : 1;
}

static int scan_text(struct scanner *s)
{
    int rc;
    do {
        rc = scan_value(s);
        if (rc == 1)
            rc = close_values(s);
        if (rc < 0)
            return rc;
    } while (s->depth);
    return s->at < s->text.len ? refuse(s, "something stands behind the value") : 0;
}

/* Length of the character at the start, 0 when there is none. */
static size_t character(struct span text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++)
        if (utf8_is_text(span_first(text, len)))
            return len;
    return 0;
}

/* The first byte that is no UTF-8: near it by halves, then character by character. */
static size_t find_bad_byte(struct span text)
{
    size_t good = 0, bad = text.len, len;
    while (bad - good > 8) {
        size_t middle = good + (bad - good) / 2;
        while (middle > good && ((unsigned char)text.at[middle] & 0xc0) == 0x80)
            middle--; /* not inside a character */
        if (middle == good)
            break;
        if (utf8_is_text(span_first(span_from(text, good), middle - good)))
            good = middle;
        else
            bad = middle;
    }
    while ((len = character(span_from(text, good))) > 0)
        good += len;
    return good;
}

static void locate(struct span text, size_t offset, struct json_error *error)
{
    struct span before = span_first(text, offset);
    ptrdiff_t newline = span_find_last(before, '\n');
    error->offset = offset;
    error->column = offset - (size_t)(newline + 1) + 1;
    error->line = 1;
    for (size_t i = 0; i < before.len; i++)
        error->line += before.at[i] == '\n';
}

int json_scan(struct span text, struct json_error *ret_error)
{
    struct scanner s = {.text = text};
    int rc;
    if (utf8_is_text(text)) {
        json_names_open(&s.names);
        rc = scan_text(&s);
        json_names_close(&s.names);
    } else {
        s.at = find_bad_byte(text);
        rc = refuse(&s, "it is not UTF-8 without NUL");
    }
    if (rc < 0) {
        ret_error->what = s.what;
        locate(text, s.at, ret_error);
    }
    return rc;
}
