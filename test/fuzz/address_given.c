/* Lists of addresses as programs give them: what is taken can be written, and read again. */
#include "fuzz.h"

#include "mail/address.h"

#include <errno.h>

static void claim_written(const struct mailbox *box)
{
    AUTO_ARENA arena = ARENA(1 << 16);
    AUTO_BUFFER text = BUFFER(2000);
    struct mailbox again;
    char folded[2][ADDRESS_DOMAIN_MAX + 1];
    CLAIM(address_check(box) == NULL);
    CLAIM(address_write(box, &text) == 0);
    CLAIM(address_parse_list(buffer_span(&text), &arena, &again, 1) == 1);
    CLAIM(span_equal(again.local, box->local));
    CLAIM(address_fold_domain(box->domain, folded[0]) == 0);
    CLAIM(address_fold_domain(again.domain, folded[1]) == 0);
    CLAIM(span_equal(span_of(folded[0]), span_of(folded[1])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA arena = ARENA(1 << 22);
    struct span text = span_make(data, size);
    struct address_fault fault = {0};
    struct mailbox boxes[8];
    int count = address_parse_given(text, &arena, boxes, 8, &fault);
    CLAIM(count >= 0 || count == ERR_SYNTAX || count == -E2BIG || count == -ENOMEM);
    if (count == ERR_SYNTAX || count == -E2BIG)
        CLAIM(fault.why && fault.offset < size && fault.item <= 8);
    for (int i = 0; i < count; i++)
        claim_written(&boxes[i]);
    return 0;
}
