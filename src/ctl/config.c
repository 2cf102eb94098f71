/* postamt.conf; see config.h. */
#include "ctl/config_internal.h"

#include "ctl/files.h"
#include "mail/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_OFFSET_MAX 60000
#define LOOPS_MAX       256
#define MESSAGE_KIB_MAX (1024 * 1024)
#define SECTION         (CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)

/* libconfuse tells its errors to a function without an argument of ours. */
static _Thread_local char parse_error[300];

static void keep_error(cfg_t *cfg, const char *format, va_list args)
{
    char what[200];
    if (parse_error[0])
        return;
    vsnprintf(what, sizeof what, format, args);
    snprintf(parse_error, sizeof parse_error, "line %d: %s", cfg ? cfg->line : 0, what);
}

void config_free(struct config *config)
{
    free(config->routes);
    free(config->policies);
    config->routes = NULL;
    config->policies = NULL;
    config->route_count = config->policy_count = 0;
}

static int complain(char *reason, size_t size, const char *name, const char *what)
{
    snprintf(reason, size, "%s: %s", name, what);
    return ERR_SYNTAX;
}

static bool take_text(cfg_t *cfg, const char *option, char *out, size_t size)
{
    const char *text = cfg_getstr(cfg, option);
    return span_to_text(span_of(text), out, size);
}

bool config_is_file_name(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 32 || *text == 127 || strchr("\"\\$", *text))
            return false;
    return true;
}

static bool take_number(cfg_t *cfg, const char *option, long least, long most, long *ret_number)
{
    *ret_number = cfg_getint(cfg, option);
    return *ret_number >= least && *ret_number <= most;
}

bool config_is_ip(const char *text)
{
    unsigned char address[16];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static const char *check_listen(cfg_t *cfg, struct config *c)
{
    unsigned count = cfg_size(cfg, "listen");
    if (count == 0 || count > CONFIG_LISTEN_MAX)
        return "listen wants 1 to 32 addresses, e.g. listen = {\"0.0.0.0\", \"::\"}";
    for (unsigned i = 0; i < count; i++) {
        const char *text = cfg_getnstr(cfg, "listen", i);
        if (!span_to_text(span_of(text), c->listen[i], sizeof c->listen[i]) ||
            !config_is_ip(c->listen[i]))
            return "listen wants IP addresses, e.g. listen = {\"127.0.0.1\"}";
    }
    c->listen_count = count;
    return NULL;
}

/* Kept in the form in which a peer's address is shown. */
static const char *check_metrics_from(cfg_t *cfg, struct config *c)
{
    unsigned count = cfg_size(cfg, "metrics-from");
    if (count > CONFIG_LISTEN_MAX)
        return "metrics-from takes at most 32 addresses";
    for (unsigned i = 0; i < count; i++) {
        const char *text = cfg_getnstr(cfg, "metrics-from", i);
        unsigned char address[16];
        int family = strchr(text, ':') ? AF_INET6 : AF_INET;
        if (inet_pton(family, text, address) != 1 ||
            !inet_ntop(family, address, c->metrics_from[i], sizeof c->metrics_from[i]))
            return "metrics-from wants IP addresses, e.g. metrics-from = {\"192.0.2.7\"}";
    }
    c->metrics_from_count = count;
    return NULL;
}

static const char *check_store(cfg_t *cfg, struct config *c)
{
    const char *engine = cfg_getstr(cfg, "store");
    c->postgres = engine && strcmp(engine, "postgres") == 0;
    if (!c->postgres && (!engine || strcmp(engine, "sqlite") != 0))
        return "store is \"sqlite\" or \"postgres\"";
    if (!take_text(cfg, "postgres", c->conninfo, sizeof c->conninfo))
        return "postgres is too long";
    if (c->postgres && !c->conninfo[0])
        return "store = \"postgres\" wants postgres = \"hostaddr=… dbname=… user=…\" too";
    return NULL;
}

static const char *check_pop3(cfg_t *cfg, struct config *c)
{
    long number;
    if (!take_number(cfg, "pop3-login-delay-seconds", 0, 86400, &number))
        return "pop3-login-delay-seconds is 0 (none) to 86400";
    c->pop3_login_delay = (uint32_t)number;
    if (!take_number(cfg, "pop3-expire-days", 0, 36500, &number))
        return "pop3-expire-days is 0 (never) to 36500: what clients are told, nothing is deleted";
    c->pop3_expire = (uint32_t)number;
    return NULL;
}

static const char *check_numbers(cfg_t *cfg, struct config *c)
{
    long number;
    if (!take_number(cfg, "port-offset", 0, PORT_OFFSET_MAX, &number))
        return "port-offset is 0 to 60000";
    c->port_offset = (unsigned)number;
    if (!take_number(cfg, "loops", 0, LOOPS_MAX, &number))
        return "loops is 0 (one a core) to 256";
    c->loops = (unsigned)number;
    if (!take_number(cfg, "message-max-kib", 64, MESSAGE_KIB_MAX, &number))
        return "message-max-kib is 64 to 1048576";
    c->message_max = (uint64_t)number * 1024;
    if (!take_number(cfg, "recipients-max", 100, 100000, &number))
        return "recipients-max is 100 (RFC 5321 4.5.3.1.8) to 100000";
    c->recipients_max = (uint32_t)number;
    if (!take_number(cfg, "api-recipients-per-day", 0, 2000000000, &number))
        return "api-recipients-per-day is 0 (no limit) to 2000000000";
    c->daily_limit = (uint64_t)number;
    if (!take_number(cfg, "connections-max", 10, 1000000, &number))
        return "connections-max is 10 to 1000000";
    c->connections_max = (uint32_t)number;
    if (!take_number(cfg, "connections-per-address-max", 1, 1000000, &number))
        return "connections-per-address-max is 1 to 1000000";
    c->connections_per_address_max = (uint32_t)number;
    if (!take_number(cfg, "imap-sessions-per-user-max", 1, 1000000, &number))
        return "imap-sessions-per-user-max is 1 to 1000000";
    c->imap_sessions_per_user = (uint32_t)number;
    return NULL;
}

static const char *check_texts(cfg_t *cfg, struct config *c)
{
    const char *level = cfg_getstr(cfg, "log-level");
    char folded[ADDRESS_DOMAIN_MAX + 1];
    if (!take_text(cfg, "hostname", c->hostname, sizeof c->hostname) ||
        address_fold_domain(span_of(c->hostname), folded) < 0 || folded[0] == '[')
        return "hostname wants this machine's mail name, e.g. hostname = \"mail.example.org\"";
    snprintf(c->hostname, sizeof c->hostname, "%s", folded);
    if (!take_text(cfg, "certificate", c->certificate, sizeof c->certificate) ||
        !take_text(cfg, "certificate-key", c->certificate_key, sizeof c->certificate_key) ||
        !config_is_file_name(c->certificate) || !config_is_file_name(c->certificate_key))
        return "certificate and certificate-key are names of PEM files, without quotes, \\ and $";
    c->debug = level && strcmp(level, "debug") == 0;
    if (!c->debug && (!level || strcmp(level, "info") != 0))
        return "log-level is \"info\" or \"debug\"";
    return NULL;
}

static const char *check_all(cfg_t *cfg, struct config *c)
{
    const char *wrong = check_texts(cfg, c);
    wrong = wrong ? wrong : check_listen(cfg, c);
    wrong = wrong ? wrong : check_metrics_from(cfg, c);
    wrong = wrong ? wrong : check_numbers(cfg, c);
    wrong = wrong ? wrong : check_pop3(cfg, c);
    wrong = wrong ? wrong : check_store(cfg, c);
    wrong = wrong ? wrong : config_check_lmtp(cfg, c);
    wrong = wrong ? wrong : config_check_delivery(cfg, c);
    c->refuse_full = cfg_getbool(cfg, "refuse-full-mailboxes");
    c->literal_plus = cfg_getbool(cfg, "imap-literal-plus");
    c->allow_private_destinations = cfg_getbool(cfg, "allow-private-destinations");
    c->cleartext_login = cfg_getbool(cfg, "cleartext-login-from-loopback");
    return wrong;
}

/* cfg_init copies them. */
static char listen_default[] = "{\"0.0.0.0\", \"::\"}", none[] = "{}",
            lmtp_default[] = "{\"loopback\"}";
static cfg_opt_t options[] = {
    CFG_STR("hostname", "", CFGF_NONE),
    CFG_STR_LIST("listen", listen_default, CFGF_NONE),
    CFG_INT("port-offset", 0, CFGF_NONE),
    CFG_STR("store", "sqlite", CFGF_NONE),
    CFG_STR("postgres", "", CFGF_NONE),
    CFG_STR("certificate", "tls/certificate.pem", CFGF_NONE),
    CFG_STR("certificate-key", "tls/key.pem", CFGF_NONE),
    CFG_BOOL("allow-private-destinations", cfg_false, CFGF_NONE),
    CFG_BOOL("cleartext-login-from-loopback", cfg_false, CFGF_NONE),
    CFG_INT("loops", 0, CFGF_NONE),
    CFG_INT("message-max-kib", 25600, CFGF_NONE),
    CFG_INT("recipients-max", 1000, CFGF_NONE),
    CFG_INT("api-recipients-per-day", 0, CFGF_NONE),
    CFG_INT("connections-max", 10000, CFGF_NONE),
    CFG_BOOL("refuse-full-mailboxes", cfg_false, CFGF_NONE),
    CFG_BOOL("imap-literal-plus", cfg_false, CFGF_NONE),
    CFG_INT("pop3-login-delay-seconds", 0, CFGF_NONE),
    CFG_INT("pop3-expire-days", 0, CFGF_NONE),
    CFG_INT("connections-per-address-max", 50, CFGF_NONE),
    CFG_INT("imap-sessions-per-user-max", 100, CFGF_NONE),
    CFG_STR("recipient-delimiter", "+", CFGF_NONE),
    CFG_STR_LIST("lmtp-listen", lmtp_default, CFGF_NONE),
    CFG_STR_LIST("lmtp-from", none, CFGF_NONE),
    CFG_STR("lmtp-socket", "lmtp.sock", CFGF_NONE),
    CFG_STR("lmtp-socket-mode", "0660", CFGF_NONE),
    CFG_STR("lmtp-socket-group", "", CFGF_NONE),
    CFG_STR("log-level", "info", CFGF_NONE),
    CFG_STR_LIST("metrics-from", none, CFGF_NONE),
    CFG_STR_LIST("dns-servers", none, CFGF_NONE),
    CFG_STR("dns-trust-anchor", "", CFGF_NONE),
    CFG_STR_LIST("transparent-zones", none, CFGF_NONE),
    CFG_INT("dns-timeout-seconds", 20, CFGF_NONE),
    CFG_INT("delivery-port", 25, CFGF_NONE),
    CFG_SEC("route", config_route_options, SECTION),
    CFG_SEC("destination", config_destination_options, SECTION),
    CFG_END(),
};

int config_parse(struct span text, const char *name, struct config *ret_config, char *reason,
                 size_t size)
{
    AUTO_BUFFER copy = BUFFER(FILES_MAX);
    if (span_find(text, '\0') >= 0)
        return complain(reason, size, name, "holds a NUL byte: it is no text file");
    int rc = buffer_append(&copy, text);
    if (rc < 0 || !buffer_text(&copy))
        return complain(reason, size, name, "is too large");
    cfg_t *cfg = cfg_init(options, CFGF_NONE);
    if (!cfg)
        return -ENOMEM;
    parse_error[0] = '\0';
    cfg_set_error_function(cfg, keep_error);
    struct config *config = calloc(1, sizeof *config);
    const char *wrong = config ? NULL : "out of memory";
    if (!wrong && cfg_parse_buf(cfg, buffer_text(&copy)) != CFG_SUCCESS)
        wrong = parse_error[0] ? parse_error : "cannot be understood";
    if (!wrong)
        wrong = check_all(cfg, config);
    cfg_free(cfg);
    if (!wrong)
        *ret_config = *config;
    else if (config)
        config_free(config);
    free(config);
    return wrong ? complain(reason, size, name, wrong) : 0;
}

int config_load(const char *folder, struct config *ret_config, char *reason, size_t size)
{
    char path[1024];
    AUTO_BUFFER text = BUFFER(FILES_MAX);
    int rc = path_join(path, sizeof path, folder, CONFIG_NAME);
    if (rc == 0)
        rc = file_read(path, &text);
    if (rc == -ENOENT)
        snprintf(reason, size, "%s is no data folder: make one with \"postamt init -d %s\"", folder,
                 folder);
    else if (rc == -EACCES)
        snprintf(reason, size, "%s may not be read by you: use its owner or root", path);
    else if (rc < 0)
        snprintf(reason, size, "%s cannot be read: %s", path, error_text(rc));
    return rc < 0 ? rc : config_parse(buffer_span(&text), path, ret_config, reason, size);
}

/* --- writing --------------------------------------------------------------------------------- */

int config_write_default(struct buffer *out, const char *hostname, const char *listen,
                         unsigned port_offset)
{
    bool loopback = listen && (strncmp(listen, "127.", 4) == 0 || strcmp(listen, "::1") == 0);
    int rc = buffer_printf(out,
                           "# What this node must know before it can open its state. Everything\n"
                           "# else is kept in the store and changed with the postamt command.\n"
                           "# \"postamt config show\" prints the options as they are in effect.\n\n"
                           "# The name in greetings and trace fields; DNS should know it.\n"
                           "hostname = \"%s\"\n\n# Where to listen.\n",
                           hostname);
    if (rc == 0)
        rc = listen ? buffer_printf(out, "listen = {\"%s\"}\n", listen)
                    : buffer_append_text(out, "listen = {\"0.0.0.0\", \"::\"}\n");
    if (rc == 0)
        rc = buffer_printf(
            out,
            "# Added to every standard port (24, 25, 587, 465, 110, 995, 143, 993, 80, 443).\n"
            "port-offset = %u\n\n"
            "# PEM files: the chain, and its key. SIGHUP reads them again.\n"
            "certificate = \"tls/certificate.pem\"\n"
            "certificate-key = \"tls/key.pem\"\n",
            port_offset);
    if (rc == 0 && loopback)
        rc = buffer_append_text(out, "\n# Deliver to hosts in loopback and private ranges too.\n"
                                     "allow-private-destinations = true\n");
    return rc;
}

int config_print(struct buffer *out, const struct config *c)
{
    int rc = buffer_printf(out, "hostname = \"%s\"\nlisten = {", c->hostname);
    for (unsigned i = 0; rc == 0 && i < c->listen_count; i++)
        rc = buffer_printf(out, "%s\"%s\"", i ? ", " : "", c->listen[i]);
    if (rc == 0)
        rc = buffer_printf(out,
                           "}\nport-offset = %u\nstore = \"%s\"\ncertificate = \"%s\"\n"
                           "certificate-key = \"%s\"\nallow-private-destinations = %s\n"
                           "cleartext-login-from-loopback = %s\n"
                           "loops = %u\nmessage-max-kib = %llu\nrecipients-max = %u\n"
                           "api-recipients-per-day = %llu\n"
                           "connections-max = %u\nconnections-per-address-max = %u\n"
                           "imap-sessions-per-user-max = %u\n"
                           "pop3-login-delay-seconds = %u\npop3-expire-days = %u\n"
                           "log-level = \"%s\"\n",
                           c->port_offset, c->postgres ? "postgres" : "sqlite", c->certificate,
                           c->certificate_key, c->allow_private_destinations ? "true" : "false",
                           c->cleartext_login ? "true" : "false", c->loops,
                           (unsigned long long)c->message_max / 1024, c->recipients_max,
                           (unsigned long long)c->daily_limit, c->connections_max,
                           c->connections_per_address_max, c->imap_sessions_per_user,
                           c->pop3_login_delay, c->pop3_expire, c->debug ? "debug" : "info");
    if (rc == 0)
        rc = buffer_printf(out, "refuse-full-mailboxes = %s\nimap-literal-plus = %s\n",
                           c->refuse_full ? "true" : "false", c->literal_plus ? "true" : "false");
    if (rc == 0)
        rc = buffer_append_text(out, "metrics-from = {");
    for (unsigned i = 0; rc == 0 && i < c->metrics_from_count; i++)
        rc = buffer_printf(out, "%s\"%s\"", i ? ", " : "", c->metrics_from[i]);
    if (rc == 0)
        rc = buffer_append_text(out, "}\n");
    if (rc == 0)
        rc = config_print_lmtp(out, c);
    return rc < 0 ? rc : config_print_delivery(out, c);
}
