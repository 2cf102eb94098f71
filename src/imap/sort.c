/*
 * SORT and UID SORT (RFC 5256 3, RFC 5267 3, RFC 5957).
 *
 * The search finds the messages; a job in a lane makes their keys, of numbers and stored envelopes,
 * and compares them, so that other sessions go on. It is run again where envelopes were missing
 * (late.h). Messages that all keys call equal stand in the order of the mailbox.
 */
#include "imap/late.h"
#include "imap/search.h"
#include "imap/sort_key.h"

#include <errno.h>
#include <stdlib.h>

struct criterion {
    enum sort_key key;
    bool reverse;
};

/* A message that is being sorted: its values, one for each criterion. */
struct letter {
    uint32_t uid;
    struct sort_value values[];
};

struct sorting {
    struct imap_session *s;
    struct criterion criteria[SORT_KEYS];
    size_t count;     /* of criteria */
    bool reads_lists; /* of addresses */
    unsigned numbers; /* BOX_WANT_FEW, where they are enough */
    struct imap_result result;
    struct late late;
    struct sort_texts texts;
    char *letters; /* of letter_size each */
    size_t letter_size, letter_count;
};

/* --- the criteria ---------------------------------------------------------------------------- */

static bool has_key(const struct sorting *k, enum sort_key key)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->criteria[i].key == key)
            return true;
    return false;
}

/* A key that was there already decides nothing any more. */
static int parse_criterion(struct imap_parser *p, struct sorting *k)
{
    struct criterion one = {.reverse = imap_take_word(p, "REVERSE")};
    unsigned key = 0;
    if (one.reverse && imap_parse_sp(p) < 0)
        return IMAP_BAD;
    while (key < SORT_KEYS && !imap_take_word(p, sort_key_names[key]))
        key++;
    if (key == SORT_KEYS)
        return IMAP_BAD;
    one.key = (enum sort_key)key;
    if (!has_key(k, one.key))
        k->criteria[k->count++] = one;
    return 0;
}

/* "(" sort-criterion *(SP sort-criterion) ")" SP */
static int parse_criteria(struct imap_parser *p, struct sorting *k)
{
    int rc = imap_take(p, '(') ? 0 : IMAP_BAD;
    do {
        if (rc == 0)
            rc = parse_criterion(p, k);
    } while (rc == 0 && imap_take(p, ' '));
    return rc == 0 && (!imap_take(p, ')') || imap_parse_sp(p) < 0) ? IMAP_BAD : rc;
}

/* --- in the lane ----------------------------------------------------------------------------- */

static struct letter *letter_at(const struct sorting *k, size_t i)
{
    return (struct letter *)(void *)(k->letters + i * k->letter_size);
}

static int add_letter(const struct box_message *message, void *arg)
{
    struct sorting *k = arg;
    struct letter *letter = letter_at(k, k->letter_count);
    struct envelope envelope = {0};
    int rc = late_note(&k->late, message);
    if (rc == 0 && message->envelope.len)
        rc = k->reads_lists ? envelope_read(message->envelope, &envelope)
                            : envelope_read_front(message->envelope, &envelope);
    if (rc == ERR_CORRUPT)
        envelope = (struct envelope){0};
    letter->uid = (uint32_t)message->uid;
    for (size_t i = 0; (rc == 0 || rc == ERR_CORRUPT) && i < k->count; i++)
        rc = sort_value_make(k->criteria[i].key, message, &envelope, &k->texts, &letter->values[i]);
    k->letter_count++;
    return rc < 0 ? rc : 0;
}

static int compare_letters(const void *a, const void *b, void *arg)
{
    const struct sorting *k = arg;
    const struct letter *x = a, *y = b;
    for (size_t i = 0; i < k->count; i++) {
        int order = sort_value_compare(&x->values[i], &y->values[i]);
        if (order)
            return k->criteria[i].reverse ? -order : order;
    }
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* found comes out in the order of the criteria, without those that went. */
static int sort_found(struct db_tx *tx, void *arg)
{
    struct sorting *k = arg;
    struct imap_result *r = &k->result;
    sort_texts_open(&k->texts);
    k->letter_count = 0;
    k->letter_size = sizeof(struct letter) + k->count * sizeof(struct sort_value);
    k->letters = malloc((r->found_count + 1) * k->letter_size);
    int rc = k->letters ? box_visit_all(tx, k->s->who.tenant, k->s->selected->id, r->found,
                                        r->found_count, k->late.want | k->numbers, add_letter, k)
                        : -ENOMEM;
    if (rc == 0 && k->late.count == 0) {
        qsort_r(k->letters, k->letter_count, k->letter_size, compare_letters, k);
        for (size_t i = 0; i < k->letter_count; i++)
            r->found[i] = letter_at(k, i)->uid;
        r->found_count = k->letter_count;
    }
    free(k->letters);
    sort_texts_free(&k->texts);
    return rc;
}

/* --- the command ----------------------------------------------------------------------------- */

static int imap_co_find_and_sort(struct sorting *k, struct program *program)
{
    int rc = imap_co_search_to_visit(k->s, program, &k->result);
    k->numbers = BOX_WANT_FEW;
    for (size_t i = 0; i < k->count; i++) {
        if (sort_key_reads_time(k->criteria[i].key))
            k->numbers = 0;
        if (sort_key_reads_envelope(k->criteria[i].key))
            k->late.want = BOX_WANT_ENVELOPE;
        k->reads_lists = k->reads_lists || sort_key_reads_lists(k->criteria[i].key);
    }
    return rc < 0 ? rc : imap_co_scan_complete(k->s, sort_found, k, &k->late);
}

int imap_co_sort(struct imap_session *s, struct imap_parser *p)
{
    struct sorting k = {.s = s};
    struct program *program;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    int rc = imap_parse_return(p, &k.result);
    if (rc == 0)
        rc = parse_criteria(p, &k);
    if (rc == 0)
        rc = imap_co_load(s);
    if (rc == 0)
        rc = program_parse_in_charset(s, p, &program);
    if (rc == IMAP_BAD)
        return rc;
    if (rc < 0)
        imap_forget_saved(s, &k.result);
    if (rc == ERR_SYNTAX)
        return imap_co_no(s, "[BADCHARSET (UTF-8 US-ASCII)] That charset is not known");
    if (rc == 0)
        rc = imap_co_find_and_sort(&k, program);
    if (rc < 0)
        imap_forget_saved(s, &k.result);
    rc = rc < 0 ? imap_co_fail(s, rc) : imap_co_answer_result(s, &k.result, "SORT");
    free(k.result.found);
    free(k.late.uids);
    return rc;
}
