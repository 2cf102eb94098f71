/* Signatures; see signature.h. */
#include "box/signature.h"

#include <string.h>

#define RUN 3

static unsigned bit_of(uint32_t run, unsigned bits)
{
    return (unsigned)((uint64_t)(run * 0x9e3779b1u) * bits >> 32);
}

static uint32_t run_at(struct span text, size_t i)
{
    const unsigned char *at = (const unsigned char *)text.at + i;
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static void add(unsigned char *set, unsigned bits, struct span text)
{
    if (text.len < RUN)
        return;
    uint32_t run = run_at(text, 0) >> 8;
    for (size_t i = RUN - 1; i < text.len; i++) {
        run = (run << 8 | (unsigned char)text.at[i]) & 0xffffff;
        unsigned bit = bit_of(run, bits);
        set[bit / 8] |= (unsigned char)(1u << bit % 8);
    }
}

void signature_make(const struct search_form *form, struct signature *ret_signature)
{
    struct signature *s = ret_signature;
    memset(s, 0, sizeof *s);
    add(s->bits, SIGNATURE_LETTER, buffer_span(&form->header));
    add(s->bits, SIGNATURE_LETTER, buffer_span(&form->parts));
    add(s->bits, SIGNATURE_LETTER, buffer_span(&form->text));
    add(s->bits + SIGNATURE_LETTER / 8, SIGNATURE_HEADER, buffer_span(&form->header));
}

size_t signature_ask(struct span text, bool in_header, uint16_t ret_bits[SIGNATURE_ASKED])
{
    unsigned bits = in_header ? SIGNATURE_HEADER : SIGNATURE_LETTER;
    size_t runs = text.len < RUN ? 0 : text.len - RUN + 1, count = 0;
    size_t asked = runs < SIGNATURE_ASKED ? runs : SIGNATURE_ASKED;
    for (size_t i = 0; i < asked; i++) { /* spread over the text */
        uint32_t run = run_at(text, i * runs / asked);
        uint16_t bit = (uint16_t)(bit_of(run, bits) + (in_header ? SIGNATURE_LETTER : 0));
        bool again = false;
        for (size_t k = 0; k < count; k++)
            again |= ret_bits[k] == bit;
        if (!again)
            ret_bits[count++] = bit;
    }
    return count;
}
