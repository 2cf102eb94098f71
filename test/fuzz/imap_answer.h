/* What IMAP's grammar says of ENVELOPE, BODY and BODYSTRUCTURE (RFC 9051 9), for the targets that
 * write them. Each function takes its rule off the front of *rest, or claims that it is there. */
#ifndef TEST_IMAP_ANSWER_H
#define TEST_IMAP_ANSWER_H

#include "fuzz.h"

#include <string.h>

#define ANSWER_DEPTH 40

static inline char answer_peek(struct span *rest)
{
    return rest->len ? rest->at[0] : '\0';
}

static inline void answer_byte(struct span *rest, char byte)
{
    CLAIM(answer_peek(rest) == byte && rest->len);
    *rest = span_from(*rest, 1);
}

/* Returns its content as written; empty for NIL. */
static inline struct span answer_string(struct span *rest)
{
    uint64_t len = 0;
    if (answer_peek(rest) == '"') {
        size_t i = 1;
        while (i < rest->len && rest->at[i] != '"') {
            i += rest->at[i] == '\\';
            CLAIM(i < rest->len && rest->at[i] > 0 && rest->at[i] != '\r' && rest->at[i] != '\n');
            i++;
        }
        CLAIM(i < rest->len);
        struct span content = span_from(span_first(*rest, i), 1);
        *rest = span_from(*rest, i + 1);
        return content;
    }
    answer_byte(rest, '{');
    ptrdiff_t end = span_find(*rest, '}');
    CLAIM(end > 0 && span_to_uint(span_first(*rest, (size_t)end), rest->len, &len));
    *rest = span_from(*rest, (size_t)end + 1);
    answer_byte(rest, '\r');
    answer_byte(rest, '\n');
    CLAIM(len <= rest->len);
    struct span content = span_first(*rest, len);
    CLAIM(span_find(content, '\0') < 0 && span_find(content, '\r') < 0 &&
          span_find(content, '\n') < 0);
    *rest = span_from(*rest, len);
    return content;
}

static inline bool answer_nil(struct span *rest)
{
    if (!span_starts(*rest, SPAN("NIL")))
        return false;
    *rest = span_from(*rest, 3);
    return true;
}

/* False: it was NIL. */
static inline bool answer_nstring(struct span *rest)
{
    if (answer_nil(rest))
        return false;
    answer_string(rest);
    return true;
}

static inline uint64_t answer_number(struct span *rest)
{
    uint64_t value = 0;
    size_t len = 0;
    while (len < rest->len && ascii_is_digit(rest->at[len]))
        len++;
    CLAIM(span_to_uint(span_first(*rest, len), UINT32_MAX, &value));
    *rest = span_from(*rest, len);
    return value;
}

static inline void answer_addresses(struct span *rest)
{
    bool in_group = false;
    if (answer_nil(rest))
        return;
    answer_byte(rest, '(');
    do {
        answer_byte(rest, '(');
        bool name = answer_nstring(rest);
        answer_byte(rest, ' ');
        bool route = answer_nstring(rest);
        answer_byte(rest, ' ');
        bool mailbox = answer_nstring(rest);
        answer_byte(rest, ' ');
        bool host = answer_nstring(rest);
        answer_byte(rest, ')');
        CLAIM(host || (!name && !route && in_group != mailbox)); /* groups open and end */
        CLAIM(mailbox || !host);
        if (!host)
            in_group = mailbox;
    } while (answer_peek(rest) == '(');
    CLAIM(!in_group);
    answer_byte(rest, ')');
}

static inline void answer_envelope(struct span *rest)
{
    answer_byte(rest, '(');
    for (int i = 0; i < 10; i++) {
        if (i >= 2 && i < 8)
            answer_addresses(rest);
        else
            answer_nstring(rest);
        answer_byte(rest, i < 9 ? ' ' : ')');
    }
}

/* "(" string *(SP string) ")" or NIL; an even count of them for parameters. */
static inline void answer_strings(struct span *rest, bool pairs)
{
    unsigned count = 0;
    if (answer_nil(rest))
        return;
    do {
        answer_byte(rest, count ? ' ' : '(');
        answer_string(rest);
        count++;
    } while (answer_peek(rest) == ' ');
    CLAIM(!pairs || count % 2 == 0);
    answer_byte(rest, ')');
}

/* disposition language location */
static inline void answer_extension(struct span *rest)
{
    answer_byte(rest, ' ');
    if (!answer_nil(rest)) {
        answer_byte(rest, '(');
        answer_string(rest);
        answer_byte(rest, ' ');
        answer_strings(rest, true);
        answer_byte(rest, ')');
    }
    answer_byte(rest, ' ');
    answer_strings(rest, false);
    answer_byte(rest, ' ');
    answer_nstring(rest);
}

/* BODYSTRUCTURE if it is extended, else BODY. Returns how many parts part numbers can reach. */
static inline unsigned answer_body(struct span *rest, bool extended, unsigned depth)
{
    unsigned parts = 1;
    CLAIM(depth < ANSWER_DEPTH);
    answer_byte(rest, '(');
    if (answer_peek(rest) == '(') {
        while (answer_peek(rest) == '(')
            parts += answer_body(rest, extended, depth + 1);
        answer_byte(rest, ' ');
        answer_string(rest);
        if (extended) {
            answer_byte(rest, ' ');
            answer_strings(rest, true);
            answer_extension(rest);
        }
        answer_byte(rest, ')');
        return parts;
    }
    struct span type = answer_string(rest);
    answer_byte(rest, ' ');
    struct span subtype = answer_string(rest);
    CLAIM(!span_equal_nocase(type, SPAN("multipart")));
    answer_byte(rest, ' ');
    answer_strings(rest, true);
    for (int i = 0; i < 2; i++) {
        answer_byte(rest, ' ');
        answer_nstring(rest);
    }
    answer_byte(rest, ' ');
    answer_string(rest);
    answer_byte(rest, ' ');
    answer_number(rest);
    if (span_equal(type, SPAN("MESSAGE")) &&
        (span_equal(subtype, SPAN("RFC822")) || span_equal(subtype, SPAN("GLOBAL")))) {
        answer_byte(rest, ' ');
        answer_envelope(rest);
        answer_byte(rest, ' ');
        parts += answer_body(rest, extended, depth + 1);
        answer_byte(rest, ' ');
        answer_number(rest);
    } else if (span_equal(type, SPAN("TEXT"))) {
        answer_byte(rest, ' ');
        answer_number(rest);
    }
    if (extended) {
        answer_byte(rest, ' ');
        answer_nstring(rest);
        answer_extension(rest);
    }
    answer_byte(rest, ')');
    return parts;
}

#endif
