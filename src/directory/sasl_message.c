/* Messages of SASL clients, taken apart (RFC 4616, 5802 7); see sasl.h. Pure. */
#include "directory/sasl.h"

int sasl_parse_plain(struct span message, struct span *ret_authzid, struct span *ret_authcid,
                     struct span *ret_password)
{
    ptrdiff_t first = span_find(message, '\0');
    if (first < 0)
        return ERR_SYNTAX;
    struct span rest = span_from(message, (size_t)first + 1);
    ptrdiff_t second = span_find(rest, '\0');
    if (second <= 0)
        return ERR_SYNTAX;
    struct span password = span_from(rest, (size_t)second + 1);
    if (password.len == 0 || span_find(password, '\0') >= 0)
        return ERR_SYNTAX;
    *ret_authzid = span_first(message, (size_t)first);
    *ret_authcid = span_first(rest, (size_t)second);
    *ret_password = password;
    return 0;
}

/* Cuts what stands before the next comma off rest; there must be one. */
static bool cut_field(struct span *rest, struct span *ret_field)
{
    ptrdiff_t comma = span_find(*rest, ',');
    if (comma < 0)
        return false;
    *ret_field = span_first(*rest, (size_t)comma);
    *rest = span_from(*rest, (size_t)comma + 1);
    return true;
}

static bool cut_prefix(struct span *field, struct span prefix)
{
    if (!span_starts(*field, prefix))
        return false;
    *field = span_from(*field, prefix.len);
    return true;
}

/* gs2-cbind-flag: "n", "y", or "p=" cb-name */
static bool parse_gs2_cbind_flag(struct span field, struct sasl_scram_first *first)
{
    if (span_equal(field, SPAN("n")) || span_equal(field, SPAN("y"))) {
        first->flag = field.at[0];
        return true;
    }
    first->flag = 'p';
    first->binding = field;
    return cut_prefix(&first->binding, SPAN("p=")) && first->binding.len > 0;
}

int sasl_parse_scram_first(struct span message, struct sasl_scram_first *ret_first)
{
    struct sasl_scram_first first = {0};
    struct span rest = message, flag;
    if (span_find(message, '\0') >= 0)
        return ERR_SYNTAX;
    if (!cut_field(&rest, &flag) || !parse_gs2_cbind_flag(flag, &first))
        return ERR_SYNTAX;
    if (!cut_field(&rest, &first.authzid) ||
        (first.authzid.len && (!cut_prefix(&first.authzid, SPAN("a=")) || first.authzid.len == 0)))
        return ERR_SYNTAX;
    if (!cut_field(&rest, &first.name) || !cut_prefix(&first.name, SPAN("n=")) ||
        first.name.len == 0)
        return ERR_SYNTAX;
    if (!cut_prefix(&rest, SPAN("r=")) || rest.len == 0)
        return ERR_SYNTAX;
    *ret_first = first;
    return 0;
}

int sasl_scram_name(struct span saslname, struct buffer *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < saslname.len; i++) {
        struct span rest = span_from(saslname, i);
        char byte = rest.at[0];
        if (byte == '=') {
            if (!span_starts(rest, SPAN("=2C")) && !span_starts(rest, SPAN("=3D")))
                return ERR_SYNTAX;
            byte = rest.at[2] == 'C' ? ',' : '=';
            i += 2;
        }
        rc = buffer_append_byte(out, byte);
    }
    return rc;
}
