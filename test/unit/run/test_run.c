/* The runtime: coroutines, scopes, lanes, listeners. Streams have a program of their own. */
#include "suite.h"

#include <string.h>

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], OVERFLOW_ARGUMENT))
        return overflow_a_stack();
    return co_tests() + scope_tests() + lane_tests() + listener_tests() + crowd_tests();
}
