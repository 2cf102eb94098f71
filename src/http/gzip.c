/* gzip bodies; see gzip.h. */
#include "http/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#define PIECE     ((size_t)16 * 1024)
#define GZIP_ONLY (15 + 16) /* the largest window, and gzip's header instead of zlib's */

struct gzip_reader {
    z_stream z;
    bool between, some; /* no member is open; one has been */
    bool more;          /* the last piece was full: there may be another without input */
    unsigned char piece[PIECE];
};

int gzip_open(struct gzip_reader **ret_reader)
{
    struct gzip_reader *reader = malloc(sizeof *reader);
    if (!reader)
        return -ENOMEM;
    reader->z = (z_stream){0};
    reader->between = true;
    reader->some = reader->more = false;
    if (inflateInit2(&reader->z, GZIP_ONLY) != Z_OK) {
        free(reader);
        return -ENOMEM;
    }
    *ret_reader = reader;
    return 0;
}

void gzip_close(struct gzip_reader *reader)
{
    if (!reader)
        return;
    inflateEnd(&reader->z);
    free(reader);
}

int gzip_read(struct gzip_reader *reader, struct span *input, struct span *ret_piece)
{
    z_stream *z = &reader->z;
    while (input->len || reader->more) {
        if (reader->between && inflateReset(z) != Z_OK) /* members follow each other: 2.2 */
            return ERR_SYNTAX;
        reader->between = false;
        z->next_in = (unsigned char *)input->at;
        z->avail_in = input->len < PIECE ? (unsigned)input->len : (unsigned)PIECE;
        z->next_out = reader->piece;
        z->avail_out = PIECE;
        unsigned had = z->avail_in;
        int rc = inflate(z, Z_NO_FLUSH);
        *input = span_from(*input, had - z->avail_in);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return ERR_SYNTAX;
        if (rc == Z_STREAM_END)
            reader->between = reader->some = true;
        reader->more = z->avail_out == 0 && rc != Z_STREAM_END;
        if (z->avail_out < PIECE) {
            *ret_piece = span_make(reader->piece, PIECE - z->avail_out);
            return 1;
        }
        if (rc == Z_BUF_ERROR)
            break;
    }
    reader->more = false;
    return 0;
}

bool gzip_is_complete(const struct gzip_reader *reader)
{
    return reader->between && reader->some;
}
