/* Forms; see form.h. */
#include "http/form.h"

#include <errno.h>
#include <string.h>

int form_next_pair(struct span *rest, struct arena *arena, struct form_pair *ret_pair)
{
    struct span part;
    do
        if (!span_cut(rest, '&', &part))
            return 0;
    while (part.len == 0);
    ptrdiff_t equals = span_find(part, '=');
    struct span name = equals < 0 ? part : span_first(part, (size_t)equals);
    struct span value = equals < 0 ? SPAN("") : span_from(part, (size_t)equals + 1);
    int rc = http_percent_decode(name, true, arena, &ret_pair->name);
    if (rc == 0)
        rc = http_percent_decode(value, true, arena, &ret_pair->value);
    return rc < 0 ? rc : 1;
}

/* --- whole forms ----------------------------------------------------------------------------- */

static int keep_field(struct form *form, const struct form_field *field)
{
    if (form->count == FORM_FIELDS_MAX)
        return -E2BIG;
    form->fields[form->count++] = *field;
    return 0;
}

static int parse_pairs(struct span body, struct arena *arena, struct form *form)
{
    struct form_pair pair;
    int rc;
    while ((rc = form_next_pair(&body, arena, &pair)) > 0) {
        struct form_field field = {.name = pair.name, .value = pair.value};
        rc = keep_field(form, &field);
        if (rc < 0)
            return rc;
    }
    return rc;
}

/* Name and the like live in the reader until the next part. */
static int copy_part(const struct multipart_event *event, struct arena *arena,
                     struct form_field *ret_field)
{
    *ret_field = (struct form_field){.name = arena_copy(arena, event->name),
                                     .file_name = arena_copy(arena, event->file_name),
                                     .type = arena_copy(arena, event->type),
                                     .value = SPAN(""),
                                     .is_file = event->is_file};
    return ret_field->name.at && ret_field->file_name.at && ret_field->type.at ? 0 : -ENOMEM;
}

/* The window is the whole body: data comes as one piece. */
static int parse_parts(struct multipart_reader *reader, struct span body, struct arena *arena,
                       struct form *form)
{
    struct multipart_event event;
    struct form_field field;
    int rc = 0;
    while (rc >= 0 && (rc = multipart_next(reader, &body, true, &event)) != MULTIPART_END) {
        if (rc == MULTIPART_PART)
            rc = copy_part(&event, arena, &field);
        else if (rc == MULTIPART_DATA)
            field.value = event.data;
        else if (rc == MULTIPART_PART_END)
            rc = keep_field(form, &field);
    }
    return rc < 0 ? rc : 0;
}

int form_parse(struct span content_type, struct span body, struct arena *arena,
               struct form *ret_form)
{
    struct multipart_reader reader;
    struct form form = {.fields = arena_alloc(arena, FORM_FIELDS_MAX * sizeof *form.fields)};
    ptrdiff_t semicolon = span_find(content_type, ';');
    struct span type = semicolon < 0 ? content_type : span_first(content_type, (size_t)semicolon);
    if (!form.fields)
        return -ENOMEM;
    int rc;
    if (span_equal_nocase(span_trim(type), SPAN("application/x-www-form-urlencoded"))) {
        rc = parse_pairs(body, arena, &form);
    } else {
        rc = multipart_open(content_type, &reader);
        if (rc == 0)
            rc = parse_parts(&reader, body, arena, &form);
    }
    if (rc == 0)
        *ret_form = form;
    return rc;
}

const struct form_field *form_find(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (span_equal(form->fields[i].name, span_of(name)))
            return &form->fields[i];
    return NULL;
}

static int fail(struct http_request *r, int rc)
{
    switch (rc) {
    case ERR_ABSENT:
        return http_fail(r, 415,
                         "a form is application/x-www-form-urlencoded or multipart/form-data");
    case ERR_SYNTAX:
        return http_fail(r, 400, "the form is not well-formed");
    case -E2BIG:
        return http_fail(r, 413, "the form has more than %d fields", FORM_FIELDS_MAX);
    case -EMSGSIZE:
        return http_fail(r, 400, "the header of a part is too large");
    case -ENOMEM: /* the request's arena is full */
        return http_fail(r, 413, "the form is too large");
    default:
        return rc;
    }
}

int form_co_read(struct http_request *r, size_t max, struct form *ret_form)
{
    struct span body;
    int rc = http_co_body(r, max, &body);
    if (rc < 0)
        return rc;
    /* what is decoded is never longer than the body */
    r->arena.cap = HTTP_MEMORY_MAX + max;
    rc = form_parse(http_field(r, "Content-Type"), body, &r->arena, ret_form);
    return rc < 0 ? fail(r, rc) : 0;
}

/* --- streamed -------------------------------------------------------------------------------- */

int form_stream_open(struct http_request *r, struct form_stream *ret_stream)
{
    int rc = multipart_open(http_field(r, "Content-Type"), &ret_stream->reader);
    if (rc < 0)
        return rc == ERR_SYNTAX ? fail(r, rc) : rc;
    ret_stream->window = BUFFER(2 * FORM_WINDOW);
    ret_stream->taken = 0;
    ret_stream->ended = false;
    return 0;
}

void form_stream_close(struct form_stream *stream)
{
    buffer_free(&stream->window);
}

static int form_co_fill(struct http_request *r, struct form_stream *stream)
{
    struct span piece;
    if (stream->window.len > FORM_WINDOW)
        return ERR_SYNTAX; /* a header is smaller, and data is taken */
    int rc = http_co_read(r, &piece);
    if (rc == 0)
        stream->ended = true;
    return rc <= 0 ? rc : buffer_append(&stream->window, piece);
}

int form_co_next(struct http_request *r, struct form_stream *stream,
                 struct multipart_event *ret_event)
{
    buffer_consume(&stream->window, stream->taken);
    stream->taken = 0;
    for (;;) {
        struct span window = buffer_span(&stream->window);
        int rc = multipart_next(&stream->reader, &window, stream->ended, ret_event);
        if (rc != MULTIPART_MORE) {
            stream->taken = stream->window.len - window.len;
            return rc < 0 ? fail(r, rc) : rc;
        }
        buffer_consume(&stream->window, stream->window.len - window.len);
        rc = form_co_fill(r, stream);
        if (rc < 0)
            return fail(r, rc);
    }
}
