/*
 * The search index; see index.h.
 *
 * Rows of a block: HEADER says by which version it was packed and which columns are in it; slice i
 * holds, for bits i * SLICE and on, the mask of columns; LETTER + column is one letter's signature
 * behind the version.
 */
#include "box/index.h"

#include "box/box.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLICE      32 /* bits in a row */
#define MASK       (INDEX_BLOCK / 8)
#define SLICES     (SIGNATURE_BITS / SLICE)
#define HEADER     (-1)
#define LETTER     1000
#define PACKED_MIN 128 /* letters: fewer take less room as rows */
#define KEPT_MIN   64  /* fewer are unpacked */
#define ASKED      16  /* rows in one question */

#define OF_BLOCK   " WHERE tenant = :tenant AND mailbox = :mailbox AND block = :block"
#define OF_MAILBOX " WHERE tenant = :tenant AND mailbox = :mailbox"

static const struct db_statement read_parts = {
    .sql = "SELECT part, bits FROM search_index" OF_BLOCK
           " AND part IN (:a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o, :p)"};
static const struct db_statement read_letters = {
    .sql = "SELECT part, bits FROM search_index" OF_BLOCK " AND part >= 1000"};
static const struct db_statement insert_letter = {
    .sql = "INSERT INTO search_index (tenant, mailbox, block, part, bits)"
           " SELECT :tenant, :mailbox, :block, :part, :bits WHERE EXISTS (SELECT 1 FROM message"
           " WHERE tenant = :tenant AND mailbox = :mailbox AND uid = :uid)"
           " ON CONFLICT (tenant, mailbox, block, part) DO UPDATE SET bits = excluded.bits"};
static const struct db_statement insert_part = {
    .sql = "INSERT INTO search_index (tenant, mailbox, block, part, bits)"
           " VALUES (:tenant, :mailbox, :block, :part, :bits)"};
static const struct db_statement find_mailbox = {
    .sql = "SELECT 1 FROM mailbox WHERE tenant = :tenant AND id = :mailbox AND user_id <> 0"};
static const struct db_statement delete_block = {.sql = "DELETE FROM search_index" OF_BLOCK};
static const struct db_statement delete_part = {.sql = "DELETE FROM search_index" OF_BLOCK
                                                       " AND part = :part"};
static const struct db_statement delete_mailbox = {.sql = "DELETE FROM search_index" OF_MAILBOX};
static const struct db_statement find_part = {.sql = "SELECT bits FROM search_index" OF_BLOCK
                                                     " AND part = :part"};
static const struct db_statement count_messages = {.sql = "SELECT COUNT(*) FROM message" OF_MAILBOX
                                                          " AND uid >= :first AND uid <= :last"};

unsigned index_mask_count(const struct index_mask *mask)
{
    unsigned count = 0;
    for (unsigned i = 0; i < INDEX_BLOCK / 64; i++)
        count += (unsigned)__builtin_popcountll(mask->words[i]);
    return count;
}

static int start(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                 int64_t mailbox, struct db_query **ret_q)
{
    int rc = db_prepare(tx, statement, ret_q);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_q, "tenant", tenant);
    db_bind_int(*ret_q, "mailbox", mailbox);
    return 0;
}

static int start_block(struct db_tx *tx, const struct db_statement *statement,
                       const struct index_block *block, struct db_query **ret_q)
{
    int rc = start(tx, statement, block->tenant, block->mailbox, ret_q);
    if (rc == 0)
        db_bind_int(*ret_q, "block", block->number);
    return rc;
}

/* --- reading --------------------------------------------------------------------------------- */

static void read_mask(const void *bytes, struct index_mask *ret_mask)
{
    const unsigned char *at = bytes;
    *ret_mask = (struct index_mask){0};
    for (unsigned i = 0; i < MASK; i++)
        ret_mask->words[i / 8] |= (uint64_t)at[i] << 8 * (i % 8);
}

static bool is_current(struct span row, size_t len)
{
    return row.len == len + 1 && (unsigned char)row.at[0] == SIGNATURE_VERSION;
}

/* What a search asks, and what is answered. */
struct asking {
    const uint16_t *bits;
    size_t count;
    struct index_mask *may;
    bool has_header;
};

static void take_slice(struct asking *a, int64_t part, struct span row)
{
    if (row.len != SLICE * MASK)
        return;
    for (size_t i = 0; i < a->count; i++)
        if (a->bits[i] / SLICE == part)
            read_mask(row.at + a->bits[i] % SLICE * MASK, &a->may[i]);
}

/* The header and the slices of bits from *from on, as many as fit in. */
static int read_some_parts(struct db_tx *tx, struct index_block *block, struct asking *a,
                           size_t *from)
{
    int64_t parts[ASKED] = {HEADER}, last = HEADER;
    size_t count = 1;
    struct db_query *q;
    int rc = start_block(tx, &read_parts, block, &q);
    if (rc < 0)
        return rc;
    for (; *from < a->count && (count < ASKED || a->bits[*from] / SLICE == last); (*from)++)
        if (a->bits[*from] / SLICE != last)
            parts[count++] = last = a->bits[*from] / SLICE;
    for (size_t i = 0; i < ASKED; i++)
        db_bind_int(q, (char[2]){(char)('a' + i)}, parts[i < count ? i : 0]);
    while ((rc = db_step(q)) == DB_ROW) {
        int64_t part = db_column_int(q, 0);
        struct span row = db_column_bytes(q, 1);
        if (part != HEADER)
            take_slice(a, part, row);
        else if ((a->has_header = is_current(row, MASK)))
            read_mask(row.at + 1, &block->known);
    }
    return rc;
}

static int keep_letter(struct index_block *block, unsigned column, struct span row)
{
    if (!block->signatures)
        block->signatures = malloc(INDEX_BLOCK * sizeof *block->signatures);
    if (!block->signatures)
        return -ENOMEM;
    memcpy(block->signatures[column].bits, row.at + 1, SIGNATURE_BYTES);
    index_mask_set(&block->known, column);
    return 0;
}

static int read_unpacked(struct db_tx *tx, struct index_block *block)
{
    struct db_query *q;
    int rc = start_block(tx, &read_letters, block, &q);
    while (rc >= 0 && (rc = db_step(q)) == DB_ROW) {
        uint64_t column = (uint64_t)(db_column_int(q, 0) - LETTER);
        struct span row = db_column_bytes(q, 1);
        if (column < INDEX_BLOCK && is_current(row, SIGNATURE_BYTES))
            rc = keep_letter(block, (unsigned)column, row);
    }
    return rc;
}

static void ask_letters(const struct index_block *block, struct asking *a)
{
    for (size_t i = 0; i < a->count; i++)
        a->may[i] = (struct index_mask){0};
    for (unsigned column = 0; column < INDEX_BLOCK; column++) {
        if (!index_mask_has(&block->known, column))
            continue;
        for (size_t i = 0; i < a->count; i++)
            if (signature_has(block->signatures[column].bits, a->bits[i]))
                index_mask_set(&a->may[i], column);
    }
}

int index_read(struct db_tx *tx, struct index_block *block, const uint16_t *bits, size_t count,
               struct index_mask *ret_may)
{
    struct asking a = {bits, count, ret_may, false};
    size_t from = 0;
    for (size_t i = 0; i < count; i++) /* until a slice says otherwise */
        memset(&ret_may[i], 0xff, sizeof *ret_may);
    int rc = read_some_parts(tx, block, &a, &from);
    while (rc == 0 && a.has_header && from < count)
        rc = read_some_parts(tx, block, &a, &from);
    block->packed = a.has_header;
    if (rc == 0 && !block->packed)
        rc = read_unpacked(tx, block);
    if (rc == 0 && !block->packed)
        ask_letters(block, &a);
    for (size_t i = 0; i < count; i++)
        for (unsigned word = 0; word < INDEX_BLOCK / 64; word++)
            ret_may[i].words[word] |= ~block->known.words[word];
    return rc < 0 ? rc : 0;
}

/* --- making ---------------------------------------------------------------------------------- */

void index_free(struct index_block *block)
{
    free(block->signatures);
    free(block->slices);
    block->signatures = NULL;
    block->slices = NULL;
}

int index_add(struct index_block *block, unsigned column, const struct search_form *form)
{
    if (!block->signatures)
        block->signatures = malloc(INDEX_BLOCK * sizeof *block->signatures);
    if (!block->signatures)
        return -ENOMEM;
    signature_make(form, &block->signatures[column]);
    index_mask_set(&block->known, column);
    index_mask_set(&block->made, column);
    return 0;
}

/* Turned round: for each bit the mask of columns. */
static void pack(struct index_block *block)
{
    for (unsigned column = 0; column < INDEX_BLOCK; column++) {
        const unsigned char *bits = block->signatures[column].bits;
        unsigned char *slices = block->slices + column / 8;
        if (!index_mask_has(&block->known, column))
            continue;
        for (size_t byte = 0; byte < SIGNATURE_BYTES; byte++)
            for (unsigned left = bits[byte]; left; left &= left - 1)
                slices[(byte * 8 + (unsigned)__builtin_ctz(left)) * MASK] |=
                    (unsigned char)(1u << column % 8);
    }
}

bool index_finish(struct index_block *block, const struct index_mask *present, bool closed)
{
    bool whole = true, some = false;
    for (unsigned i = 0; i < INDEX_BLOCK / 64; i++) {
        whole = whole && !(present->words[i] & ~block->known.words[i]);
        some = some || block->made.words[i];
    }
    if (!block->packed && block->signatures && closed && whole &&
        index_mask_count(present) >= PACKED_MIN)
        block->slices = calloc(SIGNATURE_BITS, MASK);
    if (block->slices)
        pack(block);
    return block->slices || (some && !block->packed);
}

/* --- writing --------------------------------------------------------------------------------- */

static int write_part(struct db_tx *tx, const struct index_block *block, int64_t part,
                      struct span bits)
{
    struct db_query *q;
    int rc = start_block(tx, &insert_part, block, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "part", part);
    db_bind_bytes(q, "bits", bits);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

static int write_packed(struct db_tx *tx, const struct index_block *block)
{
    unsigned char header[1 + MASK] = {SIGNATURE_VERSION};
    struct db_query *q;
    for (unsigned i = 0; i < MASK; i++)
        header[1 + i] = (unsigned char)(block->known.words[i / 8] >> 8 * (i % 8));
    int rc = start_block(tx, &delete_block, block, &q);
    if (rc == 0)
        rc = db_run(q);
    if (rc >= 0)
        rc = write_part(tx, block, HEADER, span_make(header, sizeof header));
    for (size_t i = 0; rc >= 0 && i < SLICES; i++)
        rc = write_part(tx, block, (int64_t)i,
                        span_make(block->slices + i * SLICE * MASK, SLICE * MASK));
    return rc;
}

static int write_letter(struct db_tx *tx, const struct index_block *block, unsigned column)
{
    char row[1 + SIGNATURE_BYTES] = {SIGNATURE_VERSION};
    struct db_query *q;
    memcpy(row + 1, block->signatures[column].bits, SIGNATURE_BYTES);
    int rc = start_block(tx, &insert_letter, block, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "part", LETTER + column);
    db_bind_int(q, "uid", block->number * INDEX_BLOCK + column);
    db_bind_bytes(q, "bits", span_make(row, sizeof row));
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

/* 1, 0, or an error: the block's header, as this version writes it, is there. */
static int is_packed(struct db_tx *tx, const struct index_block *block)
{
    struct db_query *q;
    int rc = start_block(tx, &find_part, block, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "part", HEADER);
    rc = db_step(q);
    return rc == DB_ROW ? is_current(db_column_bytes(q, 0), MASK) : rc;
}

int index_write(struct db_tx *tx, void *arg)
{
    const struct index_block *block = arg;
    struct db_query *q;
    int rc = start(tx, &find_mailbox, block->tenant, block->mailbox, &q);
    if (rc == 0)
        rc = db_step(q);
    if (rc != DB_ROW) /* it has been removed meanwhile */
        return rc;
    rc = is_packed(tx, block);
    if (rc != 0) /* somebody else did it */
        return rc < 0 ? rc : 0;
    if (block->slices)
        return write_packed(tx, block);
    for (unsigned column = 0; rc >= 0 && column < INDEX_BLOCK; column++)
        if (index_mask_has(&block->made, column))
            rc = write_letter(tx, block, column);
    return rc;
}

/* --- forgetting ------------------------------------------------------------------------------ */

static int forget_letter(struct db_tx *tx, int64_t tenant, int64_t mailbox, int64_t uid)
{
    struct index_block block = {tenant, mailbox, uid / INDEX_BLOCK};
    struct db_query *q;
    int rc = start_block(tx, &delete_part, &block, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "part", LETTER + uid % INDEX_BLOCK);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

/* Goes where few letters are left: who searches them makes rows. */
static int thin_out(struct db_tx *tx, int64_t tenant, int64_t mailbox, int64_t number)
{
    struct index_block block = {tenant, mailbox, number};
    struct db_query *q;
    int rc = start_block(tx, &find_part, &block, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "part", HEADER);
    rc = db_step(q);
    if (rc == DB_ROW)
        rc = start(tx, &count_messages, tenant, mailbox, &q);
    else
        return rc;
    if (rc < 0)
        return rc;
    db_bind_int(q, "first", number * INDEX_BLOCK);
    db_bind_int(q, "last", number * INDEX_BLOCK + INDEX_BLOCK - 1);
    rc = db_step(q);
    if (rc < 0 || (rc == DB_ROW && db_column_int(q, 0) >= KEPT_MIN))
        return rc < 0 ? rc : 0;
    rc = start_block(tx, &delete_block, &block, &q);
    if (rc == 0)
        rc = db_run(q);
    return rc < 0 ? rc : 0;
}

int index_forget(struct db_tx *tx, int64_t tenant, int64_t mailbox, const int64_t *uids,
                 size_t count)
{
    int64_t thinned = -1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = forget_letter(tx, tenant, mailbox, uids[i]);
        if (rc == 0 && uids[i] / INDEX_BLOCK != thinned)
            rc = thin_out(tx, tenant, mailbox, thinned = uids[i] / INDEX_BLOCK);
    }
    return rc;
}

int index_forget_all(struct db_tx *tx, int64_t tenant, int64_t mailbox)
{
    struct db_query *q;
    int rc = start(tx, &delete_mailbox, tenant, mailbox, &q);
    if (rc == 0)
        rc = db_run(q);
    return rc < 0 ? rc : 0;
}
