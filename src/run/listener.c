/*
 * Listeners: one coroutine for each accepted connection; see stream.h, and bind_local.c for unix
 * sockets.
 */
#include "run/crowd.h"
#include "run/stream_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

struct listener {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } io;
    bool local; /* a unix socket */
    struct scope *scope;
    struct listener_settings settings;
    struct stream *sessions;
    struct co *closer;
    uint32_t users; /* the handle and its sessions: the last one frees */
    bool closed;
};

struct session {
    struct stream *stream;
    struct listener *listener;
};

static void listener_leave(struct listener *listener)
{
    if (--listener->users == 0)
        free(listener);
}

static void session_link(struct listener *listener, struct stream *st)
{
    st->next = listener->sessions;
    if (st->next)
        st->next->previous = st;
    listener->sessions = st;
    listener->users++;
}

static void session_unlink(struct listener *listener, struct stream *st)
{
    if (st->previous)
        st->previous->next = st->next;
    else
        listener->sessions = st->next;
    if (st->next)
        st->next->previous = st->previous;
    listener_leave(listener);
}

void listener_drain(struct listener *listener)
{
    for (struct stream *st = listener->sessions; st; st = st->next) {
        st->draining = true;
        if (st->idle && st->sleeper)
            co_wake(st->sleeper, -ECANCELED);
    }
}

static int session_co_run(void *arg)
{
    struct session session = *(struct session *)arg;
    free(arg);
    const struct listener_settings *settings = &session.listener->settings;
    settings->co_serve(session.stream, settings->arg);
    crowd_leave(settings->crowd, stream_peer(session.stream));
    session_unlink(session.listener, session.stream);
    stream_co_close(session.stream);
    return 0; /* how a session ended is its own affair, not its scope's */
}

/* No stack to be had: the refusal goes out as it is, and the connection ends. */
static void refuse(struct listener *listener, struct stream *st)
{
    struct span words = listener->settings.refusal;
    uv_buf_t piece = uv_buf_init((char *)words.at, (unsigned)words.len);
    if (words.len)
        uv_try_write(&st->io.stream, &piece, 1);
    stream_drop(st);
}

static void connection_arrived(uv_stream_t *server, int status)
{
    struct listener *listener = server->data;
    struct stream *st = status < 0 ? NULL : stream_create(listener->scope->loop, listener->local);
    if (!st)
        return;
    if (uv_accept(server, &st->io.stream) < 0) {
        stream_drop(st);
        return;
    }
    stream_ready(st);
    if (!crowd_enter(listener->settings.crowd, stream_peer(st))) {
        refuse(listener, st);
        return;
    }
    struct session *session = malloc(sizeof *session);
    if (session)
        *session = (struct session){st, listener};
    if (!session ||
        co_spawn(listener->scope, listener->settings.name, session_co_run, session) < 0) {
        free(session);
        crowd_leave(listener->settings.crowd, stream_peer(st));
        refuse(listener, st);
        return;
    }
    session_link(listener, st);
}

static void listener_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    listener->closed = true;
    if (listener->closer)
        co_wake(listener->closer, 0);
}

static void listener_dropped(uv_handle_t *handle)
{
    free(handle->data);
}

static bool is_local(int fd)
{
    struct sockaddr_storage own = {0};
    socklen_t len = sizeof own;
    return getsockname(fd, (struct sockaddr *)&own, &len) == 0 && own.ss_family == AF_UNIX;
}

static int listener_init(struct listener *listener, int fd)
{
    uv_loop_t *loop = loop_uv(listener->scope->loop);
    listener->local = is_local(fd);
    int rc = listener->local ? uv_pipe_init(loop, &listener->io.pipe, 0)
                             : uv_tcp_init(loop, &listener->io.tcp);
    listener->io.stream.data = listener;
    return rc;
}

int listener_open(struct scope *scope, int fd, const struct listener_settings *settings,
                  struct listener **ret_listener)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return -ENOMEM;
    listener->scope = scope;
    listener->settings = *settings;
    listener->users = 1;
    int rc = listener_init(listener, fd);
    if (rc < 0) {
        free(listener);
        return rc;
    }
    rc =
        listener->local ? uv_pipe_open(&listener->io.pipe, fd) : uv_tcp_open(&listener->io.tcp, fd);
    if (rc == 0)
        rc = uv_listen(&listener->io.stream, BACKLOG, connection_arrived);
    if (rc < 0) {
        uv_close((uv_handle_t *)&listener->io, listener_dropped);
        return rc;
    }
    *ret_listener = listener;
    return 0;
}

void listener_co_close(struct listener *listener)
{
    listener->closer = co_current();
    uv_close((uv_handle_t *)&listener->io, listener_closed);
    while (!listener->closed)
        co_park_firmly();
    listener_leave(listener);
}

static int bind_once(const struct sockaddr *address, bool shared)
{
    socklen_t len =
        address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    /* listening tells what bind with SO_REUSEADDR does not: that nobody else listens here */
    if (bind(fd, address, len) < 0 || (!shared && listen(fd, 1) < 0)) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

int listener_bind(const struct sockaddr *address, unsigned count, int *ret_fds)
{
    int probe = bind_once(address, false);
    if (probe < 0)
        return probe;
    close(probe);
    for (unsigned i = 0; i < count; i++) {
        ret_fds[i] = bind_once(address, true);
        if (ret_fds[i] < 0) {
            int rc = ret_fds[i];
            while (i > 0)
                close(ret_fds[--i]);
            return rc;
        }
    }
    return 0;
}
