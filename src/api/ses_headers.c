/* Fields that SES reads in letters which clients composed, and takes out of them; see ses.h. */
#include "api/ses.h"

#include "base/utf8.h"
#include "mail/header.h"

#include <errno.h>

#define UNFOLDED_MAX ((size_t)64 * 1024)
#define TAGS_MAX     50

/* "name=value, name=value" */
static int take_tags(struct span text, struct json_object *meta)
{
    struct json_object *tags = json_object_new_array();
    struct span part, name;
    if (!tags)
        return -ENOMEM;
    while (json_object_array_length(tags) < TAGS_MAX && span_cut(&text, ',', &part)) {
        struct json_object *tag;
        part = span_trim(part);
        if (span_find(part, '=') <= 0 || !span_cut(&part, '=', &name) ||
            !(tag = json_object_new_object()))
            continue;
        member_put_text(tag, "Name", span_trim(name));
        member_put_text(tag, "Value", span_trim(part));
        json_object_array_add(tags, tag);
    }
    member_put(meta, "tags", tags);
    return 0;
}

static int take(const char *member, struct span body, struct json_object *meta)
{
    AUTO_BUFFER text = BUFFER(UNFOLDED_MAX);
    if (!member || json_object_object_get_ex(meta, member, NULL))
        return 0;
    int rc = header_unfold(body, &text);
    if (rc == -ENOBUFS || (rc == 0 && !utf8_is_text(buffer_span(&text))))
        return 0;
    if (rc == 0 && span_equal(span_of(member), SPAN("tags")))
        return take_tags(buffer_span(&text), meta);
    if (rc == 0)
        member_put_text(meta, member, buffer_span(&text));
    return rc;
}

int ses_headers_strip(struct span header, struct json_object *meta, struct buffer *out)
{
    static const struct {
        struct span name;
        const char *member; /* of what is kept; NULL: only taken out */
    } known[] = {
        {SPAN("X-SES-CONFIGURATION-SET"), "configuration_set"},
        {SPAN("X-SES-MESSAGE-TAGS"), "tags"},
        {SPAN("X-SES-LIST-MANAGEMENT-OPTIONS"), "list_management"},
        {SPAN("X-SES-SOURCE-ARN"), NULL},
        {SPAN("X-SES-FROM-ARN"), NULL},
        {SPAN("X-SES-RETURN-PATH-ARN"), NULL},
    };
    struct header_field field;
    int rc = 0;
    while (rc == 0 && header_next(&header, &field)) {
        size_t k = 0;
        while (k < sizeof known / sizeof *known && !span_equal_nocase(field.name, known[k].name))
            k++;
        rc = k < sizeof known / sizeof *known ? take(known[k].member, field.body, meta)
                                              : buffer_append(out, field.raw);
    }
    return rc < 0 ? rc : buffer_append(out, header);
}

int ses_headers_without(struct span header, struct span name, struct buffer *out)
{
    struct header_field field;
    int rc = 0;
    while (rc == 0 && header_next(&header, &field))
        if (!span_equal_nocase(field.name, name))
            rc = buffer_append(out, field.raw);
    return rc < 0 ? rc : buffer_append(out, header);
}
