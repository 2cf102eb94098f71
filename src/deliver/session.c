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

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define REST_MS      (5 * 1000) /* with an open connection and nothing to do */
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
    struct kept_package package;  /* of the last letter that had one */
    struct session *prev, *next;  /* of those that rest on this loop */
    struct task *task;            /* NULL between two letters */
};

/* --- sending --------------------------------------------------------------------------------- */

static int session_co_transact(struct session *s, struct outgoing *o,
                               struct smtp_response *verdicts)
{
    struct task *t = s->task;
    size_t count = o->end - o->first;
    struct span *paths = arena_alloc(&t->arena, count * sizeof *paths);
    if (!paths)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        paths[i] = t->recipients[o->first + i].forward_path;
    char verp[ADDRESS_TEXT_MAX];
    struct span reverse_path = t->letter.reverse_path, local, domain;
    if (t->letter.verp && address_split(reverse_path, &local, &domain)) {
        directory_verp_write(s->dl->d->settings.directory, t->letter.id, domain, verp);
        reverse_path = span_of(verp);
    }
    struct smtp_outgoing letter = {.reverse_path = reverse_path,
                                   .forward_paths = paths,
                                   .count = count,
                                   .octets = outgoing_octets(o),
                                   .eight_bit = t->letter.eight_bit,
                                   .co_read = outgoing_co_read,
                                   .arg = o};
    outgoing_rewind(o);
    s->connection.letters++;
    return smtp_client_co_send(&s->connection.client, &letter, verdicts);
}

/* Verdicts that there are count, also when the connection broke afterwards. */
static void session_judge(struct session *s, const struct outgoing *o,
                          const struct smtp_response *verdicts, int rc)
{
    struct task *t = s->task;
    char text[300];
    int len = snprintf(text, sizeof text, "4.4.2 The connection to %s broke at %s: %s",
                       s->connection.host, s->connection.client.step, error_text(rc));
    for (size_t i = o->first; i < o->end; i++) {
        const struct smtp_response *verdict = &verdicts[i - o->first];
        t->host = verdict->code ? s->connection.host : NULL;
        if (verdict->code)
            task_judge(s->dl->d, t, i, verdict->code, smtp_response_span(verdict));
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

/* Others may come to help. */
static void session_has_worked(struct session *s)
{
    struct deliver *d = s->dl->d;
    pthread_mutex_lock(&d->mutex);
    queue_site_worked(s->site);
    pthread_mutex_unlock(&d->mutex);
    deliver_pump(d);
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
    session_has_worked(s);
    return 0;
}

/* One part of the recipients, over a connection; 0 when all of it is judged. */
static int session_co_send(struct session *s, struct outgoing *o, struct smtp_response *verdicts)
{
    for (int tries = 0; tries < 2; tries++) {
        int rc = s->failure.text[0] ? ERR_ABSENT : session_co_connect(s);
        if (rc == ERR_ABSENT) {
            s->task->host = NULL;
            task_judge_part(s->dl->d, s->task, o->first, o->end, s->failure.permanent ? 550 : 0,
                            span_of(s->failure.text));
            return 0;
        }
        if (rc < 0)
            return rc;
        rc = session_co_transact(s, o, verdicts);
        bool stale = rc < 0 && is_stale(s, verdicts);
        if (!stale)
            session_judge(s, o, verdicts, rc);
        if (rc < 0)
            connection_co_close(&s->connection, false);
        if (rc == -ECANCELED || !stale)
            return rc == -ECANCELED ? rc : 0;
    }
    return -EAGAIN;
}

/* 0, or -ECANCELED, -ENOMEM, …: nothing is known about the part. */
static int session_co_send_part(struct session *s, struct outgoing *o,
                                struct smtp_response *verdicts)
{
    if (!s->way->local)
        return session_co_send(s, o, verdicts);
    for (size_t i = o->first; i < o->end; i++)
        outgoing_co_deliver_locally(o, i);
    return 0;
}

/* All recipients, part by part. What is not known after a failure of ours is tried again, unless
 * it is known of others: then they are judged as tried. */
static int session_co_attempt(struct session *s)
{
    struct task *t = s->task;
    struct smtp_response *verdicts = arena_zero(&t->arena, t->count * sizeof *verdicts);
    int rc = verdicts ? 0 : -ENOMEM;
    for (size_t first = 0; rc == 0 && first < t->count;) {
        struct outgoing o;
        rc = outgoing_co_open(&o, s->dl->d, t, first, &s->package);
        if (rc == ERR_SYNTAX) {
            t->host = NULL;
            task_judge_part(s->dl->d, t, o.first, o.end, 550, span_of(o.why));
            rc = 0;
        } else if (rc == 0) {
            rc = session_co_send_part(s, &o, verdicts);
        }
        if (rc < 0 && first > 0) {
            t->host = NULL;
            task_judge_part(s->dl->d, t, first, t->count, 0, SPAN("4.3.0 Ended before its turn"));
            outgoing_close(&o);
            return 0;
        }
        first = o.end;
        outgoing_close(&o);
    }
    return rc;
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
    package_close(&s->package);
    free(s->way);
    free(s);
    deliver_pump(d);
}

static int session_co_run(void *arg)
{
    struct session *s = arg;
    s->co = co_current();
    bool go_on = true;
    if (s->way->local)
        session_has_worked(s);
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
