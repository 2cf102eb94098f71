/*
 * Wrong passwords, counted; see guesses.h.
 *
 * A count is one moment: when all that was counted will be forgotten. A wrong password moves it on
 * by the count's interval; it is full when it lies further ahead than its share. Counts stand in a
 * fixed table by keyed hash, and of those that meet in a slot the one that ends first goes.
 */
#include "directory/guesses.h"

#include "base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS     ((size_t)16384)
#define WAYS      ((size_t)4)
#define LOGIN_MAX ((size_t)512)
#define KNOWN_MS  ((int64_t)30 * 24 * 3600 * 1000)

enum count { OF_ADDRESS, OF_LOGIN, OF_PAIR, OF_KNOWN };
static const struct {
    unsigned share;   /* wrong ones at once */
    int64_t every_ms; /* and one more in so long */
} limits[] = {
    [OF_ADDRESS] = {20, 30 * 1000}, [OF_LOGIN] = {30, 60 * 1000}, [OF_PAIR] = {6, 60 * 1000}};
#define PAIR_KNOWN 12 /* the share of a pair that was right lately */

struct slot {
    uint64_t key;
    int64_t until_ms;
};

struct guesses {
    pthread_mutex_t mutex;
    unsigned char hash_key[crypto_shorthash_KEYBYTES];
    struct slot counts[SLOTS], known[SLOTS];
};

int guesses_create(struct guesses **ret_guesses)
{
    struct guesses *g = calloc(1, sizeof *g);
    if (!g)
        return -ENOMEM;
    pthread_mutex_init(&g->mutex, NULL);
    crypto_shorthash_keygen(g->hash_key);
    *ret_guesses = g;
    return 0;
}

void guesses_free(struct guesses *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->mutex);
    free(g);
}

/* --- keys ------------------------------------------------------------------------------------- */

/* False for loopback and what has no address. */
static bool address_of(const struct sockaddr *peer, unsigned char address[8])
{
    memset(address, 0, 8);
    if (peer->sa_family == AF_INET) {
        memcpy(address + 4, &((const struct sockaddr_in *)peer)->sin_addr, 4);
        return address[4] != 127;
    }
    if (peer->sa_family != AF_INET6)
        return false;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)peer)->sin6_addr;
    memcpy(address, v6, 8);
    if (!IN6_IS_ADDR_V4MAPPED(v6))
        return !IN6_IS_ADDR_LOOPBACK(v6);
    memcpy(address + 4, v6->s6_addr + 12, 4);
    return address[4] != 127;
}

static uint64_t key_of(const struct guesses *g, enum count count, const unsigned char address[8],
                       struct span login)
{
    unsigned char text[9 + LOGIN_MAX] = {(unsigned char)count};
    size_t len = 9;
    uint64_t key;
    if (count != OF_LOGIN)
        memcpy(text + 1, address, 8);
    for (size_t i = 0; count != OF_ADDRESS && i < login.len && len < sizeof text; i++)
        text[len++] = (unsigned char)ascii_lower(login.at[i]);
    crypto_shorthash((unsigned char *)&key, text, len, g->hash_key);
    return key;
}

/* --- counts ----------------------------------------------------------------------------------- */

static struct slot *find(struct slot *slots, uint64_t key)
{
    struct slot *set = slots + key % (SLOTS / WAYS) * WAYS;
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

static struct slot *find_or_make(struct slot *slots, uint64_t key)
{
    struct slot *found = find(slots, key), *set = slots + key % (SLOTS / WAYS) * WAYS;
    if (found)
        return found;
    found = set;
    for (size_t i = 1; i < WAYS; i++)
        if (set[i].until_ms < found->until_ms)
            found = &set[i];
    *found = (struct slot){.key = key};
    return found;
}

/* How many are counted now, a begun one as whole. */
static unsigned counted(struct guesses *g, enum count count, uint64_t key)
{
    struct slot *slot = find(g->counts, key);
    int64_t left = slot ? slot->until_ms - clock_mono_ms() : 0;
    int64_t every = limits[count].every_ms;
    return left > 0 ? (unsigned)((left + every - 1) / every) : 0;
}

static void add(struct guesses *g, enum count count, uint64_t key)
{
    struct slot *slot = find_or_make(g->counts, key);
    int64_t now = clock_mono_ms(), every = limits[count].every_ms;
    if (slot->until_ms < now)
        slot->until_ms = now;
    if (slot->until_ms - now < every * 2 * limits[count].share) /* it ends some day */
        slot->until_ms += every;
}

static bool allows(struct guesses *g, const unsigned char address[8], struct span login)
{
    unsigned of_pair = counted(g, OF_PAIR, key_of(g, OF_PAIR, address, login));
    struct slot *known = find(g->known, key_of(g, OF_KNOWN, address, login));
    if (known && known->until_ms > clock_mono_ms())
        return of_pair < PAIR_KNOWN;
    if (counted(g, OF_ADDRESS, key_of(g, OF_ADDRESS, address, login)) >= limits[OF_ADDRESS].share)
        return false;
    bool attacked =
        counted(g, OF_LOGIN, key_of(g, OF_LOGIN, address, login)) >= limits[OF_LOGIN].share;
    return of_pair < (attacked ? 1 : limits[OF_PAIR].share);
}

/* --- what the logins say ---------------------------------------------------------------------- */

bool guesses_may_try(struct guesses *g, const struct sockaddr *peer, struct span login)
{
    unsigned char address[8];
    if (!address_of(peer, address))
        return true;
    pthread_mutex_lock(&g->mutex);
    bool may = allows(g, address, login);
    pthread_mutex_unlock(&g->mutex);
    return may;
}

bool guesses_wrong(struct guesses *g, const struct sockaddr *peer, struct span login)
{
    unsigned char address[8];
    if (!address_of(peer, address))
        return true;
    pthread_mutex_lock(&g->mutex);
    for (enum count count = OF_ADDRESS; count <= OF_PAIR; count++)
        add(g, count, key_of(g, count, address, login));
    bool may = allows(g, address, login);
    pthread_mutex_unlock(&g->mutex);
    return may;
}

void guesses_right(struct guesses *g, const struct sockaddr *peer, struct span login)
{
    unsigned char address[8];
    if (!address_of(peer, address))
        return;
    pthread_mutex_lock(&g->mutex);
    struct slot *pair = find(g->counts, key_of(g, OF_PAIR, address, login));
    if (pair)
        pair->until_ms = 0;
    find_or_make(g->known, key_of(g, OF_KNOWN, address, login))->until_ms =
        clock_mono_ms() + KNOWN_MS;
    pthread_mutex_unlock(&g->mutex);
}
