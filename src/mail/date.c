/* Dates of header fields; see date.h. */
#include "mail/date.h"

#include <stdio.h>
#include <time.h>

const char *date_format(int64_t wall_ms, char text[DATE_TEXT])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(text, DATE_TEXT, "%.3s, %02u %.3s %04u %02u:%02u:%02u +0000", days + 3 * tm.tm_wday,
             tm.tm_mday % 100U, months + 3 * tm.tm_mon, (tm.tm_year + 1900) % 10000U,
             tm.tm_hour % 100U, tm.tm_min % 100U, tm.tm_sec % 100U);
    return text;
}
