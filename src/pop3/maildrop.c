/* STAT, LIST, UIDL, DELE, RSET (RFC 1939 5): answered from the list taken at login. */
#include "pop3/session.h"

#include "base/id.h"

#include <inttypes.h>

struct pop3_message *pop3_co_message(struct pop3_session *s, uint32_t number, int *ret_rc)
{
    struct pop3_message *message =
        number >= 1 && number <= s->count ? &s->messages[number - 1] : NULL;
    if (message && !message->deleted)
        return message;
    *ret_rc = pop3_co_say(s, SPAN("-ERR No such message\r\n"));
    return NULL;
}

static void count_left(const struct pop3_session *s, size_t *ret_count, uint64_t *ret_octets)
{
    *ret_count = 0;
    *ret_octets = 0;
    for (size_t i = 0; i < s->count; i++)
        if (!s->messages[i].deleted) {
            ++*ret_count;
            *ret_octets += s->messages[i].octets;
        }
}

int pop3_co_stat(struct pop3_session *s, const struct pop3_command *command)
{
    size_t count;
    uint64_t octets;
    (void)command;
    count_left(s, &count, &octets);
    return pop3_co_printf(s, "+OK %zu %" PRIu64 "\r\n", count, octets);
}

/* mailbox and uid together are never given twice. */
static int pop3_co_line(struct pop3_session *s, const char *before, size_t index, bool uidl)
{
    char id[ID_TEXT];
    const struct pop3_message *message = &s->messages[index];
    if (uidl)
        return pop3_co_printf(s, "%s%zu %s-%" PRId64 "\r\n", before, index + 1,
                              id_text(s->mailbox, id), message->uid);
    return pop3_co_printf(s, "%s%zu %" PRIu64 "\r\n", before, index + 1, message->octets);
}

static int pop3_co_listing(struct pop3_session *s, const struct pop3_command *command, bool uidl)
{
    int rc;
    if (command->number) {
        struct pop3_message *message = pop3_co_message(s, command->number, &rc);
        return message ? pop3_co_line(s, "+OK ", command->number - 1, uidl) : rc;
    }
    rc = pop3_co_say(s, SPAN("+OK\r\n"));
    for (size_t i = 0; rc == 0 && i < s->count; i++)
        if (!s->messages[i].deleted)
            rc = pop3_co_line(s, "", i, uidl);
    return rc < 0 ? rc : pop3_co_say(s, SPAN(".\r\n"));
}

int pop3_co_list(struct pop3_session *s, const struct pop3_command *command)
{
    return pop3_co_listing(s, command, false);
}

int pop3_co_uidl(struct pop3_session *s, const struct pop3_command *command)
{
    return pop3_co_listing(s, command, true);
}

int pop3_co_dele(struct pop3_session *s, const struct pop3_command *command)
{
    int rc;
    struct pop3_message *message = pop3_co_message(s, command->number, &rc);
    if (!message)
        return rc;
    message->deleted = true;
    return pop3_co_printf(s, "+OK Message %u goes at QUIT\r\n", command->number);
}

int pop3_co_rset(struct pop3_session *s, const struct pop3_command *command)
{
    (void)command;
    for (size_t i = 0; i < s->count; i++)
        s->messages[i].deleted = false;
    return pop3_co_say(s, SPAN("+OK\r\n"));
}
