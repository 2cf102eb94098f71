/*
 * Amazon SES: version 2 (JSON, /v2/email/...) and version 1 (forms in, XML out, Action=...).
 *
 * An operation is one function for both: it reads a JSON tree in version 2's names and fills
 * another. Version 1's forms become such trees (ses_query.c), its names are changed on the way in
 * and out (ses_v1.c). What is refused has one list of problems with each version's own code
 * (ses_error.c).
 *
 * Where SES drops a letter later, with an event only, because its template lacks an attribute, the
 * call is refused here, with the words of that event: no letter is lost that SES would deliver.
 * Configuration sets and message tags are kept with the letter, whether or not they are known.
 */
#ifndef API_SES_H
#define API_SES_H

#include "api/api.h"
#include "api/member.h"
#include "submit/templates.h"

#define SES_RECIPIENTS_MAX 50
#define SES_BODY_MAX       (60 * 1024 * 1024) /* a letter of 40 MB in base64, in JSON or in a form */
#define SES_MEMORY         ((size_t)192 * 1024 * 1024)
#define SES_DATA_MAX       262144 /* characters of template data */

enum ses_problem {
    SES_OK,
    SES_BAD_REQUEST,
    SES_REJECTED,         /* of the letter: MessageRejected */
    SES_NO_TEMPLATE,      /* it does not exist */
    SES_NO_IDENTITY,      /* the same */
    SES_EXISTS,           /* already */
    SES_BAD_TEMPLATE,     /* a template's source */
    SES_MISSING_VARIABLE, /* of a template's data */
    SES_BAD_DATA,         /* template data that is no JSON object */
    SES_BAD_TOKEN,        /* NextToken */
    SES_LIMIT,
    SES_THROTTLED, /* over the quota */
    SES_DENIED,    /* the key's scopes */
    SES_UNSIGNED,
    SES_BAD_SIGNATURE_FORM,
    SES_BAD_SIGNATURE,
    SES_NO_KEY,
    SES_NO_OPERATION,
    SES_NO_ACTION,
    SES_UNAVAILABLE,
    SES_PROBLEMS,
};

struct ses_call {
    struct http_request *r;
    struct identity who;
    struct arena arena; /* of the call */
    bool query;         /* version 1 */
    struct span body;   /* as it came */
    char region[32];    /* that it was signed for, in capitals */
    enum ses_problem problem;
    char words[400];
};

/* Fills out; 0, ERR_DENIED after ses_refuse, or a code of ours (request.h). Yields. */
typedef int ses_co_operation(struct ses_call *c, struct json_object *in, struct json_object *out);
ses_co_operation ses_send_co_email, ses_send_co_bulk;
ses_co_operation ses_template_co_create, ses_template_co_get, ses_template_co_update,
    ses_template_co_delete, ses_template_co_list, ses_template_co_render;
ses_co_operation ses_identity_co_list, ses_identity_co_get, ses_identity_co_create,
    ses_identity_co_delete;
ses_co_operation ses_account_co_get;

/* Keeps what is wrong, for the answer; gives ERR_DENIED. */
int ses_refuse(struct ses_call *c, enum ses_problem problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a member that must be there, or is of another type. */
int ses_refuse_member(struct ses_call *c, const char *name, const char *type);

/* --- members: 0 also where there is none, unless required ------------------------------------- */

must_check int ses_text(struct ses_call *c, struct json_object *o, const char *name,
                        struct span *ret_text);
must_check int ses_need_text(struct ses_call *c, struct json_object *o, const char *name,
                             struct span *ret_text);
must_check int ses_object(struct ses_call *c, struct json_object *o, const char *name,
                          struct json_object **ret_o);
must_check int ses_need_object(struct ses_call *c, struct json_object *o, const char *name,
                               struct json_object **ret_o);
must_check int ses_array(struct ses_call *c, struct json_object *o, const char *name,
                         struct json_object **ret_list, size_t *ret_count);

/* --- entering and answering (ses.c, ses_error.c) ---------------------------------------------- */

/* Every answer carries its request's id: called once it is known that SES answers. */
void ses_begin(struct http_request *r);
struct span ses_request_id(const struct http_request *r);
/* Who has signed; the body is read. 0, or ERR_DENIED after ses_refuse, … Yields. */
must_check int ses_co_enter(struct ses_call *c);
/* ERR_DENIED after ses_refuse if the key may not. Yields. */
must_check int ses_co_may(struct ses_call *c, const char *scope);
/* The answer for a problem, in the version's shape. */
must_check int ses_answer_problem(struct ses_call *c);
/* Errors of the server itself; for struct http_table. */
int ses_shape(const struct http_request *r, int status, struct span words, struct buffer *out,
              const char **ret_type);
int ses_v1_co_answer(struct http_request *r);

/* Max24HourSend, MaxSendRate, SentLast24Hours. Yields. */
must_check int ses_co_quota(struct ses_call *c, struct json_object *out);
/* Version 1's attributes of Identities: {"entry": [{"key", "value"}]}. Yields. */
must_check int ses_identity_co_attributes(struct ses_call *c, struct json_object *in, bool dkim,
                                          struct json_object *ret_map);

/* --- version 1 (ses_query.c); pure ------------------------------------------------------------ */

/* "A.B.member.1.C=v" becomes {"A": {"B": [{"C": "v"}]}}, to be given back with json_object_put.
 * ERR_SYNTAX: not well encoded, or names that contradict each other; -E2BIG. */
must_check int ses_query_read(struct span form, struct json_object **ret_tree);
/* A tree as elements: lists as <member>, or repeated where they are called "entry". */
must_check int ses_query_print(struct json_object *tree, struct buffer *out);
must_check int ses_xml_text(struct buffer *out, struct span text);

/* --- what sends share (ses_letter.c) ---------------------------------------------------------- */

struct ses_letter {
    struct content content;
    struct send send;
    struct json_object *meta; /* what is kept with the letter */
};
must_check int ses_take_mailbox(struct ses_call *c, struct span text, struct mailbox *ret_box);
/* ToAddresses, CcAddresses, BccAddresses of a Destination. */
must_check int ses_take_destination(struct ses_call *c, struct json_object *destination,
                                    struct content_group *group);
/* FromEmailAddress, ReplyToAddresses, FeedbackForwardingEmailAddress, tags, … Yields. */
must_check int ses_co_take_envelope(struct ses_call *c, struct json_object *in,
                                    struct ses_letter *l);
/* Headers and Attachments of a Simple or a Template. */
must_check int ses_take_extras(struct ses_call *c, struct json_object *o, struct ses_letter *l);
must_check int ses_take_headers(struct ses_call *c, struct json_object *o, const char *name,
                                const struct compose_header **ret_headers, size_t *ret_count);
must_check int ses_take_tags(struct ses_call *c, struct json_object *o, const char *name,
                             struct json_object *meta);
/* The template that o (of Content, DefaultContent) names or holds. Yields. */
must_check int ses_co_take_template(struct ses_call *c, struct json_object *o,
                                    struct ses_letter *l);
/* Template data, as a string of JSON; the value is to be given back. */
must_check int ses_read_data(struct ses_call *c, struct span text, struct json_object **ret_data);
/* A subject; encoded words in it are read. */
must_check int ses_take_subject(struct ses_call *c, struct span text, struct ses_letter *l);
/* A refusal of a template with data: a variable that is missing ("": none is), or in words. */
int ses_refuse_template(struct ses_call *c, const char *variable, const char *text);
/* A refusal of the door. */
int ses_refuse_send(struct ses_call *c, const struct ses_letter *l,
                    const struct send_result *result);
/* Members of over replace those of base, objects member by member. */
must_check int ses_merge_data(struct json_object *base, struct json_object *over,
                              struct json_object **ret_data);

/* --- X-SES fields (ses_headers.c); pure ------------------------------------------------------- */

/* Copies a header without X-SES-CONFIGURATION-SET, X-SES-MESSAGE-TAGS, X-SES-*-ARN and
 * X-SES-LIST-MANAGEMENT-OPTIONS; what they say goes into meta, where it does not say so yet. */
must_check int ses_headers_strip(struct span header, struct json_object *meta, struct buffer *out);

/* Copies a header without the fields of one name. */
must_check int ses_headers_without(struct span header, struct span name, struct buffer *out);

/* --- templates (ses_template.c) --------------------------------------------------------------- */

/* A template's parts compile, or ERR_DENIED after ses_refuse. */
must_check int ses_template_check(struct ses_call *c, const struct stored_version *parts);
/* By its name. Yields. */
must_check int ses_co_find_template(struct ses_call *c, struct span name,
                                    struct stored_version *ret_parts);
void ses_set_template(struct content *content, const struct stored_version *parts);
/* NextToken (may be empty) and PageSize of a list. */
must_check int ses_take_page(struct ses_call *c, struct json_object *in, unsigned max,
                             unsigned otherwise, struct span *ret_token, unsigned *ret_size);

#endif
