/* Letters of clients: line ends in two pieces as in one, no Bcc is left, every other field is. */
#include "fuzz.h"

#include "mail/edit.h"
#include "mail/header.h"

static int normalise(struct span letter, size_t cut, struct buffer *out)
{
    struct edit_lines lines = {0};
    int rc = edit_lines(&lines, span_first(letter, cut), out);
    if (rc == 0)
        rc = edit_lines(&lines, span_from(letter, cut), out);
    return rc < 0 ? rc : edit_lines_end(&lines);
}

static bool is_blind(struct span name)
{
    return span_equal_nocase(name, SPAN("bcc")) || span_equal_nocase(name, SPAN("resent-bcc"));
}

static void claim_header(struct span header)
{
    const struct edit edit = {7, "mail.example.test", 0};
    AUTO_BUFFER out = BUFFER(1 << 24), twice = BUFFER(1 << 24);
    int rc = edit_header(header, &edit, &out);
    CLAIM(rc == 0 || (rc == ERR_SYNTAX && out.len == 0));
    if (rc < 0)
        return;
    struct span edited = buffer_span(&out);
    struct header_field field, kept;
    CLAIM(header_count(edited, SPAN("Bcc")) == 0);
    CLAIM(header_count(edited, SPAN("Date")) && header_count(edited, SPAN("MIME-Version")));
    while (edited.len && header_count(edited, SPAN("Message-ID")) && header_next(&header, &field)) {
        if (is_blind(field.name))
            continue;
        do /* what was added stands before it */
            CLAIM(header_next(&edited, &kept));
        while (!span_equal(kept.raw, field.raw));
    }
    CLAIM(edit_header(buffer_span(&out), &edit, &twice) == 0);
    CLAIM(span_equal(buffer_span(&twice), buffer_span(&out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUFFER whole = BUFFER(1 << 24), cut = BUFFER(1 << 24);
    struct span letter = span_make(data, size);
    int rc = normalise(letter, 0, &whole);
    CLAIM(normalise(letter, size / 2, &cut) == rc);
    claim_header(letter);
    if (rc < 0)
        return 0;
    CLAIM(span_equal(buffer_span(&whole), buffer_span(&cut)));
    for (size_t i = 0; i < whole.len; i++)
        CLAIM(whole.at[i] && (whole.at[i] != '\n' || (i && whole.at[i - 1] == '\r')) &&
              (whole.at[i] != '\r' || (i + 1 < whole.len && whole.at[i + 1] == '\n')));
    claim_header(span_first(buffer_span(&whole), header_length(buffer_span(&whole))));
    return 0;
}
