/* The worker; see worker.h. */
#include "ctl/worker.h"

#include "api/submission.h"
#include "base/log.h"
#include "box/box.h"
#include "ctl/control.h"
#include "ctl/pages.h"
#include "run/lane.h"
#include "run/loop.h"
#include "run/stream.h"
#include "store/blob.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_MS          (30 * 1000)
#define DELIVERY_DRAIN_MS (10 * 1000)
#define SWEEP_EVERY_MS    (60 * 1000)
#define GREET_PAUSE_MS    1000
#define SMTP_DOORS        (DOOR_LMTP_SOCKET + 1)

struct worker_loop {
    struct worker *worker;
    struct loop *loop;
    unsigned index;
    struct loop_message start, drain;
    struct co *keeper; /* the coroutine that keeps the doors */
    struct listener *listeners[DOORS_MAX];
    bool draining;
};

struct worker {
    struct office office;
    struct doors *doors;
    struct worker_loop *loops;
    int channel, signals, failed;
    bool after_crash;
    sem_t opened; /* once for each loop */
    struct control *control;
    struct smtpd_settings smtp[SMTP_DOORS];
    struct pop3_settings pop3[2];
    struct imap_settings imap[2];
    struct http_settings http[2];
};

/* --- what each door serves ------------------------------------------------------------------- */

static void fill_settings(struct worker *w)
{
    struct office *o = &w->office;
    for (unsigned i = 0; i < SMTP_DOORS; i++) {
        bool lmtp = i == DOOR_LMTP || i == DOOR_LMTP_SOCKET;
        w->smtp[i] = (struct smtpd_settings){.role = lmtp             ? SMTPD_LMTP
                                                     : i == DOOR_SMTP ? SMTPD_MX
                                                                      : SMTPD_SUBMISSION,
                                             .implicit_tls = i == DOOR_SUBMISSIONS,
                                             .cleartext_login = o->config.cleartext_login,
                                             .hostname = o->config.hostname,
                                             .door = &o->door,
                                             .directory = o->directory,
                                             .tls = office_tls,
                                             .tls_arg = o,
                                             .co_take_over = submission_co_take_over,
                                             .take_over_arg = &o->api,
                                             .counters = lmtp ? &o->lmtp : &o->smtp,
                                             .message_max = o->config.message_max,
                                             .recipients_max = o->config.recipients_max,
                                             .greet_pause_ms = GREET_PAUSE_MS,
                                             .trusted = o->config.lmtp_from,
                                             .trusted_count = o->config.lmtp_from_count};
    }
    for (unsigned i = 0; i < 2; i++)
        w->pop3[i] = (struct pop3_settings){.implicit_tls = i == DOOR_POP3S - DOOR_POP3,
                                            .cleartext_login = o->config.cleartext_login,
                                            .hostname = o->config.hostname,
                                            .store = o->store,
                                            .directory = o->directory,
                                            .tls = office_tls,
                                            .tls_arg = o,
                                            .locks = o->pop3_locks,
                                            .login_delay = o->config.pop3_login_delay,
                                            .expire = o->config.pop3_expire,
                                            .counters = &o->pop3};
    for (unsigned i = 0; i < 2; i++)
        w->imap[i] = (struct imap_settings){.implicit_tls = i == DOOR_IMAPS - DOOR_IMAP,
                                            .cleartext_login = o->config.cleartext_login,
                                            .hostname = o->config.hostname,
                                            .store = o->store,
                                            .directory = o->directory,
                                            .literal_plus = o->config.literal_plus,
                                            .message_max = o->config.message_max,
                                            .tls = office_tls,
                                            .tls_arg = o,
                                            .users = o->imap_users,
                                            .counters = &o->imap};
    for (unsigned i = 0; i < 2; i++)
        w->http[i] = (struct http_settings){.implicit_tls = i == DOOR_HTTPS - DOOR_HTTP,
                                            .tls = office_tls,
                                            .tls_arg = o,
                                            .co_choose = pages_co_choose,
                                            .arg = &o->api,
                                            .counters = &o->http,
                                            .budget = &o->http_budget,
                                            .parsing = o->parsing};
}

static struct listener_settings settings_of(struct worker *w, enum door_kind kind)
{
    if (kind >= DOOR_HTTP)
        return (struct listener_settings){.name = "http",
                                          .co_serve = http_co_serve,
                                          .arg = &w->http[kind - DOOR_HTTP],
                                          .refusal = kind == DOOR_HTTP ? http_refusal : SPAN(""),
                                          .crowd = w->office.crowd};
    if (kind >= DOOR_IMAP)
        return (struct listener_settings){.name = "imap",
                                          .co_serve = imap_co_serve,
                                          .arg = &w->imap[kind - DOOR_IMAP],
                                          .refusal = imap_refusal,
                                          .crowd = w->office.crowd};
    if (kind >= DOOR_POP3)
        return (struct listener_settings){.name = "pop3",
                                          .co_serve = pop3_co_serve,
                                          .arg = &w->pop3[kind - DOOR_POP3],
                                          .refusal = pop3_refusal,
                                          .crowd = w->office.crowd};
    return (struct listener_settings){.name = "smtp",
                                      .co_serve = smtpd_co_serve,
                                      .arg = &w->smtp[kind],
                                      .refusal = smtpd_refusal,
                                      .crowd = w->office.crowd};
}

/* --- one loop -------------------------------------------------------------------------------- */

static int open_listeners(struct worker_loop *wl, struct scope *sessions,
                          struct listener **listeners)
{
    struct doors *doors = wl->worker->doors;
    for (unsigned i = 0; i < doors->count; i++) {
        struct listener_settings settings = settings_of(wl->worker, doors->doors[i].kind);
        int rc = listener_open(sessions, doors->doors[i].fds[wl->index], &settings, &listeners[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Who is busy may finish; who is not done by then is cut off with a 421. */
static int co_end_drain(void *arg)
{
    struct scope *sessions = arg;
    if (co_sleep(DRAIN_MS) == 0)
        scope_cancel(sessions);
    return 0;
}

static void co_drain(struct worker_loop *wl, struct scope *sessions, struct listener **listeners)
{
    struct scope patience;
    for (unsigned i = 0; i < wl->worker->doors->count; i++) {
        if (!listeners[i])
            continue;
        listener_drain(listeners[i]);
        listener_co_close(listeners[i]);
    }
    scope_open(&patience, scope_current(), CO_FOREVER);
    if (co_spawn(&patience, "patience", co_end_drain, sessions) < 0)
        scope_cancel(sessions);
    if (scope_co_wait(sessions) < 0)
        log_debug("ctl.drained", "loop=%u", wl->index);
    scope_cancel(&patience);
    if (scope_co_wait(&patience) < 0)
        log_debug("ctl.patience", "loop=%u", wl->index);
}

static int co_keep_doors(void *arg)
{
    struct worker_loop *wl = arg;
    struct scope sessions;
    wl->keeper = co_current();
    scope_open(&sessions, scope_current(), CO_FOREVER);
    int rc = deliver_open_loop(wl->worker->office.deliver, wl->index);
    if (rc == 0)
        rc = open_listeners(wl, &sessions, wl->listeners);
    if (rc < 0) {
        log_error("ctl.listen", "why=\"%s\"", error_text(rc));
        wl->worker->failed = rc;
    }
    sem_post(&wl->worker->opened);
    while (!wl->draining)
        co_park_firmly();
    co_drain(wl, &sessions, wl->listeners);
    deliver_co_close_loop(wl->worker->office.deliver, wl->index, DELIVERY_DRAIN_MS);
    loop_stop(wl->loop);
    return 0;
}

/* Files whose last letter went, and orphans of a crash: at start and from time to time. */
static int co_sweep(void *arg)
{
    struct worker *w = arg;
    int rc;
    do {
        rc = box_co_sweep(w->office.store);
        if (rc == 0)
            rc = blob_co_sweep(w->office.store);
        if (rc < 0 && rc != -ECANCELED)
            log_warn("ctl.sweep", "why=\"%s\"", error_text(rc));
    } while (co_sleep(SWEEP_EVERY_MS) == 0);
    return 0;
}

/* The search index of mailboxes, quietly. */
static int co_index(void *arg)
{
    struct worker *w = arg;
    do {
        int rc = box_co_index(w->office.store);
        if (rc < 0 && rc != -ECANCELED)
            log_warn("ctl.index", "why=\"%s\"", error_text(rc));
    } while (co_sleep(SWEEP_EVERY_MS) == 0);
    return 0;
}

static void loop_started(struct loop_message *message)
{
    struct worker_loop *wl =
        (struct worker_loop *)((char *)message - offsetof(struct worker_loop, start));
    struct scope *scope = loop_scope(wl->loop);
    int rc = co_spawn(scope, "doors", co_keep_doors, wl);
    if (rc == 0 && wl->index == 0 && co_spawn(scope, "sweep", co_sweep, wl->worker) < 0)
        log_warn("ctl.sweep", "why=\"no memory\"");
    if (rc == 0 && wl->index == 0 && co_spawn(scope, "index", co_index, wl->worker) < 0)
        log_warn("ctl.index", "why=\"no memory\"");
    if (rc < 0) {
        wl->worker->failed = rc;
        sem_post(&wl->worker->opened);
    }
}

static void drain_asked(struct loop_message *message)
{
    struct worker_loop *wl =
        (struct worker_loop *)((char *)message - offsetof(struct worker_loop, drain));
    wl->draining = true;
    if (wl->keeper)
        co_wake(wl->keeper, 0);
    else
        loop_stop(wl->loop);
}

static int start_loops(struct worker *w)
{
    unsigned count = w->doors->loops;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < count; i++) {
        struct worker_loop *wl = &w->loops[i];
        *wl = (struct worker_loop){
            .worker = w, .index = i, .start.fn = loop_started, .drain.fn = drain_asked};
        rc = loop_create(&wl->loop);
        if (rc == 0)
            loop_post(wl->loop, &wl->start);
        if (rc == 0)
            rc = loop_start_thread(wl->loop, "loop");
    }
    for (unsigned i = 0; rc == 0 && i < count; i++)
        while (sem_wait(&w->opened) < 0)
            ;
    return rc < 0 ? rc : w->failed;
}

static void end_loops(struct worker *w)
{
    for (unsigned i = 0; i < w->doors->loops && w->loops[i].loop; i++)
        loop_post(w->loops[i].loop, &w->loops[i].drain);
    for (unsigned i = 0; i < w->doors->loops && w->loops[i].loop; i++) {
        loop_join(w->loops[i].loop);
        loop_destroy(w->loops[i].loop);
    }
}

/* --- the supervisor's channel ---------------------------------------------------------------- */

static int take_certificate(struct worker *w, struct span message, char *reason, size_t size)
{
    uint32_t chain_len;
    if (message.len < 1 + sizeof chain_len || message.at[0] != 'C')
        return -EPROTO;
    memcpy(&chain_len, message.at + 1, sizeof chain_len);
    struct span rest = span_from(message, 1 + sizeof chain_len);
    if (chain_len > rest.len)
        return -EPROTO;
    return office_set_tls(&w->office, span_first(rest, chain_len), span_from(rest, chain_len),
                          reason, size);
}

/* 0, ERR_CLOSED when the supervisor is gone, or why the certificate is not taken. */
static int read_channel(struct worker *w, char *reason, size_t size)
{
    char *message = malloc(WORKER_MESSAGE_MAX);
    if (!message)
        return -ENOMEM;
    ssize_t len = recv(w->channel, message, WORKER_MESSAGE_MAX, 0);
    int rc =
        len <= 0 ? ERR_CLOSED : take_certificate(w, span_make(message, (size_t)len), reason, size);
    explicit_bzero(message, WORKER_MESSAGE_MAX);
    free(message);
    return rc;
}

static void tell(struct worker *w, char kind, const char *text)
{
    char message[600];
    int len = snprintf(message, sizeof message, "%c%s", kind, text);
    if (send(w->channel, message, (size_t)len, MSG_NOSIGNAL) < 0)
        log_error("ctl.channel", "why=\"%s\"", error_text(-errno));
}

/* Until SIGTERM, or the supervisor's end. */
static void wait_for_end(struct worker *w)
{
    char reason[300] = "";
    for (;;) {
        struct pollfd waits[] = {{.fd = w->signals, .events = POLLIN},
                                 {.fd = w->channel, .events = POLLIN}};
        struct signalfd_siginfo info;
        if (poll(waits, 2, -1) < 0)
            continue;
        if (waits[0].revents && read(w->signals, &info, sizeof info) > 0)
            return;
        if (!waits[1].revents)
            continue;
        int rc = read_channel(w, reason, sizeof reason);
        if (rc == ERR_CLOSED)
            return;
        if (rc < 0)
            log_error("ctl.certificate", "why=\"%s\"", reason);
        else
            log_info("ctl.certificate", "state=renewed");
    }
}

/* --- opening and closing --------------------------------------------------------------------- */

static int worker_open(struct worker *w, char *reason, size_t size)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    w->signals = signalfd(-1, &set, SFD_CLOEXEC);
    w->loops = calloc(w->doors->loops, sizeof *w->loops);
    sem_init(&w->opened, 0, 0);
    if (w->signals < 0 || !w->loops)
        return -ENOMEM;
    int rc = read_channel(w, reason, size);
    if (rc < 0)
        return rc;
    fill_settings(w);
    rc = office_start_delivery(&w->office, w->doors->loops, w->after_crash);
    if (rc == 0)
        rc = start_loops(w);
    if (rc == 0)
        rc = control_start(&w->office, w->loops[0].loop, &w->control);
    if (rc < 0)
        snprintf(reason, size, "cannot start: %s", error_text(rc));
    return rc;
}

int worker_run(const char *folder, const struct config *config, struct doors *doors, int channel,
               bool after_crash)
{
    char reason[500] = "";
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return 1;
    w->doors = doors;
    w->channel = channel;
    w->after_crash = after_crash;
    int rc = office_open(&w->office, folder, config, reason, sizeof reason);
    if (rc < 0) {
        tell(w, 'E', reason);
        return 1;
    }
    w->office.serving = true;
    rc = worker_open(w, reason, sizeof reason);
    if (rc < 0) {
        tell(w, 'E', reason);
    } else {
        tell(w, 'R', "");
        wait_for_end(w);
        log_info("ctl.draining", "sessions=%u", crowd_size(w->office.crowd));
    }
    if (w->control)
        control_stop(w->control);
    if (w->loops)
        end_loops(w);
    office_close(&w->office);
    free(w->loops);
    free(w);
    return rc < 0;
}
