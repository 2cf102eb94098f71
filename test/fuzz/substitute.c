/* Literal replacement: against the plainest way to do it. The input is tag, value, tag, value, text
 * with zero bytes between. */
#include "fuzz.h"

#include "template/substitute.h"

#define CAP 100000

static struct span cut(struct span *rest)
{
    struct span part = {rest->at, 0};
    span_cut(rest, '\0', &part);
    return part;
}

static void plainly(struct span text, const struct substitution *s, int count, struct buffer *out)
{
    while (text.len) {
        int best = -1;
        for (int i = 0; i < count; i++)
            if (s[i].tag.len && span_starts(text, s[i].tag) &&
                (best < 0 || s[i].tag.len > s[best].tag.len))
                best = i;
        CLAIM(buffer_append(out, best < 0 ? span_first(text, 1) : s[best].value) == 0);
        text = span_from(text, best < 0 ? 1 : s[best].tag.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size < 300 ? size : 300);
    struct substitution s[3];
    for (int i = 0; i < 3; i++) {
        s[i].tag = cut(&rest);
        s[i].value = cut(&rest);
    }
    AUTO_BUFFER found = BUFFER(CAP);
    AUTO_BUFFER expected = BUFFER(CAP);
    CLAIM(template_substitute(rest, s, 3, &found) == 0);
    plainly(rest, s, 3, &expected);
    CLAIM(span_equal(buffer_span(&found), buffer_span(&expected)));
    return 0;
}
