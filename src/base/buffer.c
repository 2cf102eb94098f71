/* Growing bytes with a cap; see buffer.h. */
#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST 64

void buffer_free(struct buffer *b)
{
    free(b->at);
    b->at = NULL;
    b->len = b->size = 0;
}

int buffer_reserve(struct buffer *b, size_t more)
{
    if (more <= b->size - b->len)
        return 0;
    if (more > b->cap || b->len > b->cap - more)
        return -ENOBUFS;
    size_t need = b->len + more;
    size_t size = b->size ? b->size : BUFFER_FIRST;
    while (size < need)
        size *= 2;
    if (size > b->cap)
        size = b->cap;
    char *grown = realloc(b->at, size);
    if (!grown)
        return -ENOMEM;
    b->at = grown;
    b->size = size;
    return 0;
}

int buffer_append(struct buffer *b, struct span bytes)
{
    int rc = buffer_reserve(b, bytes.len);
    if (rc == 0 && bytes.len) {
        memcpy(b->at + b->len, bytes.at, bytes.len);
        b->len += bytes.len;
    }
    return rc;
}

int buffer_append_byte(struct buffer *b, char byte)
{
    return buffer_append(b, (struct span){&byte, 1});
}

int buffer_append_text(struct buffer *b, const char *text)
{
    return buffer_append(b, span_of(text));
}

int buffer_append_uint(struct buffer *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return buffer_append(b, (struct span){digits + at, sizeof digits - at});
}

int buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;
    size_t room = b->size - b->len;
    va_start(args, format);
    int need = vsnprintf(b->at ? b->at + b->len : NULL, room, format, args);
    va_end(args);
    if (need < 0)
        return -EINVAL;
    if ((size_t)need >= room) { /* once more, with room */
        int rc = buffer_reserve(b, (size_t)need + 1);
        if (rc < 0)
            return rc;
        va_start(args, format);
        vsnprintf(b->at + b->len, (size_t)need + 1, format, args);
        va_end(args);
    }
    b->len += (size_t)need;
    return 0;
}

void buffer_consume(struct buffer *b, size_t count)
{
    if (count >= b->len) {
        b->len = 0;
        return;
    }
    memmove(b->at, b->at + count, b->len - count);
    b->len -= count;
}

const char *buffer_text(struct buffer *b)
{
    if (b->len == b->size) {
        char *grown = realloc(b->at, b->len + 1);
        if (!grown)
            return NULL;
        b->at = grown;
        b->size = b->len + 1;
    }
    b->at[b->len] = '\0';
    return b->at;
}
