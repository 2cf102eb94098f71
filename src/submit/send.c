/*
 * The door for applications; see send.h. In the order of a call: rights, the Idempotency-Key, the
 * quota, who gets it (send_list.c), the letter (send_make.c), the commit (send_commit.c).
 */
#include "submit/send.h"

#include "base/clock.h"
#include "base/log.h"
#include "directory/key.h"
#include "mail/header.h"
#include "submit/send_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CALL_MEMORY ((size_t)64 * 1024 * 1024)
#define AUTHORS_MAX 16

int sending_fail(struct sending *s, enum send_problem problem, int code, const char *format, ...)
{
    va_list args;
    s->result->problem = problem;
    va_start(args, format);
    vsnprintf(s->result->text, sizeof s->result->text, format, args);
    va_end(args);
    return code;
}

const char *send_message_id(int64_t letter, size_t group, bool several, const char *domain,
                            char ret_text[SEND_MESSAGE_ID])
{
    char id[ID_TEXT];
    id_text(letter, id);
    if (several && group)
        snprintf(ret_text, SEND_MESSAGE_ID, "<%s-%u@%s>", id, (unsigned)group, domain);
    else
        snprintf(ret_text, SEND_MESSAGE_ID, "<%s@%s>", id, domain);
    return ret_text;
}

/* --- rights ---------------------------------------------------------------------------------- */

static int check_author(struct sending *s, const struct mailbox *author)
{
    const char *why = address_check(author);
    if (why)
        return sending_fail(s, SEND_FOREIGN_FROM, ERR_SYNTAX, "From: %s", why);
    return 0;
}

static int sending_co_may_be(struct sending *s, const struct mailbox *author)
{
    int rc = check_author(s, author);
    if (rc < 0)
        return rc;
    rc = directory_co_may_send(s->door->directory, s->send->who, author->local, author->domain);
    if (rc == 0)
        return sending_fail(s, SEND_FOREIGN_FROM, ERR_DENIED,
                            "This key may not send as %.*s@%.*s: its domain is not one of yours"
                            " (postamt domain add), or the key is for others",
                            SPAN_PRINT(author->local), SPAN_PRINT(author->domain));
    return rc < 0 ? rc : 0;
}

static int find_raw_author(struct sending *s)
{
    struct header_field from;
    struct span header = span_first(s->send->raw, header_length(s->send->raw));
    struct mailbox *authors = arena_alloc(&s->arena, AUTHORS_MAX * sizeof *authors);
    if (!authors)
        return -ENOMEM;
    int count = -1;
    if (header_count(header, SPAN("From")) == 1 && header_find(header, SPAN("From"), &from))
        count = address_parse_list(from.body, &s->arena, authors, AUTHORS_MAX);
    if (count <= 0)
        return sending_fail(s, SEND_BAD_RAW, ERR_SYNTAX,
                            "The letter has no readable From field, or more than one");
    s->author = authors;
    s->author_count = (size_t)count;
    return 0;
}

static int find_author(struct sending *s)
{
    const struct send *send = s->send;
    if (!send->content)
        return find_raw_author(s);
    if (send->content->letter.from.count == 0 && !(send->group_count && send->groups[0].from))
        return sending_fail(s, SEND_BAD_CONTENT, ERR_SYNTAX, "There is no From");
    s->author_count = send->content->letter.from.count;
    s->author = s->author_count ? send->content->letter.from.at : send->groups[0].from;
    return 0;
}

static int sending_co_may_be_all(struct sending *s, const struct mailbox *list, size_t count)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = sending_co_may_be(s, &list[i]);
    return rc;
}

/* Programs show it beside the author: "ceo@… on behalf of shop@…". */
static int sending_co_check_sender(struct sending *s)
{
    const struct send *send = s->send;
    struct span header = span_first(send->raw, header_length(send->raw));
    struct header_field field;
    if (send->content)
        return sending_co_may_be_all(s, send->content->letter.sender.at,
                                     send->content->letter.sender.count);
    while (header_next(&header, &field)) {
        struct mailbox sender;
        if (!span_equal_nocase(field.name, SPAN("Sender")))
            continue;
        int rc = address_parse_list(field.body, &s->arena, &sender, 1);
        if (rc == -ENOMEM)
            return rc;
        if (rc != 1)
            return sending_fail(s, SEND_BAD_RAW, ERR_SYNTAX,
                                "The letter's Sender field is not one readable address");
        if ((rc = sending_co_may_be(s, &sender)) < 0)
            return rc;
    }
    return 0;
}

static int sending_co_check_rights(struct sending *s)
{
    int rc = s->preview ? 1 : directory_co_key_may(s->door->directory, s->send->who, "mail.send");
    if (rc == 0 && s->send->who->key)
        return sending_fail(s, SEND_NOT_ALLOWED, ERR_DENIED, "This key may not send mail");
    if (rc >= 0)
        rc = find_author(s);
    if (rc == 0)
        rc = sending_co_may_be_all(s, s->author, s->author_count);
    if (rc == 0)
        rc = sending_co_check_sender(s);
    for (size_t i = 0; rc == 0 && i < s->send->group_count; i++)
        if (s->send->groups[i].from)
            rc = sending_co_may_be(s, s->send->groups[i].from);
    if (rc == 0 && address_fold_domain(s->author->domain, s->domain) < 0)
        rc = ERR_SYNTAX;
    return rc;
}

/* Where bounces go: the author's own address, unless the call says. */
static int set_reverse_path(struct sending *s)
{
    AUTO_BUFFER path = BUFFER(ADDRESS_TEXT_MAX + 8);
    s->reverse_path = s->send->reverse_path;
    if (s->reverse_path.len || s->send->null_path)
        return 0;
    int rc = buffer_append(&path, s->author->local);
    if (rc == 0)
        rc = buffer_append_byte(&path, '@');
    if (rc == 0)
        rc = buffer_append_text(&path, s->domain);
    s->reverse_path = arena_copy(&s->arena, buffer_span(&path));
    return rc < 0 ? rc : s->reverse_path.at ? 0 : -ENOMEM;
}

/* --- the quota ------------------------------------------------------------------------------- */

int sending_fail_day(struct sending *s)
{
    return sending_fail(s, SEND_OVER_QUOTA, ERR_DENIED,
                        "Over the limit of %lld recipients in 24 hours, try again later",
                        (long long)s->door->daily_limit);
}

/* Before the work; the commit asks again. */
static int sending_co_check_quota(struct sending *s)
{
    struct send_quota quota;
    int rc = submit_co_quota(s->door, s->send->who->tenant, &quota);
    if (rc < 0 || quota.limit == 0)
        return rc;
    if (quota.sent + (int64_t)s->result->recipients > quota.limit)
        return sending_fail_day(s);
    return 0;
}

/* --- the call -------------------------------------------------------------------------------- */

static int sending_co_answer_earlier(struct sending *s)
{
    if (s->reused)
        return sending_fail(s, SEND_KEY_REUSED, ERR_DENIED,
                            "This Idempotency-Key was used with another request");
    s->result->letter = s->earlier;
    s->result->replayed = true;
    return 0;
}

static int sending_co_check(struct sending *s)
{
    int rc = sending_co_check_rights(s);
    if (rc == 0)
        rc = sending_check_groups(s);
    if (rc == 0)
        rc = set_reverse_path(s);
    snprintf(s->result->domain, sizeof s->result->domain, "%s", s->domain);
    return rc;
}

static int sending_co_run(struct sending *s)
{
    int rc = sending_co_check(s);
    if (rc == 0)
        rc = sending_co_look_for_key(s);
    if (rc < 0 || s->earlier)
        return rc < 0 ? rc : sending_co_answer_earlier(s);
    rc = sending_co_check_quota(s);
    if (rc == 0)
        rc = sending_co_make(s);
    if (rc < 0 || s->send->dry)
        return rc;
    rc = sending_co_address(s);
    if (rc == 0)
        rc = sending_co_commit(s);
    return rc < 0 || !s->earlier ? rc : sending_co_answer_earlier(s);
}

static void sending_open(struct sending *s, const struct submit_door *door, const struct send *send,
                         struct send_result *result)
{
    *result = (struct send_result){.letter = id_next()};
    *s = (struct sending){.door = door,
                          .send = send,
                          .result = result,
                          .arena = ARENA(CALL_MEMORY),
                          .letter = result->letter,
                          .now_ms = clock_wall_ms(),
                          .kind = QUEUE_BODY_RAW,
                          .body = BUFFER(2 * (size_t)SEND_OCTETS_MAX),
                          .head = BUFFER(DKIM_KEYS_MAX * DKIM_SIGNATURE)};
}

static void sending_co_close(struct sending *s)
{
    blob_co_writer_free(s->blob);
    buffer_free(&s->body);
    buffer_free(&s->head);
    arena_free(&s->arena);
}

int submit_co_send(const struct submit_door *door, const struct send *send,
                   struct send_result *ret_result)
{
    struct sending s;
    sending_open(&s, door, send, ret_result);
    int rc = sending_co_run(&s);
    sending_co_close(&s);
    if (rc < 0 && ret_result->problem == SEND_OK && rc != -ECANCELED)
        log_error("submit.not_sent", "source=%s why=\"%s\"", send->source, error_text(rc));
    return rc;
}

static int sending_co_render(const struct submit_door *door, const struct send *send,
                             struct send_rendered *rendered, struct buffer *out,
                             struct send_result *ret_result)
{
    struct sending s;
    sending_open(&s, door, send, ret_result);
    s.preview = true;
    s.rendered = rendered;
    int rc = sending_co_check(&s);
    if (rc == 0)
        rc = sending_co_compose(&s, &send->groups[0], out);
    sending_co_close(&s);
    return rc;
}

int submit_co_preview(const struct submit_door *door, const struct send *send, struct buffer *out,
                      struct send_result *ret_result)
{
    return sending_co_render(door, send, NULL, out, ret_result);
}

int submit_co_render(const struct submit_door *door, const struct send *send,
                     struct send_rendered *rendered, struct send_result *ret_result)
{
    return sending_co_render(door, send, rendered, &rendered->letter, ret_result);
}
