/* The one door in; see submit.h. */
#include "submit/submit.h"

#include "base/clock.h"
#include "base/log.h"
#include "box/box.h"
#include "event/event.h"
#include "mail/trace.h"

#include <errno.h>
#include <stdlib.h>

#define RECEIVE_MEMORY ((size_t)16 * 1024 * 1024)

/* One copy of a letter for one mailbox. */
struct delivery {
    int64_t tenant, user;
    struct span forward_path; /* the first recipient that led here */
    struct span head;
};

struct receiving {
    const struct letter *letter;
    struct delivery *deliveries; /* sorted by tenant and user */
    size_t count;
    int64_t received_ms;
};

/* --- who gets a copy ------------------------------------------------------------------------- */

static int compare_deliveries(const void *a, const void *b)
{
    const struct delivery *x = a, *y = b;
    if (x->tenant != y->tenant)
        return x->tenant < y->tenant ? -1 : 1;
    return x->user < y->user ? -1 : x->user > y->user;
}

static size_t count_targets(const struct letter *letter)
{
    size_t count = 0;
    for (size_t i = 0; i < letter->recipient_count; i++)
        count += letter->recipients[i].count;
    return count;
}

static void gather_targets(struct receiving *r)
{
    size_t count = 0, unique = 0;
    for (size_t i = 0; i < r->letter->recipient_count; i++) {
        const struct letter_recipient *recipient = &r->letter->recipients[i];
        for (size_t j = 0; j < recipient->count; j++)
            r->deliveries[count++] = (struct delivery){.tenant = recipient->targets[j].tenant,
                                                       .user = recipient->targets[j].user,
                                                       .forward_path = recipient->forward_path};
    }
    if (count > 1)
        qsort(r->deliveries, count, sizeof *r->deliveries, compare_deliveries);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_deliveries(&r->deliveries[i], &r->deliveries[unique - 1]) != 0)
            r->deliveries[unique++] = r->deliveries[i];
    r->count = unique;
}

static int write_heads(struct receiving *r, struct arena *arena)
{
    AUTO_BUFFER head = BUFFER(4096);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->count; i++) {
        buffer_clear(&head);
        rc = trace_delivery(&head, r->letter->reverse_path, r->deliveries[i].forward_path);
        r->deliveries[i].head = arena_copy(arena, buffer_span(&head));
        if (rc == 0 && !r->deliveries[i].head.at)
            rc = -ENOMEM;
    }
    return rc;
}

/* --- the job --------------------------------------------------------------------------------- */

static int deliver(struct db_tx *tx, const struct receiving *r, const struct delivery *d,
                   int64_t blob, int64_t *sender_row)
{
    int64_t uid;
    struct box_message message = {.blob = blob,
                                  .octets = d->head.len + blob_writer_size(r->letter->body),
                                  .received_ms = r->received_ms,
                                  .head = d->head};
    struct event event = {.tenant = d->tenant,
                          .letter = r->letter->id,
                          .kind = EVENT_DELIVERED,
                          .sender = r->letter->reverse_path,
                          .sender_row = sender_row,
                          .recipient = d->forward_path,
                          .detail = SPAN("mailbox " BOX_INBOX),
                          .bytes = message.octets};
    int rc = box_append(tx, d->tenant, d->user, BOX_INBOX, &message, &uid);
    return rc < 0 ? rc : event_add(tx, &event);
}

/* All copies for one tenant: [first, end) of the deliveries. */
static int deliver_to_tenant(struct db_tx *tx, const struct receiving *r, size_t first, size_t end)
{
    int64_t blob, sender_row = 0, tenant = r->deliveries[first].tenant;
    struct event event = {.tenant = tenant,
                          .letter = r->letter->id,
                          .kind = EVENT_ACCEPTED,
                          .sender = r->letter->reverse_path,
                          .sender_row = &sender_row,
                          .detail = r->letter->source,
                          .bytes = blob_writer_size(r->letter->body)};
    int rc = blob_put(tx, r->letter->body, tenant, (uint32_t)(end - first), &blob);
    if (rc == 0)
        rc = event_add(tx, &event);
    for (size_t i = first; rc == 0 && i < end; i++)
        rc = deliver(tx, r, &r->deliveries[i], blob, &sender_row);
    return rc;
}

static int receive(struct db_tx *tx, void *arg)
{
    const struct receiving *r = arg;
    int rc = 0;
    for (size_t first = 0, end; rc == 0 && first < r->count; first = end) {
        for (end = first; end < r->count; end++)
            if (r->deliveries[end].tenant != r->deliveries[first].tenant)
                break;
        rc = deliver_to_tenant(tx, r, first, end);
    }
    return rc;
}

int submit_co_receive(struct store *store, const struct letter *letter)
{
    AUTO_ARENA arena = ARENA(RECEIVE_MEMORY);
    struct receiving r = {.letter = letter, .received_ms = clock_wall_ms()};
    r.deliveries = arena_alloc(&arena, (count_targets(letter) + 1) * sizeof *r.deliveries);
    if (!r.deliveries)
        return -ENOMEM;
    gather_targets(&r);
    int rc = write_heads(&r, &arena);
    if (rc == 0)
        rc = store_co_write(store, receive, &r);
    if (rc == 0)
        blob_writer_committed(letter->body);
    return rc;
}
