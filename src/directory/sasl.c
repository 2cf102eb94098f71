/* One client's login, whatever the mechanism and the protocol; see sasl.h. */
#include "directory/sasl.h"

#include "base/base64.h"
#include "base/log.h"
#include "directory/scram.h"

#include <errno.h>
#include <sodium.h>

#define WRONG_MS 2000 /* not for loopback, as with all such limits */
#define SOON_MS  10   /* until it is looked again how those before ended */
#define WAITS_MS 10000

/* What old clients want to see before name and password is these very words. */
#define LOGIN_NAME     SPAN("Username:")
#define LOGIN_PASSWORD SPAN("Password:")

static const struct {
    const char *name;
    bool scram;
    struct scram_kind kind;
} mechanisms[SASL_MECHANISMS] = {
    [SASL_SCRAM_SHA_256_PLUS] = {"SCRAM-SHA-256-PLUS", true, {SCRAM_SHA_256, true}},
    [SASL_SCRAM_SHA_256] = {"SCRAM-SHA-256", true, {SCRAM_SHA_256, false}},
    [SASL_SCRAM_SHA_1_PLUS] = {"SCRAM-SHA-1-PLUS", true, {SCRAM_SHA_1, true}},
    [SASL_SCRAM_SHA_1] = {"SCRAM-SHA-1", true, {SCRAM_SHA_1, false}},
    [SASL_PLAIN] = {"PLAIN", false, {0}},
    [SASL_LOGIN] = {"LOGIN", false, {0}},
};

static void buffer_wipe(struct buffer *b)
{
    if (b->at)
        sodium_memzero(b->at, b->size);
    buffer_free(b);
}

void sasl_open(struct sasl_dialogue *dialogue, struct directory *directory, struct stream *st,
               bool users_only)
{
    *dialogue = (struct sasl_dialogue){.directory = directory,
                                       .st = st,
                                       .users_only = users_only,
                                       .mechanism = SASL_MECHANISMS,
                                       .challenge = BUFFER(2 * SASL_LINE_MAX),
                                       .name = BUFFER(SASL_LINE_MAX)};
}

/* False: the next of this peer will have to wait. */
static bool end_guess(struct sasl_dialogue *dialogue, enum guess_end end)
{
    dialogue->guessing = false;
    return guesses_end(dialogue->directory->guesses, stream_peer(dialogue->st),
                       buffer_span(&dialogue->name), end);
}

void sasl_close(struct sasl_dialogue *dialogue)
{
    if (dialogue->guessing)
        end_guess(dialogue, GUESS_UNDECIDED);
    scram_free(dialogue->scram);
    dialogue->scram = NULL;
    buffer_wipe(&dialogue->challenge);
    buffer_free(&dialogue->name);
    dialogue->mechanism = SASL_MECHANISMS;
    dialogue->step = 0;
}

struct span sasl_challenge(const struct sasl_dialogue *dialogue)
{
    return buffer_span(&dialogue->challenge);
}

struct span sasl_name(const struct sasl_dialogue *dialogue)
{
    return buffer_span(&dialogue->name);
}

bool sasl_is_exhausted(const struct sasl_dialogue *dialogue)
{
    return dialogue->failures >= SASL_FAILURES_MAX;
}

static bool can_bind(const struct sasl_dialogue *dialogue)
{
    unsigned char exporter[STREAM_EXPORTER];
    bool can = stream_tls_exporter(dialogue->st, exporter) == 0;
    sodium_memzero(exporter, sizeof exporter);
    return can;
}

int sasl_list(const struct sasl_dialogue *dialogue, const char *before, struct buffer *out)
{
    bool plus = can_bind(dialogue);
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < SASL_MECHANISMS; i++)
        if (plus || !mechanisms[i].kind.plus)
            rc = buffer_printf(out, "%s%s", before, mechanisms[i].name);
    return rc;
}

static enum sasl_mechanism find_mechanism(const struct sasl_dialogue *dialogue, struct span name)
{
    for (unsigned i = 0; i < SASL_MECHANISMS; i++)
        if (span_equal_nocase(name, span_of(mechanisms[i].name)))
            return mechanisms[i].kind.plus && !can_bind(dialogue) ? SASL_MECHANISMS
                                                                  : (enum sasl_mechanism)i;
    return SASL_MECHANISMS;
}

/* --- the mechanisms: a message in, SASL_DONE, SASL_CHALLENGE or an error out ------------------ */

static int challenge_with(struct sasl_dialogue *dialogue, struct span message)
{
    buffer_clear(&dialogue->challenge);
    int rc = base64_encode(&dialogue->challenge, message);
    return rc < 0 ? rc : SASL_CHALLENGE;
}

/* Waits for this peer's turn to try a password of this login. */
static int sasl_co_begin_guess(struct sasl_dialogue *dialogue, struct span name)
{
    enum guess guess = GUESS_SOON;
    int rc = 0;
    for (int64_t waited = 0; rc == 0 && guess == GUESS_SOON; waited += SOON_MS) {
        guess = guesses_begin(dialogue->directory->guesses, stream_peer(dialogue->st), name);
        if (guess == GUESS_SOON)
            rc = waited < WAITS_MS ? co_sleep(SOON_MS) : ERR_LIMITED;
    }
    dialogue->guessing = guess == GUESS_NOW;
    return rc < 0 ? rc : guess == GUESS_NOW ? 0 : ERR_LIMITED;
}

static int sasl_co_check(struct sasl_dialogue *dialogue, struct span name, struct span password,
                         struct identity *ret_who)
{
    struct identity who;
    int rc = sasl_co_begin_guess(dialogue, name);
    if (rc == 0)
        rc = directory_co_authenticate(dialogue->directory, name, password, &who);
    if (rc == 0 && who.user == 0 && dialogue->users_only)
        rc = ERR_DENIED;
    if (rc == 0)
        *ret_who = who;
    return rc;
}

static int sasl_co_plain(struct sasl_dialogue *dialogue, struct span message,
                         struct identity *ret_who)
{
    struct span authzid, name, password;
    int rc = sasl_parse_plain(message, &authzid, &name, &password);
    if (rc < 0)
        return rc;
    if (authzid.len && !span_equal_nocase(authzid, name)) { /* for somebody else: never */
        name = authzid;
        password = SPAN("");
    }
    rc = buffer_append(&dialogue->name, name);
    return rc < 0 ? rc : sasl_co_check(dialogue, name, password, ret_who);
}

static int sasl_co_login_step(struct sasl_dialogue *dialogue, struct span message,
                              struct identity *ret_who)
{
    if (dialogue->step > 0)
        return sasl_co_check(dialogue, buffer_span(&dialogue->name), message, ret_who);
    int rc = buffer_append(&dialogue->name, message);
    return rc < 0 ? rc : challenge_with(dialogue, LOGIN_PASSWORD);
}

/* The client sees the server's proof in a challenge, which it answers with nothing. */
static int sasl_co_scram(struct sasl_dialogue *dialogue, struct span message,
                         struct identity *ret_who)
{
    __attribute__((cleanup(buffer_wipe))) struct buffer reply = BUFFER(SASL_LINE_MAX);
    int rc;
    if (dialogue->step == 0) {
        rc = scram_co_begin(dialogue->directory, dialogue->st, mechanisms[dialogue->mechanism].kind,
                            message, &dialogue->name, &reply, &dialogue->scram);
    } else if (dialogue->step == 1) {
        rc = sasl_co_begin_guess(dialogue, buffer_span(&dialogue->name));
        if (rc == 0)
            rc = scram_co_verify(dialogue->scram, message, &reply);
        if (rc == 0) /* the client may take its time with the rest */
            end_guess(dialogue, GUESS_RIGHT);
    } else {
        if (message.len)
            return ERR_SYNTAX;
        *ret_who = *scram_who(dialogue->scram);
        return SASL_DONE;
    }
    return rc < 0 ? rc : challenge_with(dialogue, buffer_span(&reply));
}

static int sasl_co_take(struct sasl_dialogue *dialogue, struct span text, struct identity *ret_who)
{
    __attribute__((cleanup(buffer_wipe))) struct buffer message = BUFFER(SASL_LINE_MAX);
    int rc = base64_decode(&message, text);
    if (rc < 0)
        return rc;
    struct span bytes = buffer_span(&message);
    if (mechanisms[dialogue->mechanism].scram)
        rc = sasl_co_scram(dialogue, bytes, ret_who);
    else if (dialogue->mechanism == SASL_LOGIN)
        rc = sasl_co_login_step(dialogue, bytes, ret_who);
    else
        rc = sasl_co_plain(dialogue, bytes, ret_who);
    dialogue->step++;
    return rc;
}

/* --- the dialogue ----------------------------------------------------------------------------- */

/* Wrong is wrong: the same wait for whatever was wrong. */
static int sasl_co_count_wrong(struct sasl_dialogue *dialogue)
{
    dialogue->failures++;
    if (!end_guess(dialogue, GUESS_WRONG))
        log_info("directory.guessing", "peer=%s user=%s", stream_peer_text(dialogue->st),
                 LOG_CLEAN(buffer_span(&dialogue->name)));
    int rc = stream_peer_is_loopback(dialogue->st) ? 0 : co_sleep(WRONG_MS);
    return rc == -ECANCELED ? rc : ERR_DENIED;
}

/* All but the name, which the log still wants, goes with the end. */
static int sasl_co_settle(struct sasl_dialogue *dialogue, int rc)
{
    if (rc == SASL_CHALLENGE)
        return rc;
    scram_free(dialogue->scram);
    dialogue->scram = NULL;
    buffer_wipe(&dialogue->challenge);
    dialogue->mechanism = SASL_MECHANISMS;
    if (rc == ERR_DENIED)
        return sasl_co_count_wrong(dialogue);
    if (dialogue->guessing)
        end_guess(dialogue, rc == SASL_DONE ? GUESS_RIGHT : GUESS_UNDECIDED);
    return rc == -ENOBUFS ? ERR_SYNTAX : rc;
}

int sasl_co_start(struct sasl_dialogue *dialogue, struct span mechanism, struct span initial,
                  struct identity *ret_who)
{
    sasl_close(dialogue);
    dialogue->mechanism = find_mechanism(dialogue, mechanism);
    if (dialogue->mechanism == SASL_MECHANISMS)
        return -ENOTSUP;
    if (initial.len == 0)
        return sasl_co_settle(
            dialogue,
            challenge_with(dialogue, dialogue->mechanism == SASL_LOGIN ? LOGIN_NAME : SPAN("")));
    struct span text = span_equal(initial, SPAN("=")) ? SPAN("") : initial;
    return sasl_co_settle(dialogue, sasl_co_take(dialogue, text, ret_who));
}

int sasl_co_answer(struct sasl_dialogue *dialogue, struct span line, struct identity *ret_who)
{
    if (dialogue->mechanism == SASL_MECHANISMS)
        return ERR_SYNTAX;
    if (span_equal(line, SPAN("*")))
        return sasl_co_settle(dialogue, ERR_ABSENT);
    return sasl_co_settle(dialogue, sasl_co_take(dialogue, line, ret_who));
}

int sasl_co_login(struct sasl_dialogue *dialogue, struct span name, struct span password,
                  struct identity *ret_who)
{
    sasl_close(dialogue);
    int rc = buffer_append(&dialogue->name, name);
    if (rc == 0)
        rc = sasl_co_check(dialogue, name, password, ret_who);
    return sasl_co_settle(dialogue, rc);
}

static int sasl_co_say_challenge(struct sasl_dialogue *dialogue, struct span prompt)
{
    int rc = stream_co_write(dialogue->st, prompt);
    if (rc == 0)
        rc = stream_co_write(dialogue->st, sasl_challenge(dialogue));
    return rc < 0 ? rc : stream_co_write(dialogue->st, SPAN("\r\n"));
}

int sasl_co_run(struct sasl_dialogue *dialogue, struct span mechanism, struct span initial,
                struct span prompt, struct identity *ret_who)
{
    int rc = sasl_co_start(dialogue, mechanism, initial, ret_who);
    while (rc == SASL_CHALLENGE) {
        struct span line = SPAN("");
        rc = sasl_co_say_challenge(dialogue, prompt);
        if (rc == 0)
            rc = stream_co_read_line(dialogue->st, SASL_LINE_MAX, &line);
        if (rc < 0)
            return sasl_co_settle(dialogue, rc == -EMSGSIZE ? ERR_SYNTAX : rc);
        rc = sasl_co_answer(dialogue, line, ret_who);
    }
    return rc;
}
