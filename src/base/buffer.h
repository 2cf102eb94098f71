/*
 * A buffer: growing bytes that it owns, with a cap given at birth (P7).
 *
 * Growth doubles up to the cap. A failed append changes nothing and returns -ENOBUFS (past the cap)
 * or -ENOMEM. BUFFER(cap) makes an empty one that allocates on first use; buffer_free() gives the
 * memory back and leaves it empty and usable. Spans into a buffer die with the next append.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/error.h"
#include "base/span.h"

struct buffer {
    char *at;
    size_t len, size, cap;
};

#define BUFFER(limit) ((struct buffer){.cap = (limit)})
/* Frees at the end of the block. */
#define AUTO_BUFFER __attribute__((cleanup(buffer_free))) struct buffer

void buffer_free(struct buffer *b);
must_check int buffer_reserve(struct buffer *b, size_t more); /* room for more bytes at the end */
must_check int buffer_append(struct buffer *b, struct span bytes);
must_check int buffer_append_byte(struct buffer *b, char byte);
must_check int buffer_append_text(struct buffer *b, const char *text);
must_check int buffer_append_uint(struct buffer *b, uint64_t value);
must_check int buffer_printf(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_consume(struct buffer *b, size_t count); /* drops bytes at the front */
static inline void buffer_clear(struct buffer *b)
{
    b->len = 0;
}
static inline struct span buffer_span(const struct buffer *b)
{
    return (struct span){b->at ? b->at : "", b->len};
}
/* Terminates with a NUL that is not counted; NULL when there is no memory. */
const char *buffer_text(struct buffer *b);

#endif
