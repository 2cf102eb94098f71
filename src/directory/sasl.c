/* SASL messages; see sasl.h. */
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
