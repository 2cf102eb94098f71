/* Numbers; see number_internal.h. */
#include "template/number_internal.h"

#include "template/lexer_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fewest digits that read back as the same number, without a point, and its exponent. */
static int shortest_digits(double number, char digits[24], int *ret_exponent)
{
    char text[40];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    int count = 0;
    for (const char *c = text; *c != 'e'; c++)
        if (ascii_is_digit(*c))
            digits[count++] = *c;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    *ret_exponent = atoi(strchr(text, 'e') + 1);
    return count;
}

/* Digits with the point after the first `before` of them (which may be none, or more than all). */
static size_t place_point(const char *digits, int count, int before, char *to)
{
    char *start = to;
    if (before <= 0) {
        to = stpcpy(to, "0.");
        for (int i = before; i < 0; i++)
            *to++ = '0';
    }
    for (int i = 0; i < count || i < before; i++) {
        if (i == before && i > 0)
            *to++ = '.';
        *to++ = i < count ? digits[i] : '0';
    }
    return (size_t)(to - start);
}

static size_t positive_text(double number, char *text)
{
    char digits[24];
    int exponent, count = shortest_digits(number, digits, &exponent);
    if (exponent >= -6 && exponent < 21)
        return place_point(digits, count, exponent + 1, text);
    size_t used = place_point(digits, count, 1, text);
    return used + (size_t)sprintf(text + used, "e%c%d", exponent < 0 ? '-' : '+', abs(exponent));
}

/* Whole numbers below 2^53 are most of all. */
static size_t whole_text(uint64_t number, char *text)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    memcpy(text, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

struct span number_text(double number, char text[NUMBER_TEXT])
{
    if (isnan(number))
        return SPAN("NaN");
    size_t used = 0;
    if (number < 0)
        text[used++] = '-';
    double size = fabs(number);
    if (isinf(size))
        return number < 0 ? SPAN("-Infinity") : SPAN("Infinity");
    if (size < 9007199254740992.0 && size == floor(size))
        used += whole_text((uint64_t)size, text + used);
    else
        used += positive_text(size, text + used);
    return span_make(text, used);
}

/* 0x1f, 0o17, 0b11: without a sign. */
static double other_base(struct span s)
{
    char mark = ascii_lower(s.at[1]);
    unsigned base = mark == 'x' ? 16 : mark == 'o' ? 8 : 2;
    double value = s.len > 2 ? 0 : NAN;
    for (size_t i = 2; i < s.len; i++) {
        char c = ascii_lower(s.at[i]);
        unsigned digit = ascii_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
        if ((!ascii_is_digit(c) && !ascii_is_alpha(c)) || digit >= base)
            return NAN;
        value = value * base + digit;
    }
    return value;
}

static size_t count_digits(struct span s, size_t from)
{
    size_t i = from;
    while (i < s.len && ascii_is_digit(s.at[i]))
        i++;
    return i - from;
}

/* [+-]digits[.digits][e[+-]digits], with a digit before or behind the point. */
static bool is_decimal(struct span s)
{
    size_t i = s.len && (s.at[0] == '-' || s.at[0] == '+');
    size_t whole = count_digits(s, i), part = 0;
    i += whole;
    if (i < s.len && s.at[i] == '.') {
        part = count_digits(s, i + 1);
        i += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if (i < s.len && (s.at[i] == 'e' || s.at[i] == 'E')) {
        i++;
        i += i < s.len && (s.at[i] == '-' || s.at[i] == '+');
        size_t exponent = count_digits(s, i);
        if (exponent == 0)
            return false;
        i += exponent;
    }
    return i == s.len;
}

double number_of(struct span s)
{
    size_t size;
    while ((size = space_at_start(s)) > 0)
        s = span_from(s, size);
    while ((size = space_at_end(s)) > 0)
        s.len -= size;
    if (s.len == 0)
        return 0;
    if (s.len > 1 && s.at[0] == '0' && strchr("xXoObB", s.at[1]))
        return other_base(s);
    bool minus = s.at[0] == '-';
    struct span digits = span_from(s, minus || s.at[0] == '+');
    if (span_equal(digits, SPAN("Infinity")))
        return minus ? -INFINITY : INFINITY;
    char text[400];
    if (!is_decimal(s) || !span_to_text(s, text, sizeof text))
        return NAN;
    return strtod(text, NULL);
}
