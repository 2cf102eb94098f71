/*
 * Wrong passwords, counted over all protocols, so that guessing is slow and the owner is not locked
 * out. Thread-safe, in memory, bounded.
 *
 * Three counts that forget with time: of an address (IPv6: its /64), of a login, and of the two
 * together. An address that has had its share asks again later. A login that many guess at still
 * answers to each address that has not guessed yet, once; and an address that knew the password
 * within the last days has a count of its own that others cannot use up. Loopback is not counted:
 * who serves many people from there (webmail) counts them itself.
 */
#ifndef DIRECTORY_GUESSES_H
#define DIRECTORY_GUESSES_H

#include "base/error.h"
#include "base/span.h"

#include <stdbool.h>
#include <sys/socket.h>

struct guesses;

must_check int guesses_create(struct guesses **ret_guesses);
void guesses_free(struct guesses *g);
/* May this address try a password for this login now? Before each check. */
bool guesses_may_try(struct guesses *g, const struct sockaddr *peer, struct span login);
/* How the check ended. False: that was one too many, the next will have to wait. */
bool guesses_wrong(struct guesses *g, const struct sockaddr *peer, struct span login);
void guesses_right(struct guesses *g, const struct sockaddr *peer, struct span login);

#endif
