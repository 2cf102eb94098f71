/*
 * The pass in the background that makes the search index where much of a mailbox is not in it, so
 * that its owner's first search is quick, too; see box.h.
 *
 * mailbox.indexed is the UID from which on blocks have not been looked at. A block is taken when it
 * is closed; what comes behind is left to searches. One letter at a time is read, in a lane.
 */
#include "base/clock.h"
#include "base/log.h"
#include "box/index.h"
#include "box/internal.h"
#include "run/co.h"

#include <errno.h>

#define REST      4    /* times as long as was worked */
#define WORK_US   8000 /* then others have the lane */
#define ARENA_MAX ((size_t)4 * 1024 * 1024)

static const struct db_statement find_mailbox = {
    .sql = "SELECT tenant, id, indexed, uidnext FROM mailbox WHERE uidnext >= indexed + 256"
           " AND user_id <> 0 AND (tenant > :tenant OR (tenant = :tenant AND id > :after))"
           " ORDER BY tenant, id LIMIT 1"};
static const struct db_statement find_next = {
    .sql = "SELECT MIN(uid) FROM message WHERE tenant = :tenant AND mailbox = :mailbox"
           " AND uid >= :from"};
static const struct db_statement set_indexed = {
    .sql = "UPDATE mailbox SET indexed = :indexed WHERE tenant = :tenant AND id = :mailbox"
           " AND indexed < :indexed"};

struct pass {
    int64_t tenant, mailbox, indexed, uidnext;
    struct index_block block;
    struct index_mask present;
    int64_t uid; /* where the next job goes on in the block */
};

/* --- which ----------------------------------------------------------------------------------- */

/* 1: the next mailbox behind the one in arg; 0: there is none. */
static int find(struct db_tx *tx, void *arg)
{
    struct pass *p = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_mailbox, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", p->tenant);
    db_bind_int(q, "after", p->mailbox);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    p->tenant = db_column_int(q, 0);
    p->mailbox = db_column_int(q, 1);
    p->indexed = db_column_int(q, 2);
    p->uidnext = db_column_int(q, 3);
    return 1;
}

/* The first UID from p->indexed on; of the open block where there is none. */
static int find_uid(struct db_tx *tx, const struct pass *p, int64_t *ret_uid)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_next, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", p->tenant);
    db_bind_int(q, "mailbox", p->mailbox);
    db_bind_int(q, "from", p->indexed);
    rc = db_step(q);
    *ret_uid = rc == DB_ROW && !db_column_is_null(q, 0) ? db_column_int(q, 0) : p->uidnext;
    return rc < 0 ? rc : 0;
}

/* 1: the next closed block that has messages is in p->block, with what is known of it; 0: none. */
static int find_block(struct db_tx *tx, void *arg)
{
    struct pass *p = arg;
    int64_t uid = 0, open = p->uidnext / INDEX_BLOCK;
    int rc = find_uid(tx, p, &uid);
    if (rc < 0)
        return rc;
    int64_t number = uid / INDEX_BLOCK;
    p->block = (struct index_block){p->tenant, p->mailbox, number};
    p->present = (struct index_mask){0};
    p->uid = number * INDEX_BLOCK;
    p->indexed = (number < open ? number + 1 : open) * INDEX_BLOCK;
    rc = number < open ? index_read(tx, &p->block, NULL, 0, NULL) : 0;
    return rc < 0 ? rc : number < open;
}

/* --- making ---------------------------------------------------------------------------------- */

static int make_one(struct db_tx *tx, struct pass *p, const struct box_message *message)
{
    struct search_form form = SEARCH_FORM;
    AUTO_BUFFER letter = BUFFER(SEARCH_FORM_MAX + message->head.len);
    int rc = box_read_letter(tx, p->tenant, message, SEARCH_FORM_MAX, &letter);
    if (rc == ERR_ABSENT) /* there is nothing that could be found */
        rc = 0;
    if (rc == 0)
        rc = search_form_header(buffer_span(&letter), &form);
    if (rc == 0)
        rc = search_form_body(buffer_span(&letter), &form);
    if (rc == 0)
        rc = index_add(&p->block, (unsigned)(message->uid % INDEX_BLOCK), &form);
    search_form_free(&form);
    return rc;
}

/* 1 while the block is not done. */
static int make_some(struct db_tx *tx, void *arg)
{
    struct pass *p = arg;
    AUTO_ARENA arena = ARENA(ARENA_MAX);
    struct box_message *messages;
    size_t count = 0;
    int64_t start = clock_mono_us(), last = p->block.number * INDEX_BLOCK + INDEX_BLOCK - 1;
    int rc = box_read_page(tx, p->tenant, p->mailbox, p->uid, last, BOX_WANT_HEAD, &arena,
                           &messages, &count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        unsigned column = (unsigned)(messages[i].uid % INDEX_BLOCK);
        if (i && clock_mono_us() - start > WORK_US)
            return 1;
        if (!index_mask_has(&p->block.known, column))
            rc = make_one(tx, p, &messages[i]);
        index_mask_set(&p->present, column);
        p->uid = messages[i].uid + 1;
    }
    return rc;
}

static int write_indexed(struct db_tx *tx, void *arg)
{
    const struct pass *p = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &set_indexed, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", p->tenant);
    db_bind_int(q, "mailbox", p->mailbox);
    db_bind_int(q, "indexed", p->indexed);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

/* --- the pass -------------------------------------------------------------------------------- */

/* After work that began then. */
static int co_rest(int64_t began_us)
{
    return co_sleep((clock_mono_us() - began_us) * REST / 1000);
}

static int co_make_block(struct store *store, struct pass *p)
{
    int rc;
    do {
        int64_t began = clock_mono_us();
        rc = store_co_scan(store, make_some, p);
        int rested = rc < 0 ? 0 : co_rest(began);
        rc = rested < 0 ? rested : rc;
    } while (rc == 1);
    if (rc < 0 || !index_finish(&p->block, &p->present, true))
        return rc;
    int64_t began = clock_mono_us();
    rc = store_co_write(store, index_write, &p->block);
    return rc < 0 ? rc : co_rest(began);
}

static int co_make_mailbox(struct store *store, struct pass *p)
{
    int rc;
    while ((rc = store_co_scan(store, find_block, p)) == 1) {
        rc = co_make_block(store, p);
        index_free(&p->block);
        if (rc < 0)
            return rc;
    }
    index_free(&p->block);
    return rc < 0 ? rc : store_co_write(store, write_indexed, p);
}

int box_co_index(struct store *store)
{
    struct pass p = {0};
    int rc;
    while ((rc = store_co_scan(store, find, &p)) == 1) {
        rc = co_make_mailbox(store, &p);
        if (rc == -ECANCELED || rc == -ENOSPC || rc == ERR_STORE)
            break;
        if (rc < 0) /* a letter that cannot be read is no reason to leave the others' mailboxes */
            log_warn("box.index", "mailbox=%lld why=\"%s\"", (long long)p.mailbox, error_text(rc));
    }
    return rc;
}
