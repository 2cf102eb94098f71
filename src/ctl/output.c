/* What verbs print: lines, JSON, times, the settings of a mail client; see verb.h. */
#include "ctl/verb.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void append_list(struct buffer *out, const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        return;
    (void)!buffer_append_text(out, text); /* past the cap the rest is not printed */
    free(text);
}

void call_print(struct verb_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append_list(&call->out, format, args);
    va_end(args);
}

int call_fail(struct verb_call *call, const char *format, ...)
{
    va_list args;
    (void)!buffer_append_text(&call->err, "postamt: ");
    va_start(args, format);
    append_list(&call->err, format, args);
    va_end(args);
    (void)!buffer_append_text(&call->err, "\n");
    return VERB_FAILED;
}

int call_fail_code(struct verb_call *call, const char *what, const char *name, int code)
{
    const char *why = error_text(code);
    if (code == ERR_EXISTS)
        why = "it exists already";
    else if (code == ERR_ABSENT)
        why = "there is none";
    else if (code == ERR_SYNTAX)
        why = "that is no valid name";
    else if (code == ERR_FULL)
        why = "the server is busy, try again";
    else if (code == ERR_STORE)
        why = "the store is not available, see the server's log";
    else if (code == -EINVAL)
        why = "a password has 8 to 1000 characters";
    return call_fail(call, "cannot %s %s: %s", what, name, why);
}

int call_usage(struct verb_call *call, const char *usage)
{
    (void)!buffer_printf(&call->err, "usage: postamt %s\n", usage);
    return VERB_USAGE;
}

/* --- JSON ------------------------------------------------------------------------------------ */

struct json_object *json_span(struct span text)
{
    return json_object_new_string_len(text.at, (int)text.len);
}

void json_put(struct json_object *object, const char *key, struct json_object *value)
{
    json_object_object_add(object, key, value);
}

void call_json(struct verb_call *call, struct json_object *object)
{
    int flags = JSON_C_TO_STRING_NOSLASHESCAPE | JSON_C_TO_STRING_SPACED;
    call_print(call, "%s\n", json_object_to_json_string_ext(object, flags));
    json_object_put(object);
}

/* --- times ----------------------------------------------------------------------------------- */

const char *time_text(int64_t wall_ms, char text[TIME_TEXT])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return text;
}

static bool parse_age(const char *text, int64_t *ret_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
    uint64_t count;
    size_t len = strlen(text);
    if (len < 2 || !span_to_uint(span_make(text, len - 1), 1000000, &count))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text[len - 1] == units[i].unit) {
            *ret_ms = (int64_t)count * units[i].ms;
            return true;
        }
    return false;
}

bool time_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%d"};
    int64_t age;
    if (parse_age(text, &age)) {
        *ret_ms = now_ms - age;
        return true;
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        if (end && *end == '\0') {
            *ret_ms = (int64_t)timegm(&tm) * 1000;
            return true;
        }
    }
    return false;
}

/* --- a mail client's settings ---------------------------------------------------------------- */

struct setting {
    const char *what, *tls;
    unsigned port;
    bool mailbox;
};
static const struct setting all_settings[] = {
    {"smtp", "tls", 465, false}, {"smtp", "starttls", 587, false},
    {"imap", "tls", 993, true},  {"imap", "starttls", 143, true},
    {"pop3", "tls", 995, true},  {"pop3", "starttls", 110, true},
};

/* An office on loopback is reached by its address, others by their name. */
static const char *reached_as(const struct config *config)
{
    const char *first = config->listen[0];
    bool loopback = strncmp(first, "127.", 4) == 0 || strcmp(first, "::1") == 0;
    return loopback && config->listen_count == 1 ? first : config->hostname;
}

void settings_print(struct verb_call *call, const char *login, bool mailbox)
{
    const struct config *config = &call->office->config;
    call_print(call, "Settings for a mail client (user name %s):\n", login);
    for (size_t i = 0; i < sizeof all_settings / sizeof *all_settings; i++) {
        const struct setting *s = &all_settings[i];
        if (s->mailbox && !mailbox)
            continue;
        bool pop3 = strcmp(s->what, "pop3") == 0;
        call_print(call, "  %s  host %s  port %u  %s\n",
                   !s->mailbox ? "send: SMTP"
                   : pop3      ? "read: POP3"
                               : "read: IMAP",
                   reached_as(config), s->port + config->port_offset,
                   strcmp(s->tls, "tls") == 0 ? "TLS from the start" : "STARTTLS");
    }
}

struct json_object *settings_json(struct verb_call *call, const char *login, bool mailbox)
{
    const struct config *config = &call->office->config;
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < sizeof all_settings / sizeof *all_settings; i++) {
        const struct setting *s = &all_settings[i];
        if (s->mailbox && !mailbox)
            continue;
        struct json_object *entry = json_object_new_object();
        json_put(entry, "protocol", json_object_new_string(s->what));
        json_put(entry, "host", json_object_new_string(reached_as(config)));
        json_put(entry, "port", json_object_new_int((int)(s->port + config->port_offset)));
        json_put(entry, "tls", json_object_new_string(s->tls));
        json_put(entry, "username", json_object_new_string(login));
        json_object_array_add(list, entry);
    }
    return list;
}
