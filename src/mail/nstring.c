/* Strings as IMAP sends them; see nstring.h. */
#include "mail/nstring.h"

/* What a text needs: looked at once, written once. */
struct needs {
    size_t kept;    /* bytes */
    size_t escaped; /* of them */
    bool literal, plain;
};

static struct needs look(struct span text)
{
    struct needs needs = {.plain = true};
    size_t left_out = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool escape = c == '"' || c == '\\', out = c == '\r' || c == '\n' || c == 0;
        needs.escaped += escape;
        left_out += out;
        needs.literal |= c > 126;
        needs.plain &= !escape && !out && c != '\t';
    }
    needs.kept = text.len - left_out;
    return needs;
}

static void put(struct span text, bool upper, bool escape, struct buffer *out)
{
    char *to = out->at + out->len;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '\r' || c == '\n' || c == 0)
            continue;
        if (escape && (c == '"' || c == '\\'))
            *to++ = '\\';
        if (c == '\t')
            c = ' ';
        *to++ = upper && c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    out->len = (size_t)(to - out->at);
}

static int write_string(struct span text, bool upper, struct buffer *out)
{
    struct needs needs = look(text);
    int rc;
    if (needs.literal) {
        rc = buffer_append_byte(out, '{');
        if (rc == 0)
            rc = buffer_append_uint(out, needs.kept);
        if (rc == 0)
            rc = buffer_append_text(out, "}\r\n");
        if (rc == 0)
            rc = buffer_reserve(out, needs.kept);
        if (rc == 0)
            put(text, upper, false, out);
        return rc;
    }
    rc = buffer_reserve(out, needs.kept + needs.escaped + 2);
    if (rc < 0)
        return rc;
    out->at[out->len++] = '"';
    if (needs.plain && !upper)
        rc = buffer_append(out, text); /* there is room */
    else
        put(text, upper, true, out);
    out->at[out->len++] = '"';
    return rc;
}

int nstring_write(struct span text, struct buffer *out)
{
    return write_string(text, false, out);
}

int nstring_write_upper(struct span text, struct buffer *out)
{
    return write_string(text, true, out);
}
