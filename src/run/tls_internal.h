/* What tls.c gives to stream_tls.c; nobody else includes it. */
#ifndef RUN_TLS_INTERNAL_H
#define RUN_TLS_INTERNAL_H

#include "run/tls.h"

#include <openssl/ssl.h>

SSL_CTX *tls_context_ssl(struct tls_context *context); /* borrowed */

#endif
