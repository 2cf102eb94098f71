/* What the files of the configuration share. Nobody else includes it. */
#ifndef CTL_CONFIG_INTERNAL_H
#define CTL_CONFIG_INTERNAL_H

#include "ctl/config.h"

#include <confuse.h>

/* config_delivery.c: the options of its sections; the parser copies them. */
extern cfg_opt_t config_route_options[], config_destination_options[];
/* The name of a file: nothing in it that means something within quotes, so that it is printed as it
 * was read. */
bool config_is_file_name(const char *text);
bool config_is_ip(const char *text);
/* config_lmtp.c */
const char *config_check_lmtp(cfg_t *cfg, struct config *config);
must_check int config_print_lmtp(struct buffer *out, const struct config *config);
/* What is wrong, or NULL. */
const char *config_check_delivery(cfg_t *cfg, struct config *config);
must_check int config_print_delivery(struct buffer *out, const struct config *config);

#endif
