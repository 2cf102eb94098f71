/* DEFLATE of streams; see deflate.h. */
#include "run/deflate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LEVEL                                                                                      \
    1 /* on large text as quick as a disk reads; 6 gains a fifth at a third of the speed */
#define MEMORY      8
#define HISTORY_MAX ((size_t)32 * 1024)
/* So much of a piece shows whether looking for repetitions is worth it. */
#define TASTE ((uInt)4 * 1024)
#define SLACK 64 /* for two ends of blocks that deflateBound does not count */

/* --- out ------------------------------------------------------------------------------------- */

static _Thread_local z_stream *packer;

static int packer_ready(void)
{
    if (packer)
        return deflateReset(packer) == Z_OK &&
                       deflateParams(packer, LEVEL, Z_DEFAULT_STRATEGY) == Z_OK
                   ? 0
                   : -ENOMEM;
    packer = calloc(1, sizeof *packer);
    if (packer &&
        deflateInit2(packer, LEVEL, Z_DEFLATED, -MAX_WBITS, MEMORY, Z_DEFAULT_STRATEGY) == Z_OK)
        return 0;
    free(packer);
    packer = NULL;
    return -ENOMEM;
}

void deflate_pack_end(void)
{
    if (packer)
        deflateEnd(packer);
    free(packer);
    packer = NULL;
}

int deflate_pack(struct span piece, struct buffer *out)
{
    int rc = packer_ready();
    if (rc == 0)
        rc = buffer_reserve(out, deflateBound(packer, piece.len) + SLACK);
    if (rc < 0)
        return rc;
    packer->next_in = (Bytef *)piece.at;
    packer->avail_in = piece.len < TASTE ? (uInt)piece.len : TASTE;
    packer->next_out = (Bytef *)out->at + out->len;
    packer->avail_out = (uInt)(out->size - out->len);
    if (piece.len > TASTE) {
        deflate(packer, Z_BLOCK);
        if (packer->total_out > TASTE * 3 / 5)
            deflateParams(packer, LEVEL, Z_HUFFMAN_ONLY);
        packer->avail_in = (uInt)(piece.len - packer->total_in);
    }
    deflate(packer, Z_FULL_FLUSH);
    if (packer->avail_in || packer->avail_out == 0)
        return -ENOBUFS;
    out->len += packer->total_out;
    return 0;
}

/* --- in -------------------------------------------------------------------------------------- */

struct inflater {
    z_stream *z;   /* NULL while it rests */
    char *history; /* while it rests */
    uInt history_len;
    bool has_more;
    int error;
};

int inflater_open(struct inflater **ret_inflater)
{
    struct inflater *in = calloc(1, sizeof *in);
    if (!in)
        return -ENOMEM;
    *ret_inflater = in;
    return 0;
}

static void inflater_stop(struct inflater *in)
{
    if (in->z)
        inflateEnd(in->z);
    free(in->z);
    in->z = NULL;
}

void inflater_free(struct inflater *in)
{
    if (!in)
        return;
    inflater_stop(in);
    free(in->history);
    free(in);
}

static int inflater_wake(struct inflater *in)
{
    if (in->z)
        return 0;
    in->z = calloc(1, sizeof *in->z);
    if (!in->z || inflateInit2(in->z, -MAX_WBITS) != Z_OK) {
        free(in->z);
        in->z = NULL;
        return -ENOMEM;
    }
    if (in->history_len &&
        inflateSetDictionary(in->z, (const Bytef *)in->history, in->history_len) != Z_OK) {
        inflater_stop(in);
        return -ENOMEM;
    }
    free(in->history);
    in->history = NULL;
    in->history_len = 0;
    return 0;
}

int inflater_read(struct inflater *in, struct span *input, char *at, size_t room)
{
    if (in->error == 0 && (input->len || in->has_more))
        in->error = inflater_wake(in);
    if (in->error || (input->len == 0 && !in->has_more))
        return in->error;
    z_stream *z = in->z;
    z->next_in = (Bytef *)input->at;
    z->avail_in = (uInt)input->len;
    z->next_out = (Bytef *)at;
    z->avail_out = (uInt)room;
    int result = inflate(z, Z_SYNC_FLUSH);
    int count = (int)(room - z->avail_out);
    *input = span_from(*input, input->len - z->avail_in);
    in->has_more = z->avail_out == 0;
    if (result == Z_STREAM_END)
        in->error = ERR_CLOSED;
    else if (result == Z_MEM_ERROR)
        in->error = -ENOMEM;
    else if (result != Z_OK && result != Z_BUF_ERROR)
        in->error = ERR_DEFLATE;
    return count ? count : in->error;
}

bool inflater_has_more(const struct inflater *in)
{
    return in->has_more || in->error;
}

/* Between two blocks and on a byte: the history is all there is to know (zlib.h, data_type). */
void inflater_rest(struct inflater *in)
{
    if (!in->z || in->has_more || in->error || in->z->data_type != 128)
        return;
    uInt len = 0;
    if (inflateGetDictionary(in->z, NULL, &len) != Z_OK || len > HISTORY_MAX)
        return;
    char *history = len ? malloc(len) : NULL;
    if (len && !history)
        return;
    if (len)
        inflateGetDictionary(in->z, (Bytef *)history, &len);
    inflater_stop(in);
    in->history = history;
    in->history_len = len;
}
