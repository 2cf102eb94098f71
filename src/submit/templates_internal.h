/* What the files of templates share: where one stands, its row, its first version. Nobody outside
 * includes it. */
#ifndef SUBMIT_TEMPLATES_INTERNAL_H
#define SUBMIT_TEMPLATES_INTERNAL_H

#include "submit/templates.h"

#define TEMPLATES_ROWS_MAX  256
#define TEMPLATES_SPACE_MAX 512

struct template_place {
    int64_t tenant;
    struct span space, name;
};
/* Of the columns :tenant, :space, :name. */
void template_bind_place(struct db_query *q, const struct template_place *place);
/* May something stand there? -E2BIG, ERR_SYNTAX. */
must_check int template_check_place(const struct template_place *place);

/* A text of somebody else: -E2BIG past max bytes, ERR_SYNTAX when it is none. Long ones yield
 * before: checking takes its time. */
must_check int template_co_check_text(struct span text, size_t max);

/* In a job: its id and the id of its active version (0: none). ERR_ABSENT. */
struct template_row {
    int64_t id, active;
};
must_check int template_read_row(struct db_tx *tx, const struct template_place *place,
                                 struct template_row *ret_row);

/* template_version.c */
must_check int version_co_check(const struct stored_version *version);
/* In a job. ERR_EXISTS. */
must_check int version_insert(struct db_tx *tx, int64_t tenant, int64_t of, int64_t id,
                              int64_t now_ms, const struct stored_version *version);

#endif
