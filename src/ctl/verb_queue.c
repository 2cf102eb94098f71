/* postamt queue: what waits to be sent, why and until when; and steering it. */
#include "ctl/verb.h"

#include "base/clock.h"
#include "base/id.h"
#include "deliver/settle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE        256
#define PAGE_MEMORY ((size_t)8 * 1024 * 1024)
#define LISTED_MAX  10000

static const char usage[] =
    "queue list|show|retry|hold|release|drop [--id LETTER] [--domain D] [--sender ADDRESS]"
    " [--to ADDRESS] [--tenant N] [--all] [--reason TEXT] [--quiet] [--json]";

struct queue_call {
    struct verb_call *call;
    struct queue_selector selector;
    bool selects; /* anything but the tenant */
    struct arena arena;
    struct queue_row *rows; /* of one page */
    size_t count;
    const char *done; /* "held", "dropped", … */
    size_t changed, total;
    db_job *apply; /* on the page */
    bool announces;
};

/* --- selecting ------------------------------------------------------------------------------- */

static int take_selector(struct queue_call *q)
{
    const struct args *args = q->call->args;
    struct queue_selector *selector = &q->selector;
    static _Thread_local char domain[ADDRESS_DOMAIN_MAX + 1];
    uint64_t tenant = TENANT_FIRST;
    if (args->tenant && !span_to_uint(span_of(args->tenant), INT64_MAX, &tenant))
        return call_fail(q->call, "%s is no tenant's number", args->tenant);
    selector->tenant = (int64_t)tenant;
    const char *id = args->id ? args->id : args->count == 3 ? args_word(args, 2) : NULL;
    if (id && !id_parse(span_of(id), &selector->letter))
        return call_fail(q->call, "%s is no letter's id (13 letters and digits)", id);
    if (args->domain && address_fold_domain(span_of(args->domain), domain) < 0)
        return call_fail(q->call, "%s is no domain", args->domain);
    selector->domain = args->domain ? span_of(domain) : SPAN("");
    selector->sender = span_of(args->sender);
    selector->recipient_path = span_of(args->to);
    q->selects = id || args->domain || args->sender || args->to || args->all;
    return VERB_OK;
}

/* The next page: VERB_OK with count 0 at the end. */
static int co_next_page(struct queue_call *q, unsigned limit)
{
    int64_t after = q->count ? q->rows[q->count - 1].recipient.id : 0;
    arena_reset(&q->arena);
    int rc = queue_co_list(q->call->office->store, &q->selector, after, limit < PAGE ? limit : PAGE,
                           &q->arena, &q->rows, &q->count);
    return rc < 0 ? call_fail_code(q->call, "read", "the queue", rc) : VERB_OK;
}

/* --- showing --------------------------------------------------------------------------------- */

static struct json_object *time_json(int64_t wall_ms)
{
    char text[TIME_TEXT];
    return json_object_new_string(time_text(wall_ms, text));
}

static struct json_object *row_json(const struct queue_row *row)
{
    char id[ID_TEXT];
    const struct queue_recipient *r = &row->recipient;
    struct json_object *o = json_object_new_object();
    json_put(o, "id", json_object_new_string(id_text(row->letter.id, id)));
    json_put(o, "sender", json_span(row->letter.reverse_path));
    json_put(o, "recipient", json_span(r->forward_path));
    json_put(o, "domain", json_span(r->domain));
    json_put(o, "due", r->held.len ? NULL : time_json(r->due_ms));
    json_put(o, "attempts", json_object_new_int((int)r->attempts));
    json_put(o, "last_reply", json_span(r->last_reply));
    json_put(o, "reason", r->held.len ? json_span(r->held) : NULL);
    json_put(o, "accepted", time_json(row->letter.accepted_ms));
    json_put(o, "bytes", json_object_new_int64((int64_t)row->letter.octets));
    return o;
}

static void print_due(struct verb_call *call, const struct queue_recipient *r)
{
    char text[TIME_TEXT];
    int64_t ahead = (r->due_ms - clock_wall_ms()) / 1000;
    if (r->held.len)
        call_print(call, "held: %.*s", SPAN_PRINT(r->held));
    else if (ahead <= 0)
        call_print(call, "due now");
    else if (ahead < 3600)
        call_print(call, "due in %lld min %02lld s", (long long)ahead / 60, (long long)ahead % 60);
    else
        call_print(call, "due %s", time_text(r->due_ms, text));
}

static void print_row(struct verb_call *call, const struct queue_row *row)
{
    char id[ID_TEXT];
    const struct queue_recipient *r = &row->recipient;
    call_print(call, "%s from=<%.*s> to=<%.*s> bytes=%llu attempts=%u ",
               id_text(row->letter.id, id), SPAN_PRINT(row->letter.reverse_path),
               SPAN_PRINT(r->forward_path), (unsigned long long)row->letter.octets, r->attempts);
    print_due(call, r);
    if (r->last_reply.len)
        call_print(call, "; %.*s", SPAN_PRINT(r->last_reply));
    call_print(call, "\n");
}

static int co_list(struct queue_call *q)
{
    struct json_object *list = q->call->args->json ? json_object_new_array() : NULL;
    int status;
    while ((status = co_next_page(q, PAGE)) == VERB_OK && q->count && q->total < LISTED_MAX) {
        for (size_t i = 0; i < q->count; i++) {
            if (list)
                json_object_array_add(list, row_json(&q->rows[i]));
            else
                print_row(q->call, &q->rows[i]);
        }
        q->total += q->count;
    }
    if (list)
        call_json(q->call, list);
    else if (status == VERB_OK && q->total >= LISTED_MAX && q->count)
        call_print(q->call, "… and more: select with --domain, --sender, --to or --id\n");
    return status;
}

static int co_show(struct queue_call *q)
{
    if (!q->selector.letter)
        return call_usage(q->call, "queue show LETTER");
    int status = co_list(q);
    if (status == VERB_OK && q->total == 0)
        status =
            call_fail(q->call, "no such letter is waiting; \"postamt log --id\" tells its end");
    return status;
}

/* --- steering -------------------------------------------------------------------------------- */

typedef int steer(struct db_tx *tx, struct queue_call *q, const struct queue_selector *one);

static int apply_each(struct db_tx *tx, struct queue_call *q, steer *change)
{
    int rc = 0;
    q->changed = 0;
    for (size_t i = 0; rc >= 0 && i < q->count; i++) {
        struct queue_selector one = {.tenant = q->selector.tenant,
                                     .recipient = q->rows[i].recipient.id};
        rc = change(tx, q, &one);
        q->changed += rc > 0;
    }
    return rc < 0 ? rc : 0;
}

static int steer_retry(struct db_tx *tx, struct queue_call *q, const struct queue_selector *one)
{
    (void)q;
    return queue_retry(tx, one, clock_wall_ms());
}

static int steer_release(struct db_tx *tx, struct queue_call *q, const struct queue_selector *one)
{
    (void)q;
    return queue_release(tx, one, clock_wall_ms());
}

static int steer_hold(struct db_tx *tx, struct queue_call *q, const struct queue_selector *one)
{
    const char *reason = q->call->args->reason;
    return queue_hold(tx, one, reason && reason[0] ? span_of(reason) : SPAN("by the operator"));
}

static int retry_page(struct db_tx *tx, void *arg)
{
    return apply_each(tx, arg, steer_retry);
}

static int release_page(struct db_tx *tx, void *arg)
{
    return apply_each(tx, arg, steer_release);
}

static int hold_page(struct db_tx *tx, void *arg)
{
    return apply_each(tx, arg, steer_hold);
}

/* What is released goes no sooner than it was to go; what is tried again, now. */
static int64_t due_of(const struct queue_call *q, const struct queue_row *row)
{
    int64_t now = clock_wall_ms(), first = row->letter.first_due_ms;
    return q->apply == release_page && first > now ? first : now;
}

/* Who delivers looks at them then, also at sites that rest. */
static int announce_page(struct queue_call *q)
{
    const struct submit_door *door = &q->call->office->door;
    struct queue_entry *entries = arena_alloc(&q->arena, q->count * sizeof *entries);
    if (!entries)
        return call_fail(q->call, "out of memory");
    for (size_t i = 0; i < q->count; i++)
        entries[i] = (struct queue_entry){.tenant = q->selector.tenant,
                                          .recipient = q->rows[i].recipient.id,
                                          .letter = q->rows[i].letter.id,
                                          .due_ms = due_of(q, &q->rows[i]),
                                          .domain = q->rows[i].recipient.domain};
    if (q->call->office->deliver)
        deliver_hurry(q->call->office->deliver, entries, q->count);
    else if (door->announce)
        door->announce(door->arg, entries, q->count);
    return VERB_OK;
}

static int co_steer(struct queue_call *q)
{
    int status;
    while ((status = co_next_page(q, PAGE)) == VERB_OK && q->count) {
        int rc = store_co_write(q->call->office->store, q->apply, q);
        if (rc < 0)
            return call_fail_code(q->call, "change", "the queue", rc);
        if (q->announces)
            status = announce_page(q);
        if (status != VERB_OK)
            return status;
        q->total += q->changed;
    }
    return status;
}

struct dropping {
    struct settlement list[SETTLE_MAX];
    size_t count;
    struct span words; /* why, for the log and the sender */
};

/* The rows of one letter: [first, end) of the page. */
static int add_dropped(struct queue_call *q, struct dropping *dropping, size_t first, size_t end)
{
    size_t count = end - first;
    struct queue_recipient *recipients = arena_alloc(&q->arena, count * sizeof *recipients);
    struct outcome *outcomes = arena_zero(&q->arena, count * sizeof *outcomes);
    if (!recipients || !outcomes)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        recipients[i] = q->rows[first + i].recipient;
        outcomes[i] = (struct outcome){.end = QUEUE_DROPPED, .words = dropping->words};
    }
    dropping->list[dropping->count++] = (struct settlement){&q->rows[first].letter, recipients,
                                                            outcomes, count, q->call->args->quiet};
    return 0;
}

static int co_drop_all(struct queue_call *q, struct dropping *dropping)
{
    struct office *office = q->call->office;
    struct settler settler = {&office->door, office->directory, office->config.hostname};
    int rc = settle_co_commit(&settler, dropping->list, dropping->count);
    dropping->count = 0;
    return rc;
}

/* Many letters a commit. */
static int co_drop_page(struct queue_call *q, struct dropping *dropping)
{
    int rc = 0;
    for (size_t first = 0, end; rc == 0 && first < q->count; first = end) {
        end = first + 1;
        while (end < q->count && q->rows[end].letter.id == q->rows[first].letter.id)
            end++;
        rc = add_dropped(q, dropping, first, end);
        if (rc == 0 && dropping->count == SETTLE_MAX)
            rc = co_drop_all(q, dropping);
    }
    if (rc == 0 && dropping->count)
        rc = co_drop_all(q, dropping);
    return rc;
}

static int co_drop(struct queue_call *q)
{
    const char *reason = q->call->args->reason;
    AUTO_BUFFER words = BUFFER(2000);
    struct dropping *dropping = calloc(1, sizeof *dropping);
    int status = VERB_OK, rc = dropping ? 0 : -ENOMEM;
    if (rc == 0)
        rc = buffer_printf(&words, "5.7.1 Dropped by the operator%s%.500s", reason ? ": " : "",
                           reason ? reason : "");
    while (rc == 0 && (status = co_next_page(q, PAGE)) == VERB_OK && q->count) {
        dropping->words = buffer_span(&words);
        rc = co_drop_page(q, dropping);
        q->total += rc == 0 ? q->count : 0;
    }
    free(dropping);
    return rc < 0 ? call_fail_code(q->call, "drop from", "the queue", rc) : status;
}

/* --- the verb -------------------------------------------------------------------------------- */

static const struct action {
    const char *name, *done;
    int (*co_run)(struct queue_call *q);
    db_job *apply;
    bool announces, steers;
} actions[] = {
    {"list", NULL, co_list, NULL, false, false},
    {"show", NULL, co_show, NULL, false, false},
    {"retry", "due now", co_steer, retry_page, true, true},
    {"hold", "held", co_steer, hold_page, false, true},
    {"release", "released", co_steer, release_page, true, true},
    {"drop", "dropped", co_drop, NULL, false, true},
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static int report(struct queue_call *q, const struct action *action)
{
    if (!action->steers)
        return VERB_OK;
    if (q->call->args->json) {
        struct json_object *o = json_object_new_object();
        json_put(o, "recipients", json_object_new_int64((int64_t)q->total));
        call_json(q->call, o);
    } else {
        call_print(q->call, "%zu recipient%s %s\n", q->total, q->total == 1 ? "" : "s",
                   action->done);
    }
    return VERB_OK;
}

int verb_co_queue(struct verb_call *call)
{
    const struct action *action = find_action(args_word(call->args, 1));
    struct queue_call q = {.call = call, .arena = ARENA(PAGE_MEMORY)};
    if (!action || call->args->count > 3)
        return call_usage(call, usage);
    int status = take_selector(&q);
    if (status == VERB_OK && action->steers && !q.selects)
        status = call_fail(call, "queue %s: which? Give --id, --domain, --sender, --to, or --all",
                           action->name);
    q.apply = action->apply;
    q.announces = action->announces;
    if (status == VERB_OK)
        status = action->co_run(&q);
    if (status == VERB_OK)
        status = report(&q, action);
    arena_free(&q.arena);
    return status;
}
