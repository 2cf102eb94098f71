/* Mapped stacks with guards; see stack.h. */
#include "run/stack.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* -1: not yet tried; 0: this kernel has no light guards; 1: it has. */
static atomic_int light_guards = -1;

void stack_force_guard(int how)
{
    atomic_store(&light_guards, how);
}

static int guard_install(char *base)
{
    if (atomic_load(&light_guards) != 0) {
        if (madvise(base, STACK_GUARD, MADV_GUARD_INSTALL) == 0) {
            atomic_store(&light_guards, 1);
            return 0;
        }
        if (errno != EINVAL)
            return -ENOMEM;
        atomic_store(&light_guards, 0);
    }
    return mprotect(base, STACK_GUARD, PROT_NONE) == 0 ? 0 : -ENOMEM;
}

int stack_map(char **ret_bottom)
{
    char *base = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (base == MAP_FAILED)
        return -ENOMEM;
    /* a huge page behind a stack would turn 8 KiB into 2 MiB */
    madvise(base, STACK_SIZE, MADV_NOHUGEPAGE);
    int rc = guard_install(base);
    if (rc < 0) {
        munmap(base, STACK_SIZE);
        return rc;
    }
    *ret_bottom = base + STACK_GUARD;
    return 0;
}

void stack_unmap(char *bottom)
{
    munmap(bottom - STACK_GUARD, STACK_SIZE);
}

void stack_trim(char *bottom, const char *used)
{
    size_t size = (size_t)(used - bottom) & ~(size_t)4095;
    if (size)
        madvise(bottom, size, MADV_DONTNEED);
}
