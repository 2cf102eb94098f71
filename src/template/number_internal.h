/* Numbers as JavaScript reads and prints them (ECMA-262 Number::toString, StringToNumber). Pure. */
#ifndef TEMPLATE_NUMBER_INTERNAL_H
#define TEMPLATE_NUMBER_INTERNAL_H

#include "base/span.h"

#define NUMBER_TEXT 32

struct span number_text(double number, char text[NUMBER_TEXT]);
double number_of(struct span text); /* NaN when it is not a number; 0 when blank */

#endif
