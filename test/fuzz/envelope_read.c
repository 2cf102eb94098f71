/* Reading what claims to be an ENVELOPE: whatever it is, spans lie within it, and what is taken
 * for one has strings that can be read. */
#include "fuzz.h"

#include "mail/date.h"
#include "mail/envelope.h"
#include "mail/envelope_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct envelope e;
    int64_t sent;
    int rc = date_parse_sent(text, &sent);
    CLAIM(rc == 0 || rc == ERR_SYNTAX);
    rc = envelope_read(text, &e);
    CLAIM(rc == 0 || rc == ERR_CORRUPT);
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
