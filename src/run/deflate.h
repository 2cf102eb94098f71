/*
 * DEFLATE (RFC 1951, without a wrapper) of a conversation, both ways (zlib). No I/O.
 *
 * What goes out is packed piece by piece. A piece refers to nothing before it and ends with a byte:
 * whoever sees how long pieces are learns nothing of one from another (CRIME), and nothing is kept
 * between them, so that one packer serves all streams of a thread. What comes in is unpacked with a
 * bound. For streams, see stream_internal.h.
 */
#ifndef RUN_DEFLATE_H
#define RUN_DEFLATE_H

#include "base/buffer.h"

#include <stdbool.h>

/* Appends the piece, packed. Quick where little is to be had (base64, images). -ENOMEM, -ENOBUFS.
 */
must_check int deflate_pack(struct span piece, struct buffer *out);
/* The thread's loop has ended. */
void deflate_pack_end(void);

struct inflater;
must_check int inflater_open(struct inflater **ret_inflater); /* -ENOMEM */
void inflater_free(struct inflater *in);                      /* NULL is fine */
/* Unpacks from *input, off which it takes what it used, at most room bytes. Returns how many; 0:
 * all input is used and gave nothing. ERR_DEFLATE, -ENOMEM, ERR_CLOSED: the other side ended it. */
must_check int inflater_read(struct inflater *in, struct span *input, char *at, size_t room);
/* More comes without input. */
bool inflater_has_more(const struct inflater *in);
/* While nothing comes, only the history is kept: what the other side has said, 32 KiB at most. */
void inflater_rest(struct inflater *in);

#endif
