/* TLS contexts and self-signed certificates; see tls.h. */
#include "run/tls.h"

#include "run/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SELF_SIGNED_DAYS 3650

struct tls_context {
    SSL_CTX *ssl;
    atomic_uint references;
};

SSL_CTX *tls_context_ssl(struct tls_context *context)
{
    return context->ssl;
}

struct tls_context *tls_context_hold(struct tls_context *context)
{
    atomic_fetch_add(&context->references, 1);
    return context;
}

void tls_context_release(struct tls_context *context)
{
    if (!context || atomic_fetch_sub(&context->references, 1) != 1)
        return;
    SSL_CTX_free(context->ssl);
    free(context);
}

static struct tls_context *context_create(const SSL_METHOD *method)
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (!context)
        return NULL;
    context->ssl = SSL_CTX_new(method);
    if (!context->ssl) {
        free(context);
        return NULL;
    }
    atomic_store(&context->references, 1);
    SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (SSL_CTX_set1_groups_list(context->ssl, "X25519:P-256:P-384") != 1 ||
        SSL_CTX_set_ciphersuites(context->ssl, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                               "TLS_CHACHA20_POLY1305_SHA256") != 1) {
        tls_context_release(context);
        return NULL;
    }
    return context;
}

/* --- server ---------------------------------------------------------------------------------- */

static int load_chain(SSL_CTX *ssl, BIO *pem)
{
    X509 *leaf = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    int ok = leaf && SSL_CTX_use_certificate(ssl, leaf) == 1;
    X509_free(leaf);
    while (ok) {
        X509 *next = PEM_read_bio_X509(pem, NULL, NULL, NULL);
        if (!next)
            break;
        ok = SSL_CTX_add0_chain_cert(ssl, next) == 1;
        if (!ok)
            X509_free(next);
    }
    return ok ? 0 : ERR_TLS;
}

/* Says in `reason` what is wrong, or returns NULL. */
static const char *load_identity(SSL_CTX *ssl, BIO *chain, BIO *key_pem)
{
    static const char no_passphrase[] = ""; /* else OpenSSL would ask on the terminal */
    if (!chain || !key_pem)
        return "out of memory";
    if (load_chain(ssl, chain) < 0)
        return "the certificate file holds no readable PEM certificate";
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_pem, NULL, NULL, (void *)no_passphrase);
    if (!key)
        return "the key file holds no readable PEM private key without a passphrase";
    ERR_clear_error();
    int fits = SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;
    EVP_PKEY_free(key);
    return fits ? NULL : "the private key does not belong to the certificate";
}

int tls_server_context(struct span chain_pem, struct span key_pem, char *reason, size_t reason_size,
                       struct tls_context **ret_context)
{
    struct tls_context *context = context_create(TLS_server_method());
    if (!context)
        return -ENOMEM;
    BIO *chain = BIO_new_mem_buf(chain_pem.at, (int)chain_pem.len);
    BIO *key = BIO_new_mem_buf(key_pem.at, (int)key_pem.len);
    const char *wrong = load_identity(context->ssl, chain, key);
    BIO_free(chain);
    BIO_free(key);
    ERR_clear_error();
    if (wrong) {
        snprintf(reason, reason_size, "%s", wrong);
        tls_context_release(context);
        return ERR_TLS;
    }
    SSL_CTX_set_options(context->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    /* The chain is the file's: looking for issuers would verify signatures in every handshake. No
     * tickets: with ECDSA, making one costs more than a resumption saves. */
    SSL_CTX_set_mode(context->ssl, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context->ssl, 0);
    *ret_context = context;
    return 0;
}

/* --- client ---------------------------------------------------------------------------------- */

int tls_client_context(bool verify, const char *ca_file, struct tls_context **ret_context)
{
    struct tls_context *context = context_create(TLS_client_method());
    if (!context)
        return -ENOMEM;
    if (verify) {
        int loaded = ca_file ? SSL_CTX_load_verify_locations(context->ssl, ca_file, NULL)
                             : SSL_CTX_set_default_verify_paths(context->ssl);
        if (loaded != 1) {
            ERR_clear_error();
            tls_context_release(context);
            return ERR_TLS;
        }
    }
    SSL_CTX_set_verify(context->ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    *ret_context = context;
    return 0;
}

/* --- self-signed ----------------------------------------------------------------------------- */

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX v3;
    X509V3_set_ctx_nodb(&v3);
    X509V3_set_ctx(&v3, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
    bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool name_certificate(X509 *certificate, const char *hostname, const char *address)
{
    char names[400];
    X509_NAME *name = X509_get_subject_name(certificate);
    int len = snprintf(names, sizeof names, "DNS:%s,DNS:localhost,IP:127.0.0.1,IP:::1%s%s",
                       hostname, address ? ",IP:" : "", address ? address : "");
    if (len < 0 || (size_t)len >= sizeof names)
        return false;
    /* a common name holds 64 characters; the names that count stand in subjectAltName */
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)hostname,
                                      (int)strnlen(hostname, 64), -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           add_extension(certificate, NID_subject_alt_name, names) &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth,clientAuth");
}

static bool fill_certificate(X509 *certificate, EVP_PKEY *key, const char *hostname,
                             const char *address)
{
    BIGNUM *serial = BN_new();
    bool ok = serial && BN_rand(serial, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) &&
              X509_set_version(certificate, X509_VERSION_3) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
              X509_time_adj_ex(X509_getm_notAfter(certificate), SELF_SIGNED_DAYS, 0, NULL) &&
              X509_set_pubkey(certificate, key) == 1 &&
              name_certificate(certificate, hostname, address) &&
              X509_sign(certificate, key, EVP_sha256()) > 0;
    BN_free(serial);
    return ok;
}

static int bio_to_buffer(BIO *bio, struct buffer *out)
{
    char *at;
    long len = BIO_get_mem_data(bio, &at);
    return buffer_append(out, span_make(at, (size_t)len));
}

int tls_self_signed(const char *hostname, const char *address, struct buffer *chain_pem,
                    struct buffer *key_pem)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *chain = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());
    int rc = ERR_TLS;
    if (key && certificate && chain && secret &&
        fill_certificate(certificate, key, hostname, address) &&
        PEM_write_bio_X509(chain, certificate) == 1 &&
        PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1)
        rc = bio_to_buffer(chain, chain_pem);
    if (rc == 0)
        rc = bio_to_buffer(secret, key_pem);
    BIO_free(chain);
    BIO_free(secret);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return rc;
}
