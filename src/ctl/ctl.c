/*
 * The command line; see ctl.h.
 *
 * A verb is sent to the server over DIR/postamt.sock; where none listens, the same function runs
 * here on a store opened under the lock.
 */
#include "ctl/ctl.h"

#include "base/id.h"
#include "base/log.h"
#include "ctl/control.h"
#include "ctl/files.h"
#include "ctl/init.h"
#include "ctl/lock.h"
#include "ctl/privilege.h"
#include "run/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define LOCK_WAIT_MS 5000
#define FOLLOW_MS    500

static const char help[] =
    "usage: postamt VERB ... [-d DIR]      DIR is /var/lib/postamt where -d and $POSTAMT_DIR are "
    "not "
    "given\n"
    "\n"
    "  init [--hostname H] [--listen ADDR] [--port-offset N]   make a data folder\n"
    "  serve                                        run in the foreground; \"ready\" when it is\n"
    "  status                                       what the server has done\n"
    "  domain add|remove|show|dns|check NAME, domain list\n"
    "  user add|passwd|remove ADDRESS [--password-file F], user list\n"
    "  user quota ADDRESS [--bytes N|none|default] [--messages N|none|default]\n"
    "  domain quota NAME [--bytes N|none] [--messages N|none]   what its users have by default\n"
    "  user imap ADDRESS [--hide CAPABILITY,...|none]   what mail programs are not told of\n"
    "  alias add ADDRESS TARGET..., alias remove ADDRESS, alias list\n"
    "  key add --dialect native|sendgrid|mailgun|ses|smtpcom [--domain D] [--scope \"S ...\"]\n"
    "          [--address \"A ...\"] [--title T], key revoke ID, key list\n"
    "  queue list|show|retry|hold|release|drop [--id LETTER] [--domain D] [--sender A] [--to A]\n"
    "          [--tenant N] [--all] [--reason TEXT] [--quiet]\n"
    "  suppression list, suppression add ADDRESS [--reason TEXT], suppression remove ADDRESS\n"
    "  log [--id LETTER] [--to A] [--from A] [--since TIME] [--follow]\n"
    "  send [-f FROM] [-t] TO... < letter           as sendmail\n"
    "  config show|check, version\n"
    "\n"
    "--json prints what programs can read. Exit status: 0 done, 1 failed, 2 wrong usage.\n";

verb_co_function *verb_find(const char *name)
{
    static const struct {
        const char *name;
        verb_co_function *co_run;
    } verbs[] = {
        {"status", verb_co_status},
        {"domain", verb_co_domain},
        {"user", verb_co_user},
        {"alias", verb_co_alias},
        {"key", verb_co_key},
        {"log", verb_co_log},
        {"send", verb_co_send},
        {"queue", verb_co_queue},
        {"suppression", verb_co_suppression},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(name, verbs[i].name) == 0)
            return verbs[i].co_run;
    return NULL;
}

/* --- what a verb reads ----------------------------------------------------------------------- */

static int prompt_line(int tty, const char *prompt, struct buffer *out)
{
    struct termios before, quiet;
    char c;
    int rc = file_write_all(tty, span_of(prompt));
    if (rc < 0 || tcgetattr(tty, &before) < 0)
        return -EIO;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(tty, TCSAFLUSH, &quiet);
    while (rc == 0 && read(tty, &c, 1) == 1 && c != '\n')
        rc = buffer_append_byte(out, c);
    tcsetattr(tty, TCSAFLUSH, &before);
    (void)!file_write_all(tty, SPAN("\n"));
    return rc;
}

static int ask_password(struct buffer *out)
{
    AUTO_BUFFER again = BUFFER(4096);
    int tty = isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC) : -1;
    if (tty < 0)
        return complain("give the password with --password-file F (- is standard input)");
    int rc = prompt_line(tty, "Password: ", out);
    if (rc == 0)
        rc = prompt_line(tty, "Again: ", &again);
    close(tty);
    bool same = span_equal(buffer_span(out), buffer_span(&again));
    if (again.at)
        sodium_memzero(again.at, again.size);
    if (rc < 0)
        return complain("cannot read the password");
    return same ? 0 : complain("the two passwords differ; nothing was changed");
}

/* The first line of --password-file, or what is typed. */
static int read_password(const struct args *args, struct buffer *out)
{
    const char *name = args->password_file;
    if (!name)
        return ask_password(out);
    int rc = strcmp(name, "-") == 0 ? file_read_fd(STDIN_FILENO, out) : file_read(name, out);
    if (rc < 0)
        return complain("cannot read the password from %s: %s", name, error_text(rc));
    ptrdiff_t end = span_find(buffer_span(out), '\n');
    if (end >= 0)
        out->len = (size_t)end;
    if (out->len && out->at[out->len - 1] == '\r')
        out->len--;
    return 0;
}

static int read_input(const struct args *args, bool sendmail, struct buffer *out)
{
    const char *verb = args_word(args, 0), *action = args_word(args, 1);
    if (sendmail || strcmp(verb, "send") == 0) {
        int rc = file_read_fd(STDIN_FILENO, out);
        return rc < 0 ? complain("cannot read the letter: %s", error_text(rc)) : 0;
    }
    if (strcmp(verb, "user") == 0 && args->count == 3 &&
        (strcmp(action, "add") == 0 || strcmp(action, "passwd") == 0))
        return read_password(args, out);
    return 0;
}

/* --- without a server ------------------------------------------------------------------------ */

struct here {
    struct office office;
    struct config config;
    struct verb_call call;
    verb_co_function *co_run;
};

static int co_run_verb(void *arg)
{
    struct here *here = arg;
    return here->co_run(&here->call);
}

static int open_here(struct here *here, const struct args *args, int *ret_lock)
{
    char reason[600];
    pid_t holder = 0;
    if (config_load(args->folder, &here->config, reason, sizeof reason) < 0 ||
        privilege_drop(args->folder, reason, sizeof reason) < 0)
        return complain("%s", reason);
    *ret_lock = lock_take(args->folder, LOCK_WAIT_MS, &holder);
    if (*ret_lock == -EWOULDBLOCK)
        return complain("process %d uses %s and does not answer: is it starting or stopping?",
                        (int)holder, args->folder);
    if (*ret_lock < 0)
        return complain("cannot lock %s: %s", args->folder, error_text(*ret_lock));
    if (office_open(&here->office, args->folder, &here->config, reason, sizeof reason) < 0) {
        close(*ret_lock);
        return complain("cannot open the store in %s: %s", args->folder, reason);
    }
    return 0;
}

static int run_here(const struct args *args, bool sendmail, struct span input,
                    struct control_answer *answer)
{
    int lock = -1;
    struct here *here = calloc(1, sizeof *here);
    if (!here)
        return complain("out of memory");
    int failed = open_here(here, args, &lock);
    if (!failed) {
        here->call = (struct verb_call){.office = &here->office,
                                        .args = args,
                                        .input = input,
                                        .out = answer->out,
                                        .err = answer->err};
        here->co_run = verb_find(sendmail ? "send" : args_word(args, 0));
        answer->status = loop_run_main("verb", co_run_verb, here);
        answer->out = here->call.out;
        answer->err = here->call.err;
        answer->next = here->call.next;
        office_close(&here->office);
        close(lock);
    }
    config_free(&here->config);
    free(here);
    return failed;
}

/* --- a verb ---------------------------------------------------------------------------------- */

/* Prints what came; exit status. */
static int print_answer(const struct control_answer *answer)
{
    if (file_write_all(STDOUT_FILENO, buffer_span(&answer->out)) < 0 ||
        file_write_all(STDERR_FILENO, buffer_span(&answer->err)) < 0)
        return VERB_FAILED;
    return answer->status;
}

static int run_once(const struct args *args, const struct control_request *request,
                    int64_t *ret_next)
{
    struct control_answer answer = {.out = BUFFER(VERB_OUTPUT_MAX + 1),
                                    .err = BUFFER(VERB_OUTPUT_MAX + 1)};
    int status, rc = control_ask(args->folder, request, &answer);
    if (rc == ERR_ABSENT || rc == -ENOENT)
        rc = run_here(args, request->sendmail, request->input, &answer) ? 1 : 0;
    if (rc == -EACCES)
        status = complain("%s may not be used by you: use its owner or root", args->folder);
    else if (rc < 0)
        status = complain("the server on %s does not answer: %s", args->folder, error_text(rc));
    else
        status = rc ? VERB_FAILED : print_answer(&answer);
    *ret_next = answer.next;
    buffer_free(&answer.out);
    buffer_free(&answer.err);
    return status;
}

/* log --follow: asks again for what came after, until it is interrupted. */
static int follow(const struct args *args, const struct control_request *first, int64_t next)
{
    const char **argv = calloc((size_t)first->argc + 2, sizeof *argv);
    if (!argv)
        return complain("out of memory");
    int status = VERB_OK;
    while (status == VERB_OK) {
        char after[ID_TEXT];
        struct control_request request = *first;
        memcpy(argv, first->argv, (size_t)first->argc * sizeof *argv);
        argv[first->argc] = "--after";
        argv[first->argc + 1] = id_text(next, after);
        request.argv = argv;
        request.argc = first->argc + 2;
        poll(NULL, 0, FOLLOW_MS);
        status = run_once(args, &request, &next);
    }
    free(argv);
    return status;
}

static int run_verb(int argc, const char *const *argv, struct args *args, bool sendmail)
{
    AUTO_BUFFER input = BUFFER(VERB_INPUT_MAX);
    int64_t next = 0;
    if (!sendmail && !verb_find(args_word(args, 0))) {
        fprintf(stderr, "postamt: unknown command \"%s\"; see postamt --help\n",
                args_word(args, 0));
        return VERB_USAGE;
    }
    if (read_input(args, sendmail, &input) != 0)
        return VERB_FAILED;
    struct control_request request = {argc, argv, sendmail, buffer_span(&input)};
    int status = run_once(args, &request, &next);
    if (status == VERB_OK && args->follow && strcmp(args_word(args, 0), "log") == 0)
        status = follow(args, &request, next);
    if (input.at)
        sodium_memzero(input.at, input.size);
    return status;
}

int ctl_main(int argc, char **argv)
{
    char reason[300];
    static struct args args;
    const char *slash = strrchr(argv[0], '/');
    bool sendmail = strcmp(slash ? slash + 1 : argv[0], "sendmail") == 0;
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_WARN);
    if (sodium_init() < 0)
        return complain("libsodium does not start");
    const char *const *words = (const char *const *)argv;
    if (args_parse(argc, words, sendmail, &args, reason, sizeof reason) < 0) {
        fprintf(stderr, "postamt: %s; see postamt --help\n", reason);
        return VERB_USAGE;
    }
    const char *verb = args_word(&args, 0);
    if (args.help || (args.count == 0 && !sendmail) || strcmp(verb, "help") == 0) {
        fputs(help, args.help || args.count ? stdout : stderr);
        return args.help || args.count ? VERB_OK : VERB_USAGE;
    }
    if (!sendmail && strcmp(verb, "version") == 0) {
        printf("postamt %s\n", POSTAMT_VERSION);
        return VERB_OK;
    }
    if (!sendmail && strcmp(verb, "init") == 0)
        return init_run(&args);
    if (!sendmail && strcmp(verb, "serve") == 0)
        return serve_run(&args);
    if (!sendmail && strcmp(verb, "config") == 0)
        return config_verb_run(&args);
    return run_verb(argc, words, &args, sendmail);
}
