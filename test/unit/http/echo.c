/*
 * A server for the wire tests of the HTTP room: routes that show what a handler sees, with limits
 * and deadlines as the arguments say (name=value: idle, head, body, write in ms, budget in bytes).
 * Prints its port, serves until standard input ends, drains.
 */
#include "base/log.h"
#include "http/form.h"
#include "http/json.h"
#include "http/server.h"
#include "run/lane.h"
#include "run/loop.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define BODY_MAX ((size_t)1024 * 1024)

/* --- routes ---------------------------------------------------------------------------------- */

static int echo_co_post(struct http_request *r)
{
    struct span body;
    int rc = http_co_body(r, BODY_MAX, &body);
    if (rc == 0)
        rc = http_add_field(r, "X-Method", span_of(http_method_name(r->head.method)));
    return rc < 0 ? rc : http_answer(r, 200, "application/octet-stream", body);
}

static int ignore_co_post(struct http_request *r)
{
    return http_answer(r, 200, "text/plain", SPAN("ignored"));
}

/* The body piece by piece: its length and checksum. */
static int stream_co_post(struct http_request *r)
{
    unsigned long sum = adler32(0, NULL, 0);
    unsigned long long size = 0;
    struct span piece;
    char text[100];
    int rc;
    while ((rc = http_co_read(r, &piece)) > 0) {
        sum = adler32(sum, (const unsigned char *)piece.at, (unsigned)piece.len);
        size += piece.len;
    }
    if (rc < 0)
        return rc;
    snprintf(text, sizeof text, "%llu %08lx", size, sum);
    return http_answer(r, 200, "text/plain", span_of(text));
}

static void put(struct json_object *o, const char *key, struct span value)
{
    json_object_object_add(o, key, json_object_new_string_len(value.at, (int)value.len));
}

static int form_co_post(struct http_request *r)
{
    struct form form;
    int rc = form_co_read(r, BODY_MAX, &form);
    if (rc < 0)
        return rc;
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < form.count; i++) {
        struct json_object *o = json_object_new_object();
        put(o, "name", form.fields[i].name);
        put(o, "value", form.fields[i].value);
        put(o, "type", form.fields[i].type);
        if (form.fields[i].is_file)
            put(o, "file", form.fields[i].file_name);
        json_object_array_add(list, o);
    }
    return json_answer(r, 200, list);
}

/* The same, streamed: name, length and checksum of each part. */
static int parts_co_post(struct http_request *r)
{
    struct form_stream stream;
    struct multipart_event event;
    AUTO_BUFFER text = BUFFER(BODY_MAX);
    unsigned long long size = 0;
    unsigned long sum = 1;
    int rc = form_stream_open(r, &stream);
    if (rc < 0)
        return rc;
    while (rc >= 0 && (rc = form_co_next(r, &stream, &event)) != MULTIPART_END) {
        if (rc == MULTIPART_PART) {
            size = 0;
            sum = adler32(0, NULL, 0);
            rc = buffer_printf(&text, "%.*s", SPAN_PRINT(event.name));
        } else if (rc == MULTIPART_DATA) {
            size += event.data.len;
            sum = adler32(sum, (const unsigned char *)event.data.at, (unsigned)event.data.len);
        } else if (rc == MULTIPART_PART_END) {
            rc = buffer_printf(&text, " %llu %08lx\n", size, sum);
        }
    }
    form_stream_close(&stream);
    return rc < 0 ? rc : http_answer(r, 200, "text/plain", buffer_span(&text));
}

static int json_co_post(struct http_request *r)
{
    struct json_object *value;
    int rc = json_co_body(r, BODY_MAX, &value);
    return rc < 0 ? rc : json_answer(r, 201, value);
}

static int name_co_get(struct http_request *r)
{
    struct span query;
    int rc = http_query(r, "q", &query);
    if (rc < 0)
        return rc;
    struct json_object *o = json_object_new_object();
    put(o, "name", http_parameter(r, "name"));
    put(o, "q", query);
    put(o, "host", r->head.host);
    return json_answer(r, 200, o);
}

static int who_co_get(struct http_request *r)
{
    struct span user = SPAN(""), password = SPAN("");
    int rc = http_scheme(r) == HTTP_BASIC ? http_basic(r, &user, &password) : 0;
    if (http_scheme(r) == HTTP_BEARER)
        rc = http_bearer(r, &user);
    if (rc < 0)
        return rc;
    struct json_object *o = json_object_new_object();
    put(o, "user", user);
    put(o, "password", password);
    return json_answer(r, 200, o);
}

/* A field of the answer from outside. */
static int field_co_get(struct http_request *r)
{
    struct span value;
    int rc = http_query(r, "value", &value);
    if (rc == 0)
        rc = http_add_field(r, "X-Value", value);
    return rc < 0 ? rc : http_answer(r, 200, "text/plain", SPAN("added"));
}

static int number(struct http_request *r, const char *name, uint64_t *ret_number)
{
    struct span value;
    int rc = http_query(r, name, &value);
    if (rc == 0 && !span_to_uint(value, 1u << 30, ret_number))
        rc = ERR_SYNTAX;
    return rc;
}

static int big_co_get(struct http_request *r)
{
    AUTO_BUFFER body = BUFFER(HTTP_ANSWER_MAX);
    uint64_t size;
    int rc = number(r, "bytes", &size);
    while (rc == 0 && body.len < size)
        rc = buffer_append_byte(&body, (char)('a' + body.len % 26));
    return rc < 0 ? rc : http_answer(r, 200, "text/plain", buffer_span(&body));
}

static int slow_co_get(struct http_request *r)
{
    uint64_t ms;
    int rc = number(r, "ms", &ms);
    if (rc == 0)
        rc = co_sleep((int64_t)ms);
    return rc < 0 ? rc : http_answer(r, 200, "text/plain", SPAN("at last"));
}

static int code_co_get(struct http_request *r)
{
    static const struct {
        const char *name;
        int code;
    } codes[] = {{"full", ERR_FULL},     {"store", ERR_STORE},   {"syntax", ERR_SYNTAX},
                 {"denied", ERR_DENIED}, {"absent", ERR_ABSENT}, {"corrupt", ERR_CORRUPT}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (span_equal(http_parameter(r, "code"), span_of(codes[i].name)))
            return codes[i].code;
    return http_fail(r, 422, "what \"%.*s\"?", SPAN_PRINT(http_parameter(r, "code")));
}

static struct http_budget budget = {.max = (size_t)64 * 1024 * 1024};

static int memory_co_get(struct http_request *r)
{
    AUTO_BUFFER text = BUFFER(100);
    int rc = buffer_append_uint(&text, atomic_load(&budget.used));
    return rc < 0 ? rc : http_answer(r, 200, "text/plain", buffer_span(&text));
}

static const struct http_route routes[] = {
    {METHOD_GET, "/memory", memory_co_get, 0},    {METHOD_POST, "/echo", echo_co_post, 0},
    {METHOD_GET, "/echo", echo_co_post, 0},       {METHOD_PUT, "/echo", echo_co_post, 0},
    {METHOD_POST, "/ignore", ignore_co_post, 0},  {METHOD_GET, "/ignore", ignore_co_post, 0},
    {METHOD_POST, "/stream", stream_co_post, 0},  {METHOD_POST, "/small", stream_co_post, 1000},
    {METHOD_POST, "/form", form_co_post, 0},      {METHOD_POST, "/parts", parts_co_post, 0},
    {METHOD_POST, "/json", json_co_post, 0},      {METHOD_GET, "/name/{name}", name_co_get, 0},
    {METHOD_GET, "/who", who_co_get, 0},          {METHOD_GET, "/field", field_co_get, 0},
    {METHOD_GET, "/big", big_co_get, 0},          {METHOD_GET, "/slow", slow_co_get, 0},
    {METHOD_GET, "/code/{code}", code_co_get, 0},
};
static const struct http_table table = {.name = "echo", HTTP_ROUTES(routes)};

/* Another dialect, for whom sends a bearer token. */
static int other_shape(const struct http_request *r, int status, struct span words,
                       struct buffer *out, const char **ret_type)
{
    (void)r;
    *ret_type = "text/plain";
    return buffer_printf(out, "other %d: %.*s", status, SPAN_PRINT(words));
}

static const struct http_route other_routes[] = {{METHOD_GET, "/who", who_co_get, 0}};
static const struct http_table other_table = {
    .name = "other", HTTP_ROUTES(other_routes), .shape = other_shape};

static int echo_co_choose(struct http_request *r, const struct http_table **ret_table)
{
    *ret_table = http_scheme(r) == HTTP_BEARER ? &other_table : &table;
    return 0;
}

/* --- the server ------------------------------------------------------------------------------ */

static struct http_counters counters;
static struct http_settings settings = {
    .co_choose = echo_co_choose, .counters = &counters, .budget = &budget};

struct end {
    struct loop_message message;
    struct loop *loop;
    struct co *waiter;
};

static void ended(struct loop_message *message)
{
    co_wake(((struct end *)message)->waiter, 0);
}

static void *wait_for_end(void *arg)
{
    struct end *end = arg;
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    loop_post(end->loop, &end->message);
    return NULL;
}

static int echo_co_main(void *arg)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct listener_settings door = {
        .name = "http", .co_serve = http_co_serve, .arg = &settings, .refusal = http_refusal};
    struct end end = {.message.fn = ended, .loop = loop_current(), .waiter = co_current()};
    socklen_t len = sizeof address;
    struct listener *listener;
    struct scope scope;
    pthread_t thread;
    int fd;
    (void)arg;
    if (lane_create("parsing", 1, 100, &settings.parsing) < 0)
        abort();
    scope_open(&scope, scope_current(), CO_FOREVER);
    if (listener_bind((struct sockaddr *)&address, 1, &fd) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
        listener_open(&scope, fd, &door, &listener) < 0 ||
        pthread_create(&thread, NULL, wait_for_end, &end) != 0)
        abort();
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    co_park_firmly();
    pthread_join(thread, NULL);
    listener_drain(listener);
    listener_co_close(listener);
    int rc = scope_co_wait(&scope);
    lane_destroy(settings.parsing);
    printf("memory %zu\n", atomic_load(&budget.used));
    return rc;
}

static void take_argument(const char *argument)
{
    static const struct {
        const char *name;
        int64_t *value;
    } times[] = {{"idle=", &settings.idle_timeout_ms},
                 {"head=", &settings.head_timeout_ms},
                 {"body=", &settings.body_timeout_ms},
                 {"write=", &settings.write_timeout_ms}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (strncmp(argument, times[i].name, strlen(times[i].name)) == 0)
            *times[i].value = strtoll(argument + strlen(times[i].name), NULL, 10);
    if (strncmp(argument, "budget=", 7) == 0)
        budget.max = strtoull(argument + 7, NULL, 10);
}

int main(int argc, char **argv)
{
    log_set_level(LOG_DEBUG);
    for (int i = 1; i < argc; i++)
        take_argument(argv[i]);
    return loop_run_main("main", echo_co_main, NULL) < 0;
}
