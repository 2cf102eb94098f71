/*
 * A session: one coroutine, one site, one connection at a time; see internal.h.
 *
 * It takes the next letter in line, opens a connection when it has none, sends, and hands what
 * became of it to the gatherer. With nothing in line it rests with its connection for a moment.
 * When no server of the site takes a connection, the site rests, and all that stand in line get
 * that answer.
 */
#include "deliver/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/stream.h"
#include "store/blob.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define REST_MS      (5 * 1000) /* with an open connection and nothing to do */
#define PIECE        ((size_t)256 * 1024)
#define SITE_REST_MS (10 * 60 * 1000)

struct session {
    struct queue_idle idle; /* first */
    struct deliver_loop *dl;
    struct queue_site *site;
    struct way *way; /* a copy: the site's may be replaced */
    struct co *co;
    struct connection connection;
    bool chosen; /* while idle: there is work for it, and session_wake follows (mutex) */
    bool woken;
    struct loop_message wake;
    struct route_failure failure; /* no connection can be had; text empty: none */
    uint64_t offset;              /* of the body, while it is sent */
    bool head_sent;
    struct session *prev, *next; /* of those that rest on this loop */
    struct task *task;           /* NULL between two letters */
};

/* --- sending --------------------------------------------------------------------------------- */

static int session_co_read_body(void *arg, struct buffer *out)
{
    struct session *s = arg;
    const struct queue_letter *letter = &s->task->letter;
    if (!s->head_sent) {
        s->head_sent = true;
        int rc = buffer_append(out, letter->head);
        if (rc < 0)
            return rc;
    }
    if (s->offset >= letter->octets)
        return 0;
    size_t before = out->len;
    int rc = blob_co_read(s->dl->d->settings.door->store, letter->tenant, letter->blob, s->offset,
                          PIECE, out);
    if (rc == 0 && out->len == before)
        rc = ERR_CORRUPT;
    s->offset += out->len - before;
    return rc;
}

static int session_co_transact(struct session *s, struct smtp_response *verdicts)
{
    struct task *t = s->task;
    struct span *paths = arena_alloc(&t->arena, t->count * sizeof *paths);
    if (!paths)
        return -ENOMEM;
    for (size_t i = 0; i < t->count; i++)
        paths[i] = t->recipients[i].forward_path;
    char verp[ADDRESS_TEXT_MAX];
    struct span reverse_path = t->letter.reverse_path, local, domain;
    if (t->letter.verp && address_split(reverse_path, &local, &domain)) {
        directory_verp_write(s->dl->d->settings.directory, t->letter.id, domain, verp);
        reverse_path = span_of(verp);
    }
    struct smtp_outgoing letter = {.reverse_path = reverse_path,
                                   .forward_paths = paths,
                                   .count = t->count,
                                   .octets = t->letter.head.len + t->letter.octets,
                                   .eight_bit = t->letter.eight_bit,
                                   .co_read = session_co_read_body,
                                   .arg = s};
    s->offset = 0;
    s->head_sent = false;
    s->connection.letters++;
    return smtp_client_co_send(&s->connection.client, &letter, verdicts);
}

/* Verdicts that there are count, also when the connection broke afterwards. */
static void session_judge(struct session *s, const struct smtp_response *verdicts, int rc)
{
    struct task *t = s->task;
    char text[300];
    int len = snprintf(text, sizeof text, "4.4.2 The connection to %s broke at %s: %s",
                       s->connection.host, s->connection.client.step, error_text(rc));
    for (size_t i = 0; i < t->count; i++) {
        t->host = verdicts[i].code ? s->connection.host : NULL;
        if (verdicts[i].code)
            task_judge(s->dl->d, t, i, verdicts[i].code, smtp_response_span(&verdicts[i]));
        else
            task_judge(s->dl->d, t, i, 0, span_make(text, (size_t)len));
    }
}

/* A kept connection may have been closed by the other side meanwhile: that is no failure. */
static bool is_stale(const struct session *s, const struct smtp_response *verdicts)
{
    return s->connection.letters > 1 && verdicts[0].code == 0 &&
           strcmp(s->connection.client.step, "MAIL") == 0;
}

static void session_fail(struct session *s)
{
    struct deliver *d = s->dl->d;
    pthread_mutex_lock(&d->mutex);
    unsigned failures = queue_site_failures(s->site);
    const struct queue_policy *policy = &d->settings.policies[0].queue;
    int64_t rest =
        policy->retry_ms[failures < policy->retry_count ? failures : policy->retry_count - 1] / 2;
    queue_site_failed(s->site, clock_mono_ms() + (rest < SITE_REST_MS ? rest : SITE_REST_MS));
    pthread_mutex_unlock(&d->mutex);
    log_info("deliver.site_failed", "site=%s why=\"%s\"", queue_site_key(s->site), s->failure.text);
}

static int session_co_connect(struct session *s)
{
    struct deliver *d = s->dl->d;
    bool clean = s->connection.st && !stream_has_input(s->connection.st); /* nobody asked */
    if (clean && s->connection.letters <
                     deliver_policy_of(&d->settings, s->task->recipients[0].domain)->letters_max)
        return 0;
    connection_co_close(&s->connection, clean);
    pthread_mutex_lock(&d->mutex);
    bool crowded = queue_site_is_crowded(s->site);
    pthread_mutex_unlock(&d->mutex);
    int rc = connection_co_open(s->dl, &s->connection, s->way, crowded, &s->failure);
    if (rc == ERR_ABSENT)
        session_fail(s);
    if (rc < 0)
        return rc;
    s->failure.text[0] = '\0'; /* of the hosts before this one */
    pthread_mutex_lock(&d->mutex);
    queue_site_worked(s->site);
    pthread_mutex_unlock(&d->mutex);
    deliver_pump(d); /* others may come to help */
    return 0;
}

/* 0, or -ECANCELED, -ENOMEM: nothing is known about the letter. */
static int session_co_attempt(struct session *s)
{
    struct task *t = s->task;
    struct smtp_response *verdicts = arena_zero(&t->arena, t->count * sizeof *verdicts);
    int rc = verdicts ? 0 : -ENOMEM;
    for (int tries = 0; rc == 0 && tries < 2; tries++) {
        rc = s->failure.text[0] ? ERR_ABSENT : session_co_connect(s);
        if (rc == ERR_ABSENT) {
            task_judge_all(s->dl->d, t, s->failure.permanent ? 550 : 0, span_of(s->failure.text));
            return 0;
        }
        if (rc < 0)
            return rc;
        rc = session_co_transact(s, verdicts);
        bool stale = rc < 0 && is_stale(s, verdicts);
        if (rc < 0 && !stale)
            session_judge(s, verdicts, rc);
        if (rc < 0)
            connection_co_close(&s->connection, false);
        if (rc == -ECANCELED)
            return rc;
        if (rc < 0 && !stale)
            return 0;
        if (rc == 0) {
            session_judge(s, verdicts, 0);
            return 0;
        }
        rc = 0;
    }
    return rc < 0 ? rc : -EAGAIN;
}

/* --- one letter after the other -------------------------------------------------------------- */

/* What became of the letter goes to the gatherer. True: go on. */
static bool session_co_work(struct session *s)
{
    struct deliver *d = s->dl->d;
    struct task *t = s->task;
    bool finished = false;
    int rc = task_co_read(d, t);
    if (rc == 0 && t->count && task_begin_attempt(d, t)) {
        rc = session_co_attempt(s);
        finished = rc == 0;
        if (!finished)
            task_put_off(d, t, rc == -ECANCELED ? 0 : 1000);
    }
    s->task = NULL;
    if (finished)
        gatherer_co_add(&s->dl->gatherer, t);
    else
        task_end(d, t);
    return rc == 0;
}

/* True: there is work. */
static bool session_co_rest(struct session *s)
{
    struct deliver *d = s->dl->d;
    pthread_mutex_lock(&d->mutex);
    bool leave = d->draining, work = !leave && queue_site_has_line(s->site);
    s->chosen = s->woken = false;
    if (!leave && !work)
        queue_site_idle(s->site, &s->idle);
    pthread_mutex_unlock(&d->mutex);
    if (leave || work) /* it came since we looked */
        return work;
    DL_APPEND(s->dl->resting, s);
    int rc = co_park(REST_MS);
    DL_DELETE(s->dl->resting, s); /* NOLINT: clang-tidy loses track in utlist */
    pthread_mutex_lock(&d->mutex);
    bool chosen = s->chosen;
    if (!chosen)
        queue_site_idle_ended(s->site, &s->idle);
    pthread_mutex_unlock(&d->mutex);
    while (chosen && !s->woken) /* its time was over, but the message is on its way */
        rc = co_park_firmly();
    return chosen || rc == 1;
}

/* 1: there is a letter; 0: none; -ENOMEM. */
static int session_take(struct session *s)
{
    struct deliver *d = s->dl->d;
    struct task *t = task_new();
    if (!t)
        return -ENOMEM;
    pthread_mutex_lock(&d->mutex);
    t->taken = d->draining ? 0 : queue_site_take(s->site, TASK_MAX, t->items);
    pthread_mutex_unlock(&d->mutex);
    if (t->taken) {
        s->task = t;
        return 1;
    }
    task_end(d, t);
    return 0;
}

static void session_end(struct session *s)
{
    struct deliver *d = s->dl->d;
    pthread_mutex_lock(&d->mutex);
    queue_site_end_session(s->site);
    pthread_mutex_unlock(&d->mutex);
    atomic_fetch_sub(&d->settings.counters->sessions, 1);
    free(s->way);
    free(s);
    deliver_pump(d);
}

static int session_co_run(void *arg)
{
    struct session *s = arg;
    s->co = co_current();
    bool go_on = true;
    while (go_on) {
        int taken = session_take(s);
        if (taken > 0)
            go_on = session_co_work(s);
        else
            go_on = taken == 0 && s->connection.st && session_co_rest(s);
    }
    connection_co_close(&s->connection, true);
    session_end(s);
    return 0;
}

/* --- from outside ---------------------------------------------------------------------------- */

/* The way as it is now; under the mutex. */
static struct way *copy_way(const struct queue_site *site)
{
    const struct way *way = queue_site_way(site);
    size_t size = sizeof *way + way->host_count * sizeof *way->hosts;
    struct way *copy = malloc(size);
    if (copy)
        memcpy(copy, way, size);
    return copy;
}

int session_start(struct deliver_loop *dl, struct queue_site *site)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->dl = dl;
    s->site = site;
    pthread_mutex_lock(&dl->d->mutex);
    s->way = copy_way(site);
    pthread_mutex_unlock(&dl->d->mutex);
    int rc = s->way ? co_spawn(&dl->sessions, "delivery", session_co_run, s) : -ENOMEM;
    if (rc < 0) {
        free(s->way);
        free(s);
        return rc;
    }
    atomic_fetch_add(&dl->d->settings.counters->sessions, 1);
    return 0;
}

void session_choose(struct queue_idle *idle)
{
    struct session *s = (struct session *)idle;
    s->chosen = true;
}

static void session_woken(struct loop_message *message)
{
    struct session *s = (struct session *)((char *)message - offsetof(struct session, wake));
    s->woken = true;
    co_wake(s->co, 1);
}

void session_wake(struct deliver_loop *here, struct queue_idle *idle)
{
    struct session *s = (struct session *)idle;
    s->wake.fn = session_woken;
    if (s->dl == here)
        session_woken(&s->wake);
    else
        loop_post(s->dl->loop, &s->wake);
}

void session_wake_resting(struct deliver_loop *dl)
{
    struct session *s;
    DL_FOREACH (dl->resting, s)
        co_wake(s->co, -ECANCELED);
}
