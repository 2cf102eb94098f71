/* Answers: tagged replies, strings, flags, dates; see session.h. */
#include "imap/session.h"

#include "base/error.h"
#include "base/utf8.h"
#include "mail/modified_utf7.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int imap_co_say(struct imap_session *s, struct span bytes)
{
    return stream_co_write(s->st, bytes);
}

int imap_co_printf(struct imap_session *s, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof line)
        return -EMSGSIZE;
    return imap_co_say(s, span_make(line, (size_t)len));
}

void imap_keep_tag(struct imap_session *s, struct span tag)
{
    size_t len = tag.len < sizeof s->tag_text ? tag.len : sizeof s->tag_text;
    memcpy(s->tag_text, tag.at, len);
    s->tag = span_make(s->tag_text, len);
}

/* --- tagged ---------------------------------------------------------------------------------- */

static int imap_co_tagged(struct imap_session *s, const char *how, const char *text)
{
    int rc = imap_co_say(s, s->tag);
    return rc < 0 ? rc : imap_co_printf(s, " %s %s\r\n", how, text);
}

int imap_co_ok(struct imap_session *s, const char *text)
{
    int rc = imap_co_sync(s, true);
    return rc < 0 ? rc : imap_co_tagged(s, "OK", text);
}

int imap_co_ok_keep(struct imap_session *s, const char *text)
{
    int rc = imap_co_sync(s, false);
    return rc < 0 ? rc : imap_co_tagged(s, "OK", text);
}

int imap_co_no(struct imap_session *s, const char *text)
{
    return imap_co_tagged(s, "NO", text);
}

int imap_co_fail(struct imap_session *s, int rc)
{
    switch (rc) {
    case ERR_ABSENT:
        return imap_co_no(s, "[NONEXISTENT] There is no such mailbox");
    case ERR_EXISTS:
        return imap_co_no(s, "[ALREADYEXISTS] A mailbox of that name is there already");
    case ERR_SYNTAX:
        return imap_co_no(s, "[CANNOT] That cannot be a mailbox name");
    case ERR_DENIED:
        return imap_co_no(s, "[CANNOT] INBOX stays");
    case ERR_QUOTA:
        return imap_co_no(s, "[OVERQUOTA] The mailbox is full");
    case ERR_FULL:
    case -ENOBUFS:
        return imap_co_no(s, "[LIMIT] Too many, or the server is busy: try later");
    case -ENOMEM:
    case ERR_STORE:
    case -ENOSPC:
    case -EIO:
        return imap_co_no(s, "[UNAVAILABLE] The server cannot do that now: try later");
    case ERR_CORRUPT:
        return imap_co_no(s, "[SERVERBUG] What is stored cannot be read");
    default:
        return rc;
    }
}

/* --- strings --------------------------------------------------------------------------------- */

static bool may_be_quoted(struct span bytes)
{
    if (bytes.len > 1000)
        return false;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.at[i];
        if (c < 32 || c > 126)
            return false;
    }
    return true;
}

static int write_quoted(struct buffer *out, struct span bytes)
{
    int rc = buffer_append_byte(out, '"');
    for (size_t i = 0; rc == 0 && i < bytes.len; i++) {
        if (bytes.at[i] == '"' || bytes.at[i] == '\\')
            rc = buffer_append_byte(out, '\\');
        if (rc == 0)
            rc = buffer_append_byte(out, bytes.at[i]);
    }
    return rc < 0 ? rc : buffer_append_byte(out, '"');
}

int imap_write_string(struct buffer *out, struct span bytes)
{
    if (may_be_quoted(bytes))
        return write_quoted(out, bytes);
    int rc = buffer_printf(out, "{%zu}\r\n", bytes.len);
    return rc < 0 ? rc : buffer_append(out, bytes);
}

int imap_write_mailbox(const struct imap_session *s, struct buffer *out, struct span name)
{
    AUTO_BUFFER text = BUFFER(8 * BOX_NAME_MAX);
    if (s->utf8 || s->rev2)
        return write_quoted(out, name); /* names hold no control characters */
    int rc = modified_utf7_encode(name, &text);
    return rc < 0 ? rc : write_quoted(out, buffer_span(&text));
}

int imap_write_flags(const struct imap_selected *selected, struct buffer *out, uint64_t flags)
{
    static const char *const names[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted",
                                        "\\Draft"};
    int rc = buffer_append_byte(out, '(');
    bool first = true;
    for (int bit = 0; rc == 0 && bit < KEYWORD_END && flags; bit++, flags >>= 1) {
        const char *name = bit < KEYWORD_FIRST ? names[bit] : selected->keywords.names[bit];
        if (!(flags & 1) || !name)
            continue;
        if (!first)
            rc = buffer_append_byte(out, ' ');
        if (rc == 0)
            rc = buffer_append_text(out, name);
        first = false;
    }
    return rc < 0 ? rc : buffer_append_byte(out, ')');
}

int imap_write_date_time(struct buffer *out, int64_t wall_ms)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return buffer_printf(out, "\"%2d-%s-%04d %02d:%02d:%02d +0000\"", tm.tm_mday, months[tm.tm_mon],
                         tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
