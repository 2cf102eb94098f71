/* Keywords; see keyword.h. */
#include "box/keyword.h"

#include <errno.h>
#include <string.h>

static const char *const common[KEYWORD_OWN_FIRST] = {
    [5] = "$Forwarded", [6] = "$MDNSent",    [7] = "$Junk",           [8] = "$NotJunk",
    [9] = "$Phishing",  [10] = "$Important", [11] = "$SubmitPending", [12] = "$Submitted",
    [13] = "Junk",      [14] = "NonJunk",
};

static const struct db_statement list_keywords = {
    .sql = "SELECT bit, name FROM keyword WHERE tenant = :tenant AND mailbox = :mailbox"
           " ORDER BY bit"};
static const struct db_statement insert_keyword = {
    .sql = "INSERT INTO keyword (tenant, mailbox, bit, name)"
           " VALUES (:tenant, :mailbox, :bit, :name)"};

struct listing {
    int64_t tenant, mailbox;
    struct arena *arena;
    struct keywords *keywords;
};

static int start_list(struct db_tx *tx, int64_t tenant, int64_t mailbox, struct db_query **ret_q)
{
    int rc = db_prepare(tx, &list_keywords, ret_q);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_q, "tenant", tenant);
    db_bind_int(*ret_q, "mailbox", mailbox);
    return 0;
}

static int read_keywords(struct db_tx *tx, void *arg)
{
    struct listing *l = arg;
    struct db_query *q;
    int rc = start_list(tx, l->tenant, l->mailbox, &q);
    if (rc < 0)
        return rc;
    memcpy(l->keywords->names, common, sizeof common);
    memset(l->keywords->names + KEYWORD_OWN_FIRST, 0, sizeof l->keywords->names - sizeof common);
    while ((rc = db_step(q)) == DB_ROW) {
        int64_t bit = db_column_int(q, 0);
        if (bit < KEYWORD_OWN_FIRST || bit >= KEYWORD_END)
            return ERR_CORRUPT;
        l->keywords->names[bit] = arena_copy(l->arena, db_column_bytes(q, 1)).at;
        if (!l->keywords->names[bit])
            return -ENOMEM;
    }
    return rc;
}

int keyword_co_read(struct store *store, int64_t tenant, int64_t mailbox, struct arena *arena,
                    struct keywords *ret_keywords)
{
    struct listing l = {tenant, mailbox, arena, ret_keywords};
    return store_co_read(store, read_keywords, &l);
}

int keyword_find(const struct keywords *keywords, struct span name)
{
    for (int bit = KEYWORD_FIRST; bit < KEYWORD_END; bit++)
        if (keywords->names[bit] && span_equal_nocase(span_of(keywords->names[bit]), name))
            return bit;
    return -1;
}

static int find_common(struct span name)
{
    for (int bit = KEYWORD_FIRST; bit < KEYWORD_OWN_FIRST; bit++)
        if (common[bit] && span_equal_nocase(span_of(common[bit]), name))
            return bit;
    return -1;
}

/* The bit of a name in the mailbox, or with -1 the first free one. */
static int find_own(struct db_tx *tx, int64_t tenant, int64_t mailbox, struct span name,
                    int *ret_bit, int *ret_free)
{
    struct db_query *q;
    int rc = start_list(tx, tenant, mailbox, &q);
    *ret_bit = -1;
    *ret_free = KEYWORD_OWN_FIRST;
    if (rc < 0)
        return rc;
    while ((rc = db_step(q)) == DB_ROW) {
        *ret_free = (int)db_column_int(q, 0) + 1;
        if (span_equal_nocase(db_column_bytes(q, 1), name))
            *ret_bit = (int)db_column_int(q, 0);
    }
    return rc;
}

int keyword_take(struct db_tx *tx, int64_t tenant, int64_t mailbox, struct span name, int *ret_bit)
{
    struct db_query *q;
    int bit = find_common(name), free_bit, rc = 0;
    if (bit < 0)
        rc = find_own(tx, tenant, mailbox, name, &bit, &free_bit);
    if (rc < 0 || bit >= 0) {
        *ret_bit = bit;
        return rc;
    }
    if (free_bit == KEYWORD_END)
        return ERR_FULL;
    rc = db_prepare(tx, &insert_keyword, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "mailbox", mailbox);
    db_bind_int(q, "bit", free_bit);
    db_bind_text(q, "name", name);
    rc = db_run(q);
    *ret_bit = free_bit;
    return rc < 0 ? rc : 0;
}

static const struct db_statement find_name = {
    .sql = "SELECT name FROM keyword WHERE tenant = :tenant AND mailbox = :mailbox AND bit = :bit"};

static int translate_bit(struct db_tx *tx, int64_t tenant, int64_t from, int64_t to, int bit,
                         int *ret_bit)
{
    char name[KEYWORD_NAME_MAX + 1];
    struct db_query *q;
    int rc = db_prepare(tx, &find_name, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "mailbox", from);
    db_bind_int(q, "bit", bit);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    if (!span_to_text(db_column_bytes(q, 0), name, sizeof name))
        return ERR_CORRUPT;
    return keyword_take(tx, tenant, to, span_of(name), ret_bit);
}

int keyword_translate(struct db_tx *tx, int64_t tenant, int64_t from, int64_t to, uint64_t flags,
                      uint64_t *ret_flags)
{
    uint64_t result = flags & ((UINT64_C(1) << KEYWORD_OWN_FIRST) - 1);
    for (int bit = KEYWORD_OWN_FIRST; bit < KEYWORD_END; bit++) {
        int other;
        if (!(flags & UINT64_C(1) << bit))
            continue;
        int rc = from == to ? 0 : translate_bit(tx, tenant, from, to, bit, &other);
        if (rc < 0 && rc != ERR_FULL && rc != ERR_ABSENT)
            return rc;
        if (rc == 0)
            result |= UINT64_C(1) << (from == to ? bit : other);
    }
    *ret_flags = result;
    return 0;
}
