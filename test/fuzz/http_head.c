/* A request's head, in two pieces, cut where the first byte says; then what is made of it. */
#include "fuzz.h"

#include "http/code.h"
#include "http/head.h"
#include "http/uri.h"

/* The scan's result, and how many bytes it took. */
static int scan(struct span bytes, size_t cut, size_t *ret_taken)
{
    struct http_scan scan = {0};
    size_t taken = 0;
    int rc = http_scan_head(&scan, span_first(bytes, cut), &taken);
    *ret_taken = taken;
    if (rc == 0) {
        CLAIM(taken == cut);
        rc = http_scan_head(&scan, span_from(bytes, cut), &taken);
        *ret_taken += taken;
    }
    CLAIM(rc == 0 || rc == 1 || (HTTP_IS_CODE(rc) && scan.why));
    return rc;
}

static void check_head(struct span bytes, const struct http_head *head)
{
    CLAIM(!(head->chunked && head->has_length));
    CLAIM(head->old || http_head_has(head, SPAN("Host")));
    CLAIM(lies_within(head->target, bytes) && lies_within(head->path, head->target) &&
          lies_within(head->query, head->target));
    CLAIM(head->count <= HTTP_FIELDS_MAX && head->path.len > 0);
    for (unsigned i = 0; i < head->count; i++) {
        const struct http_field *field = &head->fields[i];
        CLAIM(lies_within(field->name, bytes) && lies_within(field->value, bytes));
        CLAIM(field->name.len && field->name.at[field->name.len] == ':');
        CLAIM(span_find(field->value, '\r') < 0 && span_find(field->value, '\n') < 0 &&
              span_find(field->value, '\0') < 0);
    }
}

static void check_path(struct span path)
{
    AUTO_ARENA arena = ARENA(1 << 20);
    struct span segments[HTTP_SEGMENTS_MAX];
    unsigned count;
    if (http_split_path(path, &arena, segments, &count) < 0)
        return;
    CLAIM(count >= 1 && count <= HTTP_SEGMENTS_MAX);
    for (unsigned i = 0; i < count; i++)
        CLAIM(span_find(segments[i], '\0') < 0 && !span_equal(segments[i], SPAN("..")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head head;
    const char *why = NULL;
    size_t taken = 0, whole = 0;
    if (size < 2)
        return 0;
    struct span bytes = span_make(data + 1, size - 1);
    int rc = scan(bytes, data[0] % bytes.len, &taken);
    CLAIM(rc == scan(bytes, bytes.len, &whole));
    if (rc != 1)
        return 0;
    CLAIM(taken == whole && taken <= HTTP_HEAD_MAX);
    bytes = span_first(bytes, taken);
    CLAIM(span_ends_nocase(bytes, SPAN("\r\n\r\n")));
    rc = http_parse_head(bytes, &head, &why);
    if (rc < 0) {
        CLAIM(HTTP_IS_CODE(rc) && why);
        return 0;
    }
    check_head(bytes, &head);
    check_path(head.path);
    return 0;
}
