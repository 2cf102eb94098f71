/* What the fuzz targets share: claims that must hold for every input. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include "base/span.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* part is empty or lies within whole. */
static inline bool lies_within(struct span part, struct span whole)
{
    return part.len == 0 ||
           (part.at >= whole.at && (size_t)(part.at - whole.at) + part.len <= whole.len);
}

#endif
