/* The bytes of letters; see letter.h. */
#include "imap/letter.h"

#include "box/summary.h"

#define AHEAD_BYTES ((size_t)256 * 1024)

void letter_begin(struct letter_reader *r, const struct box_message *messages, size_t count)
{
    r->messages = messages;
    r->count = count;
    r->ahead_count = 0;
    letter_choose(r, 0);
}

void letter_choose(struct letter_reader *r, size_t at)
{
    r->at = at;
    r->read = false;
}

void letter_free(struct letter_reader *r)
{
    buffer_free(&r->rows);
    buffer_free(&r->whole);
}

static uint64_t blob_octets(const struct box_message *message)
{
    return message->octets - message->head.len;
}

uint64_t letter_blob_octets(const struct letter_reader *r)
{
    return blob_octets(&r->messages[r->at]);
}

/* This one and those behind it, as many as fit. */
static int co_read_ahead(struct letter_reader *r)
{
    size_t bytes = 0, count = 0;
    while (count < LETTER_AHEAD && r->at + count < r->count) {
        uint64_t octets = blob_octets(&r->messages[r->at + count]);
        if (octets > BLOB_INLINE_MAX || bytes + octets > AHEAD_BYTES)
            break;
        bytes += octets;
        r->ahead[count].blob = r->messages[r->at + count].blob;
        count++;
    }
    buffer_clear(&r->rows);
    r->rows.cap = 2 * AHEAD_BYTES;
    r->ahead_first = r->at;
    r->ahead_count = 0;
    int rc = blob_co_read_rows(r->store, r->tenant, r->ahead, count, &r->rows);
    r->ahead_count = rc < 0 ? 0 : count;
    return rc;
}

/* The row of this letter, read ahead; NULL where it is not to be had so. */
static int co_find_row(struct letter_reader *r, const struct blob_row **ret_row)
{
    int rc = 0;
    *ret_row = NULL;
    if (letter_blob_octets(r) > BLOB_INLINE_MAX)
        return 0;
    if (r->at < r->ahead_first || r->at >= r->ahead_first + r->ahead_count)
        rc = co_read_ahead(r);
    if (rc == 0 && r->ahead[r->at - r->ahead_first].in_row)
        *ret_row = &r->ahead[r->at - r->ahead_first];
    return rc;
}

static int co_read(struct letter_reader *r)
{
    const struct blob_row *row;
    int rc = co_find_row(r, &row);
    if (rc < 0)
        return rc;
    if (row) {
        r->letter = span_make(r->rows.at + row->begin, row->end - row->begin);
    } else {
        buffer_clear(&r->whole);
        r->whole.cap = SUMMARY_LETTER_MAX;
        rc = blob_co_read(r->store, r->tenant, r->messages[r->at].blob, 0,
                          (size_t)letter_blob_octets(r), &r->whole);
        r->letter = buffer_span(&r->whole);
    }
    if (rc == 0 && r->letter.len != letter_blob_octets(r))
        rc = ERR_CORRUPT;
    r->read = rc == 0;
    return rc;
}

int letter_co_whole(struct letter_reader *r, struct span *ret_letter)
{
    int rc = r->read ? 0 : co_read(r);
    if (rc == 0)
        *ret_letter = r->letter;
    return rc;
}

int letter_co_append(struct letter_reader *r, uint64_t begin, uint64_t end, struct buffer *out)
{
    const struct box_message *m = &r->messages[r->at];
    struct span head = m->head, letter = SPAN("");
    int rc = 0;
    if (begin < head.len) {
        uint64_t stop = end < head.len ? end : head.len;
        rc = buffer_append(out, span_make(head.at + begin, (size_t)(stop - begin)));
        begin = stop;
    }
    if (rc < 0 || begin >= end)
        return rc;
    begin -= head.len;
    end -= head.len;
    if (r->read || letter_blob_octets(r) <= LETTER_WHOLE_MAX) {
        rc = letter_co_whole(r, &letter);
        return rc < 0 ? rc
                      : buffer_append(out, span_make(letter.at + begin, (size_t)(end - begin)));
    }
    size_t had = out->len;
    rc = blob_co_read(r->store, r->tenant, m->blob, begin, (size_t)(end - begin), out);
    return rc == 0 && out->len - had != end - begin ? ERR_CORRUPT : rc;
}
