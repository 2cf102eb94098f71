/* What SEARCH and SORT answer; see result.h. */
#include "imap/result.h"

#include <errno.h>
#include <stdlib.h>

/* RETURN (MIN MAX ALL COUNT SAVE) */
int imap_parse_return(struct imap_parser *p, struct imap_result *ret_result)
{
    struct imap_result *r = ret_result;
    const struct {
        const char *name;
        bool *on;
    } options[] = {{"MIN", &r->min},
                   {"MAX", &r->max},
                   {"ALL", &r->all},
                   {"COUNT", &r->count},
                   {"SAVE", &r->save}};
    r->all = true;
    if (!imap_take_word(p, "RETURN"))
        return 0;
    r->extended = true;
    if (imap_parse_sp(p) < 0 || !imap_take(p, '('))
        return IMAP_BAD;
    if (!imap_take(p, ')')) {
        r->all = false;
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

static uint32_t shown(const struct imap_session *s, const struct imap_result *r, size_t i)
{
    return s->uid ? r->found[i] : view_number(&s->selected->view, r->found[i]);
}

static int write_plain(const struct imap_session *s, const struct imap_result *r, const char *name,
                       struct buffer *out)
{
    int rc = buffer_printf(out, "* %s", name);
    for (size_t i = 0; rc == 0 && i < r->found_count; i++) {
        rc = buffer_append_byte(out, ' ');
        if (rc == 0)
            rc = buffer_append_uint(out, shown(s, r, i));
    }
    if (rc == 0 && r->found_count && r->tells_modseq)
        rc = buffer_printf(out, " (MODSEQ %lld)", (long long)r->modseq);
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}

static int write_all(const struct imap_session *s, const struct imap_result *r, struct buffer *out)
{
    AUTO_BUFFER set = BUFFER((size_t)16 * 1024 * 1024);
    struct imap_set_writer writer = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->found_count; i++)
        rc = imap_set_add(&writer, shown(s, r, i), &set);
    if (rc == 0)
        rc = imap_set_end(&writer, &set);
    if (rc == 0)
        rc = buffer_append_text(out, " ALL ");
    return rc < 0 ? rc : buffer_append(out, buffer_span(&set));
}

static int write_extended(const struct imap_session *s, const struct imap_result *r,
                          struct buffer *out)
{
    size_t n = r->found_count;
    int rc = buffer_append_text(out, "* ESEARCH (TAG ");
    if (rc == 0)
        rc = imap_write_string(out, s->tag);
    if (rc == 0)
        rc = buffer_append_text(out, s->uid ? ") UID" : ")");
    if (rc == 0 && r->min && n)
        rc = buffer_printf(out, " MIN %u", shown(s, r, 0));
    if (rc == 0 && r->max && n)
        rc = buffer_printf(out, " MAX %u", shown(s, r, n - 1));
    if (rc == 0 && r->count)
        rc = buffer_printf(out, " COUNT %zu", n);
    if (rc == 0 && r->all && n)
        rc = write_all(s, r, out);
    if (rc == 0 && n && r->tells_modseq)
        rc = buffer_printf(out, " MODSEQ %lld", (long long)r->modseq);
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}

static int compare_uids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* What "$" will name: all of it, or MIN and MAX where only they were asked for (RFC 5182 2.4). */
static int save(struct imap_session *s, struct imap_result *r)
{
    struct imap_set *saved = &s->selected->saved;
    struct imap_range *ranges = malloc((r->found_count + 1) * sizeof *ranges);
    size_t count = 0, kept = r->found_count;
    if (!ranges)
        return -ENOMEM;
    if ((r->min || r->max) && !r->all && !r->count && kept) {
        uint32_t last = r->found[kept - 1];
        kept = 0;
        if (r->min)
            kept++;
        if (r->max)
            r->found[kept++] = last;
    }
    qsort(r->found, kept, sizeof *r->found, compare_uids);
    for (size_t i = 0; i < kept; i++) {
        if (count && ranges[count - 1].last + 1 >= r->found[i])
            ranges[count - 1].last = r->found[i];
        else
            ranges[count++] = (struct imap_range){r->found[i], r->found[i]};
    }
    free(saved->ranges);
    *saved = (struct imap_set){.ranges = ranges, .count = count};
    return 0;
}

void imap_forget_saved(struct imap_session *s, const struct imap_result *result)
{
    if (!result->save)
        return;
    free(s->selected->saved.ranges);
    s->selected->saved = (struct imap_set){0};
}

int imap_co_answer_result(struct imap_session *s, struct imap_result *result, const char *name)
{
    AUTO_BUFFER out = BUFFER((size_t)32 * 1024 * 1024);
    struct imap_result *r = result;
    bool silent = r->save && !r->min && !r->max && !r->all && !r->count;
    int rc = 0;
    if (!silent)
        rc = r->extended ? write_extended(s, r, &out) : write_plain(s, r, name, &out);
    if (rc == 0 && r->save)
        rc = save(s, r);
    if (rc < 0)
        return imap_co_fail(s, rc);
    rc = imap_co_say(s, buffer_span(&out));
    if (rc < 0)
        return rc;
    return s->uid ? imap_co_ok(s, "Done") : imap_co_ok_keep(s, "Done");
}
