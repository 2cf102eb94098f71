/* The grammar of FETCH's items: macros, attributes, sections, modifiers; see fetch.h. */
#include "imap/fetch.h"

#include <errno.h>
#include <stdio.h>

#define NAMES_MAX 256

/* --- sections -------------------------------------------------------------------------------- */

/* "(" header-fld-name *(SP header-fld-name) ")" */
static int parse_names(struct imap_parser *p, struct fetch_section *one)
{
    struct span *names = arena_alloc(p->arena, NAMES_MAX * sizeof *names);
    if (!names)
        return -ENOMEM;
    if (imap_parse_sp(p) < 0 || !imap_take(p, '('))
        return IMAP_BAD;
    do {
        if (one->name_count == NAMES_MAX || imap_parse_astring(p, &names[one->name_count++]) < 0)
            return IMAP_BAD;
    } while (imap_take(p, ' '));
    one->names = names;
    one->fields = true;
    return imap_take(p, ')') ? 0 : IMAP_BAD;
}

static int parse_kind(struct imap_parser *p, struct fetch_section *one)
{
    if (imap_take_word(p, "HEADER.FIELDS.NOT"))
        one->without = true;
    else if (!imap_take_word(p, "HEADER.FIELDS")) {
        one->section.kind = imap_take_word(p, "HEADER") ? SECTION_HEADER
                            : imap_take_word(p, "TEXT") ? SECTION_TEXT
                            : imap_take_word(p, "MIME") ? SECTION_MIME
                                                        : SECTION_ALL;
        bool numbered = one->section.count > 0;
        return one->section.kind == SECTION_ALL || (one->section.kind == SECTION_MIME && !numbered)
                   ? IMAP_BAD
                   : 0;
    }
    one->section.kind = SECTION_HEADER;
    return parse_names(p, one);
}

/* "[" numbers, kind "]" */
static int parse_section(struct imap_parser *p, struct fetch_section *one)
{
    uint32_t *numbers = arena_alloc(p->arena, FETCH_NUMBERS_MAX * sizeof *numbers);
    bool more = true;
    if (!numbers)
        return -ENOMEM;
    one->section = (struct section){.kind = SECTION_ALL, .numbers = numbers};
    if (imap_take(p, ']'))
        return 0;
    while (more && p->at < p->end && ascii_is_digit(*p->at)) {
        if (one->section.count == FETCH_NUMBERS_MAX ||
            imap_parse_nz_number(p, &numbers[one->section.count++]) < 0)
            return IMAP_BAD;
        more = imap_take(p, '.');
    }
    if (more) {
        int rc = one->what == FETCH_BODY ? parse_kind(p, one) : IMAP_BAD;
        if (rc < 0)
            return rc;
    }
    return imap_take(p, ']') ? 0 : IMAP_BAD;
}

/* "<" number "." nz-number ">" */
static int parse_partial(struct imap_parser *p, struct fetch_section *one)
{
    one->length = UINT64_MAX;
    if (one->what == FETCH_BINARY_SIZE || !imap_take(p, '<'))
        return 0;
    one->partial = true;
    if (imap_parse_number(p, &one->offset) < 0 || !imap_take(p, '.') ||
        imap_parse_number(p, &one->length) < 0 || one->length == 0 || !imap_take(p, '>'))
        return IMAP_BAD;
    return 0;
}

/* How the answer names it: as asked, without PEEK and without the partial's length. */
static int write_label(struct imap_parser *p, struct fetch_section *one, struct span asked)
{
    static const char *const names[] = {"BODY", "BINARY", "BINARY.SIZE"};
    AUTO_BUFFER label = BUFFER(IMAP_COMMAND_MAX);
    int rc = buffer_printf(&label, "%s%.*s", names[one->what], SPAN_PRINT(asked));
    if (rc == 0 && one->partial)
        rc = buffer_printf(&label, "<%llu>", (unsigned long long)one->offset);
    one->label = arena_copy(p->arena, buffer_span(&label));
    return rc < 0 ? rc : one->label.at ? 0 : -ENOMEM;
}

/* Behind "BODY[" and its kin. */
static int take_section(struct imap_parser *p, struct fetch *f, enum fetch_what what, bool peek)
{
    if (f->section_count == FETCH_SECTIONS_MAX)
        return IMAP_BAD;
    struct fetch_section *one = &f->sections[f->section_count++];
    *one = (struct fetch_section){.what = what};
    const char *start = p->at - 1;
    int rc = parse_section(p, one);
    struct span asked = span_make(start, (size_t)(p->at - start));
    if (rc == 0)
        rc = parse_partial(p, one);
    if (!peek && what != FETCH_BINARY_SIZE)
        f->sets_seen = true;
    return rc < 0 ? rc : write_label(p, one, asked);
}

/* RFC822, RFC822.HEADER, RFC822.TEXT of RFC 3501. */
static int take_old(struct fetch *f, const char *label, enum section_kind kind, bool seen)
{
    if (f->section_count == FETCH_SECTIONS_MAX)
        return IMAP_BAD;
    f->sections[f->section_count++] = (struct fetch_section){
        .section = {.kind = kind}, .length = UINT64_MAX, .label = span_of(label)};
    f->sets_seen = f->sets_seen || seen;
    return 0;
}

/* --- items ----------------------------------------------------------------------------------- */

/* "BODY.PEEK[" and the like: the name and the bracket. */
static bool take_open(struct imap_parser *p, const char *name)
{
    struct imap_parser tried = *p;
    if (!span_starts_nocase(span_make(p->at, (size_t)(p->end - p->at)), span_of(name)))
        return false;
    tried.at += span_of(name).len;
    if (!imap_take(&tried, '[') || imap_hides_word(p->hidden, name))
        return false;
    *p = tried;
    return true;
}

/* Behind "PREVIEW": [SP "(" "LAZY" ")"] (RFC 8970 3.2). Previews are stored, so nobody has to wait.
 */
static void take_lazy(struct imap_parser *p)
{
    struct imap_parser tried = *p;
    if (imap_take(&tried, ' ') && imap_take(&tried, '(') && imap_take_word(&tried, "LAZY") &&
        imap_take(&tried, ')'))
        *p = tried; /* else it may be FETCH's own modifiers */
}

static int parse_item(struct imap_parser *p, struct fetch *f)
{
    const struct {
        const char *name;
        bool *on;
    } plain[] = {{"ENVELOPE", &f->envelope},
                 {"FLAGS", &f->flags},
                 {"INTERNALDATE", &f->internaldate},
                 {"RFC822.SIZE", &f->size},
                 {"BODYSTRUCTURE", &f->bodystructure},
                 {"UID", &f->uid},
                 {"MODSEQ", &f->modseq},
                 {"SAVEDATE", &f->savedate},
                 {"EMAILID", &f->emailid},
                 {"THREADID", &f->threadid}};
    const struct {
        const char *name;
        enum fetch_what what;
        bool peek;
    } open[] = {{"BODY", FETCH_BODY, false},
                {"BODY.PEEK", FETCH_BODY, true},
                {"BINARY", FETCH_BINARY, false},
                {"BINARY.PEEK", FETCH_BINARY, true},
                {"BINARY.SIZE", FETCH_BINARY_SIZE, true}};
    for (unsigned i = 0; i < sizeof open / sizeof *open; i++)
        if (take_open(p, open[i].name))
            return take_section(p, f, open[i].what, open[i].peek);
    for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (imap_take_word(p, plain[i].name)) {
            *plain[i].on = true;
            return 0;
        }
    }
    if (imap_take_word(p, "PREVIEW")) {
        f->preview = true;
        take_lazy(p);
        return 0;
    }
    if (imap_take_word(p, "BODY")) {
        f->body = true;
        return 0;
    }
    if (imap_take_word(p, "RFC822.HEADER"))
        return take_old(f, "RFC822.HEADER", SECTION_HEADER, false);
    if (imap_take_word(p, "RFC822.TEXT"))
        return take_old(f, "RFC822.TEXT", SECTION_TEXT, true);
    if (imap_take_word(p, "RFC822"))
        return take_old(f, "RFC822", SECTION_ALL, true);
    return IMAP_BAD;
}

static bool take_macro(struct imap_parser *p, struct fetch *f)
{
    bool full = imap_take_word(p, "FULL"), all = full || imap_take_word(p, "ALL");
    if (!all && !imap_take_word(p, "FAST"))
        return false;
    f->flags = f->internaldate = f->size = true;
    f->envelope = all;
    f->body = full;
    return true;
}

/* (CHANGEDSINCE n [VANISHED]) */
static int parse_modifiers(struct imap_parser *p, struct fetch *f)
{
    uint64_t modseq;
    f->changed_since = -1;
    if (imap_at_end(p))
        return 0;
    if (imap_parse_sp(p) < 0 || !imap_take(p, '('))
        return IMAP_BAD;
    do {
        if (imap_take_word(p, "CHANGEDSINCE")) {
            if (imap_parse_sp(p) < 0 || imap_parse_number(p, &modseq) < 0)
                return IMAP_BAD;
            f->changed_since = (int64_t)modseq;
            f->modseq = true;
        } else if (imap_take_word(p, "VANISHED")) {
            f->vanished = true;
        } else {
            return IMAP_BAD;
        }
    } while (imap_take(p, ' '));
    if (f->vanished && f->changed_since < 0)
        return IMAP_BAD;
    return imap_take(p, ')') ? imap_parse_end(p) : IMAP_BAD;
}

int fetch_parse(struct imap_parser *p, struct fetch *ret_fetch)
{
    struct fetch *f = ret_fetch;
    int rc = 0;
    if (imap_take(p, '(')) {
        do {
            rc = parse_item(p, f);
        } while (rc == 0 && imap_take(p, ' '));
        if (rc == 0 && !imap_take(p, ')'))
            rc = IMAP_BAD;
    } else if (!take_macro(p, f)) {
        rc = parse_item(p, f);
    }
    return rc < 0 ? rc : parse_modifiers(p, f);
}
