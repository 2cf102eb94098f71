/* Log lines; see log.h. One write(2) a line, so that threads and processes do not mix theirs. */
#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 1500

static atomic_int log_least = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&log_least, (int)level);
}

static int log_head(char *line, size_t size, enum log_level level, const char *event)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    int64_t now = clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t at = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
    return (int)at +
           snprintf(line + at, size - at, ".%03dZ %s %s ", (int)(now % 1000), names[level], event);
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    if ((int)level < atomic_load(&log_least))
        return;
    char line[LOG_LINE_MAX];
    int len = log_head(line, sizeof line, level, event);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + len, sizeof line - (size_t)len - 1, format, args);
    va_end(args);
    len += more < 0 ? 0 : more;
    if (len > (int)sizeof line - 2)
        len = (int)sizeof line - 2;
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        return; /* nobody left to tell */
}

const char *log_clean(struct span outside, char *buffer, size_t size)
{
    size_t at = 0;
    buffer[at++] = '"';
    for (size_t i = 0; i < outside.len && at + 6 < size; i++) {
        unsigned char c = (unsigned char)outside.at[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            buffer[at++] = (char)c;
        else
            at += (size_t)snprintf(buffer + at, size - at, "\\x%02x", c);
    }
    buffer[at++] = '"';
    buffer[at] = '\0';
    return buffer;
}
