/* The page for people: HTML without scripts, with a QR code; see settings.h. */
#include "autoconfig/qr.h"
#include "autoconfig/settings.h"
#include "autoconfig/xml.h"

#define URL_MAX ((size_t)4096)

static void put_start(struct xml *x)
{
    xml_markup(x, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<title>Set up your mail</title>\n<style>\n"
                  "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;"
                  "padding:0 1rem;color:#222;background:#fff}\n"
                  "svg{display:block;width:16rem;max-width:100%;margin:1rem 0}\n"
                  "table{border-collapse:collapse}\n"
                  "th,td{text-align:left;padding:.25rem 1rem .25rem 0;vertical-align:top}\n"
                  "input,button{font:inherit;padding:.4rem}\n"
                  "</style>\n</head>\n<body>\n<main>\n<h1>Set up your mail</h1>\n");
}

static int end(struct xml *x)
{
    xml_markup(x, "</main>\n</body>\n</html>\n");
    return xml_end(x);
}

static void put_form(struct xml *x)
{
    xml_markup(x, "<form method=\"get\" action=\"/mail/setup\">\n"
                  "<p><label for=\"emailaddress\">Your address</label><br>\n"
                  "<input id=\"emailaddress\" name=\"emailaddress\" type=\"email\" required "
                  "autocomplete=\"email\"> <button>Show settings</button></p>\n</form>\n");
}

int page_write_form(struct buffer *out)
{
    struct xml x = xml_start(out);
    put_start(&x);
    put_form(&x);
    return end(&x);
}

int page_write_error(int status, struct span words, struct buffer *out)
{
    struct xml x = xml_start(out);
    put_start(&x);
    xml_element(&x, "p", words);
    if (status == 400 || status == 404)
        put_form(&x);
    return end(&x);
}

static void put_profile(struct xml *x, struct span url)
{
    xml_markup(x, "<h2>iPhone, iPad, Mac</h2>\n<p>Point the camera at this code, or <a href=\"");
    xml_text(x, url);
    xml_markup(x, "\">download the profile</a> on the device itself; then install it in Settings. "
                  "It is not signed, and the device will say so. Your password is not in it: you "
                  "will be asked.</p>\n");
    if (x->error == 0)
        x->error = qr_write_svg(url, x->out);
}

static void put_servers(struct xml *x, const struct settings *s)
{
    static const char *const names[] = {[SETTINGS_IMAP] = "Read (IMAP)",
                                        [SETTINGS_POP3] = "Read (POP3)",
                                        [SETTINGS_SMTP] = "Send (SMTP)"};
    xml_markup(x, "<h2>Other programs</h2>\n<p>Most find the settings by themselves when you give "
                  "your address and password. By hand:</p>\n<table>\n<tr><th>For</th><th>Server"
                  "</th><th>Port</th><th>Security</th></tr>\n");
    for (unsigned i = 0; i < SETTINGS_SERVERS; i++) {
        const struct settings_server *server = &settings_servers[i];
        xml_markup(x, "<tr>");
        xml_element(x, "td", span_of(names[server->protocol]));
        xml_element(x, "td", s->hostname);
        xml_element_uint(x, "td", settings_port(s, server->port));
        xml_element(x, "td", server->starttls ? SPAN("STARTTLS") : SPAN("TLS"));
        xml_markup(x, "</tr>\n");
    }
    xml_markup(x, "</table>\n<p>User name: your whole address.</p>\n");
}

int page_write(const struct settings *s, struct buffer *out)
{
    AUTO_BUFFER url = BUFFER(URL_MAX);
    struct xml x = xml_start(out);
    int rc = apple_print_url(s, &url);
    if (rc < 0)
        return rc;
    put_start(&x);
    xml_markup(&x, "<p>For <strong>");
    xml_text(&x, s->address);
    xml_markup(&x, "</strong></p>\n");
    put_profile(&x, buffer_span(&url));
    put_servers(&x, s);
    return end(&x);
}
