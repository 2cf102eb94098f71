/* What a client sends compressed, in pieces however they are cut and with pauses between them: the
 * same bytes come out, never more at once than there is room. The first two bytes say how long
 * pieces and rooms are. What we pack, a piece after the other, unpacks to what it was. */
#include "fuzz.h"

#include "run/deflate.h"

#include <string.h>

#define MUCH ((size_t)1024 * 1024)

/* Up to the end, an error, or MUCH. */
static int unpack(struct span text, size_t piece, size_t room, bool rests, struct buffer *out)
{
    struct inflater *in;
    char bytes[4096];
    int count = 0;
    CLAIM(room <= sizeof bytes && inflater_open(&in) == 0);
    while (text.len && count >= 0 && out->len < MUCH) {
        struct span input = span_first(text, piece);
        text = span_from(text, input.len);
        do {
            count = inflater_read(in, &input, bytes, room);
            CLAIM(count <= (int)room && (count != 0 || input.len == 0));
            if (count > 0)
                CLAIM(buffer_append(out, span_make(bytes, (size_t)count)) == 0);
        } while (count > 0 && out->len < MUCH);
        if (rests)
            inflater_rest(in);
    }
    inflater_free(in);
    return out->len < MUCH && count < 0 ? count : 0;
}

static void check_packing(struct span text, size_t piece)
{
    AUTO_BUFFER packed = BUFFER(MUCH * 4), out = BUFFER(MUCH * 2);
    for (struct span rest = text; rest.len; rest = span_from(rest, span_first(rest, piece).len))
        CLAIM(deflate_pack(span_first(rest, piece), &packed) == 0);
    CLAIM(unpack(buffer_span(&packed), packed.len + 1, 4096, true, &out) == 0);
    CLAIM(out.len >= MUCH || span_equal(buffer_span(&out), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    AUTO_BUFFER whole = BUFFER(MUCH * 2), pieces = BUFFER(MUCH * 2);
    struct span text = span_make(data + 2, size - 2);
    int rc = unpack(text, text.len + 1, 4096, false, &whole);
    int again = unpack(text, data[0] + 1u, data[1] * 16u + 1u, true, &pieces);
    CLAIM(rc == again || whole.len >= MUCH || pieces.len >= MUCH);
    size_t len = whole.len < pieces.len ? whole.len : pieces.len;
    CLAIM(len == 0 || memcmp(whole.at, pieces.at, len) == 0);
    CLAIM(rc < 0 || whole.len == pieces.len || len >= MUCH);
    check_packing(text, data[1] * 64u + 1u);
    return 0;
}
