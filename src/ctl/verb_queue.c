/* postamt queue: what waits to be sent, why and until when; and steering it. */
#include "ctl/verb.h"

#include "base/clock.h"
#include "base/id.h"
#include "deliver/steer.h"

#include <string.h>

#define PAGE        256
#define PAGE_MEMORY ((size_t)8 * 1024 * 1024)
#define LISTED_MAX  10000

static const char usage[] =
    "queue list|show|retry|hold|release|drop [--id LETTER] [--domain D] [--sender ADDRESS]"
    " [--to ADDRESS] [--tenant N] [--all] [--reason TEXT] [--quiet] [--json]";

struct queue_call;
struct action {
    const char *name;
    const char *done; /* "held", "dropped", …; NULL: it only shows */
    const char *what; /* it does, for errors */
    int (*co_run)(struct queue_call *q);
    enum steer_kind kind;
};

struct queue_call {
    struct verb_call *call;
    const struct action *action;
    struct queue_selector selector;
    bool selects; /* anything but the tenant */
    struct arena arena;
    struct queue_row *rows; /* of one page */
    size_t count;
    size_t total;
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

static int co_steer(struct queue_call *q)
{
    struct office *office = q->call->office;
    const char *reason =
        q->call->args->reason && q->call->args->reason[0] ? q->call->args->reason : NULL;
    AUTO_BUFFER words = BUFFER(2000);
    struct steering steering = {
        .settler = {&office->door, office->directory, office->config.hostname},
        .deliver = office->deliver,
        .selector = q->selector,
        .kind = q->action->kind,
        .reason = reason ? span_of(reason) : SPAN("by the operator"),
        .quiet = q->call->args->quiet};
    int rc = 0;
    if (steering.kind == STEER_DROP)
        rc = buffer_printf(&words, "5.7.1 Dropped by the operator%s%.500s", reason ? ": " : "",
                           reason ? reason : "");
    if (words.len)
        steering.reason = buffer_span(&words);
    if (rc == 0)
        rc = steer_co_run(&steering, &q->total);
    return rc < 0 ? call_fail_code(q->call, q->action->what, "the queue", rc) : VERB_OK;
}

/* --- the verb -------------------------------------------------------------------------------- */

static const struct action actions[] = {
    {.name = "list", .co_run = co_list},
    {.name = "show", .co_run = co_show},
    {"retry", "due now", "change", co_steer, STEER_RETRY},
    {"hold", "held", "change", co_steer, STEER_HOLD},
    {"release", "released", "change", co_steer, STEER_RELEASE},
    {"drop", "dropped", "drop from", co_steer, STEER_DROP},
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static int report(struct queue_call *q)
{
    if (!q->action->done)
        return VERB_OK;
    if (q->call->args->json) {
        struct json_object *o = json_object_new_object();
        json_put(o, "recipients", json_object_new_int64((int64_t)q->total));
        call_json(q->call, o);
    } else {
        call_print(q->call, "%zu recipient%s %s\n", q->total, q->total == 1 ? "" : "s",
                   q->action->done);
    }
    return VERB_OK;
}

int verb_co_queue(struct verb_call *call)
{
    const struct action *action = find_action(args_word(call->args, 1));
    struct queue_call q = {.call = call, .action = action, .arena = ARENA(PAGE_MEMORY)};
    if (!action || call->args->count > 3)
        return call_usage(call, usage);
    int status = take_selector(&q);
    if (status == VERB_OK && action->done && !q.selects)
        status = call_fail(call, "queue %s: which? Give --id, --domain, --sender, --to, or --all",
                           action->name);
    if (status == VERB_OK)
        status = action->co_run(&q);
    if (status == VERB_OK)
        status = report(&q);
    arena_free(&q.arena);
    return status;
}
