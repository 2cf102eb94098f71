/* Summaries; see summary.h. A structure is the table's length in four bytes, the table, and
 * BODYSTRUCTURE. */
#include "box/summary.h"

#include "mail/envelope.h"
#include "mail/header.h"
#include "mail/message_id.h"
#include "mail/text.h"

#include <errno.h>
#include <sodium.h>

#define LENGTH 4
#define EMPTY  "\r\n" /* what a letter that is too large looks like */

/* --- threads --------------------------------------------------------------------------------- */

/* No secret key: every node, and this program after a restore, must find the same number; and who
 * wants a letter of his in somebody's conversation need only name its Message-ID. BLAKE2b rather
 * than a short hash, so that different conversations do not meet by anybody's design. */
int64_t summary_thread(struct span root)
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    uint64_t thread = 0;
    crypto_generichash(hash, sizeof hash, (const unsigned char *)root.at, root.len, NULL, 0);
    for (unsigned i = 0; i < sizeof thread; i++)
        thread = thread << 8 | hash[i];
    thread &= INT64_MAX;
    return thread ? (int64_t)thread : 1;
}

int64_t summary_thread_alone(int64_t origin)
{
    unsigned char bytes[sizeof origin];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)((uint64_t)origin >> 8 * i);
    return summary_thread(span_make(bytes, sizeof bytes));
}

/* --- making ---------------------------------------------------------------------------------- */

/* The first words, or none where the letter has no text. */
static int make_preview(struct span letter, struct span table, struct buffer *out)
{
    struct structure_part part;
    int rc = text_find_preview(table, &part);
    if (rc == ERR_ABSENT)
        return 0;
    if (rc < 0)
        return rc;
    return text_preview(&part, span_make(letter.at + part.header, part.body - part.header),
                        span_make(letter.at + part.body, part.end - part.body), out);
}

int summary_make(struct span letter, struct summary *ret_summary)
{
    AUTO_BUFFER bodystructure = BUFFER(STRUCTURE_MAX);
    struct buffer *out = &ret_summary->structure;
    struct span header = span_first(letter, header_length(letter));
    *ret_summary =
        (struct summary){.envelope = BUFFER(ENVELOPE_MAX),
                         .structure = BUFFER(STRUCTURE_MAX + STRUCTURE_TABLE_MAX + LENGTH),
                         .preview = BUFFER(TEXT_PREVIEW_MAX),
                         .ids = BUFFER(MESSAGE_IDS_MAX)};
    int rc = envelope_write(header, &ret_summary->envelope);
    if (rc == 0)
        rc = message_ids_write(header, &ret_summary->ids);
    if (rc == 0)
        rc = buffer_append(out, span_make("\0\0\0", LENGTH));
    if (rc == 0)
        rc = structure_make(letter, out, &bodystructure);
    if (rc < 0)
        return rc;
    size_t table = out->len - LENGTH;
    for (unsigned i = 0; i < LENGTH; i++)
        out->at[i] = (char)(table >> 8 * (LENGTH - 1 - i));
    rc = make_preview(letter, span_make(out->at + LENGTH, table), &ret_summary->preview);
    struct span root = message_ids_root(buffer_span(&ret_summary->ids));
    ret_summary->thread = root.len ? summary_thread(root) : 0;
    return rc < 0 ? rc : buffer_append(out, buffer_span(&bodystructure));
}

static int make(struct span letter, void *arg)
{
    return summary_make(letter, arg);
}

int summary_co_make(struct blob_writer *body, struct summary *ret_summary)
{
    *ret_summary = (struct summary){0};
    if (blob_writer_size(body) > SUMMARY_LETTER_MAX)
        return summary_make(SPAN(EMPTY), ret_summary);
    return blob_co_writer_use(body, make, ret_summary);
}

int summary_co_make_stored(struct store *store, int64_t tenant, int64_t blob,
                           struct summary *ret_summary)
{
    *ret_summary = (struct summary){0};
    int rc = blob_co_use(store, tenant, blob, SUMMARY_LETTER_MAX, make, ret_summary);
    return rc == -EFBIG ? summary_make(SPAN(EMPTY), ret_summary) : rc;
}

void summary_free(struct summary *summary)
{
    buffer_free(&summary->envelope);
    buffer_free(&summary->structure);
    buffer_free(&summary->preview);
    buffer_free(&summary->ids);
}

void summary_show(const struct summary *summary, struct box_message *message)
{
    message->envelope = buffer_span(&summary->envelope);
    message->structure = buffer_span(&summary->structure);
    message->preview = buffer_span(&summary->preview);
    message->ids = buffer_span(&summary->ids);
    message->thread = summary->thread;
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
