/* Versions of templates in the store; see templates.h. */
#include "base/clock.h"
#include "base/id.h"
#include "submit/templates_internal.h"

#include <errno.h>

/* --- writing --------------------------------------------------------------------------------- */

static const struct db_statement insert_version = {
    .sql = "INSERT INTO submit_version (tenant, template, id, tag, title, created_ms, updated_ms,"
           " subject, meta, test_data, text, html, amp) VALUES (:tenant, :template, :id, :tag,"
           " :title, :now, :now, :subject, :meta, :test_data, :text, :html, :amp)"
           " ON CONFLICT (tenant, template, tag) DO NOTHING"};
static const struct db_statement change_version = {
    .sql = "UPDATE submit_version SET title = :title, updated_ms = :now, subject = :subject,"
           " meta = :meta, test_data = :test_data, text = :text, html = :html, amp = :amp"
           " WHERE tenant = :tenant AND template = :template AND tag = :tag RETURNING id"};
static const struct db_statement delete_version = {
    .sql = "DELETE FROM submit_version"
           " WHERE tenant = :tenant AND template = :template AND tag = :tag RETURNING id"};
static const struct db_statement count_versions = {
    .sql = "SELECT COUNT(*) FROM submit_version WHERE tenant = :tenant AND template = :template"};
static const struct db_statement touch_template = {
    .sql = "UPDATE submit_template SET active = :active, updated_ms = :now"
           " WHERE tenant = :tenant AND id = :id"};

struct writing {
    struct template_place place;
    const struct stored_version *version; /* or, when it goes: */
    struct span tag;
    int64_t id; /* of a new one */
    int64_t now_ms;
};

int version_co_check(const struct stored_version *v)
{
    const struct {
        struct span text;
        size_t max;
    } list[] = {
        {v->tag, TEMPLATES_NAME_MAX},        {v->title, TEMPLATES_TITLE_MAX},
        {v->subject, TEMPLATES_SUBJECT_MAX}, {v->text, TEMPLATES_BODY_MAX},
        {v->html, TEMPLATES_BODY_MAX},       {v->amp, TEMPLATES_BODY_MAX},
        {v->test_data, TEMPLATES_META_MAX},  {v->meta, TEMPLATES_META_MAX},
    };
    int rc = v->tag.len ? 0 : ERR_SYNTAX;
    for (unsigned i = 0; rc == 0 && i < sizeof list / sizeof *list; i++)
        rc = template_co_check_text(list[i].text, list[i].max);
    return rc;
}

/* What inserting and changing have in common. */
static int prepare(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                   int64_t of, int64_t now_ms, const struct stored_version *v,
                   struct db_query **ret_query)
{
    int rc = db_prepare(tx, statement, ret_query);
    if (rc < 0)
        return rc;
    struct db_query *q = *ret_query;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "template", of);
    db_bind_int(q, "now", now_ms);
    db_bind_text(q, "tag", v->tag);
    db_bind_text(q, "title", v->title);
    db_bind_bytes(q, "subject", v->subject);
    db_bind_bytes(q, "meta", v->meta);
    db_bind_bytes(q, "test_data", v->test_data);
    db_bind_bytes(q, "text", v->text);
    db_bind_bytes(q, "html", v->html);
    db_bind_bytes(q, "amp", v->amp);
    return 0;
}

int version_insert(struct db_tx *tx, int64_t tenant, int64_t of, int64_t id, int64_t now_ms,
                   const struct stored_version *version)
{
    struct db_query *q;
    int rc = prepare(tx, &insert_version, tenant, of, now_ms, version, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", id);
    rc = db_run(q);
    return rc < 0 ? rc : rc > 0 ? 0 : ERR_EXISTS;
}

/* Which one is active now. Every change of a version ends here: on two nodes it meets a removal of
 * the template in that row. */
static int touch(struct db_tx *tx, const struct writing *w, int64_t template, int64_t active)
{
    struct db_query *q;
    int rc = db_prepare(tx, &touch_template, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", w->place.tenant);
    db_bind_int(q, "id", template);
    db_bind_int(q, "active", active);
    db_bind_int(q, "now", w->now_ms);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

static int count(struct db_tx *tx, int64_t tenant, int64_t of, int64_t *ret_count)
{
    struct db_query *q;
    int rc = db_prepare(tx, &count_versions, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "template", of);
    rc = db_step(q);
    if (rc == DB_ROW)
        *ret_count = db_column_int(q, 0);
    return rc < 0 ? rc : 0;
}

static int add(struct db_tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct template_row row;
    int64_t there = 0;
    int rc = template_read_row(tx, &w->place, &row);
    if (rc == 0)
        rc = count(tx, w->place.tenant, row.id, &there);
    if (rc == 0 && there >= TEMPLATES_VERSIONS_MAX)
        rc = -E2BIG;
    if (rc == 0)
        rc = version_insert(tx, w->place.tenant, row.id, w->id, w->now_ms, w->version);
    return rc < 0 ? rc : touch(tx, w, row.id, w->version->active ? w->id : row.active);
}

/* Of a statement that returns the id of the one row it has changed. */
static int run_for_id(struct db_query *q, int64_t *ret_id)
{
    int rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *ret_id = db_column_int(q, 0);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

static int change(struct db_tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct template_row row;
    struct db_query *q = NULL;
    int64_t id = 0;
    int rc = template_read_row(tx, &w->place, &row);
    if (rc == 0)
        rc = prepare(tx, &change_version, w->place.tenant, row.id, w->now_ms, w->version, &q);
    if (rc == 0)
        rc = run_for_id(q, &id);
    if (rc < 0)
        return rc;
    int64_t other = row.active == id ? 0 : row.active;
    return touch(tx, w, row.id, w->version->active ? id : other);
}

static int take_out(struct db_tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct template_row row;
    struct db_query *q = NULL;
    int64_t id = 0;
    int rc = template_read_row(tx, &w->place, &row);
    if (rc == 0)
        rc = db_prepare(tx, &delete_version, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", w->place.tenant);
    db_bind_int(q, "template", row.id);
    db_bind_text(q, "tag", w->tag);
    rc = run_for_id(q, &id);
    return rc < 0 ? rc : touch(tx, w, row.id, row.active == id ? 0 : row.active);
}

static int co_write(struct store *store, db_job *apply, const struct template_place *place,
                    const struct stored_version *version)
{
    struct writing w = {
        .place = *place, .version = version, .id = id_next(), .now_ms = clock_wall_ms()};
    int rc = template_check_place(place);
    if (rc == 0)
        rc = version_co_check(version);
    return rc < 0 ? rc : store_co_write(store, apply, &w);
}

int templates_co_version_add(struct store *store, int64_t tenant, struct span space,
                             struct span name, const struct stored_version *version)
{
    return co_write(store, add, &(struct template_place){tenant, space, name}, version);
}

int templates_co_version_change(struct store *store, int64_t tenant, struct span space,
                                struct span name, const struct stored_version *version)
{
    return co_write(store, change, &(struct template_place){tenant, space, name}, version);
}

int templates_co_version_remove(struct store *store, int64_t tenant, struct span space,
                                struct span name, struct span tag)
{
    struct writing w = {.place = {tenant, space, name}, .tag = tag, .now_ms = clock_wall_ms()};
    return store_co_write(store, take_out, &w);
}

/* --- reading --------------------------------------------------------------------------------- */

#define SHORT_COLUMNS                                                                              \
    "SELECT v.tag, v.title, v.subject, v.meta, v.test_data, v.created_ms, v.updated_ms,"           \
    " v.id = t.active"
#define WITH_BODIES ", v.text, v.html, v.amp"
#define OF_TEMPLATE                                                                                \
    " FROM submit_template t JOIN submit_version v ON v.tenant = t.tenant AND v.template = t.id"   \
    " WHERE t.tenant = :tenant AND t.space = :space AND t.name = :name"

static const struct db_statement find_by_tag = {.sql = SHORT_COLUMNS WITH_BODIES OF_TEMPLATE
                                                " AND v.tag = :tag"};
static const struct db_statement find_active = {.sql = SHORT_COLUMNS WITH_BODIES OF_TEMPLATE
                                                " AND v.id = t.active"};
static const struct db_statement list_versions = {.sql = SHORT_COLUMNS OF_TEMPLATE
                                                  " ORDER BY v.id LIMIT :limit"};

struct reading {
    struct template_place place;
    struct span tag;
    struct arena *arena;
    struct stored_version *list;
    size_t count;
};

static bool keep(struct arena *arena, struct db_query *q, int column, struct span *ret_text)
{
    *ret_text = arena_copy(arena, db_column_bytes(q, column));
    return ret_text->at != NULL;
}

static int take_version(struct db_query *q, struct arena *arena, bool bodies,
                        struct stored_version *v)
{
    *v = (struct stored_version){.created_ms = db_column_int(q, 5),
                                 .updated_ms = db_column_int(q, 6),
                                 .active = db_column_int(q, 7) != 0};
    bool ok = keep(arena, q, 0, &v->tag) && keep(arena, q, 1, &v->title) &&
              keep(arena, q, 2, &v->subject) && keep(arena, q, 3, &v->meta) &&
              keep(arena, q, 4, &v->test_data);
    if (ok && bodies)
        ok = keep(arena, q, 8, &v->text) && keep(arena, q, 9, &v->html) &&
             keep(arena, q, 10, &v->amp);
    return ok ? 0 : -ENOMEM;
}

static int find(struct db_tx *tx, void *arg)
{
    struct reading *r = arg;
    struct db_query *q;
    int rc = db_prepare(tx, r->tag.len ? &find_by_tag : &find_active, &q);
    if (rc < 0)
        return rc;
    template_bind_place(q, &r->place);
    if (r->tag.len)
        db_bind_text(q, "tag", r->tag);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    return take_version(q, r->arena, true, r->list);
}

int templates_co_version_find(struct store *store, int64_t tenant, struct span space,
                              struct span name, struct span tag, struct arena *arena,
                              struct stored_version *ret_version)
{
    struct stored_version version;
    struct reading r = {
        .place = {tenant, space, name}, .tag = tag, .arena = arena, .list = &version};
    int rc = store_co_read(store, find, &r);
    if (rc == 0)
        *ret_version = version;
    return rc;
}

static int list_on(struct db_tx *tx, void *arg)
{
    struct reading *r = arg;
    struct template_row row;
    struct db_query *q = NULL;
    int rc = template_read_row(tx, &r->place, &row);
    if (rc == 0)
        rc = db_prepare(tx, &list_versions, &q);
    if (rc < 0)
        return rc;
    r->count = 0;
    template_bind_place(q, &r->place);
    db_bind_int(q, "limit", TEMPLATES_ROWS_MAX);
    while ((rc = db_step(q)) == DB_ROW) {
        rc = take_version(q, r->arena, false, &r->list[r->count++]);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int templates_co_version_list(struct store *store, int64_t tenant, struct span space,
                              struct span name, struct arena *arena,
                              struct stored_version **ret_list, size_t *ret_count)
{
    struct reading r = {.place = {tenant, space, name}, .arena = arena};
    r.list = arena_alloc(arena, TEMPLATES_ROWS_MAX * sizeof *r.list);
    int rc = r.list ? store_co_scan(store, list_on, &r) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_list = r.list;
    *ret_count = r.count;
    return 0;
}
