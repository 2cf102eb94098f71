/* What a letter may be made of; see compose.h. */
#include "base/utf8.h"
#include "mail/compose_internal.h"
#include "mail/encode_word.h"
#include "mail/mime.h"
#include "mail/parameter.h"

#define WORD_MAX ((size_t)800) /* of what may not be encoded: fits a line behind any name */

int compose_refuse(struct compose_fault *fault, enum compose_field field, size_t index,
                   const char *member, const char *why)
{
    *fault = (struct compose_fault){field, index, member, why};
    return ERR_SYNTAX;
}

/* --- names of fields ------------------------------------------------------------------------- */

static const struct {
    const char *name; /* in lower case; one that ends with '-' begins many */
    enum compose_header_kind kind;
} kinds[] = {
    {"from", COMPOSE_HEADER_OWN},
    {"sender", COMPOSE_HEADER_OWN},
    {"reply-to", COMPOSE_HEADER_OWN},
    {"to", COMPOSE_HEADER_OWN},
    {"cc", COMPOSE_HEADER_OWN},
    {"subject", COMPOSE_HEADER_OWN},
    {"date", COMPOSE_HEADER_OWN},
    {"message-id", COMPOSE_HEADER_OWN},
    {"bcc", COMPOSE_HEADER_RESERVED},
    {"resent-bcc", COMPOSE_HEADER_RESERVED},
    {"received", COMPOSE_HEADER_RESERVED},
    {"received-spf", COMPOSE_HEADER_RESERVED},
    {"return-path", COMPOSE_HEADER_RESERVED},
    {"delivered-to", COMPOSE_HEADER_RESERVED},
    {"dkim-signature", COMPOSE_HEADER_RESERVED},
    {"domainkey-signature", COMPOSE_HEADER_RESERVED},
    {"authentication-results", COMPOSE_HEADER_RESERVED},
    {"arc-", COMPOSE_HEADER_RESERVED},
    {"mime-version", COMPOSE_HEADER_RESERVED},
    {"content-", COMPOSE_HEADER_RESERVED},
    {"resent-from", COMPOSE_HEADER_ADDRESSES},
    {"resent-sender", COMPOSE_HEADER_ADDRESSES},
    {"resent-to", COMPOSE_HEADER_ADDRESSES},
    {"resent-cc", COMPOSE_HEADER_ADDRESSES},
    {"resent-reply-to", COMPOSE_HEADER_ADDRESSES},
    {"disposition-notification-to", COMPOSE_HEADER_ADDRESSES},
    {"return-receipt-to", COMPOSE_HEADER_ADDRESSES},
    {"errors-to", COMPOSE_HEADER_ADDRESSES},
    {"mail-reply-to", COMPOSE_HEADER_ADDRESSES},
    {"mail-followup-to", COMPOSE_HEADER_ADDRESSES},
    {"in-reply-to", COMPOSE_HEADER_TOKENS},
    {"references", COMPOSE_HEADER_TOKENS},
    {"resent-date", COMPOSE_HEADER_TOKENS},
    {"resent-message-id", COMPOSE_HEADER_TOKENS},
    {"list-unsubscribe", COMPOSE_HEADER_TOKENS},
    {"list-unsubscribe-post", COMPOSE_HEADER_TOKENS},
    {"list-subscribe", COMPOSE_HEADER_TOKENS},
    {"list-help", COMPOSE_HEADER_TOKENS},
    {"list-owner", COMPOSE_HEADER_TOKENS},
    {"list-post", COMPOSE_HEADER_TOKENS},
    {"list-archive", COMPOSE_HEADER_TOKENS},
    {"auto-submitted", COMPOSE_HEADER_TOKENS},
    {"precedence", COMPOSE_HEADER_TOKENS},
};

enum compose_header_kind compose_header_kind(struct span name)
{
    if (name.len == 0 || name.len > COMPOSE_NAME_MAX)
        return COMPOSE_HEADER_INVALID;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] < 33 || name.at[i] > 126 || name.at[i] == ':')
            return COMPOSE_HEADER_INVALID;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct span known = span_of(kinds[i].name);
        bool begins = known.at[known.len - 1] == '-';
        if (begins ? span_starts_nocase(name, known) : span_equal_nocase(name, known))
            return kinds[i].kind;
    }
    return COMPOSE_HEADER_TEXT;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Printable ASCII in words that fit a line. */
static bool are_tokens(struct span value)
{
    size_t word = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        word = c == ' ' || c == '\t' ? 0 : word + 1;
        if (word > WORD_MAX || c > 126 || (c < 32 && c != '\t'))
            return false;
    }
    return true;
}

int compose_check_header(const struct compose_header *header, enum compose_header_kind kind,
                         size_t index, struct compose_fault *fault)
{
    const char *why = NULL;
    if (kind == COMPOSE_HEADER_INVALID)
        why = "this is no name of a header field";
    else if (kind >= COMPOSE_HEADER_OWN)
        why = "this field cannot be set as an extra header";
    if (why)
        return compose_refuse(fault, COMPOSE_HEADERS, index, "name", why);
    if (!encode_word_is_text(header->value))
        why = "it has a line break, a NUL or bytes that are not UTF-8";
    else if (header->value.len > COMPOSE_VALUE_MAX)
        why = "it is too long";
    else if (kind == COMPOSE_HEADER_TOKENS && !are_tokens(header->value))
        why = "this field can only hold ASCII, in words that fit a line";
    return why ? compose_refuse(fault, COMPOSE_HEADERS, index, "value", why) : 0;
}

static int check_list(const struct compose_list *list, enum compose_field field,
                      struct compose_fault *fault)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *why = address_check(&list->at[i]);
        if (why)
            return compose_refuse(fault, field, i,
                                  span_starts(span_of(why), SPAN("the name")) ? "name" : "address",
                                  why);
    }
    return 0;
}

static int check_lists(const struct compose_letter *letter, struct compose_fault *fault)
{
    const struct {
        const struct compose_list *list;
        enum compose_field field;
    } lists[] = {
        {&letter->from, COMPOSE_FROM},
        {&letter->sender, COMPOSE_SENDER},
        {&letter->reply_to, COMPOSE_REPLY_TO},
        {&letter->to, COMPOSE_TO},
        {&letter->cc, COMPOSE_CC},
    };
    if (letter->from.count == 0)
        return compose_refuse(fault, COMPOSE_FROM, 0, NULL, "a letter needs a sender");
    if (letter->sender.count > 1)
        return compose_refuse(fault, COMPOSE_SENDER, 1, NULL, "there can be one only");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof lists / sizeof *lists; i++)
        rc = check_list(lists[i].list, lists[i].field, fault);
    return rc;
}

struct span compose_bare_id(struct span id)
{
    bool pointed = id.len > 2 && id.at[0] == '<' && id.at[id.len - 1] == '>';
    return pointed ? span_first(span_from(id, 1), id.len - 2) : id;
}

static bool is_id(struct span id)
{
    id = compose_bare_id(id);
    for (size_t i = 0; i < id.len; i++)
        if (id.at[i] < 33 || id.at[i] > 126 || id.at[i] == '<' || id.at[i] == '>')
            return false;
    return id.len > 0 && id.len <= COMPOSE_ID_MAX;
}

static int check_fields(const struct compose_letter *letter, struct compose_fault *fault)
{
    if (!encode_word_is_text(letter->subject))
        return compose_refuse(fault, COMPOSE_SUBJECT, 0, NULL,
                              "it has a line break, a NUL or bytes that are not UTF-8");
    if (letter->subject.len > COMPOSE_VALUE_MAX)
        return compose_refuse(fault, COMPOSE_SUBJECT, 0, NULL, "it is too long");
    if (letter->message_id.len && !is_id(letter->message_id))
        return compose_refuse(fault, COMPOSE_MESSAGE_ID, 0, NULL,
                              "it is not printable ASCII without blanks, or too long");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < letter->header_count; i++)
        rc = compose_check_header(&letter->headers[i], compose_header_kind(letter->headers[i].name),
                                  i, fault);
    return rc;
}

/* --- parts ----------------------------------------------------------------------------------- */

/* Each behind a semicolon; the last may stand for none. */
static bool parameters_are_fine(struct span rest)
{
    char value[MIME_VALUE_MAX];
    struct span name;
    while (rest.len && rest.at[0] == ';') {
        if (!mime_next_parameter(&rest, &name, value, sizeof value))
            break;
        if (!parameter_is_token(name) || name.len > 32 || !encode_word_is_text(span_of(value)))
            return false;
        rest = span_trim(rest);
    }
    return rest.len == 0 || span_equal(rest, SPAN(";"));
}

/* A media type that parts can have; text: of a body. */
static bool is_type(struct span given, bool text)
{
    struct span type, subtype, parameters;
    if (given.len > COMPOSE_TYPE_MAX || !encode_word_is_text(given) ||
        mime_parse_type(given, &type, &subtype, &parameters) < 0 || !parameter_is_token(type) ||
        !parameter_is_token(subtype) || type.len + subtype.len > 127)
        return false;
    if (text ? !span_equal_nocase(type, SPAN("text")) : span_equal_nocase(type, SPAN("multipart")))
        return false;
    return parameters_are_fine(parameters);
}

static int check_texts(const struct compose_letter *letter, struct compose_fault *fault)
{
    static const char why[] = "it has a NUL or bytes that are not UTF-8";
    if (!utf8_is_text(letter->text))
        return compose_refuse(fault, COMPOSE_TEXT, 0, NULL, why);
    if (!utf8_is_text(letter->amp))
        return compose_refuse(fault, COMPOSE_AMP, 0, NULL, why);
    if (!utf8_is_text(letter->html))
        return compose_refuse(fault, COMPOSE_HTML, 0, NULL, why);
    for (size_t i = 0; i < letter->body_count; i++) {
        if (!is_type(letter->bodies[i].type, true))
            return compose_refuse(fault, COMPOSE_BODIES, i, "type", "this is no type of text");
        if (!utf8_is_text(letter->bodies[i].text))
            return compose_refuse(fault, COMPOSE_BODIES, i, "text", why);
    }
    return 0;
}

static int check_attachment(const struct compose_attachment *a, size_t index,
                            struct compose_fault *fault)
{
    if (!encode_word_is_text(a->name))
        return compose_refuse(fault, COMPOSE_ATTACHMENTS, index, "name",
                              "it has a line break, a NUL or bytes that are not UTF-8");
    if (a->name.len > COMPOSE_FILE_MAX)
        return compose_refuse(fault, COMPOSE_ATTACHMENTS, index, "name", "it is too long");
    if (a->type.len && !is_type(a->type, false))
        return compose_refuse(fault, COMPOSE_ATTACHMENTS, index, "type",
                              "this is no media type an attachment can have");
    if (a->content_id.len && !is_id(a->content_id))
        return compose_refuse(fault, COMPOSE_ATTACHMENTS, index, "content_id",
                              "it is not printable ASCII without blanks, or too long");
    return 0;
}

int compose_check(const struct compose_letter *letter, struct compose_fault *fault)
{
    int rc = check_lists(letter, fault);
    if (rc == 0)
        rc = check_fields(letter, fault);
    if (rc == 0)
        rc = check_texts(letter, fault);
    for (size_t i = 0; rc == 0 && i < letter->attachment_count; i++)
        rc = check_attachment(&letter->attachments[i], i, fault);
    return rc;
}
