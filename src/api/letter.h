/*
 * A letter that came by SMTP, read into its parts, so that it can be made anew for each of its
 * recipients: SendGrid's X-SMTPAPI and Mailgun's recipient variables ask for that.
 */
#ifndef API_LETTER_H
#define API_LETTER_H

#include "mail/compose.h"

/* The fields that compose_letter has no place for and that may be in a letter go into its headers;
 * those that `left_out` names (edit_names) do not. The first text, HTML and AMP part are the
 * bodies, all else is attached. What is broken is read as far as it goes. Everything lives in the
 * arena or in the letter. -ENOMEM, -E2BIG: more parts or fields than a letter may have. */
must_check int letter_read(struct span letter, const char *const *left_out, struct arena *arena,
                           struct compose_letter *ret_letter);
/* The body of the first field of that name in the letter's header, decoded and on one line, in the
 * arena; empty: there is none. */
must_check int letter_field(struct span letter, const char *name, struct arena *arena,
                            struct span *ret_body);

#endif
