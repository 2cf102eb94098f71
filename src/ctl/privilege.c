/* Who we are; see privilege.h. */
#include "ctl/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int run_useradd(void)
{
    pid_t child = fork();
    if (child < 0)
        return -errno;
    if (child == 0) {
        execl("/usr/sbin/useradd", "useradd", "--system", "--user-group", "--no-create-home",
              "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", PRIVILEGE_USER,
              (char *)NULL);
        _exit(127);
    }
    int status;
    if (waitpid(child, &status, 0) < 0)
        return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

int privilege_make_user(uid_t *ret_uid, gid_t *ret_gid, char *reason, size_t size)
{
    struct passwd *user = getpwnam(PRIVILEGE_USER);
    if (!user && run_useradd() == 0)
        user = getpwnam(PRIVILEGE_USER);
    if (!user) {
        snprintf(reason, size,
                 "cannot make the system user " PRIVILEGE_USER
                 ": run \"useradd --system --user-group " PRIVILEGE_USER "\" first");
        return -EPERM;
    }
    *ret_uid = user->pw_uid;
    *ret_gid = user->pw_gid;
    return 0;
}

static uid_t give_uid;
static gid_t give_gid;

static int give_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return lchown(path, give_uid, give_gid) < 0 ? -errno : 0;
}

int privilege_give(const char *folder, uid_t uid, gid_t gid)
{
    give_uid = uid;
    give_gid = gid;
    return nftw(folder, give_one, 16, FTW_PHYS);
}

static int become(uid_t uid, gid_t gid)
{
    if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        return -errno;
    return setuid(0) == 0 ? -EPERM : 0; /* there must be no way back */
}

int privilege_drop(const char *folder, char *reason, size_t size)
{
    struct stat info;
    if (stat(folder, &info) < 0) {
        int rc = -errno;
        snprintf(reason, size, "%s cannot be used: %s", folder, error_text(rc));
        return rc;
    }
    if (geteuid() == 0 && info.st_uid != 0) {
        int rc = become(info.st_uid, info.st_gid);
        if (rc < 0) {
            snprintf(reason, size, "cannot become the owner of %s: %s", folder, error_text(rc));
            return rc;
        }
    }
    if (faccessat(AT_FDCWD, folder, R_OK | W_OK | X_OK, AT_EACCESS) < 0) {
        struct passwd *user = getpwuid(geteuid());
        snprintf(reason, size, "user %s may not use %s: check who owns it and the folders above it",
                 user ? user->pw_name : "?", folder);
        return -EACCES;
    }
    return 0;
}
