/*
 * Keys by our own API: listed, made (the secret is in that answer alone), changed, revoked.
 *
 * Nobody hands on more than he has: a key with scopes makes keys with some of these; one that is
 * bound to a domain or to addresses makes keys that are bound to it or to some of them. What he
 * could not have made he neither changes nor revokes, and keys of other domains than his own he
 * does not see.
 */
#include "api/native.h"

#include <errno.h>
#include <sodium.h>

/* What a key of ours may be allowed; names are SendGrid's where it has them. */
static const char *const scopes[] = {"mail.send",
                                     "mail.batch.create",
                                     "mail.batch.read",
                                     "user.scheduled_sends.update",
                                     "messages.read",
                                     "log.read",
                                     "templates.create",
                                     "templates.read",
                                     "templates.update",
                                     "templates.delete",
                                     "templates.versions.create",
                                     "templates.versions.read",
                                     "templates.versions.update",
                                     "templates.versions.delete",
                                     "queue.read",
                                     "queue.update",
                                     "queue.delete",
                                     "api_keys.create",
                                     "api_keys.read",
                                     "api_keys.update",
                                     "api_keys.delete",
                                     "domains.read",
                                     "users.read"};

static struct json_object *key_json(const struct key *key)
{
    struct json_object *o = json_object_new_object();
    member_put_text(o, "id", key->id);
    member_put(o, "dialect", json_object_new_string(key_dialect_name(key->dialect)));
    member_put_text(o, "title", key->title);
    member_put(o, "domain", key->domain.len ? member_from_text(key->domain) : NULL);
    member_put(o, "scopes", native_word_list(key->scopes));
    member_put(o, "addresses", native_word_list(key->addresses));
    member_put(o, "created", native_time(key->created_ms));
    return o;
}

/* --- lists ----------------------------------------------------------------------------------- */

static bool sees(const struct identity *who, const struct key *key)
{
    return who->key_domain == 0 || who->key_domain == key->who.key_domain;
}

int native_keys_co_get(struct http_request *r)
{
    static const char *const names[] = {NULL};
    struct identity who = {0};
    struct native_page page;
    struct directory_row *rows;
    struct key key;
    size_t count = 0;
    int rc = native_co_enter(r, "api_keys.read", &who);
    if (rc == 0)
        rc = native_check_query(r, names);
    if (rc == 0)
        rc = native_take_page(r, &page);
    unsigned limit = rc == 0 && page.limit < 100 ? page.limit : 100;
    if (rc == 0)
        rc = directory_co_page(api_of(r)->directory, who.tenant, DIRECTORY_KEYS, page.cursor, limit,
                               &r->arena, &rows, &count);
    if (rc != 0)
        return native_end(rc);
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; rc == 0 && i < count; i++) {
        AUTO_ARENA arena = ARENA(64 * 1024);
        rc = directory_co_key_find(api_of(r)->directory, who.tenant, rows[i].name, &arena, &key);
        if (rc == 0 && sees(&who, &key))
            json_object_array_add(items, key_json(&key));
        rc = rc == ERR_ABSENT ? 0 : rc; /* revoked meanwhile */
    }
    if (rc < 0) {
        json_object_put(items);
        return rc;
    }
    return native_answer_page(r, items,
                              count == limit ? member_from_text(rows[count - 1].name) : NULL);
}

static int native_co_find(struct http_request *r, const struct identity *who, struct span id,
                          struct key *ret_key)
{
    int rc = directory_co_key_find(api_of(r)->directory, who->tenant, id, &r->arena, ret_key);
    if (rc == 0 && !sees(who, ret_key))
        rc = ERR_ABSENT;
    return rc < 0 ? native_problem_of(r, rc, "id") : 0;
}

int native_key_co_get(struct http_request *r)
{
    struct identity who = {0};
    struct key key;
    int rc = native_co_enter(r, "api_keys.read", &who);
    if (rc == 0)
        rc = native_co_find(r, &who, http_parameter(r, "id"), &key);
    return native_end(rc == 0 ? json_answer(r, 200, key_json(&key)) : rc);
}

/* --- what may be handed on ------------------------------------------------------------------- */

static bool has_all(struct span list, struct span words)
{
    struct span word;
    while (span_cut(&words, ' ', &word))
        if (word.len && !span_has_word(list, word))
            return false;
    return true;
}

/* Empty words mean everything; has_none: the giver is not bound. */
static bool may_give(struct span own, struct span words)
{
    return own.len == 0 || (words.len > 0 && has_all(own, words));
}

#define GIVE_FIX "Give some of what your own key has, or use another key"

static int native_co_check_gift(struct http_request *r, const struct identity *who,
                                const struct key_new *new_key)
{
    struct key own;
    int rc = native_co_find(r, who, span_of(who->login), &own);
    if (rc != 0)
        return rc;
    if (!may_give(own.scopes, new_key->scopes))
        return native_problem(r, 403, "scopes", "go beyond those of your key", GIVE_FIX);
    if (own.domain.len && !span_equal_nocase(own.domain, new_key->domain))
        return native_problem(r, 403, "domain", "is not that of your key", GIVE_FIX);
    if (!may_give(own.addresses, new_key->addresses))
        return native_problem(r, 403, "addresses", "go beyond those of your key", GIVE_FIX);
    return 0;
}

static bool is_scope(struct span word)
{
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
        if (span_equal(word, span_of(scopes[i])))
            return true;
    return false;
}

/* Other dialects have scopes of their own. */
static int check_scopes(struct http_request *r, enum key_dialect dialect, struct span words)
{
    struct span word;
    while (dialect == KEY_NATIVE && span_cut(&words, ' ', &word))
        if (word.len && !is_scope(word))
            return native_problem(r, 400, "scopes", "has one that does not exist",
                                  "/api/v1/openapi.json lists the scopes");
    return 0;
}

/* --- making ---------------------------------------------------------------------------------- */

static int take_key(struct http_request *r, struct json_object *o, struct key_new *key)
{
    struct span dialect = SPAN("native");
    int rc = native_text(r, o, "dialect", &dialect);
    key->dialect = key_dialect_of(dialect);
    if (rc == 0 && key->dialect == KEY_DIALECTS)
        rc = native_problem(r, 400, "dialect", "is none",
                            "Give native, sendgrid, mailgun, ses or smtpcom");
    if (rc == 0)
        rc = native_text(r, o, "title", &key->title);
    if (rc == 0)
        rc = native_text(r, o, "domain", &key->domain);
    if (rc == 0)
        rc = native_words(r, o, "scopes", &key->scopes);
    if (rc == 0)
        rc = native_words(r, o, "addresses", &key->addresses);
    return rc == 0 ? check_scopes(r, key->dialect, key->scopes) : rc;
}

static int native_co_made(struct http_request *r, const struct identity *who, struct span id,
                          struct span secret)
{
    struct key key;
    int rc = native_co_find(r, who, id, &key);
    if (rc != 0)
        return rc;
    struct json_object *o = key_json(&key);
    member_put_text(o, "secret", secret);
    return json_answer(r, 201, o);
}

static int native_co_make(struct http_request *r, const struct identity *who,
                          const struct key_new *key)
{
    AUTO_BUFFER id = BUFFER(64), secret = BUFFER(256);
    int rc = directory_co_key_add(api_of(r)->directory, who->tenant, key, &id, &secret);
    if (rc == ERR_ABSENT)
        rc = native_problem(r, 400, "domain", "is not one of yours",
                            "Add it with \"postamt domain add\"");
    else if (rc == ERR_SYNTAX)
        rc = native_problem(r, 400, "addresses", "has one that is no address",
                            "Give anna@example.org, or @example.org for all of a domain");
    else if (rc == -E2BIG)
        rc = native_problem_of(r, rc, "body");
    else if (rc == 0)
        rc = native_co_made(r, who, buffer_span(&id), buffer_span(&secret));
    if (secret.at)
        sodium_memzero(secret.at, secret.size);
    return rc;
}

int native_keys_co_post(struct http_request *r)
{
    static const char *const members[] = {"dialect", "title",     "domain",
                                          "scopes",  "addresses", NULL};
    struct identity who = {0};
    struct json_object *o = NULL;
    struct key_new key = {.title = SPAN("")};
    int rc = native_co_enter(r, "api_keys.create", &who);
    if (rc == 0)
        rc = native_co_body(r, NATIVE_SMALL_MAX, members, &o);
    if (rc == 0)
        rc = take_key(r, o, &key);
    if (rc == 0)
        rc = native_co_check_gift(r, &who, &key);
    if (rc == 0)
        rc = native_co_make(r, &who, &key);
    json_object_put(o);
    return native_end(rc);
}

/* --- changing -------------------------------------------------------------------------------- */

/* One that the caller could have made. */
static int native_co_find_mine(struct http_request *r, const struct identity *who,
                               struct key *ret_key)
{
    int rc = native_co_find(r, who, http_parameter(r, "id"), ret_key);
    if (rc != 0)
        return rc;
    const struct key_new gift = {
        .domain = ret_key->domain, .scopes = ret_key->scopes, .addresses = ret_key->addresses};
    return native_co_check_gift(r, who, &gift);
}

/* Members that are not there stay. */
static int native_co_change(struct http_request *r, const struct identity *who,
                            struct json_object *o)
{
    struct key key;
    int rc = native_co_find_mine(r, who, &key);
    if (rc == 0)
        rc = native_text(r, o, "title", &key.title);
    if (rc == 0)
        rc = native_words(r, o, "scopes", &key.scopes);
    if (rc == 0)
        rc = check_scopes(r, key.dialect, key.scopes);
    struct key_new gift = {.domain = key.domain, .scopes = key.scopes, .addresses = key.addresses};
    if (rc == 0)
        rc = native_co_check_gift(r, who, &gift);
    if (rc == 0) {
        rc = directory_co_key_change(api_of(r)->directory, who->tenant, key.id, key.title,
                                     key.scopes);
        rc = rc < 0 ? native_problem_of(r, rc, "id") : 0;
    }
    if (rc == 0)
        rc = native_co_find(r, who, key.id, &key);
    return rc == 0 ? json_answer(r, 200, key_json(&key)) : rc;
}

int native_key_co_patch(struct http_request *r)
{
    static const char *const members[] = {"title", "scopes", NULL};
    struct identity who = {0};
    struct json_object *o = NULL;
    int rc = native_co_enter(r, "api_keys.update", &who);
    if (rc == 0)
        rc = native_co_body(r, NATIVE_SMALL_MAX, members, &o);
    if (rc == 0)
        rc = native_co_change(r, &who, o);
    json_object_put(o);
    return native_end(rc);
}

int native_key_co_delete(struct http_request *r)
{
    struct identity who = {0};
    struct key key;
    int rc = native_co_enter(r, "api_keys.delete", &who);
    if (rc == 0)
        rc = native_co_find_mine(r, &who, &key);
    if (rc == 0) {
        rc = directory_co_key_revoke(api_of(r)->directory, who.tenant, key.id);
        rc = rc < 0 ? native_problem_of(r, rc, "id") : 0;
    }
    return native_end(rc == 0 ? native_answer_nothing(r) : rc);
}
