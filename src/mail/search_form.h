/*
 * A letter as SEARCH sees it: everything in it that can be found, decoded and without its case.
 *
 * Pure. Encoded words, transfer encodings, charsets are undone (decode.h), then the text is put
 * into one case (casemap.h); a text that is sought goes the same way, and is there if its bytes
 * are. Pieces are separated by a byte that no such text has. What is broken is taken as it stands.
 */
#ifndef MAIL_SEARCH_FORM_H
#define MAIL_SEARCH_FORM_H

#include "base/buffer.h"

#define SEARCH_FORM_MAX ((size_t)64 * 1024 * 1024) /* a cap that is enough for most */

struct search_form {
    struct buffer header; /* "NAME: body" of each field of the letter */
    struct buffer parts;  /* the same of the parts within, and decoded names of attachments */
    struct buffer text;   /* of text parts; HTML as it is written */
};
#define SEARCH_FORM                                                                                \
    ((struct search_form){BUFFER(SEARCH_FORM_MAX), BUFFER(SEARCH_FORM_MAX),                        \
                          BUFFER(SEARCH_FORM_MAX)})

/* What is sought, in that form. Appends. */
must_check int search_form_fold(struct span text, struct buffer *out);
/* Fills header alone; the other: parts and text alone. What was in there goes. Of a letter that is
 * too large the front. -ENOMEM. */
must_check int search_form_header(struct span letter, struct search_form *form);
must_check int search_form_body(struct span letter, struct search_form *form);
void search_form_free(struct search_form *form);

/* Is it in a field of that name (in search form; empty: any)? An empty text is in every field. */
bool search_form_has_field(const struct search_form *form, struct span name, struct span text);
bool search_form_has_text(const struct search_form *form, struct span text);
/* In any of the three. */
bool search_form_has(const struct search_form *form, struct span text);

#endif
