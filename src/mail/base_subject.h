/*
 * Base subjects, by which letters are sorted and put in threads (RFC 5256 2.1).
 *
 * Pure, linear. Blanks are made one space, encoded words decoded, "Re:", "Fwd:", "[list]" and
 * "(fwd)" go.
 */
#ifndef MAIL_BASE_SUBJECT_H
#define MAIL_BASE_SUBJECT_H

#include "base/buffer.h"

#define BASE_SUBJECT_MAX ((size_t)1000) /* of UTF-8; the rest is left out */

/* body: the field's, as it stands. Appends UTF-8, case kept.
 * *ret_reply: something said that it is a reply or forward (RFC 5256 3, REFERENCES step 5). */
must_check int base_subject(struct span body, struct buffer *out, bool *ret_reply);
/* The same without its case (casemap.h). */
must_check int base_subject_key(struct span body, struct buffer *out, bool *ret_reply);

#endif
