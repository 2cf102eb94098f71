/* /v3/{domain}/templates/{name}/versions: what a template says, under several tags, one of which is
 * active. */
#include "api/mailgun_stored.h"

#include "http/json.h"

#include <errno.h>
#include <string.h>

#define VERSIONS_MAX 40
#define BODY_MAX     (100 * 1024)

/* --- values ---------------------------------------------------------------------------------- */

struct json_object *mailgun_version_json(const struct stored_template *of,
                                         const struct stored_version *version, bool body)
{
    char date[MAILGUN_DATE], id[MAILGUN_ID];
    struct json_object *o = json_object_new_object(), *meta = mailgun_stored_meta(version->meta);
    struct json_object *headers = NULL;
    struct span engine = SPAN("handlebars");
    member_put_text(o, "tag", version->tag);
    if (body)
        member_put_text(o, "template", version->html);
    if (member_text(meta, "engine", &engine) >= 0)
        member_put_text(o, "engine", engine);
    member_put(o, "mjml", json_object_new_string(""));
    member_put(o, "createdAt",
               json_object_new_string(mailgun_date(version->created_ms, "UTC", date)));
    member_put_text(o, "comment", version->title);
    member_put(o, "active", json_object_new_boolean(version->active));
    member_put(o, "id", json_object_new_string(mailgun_id(of->id, version->created_ms, id)));
    if (member_object(meta, "headers", &headers) > 0)
        member_put(o, "headers", json_object_get(headers));
    json_object_put(meta);
    return o;
}

/* {"Subject": "…", "From": "…", "Reply-To": "…"} and nothing else. */
static int read_headers(struct http_request *r, struct span text, struct json_object **ret_headers)
{
    struct json_error error;
    struct json_object *o = NULL;
    int rc = json_read(text, &o, &error);
    bool good = rc == 0 && json_object_is_type(o, json_type_object);
    if (good) {
        json_object_object_foreach(o, name, value) good &=
            json_object_is_type(value, json_type_string) &&
            (strcasecmp(name, "Subject") == 0 || strcasecmp(name, "From") == 0 ||
             strcasecmp(name, "Reply-To") == 0);
    }
    if (!good) {
        json_object_put(o);
        return rc == -ENOMEM
                   ? rc
                   : http_fail(r, 400, "headers is a JSON object of From, Subject and Reply-To");
    }
    *ret_headers = o;
    return 0;
}

/* Names as they are looked for. */
static void put_headers(struct json_object *meta, struct json_object *given)
{
    static const char *const names[] = {"From", "Subject", "Reply-To"};
    struct json_object *headers = json_object_new_object();
    json_object_object_foreach(given, name, value) for (size_t i = 0;
                                                        i < sizeof names / sizeof *names;
                                                        i++) if (strcasecmp(name, names[i]) == 0)
        member_put(headers, names[i], json_object_get(value));
    member_put(meta, "headers", headers);
    json_object_put(given);
}

static int take_meta(struct http_request *r, const struct form *form,
                     struct stored_version *version)
{
    struct json_object *meta = mailgun_stored_meta(version->meta), *headers = NULL;
    struct span engine = mailgun_field(form, "engine");
    int rc = 0;
    if (engine.len && !span_equal_nocase(engine, SPAN("handlebars")))
        rc = http_fail(r, 400, "the only engine here is \"handlebars\"");
    if (rc == 0 && mailgun_field(form, "headers").len)
        rc = read_headers(r, mailgun_field(form, "headers"), &headers);
    if (headers)
        put_headers(meta, headers);
    member_put(meta, "engine", json_object_new_string("handlebars"));
    version->meta = member_print(meta, &r->arena);
    json_object_put(meta);
    return rc < 0 ? rc : version->meta.at ? 0 : -ENOMEM;
}

int mailgun_version_take(struct http_request *r, const struct form *form, struct mailgun_shelf *s,
                         struct stored_version *version)
{
    if (form_find(form, "template"))
        version->html = mailgun_field(form, "template");
    if (form_find(form, "comment"))
        version->title = mailgun_field(form, "comment");
    if (!s->tag[0] && mailgun_field(form, "tag").len &&
        mailgun_stored_name(mailgun_field(form, "tag"), s->tag) < 0)
        return http_fail(r, 400, "tag parameter is not valid");
    if (!s->tag[0])
        strcpy(s->tag, "initial");
    version->tag = span_of(s->tag);
    if (version->html.len > BODY_MAX)
        return http_fail(r, 400, "a template has at most 100 KB");
    return take_meta(r, form, version);
}

/* --- answers --------------------------------------------------------------------------------- */

static int co_find_both(struct http_request *r, struct mailgun_shelf *s,
                        struct stored_template *one, struct stored_version *version)
{
    int rc = mailgun_shelf_fail(
        r, "template",
        templates_co_find(s->store, s->tenant, s->space, span_of(s->name), &r->arena, one));
    if (rc == 0 && version)
        rc = mailgun_shelf_fail(r, "template version",
                                templates_co_version_find(s->store, s->tenant, s->space,
                                                          span_of(s->name), span_of(s->tag),
                                                          &r->arena, version));
    return rc;
}

static int answer_version(struct http_request *r, const struct stored_template *one,
                          const struct stored_version *version, const char *message)
{
    struct json_object *o = json_object_new_object(), *template = mailgun_template_json(one);
    if (message)
        member_put(o, "message", json_object_new_string(message));
    member_put(template, "version", mailgun_version_json(one, version, true));
    member_put(o, "template", template);
    return json_answer(r, 200, o);
}

/* --- all of a template ----------------------------------------------------------------------- */

/* The page's part of the list: behind the pivot, or in front of it. */
static void cut_page(const struct mailgun_page *page, struct stored_version **list, size_t *count)
{
    size_t at = 0;
    while (at < *count && page->pivot.len && !span_equal((*list)[at].tag, page->pivot))
        at++;
    size_t first = page->pivot.len ? at + 1 : 0, end = *count;
    if (page->backwards) {
        end = page->pivot.len ? at : *count;
        first = end > page->limit ? end - page->limit : 0;
    }
    first = first < *count ? first : *count;
    *list += first;
    *count = end > first ? end - first : 0;
    *count = *count < page->limit ? *count : page->limit;
}

int mailgun_versions_co_get(struct http_request *r)
{
    struct mailgun_shelf s;
    struct mailgun_page page = {0};
    struct stored_template one = {0};
    struct stored_version *list = NULL;
    size_t count = 0;
    int rc = mailgun_co_open_shelf(r, "templates.read", &s);
    if (rc == 0)
        rc = mailgun_read_page(r, &page);
    if (rc == 0)
        rc = co_find_both(r, &s, &one, NULL);
    if (rc == 0)
        rc = mailgun_shelf_fail(r, "template",
                                templates_co_version_list(s.store, s.tenant, s.space,
                                                          span_of(s.name), &r->arena, &list,
                                                          &count));
    if (rc < 0)
        return rc;
    cut_page(&page, &list, &count);
    struct json_object *o = json_object_new_object(), *template = mailgun_template_json(&one);
    struct json_object *versions = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(versions, mailgun_version_json(&one, &list[i], false));
    member_put(template, "versions", versions);
    member_put(o, "template", template);
    rc = mailgun_put_paging(r, o, &page, count ? list[0].tag : SPAN(""),
                            count ? list[count - 1].tag : SPAN(""));
    if (rc == 0)
        return json_answer(r, 200, o);
    json_object_put(o);
    return rc;
}

/* The first is active whatever it says. */
static int co_add(struct http_request *r, struct mailgun_shelf *s, const struct form *form)
{
    struct stored_version version = {.active = mailgun_is_yes(mailgun_field(form, "active"))};
    struct stored_version *list = NULL;
    size_t count = 0;
    int rc = mailgun_version_take(r, form, s, &version);
    if (rc == 0)
        rc = mailgun_shelf_fail(r, "template",
                                templates_co_version_list(s->store, s->tenant, s->space,
                                                          span_of(s->name), &r->arena, &list,
                                                          &count));
    if (rc < 0)
        return rc;
    if (count >= VERSIONS_MAX)
        return http_fail(r, 400, "a template has at most %d versions", VERSIONS_MAX);
    version.active |= count == 0;
    return mailgun_shelf_fail(
        r, "template version",
        templates_co_version_add(s->store, s->tenant, s->space, span_of(s->name), &version));
}

int mailgun_versions_co_post(struct http_request *r)
{
    struct mailgun_shelf s;
    struct form form = {0};
    struct stored_template one = {0};
    struct stored_version version = {0};
    int rc = mailgun_co_open_shelf(r, "templates.write", &s);
    if (rc == 0)
        rc = mailgun_co_form(r, &form);
    if (rc < 0)
        return rc;
    if (mailgun_field(&form, "template").len == 0)
        return http_fail(r, 400, "template parameter is missing");
    if (mailgun_field(&form, "tag").len == 0)
        return http_fail(r, 400, "tag parameter is missing");
    rc = co_add(r, &s, &form);
    if (rc == 0)
        rc = co_find_both(r, &s, &one, &version);
    return rc < 0
               ? rc
               : answer_version(r, &one, &version, "new version of the template has been stored");
}

/* --- one ------------------------------------------------------------------------------------- */

int mailgun_version_co_get(struct http_request *r)
{
    struct mailgun_shelf s;
    struct stored_template one = {0};
    struct stored_version version = {0};
    int rc = mailgun_co_open_shelf(r, "templates.read", &s);
    if (rc == 0)
        rc = co_find_both(r, &s, &one, &version);
    return rc < 0 ? rc : answer_version(r, &one, &version, NULL);
}

int mailgun_version_co_put(struct http_request *r)
{
    struct mailgun_shelf s;
    struct form form = {0};
    struct stored_template one = {0};
    struct stored_version version = {0};
    int rc = mailgun_co_open_shelf(r, "templates.write", &s);
    if (rc == 0)
        rc = mailgun_co_form(r, &form);
    if (rc == 0)
        rc = co_find_both(r, &s, &one, &version);
    if (rc == 0)
        rc = mailgun_version_take(r, &form, &s, &version);
    if (rc < 0)
        return rc;
    version.active |= mailgun_is_yes(mailgun_field(&form, "active"));
    rc = mailgun_shelf_fail(
        r, "template version",
        templates_co_version_change(s.store, s.tenant, s.space, span_of(s.name), &version));
    return rc < 0 ? rc : mailgun_answer_named(r, "version has been updated", &s);
}

int mailgun_version_co_delete(struct http_request *r)
{
    struct mailgun_shelf s;
    int rc = mailgun_co_open_shelf(r, "templates.write", &s);
    if (rc == 0)
        rc = mailgun_shelf_fail(r, "template version",
                                templates_co_version_remove(s.store, s.tenant, s.space,
                                                            span_of(s.name), span_of(s.tag)));
    return rc < 0 ? rc : mailgun_answer_named(r, "version has been deleted", &s);
}

/* A version that has the new tag already is written over; it stays active if it was. */
static int co_copy(struct http_request *r, struct mailgun_shelf *s, struct stored_version *version)
{
    struct stored_version old = {0};
    struct span comment, name = span_of(s->name);
    int rc = http_query(r, "comment", &comment);
    if (rc < 0)
        return rc;
    rc = templates_co_version_find(s->store, s->tenant, s->space, name, span_of(s->tag), &r->arena,
                                   &old);
    version->tag = span_of(s->tag);
    version->active = rc == 0 && old.active;
    if (comment.len)
        version->title = comment;
    if (rc == 0)
        rc = templates_co_version_change(s->store, s->tenant, s->space, name, version);
    else if (rc == ERR_ABSENT)
        rc = templates_co_version_add(s->store, s->tenant, s->space, name, version);
    return mailgun_shelf_fail(r, "template version", rc);
}

int mailgun_version_co_copy(struct http_request *r)
{
    struct mailgun_shelf s;
    struct stored_template one = {0};
    struct stored_version version = {0};
    int rc = mailgun_co_open_shelf(r, "templates.write", &s);
    if (rc == 0)
        rc = co_find_both(r, &s, &one, &version);
    if (rc == 0 && mailgun_stored_name(http_parameter(r, "new"), s.tag) < 0)
        return http_fail(r, 400, "the new tag is not valid");
    if (rc == 0)
        rc = co_copy(r, &s, &version);
    if (rc == 0)
        rc = co_find_both(r, &s, &one, &version);
    if (rc < 0)
        return rc;
    struct json_object *o = json_object_new_object();
    member_put(o, "message", json_object_new_string("version has been copied"));
    member_put(o, "version", mailgun_version_json(&one, &version, true));
    member_put(o, "template", mailgun_version_json(&one, &version, true));
    return json_answer(r, 200, o);
}
