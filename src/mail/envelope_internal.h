/* Between envelope.c, which goes through the fields, and envelope_address.c, which writes lists. */
#ifndef MAIL_ENVELOPE_INTERNAL_H
#define MAIL_ENVELOPE_INTERNAL_H

#include "mail/envelope.h"

struct envelope_text {
    size_t len;
    char at[ENVELOPE_WORD_MAX];
};

/* A list being written: "(" stands there as soon as there is an address. */
struct envelope_list {
    struct buffer *out;
    size_t start; /* of the list in out */
    bool any;
    struct span rest;    /* of the field's body */
    struct span comment; /* the last one behind an address */
    bool in_group;
    bool unclosed; /* a quote of this body has no other end: quotes are passed over */
    struct envelope_text name, local, host;
};

/* Appends the addresses of one field's body to the list. */
must_check int envelope_add_addresses(struct envelope_list *list, struct span body);

#endif
