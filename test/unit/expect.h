/* What unit tests of pure functions share. */
#ifndef TEST_EXPECT_H
#define TEST_EXPECT_H

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Says both texts when they differ; found may hold a NUL. */
#define expect_span(found, text) expect_span_at(found, text, __FILE__, __LINE__)

static inline void expect_span_at(struct span found, const char *text, const char *file, int line)
{
    if (span_equal(found, span_of(text)))
        return;
    print_error("found:    \"%.*s\"\nexpected: \"%s\"\n", SPAN_PRINT(found), text);
    _fail(file, line);
}

/* A copy of exactly its size on the heap, so that a sanitizer sees a read past the end. */
static inline struct span exact_copy(struct span text)
{
    return span_make(text.len ? memcpy(test_malloc(text.len), text.at, text.len) : test_malloc(1),
                     text.len);
}

#endif
