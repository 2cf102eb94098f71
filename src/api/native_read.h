/*
 * The body of a send of our own API, read: one letter, or one for each of "recipients" with data of
 * its own.
 *
 *   from, to, cc, bcc, reply_to   "Anna <a@b.example>", or {"email", "name"}; lists of these
 *   subject, text, html, amp, headers {name: value}, attachments [{filename, type, content, …}]
 *   template, version, data, strict   a stored template instead of subject, text and html
 *   recipients [{to, cc, bcc, data, subject, headers, send_at, metadata}]
 *   send_at (seconds, or RFC 3339), batch_id, metadata, test
 */
#ifndef API_NATIVE_READ_H
#define API_NATIVE_READ_H

#include "api/native.h"
#include "submit/templates.h"

#define NATIVE_SPACE "native" /* of our templates' names */

struct native_send {
    struct http_request *r;
    struct arena arena; /* what content and send point into */
    struct content content;
    struct send send;
    struct json_object *data; /* of the letter, for groups without their own */
    bool listed;              /* groups came as "recipients" */
    size_t recipient;         /* a preview's */
};

/* who must be set in m->send. A step (native.h). Yields. */
must_check int native_co_read_send(struct native_send *m, struct json_object *o, bool preview);
/* A template's parts into the content; status is of the problem that there is none. A step. Yields.
 */
must_check int native_co_take_version(struct native_send *m, int status, struct span name,
                                      struct span tag, struct stored_version *ret_version);
/* A list of mailboxes, or one. A step. */
must_check int native_take_mailboxes(struct native_send *m, struct json_object *o, const char *name,
                                     const char *prefix, struct compose_list *ret_list);
/* Answers what the door refused. A step. */
must_check int native_refusal(struct native_send *m, const struct send_result *result);

#endif
