/*
 * THREAD and UID THREAD (RFC 5256 3): the search finds the messages, mail/thread.h puts them in
 * threads by what was stored of them. Gathered and computed in one job of a lane: its memory lives
 * no longer than that, and other sessions go on.
 */
#include "imap/late.h"
#include "imap/search.h"
#include "imap/sort_key.h"

#include "mail/thread.h"

#include <errno.h>
#include <stdlib.h>

#define SUBJECT_ROOM ((size_t)64 * 1024)

struct threading {
    struct imap_session *s;
    bool references;
    struct imap_result result;
    struct late late;
    struct thread *thread;
    struct buffer subject; /* of the letter at hand */
    struct buffer out;
};

static uint32_t shown(const struct imap_session *s, int64_t uid)
{
    return s->uid ? (uint32_t)uid : view_number(&s->selected->view, (uint32_t)uid);
}

static int add_letter(const struct box_message *message, void *arg)
{
    struct threading *k = arg;
    struct envelope envelope = {0};
    bool reply = false;
    int rc = late_note(&k->late, message);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (envelope_read_front(message->envelope, &envelope) < 0)
        envelope = (struct envelope){0};
    buffer_clear(&k->subject);
    rc = sort_base_subject(&envelope, &k->subject, &reply);
    if (rc == -ENOMEM)
        return rc;
    struct thread_letter letter = {.number = shown(k->s, message->uid),
                                   .sent_ms = sort_sent_ms(message, &envelope),
                                   .ids = message->ids,
                                   .subject = buffer_span(&k->subject),
                                   .reply = reply};
    return thread_add(k->thread, &letter);
}

static int make_threads(struct db_tx *tx, void *arg)
{
    struct threading *k = arg;
    const struct imap_result *r = &k->result;
    int rc = thread_open(&k->thread);
    buffer_clear(&k->out);
    if (rc < 0)
        return rc;
    rc = box_visit_all(tx, k->s->who.tenant, k->s->selected->id, r->found, r->found_count,
                       k->late.want, add_letter, k);
    if (rc == 0)
        rc = buffer_append_text(&k->out, "* THREAD ");
    if (rc == 0 && k->late.count == 0)
        rc = k->references ? thread_by_references(k->thread, &k->out)
                           : thread_by_subject(k->thread, &k->out);
    thread_free(k->thread);
    return rc;
}

static int imap_co_answer(struct threading *k)
{
    struct imap_session *s = k->s;
    k->out.len -= k->out.at[k->out.len - 1] == ' '; /* there are no threads */
    int rc = buffer_append_text(&k->out, "\r\n");
    if (rc == 0)
        rc = imap_co_say(s, buffer_span(&k->out));
    if (rc < 0)
        return rc;
    return s->uid ? imap_co_ok(s, "Done") : imap_co_ok_keep(s, "Done");
}

static int parse_algorithm(struct imap_parser *p, struct threading *k)
{
    k->references = imap_take_word(p, "REFERENCES");
    k->late.want = BOX_WANT_ENVELOPE | (k->references ? BOX_WANT_IDS : 0U);
    if (!k->references && !imap_take_word(p, "ORDEREDSUBJECT"))
        return IMAP_BAD;
    return imap_parse_sp(p) < 0 ? IMAP_BAD : 0;
}

int imap_co_thread(struct imap_session *s, struct imap_parser *p)
{
    struct threading k = {
        .s = s, .subject = BUFFER(SUBJECT_ROOM), .out = BUFFER((size_t)64 * 1024 * 1024)};
    struct program *program;
    if (imap_parse_sp(p) < 0 || parse_algorithm(p, &k) < 0)
        return IMAP_BAD;
    int rc = imap_co_load(s);
    if (rc == 0)
        rc = program_parse_in_charset(s, p, &program);
    if (rc == ERR_SYNTAX)
        return imap_co_no(s, "[BADCHARSET (UTF-8 US-ASCII)] That charset is not known");
    if (rc == IMAP_BAD)
        return rc;
    if (rc == 0)
        rc = imap_co_search_to_visit(s, program, &k.result);
    if (rc == 0)
        rc = imap_co_scan_complete(s, make_threads, &k, &k.late);
    rc = rc ? imap_co_fail(s, rc) : imap_co_answer(&k);
    free(k.result.found);
    free(k.late.uids);
    buffer_free(&k.subject);
    buffer_free(&k.out);
    return rc;
}
