/*
 * Stored templates of the Mailgun dialect: how they lie in submit/templates.h, and what the
 * endpoints of templates and of versions share.
 *
 * A domain has a space of its own. Names and tags are in lower case. A template's meta is
 * {"createdBy"}, a version's {"engine", "headers": {"Subject", "From", "Reply-To"}}; the body is
 * its html.
 */
#ifndef API_MAILGUN_STORED_H
#define API_MAILGUN_STORED_H

#include "api/mailgun.h"
#include "submit/templates.h"

#define MAILGUN_SPACE (ADDRESS_DOMAIN_MAX + 16)
struct span mailgun_space(const char *domain, char text[MAILGUN_SPACE]);
/* In lower case (ASCII's), terminated. ERR_SYNTAX: too long, empty, or no UTF-8. */
must_check int mailgun_stored_name(struct span given, char ret_name[TEMPLATES_NAME_MAX + 1]);
/* What a meta says: an object, to be given back. */
struct json_object *mailgun_stored_meta(struct span meta);
/* An id in the form of a UUID. */
#define MAILGUN_ID 40
const char *mailgun_id(int64_t id, int64_t second, char text[MAILGUN_ID]);

/* One call: whose templates, and which one. */
struct mailgun_shelf {
    struct mailgun_caller caller;
    struct store *store;
    int64_t tenant;
    struct span space;
    char space_text[MAILGUN_SPACE];
    char name[TEMPLATES_NAME_MAX + 1], tag[TEMPLATES_NAME_MAX + 1]; /* of the path, or empty */
};
/* 0, or the answer has been chosen. Yields. */
must_check int mailgun_co_open_shelf(struct http_request *r, const char *scope,
                                     struct mailgun_shelf *s);
/* A code of the store becomes the answer's; 0 stays. what: "template". */
must_check int mailgun_shelf_fail(struct http_request *r, const char *what, int rc);
must_check int mailgun_answer_named(struct http_request *r, const char *message,
                                    const struct mailgun_shelf *s);

struct mailgun_page {
    bool backwards;
    struct span pivot;
    unsigned limit;
};
must_check int mailgun_read_page(struct http_request *r, struct mailgun_page *ret_page);
/* "paging", for a page from first to last (empty: there is nothing on it). */
must_check int mailgun_put_paging(struct http_request *r, struct json_object *o,
                                  const struct mailgun_page *page, struct span first,
                                  struct span last);

struct json_object *mailgun_template_json(const struct stored_template *one);
struct json_object *mailgun_version_json(const struct stored_template *of,
                                         const struct stored_version *version, bool body);
/* What a form says of a version; what it does not say stays. */
must_check int mailgun_version_take(struct http_request *r, const struct form *form,
                                    struct mailgun_shelf *s, struct stored_version *version);

#endif
