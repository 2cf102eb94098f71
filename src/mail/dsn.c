/* Delivery status notifications; see dsn.h. */
#include "mail/dsn.h"

#include "base/id.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/mime.h"

#include <errno.h>
#include <stdio.h>

#define LINE_MAX 900 /* of a remote's words; RFC 5322 2.1.1 allows 998 */

/* --- status codes ---------------------------------------------------------------------------- */

static size_t digits(struct span s, size_t at, size_t most)
{
    size_t count = 0;
    while (count < most && at + count < s.len && ascii_is_digit(s.at[at + count]))
        count++;
    return count;
}

/* Length of "x.y.z" at the start, or 0. */
static size_t status_length(struct span s)
{
    size_t subject = s.len > 2 && s.at[1] == '.' ? digits(s, 2, 3) : 0;
    size_t dot = 2 + subject;
    size_t detail = subject && dot < s.len && s.at[dot] == '.' ? digits(s, dot + 1, 3) : 0;
    size_t len = detail ? dot + 1 + detail : 0;
    return len && (len == s.len || s.at[len] == ' ') ? len : 0;
}

void dsn_status(struct span reply, char class, char ret_status[DSN_STATUS])
{
    uint64_t code;
    if (reply.len > 4 && reply.at[3] == ' ' && span_to_uint(span_first(reply, 3), 599, &code))
        reply = span_from(reply, 4);
    size_t len = status_length(reply);
    if (len && len < DSN_STATUS && reply.at[0] == class)
        snprintf(ret_status, DSN_STATUS, "%.*s", (int)len, reply.at);
    else
        snprintf(ret_status, DSN_STATUS, "%c.0.0", class);
}

/* --- writing --------------------------------------------------------------------------------- */

static int append_clean(struct buffer *out, struct span text)
{
    text = span_first(text, LINE_MAX);
    int rc = buffer_reserve(out, text.len);
    for (size_t i = 0; rc == 0 && i < text.len; i++)
        out->at[out->len++] = text.at[i] >= 32 && text.at[i] < 127 ? text.at[i] : '?';
    return rc;
}

/* "Name: type; value" */
static int write_field(struct buffer *out, const char *start, struct span value)
{
    int rc = buffer_append_text(out, start);
    if (rc == 0)
        rc = append_clean(out, value);
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}

static bool has_eight_bit(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] & 0x80)
            return true;
    return false;
}

/* Whole fields, as many as there is room for. */
static struct span shown_header(struct span header)
{
    struct span rest = header;
    struct header_field field;
    size_t len = 0;
    while (header_next(&rest, &field) && len + field.raw.len <= DSN_HEADER_MAX)
        len += field.raw.len;
    return span_first(header, len);
}

static int write_top(struct buffer *out, const struct dsn *dsn, const char *boundary,
                     bool eight_bit)
{
    char date[DATE_TEXT], id[ID_TEXT];
    struct header_field original;
    int rc =
        buffer_printf(out, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\nTo: <", dsn->hostname);
    if (rc == 0)
        rc = append_clean(out, dsn->to);
    if (rc == 0)
        rc = buffer_printf(out,
                           ">\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n"
                           "Auto-Submitted: auto-replied\r\n",
                           dsn->action == DSN_FAILED ? "Undelivered: your letter came back"
                                                     : "Delayed: your letter is still waiting",
                           date_format(dsn->now_ms, date), id_text(dsn->id, id), dsn->hostname);
    if (rc == 0 && header_find(dsn->header, SPAN("Message-ID"), &original))
        rc = write_field(out, "References: ", original.body);
    if (rc == 0)
        rc = buffer_printf(out,
                           "MIME-Version: 1.0\r\nContent-Type: multipart/report;"
                           " report-type=delivery-status;\r\n\tboundary=\"%s\"\r\n%s\r\n",
                           boundary, eight_bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
    return rc;
}

static int write_words(struct buffer *out, const struct dsn *dsn)
{
    char date[DATE_TEXT];
    struct header_field subject;
    int rc = buffer_printf(out,
                           "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
                           "This is the mail system of %s.\r\n\r\n",
                           dsn->hostname);
    if (rc == 0 && dsn->action == DSN_FAILED)
        rc = buffer_append_text(out, "Your letter could not be delivered to the recipients below."
                                     " It will not be tried\r\nagain.\r\n\r\n");
    else if (rc == 0)
        rc = buffer_printf(out,
                           "Your letter has not been delivered yet to the recipients below. You"
                           " need not\r\nsend it again: it will be tried until %s.\r\n\r\n",
                           date_format(dsn->until_ms, date));
    if (rc == 0 && header_find(dsn->header, SPAN("Subject"), &subject))
        rc = write_field(out, "    Subject: ", subject.body);
    for (size_t i = 0; rc == 0 && i < dsn->count; i++) {
        const struct dsn_recipient *r = &dsn->recipients[i];
        rc = write_field(out, "\r\n    To: ", r->address);
        if (rc == 0 && r->remote.len)
            rc = write_field(out, "    Said by: ", r->remote);
        if (rc == 0)
            rc = write_field(out, "    ", r->words);
    }
    return rc;
}

static int write_recipient(struct buffer *out, const struct dsn *dsn, const struct dsn_recipient *r)
{
    char date[DATE_TEXT];
    int rc = write_field(out, "\r\nFinal-Recipient: rfc822; ", r->address);
    if (rc == 0)
        rc = buffer_printf(out, "Action: %s\r\nStatus: %s\r\n",
                           dsn->action == DSN_FAILED ? "failed" : "delayed", r->status);
    if (rc == 0 && r->remote.len)
        rc = write_field(out, "Remote-MTA: dns; ", r->remote);
    if (rc == 0)
        rc = write_field(out,
                         r->remote.len ? "Diagnostic-Code: smtp; " : "Diagnostic-Code: x-postamt; ",
                         r->words);
    if (rc == 0)
        rc = buffer_printf(out, "Last-Attempt-Date: %s\r\n", date_format(dsn->now_ms, date));
    if (rc == 0 && dsn->action == DSN_DELAYED)
        rc = buffer_printf(out, "Will-Retry-Until: %s\r\n", date_format(dsn->until_ms, date));
    return rc;
}

static int write_status(struct buffer *out, const struct dsn *dsn)
{
    char date[DATE_TEXT], id[ID_TEXT];
    int rc =
        buffer_printf(out,
                      "Content-Type: message/delivery-status\r\n\r\n"
                      "Reporting-MTA: dns; %s\r\nX-Postamt-Letter: %s\r\n"
                      "Arrival-Date: %s\r\n",
                      dsn->hostname, id_text(dsn->letter, id), date_format(dsn->arrived_ms, date));
    for (size_t i = 0; rc == 0 && i < dsn->count; i++)
        rc = write_recipient(out, dsn, &dsn->recipients[i]);
    return rc;
}

int dsn_write(struct buffer *out, const struct dsn *dsn)
{
    char boundary[64], id[ID_TEXT];
    struct span header = shown_header(dsn->header);
    bool eight_bit = has_eight_bit(header);
    snprintf(boundary, sizeof boundary, "=_postamt_%s", id_text(dsn->id, id));
    int rc = write_top(out, dsn, boundary, eight_bit);
    if (rc == 0)
        rc = buffer_printf(out, "--%s\r\n", boundary);
    if (rc == 0)
        rc = write_words(out, dsn);
    if (rc == 0)
        rc = buffer_printf(out, "\r\n--%s\r\n", boundary);
    if (rc == 0)
        rc = write_status(out, dsn);
    if (rc == 0)
        rc = buffer_printf(out, "\r\n--%s\r\nContent-Type: text/rfc822-headers\r\n%s\r\n", boundary,
                           eight_bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
    if (rc == 0)
        rc = buffer_append(out, header);
    return rc < 0 ? rc : buffer_printf(out, "\r\n--%s--\r\n", boundary);
}

/* --- reading --------------------------------------------------------------------------------- */

#define PARTS_MAX 32

/* Behind "rfc822;" and the like. */
static struct span value_of(struct span body)
{
    struct span type, rest = body;
    span_cut(&rest, ';', &type);
    return span_trim(rest);
}

static struct span field_of(struct span block, const char *name)
{
    struct header_field field;
    return header_find(block, span_of(name), &field) ? field.body : SPAN("");
}

static int keep_clean(struct arena *arena, struct span text, struct span *ret_text)
{
    AUTO_BUFFER clean = BUFFER(LINE_MAX);
    if (append_clean(&clean, text) < 0)
        return -ENOMEM;
    *ret_text = arena_copy(arena, buffer_span(&clean));
    return ret_text->at ? 0 : -ENOMEM;
}

/* 1: taken; 0: it tells nothing that matters here. */
static int read_block(struct span block, struct arena *arena, struct dsn_report *report)
{
    struct span action = field_of(block, "Action"), to = field_of(block, "Original-Recipient");
    bool failed = span_equal_nocase(action, SPAN("failed"));
    if (!failed && !span_equal_nocase(action, SPAN("delayed")))
        return 0;
    if (to.len == 0)
        to = field_of(block, "Final-Recipient");
    AUTO_BUFFER words = BUFFER(LINE_MAX);
    struct span status = field_of(block, "Status"), code = field_of(block, "Diagnostic-Code");
    int rc = append_clean(&words, span_first(status, DSN_STATUS));
    if (rc == 0)
        rc = buffer_append_text(&words, " ");
    if (rc == 0)
        rc = append_clean(&words, span_first(value_of(code), LINE_MAX - 2 * DSN_STATUS));
    report->failed = failed;
    if (rc == 0)
        rc = keep_clean(arena, value_of(to), &report->recipient);
    if (rc == 0)
        rc = keep_clean(arena, buffer_span(&words), &report->words);
    return rc < 0 ? rc : 1;
}

/* Blocks of fields, parted by blank lines; the first is about the letter. */
static int read_status(struct span part, struct arena *arena, struct dsn_report *ret_list,
                       size_t max)
{
    size_t count = 0;
    while (part.len && count < max) {
        size_t len = header_length(part);
        if (len == 0) { /* a blank line, or one that is no field */
            ptrdiff_t end = span_find(part, '\n');
            part = end < 0 ? SPAN("") : span_from(part, (size_t)end + 1);
            continue;
        }
        int rc = read_block(span_first(part, len), arena, &ret_list[count]);
        if (rc < 0)
            return rc;
        count += (size_t)rc;
        part = span_from(part, len);
    }
    return (int)count;
}

int dsn_read(struct span letter, struct arena *arena, struct dsn_report *ret_list, size_t max)
{
    struct mime_part *parts = arena_alloc(arena, PARTS_MAX * sizeof *parts);
    if (!parts)
        return -ENOMEM;
    int count = mime_parse(letter, parts, PARTS_MAX);
    for (int i = 0; i < count; i++)
        if (span_equal_nocase(parts[i].type, SPAN("message")) &&
            span_equal_nocase(parts[i].subtype, SPAN("delivery-status")))
            return read_status(span_make(letter.at + parts[i].body, parts[i].end - parts[i].body),
                               arena, ret_list, max);
    return 0;
}
