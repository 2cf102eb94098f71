/*
 * Credentials verified a moment ago; see internal.h.
 *
 * A fixed table of keyed BLAKE2b hashes over login, password and version; the key is random and of
 * this process. An entry is used for a minute at most; a newer one may push it out.
 */
#include "directory/internal.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS     16384
#define WAYS      4
#define KEEP_MS   (60 * 1000)
#define HASH_SIZE 32

struct credential {
    unsigned char hash[HASH_SIZE];
    int64_t until_ms;
};

struct credential_cache {
    pthread_mutex_t mutex;
    unsigned char key[crypto_generichash_KEYBYTES];
    struct credential slots[SLOTS];
};

int credential_cache_create(struct credential_cache **ret_cache)
{
    struct credential_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return -ENOMEM;
    pthread_mutex_init(&cache->mutex, NULL);
    crypto_generichash_keygen(cache->key);
    *ret_cache = cache;
    return 0;
}

void credential_cache_free(struct credential_cache *cache)
{
    if (!cache)
        return;
    pthread_mutex_destroy(&cache->mutex);
    sodium_memzero(cache, sizeof *cache);
    free(cache);
}

static void hash_span(crypto_generichash_state *state, struct span bytes)
{
    uint64_t len = bytes.len; /* so that no two pairs run together to the same bytes */
    crypto_generichash_update(state, (const unsigned char *)&len, sizeof len);
    crypto_generichash_update(state, (const unsigned char *)bytes.at, bytes.len);
}

static size_t hash_credential(struct credential_cache *cache, struct span login,
                              struct span password, int64_t version, unsigned char out[HASH_SIZE])
{
    crypto_generichash_state state;
    uint32_t slot;
    crypto_generichash_init(&state, cache->key, sizeof cache->key, HASH_SIZE);
    hash_span(&state, login);
    hash_span(&state, password);
    hash_span(&state, span_make(&version, sizeof version));
    crypto_generichash_final(&state, out, HASH_SIZE);
    sodium_memzero(&state, sizeof state);
    memcpy(&slot, out, sizeof slot);
    return slot % (SLOTS / WAYS) * WAYS;
}

bool credential_cache_knows(struct credential_cache *cache, struct span login, struct span password,
                            int64_t version)
{
    unsigned char hash[HASH_SIZE];
    size_t slot = hash_credential(cache, login, password, version, hash);
    int64_t now = clock_mono_ms();
    bool known = false;
    pthread_mutex_lock(&cache->mutex);
    for (size_t i = slot; i < slot + WAYS; i++)
        if (cache->slots[i].until_ms > now &&
            sodium_memcmp(cache->slots[i].hash, hash, HASH_SIZE) == 0)
            known = true;
    pthread_mutex_unlock(&cache->mutex);
    return known;
}

void credential_cache_keep(struct credential_cache *cache, struct span login, struct span password,
                           int64_t version)
{
    unsigned char hash[HASH_SIZE];
    size_t slot = hash_credential(cache, login, password, version, hash), oldest = slot;
    pthread_mutex_lock(&cache->mutex);
    for (size_t i = slot; i < slot + WAYS; i++)
        if (cache->slots[i].until_ms < cache->slots[oldest].until_ms)
            oldest = i;
    memcpy(cache->slots[oldest].hash, hash, HASH_SIZE);
    cache->slots[oldest].until_ms = clock_mono_ms() + KEEP_MS;
    pthread_mutex_unlock(&cache->mutex);
}
