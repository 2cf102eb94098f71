/* Reading what claims to be an ENVELOPE: whatever it is, spans lie within it, and what is taken
 * for one has strings that can be read. */
#include "fuzz.h"

#include "mail/date.h"
#include "mail/envelope.h"
#include "mail/envelope_read.h"

static void check_front(struct span text, const struct envelope *whole)
{
    AUTO_BUFFER scratch = BUFFER(ENVELOPE_MAX), out = BUFFER(ENVELOPE_MAX);
    struct envelope e;
    struct span subject;
    if (envelope_read_front(text, &e) < 0) {
        CLAIM(!whole);
        return;
    }
    CLAIM(lies_within(e.date, text) && lies_within(e.subject, text));
    CLAIM(!whole || (span_equal(e.date, whole->date) && span_equal(e.subject, whole->subject)));
    CLAIM(envelope_text(e.subject, &scratch, &subject) == 0);
    CLAIM(envelope_string(e.subject, &out) == 0);
    CLAIM(span_equal(subject, buffer_span(&out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct envelope e;
    int64_t sent;
    int rc = date_parse_sent(text, &sent);
    CLAIM(rc == 0 || rc == ERR_SYNTAX);
    rc = envelope_read(text, &e);
    CLAIM(rc == 0 || rc == ERR_CORRUPT);
    check_front(text, rc == 0 ? &e : NULL);
    const struct span lists[] = {e.from, e.sender, e.reply_to, e.to, e.cc, e.bcc};
    for (unsigned i = 0; rc == 0 && i < sizeof lists / sizeof *lists; i++) {
        struct envelope_address first;
        AUTO_BUFFER out = BUFFER(ENVELOPE_MAX);
        CLAIM(lies_within(lists[i], text));
        if (!envelope_first_address(lists[i], &first))
            continue;
        CLAIM(lies_within(first.mailbox, lists[i]));
        CLAIM(envelope_string(first.name, &out) == 0);
        CLAIM(envelope_string(first.mailbox, &out) == 0);
        CLAIM(envelope_string(first.host, &out) == 0);
    }
    return 0;
}
