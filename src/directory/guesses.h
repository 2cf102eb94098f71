/*
 * Wrong passwords, counted over all protocols, so that guessing is slow and the owner is not locked
 * out. Thread-safe, in memory, bounded.
 *
 * Three counts that forget with time: of an address (IPv6: its /64, and with a larger share its
 * /48), of a login, and of the two together. An address that has had its share asks again later. A
 * login that many guess at still answers to each address that has not guessed yet, once (IPv6: to
 * four of a /48, to sixteen of a /32); and an address that knew the password within the last days
 * has a count of its own that others cannot use up. Loopback is not counted: who serves many people
 * from there (webmail) counts them itself.
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
enum guess {
    GUESS_NOW,
    GUESS_SOON, /* so many of the same are being checked that it depends on them */
    GUESS_LATER
};
enum guess_end { GUESS_RIGHT, GUESS_WRONG, GUESS_UNDECIDED };

/* May this address try a password for this login now? GUESS_NOW is to be ended, and until then it
 * counts as if it were wrong: many at once are not more than one after the other. */
enum guess guesses_begin(struct guesses *g, const struct sockaddr *peer, struct span login);
/* How the check ended; GUESS_WRONG also of what had not begun. False: the next will have to wait.
 */
bool guesses_end(struct guesses *g, const struct sockaddr *peer, struct span login,
                 enum guess_end end);

#endif
