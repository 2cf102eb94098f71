/*
 * SEARCH and UID SEARCH (RFC 9051 6.4.4, RFC 4731, RFC 5182).
 *
 * find.c finds; here is what is asked and answered. With SAVE the result is kept as a set of UIDs,
 * which "$" names until the mailbox is left.
 */
#include "imap/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct searching {
    struct imap_session *s;
    struct program *program;
    bool esearch;                    /* RETURN was said, or IMAP4rev2 is on */
    bool min, max, all, count, save; /* of RETURN */
    struct found found;
};

/* RETURN (MIN MAX ALL COUNT SAVE) */
static int parse_return(struct searching *k, struct imap_parser *p)
{
    k->esearch = k->s->rev2;
    k->all = true;
    if (!imap_take_word(p, "RETURN"))
        return 0;
    k->esearch = true;
    if (imap_parse_sp(p) < 0 || !imap_take(p, '('))
        return IMAP_BAD;
    if (!imap_take(p, ')')) {
        const struct {
            const char *name;
            bool *on;
        } options[] = {{"MIN", &k->min},
                       {"MAX", &k->max},
                       {"ALL", &k->all},
                       {"COUNT", &k->count},
                       {"SAVE", &k->save}};
        k->all = false;
        do {
            unsigned i = 0;
            while (i < 5 && !imap_take_word(p, options[i].name))
                i++;
            if (i == 5)
                return IMAP_BAD;
            *options[i].on = true;
        } while (imap_take(p, ' '));
        if (!imap_take(p, ')'))
            return IMAP_BAD;
    }
    return imap_parse_sp(p) < 0 ? IMAP_BAD : 0;
}

/* --- the answer ------------------------------------------------------------------------------ */

static uint32_t shown(const struct searching *k, size_t i)
{
    return k->s->uid ? k->found.uids[i] : view_number(&k->s->selected->view, k->found.uids[i]);
}

static int write_old(struct searching *k, struct buffer *out)
{
    int rc = buffer_append_text(out, "* SEARCH");
    for (size_t i = 0; rc == 0 && i < k->found.count; i++) {
        rc = buffer_append_byte(out, ' ');
        if (rc == 0)
            rc = buffer_append_uint(out, shown(k, i));
    }
    if (rc == 0 && k->found.count && program_asks_modseq(k->program))
        rc = buffer_printf(out, " (MODSEQ %lld)", (long long)k->found.modseq);
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}

static int write_all(struct searching *k, struct buffer *out)
{
    AUTO_BUFFER set = BUFFER((size_t)16 * 1024 * 1024);
    struct imap_set_writer writer = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < k->found.count; i++)
        rc = imap_set_add(&writer, shown(k, i), &set);
    if (rc == 0)
        rc = imap_set_end(&writer, &set);
    if (rc == 0)
        rc = buffer_append_text(out, " ALL ");
    return rc < 0 ? rc : buffer_append(out, buffer_span(&set));
}

static int write_esearch(struct searching *k, struct buffer *out)
{
    size_t n = k->found.count;
    int rc = buffer_append_text(out, "* ESEARCH (TAG ");
    if (rc == 0)
        rc = imap_write_string(out, k->s->tag);
    if (rc == 0)
        rc = buffer_append_text(out, k->s->uid ? ") UID" : ")");
    if (rc == 0 && k->min && n)
        rc = buffer_printf(out, " MIN %u", shown(k, 0));
    if (rc == 0 && k->max && n)
        rc = buffer_printf(out, " MAX %u", shown(k, n - 1));
    if (rc == 0 && k->count)
        rc = buffer_printf(out, " COUNT %zu", n);
    if (rc == 0 && k->all && n)
        rc = write_all(k, out);
    if (rc == 0 && n && program_asks_modseq(k->program))
        rc = buffer_printf(out, " MODSEQ %lld", (long long)k->found.modseq);
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}

/* What "$" will name: all of it, or MIN and MAX where only they were asked for (RFC 5182 2.4). */
static int save(struct searching *k)
{
    struct imap_set *saved = &k->s->selected->saved;
    bool few = (k->min || k->max) && !k->all && !k->count;
    struct imap_range *ranges = malloc((k->found.count + 1) * sizeof *ranges);
    size_t count = 0;
    if (!ranges)
        return -ENOMEM;
    for (size_t i = 0; i < k->found.count; i++) {
        bool wanted = !few || (k->min && i == 0) || (k->max && i + 1 == k->found.count);
        if (wanted && count && ranges[count - 1].last + 1 == k->found.uids[i])
            ranges[count - 1].last = k->found.uids[i];
        else if (wanted)
            ranges[count++] = (struct imap_range){k->found.uids[i], k->found.uids[i]};
    }
    free(saved->ranges);
    *saved = (struct imap_set){.ranges = ranges, .count = count};
    return 0;
}

static int imap_co_answer(struct searching *k)
{
    AUTO_BUFFER out = BUFFER((size_t)32 * 1024 * 1024);
    bool silent = k->save && !k->min && !k->max && !k->all && !k->count;
    int rc = k->save ? save(k) : 0;
    if (rc == 0 && !silent)
        rc = k->esearch ? write_esearch(k, &out) : write_old(k, &out);
    if (rc < 0)
        return imap_co_fail(k->s, rc);
    rc = imap_co_say(k->s, buffer_span(&out));
    if (rc < 0)
        return rc;
    return k->s->uid ? imap_co_ok(k->s, "Done") : imap_co_ok_keep(k->s, "Done");
}

int imap_co_search(struct imap_session *s, struct imap_parser *p)
{
    struct searching k = {.s = s};
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    int rc = parse_return(&k, p);
    if (rc == 0)
        rc = imap_co_load(s);
    if (rc == 0)
        rc = program_parse(s, p, &k.program);
    if (rc == ERR_SYNTAX)
        return imap_co_no(s, "[BADCHARSET (UTF-8 US-ASCII)] That charset is not known");
    if (rc == IMAP_BAD)
        return rc;
    if (rc == 0)
        rc = imap_co_find(s, k.program, &k.found);
    rc = rc < 0 ? imap_co_fail(s, rc) : imap_co_answer(&k);
    free(k.found.uids);
    return rc;
}
