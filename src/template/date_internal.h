/* Dates of the helper formatDate: read from a value, written by a format of tokens. Pure. */
#ifndef TEMPLATE_DATE_INTERNAL_H
#define TEMPLATE_DATE_INTERNAL_H

#include "template/value_internal.h"

struct template_date {
    int64_t ms;     /* since 1970, UTC */
    int offset_min; /* what it is shown in */
};

/* Seconds or (from 10^11 on) milliseconds, as a number or digits; or ISO 8601, UTC by default. */
bool date_of_value(struct value v, struct template_date *ret_date);
/* "-0800", "-08:00", "Z", or the number -800; undefined and "" leave it. */
bool date_set_offset(struct template_date *date, struct value offset);
/*
 * YYYY YY MMMM MMM MM M DD D dddd ddd HH H hh h mm m ss s SSS A a ZZ Z; [text] stands for itself,
 * and so does everything else. -ENOBUFS past the buffer's cap.
 */
must_check int date_write(const struct template_date *date, struct span format, struct buffer *out);
must_check int date_write_iso(const struct template_date *date, struct buffer *out);

#endif
