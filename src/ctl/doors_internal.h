/* What the files of the doors share. Nobody else includes it. */
#ifndef CTL_DOORS_INTERNAL_H
#define CTL_DOORS_INTERNAL_H

#include "ctl/doors.h"

/* Adds a door that listens on an address. */
must_check int doors_add(struct doors *doors, enum door_kind kind, const char *address,
                         unsigned port, char *reason, size_t size);
/* doors_lmtp.c: port 24 and the unix socket. */
must_check int doors_open_lmtp(struct doors *doors, const char *folder, const struct config *config,
                               unsigned port, char *reason, size_t size);

#endif
