/*
 * SEARCH and UID SEARCH (RFC 9051 6.4.4, RFC 4731, RFC 5182).
 *
 * find.c finds, result.c tells what was found.
 */
#include "imap/search.h"

#include <errno.h>
#include <stdlib.h>

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
    if (rc == IMAP_BAD)
        return rc;
    if (rc < 0)
        imap_forget_saved(s, &result);
    if (rc == ERR_SYNTAX)
        return imap_co_no(s, "[BADCHARSET (UTF-8 US-ASCII)] That charset is not known");
    if (rc == 0)
        rc = imap_co_search_uids(s, program, &result);
    if (rc < 0)
        imap_forget_saved(s, &result);
    rc = rc < 0 ? imap_co_fail(s, rc) : imap_co_answer_result(s, &result, "SEARCH");
    free(result.found);
    return rc;
}
