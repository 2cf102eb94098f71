/*
 * POST /v3/mail/send: read, checked with SendGrid's own words, sent by the door. 202 with
 * X-Message-Id once it is durable (P1); 200 in sandbox mode, where nothing is sent.
 */
#include "api/sendgrid_mail.h"

#include "base/clock.h"
#include "submit/batch.h"
#include "template/template.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define MEMORY    ((size_t)160 * 1024 * 1024)
#define WORDS_MAX 1000

/* --- what all readers use -------------------------------------------------------------------- */

int sendgrid_wrong(struct sendgrid_mail *m, const char *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(m->field, sizeof m->field, format, args);
    va_end(args);
    m->why = why;
    return ERR_SYNTAX;
}

const char *sendgrid_words(struct sendgrid_mail *m, const char *format, ...)
{
    char *words = arena_alloc(&m->arena, WORDS_MAX);
    va_list args;
    if (!words)
        return "It is not valid.";
    va_start(args, format);
    vsnprintf(words, WORDS_MAX, format, args);
    va_end(args);
    return words;
}

bool sendgrid_is_line(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 32 && text.at[i] != '\t')
            return false;
    return true;
}

/* --- reading --------------------------------------------------------------------------------- */

static int take_template(struct sendgrid_mail *m, struct json_object *o)
{
    if (member_text(o, "template_id", &m->template_id) < 0)
        return sendgrid_wrong(m, "The template ID must be a string.", "template_id");
    if (span_equal(sendgrid_space(m->template_id), SENDGRID_DYNAMIC))
        m->content.syntax = CONTENT_HANDLEBARS;
    m->content.helpers = TEMPLATE_SENDGRID;
    return 0;
}

int sendgrid_co_check_batch(struct sendgrid_mail *m)
{
    struct batch batch;
    if (m->send.batch.len == 0)
        return 0;
    int rc = batch_co_find(m->api->store, m->send.who->tenant, m->send.batch, &m->arena, &batch);
    return rc == ERR_ABSENT ? sendgrid_wrong(m, SENDGRID_INVALID_BATCH, "batch_id") : rc;
}

static int co_take_batch(struct sendgrid_mail *m, struct json_object *o)
{
    int rc = member_text(o, "batch_id", &m->send.batch);
    if (rc < 0)
        return sendgrid_wrong(m, "The batch_id must be a string.", "batch_id");
    return rc == 0 ? 0 : sendgrid_co_check_batch(m);
}

static int co_read_call(struct sendgrid_mail *m, struct json_object *o)
{
    int rc = take_template(m, o);
    if (rc == 0)
        rc = sendgrid_take_from(m, o);
    if (rc == 0)
        rc = sendgrid_take_reply_to(m, o);
    if (rc == 0)
        rc = sendgrid_take_content(m, o);
    if (rc == 0)
        rc = sendgrid_take_settings(m, o);
    if (rc == 0)
        rc = sendgrid_take_groups(m, o);
    if (rc == 0)
        rc = sendgrid_take_time(m, o, "", &m->send.due_ms);
    if (rc == 0)
        rc = co_take_batch(m, o);
    if (rc == 0)
        rc = sendgrid_co_apply(m);
    if (rc == 0)
        m->send.meta = member_print(m->meta, &m->arena);
    return rc < 0 ? rc : m->send.meta.at ? 0 : -ENOMEM;
}

/* --- the answer ------------------------------------------------------------------------------ */

static const char *field_of(const struct sendgrid_mail *m, const struct compose_fault *fault,
                            char path[SENDGRID_FIELD_MAX])
{
    const struct compose_letter *letter = &m->content.letter;
    static const char *const fields[] = {[COMPOSE_FROM] = "from",
                                         [COMPOSE_SENDER] = "headers.Sender",
                                         [COMPOSE_REPLY_TO] = "reply_to",
                                         [COMPOSE_TO] = "personalizations",
                                         [COMPOSE_CC] = "personalizations",
                                         [COMPOSE_SUBJECT] = "subject",
                                         [COMPOSE_MESSAGE_ID] = "headers.Message-ID",
                                         [COMPOSE_HEADERS] = "headers",
                                         [COMPOSE_TEXT] = "content",
                                         [COMPOSE_AMP] = "content",
                                         [COMPOSE_HTML] = "content",
                                         [COMPOSE_BODIES] = "content",
                                         [COMPOSE_ATTACHMENTS] = "attachments"};
    snprintf(path, SENDGRID_FIELD_MAX, "%s", fields[fault->field]);
    if (fault->field == COMPOSE_ATTACHMENTS)
        snprintf(path, SENDGRID_FIELD_MAX, "attachments.%zu", fault->index);
    if (fault->field == COMPOSE_BODIES)
        snprintf(path, SENDGRID_FIELD_MAX, "content.%zu.type",
                 fault->index + (letter->text.len > 0) + (letter->html.len > 0));
    return path;
}

static int answer_problem(struct http_request *r, const struct sendgrid_mail *m,
                          const struct send_result *result)
{
    char path[SENDGRID_FIELD_MAX];
    switch (result->problem) {
    case SEND_TOO_LARGE:
        return sendgrid_refuse(r, 413);
    case SEND_NOT_ALLOWED:
        return sendgrid_refuse(r, 403);
    case SEND_OVER_QUOTA:
        return sendgrid_refuse(r, 429);
    case SEND_FOREIGN_FROM:
        return sendgrid_fail(r, 403, "from",
                             "The from address does not match a verified Sender Identity. Mail"
                             " cannot be sent until this error is resolved. %s",
                             result->text);
    case SEND_KEY_REUSED:
        return sendgrid_fail(r, 422, "Idempotency-Key", "%s", result->text);
    case SEND_BAD_ADDRESS:
        snprintf(path, sizeof path, "personalizations.%zu.%s.%zu.email", result->group,
                 result->list, result->index);
        return sendgrid_fail(r, 400, path, "Does not contain a valid address.");
    case SEND_BAD_TEMPLATE:
        return sendgrid_fail(r, 400, m->template_id.len ? "template_id" : "content", "%s",
                             result->text);
    case SEND_BAD_CONTENT:
        return sendgrid_fail(r, 400, field_of(m, &result->fault, path), "%s", result->text);
    default:
        return sendgrid_fail(r, 400, "personalizations", "%s", result->text);
    }
}

static int answer_sent(struct http_request *r, const struct sendgrid_mail *m,
                       const struct send_result *result)
{
    char id[ID_TEXT];
    if (m->send.dry)
        return sendgrid_done(r, 200);
    int rc = http_add_field(r, "X-Message-Id", span_of(id_text(result->letter, id)));
    return rc < 0 ? rc : sendgrid_done(r, 202);
}

static __attribute__((noinline)) int co_send(struct http_request *r, struct sendgrid_mail *m)
{
    struct send_result result;
    int rc = submit_co_send(m->api->door, &m->send, &result);
    if (rc < 0 && result.problem != SEND_OK)
        return answer_problem(r, m, &result);
    return rc < 0 ? rc : answer_sent(r, m, &result);
}

static int co_run(struct http_request *r, struct sendgrid_mail *m, struct json_object *o)
{
    int rc = m->meta ? co_read_call(m, o) : -ENOMEM;
    if (rc == ERR_SYNTAX && m->why)
        return sendgrid_fail(r, 400, m->field[0] ? m->field : NULL, "%s", m->why);
    return rc < 0 ? rc : co_send(r, m);
}

int sendgrid_mail_send_co_post(struct http_request *r)
{
    struct identity who;
    struct json_object *o = NULL;
    int rc = sendgrid_co_enter(r, "mail.send", &who);
    if (rc < 0)
        return rc;
    struct sendgrid_mail m = {.api = api_of(r), .arena = ARENA(MEMORY), .now_ms = clock_wall_ms()};
    m.send = (struct send){.who = &who,
                           .source = "sendgrid",
                           .content = &m.content,
                           .key = http_field(r, "Idempotency-Key")};
    rc = sendgrid_co_body(r, SENDGRID_BODY_MAX, &o);
    if (rc == 0)
        rc = http_co_body(r, SENDGRID_BODY_MAX, &m.send.request);
    m.meta = json_object_new_object();
    if (rc == 0)
        rc = co_run(r, &m, o);
    json_object_put(m.meta);
    json_object_put(o);
    arena_free(&m.arena);
    return rc;
}
