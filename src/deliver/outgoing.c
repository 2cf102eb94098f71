/*
 * What leaves: the letter as a part of a task's recipients gets it; see internal.h.
 *
 * A raw letter is read from its blob piece by piece, for all recipients at once. Of a package
 * (submit/package.h) those with the same data share one letter, merged and signed in a lane; what
 * was parsed and compiled for it is kept for the next recipient.
 */
#include "deliver/internal.h"

#include "base/clock.h"
#include "mail/header.h"
#include "run/lane.h"
#include "store/blob.h"
#include "submit/send.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PIECE        ((size_t)256 * 1024)
#define PACKAGE_MAX  ((size_t)3 * SEND_OCTETS_MAX)
#define GROUP_MEMORY ((size_t)2 * SEND_OCTETS_MAX)

/* --- packages -------------------------------------------------------------------------------- */

void package_close(struct kept_package *p)
{
    merge_free(p->merge);
    arena_free(&p->arena);
    buffer_free(&p->bytes);
    *p = (struct kept_package){0};
}

static int open_package(void *arg)
{
    struct kept_package *p = arg;
    int rc = package_read(buffer_span(&p->bytes), &p->arena, &p->content);
    if (rc == 0)
        rc = merge_open(&p->content, &p->merge, &p->fault);
    buffer_free(&p->bytes);
    return rc;
}

/* The package of the task's letter; kept if it was the last one, too. */
static int package_co_open(struct kept_package *p, struct deliver *d, const struct task *t)
{
    const struct queue_letter *letter = &t->letter;
    if (p->merge && p->letter == letter->id)
        return 0;
    package_close(p);
    *p = (struct kept_package){
        .letter = letter->id, .arena = ARENA(PACKAGE_MAX), .bytes = BUFFER(PACKAGE_MAX)};
    while (p->bytes.len < letter->octets) {
        size_t before = p->bytes.len;
        int rc = blob_co_read(d->settings.door->store, letter->tenant, letter->blob, before, PIECE,
                              &p->bytes);
        if (rc == 0 && p->bytes.len == before)
            rc = ERR_CORRUPT;
        if (rc < 0)
            return rc;
    }
    return lane_co_run(d->settings.door->signing, open_package, p, CO_FOREVER);
}

/* --- merging --------------------------------------------------------------------------------- */

struct merging_job {
    struct outgoing *o;
    const struct kept_package *package;
    const struct queue_letter *letter;
    struct content_group group;
    size_t number; /* the group's */
    const struct dkim_keys *keys;
    char domain[ADDRESS_DOMAIN_MAX + 1]; /* the author's */
    struct merge_fault fault;
};

static int compose_group(struct merging_job *job)
{
    char id[SEND_MESSAGE_ID];
    AUTO_ARENA arena = ARENA(GROUP_MEMORY);
    struct compose compose;
    struct merge_letter letter = {.id = job->letter->id,
                                  .msg_id =
                                      span_of(send_message_id(job->letter->id, job->number,
                                                              job->number > 0, job->domain, id)),
                                  .domain = job->domain,
                                  .date_ms = job->letter->first_due_ms ? job->letter->first_due_ms
                                                                       : job->letter->accepted_ms};
    int rc = merge_group(job->package->merge, &job->group, &letter, &arena, &compose, &job->fault);
    if (rc == 0)
        rc = buffer_append(&job->o->bytes, compose.header);
    if (rc == 0)
        rc = buffer_append_text(&job->o->bytes, "\r\n");
    for (int more = 1; rc == 0 && more > 0;) {
        more = compose_next(&compose, &job->o->bytes);
        rc = more < 0 ? more : 0;
    }
    return rc;
}

static int sign(struct merging_job *job)
{
    struct sign_letter letter = {
        .keys = job->keys, .domain = job->domain, .letter = buffer_span(&job->o->bytes)};
    return job->keys->count ? sign_whole(&letter, &job->o->head) : 0;
}

static int merge_job(void *arg)
{
    struct merging_job *job = arg;
    int rc = compose_group(job);
    return rc < 0 ? rc : sign(job);
}

/* The domain of the From that the letter will have. */
static int find_domain(struct merging_job *job)
{
    const struct compose_list *from = &job->package->content.letter.from;
    struct span local, domain;
    if (job->group.from)
        domain = job->group.from->domain;
    else if (from->count)
        domain = from->at[0].domain;
    else if (!address_split(job->letter->reverse_path, &local, &domain))
        return ERR_CORRUPT;
    return address_fold_domain(domain, job->domain);
}

static int outgoing_co_make(struct outgoing *o, struct deliver *d, struct merging_job *job)
{
    const struct submit_door *door = d->settings.door;
    struct dkim_keys *keys = NULL;
    int rc = find_domain(job);
    if (rc == 0)
        rc = directory_co_dkim_keys(door->directory, job->domain, &keys);
    if (rc < 0)
        return rc;
    job->keys = keys;
    rc = lane_co_run(door->signing, merge_job, job, CO_FOREVER);
    dkim_keys_release(keys);
    if (rc < 0 && (job->fault.text[0] || job->fault.compose.why)) {
        snprintf(o->why, sizeof o->why, "5.6.0 The letter cannot be made: %.200s",
                 job->fault.text[0] ? job->fault.text : job->fault.compose.why);
        return rc == -ENOMEM ? rc : ERR_SYNTAX;
    }
    return rc;
}

static int outgoing_co_merge(struct outgoing *o, struct deliver *d, struct kept_package *package)
{
    const struct queue_recipient *recipient = &o->task->recipients[o->first];
    AUTO_ARENA arena = ARENA(GROUP_MEMORY);
    struct merging_job job = {.o = o, .package = package, .letter = &o->task->letter};
    int rc = package_read_group(recipient->variables, recipient->forward_path, &arena, &job.group,
                                &job.number);
    if (rc < 0)
        return rc;
    rc = outgoing_co_make(o, d, &job);
    package_release_group(&job.group);
    return rc;
}

/* --- a part of the recipients ---------------------------------------------------------------- */

static size_t end_of_part(const struct task *t, size_t first)
{
    size_t end = first + 1;
    if (t->letter.kind == QUEUE_BODY_RAW)
        return t->count;
    while (end < t->count &&
           span_equal(t->recipients[end].variables, t->recipients[first].variables))
        end++;
    return end;
}

int outgoing_co_open(struct outgoing *o, struct deliver *d, struct task *t, size_t first,
                     struct kept_package *package)
{
    *o = (struct outgoing){.d = d,
                           .task = t,
                           .first = first,
                           .end = end_of_part(t, first),
                           .bytes = BUFFER(GROUP_MEMORY),
                           .head = BUFFER(DKIM_KEYS_MAX * DKIM_SIGNATURE)};
    if (t->letter.kind == QUEUE_BODY_RAW)
        return 0;
    int rc = package_co_open(package, d, t);
    if (rc < 0 && package->fault.text[0]) {
        snprintf(o->why, sizeof o->why, "5.6.0 The letter cannot be made: %.200s",
                 package->fault.text);
        return ERR_SYNTAX;
    }
    if (rc == 0)
        rc = outgoing_co_merge(o, d, package);
    o->merged = rc == 0;
    return rc;
}

void outgoing_close(struct outgoing *o)
{
    buffer_free(&o->bytes);
    buffer_free(&o->head);
}

uint64_t outgoing_octets(const struct outgoing *o)
{
    const struct queue_letter *letter = &o->task->letter;
    return o->merged ? o->head.len + o->bytes.len : letter->head.len + letter->octets;
}

void outgoing_rewind(struct outgoing *o)
{
    o->offset = 0;
    o->head_read = false;
}

static int read_merged(struct outgoing *o, struct buffer *out)
{
    struct span piece = span_first(span_from(buffer_span(&o->bytes), o->offset), PIECE);
    o->offset += piece.len;
    return buffer_append(out, piece);
}

int outgoing_co_read(void *arg, struct buffer *out)
{
    struct outgoing *o = arg;
    const struct queue_letter *letter = &o->task->letter;
    if (!o->head_read) {
        o->head_read = true;
        int rc = buffer_append(out, o->merged ? buffer_span(&o->head) : letter->head);
        if (rc < 0)
            return rc;
    }
    if (o->merged)
        return read_merged(o, out);
    if (o->offset >= letter->octets)
        return 0;
    size_t before = out->len;
    int rc = blob_co_read(o->d->settings.door->store, letter->tenant, letter->blob, o->offset,
                          PIECE, out);
    if (rc == 0 && out->len == before)
        rc = ERR_CORRUPT;
    o->offset += out->len - before;
    return rc;
}
