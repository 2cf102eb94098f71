/*
 * Our own API, /api/v1: JSON in and out, errors as application/problem+json (RFC 9457) that name
 * the field, the reason and the fix.
 */
#ifndef API_NATIVE_H
#define API_NATIVE_H

#include "api/api.h"
#include "api/member.h"

#define NATIVE_BODY_MAX (60 * 1024 * 1024)

/* Who asks, and that the key may do it: 0, or the answer has been chosen. Yields. */
must_check int native_co_enter(struct http_request *r, const char *scope, struct identity *ret_who);
/* Answers with a problem of a field: "to[2].email", what is wrong, what to do (may be NULL). */
must_check int native_problem(struct http_request *r, int status, const char *field,
                              const char *reason, const char *fix);

int native_messages_co_post(struct http_request *r);

#endif
