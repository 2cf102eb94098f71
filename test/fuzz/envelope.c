/* ENVELOPE: follows the grammar and stays within its bound, whatever the header is. */
#include "imap_answer.h"

#include "mail/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUFFER out = BUFFER(ENVELOPE_MAX);
    CLAIM(envelope_write(span_make(data, size), &out) == 0);
    struct span rest = buffer_span(&out);
    answer_envelope(&rest);
    CLAIM(rest.len == 0);
    return 0;
}
