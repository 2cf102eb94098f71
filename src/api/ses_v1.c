/*
 * SES version 1: Action=... in a form, XML back. Each action is an operation of version 2 under
 * other names; see ses.h.
 */
#include "api/ses.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define NAMESPACE  "http://ses.amazonaws.com/doc/2010-12-01/"
#define ANSWER_MAX ((size_t)32 * 1024 * 1024)

/* --- names -------------------------------------------------------------------------------------
 */

struct rename {
    const char *from, *to;
};

/* Members of in under their other names; both trees then share the values. */
static void copy(struct json_object *in, const struct rename *names, size_t count,
                 struct json_object *out)
{
    for (size_t i = 0; i < count; i++) {
        struct json_object *value;
        if (json_object_object_get_ex(in, names[i].from, &value))
            member_put(out, names[i].to, json_object_get(value));
    }
}
#define COPY(in, names, out) copy(in, names, sizeof(names) / sizeof *(names), out)

static struct json_object *put_new(struct json_object *o, const char *name)
{
    struct json_object *child = json_object_new_object();
    member_put(o, name, child);
    return child;
}

static const struct rename envelope[] = {{"Source", "FromEmailAddress"},
                                         {"Destination", "Destination"},
                                         {"ReplyToAddresses", "ReplyToAddresses"},
                                         {"ReturnPath", "FeedbackForwardingEmailAddress"},
                                         {"Tags", "EmailTags"},
                                         {"DefaultTags", "DefaultEmailTags"},
                                         {"ConfigurationSetName", "ConfigurationSetName"}};

/* --- sends -------------------------------------------------------------------------------------
 */

static int send_co_email(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename message[] = {{"Message", "Simple"}};
    struct json_object *call = json_object_new_object();
    COPY(in, envelope, call);
    COPY(in, message, put_new(call, "Content"));
    int rc = ses_send_co_email(c, call, out);
    json_object_put(call);
    return rc;
}

static int send_co_raw(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename message[] = {{"RawMessage", "Raw"}},
                               to[] = {{"Destinations", "ToAddresses"}};
    struct json_object *call = json_object_new_object(), *list;
    size_t count;
    int rc = ses_array(c, in, "Destinations", &list, &count);
    COPY(in, envelope, call);
    COPY(in, message, put_new(call, "Content"));
    if (rc == 0 && count)
        COPY(in, to, put_new(call, "Destination"));
    if (rc == 0)
        rc = ses_send_co_email(c, call, out);
    json_object_put(call);
    return rc;
}

static int send_co_templated(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename template[] = {{"Template", "TemplateName"},
                                             {"TemplateArn", "TemplateArn"},
                                             {"TemplateData", "TemplateData"}};
    struct json_object *call = json_object_new_object();
    COPY(in, envelope, call);
    COPY(in, template, put_new(put_new(call, "Content"), "Template"));
    int rc = ses_send_co_email(c, call, out);
    json_object_put(call);
    return rc;
}

/* "ACCOUNT_DAILY_QUOTA_EXCEEDED" is "AccountDailyQuotaExceeded" here. */
static const char *status_v1(const char *status)
{
    static const struct rename statuses[] = {
        {"SUCCESS", "Success"},
        {"MESSAGE_REJECTED", "MessageRejected"},
        {"ACCOUNT_DAILY_QUOTA_EXCEEDED", "AccountDailyQuotaExceeded"},
        {"INVALID_PARAMETER", "InvalidParameterValue"}};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(status, statuses[i].from) == 0)
            return statuses[i].to;
    return "Failed";
}

static void answer_bulk(struct json_object *results, struct json_object *out)
{
    static const struct rename members[] = {{"Error", "Error"}, {"MessageId", "MessageId"}};
    struct json_object *from = json_object_object_get(results, "BulkEmailEntryResults");
    struct json_object *list = json_object_new_array();
    member_put(out, "Status", list);
    for (size_t i = 0; i < json_object_array_length(from); i++) {
        struct json_object *result = json_object_array_get_idx(from, i);
        struct json_object *one = json_object_new_object();
        const char *status = json_object_get_string(json_object_object_get(result, "Status"));
        json_object_array_add(list, one);
        member_put(one, "Status", json_object_new_string(status_v1(status)));
        COPY(result, members, one);
    }
}

static int take_destinations(struct ses_call *c, struct json_object *in, struct json_object *call)
{
    static const struct rename members[] = {{"Destination", "Destination"},
                                            {"ReplacementTags", "ReplacementTags"}},
                               data[] = {{"ReplacementTemplateData", "ReplacementTemplateData"}};
    struct json_object *from, *list = json_object_new_array();
    size_t count;
    member_put(call, "BulkEmailEntries", list);
    int rc = ses_array(c, in, "Destinations", &from, &count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct json_object *one = json_object_array_get_idx(from, i);
        struct json_object *entry = json_object_new_object();
        json_object_array_add(list, entry);
        if (!json_object_is_type(one, json_type_object))
            return ses_refuse_member(c, "Destinations", "a list of structures");
        COPY(one, members, entry);
        COPY(one, data, put_new(put_new(entry, "ReplacementEmailContent"), "ReplacementTemplate"));
    }
    return rc;
}

static int send_co_bulk(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename template[] = {{"Template", "TemplateName"},
                                             {"TemplateArn", "TemplateArn"},
                                             {"DefaultTemplateData", "TemplateData"}};
    struct json_object *call = json_object_new_object(), *results = json_object_new_object();
    COPY(in, envelope, call);
    COPY(in, template, put_new(put_new(call, "DefaultContent"), "Template"));
    int rc = take_destinations(c, in, call);
    if (rc == 0)
        rc = ses_send_co_bulk(c, call, results);
    if (rc == 0)
        answer_bulk(results, out);
    json_object_put(results);
    json_object_put(call);
    return rc;
}

/* --- templates ---------------------------------------------------------------------------------
 */

static const struct rename parts[] = {
    {"SubjectPart", "Subject"}, {"TextPart", "Text"}, {"HtmlPart", "Html"}};
static const struct rename parts_back[] = {
    {"Subject", "SubjectPart"}, {"Text", "TextPart"}, {"Html", "HtmlPart"}};
static const struct rename template_name[] = {{"TemplateName", "TemplateName"}};

static int co_put_template(struct ses_call *c, struct json_object *in, struct json_object *out,
                           ses_co_operation *co_run)
{
    struct json_object *template, *call = json_object_new_object();
    int rc = ses_need_object(c, in, "Template", &template);
    if (rc == 0) {
        COPY(template, template_name, call);
        COPY(template, parts, put_new(call, "TemplateContent"));
        rc = co_run(c, call, out);
    }
    json_object_put(call);
    return rc;
}

static int template_co_create(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    return co_put_template(c, in, out, ses_template_co_create);
}

static int template_co_update(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    return co_put_template(c, in, out, ses_template_co_update);
}

static int template_co_get(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct json_object *found = json_object_new_object();
    int rc = ses_template_co_get(c, in, found);
    if (rc == 0) {
        struct json_object *template = put_new(out, "Template");
        COPY(found, template_name, template);
        COPY(json_object_object_get(found, "TemplateContent"), parts_back, template);
    }
    json_object_put(found);
    return rc;
}

static const struct rename page[] = {{"NextToken", "NextToken"}, {"MaxItems", "PageSize"}};
static const struct rename next_token[] = {{"NextToken", "NextToken"}};

static struct json_object *time_v1(struct json_object *seconds)
{
    char text[40];
    time_t at = (time_t)json_object_get_double(seconds);
    struct tm tm;
    gmtime_r(&at, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_object_new_string(text);
}

static int template_co_list(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename name[] = {{"TemplateName", "Name"}};
    struct json_object *call = json_object_new_object(), *found = json_object_new_object();
    COPY(in, page, call);
    int rc = ses_template_co_list(c, call, found);
    struct json_object *from = json_object_object_get(found, "TemplatesMetadata");
    struct json_object *list = json_object_new_array();
    member_put(out, "TemplatesMetadata", list);
    for (size_t i = 0; rc == 0 && i < json_object_array_length(from); i++) {
        struct json_object *one = json_object_array_get_idx(from, i);
        struct json_object *entry = json_object_new_object();
        json_object_array_add(list, entry);
        COPY(one, name, entry);
        member_put(entry, "CreatedTimestamp",
                   time_v1(json_object_object_get(one, "CreatedTimestamp")));
    }
    COPY(found, next_token, out);
    json_object_put(found);
    json_object_put(call);
    return rc;
}

/* --- identities --------------------------------------------------------------------------------
 */

static int identity_co_list(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct json_object *call = json_object_new_object(), *found = json_object_new_object();
    struct json_object *list = json_object_new_array();
    struct span type;
    COPY(in, page, call);
    int rc = ses_text(c, in, "IdentityType", &type);
    if (rc == 0)
        rc = ses_identity_co_list(c, call, found);
    struct json_object *from = json_object_object_get(found, "EmailIdentities");
    bool domains = !span_equal(type, SPAN("EmailAddress"));
    member_put(out, "Identities", list);
    for (size_t i = 0; rc == 0 && domains && i < json_object_array_length(from); i++)
        json_object_array_add(list, json_object_get(json_object_object_get(
                                        json_object_array_get_idx(from, i), "IdentityName")));
    if (domains)
        COPY(found, next_token, out);
    json_object_put(found);
    json_object_put(call);
    return rc;
}

/* Of ours, or refused; found is what version 2 says of it. */
static int co_verify(struct ses_call *c, struct json_object *in, const char *member,
                     struct json_object *found)
{
    const struct rename name[] = {{member, "EmailIdentity"}};
    struct json_object *call = json_object_new_object();
    COPY(in, name, call);
    int rc = ses_identity_co_create(c, call, found);
    json_object_put(call);
    return rc;
}

static int identity_co_verify_address(struct ses_call *c, struct json_object *in,
                                      struct json_object *out)
{
    struct json_object *found = json_object_new_object();
    (void)out;
    int rc = co_verify(c, in, "EmailAddress", found);
    json_object_put(found);
    return rc;
}

/* Tokens are the selectors of its keys. */
static int co_verify_domain(struct ses_call *c, struct json_object *in, bool all,
                            struct json_object *out)
{
    struct json_object *found = json_object_new_object();
    int rc = co_verify(c, in, "Domain", found);
    if (rc == 0) {
        struct json_object *dkim = json_object_object_get(found, "DkimAttributes");
        struct json_object *tokens = json_object_object_get(dkim, "Tokens");
        if (all)
            member_put(out, "DkimTokens", json_object_get(tokens));
        else
            member_put(out, "VerificationToken",
                       json_object_get(json_object_array_get_idx(tokens, 0)));
    }
    json_object_put(found);
    return rc;
}

static int identity_co_verify_domain(struct ses_call *c, struct json_object *in,
                                     struct json_object *out)
{
    return co_verify_domain(c, in, false, out);
}

static int identity_co_verify_dkim(struct ses_call *c, struct json_object *in,
                                   struct json_object *out)
{
    return co_verify_domain(c, in, true, out);
}

static int identity_co_delete(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename name[] = {{"Identity", "EmailIdentity"}};
    struct json_object *call = json_object_new_object();
    COPY(in, name, call);
    int rc = ses_identity_co_delete(c, call, out);
    json_object_put(call);
    return rc;
}

static int identity_co_verification(struct ses_call *c, struct json_object *in,
                                    struct json_object *out)
{
    return ses_identity_co_attributes(c, in, false, put_new(out, "VerificationAttributes"));
}

static int identity_co_dkim(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    return ses_identity_co_attributes(c, in, true, put_new(out, "DkimAttributes"));
}

/* --- the account -------------------------------------------------------------------------------
 */

static int account_co_quota(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    (void)in;
    return ses_co_quota(c, out);
}

static int account_co_enabled(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    (void)c;
    (void)in;
    member_put(out, "Enabled", json_object_new_boolean(true));
    return 0;
}

/* --- the call ----------------------------------------------------------------------------------
 */

static const struct action {
    struct span name;
    ses_co_operation *co_run;
    const char *scope;
    bool silent; /* the answer has no result */
} actions[] = {
    {SPAN("SendEmail"), send_co_email, "mail.send", false},
    {SPAN("SendRawEmail"), send_co_raw, "mail.send", false},
    {SPAN("SendTemplatedEmail"), send_co_templated, "mail.send", false},
    {SPAN("SendBulkTemplatedEmail"), send_co_bulk, "mail.send", false},
    {SPAN("CreateTemplate"), template_co_create, "templates.write", false},
    {SPAN("UpdateTemplate"), template_co_update, "templates.write", false},
    {SPAN("DeleteTemplate"), ses_template_co_delete, "templates.write", false},
    {SPAN("GetTemplate"), template_co_get, "templates.read", false},
    {SPAN("ListTemplates"), template_co_list, "templates.read", false},
    {SPAN("TestRenderTemplate"), ses_template_co_render, "templates.read", false},
    {SPAN("ListIdentities"), identity_co_list, "domains.read", false},
    {SPAN("GetIdentityVerificationAttributes"), identity_co_verification, "domains.read", false},
    {SPAN("GetIdentityDkimAttributes"), identity_co_dkim, "domains.read", false},
    {SPAN("VerifyEmailIdentity"), identity_co_verify_address, "domains.write", false},
    {SPAN("VerifyEmailAddress"), identity_co_verify_address, "domains.write", true},
    {SPAN("VerifyDomainIdentity"), identity_co_verify_domain, "domains.write", false},
    {SPAN("VerifyDomainDkim"), identity_co_verify_dkim, "domains.write", false},
    {SPAN("DeleteIdentity"), identity_co_delete, "domains.write", false},
    {SPAN("GetSendQuota"), account_co_quota, "account.read", false},
    {SPAN("GetAccountSendingEnabled"), account_co_enabled, "account.read", false},
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
    if (rc == 0)
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
    if (rc == 0)
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
