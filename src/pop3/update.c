/* QUIT (RFC 1939 6): deleted messages go now, and +OK follows the commit. */
#include "pop3/session.h"

#include "base/log.h"

#define BATCH 256

struct update {
    int64_t tenant, mailbox, uids[BATCH];
    size_t count;
};

static int expunge(struct db_tx *tx, void *arg)
{
    const struct update *u = arg;
    int rc = box_expunge(tx, u->tenant, u->mailbox, u->uids, u->count);
    return rc < 0 ? rc : 0;
}

/* The next deleted ones from *at on. */
static void gather(const struct pop3_session *s, size_t *at, struct update *u)
{
    for (u->count = 0; *at < s->count && u->count < BATCH; ++*at)
        if (s->messages[*at].deleted)
            u->uids[u->count++] = s->messages[*at].uid;
}

static int pop3_co_update(struct pop3_session *s)
{
    AUTO_ARENA arena = ARENA(2 * sizeof(struct update));
    struct update *u = arena_alloc(&arena, sizeof *u);
    int rc = u ? 0 : ERR_FULL;
    if (rc == 0)
        *u = (struct update){.tenant = s->who.tenant, .mailbox = s->mailbox};
    for (size_t at = 0; rc == 0 && at < s->count;) {
        gather(s, &at, u);
        if (u->count)
            rc = store_co_write(s->settings->store, expunge, u);
    }
    return rc;
}

int pop3_co_quit(struct pop3_session *s, const struct pop3_command *command)
{
    (void)command;
    int rc = s->who.user ? pop3_co_update(s) : 0;
    if (rc < 0) {
        log_error("pop3.not_deleted", "user=%s why=\"%s\"", s->who.login, error_text(rc));
        rc = pop3_co_say(s, SPAN("-ERR [SYS/TEMP] Some messages were not deleted\r\n"));
    } else {
        rc = pop3_co_say(s, SPAN("+OK Bye\r\n"));
    }
    return rc < 0 ? rc : POP3_END;
}
