/* Trace fields; see trace.h. */
#include "mail/trace.h"

#include "base/id.h"
#include "base/utf8.h"
#include "mail/date.h"

#include <string.h>

/* Printable and without what could end the comment or the field; UTF-8 stays (RFC 6532). */
static int append_clean(struct buffer *out, struct span text)
{
    int rc = buffer_reserve(out, text.len);
    bool utf8 = utf8_is_text(text);
    for (size_t i = 0; rc == 0 && i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool plain = c > 32 && (c < 127 || (c > 127 && utf8)) && c != '(' && c != ')' &&
                     c != '\\' && c != '<' && c != '>';
        out->at[out->len++] = plain ? (char)c : '?';
    }
    return rc;
}

int trace_received(struct buffer *out, const struct trace_received *received)
{
    char date[DATE_TEXT], id[ID_TEXT];
    int rc = buffer_append_text(out, "Received: from ");
    if (rc == 0)
        rc = append_clean(out, received->hello.len ? received->hello : SPAN("unknown"));
    if (rc == 0 && received->peer)
        rc = buffer_printf(out, " ([%s%s])", strchr(received->peer, ':') ? "IPv6:" : "",
                           received->peer);
    if (rc == 0)
        rc = buffer_printf(out, "\r\n\tby %s (Postamt) with %s id %s", received->hostname,
                           received->protocol, id_text(received->letter, id));
    if (rc == 0 && received->tls)
        rc = buffer_printf(out, "\r\n\t(using %s with cipher %s)", received->tls,
                           received->cipher ? received->cipher : "?");
    if (rc == 0 && received->recipient.len) {
        rc = buffer_append_text(out, "\r\n\tfor <");
        if (rc == 0)
            rc = append_clean(out, received->recipient);
        if (rc == 0)
            rc = buffer_append_byte(out, '>');
    }
    return rc < 0 ? rc : buffer_printf(out, ";\r\n\t%s\r\n", date_format(received->wall_ms, date));
}

int trace_delivery(struct buffer *out, struct span reverse_path, struct span address)
{
    int rc = buffer_append_text(out, "Return-Path: <");
    if (rc == 0)
        rc = append_clean(out, reverse_path);
    if (rc == 0)
        rc = buffer_append_text(out, ">\r\nDelivered-To: ");
    if (rc == 0)
        rc = append_clean(out, address);
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}

int trace_date(struct buffer *out, int64_t wall_ms)
{
    char date[DATE_TEXT];
    return buffer_printf(out, "Date: %s\r\n", date_format(wall_ms, date));
}

int trace_message_id(struct buffer *out, int64_t letter, const char *hostname)
{
    char id[ID_TEXT];
    return buffer_printf(out, "Message-ID: <%s@%s>\r\n", id_text(letter, id), hostname);
}
