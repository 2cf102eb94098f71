/* The strict scan of a head; see scan.h. */
#include "http/scan.h"

#include "http/code.h"

#include <string.h>

#define METHOD_BYTES_MAX 32
#define EMPTY_LINES_MAX  2

enum state {
    BEFORE, /* empty lines (RFC 9112 2.2) */
    BEFORE_LF,
    METHOD,
    TARGET,
    VERSION,
    VERSION_LF,
    FIELD,
    NAME,
    VALUE,
    VALUE_LF,
    END_LF,
};

bool http_is_token_byte(char byte)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    return ascii_is_alpha(byte) || ascii_is_digit(byte) ||
           (byte && memchr(others, byte, sizeof others - 1));
}

bool http_is_visible_byte(char byte)
{
    return (unsigned char)byte > ' ' && (unsigned char)byte < 0x7f;
}

bool http_is_value_byte(char byte)
{
    unsigned char value = (unsigned char)byte;
    return value == '\t' || (value >= ' ' && value != 0x7f);
}

static int refuse(struct http_scan *scan, int status, const char *why)
{
    scan->why = why;
    return HTTP_CODE(status);
}

/* The byte is right: the part goes on, or the next one begins. */
static int go(struct http_scan *scan, enum state state)
{
    scan->line = scan->state == state ? scan->line + 1 : 0;
    scan->state = state;
    return 0;
}

static int scan_version(struct http_scan *scan, char byte)
{
    static const char pattern[] = "HTTP/d.d";
    if (byte == '\r' && scan->line == sizeof pattern - 1)
        return go(scan, VERSION_LF);
    if (scan->line >= sizeof pattern - 1)
        return refuse(scan, 400, "the request line does not end with its version and CRLF");
    char wanted = pattern[scan->line];
    if (wanted == 'd' ? !ascii_is_digit(byte) : byte != wanted)
        return refuse(scan, 400, "the request line has no HTTP version");
    if ((scan->line == 5 && byte != '1') || (scan->line == 7 && byte > '1'))
        return refuse(scan, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    return go(scan, VERSION);
}

static int scan_request_line(struct http_scan *scan, char byte)
{
    if (scan->state == METHOD) {
        if (byte == ' ')
            return go(scan, TARGET);
        if (!http_is_token_byte(byte) || scan->line >= METHOD_BYTES_MAX)
            return refuse(scan, 400, "the request line does not begin with a method");
        return go(scan, METHOD);
    }
    if (byte == ' ' && scan->line > 0) {
        scan->state = VERSION;
        scan->line = 0;
        return 0;
    }
    if (!http_is_visible_byte(byte))
        return refuse(scan, 400, "the request line holds bytes that no target has");
    return go(scan, TARGET);
}

static int scan_field(struct http_scan *scan, char byte)
{
    if (scan->state == VALUE) {
        if (byte == '\r')
            return go(scan, VALUE_LF);
        return http_is_value_byte(byte)
                   ? go(scan, VALUE)
                   : refuse(scan, 400, "a header field holds a control character");
    }
    if (scan->state == FIELD) {
        if (byte == '\r')
            return go(scan, END_LF);
        if (++scan->fields > HTTP_FIELDS_MAX)
            return refuse(scan, 431, "too many header fields");
        if (byte == ' ' || byte == '\t')
            return refuse(scan, 400, "a header field is folded");
    } else if (byte == ':') {
        return go(scan, VALUE);
    }
    if (!http_is_token_byte(byte))
        return refuse(scan, 400, "a header field's name holds a byte that no name has");
    if (scan->line >= HTTP_NAME_MAX)
        return refuse(scan, 431, "a header field's name is too long");
    return go(scan, NAME);
}

static int scan_before(struct http_scan *scan, char byte)
{
    if (byte == '\r' && scan->skipped++ < EMPTY_LINES_MAX)
        return go(scan, BEFORE_LF);
    scan->state = METHOD;
    scan->line = 0;
    return scan_request_line(scan, byte);
}

/* 1 at the end of the head. */
static int scan_byte(struct http_scan *scan, char byte)
{
    switch (scan->state) {
    case BEFORE:
        return scan_before(scan, byte);
    case METHOD:
    case TARGET:
        return scan_request_line(scan, byte);
    case VERSION:
        return scan_version(scan, byte);
    case FIELD:
    case NAME:
    case VALUE:
        return scan_field(scan, byte);
    default:
        if (byte != '\n')
            return refuse(scan, 400, "a line does not end with CRLF");
        if (scan->state == END_LF)
            return 1;
        return go(scan, scan->state == BEFORE_LF ? BEFORE : FIELD);
    }
}

int http_scan_head(struct http_scan *scan, struct span bytes, size_t *ret_taken)
{
    for (size_t i = 0; i < bytes.len; i++) {
        int rc = scan_byte(scan, bytes.at[i]);
        if (rc < 0)
            return rc;
        scan->length++;
        if (rc > 0) {
            *ret_taken = i + 1;
            return 1;
        }
        if (scan->state == TARGET && scan->length > HTTP_LINE_MAX - 11) /* " HTTP/1.1\r\n" */
            return refuse(scan, 414, "the request line is too long");
        if (scan->length >= HTTP_HEAD_MAX)
            return refuse(scan, 431, "the header is too large");
    }
    *ret_taken = bytes.len;
    return 0;
}
