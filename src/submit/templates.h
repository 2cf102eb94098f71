/*
 * Templates in the store: named, with versions of which one is active, and test data.
 *
 * A space keeps the names of dialects apart: "native", "sendgrid", "ses", "mailgun:example.org".
 * Names and tags are the dialect's own. Functions of the calls yield; those with a tx run in jobs.
 */
#ifndef SUBMIT_TEMPLATES_H
#define SUBMIT_TEMPLATES_H

#include "base/arena.h"
#include "store/db.h"

#define TEMPLATES_NAME_MAX     256
#define TEMPLATES_BODY_MAX     ((size_t)1024 * 1024) /* of each of text, html, amp */
#define TEMPLATES_META_MAX     ((size_t)256 * 1024)  /* of test data, too */
#define TEMPLATES_TITLE_MAX    1024
#define TEMPLATES_SUBJECT_MAX  ((size_t)16 * 1024)
#define TEMPLATES_VERSIONS_MAX 256 /* of a template */

struct stored_template {
    int64_t id;
    struct span name;  /* unique within tenant and space */
    struct span title; /* for people: SendGrid's name, Mailgun's description */
    struct span meta;  /* of the dialect, JSON; may be empty */
    int64_t created_ms, updated_ms;
};
struct stored_version {
    struct span tag;   /* unique within its template */
    struct span title; /* for people: SendGrid's name, Mailgun's comment */
    bool active;       /* one at most of a template */
    struct span subject, text, html, amp;
    struct span test_data; /* JSON; may be empty */
    struct span meta;      /* of the dialect, JSON: headers, editor, engine; may be empty */
    int64_t created_ms, updated_ms;
};

/* Empty spans of a change mean empty; what stays is read before. -E2BIG past the limits above;
 * ERR_SYNTAX: no UTF-8, no name or tag. ERR_EXISTS, ERR_ABSENT. ids and times are set by these
 * functions; a change of a version also updates its template. */
must_check int templates_co_add(struct store *store, int64_t tenant, struct span space,
                                const struct stored_template *one);
/* The template and its first version in one commit; the version is active. */
must_check int templates_co_add_with(struct store *store, int64_t tenant, struct span space,
                                     const struct stored_template *one,
                                     const struct stored_version *version);
must_check int templates_co_change(struct store *store, int64_t tenant, struct span space,
                                   const struct stored_template *one); /* title, meta, by name */
/* Its versions too. Many of them take several jobs: after a failure in between the template is
 * there with the rest, and can be removed again. */
must_check int templates_co_remove(struct store *store, int64_t tenant, struct span space,
                                   struct span name);
must_check int templates_co_find(struct store *store, int64_t tenant, struct span space,
                                 struct span name, struct arena *arena,
                                 struct stored_template *ret_one);
/* In order of name behind `after` (at most limit, 256); backwards: in front of it, the nearest
 * first. An empty `after`: from the first, or backwards from the last. */
must_check int templates_co_list(struct store *store, int64_t tenant, struct span space,
                                 struct span after, bool backwards, unsigned limit,
                                 struct arena *arena, struct stored_template **ret_list,
                                 size_t *ret_count);
must_check int templates_co_count(struct store *store, int64_t tenant, struct span space,
                                  size_t *ret_count);

/* A version that is active makes the others of its template inactive. */
must_check int templates_co_version_add(struct store *store, int64_t tenant, struct span space,
                                        struct span name, const struct stored_version *version);
must_check int templates_co_version_change(struct store *store, int64_t tenant, struct span space,
                                           struct span name, const struct stored_version *version);
must_check int templates_co_version_remove(struct store *store, int64_t tenant, struct span space,
                                           struct span name, struct span tag);
/* tag empty: the active one. */
must_check int templates_co_version_find(struct store *store, int64_t tenant, struct span space,
                                         struct span name, struct span tag, struct arena *arena,
                                         struct stored_version *ret_version);
/* All of a template, oldest first, without text, html, amp; at most 256. */
must_check int templates_co_version_list(struct store *store, int64_t tenant, struct span space,
                                         struct span name, struct arena *arena,
                                         struct stored_version **ret_list, size_t *ret_count);

#endif
