/*
 * gzip bodies (RFC 1952), unpacked a piece at a time (zlib). Pure but for memory.
 *
 * Whoever reads counts: a piece is at most 16 KiB, however small its input was.
 */
#ifndef HTTP_GZIP_H
#define HTTP_GZIP_H

#include "base/error.h"
#include "base/span.h"

struct gzip_reader;

must_check int gzip_open(struct gzip_reader **ret_reader); /* -ENOMEM */
void gzip_close(struct gzip_reader *reader);               /* NULL is fine */
/* Takes bytes off *input. 1: a piece, valid until the next call; 0: the input is used up.
 * ERR_SYNTAX. */
must_check int gzip_read(struct gzip_reader *reader, struct span *input, struct span *ret_piece);
/* Nothing is missing: the last member has ended, and at least one came. */
bool gzip_is_complete(const struct gzip_reader *reader);

#endif
