/*
 * The signature of a letter: a set of bits that says which texts are surely not in it.
 *
 * Pure. Each run of three bytes of the letter's search form (mail/search_form.h) sets a bit; a text
 * of which one run of three finds its bit clear is not there. A set bit proves nothing. The first
 * bits are of the whole letter, the others of its own header alone. Whoever changes what is hashed,
 * or the search form, gives SIGNATURE_VERSION the next number.
 */
#ifndef BOX_SIGNATURE_H
#define BOX_SIGNATURE_H

#include "mail/search_form.h"

#define SIGNATURE_VERSION 1
#define SIGNATURE_LETTER  12288 /* bits: an eighth is set in a letter of 5 KiB */
#define SIGNATURE_HEADER  3072
#define SIGNATURE_BITS    (SIGNATURE_LETTER + SIGNATURE_HEADER)
#define SIGNATURE_BYTES   (SIGNATURE_BITS / 8)

struct signature {
    unsigned char bits[SIGNATURE_BYTES];
};
void signature_make(const struct search_form *form, struct signature *ret_signature);

static inline bool signature_has(const unsigned char *bits, unsigned bit)
{
    return bits[bit / 8] >> bit % 8 & 1;
}

/* Bits that are set in every letter (or header) that holds the text: up to SIGNATURE_ASKED, none
 * for a text that is too short to say. */
#define SIGNATURE_ASKED 12
size_t signature_ask(struct span text, bool in_header, uint16_t ret_bits[SIGNATURE_ASKED]);

#endif
