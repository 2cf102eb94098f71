/*
 * JSON from outside (RFC 8259): scanned strictly, then read by json-c. Pure.
 *
 * json-c takes much that is no JSON, and keeps the last of two members with one name. The scan
 * refuses that before: duplicate names (however they are written), single quotes, raw control
 * characters in strings, comments, NaN and Infinity, numbers no double holds, invalid UTF-8, lone
 * surrogates, NUL (also as \u0000), nesting deeper than JSON_DEPTH_MAX, anything behind the value.
 */
#ifndef HTTP_JSON_H
#define HTTP_JSON_H

#include "http/request.h"

#include <json-c/json.h>

#define JSON_DEPTH_MAX  32
#define JSON_NAMES_MAX  ((size_t)500 * 1000) /* members of all objects */
#define JSON_VALUES_MAX ((size_t)1000 * 1000)

struct json_error {
    const char *what;
    size_t offset;       /* in bytes */
    size_t line, column; /* both from 1; a column is a byte */
};

/* 0, ERR_SYNTAX, -E2BIG (depth or count), -ENOMEM; the last two say so in *ret_error, too. */
must_check int json_scan(struct span text, struct json_error *ret_error);
/* The same, and the value, to be given back with json_object_put; null is a NULL. */
must_check int json_read(struct span text, struct json_object **ret_value,
                         struct json_error *ret_error);

/* The request's body, at most max bytes: HTTP_CODE(400) says where it is wrong. Content-Type is the
 * caller's affair. Yields. */
must_check int json_co_body(struct http_request *r, size_t max, struct json_object **ret_value);
/* Answers with a value, and gives it back. */
must_check int json_answer(struct http_request *r, int status, struct json_object *value);

#endif
