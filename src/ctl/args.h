/*
 * The command line: words and options, in any order (DESIGN: -d DIR goes with every verb).
 *
 * Spans of strings point into argv, which outlives the struct.
 */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define ARGS_WORDS_MAX 2000
#define ARGS_FOLDER    "/var/lib/postamt"

struct args {
    const char *folder; /* -d, $POSTAMT_DIR, or ARGS_FOLDER */
    bool json, follow, help, all, quiet;
    bool from_header; /* send -t */
    bool sendmail;    /* called by that name: there is no verb, all words are recipients */
    const char *hostname, *listen, *port_offset, *password_file, *dialect, *domain, *id, *to, *from,
        *since, *after, *sender, *tenant, *reason, *title, *scope, *address, *bytes, *messages,
        *hide;
    const char *words[ARGS_WORDS_MAX]; /* the verb, its action, its arguments */
    size_t count;
};

/* sendmail: sendmail's own options are understood and the rest are recipients. On failure reason
 * says what is wrong (usage, exit status 2). */
must_check int args_parse(int argc, const char *const *argv, bool sendmail, struct args *ret_args,
                          char *reason, size_t size);
/* words[index], or "". */
const char *args_word(const struct args *args, size_t index);

#endif
