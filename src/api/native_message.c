/*
 * GET /api/v1/messages/{id}: what is known of a letter, from the moment its id was answered: its
 * recipients, first those that wait, then those that have ended, the newest first.
 *
 * A cursor is "w" and the last recipient that waits, or "e" and the last event. Who ends while
 * pages are read may be on two of them.
 */
#include "api/native.h"

#include "event/event.h"
#include "queue/queue.h"

#include <errno.h>
#include <string.h>

#define MEMORY     ((size_t)8 * 1024 * 1024)
#define READS_MAX  20 /* of events for one answer: most are deferrals */
#define EVENTS_MAX 500

struct page {
    struct http_request *r;
    const struct identity *who;
    int64_t letter;
    unsigned limit;
    struct arena arena;
    struct json_object *items;
    struct span sender;
    struct span bound;  /* the key's domain; empty: it sees all */
    int64_t next;       /* behind which the next page begins; 0: none */
    char kind;          /* 'w' or 'e' */
    struct span *ended; /* of this page */
    size_t ended_count;
};

static struct json_object *make_item(struct span to, const char *state, struct span reply)
{
    struct json_object *o = json_object_new_object();
    member_put_text(o, "to", to);
    member_put(o, "state", json_object_new_string(state));
    member_put_text(o, "reply", reply);
    return o;
}

/* --- who waits ------------------------------------------------------------------------------- */

static void add_waiting(struct page *p, const struct queue_row *row)
{
    const struct queue_recipient *one = &row->recipient;
    bool held = one->held.len > 0;
    struct json_object *o =
        make_item(one->forward_path, held ? "held" : "waiting", one->last_reply);
    member_put(o, "due", held ? NULL : native_time(one->due_ms));
    member_put(o, "reason", held ? member_from_text(one->held) : NULL);
    member_put(o, "attempts", json_object_new_int64(one->attempts));
    member_put(o, "ended", NULL);
    json_object_array_add(p->items, o);
    p->sender = row->letter.reverse_path;
}

static int page_co_wait(struct page *p, int64_t after)
{
    struct queue_selector selector = {
        .tenant = p->who->tenant, .letter = p->letter, .sender_domain = p->bound};
    while (p->next == 0) {
        struct queue_row *rows;
        size_t count, left = p->limit - json_object_array_length(p->items);
        int rc = queue_co_list(api_of(p->r)->store, &selector, after, (unsigned)left, &p->arena,
                               &rows, &count);
        if (rc < 0 || count == 0)
            return rc;
        for (size_t i = 0; i < count; i++)
            add_waiting(p, &rows[i]);
        after = rows[count - 1].recipient.id;
        if (json_object_array_length(p->items) == p->limit)
            p->next = after;
    }
    p->kind = 'w';
    return 0;
}

/* --- who has ended --------------------------------------------------------------------------- */

static bool is_end(enum event_kind kind)
{
    return kind != EVENT_ACCEPTED && kind != EVENT_DEFERRED;
}

/* What came back was delivered before: the later event counts. */
static bool is_told(const struct page *p, struct span recipient)
{
    for (size_t i = 0; i < p->ended_count; i++)
        if (span_equal(p->ended[i], recipient))
            return true;
    return false;
}

static void add_ended(struct page *p, const struct event *event)
{
    if (is_told(p, event->recipient))
        return;
    struct json_object *o =
        make_item(event->recipient, event_kind_text(event->kind), event->detail);
    member_put(o, "due", NULL);
    member_put(o, "reason", NULL);
    member_put(o, "attempts", NULL);
    member_put(o, "ended", native_time(id_wall_ms(event->id)));
    json_object_array_add(p->items, o);
    p->ended[p->ended_count++] = event->recipient;
}

/* Events come oldest first, and are told newest first. */
static void add_events(struct page *p, const struct event *events, size_t count)
{
    for (size_t i = count; i > 0 && p->next == 0; i--) {
        p->sender = events[i - 1].sender;
        if (is_end(events[i - 1].kind))
            add_ended(p, &events[i - 1]);
        if (json_object_array_length(p->items) == p->limit)
            p->next = events[i - 1].id;
    }
}

static int page_co_end(struct page *p, int64_t before)
{
    struct event_filter filter = {.tenant = p->who->tenant,
                                  .letter = p->letter,
                                  .before = before,
                                  .limit = EVENTS_MAX,
                                  .from_domain = p->bound};
    p->kind = 'e';
    p->ended = arena_alloc(&p->arena, (p->limit + 1) * sizeof *p->ended);
    if (!p->ended)
        return -ENOMEM;
    for (int reads = 0; p->next == 0; reads++) {
        struct event *events;
        size_t count;
        int rc = event_co_list(api_of(p->r)->store, &filter, &p->arena, &events, &count);
        if (rc < 0 || count == 0)
            return rc;
        add_events(p, events, count);
        filter.before = events[0].id;
        if (p->next == 0 && reads == READS_MAX)
            p->next = filter.before;
    }
    return 0;
}

/* --- the answer ------------------------------------------------------------------------------ */

static struct json_object *cursor_of(const struct page *p)
{
    char text[ID_TEXT + 1], id[ID_TEXT];
    if (p->next == 0)
        return NULL;
    text[0] = p->kind;
    memcpy(text + 1, id_text(p->next, id), ID_TEXT);
    return json_object_new_string(text);
}

static int answer(struct page *p, const struct send_message *message)
{
    struct json_object *o = json_object_new_object(), *items = p->items;
    p->items = NULL;
    member_put(o, "id", native_id(p->letter));
    member_put(o, "accepted", native_time(id_wall_ms(p->letter)));
    member_put_text(o, "sender", p->sender);
    member_put_text(o, "source", message->source);
    member_put(o, "recipients", json_object_new_int64((int64_t)message->recipients));
    member_put(o, "metadata", native_kept(message->meta));
    member_put(o, "items", items);
    member_put(o, "next_cursor", cursor_of(p));
    return json_answer(p->r, 200, o);
}

static int page_co_read(struct page *p, struct span cursor)
{
    struct send_message message = {.source = SPAN("smtp"), .meta = SPAN("")};
    int64_t from = 0;
    char kind = cursor.len ? cursor.at[0] : 'w';
    if (cursor.len && ((kind != 'w' && kind != 'e') || !id_parse(span_from(cursor, 1), &from)))
        return native_problem(p->r, 400, "cursor", "is none that an answer has named",
                              "Take next_cursor of the page before, or leave it out");
    int rc = submit_co_message(api_of(p->r)->door, p->who->tenant, p->letter, &p->arena, &message);
    bool kept = rc == 0;
    if (rc == ERR_ABSENT) /* a letter by SMTP */
        rc = 0;
    if (rc == 0 && kind == 'w')
        rc = page_co_wait(p, from);
    if (rc == 0 && p->next == 0)
        rc = page_co_end(p, kind == 'e' ? from : 0);
    if (rc < 0)
        return rc;
    if (p->bound.len && p->sender.len == 0) /* not one of the key's domain */
        return native_problem_of(p->r, ERR_ABSENT, "id");
    if (!kept && json_object_array_length(p->items) == 0 && cursor.len == 0)
        return native_problem_of(p->r, ERR_ABSENT, "id");
    return answer(p, &message);
}

int native_message_co_get(struct http_request *r)
{
    static const char *const parameters[] = {NULL};
    struct identity who = {0};
    struct native_page wanted;
    struct page p = {.r = r, .who = &who, .arena = ARENA(MEMORY), .sender = SPAN("")};
    int rc = native_co_enter(r, "messages.read", &who);
    if (rc == 0)
        rc = native_path_id(r, "id", &p.letter);
    if (rc == 0)
        rc = native_check_query(r, parameters);
    if (rc == 0)
        rc = native_take_page(r, &wanted);
    if (rc == 0)
        rc = native_co_bound(r, &who, &p.bound);
    if (rc != 0)
        return native_end(rc);
    p.limit = wanted.limit;
    p.items = json_object_new_array();
    rc = page_co_read(&p, wanted.cursor);
    json_object_put(p.items);
    arena_free(&p.arena);
    return native_end(rc);
}
