/* A letter's options; see mailgun_call.h. */
#include "api/mailgun_call.h"

#include "base/utf8.h"
#include "http/json.h"
#include "mail/date.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MEMORY     ((size_t)128 * 1024 * 1024)
#define LIST_MAX   ((size_t)MAILGUN_RECIPIENTS_MAX)
#define FIELD_NAME "X-Mailgun-"

void mailgun_call_open(struct mailgun_call *c, const struct api *api,
                       const struct mailgun_caller *caller, const char *source)
{
    *c = (struct mailgun_call){.api = api, .caller = caller, .arena = ARENA(MEMORY)};
    c->content.letter.headers = c->headers;
    c->send = (struct send){
        .who = &caller->who, .source = source, .content = &c->content, .one_id = true};
}

void mailgun_call_close(struct mailgun_call *c)
{
    for (size_t i = 0; i < c->send.group_count; i++)
        json_object_put(c->send.groups[i].data);
    json_object_put(c->tags);
    json_object_put(c->options);
    json_object_put(c->variables);
    json_object_put(c->data);
    json_object_put(c->recipients);
    arena_free(&c->arena);
}

int mailgun_refuse(struct mailgun_call *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->why, sizeof c->why, format, args);
    va_end(args);
    return ERR_SYNTAX;
}

/* --- addresses ------------------------------------------------------------------------------- */

int mailgun_add_addresses(struct mailgun_call *c, const char *name, struct span text,
                          struct compose_list *list)
{
    struct address_fault fault;
    struct mailbox *all = (struct mailbox *)list->at;
    if (!all)
        list->at = all = arena_alloc(&c->arena, LIST_MAX * sizeof *all);
    if (!all)
        return -ENOMEM;
    int count =
        address_parse_given(text, &c->arena, all + list->count, LIST_MAX - list->count, &fault);
    if (count == -E2BIG)
        return mailgun_refuse(c, "Too many recipients, max is %d", MAILGUN_RECIPIENTS_MAX);
    if (count == ERR_SYNTAX)
        return mailgun_refuse(c, "%s parameter is not a valid address. please check documentation",
                              name);
    list->count += count > 0 ? (size_t)count : 0;
    return count < 0 ? count : 0;
}

/* --- values ---------------------------------------------------------------------------------- */

static struct json_object *made(struct json_object **o)
{
    if (!*o)
        *o = json_object_new_object();
    return *o;
}

static int put(struct mailgun_call *c, struct json_object **o, struct span name, struct span value)
{
    struct span key = arena_copy(&c->arena, name);
    if (!key.at || !made(o))
        return -ENOMEM;
    member_put(*o, key.at, member_from_text(value));
    return 0;
}

/* An object in JSON; what parameter names it. */
static int read_object(struct mailgun_call *c, const char *parameter, struct span value,
                       struct json_object **ret_object)
{
    struct json_error error;
    struct json_object *o = NULL;
    int rc = json_read(value, &o, &error);
    if (rc == -ENOMEM)
        return rc;
    if (rc == 0 && json_object_is_type(o, json_type_object)) {
        *ret_object = o;
        return 0;
    }
    json_object_put(o);
    return mailgun_refuse(c, "'%s' parameter is not a valid JSON", parameter);
}

/* Members of an object in JSON join those that are there. */
static int merge_object(struct mailgun_call *c, const char *parameter, struct span value,
                        struct json_object **into)
{
    struct json_object *o = NULL;
    int rc = read_object(c, parameter, value, &o);
    if (rc < 0)
        return rc;
    rc = made(into) ? 0 : -ENOMEM;
    json_object_object_foreach(o, name, member) if (rc == 0)
        json_object_object_add(*into, name, json_object_get(member));
    json_object_put(o);
    return rc;
}

static int take_recipients(struct mailgun_call *c, struct span value)
{
    struct json_object *o = NULL;
    int rc = read_object(c, "recipient-variables", value, &o);
    if (rc < 0)
        return rc;
    rc = made(&c->recipients) ? 0 : -ENOMEM;
    json_object_object_foreach(o, address, variables)
    {
        struct span key = arena_copy(&c->arena, span_of(address));
        if (rc == 0 && !key.at)
            rc = -ENOMEM;
        for (size_t i = 0; rc == 0 && i < key.len; i++)
            ((char *)key.at)[i] = ascii_lower(key.at[i]);
        if (rc == 0 && !json_object_is_type(variables, json_type_object))
            rc = mailgun_refuse(c, "'recipient-variables' parameter is not a valid JSON");
        if (rc == 0)
            json_object_object_add(c->recipients, key.at, json_object_get(variables));
    }
    json_object_put(o);
    return rc;
}

/* --- options --------------------------------------------------------------------------------- */

static int take_delivery_time(struct mailgun_call *c, struct span value)
{
    if (date_parse(value, &c->send.due_ms) < 0)
        return mailgun_refuse(c, "%.*s is not an RFC-2822 compliant date",
                              SPAN_PRINT(mailgun_quote(value)));
    return put(c, &c->options, SPAN("deliverytime"), value);
}

static int take_send_option(struct mailgun_call *c, struct span name, struct span value)
{
    if (span_equal(name, SPAN("tag"))) {
        if (!c->tags)
            c->tags = json_object_new_array();
        return json_object_array_add(c->tags, member_from_text(value)) < 0 ? -ENOMEM : 0;
    }
    if (span_equal(name, SPAN("deliverytime")))
        return take_delivery_time(c, value);
    if (span_equal(name, SPAN("testmode")))
        c->send.dry = mailgun_is_yes(value);
    return put(c, &c->options, name, value);
}

static int take_template_option(struct mailgun_call *c, struct span name, struct span value)
{
    if (span_equal(name, SPAN("variables")))
        return merge_object(c, "t:variables", value, &c->data);
    if (span_equal(name, SPAN("version")))
        c->version = value;
    if (span_equal(name, SPAN("text")))
        c->text_too = mailgun_is_yes(value);
    return 0;
}

static int add_header(struct mailgun_call *c, struct span name, struct span value)
{
    struct compose_letter *letter = &c->content.letter;
    if (letter->header_count == MERGE_PARTS_MAX)
        return mailgun_refuse(c, "More than %d headers", MERGE_PARTS_MAX);
    mailgun_note_tags(c, value);
    c->headers[letter->header_count++] = (struct compose_header){name, value};
    return 0;
}

static int take_header(struct mailgun_call *c, struct span name, struct span value)
{
    struct compose_letter *letter = &c->content.letter;
    if (name.len == 0 || !utf8_is_ascii(name))
        return mailgun_refuse(c, "Header name must be pure ASCII: %.*s",
                              SPAN_PRINT(mailgun_quote(name)));
    if (mailgun_is_option_field(name))
        return mailgun_option_field(c, name, value);
    if (c->composed)
        return add_header(c, name, value);
    if (span_equal_nocase(name, SPAN("Reply-To")))
        return mailgun_add_addresses(c, "h:Reply-To", value, &letter->reply_to);
    if (span_equal_nocase(name, SPAN("Sender")))
        return mailgun_add_addresses(c, "h:Sender", value, &letter->sender);
    if (span_equal_nocase(name, SPAN("Message-Id"))) {
        letter->message_id = span_trim(value);
        return 0;
    }
    return add_header(c, name, value);
}

int mailgun_option(struct mailgun_call *c, struct span name, struct span value)
{
    if (span_equal(name, SPAN("template"))) {
        c->template = value;
        return 0;
    }
    if (span_equal(name, SPAN("recipient-variables")))
        return take_recipients(c, value);
    if (name.len < 2 || name.at[1] != ':')
        return 0;
    struct span rest = span_from(name, 2);
    switch (name.at[0]) {
    case 'o':
        return take_send_option(c, rest, value);
    case 't':
        return take_template_option(c, rest, value);
    case 'v':
        return put(c, &c->variables, rest, value);
    case 'h':
        return take_header(c, rest, value);
    default:
        return 0;
    }
}

bool mailgun_is_option_field(struct span name)
{
    return span_starts_nocase(name, SPAN(FIELD_NAME));
}

int mailgun_option_field(struct mailgun_call *c, struct span name, struct span value)
{
    static const struct {
        const char *field, *option;
    } known[] = {
        {"Tag", "o:tag"},
        {"Dkim", "o:dkim"},
        {"Secondary-Dkim", "o:secondary-dkim"},
        {"Secondary-Dkim-Public", "o:secondary-dkim-public"},
        {"Deliver-By", "o:deliverytime"},
        {"Delivery-Time", "o:deliverytime"},
        {"Deliver-Within", "o:deliver-within"},
        {"Delivery-Time-Optimize-Period", "o:deliverytime-optimize-period"},
        {"Time-Zone-Localize", "o:time-zone-localize"},
        {"Drop-Message", "o:testmode"},
        {"Track", "o:tracking"},
        {"Track-Clicks", "o:tracking-clicks"},
        {"Track-Opens", "o:tracking-opens"},
        {"Track-Pixel-Location-Top", "o:tracking-pixel-location-top"},
        {"Require-TLS", "o:require-tls"},
        {"Skip-Verification", "o:skip-verification"},
        {"Sending-Ip", "o:sending-ip"},
        {"Sending-Ip-Pool", "o:sending-ip-pool"},
        {"Archive-To", "o:archive-to"},
        {"Suppress-Headers", "o:suppress-headers"},
        {"Template-Name", "template"},
        {"Template-Version", "t:version"},
        {"Template-Text", "t:text"},
        {"Template-Variables", "t:variables"},
        {"Recipient-Variables", "recipient-variables"},
    };
    struct span rest = span_from(name, sizeof FIELD_NAME - 1);
    if (span_equal_nocase(rest, SPAN("Variables")))
        return merge_object(c, FIELD_NAME "Variables", value, &c->variables);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (span_equal_nocase(rest, span_of(known[i].field)))
            return mailgun_option(c, span_of(known[i].option), value);
    return 0;
}

/* --- what the recipient is told -------------------------------------------------------------- */

/* o:suppress-headers: names separated by commas, or "all". */
static bool is_suppressed(struct mailgun_call *c, struct span name)
{
    struct span rest = SPAN(""), word;
    if (member_text(c->options, "suppress-headers", &rest) <= 0)
        return false;
    while (span_cut(&rest, ',', &word)) {
        word = span_trim(word);
        if (span_equal_nocase(word, SPAN("all")) || span_equal_nocase(word, name))
            return true;
    }
    return false;
}

static bool is_merged(struct span text)
{
    return span_find_span(text, SPAN("%recipient")) >= 0 || span_find_span(text, SPAN("{{")) >= 0;
}

int mailgun_show_variables(struct mailgun_call *c)
{
    static const struct span field = {FIELD_NAME "Variables", sizeof FIELD_NAME "Variables" - 1};
    struct json_object *shown;
    struct span text;
    if (!c->variables || is_suppressed(c, field))
        return 0;
    shown = json_object_new_object();
    json_object_object_foreach(c->variables, name, value)
    {
        bool merged =
            is_merged(span_of(name)) || (member_is_text(value, &text) > 0 && is_merged(text));
        if (!merged)
            member_put(shown, name, json_object_get(value));
    }
    int count = json_object_object_length(shown);
    text = member_print(shown, &c->arena);
    json_object_put(shown);
    if (!text.at)
        return -ENOMEM;
    bool shows = count > 0 && text.len <= COMPOSE_VALUE_MAX && !is_merged(text);
    return shows ? add_header(c, field, text) : 0;
}
