/* Words of errors: one line that begins with the place. */
#ifndef TEMPLATE_ERROR_INTERNAL_H
#define TEMPLATE_ERROR_INTERNAL_H

#include "template/template.h"

/* Fills the error, which may be NULL, and returns the code. Line 0: there is no place. */
int template_fail(struct template_error *error, int code, uint32_t line, uint32_t column,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
