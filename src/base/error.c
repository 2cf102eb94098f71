/* Error codes in words; see error.h. */
#include "base/error.h"

#include <string.h>

const char *error_text(int code)
{
    switch (code) {
    case 0:
        return "no error";
    case ERR_CLOSED:
        return "connection closed by the other side";
    case ERR_SYNTAX:
        return "syntax error";
    case ERR_TLS:
        return "TLS failure";
    case ERR_FULL:
        return "no room now";
    case ERR_CORRUPT:
        return "stored data is damaged";
    case ERR_STORE:
        return "the store does not answer";
    case ERR_EXISTS:
        return "exists already";
    case ERR_ABSENT:
        return "not found";
    case ERR_DENIED:
        return "denied";
    case ERR_DNS:
        return "no answer from the DNS";
    case ERR_DEFLATE:
        return "broken compressed data";
    case ERR_LIMITED:
        return "too many tries, must wait";
    case ERR_QUOTA:
        return "over quota";
    default: {
        const char *text = strerrordesc_np(-code);
        return text ? text : "unknown error";
    }
    }
}
