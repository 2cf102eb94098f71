/* Helpers that give a value; what they take is checked here. Dates: date.c. */
#include "template/render_internal.h"

#include "template/date_internal.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>

#define UNDEFINED ((struct value){.kind = VALUE_UNDEFINED})

static struct span name_of(const struct frame *f, const struct expression *e)
{
    return span_first(program_text(f->activation->t, e->text), 60);
}

int render_count_arguments(struct render *r, const struct expression *e, unsigned least,
                           unsigned most)
{
    struct span name = span_first(program_text(r->activation->t, e->text), 60);
    if (e->argument_count >= least && e->argument_count <= most)
        return 0;
    if (least == most)
        return render_fail(r, -EINVAL, "\"%.*s\" takes %u argument%s, here are %u",
                           SPAN_PRINT(name), least, least == 1 ? "" : "s", e->argument_count);
    return render_fail(r, -EINVAL, "\"%.*s\" takes %u to %u arguments, here are %u",
                       SPAN_PRINT(name), least, most, e->argument_count);
}

static int argument(struct render *r, const struct frame *f, const struct expression *e,
                    unsigned index, struct value *ret_value)
{
    int rc = render_evaluate(r, f, e->arguments + index, ret_value);
    return rc < 0 ? rc : render_spend(r, value_cost(*ret_value));
}

int render_pair(struct render *r, const struct frame *f, const struct expression *e,
                struct span name, struct value *ret_value)
{
    const struct template *t = f->activation->t;
    *ret_value = UNDEFINED;
    for (uint32_t i = e->pairs; i < e->pairs + e->pair_count; i++)
        if (t->pairs[i].value != PAIR_NONE &&
            span_equal(program_text(t, t->pairs[i].key.text), name))
            return render_evaluate(r, f, t->pairs[i].value, ret_value);
    return 0;
}

/* The text of a value that lives as long as the render. */
static int keep_text(struct render *r, struct value v, struct span *ret_text)
{
    AUTO_BUFFER scratch = BUFFER(VALUE_TEXT_MAX);
    struct span text = SPAN("");
    int rc = value_text(v, &scratch, &text);
    if (rc == 0 && v.kind != VALUE_STRING) {
        text = arena_copy(r->texts, text);
        rc = text.at ? 0 : ERR_FULL;
    }
    if (rc < 0)
        return render_fail(r, ERR_FULL, "a value is too long to be used as text here");
    *ret_text = text;
    return render_spend(r, text.len / 64);
}

static int not_a_helper(struct render *r, const struct frame *f, const struct expression *e,
                        struct value *ret_value)
{
    struct value v = UNDEFINED;
    int rc = render_path(r, f, &f->activation->t->expressions[e->callee], &v);
    if (rc < 0)
        return rc;
    if (value_truthy(v))
        return render_fail(r, -EINVAL,
                           "\"%.*s\" is a variable, not a helper, and takes no "
                           "arguments",
                           SPAN_PRINT(name_of(f, e)));
    if (e->argument_count || f->activation->t->strict)
        return render_fail(r, -EINVAL, "there is no helper \"%.*s\"", SPAN_PRINT(name_of(f, e)));
    *ret_value = UNDEFINED;
    return 0;
}

static int lookup(struct render *r, const struct frame *f, const struct expression *e,
                  struct value *ret_value)
{
    struct value object = UNDEFINED, field = UNDEFINED, more;
    struct span name = SPAN("");
    int rc = render_count_arguments(r, e, 1, UINT16_MAX);
    for (unsigned i = 0; rc == 0 && i < e->argument_count; i++)
        rc = argument(r, f, e, i, i == 0 ? &object : i == 1 ? &field : &more);
    if (rc < 0)
        return rc;
    *ret_value = object;
    if (!value_truthy(object))
        return 0;
    rc = render_count_arguments(r, e, 2, 2);
    if (rc == 0)
        rc = keep_text(r, field, &name);
    if (rc < 0)
        return rc;
    struct span key = arena_copy(r->texts, name); /* json-c wants a NUL behind it */
    if (!key.at)
        return render_fail(r, ERR_FULL, "lookup has made too many keys");
    *ret_value = value_named(object, key);
    return 0;
}

static int log_nothing(struct render *r, const struct frame *f, const struct expression *e,
                       struct value *ret_value)
{
    struct value ignored;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < e->argument_count; i++)
        rc = argument(r, f, e, i, &ignored);
    *ret_value = UNDEFINED;
    return rc;
}

static int compare(struct render *r, const struct frame *f, const struct expression *e,
                   struct value *ret_value)
{
    struct value a = UNDEFINED, b = UNDEFINED;
    int rc = render_count_arguments(r, e, 2, 2);
    if (rc == 0)
        rc = argument(r, f, e, 0, &a);
    if (rc == 0)
        rc = argument(r, f, e, 1, &b);
    if (rc < 0)
        return rc;
    bool truth;
    if (e->helper == HELPER_EQUALS || e->helper == HELPER_NOT_EQUALS)
        truth = value_equal(a, b) == (e->helper == HELPER_EQUALS);
    else
        truth = value_compare(a, b) == (e->helper == HELPER_GREATER_THAN ? 1 : -1);
    *ret_value = value_of_truth(truth);
    return render_spend(r, 8 * (uint64_t)(value_is_object(a) + value_is_object(b)));
}

/* Mailgun: both as text. */
static int equal_texts(struct render *r, const struct frame *f, const struct expression *e,
                       struct value *ret_value)
{
    struct value a = UNDEFINED, b = UNDEFINED;
    struct span left = SPAN(""), right = SPAN("");
    int rc = render_count_arguments(r, e, 2, 2);
    if (rc == 0)
        rc = argument(r, f, e, 0, &a);
    if (rc == 0)
        rc = argument(r, f, e, 1, &b);
    if (rc == 0)
        rc = keep_text(r, a, &left);
    if (rc == 0)
        rc = keep_text(r, b, &right);
    if (rc == 0)
        *ret_value = value_of_truth(span_equal(left, right));
    return rc;
}

static int all_or_any(struct render *r, const struct frame *f, const struct expression *e,
                      struct value *ret_value)
{
    bool all = e->helper == HELPER_AND, truth = all;
    int rc = render_count_arguments(r, e, 1, UINT16_MAX);
    for (unsigned i = 0; rc == 0 && i < e->argument_count; i++) {
        struct value v = UNDEFINED;
        rc = argument(r, f, e, i, &v);
        if (rc == 0 && value_truthy(v) != all)
            truth = !all;
    }
    *ret_value = value_of_truth(truth);
    return rc;
}

static int length(struct render *r, const struct frame *f, const struct expression *e,
                  struct value *ret_value)
{
    struct value v = UNDEFINED;
    int rc = render_count_arguments(r, e, 1, 1);
    if (rc == 0)
        rc = argument(r, f, e, 0, &v);
    if (rc == 0)
        *ret_value = value_of_number((double)value_length(v));
    return rc;
}

static bool is_blank(struct value v)
{
    return value_is_nothing(v) || (v.kind == VALUE_STRING && v.text.len == 0);
}

/* {{insert name "default=Customer"}}, {{insert name "Customer"}}, {{insert name default="…"}} */
static int insert(struct render *r, const struct frame *f, const struct expression *e,
                  struct value *ret_value)
{
    int rc = render_count_arguments(r, e, 1, 2);
    if (rc == 0)
        rc = argument(r, f, e, 0, ret_value);
    if (rc < 0 || !is_blank(*ret_value))
        return rc;
    if (e->argument_count == 1)
        return render_pair(r, f, e, SPAN("default"), ret_value);
    rc = argument(r, f, e, 1, ret_value);
    if (rc == 0 && ret_value->kind == VALUE_STRING &&
        span_starts(ret_value->text, SPAN("default=")))
        ret_value->text = span_from(ret_value->text, 8);
    return rc;
}

/* {{formatDate when format [offset]}}; without a format ISO 8601. Nothing is shown as nothing. */
static int format_date(struct render *r, const struct frame *f, const struct expression *e,
                       struct value *ret_value)
{
    struct value when = UNDEFINED, format = UNDEFINED, offset = UNDEFINED;
    struct template_date date;
    int rc = render_count_arguments(r, e, 1, 3);
    if (rc == 0)
        rc = argument(r, f, e, 0, &when);
    if (rc == 0 && e->argument_count > 1)
        rc = argument(r, f, e, 1, &format);
    if (rc == 0 && e->argument_count > 2)
        rc = argument(r, f, e, 2, &offset);
    if (rc < 0)
        return rc;
    *ret_value = UNDEFINED;
    if (is_blank(when))
        return 0;
    if (!date_of_value(when, &date))
        return render_fail(r, -EINVAL,
                           "formatDate wants seconds since 1970 or ISO 8601, like "
                           "2026-11-23T10:00:00Z");
    if (!date_set_offset(&date, offset))
        return render_fail(r, -EINVAL, "formatDate wants an offset like \"-0800\" or \"+01:00\"");
    AUTO_BUFFER text = BUFFER(VALUE_TEXT_MAX);
    rc = format.kind == VALUE_STRING ? date_write(&date, format.text, &text)
                                     : date_write_iso(&date, &text);
    struct span kept = rc < 0 ? SPAN("") : arena_copy(r->texts, buffer_span(&text));
    if (rc < 0 || !kept.at)
        return render_fail(r, ERR_FULL, "formatDate has a format that is too long");
    *ret_value = value_of_text(kept);
    return render_spend(r, 1 + kept.len / 16);
}

int render_helper(struct render *r, const struct frame *f, const struct expression *e,
                  struct value *ret_value)
{
    int rc = render_spend(r, 1);
    if (rc < 0)
        return rc;
    switch (e->helper) {
    case HELPER_MISSING:
        return not_a_helper(r, f, e, ret_value);
    case HELPER_LOOKUP:
        return lookup(r, f, e, ret_value);
    case HELPER_LOG:
        return log_nothing(r, f, e, ret_value);
    case HELPER_EQUALS:
    case HELPER_NOT_EQUALS:
    case HELPER_GREATER_THAN:
    case HELPER_LESS_THAN:
        return compare(r, f, e, ret_value);
    case HELPER_EQUAL:
        return equal_texts(r, f, e, ret_value);
    case HELPER_AND:
    case HELPER_OR:
        return all_or_any(r, f, e, ret_value);
    case HELPER_LENGTH:
        return length(r, f, e, ret_value);
    case HELPER_INSERT:
        return insert(r, f, e, ret_value);
    case HELPER_FORMAT_DATE:
        return format_date(r, f, e, ret_value);
    default:
        return render_fail(r, -EINVAL, "\"%.*s\" is a block: write {{#%.*s …}}",
                           SPAN_PRINT(name_of(f, e)), SPAN_PRINT(name_of(f, e)));
    }
}
