/*
 * Who gets a letter of the Mailgun dialect: all of its recipients the same one, or each of "to" one
 * of their own, in which %recipient.key% stands for their variable; see mailgun_call.h.
 */
#include "api/mailgun_call.h"

#include "base/utf8.h"
#include "http/json.h"

#include <errno.h>
#include <string.h>

#define TAG_MAX 300 /* bytes of a variable's name */

/* --- tags that every recipient has ----------------------------------------------------------- */

enum { TAG_RECIPIENT, TAG_EMAIL, TAG_NAME, TAG_FIRST_NAME, TAG_LAST_NAME, TAGS };
static const char *const tags[TAGS] = {"%recipient%", "%recipient_email%", "%recipient_name%",
                                       "%recipient_fname%", "%recipient_lname%"};

void mailgun_note_tags(struct mailgun_call *c, struct span text)
{
    if (span_find_span(text, SPAN("%recipient")) < 0)
        return;
    for (unsigned i = 0; i < TAGS; i++)
        if (span_find_span(text, span_of(tags[i])) >= 0)
            c->uses |= 1u << i;
}

static int write_recipient(const struct mailbox *box, struct buffer *out)
{
    int rc = 0;
    if (box->name.len)
        rc = buffer_printf(out, "%.*s <", SPAN_PRINT(box->name));
    if (rc == 0)
        rc = address_write(box, out);
    return rc == 0 && box->name.len ? buffer_append_byte(out, '>') : rc;
}

static int put_own_tag(unsigned tag, const struct mailbox *box, struct json_object *data)
{
    AUTO_BUFFER text = BUFFER(ADDRESS_NAME_MAX + ADDRESS_TEXT_MAX + 16);
    ptrdiff_t first = span_find(box->name, ' '), last = span_find_last(box->name, ' ');
    int rc = 0;
    switch (tag) {
    case TAG_RECIPIENT:
        rc = write_recipient(box, &text);
        break;
    case TAG_EMAIL:
        rc = address_write(box, &text);
        break;
    case TAG_NAME:
        rc = buffer_append(&text, box->name);
        break;
    case TAG_FIRST_NAME:
        rc = buffer_append(&text, first < 0 ? box->name : span_first(box->name, (size_t)first));
        break;
    default:
        rc = buffer_append(&text, last < 0 ? SPAN("") : span_from(box->name, (size_t)last + 1));
    }
    if (rc == 0)
        member_put_text(data, tags[tag], buffer_span(&text));
    return rc;
}

/* --- one recipient's data -------------------------------------------------------------------- */

static struct json_object *find_variables(struct mailgun_call *c, const struct mailbox *box)
{
    char address[ADDRESS_TEXT_MAX];
    struct json_object *variables = NULL;
    AUTO_BUFFER text = BUFFER(ADDRESS_TEXT_MAX);
    if (address_write(box, &text) < 0 || !span_to_text(buffer_span(&text), address, sizeof address))
        return NULL;
    for (char *at = address; *at; at++)
        *at = ascii_lower(*at);
    return json_object_object_get_ex(c->recipients, address, &variables) ? variables : NULL;
}

/* Is the tag in a field of the header, where no line may break? */
static bool is_in_header(const struct mailgun_call *c, struct span tag)
{
    const struct compose_letter *letter = &c->content.letter;
    if (span_find_span(letter->subject, tag) >= 0)
        return true;
    for (size_t i = 0; i < letter->header_count; i++)
        if (span_find_span(letter->headers[i].value, tag) >= 0)
            return true;
    for (size_t i = 0; i < letter->from.count; i++)
        if (span_find_span(letter->from.at[i].name, tag) >= 0)
            return true;
    for (size_t i = 0; i < letter->reply_to.count; i++)
        if (span_find_span(letter->reply_to.at[i].name, tag) >= 0)
            return true;
    return false;
}

/* Told at the call, for each of a batch: the letter is made when it leaves. */
static int check_variable(struct mailgun_call *c, const char *name, struct span tag,
                          struct json_object *value)
{
    struct span text;
    if (member_is_text(value, &text) <= 0 ||
        (span_find(text, '\r') < 0 && span_find(text, '\n') < 0 && utf8_is_text(text)))
        return 0;
    if (!is_in_header(c, tag))
        return 0;
    return mailgun_refuse(c,
                          "'recipient-variables' parameter is not valid: %.*s is in a header"
                          " field, and has a line break or a NUL",
                          SPAN_PRINT(mailgun_quote(span_of(name))));
}

static int make_data(struct mailgun_call *c, const struct mailbox *box, struct json_object **ret)
{
    struct json_object *variables = find_variables(c, box), *data = json_object_new_object();
    int rc = data ? 0 : -ENOMEM;
    *ret = data;
    if (rc == 0 && variables) {
        json_object_object_foreach(variables, name, value)
        {
            AUTO_BUFFER tag = BUFFER(TAG_MAX);
            if (buffer_printf(&tag, "%%recipient.%s%%", name) < 0 || !buffer_text(&tag))
                return mailgun_refuse(c, "the name of a recipient variable is too long");
            json_object_object_add(data, tag.at, json_object_get(value));
            int checked = check_variable(c, name, buffer_span(&tag), value);
            if (checked < 0)
                return checked;
        }
    }
    for (unsigned i = 0; rc == 0 && i < TAGS; i++)
        if (c->uses & 1u << i)
            rc = put_own_tag(i, box, data);
    return rc;
}

/* --- groups ---------------------------------------------------------------------------------- */

static bool is_same(const struct mailbox *a, const struct mailbox *b)
{
    return span_equal_nocase(a->local, b->local) && span_equal_nocase(a->domain, b->domain);
}

static bool is_in(const struct compose_list *list, size_t count, const struct mailbox *box)
{
    for (size_t i = 0; i < count; i++)
        if (is_same(&list->at[i], box))
            return true;
    return false;
}

/* An address that was given before is left out. */
static void drop_doubles(struct mailgun_call *c)
{
    struct compose_list *const lists[] = {&c->to, &c->cc, &c->bcc};
    for (unsigned l = 0; l < 3; l++) {
        struct mailbox *all = (struct mailbox *)lists[l]->at;
        size_t kept = 0;
        for (size_t i = 0; i < lists[l]->count; i++) {
            bool before = is_in(lists[l], kept, &all[i]);
            for (unsigned k = 0; k < l; k++)
                before |= is_in(lists[k], lists[k]->count, &all[i]);
            if (!before)
                all[kept++] = all[i];
        }
        lists[l]->count = kept;
    }
}

static int make_groups(struct mailgun_call *c)
{
    size_t count = c->recipients ? c->to.count : 1;
    struct content_group *all = arena_zero(&c->arena, (count + 1) * sizeof *all);
    int rc = all ? 0 : -ENOMEM;
    c->send.groups = all;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        all[i].to = c->recipients ? (struct compose_list){&c->to.at[i], 1} : c->to;
        all[i].cc = c->cc;
        all[i].bcc = c->bcc;
        c->send.group_count = i + 1;
        if (c->recipients)
            rc = make_data(c, &c->to.at[i], &all[i].data);
    }
    return rc;
}

/* --- what goes with all ---------------------------------------------------------------------- */

/* For the template: v:, where a value that is an object or a list in JSON counts as such, and over
 * them t:variables. */
static int make_template_data(struct mailgun_call *c)
{
    struct json_object *all = json_object_new_object(), *read;
    struct json_error error;
    if (!all)
        return -ENOMEM;
    if (c->variables) {
        json_object_object_foreach(c->variables, name, value)
        {
            struct span text;
            bool nested = member_is_text(value, &text) > 0 && text.len &&
                          strchr("{[", text.at[0]) && json_read(text, &read, &error) == 0;
            json_object_object_add(all, name, nested ? read : json_object_get(value));
        }
    }
    if (c->data) {
        json_object_object_foreach(c->data, name, value)
            json_object_object_add(all, name, json_object_get(value));
    }
    c->content.data = member_print(all, &c->arena);
    json_object_put(all);
    mailgun_note_tags(c, c->content.data);
    return c->content.data.at ? 0 : -ENOMEM;
}

static int make_meta(struct mailgun_call *c)
{
    struct json_object *meta = json_object_new_object();
    member_put(meta, "domain", json_object_new_string(c->caller->domain));
    if (c->tags)
        member_put(meta, "tags", json_object_get(c->tags));
    if (c->variables)
        member_put(meta, "variables", json_object_get(c->variables));
    if (c->options)
        member_put(meta, "options", json_object_get(c->options));
    if (c->template.len) {
        struct json_object *template = json_object_new_object();
        member_put_text(template, "name", c->template);
        member_put_text(template, "version", c->version);
        member_put(meta, "template", template);
    }
    c->send.meta = member_print(meta, &c->arena);
    json_object_put(meta);
    return c->send.meta.at ? 0 : -ENOMEM;
}

int mailgun_finish(struct mailgun_call *c)
{
    struct compose_letter *letter = &c->content.letter;
    int rc = c->template.len ? make_template_data(c) : 0;
    drop_doubles(c);
    if (c->to.count + c->cc.count + c->bcc.count > MAILGUN_RECIPIENTS_MAX)
        return mailgun_refuse(c, "Too many recipients, max is %d", MAILGUN_RECIPIENTS_MAX);
    c->content.syntax = c->template.len ? CONTENT_HANDLEBARS : CONTENT_PLAIN;
    if (c->recipients)
        c->content.syntax = c->template.len ? CONTENT_BOTH : CONTENT_SUBSTITUTE;
    if (letter->from.count > 1 && letter->sender.count == 0) /* RFC 5322 3.6.2 */
        letter->sender = (struct compose_list){letter->from.at, 1};
    for (size_t i = 0; i < letter->from.count; i++)
        mailgun_note_tags(c, letter->from.at[i].name);
    for (size_t i = 0; i < letter->reply_to.count; i++) {
        mailgun_note_tags(c, letter->reply_to.at[i].name);
        mailgun_note_tags(c, letter->reply_to.at[i].local);
    }
    if (rc == 0)
        rc = make_meta(c);
    return rc < 0 ? rc : make_groups(c);
}
