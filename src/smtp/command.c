/* SMTP command lines; see command.h. Functions bear the names of RFC 5321's ABNF rules. */
#include "smtp/command.h"

#include "base/utf8.h"

#include <arpa/inet.h>
#include <string.h>

/* --- bytes ----------------------------------------------------------------------------------- */

static bool is_let_dig(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c);
}

/* UTF8-non-ascii (RFC 6531 3.3); the line was looked at as a whole. */
static bool is_beyond_ascii(char c)
{
    return (unsigned char)c > 127;
}

static bool is_atext(char c)
{
    return is_let_dig(c) || is_beyond_ascii(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* --- paths ----------------------------------------------------------------------------------- */

/* Each parser takes its rule from the front of *rest, or returns false. */
static bool smtp_parse_dot_string(struct span *rest, struct span *ret_local)
{
    size_t len = 0;
    bool need_atom = true;
    while (len < rest->len && (is_atext(rest->at[len]) || (rest->at[len] == '.' && !need_atom)))
        need_atom = rest->at[len++] == '.';
    if (need_atom)
        return false;
    *ret_local = span_first(*rest, len);
    *rest = span_from(*rest, len);
    return true;
}

static bool smtp_parse_quoted_string(struct span *rest, struct smtp_path *path)
{
    size_t len = 0, at = 1;
    for (; at < rest->len && rest->at[at] != '"'; at++) {
        if (rest->at[at] == '\\')
            at++;
        if (at >= rest->len || (unsigned char)rest->at[at] < 32 || rest->at[at] == 127 ||
            len == sizeof path->unquoted)
            return false;
        path->unquoted[len++] = rest->at[at];
    }
    if (at >= rest->len || len == 0)
        return false;
    path->local = span_make(path->unquoted, len);
    *rest = span_from(*rest, at + 1);
    return true;
}

static bool smtp_parse_local_part(struct span *rest, struct smtp_path *path)
{
    bool ok = rest->len && rest->at[0] == '"' ? smtp_parse_quoted_string(rest, path)
                                              : smtp_parse_dot_string(rest, &path->local);
    return ok && path->local.len <= SMTP_LOCAL_MAX;
}

/* Underscores stand in real host names; a label neither starts nor ends with a hyphen. */
static bool smtp_parse_domain_name(struct span *rest, struct span *ret_domain)
{
    size_t len = 0, label = 0;
    for (; len < rest->len; len++) {
        char c = rest->at[len];
        if (c == '.') {
            if (label == 0 || rest->at[len - 1] == '-')
                return false;
            label = 0;
        } else if (is_let_dig(c) || is_beyond_ascii(c) || c == '_' || (c == '-' && label)) {
            if (++label > 63)
                return false;
        } else {
            break;
        }
    }
    if (label == 0 || rest->at[len - 1] == '-' || len > SMTP_DOMAIN_MAX)
        return false;
    *ret_domain = span_first(*rest, len);
    *rest = span_from(*rest, len);
    return true;
}

static bool smtp_parse_address_literal(struct span *rest, struct span *ret_domain)
{
    ptrdiff_t end = span_find(*rest, ']');
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char address[16];
    if (end < 0)
        return false;
    struct span inside = span_first(span_from(*rest, 1), (size_t)end - 1);
    bool v6 = span_starts_nocase(inside, SPAN("IPv6:"));
    if (!span_to_text(v6 ? span_from(inside, 5) : inside, text, sizeof text) ||
        inet_pton(v6 ? AF_INET6 : AF_INET, text, address) != 1)
        return false;
    *ret_domain = span_first(*rest, (size_t)end + 1);
    *rest = span_from(*rest, (size_t)end + 1);
    return true;
}

static bool smtp_parse_domain(struct span *rest, struct span *ret_domain)
{
    return rest->len && rest->at[0] == '[' ? smtp_parse_address_literal(rest, ret_domain)
                                           : smtp_parse_domain_name(rest, ret_domain);
}

/* "@one,@two:" before the mailbox: taken and ignored (appendix C). */
static bool smtp_skip_source_route(struct span *rest)
{
    struct span ignored;
    while (rest->len && rest->at[0] == '@') {
        *rest = span_from(*rest, 1);
        if (!smtp_parse_domain(rest, &ignored) || rest->len == 0)
            return false;
        char separator = rest->at[0];
        *rest = span_from(*rest, 1);
        if (separator == ':')
            return true;
        if (separator != ',')
            return false;
    }
    return false;
}

/* From "<" to ">"; takes them off *rest. */
static bool smtp_take_path(struct span *rest, struct smtp_path *path)
{
    struct span start = *rest;
    path->null = false;
    path->local = path->domain = SPAN("");
    if (rest->len < 2 || rest->at[0] != '<')
        return false;
    *rest = span_from(*rest, 1);
    if (rest->at[0] == '>') {
        path->null = true;
        *rest = span_from(*rest, 1);
        return true;
    }
    if (rest->at[0] == '@' && !smtp_skip_source_route(rest))
        return false;
    if (!smtp_parse_local_part(rest, path) || rest->len == 0)
        return false;
    if (rest->at[0] == '@') {
        *rest = span_from(*rest, 1);
        if (!smtp_parse_domain(rest, &path->domain) || rest->len == 0)
            return false;
    } else if (!span_equal_nocase(path->local, SPAN("postmaster"))) {
        return false;
    }
    if (rest->at[0] != '>')
        return false;
    *rest = span_from(*rest, 1);
    return start.len - rest->len <= 2 * SMTP_PATH_MAX &&
           path->local.len + path->domain.len + 3 <= SMTP_PATH_MAX + SMTP_LOCAL_MAX;
}

int smtp_parse_path(struct span text, struct smtp_path *ret_path)
{
    if (!utf8_is_ascii(text))
        return ERR_SYNTAX;
    return smtp_take_path(&text, ret_path) && text.len == 0 ? 0 : ERR_SYNTAX;
}

/* --- parameters ------------------------------------------------------------------------------ */

static bool is_esmtp_value(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] < 33 || value.at[i] > 126 || value.at[i] == '=')
            return false;
    return value.len > 0;
}

static int smtp_take_mail_parameter(struct span name, struct span value, struct smtp_command *c)
{
    if (span_equal_nocase(name, SPAN("SIZE")))
        return span_to_uint(value, UINT64_MAX, &c->size) ? 0 : SMTP_BAD_ARGUMENT;
    if (span_equal_nocase(name, SPAN("BODY"))) {
        bool seven = span_equal_nocase(value, SPAN("7BIT"));
        c->body = seven ? SMTP_BODY_7BIT : SMTP_BODY_8BITMIME;
        return seven || span_equal_nocase(value, SPAN("8BITMIME")) ? 0 : SMTP_BAD_ARGUMENT;
    }
    if (span_equal_nocase(name, SPAN("SMTPUTF8"))) {
        c->smtputf8 = true;
        return value.len ? SMTP_BAD_ARGUMENT : 0;
    }
    if (span_equal_nocase(name, SPAN("AUTH"))) /* RFC 4954 5: taken, and not trusted */
        return is_esmtp_value(value) ? 0 : SMTP_BAD_ARGUMENT;
    return SMTP_BAD_PARAMETER;
}

/* " NAME=value NAME=value" */
static int smtp_parse_parameters(struct span rest, struct smtp_command *c)
{
    struct span word, name;
    if (rest.len && rest.at[0] != ' ')
        return SMTP_BAD_ARGUMENT;
    while (span_cut(&rest, ' ', &word)) {
        if (word.len == 0)
            continue;
        struct span value = word;
        span_cut(&value, '=', &name);
        int rc =
            c->verb == SMTP_MAIL ? smtp_take_mail_parameter(name, value, c) : SMTP_BAD_PARAMETER;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int smtp_parse_transaction(struct smtp_command *c, struct span keyword)
{
    struct span rest = c->argument;
    if (!span_starts_nocase(rest, keyword))
        return SMTP_BAD_ARGUMENT;
    rest = span_from(rest, keyword.len);
    if (rest.len && rest.at[0] == ' ')
        rest = span_from(rest, 1);
    struct span path = rest;
    if (!smtp_take_path(&rest, &c->path) || !utf8_is_ascii(rest))
        return SMTP_BAD_ARGUMENT;
    c->beyond_ascii = !utf8_is_ascii(span_first(path, path.len - rest.len));
    if (c->verb == SMTP_MAIL ? !c->path.null && c->path.domain.len == 0 : c->path.null)
        return SMTP_BAD_ARGUMENT;
    return smtp_parse_parameters(rest, c);
}

/* --- verbs ----------------------------------------------------------------------------------- */

static int smtp_parse_hello(struct smtp_command *c)
{
    struct span rest = c->argument, name;
    return smtp_parse_domain(&rest, &name) && rest.len == 0 ? 0 : SMTP_BAD_ARGUMENT;
}

static int smtp_parse_argument(struct smtp_command *c)
{
    switch (c->verb) {
    case SMTP_HELO:
    case SMTP_EHLO:
    case SMTP_LHLO:
        return smtp_parse_hello(c);
    case SMTP_MAIL:
        return smtp_parse_transaction(c, SPAN("FROM:"));
    case SMTP_RCPT:
        return smtp_parse_transaction(c, SPAN("TO:"));
    case SMTP_DATA:
    case SMTP_RSET:
    case SMTP_QUIT:
    case SMTP_STARTTLS:
        return c->argument.len == 0 ? 0 : SMTP_BAD_ARGUMENT;
    case SMTP_AUTH:
    case SMTP_BDAT:
        return c->argument.len ? 0 : SMTP_BAD_ARGUMENT;
    default:
        return 0;
    }
}

static int smtp_find_verb(struct span word, enum smtp_verb *ret_verb)
{
    static const struct {
        const char *word;
        enum smtp_verb verb;
    } verbs[] = {
        {"MAIL", SMTP_MAIL}, {"RCPT", SMTP_RCPT}, {"DATA", SMTP_DATA},         {"RSET", SMTP_RSET},
        {"QUIT", SMTP_QUIT}, {"EHLO", SMTP_EHLO}, {"HELO", SMTP_HELO},         {"NOOP", SMTP_NOOP},
        {"AUTH", SMTP_AUTH}, {"VRFY", SMTP_VRFY}, {"EXPN", SMTP_EXPN},         {"HELP", SMTP_HELP},
        {"BDAT", SMTP_BDAT}, {"LHLO", SMTP_LHLO}, {"STARTTLS", SMTP_STARTTLS},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (span_equal_nocase(word, span_of(verbs[i].word))) {
            *ret_verb = verbs[i].verb;
            return 0;
        }
    }
    return SMTP_BAD_COMMAND;
}

/* Without control characters; beyond ASCII only where a path may be (RFC 6531). */
static bool is_printable(struct span text, bool beyond_ascii)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if ((c < 32 && c != '\t') || c == 127 || (c > 127 && !beyond_ascii))
            return false;
    }
    return !beyond_ascii || utf8_is_text(text);
}

int smtp_parse_command(struct span line, struct smtp_command *ret_command)
{
    struct span rest = line, word = SPAN("");
    struct smtp_command *c = ret_command;
    span_cut(&rest, ' ', &word);
    int rc = smtp_find_verb(word, &c->verb);
    if (rc < 0)
        return rc;
    c->argument = span_trim(rest);
    c->size = 0;
    c->body = SMTP_BODY_UNSAID;
    c->smtputf8 = c->beyond_ascii = false;
    if (!is_printable(c->argument, c->verb == SMTP_MAIL || c->verb == SMTP_RCPT))
        return SMTP_BAD_ARGUMENT;
    return smtp_parse_argument(c);
}
