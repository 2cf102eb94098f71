/*
 * The Mailgun dialect: sending, templates, domains. Forms in (urlencoded or multipart), JSON out;
 * errors are {"message": "…"}, but for the 401 of most paths, which is the text "Forbidden".
 */
#ifndef API_MAILGUN_H
#define API_MAILGUN_H

#include "api/api.h"
#include "api/member.h"
#include "http/form.h"

#define MAILGUN_REQUEST_MAX 54945382 /* 52.4 MiB */
#define MAILGUN_DATE        40

/* Who asks, and about which domain: that of the path, which is one of the tenant's, and the key's
 * if it has one. */
struct mailgun_caller {
    struct identity who;
    char domain[ADDRESS_DOMAIN_MAX + 1]; /* folded; empty where the path names none */
    int64_t domain_id;                   /* tells when it was made */
};
/* 0, or the answer has been chosen: 401, 404. Yields. */
must_check int mailgun_co_enter(struct http_request *r, const char *scope,
                                struct mailgun_caller *ret_caller);
/* {"message": "…"} */
must_check int mailgun_say(struct http_request *r, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The front of what a client gave, for words about it. */
struct span mailgun_quote(struct span given);
/* The request's form; one of another type counts as empty. Yields. */
must_check int mailgun_co_form(struct http_request *r, struct form *ret_form);
/* The value of the first field of that name; the empty span without. */
struct span mailgun_field(const struct form *form, const char *name);
bool mailgun_is_yes(struct span value); /* "yes", "true" */
/* "Wed, 29 Aug 2018 23:31:13 UTC" */
const char *mailgun_date(int64_t wall_ms, const char *zone, char text[MAILGUN_DATE]);
/* A page's address: this request's scheme and host, the path and what follows. */
must_check int mailgun_url(const struct http_request *r, struct buffer *out);

int mailgun_messages_co_post(struct http_request *r);
int mailgun_mime_co_post(struct http_request *r);

int mailgun_templates_co_get(struct http_request *r);
int mailgun_templates_co_post(struct http_request *r);
int mailgun_templates_co_delete(struct http_request *r);
int mailgun_template_co_get(struct http_request *r);
int mailgun_template_co_put(struct http_request *r);
int mailgun_template_co_delete(struct http_request *r);
int mailgun_versions_co_get(struct http_request *r);
int mailgun_versions_co_post(struct http_request *r);
int mailgun_version_co_get(struct http_request *r);
int mailgun_version_co_put(struct http_request *r);
int mailgun_version_co_delete(struct http_request *r);
int mailgun_version_co_copy(struct http_request *r);

int mailgun_domains_co_get(struct http_request *r);
int mailgun_domain_co_get(struct http_request *r);
int mailgun_domain_co_verify(struct http_request *r);

#endif
