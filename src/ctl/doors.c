/* The doors; see doors.h. */
#include "ctl/doors_internal.h"

#include "base/log.h"
#include "ctl/files.h"
#include "run/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LMTP_PORT 24

static const unsigned ports[DOOR_KINDS] = {
    [DOOR_SMTP] = 25,   [DOOR_SUBMISSION] = 587, [DOOR_SUBMISSIONS] = 465,
    [DOOR_POP3] = 110,  [DOOR_POP3S] = 995,      [DOOR_IMAP] = 143,
    [DOOR_IMAPS] = 993, [DOOR_HTTP] = 80,        [DOOR_HTTPS] = 443};

static int bind_address(const char *text, unsigned port, unsigned count, int *ret_fds)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return listener_bind((struct sockaddr *)&v4, count, ret_fds);
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        return listener_bind((struct sockaddr *)&v6, count, ret_fds);
    return -EINVAL;
}

static void explain(int rc, const char *address, unsigned port, char *reason, size_t size)
{
    const char *what = error_text(rc);
    if (rc == -EADDRINUSE)
        what = "another program listens there; stop it, or change port-offset or listen";
    else if (rc == -EACCES)
        what = "ports below 1024 need root; start as root, or set port-offset";
    else if (rc == -EADDRNOTAVAIL)
        what = "this machine does not have that address; correct listen";
    snprintf(reason, size, "cannot listen on %s port %u: %s in " CONFIG_NAME, address, port, what);
}

/* "::" stands in the default configuration also where the kernel has no IPv6. */
static bool may_be_missing(int rc, const char *address)
{
    return strcmp(address, "::") == 0 && (rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL);
}

int doors_add(struct doors *doors, enum door_kind kind, const char *address, unsigned port,
              char *reason, size_t size)
{
    struct door *door = &doors->doors[doors->count];
    *door = (struct door){kind, address, port, calloc(doors->loops, sizeof *door->fds)};
    int rc = door->fds ? bind_address(address, port, doors->loops, door->fds) : -ENOMEM;
    if (rc < 0) {
        free(door->fds);
        explain(rc, address, port, reason, size);
        return rc;
    }
    doors->count++;
    return 0;
}

static int open_all(struct doors *doors, const char *folder, const struct config *config,
                    char *reason, size_t size)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < config->listen_count; i++) {
        for (unsigned kind = 0; rc == 0 && kind < DOOR_KINDS; kind++) {
            if (ports[kind] == 0) /* LMTP's are elsewhere */
                continue;
            rc = doors_add(doors, kind, config->listen[i], ports[kind] + config->port_offset,
                           reason, size);
            if (rc < 0 && may_be_missing(rc, config->listen[i]))
                rc = 0;
        }
    }
    return rc < 0 ? rc
                  : doors_open_lmtp(doors, folder, config, LMTP_PORT + config->port_offset, reason,
                                    size);
}

int doors_open(struct doors *doors, const char *folder, const struct config *config, unsigned loops,
               char *reason, size_t size)
{
    memset(doors, 0, sizeof *doors);
    doors->loops = loops;
    int rc = open_all(doors, folder, config, reason, size);
    if (rc < 0)
        doors_close(doors);
    return rc;
}

void doors_close(struct doors *doors)
{
    for (unsigned i = 0; i < doors->count; i++) {
        for (unsigned j = 0; j < doors->loops; j++)
            close(doors->doors[i].fds[j]);
        free(doors->doors[i].fds);
    }
    doors->count = 0;
    listener_unlink(&doors->file);
    doors->file.path[0] = '\0';
}

int certificate_read(const char *folder, const struct config *config, struct buffer *chain,
                     struct buffer *key, char *reason, size_t size)
{
    const struct {
        const char *option, *name;
        struct buffer *out;
    } files[] = {{"certificate", config->certificate, chain},
                 {"certificate-key", config->certificate_key, key}};
    char path[1024], wrong[300];
    struct tls_context *context;
    for (unsigned i = 0; i < 2; i++) {
        int rc = path_join(path, sizeof path, folder, files[i].name);
        if (rc == 0)
            rc = file_read(path, files[i].out);
        if (rc < 0) {
            snprintf(reason, size, "cannot read %s: %s; correct %s in " CONFIG_NAME, path,
                     error_text(rc), files[i].option);
            return rc;
        }
    }
    int rc =
        tls_server_context(buffer_span(chain), buffer_span(key), wrong, sizeof wrong, &context);
    if (rc < 0) {
        snprintf(reason, size,
                 "%s cannot be used: %s; correct certificate or certificate-key in " CONFIG_NAME,
                 config->certificate, wrong);
        return rc;
    }
    tls_context_release(context);
    return 0;
}
