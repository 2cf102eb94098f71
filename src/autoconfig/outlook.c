/* What Outlook is told, as XML: MS-OXDSCLI's Autodiscover responses; see settings.h. */
#include "autoconfig/settings.h"
#include "autoconfig/xml.h"

#include <stdio.h>

#define START                                                                                      \
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover "                                   \
    "xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n"
#define SCHEMA "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

static void write_server(struct xml *x, const struct settings *s,
                         const struct settings_server *server)
{
    static const char *const types[] = {
        [SETTINGS_IMAP] = "IMAP", [SETTINGS_POP3] = "POP3", [SETTINGS_SMTP] = "SMTP"};
    xml_markup(x, "<Protocol>\n");
    xml_element(x, "Type", span_of(types[server->protocol]));
    xml_element(x, "Server", s->hostname);
    xml_element_uint(x, "Port", settings_port(s, server->port));
    if (s->address.len)
        xml_element(x, "LoginName", s->address);
    xml_markup(x, "<DomainRequired>off</DomainRequired>\n<SPA>off</SPA>\n<SSL>on</SSL>\n"
                  "<Encryption>SSL</Encryption>\n<AuthRequired>on</AuthRequired>\n");
    if (server->protocol == SETTINGS_SMTP)
        xml_markup(x, "<UsePOPAuth>on</UsePOPAuth>\n<SMTPLast>off</SMTPLast>\n");
    xml_markup(x, "</Protocol>\n");
}

/* One server a protocol: with TLS from the start. */
int outlook_write(const struct settings *s, struct buffer *out)
{
    struct xml x = xml_start(out);
    xml_markup(&x, START "<Response xmlns=\"" SCHEMA "\">\n");
    if (s->address.len) {
        xml_markup(&x, "<User>\n");
        xml_element(&x, "DisplayName", s->address);
        xml_element(&x, "AutoDiscoverSMTPAddress", s->address);
        xml_markup(&x, "</User>\n");
    }
    xml_markup(&x, "<Account>\n<AccountType>email</AccountType>\n<Action>settings</Action>\n");
    for (unsigned i = 0; i < SETTINGS_SERVERS; i++)
        if (!settings_servers[i].starttls)
            write_server(&x, s, &settings_servers[i]);
    xml_markup(&x, "</Account>\n</Response>\n</Autodiscover>\n");
    return xml_end(&x);
}

int outlook_write_error(unsigned code, struct span words, int64_t wall_ms, struct buffer *out)
{
    struct xml x = xml_start(out);
    char time[40];
    int64_t ms = wall_ms % (24 * 3600 * 1000);
    snprintf(time, sizeof time, "%02d:%02d:%02d.%03d", (int)(ms / 3600000), (int)(ms / 60000 % 60),
             (int)(ms / 1000 % 60), (int)(ms % 1000));
    xml_markup(&x, START "<Response>\n<Error Time=\"");
    xml_markup(&x, time);
    xml_markup(&x, "\" Id=\"0\">\n");
    xml_element_uint(&x, "ErrorCode", code);
    xml_element(&x, "Message", words);
    xml_markup(&x, "<DebugData />\n</Error>\n</Response>\n</Autodiscover>\n");
    return xml_end(&x);
}
