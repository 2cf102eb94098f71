/* Amazon SES: who asks, and version 2's routes; see ses.h. */
#include "api/ses.h"

#include "api/sigv4.h"
#include "base/clock.h"
#include "http/json.h"
#include "run/lane.h"

#include <errno.h>
#include <sodium.h>

#define SECRET_MAX 256
#define LOOP_MAX   ((size_t)64 * 1024) /* bodies beyond are hashed in a lane */

/* --- members ---------------------------------------------------------------------------------- */

int ses_text(struct ses_call *c, struct json_object *o, const char *name, struct span *ret_text)
{
    *ret_text = SPAN("");
    return member_text(o, name, ret_text) < 0 ? ses_refuse_member(c, name, "a string") : 0;
}

int ses_need_text(struct ses_call *c, struct json_object *o, const char *name,
                  struct span *ret_text)
{
    int rc = ses_text(c, o, name, ret_text);
    return rc == 0 && ret_text->len == 0 ? ses_refuse_member(c, name, NULL) : rc;
}

/* In a form, lists and structures without members are empty strings. */
static bool is_empty_form(const struct ses_call *c, struct json_object *o, const char *name)
{
    struct span text;
    return c->query && member_text(o, name, &text) > 0 && text.len == 0;
}

int ses_object(struct ses_call *c, struct json_object *o, const char *name,
               struct json_object **ret_o)
{
    *ret_o = NULL;
    if (is_empty_form(c, o, name))
        return 0;
    return member_object(o, name, ret_o) < 0 ? ses_refuse_member(c, name, "an object") : 0;
}

int ses_need_object(struct ses_call *c, struct json_object *o, const char *name,
                    struct json_object **ret_o)
{
    int rc = ses_object(c, o, name, ret_o);
    return rc == 0 && !*ret_o ? ses_refuse_member(c, name, NULL) : rc;
}

int ses_array(struct ses_call *c, struct json_object *o, const char *name,
              struct json_object **ret_list, size_t *ret_count)
{
    *ret_list = NULL;
    *ret_count = 0;
    if (is_empty_form(c, o, name))
        return 0;
    return member_array(o, name, ret_list, ret_count) < 0 ? ses_refuse_member(c, name, "a list")
                                                          : 0;
}

/* --- who asks --------------------------------------------------------------------------------- */

struct checking {
    const struct sigv4_request *request;
    const struct sigv4 *signature;
    struct span secret;
    struct arena *arena;
    const char *why;
};

static int check(void *arg)
{
    struct checking *k = arg;
    return sigv4_check(k->request, k->signature, k->secret, clock_wall_ms(), k->arena, &k->why);
}

static int co_check(struct ses_call *c, struct checking *k)
{
    int rc = k->request->body.len <= LOOP_MAX
                 ? check(k)
                 : lane_co_run(api_of(c->r)->door->signing, check, k, CO_FOREVER);
    return rc == ERR_DENIED ? ses_refuse(c, SES_BAD_SIGNATURE, "%s", k->why) : rc;
}

static int refuse_key(struct ses_call *c)
{
    return ses_refuse(c, SES_NO_KEY, "The security token included in the request is invalid.");
}

/* A session's token is nobody's here: keys are for good. */
static int co_find_key(struct ses_call *c, const struct sigv4 *signature, struct buffer *ret_secret)
{
    if (!span_equal(signature->service, SPAN("ses")))
        return ses_refuse(c, SES_BAD_SIGNATURE,
                          "Credential should be scoped to correct service: 'ses'.");
    if (signature->token.len)
        return refuse_key(c);
    int rc =
        directory_co_key_secret(api_of(c->r)->directory, signature->key_id, &c->who, ret_secret);
    return rc == ERR_DENIED || (rc == 0 && c->who.dialect != KEY_SES) ? refuse_key(c) : rc;
}

/* Whose key is not known need not send the body. */
static int co_check_signature(struct ses_call *c, struct sigv4_request *request,
                              const struct sigv4 *signature)
{
    AUTO_BUFFER secret = BUFFER(SECRET_MAX);
    struct checking k = {.request = request, .signature = signature, .arena = &c->arena};
    int rc = co_find_key(c, signature, &secret);
    if (rc == 0)
        rc = http_co_body(c->r, SES_BODY_MAX, &c->body);
    if (rc == 0) {
        request->body = c->body;
        k.secret = buffer_span(&secret);
        rc = co_check(c, &k);
    }
    if (secret.at)
        sodium_memzero(secret.at, secret.size);
    return rc;
}

static void keep_region(struct ses_call *c, struct span region)
{
    size_t len = region.len < sizeof c->region - 1 ? region.len : sizeof c->region - 1;
    for (size_t i = 0; i < len; i++)
        c->region[i] =
            region.at[i] >= 'a' && region.at[i] <= 'z' ? (char)(region.at[i] - 32) : region.at[i];
}

int ses_co_enter(struct ses_call *c)
{
    const struct http_head *head = &c->r->head;
    const char *why = "";
    struct sigv4 signature;
    struct sigv4_request request = {.method = span_of(http_method_name(head->method)),
                                    .path = head->path,
                                    .query = head->query,
                                    .fields = head->fields,
                                    .field_count = head->count};
    int rc = sigv4_read(&request, &c->arena, &signature, &why);
    if (rc == ERR_ABSENT)
        return ses_refuse(c, SES_UNSIGNED, "Missing Authentication Token");
    if (rc == ERR_SYNTAX)
        return ses_refuse(c, SES_BAD_SIGNATURE_FORM, "%s", why);
    if (rc < 0)
        return rc;
    keep_region(c, signature.region);
    return co_check_signature(c, &request, &signature);
}

int ses_co_may(struct ses_call *c, const char *scope)
{
    int rc = directory_co_key_may(api_of(c->r)->directory, &c->who, scope);
    if (rc == 0)
        return ses_refuse(c, SES_DENIED, "User: %s is not authorized: the key has no scope %s",
                          c->who.login, scope);
    return rc < 0 ? rc : 0;
}

/* --- version 2 -------------------------------------------------------------------------------- */

static int ses_co_v2(struct http_request *r);

#define ROUTE(method, pattern)                                                                     \
    {                                                                                              \
        method, "/v2/email/" pattern, ses_co_v2, SES_BODY_MAX                                      \
    }
static const struct http_route routes[] = {
    ROUTE(METHOD_POST, "outbound-emails"),
    ROUTE(METHOD_POST, "outbound-bulk-emails"),
    ROUTE(METHOD_POST, "templates"),
    ROUTE(METHOD_GET, "templates"),
    ROUTE(METHOD_GET, "templates/{TemplateName}"),
    ROUTE(METHOD_PUT, "templates/{TemplateName}"),
    ROUTE(METHOD_DELETE, "templates/{TemplateName}"),
    ROUTE(METHOD_POST, "templates/{TemplateName}/render"),
    ROUTE(METHOD_GET, "identities"),
    ROUTE(METHOD_POST, "identities"),
    ROUTE(METHOD_GET, "identities/{EmailIdentity}"),
    ROUTE(METHOD_DELETE, "identities/{EmailIdentity}"),
    ROUTE(METHOD_GET, "account"),
    {METHOD_POST, "/", ses_v1_co_answer, SES_BODY_MAX},
    {METHOD_GET, "/", ses_v1_co_answer, SES_BODY_MAX},
};
/* Of the same index. */
static const struct {
    ses_co_operation *co_run;
    const char *scope;
} operations[] = {
    {ses_send_co_email, "mail.send"},
    {ses_send_co_bulk, "mail.send"},
    {ses_template_co_create, "templates.write"},
    {ses_template_co_list, "templates.read"},
    {ses_template_co_get, "templates.read"},
    {ses_template_co_update, "templates.write"},
    {ses_template_co_delete, "templates.write"},
    {ses_template_co_render, "templates.read"},
    {ses_identity_co_list, "domains.read"},
    {ses_identity_co_create, "domains.write"},
    {ses_identity_co_get, "domains.read"},
    {ses_identity_co_delete, "domains.write"},
    {ses_account_co_get, "account.read"},
};
const struct http_table ses_table = {.name = "ses", HTTP_ROUTES(routes), .shape = ses_shape};

/* What stands in path and query are members of the input, too. */
static int add_parameters(struct ses_call *c, struct json_object *in)
{
    static const char *const names[] = {"NextToken", "PageSize"};
    const struct http_match *match = &c->r->match;
    char name[64];
    for (unsigned i = 0; i < match->count; i++)
        if (span_to_text(match->parameters[i].name, name, sizeof name))
            member_put_text(in, name, match->parameters[i].value);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        struct span value;
        int rc = http_query(c->r, names[i], &value);
        if (rc < 0)
            return rc;
        if (value.len)
            member_put_text(in, names[i], value);
    }
    return 0;
}

static int co_read_input(struct ses_call *c, struct json_object **ret_in)
{
    int rc = 0;
    if (c->body.len)
        rc = json_co_body(c->r, SES_BODY_MAX, ret_in);
    else
        *ret_in = json_object_new_object();
    if (rc == HTTP_CODE(400))
        return ses_refuse(c, SES_BAD_REQUEST, "%s", c->r->words);
    if (rc < 0)
        return rc;
    if (!json_object_is_type(*ret_in, json_type_object))
        return ses_refuse(c, SES_BAD_REQUEST, "The request body must be a JSON object");
    return add_parameters(c, *ret_in);
}

static int co_run_v2(struct ses_call *c, size_t i, struct json_object *out)
{
    struct json_object *in = NULL;
    int rc = ses_co_enter(c);
    if (rc == 0)
        rc = ses_co_may(c, operations[i].scope);
    if (rc == 0)
        rc = co_read_input(c, &in);
    if (rc == 0)
        rc = operations[i].co_run(c, in, out);
    json_object_put(in);
    return rc;
}

static int ses_co_v2(struct http_request *r)
{
    struct ses_call c = {.r = r, .arena = ARENA(SES_MEMORY)};
    struct json_object *out = json_object_new_object();
    int rc = co_run_v2(&c, (size_t)(r->route - routes), out);
    if (rc == 0) {
        rc = json_answer(r, 200, out);
        out = NULL;
    } else if (c.problem != SES_OK) {
        rc = ses_answer_problem(&c);
    }
    json_object_put(out);
    arena_free(&c.arena);
    return rc;
}
