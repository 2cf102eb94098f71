/*
 * Templates: the language of Handlebars 4.7, compiled once, rendered many times. Pure functions.
 *
 * template_compile() makes a flat, read-only program that threads may share; template_render()
 * walks it with data (json-c) and appends to a buffer. Both fail with a code and a struct
 * template_error that names line and column and says what to do:
 *
 *   ERR_SYNTAX   the source does not follow the grammar
 *   ERR_ABSENT   strict: a variable is missing; a partial is not in the table
 *   ERR_FULL     a budget is used up: operations, nesting, output
 *   -EINVAL      a helper was given what it cannot take, or does not exist
 *   -ENOMEM
 *
 * What is rendered is what npm's handlebars 4.7 renders, byte for byte, with these exceptions, all
 * of which fail or misbehave there: `array.0` may end a path; an inline partial sees the block
 * parameters around it; a decorator other than inline with one name is an error already when it
 * is compiled; @_parent does not exist; a strict template does not know the names of
 * Object.prototype; {{{a}}}{{{b}}} are two texts (there two numbers at the start of a block are
 * added). A helper of a dialect is one only where it has arguments: {{length}} alone is a
 * variable. Only the data's own properties can be reached, never a prototype.
 *
 * Neither yields. Both descend as deep as the limits below say, on up to 80 KiB of stack, and may
 * take milliseconds with large data: what is not small belongs into a lane.
 */
#ifndef TEMPLATE_TEMPLATE_H
#define TEMPLATE_TEMPLATE_H

#include "base/buffer.h"

struct json_object;
struct template;

#define TEMPLATE_SOURCE_MAX    (4U << 20) /* bytes of source */
#define TEMPLATE_NESTING_MAX   100     /* blocks, else-ifs and subexpressions within each other */
#define TEMPLATE_ARGUMENTS_MAX 1000    /* of one call; and as many name=value pairs */
#define TEMPLATE_DEPTH_MAX     60      /* blocks and partials within each other while rendering */
#define TEMPLATE_OPERATIONS    1000000 /* the budget of a render that names none */
#define TEMPLATE_OUTPUT_MAX    (16U << 20) /* bytes, likewise */

/* Helpers beside Handlebars' own (if, unless, each, with, lookup, log). */
enum template_helpers {
    TEMPLATE_SENDGRID =
        1, /* equals notEquals greaterThan lessThan and or length insert formatDate */
    TEMPLATE_MAILGUN = 2, /* equal */
};

struct template_options {
    unsigned helpers; /* of enum template_helpers */
    bool plain;       /* {{x}} is not escaped for HTML: text parts, subjects, SES */
    bool strict;      /* a missing variable is an error */
};

struct template_error {
    unsigned line, column; /* from 1, in characters; 0 when there is no place */
    struct span variable;  /* ERR_ABSENT: the missing path; lives as long as the template */
    char text[256];        /* "line 3, column 5: …" */
};

/* A partial by the name that {{> name}} calls it; options are those it was compiled with. */
struct template_partial {
    struct span name;
    const struct template *template;
};

struct template_call {
    const struct template_partial *partials; /* caller's, for the length of the call */
    size_t partial_count;
    uint64_t operations; /* 0: TEMPLATE_OPERATIONS */
    size_t output_max;   /* bytes that may be appended; 0: TEMPLATE_OUTPUT_MAX */
    /* Told of each variable that is missing where it was to be shown (not strict); may be NULL. */
    void (*missing)(void *arg, struct span path, unsigned line, unsigned column);
    void *arg;
};

/* options NULL: the plain language. The source is copied. ret_error is written on failure only. */
must_check int template_compile(struct span source, const struct template_options *options,
                                struct template **ret_template, struct template_error *ret_error);
void template_free(struct template *template);
size_t template_size(const struct template *template); /* bytes of memory, for caches */

/* data may be NULL (JSON null); it is only read. call may be NULL. On failure out is as before. */
must_check int template_render(const struct template *template, struct json_object *data,
                               const struct template_call *call, struct buffer *out,
                               struct template_error *ret_error);

#endif
