/*
 * Says which coroutine overflowed its stack before the process dies of it.
 *
 * The SIGSEGV handler runs on an alternate stack, compares the address with the guard page of the
 * running coroutine and writes one line with its name; then the default action takes its course.
 */
#include "run/co_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALTERNATE_SIZE ((size_t)64 * 1024)

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

static void overflow_report(int number, siginfo_t *info, void *context)
{
    (void)context;
    struct co *co = loop_here ? loop_here->current : NULL;
    if (co) {
        const char *guard = co->stack - STACK_GUARD, *at = info->si_addr;
        if (at >= guard && at < co->stack) {
            say("postamt: coroutine \"");
            say(co->name);
            say("\" overflowed its stack\n");
        }
    }
    signal(number, SIG_DFL);
    raise(number);
}

void overflow_watch_process(void)
{
    struct sigaction action = {.sa_sigaction = overflow_report,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

void overflow_watch_thread(struct loop *loop)
{
    loop->alternate_stack = malloc(ALTERNATE_SIZE);
    stack_t stack = {.ss_sp = loop->alternate_stack, .ss_size = ALTERNATE_SIZE};
    if (loop->alternate_stack)
        sigaltstack(&stack, NULL);
}

void overflow_unwatch_thread(struct loop *loop)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    free(loop->alternate_stack);
    loop->alternate_stack = NULL;
}
