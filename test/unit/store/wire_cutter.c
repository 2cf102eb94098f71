/* Cuts the wire between a COMMIT and its answer; see wire_cutter.h. */
#include "wire_cutter.h"

#include "suite.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME ".s.PGSQL.5432"

struct wire {
    struct wire_cutter *cutter;
    int client, server;
    bool condemned; /* a COMMIT went through while we were armed */
};

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof address.sun_path);
    strcpy(address.sun_path, path);
    return address;
}

/* One piece in one direction; false at the end of the wire. */
static bool carry(struct wire *w, int from, int to)
{
    char bytes[1500];
    ssize_t len = read(from, bytes, sizeof bytes);
    if (len <= 0)
        return false;
    if (from == w->client && memmem(bytes, (size_t)len, "COMMIT", 6) &&
        atomic_exchange(&w->cutter->armed, false))
        w->condemned = true;
    if (from == w->server && w->condemned) {
        atomic_fetch_add(&w->cutter->cuts, 1);
        return false;
    }
    return write(to, bytes, (size_t)len) == len;
}

static void *wire_thread(void *arg)
{
    struct wire *w = arg;
    struct sockaddr_un server = address_of(w->cutter->server);
    w->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool alive = connect(w->server, (struct sockaddr *)&server, sizeof server) == 0;
    while (alive) {
        struct pollfd ends[2] = {{w->client, POLLIN, 0}, {w->server, POLLIN, 0}};
        alive = poll(ends, 2, -1) > 0;
        if (alive && ends[0].revents)
            alive = carry(w, w->client, w->server);
        if (alive && ends[1].revents)
            alive = carry(w, w->server, w->client);
    }
    close(w->client);
    close(w->server);
    free(w);
    return NULL;
}

static void *listen_thread(void *arg)
{
    struct wire_cutter *cutter = arg;
    pthread_t thread;
    for (;;) {
        struct wire *w = calloc(1, sizeof *w);
        *w = (struct wire){cutter, accept4(cutter->listener, NULL, NULL, SOCK_CLOEXEC), -1, false};
        if (w->client < 0 || pthread_create(&thread, NULL, wire_thread, w) != 0)
            abort();
        pthread_detach(thread);
    }
    return NULL;
}

void wire_cutter_start(struct wire_cutter *cutter, const char *server_folder)
{
    char path[100];
    pthread_t thread;
    *cutter = (struct wire_cutter){.folder = "/tmp/postamt-wire.XXXXXX"};
    assert_non_null(mkdtemp(cutter->folder));
    snprintf(cutter->server, sizeof cutter->server, "%s/" SOCKET_NAME, server_folder);
    snprintf(path, sizeof path, "%s/" SOCKET_NAME, cutter->folder);
    struct sockaddr_un address = address_of(path);
    cutter->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(cutter->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(cutter->listener, 100), 0);
    assert_int_equal(pthread_create(&thread, NULL, listen_thread, cutter), 0);
    assert_int_equal(pthread_detach(thread), 0);
}
