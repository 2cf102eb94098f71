/* One POP3 command line. */
#include "fuzz.h"

#include "pop3/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span line = span_make(data, size);
    struct pop3_command c;
    if (pop3_parse_command(line, &c) == 0) {
        CLAIM(c.verb < POP3_VERBS);
        CLAIM(lies_within(c.argument, line));
        CLAIM((c.verb != POP3_RETR && c.verb != POP3_DELE && c.verb != POP3_TOP) || c.number);
    }
    return 0;
}
