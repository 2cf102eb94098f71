/*
 * Our own API, /api/v1: JSON in and out, errors as application/problem+json (RFC 9457) that name
 * the field, the reason and the fix. openapi.json is its contract; the tests hold both against each
 * other.
 *
 *   native.c           routes, errors, what all handlers need
 *   native_read.c      the body of a send
 *   native_send.c      messages: send, raw, preview
 *   native_message.c   what became of one
 *   native_template.c  native_version.c   templates and their versions
 *   native_queue.c     native_batch.c     what waits
 *   native_key.c       keys;  native_list.c  events, domains, users
 *
 * A handler is a chain of steps. Each gives 0 (go on), NATIVE_ANSWERED, or an error that becomes an
 * answer; native_end ends the chain.
 */
#ifndef API_NATIVE_H
#define API_NATIVE_H

#include "api/api.h"
#include "api/member.h"
#include "http/json.h"

#define NATIVE_BODY_MAX     (60 * 1024 * 1024)
#define NATIVE_SMALL_MAX    (64 * 1024) /* of a body that holds no letter and no template */
#define NATIVE_TEMPLATE_MAX (16 * 1024 * 1024)
#define NATIVE_PAGE_MAX     500
#define NATIVE_FIELD_MAX    128

#define NATIVE_ANSWERED 1
static inline int native_end(int rc)
{
    return rc > 0 ? 0 : rc;
}

/* --- steps ----------------------------------------------------------------------------------- */

/* Who asks, and that the key may do it. Yields. */
must_check int native_co_enter(struct http_request *r, const char *scope, struct identity *ret_who);
/* The domain that the key is bound to, folded, in the arena; empty: none. It sees and steers what
 * is of this domain alone. Yields. */
must_check int native_co_bound(struct http_request *r, const struct identity *who,
                               struct span *ret_domain);
/* Answers with a problem: the field ("to[2].email"; NULL: none), what is wrong with it ("is no
 * address", or a sentence), what to do. */
must_check int native_problem(struct http_request *r, int status, const char *field,
                              const char *reason, const char *fix);
/* The same for an error of a store about something ("template"); other errors are given back. */
must_check int native_problem_of(struct http_request *r, int rc, const char *what);
/* The body, an object with no members but these (ended by NULL). Give it back with json_object_put
 * in any case; *ret_o is NULL or that. Yields. */
must_check int native_co_body(struct http_request *r, size_t max, const char *const *members,
                              struct json_object **ret_o);
/* No members but these; prefix: "" or "recipients[2]." */
must_check int native_check_members(struct http_request *r, struct json_object *o,
                                    const char *const *members, const char *prefix);
/* A member that is text, true or false; *ret keeps its value without one. */
must_check int native_text(struct http_request *r, struct json_object *o, const char *name,
                           struct span *ret_text);
must_check int native_bool(struct http_request *r, struct json_object *o, const char *name,
                           bool *ret_value);
/* A member that is any object, as text in the request's arena. */
must_check int native_object_text(struct http_request *r, struct json_object *o, const char *name,
                                  struct span *ret_text);
/* A list of words, as one text with blanks between. */
must_check int native_words(struct http_request *r, struct json_object *o, const char *name,
                            struct span *ret_words);

/* --- lists ----------------------------------------------------------------------------------- */

/* The query has no parameters but these, limit and cursor (ended by NULL). */
must_check int native_check_query(struct http_request *r, const char *const *names);
/* limit (1 to NATIVE_PAGE_MAX; 100 without) and cursor. */
struct native_page {
    unsigned limit;
    struct span cursor; /* empty: from the start */
};
must_check int native_take_page(struct http_request *r, struct native_page *ret_page);
/* A cursor, a parameter of the query or of the path that is an id; 0 without. */
must_check int native_take_cursor(struct http_request *r, const struct native_page *page,
                                  int64_t *ret_id);
must_check int native_query_id(struct http_request *r, const char *name, int64_t *ret_id);
must_check int native_path_id(struct http_request *r, const char *name, int64_t *ret_id);
/* {"items": […], "next_cursor": …} (null at the end). Gives both back. */
must_check int native_answer_page(struct http_request *r, struct json_object *items,
                                  struct json_object *next_cursor);
must_check int native_answer_nothing(struct http_request *r); /* 204 */

/* --- values ---------------------------------------------------------------------------------- */

struct json_object *native_time(int64_t wall_ms); /* "2026-11-23T10:00:00Z" */
struct json_object *native_id(int64_t id);
/* JSON that was kept; {} when it is empty or cannot be read. */
struct json_object *native_kept(struct span text);
struct json_object *native_word_list(struct span words);
/* A time as our API takes it: "2026-01-31T12:00:00Z", seconds since 1970. */
bool native_parse_time(struct span text, int64_t *ret_ms);

/* --- handlers -------------------------------------------------------------------------------- */

int native_messages_co_post(struct http_request *r);
int native_raw_co_post(struct http_request *r);
int native_preview_co_post(struct http_request *r);
int native_message_co_get(struct http_request *r);
int native_templates_co_get(struct http_request *r);
int native_templates_co_post(struct http_request *r);
int native_template_co_get(struct http_request *r);
int native_template_co_patch(struct http_request *r);
int native_template_co_delete(struct http_request *r);
int native_template_preview_co_post(struct http_request *r);
int native_versions_co_get(struct http_request *r);
int native_versions_co_post(struct http_request *r);
int native_version_co_get(struct http_request *r);
int native_version_co_patch(struct http_request *r);
int native_version_co_delete(struct http_request *r);
int native_queue_co_get(struct http_request *r);
int native_queue_letter_co_get(struct http_request *r);
int native_queue_co_retry(struct http_request *r);
int native_queue_co_hold(struct http_request *r);
int native_queue_co_release(struct http_request *r);
int native_queue_co_drop(struct http_request *r);
int native_batches_co_get(struct http_request *r);
int native_batches_co_post(struct http_request *r);
int native_batch_co_get(struct http_request *r);
int native_batch_co_patch(struct http_request *r);
int native_keys_co_get(struct http_request *r);
int native_keys_co_post(struct http_request *r);
int native_key_co_get(struct http_request *r);
int native_key_co_patch(struct http_request *r);
int native_key_co_delete(struct http_request *r);
int native_events_co_get(struct http_request *r);
int native_event_co_get(struct http_request *r);
int native_domains_co_get(struct http_request *r);
int native_users_co_get(struct http_request *r);

#endif
