/* Literal replacement; see substitute.h. Tags are sorted by first byte, so most bytes cost one
 * look. */
#include "template/substitute.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Tags in order: by first byte, the longer ones first. */
struct index {
    const struct substitution **sorted;
    uint32_t start[257]; /* where the tags of a first byte begin, and those of the next */
};

static int by_tag(const void *a, const void *b)
{
    const struct substitution *left = *(const struct substitution *const *)a,
                              *right = *(const struct substitution *const *)b;
    unsigned char first = (unsigned char)left->tag.at[0], other = (unsigned char)right->tag.at[0];
    if (first != other)
        return first < other ? -1 : 1;
    if (left->tag.len != right->tag.len)
        return left->tag.len > right->tag.len ? -1 : 1;
    return left < right ? -1 : 1;
}

static int make_index(const struct substitution *substitutions, size_t count, struct index *index)
{
    size_t used = 0;
    *index = (struct index){.sorted = malloc((count + 1) * sizeof *index->sorted)};
    if (!index->sorted)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (substitutions[i].tag.len)
            index->sorted[used++] = &substitutions[i];
    qsort(index->sorted, used, sizeof *index->sorted, by_tag);
    for (size_t i = 0; i < used; i++)
        index->start[(unsigned char)index->sorted[i]->tag.at[0] + 1] = (uint32_t)i + 1;
    for (int i = 1; i <= 256; i++)
        if (index->start[i] < index->start[i - 1])
            index->start[i] = index->start[i - 1];
    return 0;
}

static const struct substitution *tag_at(const struct index *index, struct span rest)
{
    unsigned char first = (unsigned char)rest.at[0];
    for (uint32_t i = index->start[first]; i < index->start[first + 1]; i++)
        if (span_starts(rest, index->sorted[i]->tag))
            return index->sorted[i];
    return NULL;
}

static int replace(const struct index *index, struct span text, struct buffer *out)
{
    size_t copied = 0, i = 0;
    int rc = 0;
    while (rc == 0 && i < text.len) {
        unsigned char first = (unsigned char)text.at[i];
        const struct substitution *found = index->start[first] == index->start[first + 1]
                                               ? NULL
                                               : tag_at(index, span_from(text, i));
        if (!found) {
            i++;
            continue;
        }
        rc = buffer_append(out, span_first(span_from(text, copied), i - copied));
        if (rc == 0)
            rc = buffer_append(out, found->value);
        i += found->tag.len;
        copied = i;
    }
    return rc < 0 ? rc : buffer_append(out, span_from(text, copied));
}

int template_substitute(struct span text, const struct substitution *substitutions, size_t count,
                        struct buffer *out)
{
    struct index index;
    size_t before = out->len;
    int rc = make_index(substitutions, count, &index);
    if (rc < 0)
        return rc;
    rc = replace(&index, text, out);
    free(index.sorted);
    if (rc < 0)
        out->len = before;
    return rc;
}
