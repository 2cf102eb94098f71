/*
 * Responses: what a server answers to our client, line by line (RFC 5321 4.2), bounded and cleaned
 * (P6). Pure.
 */
#ifndef SMTP_RESPONSE_H
#define SMTP_RESPONSE_H

#include "base/error.h"
#include "base/span.h"

#define SMTP_RESPONSE_TEXT  512
#define SMTP_RESPONSE_LINES 100

struct smtp_response {
    int code;                      /* 200 … 599; 0 before the first line */
    unsigned lines;                /* taken so far */
    size_t len;                    /* of text */
    char text[SMTP_RESPONSE_TEXT]; /* "550 5.1.1 No such user here", lines joined, terminated */
};

/* Starts with a zeroed struct. 1: more lines follow; 0: complete; ERR_SYNTAX: no response, another
 * code than the line before, or too many lines. ret_words: the line behind the code. */
must_check int smtp_take_response_line(struct smtp_response *r, struct span line,
                                       struct span *ret_words);

static inline bool smtp_is_positive(const struct smtp_response *r)
{
    return r->code >= 200 && r->code < 400;
}
static inline bool smtp_is_permanent(const struct smtp_response *r)
{
    return r->code >= 500;
}
static inline struct span smtp_response_span(const struct smtp_response *r)
{
    return span_make(r->text, r->len);
}

#endif
