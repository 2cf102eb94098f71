/*
 * Messages of our own API: POST messages (the body as in native_read.h), messages/raw (a letter
 * that the client composed), messages/preview (the send without the send).
 */
#include "api/native_read.h"

#include "http/form.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define MEMORY ((size_t)128 * 1024 * 1024)

static void open_send(struct native_send *m, struct http_request *r, const struct identity *who)
{
    *m = (struct native_send){.r = r, .arena = ARENA(MEMORY)};
    m->send = (struct send){.who = who, .source = "api", .key = http_field(r, "Idempotency-Key")};
}

static int answer_sent(struct native_send *m, const struct send_result *result)
{
    char message_id[SEND_MESSAGE_ID];
    bool several = m->send.group_count > 1;
    struct json_object *o = json_object_new_object();
    member_put(o, "id", native_id(result->letter));
    if (m->send.content)
        member_put(o, "message_id",
                   json_object_new_string(
                       send_message_id(result->letter, 0, several, result->domain, message_id)));
    member_put(o, "recipients", json_object_new_int64((int64_t)result->recipients));
    member_put(o, "test", json_object_new_boolean(m->send.dry));
    return json_answer(m->r, m->send.dry ? 200 : 202, o);
}

static __attribute__((noinline)) int native_co_send(struct native_send *m)
{
    struct send_result result;
    int rc = submit_co_send(api_of(m->r)->door, &m->send, &result);
    if (rc == ERR_ABSENT && m->send.batch.len)
        return native_problem(m->r, 400, "batch_id", "does not exist",
                              "POST /api/v1/batches makes one");
    if (rc < 0 && result.problem != SEND_OK)
        return native_refusal(m, &result);
    return rc < 0 ? rc : answer_sent(m, &result);
}

/* --- messages -------------------------------------------------------------------------------- */

int native_messages_co_post(struct http_request *r)
{
    struct identity who = {0};
    struct native_send m;
    struct json_object *o = NULL;
    int rc = native_co_enter(r, "mail.send", &who);
    if (rc != 0)
        return native_end(rc);
    open_send(&m, r, &who);
    m.send.content = &m.content;
    rc = http_co_body(r, NATIVE_BODY_MAX, &m.send.request);
    if (rc == 0)
        rc = json_co_body(r, NATIVE_BODY_MAX, &o);
    if (rc == 0 && !json_object_is_type(o, json_type_object))
        rc = native_problem(r, 400, "body", "is no JSON object", NULL);
    if (rc == 0)
        rc = native_co_read_send(&m, o, false);
    if (rc == 0)
        rc = native_co_send(&m);
    json_object_put(o);
    arena_free(&m.arena);
    return native_end(rc);
}

/* --- raw ------------------------------------------------------------------------------------- */

#define RAW_FIX "Name each recipient: ?to=anna@example.org&to=bob@example.org"

static int take_raw_time(struct native_send *m, struct span value)
{
    if (native_parse_time(value, &m->send.due_ms))
        return 0;
    return native_problem(m->r, 400, "send_at", "is no time",
                          "Give seconds since 1970, or 2026-01-31T12:00:00Z");
}

/* One parameter of the query; *count mailboxes of to are there. */
static int take_raw_parameter(struct native_send *m, const struct form_pair *pair,
                              struct mailbox *to, size_t *count)
{
    struct address_fault fault;
    char field[NATIVE_FIELD_MAX];
    if (span_equal(pair->name, SPAN("send_at")))
        return take_raw_time(m, pair->value);
    if (span_equal(pair->name, SPAN("batch_id"))) {
        m->send.batch = pair->value;
        return 0;
    }
    if (span_equal(pair->name, SPAN("test"))) {
        m->send.dry = span_equal(pair->value, SPAN("true"));
        return m->send.dry || span_equal(pair->value, SPAN("false"))
                   ? 0
                   : native_problem(m->r, 400, "test", "is neither true nor false", NULL);
    }
    if (!span_equal(pair->name, SPAN("to")))
        return native_problem(m->r, 400, "query", "has a parameter that is not known here",
                              "There are to, send_at, batch_id and test");
    snprintf(field, sizeof field, "to[%zu]", *count);
    if (address_parse_given(pair->value, &m->arena, &to[*count], 1, &fault) != 1)
        return native_problem(m->r, 400, field, "is no address", RAW_FIX);
    (*count)++;
    return 0;
}

static int take_raw_query(struct native_send *m)
{
    struct span rest = m->r->head.query;
    struct form_pair pair;
    struct mailbox *to = arena_alloc(&m->arena, FORM_FIELDS_MAX * sizeof *to);
    struct content_group *group = arena_zero(&m->arena, sizeof *group);
    size_t count = 0;
    int rc = to && group ? 0 : -ENOMEM, more = 0;
    while (rc == 0 && (more = form_next_pair(&rest, &m->arena, &pair)) > 0) {
        rc = take_raw_parameter(m, &pair, to, &count);
        if (rc == 0 && count == FORM_FIELDS_MAX)
            rc = native_problem(m->r, 400, "to", "is there too often", "Divide the call");
    }
    if (rc != 0 || more < 0)
        return rc != 0 ? rc : more;
    group->to = (struct compose_list){to, count};
    m->send.groups = group;
    m->send.group_count = 1;
    return 0;
}

/* What makes two calls the same: where they went, the query, the letter. */
static int hash_request(struct native_send *m)
{
    unsigned char hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    const struct span parts[] = {m->r->head.target, SPAN("\n"), m->send.raw};
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (size_t i = 0; i < 3; i++)
        crypto_generichash_update(&state, (const unsigned char *)parts[i].at, parts[i].len);
    crypto_generichash_final(&state, hash, sizeof hash);
    m->send.request = arena_copy(&m->arena, span_make(hash, sizeof hash));
    return m->send.request.at ? 0 : -ENOMEM;
}

int native_raw_co_post(struct http_request *r)
{
    struct identity who = {0};
    struct native_send m;
    int rc = native_co_enter(r, "mail.send", &who);
    if (rc == 0 && !http_has_type(r, "message/rfc822"))
        rc = native_problem(r, 415, "Content-Type", "is not message/rfc822",
                            "Send the letter itself as the body, and say so");
    if (rc != 0)
        return native_end(rc);
    open_send(&m, r, &who);
    rc = take_raw_query(&m);
    if (rc == 0)
        rc = http_co_body(r, NATIVE_BODY_MAX, &m.send.raw);
    if (rc == 0)
        rc = hash_request(&m);
    if (rc == 0)
        rc = native_co_send(&m);
    arena_free(&m.arena);
    return native_end(rc);
}

/* --- preview --------------------------------------------------------------------------------- */

static int answer_rendered(struct native_send *m, const struct send_rendered *rendered)
{
    struct json_object *o = json_object_new_object();
    member_put_text(o, "subject", buffer_span(&rendered->subject));
    member_put_text(o, "text", buffer_span(&rendered->text));
    member_put_text(o, "html", buffer_span(&rendered->html));
    member_put_text(o, "amp", buffer_span(&rendered->amp));
    member_put(o, "missing",
               rendered->missing.len ? member_from_text(buffer_span(&rendered->missing)) : NULL);
    member_put_text(o, "letter", buffer_span(&rendered->letter));
    return json_answer(m->r, 200, o);
}

static __attribute__((noinline)) int native_co_preview(struct native_send *m)
{
    struct send_result result;
    struct send_rendered rendered = {BUFFER(2 * (size_t)SEND_OCTETS_MAX),
                                     BUFFER(SEND_OCTETS_MAX),
                                     BUFFER(SEND_OCTETS_MAX),
                                     BUFFER(SEND_OCTETS_MAX),
                                     BUFFER(SEND_OCTETS_MAX),
                                     BUFFER(SEND_OCTETS_MAX)};
    struct buffer *const all[] = {&rendered.letter, &rendered.subject, &rendered.text,
                                  &rendered.html,   &rendered.amp,     &rendered.missing};
    if (m->recipient < m->send.group_count) {
        m->send.groups += m->recipient;
        m->send.group_count = 1;
    }
    int rc = submit_co_render(api_of(m->r)->door, &m->send, &rendered, &result);
    if (rc < 0 && result.problem != SEND_OK) {
        result.group += m->recipient;
        rc = native_refusal(m, &result);
    } else if (rc == 0) {
        rc = answer_rendered(m, &rendered);
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buffer_free(all[i]);
    return rc;
}

int native_preview_co_post(struct http_request *r)
{
    struct identity who = {0};
    struct native_send m;
    struct json_object *o = NULL;
    int rc = native_co_enter(r, "mail.send", &who);
    if (rc != 0)
        return native_end(rc);
    open_send(&m, r, &who);
    m.send.content = &m.content;
    rc = json_co_body(r, NATIVE_BODY_MAX, &o);
    if (rc == 0 && !json_object_is_type(o, json_type_object))
        rc = native_problem(r, 400, "body", "is no JSON object", NULL);
    if (rc == 0)
        rc = native_co_read_send(&m, o, true);
    if (rc == 0)
        rc = native_co_preview(&m);
    json_object_put(o);
    arena_free(&m.arena);
    return native_end(rc);
}

/* --- preview of a template ------------------------------------------------------------------- */

static int take_version_data(struct native_send *m, struct json_object *o,
                             const struct stored_version *version, struct json_object **ret_data)
{
    struct json_object *given = NULL;
    if (member_object(o, "data", &given) < 0)
        return native_problem(m->r, 400, "data", "is no object", "Give {\"name\": value}");
    *ret_data = given ? json_object_get(given) : native_kept(version->test_data);
    return 0;
}

/* Without from and to: postmaster of the first domain writes to itself. */
static int native_co_take_people(struct native_send *m, struct json_object *o,
                                 struct content_group *group)
{
    struct directory_row *rows;
    size_t count = 0;
    struct compose_letter *letter = &m->content.letter;
    struct mailbox *own = arena_zero(&m->arena, sizeof *own);
    int rc = own ? native_take_mailboxes(m, o, "from", "", &letter->from) : -ENOMEM;
    if (rc == 0)
        rc = native_take_mailboxes(m, o, "to", "", &group->to);
    if (rc == 0)
        rc = directory_co_page(api_of(m->r)->directory, m->send.who->tenant, DIRECTORY_DOMAINS,
                               SPAN(""), 1, &m->arena, &rows, &count);
    if (rc != 0)
        return rc;
    *own = (struct mailbox){.local = SPAN("postmaster"),
                            .domain = count ? rows[0].name : span_of(api_of(m->r)->hostname)};
    if (letter->from.count == 0)
        letter->from = (struct compose_list){own, 1};
    if (group->to.count == 0)
        group->to = (struct compose_list){own, 1};
    return 0;
}

static int native_co_read_preview(struct native_send *m, struct json_object *o,
                                  struct content_group *group)
{
    static const char *const members[] = {"version", "data", "strict", "from", "to", NULL};
    struct stored_version version;
    struct span tag = SPAN("");
    int rc = native_check_members(m->r, o, members, "");
    if (rc == 0)
        rc = native_text(m->r, o, "version", &tag);
    if (rc == 0)
        rc = native_bool(m->r, o, "strict", &m->content.strict);
    if (rc == 0)
        rc = native_co_take_version(m, 404, http_parameter(m->r, "name"), tag, &version);
    if (rc == 0)
        rc = native_co_take_people(m, o, group);
    return rc == 0 ? take_version_data(m, o, &version, &group->data) : rc;
}

int native_template_preview_co_post(struct http_request *r)
{
    struct identity who = {0};
    struct native_send m;
    struct content_group group = {.data = NULL};
    struct json_object *o = NULL;
    int rc = native_co_enter(r, "templates.read", &who);
    if (rc != 0)
        return native_end(rc);
    open_send(&m, r, &who);
    m.send.content = &m.content;
    m.send.groups = &group;
    m.send.group_count = 1;
    rc = json_co_body(r, NATIVE_TEMPLATE_MAX, &o);
    if (rc == 0 && !json_object_is_type(o, json_type_object))
        rc = native_problem(r, 400, "body", "is no JSON object", NULL);
    if (rc == 0)
        rc = native_co_read_preview(&m, o, &group);
    if (rc == 0)
        rc = native_co_preview(&m);
    json_object_put(group.data);
    json_object_put(o);
    arena_free(&m.arena);
    return native_end(rc);
}
