/*
 * A letter on its way through the Mailgun dialect: what its options say (form fields that begin
 * with o:, h:, v:, t:, or fields of a letter that begin with X-Mailgun-), and what becomes of it.
 */
#ifndef API_MAILGUN_CALL_H
#define API_MAILGUN_CALL_H

#include "api/mailgun.h"
#include "submit/merge.h"

#define MAILGUN_RECIPIENTS_MAX 1000
#define MAILGUN_OPTIONS_MAX    ((size_t)16 * 1024)
#define MAILGUN_LETTER_MAX     ((size_t)25 * 1024 * 1024)

struct mailgun_call {
    const struct api *api;
    const struct mailgun_caller *caller;
    struct arena arena;
    /* NULL until there is one: */
    struct json_object *tags;       /* o:tag: an array */
    struct json_object *options;    /* the other o: */
    struct json_object *variables;  /* v: */
    struct json_object *data;       /* t:variables */
    struct json_object *recipients; /* recipient-variables, by address in lower case; makes it a
                                       batch: one letter for each of to */
    unsigned uses;                  /* which %recipient…% tags the letter has */
    struct span template, version;
    bool text_too; /* t:text */
    bool composed; /* by the client: h: are fields beside its own, or in their place */
    struct compose_list to, cc, bcc;
    struct compose_header headers[MERGE_PARTS_MAX]; /* h: */
    struct content content;                         /* From, subject, … */
    struct send send;
    char why[300]; /* of a refusal */
};

void mailgun_call_open(struct mailgun_call *c, const struct api *api,
                       const struct mailgun_caller *caller, const char *source);
void mailgun_call_close(struct mailgun_call *c);

/* Keeps the words for the client; ERR_SYNTAX. */
int mailgun_refuse(struct mailgun_call *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes what an option says: "o:tag", "h:X-A", "v:b", "t:variables", "template",
 * "recipient-variables"; any other name is none. ERR_SYNTAX (why says), -ENOMEM. */
must_check int mailgun_option(struct mailgun_call *c, struct span name, struct span value);
/* The same for a field "X-Mailgun-…" of a letter; what is unknown is left out. */
must_check int mailgun_option_field(struct mailgun_call *c, struct span name, struct span value);
bool mailgun_is_option_field(struct span name);
/* Adds addresses to a list; name: of the parameter. */
must_check int mailgun_add_addresses(struct mailgun_call *c, const char *name, struct span text,
                                     struct compose_list *list);

/* The stored template, if one is named: its parts, and its fields where the call has none.
 * Yields. */
must_check int mailgun_co_take_template(struct mailgun_call *c);
/* Text is UTF-8, and options are not too many. ERR_SYNTAX. */
must_check int mailgun_check_fields(struct mailgun_call *c, const struct form *form);
/* v: are told the recipient, in the field X-Mailgun-Variables, unless o:suppress-headers names it;
 * but for those that a template or a recipient's variables would be put into. */
must_check int mailgun_show_variables(struct mailgun_call *c);
/* Which tags a text has. */
void mailgun_note_tags(struct mailgun_call *c, struct span text);
/* Groups, data and meta are made of all this; then it can be sent. */
must_check int mailgun_finish(struct mailgun_call *c);

/* mailgun_letter.c: the form of messages.mime. Yields. */
must_check int mailgun_co_read_mime(struct mailgun_call *c, const struct form *form);
/* mailgun_send.c: sends, and answers. Yields. */
must_check int mailgun_co_send(struct mailgun_call *c, struct http_request *r);

#endif
