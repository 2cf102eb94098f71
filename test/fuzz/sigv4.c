/* A request with a signature: its lines are path, query, Authorization, and a field that is signed.
 */
#include "fuzz.h"

#include "api/sigv4.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA arena = ARENA((1 << 20) + 64 * size);
    struct span rest = span_make(data, size), path, query, authorization, value;
    struct sigv4 signature;
    const char *why = NULL;
    if (!span_cut(&rest, '\n', &path) || !span_cut(&rest, '\n', &query) ||
        !span_cut(&rest, '\n', &authorization) || !span_cut(&rest, '\n', &value))
        return 0;
    const struct http_field fields[] = {{SPAN("Host"), value},
                                        {SPAN("X-Amz-Date"), SPAN("20150830T123600Z")},
                                        {SPAN("Authorization"), authorization}};
    const struct sigv4_request request = {.method = SPAN("GET"),
                                          .path = path,
                                          .query = query,
                                          .fields = fields,
                                          .field_count = authorization.len ? 3 : 2,
                                          .body = rest};
    int rc = sigv4_read(&request, &arena, &signature, &why);
    CLAIM(rc != ERR_SYNTAX || why);
    if (rc < 0)
        return 0;
    CLAIM(signature.signature.len == SIGV4_HEX && signature.key_id.len);
    rc = sigv4_check(&request, &signature, SPAN("secret"), signature.signed_ms, &arena, &why);
    CLAIM(rc == ERR_DENIED || rc == -ENOBUFS || rc == -ENOMEM); /* nobody guesses it */
    return 0;
}
