/* The tree of MIME parts: offsets in order, children within their parents. */
#include "fuzz.h"

#include "mail/mime.h"

#define PARTS 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mime_part parts[PARTS];
    struct span letter = span_make(data, size);
    char value[100];
    int count = mime_parse(letter, parts, PARTS);
    CLAIM(count >= 1 && count <= PARTS);
    for (int i = 0; i < count; i++) {
        struct mime_part *part = &parts[i];
        struct span rest = part->parameters, name;
        size_t lines = 0;
        CLAIM(part->header <= part->body && part->body <= part->end && part->end <= size);
        CLAIM(part->depth < MIME_DEPTH_MAX && (part->parent < 0) == (i == 0));
        if (i > 0) {
            struct mime_part *parent = &parts[part->parent];
            CLAIM(part->parent < i && parent->kind != MIME_LEAF);
            CLAIM(part->depth == parent->depth + 1);
            CLAIM(part->header >= parent->body && part->end <= parent->end);
        }
        for (size_t k = part->body; k < part->end; k++)
            lines += data[k] == '\n';
        CLAIM(part->lines == lines);
        while (mime_next_parameter(&rest, &name, value, sizeof value))
            CLAIM(name.len && lies_within(name, letter));
    }
    return 0;
}
