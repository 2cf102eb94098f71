/* Header fields, and the scan for the blank line in two pieces. */
#include "fuzz.h"

#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span letter = span_make(data, size), rest = letter;
    struct header_field field;
    struct header_scan whole = {0}, cut = {0};
    size_t count = 0;
    while (header_next(&rest, &field)) {
        AUTO_BUFFER line = BUFFER(1 << 22);
        CLAIM(field.name.len && lies_within(field.name, field.raw));
        CLAIM(lies_within(field.body, field.raw) && lies_within(field.raw, letter));
        CLAIM(header_unfold(field.body, &line) == 0);
        CLAIM(span_find(buffer_span(&line), '\n') < 0);
        CLAIM(header_count(field.raw, field.name) == 1);
        count++;
    }
    CLAIM(header_length(letter) + rest.len == letter.len);
    CLAIM(count == 0 || header_length(letter) > 0);
    size_t half = size / 2;
    ptrdiff_t at = header_scan(&whole, letter), first = header_scan(&cut, span_first(letter, half));
    if (first < 0) {
        ptrdiff_t second = header_scan(&cut, span_from(letter, half));
        first = second < 0 ? second : second + (ptrdiff_t)half;
    }
    CLAIM(at == first);
    return 0;
}
