/* A form of SES version 1: its tree is printed as XML without a character that XML cannot have. */
#include "fuzz.h"

#include "api/ses.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUFFER out = BUFFER((1 << 20) + 64 * size);
    struct json_object *tree = NULL;
    if (ses_query_read(span_make(data, size), &tree) < 0)
        return 0;
    int rc = ses_query_print(tree, &out);
    CLAIM(rc == 0 || rc == -E2BIG || rc == -ENOBUFS);
    for (size_t i = 0; i < out.len; i++)
        CLAIM((unsigned char)out.at[i] >= 32 || out.at[i] == '\n' || out.at[i] == '\t');
    json_object_put(tree);
    return 0;
}
