/* SCRAM on libgsasl; see scram.h. */
#include "directory/scram.h"

#include "base/base64.h"
#include "directory/sasl.h"

#include <errno.h>
#include <gsasl.h>
#include <stdlib.h>

struct scram {
    struct directory *directory;
    struct scram_kind kind;
    struct scram_found found;
    bool foreign; /* asks to act for somebody else: as if unknown */
    Gsasl_session *session;
    struct buffer name;
};

void scram_free(struct scram *scram)
{
    if (!scram)
        return;
    if (scram->session)
        gsasl_finish(scram->session);
    buffer_free(&scram->name);
    sodium_memzero(scram, sizeof *scram);
    free(scram);
}

const struct identity *scram_who(const struct scram *scram)
{
    return &scram->found.who;
}

/* --- what libgsasl is given ------------------------------------------------------------------- */

static int give_base64(struct scram *scram, Gsasl_property property, const void *at, size_t size)
{
    AUTO_BUFFER text = BUFFER(128);
    int rc = base64_encode(&text, span_make(at, size));
    if (rc < 0)
        return rc;
    int code = gsasl_property_set_raw(scram->session, property, text.at, text.len);
    sodium_memzero(text.at, text.size);
    return code == GSASL_OK ? 0 : -ENOMEM;
}

static int give_keys(struct scram *scram)
{
    const struct scram_keys *keys = &scram->found.keys;
    size_t size = scram->kind.hash == SCRAM_SHA_1 ? SCRAM_KEY_SHA1 : SCRAM_KEY;
    AUTO_BUFFER iterations = BUFFER(32);
    int rc = buffer_append_uint(&iterations, (uint64_t)keys->iterations);
    if (rc == 0 && gsasl_property_set_raw(scram->session, GSASL_SCRAM_ITER, iterations.at,
                                          iterations.len) != GSASL_OK)
        rc = -ENOMEM;
    if (rc == 0)
        rc = give_base64(scram, GSASL_SCRAM_SALT, keys->salt, SCRAM_SALT);
    if (rc == 0)
        rc = give_base64(scram, GSASL_SCRAM_STOREDKEY, keys->stored, size);
    return rc < 0 ? rc : give_base64(scram, GSASL_SCRAM_SERVERKEY, keys->server, size);
}

static int start(struct scram *scram, const unsigned char exporter[STREAM_EXPORTER])
{
    static const char *const names[][2] = {{"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"},
                                           {"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}};
    const char *name = names[scram->kind.hash][scram->kind.plus];
    if (gsasl_server_start(scram->directory->gsasl, name, &scram->session) != GSASL_OK)
        return -ENOMEM;
    int rc = give_keys(scram);
    if (rc == 0 && scram->kind.plus)
        rc = give_base64(scram, GSASL_CB_TLS_EXPORTER, exporter, STREAM_EXPORTER);
    return rc;
}

/* One message in, the reply out: GSASL_OK, GSASL_NEEDS_MORE as they are (0, 1), or our errors. */
static int step(struct scram *scram, struct span message, struct buffer *reply)
{
    char *out = NULL;
    size_t len = 0;
    int code = gsasl_step(scram->session, message.at, message.len, &out, &len);
    if (code == GSASL_OK || code == GSASL_NEEDS_MORE) {
        int rc = buffer_append(reply, span_make(out, len));
        gsasl_free(out);
        return rc < 0 ? rc : code;
    }
    if (code == GSASL_MALLOC_ERROR || code == GSASL_CRYPTO_ERROR)
        return -ENOMEM;
    return code == GSASL_MECHANISM_PARSE_ERROR ? ERR_SYNTAX : ERR_DENIED;
}

/* --- the dialogue ----------------------------------------------------------------------------- */

/* bindable: this connection has an exporter, so -PLUS was offered. */
static bool binding_fits(struct scram_kind kind, bool bindable,
                         const struct sasl_scram_first *first)
{
    if (kind.plus)
        return bindable && first->flag == 'p' && span_equal(first->binding, SPAN("tls-exporter"));
    return first->flag == 'n' || (first->flag == 'y' && !bindable);
}

static int read_names(struct scram *scram, const struct sasl_scram_first *first)
{
    AUTO_BUFFER authzid = BUFFER(SASL_LINE_MAX);
    int rc = sasl_scram_name(first->name, &scram->name);
    if (rc == 0)
        rc = sasl_scram_name(first->authzid, &authzid);
    scram->foreign =
        authzid.len && !span_equal_nocase(buffer_span(&authzid), buffer_span(&scram->name));
    return rc;
}

static int scram_co_open(struct scram *scram, const struct stream *st, struct span message,
                         struct buffer *name, struct buffer *reply)
{
    struct sasl_scram_first first;
    unsigned char exporter[STREAM_EXPORTER] = {0};
    bool bindable = stream_tls_exporter(st, exporter) == 0;
    int rc = sasl_parse_scram_first(message, &first);
    if (rc == 0)
        rc = read_names(scram, &first);
    if (rc == 0)
        rc = buffer_append(name, buffer_span(&scram->name));
    if (rc == 0 && !binding_fits(scram->kind, bindable, &first))
        rc = ERR_DENIED;
    if (rc == 0)
        rc = scram_co_find(scram->directory, scram->kind.hash, buffer_span(&scram->name),
                           &scram->found);
    if (rc == 0)
        rc = start(scram, exporter);
    if (rc == 0)
        rc = step(scram, message, reply);
    sodium_memzero(exporter, sizeof exporter);
    return rc == GSASL_NEEDS_MORE ? 0 : rc < 0 ? rc : ERR_SYNTAX;
}

int scram_co_begin(struct directory *d, const struct stream *st, struct scram_kind kind,
                   struct span message, struct buffer *name, struct buffer *reply,
                   struct scram **ret_scram)
{
    struct scram *scram = calloc(1, sizeof *scram);
    if (!scram)
        return -ENOMEM;
    scram->directory = d;
    scram->kind = kind;
    scram->name = BUFFER(SASL_LINE_MAX);
    int rc = scram_co_open(scram, st, message, name, reply);
    if (rc == 0)
        *ret_scram = scram;
    else
        scram_free(scram);
    return rc;
}

int scram_co_verify(struct scram *scram, struct span message, struct buffer *reply)
{
    struct scram_found now;
    int code = span_find(message, '\0') >= 0 ? ERR_SYNTAX : step(scram, message, reply);
    if (code == GSASL_NEEDS_MORE)
        return ERR_SYNTAX;
    if (code < 0 && code != ERR_DENIED)
        return code;
    int rc = scram_co_find(scram->directory, scram->kind.hash, buffer_span(&scram->name), &now);
    if (rc < 0)
        return rc;
    bool fits = code == GSASL_OK && !scram->foreign && scram->found.known && now.known &&
                now.version == scram->found.version;
    sodium_memzero(&now, sizeof now);
    return fits ? 0 : ERR_DENIED;
}
