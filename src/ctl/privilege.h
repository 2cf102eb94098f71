/* Who we are: the data folder's owner, whom a root process becomes. Blocking. */
#ifndef CTL_PRIVILEGE_H
#define CTL_PRIVILEGE_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

#define PRIVILEGE_USER "postamt"

/* The system user "postamt", made with useradd when there is none. Root only. */
must_check int privilege_make_user(uid_t *ret_uid, gid_t *ret_gid, char *reason, size_t size);
/* Gives the folder and all in it to a user. */
must_check int privilege_give(const char *folder, uid_t uid, gid_t gid);
/* A root process becomes the folder's owner for good; others stay who they are. One line in reason
 * when the folder cannot be used then. */
must_check int privilege_drop(const char *folder, char *reason, size_t size);

#endif
