/*
 * Thunderbird's config-v1.1.xml, which K-9, Geary, Evolution, KMail, FairEmail and others read too;
 * see settings.h.
 */
#include "autoconfig/settings.h"
#include "autoconfig/xml.h"

static void write_server(struct xml *x, const struct settings *s,
                         const struct settings_server *server)
{
    static const char *const types[] = {
        [SETTINGS_IMAP] = "imap", [SETTINGS_POP3] = "pop3", [SETTINGS_SMTP] = "smtp"};
    bool outgoing = server->protocol == SETTINGS_SMTP;
    xml_markup(x, outgoing ? "<outgoingServer type=\"" : "<incomingServer type=\"");
    xml_markup(x, types[server->protocol]);
    xml_markup(x, "\">\n");
    xml_element(x, "hostname", s->hostname);
    xml_element_uint(x, "port", settings_port(s, server->port));
    xml_element(x, "socketType", server->starttls ? SPAN("STARTTLS") : SPAN("SSL"));
    xml_element(x, "authentication", SPAN("password-cleartext")); /* inside TLS */
    xml_element(x, "username", s->address.len ? s->address : SPAN("%EMAILADDRESS%"));
    xml_markup(x, outgoing ? "</outgoingServer>\n" : "</incomingServer>\n");
}

int thunderbird_write(const struct settings *s, struct buffer *out)
{
    struct xml x = xml_start(out);
    xml_markup(&x, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<clientConfig version=\"1.1\">\n<emailProvider id=\"");
    xml_text(&x, s->domain);
    xml_markup(&x, "\">\n");
    xml_element(&x, "domain", s->domain);
    xml_element(&x, "displayName", s->domain);
    xml_element(&x, "displayShortName", s->domain);
    for (unsigned i = 0; i < SETTINGS_SERVERS; i++)
        write_server(&x, s, &settings_servers[i]);
    xml_markup(&x, "</emailProvider>\n</clientConfig>\n");
    return xml_end(&x);
}
