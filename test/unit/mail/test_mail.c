/* The letter: addresses, header fields, MIME parts, trace fields. */
#include "suite.h"

int main(void)
{
    return address_tests() + header_tests() + mime_tests() + trace_tests();
}
