/*
 * TLS on a stream: OpenSSL reads from the raw block and writes into `records`, both through a BIO
 * of ours, so that all waiting stays in the stream. Nothing yields between a call of OpenSSL and
 * SSL_get_error: its error queue belongs to the thread.
 */
#include "run/stream_internal.h"
#include "run/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>

/* --- the BIO --------------------------------------------------------------------------------- */

static int bio_read(BIO *bio, char *at, int size)
{
    struct stream *st = BIO_get_data(bio);
    struct block *raw = st->raw;
    BIO_clear_retry_flags(bio);
    if (!raw || raw->at == raw->end) {
        if (!st->eof)
            BIO_set_retry_read(bio);
        return st->eof ? 0 : -1;
    }
    uint32_t count = raw->end - raw->at;
    if (count > (uint32_t)size)
        count = (uint32_t)size;
    memcpy(at, raw->bytes + raw->at, count);
    raw->at += count;
    return (int)count;
}

static int bio_write(BIO *bio, const char *at, int size)
{
    struct stream *st = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    return buffer_append(&st->records, span_make(at, (size_t)size)) < 0 ? -1 : size;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static BIO_METHOD *stream_bio;

static void stream_bio_make(void)
{
    stream_bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (!stream_bio)
        return;
    BIO_meth_set_read(stream_bio, bio_read);
    BIO_meth_set_write(stream_bio, bio_write);
    BIO_meth_set_ctrl(stream_bio, bio_control);
}

static int attach(struct stream *st, struct tls_context *context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, stream_bio_make);
    SSL *ssl = SSL_new(tls_context_ssl(context));
    BIO *bio = stream_bio ? BIO_new(stream_bio) : NULL;
    if (!ssl || !bio) {
        SSL_free(ssl);
        BIO_free(bio);
        return -ENOMEM;
    }
    BIO_set_data(bio, st);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    st->ssl = ssl;
    return 0;
}

/* --- records out, records in ----------------------------------------------------------------- */

static int stream_tls_co_send_records(struct stream *st)
{
    if (st->records.len == 0)
        return st->error;
    int rc = stream_co_send(st, buffer_span(&st->records));
    if (st->records.size > 1024)
        buffer_free(&st->records);
    else
        buffer_clear(&st->records);
    return rc;
}

/* After a call of OpenSSL that gave `result`: 0 to call it again, or a sticky error. */
static int stream_tls_co_proceed(struct stream *st, int why)
{
    int rc = stream_tls_co_send_records(st);
    if (rc < 0)
        return rc;
    if (why == SSL_ERROR_WANT_READ)
        return stream_co_fill_raw(st);
    return st->error = why == SSL_ERROR_ZERO_RETURN || st->eof ? ERR_CLOSED : ERR_TLS;
}

int stream_tls_co_send(struct stream *st, struct span bytes)
{
    ERR_clear_error();
    int written = SSL_write(st->ssl, bytes.at, (int)bytes.len);
    if (written <= 0)
        return st->error = ERR_TLS;
    return stream_tls_co_send_records(st);
}

static int decrypt(struct stream *st, int *ret_why)
{
    struct block *plain = st->plain;
    ERR_clear_error();
    int count = SSL_read(st->ssl, plain->bytes + plain->end, (int)(BLOCK_SIZE - plain->end));
    *ret_why = count > 0 ? SSL_ERROR_NONE : SSL_get_error(st->ssl, count);
    if (count > 0)
        plain->end += (uint32_t)count;
    return count;
}

int stream_tls_co_fill(struct stream *st)
{
    for (;;) {
        int why, rc = st->error ? st->error : stream_make_room(st, &st->plain);
        if (rc < 0)
            return rc;
        if (decrypt(st, &why) > 0)
            return 0;
        if (st->plain->end == 0)
            block_give(&st->plain);
        rc = stream_tls_co_proceed(st, why);
        if (rc < 0)
            return rc;
    }
}

bool stream_tls_has_input(struct stream *st)
{
    int why;
    bool raw = st->raw && st->raw->at < st->raw->end;
    if ((!raw && SSL_pending(st->ssl) == 0) || stream_make_room(st, &st->plain) < 0)
        return false;
    bool more = decrypt(st, &why) > 0;
    if (st->plain->end == 0)
        block_give(&st->plain);
    return more;
}

/* --- handshake and farewell ------------------------------------------------------------------ */

static int stream_tls_co_handshake(struct stream *st)
{
    for (;;) {
        ERR_clear_error();
        int done = SSL_do_handshake(st->ssl);
        int why = done == 1 ? SSL_ERROR_NONE : SSL_get_error(st->ssl, done);
        if (done == 1)
            return stream_tls_co_send_records(st);
        int rc = stream_tls_co_proceed(st, why);
        if (rc < 0)
            return rc;
    }
}

int stream_co_start_tls_server(struct stream *st, struct tls_context *context)
{
    int rc = stream_co_flush(st);
    if (rc == 0)
        rc = attach(st, context);
    if (rc < 0)
        return st->error = rc;
    SSL_set_accept_state(st->ssl);
    return stream_tls_co_handshake(st);
}

int stream_co_start_tls_client(struct stream *st, struct tls_context *context,
                               const char *server_name)
{
    int rc = stream_co_flush(st);
    if (rc == 0)
        rc = attach(st, context);
    if (rc < 0)
        return st->error = rc;
    SSL_set_connect_state(st->ssl);
    if (server_name) {
        SSL_set_tlsext_host_name(st->ssl, server_name);
        SSL_set1_host(st->ssl, server_name);
    }
    return stream_tls_co_handshake(st);
}

void stream_tls_goodbye(struct stream *st)
{
    struct buffer *out = stream_outbox(st);
    if (out->len) {
        ERR_clear_error();
        SSL_write(st->ssl, out->at, (int)out->len);
        buffer_clear(out);
    }
    ERR_clear_error();
    if (SSL_is_init_finished(st->ssl))
        SSL_shutdown(st->ssl);
}

void stream_tls_free(struct stream *st)
{
    SSL_free(st->ssl);
    st->ssl = NULL;
}

bool stream_is_tls(const struct stream *st)
{
    return st->ssl != NULL;
}

const char *stream_tls_version(const struct stream *st)
{
    return st->ssl ? SSL_get_version(st->ssl) : NULL;
}

int stream_tls_exporter(const struct stream *st, unsigned char ret[STREAM_EXPORTER])
{
    static const char label[] = "EXPORTER-Channel-Binding";
    if (!st->ssl || SSL_version(st->ssl) != TLS1_3_VERSION)
        return ERR_TLS;
    ERR_clear_error();
    int made = SSL_export_keying_material(st->ssl, ret, STREAM_EXPORTER, label, sizeof label - 1,
                                          (const unsigned char *)"", 0, 1);
    return made == 1 ? 0 : ERR_TLS;
}

const char *stream_tls_cipher(const struct stream *st)
{
    return st->ssl ? SSL_get_cipher_name(st->ssl) : NULL;
}
