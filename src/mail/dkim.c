/* DKIM signatures; see dkim.h. */
#include "mail/dkim.h"

#include "base/base64.h"
#include "mail/header.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define DATA_MAX ((size_t)1024 * 1024)
#define B_LINE   64
#define H_LINE   60

struct dkim_key {
    enum dkim_algorithm algorithm;
    EVP_PKEY *pkey;
};

/* --- keys ------------------------------------------------------------------------------------ */

static int key_wrap(enum dkim_algorithm algorithm, EVP_PKEY *pkey, struct dkim_key **ret_key)
{
    struct dkim_key *key = pkey ? malloc(sizeof *key) : NULL;
    ERR_clear_error();
    if (!key) {
        EVP_PKEY_free(pkey);
        return pkey ? -ENOMEM : ERR_CORRUPT;
    }
    *key = (struct dkim_key){algorithm, pkey};
    *ret_key = key;
    return 0;
}

int dkim_key_make(enum dkim_algorithm algorithm, struct dkim_key **ret_key)
{
    return key_wrap(algorithm,
                    algorithm == DKIM_RSA ? EVP_RSA_gen(2048)
                                          : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
                    ret_key);
}

int dkim_key_load(enum dkim_algorithm algorithm, struct span der, struct dkim_key **ret_key)
{
    const unsigned char *at = (const unsigned char *)der.at;
    return key_wrap(algorithm, d2i_AutoPrivateKey(NULL, &at, (long)der.len), ret_key);
}

void dkim_key_free(struct dkim_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

int dkim_key_save(const struct dkim_key *key, struct buffer *out)
{
    unsigned char *der = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    PKCS8_PRIV_KEY_INFO_free(info);
    int rc = len > 0 ? buffer_append(out, span_make(der, (size_t)len)) : -ENOMEM;
    if (len > 0)
        OPENSSL_clear_free(der, (size_t)len);
    ERR_clear_error();
    return rc;
}

/* RSA: the SubjectPublicKeyInfo (RFC 6376 3.6.1); Ed25519: the 32 bytes alone (RFC 8463 4). */
int dkim_key_record(const struct dkim_key *key, struct buffer *out)
{
    unsigned char *der = NULL, raw[64];
    size_t raw_len = sizeof raw;
    bool rsa = key->algorithm == DKIM_RSA;
    int len = rsa ? i2d_PUBKEY(key->pkey, &der)
              : EVP_PKEY_get_raw_public_key(key->pkey, raw, &raw_len) == 1 ? (int)raw_len
                                                                           : -1;
    int rc = len > 0
                 ? buffer_append_text(out, rsa ? "v=DKIM1; k=rsa; p=" : "v=DKIM1; k=ed25519; p=")
                 : -ENOMEM;
    if (rc == 0)
        rc = base64_encode(out, span_make(rsa ? der : raw, (size_t)len));
    OPENSSL_free(der);
    ERR_clear_error();
    return rc;
}

/* --- the body (3.4.4) ------------------------------------------------------------------------ */

int dkim_body_begin(struct dkim_body *b)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    *b = (struct dkim_body){.digest = digest};
    if (digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1)
        return 0;
    dkim_body_free(b);
    return -ENOMEM;
}

void dkim_body_free(struct dkim_body *b)
{
    EVP_MD_CTX_free(b->digest);
    b->digest = NULL;
}

static void body_flush(struct dkim_body *b)
{
    EVP_DigestUpdate(b->digest, b->out, b->len);
    b->len = 0;
}

static void body_put(struct dkim_body *b, const char *at, size_t len)
{
    if (len > sizeof b->out - b->len)
        body_flush(b);
    if (len > sizeof b->out) {
        EVP_DigestUpdate(b->digest, at, len);
        return;
    }
    memcpy(b->out + b->len, at, len);
    b->len += len;
}

/* Empty lines that did not end the body, and the blank before the next word. */
static void body_put_waiting(struct dkim_body *b)
{
    for (; b->empty_lines; b->empty_lines--)
        body_put(b, "\r\n", 2);
    if (b->blank)
        body_put(b, " ", 1);
    b->blank = false;
    b->content = true;
}

static bool is_word(char c)
{
    return c != ' ' && c != '\t' && c != '\r' && c != '\n';
}

void dkim_body_take(struct dkim_body *b, struct span bytes)
{
    for (size_t i = 0; i < bytes.len;) {
        char c = bytes.at[i];
        size_t start = i;
        while (i < bytes.len && is_word(bytes.at[i]))
            i++;
        if (i > start) {
            body_put_waiting(b);
            body_put(b, bytes.at + start, i - start);
            continue;
        }
        i++;
        if (c == '\n' && b->content)
            body_put(b, "\r\n", 2);
        else if (c == '\n')
            b->empty_lines++;
        if (c == '\n')
            b->content = b->blank = false;
        else if (c != '\r')
            b->blank = true;
    }
}

int dkim_body_end(struct dkim_body *b, unsigned char ret_hash[DKIM_HASH])
{
    if (b->content)
        body_put(b, "\r\n", 2); /* the last line had no end */
    body_flush(b);
    int ok = EVP_DigestFinal_ex(b->digest, ret_hash, NULL);
    dkim_body_free(b);
    return ok == 1 ? 0 : -ENOMEM;
}

/* --- the header (3.4.2) ---------------------------------------------------------------------- */

static int append_relaxed(struct buffer *out, struct span name, struct span body)
{
    bool blank = false, begun = false;
    int rc = buffer_reserve(out, name.len + body.len + 4);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] != ' ' && name.at[i] != '\t')
            out->at[out->len++] = ascii_lower(name.at[i]);
    out->at[out->len++] = ':';
    for (size_t i = 0; i < body.len; i++) {
        if (!is_word(body.at[i])) {
            blank = true;
            continue;
        }
        if (blank && begun)
            out->at[out->len++] = ' ';
        out->at[out->len++] = body.at[i];
        blank = false;
        begun = true;
    }
    return 0;
}

static const struct {
    const char *name;
    bool once_more;
} signed_fields[] = {
    {"From", true},
    {"To", true},
    {"Cc", true},
    {"Subject", true},
    {"Date", true},
    {"Message-ID", true},
    {"Reply-To", true},
    {"In-Reply-To", true},
    {"References", true},
    {"Sender", true},
    {"MIME-Version", true},
    {"Content-Type", true},
    {"Content-Transfer-Encoding", true},
    {"List-Id", false},
    {"List-Unsubscribe", false},
    {"List-Unsubscribe-Post", false},
    {"Feedback-ID", false},
    {"Auto-Submitted", false},
};

/* What h= says, folded; and what it stands for, in data. */
struct signed_list {
    struct buffer *names, *data;
    size_t line;
};

static int list_name(struct signed_list *list, const char *name)
{
    size_t len = strlen(name);
    int rc = list->names->len ? buffer_append_byte(list->names, ':') : 0;
    if (rc == 0 && list->line + len > H_LINE) {
        rc = buffer_append_text(list->names, "\r\n\t\t");
        list->line = 0;
    }
    list->line += len + 1;
    return rc < 0 ? rc : buffer_append_text(list->names, name);
}

/* The last of a name is the first to be signed (5.4.2). */
static int list_fields(struct signed_list *list, struct span header, size_t index)
{
    AUTO_BUFFER instances = BUFFER(DATA_MAX); /* of struct header_field */
    struct span rest = header, name = span_of(signed_fields[index].name);
    struct header_field field;
    int rc = 0;
    while (rc == 0 && header_next(&rest, &field))
        if (span_equal_nocase(field.name, name))
            rc = buffer_append(&instances, span_make(&field, sizeof field));
    for (size_t end = instances.len; rc == 0 && end > 0; end -= sizeof field) {
        memcpy(&field, instances.at + end - sizeof field, sizeof field);
        rc = list_name(list, signed_fields[index].name);
        if (rc == 0)
            rc = append_relaxed(list->data, field.name, field.body);
        if (rc == 0)
            rc = buffer_append(list->data, SPAN("\r\n"));
    }
    return rc == 0 && signed_fields[index].once_more ? list_name(list, signed_fields[index].name)
                                                     : rc;
}

/* --- signing --------------------------------------------------------------------------------- */

static int make_signature(const struct dkim_key *key, const unsigned char hash[DKIM_HASH],
                          unsigned char *signature, size_t *len)
{
    bool ok = false;
    if (key->algorithm == DKIM_RSA) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
        ok = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
             EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
             EVP_PKEY_sign(ctx, signature, len, hash, DKIM_HASH) == 1;
        EVP_PKEY_CTX_free(ctx);
    } else {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
             EVP_DigestSign(ctx, signature, len, hash, DKIM_HASH) == 1;
        EVP_MD_CTX_free(ctx);
    }
    ERR_clear_error();
    return ok ? 0 : -ENOMEM;
}

/* Everything up to and with "b=". */
static int write_tags(const struct dkim_key *key, const struct dkim_signing *s, struct span names,
                      struct buffer *out)
{
    int rc =
        buffer_printf(out, " v=1; a=%s-sha256; c=relaxed/relaxed; d=%s;\r\n\ts=%s; t=%lld;\r\n\th=",
                      key->algorithm == DKIM_RSA ? "rsa" : "ed25519", s->domain, s->selector,
                      (long long)s->now_ms / 1000);
    if (rc == 0)
        rc = buffer_append(out, names);
    if (rc == 0)
        rc = buffer_append_text(out, ";\r\n\tbh=");
    if (rc == 0)
        rc = base64_encode(out, span_make(s->body_hash, DKIM_HASH));
    return rc < 0 ? rc : buffer_append_text(out, ";\r\n\tb=");
}

static int append_folded(struct buffer *out, struct span text)
{
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < text.len; at += B_LINE) {
        if (at)
            rc = buffer_append_text(out, "\r\n\t ");
        if (rc == 0)
            rc = buffer_append(out, span_first(span_from(text, at), B_LINE));
    }
    return rc;
}

int dkim_sign(const struct dkim_key *key, const struct dkim_signing *s, struct buffer *out)
{
    AUTO_BUFFER names = BUFFER(DKIM_SIGNATURE), data = BUFFER(DATA_MAX), tags = BUFFER(8192);
    AUTO_BUFFER text = BUFFER(2048);
    unsigned char hash[DKIM_HASH], signature[512];
    size_t len = sizeof signature;
    struct signed_list list = {&names, &data, 0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof signed_fields / sizeof *signed_fields; i++)
        rc = list_fields(&list, s->header, i);
    if (rc == 0)
        rc = write_tags(key, s, buffer_span(&names), &tags);
    if (rc == 0)
        rc = append_relaxed(&data, SPAN("DKIM-Signature"), buffer_span(&tags));
    if (rc == 0 && EVP_Digest(data.at, data.len, hash, NULL, EVP_sha256(), NULL) != 1)
        rc = -ENOMEM;
    if (rc == 0)
        rc = make_signature(key, hash, signature, &len);
    if (rc == 0)
        rc = base64_encode(&text, span_make(signature, len));
    if (rc == 0)
        rc = buffer_append_text(out, "DKIM-Signature:");
    if (rc == 0)
        rc = buffer_append(out, buffer_span(&tags));
    if (rc == 0)
        rc = append_folded(out, buffer_span(&text));
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}
