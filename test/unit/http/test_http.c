/* The HTTP room's pure parts: heads, chunks, gzip, routes, forms, JSON. */
#include "suite.h"

int main(void)
{
    return head_tests() + chunk_tests() + route_tests() + form_tests() + json_tests();
}
