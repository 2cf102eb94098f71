/* Settling; see settle.h. */
#include "deliver/settle.h"

#include "deliver/simulator_internal.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "event/event.h"
#include "mail/dsn.h"
#include "mail/header.h"
#include "reputation/suppression.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY     ((size_t)4 * 1024 * 1024)
#define NOTICE_MAX ((size_t)1024 * 1024)
#define TEXT_MAX   ((size_t)1000)

int outcome_text(struct buffer *out, const struct outcome *outcome)
{
    int rc = buffer_append(out, outcome->host);
    if (rc == 0 && outcome->host.len)
        rc = buffer_append_text(out, " said: ");
    return rc < 0 ? rc : buffer_append(out, outcome->words);
}

struct settling {
    const struct settler *settler;
    const struct settlement *s;
    struct arena arena;
    struct queue_result *results;
    /* notices: first of failures, then of delays */
    struct letter letters[2];
    struct letter_recipient to[2];
    struct submit_plan *plans[2];
    bool noticed;
};

static int fill_results(struct settling *g)
{
    g->results = arena_alloc(&g->arena, g->s->count * sizeof *g->results);
    if (!g->results)
        return -ENOMEM;
    for (size_t i = 0; i < g->s->count; i++) {
        const struct outcome *outcome = &g->s->outcomes[i];
        AUTO_BUFFER text = BUFFER(TEXT_MAX);
        (void)!outcome_text(&text, outcome); /* what does not fit is left out */
        struct span reply = arena_copy(&g->arena, buffer_span(&text));
        if (!reply.at)
            return -ENOMEM;
        g->results[i] = (struct queue_result){.recipient = g->s->recipients[i].id,
                                              .forward_path = g->s->recipients[i].forward_path,
                                              .end = outcome->end,
                                              .reply = reply,
                                              .due_ms = outcome->due_ms};
    }
    return 0;
}

/* --- notices --------------------------------------------------------------------------------- */

static bool belongs(const struct settling *g, enum dsn_action action, size_t i)
{
    const struct outcome *outcome = &g->s->outcomes[i];
    if (action == DSN_DELAYED)
        return outcome->end == QUEUE_DEFERRED && outcome->notice && !g->s->letter->noticed;
    return outcome->end == QUEUE_BOUNCED || outcome->end == QUEUE_EXPIRED ||
           outcome->end == QUEUE_DROPPED;
}

/* "mx.example.net" of "mx.example.net[192.0.2.1]:25" */
static struct span host_name(struct span host)
{
    ptrdiff_t bracket = span_find(host, '[');
    return bracket > 0 ? span_first(host, (size_t)bracket) : host;
}

static size_t gather(struct settling *g, enum dsn_action action, struct dsn_recipient *list,
                     int64_t *ret_until)
{
    size_t count = 0;
    *ret_until = 0;
    for (size_t i = 0; i < g->s->count; i++) {
        const struct outcome *outcome = &g->s->outcomes[i];
        if (!belongs(g, action, i))
            continue;
        struct dsn_recipient *r = &list[count++];
        *r = (struct dsn_recipient){.address = g->s->recipients[i].forward_path,
                                    .remote = host_name(outcome->host),
                                    .words = outcome->words};
        if (outcome->end == QUEUE_EXPIRED)
            strcpy(r->status, "5.4.7"); /* RFC 3463: delivery time expired */
        else
            dsn_status(outcome->words, action == DSN_DELAYED ? '4' : '5', r->status);
        if (outcome->expires_ms > *ret_until)
            *ret_until = outcome->expires_ms;
    }
    return count;
}

static int co_read_header(struct settling *g, struct buffer *out)
{
    const struct queue_letter *letter = g->s->letter;
    int rc =
        blob_co_read(g->settler->door->store, letter->tenant, letter->blob, 0, DSN_HEADER_MAX, out);
    if (rc == 0)
        out->len = header_length(buffer_span(out));
    return rc;
}

static int co_write_body(struct settling *g, const struct dsn *dsn, struct letter *letter)
{
    AUTO_BUFFER text = BUFFER(NOTICE_MAX);
    int rc = dsn_write(&text, dsn);
    if (rc == 0)
        rc = blob_writer_open(g->settler->door->store, text.len, &letter->body);
    if (rc == 0)
        rc = blob_co_append(letter->body, buffer_span(&text));
    return rc < 0 ? rc : blob_co_finish(letter->body);
}

/* Where the sender's address leads: a mailbox of ours, or elsewhere. 0: nowhere any more. */
static int co_find_sender(struct settling *g, struct letter_recipient *to)
{
    struct span local, domain, sender = g->s->letter->reverse_path;
    if (!address_split(sender, &local, &domain))
        return 0;
    int found = directory_co_resolve(g->settler->directory, local, domain, &g->arena, &to->targets,
                                     &to->count);
    to->forward_path = sender;
    if (found < 0 || found == DIRECTORY_UNKNOWN)
        return found < 0 ? found : 0;
    if (found == DIRECTORY_LOCAL)
        return 1;
    to->targets = arena_alloc(&g->arena, sizeof *to->targets);
    if (!to->targets)
        return -ENOMEM;
    *to->targets = (struct directory_target){.tenant = g->s->letter->tenant, .address = sender};
    to->count = 1;
    return 1;
}

static int co_prepare_notice(struct settling *g, enum dsn_action action)
{
    struct dsn dsn = {.action = action,
                      .hostname = g->settler->hostname,
                      .id = id_next(),
                      .to = g->s->letter->reverse_path,
                      .letter = g->s->letter->id,
                      .arrived_ms = g->s->letter->accepted_ms,
                      .now_ms = clock_wall_ms()};
    struct dsn_recipient *list = arena_zero(&g->arena, g->s->count * sizeof *list);
    AUTO_BUFFER header = BUFFER(DSN_HEADER_MAX);
    if (!list)
        return -ENOMEM;
    dsn.recipients = list;
    dsn.count = gather(g, action, list, &dsn.until_ms);
    int rc = dsn.count ? co_find_sender(g, &g->to[action]) : 0;
    if (rc <= 0)
        return rc;
    rc = co_read_header(g, &header);
    if (rc < 0)
        return rc;
    dsn.header = buffer_span(&header);
    g->letters[action] = (struct letter){.id = dsn.id,
                                         .recipients = &g->to[action],
                                         .recipient_count = 1,
                                         .final = true,
                                         .full_waits = true,
                                         .source = SPAN("delivery status")};
    rc = co_write_body(g, &dsn, &g->letters[action]);
    if (rc == 0)
        rc = submit_co_prepare(&g->letters[action], &g->arena, &g->plans[action]);
    g->noticed = g->noticed || action == DSN_DELAYED;
    return rc;
}

static int co_prepare_notices(struct settling *g)
{
    const struct queue_letter *letter = g->s->letter;
    if (g->s->silent || !letter->may_notify || letter->reverse_path.len == 0)
        return 0;
    int rc = co_prepare_notice(g, DSN_FAILED);
    return rc < 0 ? rc : co_prepare_notice(g, DSN_DELAYED);
}

/* --- the commit ------------------------------------------------------------------------------ */

struct settling_all {
    struct settling *list;
    size_t count;
};

/* Applications do not write again to addresses that are not there. */
static int suppress_dead(struct db_tx *tx, const struct settling *g)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && g->s->letter->verp && i < g->s->count; i++) {
        const struct outcome *outcome = &g->s->outcomes[i];
        char status[DSN_STATUS];
        struct suppression one = {.address = g->s->recipients[i].forward_path,
                                  .reason = SUPPRESSION_BOUNCED,
                                  .detail = g->results[i].reply};
        dsn_status(outcome->words, '5', status);
        if (outcome->end == QUEUE_BOUNCED && suppression_is_final(status) &&
            !simulator_has(g->s->recipients[i].domain))
            rc = suppression_add(tx, g->s->letter->tenant, &one);
        if (rc == ERR_SYNTAX) /* an address that cannot be folded was never valid */
            rc = 0;
    }
    return rc;
}

static int add_complaints(struct db_tx *tx, const struct settling *g)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < g->s->count; i++) {
        struct event event = {.tenant = g->s->letter->tenant,
                              .letter = g->s->letter->id,
                              .kind = EVENT_COMPLAINED,
                              .sender = g->s->letter->reverse_path,
                              .recipient = g->s->recipients[i].forward_path,
                              .detail = SPAN("Simulated"),
                              .bytes = g->s->letter->octets};
        if (g->s->outcomes[i].end == QUEUE_DELIVERED && simulator_complains(event.recipient))
            rc = event_record(tx, &event);
    }
    return rc;
}

static int settle_one(struct db_tx *tx, struct settling *g)
{
    int rc = 0;
    if (g->noticed)
        rc = queue_set_noticed(tx, g->s->letter);
    for (int i = 0; rc >= 0 && i < 2; i++)
        if (g->plans[i])
            rc = submit_apply(tx, g->plans[i]);
    if (rc >= 0)
        rc = suppress_dead(tx, g);
    if (rc >= 0)
        rc = queue_settle(tx, g->s->letter, g->results, g->s->count);
    return rc < 0 ? rc : add_complaints(tx, g);
}

static int settle_all(struct db_tx *tx, void *arg)
{
    struct settling_all *all = arg;
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < all->count; i++)
        rc = settle_one(tx, &all->list[i]);
    return rc;
}

static int co_prepare(struct settling *g)
{
    int rc = fill_results(g);
    return rc < 0 ? rc : co_prepare_notices(g);
}

static void co_end(struct settling *g, bool committed)
{
    for (int i = 0; i < 2; i++) {
        if (committed && g->plans[i])
            submit_committed(g->settler->door, g->plans[i]);
        blob_co_writer_free(g->letters[i].body);
    }
    arena_free(&g->arena);
}

int settle_co_commit(const struct settler *settler, const struct settlement *list, size_t count)
{
    assert(count <= SETTLE_MAX);
    struct settling_all all = {calloc(count, sizeof *all.list), 0};
    int rc = all.list ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct settling *g = &all.list[all.count++];
        *g = (struct settling){.settler = settler, .s = &list[i], .arena = ARENA(MEMORY)};
        rc = co_prepare(g);
    }
    if (rc == 0)
        rc = store_co_write(settler->door->store, settle_all, &all);
    for (size_t i = 0; i < all.count; i++)
        co_end(&all.list[i], rc >= 0);
    free(all.list);
    return rc < 0 ? rc : 0;
}
