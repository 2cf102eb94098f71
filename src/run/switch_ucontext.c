/* The switch for processors without assembly: ucontext; see switch.h. */
#include "run/switch.h"

#include <stdlib.h>
#include <ucontext.h>

/* The context lives at the stack's bottom, far from where the stack is used. */
void *switch_prepare(void *bottom, size_t size, void (*entry)(void))
{
    ucontext_t *context = bottom;
    if (getcontext(context) < 0)
        abort();
    context->uc_stack.ss_sp = (char *)bottom + sizeof *context;
    context->uc_stack.ss_size = size - sizeof *context;
    context->uc_link = NULL;
    makecontext(context, entry, 0);
    return context;
}

void switch_stacks(void **save, void *load)
{
    ucontext_t here;
    *save = &here;
    if (swapcontext(&here, load) < 0)
        abort();
}
