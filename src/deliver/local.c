/*
 * Letters for our own domains that waited in the queue: scheduled, merged, for an address that may
 * not be there, or for a mailbox that was full. Instead of a dialogue, the letter goes in by the
 * door; see internal.h.
 */
#include "deliver/internal.h"
#include "deliver/simulator_internal.h"

#include "base/id.h"
#include "base/log.h"
#include "store/blob.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MEMORY ((size_t)1024 * 1024)

/* The letter's bytes, without the signatures that others would check. */
static int co_copy_body(struct outgoing *o, struct blob_writer *w)
{
    AUTO_BUFFER piece = BUFFER((size_t)1024 * 1024);
    int rc;
    outgoing_rewind(o);
    o->head_read = true;
    do {
        buffer_clear(&piece);
        rc = outgoing_co_read(o, &piece);
        if (rc == 0)
            rc = blob_co_append(w, buffer_span(&piece));
    } while (rc == 0 && piece.len);
    return rc < 0 ? rc : blob_co_finish(w);
}

static bool leads_outside(const struct letter_recipient *to)
{
    for (size_t i = 0; i < to->count; i++)
        if (to->targets[i].user == 0)
            return true;
    return false;
}

/* What is told of it stands in the queue's log, unless an alias leads outside. */
static int co_hand_in(struct outgoing *o, struct letter_recipient *to)
{
    const struct queue_letter *from = &o->task->letter;
    struct letter letter = {.id = id_next(),
                            .reverse_path = from->reverse_path,
                            .recipients = to,
                            .recipient_count = 1,
                            .eight_bit = from->eight_bit,
                            .quiet = !leads_outside(to),
                            .may_notify = from->may_notify,
                            .source = SPAN("queue")};
    int rc = blob_writer_open(o->d->settings.door->store, outgoing_octets(o), &letter.body);
    if (rc < 0)
        return rc;
    rc = co_copy_body(o, letter.body);
    if (rc == 0)
        rc = submit_co_receive(o->d->settings.door, &letter);
    blob_co_writer_free(letter.body);
    return rc;
}

/* Tried again until the letter is too old, as for any server that says 4.2.2 (RFC 3463). */
static void judge_full(struct deliver *d, struct task *t, size_t i)
{
    int code = submit_full_code(d->settings.door);
    task_judge(d, t, i, code,
               code >= 500 ? SPAN("5.2.2 " SUBMIT_FULL_TEXT) : SPAN("4.2.2 " SUBMIT_FULL_TEXT));
}

void outgoing_co_deliver_locally(struct outgoing *o, size_t i)
{
    struct deliver *d = o->d;
    struct task *t = o->task;
    AUTO_ARENA arena = ARENA(MEMORY);
    char mailbox[LETTER_MAILBOX] = "", words[LETTER_MAILBOX + sizeof "2.1.5 mailbox "];
    struct letter_recipient to = {.forward_path = t->recipients[i].forward_path,
                                  .mailbox = mailbox};
    struct span local, domain;
    if (simulator_has(t->recipients[i].domain)) {
        simulator_judge(d, t, i);
        return;
    }
    int rc = address_split(to.forward_path, &local, &domain) ? 0 : ERR_SYNTAX;
    if (rc == 0)
        rc = directory_co_resolve(d->settings.directory, local, domain, &arena, &to.targets,
                                  &to.count);
    t->host = NULL;
    if (rc == DIRECTORY_UNKNOWN) {
        task_judge(d, t, i, 550, SPAN("5.1.1 Nobody has this address here"));
        return;
    }
    if (rc == DIRECTORY_LOCAL && submit_co_is_full(d->settings.door, &to, outgoing_octets(o)) == 1)
        rc = ERR_QUOTA; /* known before the letter is written */
    else if (rc == DIRECTORY_LOCAL)
        rc = co_hand_in(o, &to);
    else if (rc == DIRECTORY_FOREIGN)
        rc = ERR_ABSENT;
    if (rc == 0) {
        snprintf(words, sizeof words, "2.1.5 mailbox %s", mailbox);
        task_judge(d, t, i, 250, span_of(mailbox[0] ? words : "2.1.5 sent on"));
        return;
    }
    if (rc == ERR_ABSENT)
        task_judge(d, t, i, 0, SPAN("4.3.5 The domain is no longer ours"));
    else if (rc == ERR_QUOTA)
        judge_full(d, t, i);
    else
        task_judge(d, t, i, 0, SPAN("4.3.0 The letter cannot be stored now"));
}
