/* Password hashing; see internal.h. Costs follow OWASP's first choice for Argon2id. */
#include "directory/internal.h"

#include "base/random.h"
#include "run/lane.h"

#include <errno.h>
#include <gsasl.h>
#include <sodium.h>
#include <string.h>

#define ARGON2_PASSES   2
#define ARGON2_BYTES    ((size_t)19 * 1024 * 1024)
#define LANE_TIMEOUT_MS (20 * 1000)

struct password_job {
    char password[PASSWORD_MAX + 1];
    size_t len;
    const char *argon2;
    struct password_keys keys;
};

static int make_scram(const struct password_job *job, Gsasl_hash hash, struct scram_keys *keys)
{
    char salted[SCRAM_KEY], client[SCRAM_KEY];
    random_bytes(keys->salt, sizeof keys->salt);
    keys->iterations = SCRAM_ITERATIONS;
    int code = gsasl_scram_secrets_from_password(
        hash, job->password, SCRAM_ITERATIONS, (const char *)keys->salt, sizeof keys->salt, salted,
        client, (char *)keys->server, (char *)keys->stored);
    sodium_memzero(salted, sizeof salted);
    sodium_memzero(client, sizeof client);
    return code == GSASL_OK ? 0 : -ENOMEM;
}

static int make_sha1(void *arg)
{
    struct password_job *job = arg;
    return make_scram(job, GSASL_HASH_SHA1, &job->keys.sha1);
}

static int make_keys(void *arg)
{
    struct password_job *job = arg;
    if (crypto_pwhash_str_alg(job->keys.argon2, job->password, job->len, ARGON2_PASSES,
                              ARGON2_BYTES, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return -ENOMEM;
    int rc = make_scram(job, GSASL_HASH_SHA256, &job->keys.sha256);
    return rc < 0 ? rc : make_sha1(job);
}

static int verify(void *arg)
{
    struct password_job *job = arg;
    unsigned char key[SCRAM_KEY], salt[crypto_pwhash_SALTBYTES] = {0};
    if (job->argon2[0])
        return crypto_pwhash_str_verify(job->argon2, job->password, job->len) ? ERR_DENIED : 0;
    /* nobody's password: the same work, so that time does not tell who exists (P8) */
    int failed = crypto_pwhash(key, sizeof key, job->password, job->len, salt, ARGON2_PASSES,
                               ARGON2_BYTES, crypto_pwhash_ALG_ARGON2ID13);
    return failed ? -ENOMEM : ERR_DENIED;
}

static bool take_password(struct password_job *job, struct span password)
{
    *job = (struct password_job){.len = password.len};
    return span_to_text(password, job->password, sizeof job->password);
}

int password_co_make(struct lane *lane, struct span password, struct password_keys *ret_keys)
{
    struct password_job job;
    if (password.len < PASSWORD_MIN || !take_password(&job, password))
        return -EINVAL;
    int rc = lane_co_run(lane, make_keys, &job, LANE_TIMEOUT_MS);
    if (rc == 0)
        *ret_keys = job.keys;
    sodium_memzero(&job, sizeof job);
    return rc;
}

int password_co_make_sha1(struct lane *lane, struct span password, struct scram_keys *ret_keys)
{
    struct password_job job;
    if (!take_password(&job, password))
        return -EINVAL;
    int rc = lane_co_run(lane, make_sha1, &job, LANE_TIMEOUT_MS);
    if (rc == 0)
        *ret_keys = job.keys.sha1;
    sodium_memzero(&job, sizeof job);
    return rc;
}

int password_co_verify(struct lane *lane, struct span password, const char *argon2)
{
    struct password_job job;
    bool fits = take_password(&job, password);
    job.argon2 = fits ? argon2 : "";
    int rc = lane_co_run(lane, verify, &job, LANE_TIMEOUT_MS);
    sodium_memzero(&job, sizeof job);
    return rc == -ETIMEDOUT ? ERR_FULL : rc;
}
