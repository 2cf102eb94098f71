/* Our own API: its routes, its errors, who may; see native.h. */
#include "api/native.h"

#include "http/json.h"

#include <errno.h>

#define PROBLEM_TYPE "application/problem+json"

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

/* Errors of the server itself: no such path, a body that is no JSON, … */
static int shape(const struct http_request *r, int status, struct span words, struct buffer *out,
                 const char **ret_type)
{
    (void)r;
    *ret_type = PROBLEM_TYPE;
    return print(problem(status, words), out);
}

int native_problem(struct http_request *r, int status, const char *field, const char *reason,
                   const char *fix)
{
    AUTO_BUFFER text = BUFFER(8192);
    struct json_object *o = problem(status, span_of(reason));
    if (field)
        member_put(o, "field", json_object_new_string(field));
    if (fix)
        member_put(o, "fix", json_object_new_string(fix));
    int rc = print(o, &text);
    return rc < 0 ? rc : http_answer(r, status, PROBLEM_TYPE, buffer_span(&text));
}

int native_co_enter(struct http_request *r, const char *scope, struct identity *ret_who)
{
    int rc = api_co_identify(r, KEY_NATIVE, ret_who);
    if (rc == ERR_DENIED)
        return http_fail(r, 401,
                         "No such key. Send \"Authorization: Bearer SECRET\" with the "
                         "secret that \"postamt key add --dialect native\" printed");
    if (rc == 0)
        rc = directory_co_key_may(api_of(r)->directory, ret_who, scope);
    if (rc == 0)
        return http_fail(r, 403, "This key has no scope %s", scope);
    return rc < 0 ? rc : 0;
}

static const struct http_route routes[] = {
    {METHOD_POST, "/api/v1/messages", native_messages_co_post, NATIVE_BODY_MAX},
};
const struct http_table native_table = {.name = "native", HTTP_ROUTES(routes), .shape = shape};
