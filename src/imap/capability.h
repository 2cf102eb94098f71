/*
 * Capabilities: what a session announces, and which commands and words of the grammar belong to
 * which. A user's clients may not be told of some of them (directory_co_hidden), and then what they
 * bring is not there: its command is unknown, its word a wrong argument, ENABLE passes it over.
 *
 * Pure. A new capability needs a row of capability.c's table; one that depends on the session is
 * told by any.c, and who answers otherwise because of one asks imap_hides.
 */
#ifndef IMAP_CAPABILITY_H
#define IMAP_CAPABILITY_H

#include "base/buffer.h"

/* What is hidden, one bit for each row of the table; and the command that runs, for its words. */
struct imap_hidden {
    uint64_t rows;
    struct span command;
};

/* Of names with commas or blanks between, in any case; and what cannot be without them. Names that
 * are not known, or cannot be hidden, are passed over: the first is in *ret_wrong (if it is not
 * NULL), else that is empty. */
uint64_t imap_hide(struct span names, struct span *ret_wrong);
/* The names of what is hidden, with a separator between; or, all: of what can be. */
must_check int imap_write_hidden(uint64_t rows, bool all, char separator, struct buffer *out);

/* Is the capability there, as far as the user's list goes? */
bool imap_hides(const struct imap_hidden *hidden, const char *capability);
bool imap_hides_command(const struct imap_hidden *hidden, struct span command, bool uid);
/* A word in the arguments of the command that runs. */
bool imap_hides_word(const struct imap_hidden *hidden, const char *word);

/* Names of what is told before, or after login, with blanks between. Where a capability has a value
 * or depends on a setting, the caller writes it. */
must_check int imap_write_told(const struct imap_hidden *hidden, bool logged_in,
                               struct buffer *out);

#endif
