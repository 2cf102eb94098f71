/* All counters of an office; see counters.h. */
#include "ctl/counters.h"

#include "base/clock.h"
#include "run/co.h"

#include <assert.h>

struct list {
    struct metric *metrics;
    size_t count;
};

static void add(struct list *list, enum metric_kind kind, const char *name, uint64_t value,
                const char *help)
{
    assert(list->count < COUNTERS_MAX);
    list->metrics[list->count++] =
        (struct metric){.name = name, .help = help, .kind = kind, .value = value};
}

static void count(struct list *list, const char *name, uint64_t value, const char *help)
{
    add(list, METRIC_COUNTER, name, value, help);
}

static void gauge(struct list *list, const char *name, uint64_t value, const char *help)
{
    add(list, METRIC_GAUGE, name, value, help);
}

static void list_letters(struct list *list, const struct office *office)
{
    const struct smtpd_counters *smtp = &office->smtp;
    const struct pop3_counters *pop3 = &office->pop3;
    count(list, "smtp_sessions", smtp->sessions, "SMTP connections taken");
    count(list, "letters_accepted", smtp->accepted, "Letters answered with 250");
    count(list, "bytes_accepted", smtp->accepted_bytes, "Bytes of letters answered with 250");
    count(list, "refused", smtp->refused, "Letters and recipients refused for good (5xx)");
    count(list, "tempfailed", smtp->tempfailed, "Letters and recipients told to come back (4xx)");
    count(list, "lmtp_sessions", office->lmtp.sessions, "LMTP connections taken");
    count(list, "lmtp_letters_accepted", office->lmtp.accepted, "Letters accepted by LMTP");
    count(list, "lmtp_bytes_accepted", office->lmtp.accepted_bytes, "Bytes of them");
    count(list, "lmtp_refused", office->lmtp.refused, "Letters and recipients refused by LMTP");
    count(list, "lmtp_tempfailed", office->lmtp.tempfailed, "… and told to come back");
    count(list, "pop3_sessions", pop3->sessions, "POP3 connections taken");
    count(list, "pop3_logins", pop3->logins, "POP3 logins");
    count(list, "pop3_retrieved", pop3->retrieved, "Letters read by POP3");
    count(list, "imap_sessions", office->imap.sessions, "IMAP connections taken");
    count(list, "imap_logins", office->imap.logins, "IMAP logins");
    count(list, "imap_fetched", office->imap.fetched, "Messages asked for by IMAP FETCH");
    count(list, "imap_appended", office->imap.appended, "Messages put in by IMAP APPEND");
}

static void list_web(struct list *list, const struct office *office)
{
    static const char *const classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    const struct http_counters *http = &office->http;
    count(list, "http_connections", http->connections, "HTTP connections taken");
    count(list, "http_requests", http->requests, "HTTP requests");
    count(list, "http_bytes_received", http->bytes_in, "Bytes of HTTP requests");
    count(list, "http_bytes_sent", http->bytes_out, "Bytes of HTTP answers");
    for (unsigned i = 2; i < 6; i++) {
        count(list, "http_answers", http->answers[i], "HTTP answers by class of status");
        list->metrics[list->count - 1].label = "class";
        list->metrics[list->count - 1].label_value = classes[i];
    }
    gauge(list, "http_body_memory", atomic_load(&office->http_budget.used),
          "Bytes of memory that HTTP request bodies take now");
}

static void list_delivery(struct list *list, const struct office *office)
{
    const struct deliver_counters *delivery = &office->delivery;
    gauge(list, "queue_waiting", office->deliver ? deliver_waiting(office->deliver) : 0,
          "Recipients that wait in the queue");
    count(list, "delivery_sessions", delivery->sessions, "Delivery sessions begun");
    count(list, "delivery_connections", delivery->connections, "Connections to other servers");
    count(list, "delivered", delivery->delivered, "Recipients delivered elsewhere");
    count(list, "deferred", delivery->deferred, "Attempts that will be made again");
    count(list, "bounced", delivery->bounced, "Recipients that bounced");
    count(list, "expired", delivery->expired, "Recipients given up after their time");
}

static void list_store(struct list *list, const struct office *office)
{
    struct store_counters store = store_counters(office->store);
    count(list, "store_jobs", store.jobs, "Write jobs");
    count(list, "store_groups", store.groups, "Commits");
    count(list, "store_retried_groups", store.retried_groups, "Groups run again one by one");
    count(list, "store_commits_failed", store.commits_failed, "Commits that failed");
    gauge(list, "store_waiting", store.waiting, "Write jobs that wait");
}

size_t counters_list(const struct office *office, struct metric ret_metrics[COUNTERS_MAX])
{
    struct list list = {ret_metrics, 0};
    struct co_census census = co_census();
    gauge(&list, "uptime_seconds", (uint64_t)(clock_wall_ms() - office->started_ms) / 1000,
          "Seconds since the start");
    gauge(&list, "connections", crowd_size(office->crowd), "Connections open now");
    list_letters(&list, office);
    list_web(&list, office);
    list_delivery(&list, office);
    list_store(&list, office);
    gauge(&list, "coroutines", census.live, "Coroutines");
    gauge(&list, "stacks", census.stacks, "Stacks of coroutines, pools included");
    return list.count;
}
