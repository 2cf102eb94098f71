/* What the files of compose share; see compose.h. */
#ifndef MAIL_COMPOSE_INTERNAL_H
#define MAIL_COMPOSE_INTERNAL_H

#include "mail/compose.h"

/* Text as it is, then content, encoded. */
struct compose_step {
    struct span text, content;
    enum transfer_encoding encoding;
};

must_check int compose_refuse(struct compose_fault *fault, enum compose_field field, size_t index,
                              const char *member, const char *why); /* ERR_SYNTAX */
/* Everything but the values of header fields of addresses, which are checked as they are parsed. */
must_check int compose_check(const struct compose_letter *letter, struct compose_fault *fault);
/* One extra field of that kind; index is for the fault. */
must_check int compose_check_header(const struct compose_header *header,
                                    enum compose_header_kind kind, size_t index,
                                    struct compose_fault *fault);
/* Without "<>". */
struct span compose_bare_id(struct span id);

/* The root's Content-Type and the like go to header, the rest into c's steps. */
must_check int compose_plan(const struct compose_letter *letter, struct arena *arena,
                            struct buffer *header, struct compose *c);

#endif
