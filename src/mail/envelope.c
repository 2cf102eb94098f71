/* ENVELOPE; see envelope.h. One pass finds the fields; a second one only where To, Cc or Bcc stand
 * more than once. */
#include "mail/envelope.h"

#include "mail/envelope_internal.h"
#include "mail/header.h"
#include "mail/nstring.h"

#include <errno.h>
#include <stdlib.h>

enum field { DATE, SUBJECT, FROM, SENDER, REPLY_TO, TO, CC, BCC, IN_REPLY_TO, MESSAGE_ID, FIELDS };

static const struct span names[FIELDS] = {
    {"Date", 4}, {"Subject", 7}, {"From", 4}, {"Sender", 6},       {"Reply-To", 8},
    {"To", 2},   {"Cc", 2},      {"Bcc", 3},  {"In-Reply-To", 11}, {"Message-ID", 10},
};

struct fields {
    struct span first[FIELDS]; /* .at NULL: it is not there */
    unsigned count[FIELDS];
};

static void find_fields(struct span header, struct fields *fields)
{
    struct header_field field;
    while (header_next(&header, &field)) {
        for (int i = 0; i < FIELDS; i++) {
            if (field.name.len != names[i].len || !span_equal_nocase(field.name, names[i]))
                continue;
            if (fields->count[i]++ == 0)
                fields->first[i] = field.body;
            break;
        }
    }
}

static int write_text(struct span body, struct buffer *out)
{
    if (!body.at)
        return buffer_append_text(out, "NIL");
    return nstring_write(span_first(body, ENVELOPE_TEXT_MAX), out);
}

static int add_all(struct envelope_list *list, struct span header, enum field which)
{
    struct header_field field;
    int rc = 0;
    while (rc == 0 && header_next(&header, &field))
        if (span_equal_nocase(field.name, names[which]))
            rc = envelope_add_addresses(list, field.body);
    return rc;
}

static bool is_repeated(const struct fields *fields, enum field which)
{
    return fields->count[which] > 1 && (which == TO || which == CC || which == BCC);
}

/* True in *ret_any: there is an address in it. */
static int write_list(struct envelope_list *list, struct span header, const struct fields *fields,
                      enum field which, bool *ret_any)
{
    int rc = 0;
    list->start = list->out->len;
    list->any = false;
    if (is_repeated(fields, which))
        rc = add_all(list, header, which);
    else if (fields->first[which].at)
        rc = envelope_add_addresses(list, fields->first[which]);
    *ret_any = list->any;
    if (rc < 0)
        return rc;
    return buffer_append_text(list->out, list->any ? ")" : "NIL");
}

/* Once more what stands in out already. */
static int repeat(struct buffer *out, size_t from, size_t len)
{
    int rc = buffer_reserve(out, len);
    return rc < 0 ? rc : buffer_append(out, span_make(out->at + from, len));
}

/* Sender and Reply-To are as From where they name nobody. */
static int write_lists(struct envelope_list *list, struct span header, const struct fields *fields)
{
    struct buffer *out = list->out;
    size_t from = out->len, from_len = 0;
    int rc = 0;
    for (enum field i = FROM; rc == 0 && i <= BCC; i++) {
        size_t start = out->len;
        bool any;
        rc = write_list(list, header, fields, i, &any);
        if (i == FROM)
            from_len = out->len - from;
        if (rc == 0 && !any && (i == SENDER || i == REPLY_TO)) {
            out->len = start;
            rc = repeat(out, from, from_len);
        }
        if (rc == 0)
            rc = buffer_append_byte(out, ' ');
    }
    return rc;
}

static int write_texts(const struct fields *fields, enum field first, struct buffer *out)
{
    int rc = write_text(fields->first[first], out);
    if (rc == 0)
        rc = buffer_append_byte(out, ' ');
    return rc < 0 ? rc : write_text(fields->first[first + 1], out);
}

int envelope_write(struct span header, struct buffer *out)
{
    struct fields fields = {0};
    struct envelope_list *list = malloc(sizeof *list);
    if (!list)
        return -ENOMEM;
    list->out = out;
    find_fields(header, &fields);
    int rc = buffer_append_byte(out, '(');
    if (rc == 0)
        rc = write_texts(&fields, DATE, out);
    if (rc == 0)
        rc = buffer_append_byte(out, ' ');
    if (rc == 0)
        rc = write_lists(list, header, &fields);
    if (rc == 0)
        rc = write_texts(&fields, IN_REPLY_TO, out);
    free(list);
    return rc < 0 ? rc : buffer_append_byte(out, ')');
}
