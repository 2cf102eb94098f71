/* When to try again; see queue.h. */
#include "queue/queue.h"

#define MINUTE ((int64_t)60 * 1000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

const struct queue_policy queue_policy_default = {
    .retry_ms = {1 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE},
    .retry_count = 4,
    .retry_then_ms = HOUR,
    .jitter_percent = 10,
    .notice_ms = 4 * HOUR,
    .expiry_ms = 5 * DAY,
};

int64_t queue_next_due(const struct queue_policy *policy, unsigned attempts, int64_t now_ms,
                       int64_t expires_ms, uint32_t dice)
{
    unsigned step = attempts ? attempts - 1 : 0;
    int64_t pause = step < policy->retry_count ? policy->retry_ms[step] : policy->retry_then_ms;
    int64_t range = pause * policy->jitter_percent / 100; /* to either side */
    if (range > 0)
        pause += (int64_t)(dice % (uint64_t)(2 * range + 1)) - range;
    int64_t due = now_ms + pause;
    return due > expires_ms && now_ms < expires_ms ? expires_ms : due;
}

static int64_t begin_of(const struct queue_letter *letter)
{
    return letter->first_due_ms ? letter->first_due_ms : letter->accepted_ms;
}

int64_t queue_expiry(const struct queue_policy *policy, const struct queue_letter *letter)
{
    int64_t expires = begin_of(letter) + policy->expiry_ms;
    return letter->expires_ms && letter->expires_ms < expires ? letter->expires_ms : expires;
}

bool queue_is_delayed(const struct queue_policy *policy, const struct queue_letter *letter,
                      int64_t now_ms)
{
    return policy->notice_ms && now_ms >= begin_of(letter) + policy->notice_ms;
}

int64_t queue_near_due(const struct queue_policy *policy, int64_t due_ms, int64_t now_ms)
{
    int64_t longest = policy->retry_then_ms;
    for (unsigned i = 0; i < policy->retry_count; i++)
        if (policy->retry_ms[i] > longest)
            longest = policy->retry_ms[i];
    longest += longest * policy->jitter_percent / 100;
    return due_ms > now_ms + longest ? now_ms + longest : due_ms;
}
