/* The verbs that need no open office. All return the exit status and print for themselves. */
#ifndef CTL_INIT_H
#define CTL_INIT_H

#include "ctl/args.h"

int init_run(const struct args *args);        /* postamt init */
int serve_run(const struct args *args);       /* postamt serve */
int config_verb_run(const struct args *args); /* postamt config show|check */
/* "postamt: …" on standard error; VERB_FAILED. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
