/*
 * Reverse-paths of ours that lead back: SRS for what an alias sends on to the outside, so that SPF
 * holds at the next hop, and one for each letter of an application (VERP), so that its bounces find
 * it. Both carry a keyed hash: nobody else can make one, so nobody relays through them (P8).
 *
 *     SRS0=HASH=DAY=domain=local@ours     from local@domain
 *     SRS1=HASH=first.srs==…@ours         from SRS0=…@first.srs
 *     bounce+LETTER-HASH@ours
 */
#include "directory/internal.h"

#include "base/id.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HASH_TEXT  9 /* 8 characters of 5 bits */
#define DAY_MS     ((int64_t)86400 * 1000)
#define DAYS       1024
#define VALID_DAYS 21

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

static void write_hash(const struct directory *d, const char *purpose, struct span text,
                       char hash[HASH_TEXT])
{
    unsigned char digest[crypto_generichash_BYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, d->secret, sizeof d->secret, sizeof digest);
    crypto_generichash_update(&state, (const unsigned char *)purpose, strlen(purpose) + 1);
    for (size_t i = 0; i < text.len; i++) { /* paths come back in any case */
        unsigned char c = (unsigned char)ascii_lower(text.at[i]);
        crypto_generichash_update(&state, &c, 1);
    }
    crypto_generichash_final(&state, digest, sizeof digest);
    for (int i = 0; i < HASH_TEXT - 1; i++)
        hash[i] = letters[digest[i] & 31];
    hash[HASH_TEXT - 1] = '\0';
}

static bool hash_is(const struct directory *d, const char *purpose, struct span text,
                    struct span hash)
{
    char right[HASH_TEXT], given[HASH_TEXT];
    write_hash(d, purpose, text, right);
    if (!span_to_text(hash, given, sizeof given) || hash.len != HASH_TEXT - 1)
        return false;
    for (size_t i = 0; i < hash.len; i++)
        given[i] = ascii_lower(given[i]);
    return sodium_memcmp(right, given, HASH_TEXT) == 0;
}

/* --- SRS ------------------------------------------------------------------------------------- */

static void write_day(int64_t now_ms, char day[3])
{
    unsigned number = (unsigned)(now_ms / DAY_MS % DAYS);
    day[0] = letters[number >> 5];
    day[1] = letters[number & 31];
    day[2] = '\0';
}

static bool day_is_recent(struct span day, int64_t now_ms)
{
    const char *high = day.len == 2 ? strchr(letters, ascii_lower(day.at[0])) : NULL;
    const char *low = day.len == 2 ? strchr(letters, ascii_lower(day.at[1])) : NULL;
    if (!high || !low || !*high || !*low)
        return false;
    unsigned number = (unsigned)((high - letters) << 5 | (low - letters));
    return ((unsigned)(now_ms / DAY_MS) - number) % DAYS <= VALID_DAYS;
}

int directory_srs_forward(const struct directory *d, struct span reverse_path, struct span domain,
                          int64_t now_ms, char ret_path[ADDRESS_TEXT_MAX])
{
    char rest[ADDRESS_TEXT_MAX], hash[HASH_TEXT], day[3];
    struct span local, from;
    int len;
    if (!address_split(reverse_path, &local, &from))
        return ERR_SYNTAX;
    bool again = span_starts_nocase(local, SPAN("SRS0="));
    bool third = span_starts_nocase(local, SPAN("SRS1="));
    write_day(now_ms, day);
    if (third) { /* the first hop stays, only the hash is ours */
        ptrdiff_t equals = span_find(span_from(local, 5), '=');
        if (equals < 0)
            return ERR_SYNTAX;
        local = span_from(local, 6 + (size_t)equals);
        len = snprintf(rest, sizeof rest, "%.*s", SPAN_PRINT(local));
    } else if (again) {
        len = snprintf(rest, sizeof rest, "%.*s=%.*s", SPAN_PRINT(from),
                       SPAN_PRINT(span_from(local, 4)));
    } else {
        len = snprintf(rest, sizeof rest, "%s=%.*s=%.*s", day, SPAN_PRINT(from), SPAN_PRINT(local));
    }
    if (len < 0 || (size_t)len >= sizeof rest)
        return ERR_SYNTAX;
    write_hash(d, again || third ? "srs1" : "srs0", span_of(rest), hash);
    len = snprintf(ret_path, ADDRESS_TEXT_MAX, "SRS%d=%s=%s@%.*s", again || third, hash, rest,
                   SPAN_PRINT(domain));
    bool fits = len > 0 && len < ADDRESS_TEXT_MAX &&
                (size_t)len - domain.len - 1 <= ADDRESS_LOCAL_MAX; /* RFC 5321 4.5.3.1.1 */
    return fits ? 0 : ERR_SYNTAX;
}

int directory_srs_reverse(const struct directory *d, struct span local, int64_t now_ms,
                          char ret_path[ADDRESS_TEXT_MAX])
{
    struct span rest = span_from(local, 5), hash, day, domain;
    bool zero = span_starts_nocase(local, SPAN("SRS0="));
    if (!zero && !span_starts_nocase(local, SPAN("SRS1=")))
        return ERR_SYNTAX;
    if (!span_cut(&rest, '=', &hash) || !hash_is(d, zero ? "srs0" : "srs1", rest, hash))
        return ERR_DENIED;
    if (zero && (!span_cut(&rest, '=', &day) || !day_is_recent(day, now_ms)))
        return ERR_DENIED;
    if (!span_cut(&rest, '=', &domain) || rest.len == 0)
        return ERR_DENIED;
    int len = snprintf(ret_path, ADDRESS_TEXT_MAX, "%s%.*s@%.*s", zero ? "" : "SRS0",
                       SPAN_PRINT(rest), SPAN_PRINT(domain));
    return len > 0 && len < ADDRESS_TEXT_MAX ? 0 : ERR_DENIED;
}

/* --- VERP ------------------------------------------------------------------------------------ */

#define VERP_START SPAN("bounce+")

void directory_verp_write(const struct directory *d, int64_t letter, struct span domain,
                          char ret_path[ADDRESS_TEXT_MAX])
{
    char id[ID_TEXT], hash[HASH_TEXT];
    write_hash(d, "verp", span_of(id_text(letter, id)), hash);
    snprintf(ret_path, ADDRESS_TEXT_MAX, "bounce+%s-%s@%.*s", id, hash, SPAN_PRINT(domain));
}

int directory_verp_read(const struct directory *d, struct span local, int64_t *ret_letter)
{
    struct span rest = span_from(local, VERP_START.len), id;
    if (!span_starts_nocase(local, VERP_START))
        return ERR_SYNTAX;
    if (!span_cut(&rest, '-', &id) || !hash_is(d, "verp", id, rest) || !id_parse(id, ret_letter))
        return ERR_DENIED;
    return 0;
}

/* --- whose domain ---------------------------------------------------------------------------- */

struct owner_call {
    struct span domain;
    int64_t tenant;
};

static int read_owner(struct db_tx *tx, void *arg)
{
    struct owner_call *call = arg;
    int64_t id;
    return directory_find_domain(tx, call->domain, &call->tenant, &id);
}

int directory_co_domain_owner(struct directory *d, struct span domain, int64_t *ret_tenant)
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    if (address_fold_domain(domain, folded) < 0)
        return ERR_ABSENT;
    struct owner_call call = {.domain = span_of(folded)};
    int rc = store_co_read(d->store, read_owner, &call);
    *ret_tenant = call.tenant;
    return rc;
}
