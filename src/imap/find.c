/*
 * Finding the messages of a mailbox that fit a search program; for SEARCH, and whoever else takes
 * one.
 *
 * Blocks of 256 UIDs are gone through in read jobs of a lane, each a few milliseconds long, so that
 * neither the loop nor another search waits for this one; small mailboxes, where nothing but
 * numbers is asked, at once on the loop. Letters that had to be read and are not in the search
 * index are put there on the way, while the next block is searched. Between jobs the session sees
 * whether its client is still there, and tells it how far it is (RFC 9585). A search that took
 * BUDGET_MS ends.
 */
#include "imap/late.h"
#include "imap/search.h"

#include "base/clock.h"
#include "run/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORK_US     8000 /* a job */
#define SMALL       512  /* messages */
#define ARENA_MAX   ((size_t)4 * 1024 * 1024)
#define NAMES_MAX   ((size_t)1024 * 1024)
#define LISTEN_MS   1000
#define PROGRESS_MS 5000
#define BUDGET_MS   (5 * 60 * 1000)

struct finding {
    struct imap_session *s;
    struct program *program;
    bool reads, signs;          /* letters; and so whole that they can be put into the index */
    uint32_t first, last, next; /* UIDs to look at; next: from here on */
    uint16_t bits[INDEX_BITS];
    size_t bit_count;
    struct index_mask may[INDEX_BITS];
    /* The block at hand. */
    bool in_block, is_done, writes;
    struct index_block block;
    int64_t end;               /* the last UID that is looked at */
    struct index_mask present; /* what the client knows */
    struct imap_result *result;
};

/* --- in the lane ----------------------------------------------------------------------------- */

/* The next block that has messages the client knows. */
static bool take_block(struct finding *f)
{
    const struct view *view = &f->s->selected->view;
    uint32_t uid = view_next(view, f->next);
    if (uid == 0 || uid > f->last)
        return false;
    f->block = (struct index_block){f->s->who.tenant, f->s->selected->id, uid / INDEX_BLOCK};
    f->present = (struct index_mask){0};
    f->next = uid;
    for (; uid && uid / INDEX_BLOCK == f->block.number && uid <= f->last;
         uid = view_next(view, uid + 1))
        index_mask_set(&f->present, uid % INDEX_BLOCK);
    return true;
}

static int64_t end_of_block(const struct finding *f)
{
    return f->block.number * INDEX_BLOCK + INDEX_BLOCK - 1;
}

static struct program_block block_of(const struct finding *f)
{
    return (struct program_block){
        .view = &f->s->selected->view, .bits = f->bits, .bit_count = f->bit_count, .may = f->may};
}

/* Asks the index where the program may fit, whatever the messages' numbers are. f->next and f->end
 * become the first and the last UID there. False: nowhere. */
static bool narrow(struct finding *f)
{
    struct program_block block = block_of(f);
    int64_t start = f->block.number * INDEX_BLOCK, first = -1, last = -1;
    program_mark(f->program, &block);
    for (unsigned column = 0; column < INDEX_BLOCK; column++) {
        if (!index_mask_has(&f->program->may, column) || !index_mask_has(&f->present, column))
            continue;
        first = first < 0 ? start + column : first;
        last = start + column;
    }
    f->next = first < 0 ? f->next : (uint32_t)first;
    f->end = last;
    return first >= 0;
}

/* 1: it is to be searched; 0: nothing of it can fit. */
static int begin_block(struct db_tx *tx, struct finding *f)
{
    f->end = end_of_block(f) < f->last ? end_of_block(f) : f->last;
    if (!f->reads)
        return 1;
    int rc = index_read(tx, &f->block, f->bits, f->bit_count, f->may);
    return rc < 0 ? rc : narrow(f);
}

static int try_one(struct finding *f, struct program_letter *letter,
                   const struct box_message *message)
{
    unsigned column = (unsigned)(message->uid % INDEX_BLOCK);
    if (!index_mask_has(&f->program->may, column) || !index_mask_has(&f->present, column))
        return 0;
    bool decided = index_mask_has(&f->program->must, column);
    int rc = 1;
    program_letter_next(letter, message);
    if (!decided && f->signs && !index_mask_has(&f->block.known, column)) {
        rc = program_letter_read(letter);
        if (rc == 0)
            rc = index_add(&f->block, column, &letter->form);
    }
    if (!decided && rc >= 0)
        rc = program_fits(f->program, letter);
    if (rc != 1)
        return rc;
    struct imap_result *r = f->result;
    r->found[r->found_count++] = (uint32_t)message->uid;
    r->modseq = message->modseq > r->modseq ? message->modseq : r->modseq;
    return 0;
}

/* 1: out of time; 0: the block is done. */
static int search_block(struct db_tx *tx, struct finding *f, int64_t began)
{
    AUTO_ARENA arena = ARENA(ARENA_MAX);
    struct program_letter letter = {.tx = tx,
                                    .tenant = f->block.tenant,
                                    .mailbox = f->block.mailbox,
                                    .arena = ARENA(NAMES_MAX),
                                    .form = SEARCH_FORM};
    struct program_block block = block_of(f);
    struct box_message *messages = NULL;
    bool out_of_time = false;
    int rc = box_read_page(tx, f->block.tenant, f->block.mailbox, f->next, f->end,
                           f->reads ? BOX_WANT_HEAD : 0, &arena, &messages, &block.count);
    block.messages = messages;
    if (rc == 0 && !f->in_block)
        program_mark(f->program, &block);
    f->in_block = rc == 0;
    for (size_t i = 0; rc == 0 && i < block.count && !out_of_time; i++) {
        rc = try_one(f, &letter, &messages[i]);
        f->next = (uint32_t)messages[i].uid + 1;
        out_of_time = f->reads && i + 1 < block.count && clock_mono_us() - began > WORK_US;
    }
    program_letter_free(&letter);
    return rc < 0 ? rc : out_of_time;
}

/* Is there something for the index? Only who has seen all of a block, and knows that nothing will
 * come any more, may close it. */
static bool finish_block(struct finding *f)
{
    int64_t start = f->block.number * INDEX_BLOCK, end = end_of_block(f);
    f->in_block = false;
    f->next = end < UINT32_MAX ? (uint32_t)end + 1 : UINT32_MAX;
    return f->signs && index_finish(&f->block, &f->present,
                                    (f->first <= 1 || f->first <= start) && end <= f->last);
}

/* Blocks, until the time is over, or there is something to write. */
static int find_some(struct db_tx *tx, void *arg)
{
    struct finding *f = arg;
    int64_t began = clock_mono_us();
    f->writes = false;
    do {
        if (!f->in_block && !take_block(f)) {
            f->is_done = true;
            return 0;
        }
        int rc = f->in_block ? 1 : begin_block(tx, f);
        rc = rc == 1 ? search_block(tx, f, began) : rc;
        if (rc != 0)
            return rc < 0 ? rc : 0;
        f->writes = finish_block(f);
        if (!f->writes)
            index_free(&f->block);
    } while (!f->writes && clock_mono_us() - began < WORK_US);
    return 0;
}

/* --- the index, on the way ------------------------------------------------------------------- */

struct writing {
    struct store *store;
    struct index_block block;
};

static int co_write(void *arg)
{
    struct writing *w = arg;
    int rc = store_co_write(w->store, index_write, &w->block);
    index_free(&w->block);
    free(w);
    return rc;
}

/* Hands the block to a coroutine; the one before has ended. What cannot be written is made again
 * by the next search. */
static void hand_over(struct finding *f, struct scope *scope)
{
    struct writing *w = malloc(sizeof *w);
    if (w)
        *w = (struct writing){f->s->settings->store, f->block};
    if (!w || co_spawn(scope, "index", co_write, w) < 0) {
        index_free(&f->block);
        free(w);
    }
    f->block.signatures = NULL;
    f->block.slices = NULL;
}

static int co_give(struct finding *f, struct scope *scope)
{
    int rc = scope_co_wait(scope);
    scope_open(scope, scope_current(), CO_FOREVER);
    if (rc < 0 && rc != ERR_FULL)
        f->signs = false; /* the disk may be full: no more of it */
    hand_over(f, scope);
    return 0;
}

/* --- on the loop ----------------------------------------------------------------------------- */

struct progress {
    int64_t began, listened, told;
};

/* Is the client still there, and how far are we? */
static int co_tell(struct finding *f, struct progress *p)
{
    const struct view *view = &f->s->selected->view;
    int64_t now = clock_mono_ms();
    int rc = 0;
    if (now - p->began > BUDGET_MS)
        return ERR_FULL;
    if (now - p->listened > LISTEN_MS) {
        rc = stream_co_await_input(f->s->st, 0);
        p->listened = now;
    }
    if (rc < 0 || now - p->told < PROGRESS_MS)
        return rc < 0 ? rc : 0;
    p->told = now;
    uint32_t uid = view_next(view, f->next), number = uid ? view_number(view, uid) - 1 : 0;
    rc = imap_co_printf(f->s, "* OK [INPROGRESS (\"%.*s\" %u %u)] Searching\r\n",
                        SPAN_PRINT(f->s->tag), number, view->messages);
    return rc < 0 ? rc : stream_co_flush(f->s->st);
}

static int co_find(struct finding *f, bool at_once)
{
    struct store *store = f->s->settings->store;
    int64_t now = clock_mono_ms();
    struct progress progress = {now, now, now};
    struct scope writers;
    int rc = 0;
    scope_open(&writers, scope_current(), CO_FOREVER);
    while (rc == 0 && !f->is_done) {
        rc = at_once ? store_co_read(store, find_some, f) : store_co_scan(store, find_some, f);
        if (rc == 0 && f->writes)
            rc = co_give(f, &writers);
        if (rc == 0 && !f->is_done)
            rc = co_tell(f, &progress);
    }
    index_free(&f->block);
    int written = scope_co_wait(&writers);
    return rc < 0 || written != -ECANCELED ? rc : written;
}

/* Old messages get the conversation they are of: it is asked for. */
static int co_complete_threads(struct imap_session *s)
{
    const struct imap_selected *m = s->selected;
    size_t count = BOX_PAGE;
    int rc = 0;
    for (int64_t next = 1; rc == 0 && count == BOX_PAGE && next < m->uidnext;) {
        AUTO_ARENA arena = ARENA(ARENA_MAX);
        struct box_message *messages;
        rc = box_co_page(s->settings->store, s->who.tenant, m->id, next, m->uidnext - 1, 0, &arena,
                         &messages, &count);
        next = rc == 0 && count ? messages[count - 1].uid + 1 : next;
        size_t there = count;
        if (rc == 0)
            rc = imap_co_complete(s, messages, &there, LATE_WANT_THREAD, &arena);
        if (rc == 0)
            rc = co_pause();
    }
    return rc;
}

int imap_co_search_uids(struct imap_session *s, struct program *program,
                        struct imap_result *ret_result)
{
    const struct view *view = &s->selected->view;
    bool reads = program_reads_letters(program, PROGRAM_SENT_BEFORE);
    ret_result->tells_modseq = program_asks_modseq(program);
    ret_result->found = calloc(view->messages + 1, sizeof *ret_result->found);
    struct finding *f = calloc(1, sizeof *f);
    int rc = f && ret_result->found ? 0 : -ENOMEM;
    if (rc == 0 && program_asks_thread(program))
        rc = co_complete_threads(s);
    if (rc == 0) {
        *f = (struct finding){.s = s, .program = program, .reads = reads, .result = ret_result};
        f->signs = program_reads_letters(program, PROGRAM_HEADER);
        f->first = 1;
        f->last = (uint32_t)(s->selected->uidnext - 1);
        program_bounds(program, view, &f->first, &f->last);
        f->next = f->first;
        f->bit_count = program_ask(program, f->bits);
        rc = co_find(f, !reads && view->messages <= SMALL);
    }
    free(f);
    return rc;
}
