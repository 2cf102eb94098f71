/*
 * A writer of XML 1.0 (and of HTML, which takes the same): markup of ours as it is, everything from
 * outside escaped. Pure.
 *
 * The first error sticks: the others do nothing, and xml_end() gives it.
 */
#ifndef AUTOCONFIG_XML_H
#define AUTOCONFIG_XML_H

#include "base/buffer.h"

struct xml {
    struct buffer *out;
    int error; /* 0 */
};
static inline struct xml xml_start(struct buffer *out)
{
    return (struct xml){.out = out};
}
must_check static inline int xml_end(const struct xml *x)
{
    return x->error;
}

void xml_markup(struct xml *x, const char *markup);
/* For content and for attributes in double quotes. What is no character of XML 1.0 (2.2), or no
 * UTF-8, becomes U+FFFD. */
void xml_text(struct xml *x, struct span text);
/* <name>text</name> and a line end. */
void xml_element(struct xml *x, const char *name, struct span text);
void xml_element_uint(struct xml *x, const char *name, uint64_t value);

#endif
