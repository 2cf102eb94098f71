/* Version 1's sends; see ses_v1.c. */
#include "api/ses_v1_internal.h"

#include <string.h>

static const struct rename envelope[] = {{"Source", "FromEmailAddress"},
                                         {"Destination", "Destination"},
                                         {"ReplyToAddresses", "ReplyToAddresses"},
                                         {"ReturnPath", "FeedbackForwardingEmailAddress"},
                                         {"Tags", "EmailTags"},
                                         {"DefaultTags", "DefaultEmailTags"},
                                         {"ConfigurationSetName", "ConfigurationSetName"}};

int ses_v1_send_co_email(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename message[] = {{"Message", "Simple"}};
    struct json_object *call = json_object_new_object();
    COPY(in, envelope, call);
    COPY(in, message, ses_v1_put_new(call, "Content"));
    int rc = ses_send_co_email(c, call, out);
    json_object_put(call);
    return rc;
}

int ses_v1_send_co_raw(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename message[] = {{"RawMessage", "Raw"}},
                               to[] = {{"Destinations", "ToAddresses"}};
    struct json_object *call = json_object_new_object(), *list;
    size_t count;
    int rc = ses_array(c, in, "Destinations", &list, &count);
    COPY(in, envelope, call);
    COPY(in, message, ses_v1_put_new(call, "Content"));
    if (rc == 0 && count)
        COPY(in, to, ses_v1_put_new(call, "Destination"));
    if (rc == 0)
        rc = ses_send_co_email(c, call, out);
    json_object_put(call);
    return rc;
}

int ses_v1_send_co_templated(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename template[] = {{"Template", "TemplateName"},
                                             {"TemplateArn", "TemplateArn"},
                                             {"TemplateData", "TemplateData"}};
    struct json_object *call = json_object_new_object();
    COPY(in, envelope, call);
    COPY(in, template, ses_v1_put_new(ses_v1_put_new(call, "Content"), "Template"));
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
        COPY(one, data,
             ses_v1_put_new(ses_v1_put_new(entry, "ReplacementEmailContent"),
                            "ReplacementTemplate"));
    }
    return rc;
}

int ses_v1_send_co_bulk(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename template[] = {{"Template", "TemplateName"},
                                             {"TemplateArn", "TemplateArn"},
                                             {"DefaultTemplateData", "TemplateData"}};
    struct json_object *call = json_object_new_object(), *results = json_object_new_object();
    COPY(in, envelope, call);
    COPY(in, template, ses_v1_put_new(ses_v1_put_new(call, "DefaultContent"), "Template"));
    int rc = take_destinations(c, in, call);
    if (rc == 0)
        rc = ses_send_co_bulk(c, call, results);
    if (rc == 0)
        answer_bulk(results, out);
    json_object_put(results);
    json_object_put(call);
    return rc;
}
