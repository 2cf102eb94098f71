/* Summaries; see summary.h. A structure is the table's length in four bytes, the table, and
 * BODYSTRUCTURE. */
#include "box/summary.h"

#include "mail/envelope.h"
#include "mail/header.h"
#include "mail/structure.h"

#define LENGTH 4

int summary_make(struct span letter, struct summary *ret_summary)
{
    AUTO_BUFFER bodystructure = BUFFER(STRUCTURE_MAX);
    struct buffer *out = &ret_summary->structure;
    ret_summary->envelope = BUFFER(ENVELOPE_MAX);
    *out = BUFFER(STRUCTURE_MAX + STRUCTURE_TABLE_MAX + LENGTH);
    int rc = envelope_write(span_first(letter, header_length(letter)), &ret_summary->envelope);
    if (rc == 0)
        rc = buffer_append(out, span_make("\0\0\0", LENGTH));
    if (rc == 0)
        rc = structure_make(letter, out, &bodystructure);
    if (rc < 0)
        return rc;
    size_t table = out->len - LENGTH;
    for (unsigned i = 0; i < LENGTH; i++)
        out->at[i] = (char)(table >> 8 * (LENGTH - 1 - i));
    return buffer_append(out, buffer_span(&bodystructure));
}

void summary_free(struct summary *summary)
{
    buffer_free(&summary->envelope);
    buffer_free(&summary->structure);
}

int summary_split(struct span structure, struct span *ret_table, struct span *ret_bodystructure)
{
    size_t table = 0;
    if (structure.len < LENGTH)
        return ERR_CORRUPT;
    for (unsigned i = 0; i < LENGTH; i++)
        table = table << 8 | (unsigned char)structure.at[i];
    if (table > structure.len - LENGTH)
        return ERR_CORRUPT;
    *ret_table = span_make(structure.at + LENGTH, table);
    *ret_bodystructure = span_from(structure, LENGTH + table);
    return 0;
}
