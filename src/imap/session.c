/* One IMAP dialogue from greeting to farewell; see server.h, session.h. */
#include "imap/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/crowd.h"
#include "run/tls.h"

#include <errno.h>
#include <stdlib.h>

#define MISTAKES_MAX              20
#define MISTAKES_MAX_BEFORE_LOGIN 3
#define LOGIN_TIMEOUT_MS          (60 * 1000)
#define LOGIN_WITHIN_MS           (3 * 60 * 1000) /* however much is said meanwhile */
#define IDLE_TIMEOUT_MS           (30 * 60 * 1000)
#define COMMAND_TIMEOUT_MS        (60 * 60 * 1000) /* a slow reader of a large mailbox */

const struct span imap_refusal =
    SPAN("* BYE [UNAVAILABLE] Too many connections, try again later\r\n");

/* --- the table of commands ------------------------------------------------------------------- */

enum states { BEFORE = 1, AFTER = 2, SELECTED = 4 };

static const struct {
    const char *name;
    imap_command *co_run;
    unsigned states;
    bool uid; /* may have UID in front */
} commands[] = {
    {"CAPABILITY", imap_co_capability, BEFORE | AFTER | SELECTED, false},
    {"NOOP", imap_co_noop, BEFORE | AFTER | SELECTED, false},
    {"LOGOUT", imap_co_logout, BEFORE | AFTER | SELECTED, false},
    {"ID", imap_co_id, BEFORE | AFTER | SELECTED, false},
    {"STARTTLS", imap_co_starttls, BEFORE, false},
    {"LOGIN", imap_co_login, BEFORE, false},
    {"AUTHENTICATE", imap_co_authenticate, BEFORE, false},
    {"ENABLE", imap_co_enable, AFTER | SELECTED, false},
    {"COMPRESS", imap_co_compress, AFTER | SELECTED, false},
    {"SELECT", imap_co_select, AFTER | SELECTED, false},
    {"EXAMINE", imap_co_examine, AFTER | SELECTED, false},
    {"CREATE", imap_co_create, AFTER | SELECTED, false},
    {"DELETE", imap_co_delete, AFTER | SELECTED, false},
    {"RENAME", imap_co_rename, AFTER | SELECTED, false},
    {"SUBSCRIBE", imap_co_subscribe, AFTER | SELECTED, false},
    {"UNSUBSCRIBE", imap_co_unsubscribe, AFTER | SELECTED, false},
    {"LIST", imap_co_list, AFTER | SELECTED, false},
    {"LSUB", imap_co_lsub, AFTER | SELECTED, false},
    {"NAMESPACE", imap_co_namespace, AFTER | SELECTED, false},
    {"STATUS", imap_co_status, AFTER | SELECTED, false},
    {"APPEND", imap_co_append, AFTER | SELECTED, false},
    {"IDLE", imap_co_idle, AFTER | SELECTED, false},
    {"CHECK", imap_co_check, SELECTED, false},
    {"CLOSE", imap_co_close, SELECTED, false},
    {"UNSELECT", imap_co_unselect, SELECTED, false},
    {"EXPUNGE", imap_co_expunge, SELECTED, true},
    {"SEARCH", imap_co_search, SELECTED, true},
    {"SORT", imap_co_sort, SELECTED, true},
    {"THREAD", imap_co_thread, SELECTED, true},
    {"FETCH", imap_co_fetch, SELECTED, true},
    {"STORE", imap_co_store, SELECTED, true},
    {"COPY", imap_co_copy, SELECTED, true},
    {"MOVE", imap_co_move, SELECTED, true},
    {"GETQUOTA", imap_co_getquota, AFTER | SELECTED, false},
    {"GETQUOTAROOT", imap_co_getquotaroot, AFTER | SELECTED, false},
    {"SETQUOTA", imap_co_setquota, AFTER | SELECTED, false},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static unsigned state_of(const struct imap_session *s)
{
    if (s->who.user == 0)
        return BEFORE;
    return s->selected ? SELECTED : AFTER;
}

static const char *why_not_now(const struct imap_session *s, unsigned states)
{
    if (states == BEFORE)
        return "You are logged in already";
    return s->who.user ? "Select a mailbox first" : "Log in first";
}

/* --- the command loop ------------------------------------------------------------------------ */

int imap_co_bad(struct imap_session *s, struct span tag, const char *text)
{
    unsigned most = s->who.user ? MISTAKES_MAX : MISTAKES_MAX_BEFORE_LOGIN;
    int rc = imap_co_printf(s, "%.*s BAD %s\r\n", SPAN_PRINT(tag), text);
    if (rc < 0 || ++s->mistakes < most)
        return rc;
    rc = imap_co_say(s, SPAN("* BYE Too many mistakes\r\n"));
    return rc < 0 ? rc : IMAP_END;
}

static int imap_co_run(struct imap_session *s)
{
    struct imap_parser p = {s->command.at, s->command.at + s->command.len, &s->arena, &s->hidden};
    struct span name, tag;
    if (imap_parse_tag(&p, &tag) < 0 || tag.len > IMAP_TAG_MAX || imap_parse_sp(&p) < 0)
        return imap_co_bad(s, SPAN("*"), "A command begins with a tag and a blank");
    imap_keep_tag(s, tag);
    s->uid = imap_take_word(&p, "UID");
    if ((s->uid && imap_parse_sp(&p) < 0) || imap_parse_atom(&p, &name) < 0)
        return imap_co_bad(s, s->tag, "The name of a command is missing");
    bool there = !imap_hides_command(&s->hidden, name, s->uid);
    for (unsigned i = 0; there && i < COMMANDS; i++) {
        if (!span_equal_nocase(name, span_of(commands[i].name)) || (s->uid && !commands[i].uid))
            continue;
        if (!(commands[i].states & state_of(s)))
            return imap_co_bad(s, s->tag, why_not_now(s, commands[i].states));
        s->hidden.command = span_of(commands[i].name);
        int rc = commands[i].co_run(s, &p);
        return rc == IMAP_BAD ? imap_co_bad(s, s->tag, "Wrong arguments") : rc;
    }
    return imap_co_bad(s, s->tag, "Unknown command");
}

static int64_t or_else(int64_t setting, int64_t usual)
{
    return setting ? setting : usual;
}

/* How long one command, or what is said before login, may take. */
static int64_t command_limit(const struct imap_session *s)
{
    return s->who.user ? or_else(s->settings->command_timeout_ms, COMMAND_TIMEOUT_MS)
                       : or_else(s->settings->login_timeout_ms, LOGIN_TIMEOUT_MS);
}

static void wait_for_command(struct imap_session *s)
{
    int64_t left = s->opened_ms + LOGIN_WITHIN_MS - clock_mono_ms();
    int64_t limit =
        s->who.user ? or_else(s->settings->idle_timeout_ms, IDLE_TIMEOUT_MS) : command_limit(s);
    stream_set_deadline(s->st, s->who.user || limit < left ? limit : left);
}

static int imap_co_next(struct imap_session *s)
{
    int rc = 0;
    s->tag = SPAN("");
    wait_for_command(s);
    stream_set_idle(s->st, true);
    if (!stream_has_input(s->st)) {
        buffer_free(&s->command); /* an idle session is small */
        arena_free(&s->arena);
        rc = stream_co_rest(s->st);
    }
    stream_set_idle(s->st, false);
    if (rc == 0)
        rc = imap_co_read_command(s);
    stream_set_deadline(s->st, command_limit(s));
    if (rc == IMAP_REFUSED)
        rc = 0;
    else if (rc == IMAP_BAD)
        rc =
            imap_co_bad(s, s->tag.len ? s->tag : SPAN("*"), "Lines end with CRLF and have a limit");
    else if (rc == 0)
        rc = imap_co_run(s);
    arena_reset(&s->arena);
    return rc == 0 ? stream_co_end_reply(s->st) : rc;
}

static int imap_co_greet(struct imap_session *s)
{
    AUTO_BUFFER line = BUFFER(4096);
    if (s->settings->implicit_tls) {
        struct tls_context *context = s->settings->tls(s->settings->tls_arg);
        if (!context)
            return ERR_TLS;
        stream_set_deadline(s->st, LOGIN_TIMEOUT_MS);
        int rc = stream_co_start_tls_server(s->st, context);
        tls_context_release(context);
        if (rc < 0)
            return rc;
    }
    int rc = buffer_append_text(&line, "* OK [CAPABILITY ");
    if (rc == 0)
        rc = imap_write_capabilities(s, &line);
    if (rc == 0)
        rc = buffer_printf(&line, "] %s IMAP ready\r\n", s->settings->hostname);
    return rc < 0 ? rc : imap_co_say(s, buffer_span(&line));
}

int imap_co_serve(struct stream *st, void *settings)
{
    struct imap_session *s = calloc(1, sizeof *s);
    if (!s) {
        stream_farewell(st, imap_refusal);
        return -ENOMEM;
    }
    s->st = st;
    s->opened_ms = clock_mono_ms();
    s->settings = settings;
    s->arena = ARENA(IMAP_ARENA_MAX);
    sasl_open(&s->sasl, s->settings->directory, st, true);
    stream_set_timeout(st, CO_FOREVER); /* the deadline of each command bounds it */
    atomic_fetch_add(&s->settings->counters->sessions, 1);
    int rc = imap_co_greet(s);
    while (rc == 0)
        rc = imap_co_next(s);
    if (rc == -ECANCELED)
        stream_farewell(st, SPAN("* BYE Shutting down\r\n"));
    else if (rc == -ETIMEDOUT)
        stream_farewell(st, SPAN("* BYE You were silent for too long\r\n"));
    else if (rc == ERR_DEFLATE)
        log_info("imap.broken_deflate", "peer=%s user=%s", stream_peer_text(st), s->who.login);
    log_debug("imap.end", "peer=%s why=\"%s\"", stream_peer_text(st),
              rc == IMAP_END ? "said" : error_text(rc));
    if (s->who.user)
        crowd_leave_user(s->settings->users, s->who.user);
    imap_unselect(s);
    sasl_close(&s->sasl);
    buffer_free(&s->command);
    arena_free(&s->arena);
    free(s);
    return rc;
}
