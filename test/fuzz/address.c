/* Address lists and their folding. */
#include "fuzz.h"

#include "mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = span_make(data, size), local, domain;
    char text[ADDRESS_TEXT_MAX], again[ADDRESS_TEXT_MAX];
    struct mailbox list[50];
    AUTO_ARENA arena = ARENA(1 << 20);
    int count = address_parse_list(body, &arena, list, 50);
    CLAIM(count <= 50);
    for (int i = 0; i < count; i++) {
        CLAIM(list[i].name.at && list[i].local.at && list[i].domain.at);
        if (address_fold(list[i].local, list[i].domain, text) != 0)
            continue;
        CLAIM(address_split(span_of(text), &local, &domain)); /* the folded form is stable */
        CLAIM(address_fold(local, domain, again) == 0);
        CLAIM(span_equal(span_of(text), span_of(again)));
    }
    if (address_fold_domain(body, text) == 0) {
        CLAIM(address_fold_domain(span_of(text), again) == 0);
        CLAIM(span_equal(span_of(text), span_of(again)));
    }
    return 0;
}
