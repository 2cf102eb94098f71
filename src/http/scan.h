/*
 * The strict scan of a request's head (RFC 9112 2 to 5), before any parser sees it. Pure.
 *
 * It looks at every byte once, in pieces as they come, and refuses what two readers could read in
 * two ways: bare CR and LF, NUL, folded lines, blanks before a colon or around the target, names
 * and targets that are not ASCII, versions other than 1.0 and 1.1; and what is too long.
 */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include "base/error.h"
#include "base/span.h"

#define HTTP_LINE_MAX   ((size_t)8 * 1024) /* the request line */
#define HTTP_HEAD_MAX   ((size_t)64 * 1024)
#define HTTP_FIELDS_MAX 100
#define HTTP_NAME_MAX   256 /* a field's name */

struct http_scan {
    unsigned state;      /* of scan.c; 0 at the start */
    size_t length, line; /* bytes of the head, and of the part it is in */
    unsigned fields, skipped;
    const char *why; /* what is wrong, for the client */
};

/* Takes the next bytes. 1: the head ends after *ret_taken of them; 0: all taken, more must come;
 * HTTP_CODE(400, 414, 431, 505). Up to two empty lines before the head are taken as part of it. */
must_check int http_scan_head(struct http_scan *scan, struct span bytes, size_t *ret_taken);

/* May the byte stand in a token (RFC 9110 5.6.2): a method, a field's name? */
bool http_is_token_byte(char byte);
/* ASCII, no blank, no control character. */
bool http_is_visible_byte(char byte);
/* May it stand in a field's value (RFC 9110 5.5)? */
bool http_is_value_byte(char byte);

#endif
