/*
 * The server's side of one SCRAM dialogue (RFC 5802, 7677), for sasl.c.
 *
 * libgsasl does the sums with keys that were fetched before: it calls nothing of ours. Channel
 * binding is tls-exporter (RFC 9266). A client that could bind and was told that we cannot ("y")
 * has somebody in between: denied.
 */
#ifndef DIRECTORY_SCRAM_H
#define DIRECTORY_SCRAM_H

#include "directory/internal.h"
#include "run/stream.h"

struct scram;

struct scram_kind {
    enum scram_hash hash;
    bool plus;
};

/* The client-first-message, whose name is appended to name; reply gets the server's first. Yields.
 * ERR_SYNTAX, ERR_DENIED (binding), or try later. */
must_check int scram_co_begin(struct directory *d, const struct stream *st, struct scram_kind kind,
                              struct span message, struct buffer *name, struct buffer *reply,
                              struct scram **ret_scram);
/* The client-final-message; reply gets the server's proof, which the client still has to see. The
 * user's row is read once more: a password changed meanwhile is void. Yields. ERR_SYNTAX,
 * ERR_DENIED, or try later. */
must_check int scram_co_verify(struct scram *scram, struct span message, struct buffer *reply);
/* After scram_co_verify gave 0. */
const struct identity *scram_who(const struct scram *scram);
void scram_free(struct scram *scram);

#endif
