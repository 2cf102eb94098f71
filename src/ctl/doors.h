/*
 * The doors: which protocol listens on which address and port, and the certificate behind them.
 * The supervisor opens them, before it gives up its rights; the worker serves them.
 */
#ifndef CTL_DOORS_H
#define CTL_DOORS_H

#include "ctl/config.h"
#include "run/stream.h"

enum door_kind {
    DOOR_SMTP,
    DOOR_SUBMISSION,
    DOOR_SUBMISSIONS,
    DOOR_LMTP,
    DOOR_LMTP_SOCKET,
    DOOR_POP3,
    DOOR_POP3S,
    DOOR_IMAP,
    DOOR_IMAPS,
    DOOR_HTTP,
    DOOR_HTTPS,
    DOOR_KINDS
};

#define DOORS_MAX (CONFIG_LISTEN_MAX * DOOR_KINDS)

struct door {
    enum door_kind kind;
    const char *address; /* in the configuration; NULL: a unix socket */
    unsigned port;
    int *fds; /* one for each loop */
};
struct doors {
    struct door doors[DOORS_MAX];
    unsigned count, loops;
    struct listener_file file; /* of the unix socket */
};

/* Binds all; on failure one line in reason says what to do. Blocks. One thread. */
must_check int doors_open(struct doors *doors, const char *folder, const struct config *config,
                          unsigned loops, char *reason, size_t size);
void doors_close(struct doors *doors);
/* What doors_open would find wrong without binding anything: the unix socket's group and folder. */
must_check int doors_check(const char *folder, const struct config *config, char *reason,
                           size_t size);

/* Reads the PEM files and checks that they belong together. */
must_check int certificate_read(const char *folder, const struct config *config,
                                struct buffer *chain, struct buffer *key, char *reason,
                                size_t size);

#endif
