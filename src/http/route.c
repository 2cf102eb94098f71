/* Routes; see route.h. */
#include "http/route.h"

#include <string.h>

#define ALLOWS(match, method) ((match)->allowed & 1u << (method))

/* The next segment of a pattern, which has been advanced past it. */
static struct span pattern_segment(const char **pattern)
{
    const char *start = *pattern + 1; /* behind the slash */
    const char *end = strchrnul(start, '/');
    *pattern = end;
    return span_make(start, (size_t)(end - start));
}

static bool is_name(struct span segment)
{
    return segment.len > 2 && segment.at[0] == '{' && segment.at[segment.len - 1] == '}';
}

/* How well the pattern fits: a bit for each segment, 1 where it is literal, the first one highest;
 * 0: not at all. */
static uint32_t fits(const char *pattern, bool any_case, const struct span *segments,
                     unsigned count)
{
    uint32_t score = 1u << HTTP_SEGMENTS_MAX;
    for (unsigned i = 0; i < count; i++) {
        if (*pattern != '/')
            return 0;
        struct span wanted = pattern_segment(&pattern);
        if (!is_name(wanted)) {
            if (any_case ? !span_equal_nocase(wanted, segments[i])
                         : !span_equal(wanted, segments[i]))
                return 0;
            score |= 1u << (HTTP_SEGMENTS_MAX - 1 - i);
        } else if (segments[i].len == 0) {
            return 0;
        }
    }
    return *pattern ? 0 : score;
}

static void take_parameters(const struct span *segments, unsigned count, struct http_match *match)
{
    const char *pattern = match->route->pattern;
    for (unsigned i = 0; i < count && match->count < HTTP_PARAMETERS_MAX; i++) {
        struct span segment = pattern_segment(&pattern);
        if (!is_name(segment))
            continue;
        match->parameters[match->count].name = span_make(segment.at + 1, segment.len - 2);
        match->parameters[match->count++].value = segments[i];
    }
}

void http_match(const struct http_table *table, enum http_method method,
                const struct span *segments, unsigned count, struct http_match *ret_match)
{
    uint32_t best[METHODS] = {0};
    const struct http_route *routes[METHODS] = {NULL};
    struct http_match *match = ret_match;
    match->allowed = match->count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct http_route *route = &table->routes[i];
        uint32_t score = fits(route->pattern, table->any_case, segments, count);
        if (score)
            match->allowed |= 1u << route->method;
        if (score > best[route->method]) {
            best[route->method] = score;
            routes[route->method] = route;
        }
    }
    if (ALLOWS(match, METHOD_GET))
        match->allowed |= 1u << METHOD_HEAD;
    if (match->allowed)
        match->allowed |= 1u << METHOD_OPTIONS;
    match->route = routes[method];
    if (!match->route && method == METHOD_HEAD)
        match->route = routes[METHOD_GET];
    if (match->route)
        take_parameters(segments, count, match);
}

int http_print_allowed(struct buffer *out, unsigned allowed)
{
    const char *separator = "";
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < METHODS; i++)
        if (allowed & 1u << i) {
            rc = buffer_printf(out, "%s%s", separator, http_method_name((enum http_method)i));
            separator = ", ";
        }
    return rc;
}
