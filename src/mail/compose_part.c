/* Composing: which parts, how nested, how encoded; see compose.h. */
#include "base/id.h"
#include "base/utf8.h"
#include "mail/compose_internal.h"
#include "mail/encode_word.h"
#include "mail/html_text.h"
#include "mail/mime.h"
#include "mail/parameter.h"

#include <errno.h>
#include <stdio.h>

#define BOUNDARY  48
#define SALTS_MAX 100U
#define HEADS_MAX ((size_t)1024 * 1024) /* of what stands before one part's content */

struct leaf {
    struct span type, subtype, parameters;
    struct span content;
    enum transfer_encoding encoding;
    const struct compose_attachment *attachment; /* NULL: a body */
};
enum level { LEVEL_MIXED, LEVEL_RELATED, LEVEL_ALTERNATIVE };

struct plan {
    const struct compose_letter *letter;
    struct arena *arena;
    struct leaf *leaves; /* bodies, then those beside the HTML, then attachments */
    size_t bodies, related, mixed;
    char stem[BOUNDARY]; /* of the boundaries */
    struct buffer *header;
    struct buffer text;  /* of the next step */
    bool in_body, fresh; /* past the root's fields; right behind a multipart's */
    struct compose_step *steps;
    size_t step_count;
};

/* --- leaves ---------------------------------------------------------------------------------- */

static int set_type(struct leaf *leaf, struct span type)
{
    return mime_parse_type(type, &leaf->type, &leaf->subtype, &leaf->parameters);
}

/* Text with CRLF line ends: itself, or a copy. */
static int take_text(struct plan *p, struct span text, struct span *ret_text)
{
    if (transfer_is_canonical(text)) {
        *ret_text = text;
        return 0;
    }
    AUTO_BUFFER lines = BUFFER(2 * text.len);
    if (transfer_line_ends(&lines, text) < 0)
        return -ENOMEM;
    *ret_text = arena_copy(p->arena, buffer_span(&lines));
    return ret_text->at ? 0 : -ENOMEM;
}

static int add_body(struct plan *p, struct span type, struct span text)
{
    struct leaf leaf = {0};
    int rc = set_type(&leaf, type);
    if (rc == 0)
        rc = take_text(p, text, &leaf.content);
    leaf.encoding = transfer_choose(leaf.content);
    if (rc == 0)
        p->leaves[p->bodies++] = leaf;
    return rc;
}

static int add_made_text(struct plan *p)
{
    AUTO_BUFFER made = BUFFER(COMPOSE_TEXT_MAX);
    if (html_text(p->letter->html, &made) < 0)
        return -ENOMEM;
    if (made.len == 0)
        return 0;
    struct span text = arena_copy(p->arena, buffer_span(&made));
    return text.at ? add_body(p, SPAN("text/plain"), text) : -ENOMEM;
}

static int add_bodies(struct plan *p)
{
    const struct compose_letter *l = p->letter;
    bool nothing = !l->html.len && !l->amp.len && !l->body_count && !l->attachment_count;
    int rc = 0;
    if (l->text.len || nothing)
        rc = add_body(p, SPAN("text/plain"), l->text);
    else if (l->html.len && !l->html_alone)
        rc = add_made_text(p);
    if (rc == 0 && l->amp.len)
        rc = add_body(p, SPAN("text/x-amp-html"), l->amp);
    if (rc == 0 && l->html.len)
        rc = add_body(p, SPAN("text/html"), l->html);
    for (size_t i = 0; rc == 0 && i < l->body_count; i++)
        rc = add_body(p, l->bodies[i].type, l->bodies[i].text);
    return rc;
}

/* Files keep their bytes: base64, whatever they hold. Letters may not be encoded (RFC 2046 5.2.1):
 * one that 7bit cannot carry goes as bytes without a type. */
static int add_attachment(struct plan *p, const struct compose_attachment *a, size_t at)
{
    struct leaf leaf = {.content = a->bytes, .encoding = TRANSFER_BASE64, .attachment = a};
    int rc = set_type(&leaf, a->type.len ? a->type : SPAN("application/octet-stream"));
    if (rc == 0 && span_equal_nocase(leaf.type, SPAN("message"))) {
        if (transfer_is_7bit(a->bytes))
            leaf.encoding = TRANSFER_7BIT;
        else
            rc = set_type(&leaf, SPAN("application/octet-stream"));
    }
    p->leaves[at] = leaf;
    return rc;
}

static bool is_beside_html(const struct compose_letter *letter, const struct compose_attachment *a)
{
    return letter->html.len && a->is_inline && a->content_id.len;
}

static int add_attachments(struct plan *p)
{
    const struct compose_letter *l = p->letter;
    for (int beside = 1; beside >= 0; beside--)
        for (size_t i = 0; i < l->attachment_count; i++) {
            if (is_beside_html(l, &l->attachments[i]) != beside)
                continue;
            int rc = add_attachment(p, &l->attachments[i], p->bodies + p->related + p->mixed);
            if (rc < 0)
                return rc;
            if (beside)
                p->related++;
            else
                p->mixed++;
        }
    return 0;
}

/* --- boundaries ------------------------------------------------------------------------------ */

/* Only 7bit can hold "=_": quoted-printable and base64 write no such thing. */
static bool stem_occurs(const struct plan *p)
{
    for (size_t i = 0; i < p->bodies + p->related + p->mixed; i++)
        if (p->leaves[i].encoding == TRANSFER_7BIT &&
            span_find_span(p->leaves[i].content, span_of(p->stem)) >= 0)
            return true;
    return false;
}

static int choose_stem(struct plan *p)
{
    char id[ID_TEXT];
    for (unsigned salt = 0; salt < SALTS_MAX; salt++) {
        snprintf(p->stem, sizeof p->stem, "=_%s_%u_", id_text(p->letter->id, id), salt);
        if (!stem_occurs(p))
            return 0;
    }
    return ERR_FULL; /* somebody who knows the id has tried hard */
}

/* --- writing --------------------------------------------------------------------------------- */

/* Where the fields of the part at hand go: the root's are the letter's. */
static struct buffer *fields(struct plan *p)
{
    return p->in_body ? &p->text : p->header;
}

/* Behind a part's fields: the blank line, which the letter's header is without. */
static int end_fields(struct plan *p)
{
    int rc = p->in_body ? buffer_append_text(&p->text, "\r\n") : 0;
    p->in_body = true;
    return rc;
}

static int write_boundary(struct plan *p, enum level level, const char *end)
{
    const char *start = p->fresh ? "" : "\r\n";
    p->fresh = false;
    return buffer_printf(&p->text, "%s--%s%u%s", start, p->stem, (unsigned)level, end);
}

/* What a multipart/related is about (RFC 2387 3.1). */
static struct span root_type(const struct plan *p)
{
    return p->bodies > 1 ? SPAN("multipart/alternative") : SPAN("text/html");
}

static int open_multipart(struct plan *p, enum level level)
{
    static const char *const types[] = {" multipart/mixed", " multipart/related",
                                        " multipart/alternative"};
    char boundary[BOUNDARY + 12];
    struct fold f;
    int rc = fold_begin(&f, fields(p), SPAN("Content-Type"));
    if (rc == 0)
        rc = fold_word(&f, SPAN(""), span_of(types[level]));
    if (rc == 0 && level == LEVEL_RELATED)
        rc = parameter_write(&f, SPAN("type"), root_type(p));
    snprintf(boundary, sizeof boundary, "%s%u", p->stem, (unsigned)level);
    if (rc == 0)
        rc = parameter_write(&f, SPAN("boundary"), span_of(boundary));
    if (rc == 0)
        rc = fold_end(&f);
    p->fresh = true;
    return rc < 0 ? rc : end_fields(p);
}

/* The parameters that came with the type, without those that are ours to say. */
static int write_given_parameters(struct fold *f, const struct leaf *leaf)
{
    char value[MIME_VALUE_MAX];
    struct span rest = leaf->parameters, name;
    int rc = 0;
    while (rc == 0 && mime_next_parameter(&rest, &name, value, sizeof value)) {
        bool ours = span_equal_nocase(name, leaf->attachment ? SPAN("name") : SPAN("charset")) ||
                    span_starts_nocase(name, SPAN("name*"));
        if (!ours)
            rc = parameter_write(f, name, span_of(value));
    }
    return rc;
}

static int write_type(struct plan *p, const struct leaf *leaf)
{
    AUTO_BUFFER plain = BUFFER(COMPOSE_FILE_MAX);
    const struct compose_attachment *a = leaf->attachment;
    struct fold f;
    int rc = fold_begin(&f, fields(p), SPAN("Content-Type"));
    if (rc == 0)
        rc = fold_word(&f, SPAN(" "), leaf->type);
    if (rc == 0)
        rc = fold_word(&f, SPAN(""), SPAN("/"));
    if (rc == 0)
        rc = fold_word(&f, SPAN(""), leaf->subtype);
    if (rc == 0 && !a)
        rc = parameter_write(&f, SPAN("charset"),
                             utf8_is_ascii(leaf->content) ? SPAN("us-ascii") : SPAN("utf-8"));
    if (rc == 0)
        rc = write_given_parameters(&f, leaf);
    if (rc == 0 && a && a->name.len)
        rc = parameter_plain(&plain, a->name);
    if (rc == 0 && plain.len)
        rc = parameter_write(&f, SPAN("name"), buffer_span(&plain));
    return rc < 0 ? rc : fold_end(&f);
}

static int write_disposition(struct plan *p, const struct compose_attachment *a)
{
    struct fold f;
    int rc = 0;
    if (a->content_id.len)
        rc = buffer_printf(fields(p), "Content-ID: <%.*s>\r\n",
                           SPAN_PRINT(compose_bare_id(a->content_id)));
    if (rc == 0)
        rc = fold_begin(&f, fields(p), SPAN("Content-Disposition"));
    if (rc == 0)
        rc = fold_word(&f, SPAN(" "), a->is_inline ? SPAN("inline") : SPAN("attachment"));
    if (rc == 0 && a->name.len)
        rc = parameter_write(&f, SPAN("filename"), a->name);
    return rc < 0 ? rc : fold_end(&f);
}

/* What has been gathered, and the content, as the next step. */
static int add_step(struct plan *p, struct span content, enum transfer_encoding encoding)
{
    struct span text = arena_copy(p->arena, buffer_span(&p->text));
    if (!text.at)
        return -ENOMEM;
    buffer_clear(&p->text);
    p->steps[p->step_count++] = (struct compose_step){text, content, encoding};
    return 0;
}

static int write_leaf(struct plan *p, const struct leaf *leaf)
{
    int rc = write_type(p, leaf);
    if (rc == 0)
        rc = buffer_printf(fields(p), "Content-Transfer-Encoding: %s\r\n",
                           transfer_name(leaf->encoding));
    if (rc == 0 && leaf->attachment)
        rc = write_disposition(p, leaf->attachment);
    if (rc == 0)
        rc = end_fields(p);
    return rc < 0 ? rc : add_step(p, leaf->content, leaf->encoding);
}

static int write_leaves(struct plan *p, enum level level, size_t first, size_t count, bool nested)
{
    int rc = 0;
    for (size_t i = first; rc == 0 && i < first + count; i++) {
        if (nested)
            rc = write_boundary(p, level, "\r\n");
        if (rc == 0)
            rc = write_leaf(p, &p->leaves[i]);
    }
    return rc;
}

static int write_bodies(struct plan *p)
{
    bool nested = p->bodies > 1;
    int rc = nested ? open_multipart(p, LEVEL_ALTERNATIVE) : 0;
    if (rc == 0)
        rc = write_leaves(p, LEVEL_ALTERNATIVE, 0, p->bodies, nested);
    return rc < 0 || !nested ? rc : write_boundary(p, LEVEL_ALTERNATIVE, "--");
}

static int write_related(struct plan *p)
{
    if (p->related == 0)
        return write_bodies(p);
    int rc = open_multipart(p, LEVEL_RELATED);
    if (rc == 0)
        rc = write_boundary(p, LEVEL_RELATED, "\r\n");
    if (rc == 0)
        rc = write_bodies(p);
    if (rc == 0)
        rc = write_leaves(p, LEVEL_RELATED, p->bodies, p->related, true);
    return rc < 0 ? rc : write_boundary(p, LEVEL_RELATED, "--");
}

static int write_mixed(struct plan *p)
{
    size_t first = p->bodies + p->related;
    if (first + p->mixed == 1)
        return write_leaves(p, LEVEL_MIXED, 0, 1, false);
    if (p->mixed == 0)
        return write_related(p);
    int rc = open_multipart(p, LEVEL_MIXED);
    if (rc == 0 && p->bodies)
        rc = write_boundary(p, LEVEL_MIXED, "\r\n");
    if (rc == 0 && p->bodies)
        rc = write_related(p);
    if (rc == 0)
        rc = write_leaves(p, LEVEL_MIXED, first, p->mixed, true);
    return rc < 0 ? rc : write_boundary(p, LEVEL_MIXED, "--");
}

static void plan_end(struct plan *p)
{
    buffer_free(&p->text);
}

/* A letter ends with a line end; base64 brings one. */
static int write_end(struct plan *p, size_t leaves)
{
    const struct leaf *only = &p->leaves[0];
    bool ended = leaves == 1 && (only->encoding == TRANSFER_BASE64 || only->content.len == 0 ||
                                 only->content.at[only->content.len - 1] == '\n');
    int rc = ended ? 0 : buffer_append_text(&p->text, "\r\n");
    return rc < 0 ? rc : add_step(p, SPAN(""), TRANSFER_7BIT);
}

int compose_plan(const struct compose_letter *letter, struct arena *arena, struct buffer *header,
                 struct compose *c)
{
    AUTO(plan_end)
    struct plan p = {.letter = letter, .arena = arena, .header = header, .text = BUFFER(HEADS_MAX)};
    size_t most = 3 + letter->body_count + letter->attachment_count;
    p.leaves = arena_zero(arena, most * sizeof *p.leaves);
    p.steps = arena_zero(arena, (most + 1) * sizeof *p.steps);
    if (!p.leaves || !p.steps)
        return -ENOMEM;
    int rc = add_bodies(&p);
    if (rc == 0)
        rc = add_attachments(&p);
    if (rc == 0)
        rc = choose_stem(&p);
    if (rc == 0)
        rc = write_mixed(&p);
    if (rc == 0)
        rc = write_end(&p, p.bodies + p.related + p.mixed);
    c->steps = p.steps;
    c->step_count = p.step_count;
    return rc;
}
