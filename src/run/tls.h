/*
 * TLS contexts: a certificate chain and key ready to serve, or the rules for a client.
 *
 * Contexts are counted by reference, so that SIGHUP can put a new one in place while old sessions
 * finish with theirs. TLS 1.2 and 1.3 only. Thread-safe.
 */
#ifndef RUN_TLS_H
#define RUN_TLS_H

#include "base/buffer.h"

struct tls_context;

/* PEM chain and PEM key. ERR_TLS with one line in reason (what is wrong, for the operator). */
must_check int tls_server_context(struct span chain_pem, struct span key_pem, char *reason,
                                  size_t reason_size, struct tls_context **ret_context);
/* verify: the server's certificate must chain to the system's roots (or ca_file) and match the
 * name; else any certificate is taken (opportunistic). */
must_check int tls_client_context(bool verify, const char *ca_file,
                                  struct tls_context **ret_context);
struct tls_context *tls_context_hold(struct tls_context *context);
void tls_context_release(struct tls_context *context); /* NULL is fine */
/* A new ECDSA P-256 key and a self-signed certificate for hostname, address (an IP address, NULL
 * for none), localhost, 127.0.0.1 and ::1, valid for ten years, as PEM. */
must_check int tls_self_signed(const char *hostname, const char *address, struct buffer *chain_pem,
                               struct buffer *key_pem);

#endif
