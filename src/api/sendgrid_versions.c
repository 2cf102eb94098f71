/*
 * Versions of SendGrid's templates. The first is active; another becomes so when it says so, or by
 * its activate call. What is wrong with the Handlebars of a dynamic one is told as a warning: it
 * can be kept, and a send that uses it fails with the same words.
 */
#include "api/sendgrid_template.h"

#include "base/random.h"
#include "http/json.h"
#include "mail/html_text.h"
#include "run/co.h"
#include "run/lane.h"
#include "template/template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX ((size_t)256 * 1024)

/* --- JSON ------------------------------------------------------------------------------------ */

/* A random UUID (RFC 9562 5.4). */
void sendgrid_new_uuid(char ret_id[SENDGRID_ID])
{
    unsigned char b[16];
    random_bytes(b, sizeof b);
    b[6] = (unsigned char)(0x40 | (b[6] & 0x0f));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    snprintf(ret_id, SENDGRID_ID,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

const char *sendgrid_updated(int64_t wall_ms, char ret_text[SENDGRID_UPDATED])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(ret_text, SENDGRID_UPDATED, "%Y-%m-%d %H:%M:%S", &tm);
    return ret_text;
}

/* Our own JSON: {"generate_plain_content": true, "editor": "code"}. */
struct version_meta {
    bool generate;
    char editor[8];
};

static struct version_meta read_meta(struct span text)
{
    struct version_meta meta = {.generate = true, .editor = "code"};
    struct json_object *o = NULL;
    struct json_error error;
    struct span editor;
    if (text.len == 0 || json_read(text, &o, &error) < 0)
        return meta;
    if (member_bool(o, "generate_plain_content", &meta.generate) < 0)
        meta.generate = true;
    if (member_text(o, "editor", &editor) > 0 && span_equal(editor, SPAN("design")))
        strcpy(meta.editor, "design");
    json_object_put(o);
    return meta;
}

struct json_object *sendgrid_version_json(struct span template_id,
                                          const struct stored_version *version)
{
    char updated[SENDGRID_UPDATED];
    struct version_meta meta = read_meta(version->meta);
    struct json_object *o = json_object_new_object();
    member_put_text(o, "id", version->tag);
    member_put_text(o, "template_id", template_id);
    member_put(o, "active", json_object_new_int(version->active));
    member_put_text(o, "name", version->title);
    member_put_text(o, "subject", version->subject);
    member_put(o, "generate_plain_content", json_object_new_boolean(meta.generate));
    member_put(o, "editor", json_object_new_string(meta.editor));
    member_put(o, "updated_at",
               json_object_new_string(sendgrid_updated(version->updated_ms, updated)));
    if (version->test_data.len)
        member_put_text(o, "test_data", version->test_data);
    return o;
}

struct making_text {
    struct span html;
    struct buffer *out;
};

static int make_text(void *arg)
{
    struct making_text *making = arg;
    return html_text(making->html, making->out);
}

int sendgrid_co_add_bodies(struct shelf *c, struct json_object *o,
                           const struct stored_version *version)
{
    AUTO_BUFFER made = BUFFER(TEXT_MAX);
    struct making_text making = {version->html, &made};
    struct span text = version->text;
    int rc = 0;
    if (text.len == 0 && read_meta(version->meta).generate && version->html.len) {
        rc = lane_co_run(api_of(c->r)->door->signing, make_text, &making, CO_FOREVER);
        text = buffer_span(&made);
    }
    member_put_text(o, "html_content", version->html);
    member_put_text(o, "plain_content", text);
    return rc;
}

/* --- what is wrong with its templates -------------------------------------------------------- */

struct checking {
    struct span source;
    struct template_options options;
    struct template_error error;
};

static int compile(void *arg)
{
    struct checking *checking = arg;
    struct template *template;
    int rc = template_compile(checking->source, &checking->options, &template, &checking->error);
    if (rc == 0)
        template_free(template);
    return rc;
}

static int co_warn(struct shelf *c, const char *what, struct span source, bool plain,
                   struct json_object *list)
{
    struct checking checking = {source, {.helpers = TEMPLATE_SENDGRID, .plain = plain}, {0}};
    char words[400];
    int rc =
        source.len ? lane_co_run(api_of(c->r)->door->signing, compile, &checking, CO_FOREVER) : 0;
    if (rc != ERR_SYNTAX && rc != -EINVAL && rc != ERR_FULL)
        return rc;
    struct json_object *warning = json_object_new_object();
    snprintf(words, sizeof words, "%s: %s", what, checking.error.text);
    member_put(warning, "message", json_object_new_string(words));
    json_object_array_add(list, warning);
    return 0;
}

static int co_add_warnings(struct shelf *c, struct json_object *o,
                           const struct stored_version *version)
{
    struct json_object *list = json_object_new_array();
    int rc = 0;
    if (span_equal(c->space, SENDGRID_DYNAMIC)) {
        rc = co_warn(c, "subject", version->subject, true, list);
        if (rc == 0)
            rc = co_warn(c, "html_content", version->html, false, list);
        if (rc == 0)
            rc = co_warn(c, "plain_content", version->text, true, list);
    }
    if (json_object_array_length(list))
        member_put(o, "warnings", list);
    else
        json_object_put(list);
    return rc;
}

/* Answers with the version as it stands. */
static int co_answer(struct shelf *c, int status, struct span tag, bool warn)
{
    struct stored_version version;
    int rc = templates_co_version_find(api_of(c->r)->store, c->who.tenant, c->space, c->id, tag,
                                       &c->arena, &version);
    if (rc < 0)
        return shelf_answer_code(c, rc);
    struct json_object *o = sendgrid_version_json(c->id, &version);
    rc = sendgrid_co_add_bodies(c, o, &version);
    if (rc == 0 && warn)
        rc = co_add_warnings(c, o, &version);
    if (rc == 0)
        return json_answer(c->r, status, o);
    json_object_put(o);
    return rc;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Absent: stays. */
static int take_text(struct shelf *c, const char *name, size_t max, struct span *text)
{
    struct span given;
    int rc = member_text(c->body, name, &given);
    if (rc < 0)
        return http_fail(c->r, 400, "%s must be a string", name);
    if (rc > 0 && given.len > max)
        return http_fail(c->r, 400, "%s has more than %zu bytes", name, max);
    if (rc > 0)
        *text = given;
    return 0;
}

static int take_active(struct shelf *c, bool *active)
{
    int64_t number = *active;
    int rc = member_int(c->body, "active", &number);
    if (rc < 0 || (number != 0 && number != 1))
        return http_fail(c->r, 400, "active must be 0 or 1");
    *active = number == 1;
    return 0;
}

static int check_test_data(struct shelf *c, struct span text)
{
    struct json_object *o = NULL;
    struct json_error error;
    if (text.len == 0)
        return 0;
    int rc = json_read(text, &o, &error);
    json_object_put(o);
    if (rc == ERR_SYNTAX || rc == -E2BIG)
        return http_fail(c->r, 400, "test_data is no JSON: %s", error.what);
    return rc;
}

/* Unless it is said, text is made of HTML where no text is given. */
static int take_meta(struct shelf *c, struct stored_version *version)
{
    struct version_meta meta = read_meta(version->meta);
    struct span editor = span_of(meta.editor);
    AUTO_BUFFER text = BUFFER(200);
    bool given = json_object_object_get(c->body, "plain_content") && version->text.len;
    if (given)
        meta.generate = false;
    if (member_bool(c->body, "generate_plain_content", &meta.generate) < 0)
        return http_fail(c->r, 400, "generate_plain_content must be true or false");
    if (member_text(c->body, "editor", &editor) < 0 ||
        (!span_equal(editor, SPAN("code")) && !span_equal(editor, SPAN("design"))))
        return http_fail(c->r, 400, "editor must be code or design");
    if (meta.generate && version->html.len)
        version->text = SPAN("");
    int rc = buffer_printf(&text, "{\"generate_plain_content\":%s,\"editor\":\"%.*s\"}",
                           meta.generate ? "true" : "false", SPAN_PRINT(editor));
    if (rc == 0)
        version->meta = arena_copy(&c->arena, buffer_span(&text));
    return rc < 0 ? rc : version->meta.at ? 0 : -ENOMEM;
}

static int take_version(struct shelf *c, struct stored_version *version)
{
    int rc = 0;
    if (json_object_object_get(c->body, "name") || version->title.len == 0)
        rc = shelf_take_name(c, &version->title);
    if (rc == 0)
        rc = take_text(c, "subject", (size_t)4 * SENDGRID_SUBJECT_MAX, &version->subject);
    if (rc == 0)
        rc = take_text(c, "html_content", TEMPLATES_BODY_MAX, &version->html);
    if (rc == 0)
        rc = take_text(c, "plain_content", TEMPLATES_BODY_MAX, &version->text);
    if (rc == 0)
        rc = take_text(c, "test_data", TEMPLATES_META_MAX, &version->test_data);
    if (rc == 0)
        rc = check_test_data(c, version->test_data);
    if (rc == 0)
        rc = take_active(c, &version->active);
    return rc < 0 ? rc : take_meta(c, version);
}

/* --- calls ----------------------------------------------------------------------------------- */

static int co_is_first(struct shelf *c, bool *ret_first)
{
    struct stored_version *list;
    size_t count = 0;
    int rc = templates_co_version_list(api_of(c->r)->store, c->who.tenant, c->space, c->id,
                                       &c->arena, &list, &count);
    *ret_first = count == 0;
    return rc < 0 ? shelf_answer_code(c, rc) : 0;
}

static int co_make(struct shelf *c)
{
    char id[SENDGRID_ID];
    bool first = false;
    struct stored_version version = {.subject = SPAN("")};
    if (!json_object_object_get(c->body, "subject"))
        return http_fail(c->r, 400, "subject is required and must be a string");
    int rc = take_version(c, &version);
    if (rc == 0)
        rc = co_is_first(c, &first);
    if (rc < 0)
        return rc;
    sendgrid_new_uuid(id);
    version.tag = span_of(id);
    version.active = version.active || first;
    rc = templates_co_version_add(api_of(c->r)->store, c->who.tenant, c->space, c->id, &version);
    return rc < 0 ? shelf_answer_code(c, rc) : co_answer(c, 201, version.tag, true);
}

int sendgrid_versions_co_post(struct http_request *r)
{
    struct shelf c;
    int rc = shelf_co_open(&c, r, "templates.versions.create", true);
    if (rc == 0)
        rc = co_make(&c);
    shelf_close(&c);
    return rc;
}

int sendgrid_version_co_get(struct http_request *r)
{
    struct shelf c;
    int rc = shelf_co_open(&c, r, "templates.versions.read", false);
    if (rc == 0)
        rc = co_answer(&c, 200, http_parameter(r, "version"), false);
    shelf_close(&c);
    return rc;
}

static int co_find(struct shelf *c, struct stored_version *ret_version)
{
    int rc = templates_co_version_find(api_of(c->r)->store, c->who.tenant, c->space, c->id,
                                       http_parameter(c->r, "version"), &c->arena, ret_version);
    return rc < 0 ? shelf_answer_code(c, rc) : 0;
}

static int co_change(struct shelf *c, const struct stored_version *version, bool warn)
{
    int rc =
        templates_co_version_change(api_of(c->r)->store, c->who.tenant, c->space, c->id, version);
    return rc < 0 ? shelf_answer_code(c, rc) : co_answer(c, 200, version->tag, warn);
}

int sendgrid_version_co_patch(struct http_request *r)
{
    struct shelf c;
    struct stored_version version;
    int rc = shelf_co_open(&c, r, "templates.versions.update", true);
    if (rc == 0)
        rc = co_find(&c, &version);
    if (rc == 0)
        rc = take_version(&c, &version);
    if (rc == 0)
        rc = co_change(&c, &version, true);
    shelf_close(&c);
    return rc;
}

int sendgrid_version_co_activate(struct http_request *r)
{
    struct shelf c;
    struct stored_version version;
    int rc = shelf_co_open(&c, r, "templates.versions.activate.create", false);
    if (rc == 0)
        rc = co_find(&c, &version);
    version.active = true;
    if (rc == 0)
        rc = co_change(&c, &version, false);
    shelf_close(&c);
    return rc;
}

int sendgrid_version_co_delete(struct http_request *r)
{
    struct shelf c;
    int rc = shelf_co_open(&c, r, "templates.versions.delete", false);
    if (rc == 0) {
        rc = templates_co_version_remove(api_of(r)->store, c.who.tenant, c.space, c.id,
                                         http_parameter(r, "version"));
        rc = rc < 0 ? shelf_answer_code(&c, rc) : sendgrid_done(r, 204);
    }
    shelf_close(&c);
    return rc;
}
