/* Lists of our own API that are only read: events, domains, users. */
#include "api/native.h"

#include "event/event.h"

#include <errno.h>

#define MEMORY ((size_t)16 * 1024 * 1024)

/* --- events ---------------------------------------------------------------------------------- */

static struct json_object *event_json(const struct event *event)
{
    struct json_object *o = json_object_new_object();
    member_put(o, "id", native_id(event->id));
    member_put(o, "time", native_time(id_wall_ms(event->id)));
    member_put(o, "message", native_id(event->letter));
    member_put(o, "event", json_object_new_string(event_kind_text(event->kind)));
    member_put_text(o, "from", event->sender);
    member_put(o, "to", event->recipient.len ? member_from_text(event->recipient) : NULL);
    member_put(o, "bytes", json_object_new_int64((int64_t)event->bytes));
    member_put_text(o, "detail", event->detail);
    return o;
}

static int take_since(struct http_request *r, int64_t *ret_ms)
{
    struct span text;
    int rc = http_query(r, "since", &text);
    if (rc == 0 && text.len && !native_parse_time(text, ret_ms))
        rc = native_problem(r, 400, "since", "is no time",
                            "Give seconds since 1970, or 2026-01-31T12:00:00Z");
    return rc;
}

static int take_filter(struct http_request *r, struct event_filter *filter)
{
    static const char *const names[] = {"message", "to", "from", "since", "after", NULL};
    struct native_page page = {0};
    int rc = native_check_query(r, names);
    if (rc == 0)
        rc = native_take_page(r, &page);
    if (rc == 0)
        rc = native_take_cursor(r, &page, &filter->before);
    if (rc == 0)
        rc = native_query_id(r, "message", &filter->letter);
    if (rc == 0)
        rc = native_query_id(r, "after", &filter->after);
    if (rc == 0)
        rc = http_query(r, "to", &filter->to);
    if (rc == 0)
        rc = http_query(r, "from", &filter->from);
    filter->limit = page.limit;
    return rc == 0 ? take_since(r, &filter->since_ms) : rc;
}

/* Newest first. */
int native_events_co_get(struct http_request *r)
{
    struct identity who = {0};
    struct event_filter filter = {0};
    struct event *events;
    size_t count;
    AUTO_ARENA arena = ARENA(MEMORY);
    int rc = native_co_enter(r, "log.read", &who);
    if (rc == 0)
        rc = take_filter(r, &filter);
    if (rc == 0)
        rc = native_co_bound(r, &who, &filter.from_domain);
    filter.tenant = who.tenant;
    if (rc == 0)
        rc = event_co_list(api_of(r)->store, &filter, &arena, &events, &count);
    if (rc != 0)
        return native_end(rc);
    struct json_object *items = json_object_new_array();
    for (size_t i = count; i > 0; i--)
        json_object_array_add(items, event_json(&events[i - 1]));
    return native_answer_page(r, items, count == filter.limit ? native_id(events[0].id) : NULL);
}

int native_event_co_get(struct http_request *r)
{
    struct identity who = {0};
    struct event *events;
    size_t count = 0;
    int64_t id = 0;
    struct event_filter filter = {.limit = 1};
    int rc = native_co_enter(r, "log.read", &who);
    if (rc == 0)
        rc = native_path_id(r, "id", &id);
    if (rc == 0)
        rc = native_co_bound(r, &who, &filter.from_domain);
    if (rc != 0)
        return native_end(rc);
    filter.tenant = who.tenant;
    filter.after = id - 1;
    filter.before = id == INT64_MAX ? 0 : id + 1;
    rc = event_co_list(api_of(r)->store, &filter, &r->arena, &events, &count);
    if (rc == 0 && count == 0)
        rc = native_problem_of(r, ERR_ABSENT, "id");
    else if (rc == 0)
        rc = json_answer(r, 200, event_json(&events[0]));
    return native_end(rc);
}

/* --- domains and users ----------------------------------------------------------------------- */

/* A domain, or an address in it. */
static bool is_of(struct span name, struct span domain)
{
    return span_equal(span_from(name, (size_t)(span_find_last(name, '@') + 1)), domain);
}

static int native_co_answer_names(struct http_request *r, const char *scope,
                                  enum directory_list what, const char *name)
{
    static const char *const names[] = {NULL};
    struct identity who = {0};
    struct native_page page;
    struct directory_row *rows;
    struct span bound;
    size_t count;
    int rc = native_co_enter(r, scope, &who);
    if (rc == 0)
        rc = native_co_bound(r, &who, &bound);
    if (rc == 0)
        rc = native_check_query(r, names);
    if (rc == 0)
        rc = native_take_page(r, &page);
    unsigned limit = rc == 0 && page.limit < 256 ? page.limit : 256;
    if (rc == 0)
        rc = directory_co_page(api_of(r)->directory, who.tenant, what, page.cursor, limit,
                               &r->arena, &rows, &count);
    if (rc != 0)
        return native_end(rc);
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        if (bound.len && !is_of(rows[i].name, bound))
            continue;
        struct json_object *o = json_object_new_object();
        member_put_text(o, name, rows[i].name);
        member_put(o, "created", native_time(rows[i].created_ms));
        json_object_array_add(items, o);
    }
    return native_answer_page(r, items,
                              count == limit ? member_from_text(rows[count - 1].name) : NULL);
}

int native_domains_co_get(struct http_request *r)
{
    return native_co_answer_names(r, "domains.read", DIRECTORY_DOMAINS, "name");
}

int native_users_co_get(struct http_request *r)
{
    return native_co_answer_names(r, "users.read", DIRECTORY_USERS, "address");
}
