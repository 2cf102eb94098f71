/* Mail data in two pieces, cut where the first byte says; what was clean is written and read again.
 */
#include "fuzz.h"

#include "smtp/dot.h"

static bool read_all(struct dot_reader *reader, struct span input, struct buffer *out)
{
    bool ended = false;
    while (!ended && input.len) {
        struct span clean;
        size_t before = input.len;
        ended = dot_read(reader, &input, &clean);
        CLAIM(ended || input.len < before);
        CLAIM(buffer_append(out, clean) == 0);
    }
    return ended;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUFFER content = BUFFER(1 << 22), wire = BUFFER(1 << 22), again = BUFFER(1 << 22);
    struct dot_reader reader = DOT_READER, second = DOT_READER;
    struct dot_writer writer = DOT_WRITER;
    if (size == 0)
        return 0;
    struct span input = span_make(data + 1, size - 1);
    size_t cut = data[0] % size;
    bool ended = read_all(&reader, span_first(input, cut), &content);
    ended = ended || read_all(&reader, span_from(input, cut), &content);
    if (!ended || reader.bad)
        return 0;
    CLAIM(dot_write(&writer, buffer_span(&content), &wire) == 0);
    CLAIM(dot_finish(&writer, &wire) == 0);
    CLAIM(read_all(&second, buffer_span(&wire), &again));
    CLAIM(!second.bad && second.longest == reader.longest);
    CLAIM(span_equal(buffer_span(&content), buffer_span(&again)));
    return 0;
}
