/*
 * DKIM signatures (RFC 6376, Ed25519 by RFC 8463), relaxed/relaxed.
 *
 * Pure, but for keys and random numbers. Fields that change what a reader sees are signed once more
 * than they are there, so that none can be added (5.4, "oversigned").
 */
#ifndef MAIL_DKIM_H
#define MAIL_DKIM_H

#include "base/buffer.h"

#define DKIM_HASH       32
#define DKIM_SELECTOR   32
#define DKIM_SECRET_MAX ((size_t)4096)
#define DKIM_RECORD_MAX ((size_t)1024)
#define DKIM_SIGNATURE  ((size_t)4096) /* of one field, at most */

enum dkim_algorithm { DKIM_RSA = 1 /* 2,048 bits */, DKIM_ED25519 };

struct dkim_key;
must_check int dkim_key_make(enum dkim_algorithm algorithm, struct dkim_key **ret_key);
/* The secret as PKCS #8 DER. ERR_CORRUPT: it is none. */
must_check int dkim_key_load(enum dkim_algorithm algorithm, struct span der,
                             struct dkim_key **ret_key);
must_check int dkim_key_save(const struct dkim_key *key, struct buffer *out);
void dkim_key_free(struct dkim_key *key); /* NULL is fine */
/* "v=DKIM1; k=rsa; p=…", to be published at SELECTOR._domainkey.DOMAIN. */
must_check int dkim_key_record(const struct dkim_key *key, struct buffer *out);

/* The hash of a body that comes in pieces; line ends are CRLF. */
struct dkim_body {
    void *digest; /* OpenSSL's */
    size_t empty_lines, len;
    bool blank, content; /* a blank waits; the line has something */
    char out[512];
};
must_check int dkim_body_begin(struct dkim_body *b);
void dkim_body_take(struct dkim_body *b, struct span bytes);
/* Gives the hash and frees; dkim_body_free alone when it is not wanted. */
must_check int dkim_body_end(struct dkim_body *b, unsigned char ret_hash[DKIM_HASH]);
void dkim_body_free(struct dkim_body *b);

struct dkim_signing {
    const char *domain, *selector;
    int64_t now_ms;
    struct span header; /* as it will be sent, without this field */
    const unsigned char *body_hash;
};
/* Appends the whole field, "DKIM-Signature: …". RSA takes about 0.3 ms. */
must_check int dkim_sign(const struct dkim_key *key, const struct dkim_signing *signing,
                         struct buffer *out);

#endif
