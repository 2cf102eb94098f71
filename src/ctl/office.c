/* The office; see office.h. */
#include "ctl/office.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "box/box.h"
#include "event/event.h"
#include "pop3/lock.h"
#include "reputation/suppression.h"
#include "run/lane.h"
#include "store/blob.h"
#include "submit/schema.h"

#include "ctl/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PASSWORD_THREADS 2
#define PASSWORD_QUEUE   200
#define SIGNING_THREADS  16
#define SIGNING_QUEUE    10000
#define PARSING_THREADS  2
#define PARSING_QUEUE    1000
#define HTTP_BODIES_MAX  ((size_t)256 * 1024 * 1024)

static const struct db_schema *const schemas[] = {
    &blob_schema,  &directory_schema,  &event_schema, &box_schema,
    &queue_schema, &reputation_schema, &submit_schema};

static unsigned signing_threads(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > SIGNING_THREADS ? SIGNING_THREADS : (unsigned)cores;
}

static int read_secret(struct office *office, char *reason, size_t size)
{
    char path[1024];
    AUTO_BUFFER secret = BUFFER(4096);
    int rc = path_join(path, sizeof path, office->folder, "secret.key");
    if (rc == 0)
        rc = file_read(path, &secret);
    if (rc == 0 && secret.len != DIRECTORY_SECRET)
        rc = ERR_CORRUPT;
    if (rc == 0)
        directory_set_secret(office->directory, (const unsigned char *)secret.at);
    else
        snprintf(reason, size,
                 "secret.key in %s cannot be used (%s): put the one back that was made"
                 " with the store",
                 office->folder, error_text(rc));
    if (secret.at)
        explicit_bzero(secret.at, secret.size);
    return rc;
}

/* Ids go on behind those of the process before, whatever the clock says. */
static int keep_ids(const char *folder, char *reason, size_t size)
{
    char path[1024];
    int rc = path_join(path, sizeof path, folder, "last-id");
    int fd = rc < 0 ? rc : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (rc == 0 && fd < 0)
        rc = -errno;
    if (rc == 0)
        rc = -posix_fallocate(fd, 0, sizeof(int64_t));
    void *map = rc < 0 ? MAP_FAILED
                       : mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (map != MAP_FAILED && id_keep(map))
        log_warn("ctl.clock_behind", "why=\"ids go on where they were\"");
    if (rc == -ENOSPC) { /* service goes on */
        log_warn("ctl.last_id", "why=\"%s\"", error_text(rc));
        return 0;
    }
    if (map == MAP_FAILED)
        snprintf(reason, size, "%s cannot be used (%s)", path, error_text(rc < 0 ? rc : -ENOMEM));
    return map == MAP_FAILED ? rc < 0 ? rc : -ENOMEM : 0;
}

int office_open(struct office *office, const char *folder, const struct config *config,
                char *reason, size_t size)
{
    struct store_settings settings = {
        .engine = config->postgres ? STORE_POSTGRES : STORE_SQLITE,
        .folder = folder,
        .postgres_conninfo = config->conninfo,
    };
    memset(office, 0, sizeof *office);
    office->config = *config;
    office->folder = folder;
    office->http_budget.max = HTTP_BODIES_MAX;
    office->started_ms = clock_wall_ms();
    pthread_mutex_init(&office->tls_mutex, NULL);
    snprintf(reason, size, "out of memory or threads");
    int rc = keep_ids(folder, reason, size);
    if (rc == 0)
        rc = store_open(&settings, schemas, sizeof schemas / sizeof *schemas, reason, size,
                        &office->store);
    if (rc == 0)
        rc = lane_create("passwords", PASSWORD_THREADS, PASSWORD_QUEUE, &office->passwords);
    if (rc == 0)
        rc = directory_open(office->store, office->passwords, &office->directory);
    if (rc == 0)
        directory_set_delimiter(office->directory, config->recipient_delimiter);
    if (rc == 0)
        rc = crowd_create(config->connections_max, config->connections_per_address_max,
                          &office->crowd);
    if (rc == 0)
        rc = crowd_create(config->connections_max, config->imap_sessions_per_user,
                          &office->imap_users);
    if (rc == 0)
        rc = pop3_locks_create(&office->pop3_locks);
    if (rc == 0)
        rc = lane_create("signing", signing_threads(), SIGNING_QUEUE, &office->signing);
    if (rc == 0)
        rc = lane_create("parsing", PARSING_THREADS, PARSING_QUEUE, &office->parsing);
    if (rc == 0)
        rc = read_secret(office, reason, size);
    office->door.store = office->store;
    office->door.directory = office->directory;
    office->door.signing = office->signing;
    office->door.daily_limit = (int64_t)config->daily_limit;
    office->door.refuse_full = config->refuse_full;
    office->api = (struct api){.door = &office->door,
                               .store = office->store,
                               .directory = office->directory,
                               .hostname = config->hostname,
                               .port_offset = config->port_offset,
                               .office = office};
    if (rc < 0)
        office_close(office);
    return rc;
}

int office_start_delivery(struct office *office, unsigned loops, bool after_crash)
{
    const struct config *config = &office->config;
    office->routes = (struct route_table){.list = config->routes,
                                          .count = config->route_count,
                                          .allow_private = config->allow_private_destinations,
                                          .port = config->delivery_port,
                                          .hostname = config->hostname};
    office->dns = (struct dns_settings){.server_count = config->dns_server_count,
                                        .trust_anchor = config->dns_trust_anchor,
                                        .deadline_ms = (int64_t)config->dns_timeout * 1000,
                                        .open_zone_count = config->transparent_zone_count};
    for (unsigned i = 0; i < config->dns_server_count; i++)
        office->dns.servers[i] = config->dns_servers[i];
    for (unsigned i = 0; i < config->transparent_zone_count; i++)
        office->dns.open_zones[i] = config->transparent_zones[i];
    struct deliver_settings settings = {.hostname = config->hostname,
                                        .door = &office->door,
                                        .directory = office->directory,
                                        .routes = &office->routes,
                                        .policies = config->policies,
                                        .policy_count = config->policy_count,
                                        .dns = &office->dns,
                                        .loop_count = loops,
                                        .folder = office->folder,
                                        .after_crash = after_crash,
                                        .counters = &office->delivery};
    int rc = deliver_create(&settings, &office->deliver);
    if (rc == 0) {
        office->api.deliver = office->deliver;
        office->door.announce = deliver_announce;
        office->door.arg = office->deliver;
    }
    return rc;
}

void office_close(struct office *office)
{
    deliver_free(office->deliver);
    tls_context_release(office->tls);
    crowd_free(office->crowd);
    crowd_free(office->imap_users);
    pop3_locks_free(office->pop3_locks);
    directory_close(office->directory);
    lane_destroy(office->passwords);
    lane_destroy(office->signing);
    lane_destroy(office->parsing);
    store_close(office->store);
    pthread_mutex_destroy(&office->tls_mutex);
}

int office_set_tls(struct office *office, struct span chain_pem, struct span key_pem, char *reason,
                   size_t size)
{
    struct tls_context *context, *old;
    int rc = tls_server_context(chain_pem, key_pem, reason, size, &context);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&office->tls_mutex);
    old = office->tls;
    office->tls = context;
    pthread_mutex_unlock(&office->tls_mutex);
    tls_context_release(old);
    return 0;
}

struct tls_context *office_tls(void *arg)
{
    struct office *office = arg;
    pthread_mutex_lock(&office->tls_mutex);
    struct tls_context *context = office->tls ? tls_context_hold(office->tls) : NULL;
    pthread_mutex_unlock(&office->tls_mutex);
    return context;
}
