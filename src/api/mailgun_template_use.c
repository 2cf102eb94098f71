/* A stored template as the letter of a call; see mailgun_call.h. */
#include "api/mailgun_stored.h"

#include "api/mailgun_call.h"
#include "template/template.h"

#include <stdio.h>

/* From, Subject, Reply-To of the template where the call has none. */
static int take_headers(struct mailgun_call *c, const struct stored_version *version)
{
    struct compose_letter *letter = &c->content.letter;
    struct json_object *meta = mailgun_stored_meta(version->meta);
    struct json_object *headers = NULL;
    struct span from = SPAN(""), reply_to = SPAN(""), subject = SPAN("");
    int rc = member_object(meta, "headers", &headers);
    if (rc > 0) {
        rc = member_text(headers, "From", &from);
        rc = rc < 0 ? rc : member_text(headers, "Reply-To", &reply_to);
        rc = rc < 0 ? rc : member_text(headers, "Subject", &subject);
    }
    from = arena_copy(&c->arena, from);
    reply_to = arena_copy(&c->arena, reply_to);
    subject = arena_copy(&c->arena, subject);
    json_object_put(meta);
    if (rc >= 0 && from.len && letter->from.count == 0)
        rc = mailgun_add_addresses(c, "from", from, &letter->from);
    if (rc >= 0 && reply_to.len && letter->reply_to.count == 0)
        rc = mailgun_add_addresses(c, "h:Reply-To", reply_to, &letter->reply_to);
    if (letter->subject.len == 0)
        letter->subject = subject;
    return rc < 0 ? rc : 0;
}

/* Nobody has said who the author is. */
static int take_postmaster(struct mailgun_call *c)
{
    AUTO_BUFFER text = BUFFER(ADDRESS_TEXT_MAX + 16);
    int rc = buffer_printf(&text, "postmaster@%s", c->caller->domain);
    return rc < 0 ? rc
                  : mailgun_add_addresses(c, "from", buffer_span(&text), &c->content.letter.from);
}

int mailgun_co_take_template(struct mailgun_call *c)
{
    char space[MAILGUN_SPACE], name[TEMPLATES_NAME_MAX + 1], tag[TEMPLATES_NAME_MAX + 1];
    struct compose_letter *letter = &c->content.letter;
    struct stored_version version = {0};
    if (c->template.len == 0)
        return 0;
    int rc = mailgun_stored_name(c->template, name);
    if (rc == 0 && c->version.len)
        rc = mailgun_stored_name(c->version, tag);
    if (rc == 0)
        rc = templates_co_version_find(
            c->api->store, c->caller->who.tenant, mailgun_space(c->caller->domain, space),
            span_of(name), c->version.len ? span_of(tag) : SPAN(""), &c->arena, &version);
    if (rc == ERR_ABSENT || rc == ERR_SYNTAX)
        return mailgun_refuse(c,
                              c->version.len ? "template '%.*s' or its version is not found"
                                             : "template '%.*s' is not found",
                              SPAN_PRINT(mailgun_quote(c->template)));
    if (rc < 0)
        return rc;
    c->version = version.tag;
    letter->html = version.html;
    letter->html_alone = !c->text_too && letter->text.len == 0;
    c->content.helpers = TEMPLATE_MAILGUN;
    rc = take_headers(c, &version);
    if (rc == 0 && letter->from.count == 0)
        rc = take_postmaster(c);
    mailgun_note_tags(c, letter->html);
    mailgun_note_tags(c, letter->subject);
    return rc;
}
