/*
 * SES version 1: Action=... in a form, XML back. Each action is an operation of version 2 under
 * other names; see ses.h.
 */
#include "api/ses_v1_internal.h"

#include <errno.h>

#define NAMESPACE  "http://ses.amazonaws.com/doc/2010-12-01/"
#define ANSWER_MAX ((size_t)32 * 1024 * 1024)

/* --- names ------------------------------------------------------------------------------------ */

void ses_v1_copy(struct json_object *in, const struct rename *names, size_t count,
                 struct json_object *out)
{
    for (size_t i = 0; i < count; i++) {
        struct json_object *value;
        if (json_object_object_get_ex(in, names[i].from, &value))
            member_put(out, names[i].to, json_object_get(value));
    }
}

struct json_object *ses_v1_put_new(struct json_object *o, const char *name)
{
    struct json_object *child = json_object_new_object();
    member_put(o, name, child);
    return child;
}

/* --- the call --------------------------------------------------------------------------------- */

static const struct action {
    struct span name;
    ses_co_operation *co_run;
    const char *scope;
    bool silent; /* the answer has no result */
} actions[] = {
    {SPAN("SendEmail"), ses_v1_send_co_email, "mail.send", false},
    {SPAN("SendRawEmail"), ses_v1_send_co_raw, "mail.send", false},
    {SPAN("SendTemplatedEmail"), ses_v1_send_co_templated, "mail.send", false},
    {SPAN("SendBulkTemplatedEmail"), ses_v1_send_co_bulk, "mail.send", false},
    {SPAN("CreateTemplate"), ses_v1_template_co_create, "templates.write", false},
    {SPAN("UpdateTemplate"), ses_v1_template_co_update, "templates.write", false},
    {SPAN("DeleteTemplate"), ses_template_co_delete, "templates.write", false},
    {SPAN("GetTemplate"), ses_v1_template_co_get, "templates.read", false},
    {SPAN("ListTemplates"), ses_v1_template_co_list, "templates.read", false},
    {SPAN("TestRenderTemplate"), ses_template_co_render, "templates.read", false},
    {SPAN("ListIdentities"), ses_v1_identity_co_list, "domains.read", false},
    {SPAN("GetIdentityVerificationAttributes"), ses_v1_identity_co_verification, "domains.read",
     false},
    {SPAN("GetIdentityDkimAttributes"), ses_v1_identity_co_dkim, "domains.read", false},
    {SPAN("VerifyEmailIdentity"), ses_v1_identity_co_verify_address, "domains.write", false},
    {SPAN("VerifyEmailAddress"), ses_v1_identity_co_verify_address, "domains.write", true},
    {SPAN("VerifyDomainIdentity"), ses_v1_identity_co_verify_domain, "domains.write", false},
    {SPAN("VerifyDomainDkim"), ses_v1_identity_co_verify_dkim, "domains.write", false},
    {SPAN("DeleteIdentity"), ses_v1_identity_co_delete, "domains.write", false},
    {SPAN("GetSendQuota"), ses_v1_account_co_quota, "account.read", false},
    {SPAN("GetAccountSendingEnabled"), ses_v1_account_co_enabled, "account.read", false},
};

static int find_action(struct ses_call *c, struct json_object *in, const struct action **ret_action)
{
    struct span name;
    int rc = ses_text(c, in, "Action", &name);
    if (rc < 0)
        return rc;
    if (name.len == 0)
        return ses_refuse(c, SES_NO_ACTION, "The request is missing an action.");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (span_equal(name, actions[i].name)) {
            *ret_action = &actions[i];
            return 0;
        }
    return ses_refuse(c, SES_NO_OPERATION, "Could not find operation %.*s for version 2010-12-01",
                      SPAN_PRINT(span_first(name, 100)));
}

static int print(struct ses_call *c, const struct action *action, struct json_object *out,
                 struct buffer *text)
{
    int rc =
        buffer_printf(text, "<%.*sResponse xmlns=\"" NAMESPACE "\">", SPAN_PRINT(action->name));
    if (rc == 0 && !action->silent)
        rc = buffer_printf(text, "<%.*sResult>", SPAN_PRINT(action->name));
    if (rc == 0)
        rc = ses_query_print(out, text);
    if (rc == 0 && !action->silent)
        rc = buffer_printf(text, "</%.*sResult>", SPAN_PRINT(action->name));
    if (rc == 0)
        rc = buffer_printf(text,
                           "<ResponseMetadata><RequestId>%.*s</RequestId></ResponseMetadata>"
                           "</%.*sResponse>\n",
                           SPAN_PRINT(ses_request_id(c->r)), SPAN_PRINT(action->name));
    return rc;
}

static int co_run_v1(struct ses_call *c, struct json_object **in, struct json_object *out,
                     const struct action **ret_action)
{
    int rc = ses_co_enter(c);
    if (rc < 0)
        return rc;
    if (c->r->head.method == METHOD_POST && c->body.len &&
        !http_has_type(c->r, "application/x-www-form-urlencoded"))
        return ses_refuse(c, SES_BAD_REQUEST,
                          "The body must be application/x-www-form-urlencoded.");
    rc = ses_query_read(c->body.len ? c->body : c->r->head.query, in);
    if (rc == ERR_SYNTAX || rc == -E2BIG)
        return ses_refuse(c, SES_BAD_REQUEST, "The parameters are not well-formed.");
    if (rc == 0)
        rc = find_action(c, *in, ret_action);
    if (rc < 0 || !*ret_action)
        return rc;
    rc = ses_co_may(c, (*ret_action)->scope);
    return rc < 0 ? rc : (*ret_action)->co_run(c, *in, out);
}

int ses_v1_co_answer(struct http_request *r)
{
    struct ses_call c = {.r = r, .arena = ARENA(SES_MEMORY), .query = true};
    struct json_object *in = NULL, *out = json_object_new_object();
    const struct action *action = NULL;
    AUTO_BUFFER text = BUFFER(ANSWER_MAX);
    int rc = co_run_v1(&c, &in, out, &action);
    if (rc == 0 && action)
        rc = print(&c, action, out, &text);
    if (rc == 0)
        rc = http_answer(r, 200, "text/xml", buffer_span(&text));
    else if (c.problem != SES_OK)
        rc = ses_answer_problem(&c);
    json_object_put(in);
    json_object_put(out);
    arena_free(&c.arena);
    return rc;
}
