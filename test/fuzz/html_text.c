/* Text made from HTML: well-formed, lines end with CRLF and not with a blank, tokens are the whole.
 */
#include "fuzz.h"

#include "base/buffer.h"
#include "base/utf8.h"
#include "mail/html.h"
#include "mail/html_text.h"

static void claim_tokens(struct span html)
{
    struct span rest = html, attributes, name, value;
    struct html_token token;
    size_t len = 0;
    while (html_next(&rest, &token)) {
        CLAIM(token.raw.len && token.raw.at == html.at + len);
        CLAIM(lies_within(token.name, token.raw) && lies_within(token.attributes, token.raw));
        attributes = token.attributes;
        while (html_next_attribute(&attributes, &name, &value))
            CLAIM(name.len && lies_within(name, token.raw) && lies_within(value, token.raw));
        len += token.raw.len;
    }
    CLAIM(len == html.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span html = span_make(data, size), line;
    for (size_t cap = 64; cap <= 1 << 20; cap <<= 14) {
        AUTO_BUFFER out = BUFFER(cap);
        CLAIM(html_text(html, &out) == 0 && out.len <= cap);
        struct span text = buffer_span(&out);
        CLAIM(utf8_is_text(text));
        CLAIM(text.len == 0 || (text.at[text.len - 1] == '\n' && text.len > 2));
        while (span_cut(&text, '\n', &line)) {
            CLAIM(line.len && line.at[line.len - 1] == '\r');
            line.len--;
            CLAIM(span_find(line, '\r') < 0);
            CLAIM(line.len == 0 || line.at[line.len - 1] != ' ');
        }
    }
    claim_tokens(html);
    return 0;
}
