/* What handlers look up in a request; see request.h. */
#include "http/internal.h"

#include "base/base64.h"
#include "http/form.h"

#include <errno.h>
#include <string.h>

#define CREDENTIALS_MAX ((size_t)4096)

struct span http_parameter(const struct http_request *r, const char *name)
{
    for (unsigned i = 0; i < r->match.count; i++)
        if (span_equal(r->match.parameters[i].name, span_of(name)))
            return r->match.parameters[i].value;
    return SPAN("");
}

struct span http_field(const struct http_request *r, const char *name)
{
    return http_head_field(&r->head, span_of(name));
}

int http_query(struct http_request *r, const char *name, struct span *ret_value)
{
    struct span rest = r->head.query;
    struct form_pair pair;
    int rc;
    while ((rc = form_next_pair(&rest, &r->arena, &pair)) > 0)
        if (span_equal(pair.name, span_of(name))) {
            *ret_value = pair.value;
            return 0;
        }
    if (rc < 0)
        return rc == ERR_SYNTAX ? http_fail(r, 400, "the query is not well encoded") : rc;
    *ret_value = SPAN("");
    return 0;
}

bool http_has_type(const struct http_request *r, const char *type)
{
    struct span value = http_field(r, "Content-Type");
    ptrdiff_t semicolon = span_find(value, ';');
    return span_equal_nocase(
        span_trim(semicolon < 0 ? value : span_first(value, (size_t)semicolon)), span_of(type));
}

const char *http_peer_text(const struct http_request *r)
{
    return stream_peer_text(r->session->st);
}

bool http_peer_is_loopback(const struct http_request *r)
{
    return stream_peer_is_loopback(r->session->st);
}

bool http_is_tls(const struct http_request *r)
{
    return stream_is_tls(r->session->st);
}

/* --- who asks -------------------------------------------------------------------------------- */

/* Scheme and credentials of Authorization. */
static bool split_authorization(const struct http_request *r, struct span *ret_scheme,
                                struct span *ret_rest)
{
    struct span value = http_field(r, "Authorization");
    ptrdiff_t blank = span_find(value, ' ');
    *ret_scheme = blank < 0 ? value : span_first(value, (size_t)blank);
    *ret_rest = blank < 0 ? SPAN("") : span_trim(span_from(value, (size_t)blank));
    return value.len > 0;
}

enum http_scheme http_scheme(const struct http_request *r)
{
    struct span scheme, rest;
    if (!split_authorization(r, &scheme, &rest))
        return HTTP_NO_SCHEME;
    if (span_equal_nocase(scheme, SPAN("Basic")))
        return HTTP_BASIC;
    if (span_equal_nocase(scheme, SPAN("Bearer")))
        return HTTP_BEARER;
    return span_equal_nocase(scheme, SPAN("AWS4-HMAC-SHA256")) ? HTTP_AWS4 : HTTP_OTHER_SCHEME;
}

static void buffer_wipe(struct buffer *b)
{
    if (b->at)
        explicit_bzero(b->at, b->size);
    buffer_free(b);
}

int http_basic(struct http_request *r, struct span *ret_user, struct span *ret_password)
{
    AUTO(buffer_wipe) struct buffer text = BUFFER(CREDENTIALS_MAX);
    struct span scheme, rest;
    if (!split_authorization(r, &scheme, &rest) || !span_equal_nocase(scheme, SPAN("Basic")))
        return ERR_ABSENT;
    int rc = base64_decode(&text, rest);
    if (rc < 0)
        return rc == -ENOMEM ? rc : ERR_SYNTAX;
    ptrdiff_t colon = span_find(buffer_span(&text), ':');
    if (colon < 0 || span_find(buffer_span(&text), '\0') >= 0)
        return ERR_SYNTAX;
    struct span copy = arena_copy(&r->arena, buffer_span(&text));
    if (!copy.at)
        return -ENOMEM;
    *ret_user = span_first(copy, (size_t)colon);
    *ret_password = span_from(copy, (size_t)colon + 1);
    return 0;
}

int http_bearer(struct http_request *r, struct span *ret_token)
{
    struct span scheme, rest;
    if (!split_authorization(r, &scheme, &rest) || !span_equal_nocase(scheme, SPAN("Bearer")))
        return ERR_ABSENT;
    for (size_t i = 0; i < rest.len; i++)
        if (!http_is_visible_byte(rest.at[i]))
            return ERR_SYNTAX;
    if (rest.len == 0)
        return ERR_SYNTAX;
    *ret_token = rest;
    return 0;
}
