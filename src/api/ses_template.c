/* Templates of SES: kept in the space "ses", one version of each; see ses.h. */
#include "api/ses.h"

#include "template/template.h"

#include <errno.h>

#define SPACE         SPAN("ses")
#define VERSION       SPAN("1")
#define NAME_MAX_     64
#define SIZE_MAX_     ((size_t)500 * 1024) /* of all parts */
#define TEMPLATES_MAX 20000
#define PAGE_MAX      100
#define PAGE_DEFAULT  10
#define ARN_MARK      ":template/"

/* --- checking --------------------------------------------------------------------------------- */

static int check_name(struct ses_call *c, struct span name)
{
    bool good = name.len > 0 && name.len <= NAME_MAX_;
    for (size_t i = 0; good && i < name.len; i++)
        good = ascii_is_alpha(name.at[i]) || ascii_is_digit(name.at[i]) || name.at[i] == '-' ||
               name.at[i] == '_';
    if (!good)
        return ses_refuse(c, SES_BAD_REQUEST,
                          "Template name: up to %d letters, digits, hyphens and underscores.",
                          NAME_MAX_);
    return 0;
}

static int check_part(struct ses_call *c, const char *what, struct span source)
{
    const struct template_options options = {.plain = true, .strict = true};
    struct template_error error;
    struct template *template;
    int rc = template_compile(source, &options, &template, &error);
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0)
        return ses_refuse(c, SES_BAD_TEMPLATE, "The %s of the template is wrong: %s", what,
                          error.text);
    template_free(template);
    return 0;
}

int ses_template_check(struct ses_call *c, const struct stored_version *parts)
{
    if (parts->subject.len == 0)
        return ses_refuse(c, SES_BAD_TEMPLATE, "The subject must be specified.");
    if (parts->text.len == 0 && parts->html.len == 0)
        return ses_refuse(c, SES_BAD_TEMPLATE, "The text part or the html part must be specified.");
    if (parts->subject.len + parts->text.len + parts->html.len > SIZE_MAX_)
        return ses_refuse(c, SES_BAD_TEMPLATE, "Template size exceeds 500 KB.");
    int rc = check_part(c, "subject", parts->subject);
    if (rc == 0)
        rc = check_part(c, "text part", parts->text);
    return rc < 0 ? rc : check_part(c, "html part", parts->html);
}

static int take_parts(struct ses_call *c, struct json_object *content, struct stored_version *parts)
{
    *parts = (struct stored_version){.tag = VERSION,
                                     .title = SPAN(""),
                                     .active = true,
                                     .amp = SPAN(""),
                                     .test_data = SPAN(""),
                                     .meta = SPAN("")};
    int rc = ses_text(c, content, "Subject", &parts->subject);
    if (rc == 0)
        rc = ses_text(c, content, "Text", &parts->text);
    if (rc == 0)
        rc = ses_text(c, content, "Html", &parts->html);
    return rc < 0 ? rc : ses_template_check(c, parts);
}

static int take_input(struct ses_call *c, struct json_object *in, struct span *ret_name,
                      struct stored_version *parts)
{
    struct json_object *content = NULL;
    int rc = ses_need_text(c, in, "TemplateName", ret_name);
    if (rc == 0)
        rc = check_name(c, *ret_name);
    if (rc == 0)
        rc = ses_need_object(c, in, "TemplateContent", &content);
    return rc < 0 ? rc : take_parts(c, content, parts);
}

static int no_template(struct ses_call *c, struct span name)
{
    return ses_refuse(c, SES_NO_TEMPLATE, "Template %.*s does not exist.",
                      SPAN_PRINT(span_first(name, 200)));
}

/* What the store says, in SES's words. */
static int judge(struct ses_call *c, struct span name, int rc)
{
    if (rc == ERR_ABSENT)
        return no_template(c, name);
    if (rc == ERR_EXISTS)
        return ses_refuse(c, SES_EXISTS, "Template %.*s already exists.", SPAN_PRINT(name));
    if (rc == -E2BIG || rc == ERR_SYNTAX)
        return ses_refuse(c, SES_BAD_TEMPLATE, "The template cannot be stored: it is too large.");
    return rc;
}

/* --- keeping ---------------------------------------------------------------------------------- */

int ses_template_co_create(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct store *store = api_of(c->r)->store;
    struct stored_version parts;
    struct stored_template one = {.title = SPAN(""), .meta = SPAN("")};
    size_t count = 0;
    (void)out;
    int rc = take_input(c, in, &one.name, &parts);
    if (rc == 0)
        rc = templates_co_count(store, c->who.tenant, SPACE, &count);
    if (rc == 0 && count >= TEMPLATES_MAX)
        return ses_refuse(c, SES_LIMIT, "You have reached the limit of %d templates.",
                          TEMPLATES_MAX);
    if (rc == 0)
        rc = judge(c, one.name, templates_co_add_with(store, c->who.tenant, SPACE, &one, &parts));
    return rc;
}

int ses_template_co_update(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct stored_version parts;
    struct span name;
    (void)out;
    int rc = take_input(c, in, &name, &parts);
    if (rc == 0)
        rc = judge(
            c, name,
            templates_co_version_change(api_of(c->r)->store, c->who.tenant, SPACE, name, &parts));
    return rc;
}

/* One that is not there is gone, too, says version 1. */
int ses_template_co_delete(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct span name;
    (void)out;
    int rc = ses_need_text(c, in, "TemplateName", &name);
    if (rc < 0)
        return rc;
    rc = templates_co_remove(api_of(c->r)->store, c->who.tenant, SPACE, name);
    return rc == ERR_ABSENT && c->query ? 0 : judge(c, name, rc);
}

int ses_co_find_template(struct ses_call *c, struct span name, struct stored_version *ret_parts)
{
    return judge(c, name,
                 templates_co_version_find(api_of(c->r)->store, c->who.tenant, SPACE, name,
                                           SPAN(""), &c->arena, ret_parts));
}

int ses_template_co_get(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct stored_version parts = {0};
    struct span name = SPAN("");
    int rc = ses_need_text(c, in, "TemplateName", &name);
    if (rc == 0)
        rc = ses_co_find_template(c, name, &parts);
    if (rc < 0)
        return rc;
    struct json_object *content = json_object_new_object();
    member_put_text(out, "TemplateName", name);
    member_put(out, "TemplateContent", content);
    member_put_text(content, "Subject", parts.subject);
    if (parts.text.len)
        member_put_text(content, "Text", parts.text);
    if (parts.html.len)
        member_put_text(content, "Html", parts.html);
    return 0;
}

/* --- lists: NextToken is the last name -------------------------------------------------------- */

int ses_take_page(struct ses_call *c, struct json_object *in, unsigned max, unsigned otherwise,
                  struct span *ret_token, unsigned *ret_size)
{
    struct span text = SPAN("");
    uint64_t size = otherwise;
    int rc = ses_text(c, in, "NextToken", ret_token);
    if (rc == 0)
        rc = ses_text(c, in, "PageSize", &text);
    if (rc < 0)
        return rc;
    if (text.len && (!span_to_uint(text, UINT32_MAX, &size) || size == 0))
        return ses_refuse(c, SES_BAD_REQUEST, "The page size is a number from 1 to %u.", max);
    *ret_size = (unsigned)(size < max ? size : max);
    return 0;
}

int ses_template_co_list(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct json_object *list = json_object_new_array();
    struct stored_template *all = NULL;
    struct span after;
    unsigned size = 0;
    size_t count = 0;
    member_put(out, "TemplatesMetadata", list);
    int rc = ses_take_page(c, in, PAGE_MAX, PAGE_DEFAULT, &after, &size);
    if (rc == 0 && after.len && check_name(c, after) < 0)
        return ses_refuse(c, SES_BAD_TOKEN, "NextToken is invalid.");
    if (rc == 0)
        rc = templates_co_list(api_of(c->r)->store, c->who.tenant, SPACE, after, false, size + 1,
                               &c->arena, &all, &count);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && i < size; i++) {
        struct json_object *one = json_object_new_object();
        json_object_array_add(list, one);
        member_put_text(one, "TemplateName", all[i].name);
        member_put(one, "CreatedTimestamp",
                   json_object_new_double((double)all[i].created_ms / 1000));
    }
    if (count > size)
        member_put_text(out, "NextToken", all[size - 1].name);
    return 0;
}

/* --- sends ------------------------------------------------------------------------------------ */

/* TemplateName, or the name behind "…:template/" in TemplateArn. */
static int take_name(struct ses_call *c, struct json_object *o, struct span *ret_name)
{
    struct span arn = SPAN("");
    int rc = ses_text(c, o, "TemplateName", ret_name);
    if (rc == 0)
        rc = ses_text(c, o, "TemplateArn", &arn);
    if (rc < 0 || ret_name->len)
        return rc;
    ptrdiff_t mark = span_find_span(arn, SPAN(ARN_MARK));
    if (mark >= 0)
        *ret_name = span_from(arn, (size_t)mark + sizeof ARN_MARK - 1);
    return 0;
}

int ses_co_take_template(struct ses_call *c, struct json_object *o, struct ses_letter *l)
{
    struct stored_version parts = {0};
    struct json_object *content = NULL;
    struct span name = SPAN("");
    int rc = take_name(c, o, &name);
    if (rc == 0)
        rc = ses_object(c, o, "TemplateContent", &content);
    if (rc < 0)
        return rc;
    if (!content && name.len == 0)
        return ses_refuse_member(c, "TemplateName", NULL);
    if (content && name.len)
        return ses_refuse(c, SES_BAD_REQUEST,
                          "Give one of 'TemplateName', 'TemplateArn' and 'TemplateContent'.");
    rc = content ? take_parts(c, content, &parts) : ses_co_find_template(c, name, &parts);
    if (rc < 0)
        return rc;
    if (name.len)
        member_put_text(l->meta, "template", name);
    ses_set_template(&l->content, &parts);
    return 0;
}

void ses_set_template(struct content *content, const struct stored_version *parts)
{
    content->syntax = CONTENT_HANDLEBARS;
    content->plain_html = true;
    content->strict = true;
    content->letter.subject = parts->subject;
    content->letter.text = parts->text;
    content->letter.html = parts->html;
}
