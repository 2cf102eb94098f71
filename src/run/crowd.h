/*
 * A crowd: how many connections may be open at once, in all and from one address (P7).
 *
 * Shared by the listeners of all loops; thread-safe. Loopback addresses count in all but have no
 * limit of their own. An IPv6 address stands for its /64. A crowd may also be of users, each with a
 * limit: by their ids instead of addresses.
 */
#ifndef RUN_CROWD_H
#define RUN_CROWD_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct crowd;

must_check int crowd_create(uint32_t max, uint32_t max_per_address, struct crowd **ret_crowd);
void crowd_free(struct crowd *crowd);
/* False: full. After true, crowd_leave must follow. A NULL crowd lets everybody in. */
bool crowd_enter(struct crowd *crowd, const struct sockaddr *peer);
void crowd_leave(struct crowd *crowd, const struct sockaddr *peer);
bool crowd_enter_user(struct crowd *crowd, int64_t user);
void crowd_leave_user(struct crowd *crowd, int64_t user);
uint32_t crowd_size(struct crowd *crowd);

#endif
