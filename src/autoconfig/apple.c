/*
 * Apple's configuration profile (.mobileconfig) for Mail on iPhones, iPads and Macs, which look at
 * no other way of finding settings; see settings.h.
 */
#include "autoconfig/settings.h"
#include "autoconfig/xml.h"
#include "http/uri.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

#define UUID_TEXT 37
#define HASH_SIZE 32

/* Version 8 (RFC 9562 5.8): a hash of whose it is. */
static int make_uuid(const struct settings *s, const char *part, char ret_uuid[UUID_TEXT])
{
    AUTO_BUFFER text = BUFFER(4096);
    unsigned char h[HASH_SIZE];
    int rc = buffer_printf(&text, "postamt profile\n%s\n%.*s\n%.*s\n", part,
                           SPAN_PRINT(s->hostname), SPAN_PRINT(s->address));
    if (rc < 0)
        return rc;
    if (EVP_Digest(text.at, text.len, h, NULL, EVP_sha256(), NULL) != 1)
        return -ENOMEM;
    h[6] = (unsigned char)(0x80 | (h[6] & 0x0f));
    h[8] = (unsigned char)(0x80 | (h[8] & 0x3f));
    snprintf(ret_uuid, UUID_TEXT,
             "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", h[0], h[1],
             h[2], h[3], h[4], h[5], h[6], h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14],
             h[15]);
    return 0;
}

static void put_text(struct xml *x, const char *key, struct span text)
{
    xml_element(x, "key", span_of(key));
    xml_element(x, "string", text);
}

static void put_uint(struct xml *x, const char *key, unsigned value)
{
    xml_element(x, "key", span_of(key));
    xml_element_uint(x, "integer", value);
}

static void put_true(struct xml *x, const char *key)
{
    xml_element(x, "key", span_of(key));
    xml_markup(x, "<true/>\n");
}

static void put_identity(struct xml *x, const char *type, const char *identifier, const char *uuid)
{
    put_text(x, "PayloadType", span_of(type));
    xml_markup(x, "<key>PayloadIdentifier</key>\n<string>");
    xml_markup(x, identifier);
    xml_markup(x, uuid);
    xml_markup(x, "</string>\n");
    put_text(x, "PayloadUUID", span_of(uuid));
    put_uint(x, "PayloadVersion", 1);
}

static void put_mailbox(struct xml *x, const struct settings *s, const char *uuid)
{
    xml_markup(x, "<dict>\n");
    put_text(x, "EmailAccountDescription", s->address);
    put_text(x, "EmailAccountType", SPAN("EmailTypeIMAP"));
    put_text(x, "EmailAddress", s->address);
    put_text(x, "IncomingMailServerAuthentication", SPAN("EmailAuthPassword"));
    put_text(x, "IncomingMailServerHostName", s->hostname);
    put_uint(x, "IncomingMailServerPortNumber", settings_port(s, 993));
    put_true(x, "IncomingMailServerUseSSL");
    put_text(x, "IncomingMailServerUsername", s->address);
    put_text(x, "OutgoingMailServerAuthentication", SPAN("EmailAuthPassword"));
    put_text(x, "OutgoingMailServerHostName", s->hostname);
    put_uint(x, "OutgoingMailServerPortNumber", settings_port(s, 465));
    put_true(x, "OutgoingMailServerUseSSL");
    put_text(x, "OutgoingMailServerUsername", s->address);
    put_true(x, "OutgoingPasswordSameAsIncomingPassword");
    put_text(x, "PayloadDescription", SPAN("Reads and sends the mail of one address."));
    put_text(x, "PayloadDisplayName", s->address);
    put_identity(x, "com.apple.mail.managed", "org.postamt.mail.", uuid);
    xml_markup(x, "</dict>\n");
}

int apple_write(const struct settings *s, struct buffer *out)
{
    char profile[UUID_TEXT], mailbox[UUID_TEXT];
    struct xml x = xml_start(out);
    int rc = make_uuid(s, "profile", profile);
    if (rc == 0)
        rc = make_uuid(s, "mailbox", mailbox);
    if (rc < 0)
        return rc;
    xml_markup(&x, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
                   "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                   "<plist version=\"1.0\">\n<dict>\n<key>PayloadContent</key>\n<array>\n");
    put_mailbox(&x, s, mailbox);
    xml_markup(&x, "</array>\n");
    put_text(&x, "PayloadDescription",
             SPAN("Sets up Mail for one address. This profile is not signed: install it only if "
                  "you have just asked your mail server for it."));
    xml_markup(&x, "<key>PayloadDisplayName</key>\n<string>Mail of ");
    xml_text(&x, s->address);
    xml_markup(&x, "</string>\n");
    put_text(&x, "PayloadOrganization", s->domain);
    put_identity(&x, "Configuration", "org.postamt.profile.", profile);
    xml_markup(&x, "</dict>\n</plist>\n");
    return xml_end(&x);
}

int apple_print_url(const struct settings *s, struct buffer *out)
{
    int rc = settings_print_origin(s, out);
    if (rc == 0)
        rc = buffer_append_text(out, "/mail/apple.mobileconfig?emailaddress=");
    return rc < 0 ? rc : http_percent_encode(s->address, out);
}
