/* Commands of IMAP as they come, literals included: words lie within the text, sets are in order.
 */
#include "fuzz.h"

#include "imap/fetch.h"

static void check_set(const struct imap_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        CLAIM(set->ranges[i].first <= set->ranges[i].last);
        CLAIM(imap_set_has(set, set->ranges[i].first) && imap_set_has(set, set->ranges[i].last));
        CLAIM(i == 0 || set->ranges[i - 1].last < set->ranges[i].first - 1);
    }
}

static void check_fetch(const struct fetch *f)
{
    CLAIM(f->section_count <= FETCH_SECTIONS_MAX);
    for (size_t i = 0; i < f->section_count; i++)
        for (size_t k = 0; k < f->sections[i].section.count; k++)
            CLAIM(f->sections[i].section.numbers[k] > 0);
}

static void try_words(struct imap_parser p)
{
    struct span word;
    int64_t number;
    while (!imap_at_end(&p)) {
        const char *before = p.at;
        if (imap_parse_astring(&p, &word) < 0 && imap_parse_flag(&p, &word) < 0 &&
            imap_parse_date_time(&p, &number) < 0 && imap_parse_date(&p, &number) < 0)
            p.at = before + 1;
        CLAIM(p.at > before || p.at == p.end);
        if (p.at == before)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA arena = ARENA((size_t)4 * 1024 * 1024);
    struct span text = span_make(data, size), tag;
    struct imap_parser p = {text.at, text.at + text.len, &arena};
    static struct fetch f;
    struct imap_literal literal;
    struct imap_set set;
    if (imap_find_literal(text, &literal))
        CLAIM(literal.header <= text.len);
    try_words(p);
    if (imap_parse_tag(&p, &tag) < 0 || imap_parse_sp(&p) < 0)
        return 0;
    CLAIM(lies_within(tag, text));
    if (imap_parse_set(&p, 1000, &set) < 0 || imap_parse_sp(&p) < 0)
        return 0;
    check_set(&set);
    f = (struct fetch){0};
    if (fetch_parse(&p, &f) == 0)
        check_fetch(&f);
    return 0;
}
