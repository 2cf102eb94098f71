/* The store's suite, the same for both engines; see suite.h. */
#include "suite.h"

int main(void)
{
    int failed = migrate_tests() + row_tests() + job_tests() + room_tests();
    return on_postgres() ? failed + postgres_tests() : failed;
}
