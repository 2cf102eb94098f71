/* Random bytes; see random.h. */
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *at, size_t len)
{
    char *next = at;
    while (len) {
        ssize_t got = getrandom(next, len, 0);
        if (got < 0 && errno != EINTR)
            abort();
        if (got > 0) {
            next += got;
            len -= (size_t)got;
        }
    }
}

uint32_t random_below(uint32_t limit)
{
    uint32_t value, past = UINT32_MAX - UINT32_MAX % limit;
    do {
        random_bytes(&value, sizeof value);
    } while (value >= past);
    return value % limit;
}
