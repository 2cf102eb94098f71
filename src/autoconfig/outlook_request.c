/* Outlook's request; see outlook_request.h. */
#include "autoconfig/outlook_request.h"

#include "base/buffer.h"

#include <errno.h>
#include <expat.h>
#include <string.h>

#define VALUE_MAX  ((size_t)1024)
#define SEPARATOR  '|' /* between namespace and name, as expat gives them */
#define LEVEL      3   /* Autodiscover, Request, and what it asks */
#define VALUE_NONE (-1)

struct reading {
    XML_Parser parser;
    struct buffer values[2]; /* address, schema */
    unsigned depth;
    int value; /* which one the text belongs to, or VALUE_NONE */
    int error;
};

static void stop(struct reading *r, int error)
{
    r->error = error;
    XML_StopParser(r->parser, XML_FALSE);
}

static void start_element(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    static const char *const names[][2] = {
        {"Autodiscover", NULL}, {"Request", NULL}, {"EMailAddress", "AcceptableResponseSchema"}};
    struct reading *r = arg;
    const char *separator = strrchr(name, SEPARATOR), *local = separator ? separator + 1 : name;
    (void)attributes;
    r->depth++;
    r->value = VALUE_NONE;
    if (r->depth > LEVEL)
        return;
    for (int i = 0; i < 2; i++)
        if (names[r->depth - 1][i] && strcmp(local, names[r->depth - 1][i]) == 0)
            r->value = i;
    if (r->depth < LEVEL && r->value == VALUE_NONE)
        stop(r, ERR_SYNTAX);
    if (r->depth < LEVEL || (r->value >= 0 && r->values[r->value].len)) /* the first counts */
        r->value = VALUE_NONE;
}

static void end_element(void *arg, const XML_Char *name)
{
    struct reading *r = arg;
    (void)name;
    r->depth--;
    r->value = VALUE_NONE;
}

static void take_text(void *arg, const XML_Char *text, int len)
{
    struct reading *r = arg;
    if (r->value == VALUE_NONE || r->error < 0)
        return;
    int rc = buffer_append(&r->values[r->value], span_make(text, (size_t)len));
    if (rc < 0)
        stop(r, rc == -ENOBUFS ? ERR_SYNTAX : rc);
}

static void refuse_doctype(void *arg, const XML_Char *name, const XML_Char *system,
                           const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    stop(arg, ERR_SYNTAX);
}

static int read_body(struct reading *r, struct span body)
{
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, start_element, end_element);
    XML_SetCharacterDataHandler(r->parser, take_text);
    XML_SetStartDoctypeDeclHandler(r->parser, refuse_doctype);
    if (XML_Parse(r->parser, body.at, (int)body.len, XML_TRUE) == XML_STATUS_OK)
        return 0;
    return XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY ? -ENOMEM : ERR_SYNTAX;
}

int outlook_parse_request(struct span body, struct arena *arena,
                          struct outlook_request *ret_request)
{
    struct reading r = {.values = {BUFFER(VALUE_MAX), BUFFER(VALUE_MAX)}, .value = VALUE_NONE};
    int rc = ERR_SYNTAX;
    if (body.len == 0 || body.len > OUTLOOK_REQUEST_MAX)
        return rc;
    r.parser = XML_ParserCreateNS(NULL, SEPARATOR);
    if (!r.parser)
        return -ENOMEM;
    rc = read_body(&r, body);
    XML_ParserFree(r.parser);
    rc = r.error < 0 ? r.error : rc;
    struct outlook_request found = {arena_copy(arena, span_trim(buffer_span(&r.values[0]))),
                                    arena_copy(arena, span_trim(buffer_span(&r.values[1])))};
    if (rc == 0 && (!found.address.at || !found.schema.at))
        rc = -ENOMEM;
    if (rc == 0 && found.address.len == 0)
        rc = ERR_SYNTAX;
    if (rc == 0)
        *ret_request = found;
    buffer_free(&r.values[0]);
    buffer_free(&r.values[1]);
    return rc;
}
