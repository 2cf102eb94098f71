/*
 * The providers' doors: HTTP dialects that all end in submit_co_send (submit/send.h).
 *
 * A dialect is a table of routes (http/route.h) with its own shape of errors, in a folder-like
 * group of files of this room: native_*.c, sendgrid_*.c, mailgun_*.c, ses_*.c, smtpcom_*.c. Which
 * one answers is chosen by how the client authenticates, then by path (choose.c).
 */
#ifndef API_API_H
#define API_API_H

#include "deliver/deliver.h"
#include "directory/key.h"
#include "http/request.h"
#include "submit/send.h"

/* What every request finds in its arg; the office fills it, and it outlives all requests. */
struct api {
    const struct submit_door *door;
    struct store *store;
    struct directory *directory;
    struct deliver *deliver; /* NULL until delivery has started */
    const char *hostname;
    unsigned port_offset;
    void *office; /* the owner, for its own pages */
};
static inline const struct api *api_of(const struct http_request *r)
{
    return r->arg;
}

extern const struct http_table native_table, sendgrid_table, mailgun_table, ses_table,
    smtpcom_table;

/* Which dialect answers: 0 with the table, or ERR_ABSENT: none, it is one of the office's own
 * pages or nobody's. Yields (a key that two dialects send alike is looked up). */
must_check int api_co_choose(struct http_request *r, const struct http_table **ret_table);

/* Who asks, by the credential that the dialect sends: 0, ERR_DENIED (no or a wrong one: the dialect
 * answers with its own 401), or a store's error. SES signs its requests: see ses.h. Yields. */
must_check int api_co_identify(struct http_request *r, enum key_dialect dialect,
                               struct identity *ret_who);

#endif
