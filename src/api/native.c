/* Our own API: its routes, its errors, the steps that handlers share; see native.h. */
#include "api/native.h"

#include "api/openapi.h"
#include "http/form.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PROBLEM_TYPE "application/problem+json"
#define PROBLEM_MAX  ((size_t)16 * 1024)
#define PAGE_DEFAULT 100
#define WORDS_MAX    ((size_t)32 * 1024)

/* --- problems -------------------------------------------------------------------------------- */

static struct json_object *problem(int status, struct span detail)
{
    struct json_object *o = json_object_new_object();
    member_put(o, "type", json_object_new_string("about:blank"));
    member_put(o, "title", json_object_new_string(http_status_name(status)));
    member_put(o, "status", json_object_new_int(status));
    member_put_text(o, "detail", detail);
    return o;
}

static int print(struct json_object *o, struct buffer *out)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    int rc = text ? buffer_append(out, span_make(text, len)) : -ENOMEM;
    json_object_put(o);
    return rc;
}

/* What to do where no handler has said it. */
static const char *usual_fix(int status)
{
    switch (status) {
    case 400:
        return "Correct the request; /api/v1/openapi.json describes it";
    case 401:
        return "Send \"Authorization: Bearer SECRET\" with the secret that \"postamt key add"
               " --dialect native\" printed";
    case 403:
        return "Use a key that has this scope";
    case 404:
    case 405:
        return "/api/v1/openapi.json lists what there is";
    case 413:
        return "Send less at once";
    case 500:
        return "Tell the operator the time of the request";
    case 503:
        return "Try again after the seconds that Retry-After names";
    default:
        return "See detail";
    }
}

/* Errors of the server itself: no such path, a body that is no JSON, … */
static int shape(const struct http_request *r, int status, struct span words, struct buffer *out,
                 const char **ret_type)
{
    (void)r;
    struct json_object *o = problem(status, words);
    member_put_text(o, "reason", words);
    member_put(o, "fix", json_object_new_string(usual_fix(status)));
    *ret_type = PROBLEM_TYPE;
    return print(o, out);
}

/* "to[2] is no address"; a sentence stands for itself. */
static struct span detail_of(const char *field, const char *reason, char *text, size_t size)
{
    bool sentence = !field || reason[0] < 'a' || reason[0] > 'z';
    snprintf(text, size, "%s%s%s", sentence ? "" : field, sentence ? "" : " ", reason);
    return span_of(text);
}

int native_problem(struct http_request *r, int status, const char *field, const char *reason,
                   const char *fix)
{
    AUTO_BUFFER body = BUFFER(PROBLEM_MAX);
    char text[NATIVE_FIELD_MAX + HTTP_WORDS_MAX];
    struct json_object *o = problem(status, detail_of(field, reason, text, sizeof text));
    if (field)
        member_put(o, "field", json_object_new_string(field));
    member_put(o, "reason", json_object_new_string(reason));
    member_put(o, "fix", json_object_new_string(fix ? fix : usual_fix(status)));
    int rc = print(o, &body);
    if (rc == 0)
        rc = http_answer(r, status, PROBLEM_TYPE, buffer_span(&body));
    return rc < 0 ? rc : NATIVE_ANSWERED;
}

int native_problem_of(struct http_request *r, int rc, const char *what)
{
    if (rc == ERR_ABSENT)
        return native_problem(r, 404, what, "does not exist",
                              "The list shows what there is; names are taken to the letter");
    if (rc == ERR_EXISTS)
        return native_problem(r, 409, what, "exists already", "Change it, or take another name");
    if (rc == -E2BIG)
        return native_problem(r, 400, what, "is too large",
                              "/api/v1/openapi.json has the limits of its members");
    if (rc == ERR_SYNTAX)
        return native_problem(r, 400, what, "has a name or a text that is empty or not allowed",
                              "Give UTF-8 text without NUL");
    return rc;
}

/* --- who may --------------------------------------------------------------------------------- */

int native_co_enter(struct http_request *r, const char *scope, struct identity *ret_who)
{
    AUTO_BUFFER reason = BUFFER(200);
    int rc = api_co_identify(r, KEY_NATIVE, ret_who);
    if (rc == ERR_DENIED) {
        rc = http_add_field(r, "WWW-Authenticate", SPAN("Bearer realm=\"postamt\""));
        return rc < 0 ? rc : native_problem(r, 401, "Authorization", "names no key", NULL);
    }
    if (rc == 0)
        rc = directory_co_key_may(api_of(r)->directory, ret_who, scope);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = buffer_printf(&reason, "This key has no scope %s", scope);
    return rc < 0 ? rc : native_problem(r, 403, NULL, buffer_text(&reason), NULL);
}

int native_co_bound(struct http_request *r, const struct identity *who, struct span *ret_domain)
{
    struct key own;
    *ret_domain = SPAN("");
    if (who->key_domain == 0)
        return 0;
    int rc = directory_co_key_find(api_of(r)->directory, who->tenant, span_of(who->login),
                                   &r->arena, &own);
    if (rc == 0 && own.domain.len == 0)
        rc = ERR_CORRUPT;
    if (rc == 0)
        *ret_domain = own.domain;
    return rc;
}

/* --- bodies ---------------------------------------------------------------------------------- */

static bool is_one_of(struct span name, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        if (span_equal(name, span_of(names[i])))
            return true;
    return false;
}

int native_check_members(struct http_request *r, struct json_object *o, const char *const *members,
                         const char *prefix)
{
    char field[NATIVE_FIELD_MAX];
    json_object_object_foreach(o, name, value)
    {
        (void)value;
        if (is_one_of(span_of(name), members))
            continue;
        snprintf(field, sizeof field, "%s%.80s", prefix, name);
        return native_problem(r, 400, field, "is not known here",
                              "Leave it out; /api/v1/openapi.json lists the members");
    }
    return 0;
}

int native_co_body(struct http_request *r, size_t max, const char *const *members,
                   struct json_object **ret_o)
{
    *ret_o = NULL;
    int rc = json_co_body(r, max, ret_o);
    if (rc == 0 && !json_object_is_type(*ret_o, json_type_object))
        return native_problem(r, 400, "body", "is no JSON object", NULL);
    return rc < 0 ? rc : native_check_members(r, *ret_o, members, "");
}

static int no_such_type(struct http_request *r, const char *name, const char *reason,
                        const char *fix)
{
    return native_problem(r, 400, name, reason, fix);
}

int native_text(struct http_request *r, struct json_object *o, const char *name,
                struct span *ret_text)
{
    if (member_text(o, name, ret_text) < 0)
        return no_such_type(r, name, "is no string", "Give a string");
    return 0;
}

int native_bool(struct http_request *r, struct json_object *o, const char *name, bool *ret_value)
{
    if (member_bool(o, name, ret_value) < 0)
        return no_such_type(r, name, "is neither true nor false", "Give true or false");
    return 0;
}

int native_object_text(struct http_request *r, struct json_object *o, const char *name,
                       struct span *ret_text)
{
    struct json_object *value = NULL;
    int rc = member_object(o, name, &value);
    if (rc < 0)
        return no_such_type(r, name, "is no object", "Give an object: {\"name\": value}");
    if (rc > 0)
        *ret_text = member_print(value, &r->arena);
    return rc == 0 || ret_text->at ? 0 : -ENOMEM;
}

static bool is_word(struct span word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.at[i] <= ' ' || word.at[i] == 0x7f)
            return false;
    return word.len > 0;
}

int native_words(struct http_request *r, struct json_object *o, const char *name,
                 struct span *ret_words)
{
    struct json_object *list = NULL;
    struct span word;
    size_t count;
    AUTO_BUFFER words = BUFFER(WORDS_MAX);
    int rc = member_array(o, name, &list, &count);
    if (rc <= 0)
        return rc == 0 ? 0 : no_such_type(r, name, "is no list", "Give a list of strings");
    rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (member_is_text(json_object_array_get_idx(list, i), &word) <= 0 || !is_word(word))
            return no_such_type(r, name, "has an item that is no word",
                                "Give strings without blanks");
        if (i)
            rc = buffer_append_byte(&words, ' ');
        if (rc == 0)
            rc = buffer_append(&words, word);
    }
    if (rc == -ENOBUFS)
        return no_such_type(r, name, "is too long", "Give fewer items");
    *ret_words = arena_copy(&r->arena, buffer_span(&words));
    return rc < 0 ? rc : ret_words->at ? 0 : -ENOMEM;
}

/* --- queries --------------------------------------------------------------------------------- */

int native_check_query(struct http_request *r, const char *const *names)
{
    static const char *const always[] = {"limit", "cursor", NULL};
    struct span rest = r->head.query;
    struct form_pair pair;
    char field[NATIVE_FIELD_MAX];
    int rc;
    while ((rc = form_next_pair(&rest, &r->arena, &pair)) > 0) {
        if (is_one_of(pair.name, always) || is_one_of(pair.name, names))
            continue;
        snprintf(field, sizeof field, "%.*s", SPAN_PRINT(span_first(pair.name, 80)));
        return native_problem(r, 400, field, "is no parameter here",
                              "Leave it out; /api/v1/openapi.json lists the parameters");
    }
    return rc;
}

int native_take_page(struct http_request *r, struct native_page *ret_page)
{
    struct span limit;
    uint64_t value = PAGE_DEFAULT;
    int rc = http_query(r, "limit", &limit);
    if (rc == 0)
        rc = http_query(r, "cursor", &ret_page->cursor);
    if (rc < 0)
        return rc;
    if (limit.len && (!span_to_uint(limit, NATIVE_PAGE_MAX, &value) || value == 0))
        return native_problem(r, 400, "limit", "is no number from 1 to 500", "Leave it out: 100");
    ret_page->limit = (unsigned)value;
    return 0;
}

int native_take_cursor(struct http_request *r, const struct native_page *page, int64_t *ret_id)
{
    *ret_id = 0;
    if (page->cursor.len && !id_parse(page->cursor, ret_id))
        return native_problem(r, 400, "cursor", "is none that an answer has named",
                              "Take next_cursor of the page before, or leave it out");
    return 0;
}

#define ID_FIX "An id has 13 letters and digits, as answers show it"

int native_query_id(struct http_request *r, const char *name, int64_t *ret_id)
{
    struct span text;
    int rc = http_query(r, name, &text);
    *ret_id = 0;
    if (rc == 0 && text.len && !id_parse(text, ret_id))
        return native_problem(r, 400, name, "is no id", ID_FIX);
    return rc;
}

int native_path_id(struct http_request *r, const char *name, int64_t *ret_id)
{
    if (!id_parse(http_parameter(r, name), ret_id))
        return native_problem(r, 404, name, "does not exist: it is no id", ID_FIX);
    return 0;
}

int native_answer_page(struct http_request *r, struct json_object *items,
                       struct json_object *next_cursor)
{
    struct json_object *o = json_object_new_object();
    member_put(o, "items", items);
    member_put(o, "next_cursor", next_cursor);
    return json_answer(r, 200, o);
}

int native_answer_nothing(struct http_request *r)
{
    return http_answer(r, 204, NULL, SPAN(""));
}

/* --- values ---------------------------------------------------------------------------------- */

struct json_object *native_time(int64_t wall_ms)
{
    char text[32];
    struct tm tm;
    time_t seconds = (time_t)(wall_ms / 1000);
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_object_new_string(text);
}

struct json_object *native_id(int64_t id)
{
    char text[ID_TEXT];
    return json_object_new_string(id_text(id, text));
}

struct json_object *native_kept(struct span text)
{
    struct json_object *value = NULL;
    struct json_error error;
    if (text.len == 0 || json_read(text, &value, &error) < 0)
        return json_object_new_object();
    return value;
}

struct json_object *native_word_list(struct span words)
{
    struct json_object *list = json_object_new_array();
    struct span word;
    while (span_cut(&words, ' ', &word))
        if (word.len)
            json_object_array_add(list, member_from_text(word));
    return list;
}

bool native_parse_time(struct span text, int64_t *ret_ms)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00"};
    char copy[40];
    uint64_t seconds;
    if (span_to_uint(text, INT32_MAX * (uint64_t)100, &seconds)) {
        *ret_ms = (int64_t)seconds * 1000;
        return true;
    }
    for (size_t i = 0; i < 2 && span_to_text(text, copy, sizeof copy); i++) {
        struct tm tm = {0};
        const char *end = strptime(copy, forms[i], &tm);
        if (end && *end == '\0') {
            *ret_ms = (int64_t)timegm(&tm) * 1000;
            return true;
        }
    }
    return false;
}

/* --- routes ---------------------------------------------------------------------------------- */

static int openapi_co_get(struct http_request *r)
{
    return http_answer(r, 200, "application/json", span_make(openapi_json, openapi_json_len));
}

#define V1             "/api/v1"
#define TEMPLATES_BODY NATIVE_TEMPLATE_MAX

static const struct http_route routes[] = {
    {METHOD_GET, V1 "/openapi.json", openapi_co_get, 0},
    {METHOD_POST, V1 "/messages", native_messages_co_post, NATIVE_BODY_MAX},
    {METHOD_POST, V1 "/messages/raw", native_raw_co_post, NATIVE_BODY_MAX},
    {METHOD_POST, V1 "/messages/preview", native_preview_co_post, NATIVE_BODY_MAX},
    {METHOD_GET, V1 "/messages/{id}", native_message_co_get, 0},
    {METHOD_GET, V1 "/templates", native_templates_co_get, 0},
    {METHOD_POST, V1 "/templates", native_templates_co_post, TEMPLATES_BODY},
    {METHOD_GET, V1 "/templates/{name}", native_template_co_get, 0},
    {METHOD_PATCH, V1 "/templates/{name}", native_template_co_patch, TEMPLATES_BODY},
    {METHOD_DELETE, V1 "/templates/{name}", native_template_co_delete, 0},
    {METHOD_POST, V1 "/templates/{name}/preview", native_template_preview_co_post, TEMPLATES_BODY},
    {METHOD_GET, V1 "/templates/{name}/versions", native_versions_co_get, 0},
    {METHOD_POST, V1 "/templates/{name}/versions", native_versions_co_post, TEMPLATES_BODY},
    {METHOD_GET, V1 "/templates/{name}/versions/{version}", native_version_co_get, 0},
    {METHOD_PATCH, V1 "/templates/{name}/versions/{version}", native_version_co_patch,
     TEMPLATES_BODY},
    {METHOD_DELETE, V1 "/templates/{name}/versions/{version}", native_version_co_delete, 0},
    {METHOD_GET, V1 "/queue", native_queue_co_get, 0},
    {METHOD_GET, V1 "/queue/{id}", native_queue_letter_co_get, 0},
    {METHOD_POST, V1 "/queue/retry", native_queue_co_retry, NATIVE_SMALL_MAX},
    {METHOD_POST, V1 "/queue/hold", native_queue_co_hold, NATIVE_SMALL_MAX},
    {METHOD_POST, V1 "/queue/release", native_queue_co_release, NATIVE_SMALL_MAX},
    {METHOD_POST, V1 "/queue/drop", native_queue_co_drop, NATIVE_SMALL_MAX},
    {METHOD_GET, V1 "/batches", native_batches_co_get, 0},
    {METHOD_POST, V1 "/batches", native_batches_co_post, NATIVE_SMALL_MAX},
    {METHOD_GET, V1 "/batches/{id}", native_batch_co_get, 0},
    {METHOD_PATCH, V1 "/batches/{id}", native_batch_co_patch, NATIVE_SMALL_MAX},
    {METHOD_GET, V1 "/keys", native_keys_co_get, 0},
    {METHOD_POST, V1 "/keys", native_keys_co_post, NATIVE_SMALL_MAX},
    {METHOD_GET, V1 "/keys/{id}", native_key_co_get, 0},
    {METHOD_PATCH, V1 "/keys/{id}", native_key_co_patch, NATIVE_SMALL_MAX},
    {METHOD_DELETE, V1 "/keys/{id}", native_key_co_delete, 0},
    {METHOD_GET, V1 "/events", native_events_co_get, 0},
    {METHOD_GET, V1 "/events/{id}", native_event_co_get, 0},
    {METHOD_GET, V1 "/domains", native_domains_co_get, 0},
    {METHOD_GET, V1 "/users", native_users_co_get, 0},
};
const struct http_table native_table = {.name = "native", HTTP_ROUTES(routes), .shape = shape};
