/* Templates in the store; see templates.h. Their versions are in template_version.c. */
#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"
#include "run/co.h"
#include "submit/templates_internal.h"

#include <errno.h>

#define LONG_TEXT ((size_t)64 * 1024)
/* Versions that go in one job: together with their bodies they may have 28 MB. */
#define REMOVED_TOGETHER 8

/* --- shared with versions -------------------------------------------------------------------- */

static const struct db_statement find_row = {
    .sql = "SELECT id, active FROM submit_template"
           " WHERE tenant = :tenant AND space = :space AND name = :name"};

void template_bind_place(struct db_query *q, const struct template_place *place)
{
    db_bind_int(q, "tenant", place->tenant);
    db_bind_text(q, "space", place->space);
    db_bind_text(q, "name", place->name);
}

int template_read_row(struct db_tx *tx, const struct template_place *place,
                      struct template_row *ret_row)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_row, &q);
    if (rc < 0)
        return rc;
    template_bind_place(q, place);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *ret_row = (struct template_row){db_column_int(q, 0), db_column_int(q, 1)};
    return 0;
}

static int check_name(struct span name, size_t max)
{
    if (name.len > max)
        return -E2BIG;
    return name.len && utf8_is_text(name) ? 0 : ERR_SYNTAX;
}

int template_check_place(const struct template_place *place)
{
    int rc = check_name(place->space, TEMPLATES_SPACE_MAX);
    return rc < 0 ? rc : check_name(place->name, TEMPLATES_NAME_MAX);
}

int template_co_check_text(struct span text, size_t max)
{
    if (text.len > max)
        return -E2BIG;
    int rc = text.len > LONG_TEXT ? co_pause() : 0;
    return rc < 0 ? rc : utf8_is_text(text) ? 0 : ERR_SYNTAX;
}

/* --- adding and changing --------------------------------------------------------------------- */

static const struct db_statement insert_template = {
    .sql = "INSERT INTO submit_template (tenant, id, space, name, title, active, created_ms,"
           " updated_ms, meta) VALUES (:tenant, :id, :space, :name, :title, :active, :now, :now,"
           " :meta) ON CONFLICT (tenant, space, name) DO NOTHING"};
static const struct db_statement change_template = {
    .sql = "UPDATE submit_template SET title = :title, meta = :meta, updated_ms = :now"
           " WHERE tenant = :tenant AND space = :space AND name = :name"};

struct writing {
    struct template_place place;
    const struct stored_template *one;
    const struct stored_version *version; /* its first, or NULL */
    int64_t id, version_id, now_ms;
};

static int co_check(const struct writing *w)
{
    int rc = template_check_place(&w->place);
    if (rc == 0)
        rc = template_co_check_text(w->one->title, TEMPLATES_TITLE_MAX);
    if (rc == 0)
        rc = template_co_check_text(w->one->meta, TEMPLATES_META_MAX);
    if (rc == 0 && w->version)
        rc = version_co_check(w->version);
    return rc;
}

static int prepare(struct db_tx *tx, const struct db_statement *statement, const struct writing *w,
                   struct db_query **ret_query)
{
    int rc = db_prepare(tx, statement, ret_query);
    if (rc < 0)
        return rc;
    template_bind_place(*ret_query, &w->place);
    db_bind_text(*ret_query, "title", w->one->title);
    db_bind_bytes(*ret_query, "meta", w->one->meta);
    db_bind_int(*ret_query, "now", w->now_ms);
    return 0;
}

static int add(struct db_tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct db_query *q;
    int rc = prepare(tx, &insert_template, w, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", w->id);
    db_bind_int(q, "active", w->version_id);
    rc = db_run(q);
    if (rc <= 0)
        return rc < 0 ? rc : ERR_EXISTS;
    if (!w->version)
        return 0;
    return version_insert(tx, w->place.tenant, w->id, w->version_id, w->now_ms, w->version);
}

static int change(struct db_tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct db_query *q;
    int rc = prepare(tx, &change_template, w, &q);
    if (rc < 0)
        return rc;
    rc = db_run(q);
    return rc < 0 ? rc : rc > 0 ? 0 : ERR_ABSENT;
}

static int co_add(struct store *store, int64_t tenant, struct span space,
                  const struct stored_template *one, const struct stored_version *version)
{
    struct writing w = {.place = {tenant, space, one->name},
                        .one = one,
                        .version = version,
                        .id = id_next(),
                        .version_id = version ? id_next() : 0,
                        .now_ms = clock_wall_ms()};
    int rc = co_check(&w);
    return rc < 0 ? rc : store_co_write(store, add, &w);
}

int templates_co_add(struct store *store, int64_t tenant, struct span space,
                     const struct stored_template *one)
{
    return co_add(store, tenant, space, one, NULL);
}

int templates_co_add_with(struct store *store, int64_t tenant, struct span space,
                          const struct stored_template *one, const struct stored_version *version)
{
    return co_add(store, tenant, space, one, version);
}

int templates_co_change(struct store *store, int64_t tenant, struct span space,
                        const struct stored_template *one)
{
    struct writing w = {.place = {tenant, space, one->name}, .one = one, .now_ms = clock_wall_ms()};
    int rc = co_check(&w);
    return rc < 0 ? rc : store_co_write(store, change, &w);
}

/* --- removing -------------------------------------------------------------------------------- */

static const struct db_statement delete_versions = {
    .sql = "DELETE FROM submit_version WHERE tenant = :tenant AND template = :id AND id IN"
           " (SELECT v.id FROM submit_version v WHERE v.tenant = :tenant AND v.template = :id"
           " ORDER BY v.id LIMIT :limit)"};
static const struct db_statement delete_template = {
    .sql = "DELETE FROM submit_template WHERE tenant = :tenant AND id = :id"};

static int delete_from(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                       int64_t id)
{
    struct db_query *q;
    int rc = db_prepare(tx, statement, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", id);
    if (statement == &delete_versions)
        db_bind_int(q, "limit", REMOVED_TOGETHER);
    return db_run(q);
}

/* 1: there may be more of it. */
static int take_out(struct db_tx *tx, void *arg)
{
    const struct template_place *place = arg;
    struct template_row row;
    int rc = template_read_row(tx, place, &row);
    if (rc == 0)
        rc = delete_from(tx, &delete_versions, place->tenant, row.id);
    if (rc == REMOVED_TOGETHER)
        return 1;
    if (rc >= 0)
        rc = delete_from(tx, &delete_template, place->tenant, row.id);
    return rc < 0 ? rc : 0;
}

int templates_co_remove(struct store *store, int64_t tenant, struct span space, struct span name)
{
    struct template_place place = {tenant, space, name};
    int rc = store_co_write(store, take_out, &place);
    if (rc <= 0)
        return rc;
    while (rc > 0)
        rc = store_co_write(store, take_out, &place);
    return rc == ERR_ABSENT ? 0 : rc; /* somebody else has removed the rest */
}

/* --- finding --------------------------------------------------------------------------------- */

#define TEMPLATE_COLUMNS "SELECT id, created_ms, updated_ms, name, title, meta FROM submit_template"
#define OF_SPACE         " WHERE tenant = :tenant AND space = :space"

static const struct db_statement find_template = {.sql = TEMPLATE_COLUMNS OF_SPACE
                                                  " AND name = :name"};
static const struct db_statement list_after = {.sql = TEMPLATE_COLUMNS OF_SPACE
                                               " AND name > :name ORDER BY name LIMIT :limit"};
static const struct db_statement list_before = {
    .sql = TEMPLATE_COLUMNS OF_SPACE " AND name < :name ORDER BY name DESC LIMIT :limit"};
static const struct db_statement list_last = {.sql = TEMPLATE_COLUMNS OF_SPACE
                                              " ORDER BY name DESC LIMIT :limit"};
static const struct db_statement count_templates = {
    .sql = "SELECT COUNT(*) FROM submit_template" OF_SPACE};

struct reading {
    struct template_place place; /* the name: what is sought, or stands before it in the list */
    const struct db_statement *statement;
    unsigned limit;
    struct arena *arena;
    struct stored_template *list;
    size_t count;
};

static int take_template(struct db_query *q, struct arena *arena, struct stored_template *one)
{
    *one = (struct stored_template){.id = db_column_int(q, 0),
                                    .created_ms = db_column_int(q, 1),
                                    .updated_ms = db_column_int(q, 2),
                                    .name = arena_copy(arena, db_column_bytes(q, 3)),
                                    .title = arena_copy(arena, db_column_bytes(q, 4)),
                                    .meta = arena_copy(arena, db_column_bytes(q, 5))};
    return one->name.at && one->title.at && one->meta.at ? 0 : -ENOMEM;
}

static int find(struct db_tx *tx, void *arg)
{
    struct reading *r = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_template, &q);
    if (rc < 0)
        return rc;
    template_bind_place(q, &r->place);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    return take_template(q, r->arena, r->list);
}

int templates_co_find(struct store *store, int64_t tenant, struct span space, struct span name,
                      struct arena *arena, struct stored_template *ret_one)
{
    struct stored_template one;
    struct reading r = {.place = {tenant, space, name}, .arena = arena, .list = &one};
    int rc = store_co_read(store, find, &r);
    if (rc == 0)
        *ret_one = one;
    return rc;
}

static int list_on(struct db_tx *tx, void *arg)
{
    struct reading *r = arg;
    struct db_query *q;
    int rc = db_prepare(tx, r->statement, &q);
    if (rc < 0)
        return rc;
    r->count = 0;
    db_bind_int(q, "tenant", r->place.tenant);
    db_bind_text(q, "space", r->place.space);
    if (r->statement != &list_last)
        db_bind_text(q, "name", r->place.name);
    db_bind_int(q, "limit", r->limit);
    while ((rc = db_step(q)) == DB_ROW) {
        rc = take_template(q, r->arena, &r->list[r->count++]);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int templates_co_list(struct store *store, int64_t tenant, struct span space, struct span after,
                      bool backwards, unsigned limit, struct arena *arena,
                      struct stored_template **ret_list, size_t *ret_count)
{
    struct reading r = {.place = {tenant, space, after},
                        .statement = !backwards  ? &list_after
                                     : after.len ? &list_before
                                                 : &list_last,
                        .limit = limit < TEMPLATES_ROWS_MAX ? limit : TEMPLATES_ROWS_MAX,
                        .arena = arena};
    r.list = arena_alloc(arena, r.limit * sizeof *r.list);
    int rc = r.list ? store_co_scan(store, list_on, &r) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_list = r.list;
    *ret_count = r.count;
    return 0;
}

static int count_on(struct db_tx *tx, void *arg)
{
    struct reading *r = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &count_templates, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", r->place.tenant);
    db_bind_text(q, "space", r->place.space);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_STORE;
    r->count = (size_t)db_column_int(q, 0);
    return 0;
}

int templates_co_count(struct store *store, int64_t tenant, struct span space, size_t *ret_count)
{
    struct reading r = {.place = {.tenant = tenant, .space = space}};
    int rc = store_co_scan(store, count_on, &r);
    if (rc == 0)
        *ret_count = r.count;
    return rc;
}
