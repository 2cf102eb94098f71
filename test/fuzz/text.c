/* What readers are shown and searched by: base subjects, text without its case, previews. */
#include "fuzz.h"

#include "base/utf8.h"
#include "mail/base_subject.h"
#include "mail/casemap.h"
#include "mail/text.h"

static void check_subject(struct span text)
{
    AUTO_BUFFER out = BUFFER(BASE_SUBJECT_MAX), key = BUFFER(8 * CASEMAP_GROWTH * BASE_SUBJECT_MAX);
    AUTO_BUFFER expected = BUFFER(8 * CASEMAP_GROWTH * BASE_SUBJECT_MAX);
    bool reply, key_reply;
    CLAIM(base_subject(text, &out, &reply) == 0);
    CLAIM(base_subject_key(text, &key, &key_reply) == 0 && key_reply == reply);
    CLAIM(casemap_write(buffer_span(&out), &expected) == 0);
    CLAIM(span_equal(buffer_span(&key), buffer_span(&expected)));
    CLAIM(utf8_is_text(buffer_span(&out)) || out.len == 0);
}

static void check_case(struct span text)
{
    AUTO_BUFFER once = BUFFER(text.len * CASEMAP_GROWTH * 4 + 1);
    AUTO_BUFFER twice = BUFFER(text.len * CASEMAP_GROWTH * 4 + 1);
    CLAIM(casemap_write(text, &once) == 0);
    CLAIM(casemap_write(buffer_span(&once), &twice) == 0);
    CLAIM(span_equal(buffer_span(&once), buffer_span(&twice)));
}

static void check_preview(struct span letter)
{
    AUTO_BUFFER table = BUFFER(STRUCTURE_TABLE_MAX), structure = BUFFER(STRUCTURE_MAX);
    AUTO_BUFFER out = BUFFER(TEXT_PREVIEW_MAX);
    struct structure_part part;
    CLAIM(structure_make(letter, &table, &structure) > 0);
    int rc = text_find_preview(buffer_span(&table), &part);
    CLAIM(rc == 0 || rc == ERR_ABSENT);
    if (rc < 0)
        return;
    struct span header = span_first(span_from(letter, part.header), part.body - part.header);
    struct span body = span_first(span_from(letter, part.body), part.end - part.body);
    CLAIM(text_preview(&part, header, body, &out) == 0);
    CLAIM(out.len == 0 || utf8_is_text(buffer_span(&out)));
    for (size_t i = 0; i < out.len; i++)
        CLAIM((unsigned char)out.at[i] >= 32 && out.at[i] != 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    check_subject(text);
    check_case(text);
    check_preview(text);
    return 0;
}
