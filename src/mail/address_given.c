/* Addresses as programs give and take them; see address.h. */
#include "base/utf8.h"
#include "mail/address.h"
#include "mail/encode_word.h"

#include <errno.h>
#include <string.h>

/* --- one mailbox ----------------------------------------------------------------------------- */

static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 32 || text.at[i] == 127)
            return true;
    return false;
}

const char *address_check(const struct mailbox *box)
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    if (!encode_word_is_text(box->name))
        return "the name has a line break, a NUL or bytes that are not UTF-8";
    if (box->name.len > ADDRESS_NAME_MAX)
        return "the name is too long";
    if (box->local.len == 0)
        return "there is nothing before the @";
    if (box->local.len > ADDRESS_LOCAL_MAX)
        return "there are more than 64 bytes before the @";
    if (!utf8_is_text(box->local) || has_control(box->local))
        return "there are bytes before the @ that no address has";
    if (has_control(box->domain) || address_fold_domain(box->domain, folded) < 0)
        return "what stands behind the @ is no domain";
    return NULL;
}

bool address_needs_utf8(const struct mailbox *box)
{
    return !utf8_is_ascii(box->local);
}

/* dot-atom (RFC 5322 3.2.3, RFC 6532 3.2) */
static bool is_dot_atom(struct span local)
{
    for (size_t i = 0; i < local.len; i++) {
        char c = local.at[i];
        bool dot = c == '.' && i > 0 && i + 1 < local.len && local.at[i - 1] != '.';
        if (!dot && !ascii_is_alpha(c) && !ascii_is_digit(c) && !(c & 0x80) &&
            !strchr("!#$%&'*+-/=?^_`{|}~", c))
            return false;
    }
    return true;
}

static int write_local(struct span local, struct buffer *out)
{
    if (is_dot_atom(local))
        return buffer_append(out, local);
    int rc = buffer_append_byte(out, '"');
    for (size_t i = 0; rc == 0 && i < local.len; i++) {
        if (local.at[i] == '"' || local.at[i] == '\\')
            rc = buffer_append_byte(out, '\\');
        if (rc == 0)
            rc = buffer_append_byte(out, local.at[i]);
    }
    return rc < 0 ? rc : buffer_append_byte(out, '"');
}

int address_write(const struct mailbox *box, struct buffer *out)
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    struct span domain = box->domain;
    int rc = 0;
    if (!address_needs_utf8(box) && !utf8_is_ascii(domain)) {
        rc = address_fold_domain(domain, folded);
        domain = span_of(folded);
    }
    if (rc == 0)
        rc = write_local(box->local, out);
    if (rc == 0)
        rc = buffer_append_byte(out, '@');
    return rc < 0 ? rc : buffer_append(out, domain);
}

/* --- lists ----------------------------------------------------------------------------------- */

/* Length of the item at the front: up to a comma outside of quotes, comments and angle brackets. */
static size_t item_length(struct span text)
{
    bool quoted = false, angle = false;
    size_t depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '\\' && (quoted || depth))
            i++;
        else if (c == '"' && !depth)
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (c == '(' || (c == ')' && depth))
            depth = c == '(' ? depth + 1 : depth - 1;
        else if (c == '<' || c == '>')
            angle = c == '<';
        else if (c == ',' && !angle && !depth)
            return i;
    }
    return text.len;
}

/* A name without the quotes it should have, and "<local@domain>" at the end. */
static int parse_loosely(struct span item, struct arena *arena, struct mailbox *ret_box)
{
    ptrdiff_t open = span_find_last(item, '<');
    if (open < 0 || item.at[item.len - 1] != '>')
        return ERR_SYNTAX;
    struct span name = span_trim(span_first(item, (size_t)open));
    struct mailbox box[2];
    if (span_find(name, '<') >= 0 || span_find(name, '>') >= 0 || span_find(name, '"') >= 0)
        return ERR_SYNTAX;
    int rc = address_parse_list(span_from(item, (size_t)open), arena, box, 2);
    if (rc != 1)
        return rc < 0 ? rc : ERR_SYNTAX;
    box->name = arena_copy(arena, name);
    if (!box->name.at)
        return -ENOMEM;
    *ret_box = *box;
    return 0;
}

/* NULL, or what is wrong; *ret_error then is the code. */
static const char *parse_item(struct span item, struct arena *arena, struct mailbox *ret_box,
                              int *ret_error)
{
    struct mailbox boxes[2];
    int rc = address_parse_list(item, arena, boxes, 2);
    if (rc == ERR_SYNTAX) {
        rc = parse_loosely(item, arena, boxes);
        rc = rc == 0 ? 1 : rc;
    }
    *ret_error = rc < 0 && rc != -E2BIG ? rc : ERR_SYNTAX;
    if (rc != 1)
        return rc == 0 ? "there is no address" : "this is no address";
    const char *why = address_check(boxes);
    if (!why)
        *ret_box = *boxes;
    return why;
}

static int refuse(struct address_fault *fault, size_t item, size_t offset, const char *why,
                  int error)
{
    *fault = (struct address_fault){item, offset, why};
    return error;
}

static int check_bytes(struct span text, struct address_fault *fault)
{
    for (size_t i = 0; i < text.len;) {
        size_t len = utf8_character(span_from(text, i));
        if (len == 0)
            return refuse(fault, 0, i, "this is not UTF-8", ERR_SYNTAX);
        if (has_control(span_first(span_from(text, i), 1)) && text.at[i] != '\t')
            return refuse(fault, 0, i, "control characters are not allowed", ERR_SYNTAX);
        i += len;
    }
    return 0;
}

int address_parse_given(struct span text, struct arena *arena, struct mailbox *ret_list, size_t max,
                        struct address_fault *ret_fault)
{
    size_t count = 0;
    int rc = check_bytes(text, ret_fault);
    for (size_t at = 0; rc == 0 && at < text.len;) {
        size_t len = item_length(span_from(text, at));
        struct span item = span_trim(span_first(span_from(text, at), len));
        size_t offset = (size_t)(item.at - text.at);
        at += len + 1;
        if (item.len == 0)
            continue;
        if (count == max)
            return refuse(ret_fault, count, offset, "there are too many addresses", -E2BIG);
        const char *why = parse_item(item, arena, &ret_list[count], &rc);
        if (why)
            return refuse(ret_fault, count, offset, why, rc);
        rc = 0;
        count++;
    }
    return rc < 0 ? rc : (int)count;
}
