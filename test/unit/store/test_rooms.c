/* The rooms' SQL is written once: a walk through all of it, on the engine under test. What each
 * room promises in detail is told by its own tests. */
#include "base/id.h"
#include "box/box.h"
#include "directory/key.h"
#include "event/event.h"
#include "run/lane.h"
#include "submit/submit.h"
#include "suite.h"

#define MEMORY ((size_t)4 * 1024 * 1024)

struct town {
    struct store *store;
    struct lane *passwords;
    struct directory *directory;
    struct arena arena;
    int64_t user;
    unsigned rows;
};

static void count_row(const struct directory_row *row, void *arg)
{
    assert_true(row->name.len > 0 && row->created_ms > 0);
    ((struct town *)arg)->rows++;
}

static void expect_rows(struct town *t, enum directory_list what, unsigned count)
{
    t->rows = 0;
    assert_int_equal(directory_co_list(t->directory, TENANT_FIRST, what, count_row, t), 0);
    assert_int_equal(t->rows, count);
}

static void expect_targets(struct town *t, struct span local, struct span domain, int found,
                           size_t count)
{
    struct directory_target *targets = NULL;
    size_t targets_count = 0;
    assert_int_equal(
        directory_co_resolve(t->directory, local, domain, &t->arena, &targets, &targets_count),
        found);
    if (found == DIRECTORY_LOCAL)
        assert_int_equal(targets_count, count);
}

/* --- directory ------------------------------------------------------------------------------- */

static void people_co_arrive(struct town *t)
{
    const struct span both[] = {SPAN("ann@example.org"), SPAN("bob@example.org")};
    struct directory *d = t->directory;
    int64_t bob, found;
    assert_int_equal(directory_co_domain_add(d, TENANT_FIRST, SPAN("Example.org")), 0);
    assert_int_equal(directory_co_domain_add(d, TENANT_FIRST, SPAN("example.ORG")), ERR_EXISTS);
    assert_int_equal(directory_co_user_add(d, TENANT_FIRST, both[0], SPAN("secret one"), &t->user),
                     0);
    assert_int_equal(directory_co_user_add(d, TENANT_FIRST, both[1], SPAN("secret two"), &bob), 0);
    assert_int_equal(directory_co_user_add(d, TENANT_FIRST, both[1], SPAN("secret two"), &bob),
                     ERR_EXISTS);
    assert_int_equal(directory_co_user_find(d, TENANT_FIRST, both[1], &found), 0);
    assert_int_equal(found, bob);
    assert_int_equal(directory_co_alias_add(d, TENANT_FIRST, SPAN("all@example.org"), both, 2), 0);
    assert_int_equal(directory_co_alias_add(d, TENANT_FIRST, SPAN("@example.org"), both, 1), 0);
    expect_rows(t, DIRECTORY_DOMAINS, 1);
    expect_rows(t, DIRECTORY_USERS, 2);
    expect_rows(t, DIRECTORY_ALIASES, 2);
    expect_targets(t, SPAN("all"), SPAN("example.org"), DIRECTORY_LOCAL, 2);
    expect_targets(t, SPAN("Ann+tag"), SPAN("EXAMPLE.org"), DIRECTORY_LOCAL, 1);
    expect_targets(t, SPAN("whoever"), SPAN("example.org"), DIRECTORY_LOCAL, 1);
    expect_targets(t, SPAN("postmaster"), SPAN("example.org"), DIRECTORY_LOCAL, 1);
    expect_targets(t, SPAN("ann"), SPAN("example.net"), DIRECTORY_FOREIGN, 0);
}

static void credentials_co_work(struct town *t)
{
    struct directory *d = t->directory;
    struct identity who;
    AUTO_BUFFER id = BUFFER(100);
    AUTO_BUFFER secret = BUFFER(100);
    struct span ann = SPAN("ann@example.org");
    assert_int_equal(directory_co_authenticate(d, ann, SPAN("secret one"), &who), 0);
    assert_int_equal(who.user, t->user);
    assert_int_equal(directory_co_may_send(d, &who, SPAN("all"), SPAN("example.org")), 1);
    assert_int_equal(directory_co_may_send(d, &who, SPAN("bob"), SPAN("example.org")), 0);
    assert_int_equal(directory_co_user_passwd(d, TENANT_FIRST, ann, SPAN("secret new")), 0);
    assert_int_equal(directory_co_authenticate(d, ann, SPAN("secret one"), &who), ERR_DENIED);
    struct key_new key = {.dialect = KEY_NATIVE, .domain = SPAN("example.org")};
    assert_int_equal(directory_co_key_add(d, TENANT_FIRST, &key, &id, &secret), 0);
    expect_rows(t, DIRECTORY_KEYS, 1);
    assert_int_equal(directory_co_authenticate(d, buffer_span(&id), buffer_span(&secret), &who), 0);
    assert_int_equal(directory_co_may_send(d, &who, SPAN("bob"), SPAN("example.org")), 1);
    assert_int_equal(directory_co_key_revoke(d, TENANT_FIRST, buffer_span(&id)), 0);
    assert_int_equal(directory_co_authenticate(d, buffer_span(&id), buffer_span(&secret), &who),
                     ERR_DENIED);
}

/* A key of each dialect: what it may do, as whom it may send. */
static void key_co_work(struct town *t, enum key_dialect dialect)
{
    struct directory *d = t->directory;
    struct identity who;
    struct key found;
    AUTO_ARENA arena = ARENA(100000);
    AUTO_BUFFER id = BUFFER(100), secret = BUFFER(200), again = BUFFER(200);
    struct key_new key = {.dialect = dialect,
                          .title = SPAN("shop"),
                          .scopes = SPAN("mail.send stats.read"),
                          .addresses = SPAN("News@Example.ORG @example.net")};
    assert_int_equal(directory_co_key_add(d, TENANT_FIRST, &key, &id, &secret), 0);
    assert_int_equal(directory_co_key_by_secret(d, dialect, buffer_span(&secret), &who), 0);
    assert_string_equal(who.login, buffer_text(&id));
    assert_int_equal(who.dialect, dialect);
    enum key_dialect other = (dialect + 1) % KEY_DIALECTS;
    assert_int_equal(directory_co_key_by_secret(d, other, buffer_span(&secret), &who), ERR_DENIED);
    assert_int_equal(directory_co_key_may(d, &who, "mail.send"), 1);
    assert_int_equal(directory_co_key_may(d, &who, "mail"), 0);
    assert_int_equal(directory_co_may_send(d, &who, SPAN("news"), SPAN("example.org")), 1);
    assert_int_equal(directory_co_may_send(d, &who, SPAN("ann"), SPAN("example.org")), 0);
    assert_int_equal(directory_co_key_find(d, TENANT_FIRST, buffer_span(&id), &arena, &found), 0);
    assert_true(span_equal(found.title, SPAN("shop")));
    assert_true(span_equal(found.addresses, SPAN("news@example.org @example.net")));
    assert_int_equal(directory_co_key_find(d, 2, buffer_span(&id), &arena, &found), ERR_ABSENT);
    int sealed = directory_co_key_secret(d, buffer_span(&id), &who, &again);
    assert_int_equal(sealed, dialect == KEY_SES ? 0 : ERR_DENIED);
    if (sealed == 0)
        assert_true(span_equal(buffer_span(&secret), buffer_span(&again)));
    assert_int_equal(
        directory_co_key_change(d, TENANT_FIRST, buffer_span(&id), SPAN("x"), SPAN("")), 0);
    assert_int_equal(directory_co_key_by_secret(d, dialect, buffer_span(&secret), &who), 0);
    assert_int_equal(directory_co_key_may(d, &who, "whatever"), 1);
    assert_int_equal(directory_co_key_revoke(d, TENANT_FIRST, buffer_span(&id)), 0);
    assert_int_equal(directory_co_key_by_secret(d, dialect, buffer_span(&secret), &who),
                     ERR_DENIED);
}

static void people_co_leave(struct town *t)
{
    struct directory *d = t->directory;
    assert_int_equal(directory_co_alias_remove(d, TENANT_FIRST, SPAN("@example.org")), ERR_ABSENT);
    assert_int_equal(directory_co_domain_remove(d, TENANT_FIRST, SPAN("example.org")), ERR_DENIED);
    assert_int_equal(directory_co_user_remove(d, TENANT_FIRST, SPAN("ann@example.org")), 0);
    assert_int_equal(directory_co_user_remove(d, TENANT_FIRST, SPAN("bob@example.org")), 0);
    assert_int_equal(directory_co_domain_remove(d, TENANT_FIRST, SPAN("example.org")), 0);
    expect_targets(t, SPAN("ann"), SPAN("example.org"), DIRECTORY_FOREIGN, 0);
}

/* --- details --------------------------------------------------------------------------------- */

struct folder_search {
    int64_t user, mailbox;
    struct span detail;
    char name[BOX_DETAIL_MAX];
};

static int make_folders(struct db_tx *tx, void *arg)
{
    const struct folder_search *f = arg;
    static const char *const names[] = {"Lists/Postamt", "a.b", "ABC", "abc", "Zwei \303\226"};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof names / sizeof *names; i++)
        rc = box_make(tx, TENANT_FIRST, f->user, span_of(names[i]), BOX_USE_NONE);
    return rc;
}

static int search_folder(struct db_tx *tx, void *arg)
{
    struct folder_search *f = arg;
    return box_find_detail(tx, TENANT_FIRST, f->user, f->detail, &f->mailbox, f->name);
}

static void folders_co_be_found(struct town *t)
{
    static const struct {
        const char *detail, *folder; /* NULL: none */
    } cases[] = {{"Lists", "Lists"},
                 {"LISTS", "Lists"},
                 {"lists.postamt", "Lists/Postamt"},
                 {"a.b", "a.b"},
                 {"A.B", "a.b"},
                 {"a/b", NULL},
                 {"abc", "abc"},
                 {"aBC", "ABC"},
                 {"zwei \303\226", "Zwei \303\226"},
                 {"zwei \303\266", NULL}, /* beyond ASCII case counts */
                 {"\377", NULL},
                 {"%", NULL},
                 {"Lists/", NULL},
                 {"", NULL}};
    struct folder_search f = {.user = t->user};
    assert_int_equal(store_co_write(t->store, make_folders, &f), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f.detail = span_of(cases[i].detail);
        int rc = store_co_write(t->store, search_folder, &f);
        if (rc != (cases[i].folder ? 0 : ERR_ABSENT))
            fail_msg("%s: %s", cases[i].detail, error_text(rc));
        if (rc == 0)
            assert_true(span_equal(span_make(f.name, f.detail.len), span_of(cases[i].folder)));
    }
}

static struct span detail_co_of(struct town *t, struct span local)
{
    struct directory_target *targets = NULL;
    size_t count = 0;
    assert_int_equal(
        directory_co_resolve(t->directory, local, SPAN("example.org"), &t->arena, &targets, &count),
        DIRECTORY_LOCAL);
    assert_int_equal(count, 1);
    assert_int_equal(targets->user, t->user);
    return targets->detail;
}

static void details_co_resolve(struct town *t)
{
    const struct span own[] = {SPAN("Ann+Own@example.org")}, ann[] = {SPAN("ann@example.org")};
    struct directory *d = t->directory;
    assert_int_equal(directory_co_alias_add(d, TENANT_FIRST, SPAN("shop@example.org"), own, 1), 0);
    assert_int_equal(directory_co_alias_add(d, TENANT_FIRST, SPAN("ann+x@example.org"), ann, 1), 0);
    assert_true(span_equal(detail_co_of(t, SPAN("ANN+Lists")), SPAN("Lists")));
    assert_true(span_equal(detail_co_of(t, SPAN("ann+a+b")), SPAN("a+b")));
    assert_true(span_equal(detail_co_of(t, SPAN("ann+\303\226")), SPAN("\303\226")));
    assert_true(span_equal(detail_co_of(t, SPAN("ann+two words")), SPAN("two words")));
    assert_true(span_equal(detail_co_of(t, SPAN("shop")), SPAN("own")));
    assert_true(span_equal(detail_co_of(t, SPAN("shop+more")), SPAN("own")));
    assert_int_equal(detail_co_of(t, SPAN("ann+x")).len, 0); /* an alias of its own */
    assert_int_equal(detail_co_of(t, SPAN("ann+")).len, 0);
    assert_int_equal(detail_co_of(t, SPAN("whoever+Lists")).len, 0); /* the catch-all */
    assert_int_equal(directory_co_alias_remove(d, TENANT_FIRST, SPAN("ann+x@example.org")), 0);
    assert_int_equal(directory_co_alias_remove(d, TENANT_FIRST, SPAN("all@example.org")), 0);
    assert_int_equal(directory_co_alias_remove(d, TENANT_FIRST, SPAN("@example.org")), 0);
    assert_int_equal(directory_co_user_remove(d, TENANT_FIRST, ann[0]), ERR_DENIED);
    assert_int_equal(directory_co_alias_remove(d, TENANT_FIRST, SPAN("shop@example.org")), 0);
    directory_set_delimiter(d, '\0');
    expect_targets(t, SPAN("ann+Lists"), SPAN("example.org"), DIRECTORY_UNKNOWN, 0);
    directory_set_delimiter(d, '-');
    assert_true(span_equal(detail_co_of(t, SPAN("ann-Lists")), SPAN("Lists")));
    directory_set_delimiter(d, '+');
    expect_targets(t, SPAN("bob\303\226+x"), SPAN("example.org"), DIRECTORY_UNKNOWN, 0);
}

/* --- letters --------------------------------------------------------------------------------- */

static int64_t letter_co_arrive(struct town *t, size_t size)
{
    struct letter_recipient to = {.forward_path = SPAN("all@example.org")};
    struct letter letter = {.id = id_next(),
                            .reverse_path = SPAN("carol@example.net"),
                            .recipients = &to,
                            .recipient_count = 1,
                            .source = SPAN("smtp 192.0.2.1 mail.example.net")};
    assert_int_equal(directory_co_resolve(t->directory, SPAN("all"), SPAN("example.org"), &t->arena,
                                          &to.targets, &to.count),
                     DIRECTORY_LOCAL);
    assert_int_equal(blob_writer_open(t->store, 0, &letter.body), 0);
    for (size_t i = 0; i < size; i += 10)
        assert_int_equal(blob_co_append(letter.body, SPAN("\377 bytes\0\r\n")), 0);
    assert_int_equal(blob_co_finish(letter.body), 0);
    struct submit_door door = {.store = t->store};
    assert_int_equal(submit_co_receive(&door, &letter), 0);
    blob_co_writer_free(letter.body);
    return letter.id;
}

static void expect_body(struct town *t, const struct box_message *message, size_t size)
{
    AUTO_BUFFER body = BUFFER(MEMORY);
    assert_int_equal(message->octets, message->head.len + size);
    assert_int_equal(blob_co_read(t->store, TENANT_FIRST, message->blob, 0, MEMORY, &body), 0);
    assert_int_equal(body.len, size);
    assert_memory_equal(body.at + size - 10, "\377 bytes\0\r\n", 10);
}

enum { SMALL = 1000, LARGE = 200000 };

static int64_t mailbox_co_fill(struct town *t)
{
    struct box_message *messages, one;
    size_t count;
    int64_t mailbox, validity;
    for (int i = 0; i < 3; i++)
        letter_co_arrive(t, i == 1 ? LARGE : SMALL);
    assert_int_equal(box_co_find(t->store, TENANT_FIRST, t->user, BOX_INBOX, &mailbox, &validity),
                     0);
    assert_int_equal(box_co_list(t->store, TENANT_FIRST, mailbox, 0, &t->arena, &messages, &count),
                     0);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        expect_body(t, &messages[i], i == 1 ? LARGE : SMALL);
    assert_int_equal(
        box_co_message(t->store, TENANT_FIRST, mailbox, messages[2].uid, &t->arena, &one), 0);
    assert_int_equal(one.blob, messages[2].blob);
    return mailbox;
}

static void expect_events(struct town *t, struct event_filter filter, size_t expected)
{
    struct event *events;
    size_t count;
    filter.tenant = TENANT_FIRST;
    filter.limit = 100;
    assert_int_equal(event_co_list(t->store, &filter, &t->arena, &events, &count), 0);
    assert_int_equal(count, expected);
}

static void log_co_tell(struct town *t)
{
    struct span carol = SPAN("carol@example.net"), all = SPAN("all@example.org");
    int64_t letter = letter_co_arrive(t, SMALL);
    const size_t each = 3; /* accepted, and delivered to two */
    expect_events(t, (struct event_filter){.letter = letter}, each);
    expect_events(t, (struct event_filter){.after = letter}, each);
    expect_events(t, (struct event_filter){.from = carol}, 4 * each);
    expect_events(t, (struct event_filter){.to = all}, 4 * each);
    expect_events(t, (struct event_filter){.to = all, .from = carol}, 4 * each);
    expect_events(t, (struct event_filter){.to = all, .from = SPAN("dave@example.net")}, 0);
}

struct emptying {
    int64_t mailbox;
};

static int empty_mailbox(struct db_tx *tx, void *arg)
{
    struct emptying *e = arg;
    const int64_t uids[] = {1, 2, 99};
    return box_expunge(tx, TENANT_FIRST, e->mailbox, uids, 3);
}

static void mailbox_co_empty(struct town *t, int64_t mailbox)
{
    struct emptying e = {mailbox};
    struct box_message one;
    assert_int_equal(store_co_write(t->store, empty_mailbox, &e), 2);
    assert_int_equal(box_co_remove_user(t->store, TENANT_FIRST, t->user), 0);
    assert_int_equal(box_co_message(t->store, TENANT_FIRST, mailbox, 3, &t->arena, &one),
                     ERR_ABSENT);
    assert_int_equal(blob_co_sweep(t->store), 0);
}

/* --- the walk -------------------------------------------------------------------------------- */

static int walk_co_main(void *arg)
{
    struct town *t = arg;
    people_co_arrive(t);
    credentials_co_work(t);
    for (unsigned i = 0; i < KEY_DIALECTS; i++)
        key_co_work(t, i);
    int64_t mailbox = mailbox_co_fill(t);
    log_co_tell(t);
    folders_co_be_found(t);
    details_co_resolve(t);
    mailbox_co_empty(t, mailbox);
    people_co_leave(t);
    return 0;
}

static void test_a_walk_through_all_rooms(void **state)
{
    (void)state;
    static const struct db_schema *const rooms[] = {&blob_schema, &directory_schema, &event_schema,
                                                    &box_schema};
    struct town t = {.arena = ARENA(MEMORY)};
    struct place place;
    char reason[256] = "";
    place_make(&place);
    assert_int_equal(store_open(&place.settings, rooms, 4, reason, sizeof reason, &t.store), 0);
    assert_int_equal(lane_create("password", 1, 10, &t.passwords), 0);
    assert_int_equal(directory_open(t.store, t.passwords, &t.directory), 0);
    assert_int_equal(loop_run_main("main", walk_co_main, &t), 0);
    directory_close(t.directory);
    lane_destroy(t.passwords);
    store_close(t.store);
    arena_free(&t.arena);
    place_remove(&place);
}

int room_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_walk_through_all_rooms)};
    return cmocka_run_group_tests_name("store: the rooms' SQL", tests, NULL, NULL);
}
