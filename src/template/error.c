/* Words of errors; see error_internal.h. */
#include "template/error_internal.h"

#include <stdarg.h>
#include <stdio.h>

int template_fail(struct template_error *error, int code, uint32_t line, uint32_t column,
                  const char *format, ...)
{
    if (!error)
        return code;
    int used = 0;
    *error = (struct template_error){.line = line, .column = column, .variable = {"", 0}};
    if (line)
        used = snprintf(error->text, sizeof error->text, "line %u, column %u: ", line, column);
    va_list args;
    va_start(args, format);
    vsnprintf(error->text + used, sizeof error->text - (size_t)used, format, args);
    va_end(args);
    return code;
}
