/* Messages of SASL clients, and what SCRAM is checked with: of users and of nobody. */
#include "../store/suite.h"
#include "directory/internal.h"
#include "directory/sasl.h"
#include "run/lane.h"

static void expect_plain(struct span message, int expected)
{
    struct span authzid, authcid, password;
    assert_int_equal(sasl_parse_plain(message, &authzid, &authcid, &password), expected);
}

static void test_plain(void **state)
{
    struct span authzid, authcid, password;
    (void)state;
    assert_int_equal(sasl_parse_plain(SPAN("a\0bc\0def"), &authzid, &authcid, &password), 0);
    assert_true(span_equal(authzid, SPAN("a")) && span_equal(authcid, SPAN("bc")) &&
                span_equal(password, SPAN("def")));
    expect_plain(SPAN("\0b\0c"), 0);
    expect_plain(SPAN(""), ERR_SYNTAX);
    expect_plain(SPAN("\0\0c"), ERR_SYNTAX);
    expect_plain(SPAN("\0b\0"), ERR_SYNTAX);
    expect_plain(SPAN("\0b\0c\0"), ERR_SYNTAX);
}

static void expect_first(struct span message, int expected)
{
    struct sasl_scram_first first;
    assert_int_equal(sasl_parse_scram_first(message, &first), expected);
}

static void test_scram_first(void **state)
{
    struct sasl_scram_first first;
    (void)state;
    assert_int_equal(sasl_parse_scram_first(SPAN("p=tls-exporter,a=x,n=u,r=abc,e=f"), &first), 0);
    assert_int_equal(first.flag, 'p');
    assert_true(span_equal(first.binding, SPAN("tls-exporter")));
    assert_true(span_equal(first.authzid, SPAN("x")) && span_equal(first.name, SPAN("u")));
    expect_first(SPAN("n,,n=u,r=x"), 0);
    expect_first(SPAN("y,,n=u,r=x"), 0);
    static const char *const wrong[] = {
        "",           "n",           "n,",         "n,,",          "n,,n=u",
        "n,,n=,r=x",  "n,,n=u,r=",   "p,,n=u,r=",  "p=,,n=u,r=",   "z,,n=u,r=x",
        "n,,r=x,n=u", "n,x,n=u,r=x", "N,,n=u,r=x", "n,a=,n=u,r=x", "n,,m=x,n=u,r=y",
        "n,,N=u,r=x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_first(span_of(wrong[i]), ERR_SYNTAX);
    expect_first(SPAN("n,,n=u\0,r=x"), ERR_SYNTAX);
}

static void test_scram_names(void **state)
{
    AUTO_BUFFER out = BUFFER(100);
    (void)state;
    assert_int_equal(sasl_scram_name(SPAN("a=2Cb=3D=3Dc"), &out), 0);
    assert_true(span_equal(buffer_span(&out), SPAN("a,b==c")));
    static const char *const wrong[] = {"=", "a=", "a=2", "=2c", "=3d", "=20", "=="};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(sasl_scram_name(span_of(wrong[i]), &out), ERR_SYNTAX);
}

/* --- keys ------------------------------------------------------------------------------------- */

static const struct span bob = SPAN("bob@example.test");

/* Everybody is found the same way; only whether somebody is known differs. */
static void co_find(struct directory *d, enum scram_hash hash, struct span name, bool known,
                    struct scram_found *found)
{
    assert_int_equal(scram_co_find(d, hash, name, found), 0);
    assert_int_equal(found->known, known);
    assert_int_equal(found->keys.iterations, SCRAM_ITERATIONS);
}

/* Nobody's salt, is it that one? */
static bool co_is_salt(struct directory *d, enum scram_hash hash, struct span name,
                       const unsigned char salt[SCRAM_SALT])
{
    struct scram_found found;
    co_find(d, hash, name, false, &found);
    return memcmp(found.keys.salt, salt, SCRAM_SALT) == 0;
}

static void co_check_nobody(struct directory *d)
{
    unsigned char secret[DIRECTORY_SECRET] = {1}, other[DIRECTORY_SECRET] = {2};
    struct scram_found bobs;
    directory_set_secret(d, secret);
    co_find(d, SCRAM_SHA_256, bob, false, &bobs);
    assert_true(co_is_salt(d, SCRAM_SHA_256, SPAN("BOB@Example.TEST"), bobs.keys.salt));
    assert_false(co_is_salt(d, SCRAM_SHA_1, bob, bobs.keys.salt));
    assert_false(co_is_salt(d, SCRAM_SHA_256, SPAN("bo@example.test"), bobs.keys.salt));
    assert_false(co_is_salt(d, SCRAM_SHA_256, SPAN("no address"), bobs.keys.salt));
    directory_set_secret(d, other); /* without the node's secret nobody can say it */
    assert_false(co_is_salt(d, SCRAM_SHA_256, bob, bobs.keys.salt));
}

static int keys_co_main(void *arg)
{
    struct directory *d = arg;
    struct scram_keys none = {.iterations = 7};
    struct scram_found found;
    int64_t user;
    assert_int_equal(directory_co_domain_add(d, TENANT_FIRST, SPAN("example.test")), 0);
    co_check_nobody(d);
    assert_int_equal(directory_co_user_add(d, TENANT_FIRST, bob, SPAN("first secret"), &user), 0);
    co_find(d, SCRAM_SHA_1, bob, true, &found);
    assert_int_equal(found.who.user, user);
    assert_string_equal(found.who.login, "bob@example.test");
    int64_t version = found.version;
    assert_int_equal(scram_co_keep_sha1(d, &found.who, version + 1, &none), 0);
    co_find(d, SCRAM_SHA_1, bob, true, &found); /* those are another version's: all as it was */
    assert_int_equal(directory_co_user_passwd(d, TENANT_FIRST, bob, SPAN("second secret")), 0);
    co_find(d, SCRAM_SHA_1, bob, true, &found);
    assert_true(found.version != version);
    return 0;
}

static void test_keys_of_users_and_of_nobody(void **state)
{
    static const struct db_schema *const rooms[] = {&directory_schema};
    struct store *store;
    struct lane *lane;
    struct directory *directory;
    struct place place;
    char reason[256] = "";
    (void)state;
    place_make(&place);
    assert_int_equal(store_open(&place.settings, rooms, 1, reason, sizeof reason, &store), 0);
    assert_int_equal(lane_create("password", 1, 10, &lane), 0);
    assert_int_equal(directory_open(store, lane, &directory), 0);
    assert_int_equal(loop_run_main("main", keys_co_main, directory), 0);
    directory_close(directory);
    lane_destroy(lane);
    store_close(store);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_scram_first),
        cmocka_unit_test(test_scram_names),
        cmocka_unit_test(test_keys_of_users_and_of_nobody),
    };
    return cmocka_run_group_tests_name("sasl", tests, NULL, NULL);
}
