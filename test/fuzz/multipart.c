/* A multipart form whose boundary is "b": whole, and through a window that grows a few bytes at a
 * time; both tell the same. */
#include "fuzz.h"

#include "base/buffer.h"
#include "http/form.h"

static void note(const struct multipart_event *event, int kind, struct buffer *out)
{
    int rc = 0;
    if (kind == MULTIPART_PART)
        rc = buffer_printf(out, "\n[%s|%.*s|%.*s|%d]", event->name.at, SPAN_PRINT(event->file_name),
                           SPAN_PRINT(event->type), event->is_file);
    else if (kind == MULTIPART_DATA)
        rc = buffer_append(out, event->data);
    CLAIM(rc == 0);
}

/* 0 or what is wrong. */
static int read_all(struct span body, size_t step, struct buffer *out)
{
    struct multipart_reader reader;
    struct multipart_event event;
    size_t shown = step < body.len ? step : body.len, begin = 0;
    CLAIM(multipart_open(SPAN("multipart/form-data; boundary=b"), &reader) == 0);
    for (;;) {
        struct span window = span_from(span_first(body, shown), begin);
        size_t had = window.len;
        int rc = multipart_next(&reader, &window, shown == body.len, &event);
        begin += had - window.len;
        if (rc < 0 || rc == MULTIPART_END)
            return rc < 0 ? rc : 0;
        note(&event, rc, out);
        if (rc != MULTIPART_MORE)
            continue;
        CLAIM(shown < body.len);
        shown = shown + step < body.len ? shown + step : body.len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUFFER whole = BUFFER(1 << 24), pieces = BUFFER(1 << 24);
    if (size == 0)
        return 0;
    struct span body = span_make(data + 1, size - 1);
    int rc = read_all(body, body.len + 1, &whole);
    int other = read_all(body, data[0] % 16 + 1, &pieces);
    CLAIM((rc == 0) == (other == 0));
    CLAIM(rc < 0 || span_equal(buffer_span(&whole), buffer_span(&pieces)));
    return 0;
}
