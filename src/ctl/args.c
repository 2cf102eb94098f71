/* The command line; see args.h. */
#include "ctl/args.h"

#include "base/span.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct option {
    const char *name;
    const char **text; /* one of these two is set */
    bool *flag;
};

/* 1: taken (ret_used arguments), 0: not an option of ours, -1: its value is missing. */
static int take_option(struct args *args, int argc, const char *const *argv, int at, int *ret_used)
{
    const struct option options[] = {
        {"-d", &args->folder, NULL},
        {"--json", NULL, &args->json},
        {"--help", NULL, &args->help},
        {"-h", NULL, &args->help},
        {"--follow", NULL, &args->follow},
        {"--hostname", &args->hostname, NULL},
        {"--listen", &args->listen, NULL},
        {"--port-offset", &args->port_offset, NULL},
        {"--dialect", &args->dialect, NULL},
        {"--password-file", &args->password_file, NULL},
        {"--domain", &args->domain, NULL},
        {"--id", &args->id, NULL},
        {"--to", &args->to, NULL},
        {"--from", &args->from, NULL},
        {"-f", &args->from, NULL},
        {"-r", &args->from, NULL},
        {"--since", &args->since, NULL},
        {"--after", &args->after, NULL},
        {"-t", NULL, &args->from_header},
        {"--sender", &args->sender, NULL},
        {"--tenant", &args->tenant, NULL},
        {"--reason", &args->reason, NULL},
        {"--title", &args->title, NULL},
        {"--scope", &args->scope, NULL},
        {"--address", &args->address, NULL},
        {"--all", NULL, &args->all},
        {"--quiet", NULL, &args->quiet},
        {"--bytes", &args->bytes, NULL},
        {"--messages", &args->messages, NULL},
        {"--hide", &args->hide, NULL},
    };
    const char *word = argv[at];
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const struct option *option = &options[i];
        size_t len = strlen(option->name);
        bool same = strcmp(word, option->name) == 0;
        bool joined = option->text && strncmp(word, option->name, len) == 0 &&
                      (word[1] == '-' ? word[len] == '=' : len == 2 && word[len] != '\0');
        if (!same && !joined)
            continue;
        *ret_used = 1;
        if (option->flag) {
            *option->flag = true;
        } else if (joined) {
            *option->text = word + len + (word[1] == '-');
        } else {
            if (at + 1 >= argc || (argv[at + 1][0] == '-' && argv[at + 1][1]))
                return -1; /* "-" alone is standard input */
            *option->text = argv[at + 1];
            *ret_used = 2;
        }
        return 1;
    }
    return 0;
}

/* Options of sendmail that change nothing here: -i, -oi, -bm, -F name, -om, -N when, … */
static int skip_sendmail_option(const char *word)
{
    static const char *const with_value[] = {"-F", "-N", "-R", "-V", "-o", "-B", "-L", "-O"};
    for (size_t i = 0; i < sizeof with_value / sizeof *with_value; i++)
        if (strcmp(word, with_value[i]) == 0)
            return 2;
    return strchr("iobFNRVBLOvnemU", word[1]) ? 1 : 0;
}

int args_parse(int argc, const char *const *argv, bool sendmail, struct args *ret_args,
               char *reason, size_t size)
{
    bool only_words = false;
    *ret_args = (struct args){.folder = getenv("POSTAMT_DIR"), .sendmail = sendmail};
    if (!ret_args->folder)
        ret_args->folder = ARGS_FOLDER;
    for (int at = 1, used; at < argc; at += used) {
        const char *word = argv[at];
        int taken = only_words ? 0 : take_option(ret_args, argc, argv, at, &used);
        if (taken < 0) {
            snprintf(reason, size, "%s wants a value", word);
            return -EINVAL;
        }
        if (taken)
            continue;
        used = 1;
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        bool is_send = sendmail || (ret_args->count && strcmp(ret_args->words[0], "send") == 0);
        if (!only_words && word[0] == '-' && word[1]) {
            used = is_send ? skip_sendmail_option(word) : 0;
            if (used)
                continue;
            snprintf(reason, size, "unknown option %s", word);
            return -EINVAL;
        }
        if (ret_args->count == ARGS_WORDS_MAX) {
            snprintf(reason, size, "too many arguments");
            return -E2BIG;
        }
        ret_args->words[ret_args->count++] = word;
    }
    return 0;
}

const char *args_word(const struct args *args, size_t index)
{
    return index < args->count ? args->words[index] : "";
}
