/* Transfer encodings in pieces: however they are cut, the same bytes, and the size they count. The
 * first byte says the encoding, the second the length of pieces. */
#include "fuzz.h"

#include "mail/section.h"

static void decode(enum structure_encoding encoding, struct span text, size_t piece,
                   struct buffer *out)
{
    struct section_decoder d, sizes;
    CLAIM(section_decode_begin(&d, encoding) == 0 && section_decode_begin(&sizes, encoding) == 0);
    for (; text.len; text = span_from(text, piece)) {
        CLAIM(section_decode(&d, span_first(text, piece), out) == 0);
        CLAIM(section_decode(&sizes, span_first(text, piece), NULL) == 0);
    }
    CLAIM(section_decode_end(&d, out) == 0 && section_decode_end(&sizes, NULL) == 0);
    CLAIM(d.size == out->len && sizes.size == out->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct span text = span_make(data + 2, size - 2);
    enum structure_encoding encoding = data[0] % STRUCTURE_UNKNOWN;
    AUTO_BUFFER whole = BUFFER(size + 200), pieces = BUFFER(size + 200);
    decode(encoding, text, text.len ? text.len : 1, &whole);
    decode(encoding, text, data[1] % 32 + 1u, &pieces);
    CLAIM(span_equal(buffer_span(&whole), buffer_span(&pieces)));
    CLAIM(whole.len <= text.len);
    return 0;
}
