/* Between structure.c, which reads a letter, and structure_table.c, which stores what it found. */
#ifndef MAIL_STRUCTURE_INTERNAL_H
#define MAIL_STRUCTURE_INTERNAL_H

#include "mail/structure.h"

/* The table's first byte. */
must_check int structure_table_begin(struct buffer *table);
/* Parts come in their order; before: where the header of the one before began. */
must_check int structure_table_add(struct buffer *table, const struct structure_part *part,
                                   size_t before);

/* The spelling of message types that have a letter within. */
bool structure_is_letter(struct span type, struct span subtype);

#endif
