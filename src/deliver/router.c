/* A router finds the way of one domain and puts what waits for it in line there; see internal.h. */
#include "deliver/internal.h"
#include "deliver/simulator_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LOCAL_KEY     "our own mailboxes"
#define LOCAL_GOOD_MS (60 * 1000)

struct router {
    struct deliver_loop *dl;
    struct queue_domain *domain;
    char name[ADDRESS_DOMAIN_MAX + 1];
    char key[ROUTE_KEY];
    struct route_failure why;
};

static void router_set_way(struct router *r, struct way *way, int64_t good_ms)
{
    struct deliver *d = r->dl->d;
    const struct deliver_policy *policy = deliver_policy_of(&d->settings, span_of(r->name));
    struct queue_site *site;
    pthread_mutex_lock(&d->mutex);
    if (queue_domain_set_site(r->domain, r->key, policy->sessions_max, clock_mono_ms() + good_ms,
                              &site) == 0)
        queue_site_set_way(site, way);
    else
        free(way);
    pthread_mutex_unlock(&d->mutex);
}

/* All that wait for this domain get the same answer. */
static void router_co_refuse(struct router *r)
{
    struct deliver *d = r->dl->d;
    struct task *t;
    while ((t = task_new()) != NULL) {
        pthread_mutex_lock(&d->mutex);
        t->taken = queue_domain_take(r->domain, 1, t->items);
        pthread_mutex_unlock(&d->mutex);
        bool more = t->taken > 0;
        if (more && task_co_read(d, t) == 0 && t->count) {
            task_judge_all(d, t, r->why.permanent ? 550 : 450, span_of(r->why.text));
            gatherer_co_add(&r->dl->gatherer, t);
        } else {
            task_end(d, t);
        }
        if (!more)
            return;
    }
}

/* A domain of ours needs no server, nor does the simulator's. */
static int router_co_find(struct router *r, struct way **ret_way, int64_t *ret_good_ms)
{
    struct deliver *d = r->dl->d;
    int64_t tenant;
    int rc = directory_co_domain_owner(d->settings.directory, span_of(r->name), &tenant);
    if (rc == ERR_ABSENT && simulator_has(span_of(r->name)))
        rc = 0;
    if (rc == ERR_ABSENT)
        return route_co_find(d->settings.routes, r->dl->dns, r->name, ret_way, r->key, ret_good_ms,
                             &r->why);
    if (rc == 0) {
        *ret_way = calloc(1, sizeof **ret_way);
        if (*ret_way) {
            (*ret_way)->local = true;
            snprintf(r->key, sizeof r->key, "%s", LOCAL_KEY);
            *ret_good_ms = LOCAL_GOOD_MS;
            return 0;
        }
    }
    r->why = (struct route_failure){.text = "4.3.0 The domain cannot be looked up now"};
    return rc == -ECANCELED ? rc : ERR_ABSENT;
}

static int router_co_run(void *arg)
{
    struct router *r = arg;
    struct deliver *d = r->dl->d;
    struct way *way;
    int64_t good_ms;
    int rc = router_co_find(r, &way, &good_ms);
    if (rc == 0)
        router_set_way(r, way, good_ms);
    else if (rc != -ECANCELED)
        router_co_refuse(r);
    pthread_mutex_lock(&d->mutex);
    queue_domain_end_route(r->domain);
    pthread_mutex_unlock(&d->mutex);
    free(r);
    deliver_pump(d);
    return 0;
}

int router_start(struct deliver_loop *dl, struct queue_domain *domain)
{
    struct router *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->dl = dl;
    r->domain = domain;
    snprintf(r->name, sizeof r->name, "%s", queue_domain_name(domain));
    int rc = co_spawn(&dl->errands, "router", router_co_run, r);
    if (rc < 0)
        free(r);
    return rc;
}
