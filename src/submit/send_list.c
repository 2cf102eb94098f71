/* Who gets a call's letter: addresses checked, then a plan for what goes at once, or rows of the
 * queue for what waits or is merged when it leaves; see send_internal.h. */
#include "submit/send_internal.h"

#include "base/id.h"
#include "base/random.h"
#include "reputation/suppression.h"
#include "run/co.h"
#include "submit/package.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define VARIABLES_MAX ((size_t)256 * 1024) /* of one recipient */
#define PAUSE_AFTER   50                   /* recipients looked up */

static const char *const list_names[] = {"to", "cc", "bcc"};

static const struct compose_list *list_of(const struct content_group *group, int which)
{
    return which == 0 ? &group->to : which == 1 ? &group->cc : &group->bcc;
}

/* --- checking -------------------------------------------------------------------------------- */

static int check_list(struct sending *s, size_t group, int which)
{
    const struct compose_list *list = list_of(&s->send->groups[group], which);
    for (size_t i = 0; i < list->count; i++) {
        const char *why = address_check(&list->at[i]);
        if (!why && address_needs_utf8(&list->at[i]))
            why = "letters beyond ASCII before the @ are not delivered yet";
        s->result->group = group;
        s->result->list = list_names[which];
        s->result->index = i;
        if (why)
            return sending_fail(s, SEND_BAD_ADDRESS, ERR_SYNTAX, "%s", why);
    }
    s->result->recipients += list->count;
    return 0;
}

int sending_check_groups(struct sending *s)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->send->group_count; i++) {
        size_t before = s->result->recipients;
        for (int which = 0; rc == 0 && which < 3; which++)
            rc = check_list(s, i, which);
        if (rc == 0 && s->result->recipients == before)
            return sending_fail(s, SEND_NO_RECIPIENTS, ERR_SYNTAX, "There are no recipients");
    }
    if (rc == 0 && s->result->recipients == 0)
        return sending_fail(s, SEND_NO_RECIPIENTS, ERR_SYNTAX, "There are no recipients");
    if (rc == 0 && s->result->recipients > SEND_RECIPIENTS_MAX)
        return sending_fail(s, SEND_TOO_MANY_RECIPIENTS, -E2BIG, "More than %d recipients",
                            SEND_RECIPIENTS_MAX);
    return rc;
}

/* --- paths ----------------------------------------------------------------------------------- */

/* "local@domain" in the arena, the domain folded. */
static int make_path(struct sending *s, const struct mailbox *box, struct span *ret_path,
                     struct span *ret_domain)
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    AUTO_BUFFER path = BUFFER(ADDRESS_TEXT_MAX + 8);
    int rc = address_fold_domain(box->domain, folded);
    if (rc == 0)
        rc = buffer_append(&path, box->local);
    if (rc == 0)
        rc = buffer_append_byte(&path, '@');
    if (rc == 0)
        rc = buffer_append_text(&path, folded);
    if (rc < 0)
        return rc;
    *ret_path = arena_copy(&s->arena, buffer_span(&path));
    *ret_domain = span_from(*ret_path, box->local.len + 1);
    return ret_path->at ? 0 : -ENOMEM;
}

/* --- whom not to write to -------------------------------------------------------------------- */

/* All paths of the call, in order. */
static int gather_paths(struct sending *s, struct span *paths)
{
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < s->send->group_count; i++)
        for (int which = 0; which < 3; which++) {
            const struct compose_list *list = list_of(&s->send->groups[i], which);
            for (size_t k = 0; rc == 0 && k < list->count; k++) {
                struct span domain;
                rc = make_path(s, &list->at[k], &paths[count++], &domain);
            }
        }
    return rc;
}

static int sending_co_find_suppressed(struct sending *s)
{
    size_t count = s->result->recipients;
    struct span *paths = arena_alloc(&s->arena, count * sizeof *paths);
    s->suppressed = arena_alloc(&s->arena, count * sizeof *s->suppressed);
    int rc = paths && s->suppressed ? gather_paths(s, paths) : -ENOMEM;
    for (size_t first = 0; rc == 0 && first < count; first += SUPPRESSION_BATCH) {
        bool found[SUPPRESSION_BATCH];
        size_t some = count - first < SUPPRESSION_BATCH ? count - first : SUPPRESSION_BATCH;
        rc = suppression_co_check(s->door->store, s->send->who->tenant, paths + first, some, found);
        for (size_t i = 0; rc == 0 && i < some; i++)
            if (found[i])
                s->suppressed[s->result->suppressed++] = paths[first + i];
    }
    return rc;
}

static bool is_suppressed(const struct sending *s, struct span path)
{
    for (size_t i = 0; i < s->result->suppressed; i++)
        if (span_equal(s->suppressed[i], path))
            return true;
    return false;
}

/* --- at once --------------------------------------------------------------------------------- */

static int sending_co_resolve(struct sending *s, const struct mailbox *box,
                              struct letter_recipient *recipient)
{
    struct span domain;
    int rc = make_path(s, box, &recipient->forward_path, &domain);
    if (rc < 0)
        return rc;
    rc = directory_co_resolve(s->door->directory, box->local, domain, &s->arena,
                              &recipient->targets, &recipient->count);
    if (rc < 0 || rc == DIRECTORY_LOCAL)
        return rc < 0 ? rc : 0;
    /* elsewhere; or nobody of ours, which delivery finds out and tells */
    recipient->targets = arena_alloc(&s->arena, sizeof *recipient->targets);
    if (!recipient->targets)
        return -ENOMEM;
    *recipient->targets = (struct directory_target){.tenant = s->send->who->tenant,
                                                    .address = recipient->forward_path};
    recipient->count = 1;
    return 0;
}

static int sending_co_plan(struct sending *s)
{
    const struct content_group *group = s->send->groups;
    struct letter_recipient *list = arena_zero(&s->arena, s->result->recipients * sizeof *list);
    size_t count = 0;
    int rc = list ? 0 : -ENOMEM;
    for (int which = 0; rc == 0 && which < 3; which++)
        for (size_t i = 0; rc == 0 && i < list_of(group, which)->count; i++) {
            rc = sending_co_resolve(s, &list_of(group, which)->at[i], &list[count]);
            count += rc == 0 && !is_suppressed(s, list[count].forward_path);
            if (rc == 0 && count % PAUSE_AFTER == 0)
                rc = co_pause();
        }
    if (rc < 0)
        return rc;
    s->plan_letter = (struct letter){.id = s->letter,
                                     .reverse_path = s->reverse_path,
                                     .recipients = list,
                                     .recipient_count = count,
                                     .body = s->blob,
                                     .head = buffer_span(&s->head),
                                     .eight_bit = s->eight_bit,
                                     .verp = s->reverse_path.len > 0,
                                     .final = true,
                                     .full_waits = true,
                                     .source = span_of(s->source[0] ? s->source : s->send->source)};
    return submit_co_prepare(&s->plan_letter, &s->arena, &s->plan);
}

/* --- later ----------------------------------------------------------------------------------- */

static int add_row(struct sending *s, size_t number, const struct mailbox *box)
{
    const struct content_group *group = &s->send->groups[number];
    struct queue_recipient *row = &s->rows[s->row_count];
    int64_t due = group->due_ms ? group->due_ms : s->send->due_ms;
    *row = (struct queue_recipient){.id = id_next(), .due_ms = due ? due : s->now_ms};
    int rc = make_path(s, box, &row->forward_path, &row->domain);
    if (rc < 0)
        return rc;
    if (s->kind == QUEUE_BODY_TEMPLATE) {
        AUTO_BUFFER variables = BUFFER(VARIABLES_MAX);
        rc =
            package_write_group(group, s->send->one_id ? 0 : number, row->forward_path, &variables);
        if (rc == -ENOBUFS)
            return sending_fail(s, SEND_TOO_LARGE, -E2BIG,
                                "The data of one recipient is larger than 256 KiB");
        row->variables = arena_copy(&s->arena, buffer_span(&variables));
        if (rc == 0 && !row->variables.at)
            rc = -ENOMEM;
    }
    s->row_count += rc == 0;
    return rc;
}

/* The rows there are, by a keyed hash of their group and path: a list of ten thousand is not
 * compared with itself. */
struct seen {
    uint32_t *slots; /* a row's number and 1; 0: free */
    size_t mask;
    unsigned char key[crypto_shorthash_KEYBYTES];
};

static int seen_open(struct sending *s, struct seen *ret_seen)
{
    size_t size = 16;
    while (size < 2 * (s->result->recipients + 1))
        size *= 2;
    ret_seen->slots = arena_zero(&s->arena, size * sizeof *ret_seen->slots);
    ret_seen->mask = size - 1;
    random_bytes(ret_seen->key, sizeof ret_seen->key);
    return ret_seen->slots ? 0 : -ENOMEM;
}

/* Within a group, whose rows begin with first, each address is there once. Who is not yet becomes
 * the next row. */
static bool is_seen(const struct sending *s, struct seen *seen, size_t first, struct span path)
{
    unsigned char folded[ADDRESS_TEXT_MAX];
    uint64_t hash;
    size_t len = path.len < sizeof folded ? path.len : sizeof folded;
    for (size_t i = 0; i < len; i++)
        folded[i] = (unsigned char)ascii_lower(path.at[i]);
    crypto_shorthash((unsigned char *)&hash, folded, len, seen->key);
    size_t slot = (size_t)(hash + first * UINT64_C(0x9e3779b97f4a7c15)) & seen->mask;
    for (; seen->slots[slot]; slot = (slot + 1) & seen->mask) {
        size_t row = seen->slots[slot] - 1;
        if (row >= first && span_equal_nocase(s->rows[row].forward_path, path))
            return true;
    }
    seen->slots[slot] = (uint32_t)s->row_count + 1;
    return false;
}

static int sending_co_add_group(struct sending *s, struct seen *seen, size_t number)
{
    const struct content_group *group = &s->send->groups[number];
    size_t first = s->row_count, looked = 0;
    int rc = 0;
    for (int which = 0; rc == 0 && which < 3; which++)
        for (size_t i = 0; rc == 0 && i < list_of(group, which)->count; i++) {
            struct span path, domain;
            rc = make_path(s, &list_of(group, which)->at[i], &path, &domain);
            if (rc == 0 && !is_suppressed(s, path) && !is_seen(s, seen, first, path))
                rc = add_row(s, number, &list_of(group, which)->at[i]);
            if (rc == 0 && ++looked % PAUSE_AFTER == 0)
                rc = co_pause();
        }
    return rc;
}

static int sending_co_queue(struct sending *s)
{
    s->rows = arena_alloc(&s->arena, s->result->recipients * sizeof *s->rows);
    struct seen seen;
    int rc = s->rows ? seen_open(s, &seen) : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < s->send->group_count; i++) {
        rc = sending_co_add_group(s, &seen, i);
        if (rc == 0 && i % PAUSE_AFTER == PAUSE_AFTER - 1)
            rc = co_pause();
    }
    int64_t first = INT64_MAX, last = 0;
    for (size_t i = 0; rc == 0 && i < s->row_count; i++) {
        first = s->rows[i].due_ms < first ? s->rows[i].due_ms : first;
        last = s->rows[i].due_ms > last ? s->rows[i].due_ms : last;
    }
    s->queued = (struct queue_letter){.tenant = s->send->who->tenant,
                                      .id = s->letter,
                                      .reverse_path = s->reverse_path,
                                      .kind = s->kind,
                                      .head = buffer_span(&s->head),
                                      .octets = blob_writer_size(s->blob),
                                      .eight_bit = s->eight_bit,
                                      .verp = s->reverse_path.len > 0,
                                      .first_due_ms = last <= s->now_ms   ? 0
                                                      : first > s->now_ms ? first
                                                                          : s->now_ms,
                                      .accepted_ms = s->now_ms};
    return rc;
}

int sending_co_address(struct sending *s)
{
    bool waits = s->send->due_ms > s->now_ms || s->send->batch.len > 0;
    bool at_once = s->kind == QUEUE_BODY_RAW && !waits && s->send->groups[0].due_ms <= s->now_ms;
    int rc = blob_writer_open(s->door->store, s->body.len, &s->blob);
    if (rc == 0)
        rc = blob_co_append(s->blob, buffer_span(&s->body));
    if (rc == 0)
        rc = blob_co_finish(s->blob);
    if (rc == 0 && !s->send->to_suppressed)
        rc = sending_co_find_suppressed(s);
    if (rc < 0)
        return rc;
    return at_once ? sending_co_plan(s) : sending_co_queue(s);
}
