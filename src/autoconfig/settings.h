/*
 * What a mail program has to know: whose mail, on which servers. The writers of all formats take
 * it; find.c fills it from a request.
 *
 * Writers are pure and write one document; what they return is the buffer's error, or 0.
 */
#ifndef AUTOCONFIG_SETTINGS_H
#define AUTOCONFIG_SETTINGS_H

#include "base/buffer.h"

struct settings {
    struct span hostname; /* of all servers: the office's own */
    unsigned port_offset;
    struct span domain;  /* folded */
    struct span address; /* folded, which is the user name too; empty: the client fills it in */
};

enum settings_protocol { SETTINGS_IMAP, SETTINGS_POP3, SETTINGS_SMTP };

struct settings_server {
    enum settings_protocol protocol;
    bool starttls; /* else TLS from the start (RFC 8314), which stands first */
    unsigned port; /* without the offset */
};
#define SETTINGS_SERVERS 6
extern const struct settings_server settings_servers[SETTINGS_SERVERS];

static inline unsigned settings_port(const struct settings *s, unsigned port)
{
    return port + s->port_offset;
}
/* "https://mail.example.net:10443"; without the port where it is 443. */
must_check int settings_print_origin(const struct settings *s, struct buffer *out);

/* Thunderbird's config-v1.1.xml. Without an address the user name is %EMAILADDRESS%. */
must_check int thunderbird_write(const struct settings *s, struct buffer *out);
/* Outlook's answer to Autodiscover, "POX" (MS-OXDSCLI 2.2.4). Without an address no LoginName. */
must_check int outlook_write(const struct settings *s, struct buffer *out);
/* Its error: 600 an invalid request, 601 a schema that is not served, 500 a domain not ours. */
must_check int outlook_write_error(unsigned code, struct span words, int64_t wall_ms,
                                   struct buffer *out);
/* Apple's profile, unsigned: IMAP and submission with TLS from the start. The same address on the
 * same host has the same UUIDs, so that a second one replaces the first. Needs an address.
 * -ENOMEM: no digest. */
must_check int apple_write(const struct settings *s, struct buffer *out);
/* Where the profile is. */
must_check int apple_print_url(const struct settings *s, struct buffer *out);
/* The page for people: a form that asks for the address; with one, the QR code that leads to the
 * profile, and the settings to type. HTML without scripts. */
must_check int page_write_form(struct buffer *out);
must_check int page_write(const struct settings *s, struct buffer *out);
must_check int page_write_error(int status, struct span words, struct buffer *out);

#endif
