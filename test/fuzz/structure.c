/* BODYSTRUCTURE, BODY, the table and sections: the grammar, and offsets that agree. */
#include "imap_answer.h"

#include "mail/section.h"

static size_t find(struct span table, uint32_t *numbers, size_t count, enum section_kind kind,
                   struct section_range *ret_range, size_t size)
{
    struct section section = {kind, numbers, count};
    int rc = section_find(table, &section, ret_range);
    CLAIM(rc == 0 || rc == ERR_ABSENT);
    CLAIM(rc < 0 || (ret_range->begin <= ret_range->end && ret_range->end <= size));
    return rc == 0;
}

/* All numbers that there are, depth first; numbers of one part follow each other. */
static unsigned count_sections(struct span table, size_t size)
{
    uint32_t numbers[ANSWER_DEPTH + 1] = {1};
    size_t count = 1;
    unsigned found = 0;
    struct section_range range, header, text;
    while (count) {
        if (!find(table, numbers, count, SECTION_ALL, &range, size)) {
            if (--count)
                numbers[count - 1]++;
            continue;
        }
        found++;
        CLAIM(find(table, numbers, count, SECTION_MIME, &header, size));
        CLAIM(header.end == range.begin);
        if (find(table, numbers, count, SECTION_HEADER, &header, size)) {
            CLAIM(find(table, numbers, count, SECTION_TEXT, &text, size));
            CLAIM(header.begin == range.begin && header.end == text.begin);
            CLAIM(text.end == range.end);
        }
        CLAIM(count < ANSWER_DEPTH);
        numbers[count++] = 1;
    }
    return found;
}

static void check_table(struct span table, int count, size_t size)
{
    struct structure_walk walk;
    struct structure_part part;
    int seen = 0, rc;
    CLAIM(structure_begin(table, &walk) == 0);
    while ((rc = structure_next(&walk, &part)) > 0) {
        CLAIM(part.number == seen && part.parent < seen && (part.parent < 0) == (seen == 0));
        CLAIM(part.header <= part.body && part.body <= part.end && part.end <= size);
        seen++;
    }
    CLAIM(rc == 0 && seen == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUFFER table = BUFFER(STRUCTURE_TABLE_MAX), structure = BUFFER(STRUCTURE_MAX);
    AUTO_BUFFER body = BUFFER(STRUCTURE_MAX);
    struct section_range range;
    int count = structure_make(span_make(data, size), &table, &structure);
    CLAIM(count >= 1 && count <= STRUCTURE_PARTS_MAX);
    check_table(buffer_span(&table), count, size);
    struct span rest = buffer_span(&structure);
    answer_body(&rest, true, 0);
    CLAIM(rest.len == 0);
    CLAIM(structure_write_body(buffer_span(&structure), &body) == 0);
    rest = buffer_span(&body);
    answer_body(&rest, false, 0);
    CLAIM(rest.len == 0);
    CLAIM(find(buffer_span(&table), NULL, 0, SECTION_ALL, &range, size) && range.end == size);
    count_sections(buffer_span(&table), size);
    /* bytes that are no table, and no BODYSTRUCTURE */
    struct section section = {SECTION_ALL, (uint32_t[]){1, 2}, 2};
    int rc = section_find(span_make(data, size), &section, &range);
    CLAIM(rc == ERR_CORRUPT || rc == ERR_ABSENT || (rc == 0 && range.begin <= range.end));
    buffer_clear(&body);
    rc = structure_write_body(span_make(data, size), &body);
    CLAIM(rc == 0 || rc == ERR_CORRUPT);
    return 0;
}
