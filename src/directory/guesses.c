/*
 * Wrong passwords, counted; see guesses.h.
 *
 * A count is one moment: when all that was counted will be forgotten. A wrong password moves it on
 * by the count's interval; it is full when it lies further ahead than its share. What is being
 * checked counts as well until it is known how it ended. Counts stand in a fixed table by keyed
 * hash, and of those that meet in a slot the one that ends first goes.
 */
#include "directory/guesses.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS     ((size_t)16384)
#define WAYS      ((size_t)4)
#define LOGIN_MAX ((size_t)512)
#define KNOWN_MS  ((int64_t)30 * 24 * 3600 * 1000)

enum count { OF_ADDRESS, OF_SITE, OF_LOGIN, OF_PAIR, OF_PAIR_SITE, OF_PAIR_REGION, OF_KNOWN };
#define COUNTS OF_KNOWN
static const struct {
    unsigned share;          /* wrong ones at once */
    unsigned share_attacked; /* when the login has had its share */
    int64_t every_ms;        /* and one more in so long */
    unsigned prefix;         /* bytes of an IPv6 address; none: of no address */
    bool login;
} limits[] = {
    [OF_ADDRESS] = {20, 20, 30 * 1000, 8, false},    /* a /64 */
    [OF_SITE] = {80, 80, 8 * 1000, 6, false},        /* a /48 */
    [OF_LOGIN] = {30, UINT_MAX, 60 * 1000, 0, true}, /* its share says only that it is attacked */
    [OF_PAIR] = {6, 1, 60 * 1000, 8, true},          [OF_PAIR_SITE] = {30, 4, 60 * 1000, 6, true},
    [OF_PAIR_REGION] = {30, 16, 60 * 1000, 4, true}, /* a /32 */
    [OF_KNOWN] = {12, 12, 60 * 1000, 8, true},       /* a pair that was right lately */
};

struct slot {
    uint64_t key;
    int64_t until_ms;
    unsigned trying; /* begun, and not ended yet */
};

struct keys {
    uint64_t of[OF_KNOWN + 1];
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

/* How much of it a prefix keeps: nothing of an IPv4 address is cut. 0: loopback, or no address. */
static size_t address_of(const struct sockaddr *peer, unsigned char address[8])
{
    memset(address, 0, 8);
    if (peer->sa_family == AF_INET) {
        memcpy(address + 4, &((const struct sockaddr_in *)peer)->sin_addr, 4);
        return address[4] != 127 ? 8 : 0;
    }
    if (peer->sa_family != AF_INET6)
        return 0;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)peer)->sin6_addr;
    memcpy(address, v6, 8);
    if (!IN6_IS_ADDR_V4MAPPED(v6))
        return IN6_IS_ADDR_LOOPBACK(v6) ? 0 : 1;
    memcpy(address + 4, v6->s6_addr + 12, 4);
    return address[4] != 127 ? 8 : 0;
}

/* False for whom nothing is counted. */
static bool keys_of(const struct guesses *g, const struct sockaddr *peer, struct span login,
                    struct keys *ret_keys)
{
    unsigned char address[8];
    size_t least = address_of(peer, address);
    for (unsigned count = 0; count <= OF_KNOWN; count++) {
        unsigned char text[9 + LOGIN_MAX] = {(unsigned char)count};
        size_t len = 9, prefix = limits[count].prefix;
        if (prefix)
            memcpy(text + 1, address, prefix < least ? least : prefix);
        for (size_t i = 0; limits[count].login && i < login.len && len < sizeof text; i++)
            text[len++] = (unsigned char)ascii_lower(login.at[i]);
        crypto_shorthash((unsigned char *)&ret_keys->of[count], text, len, g->hash_key);
    }
    return least > 0;
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

/* How many are counted now, a begun interval as whole. */
static unsigned counted(struct guesses *g, enum count count, uint64_t key, bool trying)
{
    struct slot *slot = find(g->counts, key);
    int64_t left = slot ? slot->until_ms - clock_mono_ms() : 0;
    int64_t every = limits[count].every_ms;
    return (left > 0 ? (unsigned)((left + every - 1) / every) : 0) +
           (slot && trying ? slot->trying : 0);
}

static void add(struct slot *slot, enum count count)
{
    int64_t now = clock_mono_ms(), every = limits[count].every_ms;
    if (slot->until_ms < now)
        slot->until_ms = now;
    if (slot->until_ms - now < every * 2 * limits[count].share) /* it ends some day */
        slot->until_ms += every;
}

static bool allows(struct guesses *g, const struct keys *keys, bool trying)
{
    struct slot *known = find(g->known, keys->of[OF_KNOWN]);
    if (known && known->until_ms > clock_mono_ms())
        return counted(g, OF_PAIR, keys->of[OF_PAIR], trying) < limits[OF_KNOWN].share;
    bool attacked = counted(g, OF_LOGIN, keys->of[OF_LOGIN], trying) >= limits[OF_LOGIN].share;
    bool allows = true;
    for (enum count count = 0; allows && count < COUNTS; count++)
        allows = counted(g, count, keys->of[count], trying) <
                 (attacked ? limits[count].share_attacked : limits[count].share);
    return allows;
}

/* --- what the logins say ---------------------------------------------------------------------- */

enum guess guesses_begin(struct guesses *g, const struct sockaddr *peer, struct span login)
{
    struct keys keys;
    if (!keys_of(g, peer, login, &keys))
        return GUESS_NOW;
    pthread_mutex_lock(&g->mutex);
    enum guess guess = allows(g, &keys, true)    ? GUESS_NOW
                       : allows(g, &keys, false) ? GUESS_SOON
                                                 : GUESS_LATER;
    for (enum count count = 0; guess == GUESS_NOW && count < COUNTS; count++)
        find_or_make(g->counts, keys.of[count])->trying++;
    pthread_mutex_unlock(&g->mutex);
    return guess;
}

bool guesses_end(struct guesses *g, const struct sockaddr *peer, struct span login,
                 enum guess_end end)
{
    struct keys keys;
    if (!keys_of(g, peer, login, &keys))
        return true;
    pthread_mutex_lock(&g->mutex);
    for (enum count count = 0; count < COUNTS; count++) {
        struct slot *slot = end == GUESS_WRONG ? find_or_make(g->counts, keys.of[count])
                                               : find(g->counts, keys.of[count]);
        if (!slot)
            continue; /* others needed its place */
        if (slot->trying)
            slot->trying--;
        if (end == GUESS_WRONG)
            add(slot, count);
        if (end == GUESS_RIGHT && count == OF_PAIR)
            slot->until_ms = 0;
    }
    if (end == GUESS_RIGHT)
        find_or_make(g->known, keys.of[OF_KNOWN])->until_ms = clock_mono_ms() + KNOWN_MS;
    bool may = allows(g, &keys, false);
    pthread_mutex_unlock(&g->mutex);
    return may;
}
