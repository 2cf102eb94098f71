/* Templates by our own API: named; made with a first version, or without. */
#include "api/native_template.h"

#include <errno.h>

#define MEMORY        ((size_t)8 * 1024 * 1024)
#define FIRST_VERSION "v1"

static struct json_object *template_json(const struct stored_template *one)
{
    struct json_object *o = json_object_new_object();
    member_put_text(o, "name", one->name);
    member_put_text(o, "title", one->title);
    member_put(o, "metadata", native_kept(one->meta));
    member_put(o, "created", native_time(one->created_ms));
    member_put(o, "updated", native_time(one->updated_ms));
    return o;
}

int native_templates_co_get(struct http_request *r)
{
    static const char *const names[] = {NULL};
    struct identity who = {0};
    struct native_page page;
    struct stored_template *list;
    size_t count;
    AUTO_ARENA arena = ARENA(256 * (TEMPLATES_META_MAX + 4096));
    int rc = native_co_enter(r, "templates.read", &who);
    if (rc == 0)
        rc = native_check_query(r, names);
    if (rc == 0)
        rc = native_take_page(r, &page);
    unsigned limit = rc == 0 && page.limit < 256 ? page.limit : 256;
    if (rc == 0)
        rc = templates_co_list(api_of(r)->store, who.tenant, SPAN(NATIVE_SPACE), page.cursor, false,
                               limit, &arena, &list, &count);
    if (rc != 0)
        return native_end(rc);
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(items, template_json(&list[i]));
    return native_answer_page(r, items,
                              count == limit ? member_from_text(list[count - 1].name) : NULL);
}

/* --- one ------------------------------------------------------------------------------------- */

static int native_co_find(struct http_request *r, const struct identity *who, struct span name,
                          struct stored_template *ret_one)
{
    int rc = templates_co_find(api_of(r)->store, who->tenant, SPAN(NATIVE_SPACE), name, &r->arena,
                               ret_one);
    return rc < 0 ? native_problem_of(r, rc, "name") : 0;
}

static int native_co_answer(struct http_request *r, const struct identity *who, int status,
                            struct span name)
{
    struct stored_template one;
    struct stored_version *list;
    size_t count;
    AUTO_ARENA arena = ARENA(MEMORY);
    int rc = native_co_find(r, who, name, &one);
    if (rc == 0)
        rc = templates_co_version_list(api_of(r)->store, who->tenant, SPAN(NATIVE_SPACE), name,
                                       &arena, &list, &count);
    if (rc != 0)
        return rc;
    struct json_object *o = template_json(&one), *versions = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(versions, native_version_json(&list[i], false));
    member_put(o, "versions", versions);
    return json_answer(r, status, o);
}

int native_template_co_get(struct http_request *r)
{
    struct identity who = {0};
    int rc = native_co_enter(r, "templates.read", &who);
    if (rc == 0)
        rc = native_co_answer(r, &who, 200, http_parameter(r, "name"));
    return native_end(rc);
}

/* --- making and changing --------------------------------------------------------------------- */

static int take_template(struct http_request *r, struct json_object *o, struct stored_template *one)
{
    int rc = native_text(r, o, "title", &one->title);
    return rc == 0 ? native_object_text(r, o, "metadata", &one->meta) : rc;
}

static bool has_version(struct json_object *o)
{
    static const char *const members[] = {NATIVE_VERSION_MEMBERS, "version"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_object_get(o, members[i]))
            return true;
    return false;
}

static int native_co_add(struct http_request *r, const struct identity *who, struct json_object *o)
{
    struct stored_template one = {.name = SPAN("")};
    struct stored_version version = {.tag = SPAN(FIRST_VERSION), .active = true};
    struct store *store = api_of(r)->store;
    int rc = native_text(r, o, "name", &one.name);
    if (rc == 0 && one.name.len == 0)
        rc = native_problem(r, 400, "name", "is missing", "Name the template: \"welcome\"");
    if (rc == 0)
        rc = take_template(r, o, &one);
    if (rc == 0)
        rc = native_text(r, o, "version", &version.tag);
    if (rc == 0)
        rc = native_take_version(r, o, &version);
    if (rc != 0)
        return rc;
    if (has_version(o))
        rc = templates_co_add_with(store, who->tenant, SPAN(NATIVE_SPACE), &one, &version);
    else
        rc = templates_co_add(store, who->tenant, SPAN(NATIVE_SPACE), &one);
    return rc < 0 ? native_problem_of(r, rc, "name") : native_co_answer(r, who, 201, one.name);
}

int native_templates_co_post(struct http_request *r)
{
    static const char *const members[] = {
        "name", "title", "metadata", "version", NATIVE_VERSION_MEMBERS, NULL};
    struct identity who = {0};
    struct json_object *o = NULL;
    int rc = native_co_enter(r, "templates.create", &who);
    if (rc == 0)
        rc = native_co_body(r, NATIVE_TEMPLATE_MAX, members, &o);
    if (rc == 0)
        rc = native_co_add(r, &who, o);
    json_object_put(o);
    return native_end(rc);
}

/* Members that are not there stay. */
static int native_co_change(struct http_request *r, const struct identity *who,
                            struct json_object *o)
{
    struct stored_template one;
    struct span name = http_parameter(r, "name");
    int rc = native_co_find(r, who, name, &one);
    if (rc == 0)
        rc = take_template(r, o, &one);
    if (rc == 0) {
        rc = templates_co_change(api_of(r)->store, who->tenant, SPAN(NATIVE_SPACE), &one);
        rc = rc < 0 ? native_problem_of(r, rc, "name") : 0;
    }
    return rc == 0 ? native_co_answer(r, who, 200, name) : rc;
}

int native_template_co_patch(struct http_request *r)
{
    static const char *const members[] = {"title", "metadata", NULL};
    struct identity who = {0};
    struct json_object *o = NULL;
    int rc = native_co_enter(r, "templates.update", &who);
    if (rc == 0)
        rc = native_co_body(r, NATIVE_TEMPLATE_MAX, members, &o);
    if (rc == 0)
        rc = native_co_change(r, &who, o);
    json_object_put(o);
    return native_end(rc);
}

int native_template_co_delete(struct http_request *r)
{
    struct identity who = {0};
    int rc = native_co_enter(r, "templates.delete", &who);
    if (rc == 0) {
        rc = templates_co_remove(api_of(r)->store, who.tenant, SPAN(NATIVE_SPACE),
                                 http_parameter(r, "name"));
        rc = rc < 0 ? native_problem_of(r, rc, "name") : 0;
    }
    return native_end(rc == 0 ? native_answer_nothing(r) : rc);
}
