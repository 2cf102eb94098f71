/*
 * The doors for mail servers of our own: LMTP on port 24, on loopback unless postamt.conf says
 * otherwise, and on a unix socket.
 */
#include "ctl/doors_internal.h"

#include "ctl/files.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the port -------------------------------------------------------------------------------- */

/* The loopback address that stands for one we listen on; NULL: others reach that one alone, and so
 * do other offices on this machine. */
static const char *loopback_of(const char *listen)
{
    if (strncmp(listen, "127.", 4) == 0)
        return listen;
    if (strcmp(listen, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(listen, "::") == 0 || strcmp(listen, "::1") == 0 ? "::1" : NULL;
}

static bool is_open_there(const struct doors *doors, const char *address)
{
    for (unsigned i = 0; i < doors->count; i++)
        if (doors->doors[i].kind == DOOR_LMTP && strcmp(doors->doors[i].address, address) == 0)
            return true;
    return false;
}

/* "::1" is taken where the kernel has it. */
static int open_loopback(struct doors *doors, const struct config *config, unsigned port,
                         char *reason, size_t size)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < config->listen_count; i++) {
        const char *address = loopback_of(config->listen[i]);
        if (!address || is_open_there(doors, address))
            continue;
        rc = doors_add(doors, DOOR_LMTP, address, port, reason, size);
        if ((rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL) && strcmp(address, "::1") == 0)
            rc = 0;
    }
    return rc;
}

/* --- the unix socket ------------------------------------------------------------------------- */

static int fail(char *reason, size_t size, const char *path, const char *why)
{
    snprintf(reason, size, "cannot make the socket %s: %s in " CONFIG_NAME, path, why);
    return ERR_DENIED;
}

static int path_of(const char *folder, const struct config *config, char path[1024], char *reason,
                   size_t size)
{
    int rc = config->lmtp_socket[0] == '/' ? (snprintf(path, 1024, "%s", config->lmtp_socket), 0)
                                           : path_join(path, 1024, folder, config->lmtp_socket);
    return rc < 0 ? fail(reason, size, config->lmtp_socket, "its path is too long; set lmtp-socket")
                  : 0;
}

/* The group of the socket: the one named, or the data folder's. */
static int group_of(const char *folder, const struct config *config, const char *path,
                    struct stat *ret_owner, char *reason, size_t size)
{
    if (stat(folder, ret_owner) < 0)
        return fail(reason, size, path, error_text(-errno));
    if (!config->lmtp_socket_group[0])
        return 0;
    struct group *group = getgrnam(config->lmtp_socket_group);
    if (!group)
        return fail(reason, size, path, "there is no such group; correct lmtp-socket-group");
    ret_owner->st_gid = group->gr_gid;
    return 0;
}

static int check_folder(char *path, char *reason, size_t size)
{
    struct stat info;
    char *last = strrchr(path, '/');
    *last = '\0';
    bool there = stat(last == path ? "/" : path, &info) == 0 && S_ISDIR(info.st_mode);
    *last = '/';
    if (!there)
        return fail(reason, size, path, "its folder does not exist; make it, or set lmtp-socket");
    if (lstat(path, &info) == 0 && !S_ISSOCK(info.st_mode))
        return fail(reason, size, path, "another file stands there; move it, or set lmtp-socket");
    return 0;
}

static int prepare(const char *folder, const struct config *config, char path[1024],
                   struct stat *ret_owner, char *reason, size_t size)
{
    int rc = path_of(folder, config, path, reason, size);
    if (rc == 0)
        rc = group_of(folder, config, path, ret_owner, reason, size);
    return rc < 0 ? rc : check_folder(path, reason, size);
}

int doors_check(const char *folder, const struct config *config, char *reason, size_t size)
{
    char path[1024];
    struct stat owner;
    return config->lmtp_socket[0] ? prepare(folder, config, path, &owner, reason, size) : 0;
}

static const char *explain(int rc)
{
    if (rc == -EADDRINUSE)
        return "another program listens there; stop it, or set lmtp-socket";
    if (rc == -EACCES || rc == -EPERM)
        return "you may not; start as root, or set lmtp-socket";
    if (rc == -ENAMETOOLONG)
        return "its path is too long; set lmtp-socket";
    return error_text(rc);
}

static int open_socket(struct doors *doors, const char *folder, const struct config *config,
                       char *reason, size_t size)
{
    char path[1024];
    struct stat owner;
    struct door *door = &doors->doors[doors->count];
    int rc = prepare(folder, config, path, &owner, reason, size);
    if (rc < 0)
        return rc;
    *door = (struct door){DOOR_LMTP_SOCKET, NULL, 0, calloc(doors->loops, sizeof *door->fds)};
    rc = door->fds ? listener_bind_local(path, config->lmtp_socket_mode, doors->loops, door->fds,
                                         &doors->file)
                   : -ENOMEM;
    if (rc < 0) {
        free(door->fds);
        return fail(reason, size, path, explain(rc));
    }
    doors->count++;
    uid_t uid = geteuid() == 0 ? owner.st_uid : (uid_t)-1;
    bool ours = geteuid() != 0 && !config->lmtp_socket_group[0];
    if (!ours && lchown(path, uid, owner.st_gid) < 0)
        return fail(reason, size, path,
                    "you are not in its group; start as root, or correct lmtp-socket-group");
    return 0;
}

int doors_open_lmtp(struct doors *doors, const char *folder, const struct config *config,
                    unsigned port, char *reason, size_t size)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < config->lmtp_listen_count; i++) {
        const char *address = config->lmtp_listen[i];
        if (strcmp(address, "loopback") == 0)
            rc = open_loopback(doors, config, port, reason, size);
        else if (!is_open_there(doors, address))
            rc = doors_add(doors, DOOR_LMTP, address, port, reason, size);
    }
    return rc == 0 && config->lmtp_socket[0] ? open_socket(doors, folder, config, reason, size)
                                             : rc;
}
