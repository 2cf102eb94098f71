/* Limits on open connections; see crowd.h. */
#include "run/crowd.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct visitor {
    unsigned char address[8]; /* IPv4 behind zeros, or an IPv6 /64; or a user's id */
    uint32_t count;
    UT_hash_handle hh;
};

struct crowd {
    pthread_mutex_t mutex;
    struct visitor *visitors;
    uint32_t size, max, max_per_address;
};

int crowd_create(uint32_t max, uint32_t max_per_address, struct crowd **ret_crowd)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    if (!crowd)
        return -ENOMEM;
    pthread_mutex_init(&crowd->mutex, NULL);
    crowd->max = max;
    crowd->max_per_address = max_per_address;
    *ret_crowd = crowd;
    return 0;
}

void crowd_free(struct crowd *crowd)
{
    struct visitor *visitor, *next;
    if (!crowd)
        return;
    HASH_ITER (hh, crowd->visitors, visitor, next) {
        HASH_DEL(crowd->visitors, visitor); /* NOLINT: it loses track */
        free(visitor);
    }
    pthread_mutex_destroy(&crowd->mutex);
    free(crowd);
}

/* False for loopback: it is not told apart. */
static bool key_of(const struct sockaddr *peer, unsigned char key[8])
{
    memset(key, 0, 8);
    if (peer->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
        memcpy(key + 4, &v4->sin_addr, 4);
        return key[4] != 127;
    }
    if (peer->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
        memcpy(key, &v6->sin6_addr, 8);
        return !IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
    return false;
}

static bool visitor_enter(struct crowd *crowd, const unsigned char key[8])
{
    struct visitor *visitor;
    HASH_FIND(hh, crowd->visitors, key, sizeof visitor->address, visitor);
    if (!visitor) {
        visitor = calloc(1, sizeof *visitor);
        if (!visitor)
            return false;
        memcpy(visitor->address, key, sizeof visitor->address);
        HASH_ADD(hh, crowd->visitors, address, sizeof visitor->address, visitor);
    }
    if (visitor->count >= crowd->max_per_address)
        return false;
    visitor->count++;
    return true;
}

/* key NULL: is not told apart. */
static bool enter(struct crowd *crowd, const unsigned char *key)
{
    pthread_mutex_lock(&crowd->mutex);
    bool enters = crowd->size < crowd->max;
    if (enters && key)
        enters = visitor_enter(crowd, key);
    crowd->size += enters;
    pthread_mutex_unlock(&crowd->mutex);
    return enters;
}

static void leave(struct crowd *crowd, const unsigned char *key)
{
    struct visitor *visitor = NULL;
    pthread_mutex_lock(&crowd->mutex);
    crowd->size--;
    if (key)
        HASH_FIND(hh, crowd->visitors, key, sizeof visitor->address, visitor);
    if (visitor && --visitor->count == 0) {
        HASH_DEL(crowd->visitors, visitor);
        free(visitor);
    }
    pthread_mutex_unlock(&crowd->mutex);
}

bool crowd_enter(struct crowd *crowd, const struct sockaddr *peer)
{
    unsigned char key[8];
    return !crowd || enter(crowd, key_of(peer, key) ? key : NULL);
}

void crowd_leave(struct crowd *crowd, const struct sockaddr *peer)
{
    unsigned char key[8];
    if (crowd)
        leave(crowd, key_of(peer, key) ? key : NULL);
}

bool crowd_enter_user(struct crowd *crowd, int64_t user)
{
    return !crowd || enter(crowd, (const unsigned char *)&user);
}

void crowd_leave_user(struct crowd *crowd, int64_t user)
{
    if (crowd)
        leave(crowd, (const unsigned char *)&user);
}

uint32_t crowd_size(struct crowd *crowd)
{
    pthread_mutex_lock(&crowd->mutex);
    uint32_t size = crowd->size;
    pthread_mutex_unlock(&crowd->mutex);
    return size;
}
