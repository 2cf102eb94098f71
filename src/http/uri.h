/*
 * Percent-encoding, strictly (RFC 3986 2.1, and form encoding), and paths cut into segments. Pure.
 *
 * What comes out is UTF-8 without NUL, or it is refused.
 */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include "base/arena.h"
#include "base/buffer.h"

#define HTTP_SEGMENTS_MAX 24

/* Decodes into the arena; form: '+' is a blank. ERR_SYNTAX: a '%' without two digits, NUL, no
 * UTF-8. -ENOMEM: past the arena's cap. Text without '%' and '+' is not copied. */
must_check int http_percent_decode(struct span text, bool form, struct arena *arena,
                                   struct span *ret_text);

/* The way back: everything but unreserved characters (RFC 3986 2.3) is encoded. */
must_check int http_percent_encode(struct span text, struct buffer *out);

/* "/v3/mail/send" is v3, mail, send; "/" is one empty segment. An encoded slash stays inside its
 * segment, where only a {name} of a route can meet it. ERR_SYNTAX also for control characters and
 * for the segments "." and ".."; -E2BIG: too many. */
must_check int http_split_path(struct span path, struct arena *arena,
                               struct span ret_segments[HTTP_SEGMENTS_MAX], unsigned *ret_count);

#endif
