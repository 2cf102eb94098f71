/* The grammar of SMTP: command lines, replies, dots. */
#include "suite.h"

int main(void)
{
    return command_tests() + reply_tests() + dot_tests();
}
