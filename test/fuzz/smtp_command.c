/* One SMTP command line. */
#include "fuzz.h"

#include "smtp/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span line = span_make(data, size);
    struct smtp_command c;
    struct smtp_path path;
    if (smtp_parse_command(line, &c) == 0) {
        CLAIM(lies_within(c.argument, line));
        if (c.verb == SMTP_MAIL || c.verb == SMTP_RCPT) {
            struct span unquoted = span_make(c.path.unquoted, sizeof c.path.unquoted);
            CLAIM(lies_within(c.path.local, line) || lies_within(c.path.local, unquoted));
            CLAIM(lies_within(c.path.domain, line));
            CLAIM(c.path.null || c.path.local.len);
            CLAIM(c.path.local.len <= SMTP_LOCAL_MAX && c.path.domain.len <= SMTP_DOMAIN_MAX);
            CLAIM(span_find(c.path.local, '\r') < 0 && span_find(c.path.local, '\n') < 0);
        }
    }
    if (smtp_parse_path(line, &path) == 0)
        CLAIM(path.local.len <= SMTP_LOCAL_MAX && path.domain.len <= SMTP_DOMAIN_MAX);
    return 0;
}
