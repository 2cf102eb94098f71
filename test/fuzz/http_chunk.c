/* A chunked body in two pieces; what we take, llhttp reads in the same way or refuses (8.1.0 wants
 * the size behind "name=value;"). */
#include "fuzz.h"

#include "base/buffer.h"
#include "http/chunk.h"

#include <llhttp.h>
#include <string.h>

/* The end's place, or -1. */
static ptrdiff_t read_all(struct span input, size_t cut, struct buffer *out)
{
    struct chunk_reader reader = {0};
    struct span pieces[2] = {span_first(input, cut), span_from(input, cut)};
    for (unsigned i = 0; i < 2; i++) {
        int rc = CHUNK_DATA;
        while (rc == CHUNK_DATA) {
            struct span data, before = pieces[i];
            rc = chunk_read(&reader, &pieces[i], &data);
            CLAIM(rc != CHUNK_DATA || (data.len && lies_within(data, before)));
            CLAIM(rc != CHUNK_DATA || buffer_append(out, data) == 0);
        }
        if (rc == CHUNK_END)
            return (ptrdiff_t)((i ? cut : 0) + (i ? span_from(input, cut).len : cut) -
                               pieces[i].len);
        if (rc < 0)
            return -1;
    }
    return -1;
}

struct other {
    struct buffer body;
    bool complete;
};

static int take_body(llhttp_t *parser, const char *at, size_t len)
{
    struct other *other = parser->data;
    return buffer_append(&other->body, span_make(at, len)) < 0 ? -1 : 0;
}

static int take_end(llhttp_t *parser)
{
    ((struct other *)parser->data)->complete = true;
    return HPE_PAUSED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const llhttp_settings_t settings = {.on_body = take_body,
                                               .on_message_complete = take_end};
    AUTO_BUFFER body = BUFFER(1 << 22), again = BUFFER(1 << 22);
    if (size < 2)
        return 0;
    struct span input = span_make(data + 1, size - 1);
    ptrdiff_t end = read_all(input, data[0] % input.len, &body);
    CLAIM(end == read_all(input, input.len, &again));
    if (end < 0)
        return 0;
    CLAIM(span_equal(buffer_span(&body), buffer_span(&again)));
    struct other other = {.body = BUFFER(1 << 22)};
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &other;
    CLAIM(llhttp_execute(&parser, head, sizeof head - 1) == HPE_OK);
    llhttp_errno_t found = llhttp_execute(&parser, input.at, (size_t)end);
    CLAIM(found != HPE_OK && other.complete == (found == HPE_PAUSED));
    CLAIM(span_starts(buffer_span(&body), buffer_span(&other.body)));
    CLAIM(!other.complete || other.body.len == body.len);
    CLAIM(other.complete || span_find(span_first(input, (size_t)end), ';') >= 0);
    buffer_free(&other.body);
    return 0;
}
