/* Modified UTF-7: what is taken comes back as it was, in both directions. */
#include "fuzz.h"

#include "base/utf8.h"
#include "mail/modified_utf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    AUTO_BUFFER other = BUFFER(size * 8 + 10), back = BUFFER(size * 8 + 10);
    if (modified_utf7_decode(text, &other) == 0) {
        CLAIM(utf8_is_text(buffer_span(&other)));
        CLAIM(modified_utf7_encode(buffer_span(&other), &back) == 0);
        CLAIM(span_equal(buffer_span(&back), text));
    }
    buffer_clear(&other);
    buffer_clear(&back);
    int rc = modified_utf7_encode(text, &other);
    CLAIM((rc == 0) == utf8_is_text(text));
    if (rc == 0) {
        CLAIM(utf8_is_ascii(buffer_span(&other)));
        CLAIM(modified_utf7_decode(buffer_span(&other), &back) == 0);
        CLAIM(span_equal(buffer_span(&back), text));
    }
    return 0;
}
