/* The program's first function; everything it can do is found in ctl/ctl.c. */
#include "ctl/ctl.h"

int main(int argc, char **argv)
{
    return ctl_main(argc, argv);
}
