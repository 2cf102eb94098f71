/* A urlencoded form: what is taken is UTF-8 without NUL, and no longer than it was. */
#include "fuzz.h"

#include "base/utf8.h"
#include "http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA arena = ARENA((1 << 20) + 2 * size);
    struct span body = span_make(data, size);
    struct form form;
    if (form_parse(SPAN("application/x-www-form-urlencoded"), body, &arena, &form) < 0)
        return 0;
    size_t len = 0;
    CLAIM(form.count <= FORM_FIELDS_MAX);
    for (size_t i = 0; i < form.count; i++) {
        CLAIM(utf8_is_text(form.fields[i].name) && utf8_is_text(form.fields[i].value));
        len += form.fields[i].name.len + form.fields[i].value.len;
    }
    CLAIM(len <= size);
    return 0;
}
