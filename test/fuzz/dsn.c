/* Bounces of others: whatever they say is clean, and bounded. */
#include "fuzz.h"

#include "mail/dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA arena = ARENA(1 << 22);
    struct dsn_report reports[20];
    char status[DSN_STATUS];
    int count = dsn_read(span_make(data, size), &arena, reports, 20);
    CLAIM(count >= 0 && count <= 20);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < 2; k++) {
            struct span text = k ? reports[i].words : reports[i].recipient;
            for (size_t at = 0; at < text.len; at++)
                CLAIM(text.at[at] >= 32 && text.at[at] < 127);
        }
    dsn_status(span_make(data, size), '5', status);
    CLAIM(status[0] == '5' && status[1] == '.');
    return 0;
}
