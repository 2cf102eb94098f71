/* Dates of header fields (RFC 5322 3.3), always in UTC. Pure. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <stdint.h>

#define DATE_TEXT 32

/* "Mon, 23 Nov 2026 10:00:00 +0000", terminated. */
const char *date_format(int64_t wall_ms, char text[DATE_TEXT]);

#endif
