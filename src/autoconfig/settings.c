/* The servers of an office, in the order programs should try them; see settings.h. */
#include "autoconfig/settings.h"

#define HTTPS 443

const struct settings_server settings_servers[SETTINGS_SERVERS] = {
    {SETTINGS_IMAP, false, 993}, {SETTINGS_IMAP, true, 143},  {SETTINGS_POP3, false, 995},
    {SETTINGS_POP3, true, 110},  {SETTINGS_SMTP, false, 465}, {SETTINGS_SMTP, true, 587},
};

int settings_print_origin(const struct settings *s, struct buffer *out)
{
    int rc = buffer_printf(out, "https://%.*s", SPAN_PRINT(s->hostname));
    return rc < 0 || s->port_offset == 0 ? rc : buffer_printf(out, ":%u", settings_port(s, HTTPS));
}
