/* postamt.conf: refused with a reason, or printed and read back. */
#include "fuzz.h"

#include "ctl/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config, again;
    AUTO_BUFFER printed = BUFFER(1 << 16), twice = BUFFER(1 << 16);
    char reason[300] = "";
    if (config_parse(span_make(data, size), "postamt.conf", &config, reason, sizeof reason) < 0) {
        CLAIM(reason[0]);
        return 0;
    }
    CLAIM(config_print(&printed, &config) == 0);
    config_free(&config);
    if (config.postgres) /* its password is not printed */
        return 0;
    CLAIM(config_parse(buffer_span(&printed), "printed", &again, reason, sizeof reason) == 0);
    CLAIM(config_print(&twice, &again) == 0);
    config_free(&again);
    CLAIM(span_equal(buffer_span(&printed), buffer_span(&twice)));
    return 0;
}
