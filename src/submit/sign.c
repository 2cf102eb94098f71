/* Signing what leaves; see sign.h. */
#include "submit/sign.h"

#include "base/clock.h"
#include "mail/header.h"
#include "run/lane.h"

struct sign_job {
    const struct dkim_keys *keys;
    struct dkim_signing signing;
    struct buffer *out;
};

static int sign_with_all(void *arg)
{
    struct sign_job *job = arg;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < job->keys->count; i++) {
        job->signing.selector = job->keys->list[i].selector;
        rc = dkim_sign(job->keys->list[i].key, &job->signing, job->out);
    }
    return rc;
}

int sign_whole(const struct sign_letter *letter, struct buffer *out)
{
    size_t header = header_length(letter->letter);
    unsigned char hash[DKIM_HASH];
    struct dkim_body body;
    int rc = dkim_body_begin(&body);
    if (rc < 0)
        return rc;
    dkim_body_take(&body, span_from(letter->letter, header + 2)); /* behind the blank line */
    rc = dkim_body_end(&body, hash);
    struct sign_job job = {.keys = letter->keys,
                           .signing = {.domain = letter->domain,
                                       .now_ms = clock_wall_ms(),
                                       .header = span_first(letter->letter, header),
                                       .body_hash = hash},
                           .out = out};
    return rc < 0 ? rc : sign_with_all(&job);
}

int sign_co_letter(const struct submit_door *door, const char *domain, struct span header,
                   const unsigned char body_hash[DKIM_HASH], struct buffer *out)
{
    struct dkim_keys *keys;
    int rc = directory_co_dkim_keys(door->directory, domain, &keys);
    if (rc < 0)
        return rc;
    struct sign_job job = {.keys = keys,
                           .signing = {.domain = domain,
                                       .now_ms = clock_wall_ms(),
                                       .header = header,
                                       .body_hash = body_hash},
                           .out = out};
    if (keys->count)
        rc = lane_co_run(door->signing, sign_with_all, &job, CO_FOREVER);
    dkim_keys_release(keys);
    return rc;
}
