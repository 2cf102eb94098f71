/* Escaping for HTML: & < > " ' ` = become entities, as Handlebars has it. Pure. */
#ifndef TEMPLATE_ESCAPE_INTERNAL_H
#define TEMPLATE_ESCAPE_INTERNAL_H

#include "base/span.h"

size_t escape_plain_length(struct span text); /* bytes before the first to be escaped */
struct span escape_entity(char c);            /* of one of the seven */

#endif
