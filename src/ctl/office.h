/*
 * The office: the rooms of one node, opened in order and closed in reverse.
 *
 * The server opens it with loops around it; a verb without a running server opens the same for a
 * moment. Sessions and verbs find everything through it.
 */
#ifndef CTL_OFFICE_H
#define CTL_OFFICE_H

#include "api/api.h"
#include "ctl/config.h"
#include "directory/directory.h"
#include "http/server.h"
#include "imap/server.h"
#include "pop3/server.h"
#include "run/crowd.h"
#include "run/tls.h"
#include "smtpd/server.h"

#include <pthread.h>

struct lane;

struct office {
    struct config config;
    const char *folder;
    struct store *store;
    struct lane *passwords, *signing, *parsing;
    struct directory *directory;
    struct crowd *crowd;
    struct pop3_locks *pop3_locks;
    struct route_table routes;
    struct dns_settings dns;
    struct deliver *deliver; /* NULL: no server runs, letters wait in the queue */
    struct submit_door door;
    struct api api; /* what requests of HTTP find */
    bool serving;   /* false: opened by a verb, no server runs */
    int64_t started_ms;
    struct smtpd_counters smtp, lmtp;
    struct pop3_counters pop3;
    struct imap_counters imap;
    struct http_counters http;
    struct http_budget http_budget;
    struct deliver_counters delivery;

    pthread_mutex_t tls_mutex;
    struct tls_context *tls;
};

/* Blocks. The folder must outlive the office. One line in reason on failure. */
must_check int office_open(struct office *office, const char *folder, const struct config *config,
                           char *reason, size_t size);
void office_close(struct office *office);
/* For the server: from now on letters leave. One line in reason on failure. */
must_check int office_start_delivery(struct office *office, unsigned loops, bool after_crash);
/* The certificate for new connections from now on. */
must_check int office_set_tls(struct office *office, struct span chain_pem, struct span key_pem,
                              char *reason, size_t size);
/* For the servers' settings: the current context, held. arg is the office. */
struct tls_context *office_tls(void *arg);

#endif
