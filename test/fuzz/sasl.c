/* A PLAIN message as a client sends it, in base64. */
#include "fuzz.h"

#include "base/base64.h"
#include "directory/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUFFER message = BUFFER(1 << 20), again = BUFFER(1 << 21);
    struct span line = span_make(data, size), authzid, authcid, password;
    if (base64_decode(&message, line) < 0)
        return 0;
    CLAIM(base64_encode(&again, buffer_span(&message)) == 0);
    CLAIM(span_equal(buffer_span(&again), line)); /* strict: one spelling for each message */
    if (sasl_parse_plain(buffer_span(&message), &authzid, &authcid, &password) < 0)
        return 0;
    CLAIM(authcid.len && password.len);
    CLAIM(authzid.len + authcid.len + password.len + 2 == message.len);
    CLAIM(lies_within(authcid, buffer_span(&message)));
    return 0;
}
