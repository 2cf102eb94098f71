/* postamt config: the configuration as it is in effect, and whether it will do. */
#include "ctl/doors.h"
#include "ctl/files.h"
#include "ctl/init.h"
#include "ctl/verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_lmtp(struct json_object *o, const struct config *config)
{
    struct json_object *listen = json_object_new_array(), *from = json_object_new_array();
    char text[NETWORK_TEXT], mode[8];
    for (unsigned i = 0; i < config->lmtp_listen_count; i++)
        json_object_array_add(listen, json_object_new_string(config->lmtp_listen[i]));
    for (unsigned i = 0; i < config->lmtp_from_count; i++)
        json_object_array_add(from,
                              json_object_new_string(network_text(&config->lmtp_from[i], text)));
    snprintf(mode, sizeof mode, "%04o", config->lmtp_socket_mode);
    json_put(o, "lmtp-listen", listen);
    json_put(o, "lmtp-from", from);
    json_put(o, "lmtp-socket", json_object_new_string(config->lmtp_socket));
    json_put(o, "lmtp-socket-mode", json_object_new_string(mode));
    json_put(o, "lmtp-socket-group", json_object_new_string(config->lmtp_socket_group));
    json_put(o, "recipient-delimiter",
             json_object_new_string_len(&config->recipient_delimiter,
                                        config->recipient_delimiter != '\0'));
}

static int show(const struct config *config, bool json)
{
    AUTO_BUFFER text = BUFFER(FILES_MAX);
    if (!json) {
        if (config_print(&text, config) < 0)
            return complain("out of memory");
        printf("%.*s", SPAN_PRINT(buffer_span(&text)));
        return VERB_OK;
    }
    struct json_object *o = json_object_new_object(), *listen = json_object_new_array(),
                       *metrics_from = json_object_new_array();
    for (unsigned i = 0; i < config->listen_count; i++)
        json_object_array_add(listen, json_object_new_string(config->listen[i]));
    json_put(o, "hostname", json_object_new_string(config->hostname));
    json_put(o, "listen", listen);
    json_put(o, "port-offset", json_object_new_int((int)config->port_offset));
    json_put(o, "store", json_object_new_string(config->postgres ? "postgres" : "sqlite"));
    json_put(o, "certificate", json_object_new_string(config->certificate));
    json_put(o, "certificate-key", json_object_new_string(config->certificate_key));
    json_put(o, "allow-private-destinations",
             json_object_new_boolean(config->allow_private_destinations));
    json_put(o, "loops", json_object_new_int((int)config->loops));
    json_put(o, "message-max-kib", json_object_new_int64((int64_t)config->message_max / 1024));
    json_put(o, "recipients-max", json_object_new_int64(config->recipients_max));
    json_put(o, "api-recipients-per-day", json_object_new_int64((int64_t)config->daily_limit));
    json_put(o, "connections-max", json_object_new_int64(config->connections_max));
    json_put(o, "connections-per-address-max",
             json_object_new_int64(config->connections_per_address_max));
    json_put(o, "imap-sessions-per-user-max",
             json_object_new_int64(config->imap_sessions_per_user));
    json_put(o, "refuse-full-mailboxes", json_object_new_boolean(config->refuse_full));
    json_put(o, "imap-literal-plus", json_object_new_boolean(config->literal_plus));
    json_put(o, "pop3-login-delay-seconds", json_object_new_int64(config->pop3_login_delay));
    json_put(o, "pop3-expire-days", json_object_new_int64(config->pop3_expire));
    for (unsigned i = 0; i < config->metrics_from_count; i++)
        json_object_array_add(metrics_from, json_object_new_string(config->metrics_from[i]));
    json_put(o, "metrics-from", metrics_from);
    put_lmtp(o, config);
    json_put(o, "log-level", json_object_new_string(config->debug ? "debug" : "info"));
    printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE |
                                                         JSON_C_TO_STRING_PRETTY));
    json_object_put(o);
    return VERB_OK;
}

static int check(const char *folder, const struct config *config)
{
    char reason[600];
    AUTO_BUFFER chain = BUFFER(FILES_MAX), key = BUFFER(FILES_MAX);
    if (certificate_read(folder, config, &chain, &key, reason, sizeof reason) < 0 ||
        doors_check(folder, config, reason, sizeof reason) < 0)
        return complain("%s", reason);
    printf("ok: %s/%s\n", folder, CONFIG_NAME);
    return VERB_OK;
}

int config_verb_run(const struct args *args)
{
    char reason[600];
    const char *action = args_word(args, 1);
    struct config *config = calloc(1, sizeof *config);
    int status = VERB_FAILED;
    bool shows = strcmp(action, "show") == 0;
    if (args->count != 2 || (!shows && strcmp(action, "check") != 0)) {
        fprintf(stderr, "usage: postamt config show|check [--json]\n");
        status = VERB_USAGE;
    } else if (!config || config_load(args->folder, config, reason, sizeof reason) < 0) {
        complain("%s", config ? reason : "out of memory");
    } else {
        status = shows ? show(config, args->json) : check(args->folder, config);
        config_free(config);
    }
    free(config);
    return status;
}
