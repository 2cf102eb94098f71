/*
 * DEFLATE on a stream (RFC 4978 asks for it above TLS): what was received is unpacked into a block
 * of its own, what was written is packed before it is sent. However much unpacks from however
 * little: a block at a time, and the other sessions run in between.
 */
#include "run/deflate.h"
#include "run/stream_internal.h"

#include <errno.h>
#include <stdlib.h>

#define PAUSE_EVERY ((size_t)256 * 1024) /* unpacked: less than a millisecond */
#define PACKED_MAX  (4 * OUT_FLUSH)

int stream_co_start_deflate(struct stream *st)
{
    int rc = stream_co_flush(st);
    if (rc < 0)
        return rc;
    struct stream_deflate *d = calloc(1, sizeof *d);
    rc = d ? inflater_open(&d->inflater) : -ENOMEM;
    if (rc < 0) {
        free(d);
        return st->error = rc;
    }
    d->packed.cap = PACKED_MAX;
    st->deflate = d;
    return 0;
}

bool stream_is_deflated(const struct stream *st)
{
    return st->deflate != NULL;
}

void stream_deflate_free(struct stream *st)
{
    struct stream_deflate *d = st->deflate;
    if (!d)
        return;
    inflater_free(d->inflater);
    block_give(&d->block);
    buffer_free(&d->packed);
    free(d);
    st->deflate = NULL;
}

/* Of what was received, into the block, which has room: how many bytes that gave, or an error. */
static int unpack(struct stream *st)
{
    struct stream_deflate *d = st->deflate;
    struct block *from = stream_received(st), *to = d->block;
    struct span input = from ? span_make(from->bytes + from->at, from->end - from->at) : SPAN("");
    int count = inflater_read(d->inflater, &input, to->bytes + to->end, BLOCK_SIZE - to->end);
    if (from)
        from->at = from->end - (uint32_t)input.len;
    if (count > 0) {
        to->end += (uint32_t)count;
        d->unpaused += (size_t)count;
    }
    return count;
}

int stream_deflate_co_fill(struct stream *st)
{
    struct stream_deflate *d = st->deflate;
    if (d->unpaused >= PAUSE_EVERY) {
        d->unpaused = 0;
        (void)co_pause();
    }
    for (;;) {
        int rc = st->error ? st->error : stream_make_room(st, &d->block);
        if (rc < 0)
            return rc;
        int count = unpack(st);
        if (count != 0)
            return count < 0 ? (st->error = count) : 0;
        stream_deflate_rest(st);
        rc = stream_co_receive(st);
        if (rc < 0)
            return rc;
    }
}

bool stream_deflate_has_input(struct stream *st)
{
    struct stream_deflate *d = st->deflate;
    if (d->block && d->block->end > d->block->at)
        return true;
    while (!st->error && (inflater_has_more(d->inflater) || stream_has_received(st))) {
        int count = stream_make_room(st, &d->block);
        if (count == 0)
            count = unpack(st);
        if (count < 0)
            st->error = count; /* whoever reads will see it */
        if (count != 0)
            return true;
    }
    stream_deflate_rest(st);
    return st->error != 0;
}

void stream_deflate_rest(struct stream *st)
{
    struct stream_deflate *d = st->deflate;
    if (d->block && d->block->at == d->block->end)
        block_give(&d->block);
    inflater_rest(d->inflater);
}

int stream_deflate_pack(struct stream *st)
{
    if (st->out.len == 0)
        return 0;
    int rc = deflate_pack(buffer_span(&st->out), &st->deflate->packed);
    if (st->out.size > 1024)
        buffer_free(&st->out);
    else
        buffer_clear(&st->out);
    return rc < 0 ? (st->error = rc) : 0;
}
