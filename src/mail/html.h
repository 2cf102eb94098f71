/*
 * HTML as mail has it, cut into text and tags (after WHATWG HTML 13.2.5, its tokenizer, much
 * reduced).
 *
 * Pure, linear, for any bytes. Every byte belongs to exactly one token, in order.
 */
#ifndef MAIL_HTML_H
#define MAIL_HTML_H

#include "base/span.h"

enum html_kind {
    HTML_TEXT,  /* up to the next tag; character references are not resolved */
    HTML_OPEN,  /* <name attributes> */
    HTML_CLOSE, /* </name> */
    HTML_OTHER, /* comments, declarations, processing instructions */
};
struct html_token {
    enum html_kind kind;
    struct span raw;        /* the whole */
    struct span name;       /* of tags, as written */
    struct span attributes; /* between name and '>' */
};
/* Takes the next token off *rest; false at the end. A tag or comment without an end goes to the end
 * of the text. */
bool html_next(struct span *rest, struct html_token *ret_token);
/* Takes the next attribute off *rest; the value is empty where there is none, as written else. */
bool html_next_attribute(struct span *rest, struct span *ret_name, struct span *ret_value);
/* The value of the first attribute of that name; empty when there is none. */
struct span html_attribute(struct span attributes, struct span name);
/* Drops what comes before "</name" (scripts, styles, titles): all of it where that is missing. */
void html_skip_content(struct span *rest, struct span name);

#endif
