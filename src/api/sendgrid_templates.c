/*
 * SendGrid's templates: made, listed page by page, renamed, copied, removed. A template's id says
 * its generation ("d-" and 32 digits: dynamic; a UUID: legacy); legacy ones are listed first.
 */
#include "api/sendgrid_template.h"

#include "base/random.h"
#include "http/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PAGE_MAX 200
#define ALL_MAX  1000 /* in a list without pages */

/* --- what calls share ------------------------------------------------------------------------ */

int shelf_co_open(struct shelf *c, struct http_request *r, const char *scope, bool has_body)
{
    *c = (struct shelf){.r = r, .arena = ARENA(SENDGRID_TEMPLATE_MEMORY)};
    int rc = sendgrid_co_enter(r, scope, &c->who);
    c->id = http_parameter(r, "template");
    c->space = sendgrid_space(c->id);
    return rc < 0 || !has_body ? rc : sendgrid_co_body(r, SENDGRID_SMALL_MAX, &c->body);
}

void shelf_close(struct shelf *c)
{
    json_object_put(c->body);
    arena_free(&c->arena);
}

int shelf_answer_code(struct shelf *c, int rc)
{
    if (rc == ERR_ABSENT)
        return http_fail(c->r, 404, "Not Found");
    if (rc == -E2BIG)
        return http_fail(c->r, 400, "a text is too long, or there are too many versions");
    return rc == ERR_SYNTAX ? http_fail(c->r, 400, "an id or a text is not valid") : rc;
}

int shelf_take_name(struct shelf *c, struct span *ret_name)
{
    if (member_text(c->body, "name", ret_name) <= 0 || ret_name->len == 0)
        return http_fail(c->r, 400, "name is required and must be a string");
    if (ret_name->len > (size_t)4 * SENDGRID_NAME_MAX)
        return http_fail(c->r, 400, "name has more than %d characters", SENDGRID_NAME_MAX);
    size_t characters = 0;
    for (size_t i = 0; i < ret_name->len; i++)
        characters += (ret_name->at[i] & 0xc0) != 0x80;
    if (characters > SENDGRID_NAME_MAX)
        return http_fail(c->r, 400, "name has more than %d characters", SENDGRID_NAME_MAX);
    return 0;
}

static void new_id(bool dynamic, char ret_id[SENDGRID_ID])
{
    if (!dynamic) {
        sendgrid_new_uuid(ret_id);
        return;
    }
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    snprintf(ret_id, SENDGRID_ID, "d-");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(ret_id + 2 + 2 * i, 3, "%02x", bytes[i]);
}

static struct json_object *template_json(const struct stored_template *one)
{
    char updated[SENDGRID_UPDATED];
    struct json_object *o = json_object_new_object();
    bool dynamic = span_starts(one->name, SPAN("d-"));
    member_put_text(o, "id", one->name);
    member_put_text(o, "name", one->title);
    member_put(o, "generation", json_object_new_string(dynamic ? "dynamic" : "legacy"));
    member_put(o, "updated_at", json_object_new_string(sendgrid_updated(one->updated_ms, updated)));
    return o;
}

/* --- versions within templates --------------------------------------------------------------- */

/* A version's bodies, while there is room for them in the answer. */
static int co_add_version(struct shelf *c, struct span id, const struct stored_version *listed,
                          bool bodies, size_t *shown, struct json_object *list)
{
    struct json_object *o = sendgrid_version_json(id, listed);
    struct stored_version whole;
    int rc = 0;
    json_object_array_add(list, o);
    if (!bodies || *shown > SENDGRID_SHOWN_MAX)
        return 0;
    rc = templates_co_version_find(api_of(c->r)->store, c->who.tenant, sendgrid_space(id), id,
                                   listed->tag, &c->arena, &whole);
    if (rc == 0)
        *shown += whole.html.len + whole.text.len;
    if (rc == 0)
        rc = sendgrid_co_add_bodies(c, o, &whole);
    return rc == ERR_ABSENT ? 0 : rc; /* gone meanwhile */
}

static int co_add_versions(struct shelf *c, struct json_object *o, struct span id, bool bodies)
{
    struct stored_version *list;
    size_t count, shown = 0;
    struct json_object *all = json_object_new_array();
    member_put(o, "versions", all);
    int rc = templates_co_version_list(api_of(c->r)->store, c->who.tenant, sendgrid_space(id), id,
                                       &c->arena, &list, &count);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = co_add_version(c, id, &list[i], bodies, &shown, all);
    return rc == ERR_ABSENT ? 0 : rc;
}

/* Answers with the template as it stands. */
static int co_answer(struct shelf *c, int status, struct span id)
{
    struct stored_template one;
    int rc = templates_co_find(api_of(c->r)->store, c->who.tenant, sendgrid_space(id), id,
                               &c->arena, &one);
    if (rc < 0)
        return shelf_answer_code(c, rc);
    struct json_object *o = template_json(&one);
    rc = co_add_versions(c, o, id, true);
    if (rc == 0)
        return json_answer(c->r, status, o);
    json_object_put(o);
    return rc;
}

/* --- making, changing ------------------------------------------------------------------------ */

static int take_generation(struct shelf *c, bool *ret_dynamic)
{
    struct span text = SPAN("legacy");
    int rc = member_text(c->body, "generation", &text);
    *ret_dynamic = span_equal(text, SPAN("dynamic"));
    if (rc < 0 || (!*ret_dynamic && !span_equal(text, SPAN("legacy"))))
        return http_fail(c->r, 400, "generation must be legacy or dynamic");
    return 0;
}

static int co_make(struct shelf *c)
{
    char id[SENDGRID_ID];
    bool dynamic = false;
    struct stored_template one = {.meta = SPAN("")};
    int rc = shelf_take_name(c, &one.title);
    if (rc == 0)
        rc = take_generation(c, &dynamic);
    if (rc < 0)
        return rc;
    new_id(dynamic, id);
    one.name = span_of(id);
    rc = templates_co_add(api_of(c->r)->store, c->who.tenant, sendgrid_space(one.name), &one);
    return rc < 0 ? shelf_answer_code(c, rc) : co_answer(c, 201, one.name);
}

int sendgrid_templates_co_post(struct http_request *r)
{
    struct shelf c;
    int rc = shelf_co_open(&c, r, "templates.create", true);
    if (rc == 0)
        rc = co_make(&c);
    shelf_close(&c);
    return rc;
}

int sendgrid_template_co_get(struct http_request *r)
{
    struct shelf c;
    int rc = shelf_co_open(&c, r, "templates.read", false);
    if (rc == 0)
        rc = co_answer(&c, 200, c.id);
    shelf_close(&c);
    return rc;
}

int sendgrid_template_co_patch(struct http_request *r)
{
    struct shelf c;
    struct stored_template one = {.meta = SPAN("")};
    int rc = shelf_co_open(&c, r, "templates.update", true);
    if (rc == 0)
        rc = shelf_take_name(&c, &one.title);
    one.name = c.id;
    if (rc == 0) {
        rc = templates_co_change(api_of(r)->store, c.who.tenant, c.space, &one);
        rc = rc < 0 ? shelf_answer_code(&c, rc) : co_answer(&c, 200, c.id);
    }
    shelf_close(&c);
    return rc;
}

int sendgrid_template_co_delete(struct http_request *r)
{
    struct shelf c;
    int rc = shelf_co_open(&c, r, "templates.delete", false);
    if (rc == 0) {
        rc = templates_co_remove(api_of(r)->store, c.who.tenant, c.space, c.id);
        rc = rc < 0 ? shelf_answer_code(&c, rc) : sendgrid_done(r, 204);
    }
    shelf_close(&c);
    return rc;
}

/* --- copying --------------------------------------------------------------------------------- */

static int co_copy_versions(struct shelf *c, struct span to)
{
    struct store *store = api_of(c->r)->store;
    struct stored_version *list;
    size_t count;
    int rc =
        templates_co_version_list(store, c->who.tenant, c->space, c->id, &c->arena, &list, &count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        char id[SENDGRID_ID];
        struct stored_version whole;
        AUTO_ARENA arena = ARENA(SENDGRID_TEMPLATE_MEMORY);
        rc = templates_co_version_find(store, c->who.tenant, c->space, c->id, list[i].tag, &arena,
                                       &whole);
        if (rc == ERR_ABSENT) { /* gone meanwhile */
            rc = 0;
            continue;
        }
        sendgrid_new_uuid(id);
        whole.tag = span_of(id);
        if (rc == 0)
            rc = templates_co_version_add(store, c->who.tenant, c->space, to, &whole);
    }
    return rc;
}

static int co_duplicate(struct shelf *c)
{
    struct store *store = api_of(c->r)->store;
    char id[SENDGRID_ID];
    struct stored_template one;
    int rc = templates_co_find(store, c->who.tenant, c->space, c->id, &c->arena, &one);
    if (rc < 0)
        return shelf_answer_code(c, rc);
    if (json_object_object_get(c->body, "name"))
        rc = shelf_take_name(c, &one.title);
    if (rc < 0)
        return rc;
    new_id(span_equal(c->space, SENDGRID_DYNAMIC), id);
    one.name = span_of(id);
    rc = templates_co_add(store, c->who.tenant, c->space, &one);
    if (rc == 0)
        rc = co_copy_versions(c, one.name);
    if (rc == 0)
        return co_answer(c, 201, one.name);
    int removed = templates_co_remove(store, c->who.tenant, c->space, one.name);
    (void)removed; /* if that fails, too, half a copy is there, which can be removed */
    return shelf_answer_code(c, rc);
}

int sendgrid_template_co_duplicate(struct http_request *r)
{
    struct shelf c;
    int rc = shelf_co_open(&c, r, "templates.create", r->head.length > 0);
    if (rc == 0 && !c.body)
        rc = (c.body = json_object_new_object()) ? 0 : -ENOMEM;
    if (rc == 0)
        rc = co_duplicate(&c);
    shelf_close(&c);
    return rc;
}

/* --- the list -------------------------------------------------------------------------------- */

struct page {
    bool legacy, dynamic; /* which generations */
    unsigned size;
    struct span token; /* behind the template of this id; empty: from the first */
    bool more;
    struct json_object *list;
    struct span last; /* shown */
};

/* Of one generation: until the page is full and one more has been seen. */
static int co_add_templates(struct shelf *c, struct page *page, struct span space,
                            struct span after)
{
    size_t count = 1;
    int rc = 0;
    while (rc == 0 && count && !page->more) {
        struct stored_template *list;
        rc = templates_co_list(api_of(c->r)->store, c->who.tenant, space, after, false,
                               PAGE_MAX + 1, &c->arena, &list, &count);
        for (size_t i = 0; rc == 0 && i < count && !page->more; i++) {
            page->more = json_object_array_length(page->list) == page->size;
            if (page->more)
                break;
            struct json_object *o = template_json(&list[i]);
            json_object_array_add(page->list, o);
            rc = co_add_versions(c, o, list[i].name, false);
            page->last = after = list[i].name;
        }
    }
    return rc;
}

static int co_fill_page(struct shelf *c, struct page *page)
{
    bool in_dynamic = page->token.len && span_equal(sendgrid_space(page->token), SENDGRID_DYNAMIC);
    int rc = 0;
    if (page->legacy && !in_dynamic)
        rc = co_add_templates(c, page, SENDGRID_LEGACY, page->token);
    if (rc == 0 && page->dynamic && !page->more)
        rc = co_add_templates(c, page, SENDGRID_DYNAMIC, in_dynamic ? page->token : SPAN(""));
    return rc;
}

static int take_page(struct shelf *c, struct page *page, bool *ret_paged)
{
    struct span generations = SPAN(""), size = SPAN("");
    uint64_t number = ALL_MAX;
    int rc = http_query(c->r, "generations", &generations);
    if (rc == 0)
        rc = http_query(c->r, "page_size", &size);
    if (rc == 0)
        rc = http_query(c->r, "page_token", &page->token);
    if (rc < 0)
        return rc;
    *ret_paged = size.len > 0;
    if (size.len && (!span_to_uint(size, PAGE_MAX, &number) || number == 0))
        return http_fail(c->r, 400, "page_size must be a number from 1 to 200");
    page->size = (unsigned)number;
    struct span word;
    page->legacy = generations.len == 0;
    while (span_cut(&generations, ',', &word)) {
        page->legacy = page->legacy || span_equal(word, SPAN("legacy"));
        page->dynamic = page->dynamic || span_equal(word, SPAN("dynamic"));
        if (!span_equal(word, SPAN("legacy")) && !span_equal(word, SPAN("dynamic")))
            return http_fail(c->r, 400, "generations must be legacy, dynamic or legacy,dynamic");
    }
    return page->token.len > SENDGRID_ID ? http_fail(c->r, 400, "page_token is not valid") : 0;
}

static void put_url(struct shelf *c, const struct page *page, const char *name, struct span token,
                    struct json_object *meta)
{
    AUTO_BUFFER url = BUFFER(4096);
    struct span host = http_field(c->r, "Host");
    int rc = buffer_printf(&url, "%s://%.*s/v3/templates?page_size=%u&generations=%s%s%s",
                           http_is_tls(c->r) ? "https" : "http", SPAN_PRINT(host), page->size,
                           page->legacy ? "legacy" : "", page->legacy && page->dynamic ? "," : "",
                           page->dynamic ? "dynamic" : "");
    if (rc == 0 && token.len)
        rc = buffer_printf(&url, "&page_token=%.*s", SPAN_PRINT(token));
    if (rc == 0)
        member_put_text(meta, name, buffer_span(&url));
}

static int co_put_metadata(struct shelf *c, const struct page *page, struct json_object *o)
{
    struct store *store = api_of(c->r)->store;
    struct json_object *meta = json_object_new_object();
    size_t legacy = 0, dynamic = 0;
    member_put(o, "_metadata", meta);
    int rc = page->legacy ? templates_co_count(store, c->who.tenant, SENDGRID_LEGACY, &legacy) : 0;
    if (rc == 0 && page->dynamic)
        rc = templates_co_count(store, c->who.tenant, SENDGRID_DYNAMIC, &dynamic);
    put_url(c, page, "self", page->token, meta);
    if (page->more)
        put_url(c, page, "next", page->last, meta);
    member_put(meta, "count", json_object_new_int64((int64_t)(legacy + dynamic)));
    return rc;
}

static int co_answer_page(struct shelf *c, struct page *page, bool paged)
{
    struct json_object *o = json_object_new_object();
    page->list = json_object_new_array();
    member_put(o, paged ? "result" : "templates", page->list);
    int rc = co_fill_page(c, page);
    if (rc == 0 && paged)
        rc = co_put_metadata(c, page, o);
    if (rc == 0)
        return json_answer(c->r, 200, o);
    json_object_put(o);
    return shelf_answer_code(c, rc);
}

/* With page_size in pages; without, as older clients ask, all at once. */
int sendgrid_templates_co_list(struct http_request *r)
{
    struct shelf c;
    struct page page = {0};
    bool paged;
    int rc = shelf_co_open(&c, r, "templates.read", false);
    if (rc == 0)
        rc = take_page(&c, &page, &paged);
    if (rc == 0)
        rc = co_answer_page(&c, &page, paged);
    shelf_close(&c);
    return rc;
}
