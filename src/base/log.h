/*
 * The log: one line an event on standard error, where it is handled, once.
 *
 *     log_info("smtpd.accepted", "letter=%s bytes=%zu", ...)
 *
 * prints "2026-11-23T10:00:00.123Z info smtpd.accepted letter=… bytes=…". The event's name is
 * room.what; facts are key=value. Never a body, a password, a token. Outside text goes through
 * LOG_SPAN ("%s", log_clean(...)) so that it cannot forge a line. Thread-safe; does not yield.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/span.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Outside bytes made harmless: quoted, control bytes as \xNN, cut at size. Returns buffer. */
const char *log_clean(struct span outside, char *buffer, size_t size);
#define LOG_CLEAN(outside) log_clean((outside), (char[256]){0}, 256)

#define log_debug(event, ...) log_line(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)  log_line(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...)  log_line(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_ERROR, event, __VA_ARGS__)

#endif
