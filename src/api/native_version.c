/*
 * Versions of templates by our own API. A version is known by its tag ("version"); one of a
 * template is active, and sends that name none take it. Its source is compiled before it is kept,
 * so that a mistake is told to whoever makes it.
 */
#include "api/native_template.h"

#include "submit/merge.h"
#include "template/template.h"

#include <errno.h>

#define MEMORY ((size_t)32 * 1024 * 1024)

/* --- values ---------------------------------------------------------------------------------- */

struct json_object *native_version_json(const struct stored_version *v, bool whole)
{
    struct json_object *o = json_object_new_object();
    member_put_text(o, "version", v->tag);
    member_put_text(o, "title", v->title);
    member_put(o, "active", json_object_new_boolean(v->active));
    member_put_text(o, "subject", v->subject);
    if (whole) {
        member_put_text(o, "text", v->text);
        member_put_text(o, "html", v->html);
        member_put_text(o, "amp", v->amp);
        member_put(o, "test_data", native_kept(v->test_data));
    }
    member_put(o, "created", native_time(v->created_ms));
    member_put(o, "updated", native_time(v->updated_ms));
    return o;
}

/* Its templates compile. */
static int check_source(struct http_request *r, const struct stored_version *v)
{
    struct content content = {.syntax = CONTENT_HANDLEBARS, .helpers = TEMPLATE_SENDGRID};
    struct merge *merge;
    struct merge_fault fault = {0};
    content.letter.subject = v->subject;
    content.letter.text = v->text;
    content.letter.html = v->html;
    content.letter.amp = v->amp;
    int rc = merge_open(&content, &merge, &fault);
    if (rc == 0)
        merge_free(merge);
    if (rc < 0 && fault.text[0])
        return native_problem(r, 400, "template", fault.text,
                              "Correct it where line and column say");
    return rc;
}

int native_take_version(struct http_request *r, struct json_object *o,
                        struct stored_version *version)
{
    int rc = native_text(r, o, "subject", &version->subject);
    if (rc == 0)
        rc = native_text(r, o, "text", &version->text);
    if (rc == 0)
        rc = native_text(r, o, "html", &version->html);
    if (rc == 0)
        rc = native_text(r, o, "amp", &version->amp);
    if (rc == 0)
        rc = native_object_text(r, o, "test_data", &version->test_data);
    return rc == 0 ? check_source(r, version) : rc;
}

static int take_all(struct http_request *r, struct json_object *o, struct stored_version *version)
{
    int rc = native_text(r, o, "title", &version->title);
    if (rc == 0)
        rc = native_bool(r, o, "active", &version->active);
    return rc == 0 ? native_take_version(r, o, version) : rc;
}

/* --- lists ----------------------------------------------------------------------------------- */

int native_versions_co_get(struct http_request *r)
{
    static const char *const names[] = {NULL};
    struct identity who = {0};
    struct stored_version *list;
    size_t count;
    AUTO_ARENA arena = ARENA(MEMORY);
    int rc = native_co_enter(r, "templates.versions.read", &who);
    if (rc == 0)
        rc = native_check_query(r, names);
    if (rc == 0) {
        rc = templates_co_version_list(api_of(r)->store, who.tenant, SPAN(NATIVE_SPACE),
                                       http_parameter(r, "name"), &arena, &list, &count);
        rc = rc < 0 ? native_problem_of(r, rc, "name") : 0;
    }
    if (rc != 0)
        return native_end(rc);
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(items, native_version_json(&list[i], false));
    return native_answer_page(r, items, NULL);
}

/* --- one ------------------------------------------------------------------------------------- */

static int native_co_find(struct http_request *r, const struct identity *who, struct span tag,
                          struct arena *arena, struct stored_version *ret_version)
{
    int rc = templates_co_version_find(api_of(r)->store, who->tenant, SPAN(NATIVE_SPACE),
                                       http_parameter(r, "name"), tag, arena, ret_version);
    return rc < 0 ? native_problem_of(r, rc, "version") : 0;
}

static int native_co_answer(struct http_request *r, const struct identity *who, int status,
                            struct span tag)
{
    struct stored_version version;
    AUTO_ARENA arena = ARENA(MEMORY);
    int rc = native_co_find(r, who, tag, &arena, &version);
    return rc == 0 ? json_answer(r, status, native_version_json(&version, true)) : rc;
}

int native_version_co_get(struct http_request *r)
{
    struct identity who = {0};
    int rc = native_co_enter(r, "templates.versions.read", &who);
    if (rc == 0)
        rc = native_co_answer(r, &who, 200, http_parameter(r, "version"));
    return native_end(rc);
}

int native_versions_co_post(struct http_request *r)
{
    static const char *const members[] = {"version", "title", "active", NATIVE_VERSION_MEMBERS,
                                          NULL};
    struct identity who = {0};
    struct json_object *o = NULL;
    struct stored_version version = {.tag = SPAN("")};
    int rc = native_co_enter(r, "templates.versions.create", &who);
    if (rc == 0)
        rc = native_co_body(r, NATIVE_TEMPLATE_MAX, members, &o);
    if (rc == 0)
        rc = native_text(r, o, "version", &version.tag);
    if (rc == 0 && version.tag.len == 0)
        rc = native_problem(r, 400, "version", "is missing", "Name the version: \"v2\"");
    if (rc == 0)
        rc = take_all(r, o, &version);
    if (rc == 0) {
        rc = templates_co_version_add(api_of(r)->store, who.tenant, SPAN(NATIVE_SPACE),
                                      http_parameter(r, "name"), &version);
        rc = rc < 0 ? native_problem_of(r, rc, rc == ERR_ABSENT ? "name" : "version") : 0;
    }
    if (rc == 0)
        rc = native_co_answer(r, &who, 201, version.tag);
    json_object_put(o);
    return native_end(rc);
}

/* Members that are not there stay. */
static int native_co_change(struct http_request *r, const struct identity *who,
                            struct json_object *o)
{
    struct stored_version version;
    AUTO_ARENA arena = ARENA(MEMORY);
    struct span tag = http_parameter(r, "version");
    int rc = native_co_find(r, who, tag, &arena, &version);
    if (rc == 0)
        rc = take_all(r, o, &version);
    if (rc == 0) {
        rc = templates_co_version_change(api_of(r)->store, who->tenant, SPAN(NATIVE_SPACE),
                                         http_parameter(r, "name"), &version);
        rc = rc < 0 ? native_problem_of(r, rc, "version") : 0;
    }
    return rc == 0 ? native_co_answer(r, who, 200, tag) : rc;
}

int native_version_co_patch(struct http_request *r)
{
    static const char *const members[] = {"title", "active", NATIVE_VERSION_MEMBERS, NULL};
    struct identity who = {0};
    struct json_object *o = NULL;
    int rc = native_co_enter(r, "templates.versions.update", &who);
    if (rc == 0)
        rc = native_co_body(r, NATIVE_TEMPLATE_MAX, members, &o);
    if (rc == 0)
        rc = native_co_change(r, &who, o);
    json_object_put(o);
    return native_end(rc);
}

int native_version_co_delete(struct http_request *r)
{
    struct identity who = {0};
    int rc = native_co_enter(r, "templates.versions.delete", &who);
    if (rc == 0) {
        rc = templates_co_version_remove(api_of(r)->store, who.tenant, SPAN(NATIVE_SPACE),
                                         http_parameter(r, "name"), http_parameter(r, "version"));
        rc = rc < 0 ? native_problem_of(r, rc, "version") : 0;
    }
    return native_end(rc == 0 ? native_answer_nothing(r) : rc);
}
