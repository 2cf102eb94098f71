/* Letters read back: always text, and within the cap. */
#include "fuzz.h"
#include <errno.h>

#include "base/utf8.h"
#include "mail/decode.h"

#define CAP 100000

static void check(int rc, const struct buffer *out, bool text)
{
    CLAIM(rc >= 0 || rc == -ENOBUFS);
    CLAIM(out->len <= CAP && (!text || rc < 0 || utf8_is_text(buffer_span(out))));
    for (size_t i = 0; text && rc >= 0 && i < out->len; i++)
        CLAIM((unsigned char)out->at[i] >= 32);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const charsets[] = {
        "", "utf-8", "iso-8859-1", "shift_jis", "iso-2022-jp", "windows-1252", "gb18030", "utf-16"};
    AUTO_BUFFER words = BUFFER(CAP), parameter = BUFFER(CAP), quoted = BUFFER(CAP),
                base64 = BUFFER(CAP), charset = BUFFER(CAP);
    struct span bytes = span_make(data, size);
    check(decode_words(bytes, &words), &words, true);
    check(decode_parameter(bytes, SPAN("name"), &parameter), &parameter, true);
    check(decode_transfer(SPAN("quoted-printable"), bytes, &quoted), &quoted, false);
    check(decode_transfer(SPAN("base64"), bytes, &base64), &base64, false);
    CLAIM(quoted.len <= size && base64.len <= size);
    int rc = decode_charset(span_of(charsets[size % 8]), bytes, &charset);
    CLAIM(rc == -ENOBUFS || (rc == 0 && utf8_is_text(buffer_span(&charset))));
    CLAIM(!decode_is_plain(span_of(charsets[size % 8]), bytes) || rc < 0 ||
          span_equal(buffer_span(&charset), bytes));
    CLAIM(!decode_is_simple(bytes) || words.len <= size);
    return 0;
}
