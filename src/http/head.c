/* Heads of requests, read by llhttp; see head.h. */
#include "http/head.h"

#include "http/code.h"

#include <llhttp.h>
#include <string.h>

#define LENGTH_MAX ((uint64_t)1 << 60)

static const struct {
    const char *name;
    int number; /* llhttp's */
} methods[METHODS] = {
    [METHOD_GET] = {"GET", HTTP_GET},
    [METHOD_HEAD] = {"HEAD", HTTP_HEAD},
    [METHOD_POST] = {"POST", HTTP_POST},
    [METHOD_PUT] = {"PUT", HTTP_PUT},
    [METHOD_PATCH] = {"PATCH", HTTP_PATCH},
    [METHOD_DELETE] = {"DELETE", HTTP_DELETE},
    [METHOD_OPTIONS] = {"OPTIONS", HTTP_OPTIONS},
};

const char *http_method_name(enum http_method method)
{
    return methods[method].name;
}

struct span http_head_field(const struct http_head *head, struct span name)
{
    for (unsigned i = 0; i < head->count; i++)
        if (span_equal_nocase(head->fields[i].name, name))
            return head->fields[i].value;
    return SPAN("");
}

static unsigned count_fields(const struct http_head *head, struct span name)
{
    unsigned count = 0;
    for (unsigned i = 0; i < head->count; i++)
        count += span_equal_nocase(head->fields[i].name, name);
    return count;
}

bool http_head_has(const struct http_head *head, struct span name)
{
    return count_fields(head, name) > 0;
}

/* --- llhttp's callbacks: they take down what it finds ---------------------------------------- */

static int take_target(llhttp_t *parser, const char *at, size_t len)
{
    ((struct http_head *)parser->data)->target = span_make(at, len);
    return 0;
}

static int take_name(llhttp_t *parser, const char *at, size_t len)
{
    struct http_head *head = parser->data;
    if (head->count == HTTP_FIELDS_MAX)
        return -1;
    head->fields[head->count++] = (struct http_field){span_make(at, len), span_make(at + len, 0)};
    return 0;
}

/* An empty value may not be told. */
static int take_value(llhttp_t *parser, const char *at, size_t len)
{
    struct http_head *head = parser->data;
    if (head->count == 0)
        return -1;
    head->fields[head->count - 1].value = span_trim(span_make(at, len));
    return 0;
}

static int stop(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED; /* the body is not its affair */
}

/* --- judging --------------------------------------------------------------------------------- */

static int complain(const char **why, int status, const char *words)
{
    *why = words;
    return HTTP_CODE(status);
}

/* Fields that say one thing: where two readers could take different ones. */
static const char *find_repeated(const struct http_head *head)
{
    static const struct {
        struct span name;
        const char *words;
    } singles[] = {
        {SPAN("Host"), "there are several Host fields"},
        {SPAN("Content-Length"), "there are several Content-Length fields"},
        {SPAN("Transfer-Encoding"), "there are several Transfer-Encoding fields"},
        {SPAN("Content-Type"), "there are several Content-Type fields"},
        {SPAN("Content-Encoding"), "there are several Content-Encoding fields"},
        {SPAN("Authorization"), "there are several Authorization fields"},
        {SPAN("Expect"), "there are several Expect fields"},
    };
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
        if (count_fields(head, singles[i].name) > 1)
            return singles[i].words;
    return NULL;
}

/* Exactly "chunked", with at most the one usual blank before it. */
static bool says_chunked(struct span value)
{
    char before = value.at[-1];
    return span_equal_nocase(value, SPAN("chunked")) &&
           (before == ':' || (before == ' ' && value.at[-2] == ':')) && value.at[value.len] == '\r';
}

static int judge_length(struct http_head *head, const char **why)
{
    struct span length = http_head_field(head, SPAN("Content-Length"));
    struct span encoding = http_head_field(head, SPAN("Transfer-Encoding"));
    head->has_length = http_head_has(head, SPAN("Content-Length"));
    head->chunked = http_head_has(head, SPAN("Transfer-Encoding"));
    if (head->chunked && head->has_length)
        return complain(why, 400, "Content-Length stands beside Transfer-Encoding");
    if (head->chunked && head->old)
        return complain(why, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (head->chunked && !says_chunked(encoding))
        return complain(why, 501, "the only Transfer-Encoding here is \"chunked\"");
    if (head->has_length && !span_to_uint(length, LENGTH_MAX, &head->length))
        return complain(why, 400, "Content-Length is no number");
    return 0;
}

static int judge_host(struct http_head *head, const char **why)
{
    head->host = http_head_field(head, SPAN("Host"));
    if (!head->old && !http_head_has(head, SPAN("Host")))
        return complain(why, 400, "there is no Host field");
    for (size_t i = 0; i < head->host.len; i++) {
        char byte = head->host.at[i];
        if (!ascii_is_alpha(byte) && !ascii_is_digit(byte) && !strchr(".-_:[]", byte))
            return complain(why, 400, "the Host field holds no host");
    }
    return 0;
}

/* RFC 9112 3.2: origin-form, absolute-form, and "*". */
static int split_target(struct http_head *head, const char **why)
{
    struct span rest = head->target;
    if (span_starts_nocase(rest, SPAN("http://")) || span_starts_nocase(rest, SPAN("https://"))) {
        rest = span_from(rest, (size_t)span_find_span(rest, SPAN("//")) + 2);
        ptrdiff_t slash = span_find(rest, '/');
        if (slash <= 0)
            return complain(why, 400, "the target has no path");
        rest = span_from(rest, (size_t)slash);
    }
    bool star = head->method == METHOD_OPTIONS && span_equal(rest, SPAN("*"));
    if (!star && (rest.len == 0 || rest.at[0] != '/'))
        return complain(why, 400, "the target does not begin with a slash");
    if (span_find(rest, '#') >= 0)
        return complain(why, 400, "the target has a fragment");
    ptrdiff_t mark = span_find(rest, '?');
    head->path = mark < 0 ? rest : span_first(rest, (size_t)mark);
    head->query = mark < 0 ? SPAN("") : span_from(rest, (size_t)mark + 1);
    return 0;
}

static int judge(struct http_head *head, const char **why)
{
    *why = find_repeated(head);
    int rc = *why ? HTTP_CODE(400) : judge_host(head, why);
    if (rc == 0)
        rc = judge_length(head, why);
    if (rc == 0)
        rc = split_target(head, why);
    if (rc < 0)
        return rc;
    struct span expect = http_head_field(head, SPAN("Expect"));
    if (expect.len && !span_equal_nocase(expect, SPAN("100-continue")))
        return complain(why, 417, "the only expectation here is \"100-continue\"");
    head->expects_continue = expect.len && !head->old && (head->chunked || head->length);
    return 0;
}

static int find_method(struct http_head *head, int number)
{
    for (unsigned i = 0; i < METHODS; i++)
        if (methods[i].number == number) {
            head->method = (enum http_method)i;
            return 0;
        }
    return HTTP_CODE(501);
}

int http_parse_head(struct span bytes, struct http_head *ret_head, const char **ret_why)
{
    static const llhttp_settings_t settings = {.on_url = take_target,
                                               .on_header_field = take_name,
                                               .on_header_value = take_value,
                                               .on_headers_complete = stop};
    struct http_head *head = ret_head;
    llhttp_t parser;
    head->count = 0;
    head->length = 0;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = head;
    llhttp_errno_t found = llhttp_execute(&parser, bytes.at, bytes.len);
    if (found == HPE_INVALID_METHOD)
        return complain(ret_why, 501, "that method is not known here");
    if (found == HPE_INVALID_TRANSFER_ENCODING && !find_repeated(head))
        return complain(ret_why, 501, "the only Transfer-Encoding here is \"chunked\"");
    if (found != HPE_PAUSED)
        return complain(ret_why, 400, "the header cannot be understood in one way");
    if (find_method(head, parser.method) < 0)
        return complain(ret_why, 501, "that method is not known here");
    head->old = parser.http_minor == 0;
    head->keep_alive = llhttp_should_keep_alive(&parser);
    int rc = judge(head, ret_why);
    bool chunked = (parser.flags & F_CHUNKED) != 0;
    if (rc == 0 &&
        (chunked != head->chunked || (!chunked && parser.content_length != head->length)))
        return complain(ret_why, 400, "the length of the body is not clear");
    return rc;
}
