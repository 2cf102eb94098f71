/*
 * A mail/send on its way: what the files that read it share. Letters with X-SMTPAPI are read into
 * the same, so that templates, sections and footers are one thing by HTTP and by SMTP.
 */
#ifndef API_SENDGRID_MAIL_H
#define API_SENDGRID_MAIL_H

#include "api/sendgrid.h"

#define SENDGRID_GROUPS_MAX     1000 /* personalizations */
#define SENDGRID_RECIPIENTS_MAX 1000
#define SENDGRID_CATEGORIES_MAX 10
#define SENDGRID_CATEGORY_MAX   255
#define SENDGRID_ARGS_MAX       10000 /* bytes of custom_args together */
#define SENDGRID_AHEAD_MS       ((int64_t)72 * 3600 * 1000)

struct sendgrid_mail {
    const struct api *api;
    struct arena arena; /* what is read lives here, and in the JSON it was read from */
    struct content content;
    struct send send;
    struct content_group *groups;
    struct json_object *meta; /* kept with the letter; owned */
    struct json_object *args; /* custom_args of all, within meta */
    struct span template_id;  /* empty: none */
    struct span footer_text, footer_html;
    size_t recipients;
    int64_t now_ms;
    /* At fault: ERR_SYNTAX was returned. */
    char field[SENDGRID_FIELD_MAX]; /* empty: none */
    const char *why;
};

/* Says what is wrong, and gives ERR_SYNTAX; the field's path is printed. */
int sendgrid_wrong(struct sendgrid_mail *m, const char *why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Words in the arena, for sendgrid_wrong. */
const char *sendgrid_words(struct sendgrid_mail *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* No CR, LF or other control character: fit for a field of the header. */
bool sendgrid_is_line(struct span text);
/* Puts a member into meta, if it is there. */
void sendgrid_keep(struct sendgrid_mail *m, struct json_object *o, const char *name);

/* sendgrid_people.c: personalizations become groups. */
must_check int sendgrid_take_from(struct sendgrid_mail *m, struct json_object *o);
must_check int sendgrid_take_reply_to(struct sendgrid_mail *m, struct json_object *o);
must_check int sendgrid_take_groups(struct sendgrid_mail *m, struct json_object *o);
must_check int sendgrid_take_time(struct sendgrid_mail *m, struct json_object *o,
                                  const char *prefix, int64_t *ret_ms);
must_check int sendgrid_check_time(struct sendgrid_mail *m, int64_t seconds, const char *prefix,
                                   int64_t *ret_ms);

/* sendgrid_content.c: the letter's parts and header. */
must_check int sendgrid_take_content(struct sendgrid_mail *m, struct json_object *o);
must_check int sendgrid_take_headers(struct sendgrid_mail *m, struct json_object *o,
                                     const char *prefix, const struct compose_header **ret_headers,
                                     size_t *ret_count, struct span *ret_message_id);
must_check int sendgrid_take_sections(struct sendgrid_mail *m, struct json_object *sections);

/* sendgrid_settings.c: what is kept in meta, and the footer. */
must_check int sendgrid_take_settings(struct sendgrid_mail *m, struct json_object *o);
must_check int sendgrid_check_args(struct sendgrid_mail *m, struct json_object *args,
                                   const char *path);

/* sendgrid_apply.c: once all is read: the template takes the content in, the footer goes below.
 * Yields. */
must_check int sendgrid_co_apply(struct sendgrid_mail *m);
/* The batch of m->send is one of this tenant's. Yields. */
must_check int sendgrid_co_check_batch(struct sendgrid_mail *m);

#endif
