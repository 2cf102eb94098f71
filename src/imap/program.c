/* Holding messages against a search program; see program.h. */
#include "imap/program.h"

#include "box/summary.h"
#include "mail/casemap.h"
#include "mail/decode.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/structure.h"

#include <errno.h>
#include <stdio.h>

#define TEXT_MAX ((size_t)64 * 1024 * 1024) /* of a letter in search form */

int program_fold(struct span text, struct buffer *out)
{
    return casemap_write(text, out);
}

bool program_asks_modseq(const struct program *program)
{
    for (; program; program = program->next)
        if (program->kind == PROGRAM_MODSEQ || program_asks_modseq(program->children))
            return true;
    return false;
}

bool program_wants_all(const struct program *program)
{
    for (; program; program = program->next)
        if (program->kind != PROGRAM_ALL &&
            (program->kind != PROGRAM_AND || !program_wants_all(program->children)))
            return false;
    return true;
}

bool program_asks_thread(const struct program *program)
{
    for (; program; program = program->next)
        if (program->kind == PROGRAM_THREAD || program_asks_thread(program->children))
            return true;
    return false;
}

bool program_reads_letters(const struct program *program)
{
    for (; program; program = program->next)
        if (program->kind >= PROGRAM_SENT_BEFORE || program_reads_letters(program->children))
            return true;
    return false;
}

void program_target_free(struct program_target *target)
{
    buffer_free(&target->header);
    buffer_free(&target->text);
    buffer_free(&target->raw);
}

/* --- the letter ------------------------------------------------------------------------------ */

/* head and letter, whole. */
static int co_read_letter(struct program_target *t)
{
    const struct box_message *m = t->message;
    if (t->letter_read)
        return 0;
    t->raw.cap = TEXT_MAX;
    buffer_clear(&t->raw);
    int rc = buffer_append(&t->raw, m->head);
    if (rc == 0)
        rc = blob_co_read(t->s->settings->store, t->s->who.tenant, m->blob, 0,
                          (size_t)(m->octets - m->head.len), &t->raw);
    t->letter_read = rc == 0;
    return rc;
}

/* The field's body as it is read, in search form. */
static int fold_body(struct span body, struct buffer *out)
{
    AUTO_BUFFER decoded = BUFFER(TEXT_MAX);
    int rc = decode_words(body, &decoded);
    return rc < 0 ? rc : program_fold(buffer_span(&decoded), out);
}

/* Is the text in a field of that name (empty: any)? */
static int find_in_header(struct program_target *t, struct span name, struct span text)
{
    struct span rest = span_first(buffer_span(&t->raw), header_length(buffer_span(&t->raw)));
    struct header_field field;
    while (header_next(&rest, &field)) {
        if (name.len && !span_equal_nocase(field.name, name))
            continue;
        if (text.len == 0)
            return 1;
        AUTO_BUFFER folded = BUFFER(TEXT_MAX);
        int rc = fold_body(field.body, &folded);
        if (rc < 0)
            return rc;
        if (span_find_span(buffer_span(&folded), text) >= 0)
            return 1;
    }
    return 0;
}

/* A text part, decoded and in search form, behind the others. */
static int add_text(struct program_target *t, const struct mime_part *part)
{
    struct span letter = buffer_span(&t->raw);
    struct span header = span_make(letter.at + part->header, part->body - part->header);
    struct span body = span_make(letter.at + part->body, part->end - part->body);
    struct header_field encoding = {.body = SPAN("")};
    AUTO_BUFFER bytes = BUFFER(TEXT_MAX), utf8 = BUFFER(TEXT_MAX);
    char charset[64] = "";
    (void)!header_find(header, SPAN("Content-Transfer-Encoding"), &encoding);
    (void)!mime_find_parameter(part->parameters, SPAN("charset"), charset, sizeof charset);
    int rc = decode_transfer(encoding.body, body, &bytes);
    if (rc == 0)
        rc = decode_charset(span_of(charset), buffer_span(&bytes), &utf8);
    if (rc == 0)
        rc = program_fold(buffer_span(&utf8), &t->text);
    return rc == 0 ? buffer_append_byte(&t->text, '\n') : rc;
}

static int read_text(struct program_target *t)
{
    if (t->text_read)
        return 0;
    struct mime_part *parts = arena_alloc(&t->s->arena, STRUCTURE_PARTS_MAX * sizeof *parts);
    if (!parts)
        return -ENOMEM;
    t->text.cap = TEXT_MAX;
    buffer_clear(&t->text);
    int rc = 0, count = mime_parse(buffer_span(&t->raw), parts, STRUCTURE_PARTS_MAX);
    for (int i = 0; rc == 0 && i < count; i++)
        if (parts[i].kind == MIME_LEAF && span_equal_nocase(parts[i].type, SPAN("text")))
            rc = add_text(t, &parts[i]);
    t->text_read = rc == 0;
    return rc == -ENOBUFS ? 0 : rc;
}

/* The day the letter says it was written, whatever its zone; days since 1970, or -1. */
static int64_t sent_day(struct program_target *t)
{
    struct span header = span_first(buffer_span(&t->raw), header_length(buffer_span(&t->raw)));
    struct header_field field;
    char date[32];
    if (!header_find(header, SPAN("Date"), &field))
        return -1;
    struct span rest = field.body, word, words[3];
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
    struct imap_parser p = {date, date + len, &t->s->arena};
    int64_t days;
    return imap_parse_date(&p, &days) == 0 ? days : -1;
}

/* --- matching -------------------------------------------------------------------------------- */

static int co_matches_letter(const struct program *program, struct program_target *t)
{
    int rc = co_read_letter(t);
    if (rc == ERR_ABSENT) /* it is being expunged */
        return 0;
    if (rc < 0)
        return rc;
    switch (program->kind) {
    case PROGRAM_SENT_BEFORE:
    case PROGRAM_SENT_SINCE: {
        int64_t day = sent_day(t);
        return day >= 0 &&
               (program->kind == PROGRAM_SENT_SINCE ? day >= program->value : day < program->value);
    }
    case PROGRAM_HEADER:
        return find_in_header(t, program->name, program->text);
    case PROGRAM_TEXT:
        rc = find_in_header(t, SPAN(""), program->text);
        if (rc != 0)
            return rc;
        break;
    default:
        break;
    }
    rc = read_text(t);
    return rc < 0 ? rc : span_find_span(buffer_span(&t->text), program->text) >= 0;
}

static bool matches_numbers(const struct program *program, const struct program_target *t)
{
    const struct box_message *m = t->message;
    switch (program->kind) {
    case PROGRAM_FLAGS:
        return (m->flags & program->mask) == program->wanted;
    case PROGRAM_UIDS:
        return imap_set_has(&program->set, (uint32_t)m->uid);
    case PROGRAM_NUMBERS:
        return imap_set_has(&program->set, t->number);
    case PROGRAM_LARGER:
        return m->octets > (uint64_t)program->value;
    case PROGRAM_SMALLER:
        return m->octets < (uint64_t)program->value;
    case PROGRAM_BEFORE:
        return m->received_ms < program->value;
    case PROGRAM_SINCE:
        return m->received_ms >= program->value;
    case PROGRAM_SAVED_BEFORE:
        return m->saved_ms < program->value;
    case PROGRAM_SAVED_SINCE:
        return m->saved_ms >= program->value;
    case PROGRAM_MODSEQ:
        return m->modseq >= program->value;
    case PROGRAM_ORIGIN:
        return m->origin == program->value;
    case PROGRAM_THREAD:
        return m->thread == program->value;
    default:
        return true;
    }
}

/* All children (AND), or any (OR): cheap ones first, then those that read the letter. */
static int co_matches_children(const struct program *program, struct program_target *t)
{
    bool all = program->kind == PROGRAM_AND;
    for (int turn = 0; turn < 2; turn++) {
        for (const struct program *child = program->children; child; child = child->next) {
            bool reads = child->kind >= PROGRAM_SENT_BEFORE ||
                         (child->children && program_reads_letters(child->children));
            if (reads != (turn == 1))
                continue;
            int rc = program_co_matches(child, t);
            if (rc < 0 || (rc == 0) == all)
                return rc;
        }
    }
    return all;
}

int program_co_matches(const struct program *program, struct program_target *target)
{
    switch (program->kind) {
    case PROGRAM_AND:
    case PROGRAM_OR:
        return co_matches_children(program, target);
    case PROGRAM_NOT: {
        int rc = program_co_matches(program->children, target);
        return rc < 0 ? rc : !rc;
    }
    default:
        return program->kind >= PROGRAM_SENT_BEFORE ? co_matches_letter(program, target)
                                                    : matches_numbers(program, target);
    }
}
