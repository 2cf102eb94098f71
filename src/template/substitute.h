/*
 * Literal replacement of tags, the older way to personalise: SendGrid's "-name-" substitutions,
 * Mailgun's %recipient.name%. Pure.
 *
 * One pass: what a tag is replaced with is not looked at again. Where several tags begin at the
 * same byte the longest wins; of two alike the first.
 */
#ifndef TEMPLATE_SUBSTITUTE_H
#define TEMPLATE_SUBSTITUTE_H

#include "base/buffer.h"

struct substitution {
    struct span tag, value; /* an empty tag is never found */
};

/* Appends text with all tags replaced. -ENOBUFS past out's cap, -ENOMEM; then out is as before. */
must_check int template_substitute(struct span text, const struct substitution *substitutions,
                                   size_t count, struct buffer *out);

#endif
