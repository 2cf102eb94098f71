/* The bytes of a call: a letter composed and signed, a client's own letter, or the package of
 * several groups; see send_internal.h. What takes CPU runs in the signing lane. */
#include "submit/send_internal.h"

#include "mail/edit.h"
#include "mail/header.h"
#include "run/lane.h"
#include "submit/package.h"
#include "submit/sign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct making {
    struct sending *s;
    const struct content_group *group; /* to be composed; NULL: body is a letter already */
    const struct dkim_keys *keys;      /* NULL: not signed */
    struct buffer *out;
    struct merge_fault fault;
};

/* --- in the lane ----------------------------------------------------------------------------- */

/* Not strict: the event that the letter was accepted tells of the first one. Its name comes from
 * outside and may be cut: what is not plain is shown as '?'. */
static void note_missing(struct sending *s, struct span missing)
{
    char name[SEND_SOURCE / 2];
    size_t len = missing.len < sizeof name ? missing.len : sizeof name;
    if (len == 0 || s->source[0])
        return;
    for (size_t i = 0; i < len; i++)
        name[i] = missing.at[i] >= ' ' && missing.at[i] <= '~' ? missing.at[i] : '?';
    snprintf(s->source, sizeof s->source, "%s; the variable %.*s was missing", s->send->source,
             (int)len, name);
}

static int keep_rendered(struct send_rendered *r, const struct merge_letter *letter)
{
    int rc = buffer_append(&r->subject, letter->subject);
    if (rc == 0)
        rc = buffer_append(&r->text, letter->text);
    if (rc == 0)
        rc = buffer_append(&r->html, letter->html);
    if (rc == 0)
        rc = buffer_append(&r->amp, letter->amp);
    return rc < 0 ? rc : buffer_append(&r->missing, letter->missing);
}

static int compose_group(struct making *m, struct merge *merge)
{
    struct sending *s = m->s;
    char id[SEND_MESSAGE_ID];
    size_t number = (size_t)(m->group - s->send->groups);
    bool several = s->send->group_count > 1 && !s->send->one_id;
    AUTO_ARENA arena = ARENA(2 * (size_t)SEND_OCTETS_MAX);
    struct compose compose;
    struct merge_letter letter = {
        .id = s->letter,
        .msg_id = span_of(send_message_id(s->letter, number, several, s->domain, id)),
        .domain = s->domain,
        .date_ms = s->send->due_ms > s->now_ms ? s->send->due_ms : s->now_ms};
    int rc = merge_group(merge, m->group, &letter, &arena, &compose, &m->fault);
    note_missing(s, letter.missing);
    if (rc == 0 && s->rendered)
        rc = keep_rendered(s->rendered, &letter);
    if (rc == 0)
        rc = buffer_append(m->out, compose.header);
    if (rc == 0)
        rc = buffer_append_text(m->out, "\r\n");
    for (int more = 1; rc == 0 && more > 0;) {
        more = compose_next(&compose, m->out);
        rc = more < 0 ? more : 0;
    }
    s->eight_bit = s->eight_bit || (rc == 0 && compose.smtputf8);
    return rc;
}

static int compose_content(struct making *m)
{
    struct merge *merge;
    int rc = merge_open(m->s->send->content, &merge, &m->fault);
    if (rc < 0)
        return rc;
    rc = compose_group(m, merge);
    merge_free(merge);
    return rc;
}

static int make_letter(void *arg)
{
    struct making *m = arg;
    int rc = m->group ? compose_content(m) : 0;
    if (rc < 0 || !m->keys || m->keys->count == 0)
        return rc;
    struct sign_letter letter = {m->keys, m->s->domain, buffer_span(m->out)};
    return sign_whole(&letter, &m->s->head);
}

/* --- what went wrong ------------------------------------------------------------------------- */

static int explain(struct sending *s, const struct making *m, int rc)
{
    s->result->fault = m->fault.compose;
    if (m->group)
        s->result->group = (size_t)(m->group - s->send->groups);
    if (rc == -ENOMEM || rc == -ECANCELED || rc == -ETIMEDOUT || s->result->problem != SEND_OK)
        return rc;
    if (m->fault.compose.why)
        return sending_fail(s, SEND_BAD_CONTENT, ERR_SYNTAX, "%s", m->fault.compose.why);
    memcpy(s->result->variable, m->fault.variable, sizeof s->result->variable);
    if (m->fault.text[0])
        return sending_fail(s, SEND_BAD_TEMPLATE, ERR_SYNTAX, "%s", m->fault.text);
    if (rc == -ENOBUFS || rc == -E2BIG)
        return sending_fail(s, SEND_TOO_LARGE, -E2BIG, "The letter is larger than %d MiB",
                            SEND_OCTETS_MAX >> 20);
    return rc;
}

/* --- kinds of calls -------------------------------------------------------------------------- */

static int sending_co_in_lane(struct sending *s, struct making *m)
{
    int rc = lane_co_run(s->door->signing, make_letter, m, CO_FOREVER);
    return rc < 0 ? explain(s, m, rc) : 0;
}

static int sending_co_signed(struct sending *s, struct making *m)
{
    struct dkim_keys *keys;
    int rc = directory_co_dkim_keys(s->door->directory, s->domain, &keys);
    if (rc < 0)
        return rc;
    m->keys = keys;
    rc = sending_co_in_lane(s, m);
    dkim_keys_release(keys);
    return rc;
}

int sending_co_compose(struct sending *s, const struct content_group *group, struct buffer *out)
{
    struct making m = {.s = s, .group = group, .out = out};
    return sending_co_in_lane(s, &m);
}

/* The client's own letter: Bcc goes, what is missing comes, line ends become CRLF. */
static int copy_raw(struct sending *s)
{
    AUTO_BUFFER lines = BUFFER(2 * (size_t)SEND_OCTETS_MAX);
    struct edit_lines state = {0};
    struct edit edit = {.letter = s->letter, .hostname = s->domain, .now_ms = s->now_ms};
    int rc = edit_lines(&state, s->send->raw, &lines);
    if (rc == 0)
        rc = edit_lines_end(&state);
    if (rc == ERR_SYNTAX)
        return sending_fail(s, SEND_BAD_RAW, rc, "The letter has a CR alone, or a NUL");
    if (rc < 0)
        return rc;
    struct span letter = buffer_span(&lines);
    size_t header = header_length(letter);
    if (header == letter.len && buffer_append_text(&lines, "\r\n") == 0)
        letter = buffer_span(&lines);
    rc = edit_header(span_first(letter, header + 2), &edit, &s->body);
    if (rc == ERR_SYNTAX)
        return sending_fail(s, SEND_BAD_RAW, rc, "The header has a line that is no field");
    if (rc == 0)
        rc = buffer_append(&s->body, span_from(letter, header + 2));
    for (size_t i = 0; rc == 0 && !s->eight_bit && i < s->body.len; i++)
        s->eight_bit = (unsigned char)s->body.at[i] > 127;
    return rc;
}

static int sending_co_make_raw(struct sending *s)
{
    struct making m = {.s = s, .out = &s->body};
    int rc = copy_raw(s);
    if (rc < 0)
        return explain(s, &m, rc);
    return sending_co_signed(s, &m);
}

/* Each group is tried, so that what cannot be merged is told at the call: all in strict mode, else
 * the first. */
static int try_groups(void *arg)
{
    struct making *m = arg;
    struct sending *s = m->s;
    struct merge *merge;
    size_t count = s->send->content->strict ? s->send->group_count : 1;
    int rc = merge_open(s->send->content, &merge, &m->fault);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        m->group = &s->send->groups[i];
        buffer_clear(m->out);
        rc = compose_group(m, merge);
    }
    merge_free(merge);
    return rc;
}

static int sending_co_make_package(struct sending *s)
{
    AUTO_BUFFER tried = BUFFER(2 * (size_t)SEND_OCTETS_MAX);
    struct making m = {.s = s, .out = &tried};
    int rc = lane_co_run(s->door->signing, try_groups, &m, CO_FOREVER);
    s->kind = QUEUE_BODY_TEMPLATE;
    if (rc == 0)
        rc = package_write(s->send->content, &s->body);
    return rc < 0 ? explain(s, &m, rc) : 0;
}

int sending_co_make(struct sending *s)
{
    int rc;
    if (!s->send->content) {
        rc = sending_co_make_raw(s);
    } else if (s->send->group_count == 1) {
        struct making m = {.s = s, .group = s->send->groups, .out = &s->body};
        rc = sending_co_signed(s, &m);
    } else {
        rc = sending_co_make_package(s);
    }
    if (rc == 0 && s->body.len > SEND_OCTETS_MAX)
        rc = sending_fail(s, SEND_TOO_LARGE, -E2BIG, "The letter is larger than %d MiB",
                          SEND_OCTETS_MAX >> 20);
    return rc;
}
