/* Names of JSON objects; see json_names.h. */
#include "http/json_names.h"

#include "base/random.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE ((size_t)64)
#define PIECE      64

/* --- decoding, a byte of UTF-8 at a time ----------------------------------------------------- */

struct decoder {
    struct span rest;
    unsigned char pending[4]; /* of an escape */
    unsigned at, count;
};

static unsigned hex4(const char *at)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char digit = ascii_lower(at[i]);
        value = value * 16 + (unsigned)(ascii_is_digit(digit) ? digit - '0' : digit - 'a' + 10);
    }
    return value;
}

static void encode(struct decoder *d, unsigned code)
{
    d->at = d->count = 0;
    if (code < 0x80) {
        d->pending[d->count++] = (unsigned char)code;
    } else if (code < 0x800) {
        d->pending[d->count++] = (unsigned char)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        d->pending[d->count++] = (unsigned char)(0xe0 | code >> 12);
        d->pending[d->count++] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
    } else {
        d->pending[d->count++] = (unsigned char)(0xf0 | code >> 18);
        d->pending[d->count++] = (unsigned char)(0x80 | (code >> 12 & 0x3f));
        d->pending[d->count++] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
    }
    if (code >= 0x80)
        d->pending[d->count++] = (unsigned char)(0x80 | (code & 0x3f));
}

/* rest begins with a backslash. */
static void decode_escape(struct decoder *d)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    char letter = d->rest.at[1];
    const char *found = strchr(letters, letter);
    if (letter != 'u') {
        d->rest = span_from(d->rest, 2);
        encode(d, (unsigned char)(found ? meanings[found - letters] : letter));
        return;
    }
    unsigned code = hex4(d->rest.at + 2);
    d->rest = span_from(d->rest, 6);
    if (code >= 0xd800 && code < 0xdc00) {
        code = 0x10000 + ((code - 0xd800) << 10) + (hex4(d->rest.at + 2) - 0xdc00);
        d->rest = span_from(d->rest, 6);
    }
    encode(d, code);
}

/* -1 at the end. */
static int next_byte(struct decoder *d)
{
    if (d->at == d->count && d->rest.len && d->rest.at[0] == '\\')
        decode_escape(d);
    if (d->at < d->count)
        return d->pending[d->at++];
    if (d->rest.len == 0)
        return -1;
    int byte = (unsigned char)d->rest.at[0];
    d->rest = span_from(d->rest, 1);
    return byte;
}

static bool same_name(struct span a, struct span b)
{
    struct decoder x = {.rest = a}, y = {.rest = b};
    int byte;
    do {
        byte = next_byte(&x);
        if (byte != next_byte(&y))
            return false;
    } while (byte >= 0);
    return true;
}

/* SipHash of each 64 bytes, chained: a stranger cannot make names that collide. */
static uint64_t hash_name(const struct json_names *names, uint32_t object, struct span text)
{
    struct decoder d = {.rest = text};
    unsigned char piece[PIECE + 8];
    uint64_t hash = object;
    int byte = 0;
    while (byte >= 0) {
        size_t len = sizeof hash;
        memcpy(piece, &hash, sizeof hash);
        while (len < sizeof piece && (byte = next_byte(&d)) >= 0)
            piece[len++] = (unsigned char)byte;
        crypto_shorthash((unsigned char *)&hash, piece, len, names->key);
    }
    return hash;
}

/* --- the set --------------------------------------------------------------------------------- */

void json_names_open(struct json_names *names)
{
    *names = (struct json_names){0};
    random_bytes(names->key, sizeof names->key);
}

void json_names_close(struct json_names *names)
{
    free(names->places);
    names->places = NULL;
}

/* Its place, or the empty one where it belongs. */
static struct json_name *find_place(const struct json_names *names, const struct json_name *name)
{
    size_t at = name->hash & (names->size - 1);
    for (;; at = (at + 1) & (names->size - 1)) {
        struct json_name *place = &names->places[at];
        if (!place->text.at || (place->hash == name->hash && place->object == name->object &&
                                same_name(place->text, name->text)))
            return place;
    }
}

static int grow(struct json_names *names)
{
    struct json_names larger = *names;
    larger.size = names->size ? names->size * 2 : FIRST_SIZE;
    larger.places = calloc(larger.size, sizeof *larger.places);
    if (!larger.places)
        return -ENOMEM;
    for (size_t i = 0; i < names->size; i++)
        if (names->places[i].text.at)
            *find_place(&larger, &names->places[i]) = names->places[i];
    free(names->places);
    *names = larger;
    return 0;
}

int json_names_add(struct json_names *names, uint32_t object, struct span text)
{
    if (names->count * 2 >= names->size) {
        int rc = grow(names);
        if (rc < 0)
            return rc;
    }
    struct json_name name = {hash_name(names, object, text), text, object};
    struct json_name *place = find_place(names, &name);
    if (place->text.at)
        return ERR_EXISTS;
    *place = name;
    names->count++;
    return 0;
}
