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

struct mime_part;
struct search_form {
    struct buffer header; /* "NAME: body" of each field of the letter */
    struct buffer parts;  /* the same of the parts within, and decoded names of attachments */
    struct buffer text;   /* of text parts; HTML as it is written */
    /* Kept from letter to letter: */
    struct buffer scratch[2];
    struct mime_part *tree; /* of the letter at hand; the parts from next on are not taken yet */
    int count, next;
};
#define SEARCH_FORM                                                                                \
    ((struct search_form){.header = BUFFER(SEARCH_FORM_MAX),                                       \
                          .parts = BUFFER(SEARCH_FORM_MAX),                                        \
                          .text = BUFFER(SEARCH_FORM_MAX),                                         \
                          .scratch = {BUFFER(SEARCH_FORM_MAX), BUFFER(SEARCH_FORM_MAX)}})

/* What is sought, in that form. Appends. */
must_check int search_form_fold(struct span text, struct buffer *out);
/* Fills header alone; the other: parts and text alone. What was in there goes. Of a letter that is
 * too large the front. -ENOMEM. */
must_check int search_form_header(struct span letter, struct search_form *form);
must_check int search_form_body(struct span letter, struct search_form *form);
/* False: the text (in search form) is surely not in the header, which need not be made. */
bool search_form_may_have_in_header(struct span letter, struct search_form *form, struct span text);
/* The same part by part, where the first may tell enough: begin, then next until it is 0. The
 * letter stays where it is meanwhile. */
must_check int search_form_begin(struct span letter, struct search_form *form);
must_check int search_form_next(struct span letter, struct search_form *form);
must_check int search_form_rest(struct span letter, struct search_form *form); /* all next ones */
void search_form_free(struct search_form *form);

/* Is it in a field of that name (in search form; empty: any)? An empty text is in every field. */
bool search_form_has_field(const struct search_form *form, struct span name, struct span text);
/* In a field, or across its name and body. */
bool search_form_has_in_header(const struct search_form *form, struct span text);
/* In text; in parts too. Behind search_form_begin; takes no more parts than it needs. 1, 0, or an
 * error. */
must_check int search_form_find_text(struct span letter, struct search_form *form,
                                     struct span text);
must_check int search_form_find(struct span letter, struct search_form *form, struct span text);

#endif
