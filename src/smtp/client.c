/* The SMTP client; see client.h. Functions bear the names of the commands they give. */
#include "smtp/client.h"

#include "base/base64.h"
#include "smtp/dot.h"

#include <errno.h>
#include <string.h>

#define SECOND     ((int64_t)1000)
#define MINUTE     (60 * SECOND)
#define LINE_MAX   4096 /* RFC 5321 wants 512, servers send more */
#define PIECE_MAX  ((size_t)1024 * 1024)
#define OUTPUT_MAX ((size_t)2 * 1024 * 1024 + 16)

/* --- one command and its response ------------------------------------------------------------ */

static void client_begin(struct smtp_client *c, const char *step, int64_t timeout_ms)
{
    c->step = step;
    stream_set_deadline(c->st, timeout_ms / (c->timeout_divisor ? c->timeout_divisor : 1));
}

static void client_take_mechanisms(struct smtp_client *c, struct span list)
{
    struct span name;
    while (span_cut(&list, ' ', &name)) {
        c->auth_plain = c->auth_plain || span_equal_nocase(name, SPAN("PLAIN"));
        c->auth_login = c->auth_login || span_equal_nocase(name, SPAN("LOGIN"));
    }
}

static void client_take_extension(struct smtp_client *c, struct span words)
{
    struct span rest = words, keyword = SPAN("");
    span_cut(&rest, ' ', &keyword);
    if (span_equal_nocase(keyword, SPAN("PIPELINING")))
        c->pipelining = true;
    else if (span_equal_nocase(keyword, SPAN("8BITMIME")))
        c->eight_bit = true;
    else if (span_equal_nocase(keyword, SPAN("STARTTLS")))
        c->starttls = true;
    else if (span_equal_nocase(keyword, SPAN("AUTH")))
        client_take_mechanisms(c, rest);
    else if (span_equal_nocase(keyword, SPAN("SIZE")) &&
             !span_to_uint(span_trim(rest), UINT64_MAX, &c->size_max))
        c->size_max = 0;
}

/* 3yz is a reply to these only. */
static bool wants_more(const char *step)
{
    return strcmp(step, "DATA") == 0 || strcmp(step, "AUTH LOGIN") == 0 ||
           strcmp(step, "AUTH user name") == 0;
}

/* The whole response, however many lines; what EHLO offers is kept. */
static int client_co_read(struct smtp_client *c)
{
    struct smtp_response r = {0};
    struct span line = SPAN(""), words = SPAN("");
    int more;
    do {
        int rc = stream_co_read_line(c->st, LINE_MAX, &line);
        if (rc < 0)
            return rc == -EMSGSIZE ? ERR_SYNTAX : rc;
        more = smtp_take_response_line(&r, line, &words);
        if (more < 0)
            return more;
        if (strcmp(c->step, "EHLO") == 0 && r.lines > 1)
            client_take_extension(c, words);
    } while (more);
    c->response = r;
    if (!smtp_is_positive(&r))
        return SMTP_REFUSED;
    return (r.code >= 300) == wants_more(c->step) ? 0 : ERR_SYNTAX;
}

static int client_co_command(struct smtp_client *c, const char *step, int64_t timeout_ms,
                             struct span line)
{
    client_begin(c, step, timeout_ms);
    int rc = stream_co_write(c->st, line);
    return rc < 0 ? rc : client_co_read(c);
}

/* --- opening --------------------------------------------------------------------------------- */

static int client_co_hello(struct smtp_client *c)
{
    AUTO_BUFFER line = BUFFER(1024);
    c->pipelining = c->eight_bit = c->starttls = c->auth_plain = c->auth_login = false;
    c->size_max = 0;
    int rc = buffer_printf(&line, "EHLO %s\r\n", c->hostname);
    if (rc == 0)
        rc = client_co_command(c, "EHLO", 5 * MINUTE, buffer_span(&line));
    if (rc != SMTP_REFUSED || !smtp_is_permanent(&c->response))
        return rc;
    line.at[0] = 'H';
    line.at[1] = 'E';
    line.at[2] = 'L';
    line.at[3] = 'O';
    return client_co_command(c, "HELO", 5 * MINUTE, buffer_span(&line));
}

int smtp_client_co_open(struct smtp_client *c, struct stream *st, const char *hostname)
{
    c->st = st;
    c->hostname = hostname;
    stream_set_timeout(st, CO_FOREVER); /* the deadline of each step bounds it */
    stream_refuse_long_lines(st);
    client_begin(c, "greeting", 5 * MINUTE);
    int rc = client_co_read(c);
    return rc < 0 ? rc : client_co_hello(c);
}

int smtp_client_co_start_tls(struct smtp_client *c, struct tls_context *context,
                             const char *server_name)
{
    int rc = client_co_command(c, "STARTTLS", 2 * MINUTE, SPAN("STARTTLS\r\n"));
    if (rc == 0 && stream_has_input(c->st)) /* said in the clear, meant for the time after */
        rc = ERR_SYNTAX;
    if (rc < 0)
        return rc;
    client_begin(c, "TLS handshake", 2 * MINUTE);
    rc = stream_co_start_tls_client(c->st, context, server_name);
    return rc < 0 ? rc : client_co_hello(c);
}

/* --- AUTH ------------------------------------------------------------------------------------ */

static int client_co_secret(struct smtp_client *c, const char *step, const char *verb,
                            struct span secret)
{
    AUTO_BUFFER line = BUFFER(4096);
    int rc = buffer_append_text(&line, verb);
    if (rc == 0)
        rc = base64_encode(&line, secret);
    if (rc == 0)
        rc = buffer_append_text(&line, "\r\n");
    if (rc == 0)
        rc = client_co_command(c, step, 2 * MINUTE, buffer_span(&line));
    if (line.at)
        explicit_bzero(line.at, line.size);
    return rc;
}

static int client_co_auth_plain(struct smtp_client *c, struct span username, struct span password)
{
    AUTO_BUFFER secret = BUFFER(2048);
    int rc = buffer_append_byte(&secret, '\0');
    if (rc == 0)
        rc = buffer_append(&secret, username);
    if (rc == 0)
        rc = buffer_append_byte(&secret, '\0');
    if (rc == 0)
        rc = buffer_append(&secret, password);
    if (rc == 0)
        rc = client_co_secret(c, "AUTH PLAIN", "AUTH PLAIN ", buffer_span(&secret));
    if (secret.at)
        explicit_bzero(secret.at, secret.size);
    return rc;
}

int smtp_client_co_auth(struct smtp_client *c, struct span username, struct span password)
{
    if (!stream_is_tls(c->st) || (!c->auth_plain && !c->auth_login))
        return ERR_ABSENT;
    if (c->auth_plain)
        return client_co_auth_plain(c, username, password);
    int rc = client_co_command(c, "AUTH LOGIN", 2 * MINUTE, SPAN("AUTH LOGIN\r\n"));
    if (rc == 0)
        rc = client_co_secret(c, "AUTH user name", "", username);
    return rc < 0 ? rc : client_co_secret(c, "AUTH password", "", password);
}

/* --- the envelope ---------------------------------------------------------------------------- */

static bool is_dot_string(struct span local)
{
    for (size_t i = 0; i < local.len; i++) {
        char c = local.at[i];
        bool dot = c == '.' && i > 0 && i + 1 < local.len && local.at[i - 1] != '.';
        if (!dot && !ascii_is_alpha(c) && !ascii_is_digit(c) &&
            span_find(SPAN("!#$%&'*+-/=?^_`{|}~"), c) < 0)
            return false;
    }
    return local.len > 0;
}

static bool is_printable(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < 32 || text.at[i] > 126)
            return false;
    return true;
}

static int write_quoted(struct buffer *out, struct span local)
{
    int rc = buffer_append_byte(out, '"');
    for (size_t i = 0; rc == 0 && i < local.len; i++) {
        if (local.at[i] == '"' || local.at[i] == '\\')
            rc = buffer_append_byte(out, '\\');
        if (rc == 0)
            rc = buffer_append_byte(out, local.at[i]);
    }
    return rc < 0 ? rc : buffer_append_byte(out, '"');
}

int smtp_write_path(struct buffer *out, struct span path)
{
    ptrdiff_t at = span_find_last(path, '@');
    struct span local = at < 0 ? path : span_first(path, (size_t)at);
    if (!is_printable(path) || (path.len && local.len == 0))
        return ERR_SYNTAX;
    int rc = buffer_append_byte(out, '<');
    if (rc == 0 && path.len)
        rc = is_dot_string(local) ? buffer_append(out, local) : write_quoted(out, local);
    if (rc == 0)
        rc = buffer_append(out, span_from(path, local.len));
    return rc < 0 ? rc : buffer_append_byte(out, '>');
}

static int write_mail(const struct smtp_client *c, const struct smtp_outgoing *letter,
                      struct buffer *out)
{
    int rc = buffer_append_text(out, "MAIL FROM:");
    if (rc == 0)
        rc = smtp_write_path(out, letter->reverse_path);
    if (rc == 0 && c->size_max)
        rc = buffer_printf(out, " SIZE=%llu", (unsigned long long)letter->octets);
    if (rc == 0 && c->eight_bit && letter->eight_bit)
        rc = buffer_append_text(out, " BODY=8BITMIME");
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}

static int write_rcpt(struct span path, struct buffer *out)
{
    int rc = buffer_append_text(out, "RCPT TO:");
    if (rc == 0)
        rc = smtp_write_path(out, path);
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}

/* Takes the response to RCPT number i, or to MAIL for all when i is the count. */
static int client_co_take_verdict(struct smtp_client *c, const struct smtp_outgoing *letter,
                                  size_t i, struct smtp_response *verdicts, size_t *accepted)
{
    int rc = client_co_read(c);
    if (rc < 0 && rc != SMTP_REFUSED)
        return rc;
    if (i == letter->count) {
        for (size_t k = 0; rc == SMTP_REFUSED && k < letter->count; k++)
            verdicts[k] = c->response;
        return rc;
    }
    if (verdicts[i].code == 0 && rc == SMTP_REFUSED)
        verdicts[i] = c->response;
    *accepted += verdicts[i].code == 0;
    return 0;
}

/* All commands in one write, then all responses (RFC 2920). 0: DATA was answered with 354. */
static int client_co_pipelined(struct smtp_client *c, const struct smtp_outgoing *letter,
                               struct span commands, struct smtp_response *verdicts,
                               size_t *accepted)
{
    client_begin(c, "MAIL", 5 * MINUTE);
    int rc = stream_co_write(c->st, commands);
    int mail = rc < 0 ? rc : client_co_take_verdict(c, letter, letter->count, verdicts, accepted);
    if (mail < 0 && mail != SMTP_REFUSED)
        return mail;
    for (size_t i = 0; i < letter->count; i++) {
        client_begin(c, "RCPT", 5 * MINUTE);
        rc = client_co_take_verdict(c, letter, i, verdicts, accepted);
        if (rc < 0)
            return rc;
    }
    client_begin(c, "DATA", 2 * MINUTE);
    return client_co_read(c);
}

static int client_co_one_by_one(struct smtp_client *c, const struct smtp_outgoing *letter,
                                struct span commands, struct smtp_response *verdicts,
                                size_t *accepted)
{
    struct span line;
    for (size_t i = 0; span_cut(&commands, '\n', &line); i++) {
        bool mail = i == 0, data = i == letter->count + 1;
        if (data && *accepted == 0)
            return SMTP_REFUSED;
        client_begin(c, mail ? "MAIL" : data ? "DATA" : "RCPT", (data ? 2 : 5) * MINUTE);
        int rc = stream_co_write(c->st, span_make(line.at, line.len + 1)); /* with its LF */
        if (rc == 0 && data)
            return client_co_read(c);
        if (rc == 0)
            rc =
                client_co_take_verdict(c, letter, mail ? letter->count : i - 1, verdicts, accepted);
        if (rc < 0)
            return rc;
    }
    return SMTP_REFUSED;
}

/* --- the letter ------------------------------------------------------------------------------ */

static int client_co_body(struct smtp_client *c, const struct smtp_outgoing *letter)
{
    AUTO_BUFFER piece = BUFFER(PIECE_MAX), dotted = BUFFER(OUTPUT_MAX);
    struct dot_writer writer = DOT_WRITER;
    bool early = false;
    int rc;
    do {
        buffer_clear(&piece);
        buffer_clear(&dotted);
        rc = letter->co_read(letter->arg, &piece);
        if (rc == 0)
            rc = piece.len ? dot_write(&writer, buffer_span(&piece), &dotted)
                           : dot_finish(&writer, &dotted);
        client_begin(c, "body", piece.len ? 3 * MINUTE : 10 * MINUTE);
        early = stream_has_input(c->st); /* before the end of data: it cannot mean that all came */
        if (rc == 0)
            rc = stream_co_write(c->st, buffer_span(&dotted));
    } while (rc == 0 && piece.len);
    if (rc == 0)
        rc = client_co_read(c);
    return rc == 0 && early ? ERR_SYNTAX : rc;
}

/* The end of a transaction that decides about all who were not refused before. */
static void give_verdict(const struct smtp_client *c, const struct smtp_outgoing *letter,
                         struct smtp_response *verdicts)
{
    for (size_t i = 0; i < letter->count; i++)
        if (verdicts[i].code == 0)
            verdicts[i] = c->response;
}

/* Larger than the server takes: it need not be asked. */
static bool refuse_size(struct smtp_client *c, const struct smtp_outgoing *letter,
                        struct smtp_response *verdicts)
{
    struct span words;
    if (!c->size_max || letter->octets <= c->size_max)
        return false;
    c->response = (struct smtp_response){0};
    if (smtp_take_response_line(
            &c->response, SPAN("552 5.3.4 The letter is larger than the server takes"), &words) < 0)
        return false;
    give_verdict(c, letter, verdicts);
    return true;
}

int smtp_client_co_send(struct smtp_client *c, const struct smtp_outgoing *letter,
                        struct smtp_response *verdicts)
{
    AUTO_BUFFER commands = BUFFER(PIECE_MAX);
    size_t accepted = 0;
    memset(verdicts, 0, letter->count * sizeof *verdicts);
    if (refuse_size(c, letter, verdicts))
        return 0;
    int rc = write_mail(c, letter, &commands);
    for (size_t i = 0; rc == 0 && i < letter->count; i++)
        rc = write_rcpt(letter->forward_paths[i], &commands);
    if (rc == 0)
        rc = buffer_append_text(&commands, "DATA\r\n");
    if (rc < 0)
        return rc;
    rc = (c->pipelining ? client_co_pipelined : client_co_one_by_one)(
        c, letter, buffer_span(&commands), verdicts, &accepted);
    if (rc == 0 && accepted == 0) { /* 354 although nobody was accepted: an empty letter ends it */
        rc = client_co_command(c, "body", 10 * MINUTE, SPAN(".\r\n"));
        return rc == SMTP_REFUSED ? 0 : rc;
    }
    if (rc == 0)
        rc = client_co_body(c, letter);
    if (rc < 0 && rc != SMTP_REFUSED)
        return rc;
    give_verdict(c, letter, verdicts);
    if (rc == 0)
        return 0;
    /* a transaction may still be open on the other side */
    struct smtp_response kept = c->response;
    rc = client_co_command(c, "RSET", 2 * MINUTE, SPAN("RSET\r\n"));
    c->response = kept;
    return rc;
}

void smtp_client_co_quit(struct smtp_client *c)
{
    const char *step = c->step; /* why we leave is worth more than that we do */
    (void)!client_co_command(c, "QUIT", 2 * SECOND, SPAN("QUIT\r\n"));
    c->step = step;
}
