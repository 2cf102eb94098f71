/* Letters in search form: what stands in it, a signature never denies, and it is UTF-8 but for what
 * separates its pieces. */
#include "fuzz.h"

#include "base/utf8.h"
#include "box/signature.h"
#include "mail/search_form.h"

static void check_utf8(const struct buffer *form)
{
    struct span rest = buffer_span(form), piece;
    while (span_cut(&rest, (char)0xff, &piece))
        CLAIM(piece.len == 0 || utf8_is_text(piece));
}

static void check_asked(const struct signature *s, struct span text, bool in_header)
{
    uint16_t bits[SIGNATURE_ASKED];
    size_t count = signature_ask(text, in_header, bits);
    for (size_t i = 0; i < count; i++)
        CLAIM(signature_has(s->bits, bits[i]));
}

/* Part by part it is found too, where it does not reach over a separator. */
static void check_parts(struct span letter, struct span needle)
{
    struct search_form form = SEARCH_FORM;
    if (span_find(needle, (char)0xff) >= 0)
        return;
    CLAIM(search_form_begin(letter, &form) == 0);
    CLAIM(search_form_find_text(letter, &form, needle) == 1);
    CLAIM(search_form_find(letter, &form, needle) == 1);
    search_form_free(&form);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span letter = span_make(data, size);
    struct search_form form = SEARCH_FORM;
    static struct signature s;
    CLAIM(search_form_header(letter, &form) == 0);
    CLAIM(search_form_body(letter, &form) == 0);
    check_utf8(&form.header);
    check_utf8(&form.parts);
    check_utf8(&form.text);
    signature_make(&form, &s);
    for (size_t at = 0; at < form.header.len; at += 7) {
        struct span needle = span_first(span_from(buffer_span(&form.header), at), at % 5 * 4);
        check_asked(&s, needle, true);
        CLAIM(search_form_has_in_header(&form, needle));
        CLAIM(search_form_may_have_in_header(letter, &form, needle));
    }
    for (size_t at = 0; at < form.text.len; at += 7) {
        struct span needle = span_first(span_from(buffer_span(&form.text), at), 20);
        check_asked(&s, needle, false);
        check_parts(letter, needle);
    }
    search_form_free(&form);
    return 0;
}
