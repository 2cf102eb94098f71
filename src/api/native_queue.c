/* What waits, by our own API: the queue listed and shown, recipients steered by a selector. */
#include "api/native.h"

#include "deliver/steer.h"

#include <errno.h>

#define MEMORY ((size_t)8 * 1024 * 1024)

/* --- showing --------------------------------------------------------------------------------- */

static struct json_object *row_json(const struct queue_row *row)
{
    const struct queue_recipient *one = &row->recipient;
    bool held = one->held.len > 0;
    struct json_object *o = json_object_new_object();
    member_put(o, "id", native_id(one->id));
    member_put(o, "message", native_id(row->letter.id));
    member_put_text(o, "sender", row->letter.reverse_path);
    member_put_text(o, "to", one->forward_path);
    member_put_text(o, "domain", one->domain);
    member_put(o, "due", held ? NULL : native_time(one->due_ms));
    member_put(o, "reason", held ? member_from_text(one->held) : NULL);
    member_put(o, "attempts", json_object_new_int64(one->attempts));
    member_put_text(o, "reply", one->last_reply);
    member_put(o, "batch_id", row->letter.batch.len ? member_from_text(row->letter.batch) : NULL);
    member_put(o, "accepted", native_time(row->letter.accepted_ms));
    member_put(o, "bytes", json_object_new_int64((int64_t)row->letter.octets));
    return o;
}

/* The page of what is selected; absent: an empty first page is a problem. */
static int native_co_answer_rows(struct http_request *r, const struct queue_selector *selector,
                                 bool absent)
{
    struct native_page page;
    struct queue_row *rows;
    size_t count;
    int64_t after = 0;
    AUTO_ARENA arena = ARENA(MEMORY);
    int rc = native_take_page(r, &page);
    if (rc == 0)
        rc = native_take_cursor(r, &page, &after);
    unsigned limit = rc == 0 && page.limit < 256 ? page.limit : 256;
    if (rc == 0)
        rc = queue_co_list(api_of(r)->store, selector, after, limit, &arena, &rows, &count);
    if (rc != 0)
        return rc;
    if (absent && count == 0 && after == 0)
        return native_problem(r, 404, "id", "does not wait",
                              "GET /api/v1/messages/{id} tells what became of it");
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(items, row_json(&rows[i]));
    return native_answer_page(r, items,
                              count == limit ? native_id(rows[count - 1].recipient.id) : NULL);
}

/* domain is folded into memory of the request. */
static int fold_domain(struct http_request *r, struct queue_selector *selector)
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    if (selector->domain.len == 0)
        return 0;
    if (address_fold_domain(selector->domain, folded) < 0)
        return native_problem(r, 400, "domain", "is no domain", "Give example.org");
    selector->domain = arena_copy(&r->arena, span_of(folded));
    return selector->domain.at ? 0 : -ENOMEM;
}

static int take_query(struct http_request *r, struct queue_selector *selector)
{
    static const char *const names[] = {"message", "domain", "sender", "to", "batch_id", NULL};
    int rc = native_check_query(r, names);
    if (rc == 0)
        rc = native_query_id(r, "message", &selector->letter);
    if (rc == 0)
        rc = http_query(r, "domain", &selector->domain);
    if (rc == 0)
        rc = http_query(r, "sender", &selector->sender);
    if (rc == 0)
        rc = http_query(r, "to", &selector->recipient_path);
    if (rc == 0)
        rc = http_query(r, "batch_id", &selector->batch);
    return rc == 0 ? fold_domain(r, selector) : rc;
}

int native_queue_co_get(struct http_request *r)
{
    struct identity who = {0};
    struct queue_selector selector = {0};
    int rc = native_co_enter(r, "queue.read", &who);
    if (rc == 0)
        rc = take_query(r, &selector);
    if (rc == 0)
        rc = native_co_bound(r, &who, &selector.sender_domain);
    selector.tenant = who.tenant;
    return native_end(rc == 0 ? native_co_answer_rows(r, &selector, false) : rc);
}

int native_queue_letter_co_get(struct http_request *r)
{
    static const char *const names[] = {NULL};
    struct identity who = {0};
    struct queue_selector selector = {0};
    int rc = native_co_enter(r, "queue.read", &who);
    if (rc == 0)
        rc = native_path_id(r, "id", &selector.letter);
    if (rc == 0)
        rc = native_check_query(r, names);
    if (rc == 0)
        rc = native_co_bound(r, &who, &selector.sender_domain);
    selector.tenant = who.tenant;
    return native_end(rc == 0 ? native_co_answer_rows(r, &selector, true) : rc);
}

/* --- steering -------------------------------------------------------------------------------- */

static int take_id(struct http_request *r, struct json_object *o, const char *name, int64_t *ret_id)
{
    struct span text = SPAN("");
    int rc = native_text(r, o, name, &text);
    if (rc == 0 && text.len && !id_parse(text, ret_id))
        rc = native_problem(r, 400, name, "is no id",
                            "An id has 13 letters and digits, as answers show it");
    return rc;
}

static int take_selector(struct http_request *r, struct json_object *o,
                         struct queue_selector *selector)
{
    bool all = false;
    selector->domain = selector->sender = selector->recipient_path = selector->batch = SPAN("");
    int rc = take_id(r, o, "message", &selector->letter);
    if (rc == 0)
        rc = take_id(r, o, "recipient", &selector->recipient);
    if (rc == 0)
        rc = native_text(r, o, "domain", &selector->domain);
    if (rc == 0)
        rc = native_text(r, o, "sender", &selector->sender);
    if (rc == 0)
        rc = native_text(r, o, "to", &selector->recipient_path);
    if (rc == 0)
        rc = native_text(r, o, "batch_id", &selector->batch);
    if (rc == 0)
        rc = native_bool(r, o, "all", &all);
    if (rc == 0)
        rc = fold_domain(r, selector);
    if (rc == 0 && !all && !selector->letter && !selector->recipient && !selector->domain.len &&
        !selector->sender.len && !selector->recipient_path.len && !selector->batch.len)
        rc = native_problem(r, 400, "body", "selects nothing",
                            "Name a message, recipient, domain, sender, to or batch_id, or say"
                            " \"all\": true");
    return rc;
}

/* Words as the log and the sender are told them: an enhanced code comes in front. */
static int take_reason(struct http_request *r, struct json_object *o, struct steering *steering)
{
    AUTO_BUFFER words = BUFFER(2000);
    struct span reason = SPAN("");
    int rc = native_text(r, o, "reason", &reason);
    if (rc != 0)
        return rc;
    if (steering->kind != STEER_DROP) {
        steering->reason = reason.len ? reason : SPAN("by the API");
        return 0;
    }
    rc = buffer_printf(&words, "5.7.1 Dropped by the API%s%.*s", reason.len ? ": " : "",
                       SPAN_PRINT(span_first(reason, 500)));
    if (rc < 0)
        return rc;
    steering->reason = arena_copy(&r->arena, buffer_span(&words));
    return steering->reason.at ? 0 : -ENOMEM;
}

static int native_co_run(struct http_request *r, struct json_object *o, struct steering *steering)
{
    size_t count = 0;
    int rc = take_selector(r, o, &steering->selector);
    if (rc == 0)
        rc = take_reason(r, o, steering);
    if (rc == 0)
        rc = native_bool(r, o, "quiet", &steering->quiet);
    if (rc == 0)
        rc = steer_co_run(steering, &count);
    if (rc != 0)
        return rc;
    struct json_object *result = json_object_new_object();
    member_put(result, "recipients", json_object_new_int64((int64_t)count));
    return json_answer(r, 200, result);
}

static int native_co_steer(struct http_request *r, const char *scope, enum steer_kind kind)
{
    static const char *const members[] = {"message",  "recipient", "domain", "sender", "to",
                                          "batch_id", "all",       "reason", "quiet",  NULL};
    struct identity who = {0};
    struct json_object *o = NULL;
    const struct api *api = api_of(r);
    struct steering steering = {.settler = {api->door, api->directory, api->hostname},
                                .deliver = api->deliver,
                                .kind = kind};
    int rc = native_co_enter(r, scope, &who);
    steering.selector.tenant = who.tenant;
    if (rc == 0)
        rc = native_co_bound(r, &who, &steering.selector.sender_domain);
    if (rc == 0)
        rc = native_co_body(r, NATIVE_SMALL_MAX, members, &o);
    if (rc == 0)
        rc = native_co_run(r, o, &steering);
    json_object_put(o);
    return native_end(rc);
}

int native_queue_co_retry(struct http_request *r)
{
    return native_co_steer(r, "queue.update", STEER_RETRY);
}

int native_queue_co_hold(struct http_request *r)
{
    return native_co_steer(r, "queue.update", STEER_HOLD);
}

int native_queue_co_release(struct http_request *r)
{
    return native_co_steer(r, "queue.update", STEER_RELEASE);
}

int native_queue_co_drop(struct http_request *r)
{
    return native_co_steer(r, "queue.delete", STEER_DROP);
}
