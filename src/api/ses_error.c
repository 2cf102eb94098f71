/* What SES refuses, in the words and codes of both versions; see ses.h. */
#include "api/ses.h"

#include "base/random.h"
#include "base/utf8.h"
#include "http/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_ID "x-amzn-RequestId"
#define NAMESPACE  "http://ses.amazonaws.com/doc/2010-12-01/"
#define ANSWER_MAX ((size_t)16 * 1024)

static const struct { /* NOLINT: padded, so that the table below reads in its order */
    const char *name; /* of version 2: x-amzn-ErrorType */
    int status;
    const char *code; /* of version 1 */
    int v1_status;
} problems[SES_PROBLEMS] = {
    [SES_BAD_REQUEST] = {"BadRequestException", 400, "InvalidParameterValue", 400},
    [SES_REJECTED] = {"MessageRejected", 400, "MessageRejected", 400},
    [SES_NO_TEMPLATE] = {"NotFoundException", 404, "TemplateDoesNotExist", 400},
    [SES_NO_IDENTITY] = {"NotFoundException", 404, "InvalidParameterValue", 400},
    [SES_EXISTS] = {"AlreadyExistsException", 400, "AlreadyExists", 400},
    [SES_BAD_TEMPLATE] = {"BadRequestException", 400, "InvalidTemplate", 400},
    [SES_MISSING_VARIABLE] = {"BadRequestException", 400, "MissingRenderingAttribute", 400},
    [SES_BAD_DATA] = {"BadRequestException", 400, "InvalidRenderingParameter", 400},
    [SES_BAD_TOKEN] = {"BadRequestException", 400, "InvalidParameterValue", 400},
    [SES_LIMIT] = {"LimitExceededException", 400, "LimitExceeded", 400},
    [SES_THROTTLED] = {"TooManyRequestsException", 429, "Throttling", 400},
    [SES_DENIED] = {"AccessDeniedException", 403, "AccessDenied", 403},
    [SES_UNSIGNED] = {"MissingAuthenticationTokenException", 403, "MissingAuthenticationToken",
                      403},
    [SES_BAD_SIGNATURE_FORM] = {"IncompleteSignatureException", 403, "IncompleteSignature", 400},
    [SES_BAD_SIGNATURE] = {"InvalidSignatureException", 403, "SignatureDoesNotMatch", 403},
    [SES_NO_KEY] = {"UnrecognizedClientException", 403, "InvalidClientTokenId", 403},
    [SES_NO_OPERATION] = {"UnknownOperationException", 404, "InvalidAction", 400},
    [SES_NO_ACTION] = {"UnknownOperationException", 404, "MissingAction", 400},
    [SES_UNAVAILABLE] = {"ServiceUnavailableException", 503, "ServiceUnavailable", 503},
};

/* What clients gave is in the words, and may be cut within a character. */
static void clean(char *words)
{
    struct span rest = span_of(words);
    for (size_t len; rest.len; rest = span_from(rest, len)) {
        len = utf8_character(rest);
        if (len == 0)
            words[(size_t)(rest.at - words)] = '?';
        len = len ? len : 1;
    }
}

int ses_refuse(struct ses_call *c, enum ses_problem problem, const char *format, ...)
{
    va_list args;
    c->problem = problem;
    va_start(args, format);
    vsnprintf(c->words, sizeof c->words, format, args);
    va_end(args);
    clean(c->words);
    return ERR_DENIED;
}

int ses_refuse_member(struct ses_call *c, const char *name, const char *type)
{
    if (type)
        return ses_refuse(c, SES_BAD_REQUEST, "'%s' must be %s", name, type);
    return ses_refuse(c, SES_BAD_REQUEST,
                      "1 validation error detected: Value null at '%s' failed to satisfy"
                      " constraint: Member must not be null",
                      name);
}

/* --- the request's id ------------------------------------------------------------------------- */

void ses_begin(struct http_request *r)
{
    unsigned char b[16];
    char text[37];
    random_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 15) | 64); /* RFC 9562 5.4 */
    b[8] = (unsigned char)((b[8] & 63) | 128);
    snprintf(text, sizeof text,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
    (void)!http_add_field(r, REQUEST_ID, span_of(text)); /* without memory, without */
}

struct span ses_request_id(const struct http_request *r)
{
    struct span rest = buffer_span(&r->fields), line;
    while (span_cut(&rest, '\n', &line))
        if (span_starts(line, SPAN(REQUEST_ID ": ")))
            return span_trim(span_from(line, strlen(REQUEST_ID ": ")));
    return SPAN("");
}

/* --- shapes ----------------------------------------------------------------------------------- */

static int print_xml(const struct http_request *r, const char *code, bool ours, struct span words,
                     struct buffer *out)
{
    int rc = buffer_printf(out,
                           "<ErrorResponse xmlns=\"" NAMESPACE "\"><Error><Type>%s</Type>"
                           "<Code>%s</Code><Message>",
                           ours ? "Receiver" : "Sender", code);
    if (rc == 0)
        rc = ses_xml_text(out, words);
    return rc < 0 ? rc
                  : buffer_printf(out,
                                  "</Message></Error><RequestId>%.*s</RequestId></ErrorResponse>\n",
                                  SPAN_PRINT(ses_request_id(r)));
}

/* The name stands in the body too, where clients look for it without the field. */
static int print_json(const char *name, struct span words, struct buffer *out)
{
    struct json_object *o = json_object_new_object();
    member_put(o, "__type", json_object_new_string(name));
    member_put_text(o, "message", words);
    int rc = buffer_append_text(
        out,
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
    return rc;
}

static bool is_v1(const struct http_request *r)
{
    return span_equal(r->head.path, SPAN("/"));
}

static enum ses_problem problem_of(int status)
{
    switch (status) {
    case 403:
        return SES_DENIED;
    case 404:
    case 405:
        return SES_NO_OPERATION;
    default:
        return status >= 500 ? SES_UNAVAILABLE : SES_BAD_REQUEST;
    }
}

int ses_shape(const struct http_request *r, int status, struct span words, struct buffer *out,
              const char **ret_type)
{
    enum ses_problem problem = problem_of(status);
    *ret_type = is_v1(r) ? "text/xml" : "application/json";
    if (is_v1(r))
        return print_xml(r, problems[problem].code, status >= 500, words, out);
    return print_json(problems[problem].name, words, out);
}

int ses_answer_problem(struct ses_call *c)
{
    AUTO_BUFFER body = BUFFER(ANSWER_MAX);
    struct span words = span_of(c->words);
    int rc;
    if (c->query) {
        rc =
            print_xml(c->r, problems[c->problem].code, c->problem == SES_UNAVAILABLE, words, &body);
        return rc < 0 ? rc
                      : http_answer(c->r, problems[c->problem].v1_status, "text/xml",
                                    buffer_span(&body));
    }
    rc = http_add_field(c->r, "x-amzn-ErrorType", span_of(problems[c->problem].name));
    if (rc == 0)
        rc = print_json(problems[c->problem].name, words, &body);
    return rc < 0 ? rc
                  : http_answer(c->r, problems[c->problem].status, "application/json",
                                buffer_span(&body));
}
