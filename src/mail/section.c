/* Sections of a letter; see section.h. */
#include "mail/section.h"

#include "mail/header.h"

/* --- which bytes ----------------------------------------------------------------------------- */

struct search {
    struct structure_walk walk; /* stands behind part */
    struct structure_part part; /* found so far */
    bool is_letter;             /* the whole one or the one within a part, not a part itself */
};

/* The n-th part within the one found. Its siblings and what they hold come behind it in the table:
 * one walk finds the whole path. */
static int find_child(struct search *s, uint32_t n)
{
    struct structure_part part;
    int rc;
    while ((rc = structure_next(&s->walk, &part)) > 0)
        if (part.parent == s->part.number && n-- == 1) {
            s->part = part;
            return 0;
        }
    return rc < 0 ? rc : ERR_ABSENT;
}

/* From a message/rfc822 part to the letter within. */
static int enter_letter(struct search *s)
{
    if (s->part.kind != MIME_MESSAGE)
        return ERR_ABSENT;
    s->is_letter = true;
    return find_child(s, 1);
}

/* A number counts the parts of a multipart; what is none has one part, its text. */
static int find_number(struct search *s, uint32_t n)
{
    int rc = 0;
    if (!s->is_letter && s->part.kind == MIME_MESSAGE)
        rc = enter_letter(s);
    if (rc < 0)
        return rc;
    bool was_letter = s->is_letter;
    s->is_letter = false;
    if (s->part.kind == MIME_MULTIPART)
        return find_child(s, n);
    return was_letter && n == 1 ? 0 : ERR_ABSENT;
}

static int find_range(struct search *s, enum section_kind kind, struct section_range *ret_range)
{
    const struct structure_part *part = &s->part;
    int rc = 0;
    if (kind == SECTION_MIME && s->is_letter)
        return ERR_ABSENT;
    if (!s->is_letter && (kind == SECTION_HEADER || kind == SECTION_TEXT))
        rc = enter_letter(s);
    if (rc < 0)
        return rc;
    bool from_header = s->is_letter ? kind != SECTION_TEXT : kind == SECTION_MIME;
    bool to_body = kind == SECTION_HEADER || kind == SECTION_MIME;
    *ret_range = (struct section_range){
        .begin = from_header ? part->header : part->body,
        .end = to_body ? part->body : part->end,
        .encoding = kind == SECTION_ALL && !s->is_letter ? part->encoding : STRUCTURE_PLAIN,
    };
    return 0;
}

int section_find(struct span table, const struct section *section, struct section_range *ret_range)
{
    struct search s = {.is_letter = true};
    int rc = structure_begin(table, &s.walk);
    if (rc == 0)
        rc = structure_next(&s.walk, &s.part);
    if (rc <= 0)
        return ERR_CORRUPT;
    rc = 0;
    for (size_t i = 0; rc == 0 && i < section->count; i++)
        rc = find_number(&s, section->numbers[i]);
    return rc < 0 ? rc : find_range(&s, section->kind, ret_range);
}

/* --- fields ---------------------------------------------------------------------------------- */

static bool is_in(struct span name, const struct span *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal_nocase(name, names[i]))
            return true;
    return false;
}

int section_write_fields(struct span header, const struct span *names, size_t count, bool without,
                         struct buffer *out)
{
    struct header_field field;
    int rc = 0;
    while (rc == 0 && header_next(&header, &field)) {
        if (is_in(field.name, names, count) == without)
            continue;
        rc = buffer_append(out, field.raw);
        if (rc == 0 && field.raw.at[field.raw.len - 1] != '\n') /* the letter ended there */
            rc = buffer_append_text(out, "\r\n");
    }
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}
