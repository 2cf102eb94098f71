/* multipart/form-data; see multipart.h. */
#include "http/multipart.h"

#include "base/utf8.h"
#include "http/scan.h"
#include "mail/mime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum state { START, BEHIND_DELIMITER, HEADER, BODY, ENDED };

/* RFC 2046 5.1.1 bchars, without the blank. */
static bool is_boundary(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.at[i];
        if (!ascii_is_alpha(byte) && !ascii_is_digit(byte) &&
            !(byte && strchr("'()+_,-./:=?", byte)))
            return false;
    }
    return text.len > 0;
}

int multipart_open(struct span content_type, struct multipart_reader *ret_reader)
{
    struct span type, subtype, parameters;
    char boundary[MULTIPART_BOUNDARY_MAX];
    if (mime_parse_type(content_type, &type, &subtype, &parameters) < 0 ||
        !span_equal_nocase(type, SPAN("multipart")) ||
        !span_equal_nocase(subtype, SPAN("form-data")))
        return ERR_ABSENT;
    if (!mime_find_parameter(parameters, SPAN("boundary"), boundary, sizeof boundary) ||
        strlen(boundary) == sizeof boundary - 1 || !is_boundary(span_of(boundary)))
        return ERR_SYNTAX;
    *ret_reader = (struct multipart_reader){.state = START};
    ret_reader->delimiter_len =
        (size_t)snprintf(ret_reader->delimiter, sizeof ret_reader->delimiter, "\r\n--%s", boundary);
    return 0;
}

static struct span delimiter_of(const struct multipart_reader *reader)
{
    return span_make(reader->delimiter, reader->delimiter_len);
}

/* --- a part's header ------------------------------------------------------------------------- */

static bool take_disposition(struct multipart_reader *reader, struct span value)
{
    ptrdiff_t semicolon = span_find(value, ';');
    if (semicolon < 0 ||
        !span_equal_nocase(span_trim(span_first(value, (size_t)semicolon)), SPAN("form-data")))
        return false;
    struct span parameters = span_from(value, (size_t)semicolon);
    if (!mime_find_parameter(parameters, SPAN("name"), reader->name, sizeof reader->name))
        return false;
    reader->is_file = mime_find_parameter(parameters, SPAN("filename"), reader->file_name,
                                          sizeof reader->file_name);
    return utf8_is_text(span_of(reader->name)) && utf8_is_text(span_of(reader->file_name));
}

static bool take_line(struct multipart_reader *reader, struct span line, bool *named)
{
    ptrdiff_t colon = span_find(line, ':');
    for (ptrdiff_t i = 0; i < colon; i++)
        if (!http_is_token_byte(line.at[i]))
            return false;
    for (size_t i = 0; i < line.len; i++)
        if (!http_is_value_byte(line.at[i]))
            return false;
    if (colon <= 0)
        return false;
    struct span name = span_first(line, (size_t)colon);
    struct span value = span_trim(span_from(line, (size_t)colon + 1));
    if (span_equal_nocase(name, SPAN("Content-Type")))
        return span_to_text(value, reader->type, sizeof reader->type);
    if (!span_equal_nocase(name, SPAN("Content-Disposition")))
        return true;
    if (*named)
        return false;
    *named = true;
    return take_disposition(reader, value);
}

static int read_header(struct multipart_reader *reader, struct span *window, bool last,
                       struct multipart_event *event)
{
    bool named = false;
    ptrdiff_t end = span_find_span(span_first(*window, MULTIPART_HEADER_MAX), SPAN("\r\n\r\n"));
    if (end < 0 && window->len >= MULTIPART_HEADER_MAX)
        return -EMSGSIZE;
    if (end < 0)
        return last ? ERR_SYNTAX : MULTIPART_MORE;
    struct span rest = span_first(*window, (size_t)end);
    reader->name[0] = reader->file_name[0] = reader->type[0] = '\0';
    reader->is_file = false;
    while (rest.len) {
        ptrdiff_t crlf = span_find_span(rest, SPAN("\r\n"));
        struct span line = crlf < 0 ? rest : span_first(rest, (size_t)crlf);
        if (!take_line(reader, line, &named))
            return ERR_SYNTAX;
        rest = span_from(rest, line.len + 2);
    }
    if (!named)
        return ERR_SYNTAX;
    *window = span_from(*window, (size_t)end + 4);
    *event = (struct multipart_event){.name = span_of(reader->name),
                                      .file_name = span_of(reader->file_name),
                                      .type = span_of(reader->type),
                                      .is_file = reader->is_file};
    reader->state = BODY;
    return MULTIPART_PART;
}

/* --- between parts --------------------------------------------------------------------------- */

static int read_start(struct multipart_reader *reader, struct span *window, bool last)
{
    struct span wanted = span_from(delimiter_of(reader), 2);
    if (window->len < wanted.len)
        return last ? ERR_SYNTAX : MULTIPART_MORE;
    if (!span_starts(*window, wanted))
        return ERR_SYNTAX;
    *window = span_from(*window, wanted.len);
    reader->state = BEHIND_DELIMITER;
    return 0;
}

static int read_behind_delimiter(struct multipart_reader *reader, struct span *window, bool last)
{
    if (window->len < 2)
        return last ? ERR_SYNTAX : MULTIPART_MORE;
    bool closes = span_starts(*window, SPAN("--"));
    if (!closes && !span_starts(*window, SPAN("\r\n")))
        return ERR_SYNTAX;
    *window = span_from(*window, 2);
    reader->state = closes ? ENDED : HEADER;
    return closes ? MULTIPART_END : 0;
}

/* --- a part's bytes -------------------------------------------------------------------------- */

/* How many bytes at the window's end may begin a delimiter. */
static size_t doubtful(const struct multipart_reader *reader, struct span window)
{
    struct span wanted = delimiter_of(reader);
    size_t most = window.len < wanted.len - 1 ? window.len : wanted.len - 1;
    for (size_t len = most; len; len--)
        if (memcmp(window.at + window.len - len, wanted.at, len) == 0)
            return len;
    return 0;
}

static int give_data(struct span *window, size_t len, struct multipart_event *event)
{
    event->data = span_first(*window, len);
    *window = span_from(*window, len);
    return MULTIPART_DATA;
}

static int read_body(struct multipart_reader *reader, struct span *window, bool last,
                     struct multipart_event *event)
{
    struct span wanted = delimiter_of(reader);
    ptrdiff_t found = span_find_span(*window, wanted);
    if (found > 0)
        return give_data(window, (size_t)found, event);
    if (found == 0) {
        *window = span_from(*window, wanted.len);
        reader->state = BEHIND_DELIMITER;
        return MULTIPART_PART_END;
    }
    size_t sure = window->len - doubtful(reader, *window);
    if (last)
        return ERR_SYNTAX;
    return sure ? give_data(window, sure, event) : MULTIPART_MORE;
}

int multipart_next(struct multipart_reader *reader, struct span *window, bool last,
                   struct multipart_event *ret_event)
{
    int rc = 0;
    while (rc == 0) /* two states lead on at once */
        switch (reader->state) {
        case START:
            rc = read_start(reader, window, last);
            break;
        case BEHIND_DELIMITER:
            rc = read_behind_delimiter(reader, window, last);
            break;
        case HEADER:
            rc = read_header(reader, window, last, ret_event);
            break;
        case BODY:
            rc = read_body(reader, window, last, ret_event);
            break;
        default:
            rc = MULTIPART_END;
        }
    return rc;
}
