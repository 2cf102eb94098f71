/*
 * Merging: a content's templates, compiled once, and one group's data become a letter.
 *
 * Takes CPU (rendering, composing): run it in a lane. What it makes lives in the arena given.
 */
#ifndef SUBMIT_MERGE_H
#define SUBMIT_MERGE_H

#include "submit/content.h"

#define MERGE_PARTS_MAX 64 /* templates of a content: subject, bodies, fields */

struct merge;

struct merge_fault {
    struct compose_fault compose; /* ERR_SYNTAX of compose_open; why NULL: not that */
    char text[300];               /* words */
    char variable[100];           /* strict: the one that is missing; or empty */
};
/* The content must outlive it. ERR_SYNTAX: a template is wrong, text says where; -ENOMEM; -E2BIG:
 * too many fields. */
must_check int merge_open(const struct content *content, struct merge **ret_merge,
                          struct merge_fault *ret_fault);
void merge_free(struct merge *merge); /* NULL is fine */

struct merge_letter {
    int64_t id;         /* of the letter: boundaries */
    struct span msg_id; /* unless the content has one */
    const char *domain;
    int64_t date_ms;
    struct span missing; /* of what was not strict: the first variable that was not there */
    struct span subject, text, html, amp; /* set: what the templates became */
};
/* ERR_SYNTAX, ERR_ABSENT (strict: a variable is missing), ERR_FULL (a budget), -EINVAL, -E2BIG:
 * text says what. Everything of *ret_compose lives in the arena and in the content. */
must_check int merge_group(const struct merge *merge, const struct content_group *group,
                           struct merge_letter *letter, struct arena *arena,
                           struct compose *ret_compose, struct merge_fault *ret_fault);

#endif
