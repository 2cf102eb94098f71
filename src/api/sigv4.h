/*
 * AWS Signature Version 4: is a request signed by who has the secret? Pure.
 *
 * Both forms are read: the Authorization field, and the query of a presigned request. What the
 * client lists in SignedHeaders is signed, whatever it is, but Host and the time must be among it.
 * The body always counts by its own hash; an x-amz-content-sha256 that differs from it is refused,
 * and so is UNSIGNED-PAYLOAD, which SES does not take. The same request again within its fifteen
 * minutes is valid again, as it is at Amazon. (docs.aws.amazon.com, "Signature Version 4 for API
 * requests": canonical request, string to sign, signing key.)
 */
#ifndef API_SIGV4_H
#define API_SIGV4_H

#include "base/arena.h"
#include "base/buffer.h"
#include "http/head.h"

#define SIGV4_SKEW_MS     ((int64_t)15 * 60 * 1000)
#define SIGV4_EXPIRES_MAX (7 * 24 * 3600) /* seconds that a presigned request may be valid */
#define SIGV4_HEX         64              /* of a signature, of a hash */

struct sigv4_request {
    struct span method, path, query; /* as they were sent, still encoded */
    const struct http_field *fields;
    size_t field_count;
    struct span body;
};
struct sigv4 {
    struct span key_id, date, region, service; /* Credential; date is YYYYMMDD */
    struct span signed_headers, signature;
    struct span timestamp; /* X-Amz-Date: YYYYMMDDTHHMMSSZ */
    struct span token;     /* X-Amz-Security-Token: a session's; empty: none */
    int64_t signed_ms;     /* the timestamp */
    uint64_t expires_s;    /* presigned */
    bool presigned;
};

/* What the request says of its signature; spans point into the request and the arena. ERR_ABSENT:
 * it has none; ERR_SYNTAX: *ret_why tells what is missing or wrong. */
must_check int sigv4_read(const struct sigv4_request *request, struct arena *arena,
                          struct sigv4 *ret_signature, const char **ret_why);
/* Is it right, and of this quarter of an hour? 0; ERR_DENIED with *ret_why. The arena needs room
 * for the head. Takes CPU by the body's length. */
must_check int sigv4_check(const struct sigv4_request *request, const struct sigv4 *signature,
                           struct span secret, int64_t now_ms, struct arena *arena,
                           const char **ret_why);
/* The canonical request, as the string to sign hashes it; for tests, too. body_hash: in hex. */
must_check int sigv4_canonical(const struct sigv4_request *request, const struct sigv4 *signature,
                               struct span body_hash, struct arena *arena, struct buffer *out);

#endif
