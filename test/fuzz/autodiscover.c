/* Outlook's question: what is taken is UTF-8 and not blank, and is escaped into XML again. */
#include "fuzz.h"

#include "autoconfig/outlook_request.h"
#include "autoconfig/xml.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA arena = ARENA(64 * 1024);
    AUTO_BUFFER out = BUFFER(64 * 1024);
    struct outlook_request request;
    struct xml x = xml_start(&out);
    if (outlook_parse_request(span_make(data, size), &arena, &request) < 0)
        return 0;
    CLAIM(request.address.len > 0);
    CLAIM(utf8_is_text(request.address) && utf8_is_text(request.schema));
    xml_text(&x, request.address);
    CLAIM(xml_end(&x) == 0);
    CLAIM(span_find(buffer_span(&out), '<') < 0 && span_find(buffer_span(&out), '"') < 0);
    return 0;
}
