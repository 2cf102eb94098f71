/* The one door in; see submit.h. */
#include "submit/copy_internal.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "box/summary.h"
#include "event/event.h"
#include "mail/trace.h"
#include "reputation/suppression.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_MEMORY   ((size_t)16 * 1024 * 1024)
#define SUMMARY_KEPT_MAX ((size_t)256 * 1024)

struct submit_plan {
    const struct letter *letter;
    struct copy *copies;
    size_t count;
    bool stored;                     /* the last run of the job put the body in */
    struct box_message summary;      /* what mailboxes keep of the letter */
    struct queue_recipient *leaving; /* room for one tenant's */
    struct queue_entry *entries;     /* of all that leaves, or waits for room */
    size_t entry_count;
    int64_t now_ms;
};

/* --- who gets a copy ------------------------------------------------------------------------- */

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

/* A full mailbox is no reason to keep the letter from others: where it goes to several with one
 * answer for all, the full one's copy waits. What waits is for that one alone: an address that
 * leads to others, too, would bring them the letter again. */
static int make_copy(const struct letter *letter, const struct letter_recipient *recipient,
                     const struct directory_target *target, struct arena *arena,
                     struct copy *ret_copy)
{
    bool alone = recipient->count == 1;
    bool shared = !alone || (letter->recipient_count > 1 && !letter->apart);
    struct span path = target->user ? recipient->forward_path : target->address;
    *ret_copy = (struct copy){.tenant = target->tenant,
                              .user = target->user,
                              .detail = target->detail,
                              .forward_path = path,
                              .queued_path = alone ? path : target->address,
                              .quota = target->quota,
                              .may_wait = target->user && box_has_limit(&target->quota) &&
                                          (letter->full_waits || shared)};
    if (target->user && !ret_copy->may_wait)
        return 0;
    ret_copy->id = id_next();
    ret_copy->domain = folded_domain(ret_copy->queued_path, arena);
    return ret_copy->domain.at ? 0 : -ENOMEM;
}

/* Sorted, each once. A recipient that leads to a mailbox alone is told when it is full, also where
 * an alias leads there, too. */
static void join_copies(struct submit_plan *plan, size_t count)
{
    size_t unique = 0;
    if (count > 1)
        qsort(plan->copies, count, sizeof *plan->copies, copy_compare);
    for (size_t i = 0; i < count; i++) {
        const struct copy *copy = &plan->copies[i];
        if (i == 0 || copy_compare(copy, &plan->copies[unique - 1]) != 0)
            plan->copies[unique++] = *copy;
        else
            plan->copies[unique - 1].may_wait = plan->copies[unique - 1].may_wait && copy->may_wait;
    }
    plan->count = unique;
}

static int gather_copies(struct submit_plan *plan, struct arena *arena)
{
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < plan->letter->recipient_count; i++) {
        const struct letter_recipient *recipient = &plan->letter->recipients[i];
        for (size_t j = 0; rc == 0 && j < recipient->count; j++)
            rc = make_copy(plan->letter, recipient, &recipient->targets[j], arena,
                           &plan->copies[count++]);
    }
    if (rc == 0)
        join_copies(plan, count);
    return rc;
}

static int write_heads(struct submit_plan *plan, struct arena *arena)
{
    AUTO_BUFFER head = BUFFER(4096);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < plan->count; i++) {
        struct copy *copy = &plan->copies[i];
        if (!copy->user)
            continue;
        buffer_clear(&head);
        rc = trace_delivery(&head, plan->letter->reverse_path, copy->forward_path);
        copy->head = arena_copy(arena, buffer_span(&head));
        copy->octets = copy->head.len + blob_writer_size(plan->letter->body);
        copy->folder = copy->detail.len ? arena_alloc(arena, copy->detail.len) : NULL;
        if (rc == 0 && (!copy->head.at || (copy->detail.len && !copy->folder)))
            rc = -ENOMEM;
    }
    return rc;
}

static int keep_summary(struct submit_plan *plan, const struct summary *summary,
                        struct arena *arena)
{
    struct box_message shown = {0};
    struct span *const spans[] = {&shown.envelope, &shown.structure, &shown.preview, &shown.ids};
    plan->summary.thread = summary->thread;
    if (summary->structure.len + summary->envelope.len > SUMMARY_KEPT_MAX)
        return 0;
    summary_show(summary, &shown);
    for (unsigned i = 0; i < sizeof spans / sizeof *spans; i++) {
        *spans[i] = arena_copy(arena, *spans[i]);
        if (!spans[i]->at)
            return -ENOMEM;
    }
    plan->summary = shown;
    return 0;
}

/* Once for all mailboxes. What is too large to be kept is made when a client asks. */
static int co_summarise(struct submit_plan *plan, struct arena *arena)
{
    struct summary summary;
    bool stays = false;
    for (size_t i = 0; i < plan->count; i++)
        stays = stays || plan->copies[i].user != 0;
    if (!stays)
        return 0;
    int rc = summary_co_make(plan->letter->body, &summary);
    if (rc == 0)
        rc = keep_summary(plan, &summary, arena);
    summary_free(&summary);
    return rc;
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
    return plan->leaving && plan->entries ? 0 : -ENOMEM;
}

int submit_co_prepare(const struct letter *letter, struct arena *arena,
                      struct submit_plan **ret_plan)
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
        rc = co_summarise(plan, arena);
    if (rc == 0)
        rc = prepare_leaving(plan, arena);
    *ret_plan = plan;
    return rc;
}

/* --- the job --------------------------------------------------------------------------------- */

/* The part of one tenant: [first, end) of the copies; what leaves comes first. */
struct part {
    size_t first, end, leaving, mailboxes;
    int64_t tenant, blob, sender_row;
};

static struct event event_of(const struct submit_plan *plan, struct part *part,
                             enum event_kind kind)
{
    return (struct event){.tenant = part->tenant,
                          .letter = plan->letter->id,
                          .kind = kind,
                          .sender = plan->letter->reverse_path,
                          .sender_row = &part->sender_row};
}

static int tell_delivered(struct db_tx *tx, const struct submit_plan *plan, struct part *part,
                          const struct copy *copy, uint64_t octets)
{
    char detail[sizeof "mailbox " + BOX_DETAIL_MAX];
    struct event event = event_of(plan, part, EVENT_DELIVERED);
    int len = snprintf(detail, sizeof detail, "mailbox %.*s", SPAN_PRINT(copy->name));
    event.recipient = copy->forward_path;
    event.detail = span_make(detail, (size_t)len);
    event.bytes = octets;
    return event_record(tx, &event);
}

/* Of a copy that cannot go anywhere, and whose recipient was accepted all the same. */
static int drop(struct db_tx *tx, const struct submit_plan *plan, struct part *part,
                const struct copy *copy)
{
    struct event event = event_of(plan, part, EVENT_DROPPED);
    event.recipient = copy->forward_path;
    event.detail = copy->refused == ERR_QUOTA ? SPAN("the mailbox is full")
                                              : SPAN("the user was removed meanwhile");
    return copy->dropped && !plan->letter->quiet ? event_record(tx, &event) : 0;
}

static int deliver(struct db_tx *tx, const struct submit_plan *plan, struct part *part,
                   const struct copy *copy)
{
    int64_t uid;
    struct box_message message = plan->summary;
    message.blob = part->blob;
    message.octets = copy->octets;
    message.received_ms = plan->now_ms;
    message.head = copy->head;
    if (copy->refused)
        return drop(tx, plan, part, copy);
    if (!copy_stays(copy))
        return 0;
    int rc = box_append_to(tx, part->tenant, copy->mailbox, &message, &uid);
    return rc < 0 || plan->letter->quiet ? rc
                                         : tell_delivered(tx, plan, part, copy, message.octets);
}

/* What goes elsewhere, and what waits for room in a mailbox. */
static int put_into_queue(struct db_tx *tx, struct submit_plan *plan, const struct part *part)
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
        if (!copy_leaves(copy))
            continue;
        plan->leaving[count++] = (struct queue_recipient){.id = copy->id,
                                                          .forward_path = copy->queued_path,
                                                          .domain = copy->domain,
                                                          .due_ms = plan->now_ms};
        plan->entries[plan->entry_count++] = (struct queue_entry){.tenant = copy->tenant,
                                                                  .recipient = copy->id,
                                                                  .letter = letter.id,
                                                                  .due_ms = plan->now_ms,
                                                                  .domain = copy->domain};
    }
    return queue_put(tx, &letter, plan->leaving, count);
}

/* Of a part without a copy that goes nothing is kept but what happened. */
static int apply_part(struct db_tx *tx, struct submit_plan *plan, struct part *part)
{
    struct event event = event_of(plan, part, EVENT_ACCEPTED);
    uint32_t references = (uint32_t)part->mailboxes + (part->leaving > 0);
    event.detail = plan->letter->source;
    event.bytes = blob_writer_size(plan->letter->body);
    int rc = 0;
    if (references == 0 && !plan->letter->final)
        return 0;
    if (references)
        rc = blob_put(tx, plan->letter->body, part->tenant, references, &part->blob);
    if (rc == 0 && !plan->letter->quiet)
        rc = event_record(tx, &event);
    if (rc == 0 && part->leaving)
        rc = put_into_queue(tx, plan, part);
    for (size_t i = part->first; rc == 0 && i < part->end; i++)
        if (plan->copies[i].user)
            rc = deliver(tx, plan, part, &plan->copies[i]);
    plan->stored = plan->stored || references;
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

static struct part part_from(const struct submit_plan *plan, size_t first)
{
    struct part part = {.first = first, .end = first, .tenant = plan->copies[first].tenant};
    for (; part.end < plan->count && plan->copies[part.end].tenant == part.tenant; part.end++) {
        const struct copy *copy = &plan->copies[part.end];
        part.leaving += copy_leaves(copy);
        part.mailboxes += copy_stays(copy);
    }
    return part;
}

int submit_apply(struct db_tx *tx, struct submit_plan *plan)
{
    int going = copies_place(tx, plan->letter, plan->copies, plan->count);
    int rc = going < 0 ? going : 0;
    plan->stored = false;
    plan->entry_count = 0;
    for (size_t first = 0; rc == 0 && first < plan->count;) {
        struct part part = part_from(plan, first);
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
    if (plan->stored)
        blob_writer_committed(plan->letter->body);
    copies_tell(plan->letter, plan->copies, plan->count);
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
    for (size_t i = 0; rc == 1 && i < plan->count && !plan->letter->apart; i++) {
        const struct copy *copy = &plan->copies[i];
        if (!copy->may_wait)
            rc = co_has_room(door, copy->tenant, copy->user, &copy->quota, copy->octets);
    }
    return rc < 0 ? rc : rc == 1 ? 0 : ERR_QUOTA;
}

int submit_co_receive(const struct submit_door *door, const struct letter *letter)
{
    AUTO_ARENA arena = ARENA(RECEIVE_MEMORY);
    struct submit_plan *plan;
    int rc = submit_co_prepare(letter, &arena, &plan);
    if (rc == 0)
        rc = co_look_for_room(door, plan);
    if (rc == 0)
        rc = store_co_write(door->store, apply, plan);
    if (rc == 0)
        submit_committed(door, plan);
    return rc;
}
