/* Holding a letter against what a search program has left open; see program.h. */
#include "imap/program.h"

#include "mail/decode.h"
#include "mail/envelope.h"
#include "mail/header.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FRONT       ((size_t)64 * 1024) /* most headers lie in it */
#define SUBJECT_MAX ((size_t)64 * 1024)

void program_letter_next(struct program_letter *l, const struct box_message *message)
{
    l->message = message;
    l->has_envelope = l->has_front = l->has_header = l->has_tree = false;
    arena_reset(&l->arena);
}

void program_letter_free(struct program_letter *l)
{
    buffer_free(&l->envelope);
    buffer_free(&l->raw);
    search_form_free(&l->form);
    arena_free(&l->arena);
}

/* --- reading --------------------------------------------------------------------------------- */

static int read_raw(struct program_letter *l, size_t max)
{
    buffer_clear(&l->raw);
    l->raw.cap = SEARCH_FORM_MAX + l->message->head.len;
    int rc = box_read_letter(l->tx, l->tenant, l->message, max, &l->raw);
    return rc == ERR_ABSENT ? 0 : rc; /* its file is lost: there is nothing to find */
}

static int need_front(struct program_letter *l)
{
    if (l->has_front)
        return 0;
    int rc = read_raw(l, FRONT);
    if (rc == 0 && l->raw.len < l->message->octets &&
        header_scan(&(struct header_scan){0}, buffer_span(&l->raw)) < 0)
        rc = read_raw(l, SEARCH_FORM_MAX);
    l->has_front = rc == 0;
    return rc;
}

static int need_header(struct program_letter *l)
{
    if (l->has_header)
        return 0;
    int rc = need_front(l);
    if (rc == 0)
        rc = search_form_header(buffer_span(&l->raw), &l->form);
    l->has_header = rc == 0;
    return rc;
}

static int need_tree(struct program_letter *l)
{
    if (l->has_tree)
        return 0;
    int rc = l->has_front && l->raw.len == l->message->octets ? 0 : read_raw(l, SEARCH_FORM_MAX);
    if (rc == 0)
        rc = search_form_begin(buffer_span(&l->raw), &l->form);
    l->has_front = l->has_front || rc == 0;
    l->has_tree = rc == 0;
    return rc;
}

int program_letter_read(struct program_letter *l)
{
    int rc = need_tree(l);
    if (rc == 0)
        rc = search_form_rest(buffer_span(&l->raw), &l->form);
    return rc < 0 ? rc : need_header(l);
}

/* --- the envelope ---------------------------------------------------------------------------- */

/* "(date subject …": what the header says, but for fields that were too long. */
static void split_envelope(struct program_letter *l)
{
    struct imap_parser p = {l->envelope.at, l->envelope.at + l->envelope.len, &l->arena};
    l->date = l->subject = (struct span){NULL, 0};
    if (l->envelope.len == 0 || !imap_take(&p, '(') || imap_parse_nstring(&p, &l->date) < 0 ||
        imap_parse_sp(&p) < 0 || imap_parse_nstring(&p, &l->subject) < 0)
        l->date = l->subject = (struct span){NULL, 0};
    if (l->subject.len >= ENVELOPE_TEXT_MAX / 2)
        l->subject = (struct span){NULL, 0};
}

static int need_envelope(struct program_letter *l)
{
    if (l->has_envelope)
        return 0;
    l->envelope.cap = ENVELOPE_MAX;
    buffer_clear(&l->envelope);
    int rc = box_read_envelope(l->tx, l->tenant, l->mailbox, l->message->uid, &l->envelope);
    if (rc == 0)
        split_envelope(l);
    l->has_envelope = rc == 0;
    return rc;
}

static int has_subject(const struct program *program, struct program_letter *l)
{
    AUTO_BUFFER decoded = BUFFER(SUBJECT_MAX), folded = BUFFER(8 * SUBJECT_MAX);
    int rc = need_envelope(l);
    if (rc == 0 && !l->subject.at) {
        rc = need_header(l);
        return rc < 0 ? rc : search_form_has_field(&l->form, program->name, program->text);
    }
    if (rc == 0)
        rc = decode_words(l->subject, &decoded);
    if (rc == 0)
        rc = search_form_fold(buffer_span(&decoded), &folded);
    return rc < 0 ? rc
                  : memmem(buffer_span(&folded).at, folded.len, program->text.at,
                           program->text.len) != NULL;
}

/* The day of a Date field, whatever its zone; days since 1970, or -1. */
static int64_t day_of(struct span rest, struct arena *arena)
{
    struct span word, words[3];
    char date[32];
    size_t count = 0;
    while (count < 3 && span_cut(&rest, ' ', &word)) {
        if (word.len == 0 || (count == 0 && !ascii_is_digit(word.at[0])))
            continue;
        words[count++] = word;
    }
    if (count < 3)
        return -1;
    int len = snprintf(date, sizeof date, "%.*s-%.*s-%.*s", SPAN_PRINT(span_first(words[0], 2)),
                       SPAN_PRINT(span_first(words[1], 3)), SPAN_PRINT(span_first(words[2], 4)));
    struct imap_parser p = {date, date + len, arena};
    int64_t days;
    return imap_parse_date(&p, &days) == 0 ? days : -1;
}

static int was_sent(const struct program *program, struct program_letter *l)
{
    struct header_field field = {.body = SPAN("")};
    int rc = need_envelope(l);
    if (rc == 0 && !l->date.at) {
        rc = need_header(l);
        struct span raw = buffer_span(&l->raw);
        (void)!header_find(span_first(raw, header_length(raw)), SPAN("Date"), &field);
    } else {
        field.body = l->date;
    }
    int64_t day = rc < 0 ? -1 : day_of(field.body, &l->arena);
    bool before = program->kind == PROGRAM_SENT_BEFORE;
    return rc < 0 ? rc : day >= 0 && (before ? day < program->value : day >= program->value);
}

/* --- fitting --------------------------------------------------------------------------------- */

/* In the header, or in a field of it. */
static int is_in_header(const struct program *program, struct program_letter *l)
{
    int rc = need_front(l);
    if (rc == 0 && !l->has_header &&
        !search_form_may_have_in_header(buffer_span(&l->raw), &l->form, program->text))
        return 0;
    if (rc == 0)
        rc = need_header(l);
    if (rc < 0)
        return rc;
    return program->kind == PROGRAM_HEADER
               ? search_form_has_field(&l->form, program->name, program->text)
               : search_form_has_in_header(&l->form, program->text);
}

static int has_text(const struct program *program, struct program_letter *l)
{
    int rc = program->kind == PROGRAM_BODY ? 0 : is_in_header(program, l);
    if (rc != 0 || program->kind == PROGRAM_HEADER)
        return rc;
    rc = need_tree(l);
    if (rc < 0)
        return rc;
    struct span letter = buffer_span(&l->raw);
    return program->kind == PROGRAM_BODY ? search_form_find_text(letter, &l->form, program->text)
                                         : search_form_find(letter, &l->form, program->text);
}

/* What has to be read for it, at most: 0 nothing, 1 the envelope, 2 the letter. */
static int cost(const struct program *program)
{
    int most = program->kind >= PROGRAM_HEADER ? 2 : program->kind >= PROGRAM_SENT_BEFORE;
    for (const struct program *child = program->children; child; child = child->next) {
        int of_child = cost(child);
        most = of_child > most ? of_child : most;
    }
    return most;
}

/* All children (AND), or any (OR): cheap ones first. */
static int children_fit(const struct program *program, struct program_letter *l)
{
    bool all = program->kind == PROGRAM_AND;
    for (int turn = 0; turn < 3; turn++) {
        for (const struct program *child = program->children; child; child = child->next) {
            if (cost(child) != turn)
                continue;
            int rc = program_fits(child, l);
            if (rc < 0 || (rc == 0) == all)
                return rc;
        }
    }
    return all;
}

/* As deep as the program, at most PROGRAM_DEPTH_MAX. */
int program_fits(const struct program *program, struct program_letter *l)
{
    unsigned column = (unsigned)(l->message->uid % INDEX_BLOCK);
    if (!index_mask_has(&program->may, column))
        return 0;
    if (index_mask_has(&program->must, column))
        return 1;
    switch (program->kind) {
    case PROGRAM_AND:
    case PROGRAM_OR:
        return children_fit(program, l);
    case PROGRAM_NOT: {
        int rc = program_fits(program->children, l);
        return rc < 0 ? rc : !rc;
    }
    case PROGRAM_SENT_BEFORE:
    case PROGRAM_SENT_SINCE:
        return was_sent(program, l);
    case PROGRAM_SUBJECT:
        return has_subject(program, l);
    default:
        return has_text(program, l);
    }
}
