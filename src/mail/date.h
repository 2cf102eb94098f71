/* Dates of header fields (RFC 5322 3.3): written in UTC, read in any zone. Pure. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "base/error.h"
#include "base/span.h"

#define DATE_TEXT 32

/* "Mon, 23 Nov 2026 10:00:00 +0000", terminated. */
const char *date_format(int64_t wall_ms, char text[DATE_TEXT]);
/* Also without day of the week and seconds, with the zones' names of RFC 5322 4.3 and "UTC", and a
 * comment behind. Years from 1970. ERR_SYNTAX. */
must_check int date_parse(struct span text, int64_t *ret_wall_ms);
/* For sorting (RFC 5256 2.2): an unknown zone is UTC, an unknown time 0:00, and years may have two
 * digits. ERR_SYNTAX: there is no date. */
must_check int date_parse_sent(struct span text, int64_t *ret_wall_ms);

#endif
