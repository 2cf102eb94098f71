/* Dates: what is read is written as the same moment. */
#include "fuzz.h"

#include "mail/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t wall_ms, again;
    char text[DATE_TEXT];
    int rc = date_parse(span_make(data, size), &wall_ms);
    CLAIM(rc == 0 || rc == ERR_SYNTAX);
    if (rc == 0 && wall_ms >= 0 && wall_ms < INT64_C(253402300800000)) {
        CLAIM(date_parse(span_of(date_format(wall_ms, text)), &again) == 0);
        CLAIM(again == wall_ms);
    }
    return 0;
}
