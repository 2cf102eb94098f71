/*
 * SEARCH and UID SEARCH (RFC 9051 6.4.4, RFC 4731, RFC 5182).
 *
 * Messages come in pages; between them others have their turn. What is found is told by result.c.
 */
#include "imap/search.h"
#include "imap/late.h"

#include <errno.h>
#include <stdlib.h>

struct searching {
    struct imap_session *s;
    struct program *program;
    struct imap_result *result;
};

/* --- finding --------------------------------------------------------------------------------- */

static int imap_co_try(struct searching *k, const struct box_message *message)
{
    uint32_t number = view_number(&k->s->selected->view, (uint32_t)message->uid);
    struct program_target target = {.s = k->s, .message = message, .number = number};
    int rc = number ? program_co_matches(k->program, &target) : 0;
    if (target.letter_read && rc >= 0) { /* that took a while: others have their turn */
        int paused = co_pause();
        rc = paused < 0 ? paused : rc;
    }
    program_target_free(&target);
    if (rc != 1)
        return rc;
    struct imap_result *r = k->result;
    r->found[r->found_count++] = (uint32_t)message->uid;
    r->modseq = message->modseq > r->modseq ? message->modseq : r->modseq;
    return 0;
}

static int imap_co_find(struct searching *k)
{
    struct imap_session *s = k->s;
    struct imap_selected *m = s->selected;
    unsigned want = program_reads_letters(k->program) ? BOX_WANT_HEAD : 0;
    size_t count = BOX_PAGE;
    int64_t first = 1;
    while (count == BOX_PAGE && first < m->uidnext) {
        AUTO_ARENA arena = ARENA((size_t)64 * 1024 * 1024);
        struct box_message *messages;
        size_t there;
        int rc = box_co_page(s->settings->store, s->who.tenant, m->id, first, m->uidnext - 1, want,
                             &arena, &messages, &count);
        if (rc < 0)
            return rc;
        first = count ? messages[count - 1].uid + 1 : first;
        there = count;
        if (program_asks_thread(k->program))
            rc = imap_co_complete(s, messages, &there, LATE_WANT_THREAD, &arena);
        for (size_t i = 0; rc == 0 && i < there; i++)
            rc = imap_co_try(k, &messages[i]);
        if (rc == 0)
            rc = co_pause();
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- the command ----------------------------------------------------------------------------- */

int imap_co_search_uids(struct imap_session *s, struct program *program,
                        struct imap_result *ret_result)
{
    struct searching k = {s, program, ret_result};
    ret_result->tells_modseq = program_asks_modseq(program);
    ret_result->found = calloc(s->selected->view.messages + 1, sizeof *ret_result->found);
    return ret_result->found ? imap_co_find(&k) : -ENOMEM;
}

int imap_co_search_to_visit(struct imap_session *s, struct program *program,
                            struct imap_result *ret_result)
{
    const struct view *v = &s->selected->view;
    uint32_t *found;
    if (!program_wants_all(program))
        return imap_co_search_uids(s, program, ret_result);
    found = ret_result->found = calloc(v->messages + 1, sizeof *found);
    if (!found)
        return -ENOMEM;
    for (size_t i = 0; i < v->count; i++)
        for (uint32_t k = 0; k < v->runs[i].count; k++)
            found[ret_result->found_count++] = v->runs[i].uid + k;
    return 0;
}

int imap_co_search(struct imap_session *s, struct imap_parser *p)
{
    struct imap_result result = {0};
    struct program *program;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    int rc = imap_parse_return(p, &result);
    result.extended = result.extended || s->rev2;
    if (rc == 0)
        rc = imap_co_load(s);
    if (rc == 0)
        rc = program_parse(s, p, &program);
    if (rc == ERR_SYNTAX)
        return imap_co_no(s, "[BADCHARSET (UTF-8 US-ASCII)] That charset is not known");
    if (rc == IMAP_BAD)
        return rc;
    if (rc == 0)
        rc = imap_co_search_uids(s, program, &result);
    rc = rc < 0 ? imap_co_fail(s, rc) : imap_co_answer_result(s, &result, "SEARCH");
    free(result.found);
    return rc;
}
