/*
 * Which mailbox a letter for "user+detail" goes to: a folder of that name, if the user has one. A
 * detail is a stranger's word: it is only ever compared, and makes nothing.
 */
#include "box/internal.h"

#include "base/utf8.h"

#include <string.h>

#define OF_USER " FROM mailbox WHERE tenant = :tenant AND user_id = :user"
static const struct db_statement find_exactly = {.sql =
                                                     "SELECT id, name" OF_USER " AND name = :name"};
/* lower() of SQLite knows ASCII alone, and so shall PostgreSQL's. */
static const struct db_statement find_in_any_case = {
    .sql = "SELECT id, name" OF_USER " AND lower(name) IN (:name, :levels)"
           " ORDER BY CASE WHEN lower(name) = :name THEN 0 ELSE 1 END, name LIMIT 1",
    .postgres = "SELECT id, name" OF_USER " AND lower(name COLLATE \"C\") IN (:name, :levels)"
                " ORDER BY CASE WHEN lower(name COLLATE \"C\") = :name THEN 0 ELSE 1 END,"
                " name COLLATE \"C\" LIMIT 1"};

static int begin(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                 int64_t user, struct span name, struct db_query **ret_q)
{
    int rc = db_prepare(tx, statement, ret_q);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_q, "tenant", tenant);
    db_bind_int(*ret_q, "user", user);
    db_bind_text(*ret_q, "name", name);
    return 0;
}

static int take(struct db_query *q, int64_t *ret_mailbox)
{
    int rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *ret_mailbox = db_column_int(q, 0);
    return 0;
}

int box_find(struct db_tx *tx, int64_t tenant, int64_t user, struct span name, int64_t *ret_mailbox)
{
    struct db_query *q;
    int rc = begin(tx, &find_exactly, tenant, user, name, &q);
    return rc < 0 ? rc : take(q, ret_mailbox);
}

static int find_nearly(struct db_tx *tx, int64_t tenant, int64_t user, struct span name,
                       struct span levels, int64_t *ret_mailbox, char *ret_name)
{
    char lower[BOX_DETAIL_MAX], lower_levels[BOX_DETAIL_MAX];
    struct db_query *q;
    for (size_t i = 0; i < name.len; i++) {
        lower[i] = ascii_lower(name.at[i]);
        lower_levels[i] = ascii_lower(levels.at[i]);
    }
    int rc = begin(tx, &find_in_any_case, tenant, user, span_make(lower, name.len), &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "levels", span_make(lower_levels, name.len));
    rc = take(q, ret_mailbox);
    if (rc == 0)
        memcpy(ret_name, db_column_bytes(q, 1).at, name.len);
    return rc;
}

int box_find_detail(struct db_tx *tx, int64_t tenant, int64_t user, struct span detail,
                    int64_t *ret_mailbox, char *ret_name)
{
    char levels[BOX_DETAIL_MAX];
    if (detail.len == 0 || detail.len > BOX_DETAIL_MAX || !utf8_is_text(detail))
        return ERR_ABSENT;
    for (size_t i = 0; i < detail.len; i++)
        levels[i] = detail.at[i] == '.' ? '/' : detail.at[i];
    const struct span tries[] = {detail, span_make(levels, detail.len)};
    int rc = ERR_ABSENT;
    for (unsigned i = 0; rc == ERR_ABSENT && i < 2; i++) {
        rc = box_find(tx, tenant, user, tries[i], ret_mailbox);
        if (rc == 0)
            memcpy(ret_name, tries[i].at, detail.len);
    }
    return rc == ERR_ABSENT
               ? find_nearly(tx, tenant, user, tries[0], tries[1], ret_mailbox, ret_name)
               : rc;
}
