/*
 * Character references of HTML: "&eacute;", "&#233;", "&#xe9;" (HTML 4.01, chapter 24).
 *
 * Pure. All named ones of HTML 4 and "&apos;".
 */
#ifndef MAIL_ENTITY_H
#define MAIL_ENTITY_H

#include "base/span.h"

/* The reference at the front of text, which begins with '&': its length, 0 when it is none. The
 * semicolon may lack behind numbers and the oldest five (&amp &lt &gt &quot &nbsp). Numbers of
 * windows-1252's row 80-9F mean its characters, impossible ones U+FFFD, as in browsers. */
size_t entity_read(struct span text, uint32_t *ret_character);

#endif
