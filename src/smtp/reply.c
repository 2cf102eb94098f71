/* SMTP replies; see reply.h. */
#include "smtp/reply.h"

#define LINE_TEXT_MAX 480

static int append_clean(struct buffer *out, struct span text)
{
    int rc = buffer_reserve(out, text.len);
    for (size_t i = 0; rc == 0 && i < text.len; i++)
        out->at[out->len++] = text.at[i] < 32 || text.at[i] > 126 ? '?' : text.at[i];
    return rc;
}

static int append_line(struct buffer *out, int code, const char *enhanced, struct span text,
                       bool last)
{
    int rc = buffer_append_uint(out, (uint64_t)code);
    if (rc == 0)
        rc = buffer_append_byte(out, last ? ' ' : '-');
    if (rc == 0 && enhanced)
        rc = buffer_append_text(out, enhanced);
    if (rc == 0 && enhanced)
        rc = buffer_append_byte(out, ' ');
    if (rc == 0)
        rc = append_clean(out, span_first(text, LINE_TEXT_MAX));
    return rc < 0 ? rc : buffer_append(out, SPAN("\r\n"));
}

int smtp_reply_format(struct buffer *out, int code, const char *enhanced, struct span text)
{
    struct span line = SPAN("");
    int rc = 0;
    do {
        line = SPAN("");
        span_cut(&text, '\n', &line);
        rc = append_line(out, code, enhanced, line, text.len == 0);
    } while (rc == 0 && text.len);
    return rc;
}
