/*
 * A wire cutter: stands between libpq and a PostgreSQL server on unix sockets. Armed, it lets the
 * next COMMIT through, waits for the server's answer, and then cuts the wire instead of passing the
 * answer on: the client cannot know that its transaction was committed.
 */
#ifndef TEST_STORE_WIRE_CUTTER_H
#define TEST_STORE_WIRE_CUTTER_H

#include <stdatomic.h>

struct wire_cutter {
    char folder[64]; /* give it to libpq as host */
    char server[160];
    int listener;
    atomic_bool armed;
    atomic_uint cuts;
};

/* server_folder: where the real server's socket is. Runs until the process ends. */
void wire_cutter_start(struct wire_cutter *cutter, const char *server_folder);

#endif
