/*
 * Verbs: the same functions for a running server (asked over its socket) and without one.
 *
 * A verb reads its arguments, works on the open office, and writes what is to be printed. It runs
 * as a coroutine and returns the exit status: 0, 1 (failed: one line in err says what to do), 2
 * (wrong usage).
 */
#ifndef CTL_VERB_H
#define CTL_VERB_H

#include "box/box.h"
#include "ctl/args.h"
#include "ctl/office.h"
#include "directory/records.h"

#include <json-c/json.h>

#define VERB_OUTPUT_MAX ((size_t)64 * 1024 * 1024)
#define VERB_INPUT_MAX  ((size_t)64 * 1024 * 1024)

enum { VERB_OK = 0, VERB_FAILED = 1, VERB_USAGE = 2 };

struct verb_call {
    struct office *office;
    const struct args *args;
    struct span input; /* a password, a letter: what the caller's end has read */
    struct buffer out, err;
    int64_t next; /* log --follow: where to go on */
};

void call_print(struct verb_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One line for people on standard error; returns VERB_FAILED. */
int call_fail(struct verb_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for an error code: "cannot add x: it exists already". */
int call_fail_code(struct verb_call *call, const char *what, const char *name, int code);
int call_usage(struct verb_call *call, const char *usage);
/* Prints and frees. */
void call_json(struct verb_call *call, struct json_object *object);
struct json_object *json_span(struct span text);
void json_put(struct json_object *object, const char *key, struct json_object *value);

#define TIME_TEXT 32
const char *time_text(int64_t wall_ms, char text[TIME_TEXT]); /* "2026-11-23T10:00:00Z" */
/* "2026-11-23", "2026-11-23T10:00:00Z", or an age: "30m", "12h", "7d". */
bool time_parse(const char *text, int64_t now_ms, int64_t *ret_ms);

/* How a client reaches us, for people: after user add and key add. Null-terminated name. */
void settings_print(struct verb_call *call, const char *login, bool mailbox);
struct json_object *settings_json(struct verb_call *call, const char *login, bool mailbox);

typedef int verb_co_function(struct verb_call *call);
int verb_co_status(struct verb_call *call);
int verb_co_domain(struct verb_call *call);
int verb_co_domain_check(struct verb_call *call, const char *name); /* of verb_co_domain */
int verb_co_domain_quota(struct verb_call *call, const char *name);
int verb_co_user(struct verb_call *call);
int verb_co_user_quota(struct verb_call *call, const char *address);
int verb_co_user_imap(struct verb_call *call, const char *address);
int verb_co_alias(struct verb_call *call);
int verb_co_key(struct verb_call *call);
int verb_co_log(struct verb_call *call);
int verb_co_send(struct verb_call *call);
int verb_co_queue(struct verb_call *call);
int verb_co_suppression(struct verb_call *call);

/* "1.5 MiB of 1.0 GiB, 12 letters" and a line's end; or into an object. */
void quota_print(struct verb_call *call, const struct box_usage *usage,
                 const struct directory_quota *quota);
void quota_put(struct json_object *entry, const struct box_usage *usage,
               const struct directory_quota *quota);

/* What postamt domain dns says; check compares with it. */
int domain_co_records(struct verb_call *call, const char *domain,
                      struct directory_record records[DIRECTORY_RECORDS_MAX], size_t *ret_count);

#endif
