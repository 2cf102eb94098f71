/*
 * Holding a block of messages against a search program; see program.h.
 *
 * Each node gets two masks over the block: the messages that may fit it, and those that surely do.
 * What decides by numbers has the same in both. A text may fit where the index does not say
 * otherwise, and fits nowhere for sure; NOT turns the two round.
 */
#include "imap/program.h"

#include <stdlib.h>
#include <string.h>

#define WORDS (INDEX_BLOCK / 64)

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

bool program_reads_letters(const struct program *program, enum program_kind least)
{
    for (; program; program = program->next)
        if (program->kind >= least || program_reads_letters(program->children, least))
            return true;
    return false;
}

/* --- bounds ---------------------------------------------------------------------------------- */

static void narrow(const struct program *program, const struct view *view, uint32_t *first,
                   uint32_t *last)
{
    const struct imap_set *set = &program->set;
    bool uids = program->kind == PROGRAM_UIDS;
    if (!uids && program->kind != PROGRAM_NUMBERS)
        return;
    uint32_t low = set->count ? set->ranges[0].first : UINT32_MAX;
    uint32_t high = set->count ? set->ranges[set->count - 1].last : 0;
    if (!uids && set->count) {
        low = view_uid(view, low);
        high = high < view->messages ? view_uid(view, high) : UINT32_MAX;
        low = low ? low : UINT32_MAX;
    }
    *first = low > *first ? low : *first;
    *last = high < *last ? high : *last;
}

void program_bounds(const struct program *program, const struct view *view, uint32_t *first,
                    uint32_t *last)
{
    narrow(program, view, first, last);
    if (program->kind == PROGRAM_AND)
        for (const struct program *child = program->children; child; child = child->next)
            program_bounds(child, view, first, last);
}

/* --- what is asked of the index -------------------------------------------------------------- */

static void choose_bits(struct program *program)
{
    char name[512];
    bool in_header = program->kind == PROGRAM_SUBJECT || program->kind == PROGRAM_HEADER;
    if (program->kind < PROGRAM_SUBJECT)
        return;
    program->bit_count = signature_ask(program->text, in_header, program->bits);
    if (program->bit_count || !in_header || program->name.len > sizeof name - 2)
        return;
    memcpy(name, program->name.at, program->name.len); /* the text is short: is there a field? */
    name[program->name.len] = ':';
    name[program->name.len + 1] = ' ';
    program->bit_count = signature_ask(span_make(name, program->name.len + 2), true, program->bits);
}

/* Puts a key's bits among the others, all or, where there is no room, none. */
static size_t add_bits(struct program *program, uint16_t *bits, size_t count)
{
    if (count + program->bit_count > INDEX_BITS)
        program->bit_count = 0;
    for (size_t i = 0; i < program->bit_count; i++) {
        size_t at = 0;
        while (at < count && bits[at] < program->bits[i])
            at++;
        if (at < count && bits[at] == program->bits[i])
            continue;
        memmove(bits + at + 1, bits + at, (count - at) * sizeof *bits);
        bits[at] = program->bits[i];
        count++;
    }
    return count;
}

static size_t ask(struct program *program, uint16_t *bits, size_t count)
{
    for (; program; program = program->next) {
        choose_bits(program);
        count = add_bits(program, bits, count);
        count = ask(program->children, bits, count);
    }
    return count;
}

size_t program_ask(struct program *program, uint16_t ret_bits[INDEX_BITS])
{
    return ask(program, ret_bits, 0);
}

/* --- numbers --------------------------------------------------------------------------------- */

static bool matches_numbers(const struct program *program, const struct box_message *m,
                            const struct view *view)
{
    switch (program->kind) {
    case PROGRAM_FLAGS:
        return (m->flags & program->mask) == program->wanted;
    case PROGRAM_UIDS:
        return imap_set_has(&program->set, (uint32_t)m->uid);
    case PROGRAM_NUMBERS:
        return imap_set_has(&program->set, view_number(view, (uint32_t)m->uid));
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

static void mark_numbers(struct program *program, const struct program_block *block)
{
    memset(&program->may, block->messages ? 0 : 0xff, sizeof program->may);
    memset(&program->must, 0, sizeof program->must);
    if (!block->messages)
        return;
    for (size_t i = 0; i < block->count; i++)
        if (matches_numbers(program, &block->messages[i], block->view))
            index_mask_set(&program->may, (unsigned)(block->messages[i].uid % INDEX_BLOCK));
    program->must = program->may;
}

/* --- texts and combinations ------------------------------------------------------------------ */

static int by_bit(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void mark_text(struct program *program, const struct program_block *block)
{
    memset(&program->may, 0xff, sizeof program->may);
    memset(&program->must, 0, sizeof program->must);
    for (size_t i = 0; i < program->bit_count; i++) {
        const uint16_t *bit =
            bsearch(&program->bits[i], block->bits, block->bit_count, sizeof *block->bits, by_bit);
        for (unsigned w = 0; bit && w < WORDS; w++)
            program->may.words[w] &= block->may[bit - block->bits].words[w];
    }
}

/* AND begins with all and keeps what is in each child; OR the other way. */
static void mark_children(struct program *program)
{
    bool all = program->kind == PROGRAM_AND;
    memset(&program->may, all ? 0xff : 0, sizeof program->may);
    memset(&program->must, all ? 0xff : 0, sizeof program->must);
    for (const struct program *child = program->children; child; child = child->next) {
        for (unsigned w = 0; w < WORDS; w++) {
            uint64_t may = child->may.words[w], must = child->must.words[w];
            program->may.words[w] = all ? program->may.words[w] & may : program->may.words[w] | may;
            program->must.words[w] =
                all ? program->must.words[w] & must : program->must.words[w] | must;
        }
    }
}

static void mark_not(struct program *program)
{
    const struct program *child = program->children;
    for (unsigned w = 0; child && w < WORDS; w++) {
        program->may.words[w] = ~child->must.words[w];
        program->must.words[w] = ~child->may.words[w];
    }
}

/* As deep as the program, at most PROGRAM_DEPTH_MAX. */
void program_mark(struct program *program, const struct program_block *block)
{
    for (struct program *child = program->children; child; child = child->next)
        program_mark(child, block);
    if (program->kind == PROGRAM_NOT)
        mark_not(program);
    else if (program->kind == PROGRAM_AND || program->kind == PROGRAM_OR)
        mark_children(program);
    else if (program->kind >= PROGRAM_SENT_BEFORE)
        mark_text(program, block);
    else
        mark_numbers(program, block);
}
