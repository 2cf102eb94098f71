/*
 * /v3/{domain}/templates: templates by name; their versions are in mailgun_versions.c.
 *
 * Lists are in order of name, a page at a time; a page's address holds the name it begins behind.
 */
#include "api/mailgun_stored.h"

#include "base/utf8.h"
#include "http/json.h"
#include "http/uri.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PAGE_MAX      100
#define TEMPLATES_MAX 100

/* --- how they are stored --------------------------------------------------------------------- */

struct span mailgun_space(const char *domain, char text[MAILGUN_SPACE])
{
    snprintf(text, MAILGUN_SPACE, "mailgun:%s", domain);
    return span_of(text);
}

int mailgun_stored_name(struct span given, char ret_name[TEMPLATES_NAME_MAX + 1])
{
    if (given.len == 0 || !utf8_is_text(given) ||
        !span_to_text(given, ret_name, TEMPLATES_NAME_MAX + 1))
        return ERR_SYNTAX;
    for (char *at = ret_name; *at; at++)
        *at = ascii_lower(*at);
    return 0;
}

struct json_object *mailgun_stored_meta(struct span meta)
{
    AUTO_BUFFER copy = BUFFER(TEMPLATES_META_MAX + 1);
    struct json_object *o = NULL;
    if (buffer_append(&copy, meta) == 0 && buffer_text(&copy))
        o = json_tokener_parse(copy.at);
    if (json_object_is_type(o, json_type_object))
        return o;
    json_object_put(o);
    return json_object_new_object();
}

struct json_object *mailgun_template_json(const struct stored_template *one)
{
    char date[MAILGUN_DATE], id[MAILGUN_ID];
    struct json_object *o = json_object_new_object(), *meta = mailgun_stored_meta(one->meta);
    struct span author = SPAN("");
    member_put_text(o, "name", one->name);
    member_put_text(o, "description", one->title);
    member_put(o, "createdAt", json_object_new_string(mailgun_date(one->created_ms, "UTC", date)));
    if (member_text(meta, "createdBy", &author) >= 0)
        member_put_text(o, "createdBy", author);
    member_put(o, "id", json_object_new_string(mailgun_id(one->id, 0, id)));
    json_object_put(meta);
    return o;
}

const char *mailgun_id(int64_t id, int64_t second, char text[MAILGUN_ID])
{
    uint64_t a = (uint64_t)id, b = (uint64_t)second;
    snprintf(text, MAILGUN_ID, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(a >> 31),
             (unsigned)(a >> 15 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(a >> 12 & 0x7),
             (unsigned long long)(b & 0xffffffffffff));
    return text;
}

/* --- one call -------------------------------------------------------------------------------- */

int mailgun_co_open_shelf(struct http_request *r, const char *scope, struct mailgun_shelf *s)
{
    struct span name = http_parameter(r, "name"), tag = http_parameter(r, "tag");
    int rc = mailgun_co_enter(r, scope, &s->caller);
    if (rc < 0)
        return rc;
    s->store = api_of(r)->store;
    s->tenant = s->caller.who.tenant;
    s->space = mailgun_space(s->caller.domain, s->space_text);
    s->name[0] = s->tag[0] = '\0';
    if (name.len && mailgun_stored_name(name, s->name) < 0)
        return http_fail(r, 404, "template not found");
    if (tag.len && mailgun_stored_name(tag, s->tag) < 0)
        return http_fail(r, 404, "template version not found");
    return 0;
}

int mailgun_shelf_fail(struct http_request *r, const char *what, int rc)
{
    switch (rc) {
    case ERR_ABSENT:
        return http_fail(r, 404, "%s not found", what);
    case ERR_EXISTS:
        return http_fail(r, 409, "%s already exists", what);
    case -E2BIG:
        return http_fail(r, 400, "%s is too large, or there are too many", what);
    case ERR_SYNTAX:
        return http_fail(r, 400, "%s is not valid", what);
    default:
        return rc;
    }
}

/* --- all of a domain ------------------------------------------------------------------------- */

int mailgun_read_page(struct http_request *r, struct mailgun_page *page)
{
    struct span kind = SPAN(""), limit = SPAN(""), pivot = SPAN("");
    uint64_t count = PAGE_MAX;
    int rc = http_query(r, "page", &kind);
    if (rc == 0)
        rc = http_query(r, "limit", &limit);
    if (rc == 0)
        rc = http_query(r, "p", &pivot);
    if (rc < 0)
        return rc;
    if (limit.len && (!span_to_uint(limit, PAGE_MAX, &count) || count == 0))
        return http_fail(r, 400, "limit is a number from 1 to %d", PAGE_MAX);
    bool last = span_equal(kind, SPAN("last")), next = span_equal(kind, SPAN("next"));
    bool previous = span_equal(kind, SPAN("prev")) || span_equal(kind, SPAN("previous"));
    if (kind.len && !last && !next && !previous && !span_equal(kind, SPAN("first")))
        return http_fail(r, 400, "page is first, next, previous or last");
    *page = (struct mailgun_page){.backwards = last || previous,
                                  .pivot = next || previous ? pivot : SPAN(""),
                                  .limit = (unsigned)count};
    return 0;
}

/* "…?page=next&p=name&limit=10" */
static int put_page_url(struct http_request *r, struct json_object *paging, const char *name,
                        const char *kind, struct span pivot, unsigned limit)
{
    AUTO_BUFFER url = BUFFER(16 * 1024);
    int rc = mailgun_url(r, &url);
    if (rc == 0)
        rc = buffer_printf(&url, "%.*s?page=%s", SPAN_PRINT(r->head.path), kind);
    if (rc == 0 && pivot.len)
        rc = buffer_append_text(&url, "&p=");
    if (rc == 0)
        rc = http_percent_encode(pivot, &url);
    if (rc == 0)
        rc = buffer_printf(&url, "&limit=%u", limit);
    if (rc == 0)
        member_put_text(paging, name, buffer_span(&url));
    return rc;
}

int mailgun_put_paging(struct http_request *r, struct json_object *o,
                       const struct mailgun_page *page, struct span first, struct span last)
{
    struct json_object *paging = json_object_new_object();
    member_put(o, "paging", paging);
    /* an empty page stays where it is */
    int rc = put_page_url(r, paging, "first", "first", SPAN(""), page->limit);
    if (rc == 0)
        rc = put_page_url(r, paging, "last", "last", SPAN(""), page->limit);
    if (rc == 0)
        rc = put_page_url(r, paging, "previous", "previous", first.len ? first : page->pivot,
                          page->limit);
    if (rc == 0)
        rc = put_page_url(r, paging, "next", "next", last.len ? last : page->pivot, page->limit);
    return rc;
}

static int co_add_active(struct http_request *r, struct mailgun_shelf *s,
                         const struct stored_template *one, struct json_object *o)
{
    struct stored_version version = {0};
    int rc = templates_co_version_find(s->store, s->tenant, s->space, one->name, SPAN(""),
                                       &r->arena, &version);
    if (rc == 0)
        member_put(o, "version", mailgun_version_json(one, &version, true));
    return rc == ERR_ABSENT ? 0 : rc;
}

/* ?active=yes: with the version that is used. */
static int co_put_template(struct http_request *r, struct mailgun_shelf *s,
                           const struct stored_template *one, struct json_object **ret)
{
    struct span active;
    *ret = mailgun_template_json(one);
    int rc = http_query(r, "active", &active);
    return rc == 0 && mailgun_is_yes(active) ? co_add_active(r, s, one, *ret) : rc;
}

int mailgun_templates_co_get(struct http_request *r)
{
    struct mailgun_shelf s;
    struct mailgun_page page = {0};
    struct stored_template *list = NULL;
    size_t count = 0;
    int rc = mailgun_co_open_shelf(r, "templates.read", &s);
    if (rc == 0)
        rc = mailgun_read_page(r, &page);
    if (rc == 0)
        rc = templates_co_list(s.store, s.tenant, s.space, page.pivot, page.backwards, page.limit,
                               &r->arena, &list, &count);
    if (rc < 0)
        return rc;
    struct json_object *o = json_object_new_object(), *items = json_object_new_array(), *item;
    member_put(o, "items", items);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = co_put_template(r, &s, &list[page.backwards ? count - 1 - i : i], &item);
        json_object_array_add(items, item);
    }
    if (rc == 0)
        rc = mailgun_put_paging(r, o, &page,
                                count ? list[page.backwards ? count - 1 : 0].name : SPAN(""),
                                count ? list[page.backwards ? 0 : count - 1].name : SPAN(""));
    if (rc == 0)
        return json_answer(r, 200, o);
    json_object_put(o);
    return rc;
}

int mailgun_templates_co_delete(struct http_request *r)
{
    struct mailgun_shelf s;
    struct stored_template *list;
    size_t count = 1;
    int rc = mailgun_co_open_shelf(r, "templates.write", &s);
    while (rc == 0 && count > 0) {
        rc = templates_co_list(s.store, s.tenant, s.space, SPAN(""), false, PAGE_MAX, &r->arena,
                               &list, &count);
        for (size_t i = 0; rc == 0 && i < count; i++)
            rc = templates_co_remove(s.store, s.tenant, s.space, list[i].name);
        rc = rc == ERR_ABSENT ? 0 : rc;
    }
    return rc < 0 ? rc : mailgun_say(r, 200, "templates have been deleted");
}

/* --- one ------------------------------------------------------------------------------------- */

static int take_meta(struct http_request *r, const struct form *form, struct stored_template *one)
{
    struct json_object *meta = json_object_new_object();
    member_put_text(meta, "createdBy", mailgun_field(form, "createdBy"));
    one->meta = member_print(meta, &r->arena);
    json_object_put(meta);
    return one->meta.at ? 0 : -ENOMEM;
}

static int co_add(struct http_request *r, struct mailgun_shelf *s, const struct form *form,
                  struct stored_template *one)
{
    struct stored_version version = {.active = true};
    size_t count;
    one->name = span_of(s->name);
    one->title = mailgun_field(form, "description");
    int rc = take_meta(r, form, one);
    if (rc == 0)
        rc = templates_co_count(s->store, s->tenant, s->space, &count);
    if (rc == 0 && count >= TEMPLATES_MAX)
        return http_fail(r, 400, "a domain has at most %d templates", TEMPLATES_MAX);
    if (rc == 0 && mailgun_field(form, "template").len == 0)
        return templates_co_add(s->store, s->tenant, s->space, one);
    if (rc == 0)
        rc = mailgun_version_take(r, form, s, &version);
    return rc < 0 ? rc : templates_co_add_with(s->store, s->tenant, s->space, one, &version);
}

int mailgun_templates_co_post(struct http_request *r)
{
    struct mailgun_shelf s;
    struct form form = {0};
    struct stored_template one = {0};
    int rc = mailgun_co_open_shelf(r, "templates.write", &s);
    if (rc == 0)
        rc = mailgun_co_form(r, &form);
    if (rc < 0)
        return rc;
    if (mailgun_field(&form, "name").len == 0)
        return http_fail(r, 400, "name parameter is missing");
    if (mailgun_stored_name(mailgun_field(&form, "name"), s.name) < 0)
        return http_fail(r, 400, "name parameter is not valid");
    rc = co_add(r, &s, &form, &one);
    if (rc == 0)
        rc = templates_co_find(s.store, s.tenant, s.space, span_of(s.name), &r->arena, &one);
    if (rc < 0)
        return mailgun_shelf_fail(r, "template", rc);
    struct json_object *o = json_object_new_object(), *template = mailgun_template_json(&one);
    member_put(o, "template", template);
    member_put(o, "message", json_object_new_string("template has been stored"));
    rc = co_add_active(r, &s, &one, template);
    if (rc == 0)
        return json_answer(r, 200, o);
    json_object_put(o);
    return rc;
}

int mailgun_template_co_get(struct http_request *r)
{
    struct mailgun_shelf s;
    struct stored_template one = {0};
    struct json_object *template;
    int rc = mailgun_co_open_shelf(r, "templates.read", &s);
    if (rc == 0)
        rc = mailgun_shelf_fail(
            r, "template",
            templates_co_find(s.store, s.tenant, s.space, span_of(s.name), &r->arena, &one));
    if (rc < 0)
        return rc;
    rc = co_put_template(r, &s, &one, &template);
    struct json_object *o = json_object_new_object();
    member_put(o, "template", template);
    if (rc == 0)
        return json_answer(r, 200, o);
    json_object_put(o);
    return rc;
}

/* {"message": "…", "template": {"name", "version": {"tag"}}} */
int mailgun_answer_named(struct http_request *r, const char *message, const struct mailgun_shelf *s)
{
    struct json_object *o = json_object_new_object(), *template = json_object_new_object();
    member_put(o, "message", json_object_new_string(message));
    member_put(o, "template", template);
    member_put(template, "name", json_object_new_string(s->name));
    if (s->tag[0]) {
        struct json_object *version = json_object_new_object();
        member_put(version, "tag", json_object_new_string(s->tag));
        member_put(template, "version", version);
    }
    return json_answer(r, 200, o);
}

int mailgun_template_co_put(struct http_request *r)
{
    struct mailgun_shelf s;
    struct form form = {0};
    struct stored_template one = {0};
    int rc = mailgun_co_open_shelf(r, "templates.write", &s);
    if (rc == 0)
        rc = mailgun_co_form(r, &form);
    if (rc < 0)
        return rc;
    rc = templates_co_find(s.store, s.tenant, s.space, span_of(s.name), &r->arena, &one);
    if (rc == 0 && form_find(&form, "description")) {
        one.title = mailgun_field(&form, "description");
        rc = templates_co_change(s.store, s.tenant, s.space, &one);
    }
    rc = mailgun_shelf_fail(r, "template", rc);
    return rc < 0 ? rc : mailgun_answer_named(r, "template has been updated", &s);
}

int mailgun_template_co_delete(struct http_request *r)
{
    struct mailgun_shelf s;
    int rc = mailgun_co_open_shelf(r, "templates.write", &s);
    if (rc == 0)
        rc = mailgun_shelf_fail(r, "template",
                                templates_co_remove(s.store, s.tenant, s.space, span_of(s.name)));
    return rc < 0 ? rc : mailgun_answer_named(r, "template has been deleted", &s);
}
