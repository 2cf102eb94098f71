/*
 * Opening a connection for letters: the hosts of the way in order, their addresses in order, until
 * one takes it (RFC 5321 5.1); TLS and AUTH as the way says. See internal.h.
 */
#include "deliver/internal.h"

#include "base/log.h"
#include "base/random.h"
#include "run/stream.h"
#include "run/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS   (30 * 1000)
#define CROWDED_MS   (10 * 1000) /* when many wait for servers that nobody has reached yet */
#define ATTEMPTS_MAX 6           /* of all addresses */

struct opening {
    struct deliver *d;
    struct connection *c;
    const struct way *way;
    const struct way_host *host;
    struct route_failure *why;
    bool in_clear; /* TLS failed; once more without */
    int64_t patience_ms;
};

/* "4.4.1 mx.example.net[192.0.2.1]:25, connecting: Connection refused" */
static void fail_step(struct opening *o, const char *step, int rc)
{
    o->why->permanent = false;
    if (rc == SMTP_REFUSED)
        snprintf(o->why->text, sizeof o->why->text, "4.4.1 %.150s said after %s: %.120s",
                 o->c->host, step, o->c->client.response.text);
    else
        snprintf(o->why->text, sizeof o->why->text, "4.4.1 %.150s, %s: %.100s", o->c->host, step,
                 error_text(rc));
}

/* --- TLS and AUTH ---------------------------------------------------------------------------- */

static struct tls_context *context_of(const struct opening *o)
{
    return o->way->tls == ROUTE_TLS_VERIFIED ? o->d->tls_verified : o->d->tls_any;
}

static bool wants_tls(const struct opening *o)
{
    if (o->way->tls == ROUTE_TLS_MAY)
        return o->c->client.starttls && !o->in_clear;
    return true;
}

static int opening_co_secure(struct opening *o)
{
    struct smtp_client *client = &o->c->client;
    if (stream_is_tls(o->c->st) || !wants_tls(o))
        return 0;
    if (!client->starttls) {
        snprintf(o->why->text, sizeof o->why->text,
                 "4.7.4 %.150s offers no STARTTLS, which its route wants", o->c->host);
        return ERR_DENIED;
    }
    int rc = smtp_client_co_start_tls(client, context_of(o), o->host->name);
    if (rc < 0)
        fail_step(o, client->step, rc);
    return rc;
}

static int opening_co_authenticate(struct opening *o)
{
    struct smtp_client *client = &o->c->client;
    if (!o->way->username[0])
        return 0;
    int rc = smtp_client_co_auth(client, span_of(o->way->username), span_of(o->way->password));
    if (rc == ERR_ABSENT)
        snprintf(o->why->text, sizeof o->why->text,
                 "4.7.0 %.150s offers neither AUTH PLAIN nor LOGIN%s", o->c->host,
                 stream_is_tls(o->c->st) ? "" : " (passwords go over TLS only)");
    else if (rc < 0)
        fail_step(o, client->step, rc);
    return rc;
}

/* --- one address ----------------------------------------------------------------------------- */

static void name_host(struct opening *o, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof text);
    else
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof text);
    snprintf(o->c->host, sizeof o->c->host, "%s[%s]:%u", o->host->name, text, o->way->port);
}

static int opening_co_dialogue(struct opening *o)
{
    struct connection *c = o->c;
    int rc = 0;
    if (o->way->implicit_tls) {
        stream_set_deadline(c->st, CONNECT_MS);
        rc = stream_co_start_tls_client(c->st, context_of(o), o->host->name);
        if (rc < 0)
            fail_step(o, "TLS handshake", rc);
    }
    if (rc < 0)
        return rc;
    rc = smtp_client_co_open(&c->client, c->st, o->d->settings.hostname);
    if (rc < 0) {
        fail_step(o, c->client.step, rc);
        return rc;
    }
    rc = opening_co_secure(o);
    return rc < 0 ? rc : opening_co_authenticate(o);
}

/* 0: ready for MAIL. */
static int opening_co_try(struct opening *o, const struct sockaddr *address)
{
    struct connection *c = o->c;
    memset(&c->client, 0, sizeof c->client);
    c->client.timeout_divisor = o->d->settings.timeout_divisor;
    c->letters = 0;
    name_host(o, address);
    atomic_fetch_add(&o->d->settings.counters->connections, 1);
    int rc = stream_co_connect(address, o->patience_ms, &c->st);
    if (rc < 0) {
        c->st = NULL;
        fail_step(o, "connecting", rc);
        return rc;
    }
    rc = opening_co_dialogue(o);
    if (rc < 0)
        connection_co_close(c, rc == SMTP_REFUSED);
    return rc;
}

/* Opportunistic TLS (RFC 7435): a handshake that fails is no reason not to deliver. */
static int opening_co_try_both(struct opening *o, const struct sockaddr *address)
{
    o->in_clear = false;
    int rc = opening_co_try(o, address);
    if (rc == 0 || rc == -ECANCELED || o->way->tls != ROUTE_TLS_MAY || !o->c->client.starttls ||
        (strcmp(o->c->client.step, "TLS handshake") != 0 &&
         strcmp(o->c->client.step, "STARTTLS") != 0))
        return rc;
    log_info("deliver.tls_failed", "host=%s why=\"%s\"", o->c->host, error_text(rc));
    o->in_clear = true;
    return opening_co_try(o, address);
}

/* --- all of them ----------------------------------------------------------------------------- */

/* Hosts of one preference stand in any order (RFC 5321 5.1). */
static void shuffle(const struct way *way, unsigned char order[ROUTE_HOSTS])
{
    for (unsigned i = 0; i < way->host_count; i++) {
        unsigned first = i;
        order[i] = (unsigned char)i;
        while (first > 0 && way->hosts[first - 1].preference == way->hosts[i].preference)
            first--;
        unsigned other = first + random_below(i - first + 1);
        order[i] = order[other];
        order[other] = (unsigned char)i;
    }
}

int connection_co_open(struct deliver_loop *dl, struct connection *c, const struct way *way,
                       bool crowded, struct route_failure *ret_why)
{
    struct opening o = {.d = dl->d,
                        .c = c,
                        .way = way,
                        .why = ret_why,
                        .patience_ms = crowded ? CROWDED_MS : CONNECT_MS};
    struct sockaddr_storage addresses[ROUTE_ADDRESSES];
    unsigned char order[ROUTE_HOSTS];
    unsigned attempts = 0, count;
    bool permanent = way->host_count > 0;
    shuffle(way, order);
    for (unsigned i = 0; i < way->host_count && attempts < ATTEMPTS_MAX; i++) {
        o.host = &way->hosts[order[i]];
        int rc = route_co_addresses(dl->d->settings.routes, dl->dns, o.host, way->port, addresses,
                                    &count, ret_why);
        if (rc == -ECANCELED)
            return rc;
        permanent = permanent && rc < 0 && ret_why->permanent;
        for (unsigned k = 0; rc == 0 && k < count && attempts < ATTEMPTS_MAX; k++, attempts++) {
            int tried = opening_co_try_both(&o, (struct sockaddr *)&addresses[k]);
            if (tried == 0 || tried == -ECANCELED)
                return tried;
        }
    }
    ret_why->permanent = permanent;
    return ERR_ABSENT;
}

void connection_co_close(struct connection *c, bool polite)
{
    if (!c->st)
        return;
    if (polite)
        smtp_client_co_quit(&c->client);
    stream_co_close(c->st);
    c->st = NULL;
}
