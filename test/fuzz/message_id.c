/* Message-IDs: within their bounds, in normal form, whatever the header is. */
#include "fuzz.h"

#include "mail/message_id.h"

static void claim_is_normal(struct span id)
{
    CLAIM(id.len <= MESSAGE_ID_MAX);
    for (size_t i = 0; i < id.len; i++)
        CLAIM((unsigned char)id.at[i] > ' ' && id.at[i] != 127);
    CLAIM(span_find(id, '@') >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUFFER out = BUFFER(MESSAGE_IDS_MAX);
    struct span id;
    unsigned count = 0;
    CLAIM(message_ids_write(span_make(data, size), &out) == 0);
    struct span ids = buffer_span(&out), root = message_ids_root(ids);
    CLAIM(ids.len && ids.at[ids.len - 1] == '\n' && lies_within(root, ids));
    for (; message_ids_next(&ids, &id); count++)
        if (count || id.len)
            claim_is_normal(id);
    CLAIM(count >= 1 && count <= 1 + MESSAGE_IDS_REFS);
    return 0;
}
