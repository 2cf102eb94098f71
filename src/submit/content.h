/*
 * What an application wants sent: the letter with its templates, and who gets it with which data.
 *
 * A content is a letter (mail/compose.h) whose subject, bodies and extra fields may be templates. A
 * group is a set of recipients who get one and the same letter: a personalization of SendGrid, a
 * destination of SES, one recipient of a Mailgun batch. Both point into memory of whoever made
 * them: a request's arena, or what package.h has read back.
 */
#ifndef SUBMIT_CONTENT_H
#define SUBMIT_CONTENT_H

#include "mail/compose.h"

struct json_object;

enum content_syntax {
    CONTENT_PLAIN,      /* nothing is replaced */
    CONTENT_HANDLEBARS, /* template/template.h */
    CONTENT_SUBSTITUTE, /* template/substitute.h: each key of the data is a tag */
    CONTENT_BOTH,       /* Handlebars with the content's data, in whose texts the tags of the group
                           are replaced before; then they are replaced in what came out */
};

/* Handlebars: {{> name}}. Substitutes: a section, a tag of all groups with tags in its text. */
struct content_partial {
    struct span name, source;
};

struct content {
    /* Recipients, id, date and domain in it are not looked at: groups and the door say. */
    struct compose_letter letter;
    enum content_syntax syntax;
    struct span data; /* a JSON object: Handlebars' for groups without data; may be empty */
    unsigned helpers; /* Handlebars: enum template_helpers */
    bool plain_html;  /* … values go into HTML as they are (SES) */
    bool strict;      /* … a missing variable is an error, else an event */
    const struct content_partial *partials;
    size_t partial_count;
};

/* What To and Cc say where that is not who gets it. */
struct content_shown {
    struct compose_list to, cc;
};

struct content_group {
    struct compose_list to, cc; /* fields; a batch's group without to gets each recipient there */
    struct compose_list bcc;    /* in the envelope alone */
    struct json_object *data;   /* for the templates, or tags; NULL: none of its own */
    const struct content_shown *shown; /* in place of to and cc in the fields; NULL: those */
    /* In place of the content's, where set: */
    const struct mailbox *from;
    struct span subject;    /* a template too */
    struct span message_id; /* the client's own */
    /* Beside the content's: */
    const struct compose_header *headers;
    size_t header_count;
    int64_t due_ms;   /* not before; 0: the letter's */
    struct span meta; /* what the application wants to hear again (JSON); may be empty */
};

#endif
