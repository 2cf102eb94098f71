/*
 * The worker: the process that serves. It has dropped its rights, opens the office, runs one loop a
 * core with the doors it was handed, and drains on SIGTERM.
 *
 * Over the channel (a SOCK_SEQPACKET pair) the supervisor sends certificates: "C", the chain's
 * length as 4 bytes, chain, key. The worker says "R" when all doors are open, or "E" and a line.
 */
#ifndef CTL_WORKER_H
#define CTL_WORKER_H

#include "ctl/doors.h"

#define WORKER_MESSAGE_MAX ((size_t)192 * 1024)

/* after_crash: the worker before it ended by a fault of its own. Runs until drained; the process's
 * exit status. SIGTERM is blocked when it is called. */
int worker_run(const char *folder, const struct config *config, struct doors *doors, int channel,
               bool after_crash);

#endif
