/*
 * What IMAP shows of letters, for test_imap_letter.py: on standard input a line with a length and
 * so many bytes, a letter each; on standard output a line "ENVELOPE-length BODYSTRUCTURE-length
 * BODY-length sections" and those bytes, then for each section that part numbers reach a line
 * "numbers begin end mime-begin decoded-length" and the decoded bytes.
 */
#include "mail/envelope.h"
#include "mail/section.h"

#include <stdio.h>
#include <stdlib.h>

#define DEPTH 40

static void must(int rc)
{
    if (rc < 0) {
        fprintf(stderr, "imap_letter: %s\n", error_text(rc));
        exit(2);
    }
}

static bool read_letter(struct buffer *letter)
{
    size_t len;
    buffer_clear(letter);
    if (scanf("%zu", &len) != 1 || getchar() != '\n')
        return false;
    must(buffer_reserve(letter, len));
    letter->len = fread(letter->at, 1, len, stdin);
    return letter->len == len;
}

/* Decoded in pieces of seven bytes; what has an unknown encoding, not. */
static void decode(struct span bytes, enum structure_encoding encoding, struct buffer *out)
{
    struct section_decoder d;
    if (section_decode_begin(&d, encoding) < 0) {
        must(buffer_append(out, bytes));
        return;
    }
    for (; bytes.len; bytes = span_from(bytes, 7))
        must(section_decode(&d, span_first(bytes, 7), out));
    must(section_decode_end(&d, out));
}

static void write_section(struct span letter, struct span table, struct section *section,
                          const struct section_range *range, struct buffer *out)
{
    AUTO_BUFFER decoded = BUFFER((size_t)1 << 26);
    struct section_range mime;
    section->kind = SECTION_MIME;
    must(section_find(table, section, &mime));
    section->kind = SECTION_ALL;
    decode(span_first(span_from(letter, range->begin), range->end - range->begin), range->encoding,
           &decoded);
    for (size_t i = 0; i < section->count; i++)
        must(buffer_printf(out, "%s%u", i ? "." : "", section->numbers[i]));
    must(buffer_printf(out, " %zu %zu %zu %zu\n", range->begin, range->end, mime.begin,
                       decoded.len));
    must(buffer_append(out, buffer_span(&decoded)));
}

static unsigned write_sections(struct span letter, struct span table, struct buffer *out)
{
    uint32_t numbers[DEPTH + 1] = {1};
    struct section section = {SECTION_ALL, numbers, 1};
    struct section_range range;
    unsigned found = 0;
    while (section.count) {
        int rc = section_find(table, &section, &range);
        if (rc == ERR_ABSENT) {
            if (--section.count)
                numbers[section.count - 1]++;
            continue;
        }
        must(rc);
        write_section(letter, table, &section, &range, out);
        found++;
        numbers[section.count++] = 1;
    }
    return found;
}

static void write_letter(struct span letter)
{
    AUTO_BUFFER table = BUFFER(STRUCTURE_TABLE_MAX), structure = BUFFER(STRUCTURE_MAX);
    AUTO_BUFFER body = BUFFER(STRUCTURE_MAX), envelope = BUFFER(ENVELOPE_MAX);
    AUTO_BUFFER sections = BUFFER((size_t)1 << 28);
    struct section header = {.kind = SECTION_HEADER};
    struct section_range range;
    must(structure_make(letter, &table, &structure));
    must(structure_write_body(buffer_span(&structure), &body));
    must(section_find(buffer_span(&table), &header, &range));
    must(envelope_write(span_first(letter, range.end), &envelope));
    unsigned count = write_sections(letter, buffer_span(&table), &sections);
    printf("%zu %zu %zu %u\n", envelope.len, structure.len, body.len, count);
    fwrite(envelope.at, 1, envelope.len, stdout);
    fwrite(structure.at, 1, structure.len, stdout);
    fwrite(body.at, 1, body.len, stdout);
    fwrite(sections.at, 1, sections.len, stdout);
}

int main(void)
{
    struct buffer letter = BUFFER((size_t)1 << 26);
    while (read_letter(&letter))
        write_letter(buffer_span(&letter));
    buffer_free(&letter);
    return 0;
}
