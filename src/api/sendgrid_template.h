/* What the files of SendGrid's templates share: their JSON, and one call on its way. */
#ifndef API_SENDGRID_TEMPLATE_H
#define API_SENDGRID_TEMPLATE_H

#include "api/sendgrid.h"
#include "submit/templates.h"

#define SENDGRID_NAME_MAX    100
#define SENDGRID_SUBJECT_MAX 255
#define SENDGRID_ID          40 /* with the NUL */
#define SENDGRID_UPDATED     24
/* Of a call: a page of templates with their versions, or two bodies read and written. */
#define SENDGRID_TEMPLATE_MEMORY ((size_t)64 * 1024 * 1024)
#define SENDGRID_SHOWN_MAX       ((size_t)24 * 1024 * 1024) /* bodies in one answer */

struct shelf {
    struct http_request *r;
    struct identity who;
    struct arena arena;
    struct json_object *body; /* owned */
    struct span id, space;    /* of the path's template; empty: none */
};
/* Who may, and the body if there is to be one: 0, or the answer has been chosen; shelf_close
 * must follow either way. Yields. */
must_check int shelf_co_open(struct shelf *c, struct http_request *r, const char *scope,
                             bool has_body);
void shelf_close(struct shelf *c);
/* Chooses the answer to ERR_ABSENT, -E2BIG, ERR_SYNTAX of the store. */
must_check int shelf_answer_code(struct shelf *c, int rc);
/* "name" of the body, 1 to 100 characters. */
must_check int shelf_take_name(struct shelf *c, struct span *ret_name);

/* sendgrid_versions.c */
void sendgrid_new_uuid(char ret_id[SENDGRID_ID]);
const char *sendgrid_updated(int64_t wall_ms, char ret_text[SENDGRID_UPDATED]);
/* Beside html_content and plain_content. */
struct json_object *sendgrid_version_json(struct span template_id,
                                          const struct stored_version *version);
/* With them. The text that is made of HTML is made anew; -ENOMEM. Yields. */
must_check int sendgrid_co_add_bodies(struct shelf *c, struct json_object *o,
                                      const struct stored_version *version);

#endif
