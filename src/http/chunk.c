/* Chunked bodies; see chunk.h. */
#include "http/chunk.h"

#include "http/scan.h"

#include <errno.h>

#define DIGITS_MAX 15 /* less than 2^60 */

enum state {
    SIZE,
    EXTENSION, /* ";" name ["=" value], and again */
    VALUE,
    QUOTED,
    BEHIND_VALUE,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER, /* the start of a line behind the last chunk */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    ENDED,
};

static int hex_digit(char byte)
{
    if (ascii_is_digit(byte))
        return byte - '0';
    char lower = ascii_lower(byte);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static int go(struct chunk_reader *r, enum state state)
{
    r->state = state;
    return 0;
}

static int read_size(struct chunk_reader *r, char byte)
{
    int digit = hex_digit(byte);
    if (digit >= 0) {
        if (++r->digits > DIGITS_MAX)
            return -EMSGSIZE;
        r->left = r->left * 16 + (unsigned)digit;
        return 0;
    }
    if (r->digits == 0 || (byte != '\r' && byte != ';'))
        return ERR_SYNTAX;
    r->extension = r->name = 0;
    return go(r, byte == '\r' ? SIZE_LF : EXTENSION);
}

/* What may follow a complete extension. */
static int end_extension(struct chunk_reader *r, char byte)
{
    r->name = 0;
    if (byte == ';')
        return go(r, EXTENSION);
    return byte == '\r' ? go(r, SIZE_LF) : ERR_SYNTAX;
}

/* Inside quotes a line end would end the line only for who does not take the quotes seriously. */
static int read_extension(struct chunk_reader *r, char byte)
{
    if (byte != '\r' && (++r->extension > CHUNK_EXTENSION_MAX || ++r->rest > CHUNK_REST_MAX))
        return -EMSGSIZE;
    switch (r->state) {
    case EXTENSION:
        if (http_is_token_byte(byte)) {
            r->name++;
            return 0;
        }
        if (r->name == 0)
            return ERR_SYNTAX;
        if (byte != '=')
            return end_extension(r, byte);
        r->name = 0;
        return go(r, VALUE);
    case VALUE:
        if (byte == '"' && r->name == 0)
            return go(r, QUOTED);
        if (http_is_token_byte(byte)) {
            r->name++;
            return 0;
        }
        return r->name ? end_extension(r, byte) : ERR_SYNTAX;
    case QUOTED:
        if (byte == '"')
            return go(r, BEHIND_VALUE);
        return (http_is_visible_byte(byte) && byte != '\\') || byte == ' ' ? 0 : ERR_SYNTAX;
    default:
        return end_extension(r, byte);
    }
}

static int read_trailer(struct chunk_reader *r, char byte)
{
    if (++r->rest > CHUNK_REST_MAX)
        return -EMSGSIZE;
    if (r->state == TRAILER_VALUE) {
        if (byte == '\r')
            return go(r, TRAILER_LF);
        return http_is_value_byte(byte) ? 0 : ERR_SYNTAX;
    }
    if (r->state == TRAILER && byte == '\r')
        return go(r, END_LF);
    if (r->state == TRAILER_NAME && byte == ':')
        return go(r, TRAILER_VALUE);
    return http_is_token_byte(byte) ? go(r, TRAILER_NAME) : ERR_SYNTAX;
}

static int read_line_end(struct chunk_reader *r, char byte)
{
    if (byte != (r->state == DATA_CR ? '\r' : '\n'))
        return ERR_SYNTAX;
    switch (r->state) {
    case SIZE_LF:
        return go(r, r->left ? DATA : TRAILER);
    case DATA_CR:
        return go(r, DATA_LF);
    case DATA_LF:
        r->digits = 0;
        return go(r, SIZE);
    case TRAILER_LF:
        return go(r, TRAILER);
    default:
        return go(r, ENDED);
    }
}

static int read_byte(struct chunk_reader *r, char byte)
{
    switch (r->state) {
    case SIZE:
        return read_size(r, byte);
    case EXTENSION:
    case VALUE:
    case QUOTED:
    case BEHIND_VALUE:
        return read_extension(r, byte);
    case TRAILER:
    case TRAILER_NAME:
    case TRAILER_VALUE:
        return read_trailer(r, byte);
    default:
        return read_line_end(r, byte);
    }
}

int chunk_read(struct chunk_reader *r, struct span *input, struct span *ret_data)
{
    while (r->state != ENDED && input->len) {
        if (r->state == DATA) {
            *ret_data = span_first(*input, r->left < input->len ? (size_t)r->left : input->len);
            *input = span_from(*input, ret_data->len);
            r->left -= ret_data->len;
            if (r->left == 0)
                r->state = DATA_CR;
            return CHUNK_DATA;
        }
        int rc = read_byte(r, input->at[0]);
        if (rc < 0)
            return rc;
        *input = span_from(*input, 1);
    }
    return r->state == ENDED ? CHUNK_END : CHUNK_MORE;
}
