/*
 * Letters that a client composed itself: POST /v3/{domain}/messages.mime, and SMTP.
 *
 * Their X-Mailgun- fields are options and never leave. A letter goes as it came but for them; one
 * with recipient variables or a stored template is read into its parts and made anew for each of
 * its recipients. See mailgun_call.h.
 */
#include "api/letter.h"
#include "api/mailgun_call.h"
#include "api/submission.h"

#include "mail/decode.h"
#include "mail/edit.h"
#include "mail/header.h"
#include "mail/mime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FIELD_MAX       ((size_t)256 * 1024)
#define CONTAINER_PARTS 8

/* Of a letter that is made anew: the trace stays behind, dates are made. */
static const char *const left_out[] = {"X-Mailgun-*", "Received", "Date", "Return-Path", NULL};

/* --- the letter's own options ---------------------------------------------------------------- */

static int take_field(struct mailgun_call *c, const struct header_field *field)
{
    AUTO_BUFFER text = BUFFER(FIELD_MAX);
    int rc = decode_words(field->body, &text);
    if (rc < 0)
        return rc;
    struct span value = arena_copy(&c->arena, buffer_span(&text));
    return value.at ? mailgun_option_field(c, field->name, value) : -ENOMEM;
}

static int take_fields(struct mailgun_call *c, struct span letter)
{
    struct span rest = span_first(letter, header_length(letter));
    struct header_field field;
    int rc = 0;
    while (rc == 0 && header_next(&rest, &field))
        if (mailgun_is_option_field(field.name))
            rc = take_field(c, &field);
    return rc;
}

/* --- fields from outside it ------------------------------------------------------------------ */

/* The fields that go: the options, and those in whose place h: puts others; NULL at the end. */
static const char *const *list_replaced(struct mailgun_call *c, size_t count)
{
    size_t listed = 0;
    const char **names = arena_alloc(&c->arena, (count + 2) * sizeof *names);
    if (!names)
        return NULL;
    names[listed++] = "X-Mailgun-*";
    for (size_t i = 0; i < count; i++) {
        struct span name = arena_copy(&c->arena, c->headers[i].name);
        if (!name.at)
            return NULL;
        if (name.len && name.at[name.len - 1] != '*') /* that would be all that begin so */
            names[listed++] = name.at;
    }
    names[listed] = NULL;
    return names;
}

static int write_given(struct mailgun_call *c, size_t count, struct buffer *out)
{
    struct compose_fault fault;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = compose_field(&c->headers[i], &c->arena, out, &fault);
    if (rc == ERR_SYNTAX)
        return mailgun_refuse(c, "'h:' parameter is not valid: %s", fault.why);
    return rc == -ENOBUFS ? mailgun_refuse(c, "the letter has too many fields") : rc;
}

/* Beside, or in place of, the fields that were read from the letter. */
static int join_given(struct mailgun_call *c, size_t count)
{
    struct compose_letter *out = &c->content.letter;
    const char *const *replaced = list_replaced(c, count);
    struct compose_header *all =
        arena_alloc(&c->arena, (out->header_count + count + 1) * sizeof *all);
    size_t kept = 0;
    int rc = replaced && all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < out->header_count; i++)
        if (!edit_names(out->headers[i].name, replaced))
            all[kept++] = out->headers[i];
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (!span_equal_nocase(c->headers[i].name, SPAN("Reply-To"))) {
            all[kept++] = c->headers[i];
            continue;
        }
        out->reply_to = (struct compose_list){0};
        rc = mailgun_add_addresses(c, "h:Reply-To", c->headers[i].value, &out->reply_to);
    }
    out->headers = all;
    out->header_count = kept;
    return rc;
}

/* --- a container of variables ---------------------------------------------------------------- */

/* Files come with the line ends of where they were written. */
static int take_lines(struct mailgun_call *c, struct span given, struct span *ret_letter)
{
    AUTO_BUFFER out = BUFFER(2 * given.len + 2);
    struct edit_lines state = {0};
    int rc = edit_lines(&state, given, &out);
    if (rc == 0)
        rc = edit_lines_end(&state);
    if (rc == ERR_SYNTAX)
        return mailgun_refuse(c, "'message' parameter is not a MIME letter: it holds a CR without"
                                 " LF, or a NUL");
    if (rc < 0)
        return rc;
    *ret_letter = arena_copy(&c->arena, buffer_span(&out));
    return ret_letter->at ? 0 : -ENOMEM;
}

static int read_part(struct mailgun_call *c, struct span letter, const struct mime_part *part,
                     struct span *ret_bytes)
{
    AUTO_BUFFER out = BUFFER(MAILGUN_LETTER_MAX + 1);
    struct span header = span_make(letter.at + part->header, part->body - part->header);
    struct span raw = span_make(letter.at + part->body, part->end - part->body);
    struct header_field field = {0};
    (void)!header_find(header, SPAN("Content-Transfer-Encoding"), &field);
    int rc = decode_transfer(field.body, raw, &out);
    if (rc < 0)
        return rc == -ENOBUFS ? mailgun_refuse(c, "Message size exceeds 25MB limit") : rc;
    *ret_bytes = arena_copy(&c->arena, buffer_span(&out));
    return ret_bytes->at ? 0 : -ENOMEM;
}

static bool is_type(const struct mime_part *part, const char *type, const char *subtype)
{
    return span_equal_nocase(part->type, span_of(type)) &&
           span_equal_nocase(part->subtype, span_of(subtype));
}

/* multipart/mailgun-variables holds variables, in JSON, and the letter: that takes its place. */
static int open_container(struct mailgun_call *c, struct span *letter)
{
    struct mime_part parts[CONTAINER_PARTS];
    struct span whole = *letter, inner = SPAN(""), bytes = SPAN("");
    int rc = 0, count = mime_parse(whole, parts, CONTAINER_PARTS);
    if (!is_type(&parts[0], "multipart", "mailgun-variables"))
        return 0;
    for (int i = 1; rc == 0 && i < count; i++) {
        bool json = is_type(&parts[i], "application", "json");
        if (parts[i].parent != 0 || (!json && !is_type(&parts[i], "message", "rfc822")))
            continue;
        rc = read_part(c, whole, &parts[i], &bytes);
        if (rc == 0)
            rc = json ? mailgun_option_field(c, SPAN("X-Mailgun-Variables"), bytes)
                      : take_lines(c, bytes, &inner);
    }
    if (rc == 0 && inner.len == 0)
        return mailgun_refuse(c, "multipart/mailgun-variables holds no message/rfc822");
    *letter = inner;
    return rc;
}

/* --- the letter ------------------------------------------------------------------------------ */

/* What the letter says of itself stays, whoever gets it. */
static int keep_fields(struct mailgun_call *c)
{
    struct content_shown *shown = arena_alloc(&c->arena, sizeof *shown);
    struct content_group *group = (struct content_group *)c->send.groups;
    if (!shown)
        return -ENOMEM;
    *shown = (struct content_shown){c->content.letter.to, c->content.letter.cc};
    if (!c->recipients)
        group->shown = shown;
    return 0;
}

static int co_make_anew(struct mailgun_call *c, struct span letter)
{
    struct compose_letter *out = &c->content.letter;
    size_t given = out->header_count;
    int rc = letter_read(letter, left_out, &c->arena, out);
    if (rc == 0)
        rc = join_given(c, given);
    if (rc == -E2BIG || out->header_count > MERGE_PARTS_MAX)
        return mailgun_refuse(c, "the letter has too many parts or fields");
    const struct span texts[] = {out->subject, out->text, out->html, out->amp};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mailgun_note_tags(c, texts[i]);
    for (size_t i = 0; i < out->header_count; i++)
        mailgun_note_tags(c, out->headers[i].value);
    if (rc == 0)
        rc = mailgun_co_take_template(c);
    if (rc == 0)
        rc = mailgun_finish(c);
    return rc < 0 ? rc : keep_fields(c);
}

static int take_raw(struct mailgun_call *c, struct span letter)
{
    AUTO_BUFFER out = BUFFER(letter.len + COMPOSE_HEADER_MAX);
    size_t header = header_length(letter), given = c->content.letter.header_count;
    const char *const *replaced = list_replaced(c, given);
    int rc = replaced ? write_given(c, given, &out) : -ENOMEM;
    if (rc == 0)
        rc = edit_without(span_first(letter, header), replaced, &out);
    if (rc == 0)
        rc = buffer_append(&out, span_from(letter, header));
    if (rc == 0)
        rc = mailgun_finish(c);
    if (rc < 0)
        return rc;
    c->send.content = NULL;
    c->send.raw = arena_copy(&c->arena, buffer_span(&out));
    return c->send.raw.at ? 0 : -ENOMEM;
}

static int co_take_letter(struct mailgun_call *c, struct span letter)
{
    struct span whole = letter;
    int rc = take_fields(c, letter);
    if (rc == 0)
        rc = open_container(c, &letter);
    if (rc == 0 && letter.at != whole.at)
        rc = take_fields(c, letter);
    if (rc < 0)
        return rc;
    return c->recipients || c->template.len ? co_make_anew(c, letter) : take_raw(c, letter);
}

/* --- messages.mime --------------------------------------------------------------------------- */

int mailgun_co_read_mime(struct mailgun_call *c, const struct form *form)
{
    struct span given = mailgun_field(form, "message"), letter = SPAN("");
    int rc = 0;
    if (mailgun_field(form, "to").len == 0)
        return mailgun_refuse(c, "to parameter is missing");
    if (given.len == 0)
        return mailgun_refuse(c, "message parameter is missing");
    c->composed = true;
    rc = mailgun_check_fields(c, form);
    for (size_t i = 0; rc == 0 && i < form->count; i++) {
        const struct form_field *field = &form->fields[i];
        if (span_equal(field->name, SPAN("to")))
            rc = mailgun_add_addresses(c, "to", field->value, &c->to);
        else if (!field->is_file)
            rc = mailgun_option(c, field->name, field->value);
    }
    if (rc == 0)
        rc = mailgun_show_variables(c);
    if (rc == 0)
        rc = take_lines(c, given, &letter);
    return rc < 0 ? rc : co_take_letter(c, letter);
}

/* --- SMTP ------------------------------------------------------------------------------------ */

static int take_envelope(struct mailgun_call *c, const struct smtpd_handover *handover)
{
    struct mailbox *to = arena_zero(&c->arena, (handover->recipient_count + 1) * sizeof *to);
    if (!to)
        return -ENOMEM;
    for (size_t i = 0; i < handover->recipient_count; i++)
        if (!address_split(handover->recipients[i].forward_path, &to[i].local, &to[i].domain))
            return ERR_SYNTAX;
    c->to = (struct compose_list){to, handover->recipient_count};
    c->send.reverse_path = handover->reverse_path;
    c->send.null_path = handover->reverse_path.len == 0;
    return 0;
}

static void say(struct smtpd_verdict *verdict, int code, const char *enhanced, const char *text)
{
    verdict->code = code;
    snprintf(verdict->enhanced, sizeof verdict->enhanced, "%s", enhanced);
    snprintf(verdict->text, sizeof verdict->text, "%s", text);
}

static void judge(int rc, const struct mailgun_call *c, const struct send_result *result,
                  struct smtpd_verdict *ret_verdict)
{
    if (rc < 0 && c->why[0]) {
        say(ret_verdict, 550, "5.6.0", c->why);
        return;
    }
    submission_judge(rc, result, ret_verdict);
    if (rc == 0)
        say(ret_verdict, 250, "", "Great success");
}

void mailgun_smtp_co_take_over(const struct api *api, const struct smtpd_handover *handover,
                               struct smtpd_verdict *ret_verdict)
{
    struct mailgun_caller caller = {.who = *handover->who};
    struct send_result result = {.problem = SEND_OK};
    struct span local, domain;
    struct mailgun_call *c = calloc(1, sizeof *c);
    if (!c) {
        submission_judge(-ENOMEM, &result, ret_verdict);
        return;
    }
    if (address_split(span_of(handover->who->login), &local, &domain))
        (void)!span_to_text(domain, caller.domain, sizeof caller.domain);
    mailgun_call_open(c, api, &caller, "mailgun smtp");
    int rc = take_envelope(c, handover);
    if (rc == 0)
        rc = co_take_letter(c, handover->letter);
    if (rc == 0)
        rc = submit_co_send(api->door, &c->send, &result);
    judge(rc, c, &result, ret_verdict);
    mailgun_call_close(c);
    free(c);
}
