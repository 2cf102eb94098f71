/* ENVELOPE: follows the grammar, stays within its bound and is read back, whatever the header is.
 */
#include "imap_answer.h"

#include "mail/envelope.h"
#include "mail/envelope_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUFFER out = BUFFER(ENVELOPE_MAX);
    CLAIM(envelope_write(span_make(data, size), &out) == 0);
    struct span rest = buffer_span(&out);
    answer_envelope(&rest);
    CLAIM(rest.len == 0);
    struct envelope e;
    CLAIM(envelope_read(buffer_span(&out), &e) == 0);
    const struct span strings[] = {e.date, e.subject, e.in_reply_to, e.message_id};
    for (unsigned i = 0; i < sizeof strings / sizeof *strings; i++) {
        AUTO_BUFFER string = BUFFER(ENVELOPE_MAX);
        CLAIM(lies_within(strings[i], buffer_span(&out)));
        CLAIM(envelope_string(strings[i], &string) == 0);
    }
    return 0;
}
