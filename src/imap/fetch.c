/*
 * FETCH and UID FETCH (RFC 9051 6.4.5, RFC 7162 3.1.4 and 3.2.6, RFC 3516, RFC 8514, RFC 8474).
 *
 * Messages are read in pages of neighbours; what clients ask of all of them stands in the rows.
 * Bytes of letters come from letter.h.
 */
#include "imap/fetch.h"
#include "imap/late.h"
#include "imap/letter.h"

#include "base/id.h"
#include "box/summary.h"
#include "mail/structure.h"

#include <errno.h>
#include <string.h>

#define PIECE     ((size_t)256 * 1024)
#define LINE_MAX_ ((size_t)24 * 1024 * 1024) /* of a message's answer without its literals */

/* One message that is being answered. */
struct fetching {
    struct imap_session *s;
    const struct fetch *f;
    const struct box_message *message;
    struct letter_reader *letters;
    struct buffer out; /* written, not yet sent */
    struct span table, bodystructure;
    bool split;
    bool first;  /* no blank before the next item */
    bool sent;   /* the beginning of its answer: it can no longer be taken back */
    size_t warm; /* how far into the set memory was filled */
};

static int imap_co_drain(struct fetching *k)
{
    int rc = k->out.len ? imap_co_say(k->s, buffer_span(&k->out)) : 0;
    buffer_clear(&k->out);
    k->sent = true;
    return rc;
}

/* --- bytes ----------------------------------------------------------------------------------- */

/* A literal of the range: its length has been told, so an error behind that ends the session. */
static int imap_co_send_range(struct fetching *k, uint64_t begin, uint64_t end)
{
    int rc = buffer_printf(&k->out, "{%llu}\r\n", (unsigned long long)(end - begin));
    if (rc == 0 && end - begin <= LETTER_WHOLE_MAX)
        return letter_co_append(k->letters, begin, end, &k->out);
    while (rc == 0 && begin < end) {
        uint64_t stop = end - begin > PIECE ? begin + PIECE : end;
        rc = letter_co_append(k->letters, begin, stop, &k->out);
        if (rc == 0)
            rc = imap_co_drain(k);
        begin = stop;
    }
    return rc;
}

/* --- summaries ------------------------------------------------------------------------------- */

static int need_structure(struct fetching *k)
{
    if (k->split)
        return 0;
    k->split = true;
    return summary_split(k->message->structure, &k->table, &k->bodystructure);
}

/* --- sections -------------------------------------------------------------------------------- */

/* The range within head and letter: offsets of the table are of the letter alone, and head comes
 * before its header. */
static int imap_co_find(struct fetching *k, const struct fetch_section *one,
                        struct section_range *ret_range)
{
    size_t head = k->message->head.len;
    if (one->section.count == 0 && one->section.kind == SECTION_ALL) {
        *ret_range = (struct section_range){0, (size_t)k->message->octets, STRUCTURE_PLAIN};
        return 0;
    }
    int rc = need_structure(k);
    if (rc == 0)
        rc = section_find(k->table, &one->section, ret_range);
    if (rc < 0)
        return rc;
    ret_range->begin += ret_range->begin ? head : 0;
    ret_range->end += head;
    return ret_range->end > k->message->octets ? ERR_CORRUPT : 0;
}

static void cut(const struct fetch_section *one, uint64_t *begin, uint64_t *end)
{
    uint64_t size = *end - *begin;
    if (!one->partial)
        return;
    *begin += one->offset < size ? one->offset : size;
    if (*end - *begin > one->length)
        *end = *begin + one->length;
}

static int imap_co_send_fields(struct fetching *k, const struct fetch_section *one,
                               const struct section_range *range)
{
    size_t size = range->end - range->begin;
    AUTO_BUFFER header = BUFFER(size), fields = BUFFER(size + 4);
    int rc = letter_co_append(k->letters, range->begin, range->end, &header);
    if (rc == 0)
        rc = section_write_fields(buffer_span(&header), one->names, one->name_count, one->without,
                                  &fields);
    uint64_t begin = 0, end = fields.len;
    cut(one, &begin, &end);
    if (rc == 0)
        rc = buffer_printf(&k->out, "{%llu}\r\n", (unsigned long long)(end - begin));
    return rc < 0 ? rc
                  : buffer_append(
                        &k->out, span_make(buffer_span(&fields).at + begin, (size_t)(end - begin)));
}

static int imap_co_decode(struct fetching *k, const struct section_range *range, struct buffer *out,
                          uint64_t *ret_size)
{
    struct section_decoder decoder;
    AUTO_BUFFER piece = BUFFER(2 * PIECE);
    int rc = section_decode_begin(&decoder, range->encoding);
    for (uint64_t begin = range->begin; rc == 0 && begin < range->end; begin += piece.len) {
        buffer_clear(&piece);
        uint64_t stop = range->end - begin > PIECE ? begin + PIECE : range->end;
        rc = letter_co_append(k->letters, begin, stop, &piece);
        if (rc == 0)
            rc = section_decode(&decoder, buffer_span(&piece), out);
    }
    if (rc == 0)
        rc = section_decode_end(&decoder, out);
    *ret_size = decoder.size;
    return rc;
}

static int imap_co_send_binary(struct fetching *k, const struct fetch_section *one,
                               const struct section_range *range)
{
    AUTO_BUFFER decoded = BUFFER(SUMMARY_LETTER_MAX);
    uint64_t begin = 0, end = 0;
    int rc = imap_co_decode(k, range, one->what == FETCH_BINARY ? &decoded : NULL, &end);
    if (rc < 0)
        return rc;
    if (one->what == FETCH_BINARY_SIZE)
        return buffer_printf(&k->out, "%llu", (unsigned long long)end);
    cut(one, &begin, &end);
    struct span bytes = span_make(buffer_span(&decoded).at + begin, (size_t)(end - begin));
    rc = buffer_printf(&k->out, "%s{%zu}\r\n", memchr(bytes.at, '\0', bytes.len) ? "~" : "",
                       bytes.len);
    return rc < 0 ? rc : buffer_append(&k->out, bytes);
}

static int imap_co_send_section(struct fetching *k, const struct fetch_section *one)
{
    struct section_range range = {0};
    int rc = imap_co_find(k, one, &range);
    if (rc == ERR_ABSENT)
        return buffer_append_text(&k->out, one->what == FETCH_BINARY_SIZE ? "0" : "NIL");
    if (rc < 0)
        return rc;
    if (one->fields)
        return imap_co_send_fields(k, one, &range);
    if (one->what != FETCH_BODY)
        return imap_co_send_binary(k, one, &range);
    uint64_t begin = range.begin, end = range.end;
    cut(one, &begin, &end);
    return imap_co_send_range(k, begin, end);
}

/* --- items ----------------------------------------------------------------------------------- */

static int item(struct fetching *k, const char *name)
{
    int rc = k->first ? 0 : buffer_append_byte(&k->out, ' ');
    k->first = false;
    return rc < 0 ? rc : buffer_append_text(&k->out, name);
}

static int write_numbers(struct fetching *k)
{
    const struct fetch *f = k->f;
    const struct box_message *m = k->message;
    char id[ID_TEXT];
    int rc = 0;
    if (f->uid || k->s->uid)
        rc = item(k, "UID ") < 0 ? -ENOMEM : buffer_append_uint(&k->out, (uint64_t)m->uid);
    if (rc == 0 && f->flags && (rc = item(k, "FLAGS ")) == 0)
        rc = imap_write_flags(k->s->selected, &k->out, m->flags);
    if (rc == 0 && f->internaldate && (rc = item(k, "INTERNALDATE ")) == 0)
        rc = imap_write_date_time(&k->out, m->received_ms);
    if (rc == 0 && f->size && (rc = item(k, "RFC822.SIZE ")) == 0)
        rc = buffer_append_uint(&k->out, m->octets);
    if (rc == 0 && f->modseq && (rc = item(k, "MODSEQ ")) == 0)
        rc = buffer_printf(&k->out, "(%lld)", (long long)m->modseq);
    if (rc == 0 && f->savedate && (rc = item(k, "SAVEDATE ")) == 0)
        rc = imap_write_date_time(&k->out, m->saved_ms);
    if (rc == 0 && f->emailid && (rc = item(k, "EMAILID ")) == 0)
        rc = buffer_printf(&k->out, "(E%s)", id_text(m->origin, id));
    if (rc == 0 && f->threadid && (rc = item(k, "THREADID ")) == 0)
        rc = buffer_printf(&k->out, "(T%s)", id_text(m->thread, id));
    return rc;
}

static int write_summary(struct fetching *k)
{
    const struct fetch *f = k->f;
    int rc = 0;
    if (f->envelope && (rc = item(k, "ENVELOPE ")) == 0)
        rc = buffer_append(&k->out, k->message->envelope);
    if (rc == 0 && (f->body || f->bodystructure))
        rc = need_structure(k);
    if (rc == 0 && f->bodystructure && (rc = item(k, "BODYSTRUCTURE ")) == 0)
        rc = buffer_append(&k->out, k->bodystructure);
    if (rc == 0 && f->body && (rc = item(k, "BODY ")) == 0)
        rc = structure_write_body(k->bodystructure, &k->out);
    if (rc == 0 && f->preview && (rc = item(k, "PREVIEW ")) == 0)
        rc = imap_write_string(&k->out, k->message->preview);
    return rc;
}

static int imap_co_write_sections(struct fetching *k)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < k->f->section_count; i++) {
        const struct fetch_section *one = &k->f->sections[i];
        rc = item(k, "");
        if (rc == 0)
            rc = buffer_append(&k->out, one->label);
        if (rc == 0)
            rc = buffer_append_byte(&k->out, ' ');
        if (rc == 0)
            rc = imap_co_send_section(k, one);
        if (rc == 0 && k->out.len > PIECE)
            rc = imap_co_drain(k);
    }
    return rc;
}

/* Letters are not compressed together: one may hold a secret, in its subject or first words, too,
 * and another's sender guess it. */
static bool stands_alone(const struct fetching *k)
{
    return (k->f->section_count || k->f->preview || k->f->envelope) && stream_is_deflated(k->s->st);
}

static int imap_co_answer_message(struct fetching *k, uint32_t number)
{
    k->split = k->sent = false;
    k->first = true;
    size_t start = k->out.len;
    int rc = buffer_append_text(&k->out, "* ");
    if (rc == 0)
        rc = buffer_append_uint(&k->out, number);
    if (rc == 0)
        rc = buffer_append_text(&k->out, " FETCH (");
    if (rc == 0)
        rc = write_numbers(k);
    if (rc == 0)
        rc = write_summary(k);
    if (rc == 0)
        rc = imap_co_write_sections(k);
    if (rc == 0)
        rc = buffer_append_text(&k->out, ")\r\n");
    if (rc < 0 && k->sent)
        return IMAP_END; /* whatever we said would be read as part of the letter */
    if (rc < 0)
        k->out.len = start;
    if (rc == ERR_ABSENT)
        return 0; /* it went while we read it */
    if (rc == 0 && (k->out.len > PIECE || stands_alone(k)))
        rc = imap_co_drain(k);
    return rc == 0 && stands_alone(k) ? stream_co_end_reply(k->s->st) : rc;
}

/* --- pages ----------------------------------------------------------------------------------- */

/* Reading a body marks it as seen, and the answer says so. */
static int imap_co_mark_seen(struct imap_session *s, struct box_message *messages, size_t count)
{
    int64_t *uids = arena_alloc(&s->arena, BOX_PAGE * sizeof *uids);
    struct box_flagging *f = arena_alloc(&s->arena, sizeof *f);
    if (!f || !uids)
        return -ENOMEM;
    *f = (struct box_flagging){.tenant = s->who.tenant,
                               .mailbox = s->selected->id,
                               .uids = uids,
                               .set = BOX_SEEN,
                               .unchanged = INT64_MAX};
    for (size_t i = 0; i < count; i++)
        if (!(messages[i].flags & BOX_SEEN))
            uids[f->count++] = messages[i].uid;
    int rc = f->count ? store_co_write(s->settings->store, box_set_flags, f) : 0;
    for (size_t i = 0, k = 0; rc == 0 && i < count && k < f->count; i++) {
        if (messages[i].uid != uids[k])
            continue;
        if (f->outcome[k] == BOX_CHANGED) {
            messages[i].flags = f->flags[k];
            messages[i].modseq = f->modseq[k];
            imap_own_change(s, f->modseq[k]);
        }
        k++;
    }
    return rc;
}

static unsigned wants(const struct fetch *f)
{
    unsigned want = 0;
    bool parts = f->body || f->bodystructure;
    for (size_t i = 0; i < f->section_count; i++) {
        want |= BOX_WANT_HEAD;
        parts = parts || f->sections[i].section.count || f->sections[i].section.kind != SECTION_ALL;
    }
    if (f->envelope)
        want |= BOX_WANT_ENVELOPE;
    if (f->preview)
        want |= BOX_WANT_PREVIEW;
    return parts ? want | BOX_WANT_HEAD | BOX_WANT_STRUCTURE : want;
}

static bool is_content_with_few(const struct fetch *f)
{
    return !f->section_count && !f->internaldate && !f->savedate && !f->emailid && !f->threadid;
}

/* Neighbours in the mailbox, from list[at] on: at most a page. */
static size_t count_neighbours(const struct view *v, const struct imap_uids *uids, size_t at)
{
    uint32_t number = view_number(v, (uint32_t)uids->list[at]);
    size_t count = 1;
    while (at + count < uids->count && count < BOX_PAGE &&
           view_number(v, (uint32_t)uids->list[at + count]) == number + count)
        count++;
    return count;
}

/* Those that CHANGEDSINCE lets through; their count. */
static size_t keep_changed(struct box_message *messages, size_t count, int64_t since)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (messages[i].modseq > since)
            messages[kept++] = messages[i];
    return kept;
}

/* Is more than a page to be read that nobody fetched into memory? */
static bool goes_far(const struct fetching *k, const struct imap_uids *uids, size_t next)
{
    return next >= k->warm && uids->count - next > BOX_PAGE;
}

/* Where the disk had to be waited for, it is not waited for page by page. */
static int imap_co_warm(struct fetching *k, const struct imap_uids *uids, size_t next)
{
    struct imap_session *s = k->s;
    size_t left = uids->count - next;
    k->warm = next + (left < BOX_WARM_MAX ? left : BOX_WARM_MAX);
    int64_t first = uids->list[next], last = uids->list[k->warm - 1];
    if (last - first > 4 * (int64_t)(k->warm - next)) /* mostly others */
        return 0;
    int rc =
        box_co_warm(s->settings->store, s->who.tenant, s->selected->id, first, last, wants(k->f));
    return rc == -ECANCELED ? rc : 0;
}

static int imap_co_read_page(struct fetching *k, int64_t first, int64_t last, struct arena *arena,
                             struct box_message **ret_messages, size_t *ret_count)
{
    struct imap_session *s = k->s;
    struct store *store = s->settings->store;
    unsigned want = wants(k->f), few = is_content_with_few(k->f) ? BOX_WANT_FEW : 0;
    int rc = box_co_page(store, s->who.tenant, s->selected->id, first, last, want | few, arena,
                         ret_messages, ret_count);
    if (rc == 0 && few && late_is_missing(*ret_messages, *ret_count, want))
        rc = box_co_page(store, s->who.tenant, s->selected->id, first, last, want, arena,
                         ret_messages, ret_count);
    if (rc < 0)
        return rc;
    *ret_count = keep_changed(*ret_messages, *ret_count, k->f->changed_since);
    if (k->f->threadid)
        want |= LATE_WANT_THREAD;
    return imap_co_complete(s, *ret_messages, ret_count, want, arena);
}

static int imap_co_answer_page(struct fetching *k, struct box_message *messages, size_t count)
{
    struct imap_session *s = k->s;
    int rc = 0;
    if (k->f->sets_seen && !s->selected->read_only)
        rc = imap_co_mark_seen(s, messages, count);
    if (rc == -ENOSPC || rc == ERR_STORE || rc == ERR_FULL)
        rc = 0; /* nothing can be written now: it is read all the same, and stays unseen */
    letter_begin(k->letters, messages, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        k->message = &messages[i];
        letter_choose(k->letters, i);
        rc = imap_co_answer_message(k, view_number(&s->selected->view, (uint32_t)messages[i].uid));
    }
    return rc;
}

/* Page by page; of messages whose summaries fill the memory, fewer at once. */
static int imap_co_answer_pages(struct fetching *k, const struct imap_uids *uids)
{
    size_t most = BOX_PAGE, count = 0;
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < uids->count; at += count) {
        AUTO_ARENA arena = ARENA((size_t)64 * 1024 * 1024);
        struct box_message *messages;
        size_t found;
        count = count_neighbours(&k->s->selected->view, uids, at);
        count = count < most ? count : most;
        bool far = goes_far(k, uids, at + count);
        long reads = far ? store_disk_reads() : 0;
        rc = imap_co_read_page(k, uids->list[at], uids->list[at + count - 1], &arena, &messages,
                               &found);
        if (rc == -ENOMEM && count > 1) {
            most = count / 2;
            count = 0;
            rc = 0;
            continue;
        }
        if (rc == 0 && far && store_disk_reads() != reads)
            rc = imap_co_warm(k, uids, at + count);
        if (rc == 0)
            rc = imap_co_answer_page(k, messages, found);
    }
    return rc;
}

static int imap_co_answer_all(struct imap_session *s, const struct fetch *f,
                              const struct imap_uids *uids)
{
    struct letter_reader letters = {.store = s->settings->store, .tenant = s->who.tenant};
    struct fetching k = {.s = s, .f = f, .letters = &letters, .out = BUFFER(LINE_MAX_)};
    int rc = imap_co_answer_pages(&k, uids);
    if (rc == 0 || rc == ERR_SYNTAX) {
        int drained = imap_co_drain(&k);
        rc = drained < 0 ? drained : rc;
    }
    atomic_fetch_add(&s->settings->counters->fetched, uids->count);
    buffer_free(&k.out);
    letter_free(&letters);
    return rc;
}

int imap_co_fetch(struct imap_session *s, struct imap_parser *p)
{
    struct fetch *f = arena_zero(&s->arena, sizeof *f);
    struct imap_uids uids;
    struct imap_set asked = {0};
    if (!f)
        return -ENOMEM;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    struct imap_parser again = *p;
    int rc = imap_co_parse_uids(s, p, &uids);
    if (rc < 0)
        return rc == IMAP_BAD ? rc : imap_co_fail(s, rc);
    if (imap_parse_sp(p) < 0 || (rc = fetch_parse(p, f)) < 0)
        return rc < 0 && rc != IMAP_BAD ? imap_co_fail(s, rc) : IMAP_BAD;
    if (f->vanished && (!s->uid || !s->qresync))
        return IMAP_BAD;
    if (f->modseq)
        s->condstore = true;
    if (f->sets_seen && !s->selected->read_only)
        f->flags = true;
    if (f->vanished) { /* '*' reaches to the last that ever was: it may be the one that went */
        rc = imap_parse_set(&again, UINT32_MAX, &asked);
        if (rc == 0 && asked.saved)
            asked = s->selected->saved;
        if (rc == 0 && asked.count)
            rc = imap_co_tell_vanished_since(s, f->changed_since, &asked);
    }
    if (rc == 0)
        rc = imap_co_answer_all(s, f, &uids);
    if (rc == ERR_SYNTAX)
        return imap_co_no(s, "[UNKNOWN-CTE] A part's encoding is not known");
    if (rc == ERR_STORE || rc == -ENOMEM || rc == -ENOBUFS || rc == ERR_FULL)
        return imap_co_say(s, SPAN("* BYE The server cannot read that now\r\n")) < 0 ? rc
                                                                                     : IMAP_END;
    if (rc < 0)
        return rc;
    return s->uid ? imap_co_ok(s, "Done") : imap_co_ok_keep(s, "Done");
}
