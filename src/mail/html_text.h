/*
 * Text made from HTML, for the text part of letters that come with HTML alone.
 *
 * Pure, linear in the input, for any bytes; the result is well-formed UTF-8 with CRLF line ends and
 * no blanks at line ends. Blocks become lines or paragraphs, links "text (URL)", list items "- " or
 * "1. ", table cells "a | b", quotations "> ". Comments, styles, scripts and titles are left out,
 * and so are characters without width that only fill a preheader.
 */
#ifndef MAIL_HTML_TEXT_H
#define MAIL_HTML_TEXT_H

#include "base/buffer.h"

#define HTML_TEXT_DEPTH 16 /* of lists, of quotations: what is deeper is shown so deep */

/* Into out, which is empty; what its cap has no room for is left out. -ENOMEM. */
must_check int html_text(struct span html, struct buffer *out);
/* The same without the URLs of links: for previews. */
must_check int html_text_words(struct span html, struct buffer *out);

#endif
