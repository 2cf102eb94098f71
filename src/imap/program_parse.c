/* The grammar of SEARCH; see program.h. */
#include "imap/program.h"

#include "base/clock.h"
#include "base/id.h"

#include <errno.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)

struct reading {
    struct imap_session *s;
    struct imap_parser *p;
    unsigned keys;
};

static int parse_key(struct reading *r, int depth, struct program **ret_program);

static struct program *node(struct reading *r, enum program_kind kind)
{
    struct program *made = arena_zero(r->p->arena, sizeof *made);
    if (made)
        made->kind = kind;
    return made;
}

static int make(struct reading *r, enum program_kind kind, struct program **ret_program)
{
    *ret_program = node(r, kind);
    return *ret_program ? 0 : -ENOMEM;
}

static int make_value(struct reading *r, enum program_kind kind, int64_t value,
                      struct program **ret_program)
{
    int rc = make(r, kind, ret_program);
    if (rc == 0)
        (*ret_program)->value = value;
    return rc;
}

static int make_flags(struct reading *r, uint64_t mask, uint64_t wanted,
                      struct program **ret_program)
{
    int rc = make(r, PROGRAM_FLAGS, ret_program);
    if (rc == 0) {
        (*ret_program)->mask = mask;
        (*ret_program)->wanted = wanted;
    }
    return rc;
}

/* --- keys with arguments --------------------------------------------------------------------- */

static int parse_text(struct reading *r, enum program_kind kind, struct span name,
                      struct program **ret_program)
{
    AUTO_BUFFER folded = BUFFER(8 * IMAP_COMMAND_MAX);
    struct span text;
    if (imap_parse_sp(r->p) < 0 || imap_parse_astring(r->p, &text) < 0)
        return IMAP_BAD;
    int rc = make(r, kind, ret_program);
    if (rc == 0)
        rc = program_fold(text, &folded);
    if (rc < 0)
        return rc;
    (*ret_program)->name = name;
    (*ret_program)->text = arena_copy(r->p->arena, buffer_span(&folded));
    return (*ret_program)->text.at ? 0 : -ENOMEM;
}

static int parse_header(struct reading *r, struct program **ret_program)
{
    struct span name;
    if (imap_parse_sp(r->p) < 0 || imap_parse_astring(r->p, &name) < 0)
        return IMAP_BAD;
    return parse_text(r, PROGRAM_HEADER, name, ret_program);
}

static int parse_keyword(struct reading *r, bool wanted, struct program **ret_program)
{
    struct span flag;
    if (imap_parse_sp(r->p) < 0 || imap_parse_flag(r->p, &flag) < 0)
        return IMAP_BAD;
    int bit = keyword_find(&r->s->selected->keywords, flag);
    uint64_t mask = bit < 0 ? 0 : UINT64_C(1) << bit;
    if (mask == 0 && wanted) /* nobody has it */
        return make_flags(r, 1, 2, ret_program);
    return make_flags(r, mask, wanted ? mask : 0, ret_program);
}

/* A day of UTC: "since" it, or "before" it. */
static int parse_day(struct reading *r, enum program_kind before, enum program_kind since, char how,
                     int64_t unit, struct program **ret_program)
{
    int64_t days;
    struct program *later;
    if (imap_parse_sp(r->p) < 0 || imap_parse_date(r->p, &days) < 0)
        return IMAP_BAD;
    if (how == '<')
        return make_value(r, before, days * unit, ret_program);
    if (how == '>')
        return make_value(r, since, days * unit, ret_program);
    int rc = make(r, PROGRAM_AND, ret_program);
    if (rc == 0)
        rc = make_value(r, since, days * unit, &(*ret_program)->children);
    if (rc == 0)
        rc = make_value(r, before, (days + 1) * unit, &later);
    if (rc == 0)
        (*ret_program)->children->next = later;
    return rc;
}

static int parse_number_key(struct reading *r, enum program_kind kind, struct program **ret_program)
{
    uint64_t number;
    if (imap_parse_sp(r->p) < 0 || imap_parse_number(r->p, &number) < 0)
        return IMAP_BAD;
    return make_value(r, kind, (int64_t)number, ret_program);
}

/* Seconds back from now (RFC 5032). */
static int parse_age(struct reading *r, bool older, struct program **ret_program)
{
    uint32_t seconds;
    if (imap_parse_sp(r->p) < 0 || imap_parse_nz_number(r->p, &seconds) < 0)
        return IMAP_BAD;
    int64_t then = clock_wall_ms() - (int64_t)seconds * 1000;
    return make_value(r, older ? PROGRAM_BEFORE : PROGRAM_SINCE, older ? then + 1 : then,
                      ret_program);
}

/* ["/flags/x" SP entry-type SP] number */
static int parse_modseq(struct reading *r, struct program **ret_program)
{
    struct span name, kind;
    uint64_t number;
    if (imap_parse_sp(r->p) < 0)
        return IMAP_BAD;
    if (r->p->at < r->p->end && *r->p->at == '"' &&
        (imap_parse_string(r->p, &name) < 0 || imap_parse_sp(r->p) < 0 ||
         imap_parse_atom(r->p, &kind) < 0 || imap_parse_sp(r->p) < 0))
        return IMAP_BAD;
    if (imap_parse_number(r->p, &number) < 0)
        return IMAP_BAD;
    r->s->condstore = true;
    return make_value(r, PROGRAM_MODSEQ, (int64_t)number, ret_program);
}

/* EMAILID and THREADID: an id behind its letter; what is no id of ours is nobody's. */
static int parse_object_id(struct reading *r, enum program_kind kind, char letter,
                           struct program **ret_program)
{
    struct span text;
    int64_t id;
    if (imap_parse_sp(r->p) < 0 || imap_parse_astring(r->p, &text) < 0)
        return IMAP_BAD;
    bool ours = text.len > 1 && text.at[0] == letter && id_parse(span_from(text, 1), &id);
    return make_value(r, kind, ours ? id : -1, ret_program);
}

static int parse_set(struct reading *r, enum program_kind kind, struct program **ret_program)
{
    const struct view *v = &r->s->selected->view;
    int rc = make(r, kind, ret_program);
    if (rc == 0 && imap_parse_set(r->p, kind == PROGRAM_UIDS ? view_highest(v) : v->messages,
                                  &(*ret_program)->set) < 0)
        rc = IMAP_BAD;
    if (rc == 0 && (*ret_program)->set.saved) {
        (*ret_program)->kind = PROGRAM_UIDS;
        (*ret_program)->set = r->s->selected->saved;
    }
    return rc;
}

/* --- keys ------------------------------------------------------------------------------------ */

static int parse_flag_key(struct reading *r, struct program **ret_program)
{
    static const struct {
        const char *name;
        uint64_t mask, wanted;
    } keys[] = {{"ANSWERED", BOX_ANSWERED, BOX_ANSWERED},
                {"DELETED", BOX_DELETED, BOX_DELETED},
                {"DRAFT", BOX_DRAFT, BOX_DRAFT},
                {"FLAGGED", BOX_FLAGGED, BOX_FLAGGED},
                {"SEEN", BOX_SEEN, BOX_SEEN},
                {"UNANSWERED", BOX_ANSWERED, 0},
                {"UNDELETED", BOX_DELETED, 0},
                {"UNDRAFT", BOX_DRAFT, 0},
                {"UNFLAGGED", BOX_FLAGGED, 0},
                {"UNSEEN", BOX_SEEN, 0},
                {"NEW", 1, 2}, /* no message is recent here */
                {"RECENT", 1, 2},
                {"OLD", 0, 0}};
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        if (imap_take_word(r->p, keys[i].name))
            return make_flags(r, keys[i].mask, keys[i].wanted, ret_program);
    return 1;
}

static int parse_day_key(struct reading *r, struct program **ret_program)
{
    static const struct {
        const char *name;
        enum program_kind before, since;
        char how;
        int64_t unit;
    } keys[] = {{"BEFORE", PROGRAM_BEFORE, PROGRAM_SINCE, '<', DAY_MS},
                {"SINCE", PROGRAM_BEFORE, PROGRAM_SINCE, '>', DAY_MS},
                {"ON", PROGRAM_BEFORE, PROGRAM_SINCE, '=', DAY_MS},
                {"SENTBEFORE", PROGRAM_SENT_BEFORE, PROGRAM_SENT_SINCE, '<', 1},
                {"SENTSINCE", PROGRAM_SENT_BEFORE, PROGRAM_SENT_SINCE, '>', 1},
                {"SENTON", PROGRAM_SENT_BEFORE, PROGRAM_SENT_SINCE, '=', 1},
                {"SAVEDBEFORE", PROGRAM_SAVED_BEFORE, PROGRAM_SAVED_SINCE, '<', DAY_MS},
                {"SAVEDSINCE", PROGRAM_SAVED_BEFORE, PROGRAM_SAVED_SINCE, '>', DAY_MS},
                {"SAVEDON", PROGRAM_SAVED_BEFORE, PROGRAM_SAVED_SINCE, '=', DAY_MS}};
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        if (imap_take_word(r->p, keys[i].name))
            return parse_day(r, keys[i].before, keys[i].since, keys[i].how, keys[i].unit,
                             ret_program);
    return 1;
}

static int parse_field_key(struct reading *r, struct program **ret_program)
{
    static const char *const fields[] = {"BCC", "CC", "FROM", "SUBJECT", "TO"};
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++)
        if (imap_take_word(r->p, fields[i]))
            return parse_text(r, PROGRAM_HEADER, span_of(fields[i]), ret_program);
    return 1;
}

static int parse_other_key(struct reading *r, struct program **ret_program)
{
    if (imap_take_word(r->p, "ALL") || imap_take_word(r->p, "SAVEDATESUPPORTED"))
        return make(r, PROGRAM_ALL, ret_program);
    if (imap_take_word(r->p, "HEADER"))
        return parse_header(r, ret_program);
    if (imap_take_word(r->p, "BODY"))
        return parse_text(r, PROGRAM_BODY, SPAN(""), ret_program);
    if (imap_take_word(r->p, "TEXT"))
        return parse_text(r, PROGRAM_TEXT, SPAN(""), ret_program);
    if (imap_take_word(r->p, "KEYWORD"))
        return parse_keyword(r, true, ret_program);
    if (imap_take_word(r->p, "UNKEYWORD"))
        return parse_keyword(r, false, ret_program);
    if (imap_take_word(r->p, "LARGER"))
        return parse_number_key(r, PROGRAM_LARGER, ret_program);
    if (imap_take_word(r->p, "SMALLER"))
        return parse_number_key(r, PROGRAM_SMALLER, ret_program);
    if (imap_take_word(r->p, "OLDER"))
        return parse_age(r, true, ret_program);
    if (imap_take_word(r->p, "YOUNGER"))
        return parse_age(r, false, ret_program);
    if (imap_take_word(r->p, "MODSEQ"))
        return parse_modseq(r, ret_program);
    if (imap_take_word(r->p, "EMAILID"))
        return parse_object_id(r, PROGRAM_ORIGIN, 'E', ret_program);
    if (imap_take_word(r->p, "THREADID"))
        return parse_object_id(r, PROGRAM_THREAD, 'T', ret_program);
    if (imap_take_word(r->p, "UID"))
        return imap_parse_sp(r->p) < 0 ? IMAP_BAD : parse_set(r, PROGRAM_UIDS, ret_program);
    return 1;
}

/* --- combinations ---------------------------------------------------------------------------- */

/* search-key *(SP search-key) */
static int parse_list(struct reading *r, int depth, struct program **ret_program)
{
    struct program *all = node(r, PROGRAM_AND), **end = all ? &all->children : NULL;
    int rc = all ? 0 : -ENOMEM;
    do {
        if (rc == 0)
            rc = parse_key(r, depth, end);
        if (rc == 0)
            end = &(*end)->next;
    } while (rc == 0 && imap_take(r->p, ' '));
    *ret_program = all;
    return rc;
}

static int parse_two(struct reading *r, int depth, struct program **ret_program)
{
    int rc = make(r, PROGRAM_OR, ret_program);
    if (rc == 0)
        rc = imap_parse_sp(r->p) < 0 ? IMAP_BAD : parse_key(r, depth, &(*ret_program)->children);
    if (rc == 0)
        rc = imap_parse_sp(r->p) < 0 ? IMAP_BAD
                                     : parse_key(r, depth, &(*ret_program)->children->next);
    return rc;
}

static int parse_combination(struct reading *r, int depth, struct program **ret_program)
{
    if (imap_take_word(r->p, "NOT")) {
        int rc = make(r, PROGRAM_NOT, ret_program);
        if (rc < 0)
            return rc;
        return imap_parse_sp(r->p) < 0 ? IMAP_BAD : parse_key(r, depth, &(*ret_program)->children);
    }
    if (imap_take_word(r->p, "OR"))
        return parse_two(r, depth, ret_program);
    if (!imap_take(r->p, '('))
        return 1;
    int rc = parse_list(r, depth, ret_program);
    return rc == 0 && !imap_take(r->p, ')') ? IMAP_BAD : rc;
}

/* Recurses at most PROGRAM_DEPTH_MAX deep. */
static int parse_key(struct reading *r, int depth, struct program **ret_program)
{
    if (depth == PROGRAM_DEPTH_MAX || ++r->keys > PROGRAM_KEYS_MAX)
        return ERR_FULL;
    int rc = parse_combination(r, depth + 1, ret_program);
    if (rc == 1)
        rc = parse_flag_key(r, ret_program);
    if (rc == 1)
        rc = parse_day_key(r, ret_program);
    if (rc == 1)
        rc = parse_field_key(r, ret_program);
    if (rc == 1)
        rc = parse_other_key(r, ret_program);
    return rc == 1 ? parse_set(r, PROGRAM_NUMBERS, ret_program) : rc;
}

/* charset SP. ERR_SYNTAX: it is not known. */
static int parse_charset(struct imap_parser *p)
{
    struct span charset;
    if (imap_parse_astring(p, &charset) < 0 || imap_parse_sp(p) < 0)
        return IMAP_BAD;
    if (!span_equal_nocase(charset, SPAN("UTF-8")) && !span_equal_nocase(charset, SPAN("US-ASCII")))
        return ERR_SYNTAX;
    return 0;
}

static int parse_all(struct imap_session *s, struct imap_parser *p, struct program **ret_program)
{
    struct reading r = {s, p, 0};
    int rc = parse_list(&r, 0, ret_program);
    return rc == 0 && !imap_at_end(p) ? IMAP_BAD : rc;
}

int program_parse(struct imap_session *s, struct imap_parser *p, struct program **ret_program)
{
    int rc = 0;
    if (imap_take_word(p, "CHARSET"))
        rc = imap_parse_sp(p) < 0 ? IMAP_BAD : parse_charset(p);
    return rc < 0 ? rc : parse_all(s, p, ret_program);
}

int program_parse_in_charset(struct imap_session *s, struct imap_parser *p,
                             struct program **ret_program)
{
    int rc = parse_charset(p);
    return rc < 0 ? rc : parse_all(s, p, ret_program);
}
