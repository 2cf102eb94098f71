/* A first message of PLAIN or SCRAM as a client sends it, in base64. */
#include "fuzz.h"

#include "base/base64.h"
#include "directory/sasl.h"

static void check_scram(struct span message)
{
    AUTO_BUFFER name = BUFFER(1 << 20);
    struct sasl_scram_first first;
    if (sasl_parse_scram_first(message, &first) < 0)
        return;
    CLAIM(first.flag == 'n' || first.flag == 'y' || first.flag == 'p');
    CLAIM((first.flag == 'p') == (first.binding.len > 0));
    CLAIM(first.name.len && lies_within(first.name, message));
    CLAIM(span_find(first.name, ',') < 0 && span_find(first.authzid, ',') < 0);
    if (sasl_scram_name(first.name, &name) == 0)
        CLAIM(name.len && name.len <= first.name.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUFFER message = BUFFER(1 << 20), again = BUFFER(1 << 21);
    struct span line = span_make(data, size), authzid, authcid, password;
    if (base64_decode(&message, line) < 0)
        return 0;
    CLAIM(base64_encode(&again, buffer_span(&message)) == 0);
    CLAIM(span_equal(buffer_span(&again), line)); /* strict: one spelling for each message */
    check_scram(buffer_span(&message));
    if (sasl_parse_plain(buffer_span(&message), &authzid, &authcid, &password) < 0)
        return 0;
    CLAIM(authcid.len && password.len);
    CLAIM(authzid.len + authcid.len + password.len + 2 == message.len);
    CLAIM(lies_within(authcid, buffer_span(&message)));
    return 0;
}
