/*
 * Text of header fields: plain where it can be, else encoded words (RFC 2047), folded.
 *
 * Pure. Text is UTF-8 without CR, LF and NUL (encode_word_is_text); the charset of encoded words is
 * utf-8, Q or B whichever is shorter, no character is split, none is longer than 75. What a reader
 * could take for an encoded word, blanks a reader would lose and words too long for a line are
 * encoded as well.
 */
#ifndef MAIL_ENCODE_WORD_H
#define MAIL_ENCODE_WORD_H

#include "mail/fold.h"

/* Well-formed UTF-8 without CR, LF, NUL: what a field may be made of. */
bool encode_word_is_text(struct span text);
/* " text", unstructured (Subject, Comments, X-…); blanks at its ends are left out. */
must_check int encode_word_text(struct fold *f, struct span text);
/* " phrase": a display name, as atoms, a quoted string or encoded words (RFC 2047 5.3). */
must_check int encode_word_phrase(struct fold *f, struct span name);

#endif
