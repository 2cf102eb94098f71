/*
 * White space: what ~ strips, and the lines of tags that stand alone. The order of these steps is
 * Handlebars' own, since each sees what those before left; see tree_internal.h.
 */
#include "template/tree_internal.h"

static bool is_content(const struct tree_statement *s)
{
    return s && s->kind == TREE_CONTENT;
}

/* Trailing white space holds a line end; or, where a line may begin, there is nothing else. */
static bool ends_line(struct span text, bool may_begin)
{
    size_t size;
    while ((size = space_at_end(text)) > 0) {
        if (text.at[text.len - 1] == '\n')
            return true;
        text.len -= size;
    }
    return may_begin && text.len == 0;
}

static bool starts_line(struct span text, bool may_end)
{
    size_t size;
    while ((size = space_at_start(text)) > 0) {
        if (text.at[0] == '\n')
            return true;
        text = span_from(text, size);
    }
    return may_end && text.len == 0;
}

/* Is there only white space between a line end and this statement (NULL: the end of body)? */
static bool blank_before(const struct tree_body *body, const struct tree_statement *s, bool root)
{
    const struct tree_statement *previous = s ? s->previous : body->last;
    if (!previous)
        return root;
    return is_content(previous) && ends_line(previous->original, !previous->previous && root);
}

/* The same between this statement (NULL: the start of body) and the next line end. */
static bool blank_after(const struct tree_body *body, const struct tree_statement *s, bool root)
{
    const struct tree_statement *next = s ? s->next : body->first;
    if (!next)
        return root;
    return is_content(next) && starts_line(next->original, !next->next && root);
}

/* Strips the start of what follows: all white space (tilde), or the rest of the line. */
static void strip_after(struct tree_statement *content, bool all)
{
    if (!is_content(content) || (!all && content->right_stripped))
        return;
    struct span value = content->value;
    size_t size;
    if (all) {
        while ((size = space_at_start(value)) > 0)
            value = span_from(value, size);
    } else {
        while (value.len && (value.at[0] == ' ' || value.at[0] == '\t'))
            value = span_from(value, 1);
        value = span_from(value, value.len && value.at[0] == '\r');
        value = span_from(value, value.len && value.at[0] == '\n');
    }
    content->right_stripped = value.len != content->value.len;
    content->value = value;
}

/* Strips the end of what stands before; true when that changed it. */
static bool strip_before(struct tree_statement *content, bool all)
{
    if (!is_content(content) || (!all && content->left_stripped))
        return false;
    struct span *value = &content->value;
    size_t size, before = value->len;
    if (all)
        while ((size = space_at_end(*value)) > 0)
            value->len -= size;
    else
        while (value->len &&
               (value->at[value->len - 1] == ' ' || value->at[value->len - 1] == '\t'))
            value->len--;
    content->left_stripped = value->len != before;
    return content->left_stripped;
}

/* The blanks at the end of a line, which indent a partial. */
static struct span indent_of(struct span line)
{
    size_t start = line.len;
    while (start && (line.at[start - 1] == ' ' || line.at[start - 1] == '\t'))
        start--;
    return span_from(line, start);
}

/* What a statement strips around itself, and on which sides it could stand alone. */
struct stripping {
    struct tree_strip around;
    bool open_alone, close_alone, both_alone;
};

static void control_body(struct tree_body *body, bool root);

/* The last body of an else chain. */
static struct tree_body *last_of_chain(struct tree_body *inverse)
{
    while (inverse && inverse->chained)
        inverse = inverse->last->body;
    return inverse;
}

static void control_else(struct tree_statement *s, struct tree_body *body, struct tree_body *first,
                         struct tree_body *last)
{
    if (s->middle.left)
        strip_before(body->last, true);
    if (s->middle.right)
        strip_after(first->first, true);
    if (s->close.left)
        strip_before(last->last, true);
    if (blank_before(body, NULL, false) && blank_after(first, NULL, false)) {
        strip_before(body->last, false);
        strip_after(first->first, false);
    }
}

static struct stripping control_block(struct tree_statement *s)
{
    if (s->body)
        control_body(s->body, false);
    if (s->inverse)
        control_body(s->inverse, false);
    struct tree_body *body = s->body ? s->body : s->inverse, *inverse = s->body ? s->inverse : NULL;
    struct tree_body *first = inverse && inverse->chained ? inverse->first->body : inverse,
                     *last = last_of_chain(inverse);
    struct stripping strip = {.around = {s->open.left, s->close.right},
                              .open_alone = blank_after(body, NULL, false),
                              .close_alone = blank_before(first ? first : body, NULL, false)};
    if (s->open.right)
        strip_after(body->first, true);
    if (first)
        control_else(s, body, first, last);
    else if (s->close.left)
        strip_before(body->last, true);
    return strip;
}

static struct stripping control_statement(struct tree_statement *s)
{
    if ((s->kind == TREE_BLOCK || s->kind == TREE_PARTIAL || s->kind == TREE_INLINE) &&
        (s->body || s->inverse))
        return control_block(s);
    return (struct stripping){.around = s->open,
                              .both_alone = s->kind == TREE_PARTIAL || s->kind == TREE_COMMENT};
}

static void control_body(struct tree_body *body, bool root)
{
    for (struct tree_statement *s = body->first; s; s = s->next) {
        if (s->kind == TREE_CONTENT)
            continue;
        struct stripping strip = control_statement(s);
        bool before = blank_before(body, s, root), after = blank_after(body, s, root);
        if (strip.around.right)
            strip_after(s->next, true);
        if (strip.around.left)
            strip_before(s->previous, true);
        if (strip.both_alone && before && after) {
            strip_after(s->next, false);
            if (strip_before(s->previous, false) && s->kind == TREE_PARTIAL)
                s->indent = indent_of(s->previous->original);
        }
        if (strip.open_alone && before) {
            strip_after((s->body ? s->body : s->inverse)->first, false);
            strip_before(s->previous, false);
        }
        if (strip.close_alone && after) {
            strip_after(s->next, false);
            strip_before((s->inverse ? s->inverse : s->body)->last, false);
        }
    }
}

void whitespace_control(struct tree_body *root)
{
    control_body(root, true);
}
