/*
 * Domains of the Mailgun dialect: listing, one with the records to publish, verifying. The records
 * are those of "postamt domain dns". See mailgun.h.
 */
#include "api/mailgun.h"

#include "base/id.h"
#include "directory/records.h"
#include "http/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_MAX     1000
#define LIMIT_DEFAULT 100
#define PAGE          256

static struct json_object *domain_json(struct span name, int64_t created_ms, int64_t id)
{
    char date[MAILGUN_DATE], text[ID_TEXT], login[ADDRESS_TEXT_MAX];
    struct json_object *o = json_object_new_object();
    snprintf(login, sizeof login, "postmaster@%.*s", SPAN_PRINT(name));
    member_put(o, "created_at", json_object_new_string(mailgun_date(created_ms, "GMT", date)));
    member_put(o, "id", json_object_new_string(id_text(id, text)));
    member_put(o, "is_disabled", json_object_new_boolean(false));
    member_put_text(o, "name", name);
    member_put(o, "require_tls", json_object_new_boolean(false));
    member_put(o, "skip_verification", json_object_new_boolean(true));
    member_put(o, "smtp_login", json_object_new_string(login));
    member_put(o, "spam_action", json_object_new_string("disabled"));
    member_put(o, "state", json_object_new_string("active"));
    member_put(o, "type", json_object_new_string("custom"));
    member_put(o, "use_automatic_sender_security", json_object_new_boolean(false));
    member_put(o, "web_prefix", json_object_new_string("email"));
    member_put(o, "web_scheme", json_object_new_string("https"));
    member_put(o, "wildcard", json_object_new_boolean(false));
    member_put(o, "encrypt_incoming_message", json_object_new_boolean(false));
    member_put(o, "message_ttl", json_object_new_int(0));
    return o;
}

/* --- all ------------------------------------------------------------------------------------- */

static int query_number(struct http_request *r, const char *name, uint64_t most, uint64_t *value)
{
    struct span text;
    int rc = http_query(r, name, &text);
    if (rc < 0 || text.len == 0)
        return rc < 0 ? rc : 0;
    return span_to_uint(text, most, value)
               ? 0
               : http_fail(r, 400, "'%s' parameter is not a number up to %llu", name,
                           (unsigned long long)most);
}

/* What the query asks for. */
struct wanted {
    uint64_t skip, limit;
    struct span search, state;
    bool by_name, backwards;
};

static int read_wanted(struct http_request *r, struct wanted *w)
{
    struct span sort;
    *w = (struct wanted){.limit = LIMIT_DEFAULT};
    int rc = query_number(r, "limit", LIMIT_MAX, &w->limit);
    if (rc == 0)
        rc = query_number(r, "skip", INT32_MAX, &w->skip);
    if (rc == 0)
        rc = http_query(r, "search", &w->search);
    if (rc == 0)
        rc = http_query(r, "state", &w->state);
    if (rc == 0)
        rc = http_query(r, "sort", &sort);
    if (rc != 0)
        return rc;
    w->backwards = span_equal(sort, SPAN("name:desc"));
    w->by_name =
        w->backwards || span_equal(sort, SPAN("name:asc")) || span_equal(sort, SPAN("name"));
    if (sort.len && !w->by_name)
        return http_fail(r, 400, "'sort' parameter is name, name:asc or name:desc");
    if (w->state.len && !span_equal(w->state, SPAN("active")) &&
        !span_equal(w->state, SPAN("unverified")) && !span_equal(w->state, SPAN("disabled")))
        return http_fail(r, 400, "'state' parameter is active, unverified or disabled");
    return 0;
}

/* All are active here. Names are in lower case, and so is what is looked for. */
static bool is_wanted(const struct wanted *w, struct span name)
{
    char search[ADDRESS_DOMAIN_MAX + 1];
    if (w->state.len && !span_equal(w->state, SPAN("active")))
        return false;
    if (!span_to_text(w->search, search, sizeof search))
        return false;
    for (char *at = search; *at; at++)
        *at = ascii_lower(*at);
    return search[0] == '\0' || span_find_span(name, span_of(search)) >= 0;
}

struct found {
    struct span name;
    int64_t created_ms, id;
};

/* The newest first. */
static int compare_age(const void *a, const void *b)
{
    int64_t one = ((const struct found *)a)->id, other = ((const struct found *)b)->id;
    return one > other ? -1 : one < other;
}

static int add_found(struct http_request *r, const struct found *one, struct found **all,
                     size_t *count, size_t *room)
{
    if (*count == *room) {
        size_t more = *room ? *room * 2 : PAGE;
        struct found *larger = arena_alloc(&r->arena, more * sizeof *larger);
        if (!larger)
            return -ENOMEM;
        if (*count)
            memcpy(larger, *all, *count * sizeof *larger);
        *all = larger;
        *room = more;
    }
    (*all)[(*count)++] = *one;
    return 0;
}

/* By name; the key of one domain sees that one. */
static int co_find(struct http_request *r, const struct mailgun_caller *caller,
                   const struct wanted *w, struct found **ret_all, size_t *ret_count)
{
    struct directory *d = api_of(r)->directory;
    struct span after = SPAN("");
    struct directory_row *rows;
    size_t count = 0, room = 0;
    int rc;
    *ret_count = 0;
    do {
        rc = directory_co_page(d, caller->who.tenant, DIRECTORY_DOMAINS, after, PAGE, &r->arena,
                               &rows, &count);
        for (size_t i = 0; rc == 0 && i < count; i++) {
            char name[ADDRESS_DOMAIN_MAX + 1];
            struct found one = {rows[i].name, rows[i].created_ms, 0};
            if (!is_wanted(w, one.name))
                continue;
            rc = directory_co_domain_find(d, &caller->who, one.name, name, &one.id);
            if (rc == 0)
                rc = add_found(r, &one, ret_all, ret_count, &room);
            rc = rc == ERR_ABSENT ? 0 : rc;
        }
        after = rc == 0 && count ? rows[count - 1].name : after;
    } while (rc == 0 && count == PAGE);
    return rc;
}

static int answer_domains(struct http_request *r, const struct wanted *w, struct found *all,
                          size_t count)
{
    struct json_object *o = json_object_new_object(), *items = json_object_new_array();
    if (!w->by_name && count)
        qsort(all, count, sizeof *all, compare_age);
    for (uint64_t i = w->skip; i < count && i - w->skip < w->limit; i++) {
        const struct found *one = &all[w->backwards ? count - 1 - i : i];
        json_object_array_add(items, domain_json(one->name, one->created_ms, one->id));
    }
    member_put(o, "total_count", json_object_new_int64((int64_t)count));
    member_put(o, "items", items);
    return json_answer(r, 200, o);
}

int mailgun_domains_co_get(struct http_request *r)
{
    struct mailgun_caller caller;
    struct wanted wanted = {0};
    struct found *all = NULL;
    size_t count = 0;
    int rc = mailgun_co_enter(r, "domains.read", &caller);
    if (rc == 0)
        rc = read_wanted(r, &wanted);
    if (rc == 0)
        rc = co_find(r, &caller, &wanted, &all, &count);
    return rc < 0 ? rc : answer_domains(r, &wanted, all, count);
}

/* --- one, with its records ------------------------------------------------------------------- */

static struct json_object *record_json(const struct directory_record *record)
{
    struct json_object *o = json_object_new_object();
    struct span value = span_of(record->value), priority = SPAN("");
    if (span_equal(span_of(record->type), SPAN("MX")))
        (void)!span_cut(&value, ' ', &priority);
    if (priority.len)
        value = span_from(span_of(record->value), priority.len + 1);
    member_put(o, "is_active", json_object_new_boolean(true));
    member_put(o, "cached", json_object_new_array());
    member_put(o, "name", json_object_new_string(record->name));
    if (priority.len)
        member_put_text(o, "priority", priority);
    member_put(o, "record_type", json_object_new_string(record->type));
    member_put(o, "valid", json_object_new_string("unknown"));
    member_put_text(o, "value", value);
    return o;
}

static int co_answer(struct http_request *r, const char *message)
{
    struct mailgun_caller caller;
    const struct api *api = api_of(r);
    const struct directory_node node = {.hostname = api->hostname};
    struct directory_record *records =
        arena_alloc(&r->arena, DIRECTORY_RECORDS_MAX * sizeof *records);
    size_t count = 0;
    int rc = mailgun_co_enter(r, "domains.read", &caller);
    if (rc == 0)
        rc = records ? directory_co_records(api->directory, &node, caller.domain, records, &count)
                     : -ENOMEM;
    if (rc < 0)
        return rc;
    struct json_object *o = json_object_new_object(), *sending = json_object_new_array(),
                       *receiving = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        bool mx = span_equal(span_of(records[i].type), SPAN("MX"));
        if (mx || span_equal(span_of(records[i].type), SPAN("TXT")))
            json_object_array_add(mx ? receiving : sending, record_json(&records[i]));
    }
    if (message)
        member_put(o, "message", json_object_new_string(message));
    member_put(o, "domain",
               domain_json(span_of(caller.domain), id_wall_ms(caller.domain_id), caller.domain_id));
    member_put(o, "receiving_dns_records", receiving);
    member_put(o, "sending_dns_records", sending);
    return json_answer(r, 200, o);
}

int mailgun_domain_co_get(struct http_request *r)
{
    return co_answer(r, NULL);
}

int mailgun_domain_co_verify(struct http_request *r)
{
    return co_answer(r, "Domain DNS records have been updated");
}
