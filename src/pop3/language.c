/*
 * UTF8 and LANG (RFC 6856).
 *
 * Letters are sent as they came, so UTF8 changes nothing but that the client may not start TLS any
 * more (2.1). Our answers are English whatever LANG chooses: "en", and "i-default" at first.
 */
#include "pop3/session.h"

int pop3_co_utf8(struct pop3_session *s, const struct pop3_command *command)
{
    (void)command;
    s->utf8 = true;
    return pop3_co_say(s, SPAN("+OK UTF-8 is fine\r\n"));
}

int pop3_co_lang(struct pop3_session *s, const struct pop3_command *command)
{
    struct span tag = span_trim(command->argument);
    if (tag.len == 0)
        return pop3_co_say(s, SPAN("+OK Languages follow\r\nen English\r\n"
                                   "i-default Default language\r\n.\r\n"));
    if (span_equal(tag, SPAN("*")) || span_equal_nocase(tag, SPAN("i-default")))
        return pop3_co_say(s, SPAN("+OK i-default Default language\r\n"));
    if (span_equal_nocase(tag, SPAN("en")) || span_starts_nocase(tag, SPAN("en-")))
        return pop3_co_say(s, SPAN("+OK en English it is\r\n"));
    return pop3_co_say(s, SPAN("-ERR Only English is spoken here\r\n"));
}
