/*
 * Signing what leaves (mail/dkim.h): the body is hashed while it comes, the signatures are made in
 * a lane, once for a letter however many its recipients.
 */
#ifndef SUBMIT_SIGN_H
#define SUBMIT_SIGN_H

#include "mail/dkim.h"
#include "submit/submit.h"

/* The fields for the front of a letter: a signature with each key of the author's domain (folded);
 * none when it has no keys. header: as it will be sent, without them. Yields. */
must_check int sign_co_letter(const struct submit_door *door, const char *domain,
                              struct span header, const unsigned char body_hash[DKIM_HASH],
                              struct buffer *out);

/* A letter that is whole in memory: hash and all signatures. Takes CPU: run it in a lane. */
struct sign_letter {
    const struct dkim_keys *keys;
    const char *domain;
    struct span letter; /* header, blank line, body */
};
must_check int sign_whole(const struct sign_letter *letter, struct buffer *out);

#endif
