/* Reading and checking signatures of Signature Version 4; see sigv4.h, sigv4_canonical.c. */
#include "api/sigv4.h"

#include "http/form.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#define ALGORITHM     "AWS4-HMAC-SHA256"
#define TERMINATOR    "aws4_request"
#define SECRET_MAX    256
#define CANONICAL_MAX ((size_t)512 * 1024) /* of a head of 64 KiB, each byte encoded twice */
#define HASH          crypto_hash_sha256_BYTES

/* --- reading --------------------------------------------------------------------------------- */

static int wrong(const char **ret_why, const char *why)
{
    *ret_why = why;
    return ERR_SYNTAX;
}

static struct span field_of(const struct sigv4_request *request, const char *name)
{
    for (size_t i = 0; i < request->field_count; i++)
        if (span_equal_nocase(request->fields[i].name, span_of(name)))
            return request->fields[i].value;
    return SPAN("");
}

/* "AKIA…/20150830/us-east-1/ses/aws4_request" */
static int read_credential(struct span text, struct sigv4 *s, const char **ret_why)
{
    struct span *const parts[] = {&s->key_id, &s->date, &s->region, &s->service};
    struct span part;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!span_cut(&text, '/', parts[i]) || parts[i]->len == 0)
            return wrong(ret_why, "Credential must have exactly 5 slash-delimited elements, e.g."
                                  " keyid/date/region/service/term");
    if (!span_cut(&text, '/', &part) || text.len || !span_equal(part, SPAN(TERMINATOR)))
        return wrong(ret_why, "Credential should be scoped with a valid terminator:"
                              " 'aws4_request'");
    return 0;
}

/* "20150830T123600Z" */
static int read_timestamp(struct span text, struct sigv4 *s, const char **ret_why)
{
    char copy[20];
    struct tm tm = {0};
    const char *end = NULL;
    s->timestamp = text;
    if (text.len == 16 && span_to_text(text, copy, sizeof copy))
        end = strptime(copy, "%Y%m%dT%H%M%SZ", &tm);
    if (!end || *end)
        return wrong(ret_why, "Date must be in ISO-8601 'basic format' (20150830T123600Z) in"
                              " 'X-Amz-Date'");
    s->signed_ms = (int64_t)timegm(&tm) * 1000;
    return 0;
}

static bool lists_header(const struct sigv4 *s, struct span wanted)
{
    struct span list = s->signed_headers, name;
    while (span_cut(&list, ';', &name))
        if (span_equal(name, wanted))
            return true;
    return false;
}

static int check_parts(struct sigv4 *s, const char **ret_why)
{
    if (s->signature.len != SIGV4_HEX)
        return wrong(ret_why, "Signature must be 64 hexadecimal digits");
    if (!lists_header(s, SPAN("host")))
        return wrong(ret_why, "'Host' must be a 'SignedHeader' in the AWS Authorization");
    if (!s->presigned && !lists_header(s, SPAN("x-amz-date")))
        return wrong(ret_why, "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization");
    if (!span_starts(s->timestamp, s->date))
        return wrong(ret_why, "Date in Credential scope does not match YYYYMMDD from ISO-8601"
                              " version of date from HTTP");
    return 0;
}

/* One "Name=value" of the Authorization field, each once. */
static int read_part(struct span part, struct span *credential, struct sigv4 *s,
                     const char **ret_why)
{
    const struct {
        struct span name, *value;
    } known[] = {{SPAN("Credential"), credential},
                 {SPAN("SignedHeaders"), &s->signed_headers},
                 {SPAN("Signature"), &s->signature}};
    struct span name;
    if (!span_cut(&part, '=', &name) || part.len == 0)
        return wrong(ret_why, "Authorization header is not 'Name=value' pairs");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (span_equal(name, known[i].name) && known[i].value->len == 0) {
            *known[i].value = part;
            return 0;
        }
    return wrong(ret_why, "Authorization header has a parameter twice, or an unknown one");
}

static int read_authorization(const struct sigv4_request *request, struct span value,
                              struct sigv4 *s, const char **ret_why)
{
    struct span part, credential = SPAN("");
    int rc = 0;
    while (rc == 0 && span_cut(&value, ',', &part))
        rc = read_part(span_trim(part), &credential, s, ret_why);
    if (rc < 0)
        return rc;
    if (credential.len == 0)
        return wrong(ret_why, "Authorization header requires 'Credential' parameter");
    if (s->signed_headers.len == 0)
        return wrong(ret_why, "Authorization header requires 'SignedHeaders' parameter");
    if (s->signature.len == 0)
        return wrong(ret_why, "Authorization header requires 'Signature' parameter");
    rc = read_credential(credential, s, ret_why);
    if (rc == 0)
        rc = read_timestamp(field_of(request, "X-Amz-Date"), s, ret_why);
    s->token = field_of(request, "X-Amz-Security-Token");
    return rc < 0 ? rc : check_parts(s, ret_why);
}

struct presigned {
    struct span algorithm, credential, date, expires;
};

static int read_pairs(struct span query, struct arena *arena, struct sigv4 *s, struct presigned *p,
                      const char **ret_why)
{
    const struct {
        const char *name;
        struct span *value;
    } known[] = {{"X-Amz-Algorithm", &p->algorithm},
                 {"X-Amz-Credential", &p->credential},
                 {"X-Amz-Date", &p->date},
                 {"X-Amz-Expires", &p->expires},
                 {"X-Amz-SignedHeaders", &s->signed_headers},
                 {"X-Amz-Security-Token", &s->token},
                 {"X-Amz-Signature", &s->signature}};
    struct form_pair pair;
    int rc;
    while ((rc = form_next_pair(&query, arena, &pair)) > 0)
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            if (!span_equal(pair.name, span_of(known[i].name)))
                continue;
            if (known[i].value->len)
                return wrong(ret_why, "The query has a parameter of its signature twice");
            *known[i].value = pair.value;
        }
    return rc == ERR_SYNTAX ? wrong(ret_why, "The query is not well encoded") : rc;
}

static int read_presigned(const struct sigv4_request *request, struct arena *arena, struct sigv4 *s,
                          const char **ret_why)
{
    struct presigned p = {0};
    s->presigned = true;
    int rc = read_pairs(request->query, arena, s, &p, ret_why);
    if (rc < 0)
        return rc;
    if (p.algorithm.len == 0)
        return ERR_ABSENT;
    if (!span_equal(p.algorithm, SPAN(ALGORITHM)))
        return wrong(ret_why, "X-Amz-Algorithm is not AWS4-HMAC-SHA256");
    rc = read_credential(p.credential, s, ret_why);
    if (rc == 0)
        rc = read_timestamp(p.date, s, ret_why);
    if (rc < 0)
        return rc;
    if (!span_to_uint(p.expires, SIGV4_EXPIRES_MAX, &s->expires_s) || s->expires_s == 0)
        return wrong(ret_why, "X-Amz-Expires must be a number of seconds, at most a week");
    return check_parts(s, ret_why);
}

int sigv4_read(const struct sigv4_request *request, struct arena *arena,
               struct sigv4 *ret_signature, const char **ret_why)
{
    struct span value = field_of(request, "Authorization"), scheme;
    struct sigv4 s = {.token = SPAN("")};
    int rc;
    if (value.len == 0)
        rc = read_presigned(request, arena, &s, ret_why);
    else if (!span_cut(&value, ' ', &scheme) || !span_equal_nocase(scheme, SPAN(ALGORITHM)))
        rc = ERR_ABSENT;
    else
        rc = read_authorization(request, value, &s, ret_why);
    if (rc == 0)
        *ret_signature = s;
    return rc;
}

/* --- checking -------------------------------------------------------------------------------- */

static void write_hex(const unsigned char hash[HASH], char hex[SIGV4_HEX + 1])
{
    sodium_bin2hex(hex, SIGV4_HEX + 1, hash, HASH);
}

static void hash_hex(struct span text, char hex[SIGV4_HEX + 1])
{
    unsigned char hash[HASH];
    crypto_hash_sha256(hash, (const unsigned char *)text.at, text.len);
    write_hex(hash, hex);
}

static void hmac(const void *key, size_t key_len, struct span text, unsigned char out[HASH])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text.at, text.len);
    crypto_auth_hmacsha256_final(&state, out);
}

static void make_key(const struct sigv4 *s, struct span secret, unsigned char key[HASH])
{
    unsigned char first[4 + SECRET_MAX] = "AWS4";
    memcpy(first + 4, secret.at, secret.len);
    hmac(first, 4 + secret.len, s->date, key);
    hmac(key, HASH, s->region, key);
    hmac(key, HASH, s->service, key);
    hmac(key, HASH, SPAN(TERMINATOR), key);
    sodium_memzero(first, sizeof first);
}

static int denied(const char **ret_why, const char *why)
{
    *ret_why = why;
    return ERR_DENIED;
}

static int check_time(const struct sigv4 *s, int64_t now_ms, const char **ret_why)
{
    int64_t valid = s->presigned ? (int64_t)s->expires_s * 1000 : SIGV4_SKEW_MS;
    if (s->signed_ms - SIGV4_SKEW_MS > now_ms)
        return denied(ret_why, "Signature not yet current: its time is more than 15 minutes ahead"
                               " of this server's clock");
    if (s->signed_ms + valid < now_ms)
        return denied(ret_why, "Signature expired: its time is too far behind this server's clock");
    return 0;
}

static int check_body(const struct sigv4_request *request, char body_hash[SIGV4_HEX + 1],
                      const char **ret_why)
{
    struct span given = field_of(request, "X-Amz-Content-Sha256");
    hash_hex(request->body, body_hash);
    if (given.len && !span_equal(given, span_make(body_hash, SIGV4_HEX)))
        return denied(ret_why, "The value of x-amz-content-sha256 is not the SHA-256 of the body");
    return 0;
}

static int print_string_to_sign(const struct sigv4 *s, struct span canonical, struct buffer *out)
{
    char hex[SIGV4_HEX + 1];
    hash_hex(canonical, hex);
    return buffer_printf(out, ALGORITHM "\n%.*s\n%.*s/%.*s/%.*s/" TERMINATOR "\n%s",
                         SPAN_PRINT(s->timestamp), SPAN_PRINT(s->date), SPAN_PRINT(s->region),
                         SPAN_PRINT(s->service), hex);
}

int sigv4_check(const struct sigv4_request *request, const struct sigv4 *signature,
                struct span secret, int64_t now_ms, struct arena *arena, const char **ret_why)
{
    AUTO_BUFFER canonical = BUFFER(CANONICAL_MAX), to_sign = BUFFER(CANONICAL_MAX);
    unsigned char key[HASH], sum[HASH];
    char hex[SIGV4_HEX + 1];
    int rc = check_time(signature, now_ms, ret_why);
    if (rc == 0 && secret.len > SECRET_MAX)
        rc = ERR_CORRUPT;
    if (rc == 0)
        rc = check_body(request, hex, ret_why);
    if (rc == 0)
        rc = sigv4_canonical(request, signature, span_make(hex, SIGV4_HEX), arena, &canonical);
    if (rc == ERR_ABSENT)
        return denied(ret_why, "SignedHeaders names a header that the request does not have");
    if (rc == ERR_SYNTAX || rc == -ENOBUFS)
        return denied(ret_why, "The request is not well encoded, or too long to be signed");
    if (rc == 0)
        rc = print_string_to_sign(signature, buffer_span(&canonical), &to_sign);
    if (rc < 0)
        return rc;
    make_key(signature, secret, key);
    hmac(key, HASH, buffer_span(&to_sign), sum);
    write_hex(sum, hex);
    sodium_memzero(key, sizeof key);
    if (signature->signature.len != SIGV4_HEX ||
        sodium_memcmp(hex, signature->signature.at, SIGV4_HEX) != 0)
        return denied(ret_why, "The request signature we calculated does not match the signature"
                               " you provided. Check your AWS Secret Access Key and signing"
                               " method.");
    return 0;
}
