/* Answers: the head, and errors in their dialect's shape; see request.h. */
#include "http/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define FIELDS_MAX  ((size_t)16 * 1024)
#define RETRY_AFTER "10" /* seconds */
#define OUR_FAULT   "something went wrong here; the server's log says what"

const char *http_status_name(int status)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].status == status)
            return names[i].name;
    return "Unknown";
}

/* --- by handlers ----------------------------------------------------------------------------- */

static bool is_value(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (!http_is_value_byte(value.at[i]))
            return false;
    return true;
}

int http_add_field(struct http_request *r, const char *name, struct span value)
{
    if (!is_value(value))
        return ERR_SYNTAX;
    r->fields.cap = FIELDS_MAX;
    return buffer_printf(&r->fields, "%s: %.*s\r\n", name, SPAN_PRINT(value));
}

int http_answer(struct http_request *r, int status, const char *type, struct span body)
{
    r->answer.cap = HTTP_ANSWER_MAX;
    buffer_clear(&r->answer);
    struct span kept = arena_copy(&r->arena, span_of(type));
    if (!kept.at)
        return -ENOMEM;
    int rc = is_value(kept) ? buffer_append(&r->answer, body) : ERR_SYNTAX;
    if (rc < 0)
        return rc;
    r->type = kept;
    r->status = status;
    return 0;
}

int http_fail(struct http_request *r, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->words, sizeof r->words, format, args);
    va_end(args);
    return HTTP_CODE(status);
}

/* --- errors ---------------------------------------------------------------------------------- */

/* What another room's error is to the client. */
static int status_of(int code)
{
    if (HTTP_IS_CODE(code))
        return HTTP_STATUS(code);
    switch (code) {
    case ERR_SYNTAX:
        return 400;
    case ERR_DENIED:
        return 403;
    case ERR_ABSENT:
        return 404;
    case ERR_EXISTS:
        return 409;
    case -EMSGSIZE:
        return 413;
    case ERR_FULL:
    case ERR_STORE:
    case ERR_DNS:
    case -ENOSPC: /* of the file of a large body: */
    case -EDQUOT:
    case -EIO:
    case -EROFS:
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
    case -ECANCELED:
    case -ETIMEDOUT:
        return 503;
    default:
        return 500;
    }
}

static const char *default_words(int status)
{
    switch (status) {
    case 404:
        return "there is nothing here";
    case 405:
        return "that method is not for this path; Allow names those that are";
    case 408:
        return "the request did not come in time";
    case 413:
        return "the body is too large";
    case 415:
        return "the only Content-Encoding here is \"gzip\"";
    case 500:
        return OUR_FAULT;
    case 503:
        return "not now, try again later";
    default:
        return http_status_name(status);
    }
}

static int plain_shape(int status, struct span words, struct buffer *out, const char **ret_type)
{
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "status", json_object_new_int(status));
    json_object_object_add(o, "error", json_object_new_string_len(words.at, (int)words.len));
    int rc = buffer_append_text(
        out,
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
    *ret_type = "application/json";
    return rc < 0 ? rc : buffer_append_byte(out, '\n');
}

static int add_error_fields(struct http_request *r, int status)
{
    AUTO_BUFFER allowed = BUFFER(200);
    if (status == 503)
        return http_add_field(r, "Retry-After", SPAN(RETRY_AFTER));
    if (status == 415 && r->head.count && http_head_has(&r->head, SPAN("Content-Encoding")))
        return http_add_field(r, "Accept-Encoding", SPAN("gzip"));
    if (status != 405)
        return 0;
    int rc = http_print_allowed(&allowed, r->match.allowed);
    return rc < 0 ? rc : http_add_field(r, "Allow", buffer_span(&allowed));
}

void http_answer_code(struct http_request *r, int code)
{
    int status = status_of(code);
    const char *type = NULL;
    AUTO_BUFFER body = BUFFER(HTTP_MEMORY_MAX);
    struct span words = span_of(r->words);
    if (words.len == 0 || !utf8_is_text(words))
        words = span_of(default_words(status));
    int rc = r->table && r->table->shape ? r->table->shape(r, status, words, &body, &type)
                                         : plain_shape(status, words, &body, &type);
    if (rc == 0)
        rc = add_error_fields(r, status);
    if (rc == 0)
        rc = http_answer(r, status, type, buffer_span(&body));
    if (rc < 0) { /* no memory even for that: a status without words */
        buffer_clear(&r->fields);
        buffer_clear(&r->answer);
        r->type = SPAN("");
        r->status = status;
    }
    if (status == 500)
        log_error("http.failed", "path=%s why=\"%s\"", LOG_CLEAN(r->head.path), error_text(code));
}

/* --- the head -------------------------------------------------------------------------------- */

static int print_date(struct buffer *out)
{
    char text[64];
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm); /* RFC 9110 5.6.7 */
    return buffer_append_text(out, text);
}

int http_print_head(const struct http_request *r, bool close, struct buffer *out)
{
    int rc = buffer_printf(out, "HTTP/1.1 %d %s\r\nServer: Postamt\r\n", r->status,
                           http_status_name(r->status));
    if (rc == 0)
        rc = print_date(out);
    if (rc == 0)
        rc = buffer_append(out, buffer_span(&r->fields));
    if (rc == 0 && r->type.len)
        rc = buffer_printf(out, "Content-Type: %.*s\r\nX-Content-Type-Options: nosniff\r\n",
                           SPAN_PRINT(r->type));
    if (rc == 0 && r->status != 204 && r->status != 304)
        rc = buffer_printf(out, "Content-Length: %zu\r\n", r->answer.len);
    if (rc == 0 && (close || r->head.old))
        rc =
            buffer_append_text(out, close ? "Connection: close\r\n" : "Connection: keep-alive\r\n");
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}
