/* Secrets at rest: sealed with the node's secret, for one purpose each; see internal.h. */
#include "directory/internal.h"

#include "base/random.h"

#include <sodium.h>
#include <string.h>

static void sealing_key(const struct directory *d, const char *purpose,
                        unsigned char key[crypto_secretbox_KEYBYTES])
{
    crypto_generichash(key, crypto_secretbox_KEYBYTES, (const unsigned char *)purpose,
                       strlen(purpose), d->secret, sizeof d->secret);
}

int directory_seal(const struct directory *d, const char *purpose, struct span plain,
                   struct buffer *out)
{
    unsigned char key[crypto_secretbox_KEYBYTES];
    size_t len = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.len;
    int rc = buffer_reserve(out, len);
    if (rc < 0)
        return rc;
    unsigned char *at = (unsigned char *)out->at + out->len;
    random_bytes(at, crypto_secretbox_NONCEBYTES);
    sealing_key(d, purpose, key);
    crypto_secretbox_easy(at + crypto_secretbox_NONCEBYTES, (const unsigned char *)plain.at,
                          plain.len, at, key);
    sodium_memzero(key, sizeof key);
    out->len += len;
    return 0;
}

int directory_unseal(const struct directory *d, const char *purpose, struct span sealed,
                     struct buffer *out)
{
    unsigned char key[crypto_secretbox_KEYBYTES];
    size_t extra = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    if (sealed.len < extra)
        return ERR_CORRUPT;
    int rc = buffer_reserve(out, sealed.len - extra);
    if (rc < 0)
        return rc;
    const unsigned char *at = (const unsigned char *)sealed.at;
    sealing_key(d, purpose, key);
    int opened =
        crypto_secretbox_open_easy((unsigned char *)out->at, at + crypto_secretbox_NONCEBYTES,
                                   sealed.len - crypto_secretbox_NONCEBYTES, at, key);
    sodium_memzero(key, sizeof key);
    out->len = opened == 0 ? sealed.len - extra : 0;
    return opened == 0 ? 0 : ERR_CORRUPT;
}
