/* The one door in; see submit.h. */
#include "submit/submit.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "box/box.h"
#include "box/summary.h"
#include "event/event.h"
#include "mail/trace.h"
#include "reputation/suppression.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_MEMORY   ((size_t)16 * 1024 * 1024)
#define SUMMARY_KEPT_MAX ((size_t)256 * 1024)

/* One copy of a letter: for a mailbox, or to go elsewhere. */
struct copy {
    int64_t tenant, user;     /* user 0: elsewhere */
    struct span forward_path; /* of the first recipient that led here; elsewhere: where to */
    struct span head;         /* mailbox */
    struct span domain;       /* of what may go into the queue: folded */
    int64_t id;               /* the same: the recipient's */
    struct span queued_path;  /* the same: where to */
    struct directory_quota quota;
    bool may_wait; /* a mailbox: in the queue, if it is full */
    bool full;     /* found by the job */
};

struct submit_plan {
    const struct letter *letter;
    struct copy *copies; /* sorted by tenant; within it mailboxes after what leaves */
    size_t count;
    struct span envelope, structure; /* of the letter, for mailboxes; empty: made when asked for */
    struct queue_recipient *leaving; /* room for one tenant's */
    struct queue_entry *entries;     /* of all that leaves */
    size_t entry_count;              /* of those: for elsewhere, and what waits for room */
    size_t outside;                  /* for elsewhere alone */
    int64_t now_ms;
};

/* --- who gets a copy ------------------------------------------------------------------------- */

static int compare_copies(const void *a, const void *b)
{
    const struct copy *x = a, *y = b;
    if (x->tenant != y->tenant)
        return x->tenant < y->tenant ? -1 : 1;
    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    if (x->user)
        return 0;
    int order = span_compare(x->domain, y->domain);
    return order ? order : span_compare(x->forward_path, y->forward_path);
}

static size_t count_targets(const struct letter *letter)
{
    size_t count = 0;
    for (size_t i = 0; i < letter->recipient_count; i++)
        count += letter->recipients[i].count;
    return count;
}

/* A domain that cannot be folded was refused before; here it stays as it is. */
static struct span folded_domain(struct span address, struct arena *arena)
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    struct span local, domain;
    if (!address_split(address, &local, &domain))
        return SPAN("");
    if (address_fold_domain(domain, folded) < 0)
        return domain;
    return arena_copy(arena, span_of(folded));
}

/* What waits for a full mailbox is for that one alone: an address that leads to others, too, would
 * bring them the letter again. */
static int make_copy(const struct letter *letter, const struct letter_recipient *recipient,
                     const struct directory_target *target, struct arena *arena,
                     struct copy *ret_copy)
{
    bool alone = recipient->count == 1;
    struct span path = target->user ? recipient->forward_path : target->address;
    *ret_copy = (struct copy){.tenant = target->tenant,
                              .user = target->user,
                              .forward_path = path,
                              .queued_path = alone ? path : target->address,
                              .quota = target->quota,
                              .may_wait = target->user && box_has_limit(&target->quota) &&
                                          (letter->full_waits || !alone)};
    if (!target->user || ret_copy->may_wait)
        ret_copy->domain = folded_domain(ret_copy->queued_path, arena);
    return (!target->user || ret_copy->may_wait) && !ret_copy->domain.at ? -ENOMEM : 0;
}

/* A recipient that leads here alone is told when it is full, also where an alias does, too. */
static void join_copies(struct copy *kept, const struct copy *same)
{
    kept->may_wait = kept->may_wait && same->may_wait;
}

static int gather_copies(struct submit_plan *plan, struct arena *arena)
{
    size_t count = 0, unique = 0;
    int rc = 0;
    for (size_t i = 0; i < plan->letter->recipient_count; i++) {
        const struct letter_recipient *recipient = &plan->letter->recipients[i];
        for (size_t j = 0; rc == 0 && j < recipient->count; j++)
            rc = make_copy(plan->letter, recipient, &recipient->targets[j], arena,
                           &plan->copies[count++]);
    }
    if (rc < 0)
        return rc;
    if (count > 1)
        qsort(plan->copies, count, sizeof *plan->copies, compare_copies);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_copies(&plan->copies[i], &plan->copies[unique - 1]) != 0)
            plan->copies[unique++] = plan->copies[i];
        else
            join_copies(&plan->copies[unique - 1], &plan->copies[i]);
    plan->count = unique;
    return 0;
}

static int write_heads(struct submit_plan *plan, struct arena *arena)
{
    AUTO_BUFFER head = BUFFER(4096);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < plan->count; i++) {
        struct copy *copy = &plan->copies[i];
        if (!copy->user || copy->may_wait)
            copy->id = id_next();
        if (!copy->user)
            continue;
        buffer_clear(&head);
        rc = trace_delivery(&head, plan->letter->reverse_path, copy->forward_path);
        copy->head = arena_copy(arena, buffer_span(&head));
        if (rc == 0 && !copy->head.at)
            rc = -ENOMEM;
    }
    return rc;
}

/* Once for all mailboxes. A letter in a file is not read again for it, and one without a summary
 * gets it when a client first asks. */
static int summarise(struct submit_plan *plan, struct arena *arena)
{
    struct span bytes = blob_writer_bytes(plan->letter->body);
    struct summary summary = {0};
    bool stays = false;
    for (size_t i = 0; i < plan->count; i++)
        stays = stays || plan->copies[i].user != 0;
    if (!stays || !bytes.at)
        return 0;
    int rc = summary_make(bytes, &summary);
    if (rc == 0 && summary.structure.len + summary.envelope.len <= SUMMARY_KEPT_MAX) {
        plan->envelope = arena_copy(arena, buffer_span(&summary.envelope));
        plan->structure = arena_copy(arena, buffer_span(&summary.structure));
        rc = plan->envelope.at && plan->structure.at ? 0 : -ENOMEM;
    }
    summary_free(&summary);
    return rc;
}

static void add_entry(struct submit_plan *plan, const struct copy *copy)
{
    plan->entries[plan->entry_count++] = (struct queue_entry){.tenant = copy->tenant,
                                                              .recipient = copy->id,
                                                              .letter = plan->letter->id,
                                                              .due_ms = plan->now_ms,
                                                              .domain = copy->domain};
}

static int prepare_leaving(struct submit_plan *plan, struct arena *arena)
{
    size_t leaving = 0;
    for (size_t i = 0; i < plan->count; i++)
        leaving += plan->copies[i].user == 0 || plan->copies[i].may_wait;
    if (leaving == 0)
        return 0;
    plan->leaving = arena_zero(arena, leaving * sizeof *plan->leaving);
    plan->entries = arena_zero(arena, leaving * sizeof *plan->entries);
    if (!plan->leaving || !plan->entries)
        return -ENOMEM;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->copies[i].user == 0)
            add_entry(plan, &plan->copies[i]);
    plan->outside = plan->entry_count;
    return 0;
}

int submit_prepare(const struct letter *letter, struct arena *arena, struct submit_plan **ret_plan)
{
    struct submit_plan *plan = arena_zero(arena, sizeof *plan);
    if (!plan)
        return -ENOMEM;
    plan->letter = letter;
    plan->now_ms = clock_wall_ms();
    plan->copies = arena_alloc(arena, (count_targets(letter) + 1) * sizeof *plan->copies);
    int rc = plan->copies ? gather_copies(plan, arena) : -ENOMEM;
    if (rc == 0)
        rc = write_heads(plan, arena);
    if (rc == 0)
        rc = summarise(plan, arena);
    if (rc == 0)
        rc = prepare_leaving(plan, arena);
    *ret_plan = plan;
    return rc;
}

/* --- the job --------------------------------------------------------------------------------- */

/* The part of one tenant: [first, end) of the copies; what leaves comes first. */
struct part {
    size_t first, end, leaving, full;
    int64_t tenant, blob, sender_row;
};

static uint64_t octets_of(const struct submit_plan *plan, const struct copy *copy)
{
    return copy->head.len + blob_writer_size(plan->letter->body);
}

/* Before anything is written: which mailboxes take their copy, and which must wait. */
static int take_room(struct db_tx *tx, struct submit_plan *plan, struct part *part)
{
    for (size_t i = part->first + part->leaving; i < part->end; i++) {
        struct copy *copy = &plan->copies[i];
        int rc =
            box_take_room(tx, part->tenant, copy->user, 1, octets_of(plan, copy), &copy->quota);
        copy->full = rc == ERR_QUOTA && copy->may_wait;
        part->full += copy->full;
        if (copy->full)
            add_entry(plan, copy);
        else if (rc < 0)
            return rc;
    }
    return 0;
}

static int deliver(struct db_tx *tx, const struct submit_plan *plan, struct part *part,
                   const struct copy *copy)
{
    int64_t uid;
    struct box_message message = {.blob = part->blob,
                                  .octets = octets_of(plan, copy),
                                  .received_ms = plan->now_ms,
                                  .head = copy->head,
                                  .envelope = plan->envelope,
                                  .structure = plan->structure};
    struct event event = {.tenant = part->tenant,
                          .letter = plan->letter->id,
                          .kind = EVENT_DELIVERED,
                          .sender = plan->letter->reverse_path,
                          .sender_row = &part->sender_row,
                          .recipient = copy->forward_path,
                          .detail = SPAN("mailbox " BOX_INBOX),
                          .bytes = message.octets};
    int rc = box_append(tx, part->tenant, copy->user, BOX_INBOX, &message, &uid);
    return rc < 0 || plan->letter->quiet ? rc : event_record(tx, &event);
}

static int put_into_queue(struct db_tx *tx, const struct submit_plan *plan, const struct part *part)
{
    const char *path = plan->letter->leaving_path;
    struct queue_letter letter = {.tenant = part->tenant,
                                  .id = plan->letter->id,
                                  .reverse_path = path ? span_of(path) : plan->letter->reverse_path,
                                  .verp = plan->letter->verp,
                                  .kind = QUEUE_BODY_RAW,
                                  .head = plan->letter->head,
                                  .blob = part->blob,
                                  .octets = blob_writer_size(plan->letter->body),
                                  .eight_bit = plan->letter->eight_bit,
                                  .may_notify = plan->letter->may_notify,
                                  .accepted_ms = plan->now_ms};
    size_t count = 0;
    for (size_t i = part->first; i < part->end; i++) {
        const struct copy *copy = &plan->copies[i];
        if (copy->user == 0 || copy->full)
            plan->leaving[count++] = (struct queue_recipient){.id = copy->id,
                                                              .forward_path = copy->queued_path,
                                                              .domain = copy->domain,
                                                              .due_ms = plan->now_ms};
    }
    return queue_put(tx, &letter, plan->leaving, count);
}

static int apply_part(struct db_tx *tx, struct submit_plan *plan, struct part *part)
{
    struct event event = {.tenant = part->tenant,
                          .letter = plan->letter->id,
                          .kind = EVENT_ACCEPTED,
                          .sender = plan->letter->reverse_path,
                          .sender_row = &part->sender_row,
                          .detail = plan->letter->source,
                          .bytes = blob_writer_size(plan->letter->body)};
    int rc = take_room(tx, plan, part);
    size_t queued = part->leaving + part->full;
    uint32_t references = (uint32_t)(part->end - part->first - queued) + (queued > 0);
    if (rc == 0)
        rc = blob_put(tx, plan->letter->body, part->tenant, references, &part->blob);
    if (rc == 0 && !plan->letter->quiet)
        rc = event_record(tx, &event);
    if (rc == 0 && queued)
        rc = put_into_queue(tx, plan, part);
    for (size_t i = part->first + part->leaving; rc == 0 && i < part->end; i++)
        if (!plan->copies[i].full)
            rc = deliver(tx, plan, part, &plan->copies[i]);
    return rc;
}

static int suppress_returned(struct db_tx *tx, int64_t tenant, const struct dsn_report *report)
{
    char status[DSN_STATUS];
    struct suppression one = {
        .address = report->recipient, .reason = SUPPRESSION_BOUNCED, .detail = report->words};
    dsn_status(report->words, '5', status);
    if (!suppression_is_final(status))
        return 0;
    int rc = suppression_add(tx, tenant, &one);
    return rc == ERR_SYNTAX ? 0 : rc; /* it could not be read */
}

/* What became of a letter that the next server had taken already. */
static int add_returned(struct db_tx *tx, const struct letter_return *returned)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < returned->count; i++) {
        const struct dsn_report *report = &returned->reports[i];
        struct event event = {.tenant = returned->tenant,
                              .letter = returned->letter,
                              .kind = report->failed ? EVENT_RETURNED : EVENT_DEFERRED,
                              .recipient = report->recipient,
                              .detail = report->words};
        rc = event_record(tx, &event);
        if (rc == 0 && report->failed)
            rc = suppress_returned(tx, returned->tenant, report);
    }
    return rc;
}

int submit_apply(struct db_tx *tx, struct submit_plan *plan)
{
    int rc = 0;
    plan->entry_count = plan->outside; /* the job may be repeated */
    for (size_t first = 0; rc == 0 && first < plan->count;) {
        struct part part = {.first = first, .end = first, .tenant = plan->copies[first].tenant};
        while (part.end < plan->count && plan->copies[part.end].tenant == part.tenant)
            part.leaving += plan->copies[part.end++].user == 0;
        rc = apply_part(tx, plan, &part);
        first = part.end;
    }
    if (rc == 0 && plan->letter->returned)
        rc = add_returned(tx, plan->letter->returned);
    return rc;
}

static int apply(struct db_tx *tx, void *arg)
{
    return submit_apply(tx, arg);
}

void submit_committed(const struct submit_door *door, struct submit_plan *plan)
{
    blob_writer_committed(plan->letter->body);
    if (plan->entry_count && door->announce)
        door->announce(door->arg, plan->entries, plan->entry_count);
}

/* --- full mailboxes -------------------------------------------------------------------------- */

/* Temporary by default: a mailbox is full until its owner clears it out, which a sender's server
 * waits days for; a permanent answer would send the letter back at once, and mailing lists and
 * applications would take the address for a dead one. */
int submit_full_code(const struct submit_door *door)
{
    return door->refuse_full ? 552 : 452;
}

static int co_has_room(const struct submit_door *door, int64_t tenant, int64_t user,
                       const struct directory_quota *quota, uint64_t octets)
{
    struct box_usage usage;
    if (user == 0 || !box_has_limit(quota))
        return 1;
    int rc = box_co_usage(door->store, tenant, user, &usage);
    return rc < 0 ? rc : box_has_room(&usage, quota, 1, octets);
}

int submit_co_is_full(const struct submit_door *door, const struct letter_recipient *recipient,
                      uint64_t octets)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < recipient->count; i++) {
        const struct directory_target *target = &recipient->targets[i];
        rc = co_has_room(door, target->tenant, target->user, &target->quota, octets);
    }
    return rc < 0 ? rc : rc == 0 && recipient->count > 0;
}

/* The commit decides; asking before it keeps jobs that must fail out of the groups of others. */
static int co_look_for_room(const struct submit_door *door, const struct submit_plan *plan)
{
    int rc = 1;
    for (size_t i = 0; rc == 1 && i < plan->count; i++) {
        const struct copy *copy = &plan->copies[i];
        if (!copy->may_wait)
            rc = co_has_room(door, copy->tenant, copy->user, &copy->quota, octets_of(plan, copy));
    }
    return rc < 0 ? rc : rc == 1 ? 0 : ERR_QUOTA;
}

int submit_co_receive(const struct submit_door *door, const struct letter *letter)
{
    AUTO_ARENA arena = ARENA(RECEIVE_MEMORY);
    struct submit_plan *plan;
    int rc = submit_prepare(letter, &arena, &plan);
    if (rc == 0)
        rc = co_look_for_room(door, plan);
    if (rc == 0)
        rc = store_co_write(door->store, apply, plan);
    if (rc == 0)
        submit_committed(door, plan);
    return rc;
}
