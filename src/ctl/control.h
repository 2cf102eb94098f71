/*
 * The control socket, DIR/postamt.sock: verbs for a running server.
 *
 * The request is a line "POSTAMT 1 SENDMAIL ARGS INPUT\n" (a flag and two lengths), the arguments
 * each ending in NUL, and the input's bytes. The answer is a line "STATUS OUT ERR NEXT\n" (exit
 * status, two lengths, an event id) and the bytes. Only root and the folder's owner are heard. One
 * thread of its own talks; the verbs run on a loop.
 */
#ifndef CTL_CONTROL_H
#define CTL_CONTROL_H

#include "ctl/verb.h"

struct loop;
struct control;

must_check int control_start(struct office *office, struct loop *loop,
                             struct control **ret_control);
/* Finishes the running verb first. */
void control_stop(struct control *control);

struct control_request {
    int argc;
    const char *const *argv;
    bool sendmail;
    struct span input;
};
struct control_answer {
    int status;
    int64_t next;
    struct buffer out, err;
};
/* The caller's end. ERR_ABSENT: no server listens there. Blocks. */
must_check int control_ask(const char *folder, const struct control_request *request,
                           struct control_answer *ret_answer);

/* ctl.c: which function, or NULL. */
verb_co_function *verb_find(const char *name);

#endif
