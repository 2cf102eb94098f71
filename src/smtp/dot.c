/* Dots in mail data; see dot.h. Lines are found with memchr, clean runs are handed on uncopied. */
#include "smtp/dot.h"

#include <string.h>

static void line_ended(struct dot_reader *r, size_t len)
{
    if (len > r->longest)
        r->longest = len;
    r->line = 0;
}

/* A line's text with its LF: the one CR stands before the LF. A line that holds a bare CR as well
 * is bad, but its CRLF ends it all the same. */
static void check_line(struct dot_reader *r, struct span text)
{
    bool crlf = text.len == 1 ? r->state == DOT_TEXT_CR : text.at[text.len - 2] == '\r';
    bool bare = text.len > 1 && (r->state == DOT_TEXT_CR ||
                                 (text.len > 2 && memchr(text.at, '\r', text.len - 2) != NULL));
    if (!crlf || bare)
        r->bad = true;
    r->state = crlf ? DOT_LINE_START : DOT_TEXT;
    line_ended(r, r->line + text.len - (crlf && text.len > 1 ? 2 : 1));
}

/* The chunk ends before the line does. */
static void check_open_line(struct dot_reader *r, struct span text)
{
    if (text.len == 0)
        return;
    const char *cr = memchr(text.at, '\r', text.len);
    if ((cr && cr != text.at + text.len - 1) || r->state == DOT_TEXT_CR)
        r->bad = true;
    r->state = text.at[text.len - 1] == '\r' ? DOT_TEXT_CR : DOT_TEXT;
    r->line += text.len - (r->state == DOT_TEXT_CR);
    if (r->line > r->longest)
        r->longest = r->line;
}

/* How many bytes from the front are the letter's, up to a dot at the start of a line. */
static size_t clean_run(struct dot_reader *r, struct span input)
{
    size_t at = 0;
    while (at < input.len && !(r->state == DOT_LINE_START && input.at[at] == '.')) {
        struct span rest = span_from(input, at);
        ptrdiff_t lf = span_find(rest, '\n');
        if (lf < 0) {
            check_open_line(r, rest);
            return input.len;
        }
        check_line(r, span_first(rest, (size_t)lf + 1));
        at += (size_t)lf + 1;
    }
    return at;
}

/* After a dot at the start of a line. True at the end of data. */
static bool take_dot(struct dot_reader *r, struct span *input)
{
    if (r->state == DOT_LINE_START) {
        r->state = DOT_DOT;
        *input = span_from(*input, 1);
    }
    if (r->state == DOT_DOT && input->len) {
        r->state = input->at[0] == '\r' ? DOT_DOT_CR : DOT_TEXT;
        if (r->state == DOT_DOT_CR)
            *input = span_from(*input, 1);
    }
    if (r->state == DOT_DOT_CR && input->len) {
        if (input->at[0] == '\n') {
            *input = span_from(*input, 1);
            return true;
        }
        r->bad = true;
        r->state = DOT_TEXT;
    }
    return false;
}

bool dot_read(struct dot_reader *r, struct span *input, struct span *ret_clean)
{
    *ret_clean = span_first(*input, 0);
    bool dot = r->state == DOT_LINE_START && input->len && input->at[0] == '.';
    if ((dot || r->state == DOT_DOT || r->state == DOT_DOT_CR) && take_dot(r, input))
        return true;
    if (r->state == DOT_DOT || r->state == DOT_DOT_CR)
        return false; /* the chunk ended within the sequence */
    size_t len = clean_run(r, *input);
    *ret_clean = span_first(*input, len);
    *input = span_from(*input, len);
    if (span_find(*ret_clean, '\0') >= 0)
        r->bad = true;
    return false;
}

int dot_write(struct dot_writer *w, struct span bytes, struct buffer *out)
{
    int rc = 0;
    while (rc == 0 && bytes.len) {
        if (w->line_start && bytes.at[0] == '.')
            rc = buffer_append_byte(out, '.');
        ptrdiff_t lf = span_find(bytes, '\n');
        struct span line = lf < 0 ? bytes : span_first(bytes, (size_t)lf + 1);
        if (rc == 0)
            rc = buffer_append(out, line);
        w->line_start = lf >= 0;
        w->cr = line.at[line.len - 1] == '\r';
        bytes = span_from(bytes, line.len);
    }
    return rc;
}

int dot_finish(struct dot_writer *w, struct buffer *out)
{
    int rc = 0;
    if (!w->line_start)
        rc = buffer_append(out, w->cr ? SPAN("\n") : SPAN("\r\n"));
    return rc < 0 ? rc : buffer_append(out, SPAN(".\r\n"));
}
