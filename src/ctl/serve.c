/*
 * postamt serve: the supervisor. It takes the lock, opens the doors and reads the certificate with
 * the rights it was started with, and keeps a worker running that has dropped them: after a crash
 * it starts another, with growing pauses. SIGTERM and SIGINT drain and stop; SIGHUP reads the
 * certificate again. One thread, no state but this.
 */
#include "base/clock.h"
#include "base/log.h"
#include "ctl/doors.h"
#include "ctl/files.h"
#include "ctl/init.h"
#include "ctl/lock.h"
#include "ctl/privilege.h"
#include "ctl/verb.h"
#include "ctl/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCK_WAIT_MS   3000
#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS   30000
#define STABLE_MS      60000
#define KILL_AFTER_MS  45000
#define LOOPS_MAX      64

struct supervisor {
    const char *folder;
    struct config config;
    struct doors doors;
    sigset_t old_mask;
    int signals, channel;
    pid_t worker; /* 0: none runs */
    int64_t started_ms, restart_ms, pause_ms, kill_ms;
    bool ready, stopping, said_ready;
    bool after_crash; /* the last worker ended by a fault of its own */
};

int complain(const char *format, ...)
{
    va_list args;
    fprintf(stderr, "postamt: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    return VERB_FAILED;
}

/* --- the worker ------------------------------------------------------------------------------ */

static void worker_main(struct supervisor *s, int channel)
{
    char reason[400], message[500];
    int rc = privilege_drop(s->folder, reason, sizeof reason);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which clears it */
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (rc < 0) {
        int len = snprintf(message, sizeof message, "E%s", reason);
        _exit(send(channel, message, (size_t)len, MSG_NOSIGNAL) < 0 ? 2 : 1);
    }
    log_set_level(s->config.debug ? LOG_DEBUG : LOG_INFO);
    exit(worker_run(s->folder, &s->config, &s->doors, channel, s->after_crash));
}

static int send_certificate(struct supervisor *s, char *reason, size_t size)
{
    AUTO_BUFFER chain = BUFFER(WORKER_MESSAGE_MAX / 2), key = BUFFER(WORKER_MESSAGE_MAX / 4);
    AUTO_BUFFER message = BUFFER(WORKER_MESSAGE_MAX);
    int rc = certificate_read(s->folder, &s->config, &chain, &key, reason, size);
    if (rc < 0)
        return rc;
    uint32_t len = (uint32_t)chain.len;
    rc = buffer_append_byte(&message, 'C');
    if (rc == 0)
        rc = buffer_append(&message, span_make(&len, sizeof len));
    if (rc == 0)
        rc = buffer_append(&message, buffer_span(&chain));
    if (rc == 0)
        rc = buffer_append(&message, buffer_span(&key));
    if (rc == 0 && send(s->channel, message.at, message.len, MSG_NOSIGNAL) < 0)
        rc = -errno;
    explicit_bzero(key.at, key.size);
    explicit_bzero(message.at, message.size);
    if (rc < 0)
        snprintf(reason, size, "cannot hand the certificate on: %s", error_text(rc));
    return rc;
}

static int start_worker(struct supervisor *s, char *reason, size_t size)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        snprintf(reason, size, "cannot make a socket pair: %s", error_text(-errno));
        return -errno;
    }
    int room = 2 * (int)WORKER_MESSAGE_MAX;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        snprintf(reason, size, "cannot start the worker: %s", error_text(-errno));
        close(pair[0]);
        close(pair[1]);
        return -EAGAIN;
    }
    if (child == 0) {
        close(pair[0]);
        close(s->signals);
        worker_main(s, pair[1]);
    }
    close(pair[1]);
    s->channel = pair[0];
    s->worker = child;
    s->ready = false;
    s->started_ms = clock_mono_ms();
    int rc = send_certificate(s, reason, size);
    return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc; /* it has ended already and said why */
}

/* --- what happens ---------------------------------------------------------------------------- */

/* "R" or "E" from the worker. An error before the first "R" ends us: starting again cannot help. */
static int hear_worker(struct supervisor *s)
{
    char message[600];
    ssize_t len = recv(s->channel, message, sizeof message - 1, MSG_DONTWAIT);
    if (len < 0 && errno == ECONNRESET) /* it ended with something of ours unread; its words wait */
        len = recv(s->channel, message, sizeof message - 1, MSG_DONTWAIT);
    if (len <= 0) {
        close(s->channel);
        s->channel = -1;
        return 0;
    }
    message[len] = '\0';
    if (message[0] == 'R') {
        s->ready = true;
        if (!s->said_ready) {
            printf("ready\n");
            fflush(stdout);
        }
        s->said_ready = true;
        return 0;
    }
    if (!s->said_ready)
        return complain("%s", message + 1);
    log_error("ctl.worker", "why=\"%s\"", message + 1);
    return 0;
}

static void renew_certificate(struct supervisor *s)
{
    char reason[500];
    if (s->channel >= 0 && send_certificate(s, reason, sizeof reason) < 0)
        log_error("ctl.certificate", "kept=old why=\"%s\"", reason);
}

static void stop_worker(struct supervisor *s)
{
    s->stopping = true;
    s->kill_ms = clock_mono_ms() + KILL_AFTER_MS;
    doors_close(&s->doors); /* ours; the worker closes its own when it drains */
    if (s->worker)
        kill(s->worker, SIGTERM);
}

/* Its own fault, not somebody's kill. */
static bool is_crash(int status)
{
    int by = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return by == SIGSEGV || by == SIGABRT || by == SIGBUS || by == SIGILL || by == SIGFPE;
}

static void reap_worker(struct supervisor *s)
{
    int status;
    int64_t now = clock_mono_ms();
    if (!s->worker || waitpid(s->worker, &status, WNOHANG) != s->worker)
        return;
    s->worker = 0;
    s->after_crash = is_crash(status);
    if (s->channel >= 0 && !s->said_ready && hear_worker(s) != 0)
        s->stopping = true;
    if (s->channel >= 0)
        close(s->channel);
    s->channel = -1;
    if (s->stopping)
        return;
    if (now - s->started_ms > STABLE_MS)
        s->pause_ms = 0;
    s->pause_ms = s->pause_ms ? s->pause_ms * 2 : PAUSE_FIRST_MS;
    if (s->pause_ms > PAUSE_MAX_MS)
        s->pause_ms = PAUSE_MAX_MS;
    s->restart_ms = now + s->pause_ms;
    log_error("ctl.worker_died", "%s=%d again_in_ms=%lld",
              WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (long long)s->pause_ms);
}

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap_worker(s);
        else if (info.ssi_signo == SIGHUP)
            renew_certificate(s);
        else if (!s->stopping)
            stop_worker(s);
    }
}

static int milliseconds_left(const struct supervisor *s)
{
    int64_t due = s->stopping ? s->kill_ms : s->restart_ms;
    if (!s->stopping && s->worker)
        return -1;
    int64_t left = due - clock_mono_ms();
    return left > 0 ? (int)left : 0;
}

static void act_when_due(struct supervisor *s)
{
    char reason[500];
    int64_t now = clock_mono_ms();
    if (s->stopping && s->worker && now >= s->kill_ms) {
        log_error("ctl.worker_hangs", "what=killed");
        kill(s->worker, SIGKILL);
        s->kill_ms = now + KILL_AFTER_MS;
    }
    if (!s->stopping && !s->worker && now >= s->restart_ms) {
        s->restart_ms = now + PAUSE_MAX_MS;
        if (start_worker(s, reason, sizeof reason) < 0)
            log_error("ctl.worker", "why=\"%s\"", reason);
    }
}

static int supervise(struct supervisor *s)
{
    int failed = 0;
    while (!failed && (!s->stopping || s->worker)) {
        struct pollfd waits[] = {{.fd = s->signals, .events = POLLIN},
                                 {.fd = s->channel, .events = POLLIN}};
        if (poll(waits, 2, milliseconds_left(s)) > 0) {
            if (waits[1].revents && s->channel >= 0)
                failed = hear_worker(s);
            if (!failed && waits[0].revents)
                take_signals(s);
        }
        act_when_due(s);
    }
    if (s->worker) {
        kill(s->worker, SIGKILL);
        waitpid(s->worker, NULL, 0);
    }
    return failed || !s->said_ready ? VERB_FAILED : VERB_OK;
}

/* --- before it ------------------------------------------------------------------------------- */

static void raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    if (geteuid() == 0 && limit.rlim_max < 65536)
        limit.rlim_max = 65536;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int take_lock(const char *folder)
{
    pid_t holder = 0;
    int fd = lock_take(folder, LOCK_WAIT_MS, &holder);
    if (fd == -EWOULDBLOCK && holder)
        complain("process %d serves %s already; stop it first", (int)holder, folder);
    else if (fd == -EWOULDBLOCK)
        complain("another process uses %s already; stop it first", folder);
    else if (fd == -EACCES)
        complain("%s may not be written by you: start as its owner or as root", folder);
    else if (fd < 0)
        complain("cannot lock %s: %s", folder, error_text(fd));
    return fd;
}

static int prepare(struct supervisor *s, char *reason, size_t size)
{
    AUTO_BUFFER chain = BUFFER(FILES_MAX), key = BUFFER(FILES_MAX);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned loops = s->config.loops ? s->config.loops : (unsigned)(cores > 0 ? cores : 1);
    sigset_t set;
    int rc = certificate_read(s->folder, &s->config, &chain, &key, reason, size);
    if (rc < 0)
        return rc;
    if (key.at)
        explicit_bzero(key.at, key.size);
    raise_limits();
    rc = doors_open(&s->doors, s->folder, &s->config, loops > LOOPS_MAX ? LOOPS_MAX : loops, reason,
                    size);
    if (rc < 0)
        return rc;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &s->old_mask);
    signal(SIGPIPE, SIG_IGN);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return start_worker(s, reason, size);
}

int serve_run(const struct args *args)
{
    char reason[600] = "cannot start";
    struct supervisor *s = calloc(1, sizeof *s);
    int status = VERB_FAILED, lock = -1;
    if (!s)
        return complain("out of memory");
    s->folder = args->folder;
    s->channel = -1;
    if (args->count != 1) {
        fprintf(stderr, "usage: postamt serve -d DIR\n");
        status = VERB_USAGE;
    } else if (config_load(args->folder, &s->config, reason, sizeof reason) < 0) {
        complain("%s", reason);
    } else if ((lock = take_lock(args->folder)) >= 0) {
        if (prepare(s, reason, sizeof reason) < 0)
            complain("%s", reason);
        else
            status = supervise(s);
    }
    if (lock >= 0)
        close(lock);
    doors_close(&s->doors);
    config_free(&s->config);
    free(s);
    return status;
}
