/* Questions to the DNS; see dns.h. libunbound runs a thread of its own for each loop and tells its
 * results through a pipe, which the loop polls; its callbacks only wake who has asked. */
#include "run/dns.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>
#include <uthash.h>

#define DEADLINE_MS      (20 * 1000)
#define CACHE_MAX        10000
#define TTL_MAX          86400
#define TTL_ABSENT       60 /* of "nothing there": not known from libunbound */
#define CACHE_TTL_MAX_MS (600 * 1000)
#define NAME_MAX_TEXT    256
#define RECORDS_MAX      100

struct cached {
    int64_t until_ms;
    int rc;
    struct dns_answer answer; /* its records lie behind the key */
    UT_hash_handle hh;
    char key[NAME_MAX_TEXT + 4];
};

struct dns {
    struct ub_ctx *unbound;
    uv_poll_t poll;
    struct co *closing;
    int64_t deadline_ms;
    struct cached *cache;
};

/* --- opening --------------------------------------------------------------------------------- */

static void answers_ready(uv_poll_t *poll, int status, int events)
{
    struct dns *dns = poll->data;
    (void)status;
    (void)events;
    ub_process(dns->unbound); /* calls answered() for each */
}

static bool set_option(struct ub_ctx *ctx, const char *name, const char *value)
{
    return ub_ctx_set_option(ctx, name, value) == 0;
}

static bool open_zone(struct ub_ctx *ctx, const char *name)
{
    char zone[NAME_MAX_TEXT + 2];
    snprintf(zone, sizeof zone, "%s%s", name, name[strlen(name) - 1] == '.' ? "" : ".");
    return ub_ctx_zone_add(ctx, zone, "transparent") == 0;
}

static bool configure(struct ub_ctx *ctx, const struct dns_settings *settings)
{
    bool ok = ub_ctx_async(ctx, 1) == 0 && set_option(ctx, "do-not-query-localhost:", "no") &&
              set_option(ctx, "infra-host-ttl:", "30") && /* who was dead is asked again soon */
              set_option(ctx, "infra-keep-probing:", "yes");
    for (unsigned i = 0; ok && i < settings->server_count; i++)
        ok = ub_ctx_set_fwd(ctx, settings->servers[i]) == 0;
    if (ok && settings->server_count == 0)
        (void)!ub_ctx_resolvconf(ctx, NULL); /* without it: from the root */
    for (unsigned i = 0; ok && i < settings->open_zone_count; i++)
        ok = open_zone(ctx, settings->open_zones[i]);
    if (ok && settings->trust_anchor && settings->trust_anchor[0])
        ok = ub_ctx_add_ta_file(ctx, settings->trust_anchor) == 0;
    return ok;
}

static void nothing_asked(void *arg, int error, struct ub_result *result)
{
    (void)arg;
    (void)error;
    ub_resolve_free(result);
}

struct start {
    const struct dns_settings *settings;
    struct ub_ctx *unbound; /* NULL: it did not start */
};

/* Its first question makes libunbound read its zones and start its thread, for which it needs more
 * stack than a coroutine has. */
static void *start_unbound(void *arg)
{
    struct start *start = arg;
    int id;
    struct ub_ctx *ctx = ub_ctx_create();
    if (!ctx || !configure(ctx, start->settings) ||
        ub_resolve_async(ctx, "localhost", DNS_A, 1, NULL, nothing_asked, &id) != 0) {
        ub_ctx_delete(ctx);
        return NULL;
    }
    start->unbound = ctx;
    return NULL;
}

static int start_in_thread(const struct dns_settings *settings, struct ub_ctx **ret_unbound)
{
    struct start start = {.settings = settings};
    pthread_t thread;
    int rc = -pthread_create(&thread, NULL, start_unbound, &start);
    if (rc < 0)
        return rc;
    pthread_join(thread, NULL);
    *ret_unbound = start.unbound;
    return start.unbound ? 0 : -EINVAL;
}

int dns_open(const struct dns_settings *settings, struct dns **ret_dns)
{
    struct dns *dns = calloc(1, sizeof *dns);
    if (!dns)
        return -ENOMEM;
    int rc = start_in_thread(settings, &dns->unbound);
    dns->poll.data = dns;
    dns->deadline_ms = settings->deadline_ms ? settings->deadline_ms : DEADLINE_MS;
    if (rc == 0 && uv_poll_init(loop_uv(loop_current()), &dns->poll, ub_fd(dns->unbound)) < 0) {
        ub_ctx_delete(dns->unbound);
        rc = -EINVAL;
    }
    if (rc < 0) {
        free(dns);
        return rc;
    }
    uv_poll_start(&dns->poll, UV_READABLE, answers_ready);
    *ret_dns = dns;
    return 0;
}

static void poll_closed(uv_handle_t *handle)
{
    struct dns *dns = handle->data;
    co_wake(dns->closing, 0);
}

void dns_co_close(struct dns *dns)
{
    struct cached *entry, *next;
    if (!dns)
        return;
    dns->closing = co_current();
    uv_close((uv_handle_t *)&dns->poll, poll_closed);
    (void)!co_park_firmly();
    HASH_ITER (hh, dns->cache, entry, next) {
        HASH_DEL(dns->cache, entry); /* NOLINT: clang-tidy loses track in uthash */
        free(entry);
    }
    ub_ctx_delete(dns->unbound);
    free(dns);
}

/* --- the cache ------------------------------------------------------------------------------- */

static size_t records_size(const struct dns_answer *answer)
{
    size_t size = answer->count * sizeof *answer->records;
    for (size_t i = 0; i < answer->count; i++)
        size += answer->records[i].len;
    return size;
}

/* Copies the records into room, which is aligned and large enough. */
static void copy_records(const struct dns_answer *from, void *room, struct dns_answer *ret_answer)
{
    struct span *records = room;
    char *at = (char *)(records + from->count);
    *ret_answer = *from;
    ret_answer->records = records;
    for (size_t i = 0; i < from->count; i++) {
        memcpy(at, from->records[i].at, from->records[i].len);
        records[i] = span_make(at, from->records[i].len);
        at += from->records[i].len;
    }
}

static int copy_to_arena(const struct dns_answer *from, struct arena *arena,
                         struct dns_answer *ret_answer)
{
    void *room = arena_alloc(arena, records_size(from) + 1);
    if (!room)
        return -ENOMEM;
    copy_records(from, room, ret_answer);
    return 0;
}

static void uncache(struct dns *dns, struct cached *entry)
{
    HASH_DEL(dns->cache, entry);
    free(entry);
}

static struct cached *find_cached(struct dns *dns, const char *key)
{
    struct cached *entry;
    HASH_FIND_STR(dns->cache, key, entry);
    if (entry && entry->until_ms <= clock_mono_ms()) {
        uncache(dns, entry);
        return NULL;
    }
    return entry;
}

static void keep_answer(struct dns *dns, const char *key, int rc, const struct dns_answer *answer)
{
    int64_t ttl_ms = (int64_t)answer->ttl * 1000;
    struct cached *entry = find_cached(dns, key);
    if (entry)
        uncache(dns, entry);
    if (HASH_COUNT(dns->cache) >= CACHE_MAX)
        uncache(dns, dns->cache); /* the oldest */
    entry = ttl_ms ? calloc(1, sizeof *entry + records_size(answer)) : NULL;
    if (!entry)
        return;
    snprintf(entry->key, sizeof entry->key, "%s", key);
    entry->rc = rc;
    entry->until_ms = clock_mono_ms() + (ttl_ms < CACHE_TTL_MAX_MS ? ttl_ms : CACHE_TTL_MAX_MS);
    copy_records(answer, entry + 1, &entry->answer);
    HASH_ADD_STR(dns->cache, key, entry);
}

/* --- asking ---------------------------------------------------------------------------------- */

struct question {
    struct co *co;
    struct ub_result *result;
    int error;
    bool done;
};

static void answered(void *arg, int error, struct ub_result *result)
{
    struct question *question = arg;
    question->result = result;
    question->error = error;
    question->done = true;
    co_wake(question->co, 0);
}

/* The records of a result, as spans into it. */
static int take_result(const struct ub_result *result, struct span *records,
                       struct dns_answer *ret_answer)
{
    if (result->bogus) { /* before anything else: data comes with it */
        log_warn("dns.bogus", "name=%s why=\"%s\"", LOG_CLEAN(span_of(result->qname)),
                 result->why_bogus ? result->why_bogus : "?");
        return ERR_DNS;
    }
    if (result->rcode != 0 && !result->nxdomain)
        return ERR_DNS;
    ret_answer->secure = result->secure != 0;
    ret_answer->name_exists = !result->nxdomain;
    ret_answer->aliased = result->canonname != NULL;
    ret_answer->records = records;
    for (size_t i = 0; result->data && result->data[i] && i < RECORDS_MAX; i++)
        records[ret_answer->count++] = span_make(result->data[i], (size_t)result->len[i]);
    bool found = result->havedata && ret_answer->count > 0;
    ret_answer->ttl = found ? (uint32_t)result->ttl : TTL_ABSENT;
    if (result->ttl < 0 || ret_answer->ttl > TTL_MAX)
        ret_answer->ttl = TTL_MAX;
    return found ? 0 : ERR_ABSENT;
}

static int co_ask_unbound(struct dns *dns, const char *name, enum dns_type type,
                          struct question *question)
{
    int id;
    question->co = co_current();
    if (ub_resolve_async(dns->unbound, name, (int)type, 1, question, answered, &id) != 0)
        return ERR_DNS;
    int rc = question->done ? 0 : co_park(dns->deadline_ms);
    if (question->done)
        return question->error ? ERR_DNS : 0;
    ub_cancel(dns->unbound, id);
    return rc == -ETIMEDOUT ? ERR_DNS : rc;
}

int dns_co_ask(struct dns *dns, const char *name, enum dns_type type, struct arena *arena,
               struct dns_answer *ret_answer)
{
    char key[NAME_MAX_TEXT + 4];
    struct question question = {0};
    struct span *records = arena_alloc(arena, RECORDS_MAX * sizeof *records);
    struct dns_answer answer = {0};
    int len = snprintf(key, sizeof key, "%x %s", (unsigned)type, name);
    if (len < 0 || (size_t)len >= sizeof key || !name[0])
        return ERR_SYNTAX;
    if (!records)
        return -ENOMEM;
    struct cached *entry = find_cached(dns, key);
    if (entry) {
        int rc = copy_to_arena(&entry->answer, arena, ret_answer);
        return rc < 0 ? rc : entry->rc;
    }
    int rc = co_ask_unbound(dns, name, type, &question);
    if (rc == 0)
        rc = take_result(question.result, records, &answer);
    if (rc == 0 || rc == ERR_ABSENT) {
        keep_answer(dns, key, rc, &answer);
        int copied = copy_to_arena(&answer, arena, ret_answer);
        rc = copied < 0 ? copied : rc;
    }
    if (question.result)
        ub_resolve_free(question.result);
    return rc;
}

/* --- names ----------------------------------------------------------------------------------- */

static bool is_host_byte(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '_';
}

int dns_name_text(struct span rdata, size_t offset, char *ret_text, size_t size)
{
    size_t len = 0;
    for (;;) {
        if (offset >= rdata.len)
            return ERR_SYNTAX;
        size_t label = (unsigned char)rdata.at[offset++];
        if (label == 0)
            break;
        if (label > 63 || offset + label > rdata.len || len + label + 2 > size)
            return ERR_SYNTAX;
        if (len)
            ret_text[len++] = '.';
        for (size_t i = 0; i < label; i++) {
            if (!is_host_byte(rdata.at[offset + i]))
                return ERR_SYNTAX;
            ret_text[len++] = ascii_lower(rdata.at[offset + i]);
        }
        offset += label;
    }
    if (size == 0)
        return ERR_SYNTAX;
    ret_text[len] = '\0';
    return 0;
}
