/*
 * postamt send: a letter from standard input, as sendmail takes it.
 *
 * Line ends may be LF (they become CRLF); a leading "From " line is dropped; what submission adds
 * (Date, Message-ID, From) is added. -t takes the recipients from To, Cc and Bcc and removes Bcc.
 */
#include "ctl/verb.h"

#include "base/clock.h"
#include "base/id.h"
#include "mail/header.h"
#include "mail/trace.h"
#include "submit/sign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RECIPIENTS_MAX 10000
#define SEND_MEMORY    ((size_t)64 * 1024 * 1024)

struct sending {
    struct verb_call *call;
    struct arena arena;
    struct buffer text; /* the letter with CRLF */
    struct span header, body;
    char from[ADDRESS_TEXT_MAX];
    struct letter letter;
};

/* Up to the first CR or LF. */
static size_t line_length(struct span text)
{
    size_t len = 0;
    while (len < text.len && text.at[len] != '\r' && text.at[len] != '\n')
        len++;
    return len;
}

/* Bare LF and bare CR become CRLF; NUL is refused (P5). */
static int take_text(struct sending *s)
{
    struct span input = s->call->input;
    if (span_find(input, '\0') >= 0)
        return call_fail(s->call, "the letter holds a NUL byte; letters are text");
    if (span_starts(input, SPAN("From "))) {
        ptrdiff_t lf = span_find(input, '\n');
        input = span_from(input, lf < 0 ? input.len : (size_t)lf + 1);
    }
    int rc = 0;
    while (rc == 0 && input.len) {
        size_t len = line_length(input);
        rc = buffer_append(&s->text, span_first(input, len));
        if (rc == 0 && len < input.len)
            rc = buffer_append(&s->text, SPAN("\r\n"));
        bool pair = len + 1 < input.len && input.at[len] == '\r' && input.at[len + 1] == '\n';
        input = span_from(input, len < input.len ? len + 1 + pair : len);
    }
    if (rc < 0)
        return call_fail(s->call, "the letter is too large");
    size_t end = header_length(buffer_span(&s->text));
    s->header = span_first(buffer_span(&s->text), end);
    for (size_t i = 0; i < s->text.len && !s->letter.eight_bit; i++)
        s->letter.eight_bit = (s->text.at[i] & 0x80) != 0;
    s->body = span_from(buffer_span(&s->text), end);
    return VERB_OK;
}

/* --- who gets it ----------------------------------------------------------------------------- */

static int add_foreign(struct sending *s, struct letter_recipient *recipient, const char *text)
{
    recipient->targets = arena_alloc(&s->arena, sizeof *recipient->targets);
    if (!recipient->targets)
        return -ENOMEM;
    *recipient->targets = (struct directory_target){
        .tenant = TENANT_FIRST, .address = arena_copy(&s->arena, span_of(text))};
    recipient->count = 1;
    return recipient->targets->address.at ? 0 : -ENOMEM;
}

static int co_add_recipient(struct sending *s, struct span local, struct span domain)
{
    struct letter_recipient *recipient = &s->letter.recipients[s->letter.recipient_count];
    char text[ADDRESS_TEXT_MAX];
    if (s->letter.recipient_count == RECIPIENTS_MAX)
        return call_fail(s->call, "more than %d recipients", RECIPIENTS_MAX);
    if (address_fold(local, domain, text) < 0)
        return call_fail(s->call, "%.*s@%.*s is no address", SPAN_PRINT(local), SPAN_PRINT(domain));
    int found = directory_co_resolve(s->call->office->directory, local, domain, &s->arena,
                                     &recipient->targets, &recipient->count);
    if (found < 0)
        return call_fail_code(s->call, "look up", text, found);
    if (found == DIRECTORY_FOREIGN && add_foreign(s, recipient, text) < 0)
        return call_fail_code(s->call, "send to", text, -ENOMEM);
    if (found == DIRECTORY_UNKNOWN)
        return call_fail(s->call, "nobody has the address %s", text);
    recipient->forward_path = arena_copy(&s->arena, span_of(text));
    if (!recipient->forward_path.at)
        return call_fail_code(s->call, "send to", text, -ENOMEM);
    s->letter.recipient_count++;
    return VERB_OK;
}

static int co_add_words(struct sending *s)
{
    int status = VERB_OK;
    const struct args *args = s->call->args;
    for (size_t i = args->sendmail ? 0 : 1; status == VERB_OK && i < args->count; i++) {
        struct span local, domain, word = span_of(args->words[i]);
        if (!address_split(word, &local, &domain))
            return call_fail(s->call, "%s is no address", args->words[i]);
        status = co_add_recipient(s, local, domain);
    }
    return status;
}

static bool is_recipient_field(struct span name)
{
    return span_equal_nocase(name, SPAN("To")) || span_equal_nocase(name, SPAN("Cc")) ||
           span_equal_nocase(name, SPAN("Bcc"));
}

static int co_add_fields(struct sending *s)
{
    struct mailbox *list = arena_alloc(&s->arena, RECIPIENTS_MAX * sizeof *list);
    struct span rest = s->header;
    struct header_field field;
    int status = list ? VERB_OK : call_fail_code(s->call, "send", "the letter", -ENOMEM);
    while (list && status == VERB_OK && header_next(&rest, &field)) {
        if (!is_recipient_field(field.name))
            continue;
        int count = address_parse_list(field.body, &s->arena, list, RECIPIENTS_MAX);
        if (count < 0)
            return call_fail(s->call, "the field %.*s cannot be understood",
                             SPAN_PRINT(field.name));
        for (int i = 0; status == VERB_OK && i < count; i++)
            status = co_add_recipient(s, list[i].local, list[i].domain);
    }
    return status;
}

/* --- the letter ------------------------------------------------------------------------------ */

static int write_header(struct sending *s, struct buffer *out)
{
    const char *hostname = s->call->office->config.hostname;
    struct span rest = s->header;
    struct header_field field;
    struct trace_received received = {.hello = SPAN("localhost"),
                                      .hostname = hostname,
                                      .protocol = "local",
                                      .letter = s->letter.id,
                                      .wall_ms = clock_wall_ms()};
    int rc = trace_received(out, &received);
    if (rc == 0 && !header_find(s->header, SPAN("From"), &field))
        rc = buffer_printf(out, "From: %s\r\n", s->from);
    if (rc == 0 && !header_find(s->header, SPAN("Date"), &field))
        rc = trace_date(out, received.wall_ms);
    if (rc == 0 && !header_find(s->header, SPAN("Message-ID"), &field))
        rc = trace_message_id(out, s->letter.id, hostname);
    while (rc == 0 && header_next(&rest, &field))
        if (!s->call->args->from_header || !span_equal_nocase(field.name, SPAN("Bcc")))
            rc = buffer_append(out, field.raw);
    if (rc == 0 && s->text.len && !span_starts(s->body, SPAN("\r\n")))
        rc = buffer_append(out, SPAN("\r\n"));
    return rc;
}

static bool leaves(const struct sending *s)
{
    for (size_t i = 0; i < s->letter.recipient_count; i++)
        for (size_t k = 0; k < s->letter.recipients[i].count; k++)
            if (s->letter.recipients[i].targets[k].user == 0)
                return true;
    return false;
}

/* With the keys of the author's domain, where it is one of ours. */
static int co_sign(struct sending *s, struct span header, struct span body, struct buffer *out)
{
    struct mailbox author;
    struct header_field from;
    struct dkim_body hashing;
    unsigned char hash[DKIM_HASH];
    char domain[ADDRESS_DOMAIN_MAX + 1];
    if (!leaves(s) || !header_find(header, SPAN("From"), &from) ||
        address_parse_list(from.body, &s->arena, &author, 1) < 1 ||
        address_fold_domain(author.domain, domain) < 0)
        return 0;
    int rc = dkim_body_begin(&hashing);
    if (rc < 0)
        return rc;
    dkim_body_take(&hashing, body);
    rc = dkim_body_end(&hashing, hash);
    if (rc == 0)
        rc = sign_co_letter(&s->call->office->door, domain, header, hash, out);
    s->letter.head = buffer_span(out);
    return rc;
}

static int co_deliver(struct sending *s)
{
    struct blob_writer *blob;
    AUTO_BUFFER header = BUFFER(VERB_INPUT_MAX), signatures = BUFFER(64 * 1024);
    int rc = blob_writer_open(s->call->office->store, s->text.len, &blob);
    if (rc < 0)
        return rc;
    rc = write_header(s, &header);
    struct span blank = span_starts(s->body, SPAN("\r\n")) ? SPAN("\r\n") : SPAN("");
    if (rc == 0)
        rc = co_sign(s, buffer_span(&header), span_from(s->body, blank.len), &signatures);
    if (rc == 0)
        rc = blob_co_append(blob, buffer_span(&header));
    if (rc == 0)
        rc = blob_co_append(blob, s->body);
    if (rc == 0)
        rc = blob_co_finish(blob);
    s->letter.body = blob;
    if (rc == 0)
        rc = submit_co_receive(&s->call->office->door, &s->letter);
    blob_co_writer_free(blob);
    return rc;
}

static int take_sender(struct sending *s)
{
    struct span local, domain, from = span_of(s->call->args->from);
    if (!s->call->args->from) {
        snprintf(s->from, sizeof s->from, "postmaster@%.200s", s->call->office->config.hostname);
    } else if (from.len && !span_equal(from, SPAN("<>"))) {
        if (!address_split(from, &local, &domain) || address_fold(local, domain, s->from) < 0)
            return call_fail(s->call, "-f %s is no address", s->call->args->from);
    }
    s->letter.reverse_path = span_of(s->from);
    return VERB_OK;
}

static int co_send(struct sending *s)
{
    char id[ID_TEXT];
    int status = take_sender(s);
    s->letter.recipients = arena_zero(&s->arena, RECIPIENTS_MAX * sizeof *s->letter.recipients);
    if (!s->letter.recipients)
        return call_fail_code(s->call, "send", "the letter", -ENOMEM);
    if (status == VERB_OK)
        status = take_text(s);
    if (status == VERB_OK)
        status = co_add_words(s);
    if (status == VERB_OK && s->call->args->from_header)
        status = co_add_fields(s);
    if (status == VERB_OK && s->letter.recipient_count == 0)
        status = call_usage(s->call, "send [-f FROM] [-t] TO... < letter");
    if (status != VERB_OK)
        return status;
    int rc = co_deliver(s);
    if (rc < 0)
        return call_fail_code(s->call, "send", "the letter", rc);
    id_text(s->letter.id, id);
    if (s->call->args->json) {
        struct json_object *entry = json_object_new_object();
        json_put(entry, "id", json_object_new_string(id));
        call_json(s->call, entry);
    } else if (!s->call->args->sendmail) {
        call_print(s->call, "%s\n", id);
    }
    return VERB_OK;
}

int verb_co_send(struct verb_call *call)
{
    struct sending s = {
        .call = call,
        .arena = ARENA(SEND_MEMORY),
        .text = BUFFER(2 * VERB_INPUT_MAX),
        .letter = {
            .id = id_next(), .source = SPAN("local"), .may_notify = true, .full_waits = true}};
    int status = co_send(&s);
    arena_free(&s.arena);
    buffer_free(&s.text);
    return status;
}
