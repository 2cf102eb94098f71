/*
 * The part of postamt.conf about mail servers of our own that hand letters in (LMTP), and about
 * details of addresses.
 *
 *     lmtp-listen = {"loopback"}          port 24, offset added: on the loopback address of each
 *                                         address in listen; or on addresses; {}: nowhere
 *     lmtp-from = {"192.0.2.0/24"}        who may come there beside loopback
 *     lmtp-socket = "lmtp.sock"           a unix socket, here in the data folder; "": none
 *     lmtp-socket-mode = "0660"
 *     lmtp-socket-group = "postfix"       "": the data folder's group
 *     recipient-delimiter = "+"           anna+lists@… goes to the folder "lists" of anna; "": not
 */
#include "ctl/config_internal.h"

#include <stdio.h>
#include <string.h>

static const char *take_listen(cfg_t *cfg, struct config *c)
{
    unsigned count = cfg_size(cfg, "lmtp-listen");
    if (count > CONFIG_LISTEN_MAX)
        return "lmtp-listen takes at most 32 addresses";
    for (unsigned i = 0; i < count; i++) {
        const char *text = cfg_getnstr(cfg, "lmtp-listen", i);
        if ((strcmp(text, "loopback") != 0 && !config_is_ip(text)) ||
            !span_to_text(span_of(text), c->lmtp_listen[i], sizeof c->lmtp_listen[i]))
            return "lmtp-listen wants IP addresses or \"loopback\", e.g. {\"192.0.2.1\"}";
        for (unsigned k = 0; k < i; k++)
            if (strcmp(c->lmtp_listen[k], text) == 0)
                return "lmtp-listen names an address twice";
    }
    c->lmtp_listen_count = count;
    return NULL;
}

static bool is_loopback(const char *address)
{
    return strcmp(address, "loopback") == 0 || strncmp(address, "127.", 4) == 0 ||
           strcmp(address, "::1") == 0;
}

static const char *take_from(cfg_t *cfg, struct config *c)
{
    unsigned count = cfg_size(cfg, "lmtp-from");
    bool open = false;
    if (count > CONFIG_LISTEN_MAX)
        return "lmtp-from takes at most 32 networks";
    for (unsigned i = 0; i < count; i++)
        if (network_parse(span_of(cfg_getnstr(cfg, "lmtp-from", i)), &c->lmtp_from[i]) < 0)
            return "lmtp-from wants networks, e.g. lmtp-from = {\"192.0.2.0/24\", \"2001:db8::7\"},"
                   " without bits behind the length";
    for (unsigned i = 0; i < c->lmtp_listen_count; i++)
        open = open || !is_loopback(c->lmtp_listen[i]);
    if (open && count == 0)
        return "lmtp-listen has an address that others reach, but lmtp-from lets nobody in there:"
               " name their networks, e.g. lmtp-from = {\"192.0.2.0/24\"}";
    c->lmtp_from_count = count;
    return NULL;
}

static const char *take_socket(cfg_t *cfg, struct config *c)
{
    const char *path = cfg_getstr(cfg, "lmtp-socket"), *mode = cfg_getstr(cfg, "lmtp-socket-mode");
    const char *group = cfg_getstr(cfg, "lmtp-socket-group");
    if (!span_to_text(span_of(path), c->lmtp_socket, sizeof c->lmtp_socket) ||
        !config_is_file_name(c->lmtp_socket) || (*path && path[strlen(path) - 1] == '/'))
        return "lmtp-socket is the name of a socket, without quotes, \\ and $; \"\" for none";
    c->lmtp_socket_mode = 0;
    for (const char *digit = mode; *digit; digit++) {
        if (*digit < '0' || *digit > '7' || digit - mode > 3)
            return "lmtp-socket-mode is in octal digits, e.g. lmtp-socket-mode = \"0660\"";
        c->lmtp_socket_mode = 8 * c->lmtp_socket_mode + (unsigned)(*digit - '0');
    }
    if ((c->lmtp_socket_mode & 0600) != 0600 || c->lmtp_socket_mode > 0777)
        return "lmtp-socket-mode is 0600 to 0777, e.g. lmtp-socket-mode = \"0660\"";
    if (!span_to_text(span_of(group), c->lmtp_socket_group, sizeof c->lmtp_socket_group) ||
        !config_is_file_name(c->lmtp_socket_group))
        return "lmtp-socket-group is the name of a group";
    return NULL;
}

static const char *take_delimiter(cfg_t *cfg, struct config *c)
{
    const char *text = cfg_getstr(cfg, "recipient-delimiter");
    if (strlen(text) > 1 || (*text && !strchr("+-_=#!~", *text)))
        return "recipient-delimiter is one of + - _ = # ! ~, or \"\" for none";
    c->recipient_delimiter = *text;
    return NULL;
}

const char *config_check_lmtp(cfg_t *cfg, struct config *c)
{
    const char *wrong = take_listen(cfg, c);
    wrong = wrong ? wrong : take_from(cfg, c);
    wrong = wrong ? wrong : take_socket(cfg, c);
    return wrong ? wrong : take_delimiter(cfg, c);
}

int config_print_lmtp(struct buffer *out, const struct config *c)
{
    char text[NETWORK_TEXT];
    int rc = buffer_append_text(out, "lmtp-listen = {");
    for (unsigned i = 0; rc == 0 && i < c->lmtp_listen_count; i++)
        rc = buffer_printf(out, "%s\"%s\"", i ? ", " : "", c->lmtp_listen[i]);
    if (rc == 0)
        rc = buffer_append_text(out, "}\nlmtp-from = {");
    for (unsigned i = 0; rc == 0 && i < c->lmtp_from_count; i++)
        rc = buffer_printf(out, "%s\"%s\"", i ? ", " : "", network_text(&c->lmtp_from[i], text));
    if (rc == 0)
        rc = buffer_printf(out,
                           "}\nlmtp-socket = \"%s\"\nlmtp-socket-mode = \"%04o\"\n"
                           "lmtp-socket-group = \"%s\"\nrecipient-delimiter = \"%.1s\"\n",
                           c->lmtp_socket, c->lmtp_socket_mode, c->lmtp_socket_group,
                           &c->recipient_delimiter);
    return rc;
}
