/*
 * SendGrid's keys and their scopes: api_keys, scopes.
 *
 * A key cannot give more than it has: a new one is for its maker's domain and addresses, and has
 * scopes of its maker's. Keys of other dialects are not seen here.
 */
#include "api/sendgrid.h"

#include "http/json.h"

#include <errno.h>
#include <string.h>

#define KEYS_MAX       100 /* SendGrid's own limit */
#define ID_MAX         64
#define SCOPE_MAX      100
#define LIST_MEMORY    ((size_t)1024 * 1024)
#define INVALID_SCOPES "one or more of given scopes are invalid"

/* What a key without limits may do, as far as it is built. */
static const char *const all_scopes[] = {
    "mail.send",
    "mail.batch.create",
    "mail.batch.read",
    "user.scheduled_sends.create",
    "user.scheduled_sends.read",
    "user.scheduled_sends.update",
    "user.scheduled_sends.delete",
    "templates.create",
    "templates.read",
    "templates.update",
    "templates.delete",
    "templates.versions.create",
    "templates.versions.read",
    "templates.versions.update",
    "templates.versions.delete",
    "templates.versions.activate.create",
    "api_keys.create",
    "api_keys.read",
    "api_keys.update",
    "api_keys.delete",
};

/* --- scopes ---------------------------------------------------------------------------------- */

/* scopes: words separated by spaces; empty: all. */
static struct json_object *scopes_json(struct span scopes)
{
    struct json_object *list = json_object_new_array();
    struct span word;
    while (span_cut(&scopes, ' ', &word))
        if (word.len)
            json_object_array_add(list, member_from_text(word));
    if (json_object_array_length(list) == 0)
        for (size_t i = 0; i < sizeof all_scopes / sizeof *all_scopes; i++)
            json_object_array_add(list, json_object_new_string(all_scopes[i]));
    return list;
}

static bool is_scope(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.at[i];
        if (!ascii_is_digit(c) && !(ascii_is_alpha(c) && c >= 'a') && c != '.' && c != '_' &&
            c != '-')
            return false;
    }
    return word.len > 0 && word.len <= SCOPE_MAX;
}

/* The words of a list, which must be of maker's, if it has a list. ERR_SYNTAX, -ENOBUFS. */
static int write_scopes(struct json_object *list, struct span makers, struct buffer *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_object_array_length(list); i++) {
        struct span word;
        if (member_is_text(json_object_array_get_idx(list, i), &word) <= 0 || !is_scope(word) ||
            (makers.len && !span_has_word(makers, word)))
            return ERR_SYNTAX;
        if (span_has_word(buffer_span(out), word))
            continue;
        if (out->len)
            rc = buffer_append_byte(out, ' ');
        if (rc == 0)
            rc = buffer_append(out, word);
    }
    return rc;
}

int sendgrid_scopes_co_get(struct http_request *r)
{
    struct identity who;
    struct key own;
    int rc = sendgrid_co_enter(r, NULL, &who);
    if (rc == 0)
        rc = directory_co_key_find(api_of(r)->directory, who.tenant, span_of(who.login), &r->arena,
                                   &own);
    if (rc < 0)
        return rc;
    struct json_object *o = json_object_new_object();
    member_put(o, "scopes", scopes_json(own.scopes));
    return json_answer(r, 200, o);
}

/* --- calls ----------------------------------------------------------------------------------- */

struct key_call {
    struct http_request *r;
    struct identity who;
    struct key own;   /* the key that asks */
    struct key other; /* the one of the path */
    struct json_object *body;
    struct span name;
    struct buffer scopes;
};

static void key_call_end(struct key_call *c)
{
    json_object_put(c->body);
    buffer_free(&c->scopes);
}

static int co_enter(struct key_call *c, struct http_request *r, const char *scope)
{
    *c = (struct key_call){.r = r, .scopes = BUFFER(KEY_SCOPES_MAX)};
    int rc = sendgrid_co_enter(r, scope, &c->who);
    return rc < 0 ? rc
                  : directory_co_key_find(api_of(r)->directory, c->who.tenant,
                                          span_of(c->who.login), &r->arena, &c->own);
}

/* The key of the path. */
static int co_find(struct key_call *c)
{
    struct span id = http_parameter(c->r, "key");
    int rc = id.len > ID_MAX || span_find(id, '\0') >= 0
                 ? ERR_ABSENT
                 : directory_co_key_find(api_of(c->r)->directory, c->who.tenant, id, &c->r->arena,
                                         &c->other);
    if (rc == 0 && c->other.dialect != KEY_SENDGRID)
        rc = ERR_ABSENT;
    return rc == ERR_ABSENT ? http_fail(c->r, 404, "unable to find API Key") : rc;
}

/* A key may change and take away only what it could have made. */
static bool may_change(const struct key_call *c)
{
    struct span rest = c->other.scopes, word;
    if (c->own.scopes.len && c->other.scopes.len == 0)
        return false;
    while (c->own.scopes.len && span_cut(&rest, ' ', &word))
        if (word.len && !span_has_word(c->own.scopes, word))
            return false;
    return (c->own.domain.len == 0 || span_equal(c->own.domain, c->other.domain)) &&
           (c->own.addresses.len == 0 || span_equal(c->own.addresses, c->other.addresses));
}

static int co_find_mine(struct key_call *c)
{
    int rc = co_find(c);
    return rc < 0 ? rc : may_change(c) ? 0 : HTTP_CODE(403);
}

/* name, which must be there: 0, or the answer has been chosen. */
static int co_take_body(struct key_call *c)
{
    int rc = sendgrid_co_body(c->r, SENDGRID_SMALL_MAX, &c->body);
    if (rc < 0)
        return rc;
    if (member_text(c->body, "name", &c->name) <= 0 || c->name.len == 0)
        return http_fail(c->r, 400, "missing required argument: name");
    return 0;
}

static int take_scopes(struct key_call *c, bool required)
{
    struct json_object *list = NULL;
    size_t count;
    int rc = member_array(c->body, "scopes", &list, &count);
    if (rc < 0 || (required && count == 0))
        return http_fail(c->r, 400, INVALID_SCOPES);
    rc = count ? write_scopes(list, c->own.scopes, &c->scopes)
               : buffer_append(&c->scopes, c->own.scopes);
    return rc == ERR_SYNTAX || rc == -ENOBUFS ? http_fail(c->r, 400, INVALID_SCOPES) : rc;
}

static struct json_object *key_json(struct span id, struct span name)
{
    struct json_object *o = json_object_new_object();
    member_put_text(o, "api_key_id", id);
    member_put_text(o, "name", name);
    return o;
}

/* --- the list -------------------------------------------------------------------------------- */

struct listed {
    struct arena arena;
    struct span ids[KEYS_MAX + 1];
    size_t count;
    bool full; /* no memory */
};

static void note_key(const struct directory_row *row, void *arg)
{
    struct listed *l = arg;
    if (!span_equal(row->detail, SPAN("sendgrid")) || l->count > KEYS_MAX)
        return;
    l->ids[l->count] = arena_copy(&l->arena, row->name);
    l->full = l->full || !l->ids[l->count].at;
    l->count++;
}

static int co_list(struct key_call *c, struct listed *l)
{
    *l = (struct listed){.arena = ARENA(LIST_MEMORY)};
    int rc = directory_co_list(api_of(c->r)->directory, c->who.tenant, DIRECTORY_KEYS, note_key, l);
    return rc < 0 ? rc : l->full ? -ENOMEM : 0;
}

static int co_add_listed(struct key_call *c, struct listed *l, struct json_object *list)
{
    uint64_t limit = KEYS_MAX;
    struct span text;
    int rc = http_query(c->r, "limit", &text);
    if (rc < 0)
        return rc;
    if (text.len && !span_to_uint(text, INT32_MAX, &limit))
        return http_fail(c->r, 400, "limit must be a number");
    for (size_t i = 0; rc == 0 && i < l->count && i < limit; i++) {
        struct key key;
        rc = directory_co_key_find(api_of(c->r)->directory, c->who.tenant, l->ids[i], &l->arena,
                                   &key);
        if (rc == 0)
            json_object_array_add(list, key_json(key.id, key.title));
        rc = rc == ERR_ABSENT ? 0 : rc; /* revoked meanwhile */
    }
    return rc;
}

static __attribute__((noinline)) int co_answer_list(struct key_call *c)
{
    struct json_object *o = json_object_new_object(), *list = json_object_new_array();
    struct listed *l = arena_alloc(&c->r->arena, sizeof *l);
    member_put(o, "result", list);
    int rc = l ? co_list(c, l) : -ENOMEM;
    if (rc == 0)
        rc = co_add_listed(c, l, list);
    if (l)
        arena_free(&l->arena);
    if (rc == 0)
        return json_answer(c->r, 200, o);
    json_object_put(o);
    return rc;
}

int sendgrid_keys_co_list(struct http_request *r)
{
    struct key_call c;
    int rc = co_enter(&c, r, "api_keys.read");
    if (rc == 0)
        rc = co_answer_list(&c);
    key_call_end(&c);
    return rc;
}

/* --- making ---------------------------------------------------------------------------------- */

static int co_check_count(struct key_call *c)
{
    struct listed *l = arena_alloc(&c->r->arena, sizeof *l);
    if (!l)
        return -ENOMEM;
    int rc = co_list(c, l);
    arena_free(&l->arena);
    if (rc == 0 && l->count >= KEYS_MAX)
        return http_fail(c->r, 403, "Cannot create more than 100 API Keys");
    return rc;
}

static int co_make(struct key_call *c)
{
    AUTO_BUFFER id = BUFFER(256), secret = BUFFER(256);
    struct key_new key = {.dialect = KEY_SENDGRID,
                          .domain = c->own.domain,
                          .title = c->name,
                          .scopes = buffer_span(&c->scopes),
                          .addresses = c->own.addresses};
    int rc = directory_co_key_add(api_of(c->r)->directory, c->who.tenant, &key, &id, &secret);
    if (rc == -E2BIG)
        return http_fail(c->r, 400, "the name or the scopes are too long");
    if (rc < 0)
        return rc;
    struct json_object *o = key_json(buffer_span(&id), c->name);
    member_put_text(o, "api_key", buffer_span(&secret));
    member_put(o, "scopes", scopes_json(buffer_span(&c->scopes)));
    rc = json_answer(c->r, 201, o);
    explicit_bzero(secret.at, secret.len);
    return rc;
}

int sendgrid_keys_co_post(struct http_request *r)
{
    struct key_call c;
    int rc = co_enter(&c, r, "api_keys.create");
    if (rc == 0)
        rc = co_take_body(&c);
    if (rc == 0)
        rc = take_scopes(&c, false);
    if (rc == 0)
        rc = co_check_count(&c);
    if (rc == 0)
        rc = co_make(&c);
    key_call_end(&c);
    return rc;
}

/* --- one key --------------------------------------------------------------------------------- */

/* As the service answers, and as its specification says. */
int sendgrid_key_co_get(struct http_request *r)
{
    struct key_call c;
    int rc = co_enter(&c, r, "api_keys.read");
    if (rc == 0)
        rc = co_find(&c);
    if (rc == 0) {
        struct json_object *o = key_json(c.other.id, c.other.title),
                           *one = key_json(c.other.id, c.other.title),
                           *list = json_object_new_array();
        member_put(o, "scopes", scopes_json(c.other.scopes));
        member_put(one, "scopes", scopes_json(c.other.scopes));
        json_object_array_add(list, one);
        member_put(o, "result", list);
        rc = json_answer(r, 200, o);
    }
    key_call_end(&c);
    return rc;
}

static int co_change(struct key_call *c, struct span scopes)
{
    int rc = directory_co_key_change(api_of(c->r)->directory, c->who.tenant, c->other.id, c->name,
                                     scopes);
    if (rc == -E2BIG)
        return http_fail(c->r, 400, "the name or the scopes are too long");
    if (rc < 0)
        return rc;
    struct json_object *o = key_json(c->other.id, c->name);
    if (scopes.at)
        member_put(o, "scopes", scopes_json(scopes));
    return json_answer(c->r, 200, o);
}

int sendgrid_key_co_patch(struct http_request *r)
{
    struct key_call c;
    int rc = co_enter(&c, r, "api_keys.update");
    if (rc == 0)
        rc = co_take_body(&c);
    if (rc == 0)
        rc = co_find_mine(&c);
    if (rc == 0)
        rc = co_change(&c, (struct span){0});
    key_call_end(&c);
    return rc;
}

int sendgrid_key_co_put(struct http_request *r)
{
    struct key_call c;
    int rc = co_enter(&c, r, "api_keys.update");
    if (rc == 0)
        rc = co_take_body(&c);
    if (rc == 0)
        rc = take_scopes(&c, true);
    if (rc == 0)
        rc = co_find_mine(&c);
    if (rc == 0)
        rc = co_change(&c, buffer_span(&c.scopes));
    key_call_end(&c);
    return rc;
}

int sendgrid_key_co_delete(struct http_request *r)
{
    struct key_call c;
    int rc = co_enter(&c, r, "api_keys.delete");
    if (rc == 0)
        rc = co_find_mine(&c);
    if (rc == 0)
        rc = directory_co_key_revoke(api_of(r)->directory, c.who.tenant, c.other.id);
    if (rc == 0)
        rc = sendgrid_done(r, 204);
    key_call_end(&c);
    return rc;
}
