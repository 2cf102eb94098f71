/* The canonical request of Signature Version 4; see sigv4.h. */
#include "api/sigv4.h"

#include "http/form.h"

#include <errno.h>
#include <stdlib.h>

#define SIGNATURE_NAME "X-Amz-Signature"

static bool is_unreserved(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static int append_encoded(struct buffer *out, struct span text)
{
    static const char digits[] = "0123456789ABCDEF";
    int rc = buffer_reserve(out, 3 * text.len);
    for (size_t i = 0; rc == 0 && i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (is_unreserved(text.at[i])) {
            out->at[out->len++] = text.at[i];
            continue;
        }
        out->at[out->len++] = '%';
        out->at[out->len++] = digits[c >> 4];
        out->at[out->len++] = digits[c & 15];
    }
    return rc;
}

/* --- the path -------------------------------------------------------------------------------- */

/* Without empty and "." segments, ".." resolved; each segment encoded once more than it was sent,
 * as every service but S3 has it. */
static int append_path(struct buffer *out, struct span path)
{
    size_t start = out->len;
    struct span segment;
    bool slash = path.len && path.at[path.len - 1] == '/';
    int rc = 0;
    while (rc == 0 && span_cut(&path, '/', &segment)) {
        if (segment.len == 0 || span_equal(segment, SPAN(".")))
            continue;
        if (span_equal(segment, SPAN(".."))) {
            while (out->len > start && out->at[--out->len] != '/')
                ;
            continue;
        }
        rc = buffer_append_byte(out, '/');
        if (rc == 0)
            rc = append_encoded(out, segment);
    }
    if (rc == 0 && (slash || out->len == start))
        rc = buffer_append_byte(out, '/');
    return rc < 0 ? rc : buffer_append_byte(out, '\n');
}

/* --- the query ------------------------------------------------------------------------------- */

static int encode(struct span text, struct arena *arena, struct span *ret_text)
{
    AUTO_BUFFER encoded = BUFFER(3 * text.len + 1);
    int rc = append_encoded(&encoded, text);
    *ret_text = arena_copy(arena, buffer_span(&encoded));
    return rc < 0 ? rc : ret_text->at ? 0 : -ENOMEM;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct form_pair *x = a, *y = b;
    int order = span_compare(x->name, y->name);
    return order ? order : span_compare(x->value, y->value);
}

static size_t count_pairs(struct span query)
{
    size_t count = 1;
    for (size_t i = 0; i < query.len; i++)
        count += query.at[i] == '&';
    return count;
}

static int append_pairs(struct buffer *out, const struct form_pair *pairs, size_t count)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = buffer_printf(out, "%s%.*s=%.*s", i ? "&" : "", SPAN_PRINT(pairs[i].name),
                           SPAN_PRINT(pairs[i].value));
    return rc < 0 ? rc : buffer_append_byte(out, '\n');
}

/* Sorted; the signature itself is left out. */
static int append_query(struct buffer *out, struct span query, struct arena *arena)
{
    struct form_pair *pairs = arena_alloc(arena, count_pairs(query) * sizeof *pairs);
    size_t count = 0;
    int rc = pairs ? 1 : -ENOMEM;
    while (rc > 0) {
        struct form_pair pair;
        rc = form_next_pair(&query, arena, &pair);
        if (rc <= 0 || span_equal(pair.name, SPAN(SIGNATURE_NAME)))
            continue;
        rc = encode(pair.name, arena, &pairs[count].name);
        if (rc == 0)
            rc = encode(pair.value, arena, &pairs[count++].value);
        rc = rc < 0 ? rc : 1;
    }
    if (rc < 0)
        return rc;
    if (count > 1)
        qsort(pairs, count, sizeof *pairs, compare_pairs);
    return append_pairs(out, pairs, count);
}

/* --- the fields ------------------------------------------------------------------------------ */

/* Without blanks at its ends, runs of blanks as one. */
static int append_value(struct buffer *out, struct span value)
{
    int rc = 0;
    value = span_trim(value);
    for (size_t i = 0; rc == 0 && i < value.len; i++) {
        bool blank = value.at[i] == ' ' || value.at[i] == '\t';
        bool again = i && (value.at[i - 1] == ' ' || value.at[i - 1] == '\t');
        if (!blank || !again)
            rc = buffer_append_byte(out, blank ? ' ' : value.at[i]);
    }
    return rc;
}

/* "name:value,value\n". ERR_ABSENT: the request has no such field. */
static int append_field(struct buffer *out, const struct sigv4_request *request, struct span name)
{
    bool found = false;
    int rc = buffer_append(out, name);
    for (size_t i = 0; rc == 0 && i < request->field_count; i++) {
        if (!span_equal_nocase(request->fields[i].name, name))
            continue;
        rc = buffer_append_byte(out, found ? ',' : ':');
        if (rc == 0)
            rc = append_value(out, request->fields[i].value);
        found = true;
    }
    if (rc == 0 && !found)
        return ERR_ABSENT;
    return rc < 0 ? rc : buffer_append_byte(out, '\n');
}

int sigv4_canonical(const struct sigv4_request *request, const struct sigv4 *signature,
                    struct span body_hash, struct arena *arena, struct buffer *out)
{
    struct span names = signature->signed_headers, name;
    int rc = buffer_append(out, request->method);
    if (rc == 0)
        rc = buffer_append_byte(out, '\n');
    if (rc == 0)
        rc = append_path(out, request->path);
    if (rc == 0)
        rc = append_query(out, request->query, arena);
    while (rc == 0 && span_cut(&names, ';', &name))
        rc = append_field(out, request, name);
    if (rc < 0)
        return rc;
    return buffer_printf(out, "\n%.*s\n%.*s", SPAN_PRINT(signature->signed_headers),
                         SPAN_PRINT(body_hash));
}
