/* The names of the helpers, and whose they are. */
#include "template/program_internal.h"

enum helper helper_named(struct span name, unsigned helpers)
{
    static const struct {
        const char *name;
        enum helper helper;
        unsigned whose; /* 0: Handlebars' own */
    } all[] = {
        {"if", HELPER_IF, 0},
        {"unless", HELPER_UNLESS, 0},
        {"each", HELPER_EACH, 0},
        {"with", HELPER_WITH, 0},
        {"lookup", HELPER_LOOKUP, 0},
        {"log", HELPER_LOG, 0},
        {"helperMissing", HELPER_HOOK, 0},
        {"blockHelperMissing", HELPER_HOOK, 0},
        {"equals", HELPER_EQUALS, TEMPLATE_SENDGRID},
        {"notEquals", HELPER_NOT_EQUALS, TEMPLATE_SENDGRID},
        {"greaterThan", HELPER_GREATER_THAN, TEMPLATE_SENDGRID},
        {"lessThan", HELPER_LESS_THAN, TEMPLATE_SENDGRID},
        {"and", HELPER_AND, TEMPLATE_SENDGRID},
        {"or", HELPER_OR, TEMPLATE_SENDGRID},
        {"length", HELPER_LENGTH, TEMPLATE_SENDGRID},
        {"insert", HELPER_INSERT, TEMPLATE_SENDGRID},
        {"formatDate", HELPER_FORMAT_DATE, TEMPLATE_SENDGRID},
        {"equal", HELPER_EQUAL, TEMPLATE_MAILGUN},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if ((all[i].whose == 0 || (all[i].whose & helpers)) &&
            span_equal(name, span_of(all[i].name)))
            return all[i].helper;
    return HELPER_MISSING;
}
