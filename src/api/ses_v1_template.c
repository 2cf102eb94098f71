/* Version 1's templates; see ses_v1.c. */
#include "api/ses_v1_internal.h"

#include <time.h>

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
        COPY(template, parts, ses_v1_put_new(call, "TemplateContent"));
        rc = co_run(c, call, out);
    }
    json_object_put(call);
    return rc;
}

int ses_v1_template_co_create(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    return co_put_template(c, in, out, ses_template_co_create);
}

int ses_v1_template_co_update(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    return co_put_template(c, in, out, ses_template_co_update);
}

int ses_v1_template_co_get(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct json_object *found = json_object_new_object();
    int rc = ses_template_co_get(c, in, found);
    if (rc == 0) {
        struct json_object *template = ses_v1_put_new(out, "Template");
        COPY(found, template_name, template);
        COPY(json_object_object_get(found, "TemplateContent"), parts_back, template);
    }
    json_object_put(found);
    return rc;
}

static const struct rename page[] = SES_V1_PAGE;
static const struct rename next_token[] = SES_V1_NEXT_TOKEN;

static struct json_object *time_v1(struct json_object *seconds)
{
    char text[40];
    time_t at = (time_t)json_object_get_double(seconds);
    struct tm tm;
    gmtime_r(&at, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_object_new_string(text);
}

int ses_v1_template_co_list(struct ses_call *c, struct json_object *in, struct json_object *out)
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
