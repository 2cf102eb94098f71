/*
 * Chunked bodies (RFC 9112 7.1), strictly and in pieces. Pure.
 *
 * Sizes are hexadecimal digits and nothing beside them; extensions are taken when they are short
 * and well-formed, and ignored; every line ends with CRLF. Trailer fields are checked and dropped.
 */
#ifndef HTTP_CHUNK_H
#define HTTP_CHUNK_H

#include "base/error.h"
#include "base/span.h"

#define CHUNK_EXTENSION_MAX 256                /* on one line */
#define CHUNK_REST_MAX      ((size_t)8 * 1024) /* all extensions and trailers of a body */

struct chunk_reader {
    unsigned state; /* of chunk.c; 0 at the start */
    uint64_t left;  /* of the chunk, or its size so far */
    unsigned digits;
    size_t extension, rest, name; /* bytes of a line's extensions, of all, of a name or value */
};

enum { CHUNK_MORE, CHUNK_DATA, CHUNK_END };

/* Takes bytes off *input: CHUNK_DATA with a piece of the body, which lies in input; CHUNK_MORE when
 * all are taken; CHUNK_END behind the body. ERR_SYNTAX; -EMSGSIZE past the limits. */
must_check int chunk_read(struct chunk_reader *reader, struct span *input, struct span *ret_data);

#endif
